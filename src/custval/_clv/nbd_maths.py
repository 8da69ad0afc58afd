"""Purchases at random by customers who never leave: the NBD as formulas, the yardstick of the other models.

A customer buys at rate lambda ~ Gamma(r, alpha) for ever: with n = r + x

    L = Gamma(n)/Gamma(r) alpha^r (alpha+T)^-n

References
----------
Ehrenberg, A. S. C. (1959), The pattern of consumer purchases, Applied Statistics 8(1), 26-41.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from custval._clv.beta_geometric_maths import Seen
from custval._core.typing import FloatArray

__all__ = ("Theta", "bought", "count_chance", "log_likelihood", "residual")


class Theta(NamedTuple):
    """Parameters, each of shape () or (n,)."""

    r: float | FloatArray
    alpha: float | FloatArray


def log_likelihood(theta: Theta, seen: Seen) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Return the log-likelihood of each customer, and its slopes in log r and log alpha."""
    from scipy.special import digamma, gammaln

    r, alpha = (np.asarray(part, dtype=np.float64) for part in theta)
    n, late = r + seen.x, np.log1p(seen.T / alpha)
    value = gammaln(n) - gammaln(r) - seen.x * np.log(alpha) - n * late
    return value, (r * (digamma(n) - digamma(r) - late), r - n * alpha / (alpha + seen.T))


def bought(theta: Theta, seen: Seen, horizon: FloatArray) -> FloatArray:
    """Return the purchases expected over the horizon."""
    return np.asarray((theta.r + seen.x) / (theta.alpha + seen.T) * horizon)


def residual(theta: Theta, seen: Seen, delta: float) -> FloatArray:
    """Return the purchases to come for ever, discounted at the continuous rate."""
    return np.asarray((theta.r + seen.x) / (theta.alpha + seen.T) / delta)


def count_chance(theta: Theta, seen: Seen, horizon: FloatArray, count: int) -> FloatArray:
    """Return the chance of exactly `count` purchases over the horizon: a negative binomial."""
    from scipy.special import gammaln

    n, rate = theta.r + seen.x, theta.alpha + seen.T
    level = gammaln(n + count) - gammaln(n) - gammaln(count + 1.0) - n * np.log1p(horizon / rate)
    if count:
        with np.errstate(divide="ignore"):
            level = level + count * np.log(horizon / (rate + horizon))
    return np.asarray(np.exp(level))
