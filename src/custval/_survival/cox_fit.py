"""Fitting Cox's model: a start from a systematic subsample, Newton, the last promised step, and a named diagnosis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from custval._core.errors import ConvergenceWarning, DataWarning, InputError, warn
from custval._core.optimize import Evaluation, Optimum, dependent_columns, information_inverse, newton
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar, check_whole
from custval._survival.cox_likelihood import TIES, RiskSums, evaluate, log_likelihood, risk_sums, slope
from custval._survival.cox_penalty import elastic_newton
from custval._survival.cox_residuals import sandwich
from custval._survival.cox_rows import CoxRows, cox_rows, every_kth
from custval._survival.cox_start import climb

__all__ = (
    "CoxData",
    "CoxFit",
    "CoxOptions",
    "check_data",
    "cox_options",
    "data_rows",
    "fit_cox",
    "last_times",
    "with_column",
)

_NAMED = 8  # columns in a message: enough to act on, short enough to read
_LONG_STEP = 0.05  # of a row's log risk: no finite optimum is this far when nothing is to be gained
_NOTHING = 1e-16  # twice the gain still promised, below which a stop is the optimum itself
_HIDDEN = 2e-15  # of the events' weight: less gain than this is hidden by the rounding of the log-likelihood
_SAMPLE = (8_000, 50_000)  # least and most rows of the subsample that gives the start


@dataclass(frozen=True, slots=True, eq=False)
class CoxOptions:
    """How to fit: tie method, penalties and stopping rule."""

    ties: str
    l2: float
    l1: float
    max_iter: int
    tol: float


@dataclass(frozen=True, slots=True, eq=False)
class CoxData:
    """Checked rows: X (n, p), entry (n,) or None, duration, event, weight (n,), stratum and cluster codes or None."""

    X: FloatArray
    entry: FloatArray | None
    duration: FloatArray
    event: BoolArray
    weight: FloatArray
    stratum: IntArray | None
    cluster: IntArray | None
    features: tuple[str, ...]
    strata: tuple[str, ...]

    def rows(self, keep: IntArray | BoolArray) -> CoxData:
        """Return the rows that `keep` names."""
        own = ("X", "entry", "duration", "event", "weight", "stratum", "cluster")
        taken = {name: value[keep] for name in own if (value := getattr(self, name)) is not None}
        return replace(self, **taken)


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """What was learned.

    Attributes
    ----------
    coef : ndarray of shape (p,)
        Coefficients in raw units of X.
    step : ndarray of shape (p,)
        The last step, taken after `sums` were made.
    covariance, robust : ndarray of shape (p, p), or None
        Inverse information and sandwich; None with l1 > 0 (and no sandwich unless asked).
    log_likelihood, log_likelihood_null : float
        Partial log-likelihood at `coef` and at 0, penalties not counted.
    score_test : float
        Chi-square of the slope at 0.
    iterations : int
        Newton steps.
    rows : CoxRows
        The sorted rows.
    sums : RiskSums
        Sums over risk sets at ``coef - step``.
    """

    coef: FloatArray
    step: FloatArray
    covariance: FloatArray | None
    robust: FloatArray | None
    log_likelihood: float
    log_likelihood_null: float
    score_test: float
    iterations: int
    rows: CoxRows
    sums: RiskSums


def cox_options(*, ties: str, l2: float, l1: float, max_iter: int, tol: float) -> CoxOptions:
    """Return the settings of a fit, checked."""
    check_choice(ties, "ties", TIES)
    return CoxOptions(
        ties=ties,
        l2=check_scalar(l2, "l2", low=0, high=np.inf, high_open=True),
        l1=check_scalar(l1, "l1", low=0, high=np.inf, high_open=True),
        max_iter=check_whole(max_iter, "max_iter", low=1),
        tol=check_scalar(tol, "tol", low=0, low_open=True),
    )


def data_rows(data: CoxData, ties: str) -> CoxRows:
    """Return the sorted rows of `data`."""
    return cox_rows(
        data.X,
        entry=data.entry,
        duration=data.duration,
        event=data.event,
        weight=data.weight,
        stratum=data.stratum,
        ties=ties,
    )


def last_times(data: CoxData) -> FloatArray:
    """Return the last observed time of each stratum, (S,)."""
    if data.stratum is None:
        return np.array([data.duration.max()])
    last = np.zeros(len(data.strata))
    np.maximum.at(last, data.stratum, data.duration)
    return last


def with_column(data: CoxData) -> CoxData:
    """Return `data` with a column of zeros at the end, room for an offset."""
    return replace(data, X=np.column_stack([data.X, np.zeros(len(data.X))]))


def fit_cox(data: CoxData, options: CoxOptions, *, robust: bool, start: FloatArray | None = None) -> CoxFit:
    """Return the maximum of the (penalised) partial likelihood with its covariance.

    `start` (p,) is where to begin; None: 0, or for many rows the optimum of a systematic subsample.
    """
    check_data(data, options)
    rows = data_rows(data, options.ties)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):  # separated columns run off
        return _fitted(data, rows, options, robust=robust, start=start)


def _fitted(data: CoxData, rows: CoxRows, options: CoxOptions, *, robust: bool, start: FloatArray | None) -> CoxFit:
    objective = _Objective(rows, options)
    null, score_test = _at_zero(objective)
    options = replace(options, tol=max(options.tol, _HIDDEN * float(rows.mass.sum())))
    first = _start(rows, options) if start is None else start
    if options.l1 > 0:
        best = elastic_newton(objective, first, l1=options.l1, max_iter=options.max_iter, tol=options.tol)
        step = np.zeros_like(best.point)
    else:
        best = newton(objective, first, max_iter=options.max_iter, tol=options.tol)
        step = best.step
    sums = objective.sums_at(best.point)
    sound = _diagnose(best, sums, rows, data, options)
    if not sound:
        step = np.zeros_like(step)
    covariance = None if options.l1 > 0 else information_inverse(best.information)
    clustered = None if data.cluster is None else data.cluster[rows.order]
    return CoxFit(
        coef=best.point + step,
        step=step,
        covariance=covariance,
        robust=sandwich(sums, rows, covariance, clustered) if robust and covariance is not None else None,
        log_likelihood=log_likelihood(sums) + _gain(objective, best, step),
        log_likelihood_null=null,
        score_test=score_test,
        iterations=best.iterations,
        rows=rows,
        sums=sums,
    )


class _Objective:
    """The penalised log-likelihood, which remembers the sums of the point it was last asked for."""

    def __init__(self, rows: CoxRows, options: CoxOptions) -> None:
        self.rows, self.ties, self.l2 = rows, options.ties, options.l2
        self.point, self.last = np.full(len(rows.X), np.nan), (0.0, np.zeros(0), np.zeros((0, 0)))

    def __call__(self, coef: FloatArray) -> Evaluation:
        if not np.array_equal(coef, self.point):
            value, steep, told, self.sums = evaluate(coef, self.rows, self.ties)
            told[np.diag_indices_from(told)] += self.l2
            self.point = coef
            self.last = value - self.l2 / 2 * float(coef @ coef), steep - self.l2 * coef, told
        return self.last

    def sums_at(self, coef: FloatArray) -> RiskSums:
        """Return the sums at `coef`."""
        return self.sums if np.array_equal(coef, self.point) else risk_sums(coef, self.rows, self.ties)


def _gain(objective: _Objective, best: Optimum, step: FloatArray) -> float:
    """Return what the last step adds to the log-likelihood, penalty not counted, to second order."""
    if not step.any():
        return 0.0
    told = best.information - objective.l2 * np.eye(len(step))
    steep = best.information @ step + objective.l2 * best.point
    return float(steep @ step - step @ told @ step / 2)


def check_data(data: CoxData, options: CoxOptions) -> None:
    """Refuse data from which nothing can be learned, and say which strata stay silent."""
    n, p = data.X.shape
    if not data.event.any():
        raise InputError(
            f"no customer left: all {n} are censored, so there is nothing to learn about leaving; "
            "check how event is coded, or take a longer window"
        )
    if p == 0:
        raise InputError("X has no column whose effect could be told: every column holds one level only")
    if p >= n and options.l2 == 0 and options.l1 == 0:
        raise InputError(
            f"X has {p} columns but only {n} rows, so effects cannot be told apart; "
            "take fewer columns, or fit with l2 > 0 or l1 > 0"
        )
    if data.stratum is not None:
        _warn_silent_strata(data)


def _warn_silent_strata(data: CoxData) -> None:
    left = np.bincount(data.stratum[data.event], minlength=len(data.strata)) if data.stratum is not None else None
    silent = [] if left is None else np.flatnonzero(left == 0).tolist()
    if silent:
        warn(
            f"{len(silent)} of {len(data.strata)} strata have no departures "
            f"({_quoted(data.strata[s] for s in silent)}): they say nothing about the coefficients, and their "
            "customers are predicted to stay",
            DataWarning,
        )


def _start(rows: CoxRows, options: CoxOptions) -> FloatArray:
    """Return 0, or for many rows a point so near the optimum that one or two looks at all products are enough."""
    nothing = np.zeros(len(rows.X))
    n = len(rows.order)
    every = n // int(np.clip(n // 12, *_SAMPLE))
    if every < 5 or int(rows.event.sum()) < 200 * every or options.l1 > 0:
        return nothing
    some = every_kth(rows, every, options.ties)
    if some is None:
        return nothing
    # the penalty shrinks with the sample, so that the balance stays
    smaller = CoxOptions(options.ties, options.l2 / every, 0.0, 10, 1e-3)
    found = newton(_Objective(some, smaller), nothing, max_iter=10, tol=1e-3)
    if not (found.converged and np.isfinite(found.point).all()):
        return nothing

    def penalised(coef: FloatArray) -> tuple[float, FloatArray]:
        value, steep = slope(coef, rows, options.ties)
        return value - options.l2 / 2 * float(coef @ coef), steep - options.l2 * coef

    return climb(penalised, found.point, information_inverse(found.information) / every, tol=options.tol)


def _at_zero(objective: _Objective) -> tuple[float, float]:
    """Return the log-likelihood without the columns, and the score test of all of them."""
    nothing = np.zeros(len(objective.rows.X))
    value, steep, told = objective(nothing)
    told = told - objective.l2 * np.eye(len(nothing))
    return value, float(steep @ information_inverse(told) @ steep)


def _diagnose(best: Optimum, sums: RiskSums, rows: CoxRows, data: CoxData, options: CoxOptions) -> bool:
    """Refuse columns without an effect to tell, warn of separation and of steps left over; say whether all is well."""
    if options.l2 == 0 and options.l1 == 0:
        unclear = np.diag(best.information) <= 0
        for column, of in dependent_columns(best.information):
            unclear[[column, *of]] = True
        if best.converged:
            unclear |= _long_step(best, sums, rows)
        if unclear.any():
            _refuse_columns(rows, data, options)
            _warn_separation(unclear, data)
            return False
    if not best.converged:
        warn(
            f"the fit stopped after {best.iterations} steps before it reached tol={options.tol:g}; raise max_iter "
            f"(now {options.max_iter}) or fit with l2 > 0",
            ConvergenceWarning,
        )
    return best.converged


def _long_step(best: Optimum, sums: RiskSums, rows: CoxRows) -> BoolArray:
    """Say which columns the next step would still move a row by, though nothing is left to gain: their optimum is far.

    An ordinary stop leaves steps so short that the rows need not be looked at.
    """
    nothing = np.zeros(len(best.step), dtype=bool)
    if float(best.step @ best.information @ best.step) < _NOTHING or _surely_short(best.step, sums):
        return nothing
    if float(np.abs(best.step @ rows.X).max()) <= _LONG_STEP:
        return nothing
    each = np.abs(best.step) * np.abs(rows.X).max(axis=1)
    return np.asarray(each > each.max() / 5)


def _surely_short(step: FloatArray, sums: RiskSums) -> bool:
    """Say whether the Gram products bound what `step` moves any row by: r x^2 of one row is within the sum of all."""
    if sums.grams is None:
        return False
    most = np.sqrt(np.einsum("cjj->j", sums.grams) / sums.risk.min())
    return bool(np.abs(step) @ most <= _LONG_STEP)


def _refuse_columns(rows: CoxRows, data: CoxData, options: CoxOptions) -> None:
    """Refuse columns that do not differ among customers at risk together, or follow from others."""
    cure = "drop it, or fit with l2 > 0"
    told = evaluate(np.zeros(len(rows.X)), rows, options.ties)[2]
    flat = np.flatnonzero(np.diag(told) <= 0)
    if flat.size:
        named = _quoted(data.features[j] for j in flat)
        always = np.ptp(data.X[:, flat], axis=0).max() == 0
        whom = "all customers" if always else "all customers at risk together whenever somebody leaves"
        raise InputError(f"column {named} is the same for {whom}, so its effect cannot be told; {cure}")
    found = dependent_columns(told)
    if found:
        said = [f"{data.features[j]!r} follows from {_quoted(data.features[i] for i in of)}" for j, of in found]
        raise InputError(f"columns are collinear, so their effects cannot be told apart: {_few(said, '; ')}; {cure}")


def _warn_separation(unclear: BoolArray, data: CoxData) -> None:
    named = _quoted(data.features[j] for j in np.flatnonzero(unclear))
    warn(
        f"separation: who leaves first can be told without error by {named}, so no finite best coefficient exists; the "
        "numbers given are where the likelihood stopped growing, and their errors mean nothing; drop the column, merge "
        "its levels, or fit with l2 > 0",
        ConvergenceWarning,
    )


def _quoted(names: Iterable[str]) -> str:
    return _few([repr(name) for name in names], ", ")


def _few(parts: list[str], between: str) -> str:
    shown = between.join(parts[:_NAMED])
    return shown if len(parts) <= _NAMED else f"{shown}{between}and {len(parts) - _NAMED} more"
