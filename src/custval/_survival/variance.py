"""How sure is a curve? Variances of product-limit curves, from counts, or from the influence of each customer.

With h_k = d_k / r the share of those at risk who leave for cause k at a time u, S the survival, F_k the incidence and
e(u) = S(u-) / S(u), the incidence at t moves with the hazards at u <= t by

    dF_k(t) = S(u-) dh_k(u) - e(u) (F_k(t) - F_k(u)) dh(u)        (h = sum over causes)

(Andersen, Borgan, Gill and Keiding 1993, IV.4). The rules differ only in the covariance of the h_k at one time:
``greenwood`` multinomial, h_k (1 - h_k) / r; ``aalen`` Poisson, h_k / r; ``cmprsk`` hypergeometric within a cause,
h_k / r (1 - (d_k - 1) / (r - 1)), all other causes taken together (Gray 1988). ``robust`` sums the squared influence of
each customer (infinitesimal jackknife), which holds for weights that are not whole numbers; without weights and late
entry it equals ``greenwood``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.kernels import RiskTable
from custval._core.typing import FloatArray, IntArray

__all__ = ("Exits", "incidence_variance", "robust_hazard_variance", "robust_incidence_variance", "sum_ratio")


def sum_ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Return `top` / `bottom`, 0 where `top` is 0."""
    return np.divide(top, bottom, out=np.zeros(np.broadcast_shapes(top.shape, bottom.shape)), where=top != 0)


def incidence_variance(table: RiskTable, before: FloatArray, incidence: FloatArray, rule: str) -> FloatArray:
    """Return the variance of each incidence (K, m) by `rule`; `before` is S(t-), shape (m,)."""
    h = sum_ratio(table.events, table.at_risk)
    own, row, whole = _hazard_covariance(table, h, rule)
    e = _recoil(h.sum(axis=0))
    a, b, c = before**2 * own, before * e * row, e**2 * whole
    total = np.cumsum(a + 2 * b * incidence + c * incidence**2, axis=1)
    slope = np.cumsum(b + c * incidence, axis=1)
    return np.maximum(total - 2 * incidence * slope + incidence**2 * np.cumsum(c, axis=1), 0.0)


def _hazard_covariance(table: RiskTable, h: FloatArray, rule: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return var(h_k), cov(h_k, h) and var(h), each (K, m)."""
    r = table.at_risk
    every = np.broadcast_to(h.sum(axis=0), h.shape)
    if rule == "greenwood":
        return sum_ratio(h * (1 - h), r), sum_ratio(h * (1 - every), r), sum_ratio(every * (1 - every), r)
    if rule == "aalen":
        return sum_ratio(h, r), sum_ratio(h, r), sum_ratio(every, r)
    own = sum_ratio(h, r) * _tie_factor(table.events, r)
    rest = table.events.sum(axis=0) - table.events
    return own, own, own + sum_ratio(every - h, r) * _tie_factor(rest, r)


def _tie_factor(d: FloatArray, r: FloatArray) -> FloatArray:
    more = np.maximum(d - 1, 0)
    return 1 - sum_ratio(more, np.broadcast_to(r - 1, d.shape))


def _recoil(h: FloatArray) -> FloatArray:
    """Return e = 1 / (1 - h); 0 where everybody leaves, since nothing can follow."""
    stay = 1 - h
    return np.divide(1.0, stay, out=np.zeros_like(stay), where=stay > 0)


@dataclass(frozen=True, slots=True, eq=False)
class Exits:
    """Where each customer stands on the grid of times: first and last index at risk, cause (0 none), weight."""

    first: IntArray
    last: IntArray
    cause: IntArray
    weight: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Influence:
    """One process of each customer: it falls along `drift` (m,) while at risk, and jumps when they leave."""

    drift: FloatArray
    jump: FloatArray  # (n,)

    def before(self, exits: Exits) -> FloatArray:
        return np.asarray(np.concatenate([[0.0], self.drift])[exits.first], dtype=np.float64)

    def after(self, exits: Exits) -> FloatArray:
        return self.jump - self.drift[exits.last] + self.before(exits)


def robust_incidence_variance(table: RiskTable, before: FloatArray, incidence: FloatArray, exits: Exits) -> FloatArray:
    """Return the sum of squared weighted influences on each incidence (K, m)."""
    r = table.at_risk
    h = sum_ratio(table.events, r)
    every = h.sum(axis=0)
    e = _recoil(every)
    left = exits.cause > 0
    pull = _Influence(np.cumsum(sum_ratio(e * every, r)), left * (e / r)[exits.last])
    variance = np.empty_like(incidence)
    for k, f in enumerate(incidence):
        drift = np.cumsum(sum_ratio(before * h[k] + e * f * every, r))
        jump = (exits.cause == k + 1) * (before / r)[exits.last] + left * (e * f / r)[exits.last]
        push = _Influence(drift, jump)
        squares = _products(push, push, exits) - 2 * f * _products(push, pull, exits)
        scale = _jumps(push, exits) + f**2 * _jumps(pull, exits)
        variance[k] = _without_noise(squares + f**2 * _products(pull, pull, exits), scale)
    return variance


def robust_hazard_variance(table: RiskTable, exits: Exits) -> FloatArray:
    """Return the sum of squared weighted influences on the cumulative hazard (m,)."""
    r = table.at_risk
    h = sum_ratio(table.events.sum(axis=0), r)
    process = _Influence(np.cumsum(sum_ratio(h, r)), (exits.cause > 0) * (1 / r)[exits.last])
    return _without_noise(_products(process, process, exits), _jumps(process, exits))


def _jumps(process: _Influence, exits: Exits) -> FloatArray:
    """Return the sum of squared jumps up to each time (m,): the size of what cancels in a variance."""
    squares = np.bincount(exits.last, (exits.weight * process.jump) ** 2, minlength=len(process.drift))
    return np.asarray(np.cumsum(squares), dtype=np.float64)


def _without_noise(variance: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the variance, 0 where what is left of `scale` is rounding."""
    return np.where(variance > 1e-14 * scale, variance, 0.0)


def _products(a: _Influence, b: _Influence, exits: Exits) -> FloatArray:
    """Return sum_i w_i^2 a_i(t) b_i(t) at each time (m,): those gone by t, and those at risk at t."""
    m, square = len(a.drift), exits.weight**2
    a0, b0 = a.before(exits), b.before(exits)
    gone = np.cumsum(np.bincount(exits.last, square * a.after(exits) * b.after(exits), minlength=m))

    def present(values: FloatArray) -> FloatArray:
        come = np.bincount(exits.first, values, minlength=m)[:m]
        return np.asarray(np.cumsum(come - np.bincount(exits.last, values, minlength=m)), dtype=np.float64)

    here = a.drift * b.drift * present(square) - a.drift * present(square * b0) - b.drift * present(square * a0)
    return np.asarray(gone + here + present(square * a0 * b0), dtype=np.float64)
