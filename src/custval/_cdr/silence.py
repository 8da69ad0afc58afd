"""Why a table that was given adds nothing to the view: what would pass for customers who do nothing is said aloud.

Asked only where every count of a table is zero for every customer, so that sound tables cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._cdr.feature import Feature
from custval._cdr.moment import Moment
from custval._cdr.schema import LEGAL, LONG_AGO
from custval._cdr.usage import LOOKBACK_DAYS
from custval._core.errors import warn

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("warn_of_silence",)

_TIMES = {"cdr": "event_time", "bills": "bill_time", "contacts": "event_time", "holdings": "added"}
_DENSE = ("cdr", "bills")  # tables that every month of a business fills


def warn_of_silence(
    tables: Mapping[str, nw.LazyFrame[Any]],
    view: nw.DataFrame[Any],
    picked: Sequence[Feature],
    now: Moment,
    windows: Sequence[int],
) -> None:
    """Warn once of each table whose records all count for nothing, with the reason."""
    for table in _TIMES:
        names = [feature.name for feature in picked if feature.table == table and feature.name != "recency_days"]
        if (
            not names
            or table not in tables
            or not all(bool((view.get_column(name) == 0).all()) for name in _telling(names))
        ):
            continue
        reason = _reason(table, tables, now, windows)
        if reason:
            warn(f"table {table!r} adds nothing to the view: {reason}")


def _telling(names: Sequence[str]) -> list[str]:
    """Return the counts of outgoing traffic where there are any: they need kind and direction to be as they should."""
    return [name for name in names if "_out_" in name] or list(names)


def _reason(table: str, tables: Mapping[str, nw.LazyFrame[Any]], now: Moment, windows: Sequence[int]) -> str | None:
    """Return why, or None where nothing is wrong: there are no records, or the customers were just quiet."""
    frame, column = tables[table], _TIMES[table]
    rows, first, last = _span(frame, column)
    if not rows:
        return None
    if last is None or first is None:
        return f"its {column} is missing in every row"
    if first > LONG_AGO:
        return f"its {column} is no epoch seconds (first {first:.0f}); milliseconds must be divided by 1000"
    if last <= _since(table, now, windows):
        return f"its latest {column} is {_day(last)}, too long before as_of ({_day(now.seconds)}) to count"
    if first > now.seconds:
        late = f"its earliest {column} is {_day(first)}, after as_of ({_day(now.seconds)})"
        return late if table in _DENSE else None
    if not _known_rows(frame, tables["subscribers"]):
        return "no subscriber_id of it is in table 'subscribers'"
    return _strange_values(table, frame)


def _span(frame: nw.LazyFrame[Any], column: str) -> tuple[int, float | None, float | None]:
    import narwhals as nw

    time = nw.col(column).cast(nw.Float64)
    made: Any = frame.select(nw.len().alias("n"), time.min().alias("first"), time.max().alias("last")).collect()
    return int(made["n"][0]), _known(made["first"][0]), _known(made["last"][0])


def _known(end: Any) -> float | None:
    return None if end is None or np.isnan(end) else float(end)


def _since(table: str, now: Moment, windows: Sequence[int]) -> float:
    """Return the time up to which records of a table are too old to count."""
    if table == "bills":
        return now.months_before(4)
    reach = {"cdr": max(*windows, LOOKBACK_DAYS), "contacts": max(windows)}.get(table)
    return -np.inf if reach is None else now.days_before(reach)


def _known_rows(frame: nw.LazyFrame[Any], subscribers: nw.LazyFrame[Any]) -> int:
    import narwhals as nw

    people = subscribers.select("subscriber_id")
    found: Any = frame.join(people, on="subscriber_id", how="semi").select(nw.len().alias("n")).collect()
    return int(found["n"][0])


def _strange_values(table: str, frame: nw.LazyFrame[Any]) -> str | None:
    """Name the values of kind and direction where none of them is one that the view counts."""
    import narwhals as nw

    there = frame.collect_schema().names()
    for (owner, column), legal in LEGAL.items():
        if owner != table or column not in there:
            continue
        counted: Any = frame.group_by(column).agg(nw.len().alias("n")).collect()
        values = sorted(str(value) for value in counted[column].to_list())
        needed = "out" if column == "direction" else None
        if not set(values) & (set(legal) if needed is None else {needed}):
            shown = ", ".join(repr(value) for value in values[:5])
            return f"its {column} holds {shown}, but the view counts {', '.join(map(repr, legal))}"
    return None


def _day(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
