"""Intervals: formulas, edges and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from custval._survival.intervals import hazard_bounds, normal_quantile, probability_bounds
from custval.survival import kaplan_meier, survival_target

P, SE = np.array([0.3, 0.9]), np.array([0.05, 0.08])
Z = 1.959963984540054


def bounds(kind, p=P, se=SE):
    low, high = probability_bounds(p, se, np.isfinite(se), conf_level=0.95, conf_type=kind)
    return low.tolist(), high.tolist()


def test_formulas():
    assert normal_quantile(0.95) == pytest.approx(Z, rel=1e-14)
    assert bounds("plain")[0] == pytest.approx(P - Z * SE)
    assert bounds("plain")[1] == pytest.approx([0.3 + Z * 0.05, 1.0])
    assert bounds("log")[0] == pytest.approx(np.exp(np.log(P) - Z * SE / P))
    theta = np.log(-np.log(P))
    spread = Z * SE / (P * np.log(P))
    assert bounds("log-log")[0] == pytest.approx(np.exp(-np.exp(theta - spread)))
    assert bounds("log-log")[1] == pytest.approx(np.exp(-np.exp(theta + spread)))


@pytest.mark.parametrize("kind", ["plain", "log", "log-log"])
def test_before_the_first_event_both_bounds_are_the_estimate(kind):
    assert bounds(kind, np.array([1.0, 0.0]), np.zeros(2)) == ([1.0, 0.0], [1.0, 0.0])


def test_hazard_bounds():
    low, high = hazard_bounds(P, SE * 10, np.ones(2, dtype=bool), conf_level=0.95, conf_type="plain")
    assert low.tolist() == [0, 0]
    assert high.tolist() == pytest.approx(P + Z * SE * 10)
    low, high = hazard_bounds(np.array([0.0]), np.zeros(1), np.ones(1, dtype=bool), conf_level=0.95, conf_type="log")
    assert (low.tolist(), high.tolist()) == ([0], [0])


@pytest.mark.parametrize("kind", ["log", "plain", "log-log"])
def test_intervals_cover_the_truth(kind):
    """1,000 samples: the share of intervals that hold S(8) is inside the 99.9 % band around 0.95."""
    rng, hits = np.random.default_rng(4), 0
    for _ in range(1000):
        time, end = rng.exponential(10, 250), rng.uniform(4, 25, 250)
        curve = kaplan_meier(survival_target(np.minimum(time, end), time <= end), conf_type=kind)
        j = np.searchsorted(curve.times, 8, side="right") - 1
        hits += curve.lower[j] <= np.exp(-0.8) <= curve.upper[j]
    assert 925 <= hits <= 971
