"""What a cell means: numbers as people write them, words for yes and no, blanks.

Each distinct cell is read once and its meaning shared, so that a column of a few words costs little however long it is.
Every reading that changes a cell is counted, so that the report can say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray

__all__ = ("NO", "YES", "Numbers", "as_text", "read_numbers", "word_counts")

YES = frozenset({"yes", "y", "true", "t", "1", "left", "churned", "churn", "departed", "是"})
NO = frozenset({"no", "n", "false", "f", "0", "stayed", "active", "current", "否"})
_BLANK = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?", "#n/a"})
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$")
_DECIMAL_COMMA = re.compile(r"^[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+$")
_MONEY = str.maketrans("", "", "$€£¥ \u00a0%'")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Cells read as numbers: nan where blank or not a number, and how many needed which reading."""

    values: FloatArray
    blank: BoolArray
    unreadable: BoolArray
    respelled: int


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


def read_numbers(values: TextArray) -> Numbers:
    """Return cells as numbers: thousands separators, currency signs and decimal commas are understood and counted."""
    if values.dtype.kind in "iufb":
        numbers = values.astype(np.float64)
        wrong = np.isinf(numbers)
        numbers[wrong] = np.nan
        return Numbers(numbers, np.isnan(numbers) & ~wrong, wrong, 0)
    plain = _all_plain(values)
    if plain is not None:
        return Numbers(plain, np.isnan(plain), np.zeros(len(plain), dtype=bool), 0)
    codes, distinct = _distinct(values)
    read = [_number(cell) for cell in distinct] + [(float("nan"), "blank")]
    number = np.array([value for value, _ in read])[codes]
    kind = np.array([kind for _, kind in read])[codes]
    return Numbers(number, kind == "blank", kind == "wrong", int((kind == "respelled").sum()))


def _all_plain(values: TextArray) -> FloatArray | None:
    """Return cells that are all plain finite numbers or missing, the common case, in one pass; None otherwise."""
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        return None
    return None if np.isinf(numbers).any() else numbers


def _distinct(values: TextArray) -> tuple[IntArray, list[object]]:
    """Return a code for each cell, -1 where missing, and the distinct cells."""
    import pandas as pd

    codes, distinct = pd.factorize(np.asarray(values), use_na_sentinel=True)
    return np.asarray(codes, dtype=np.int64), list(distinct)


def _word(cell: object) -> str | None:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() or None


def _number(cell: object) -> tuple[float, str]:
    """Return the number that a cell holds and how it was read: plain, respelled, blank or wrong."""
    if isinstance(cell, (bool, int, float, np.number, np.bool_)):
        value = float(cell)
        return (value, "plain") if np.isfinite(value) else (float("nan"), "wrong")
    text = str(cell).strip()
    if text.casefold() in _BLANK:
        return float("nan"), "blank"
    plain = _float(text)
    if plain is not None:
        return plain, "plain"
    bare = text.translate(_MONEY)
    if _THOUSANDS.match(bare):
        bare = bare.replace(",", "")
    elif _DECIMAL_COMMA.match(bare):
        bare = bare.replace(".", "").replace(",", ".")
    respelled = _float(bare)
    return (float("nan"), "wrong") if respelled is None else (respelled, "respelled")


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
