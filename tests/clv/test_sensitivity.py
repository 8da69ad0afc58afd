"""Elasticities and points of retention: numeric differences, textbook forms, and intervals by finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.clv import (
    GeometricRetention,
    ShiftedBetaGeometric,
    break_even_retention_cost,
    discounted_value,
    retention_elasticity,
    retention_gain,
    retention_points,
    value_elasticities,
)

RNG = np.random.default_rng(3)
CURVE = np.cumprod(RNG.uniform(0.9, 0.99, (5, 12)), axis=1)
MONTHS = np.arange(1, 13)


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_elasticities_equal_numeric_ones(timing):
    margin, rate, h = RNG.uniform(5, 20, (5, 12)), 0.02, 1e-6

    def value(stay=0.0, discount=0.0):
        curve = np.minimum(CURVE * (1 + stay) ** MONTHS, 1.0)
        return discounted_value(curve, margin, monthly_discount=rate * (1 + discount), timing=timing).sum()

    found = value_elasticities(CURVE, margin, monthly_discount=rate, timing=timing)
    assert found.retention == pytest.approx((value(stay=h) - value(stay=-h)) / (2 * h) / value(), rel=1e-6)
    assert found.discount == pytest.approx((value(discount=h) - value(discount=-h)) / (2 * h) / value(), rel=1e-5)
    assert found.margin == 1.0


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_numeric_and_closed_form_agree_for_a_constant_rate(timing):
    curve = 0.8 ** np.arange(1, 401)[None, :]
    found = value_elasticities(curve, 10.0, monthly_discount=0.12, timing=timing).retention
    assert found == pytest.approx(retention_elasticity(0.8, monthly_discount=0.12, timing=timing), rel=1e-9)


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_points_are_worth_what_the_closed_form_says(timing):
    model = GeometricRetention.from_params(theta=0.2)
    found = retention_points(
        model, np.zeros((2, 1)), 0.05, margin=10.0, horizon=600, monthly_discount=0.12, timing=timing
    )
    assert found.share == pytest.approx(retention_gain(0.8, 0.05, monthly_discount=0.12, timing=timing), rel=1e-9)
    assert found.total == pytest.approx(found.gain.sum())
    assert found.total_std_error is None


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
@pytest.mark.parametrize("points", [0.01, 0.3, -0.04])
def test_the_interval_equals_finite_differences(timing, points):
    model = ShiftedBetaGeometric().fit([1000, 869, 743, 653, 593, 551, 517, 491])
    options = {"margin": 10.0, "horizon": 10, "monthly_discount": 0.01, "timing": timing, "given": [0.0, 3.0]}
    found = retention_points(model, np.zeros((2, 1)), points, **options)
    gradient = []
    for name in ("alpha", "beta"):
        sides = []
        for sign in (1, -1):
            moved = {**model.params_, name: model.params_[name] + sign * 1e-5}
            sides.append(
                retention_points(ShiftedBetaGeometric.from_params(**moved), np.zeros((2, 1)), points, **options).total
            )
        gradient.append((sides[0] - sides[1]) / 2e-5)
    expected = np.sqrt(gradient @ model.covariance_ @ np.array(gradient))
    assert found.total_std_error == pytest.approx(expected, rel=1e-4)
    assert found.total_lower < found.total < found.total_upper


def test_points_never_lift_a_chance_above_one():
    model = GeometricRetention.from_params(theta=0.02)
    found = retention_points(model, np.zeros((1, 1)), 0.5, margin=1.0, horizon=12, monthly_discount=0.0)
    assert found.total + found.value == pytest.approx(12.0)


def test_break_even_cost_makes_both_worlds_equal():
    better = np.minimum(CURVE * 1.01**MONTHS, 1.0)
    for timing in ("end", "start", "mid"):
        cost = break_even_retention_cost(CURVE, better, 20.0, monthly_discount=0.01, timing=timing)
        with_cost = discounted_value(better, 20.0 - cost, monthly_discount=0.01, timing=timing)
        np.testing.assert_allclose(with_cost, discounted_value(CURVE, 20.0, monthly_discount=0.01, timing=timing))
    worse = break_even_retention_cost(better, CURVE, 20.0, monthly_discount=0.01)
    assert (worse < 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: value_elasticities(CURVE, 0.0, monthly_discount=0.01),
            r"the value is 0, so a change of it has no share",
        ),
        (
            lambda: break_even_retention_cost(CURVE, CURVE[:, :5], 1.0, monthly_discount=0.01),
            r"survival has shape \(5, 12\) but better_survival has \(5, 5\)",
        ),
        (
            lambda: retention_points(
                GeometricRetention.from_params(theta=0.1),
                np.zeros((1, 1)),
                1.0,
                margin=1.0,
                horizon=2,
                monthly_discount=0.0,
            ),
            r"points must be > -1 and < 1",
        ),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
