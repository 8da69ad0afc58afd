"""Itemsets of a base in parts: mined part by part, counted once over all, equal to mining the whole.

A set that is frequent in the whole is frequent in at least one part (at the same share), so the sets of the parts are
all candidates there are; one more pass counts them everywhere. A month that is added is a part like any other, whose
sets and those known before are counted where they were not.

References: Savasere, Omiecinski & Navathe (1995), An efficient algorithm for mining association rules in large
databases (Partition); Cheung et al. (1996), Maintenance of discovered association rules (FUP).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets, from_pairs
from custval._assoc.bits import CountArray
from custval._assoc.coding import code_labels
from custval._assoc.counting import counts_of_members
from custval._assoc.frequent import frequent_itemsets, smallest_count
from custval._assoc.itemsets import Itemsets
from custval._assoc.tree import Tree
from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import frozen
from custval._core.typing import IntArray
from custval._core.validation import check_scalar, check_whole

__all__ = ("combine_baskets", "partitioned_itemsets", "update_itemsets")


@public("assoc")
def combine_baskets(parts: Iterable[Any]) -> Baskets:
    """Return the baskets of several parts as one base: months, regions, or the partitions of an engine.

    Parameters
    ----------
    parts : iterable of Baskets or what makes them
        The parts; customers are those of all parts together.

    Returns
    -------
    Baskets
        The distinct baskets with their summed counts.

    Raises
    ------
    InputError
        No part, or items of different types.

    Examples
    --------
    >>> from custval.assoc import combine_baskets
    >>> both = combine_baskets([[{"tv"}, set()], [{"tv"}, {"sim"}]])
    >>> both.items, both.n, both.item_counts.tolist()
    (('sim', 'tv'), 4, [1, 2])
    """
    bases = [as_baskets(part) for part in parts]
    if not bases:
        raise InputError("there is no part; give at least one")
    codes, items = _shared_items(bases)
    owners, members, start = [], [], 0
    for base, code in zip(bases, codes, strict=True):
        owners.append(start + np.repeat(np.arange(len(base)), np.diff(base.offsets)))
        members.append(code[base.members])
        start += len(base)
    counts = np.concatenate([base.counts for base in bases])
    return from_pairs(items, np.concatenate(owners), np.concatenate(members), counts)


@public("assoc")
def partitioned_itemsets(
    parts: Sequence[Any | Callable[[], Any]],
    *,
    min_support: float,
    max_length: int | None = None,
    max_itemsets: int = 10_000_000,
) -> Itemsets:
    """Find the frequent itemsets of a base that comes in parts, one part in memory at a time; exact.

    Parameters
    ----------
    parts : sequence of Baskets, of what makes them, or of functions that return them
        The parts, read twice. A function is called for each reading, so that a part need not stay in memory: let it ask
        DuckDB or Spark for one partition.
    min_support : float
        Smallest share of all customers, in (0, 1].
    max_length : int, optional
        Longest set, >= 1.
    max_itemsets : int
        Refuse more candidates than this.

    Returns
    -------
    Itemsets
        As ``frequent_itemsets`` of the whole would give (in another order).

    Raises
    ------
    InputError
        No part, a `min_support` outside its range, too many candidates.

    References
    ----------
    Savasere, Omiecinski & Navathe (1995), Partition.

    Examples
    --------
    >>> from custval.assoc import partitioned_itemsets
    >>> sets = partitioned_itemsets([[{"tv", "sim"}, {"sim"}], [{"tv", "sim"}, {"net"}]], min_support=0.5)
    >>> sorted((s, int(c)) for s, c in zip(sets, sets.count))
    [(('sim',), 3), (('sim', 'tv'), 2), (('tv',), 2)]
    """
    share = check_scalar(min_support, "min_support", low=0.0, high=1.0, low_open=True)
    most = check_whole(max_itemsets, "max_itemsets", low=1)
    if not len(parts):
        raise InputError("there is no part; give at least one")
    found: set[tuple[Any, ...]] = set()
    n = 0.0
    for part in parts:
        base = _read(part)
        n += base.n
        found.update(_frequent_in(base, share, max_length, most))
        if len(found) > most:
            raise InputError(f"the parts give more than max_itemsets={most} candidates; raise min_support")
    labels, members = _coded(found)
    total: dict[int, CountArray] = {length: np.zeros(len(rows)) for length, rows in members.items()}
    for part in parts:
        base = _read(part)
        for length, rows in members.items():
            total[length] = total[length] + counts_of_members(rows, labels, base)
    return _kept((labels, members), total, n, share, max_length)


@public("assoc")
def update_itemsets(itemsets: Itemsets, base: Any, added: Any, *, min_support: float) -> Itemsets:
    """Bring itemsets up to date when customers are added, without mining the old base again; exact.

    Parameters
    ----------
    itemsets : Itemsets
        All frequent itemsets of `base` at `min_support` (or at less).
    base : Baskets or what makes them
        The old base; only sets that are frequent in `added` and were not before are counted there.
    added : Baskets or what makes them
        The customers added, such as those of a new month.
    min_support : float
        Smallest share of all customers, old and new, in (0, 1].

    Returns
    -------
    Itemsets
        As ``frequent_itemsets`` of both together would give (in another order).

    Raises
    ------
    InputError
        Itemsets of another kind, of another base, or at a higher threshold.

    References
    ----------
    Cheung, Han, Ng & Wong (1996), Maintenance of discovered association rules in large databases.

    Examples
    --------
    >>> from custval.assoc import frequent_itemsets, update_itemsets
    >>> old, new = [{"tv", "sim"}, {"sim"}], [{"tv", "sim"}, {"net"}]
    >>> sets = update_itemsets(frequent_itemsets(old, min_support=0.5), old, new, min_support=0.5)
    >>> sorted(sets)
    [('sim',), ('sim', 'tv'), ('tv',)]
    """
    share = check_scalar(min_support, "min_support", low=0.0, high=1.0, low_open=True)
    old, new = as_baskets(base), as_baskets(added)
    _check_complete(itemsets, old, share)
    known = dict(zip(itemsets, itemsets.count.tolist(), strict=True))
    fresh = _frequent_in(new, share, itemsets.max_length, 10_000_000)
    labels, members = _coded(set(known) | fresh)
    total: dict[int, CountArray] = {}
    for length, rows in members.items():
        names = [tuple(labels[j] for j in row) for row in rows.tolist()]
        before = np.array([known.get(name, -1) for name in names])
        missing = np.flatnonzero(before < 0)
        before[missing] = counts_of_members(rows[missing], labels, old)
        total[length] = before + counts_of_members(rows, labels, new)
    return _kept((labels, members), total, old.n + new.n, share, itemsets.max_length)


def _check_complete(itemsets: Itemsets, old: Baskets, share: float) -> None:
    if itemsets.kind != "all" or itemsets.required or len(itemsets) != len(itemsets.tree.item):
        raise InputError("itemsets must be all frequent sets of the base (kind='all', no contains, no filter)")
    if itemsets.n != old.n:
        raise InputError(f"base holds {old.n:g} customers but the itemsets were counted on {itemsets.n:g}")
    if itemsets.min_count > smallest_count(old, share, None):
        raise InputError(
            f"the itemsets were mined at a count of {itemsets.min_count:g} but min_support={share:g} of the base is "
            f"{smallest_count(old, share, None):g}; rarer sets are not known"
        )


def _read(part: Any) -> Baskets:
    return as_baskets(part() if callable(part) else part)


def _shared_items(bases: list[Baskets]) -> tuple[list[IntArray], tuple[Any, ...]]:
    """Return for each base the numbers of its items among the items of all."""
    labels = [label for base in bases for label in base.items]
    code, items = code_labels(labels, np.repeat(np.arange(len(bases)), [len(base.items) for base in bases]))
    ends = np.cumsum([len(base.items) for base in bases])
    return np.split(code, ends[:-1]), items


def _frequent_in(base: Baskets, share: float, max_length: int | None, most: int) -> set[tuple[Any, ...]]:
    if not base.item_counts.size or base.item_counts.max() < smallest_count(base, share, None):
        return set()
    return set(frequent_itemsets(base, min_support=share, max_length=max_length, max_itemsets=most))


def _coded(found: set[tuple[Any, ...]]) -> tuple[tuple[Any, ...], dict[int, IntArray]]:
    """Return the labels and, by length, the sets as sorted rows of positions."""
    labels = [held[0] for held in found if len(held) == 1]
    _, items = code_labels(labels, np.zeros(len(labels), dtype=np.int64))
    place = {label: position for position, label in enumerate(items)}
    rows: dict[int, list[list[int]]] = {}
    for held in found:
        rows.setdefault(len(held), []).append(sorted(place[label] for label in held))
    return items, {length: np.array(sorted(part), dtype=np.int64) for length, part in sorted(rows.items())}


def _kept(
    coded: tuple[tuple[Any, ...], dict[int, IntArray]],
    total: dict[int, CountArray],
    n: float,
    share: float,
    max_length: int | None,
) -> Itemsets:
    """Return the candidates that are frequent in the whole as a tree: each set hangs on itself less its last item."""
    labels, members = coded
    whole = all((count == np.rint(count)).all() for count in total.values())
    size = int(n) if whole and float(n).is_integer() else n
    least = _least(size, share, whole=whole)
    parent, item, count, length = [], [], [], []
    before: dict[tuple[int, ...], int] = {(): -1}
    start = 0
    for width, rows in members.items():
        keep = np.flatnonzero(total[width] >= least)
        names = [tuple(row) for row in rows[keep].tolist()]
        parent.append(np.array([before[name[:-1]] for name in names], dtype=np.int64))
        item.append(rows[keep, -1])
        count.append(np.rint(total[width][keep]).astype(np.int64) if whole else total[width][keep])
        length.append(np.full(len(keep), width, dtype=np.int64))
        before = {name: start + place for place, name in enumerate(names)}
        before[()] = -1
        start += len(keep)
    if not start:
        warn(f"no item is frequent: none reaches a count of {least:g} of {n:g}; lower min_support")
    tree = Tree(*(frozen(_joined(parts)) for parts in (parent, item, count, length)))
    return Itemsets(labels, tree, frozen(np.arange(start)), size, least, max_length, "all")


def _joined(parts: list[Any]) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _least(n: float, share: float, *, whole: bool) -> float:
    none = np.zeros(0, dtype=np.int64)
    counts = np.array([int(n)]) if whole else np.array([float(n)])
    return smallest_count(Baskets((), np.zeros(2, dtype=np.int64), none, counts), share, None)
