"""What is true of every value: linear in margin, falling in discount and hazard, additive, the same in any block."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from custval.clv import (
    BetaDiscreteWeibull,
    GeometricRetention,
    SecondLife,
    constant_retention_value,
    discounted_value,
    lifetime_value,
    outcome_spread,
)

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


class Curves:
    """A model that hands out given curves."""

    causes_ = ("voluntary", "transfer")

    def __init__(self, survival, incidence):
        self.survival, self.incidence = survival, incidence

    def predict_survival(self, X, times, *, given=None):
        return self.survival[np.asarray(X)[:, 0].astype(int)][:, : len(times)]

    def predict_incidence(self, X, times, *, given=None):
        return self.incidence[np.asarray(X)[:, 0].astype(int)][:, :, : len(times)]


@FEW
@given(worlds(), st.floats(0.001, 0.2), TIMING, st.floats(0.0, 1.0), st.integers(0, 3))
def test_a_whole_second_life_on_the_same_terms_is_a_customer_who_never_left(world, rate, timing, chance, delay):
    """Kept at once, for sure and for ever, at the same margin: leaving costs only what the month of leaving loses."""
    survival, incidence, _ = world
    n, horizon = survival.shape
    model, X = Curves(survival, incidence), np.arange(n)[:, None]
    terms = {"margin": 10.0, "horizon": horizon, "monthly_discount": rate, "timing": timing}
    plain = lifetime_value(model, X, **terms)
    life = {"margin": 10.0, "monthly_retention": 1.0}
    both = lifetime_value(
        model, X, **terms, second_lives=[SecondLife(cause, **life, name=cause) for cause in model.causes_]
    )
    # who leaves in month u misses that month's share after leaving: all of it (end), half (mid), none (start)
    missed = {"end": 1.0, "mid": 0.5, "start": 0.0}[timing]
    point = np.arange(1, horizon + 1) - {"end": 0.0, "mid": 0.5, "start": 1.0}[timing]
    exits = -np.diff(survival, axis=1, prepend=1.0)
    never = discounted_value(np.ones((n, horizon)), 10.0, monthly_discount=rate, timing=timing)
    np.testing.assert_allclose(both.value, never - 10.0 * missed * exits @ (1 + rate) ** -point, atol=1e-9)
    # and a chance of it, or a delay, lies between
    some = lifetime_value(
        model, X, **terms, second_lives=[SecondLife("transfer", **life, probability=chance, delay=delay)]
    )
    assert (some.value >= plain.value - 1e-9).all()
    assert (some.value <= both.value + 1e-9).all()


@FEW
@given(worlds(), RATE, TIMING)
def test_groups_add_up_to_the_base_and_parts_to_the_value(world, rate, timing):
    survival, incidence, margin = world
    n, horizon = survival.shape
    worth = lifetime_value(
        Curves(survival, incidence),
        np.arange(n)[:, None],
        margin={"revenue": margin, "cost_to_serve": 2.0},
        horizon=horizon,
        monthly_discount=rate,
        timing=timing,
        loss_at_exit=[5.0, -3.0],
        retention_cost=1.0,
        groups=np.arange(n) % 2,
    )
    np.testing.assert_allclose(worth.groups.value.sum(), worth.total, atol=1e-8)
    np.testing.assert_allclose(sum(worth.components.values()), worth.value, rtol=0, atol=1e-9)
    assert worth.groups.customers.sum() == n


@FEW
@given(st.floats(0.01, 0.4), st.floats(0.005, 0.3), TIMING, st.integers(1, 30))
def test_a_tail_makes_the_horizon_irrelevant_for_a_constant_hazard(theta, rate, timing, horizon):
    model = GeometricRetention.from_params(theta=theta)
    worth = lifetime_value(
        model, np.zeros((1, 1)), margin=7.0, horizon=horizon, monthly_discount=rate, timing=timing, tail="geometric"
    )
    closed = constant_retention_value(7.0, 1.0 - theta, monthly_discount=rate, timing=timing)
    np.testing.assert_allclose(worth.total, closed, rtol=1e-9)


@FEW
@given(worlds(), RATE, TIMING)
def test_one_outcome_has_the_mean_of_the_value(world, rate, timing):
    survival, _, margin = world
    found = outcome_spread(survival, margin, monthly_discount=rate, timing=timing)
    value = discounted_value(survival, margin, monthly_discount=rate, timing=timing)
    np.testing.assert_allclose(found.expected, value, atol=1e-8)
    assert (np.diff(found.quantiles, axis=1) >= 0).all()


@FEW
@given(st.floats(0.05, 5.0), st.floats(0.05, 20.0), st.floats(0.3, 2.5), st.integers(0, 6))
def test_contract_curves_fall_and_condition(alpha, beta, c, made):
    model = BetaDiscreteWeibull.from_params(alpha=alpha, beta=beta, c=c)
    curve = model.survival(np.arange(0, 15))
    assert (np.diff(curve) <= 1e-12).all()
    assert curve[0] == 1.0
    np.testing.assert_allclose(model.survival(4, given=made) * curve[made], curve[made + 4], rtol=1e-9)
    np.testing.assert_allclose(np.cumprod(model.retention_rate(np.arange(1, 15))), curve[1:], rtol=1e-8)
