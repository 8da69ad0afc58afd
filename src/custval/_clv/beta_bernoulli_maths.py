"""Purchases by month, yes or no, until a coin each month says stop: BG/BB as formulas.

In each of T chances a living customer buys with probability p ~ Beta(alpha, beta), and before each chance leaves with
theta ~ Beta(gamma, delta). With x purchases, the last at chance t_x,

    L = [ B(alpha+x, beta+T-x) B(gamma, delta+T)
          + sum_{i=0}^{T-t_x-1} B(alpha+x, beta+t_x-x+i) B(gamma+1, delta+t_x+i) ] / [B(alpha,beta) B(gamma,delta)]

"Still there" means: not gone before the next chance, T + 1. All sums are of positive terms.

References
----------
Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time noncontractual setting,
Marketing Science 29(6), eq. 5, 7, 11, 13-14.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from custval._clv.beta_geometric_maths import Seen
from custval._clv.contract import residual_lifetime
from custval._clv.levels import on_levels
from custval._core.typing import ArrayLike, FloatArray

__all__ = ("Theta", "alive", "bought", "count_chance", "log_likelihood", "residual", "staying")

CELLS = 2**17


class Theta(NamedTuple):
    """Parameters, each of shape () or (n,)."""

    alpha: float | FloatArray
    beta: float | FloatArray
    gamma: float | FloatArray
    delta: float | FloatArray


def log_likelihood(theta: Theta, seen: Seen) -> FloatArray:
    """Return the log-likelihood of each customer."""
    return on_levels(_log_likelihood, _rows(theta, seen))


def alive(theta: Theta, seen: Seen) -> FloatArray:
    """Return the chance that each customer is there at the next chance to buy."""

    def answer(*rows: FloatArray) -> FloatArray:
        return np.exp(_stays(rows, more=1.0) - _log_likelihood(*rows))

    return on_levels(answer, _rows(theta, seen))


def staying(theta: Theta, seen: Seen, ahead: FloatArray) -> FloatArray:
    """Return the chance to be there so many chances later of a customer who is there at the next chance."""
    _, _, gamma, delta, _, _, n = _rows(theta, seen)
    return _stay(gamma, delta + n + 1.0, ahead)


def bought(theta: Theta, seen: Seen, horizon: FloatArray) -> FloatArray:
    """Return the purchases expected over the coming chances of a customer who is there at the next chance."""
    alpha, beta, gamma, delta, x, _, n = _rows(theta, seen)

    def answer(g: FloatArray, d: FloatArray, t: FloatArray) -> FloatArray:
        total, most = np.zeros_like(t), int(t.max(initial=0.0))
        for first in range(0, most, 512):
            ahead = first + np.arange(512.0)
            total += np.where(ahead < t[:, None], _stay(g[:, None], d[:, None], ahead), 0.0).sum(axis=1)
        return total

    return np.asarray((alpha + x) / (alpha + beta + n) * on_levels(answer, (gamma, delta + n + 1.0, horizon)))


def residual(theta: Theta, seen: Seen, rate: float) -> FloatArray:
    """Return the discounted purchases to come, at the continuous rate, of a customer there at the next chance."""
    alpha, beta, gamma, delta, x, _, n = _rows(theta, seen)
    v = float(np.exp(-rate))

    def answer(g: FloatArray, d: FloatArray) -> FloatArray:
        # the first chance stands at v; after it theta is Beta(gamma, delta + n + 1)
        if (g == g[0]).all():
            return v * (1.0 + v * residual_lifetime(float(g[0]), d[0], 1.0 + d - d[0], v))
        each = [residual_lifetime(float(one), other, np.ones(1), v)[0] for one, other in zip(g, d, strict=True)]
        return v * (1.0 + v * np.array(each))

    return np.asarray((alpha + x) / (alpha + beta + n) * on_levels(answer, (gamma, delta + n + 1.0), least=0))


def count_chance(theta: Theta, seen: Seen, horizon: FloatArray, count: int) -> FloatArray:
    """Return the chance of exactly `count` purchases over the coming chances, of a customer there at the next one."""
    alpha, beta, gamma, delta, x, _, n = _rows(theta, seen)
    a, b, d = alpha + x, beta + n - x, delta + n + 1.0
    chance = np.where(horizon < 1.0, float(count == 0), 0.0)
    for active in range(1, int(horizon.max(initial=0.0)) + 1):
        leaves = _stay(gamma, d, active - 1.0) - np.where(active < horizon, _stay(gamma, d, float(active)), 0.0)
        chance += np.where(active <= horizon, leaves * _binomial(a, b, active, count), 0.0)
    return chance


def _binomial(a: FloatArray, b: FloatArray, tries: int, count: int) -> FloatArray:
    from scipy.special import betaln, gammaln

    if count > tries:
        return np.zeros_like(a)
    ways = gammaln(tries + 1.0) - gammaln(count + 1.0) - gammaln(tries - count + 1.0)
    return np.asarray(np.exp(ways + betaln(a + count, b + tries - count) - betaln(a, b)))


def _rows(theta: Theta, seen: Seen) -> tuple[FloatArray, ...]:
    parts = (*theta, *seen[:3])
    return tuple(np.array(np.broadcast_to(np.asarray(part, dtype=np.float64), seen.x.shape)) for part in parts)


def _stay(gamma: FloatArray, delta: FloatArray, ahead: ArrayLike) -> FloatArray:
    from scipy.special import betaln

    return np.asarray(np.exp(betaln(gamma, delta + np.asarray(ahead)) - betaln(gamma, delta)))


def _stays(rows: tuple[FloatArray, ...], *, more: float = 0.0) -> FloatArray:
    """Return the log-likelihood together with still being there after `more` further chances."""
    from scipy.special import betaln

    alpha, beta, gamma, delta, x, _, n = rows
    buys = betaln(alpha + x, beta + n - x) - betaln(alpha, beta)
    return np.asarray(buys + betaln(gamma, delta + n + more) - betaln(gamma, delta))


def _log_likelihood(*rows: FloatArray) -> FloatArray:
    """Return the log-likelihood; the terms of the sum are products of ratios, from the first on."""
    from scipy.special import betaln

    alpha, beta, gamma, delta, x, t_x, n = rows
    stays = _stays(rows)
    missed, left = beta + t_x - x, delta + t_x
    level = betaln(alpha + x, missed) - betaln(alpha, beta) + betaln(gamma + 1.0, left) - betaln(gamma, delta)
    longest, total, last = int((n - t_x).max(initial=0.0)), np.zeros(len(x)), np.ones(len(x))
    some = max(1, CELLS // max(len(x), 1))
    for first in range(0, longest, some):
        i = np.arange(first, min(first + some, longest), dtype=np.float64)
        buys = (missed[:, None] + i) / ((alpha + x + missed)[:, None] + i)
        goes = (left[:, None] + i) / ((gamma + 1.0 + left)[:, None] + i)
        after = np.cumprod(buys * goes, axis=1) * last[:, None]
        term = np.concatenate([last[:, None], after[:, :-1]], axis=1)
        total += np.where(i < (n - t_x)[:, None], term, 0.0).sum(axis=1)
        last = after[:, -1]
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(stays, level + np.log(total)))
