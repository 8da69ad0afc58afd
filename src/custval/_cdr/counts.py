"""Count tables: all that the models need to be fitted, made by an engine's GROUP BY, so that no row leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._cdr.engines import DuckDB, engine_errors, named_tables, open_tables
from custval._cdr.moment import DAY, moment
from custval._cdr.quality import whole_ids
from custval._cdr.schema import check_columns
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, FloatArray, IntArray
from custval._core.validation import check_length, check_scalar, check_whole, float_array

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

__all__ = ("BasketCounts", "basket_counts", "purchase_counts", "score_counts", "tenure_counts")

_MOST_SERVICES = 62  # bits of a signed 64-bit integer
_UNITS = {"day": 1.0, "week": 7.0, "month": 30.436875}


@public("cdr")
def tenure_counts(
    tables: Any,
    *,
    since: Any,
    until: Any,
    by: Sequence[str] = ("contract",),
    engine: str | DuckDB | None = None,
) -> pd.DataFrame:
    """How many customers were at risk in each month of tenure, and how many left by which cause?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        As in `customer_view`; needs subscribers and departures (with cause).
    since, until : int, date, datetime or str
        Ends of calendar months: those there at `since` and all who join later are watched until `until`.
    by : sequence of str, default ("contract",)
        Columns of subscribers that form the cells.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        As in `customer_view`.

    Returns
    -------
    pandas.DataFrame
        tenure (months, from 1), the columns `by`, at_risk, and ``exits_<cause>`` for each cause: what
        `custval.survival.DiscreteHazard.fit_counts` reads. Cells and months in which nobody was at risk are left out.

    Raises
    ------
    InputError
        If a table or column is missing, or `until` does not come after `since`.

    Notes
    -----
    Tenure counts calendar months. At risk in month t of tenure are those who had stayed t - 1 months and were there
    at its beginning; who joined before `since` is at risk only from then on (left truncation).

    Examples
    --------
    >>> from custval.cdr import tenure_counts
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=500, months=6, records_per_subscriber_month=0).simulate()
    >>> counts = tenure_counts(world, since=world.month_end(0), until=world.month_end(6), engine="pandas")
    >>> list(counts.columns)[:3]
    ['tenure', 'contract', 'at_risk']
    >>> int(counts["at_risk"].sum()) == int(world.truth.at_risk.sum())
    True
    """
    import pandas as pd

    first, last = moment(since).month, moment(until).month
    if last <= first:
        raise InputError("until must be at least one calendar month after since")
    named = _needed(tables, ("subscribers", "departures"))
    with open_tables(named, engine) as opened, engine_errors():
        people, left = whole_ids(opened.tables["subscribers"]), whole_ids(opened.tables["departures"])
        check_columns("subscribers", dict(people.collect_schema()), ("subscriber_id", "activation", *by))
        check_columns("departures", dict(left.collect_schema()), ("subscriber_id", "departure_time", "cause"))
        spells = _spells(people, left, (first, last), by)
        keys = [*by, "_entry", "_exit", "cause"]
        counted: Any = spells.group_by(*keys).agg(_n()).collect()
        table = pd.DataFrame(counted.select(*keys, "n").to_dict(as_series=False))
    return _at_risk(table, list(by))


def _spells(
    people: nw.LazyFrame[Any], left: nw.LazyFrame[Any], span: tuple[int, int], by: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return entry and exit of each customer in months of tenure, with the cause ('' while there)."""
    import narwhals as nw

    first, last = (float(one) for one in span)
    joined = _month(nw.col("activation")).alias("_joined")
    gone = left.select("subscriber_id", "departure_time", nw.col("cause").cast(nw.String))
    # the moment as months since year 0, told from epoch days without a calendar: by comparing with month ends
    ends = _month_ends(span)
    month = nw.col("departure_time").cast(nw.Float64) * 0.0 + first
    for end in ends:
        month = month + (nw.col("departure_time") > end).cast(nw.Float64)
    gone = gone.with_columns(month.alias("_left")).filter(nw.col("_left") <= last)
    spells = people.select("subscriber_id", joined, *[nw.col(name) for name in by])
    spells = spells.filter(nw.col("_joined") < last).join(gone, on="subscriber_id", how="left")
    there = ~nw.col("_left").is_null()
    stop = nw.when(there).then(nw.col("_left")).otherwise(nw.col("_joined") * 0.0 + last)
    begin = nw.when(nw.col("_joined") > first).then(nw.col("_joined")).otherwise(nw.col("_joined") * 0.0 + first)
    spells = spells.with_columns(
        (begin - nw.col("_joined")).alias("_entry"),
        (stop - nw.col("_joined")).alias("_exit"),
        nw.col("cause").fill_null(""),
    )
    return spells.filter(nw.col("_exit") > nw.col("_entry"))


def _month(stamp: nw.Expr) -> nw.Expr:
    import narwhals as nw

    return stamp.dt.year().cast(nw.Float64) * 12.0 + stamp.dt.month().cast(nw.Float64)


def _month_ends(span: tuple[int, int]) -> list[int]:
    """Return the last second of each month from the first of the span to the last."""
    months = np.arange(span[0], span[1] + 1) - 12 * 1970 - 1
    starts = (months + 1).astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
    return [int(one) - 1 for one in starts]


def _at_risk(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Turn counts of spells into those at risk and leaving in each month of tenure."""
    import pandas as pd

    causes = sorted({str(cause) for cause in table["cause"]} - {""})
    months = np.arange(1, int(table["_exit"].max() if len(table) else 0) + 1)
    made = []
    groups = [((), table)] if not by else table.groupby(by, sort=True, dropna=False, observed=True)
    for key, cell in groups:
        entry, stop, n = (cell[name].to_numpy(dtype=np.float64) for name in ("_entry", "_exit", "n"))
        here = [float(n[(entry < month) & (stop >= month)].sum()) for month in months]
        columns: dict[str, Any] = {"tenure": months, **dict(zip(by, key if by else (), strict=True)), "at_risk": here}
        for cause in causes:
            mine = (cell["cause"] == cause).to_numpy()
            columns[f"exits_{cause}"] = [float(n[mine & (stop == month)].sum()) for month in months]
        part = pd.DataFrame(columns)
        made.append(part[part["at_risk"] > 0])
    return pd.concat(made, ignore_index=True)


@public("cdr")
def purchase_counts(
    tables: Any, *, until: Any, time_unit: str = "week", engine: str | DuckDB | None = None
) -> pd.DataFrame:
    """How many prepaid customers have the same history of top-ups?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        As in `customer_view`; needs topups.
    until : int, date, datetime or str
        End of observation; later top-ups are not seen.
    time_unit : {"day", "week", "month"}, default "week"
        Unit of recency and age, which are counted in whole days first.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        As in `customer_view`.

    Returns
    -------
    pandas.DataFrame
        Unique frequency (repeat top-ups, x), recency (t_x), age (T), and customers, how many have them: the prepaid
        models take customers as ``sample_weight``. Several top-ups of a day count as one.

    Raises
    ------
    InputError
        If the table or a column is missing.

    Examples
    --------
    >>> from custval.cdr import purchase_counts
    >>> topups = {"subscriber_id": [1, 1, 2, 3, 3], "event_time": [0, 864000, 0, 0, 864000], "amount": [5.0] * 5}
    >>> import pandas as pd
    >>> tables = {"topups": pd.DataFrame(topups)}
    >>> purchase_counts(tables, until=1728000, time_unit="day", engine="pandas").to_dict("list")
    {'frequency': [0.0, 1.0], 'recency': [0.0, 10.0], 'age': [20.0, 20.0], 'customers': [1.0, 2.0]}
    """
    import narwhals as nw
    import pandas as pd

    if time_unit not in _UNITS:
        raise InputError(f"time_unit must be one of {', '.join(map(repr, _UNITS))}, not {time_unit!r}")
    now = moment(until)
    end = float(now.seconds // DAY)
    with open_tables(_needed(tables, ("topups",)), engine) as opened, engine_errors():
        topups = whole_ids(opened.tables["topups"])
        check_columns("topups", dict(topups.collect_schema()), ("subscriber_id", "event_time"))
        seen = topups.filter(nw.col("event_time") <= now.seconds)
        days = seen.select("subscriber_id", (nw.col("event_time") // DAY).cast(nw.Float64).alias("_day"))
        days = days.group_by("subscriber_id", "_day").agg(_n())
        days = days.with_columns(nw.col("_day").alias("_first"), nw.col("_day").alias("_last"))
        heads = days.group_by("subscriber_id").agg(_n("_days"), nw.col("_first").min(), nw.col("_last").max())
        heads = heads.select(
            (nw.col("_days").cast(nw.Float64) - 1.0).alias("frequency"),
            (nw.col("_last") - nw.col("_first")).alias("recency"),
            (end - nw.col("_first")).alias("age"),
        )
        counted: Any = heads.group_by("frequency", "recency", "age").agg(_n("customers")).collect()
        table = pd.DataFrame(counted.to_dict(as_series=False)).astype(np.float64)
    table = table.sort_values(["frequency", "recency", "age"], ignore_index=True)
    return table.assign(recency=table["recency"] / _UNITS[time_unit], age=table["age"] / _UNITS[time_unit])


@public("cdr")
@dataclass(frozen=True, slots=True, eq=False)
class BasketCounts(Result):
    """Who holds what, as bit masks.

    Attributes
    ----------
    services : tuple of str, length m
        Bit j of a mask is service j.
    mask : ndarray of int64, shape (b,)
        The different baskets; 0 is the empty one.
    customers : ndarray of int64, shape (b,)
        How many customers hold each basket.
    pairs : ndarray of int64, shape (m, m)
        How many hold both services; on the diagonal, how many hold the one.

    Examples
    --------
    >>> from custval.cdr import basket_counts
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=300, months=2).simulate()
    >>> counts = basket_counts(world, as_of=world.month_end(2), engine="pandas")
    >>> len(counts.services), counts.pairs.shape
    (40, (40, 40))
    """

    services: tuple[str, ...]
    mask: IntArray
    customers: IntArray
    pairs: IntArray

    def matrix(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return the baskets as booleans, shape (b, m): with ``sample_weight=customers`` they are the whole base.

        Returns
        -------
        ndarray of bool, shape (b, m)
            One row for each different basket.

        Examples
        --------
        >>> from custval.cdr import basket_counts
        >>> from custval.synth import TelecomWorld
        >>> world = TelecomWorld(n_subscribers=300, months=2).simulate()
        >>> counts = basket_counts(world, as_of=world.month_end(2), engine="pandas")
        >>> bool((counts.matrix().T @ counts.customers == counts.pairs.diagonal()).all())
        True
        """
        bits = np.arange(len(self.services), dtype=np.int64)
        held: np.ndarray[Any, np.dtype[np.bool_]] = (self.mask[:, None] >> bits & 1).astype(bool)
        return held


@public("cdr")
def basket_counts(tables: Any, *, as_of: Any, engine: str | DuckDB | None = None) -> BasketCounts:
    """How many customers hold which services together?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        As in `customer_view`; needs subscribers and holdings.
    as_of : int, date, datetime or str
        The moment.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        As in `customer_view`.

    Returns
    -------
    BasketCounts
        Bit masks with their counts, and counts of pairs. Customers who hold nothing count as the empty basket.

    Raises
    ------
    InputError
        If a table or column is missing, or there are more than 62 services.

    Examples
    --------
    >>> from custval.cdr import basket_counts
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=300, months=2).simulate()
    >>> counts = basket_counts(world, as_of=world.month_end(2), engine="pandas")
    >>> int(counts.customers.sum()) <= 300
    True
    """
    import narwhals as nw

    from custval._cdr.account import active_subscribers

    now = moment(as_of)
    named = _needed(tables, ("subscribers", "holdings"), ("departures",))
    with open_tables(named, engine) as opened, engine_errors():
        people = active_subscribers(
            whole_ids(opened.tables["subscribers"]), opened.tables.get("departures"), now, []
        ).select("subscriber_id")
        held = whole_ids(opened.tables["holdings"])
        needed = ("subscriber_id", "service", "added", "removed")
        check_columns("holdings", dict(held.collect_schema()), needed)
        still = (nw.col("removed") == -1) | (nw.col("removed") > now.seconds)
        held = held.filter((nw.col("added") <= now.seconds) & still)
        held = held.select("subscriber_id", nw.col("service").cast(nw.String))
        held = held.join(people, on="subscriber_id", how="semi").group_by("subscriber_id", "service").agg(_n())
        listed: Any = held.group_by("service").agg(_n()).collect()
        services = sorted(str(name) for name in listed["service"].to_list())
        masks = _masks(people, held, services)
        counted: Any = masks.group_by("_mask").agg(_n("customers")).collect()
    order = np.argsort(counted["_mask"].to_numpy())
    mask = counted["_mask"].to_numpy().astype(np.int64)[order]
    customers = counted["customers"].to_numpy().astype(np.int64)[order]
    bits = (mask[:, None] >> np.arange(len(services)) & 1).astype(np.float64)
    pairs = np.rint(bits.T @ (bits * customers[:, None])).astype(np.int64)
    return BasketCounts(tuple(services), frozen(mask), frozen(customers), frozen(pairs))


def _masks(people: nw.LazyFrame[Any], held: nw.LazyFrame[Any], services: list[str]) -> nw.LazyFrame[Any]:
    """Return the mask of each customer: two sums of powers of two, which floats hold exactly."""
    import narwhals as nw

    if len(services) > _MOST_SERVICES:
        raise InputError(
            f"there are {len(services)} services but a mask holds {_MOST_SERVICES}; group them or filter the holdings"
        )
    low = nw.col("subscriber_id").is_null().cast(nw.Float64)
    high = low
    for place, name in enumerate(services):
        worth = (nw.col("service") == name).cast(nw.Float64) * float(2 ** (place % 31))
        low, high = (low + worth, high) if place < 31 else (low, high + worth)
    summed = held.select("subscriber_id", low.alias("_low"), high.alias("_high"))
    summed = summed.group_by("subscriber_id").agg(nw.col("_low").sum(), nw.col("_high").sum())
    whole = people.join(summed, on="subscriber_id", how="left")
    parts = [nw.col(name).fill_null(0.0).cast(nw.Int64) for name in ("_low", "_high")]
    return whole.select((parts[0] + parts[1] * 2**31).alias("_mask"))


@public("cdr")
def score_counts(
    frame: AnyFrame,
    *,
    score: str,
    outcome: str,
    bins: int = 100,
    low: float = 0.0,
    high: float = 1.0,
) -> pd.DataFrame:
    """How many customers, and how many with the outcome, have a score in each bin?

    Parameters
    ----------
    frame : frame of n rows
        pandas, Polars, Arrow or a mapping of columns; one part of many gives counts that add up.
    score : str
        Column of scores within `low`..`high`.
    outcome : str
        Column of 0 and 1 (or False and True).
    bins : int, default 100
        Number of bins of equal width, 1..1,000,000.
    low, high : float, default 0 and 1
        Ends of the range; a score of `high` falls in the last bin.

    Returns
    -------
    pandas.DataFrame
        bin, low, high, customers, outcomes: `bins` rows, the empty ones included.

    Raises
    ------
    InputError
        If a score is outside the range or an outcome is neither 0 nor 1.

    Examples
    --------
    >>> from custval.cdr import score_counts
    >>> scored = {"p": [0.1, 0.4, 0.45, 1.0], "left": [0, 0, 1, 1]}
    >>> score_counts(scored, score="p", outcome="left", bins=2)[["customers", "outcomes"]].values.tolist()
    [[3, 1], [1, 1]]
    """
    import pandas as pd

    many = check_whole(bins, "bins", low=1, high=1_000_000)
    least, most = check_scalar(low, "low"), check_scalar(high, "high", low=float(low), low_open=True)
    values = float_array(column(frame, score), score, low=least, high=most)
    marks = float_array(column(frame, outcome), outcome, low=0.0, high=1.0)
    check_length(marks, len(values), name=outcome, other=score)
    if not np.isin(marks, (0.0, 1.0)).all():
        raise InputError(f"{outcome} must hold 0 and 1 only; give one row for each customer")
    place = np.minimum(((values - least) / (most - least) * many).astype(np.int64), many - 1)
    edges: FloatArray = np.linspace(least, most, many + 1)
    return pd.DataFrame(
        {
            "bin": np.arange(many),
            "low": edges[:-1],
            "high": edges[1:],
            "customers": np.bincount(place, minlength=many),
            "outcomes": np.bincount(place, weights=marks, minlength=many).astype(np.int64),
        }
    )


def _n(name: str = "n") -> nw.Expr:
    import narwhals as nw

    return nw.len().alias(name)


def _needed(tables: Any, names: Sequence[str], also: Sequence[str] = ()) -> dict[str, Any]:
    """Return the named tables, or say which one is missing."""
    given = named_tables(tables, people="subscribers" in names)
    for name in names:
        if name not in given:
            raise InputError(f"the table {name!r} is needed, and was not given")
    return {name: given[name] for name in (*names, *also) if name in given}
