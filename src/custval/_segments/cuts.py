"""Where does "high" begin? Rules that turn an axis into one number, the cut: at or above it is high.

quantile     customers above the q-quantile are high: the cut is the smallest value above it
share        the richest customers who together bring a share of the total are high (Pareto): the cut is the value of
             the last of them
money        a fixed amount
break_even   the amount from which a treatment pays: its cost over the share of the value that it gains
natural      the natural break: the two classes whose values differ least within (exact one-dimensional 2-means)
profit       the cuts of all axes together under which the strategies earn most

Equal values are always on one side: those that tie at a quantile are low, those that tie with the last of the richest
are high.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import FloatArray

__all__ = ("RULES", "of_axis", "profit_cuts", "quantile_cut", "share_cut")

RULES = ("quantile", "share", "money", "break_even", "natural", "profit")
ROUNDING = 1e-12
GRID = {1: 1000, 2: 200, 3: 40}
"""Most candidates for each axis of the search for the best profit, by number of axes."""


def quantile_cut(values: FloatArray, weight: FloatArray, quantile: float) -> float:
    """Return the smallest value above the weighted quantile (the smallest x with F(x) >= quantile)."""
    if (weight == 1.0).all():
        place = int(np.ceil(quantile * len(values) * (1 - ROUNDING))) - 1
        ranked = np.partition(values, place)
        level, above = ranked[place], ranked[place + 1 :]
        above = above[above > level]
    else:
        order = np.argsort(values, kind="stable")
        people = weight[order].cumsum()
        level = values[order[int(np.searchsorted(people, quantile * people[-1] * (1 - ROUNDING)))]]
        above = values[(weight > 0) & (values > level)]
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


def profit_cuts(values: FloatArray, profit: FloatArray, weight: FloatArray) -> tuple[FloatArray, float]:
    """Return the cuts of all axes under which the strategies earn most, and that profit.

    With u_i(q) the profit of customer i under the strategy of quadrant q, the cuts maximise sum_i w_i u_i(q_i(cuts)).
    Every combination of candidate cuts is tried: the profits are summed once in a grid of cells between candidates, and
    cumulative sums of that grid give all totals. Where an axis has no more distinct values than candidates the best cut
    is exact, else it is the best among evenly spaced quantiles. Of equal totals the one with the fewest high is taken.

    Parameters
    ----------
    values : array of shape (n, d)
        The axes.
    profit : array of shape (n, 2**d)
        Profit of each customer in each quadrant.
    weight : array of shape (n,)
        Case weights.

    Returns
    -------
    cuts : ndarray of shape (d,)
        One cut for each axis.
    total : float
        The profit under them.
    """
    axes = values.shape[1]
    candidates = [_candidates(values[weight > 0, axis], GRID[axes]) for axis in range(axes)]
    shape = tuple(len(row) + 1 for row in candidates)
    where = [np.searchsorted(row, values[:, axis], side="right") for axis, row in enumerate(candidates)]
    cell = np.ravel_multi_index(tuple(where), shape)
    total = np.zeros(tuple(len(row) for row in candidates))
    for code, sides in enumerate(product((True, False), repeat=axes)):  # high first, as the codes count
        sums = np.bincount(cell, weights=weight * profit[:, code], minlength=int(np.prod(shape)))
        cells: FloatArray = np.asarray(sums, dtype=np.float64).reshape(shape)
        for axis, high in enumerate(sides):
            cells = _beyond(cells, axis) if high else _up_to(cells, axis)
        total += cells
    flipped = np.flip(total)
    best = np.unravel_index(int(flipped.argmax()), flipped.shape)
    cuts = [row[len(row) - 1 - int(place)] for row, place in zip(candidates, best, strict=True)]
    return np.array(cuts, dtype=np.float64), float(flipped[best])


def of_axis(setting: Any, axis: int, name: str, axes: int = 2) -> Any:
    """Return the setting of one axis from one for all or one for each."""
    if isinstance(setting, str) or not isinstance(setting, (Sequence, np.ndarray)):
        return setting
    if len(setting) != axes:
        each = "(current value, potential value)" if axes == 2 else "(current value, potential value, loyalty)"
        kind = "pair" if axes == 2 else "triple"
        raise InputError(f"{name} must be one setting or a {kind} {each}, not {setting!r}")
    return setting[axis]


def _candidates(values: FloatArray, most: int) -> FloatArray:
    """Return the values at which high could begin, the last one above everybody."""
    distinct = np.unique(values)
    if len(distinct) >= most:
        distinct = np.unique(np.quantile(values, np.linspace(0.0, 1.0, most), method="inverted_cdf"))
    return np.append(distinct, np.nextafter(distinct[-1], np.inf))


def _beyond(cells: FloatArray, axis: int) -> FloatArray:
    """Return, for each candidate, the sum over the customers at or above it."""
    rows = np.flip(np.flip(cells, axis).cumsum(axis), axis)
    return np.take(rows, np.arange(1, cells.shape[axis]), axis)


def _up_to(cells: FloatArray, axis: int) -> FloatArray:
    """Return, for each candidate, the sum over the customers below it."""
    return np.take(cells.cumsum(axis), np.arange(cells.shape[axis] - 1), axis)
