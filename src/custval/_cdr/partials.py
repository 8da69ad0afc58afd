"""Daily sums: records are read once on their day, and any later view adds days up.

A partial holds the sums of each subscriber and day. Sums of one day that came in several files add up too, so partials
merge in any order; a view made from them equals the view of all records.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custval._cdr.engines import DuckDB, engine_errors, named_tables, open_tables
from custval._cdr.moment import DAY, moment
from custval._cdr.quality import sound_records, whole_ids
from custval._cdr.schema import COLUMNS, check_columns
from custval._cdr.usage import MARKS, marks
from custval._core.doors import public
from custval._core.errors import InputError, import_extra

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

__all__ = ("add_daily_sums", "daily_sums")


@public("cdr")
def daily_sums(
    tables: Any, *, since: Any = None, until: Any = None, engine: str | DuckDB | None = None
) -> pd.DataFrame:
    """What did each subscriber do on each day, in sums that add up?

    Parameters
    ----------
    tables : mapping of str to frame or path, World, or folder
        As in `customer_view`; only ``cdr`` is read.
    since, until : int, date, datetime or str, optional
        Only records after `since` and not after `until`; None takes all.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        As in `customer_view`.

    Returns
    -------
    pandas.DataFrame
        subscriber_id, day (days since 1970), last_time and one column for each sum. Given as the table ``daily_sums``
        instead of ``cdr``, `customer_view` makes from it all features of one pass but those of contacts, for an
        `as_of` that ends a day.

    Raises
    ------
    InputError
        If the table or a column is missing.

    Examples
    --------
    >>> from custval.cdr import customer_view, daily_sums
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=100, months=2).simulate()
    >>> sums = daily_sums(world, engine="pandas")
    >>> tables = {"subscribers": world.tables["subscribers"], "daily_sums": sums}
    >>> one = customer_view(tables, as_of=world.month_end(2), features=["calls_out_30d"], engine="pandas")
    >>> two = customer_view(world, as_of=world.month_end(2), features=["calls_out_30d"], engine="pandas")
    >>> joined = two.merge(one, on="subscriber_id")
    >>> bool((joined["calls_out_30d_x"] == joined["calls_out_30d_y"]).all())
    True
    """
    import narwhals as nw
    import pandas as pd

    named = named_tables(tables, people=False)
    if "cdr" not in named:
        raise InputError("the table 'cdr' is needed, and was not given")
    with open_tables({"cdr": named["cdr"]}, engine) as opened, engine_errors():
        cdr = sound_records(whole_ids(opened.tables["cdr"]))
        check_columns("cdr", dict(cdr.collect_schema()), [name for name in COLUMNS["cdr"] if name != "other_party"])
        for limit, after in ((since, True), (until, False)):
            if limit is not None:
                seconds, time = moment(limit).seconds, nw.col("event_time")
                cdr = cdr.filter(time > seconds if after else time <= seconds)
        made: Any = _summed(cdr).collect().sort("subscriber_id", "day")
        return pd.DataFrame(made.to_pandas()).reset_index(drop=True)


def _summed(cdr: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    import narwhals as nw

    time = nw.col("event_time")
    wide = cdr.select(
        "subscriber_id",
        (time // DAY).cast(nw.Int64).alias("day"),
        time.cast(nw.Float64).alias("last_time"),
        *[mark.alias(name) for name, mark in marks(MARKS).items()],
    )
    sums = [nw.col(name).sum() for name in MARKS]
    return wide.group_by("subscriber_id", "day").agg(nw.col("last_time").max(), *sums)


@public("cdr")
def add_daily_sums(
    folder: str | Path, tables: Any, *, since: Any = None, until: Any = None, engine: str | DuckDB | None = None
) -> Path:
    """How does a day's delivery of records join the state on disk?

    Parameters
    ----------
    folder : str or path
        The state: a folder of Parquet files, made if it is not there.
    tables : mapping of str to frame or path, World, or folder
        As in `daily_sums`.
    since, until : int, date, datetime or str, optional
        As in `daily_sums`.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        As in `daily_sums`.

    Returns
    -------
    pathlib.Path
        The new file. It appears when it is whole. ``folder / "*.parquet"`` is the table ``daily_sums`` of a view.

    Raises
    ------
    InputError
        If the table or a column is missing.
    MissingExtraError
        If pyarrow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from custval.cdr import add_daily_sums
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=50, months=1).simulate()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     add_daily_sums(folder, world, until="2025-01-20", engine="pandas").suffix
    '.parquet'
    """
    import_extra("pyarrow", "cdr")
    place = Path(folder)
    made = daily_sums(tables, since=since, until=until, engine=engine)
    place.mkdir(parents=True, exist_ok=True)
    first, last = (int(made["day"].min()), int(made["day"].max())) if len(made) else (0, 0)
    name = f"days-{first:06d}-{last:06d}-{uuid.uuid4().hex[:12]}"
    part = place / f"{name}.part"
    try:
        made.to_parquet(part, index=False)
        part.replace(place / f"{name}.parquet")
    finally:
        part.unlink(missing_ok=True)
    return place / f"{name}.parquet"


def check_day_end(seconds: int, windows: Sequence[int]) -> None:
    """Refuse a moment within a day: sums of days cannot be cut."""
    if (seconds + 1) % DAY:
        raise InputError(
            f"as_of must be the last second of a day where daily sums stand for the records (windows {tuple(windows)} "
            "count whole days); give a date, or the records themselves"
        )
