"""Numbers as people read them: counts, money, shares and months, with as many digits as carry meaning.

What is missing is shown as a dash; infinity as the sign. Nothing here depends on the machine's locale.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = (
    "count_text",
    "decimal_text",
    "money_text",
    "money_tick",
    "months_text",
    "percent_text",
    "plain_text",
    "plural",
    "quadrant_name",
    "sentence",
)

DASH = "–"
MINUS = "−"
TIGHT = "\N{NO-BREAK SPACE}"
SIGNS = frozenset("$€£¥₹₩₽₺₴₦฿₫₱")


def count_text(value: float | None) -> str:
    """Return a whole number with thousands separators.

    >>> count_text(7043), count_text(None)
    ('7,043', '–')
    """
    return _signed(value, lambda size: f"{size:,.0f}")


def decimal_text(value: float | None, digits: int = 2) -> str:
    """Return a number with `digits` decimals.

    >>> decimal_text(1.834, 1)
    '1.8'
    """
    return _signed(value, lambda size: f"{size:,.{digits}f}")


def percent_text(share: float | None) -> str:
    """Return a share in 0..1 as per cent: one decimal, two below one per cent.

    >>> percent_text(0.2654), percent_text(0.00817), percent_text(0.00001)
    ('26.5%', '0.82%', '<0.01%')
    """
    if share is not None and 0 < share < 0.0001:
        return "<0.01%"
    return _signed(share, lambda size: f"{100 * size:.{2 if 0 < size < 0.01 else 1}f}%")


def money_text(value: float | None, currency: str | None = None, *, like: float | None = None) -> str:
    r"""Return money in at most four figures or so, with its currency where one is known; as fine as `like` where given.

    >>> money_text(16_056_168.3, "$"), money_text(-45300, "EUR"), money_text(64.76)
    ('$16.06\xa0M', '−EUR\xa045,300', '64.76')
    >>> money_text(80.36, "$", like=188.2)
    '$80'
    """
    sign = currency or ""
    lead = sign if sign in SIGNS or not sign else f"{sign}{TIGHT}"
    scale = None if like is None or not math.isfinite(like) else abs(like)
    return _signed(value, lambda size: lead + _short(size, size if scale is None else scale))


def money_tick(value: float, currency: str | None = None) -> str:
    """Return money for the tick of an axis: without hundredths where it is whole.

    >>> money_tick(40, "$"), money_tick(0.5, "$")
    ('$40', '$0.50')
    """
    whole = float(value).is_integer()
    return money_text(value, currency, like=max(abs(value), 100.0) if whole else None)


def months_text(value: float | None, unit: str = "month") -> str:
    """Return a length of time with its unit.

    >>> months_text(1), months_text(18.44)
    ('1 month', '18.4 months')
    """
    if value is None or math.isnan(value):
        return DASH
    shown = decimal_text(value, 0 if float(value).is_integer() else 1)
    return f"{shown} {unit}" if shown == "1" else f"{shown} {unit}s"


def plural(count: float, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    >>> plural(1, "customer"), plural(2300, "customer")
    ('1 customer', '2,300 customers')
    """
    return f"{count_text(count)} {one if count == 1 else many or one + 's'}"


def plain_text(value: object) -> str:
    """Return whatever a table cell may hold as text: collections joined by commas, missing as a dash.

    >>> plain_text(("Fibre", "TV")), plain_text(None), plain_text(float("nan"))
    ('Fibre, TV', '–', '–')
    """
    if value is None or value != value:  # noqa: PLR0124 - nan and NaT are the values that differ from themselves
        return DASH
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(str, value)))
    text = str(value)
    return DASH if text in {"<NA>", ""} else text


def sentence(text: object) -> str:
    """Return words with a capital first letter.

    >>> sentence("departures of the last month")
    'Departures of the last month'
    """
    words = str(text)
    return words[:1].upper() + words[1:]


def quadrant_name(name: object) -> str:
    """Return a quadrant's name in words where it has only its place (value first); names of the user's own stay.

    >>> quadrant_name("high/low"), quadrant_name("Loyal core")
    ('High value, low potential', 'Loyal core')
    """
    value, _, potential = str(name).partition("/")
    places = {"high", "low"}
    return sentence(f"{value} value, {potential} potential") if {value, potential} <= places else str(name)


def _signed(value: float | None, shape: Callable[[float], str]) -> str:
    if value is None or value != value:  # noqa: PLR0124 - true of nan only
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = shape(abs(float(value)))
    zero = not any(digit in text for digit in "123456789")
    return f"{MINUS}{text}" if value < 0 and not zero else text


def _short(size: float, like: float) -> str:
    for scale, letter in ((1e9, "bn"), (1e6, "M")):
        if like >= 0.9995 * scale:
            return f"{size / scale:,.{2 if like < 100 * scale else 0}f}{TIGHT}{letter}"
    return f"{size:,.2f}" if 0 < like < 99.995 else f"{size:,.0f}"
