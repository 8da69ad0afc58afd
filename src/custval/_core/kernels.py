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
    if grid is not None:
        times, where = np.arange(int(grid.max()) + 1, dtype=np.float64), grid
    else:
        times, where = np.unique(duration, return_inverse=True)
    m = len(times)
    sums = np.bincount(event * m + where if causes else where, weights=weight, minlength=(causes + 1) * m)
    by_cause: FloatArray = sums.astype(np.float64).reshape(causes + 1, m)
    leaving = by_cause.sum(axis=0)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    if entry is not None:
        # a customer who enters at e is at risk from the first time after e on
        first = entry.astype(np.intp) + 1 if grid is not None else np.searchsorted(times, entry, side="right")
        late = np.bincount(first, weights=weight, minlength=m + 1)
        at_risk = at_risk - np.cumsum(late[::-1])[::-1][1:]
    table = RiskTable(times=times, at_risk=at_risk, events=by_cause[1:], censored=by_cause[0])
    if grid is None:
        return table
    seen = leaving > 0 if weight is None else np.bincount(where, minlength=m) > 0
    return _columns(table, np.flatnonzero(seen))


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
