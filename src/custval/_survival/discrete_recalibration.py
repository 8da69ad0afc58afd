"""A model of yesterday held against today: intercept and slope of its log rates for each cause.

With ``eta_k`` the model's log rate of cause k in a month, the months now seen are fitted by ``a_k + b_k eta_k``:
a_k moves the level (calibration in the large), b_k < 1 says that the model tells customers further apart than they are.

References
----------
Cox (1958), Two further applications of a model for binary regression, Biometrika 45, 562-565.
van Houwelingen and Putter (2012), Dynamic Prediction in Clinical Survival Analysis, chapter 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.doors import public
from custval._core.errors import ConvergenceWarning, InputError, warn
from custval._core.optimize import Evaluation, information_inverse, newton
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, IntArray
from custval._survival.discrete_grid import cell_sums
from custval._survival.discrete_path import Customers, Path

__all__ = ("MonthsSeen", "RateCalibration", "calibrated_rates", "months_seen")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class RateCalibration(Result):
    """How a model's log rates were moved to fit new months.

    Attributes
    ----------
    causes : tuple of K str
        Causes.
    intercept, slope : ndarray of shape (K,)
        New log rate: ``intercept + slope * old``. A model that still fits has 0 and 1.
    intercept_std_error, slope_std_error : ndarray of shape (K,)
        Their standard errors.
    log_likelihood, log_likelihood_before : float
        Of the new months, after and before.
    n_months : int
        Customer-months seen.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
    >>> model = DiscreteHazard(baseline="constant").fit(X, y)
    >>> told = model.recalibrate(X, y).calibration_
    >>> np.abs(told.intercept).round(6).tolist(), told.slope.round(6).tolist()
    ([0.0], [1.0])
    """

    causes: tuple[str, ...]
    intercept: FloatArray
    slope: FloatArray
    intercept_std_error: FloatArray
    slope_std_error: FloatArray
    log_likelihood: float
    log_likelihood_before: float
    n_months: int


@dataclass(frozen=True, slots=True, eq=False)
class MonthsSeen:
    """Customer-months as rows: log rates (K, m), whether it is possible to stay (m,), what happened, weights (m,)."""

    log_rate: FloatArray
    stays: FloatArray
    event: IntArray
    weight: FloatArray


def months_seen(path: Path, who: Customers, duration: IntArray, event: IntArray, weight: FloatArray) -> MonthsSeen:
    """Return the months at risk of customers from `given` to `duration`, one row each."""
    months = duration - who.given
    row = np.repeat(np.arange(len(months)), months)
    ahead = np.arange(len(row)) - np.repeat(np.cumsum(months) - months, months)
    log_rate, stays = np.empty((len(path.level), len(row))), np.empty(len(row))
    step = max(1, (1 << 20) // max(int(months.max(initial=1)), 1))
    for start in range(0, len(months), step):
        part = np.arange(start, min(start + step, len(months)))
        own = (row >= part[0]) & (row <= part[-1])
        rates, open_months = who.rows(part).rates_ahead(path, int(months[part].max()))
        with np.errstate(divide="ignore"):
            log_rate[:, own] = np.log(rates[:, row[own] - start, ahead[own]])
        stays[own] = np.broadcast_to(open_months, rates.shape[1:])[row[own] - start, ahead[own]]
    last = np.flatnonzero(np.diff(row, append=-1))
    happened = np.zeros(len(row), dtype=np.int64)
    happened[last] = event[months > 0]
    return MonthsSeen(log_rate, stays, happened, weight[row])


def calibrated_rates(seen: MonthsSeen, causes: tuple[str, ...], link: str, *, slopes: bool) -> RateCalibration:
    """Return intercepts and slopes that fit the months best; without `slopes` they stay 1."""
    K = len(causes)
    for k, cause in enumerate(causes):
        if not (seen.event == k + 1).any():
            raise InputError(
                f"nobody left for cause {cause!r} in these months, so its level cannot be told; take a longer window"
            )
        if np.isneginf(seen.log_rate[k, seen.event == k + 1]).any():
            raise InputError(
                f"customers left for cause {cause!r} in months in which the model has hazard 0; fit it with a smooth "
                "baseline (baseline='spline') before recalibrating"
            )
    # at the average rate the intercept says what changed; the slope turns about it
    finite = np.isfinite(seen.log_rate)
    middle = np.where(finite, seen.log_rate, 0.0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    center = np.where(finite, seen.log_rate - middle[:, None], 0.0)
    free = 2 if slopes else 1

    def objective(theta: FloatArray) -> Evaluation:
        return _evaluate(theta.reshape(K, free), seen, center, middle, link)

    start = np.tile([0.0, 1.0][:free], K)
    before = objective(start)[0]
    best = newton(objective, start, max_iter=100, tol=1e-10)
    if not best.converged:
        warn(
            "the recalibration did not settle; the model may fit these months too badly: fit it anew",
            ConvergenceWarning,
        )
    found = (best.point + best.step).reshape(K, free)
    turn = np.kron(np.eye(K), np.array([[1.0, 0.0], [0.0, 1.0]])[:free, :free])
    if slopes:
        for k in range(K):
            turn[2 * k, 2 * k + 1] = -middle[k]
    spread = turn @ information_inverse(best.information) @ turn.T
    error = np.sqrt(np.clip(np.diag(spread), 0, None)).reshape(K, free)
    slope = found[:, 1] if slopes else np.ones(K)
    return RateCalibration(
        causes=causes,
        intercept=frozen(found[:, 0] + middle - slope * middle),
        slope=frozen(slope),
        intercept_std_error=frozen(error[:, 0]),
        slope_std_error=frozen(error[:, 1] if slopes else np.zeros(K)),
        log_likelihood=best.value,
        log_likelihood_before=before,
        n_months=len(seen.event),
    )


def _evaluate(theta: FloatArray, seen: MonthsSeen, center: FloatArray, middle: FloatArray, link: str) -> Evaluation:
    """Return the likelihood of ``middle + a + b center`` with its derivatives by a and b of each cause."""
    K, free = theta.shape
    slope = theta[:, 1:] if free == 2 else np.ones((K, 1))
    eta = np.where(np.isfinite(seen.log_rate), middle[:, None] + theta[:, :1] + slope * center, -np.inf)
    exits = (seen.event == np.arange(1, K + 1)[:, None]) * seen.weight
    value, expected, spread = cell_sums(
        np.zeros((K, 1, 1)), eta[:, :, None], seen.stays[:, None], seen.weight[:, None], exits[:, :, None], link=link
    )
    columns = [np.ones_like(center), center][:free]
    gradient = np.empty((K, free))
    information = np.zeros((K, free, K, free))
    left = exits - expected[:, :, 0]
    for i, first in enumerate(columns):
        gradient[:, i] = (left * first).sum(axis=1)
    for (k, j), cells in spread.items():
        for i, first in enumerate(columns):
            for l, second in enumerate(columns):
                information[k, i, j, l] = (cells[:, 0] * first[k] * second[j]).sum()
                information[j, l, k, i] = information[k, i, j, l]
    return value, gradient.ravel(), information.reshape(K * free, K * free)
