"""Events that come again: complaints, suspensions, top-ups. How many by when, and rows for models of the next one.

The mean cumulative function is the expected number of events of a customer by each time, ``M(t) = sum d(u) / Y(u)``
with d events among Y watched customers, whatever the dependence of one customer's events; its variance sums the
squares of what each customer moves it by.

References
----------
Lawless and Nadeau (1995), Some simple robust methods for the analysis of recurrent events, Technometrics 37, 158-168.
Andersen and Gill (1982), Cox's regression model for counting processes, Annals of Statistics 10, 1100-1120.
Prentice, Williams and Peterson (1981), On the regression analysis of multivariate failure time data, Biometrika 68,
373-379.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice, check_length, check_rows, check_scalar, float_array
from custval._survival.curves import refuse_beyond
from custval._survival.intervals import hazard_bounds
from custval._survival.target import structured

__all__ = ("EventRows", "MeanCumulativeFunction", "mean_cumulative_function", "recurrent_rows")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class MeanCumulativeFunction(Result):
    """Expected number of events of a customer by each time.

    Attributes
    ----------
    times : ndarray of shape (m,)
        Times of events.
    mean : ndarray of shape (m,)
        Expected number of events up to each time.
    std_error : ndarray of shape (m,)
        Robust standard errors.
    lower, upper : ndarray of shape (m,)
        Bounds, symmetric on the log scale.
    at_risk, events : ndarray of shape (m,)
        Customers watched, and events, at each time.
    conf_level : float
        Coverage of the bounds at each time.
    time_unit : str
        Unit of the times.
    last_time : float
        Last look at any customer; what comes after it is not known, and refused.

    Examples
    --------
    >>> from custval.survival import mean_cumulative_function
    >>> found = mean_cumulative_function([10, 10, 6, 4], [0, 0, 1, 2], [2, 5, 3, 5])
    >>> found.mean.round(3).tolist()
    [0.25, 0.5, 1.167]
    """

    times: FloatArray
    mean: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    at_risk: FloatArray
    events: FloatArray
    conf_level: float
    time_unit: str
    last_time: float

    def at(self, times: ArrayLike) -> FloatArray:
        """Return the expected number of events up to `times` (H,)."""
        when = float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0)
        refuse_beyond(when, self.last_time, self.time_unit, fix="")
        return np.asarray(np.append(0.0, self.mean)[np.searchsorted(self.times, when, side="right")])


@public("survival")
def mean_cumulative_function(
    follow_up: ArrayLike,
    customer: ArrayLike,
    time: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    conf_level: float = 0.95,
    time_unit: str = "month",
) -> MeanCumulativeFunction:
    """Return the expected number of events of a customer by each time.

    Parameters
    ----------
    follow_up : array_like of shape (n,)
        Time until which each customer was watched, > 0.
    customer : array_like of int, shape (e,)
        Row of `follow_up` to which each event belongs, counted from 0.
    time : array_like of shape (e,)
        Time of each event, up to the customer's `follow_up`.
    entry : array_like of shape (n,), optional
        Time from which each customer was watched. None: 0.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.
    time_unit : str, default "month"
        Unit of the times.

    Returns
    -------
    MeanCumulativeFunction
        Mean, standard error and bounds at the times of events.

    Raises
    ------
    InputError
        For events of customers that are not there, or outside the time watched.

    References
    ----------
    Lawless and Nadeau (1995), Technometrics 37, 158-168, equation 2.3.

    Examples
    --------
    >>> from custval.survival import mean_cumulative_function
    >>> complaints = mean_cumulative_function([12, 12, 8], [0, 0, 2], [3, 7, 5])
    >>> complaints.at(12).round(2).tolist()
    [1.0]
    """
    end, since, who, when = _checked(follow_up, customer, time, entry)
    level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
    times = np.unique(when)
    first, last = np.searchsorted(times, since, side="right"), np.searchsorted(times, end, side="right")
    size = len(times) + 1
    there = np.cumsum(np.bincount(first, minlength=size) - np.bincount(last, minlength=size))[:-1].astype(np.float64)
    place = np.searchsorted(times, when)
    events = np.bincount(place, minlength=len(times)).astype(np.float64)
    mean = np.cumsum(events / there)
    error = np.sqrt(_variance(mean, events, there, (first, last, who, place)))
    lower, upper = hazard_bounds(mean, error, np.ones(len(mean), dtype=bool), conf_level=level, conf_type="log")
    return MeanCumulativeFunction(
        times=frozen(times),
        mean=frozen(mean),
        std_error=frozen(error),
        lower=lower,
        upper=upper,
        at_risk=frozen(there),
        events=frozen(events),
        conf_level=level,
        time_unit=time_unit,
        last_time=float(end.max()),
    )


def _variance(
    mean: FloatArray, events: FloatArray, there: FloatArray, rows: tuple[IntArray, IntArray, IntArray, IntArray]
) -> FloatArray:
    """Return the sum over customers of the square of what each moves the mean by, (m,), without a customer-time table.

    A customer moves it by ``sum 1/Y`` over own events less ``sum d / Y^2`` over the time watched. At time t the square
    of that grows by ``2 U dU + dU^2``; what moves all those watched alike is summed for them together.
    """
    first, last, who, place = rows
    m, n = len(mean), len(first)
    drift = events / there**2
    total, U, square = np.zeros(n), 0.0, np.empty(m)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(m + 1))
    for t in range(m):
        watched = (first <= t) & (t < last)
        total[watched] -= drift[t]
        np.add.at(total, who[order[starts[t] : starts[t + 1]]], 1.0 / there[t])
        U = float(total @ total)
        square[t] = U
    return square


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class EventRows(Result):
    """Rows for models of recurrent events: one for each stretch between events.

    Attributes
    ----------
    y : ndarray of shape (r,)
        Structured target: entry, duration, event.
    customer : ndarray of int, shape (r,)
        Row of the customer; for ``cluster=``, and to take the customers' columns.
    order : ndarray of int, shape (r,)
        1 for the stretch up to the first event, 2 up to the second, ...; for ``strata=``.

    Examples
    --------
    >>> from custval.survival import recurrent_rows
    >>> rows = recurrent_rows([10, 6], [0, 0], [2, 5])
    >>> rows.y.tolist(), rows.order.tolist()
    ([(0.0, 2.0, 1), (2.0, 5.0, 1), (5.0, 10.0, 0), (0.0, 6.0, 0)], [1, 2, 3, 1])
    """

    y: Any
    customer: IntArray
    order: IntArray


@public("survival")
def recurrent_rows(
    follow_up: ArrayLike,
    customer: ArrayLike,
    time: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    clock: str = "forward",
    time_unit: str = "month",
) -> EventRows:
    """Return the rows that :class:`CoxPH` takes for recurrent events.

    Andersen-Gill: ``CoxPH().fit(X[rows.customer], rows.y, cluster=rows.customer)``. Prentice-Williams-Peterson: the
    same with ``strata=rows.order``, on time since joining, or with ``clock="reset"`` on time since the last event.

    Parameters
    ----------
    follow_up : array_like of shape (n,)
        Time until which each customer was watched, > 0.
    customer : array_like of int, shape (e,)
        Row of `follow_up` to which each event belongs, counted from 0.
    time : array_like of shape (e,)
        Time of each event, up to the customer's `follow_up`; no two at one time.
    entry : array_like of shape (n,), optional
        Time from which each customer was watched. None: 0.
    clock : {"forward", "reset"}, default "forward"
        Whether time goes on, or starts anew after each event.
    time_unit : str, default "month"
        Unit of the times.

    Returns
    -------
    EventRows
        Target, customer and order of each row.

    Raises
    ------
    InputError
        For events of customers that are not there, outside the time watched, or twice at one time.

    References
    ----------
    Andersen and Gill (1982), Annals of Statistics 10, 1100-1120.
    Prentice, Williams and Peterson (1981), Biometrika 68, 373-379.

    Examples
    --------
    >>> from custval.survival import CoxPH, recurrent_rows
    >>> rows = recurrent_rows([10, 6, 9, 8], [0, 0, 1, 3], [2, 5, 3, 7])
    >>> fee = [[30.0], [20.0], [20.0], [25.0]]
    >>> X = [fee[i] for i in rows.customer]
    >>> CoxPH().fit(X, rows.y, cluster=rows.customer).coef_.round(2).tolist()
    [0.13]
    """
    check_choice(clock, "clock", ("forward", "reset"))
    end, since, who, when = _checked(follow_up, customer, time, entry)
    # the end of the watching closes the last stretch, unless an event does
    closed = np.zeros(len(end), dtype=bool)
    closed[who[when == end[who]]] = True
    rest = np.flatnonzero(~closed)
    row = np.concatenate([who, rest])
    stop = np.concatenate([when, end[rest]])
    event = np.repeat([1, 0], [len(who), len(rest)])
    order = np.lexsort((stop, row))
    row, stop, event = row[order], stop[order], event[order]
    begins = np.append(True, row[1:] != row[:-1])
    start = np.where(begins, since[row], np.append(0.0, stop[:-1]))
    twice = stop > start
    check_rows(twice, stop, name="time", rule="differ between events of a customer", fix="count them as one")
    index = np.arange(len(row))
    number = index - np.maximum.accumulate(np.where(begins, index, 0)) + 1
    if clock == "reset":
        gap = np.where(number > 1, 0.0, start)
        # without the last bits, so that equal gaps are equal
        start, stop = gap, np.round(stop - np.where(number > 1, start, 0.0), 9)
    y = structured(start, stop, event, causes=("event",), time_unit=time_unit)
    return EventRows(y=frozen(y), customer=frozen(row), order=frozen(number))


def _checked(
    follow_up: Any, customer: Any, time: Any, entry: Any
) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    end = float_array(follow_up, "follow_up", low=0.0, low_open=True)
    if not len(end):
        raise InputError("follow_up has no rows; at least one customer is needed")
    since = np.zeros(len(end)) if entry is None else float_array(entry, "entry", low=0.0)
    check_length(since, len(end), name="entry", other="follow_up")
    check_rows(since < end, since, name="entry", rule="come before follow_up")
    who = float_array(customer, "customer", low=0.0)
    inside = (who == np.floor(who)) & (who < len(end))
    check_rows(inside, who, name="customer", rule=f"be a row of follow_up, 0 to {len(end) - 1}")
    when = float_array(time, "time", low=0.0, low_open=True)
    check_length(when, len(who), name="time", other="customer")
    rows = who.astype(np.int64)
    watched = (when > since[rows]) & (when <= end[rows])
    check_rows(watched, when, name="time", rule="lie within the time the customer was watched")
    if not len(when):
        raise InputError("there are no events; the mean number of events is 0 throughout")
    return end, since, rows, when
