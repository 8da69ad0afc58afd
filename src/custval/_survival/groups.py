"""Labels of groups or strata as codes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import is_frame, to_columns
from custval._core.typing import BoolArray, IntArray
from custval._core.validation import check_length, check_rows
from custval._survival.events import is_missing

__all__ = ("cluster_codes", "group_codes")


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


def cluster_codes(cluster: Any, n: int, *, keep: BoolArray | None = None) -> IntArray | None:
    """Return the code of each (kept) row's cluster for robust errors, or None without clusters.

    One cluster alone has nothing to vary against: its scores sum to zero, and so would every robust error.
    """
    if cluster is None:
        return None
    if isinstance(cluster, str):
        raise InputError(
            f"cluster must be one label for each row, not the name {cluster!r}; pass the column itself, "
            f"X[{cluster!r}], and leave it out of X"
        )
    codes = group_codes(cluster, n, name="cluster")[1]
    kept = codes if keep is None else np.unique(codes[keep], return_inverse=True)[1].ravel().astype(np.int64)
    if n > 1 and len(kept) and kept.max() == kept.min():
        raise InputError(
            f"cluster holds one label only, in all {len(kept)} rows, so robust errors would be 0; "
            "pass the customer, account or household of each row, or leave cluster out"
        )
    return kept


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
