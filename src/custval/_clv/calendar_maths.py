"""Purchases that follow the calendar: Pareto/NBD and BG/BB whose rates move with season and campaigns, as formulas.

Period k of the calendar multiplies the purchase rate by a_k = exp(z_k'g) and the rate of leaving by d_k = exp(z_k'h);
in BG/BB the odds. With A and D the sums over the periods since the first purchase, Pareto/NBD keeps its form:

    L = Gamma(n)/Gamma(r) alpha^r beta^s prod a_(k of purchase)
        [ (alpha+A_T)^-n (beta+D_T)^-s + s integral from t_x to T of D' (alpha+A)^-n (beta+D)^-(s+1) ]

Within a period both grow evenly, so the integral is a sum of smooth pieces; purchases stand at
the end of their period. In BG/BB chances that move are no longer conjugate: the means over p and theta
are taken on nodes.

References
----------
Bachmann, P., Meierer, M. and Naef, J. (2021), The role of time-varying contextual factors in latent attrition models
for customer base analysis, Marketing Science 40(4), eq. 3-9.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("Histories", "bernoulli_alive", "bernoulli_bought", "pareto_alive", "pareto_bought")

NODES, WEIGHTS = (part / 2.0 for part in np.polynomial.legendre.leggauss(8))
NODES = NODES + 0.5
BETA_NODES = 61


class Histories(NamedTuple):
    """Purchases by period of the calendar, with the period of the first purchase and of the last one."""

    counts: FloatArray  # (n, P)
    born: IntArray  # (n,)
    last: IntArray  # (n,)

    @property
    def again(self) -> FloatArray:
        """Repeat purchases of each customer."""
        return np.asarray(self.counts.sum(axis=1) - self.counts[np.arange(len(self.born)), self.born])


def pareto_alive(
    theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: Histories
) -> tuple[FloatArray, FloatArray]:
    """Return the log-likelihood of each customer, without the calendar's own factor, and the chance to be there."""
    from scipy.special import gammaln

    r, alpha, s, beta = theta
    periods = seen.counts.shape[1]
    n = r + seen.again
    pairs, where = np.unique(np.stack([n, seen.born.astype(np.float64)]), axis=1, return_inverse=True)
    where = where.ravel()  # NumPy 2.0 keeps the axis
    power, born = pairs[0], pairs[1].astype(np.int64)
    buys, leaves = (np.concatenate([[0.0], np.cumsum(pace[:periods])]) for pace in paces)
    # pieces (pairs, periods): who leaves in period k
    a = alpha + (buys[:-1] - buys[born + 1][:, None])[:, :, None] + paces[0][:periods, None] * NODES
    b = beta + (leaves[:-1] - leaves[born + 1][:, None])[:, :, None] + paces[1][:periods, None] * NODES
    with np.errstate(invalid="ignore", divide="ignore"):
        log = -power[:, None, None] * np.log(a) - (s + 1.0) * np.log(b) + np.log(s * paces[1][:periods, None])
        top = log.max(axis=2)
        piece = top + np.log(np.exp(log - top[:, :, None]) @ WEIGHTS)
    piece = np.where(np.arange(periods) > born[:, None], piece, -np.inf)
    later = np.logaddexp.accumulate(piece[:, ::-1], axis=1)[:, ::-1]
    later = np.concatenate([later, np.full((len(power), 1), -np.inf)], axis=1)[np.ravel(where), seen.last + 1]
    end_a, end_b = alpha + buys[-1] - buys[seen.born + 1], beta + leaves[-1] - leaves[seen.born + 1]
    here = -n * np.log(end_a) - s * np.log(end_b)
    both = np.logaddexp(here, later)
    level = gammaln(n) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return np.asarray(level + both), np.exp(here - both)


def pareto_bought(
    theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: Histories, horizon: int
) -> FloatArray:
    """Return the purchases expected in each coming period of a customer who is still there, (n, horizon)."""
    r, alpha, s, beta = theta
    periods = seen.counts.shape[1]
    buys, leaves = (np.concatenate([[0.0], np.cumsum(pace)]) for pace in paces)
    rate = (r + seen.again) / (alpha + buys[periods] - buys[seen.born + 1])
    now = beta + leaves[periods] - leaves[seen.born + 1]
    made = np.empty((len(rate), horizon))
    for j in range(horizon):
        ahead = leaves[periods + j] - leaves[periods] + paces[1][periods + j] * NODES
        made[:, j] = rate * paces[0][periods + j] * (np.exp(-s * np.log1p(ahead / now[:, None])) @ WEIGHTS)
    return made


def bernoulli_alive(
    theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: Histories
) -> tuple[FloatArray, FloatArray]:
    """Return the log-likelihood of each customer, and the chance to be there at the next chance to buy."""
    alpha, beta, gamma, delta = theta
    periods = seen.counts.shape[1]
    (y, weight), (z, mass) = _beta_grid(alpha, beta), _beta_grid(gamma, delta)
    missed = _log_left(y, paces[0][:periods])  # (P, N): log of no purchase
    bought = np.log(paces[0][:periods, None]) + y + missed
    after = np.arange(periods) > seen.born[:, None]
    yes = (seen.counts > 0) & after
    stop = _log_left(z, paces[1][: periods + 1])  # log of staying at each chance
    known = yes.astype(np.float64) @ bought + (after & ~yes & (np.arange(periods) <= seen.last[:, None])) @ missed
    total = np.full(len(known), -np.inf)
    left = np.concatenate([np.zeros((1, len(z))), np.cumsum(stop, axis=0)])  # (P + 2, M)
    for k in range(periods + 1):
        # there until period k - 1, gone before k; k = periods: there to the end
        open_ = (seen.last < k) if k < periods else np.ones(len(known), dtype=bool)
        stays = left[k] - left[seen.born + 1]
        if k < periods:
            gone = np.log(np.maximum(-np.expm1(stop[k]), 1e-300))
            ends = _log_mean(stays + gone, mass)
        else:
            ends = _log_mean(stays, mass)
        value = np.where(open_, _log_mean(known, weight) + ends, -np.inf)
        total = np.logaddexp(total, value)
        if k < periods:
            known = known + np.where((seen.last < k)[:, None] & (seen.born < k)[:, None], missed[k], 0.0)
    next_one = _log_mean(known, weight) + _log_mean(left[periods + 1] - left[seen.born + 1], mass)
    return total, np.exp(next_one - total)


def bernoulli_bought(
    theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: Histories, horizon: int
) -> FloatArray:
    """Return the purchases expected at each coming chance of a customer who is there at the next one, (n, horizon)."""
    alpha, beta, gamma, delta = theta
    periods = seen.counts.shape[1]
    (y, weight), (z, mass) = _beta_grid(alpha, beta), _beta_grid(gamma, delta)
    missed, after = _log_left(y, paces[0]), np.arange(periods) > seen.born[:, None]
    yes = (seen.counts > 0) & after
    known = yes.astype(np.float64) @ (np.log(paces[0][:periods, None]) + y + missed[:periods])
    known = known + (after & ~yes).astype(np.float64) @ missed[:periods]
    stop = _log_left(z, paces[1])
    left = np.concatenate([np.zeros((1, len(z))), np.cumsum(stop, axis=0)])
    base, here = _log_mean(known, weight), _log_mean(left[periods + 1] - left[seen.born + 1], mass)
    made = np.empty((len(base), horizon))
    for j in range(horizon):
        k = periods + j
        buys = _log_mean(known + np.log(paces[0][k]) + y + missed[k], weight) - base
        made[:, j] = np.exp(buys + _log_mean(left[k + 1] - left[seen.born + 1], mass) - here)
    return made


def _beta_grid(a: float, b: float) -> tuple[FloatArray, FloatArray]:
    """Return log-odds and log weights of a mean over Beta(a, b): equal steps after a stretch of the tails."""
    from scipy.special import betaln

    spread = np.sqrt(1.0 / a + 1.0 / b)
    place = np.linspace(-4.2, 4.2, BETA_NODES)
    y = np.log(a / b) + spread * np.sinh(place) / 1.2
    width = (place[1] - place[0]) * spread * np.cosh(place) / 1.2
    log = a * y - (a + b) * np.logaddexp(0.0, y) - betaln(a, b) + np.log(width)
    return y, np.asarray(log - np.log(np.exp(log).sum()))


def _log_left(y: FloatArray, pace: FloatArray) -> FloatArray:
    """Return log(1 - chance) where the odds e^y are multiplied by the pace, (periods, nodes)."""
    return np.asarray(-np.logaddexp(0.0, y + np.log(pace)[:, None]))


def _log_mean(log: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the logarithm of the mean over the nodes in the last axis."""
    both = log + weight
    top = both.max(axis=-1)
    return np.asarray(top + np.log(np.exp(both - top[..., None]).sum(axis=-1)))
