"""Which sets say something that their parts do not? Productive and self-sufficient itemsets.

A set is *productive* if, however it is split in two, the two parts meet more often than chance allows (Fisher's exact
test, the worst split decides). It is *redundant* if some part of it already implies one of its own items. It is
*independently productive* if it stays productive among the customers whom its productive supersets do not explain.
Sets with all three properties are self-sufficient.

References: Webb (2010), Self-sufficient itemsets; Webb & Vreeken (2014), Efficient discovery of the most interesting
associations.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets, take_runs
from custval._assoc.counting import counts_of_members
from custval._assoc.fisher import fisher_tails, layered_p
from custval._assoc.itemsets import Itemsets
from custval._assoc.tree import Digests, Tree, covers
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_scalar

__all__ = ("productive_itemsets", "self_sufficient_itemsets")

_LONGEST = 12  # 2,047 splits


@public("assoc")
def productive_itemsets(itemsets: Itemsets, alpha: float = 0.05) -> Itemsets:
    """Keep the sets whose items meet more often than any split into two unrelated parts explains.

    Parameters
    ----------
    itemsets : Itemsets
        From ``frequent_itemsets``; sets of one item are dropped, since they cannot be split.
    alpha : float
        Chance of any false set, in (0, 1), shared equally among the lengths (layered critical values).

    Returns
    -------
    Itemsets
        The productive sets, in the same order.

    Raises
    ------
    InputError
        `alpha` outside its range, case weights that are not whole numbers, sets of more than 12 items, itemsets that
        were searched with ``contains=``.

    References
    ----------
    Webb (2010), Self-sufficient itemsets: an approach to screening potentially interesting associations.

    Examples
    --------
    >>> from custval.assoc import frequent_itemsets, productive_itemsets
    >>> held = [{"tv", "sport", "voice"}] * 20 + [{"voice"}] * 20
    >>> list(productive_itemsets(frequent_itemsets(held, min_count=5)))
    [('sport', 'tv')]
    """
    return itemsets[_productive(itemsets, alpha)]


@public("assoc")
def self_sufficient_itemsets(itemsets: Itemsets, baskets: Any, alpha: float = 0.05) -> Itemsets:
    """Keep the sets that say something which neither their parts nor their supersets say.

    Parameters
    ----------
    itemsets : Itemsets
        From ``frequent_itemsets``.
    baskets : Baskets or what makes them
        The same base, in which the customers outside of supersets are counted.
    alpha : float
        Chance of any false set in the test of productivity, in (0, 1).

    Returns
    -------
    Itemsets
        Productive, non-redundant, independently productive sets, in the same order.

    Raises
    ------
    InputError
        What ``productive_itemsets`` refuses, or a base of another size.

    References
    ----------
    Webb & Vreeken (2014), Efficient discovery of the most interesting associations.

    Examples
    --------
    >>> from custval.assoc import frequent_itemsets, self_sufficient_itemsets
    >>> held = [{"tv", "sport", "box"}] * 20 + [{"voice"}] * 20
    >>> list(self_sufficient_itemsets(frequent_itemsets(held, min_count=5), held))
    [('box', 'sport'), ('box', 'tv'), ('sport', 'tv')]
    """
    data = as_baskets(baskets)
    if data.n != itemsets.n:
        raise InputError(f"baskets hold {data.n:g} customers but the itemsets were counted on {itemsets.n:g}")
    keep = _productive(itemsets, alpha)
    keep = keep & ~_redundant(itemsets.tree, len(itemsets.items))[itemsets.selected]
    return itemsets[np.flatnonzero(_independent(itemsets, np.flatnonzero(keep), data, alpha))]


def _productive(itemsets: Itemsets, alpha: float) -> BoolArray:
    level = check_scalar(alpha, "alpha", low=0.0, high=1.0, low_open=True, high_open=True)
    tree = itemsets.tree
    if tree.count.dtype.kind != "i":
        raise InputError("the test counts customers, but the case weights are not whole numbers; leave them out")
    if itemsets.required:
        raise InputError("these itemsets were searched with contains=..., so their parts were not counted")
    longest = int(itemsets.length.max(initial=0))
    if longest > _LONGEST:
        raise InputError(f"sets of {longest} items have {2 ** (longest - 1) - 1} splits; give max_length={_LONGEST}")
    p = np.ones(len(itemsets))
    digests = Digests(tree, len(itemsets.items))
    for length, where in tree.by_length(itemsets.selected):
        if length > 1:
            p[where] = _worst_split(tree, digests, itemsets.selected[where], length, int(itemsets.n))
    searched = np.bincount(tree.length, minlength=longest + 1)
    searched[:2] = 0
    return (layered_p(p, itemsets.length, searched) <= level) & (itemsets.length > 1)


def _worst_split(tree: Tree, digests: Digests, nodes: IntArray, length: int, n: int) -> FloatArray:
    """Return the largest p-value over all splits of each set into two parts."""
    keys = digests.key[tree.members(nodes, length)]
    worst = np.zeros(len(nodes))
    for part in _halves(length):
        digest = keys[:, part].sum(axis=1, dtype=np.uint64)
        one = tree.count[digests.find(digest, len(part))]
        two = tree.count[digests.find(digests.digest[nodes] - digest, length - len(part))]
        np.maximum(worst, fisher_tails(n, one, two, tree.count[nodes])[0], out=worst)
    return worst


def _halves(length: int) -> Iterator[list[int]]:
    """Yield one side of each split of `length` places: the side with the first place."""
    for size in range(length - 1):
        for others in combinations(range(1, length), size):
            yield [0, *others]


def _redundant(tree: Tree, n_items: int) -> BoolArray:
    """Say which sets hold a proper part that itself holds a part with as many holders."""
    implied = np.zeros(len(tree.item), dtype=bool)
    redundant = np.zeros(len(tree.item), dtype=bool)
    # shorter sets come first, so what a part inherits is settled before a set asks
    for node, part in covers(tree, n_items):
        redundant[node] |= implied[part] | redundant[part]
        implied[node] |= tree.count[node] == tree.count[part]
    return redundant


def _independent(itemsets: Itemsets, kept: IntArray, data: Baskets, alpha: float) -> BoolArray:
    """Say which of the sets `kept` stay productive without the customers of their supersets among `kept`."""
    answer = np.zeros(len(itemsets), dtype=bool)
    sets = [set(held) for held in itemsets[kept]]
    for place, held in zip(kept.tolist(), sets, strict=True):
        extra = [other - held for other in sets if held < other]
        answer[place] = not extra or _productive_outside(itemsets.items, held, extra, data, alpha)
    return answer


def _productive_outside(
    items: tuple[Any, ...], held: set[Any], extra: list[set[Any]], data: Baskets, alpha: float
) -> bool:
    """Say whether the items of `held` still meet among customers who hold none of the `extra` sets whole."""
    outside = np.ones(len(data), dtype=bool)
    owner = np.repeat(np.arange(len(data)), np.diff(data.offsets))
    for others in extra:
        positions = [data.items.index(item) for item in others]
        found = np.bincount(owner[np.isin(data.members, positions)], minlength=len(data))
        outside &= found < len(others)
    chosen = np.flatnonzero(outside)
    offsets, members = take_runs(data.offsets, data.members, chosen)
    rest = Baskets(data.items, offsets, members, data.counts[chosen])
    place = {label: position for position, label in enumerate(items)}
    code = np.array(sorted(place[item] for item in held), dtype=np.int64)
    whole = counts_of_members(code[None, :], items, rest)
    worst = 0.0
    for part in _halves(len(code)):
        other = np.setdiff1d(np.arange(len(code)), part)
        one = counts_of_members(code[None, part], items, rest)
        two = counts_of_members(code[None, other], items, rest)
        worst = max(worst, float(fisher_tails(int(rest.n), one, two, whole)[0][0]))
    return worst <= alpha
