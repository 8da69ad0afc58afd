from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.metrics import calibration
from custval.plots import (
    plot_calibration,
    plot_incidence,
    plot_lorenz,
    plot_quadrants,
    plot_rules,
    plot_survival,
    plot_value,
)
from custval.segments import lorenz_curve
from custval.survival import aalen_johansen, kaplan_meier, survival_target

figure = pytest.importorskip("matplotlib.figure")


@pytest.fixture
def y() -> Any:
    rng = np.random.default_rng(3)
    left = np.ceil(rng.exponential(20, 400))
    cause = rng.choice([1, 2], 400, p=[0.7, 0.3])
    return survival_target(np.minimum(left, 36), np.where(left <= 36, cause, 0), causes=["voluntary", "debt"])


@pytest.fixture
def points() -> Any:
    rng = np.random.default_rng(4)
    current, potential = rng.gamma(2, 50, 500), rng.gamma(2, 9, 500)
    return SimpleNamespace(
        current=current,
        potential=potential,
        quadrant=2 * (current < 80) + (potential < 15),
        names=("A", "B", "C", "D"),
        cut_current=80.0,
        cut_potential=15.0,
        label_current="Current value",
        label_potential="Potential value",
    )


@pytest.fixture
def rules() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "antecedent": ["fibre", ("tv", "fibre"), "mobile"],
            "consequent": ["tv", "sport", "fibre"],
            "support": [0.2, 0.1, 0.3],
            "confidence": [0.6, 0.5, 0.4],
            "lift": [1.5, 3.0, 0.8],
        }
    )


def every_plot(y: Any, points: Any, rules: pd.DataFrame, ax: Any = None) -> list[Any]:
    summary = SimpleNamespace(sample=points.current, currency="$")
    return [
        plot_survival(kaplan_meier(y), ax=ax),
        plot_incidence(aalen_johansen(y), ax=ax),
        plot_lorenz(lorenz_curve(points.current), ax=ax),
        plot_quadrants(points, ax=ax),
        plot_value(summary, ax=ax),
        plot_rules(rules, ax=ax),
        plot_calibration(forecast_against_truth(), ax=ax),
    ]


def forecast_against_truth() -> Any:
    rng = np.random.default_rng(6)
    risk = rng.uniform(0.02, 0.6, 800)
    months = np.where(rng.random(800) < risk, 3.0, 9.0)
    return calibration((months, np.ones(800)), risk, horizon=6.0, groups=5)


def test_each_picture_draws_without_pyplot(y: Any, points: Any, rules: pd.DataFrame, tmp_path: Any) -> None:
    before = "matplotlib.pyplot" in sys.modules
    for place, axes in enumerate(every_plot(y, points, rules)):
        target = tmp_path / f"{place}.png"
        axes.figure.savefig(target)
        assert target.stat().st_size > 5_000
        assert axes.get_title(loc="left")
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_each_picture_draws_where_it_is_told(y: Any, points: Any, rules: pd.DataFrame) -> None:
    canvas = figure.Figure()
    for place in range(7):
        ax = canvas.add_subplot(3, 3, place + 1)
        assert every_plot(y, points, rules, ax)[place] is ax


def test_a_calibration_shows_groups_curve_and_diagonal() -> None:
    found = forecast_against_truth()
    axes = plot_calibration(found)
    curve, groups, diagonal = axes.get_lines()
    assert curve.get_xdata().tolist() == sorted(found.curve.predicted.tolist())
    assert groups.get_ydata().tolist() == found.observed.tolist()
    assert diagonal.get_xdata().tolist() == diagonal.get_ydata().tolist()
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[1] >= found.upper.max()


def test_the_steps_drawn_are_the_curve(y: Any) -> None:
    curve = kaplan_meier(y)
    line = plot_survival(curve).get_lines()[0]
    assert line.get_drawstyle() == "steps-post"
    assert line.get_xdata().tolist() == [0, *curve.times.tolist()]
    assert line.get_ydata().tolist() == [1, *curve.survival.tolist()]


@pytest.mark.parametrize("stacked", [False, True])
def test_curves_of_those_who_stayed_leave_the_time_before_out(y: Any, stacked: bool) -> None:
    late = y[y["duration"] > 9].copy()
    late["entry"] = 9
    whole = plot_survival(kaplan_meier(late), begin=9)
    parts = plot_incidence(aalen_johansen(late), begin=9, stacked=stacked)
    for axes in (whole, parts):
        assert axes.get_xlim() == (9, 36)
        assert axes.get_xlabel() == "Months since joining, from 9 on"
        assert axes.get_title(loc="left").endswith(", of those who stayed 9 months")
    assert whole.get_lines()[0].get_xdata()[0] == 9
    assert whole.get_lines()[0].get_ydata()[0] == 1


@pytest.mark.parametrize(("begin", "words"), [(-1, "begin must be >= 0"), (36, "before the curves' last time, 36")])
def test_a_start_outside_the_curves_is_refused(y: Any, begin: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plot_survival(kaplan_meier(y), begin=begin)


def test_groups_are_named_at_their_ends(y: Any) -> None:
    groups = np.where(np.arange(len(y)) % 2, "prepaid", "contract")
    axes = plot_survival(kaplan_meier(y, groups=groups))
    assert [text.get_text().split()[0] for text in axes.texts] == ["contract", "prepaid"]


def test_names_at_the_ends_do_not_touch() -> None:
    y = survival_target([10] * 40, [0] * 40)
    axes = plot_survival(kaplan_meier(y, groups=np.repeat(["a", "b", "c", "d"], 10)))
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert min(np.diff(heights)) >= 0.05


def test_stacked_causes_end_at_the_share_that_has_left(y: Any) -> None:
    curve = aalen_johansen(y)
    axes = plot_incidence(curve, stacked=True)
    top = axes.collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(1 - kaplan_meier(y).survival[-1])


def test_stacked_causes_of_several_groups_are_refused(y: Any) -> None:
    curves = aalen_johansen(y, groups=np.arange(len(y)) % 2)
    with pytest.raises(InputError, match="stacked causes show one group"):
        plot_incidence(curves, stacked=True)
    assert len(plot_incidence(curves).texts) == 4


def test_the_top_share_is_read_from_the_curve() -> None:
    axes = plot_lorenz(lorenz_curve(np.repeat([1.0, 9.0], [90, 10])), top=0.1)
    assert axes.texts[0].get_text() == "The top 10% hold 50.0%"
    with pytest.raises(InputError, match="top must be > 0 and < 1"):
        plot_lorenz(lorenz_curve([1.0, 2.0]), top=1)


def test_quadrants_say_heads_and_money(points: Any) -> None:
    table = pd.DataFrame(
        {
            "quadrant": ["A", "B"],
            "customers": [1200, 3],
            "share_of_customers": [0.5, 0.01],
            "lifetime_value": [2.5e6, 10.0],
            "share_of_value": [0.8, 0.001],
        }
    )
    texts = [text.get_text() for text in plot_quadrants(points, table, currency="$").texts]
    assert texts[0].replace("\xa0", " ") == "A\n1,200 customers (50.0%)\n$2.50 M (80.0%)"
    assert texts[3] == "D"


def test_rules_stand_in_order_of_lift(rules: pd.DataFrame) -> None:
    axes = plot_rules(rules, top=2)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tv, fibre → sport", "fibre → tv"]
    assert axes.texts[0].get_text().startswith("3.00")
    with pytest.raises(InputError, match="no rules to draw"):
        plot_rules(rules.head(0))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, y: Any) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'custval\[plots\]'"):
        plot_survival(kaplan_meier(y))


def test_nine_groups_are_nine_ways_of_drawing(y: Any) -> None:
    axes = plot_survival(kaplan_meier(y, groups=np.arange(400) % 9))
    drawn = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in axes.lines if len(line.get_xdata()) > 1}
    assert len(drawn) == 9
    assert len(axes.get_legend().get_texts()) == 9


def test_the_value_of_customers_is_drawn_from_a_lifetime_value_too() -> None:
    worth = SimpleNamespace(value=np.linspace(0.0, 400.0, 101), currency="$")
    assert [text.get_text() for text in plot_value(worth).texts] == ["Median $200", "Mean $200"]
    for wrong in (None, 3, SimpleNamespace(value=2.0)):
        with pytest.raises(InputError, match=r"plot_value needs values of customers: analysis\.value"):
            plot_value(wrong)


def test_the_words_of_a_rule_stand_on_a_ground_of_their_own() -> None:
    rules = pd.DataFrame(
        {"antecedent": ["a"], "consequent": ["b"], "support": [0.2], "confidence": [0.6], "lift": [0.98]}
    )
    words = plot_rules(rules).texts[0]
    assert words.get_bbox_patch().get_facecolor()[:3] == (1.0, 1.0, 1.0)


def test_quadrants_are_drawn_from_a_fitted_model_and_its_table() -> None:
    from custval.segments import ValuePotential

    axes = np.array([[40.0, 300.0], [35.0, 50.0], [8.0, 280.0], [6.0, 20.0]])
    model = ValuePotential().fit(axes)
    table = model.table(axes, lifetime_value=[900.0, 700.0, 300.0, 100.0], p_leave=[0.1] * 4)
    words = " ".join(text.get_text() for text in plot_quadrants(model, table, X=axes).texts)
    assert "1 customer" in words
    framed = plot_quadrants(
        ValuePotential().fit({"now": axes[:, 0], "later": axes[:, 1]}), X={"now": axes[:, 0], "later": axes[:, 1]}
    )
    assert "now" in framed.get_xlabel()
    with pytest.raises(InputError, match="a ValuePotential needs its customers"):
        plot_quadrants(model)
    with pytest.raises(InputError, match=r"points must be QuadrantPoints .* not ndarray"):
        plot_quadrants(axes)


def test_pictures_of_prepaid_customers() -> None:
    from custval.clv import ParetoNBD, frequency_histogram, holdout_check, purchase_tracking, silence_rules
    from custval.plots import (
        plot_frequency_histogram,
        plot_holdout_check,
        plot_purchase_tracking,
        plot_silence_rules,
    )

    model = ParetoNBD.from_params(r=1.0, alpha=4.0, s=1.0, beta=40.0)
    customers = [[20, 50, 60], [1, 30, 60], [3, 58, 60], [9, 20, 60]]
    bought = {"subscriber_id": [1, 1, 2, 2], "event_time": [0, 8 * 86400, 86400, 40 * 86400]}
    tracking = purchase_tracking(model, bought, end="1970-03-01", fitted_until="1970-02-01")
    axes = plot_purchase_tracking(tracking, cumulative=False)
    assert axes.get_title(loc="left") == "Repeat purchases by week"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), tracking.actual)
    assert any(text.get_text() == "forecast" for text in axes.texts)
    histogram = frequency_histogram(model, customers, most=3)
    bars = plot_frequency_histogram(histogram).patches
    np.testing.assert_allclose([bar.get_height() for bar in bars[:4]], histogram.actual)
    check = holdout_check(model, customers, [4, 0, 1, 0], horizon=10.0)
    assert len(plot_holdout_check(check).patches) == 2 * len(check.frequency)
    lines = plot_holdout_check(check, by="alive").lines
    np.testing.assert_array_equal(lines[0].get_ydata(), check.active)
    with pytest.raises(InputError, match="by must be one of"):
        plot_holdout_check(check, by="age")
    rules = silence_rules(model, customers, [True, False, False, True], silence=[9.0, 20.0])
    heights = [bar.get_height() for bar in plot_silence_rules(rules, unit="week").patches]
    np.testing.assert_allclose(heights, [*rules.found_by_silence, *rules.found_by_model])
