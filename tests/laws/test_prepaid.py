"""What is true of every model of buying until leaving, whatever the customers and the parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval.clv import BGCNBD, BGNBD, MBGNBD, NBD, GGompertzNBD, ParetoNBD

KINDS = (NBD, BGNBD, MBGNBD, ParetoNBD, GGompertzNBD)
parameters = st.lists(st.floats(0.05, 50.0), min_size=5, max_size=5)
times = st.tuples(st.integers(0, 300), st.floats(0.01, 1.0), st.floats(0.5, 400.0))


def made(kind, numbers, **more):
    return kind.from_params(**dict(zip(kind._names, numbers, strict=False)), **more)


def customer(x, share, age):
    return [float(x), share * age if x else 0.0, age]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(numbers=parameters, who=times, later=st.floats(0.1, 100.0))
def test_silence_makes_being_there_less_likely(kind, numbers, who, later):
    model, one = made(kind, numbers), customer(*who)
    longer = [one[0], one[1], one[2] + later]
    now, then = (np.asarray(model.probability_alive([some]))[0] for some in (one, longer))
    assert 0.0 <= then <= now * (1 + 1e-9) <= 1.0 + 1e-9
    ahead = np.asarray(model.probability_alive([one], ahead=later))[0]
    assert ahead <= now * (1 + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(numbers=parameters, who=times, first=st.floats(0.1, 50.0), second=st.floats(0.1, 50.0))
def test_expectations_add_up_and_grow(kind, numbers, who, first, second):
    model, one = made(kind, numbers), [customer(*who)]
    whole = np.asarray(model.expected_purchases(one, first + second))[0]
    part = np.asarray(model.expected_purchases(one, first))[0]
    rest = np.asarray(model.expected_purchases(one, second, start=first))[0]
    assert part + rest == pytest.approx(whole, rel=1e-9, abs=1e-12)
    assert 0.0 <= part <= whole * (1 + 1e-9)


@pytest.mark.parametrize("kind", [NBD, BGNBD, MBGNBD, ParetoNBD])
@settings(max_examples=15, deadline=None)
@given(numbers=parameters, who=times, unit=st.floats(0.1, 30.0))
def test_the_unit_changes_only_the_scale(kind, numbers, who, unit):
    """Weeks to days: alpha and beta grow, answers stay, the log-likelihood shifts by log(unit) x."""
    model, one = made(kind, numbers), customer(*who)
    scaled = {name: value * (unit if name in {"alpha", "beta"} else 1.0) for name, value in model.params_.items()}
    other, again = kind.from_params(**scaled), [one[0], one[1] * unit, one[2] * unit]
    shift = -np.log(unit) * one[0]
    assert other.log_likelihood([again]) == pytest.approx(model.log_likelihood([one]) + shift, rel=1e-9, abs=1e-8)
    pair = (model.probability_alive([one])[0], other.probability_alive([again])[0])
    assert pair[1] == pytest.approx(pair[0], rel=1e-9)
    bought = (model.expected_purchases([one], 3.0)[0], other.expected_purchases([again], 3.0 * unit)[0])
    assert bought[1] == pytest.approx(bought[0], rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(numbers=parameters, age=st.floats(0.0, 500.0), k=st.integers(1, 4))
def test_without_a_second_purchase_the_coin_has_not_been_thrown(numbers, age, k):
    assert made(BGNBD, numbers).probability_alive([[0, 0, age]])[0] == 1.0
    assert made(BGCNBD, numbers, k=k).probability_alive([[0, 0, age]])[0] == 1.0
    a, b = numbers[2:4]
    # MBG: on the first day it is thrown once
    assert made(MBGNBD, numbers).probability_alive([[0, 0, 0.0]])[0] == pytest.approx(b / (a + b), rel=1e-12)


@settings(max_examples=10, deadline=None)
@given(numbers=parameters, rows=st.lists(times, min_size=2, max_size=12))
def test_many_are_answered_as_one_by_one_in_any_order(numbers, rows):
    X = np.array([customer(*row) for row in rows])
    for kind in (BGNBD, ParetoNBD):
        model = made(kind, numbers)
        whole = np.asarray(model.expected_purchases(X, 9.0))
        np.testing.assert_allclose([model.expected_purchases(row[None], 9.0)[0] for row in X], whole, rtol=1e-11)
        np.testing.assert_allclose(np.asarray(model.expected_purchases(X[::-1], 9.0))[::-1], whole, rtol=1e-11)
        # enough rows to be counted by kind first
        many = np.tile(X, (6000 // len(X) + 1, 1))
        np.testing.assert_allclose(np.asarray(model.expected_purchases(many, 9.0))[: len(X)], whole, rtol=1e-11)
