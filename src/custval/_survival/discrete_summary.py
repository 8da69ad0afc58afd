"""Coefficients and their uncertainty as a table, and the curve of a clock with its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from custval._core.errors import import_pandas
from custval._core.results import frozen
from custval._core.typing import FloatArray, TextArray
from custval._survival.clocks import ClockCurve, FittedClock

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("coefficient_table", "curve_of_clock")


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
    table: pd.DataFrame = frames.DataFrame(
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
    return table


def curve_of_clock(
    place: int,
    clocks: Sequence[FittedClock],
    effects: Sequence[FloatArray],
    covariance: FloatArray,
    *,
    baselines: Sequence[int],
    columns: int,
    causes: tuple[str, ...],
    level: float,
) -> ClockCurve:
    """Return the curve of the clock at `place`: `baselines` (K,) and `columns` say how many parameters stand beside."""
    from scipy.special import ndtri

    own, effect = clocks[place], effects[place]
    error = np.empty_like(effect)
    at = 0
    for k, baseline in enumerate(baselines):
        sizes = [clock.columns[k].shape[1] for clock in clocks]
        start = at + baseline + sum(sizes[:place])
        part = covariance[start : start + sizes[place], start : start + sizes[place]]
        error[k] = np.sqrt(np.clip(np.einsum("vq,qr,vr->v", own.columns[k], part, own.columns[k]), 0, None))
        at += baseline + sum(sizes) + columns
    reach = float(ndtri(0.5 + level / 2)) * error
    return ClockCurve(
        column=own.clock.column,
        causes=causes,
        values=frozen(np.arange(own.low, own.low + own.size)),
        effect=frozen(effect[:, :-1]),
        std_error=frozen(error[:, :-1]),
        lower=frozen((effect - reach)[:, :-1]),
        upper=frozen((effect + reach)[:, :-1]),
        not_running=frozen(effect[:, -1]),
        conf_level=level,
    )
