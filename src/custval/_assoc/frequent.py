"""What goes together: the itemsets that enough customers hold."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets
from custval._assoc.bits import CountArray, MaskArray, bit, merge_sorted
from custval._assoc.itemsets import Itemsets
from custval._assoc.mining import SearchTooLargeError, search_lists, search_masks
from custval._assoc.tree import Tree, closed, generators, maximal
from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import frozen
from custval._core.typing import ArrayLike, IntArray
from custval._core.validation import check_choice, check_scalar, check_whole

__all__ = ("frequent_itemsets",)

_KINDS = ("all", "closed", "maximal", "generators")
_ROUNDING = 1e-12  # sums of case weights in another order differ by less than this share


@public("assoc")
def frequent_itemsets(
    baskets: Any,
    *,
    min_support: float | None = None,
    min_count: float | None = None,
    max_length: int | None = None,
    sample_weight: ArrayLike | str | None = None,
    kind: Literal["all", "closed", "maximal", "generators"] = "all",
    max_itemsets: int = 10_000_000,
) -> Itemsets:
    """Find the sets of items that are held together often enough.

    Parameters
    ----------
    baskets : Baskets, list of collections, frame, 2-D array or SciPy sparse matrix
        What each customer holds: one set, list or tuple for each; or a long frame with the columns `subscriber_id` and
        `item` (other names: ``Baskets.from_long``); or a frame or matrix of 0 and 1 with one column for each item.
        Empty baskets count in the number of customers.
    min_support : float
        Smallest share of customers, in (0, 1]: a set is frequent if count / n >= `min_support` in double precision.
        Give this or `min_count`.
    min_count : int or float
        Smallest number of customers (or summed weight), > 0.
    max_length : int, optional
        Longest set, >= 1. Closed and maximal are judged against longer sets too.
    sample_weight : array_like of shape (n,), or a column name for a long frame
        Case weight of each customer, >= 0; support is then the holders' share of all weight. Whole numbers equal
        duplication.
    kind : {"all", "closed", "maximal", "generators"}
        All frequent sets; those to which no item can be added without losing a customer; those to which none can be
        added at all; or those from which no item can be taken without winning a customer (an item that everybody holds
        is no generator: the empty set has as many customers).
    max_itemsets : int
        Refuse, and suggest a threshold, when more sets than this are frequent (about 40 bytes each).

    Returns
    -------
    Itemsets
        Columns of sets with count and support, decoded only when looked at. Items that everybody holds are reported.

    Raises
    ------
    InputError
        No basket, a bare string as a basket, missing or mixed items, a threshold outside its range, or an answer of
        more than `max_itemsets` sets.

    Warns
    -----
    DataWarning
        No item is frequent: the answer is empty.

    References
    ----------
    Agrawal, Imielinski & Swami (1993); Zaki (2000), Scalable Algorithms for Association Mining.

    Examples
    --------
    >>> from custval.assoc import frequent_itemsets
    >>> held = [{"mobile", "tv"}, {"mobile", "tv", "cloud"}, {"mobile"}, set()]
    >>> sets = frequent_itemsets(held, min_support=0.5)
    >>> [(s, float(share)) for s, share in zip(sets, sets.support)]
    [(('tv',), 0.5), (('mobile',), 0.75), (('mobile', 'tv'), 0.5)]
    """
    check_choice(kind, "kind", _KINDS)
    longest = None if max_length is None else check_whole(max_length, "max_length", low=1)
    most = check_whole(max_itemsets, "max_itemsets", low=1)
    _check_thresholds(min_support, min_count)
    data = as_baskets(baskets, sample_weight)
    threshold = _smallest_count(data, min_support, min_count)
    if data.counts.dtype.kind == "f":
        threshold *= 1 - _ROUNDING
    # closed and maximal sets of the greatest length are known only from their supersets
    deep = longest if longest is None or kind in {"all", "generators"} else longest + 1
    tree = _search_or_advise(data, threshold, deep, most, relative=min_support is not None)
    keep = np.flatnonzero(_chosen(tree, data, kind) & (tree.length <= (longest or len(data.items))))
    return Itemsets(data.items, tree, frozen(keep), data.n, threshold, longest, kind)


def _check_thresholds(min_support: float | None, min_count: float | None) -> None:
    if (min_support is None) == (min_count is None):
        raise InputError("give either min_support (a share in (0, 1]) or min_count (customers)")
    if min_support is not None:
        check_scalar(min_support, "min_support", low=0.0, high=1.0, low_open=True)
    else:
        check_scalar(min_count, "min_count", low=0.0, low_open=True)


def _smallest_count(data: Baskets, min_support: float | None, min_count: float | None) -> float:
    """Return the smallest frequent count: an integer c with c / n >= min_support in double precision."""
    whole = data.counts.dtype.kind == "i"
    if min_support is None:
        return float(np.ceil(min_count)) if whole else float(min_count)  # type: ignore[arg-type]
    if not whole:
        return min_support * data.n
    count = int(np.ceil(min_support * data.n))
    while count > 1 and (count - 1) / data.n >= min_support:
        count -= 1
    while count / data.n < min_support:
        count += 1
    return max(count, 1)


def _chosen(tree: Tree, data: Baskets, kind: str) -> Any:
    m = len(data.items)
    if kind == "closed":
        return closed(tree, m, data.n)
    if kind == "maximal":
        return maximal(tree, m)
    return generators(tree, m, data.n) if kind == "generators" else np.ones(len(tree.item), dtype=bool)


def _search_or_advise(data: Baskets, threshold: float, max_length: int | None, most: int, *, relative: bool) -> Tree:
    single = data.item_counts
    frequent = np.flatnonzero(single >= threshold)
    if frequent.size == 0:
        _warn_nothing(data, single, threshold)
    ranked = frequent[np.argsort(single[frequent], kind="stable")]
    search = _Search(data, ranked, single[ranked], max_length or len(data.items))
    try:
        return search.run(threshold, most)
    except SearchTooLargeError:
        advice = _advice(search, threshold, most, relative=relative)
    raise InputError(
        f"more than max_itemsets={most} sets reach a count of {threshold:g} of {data.n:g}; {advice}, "
        "or give max_length, or raise max_itemsets"
    )


class _Search:
    """One search over the frequent items, repeatable at higher thresholds."""

    def __init__(self, data: Baskets, ranked: IntArray, single: CountArray, max_length: int) -> None:
        self.data, self.ranked, self.single, self.max_length = data, ranked, single, max_length

    def run(self, threshold: float, most: int) -> Tree:
        """Return the tree of frequent sets over positions in the items of the baskets."""
        if self.ranked.size == 0:
            none = np.zeros(0, dtype=np.int64)
            return Tree(none, none, self.single, none)
        limits = {"min_count": threshold, "max_length": self.max_length, "max_itemsets": most}
        offsets, members = _ranked_runs(self.data, self.ranked)
        if len(self.ranked) <= 64:
            masks, counts = _ranked_masks(offsets, members, self.data.counts)
            tree = search_masks(masks, counts, self.single, **limits)  # type: ignore[arg-type]
        else:
            tree = search_lists(offsets, members, self.data.counts, self.single, **limits)  # type: ignore[arg-type]
        item = frozen(self.ranked[tree.item])
        return Tree(frozen(tree.parent), item, frozen(tree.count), frozen(tree.length))

    def size(self, threshold: float, most: int) -> int | None:
        """Return how many sets reach `threshold`, or None for more than `most`."""
        keep = self.single >= threshold
        narrower = _Search(self.data, self.ranked[keep], self.single[keep], self.max_length)
        try:
            return len(narrower.run(threshold, most).item)
        except SearchTooLargeError:
            return None


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


def _warn_nothing(data: Baskets, single: CountArray, threshold: float) -> None:
    if single.size == 0:
        warn(f"no item is frequent: all {data.n:g} baskets are empty")
        return
    best = float(single.max())
    warn(
        f"no item is frequent: a count of {threshold:g} of {data.n:g} is asked for but the commonest item has "
        f"{best:g}; a min_support of {best / data.n:.3g} or less finds it"
    )


def _advice(search: _Search, threshold: float, most: int, *, relative: bool) -> str:
    """Suggest a threshold that was tried and gives at most a tenth of the sets allowed, by bisection."""
    room = max(1, most // 10)
    low, high = threshold, float(search.single.max())
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
