"""What is true of every base: scale and order do not matter, equal customers stay together, shares add up."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from custval.segments import ValuePotential, gini, lorenz_curve, top_share

FEW = settings(max_examples=40, deadline=None)
# few distinct amounts, so that ties are common
MONEY = arrays(float, st.integers(2, 30), elements=st.integers(0, 9).map(float))
PAIRS = arrays(float, st.tuples(st.integers(2, 30), st.just(2)), elements=st.integers(0, 9).map(float))
RULE = st.sampled_from(["quantile", "share"])


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
