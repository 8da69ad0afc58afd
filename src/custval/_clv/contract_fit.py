"""Maximum likelihood of a law of renewals: a search in free parameters, polished by Newton's method.

A row watched from renewal e to d adds log S(d) - log S(e) where the customer was kept, and log S(d-1) - log S(e) +
log(1 - r(d)) where they left. Columns of customers move the first two parameters (all but the power c):
log alpha_i = log alpha + x_i' a, log beta_i = log beta + x_i' b; for the geometric law the log-odds of theta.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from custval._clv.cohorts import Stays
from custval._clv.contract_laws import ContractLaw
from custval._core.errors import ConvergenceWarning, warn
from custval._core.typing import FloatArray

__all__ = ("Fitted", "customer_parameters", "is_positive", "maximum_likelihood", "moved_parameters")

STEP = 1e-5  # of the central differences of the gradient: free parameters are logarithms, of the order of one
POLISH = 20


class Fitted(NamedTuple):
    """The maximum: free parameters (k,), slopes (m, p) of the moved ones, information (P, P), log-likelihood."""

    free: FloatArray
    slopes: FloatArray
    information: FloatArray
    log_likelihood: float


def moved_parameters(law: ContractLaw) -> int:
    """Return how many parameters the columns of customers move: the power c is common to all."""
    return min(len(law.parameters), 2)


def customer_parameters(
    law: ContractLaw, free: FloatArray, slopes: FloatArray, X: FloatArray | None
) -> tuple[FloatArray, ...]:
    """Return each natural parameter, as (1,) or one for each row of X."""
    shifts = np.zeros((len(free), 1 if X is None else len(X)))
    if X is not None:
        shifts[: len(slopes)] += slopes @ X.T
    natural = law.natural(free[:, None] + shifts)
    return tuple(natural)


def maximum_likelihood(law: ContractLaw, stays: Stays, X: FloatArray | None) -> Fitted:
    """Return the maximum-likelihood estimate; a search that stops early is named."""
    from scipy.optimize import minimize

    centre, spread = _scale(X)
    scaled = None if X is None else (X - centre) / spread
    moved, k = moved_parameters(law), len(law.parameters)
    columns = 0 if X is None else X.shape[1]
    total = float(stays.weight.sum())

    def split(point: FloatArray) -> tuple[FloatArray, FloatArray]:
        return point[:k], point[k:].reshape(moved, columns)

    def negative(point: FloatArray) -> tuple[float, FloatArray]:
        with np.errstate(over="ignore", invalid="ignore"):  # steps of the search may leave the sensible range
            value, gradient = _log_likelihood(law, *split(point), stays, scaled)
        if not np.isfinite(value):
            return np.inf, np.zeros_like(point)
        return -value / total, -gradient / total

    start = np.append(law.start(float(np.clip(stays.first_loss(), 0.01, 0.99))), np.zeros(moved * columns))
    found = minimize(negative, start, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 500})
    point, information = _polish(negative, np.asarray(found.x, dtype=np.float64))
    if np.abs(negative(point)[1]).max() > 1e-5:
        warn(
            f"the likelihood still rises after {found.nit} steps, most in "
            f"{law.parameters[int(np.abs(found.jac[:k]).argmax())]}; give more renewals, or a simpler law",
            ConvergenceWarning,
        )
    value = -negative(point)[0] * total
    back = _back(k, moved, columns, centre, spread)
    free, slopes = split(back @ point)
    inverse = np.linalg.inv(back)
    return Fitted(free, slopes, inverse.T @ (information * total) @ inverse, value)


def _log_likelihood(
    law: ContractLaw, free: FloatArray, slopes: FloatArray, stays: Stays, X: FloatArray | None
) -> tuple[float, FloatArray]:
    parameters = customer_parameters(law, free, slopes, X)
    kept = law.log_survival(parameters, np.where(stays.left, stays.duration - 1.0, stays.duration))
    before = law.log_survival(parameters, stays.entry)
    leaving = law.log_leaving(parameters, np.maximum(stays.duration, 1.0))
    terms = kept[0] - before[0] + np.where(stays.left, leaving[0], 0.0)
    rows = [
        stays.weight * (a - b + np.where(stays.left, c, 0.0))
        for a, b, c in zip(kept[1], before[1], leaving[1], strict=True)
    ]
    base = np.array([row.sum() for row in rows])
    by_column = [] if X is None else [row @ X for row in rows[: len(slopes)]]
    return float(stays.weight @ terms), np.concatenate([base, *by_column])


def _polish(
    negative: Callable[[FloatArray], tuple[float, FloatArray]], point: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the point after Newton steps that gain, and the information there."""
    value, gradient = negative(point)
    information = _information(negative, point)
    for _ in range(POLISH):
        if not is_positive(information):
            break
        moved = point - np.linalg.solve(information, gradient)
        lower, slope = negative(moved)
        if not lower <= value or np.abs(slope).max() >= np.abs(gradient).max():
            break
        point, value, gradient = moved, lower, slope
        information = _information(negative, point)
    return point, information


def is_positive(information: FloatArray) -> bool:
    """Say whether every direction of the parameters is seen in the data."""
    root = np.sqrt(np.maximum(np.diag(information), 1e-300))
    return bool(np.linalg.eigvalsh(information / np.outer(root, root))[0] > 1e-10)


def _information(negative: Callable[[FloatArray], tuple[float, FloatArray]], point: FloatArray) -> FloatArray:
    steps = STEP * np.eye(len(point))
    columns = [(negative(point + h)[1] - negative(point - h)[1]) / (2.0 * STEP) for h in steps]
    matrix = np.column_stack(columns)
    return 0.5 * (matrix + matrix.T)


def _scale(X: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    if X is None:
        return np.zeros(0), np.ones(0)
    spread = X.std(axis=0)
    return X.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _back(k: int, moved: int, columns: int, centre: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the matrix from parameters of scaled columns to those of the columns as they are."""
    back = np.eye(k + moved * columns)
    for j in range(moved):
        block = slice(k + j * columns, k + (j + 1) * columns)
        back[block, block] = np.diag(1.0 / spread)
        back[j, block] = -centre / spread
    return back
