"""What each record table must hold: names and kinds of columns, refused by name where they are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from custval._core.errors import InputError
from custval._core.validation import nearest

__all__ = ("COLUMNS", "check_columns", "check_table_names")

# number: int or float; time: a date or datetime; text: text or categories; flag: booleans
COLUMNS: dict[str, dict[str, str]] = {
    "subscribers": {
        "subscriber_id": "number",
        "activation": "time",
        "region": "text",
        "brand": "text",
        "plan": "text",
        "monthly_fee": "number",
        "contract": "text",
        "contract_end": "time",
        "account_id": "number",
        "age": "number",
        "paperless": "flag",
        "autopay": "flag",
    },
    "cdr": {
        "subscriber_id": "number",
        "event_time": "number",
        "kind": "text",
        "direction": "text",
        "other_party": "number",
        "duration_s": "number",
        "volume_mb": "number",
        "on_net": "flag",
        "forwarded": "flag",
        "dropped": "flag",
        "roaming": "flag",
        "charge": "number",
    },
    "bills": {
        "subscriber_id": "number",
        "bill_time": "number",
        "amount": "number",
        "interconnect": "number",
        "cost_to_serve": "number",
        "arrears": "number",
    },
    "contacts": {"subscriber_id": "number", "event_time": "number", "kind": "text"},
    "holdings": {"subscriber_id": "number", "service": "text", "added": "number", "removed": "number"},
    "departures": {"subscriber_id": "number", "departure_time": "number", "cause": "text"},
    "campaigns": {"subscriber_id": "number", "event_time": "number", "treated": "flag"},
}


def check_table_names(names: Iterable[str]) -> None:
    """Refuse a table that no feature knows, and a missing table of subscribers."""
    given = list(names)
    for name in given:
        if name not in COLUMNS:
            shown = ", ".join(COLUMNS)
            raise InputError(f"there is no table {name!r}{nearest(name, COLUMNS)}; the tables are {shown}")
    if "subscribers" not in given:
        raise InputError("the table 'subscribers' is missing; it says who the customers are and when they joined")


def check_columns(table: str, schema: Mapping[str, Any], needed: Iterable[str]) -> None:
    """Refuse a table without a column that the view needs, or with one of the wrong kind."""
    for name in needed:
        if name not in schema:
            shown = ", ".join(schema)
            raise InputError(f"table {table!r} has no column {name!r}{nearest(name, schema)}; its columns are {shown}")
        kind = COLUMNS[table][name]
        if not _is_kind(schema[name], kind):
            raise InputError(f"column {name!r} of table {table!r} must hold {_WORDS[kind]}, not {schema[name]}")


_WORDS = {
    "number": "numbers (times as whole epoch seconds)",
    "time": "dates or datetimes",
    "text": "text or categories",
    "flag": "booleans",
}


def _is_kind(dtype: Any, kind: str) -> bool:
    import narwhals as nw

    if kind == "number":
        return bool(dtype.is_numeric())
    if kind == "time":
        return dtype in (nw.Datetime, nw.Date)
    if kind == "flag":
        return bool(dtype == nw.Boolean)
    return dtype in (nw.String, nw.Categorical, nw.Enum, nw.Object)
