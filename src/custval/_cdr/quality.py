"""Which rows cannot be used, and how many there are: nothing is lost silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._cdr.engines import DuckDB, named_tables, open_tables
from custval._cdr.schema import CATALOGUE, COLUMNS, LEGAL, check_columns, check_ids
from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import IntArray, TextArray

if TYPE_CHECKING:
    import narwhals as nw

__all__ = (
    "KEYS",
    "NOT_NEGATIVE",
    "ONCE",
    "PLAUSIBLE",
    "TIMES",
    "TableChecks",
    "check_tables",
    "sound_records",
    "whole_ids",
)


@public("cdr")
@dataclass(frozen=True, slots=True, eq=False)
class TableChecks(Result):
    """How many rows of each table break which rule; a row may break several.

    Attributes
    ----------
    table, rule, effect : ndarray of object, shape (r,)
        The table, the rule, and what `customer_view` does with the rows that break it.
    rows, bad : ndarray of int64, shape (r,)
        Rows of the table, and how many of them break the rule.

    Examples
    --------
    >>> from custval.cdr import check_tables
    >>> from custval.synth import TelecomWorld
    >>> tables = TelecomWorld(n_subscribers=50, months=1).simulate().tables
    >>> report = check_tables({"subscribers": tables["subscribers"]}, engine="pandas")
    >>> report.rule[0], int(report.bad[0]), report.clean
    ('subscriber_id is there', 0, True)
    """

    table: TextArray
    rule: TextArray
    effect: TextArray
    rows: IntArray
    bad: IntArray

    @property
    def clean(self) -> bool:
        """Whether no row breaks any rule."""
        return not self.bad.any()


@public("cdr")
def check_tables(tables: Any, *, engine: str | DuckDB | None = None) -> TableChecks:
    """Are the record tables sound, and if not, how many rows are concerned?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        As in `customer_view`.
    engine : {None, "duckdb", "polars", "pandas", "spark"} or DuckDB
        Where the work is done, as in `customer_view`.

    Returns
    -------
    TableChecks
        One row for each table and rule.

    Raises
    ------
    InputError
        If a table misses a column or holds one of the wrong kind.

    Examples
    --------
    >>> from custval.cdr import check_tables
    >>> from custval.synth import TelecomWorld
    >>> check_tables(TelecomWorld(n_subscribers=100, months=2).simulate(), engine="pandas").clean
    True
    """
    found: list[tuple[str, str, str, int, int]] = []
    with open_tables(named_tables(tables), engine) as opened:
        schemas = {name: dict(table.collect_schema()) for name, table in opened.tables.items()}
        for name, table in opened.tables.items():
            schema = schemas[name]
            check_columns(
                name, schema, [column for column in COLUMNS[name] if column in schema or column in KEYS[name]]
            )
            check_ids({"subscribers": schemas["subscribers"], name: schema})
            found += _counted(name, table, schema)
            if name not in ("subscribers", *CATALOGUE):
                found.append(_unknown(name, table, opened.tables["subscribers"]))
            if name in ONCE:
                keys, effect = ONCE[name]
                found.append(_repeated(name, table, keys, f"{', '.join(keys)} stand once", effect))
        people = opened.tables["subscribers"]
        found.append(_repeated("subscribers", people, ("subscriber_id",), "subscriber_id stands once", "refused"))
    table_names, rules, effects, rows, bad = zip(*found, strict=True)
    return TableChecks(
        table=frozen(np.array(table_names, dtype=object)),
        rule=frozen(np.array(rules, dtype=object)),
        effect=frozen(np.array(effects, dtype=object)),
        rows=frozen(np.array(rows, dtype=np.int64)),
        bad=frozen(np.array(bad, dtype=np.int64)),
    )


def whole_ids(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a table whose ids were made floats by missing ones with whole ids, without the rows that miss them."""
    import narwhals as nw

    if not table.collect_schema()["subscriber_id"].is_float():
        return table
    known = table.filter(~_absent("subscriber_id", nw.Float64()))
    return known.with_columns(nw.col("subscriber_id").cast(nw.Int64))


def sound_records(cdr: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the call detail records without those of negative or missing duration or volume."""
    import narwhals as nw

    present = cdr.collect_schema().names()
    for name in ("duration_s", "volume_mb"):
        if name in present:
            cdr = cdr.filter(nw.col(name) >= 0)
    return cdr


KEYS = {
    "subscribers": ("subscriber_id", "activation"),
    "cdr": ("subscriber_id", "event_time", "kind", "direction"),
    "bills": ("subscriber_id", "bill_time", "amount"),
    "contacts": ("subscriber_id", "event_time", "kind"),
    "holdings": ("subscriber_id", "service", "added", "removed"),
    "departures": ("subscriber_id", "departure_time"),
    "campaigns": ("subscriber_id", "event_time"),
    "payments": ("subscriber_id", "paid_time", "amount"),
    "ageing": ("subscriber_id", "month_end"),
    "topups": ("subscriber_id", "event_time", "amount"),
    "renewals": ("subscriber_id", "event_time"),
    "offers": ("subscriber_id", "event_time"),
    "winbacks": ("subscriber_id", "event_time"),
    "plans": ("plan", "monthly_fee"),
    "services": ("service",),
    "daily_sums": ("subscriber_id", "day"),
}
NOT_NEGATIVE = {
    "subscribers": ("monthly_fee",),
    "cdr": ("duration_s", "volume_mb", "charge"),
    "bills": ("amount", "interconnect", "cost_to_serve", "arrears"),
    "payments": ("amount",),
    "topups": ("amount",),
    "plans": tuple(name for name in COLUMNS["plans"] if name != "plan"),
}
TIMES = ("event_time", "bill_time", "paid_time", "month_end", "added", "removed", "departure_time")
PLAUSIBLE = (315_532_800, 4_102_444_800)  # 1980 and 2100
ONCE = {
    "bills": (("subscriber_id", "bill_time"), "counted twice"),
    "holdings": (("subscriber_id", "service", "added"), "counted twice"),
    "departures": (("subscriber_id",), "gone from the first on"),
    "plans": (("plan",), "refused"),
}


def _counted(name: str, table: nw.LazyFrame[Any], schema: dict[str, Any]) -> list[tuple[str, str, str, int, int]]:
    """Count the rows that break each rule, all in one pass."""
    import narwhals as nw

    rules: dict[str, tuple[str, nw.Expr]] = {}
    for column in KEYS[name]:
        rules[f"{column} is there"] = ("set aside", _absent(column, schema[column]))
    for column in [key for key in KEYS[name] if key in TIMES]:
        rules[f"{column} lies within 1980..2100 in epoch seconds"] = ("outside every window", _implausible(column))
    for column in NOT_NEGATIVE.get(name, ()):
        if column in schema:
            effect = "set aside" if column in ("duration_s", "volume_mb") else "used as it is"
            rules[f"{column} is a number >= 0"] = (effect, nw.col(column).is_null() | (nw.col(column) < 0))
    for (owner, column), options in LEGAL.items():
        if owner == name:
            known = _any_of(column, options)
            rules[f"{column} is one of {', '.join(options)}"] = ("counted in no total of a kind", ~known)
    marked = table.select(
        *[bad.cast(nw.Float64).fill_null(1.0).alias(f"r{i}") for i, (_, bad) in enumerate(rules.values())]
    )
    sums = [nw.col(f"r{i}").sum() for i in range(len(rules))]
    counts: Any = marked.select(nw.len().cast(nw.Float64).alias("n"), *sums).collect()
    total, bad = int(counts["n"][0]), [int(counts[f"r{i}"][0] or 0) for i in range(len(rules))]
    return [(name, rule, effect, total, bad[i]) for i, (rule, (effect, _)) in enumerate(rules.items())]


def _absent(column: str, dtype: Any) -> nw.Expr:
    """Say where a value is missing: a float that is no number is missing too."""
    import narwhals as nw

    missing = nw.col(column).is_null()
    return missing | nw.col(column).is_nan() if dtype.is_float() else missing


def _implausible(column: str) -> nw.Expr:
    import narwhals as nw

    first, last = PLAUSIBLE
    outside = (nw.col(column) < first) | (nw.col(column) >= last)
    if column == "removed":  # -1: still held
        outside &= nw.col(column) != -1
    return outside & ~nw.col(column).is_null()


def _any_of(column: str, options: tuple[str, ...]) -> nw.Expr:
    import narwhals as nw

    known = nw.col(column) == options[0]
    for option in options[1:]:
        known |= nw.col(column) == option
    return known


def _unknown(name: str, table: nw.LazyFrame[Any], subscribers: nw.LazyFrame[Any]) -> tuple[str, str, str, int, int]:
    """Count the rows whose subscriber is not in the table of subscribers."""
    import narwhals as nw

    heads = whole_ids(table).group_by("subscriber_id").agg(nw.len().alias("n"))
    strange = heads.join(whole_ids(subscribers).select("subscriber_id"), on="subscriber_id", how="anti")
    return (name, "subscriber is known", "set aside", _total(heads), _total(strange))


def _repeated(
    name: str, table: nw.LazyFrame[Any], keys: tuple[str, ...], rule: str, effect: str
) -> tuple[str, str, str, int, int]:
    """Count the rows whose keys stand in a row before them."""
    import narwhals as nw

    heads = table.group_by(*keys).agg(nw.len().alias("n"))
    more = heads.with_columns((nw.col("n") - 1).alias("n"))
    return (name, rule, effect, _total(heads), _total(more))


def _total(counts: nw.LazyFrame[Any]) -> int:
    import narwhals as nw

    frame: Any = counts.select(nw.col("n").cast(nw.Float64).sum()).collect()
    return int(frame["n"][0] or 0)
