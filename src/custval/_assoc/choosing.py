"""Which offers, given their values: the best of each customer, one of a group at most, within capacities."""

from __future__ import annotations

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray

__all__ = ("chosen_offers", "closed_items")


def closed_items(held: BoolArray, groups: list[IntArray]) -> BoolArray:
    """Say which items a customer cannot have since one of the same group is held, shape (n, m)."""
    closed = np.zeros(held.shape, dtype=bool)
    for group in groups:
        inside = group[group >= 0]
        any_held = np.asarray(held[:, inside].any(axis=1))
        closed[:, inside] |= any_held[:, None]
    return closed


def chosen_offers(
    value: FloatArray, k: int, groups: list[IntArray], capacity: FloatArray | None
) -> tuple[IntArray, IntArray, IntArray]:
    """Return (row, rank, item) of the chosen offers by row and rank; `value` is -inf where nothing may be offered.

    With capacities customers ask for their best offers, an item that is asked for too often keeps those to whom it is
    worth most, and the others ask again (deferred acceptance, Gale & Shapley 1962): no customer and item are left that
    would both rather have each other.
    """
    value = np.array(value)
    while True:
        items = _best(value, k, groups)
        over = [] if capacity is None else _refused(value, items, capacity)
        if not over:
            break
        for rows, item in over:
            value[rows, item] = -np.inf
    row, slot = np.nonzero(items >= 0)
    return row, slot + 1, items[row, slot]


def _best(value: FloatArray, k: int, groups: list[IntArray]) -> IntArray:
    """Return the k best items of each row, -1 where there are fewer; one of each group at most."""
    left, rows = value.copy(), np.arange(len(value))
    best = np.full((len(value), min(k, value.shape[1])), -1)
    for slot in range(best.shape[1]):
        item = np.argmax(left, axis=1)
        ok = left[rows, item] > -np.inf
        best[ok, slot] = item[ok]
        left[rows, item] = -np.inf
        for group in groups:
            inside = group[group >= 0]
            taken = ok & np.isin(item, inside)
            left[np.ix_(taken, inside)] = -np.inf
    return best


def _refused(value: FloatArray, items: IntArray, capacity: FloatArray) -> list[tuple[IntArray, int]]:
    """Return for each item asked for too often the rows that are refused."""
    refused = []
    asked = np.bincount(items[items >= 0], minlength=value.shape[1])
    for item in np.flatnonzero(asked > capacity).tolist():
        rows = np.flatnonzero((items == item).any(axis=1))
        order = np.argsort(-value[rows, item], kind="stable")
        refused.append((rows[order[int(capacity[item]) :]], item))
    return refused
