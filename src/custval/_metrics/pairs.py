"""Counting pairs in O(n log n): what each item takes part in, over all pairs of which one comes before the other.

Items stand in slots, one after the other in time, and have a rank of risk. An item that asks meets every item that
offers in a later slot; the pair weighs ask x offer and is won where the asking item has the higher rank, tied where
the ranks are equal. Won pairs are counted along the binary digits of the places in the sequence: two places differ
first in one digit, at which the earlier has 0 and the later 1. So one pass for each digit, from the highest, over the
items in order of rank, grouped by the higher digits, meets every pair exactly once. Since the places are 0, 1, 2, ...,
the groups of a pass are equally long, and the k-th zero at position c has c - k ones before it: nothing is searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from custval._core.typing import BoolArray, FloatArray, IntArray

__all__ = ("Shares", "meet")


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Weight of the won, tied and all pairs of each item, on whichever side; each pair is in two items' sums."""

    won: FloatArray
    tied: FloatArray
    total: FloatArray


def meet(slot: IntArray, rank: IntArray, ask: FloatArray, offer: FloatArray) -> Shares:
    """Return the pairs of each item: `slot` and `rank` are dense from 0, `ask` and `offer` weights >= 0, all (n,)."""
    n = len(slot)
    # inside a slot by rank, so that an earlier place there never has the higher rank: such pairs are not won
    sequence = np.argsort(slot * np.int64(rank.max(initial=0) + 1) + rank)
    place = np.empty(n, dtype=np.int64)
    place[sequence] = np.arange(n)
    by_rank = np.argsort(rank * np.int64(n) + place)
    return Shares(
        won=_put(by_rank, _won(place[by_rank], ask[by_rank], offer[by_rank])),
        tied=_tied(by_rank, rank, slot, ask, offer),
        total=_put(sequence, _outside(np.zeros(max(n - 1, 0), dtype=bool), slot, sequence, ask, offer)),
    )


def _won(place: IntArray, ask: FloatArray, offer: FloatArray) -> FloatArray:
    """Return ask x offers won + offer x asks that won against it, for items in order of rank."""
    n = len(place)
    digits = max(n - 1, 1).bit_length()
    size, half = 1 << digits, 1 << (digits - 1)
    plain = bool((offer == 1.0).all())
    # what is added to fill the last group comes last by rank, so that it is never met on the way
    at: NDArray[np.int32] = np.concatenate([place, np.arange(n, size)]).astype(np.int32)
    asks, found = np.append(ask, np.zeros(size - n)), np.zeros(size)
    offers = found if plain else np.append(offer, np.zeros(size - n))
    asked, offered = np.zeros(half + 1), np.zeros(half + 1)
    k = np.arange(half)
    for digit in range(digits - 1, -1, -1):
        one = (at & np.int32(1 << digit)) != 0
        split = np.concatenate([np.flatnonzero(~one), np.flatnonzero(one)])
        at, asks, found = at[split], asks[split], found[split]
        np.cumsum(asks[:half], out=asked[1:])
        width = 1 << digit
        ones, zeros = split[:half] - k, split[half:] - k
        higher = (asked[width::width, None] - asked[zeros].reshape(-1, width)).ravel()
        if plain:  # the ones before it are the weight before it
            found[:half] += asks[:half] * (ones.reshape(-1, width) - np.arange(0, half, width)[:, None]).ravel()
            found[half:] += higher
        else:
            offers = offers[split]
            np.cumsum(offers[half:], out=offered[1:])
            lower = offered[ones].reshape(-1, width) - offered[:-1:width, None]
            found[:half] += asks[:half] * lower.ravel()
            found[half:] += offers[half:] * higher
    return _put(at, found)[place]


def _tied(by_rank: IntArray, rank: IntArray, slot: IntArray, ask: FloatArray, offer: FloatArray) -> FloatArray:
    ordered = rank[by_rank]
    other_rank = ordered[1:] != ordered[:-1]
    if other_rank.all():
        return np.zeros(len(rank))
    return _put(by_rank, _outside(other_rank, slot, by_rank, ask, offer))


def _outside(other_group: BoolArray, slot: IntArray, order: IntArray, ask: FloatArray, offer: FloatArray) -> FloatArray:
    """Return, in `order`, ask x later offers + offer x earlier asks of the same group but another slot.

    `other_group` says where, after the first item, a group begins; inside a group `order` goes by slot.
    """
    ordered = slot[order]
    other_slot = other_group | (ordered[1:] != ordered[:-1])
    asks, offers = ask[order], offer[order]
    before = _running(asks)
    first_asks = before[_starts(other_slot)] - before[_starts(other_group)]
    after = _running(offers)
    last_offers = after[_stops(other_group)] - after[_stops(other_slot)]
    return asks * last_offers + offers * first_asks


def _running(values: FloatArray) -> FloatArray:
    return np.append(0.0, np.cumsum(values))


def _starts(new: BoolArray) -> IntArray:
    """Return for each item where its run begins, `new` saying for the second item on whether one does."""
    begins = np.flatnonzero(np.append(True, new))
    return np.repeat(begins, np.diff(np.append(begins, len(new) + 1)))


def _stops(new: BoolArray) -> IntArray:
    """Return for each item where the next run begins."""
    begins = np.flatnonzero(np.append(True, new))
    ends = np.append(begins[1:], len(new) + 1)
    return np.repeat(ends, ends - begins)


def _put(where: IntArray | NDArray[np.int32], values: FloatArray) -> FloatArray:
    found = np.empty(len(values))
    found[where] = values
    return found
