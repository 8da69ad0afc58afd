"""The customer view: one row for each customer at a moment, from records on any engine.

One source of lazy expressions serves every engine. Helper columns come first, then only sums, maxima and counts; no
window functions. Records after the moment are filtered away before anything is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.account import (
    active_subscribers,
    ageing_features,
    care_features,
    money_features,
    payment_features,
    renewal_features,
    service_features,
)
from custval._cdr.circle import circle_features, listed_circle
from custval._cdr.dictionary import check_windows, chosen, listed_trends
from custval._cdr.dictionary import features as feature_dictionary
from custval._cdr.engines import DuckDB, engine_errors, named_tables, open_tables
from custval._cdr.feature import Feature
from custval._cdr.gaps import gap_features, listed_gaps, listed_talk, talk_features
from custval._cdr.moment import Moment, moment
from custval._cdr.partials import check_day_end
from custval._cdr.quality import sound_records, whole_ids
from custval._cdr.rating import listed_rating, monthly_use, rating_features, read_tariffs
from custval._cdr.recharge import topup_features
from custval._cdr.schema import CATALOGUE, COLUMNS, check_columns, check_ids
from custval._cdr.silence import warn_of_silence
from custval._cdr.ties import account_features, listed_ties, tie_features
from custval._cdr.usage import LOOKBACK_DAYS, daily_usage, trend_features, usage_features, visible_records
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import AnyFrame
from custval._core.validation import nearest

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("customer_view", "known_view")


@public("cdr")
def customer_view(
    tables: Any,
    *,
    as_of: Any,
    windows: Sequence[int] = (30, 90),
    features: Sequence[str] | str | None = None,
    engine: str | DuckDB | None = None,
) -> AnyFrame:
    """What did we know about each customer at a moment?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        Record tables by name: subscribers (needed), cdr, bills, contacts, holdings, departures, campaigns. Frames may
        be pandas, Polars, Arrow or anything that Narwhals reads; paths are Parquet files, globs or lists of them; a
        folder holds ``<table>.parquet`` files. Times are epoch seconds of local time.
    as_of : int, date, datetime or str
        The moment: epoch seconds, a datetime, or a day, which stands for its last second. A record at that very
        second is seen, later ones are not.
    windows : sequence of int, default (30, 90)
        Window lengths in days, 1..3660.
    features : sequence of str or "all", optional
        Names or groups from `features`. None takes all that the given tables (and columns of subscribers) allow and
        that one pass of the records gives; "all" takes also what needs pairs of parties or the order of records.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        Where the work is done; None is Spark for Spark frames and else embedded DuckDB, which spills to disk beyond
        1 GB. `DuckDB` sets its memory, threads and where to spill.

    Returns
    -------
    frame, one row for each customer
        ``subscriber_id`` and the features, sorted by subscriber_id, for everyone who joined by `as_of` and had not
        left by it. Numbers are float64 and never missing: a customer without records has sums of 0. The kind is that
        of the table of subscribers (pandas for paths and relations); for Spark frames it is a Spark frame, neither
        sorted nor collected.

    Raises
    ------
    InputError
        If a table, column, feature, window or the moment is wrong; the message names it and suggests the nearest.
    MissingExtraError
        If the engine is not installed.

    Warns
    -----
    DataWarning
        For each table whose records all count for nothing, with the reason: too old, after `as_of`, times in
        milliseconds, strange subscribers, unknown kinds.

    Notes
    -----
    A ``subscriber_id`` may be a number or text, in the same way in all tables.

    Tenure counts calendar months: the month of `as_of` minus the month of activation. Contract terms ("one year",
    "two years") roll over by their own length.

    Records with a negative or missing duration or volume are set aside; how many there are, and in the other tables
    too, says `check_tables`.

    Examples
    --------
    >>> from custval.cdr import customer_view
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=200, months=4, seed=1).simulate()
    >>> view = customer_view(world, as_of=world.month_end(3), features=["calls_out_30d"], engine="pandas")
    >>> list(view.columns)
    ['subscriber_id', 'calls_out_30d']
    >>> bool((view["calls_out_30d"] >= 0).all())
    True
    """
    return _view(tables, as_of, windows, features, engine=engine)


def known_view(tables: Any, *, as_of: Any, names: Collection[str]) -> AnyFrame:
    """Return the view with those of `names` that the given tables (and columns of subscribers) allow."""
    return _view(tables, as_of, (30, 90), None, only=names)


def _view(
    tables: Any,
    as_of: Any,
    windows: Sequence[int],
    features: Sequence[str] | str | None,
    *,
    engine: str | DuckDB | None = None,
    only: Collection[str] | None = None,
) -> AnyFrame:
    now, days = moment(as_of), check_windows(windows)
    named = named_tables(tables)
    picked = chosen(feature_dictionary(windows=days), features, named)
    if only is not None:
        picked = tuple(feature for feature in picked if feature.name in only)
    needed = {"subscribers", "departures", *(feature.table for feature in picked)}
    needed |= {table for feature in picked for table, _ in feature.also}
    if "cdr" not in named and "cdr" in needed:
        needed = {*needed - {"cdr"}, "daily_sums"}
        check_day_end(now.seconds, days)
    with open_tables({name: table for name, table in named.items() if name in needed}, engine) as opened:
        picked = _allowed(opened.tables, picked) if features is None or features == "all" else picked
        _check_schemas(opened.tables, picked)
        sound = {name: table if name in CATALOGUE else whole_ids(table) for name, table in opened.tables.items()}
        made = _assembled(sound, picked, now, days)
        if opened.kind == "spark":
            return made.to_native()
        with engine_errors():
            frame = _collected(made, sound["subscribers"], [feature.name for feature in picked])
            warn_of_silence(sound, frame, picked, now, days)
        return _answer(frame, opened.kind)


def _allowed(tables: dict[str, nw.LazyFrame[Any]], picked: Sequence[Feature]) -> tuple[Feature, ...]:
    """Leave out features of absent columns of subscribers; where a column looks misspelt, keep them to be refused."""
    there = tables["subscribers"].collect_schema().names()
    strange = [name for name in there if name not in COLUMNS["subscribers"]]

    def kept(feature: Feature) -> bool:
        absent = [name for name in _own_columns(feature) if name not in there]
        return not absent or any(nearest(name, strange) for name in absent)

    return tuple(feature for feature in picked if kept(feature))


def _own_columns(feature: Feature) -> list[str]:
    """Return the columns of subscribers that a feature needs."""
    needed = [(feature.table, feature.columns), *feature.also]
    return [name for table, columns in needed if table == "subscribers" for name in columns]


def _check_schemas(tables: dict[str, nw.LazyFrame[Any]], picked: Sequence[Feature]) -> None:
    """Refuse a table that lacks what the features need, before any work is done."""
    needed: dict[str, list[str]] = {"subscribers": ["subscriber_id", "activation"]}
    if "departures" in tables:
        needed["departures"] = ["subscriber_id", "departure_time"]
    for feature in picked:
        for table, more in ((feature.table, feature.columns), *feature.also):
            if table in tables:  # sums of days stand in for the records
                needed.setdefault(table, []).extend(more)
    for table, columns in needed.items():
        keys = () if table in CATALOGUE else ("subscriber_id",)
        check_columns(table, dict(tables[table].collect_schema()), dict.fromkeys([*keys, *columns]))
    check_ids({table: dict(tables[table].collect_schema()) for table in needed})


def _assembled(
    tables: dict[str, nw.LazyFrame[Any]], picked: Sequence[Feature], now: Moment, windows: tuple[int, ...]
) -> nw.LazyFrame[Any]:
    """Join the features of each table to the customers who are there."""
    names = {table: [feature.name for feature in picked if feature.table == table] for table in COLUMNS}
    account = [name for name in names["subscribers"] if name.startswith("account_")]
    plain = [name for name in names["subscribers"] if name not in account]
    base = active_subscribers(tables["subscribers"], tables.get("departures"), now, plain)
    parts = [*_record_parts(tables, base, names["cdr"], now, windows), *_table_parts(tables, names, now, windows)]
    if account:
        parts.append(account_features(tables["subscribers"], tables.get("departures"), now, account))
    for part in parts:
        base = base.join(part, on="subscriber_id", how="left")
    return base.select("subscriber_id", *[_finished(feature, windows) for feature in picked])


def _record_parts(
    tables: dict[str, nw.LazyFrame[Any]],
    base: nw.LazyFrame[Any],
    names: list[str],
    now: Moment,
    windows: tuple[int, ...],
) -> list[nw.LazyFrame[Any]]:
    """Return the features `names` of the call detail records, one frame for each way of making them."""
    if not names:
        return []
    if "cdr" not in tables:
        return [daily_usage(tables["daily_sums"], now, windows, names)]
    longest = max(windows)
    records = visible_records(sound_records(tables["cdr"]), now, windows)
    made: list[tuple[Callable[[list[str]], nw.LazyFrame[Any]], list[Feature]]] = [
        (lambda some: circle_features(records, now, longest, some), listed_circle(longest)),
        (lambda some: gap_features(records, now, longest, some), listed_gaps(longest)),
        (lambda some: talk_features(records, now, longest, some), listed_talk(longest)),
        (lambda some: tie_features(records, tables["departures"], now, longest, some), listed_ties(longest)),
        (lambda some: trend_features(records, now, some), listed_trends()),
        (lambda some: _rated(tables, base, records, now, some), listed_rating()),
    ]
    parts: list[nw.LazyFrame[Any]] = []
    rest = list(names)
    for maker, listed in made:
        family = {feature.name for feature in listed}
        some = [name for name in names if name in family]
        rest = [name for name in rest if name not in family]
        if some:
            parts.append(maker(some))
    return [usage_features(records, now, windows, rest), *parts] if rest else parts


def _rated(
    tables: dict[str, nw.LazyFrame[Any]],
    base: nw.LazyFrame[Any],
    records: nw.LazyFrame[Any],
    now: Moment,
    names: list[str],
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    people = base.select("subscriber_id", nw.col("_own_plan").cast(nw.String).alias("plan"))
    return rating_features(people, monthly_use(records, now), read_tariffs(tables["plans"]), names)


def _table_parts(
    tables: dict[str, nw.LazyFrame[Any]], names: dict[str, list[str]], now: Moment, windows: tuple[int, ...]
) -> list[nw.LazyFrame[Any]]:
    """Return the features of the other tables, one frame for each table that is asked for something."""
    makers: dict[str, Callable[[nw.LazyFrame[Any], list[str]], nw.LazyFrame[Any]]] = {
        "contacts": lambda table, some: care_features(table, now, windows, some),
        "bills": lambda table, some: money_features(table, now, some),
        "payments": lambda table, some: payment_features(table, now, some),
        "ageing": lambda table, some: ageing_features(table, now, some),
        "topups": lambda table, some: topup_features(table, now, windows, some),
        "holdings": lambda table, some: service_features(table, now, some),
        "renewals": lambda table, some: renewal_features(table, now, some),
    }
    return [maker(tables[table], names[table]) for table, maker in makers.items() if names[table]]


def _finished(feature: Feature, windows: tuple[int, ...]) -> nw.Expr:
    """Return the final column: text and flags as they are, numbers as floats with 0 for 'no record'."""
    import narwhals as nw

    column = nw.col(feature.name)
    if feature.unit == "text":
        return column.cast(nw.String)
    if feature.unit == "true or false":
        return column
    if feature.group == "profile" or feature.name == "monthly_fee":
        return column.cast(nw.Float64)
    if feature.name == "overage_last":
        over = column.cast(nw.Float64) - nw.col("_own_monthly_fee").cast(nw.Float64)
        return nw.when(over > 0.0).then(over).otherwise(0.0).alias(feature.name)
    absent = float(max(*windows, LOOKBACK_DAYS)) if feature.name == "recency_days" else feature.absent
    if feature.name == "days_since_topup":
        absent = float(max(windows))
    return column.cast(nw.Float64).fill_null(absent)


def _collected(made: nw.LazyFrame[Any], subscribers: nw.LazyFrame[Any], names: list[str]) -> nw.DataFrame[Any]:
    """Collect, and check that there is somebody and that each customer stands once."""
    frame: Any = made.collect().sort("subscriber_id").select("subscriber_id", *names)
    if not len(frame):
        raise InputError(_why_nobody(subscribers))
    repeated = len(frame) - frame.get_column("subscriber_id").n_unique()
    if repeated:
        raise InputError(
            f"{repeated} of {len(frame)} rows of table 'subscribers' repeat a subscriber_id listed more than once; "
            "keep one row for each subscriber"
        )
    collected: nw.DataFrame[Any] = frame
    return collected


def _why_nobody(subscribers: nw.LazyFrame[Any]) -> str:
    import narwhals as nw

    known = (~nw.col("activation").is_null()).cast(nw.Float64).sum().alias("known")
    counted: Any = subscribers.select(nw.len().alias("n"), known).collect()
    if not counted["n"][0]:
        return "table 'subscribers' has no rows"
    if not counted["known"][0]:
        return "activation is missing in every row of table 'subscribers'; give the day on which each customer joined"
    return "no subscriber had joined and not yet left at as_of; check as_of against activation"


def _answer(frame: Any, kind: str) -> AnyFrame:
    """Return the kind of frame that was given."""
    if kind == "polars":
        return frame.to_polars()
    return frame.to_arrow() if kind == "arrow" else frame.to_pandas().reset_index(drop=True)
