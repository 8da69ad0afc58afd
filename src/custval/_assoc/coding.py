"""Labels as numbers: items and customers of any one type become 0..m-1; missing and mixed labels are refused."""

from __future__ import annotations

import numbers
import sys
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import column
from custval._core.typing import AnyFrame, BoolArray, IntArray, TextArray

__all__ = ("code_column", "code_customers", "code_labels", "plain")


def plain(label: Any) -> Any:
    """Return a NumPy scalar as the Python value it stands for."""
    return label.item() if isinstance(label, np.generic) else label


def code_labels(values: list[Any], basket: IntArray) -> tuple[IntArray, tuple[Any, ...]]:
    """Number the items `values`, of which entry i lies in basket ``basket[i]``; labels come back sorted."""
    try:
        distinct = {plain(value) for value in set(values)}
    except TypeError:
        raise InputError(f"items must be hashable (text or numbers); {_first_unhashable(values, basket)}") from None
    missing = [label for label in distinct if is_missing(label)]
    if missing:
        rows = basket[[is_missing(value) for value in values]]
        raise InputError(
            f"items must not be missing but {len(rows)} of {len(values)} are (first: basket {rows[0]}, "
            f"value {missing[0]!r}); drop them, and leave the basket empty if nothing remains"
        )
    _check_one_kind(distinct, values, basket)
    labels = _sorted(distinct)
    number = {label: code for code, label in enumerate(labels)}
    return np.fromiter(map(number.__getitem__, values), dtype=np.int64, count=len(values)), tuple(labels)


def code_column(frame: AnyFrame, name: str) -> tuple[IntArray, tuple[Any, ...]]:
    """Number the items in column `name` of a long table."""
    known = _factorized(frame, name)
    values = column(frame, name) if known is None else known[0]
    row = np.arange(len(values))
    if known is None and values.dtype.kind in "iuUSb":
        distinct, code = np.unique(values, return_inverse=True)
        return code.reshape(-1), tuple(distinct.tolist())
    if known is None:
        return code_labels(values.tolist(), row)
    _check_present(known[0] >= 0, name)
    order, labels = code_labels(known[1], np.zeros(len(known[1]), dtype=np.int64))
    return order[known[0]], labels


def code_customers(frame: AnyFrame, name: str) -> tuple[IntArray, int]:
    """Number the customers in column `name` of a long table; return the numbers and how many customers there are."""
    known = _factorized(frame, name, numbers_too=False)
    values = column(frame, name) if known is None else known[0]
    present = values >= 0 if known is not None else ~_missing(values)
    _check_present(present, name)
    if known is not None:
        return known[0], len(known[1])
    if values.dtype.kind in "iu" and values.size and int(values.max()) - int(values.min()) < 4 * values.size:
        slot = values.astype(np.int64) - int(values.min())
        used = np.bincount(slot) > 0
        return (np.cumsum(used) - 1)[slot], int(used.sum())
    if values.dtype == object:
        code, labels = code_labels(values.tolist(), np.arange(len(values)))
        return code, len(labels)
    distinct, code = np.unique(values, return_inverse=True)
    return code.reshape(-1), len(distinct)


def is_missing(label: Any) -> bool:
    """Say whether `label` is None, nan, or another library's mark of a missing value."""
    if label is None or type(label).__name__ in {"NAType", "NaTType"}:
        return True
    return bool(isinstance(label, float) and label != label)  # noqa: PLR0124 - nan alone differs from itself


def _check_present(present: BoolArray, name: str) -> None:
    gone = np.flatnonzero(~present)
    if gone.size:
        rows = "rows is" if gone.size == 1 else "rows are"
        text = f"{name} must not be missing but {gone.size} of {len(present)} {rows} (first: row {gone[0]})"
        raise InputError(f"{text}; drop these rows")


def _missing(values: TextArray) -> BoolArray:
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.fromiter(map(is_missing, values), dtype=bool, count=len(values))
    return np.zeros(len(values), dtype=bool)


def _factorized(frame: AnyFrame, name: str, *, numbers_too: bool = True) -> tuple[IntArray, list[Any]] | None:
    """Let pandas number a text column of its own frames: ten times faster than a Python dictionary."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(frame, pandas.DataFrame) or name not in frame.columns:
        return None
    series = frame[name]
    if not numbers_too and series.dtype.kind in "iuf":
        return None
    code, labels = pandas.factorize(series)
    return np.asarray(code, dtype=np.int64), list(labels)


def _kind(label: Any) -> str:
    if isinstance(label, (bool, str)):
        return type(label).__name__
    if isinstance(label, numbers.Real):
        return "number"
    return type(label).__name__


def _check_one_kind(distinct: set[Any], values: list[Any], basket: IntArray) -> None:
    kinds = {_kind(label) for label in distinct}
    if len(kinds) <= 1:
        return
    first: dict[str, tuple[int, Any]] = {}
    for value, where in zip(values, basket.tolist(), strict=True):
        first.setdefault(_kind(plain(value)), (where, plain(value)))
    shown = ", ".join(f"{kind} (basket {where}, value {value!r})" for kind, (where, value) in first.items())
    raise InputError(f"items must be of one type but are of {len(kinds)}: {shown}; convert them all to text")


def _first_unhashable(values: list[Any], basket: IntArray) -> str:
    for value, where in zip(values, basket.tolist(), strict=True):
        try:
            hash(value)
        except TypeError:
            return f"basket {where} holds a {type(value).__name__}"
    return "they are not"


def _sorted(labels: set[Any]) -> list[Any]:
    try:
        return sorted(labels)
    except TypeError:
        return sorted(labels, key=repr)
