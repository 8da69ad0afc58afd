"""Outcome spread, conformal months and the Bayesian bootstrap: simulation, coverage, exact counts, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.clv import (
    GeometricRetention,
    bootstrap_value,
    discounted_value,
    months_kept,
    outcome_spread,
)
from custval.survival import kaplan_meier, survival_target

CURVE = 0.9 ** np.arange(1, 13)[None, :]


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_the_spread_of_outcomes_equals_simulated_customers(timing):
    rng = np.random.default_rng(0)
    n = 200_000
    found = outcome_spread(CURVE, 10.0, monthly_discount=0.01, timing=timing, loss_at_exit=15.0)
    leaves = rng.geometric(0.1, n)
    shift = {"end": 0.0, "start": 1.0, "mid": 0.5}[timing]
    worth = np.zeros(n)
    for t in range(1, 13):
        v = 1.01 ** -(t - shift)
        paid = {"end": leaves > t, "start": leaves >= t, "mid": 0.5 * ((leaves > t) + 1.0 * (leaves >= t))}[timing]
        worth += 10.0 * v * paid - 15.0 * v * (leaves == t)
    assert found.expected[0] == pytest.approx(worth.mean(), abs=4 * worth.std() / np.sqrt(n))
    assert found.std_dev[0] == pytest.approx(worth.std(), rel=0.01)
    np.testing.assert_allclose(found.quantiles[0], np.quantile(worth, found.levels, method="inverted_cdf"), atol=1e-9)
    expected = discounted_value(CURVE, 10.0, monthly_discount=0.01, timing=timing, loss_at_exit=15.0)
    np.testing.assert_allclose(found.expected, expected, rtol=1e-12)


def test_margins_of_both_signs_are_sorted():
    found = outcome_spread([[0.5, 0.25]], [[10.0, -30.0]], monthly_discount=0.0, levels=[0.0, 0.3, 0.8, 1.0])
    # leaves in month 1: 0 (1/2), in month 2: 10 (1/4), stays: -20 (1/4)
    np.testing.assert_allclose(found.quantiles, [[-20.0, 0.0, 10.0, 10.0]])


def holdout(rng, n, theta=0.05, end=36):
    """Customers who joined at random times before the data end: censored where the data end first."""
    life, watched = rng.geometric(theta, n), rng.integers(1, end + 1, n)
    watched[: n // 2] = end
    return survival_target(np.minimum(life, watched), life <= watched)


@pytest.mark.parametrize("theta", [0.05, 0.01, 0.2])
def test_months_kept_have_their_coverage_however_wrong_the_model(theta):
    rng = np.random.default_rng(7)
    kept = []
    for _ in range(60):
        y = holdout(rng, 400)
        bounds = months_kept(
            GeometricRetention.from_params(theta=theta), np.zeros((1, 1)), np.zeros((400, 1)), y, horizon=30
        )
        kept.append(0.95 ** bounds.lower[0])  # the true chance of staying longer than the bound
    assert np.mean(kept) >= 0.9
    assert np.mean(kept) < 0.97  # and not by being useless


def test_two_sides_hold_within_follow_up():
    rng = np.random.default_rng(8)
    lower, upper = [], []
    for _ in range(40):
        y = holdout(rng, 600, theta=0.12)
        bounds = months_kept(
            GeometricRetention.from_params(theta=0.1),
            np.zeros((1, 1)),
            np.zeros((600, 1)),
            y,
            horizon=30,
            coverage=0.8,
            two_sided=True,
        )
        lower.append(0.88 ** bounds.lower[0])
        upper.append(1 - 0.88 ** bounds.upper[0])
    assert np.mean(lower) >= 0.9
    assert np.mean(upper) >= 0.9
    assert np.isfinite(bounds.upper).all()


def test_an_upper_bound_beyond_follow_up_is_infinite():
    y = holdout(np.random.default_rng(9), 800, theta=0.01)
    bounds = months_kept(
        GeometricRetention.from_params(theta=0.01), np.zeros((2, 1)), np.zeros((800, 1)), y, horizon=30, two_sided=True
    )
    assert np.isinf(bounds.upper).all()


def test_without_censoring_the_level_is_the_plain_conformal_one():
    life = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 30.0])
    bounds = months_kept(
        GeometricRetention.from_params(theta=0.1),
        np.zeros((1, 1)),
        np.zeros((10, 1)),
        survival_target(life),
        horizon=20,
        coverage=0.7,
    )
    # (k + 1) / 11 <= 0.3 allows k = 2 departures at or before the bound
    assert bounds.level == pytest.approx(1 - 0.9**2)
    assert bounds.lower[0] == 2.0
    assert bounds.largest_weight == 1.0


def life_table_value(y, *, margin, horizon, rate, pooled):
    """Month by month from the Kaplan-Meier curve of the raw history."""
    curve = kaplan_meier(y)
    longest = int(y["duration"].max())
    kept = np.append(1.0, curve.at(np.arange(1, longest + 1)))
    hazard = 1 - kept[1:] / kept[:-1]
    risk = np.array([(y["duration"] >= t).sum() for t in range(1, longest + 1)])
    mean = (hazard * risk)[-pooled:].sum() / risk[-pooled:].sum()
    hazard = np.append(hazard, np.full(horizon, mean))
    total = 0.0
    for tenure in y["duration"][y["event"] == 0].astype(int):
        there = np.cumprod(1 - hazard[tenure : tenure + horizon])
        total += margin * (there / (1 + rate) ** np.arange(1, horizon + 1)).sum()
    return total


def test_the_point_is_that_of_the_life_table():
    rng = np.random.default_rng(3)
    y = holdout(rng, 500)
    found = bootstrap_value(y, margin=20.0, horizon=12, monthly_discount=0.01, draws=50, random_state=0)
    assert found.total == pytest.approx(life_table_value(y, margin=20.0, horizon=12, rate=0.01, pooled=6), rel=1e-9)
    assert found.customers[0] == (y["event"] == 0).sum()


def test_counts_give_what_customers_give():
    rng = np.random.default_rng(4)
    y = holdout(rng, 900)
    cells = np.array(["a", "b", "c"])[rng.integers(0, 3, 900)]
    margin = rng.uniform(10, 30, 900)
    whole = bootstrap_value(y, cells, margin=margin, horizon=9, monthly_discount=0.01, draws=400, random_state=1)
    assert whole.total == pytest.approx(whole.value.sum())
    mean = {c: margin[(cells == c) & (y["event"] == 0)].mean() for c in "abc"}
    keys = np.array([(c, *row) for c, row in zip(cells, y.tolist(), strict=True)], dtype=object)
    unique, count = np.unique([str(tuple(k)) for k in keys], return_counts=True)
    first = [int(np.flatnonzero([str(tuple(k)) == u for k in keys])[0]) for u in unique]
    counted = bootstrap_value(
        y[first],
        cells[first],
        margin=[mean[c] for c in cells[first]],
        horizon=9,
        monthly_discount=0.01,
        sample_weight=count.astype(float),
        draws=400,
        random_state=1,
    )
    np.testing.assert_allclose(counted.value, whole.value, rtol=1e-9)
    np.testing.assert_allclose(counted.total_std_error, whole.total_std_error, rtol=0.1)


def test_the_intervals_cover_the_value_of_the_truth():
    """A small study: the base's value from the true hazard lies inside the 90 % interval about nine times in ten."""
    rng = np.random.default_rng(5)
    inside = 0
    for seed in range(100):
        y = holdout(rng, 600)
        found = bootstrap_value(
            y, margin=10.0, horizon=12, monthly_discount=0.01, draws=150, conf_level=0.9, random_state=seed
        )
        here = (y["event"] == 0).sum()
        truth = here * 10 * ((0.95 / 1.01) ** np.arange(1, 13)).sum()
        inside += found.total_lower <= truth <= found.total_upper
    assert 80 <= inside <= 98


HISTORY = survival_target([3.0, 5.0, 5.0], [1, 0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: outcome_spread(CURVE, 1.0, monthly_discount=0.0, levels=[1.2]), r"levels must be >= 0 and <= 1"),
        (
            lambda: bootstrap_value([1.0, 2.0], margin=1.0, horizon=2, monthly_discount=0.0),
            r"y must be a target with duration and event",
        ),
        (
            lambda: bootstrap_value(survival_target([1.5, 2.0], [1, 0]), margin=1.0, horizon=2, monthly_discount=0.0),
            r"duration must be whole months .*value 1\.5\); see to_months",
        ),
        (
            lambda: bootstrap_value(survival_target([1.0, 2.0]), margin=1.0, horizon=2, monthly_discount=0.0),
            r"every customer has left, so there is no base to value",
        ),
        (
            lambda: bootstrap_value(HISTORY, ["a"], margin=1.0, horizon=2, monthly_discount=0.0),
            r"cells has 1 rows but y has 3",
        ),
        (
            lambda: months_kept(
                GeometricRetention.from_params(theta=0.1), np.zeros((1, 1)), np.zeros((3, 1)), HISTORY, horizon=12
            ),
            r"horizon=12 lies beyond the holdout's follow-up of 5 months",
        ),
        (
            lambda: months_kept(
                GeometricRetention.from_params(theta=0.1), np.zeros((1, 1)), np.zeros((3, 1)), HISTORY, horizon=4
            ),
            r"holdout of 3 customers is too small for this coverage",
        ),
        (
            lambda: months_kept(
                GeometricRetention.from_params(theta=0.1),
                np.zeros((1, 1)),
                np.zeros((2, 1)),
                survival_target([3.0, 4.0], [0, 0]),
                horizon=2,
            ),
            r"nobody left in the holdout",
        ),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
