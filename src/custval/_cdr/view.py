"""The customer view: one row for each customer at a moment, from records on any engine.

One source of lazy expressions serves every engine. Helper columns come first, then only sums, maxima and counts; no
window functions. Records after the moment are filtered away before anything is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.account import active_subscribers, care_features, money_features, service_features
from custval._cdr.dictionary import Feature, check_windows, chosen
from custval._cdr.dictionary import features as feature_dictionary
from custval._cdr.engines import named_tables, open_tables
from custval._cdr.moment import Moment, moment
from custval._cdr.quality import sound_records, whole_ids
from custval._cdr.schema import COLUMNS, check_columns, check_ids
from custval._cdr.silence import warn_of_silence
from custval._cdr.usage import LOOKBACK_DAYS, usage_features, visible_records
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import AnyFrame
from custval._core.validation import nearest

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("customer_view",)


@public("cdr")
def customer_view(
    tables: Any,
    *,
    as_of: Any,
    windows: Sequence[int] = (30, 90),
    features: Sequence[str] | str | None = None,
    engine: str | None = None,
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
    features : sequence of str, optional
        Names or groups from `features`; None takes all that the given tables (and columns of subscribers) allow.
    engine : {None, "duckdb", "polars", "pandas"}
        Where the work is done; None is embedded DuckDB, which spills to disk beyond 1 GB.

    Returns
    -------
    frame, one row for each customer
        ``subscriber_id`` and the features, sorted by subscriber_id, for everyone who joined by `as_of` and had not
        left by it. Numbers are float64 and never missing: a customer without records has sums of 0. The kind is that
        of the table of subscribers (pandas for paths and relations).

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
    now, days = moment(as_of), check_windows(windows)
    named = named_tables(tables)
    picked = chosen(feature_dictionary(windows=days), features, named)
    needed = {"subscribers", "departures", *(feature.table for feature in picked)}
    with open_tables({name: table for name, table in named.items() if name in needed}, engine) as opened:
        picked = _allowed(opened.tables, picked) if features is None else picked
        _check_schemas(opened.tables, picked)
        sound = {name: whole_ids(table) for name, table in opened.tables.items()}
        made = _assembled(sound, picked, now, days)
        frame = _collected(made, sound["subscribers"], [feature.name for feature in picked])
        warn_of_silence(sound, frame, picked, now, days)
        return _answer(frame, opened.kind)


def _allowed(tables: dict[str, nw.LazyFrame[Any]], picked: Sequence[Feature]) -> tuple[Feature, ...]:
    """Leave out features of absent columns of subscribers; where a column looks misspelt, keep them to be refused."""
    there = tables["subscribers"].collect_schema().names()
    strange = [name for name in there if name not in COLUMNS["subscribers"]]

    def kept(feature: Feature) -> bool:
        absent = [name for name in feature.columns if name not in there] if feature.table == "subscribers" else []
        return not absent or any(nearest(name, strange) for name in absent)

    return tuple(feature for feature in picked if kept(feature))


def _check_schemas(tables: dict[str, nw.LazyFrame[Any]], picked: Sequence[Feature]) -> None:
    """Refuse a table that lacks what the features need, before any work is done."""
    needed: dict[str, list[str]] = {"subscribers": ["subscriber_id", "activation"]}
    if "departures" in tables:
        needed["departures"] = ["subscriber_id", "departure_time"]
    for feature in picked:
        needed.setdefault(feature.table, []).extend(feature.columns)
    for table, columns in needed.items():
        check_columns(table, dict(tables[table].collect_schema()), dict.fromkeys(["subscriber_id", *columns]))
    check_ids({table: dict(tables[table].collect_schema()) for table in needed})


def _assembled(
    tables: dict[str, nw.LazyFrame[Any]], picked: Sequence[Feature], now: Moment, windows: tuple[int, ...]
) -> nw.LazyFrame[Any]:
    """Join the features of each table to the customers who are there."""
    names = {table: [feature.name for feature in picked if feature.table == table] for table in tables}
    base = active_subscribers(tables["subscribers"], tables.get("departures"), now, names["subscribers"])
    parts: list[nw.LazyFrame[Any]] = []
    if names.get("cdr"):
        records = visible_records(sound_records(tables["cdr"]), now, windows)
        parts.append(usage_features(records, now, windows, names["cdr"]))
    if names.get("contacts"):
        parts.append(care_features(tables["contacts"], now, windows, names["contacts"]))
    if names.get("bills"):
        parts.append(money_features(tables["bills"], now, names["bills"]))
    if names.get("holdings"):
        parts.append(service_features(tables["holdings"], now, names["holdings"]))
    for part in parts:
        base = base.join(part, on="subscriber_id", how="left")
    return base.select("subscriber_id", *[_finished(feature, windows) for feature in picked])


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
    absent = float(max(*windows, LOOKBACK_DAYS)) if feature.name == "recency_days" else 0.0
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
