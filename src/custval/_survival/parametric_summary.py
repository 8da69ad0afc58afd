"""Fitted values of parametric models as the columns of a table: what, how sure, and as a ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.errors import import_pandas
from custval._core.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Block", "parameter_table")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Parameters of one part of a model: its name, theirs, values, errors, and whether exp(value) is a ratio."""

    part: str
    features: Sequence[str]
    value: FloatArray
    error: FloatArray
    is_ratio: bool


def parameter_table(blocks: Sequence[Block], level: float) -> pd.DataFrame:
    """Return one row for each parameter; `level` is the coverage of the interval of exp(value)."""
    frames = import_pandas()
    from scipy.special import ndtr, ndtri

    value = np.concatenate([block.value for block in blocks])
    error = np.concatenate([block.error for block in blocks])
    ratio = np.concatenate([np.full(len(block.value), block.is_ratio) for block in blocks])
    z = np.divide(value, error, out=np.zeros_like(value), where=error > 0)
    reach = float(ndtri(0.5 + level / 2)) * error
    with np.errstate(over="ignore"):
        shown = [np.where(ratio, np.exp(x), x) for x in (value, value - reach, value + reach)]
    made: pd.DataFrame = frames.DataFrame(
        {
            "part": np.repeat([block.part for block in blocks], [len(block.value) for block in blocks]),
            "feature": [name for block in blocks for name in block.features],
            "coef": value,
            "std_error": error,
            "estimate": shown[0],
            "lower": shown[1],
            "upper": shown[2],
            "z": z,
            "p_value": 2 * ndtr(-np.abs(z)),
        }
    )
    return made
