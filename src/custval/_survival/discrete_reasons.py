"""Why this customer: the columns that push the risk of leaving above that of the average customer, in words.

The log rate is a sum over columns, so a column's part in it, ``beta (x - average)``, is exact. Indicators of one
source column are added up. With several causes the parts are averaged with the customer's own shares of the causes: to
first order what the column does to the log of the total rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.encoding import DesignEncoder
from custval._core.errors import import_pandas
from custval._core.frames import is_frame, to_columns
from custval._core.results import Result
from custval._core.typing import AnyFrame, FloatArray, IntArray, TextArray

__all__ = ("Reasons", "column_parts", "top_reasons")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class Reasons(Result):
    """The main reasons of each customer's risk.

    Attributes
    ----------
    words : numpy.ndarray of object, shape (n, top)
        ``"Contract = Month-to-month"``, ``"complaints_90d = 3 (high)"``; None where fewer columns raise the risk.
    columns : numpy.ndarray of object, shape (n, top)
        Names of the columns, None likewise.
    contribution : numpy.ndarray of float, shape (n, top)
        What the column adds to the log rate of leaving against the average customer-month; 0 where there is none.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
    >>> model = DiscreteHazard(baseline="constant").fit(X, survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0]))
    >>> told = model.reasons({"contract": ["yearly"], "fee": [40]}, top=1)
    >>> told.words[0, 0], told.contribution.round(2).item()
    ('fee = 40 (high)', 0.85)
    """

    words: TextArray
    columns: TextArray
    contribution: FloatArray

    def to_frame(self) -> Any:
        """Return columns reason_1.., contribution_1.. as a pandas frame, one row for each customer."""
        frames = import_pandas()

        table: dict[str, Any] = {}
        for j in range(self.words.shape[1]):
            table[f"reason_{j + 1}"] = self.words[:, j]
            table[f"contribution_{j + 1}"] = self.contribution[:, j]
        return frames.DataFrame(table)


def column_parts(X: FloatArray, center: FloatArray, coef: FloatArray, share: FloatArray) -> FloatArray:
    """Return each column's part in the log rate, (n, p): X (n, p), center (p,), coef (K, p), share of causes (n, K)."""
    return np.asarray((X - center) * (share @ coef))


def top_reasons(
    parts: FloatArray,
    matrix: FloatArray,
    center: FloatArray,
    encoder: DesignEncoder,
    X: AnyFrame,
    *,
    top: int,
    clocks: Mapping[str, tuple[FloatArray, FloatArray]] = MappingProxyType({}),
) -> Reasons:
    """Return the `top` source columns with the largest positive parts, in words.

    `clocks` maps names to parts (n,) and values (n,) of the clocks, nan where one does not run.
    """
    names = encoder.input_names
    source = np.array([names.index(name) for name in encoder.sources])
    summed = np.zeros((len(parts), len(names)))
    for j, column in enumerate(source):
        summed[:, column] += parts[:, j]
    summed = np.column_stack([summed, *(part for part, _ in clocks.values())])
    order, best = _largest(summed, min(top, summed.shape[1]))
    raw = to_columns(X) if is_frame(X) else dict(zip(names, matrix.T, strict=True))
    words = np.full(order.shape, None, dtype=object)
    columns = np.full(order.shape, None, dtype=object)
    for column, name in enumerate(names):
        who, place = np.nonzero((order == column) & (best > 0))
        if len(who):
            columns[who, place] = name
            middle = float(center[int(np.flatnonzero(source == column)[0])])
            words[who, place] = _words(name, encoder.columns[column]["kind"], np.asarray(raw[name])[who], middle)
    for column, (name, (_, values)) in enumerate(clocks.items(), start=len(names)):
        who, place = np.nonzero((order == column) & (best > 0))
        columns[who, place] = name
        words[who, place] = [
            f"{name} does not run" if np.isnan(v) else f"{name} = {v:.0f}" for v in values[who].tolist()
        ]
    return Reasons(words=words, columns=columns, contribution=np.where(best > 0, best, 0.0))


def _largest(parts: FloatArray, top: int) -> tuple[IntArray, FloatArray]:
    """Return the positions and sizes of each row's largest parts, (n, top), largest first; ties by column order."""
    left = parts.copy()
    order = np.empty((len(parts), top), dtype=np.int64)
    rows = np.arange(len(parts))
    for place in range(top):
        order[:, place] = left.argmax(axis=1)
        left[rows, order[:, place]] = -np.inf
    return order, np.take_along_axis(parts, order, axis=1)


def _words(name: str, kind: str, values: TextArray, middle: float) -> TextArray:
    made = np.empty(len(values), dtype=object)
    if kind == "number":
        numbers = values.astype(np.float64)
        distinct, where = np.unique(numbers, return_inverse=True)
        said = [_number(name, value, middle) for value in distinct]
    else:
        distinct, where = np.unique(values.astype(str), return_inverse=True)
        said = [f"{name} is not known" if text in ("None", "nan") else f"{name} = {text}" for text in distinct]
    made[:] = np.array(said, dtype=object)[where.ravel()]
    return made


def _number(name: str, value: float, middle: float) -> str:
    if np.isnan(value):
        return f"{name} is not known"
    return f"{name} = {value:.4g}" + (" (high)" if value > middle else " (low)" if value < middle else "")
