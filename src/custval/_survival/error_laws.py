"""Laws of the error in log time: density and survival of ``w = (log t - mu) / sigma``, stable in both tails.

Each law gives log f(w) with its first two derivatives, log S(w), and the inverse of log S. The derivatives of log S
follow from the hazard h = f / S: (log S)' = -h and (log S)'' = -h ((log f)' + h).

References
----------
Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, 2nd edition, chapter 2.
Prentice (1974), A log gamma model and its maximum likelihood estimation, Biometrika 61, 539-544.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("LAWS", "Law", "log1mexp")

_HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))
_MOST_TERMS = 5000
_NORMAL_SHAPE = 1e-5  # nearer to 0 than this the generalized gamma is the normal law with a first-order correction


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """A law of the error: functions of w and the shape q, which all but the generalized gamma leave unread.

    Attributes
    ----------
    density : callable
        From (w, q) to log f, its first and its second derivative by w.
    survival : callable
        From (w, q) to log S.
    inverse : callable
        From (log S, q) to w.
    mean_beyond : callable
        From (sigma, w, q) to E[exp(sigma W); W > w]; inf where it does not exist.
    has_scale, has_shape : bool
        Whether sigma, and q, are to be estimated.
    """

    density: Callable[[FloatArray, float], tuple[FloatArray, FloatArray, FloatArray]]
    survival: Callable[[FloatArray, float], FloatArray]
    inverse: Callable[[FloatArray, float], FloatArray]
    mean_beyond: Callable[[FloatArray, FloatArray, float], FloatArray]
    has_scale: bool = True
    has_shape: bool = False


def log1mexp(x: FloatArray) -> FloatArray:
    """Return log(1 - exp(-x)) for x >= 0, exact for small and for large x (Maechler 2012)."""
    with np.errstate(divide="ignore"):
        return np.where(x < np.log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))


def _extreme_density(w: FloatArray, _: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    e = np.exp(w)
    return w - e, 1 - e, -e


def _extreme_survival(w: FloatArray, _: float) -> FloatArray:
    return -np.exp(w)


def _extreme_inverse(log_s: FloatArray, _: float) -> FloatArray:
    return np.log(-log_s)


def _extreme_mean(sigma: FloatArray, w: FloatArray, _: float) -> FloatArray:
    from scipy.special import gamma, gammaincc

    return np.asarray(gamma(1 + sigma) * gammaincc(1 + sigma, np.exp(w)))


def _normal_density(w: FloatArray, _: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    return -0.5 * w * w - _HALF_LOG_2PI, -w, np.full_like(w, -1.0)


def _normal_survival(w: FloatArray, _: float) -> FloatArray:
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(-w))


def _normal_inverse(log_s: FloatArray, _: float) -> FloatArray:
    from scipy.special import ndtri_exp

    return np.asarray(-ndtri_exp(log_s))


def _normal_mean(sigma: FloatArray, w: FloatArray, _: float) -> FloatArray:
    from scipy.special import ndtr

    return np.asarray(np.exp(sigma**2 / 2) * ndtr(sigma - w))


def _logistic_density(w: FloatArray, _: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    from scipy.special import expit

    p = np.asarray(expit(w))
    return w - 2 * np.logaddexp(0, w), 1 - 2 * p, -2 * p * (1 - p)


def _logistic_survival(w: FloatArray, _: float) -> FloatArray:
    return -np.logaddexp(0, w)


def _logistic_inverse(log_s: FloatArray, _: float) -> FloatArray:
    return np.where(log_s < -30, -log_s, np.log(np.expm1(np.minimum(-log_s, 700))))


def _logistic_mean(sigma: FloatArray, w: FloatArray, _: float) -> FloatArray:
    from scipy.special import betainc, expit

    finite = sigma < 1
    s = np.where(finite, sigma, 0.5)
    # E[(p / (1 - p))^sigma; p > p0] with p uniform: an incomplete beta function
    part = s * np.pi / np.sin(s * np.pi) * betainc(1 - s, 1 + s, expit(-w))
    return np.where(finite, part, np.inf)


def _gamma_density(w: FloatArray, q: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    x = q * w
    slope = -w if q == 0 else -np.expm1(x) / q
    return _log_constant(q) - w * w * _second_remainder(x), slope, -np.exp(x)


def _log_constant(q: float) -> float:
    """Return log|q| + k log k - log Gamma(k) - k with k = 1 / q^2: by Stirling's series where k is large."""
    from scipy.special import gammaln

    square = q * q
    if square < 1e-2:
        return -_HALF_LOG_2PI - square / 12 + square**3 / 360 - square**5 / 1260 + square**7 / 1680
    k = 1 / square
    return float(np.log(abs(q)) + k * np.log(k) - gammaln(k) - k)


def _second_remainder(x: FloatArray) -> FloatArray:
    """Return (exp(x) - 1 - x) / x^2, by its series near 0."""
    near = np.abs(x) < 0.5
    small = np.where(near, x, 0.0)
    series = np.full_like(small, 1 / 2)
    term = np.full_like(small, 1 / 2)
    for n in range(3, 17):
        term = term * small / n
        series += term
    far = np.where(near, 1.0, x)
    return np.where(near, series, (np.expm1(far) - far) / far**2)


def _gamma_survival(w: FloatArray, q: float) -> FloatArray:
    from scipy.special import gammainc, gammaincc, log_ndtr

    if abs(q) < _NORMAL_SHAPE:
        log_s = np.asarray(log_ndtr(-w))
        w = np.where(np.isfinite(w), w, 0.0)
        return log_s - q / 6 * (w * w + 2) * np.exp(-0.5 * w * w - _HALF_LOG_2PI - log_s)
    k = 1 / (q * q)
    u = k * np.exp(q * w)
    above, below = (gammaincc, gammainc) if q > 0 else (gammainc, gammaincc)
    s = np.asarray(above(k, u))
    with np.errstate(divide="ignore"):
        log_s = np.where(s < 0.5, np.log(s), np.log1p(-np.asarray(below(k, u))))
    far = (s < 1e-290) & np.isfinite(w)
    if far.any():
        log_s[far] = _gamma_far(np.broadcast_to(w, s.shape)[far], q, k)
    return log_s


def _gamma_far(w: FloatArray, q: float, k: float) -> FloatArray:
    """Return log S where S itself underflows: the log density over the hazard, by an expansion."""
    u = k * np.exp(q * w)
    log_f = _log_constant(q) - w * w * _second_remainder(q * w)
    if q < 0:  # P(k, u) = u^k exp(-u) / Gamma(k + 1) (1 + u / (k + 1) + u^2 / ((k + 1) (k + 2)) + ...)
        series, term = np.ones_like(u), np.ones_like(u)
        for n in range(1, _MOST_TERMS):
            term = term * u / (k + n)
            series += term
            if (term <= 1e-16 * series).all():
                break
        return np.asarray(log_f - np.log(-q * k) + np.log(series))
    # Gamma(k, u) by the continued fraction of Legendre, from the far end backwards
    tail = np.zeros_like(u)
    for n in range(60, 0, -1):
        tail = n * (n - k) / (u + 2 * n + 1 - k - tail)
    return np.asarray(log_f - np.log(q * (u + 1 - k - tail)))


def _gamma_inverse(log_s: FloatArray, q: float) -> FloatArray:
    from scipy.special import gammainccinv, gammaincinv

    if abs(q) < _NORMAL_SHAPE:
        return _normal_inverse(log_s, q)
    k = 1 / (q * q)
    s, f = np.exp(log_s), -np.expm1(log_s)
    upper, lower = (gammainccinv(k, s), gammaincinv(k, f)) if q > 0 else (gammainccinv(k, f), gammaincinv(k, s))
    upper_is_small = s < f if q > 0 else f < s
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.where(upper_is_small, upper, lower) / k) / q)


def _gamma_mean(sigma: FloatArray, w: FloatArray, q: float) -> FloatArray:
    from scipy.special import gammainc, gammaincc, gammaln

    if abs(q) < _NORMAL_SHAPE:
        return _normal_mean(sigma, w, q)
    k = 1 / (q * q)
    moved = k + sigma / q
    finite = moved > 0
    moved = np.where(finite, moved, 1.0)
    above = gammaincc if q > 0 else gammainc
    whole = np.exp(gammaln(moved) - gammaln(k) - sigma / q * np.log(k))
    return np.where(finite, whole * above(moved, k * np.exp(q * w)), np.inf)


_EXTREME = (_extreme_density, _extreme_survival, _extreme_inverse, _extreme_mean)

LAWS: dict[str, Law] = {
    "exponential": Law(*_EXTREME, has_scale=False),
    "weibull": Law(*_EXTREME),
    "lognormal": Law(_normal_density, _normal_survival, _normal_inverse, _normal_mean),
    "loglogistic": Law(_logistic_density, _logistic_survival, _logistic_inverse, _logistic_mean),
    "gengamma": Law(_gamma_density, _gamma_survival, _gamma_inverse, _gamma_mean, has_shape=True),
}
