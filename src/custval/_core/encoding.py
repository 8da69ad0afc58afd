"""From a frame of any kind to a design matrix, by one documented rule, and from names back to words.

Numbers stay as they are. Booleans become 0/1. Text and categories become treatment-coded indicators: one column
``name=level`` for each level but the first in sorted order, levels stored. A level not seen in fitting is refused by
name, or counted as the reference level with ``unseen="other"``. Missing values are refused with their count, or with
``missing="indicator"`` become a column ``name=missing`` (numbers are filled with the mean of the known ones).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import frame_length, is_frame, to_columns
from custval._core.typing import AnyFrame, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_choice, nearest

__all__ = ("DesignEncoder", "DesignMatrix", "plain_matrix")

_MISSING, _UNSEEN = -1, -2


class DesignMatrix(np.ndarray[tuple[int, int], np.dtype[np.float64]]):
    """A design matrix that an encoder has already made; slices of rows are design matrices too."""


class DesignEncoder:
    """The learned coding: columns in order, their kind, levels, fill value; ``feature_names`` of the matrix."""

    def __init__(self, *, missing: str = "error", unseen: str = "error") -> None:
        self.missing = missing
        self.unseen = unseen

    def fit(self, X: AnyFrame) -> Self:
        """Learn the columns of `X`, their levels and fill values."""
        check_choice(self.missing, "missing", ("error", "indicator"))
        check_choice(self.unseen, "unseen", ("error", "other"))
        self.named = is_frame(X) and not _is_sparse(X)
        self.columns: list[dict[str, Any]] = []
        if self.named:
            for name, values in to_columns(X).items():
                self.columns.append(self._learn(name, values))
        else:
            matrix = plain_matrix(X)
            self.columns = [{"name": f"x{j}", "kind": "number"} for j in range(matrix.shape[1])]
        if not self.columns:
            raise InputError(
                f"Found array with 0 feature(s) (shape={(frame_length(X), 0)}) while a minimum of 1 is required."
            )
        return self

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of the design matrix."""
        return [name for spec in self.columns for name in _feature_names(spec)]

    @property
    def sources(self) -> list[str]:
        """For each column of the design matrix, the column of the frame that it comes from."""
        return [spec["name"] for spec in self.columns for _ in _feature_names(spec)]

    @property
    def input_names(self) -> list[str]:
        """Names of the columns that a frame must have."""
        return [spec["name"] for spec in self.columns]

    def transform(self, X: AnyFrame, *, owner: str = "this model") -> FloatArray:
        """Return the design matrix of `X`, shape (n, p), float64."""
        if isinstance(X, DesignMatrix):
            return self._made(X, owner)
        if not is_frame(X) or _is_sparse(X):
            return self._plain(X, owner)
        table = to_columns(X)
        length = frame_length(X)
        parts: list[FloatArray] = []
        for spec in self.columns:
            if spec["name"] not in table:
                name = spec["name"]
                raise InputError(f"{owner} was fitted with a column {name!r}, which is missing{nearest(name, table)}")
            parts.extend(self._code(spec, table[spec["name"]]))
        return np.column_stack(parts) if parts else np.empty((length, 0))

    def design(self, X: AnyFrame, *, owner: str = "this model") -> DesignMatrix:
        """Return the design matrix of `X` as a kind that ``transform`` hands back as it is: coded once, asked often."""
        return self.transform(X, owner=owner).view(DesignMatrix)

    def get_state(self) -> dict[str, Any]:
        """Return the coding as plain values."""
        kept = {"missing": self.missing, "unseen": self.unseen, "named": self.named, "columns": self.columns}
        return dict(kept)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the encoder that :meth:`get_state` described."""
        encoder = cls(missing=state["missing"], unseen=state["unseen"])
        encoder.named = state["named"]
        encoder.columns = [dict(spec) for spec in state["columns"]]
        return encoder

    def _learn(self, name: str, values: TextArray) -> dict[str, Any]:
        gone = _missing(values)
        if gone.any() and self.missing == "error":
            first = int(np.flatnonzero(gone)[0])
            raise InputError(
                f"column {name!r} is missing (NaN or None) in {int(gone.sum())} of {len(values)} rows (first: row "
                f"{first}); fill them, drop them, or fit with missing='indicator'"
            )
        kind = _kind(name, values)
        spec: dict[str, Any] = {"name": name, "kind": kind, "missing": bool(gone.any())}
        if kind == "number":
            numbers = _finite(name, values, gone)
            spec["fill"] = float(numbers[~gone].mean()) if not gone.all() else 0.0
        elif kind == "text":
            spec["levels"] = sorted({str(value) for value in _distinct(values[~gone].tolist())})
        return spec

    def _code(self, spec: dict[str, Any], values: TextArray) -> list[FloatArray]:
        gone = _missing(values)
        name = spec["name"]
        if gone.any() and not spec["missing"] and self.missing == "error":
            raise InputError(f"column {name!r} is missing (NaN or None) in {int(gone.sum())} of {len(values)} rows")
        extra = [gone.astype(np.float64)] if spec["missing"] else []
        if spec["kind"] == "number":
            numbers = _finite(name, values, gone)
            return [np.where(gone, spec["fill"], numbers), *extra]
        if spec["kind"] == "bool":
            truth = np.zeros(len(values))
            truth[~gone] = np.asarray(values[~gone], dtype=np.float64)
            return [truth, *extra]
        return [*self._indicators(spec, values, gone), *extra]

    def _indicators(self, spec: dict[str, Any], values: TextArray, gone: BoolArray) -> list[FloatArray]:
        levels = spec["levels"]
        codes = _level_codes(values, gone, levels)
        unseen = codes == _UNSEEN
        if unseen.any() and self.unseen == "error":
            first = int(np.flatnonzero(unseen)[0])
            raise InputError(
                f"column {spec['name']!r} holds a level not seen in fitting: {str(values[first])!r} in "
                f"{int(unseen.sum())} of {len(values)} rows (first: row {first}); known levels are {levels}"
            )
        return [(codes == code).astype(np.float64) for code in range(1, len(levels))]

    def _made(self, X: DesignMatrix, owner: str) -> FloatArray:
        wanted = len(self.feature_names)
        if X.ndim != 2 or X.shape[1] != wanted:
            raise InputError(f"{owner} has a design matrix of {wanted} columns, not shape {X.shape}")
        return np.asarray(X)

    def _plain(self, X: Any, owner: str) -> FloatArray:
        matrix = plain_matrix(X)
        if self.named:
            wanted = len(self.columns)
            if any(spec["kind"] != "number" for spec in self.columns) or matrix.shape[1] != wanted:
                raise InputError(f"{owner} was fitted with named columns {self.input_names}; give a frame with them")
        if matrix.shape[1] != len(self.columns):
            raise InputError(
                f"X has {matrix.shape[1]} features, but {owner} is expecting {len(self.columns)} features as input"
            )
        return matrix


def plain_matrix(X: Any) -> FloatArray:
    """Return a 2-D float64 array of finite numbers, or say what is wrong with it."""
    if _is_sparse(X):
        raise TypeError("Sparse data was passed for X, but dense data is required; use X.toarray()")
    raw = np.asarray(X)
    if np.iscomplexobj(raw):
        raise InputError("Complex data not supported; X must hold real numbers")
    if raw.ndim != 2:
        raise InputError(
            f"Expected 2D array, got {raw.ndim}D array instead (shape {raw.shape}). Reshape your data: one row for "
            "each customer, one column for each feature"
        )
    try:
        matrix = raw.astype(np.float64)
    except ValueError:
        raise _text_in(raw) from None
    if matrix.shape[0] == 0:
        raise InputError(f"Found array with 0 sample(s) (shape={matrix.shape}) while a minimum of 1 is required.")
    if not np.isfinite(matrix).all():
        row, col = np.argwhere(~np.isfinite(matrix))[0]
        raise InputError(f"X holds NaN or infinity (first: row {row}, column {col}); fill or drop such rows")
    return matrix


def _text_in(raw: TextArray) -> InputError:
    """Return the error that names the first text in an array that should hold numbers."""
    for (row, place), value in np.ndenumerate(raw):
        try:
            float(value)
        except ValueError:
            return InputError(
                f"X must hold numbers, but row {row}, column {place} holds {value!r}; give a frame with named columns, "
                "whose text is coded"
            )
    return InputError("X must hold numbers; give a frame with named columns")


def _level_codes(values: TextArray, gone: BoolArray, levels: list[str]) -> IntArray:
    """Return the position of each value among `levels`, -1 for missing, -2 for a level that is not there."""
    position = {level: code for code, level in enumerate(levels)}
    listed = values.tolist()
    # distinct values are few: each is turned into text and looked up once
    known = {value: position.get(str(value), _UNSEEN) for value in set(listed)}
    codes = np.fromiter(map(known.__getitem__, listed), dtype=np.int64, count=len(listed))
    return np.where(gone, _MISSING, codes)


def _is_sparse(X: Any) -> bool:
    # one of SciPy's sparse kinds is a mapping too, and must not pass for a frame
    return hasattr(X, "toarray") and hasattr(X, "nnz")


def _feature_names(spec: Mapping[str, Any]) -> list[str]:
    name = spec["name"]
    own = [f"{name}={level}" for level in spec["levels"][1:]] if spec["kind"] == "text" else [name]
    return [*own, f"{name}=missing"] if spec.get("missing") else own


def _missing(values: TextArray) -> BoolArray:
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind in "Mm":
        return np.isnat(values)
    if values.dtype == object:
        listed = values.tolist()
        if not any(map(_is_missing, _kept_apart(listed))):
            return np.zeros(len(values), dtype=bool)
        return np.fromiter(map(_is_missing, listed), dtype=bool, count=len(values))
    return np.zeros(len(values), dtype=bool)


def _distinct(listed: list[Any]) -> Iterable[Any]:
    """Return the distinct values of a list of text, or the list: other values that are equal may read differently."""
    return set(listed) if set(map(type, listed)) <= {str, type(None)} else listed


def _kept_apart(listed: list[Any]) -> Iterable[Any]:
    try:
        return set(listed)
    except TypeError:  # something that cannot be hashed, such as a list
        return listed


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value)  # noqa: PLR0124  only NaN and NaT differ from themselves


def _kind(name: str, values: TextArray) -> str:
    if values.dtype.kind in "iuf":
        return "number"
    if values.dtype.kind == "b":
        return "bool"
    dates = InputError(f"column {name!r} holds dates; turn them into months before or since a date")
    if values.dtype.kind in "Mm":
        raise dates
    listed = values.tolist()
    if set(map(type, listed)) <= {str, type(None)}:  # nearly every column of text: no need to look at each value
        return "text"
    known = [value for value in listed if not _is_missing(value)]
    if known and all(isinstance(value, (bool, np.bool_)) for value in known):
        return "bool"
    if known and all(isinstance(value, (int, float, np.number, Decimal)) for value in known):
        return "number"  # databases hand out amounts of money as decimals
    if known and all(isinstance(value, (dt.date, dt.timedelta, np.datetime64)) for value in known):
        raise dates
    return "text"


def _finite(name: str, values: TextArray, gone: BoolArray) -> FloatArray:
    try:
        numbers = (
            np.array([np.nan if g else float(v) for v, g in zip(values, gone, strict=True)])
            if values.dtype == object
            else values.astype(np.float64)
        )
    except (TypeError, ValueError):
        raise InputError(f"column {name!r} was fitted as numbers but now holds text; convert it first") from None
    if np.isinf(numbers).any():
        first = int(np.flatnonzero(np.isinf(numbers))[0])
        raise InputError(f"column {name!r} holds an infinity (first: row {first}); fill or drop such rows")
    return numbers
