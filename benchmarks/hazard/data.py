"""Simulated customers of the hazard benchmarks: 20 columns, 60 months, about one departure in two."""

from __future__ import annotations

import numpy as np

MONTHS = 60


def customers(n: int, columns: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns (n, p), durations and events of n customers."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns))
    rate = np.exp(-4.5 + X @ rng.normal(scale=0.15, size=columns))
    life = rng.geometric(rate / (1 + rate))
    watched = rng.integers(1, MONTHS + 1, n)
    return X, np.minimum(life, watched), (life <= watched).astype(np.int64)


def person_months(X: np.ndarray, duration: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the expanded design, one level for each month beside the columns, and who left in which row."""
    who = np.repeat(np.arange(len(X)), duration)
    month = np.arange(len(who)) - np.repeat(np.cumsum(duration) - duration, duration)
    design = np.zeros((len(who), MONTHS + X.shape[1]))
    design[np.arange(len(who)), month] = 1.0
    design[:, MONTHS:] = X[who]
    left = np.zeros(len(who))
    left[np.cumsum(duration) - 1] = event
    return design, left
