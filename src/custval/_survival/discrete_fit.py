"""Fitting the monthly hazard: columns on one scale, the null model, Newton, and a named diagnosis.

Columns are centred at the average customer-month (every customer counted once for each month at risk) and divided by
their standard deviation there, so that the baseline is the hazard of the average customer, a step has the same size in
every column, and customer rows, person-months and tables of counts all see the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from custval._core.errors import ConvergenceWarning, DataWarning, InputError, warn
from custval._core.optimize import Evaluation, Optimum, dependent_columns, information_inverse, newton
from custval._core.typing import FloatArray, IntArray
from custval._survival.baseline import MonthBasis, MonthCounts, free_basis, month_counts, smooth_basis, tail_weight
from custval._survival.discrete_likelihood import RiskRows, evaluate, risk_rows, row_scores

__all__ = ("DiscreteFit", "FitOptions", "Spells", "fit_spells")

_NAMED = 8  # columns in a message: enough to act on, short enough to read
_LONG_STEP = 0.05  # in standard deviations of a column: no finite optimum is this far away when nothing is to be gained


@dataclass(frozen=True, slots=True, eq=False)
class FitOptions:
    """How to fit: link, baseline kind and degrees of freedom, penalty and stopping rule."""

    link: str
    baseline: str
    baseline_df: int
    l2: float
    standardize_penalty: bool
    max_iter: int
    tol: float


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Rows of whole months at risk: X (n, p), entry, duration, event, weight (n,), cluster codes (n,) or None."""

    X: FloatArray
    entry: IntArray
    duration: IntArray
    event: IntArray
    weight: FloatArray
    cluster: IntArray | None
    features: tuple[str, ...]
    causes: tuple[str, ...]

    @property
    def departures(self) -> int:
        """How many left: whole weights count as often as they say, others once."""
        mine = self.weight[self.event > 0]
        return int(mine.sum() if (mine == np.floor(mine)).all() else np.count_nonzero(mine))


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
        Covariance of all parameters, cause by cause: baseline, then coefficients.
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
    log_likelihood, log_likelihood_null : float
        With and without the columns of X.
    iterations : int
        Newton steps.
    """

    coef: FloatArray
    covariance: FloatArray
    robust: FloatArray | None
    center: FloatArray
    level: FloatArray
    stays: FloatArray
    exposure: FloatArray
    tail: FloatArray
    basis: tuple[FloatArray, ...] | None
    log_likelihood: float
    log_likelihood_null: float
    iterations: int


def fit_spells(spells: Spells, options: FitOptions, *, robust: bool) -> DiscreteFit:
    """Return the maximum of the (penalised) likelihood, its covariance and what predictions need."""
    counts = month_counts(spells.entry, spells.duration, spells.event, spells.weight, len(spells.causes))
    _check_causes(counts, spells)
    _warn_empty_months(counts, options)
    basis = _basis(counts, options)
    center, scale = _center_and_scale(spells)
    scaled = (spells.X - center) / scale
    if options.l2 == 0:
        _check_columns(scaled, spells)
    null = _null_fit(counts, basis, options)
    rows = risk_rows(scaled, spells.entry, spells.duration, spells.event, spells.weight, basis=basis)
    penalty = _penalty(rows, scale, options)
    best = newton(
        _penalised(rows, options.link, penalty), _start(null.point, rows), max_iter=options.max_iter, tol=options.tol
    )
    settled = _diagnose(best, rows, spells, options)
    theta = best.point + best.step if settled else best.point
    covariance = information_inverse(best.information)
    sandwich = _sandwich(theta, rows, options.link, covariance, spells.cluster) if robust else None
    unit = _units(rows, scale)
    level, stays, tail, columns = _path(theta, rows, basis, counts, options)
    return DiscreteFit(
        coef=_coefficients(theta * unit, rows),
        covariance=covariance * np.outer(unit, unit),
        robust=None if sandwich is None else sandwich * np.outer(unit, unit),
        center=center,
        level=level,
        stays=stays,
        exposure=counts.at_risk,
        tail=tail,
        basis=columns,
        log_likelihood=best.value + _penalty_paid(best.point, penalty),
        log_likelihood_null=null.value,
        iterations=best.iterations,
    )


def _check_causes(counts: MonthCounts, spells: Spells) -> None:
    exits = counts.exits.sum(axis=1)
    if not exits.any():
        raise InputError(
            f"no customer left: all {len(spells.event)} are censored, so there is nothing to learn about leaving; "
            "check how event is coded, or take a longer window"
        )
    for name, total in zip(spells.causes, exits, strict=True):
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


def _center_and_scale(spells: Spells) -> tuple[FloatArray, FloatArray]:
    months = spells.weight * (spells.duration - spells.entry)
    share = months / months.sum()
    center = share @ spells.X
    spread = np.sqrt(share @ (spells.X - center) ** 2)
    flat = spread <= 1e-12 * np.maximum(np.abs(center), np.abs(spells.X).max(axis=0, initial=0))
    return center, np.where(flat, 1.0, spread)


def _check_columns(scaled: FloatArray, spells: Spells) -> None:
    months = spells.weight * (spells.duration - spells.entry)
    gram = (scaled * (months / months.sum())[:, None]).T @ scaled
    cure = "drop it, or fit with l2 > 0"
    flat = np.flatnonzero(np.diag(gram) < 1e-20)
    if flat.size:
        named = _quoted(spells.features[j] for j in flat)
        raise InputError(f"column {named} is the same for every customer, so its effect cannot be told; {cure}")
    found = dependent_columns(gram)
    if found:
        said = [f"{spells.features[j]!r} follows from {_quoted(spells.features[i] for i in of)}" for j, of in found]
        raise InputError(f"columns are collinear, so their effects cannot be told apart: {_few(said, '; ')}; {cure}")


def _null_fit(counts: MonthCounts, basis: MonthBasis, options: FitOptions) -> Optimum:
    """Return the fit of the baseline alone, from one row for each month and outcome."""
    causes, last = counts.exits.shape
    stayers = np.where(counts.saturated, 0.0, counts.at_risk - counts.exits.sum(axis=0))
    weight = np.concatenate([stayers, counts.exits.ravel()])
    month = np.tile(np.arange(1, last + 1), causes + 1)
    event = np.repeat(np.arange(causes + 1), last)
    keep = weight > 0
    nothing = np.empty((int(keep.sum()), 0))
    rows = risk_rows(nothing, month[keep] - 1, month[keep], event[keep], weight[keep], basis=basis)
    start = _null_start(counts, basis, options)
    return newton(_penalised(rows, options.link, np.zeros(len(start))), start, max_iter=100, tol=options.tol)


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


def _start(null: FloatArray, rows: RiskRows) -> FloatArray:
    parts, at = [], 0
    for columns in rows.levels:
        parts += [null[at : at + columns.shape[1]], np.zeros(rows.X.shape[1])]
        at += columns.shape[1]
    return np.concatenate(parts)


def _penalty(rows: RiskRows, scale: FloatArray, options: FitOptions) -> FloatArray:
    """Return the weight of each squared parameter: l2 in raw units of X, or per standard deviation; baselines free."""
    own = np.full(len(scale), options.l2) if options.standardize_penalty else options.l2 / scale**2
    return np.concatenate([part for columns in rows.levels for part in (np.zeros(columns.shape[1]), own)])


def _penalty_paid(theta: FloatArray, penalty: FloatArray) -> float:
    return float(penalty @ theta**2) / 2


def _penalised(rows: RiskRows, link: str, penalty: FloatArray) -> Callable[[FloatArray], Evaluation]:
    def objective(theta: FloatArray) -> Evaluation:
        value, gradient, information = evaluate(theta, rows, link)
        information[np.diag_indices_from(information)] += penalty
        return value - _penalty_paid(theta, penalty), gradient - penalty * theta, information

    return objective


def _diagnose(best: Optimum, rows: RiskRows, spells: Spells, options: FitOptions) -> bool:
    """Warn with the columns to blame where the maximum lies at infinity or was not reached; say whether all is well."""
    long: list[str] = []
    at = 0
    for cause, columns in zip(spells.causes, rows.levels, strict=True):
        end = at + columns.shape[1]
        step = best.step[end : end + rows.X.shape[1]]
        moved = float(np.abs(columns @ best.step[at:end]).max(initial=0.0))
        most = max(float(np.abs(step).max(initial=0.0)), moved)
        if most > _LONG_STEP:
            names = [repr(spells.features[j]) for j in np.flatnonzero(np.abs(step) > most / 5)]
            long.append(f"{', '.join(names) or 'the months'} for cause {cause!r}")
        at = end + rows.X.shape[1]
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


def _sandwich(
    theta: FloatArray, rows: RiskRows, link: str, covariance: FloatArray, cluster: IntArray | None
) -> FloatArray:
    """Return the covariance that holds if rows of one cluster depend on each other (White 1982; Lin and Wei 1989)."""
    scores = row_scores(theta, rows, link)
    if cluster is not None:
        codes = np.unique(cluster[rows.order], return_inverse=True)[1]
        summed = np.zeros((int(codes.max()) + 1, scores.shape[1]))
        np.add.at(summed, codes, scores)
        scores = summed
    moved = scores @ covariance
    return np.asarray(moved.T @ moved)


def _units(rows: RiskRows, scale: FloatArray) -> FloatArray:
    return np.concatenate([part for columns in rows.levels for part in (np.ones(columns.shape[1]), 1 / scale)])


def _coefficients(theta: FloatArray, rows: RiskRows) -> FloatArray:
    ends = np.cumsum(rows.sizes)
    return np.stack([theta[end - rows.X.shape[1] : end] for end in ends])


def _path(
    theta: FloatArray, rows: RiskRows, basis: MonthBasis, counts: MonthCounts, options: FitOptions
) -> tuple[FloatArray, FloatArray, FloatArray, tuple[FloatArray, ...] | None]:
    """Return levels and stays with the held month at the end, the weights that made it, and the smooth columns."""
    smooth = options.baseline != "free"
    weight = tail_weight(counts, basis.saturated, smooth=smooth)
    level = np.full(basis.active.shape, -np.inf)
    at = 0
    for k, columns in enumerate(basis.columns):
        level[k] = np.where(basis.active[k], columns @ theta[at : at + columns.shape[1]], -np.inf)
        at += rows.sizes[k]
    held, stays = _held(level, weight), np.where(basis.saturated, 0.0, 1.0)
    end = 1.0 if weight.any() else 0.0  # everybody left in each of the last months: so it goes on
    if not weight.any():
        held = level[:, -1]
    ahead = tuple(np.vstack([columns, weight @ columns]) for columns in basis.columns) if smooth else None
    return np.column_stack([level, held]), np.append(stays, end), weight, ahead


def _held(level: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the log of the mean rate over the months with weight, (K,)."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(level) @ weight))


def _quoted(names: Iterable[str]) -> str:
    return _few([repr(name) for name in names], ", ")


def _few(parts: list[str], between: str) -> str:
    shown = between.join(parts[:_NAMED])
    return shown if len(parts) <= _NAMED else f"{shown}{between}and {len(parts) - _NAMED} more"
