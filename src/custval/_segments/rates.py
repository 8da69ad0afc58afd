"""How many leave? The churn rates that boards read, each by its definition, with its interval.

opening base    departures of the month / customers at its start
average base    departures of the month / mean of the customers at its start and end
annualised      share lost in a year at this monthly rate: 1 - (1 - r)^12
by cause        departures of one cause / customers at the start
net             departures less those who come back (rotational, won back) / customers at the start

A transfer within the operator is not a loss: it is shown by itself and is in no rate but its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.frames import column, column_names
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, FloatArray, IntArray
from custval._core.validation import check_rows, check_scalar, float_array
from custval._segments.shares import level_of, poisson_interval, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("ChurnRates", "churn_rates")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class ChurnRates(Result):
    """One row for each month; arrays have shape (m,), those by cause (K, m).

    Attributes
    ----------
    month : ndarray of int
        The months, rising.
    opening, closing, joined, lost : ndarray
        Customers at the start and at the end, newcomers, departures (transfers are not among them).
    transferred : ndarray
        Customers who moved to another plan, network or brand of the operator.
    net_adds : ndarray
        ``joined - lost``.
    opening_rate, opening_rate_lower, opening_rate_upper : ndarray
        ``lost / opening`` with Wilson's interval (the exact Poisson one where more leave than were there at the start).
    average_rate, average_rate_lower, average_rate_upper : ndarray
        ``lost / ((opening + closing) / 2)`` with the exact Poisson interval.
    annual_rate, annual_rate_lower, annual_rate_upper : ndarray
        ``1 - (1 - opening_rate) ** periods``: what is lost in a year of such months.
    net_rate, net_rate_lower, net_rate_upper : ndarray
        ``(lost - rotational - won_back) / opening``; below 0 where more return than leave.
    causes : tuple of K str
        Causes, transfers among them.
    rate_by_cause, rate_by_cause_lower, rate_by_cause_upper : ndarray of shape (K, m)
        Departures of each cause / opening, with Wilson's interval.
    periods : float
        Months of a year (12), or weeks (52), as given.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import churn_rates
    >>> rates = churn_rates({"opening": [1000.0], "joined": [30.0], "exits_voluntary": [18.0], "exits_debt": [2.0]})
    >>> rates.opening_rate, rates.net_adds, rates.annual_rate.round(3)
    (array([0.02]), array([10.]), array([0.215]))
    """

    month: IntArray
    opening: FloatArray
    closing: FloatArray
    joined: FloatArray
    lost: FloatArray
    transferred: FloatArray
    net_adds: FloatArray
    opening_rate: FloatArray
    opening_rate_lower: FloatArray
    opening_rate_upper: FloatArray
    average_rate: FloatArray
    average_rate_lower: FloatArray
    average_rate_upper: FloatArray
    annual_rate: FloatArray
    annual_rate_lower: FloatArray
    annual_rate_upper: FloatArray
    net_rate: FloatArray
    net_rate_lower: FloatArray
    net_rate_upper: FloatArray
    causes: tuple[str, ...]
    rate_by_cause: FloatArray
    rate_by_cause_lower: FloatArray
    rate_by_cause_upper: FloatArray
    periods: float
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each month, with ``rate_<cause>`` and its bounds for each cause.

        Returns
        -------
        pandas.DataFrame
            The fields by name.
        """
        import pandas as pd

        columns = {name: getattr(self, name) for name in self.__slots__}
        shown = {name: value for name, value in columns.items() if isinstance(value, np.ndarray) and value.ndim == 1}
        for position, cause in enumerate(self.causes):
            for end in ("", "_lower", "_upper"):
                shown[f"rate_{cause}{end}"] = columns[f"rate_by_cause{end}"][position]
        return pd.DataFrame({name: list(value) for name, value in shown.items()})


@public("segments")
def churn_rates(
    table: AnyFrame,
    *,
    transfer: Sequence[str] = ("transfer",),
    pooled: bool = False,
    periods: float = 12.0,
    conf_level: float = 0.95,
) -> ChurnRates:
    """Return the churn rates of each month from a table of counts.

    Parameters
    ----------
    table : frame or mapping, one row for each month
        ``opening`` (customers at the start, > 0), ``joined``, ``exits_<cause>`` for each cause and, optionally,
        ``month`` (whole numbers), ``rotational`` (of the exits: those who leave and come back for a newcomer's offer),
        ``won_back`` (of those who joined: former customers who return later) and ``transfers_in`` (None: as many as
        transfer out, so that the base is that of the whole operator). ``movement_counts`` makes it from spells.
    transfer : sequence of str, default ("transfer",)
        Causes that stay with the operator: in no rate of loss.
    pooled : bool, default False
        One row for all months together: customer-months at the start, all departures.
    periods : float, default 12
        Rows in a year, > 0.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    ChurnRates
        Counts and rates with intervals.

    Raises
    ------
    InputError
        If a column is missing, a count is negative, or more leave than could.

    Warns
    -----
    DataWarning
        Where months are missing, or the base at the start of a month is not that at the end of the month before.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, the interval of a share; Garwood, F. (1936), Biometrika 28, that of a count.

    Examples
    --------
    >>> from custval.segments import churn_rates
    >>> counts = {"month": [1, 2], "opening": [500, 490], "joined": [5, 8], "exits_voluntary": [15, 9]}
    >>> churn_rates(counts).to_frame()[["month", "opening_rate", "average_rate"]].round(4)
       month  opening_rate  average_rate
    0      1        0.0300        0.0303
    1      2        0.0184        0.0184
    >>> churn_rates(counts, pooled=True).opening_rate.round(4)
    array([0.0242])
    """
    level = level_of(conf_level)
    year = check_scalar(periods, "periods", low=0.0, low_open=True)
    counts = _counts(table)
    causes = [name.removeprefix("exits_") for name in counts if name.startswith("exits_")]
    if not causes:
        raise InputError("there is no column of departures; name it exits_<cause>, such as exits_voluntary")
    stays = [cause in transfer for cause in causes]
    exits = np.array([counts[f"exits_{cause}"] for cause in causes])
    month = counts["month"].astype(np.int64)
    moved = exits[stays].sum(axis=0)
    lost = exits.sum(axis=0) - moved
    counts.setdefault("transfers_in", moved)  # what transfers out of one plan comes into another
    closing = counts["opening"] + counts["joined"] + counts["transfers_in"] - lost - moved
    _check_flows(counts, lost, closing)
    _warn_of_gaps(month, counts["opening"], closing)
    back = sum((counts[name] for name in ("rotational", "won_back") if name in counts), np.zeros(len(lost)))
    sums = [counts["opening"], closing, counts["joined"], lost, moved, back]
    if pooled:
        month, exits, sums = month[:1], exits.sum(axis=1, keepdims=True), [s.sum(keepdims=True) for s in sums]
    return _rates(month, causes=tuple(causes), exits=exits, sums=sums, year=year, level=level)


def _rates(
    month: IntArray,
    *,
    causes: tuple[str, ...],
    exits: FloatArray,
    sums: Sequence[FloatArray],
    year: float,
    level: float,
) -> ChurnRates:
    opening, closing, joined, lost, moved, back = sums
    found: dict[str, FloatArray] = {}
    found |= _with_ends("opening_rate", lost / opening, _of_opening(lost, opening, level))
    average = (opening + closing) / 2.0
    low, high = poisson_interval(lost, level)
    found |= _with_ends("average_rate", lost / average, (low / average, high / average))
    for end in ("", "_lower", "_upper"):
        found[f"annual_rate{end}"] = 1.0 - np.maximum(1.0 - found[f"opening_rate{end}"], 0.0) ** year
    # the returned are known customers; what is uncertain is how many leave
    net = [(found[f"opening_rate{end}"] - back / opening) for end in ("", "_lower", "_upper")]
    found |= _with_ends("net_rate", net[0], (net[1], net[2]))
    lower, upper = _of_opening(exits, np.broadcast_to(opening, exits.shape), level)
    return ChurnRates(
        month=frozen(month),
        opening=frozen(opening),
        closing=frozen(closing),
        joined=frozen(joined),
        lost=frozen(lost),
        transferred=frozen(moved),
        net_adds=frozen(joined - lost),
        causes=causes,
        rate_by_cause=frozen(exits / opening),
        rate_by_cause_lower=frozen(lower),
        rate_by_cause_upper=frozen(upper),
        periods=year,
        conf_level=level,
        **{name: frozen(value) for name, value in found.items()},
    )


def _with_ends(name: str, rate: FloatArray, ends: tuple[FloatArray, FloatArray]) -> dict[str, FloatArray]:
    return {name: rate, f"{name}_lower": ends[0], f"{name}_upper": ends[1]}


def _of_opening(count: FloatArray, opening: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's bounds, or Poisson's where newcomers leave too and there are more departures than customers."""
    many = count > opening
    low, high = wilson_interval(np.minimum(count, opening), opening, level)
    least, most = poisson_interval(count, level)
    return np.where(many, least / opening, low), np.where(many, most / opening, high)


def _counts(table: AnyFrame) -> dict[str, FloatArray]:
    """Return the columns of counts that are known here."""
    source: Any = table.to_frame() if isinstance(table, Result) else table
    names = column_names(source)
    wanted = ["opening", "joined", *(name for name in names if name.startswith("exits_"))]
    wanted += [name for name in ("rotational", "won_back", "transfers_in") if name in names]
    counts = {name: float_array(column(source, name), f"column {name!r}", low=0.0) for name in wanted}
    rows = len(counts["opening"])
    if rows == 0:
        raise InputError("the table of counts is empty; at least one month is needed")
    check_rows(
        counts["opening"] > 0, counts["opening"], name="opening", rule="be > 0", fix="drop months without a base"
    )
    month = float_array(column(source, "month"), "column 'month'") if "month" in names else np.arange(1.0, rows + 1)
    check_rows(month == np.floor(month), month, name="month", rule="be a whole number")
    order = np.argsort(month, kind="stable")
    if len(np.unique(month)) < rows:
        twice = float(month[order][1:][np.diff(month[order]) == 0][0])
        raise InputError(f"month {twice:g} stands in more than one row; add the rows of a month up first")
    return {"month": month[order], **{name: values[order] for name, values in counts.items()}}


def _check_flows(counts: dict[str, FloatArray], lost: FloatArray, closing: FloatArray) -> None:
    fix = "opening + joined must cover all who leave"
    check_rows(closing >= 0, closing, name="customers at the end of the month", rule="be >= 0", fix=fix)
    for name, most, word in (("rotational", lost, "who leave"), ("won_back", counts["joined"], "who join")):
        if name in counts:
            check_rows(counts[name] <= most, counts[name], name=name, rule=f"be at most those {word}")


def _warn_of_gaps(month: IntArray, opening: FloatArray, closing: FloatArray) -> None:
    step = np.diff(month)
    if (step > 1).any():
        first = int(np.flatnonzero(step > 1)[0])
        warn(f"{int((step - 1).sum())} months are missing (first: {month[first] + 1}); the rates are of those given")
    follows = step == 1
    off = follows & ~np.isclose(opening[1:], closing[:-1], rtol=1e-9, atol=1e-9)
    if off.any():
        first = int(np.flatnonzero(off)[0])
        warn(
            f"in {int(off.sum())} months the base at the start is not that at the end of the month before "
            f"(first: month {month[first + 1]}, {opening[first + 1]:g} after {closing[first]:g}); is a flow left out?"
        )
