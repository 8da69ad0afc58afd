"""Purchases at random until a lifetime of its own ends: Pareto/NBD as formulas that keep every digit.

A customer buys at rate lambda ~ Gamma(r, alpha) and leaves at rate mu ~ Gamma(s, beta). With n = r + x

    L = Gamma(n)/Gamma(r) alpha^r beta^s [ A(T) + s integral from t_x to T of (alpha+u)^-n (beta+u)^-(s+1) du ]
    A(t) = (alpha+t)^-n (beta+t)^-s

Integration by parts turns the bracket into  s F(t_x) + n G(T)  with two integrals over all later times,

    F(t) = integral of (alpha+u)^-n (beta+u)^-(s+1) du,   G(t) = integral of (alpha+u)^-(n+1) (beta+u)^-s du,  u > t:

a sum of positive terms, each a function of (x, t_x) or of (x, T) alone. Both are the integral of `power_tail`.

References
----------
Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers, Management Science 33(1).
Fader, P. S. and Hardie, B. G. S. (2005), A note on deriving the Pareto/NBD model, brucehardie.com/notes/009.
Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV, Journal of Marketing Research 42(4), eq. 3 (DERT).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from custval._clv.beta_geometric_maths import Seen
from custval._clv.levels import on_levels
from custval._clv.quadrature import decay_integral, power_tail, power_tail_of_one
from custval._core.typing import FloatArray

__all__ = (
    "Theta",
    "alive",
    "alive_one",
    "bought",
    "bought_one",
    "count_chance",
    "log_likelihood",
    "residual",
    "staying",
)


class Theta(NamedTuple):
    """Parameters, each of shape () or (n,)."""

    r: float | FloatArray
    alpha: float | FloatArray
    s: float | FloatArray
    beta: float | FloatArray


def log_likelihood(theta: Theta, seen: Seen) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Return the log-likelihood of each customer, and its slopes in log r, log alpha, log s, log beta."""
    from scipy.special import digamma, gammaln

    r, alpha, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    n = r + seen.x
    early = _table(theta, seen, "t_x", lambda *part: _tail(*part, late=False))
    late = _table(theta, seen, "T", lambda *part: _tail(*part, late=True))
    soon, then = np.log(s) + early[0], np.log(n) + late[0]
    either = np.logaddexp(soon, then)
    share = np.exp(soon - either)
    slopes = [share * first + (1.0 - share) * second for first, second in zip(early[1:], late[1:], strict=True)]

    def by_count(x: FloatArray, p: FloatArray) -> FloatArray:
        return np.stack([gammaln(p + x) - gammaln(p), digamma(p + x) - digamma(p)], axis=-1)

    level, slope_r = (
        by_count(seen.x, r) if r.ndim else on_levels(lambda x: by_count(x, r), (seen.x,), known=seen.known, name="x")
    ).T
    value = level + r * np.log(alpha) + s * np.log(beta) + either
    in_r = r * (slope_r + np.log(alpha) + slopes[0] + (1.0 - share) / n)
    return value, (in_r, r + slopes[1], s * (np.log(beta) + slopes[2]) + share, s + slopes[3])


def alive(theta: Theta, seen: Seen) -> FloatArray:
    """Return the chance that each customer is still there: A(T) over the bracket, 1 where t_x = T."""
    r, alpha, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    n = r + seen.x
    early = _value(theta, seen, "t_x", late=False)
    late = _value(theta, seen, "T", late=True)
    here = -n * np.log(alpha + seen.T) - s * np.log(beta + seen.T)
    return np.minimum(np.exp(here - np.logaddexp(np.log(s) + early, np.log(n) + late)), 1.0)


def alive_one(theta: Sequence[float], one: Sequence[float]) -> float:
    """Return the chance that one customer is still there by plain arithmetic: microseconds."""
    (r, alpha, s, beta), (x, t_x, T) = theta, one
    n = r + x
    c, gap = n + s, abs(alpha - beta)
    on_soon, on_late = (s + 1.0, s) if alpha >= beta else (n, n + 1.0)
    logs = []
    for m, t in ((on_soon, t_x), (on_late, T)):
        big, small = max(alpha, beta) + t, min(alpha, beta) + t
        logs.append((m - c) * math.log(big) - m * math.log(small) + math.log(power_tail_of_one(c, m, gap / small) / c))
    here = -n * math.log(alpha + T) - s * math.log(beta + T)
    gone = math.exp(min(math.log(s) + logs[0] - here, 700.0))
    return min(1.0, 1.0 / (gone + math.exp(math.log(n) + logs[1] - here)))


def bought_one(theta: Sequence[float], one: Sequence[float], t: float) -> float:
    """Return the purchases expected over t of one customer who is still there."""
    (r, alpha, s, beta), (x, _, T) = theta, one
    later = math.log1p(t / (beta + T))
    power = (1.0 - s) * later
    stay = later * (math.expm1(power) / power if abs(power) > 1e-300 else 1.0)
    return (r + x) / (alpha + T) * (beta + T) * stay


def staying(theta: Theta, seen: Seen, ahead: FloatArray) -> FloatArray:
    """Return the chance to be still there after `ahead` of a customer who is there now."""
    s, beta = np.asarray(theta.s, dtype=np.float64), np.asarray(theta.beta, dtype=np.float64)
    return np.asarray(np.exp(-s * np.log1p(ahead / (beta + seen.T))))


def bought(theta: Theta, seen: Seen, horizon: FloatArray) -> FloatArray:
    """Return the purchases expected over the horizon of a customer who is still there; no pole at s = 1."""
    r, alpha, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    later = np.log1p(horizon / (beta + seen.T))
    power = (1.0 - s) * later
    # (e^power - 1) / (1 - s): by the exponential's own small argument, so that s = 1 is nothing special
    with np.errstate(invalid="ignore", divide="ignore"):
        stay = np.where(np.abs(power) > 1e-300, np.expm1(power) / power, 1.0) * later
    return np.asarray((r + seen.x) / (alpha + seen.T) * (beta + seen.T) * stay)


def residual(theta: Theta, seen: Seen, delta: float) -> FloatArray:
    """Return the purchases to come for ever, discounted at the continuous rate, of a customer who is still there."""
    r, alpha, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)

    def stay(power: FloatArray, since: FloatArray) -> FloatArray:
        return decay_integral(power, 1.0 / (delta * since)) / delta

    lasting = on_levels(stay, tuple(np.broadcast_arrays(s, beta + seen.T)))
    return np.asarray((r + seen.x) / (alpha + seen.T) * lasting)


def count_chance(theta: Theta, seen: Seen, horizon: FloatArray, count: int) -> FloatArray:
    """Return the chance of exactly `count` purchases over the horizon of a customer who is still there.

    Given alive the customer is one of the same model with (n, alpha + T, s, beta + T): those who leave at u had their
    purchases before u, and those who stay had the whole horizon.
    """
    from scipy.special import gammaln

    r, alpha, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    n, a, b = r + seen.x, alpha + seen.T, beta + seen.T
    level = gammaln(n + count) - gammaln(n) - gammaln(count + 1.0)
    with np.errstate(divide="ignore"):
        bought_by = count * (np.log(horizon) if count else 0.0)
    stays = level - n * np.log1p(horizon / a) - count * np.log(a + horizon) + bought_by - s * np.log1p(horizon / b)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    total = np.exp(stays)
    # panels that grow with u: the features stand at the scales of horizon, a / n and b
    for low, high in _panels():
        u = horizon[:, None] * (low + (high - low) * (nodes + 1.0) / 2.0)
        log = level[:, None] - n[:, None] * np.log1p(u / a[:, None]) - count * np.log(a[:, None] + u)
        with np.errstate(divide="ignore"):
            log = log + (count * np.log(u) if count else 0.0)
        shape = np.broadcast_to(s, n.shape)[:, None]
        log = log + np.log(shape / b[:, None]) - (shape + 1.0) * np.log1p(u / b[:, None])
        total = total + horizon * (high - low) / 2.0 * (np.exp(log) @ weights)
    return np.asarray(np.minimum(total, 1.0))


def _panels() -> list[tuple[float, float]]:
    """Return parts of (0, 1) that halve towards 0: a function with features at any scale is smooth on each."""
    edges = [0.0, *(0.5**i for i in range(44, -1, -1))]
    return list(pairwise(edges))


def _table(theta: Theta, seen: Seen, time: str, answer: object) -> tuple[FloatArray, ...]:
    """Return the columns of ``answer`` for (x, t), once for equal pairs where the parameters are the same for all."""
    r, *rest = (np.asarray(part, dtype=np.float64) for part in theta)
    x, t = seen.x, seen.t_x if time == "t_x" else seen.T
    if any(np.ndim(part) for part in theta):
        shared = np.broadcast_arrays(r + x, *rest, t)
        return tuple(answer(*shared).T)  # type: ignore[operator]

    def pairs(count: FloatArray, time: FloatArray) -> FloatArray:
        return np.asarray(answer(r + count, *(np.broadcast_to(p, count.shape) for p in rest), time))  # type: ignore[operator]

    return tuple(on_levels(pairs, (x, t), known=seen.known, name=f"x, {time}").T)


def _value(theta: Theta, seen: Seen, time: str, *, late: bool) -> FloatArray:
    def log(*part: FloatArray) -> FloatArray:
        return _log_tail(*part, late=late, moments=False)[:, None]

    return _table(theta, seen, time, log)[0]


def _log_tail(
    n: FloatArray, alpha: FloatArray, s: FloatArray, beta: FloatArray, t: FloatArray, *, late: bool, moments: bool
) -> FloatArray:
    a, b = alpha + t, beta + t
    wide = alpha >= beta  # the larger of the two sets the pace
    big, small = np.where(wide, a, b), np.where(wide, b, a)
    on_alpha, on_beta = (n + 1.0, s) if late else (n, s + 1.0)
    c, m = n + s, np.where(wide, on_beta, on_alpha)
    tail = power_tail(c, m, np.abs(alpha - beta) / small, moments=moments)
    log = (m - c) * np.log(big) - m * np.log(small) + np.log(tail.integral) - np.log(c)
    if not moments:
        return np.asarray(log)
    log_big, log_small = np.log(big) + tail.mean_v / c, np.log(small) + tail.mean_v / c + tail.mean_log
    over_big, over_small = tail.mean_left / big, tail.mean_ratio / small
    log_a, log_b = np.where(wide, log_big, log_small), np.where(wide, log_small, log_big)
    over_a, over_b = np.where(wide, over_big, over_small), np.where(wide, over_small, over_big)
    slopes = (-log_a, -alpha * on_alpha * over_a, -log_b, -beta * on_beta * over_b)
    return np.stack([log, *slopes], axis=-1)


def _tail(
    n: FloatArray, alpha: FloatArray, s: FloatArray, beta: FloatArray, t: FloatArray, *, late: bool
) -> FloatArray:
    """Return log F or log G with slopes in n, log alpha, s and log beta: (rows, 5)."""
    return _log_tail(n, alpha, s, beta, t, late=late, moments=True)
