"""Which columns are the axes of value? Current value, potential value and, if asked, loyalty, read from any table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from custval._core.encoding import plain_matrix
from custval._core.errors import InputError
from custval._core.frames import column, column_names, frame_length, is_frame
from custval._core.typing import AnyFrame, FloatArray
from custval._core.validation import check_length, float_array

__all__ = ("AXES", "Axes", "axis_values", "check_same_names", "chosen_axes", "named_columns")

Axes: TypeAlias = tuple[str, ...] | tuple[int, ...]
AXES = ("current value", "potential value", "loyalty")


def chosen_axes(axes: Sequence[str] | Sequence[int] | None, columns: list[str] | None) -> Axes:
    """Return the two or three columns that hold current value, potential value and loyalty."""
    if axes is not None:
        if isinstance(axes, str) or len(axes) not in (2, 3):
            raise InputError(
                "axes must be a pair (current value, potential value) or a triple with loyalty after them, "
                f"not {axes!r}"
            )
        if all(isinstance(axis, str) for axis in axes):
            if columns is None:
                raise InputError(f"axes={tuple(axes)!r} are names, but X is an array without names; give positions")
            return tuple(str(axis) for axis in axes)
        return tuple(int(axis) for axis in axes)
    if columns is not None and len(columns) >= 2:
        return columns[0], columns[1]
    return 0, 1


def named_columns(X: AnyFrame) -> tuple[AnyFrame, list[str] | None]:
    """Return X with the names of its columns; a frame whose columns are only numbered is taken as an array."""
    if hasattr(X, "toarray") or not is_frame(X):
        return X, None
    if isinstance(X, Mapping):  # results of clv stand for the value of each customer
        return {name: getattr(values, "value", values) for name, values in X.items()}, column_names(X)
    raw = getattr(X, "columns", None)
    if raw is not None and all(isinstance(name, (int, np.integer)) for name in raw):
        return np.asarray(X), None
    return X, column_names(X)


def axis_values(X: AnyFrame, axes: Axes, columns: list[str] | None) -> tuple[FloatArray, int]:
    """Return the axes as a matrix (n, d), and how many columns X has."""
    if columns is None:
        matrix = plain_matrix(X)
        _check_width(matrix.shape[1], len(matrix), axes)
        places = [int(axis) for axis in axes]
        if places == list(range(matrix.shape[1])):
            return matrix, matrix.shape[1]
        return np.ascontiguousarray(matrix[:, places]), matrix.shape[1]
    _check_width(len(columns), frame_length(X), [axis for axis in axes if isinstance(axis, int)] or range(len(axes)))
    chosen = [axis if isinstance(axis, str) else columns[axis] for axis in axes]
    values = [float_array(column(X, name), f"column {name!r}", fix="fill or drop such rows") for name in chosen]
    for name, one in zip(chosen[1:], values[1:], strict=True):
        check_length(one, len(values[0]), name=repr(name), other=repr(chosen[0]))
    if len(values[0]) == 0:
        raise InputError("Found array with 0 sample(s) while a minimum of 1 is required")
    return np.column_stack(values), len(columns)


def check_same_names(given: list[str], fitted: list[str]) -> None:
    """Refuse other columns than in ``fit``, in scikit-learn's words; with axes= by name other columns are free."""
    if given == fitted:
        return
    text = "The feature names should match those that were passed during fit.\n"
    unseen = sorted(set(given) - set(fitted))
    gone = sorted(set(fitted) - set(given))
    if unseen:
        text += "Feature names unseen at fit time:\n" + "".join(f"- {name}\n" for name in unseen)
    if gone:
        text += "Feature names seen at fit time, yet now missing:\n" + "".join(f"- {name}\n" for name in gone)
    if not unseen and not gone:
        text += "Feature names must be in the same order as they were in fit.\n"
    raise InputError(text)


def _check_width(width: int, n: int, axes: Sequence[Any]) -> None:
    least = 1 + max(int(axis) if axis >= 0 else -int(axis) - 1 for axis in axes)
    if width < least:
        words = "current value and potential value" + (" and loyalty" if len(axes) == 3 else "")
        shape = f"(shape=({n}, {width}))"
        raise InputError(f"Found array with {width} feature(s) {shape} while a minimum of {least} is required: {words}")
