"""From itemsets to rules: every split whose parts are known, counted by look-up."""

from __future__ import annotations

from math import comb
from typing import Literal

import numpy as np

from custval._assoc.itemsets import Itemsets
from custval._assoc.rules import Adjustment, RuleSet
from custval._assoc.splits import splits
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import frozen
from custval._core.typing import IntArray
from custval._core.validation import check_scalar, check_whole

__all__ = ("association_rules", "significant_rules")


@public("assoc")
def association_rules(
    itemsets: Itemsets,
    *,
    min_confidence: float = 0.0,
    min_lift: float = 0.0,
    max_consequent: int = 1,
    max_rules: int = 50_000_000,
) -> RuleSet:
    """Derive the rules "who holds the antecedent also holds the consequent" from frequent itemsets.

    Parameters
    ----------
    itemsets : Itemsets
        From ``frequent_itemsets``; each of its sets of two items or more is split in every way. Of closed, maximal or
        filtered itemsets only the rules that make up one of those sets are derived.
    min_confidence : float
        Smallest share of the antecedent's holders who hold the consequent, 0..1.
    min_lift : float
        Smallest ratio of that share to the share among all customers, >= 0.
    max_consequent : int
        Most items in a consequent, >= 1.
    max_rules : int
        Refuse to look at more splits than this (about 24 bytes each).

    Returns
    -------
    RuleSet
        The rules, highest lift first (then the highest count). P-values are adjusted for every rule whose antecedent
        and consequent are frequent, whether or not it passed the filters or the joint threshold.

    Raises
    ------
    InputError
        A limit outside its range, or more than `max_rules` splits.

    References
    ----------
    Agrawal & Srikant (1994), Fast algorithms for mining association rules.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets
    >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
    >>> rules = association_rules(frequent_itemsets(held, min_count=2), min_confidence=0.9)
    >>> rules[0].antecedent, rules[0].consequent, rules[0].confidence
    (('tv',), ('mobile',), 1.0)
    """
    if not isinstance(itemsets, Itemsets):
        raise InputError(
            f"itemsets must be an Itemsets from frequent_itemsets(baskets, ...), not a {type(itemsets).__name__}"
        )
    if itemsets.required:
        raise InputError(
            "these itemsets were searched with contains=..., so their parts were not counted; mine without it and "
            "choose the rules by RuleSet.where(antecedent=[...]) or (consequent=[...])"
        )
    confidence = check_scalar(min_confidence, "min_confidence", low=0.0, high=1.0)
    lift = check_scalar(min_lift, "min_lift", low=0.0)
    most = check_whole(max_consequent, "max_consequent", low=1)
    _check_size(itemsets, most, max_rules)
    candidates = splits(itemsets.tree, itemsets.selected, len(itemsets.items), most)
    every = np.arange(len(candidates.whole))
    rules = RuleSet(itemsets.items, itemsets.tree, candidates, frozen(every), itemsets.n, _searched(itemsets, most))
    kept = rules.where(min_confidence=confidence, min_lift=lift)
    return kept[np.lexsort((-kept.count, -kept.lift))]


@public("assoc")
def significant_rules(
    rules: RuleSet | Itemsets,
    alpha: float = 0.05,
    *,
    method: Adjustment = "bh",
    over: Literal["searched", "kept"] = "searched",
    test: Literal["fisher", "chi_squared"] = "fisher",
) -> RuleSet:
    """Keep the rules that are more than chance after correction for everything that was looked at.

    Parameters
    ----------
    rules : RuleSet or Itemsets
        Rules, or itemsets from which all rules with one consequent are derived.
    alpha : float
        Largest adjusted p-value, in (0, 1): the false-discovery rate ("bh", "by") or the chance of any false rule
        ("holm", "bonferroni", "layered").
    method : {"bh", "by", "holm", "bonferroni", "layered"}
        The correction. "by" holds under any dependence among the rules; "layered" gives each length of rule its part
        of the risk.
    over : {"searched", "kept"}
        What the correction pays for, see ``RuleSet.adjusted``.
    test : {"fisher", "chi_squared"}
        Fisher's exact test, or the one-sided chi-squared test (an approximation; for comparison with other tools).

    Returns
    -------
    RuleSet
        The rules kept, smallest p-value first (then the highest lift).

    Raises
    ------
    InputError
        `alpha` outside its range, or case weights that are not whole numbers.

    References
    ----------
    Webb (2007), Discovering significant patterns; Webb (2008), Layered critical values; Benjamini & Hochberg (1995).

    Examples
    --------
    >>> from custval.assoc import frequent_itemsets, significant_rules
    >>> held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
    >>> [rule.antecedent for rule in significant_rules(frequent_itemsets(held, min_count=2))]
    [('tv',), ('mobile',)]
    """
    level = check_scalar(alpha, "alpha", low=0.0, high=1.0, low_open=True, high_open=True)
    found = association_rules(rules) if isinstance(rules, Itemsets) else rules
    kept = found[np.flatnonzero(found.adjusted(method, over=over, test=test) <= level)]
    return kept[np.lexsort((-kept.lift, kept.p_values(test)))]


def _check_size(itemsets: Itemsets, most: int, max_rules: int) -> None:
    total = 0
    for length, where in itemsets.tree.by_length(itemsets.selected):
        total += len(where) * sum(comb(length, size) for size in range(1, min(most, length - 1) + 1))
    if total > max_rules:
        raise InputError(
            f"the {len(itemsets)} itemsets split into {total} rules, more than max_rules={max_rules}; "
            "raise min_support, give max_length, lower max_consequent, or raise max_rules"
        )


def _searched(itemsets: Itemsets, most: int) -> IntArray:
    """Count, by number of items, the rules that could have come out: disjoint sides, each frequent.

    That does not depend on how often the two meet, which is what Fisher's test asks. For consequents of two items or
    more the pairs that share items are counted too: too many, on the safe side.
    """
    per_length = np.bincount(itemsets.tree.length, minlength=2)
    longest = itemsets.max_length or len(itemsets.items)
    total = np.zeros(2 * len(per_length), dtype=np.int64)
    for size in range(1, min(most, len(per_length) - 1) + 1):
        for length in range(1, min(len(per_length) - 1, longest - size) + 1):
            partners = int(per_length[size]) - (length if size == 1 else 0)
            total[length + size] += int(per_length[length]) * partners
    return frozen(total)
