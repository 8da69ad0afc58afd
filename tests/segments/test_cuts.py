"""Cuts by break-even, natural breaks and profit; the cube with loyalty; hysteresis; soft membership."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.retention import Offer, contact_profit
from custval.segments import ValuePotential, strategy_profit

RNG = np.random.default_rng(9)
AXES = np.column_stack([RNG.lognormal(3, 1, 80), RNG.lognormal(5, 1, 80)])
CUBE = np.column_stack([AXES, RNG.beta(8, 1, 80)])


def test_break_even_is_cost_over_gain():
    model = ValuePotential(cuts="break_even", cost=(12.0, 30.0), gain=(0.5, 0.1)).fit(AXES)
    np.testing.assert_allclose(model.cuts_, [24.0, 300.0])
    assert ValuePotential(cuts="break_even", cost=5.0).fit(AXES).cuts_.tolist() == [5.0, 5.0]


def test_natural_breaks_part_two_crowds():
    values = np.r_[RNG.normal(10, 1, 60), RNG.normal(90, 1, 20)]
    model = ValuePotential(cuts=("natural", "quantile")).fit(np.column_stack([values, values]))
    assert 15 < model.cuts_[0] <= values[values > 15].min()


def brute_profit(axes, profit, weight):
    best = -np.inf
    columns = [np.append(np.unique(axes[:, j]), axes[:, j].max() + 1) for j in range(axes.shape[1])]
    for cuts in product(*columns):
        low = axes < np.array(cuts)
        code = (low * 2 ** np.arange(axes.shape[1])[::-1]).sum(axis=1)
        best = max(best, (weight * profit[np.arange(len(axes)), code]).sum())
    return best


@pytest.mark.parametrize("axes", [AXES[:30], CUBE[:12]])
def test_no_cuts_earn_more(axes):
    count = 2 ** axes.shape[1]
    for seed in range(4):
        rng = np.random.default_rng(seed)
        profit = rng.normal(0, 10, (len(axes), count))
        weight = rng.integers(0, 3, len(axes)).astype(float)
        model = ValuePotential(cuts="profit", axes=range(axes.shape[1])).fit(axes, profit=profit, sample_weight=weight)
        earned = (weight * profit[np.arange(len(axes)), model.predict(axes)]).sum()
        assert model.profit_ == pytest.approx(earned)
        assert model.profit_ == pytest.approx(brute_profit(axes, profit, weight))


def test_many_distinct_values_come_close_to_the_best():
    rng = np.random.default_rng(3)
    axes = rng.lognormal(3, 1, (4000, 2))
    profit = np.column_stack([axes[:, 0] - 30, np.zeros(4000), np.zeros(4000), np.zeros(4000)])
    profit[:, 1] = profit[:, 0]  # the first axis alone decides: treat who brings more than 30
    model = ValuePotential(cuts="profit").fit(axes, profit=profit)
    assert model.cuts_[0] == pytest.approx(30, rel=0.03)
    assert model.profit_ >= 0.999 * np.maximum(profit[:, 0], 0).sum()


def test_profit_of_strategies_is_that_of_the_contact():
    p, value = RNG.beta(1, 6, 50), RNG.lognormal(5, 1, 50)
    offer = Offer("renewal", 20.0, save_rate=0.3)
    profit = strategy_profit(p, value, [offer, None, offer, None], contact_cost=2.0)
    expected = contact_profit(p, value, save_rate=0.3, offer_cost=20.0, contact_cost=2.0)
    np.testing.assert_array_equal(profit[:, 0], expected)
    assert not profit[:, [1, 3]].any()
    with pytest.raises(InputError, match=r"offer of quadrant 1 has no save_rate"):
        strategy_profit(p, value, [offer, Offer("unknown"), None, None])


def test_the_cube_of_value_potential_and_loyalty():
    model = ValuePotential(axes=(0, 1, 2), cuts=("quantile", "quantile", "money"), money=0.9).fit(CUBE)
    low = model.cuts_ > CUBE
    np.testing.assert_array_equal(model.predict(CUBE), 4 * low[:, 0] + 2 * low[:, 1] + low[:, 2])
    assert model.names_[0] == "high/high/high"
    assert len(set(model.strategies_)) == 8
    table = model.table(CUBE, lifetime_value=AXES[:, 1], p_leave=1 - CUBE[:, 2])
    assert len(table.customers) == 8
    filled = [q for q in range(8) if table.customers[q]]
    for q in filled:
        assert table.mean_loyalty[q] == pytest.approx(CUBE[model.predict(CUBE) == q, 2].mean())
    assert "mean_loyalty" in table.to_frame()
    with pytest.raises(InputError, match=r"names must be eight texts"):
        ValuePotential(axes=(0, 1, 2), names=("a", "b", "c", "d")).fit(CUBE)


def test_hysteresis_moves_only_those_clearly_beyond_the_cut():
    model = ValuePotential(cuts="money", money=(20.0, 100.0), hysteresis=0.1, band=(1.0, 0.0)).fit(AXES)
    np.testing.assert_allclose(model.bands_, [3.0, 10.0])
    now = [[17.5, 95.0], [16.9, 95.0], [22.9, 105.0], [23.0, 110.0], [20.0, 100.0]]
    assert model.rescore(now, [0, 0, 3, 3, -1]).tolist() == [0, 2, 3, 0, 0]
    np.testing.assert_array_equal(model.rescore(AXES, np.full(80, -1)), model.predict(AXES))
    first = model.rescore(AXES, RNG.integers(-1, 4, 80))
    np.testing.assert_array_equal(model.rescore(AXES, first), first)
    with pytest.raises(InputError, match=r"previous must be a code from 0 to 3, or -1 .*\(first: row 1, value 4\)"):
        model.rescore(AXES[:2], [0, 4])
    with pytest.raises(InputError, match="previous has 1 rows but X has 2"):
        model.rescore(AXES[:2], [0])


def test_soft_membership_is_what_simulation_finds():
    model = ValuePotential(cuts="money", money=(20.0, 150.0)).fit(AXES)
    error = np.column_stack([np.full(3, 4.0), [0.0, 30.0, 80.0]])
    found = model.membership(AXES[:3], error)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    rng = np.random.default_rng(1)
    for i in range(3):
        drawn = model.predict(AXES[i] + error[i] * rng.normal(size=(40_000, 2)))
        np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 40_000, found[i], atol=0.01)
    sure = model.membership(AXES, [0.0, 0.0])
    np.testing.assert_array_equal(sure.argmax(axis=1), model.predict(AXES))
    assert set(np.unique(sure)) == {0.0, 1.0}
    at_the_cut = model.membership([[20.0, 150.0]], [0.0, 0.0])
    assert at_the_cut.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    with pytest.raises(InputError, match=r"std_error must have shape \(2,\) or \(3, 2\)"):
        model.membership(AXES[:3], [1.0, 1.0, 1.0])
    with pytest.raises(InputError, match="std_error must be >= 0"):
        model.membership(AXES[:3], [1.0, -1.0])


def test_the_table_by_cause_adds_up():
    model = ValuePotential().fit(AXES)
    chance = RNG.dirichlet([1, 1, 8], 80)[:, :2]
    worth = AXES[:, 1]
    table = model.table(AXES, lifetime_value=worth, p_leave=chance, causes=["voluntary", "debt"])
    whole = model.table(AXES, lifetime_value=worth, p_leave=chance.sum(axis=1))
    np.testing.assert_allclose(table.value_at_risk_by_cause.sum(axis=0), whole.value_at_risk)
    np.testing.assert_allclose(np.sum(table.p_leave_by_cause, axis=0), whole.mean_p_leave)
    long = table.by_cause()
    assert long.shape == (8, 8)
    assert (long["p_leave_lower"] < long["p_leave"]).all()
    assert "p_leave_debt" in table.to_frame()
    assert table.interval("mean_p_leave") is not None
    assert model.table(AXES).by_cause().empty


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ValuePotential(cuts="break_even").fit(AXES), r"needs cost="),
        (lambda: ValuePotential(cuts="break_even", cost=1.0, gain=0.0).fit(AXES), r"gain must be > 0 and <= 1"),
        (lambda: ValuePotential(cuts="profit").fit(AXES), r"needs fit\(\.\.\., profit=\)"),
        (lambda: ValuePotential(cuts=("profit", "money")).fit(AXES), r"cannot be mixed"),
        (
            lambda: ValuePotential(cuts="profit").fit(AXES, profit=np.ones((80, 3))),
            r"profit must have a column for each of the 4 quadrants, not 3",
        ),
        (lambda: ValuePotential(hysteresis=-0.1).fit(AXES), r"hysteresis must be >= 0"),
        (lambda: ValuePotential(axes=(0, 1, 2, 3)).fit(AXES), r"axes must be a pair .* or a triple with loyalty"),
        (lambda: ValuePotential(axes=(0, 1, 2)).fit(AXES), r"minimum of 3 is required: .* and loyalty"),
        (
            lambda: ValuePotential().fit(AXES).table(AXES, p_leave=np.full((80, 2), 0.7)),
            r"sum of p_leave over causes must be <= 1 but 80 of 80",
        ),
        (lambda: ValuePotential().fit(AXES).table(AXES, causes=["a"]), r"p_leave, which is not given"),
        (
            lambda: ValuePotential().fit(AXES).table(AXES, p_leave=np.full((80, 2), 0.1), causes=["a"]),
            r"causes has 1 names but p_leave has 2 columns",
        ),
    ],
)
def test_bad_settings_are_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_constant_axis_has_no_natural_break():
    axes = np.column_stack([np.full(5, 7.0), np.arange(5.0)])
    with pytest.warns(DataWarning, match=r"constant \(7\), .* all of them are low"):
        model = ValuePotential(cuts="natural").fit(axes)
    assert set(model.predict(axes)) <= {2, 3}


def test_an_axis_may_be_a_result_of_clv():
    from custval.clv import lifetime_value
    from custval.survival import DiscreteHazard, survival_target

    x = RNG.integers(0, 2, (80, 1))
    hazard = DiscreteHazard(baseline="constant").fit(x, survival_target(RNG.integers(1, 9, 80), RNG.integers(0, 2, 80)))
    worth = lifetime_value(hazard, x, margin=AXES[:, 0], horizon=6, monthly_discount=0.01)
    model = ValuePotential().fit({"now": AXES[:, 0], "later": worth})
    plain = ValuePotential().fit(np.column_stack([AXES[:, 0], worth.value]))
    np.testing.assert_array_equal(model.cuts_, plain.cuts_)
    table = {"now": AXES[:, 0], "later": worth}
    np.testing.assert_array_equal(model.predict(table), plain.predict(np.column_stack([AXES[:, 0], worth.value])))
