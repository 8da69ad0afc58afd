"""Purchases at random until a lifetime that ends ever more surely: G/G/NBD as formulas.

Like Pareto/NBD, but the rate of leaving of a customer is eta b e^(b t) with eta ~ Gamma(s, beta): with b > 0 it rises
with age. With D(t) = beta + e^(b t) - 1 and n = r + x

    L = Gamma(n)/Gamma(r) alpha^r beta^s [ s F(t_x) + n G(T) ]
    F(t) = integral over u > t of b e^(b u) (alpha+u)^-n D(u)^-(s+1) du,  G(t) = integral of (alpha+u)^-(n+1) D(u)^-s du

by the same integration by parts: a sum of positive terms.

References
----------
Bemmaor, A. C. and Glady, N. (2012), Modeling purchasing behavior with sudden "death": a flexible customer lifetime
model, Management Science 58(5), eq. 3-9.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from custval._clv.beta_geometric_maths import Seen
from custval._clv.levels import on_levels
from custval._clv.quadrature import CELLS, LAST, half_line
from custval._core.typing import FloatArray

__all__ = ("Theta", "alive", "bought", "count_chance", "log_likelihood", "residual", "staying")


class Theta(NamedTuple):
    """Parameters, each of shape () or (n,)."""

    r: float | FloatArray
    alpha: float | FloatArray
    b: float | FloatArray
    s: float | FloatArray
    beta: float | FloatArray


def log_likelihood(theta: Theta, seen: Seen) -> FloatArray:
    """Return the log-likelihood of each customer."""
    from scipy.special import gammaln

    r, alpha, _, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    level = gammaln(r + seen.x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return np.asarray(level + _bracket(theta, seen))


def alive(theta: Theta, seen: Seen) -> FloatArray:
    """Return the chance that each customer is still there."""
    r, alpha, b, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    here = -(r + seen.x) * np.log(alpha + seen.T) - s * _log_d(b * seen.T, beta)
    return np.minimum(np.exp(here - _bracket(theta, seen)), 1.0)


def staying(theta: Theta, seen: Seen, ahead: FloatArray) -> FloatArray:
    """Return the chance to be still there after `ahead` of a customer who is there now."""
    _, _, b, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    return np.exp(-s * _log_ratio(b, beta, seen.T, ahead))


def bought(theta: Theta, seen: Seen, horizon: FloatArray) -> FloatArray:
    """Return the purchases expected over the horizon of a customer who is still there."""
    r, alpha, b, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    nodes, weights = np.polynomial.legendre.leggauss(16)

    def lasting(*part: FloatArray) -> FloatArray:
        rate, power, level, T, t = (column[:, None] for column in part)
        total = np.zeros(len(part[0]))
        edges = [0.0, *(0.5**i for i in range(30, 0, -1)), *np.linspace(0.5, 1.0, 9)[1:]]
        for low, high in pairwise(edges):
            u = t * (low + (high - low) * (nodes + 1.0) / 2.0)
            total += part[4] * (high - low) / 2.0 * (np.exp(-power * _log_ratio(rate, level, T, u)) @ weights)
        return total

    rows = tuple(np.array(part) for part in np.broadcast_arrays(b, s, beta, seen.T, horizon))
    return np.asarray((r + seen.x) / (alpha + seen.T) * on_levels(lasting, rows))


def residual(theta: Theta, seen: Seen, delta: float) -> FloatArray:
    """Return the purchases to come for ever, discounted at the continuous rate, of a customer who is still there."""
    r, alpha, b, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)

    def lasting(*part: FloatArray) -> FloatArray:
        rate, power, level, T = part
        pace = rate * power * np.exp(rate * T - _log_d(rate * T, level))
        u, weight = half_line(1.0 / (delta + pace), np.full(len(T), LAST / delta), _step(level))
        ratio = _log_ratio(rate[:, None], level[:, None], T[:, None], u)
        return np.asarray((weight * np.exp(-delta * u - power[:, None] * ratio)).sum(axis=1))

    rows = tuple(np.array(part) for part in np.broadcast_arrays(b, s, beta, seen.T))
    return np.asarray((r + seen.x) / (alpha + seen.T) * on_levels(lasting, rows))


def _bracket(theta: Theta, seen: Seen) -> FloatArray:
    """Return log(s F(t_x) + n G(T))."""
    parts = [np.asarray(part, dtype=np.float64) for part in theta]
    early = tuple(np.array(p) for p in np.broadcast_arrays(*parts, seen.x, seen.t_x))
    late = tuple(np.array(p) for p in np.broadcast_arrays(*parts, seen.x, seen.T))
    first = on_levels(lambda *rows: _blocks(rows, late=False), early)
    return np.logaddexp(first, on_levels(lambda *rows: _blocks(rows, late=True), late))


def _step(beta: FloatArray) -> float:
    """Return the step of the integrals: D bends at b u = log(beta), about 1 wide, so finer where beta is large."""
    return float(np.clip(0.7 / (1.0 + np.log1p(np.max(beta))), 0.07, 0.2))


def _blocks(rows: tuple[FloatArray, ...], *, late: bool) -> FloatArray:
    made, some = np.empty(len(rows[0])), CELLS // 256
    for first in range(0, len(made), some):
        made[first : first + some] = _log_tail(tuple(part[first : first + some] for part in rows), late=late)
    return made


def _log_tail(rows: tuple[FloatArray, ...], *, late: bool) -> FloatArray:
    """Return log of n G(t) (late) or s F(t)."""
    r, alpha, b, s, beta, x, t = rows
    n = r + x
    log_d = _log_d(b * t, beta)
    leaves = b * np.exp(b * t - log_d)  # b e^(b t) / D(t)
    pace = (n + 1.0) / (alpha + t) + (s + 1.0) * leaves + b
    most = (LAST / s + np.log1p(beta)) / b + 5.0 / b
    with np.errstate(over="ignore"):
        end = np.minimum(most, (alpha + t) * np.expm1(np.minimum(LAST / n, 700.0)) + 1.0 / b)
    u, weight = half_line(1.0 / pace, end, _step(beta))
    log_a = np.log1p(u / (alpha + t)[:, None])
    ratio = _log_ratio(b[:, None], beta[:, None], t[:, None], u)
    if late:
        log = -(n[:, None] + 1.0) * log_a - s[:, None] * ratio
        level = np.log(n) - (n + 1.0) * np.log(alpha + t) - s * log_d
    else:
        log = b[:, None] * u - n[:, None] * log_a - (s[:, None] + 1.0) * ratio
        level = np.log(s * b) + b * t - n * np.log(alpha + t) - (s + 1.0) * log_d
    return np.asarray(level + np.log((weight * np.exp(log)).sum(axis=1)))


def _log_d(age: FloatArray, beta: FloatArray) -> FloatArray:
    """Return log(beta + e^age - 1) without overflow."""
    small = np.minimum(age, 30.0)
    big = np.maximum(age, 30.0)
    return np.asarray(np.where(age < 30.0, np.log(beta + np.expm1(small)), big + np.log1p((beta - 1.0) * np.exp(-big))))


def _log_ratio(b: FloatArray, beta: FloatArray, t: FloatArray, u: FloatArray) -> FloatArray:
    """Return log(D(t+u) / D(t)): of 1 + e^(b t) (e^(b u) - 1) / D(t)."""
    start = b * t - _log_d(b * t, beta)
    ahead = b * u
    small = np.minimum(ahead, 30.0)
    with np.errstate(divide="ignore"):
        far = start + ahead + np.log1p(np.exp(-np.maximum(ahead, 30.0)) * np.expm1(-start))
    return np.asarray(np.where(ahead < 30.0, np.log1p(np.exp(start) * np.expm1(small)), far))


def count_chance(theta: Theta, seen: Seen, horizon: FloatArray, count: int) -> FloatArray:
    """Return the chance of exactly `count` purchases over the horizon of a customer who is still there."""
    from scipy.special import gammaln

    r, alpha, b, s, beta = (np.asarray(part, dtype=np.float64) for part in theta)
    n, rate = (r + seen.x)[:, None], np.broadcast_to(alpha + seen.T, seen.x.shape)[:, None]
    level = gammaln(n + count) - gammaln(n) - gammaln(count + 1.0)

    def log(u: FloatArray) -> FloatArray:
        bought_by = count * np.log(u / (rate + u)) if count else 0.0
        return np.asarray(level - n * np.log1p(u / rate) + bought_by)

    rise, power, start, age = (np.broadcast_to(part, seen.x.shape)[:, None] for part in (b, s, beta, seen.T))
    whole = horizon[:, None]
    with np.errstate(divide="ignore"):
        total = np.exp(log(whole) - power * _log_ratio(rise, start, age, whole))[:, 0]
        nodes, weights = np.polynomial.legendre.leggauss(24)
        for low, high in [(0.0, 0.5**30), *((0.5**i, 0.5 ** (i - 1)) for i in range(30, 0, -1))]:
            u = whole * (low + (high - low) * (nodes + 1.0) / 2.0)
            ratio = _log_ratio(rise, start, age, u)
            # leaving at u: s b e^(b (T + u)) D(T)^s / D(T + u)^(s + 1)
            later = rise * (age + u)
            leaves = np.log(power * rise) + later - _log_d(later, start) - power * ratio
            total = total + horizon * (high - low) / 2.0 * (np.exp(log(u) + leaves) @ weights)
    return np.asarray(np.minimum(total, 1.0))
