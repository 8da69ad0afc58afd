"""Counts that curves and metrics share: who is at risk just before each time, and who leaves at it, by cause.

At risk means ``entry < t <= duration``; events precede censorings at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("RiskTable", "risk_table")


@dataclass(frozen=True, slots=True, eq=False)
class RiskTable:
    """Weighted counts at the m distinct times: at_risk (m,), events (K, m), censored (m,)."""

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    censored: FloatArray


def risk_table(
    duration: FloatArray,
    event: IntArray,
    *,
    entry: FloatArray | None,
    weight: FloatArray | None,
    causes: int,
) -> RiskTable:
    """Return the weighted counts (weight None: plain counts) at each distinct duration.

    Whole durations, such as months, are counted without a sort; any others take one.
    """
    grid = _whole_grid(duration)
    if grid is None:
        times, by_cause = _sorted_counts(duration, event, weight, causes)
    else:
        times = np.arange(int(grid.max()) + 1, dtype=np.float64)
        by_cause = _counts(event, grid, weight, (causes + 1, len(times)))
    m = len(times)
    at_risk = np.cumsum(by_cause.sum(axis=0)[::-1])[::-1]
    if entry is not None:
        # a customer who enters at e is at risk from the first time after e on
        first, entry_weight = _first_times(times, entry, weight, whole=grid is not None)
        late = np.bincount(first, weights=entry_weight, minlength=m + 1)
        at_risk = at_risk - np.cumsum(late[::-1])[::-1][1:]
    table = RiskTable(times=times, at_risk=at_risk, events=by_cause[1:], censored=by_cause[0])
    if grid is None:
        return table
    seen = by_cause.sum(axis=0) > 0 if weight is None else np.bincount(grid, minlength=m) > 0
    return _columns(table, np.flatnonzero(seen))


def _counts(event: IntArray, where: IntArray, weight: FloatArray | None, shape: tuple[int, int]) -> FloatArray:
    """Return the weights summed by event and place, shape (K + 1, m)."""
    sums = np.bincount(event * shape[1] + where, weights=weight, minlength=shape[0] * shape[1])
    return np.asarray(sums, dtype=np.float64).reshape(shape)


def _sorted_counts(
    duration: FloatArray, event: IntArray, weight: FloatArray | None, causes: int
) -> tuple[FloatArray, FloatArray]:
    """Return the distinct durations and the counts at them, in one sort."""
    order = np.argsort(duration)
    ordered = duration[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, dtype=bool)
    times, where = ordered[new], np.cumsum(new) - 1
    heavy = None if weight is None else weight[order]
    return times, _counts(event[order], where, heavy, (causes + 1, len(times)))


def _first_times(
    times: FloatArray, entry: FloatArray, weight: FloatArray | None, *, whole: bool
) -> tuple[IntArray, FloatArray | None]:
    """Return the index of the first time after each entry, with the weights in the same order."""
    if whole:  # the times are 0, 1, 2, ...
        return entry.astype(np.int64) + 1, weight
    # sorted entries are found several times faster: neighbours share the cache
    order = np.argsort(entry)
    return np.searchsorted(times, entry[order], side="right"), None if weight is None else weight[order]


def _whole_grid(duration: FloatArray) -> IntArray | None:
    """Return durations as integers where all are whole and small enough to count on a grid; else None."""
    if not len(duration) or duration[0] != int(duration[0]):
        return None
    low, high = float(duration.min()), float(duration.max())
    if low < 0 or high > max(1024, len(duration)):
        return None
    whole = duration.astype(np.int64)
    return whole if np.array_equal(whole, duration) else None


def _columns(table: RiskTable, keep: IntArray) -> RiskTable:
    return RiskTable(table.times[keep], table.at_risk[keep], table.events[:, keep], table.censored[keep])
