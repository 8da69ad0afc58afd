"""From a list of purchases to frequency, recency and age, on the engine where the list lives.

Time is counted backwards in whole periods from the end of observation, so that equal customers fall together and
the end is the same for all. Purchases of one customer in one period are one. One Narwhals source runs on pandas,
Polars, Arrow, DuckDB and Spark; only the summary, a row for each customer, comes back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._clv.levels import Levels
from custval._clv.purchases import read_purchases
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_choice, nearest, sample_weight_array

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

__all__ = ("DAYS", "PurchaseSummary", "day_number", "merged_purchases", "purchase_counts", "purchase_summary")

# the Gregorian year of 365.2425 days in twelve equal months
DAYS = {"day": 1.0, "week": 7.0, "month": 30.436875, "quarter": 91.310625, "year": 365.2425}
SECONDS = 86400.0


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class PurchaseSummary(Result):
    """Customers as the models of buying until leaving take them, with the unit and the end they were counted by.

    Attributes
    ----------
    table : frame
        A row for each customer: the identifier, ``frequency``, ``recency``, ``age``; with `amount` also ``mean_spend``
        (over repeat purchases), ``first_spend``, ``mean_log_spend`` and ``log_spend_squares``; with gaps ``log_gaps``;
        with a holdout ``holdout_frequency`` and, with `amount`, ``holdout_spend``.
    time_unit : str
        Unit of recency and age.
    merge : str
        Period within which purchases are one.
    end : str
        Last day of the calibration, as an ISO date.
    holdout : float or None
        Length of the holdout after it, in the unit.
    too_new : int
        Customers who were left out because they first bought within the last period: their age is 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from custval.clv import purchase_summary
    >>> days = pd.to_datetime(["2025-01-01", "2025-03-01", "2025-02-01"])
    >>> bought = pd.DataFrame({"customer": [1, 1, 2], "day": days})
    >>> made = purchase_summary(bought, time_unit="week", end="2025-03-31", customer="customer", time="day")
    >>> made.table[["frequency", "recency", "age"]].to_numpy().tolist()
    [[1.0, 8.0, 12.0], [0.0, 0.0, 8.0]]
    """

    table: Any
    time_unit: str
    merge: str
    end: str
    holdout: float | None
    too_new: int

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas frame."""
        import narwhals as nw

        made: pd.DataFrame = nw.from_native(self.table).to_pandas()
        return made

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.table)


@public("clv")
def purchase_summary(
    transactions: AnyFrame,
    *,
    time_unit: str,
    end: Any,
    customer: str = "subscriber_id",
    time: str = "event_time",
    amount: str | None = None,
    merge: str | None = None,
    holdout_end: Any = None,
    log_gaps: bool = False,
    keep_new: bool = False,
) -> PurchaseSummary:
    """Return frequency, recency and age of each customer from a list of purchases.

    Parameters
    ----------
    transactions : frame
        A row for each purchase; pandas, Polars (lazy too), Arrow, DuckDB or Spark.
    time_unit : {"day", "week", "month", "quarter", "year"}
        Unit of recency and age; a month is 30.436875 days.
    end : date
        Last day that counts for recency and age; later purchases are left out, or are the holdout.
    customer, time : str
        Columns with the identifier and with the moment of the purchase (dates, datetimes or epoch seconds).
    amount : str, optional
        Column with money, > 0.
    merge : str, optional
        Period within which purchases of a customer are one; None takes `time_unit`, which gives whole numbers and few
        different rows. ``"day"`` with weeks gives recency and age in sevenths.
    holdout_end : date, optional
        Last day of a holdout that begins the day after `end`.
    log_gaps : bool
        Whether to add the sum of the logarithms of the times between purchases, for :class:`BGCNBD`.
    keep_new : bool
        Whether to keep customers of age 0, whom models can score but not learn from.

    Returns
    -------
    PurchaseSummary
        The table in the kind of `transactions` (pandas for DuckDB and Spark), sorted by customer.

    Raises
    ------
    InputError
        If a column is missing, a date cannot be read, no purchase falls before `end`, or an amount is not positive.

    Examples
    --------
    >>> from custval.clv import purchase_summary
    >>> moments = [0, 86400, 20 * 86400, 86400]
    >>> bought = {"subscriber_id": [7, 7, 7, 8], "event_time": moments, "money": [5.0, 5.0, 9.0, 3.0]}
    >>> made = purchase_summary(bought, time_unit="day", end="1970-02-01", amount="money")
    >>> made.table["frequency"].tolist(), made.table["mean_spend"].tolist()
    ([2.0, 0.0], [7.0, 0.0])
    """
    check_choice(time_unit, "time_unit", DAYS)
    check_choice(merge or time_unit, "merge", DAYS)
    unit, period = DAYS[time_unit], DAYS[merge or time_unit]
    last, final = day_number(end, "end"), None if holdout_end is None else day_number(holdout_end, "holdout_end")
    if final is not None and final <= last:
        raise InputError(f"holdout_end ({holdout_end}) must come after end ({end})")
    frame = _lazy(transactions, [name for name in (customer, time, amount) if name is not None])
    bought = _merged(frame, customer, time, amount, last if final is None else final, last, period)
    columns = _totals(bought, amount is not None, log_gaps, final is not None)
    if not len(columns["first"]):
        raise InputError(f"no purchase falls on or before end ({end}); check the end and the unit of {time!r}")
    made = _columns(columns, period / unit, money=amount is not None, gaps=log_gaps, holdout=final is not None)
    new = made["age"] <= 0.0
    if not keep_new and new.any():
        made = {name: values[~new] for name, values in made.items()}
    table = {customer: made.pop("who"), **made}
    return PurchaseSummary(
        table=_native(transactions, table),
        time_unit=time_unit,
        merge=merge or time_unit,
        end=(dt.date(1970, 1, 1) + dt.timedelta(days=int(last))).isoformat(),
        holdout=None if final is None else (final - last) / unit,
        too_new=0 if keep_new else int(new.sum()),
    )


@public("clv")
def purchase_counts(X: AnyFrame, *, sample_weight: ArrayLike | None = None) -> dict[str, FloatArray]:
    """Return the different customers with how many there are of each: all that a fit needs.

    Parameters
    ----------
    X : frame, array of shape (n, 3) or PurchaseSummary
        ``frequency``, ``recency`` and ``age``.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    dict of str to ndarray of shape (L,)
        ``frequency``, ``recency``, ``age`` and ``customers``; fit with ``sample_weight=counts["customers"]``.

    Examples
    --------
    >>> from custval.clv import purchase_counts
    >>> purchase_counts([[1, 2, 9], [0, 0, 9], [1, 2, 9]])["customers"].tolist()
    [1.0, 2.0]
    """
    seen = read_purchases(X)
    weight = sample_weight_array(sample_weight, len(seen.x))
    levels = Levels.of(seen.x, seen.t_x, seen.T)
    first = levels.first
    return {
        "frequency": seen.x[first],
        "recency": seen.t_x[first],
        "age": seen.T[first],
        "customers": levels.totals(weight),
    }


def day_number(value: Any, name: str) -> float:
    """Return a date as days since 1970."""
    try:
        return float(np.datetime64(value, "D").astype(np.int64))
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a date such as '2025-06-30', not {value!r}") from None


def merged_purchases(
    transactions: Any, names: tuple[str, str], last: float, *, length: float, after: int
) -> tuple[IntArray, IntArray]:
    """Return when customers first bought, for those who did `after` periods before the end, and when they did again."""
    frame = _merged(_lazy(transactions, list(names)), *names, None, last, last, length)
    local = frame.select("who", "before").collect()
    _, who = np.unique(np.asarray(local.get_column("who").to_numpy()), return_inverse=True)
    before = np.asarray(local.get_column("before").to_numpy(), dtype=np.float64).astype(np.int64)
    first = np.full(int(who.max(initial=-1)) + 1, -1, dtype=np.int64)
    np.maximum.at(first, who, before)
    known = first >= max(after, 1)
    again = known[who] & (before < first[who])
    return first[known], before[again]


def _lazy(transactions: Any, needed: list[str]) -> nw.LazyFrame[Any]:
    import narwhals as nw

    if isinstance(transactions, Mapping):
        import pandas as pd

        transactions = pd.DataFrame({name: np.asarray(values) for name, values in transactions.items()})
    try:
        native = nw.from_native(transactions)
        # Arrow has no differences within groups
        frame: Any = nw.from_native(native.to_pandas()) if native.implementation.is_pyarrow() else native
        frame = frame.lazy()
    except TypeError:
        kind = type(transactions).__name__
        raise InputError(f"transactions must be a frame (pandas, Polars, Arrow, DuckDB, Spark), not {kind}") from None
    have = frame.collect_schema().names()
    for name in needed:
        if name not in have:
            raise InputError(f"transactions have no column {name!r}{nearest(name, have)}; they have {', '.join(have)}")
    lazy: nw.LazyFrame[Any] = frame
    return lazy


def _merged(frame: nw.LazyFrame[Any], customer: str, time: str, amount: str | None, *ends: float) -> nw.LazyFrame[Any]:
    """Return a row for each customer and period: how many periods before the end it lies (below 0: the holdout)."""
    import narwhals as nw

    final, last, period = ends
    kind = frame.collect_schema()[time]
    if kind.is_numeric():
        day = (nw.col(time).cast(nw.Float64) / SECONDS).floor()
    elif kind in (nw.Date, nw.Datetime):
        day = _days_since_epoch(nw.col(time))
    else:
        raise InputError(f"column {time!r} must hold dates, datetimes or epoch seconds, not {kind}")
    spent = nw.col(amount).cast(nw.Float64) if amount is not None else nw.lit(0.0)
    dated = frame.select(nw.col(customer).alias("who"), day.alias("day"), spent.alias("spent"))
    dated = dated.filter(nw.col("day") <= final)
    counted = dated.with_columns(((nw.lit(last) - nw.col("day")) / period).floor().alias("before"))
    return counted.group_by("who", "before").agg(nw.col("spent").sum(), nw.col("spent").min().alias("least"))


def _days_since_epoch(date: nw.Expr) -> nw.Expr:
    """Return whole days since 1970-01-01 from year, month and day: differences of times differ between engines."""
    import narwhals as nw

    year, month = date.dt.year().cast(nw.Float64), date.dt.month().cast(nw.Float64)
    # years begin in March, so that the leap day comes last (Fliegel and Van Flandern 1968)
    early = ((14.0 - month) / 12.0).floor()
    year, month = year + 4800.0 - early, month + 12.0 * early - 3.0
    days = ((153.0 * month + 2.0) / 5.0).floor() + 365.0 * year
    leaps = (year / 4.0).floor() - (year / 100.0).floor() + (year / 400.0).floor()
    return date.dt.day().cast(nw.Float64) + days + leaps - (32045.0 + 2440588.0)


def _totals(bought: nw.LazyFrame[Any], money: bool, gaps: bool, holdout: bool) -> dict[str, TextArray]:
    """Return, for each customer seen before the end, sums over their periods, sorted by customer."""
    import narwhals as nw

    known = bought.filter(nw.col("before") >= 0.0)
    first = known.group_by("who").agg(nw.col("before").max().alias("first"))
    joined = known.join(first, on="who", how="inner").with_columns(
        (nw.col("before") < nw.col("first")).cast(nw.Float64).alias("again")
    )
    wanted = [nw.col("again").sum().alias("x"), nw.col("before").min().alias("last"), nw.col("first").max()]
    if money:
        log = nw.when(nw.col("spent") > 0.0).then(nw.col("spent")).otherwise(1.0).log()
        joined = joined.with_columns(
            (log * nw.col("again")).alias("log"), (nw.col("spent") * nw.col("again")).alias("m")
        )
        joined = joined.with_columns((nw.col("log") * nw.col("log")).alias("log2"))
        sums = [nw.col(name).sum() for name in ("m", "log", "log2", "spent")]
        wanted += [*sums, nw.col("least").min()]
    made = joined.group_by("who").agg(*wanted)
    if holdout:
        later = bought.filter(nw.col("before") < 0.0).with_columns(nw.lit(1.0).alias("one"))
        kept = later.group_by("who").agg(nw.col("one").sum().alias("later"), nw.col("spent").sum().alias("later_spent"))
        made = made.join(kept, on="who", how="left")
    local = made.sort("who").collect()
    found = {name: _local(local.get_column(name), name) for name in local.columns}
    if gaps:
        found["gap"] = _log_gaps(known, found["who"])
    return found


def _log_gaps(known: nw.LazyFrame[Any], customers: TextArray) -> TextArray:
    """Return the sum of the logarithms of each customer's gaps, in periods.

    In NumPy, not as a window function of the engine: some releases of the engines answer those wrongly in silence.
    """
    local = known.select("who", "before").sort("who", "before").collect()
    who, before = np.asarray(local.get_column("who").to_numpy()), _local(local.get_column("before"), "before")
    again = who[1:] == who[:-1]
    place = np.searchsorted(customers, who[1:][again])
    sums = np.bincount(place, weights=np.log(np.diff(before)[again]), minlength=len(customers))
    return np.asarray(sums, dtype=np.float64)


def _local(series: Any, name: str) -> TextArray:
    import narwhals as nw

    if name == "who":
        return np.asarray(series.to_numpy())
    return np.asarray(series.cast(nw.Float64).fill_null(0.0).to_numpy(), dtype=np.float64)


def _columns(found: dict[str, TextArray], share: float, *, money: bool, gaps: bool, holdout: bool) -> dict[str, Any]:
    """Return the summary's columns in the unit; `share` is a period in units."""
    x = found["x"]
    made = {"who": found["who"], "frequency": x, "recency": (found["first"] - found["last"]) * share}
    made["age"] = found["first"] * share
    if gaps:
        made["log_gaps"] = np.where(x > 0, found["gap"] + x * np.log(share), 0.0)
    if money:
        _refuse_free(found["least"])
        many = np.maximum(x, 1.0)
        mean = found["log"] / many
        made["mean_spend"], made["first_spend"] = found["m"] / many, found["spent"] - found["m"]
        made["mean_log_spend"] = mean
        made["log_spend_squares"] = np.maximum(found["log2"] - x * mean**2, 0.0)
    if holdout:
        made["holdout_frequency"] = found["later"]
        if money:
            made["holdout_spend"] = found["later_spent"]
    return made


def _refuse_free(least: FloatArray) -> None:
    bad = int((least <= 0).sum())
    if bad:
        raise InputError(
            f"amount must be > 0 but {bad} of {len(least)} customers have a purchase of {float(least.min()):g} or "
            "less; leave out refunds and free purchases"
        )


def _native(transactions: Any, table: dict[str, Any]) -> Any:
    """Return the table in the kind of the transactions; pandas where they live in an engine."""
    import narwhals as nw

    if isinstance(transactions, Mapping):
        return _pandas(table)
    frame = nw.from_native(transactions)
    if isinstance(frame, nw.LazyFrame):
        if frame.implementation.is_polars():
            import polars as pl

            return pl.DataFrame(table)
        return _pandas(table)
    return nw.from_dict(table, backend=nw.get_native_namespace(frame)).to_native()


def _pandas(table: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame(table)
