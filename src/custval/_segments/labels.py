"""Names of states, segments and causes as codes, by one rule: sorted if not given, refused by name if unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import IntArray
from custval._core.validation import nearest

__all__ = ("is_missing", "label_codes")


def label_codes(
    values: Any, known: Sequence[Any] | None = None, *, name: str = "state", rows: IntArray | None = None
) -> tuple[IntArray, tuple[str, ...]]:
    """Return the code of each label and the labels as text.

    Parameters
    ----------
    values : array of shape (n,)
        Labels of any kind; whole numbers are codes themselves where `known` is not given and they are labels too.
    known : sequence, optional
        The labels in the order of their codes; None takes the sorted labels seen.
    name : str
        What a label is, for messages.
    rows : array of shape (n,), optional
        Row of each value in the user's table, for messages.

    Returns
    -------
    codes : ndarray of int64 of shape (n,)
        Place of each label among the known ones.
    labels : tuple of str
        The labels.

    Raises
    ------
    InputError
        If a label is missing or unknown.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{name} must have one dimension, not {array.ndim} (shape {array.shape})")
    if array.dtype.kind in "iub":
        distinct, codes = _whole_codes(array)
    else:
        listed = array.tolist()
        _check_missing(listed, name, rows)
        seen: dict[Any, int] = {}
        codes = np.fromiter((seen.setdefault(value, len(seen)) for value in listed), dtype=np.int64, count=len(listed))
        distinct = list(seen)
    if known is None:
        order = _sorted(distinct)
        labels = [distinct[place] for place in order]
        position = np.empty(len(order), dtype=np.int64)
        position[order] = np.arange(len(order))
    else:
        labels = list(known)
        position = _positions(distinct, labels, codes, name, rows)
    return position[codes] if len(codes) else codes, tuple(str(label) for label in labels)


def _whole_codes(array: Any) -> tuple[list[Any], IntArray]:
    """Return the distinct whole numbers and codes into them; small ranges need no sort."""
    if not len(array):
        return [], np.zeros(0, dtype=np.int64)
    if array.dtype.kind == "b":
        array = array.astype(np.int8)
        distinct, codes = _whole_codes(array)
        return [bool(value) for value in distinct], codes
    low, high = int(array.min()), int(array.max())
    if high - low <= 1 << 16:
        shifted = array.astype(np.int64) - low
        present = np.flatnonzero(np.bincount(shifted, minlength=high - low + 1))
        if len(present) == high - low + 1:
            return (present + low).tolist(), shifted
        place = np.zeros(high - low + 1, dtype=np.int64)
        place[present] = np.arange(len(present))
        return (present + low).tolist(), place[shifted]
    values, codes = np.unique(array, return_inverse=True)
    return values.tolist(), np.asarray(codes, dtype=np.int64)


def _sorted(distinct: list[Any]) -> IntArray:
    try:
        order = sorted(range(len(distinct)), key=distinct.__getitem__)
    except TypeError:  # labels of several kinds
        order = sorted(range(len(distinct)), key=lambda place: str(distinct[place]))
    return np.array(order, dtype=np.int64)


def _positions(distinct: list[Any], labels: list[Any], codes: IntArray, name: str, rows: IntArray | None) -> IntArray:
    if len(set(map(str, labels))) < len(labels):
        raise InputError(f"the known {name}s must differ, but are {labels!r}")
    place = {str(label): code for code, label in enumerate(labels)}
    found = np.array([place.get(str(value), -1) for value in distinct], dtype=np.int64)
    if (found < 0).any():
        strange = found[codes] < 0
        if strange.any():
            first = int(np.flatnonzero(strange)[0])
            value = distinct[int(codes[first])]
            where = first if rows is None else int(rows[first])
            raise InputError(
                f"{int(strange.sum())} of {len(codes)} rows hold an unknown {name} (first: row {where}, {value!r}"
                f"{nearest(str(value), map(str, labels))}); the known ones are {', '.join(map(str, labels))}"
            )
    return found


def _check_missing(listed: list[Any], name: str, rows: IntArray | None) -> None:
    missing = [row for row, value in enumerate(listed) if is_missing(value)]
    if missing:
        first = missing[0] if rows is None else int(rows[missing[0]])
        count = len(missing)
        raise InputError(
            f"{name} is missing in {count} of {len(listed)} rows (first: row {first}); drop them, or name what is "
            "missing, such as 'none'"
        )


def is_missing(value: Any) -> bool:
    """Return whether a label is None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124  only NaN and NaT differ from themselves
    except (TypeError, ValueError):  # pandas' NA answers neither yes nor no
        return True
