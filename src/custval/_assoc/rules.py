"""Who holds this also holds that: rules in columns, measured, tested and explained on demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from custval._assoc.baskets import as_baskets
from custval._assoc.bits import CountArray
from custval._assoc.counting import recounted
from custval._assoc.fisher import ADJUSTMENTS, adjusted_p, chi_squared_p, fisher_tails, hyper_quantile, layered_p
from custval._assoc.intervals import lift_interval, share_interval
from custval._assoc.itemsets import item_position, listed
from custval._assoc.measures import MEASURES, Table
from custval._assoc.splits import Candidates, improvement
from custval._assoc.tree import Tree, parts_of
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen, jsonable
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Adjustment", "Rule", "RuleSet")

Adjustment = Literal["bh", "by", "holm", "bonferroni", "layered"]
Test = Literal["fisher", "chi_squared"]
_TESTS = ("fisher", "chi_squared")
_TESTED = ("p_value", "p_adjusted", "hyper_confidence", "hyper_lift", "improvement")
_HYPER_LEVEL = 0.99


@public("assoc")
@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: who holds `antecedent` also holds `consequent`.

    Attributes
    ----------
    antecedent, consequent : tuple
        Items.
    count : int or float
        Customers (or weight) who hold both.
    support, confidence, lift : float
        Share of all customers who hold both; share of holders of the antecedent; its ratio to the overall share.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets
    >>> held = [{"net", "tv"}, {"net", "tv"}, {"net"}, {"voice"}]
    >>> rule = association_rules(frequent_itemsets(held, min_count=2))[0]
    >>> rule.antecedent, rule.consequent, rule.confidence
    (('tv',), ('net',), 1.0)
    """

    antecedent: tuple[Any, ...]
    consequent: tuple[Any, ...]
    count: float
    support: float
    confidence: float
    lift: float


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class RuleSet(Result):
    """Association rules in columns; ``rules[i]`` is one ``Rule``, a slice or a filter gives fewer rules.

    Attributes
    ----------
    items : tuple
        The labels of all items.
    tree : Tree
        The itemsets whose counts the rules stand on.
    candidates : Candidates
        Every split that was looked at; adjusted p-values rank a rule among all of them.
    selected : ndarray of int64, shape (k,)
        The rules of this result, as rows of `candidates`.
    n : int or float
        Customers in all, or their summed weight.
    searched : ndarray of int64
        Rules of 0, 1, 2, ... items that the search could have given, each antecedent and consequent frequent by itself:
        the tests that p-values are adjusted for; ``n_searched`` is their sum.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets
    >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
    >>> rules = association_rules(frequent_itemsets(held, min_count=2), min_confidence=0.6)
    >>> print(rules.explain(0))
    Of the 8 customers with tv, 8 (100.0 %) also have mobile; among all 20 it is 60.0 %: 1.67 times as often. \
By chance alone: p = 0.00393, 0.0138 after 7 tests.
    """

    items: tuple[Any, ...]
    tree: Tree
    candidates: Candidates
    selected: IntArray
    n: float
    searched: IntArray
    _known: dict[str, FloatArray] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Return the number of rules."""
        return len(self.selected)

    @property
    def n_searched(self) -> int:
        """Rules that the search could have given: the number of tests that p-values are adjusted for."""
        return int(self.searched.sum())

    @property
    def count(self) -> CountArray:
        """Customers (or weight) who hold antecedent and consequent, shape (k,)."""
        return frozen(self.tree.count[self.candidates.whole[self.selected]])

    @property
    def antecedent_count(self) -> CountArray:
        """Customers (or weight) who hold the antecedent, shape (k,)."""
        return frozen(self.tree.count[self.candidates.antecedent[self.selected]])

    @property
    def consequent_count(self) -> CountArray:
        """Customers (or weight) who hold the consequent, shape (k,)."""
        return frozen(self.tree.count[self.candidates.consequent[self.selected]])

    @property
    def antecedents(self) -> list[tuple[Any, ...]]:
        """The antecedent of each rule as a tuple of items."""
        return self.tree.decode(self.candidates.antecedent[self.selected], self.items)

    @property
    def consequents(self) -> list[tuple[Any, ...]]:
        """The consequent of each rule as a tuple of items."""
        return self.tree.decode(self.candidates.consequent[self.selected], self.items)

    @property
    def support(self) -> FloatArray:
        """Share of all customers who hold both sides, shape (k,), 0..1."""
        return self.measure("support")

    @property
    def confidence(self) -> FloatArray:
        """Share of the antecedent's holders who hold the consequent, shape (k,), 0..1."""
        return self.measure("confidence")

    @property
    def lift(self) -> FloatArray:
        """Confidence over the consequent's share among all customers, shape (k,), >= 0; 1 says unrelated."""
        return self.measure("lift")

    @property
    def leverage(self) -> FloatArray:
        """Support less what unrelated sides would have, shape (k,), -0.25..0.25."""
        return self.measure("leverage")

    @property
    def conviction(self) -> FloatArray:
        """Expected over observed share of exceptions, shape (k,), >= 0; inf where there is no exception."""
        return self.measure("conviction")

    @property
    def p_value(self) -> FloatArray:
        """One-sided Fisher exact p-value of each rule, shape (k,): the chance of as many joint holders if unrelated."""
        return self.p_values()

    @property
    def p_adjusted(self) -> FloatArray:
        """P-values after Benjamini-Hochberg over all rules searched, shape (k,); ``adjusted`` has other methods."""
        return self.adjusted("bh")

    def measure(self, name: str) -> FloatArray:
        """Return any measure by name, computed from the counts.

        Parameters
        ----------
        name : str
            "support", "confidence", "lift", "leverage", "conviction", "zhang", "odds_ratio", ... or "p_value",
            "p_adjusted", "hyper_confidence" (1 - p), "hyper_lift" (count over the 99 % quantile of unrelated sides;
            inf where that is 0), "improvement" (confidence less the best with part of the antecedent; inf for one
            item). An unknown name lists all.

        Returns
        -------
        ndarray of float64, shape (k,)
            The measure of each rule; never nan.

        Raises
        ------
        InputError
            An unknown name; a p-value with case weights that are not whole numbers.

        References
        ----------
        Tan, Kumar & Srivastava (2004), Selecting the right objective measure for association analysis.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> rules.measure("jaccard").round(3).tolist()
        [0.667, 0.667]
        """
        check_choice(name, "measure", (*MEASURES, *_TESTED))
        if name in MEASURES:
            return frozen(MEASURES[name](self._table()))
        if name == "improvement":
            return frozen(self._improvement()[self.selected])
        if name in {"hyper_confidence", "hyper_lift"}:
            return self._hyper_confidence() if name == "hyper_confidence" else self._hyper_lift()
        return self.p_value if name == "p_value" else self.p_adjusted

    def p_values(self, test: Test = "fisher") -> FloatArray:
        """Return the one-sided p-value of each rule: the chance of as many joint holders if the sides were unrelated.

        Parameters
        ----------
        test : {"fisher", "chi_squared"}
            Fisher's exact test, or the signed root of chi-squared against the normal distribution.

        Returns
        -------
        ndarray of float64, shape (k,)
            P-values in 0..1.

        Raises
        ------
        InputError
            Case weights that are not whole numbers.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> rules.p_values("chi_squared").round(4).tolist()
        [0.0014, 0.0014]
        """
        check_choice(test, "test", _TESTS)
        return frozen(self._all_p(test)[self.selected])

    def interval(
        self, measure: str = "confidence", *, conf_level: float = 0.95, simultaneous: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return an interval for the support, confidence or lift of each rule.

        A rule picked because it looks strong is on the lucky side of its interval; `simultaneous` pays for the search.

        Parameters
        ----------
        measure : {"support", "confidence", "lift"}
            Wilson's score interval for the two shares; for lift the delta method on its logarithm.
        conf_level : float
            Chance that the interval of one rule named beforehand holds the truth, in (0, 1).
        simultaneous : bool
            Widen the intervals so that those of all rules searched hold at once with that chance (Bonferroni).

        Returns
        -------
        lower, upper : ndarray of float64, shape (k,)
            The ends.

        Raises
        ------
        InputError
            Another measure, a level outside its range, case weights that are not whole numbers.

        References
        ----------
        E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> [round(float(end[0]), 3) for end in rules.interval("confidence")]
        [0.676, 1.0]
        """
        check_choice(measure, "measure", ("support", "confidence", "lift"))
        level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
        self._refuse_fractions()
        alpha = (1 - level) / (max(1, self.n_searched) if simultaneous else 1)
        table = self._table()
        if measure == "lift":
            lower, upper = lift_interval(table, alpha)
        else:
            out_of = table.a if measure == "confidence" else np.full_like(table.a, table.n)
            lower, upper = share_interval(table.ab, out_of, alpha)
        return frozen(lower), frozen(upper)

    def adjusted(
        self,
        method: Adjustment = "bh",
        *,
        over: Literal["searched", "kept"] = "searched",
        test: Test = "fisher",
    ) -> FloatArray:
        """Return p-values corrected for the number of rules that were tested.

        Parameters
        ----------
        method : {"bh", "by", "holm", "bonferroni", "layered"}
            Benjamini-Hochberg, Benjamini-Yekutieli (false-discovery rate), Holm, Bonferroni, layered critical values
            (any false rule; "layered" shares the risk equally among the lengths of rules).
        over : {"searched", "kept"}
            The tests to pay for: all rules that the search could have given (the default, and honest: filters on
            confidence or lift do not make p-values smaller), or only those in this result.
        test : {"fisher", "chi_squared"}
            Which p-values, see ``p_values``.

        Returns
        -------
        ndarray of float64, shape (k,)
            Adjusted p-values in 0..1.

        Raises
        ------
        InputError
            An unknown method, or case weights that are not whole numbers.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> rules.adjusted("bonferroni").round(3).tolist()
        [0.028, 0.028]
        """
        check_choice(method, "method", ADJUSTMENTS)
        check_choice(over, "over", ("searched", "kept"))
        if method == "layered":
            length = self.tree.length[self.candidates.whole[self.selected]]
            tests = self.searched if over == "searched" else np.bincount(length, minlength=1)
            return frozen(layered_p(self.p_values(test), length, tests))
        if over == "kept":
            return frozen(adjusted_p(self.p_values(test), method))
        name, p = f"{test} {method}", self._all_p(test)
        if name not in self._known:
            self._known[name] = adjusted_p(p, method, max(self.n_searched, len(p)))
        return frozen(self._known[name][self.selected])

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice | IntArray | BoolArray) -> RuleSet: ...
    def __getitem__(self, index: int | slice | IntArray | BoolArray) -> Rule | RuleSet:
        """Return one rule, or the chosen ones as a smaller result."""
        if not isinstance(index, (int, np.integer)):
            return replace(self, selected=frozen(self.selected[index]))
        one = self[np.array([index])]
        numbers = (one.count, one.support, one.confidence, one.lift)
        return Rule(one.antecedents[0], one.consequents[0], *(column[0].item() for column in numbers))

    def __iter__(self) -> Iterator[Rule]:
        """Decode the rules one after the other."""
        columns = (self.count.tolist(), self.support.tolist(), self.confidence.tolist(), self.lift.tolist())
        return map(Rule, self.antecedents, self.consequents, *columns)

    def where(
        self,
        *,
        antecedent: Iterable[Any] = (),
        consequent: Iterable[Any] = (),
        min_confidence: float = 0.0,
        min_lift: float = 0.0,
        min_count: float = 0.0,
        max_p_adjusted: float | None = None,
    ) -> RuleSet:
        """Keep the rules that meet every condition.

        Parameters
        ----------
        antecedent, consequent : list of items
            All of these stand on that side.
        min_confidence, min_lift, min_count : float
            Smallest values, >= 0.
        max_p_adjusted : float, optional
            Largest Benjamini-Hochberg p-value over all rules searched, 0..1.

        Returns
        -------
        RuleSet
            The rules kept, in the same order.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> rules.where(consequent=["mobile"]).antecedents
        [('tv',)]
        """
        keep = (self.confidence >= min_confidence) & (self.lift >= min_lift) & (self.count >= min_count)
        sides = (("antecedent", antecedent), ("consequent", consequent))
        for name, wanted in sides:
            nodes = getattr(self.candidates, name)[self.selected]
            for item in listed(wanted, name):
                keep &= self.tree.holds(item_position(self.items, item))[nodes]
        if max_p_adjusted is not None:
            keep &= self.p_adjusted <= check_scalar(max_p_adjusted, "max_p_adjusted", low=0.0, high=1.0)
        return self[np.flatnonzero(keep)]

    def sort_by(self, name: str, *, descending: bool = True) -> RuleSet:
        """Return the same rules sorted by a measure; ties keep their order.

        Parameters
        ----------
        name : str
            A measure, as in ``measure``.
        descending : bool
            Largest first.

        Returns
        -------
        RuleSet
            The sorted rules.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> rules.sort_by("confidence").confidence.round(2).tolist()
        [1.0, 0.67]
        """
        values = self.measure(name)
        return self[np.argsort(-values if descending else values, kind="stable")]

    def without_redundant(self, *, min_improvement: float = 0.0) -> RuleSet:
        """Drop each rule that a shorter one makes needless: same consequent, part of the antecedent, no less confident.

        Parameters
        ----------
        min_improvement : float
            A rule must be more confident than its best shorter rule by more than this, 0..1. Antecedents of one
            item have no shorter rule and stay.

        Returns
        -------
        RuleSet
            The rules kept, in the same order.

        References
        ----------
        Bayardo, Agrawal & Gunopulos (2000), Constraint-based rule mining in large, dense databases.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> rules = association_rules(frequent_itemsets([{"tv", "voice", "cloud"}] * 3, min_count=1))
        >>> len(rules), len(rules.without_redundant())
        (9, 6)
        """
        low = check_scalar(min_improvement, "min_improvement", low=0.0, high=1.0)
        return self[np.flatnonzero(self._improvement()[self.selected] > low)]

    def on(self, baskets: Any) -> RuleSet:
        """Count the same rules on another base: a segment, a later month, or customers held out to confirm them.

        Nothing is mined anew. P-values of the answer are adjusted for its own rules only, which is what confirming
        on customers that had no part in the search asks for.

        Parameters
        ----------
        baskets : Baskets or what makes them
            The other base; items that nobody there holds count 0.

        Returns
        -------
        RuleSet
            The same rules in the same order, with the counts of the other base.

        Raises
        ------
        InputError
            What ``frequent_itemsets`` refuses as baskets.

        References
        ----------
        Webb (2007), Discovering significant patterns (holdout evaluation).

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> first = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(first, min_count=2))
        >>> later = rules.on([{"mobile", "tv"}] * 5 + [{"tv"}] * 5)
        >>> later[0].antecedent, later[0].confidence
        (('tv',), 0.5)
        """
        data = as_baskets(baskets)
        split = Candidates(
            self.candidates.antecedent[self.selected],
            self.candidates.consequent[self.selected],
            self.candidates.whole[self.selected],
        )
        tree = recounted(self.tree, parts_of(self.tree, split.whole, len(self.items)), self.items, data)
        searched = frozen(np.bincount(tree.length[split.whole], minlength=1))
        return RuleSet(self.items, tree, split, frozen(np.arange(len(self))), data.n, searched)

    def explain(self, index: int) -> str:
        """Return rule `index` as a sentence.

        Parameters
        ----------
        index : int
            Position of the rule.

        Returns
        -------
        str
            What the rule says, against the whole base, and how surely it is no chance.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> rules.explain(0).split(";")[0]
        'Of the 8 customers with tv, 8 (100.0 %) also have mobile'
        """
        one = self[np.array([index])]
        rule = self[index]
        share, base = 100 * rule.confidence, 100 * one.measure("consequent_support")[0]
        text = (
            f"Of the {one.antecedent_count[0]:,g} customers with {_listing(rule.antecedent)}, {rule.count:,g} "
            f"({share:.1f} %) also have {_listing(rule.consequent)}; among all {self.n:,g} it is {base:.1f} %: "
            f"{rule.lift:.3g} times as often."
        )
        if not self._countable():
            return text
        p, adjusted = one.p_value[0], one.p_adjusted[0]
        return f"{text} By chance alone: p = {_shown(p)}, {_shown(adjusted)} after {self.n_searched:,} tests."

    def to_frame(self, *, separator: str | None = None) -> pd.DataFrame:
        """Return the rules as a pandas frame.

        Parameters
        ----------
        separator : str, optional
            Join the items of a side into one text, e.g. ``" + "``. Default: tuples of items.

        Returns
        -------
        pandas.DataFrame
            Columns antecedent, consequent, count, support, confidence, lift, p_value, p_adjusted (missing where case
            weights are not whole numbers and nothing can be counted).

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets
        >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
        >>> rules = association_rules(frequent_itemsets(held, min_count=2))
        >>> rules.to_frame(separator=" + ")[["antecedent", "consequent", "count"]].values.tolist()
        [['tv', 'mobile', 8], ['mobile', 'tv', 8]]
        """
        import pandas as pd

        sides: dict[str, Any] = {"antecedent": self.antecedents, "consequent": self.consequents}
        if separator is not None:
            sides = {name: [separator.join(map(str, side)) for side in held] for name, held in sides.items()}
        columns = {name: pd.Series(held, dtype=object) for name, held in sides.items()}
        plain = {"count": self.count, "support": self.support, "confidence": self.confidence, "lift": self.lift}
        missing = np.full(len(self), np.nan)
        tested = {name: self.measure(name) if self._countable() else missing for name in ("p_value", "p_adjusted")}
        return pd.DataFrame({**columns, **plain, **tested})

    def to_dict(self) -> dict[str, Any]:
        """Return the rules with their counts in JSON types only."""
        columns = ("antecedents", "consequents", "count", "antecedent_count", "consequent_count", "n", "n_searched")
        return {name: jsonable(getattr(self, name)) for name in columns}

    def _countable(self) -> bool:
        return self.tree.count.dtype.kind == "i"

    def _table(self) -> Table:
        sides = (self.antecedent_count, self.consequent_count, self.count)
        return Table(float(self.n), *(side.astype(np.float64) for side in sides))

    def _refuse_fractions(self) -> None:
        if not self._countable():
            raise InputError(
                "tests and intervals count customers, but the case weights are not whole numbers; leave "
                "sample_weight out for them, or rank by another measure"
            )

    def _all_p(self, test: str = "fisher") -> FloatArray:
        """Return the p-value of every candidate: a rule's rank among all of them decides its adjusted value."""
        self._refuse_fractions()
        if test not in self._known:
            split = self.candidates
            sides = [self.tree.count[nodes] for nodes in (split.antecedent, split.consequent, split.whole)]
            if test == "fisher":
                self._known[test], self._known["below"] = fisher_tails(int(self.n), *sides)
            else:
                table = Table(float(self.n), *(side.astype(np.float64) for side in sides))
                self._known[test] = chi_squared_p(MEASURES[test](table), table.ab > table.expected)
        return self._known[test]

    def _hyper_lift(self) -> FloatArray:
        """Return the count over its 99 % quantile under independence (Hahsler & Hornik 2007)."""
        self._refuse_fractions()
        chance = hyper_quantile(int(self.n), self.antecedent_count, self.consequent_count, _HYPER_LEVEL)
        value = np.full(len(self), np.inf)
        np.divide(self.count, chance, out=value, where=chance > 0)
        return frozen(np.where(self.count == 0, 0.0, value))

    def _hyper_confidence(self) -> FloatArray:
        """Return P(fewer joint holders if unrelated), which is 1 - p without its loss of digits near p = 1."""
        self._all_p()
        return frozen(self._known["below"][self.selected])

    def _improvement(self) -> FloatArray:
        if "improvement" not in self._known:
            self._known["improvement"] = improvement(self.tree, self.candidates, len(self.items))
        return self._known["improvement"]


def _listing(items: tuple[Any, ...]) -> str:
    return " and ".join(str(item) for item in items)


def _shown(p: float) -> str:
    return f"{p:.3g}" if p >= 1e-300 else "below 1e-300"
