"""Splits of itemsets into two sides, and what a longer antecedent gains: look-ups in the tree, nothing counted anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from custval._assoc.tree import Digests, Tree
from custval._core.results import frozen
from custval._core.typing import FloatArray, IntArray

__all__ = ("Candidates", "improvement", "splits")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every split of the itemsets into antecedent and consequent, before any filter.

    ``antecedent``, ``consequent`` and ``whole`` are rows of the tree, shape (splits,).
    """

    antecedent: IntArray
    consequent: IntArray
    whole: IntArray


def splits(tree: Tree, nodes: IntArray, n_items: int, most: int) -> Candidates:
    """Split every set of `nodes` in every way into an antecedent and a consequent of at most `most` items."""
    parts = list(_level_splits(tree, Digests(tree, n_items), nodes, most))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Candidates(none, none, none)
    return Candidates(*(frozen(np.concatenate(columns)) for columns in zip(*parts, strict=True)))


def _level_splits(
    tree: Tree, digests: Digests, nodes: IntArray, most: int
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    for length, where in tree.by_length(nodes):
        whole = nodes[where]
        keys = digests.key[tree.members(whole, length)]
        for size in range(1, min(most, length - 1) + 1):
            for chosen in combinations(range(length), size):
                consequent = keys[:, chosen].sum(axis=1, dtype=np.uint64)
                left = digests.find(digests.digest[whole] - consequent, length - size)
                yield left, digests.find(consequent, size), whole


def improvement(tree: Tree, candidates: Candidates, n_items: int) -> FloatArray:
    """Return how much more confident each rule is than the best with part of its antecedent; inf for one item."""
    digests = Digests(tree, n_items)
    gain = np.full(len(candidates.whole), np.inf)
    shape = np.stack((tree.length[candidates.antecedent], tree.length[candidates.consequent]), axis=1)
    for left, right in np.unique(shape, axis=0).tolist():
        where = np.flatnonzero((shape == (left, right)).all(axis=1))
        # on a base where nobody holds an antecedent its confidence is 0
        confidence = tree.count[candidates.whole[where]] / np.maximum(tree.count[candidates.antecedent[where]], 1e-300)
        gain[where] = confidence - _best_shorter(digests, candidates, where, left, right)
    return gain


def _best_shorter(digests: Digests, candidates: Candidates, where: IntArray, left: int, right: int) -> FloatArray:
    """Return the highest confidence with a proper part (one item or more) of antecedents of `left` items."""
    tree = digests.tree
    keys = digests.key[tree.members(candidates.antecedent[where], left)]
    consequent = digests.digest[candidates.consequent[where]]
    best = np.full(len(where), -np.inf)
    for size in range(1, left):
        for chosen in combinations(range(left), size):
            part = keys[:, chosen].sum(axis=1, dtype=np.uint64)
            holders = np.maximum(tree.count[digests.find(part, size)], 1e-300)
            both = tree.count[digests.find(part + consequent, size + right)]
            np.maximum(best, both / holders, out=best)
    return best
