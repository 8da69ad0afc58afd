"""Newton's method for log-likelihoods: step halving, a stop that does not depend on units, and a diagnosis.

The decrement ``g' I^-1 g`` (gradient g, information I) is twice the gain that the quadratic model still promises, so
stopping on it means the same for every scale of the columns. A likelihood whose maximum lies at infinity (separation)
betrays itself at the stop: the promised gain is nil, yet the next step is as long as the last one.

References
----------
Boyd and Vandenberghe (2004), Convex Optimization, section 9.5.
Albert and Anderson (1984), Biometrika 71, on the existence of maximum likelihood estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("Evaluation", "Optimum", "dependent_columns", "information_inverse", "newton", "standard_errors")

Evaluation: TypeAlias = tuple[float, FloatArray, FloatArray]
_HALVINGS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Where Newton's method stopped.

    Attributes
    ----------
    point : ndarray of shape (P,)
        The parameters.
    value : float
        The objective there.
    information : ndarray of shape (P, P)
        Minus the second derivative there.
    step : ndarray of shape (P,)
        The Newton step that was still to be taken; long where the maximum lies at infinity.
    iterations : int
        Steps taken.
    converged : bool
        Whether the decrement fell below the tolerance.
    """

    point: FloatArray
    value: float
    information: FloatArray
    step: FloatArray
    iterations: int
    converged: bool


def newton(evaluate: Callable[[FloatArray], Evaluation], start: FloatArray, *, max_iter: int, tol: float) -> Optimum:
    """Return the maximum of a concave function.

    Parameters
    ----------
    evaluate : callable
        From parameters (P,) to value, gradient (P,) and information (P, P).
    start : ndarray of shape (P,)
        Where to begin; the value there must be finite.
    max_iter : int, >= 1
        Most steps.
    tol : float, > 0
        Stop when half the decrement is at most this: the gain in log-likelihood still to be had.

    Returns
    -------
    Optimum
        Where it stopped, with the step still promised there.
    """
    point, now = start, evaluate(start)
    step = newton_step(now[2], now[1])
    for iteration in range(max_iter):
        if _gain(now[1], step) <= tol:
            return Optimum(point, now[0], now[2], step, iteration, converged=True)
        moved = _walk(evaluate, point, step, now)
        if moved is None:
            return Optimum(point, now[0], now[2], step, iteration, converged=False)
        point, now = moved
        step = newton_step(now[2], now[1])
    return Optimum(point, now[0], now[2], step, max_iter, converged=_gain(now[1], step) <= tol)


def newton_step(information: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return ``information^-1 gradient``, (P,); directions without information are left where they are."""
    return information_inverse(information) @ gradient


def information_inverse(information: FloatArray) -> FloatArray:
    """Return the inverse of a symmetric non-negative matrix, (P, P); directions without information become 0."""
    if not len(information):
        return np.zeros((0, 0))
    diagonal = np.diag(information)
    root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    # equal units on the diagonal: the spread of eigenvalues then speaks of dependence, not of scale
    values, vectors = np.linalg.eigh(information / np.outer(root, root))
    known = values > 1e-14 * max(float(values[-1]), 1e-300)
    inverse = (vectors[:, known] / values[known]) @ vectors[:, known].T
    return np.asarray(inverse / np.outer(root, root))


def standard_errors(covariance: FloatArray) -> FloatArray:
    """Return the roots of the diagonal, (P,); what rounding has made negative is 0."""
    return np.sqrt(np.clip(np.diag(covariance), 0, None))


def dependent_columns(gram: FloatArray, *, tol: float = 1e-10) -> list[tuple[int, IntArray]]:
    """Return the columns that are sums of multiples of earlier ones.

    Parameters
    ----------
    gram : ndarray of shape (p, p)
        Correlations (or any inner products) of the columns; a column of zeros is dependent on nothing.
    tol : float, > 0
        Share of a column's length that the earlier ones must leave unexplained.

    Returns
    -------
    list of (int, ndarray)
        Each dependent column with the earlier columns that make it up.
    """
    free: list[int] = []
    found: list[tuple[int, IntArray]] = []
    for j in range(len(gram)):
        weights = np.linalg.solve(gram[np.ix_(free, free)], gram[free, j]) if free else np.zeros(0)
        left = gram[j, j] - gram[j, free] @ weights
        if left > tol * gram[j, j]:
            free.append(j)
        else:
            found.append((j, np.asarray(free, dtype=np.int64)[np.abs(weights) > 1e-6]))
    return found


def _gain(gradient: FloatArray, step: FloatArray) -> float:
    return float(gradient @ step) / 2


def _walk(
    evaluate: Callable[[FloatArray], Evaluation], point: FloatArray, step: FloatArray, now: Evaluation
) -> tuple[FloatArray, Evaluation] | None:
    """Take the step, halved until the value does not fall; None where rounding leaves nothing to gain."""
    slack = 1e-12 * (1 + abs(now[0]))
    for halving in range(_HALVINGS):
        tried = point + step * 0.5**halving
        there = evaluate(tried)
        if np.isfinite(there[0]) and there[0] >= now[0] - slack:
            return tried, there
    return None
