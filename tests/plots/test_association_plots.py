"""Pictures of many rules: what they show is what the rules say."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.assoc import association_rules, frequent_itemsets, grouped_matrix
from custval.plots import plot_grouped_matrix, plot_rule_graph

RNG = np.random.default_rng(0)
RULES = association_rules(frequent_itemsets(RNG.random((200, 6)) < 0.4, min_count=12))


def test_a_dot_for_each_cell_with_rules():
    matrix = grouped_matrix(RULES, groups=4)
    axes = plot_grouped_matrix(matrix)
    (dots,) = axes.collections
    assert len(dots.get_offsets()) == np.count_nonzero(matrix.count)
    assert len(axes.get_xticklabels()) == len(matrix.groups)


def test_an_arrow_for_each_item_of_an_antecedent():
    axes = plot_rule_graph(RULES, top=5)
    best = RULES.sort_by("lift")[:5]
    arrows = [text for text in axes.texts if text.arrow_patch is not None]
    assert len(arrows) == sum(len(rule.antecedent) for rule in best)
    with pytest.raises(InputError, match="no rules to draw"):
        plot_rule_graph(RULES[:0])
    with pytest.raises(InputError, match="top must be >= 1"):
        plot_rule_graph(RULES, top=0)
