"""Counts, kinds, measures and tests as R arules and PyFIM give them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from custval.assoc import Baskets, association_rules, frequent_itemsets

# separator and columns to skip at the left of each file
FILES = {
    "mushroom": ("mushroom.dat", None, 0),
    "epub": ("epub.basket.tsv", "\t", 0),
    "income": ("income.basket.tsv", "\t", 0),
    "telecom5k": ("telecom5k.baskets.tsv", "\t", 1),
}
# arules' names that are not ours in another spelling
NAMES = {
    "rhsSupport": "consequent_support",
    "centeredConfidence": "added_value",
    "maxconfidence": "max_confidence",
    "fishersExactTest": "p_value",
    "doc": "difference_of_confidence",
    "ralambondrainy": "counter_support",
}


@cache
def _baskets(folder: Path, name: str) -> Baskets:
    file, separator, skip = FILES[name]
    text = (folder / "reference" / "assoc_data" / file).read_text(encoding="utf-8")
    return Baskets.from_lists([line.split(separator)[skip:] for line in text.splitlines()])


@pytest.mark.parametrize("name", FILES)
def test_itemsets_of_every_kind(shared, reference, name):
    expected = reference("assoc")[name]
    baskets = _baskets(shared, name)
    assert baskets.n == expected["n"]
    for case in expected["itemsets"]:
        sets = frequent_itemsets(baskets, min_support=case["supp"])
        by_length = {str(k): int(v) for k, v in enumerate(np.bincount(sets.length)) if v}
        assert (sets.min_count, len(sets), by_length) == (case["abs"], case["n"], case["by_len"])
        assert sets.count.sum() == case["sum_counts"]
        for kind in ("closed", "maximal", "generators"):
            assert len(frequent_itemsets(baskets, min_support=case["supp"], kind=kind)) == case[kind], kind


def test_mushroom_at_ten_percent_has_the_known_number_of_sets(shared):
    sets = frequent_itemsets(_baskets(shared, "mushroom"), min_support=0.1)
    assert len(sets) == 574_431
    # 4,885 closed sets: the number that several miners agree on
    assert len(frequent_itemsets(_baskets(shared, "mushroom"), min_support=0.1, kind="closed")) == 4_885


def test_weighted_support(reference):
    # the six transactions of Sun & Bai (2008), with the weights of the reference file
    case = reference("assoc")["sunbai_weighted"]
    baskets = [{"A", "B", "C", "D", "E"}, {"C", "F", "G"}, {"A", "B"}, {"A"}, {"C", "F", "G", "H"}, {"A", "G", "H"}]
    sets = frequent_itemsets(baskets, min_support=case["supp"], sample_weight=case["weights"])
    expected = {frozenset(entry["items"]): entry["support"] for entry in case["sets"]}
    found = dict(zip(map(frozenset, sets), sets.support.tolist(), strict=True))
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["income", "epub"])
def test_rules_measures_and_corrections(shared, reference, name):
    case = reference("assoc")[name]["rules"]
    sets = frequent_itemsets(_baskets(shared, name), min_support=case["supp"], max_length=case["maxlen"])
    rules = association_rules(sets, min_confidence=case["conf"])
    assert len(rules) == case["n_rules"]
    sizes = np.bincount([len(side) for side in rules.antecedents])
    assert {str(k): int(v) for k, v in enumerate(sizes) if v} == case["by_antecedent_size"]
    assert len(rules) - len(rules.without_redundant()) == case["n_redundant_confidence_improvement"]
    passed = {"none": int((rules.p_value < 0.01).sum())}
    for ours, theirs in (("bonferroni", "bonferroni"), ("holm", "holm"), ("bh", "BH"), ("by", "BY")):
        passed[theirs] = int((rules.adjusted(ours, over="kept") < 0.01).sum())
    assert passed == case["fisher_p_lt_001"]


@pytest.mark.parametrize("name", ["income", "epub"])
def test_every_measure_of_single_rules(shared, reference, name):
    case = reference("assoc")[name]["rules"]
    sets = frequent_itemsets(_baskets(shared, name), min_support=case["supp"], max_length=case["maxlen"])
    rules = association_rules(sets, min_confidence=case["conf"])
    place = {(side, other): i for i, (side, other) in enumerate(zip(rules.antecedents, rules.consequents, strict=True))}
    for entry in case["rules"]:
        one = rules[[place[tuple(sorted(entry["lhs"])), (entry["rhs"],)]]]
        for theirs, expected in entry["measures"].items():
            ours = NAMES.get(theirs) or re.sub("([A-Z])", lambda found: "_" + found[1].lower(), theirs)
            # arules leaves 3e-16 where lambda is 0
            assert one.measure(ours)[0] == pytest.approx(
                float(expected), rel=1e-9, abs=1e-14 if ours == "lambda" else 0
            )


def test_rules_of_a_telecom_base(shared, reference):
    case = reference("assoc")["telecom5k"]
    sets = frequent_itemsets(_baskets(shared, "telecom5k"), min_support=0.01)
    assert len(association_rules(sets, min_confidence=0.6)) == case["rules_supp001_conf06_minlen2"]
    for entry in case["contrast_rules"]:
        both = sets.count_of([*entry["lhs"], entry["rhs"]])
        assert (sets.count_of(entry["lhs"]), both) == tuple(entry["segments"]["all"][k] for k in ("n_lhs", "n_both"))
