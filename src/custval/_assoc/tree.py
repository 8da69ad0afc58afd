"""Itemsets as a prefix tree in flat arrays, and how a set finds its subsets there.

A set is known by a digest, the sum modulo 2^64 of one random key for each of its items: taking an item out is one
subtraction, and the digests of one length, sorted, are searched in one pass for all sets at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._assoc.bits import CountArray, MaskArray
from custval._core.typing import BoolArray, IntArray

__all__ = ("Digests", "Tree", "closed", "covers", "generators", "maximal", "parts_of")

_WEIGHT_ERROR = 1e-12  # summed case weights are equal within this share of the total


@dataclass(frozen=True, slots=True)
class Tree:
    """Itemsets as a prefix tree: set i is the set ``parent[i]`` (-1: the empty set) and one more item ``item[i]``.

    A parent stands before its children. ``length`` is the number of items, ``count`` the number or weight of holders.
    """

    parent: IntArray
    item: IntArray
    count: CountArray
    length: IntArray

    def members(self, nodes: IntArray, length: int) -> IntArray:
        """Return the items of `nodes`, all of one `length`, shape (k, length), rising in each row."""
        held = np.empty((len(nodes), length), dtype=np.int64)
        for j in range(length):
            held[:, j] = self.item[nodes]
            nodes = self.parent[nodes]
        return np.sort(held, axis=1)

    def by_length(self, nodes: IntArray) -> Iterator[tuple[int, IntArray]]:
        """Yield each length among `nodes` with the positions in `nodes` that have it."""
        length = self.length[nodes]
        for value in np.unique(length).tolist():
            yield value, np.flatnonzero(length == value)

    def decode(self, nodes: IntArray, labels: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Return each of `nodes` as a tuple of labels."""
        sets: list[tuple[Any, ...]] = [()] * len(nodes)
        for length, where in self.by_length(nodes):
            held = self.members(nodes[where], length).tolist()
            for place, positions in zip(where.tolist(), held, strict=True):
                sets[place] = tuple(labels[position] for position in positions)
        return sets

    def holds(self, item: int) -> BoolArray:
        """Say for every set whether `item` is in it."""
        inside = np.asarray(self.item == item)
        for length in range(2, int(self.length.max(initial=1)) + 1):
            level = np.flatnonzero(self.length == length)
            inside[level] |= inside[self.parent[level]]
        return inside


class Digests:
    """Finds sets of a tree by the sum of their items' keys."""

    def __init__(self, tree: Tree, n_items: int) -> None:
        self.tree = tree
        seed = 0
        while not self._fill(np.random.default_rng(seed).integers(1, 1 << 63, n_items, dtype=np.uint64)):
            seed += 1  # two sets of one length shared a digest (chance below 1e-6): draw other keys

    def _fill(self, key: MaskArray) -> bool:
        tree, self.key = self.tree, key
        self.digest = key[tree.item]
        self._levels: dict[int, tuple[MaskArray, IntArray]] = {}
        for length in range(1, int(tree.length.max(initial=0)) + 1):
            level = np.flatnonzero(tree.length == length)
            if length > 1:
                self.digest[level] += self.digest[tree.parent[level]]
            ordered = level[np.argsort(self.digest[level])]
            digest = self.digest[ordered]
            if (digest[1:] == digest[:-1]).any():
                return False
            self._levels[length] = digest, ordered
        return True

    def find(self, digest: MaskArray, length: int) -> IntArray:
        """Return the sets of `length` items with these digests; each must be in the tree."""
        known, nodes = self._levels[length]
        return nodes[np.searchsorted(known, digest)]

    def seek(self, digest: MaskArray, length: int) -> IntArray:
        """Return the sets of `length` items with these digests, -1 where the tree has none."""
        if length not in self._levels:
            return np.full(len(digest), -1)
        known, nodes = self._levels[length]
        place = np.minimum(np.searchsorted(known, digest), len(known) - 1)
        return np.where(known[place] == digest, nodes[place], -1)


def covers(tree: Tree, n_items: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield (set, the set without one of its items) for every frequent set of two items or more, both known."""
    digests = Digests(tree, n_items)
    for length in range(2, int(tree.length.max(initial=0)) + 1):
        level = np.flatnonzero(tree.length == length)
        held = tree.members(level, length)
        for j in range(length):
            part = digests.seek(digests.digest[level] - digests.key[held[:, j]], length - 1)
            known = part >= 0  # a search for sets with given items has no parts without them
            yield (level, part) if known.all() else (level[known], part[known])


def parts_of(tree: Tree, nodes: IntArray, n_items: int) -> IntArray:
    """Return `nodes` and all sets of the tree that are parts of them."""
    digests = Digests(tree, n_items)
    wanted = np.zeros(len(tree.item), dtype=bool)
    wanted[nodes] = True
    for length in range(int(tree.length[nodes].max(initial=0)), 1, -1):
        level = np.flatnonzero(wanted & (tree.length == length))
        held = tree.members(level, length)
        for j in range(length):
            part = digests.seek(digests.digest[level] - digests.key[held[:, j]], length - 1)
            wanted[part[part >= 0]] = True
    return np.flatnonzero(wanted)


def closed(tree: Tree, n_items: int, n: float) -> BoolArray:
    """Say which sets no further item can join without losing a holder."""
    keep = np.ones(len(tree.item), dtype=bool)
    for node, sub in covers(tree, n_items):
        keep[sub[_equal(tree.count[sub], tree.count[node], n)]] = False
    return keep


def maximal(tree: Tree, n_items: int) -> BoolArray:
    """Say which sets no further item can join and stay frequent."""
    keep = np.ones(len(tree.item), dtype=bool)
    for _, sub in covers(tree, n_items):
        keep[sub] = False
    return keep


def generators(tree: Tree, n_items: int, n: float) -> BoolArray:
    """Say which sets lose holders with every item they have (an item that all hold loses none: no generator)."""
    keep = (tree.length > 1) | ~_equal(tree.count, np.full_like(tree.count, n), n)
    for node, sub in covers(tree, n_items):
        keep[node[_equal(tree.count[sub], tree.count[node], n)]] = False
    return keep


def _equal(one: CountArray, other: CountArray, n: float) -> BoolArray:
    if one.dtype.kind == "i":
        return np.asarray(one == other)
    return np.asarray(np.abs(one - other) <= _WEIGHT_ERROR * n)
