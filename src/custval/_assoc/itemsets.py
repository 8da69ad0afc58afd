"""The itemsets found: flat columns, decoded only when looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from custval._assoc.baskets import as_baskets
from custval._assoc.bits import CountArray
from custval._assoc.counting import recounted
from custval._assoc.tree import Tree
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen, jsonable
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Itemsets", "item_position", "listed")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class Itemsets(Result):
    """Frequent itemsets in columns; ``itemsets[i]`` decodes one, a slice or a filter gives fewer of them.

    Attributes
    ----------
    items : tuple
        The labels of all items, sorted.
    tree : Tree
        Every frequent set that the search found, as a prefix tree over positions in `items`.
    selected : ndarray of int64, shape (k,)
        The sets of this result, as rows of the tree.
    n : int or float
        Customers in all, or their summed weight.
    min_count : int or float
        Smallest count that was frequent.
    max_length : int or None
        Longest set searched for.
    kind : str
        "all", "closed", "maximal" or "generators".
    required : tuple
        Items that every set holds, because only such sets were searched.

    Examples
    --------
    >>> from custval.assoc import frequent_itemsets
    >>> sets = frequent_itemsets([{"tv", "voice"}, {"voice"}, {"tv", "voice", "cloud"}], min_count=2)
    >>> [(s, int(c)) for s, c in zip(sets, sets.count)]
    [(('tv',), 2), (('voice',), 3), (('tv', 'voice'), 2)]
    """

    items: tuple[Any, ...]
    tree: Tree
    selected: IntArray
    n: float
    min_count: float
    max_length: int | None
    kind: str
    required: tuple[Any, ...] = ()

    def __len__(self) -> int:
        """Return the number of itemsets."""
        return len(self.selected)

    @property
    def count(self) -> CountArray:
        """Customers (or weight) that hold each set, shape (k,)."""
        return frozen(self.tree.count[self.selected])

    @property
    def support(self) -> FloatArray:
        """Share of all customers that hold each set, shape (k,), in (0, 1]."""
        return frozen(self.count / self.n)

    @property
    def length(self) -> IntArray:
        """Number of items in each set, shape (k,)."""
        return frozen(self.tree.length[self.selected])

    @overload
    def __getitem__(self, index: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, index: slice | IntArray | BoolArray) -> Itemsets: ...
    def __getitem__(self, index: int | slice | IntArray | BoolArray) -> tuple[Any, ...] | Itemsets:
        """Return one set as a tuple of labels, or the chosen sets as a smaller result."""
        if isinstance(index, (int, np.integer)):
            return self.tree.decode(self.selected[[index]], self.items)[0]
        return replace(self, selected=frozen(self.selected[index]))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Decode the sets one after the other."""
        return iter(self.tree.decode(self.selected, self.items))

    def where(
        self,
        *,
        contains: Iterable[Any] = (),
        without: Iterable[Any] = (),
        min_length: int = 1,
        max_length: int | None = None,
        min_support: float = 0.0,
    ) -> Itemsets:
        """Keep the sets that meet every condition.

        Parameters
        ----------
        contains : list of items
            All of these are in the set.
        without : list of items
            None of these is in the set.
        min_length, max_length : int
            Number of items, both ends included.
        min_support : float
            Smallest support, 0..1.

        Returns
        -------
        Itemsets
            The sets kept, in the same order.

        Examples
        --------
        >>> from custval.assoc import frequent_itemsets
        >>> sets = frequent_itemsets([{"tv", "voice"}, {"voice"}], min_count=1)
        >>> list(sets.where(contains=["tv"], min_length=2))
        [('tv', 'voice')]
        """
        keep = (self.length >= min_length) & (self.support >= min_support)
        if max_length is not None:
            keep &= self.length <= max_length
        for item in listed(contains, "contains"):
            keep &= self.tree.holds(item_position(self.items, item))[self.selected]
        for item in listed(without, "without"):
            keep &= ~self.tree.holds(item_position(self.items, item))[self.selected]
        return self[np.flatnonzero(keep)]

    def sort_by(self, key: str = "support", *, descending: bool = True) -> Itemsets:
        """Return the same sets sorted by "support", "count" or "length"; ties keep their order.

        Parameters
        ----------
        key : {"support", "count", "length"}
            What to sort by.
        descending : bool
            Largest first.

        Returns
        -------
        Itemsets
            The sorted sets.

        Examples
        --------
        >>> from custval.assoc import frequent_itemsets
        >>> sets = frequent_itemsets([{"tv", "voice"}, {"voice"}], min_count=1)
        >>> sets.sort_by("length")[0]
        ('tv', 'voice')
        """
        check_choice(key, "key", ("support", "count", "length"))
        values = self.length if key == "length" else self.count
        return self[np.argsort(-values if descending else values, kind="stable")]

    def count_of(self, items: Iterable[Any]) -> float:
        """Return how many customers (or what weight) hold all of `items`; 0 where the set is not frequent.

        Parameters
        ----------
        items : list of items
            The set; its order does not matter.

        Returns
        -------
        int or float
            The count, or 0 for a set that is below the threshold or longer than was searched.

        Examples
        --------
        >>> from custval.assoc import frequent_itemsets
        >>> sets = frequent_itemsets([{"tv", "voice"}, {"voice"}], min_count=1)
        >>> sets.count_of(["voice", "tv"])
        1
        """
        members = listed(items, "items")
        if not set(self.required) <= set(members):
            raise InputError(f"only sets with {', '.join(map(repr, self.required))} were counted; add them")
        wanted = {item_position(self.items, item) for item in members}
        if not wanted:
            return self.n
        rows = np.flatnonzero(self.tree.length == len(wanted))
        for position in wanted:
            rows = rows[self.tree.holds(position)[rows]]
        return plain_number(self.tree.count[rows[0]]) if rows.size else 0

    def on(self, baskets: Any) -> Itemsets:
        """Count the same sets on another base, such as a segment or a later month.

        Parameters
        ----------
        baskets : Baskets or what makes them
            The other base; items that nobody there holds count 0.

        Returns
        -------
        Itemsets
            The same sets in the same order, with the counts of the other base (which may be below the threshold).

        Raises
        ------
        InputError
            What ``frequent_itemsets`` refuses as baskets.

        Examples
        --------
        >>> from custval.assoc import frequent_itemsets
        >>> sets = frequent_itemsets([{"tv", "voice"}, {"voice"}], min_count=1)
        >>> sets.on([{"tv"}, {"tv", "voice"}, {"tv"}]).count.tolist()
        [3, 1, 1]
        """
        data = as_baskets(baskets)
        return replace(self, tree=recounted(self.tree, self.selected, self.items, data), n=data.n)

    def to_frame(self, *, separator: str | None = None) -> pd.DataFrame:
        """Return the sets as a pandas frame.

        Parameters
        ----------
        separator : str, optional
            Join the items of a set into one text, e.g. ``" + "``. Default: tuples of items.

        Returns
        -------
        pandas.DataFrame
            Columns itemset, length, count, support; one row for each set.

        Examples
        --------
        >>> from custval.assoc import frequent_itemsets
        >>> sets = frequent_itemsets([{"tv", "voice"}, {"voice"}], min_count=1)
        >>> sets.to_frame(separator=" + ")["itemset"].tolist()
        ['tv', 'voice', 'tv + voice']
        """
        import pandas as pd

        sets: list[Any] = list(self)
        if separator is not None:
            sets = [separator.join(map(str, members)) for members in sets]
        columns = {"length": self.length, "count": self.count, "support": self.support}
        return pd.DataFrame({"itemset": pd.Series(sets, dtype=object), **columns})

    def to_dict(self) -> dict[str, Any]:
        """Return the sets with their counts in JSON types only."""
        columns = {"itemsets": list(self), "count": self.count}
        plain = {name: getattr(self, name) for name in ("n", "min_count", "max_length", "kind")}
        return {name: jsonable(value) for name, value in {**plain, **columns}.items()}


def plain_number(value: Any) -> float:
    """Return a NumPy number as a Python int or float."""
    return value.item() if isinstance(value, np.generic) else value  # type: ignore[no-any-return]


def item_position(items: tuple[Any, ...], item: Any) -> int:
    """Return where `item` stands among the labels, or refuse it and suggest the nearest one."""
    try:
        return items.index(item)
    except ValueError:
        raise InputError(f"no basket holds the item {item!r}{nearest(str(item), map(str, items))}") from None


def listed(items: Iterable[Any], name: str) -> list[Any]:
    if isinstance(items, (str, bytes)):
        raise InputError(f"{name} must be a list of items, not the bare text {items!r}; write [{items!r}]")
    return list(items)
