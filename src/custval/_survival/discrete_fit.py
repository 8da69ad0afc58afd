"""Fitting the monthly hazard: columns on one scale, the null model, Newton, and a named diagnosis.

Columns are centred at the average customer-month (every customer counted once for each month at risk) and divided by
their standard deviation there, so that the baseline is the hazard of the average customer, a step has the same size in
every column, and customer rows, person-months and tables of counts all see the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from custval._core.errors import ConvergenceWarning, DataWarning, InputError, warn
from custval._core.optimize import Evaluation, Optimum, dependent_columns, information_inverse, newton
from custval._core.typing import FloatArray, IntArray
from custval._survival.baseline import MonthBasis, MonthCounts, free_basis, smooth_basis
from custval._survival.clocks import Clock, FittedClock
from custval._survival.cox_penalty import elastic_newton
from custval._survival.discrete_grid import GridRows, evaluate_grid, grid_rows
from custval._survival.discrete_likelihood import (
    RiskRows,
    States,
    evaluate,
    month_states,
    risk_rows,
    row_scores,
)
from custval._survival.discrete_states import baseline_ahead, clock_effects, clocked_states, few, quoted
from custval._survival.discrete_tally import Source, Spells, Tally, phases_of, tally

__all__ = ("DiscreteFit", "FitOptions", "fit_spells")

_LONG_STEP = 0.05  # in standard deviations of a column: no finite optimum is this far away when nothing is to be gained


@dataclass(frozen=True, slots=True, eq=False)
class FitOptions:
    """How to fit: link, baseline kind and degrees of freedom, clocks, penalties and stopping rule."""

    link: str
    baseline: str
    baseline_df: int
    clocks: tuple[Clock, ...]
    shrink: tuple[str, ...]
    l1: float
    l2: float
    standardize_penalty: bool
    max_iter: int
    tol: float


@dataclass(frozen=True, slots=True, eq=False)
class DiscreteFit:
    """What was learned.

    Attributes
    ----------
    coef : ndarray of shape (K, p)
        Coefficients in raw units of X.
    baseline : tuple of K ndarrays of shape (q_k,)
        Parameters of the baselines.
    covariance, robust : ndarray of shape (P, P), or None
        Covariance of all parameters, cause by cause: baseline, clocks, coefficients; None with ``l1`` > 0.
    information : ndarray of shape (P, P)
        Minus the second derivative of the log-likelihood, without the penalty.
    center : ndarray of shape (p,)
        The average customer-month.
    level : ndarray of shape (K, T + 1)
        Log rates of the average customer in months 1..T and after.
    stays : ndarray of shape (T + 1,)
        0 where everybody leaves.
    exposure : ndarray of shape (T,)
        Customers at risk by month.
    tail : ndarray of shape (T,)
        Weights of the months whose mean level is held after T.
    basis : tuple of K ndarrays of shape (T + 1, q_k), or None
        The columns of a smooth baseline.
    clocks : tuple of FittedClock
        The clocks with their columns.
    clock_effects : tuple of ndarrays of shape (K, V + 1)
        Log rates by value of each clock; in the last column that of a clock that does not run.
    log_likelihood, log_likelihood_null : float
        Of the model, and of the baseline in tenure alone.
    rows, departures : int
        Rows that the fit has seen, and those who left: whole weights count as often as they say, others once.
    theta, units : ndarray of shape (P,)
        All parameters on the scale of the fit, and what makes those of raw units of them.
    seen, states : Tally and States
        What the rows were prepared with.
    iterations : int
        Newton steps.
    """

    coef: FloatArray
    covariance: FloatArray | None
    robust: FloatArray | None
    information: FloatArray
    center: FloatArray
    level: FloatArray
    stays: FloatArray
    exposure: FloatArray
    tail: FloatArray
    basis: tuple[FloatArray, ...] | None
    clocks: tuple[FittedClock, ...]
    clock_effects: tuple[FloatArray, ...]
    log_likelihood: float
    log_likelihood_null: float
    iterations: int
    rows: int
    departures: int
    theta: FloatArray
    units: FloatArray
    seen: Tally
    states: States

    def prepared_parts(self, source: Source) -> Iterator[tuple[RiskRows, IntArray]]:
        """Yield the rows of `source` as this fit has seen them, with the groups (S, n) of their levels."""
        for spells in source.parts():
            rows = prepared(spells, self.seen, self.states)
            groups = np.zeros((0, len(spells.event)), dtype=np.int64) if spells.groups is None else spells.groups
            yield rows, groups[:, rows.order]


def fit_spells(
    source: Source, options: FitOptions, *, robust: bool | None, start: FloatArray | None = None
) -> DiscreteFit:
    """Return the maximum of the (penalised) likelihood, its covariance and what predictions need.

    `robust` None: robust errors where weights are not whole numbers. `start` is where to begin, None: the null model.
    """
    seen = tally(source)
    _check_causes(seen, source)
    _warn_empty_months(seen.counts, options)
    basis = _basis(seen.counts, options)
    if options.l1 == options.l2 == 0:
        _check_columns(seen.gram, source.features)
    null = _null_fit(seen.counts, basis, options)
    states, clocks = clocked_states(basis, seen, options.clocks, source)
    sandwiched = seen.fractional if robust is None else robust
    rows = Prepared(source, seen, states, counted=not sandwiched)
    penalty, lasso = (
        _penalty(states, seen.scale, options, options.l2),
        _penalty(states, seen.scale, options, options.l1, 1),
    )
    first = _start(null.point, basis, states, len(seen.scale)) if start is None else start
    best = _climb(rows, options, penalty, lasso, first)
    settled = _diagnose(best, states, source, options)
    theta = best.point + best.step if settled and options.l1 == 0 else best.point
    errors = options.l1 == 0
    covariance = information_inverse(best.information) if errors else None
    sandwich = rows.sandwich(theta, options.link, covariance) if sandwiched and covariance is not None else None
    unit = _units(states, seen.scale)
    smooth = options.baseline != "free"
    level, stays, tail, columns = baseline_ahead(theta, basis, states, seen, smooth=smooth)
    return DiscreteFit(
        coef=_coefficients(theta * unit, states, len(seen.scale)),
        covariance=None if covariance is None else covariance * np.outer(unit, unit),
        robust=None if sandwich is None else sandwich * np.outer(unit, unit),
        information=(best.information - np.diag(penalty)) / np.outer(unit, unit),
        center=seen.center,
        level=level,
        stays=stays,
        exposure=seen.counts.at_risk,
        tail=tail,
        basis=columns,
        clocks=clocks,
        clock_effects=clock_effects(theta, basis, states, clocks, len(seen.scale)),
        log_likelihood=best.value + (_penalty_paid(best.point, penalty) if errors else 0.0),
        log_likelihood_null=null.value,
        iterations=best.iterations,
        rows=seen.rows,
        departures=seen.departures,
        theta=theta,
        units=unit,
        seen=seen,
        states=states,
    )


def prepared(spells: Spells, seen: Tally, states: States) -> RiskRows:
    """Return rows scaled and sorted."""
    return risk_rows(
        (spells.X - seen.center) / seen.scale,
        spells.entry,
        spells.duration,
        spells.event,
        spells.weight,
        states=states,
        phase=None if spells.offsets is None else phases_of(spells.offsets, seen.offsets),
        offset=spells.offset,
    )


class Prepared:
    """The rows of the fit, scaled and sorted: once where they are in memory, otherwise anew for each step."""

    def __init__(self, source: Source, seen: Tally, states: States, *, counted: bool) -> None:
        self.source, self.seen, self.states = source, seen, states
        self.counted = counted
        self.held = [self._prepared(part) for part in source.parts()] if source.in_memory else None

    def _prepared(self, spells: Spells) -> tuple[RiskRows | GridRows, IntArray | None]:
        grid = grid_rows(spells, self.seen, self.states) if self.counted else None
        if grid is not None:
            return grid, None
        rows = prepared(spells, self.seen, self.states)
        return rows, None if spells.cluster is None else spells.cluster[rows.order]

    def _parts(self) -> Iterable[tuple[RiskRows | GridRows, IntArray | None]]:
        return self.held if self.held is not None else map(self._prepared, self.source.parts())

    def evaluate(self, theta: FloatArray, link: str) -> Evaluation:
        """Return log-likelihood, gradient and information of all rows."""
        parts = [
            evaluate_grid(theta, rows, link) if isinstance(rows, GridRows) else evaluate(theta, rows, link)
            for rows, _ in self._parts()
        ]
        values, gradients, informations = zip(*parts, strict=True)
        return float(sum(values)), np.asarray(sum(gradients)), np.asarray(sum(informations))

    def sandwich(self, theta: FloatArray, link: str, covariance: FloatArray) -> FloatArray:
        """Return the covariance that holds if rows of one cluster depend on each other (White 1982; Lin and Wei 1989).

        The rows of a cluster stand in one part.
        """
        meat = np.zeros_like(covariance)
        for rows, cluster in self._parts():
            if isinstance(rows, GridRows):
                continue  # counts have no rows whose scores could be told apart
            scores = row_scores(theta, rows, link)
            if cluster is not None:
                codes = np.unique(cluster, return_inverse=True)[1]
                summed = np.zeros((int(codes.max()) + 1, scores.shape[1]))
                np.add.at(summed, codes, scores)
                scores = summed
            meat += scores.T @ scores
        return np.asarray(covariance @ meat @ covariance)


def _climb(rows: Prepared, options: FitOptions, penalty: FloatArray, lasso: FloatArray, start: FloatArray) -> Optimum:
    def objective(theta: FloatArray) -> Evaluation:
        return _penalised(rows.evaluate(theta, options.link), theta, penalty)

    if options.l1 == 0:
        return newton(objective, start, max_iter=options.max_iter, tol=options.tol)
    best = elastic_newton(objective, start, l1=lasso, max_iter=options.max_iter, tol=options.tol)
    value = best.value + _penalty_paid(best.point, penalty)
    return Optimum(best.point, value, best.information, best.step, best.iterations, best.converged)


def _check_causes(seen: Tally, source: Source) -> None:
    exits = seen.counts.exits.sum(axis=1)
    if not exits.any():
        raise InputError(
            f"no customer left: all {seen.rows} are censored, so there is nothing to learn about leaving; "
            "check how event is coded, or take a longer window"
        )
    for name, total in zip(source.causes, exits, strict=True):
        if total == 0:
            raise InputError(
                f"cause {name!r} is declared but nobody left for it; leave it out of the target's causes, "
                "or merge it with another cause"
            )


def _warn_empty_months(counts: MonthCounts, options: FitOptions) -> None:
    empty = np.flatnonzero(counts.at_risk == 0)
    if empty.size and options.baseline != "constant":  # a constant learns nothing from single months
        taken = "their hazard is taken as 0" if options.baseline == "free" else "the smooth baseline bridges them"
        warn(
            f"nobody is at risk in {empty.size} of {len(counts.at_risk)} months (first: month {empty[0] + 1}), so "
            f"nothing is known of them; {taken}; check entry, or take a longer window",
            DataWarning,
        )


def _basis(counts: MonthCounts, options: FitOptions) -> MonthBasis:
    if options.baseline == "free":
        return free_basis(counts.exits > 0, counts.saturated)
    return smooth_basis(counts, options.baseline, options.baseline_df)


def _check_columns(gram: FloatArray, features: Sequence[str]) -> None:
    cure = "drop it, or fit with l2 > 0"
    flat = np.flatnonzero(np.diag(gram) < 1e-20)
    if flat.size:
        named = quoted(features[j] for j in flat.tolist())
        raise InputError(f"column {named} is the same for every customer, so its effect cannot be told; {cure}")
    found = dependent_columns(gram)
    if found:
        said = [f"{features[j]!r} follows from {quoted([features[int(i)] for i in of])}" for j, of in found]
        raise InputError(f"columns are collinear, so their effects cannot be told apart: {few(said, '; ')}; {cure}")


def _null_fit(counts: MonthCounts, basis: MonthBasis, options: FitOptions) -> Optimum:
    """Return the fit of the baseline alone, from one row for each month and outcome."""
    causes, last = counts.exits.shape
    stayers = np.where(counts.saturated, 0.0, counts.at_risk - counts.exits.sum(axis=0))
    weight = np.concatenate([stayers, counts.exits.ravel()])
    month = np.tile(np.arange(1, last + 1), causes + 1)
    event = np.repeat(np.arange(causes + 1), last)
    keep = weight > 0
    nothing = np.empty((int(keep.sum()), 0))
    rows = risk_rows(nothing, month[keep] - 1, month[keep], event[keep], weight[keep], states=month_states(basis))
    start = _null_start(counts, basis, options)
    return newton(lambda theta: evaluate(theta, rows, options.link), start, max_iter=100, tol=options.tol)


def _null_start(counts: MonthCounts, basis: MonthBasis, options: FitOptions) -> FloatArray:
    """Return log odds (or log rates) by month where levels are free, otherwise the overall log rate of each cause."""
    if options.baseline != "free":
        rate = counts.exits.sum(axis=1) / counts.at_risk.sum()
        return np.concatenate(
            [np.eye(1, columns.shape[1])[0] * np.log(r) for r, columns in zip(rate, basis.columns, strict=True)]
        )
    leave = counts.exits.sum(axis=0)
    stay = np.where(counts.saturated, leave, counts.at_risk - leave)
    level = np.log(np.where(basis.active, counts.exits, 1.0)) - np.log(np.where(stay > 0, stay, 1.0))
    if options.link == "cloglog":
        total = np.log(np.where(stay > 0, stay, 1.0)) - np.log(np.where(leave > 0, leave, 1.0))
        level += np.where(counts.saturated, 0.0, total + np.log(np.log1p(np.exp(-total))))
    for month in np.flatnonzero(counts.saturated):
        level[:, month] -= level[np.flatnonzero(basis.active[:, month])[0], month]
    return np.concatenate([own @ columns for own, columns in zip(level, basis.columns, strict=True)])


def _start(null: FloatArray, basis: MonthBasis, states: States, p: int) -> FloatArray:
    parts, at = [], 0
    for columns, own in zip(states.levels, basis.columns, strict=True):
        moving = columns.shape[1] - own.shape[1]
        parts += [null[at : at + own.shape[1]], np.zeros(moving + p)]
        at += own.shape[1]
    return np.concatenate(parts)


def _penalty(states: States, scale: FloatArray, options: FitOptions, weight: float, power: int = 2) -> FloatArray:
    """Return each parameter's weight in a penalty, in raw units of X or per standard deviation; baselines are free."""
    own = np.full(len(scale), weight) if options.standardize_penalty else weight / scale**power
    return np.concatenate([part for columns in states.levels for part in (np.zeros(columns.shape[1]), own)])


def _penalty_paid(theta: FloatArray, penalty: FloatArray) -> float:
    return float(penalty @ theta**2) / 2


def _penalised(now: Evaluation, theta: FloatArray, penalty: FloatArray) -> Evaluation:
    value, gradient, information = now
    information[np.diag_indices_from(information)] += penalty
    return value - _penalty_paid(theta, penalty), gradient - penalty * theta, information


def _diagnose(best: Optimum, states: States, source: Source, options: FitOptions) -> bool:
    """Warn with the columns to blame where the maximum lies at infinity or was not reached; say whether all is well."""
    long: list[str] = []
    at, p = 0, len(source.features)
    for cause, columns in zip(source.causes, states.levels, strict=True):
        end = at + columns.shape[1]
        step = best.step[end : end + p]
        moved = float(np.abs(columns @ best.step[at:end]).max(initial=0.0))
        most = max(float(np.abs(step).max(initial=0.0)), moved)
        if most > _LONG_STEP:
            names = [repr(source.features[j]) for j in np.flatnonzero(np.abs(step) > most / 5).tolist()]
            long.append(f"{', '.join(names) or 'the months'} for cause {cause!r}")
        at = end + p
    if long:
        warn(
            f"separation: leavers can be told without error by {'; '.join(long)}, so no finite best coefficient "
            "exists; the numbers given are where the likelihood stopped growing, and their errors mean nothing; "
            "drop the column, merge its levels, use baseline='constant' for few departures, or fit with l2 > 0",
            ConvergenceWarning,
        )
    elif not best.converged:
        warn(
            f"the fit stopped after {best.iterations} steps before it reached tol={options.tol:g}; raise max_iter "
            f"(now {options.max_iter}) or fit with l2 > 0",
            ConvergenceWarning,
        )
    return best.converged and not long


def _units(states: States, scale: FloatArray) -> FloatArray:
    return np.concatenate([part for columns in states.levels for part in (np.ones(columns.shape[1]), 1 / scale)])


def _coefficients(theta: FloatArray, states: States, p: int) -> FloatArray:
    ends = np.cumsum([columns.shape[1] + p for columns in states.levels])
    return np.stack([theta[end - p : end] for end in ends])
