"""From stays to counts: who was there, who joined, who left, who came back, by month.

A stay is a pair of months (start, end): the customer joins in month `start` and leaves in month `end`, or is still
there. Rotational churn is a person who leaves and soon subscribes again, for the newcomer's offer: found by matching
the persons behind the stays. Who returns later is won back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_length, check_rows, check_whole, float_array, sample_weight_array
from custval._segments.labels import is_missing, label_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("MovementCounts", "movement_counts", "read_stays")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class MovementCounts(Result):
    """Counts by month, ready for ``churn_rates``; arrays have shape (m,), departures (K, m).

    Attributes
    ----------
    month : ndarray of int
        The months, without a gap.
    opening, joined : ndarray
        Customers at the start, and those who join in the month.
    causes : tuple of K str
        Causes of departure.
    exits : ndarray of shape (K, m)
        Departures in the month by cause.
    rotational : ndarray
        Of the departures: those who subscribe again soon.
    won_back : ndarray
        Of those who join: former customers who return later than that.

    Examples
    --------
    >>> from custval.segments import movement_counts
    >>> movement_counts([1, 1, 2], [2, None, 3]).exits
    array([[0., 1., 1.]])
    """

    month: IntArray
    opening: FloatArray
    joined: FloatArray
    causes: tuple[str, ...]
    exits: FloatArray
    rotational: FloatArray
    won_back: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each month, with ``exits_<cause>`` for each cause.

        Returns
        -------
        pandas.DataFrame
            The table that ``churn_rates`` takes. ``transfers_in`` is 0: a stay that begins by transfer has joined.
        """
        import pandas as pd

        table = pd.DataFrame({"month": self.month, "opening": self.opening, "joined": self.joined})
        for cause, count in zip(self.causes, self.exits, strict=True):
            table[f"exits_{cause}"] = count
        # every stay that ends leaves this table's base, by transfer too; a stay that a transfer begins has joined
        return table.assign(rotational=self.rotational, won_back=self.won_back, transfers_in=0.0)


@public("segments")
def movement_counts(
    start: ArrayLike,
    end: ArrayLike,
    *,
    cause: Any = None,
    person: Any = None,
    rotation_months: int = 3,
    first: int | None = None,
    last: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> MovementCounts:
    """Return who was there, joined, left and came back in each month.

    Parameters
    ----------
    start : array of shape (n,)
        Month in which the stay begins, whole numbers.
    end : array of shape (n,)
        Month in which the customer leaves, >= `start`; missing (None or NaN) for those still there.
    cause : array of shape (n,), optional
        Cause of each departure; None counts all as ``left``.
    person : array of shape (n,), optional
        Who stands behind each stay, equal for the stays of one person; needed for rotational and won-back counts.
    rotation_months : int, default 3
        Who subscribes again within this many months of leaving is rotational, later won back; >= 0. Of the last months
        it cannot be known yet who will come back.
    first, last : int, optional
        Months to count; None takes the first start and the last month seen.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for, so that a table of distinct stays gives the same counts.

    Returns
    -------
    MovementCounts
        Counts by month.

    Raises
    ------
    InputError
        If a stay ends before it begins, a month is no whole number, or a departure has no cause.

    Examples
    --------
    >>> from custval.segments import movement_counts
    >>> counts = movement_counts([1, 1, 1, 4], [3, None, 2, None], person=["a", "b", "c", "a"])
    >>> counts.rotational, counts.won_back
    (array([0., 0., 1., 0.]), array([0., 0., 0., 0.]))
    """
    begin, finish, here = read_stays(start, end)
    weight = sample_weight_array(sample_weight, len(begin))
    low = int(begin.min()) if first is None else check_whole(first, "first")
    high = int(max(begin.max(), finish[~here].max() if not here.all() else low)) if last is None else 0
    high = high if last is None else check_whole(last, "last", low=low)
    months = np.arange(low, high + 1)
    codes, causes = _causes(cause, here)
    again, returned = _returns(begin, finish, here, person, check_whole(rotation_months, "rotation_months", low=0))

    def by_month(month: IntArray, who: BoolArray) -> FloatArray:
        inside = who & (month >= low) & (month <= high)
        sums = np.bincount(month[inside] - low, weights=weight[inside], minlength=len(months))
        return np.asarray(sums, dtype=np.float64)

    everybody = np.ones(len(begin), dtype=bool)
    joined, left = by_month(begin, everybody), by_month(finish, ~here)
    before = float(weight[(begin < low) & (here | (finish >= low))].sum())
    return MovementCounts(
        month=frozen(months),
        opening=frozen(before + np.append(0.0, (joined - left).cumsum()[:-1])),
        joined=frozen(joined),
        causes=causes,
        exits=frozen(np.array([by_month(finish, ~here & (codes == k)) for k in range(len(causes))])),
        rotational=frozen(by_month(finish, again)),
        won_back=frozen(by_month(begin, returned)),
    )


def read_stays(start: ArrayLike, end: ArrayLike) -> tuple[IntArray, IntArray, BoolArray]:
    """Return the months of joining and leaving (0 where unknown) and who is still there."""
    begin = float_array(start, "start")
    if len(begin) == 0:
        raise InputError("start is empty; at least one stay is needed")
    check_rows(begin == np.floor(begin), begin, name="start", rule="be a whole month")
    check_length(end, len(begin), name="end", other="start")
    finish, here = _ends(end)
    check_rows(finish == np.floor(finish), finish, name="end", rule="be a whole month, or missing")
    fix = "swap the two, or leave end empty"
    check_rows(here | (finish >= begin), finish, name="end", rule="be at or after start", fix=fix)
    return begin.astype(np.int64), finish.astype(np.int64), here


def _ends(end: Any) -> tuple[FloatArray, BoolArray]:
    """Return the month of leaving, 0 where it is missing, and where it is."""
    values = np.asarray(end)
    if values.dtype == object:
        gone = np.array([is_missing(value) for value in values.tolist()], dtype=bool)
    else:
        gone = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    filled = np.where(gone, 0.0, values) if gone.any() else values
    return float_array(filled, "end"), gone


def _causes(cause: Any, here: BoolArray) -> tuple[IntArray, tuple[str, ...]]:
    """Return the code of each departure's cause; those who are still there have none."""
    if cause is None:
        return np.zeros(len(here), dtype=np.int64), ("left",)
    check_length(cause, len(here), name="cause", other="start")
    codes = np.zeros(len(here), dtype=np.int64)
    left = np.flatnonzero(~here)
    if not len(left):
        return codes, ("left",)
    codes[left], names = label_codes(np.asarray(cause, dtype=object)[left], name="cause", rows=left)
    return codes, names


def _returns(
    begin: IntArray, finish: IntArray, here: BoolArray, person: Any, window: int
) -> tuple[BoolArray, BoolArray]:
    """Return which departures come back within the window, and which stays begin after a longer absence."""
    again, returned = np.zeros(len(begin), dtype=bool), np.zeros(len(begin), dtype=bool)
    if person is None:
        return again, returned
    check_length(person, len(begin), name="person", other="start")
    who, _ = label_codes(person, name="person")
    order = np.lexsort((begin, who))
    one, two = order[:-1], order[1:]
    same = who[one] == who[two]
    overlap = same & (here[one] | (finish[one] > begin[two]))
    # two lines of one person at a time are two customers, not a return
    away = np.where(same & ~overlap, begin[two] - finish[one], -1)
    again[one] = (away >= 0) & (away <= window)
    returned[two] = away > window
    return again, returned
