"""One reading of every kind of frame: pandas, Polars, Arrow, a mapping of columns or a plain 2-D array.

Narwhals is imported only when a real frame arrives, so that arrays and mappings work where no frame library is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import AnyFrame, TextArray
from custval._core.validation import nearest

__all__ = ("column", "column_names", "frame_length", "is_frame", "like", "rows", "to_columns")


def is_frame(data: Any) -> bool:
    """Say whether `data` has named columns: a frame, an Arrow table or a mapping of columns."""
    # asked of the type: a lazy frame would have to work out its columns to answer
    kind = type(data)
    return isinstance(data, Mapping) or hasattr(kind, "columns") or hasattr(kind, "column_names")


def to_columns(frame: AnyFrame) -> dict[str, TextArray]:
    """Return the columns of `frame` as arrays by name; categories and nullable columns become objects with None."""
    if isinstance(frame, Mapping):
        return {str(name): np.asarray(values) for name, values in frame.items()}
    native = _narwhals(frame)
    return {name: _array(native.get_column(name)) for name in native.columns}


def column_names(frame: AnyFrame) -> list[str]:
    """Return the names of the columns of `frame`."""
    return [str(name) for name in (frame if isinstance(frame, Mapping) else _narwhals(frame).columns)]


def column(frame: AnyFrame, name: str) -> TextArray:
    """Return one column as an array, or refuse the `name` and suggest the nearest one."""
    names = column_names(frame)
    if name not in names:
        raise InputError(f"there is no column {name!r}{nearest(name, names)}; the columns are {', '.join(names)}")
    return np.asarray(frame[name]) if isinstance(frame, Mapping) else _array(_narwhals(frame).get_column(name))


def frame_length(frame: AnyFrame) -> int:
    """Return the number of rows of `frame`."""
    if isinstance(frame, Mapping):
        return len(next(iter(frame.values()))) if frame else 0
    return len(_narwhals(frame)) if is_frame(frame) else len(frame)


def rows(frame: AnyFrame, keep: TextArray) -> AnyFrame:
    """Return the rows of `frame` that `keep` (booleans or positions) names, in the same kind."""
    if isinstance(frame, Mapping):
        return {name: np.asarray(values)[keep] for name, values in frame.items()}
    if not is_frame(frame):
        return np.asanyarray(frame)[keep]
    where = np.flatnonzero(keep) if np.asarray(keep).dtype == bool else np.asarray(keep)
    return _narwhals(frame)[where].to_native()


def like(frame: AnyFrame, columns: Mapping[str, Any]) -> AnyFrame:
    """Return `columns` as a frame of the same kind as `frame` (a dict for mappings, pandas for arrays)."""
    if isinstance(frame, Mapping):
        return dict(columns)
    if not is_frame(frame):
        import pandas as pd

        return pd.DataFrame(dict(columns))
    import narwhals as nw

    native = _narwhals(frame)
    made = nw.from_dict(dict(columns), backend=nw.get_native_namespace(native)).to_native()
    if hasattr(frame, "index") and hasattr(made, "index") and len(made) == len(frame):
        made.index = frame.index
    return made


def _narwhals(frame: Any) -> Any:
    import narwhals as nw

    try:
        native = nw.from_native(frame)
    except TypeError:
        kind = type(frame).__name__
        raise InputError(f"a frame is needed (pandas, Polars, Arrow, a mapping of columns), not {kind}") from None
    except nw.exceptions.DuplicateError:
        raise _doubles(frame) from None
    return native.collect() if isinstance(native, nw.LazyFrame) else native


def _doubles(frame: Any) -> InputError:
    """Return the error that names the columns which a frame holds several times."""
    names = [str(name) for name in getattr(frame, "column_names", frame.columns)]
    doubles = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    said = ", ".join(f"{name!r} stands {names.count(name)} times" for name in doubles)
    return InputError(f"column names must differ, but {said}; rename or drop the copies")


def _array(series: Any) -> TextArray:
    """Return a Narwhals series as numbers, booleans, datetimes, or objects with None for what is missing."""
    import narwhals as nw

    kind = series.dtype
    if kind.is_numeric():
        return _numbers(series)
    missing = series.is_null().to_numpy().astype(bool)
    if kind == nw.Boolean and not missing.any():
        return np.asarray(series.to_numpy(), dtype=bool)
    if kind.is_temporal():
        return np.asarray(series.to_numpy())
    values = series.cast(nw.String) if kind in (nw.Categorical, nw.Enum) else series
    objects = np.empty(len(missing), dtype=object)
    objects[:] = values.to_list()
    objects[missing] = None
    return objects


def _numbers(series: Any) -> TextArray:
    import narwhals as nw

    if series.null_count():
        return np.asarray(series.cast(nw.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)
    array = np.asarray(series.to_numpy())
    return array.astype(np.float64) if array.dtype == object else array
