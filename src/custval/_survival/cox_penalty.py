"""The lasso inside Newton: each step solves the penalised quadratic model exactly, by cycling over the coefficients.

With gradient g and information I at b, the model ``g d - d I d / 2 - l1 sum|b + d|`` needs only p x p numbers, so the
rows are looked at once for each Newton step however sparse the answer.

References
----------
Friedman, Hastie and Tibshirani (2010), Regularization paths via coordinate descent, J. Statistical Software 33(1).
Lee, Sun and Saunders (2014), Proximal Newton-type methods, SIAM Journal on Optimization 24, 1420-1443.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from custval._core.optimize import Evaluation, Optimum
from custval._core.typing import FloatArray

__all__ = ("elastic_newton",)

_CYCLES = 10_000
_HALVINGS = 40


def elastic_newton(
    evaluate: Callable[[FloatArray], Evaluation],
    start: FloatArray,
    *,
    l1: float | FloatArray,
    max_iter: int,
    tol: float,
) -> Optimum:
    """Return the maximum of a smooth concave function less ``l1 * sum|b|``.

    Parameters
    ----------
    evaluate : callable
        From coefficients (p,) to value, gradient (p,) and information (p, p) of the smooth part.
    start : ndarray of shape (p,)
        Where to begin.
    l1 : float or ndarray of shape (p,), >= 0
        Weight of the absolute values, one for all or one for each.
    max_iter : int
        Most Newton steps.
    tol : float
        Stop when the step promises at most this gain.

    Returns
    -------
    Optimum
        Where it stopped; `value` and `information` are those of the smooth part.
    """
    point, now = start, evaluate(start)
    weight = np.broadcast_to(np.asarray(l1, dtype=np.float64), point.shape)
    for iteration in range(max_iter):
        step = _lasso(point, now[1], now[2], weight) - point
        promised = float(now[1] @ step) - float(weight @ (np.abs(point + step) - np.abs(point)))
        promised -= float(step @ now[2] @ step) / 2
        if promised <= tol:
            return Optimum(point, now[0], now[2], step, iteration, converged=True)
        moved = _walk(evaluate, point, step, now[0], weight)
        if moved is None:
            return Optimum(point, now[0], now[2], step, iteration, converged=False)
        point, now = moved
    return Optimum(point, now[0], now[2], np.zeros_like(point), max_iter, converged=False)


def _lasso(point: FloatArray, gradient: FloatArray, information: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the maximum of the quadratic model less weighted absolute values, (p,)."""
    curve = np.diag(information)
    free = np.flatnonzero(curve > 0)
    made = np.where(curve > 0, point, 0.0)
    slope = gradient - information @ (made - point)
    for _ in range(_CYCLES):
        largest = 0.0
        for j in free:
            pull = slope[j] + curve[j] * made[j]
            there = np.sign(pull) * max(abs(pull) - weight[j], 0.0) / curve[j]
            moved = there - made[j]
            if moved != 0:
                slope -= information[:, j] * moved
                made[j] = there
                largest = max(largest, curve[j] * moved * moved)
        if largest <= 1e-18:
            break
    return made


def _walk(
    evaluate: Callable[[FloatArray], Evaluation], point: FloatArray, step: FloatArray, value: float, weight: FloatArray
) -> tuple[FloatArray, Evaluation] | None:
    """Take the step, halved until the penalised value does not fall; None where rounding leaves nothing to gain."""
    before = value - float(weight @ np.abs(point))
    slack = 1e-12 * (1 + abs(before))
    for halving in range(_HALVINGS):
        tried = point + step * 0.5**halving
        there = evaluate(tried)
        if np.isfinite(there[0]) and there[0] - float(weight @ np.abs(tried)) >= before - slack:
            return tried, there
    return None
