"""Intervals that every figure of this wing shares: of a share, of a count, of a row of a transition matrix.

share   Wilson's score interval: inside 0..1 even for no or all departures
count   exact Poisson interval (Garwood 1936), for departures against a base that is not made of single trials
row     marginal Beta interval of a Dirichlet posterior, for moves out of one state
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from custval._core.typing import FloatArray
from custval._core.validation import check_scalar

__all__ = ("beta_interval", "half_width", "level_of", "poisson_interval", "wilson_interval")


def level_of(conf_level: float) -> float:
    """Return a legal confidence level."""
    return check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)


def half_width(level: float) -> float:
    """Return how many standard errors a two-sided normal interval reaches to each side."""
    return NormalDist().inv_cdf(0.5 + level / 2.0)


def wilson_interval(count: FloatArray, n: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of `count` / `n` (Wilson 1927); 0 and 1 where n is 0."""
    z2 = half_width(level) ** 2
    known = np.asarray(n, dtype=np.float64) > 0
    size = np.where(known, n, 1.0)
    share = np.where(known, count, 0.0) / size
    middle = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = np.sqrt(z2) / (1 + z2 / size) * np.sqrt(np.maximum(share * (1 - share), 0) / size + z2 / (4 * size**2))
    lower = np.where(known, np.clip(middle - half, 0.0, share), 0.0)
    upper = np.where(known, np.clip(middle + half, share, 1.0), 1.0)
    return lower, upper


def poisson_interval(count: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return exact bounds of the mean of a Poisson count (Garwood 1936), through the gamma distribution."""
    from scipy.special import gammaincinv

    tail = (1.0 - level) / 2.0
    seen = np.asarray(count, dtype=np.float64)
    lower = np.where(seen > 0, gammaincinv(np.maximum(seen, 1e-9), tail), 0.0)
    return lower, np.asarray(gammaincinv(seen + 1.0, 1.0 - tail), dtype=np.float64)


def beta_interval(a: FloatArray, b: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return equal-tailed bounds of a Beta(a, b) share; a share without any prior weight is exactly 0 or 1."""
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    safe_a, safe_b = np.where(a > 0, a, 1.0), np.where(b > 0, b, 1.0)
    lower = np.where(a <= 0, 0.0, np.where(b <= 0, 1.0, betaincinv(safe_a, safe_b, tail)))
    upper = np.where(a <= 0, 0.0, np.where(b <= 0, 1.0, betaincinv(safe_a, safe_b, 1.0 - tail)))
    return lower, upper
