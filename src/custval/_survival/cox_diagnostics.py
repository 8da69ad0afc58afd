"""Do the columns matter at all, and do their effects stay the same as time goes by?

The test of proportional hazards is the score test of adding ``x g(t)`` to the model, g centred over the events. With
information V_j at event time j, the score of the added columns is ``sum g_j (x - mean of the risk set)`` and the
information of the enlarged model has the blocks ``sum V_j``, ``sum g_j V_j`` and ``sum g_j^2 V_j``.

References
----------
Grambsch and Therneau (1994), Proportional hazards tests and diagnostics, Biometrika 81, 515-526.
Therneau (2023), A Package for Survival Analysis in R, versions 3.0 and later: ``cox.zph`` as an exact score test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._survival.cox_likelihood import RiskSums, information, slope_and_gram
from custval._survival.cox_rows import CoxRows

__all__ = ("TRANSFORMS", "CoxTests", "PHTest", "SchoenfeldResiduals", "chi_square_tail", "clock", "score_statistics")

TRANSFORMS = ("km", "identity", "rank", "log")
Clock: TypeAlias = str | Callable[[FloatArray], FloatArray]


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class CoxTests(Result):
    """Whether the columns matter at all: three tests of all coefficients being zero.

    Attributes
    ----------
    test : ndarray of str, shape (3,)
        ``likelihood_ratio``, ``wald`` (robust where the model has robust errors) and ``score``.
    statistic : ndarray of shape (3,)
        Chi-square statistics.
    df : ndarray of int, shape (3,)
        Degrees of freedom.
    p_value : ndarray of shape (3,)
        Probability of more under the hypothesis.

    Examples
    --------
    >>> from custval.survival import CoxPH, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
    >>> CoxPH().fit(X, y).tests().p_value.round(3).tolist()
    [0.432, 0.448, 0.433]
    """

    test: TextArray
    statistic: FloatArray
    df: IntArray
    p_value: FloatArray


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class PHTest(Result):
    """Whether effects change with time: a score test for each column, and for all together.

    Attributes
    ----------
    name : ndarray of str, shape (q,)
        Columns of the data.
    statistic : ndarray of shape (q,)
        Chi-square statistics; large ones speak against a constant effect.
    df : ndarray of int, shape (q,)
        Coefficients of each column.
    p_value : ndarray of shape (q,)
        Probability of more if effects are constant.
    global_statistic, global_p_value : float
        Of all columns together.
    global_df : int
        Number of coefficients.
    transform : str
        The clock that was tested.

    Examples
    --------
    >>> from custval.survival import CoxPH, ph_test, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0], [0.0]], survival_target([1, 2, 3, 4, 5])
    >>> told = ph_test(CoxPH().fit(X, y), X, y, transform="identity")
    >>> told.statistic.round(3).tolist(), told.df.tolist()
    ([0.708], [1])
    """

    name: TextArray
    statistic: FloatArray
    df: IntArray
    p_value: FloatArray
    global_statistic: float
    global_df: int
    global_p_value: float
    transform: str


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class SchoenfeldResiduals(Result):
    """For each departure, how its columns differ from those expected among the customers at risk then.

    Attributes
    ----------
    row : ndarray of int, shape (d,)
        Row of the departure in the data, in order of stratum and time.
    time : ndarray of shape (d,)
        Its time.
    residual : ndarray of shape (d, p)
        Differences; scaled ones vary about the effect of the column at that time.
    feature_names : ndarray of str, shape (p,)
        Names of the columns.
    scaled : bool
        Whether the differences were turned into effects.

    Examples
    --------
    >>> from custval.survival import CoxPH, schoenfeld_residuals, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0], [0.0]], survival_target([1, 2, 3, 4, 5])
    >>> schoenfeld_residuals(CoxPH().fit(X, y), X, y).residual.ravel().round(3).tolist()
    [-0.467, 0.432, -0.397, 0.432, 0.0]
    """

    row: IntArray
    time: FloatArray
    residual: FloatArray
    feature_names: TextArray
    scaled: bool


def chi_square_tail(statistic: FloatArray | float, df: IntArray | int) -> FloatArray:
    """Return the probability of more than `statistic` under a chi-square law."""
    from scipy.special import gammaincc

    return np.asarray(gammaincc(np.asarray(df) / 2, np.asarray(statistic) / 2), dtype=np.float64)


def clock(
    transform: Clock, rows: CoxRows, duration: FloatArray, entry: FloatArray | None, event: BoolArray
) -> FloatArray:
    """Return g at each event time (J,), centred over the events; the other arguments are those of all rows."""
    times = rows.times
    if callable(transform):
        made = np.asarray(transform(times), dtype=np.float64)
        if made.shape != times.shape or not np.isfinite(made).all():
            raise InputError("transform must return one finite number for each time")
    elif transform == "identity":
        made = times
    elif transform == "log":
        made = np.log(times)
    elif transform == "rank":
        ordered = np.sort(duration)
        # ties share their mean rank among all rows
        made = (np.searchsorted(ordered, times) + np.searchsorted(ordered, times, side="right") + 1) / 2
    else:
        made = 1.0 - _left_before(times, duration, entry, event)
    return np.asarray(made - np.average(made, weights=rows.count))


def _left_before(times: FloatArray, duration: FloatArray, entry: FloatArray | None, event: BoolArray) -> FloatArray:
    """Return Kaplan-Meier of all rows, each counted once and strata pooled, just before `times`."""
    distinct, left = np.unique(duration[event], return_counts=True)
    at_risk = len(duration) - np.searchsorted(np.sort(duration), distinct)
    if entry is not None:
        at_risk = at_risk - (len(entry) - np.searchsorted(np.sort(entry), distinct))
    survival = np.append(1.0, np.cumprod(1 - left / at_risk))
    return np.asarray(survival[np.searchsorted(distinct, times)])


def score_statistics(
    sums: RiskSums, rows: CoxRows, at: FloatArray, terms: Sequence[IntArray], l2: float
) -> tuple[FloatArray, float]:
    """Return the statistic of each term (columns that are tested together) and of all, for the clock `at` (J,)."""
    p = len(rows.X)
    plain, mixed, square = (information(sums, rows, g) for g in (None, at, at * at))
    plain, square = plain + l2 * np.eye(p), square + l2 * np.eye(p)
    score = np.concatenate([np.zeros(p), slope_and_gram(sums, rows, at)[0]])
    whole = np.block([[plain, mixed], [mixed.T, square]])
    each = [_quadratic(score, whole, np.concatenate([np.arange(p), p + term])) for term in terms]
    return np.array(each), _quadratic(score, whole, np.arange(2 * p))


def _quadratic(score: FloatArray, told: FloatArray, keep: IntArray) -> float:
    size = np.sqrt(np.diag(told)[keep])
    own = score[keep] / size
    return float(own @ np.linalg.solve(told[np.ix_(keep, keep)] / np.outer(size, size), own))
