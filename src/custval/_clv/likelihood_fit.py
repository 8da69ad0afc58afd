"""The maximum of a smooth likelihood in the logarithms of its parameters, and what the data know of each of them.

A quasi-Newton search (BFGS) with exact slopes; the information is the difference of slopes, made symmetric. Parameters
that run off to nothing or to infinity are named: the likelihood has no maximum there.

References
----------
Nocedal, J. and Wright, S. J. (2006), Numerical Optimization, 2nd ed., algorithm 6.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("Found", "Slopes", "information", "maximise", "numeric_slopes")

Slopes: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]
FAR = 13.8  # log of a million: no fit ends there by itself
STRIDE = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where the search stopped.

    Attributes
    ----------
    point : ndarray of shape (P,)
        The parameters.
    value : float
        The objective there.
    information : ndarray of shape (P, P)
        Minus its second derivative there, symmetric.
    iterations : int
        Steps taken.
    converged : bool
        Whether the gain still promised fell below the tolerance.
    """

    point: FloatArray
    value: float
    information: FloatArray
    iterations: int
    converged: bool


def maximise(
    slopes: Slopes,
    start: FloatArray,
    *,
    warm: Slopes | None = None,
    scale: float,
    max_iter: int = 300,
    tol: float = 1e-9,
) -> Found:
    """Return the maximum of a smooth function.

    Parameters
    ----------
    slopes : callable
        From parameters (P,) to value and gradient (P,).
    start : ndarray of shape (P,)
        Where to begin.
    warm : callable, optional
        The same for a sample of the data, at the same scale: its maximum and curvature are a good start.
    scale : float, > 0
        Number of customers: a first guess of the curvature.
    max_iter : int, >= 1
        Most steps.
    tol : float, > 0
        Gain in log-likelihood still promised at which to stop.

    Returns
    -------
    Found
        Where it stopped.
    """
    if not len(start):
        return Found(start, slopes(start)[0], np.zeros((0, 0)), 0, converged=True)
    inverse, steps = np.eye(len(start)) / scale, 0
    if warm is not None:
        start, inverse, steps, _ = _climb(warm, start, inverse, max_iter=max_iter, tol=1e-4)
        inverse = _inverse(information(warm, start), inverse)
    point, inverse, more, converged = _climb(slopes, start, inverse, max_iter=max_iter, tol=tol)
    bend = information(slopes, point)
    value, gradient = slopes(point)
    last = point + _inverse(bend, np.zeros_like(bend)) @ gradient  # one exact step: it squares the error
    there = slopes(last)
    if converged and there[0] >= value:
        point, value = last, there[0]
    return Found(point, value, bend, steps + more, converged)


def _climb(
    slopes: Slopes, point: FloatArray, inverse: FloatArray, *, max_iter: int, tol: float
) -> tuple[FloatArray, FloatArray, int, bool]:
    """Climb from `point`; return where, the inverse curvature, the steps taken and whether the top was reached."""
    value, gradient = slopes(point)
    for step in range(max_iter):
        way = inverse @ gradient
        if gradient @ way <= tol:
            return point, inverse, step, True
        way = way * min(1.0, STRIDE / np.abs(way).max())
        moved = _line(slopes, point, way, value, gradient)
        if moved is None:
            return point, inverse, step, bool(gradient @ (inverse @ gradient) <= 1e-5)
        tried, new_value, new_gradient = moved
        inverse = _update(inverse, tried - point, gradient - new_gradient)
        point, value, gradient = tried, new_value, new_gradient
        if np.abs(point).max() > FAR:
            return point, inverse, step + 1, False
    return point, inverse, max_iter, False


def _line(
    slopes: Slopes, point: FloatArray, way: FloatArray, value: float, gradient: FloatArray
) -> tuple[FloatArray, float, FloatArray] | None:
    """Return a point along `way` that gains enough, or None where rounding leaves nothing to gain."""
    size, rise = 1.0, float(gradient @ way)
    for _ in range(30):
        tried = point + size * way
        there, slope = slopes(tried)
        if np.isfinite(there) and there >= value + 1e-4 * size * rise - 1e-13 * abs(value):
            return tried, there, slope
        # the peak of the parabola through what is known, kept within the step
        drop = there - value - size * rise if np.isfinite(there) else -np.inf
        size = float(np.clip(-rise * size**2 / (2.0 * drop), 0.1 * size, 0.5 * size)) if drop < 0 else 0.5 * size
    return None


def _update(inverse: FloatArray, move: FloatArray, turn: FloatArray) -> FloatArray:
    """Return the BFGS update, or the old inverse where the function does not bend downward along the move."""
    bend = float(move @ turn)
    if bend <= 1e-12 * float(np.linalg.norm(move) * np.linalg.norm(turn)):
        return inverse
    left = np.eye(len(move)) - np.outer(move, turn) / bend
    return np.asarray(left @ inverse @ left.T + np.outer(move, move) / bend)


def information(slopes: Slopes, point: FloatArray, *, step: float = 1e-4) -> FloatArray:
    """Return minus the second derivative from differences of slopes, made symmetric, (P, P)."""
    moves = step * np.eye(len(point))
    rows = [(slopes(point - move)[1] - slopes(point + move)[1]) / (2.0 * step) for move in moves]
    matrix = np.array(rows).reshape(len(point), len(point))
    return np.asarray((matrix + matrix.T) / 2.0)


def _inverse(matrix: FloatArray, otherwise: FloatArray) -> FloatArray:
    if not np.isfinite(matrix).all() or np.linalg.eigvalsh(matrix)[0] <= 1e-10 * np.abs(matrix).max():
        return otherwise
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def numeric_slopes(
    value: Callable[[list[FloatArray]], FloatArray], theta: list[FloatArray], *, step: float = 1e-4
) -> tuple[FloatArray, list[FloatArray]]:
    """Return row-wise values with their slopes in the logarithm of each parameter, by central differences."""
    slopes = []
    for j in range(len(theta)):
        there = [
            value([part * np.exp(side * step) if i == j else part for i, part in enumerate(theta)])
            for side in (-1.0, 1.0)
        ]
        slopes.append((there[1] - there[0]) / (2.0 * step))
    return value(theta), slopes
