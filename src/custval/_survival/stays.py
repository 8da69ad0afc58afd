"""The stays of customers in whole months: read from dates, checked, and found again by identifier and date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import column
from custval._core.typing import AnyFrame, BoolArray, FloatArray, IntArray, TextArray
from custval._survival.dates import target_from_dates
from custval._survival.event_columns import DAYS_A_MONTH, days
from custval._survival.monthly import to_months
from custval._survival.target import structured

__all__ = ("Stays", "read_stays")


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """Stays with at least one whole month at risk, n of them.

    Attributes
    ----------
    start : ndarray of shape (n,)
        First day, in days since 1970.
    entry, duration : ndarray of int, shape (n,)
        At risk in the months ``entry < t <= duration`` of the stay.
    event : ndarray of int, shape (n,)
        0 still there, k left for cause k.
    row : ndarray of int, shape (n,)
        Row of the customers' table.
    ids : ndarray of shape (people,)
        Distinct identifiers, sorted.
    order, person : ndarray of int, shape (n,)
        The stays sorted by person and first day, and the person of each in that order.
    near : ndarray of int, or None
        For whole numbers close together: the place among `ids` of each number from the first one on.
    """

    start: FloatArray
    entry: IntArray
    duration: IntArray
    event: IntArray
    row: IntArray
    ids: TextArray
    order: IntArray
    person: IntArray
    near: IntArray | None

    def find(self, who: TextArray, moment: FloatArray) -> tuple[IntArray, BoolArray]:
        """Return the stay of each record that has one, and which records those are.

        With several stays of one customer it is the last that had begun, or the first.
        """
        names = _comparable(who)
        place = self._place(names)
        found = np.asarray(self.ids[place] == names, dtype=bool)
        person, moment = place[found], moment[found]
        if len(self.ids) == len(self.person):
            return self.order[person], found
        begins = np.searchsorted(self.person, person, side="left")
        ends = np.searchsorted(self.person, person, side="right")
        start = self.start[self.order]
        stay = begins.copy()
        for _ in range(int((ends - begins).max(initial=1)) - 1):
            after = np.minimum(stay + 1, len(start) - 1)
            stay = np.where((stay + 1 < ends) & (start[after] <= moment), after, stay)
        return self.order[stay], found

    def _place(self, names: TextArray) -> IntArray:
        """Return where each name would stand among the identifiers; whole numbers close together are looked up."""
        if self.near is None or names.dtype.kind not in "iu":
            return np.minimum(np.searchsorted(self.ids, names), len(self.ids) - 1)
        return np.asarray(self.near[np.clip(names - self.ids[0], 0, len(self.near) - 1)])


def read_stays(
    customers: AnyFrame,
    *,
    until: Any,
    names: tuple[str, str, str, str | None],
    entry: Any,
    delay: float,
) -> tuple[Stays, Callable[[], Stays], tuple[str, ...], int]:
    """Return the stays, on demand all up to the end of the data, the causes, and the number of months left out.

    `names` are the columns of identifier, first day, last day and cause; `delay` is in months.
    """
    customer, start, end, cause = names
    joined, left, ids = column(customers, start), column(customers, end), column(customers, customer)
    late = column(customers, entry) if isinstance(entry, str) and not _is_date(entry) else entry
    labels = None if cause is None else column(customers, cause)
    target = target_from_dates(joined, left, observed_until=until, entry=late, cause=labels)
    begun, gone = days(joined, start), days(left, end)
    _check_overlap(ids, begun, gone)
    duration, event = target["duration"].copy(), target["event"].copy()
    said: Mapping[str, Any] = target.dtype.metadata or {}
    kinds = tuple(said.get("causes", ("left",)))
    if delay:
        last = float(days(np.asarray(until, dtype="datetime64[us]").reshape(1), "observed_until")[0])
        known = (last - begun) / DAYS_A_MONTH - delay
        event = np.where(duration > known, 0, event)
        duration = np.minimum(duration, known)
    entries = target["entry"]
    kept = np.flatnonzero(duration > entries)
    whole = _whole(entries, duration, event, kept, kinds)
    before = _whole(entries, target["duration"], target["event"], np.arange(len(entries)), kinds)
    if not len(whole[0]):
        raise InputError("no customer was at risk for a whole month; check observed_until, entry and label_delay")
    left_out = int((before[2] - before[1]).sum() - (whole[2] - whole[1]).sum())
    return _sorted(begun, whole, ids), partial(_everyone, begun, target, ids), kinds, left_out


def _everyone(start: FloatArray, target: TextArray, ids: TextArray) -> Stays:
    """Return every stay in the whole months up to the end of the data, be they none."""
    left, months = target["event"] > 0, np.round(target["duration"], 9)
    duration = np.where(left, np.ceil(months), np.floor(months)).astype(np.int64)
    rows = np.arange(len(duration))
    return _sorted(start, (rows, np.zeros_like(rows), duration, target["event"].astype(np.int64)), ids)


def _whole(
    entry: FloatArray, duration: FloatArray, event: IntArray, rows: IntArray, causes: tuple[str, ...]
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return rows with a whole month at risk, and their entry, duration and event."""
    y = structured(entry[rows], duration[rows], event[rows], causes=causes, time_unit="month")
    monthly = to_months(y)
    fields = [monthly.target[name].astype(np.int64) for name in ("entry", "duration", "event")]
    return rows[monthly.kept], fields[0], fields[1], fields[2]


def _sorted(start: FloatArray, whole: tuple[IntArray, IntArray, IntArray, IntArray], ids: TextArray) -> Stays:
    rows, entry, duration, event = whole
    own, start = _comparable(ids)[rows], start[rows]
    found, person = np.unique(own, return_inverse=True)
    order = np.lexsort((start, person))
    return Stays(start, entry, duration, event, rows, found, order, person[order], _lookup(found))


def _lookup(ids: TextArray) -> IntArray | None:
    if ids.dtype.kind not in "iu" or int(ids[-1]) - int(ids[0]) > 8 * len(ids) + 1_000_000:
        return None
    near = np.zeros(int(ids[-1]) - int(ids[0]) + 1, dtype=np.int64)
    near[ids - ids[0]] = np.arange(len(ids))
    return near


def _check_overlap(ids: TextArray, start: FloatArray, end: FloatArray) -> None:
    person = np.unique(_comparable(ids), return_inverse=True)[1]
    order = np.lexsort((start, person))
    same = np.diff(person[order]) == 0
    if not same.any():
        return
    until = np.where(np.isnan(end), np.inf, end)[order]
    clash = np.flatnonzero(same & (start[order][1:] < until[:-1]))
    if clash.size:
        first, second = order[clash[0]], order[clash[0] + 1]
        raise InputError(
            f"stays of one customer overlap in {clash.size} places (first: rows {first} and {second}, of which the "
            f"second begins {until[clash[0]] - start[second]:.1f} days before the first ends); end the first before "
            "the second begins, or drop one of them"
        )


def _comparable(ids: TextArray) -> TextArray:
    """Return identifiers that NumPy can sort: text where they are objects."""
    array = np.asarray(ids)
    return array.astype(str) if array.dtype == object else array


def _is_date(text: str) -> bool:
    try:
        np.datetime64(text)
    except ValueError:
        return False
    return True
