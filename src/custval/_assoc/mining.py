"""Which sets of items occur together often enough? The search, on bits, with nothing but arrays in and out.

Items are ranked by rising count, so that rare items come first and their few holders are searched apart. The holders
of a first item are a database of their own: identical baskets merge again once the items before it are dropped, and
in a list sorted by mask they stay sorted, so merging is one comparison of neighbours. A small class is turned into
rows of bits and grown level by level, many pairs of sets in one AND (Zaki 2000, Eclat); a large one is split by its
next item first (Uno et al. 2004, LCM).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from custval._assoc.bits import CountArray, MaskArray, Vertical, bit, merge_sorted, union_masks, vertical
from custval._assoc.fast import pair_kernel, worth_compiling
from custval._assoc.tree import Tree
from custval._core.typing import BoolArray, IntArray

__all__ = ("Limits", "SearchTooLargeError", "runs", "search_lists", "search_masks")

_PAIR_BYTES = 2 << 20  # the bits of the pairs in hand stay in the processor's cache
_BATCH_BYTES = 16 << 20
# a class of more distinct baskets is split by its next item before it is turned into bits; the more sets to expect of
# it (its holders are many thresholds), the earlier a split pays
_SPLIT_BASKETS = 3 << 18
_LEAST_SPLIT = 1 << 12


class SearchTooLargeError(Exception):
    """The search found more itemsets than it may keep."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a search: the smallest count, the greatest length, the most sets, and pairs that never meet.

    ``apart`` holds sorted keys ``low * items + high`` of pairs of ranks (low < high) that no set may hold together,
    such as a service and its family; None where every pair may meet.
    """

    min_count: float
    max_length: int
    max_itemsets: int
    apart: IntArray | None = None


class _Growing:
    """The tree while it grows: blocks of nodes, numbered as they come."""

    def __init__(self, limits: Limits, n_items: int) -> None:
        self.min_count, self.max_length, self.max_itemsets = limits.min_count, limits.max_length, limits.max_itemsets
        self.n_items, self.apart = n_items, limits.apart
        self.size = 0
        self.work = 0  # words of pairs compared so far
        self._blocks: list[tuple[IntArray, IntArray, CountArray, int]] = []

    def add(self, parent: IntArray, item: IntArray, count: CountArray, length: int) -> IntArray:
        """Append nodes of one length and return their numbers."""
        start, self.size = self.size, self.size + len(parent)
        self._blocks.append((parent, item, count, length))
        if self.size > self.max_itemsets:
            raise SearchTooLargeError
        return np.arange(start, self.size)

    def barred(self, rank: int) -> IntArray:
        """Return the higher ranks that may not stand in a set with `rank`."""
        if self.apart is None:
            return np.zeros(0, dtype=np.int64)
        low, high = np.searchsorted(self.apart, (rank * self.n_items, (rank + 1) * self.n_items))
        return np.asarray(self.apart[low:high] - rank * self.n_items, dtype=np.int64)

    def allowed(self, left: IntArray, right: IntArray) -> BoolArray:
        """Say which pairs of items (rising ranks) may stand in one set."""
        if self.apart is None or not self.apart.size:
            return np.ones(len(left), dtype=bool)
        key = left * self.n_items + right
        place = np.minimum(np.searchsorted(self.apart, key), len(self.apart) - 1)
        return np.asarray(self.apart[place] != key, dtype=bool)

    def tree(self) -> Tree:
        """Return what has grown."""
        parents, items, counts, lengths = zip(*self._blocks, strict=True)
        length = np.repeat(np.array(lengths, dtype=np.int64), [len(parent) for parent in parents])
        return Tree(np.concatenate(parents), np.concatenate(items), np.concatenate(counts), length)


@dataclass(frozen=True, slots=True)
class _Frontier:
    """Sets of one length in hand: node numbers, last items, and for each the end of its run of siblings."""

    node: IntArray
    item: IntArray
    end: IntArray
    bits: MaskArray


def search_masks(masks: MaskArray, counts: CountArray, single: CountArray, *, limits: Limits) -> Tree:
    """Find all frequent sets of at most 64 items.

    Parameters
    ----------
    masks : array of uint64, shape (baskets,)
        Sorted distinct baskets; bit r is the item of rank r (rank 0 the rarest).
    counts : array, shape (baskets,)
        Customers (or summed weight) with each basket.
    single : array, shape (items,)
        Count of each item; all reach the smallest count.
    limits : Limits
        Smallest count, greatest length, most sets (more raise SearchTooLargeError), pairs kept apart.

    Returns
    -------
    Tree
        Every frequent set, with ranks as items.
    """
    growing = _Growing(limits, len(single))
    items = np.arange(len(single))
    nodes = growing.add(np.full(len(single), -1), items, single, 1)
    if limits.max_length > 1:
        for rank in range(len(single) - 1):
            _grow_class(growing, (masks, counts), int(nodes[rank]), rank, 2)
    return growing.tree()


def search_lists(
    offsets: IntArray,
    members: IntArray,
    counts: CountArray,
    single: CountArray,
    *,
    limits: Limits,
) -> Tree:
    """Find all frequent sets among any number of items; baskets are runs of rising ranks in `members`.

    `offsets` is (baskets + 1,); the other parameters and the answer are those of ``search_masks``.
    """
    growing = _Growing(limits, len(single))
    nodes = growing.add(np.full(len(single), -1), np.arange(len(single)), single, 1)
    if limits.max_length > 1:
        for rank, local, masks, weight in _classes(offsets, members, counts, growing):
            _grow_local(growing, local, masks, weight, int(nodes[rank]))
    return growing.tree()


def _grow_class(growing: _Growing, database: tuple[MaskArray, CountArray], node: int, rank: int, length: int) -> None:
    """Grow the sets that continue `node` (last item `rank`) with higher ranks; the database's masks are sorted."""
    masks, counts = database
    chosen = np.flatnonzero((masks & bit(rank)) != 0)  # of booleans: several times faster than of numbers
    above = np.uint64((1 << 64) - (2 << rank) - sum(1 << other for other in growing.barred(rank).tolist()))
    masks, counts = merge_sorted(masks[chosen] & above, counts[chosen])
    split = max(_LEAST_SPLIT, _SPLIT_BASKETS / np.sqrt(counts.sum() / growing.min_count))
    if len(masks) <= split or length == growing.max_length:
        _grow_vertical(growing, vertical(masks[:, None], counts), np.arange(64), node, length)
        return
    single = _bit_counts(masks, counts, rank + 1)
    keep = np.flatnonzero(single >= growing.min_count)
    nodes = growing.add(np.full(len(keep), node), keep, single[keep], length)
    for number, item in zip(nodes.tolist(), keep.tolist(), strict=True):
        _grow_class(growing, (masks, counts), number, item, length + 1)


def _bit_counts(masks: MaskArray, counts: CountArray, low: int) -> CountArray:
    """Return how many customers hold each bit; zero below bit `low`."""
    held = np.zeros(64, dtype=counts.dtype)
    for position in range(low, 64):
        held[position] = counts[(masks & bit(position)) != 0].sum()
    return held


def _grow_local(growing: _Growing, local: IntArray, masks: MaskArray, counts: CountArray, node: int) -> None:
    """Grow the class of one first item, whose frequent companions `local` are the bits of `masks` (baskets, words)."""
    if masks.shape[1] > 1:
        _grow_vertical(growing, vertical(masks, counts), local, node, 2)
        return
    order = np.argsort(masks[:, 0])
    flat, counts = merge_sorted(masks[order, 0], counts[order])
    _grow_vertical(growing, vertical(flat[:, None], counts), local, node, 2)


def _grow_vertical(growing: _Growing, data: Vertical, labels: IntArray, node: int, length: int) -> None:
    """Grow all sets that continue `node` with rows of `data`; row j is the item ``labels[j]``."""
    single = data.tally(data.bits)
    keep = np.flatnonzero(single >= growing.min_count)
    keep = keep[keep < len(labels)]
    nodes = growing.add(np.full(len(keep), node), labels[keep], single[keep], length)
    if len(keep) > 1 and length < growing.max_length:
        end = np.full(len(keep), len(keep))
        _expand(growing, data, _Frontier(nodes, labels[keep], end, data.bits[keep]), length + 1)


def _expand(growing: _Growing, data: Vertical, front: _Frontier, length: int) -> None:
    """Join each set of `front` with its later siblings, keep what is frequent, and go deeper batch by batch."""
    batch: list[tuple[_Frontier, IntArray]] = []
    held = 0
    for left, right in _allowed_pairs(growing, front):
        keep, count, rows = _frequent_pairs(growing, data, front, left, right)
        parent, item = left[keep], front.item[right[keep]]
        nodes = growing.add(front.node[parent], item, count, length)
        if length < growing.max_length and keep.size > 1:
            batch.append((_Frontier(nodes, item, parent, rows), parent))
            held += 8 * keep.size * rows.shape[1]
        if held > _BATCH_BYTES:
            _expand(growing, data, _joined(batch), length + 1)
            batch, held = [], 0
    if batch:
        _expand(growing, data, _joined(batch), length + 1)


def _frequent_pairs(
    growing: _Growing, data: Vertical, front: _Frontier, left: IntArray, right: IntArray
) -> tuple[IntArray, CountArray, MaskArray]:
    """Return which pairs are frequent, their counts, and the bits of their joint holders."""
    growing.work += left.size * front.bits.shape[1]
    kernel = pair_kernel() if data.weight is not None and worth_compiling(growing.work) else None
    if kernel is not None and data.weight is not None:
        found = kernel(front.bits, left, right, data.weight)
        keep = np.flatnonzero(found >= growing.min_count)
        rows = np.take(front.bits, left[keep], axis=0, mode="clip")
        np.bitwise_and(rows, np.take(front.bits, right[keep], axis=0, mode="clip"), out=rows)
        return keep, found[keep].astype(np.int64), rows
    rows = np.take(front.bits, left, axis=0, mode="clip")
    np.bitwise_and(rows, np.take(front.bits, right, axis=0, mode="clip"), out=rows)
    count = data.tally(rows)
    keep = np.flatnonzero(count >= growing.min_count)
    return keep, count[keep], rows[keep]


def _allowed_pairs(growing: _Growing, front: _Frontier) -> Iterator[tuple[IntArray, IntArray]]:
    if growing.apart is None:
        yield from _pairs(front)
        return
    for left, right in _pairs(front):
        keep = growing.allowed(front.item[left], front.item[right])
        yield left[keep], right[keep]


def _pairs(front: _Frontier) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield (left, right) positions of siblings, whole runs of one left at a time, as many as fit in the cache."""
    place = np.arange(len(front.node))
    partners = front.end - place - 1
    most = max(1, _PAIR_BYTES // (8 * front.bits.shape[1]))
    total = np.cumsum(partners)
    start, done = 0, 0
    while start < len(place):
        stop = max(start + 1, int(np.searchsorted(total, done + most, side="right")))
        width = partners[start:stop]
        left = np.repeat(place[start:stop], width)
        if left.size:
            before = np.repeat(total[start:stop] - width - done, width)
            yield left, left + 1 + np.arange(left.size) - before
        start, done = stop, int(total[stop - 1])


def _joined(batch: list[tuple[_Frontier, IntArray]]) -> _Frontier:
    """Return one frontier of several; siblings are the runs that share a parent."""
    parent = np.concatenate([run for _, run in batch])
    last = np.append(np.flatnonzero(parent[1:] != parent[:-1]) + 1, len(parent))
    end = np.repeat(last, np.diff(last, prepend=0))
    node, item, bits = (
        np.concatenate([getattr(front, name) for front, _ in batch]) for name in ("node", "item", "bits")
    )
    return _Frontier(node, item, end, bits)


def _classes(
    offsets: IntArray, members: IntArray, counts: CountArray, growing: _Growing
) -> Iterator[tuple[int, IntArray, MaskArray, CountArray]]:
    """Yield for each first item its rank, its frequent companions of higher rank, and their baskets as masks."""
    n_items, min_count = growing.n_items, growing.min_count
    basket = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    after = offsets[1:][basket] - np.arange(len(members)) - 1  # members of the same basket that follow
    # sixteen bits are sorted by counting, in a fifth of the time
    place = np.argsort(members.astype(np.uint16) if n_items < 1 << 16 else members, kind="stable")
    start = np.searchsorted(members[place], np.arange(n_items + 1))
    single = bool((counts == 1).all())
    name = np.full(n_items, -1)
    for rank in range(n_items - 1):
        held = place[start[rank] : start[rank + 1]]
        rest, weight = after[held], counts[basket[held]]
        gathered = members.take(runs(held + 1, rest))
        together = np.bincount(gathered, None if single else np.repeat(weight, rest), minlength=n_items)
        together[growing.barred(rank)] = 0
        local = np.flatnonzero(together >= min_count)
        if local.size:
            name[local] = np.arange(len(local))
            coded = name.take(gathered)
            inside = np.flatnonzero(coded >= 0)
            owner = np.searchsorted(np.cumsum(rest), inside, side="right")
            yield rank, local, union_masks(owner, coded[inside], len(held), len(local)), weight
            name[local] = -1


def runs(first: IntArray, size: IntArray) -> IntArray:
    """Return first[0], first[0] + 1, ... (size[0] of them), first[1], ..."""
    before = np.cumsum(size)
    places = np.repeat(first - (before - size), size)
    places += np.arange(len(places))
    return places
