"""What to offer next? A recommender that knows what is held, what excludes what, who may have it, and what it earns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets
from custval._assoc.choosing import chosen_offers, closed_items
from custval._assoc.deriving import association_rules, significant_rules
from custval._assoc.frequent import frequent_itemsets
from custval._assoc.holdings import Holdings, held_matrix, packed, positions, read_holdings
from custval._assoc.rules import RuleSet
from custval._assoc.scoring import (
    calibrated,
    factor_scores,
    isotonic,
    item_scores,
    leading_factors,
    likeness,
    rule_scores,
)
from custval._assoc.utility import margin_array
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_choice, check_scalar, check_whole, float_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("METHODS", "Recommendations", "Recommender")

METHODS = ("rules", "items", "factors", "popularity")
_BLOCK = 8192
_SHRINK = 20.0  # customers by which a rule's confidence is drawn towards the share of all


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class Recommendations(Result):
    """Offers to customers, each customer's best first.

    Attributes
    ----------
    customer : ndarray, shape (k,)
        The customer, as in a long table, or the row number.
    rank : ndarray of int64, shape (k,)
        1 for the customer's best offer.
    item : ndarray of object, shape (k,)
        What is offered.
    p_accept : ndarray of float64, shape (k,)
        Chance that it is taken, 0..1.
    expected_margin : ndarray of float64, shape (k,), or None
        That chance times the margin; None where no margins were given.
    reason : ndarray of object, shape (k,)
        Why, in words.

    Examples
    --------
    >>> from custval.assoc import Recommender
    >>> held = [{"sim", "tv"}] * 60 + [{"sim", "net"}] * 10 + [{"sim"}] * 20
    >>> made = Recommender(min_support=0.05).fit(held).recommend([{"sim"}, {"sim", "tv"}], k=1)
    >>> made.item.tolist()
    ['tv', 'net']
    """

    customer: TextArray
    rank: IntArray
    item: TextArray
    p_accept: FloatArray
    expected_margin: FloatArray | None
    reason: TextArray

    def __len__(self) -> int:
        """Return the number of offers."""
        return len(self.rank)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each offer.

        Returns
        -------
        pandas.DataFrame
            Columns customer, rank, item, p_accept, expected_margin (if margins were given), reason.

        Examples
        --------
        >>> from custval.assoc import Recommender
        >>> made = Recommender(method="popularity").fit([{"sim", "tv"}, {"sim"}]).recommend([{"sim"}], k=1)
        >>> made.to_frame()[["item", "p_accept"]].values.tolist()
        [['tv', 0.5]]
        """
        import pandas as pd

        columns = {"customer": self.customer, "rank": self.rank, "item": self.item, "p_accept": self.p_accept}
        money = {} if self.expected_margin is None else {"expected_margin": self.expected_margin}
        return pd.DataFrame({**columns, **money, "reason": self.reason})


@public("assoc")
class Recommender(Estimator):
    """Say which item to offer next to each customer, with what chance of acceptance, and why.

    Parameters
    ----------
    method : {"rules", "items", "factors", "popularity"}
        Rules that survive a test; likeness of items; factors of the holdings; the share of all customers. Which is
        best for a base is what ``compare_recommenders`` measures.
    min_support : float
        Of the itemsets behind the rules, a share of customers in (0, 1].
    max_length : int
        Most items in a rule, both sides together, >= 2.
    alpha : float
        False-discovery rate of the rules, in (0, 1).
    neighbours : int
        Items that each item is compared with, >= 1.
    n_factors : int
        Factors, >= 1; at most as many as there are items are used.
    exclusive : list of lists of items
        Groups of which a customer has one at most, such as tariffs: who holds one is not offered another, and a list
        of offers names one of a group at most.
    taxonomy : mapping of item to family, optional
        Rules may start from families; families are never offered.

    Attributes
    ----------
    items_ : tuple
        Items that can be offered or held, sorted.
    share_ : ndarray of float64, shape (m,)
        Share of customers holding each.
    n_rules_ : int
        Rules in use (method "rules").
    calibration_ : ndarray of float64, shape (2, k), or None
        Points of the curve from score to chance, after ``calibrate``.

    Examples
    --------
    >>> from custval.assoc import Recommender
    >>> held = [{"sim", "tv"}] * 60 + [{"sim", "net"}] * 10 + [{"sim"}] * 20
    >>> recommender = Recommender(min_support=0.05).fit(held)
    >>> recommender.recommend_one({"sim"}, k=1)
    [('tv', 0.6666666666666666)]
    """

    _fit_metadata = ()

    def __init__(
        self,
        *,
        method: str = "rules",
        min_support: float = 0.001,
        max_length: int = 3,
        alpha: float = 0.05,
        neighbours: int = 20,
        n_factors: int = 8,
        exclusive: Iterable[Iterable[Any]] = (),
        taxonomy: Mapping[Any, Any] | None = None,
    ) -> None:
        self.method = method
        self.min_support = min_support
        self.max_length = max_length
        self.alpha = alpha
        self.neighbours = neighbours
        self.n_factors = n_factors
        self.exclusive = exclusive
        self.taxonomy = taxonomy

    def fit(self, baskets: Any) -> Self:
        """Learn from what customers hold, or take rules as they are.

        Parameters
        ----------
        baskets : Baskets or what makes them, or RuleSet
            The base; or rules with one consequent each, which are then used as they are (method "rules").

        Returns
        -------
        Recommender
            This recommender.

        Raises
        ------
        InputError
            A parameter outside its range, what ``frequent_itemsets`` refuses, rules with longer consequents.

        Examples
        --------
        >>> from custval.assoc import Recommender
        >>> Recommender(method="items").fit([{"sim", "tv"}, {"sim"}]).items_
        ('sim', 'tv')
        """
        check_choice(self.method, "method", METHODS)
        check_whole(self.max_length, "max_length", low=2)
        check_whole(self.neighbours, "neighbours", low=1)
        check_whole(self.n_factors, "n_factors", low=1)
        self.calibration_: FloatArray | None = None
        self.n_rules_ = 0
        vars(self).pop("rule_words_", None)
        if isinstance(baskets, RuleSet):
            return self._fit_rules(baskets, baskets.items)
        data = as_baskets(baskets)
        self.items_: tuple[Any, ...] = data.items
        self.share_ = frozen(data.item_counts / data.n)
        if self.method == "rules":
            return self._fit_mined(data)
        weight = data.counts.astype(np.float64)
        if self.method == "items":
            self.cosine_, self.conditional_ = likeness(held_matrix(data), weight, int(self.neighbours))
        elif self.method == "factors":
            self.factors_ = leading_factors(held_matrix(data), weight, min(int(self.n_factors), len(data.items)))
        return self

    def calibrate(self, before: Any, taken: Any) -> Self:
        """Learn from the past what a score is worth: how often items with that score were taken within the horizon.

        Parameters
        ----------
        before : what makes baskets, one row for each customer
            What each customer held at a moment.
        taken : list of collections, one for each customer in the same order
            What each customer took within the horizon after it.

        Returns
        -------
        Recommender
            This recommender; ``p_accept`` is from now on the share taken (isotonic in the score).

        Raises
        ------
        InputError
            Lengths that differ, an unknown item.

        References
        ----------
        Zadrozny & Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates.

        Examples
        --------
        >>> from custval.assoc import Recommender
        >>> recommender = Recommender(method="popularity").fit([{"sim", "tv"}] * 5 + [{"sim"}] * 5)
        >>> recommender = recommender.calibrate([{"sim"}] * 10, [{"tv"}] + [set()] * 9)
        >>> recommender.recommend_one({"sim"}, k=1)
        [('tv', 0.1)]
        """
        self._check_fitted()
        base = read_holdings(before, self.items_, ignore_unknown=False)
        later = read_holdings(taken, self.items_, ignore_unknown=True)
        if len(base.held) != len(later.held):
            raise InputError(f"taken has {len(later.held)} rows but before has {len(base.held)}; one for each customer")
        free = ~base.held & ~closed_items(base.held, self._groups()) & ~self._families()
        scores = np.concatenate([part for part, _ in self._blocks(base)])
        self.calibration_ = np.stack(isotonic(scores[free], later.held[free].astype(np.float64)))
        return self

    def p_accept(self, customers: Any, *, unknown: str = "refuse") -> FloatArray:
        """Return the chance that each customer takes each item.

        Parameters
        ----------
        customers : what makes baskets, one row for each customer
            What each customer holds.
        unknown : {"refuse", "ignore"}
            What to do with items that nobody held in ``fit``.

        Returns
        -------
        ndarray of float64, shape (n, m)
            One column for each of ``items_``; 0 for items already held or excluded by a held one.

        Raises
        ------
        InputError
            An unknown item.

        Examples
        --------
        >>> from custval.assoc import Recommender
        >>> Recommender(method="popularity").fit([{"sim", "tv"}, {"sim"}]).p_accept([{"sim"}]).tolist()
        [[0.0, 0.5]]
        """
        base = self._read(customers, unknown)
        chance = np.concatenate([calibrated(part, self.calibration_) for part, _ in self._blocks(base)])
        chance[base.held | closed_items(base.held, self._groups()) | self._families()] = 0.0
        return chance

    def recommend(
        self,
        customers: Any,
        k: int = 3,
        *,
        eligible: Any = None,
        margin: Any = None,
        capacity: Mapping[Any, int] | None = None,
        unknown: str = "refuse",
    ) -> Recommendations:
        """Return the best offers for each customer.

        Parameters
        ----------
        customers : what makes baskets, one row for each customer, or one basket (a set)
            What each customer holds: a list of sets, a long table, a matrix of 0 and 1, Baskets.
        k : int
            Most offers for one customer, >= 1.
        eligible : mapping of item to booleans (n,), or list of items, or booleans (n, m), optional
            Who may have what; items that a mapping does not name may be offered to all.
        margin : mapping of item to money, or array (n, m), optional
            Margin of each item. Offers are then ranked by P(accept) x margin, and those that earn nothing are left out.
        capacity : mapping of item to int, optional
            Most customers to whom an item is offered; they are those for whom it is worth most.
        unknown : {"refuse", "ignore"}
            What to do with items that nobody held in ``fit``.

        Returns
        -------
        Recommendations
            By customer, then rank. ``p_accept`` and the margin go into ``custval.retention.plan`` as chance and value.

        Raises
        ------
        InputError
            An unknown item, a shape that does not fit, a capacity below 0.

        Examples
        --------
        >>> from custval.assoc import Recommender
        >>> held = [{"sim", "tv"}] * 60 + [{"sim", "net"}] * 10 + [{"sim"}] * 20
        >>> recommender = Recommender(min_support=0.05).fit(held)
        >>> made = recommender.recommend([{"sim"}], k=2, margin={"sim": 0.0, "tv": 1.0, "net": 9.0})
        >>> made.item.tolist(), made.expected_margin.round(2).tolist()
        (['net', 'tv'], [1.0, 0.67])
        """
        most = check_whole(k, "k", low=1)
        base = self._read([customers] if isinstance(customers, (set, frozenset)) else customers, unknown)
        allowed = ~base.held & ~closed_items(base.held, self._groups()) & ~self._families()
        allowed &= self._eligible(eligible, len(base.held))
        parts = list(self._blocks(base))
        chance = calibrated(np.concatenate([part for part, _ in parts]), self.calibration_)
        why = np.concatenate([part for _, part in parts])
        money = None if margin is None else self._money(margin, len(base.held))
        value = chance if money is None else chance * money
        value = np.where(allowed & (value > 0), value, -np.inf)
        limit = self._capacity(capacity)
        row, rank, item = chosen_offers(value, most, self._groups(), limit)
        labels = np.empty(len(self.items_), dtype=object)
        labels[:] = self.items_
        expected = None if money is None else frozen(value[row, item])
        reasons = self._reasons(item, why[row, item])
        customer = np.asarray(base.customer)[row]
        return Recommendations(customer, frozen(rank), labels[item], frozen(chance[row, item]), expected, reasons)

    def recommend_one(
        self, basket: Iterable[Any], k: int = 3, *, margin: FloatArray | None = None
    ) -> list[tuple[Any, float]]:
        """Return the best offers for one customer at once, for a screen or a web service.

        Parameters
        ----------
        basket : set or list of items
            What the customer holds; items that nobody held in ``fit`` are ignored.
        k : int
            Most offers.
        margin : ndarray of float64, shape (m,), optional
            Margin of each of ``items_``; offers are ranked by P(accept) x margin.

        Returns
        -------
        list of (item, float)
            Items with their chance of acceptance, best first.

        Examples
        --------
        >>> from custval.assoc import Recommender
        >>> Recommender(method="popularity").fit([{"sim", "tv"}, {"sim"}]).recommend_one({"sim"})
        [('tv', 0.5)]
        """
        place, group_of, families = self._lookup()
        held = [place[label] for label in basket if label in place]
        scores = self._one(held)
        value = scores if margin is None else scores * margin
        value = np.where(families, 0.0, value)
        value[held] = 0.0
        closed = {group for position in held for group in group_of.get(position, ())}
        chosen: list[tuple[Any, float]] = []
        for position in np.argsort(-value, kind="stable").tolist():
            if len(chosen) >= k or value[position] <= 0:
                break
            groups = group_of.get(position, ())
            if closed.isdisjoint(groups):
                closed.update(groups)
                chosen.append((self.items_[position], float(scores[position])))
        return chosen

    def _fit_mined(self, data: Baskets) -> Self:
        low = check_scalar(self.min_support, "min_support", low=0.0, high=1.0, low_open=True)
        size = int(self.max_length)
        sets = frequent_itemsets(data, min_support=low, max_length=size, taxonomy=self.taxonomy)
        rules = significant_rules(association_rules(sets, min_lift=1.0), self.alpha)
        if self.taxonomy:
            names = set(data.items)
            rules = rules[np.array([side[0] in names for side in rules.consequents], dtype=bool)]
        return self._fit_rules(rules, sets.items)

    def _fit_rules(self, rules: RuleSet, items: tuple[Any, ...]) -> Self:
        """Keep rules as words of bits, consequents and strengths, weakest first."""
        sides = rules.consequents
        if any(len(side) > 1 for side in sides):
            raise InputError("offers are single items, but some rules have longer consequents; use max_consequent=1")
        single = np.flatnonzero(rules.tree.length == 1)
        share = np.zeros(len(items))
        share[rules.tree.item[single]] = rules.tree.count[single] / rules.n
        if getattr(self, "share_", None) is not None and len(self.items_) == len(items):
            share = np.asarray(self.share_)
        self.items_, self.share_ = items, frozen(share)
        place = {label: position for position, label in enumerate(items)}
        consequent = np.array([place[side[0]] for side in sides], dtype=np.int64)
        held = np.zeros((len(rules), len(items)), dtype=bool)
        for row, side in enumerate(rules.antecedents):
            held[row, [place[label] for label in side]] = True
        base = share[consequent] if len(rules) else np.zeros(0)
        strength = (rules.count + _SHRINK * base) / (rules.antecedent_count + _SHRINK)
        order = np.argsort(strength, kind="stable")
        order = order[strength[order] > base[order]]
        self.rule_words_, self.rule_consequent_ = packed(held[order]), consequent[order]
        self.rule_strength_, self.rule_confidence_ = strength[order], rules.confidence[order]
        self.n_rules_ = len(order)
        return self

    def _read(self, customers: Any, unknown: str) -> Holdings:
        self._check_fitted()
        check_choice(unknown, "unknown", ("refuse", "ignore"))
        return read_holdings(customers, self.items_, ignore_unknown=unknown == "ignore")

    def _blocks(self, base: Holdings) -> Iterable[tuple[FloatArray, IntArray]]:
        """Yield scores and their causes for some thousand customers at a time."""
        if not len(base.held):
            raise InputError("there are no customers; give at least one")
        for start in range(0, len(base.held), _BLOCK):
            yield self._scored(base.held[start : start + _BLOCK])

    def _scored(self, held: BoolArray) -> tuple[FloatArray, IntArray]:
        if self._kind() == "rules":
            words = packed(self._with_families(held))
            return rule_scores(words, self.rule_words_, self.rule_consequent_, self.rule_strength_, self.share_)
        if self.method == "items":
            return item_scores(held, self.cosine_, self.conditional_, self.share_)
        if self.method == "factors":
            return factor_scores(held, self.factors_)
        return np.tile(self.share_, (len(held), 1)), np.full(held.shape, -1)

    def _one(self, held: list[int]) -> FloatArray:
        """Return the chances of one customer: the rules are asked all at once instead of one by one."""
        row = np.zeros((1, len(self.items_)), dtype=bool)
        row[0, held] = True
        if self._kind() != "rules":
            return calibrated(self._scored(row)[0][0], self.calibration_)
        word = packed(self._with_families(row))[0]
        scores = np.array(self.share_)
        hit = ((self.rule_words_ & word) == self.rule_words_).all(axis=1)
        scores[self.rule_consequent_[hit]] = self.rule_strength_[hit]  # the last, strongest one stays
        return calibrated(scores, self.calibration_)

    def _kind(self) -> str:
        return "rules" if hasattr(self, "rule_words_") else self.method

    def _lookup(self) -> tuple[dict[Any, int], dict[int, list[int]], BoolArray]:
        """Return where each item stands, the groups of each item, and which are families; made once for a fit."""
        known: Any = vars(self).get("_known")
        made_of = (self.items_, self.exclusive, self.taxonomy)
        if known is None or any(old is not new for old, new in zip(known[0], made_of, strict=True)):
            place = {label: position for position, label in enumerate(self.items_)}
            group_of: dict[int, list[int]] = {}
            for number, group in enumerate(self._groups()):
                for position in group[group >= 0].tolist():
                    group_of.setdefault(position, []).append(number)
            known = made_of, (place, group_of, self._families())
            self._known = known
        found: tuple[dict[Any, int], dict[int, list[int]], BoolArray] = known[1]
        return found

    def _groups(self) -> list[IntArray]:
        groups = [list(group) for group in self.exclusive]
        return [
            np.array([positions(self.items_, label, ignore_unknown=True) for label in group], dtype=np.int64)
            for group in groups
        ]

    def _families(self) -> BoolArray:
        """Say which of the items are families, which nobody is offered."""
        from custval._assoc.taxonomy import ancestors

        above = ancestors(self.taxonomy) if self.taxonomy else {}
        families = set().union(*above.values()) if above else set()
        return np.array([label in families for label in self.items_], dtype=bool)

    def _with_families(self, held: BoolArray) -> BoolArray:
        if not self.taxonomy:
            return held
        from custval._assoc.taxonomy import ancestors, ancestry_pairs

        wide = held.copy()
        for item, family in ancestry_pairs(self.items_, ancestors(self.taxonomy)).tolist():
            wide[:, family] |= held[:, item]
        return wide

    def _eligible(self, eligible: Any, n: int) -> BoolArray:
        m = len(self.items_)
        if eligible is None:
            return np.ones((n, m), dtype=bool)
        if isinstance(eligible, Mapping):
            allowed = np.ones((n, m), dtype=bool)
            for label, column in eligible.items():
                at = positions(self.items_, label, ignore_unknown=False)
                values = np.asarray(column, dtype=bool)
                if values.shape not in {(), (n,)}:
                    raise InputError(f"eligible[{label!r}] has shape {values.shape} but there are {n} customers")
                allowed[:, at] = values
            return allowed
        if isinstance(eligible, np.ndarray) and eligible.ndim == 2:
            if eligible.shape != (n, m):
                raise InputError(f"eligible has shape {eligible.shape} but {n} customers and {m} items need {(n, m)}")
            return eligible.astype(bool)
        allowed = np.zeros((n, m), dtype=bool)
        allowed[:, [positions(self.items_, label, ignore_unknown=False) for label in eligible]] = True
        return allowed

    def _money(self, margin: Any, n: int) -> FloatArray:
        if isinstance(margin, Mapping):
            families = self._families()
            filled = {**{label: 0.0 for label, top in zip(self.items_, families, strict=True) if top}, **margin}
            return margin_array(filled, self.items_)[None, :]
        money = float_array(margin, "margin", ndim=2)
        if money.shape != (n, len(self.items_)):
            raise InputError(f"margin has shape {money.shape} but {(n, len(self.items_))} is needed, or a mapping")
        return money

    def _capacity(self, capacity: Mapping[Any, int] | None) -> FloatArray | None:
        if capacity is None:
            return None
        limit = np.full(len(self.items_), np.inf)
        for label, most in capacity.items():
            at = positions(self.items_, label, ignore_unknown=False)
            limit[at] = check_whole(most, f"capacity[{label!r}]", low=0)
        return limit

    def _reasons(self, item: IntArray, why: IntArray) -> TextArray:
        """Return a sentence for each offer; each distinct one is written once."""
        key = (why + 1) * len(self.items_) + item
        distinct, place = np.unique(key, return_inverse=True)
        words = np.empty(len(distinct), dtype=object)
        for row, value in enumerate(distinct.tolist()):
            words[row] = self._sentence(value % len(self.items_), value // len(self.items_) - 1)
        return np.asarray(words[place.ravel()], dtype=object)

    def _sentence(self, item: int, why: int) -> str:
        label, share = self.items_[item], 100 * self.share_[item]
        if why < 0:
            return f"{share:.1f} % of all customers have {label}"
        if self._kind() == "rules":
            held = [self.items_[j] for j in range(len(self.items_)) if self._in_rule(why, j)]
            rate = 100 * self.rule_confidence_[why]
            return f"{rate:.1f} % of customers with {' and '.join(map(str, held))} have {label}; of all {share:.1f} %"
        if self.method == "items":
            rate = 100 * self.conditional_[why, item]
            return f"{rate:.1f} % of customers with {self.items_[why]} have {label}; of all {share:.1f} %"
        return f"{label} goes with {self.items_[why]} among customers who hold much the same"

    def _in_rule(self, rule: int, item: int) -> bool:
        return bool((self.rule_words_[rule, item // 64] >> np.uint64(item % 64)) & np.uint64(1))
