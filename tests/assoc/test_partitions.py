"""Parts give what the whole gives, and an added month what mining anew gives; exports read back."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval import DataWarning, InputError
from custval.assoc import (
    Baskets,
    association_rules,
    combine_baskets,
    frequent_itemsets,
    grouped_matrix,
    partitioned_itemsets,
    rule_graph,
    rules_to_json,
    rules_to_pmml,
    update_itemsets,
)

RNG = np.random.default_rng(3)


def counted(sets):
    return dict(zip(map(frozenset, sets), sets.count.tolist(), strict=True))


parts = st.lists(
    st.lists(st.sets(st.integers(0, 5), max_size=5), min_size=1, max_size=8).filter(any), min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(parts, st.floats(0.05, 1.0), st.sampled_from([None, 2]))
def test_partitioned_and_updated_equal_the_whole(bases, share, longest):
    whole = [row for base in bases for row in base]
    single = max(sum(item in row for row in whole) for item in set().union(*whole))
    if single / len(whole) < share or any(
        max(sum(item in row for row in base) for item in set().union(*base)) / len(base) < share for base in bases[:1]
    ):
        return
    expected = counted(frequent_itemsets(whole, min_support=share, max_length=longest))
    found = partitioned_itemsets(bases, min_support=share, max_length=longest)
    assert counted(found) == expected
    assert (
        counted(partitioned_itemsets([lambda base=base: base for base in bases], min_support=share, max_length=longest))
        == expected
    )
    first, rest = bases[0], [row for base in bases[1:] for row in base]
    assert counted(frequent_itemsets(combine_baskets(bases), min_support=share, max_length=longest)) == expected
    if any(rest):
        old = frequent_itemsets(first, min_support=share, max_length=longest)
        assert counted(update_itemsets(old, first, rest, min_support=share)) == expected
    rules = association_rules(found)
    anew = association_rules(frequent_itemsets(whole, min_support=share, max_length=longest))
    assert {(r.antecedent, r.consequent, r.lift) for r in rules} == {(r.antecedent, r.consequent, r.lift) for r in anew}


def test_parts_with_weights():
    rows = [{"a", "b"}, {"a"}, {"b"}, {"a", "b"}]
    weight = [0.5, 1.5, 0.25, 2.0]
    halves = [
        Baskets.from_lists(rows[:2], sample_weight=weight[:2]),
        Baskets.from_lists(rows[2:], sample_weight=weight[2:]),
    ]
    found = partitioned_itemsets(halves, min_support=0.5)
    whole = frequent_itemsets(rows, min_support=0.5, sample_weight=weight)
    assert counted(found) == pytest.approx(counted(whole))


def test_nothing_frequent_is_said():
    with pytest.warns(DataWarning, match="no item is frequent"):
        assert not len(partitioned_itemsets([[{1}, {2}], [{3}, {4}]], min_support=0.6))


SETS = frequent_itemsets([{1, 2}, {1}], min_count=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: combine_baskets([]), "there is no part"),
        (lambda: combine_baskets([[{1}], [{"a"}]]), "items must be of one type"),
        (lambda: partitioned_itemsets([], min_support=0.1), "there is no part"),
        (lambda: partitioned_itemsets([[{1}]], min_support=0), "min_support must be > 0"),
        (lambda: update_itemsets(SETS, [{1}], [{1}], min_support=0.5), "base holds 1 customers but"),
        (lambda: update_itemsets(SETS[:1], [{1}, {2}], [{1}], min_support=0.5), "must be all frequent sets"),
        (
            lambda: update_itemsets(
                frequent_itemsets([{1, 2}, {1}], min_count=2), [{1, 2}, {1}], [{1}], min_support=0.5
            ),
            "rarer sets are not known",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()


MATRIX = RNG.random((200, 8)) < 0.3
RULES = association_rules(frequent_itemsets(MATRIX, min_count=12))


def test_json_and_pmml_hold_every_rule():
    read = json.loads(rules_to_json(RULES))
    assert len(read["rules"]) == len(RULES)
    assert read["rules"][3]["lift"] == RULES.lift[3]
    root = ET.fromstring(rules_to_pmml(RULES))
    space = {"p": "http://www.dmg.org/PMML-4_4"}
    model = root.find("p:AssociationModel", space)
    sets = {
        node.get("id"): tuple(int(ref.get("itemRef")) - 1 for ref in node.findall("p:ItemRef", space))
        for node in model.findall("p:Itemset", space)
    }
    found = model.findall("p:AssociationRule", space)
    assert [sets[node.get("antecedent")] for node in found] == RULES.antecedents
    assert [float(node.get("confidence")) for node in found] == RULES.confidence.tolist()
    assert int(model.get("numberOfRules")) == len(RULES)


def test_names_with_signs_of_xml_stay_whole():
    rules = association_rules(frequent_itemsets([{"tv & <more>", "sim"}] * 2, min_count=1))
    root = ET.fromstring(rules_to_pmml(rules, name='a "b"'))
    assert "tv & <more>" in [node.get("value") for node in root.iter("{http://www.dmg.org/PMML-4_4}Item")]


def test_graph_and_matrix_hold_every_rule():
    graph = rule_graph(RULES)
    m = len(graph.items)
    for j in range(0, len(RULES), 7):
        into = {graph.items[s] for s, t in zip(graph.source, graph.target, strict=True) if t == m + j}
        out = {graph.items[t] for s, t in zip(graph.source, graph.target, strict=True) if s == m + j}
        assert (into, out) == (set(RULES[j].antecedent), set(RULES[j].consequent))
    assert len(graph.to_frame()) == len(graph.source)
    matrix = grouped_matrix(RULES, groups=4)
    assert matrix.count.sum() == len(RULES)
    assert len(matrix.groups) <= 4
    assert sum(map(len, matrix.groups)) == len(set(RULES.antecedents))
    for g, group in enumerate(matrix.groups):
        for r, side in enumerate(matrix.consequents):
            lifts = [rule.lift for rule in RULES if rule.antecedent in group and rule.consequent == side]
            assert matrix.count[r, g] == len(lifts)
            assert matrix.lift[r, g] == pytest.approx(np.mean(lifts) if lifts else 1.0)
    with pytest.raises(InputError, match="no rules to group"):
        grouped_matrix(RULES[:0])
