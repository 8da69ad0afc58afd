"""From dates to a target: when did each customer join, when did they leave, and until when did we look?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import BoolArray, FloatArray, TextArray
from custval._core.validation import check_choice, check_length, check_rows
from custval._survival.events import ONE_CAUSE, is_missing
from custval._survival.target import structured

__all__ = ("DAYS", "target_from_dates")

# the Gregorian year of 365.2425 days in twelve equal months
DAYS = {"day": 1.0, "week": 7.0, "month": 30.436875, "year": 365.2425}

Dates = NDArray[np.datetime64]


@public("survival")
def target_from_dates(
    start: Any,
    end: Any,
    *,
    observed_until: Any,
    entry: Any = None,
    cause: Any = None,
    time_unit: str = "month",
) -> TextArray:
    """Return the target of customers known by the dates on which they joined and left.

    Parameters
    ----------
    start : array_like of datetime, shape (n,)
        Day of joining, before `observed_until`. Dates with a time zone are taken at their instant in UTC, dates
        without one as UTC: give all of them in one way.
    end : array_like of datetime, shape (n,)
        Day of leaving. Missing, or after `observed_until`: still a customer.
    observed_until : datetime, or array_like of shape (n,)
        Last day on which leaving would have been seen.
    entry : datetime, or array_like of shape (n,), optional
        First day on which leaving would have been seen, such as the first day of the warehouse. None, missing, or
        before `start`: watched from joining.
    cause : array_like of shape (n,), optional
        Label of the cause for those who left; not read for the others.
    time_unit : {"month", "day", "week", "year"}, default "month"
        Unit of the times; a month is 30.436875 days.

    Returns
    -------
    numpy.ndarray of shape (n,)
        A structured target as from :func:`survival_target`.

    Raises
    ------
    InputError
        For values that are not dates, a missing `start`, customers who joined at or after the last day, who left
        before they joined or before the first day, and departures without a cause where `cause` is given.

    Examples
    --------
    >>> from custval.survival import target_from_dates
    >>> y = target_from_dates(
    ...     ["2024-01-01", "2024-06-01"], ["2024-07-01", None], observed_until="2024-12-31", time_unit="day"
    ... )
    >>> y["duration"].tolist(), y["event"].tolist()
    ([182.0, 213.0], [1, 0])
    """
    check_choice(time_unit, "time_unit", DAYS)
    joined, left = _dates(start, "start"), _dates(end, "end")
    n = len(joined)
    check_length(left, n, name="end", other="start")
    check_rows(~np.isnat(joined), joined, name="start", rule="be known", fix="drop customers without a day of joining")
    last = _dates_for_all(observed_until, "observed_until", n)
    check_rows(~np.isnat(last), last, name="observed_until", rule="be known")
    gone = ~np.isnat(left) & (left <= last)
    stop = np.where(gone, left, last)
    _check_order(joined, stop, gone)
    late = _entry_dates(entry, joined, stop)
    codes, names = _causes(cause, gone)
    return structured(
        _span(joined, late, time_unit), _span(joined, stop, time_unit), codes, causes=names, time_unit=time_unit
    )


def _check_order(joined: Dates, stop: Dates, gone: BoolArray) -> None:
    shown = stop.astype("datetime64[s]")
    check_rows(
        ~gone | (stop > joined),
        shown,
        name="end",
        rule="be after start",
        fix="drop customers who left on the day they joined, or look for swapped columns",
    )
    fix = "drop customers who joined on the last day or later"
    check_rows(stop > joined, joined.astype("datetime64[s]"), name="start", rule="be before observed_until", fix=fix)


def _entry_dates(entry: Any, joined: Dates, stop: Dates) -> Dates:
    if entry is None:
        return joined
    first = _dates_for_all(entry, "entry", len(joined))
    late = np.where(np.isnat(first), joined, np.maximum(first, joined))
    check_rows(
        late < stop,
        first.astype("datetime64[s]"),
        name="entry",
        rule="be before the last look at the customer",
        fix="drop customers who left before the watching began",
    )
    return late


def _causes(cause: Any, gone: BoolArray) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if cause is None:
        return gone.astype(np.int64), ONE_CAUSE
    labels = np.asarray(cause, dtype=object)
    check_length(labels, len(gone), name="cause", other="start")
    known = np.array([not is_missing(label) for label in labels.tolist()], dtype=bool)
    fix = "write 'unknown' for them"
    check_rows(known | ~gone, labels, name="cause", rule="be known for customers who left", fix=fix)
    names = tuple(sorted({str(label) for label in labels[gone].tolist()})) or ONE_CAUSE
    code = {name: k for k, name in enumerate(names, start=1)}
    codes = np.zeros(len(gone), dtype=np.int64)
    codes[gone] = [code[str(label)] for label in labels[gone].tolist()]
    return codes, names


def _span(joined: Dates, until: Dates, time_unit: str) -> FloatArray:
    days = (until - joined) / np.timedelta64(1, "D")
    return np.asarray(days, dtype=np.float64) / DAYS[time_unit]


def _dates_for_all(values: Any, name: str, n: int) -> Dates:
    """Return one date for each row from `values`, a date or a column of dates."""
    single = isinstance(values, str) or np.ndim(values) == 0
    dates = _dates([values] if single else values, name)
    if single:
        return np.repeat(dates, n)
    check_length(dates, n, name=name, other="start")
    return dates


def _dates(values: Any, name: str) -> Dates:
    """Return a column of dates to the microsecond, NaT where missing."""
    array = np.asarray(values)
    if array.dtype.kind in "iufb":
        raise InputError(
            f"{name} must hold dates, not {array.dtype}; turn seconds since 1970 into dates with "
            f"{name}.astype('datetime64[s]')"
        )
    if array.dtype == object:
        array = np.array([_plain(value) for value in array.tolist()], dtype=object)
    try:
        dates = array.astype("datetime64[us]")
    except (TypeError, ValueError) as wrong:
        raise InputError(f"{name} must hold dates such as 2026-01-31: {wrong}") from None
    if dates.ndim != 1:
        raise InputError(f"{name} must have 1 dimension but has {dates.ndim} (shape {dates.shape})")
    return dates


def _plain(value: Any) -> Any:
    """Return a date without its time zone, at the same instant in UTC; None for every kind of missing."""
    if is_missing(value):
        return None
    if getattr(value, "tzinfo", None) is not None:
        from datetime import UTC

        return value.astimezone(UTC).replace(tzinfo=None)
    return value
