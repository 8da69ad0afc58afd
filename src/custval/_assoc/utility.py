"""Which sets of items earn the most? Itemsets by money instead of by count.

The utility of a set is the money that its items earn at the customers who hold all of them. It is neither rising nor
falling in the set, so the search stops where an upper bound says so: the money of a set plus all positive money that
its holders could still add with later items (the subtree and local utilities of EFIM). Items may have negative
margins: they are taken last and never counted into a bound.

References: Zida et al. (2015), EFIM: a highly efficient algorithm for high-utility itemset mining; Lin et al. (2014),
FHN (negative values); Hong, Lee & Wang (2011), Effective utility mining with the measure of average utility.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from custval._assoc.baskets import as_baskets
from custval._assoc.coding import code_column, code_customers
from custval._assoc.mining import runs
from custval._assoc.tree import Tree
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_rows, check_scalar, check_whole, float_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("UtilityItemsets", "margin_array", "utility_itemsets")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class UtilityItemsets(Result):
    """Sets of items with the money they earn, most first.

    Attributes
    ----------
    items : tuple
        Labels of all items.
    tree : Tree
        The sets that the search kept, as a prefix tree; its counts are customers.
    selected : ndarray of int64, shape (k,)
        The sets of this result, as rows of the tree.
    utility : ndarray of float64, shape (k,)
        Money that the items of each set earn at the customers who hold all of them.
    total : float
        Money that all items earn at all customers.
    min_utility : float
        The threshold.
    average : bool
        Whether the threshold was for the utility per item.

    Examples
    --------
    >>> from custval.assoc import utility_itemsets
    >>> held = [{"tv", "sim"}] * 3 + [{"sim"}] * 10
    >>> found = utility_itemsets(held, {"tv": 8.0, "sim": 1.0}, min_utility=20.0)
    >>> [(s, float(money)) for s, money in zip(found, found.utility)]
    [(('sim', 'tv'), 27.0), (('tv',), 24.0)]
    """

    items: tuple[Any, ...]
    tree: Tree
    selected: IntArray
    utility: FloatArray
    total: float
    min_utility: float
    average: bool

    def __len__(self) -> int:
        """Return the number of sets."""
        return len(self.selected)

    @property
    def count(self) -> FloatArray:
        """Customers who hold each set, shape (k,)."""
        return frozen(self.tree.count[self.selected])

    @property
    def length(self) -> IntArray:
        """Items in each set, shape (k,)."""
        return frozen(self.tree.length[self.selected])

    @overload
    def __getitem__(self, index: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, index: slice | IntArray | BoolArray) -> UtilityItemsets: ...
    def __getitem__(self, index: int | slice | IntArray | BoolArray) -> tuple[Any, ...] | UtilityItemsets:
        """Return one set as a tuple of labels, or the chosen sets as a smaller result."""
        if isinstance(index, (int, np.integer)):
            return self.tree.decode(self.selected[[index]], self.items)[0]
        return replace(self, selected=frozen(self.selected[index]), utility=frozen(self.utility[index]))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Decode the sets one after the other."""
        return iter(self.tree.decode(self.selected, self.items))

    def to_frame(self, *, separator: str | None = None) -> pd.DataFrame:
        """Return the sets as a pandas frame.

        Parameters
        ----------
        separator : str, optional
            Join the items of a set into one text. Default: tuples of items.

        Returns
        -------
        pandas.DataFrame
            Columns itemset, length, count, utility, average_utility, share (of all money).

        Examples
        --------
        >>> from custval.assoc import utility_itemsets
        >>> found = utility_itemsets([{"tv"}, {"tv", "sim"}], {"tv": 3.0, "sim": 1.0}, min_utility=4.0)
        >>> found.to_frame(separator=" + ")["itemset"].tolist()
        ['tv', 'sim + tv']
        """
        import pandas as pd

        sets: list[Any] = list(self)
        if separator is not None:
            sets = [separator.join(map(str, members)) for members in sets]
        columns = {"length": self.length, "count": self.count, "utility": self.utility}
        share = self.utility / self.total if self.total else np.zeros(len(self))
        return pd.DataFrame(
            {
                "itemset": pd.Series(sets, dtype=object),
                **columns,
                "average_utility": self.utility / self.length,
                "share": share,
            }
        )


@public("assoc")
def utility_itemsets(
    baskets: Any,
    margin: Mapping[Any, float],
    *,
    min_utility: float,
    average: bool = False,
    max_length: int | None = None,
    quantity: str | None = None,
    customer: str = "subscriber_id",
    item: str = "item",
    max_itemsets: int = 1_000_000,
) -> UtilityItemsets:
    """Find the sets of items that earn the most together.

    Parameters
    ----------
    baskets : Baskets or what makes them; a long frame with `quantity`
        What each customer holds.
    margin : mapping of item to money
        Margin of one unit of each item, any sign: an item sold at a loss lowers every set that holds it. Items of the
        baskets that are missing here are refused.
    min_utility : float
        Smallest utility of a set, > 0, in the money of `margin`.
    average : bool
        Compare the utility per item of the set instead (high-average-utility itemsets).
    max_length : int, optional
        Most items in a set, >= 1.
    quantity : str, optional
        Column with the units of an item that a customer holds, >= 0 (rows of the same customer and item add up). Needs
        a long frame.
    customer, item : str
        Columns of that frame.
    max_itemsets : int
        Refuse a search that keeps more sets than this.

    Returns
    -------
    UtilityItemsets
        The sets, most money first (per item if `average`).

    Raises
    ------
    InputError
        An item without a margin, a margin or quantity that is not a number, `min_utility` not above 0, too many sets.

    References
    ----------
    Zida, Fournier-Viger, Lin, Wu & Tseng (2015), EFIM; Hong, Lee & Wang (2011), average utility.

    Examples
    --------
    >>> from custval.assoc import utility_itemsets
    >>> held = [{"tv", "sim", "loan"}] * 3 + [{"sim"}] * 10
    >>> found = utility_itemsets(held, {"tv": 8.0, "sim": 1.0, "loan": -2.0}, min_utility=10.0)
    >>> found[0], float(found.utility[0])
    (('sim', 'tv'), 27.0)
    """
    least = check_scalar(min_utility, "min_utility", low=0.0, low_open=True)
    longest = None if max_length is None else check_whole(max_length, "max_length", low=1)
    most = check_whole(max_itemsets, "max_itemsets", low=1)
    if quantity is None:
        items, owner, code, weight, units = _held(baskets)
    else:
        items, owner, code, weight, units = _bought(baskets, customer, item, quantity)
    price = margin_array(margin, items)
    money = price[code] * units * weight[owner]
    search = _Search(items, price, least, longest or len(items), most, average=average)
    tree, utility = search.run(owner, code, money, weight)
    value = utility / np.maximum(tree.length, 1) if average else utility
    chosen = np.flatnonzero(value >= least)
    order = chosen[np.lexsort((tree.length[chosen], -value[chosen]))]
    total = float(money.sum())
    return UtilityItemsets(items, tree, frozen(order), frozen(utility[order]), total, least, average)


def margin_array(margin: Mapping[Any, float], items: tuple[Any, ...]) -> FloatArray:
    """Return the margin of each of `items`, or refuse what is missing or no number."""
    if not isinstance(margin, Mapping):
        raise InputError(f"margin must map each item to money, as in {{'tv': 8.0}}, not {type(margin).__name__}")
    missing = [item for item in items if item not in margin]
    if missing:
        raise InputError(
            f"margin lacks {len(missing)} of {len(items)} items (first: {missing[0]!r}); give 0.0 to items without one"
        )
    return float_array([margin[item] for item in items], "margin", fix="give each item a number")


def _held(baskets: Any) -> tuple[tuple[Any, ...], IntArray, IntArray, FloatArray, FloatArray]:
    data = as_baskets(baskets)
    owner = np.repeat(np.arange(len(data)), np.diff(data.offsets))
    return data.items, owner, data.members, data.counts.astype(np.float64), np.ones(len(owner))


def _bought(
    frame: Any, customer: str, item: str, quantity: str
) -> tuple[tuple[Any, ...], IntArray, IntArray, FloatArray, FloatArray]:
    owner, n = code_customers(frame, customer)
    code, items = code_column(frame, item)
    units = float_array(column(frame, quantity), quantity, low=0.0)
    check_rows(units >= 0, units, name=quantity, rule="be >= 0")
    key = owner * len(items) + code
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1])) if len(key) else order
    summed = np.add.reduceat(units[order], first) if len(key) else units
    kept = key[order][first][summed > 0]
    return items, kept // len(items), kept % len(items), np.ones(n), summed[summed > 0]


class _Search:
    """Grows sets item by item, in an order that takes negative margins last."""

    def __init__(
        self, items: tuple[Any, ...], price: FloatArray, least: float, longest: int, most: int, *, average: bool
    ) -> None:
        self.n_items, self.price, self.least, self.longest, self.most = len(items), price, least, longest, most
        self.average = average
        self.nodes: list[tuple[int, int, float, int, float]] = []  # parent, item, holders, length, utility

    def run(self, owner: IntArray, code: IntArray, money: FloatArray, weight: FloatArray) -> tuple[Tree, FloatArray]:
        """Return the tree of sets and their utilities."""
        gain = np.bincount(owner, np.maximum(money, 0.0), minlength=len(weight))
        reach = np.bincount(code, gain[owner], minlength=self.n_items)  # transaction-weighted utility
        rank = np.empty(self.n_items, dtype=np.int64)
        order = np.lexsort((reach, self.price < 0))
        rank[order] = np.arange(self.n_items)
        keep = np.flatnonzero(reach[code] >= self.least)
        keep = keep[np.lexsort((rank[code[keep]], owner[keep]))]
        self._grow(-1, (owner[keep], rank[code[keep]], money[keep]), np.zeros(len(weight)), weight, 1)
        columns = list(zip(*self.nodes, strict=True)) or [(), (), (), (), ()]
        parent, item, length = (np.array(columns[j], dtype=np.int64) for j in (0, 1, 3))
        holders, utility = np.array(columns[2], dtype=np.float64), np.array(columns[4], dtype=np.float64)
        count = np.rint(holders).astype(np.int64) if (weight == np.rint(weight)).all() else holders
        labels = order[item] if item.size else item
        return Tree(frozen(parent), frozen(labels), frozen(count), frozen(length)), utility

    def _grow(
        self,
        node: int,
        entries: tuple[IntArray, IntArray, FloatArray],
        before: FloatArray,
        weight: FloatArray,
        length: int,
    ) -> None:
        """Add each item to the set `node`; `before` is the money of the set at each of its holders."""
        owner, rank, money = entries
        if not owner.size:
            return
        gain = np.cumsum(np.maximum(money, 0.0))
        whole = np.bincount(owner, np.maximum(money, 0.0), minlength=len(weight))
        stop = np.append(np.flatnonzero(owner[1:] != owner[:-1]), len(owner) - 1)
        last = np.repeat(stop, np.diff(stop, prepend=-1))
        own = before[owner] + money
        utility = np.bincount(rank, own, minlength=self.n_items)
        bound = np.bincount(rank, np.maximum(0.0, own + gain[last] - gain), minlength=self.n_items)
        local = np.bincount(rank, np.maximum(0.0, before[owner] + whole[owner]), minlength=self.n_items)
        holders = np.bincount(rank, weight[owner], minlength=self.n_items)
        value, further = (utility / length, bound / (length + 1)) if self.average else (utility, bound)
        deep = (further >= self._slack()) & (length < self.longest)
        useful = local[rank] >= self._slack()
        for chosen in np.flatnonzero((holders > 0) & ((value >= self.least) | deep)).tolist():
            self.nodes.append((node, chosen, float(holders[chosen]), length, float(utility[chosen])))
            if len(self.nodes) > self.most:
                raise InputError(
                    f"more than max_itemsets={self.most} sets are kept; raise min_utility or give max_length"
                )
            if not deep[chosen]:
                continue
            at = np.flatnonzero(rank == chosen)
            size = last[at] - at
            rest = runs(at + 1, size)
            inside = np.repeat(np.arange(len(at)), size)
            used = useful[rest]
            rest, inside = rest[used], inside[used]
            here = (inside, rank[rest], money[rest])
            self._grow(len(self.nodes) - 1, here, own[at], weight[owner[at]], length + 1)

    def _slack(self) -> float:
        # a bound that equals the threshold must not fall below it by rounding
        return self.least * (1 - 1e-9)
