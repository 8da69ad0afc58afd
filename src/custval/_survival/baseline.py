"""How the hazard of leaving moves with tenure: one level for each month, a smooth curve, a line or a constant.

A baseline is a matrix over the months that matter (rows) and its parameters (columns), one for each cause:
``level_k(month) = basis_k(month) @ gamma_k``. With ``free`` a month without a departure of cause k has hazard exactly
0 for it, and a month in which everybody leaves has hazard exactly 1: both maximise the likelihood at infinity, so they
are handled as limits and have no parameter.

References
----------
Tutz and Schmid (2016), Modeling Discrete Time-to-Event Data, chapters 3 and 5.
Harrell (2015), Regression Modeling Strategies, section 2.4.5 (natural cubic splines).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray

__all__ = (
    "BASELINES",
    "EXITS_FOR_COLUMN",
    "TAIL_MONTHS",
    "MonthBasis",
    "MonthCounts",
    "MonthTally",
    "bends",
    "free_basis",
    "free_basis_ahead",
    "month_counts",
    "orthonormal",
    "smooth_basis",
    "tail_weight",
)

BASELINES = ("free", "spline", "linear", "constant")
TAIL_MONTHS = 12
EXITS_FOR_COLUMN = 5


@dataclass(frozen=True, slots=True, eq=False)
class MonthCounts:
    """Months 1..T: weighted customers at risk (T,), departures by cause (K, T), and whether everybody leaves (T,)."""

    at_risk: FloatArray
    exits: FloatArray
    saturated: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class MonthBasis:
    """The baseline of all causes over months 1..T.

    Attributes
    ----------
    columns : tuple of K ndarrays of shape (T, q_k)
        Basis of each cause.
    active : ndarray of bool, shape (K, T)
        Where the hazard of the cause is not exactly zero.
    saturated : ndarray of bool, shape (T,)
        Months in which everybody at risk leaves: the hazard of all causes together is exactly 1.
    """

    columns: tuple[FloatArray, ...]
    active: BoolArray
    saturated: BoolArray


class MonthTally:
    """Counts of months 1..T added up from parts of the rows: who joins, who ends, who leaves and why."""

    def __init__(self, causes: int) -> None:
        self.causes = causes
        self.ends = np.zeros((4, 1))  # weights in, weights out, rows in, rows out, by month 0..T
        self.left = np.zeros((causes + 1, 1))
        self.leavers = np.zeros(1)

    def add(self, entry: IntArray, duration: IntArray, event: IntArray, weight: FloatArray) -> None:
        """Add rows at risk in ``(entry, duration]``."""
        size = max(int(duration.max(initial=0)) + 1, len(self.leavers))
        self.ends, self.left = _wider(self.ends, size), _wider(self.left, size)
        self.leavers = _wider(self.leavers[None], size)[0]
        for place, (month, mass) in enumerate(((entry, weight), (duration, weight), (entry, None), (duration, None))):
            self.ends[place] += np.bincount(month, weights=mass, minlength=size)
        cells = np.bincount(event * size + duration, weights=weight, minlength=(self.causes + 1) * size)
        self.left += cells.reshape(self.causes + 1, size)
        self.leavers += np.bincount(duration[event > 0], minlength=size)

    def counts(self) -> MonthCounts:
        """Return how many are at risk and leave in each month 1..T, T the longest duration."""
        joined = np.cumsum(self.ends, axis=1)[:, :-1]
        # rows are counted without weights, so that "nobody" and "everybody" are decided in whole numbers
        at_risk, people = joined[0] - joined[1], joined[2] - joined[3]
        exits = self.left[1:, 1:].astype(np.float64)
        at_risk = np.where(people > 0, np.maximum(at_risk, exits.sum(axis=0)), 0.0)
        return MonthCounts(at_risk=at_risk, exits=exits, saturated=(people > 0) & (people == self.leavers[1:]))


def month_counts(entry: IntArray, duration: IntArray, event: IntArray, weight: FloatArray, causes: int) -> MonthCounts:
    """Return how many are at risk and leave in each month 1..T, T the longest duration."""
    tally = MonthTally(causes)
    tally.add(entry, duration, event, weight)
    return tally.counts()


def _wider(table: FloatArray, size: int) -> FloatArray:
    return np.pad(table, ((0, 0), (0, size - table.shape[1])))


def free_basis(active: BoolArray, saturated: BoolArray) -> MonthBasis:
    """Return one level for each month and cause with a departure (`active`, shape (K, T)).

    In a saturated month only the ratios between causes are left to learn: its first cause is the reference.
    """
    reference = np.zeros_like(active)
    for month in np.flatnonzero(saturated):
        reference[np.flatnonzero(active[:, month])[0], month] = True
    identity = np.eye(active.shape[1])
    columns = tuple(identity[:, own & ~pinned] for own, pinned in zip(active, reference, strict=True))
    return MonthBasis(columns=columns, active=active, saturated=saturated)


def free_basis_ahead(level: FloatArray, stays: FloatArray, tail: FloatArray) -> list[FloatArray]:
    """Return each cause's free columns in months 1..T and, in a last row, past them, (T + 1, q_k).

    `level` (K, T + 1) and `stays` (T + 1,) are fitted; `tail` (T,) weighs the months whose mean rate is held, so that
    the last row says how the log of that mean moves with the levels.
    """
    own = free_basis(np.isfinite(level[:, :-1]), stays[:-1] == 0)
    rate = np.exp(level[:, :-1]) * tail
    total = rate.sum(axis=1, keepdims=True)
    share = rate / np.where(total > 0, total, 1.0)
    return [np.vstack([columns, share[k] @ columns]) for k, columns in enumerate(own.columns)]


def smooth_basis(counts: MonthCounts, kind: str, df: int) -> MonthBasis:
    """Return a few smooth columns for each cause: ``spline``, ``linear`` or ``constant`` in log(1 + month).

    The columns stand from smooth to bent; a cause with few departures takes only the first of a spline, one for each 5.
    """
    causes, last = counts.exits.shape
    scale = np.log1p(np.arange(1, last + 1, dtype=np.float64))
    shared = np.ones((last, 1))
    if kind != "constant" and last > 1:
        shared = np.column_stack([shared, scale])
    if kind == "spline" and last > 1:
        shared = np.column_stack([shared, bends(scale, counts.exits.sum(axis=0), df)])
    columns = orthonormal(shared, counts.at_risk)
    everywhere = np.ones((causes, last), dtype=bool)
    own = tuple(columns[:, : _affordable(exits, kind, columns.shape[1])] for exits in counts.exits.sum(axis=1))
    return MonthBasis(own, active=everywhere, saturated=np.zeros(last, dtype=bool))


def tail_weight(counts: MonthCounts, saturated: BoolArray, *, smooth: bool) -> FloatArray:
    """Return the weights (T,), summing to one, of the months whose mean level is held past the last month.

    A smooth curve holds its last level; free levels hold the mean over the last 12 months, by customers at risk.
    """
    last = len(counts.at_risk)
    months = np.arange(last)
    usable = (counts.at_risk > 0) & ~saturated
    usable &= months >= (last - 1 if smooth else last - TAIL_MONTHS)
    weight = np.where(usable, counts.at_risk, 0.0)
    total = weight.sum()
    return weight / total if total > 0 else np.zeros(last)


def _knots(scale: FloatArray, exits: FloatArray, df: int) -> FloatArray:
    """Return df + 1 knots: the first and last month, and quantiles of the departures between them."""
    share = np.cumsum(exits) / exits.sum()
    inner = scale[np.searchsorted(share, np.linspace(0, 1, df + 1)[1:-1] - 1e-12)]
    return np.unique(np.concatenate([[scale[0]], inner, [scale[-1]]]))


def _affordable(exits: float, kind: str, columns: int) -> int:
    # a curve through a handful of departures runs off to hazard zero in the months between them
    return max(1, min(columns, int(exits // EXITS_FOR_COLUMN))) if kind == "spline" else columns


def bends(scale: FloatArray, exits: FloatArray, df: int) -> FloatArray:
    """Return the curved columns of a natural cubic spline in `scale` (T,), straight beyond the outer knots.

    Knots stand at the ends and at quantiles of the departures (T,) between them; shape (T, at most df - 1).
    """
    knots = _knots(scale, exits, df)
    if len(knots) < 3:
        return np.empty((len(scale), 0))
    unit = (scale - knots[0]) / (knots[-1] - knots[0])
    at = (knots - knots[0]) / (knots[-1] - knots[0])

    def slope(j: int) -> FloatArray:
        cubes: FloatArray = np.clip(unit - at[j], 0, None) ** 3 - np.clip(unit - at[-1], 0, None) ** 3
        return np.asarray(cubes / (at[-1] - at[j]))

    return np.column_stack([slope(j) - slope(len(at) - 2) for j in range(len(at) - 2)])


def orthonormal(columns: FloatArray, at_risk: FloatArray) -> FloatArray:
    """Return columns of the same span, orthonormal over the customers at risk, constant first; few months: fewer."""
    weight = np.sqrt(at_risk / at_risk.sum())
    kept: list[FloatArray] = []
    for column in columns.T:
        rest = column.copy()
        for _ in range(2):  # twice: once loses digits where columns are nearly parallel
            for other in kept:
                rest = rest - other * float((other * weight) @ (rest * weight))
        size = float(np.linalg.norm(rest * weight))
        if size > 1e-8 * float(np.linalg.norm(column * weight)):
            kept.append(rest / size)
    return np.column_stack(kept)
