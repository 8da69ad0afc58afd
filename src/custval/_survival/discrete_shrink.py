"""Columns of very many levels (device, dealer, plan, account): effects drawn towards the mean by what the data support.

The level g of a column moves the log rate of cause k by ``u_gk ~ N(0, tau_k^2)``. Given the other parameters the
likelihood of one level is nearly normal about ``z = u + (observed - expected) / information``; the spread of the z
beyond their errors is tau^2 (empirical Bayes), and ``u = z tau^2 / (tau^2 + 1 / information)``. Rounds of this and of
the fit of all else meet at the maximum of the penalised likelihood. With accounts as levels, u is the shared frailty of
all months of an account.

References
----------
Breslow and Clayton (1993), Approximate inference in generalized linear mixed models, JASA 88, 9-25 (PQL).
Efron and Morris (1975), Data analysis using Stein's estimator, JASA 70, 311-319.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import ConvergenceWarning, InputError, import_pandas, warn
from custval._core.frames import column, is_frame
from custval._core.optimize import information_inverse
from custval._core.results import Result
from custval._core.typing import AnyFrame, FloatArray, IntArray, TextArray
from custval._survival.discrete_fit import DiscreteFit, FitOptions, fit_spells
from custval._survival.discrete_likelihood import group_curves
from custval._survival.discrete_tally import Source, Spells

__all__ = ("LevelEffects", "Shrunk", "check_shrink", "fit_shrunk", "level_codes", "shrunk_levels")

_ROUNDS, _SETTLED = 200, 1e-6


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class LevelEffects(Result):
    """Shrunken effects of the levels of a column on the log rate of leaving.

    Attributes
    ----------
    column : str
        The column.
    causes : tuple of K str
        Causes.
    level : ndarray of str, shape (G,)
        Its levels.
    effect, std_error : ndarray of shape (K, G)
        Log rate against the average level, and how uncertain it is.
    variance : ndarray of shape (K,)
        tau^2: how much levels differ beyond chance.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> X = {"fee": [20, 30, 20, 40, 30, 40, 35, 25], "dealer": ["a", "a", "b", "b", "a", "b", "b", "a"]}
    >>> y = survival_target([3, 3, 1, 1, 2, 1, 2, 3], [0, 0, 1, 1, 1, 1, 1, 0])
    >>> told = DiscreteHazard(baseline="constant", shrink=("dealer",)).fit(X, y).level_effects("dealer")
    >>> told.level.tolist(), (told.effect[0, 1] > told.effect[0, 0]).item()
    (['a', 'b'], True)
    """

    column: str
    causes: tuple[str, ...]
    level: TextArray
    effect: FloatArray
    std_error: FloatArray
    variance: FloatArray

    def to_frame(self) -> Any:
        """Return columns cause, level, effect, std_error as a pandas frame, K * G rows."""
        frames = import_pandas()
        k, g = self.effect.shape
        return frames.DataFrame(
            {
                "cause": np.repeat(np.array(self.causes, dtype=object), g),
                "level": np.tile(self.level, k),
                "effect": self.effect.ravel(),
                "std_error": self.std_error.ravel(),
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class Shrunk:
    """Effects (K, G) and errors of each column, variances (S, K), and the covariance of the other parameters."""

    effects: tuple[FloatArray, ...]
    std_error: tuple[FloatArray, ...]
    variance: FloatArray
    covariance: FloatArray


def check_shrink(columns: Any, l1: float) -> tuple[str, ...]:
    """Return the names of columns to shrink."""
    if isinstance(columns, str):
        raise InputError(f"shrink must be a sequence of columns, not the text {columns!r}; write ({columns!r},)")
    names = tuple(str(name) for name in columns)
    if names and l1 > 0:
        raise InputError("shrink has no lasso beside it; fit with l1 = 0")
    return names


def shrunk_levels(X: AnyFrame, columns: Sequence[str]) -> tuple[tuple[TextArray, ...], IntArray]:
    """Return the sorted levels of each column to shrink, and the codes (S, n) of the rows."""
    if not columns:
        return (), np.zeros((0, 0), dtype=np.int64)
    if not is_frame(X):
        raise InputError(f"shrink names columns, so X must be a frame with {', '.join(map(repr, columns))}")
    found = [np.unique(column(X, name).astype(str), return_inverse=True) for name in columns]
    return tuple(levels for levels, _ in found), np.stack([codes for _, codes in found]).astype(np.int64)


def level_codes(values: TextArray, levels: TextArray) -> IntArray:
    """Return the place of each value among the sorted `levels`; a level not seen in fitting gets len(levels)."""
    names = np.asarray(values).astype(str)
    place = np.searchsorted(levels, names)
    known = levels[np.minimum(place, len(levels) - 1)] == names
    return np.where(known, place, len(levels)).astype(np.int64)


def fit_shrunk(source: Source, options: FitOptions, sizes: list[int]) -> tuple[DiscreteFit, Shrunk]:
    """Return the fit and the effects of columns of `sizes` levels, whose codes the parts of the source hold."""
    causes = len(source.causes)
    effects = [np.zeros((causes, size)) for size in sizes]
    variance = np.zeros((len(sizes), causes))
    fit = fit_spells(source, options, robust=False)
    for _ in range(_ROUNDS):
        moved = 0.0
        for s, size in enumerate(sizes):
            left, curve, _ = _group_sums(_moved(source, effects), fit, options, s, size)
            information = np.einsum("gkk->kg", curve)
            z = effects[s] + np.divide(left, information, out=np.zeros_like(left), where=information > 0)
            for k in range(causes):
                variance[s, k] = _spread(z[k], information[k])
                share = variance[s, k] * information[k] / (1 + variance[s, k] * information[k])
                moved = max(moved, float(np.abs(share * z[k] - effects[s][k]).max(initial=0.0)))
                effects[s][k] = share * z[k]
        if moved < _SETTLED:
            break
        fit = fit_spells(_moved(source, effects), options, robust=False, start=fit.theta)
    else:
        warn("the shrunken effects did not settle; use fewer columns in shrink, or fit with l2 > 0", ConvergenceWarning)
    return fit, _errors(source, fit, options, effects, variance)


def _spread(z: FloatArray, information: FloatArray) -> float:
    """Return tau^2 that makes ``z ~ N(0, tau^2 + 1 / information)`` most likely, by its score's root; 0 if none."""
    known = information > 0
    z2, noise = z[known] ** 2, 1 / information[known]

    def score(tau2: float) -> float:
        total = tau2 + noise
        return float((z2 / total**2 - 1 / total).sum())

    low, high = 0.0, float(z2.max(initial=0.0)) + 1e-12
    if score(0.0) <= 0:
        return 0.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > 0 else (low, middle)
    return (low + high) / 2


def _moved(source: Source, effects: list[FloatArray]) -> Source:
    """Return the rows with the effects of their levels as offsets."""

    def parts() -> Iterator[Spells]:
        for spells in source.parts():
            groups = np.zeros((0, len(spells.event)), dtype=np.int64) if spells.groups is None else spells.groups
            offset = sum((own[:, codes] for own, codes in zip(effects, groups, strict=True)), np.zeros(1))
            yield replace(spells, offset=np.asarray(offset))

    if not source.in_memory:
        return Source(parts, source.features, source.causes, in_memory=False)
    kept = list(parts())
    return Source(lambda: iter(kept), source.features, source.causes)


def _group_sums(
    source: Source, fit: DiscreteFit, options: FitOptions, which: int, size: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return by level: observed less expected (K, G), information (G, K, K), and that with all parameters (G, P, K)."""
    causes, P = len(source.causes), len(fit.theta)
    left, curve, cross = np.zeros((causes, size)), np.zeros((size, causes, causes)), np.zeros((size, P, causes))
    for rows, groups in fit.prepared_parts(source):
        more = group_curves(fit.theta, rows, options.link, groups[which], size)
        left, curve, cross = left + more[0], curve + more[1], cross + more[2]
    return left, curve, cross


def _errors(
    source: Source,
    fit: DiscreteFit,
    options: FitOptions,
    effects: list[FloatArray],
    variance: FloatArray,
) -> Shrunk:
    """Return the effects with their errors, and the covariance of all else that allows for their uncertainty."""
    sizes = [own.shape[1] for own in effects]
    now = _moved(source, effects)
    unit = fit.units
    information = fit.information * np.outer(unit, unit)
    errors = []
    for s, size in enumerate(sizes):
        _, curve, cross = _group_sums(now, fit, options, s, size)
        inner = np.zeros_like(curve)
        for k in np.flatnonzero(variance[s] > 0):
            inner[:, k, k] = 1 / variance[s, k]
        free = variance[s] > 0
        inverse = np.zeros_like(curve)
        if free.any():
            block = (curve + inner)[:, free][:, :, free]
            inverse[np.ix_(np.arange(size), free, free)] = np.linalg.inv(block)
        information = information - np.einsum("gpk,gkj,gqj->pq", cross, inverse, cross)
        errors.append(np.sqrt(np.einsum("gkk->kg", inverse)))
    spread = information_inverse(information) * np.outer(unit, unit)
    return Shrunk(tuple(effects), tuple(errors), variance, spread)
