"""Equal rows counted once: a base of millions has few different (frequency, recency, age).

Whole numbers are coded without sorting; anything else is sorted. The answers for equal rows are computed once and
handed back to every row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("Levels", "on_levels")

DENSE = 2**22  # codes for which a table is cheaper than a sort
SPREAD = 2**21


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Different rows of some columns.

    Attributes
    ----------
    first : ndarray of shape (L,)
        A row for each level.
    index : ndarray of shape (n,)
        The level of each row.
    """

    first: IntArray
    index: IntArray

    @classmethod
    def of(cls, *columns: FloatArray) -> Levels:
        """Return the levels of the combinations of `columns`, each of shape (n,)."""
        key, size = _codes(columns[0])
        for column in columns[1:]:
            more, levels = _codes(column)
            if size > 2**62 // max(levels, 1):
                _, key = np.unique(key, return_inverse=True)
                size = int(key.max()) + 1
            key, size = key * levels + more, size * levels
        if size <= max(DENSE, 4 * len(key)):
            return cls(*_dense(key, size))
        _, first, index = np.unique(key, return_index=True, return_inverse=True)
        return cls(first.astype(np.int64), index.astype(np.int64))

    def __len__(self) -> int:
        """Return the number of levels."""
        return len(self.first)

    def totals(self, weight: FloatArray) -> FloatArray:
        """Return the sums of `weight`, (n,), over each level."""
        return np.asarray(np.bincount(self.index, weights=weight, minlength=len(self.first)), dtype=np.float64)


def on_levels(
    answer: Callable[..., FloatArray],
    columns: Sequence[FloatArray],
    *,
    least: int = 256,
    known: dict[str, Levels] | None = None,
    name: str = "",
) -> FloatArray:
    """Return ``answer(*columns)``, a row-wise function, computed once for equal rows.

    Levels that are asked for again and again, as in a fit, are kept in `known` under `name`.
    """
    if len(columns[0]) < least:
        return answer(*columns)
    levels = known.get(name) if known is not None else None
    if levels is None:
        levels = Levels.of(*columns)
        if known is not None:
            known[name] = levels
    if 2 * len(levels) > len(columns[0]):
        return answer(*columns)
    return np.asarray(answer(*(column[levels.first] for column in columns))[levels.index])


def _codes(column: FloatArray) -> tuple[IntArray, int]:
    """Return a whole number for each value, and how many there may be."""
    low, high = float(column.min()), float(column.max())
    if high - low < SPREAD and abs(low) < 2**52:
        whole = column.astype(np.int64)
        if (whole == column).all():
            return whole - int(low), int(high) - int(low) + 1
    values, index = np.unique(column, return_inverse=True)
    return index.astype(np.int64), len(values)


def _dense(key: IntArray, size: int) -> tuple[IntArray, IntArray]:
    row = np.full(size, -1, dtype=np.int64)
    row[key] = np.arange(len(key))
    present = np.flatnonzero(row >= 0)
    level = np.empty(size, dtype=np.int64)
    level[present] = np.arange(len(present))
    return row[present], level[key]
