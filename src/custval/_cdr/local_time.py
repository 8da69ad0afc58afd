"""Times of any zone as seconds of the customer's clock: night, weekend and month are matters of local time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import IntArray
from custval._core.validation import check_rows

__all__ = ("local_seconds",)

_QUARTER = 900  # zones change their offset at whole quarters of an hour only


@public("cdr")
def local_seconds(times: Any, *, zone: str) -> IntArray:
    """What did the customer's clock show, as epoch seconds of local time?

    Parameters
    ----------
    times : array_like of n times
        Instants: epoch seconds of UTC (numbers), NumPy datetimes in UTC, datetimes or a pandas column with a zone, or
        text in ISO 8601 with an offset ("2025-03-30T01:30:00+00:00").
    zone : str
        Name of the zone, such as "Europe/Copenhagen" or "Asia/Shanghai".

    Returns
    -------
    ndarray of int64, shape (n,)
        Seconds since 1970 as the local clock shows them: the ``event_time`` of the record tables.

    Raises
    ------
    InputError
        If the zone is not known, or a time is missing or has no offset.

    Notes
    -----
    In spring an hour of the local clock does not exist, and nothing falls into it. In autumn one hour comes twice:
    records of both stand in the same hour, and their order is that of the clock. So a gap between two records may be
    wrong by the hour twice a year; counts, days and months are right.

    Examples
    --------
    >>> from custval.cdr import local_seconds
    >>> before, after = local_seconds([1743296399, 1743296400], zone="Europe/Copenhagen")  # 30 March 2025, 1 h UTC
    >>> int(after - before)
    3601
    """
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise InputError(f"there is no time zone {zone!r}; its name is like 'Europe/Copenhagen'") from None
    seconds = _instants(times)
    quarters, place = np.unique(seconds // _QUARTER, return_inverse=True)
    offsets = [_offset(clock, int(quarter) * _QUARTER) for quarter in quarters]
    local: IntArray = seconds + np.asarray(offsets, dtype=np.int64)[place]
    return local


def _offset(clock: ZoneInfo, seconds: int) -> int:
    offset = datetime.fromtimestamp(seconds, UTC).astimezone(clock).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _instants(times: Any) -> IntArray:
    """Return epoch seconds of UTC."""
    import pandas as pd

    dtype = getattr(times, "dtype", None)
    if isinstance(dtype, pd.DatetimeTZDtype):
        times = pd.Series(times).dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    values = np.asarray(times)
    if values.dtype.kind == "M":
        check_rows(~np.isnat(values), values, name="times", rule="be there")
        whole: IntArray = values.astype("datetime64[s]").astype(np.int64)
        return whole
    if values.dtype.kind in "iuf":
        check_rows(np.isfinite(values.astype(np.float64)), values, name="times", rule="be finite")
        return np.asarray(np.floor(values.astype(np.float64)), dtype=np.int64)
    return np.array([_read(value, row) for row, value in enumerate(values.tolist())], dtype=np.int64)


def _read(value: Any, row: int) -> int:
    """Return the epoch seconds of a datetime or text that says its offset."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is None:
            raise InputError(
                f"times must say their offset but that of row {row} does not; if it is local time already, it needs "
                "no conversion"
            )
        return int(moment.timestamp() // 1)
    except (ValueError, AttributeError) as wrong:
        if isinstance(wrong, InputError):
            raise
        raise InputError(f"times must be instants but row {row} cannot be read as one") from None
