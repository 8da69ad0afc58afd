"""Pictures of segments and movement: what is drawn is what the results hold."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from custval import InputError
from custval.plots import (
    plot_churn_rates,
    plot_cohorts,
    plot_deciles,
    plot_flows,
    plot_forecast,
    plot_hazards,
    plot_migration,
    plot_profile,
    plot_quadrants,
    plot_rfm,
    plot_stability,
    plot_tiers,
)
from custval.segments import (
    BehaviourClusters,
    Tiers,
    ValuePotential,
    base_forecast,
    churn_rates,
    cohort_retention,
    decile_table,
    migration_matrix,
    rfm,
    stability,
    stage_hazards,
)

mpl.use("Agg")
RNG = np.random.default_rng(1)
MOVES = migration_matrix(
    ["a", "a", "a", "b", "b", "b"], ["a", "b", "left", "a", "b", "left"], absorbing=["left"],
    sample_weight=[800, 150, 50, 60, 430, 10],
)  # fmt: skip


def words(axes):
    return [text.get_text() for text in axes.texts]


def test_moves_show_every_share_and_every_customer():
    axes = plot_migration(MOVES)
    assert len(words(axes)) == 6
    assert words(axes)[:3] == ["80.0%", "15.0%", "5.0%"]
    axes = plot_flows(MOVES)
    assert set(words(axes)) == {"a 1,000", "b 500", "a 860", "b 580", "left 60"}
    assert len(axes.patches) == 6
    assert axes.get_title(loc="left") == "Moves in a month: 4.0% leave"


def test_the_fan_of_the_forecast_holds_its_middle():
    ahead = base_forecast(MOVES, [700, 300], months=5, random_state=0)
    axes = plot_forecast(ahead)
    assert len(axes.collections) == 3
    assert words(axes) == [f"{ahead.base[-1]:,.0f}"]
    assert plot_forecast(ahead, state="b").get_title(loc="left") == "Customers ahead: b"
    with pytest.raises(InputError, match="state must be one of 'a', 'b', 'left'"):
        plot_forecast(ahead, state="c")


def test_cohorts_rates_and_hazards():
    axes = plot_cohorts(cohort_retention([1, 1, 2, 3], [2, None, 3, None], until=4))
    assert len(words(axes)) == 4 + 3 + 2
    table = {"opening": [100, 110], "joined": [20, 8], "exits_a": [10, 9], "exits_b": [0, 2]}
    rates = churn_rates(table)
    assert plot_churn_rates(rates).get_ylim()[0] == 0
    assert len(words(plot_churn_rates(rates, "by_cause"))) == 2
    for rate in ("average_rate", "annual_rate", "net_rate"):
        plot_churn_rates(rates, rate)
    with pytest.raises(InputError, match="one month is a number, not a line"):
        plot_churn_rates(churn_rates(table, pooled=True))
    found = stage_hazards(["a", "b"], [1, 3], at_risk=[50, 60], names=("a", "b", "none"))
    assert len(words(plot_hazards(found))) == 2


def test_shares():
    money = RNG.lognormal(3, 1, 200)
    assert len(plot_deciles(decile_table(money)).patches) == 10
    model = Tiers().fit(money[:, None])
    assert len(plot_tiers(model.table(money[:, None])).patches) == 10
    assert len(plot_stability(stability(money, money)).patches) == 20
    scores = rfm(np.column_stack([RNG.integers(0, 9, 200), RNG.poisson(3, 200), money]))
    shown = [float(text.rstrip("%")) for text in words(plot_rfm(scores))]
    assert sum(shown) == pytest.approx(100, abs=1.5)


def test_profiles_and_axes_of_ones_own():
    from matplotlib.figure import Figure

    table = {"data_mb": np.r_[RNG.normal(9, 1, 30), RNG.normal(1, 1, 30)], "plan": ["a"] * 30 + ["b"] * 30}
    profile = BehaviourClusters(n_clusters=2, random_state=0).fit(table).profile(table)
    mine = Figure().add_subplot()
    assert plot_profile(profile, ax=mine) is mine
    assert len(words(mine)) == 6


def test_a_cube_has_no_flat_picture():
    cube = RNG.random((50, 3))
    model = ValuePotential(axes=(0, 1, 2)).fit(cube)
    with pytest.raises(InputError, match="a cube of value, potential and loyalty has no flat picture"):
        plot_quadrants(model, X=cube)


def test_tenths_with_losses_are_inside_the_picture():
    table = decile_table([60.0, 30.0, 20.0, -10.0, -40.0], groups=5)
    low, high = plot_deciles(table).get_ylim()
    assert low < table.share_of_value.min() < 0
    assert high > table.cumulative_share.max() > 1
