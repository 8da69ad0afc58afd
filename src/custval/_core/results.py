"""Frozen results: read-only arrays, JSON types on request, a frame on request, a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from custval._core.errors import import_pandas

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Result", "frozen", "jsonable")

Scalar = TypeVar("Scalar", bound=np.generic)


def frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return `array` as a read-only view, so that a result cannot be changed by accident."""
    view = array.view()
    view.flags.writeable = False
    return view


def jsonable(value: Any) -> Any:
    """Return `value` in JSON types: arrays as lists, NumPy scalars as numbers, nan as None, infinities as text."""
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return [jsonable(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None if np.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if hasattr(value, "to_dict") and not is_dataclass(value):
        return jsonable(value.to_dict(orient="list") if hasattr(value, "columns") else value.to_dict())
    return value if value is None or isinstance(value, (str, bool, int)) else str(value)


class Result:
    """Base of the result dataclasses: declare ``@dataclass(frozen=True, slots=True, eq=False)``."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return every field in JSON types only."""
        return {field.name: jsonable(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    def to_frame(self) -> pd.DataFrame:
        """Return the result as a pandas frame: one row for each element of the longest 1-D fields, one without any."""
        frames = import_pandas()
        named = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        columns = {name: value for name, value in named.items() if isinstance(value, np.ndarray) and value.ndim == 1}
        if columns:
            longest = max(len(value) for value in columns.values())
            shown: dict[str, Any] = {name: value for name, value in columns.items() if len(value) == longest}
        else:
            plain = (str, bool, int, float, np.generic, type(None))
            shown = {name: [value] for name, value in named.items() if isinstance(value, plain)}
        table: pd.DataFrame = frames.DataFrame(shown)
        return table

    def _repr_html_(self) -> str:
        """Return the result as an HTML table for notebooks."""
        head = f"<p><b>{html.escape(type(self).__name__)}</b></p>"
        try:
            table = self.to_frame()
        except ImportError:  # a notebook without pandas still shows the result
            return f"{head}<pre>{html.escape(repr(self))}</pre>"
        return head + table.to_html(max_rows=12, border=0, escape=True)
