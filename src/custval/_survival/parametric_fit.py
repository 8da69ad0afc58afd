"""Newton's method for parametric models of the time of leaving: several predictors, each linear in columns.

Columns are centred and scaled and log times centred first, so that units do not matter to the numbers; the result is in
raw units of X, with the level of each predictor that of the average customer.

References
----------
White (1982), Maximum likelihood estimation of misspecified models, Econometrica 50, 1-25 (robust errors).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from custval._core.errors import ConvergenceWarning, InputError, warn
from custval._core.optimize import Evaluation, Optimum, dependent_columns, information_inverse, newton
from custval._core.typing import FloatArray, IntArray
from custval._survival.interval_target import Spans
from custval._survival.jets import Family, row_jet

__all__ = (
    "ParametricFit",
    "Part",
    "Rows",
    "center_and_scale",
    "check_columns",
    "diagnose",
    "fit_rows",
    "refuse_no_departures",
    "sandwich",
    "steered",
)

_LONG_STEP = 1e-2  # a step so long where nothing is left to gain: the maximum lies at infinity
_NAMED = 4
_ENOUGH = 10_000  # distinct rows on which starts are tried
_FIRST_STEPS = 20  # from each of them


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One predictor: what it is called in messages, its columns in the design, and their names."""

    name: str
    columns: IntArray
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What is known of each customer: design (n, p), spans, case weights > 0, and clusters (n,) or None."""

    X: FloatArray
    spans: Spans
    weight: FloatArray
    cluster: IntArray | None


@dataclass(frozen=True, slots=True, eq=False)
class ParametricFit:
    """A fitted model in raw units.

    Attributes
    ----------
    level : ndarray of shape (Q,)
        The predictors of the average customer.
    coef : tuple of Q ndarrays
        Coefficients of each predictor's columns.
    covariance, robust : ndarray of shape (P, P); robust may be None
        Covariance, predictor by predictor: its level, then its coefficients.
    center : ndarray of shape (p,)
        The average customer.
    log_likelihood, log_likelihood_null : float
        With and without the columns of X.
    iterations : int
        Newton steps.
    """

    level: FloatArray
    coef: tuple[FloatArray, ...]
    covariance: FloatArray
    robust: FloatArray | None
    center: FloatArray
    log_likelihood: float
    log_likelihood_null: float
    iterations: int


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    family: Family
    designs: tuple[FloatArray, ...]  # (n, 1 + p_q): a constant, then the scaled columns
    spans: Spans
    weight: FloatArray
    penalty: FloatArray

    def theta(self, point: FloatArray) -> FloatArray:
        at = np.cumsum([0, *(design.shape[1] for design in self.designs)])
        pairs = zip(self.designs, at[:-1], at[1:], strict=True)
        return np.stack([design @ point[a:b] for design, a, b in pairs])

    def evaluate(self, point: FloatArray) -> Evaluation:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            jet = row_jet(self.family, self.theta(point), self.spans)
            value = float(self.weight @ jet.value) - float(self.penalty @ point**2) / 2
            if not np.isfinite(value):
                return -np.inf, np.zeros_like(point), np.eye(len(point))
            slope = np.concatenate(
                [design.T @ (self.weight * part) for design, part in zip(self.designs, jet.slope, strict=True)]
            )
            bend = -self._information(jet.bend)
        bend[np.diag_indices_from(bend)] += self.penalty
        return value, slope - self.penalty * point, steered(bend)

    def scores(self, point: FloatArray) -> FloatArray:
        """Return each customer's weighted gradient, (n, P)."""
        jet = row_jet(self.family, self.theta(point), self.spans)
        return np.concatenate(
            [design * (self.weight * part)[:, None] for design, part in zip(self.designs, jet.slope, strict=True)],
            axis=1,
        )

    def _information(self, bend: FloatArray) -> FloatArray:
        blocks = [
            [left.T @ (right * (self.weight * bend[a, b])[:, None]) for b, right in enumerate(self.designs)]
            for a, left in enumerate(self.designs)
        ]
        return np.block(blocks)


def steered(information: FloatArray) -> FloatArray:
    """Return the matrix with every curvature made downward: far from the maximum some point up."""
    if not np.isfinite(information).all():
        return np.eye(len(information))
    root = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information / np.outer(root, root))
    if values[0] > 0:
        return information
    least = 1e-8 * np.abs(values).max()
    turned = (vectors * np.maximum(np.abs(values), least)) @ vectors.T
    return np.asarray(turned * np.outer(root, root))


def refuse_no_departures(spans: Spans, weight: FloatArray) -> None:
    """Refuse data in which nobody left."""
    if not (spans.left & (weight > 0)).any():
        raise InputError(
            f"no customer left: all {len(spans)} are censored, so there is nothing to learn about leaving; "
            "check how event is coded, or take a longer window"
        )


def center_and_scale(X: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weighted mean and standard deviation of each column; 1 for a column that does not vary."""
    share = weight / weight.sum()
    center = share @ X
    spread = np.sqrt(share @ (X - center) ** 2)
    flat = spread <= 1e-12 * np.maximum(np.abs(center), np.abs(X).max(axis=0, initial=0))
    return center, np.where(flat, 1.0, spread)


def check_columns(scaled: FloatArray, weight: FloatArray, features: list[str]) -> None:
    """Refuse columns that are constant or follow from others, or are more than the customers."""
    n, p = scaled.shape
    if p >= n:
        raise InputError(
            f"X has {p} columns but only {n} rows, so effects cannot be told apart; "
            "take fewer columns, or fit with l2 > 0"
        )
    gram = (scaled * (weight / weight.sum())[:, None]).T @ scaled
    cure = "drop it, or fit with l2 > 0"
    flat = np.flatnonzero(np.diag(gram) < 1e-20).tolist()
    if flat:
        named = _quoted(features[j] for j in flat)
        raise InputError(f"column {named} is the same for every customer, so its effect cannot be told; {cure}")
    found = dependent_columns(gram)
    if found:
        said = [f"{features[j]!r} follows from {_quoted(features[i] for i in of.tolist())}" for j, of in found]
        raise InputError(f"columns are collinear, so their effects cannot be told apart: {_few(said, '; ')}; {cure}")


def fit_rows(
    rows: Rows,
    family: Family,
    parts: Sequence[Part],
    starts: Callable[[Spans, FloatArray], Sequence[FloatArray]],
    *,
    location: int,
    l2: float,
    max_iter: int,
    tol: float,
    robust: bool,
) -> ParametricFit:
    """Return the maximum of the (penalised) likelihood.

    Parameters
    ----------
    rows : Rows
        The customers.
    family : Family
        How the time depends on the predictors.
    parts : sequence of Q Part
        The columns of each predictor.
    starts : callable
        From spans (log times centred) and weights to starting levels (Q,); the best of them is taken.
    location : int
        Which predictor moves with the log of the unit of time.
    l2, max_iter, tol : float, int, float
        Penalty in raw units of X, most Newton steps, and the gain in log-likelihood at which to stop.
    robust : bool
        Whether to work out the sandwich covariance.

    Returns
    -------
    ParametricFit
        In raw units.
    """
    refuse_no_departures(rows.spans, rows.weight)
    center, scale = center_and_scale(rows.X, rows.weight)
    scaled = (rows.X - center) / scale
    used = np.unique(np.concatenate([part.columns for part in parts])) if parts else np.zeros(0, dtype=np.int64)
    if l2 == 0:
        names = {int(j): name for part in parts for j, name in zip(part.columns, part.features, strict=True)}
        check_columns(scaled[:, used], rows.weight, [names[int(j)] for j in used])
    shift, spans = _centred(rows.spans, rows.weight)
    null = _null(family, spans, rows.weight, starts(spans, rows.weight), max_iter=max_iter, tol=tol)
    constant = np.ones((len(scaled), 1))
    designs = tuple(np.hstack([constant, scaled[:, part.columns]]) for part in parts)
    unit = np.concatenate([np.append(1.0, 1 / scale[part.columns]) for part in parts])
    penalty = np.concatenate([np.append(0.0, l2 / scale[part.columns] ** 2) for part in parts])
    problem = _Problem(family, designs, spans, rows.weight, penalty)
    begin = np.concatenate(
        [np.append(level, np.zeros(len(p.columns))) for level, p in zip(null.point, parts, strict=True)]
    )
    with np.errstate(over="ignore", invalid="ignore"):  # where the maximum lies at infinity, as the diagnosis will say
        best = newton(problem.evaluate, begin, max_iter=max_iter, tol=tol)
    settled = diagnose(best, parts, max_iter=max_iter, tol=tol)
    point = best.point + best.step if settled else best.point
    # a density in t, not in t over the unit that was taken out
    moved = -shift * float(rows.weight[spans.exact].sum())
    fit = _in_raw_units(point, parts, unit, location, shift)
    covariance = information_inverse(best.information)
    robustly = sandwich(problem.scores(point), covariance, rows.cluster) if robust else None
    return replace(
        fit,
        covariance=covariance * np.outer(unit, unit),
        robust=None if robustly is None else robustly * np.outer(unit, unit),
        center=center,
        log_likelihood=best.value + float(penalty @ best.point**2) / 2 + moved,
        log_likelihood_null=null.value + moved,
        iterations=best.iterations,
    )


def _centred(spans: Spans, weight: FloatArray) -> tuple[float, Spans]:
    """Return the mean log time and the spans in multiples of its exponential."""
    with np.errstate(divide="ignore"):
        log_t = np.log(np.where(spans.left, spans.upper, spans.lower))
    known = np.isfinite(log_t)
    shift = float(np.average(log_t[known], weights=weight[known])) if known.any() else 0.0
    unit = float(np.exp(shift))
    return shift, replace(spans, entry=spans.entry / unit, lower=spans.lower / unit, upper=spans.upper / unit)


def _null(
    family: Family, spans: Spans, weight: FloatArray, starts: Sequence[FloatArray], *, max_iter: int, tol: float
) -> Optimum:
    """Return the best fit without columns: from every start on some of the customers, then from the best on all."""
    spans, weight = _counted(spans, weight)
    few = slice(None, None, max(1, len(spans) // _ENOUGH))
    sample, share, steps = spans.rows(few), weight[few], max(max_iter, 100)
    with np.errstate(over="ignore", invalid="ignore"):
        # a start that has not settled in so many steps climbs an endless ridge: one of them is enough to follow
        found = _from_starts(family, sample, share, starts, max_iter=_FIRST_STEPS, tol=tol)
        if found:
            best = max(found, key=lambda one: one.value).point
            found = _from_starts(family, spans, weight, [best], max_iter=steps, tol=tol)
            found = found or _from_starts(family, spans, weight, starts, max_iter=steps, tol=tol)
    if not found:
        raise InputError(
            "the times are too far apart for one law: the likelihood of every start is zero; check their unit"
        )
    return max(found, key=lambda one: one.value)


def _from_starts(
    family: Family, spans: Spans, weight: FloatArray, starts: Sequence[FloatArray], *, max_iter: int, tol: float
) -> list[Optimum]:
    """Return where Newton's method ends from each start with a likelihood above zero."""
    constant = np.ones((len(spans), 1))
    problem = _Problem(family, (constant,) * family.size, spans, weight, np.zeros(family.size))
    usable = [start for start in starts if np.isfinite(problem.evaluate(start)[0])]
    return [newton(problem.evaluate, start, max_iter=max_iter, tol=tol) for start in usable]


def _counted(spans: Spans, weight: FloatArray) -> tuple[Spans, FloatArray]:
    """Return the distinct spans and their total weight: whole months repeat."""
    table = np.column_stack([spans.entry, spans.lower, spans.upper])
    distinct, where = np.unique(table, axis=0, return_inverse=True)
    total = np.bincount(where.ravel(), weights=weight, minlength=len(distinct))
    return replace(spans, entry=distinct[:, 0], lower=distinct[:, 1], upper=distinct[:, 2]), np.asarray(
        total, dtype=np.float64
    )


def _in_raw_units(
    point: FloatArray, parts: Sequence[Part], unit: FloatArray, location: int, shift: float
) -> ParametricFit:
    raw = point * unit
    at = np.cumsum([0, *(1 + len(part.columns) for part in parts)])
    level = raw[at[:-1]].copy()
    level[location] += shift
    coef = tuple(raw[a + 1 : b] for a, b in pairwise(at))
    nothing = np.zeros((0, 0))
    return ParametricFit(level, coef, nothing, None, np.zeros(0), 0.0, 0.0, 0)


def diagnose(best: Optimum, parts: Sequence[Part], *, max_iter: int, tol: float) -> bool:
    """Warn with the columns to blame where the maximum lies at infinity or was not reached; say whether all is well."""
    most = float(np.abs(best.step).max(initial=0.0))
    if most > _LONG_STEP:
        blamed = _few(_blamed(best.step, parts), ", ")
        warn(
            f"no finite best value exists for {blamed}: the likelihood grows for ever along it (nobody left, or all "
            "left at one time, where it is large or small); the numbers given are where it stopped growing, and their "
            "errors mean nothing; drop the column, merge its levels, or fit with l2 > 0",
            ConvergenceWarning,
        )
    elif not best.converged:
        warn(
            f"the fit stopped after {best.iterations} steps before it reached tol={tol:g}; raise max_iter "
            f"(now {max_iter}) or fit with l2 > 0",
            ConvergenceWarning,
        )
    return best.converged and most <= _LONG_STEP


def _blamed(step: FloatArray, parts: Sequence[Part]) -> list[str]:
    """Return the columns along which the step is long; where there are none, the levels."""
    names = [f"the {part.name}" if not k else repr(part.features[k - 1]) for part, k in _places(parts)]
    size = np.where(np.isnan(step), np.inf, np.abs(step))
    long = [names[j] for j in np.flatnonzero(size >= min(size.max(), np.finfo(float).max) / 5)]
    return [name for name in long if name.startswith("'")] or long


def _places(parts: Sequence[Part]) -> Iterable[tuple[Part, int]]:
    return ((part, k) for part in parts for k in range(1 + len(part.columns)))


def sandwich(scores: FloatArray, covariance: FloatArray, cluster: IntArray | None) -> FloatArray:
    """Return the covariance that holds if rows of one cluster depend on each other, or the law is not the true one."""
    if cluster is not None:
        summed = np.zeros((int(cluster.max()) + 1, scores.shape[1]))
        np.add.at(summed, cluster, scores)
        scores = summed
    moved = scores @ covariance
    return np.asarray(moved.T @ moved)


def _quoted(names: Iterable[str]) -> str:
    return _few([repr(name) for name in names], ", ")


def _few(parts: list[str], between: str) -> str:
    shown = between.join(parts[:_NAMED])
    return shown if len(parts) <= _NAMED else f"{shown}{between}and {len(parts) - _NAMED} more"
