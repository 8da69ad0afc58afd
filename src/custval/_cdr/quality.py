"""Which rows cannot be used, and how many there are: nothing is lost silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._cdr.engines import named_tables, open_tables
from custval._cdr.schema import COLUMNS, check_columns
from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import IntArray, TextArray

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("TableChecks", "check_tables", "sound_records")


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
def check_tables(tables: Any, *, engine: str | None = None) -> TableChecks:
    """Are the record tables sound, and if not, how many rows are concerned?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        As in `customer_view`.
    engine : {None, "duckdb", "polars", "pandas"}
        Where the work is done; None is embedded DuckDB.

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
        for name, table in opened.tables.items():
            schema = dict(table.collect_schema())
            check_columns(
                name, schema, [column for column in COLUMNS[name] if column in schema or column in _KEYS[name]]
            )
            found += _counted(name, table, schema)
            if name != "subscribers":
                found.append(_unknown(name, table, opened.tables["subscribers"]))
        found.append(_repeated(opened.tables["subscribers"]))
    table_names, rules, effects, rows, bad = zip(*found, strict=True)
    return TableChecks(
        table=frozen(np.array(table_names, dtype=object)),
        rule=frozen(np.array(rules, dtype=object)),
        effect=frozen(np.array(effects, dtype=object)),
        rows=frozen(np.array(rows, dtype=np.int64)),
        bad=frozen(np.array(bad, dtype=np.int64)),
    )


def sound_records(cdr: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the call detail records without those of negative or missing duration or volume."""
    import narwhals as nw

    present = cdr.collect_schema().names()
    for name in ("duration_s", "volume_mb"):
        if name in present:
            cdr = cdr.filter(nw.col(name) >= 0)
    return cdr


_KEYS = {
    "subscribers": ("subscriber_id", "activation"),
    "cdr": ("subscriber_id", "event_time", "kind", "direction"),
    "bills": ("subscriber_id", "bill_time", "amount"),
    "contacts": ("subscriber_id", "event_time", "kind"),
    "holdings": ("subscriber_id", "service", "added", "removed"),
    "departures": ("subscriber_id", "departure_time"),
    "campaigns": ("subscriber_id", "event_time"),
}
_NOT_NEGATIVE = {
    "subscribers": ("monthly_fee",),
    "cdr": ("duration_s", "volume_mb", "charge"),
    "bills": ("amount", "interconnect", "cost_to_serve", "arrears"),
}
_KNOWN = {
    ("cdr", "kind"): ("voice", "sms", "data"),
    ("cdr", "direction"): ("out", "in"),
    ("contacts", "kind"): ("complaint", "enquiry", "retention"),
}


def _counted(name: str, table: nw.LazyFrame[Any], schema: dict[str, Any]) -> list[tuple[str, str, str, int, int]]:
    """Count the rows that break each rule, all in one pass."""
    import narwhals as nw

    rules: dict[str, tuple[str, nw.Expr]] = {}
    for column in _KEYS[name]:
        rules[f"{column} is there"] = ("set aside", nw.col(column).is_null())
    for column in _NOT_NEGATIVE.get(name, ()):
        if column in schema:
            effect = "set aside" if column in ("duration_s", "volume_mb") else "used as it is"
            rules[f"{column} is a number >= 0"] = (effect, nw.col(column).is_null() | (nw.col(column) < 0))
    for (owner, column), options in _KNOWN.items():
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


def _any_of(column: str, options: tuple[str, ...]) -> nw.Expr:
    import narwhals as nw

    known = nw.col(column) == options[0]
    for option in options[1:]:
        known |= nw.col(column) == option
    return known


def _unknown(name: str, table: nw.LazyFrame[Any], subscribers: nw.LazyFrame[Any]) -> tuple[str, str, str, int, int]:
    """Count the rows whose subscriber is not in the table of subscribers."""
    import narwhals as nw

    heads = table.group_by("subscriber_id").agg(nw.len().alias("n"))
    strange = heads.join(subscribers.select("subscriber_id"), on="subscriber_id", how="anti")
    return (name, "subscriber is known", "set aside", _total(heads), _total(strange))


def _repeated(subscribers: nw.LazyFrame[Any]) -> tuple[str, str, str, int, int]:
    import narwhals as nw

    heads = subscribers.group_by("subscriber_id").agg(nw.len().alias("n"))
    more = heads.with_columns((nw.col("n") - 1).alias("n"))
    return ("subscribers", "subscriber_id stands once", "refused", _total(heads), _total(more))


def _total(counts: nw.LazyFrame[Any]) -> int:
    import narwhals as nw

    frame: Any = counts.select(nw.col("n").cast(nw.Float64).sum()).collect()
    return int(frame["n"][0] or 0)
