"""What would a rule earn? Rules ranked by the margin to expect of offering what their antecedent's holders lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.rules import RuleSet
from custval._assoc.utility import margin_array
from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray
from custval._core.validation import check_scalar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("MarginRules", "rules_by_margin")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class MarginRules(Result):
    """Rules with the margin to expect of each, most first.

    Attributes
    ----------
    rules : RuleSet
        The rules, in this order.
    expected_margin : ndarray of float64, shape (k,)
        Margin of one contact: confidence x margin of the consequent - cost of the contact.
    lower, upper : ndarray of float64, shape (k,)
        Interval of `expected_margin`, from Wilson's interval of the confidence.
    reachable : ndarray, shape (k,)
        Customers who hold the antecedent and not the whole consequent.
    total : ndarray of float64, shape (k,)
        Expected margin of contacting them all.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, rules_by_margin
    >>> held = [{"sim", "tv"}] * 30 + [{"sim"}] * 30
    >>> rules = association_rules(frequent_itemsets(held, min_count=5))
    >>> ranked = rules_by_margin(rules, {"tv": 8.0, "sim": 1.0}, contact_cost=1.0)
    >>> ranked.rules[0].consequent, float(ranked.expected_margin[0]), int(ranked.reachable[0])
    (('tv',), 3.0, 30)
    """

    rules: RuleSet
    expected_margin: FloatArray
    lower: FloatArray
    upper: FloatArray
    reachable: FloatArray
    total: FloatArray

    def __len__(self) -> int:
        """Return the number of rules."""
        return len(self.rules)

    def to_frame(self, *, separator: str | None = None) -> pd.DataFrame:
        """Return the rules as a pandas frame.

        Parameters
        ----------
        separator : str, optional
            Join the items of a side into one text. Default: tuples of items.

        Returns
        -------
        pandas.DataFrame
            Columns antecedent, consequent, confidence, expected_margin, lower, upper, reachable, total.

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets, rules_by_margin
        >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
        >>> rules_by_margin(rules, {"tv": 8.0, "sim": 1.0}).to_frame()["total"].tolist()
        [4.0, 0.0]
        """
        frame = self.rules.to_frame(separator=separator)[["antecedent", "consequent", "confidence"]]
        names = ("expected_margin", "lower", "upper", "reachable", "total")
        return frame.assign(**{name: getattr(self, name) for name in names})


@public("assoc")
def rules_by_margin(
    rules: RuleSet, margin: Mapping[Any, float], *, contact_cost: float = 0.0, conf_level: float = 0.95
) -> MarginRules:
    """Rank rules by the margin to expect of offering the consequent to those who hold only the antecedent.

    The share of holders is taken as the chance that the offer is accepted, which it is only where taking is a matter of
    being asked; measure the uplift of a pilot before a large campaign.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    margin : mapping of item to money
        Margin of each item, any sign.
    contact_cost : float
        Money that one contact costs, >= 0.
    conf_level : float
        Level of the interval, in (0, 1).

    Returns
    -------
    MarginRules
        The rules, largest total first.

    Raises
    ------
    InputError
        An item without a margin, a negative cost, weights that are not whole numbers.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, rules_by_margin
    >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}] * 3 + [{"sim"}] * 3, min_count=1))
    >>> ranked = rules_by_margin(rules, {"tv": 8.0, "sim": 1.0})
    >>> round(float(ranked.lower[0]), 2), round(float(ranked.upper[0]), 2)
    (1.5, 6.5)
    """
    cost = check_scalar(contact_cost, "contact_cost", low=0.0)
    price = dict(zip(rules.items, margin_array(margin, rules.items).tolist(), strict=True))
    worth = np.array([sum(price[item] for item in side) for side in rules.consequents], dtype=np.float64)
    ends = rules.interval("confidence", conf_level=conf_level)
    expected, one, two = (share * worth - cost for share in (rules.confidence, *ends))
    reachable = (rules.antecedent_count - rules.count).astype(np.float64)
    total = expected * reachable
    order = np.argsort(-total, kind="stable")
    columns = (expected, np.minimum(one, two), np.maximum(one, two), reachable, total)
    return MarginRules(rules[order], *(frozen(column[order]) for column in columns))
