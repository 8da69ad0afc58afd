"""What a cell means: numbers as people write them, words for yes and no, blanks, dates.

Each distinct cell is read once and its meaning shared, so that a column of a few words costs little however long it is.
Every reading that changes a cell is counted, so that the report can say so. Whether ``1,234`` is a thousand and some or
one and a quarter is one decision for the whole table: see :func:`has_decimal_comma`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray

__all__ = ("NO", "YES", "Numbers", "as_text", "has_decimal_comma", "is_blank", "is_date", "read_numbers", "word_counts")

YES = frozenset({"yes", "y", "true", "t", "1", "left", "churned", "churn", "departed", "是"})
NO = frozenset({"no", "n", "false", "f", "0", "stayed", "active", "current", "否"})
_BLANK = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?", "#n/a"})
_LARGEST = 1e100  # what is larger is no measurement, and its square would overflow
_SPACES = "\u00a0\u202f\u2009 "
_SIGNS = str.maketrans("", "", f"$€£¥%'’{_SPACES}")
_CURRENCY = re.compile(
    r"^(?:EUR|USD|GBP|CNY|RMB|CHF|JPY|PLN|SEK|NOK|DKK|CZK|元)|(?:EUR|USD|GBP|CNY|RMB|CHF|JPY|PLN|kr|zł|元)$"
)
_GROUPS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$")
_GROUPS_OF_POINTS = re.compile(r"^[+-]?\d{1,3}(\.\d{3})+(,\d*)?$")
_COMMA = re.compile(r"^[+-]?\d*,\d+$")
_SURE_COMMA = re.compile(r"^[+-]?(\d{1,3}(\.\d{3})+,\d+|\d+,(\d{1,2}|\d{4,})|\d{4,},\d+|0,\d+)$")
_SURE_GROUPS = re.compile(r"^[+-]?(\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,})$")
_UNSURE = re.compile(r"^[+-]?[1-9]\d{0,2},\d{3}$")
_DATE = re.compile(
    r"^(\d{4}[-/.](0?[1-9]|1[0-2])([-/.](0?[1-9]|[12]\d|3[01]))?([T ]\d{1,2}:\d{2}.*)?"
    r"|(0?[1-9]|[12]\d|3[01])[-/.](0?[1-9]|1[0-2])[-/.](\d{4}|\d{2})([T ]\d{1,2}:\d{2}.*)?"
    r"|\d{4}[- ]?[QH][1-4]|[QH][1-4][- ]?\d{4})$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Cells read as numbers: nan where blank or not a number, and how many needed which reading."""

    values: FloatArray
    blank: BoolArray
    unreadable: BoolArray
    respelled: int


def is_blank(word: str) -> bool:
    """Say whether a word stands for nothing: NA, null, -, ? and the like."""
    return word.casefold() in _BLANK


def is_date(word: str) -> bool:
    """Say whether a word is written like a day, a month, a quarter or a half-year."""
    return _DATE.match(word) is not None


def as_text(values: TextArray) -> TextArray:
    """Return cells as stripped text (whole numbers without ``.0``), None where nothing stands."""
    codes, distinct = _distinct(values)
    words = np.empty(len(distinct) + 1, dtype=object)
    words[:-1] = [_word(cell) for cell in distinct]
    words[-1] = None
    return np.asarray(words[codes])


def word_counts(values: TextArray) -> dict[str, int]:
    """Return how often each word stands in the cells."""
    codes, distinct = _distinct(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct)).tolist()
    told: dict[str, int] = {}
    for cell, count in zip(distinct, counts, strict=True):
        word = _word(cell)
        if word is not None:
            told[word] = told.get(word, 0) + count
    return told


def has_decimal_comma(columns: Iterable[TextArray], *, delimiter: str = ",") -> bool:
    """Say whether a table writes ``29,85`` for twenty-nine and a bit, from its first rows.

    Cells that can only be read one way decide (``29,85`` and ``1.234,5`` against ``1,234.5``); where there are none but
    cells like ``45,123`` are, a semicolon between the columns speaks for the decimal comma.
    """
    comma = groups = unsure = 0
    for values in columns:
        if values.dtype != object:
            continue
        for cell in _distinct(values)[1]:
            bare = _bare(cell) if isinstance(cell, str) and "," in cell else ""
            comma += _SURE_COMMA.match(bare) is not None
            groups += _SURE_GROUPS.match(bare) is not None
            unsure += _UNSURE.match(bare) is not None
    return comma > groups or (comma == groups == 0 and unsure > 0 and delimiter == ";")


def read_numbers(values: TextArray, *, decimal_comma: bool = False) -> Numbers:
    """Return cells as numbers: thousands separators and currency signs are understood and counted; dates are not."""
    if values.dtype.kind in "mM":
        gone = np.isnat(values)
        return Numbers(np.full(len(values), np.nan), gone, ~gone, 0)
    plain = _all_plain(values, decimal_comma=decimal_comma)
    if plain is not None:
        return Numbers(plain, np.isnan(plain), np.zeros(len(plain), dtype=bool), 0)
    codes, distinct = _distinct(values)
    read = [_number(cell, decimal_comma=decimal_comma) for cell in distinct] + [(float("nan"), "blank")]
    number = np.array([value for value, _ in read])[codes]
    kind = np.array([kind for _, kind in read])[codes]
    return Numbers(number, kind == "blank", kind == "wrong", int((kind == "respelled").sum()))


def _all_plain(values: TextArray, *, decimal_comma: bool) -> FloatArray | None:
    """Return cells that are all plain finite numbers or missing, the common case, in one pass; None otherwise."""
    if decimal_comma and values.dtype == object:
        return None
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    with np.errstate(invalid="ignore"):
        return None if (np.abs(numbers) > _LARGEST).any() else numbers


def _distinct(values: TextArray) -> tuple[IntArray, list[object]]:
    """Return a code for each cell, -1 where missing, and the distinct cells."""
    import pandas as pd

    try:
        codes, distinct = pd.factorize(np.asarray(values), use_na_sentinel=True)
    except TypeError:  # lists and the like cannot be hashed: their text is what they say
        words = np.array([str(cell) for cell in values.tolist()], dtype=object)
        codes, distinct = pd.factorize(words, use_na_sentinel=True)
    return np.asarray(codes, dtype=np.int64), list(distinct)


def _word(cell: object) -> str | None:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() or None


def _bare(text: str) -> str:
    return _CURRENCY.sub("", text.strip().translate(_SIGNS))


def _number(cell: object, *, decimal_comma: bool) -> tuple[float, str]:
    """Return the number that a cell holds and how it was read: plain, respelled, blank or wrong."""
    if isinstance(cell, (bool, int, float, np.number, np.bool_)):
        value = _finite(float(cell))
        return (value, "plain") if value is not None else (float("nan"), "wrong")
    text = str(cell).strip()
    if is_blank(text):
        return float("nan"), "blank"
    bare = _bare(text)
    if decimal_comma and (_COMMA.match(bare) or _GROUPS_OF_POINTS.match(bare)):
        bare = bare.replace(".", "").replace(",", ".")
    elif _GROUPS.match(bare):
        bare = bare.replace(",", "")
    elif _SURE_COMMA.match(bare):
        bare = bare.replace(".", "").replace(",", ".")
    number = _float(bare)
    if number is None:
        return float("nan"), "wrong"
    return number, "plain" if bare == text else "respelled"


def _float(text: str) -> float | None:
    try:
        return _finite(float(text))
    except ValueError:
        return None


def _finite(value: float) -> float | None:
    return value if abs(value) <= _LARGEST else None
