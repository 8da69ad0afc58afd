"""Integrals of positive functions, accurate at every scale: the trapezium rule after a change of variable.

A function that is analytic and dies out at both ends is integrated by equal steps with an error that falls
exponentially; the change of variable makes both ends die out. Nothing is ever subtracted, so no digits are lost.

References
----------
Takahasi, H. and Mori, M. (1974), Double exponential formulas for numerical integration, Publ. RIMS 9, 721-741.
Trefethen, L. N. and Weideman, J. A. C. (2014), The exponentially convergent trapezoidal rule, SIAM Review 56(3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("Tail", "beta_mean", "decay_integral", "half_line", "power_tail", "power_tail_of_one")

CELLS = 2**17  # numbers held at a time: what fits the cache
LEFT = 3.7  # exp(-exp(3.7)) is far below rounding
LAST = 42.0  # exp(-42) likewise
STEP = 0.2
FINE_STEP = 0.06


class Tail(NamedTuple):
    """An integral with averages under its integrand, each of the shape of the rows."""

    integral: FloatArray
    mean_v: FloatArray
    mean_log: FloatArray
    mean_left: FloatArray
    mean_ratio: FloatArray


def half_line(scale: FloatArray, end: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights, each (rows, N), of an integral from 0 to `end` whose first feature is at `scale`."""
    last = np.log(end / scale) + 0.5
    count = int(np.ceil((float(last.max()) + LEFT) / step)) + 1
    width = (last + LEFT) / (count - 1)
    place = -LEFT + width[:, None] * np.arange(count)
    left = np.exp(-place)
    v = scale[:, None] * np.exp(place - left)
    return v, v * (1.0 + left) * width[:, None]


def power_tail(c: FloatArray, m: FloatArray, q: FloatArray, *, moments: bool = False) -> Tail:
    """Return K = integral over v > 0 of e^-v (1 + q (1 - e^(-v/c)))^-m, with averages under the integrand.

    The averages are of v, log(1 + q (1 - e^(-v/c))), e^(-v/c) and e^(-v/c) / (1 + q (1 - e^(-v/c))): what gradients
    need. K / c times powers is Gauss's 2F1(m, c; c+1; q/(1+q)).
    """
    rows = np.broadcast_arrays(*(np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in (c, m, q)))
    n, made = len(rows[0]), np.empty((5, len(rows[0])))
    for first in range(0, n, CELLS // 64):
        where = slice(first, first + CELLS // 64)
        made[:, where] = _power_block(*(part[where] for part in rows), moments=moments)
    return Tail(*made)


def _power_block(c: FloatArray, m: FloatArray, q: FloatArray, *, moments: bool) -> FloatArray:
    v, weight = half_line(1.0 / (1.0 + m * q / c), np.full(len(c), LAST), STEP)
    share = v / c[:, None]
    left = np.expm1(-share)
    log = np.log1p(-q[:, None] * left)
    f = weight * np.exp(-v - m[:, None] * log)
    whole = f.sum(axis=1)
    if not moments:
        return np.array([whole, whole, whole, whole, whole])
    left += 1.0
    parts = [v, log, left, left * np.exp(-log)]
    return np.array([whole, *(np.einsum("ij,ij->i", f, part) / whole for part in parts)])


def power_tail_of_one(c: float, m: float, q: float) -> float:
    """Return K of :func:`power_tail` for one customer, on a grid that is laid once: microseconds."""
    v = _ONE[0] / (1.0 + m * q / c)
    return float(np.exp(-v - m * np.log1p(q * -np.expm1(v * (-1.0 / c)))) @ _ONE[1]) / (1.0 + m * q / c)


def _one_grid() -> tuple[FloatArray, FloatArray]:
    place = np.arange(-LEFT, 32.0, STEP)
    left = np.exp(-place)
    v = np.exp(place - left)
    return v, v * (1.0 + left) * STEP


_ONE = _one_grid()


def decay_integral(m: FloatArray, rho: FloatArray) -> FloatArray:
    """Return the integral over w > 0 of e^-w (1 + rho w)^-m, in the shape of the rows."""
    size, pace = np.broadcast_arrays(np.asarray(m, dtype=np.float64), np.asarray(rho, dtype=np.float64))
    flat_m, flat_rho = size.ravel(), pace.ravel()
    made = np.empty(len(flat_m))
    for first in range(0, len(flat_m), CELLS // 64):
        where = slice(first, first + CELLS // 64)
        some = flat_rho[where][:, None]
        power = flat_m[where]
        w, weight = half_line(1.0 / (1.0 + power * some[:, 0]), np.full(len(power), LAST), STEP)
        made[where] = (weight * np.exp(-w - power[:, None] * np.log1p(some * w))).sum(axis=1)
    return made.reshape(size.shape)


def beta_mean(
    a: FloatArray,
    b: FloatArray,
    pull: tuple[FloatArray, FloatArray],
    answer: Callable[[FloatArray, slice], FloatArray],
) -> FloatArray:
    """Return the mean of a decreasing positive function of p, where p is Beta(a, b), for each row.

    Parameters
    ----------
    a, b : ndarray of shape (n,)
        Parameters of the beta distribution, > 0.
    pull : (R, u), each ndarray of shape (n,)
        The function falls about like (1 + u p)^-R: tells where the mass lies, and need not be exact.
    answer : callable
        From nodes p (rows, N) and the slice of rows to the function there.

    Returns
    -------
    ndarray of shape (n,)
        The means.
    """
    from scipy.special import betaln, expit

    n = len(a)
    made = np.empty(n)
    for first in range(0, n, CELLS // 256):
        where = slice(first, first + CELLS // 256)
        rows = _BetaRows(a[where, None], b[where, None], pull[0][where, None], pull[1][where, None])
        y, weight = _beta_nodes(rows)
        p = np.maximum(expit(y), 1e-300)
        density = rows.a * y - (rows.a + rows.b) * np.logaddexp(0.0, y) - betaln(rows.a, rows.b)
        made[where] = (weight * np.exp(density) * answer(p, where)).sum(axis=1)
    return made


class _BetaRows(NamedTuple):
    """Columns (rows, 1): the beta law and the pull of the function."""

    a: FloatArray
    b: FloatArray
    R: FloatArray
    u: FloatArray

    def log(self, y: FloatArray) -> FloatArray:
        """Return the logarithm of density times pull at the log-odds y."""
        odds = np.logaddexp(0.0, y)
        lean = np.logaddexp(0.0, y + np.log1p(self.u)) - odds
        return np.asarray(self.a * y - (self.a + self.b) * odds - self.R * lean)

    def mode(self) -> FloatArray:
        """Return the log-odds where density times pull is greatest: a quadratic in the odds."""
        v = 1.0 + self.u
        slope = self.a * v - self.b - self.R * self.u
        root = np.sqrt(slope**2 + 4.0 * self.a * self.b * v)
        up = (slope + root) / (2.0 * self.b * v)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.where(slope > 0, up, 2.0 * self.a / np.where(slope > 0, 1.0, root - slope))))


def _beta_nodes(rows: _BetaRows) -> tuple[FloatArray, FloatArray]:
    """Return nodes in log-odds and weights, (rows, N): exponential stretches to both sides of the mode."""
    mode = rows.mode()
    top = rows.log(mode)
    left, far_left = (_drop(rows, mode, top, -1.0, by) for by in (1.0, LAST))
    right, far_right = (_drop(rows, mode, top, 1.0, by) for by in (1.0, LAST))
    ends = [
        np.log(2.0 * far / near + np.maximum(right, left) / near + 2.0)
        for far, near in ((far_left, left), (far_right, right))
    ]
    # features are about 1 wide in log-odds: where the mass is spread over more, steps are finer
    step = FINE_STEP / max(1.0, float((left + right).max()) / 8.0)
    low, high = -ends[0], ends[1]
    count = min(int(np.ceil(float((high - low).max()) / step)) + 1, 20_000)
    width = (high - low) / (count - 1)
    place = low + width * np.arange(count)
    up, down = right * np.exp(place), left * np.exp(-place)
    y = mode + (up - down + left - right) / 2.0
    return y, width * (up + down) / 2.0


def _drop(rows: _BetaRows, mode: FloatArray, top: FloatArray, side: float, by: float) -> FloatArray:
    """Return how far from the mode the logarithm has dropped `by`, to about a fifth: enough to place nodes."""
    low, high = np.full_like(mode, -12.0), np.full_like(mode, 14.0)  # exp: the scales that parameters can make
    for _ in range(9):
        middle = (low + high) / 2.0
        short = top - rows.log(mode + side * np.exp(middle)) < by
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(np.exp((low + high) / 2.0))
