"""The instant of a view, and how far back its windows reach: everything later is invisible."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._cdr.schema import LONG_AGO
from custval._core.errors import InputError

__all__ = ("DAY", "Moment", "moment")

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as epoch seconds of local time; a record at this very second is still visible."""

    seconds: int

    def days_before(self, days: int) -> int:
        """Return the instant `days` earlier: a window holds the records after it."""
        return self.seconds - days * DAY

    def months_before(self, months: int) -> int:
        """Return the instant `months` calendar months earlier; ends of months stay ends of months."""
        after = np.datetime64(self.seconds + 1, "s")
        month = after.astype("datetime64[M]")
        inside = (after - month).astype(np.int64)
        target = month - months
        longest = ((target + 1).astype("datetime64[s]") - target.astype("datetime64[s]")).astype(np.int64)
        return int(target.astype("datetime64[s]").astype(np.int64) + min(inside, longest)) - 1

    @property
    def month(self) -> int:
        """The calendar month as 12 * year + month, the unit in which tenure is counted."""
        stamp = self.datetime
        return 12 * stamp.year + stamp.month

    @property
    def datetime(self) -> dt.datetime:
        """The instant as a datetime without zone (local time)."""
        return dt.datetime.fromtimestamp(self.seconds, dt.UTC).replace(tzinfo=None)


def moment(as_of: Any) -> Moment:
    """Read `as_of`: epoch seconds, a datetime, or a day or month, which stands for its last second."""
    if isinstance(as_of, (bool, np.bool_)):
        raise InputError(f"as_of must be epoch seconds, a date or a datetime, not {as_of!r}")
    if isinstance(as_of, (int, np.integer)):
        if abs(int(as_of)) > LONG_AGO:
            raise InputError(f"as_of must be epoch seconds, not milliseconds: {as_of} lies beyond the year 5000")
        return Moment(int(as_of))
    text = as_of.isoformat() if isinstance(as_of, dt.date) else str(as_of)
    try:
        stamp = np.datetime64(text)
    except ValueError:
        stamp = np.datetime64("NaT")
    if np.isnat(stamp) or not isinstance(as_of, (str, dt.date, np.datetime64)):
        raise InputError(f"as_of must be epoch seconds, a date or a datetime such as '2025-06-30', not {as_of!r}")
    if np.datetime_data(stamp.dtype)[0] in ("Y", "M", "W", "D"):
        return Moment(int((stamp + 1).astype("datetime64[s]").astype(np.int64)) - 1)
    return Moment(int(stamp.astype("datetime64[s]").astype(np.int64)))
