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
    duration: FloatArray, event: IntArray, *, entry: FloatArray | None, weight: FloatArray, causes: int
) -> RiskTable:
    """Return the weighted counts at each distinct duration, in one sort."""
    times, where = np.unique(duration, return_inverse=True)
    m = len(times)
    sums = np.bincount(event * m + where, weights=weight, minlength=(causes + 1) * m)
    by_cause: FloatArray = sums.astype(np.float64).reshape(causes + 1, m)
    leaving = by_cause.sum(axis=0)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    if entry is not None:
        # a customer who enters at e is at risk from the first time after e on
        late = np.bincount(np.searchsorted(times, entry, side="right"), weights=weight, minlength=m + 1)
        at_risk = at_risk - np.cumsum(late[::-1])[::-1][1:]
    return RiskTable(times=times, at_risk=at_risk, events=by_cause[1:], censored=by_cause[0])
