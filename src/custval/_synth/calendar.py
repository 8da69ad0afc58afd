"""Calendar months of a world: month m (1, 2, ...) starts `month_start(m)` and ends one second before the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import FloatArray, IntArray

__all__ = ("DAY", "Calendar")

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar months of a world, as whole months since 1970 and epoch seconds of local time."""

    first: int
    months: int

    @classmethod
    def starting(cls, start: str, months: int) -> Calendar:
        """Return the calendar whose month 1 begins on the day `start`, the first of a month."""
        try:
            day = np.datetime64(start, "D")
        except ValueError:
            raise InputError(f"start must be a date such as '2025-01-01', not {start!r}") from None
        month = day.astype("datetime64[M]")
        if np.isnat(day) or month.astype("datetime64[D]") != day:
            raise InputError(f"start must be the first day of a month, not {start!r}; worlds count in calendar months")
        return cls(int(month.astype(np.int64)), months)

    def month_start(self, month: int | IntArray) -> IntArray:
        """Return the epoch seconds at which `month` begins (1 is the first month of the world, 0 the one before)."""
        index = np.asarray(month, dtype=np.int64) + (self.first - 1)
        return index.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)

    def month_end(self, month: int | IntArray) -> IntArray:
        """Return the epoch seconds of the last second of `month`."""
        return self.month_start(np.asarray(month, dtype=np.int64) + 1) - 1

    def intensity(
        self, month: int, weekdays: Sequence[float], hours_of_day: Sequence[float]
    ) -> tuple[FloatArray, FloatArray]:
        """Return the hours of `month` (epoch seconds) and the share of a month's traffic before each of them."""
        begin, end = int(self.month_start(month)), int(self.month_start(month + 1))
        hours = np.arange(begin, end + 1, 3600)
        weekday = (hours[:-1] // DAY + 3) % 7  # 1 January 1970 was a Thursday
        profile = np.asarray(hours_of_day, dtype=np.float64)
        weight = np.asarray(weekdays)[weekday] * (profile / profile.sum())[(hours[:-1] % DAY) // 3600]
        share = np.concatenate([[0.0], np.cumsum(weight)])
        return hours.astype(np.float64), share / share[-1]
