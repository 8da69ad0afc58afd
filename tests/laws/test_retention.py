"""What is true of every campaign and every plan."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval._joins.plan import PlanBuilder
from custval._retention.budget import choose_contacts, contenders
from custval.retention import Offer, contact_profit, expected_maximum_profit, maximum_profit, plan

FEW = settings(max_examples=40, deadline=None)


@st.composite
def campaigns(draw):
    n = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = rng.random(n) < draw(st.floats(0.1, 0.9))
    y[0] = True
    score = rng.random(n).round(draw(st.sampled_from([1, 6])))
    value = rng.normal(draw(st.floats(0.0, 300.0)), 100.0, n)
    return y, score, value


@st.composite
def bases(draw):
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    digits = draw(st.sampled_from([1, 8]))
    p, value = rng.beta(1.0, 3.0, n).round(digits), rng.gamma(2.0, 100.0, n).round(digits)
    offers = [
        Offer(f"o{k}", float(rng.integers(0, 40)), save_rate=float(rng.random()))
        for k in range(draw(st.integers(1, 3)))
    ]
    budget = draw(st.one_of(st.none(), st.floats(0.0, 500.0)))
    capacity = draw(st.one_of(st.none(), st.integers(0, 30)))
    return (
        p,
        value,
        offers,
        {"budget": budget, "capacity": capacity, "contact_cost": draw(st.sampled_from([0.0, 1.0, 2.5]))},
    )


@FEW
@given(campaigns())
def test_the_order_of_rows_and_the_scale_of_scores_do_not_matter(campaign):
    y, score, value = campaign
    mixed = np.random.default_rng(0).permutation(len(y))
    for measure in (maximum_profit, expected_maximum_profit):
        first = measure(y, score, value=value)
        again = measure(y[mixed], np.exp(3.0 * score[mixed]), value=value[mixed])
        assert first.profit == pytest.approx(again.profit, rel=1e-11, abs=1e-11)
        assert first.rate == pytest.approx(again.rate, rel=1e-9, abs=1e-9)


@FEW
@given(campaigns(), st.floats(0.01, 100.0))
def test_the_unit_of_money_carries_through(campaign, unit):
    y, score, value = campaign
    first = expected_maximum_profit(y, score, value=value)
    scaled = expected_maximum_profit(y, score, value=value * unit, incentive_cost=10.0 * unit, contact_cost=unit)
    assert scaled.profit == pytest.approx(first.profit * unit, rel=1e-9, abs=1e-9 * unit)
    assert scaled.std_error == pytest.approx(first.std_error * unit, rel=1e-6, abs=1e-9 * unit)


@FEW
@given(campaigns())
def test_knowing_the_rate_in_time_is_worth_something(campaign):
    y, score, value = campaign
    # Jensen: the mean of the best is at least the best at the mean, and nothing is always possible
    assert expected_maximum_profit(y, score, value=value).profit >= maximum_profit(y, score, value=value).profit - 1e-9
    assert maximum_profit(y, score, value=value).profit >= 0.0


@FEW
@given(campaigns())
def test_doubling_every_customer_changes_nothing_but_the_error(campaign):
    y, score, value = campaign
    first = expected_maximum_profit(y, score, value=value)
    twice = expected_maximum_profit(np.tile(y, 2), np.tile(score, 2), value=np.tile(value, 2))
    assert (twice.profit, twice.rate) == pytest.approx((first.profit, first.rate), rel=1e-9, abs=1e-9)
    assert twice.std_error <= first.std_error


@FEW
@given(bases())
def test_a_plan_keeps_its_limits_and_its_bound(base):
    p, value, offers, limits = base
    made = plan(np.arange(len(p)), p, value, offers=offers, **limits)
    assert limits["budget"] is None or made.total_cost <= limits["budget"] * (1 + 1e-9)
    assert limits["capacity"] is None or made.contacts <= limits["capacity"]
    assert made.total_profit <= made.best_possible * (1 + 1e-12)
    assert (made.expected_profit > 0).all()
    assert len(set(made.customer_id.tolist())) == made.contacts


@FEW
@given(bases(), st.integers(1, 7), st.integers(1, 20))
def test_blocks_make_the_plan_of_the_whole(base, blocks, keep):
    p, value, offers, limits = base
    builder = PlanBuilder(offers, keep_rows=keep, **limits)
    for part in np.array_split(np.arange(len(p)), blocks):
        builder.add(part, p[part], value[part])
    assert builder.finish().to_dict() == plan(np.arange(len(p)), p, value, offers=offers, **limits).to_dict()


@FEW
@given(bases())
def test_more_money_never_plans_less(base):
    p, value, offers, limits = base
    if limits["budget"] is None or limits["capacity"] is not None:
        return
    more = {**limits, "budget": limits["budget"] * 2}
    ids = np.arange(len(p))
    small, large = plan(ids, p, value, offers=offers, **limits), plan(ids, p, value, offers=offers, **more)
    assert large.best_possible >= small.best_possible * (1 - 1e-12)


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 30))
def test_without_limits_everybody_takes_the_best_offer(seed, offers, n):
    rng = np.random.default_rng(seed)
    gain, cost = rng.normal(size=(n, offers)), rng.random((n, offers))
    chosen = choose_contacts(gain, cost, budget=np.inf, capacity=None)
    assert gain[chosen.row, chosen.offer].sum() == pytest.approx(np.maximum(gain.max(axis=1), 0.0).sum())
    roomy = choose_contacts(gain, cost, budget=1e9, capacity=None)
    assert gain[roomy.row, roomy.offer].sum() == pytest.approx(chosen.bound)


@FEW
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(-1e4, 1e4), st.floats(0.0, 1e3), st.floats(0.0, 1e3))
def test_both_forms_of_the_profit_of_a_contact(p, g, value, d, f):
    got = contact_profit([p], [value], save_rate=g, offer_cost=d, contact_cost=f)[0]
    assert got == pytest.approx(p * (g * value + d * (1 - g)) - d - f, rel=1e-9, abs=1e-7)


def every_choice(gain, cost, budget, capacity):
    """The best gain of all plans, by trying them all."""
    best = 0.0
    for offers in itertools.product(range(-1, gain.shape[1]), repeat=len(gain)):
        made = [(i, k) for i, k in enumerate(offers) if k >= 0]
        if len(made) <= capacity and sum(cost[at] for at in made) <= budget * (1 + 1e-9):
            best = max(best, sum(gain[at] for at in made))
    return best


@st.composite
def instances(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, offers = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    digits = draw(st.sampled_from([0, 1, 8]))
    gain, cost = rng.normal(2.0, 3.0, (n, offers)).round(digits), rng.gamma(1.0, 2.0, (n, offers)).round(digits)
    return gain, cost, draw(st.floats(0.0, 8.0)), draw(st.one_of(st.none(), st.integers(0, 6)))


@settings(max_examples=60, deadline=None)
@given(instances())
def test_a_choice_is_at_least_half_of_the_best_of_all_choices(instance):
    gain, cost, budget, capacity = instance
    made = choose_contacts(gain, cost, budget=budget, capacity=capacity)
    got = gain[made.row, made.offer].sum()
    best = every_choice(gain, cost, budget, len(gain) if capacity is None else capacity)
    assert 0.5 * best - 1e-9 <= got <= best + 1e-9
    assert made.bound >= best - 1e-9
    assert (got > 0) == (best > 0)


@FEW
@given(instances())
def test_one_more_offer_costs_at_most_the_gain_of_one_contact(instance):
    gain, cost, budget, capacity = instance
    few = choose_contacts(gain[:, :-1], cost[:, :-1], budget=budget, capacity=capacity) if gain.shape[1] > 1 else None
    more = choose_contacts(gain, cost, budget=budget, capacity=capacity)
    before = gain[few.row, few.offer].sum() if few is not None else 0.0
    assert gain[more.row, more.offer].sum() >= before - max(gain.max(), 0.0) - 1e-9


@FEW
@given(instances(), st.integers(2, 4))
def test_the_contenders_of_the_parts_hold_those_of_the_whole(instance, parts):
    gain, cost, budget, _ = instance
    whole = contenders(gain, cost, budget)
    kept = [part[contenders(gain[part], cost[part], budget)] for part in np.array_split(np.arange(len(gain)), parts)]
    assert set(whole.tolist()) <= set(np.concatenate(kept).tolist())
