"""Standard errors: each rule against another way to it."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.kernels import risk_table
from custval._survival.variance import incidence_variance
from custval.survival import aalen_johansen, kaplan_meier, nelson_aalen, survival_target


def sample(n=60, seed=3, entry=False):
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 3, n) if entry else np.zeros(n)
    return survival_target(start + rng.integers(1, 9, n), rng.integers(0, 3, n), entry=start)


def test_robust_equals_greenwood_without_weights_and_entry():
    y = sample()
    for draw in (kaplan_meier, aalen_johansen):
        np.testing.assert_allclose(draw(y, variance="robust").std_error, draw(y).std_error, rtol=1e-10)
    np.testing.assert_allclose(
        nelson_aalen(y, variance="robust").std_error, nelson_aalen(y, variance="greenwood").std_error, rtol=1e-10
    )


@pytest.mark.parametrize("draw", [kaplan_meier, nelson_aalen, aalen_johansen])
def test_robust_equals_the_jackknife_of_derivatives(draw):
    """Influence by a difference quotient in each weight, with late entry and weights."""
    y = sample(25, entry=True)
    weight = np.random.default_rng(1).uniform(0.5, 2, 25)
    field = {"kaplan_meier": "survival", "nelson_aalen": "hazard", "aalen_johansen": "incidence"}[draw.__name__]
    step, total = 1e-6, 0.0
    for i in range(25):
        up, down = weight.copy(), weight.copy()
        up[i], down[i] = weight[i] + step, weight[i] - step
        slope = getattr(draw(y, sample_weight=up), field) - getattr(draw(y, sample_weight=down), field)
        total = total + (weight[i] * slope / (2 * step)) ** 2
    curve = draw(y, sample_weight=weight)
    there = ~np.ma.getmaskarray(curve.std_error)
    np.testing.assert_allclose(np.asarray(curve.std_error)[there], np.sqrt(total)[there], rtol=1e-6)


@pytest.mark.parametrize("rule", ["greenwood", "aalen", "cmprsk"])
def test_incidence_variance_equals_the_double_sum(rule):
    y = sample(40, entry=True)
    table = risk_table(y["duration"], y["event"], entry=y["entry"], weight=None, causes=2)
    curve = aalen_johansen(y)
    before = np.r_[1.0, curve.survival[:-1]]
    got = incidence_variance(table, before, curve.incidence, rule)
    for k in range(2):
        for j in range(len(curve.times)):
            want = sum(step(table, before, curve, rule, k, u, j) for u in range(j + 1))
            assert got[k, j] == pytest.approx(want, rel=1e-10, abs=1e-15)


def step(table, before, curve, rule, k, u, j):
    r, d = table.at_risk[u], table.events[:, u]
    ahead = (curve.incidence[k, j] - curve.incidence[k, u]) / (1 - d.sum() / r) if d.sum() < r else 0.0
    slope = np.full(2, -ahead)
    slope[k] += before[u]
    h = d / r
    if rule == "greenwood":
        spread = (np.diag(h) - np.outer(h, h)) / r
    elif rule == "aalen":
        spread = np.diag(h) / r
    else:
        spread = np.diag([x / r * (1 - (n - 1) / (r - 1) if n > 1 else 1) for x, n in zip(h, d, strict=True)])
    return slope @ spread @ slope


@pytest.mark.parametrize("rule", ["greenwood", "aalen", "cmprsk", "robust"])
def test_every_rule_finds_the_spread_of_repeated_samples(rule):
    rng = np.random.default_rng(8)
    found, said = [], []
    for _ in range(400):
        time, end = rng.exponential(10, 300), rng.uniform(2, 20, 300)
        event = np.where(time <= end, rng.integers(1, 3, 300), 0)
        curve = aalen_johansen(survival_target(np.minimum(time, end), event, causes=("a", "b")), variance=rule)
        found.append(curve.at(8)[0])
        said.append(curve.std_error[0, np.searchsorted(curve.times, 8, side="right") - 1])
    assert np.mean(said) == pytest.approx(np.std(found), rel=0.1)
