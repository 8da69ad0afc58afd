"""Numbers and categories side by side: how far apart are two customers?

Numbers are measured in standard deviations (or, for Gower's coefficient, in ranges), categories agree or do not. The
coding is learned once and kept, so that next month's customers are measured by the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from custval._core.encoding import plain_matrix
from custval._core.errors import InputError
from custval._core.frames import column, to_columns
from custval._core.typing import AnyFrame, FloatArray, IntArray
from custval._core.validation import float_array
from custval._segments.axes import named_columns
from custval._segments.labels import label_codes

__all__ = ("Coding", "MixedRows", "adjusted_rand", "learn_coding", "mixed_rows")


class MixedRows(NamedTuple):
    """Customers as numbers (n, p) in their own units and categories (n, q) as codes, -1 for a level not seen in fit."""

    numbers: FloatArray
    categories: IntArray

    def take(self, rows: Any) -> MixedRows:
        """Return some of the rows."""
        return MixedRows(self.numbers[rows], self.categories[rows])


Coding = dict[str, Any]


def learn_coding(X: AnyFrame) -> Coding:
    """Return the columns of `X`: names of numbers and categories, and the levels of the latter."""
    X, columns = named_columns(X)
    if columns is None:
        width = plain_matrix(X).shape[1]
        if width == 0:
            shape = plain_matrix(X).shape
            text = "while a minimum of 1 is required: behaviour"
            raise InputError(f"Found array with 0 feature(s) (shape={shape}) {text}")
        return {"named": False, "numbers": [f"x{j}" for j in range(width)], "categories": [], "levels": {}}
    table = to_columns(X)
    numbers = [name for name, values in table.items() if values.dtype.kind in "iufb"]
    categories = [name for name in table if name not in numbers]
    times = [name for name in categories if table[name].dtype.kind in "mM"]
    if times:
        raise InputError(
            f"column {times[0]!r} holds times, not behaviour; turn it into months since a date, or drop it"
        )
    if not table:
        raise InputError("Found array with 0 feature(s) (shape=(0, 0)) while a minimum of 1 is required: behaviour")
    levels = {name: list(label_codes(table[name], name=f"column {name!r}")[1]) for name in categories}
    return {"named": True, "numbers": numbers, "categories": categories, "levels": levels}


def mixed_rows(X: AnyFrame, coding: Coding, owner: str) -> MixedRows:
    """Return the rows of `X` by a learned coding."""
    X, columns = named_columns(X)
    if columns is None:
        matrix = plain_matrix(X)
        if coding["categories"]:
            raise InputError(f"{owner} was fitted with the columns of a frame, categories among them; give a frame")
        if matrix.shape[1] != len(coding["numbers"]):
            count = len(coding["numbers"])
            raise InputError(f"X has {matrix.shape[1]} features, but {owner} is expecting {count} features as input")
        return MixedRows(matrix, np.zeros((len(matrix), 0), dtype=np.int64))
    numbers = [
        float_array(column(X, name), f"column {name!r}", fix="fill or drop such rows") for name in _wanted(coding)
    ]
    codes = [_level_codes(column(X, name), coding["levels"][name], name) for name in coding["categories"]]
    n = len(numbers[0]) if numbers else len(codes[0])
    if n == 0:
        raise InputError("Found array with 0 sample(s) while a minimum of 1 is required")
    return MixedRows(
        np.column_stack(numbers) if numbers else np.zeros((n, 0)),
        np.column_stack(codes) if codes else np.zeros((n, 0), dtype=np.int64),
    )


def adjusted_rand(one: IntArray, two: IntArray) -> float:
    """Return how well two partitions agree: 1 for the same, about 0 by chance (Hubert and Arabie 1985)."""
    first, second = (np.unique(labels, return_inverse=True)[1] for labels in (one, two))
    size = int(second.max()) + 1
    table = np.bincount(first * size + second, minlength=(int(first.max()) + 1) * size).reshape(-1, size)

    def pairs(counts: Any) -> float:
        return float((counts * (counts - 1.0) / 2.0).sum())

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    every = len(one) * (len(one) - 1.0) / 2.0
    chance = rows * columns / every if every else 0.0
    best = (rows + columns) / 2.0
    return 1.0 if best == chance else (both - chance) / (best - chance)


def _wanted(coding: Mapping[str, Any]) -> list[str]:
    return list(coding["numbers"])


def _level_codes(values: Any, levels: list[str], name: str) -> IntArray:
    codes, seen = label_codes(values, name=f"column {name!r}")
    place = {level: code for code, level in enumerate(levels)}
    lookup = np.array([place.get(label, -1) for label in seen], dtype=np.int64)
    return lookup[codes]
