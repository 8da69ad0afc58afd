"""Cox's partial likelihood by brute force, one risk set and one denominator at a time, and data to try it on."""

from __future__ import annotations

import numpy as np

from custval.survival import survival_target


def brute_force(X, y, coef, *, weight=None, strata=None, ties="efron") -> float:
    """Return the log partial likelihood at `coef` by the definition."""
    X, coef = np.asarray(X, dtype=float), np.asarray(coef, dtype=float)
    w = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    s = np.zeros(len(X)) if strata is None else np.unique(np.asarray(strata).astype(str), return_inverse=True)[1]
    eta, total = X @ coef, 0.0
    left = y["event"] > 0
    for group in np.unique(s):
        for time in np.unique(y["duration"][left & (s == group)]):
            here = (s == group) & (y["entry"] < time) & (time <= y["duration"])
            gone = here & left & (y["duration"] == time)
            at_risk, events, d = (w * np.exp(eta))[here].sum(), (w * np.exp(eta))[gone].sum(), int(gone.sum())
            total += float((w * eta)[gone].sum())
            for place in range(d):
                share = place / d if ties == "efron" else 0.0
                total -= w[gone].mean() * np.log(at_risk - share * events)
    return total


def slopes(height, at, step=1e-5):
    """Return the central differences of a function of p numbers."""
    return np.array([(height(at + step * e) - height(at - step * e)) / (2 * step) for e in np.eye(len(at))])


def spells(seed, n=60, p=3, *, months=True, late=True):
    """Return columns, a target with ties and late entries, weights, strata and clusters."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    duration = rng.exponential(8 * np.exp(-0.5 * X[:, 0])) + 0.1
    if months:
        duration = np.ceil(duration)
    entry = np.where(rng.random(n) < 0.4, duration * rng.random(n) * 0.9, 0.0) if late else np.zeros(n)
    if months:
        entry = np.floor(entry)
    event = rng.random(n) < 0.7
    event[0] = True
    y = survival_target(duration, event, entry=entry)
    return X, y, rng.integers(1, 4, n).astype(float), rng.integers(0, 3, n), rng.integers(0, n // 2, n)
