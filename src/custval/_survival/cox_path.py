"""Which columns matter: Cox models along falling penalties, and the penalty chosen by cross-validation.

The penalty ``strength * (l1_ratio * sum|b| + (1 - l1_ratio) / 2 * sum b^2)`` falls from where every coefficient is 0.
A fold is scored by what its customers add to the partial likelihood of all, ``l(all) - l(without it)``, at the
coefficients fitted without it: risk sets of the small fold alone would say little.

References
----------
Verweij and van Houwelingen (1993), Cross-validation in survival analysis, Statistics in Medicine 12, 2305-2314.
Simon, Friedman, Hastie and Tibshirani (2011), Regularization paths for Cox's model via coordinate descent, J.
Statistical Software 39(5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray, IntArray, RandomState, TextArray
from custval._core.validation import check_scalar, check_whole, float_array
from custval._survival.cox_data import checked_data, learn_design, split_strata
from custval._survival.cox_fit import CoxData, CoxOptions, check_data, cox_options, data_rows
from custval._survival.cox_likelihood import evaluate, log_likelihood, risk_sums
from custval._survival.cox_penalty import elastic_newton
from custval._survival.cox_rows import CoxRows

__all__ = ("CoxPath", "cox_path")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class CoxPath(Result):
    """Coefficients along a falling penalty; there are no standard errors.

    Attributes
    ----------
    strength : ndarray of shape (m,)
        Penalties, falling.
    l1, l2 : ndarray of shape (m,)
        What they mean as ``CoxPH(l1=, l2=)`` (where the path was not standardised).
    coef : ndarray of shape (m, p)
        Coefficients in raw units of X.
    used : ndarray of int, shape (m,)
        Coefficients that are not 0.
    log_likelihood : ndarray of shape (m,)
        Partial log-likelihood of all customers, penalty not counted.
    deviance : ndarray of shape (m,), or None
        Cross-validated: minus twice the log-likelihood that left-out customers add, for each departure.
    deviance_error : ndarray of shape (m,), or None
        Its standard error over the folds.
    best : int, or None
        Index of the least deviance.
    simplest : int, or None
        Index of the strongest penalty within one standard error of it.
    feature_names : ndarray of str, shape (p,)
        Columns of the design matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import cox_path, survival_target
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> path = cox_path(X, survival_target(np.round(np.exp(3 - X[:, 0])) + 1), folds=0, points=4)
    >>> path.used.tolist()
    [0, 1, 3, 3]
    """

    strength: FloatArray
    l1: FloatArray
    l2: FloatArray
    coef: FloatArray
    used: IntArray
    log_likelihood: FloatArray
    deviance: FloatArray | None
    deviance_error: FloatArray | None
    best: int | None
    simplest: int | None
    feature_names: TextArray


@public("survival")
def cox_path(
    X: AnyFrame,
    y: Any,
    *,
    l1_ratio: float = 1.0,
    strengths: ArrayLike | None = None,
    points: int = 50,
    standardize: bool = False,
    folds: int = 5,
    ties: str = "efron",
    sample_weight: ArrayLike | None = None,
    strata: Any = None,
    cluster: Any = None,
    missing: str = "error",
    random_state: RandomState = None,
) -> CoxPath:
    """Fit Cox models along falling penalties, and choose one by cross-validation.

    Parameters
    ----------
    X : frame or array of shape (n, columns)
        What is known of each customer.
    y : target of shape (n,)
        From :func:`survival_target`, one cause.
    l1_ratio : float, default 1.0
        Share of the penalty on absolute values, in (0, 1]: 1 is the lasso, less an elastic net.
    strengths : array_like of shape (m,), optional
        Penalties, > 0, in raw units, not divided by n. None: `points` of them from where all coefficients are 0 down
        to a thousandth of it (a twentieth where there are more columns than rows).
    points : int, default 50
        How many, >= 2.
    standardize : bool, default False
        Penalise coefficients per standard deviation of their columns instead of per unit.
    folds : int, default 5
        Folds of the cross-validation, >= 2; 0: none.
    ties : {"efron", "breslow"}, default "efron"
        What to do with departures at the same time.
    sample_weight : array_like of shape (n,), optional
        Case weights, >= 0.
    strata : str, sequence of str, or array_like or frame of n rows, optional
        Groups with a baseline each, as in :meth:`CoxPH.fit`.
    cluster : array_like of shape (n,), optional
        Rows of one customer or account, which stay in one fold.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    random_state : int, numpy.random.Generator or None
        Who goes into which fold.

    Returns
    -------
    CoxPath
        Penalties, coefficients, likelihoods and the choice.

    Raises
    ------
    InputError
        When nobody left, a fold would have no departures outside it, or the settings are out of range.

    References
    ----------
    Verweij and van Houwelingen (1993), Statistics in Medicine 12, 2305-2314.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import cox_path, survival_target
    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> y = survival_target(np.random.default_rng(1).exponential(np.exp(-X[:, 0])))
    >>> path = cox_path(X, y, points=20, random_state=0)
    >>> np.flatnonzero(path.coef[path.simplest]).tolist()
    [0, 2]
    """
    share = check_scalar(l1_ratio, "l1_ratio", low=0, high=1, low_open=True)
    options = cox_options(ties=ties, l2=0.0, l1=0.0, max_iter=50, tol=1e-9)
    rest, labels, _ = split_strata(X, strata)
    encoder, rest = learn_design(rest, missing=missing)
    data, _, _ = checked_data(rest, y, encoder, sample_weight=sample_weight, strata=labels, cluster=cluster)
    check_data(data, replace(options, l1=1.0))
    scale = _scale(data) if standardize else np.ones(data.X.shape[1])
    data = replace(data, X=data.X / scale)
    with one_thread():
        rows = data_rows(data, ties)
        grid = _strengths(rows, strengths, points, share, options)
        coef = _walk(rows, grid, share, options)
        heights = np.array([log_likelihood(risk_sums(b, rows, ties)) for b in coef])
        deviance, error = _validate(
            data, rows, grid, share=share, options=options, parts=_parts(data, folds, random_state)
        )
    best, simplest = _choice(deviance, error)
    return CoxPath(
        strength=frozen(grid),
        l1=frozen(grid * share),
        l2=frozen(grid * (1 - share)),
        coef=frozen(coef / scale),
        used=frozen(np.count_nonzero(coef, axis=1)),
        log_likelihood=frozen(heights),
        deviance=None if deviance is None else frozen(deviance),
        deviance_error=None if error is None else frozen(error),
        best=best,
        simplest=simplest,
        feature_names=np.array(data.features, dtype=object),
    )


def _scale(data: CoxData) -> FloatArray:
    share = data.weight / data.weight.sum()
    spread = np.sqrt(share @ (data.X - share @ data.X) ** 2)
    return np.where(spread > 0, spread, 1.0)


def _strengths(rows: CoxRows, given: ArrayLike | None, points: int, share: float, options: CoxOptions) -> FloatArray:
    if given is not None:
        return np.sort(float_array(given, "strengths", low=0.0, low_open=True))[::-1]
    count = check_whole(points, "points", low=2)
    slope = evaluate(np.zeros(len(rows.X)), rows, options.ties)[1]
    top = float(np.abs(slope).max()) / share
    if top == 0:
        raise InputError("no column differs between those who leave and those who stay, so there is nothing to choose")
    end = 1e-3 if rows.X.shape[1] > rows.X.shape[0] else 0.05
    return np.asarray(top * np.geomspace(1, end, count))


def _walk(rows: CoxRows, grid: FloatArray, share: float, options: CoxOptions) -> FloatArray:
    """Return the coefficients at each penalty, (m, p), each fit beginning where the last one ended."""
    made = np.empty((len(grid), len(rows.X)))
    here = np.zeros(len(rows.X))
    for place, strength in enumerate(grid.tolist()):
        l2 = strength * (1 - share)

        def smooth(coef: FloatArray, l2: float = l2) -> tuple[float, FloatArray, FloatArray]:
            value, slope, told, _ = evaluate(coef, rows, options.ties)
            told[np.diag_indices_from(told)] += l2
            return value - l2 / 2 * float(coef @ coef), slope - l2 * coef, told

        found = elastic_newton(smooth, here, l1=strength * share, max_iter=options.max_iter, tol=options.tol)
        made[place] = here = found.point
    return made


def _parts(data: CoxData, folds: int, random_state: RandomState) -> list[BoolArray]:
    """Return who is left out in each fold: whole clusters, departures spread evenly."""
    count = check_whole(folds, "folds", low=0)
    if count == 0:
        return []
    units, leaves = _units(data)
    if count == 1 or count > len(leaves):
        raise InputError(f"folds must be 0, or between 2 and the {len(leaves)} customers or clusters, not {folds}")
    order = generator(random_state).permutation(len(leaves))
    order = order[np.argsort(leaves[order], kind="stable")]  # those who leave last: dealt out evenly among the folds
    fold = np.empty(len(leaves), dtype=np.int64)
    fold[order] = np.arange(len(leaves)) % count
    own = [fold[units] == k for k in range(count)]
    if not all(data.event[~out].any() for out in own):
        raise InputError("all departures fall into one fold, so nothing can be learned without it; take folds=0")
    return own


def _units(data: CoxData) -> tuple[IntArray, BoolArray]:
    """Return the customer or cluster of each row, and which of them leave."""
    if data.cluster is None:
        return np.arange(len(data.event)), data.event
    units = np.unique(data.cluster, return_inverse=True)[1]
    return units, np.bincount(units, weights=data.event) > 0


def _validate(
    data: CoxData, rows: CoxRows, grid: FloatArray, *, share: float, options: CoxOptions, parts: list[BoolArray]
) -> tuple[FloatArray | None, FloatArray | None]:
    """Return the cross-validated deviance of each penalty, (m,), and its standard error."""
    if not parts:
        return None, None
    told = np.empty((len(parts), len(grid)))
    events = np.array([float(data.weight[out & data.event].sum()) for out in parts])
    for k, out in enumerate(parts):
        left = data_rows(data.rows(~out), options.ties)
        for place, coef in enumerate(_walk(left, grid, share, options)):
            added = log_likelihood(risk_sums(coef, rows, options.ties))
            told[k, place] = -2 * (added - log_likelihood(risk_sums(coef, left, options.ties)))
    known = events > 0
    each, weight = told[known] / events[known, None], events[known] / events.sum()
    mean = told.sum(axis=0) / events.sum()
    spread = np.sqrt(weight @ (each - weight @ each) ** 2 / max(int(known.sum()) - 1, 1))
    return mean, np.asarray(spread)


def _choice(deviance: FloatArray | None, error: FloatArray | None) -> tuple[int | None, int | None]:
    if deviance is None or error is None:
        return None, None
    best = int(np.argmin(deviance))
    return best, int(np.argmax(deviance <= deviance[best] + error[best]))
