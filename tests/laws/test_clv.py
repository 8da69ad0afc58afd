"""What is true of every value: linear in margin, falling in discount and hazard, additive, the same in any block."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from custval.clv import constant_retention_value, discounted_value

FEW = settings(max_examples=40, deadline=None)
TIMING = st.sampled_from(["end", "start", "mid"])
MONEY = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
RATE = st.floats(-0.05, 0.5)


@st.composite
def worlds(draw, causes=2):
    n, horizon = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    hazard = draw(arrays(float, (n, causes, horizon), elements=st.floats(0.0, 0.4)))
    survival = np.cumprod(1 - hazard.sum(axis=1), axis=1)
    before = np.column_stack([np.ones(n), survival[:, :-1]])
    incidence = np.cumsum(hazard * before[:, None, :], axis=2)
    margin = draw(arrays(float, (n, horizon), elements=MONEY))
    return survival, incidence, margin


@FEW
@given(worlds(), RATE, TIMING, MONEY)
def test_linear_in_margin(world, rate, timing, scale):
    survival, _, margin = world
    both = discounted_value(survival, scale * margin + 3.0, monthly_discount=rate, timing=timing)
    parts = scale * discounted_value(survival, margin, monthly_discount=rate, timing=timing)
    parts = parts + discounted_value(survival, 3.0, monthly_discount=rate, timing=timing)
    np.testing.assert_allclose(both, parts, rtol=1e-9, atol=1e-6)


@FEW
@given(worlds(), RATE, TIMING, st.floats(0.001, 0.2))
def test_falls_with_discount_where_margins_are_not_negative(world, rate, timing, more):
    survival, _, margin = world
    low = discounted_value(survival, np.abs(margin), monthly_discount=rate, timing=timing)
    high = discounted_value(survival, np.abs(margin), monthly_discount=rate + more, timing=timing)
    assert (high <= low * (1 + 1e-12) + 1e-9).all()


@FEW
@given(worlds(), RATE, TIMING, st.floats(0.1, 1.0))
def test_falls_with_hazard_where_margins_are_not_negative(world, rate, timing, keep):
    survival, _, margin = world
    worse = survival * keep ** np.arange(1, survival.shape[1] + 1)
    assert (
        discounted_value(worse, np.abs(margin), monthly_discount=rate, timing=timing)
        <= discounted_value(survival, np.abs(margin), monthly_discount=rate, timing=timing) + 1e-9
    ).all()


@FEW
@given(worlds(), RATE, MONEY)
def test_timing_identities(world, rate, money):
    survival, _, margin = world
    end = discounted_value(survival, margin, monthly_discount=rate, timing="end")
    start = discounted_value(survival, margin, monthly_discount=rate, timing="start")
    mid = discounted_value(survival, margin, monthly_discount=rate, timing="mid")
    root = np.sqrt(1 + rate)
    # paid in the middle = half of those there at the start, half of those there at the end, moved by half a month
    np.testing.assert_allclose(mid, (start / root + end * root) / 2, rtol=1e-9, atol=1e-6)
    # a constant margin in advance = today's instalment + the end-of-month value of all months but the last
    advance = discounted_value(survival, money, monthly_discount=rate, timing="start")
    later = np.zeros(len(survival))
    if survival.shape[1] > 1:
        later = discounted_value(survival[:, :-1], money, monthly_discount=rate, timing="end")
    np.testing.assert_allclose(advance, money + later, rtol=1e-9, atol=1e-6)


@FEW
@given(worlds(), RATE, TIMING, st.tuples(MONEY, MONEY))
def test_losses_add_over_causes_and_one_cause_is_no_causes(world, rate, timing, losses):
    survival, incidence, margin = world
    options = {"monthly_discount": rate, "timing": timing}
    whole = discounted_value(survival, margin, incidence=incidence, loss_at_exit=losses, **options)
    bare = discounted_value(survival, margin, **options)
    first = discounted_value(survival, margin, incidence=incidence, loss_at_exit=[losses[0], 0.0], **options)
    second = discounted_value(survival, margin, incidence=incidence, loss_at_exit=[0.0, losses[1]], **options)
    np.testing.assert_allclose(whole - bare, (first - bare) + (second - bare), rtol=1e-7, atol=1e-6)
    pooled = discounted_value(survival, margin, loss_at_exit=losses[0], **options)
    same = discounted_value(survival, margin, incidence=incidence, loss_at_exit=[losses[0]] * 2, **options)
    np.testing.assert_allclose(pooled, same, rtol=1e-9, atol=1e-6)


@FEW
@given(worlds(), RATE, TIMING)
def test_each_customer_stands_alone_and_in_any_order(world, rate, timing):
    survival, incidence, margin = world
    options = {"monthly_discount": rate, "timing": timing}
    whole = discounted_value(survival, margin, incidence=incidence, loss_at_exit=5.0, **options)
    alone = [
        discounted_value(survival[[i]], margin[[i]], incidence=incidence[[i]], loss_at_exit=5.0, **options)[0]
        for i in range(len(survival))
    ]
    np.testing.assert_allclose(whole, alone, rtol=1e-12, atol=1e-12)
    turned = discounted_value(survival[::-1], margin[::-1], incidence=incidence[::-1], loss_at_exit=5.0, **options)
    np.testing.assert_allclose(whole, turned[::-1], rtol=1e-12, atol=1e-12)


@FEW
@given(st.floats(0.0, 0.95), st.floats(0.005, 0.3), TIMING)
def test_a_long_horizon_reaches_the_closed_form(stay, rate, timing):
    survival = stay ** np.arange(1, 2001)[None, :]
    total = discounted_value(survival, 1.0, monthly_discount=rate, timing=timing)[0]
    closed = constant_retention_value(1.0, stay, monthly_discount=rate, timing=timing)
    np.testing.assert_allclose(total, closed, rtol=1e-9)
