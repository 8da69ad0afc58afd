"""Where does "high" begin? Three rules that turn an axis into one number, the cut: at or above it is high.

quantile   customers above the q-quantile are high: the cut is the smallest value above it
share      the richest customers who together bring a share of the total are high (Pareto): the cut is the value of the
           last of them
money      a fixed amount

Equal values are always on one side: those that tie at a quantile are low, those that tie with the last of the richest
are high.
"""

from __future__ import annotations

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import FloatArray

__all__ = ("RULES", "quantile_cut", "share_cut")

RULES = ("quantile", "share", "money")
ROUNDING = 1e-12


def quantile_cut(values: FloatArray, weight: FloatArray, quantile: float) -> float:
    """Return the smallest value above the weighted quantile (the smallest x with F(x) >= quantile)."""
    counted = values[weight > 0]
    if (weight == 1.0).all():
        place = int(np.ceil(quantile * len(values) * (1 - ROUNDING))) - 1
        level = np.partition(values, place)[place]
    else:
        order = np.argsort(values, kind="stable")
        people = weight[order].cumsum()
        level = values[order[int(np.searchsorted(people, quantile * people[-1] * (1 - ROUNDING)))]]
    above = counted[counted > level]
    # nobody is above: the cut stands just over the top value, so that all are low and a richer newcomer is high
    return float(above.min()) if len(above) else float(np.nextafter(level, np.inf))


def share_cut(values: FloatArray, weight: FloatArray, share: float, name: str) -> float:
    """Return the value of the last of the richest customers who together bring at least `share` of the total."""
    order = np.argsort(-values, kind="stable")
    order = order[weight[order] > 0]
    money = (weight[order] * values[order]).cumsum()
    if money[-1] <= 0.0:
        raise InputError(
            f"cuts='share' needs a total > 0, but the {name} adds up to {money[-1]:g}; use cuts='quantile' or 'money'"
        )
    enough = money >= share * money[-1] * (1 - ROUNDING)
    return float(values[order[int(enough.argmax())]])
