"""What goes together: the itemsets that enough customers hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets
from custval._assoc.itemsets import Itemsets, item_position, listed
from custval._assoc.mining import SearchTooLargeError
from custval._assoc.searching import Conditions, Search, search_or_advise
from custval._assoc.taxonomy import Taxonomy, ancestors, ancestry_pairs, with_families
from custval._assoc.tree import Tree, closed, generators, maximal
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import frozen
from custval._core.typing import ArrayLike, BoolArray
from custval._core.validation import check_choice, check_scalar, check_whole

__all__ = ("frequent_itemsets", "prepared", "smallest_count")

_KINDS = ("all", "closed", "maximal", "generators")
_ROUNDING = 1e-12  # sums of case weights in another order differ by less than this share


@public("assoc")
def frequent_itemsets(
    baskets: Any,
    *,
    min_support: float | None = None,
    min_count: float | None = None,
    top_k: int | None = None,
    min_length: int = 1,
    max_length: int | None = None,
    contains: Iterable[Any] = (),
    without: Iterable[Any] = (),
    taxonomy: Taxonomy | None = None,
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
        Give exactly one of this, `min_count` and `top_k`.
    min_count : int or float
        Smallest number of customers (or summed weight), > 0.
    top_k : int
        The k most frequent sets (of this kind and these lengths) instead of a threshold, most frequent first; sets
        tied with the k-th come too, so that the order of the items does not matter.
    min_length : int
        Shortest set, >= 1.
    max_length : int, optional
        Longest set, >= `min_length`. Closed and maximal are judged against longer sets too.
    contains : list of items
        Every set holds all of these; only their holders are searched. Supports stay shares of all customers.
    without : list of items
        No set holds any of these. Closed, maximal and generators are judged among the sets without them.
    taxonomy : mapping of item to family (or list of families), optional
        Holders of an item hold its families too, and families may have families; sets of an item with a family above
        it, which say nothing new, are left out.
    sample_weight : array_like of shape (n,), or a column name for a long frame
        Case weight of each customer, >= 0; support is then the holders' share of all weight. Whole numbers equal
        duplication.
    kind : {"all", "closed", "maximal", "generators"}
        All frequent sets; those to which no item can be added without losing a customer; those to which none can be
        added at all; or those from which no item can be taken without winning a customer (an item that everybody holds
        is no generator: the empty set has as many customers).
    max_itemsets : int
        Refuse, and suggest a threshold, when more sets than this are frequent (about 40 bytes each);
        ``estimate_itemsets`` says beforehand how many to expect.

    Returns
    -------
    Itemsets
        Columns of sets with count and support, decoded only when looked at. Items that everybody holds are reported.

    Raises
    ------
    InputError
        No basket, a bare string as a basket, missing or mixed items, a threshold outside its range, an unknown item in
        `contains` or `without`, a taxonomy with a circle, or an answer of more than `max_itemsets` sets.

    Warns
    -----
    DataWarning
        No item is frequent: the answer is empty.

    References
    ----------
    Agrawal, Imielinski & Swami (1993); Zaki (2000), Scalable Algorithms for Association Mining; Srikant & Agrawal
    (1995), Mining generalized association rules.

    Examples
    --------
    >>> from custval.assoc import frequent_itemsets
    >>> held = [{"mobile", "tv"}, {"mobile", "tv", "cloud"}, {"mobile"}, set()]
    >>> sets = frequent_itemsets(held, min_support=0.5)
    >>> [(s, float(share)) for s, share in zip(sets, sets.support)]
    [(('tv',), 0.5), (('mobile',), 0.75), (('mobile', 'tv'), 0.5)]
    >>> list(frequent_itemsets(held, top_k=1, taxonomy={"tv": "media", "cloud": "media"}))
    [('mobile',)]
    """
    check_choice(kind, "kind", _KINDS)
    shortest = check_whole(min_length, "min_length", low=1)
    longest = None if max_length is None else check_whole(max_length, "max_length", low=shortest)
    most = check_whole(max_itemsets, "max_itemsets", low=1)
    _check_thresholds(min_support, min_count, top_k)
    data, conditions = prepared(baskets, sample_weight, contains, without, taxonomy)
    names = tuple(data.items[position] for position in conditions.required)
    if kind == "generators" and names:
        raise InputError("generators are judged by parts that contains=... does not search; filter them by where()")
    # closed and maximal sets of the greatest length are known only from their supersets
    deep = len(data.items) if longest is None else longest if kind in {"all", "generators"} else longest + 1
    if kind == "maximal" and top_k is not None:
        raise InputError("maximal sets depend on the threshold, so no k of them are the top; give min_support instead")
    search = Search(data, Conditions(deep, conditions.required, conditions.excluded, conditions.apart))

    def chosen(tree: Tree) -> BoolArray:
        fits = (tree.length >= max(shortest, len(names))) & (tree.length <= (longest or len(data.items)))
        return fits & _of_kind(tree, data, kind)

    if top_k is not None:
        threshold, tree = _top_tree(search, chosen, check_whole(top_k, "top_k", low=1), most)
    else:
        threshold = smallest_count(data, min_support, min_count)
        tree = search_or_advise(search, threshold, most, relative=min_support is not None)
    keep = np.flatnonzero(chosen(tree))
    found = Itemsets(data.items, tree, frozen(keep), data.n, threshold, longest, kind, names)
    return found if top_k is None else found.sort_by("count")


def prepared(
    baskets: Any, sample_weight: Any, contains: Iterable[Any], without: Iterable[Any], taxonomy: Taxonomy | None
) -> tuple[Baskets, Conditions]:
    """Return the base (with families, if there is a taxonomy) and the conditions as positions in its items."""
    data = as_baskets(baskets, sample_weight)
    above = {} if taxonomy is None else ancestors(taxonomy)
    data = with_families(data, above) if above else data
    required = tuple(dict.fromkeys(item_position(data.items, item) for item in listed(contains, "contains")))
    excluded = tuple(item_position(data.items, item) for item in listed(without, "without"))
    both = set(required) & set(excluded)
    if both:
        raise InputError(f"{data.items[both.pop()]!r} stands in contains and in without; no set can meet both")
    return data, Conditions(len(data.items), required, excluded, ancestry_pairs(data.items, above))


def _check_thresholds(min_support: float | None, min_count: float | None, top_k: int | None) -> None:
    if sum(value is not None for value in (min_support, min_count, top_k)) != 1:
        raise InputError("give one of min_support (a share in (0, 1]), min_count (customers) and top_k (sets)")
    if min_support is not None:
        check_scalar(min_support, "min_support", low=0.0, high=1.0, low_open=True)
    elif min_count is not None:
        check_scalar(min_count, "min_count", low=0.0, low_open=True)


def smallest_count(data: Baskets, min_support: float | None, min_count: float | None) -> float:
    """Return the smallest frequent count: an integer c with c / n >= min_support in double precision."""
    whole = data.counts.dtype.kind == "i"
    if min_support is None:
        return float(np.ceil(min_count)) if whole else float(min_count) * (1 - _ROUNDING)  # type: ignore[arg-type]
    if not whole:
        return min_support * data.n * (1 - _ROUNDING)
    count = int(np.ceil(min_support * data.n))
    while count > 1 and (count - 1) / data.n >= min_support:
        count -= 1
    while count / data.n < min_support:
        count += 1
    return max(count, 1)


def _top_tree(search: Search, chosen: Any, k: int, most: int) -> tuple[float, Tree]:
    """Lower the threshold until k sets are found; the count of the k-th is then the threshold of the answer."""
    singles = np.sort(search.single[search.single > 0])[::-1]
    least = float(search.data.counts[search.data.counts > 0].min(initial=1.0))
    threshold = float(singles[min(k, len(singles)) - 1]) if singles.size and not search.stem else search.commonest
    while True:
        try:
            tree = search.run(max(threshold, least), most)
        except SearchTooLargeError:
            raise InputError(f"top_k={k} would search more than max_itemsets={most} sets; give max_length") from None
        count = np.sort(tree.count[chosen(tree)])[::-1]
        if len(count) >= k or threshold <= least:
            break
        threshold /= 2
    edge = float(count[min(k, len(count)) - 1]) if count.size else least
    if search.data.counts.dtype.kind == "f":
        edge *= 1 - _ROUNDING
    return edge, _pruned(tree, edge)


def _pruned(tree: Tree, least: float) -> Tree:
    """Return the part of a tree that reaches `least`; a set's parent has no smaller count."""
    keep = np.flatnonzero(tree.count >= least)
    number = np.full(len(tree.item) + 1, -1)
    number[keep] = np.arange(len(keep))
    return Tree(*map(frozen, (number[tree.parent[keep]], tree.item[keep], tree.count[keep], tree.length[keep])))


def _of_kind(tree: Tree, data: Baskets, kind: str) -> BoolArray:
    m = len(data.items)
    if kind == "closed":
        return closed(tree, m, data.n)
    if kind == "maximal":
        return maximal(tree, m)
    return generators(tree, m, data.n) if kind == "generators" else np.ones(len(tree.item), dtype=bool)
