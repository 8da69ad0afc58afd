"""Where are the natural breaks of a list of amounts? Exact one-dimensional k-means.

The classes of an optimal k-means on a line are intervals, so dynamic programming over the distinct values finds the
best of all partitions, not one of many local optima. With D_k(j) the least within-class sum of squares of the first j
values in k classes, D_k(j) = min_i D_{k-1}(i) + ss(i, j), and the best i never falls as j grows: each level of the
divide-and-conquer is one vectorised pass, O(k m log m) for m distinct values. Two classes need one pass.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import FloatArray, IntArray

__all__ = ("natural_breaks",)


def natural_breaks(values: FloatArray, weight: FloatArray, classes: int, *, name: str = "values") -> FloatArray:
    """Return the smallest value of each class but the lowest, rising, shape (classes - 1,).

    Parameters
    ----------
    values, weight : arrays of shape (n,)
        Amounts and their case weights.
    classes : int
        Number of classes >= 2.
    name : str
        What the values are, for the message.

    Returns
    -------
    ndarray of shape (classes - 1,)
        The breaks.

    Raises
    ------
    InputError
        If there are fewer distinct values than classes.

    References
    ----------
    Fisher, W. D. (1958), On grouping for maximum homogeneity, JASA 53. Wang, H. and Song, M. (2011), Ckmeans.1d.dp,
    R Journal 3(2). Gronlund, A. and others (2017), Fast exact k-means, k-medians and Bregman divergence clustering.
    """
    sums = _sums(values, weight)
    if len(sums.distinct) < classes:
        raise InputError(
            f"{classes} classes need {classes} distinct values, but the {name} has {len(sums.distinct)}; "
            "ask for fewer cuts"
        )
    # what is gained over one class, to be as large as possible: sum over classes of S^2 / W
    best = _gain(sums, np.zeros(len(sums.distinct), dtype=np.int64), np.arange(1, len(sums.distinct) + 1))
    starts = []
    for level in range(1, classes):
        best, start = _next_level(best, sums, level, last_only=level == classes - 1)
        starts.append(start)
    return sums.distinct[_walk_back(starts, len(sums.distinct))]


class _Sums(NamedTuple):
    """Distinct values, rising, with sums of weight and of centred value before each place (m + 1,)."""

    distinct: FloatArray
    people: FloatArray
    money: FloatArray


def _sums(values: FloatArray, weight: FloatArray) -> _Sums:
    counted = values[weight > 0] if not (weight > 0).all() else values
    heavy = weight[weight > 0] if len(counted) < len(values) else weight
    order = np.argsort(counted)
    ordered = counted[order]
    new = np.append(True, ordered[1:] > ordered[:-1])
    starts = np.flatnonzero(new)
    people = np.add.reduceat(heavy[order], starts)
    distinct = ordered[starts]
    centred = distinct - np.average(distinct, weights=people)  # keeps the squares from cancelling
    return _Sums(distinct, np.append(0.0, people.cumsum()), np.append(0.0, (people * centred).cumsum()))


def _gain(sums: _Sums, start: IntArray, end: IntArray) -> FloatArray:
    """Return S^2 / W of the classes that hold the places start..end-1."""
    gain: FloatArray = (sums.money[end] - sums.money[start]) ** 2 / (sums.people[end] - sums.people[start])
    return gain


def _next_level(before: FloatArray, sums: _Sums, level: int, *, last_only: bool) -> tuple[FloatArray, IntArray]:
    """Return the best gain of each end with one class more, and where that class starts, both by end - 1."""
    m = len(sums.distinct)
    best, start = np.full(m, -np.inf), np.zeros(m, dtype=np.int64)
    if last_only:
        candidate = np.arange(level, m)
        total = before[candidate - 1] + _gain(sums, candidate, np.full(len(candidate), m))
        place = int(total.argmax())
        best[-1], start[-1] = total[place], candidate[place]
        return best, start
    # ends still to do, as ranges; where their class starts is between two known places
    low, high = np.array([level]), np.array([m - 1])
    first, last = np.array([level]), np.array([m - 1])
    while len(low):
        middle = (low + high) // 2
        gain, found = _best_starts(before, sums, middle, first, np.minimum(last, middle))
        best[middle], start[middle] = gain, found
        left, right = low < middle, middle < high
        first, last = np.append(first[left], found[right]), np.append(found[left], last[right])
        low, high = np.append(low[left], middle[right] + 1), np.append(middle[left] - 1, high[right])
    return best, start


def _best_starts(
    before: FloatArray, sums: _Sums, end: IntArray, first: IntArray, last: IntArray
) -> tuple[FloatArray, IntArray]:
    """Return, for each place `end`, the best start of its class within first..last, and the gain."""
    width = last - first + 1
    offset = np.append(0, width.cumsum()[:-1])
    candidate = np.arange(width.sum()) - np.repeat(offset - first, width)
    total = before[candidate - 1] + _gain(sums, candidate, np.repeat(end + 1, width))
    top = np.maximum.reduceat(total, offset)
    at_top = np.flatnonzero(total == np.repeat(top, width))
    return top, candidate[at_top[np.searchsorted(at_top, offset)]]


def _walk_back(starts: list[IntArray], m: int) -> IntArray:
    places, end = [], m
    for start in reversed(starts):
        end = int(start[end - 1])
        places.append(end)
    return np.array(places[::-1], dtype=np.int64)
