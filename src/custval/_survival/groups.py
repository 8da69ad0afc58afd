"""Labels of groups or strata as codes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import is_frame, to_columns
from custval._core.typing import IntArray
from custval._core.validation import check_length, check_rows
from custval._survival.events import is_missing

__all__ = ("group_codes",)


def group_codes(groups: Any, n: int, *, name: str = "groups") -> tuple[tuple[Hashable, ...], IntArray]:
    """Return the sorted labels of `groups` (a column, or a frame whose rows are combined) and the code of each row."""
    if is_frame(groups):
        values = _combined(groups, n, name)
    else:
        array = np.asarray(groups)
        if array.ndim != 1:
            raise InputError(f"{name} must be one label for each row but has shape {array.shape}")
        values = array.tolist()
    check_length(values, n, name=name, other="y")
    found = set(values)
    if any(is_missing(label) for label in found):
        known = [not is_missing(label) for label in values]
        check_rows(known, np.array(values, dtype=object), name=name, rule="be known", fix="name them, say 'unknown'")
    labels = tuple(sorted(found, key=_order))
    place = {label: code for code, label in enumerate(labels)}
    return labels, np.fromiter((place[label] for label in values), dtype=np.int64, count=n)


def _combined(frame: Any, n: int, name: str) -> list[Any]:
    columns = [group_codes(column, n, name=f"{name}[{key!r}]") for key, column in to_columns(frame).items()]
    if len(columns) == 1:
        labels, codes = columns[0]
        return [labels[code] for code in codes.tolist()]
    return list(zip(*([labels[code] for code in codes.tolist()] for labels, codes in columns), strict=True))


def _order(label: Any) -> tuple[bool, Any]:
    """Sort numbers by size and before everything else, which goes by its text."""
    number = isinstance(label, (int, float, np.number))
    return (not number, label if number else str(label))
