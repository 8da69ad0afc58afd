"""Bad rows set aside in a table of their own, each with the rule it breaks: what goes in comes out, here or there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._cdr.engines import named_tables
from custval._cdr.quality import KEYS, NOT_NEGATIVE, ONCE, PLAUSIBLE, TIMES
from custval._cdr.schema import CATALOGUE, COLUMNS, LEGAL, check_columns
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, BoolArray, IntArray, TextArray

__all__ = ("Quarantine", "quarantine")


@public("cdr")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Quarantine(Result):
    """Tables without their bad rows, and the bad rows.

    Attributes
    ----------
    tables : dict of str to frame
        The sound rows of each table, in the kind that was given.
    set_aside : dict of str to pandas.DataFrame
        The bad rows of each table that has some, with ``row`` (its place, from 0) and ``rule`` (the first it breaks).
    table, rule : ndarray of object, shape (r,)
        Each table and each rule that some of its rows break.
    rows : ndarray of int64, shape (r,)
        How many rows were set aside for it. A row is counted once, under the first rule it breaks.

    Examples
    --------
    >>> from custval.cdr import quarantine
    >>> import pandas as pd
    >>> people = pd.DataFrame({"subscriber_id": [1, 2, 2], "activation": pd.to_datetime(["2025-01-01"] * 3)})
    >>> made = quarantine({"subscribers": people})
    >>> len(made.tables["subscribers"]), made.rule.tolist(), made.rows.tolist()
    (2, ['subscriber_id stands in a row before'], [1])
    """

    tables: Mapping[str, AnyFrame]
    set_aside: Mapping[str, Any]
    table: TextArray
    rule: TextArray
    rows: IntArray

    def __repr__(self) -> str:
        """Return a line of counts: no customer stands in it."""
        return f"Quarantine({int(self.rows.sum())} rows of {len(self.set_aside)} tables set aside)"

    def to_dict(self) -> dict[str, Any]:
        """Return the counts in JSON types; no row stands in it."""
        return {"table": self.table.tolist(), "rule": self.rule.tolist(), "rows": self.rows.tolist()}


@public("cdr")
def quarantine(tables: Any) -> Quarantine:
    """Which rows cannot be used, and what is left without them?

    Parameters
    ----------
    tables : World, mapping of str to frame or path, or folder
        As in `customer_view`; every table is read into memory (for counts of tables of any size use `check_tables`).

    Returns
    -------
    Quarantine
        Sound rows and bad rows; together they are all rows, each once.

    Raises
    ------
    InputError
        If a table misses a column or holds one of the wrong kind.

    Notes
    -----
    Bad is a row: without its identifier or time; with a time outside 1980..2100 (milliseconds, clocks that were reset);
    with a negative or missing amount, duration or volume; of an unknown kind or direction; removed before it was
    added, or paid before it was billed; of a subscriber who is not in the table of subscribers; or the repetition of
    a row before it (in the call detail records: equal in every column).

    Examples
    --------
    >>> from custval.cdr import quarantine
    >>> from custval.synth import TelecomWorld
    >>> quarantine(TelecomWorld(n_subscribers=100, months=2).simulate())
    Quarantine(0 rows of 0 tables set aside)
    """
    named = named_tables(tables)
    frames = {name: _eager(table) for name, table in named.items()}
    good: dict[str, AnyFrame] = {}
    bad: dict[str, Any] = {}
    counts: list[tuple[str, str, int]] = []
    known: Any = None
    for name in sorted(frames, key=lambda one: one != "subscribers"):  # who is known comes first
        frame = frames[name]
        schema = dict(frame.collect_schema())
        check_columns(name, schema, [one for one in COLUMNS[name] if one in schema or one in KEYS[name]])
        reason = _reasons(name, frame, known)
        kept = reason == ""
        if name == "subscribers":
            known = frame["subscriber_id"][np.flatnonzero(kept)].to_list()
        good[name] = frame[np.flatnonzero(kept)].to_native()
        if not kept.all():
            bad[name] = _set_aside(frame, reason)
            counts += [(name, rule, int((reason == rule).sum())) for rule in dict.fromkeys(reason[~kept].tolist())]
    return Quarantine(
        tables=good,
        set_aside=bad,
        table=frozen(np.array([one for one, _, _ in counts], dtype=object)),
        rule=frozen(np.array([one for _, one, _ in counts], dtype=object)),
        rows=frozen(np.array([one for _, _, one in counts], dtype=np.int64)),
    )


def _eager(table: Any) -> Any:
    """Return a table as an eager Narwhals frame; paths are read through pandas."""
    import narwhals as nw

    from custval._cdr.engines import read_paths

    native = read_paths(table)
    try:
        frame: Any = nw.from_native(native)
    except TypeError:
        raise InputError(f"a table must be a frame or a Parquet path, not {type(table).__name__}") from None
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def _set_aside(frame: Any, reason: TextArray) -> Any:
    rows = np.flatnonzero(reason != "")
    made = frame[rows].to_pandas().reset_index(drop=True)
    return made.assign(row=rows, rule=reason[rows])


def _reasons(name: str, frame: Any, known: Any) -> TextArray:
    """Return the first rule that each row breaks, '' for none."""
    reason = np.full(len(frame), "", dtype=object)
    columns = {column: frame[column] for column in frame.columns}
    rules = _value_rules(name, columns)
    if known is not None and name not in CATALOGUE:
        rules["subscriber is unknown"] = ~columns["subscriber_id"].is_in(known).to_numpy().astype(bool)
    for rule, broken in rules.items():
        reason[broken & (reason == "")] = rule
    if name in ("subscribers", "cdr", *ONCE):
        keys = ("subscriber_id",) if name == "subscribers" else ONCE.get(name, (tuple(frame.columns), ""))[0]
        words = "the row" if name == "cdr" else ", ".join(keys)
        verb = "stand" if len(keys) > 1 and name != "cdr" else "stands"
        reason[_repeats(frame, list(keys), reason == "")] = f"{words} {verb} in a row before"
    return reason


def _value_rules(name: str, columns: Mapping[str, Any]) -> dict[str, BoolArray]:
    """Return which rows break which rule about their own values, the gravest rule first."""
    rules = {f"{column} is missing": _missing(columns[column]) for column in KEYS[name]}
    for column in (one for one in KEYS[name] if one in TIMES):
        values = _floats(columns[column])
        outside = (values < PLAUSIBLE[0]) | (values >= PLAUSIBLE[1])
        rules[f"{column} lies outside 1980..2100 in epoch seconds"] = outside & ~(
            (column == "removed") & (values == -1)
        )
    for column in (one for one in NOT_NEGATIVE.get(name, ()) if one in columns):
        negative = _floats(columns[column]) < 0
        rules[f"{column} is negative or missing"] = _missing(columns[column]) | negative
    for (owner, column), options in LEGAL.items():
        if owner == name:
            words = np.array([str(one) for one in columns[column].to_list()], dtype=object)
            rules[f"{column} is none of {', '.join(options)}"] = ~np.isin(words, list(options))
    for early, late in _ORDER.get(name, ()):
        if early in columns and late in columns:
            first, second = _floats(columns[early]), _floats(columns[late])
            rules[f"{late} lies before {early}"] = (second < first) & (second != -1)
    return rules


_ORDER = {"holdings": (("added", "removed"),), "payments": (("bill_time", "paid_time"),)}


def _missing(values: Any) -> BoolArray:
    missing = values.is_null().to_numpy().astype(bool)
    if values.dtype.is_float():
        missing = missing | np.isnan(_floats(values))
    return np.asarray(missing, dtype=bool)


def _floats(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    import narwhals as nw

    return np.asarray(values.cast(nw.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _repeats(frame: Any, keys: list[str], sound: BoolArray) -> BoolArray:
    """Say which sound rows repeat the keys of a sound row before them."""
    import pandas as pd

    rows = np.flatnonzero(sound)
    columns = pd.DataFrame({key: frame[key].to_pandas().reset_index(drop=True) for key in keys}).iloc[rows]
    broken = np.zeros(len(frame), dtype=bool)
    broken[rows] = columns.duplicated().to_numpy()
    return broken
