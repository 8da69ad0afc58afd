"""From baskets and conditions to the tree of frequent sets: ranking, must-have and must-not items, guard, advice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from custval._assoc.baskets import Baskets, take_runs
from custval._assoc.bits import CountArray, MaskArray, bit, merge_sorted
from custval._assoc.mining import Limits, SearchTooLargeError, search_lists, search_masks
from custval._assoc.tree import Tree
from custval._core.errors import InputError, warn
from custval._core.results import frozen
from custval._core.typing import IntArray

__all__ = ("Conditions", "Search", "search_or_advise")

_NODE_BYTES = 32  # parent, item, count and length of one set
_NO_PAIRS = np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a set must meet besides its count; items are positions in the items of the baskets.

    ``required`` stand in every set, ``excluded`` in none, no set holds both ends of a pair of ``apart`` (pairs, 2).
    """

    max_length: int
    required: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()
    apart: IntArray = field(default_factory=lambda: _NO_PAIRS)


class Search:
    """One question to one base, repeatable at any threshold."""

    def __init__(self, data: Baskets, conditions: Conditions) -> None:
        self.data, self.conditions = data, conditions
        self.base = _holders(data, conditions.required)
        self.single = self.base.item_counts.copy()
        self.single[[*conditions.required, *conditions.excluded, *_barred(conditions)]] = -1
        self.stem = [_holders(data, conditions.required[: i + 1]).n for i in range(len(conditions.required))]

    @property
    def commonest(self) -> float:
        """The highest count of any item that may join, or of the required items together."""
        best = float(self.single.max(initial=0))
        return float(self.stem[-1]) if self.stem else best

    def run(self, threshold: float, most: int) -> Tree:
        """Return the tree of the sets that reach `threshold`, over positions in the items of the baskets."""
        if self.stem and self.stem[-1] < threshold:
            return _empty(self.data.counts)
        candidates = np.flatnonzero(self.single >= threshold)
        ranked = candidates[np.argsort(self.single[candidates], kind="stable")]
        longest = self.conditions.max_length - len(self.stem)
        if ranked.size == 0 or longest < 1:
            tree = _empty(self.data.counts)
        else:
            tree = self._grown(
                ranked, Limits(threshold, longest, most, _apart(self.conditions.apart, ranked, self.data))
            )
        return self._on_stem(tree) if self.stem else tree

    def size(self, threshold: float, most: int) -> int | None:
        """Return how many sets reach `threshold`, or None for more than `most`."""
        try:
            return len(self.run(threshold, most).item)
        except SearchTooLargeError:
            return None

    def _grown(self, ranked: IntArray, limits: Limits) -> Tree:
        offsets, members = _ranked_runs(self.base, ranked)
        single = self.single[ranked]
        if len(ranked) <= 64:
            masks, counts = _ranked_masks(offsets, members, self.base.counts)
            tree = search_masks(masks, counts, single, limits=limits)
        else:
            tree = search_lists(offsets, members, self.base.counts, single, limits=limits)
        item = frozen(ranked[tree.item])
        return Tree(frozen(tree.parent), item, frozen(tree.count), frozen(tree.length))

    def _on_stem(self, tree: Tree) -> Tree:
        """Plant the tree of the other items on the required ones."""
        size = len(self.stem)
        stem = np.arange(size)
        return Tree(
            frozen(np.concatenate((stem - 1, np.where(tree.parent < 0, size - 1, tree.parent + size)))),
            frozen(np.concatenate((np.asarray(self.conditions.required, dtype=np.int64), tree.item))),
            frozen(np.concatenate((np.asarray(self.stem, dtype=self.data.counts.dtype), tree.count))),
            frozen(np.concatenate((stem + 1, tree.length + size))),
        )


def search_or_advise(search: Search, threshold: float, most: int, *, relative: bool) -> Tree:
    """Return the tree, warn where it is empty, or refuse with a threshold that fits where it is too large."""
    try:
        tree = search.run(threshold, most)
    except SearchTooLargeError:
        advice = _advice(search, threshold, most, relative=relative)
    else:
        if not tree.item.size:
            _warn_nothing(search, threshold)
        return tree
    raise InputError(
        f"more than max_itemsets={most} sets reach a count of {threshold:g} of {search.data.n:g} "
        f"(they take over {_NODE_BYTES * most / 2**20:.3g} MiB); {advice}, or give max_length, or raise max_itemsets"
    )


def _holders(data: Baskets, required: tuple[int, ...]) -> Baskets:
    """Return the baskets that hold all of `required`."""
    if not required:
        return data
    owner = np.repeat(np.arange(len(data)), np.diff(data.offsets))
    held = np.bincount(owner[np.isin(data.members, required)], minlength=len(data))
    chosen = np.flatnonzero(held == len(required))
    offsets, members = take_runs(data.offsets, data.members, chosen)
    return Baskets(data.items, offsets, members, data.counts[chosen])


def _barred(conditions: Conditions) -> list[int]:
    """Return the items that may not stand beside a required one."""
    pairs = conditions.apart
    met = np.isin(pairs, conditions.required)
    if met.all(axis=1).any():
        raise InputError("contains names an item together with a family above it; leave the family out")
    return [int(item) for item in pairs[met.any(axis=1)].ravel() if item not in conditions.required]


def _apart(pairs: IntArray, ranked: IntArray, data: Baskets) -> IntArray | None:
    """Return the pairs as sorted keys of ranks, or None where there are none."""
    if not len(pairs):
        return None
    rank = np.full(len(data.items), -1, dtype=np.int64)
    rank[ranked] = np.arange(len(ranked))
    both = np.sort(rank[pairs], axis=1)
    both = both[both[:, 0] >= 0]
    return np.unique(both[:, 0] * len(ranked) + both[:, 1])


def _empty(counts: CountArray) -> Tree:
    none = np.zeros(0, dtype=np.int64)
    return Tree(none, none, np.zeros(0, dtype=counts.dtype), none)


def _ranked_runs(data: Baskets, ranked: IntArray) -> tuple[IntArray, IntArray]:
    """Return the baskets as runs of rising ranks, without the items that are not frequent."""
    rank = np.full(len(data.items), -1, dtype=np.int64)
    rank[ranked] = np.arange(len(ranked))
    owner, held = np.repeat(np.arange(len(data)), np.diff(data.offsets)), rank[data.members]
    key = np.sort((owner * len(ranked) + held)[held >= 0])
    sizes = np.bincount(key // len(ranked), minlength=len(data))
    return np.concatenate(([0], np.cumsum(sizes))), key % len(ranked)


def _ranked_masks(offsets: IntArray, members: IntArray, counts: CountArray) -> tuple[MaskArray, CountArray]:
    power = np.array([bit(position) for position in range(64)])
    total = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(power[members], dtype=np.uint64)))
    masks = total[offsets[1:]] - total[offsets[:-1]]
    order = np.argsort(masks)
    return merge_sorted(masks[order], counts[order])


def _warn_nothing(search: Search, threshold: float) -> None:
    n, best = search.data.n, search.commonest
    if search.stem:
        warn(f"no set is frequent: the items of contains are held together by {best:g}, not {threshold:g}, of {n:g}")
    elif best <= 0:
        warn(f"no item is frequent: all {n:g} baskets are empty, or every item is left out")
    else:
        warn(
            f"no item is frequent: a count of {threshold:g} of {n:g} is asked for but the commonest item has {best:g}; "
            f"a min_support of {best / n:.3g} or less finds it"
        )


def _advice(search: Search, threshold: float, most: int, *, relative: bool) -> str:
    """Suggest a threshold that was tried and gives at most a tenth of the sets allowed, by bisection."""
    room = max(1, most // 10)
    low, high = threshold, search.commonest
    found = search.size(high, room)
    if found is None:
        return "no threshold helps, too many items are held by nearly everybody; leave those out"
    while high > 1.1 * low and high - low > 1:
        middle = float(np.floor(np.sqrt(low * high)))
        middle = low + 1 if middle <= low else middle
        size = search.size(middle, room)
        low, high, found = (middle, high, found) if size is None else (low, middle, size)
    name = f"min_support={high / search.data.n:.6g}" if relative else f"min_count={high:g}"
    return f"{name} gives {found}"
