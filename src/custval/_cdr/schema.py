"""What each record table must hold: names and kinds of columns, refused by name where they are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from custval._core.errors import InputError
from custval._core.validation import nearest

__all__ = ("CATALOGUE", "COLUMNS", "LEGAL", "LONG_AGO", "check_columns", "check_ids", "check_table_names")

# id: numbers or text, alike in all tables; number: int or float; seconds: epoch seconds; time: a date or datetime;
# and text is text or categories, a flag booleans
COLUMNS: dict[str, dict[str, str]] = {
    "subscribers": {
        "subscriber_id": "id",
        "activation": "time",
        "region": "text",
        "brand": "text",
        "plan": "text",
        "monthly_fee": "number",
        "contract": "text",
        "contract_end": "time",
        "account_id": "id",
        "age": "number",
        "paperless": "flag",
        "autopay": "flag",
        "prepaid": "flag",
    },
    "cdr": {
        "subscriber_id": "id",
        "event_time": "seconds",
        "kind": "text",
        "direction": "text",
        "other_party": "id",
        "duration_s": "number",
        "volume_mb": "number",
        "on_net": "flag",
        "forwarded": "flag",
        "dropped": "flag",
        "roaming": "flag",
        "charge": "number",
    },
    "bills": {
        "subscriber_id": "id",
        "bill_time": "seconds",
        "amount": "number",
        "interconnect": "number",
        "cost_to_serve": "number",
        "arrears": "number",
    },
    "contacts": {"subscriber_id": "id", "event_time": "seconds", "kind": "text"},
    "holdings": {"subscriber_id": "id", "service": "text", "added": "seconds", "removed": "seconds"},
    "departures": {"subscriber_id": "id", "departure_time": "seconds", "cause": "text"},
    "campaigns": {"subscriber_id": "id", "event_time": "seconds", "treated": "flag"},
    "payments": {
        "subscriber_id": "id",
        "bill_time": "seconds",
        "due_time": "seconds",
        "paid_time": "seconds",
        "amount": "number",
    },
    "ageing": {
        "subscriber_id": "id",
        "month_end": "seconds",
        "not_due": "number",
        "days_1_30": "number",
        "days_31_60": "number",
        "days_61_90": "number",
        "days_over_90": "number",
    },
    "topups": {"subscriber_id": "id", "event_time": "seconds", "amount": "number"},
    "renewals": {"subscriber_id": "id", "event_time": "seconds", "contract": "text", "term_months": "number"},
    "offers": {"subscriber_id": "id", "event_time": "seconds", "treated": "flag", "bought": "flag", "spend": "number"},
    "winbacks": {"subscriber_id": "id", "event_time": "seconds", "treated": "flag", "returned": "flag"},
    "plans": {
        "plan": "text",
        "monthly_fee": "number",
        "included_minutes": "number",
        "included_sms": "number",
        "included_mb": "number",
        "price_per_minute": "number",
        "price_per_sms": "number",
        "price_per_mb": "number",
    },
    "services": {"service": "text", "monthly_price": "number", "monthly_margin": "number"},
    "daily_sums": {"subscriber_id": "id", "day": "number", "last_time": "number"},
}
CATALOGUE = ("plans", "services")  # what is sold, about no subscriber

LEGAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("cdr", "kind"): ("voice", "sms", "data"),
    ("cdr", "direction"): ("out", "in"),
    ("contacts", "kind"): ("complaint", "enquiry", "retention"),
}
LONG_AGO = 1e11  # as seconds the year 5138: times beyond it are milliseconds


def check_table_names(names: Iterable[str], *, people: bool = True) -> None:
    """Refuse a table that no feature knows, and a missing table of subscribers."""
    given = list(names)
    for name in given:
        if name not in COLUMNS:
            shown = ", ".join(COLUMNS)
            raise InputError(f"there is no table {name!r}{nearest(name, COLUMNS)}; the tables are {shown}")
    if people and "subscribers" not in given:
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


def check_ids(schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse tables of which one names subscribers by text and another by number: they would never meet."""
    import narwhals as nw

    named = {name: schema for name, schema in schemas.items() if name not in CATALOGUE}
    text = [name for name, schema in named.items() if schema["subscriber_id"] == nw.String]
    numbers = [name for name in named if name not in text]
    if text and numbers:
        raise InputError(
            f"subscriber_id is text in {', '.join(map(repr, text))} but a number in {', '.join(map(repr, numbers))}; "
            "give it in one way in all tables"
        )


_WORDS = {
    "id": "whole numbers or text",
    "number": "numbers",
    "seconds": "times as whole epoch seconds",
    "time": "dates or datetimes",
    "text": "text or categories",
    "flag": "booleans",
}


def _is_kind(dtype: Any, kind: str) -> bool:
    import narwhals as nw

    if kind == "id":
        return bool(dtype.is_numeric()) or dtype == nw.String
    if kind in ("number", "seconds"):
        return bool(dtype.is_numeric())
    if kind == "time":
        return dtype in (nw.Datetime, nw.Date)
    if kind == "flag":
        return bool(dtype == nw.Boolean)
    return dtype in (nw.String, nw.Categorical, nw.Enum, nw.Object)
