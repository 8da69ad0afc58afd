"""What is dropped before customers leave? Rates of leaving after dropping an item, by cause, against all other time.

Only time at risk is compared, so customers who are still here count for what they show and no more. Dropping an item
on the very day of leaving is part of leaving: take such rows out beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.coding import code_customers, is_missing
from custval._assoc.events import read_events
from custval._assoc.fisher import adjusted_p
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column
from custval._core.results import Result, frozen, jsonable
from custval._core.typing import FloatArray, IntArray
from custval._core.validation import check_scalar, float_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("RemovalRates", "removal_rates")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class RemovalRates(Result):
    """How much sooner customers leave after dropping an item, by cause; highest ratio first.

    Attributes
    ----------
    item : tuple
        The item dropped.
    cause : tuple
        Why customers left.
    departures, exposure : ndarray of float64, shape (k,)
        Departures within the window after dropping the item, and the time at risk in those windows.
    other_departures, other_exposure : ndarray of float64, shape (k,)
        The same for all other time of all customers.
    ratio, lower, upper : ndarray of float64, shape (k,)
        Ratio of the two rates, with its exact interval; inf where nobody else left.
    p_value, p_adjusted : ndarray of float64, shape (k,)
        One-sided exact test of a ratio above 1, and after Benjamini-Hochberg over all items and causes.

    Examples
    --------
    >>> from custval.assoc import removal_rates
    >>> removed = {"subscriber_id": [1, 2], "item": ["tv", "tv"], "time": [5.0, 8.0]}
    >>> why = ["price", "price", None]
    >>> stays = {"subscriber_id": [1, 2, 3], "start": [0.0] * 3, "end": [6.0, 9.0, 24.0], "cause": why}
    >>> found = removal_rates(removed, stays, window=3.0)
    >>> found.item[0], found.departures.tolist(), found.exposure.tolist()
    ('tv', [2.0], [2.0])
    """

    item: tuple[Any, ...]
    cause: tuple[Any, ...]
    departures: FloatArray
    exposure: FloatArray
    other_departures: FloatArray
    other_exposure: FloatArray
    ratio: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_value: FloatArray
    p_adjusted: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each item and cause.

        Returns
        -------
        pandas.DataFrame
            One column for each attribute.

        Examples
        --------
        >>> from custval.assoc import removal_rates
        >>> removed = {"subscriber_id": [1], "item": ["tv"], "time": [5.0]}
        >>> stays = {"subscriber_id": [1, 3], "start": [0.0] * 2, "end": [6.0, 24.0], "cause": ["price", None]}
        >>> removal_rates(removed, stays, window=3.0).to_frame()["cause"].tolist()
        ['price']
        """
        import pandas as pd

        names = [name for name in self.__slots__ if name not in {"item", "cause"}]
        sides = {name: pd.Series(list(getattr(self, name)), dtype=object) for name in ("item", "cause")}
        return pd.DataFrame({**sides, **{name: jsonable(getattr(self, name).tolist()) for name in names}})


@public("assoc")
def removal_rates(
    removals: Any,
    stays: Any,
    *,
    window: float,
    conf_level: float = 0.95,
    customer: str = "subscriber_id",
    item: str = "item",
    time: str = "time",
    start: str = "start",
    end: str = "end",
    cause: str = "cause",
) -> RemovalRates:
    """Say how much more often customers leave within a window after dropping an item than at any other time.

    Time at risk is counted, so customers who are still here (censored) and those who joined late are not mistaken for
    loyal ones. A customer is in the window from dropping the item until `window` later or the end.

    Parameters
    ----------
    removals : frame
        One row for each item dropped: customer, item, time.
    stays : frame
        One row for each customer: start, end (of the stay or of what was observed) and cause (missing: still here).
    window : float
        How long after dropping an item, > 0, in the unit of the times.
    conf_level : float
        Level of the interval of the ratio, in (0, 1).
    customer, item, time, start, end, cause : str
        Columns of the tables.

    Returns
    -------
    RemovalRates
        Rate ratios by item and cause.

    Raises
    ------
    InputError
        An end before its start, a customer with two stays, a removal of a customer without a stay or outside of it,
        nobody who left.

    References
    ----------
    Przyborowski & Wilenski (1940), Homogeneity of results in testing samples from Poisson series (exact test and
    interval, conditional on the total).

    Examples
    --------
    >>> from custval.assoc import removal_rates
    >>> removed = {"subscriber_id": [1, 2], "item": ["tv", "tv"], "time": [5.0, 8.0]}
    >>> why = ["price", "price", None]
    >>> stays = {"subscriber_id": [1, 2, 3], "start": [0.0] * 3, "end": [6.0, 9.0, 24.0], "cause": why}
    >>> float(removal_rates(removed, stays, window=3.0).p_value[0]) < 0.01
    True
    """
    width = check_scalar(window, "window", low=0.0, low_open=True)
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    base = _Stays(stays, customer, start, end, cause)
    data = read_events(removals, customer=customer, item=item, time=time, window=0.0)
    names = _customers(removals, customer)
    place = base.rows(names)
    rows = []
    for code, label in enumerate(data.items):
        at = data.step[data.code == code]
        owner, moment = place[data.step_customer[at]], data.step_time[at]
        base.check_inside(owner, moment)
        rows += [(label, *row) for row in base.rates(owner, moment, width)]
    return _rates(rows, level)


def _customers(frame: Any, customer: str) -> list[Any]:
    """Return customers in the order of their numbers in ``read_events``."""
    owner, n = code_customers(frame, customer)
    values = np.asarray(column(frame, customer))
    names: list[Any] = [None] * n
    for code, value in zip(owner.tolist(), values.tolist(), strict=True):
        names[code] = value
    return names


class _Stays:
    """Time at risk of all customers, and why they left."""

    def __init__(self, frame: Any, customer: str, start: str, end: str, cause: str) -> None:
        self.begin, self.end = float_array(column(frame, start), start), float_array(column(frame, end), end)
        bad = np.flatnonzero(self.end < self.begin)
        if bad.size:
            raise InputError(f"{end} must not lie before {start} but {bad.size} rows do (first: row {bad[0]})")
        names = np.asarray(column(frame, customer)).tolist()
        self.place = {name: row for row, name in enumerate(names)}
        if len(self.place) != len(names):
            raise InputError(f"each customer needs one stay but {len(names) - len(self.place)} rows repeat one")
        causes = np.asarray(column(frame, cause), dtype=object).tolist()
        self.cause = [None if is_missing(value) else value for value in causes]
        self.causes = sorted({value for value in self.cause if value is not None}, key=str)
        if not self.causes:
            raise InputError(f"nobody left: column {cause!r} is missing in every row; removal rates need departures")
        self.total = float((self.end - self.begin).sum())

    def rows(self, names: list[Any]) -> IntArray:
        missing = [name for name in names if name not in self.place]
        if missing:
            raise InputError(f"{len(missing)} of {len(names)} customers who dropped an item have no row in stays")
        return np.array([self.place[name] for name in names], dtype=np.int64)

    def check_inside(self, owner: IntArray, moment: FloatArray) -> None:
        outside = int(np.sum((moment < self.begin[owner]) | (moment > self.end[owner])))
        if outside:
            raise InputError(f"{outside} removals lie outside the stay of their customer; mend the dates or drop them")

    def rates(self, owner: IntArray, moment: FloatArray, width: float) -> list[tuple[Any, float, float, float, float]]:
        """Return (cause, departures, exposure, other departures, other exposure) of one item."""
        last = np.append(owner[1:] != owner[:-1], True)  # removals of a customer rise in time
        until = np.minimum(self.end[owner], moment + width)
        # windows of one customer that overlap count once
        following = np.where(last, np.inf, np.append(moment[1:], np.inf))
        exposure = float(np.maximum(0.0, np.minimum(until, following) - moment).sum())
        inside = owner[last][(self.end[owner] <= moment + width)[last]]
        found = []
        for value in self.causes:
            inner = float(sum(self.cause[row] == value for row in inside.tolist()))
            whole = float(sum(reason == value for reason in self.cause))
            found.append((value, inner, exposure, whole - inner, self.total - exposure))
        return found


def _rates(rows: list[tuple[Any, ...]], level: float) -> RemovalRates:
    from scipy.special import bdtrc, betaincinv

    numbers = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), 4)
    inside, exposure, outside, other = numbers.T
    total, part = inside + outside, exposure / np.maximum(exposure + other, 1e-300)
    # given the total, departures inside are binomial with chance ratio * part / (ratio * part + 1 - part)
    p = np.where(inside > 0, bdtrc(np.maximum(inside - 1, 0), total.astype(np.int64), part), 1.0)
    tail = (1 - level) / 2
    low = np.where(inside > 0, betaincinv(np.maximum(inside, 1), outside + 1, tail), 0.0)
    high = np.where(outside > 0, betaincinv(inside + 1, np.maximum(outside, 1), 1 - tail), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(exposure > 0, other / exposure, 0.0)
        ratio = np.where(outside > 0, inside / np.maximum(outside, 1e-300) * scale, np.where(inside > 0, np.inf, 1.0))
        lower = low / (1 - low) * scale
        upper = np.where(high < 1, high / (1 - high) * scale, np.inf)
    order = np.lexsort((p, -ratio))
    adjusted = adjusted_p(p)
    columns = (inside, exposure, outside, other, ratio, lower, upper, p, adjusted)
    return RemovalRates(
        tuple(rows[i][0] for i in order.tolist()),
        tuple(rows[i][1] for i in order.tolist()),
        *(frozen(np.asarray(values[order])) for values in columns),
    )
