"""Log-likelihoods of a customer as functions of a few predictors, with their first two derivatives.

A customer's time of leaving depends on Q predictors theta (location, log scale, shape, log odds of staying for ever). A
jet holds a value, its gradient and its second derivatives by theta, for many customers at once; a family says how the
jets of log f(t), log S(t) and log(S(l) - S(u)) look, and :func:`row_jet` adds them up by what is known of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._survival.error_laws import Law, log1mexp
from custval._survival.interval_target import Spans

__all__ = ("CureFamily", "Family", "Jet", "LocationScale", "row_jet")

Ends: TypeAlias = Callable[[FloatArray, float], tuple[FloatArray, FloatArray, FloatArray]]
# sixth-order central differences at -3h..3h, for the shape of the generalized gamma only
_STEP = 0.01
_FIRST = np.array([-1 / 60, 3 / 20, -3 / 4, 0, 3 / 4, -3 / 20, 1 / 60]) / _STEP
_SECOND = np.array([1 / 90, -3 / 20, 3 / 2, -49 / 18, 3 / 2, -3 / 20, 1 / 90]) / _STEP**2


@dataclass(frozen=True, slots=True, eq=False)
class Jet:
    """A value (n,), its gradient (Q, n) and its second derivatives (Q, Q, n)."""

    value: FloatArray
    slope: FloatArray
    bend: FloatArray

    def __neg__(self) -> Jet:
        """Return minus the jet."""
        return Jet(-self.value, -self.slope, -self.bend)

    def __add__(self, other: Jet) -> Jet:
        """Return the sum of two jets of the same predictors."""
        return Jet(self.value + other.value, self.slope + other.slope, self.bend + other.bend)


class Family(Protocol):
    """How the time of leaving depends on the predictors; log times (n,), theta (Q, n)."""

    @property
    def size(self) -> int:
        """Q, the number of predictors."""
        ...

    def density(self, log_t: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of log f(t)."""
        ...

    def survival(self, log_t: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of log S(t)."""
        ...

    def between(self, log_l: FloatArray, log_u: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of log(S(l) - S(u))."""
        ...


def row_jet(family: Family, theta: FloatArray, spans: Spans) -> Jet:
    """Return the jet of each customer's log-likelihood: what is known of the end, given presence at entry."""
    n = len(spans)
    made = Jet(np.zeros(n), np.zeros((family.size, n)), np.zeros((family.size, family.size, n)))
    exact, left = spans.exact, spans.left
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        lower, upper = np.log(spans.lower), np.log(spans.upper)
        for rows, kind in ((exact, "density"), (~left, "survival"), (left & ~exact, "between")):
            where = np.flatnonzero(rows)
            if where.size:
                part = theta[:, where]
                ends = (lower[where], upper[where]) if kind == "between" else (lower[where],)
                _put(made, where, getattr(family, kind)(*ends, part))
        late = np.flatnonzero(spans.entry > 0)
        if late.size:
            _put(made, late, -family.survival(np.log(spans.entry[late]), theta[:, late]))
        # a density in t, not in log t
        made.value[exact] -= lower[exact]
    return made


def _put(made: Jet, where: IntArray, part: Jet) -> None:
    made.value[where] += part.value
    made.slope[:, where] += part.slope
    made.bend[:, :, where] += part.bend


@dataclass(frozen=True, slots=True, eq=False)
class LocationScale:
    """log T = mu + sigma W: predictors mu, log sigma and the shape of W, as many of them as the law has."""

    law: Law

    @property
    def size(self) -> int:
        """Return the number of predictors, 1 to 3."""
        return 1 + self.law.has_scale + self.law.has_shape

    def density(self, log_t: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of the log density of log T."""
        jet = self._jet(self._density_at, (log_t,), theta)
        if not self.law.has_scale:
            return jet
        jet.slope[1] -= 1  # of -log sigma
        return Jet(jet.value - theta[1], jet.slope, jet.bend)

    def survival(self, log_t: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of log S(t)."""
        return self._jet(self._survival_at, (log_t,), theta)

    def between(self, log_l: FloatArray, log_u: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of log(S(l) - S(u))."""
        return self._jet(self._between_at, (log_l, log_u), theta)

    def log_survival(self, log_t: FloatArray, theta: FloatArray) -> FloatArray:
        """Return log S(t)."""
        mu, sigma, q = self.parts(theta)
        return self.law.survival((log_t - mu) / sigma, q)

    def log_survival_slope(self, log_t: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log S(t) and its gradient by the predictors, each (..., H); theta is (Q, n, 1)."""
        mu, sigma, q = self.parts(theta)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            w = (log_t - mu) / sigma
            log_s = self.law.survival(w, q)
            hazard = np.exp(self.law.density(w, q)[0] - log_s)
            hazard = np.where(np.isfinite(w) & np.isfinite(hazard), hazard, 0.0)
            parts = [hazard / sigma]
            if self.law.has_scale:
                parts.append(hazard * np.where(np.isfinite(w), w, 0.0))
            if self.law.has_shape:
                near = np.stack([self.law.survival(w, q + k * _STEP) for k in range(-3, 4)])
                parts.append(_finite_or_zero(np.einsum("k,k...->...", _FIRST, near)))
        return log_s, np.stack(parts)

    def inverse(self, log_s: FloatArray, theta: FloatArray) -> FloatArray:
        """Return log t where log S(t) is `log_s`."""
        mu, sigma, q = self.parts(theta)
        return np.asarray(mu + sigma * self.law.inverse(log_s, q))

    def mean_beyond(self, log_t: FloatArray, theta: FloatArray) -> FloatArray:
        """Return the integral of S from t on: E[T; T > t] - t S(t)."""
        mu, sigma, q = self.parts(theta)
        w = (log_t - mu) / sigma
        with np.errstate(over="ignore", under="ignore"):
            whole = np.exp(mu) * self.law.mean_beyond(sigma, w, q)
            return np.asarray(whole - np.exp(log_t + self.law.survival(w, q)))

    def parts(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Return mu, sigma and the shape; the shape is one number for all customers."""
        sigma = np.exp(theta[1]) if self.law.has_scale else np.ones_like(theta[0])
        return theta[0], sigma, float(theta[2].flat[0]) if self.law.has_shape else 0.0

    def _jet(self, at: Ends, ends: tuple[FloatArray, ...], theta: FloatArray) -> Jet:
        mu, sigma, q = self.parts(theta)
        w = np.stack([(end - mu) / sigma for end in ends])
        first = _in_predictors(at, w, sigma, q)
        if not self.law.has_shape:
            return Jet(first.value, first.slope[: self.size], first.bend[: self.size, : self.size])
        near = [_in_predictors(at, w, sigma, q + k * _STEP) if k else first for k in range(-3, 4)]
        n = len(mu)
        slope, bend = np.empty((3, n)), np.empty((3, 3, n))
        slope[:2], bend[:2, :2] = first.slope, first.bend
        slope[2] = _FIRST @ np.stack([jet.value for jet in near])
        bend[2, 2] = _SECOND @ np.stack([jet.value for jet in near])
        bend[2, :2] = bend[:2, 2] = np.einsum("k,kqn->qn", _FIRST, np.stack([jet.slope for jet in near]))
        return Jet(first.value, slope, bend)

    def _density_at(self, w: FloatArray, q: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        value, slope, bend = self.law.density(w[0], q)
        return value, slope[None], bend[None, None]

    def _survival_at(self, w: FloatArray, q: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        value = self.law.survival(w[0], q)
        log_f, slope, _bend = self.law.density(w[0], q)
        hazard = np.exp(log_f - value)
        hazard = np.where(np.isfinite(hazard), hazard, 0.0)
        bend = np.where(hazard > 0, -hazard * (slope + hazard), 0.0)
        return value, -hazard[None], bend[None, None]

    def _between_at(self, w: FloatArray, q: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        log_s = [self.law.survival(end, q) for end in w]
        value = log_s[0] + log1mexp(log_s[0] - log_s[1])
        ends = [self.law.density(end, q) for end in w]
        share = np.stack([np.exp(end[0] - value) for end in ends])  # f / (S(l) - S(u)) at both ends
        share = np.where(np.isfinite(share), share, 0.0)
        turn = np.stack([np.where(s > 0, s * end[1], 0.0) for s, end in zip(share, ends, strict=True)])
        slope = np.stack([-share[0], share[1]])
        bend = -slope[:, None] * slope[None]
        bend[0, 0] -= turn[0]
        bend[1, 1] += turn[1]
        return value, slope, bend


def _in_predictors(at: Ends, w: FloatArray, sigma: FloatArray, q: float) -> Jet:
    """Return the jet by (mu, log sigma) of a function of the standardised ends w (E, n)."""
    value, slope, bend = at(w, q)
    # an end at 0 or at infinity weighs nothing, and must not turn nothing into nan
    w = np.where(np.isfinite(w), w, 0.0)
    total, moment = slope.sum(axis=0), (w * slope).sum(axis=0)
    drawn = np.einsum("en,efn->fn", w, bend)
    cross = (total + drawn.sum(axis=0)) / sigma
    first = np.stack([-total / sigma, -moment])
    second = np.empty((2, 2, w.shape[1]))
    second[0, 0] = bend.sum(axis=(0, 1)) / sigma**2
    second[0, 1] = second[1, 0] = cross
    second[1, 1] = (drawn * w).sum(axis=0) + moment
    return Jet(value, first, second)


@dataclass(frozen=True, slots=True, eq=False)
class CureFamily:
    """S(t) = loyal + (1 - loyal) S_0(t): the log odds of the loyal share, then the predictors of `latency`."""

    latency: LocationScale

    @property
    def size(self) -> int:
        """Return the number of predictors."""
        return 1 + self.latency.size

    def density(self, log_t: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of the log density of log T."""
        return _fickle(theta) + _lifted(self.latency.density(log_t, theta[1:]))

    def between(self, log_l: FloatArray, log_u: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of log(S(l) - S(u))."""
        return _fickle(theta) + _lifted(self.latency.between(log_l, log_u, theta[1:]))

    def survival(self, log_t: FloatArray, theta: FloatArray) -> Jet:
        """Return the jet of log S(t)."""
        return _log_sum(_loyal(theta), _fickle(theta) + _lifted(self.latency.survival(log_t, theta[1:])))

    def log_survival(self, log_t: FloatArray, theta: FloatArray) -> FloatArray:
        """Return log S(t)."""
        stays, goes = -np.logaddexp(0, -theta[0]), -np.logaddexp(0, theta[0])
        return np.asarray(np.logaddexp(stays, goes + self.latency.log_survival(log_t, theta[1:])))

    def log_survival_slope(self, log_t: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log S(t) and its gradient by the predictors."""
        stays, goes = -np.logaddexp(0, -theta[0]), -np.logaddexp(0, theta[0])
        own, slope = self.latency.log_survival_slope(log_t, theta[1:])
        log_s = np.logaddexp(stays, goes + own)
        loyal, share = np.exp(stays), np.exp(goes + own - log_s)
        return log_s, np.concatenate([(np.exp(stays - log_s) - loyal)[None], share * slope])

    def inverse(self, log_s: FloatArray, theta: FloatArray) -> FloatArray:
        """Return log t where log S(t) is `log_s`; inf where the loyal alone are more."""
        stays, goes = -np.logaddexp(0, -theta[0]), -np.logaddexp(0, theta[0])
        above = log_s > stays
        rest = np.where(above, log_s - stays, 1.0)
        own = log_s + log1mexp(rest) - goes
        log_t = self.latency.inverse(np.minimum(np.where(above, own, -1.0), 0.0), theta[1:])
        return np.where(above, log_t, np.inf)


def _loyal(theta: FloatArray) -> Jet:
    """Return the jet of the log of the loyal share."""
    return _odds_jet(theta, -np.logaddexp(0, -theta[0]), 1.0)


def _fickle(theta: FloatArray) -> Jet:
    """Return the jet of the log of the share that will leave."""
    return _odds_jet(theta, -np.logaddexp(0, theta[0]), 0.0)


def _odds_jet(theta: FloatArray, value: FloatArray, whole: float) -> Jet:
    share = np.exp(-np.logaddexp(0, -theta[0]))
    slope = np.zeros_like(theta)
    slope[0] = whole - share
    bend = np.zeros((len(theta), *theta.shape))
    bend[0, 0] = -share * np.exp(-np.logaddexp(0, theta[0]))
    return Jet(value, slope, bend)


def _lifted(jet: Jet) -> Jet:
    """Return `jet` with one more predictor before its own."""
    size, n = jet.slope.shape
    slope, bend = np.zeros((size + 1, n)), np.zeros((size + 1, size + 1, n))
    slope[1:], bend[1:, 1:] = jet.slope, jet.bend
    return Jet(jet.value, slope, bend)


def _log_sum(a: Jet, b: Jet) -> Jet:
    """Return the jet of log(exp(a) + exp(b))."""
    value = np.logaddexp(a.value, b.value)
    p, r = np.exp(a.value - value), np.exp(b.value - value)
    slope = p * a.slope + r * b.slope
    gap = a.slope - b.slope
    return Jet(value, slope, p * a.bend + r * b.bend + p * r * gap[:, None] * gap[None])


def _finite_or_zero(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, 0.0)
