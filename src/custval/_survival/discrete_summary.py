"""Coefficients and their uncertainty as a table: Wald statistics and ratios with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from custval._core.errors import import_pandas
from custval._core.typing import FloatArray, TextArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("coefficient_table",)


def coefficient_table(
    coef: FloatArray, error: FloatArray, causes: Sequence[str], features: TextArray, level: float, *, ratio: str
) -> pd.DataFrame:
    """Return one row for each cause and feature; `coef` and `error` are (p,) or (K, p), `level` the coverage."""
    frames = import_pandas()
    from scipy.special import ndtr, ndtri

    flat, spread = np.ravel(coef), np.ravel(error)
    z = np.divide(flat, spread, out=np.zeros_like(flat), where=spread > 0)
    reach = float(ndtri(0.5 + level / 2)) * spread
    with np.errstate(over="ignore"):
        middle, lower, upper = np.exp(flat), np.exp(flat - reach), np.exp(flat + reach)
    return frames.DataFrame(
        {
            "cause": np.repeat(np.array(causes, dtype=object), len(features)),
            "feature": np.tile(features, len(causes)),
            "coef": flat,
            "std_error": spread,
            ratio: middle,
            "lower": lower,
            "upper": upper,
            "z": z,
            "p_value": 2 * ndtr(-np.abs(z)),
        }
    )
