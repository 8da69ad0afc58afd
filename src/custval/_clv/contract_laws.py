"""How long do customers under contract stay? Three laws of the chance to leave at a renewal.

    geometric               one chance to leave, theta, for all         S(t) = (1 - theta)^t
    shifted beta-geometric  theta ~ Beta(alpha, beta) over customers    S(t) = B(alpha, beta + t) / B(alpha, beta)
    beta-discrete-Weibull   each one's chance changes with the term     S(t) = B(alpha, beta + t^c) / B(alpha, beta)

Each law gives log S(t) and log(1 - r(t)), r(t) = S(t) / S(t-1), with their slopes in the *free* parameters: log alpha,
log beta, log c, and the log-odds of theta. Parameters may be numbers or one for each customer.

References
----------
Fader, P. S. and Hardie, B. G. S. (2007), How to project customer retention, Journal of Interactive Marketing 21(1),
eq. 5-7. Fader, P. S., Hardie, B. G. S., Liu, Y., Davin, J. and Steenburgh, T. (2018), How to project customer retention
revisited, Journal of Interactive Marketing 43, eq. 6-8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("BETA_DISCRETE_WEIBULL", "GEOMETRIC", "SHIFTED_BETA_GEOMETRIC", "ContractLaw", "Sloped", "gauss_fraction")

Sloped: TypeAlias = tuple[FloatArray, tuple[FloatArray, ...]]  # a value and its slope in each free parameter


class ContractLaw(NamedTuple):
    """A law of renewals: names of the parameters, log S(t), log(1 - r(t)), a start, and the way to natural numbers."""

    parameters: tuple[str, ...]
    log_survival: Callable[[tuple[FloatArray, ...], FloatArray], Sloped]
    log_leaving: Callable[[tuple[FloatArray, ...], FloatArray], Sloped]
    start: Callable[[float], FloatArray]  # from the share that leaves at the first renewal
    natural: Callable[[FloatArray], FloatArray]  # from free parameters
    free: Callable[[FloatArray], FloatArray]
    natural_slope: Callable[[FloatArray], FloatArray]  # d natural / d free, from natural
    highest: tuple[float, ...]  # open upper ends of the legal range; the lower ones are 0


def _beta_log_survival(alpha: FloatArray, beta: FloatArray, u: FloatArray) -> tuple[FloatArray, ...]:
    """Return log B(alpha, beta + u) - log B(alpha, beta) and its slopes in alpha, beta and u."""
    from scipy.special import betaln, digamma

    whole, part = alpha + beta, beta + u
    value = betaln(alpha, part) - betaln(alpha, beta)
    bottom, top = digamma(whole), digamma(whole + u)
    by_u = digamma(part) - top
    return value, bottom - top, by_u - digamma(beta) + bottom, by_u


def _shifted_log_survival(parameters: tuple[FloatArray, ...], t: FloatArray) -> Sloped:
    alpha, beta = parameters
    value, by_alpha, by_beta, _ = _beta_log_survival(alpha, beta, t)
    return value, (alpha * by_alpha, beta * by_beta)


def _shifted_log_leaving(parameters: tuple[FloatArray, ...], t: FloatArray) -> Sloped:
    alpha, beta = parameters
    stays = beta + t - 1.0
    whole = alpha + stays
    return np.log(alpha / whole), (stays / whole, -beta / whole)


def _weibull_log_survival(parameters: tuple[FloatArray, ...], t: FloatArray) -> Sloped:
    alpha, beta, c = parameters
    u = t**c
    value, by_alpha, by_beta, by_u = _beta_log_survival(alpha, beta, u)
    by_log_c = by_u * u * c * np.log(np.maximum(t, 1.0))  # t = 0 and 1 do not move with c
    return value, (alpha * by_alpha, beta * by_beta, by_log_c)


def _weibull_log_leaving(parameters: tuple[FloatArray, ...], t: FloatArray) -> Sloped:
    after, after_slopes = _weibull_log_survival(parameters, t)
    before, before_slopes = _weibull_log_survival(parameters, t - 1.0)
    fall = np.minimum(after - before, -1e-300)
    odds = -1.0 / np.expm1(-fall)  # r / (1 - r), with its sign turned
    return np.log(-np.expm1(fall)), tuple(odds * (a - b) for a, b in zip(after_slopes, before_slopes, strict=True))


def _geometric_log_survival(parameters: tuple[FloatArray, ...], t: FloatArray) -> Sloped:
    (theta,) = parameters
    return t * np.log1p(-theta), (-t * theta,)


def _geometric_log_leaving(parameters: tuple[FloatArray, ...], t: FloatArray) -> Sloped:
    (theta,) = parameters
    flat = np.zeros_like(t)
    return np.log(theta) + flat, (1.0 - theta + flat,)


SHIFTED_BETA_GEOMETRIC = ContractLaw(
    ("alpha", "beta"),
    _shifted_log_survival,
    _shifted_log_leaving,
    lambda mean: np.log([mean, 1.0 - mean]),  # customers who differ much
    np.exp,
    np.log,
    lambda natural: natural,
    (np.inf, np.inf),
)
BETA_DISCRETE_WEIBULL = ContractLaw(
    ("alpha", "beta", "c"),
    _weibull_log_survival,
    _weibull_log_leaving,
    lambda mean: np.array([np.log(mean), np.log1p(-mean), 0.0]),
    np.exp,
    np.log,
    lambda natural: natural,
    (np.inf, np.inf, np.inf),
)
GEOMETRIC = ContractLaw(
    ("theta",),
    _geometric_log_survival,
    _geometric_log_leaving,
    lambda mean: np.array([np.log(mean / (1.0 - mean))]),
    lambda free: 1.0 / (1.0 + np.exp(-free)),
    lambda natural: np.log(natural / (1.0 - natural)),
    lambda natural: natural * (1.0 - natural),
    (1.0,),
)


def gauss_fraction(alpha: float, b: FloatArray, v: float, terms: int) -> FloatArray:
    """Return 2F1(1, b; alpha + b; v) by so many terms of Gauss's continued fraction (DLMF 15.7.5), from the end."""
    c = alpha + b - 1.0
    rest = np.ones_like(b)
    for m in range(terms - 1, -1, -1):
        even = (alpha + m) * (m + 1.0) / ((c + 2 * m + 1.0) * (c + 2 * m + 2.0))
        odd = (c + m) * (b + m) / ((c + 2 * m) * (c + 2 * m + 1.0))
        rest = 1.0 - odd * v / (1.0 - even * v / rest)
    return np.asarray(1.0 / rest)
