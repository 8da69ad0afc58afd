"""What goes together, what is taken next, what to offer?

Which sets of services are held together: ``frequent_itemsets`` (``Baskets`` reads and merges the holdings once, for
many questions; the answer is an ``Itemsets``); how many would there be: ``estimate_itemsets`` (``SizeEstimate``); only
pairs, by one GROUP BY in an engine: ``pair_counts`` (``PairCounts``). Who holds this also holds that:
``association_rules`` gives a ``RuleSet`` with some forty measures, exact tests and plain words. Which of the rules are
more than chance: ``significant_rules``, and ``permutation_test`` (``PermutationTest``) where rules hang together; which
sets say what their parts do not: ``productive_itemsets``, ``self_sufficient_itemsets``. What holds in one segment and
not in the others: ``contrast_rules`` (``ContrastRules``); what keeps apart: ``negative_rules`` (``NegativeRules``).
What earns the most together: ``utility_itemsets`` (``UtilityItemsets``), and of rules ``rules_by_margin``
(``MarginRules``). What comes after what: ``sequential_patterns`` (``SequentialPatterns``).
What is taken first: ``adoption_order`` (``AdoptionOrder``); what is dropped before customers leave: ``removal_rates``
(``RemovalRates``), and the hazard of leaving while an item is held and after: ``item_hazards`` (``ItemHazards``);
baskets seen long ago count less by ``recency_weights``.
What to offer next to each customer, and why: ``Recommender`` (``Recommendations``); which of them is best here:
``compare_recommenders`` (``RecommenderComparison``).

For bases that come in parts: ``partitioned_itemsets``, ``update_itemsets``, ``combine_baskets``. For other programs:
``rules_to_pmml``, ``rules_to_json``, ``rule_graph`` (``RuleGraph``), ``grouped_matrix`` (``GroupedMatrix``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "AdoptionOrder",
    "Baskets",
    "ContrastRules",
    "GroupedMatrix",
    "ItemHazards",
    "Itemsets",
    "MarginRules",
    "NegativeRules",
    "PairCounts",
    "PermutationTest",
    "Recommendations",
    "Recommender",
    "RecommenderComparison",
    "RemovalRates",
    "Rule",
    "RuleGraph",
    "RuleSet",
    "SequentialPatterns",
    "SizeEstimate",
    "UtilityItemsets",
    "adoption_order",
    "association_rules",
    "combine_baskets",
    "compare_recommenders",
    "contrast_rules",
    "estimate_itemsets",
    "frequent_itemsets",
    "grouped_matrix",
    "item_hazards",
    "negative_rules",
    "pair_counts",
    "partitioned_itemsets",
    "permutation_test",
    "productive_itemsets",
    "recency_weights",
    "removal_rates",
    "rule_graph",
    "rules_by_margin",
    "rules_to_json",
    "rules_to_pmml",
    "self_sufficient_itemsets",
    "sequential_patterns",
    "significant_rules",
    "update_itemsets",
    "utility_itemsets",
)

if TYPE_CHECKING:
    from custval._assoc.backtesting import RecommenderComparison, compare_recommenders
    from custval._assoc.baskets import Baskets
    from custval._assoc.contrast import ContrastRules, contrast_rules
    from custval._assoc.deriving import association_rules, significant_rules
    from custval._assoc.engines import PairCounts, pair_counts
    from custval._assoc.estimating import SizeEstimate, estimate_itemsets
    from custval._assoc.exporting import rules_to_json, rules_to_pmml
    from custval._assoc.frequent import frequent_itemsets
    from custval._assoc.itemsets import Itemsets
    from custval._assoc.margins import MarginRules, rules_by_margin
    from custval._assoc.negative import NegativeRules, negative_rules
    from custval._assoc.order import AdoptionOrder, adoption_order, recency_weights
    from custval._assoc.partitions import combine_baskets, partitioned_itemsets, update_itemsets
    from custval._assoc.permutation import PermutationTest, permutation_test
    from custval._assoc.pictures import GroupedMatrix, RuleGraph, grouped_matrix, rule_graph
    from custval._assoc.recommending import Recommendations, Recommender
    from custval._assoc.removals import RemovalRates, removal_rates
    from custval._assoc.rules import Rule, RuleSet
    from custval._assoc.sequences import SequentialPatterns, sequential_patterns
    from custval._assoc.sufficient import productive_itemsets, self_sufficient_itemsets
    from custval._assoc.utility import UtilityItemsets, utility_itemsets
    from custval._joins.removal import ItemHazards, item_hazards
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "AdoptionOrder": "_assoc.order",
            "Baskets": "_assoc.baskets",
            "ContrastRules": "_assoc.contrast",
            "GroupedMatrix": "_assoc.pictures",
            "ItemHazards": "_joins.removal",
            "Itemsets": "_assoc.itemsets",
            "MarginRules": "_assoc.margins",
            "NegativeRules": "_assoc.negative",
            "PairCounts": "_assoc.engines",
            "PermutationTest": "_assoc.permutation",
            "Recommendations": "_assoc.recommending",
            "Recommender": "_assoc.recommending",
            "RecommenderComparison": "_assoc.backtesting",
            "RemovalRates": "_assoc.removals",
            "Rule": "_assoc.rules",
            "RuleGraph": "_assoc.pictures",
            "RuleSet": "_assoc.rules",
            "SequentialPatterns": "_assoc.sequences",
            "SizeEstimate": "_assoc.estimating",
            "UtilityItemsets": "_assoc.utility",
            "adoption_order": "_assoc.order",
            "association_rules": "_assoc.deriving",
            "combine_baskets": "_assoc.partitions",
            "compare_recommenders": "_assoc.backtesting",
            "contrast_rules": "_assoc.contrast",
            "estimate_itemsets": "_assoc.estimating",
            "frequent_itemsets": "_assoc.frequent",
            "grouped_matrix": "_assoc.pictures",
            "item_hazards": "_joins.removal",
            "negative_rules": "_assoc.negative",
            "pair_counts": "_assoc.engines",
            "partitioned_itemsets": "_assoc.partitions",
            "permutation_test": "_assoc.permutation",
            "productive_itemsets": "_assoc.sufficient",
            "recency_weights": "_assoc.order",
            "removal_rates": "_assoc.removals",
            "rule_graph": "_assoc.pictures",
            "rules_by_margin": "_assoc.margins",
            "rules_to_json": "_assoc.exporting",
            "rules_to_pmml": "_assoc.exporting",
            "self_sufficient_itemsets": "_assoc.sufficient",
            "sequential_patterns": "_assoc.sequences",
            "significant_rules": "_assoc.deriving",
            "update_itemsets": "_assoc.partitions",
            "utility_itemsets": "_assoc.utility",
        },
    )
