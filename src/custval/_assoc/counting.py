"""Known sets counted anew on any base: another segment, a later month, customers held out, the whole of a partition."""

from __future__ import annotations

from typing import Any

import numpy as np

from custval._assoc.baskets import Baskets
from custval._assoc.bits import CountArray, union_masks, vertical
from custval._assoc.coding import plain
from custval._assoc.tree import Tree
from custval._core.results import frozen
from custval._core.typing import IntArray

__all__ = ("counts_of_members", "recounted")

_BLOCK_BITS = 1 << 28  # bits of one block of baskets: 32 MiB
_PAIR_BYTES = 2 << 20


def recounted(tree: Tree, nodes: IntArray, items: tuple[Any, ...], baskets: Baskets) -> Tree:
    """Return `tree` with the counts of `nodes` taken from `baskets`; all other counts are 0.

    `items` are the labels of the tree; an item that no basket holds counts nobody.
    """
    count = np.zeros(len(tree.item), dtype=baskets.counts.dtype)
    for length, where in tree.by_length(nodes):
        chosen = nodes[where]
        count[chosen] = counts_of_members(tree.members(chosen, length), items, baskets)
    return Tree(tree.parent, tree.item, frozen(count), tree.length)


def counts_of_members(members: IntArray, items: tuple[Any, ...], baskets: Baskets) -> CountArray:
    """Count the holders of sets, given as rows of positions in `items`, shape (k, length)."""
    total = np.zeros(len(members), dtype=baskets.counts.dtype)
    if not members.size:
        return total
    used, local = np.unique(members, return_inverse=True)
    local = local.reshape(members.shape)
    place = {plain(label): position for position, label in enumerate(baskets.items)}
    wanted = np.array([place.get(items[position], -1) for position in used.tolist()], dtype=np.int64)
    number = np.full(len(baskets.items) + 1, -1, dtype=np.int64)
    number[wanted[wanted >= 0]] = np.flatnonzero(wanted >= 0)
    rows = max(64, _BLOCK_BITS // max(1, len(used)))
    for first in range(0, len(baskets), rows):
        block = slice(first, min(first + rows, len(baskets)))
        total += _block_counts(baskets, block, number[:-1], local)
    return total


def _block_counts(baskets: Baskets, block: slice, number: IntArray, local: IntArray) -> CountArray:
    """Count rows of numbers of items, shape (k, length), in some of the baskets; `number` is -1 for items not asked."""
    first, last = block.start, block.stop
    n_used = int(local.max()) + 1
    begin, end = int(baskets.offsets[first]), int(baskets.offsets[last])
    owner = np.repeat(np.arange(last - first), np.diff(baskets.offsets[first : last + 1]))
    position = number[baskets.members[begin:end]]
    known = position >= 0
    masks = union_masks(owner[known], position[known], last - first, n_used)
    data = vertical(masks, baskets.counts[first:last])
    step = max(1, _PAIR_BYTES // (8 * max(1, data.bits.shape[1])))
    parts = []
    for start in range(0, len(local), step):
        held = local[start : start + step]
        rows = data.bits[held[:, 0]]
        for j in range(1, held.shape[1]):
            rows &= data.bits[held[:, j]]
        parts.append(data.tally(rows))
    return np.concatenate(parts)
