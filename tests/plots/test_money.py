"""Components as steps and payback by group: what is drawn, and what cannot be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from custval import InputError
from custval.clv import GeometricRetention, lifetime_value, payback_by_group
from custval.plots import plot_components, plot_payback


def test_the_steps_lead_to_the_total():
    model = GeometricRetention().fit([1000, 980, 960])
    worth = lifetime_value(
        model,
        np.zeros((4, 1)),
        margin={"revenue": 30.0, "cost_to_serve": 5.0},
        horizon=12,
        monthly_discount=0.01,
        loss_at_exit=20.0,
        tail="geometric",
    )
    axes = plot_components(worth)
    bars = axes.patches
    assert len(bars) == 5
    edges = [bar.get_x() + bar.get_width() for bar in bars]
    assert edges[3] == pytest.approx(worth.total)
    assert bars[4].get_width() == pytest.approx(worth.total)
    for before, after in itertools.pairwise(bars[:4]):
        assert after.get_x() == pytest.approx(before.get_x() + before.get_width())
    assert axes.get_title(loc="left") == "What 4 customers bring in 12 months and after"
    assert axes.get_xlim()[1] > worth.total_upper


def test_a_value_of_nothing_is_refused():
    worth = lifetime_value(
        GeometricRetention.from_params(theta=0.1), np.zeros((1, 1)), margin=0.0, horizon=3, monthly_discount=0.0
    )
    with pytest.raises(InputError, match="every component of this value is zero"):
        plot_components(worth)


def test_lines_cross_zero_where_the_table_says():
    survival = np.vstack([0.97 ** np.arange(1, 25), 0.80 ** np.arange(1, 25)])
    table = payback_by_group(survival, 20.0, ["shop", "web"], acquisition_cost=[100.0, 90.0])
    axes = plot_payback(table, currency="$")
    lines = [line for line in axes.lines if len(line.get_xdata()) == 25]
    for j, line in enumerate(lines):
        path = np.asarray(line.get_ydata())
        assert path[0] == -table.acquisition_cost[j]
        when = table.payback_months[j]
        if np.isfinite(when):
            assert path[int(when)] >= 0 > path[int(when) - 1]
    assert [text.get_text() for text in axes.texts][1] == "web: not within the horizon"
    many = payback_by_group(np.full((8, 3), 0.9), 1.0, np.arange(8), acquisition_cost=1.0)
    with pytest.raises(InputError, match="8 groups cannot be told apart"):
        plot_payback(many)
