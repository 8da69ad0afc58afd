"""Counting customers into cells and months: the table that ``DiscreteHazard.fit_counts`` learns from.

Any engine's GROUP BY makes the same table; this does it for arrays, in one pass whose memory does not grow with the
customers: a cell is a whole number made of the columns' codes, and months at risk are sums from the last one back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import frame_length, is_frame, like, to_columns
from custval._core.typing import AnyFrame, IntArray, TextArray
from custval._core.validation import check_length, check_rows
from custval._survival.target import read_target, unchecked_fields

__all__ = ("count_table",)

_BLOCK = 1 << 17
_MOST_COUNTS = 1 << 27
_NARROW = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """A column as codes: `codes` None means that they are the values less `low`."""

    values: TextArray
    codes: IntArray | None
    low: int
    levels: TextArray

    def block(self, rows: slice) -> IntArray:
        if self.codes is not None:
            return self.codes[rows]
        return self.values[rows].astype(np.int64) - self.low


@public("survival")
def count_table(X: AnyFrame, y: Any) -> AnyFrame:
    """Return customers counted by cell and month, as :meth:`DiscreteHazard.fit_counts` takes them.

    Parameters
    ----------
    X : frame of n rows
        Columns that make the cells: those of few distinct values.
    y : target of shape (n,)
        From :func:`survival_target`, or a pair ``(duration, event)`` of whole numbers; durations (and entries) must be
        whole months: see :func:`to_months`.

    Returns
    -------
    frame
        Of the kind of X: ``tenure``, the columns of X, ``at_risk``, and ``exits_<cause>`` for each cause; cells and
        months in which somebody is at risk.

    Raises
    ------
    InputError
        For times that are not whole months, and columns of so many values that counting saves nothing.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, count_table
    >>> table = count_table({"paperless": [0, 1, 0, 1, 1]}, ([2, 1, 1, 2, 2], [0, 1, 0, 1, 0]))
    >>> {name: values.tolist() for name, values in table.items()}["at_risk"]
    [2, 1, 3, 2]
    >>> DiscreteHazard(baseline="constant", l2=1.0).fit_counts(table).coef_.round(2)
    array([0.56])
    """
    if not is_frame(X):
        raise InputError("the columns of the cells need names: give X as a frame, not as an array")
    entry, duration, event, causes = _months(y)
    table = to_columns(X)
    check_length(duration, frame_length(X), name="y")
    columns = {name: _coded(name, values) for name, values in table.items()}
    cells = int(np.prod([len(column.levels) for column in columns.values()], dtype=object))
    last = int(duration.max(initial=0))
    if cells * (last + 1) * (len(causes) + 1) > _MOST_COUNTS:
        shown = ", ".join(f"{name} {len(column.levels)}" for name, column in columns.items())
        raise InputError(
            f"the columns make {cells} cells (values: {shown}), too many to count by month; leave out or band "
            "the columns of many values, or fit the customers themselves"
        )
    left, joined = _counted(list(columns.values()), cells, (entry, duration, event), last, len(causes))
    at_risk = np.cumsum(left.sum(axis=2)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    if joined is not None:
        at_risk = at_risk - np.cumsum(joined[:, ::-1], axis=1)[:, ::-1][:, 1:]
    cell, month = np.nonzero(at_risk)
    made: dict[str, Any] = {"tenure": month + 1}
    for name, column in reversed(columns.items()):
        made[name] = column.levels[cell % len(column.levels)]
        cell = cell // len(column.levels)
    named = {"tenure": made["tenure"], **{name: made[name] for name in table}}
    keep = at_risk > 0
    exits = {f"exits_{name}": left[:, 1:, k][keep] for k, name in enumerate(causes, start=1)}
    return like(X, {**named, "at_risk": at_risk[keep], **exits})


def _months(y: Any) -> tuple[TextArray | None, TextArray, TextArray, tuple[str, ...]]:
    """Return entry (None: all from the start), duration, event and causes, checked in as few passes as may be."""
    pair = tuple(np.asarray(part) for part in y) if isinstance(y, tuple) else y
    plain = unchecked_fields(pair)
    if plain is None:
        target = read_target(y)
        plain = (target.entry if target.has_entry else None, target.duration, target.event, target.causes, "")
    entry, duration, event, causes, _ = plain
    for name, values, low in (("duration", duration, 1), ("entry", entry, 0)):
        if values is not None and values.dtype.kind == "f":
            fix = "round them with to_months first"
            check_rows(values == np.floor(values), values, name=name, rule="be whole months", fix=fix)
        if values is not None and len(values) and values.min() < low:
            check_rows(values >= low, values, name=name, rule=f"be >= {low}")
    if entry is not None:
        entry = entry if entry.any() else None
    most = int(event.max(initial=0))
    if int(event.min(initial=0)) < 0 or most > len(causes):
        if len(causes) > 1 or int(event.min(initial=0)) < 0:
            check_rows((event >= 0) & (event <= len(causes)), event, name="event", rule=f"be from 0 to {len(causes)}")
        causes = tuple(f"cause_{k}" for k in range(1, most + 1))
    return entry, duration, event, causes


def _coded(name: str, values: TextArray) -> _Column:
    if values.dtype.kind in "iub" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < _NARROW:
            levels = np.arange(low, high + 1)
            return _Column(values, None, low, levels.astype(bool) if values.dtype.kind == "b" else levels)
    try:
        levels, codes = np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)
    except TypeError:
        raise InputError(f"column {name!r} holds values that cannot be told apart; turn it into text") from None
    return _Column(values, codes, 0, levels.astype(object) if values.dtype == object else levels)


def _counted(
    columns: list[_Column],
    cells: int,
    times: tuple[TextArray | None, TextArray, TextArray],
    last: int,
    causes: int,
) -> tuple[IntArray, IntArray | None]:
    """Return ends by cell, month 0..T and event, (cells, T + 1, K + 1), and late entries by cell and month."""
    entry, duration, event = times
    wide = causes + 1
    left = np.zeros(cells * (last + 1) * wide, dtype=np.int64)
    joined = None if entry is None else np.zeros(cells * (last + 1), dtype=np.int64)
    for start in range(0, len(duration), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cell = np.zeros(len(duration[rows]), dtype=np.int64)
        for column in columns:
            cell *= len(column.levels)
            cell += column.block(rows)
        cell *= last + 1
        if joined is not None and entry is not None:
            joined += np.bincount(cell + entry[rows].astype(np.int64), minlength=len(joined))
        cell += duration[rows].astype(np.int64)
        cell *= wide
        cell += event[rows].astype(np.int64)
        left += np.bincount(cell, minlength=len(left))
    shaped = left.reshape(cells, last + 1, wide)
    return shaped, None if joined is None else joined.reshape(cells, last + 1)
