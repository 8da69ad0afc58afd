"""Counts that curves and metrics share: who is at risk just before each time, and who leaves at it, by cause.

At risk means ``entry < t <= duration``; events precede censorings at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("RiskTable", "risk_table", "whole_risk_table")


_BLOCK = 1 << 16
_SMALL_BLOCK = 1 << 14  # what of it is copied stays in the fast caches
_MOST_WHOLE = 2048


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
    size = _grid_size(duration)
    by_cause = None if size is None else _grid_counts(duration, event, weight, (causes + 1, size))
    whole = by_cause is not None
    if by_cause is None:
        times, by_cause = _sorted_counts(duration, event, weight, causes)
    else:
        times = np.arange(by_cause.shape[1], dtype=np.float64)
    at_risk = np.asarray(np.cumsum(by_cause.sum(axis=0)[::-1])[::-1], dtype=np.float64)
    if entry is not None:
        # a customer who enters at e is at risk from the first time after e on
        first, entry_weight = _first_times(times, entry, weight, whole=whole)
        late = np.bincount(first, weights=entry_weight, minlength=len(times) + 1)
        at_risk = at_risk - np.cumsum(late[::-1])[::-1][1:]
    table = RiskTable(times=times, at_risk=at_risk, events=by_cause[1:], censored=by_cause[0])
    if not whole:
        return table
    seen = by_cause.sum(axis=0) if weight is None else np.bincount(duration.astype(np.int64), minlength=len(times))
    return _columns(table, np.flatnonzero(seen))


def whole_risk_table(duration: Any, event: Any, *, entry: Any, causes: int) -> RiskTable | None:
    """Return the plain counts at whole durations in one pass that checks as it counts, or None.

    The pass reads the fields where they are (of a structured array as well), copies nothing and takes a third of the
    time of :func:`risk_table` and its checks. None says that something is out of the ordinary: a duration that is not
    whole, not positive or above 2048, an event that is no code, a late entry; the checks that name rows will then tell.
    """
    total = np.zeros((_MOST_WHOLE + 1) * (causes + 1), dtype=np.int64)
    # fields of a structured array bring their neighbours into the cache as well
    block = _BLOCK if duration.strides[0] == duration.itemsize else _SMALL_BLOCK
    for start in range(0, len(duration), block):
        rows = slice(start, start + block)
        key = _whole_keys(duration[rows], event[rows], causes)
        if key is None or (entry is not None and entry[rows].any()):
            return None
        counts = np.bincount(key)
        total[: len(counts)] += counts
    by_cause = np.ascontiguousarray(total.reshape(-1, causes + 1).T, dtype=np.float64)
    if not len(duration) or by_cause[:, 0].any():
        return None
    times = np.flatnonzero(by_cause.any(axis=0))
    by_cause = by_cause[:, times]
    at_risk = np.asarray(np.cumsum(by_cause.sum(axis=0)[::-1])[::-1], dtype=np.float64)
    return RiskTable(times.astype(np.float64), at_risk, by_cause[1:], by_cause[0])


def _whole_keys(duration: Any, event: Any, causes: int) -> Any:
    """Return ``duration (K + 1) + event`` of a block as small integers, or None where they are not what they should."""
    packed = np.ascontiguousarray(duration)
    code = event.view(np.uint8) if event.dtype == np.bool_ else _small(event, causes)
    for size in (np.uint8, np.uint16):  # bytes where they hold all keys: much of the time goes into moving numbers
        with np.errstate(invalid="ignore"):
            whole: Any = packed.astype(size)
        most = min(_MOST_WHOLE, (np.iinfo(size).max - causes) // (causes + 1))
        if code is not None and whole.max() <= most and (whole == packed).all():
            whole *= size(causes + 1)
            whole += code
            return whole
    return None


def _small(event: Any, causes: int) -> Any:
    """Return codes of events as bytes, or None where one is not within 0..K."""
    code = np.ascontiguousarray(event, dtype=np.int64)
    # seen as unsigned, what is negative is above every limit
    return code.astype(np.uint8) if code.view(np.uint64).max() <= min(causes, 255) else None


def _grid_size(duration: FloatArray) -> int | None:
    """Return how many whole times 0, 1, 2, ... reach the last duration, where they are few; else None."""
    if not len(duration) or duration[0] != int(duration[0]):
        return None
    low, high = float(duration.min()), float(duration.max())
    return None if low < 0 or high > max(1024, len(duration)) else int(high) + 1


def _grid_counts(
    duration: FloatArray, event: IntArray, weight: FloatArray | None, shape: tuple[int, int]
) -> FloatArray | None:
    """Return the counts (K + 1, size) at 0, 1, 2, ..., or None where a duration is not whole.

    Rows are taken in blocks that stay in the processor's cache, some three times faster than in one go.
    """
    total = np.zeros(shape)
    step = max(_BLOCK, 4 * total.size)
    for start in range(0, len(duration), step):
        rows = slice(start, start + step)
        where = duration[rows].astype(np.int64)
        if not np.array_equal(where, duration[rows]):
            return None
        total += _counts(event[rows], where, None if weight is None else weight[rows], shape)
    return total


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


def _columns(table: RiskTable, keep: IntArray) -> RiskTable:
    return RiskTable(table.times[keep], table.at_risk[keep], table.events[:, keep], table.censored[keep])
