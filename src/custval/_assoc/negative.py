"""What keeps apart: who holds this does not hold that, more often than chance.

Frequent sets say nothing about items that avoid each other: their joint holders are few and below the threshold.
Here each frequent set of items is set against each frequent item, and the few are counted.

References: Savasere, Omiecinski & Navathe (1998), Mining for strong negative associations in a large database of
customer transactions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets
from custval._assoc.bits import CountArray
from custval._assoc.counting import counts_of_members
from custval._assoc.fisher import adjusted_p, fisher_tails
from custval._assoc.frequent import frequent_itemsets
from custval._assoc.measures import MEASURES, Table
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar, check_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("NegativeRules", "negative_rules")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class NegativeRules(Result):
    """Rules "who holds the antecedent does not hold the item", smallest p-value first.

    Attributes
    ----------
    antecedents : tuple of tuples
        Items held.
    absent : tuple
        The item not held.
    count : ndarray of int64, shape (k,)
        Customers who hold the antecedent without the item.
    antecedent_count, absent_count : ndarray of int64, shape (k,)
        Customers who hold the antecedent; who are without the item.
    n : int
        Customers in all.
    p_value, p_adjusted : ndarray of float64, shape (k,)
        One-sided Fisher p-value (chance of so few joint holders if unrelated), and after Benjamini-Hochberg over all
        pairs of a frequent set and a frequent item.
    n_searched : int
        Pairs looked at.

    Examples
    --------
    >>> from custval.assoc import negative_rules
    >>> held = [{"prepaid"}] * 30 + [{"invoice"}] * 30 + [{"prepaid", "tv"}, {"invoice", "tv"}] * 5
    >>> rules = negative_rules(held, min_count=5)
    >>> rules.antecedents[0], rules.absent[0], int(rules.count[0])
    (('invoice',), 'prepaid', 35)
    """

    antecedents: tuple[tuple[Any, ...], ...]
    absent: tuple[Any, ...]
    count: CountArray
    antecedent_count: CountArray
    absent_count: CountArray
    n: int
    p_value: FloatArray
    p_adjusted: FloatArray
    n_searched: int

    def __len__(self) -> int:
        """Return the number of rules."""
        return len(self.count)

    @property
    def confidence(self) -> FloatArray:
        """Share of the antecedent's holders who are without the item, shape (k,)."""
        return self.measure("confidence")

    @property
    def lift(self) -> FloatArray:
        """Confidence over the share of all customers who are without the item, shape (k,)."""
        return self.measure("lift")

    def measure(self, name: str) -> FloatArray:
        """Return a measure of "antecedent, but not the item", computed from counts.

        Parameters
        ----------
        name : str
            Any measure of ``RuleSet.measure`` that is made of counts.

        Returns
        -------
        ndarray of float64, shape (k,)
            The measure of each rule.

        Raises
        ------
        InputError
            An unknown name.

        Examples
        --------
        >>> from custval.assoc import negative_rules
        >>> rules = negative_rules([{"a"}] * 9 + [{"b"}] * 9, min_count=5)
        >>> rules.measure("confidence").tolist()
        [1.0, 1.0]
        """
        check_choice(name, "measure", MEASURES)
        sides = (side.astype(np.float64) for side in (self.antecedent_count, self.absent_count, self.count))
        return frozen(MEASURES[name](Table(float(self.n), *sides)))

    def __getitem__(self, index: slice | IntArray | BoolArray) -> NegativeRules:
        """Return the chosen rules as a smaller result."""
        places = np.arange(len(self))[index].tolist()
        arrays = ("count", "antecedent_count", "absent_count", "p_value", "p_adjusted")
        chosen: dict[str, Any] = {name: frozen(getattr(self, name)[places]) for name in arrays}
        sides: dict[str, Any] = {
            name: tuple(getattr(self, name)[i] for i in places) for name in ("antecedents", "absent")
        }
        return replace(self, **chosen, **sides)

    def explain(self, index: int) -> str:
        """Return rule `index` as a sentence.

        Parameters
        ----------
        index : int
            Position of the rule.

        Returns
        -------
        str
            What the rule says, against the whole base.

        Examples
        --------
        >>> from custval.assoc import negative_rules
        >>> negative_rules([{"a"}] * 9 + [{"b"}] * 9, min_count=5).explain(0).split(";")[0]
        'Of the 9 customers with a, 9 (100.0 %) are without b'
        """
        holders, alone = int(self.antecedent_count[index]), int(self.count[index])
        return (
            f"Of the {holders:,} customers with {' and '.join(map(str, self.antecedents[index]))}, {alone:,} "
            f"({100 * alone / holders:.1f} %) are without {self.absent[index]}; among all {self.n:,} it is "
            f"{100 * self.absent_count[index] / self.n:.1f} %. By chance alone: p = {self.p_value[index]:.3g}, "
            f"{self.p_adjusted[index]:.3g} after {self.n_searched:,} tests."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the rules as a pandas frame.

        Returns
        -------
        pandas.DataFrame
            Columns antecedent, absent, count, support, confidence, lift, p_value, p_adjusted.

        Examples
        --------
        >>> from custval.assoc import negative_rules
        >>> negative_rules([{"a"}] * 9 + [{"b"}] * 9, min_count=5).to_frame()["absent"].tolist()
        ['b', 'a']
        """
        import pandas as pd

        named = ("support", "confidence", "lift")
        return pd.DataFrame(
            {
                "antecedent": pd.Series(list(self.antecedents), dtype=object),
                "absent": pd.Series(list(self.absent), dtype=object),
                "count": self.count,
                **{name: self.measure(name) for name in named},
                "p_value": self.p_value,
                "p_adjusted": self.p_adjusted,
            }
        )


@public("assoc")
def negative_rules(
    baskets: Any,
    *,
    min_support: float | None = None,
    min_count: float | None = None,
    max_antecedent: int = 1,
    min_confidence: float = 0.0,
    alpha: float = 0.05,
) -> NegativeRules:
    """Find what keeps apart: sets of items whose holders are without another item more often than chance.

    Parameters
    ----------
    baskets : Baskets, list of collections, frame, 2-D array or SciPy sparse matrix
        What each customer holds, as ``frequent_itemsets`` takes it.
    min_support, min_count : float
        Threshold of both sides, each by itself; one of the two.
    max_antecedent : int
        Most items in an antecedent, >= 1.
    min_confidence : float
        Smallest share of the antecedent's holders who are without the item, 0..1.
    alpha : float
        False-discovery rate over all pairs looked at, in (0, 1].

    Returns
    -------
    NegativeRules
        The rules that pass, smallest p-value first (then the highest lift).

    Raises
    ------
    InputError
        What ``frequent_itemsets`` refuses; case weights that are not whole numbers.

    References
    ----------
    Savasere, Omiecinski & Navathe (1998); Benjamini & Hochberg (1995).

    Examples
    --------
    >>> from custval.assoc import negative_rules
    >>> held = [{"prepaid"}] * 30 + [{"invoice"}] * 30 + [{"prepaid", "tv"}, {"invoice", "tv"}] * 5
    >>> print(negative_rules(held, min_count=5).explain(0).split(".")[0])
    Of the 35 customers with invoice, 35 (100
    """
    level = check_scalar(alpha, "alpha", low=0.0, high=1.0, low_open=True)
    least = check_scalar(min_confidence, "min_confidence", low=0.0, high=1.0)
    data = as_baskets(baskets)
    if data.counts.dtype.kind != "i":
        raise InputError("the test counts customers, but the case weights are not whole numbers; leave them out")
    longest = check_whole(max_antecedent, "max_antecedent", low=1)
    sets = frequent_itemsets(data, min_support=min_support, min_count=min_count, max_length=longest)
    single = np.flatnonzero(sets.tree.length == 1)
    parts = [
        _pairs(data, sets.tree.members(sets.selected[where], length), sets.tree.item[single])
        for length, where in sets.tree.by_length(sets.selected)
    ]
    members = [row for held, *_ in parts for row in held]
    item, both, holders = (np.concatenate([part[j] for part in parts]) for j in (1, 2, 3))
    found = _tested(data, members, item, both, holders)
    passed = (found.p_adjusted <= level) & (found.confidence >= least)
    order = np.lexsort((-found.lift, found.p_value))
    return found[order[passed[order]]]


def _pairs(
    data: Baskets, members: IntArray, items: IntArray
) -> tuple[list[tuple[int, ...]], IntArray, CountArray, CountArray]:
    """Return each set with each item outside of it: the sets, the items, joint holders, holders of the set."""
    row, column = np.nonzero(~(members[:, :, None] == items).any(axis=1))
    joined = np.column_stack((members[row], items[column]))
    both = counts_of_members(joined, data.items, data)
    holders = counts_of_members(members, data.items, data)
    return [tuple(held) for held in members[row].tolist()], items[column], both, holders[row]


def _tested(
    data: Baskets, members: list[tuple[int, ...]], item: IntArray, both: CountArray, holders: CountArray
) -> NegativeRules:
    n, held = int(data.n), data.item_counts[item]
    p = fisher_tails(n, holders, held, both + 1)[1]
    return NegativeRules(
        antecedents=tuple(tuple(data.items[j] for j in row) for row in members),
        absent=tuple(data.items[j] for j in item.tolist()),
        count=frozen(holders - both),
        antecedent_count=frozen(holders),
        absent_count=frozen(n - held),
        n=n,
        p_value=frozen(p),
        p_adjusted=frozen(adjusted_p(p, "bh")),
        n_searched=len(p),
    )
