"""Using up what a rounded plan leaves over: the best exchange of one contact for another, until none is better.

A plan from prices alone stops short of its budget by up to one contact, which matters where there are few. Exchanges
are tried among the contacts nearest to the margin only, so the work does not grow with the base.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("exchanged",)

LEAVERS = 100  # chosen contacts nearest to the margin that may be given up
COMERS = 300  # options nearest to the margin that may come in
ROUNDS = 100


@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """Contacts made or possible: customer, offer, gain and cost of each."""

    row: IntArray
    offer: IntArray
    gain: FloatArray
    cost: FloatArray


def exchanged(
    gain: FloatArray, cost: FloatArray, row: IntArray, offer: IntArray, *, budget: float, price: float
) -> tuple[IntArray, IntArray]:
    """Return rows and offers after the best exchanges; gain and cost (n, K), `price` is that of money."""
    row, offer = row.copy(), offer.copy()
    margin = gain - price * cost
    if not len(row):
        return row, offer
    options = _near_margin(gain, cost, margin, float(margin[row, offer].min()))
    weakest = np.argsort(margin[row, offer], kind="stable")[:LEAVERS]
    left = budget - float(cost[row, offer].sum())
    for _ in range(ROUNDS):
        now = _Options(row, offer, gain[row, offer], cost[row, offer])
        found = _best_exchange(now, weakest, options, left)
        if found is None:
            break
        place, option = found
        left += float(now.cost[place] - options.cost[option])
        row[place], offer[place] = options.row[option], options.offer[option]
    return row, offer


def _near_margin(gain: FloatArray, cost: FloatArray, margin: FloatArray, toll: float) -> _Options:
    order = np.argsort(-np.where(gain > 0, margin, -np.inf), axis=None, kind="stable")
    where, what = np.unravel_index(order, gain.shape)
    # the best options overall are chosen already: look around the point where the choice stops
    worth = np.flatnonzero(gain[where, what] > 0)
    stop = int(np.searchsorted(-margin[where, what][worth], -toll))
    near = worth[max(stop - COMERS, 0) : stop + COMERS]
    where, what = where[near].astype(np.int64), what[near].astype(np.int64)
    return _Options(where, what, gain[where, what], cost[where, what])


def _best_exchange(now: _Options, places: IntArray, options: _Options, left: float) -> tuple[int, int] | None:
    """Return the place to give up and the option to put there, or None where nothing gains."""
    out_gain, out_cost = now.gain[places], now.cost[places]
    same = now.row[places][:, None] == options.row
    free = ~np.isin(options.row, now.row)
    fits = options.cost - out_cost[:, None] <= left
    more = np.where(fits & (same | free), options.gain - out_gain[:, None], -np.inf)
    if not more.size or more.max() <= 1e-12 * max(float(np.abs(out_gain).max()), 1e-300):
        return None
    place, option = np.unravel_index(int(more.argmax()), more.shape)
    return int(places[place]), int(option)
