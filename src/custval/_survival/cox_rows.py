"""Who is at risk together: rows of a Cox model in the order that makes a risk set a sum of neighbours.

Only the order of times matters to a partial likelihood, so each row is told by two whole numbers: the first of its
stratum's event times at which it is at risk (``enter``) and one past the last (``leave``). Rows that are at risk at
no event time say nothing and are left out. Rows with the same two numbers stand side by side in a *cell*: on monthly
data there are a few hundred cells for a million customers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._survival.cox_ties import Terms, terms_of

__all__ = ("CoxRows", "cox_rows", "every_kth", "few_cells")

_BLOCK, _TILE = 1 << 13, 64
_COUNTED = 1 << 16  # keys that can be sorted by counting
_FEW = 64  # rows in a mean cell from which a product for each cell beats sums over neighbours
_GRAMS = 4_000_000  # most numbers kept as products of cells


@dataclass(frozen=True, slots=True, eq=False)
class CoxRows:
    """Rows sorted by stratum and last event time, and the J event times of all strata in the same order.

    Attributes
    ----------
    X : ndarray of shape (p, n)
        Columns, centred within each stratum: each column contiguous, or each row where cells are few.
    order : ndarray of int, shape (n,)
        Positions of the rows in the data they come from; rows that are never at risk are not among them.
    weight : ndarray of shape (n,)
        Case weights, > 0.
    event : ndarray of bool, shape (n,)
        Whether the row ends with an event.
    enter, leave : ndarray of int, shape (n,)
        The row is at risk at event times ``enter <= j < leave``; its own event is at ``leave - 1``.
    starts : ndarray of int, shape (C + 1,)
        Where each cell starts: neighbours with equal enter, leave and event.
    times : ndarray of shape (J,)
        Event times, ascending within each stratum.
    stratum : ndarray of int, shape (J,)
        Stratum of each event time.
    count : ndarray of int, shape (J,)
        Events at each time, rows counted once.
    mass : ndarray of shape (J,)
        Weights of these events.
    event_sum : ndarray of shape (p,)
        Weighted sum of the columns over the events.
    center : ndarray of shape (S, p)
        What was taken off the columns in each stratum.
    late : bool
        Whether any row comes under observation after the first event time of its stratum.
    weighted : bool
        Whether any weight is not 1.
    apart : bool
        Whether cells keep events and censorings apart.
    terms : Terms
        Of Efron's sums.
    """

    X: FloatArray
    order: IntArray
    weight: FloatArray
    event: BoolArray
    enter: IntArray
    leave: IntArray
    starts: IntArray
    times: FloatArray
    stratum: IntArray
    count: IntArray
    mass: FloatArray
    event_sum: FloatArray
    center: FloatArray
    late: bool
    weighted: bool
    apart: bool
    terms: Terms

    @property
    def base(self) -> IntArray:
        """Return the first event time of each stratum, and J at the end, (S + 1,)."""
        return np.searchsorted(self.stratum, np.arange(len(self.center) + 1))


def cox_rows(
    X: FloatArray,
    *,
    entry: FloatArray | None,
    duration: FloatArray,
    event: BoolArray,
    weight: FloatArray,
    stratum: IntArray | None,
    ties: str,
) -> CoxRows:
    """Sort rows into cells.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Columns in raw units.
    entry, duration : ndarray of shape (n,)
        At risk in ``(entry, duration]``; entry None: from 0.
    event : ndarray of bool, shape (n,)
        Whether `duration` is the time of an event.
    weight : ndarray of shape (n,)
        Case weights, > 0.
    stratum : ndarray of int, shape (n,), or None
        Codes 0..S-1.
    ties : {"efron", "breslow"}
        Efron's method needs cells that keep events and censorings apart.

    Returns
    -------
    CoxRows
        The rows at risk at one event time at least.
    """
    place, size = _places(duration, stratum)
    counts = np.bincount(place.code, weights=event, minlength=size).astype(np.int64)
    seen = counts > 0
    reach = np.cumsum(seen, dtype=np.int64)  # event times up to each place, those of earlier strata counted too
    leave = reach[place.code]
    enter = _enter(entry, stratum, place, reach)
    by_event = ties == "efron" and bool((counts > 1).any())
    times, of = place.times[seen], place.stratum[seen]
    strata = 1 if stratum is None else int(stratum.max()) + 1
    late = entry is not None and _any_late(enter, leave, np.searchsorted(of, np.arange(strata)), stratum)
    cells = _cells(enter, leave, event, place.order, int(reach[-1]), by_event=by_event, late=late)
    center = _centers(X, weight, stratum, strata)
    weighted = bool((weight != 1).any())
    mass = counts[seen].astype(np.float64)
    if weighted:
        weight = weight[cells.order]
        left = np.bincount(cells.leave[cells.event] - 1, weights=weight[cells.event], minlength=len(times))
        mass = np.asarray(left, dtype=np.float64)
    else:
        weight = np.ones(len(cells.order))
    happened = np.where(cells.event, weight, 0.0)
    groups = None if stratum is None else stratum[cells.order]
    few = few_cells(X.shape[1], len(cells.order), len(cells.starts) - 1)
    columns, event_sum = _columns(X, cells.order, center, groups, happened, turned=not few)
    return CoxRows(
        X=columns,
        order=cells.order,
        weight=weight,
        event=cells.event,
        enter=cells.enter,
        leave=cells.leave,
        starts=cells.starts,
        times=times,
        stratum=of,
        count=counts[seen],
        mass=mass,
        event_sum=event_sum,
        center=center,
        late=late,
        weighted=weighted,
        apart=by_event,
        terms=terms_of(counts[seen]),
    )


def every_kth(rows: CoxRows, k: int, ties: str) -> CoxRows | None:
    """Return every k-th of the sorted rows, with the numbers of event times for times; None where none has an event."""
    some = slice(k // 2, None, k)
    event, leave = rows.event[some], rows.leave[some]
    if not event.any():
        return None
    return cox_rows(
        rows.X.T[some],
        entry=rows.enter[some].astype(np.float64) if rows.late else None,
        duration=leave.astype(np.float64),
        event=event,
        weight=rows.weight[some],
        stratum=None if len(rows.center) == 1 else rows.stratum[leave - 1],
        ties=ties,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """The place of each row's duration among the sorted (stratum, time) pairs, and what these are."""

    code: IntArray
    times: FloatArray
    stratum: IntArray
    order: IntArray | None  # by stratum and time, where the places were found by sorting
    width: int | None  # times 0..width-1 for each stratum, where durations are whole; else None


def _places(duration: FloatArray, stratum: IntArray | None) -> tuple[_Places, int]:
    whole = _whole_places(duration, stratum)
    if whole is not None:
        return whole, len(whole.times)
    # rows of one time stand in any order, so that the fastest sort will do
    order = np.argsort(duration) if stratum is None else np.lexsort((duration, stratum))
    ordered = duration[order]
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    groups = np.zeros(len(ordered), dtype=np.int64) if stratum is None else stratum[order]
    new[1:] |= groups[1:] != groups[:-1]
    code = np.empty(len(ordered), dtype=np.int64)
    code[order] = np.cumsum(new) - 1
    return _Places(code, ordered[new], groups[new], order, None), int(np.count_nonzero(new))


def _whole_places(duration: FloatArray, stratum: IntArray | None) -> _Places | None:
    """Return places without a sort where durations are whole and few, such as months; else None."""
    top, strata = float(duration.max()), 1 if stratum is None else int(stratum.max()) + 1
    if top * strata > max(65536, 2 * len(duration)) or duration[0] != int(duration[0]):
        return None
    months = duration.astype(np.int64)
    if not np.array_equal(months, duration):
        return None
    width = int(top) + 1
    code = months if stratum is None else stratum * width + months
    every = np.tile(np.arange(width, dtype=np.float64), strata)
    return _Places(code, every, np.repeat(np.arange(strata), width), None, width)


def _enter(entry: FloatArray | None, stratum: IntArray | None, place: _Places, reach: IntArray) -> IntArray:
    """Return the first event time of its stratum after each row's entry."""
    n = len(place.code)
    first = np.searchsorted(place.stratum, np.arange(int(place.stratum[-1]) + 1))
    before = np.where(first > 0, reach[first - 1], 0)  # event times of the strata before
    if entry is None or not entry.any():
        return np.broadcast_to(before[0], n) if stratum is None else before[stratum]
    groups = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    if place.width is not None:
        return np.asarray(reach[groups * place.width + np.floor(entry).astype(np.int64)])
    ends = np.append(first[1:], len(place.times))
    order = np.lexsort((entry, groups))
    parts = np.searchsorted(groups[order], np.arange(len(first) + 1))
    passed = np.empty(n, dtype=np.int64)
    for s, (start, end) in enumerate(zip(first, ends, strict=True)):
        rows = order[parts[s] : parts[s + 1]]
        passed[rows] = start + np.searchsorted(place.times[start:end], entry[rows], side="right")
    return np.asarray(np.where(passed > 0, reach[passed - 1], 0))


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Rows that are at risk, sorted: their order, what is sorted by it, and where each cell starts."""

    order: IntArray
    enter: IntArray
    leave: IntArray
    event: BoolArray
    starts: IntArray


def _any_late(enter: IntArray, leave: IntArray, base: IntArray, stratum: IntArray | None) -> bool:
    """Say whether any row at risk comes after the first event time of its stratum; `base` (S,) are these."""
    if enter.strides == (0,):
        return False
    return bool(((enter > (base[0] if stratum is None else base[stratum])) & (leave > enter)).any())


def _cells(
    enter: IntArray,
    leave: IntArray,
    event: BoolArray,
    known: IntArray | None,
    last: int,
    *,
    by_event: bool,
    late: bool,
) -> _Cells:
    """Sort rows by leave, event (where cells keep them apart) and enter; `known` is an order by time, or None."""
    at_risk = leave > enter
    keep = None if at_risk.all() else np.flatnonzero(at_risk)
    if known is not None:
        keep = known if keep is None else known[at_risk[known]]
    key = leave * 2 - event if by_event else leave
    top = 2 * last + 1 if by_event else last
    if late:  # else the stratum, and so leave, tells when a row comes in
        key, top = key * (last + 1) + enter, (top + 1) * (last + 1)
    if keep is not None:
        key = key[keep]
    order = _key_order(key, top)
    if keep is not None:
        order = keep if order is None else keep[order]
    elif order is None:
        order = np.arange(len(key))
    first = enter[: len(order)] if enter.strides == (0,) else enter[order]
    if by_event and not late and top < _COUNTED:
        # the sorted keys follow from their counts: no need to fetch row after row
        sizes = np.bincount(key, minlength=top + 1)
        held = np.flatnonzero(sizes)
        sizes = sizes[held]
        leave, event = np.repeat((held + 1) // 2, sizes), np.repeat(held % 2 == 1, sizes)
        return _Cells(order, first, leave, event, np.append(0, np.cumsum(sizes)))
    leave, event = leave[order], event[order]
    return _Cells(order, first, leave, event, _cell_starts(first, leave, event if by_event else None))


def _key_order(key: IntArray, top: int) -> IntArray | None:
    """Return the order of the keys 0..top, or None where they stand in order."""
    if (key[1:] >= key[:-1]).all():
        return None
    # sixteen bits are sorted by counting, ten times faster than by comparing
    return np.argsort(key.astype(np.uint16) if top < _COUNTED else key, kind="stable")


def _cell_starts(enter: IntArray, leave: IntArray, event: BoolArray | None) -> IntArray:
    new = np.ones(len(leave), dtype=bool)
    new[1:] = leave[1:] != leave[:-1]
    if enter.strides != (0,):
        new[1:] |= enter[1:] != enter[:-1]
    if event is not None:
        new[1:] |= event[1:] != event[:-1]
    return np.append(np.flatnonzero(new), len(leave))


def _centers(X: FloatArray, weight: FloatArray, stratum: IntArray | None, strata: int) -> FloatArray:
    """Return the weighted mean of each stratum, (S, p): any constant would do, a mean keeps sums small."""
    if stratum is None:
        return np.asarray((weight / weight.sum()) @ X)[None]
    share = weight / np.bincount(stratum, weights=weight, minlength=strata)[stratum]
    parts = [np.bincount(stratum, weights=share * X[:, j], minlength=strata) for j in range(X.shape[1])]
    return np.asarray(np.stack(parts, axis=1), dtype=np.float64)


def few_cells(p: int, n: int, cells: int) -> bool:
    """Say whether cells are so few that a product for each of them beats sums over neighbours."""
    return n >= _FEW * cells and cells * p * p <= _GRAMS


def _columns(
    X: FloatArray, order: IntArray, center: FloatArray, stratum: IntArray | None, happened: FloatArray, *, turned: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the centred columns of the sorted rows, (p, n), and their sums times `happened` (n,), (p,).

    Sums over neighbours want columns contiguous, hence `turned`; products of cells are as fast on rows. All goes block
    by block, so that what is fetched, turned and summed is in the cache.
    """
    n, p = len(order), X.shape[1]
    made, summed = np.empty((p, n) if turned else (n, p)), np.zeros(p)
    room = np.empty((_BLOCK, p))
    middle = np.tile(center[0], _TILE)
    for start in range(0, n, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n))
        out = room[: rows.stop - start] if turned else made[rows]
        block = np.take(X, order[rows], axis=0, out=out, mode="clip")
        if stratum is None:  # many rows at a time: short inner loops cost more than their sums
            whole = len(block) // _TILE * _TILE
            block[:whole].reshape(-1, len(middle))[...] -= middle
            block[whole:] -= center[0]
        else:
            block -= center[stratum[rows]]
        if turned:
            made[:, rows] = block.T
        summed += happened[rows] @ block
    return made if turned else made.T, summed
