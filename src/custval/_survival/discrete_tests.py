"""Do the columns matter? Wald tests by column, and the likelihood-ratio test of one model within another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.optimize import information_inverse
from custval._core.results import Result
from custval._core.typing import FloatArray, IntArray, TextArray
from custval._survival.clocks import FittedClock
from custval._survival.cox_diagnostics import chi_square_tail

__all__ = ("ColumnTests", "NestedTest", "column_tests", "likelihood_ratio_test")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class ColumnTests(Result):
    """Wald tests of columns: is every coefficient of the column zero, for all causes and levels?

    Attributes
    ----------
    column : ndarray of str, shape (q,)
        Columns of X, then clocks, then ``all``.
    statistic : ndarray of shape (q,)
        Chi-square statistics, robust where the model has robust errors.
    df : ndarray of int, shape (q,)
        Degrees of freedom.
    p_value : ndarray of shape (q,)
        Probability of more if the coefficients are zero.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
    >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
    >>> DiscreteHazard(baseline="constant").fit(X, y).tests().column.tolist()
    ['contract', 'fee', 'all']
    """

    column: TextArray
    statistic: FloatArray
    df: IntArray
    p_value: FloatArray


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class NestedTest(Result):
    """Whether the larger of two models, fitted to the same rows, tells more than chance would.

    Attributes
    ----------
    statistic : float
        Twice the gain in log-likelihood.
    df : int
        Parameters gained.
    p_value : float
        Probability of more if the smaller model is right.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, likelihood_ratio_test, survival_target
    >>> X, y = [[0, 1], [1, 3], [0, 2], [1, 2], [0, 3]], survival_target([3, 2, 2, 1, 1], [0, 1, 1, 1, 1])
    >>> small = DiscreteHazard(baseline="constant").fit([[row[0]] for row in X], y)
    >>> round(likelihood_ratio_test(small, DiscreteHazard(baseline="constant").fit(X, y)).p_value, 2)
    0.15
    """

    statistic: float
    df: int
    p_value: float


def column_tests(
    theta: FloatArray,
    covariance: FloatArray,
    sources: Sequence[str],
    clocks: Sequence[FittedClock],
    baselines: Sequence[int],
) -> ColumnTests:
    """Return Wald tests from parameters and covariance in the order baseline, clocks, coefficients of each cause."""
    where: dict[str, list[int]] = {name: [] for name in sources}
    where |= {clock.clock.column: [] for clock in clocks}
    at = 0
    for k, baseline in enumerate(baselines):
        at += baseline
        for clock in clocks:
            size = clock.columns[k].shape[1]
            where[clock.clock.column] += range(at, at + size)
            at += size
        for name in sources:
            where[name].append(at)
            at += 1
    where["all"] = sorted({place for places in where.values() for place in places})
    found = [_wald(theta[places], covariance[np.ix_(places, places)]) for places in where.values()]
    statistic, df = np.array([one for one, _ in found]), np.array([many for _, many in found], dtype=np.int64)
    return ColumnTests(np.array(list(where), dtype=object), statistic, df, chi_square_tail(statistic, df))


def _wald(theta: FloatArray, covariance: FloatArray) -> tuple[float, int]:
    inverse = information_inverse(covariance)
    return float(theta @ inverse @ theta), int(np.linalg.matrix_rank(covariance))


@public("survival")
def likelihood_ratio_test(smaller: Any, larger: Any) -> NestedTest:
    """Return the likelihood-ratio test of two fitted models, the smaller within the larger.

    Parameters
    ----------
    smaller, larger : DiscreteHazard
        Fitted without a penalty to the same rows; the larger has the columns, clocks and baseline of the smaller and
        more.

    Returns
    -------
    NestedTest
        Statistic, degrees of freedom and p-value.

    Raises
    ------
    InputError
        For penalised fits, models of other rows or causes, and a larger model that is not larger.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, likelihood_ratio_test, survival_target
    >>> X, y = [[0, 1], [1, 3], [0, 2], [1, 2], [0, 3]], survival_target([3, 2, 2, 1, 1], [0, 1, 1, 1, 1])
    >>> small = DiscreteHazard(baseline="constant").fit([[row[0]] for row in X], y)
    >>> likelihood_ratio_test(small, DiscreteHazard(baseline="constant").fit(X, y)).df
    1
    """
    for model in (smaller, larger):
        if not hasattr(model, "n_parameters_"):
            raise InputError("likelihood_ratio_test compares two fitted DiscreteHazard models")
        if model.l1 > 0 or model.l2 > 0:
            raise InputError("a likelihood-ratio test holds for fits without a penalty; fit with l1 = 0 and l2 = 0")
    same = smaller.causes_ == larger.causes_ and smaller.link == larger.link
    if not same or not np.allclose(smaller.exposure_.sum(), larger.exposure_.sum(), rtol=1e-9):
        raise InputError("the two models were fitted to other rows, causes or links; fit both to the same ones")
    df = int(larger.n_parameters_ - smaller.n_parameters_)
    statistic = 2.0 * float(larger.log_likelihood_ - smaller.log_likelihood_)
    if df <= 0 or statistic < -1e-6 * (1 + abs(larger.log_likelihood_)):
        raise InputError("the second model must hold the first and more; give the smaller model first")
    tail = chi_square_tail(np.array([max(statistic, 0.0)]), np.array([df]))
    return NestedTest(max(statistic, 0.0), df, float(tail[0]))
