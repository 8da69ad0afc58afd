"""What are ten million customers worth, without holding them all? Value chunk by chunk, to a frame or a Parquet file.

Each chunk is valued by `lifetime_value` and written away; only totals and gradients are kept, so memory does not grow
with the number of customers, and the total's interval is that of all customers together.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from custval._clv.value import LifetimeValue, lifetime_value
from custval._core.doors import public
from custval._core.errors import InputError, import_extra
from custval._core.frames import column, frame_length, is_frame, rows
from custval._core.progress import track
from custval._core.results import Result
from custval._core.typing import AnyFrame, FloatArray
from custval._core.validation import check_whole

__all__ = ("ScoredValue", "score")

BY_CUSTOMER = (
    "margin",
    "given",
    "retention_cost",
    "referral_value",
    "cross_sell",
    "monthly_growth",
    "monthly_discount",
)


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class ScoredValue(Result):
    """The totals of a base that was valued in chunks, and where the customers' values are.

    Attributes
    ----------
    customers : int
        Rows scored.
    total : float
        Sum of the values.
    total_std_error, total_lower, total_upper : float or None
        From the uncertainty of the model's parameters; None where it has no covariance.
    components : dict of str to float
        Totals of the components; they add up to `total`.
    table : frame or None
        Value, interval and kept columns of each customer, as pandas; None where they were written to `path`.
    path : str or None
        The Parquet file written.

    Examples
    --------
    >>> from custval.clv import GeometricRetention, score
    >>> base = {"subscriber_id": [7, 8, 9], "arpu": [20.0, 35.0, 12.0]}
    >>> model = GeometricRetention.from_params(theta=0.02)
    >>> found = score(model, base, margin="arpu", horizon=24, monthly_discount=0.01, keep=["subscriber_id"])
    >>> found.table[["subscriber_id", "value"]].round(1)
       subscriber_id  value
    0              7  336.5
    1              8  588.9
    2              9  201.9
    """

    customers: int
    total: float
    total_std_error: float | None
    total_lower: float | None
    total_upper: float | None
    components: Mapping[str, float]
    table: Any
    path: str | None


@public("clv")
def score(
    model: Any,
    data: AnyFrame | str | os.PathLike[str] | Iterable[AnyFrame],
    *,
    margin: Any,
    horizon: int,
    monthly_discount: Any,
    keep: Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    chunk_rows: int = 100_000,
    progress: bool = False,
    **options: Any,
) -> ScoredValue:
    """Return the value of a base of any size, valued chunk by chunk in bounded memory.

    Parameters
    ----------
    model : fitted hazard model
        As :func:`lifetime_value` takes it.
    data : frame, path of a Parquet file, or iterable of frames
        Customers. A path is read a chunk at a time (needs the extra ``cdr``).
    margin : number, array, column name or dict of such
        As in :func:`lifetime_value`; a text names a column of `data`.
    horizon : int
        Months ahead, >= 1.
    monthly_discount : number, array or column name
        Effective rate per month, > -1.
    keep : sequence of str
        Columns of `data` that stand beside the values, such as the identifier.
    out : path, optional
        Parquet file to write (extra ``cdr``); it appears complete or not at all. None returns a frame.
    chunk_rows : int
        Customers held at a time, >= 1.
    progress : bool
        Whether to show a bar.
    **options : number, array or column name
        Everything else that :func:`lifetime_value` takes, except `groups`; ``given``, ``retention_cost``,
        ``referral_value``, ``cross_sell`` and ``monthly_growth`` may name columns.

    Returns
    -------
    ScoredValue
        Totals, and the customers' values as a frame or a file.

    Raises
    ------
    InputError
        If a column is missing, arrays are given for data of unknown length, or an argument is illegal.

    References
    ----------
    Gupta, S. et al. (2006), Modeling customer lifetime value, Journal of Service Research 9(2), eq. 1.

    Examples
    --------
    >>> from custval.clv import GeometricRetention, score
    >>> model = GeometricRetention().fit([1000, 970, 941, 913])
    >>> chunks = ({"arpu": [20.0, 30.0]} for _ in range(3))
    >>> found = score(model, chunks, margin="arpu", horizon=12, monthly_discount=0.01)
    >>> found.customers, round(found.total), round(found.total_std_error)
    (6, 1399, 27)
    """
    if "groups" in options:
        raise InputError("score has no groups: value the base with lifetime_value, or group the table it returns")
    size = check_whole(chunk_rows, "chunk_rows", low=1)
    given = {"margin": margin, "monthly_discount": monthly_discount, **options}
    totals = _Totals(options.get("conf_level", 0.95))
    chunks = track(_chunks(data, size), progress=progress, label="valuing")

    def valued() -> Iterator[dict[str, Any]]:
        done = 0
        for chunk in chunks:
            asked = {name: _of_chunk(chunk, name, value, done) for name, value in given.items()}
            worth = lifetime_value(model, chunk, horizon=horizon, **asked)
            totals.add(worth, model)
            done += len(worth.value)
            yield _columns(chunk, keep, worth)

    if out is None:
        return totals.result(_frame(list(valued())), None)
    _write(valued(), Path(out))
    return totals.result(None, str(out))


class _Totals:
    """Sums over the chunks."""

    def __init__(self, level: float) -> None:
        self.level = level
        self.customers = 0
        self.total = 0.0
        self.components: dict[str, float] = {}
        self.gradient: FloatArray | None = None
        self.covariance: FloatArray | None = None

    def add(self, worth: LifetimeValue, model: Any) -> None:
        self.customers += len(worth.value)
        self.total += worth.total
        for name, part in worth.components.items():
            self.components[name] = self.components.get(name, 0.0) + float(part.sum())
        if worth.total_gradient is not None:
            before = 0.0 if self.gradient is None else self.gradient
            self.gradient, self.covariance = before + worth.total_gradient, np.asarray(model.covariance_)

    def result(self, table: Any, path: str | None) -> ScoredValue:
        error = None
        if self.gradient is not None and self.covariance is not None:
            variance = float(self.gradient @ self.covariance @ self.gradient)
            error = float(np.sqrt(max(variance, 0.0)))
        z = NormalDist().inv_cdf(0.5 + self.level / 2.0)
        return ScoredValue(
            customers=self.customers,
            total=self.total,
            total_std_error=error,
            total_lower=None if error is None else self.total - z * error,
            total_upper=None if error is None else self.total + z * error,
            components=dict(self.components),
            table=table,
            path=path,
        )


def _chunks(data: Any, size: int) -> Iterator[AnyFrame]:
    if isinstance(data, (str, os.PathLike)):
        parquet = import_extra("pyarrow.parquet", "cdr")
        table = import_extra("pyarrow", "cdr").Table
        with parquet.ParquetFile(Path(data)) as file:
            for batch in file.iter_batches(batch_size=size):
                yield table.from_batches([batch])
        return
    if is_frame(data) or isinstance(data, np.ndarray):
        for start in range(0, frame_length(data), size):
            yield rows(data, np.arange(start, min(start + size, frame_length(data))))
        return
    yield from data


def _of_chunk(chunk: AnyFrame, name: str, value: Any, done: int) -> Any:
    """Return an argument for one chunk: a column by its name, the chunk's part of an array, or the value itself."""
    if isinstance(value, Mapping) and name == "margin":
        return {part: _of_chunk(chunk, "margin", amount, done) for part, amount in value.items()}
    if name not in BY_CUSTOMER:
        return value
    if isinstance(value, str):
        return np.asarray(column(chunk, value), dtype=np.float64)
    whole = np.asarray(value)
    if whole.ndim == 0:
        return value
    part = whole[done : done + frame_length(chunk)]
    if len(part) != frame_length(chunk):
        raise InputError(f"{name} has {len(whole)} rows, fewer than the data; give one for each customer, or a column")
    return part


def _columns(chunk: AnyFrame, keep: Sequence[str], worth: LifetimeValue) -> dict[str, Any]:
    kept = {name: column(chunk, name) for name in keep} if len(keep) else {}
    clash = set(kept) & {"value", "std_error", "lower", "upper"}
    if clash:
        raise InputError(f"the column {min(clash)!r} to keep has the name of a result; rename it")
    missing = np.full(len(worth.value), np.nan)
    bounds = {"std_error": worth.std_error, "lower": worth.lower, "upper": worth.upper}
    return {**kept, "value": worth.value, **{name: missing if b is None else b for name, b in bounds.items()}}


def _frame(parts: list[dict[str, Any]]) -> Any:
    from custval._core.errors import import_pandas

    frames = import_pandas()
    if not parts:
        return frames.DataFrame({"value": [], "std_error": [], "lower": [], "upper": []})
    return frames.concat([frames.DataFrame(part) for part in parts], ignore_index=True)


def _write(parts: Iterator[dict[str, Any]], path: Path) -> None:
    """Write the parts to a Parquet file that appears whole or not at all."""
    arrow = import_extra("pyarrow", "cdr")
    parquet = import_extra("pyarrow.parquet", "cdr")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    writer: Any = None
    try:
        for part in parts:
            # a number that does not exist is null in the file
            table = arrow.table({name: arrow.array(np.asarray(v), from_pandas=True) for name, v in part.items()})
            if writer is None:
                writer = parquet.ParquetWriter(beside, table.schema)
            writer.write_table(table.cast(writer.schema))
        if writer is None:
            raise InputError("the data hold no customers, so there is nothing to write")
        writer.close()
        writer = None
        beside.replace(path)
    finally:
        if writer is not None:
            writer.close()
        beside.unlink(missing_ok=True)
