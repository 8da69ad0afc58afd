"""Columns that vary by month, made from dated records without looking ahead: usage, bills, complaints, campaigns.

A column of month t of a customer's stay may use what was known when that month began: records dated at or before
``start + (t - 1)`` months, less the `lag` with which they arrive. Records are gathered by the month of the stay in
which they became known, so a column of all months of all customers is a few sums of shifted arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import DataWarning, InputError, warn
from custval._core.frames import column
from custval._core.results import Result
from custval._core.typing import AnyFrame, FloatArray, IntArray, TextArray
from custval._core.validation import check_choice, check_length, check_rows, check_scalar, check_whole, float_array
from custval._survival.events import is_missing

__all__ = ("DAYS_A_MONTH", "EventColumn", "Layout", "MonthColumn", "Records", "days", "monthly_column")

DAYS_A_MONTH = 30.436875
HOWS = ("count", "any", "sum", "mean", "max", "last", "since", "change")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class EventColumn(Result):
    """A column that varies by month, made from dated records: what was known when each month began.

    Attributes
    ----------
    table : frame
        The records: one row for each bill, complaint, call, campaign contact.
    at : str
        Column of the date (or of seconds since 1970) on which the record was made.
    value : str or None
        Column of the number to work with; None for ``count``, ``any`` and ``since``.
    how : {"count", "any", "sum", "mean", "max", "last", "since", "change"}
        Over the last `window` months: number of records, whether there is one (0/1), sum, mean, largest value; last
        value known; months since the last record (at most `window`); mean of the last `window` months over the mean of
        the `against` months before, minus 1 (the trend of usage, the shock of a bill).
    window : int
        Months to look back, >= 1.
    against : int
        Months before them that ``change`` compares with, >= 1.
    lag : float
        Months after its date until a record is known, >= 0.
    where : tuple of (str, value) or None
        Take only the records whose column has this value: ``("kind", "complaint")``.
    fill : float
        The value where no record says anything.
    treatment : bool
        True for contacts of the operator (save calls, offers): :meth:`PersonMonths.today` sets it to 0, so that the
        untreated hazard is what is predicted.
    customer : str
        Column of the customer's identifier.

    Examples
    --------
    >>> from custval.survival import EventColumn, person_months
    >>> people = {"customer_id": [7, 8], "start": ["2024-01-01", "2024-01-01"], "end": [None, "2024-03-20"]}
    >>> calls = {"customer_id": [8, 7, 8], "event_time": ["2024-01-15", "2024-02-02", "2024-03-18"]}
    >>> complaints = EventColumn(calls, at="event_time", how="count", window=2)
    >>> months = person_months(people, observed_until="2024-05-01", events={"complaints": complaints})
    >>> months.to_frame()[["row", "tenure", "complaints", "event"]].to_numpy().tolist()[-3:]
    [[1.0, 1.0, 0.0, 0.0], [1.0, 2.0, 1.0, 0.0], [1.0, 3.0, 1.0, 1.0]]
    """

    table: AnyFrame
    at: str = "event_time"
    value: str | None = None
    how: str = "count"
    window: int = 3
    against: int = 3
    lag: float = 0.0
    where: tuple[str, Any] | None = None
    fill: float = 0.0
    treatment: bool = False
    customer: str = "customer_id"


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class MonthColumn(Result):
    """A column that is known by month already: a table with one row for each customer and month of the stay.

    Attributes
    ----------
    table : frame
        Customer, month and value.
    value : str
        Column of the number.
    month : str
        Column of the month of the stay, 1, 2, ..., in which the value is used.
    known : str or None
        Column of the date on which the value was known; a value dated after its month has begun is refused.
    fill : float
        The value of months that the table does not hold.
    customer : str
        Column of the customer's identifier.

    Examples
    --------
    >>> from custval.survival import MonthColumn, person_months
    >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": [None]}
    >>> score = {"customer_id": [7, 7], "month": [1, 2], "score": [0.5, 0.7], "known": ["2023-12-31", "2024-02-20"]}
    >>> column = MonthColumn(score, value="score", known="known")
    >>> person_months(people, observed_until="2024-04-01", events={"score": column})
    Traceback (most recent call last):
        ...
    custval.InputError: column 'score' is dated after the month it is used for in 1 of 2 rows (first: row 1, month 2, \
19.6 days too late): it would tell the model what was not known yet; use it a month later
    """

    table: AnyFrame
    value: str
    month: str = "month"
    known: str | None = None
    fill: float = 0.0
    customer: str = "customer_id"


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records ready to be gathered: sorted by spell and month; `month` is the last month begun when they were known.

    A record of month b counts in month b + 1 of the stay for the first time; `ends[i]` is where spell i's stop.
    """

    month: IntArray
    value: FloatArray
    ends: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Slots of a block of spells: for each the months 1 - pad .. last; `at` (rows,) is the slot that a row looks at.

    `begins` (spells,) says where the slots of a spell begin, `size` how many there are.
    """

    begins: IntArray
    size: int
    pad: int
    at: IntArray


def days(values: TextArray, name: str) -> FloatArray:
    """Return dates, or whole seconds since 1970, as days since 1970; nan for missing."""
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array / 86_400.0
    if array.dtype.kind in "fb":
        raise InputError(f"{name} must hold dates or whole seconds since 1970, not {array.dtype}")
    if array.dtype == object:
        array = np.array([None if is_missing(value) else value for value in array.tolist()], dtype=object)
    try:
        moments = array.astype("datetime64[us]")
    except (TypeError, ValueError) as wrong:
        raise InputError(f"{name} must hold dates such as 2026-01-31: {wrong}") from None
    made = moments.astype(np.int64) / 86_400e6
    return np.where(np.isnat(moments), np.nan, made)


def read_records(spec: EventColumn, name: str, spells: Any, seen: dict[Any, Any]) -> Records:
    """Return the records of an event column, placed in the months of the stay of each spell.

    `seen` keeps what columns of one table share.
    """
    check_choice(spec.how, "how", HOWS)
    for setting in ("window", "against"):
        check_whole(getattr(spec, setting), setting, low=1)
    lag = check_scalar(spec.lag, "lag", low=0.0, high=np.inf, high_open=True)
    check_scalar(spec.fill, "fill")
    key = (id(spec.table), spec.customer, spec.at)
    if key not in seen:
        seen[key] = _found(spec, name, spells)
    rows, spell, stayed, last = seen[key]
    month = np.ceil(stayed + (lag - 1e-9)).astype(np.int64)
    keep = month <= last
    if spec.where is not None:
        keep &= np.asarray(column(spec.table, spec.where[0]) == spec.where[1])[rows]
    value = _values(spec, name)
    use = np.flatnonzero(keep)
    own, month = spell[use], month[use]
    order = np.lexsort((stayed[use], own)) if spec.how == "last" else _by_month(own, month)
    ends = np.cumsum(np.bincount(own, minlength=len(spells.start)))
    picked = use[order]
    return Records(month[order], np.ones(len(picked)) if value is None else value[rows[picked]], ends)


def _found(spec: EventColumn, name: str, spells: Any) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """Return the records that belong to a spell: their rows, spells, months since joining, and the spell's last."""
    who, moment = column(spec.table, spec.customer), days(column(spec.table, spec.at), f"{name}: {spec.at}")
    known = f"{name}: {spec.at}"
    check_rows(~np.isnan(moment), moment, name=known, rule="be known", fix="drop records without a date")
    spell, found = spells.find(who, moment)
    _check_found(name, found)
    rows = np.flatnonzero(found)
    return rows, spell, (moment[rows] - spells.start[spell]) / DAYS_A_MONTH, spells.duration[spell]


def _check_found(name: str, found: TextArray) -> None:
    """Say when no record belongs to a customer, which is hardly meant: 7 is not "7"."""
    if len(found) and not found.any():
        warn(
            f"none of the {len(found)} records of column {name!r} belongs to a customer, so it says nothing; look "
            "whether the identifiers of both tables are written alike",
            DataWarning,
        )


def read_columns(
    specs: Mapping[str, EventColumn | MonthColumn], spells: Any
) -> dict[str, tuple[EventColumn | MonthColumn, Records]]:
    """Return the columns by name with their records, placed in the months of the stay of each spell."""
    made: dict[str, tuple[EventColumn | MonthColumn, Records]] = {}
    seen: dict[Any, Any] = {}
    for name, spec in specs.items():
        if isinstance(spec, EventColumn):
            made[name] = spec, read_records(spec, name, spells, seen)
        elif isinstance(spec, MonthColumn):
            made[name] = spec, read_months(spec, name, spells)
        else:
            raise InputError(
                f"events must map names to EventColumn(...) or MonthColumn(...); {name!r} is a {type(spec).__name__}"
            )
    return made


def _by_month(spell: IntArray, month: IntArray) -> IntArray:
    """Return the order by spell and month: one sort of whole numbers that hold both and the position."""
    n = len(spell)
    low = int(month.min(initial=0))
    months, places = int(month.max(initial=0)) - low + 1, max(n, 1).bit_length()
    if (int(spell.max(initial=0)) + 1) * months >= 1 << (62 - places):
        return np.lexsort((month, spell))
    key = ((spell * months + (month - low)) << places) + np.arange(n)
    key.sort()
    return np.asarray(key & ((1 << places) - 1))


def read_months(spec: MonthColumn, name: str, spells: Any) -> Records:
    """Return the values of a monthly column in the manner of records; dated later than their month: refused."""
    who = column(spec.table, spec.customer)
    month = float_array(column(spec.table, spec.month), f"{name}: {spec.month}", low=1.0)
    check_rows(month == np.floor(month), month, name=f"{name}: {spec.month}", rule="be whole months")
    value = float_array(column(spec.table, spec.value), name)
    check_length(who, len(month), name=name, other=spec.month)
    spell, found = spells.find(who, np.full(len(month), np.inf))
    _check_found(name, found)
    month, value = month[found].astype(np.int64), value[found]
    if spec.known is not None:
        known = days(column(spec.table, spec.known), f"{name}: {spec.known}")[found]
        late = known - spells.start[spell] - (month - 1) * DAYS_A_MONTH
        _refuse_late(name, late, month, np.flatnonzero(found))
    order = np.lexsort((month, spell))
    spell, month = spell[order], month[order]
    twice = np.flatnonzero((np.diff(spell) == 0) & (np.diff(month) == 0))
    if twice.size:
        raise InputError(
            f"column {name!r} has {twice.size} months twice for the same customer (first: month {month[twice[0]]}); "
            "keep one row for each customer and month"
        )
    used = month <= spells.duration[spell] + 1  # the month after the last is today's
    spell, month, order = spell[used], month[used], order[used]
    ends = np.searchsorted(spell, np.arange(len(spells.start)), side="right")
    return Records(month - 1, value[order], ends)


def monthly_column(
    spec: EventColumn | MonthColumn, records: Records, layout: Layout, spells: slice, how: str | None = None
) -> FloatArray:
    """Return the column in every row of the layout of a block of spells."""
    begin = 0 if spells.start == 0 else int(records.ends[spells.start - 1])
    own = slice(begin, int(records.ends[spells.stop - 1]))
    ends = records.ends[spells] - begin
    which = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    month, value = records.month[own], records.value[own]
    if isinstance(spec, MonthColumn):
        slots = np.full(layout.size, spec.fill)
        inside = month > -layout.pad
        slots[(layout.begins[which] + month - 1 + layout.pad)[inside]] = value[inside]
        return slots[layout.at]
    place = layout.begins[which] + np.maximum(month, 1 - layout.pad) - 1 + layout.pad
    fresh = month > -layout.pad  # older ones lie before every window; only the last value and its age may need them
    return _GATHER[how or spec.how](spec, _Slots(place, value, fresh, layout))


@dataclass(frozen=True, slots=True, eq=False)
class _Slots:
    """Values with their slots, sorted by slot and then by time."""

    place: IntArray
    value: FloatArray
    fresh: TextArray
    layout: Layout

    def counts(self) -> FloatArray:
        return np.bincount(self.place[self.fresh], minlength=self.layout.size).astype(np.float64)

    def sums(self) -> FloatArray:
        own = self.value[self.fresh]
        return np.bincount(self.place[self.fresh], weights=own, minlength=self.layout.size).astype(np.float64)

    def rolled(self, slots: FloatArray, window: int, *, back: int = 0) -> FloatArray:
        """Return sums over the `window` slots that end `back` before each row's slot."""
        total = slots.copy()
        for shift in range(1, window):
            total[shift:] += slots[:-shift]
        return np.asarray(total[self.layout.at - back])

    def latest(self) -> IntArray:
        """Return for each row the slot of its spell's last record, -1 where there is none."""
        marked = np.full(self.layout.size, -1, dtype=np.int64)
        marked[self.place] = self.place
        np.maximum.accumulate(marked, out=marked)
        begins = np.repeat(self.layout.begins, np.diff(self.layout.begins, append=self.layout.size))
        found = np.where(marked >= begins, marked, -1)
        return np.asarray(found[self.layout.at])


def _count(spec: EventColumn, slots: _Slots) -> FloatArray:
    return slots.rolled(slots.counts(), spec.window)


def _any(spec: EventColumn, slots: _Slots) -> FloatArray:
    return (_count(spec, slots) > 0).astype(np.float64)


def _sum(spec: EventColumn, slots: _Slots) -> FloatArray:
    return slots.rolled(slots.sums(), spec.window)


def _mean(spec: EventColumn, slots: _Slots) -> FloatArray:
    return _ratio(_sum(spec, slots), _count(spec, slots), spec.fill)


def _max(spec: EventColumn, slots: _Slots) -> FloatArray:
    most = np.full(slots.layout.size, -np.inf)
    fresh = slots.place[slots.fresh]
    if len(fresh):
        first = np.flatnonzero(np.diff(fresh, prepend=-1))
        most[fresh[first]] = np.maximum.reduceat(slots.value[slots.fresh], first)
    best = most.copy()
    for shift in range(1, spec.window):
        np.maximum(best[shift:], most[:-shift], out=best[shift:])
    found = best[slots.layout.at]
    return np.where(np.isfinite(found), found, spec.fill)


def _last(spec: EventColumn, slots: _Slots) -> FloatArray:
    latest = slots.latest()
    kept = np.zeros(slots.layout.size)
    kept[slots.place] = slots.value  # of several in a slot the last one written, which is the latest, stays
    return np.where(latest >= 0, kept[latest], spec.fill)


def _since(spec: EventColumn, slots: _Slots) -> FloatArray:
    latest = slots.latest()
    gone = slots.layout.at - latest
    return np.where(latest >= 0, np.minimum(gone, spec.window), spec.window).astype(np.float64)


def _change(spec: EventColumn, slots: _Slots) -> FloatArray:
    sums, counts = slots.sums(), slots.counts()
    back = spec.window
    above = slots.rolled(sums, spec.window) * slots.rolled(counts, spec.against, back=back)
    below = slots.rolled(sums, spec.against, back=back) * slots.rolled(counts, spec.window)
    # of a sum that is not positive there is no share; without records on both sides nothing changed
    return np.divide(above, below, out=np.full_like(above, spec.fill + 1.0), where=below > 0) - 1.0


_GATHER = {
    "count": _count,
    "any": _any,
    "sum": _sum,
    "mean": _mean,
    "max": _max,
    "last": _last,
    "since": _since,
    "change": _change,
}


def months_back(spec: EventColumn | MonthColumn) -> int:
    """Return how many months before the row's own a column looks at."""
    if isinstance(spec, MonthColumn):
        return 1
    return spec.window + (spec.against if spec.how == "change" else 0)


def _values(spec: EventColumn, name: str) -> FloatArray | None:
    if spec.value is not None:
        return float_array(column(spec.table, spec.value), f"{name}: {spec.value}")
    if spec.how not in {"count", "any", "since"}:
        raise InputError(f"column {name!r} with how={spec.how!r} needs value=, the column of the number to work with")
    return None


def _ratio(above: FloatArray, below: FloatArray, fill: float) -> FloatArray:
    return np.divide(above, below, out=np.full_like(above, fill), where=below > 0)


def _refuse_late(name: str, late: FloatArray, month: IntArray, row: IntArray) -> None:
    bad = np.flatnonzero(np.isnan(late) | (late > 1e-6))
    if not bad.size:
        return
    first = bad[0]
    said = "has no date of being known" if np.isnan(late[first]) else f"{late[first]:.1f} days too late"
    raise InputError(
        f"column {name!r} is dated after the month it is used for in {bad.size} of {len(late)} rows (first: row "
        f"{row[first]}, month {month[first]}, {said}): it would tell the model what was not known yet; use it a month "
        "later"
    )
