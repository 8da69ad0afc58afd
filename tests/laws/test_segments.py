"""What is true of every base: scale and order do not matter, equal customers stay together, shares add up."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from custval.segments import (
    Tiers,
    ValuePotential,
    churn_rates,
    cohort_retention,
    decile_table,
    gini,
    lorenz_curve,
    migration_matrix,
    movement_counts,
    rfm,
    state_values,
    top_share,
    transition_counts,
)

FEW = settings(max_examples=40, deadline=None)
# few distinct amounts, so that ties are common
MONEY = arrays(float, st.integers(2, 30), elements=st.integers(0, 9).map(float))
PAIRS = arrays(float, st.tuples(st.integers(2, 30), st.just(2)), elements=st.integers(0, 9).map(float))
RULE = st.sampled_from(["quantile", "share", "natural"])


@FEW
@given(MONEY, st.integers(1, 7), st.randoms(use_true_random=False))
def test_gini_and_top_share_ignore_scale_order_and_copies(money, scale, random):
    assume(money.sum() > 0)
    shuffled = np.array(random.sample(list(money), len(money)))
    for measure in (gini, top_share):
        value = float(measure(money))
        np.testing.assert_allclose(float(measure(shuffled)), value, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(float(measure(money * scale)), value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(float(gini(np.tile(money, 3))), float(gini(money)), rtol=1e-12, atol=1e-12)


@FEW
@given(MONEY)
def test_lorenz_curve_is_convex_below_the_diagonal_and_gini_is_bounded(money):
    assume(money.sum() > 0)
    curve = lorenz_curve(money)
    x, y = curve.share_of_customers, curve.share_of_value
    assert (y <= x + 1e-12).all()
    slopes = np.diff(y) / np.diff(x)
    assert (np.diff(slopes) >= -1e-9).all()
    assert -1e-12 <= curve.gini <= 1 - 1 / len(money) + 1e-12


@FEW
@given(MONEY, st.floats(0.01, 1.0))
def test_top_share_is_at_least_the_share_itself(money, share):
    assume(money.sum() > 0)
    top = top_share(money, share)
    assert top.share_of_value >= top.share_of_customers - 1e-12
    np.testing.assert_allclose(
        top.share_of_value, np.sort(money)[::-1][: int(top.customers)].sum() / money.sum(), rtol=1e-12
    )


def fitted(rule, axes):
    assume(np.ptp(axes, axis=0).all())
    return ValuePotential(cuts=rule).fit(axes)


@FEW
@given(PAIRS, RULE, st.randoms(use_true_random=False))
def test_quadrants_ignore_order_and_keep_equal_customers_together(axes, rule, random):
    model = fitted(rule, axes)
    order = random.sample(range(len(axes)), len(axes))
    again = ValuePotential(cuts=rule).fit(axes[order])
    np.testing.assert_array_equal(again.cuts_, model.cuts_)
    codes = model.predict(axes)
    np.testing.assert_array_equal(again.predict(axes[order]), codes[order])
    for row, code in zip(axes, codes, strict=True):
        assert (codes[(axes == row).all(axis=1)] == code).all()


@FEW
@given(PAIRS, RULE, st.sampled_from([0.25, 2.0, 8.0]))
def test_quadrants_follow_the_unit_of_money(axes, rule, scale):
    model = fitted(rule, axes)
    np.testing.assert_array_equal(
        ValuePotential(cuts=rule).fit(axes * scale).predict(axes * scale), model.predict(axes)
    )


@FEW
@given(PAIRS, RULE)
def test_row_by_row_is_the_same_as_all_at_once_and_more_is_never_lower(axes, rule):
    model = fitted(rule, axes)
    codes = model.predict(axes)
    np.testing.assert_array_equal([model.predict(row[None, :])[0] for row in axes], codes)
    assert (model.predict(axes + 1.0) <= codes).all()


@FEW
@given(PAIRS, RULE)
def test_the_table_adds_up(axes, rule):
    table = fitted(rule, axes).table(axes, lifetime_value=axes.sum(axis=1))
    assert table.customers.sum() == len(axes)
    np.testing.assert_allclose(table.share_of_customers.sum(), 1.0)
    np.testing.assert_allclose(table.current_value.sum(), axes[:, 0].sum())
    np.testing.assert_allclose(table.lifetime_value.sum(), axes.sum())
    assert (table.share_of_customers_lower <= table.share_of_customers).all()
    assert (table.share_of_customers_upper >= table.share_of_customers).all()


@FEW
@given(PAIRS, RULE, st.floats(0.0, 0.5), st.integers(0, 3))
def test_scoring_again_by_frozen_cuts_changes_nothing(axes, rule, hysteresis, before):
    assume(np.ptp(axes, axis=0).all())
    model = ValuePotential(cuts=rule, hysteresis=hysteresis).fit(axes)
    once = model.rescore(axes, np.full(len(axes), before))
    np.testing.assert_array_equal(model.rescore(axes, once), once)
    np.testing.assert_array_equal(model.rescore(axes, np.full(len(axes), -1)), model.predict(axes))
    chance = model.membership(axes, [1.0, 2.0])
    np.testing.assert_allclose(chance.sum(axis=1), 1.0, rtol=1e-12)
    assert (chance >= 0).all()


@FEW
@given(PAIRS, RULE, st.randoms(use_true_random=False))
def test_counts_are_rows(axes, rule, random):
    assume(np.ptp(axes, axis=0).all())
    cells, heads = np.unique(axes, axis=0, return_counts=True)
    order = random.sample(range(len(cells)), len(cells))
    cells, heads = cells[order], heads[order]
    model = ValuePotential(cuts=rule).fit(axes)
    np.testing.assert_array_equal(ValuePotential(cuts=rule).fit(cells, sample_weight=heads).cuts_, model.cuts_)
    whole = model.table(axes, p_leave=axes[:, 0] / 10)
    counted = model.table(cells, p_leave=cells[:, 0] / 10, sample_weight=heads)
    for name in ("customers", "current_value", "current_value_std_error", "share_of_value"):
        one, two = getattr(whole, name), getattr(counted, name)
        assert (one is None) == (two is None)
        if one is not None:
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-9)
    if axes[:, 0].sum() > 0:
        np.testing.assert_allclose(
            decile_table(axes[:, 0], groups=3).share_of_value,
            decile_table(cells[:, 0], groups=3, sample_weight=heads).share_of_value,
            rtol=1e-9,
            atol=1e-12,
        )


@FEW
@given(arrays(float, st.tuples(st.integers(1, 30), st.just(3)), elements=st.integers(0, 5).map(float)), st.data())
def test_scores_are_fair(table, data):
    scores = rfm(table)
    order = data.draw(st.permutations(range(len(table))))
    np.testing.assert_array_equal(rfm(table[order]).segment, scores.segment[order])
    for column, score in enumerate((scores.recency, scores.frequency, scores.monetary)):
        for value in np.unique(table[:, column]):
            assert len(set(score[table[:, column] == value])) == 1
    assert (np.diff(scores.frequency[np.argsort(table[:, 1], kind="stable")]) >= 0).all()
    np.testing.assert_array_equal(rfm(table * 4.0).segment, scores.segment)
    np.testing.assert_array_equal(rfm(table, cuts=scores.cuts).segment, scores.segment)


@FEW
@given(arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(2, 5)), elements=st.integers(-1, 2)), st.data())
def test_every_move_is_counted_once(panel, data):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gaps, and states nobody was in
        counts = transition_counts(panel, states=("a", "b", "c"))
        pairs = (panel[:, 1:] >= 0) & (panel[:, :-1] >= 0)
        assert counts.count.sum() == pairs.sum()
        order = data.draw(st.permutations(range(len(panel))))
        np.testing.assert_array_equal(transition_counts(panel[order], states=("a", "b", "c")).count, counts.count)
        assume(pairs.any())
        matrix = migration_matrix(counts)
    np.testing.assert_allclose(matrix.probability.sum(axis=1), 1.0, rtol=1e-12)
    assert (matrix.lower <= matrix.probability + 1e-12).all()
    assert (matrix.upper >= matrix.probability - 1e-12).all()
    table = counts.to_frame()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = migration_matrix(
            table["start"], table["end"], month=table["month"], sample_weight=table["count"], states=("a", "b", "c")
        )
    np.testing.assert_array_equal(again.count, matrix.count)


@FEW
@given(arrays(float, st.tuples(st.integers(1, 3), st.just(4)), elements=st.integers(1, 50).map(float)))
def test_stay_is_the_sum_over_states_and_departures_are_certain(counts):
    moving = len(counts)
    names = [f"s{k}" for k in range(moving)]
    ends = [*names, "x", "y"]
    start, end, weight = [], [], []
    for i, row in enumerate(counts):
        for name, count in zip(ends, row, strict=False):
            start.append(names[i])
            end.append(name)
            weight.append(count)
    matrix = migration_matrix(start, end, states=[*names, "x", "y"], absorbing=["x", "y"], sample_weight=weight)
    found = state_values(matrix, np.ones(moving), monthly_discount=0.0)
    np.testing.assert_allclose(found.months_in_state.sum(axis=1), found.expected_months, rtol=1e-9)
    np.testing.assert_allclose(found.departure.sum(axis=1), 1.0, rtol=1e-9)
    # a margin of one a month, undiscounted, is the stay
    np.testing.assert_allclose(found.value, found.expected_months, rtol=1e-9)


@FEW
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 8)), min_size=1, max_size=25))
def test_flows_of_customers_add_up(stays):
    start = np.array([s for s, _ in stays])
    end = np.array([s + length if s + length <= 6 else np.nan for s, length in stays], dtype=float)
    counts = movement_counts(start, end, first=1, last=6)
    assert counts.joined.sum() == len(stays)
    assert counts.exits.sum() == (~np.isnan(end)).sum()
    base = counts.opening + counts.joined - counts.exits.sum(axis=0)
    np.testing.assert_array_equal(counts.opening[1:], base[:-1])
    assert base[-1] == np.isnan(end).sum()
    triangle = cohort_retention(start, end, until=6)
    last = triangle.cohort + triangle.age == 6
    assert triangle.retained[last].sum() == base[-1]
    if (counts.opening[1:] > 0).all():
        rates = churn_rates(counts.to_frame().iloc[1:])
        np.testing.assert_allclose(rates.closing, base[1:])


@FEW
@given(arrays(float, st.tuples(st.integers(3, 30), st.just(1)), elements=st.integers(1, 40).map(float)), st.data())
def test_tiers_rise_with_value_and_settle(values, data):
    assume(len(np.unique(values)) >= 3)
    model = Tiers(cuts="natural", names=("gold", "silver", "basic")).fit(values)
    codes = model.predict(values)
    assert (np.diff(codes[np.argsort(values[:, 0], kind="stable")]) <= 0).all()
    assert set(codes) == {0, 1, 2}
    before = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values))))
    once = model.rescore(values, before)
    np.testing.assert_array_equal(model.rescore(values, once), once)
