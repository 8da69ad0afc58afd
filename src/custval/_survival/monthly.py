"""From exact times to whole months: month t is the interval (t-1, t]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import import_pandas
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, TextArray
from custval._survival.target import read_target, structured

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("MonthlyTarget", "to_months")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class MonthlyTarget(Result):
    """A target in whole months, and which rows it kept.

    Attributes
    ----------
    target : numpy.ndarray of shape (n_kept,)
        Structured target whose times are whole numbers.
    kept : numpy.ndarray of bool, shape (n,)
        True for the rows that were watched for at least one whole month; use it on X as well.
    n_dropped : int
        Rows without a whole month under observation.

    Examples
    --------
    >>> from custval.survival import survival_target, to_months
    >>> monthly = to_months(survival_target([0.4, 1.5], [0, 1]))
    >>> monthly.n_dropped, monthly.target["duration"].tolist()
    (1, [2.0])
    """

    target: TextArray
    kept: BoolArray
    n_dropped: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each kept row: its number among the rows given, entry, duration and event.

        Returns
        -------
        pandas.DataFrame
            Columns row, entry, duration, event.

        Examples
        --------
        >>> from custval.survival import survival_target, to_months
        >>> to_months(survival_target([0.4, 1.5], [0, 1])).to_frame().to_dict("list")
        {'row': [1], 'entry': [0.0], 'duration': [2.0], 'event': [1]}
        """
        fields = {name: self.target[name] for name in ("entry", "duration", "event")}
        table: pd.DataFrame = import_pandas().DataFrame({"row": np.flatnonzero(self.kept), **fields})
        return table


@public("survival")
def to_months(y: Any) -> MonthlyTarget:
    """Return `y` in whole months: departures rounded up, last looks rounded down, entries rounded up.

    A departure during month t counts in month t; a customer still there during month t has completed t - 1 months; one
    who came under observation during month t is watched from its end. Last looks within a month make the monthly rate
    a little too high, since the month counts for those who left in it and not for the others: cut the data at whole
    months of tenure where you can.

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`survival_target`.

    Returns
    -------
    MonthlyTarget
        The monthly target of the rows with a whole month of exposure, the mask of those rows and the number dropped.

    Examples
    --------
    >>> from custval.survival import survival_target, to_months
    >>> monthly = to_months(survival_target([2.3, 2.3, 0.4], [1, 0, 0]))
    >>> monthly.target["duration"].tolist(), monthly.kept.tolist(), monthly.n_dropped
    ([3.0, 2.0], [True, True, False], 1)
    """
    whole = read_target(y)
    left = whole.event > 0
    duration = np.where(left, np.ceil(_steady(whole.duration)), np.floor(_steady(whole.duration)))
    entry = np.ceil(_steady(whole.entry))
    kept = entry < duration
    target = structured(entry[kept], duration[kept], whole.event[kept], causes=whole.causes, time_unit=whole.time_unit)
    return MonthlyTarget(target=frozen(target), kept=frozen(kept), n_dropped=int(np.count_nonzero(~kept)))


def _steady(times: FloatArray) -> FloatArray:
    """Return times without the last bits, so that three months of days are 3 and not 3.0000000000000004."""
    return np.round(times, 9)
