"""Fitting Fine and Gray's model: a start from a subsample, Newton, a named diagnosis, errors and baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from custval._core.errors import ConvergenceWarning, InputError, warn
from custval._core.optimize import Optimum, dependent_columns, information_inverse, newton
from custval._core.typing import FloatArray, IntArray
from custval._survival.fine_gray_errors import Influence, censorings, sandwich
from custval._survival.fine_gray_fit import (
    Evaluation,
    RiskSums,
    SubRows,
    evaluate,
    log_likelihood,
    risk_sums,
    sub_rows,
    watched,
)
from custval._survival.fine_gray_rows import SubData

__all__ = ("SubFit", "learn", "score_of")

_KNOTS = 40
_LARGE = 40_000  # rows from which a subsample gives the start
_EVERY = 12
_LONG_STEP = 0.05  # of a row's log risk: no finite optimum is this far when nothing is to be gained


@dataclass(frozen=True, slots=True, eq=False)
class SubFit:
    """What was learned: coef (p,), inverse information and joint sandwich, the baseline (J,) and its knots (M,)."""

    coef: FloatArray
    center: FloatArray
    naive: FloatArray
    joint: FloatArray
    log_likelihood: float
    log_likelihood_null: float
    iterations: int
    times: FloatArray
    hazard: FloatArray
    knots: IntArray


def learn(data: SubData, code: int, names: Sequence[str], *, l2: float, max_iter: int, tol: float) -> SubFit:
    """Return the maximum of the penalised likelihood of cause `code`, with errors and baseline."""
    center = (data.weight / data.weight.sum()) @ data.X
    rows = _rows(data, code, center)
    objective = _Objective(rows, l2)
    nothing = np.zeros(data.X.shape[1])
    null, _, told = objective(nothing)
    if l2 == 0:
        _refuse_columns(told, data, names)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        best = newton(objective, _start(data, code, l2), max_iter=max_iter, tol=tol)
        coef = best.point + best.step if _sound(best, rows, names, l2, max_iter) else best.point
        sums = risk_sums(coef, rows)
        naive = information_inverse(best.information)
        hazard = np.cumsum(rows.mass / sums.total)
        knots = np.unique(np.linspace(0, len(hazard) - 1, min(_KNOTS, len(hazard))).round().astype(np.int64))
        joint = _errors(data, rows, sums, naive, knots)
    return SubFit(
        coef=coef,
        center=center,
        naive=naive,
        joint=joint,
        log_likelihood=log_likelihood(rows, sums),
        log_likelihood_null=null,
        iterations=best.iterations,
        times=rows.times,
        hazard=hazard,
        knots=knots,
    )


def score_of(coef: FloatArray, data: SubData, code: int, center: FloatArray) -> float:
    """Return the log-likelihood for each departure at `coef`, less that of equal risks."""
    rows = _rows(data, code, center)
    gained = [log_likelihood(rows, risk_sums(b, rows)) for b in (coef, 0 * coef)]
    return (gained[0] - gained[1]) / float(rows.mass.sum())


class _Objective:
    """The penalised log-likelihood, which remembers the point it was last asked for."""

    def __init__(self, rows: SubRows, l2: float) -> None:
        self.rows, self.l2 = rows, l2
        self.point, self.last = np.full(len(rows.X), np.nan), (0.0, np.zeros(0), np.zeros((0, 0)))

    def __call__(self, coef: FloatArray) -> Evaluation:
        if not np.array_equal(coef, self.point):
            self.point, self.last = coef, evaluate(coef, self.rows, self.l2)
        return self.last


def _rows(data: SubData, code: int, center: FloatArray) -> SubRows:
    chance = watched(data.duration, data.event, data.weight, entry=data.came, ended=data.ended)
    return sub_rows(
        data.X,
        duration=data.duration,
        event=data.event,
        weight=data.weight,
        entry=data.entry,
        code=code,
        chance=chance,
        center=center,
    )


def _start(data: SubData, code: int, l2: float) -> FloatArray:
    """Return 0, or for many rows the optimum of a systematic subsample: two looks at all rows then are enough."""
    n, p = data.X.shape
    nothing = np.zeros(p)
    if n < _LARGE or np.count_nonzero(data.event == code) < 100 * _EVERY:
        return nothing
    keep = np.argsort(data.duration, kind="stable")[_EVERY // 2 :: _EVERY]
    some = replace(
        data,
        X=data.X[keep],
        entry=None if data.entry is None else data.entry[keep],
        came=None if data.came is None else data.came[keep],
        duration=data.duration[keep],
        event=data.event[keep],
        weight=data.weight[keep],
        ended=np.ones(len(keep), dtype=bool),
        group=None,
    )
    rows = _rows(some, code, (some.weight / some.weight.sum()) @ some.X)
    found = newton(_Objective(rows, l2 / _EVERY), nothing, max_iter=10, tol=1e-3)
    return found.point if found.converged and np.isfinite(found.point).all() else nothing


def _errors(data: SubData, rows: SubRows, sums: RiskSums, naive: FloatArray, knots: IntArray) -> FloatArray:
    """Return the joint sandwich of coefficients and baseline."""
    lost = None if data.came is not None else censorings(data.duration, data.event, data.ended, rows)
    slope = -np.cumsum(sums.mean * (rows.mass / sums.total), axis=1)[:, knots]
    copies = data.group is None and bool((data.weight == np.floor(data.weight)).all())
    cluster = None if data.group is None else data.group[rows.order]
    return sandwich(Influence(rows, sums, lost, knots), naive, slope, copies=copies, cluster=cluster)


def _refuse_columns(told: FloatArray, data: SubData, names: Sequence[str]) -> None:
    cure = "drop it, or fit with l2 > 0"
    flat = [repr(names[j]) for j in np.flatnonzero(np.ptp(data.X, axis=0) == 0).tolist()]
    flat = flat or [repr(names[j]) for j in np.flatnonzero(np.diag(told) <= 0).tolist()]
    if flat:
        raise InputError(
            f"column {', '.join(flat[:8])} is the same for all customers, so its effect cannot be told; {cure}"
        )
    found = dependent_columns(told)
    if found:
        said = [f"{names[j]!r} follows from {', '.join(repr(names[i]) for i in of.tolist())}" for j, of in found[:8]]
        raise InputError(f"columns are collinear, so their effects cannot be told apart: {'; '.join(said)}; {cure}")


def _sound(best: Optimum, rows: SubRows, names: Sequence[str], l2: float, max_iter: int) -> bool:
    """Warn of separation or of steps left over; say whether all is well."""
    far = np.abs(best.step) * np.abs(rows.X).max(axis=1)
    flat = np.diag(best.information) <= 0
    if l2 == 0 and (flat.any() or (best.converged and float(far.max(initial=0.0)) > _LONG_STEP)):
        named = ", ".join(repr(names[j]) for j in np.flatnonzero(flat | (far > far.max() / 5))[:8])
        warn(
            f"separation: who leaves for the cause first can be told without error by {named}, so no finite best "
            "coefficient exists; the numbers given are where the likelihood stopped growing, and their errors mean "
            "nothing; drop the column, merge its levels, or fit with l2 > 0",
            ConvergenceWarning,
        )
        return False
    if not best.converged:
        warn(
            f"the fit stopped after {best.iterations} steps; raise max_iter (now {max_iter}) or fit with l2 > 0",
            ConvergenceWarning,
        )
    return best.converged
