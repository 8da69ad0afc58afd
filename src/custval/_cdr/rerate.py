"""The bill of each customer's use under every plan."""

from __future__ import annotations

from typing import Any

from custval._cdr.account import active_subscribers
from custval._cdr.engines import DuckDB, engine_errors, named_tables, open_tables
from custval._cdr.moment import moment
from custval._cdr.quality import sound_records, whole_ids
from custval._cdr.rating import monthly_use, rating_features, read_tariffs
from custval._cdr.schema import check_columns
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import AnyFrame
from custval._core.validation import check_whole

__all__ = ("rerate",)


@public("cdr")
def rerate(tables: Any, *, as_of: Any, days: int = 30, engine: str | DuckDB | None = None) -> AnyFrame:
    """Is each customer's plan right for the use, and what would the others cost?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        As in `customer_view`; needs subscribers (with plan), cdr and plans.
    as_of : int, date, datetime or str
        The moment, as in `customer_view`.
    days : int, default 30
        How many days of use are rated, 1..3660; use is scaled to 30 days.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        As in `customer_view`.

    Returns
    -------
    frame, one row for each customer there
        subscriber_id, plan, ``bill_<plan>`` for every plan (money per month), plan_bill, best_plan, best_plan_bill and
        overpay_share = (plan_bill - best_plan_bill) / plan_bill.

    Raises
    ------
    InputError
        If a table or column is missing, or the table of plans repeats a plan or holds a negative number.

    Examples
    --------
    >>> from custval.cdr import rerate
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=100, months=3).simulate()
    >>> bills = rerate(world, as_of=world.month_end(3), engine="pandas")
    >>> bool((bills["best_plan_bill"] <= bills["plan_bill"]).all())
    True
    """
    import narwhals as nw

    now, window = moment(as_of), check_whole(days, "days", low=1, high=3660)
    named = named_tables(tables)
    for table in ("cdr", "plans"):
        if table not in named:
            raise InputError(f"re-rating needs the table {table!r}, which was not given")
    needed = ("subscribers", "departures", "cdr", "plans")
    with open_tables({name: named[name] for name in needed if name in named}, engine) as opened, engine_errors():
        people, cdr = whole_ids(opened.tables["subscribers"]), whole_ids(opened.tables["cdr"])
        check_columns("subscribers", dict(people.collect_schema()), ("subscriber_id", "activation", "plan"))
        check_columns("cdr", dict(cdr.collect_schema()), _NEEDS)
        base = active_subscribers(people, opened.tables.get("departures"), now, [])
        base = base.select("subscriber_id", nw.col("_own_plan").cast(nw.String).alias("plan"))
        tariffs = read_tariffs(opened.tables["plans"])
        names = ["plan_bill", "best_plan", "best_plan_bill", "overpay_share"]
        bills = {f"bill_{tariff.plan}": tariff.bill() for tariff in tariffs}
        made = rating_features(base, monthly_use(sound_records(cdr), now, window), tariffs, names, also=bills)
        frame: Any = made.collect().sort("subscriber_id")
        answer: AnyFrame = frame.to_polars() if opened.kind == "polars" else frame.to_pandas()
    return answer


_NEEDS = ("subscriber_id", "event_time", "kind", "direction", "duration_s", "volume_mb")
