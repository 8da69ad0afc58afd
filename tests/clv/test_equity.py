"""Equity, payback, ceilings and value at risk: sums by hand, a bootstrap for the error, and every bad input."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.clv import (
    GeometricRetention,
    acquisition_ceiling,
    customer_equity,
    lifetime_value,
    payback_by_group,
    payback_months,
    value_at_risk,
)


def test_equity_is_a_sum_by_group():
    value, group = np.array([5.0, 7.0, -2.0, 4.0]), ["b", "a", "b", "a"]
    found = customer_equity(value, group, acquisition_cost=[1.0, 2.0, 0.5, 0.0], currency="EUR")
    assert list(found.group) == ["a", "b"]
    np.testing.assert_allclose(found.value, [11.0, 3.0])
    np.testing.assert_allclose(found.value_per_customer, [5.5, 1.5])
    np.testing.assert_allclose(found.share, [11 / 14, 3 / 14])
    np.testing.assert_allclose(found.return_on_cost, [4.5, 1.0])
    assert (found.total, found.currency) == (14.0, "EUR")
    assert found.std_error is None


def test_equity_of_a_fitted_model_keeps_its_errors():
    model = GeometricRetention().fit([1000, 900, 810])
    worth = lifetime_value(
        model,
        np.zeros((3, 1)),
        margin=[1.0, 2.0, 3.0],
        horizon=6,
        monthly_discount=0.01,
        groups=["x", "y", "x"],
        currency="EUR",
    )
    found = customer_equity(worth, acquisition_cost=2.0)
    np.testing.assert_array_equal(found.std_error, worth.groups.std_error)
    np.testing.assert_allclose(found.acquisition_cost, [4.0, 2.0])
    assert found.total == pytest.approx(worth.total)
    free = customer_equity(worth, acquisition_cost=0.0)
    assert np.isinf(free.return_on_cost).all()
    with pytest.raises(InputError, match=r"value is in EUR but currency='USD' was given"):
        customer_equity(worth, currency="USD")


def test_payback_of_groups_of_one_is_that_of_customers():
    rng = np.random.default_rng(0)
    survival = np.cumprod(rng.uniform(0.9, 1.0, (20, 24)), axis=1)
    margin, cost = rng.uniform(5, 20, 20), rng.uniform(0, 200, 20)
    for timing in ("end", "start", "mid"):
        alone = payback_by_group(
            survival, margin, np.arange(20), acquisition_cost=cost, monthly_discount=0.01, timing=timing
        )
        expected = payback_months(cost, survival, margin, monthly_discount=0.01, timing=timing)
        np.testing.assert_array_equal(alone.payback_months, expected)
        np.testing.assert_allclose(alone.acquisition_cost, cost)
    together = payback_by_group(survival, margin, np.zeros(20), acquisition_cost=cost, monthly_discount=0.01)
    weights = 1.01 ** -np.arange(1.0, 25.0)
    path = np.cumsum((survival * margin[:, None] * weights).sum(axis=0))
    assert together.payback_months[0] == np.flatnonzero(path >= cost.sum())[0] + 1
    assert together.earned[0] == pytest.approx(path[-1] / 20)
    assert together.ceiling[0] == together.earned[0]


def test_the_ceiling_leaves_the_return_that_is_wanted():
    ceiling = acquisition_ceiling([250.0, -10.0], conversion_rate=[0.2, 0.5], required_return=0.25)
    np.testing.assert_allclose(ceiling, [40.0, 0.0])
    assert 250 * 0.2 / ceiling[0] - 1 == pytest.approx(0.25)


def test_value_at_risk_and_its_error():
    rng = np.random.default_rng(1)
    value, hazard = rng.gamma(2.0, 50.0, 800), rng.beta(1, 12, 800)
    found = value_at_risk(value, hazard, threshold=[0.1, 0.02])
    np.testing.assert_array_equal(found.threshold, [0.02, 0.1])
    for j, cut in enumerate(found.threshold):
        assert found.share[j] == pytest.approx(value[hazard >= cut].sum() / value.sum())
        assert found.value[j] == pytest.approx(value[hazard >= cut].sum())
        picks = rng.integers(0, 800, (3000, 800))
        shares = (value * (hazard >= cut))[picks].sum(axis=1) / value[picks].sum(axis=1)
        assert found.std_error[j] == pytest.approx(shares.std(), rel=0.06)
    assert found.expected_loss == pytest.approx((value * hazard).sum())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: customer_equity([1.0]), r"customer_equity needs groups"),
        (lambda: customer_equity([1.0], ["a"], acquisition_cost=-1.0), r"acquisition_cost must be >= 0"),
        (lambda: value_at_risk([0.0], [0.1], threshold=0.1), r"the total value is 0: a share of it has no meaning"),
        (lambda: value_at_risk([1.0], [1.1], threshold=0.1), r"hazard must be >= 0 and <= 1"),
        (lambda: value_at_risk([1.0, 2.0], [0.1], threshold=0.1), r"hazard has 1 rows but value has 2"),
        (
            lambda: acquisition_ceiling(10.0, conversion_rate=0.0),
            r"conversion_rate must be > 0 and <= 1 .*20 % is 0\.20",
        ),
        (lambda: acquisition_ceiling(10.0, required_return=-0.1), r"required_return must be >= 0"),
        (
            lambda: payback_by_group([[0.9]], 1.0, ["a"], acquisition_cost=-1.0),
            r"acquisition_cost must be >= 0",
        ),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
