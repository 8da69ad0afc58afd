"""Efron's sums over the denominators of a tie, at a cost that does not grow with the number of events.

At a time with d events the sums run over ``s = l/d``, l = 0..d-1, of smooth functions of s. Gauss's rule for that sum
(its nodes are zeros of the discrete Chebyshev polynomials) has 16 terms and is exact for polynomials of degree 31. With
``psi = 1 - s q``, q the events' share of the risk set, its error is below rounding while q <= 0.7; where more of a risk
set leaves at once, and where d is small, the sums are taken term by term.

References
----------
Efron (1977), Journal of the American Statistical Association 72, 557-565.
Golub and Welsch (1969), Calculation of Gauss quadrature rules, Mathematics of Computation 23, 221-230.
Gautschi (2004), Orthogonal Polynomials: Computation and Approximation, Oxford, table 1.2 (discrete Chebyshev).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray

__all__ = ("Terms", "TieSums", "efron_sums", "terms_of")

_TERMS = 16
_MANY = 256  # events at one time from which the rule stands for the terms
_SHARE = 0.7  # of a risk set that leaves at once, up to which the rule is exact to rounding


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Terms of Efron's sums, time after time.

    Attributes
    ----------
    where : ndarray of int, shape (M,)
        The event times with ties.
    starts : ndarray of int, shape (M,)
        Where each time's terms start.
    length : ndarray of int, shape (M,)
        How many terms each time has.
    share : ndarray of shape (L,)
        s of each term.
    times : ndarray of shape (L,)
        How often the term counts: 1, or the weight of the rule.
    """

    where: IntArray
    starts: IntArray
    length: IntArray
    share: FloatArray
    times: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class TieSums:
    """Sums over l of 1/psi, s/psi, s^k/psi^2 (k = 0, 1, 2) and log psi for each event time; k1, b1, b2 0 without ties.

    Each is times the mean weight of the events.
    """

    k0: FloatArray
    k1: FloatArray
    b0: FloatArray
    b1: FloatArray
    b2: FloatArray
    log_psi: float


def terms_of(count: IntArray) -> Terms:
    """Return the terms for times with `count` (J,) events: d of them, or the rule's where d is large."""
    where = np.flatnonzero(count > 1)
    events = count[where]
    many = events >= _MANY
    length = np.where(many, _TERMS, events)
    starts = np.cumsum(length) - length
    total = int(length.sum())
    share = (np.arange(total) - np.repeat(starts, length)) / np.repeat(events, length)
    times = np.ones(total)
    if many.any():
        each, of = np.unique(events[many], return_inverse=True)
        nodes, weights = _rule(each)
        places = starts[many][:, None] + np.arange(_TERMS)
        share[places], times[places] = nodes[of], weights[of]
    return Terms(where, starts, length, share, times)


def _rule(count: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return nodes in [0, 1) and weights (U, 16) of Gauss's rule for sums over l / d, l = 0..d-1, of each d."""
    k = np.arange(1, _TERMS)
    # beta_k of the polynomials on 0, 1/d, ..., (d-1)/d; their alpha_k are all the middle
    beta = k**2 * (1 - (k / count[:, None]) ** 2) / (4 * (4 * k**2 - 1))
    matrix = np.zeros((len(count), _TERMS, _TERMS))
    matrix[:, k, k - 1] = np.sqrt(beta)
    from_middle, vectors = np.linalg.eigh(matrix)
    weights = count[:, None] * np.asarray(vectors[:, 0] ** 2, dtype=np.float64)
    return from_middle + ((count - 1) / (2 * count))[:, None], np.asarray(weights, dtype=np.float64)


def efron_sums(terms: Terms, mass: FloatArray, count: IntArray, left: FloatArray) -> TieSums:
    """Return the sums at event times of weight `mass` (J,), `count` (J,) events and the share `left` (J,) = E0 / S0."""
    where, starts, length = terms.where, terms.starts, terms.length
    share, times = terms.share, terms.times
    beyond = (length < count[where]) & (left[where] > _SHARE)
    if beyond.any():
        starts, length, share, times = _termwise(terms, count, beyond)
    k0, b0 = mass.copy(), mass.copy()
    k1, b1, b2 = np.zeros_like(mass), np.zeros_like(mass), np.zeros_like(mass)
    gone = share * np.repeat(left[where], length)
    once = 1 / (1 - gone)
    mean = mass[where] / count[where]
    twice, log_psi = times * once * once, np.zeros_like(mass)
    for made, parts in (
        (k0, times * once),
        (k1, times * share * once),
        (b0, twice),
        (b1, share * twice),
        (b2, share * share * twice),
        (log_psi, times * np.log1p(-gone)),
    ):
        made[where] = mean * np.add.reduceat(parts, starts)
    return TieSums(k0, k1, b0, b1, b2, float(log_psi.sum()))


def _termwise(terms: Terms, count: IntArray, beyond: BoolArray) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Return starts, length, share and times with all terms of the times where the rule would not be exact."""
    events = count[terms.where]
    length = np.where(beyond, events, terms.length)
    starts = np.cumsum(length) - length
    place = np.arange(int(length.sum())) - np.repeat(starts, length)
    full = np.repeat(beyond, length)
    kept = np.where(full, 0, np.repeat(terms.starts, length) + place)
    share = np.where(full, place / np.repeat(events, length), terms.share[kept])
    return starts, length, share, np.where(full, 1.0, terms.times[kept])
