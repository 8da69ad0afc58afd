"""Rules: derived in every way, filtered, tested over what was searched, and told in words."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

from custval import InputError
from custval.assoc import Rule, association_rules, frequent_itemsets, significant_rules

HELD = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 7 + [{"cloud", "mobile", "tv"}]
SETS = frequent_itemsets(HELD, min_count=1)
RULES = association_rules(SETS)


def every_split(rows, most):
    """Derive all rules from the rows themselves."""
    labels = sorted(set().union(*rows))

    def count(side):
        return sum(set(side) <= set(row) for row in rows)

    sides = [side for size in range(1, len(labels)) for side in combinations(labels, size)]
    for left in sides:
        for right in sides:
            both = count(left + right)
            if not set(left) & set(right) and len(right) <= most and both:
                yield left, right, both, count(left), count(right)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_every_split_is_derived_with_its_counts(most):
    rules = association_rules(SETS, max_consequent=most)
    columns = (rules.antecedents, rules.consequents, rules.count, rules.antecedent_count, rules.consequent_count)
    assert sorted(zip(*columns, strict=True)) == sorted(every_split(HELD, most))


def test_columns_agree_with_single_rules():
    assert len(RULES) == len(list(RULES))
    assert list(RULES)[1] == RULES[1]
    assert isinstance(RULES[0], Rule)
    frame = RULES.to_frame()
    assert list(frame.columns) == [
        "antecedent", "consequent", "count", "support", "confidence", "lift", "p_value", "p_adjusted",
    ]  # fmt: skip
    assert frame["antecedent"][0] == RULES[0].antecedent
    assert RULES.to_frame(separator=" + ")["antecedent"][0] == " + ".join(RULES[0].antecedent)
    np.testing.assert_array_equal(RULES.leverage, RULES.measure("leverage"))
    np.testing.assert_array_equal(RULES.conviction, RULES.measure("conviction"))
    assert json.loads(json.dumps(RULES.to_dict()))["count"][0] == RULES.count[0]
    assert "<table" in RULES._repr_html_()


def test_order_filters_and_slices():
    assert (np.diff(RULES.lift) <= 0).all()
    kept = association_rules(SETS, min_confidence=0.6, min_lift=1.1)
    assert set(kept) == {rule for rule in RULES if rule.confidence >= 0.6 and rule.lift >= 1.1}
    assert set(RULES.where(antecedent=["tv"], consequent=["mobile"])) == {
        rule for rule in RULES if "tv" in rule.antecedent and rule.consequent == ("mobile",)
    }
    assert RULES.where(min_count=9).count.tolist() == [9, 9]
    assert RULES[:2].antecedents == RULES.antecedents[:2]
    assert (np.diff(RULES.sort_by("confidence", descending=False).confidence) >= 0).all()
    assert list(association_rules(SETS.where(contains=["cloud"]))) == [
        rule for rule in RULES if "cloud" in rule.antecedent + rule.consequent
    ]


def test_a_longer_rule_must_gain_confidence():
    # tv -> mobile is certain: cloud and tv -> mobile adds nothing
    kept = set(RULES.without_redundant())
    assert any((rule.antecedent, rule.consequent) == (("tv",), ("mobile",)) for rule in kept)
    assert not any(rule.antecedent == ("cloud", "tv") and rule.consequent == ("mobile",) for rule in kept)
    best = {}
    for rule in RULES:
        best.setdefault(rule.consequent, []).append((set(rule.antecedent), rule.confidence))
    expected = {
        rule
        for rule in RULES
        if all(rule.confidence > c for side, c in best[rule.consequent] if side < set(rule.antecedent))
    }
    assert kept == expected
    assert len(association_rules(SETS, max_consequent=2).without_redundant()) >= len(kept)


def test_p_values_pay_for_every_rule_that_was_searched():
    # three single items, each with two partners; three pairs, each with one: nine rules could have come out
    assert RULES.n_searched == 3 * 2 + 3 * 1
    p = np.sort(RULES.p_value)
    expected = np.minimum.accumulate((p * 9 / np.arange(1, len(p) + 1))[::-1])[::-1]
    np.testing.assert_allclose(np.sort(RULES.p_adjusted), np.minimum(1, expected))
    few = RULES.where(min_confidence=0.9)
    assert (
        dict(zip(few, few.p_adjusted, strict=True)).items() <= dict(zip(RULES, RULES.p_adjusted, strict=True)).items()
    )
    np.testing.assert_allclose(few.adjusted("bonferroni"), np.minimum(1, few.p_value * 9))
    np.testing.assert_allclose(few.adjusted("bonferroni", over="kept"), np.minimum(1, few.p_value * len(few)))
    np.testing.assert_allclose(RULES.measure("hyper_confidence"), 1 - RULES.p_value, atol=1e-15)


def test_significant_rules_come_surest_first():
    found = significant_rules(SETS, 0.05)
    assert {(rule.antecedent, rule.consequent) for rule in found} == {
        (("tv",), ("mobile",)),
        (("mobile",), ("tv",)),
    }
    assert (np.diff(found.p_value) >= 0).all()
    assert list(significant_rules(RULES, 0.05, method="holm")) == list(found)
    assert set(RULES.where(max_p_adjusted=0.05)) == set(found)


def test_chance_alone_gives_few_rules():
    # items held independently: the share of bases with any rule found stays near alpha
    rng = np.random.default_rng(5)
    bases = 60
    false = sum(
        len(significant_rules(frequent_itemsets(rng.random((300, 12)) < 0.3, min_support=0.02))) > 0
        for _ in range(bases)
    )
    assert false <= 9  # one-sided binomial test of 5 % at .001


def test_a_planted_rule_is_found():
    rng = np.random.default_rng(6)
    held = rng.random((2000, 12)) < 0.2
    held[:, 3] |= held[:, 7] & (rng.random(2000) < 0.4)
    found = significant_rules(frequent_itemsets(held, min_support=0.02, max_length=2))
    assert {(rule.antecedent, rule.consequent) for rule in found} == {((7,), (3,)), ((3,), (7,))}


def test_words():
    place = RULES.antecedents.index(("tv",))
    assert RULES.explain(place).startswith(
        "Of the 9 customers with tv, 9 (100.0 %) also have mobile; among all 20 it is 65.0 %: 1.54 times as often. "
        "By chance alone: p = 0.00426"
    )


def test_fractional_weights_have_measures_but_no_tests():
    sets = frequent_itemsets(HELD, min_count=0.5, sample_weight=np.linspace(0.5, 1.2, 20))
    rules = association_rules(sets)
    assert rules.to_frame()[["p_value", "p_adjusted"]].isna().all(axis=None)
    assert "chance" not in rules.explain(0)
    with pytest.raises(InputError, match="case weights are not whole numbers"):
        significant_rules(rules)


def test_no_rules_from_single_items():
    alone = association_rules(frequent_itemsets([{"tv"}, {"voice"}], min_count=1))
    assert len(alone) == 0
    assert alone.to_frame().shape == (0, 8)
    assert len(significant_rules(alone)) == 0
    assert len(alone.without_redundant()) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: association_rules(SETS, min_confidence=1.2), "min_confidence must be >= 0 and <= 1, not 1.2"),
        (lambda: association_rules(SETS, max_consequent=0), "max_consequent must be >= 1"),
        (lambda: association_rules(SETS, max_consequent=1.9), "max_consequent must be a whole number, not 1.9"),
        (lambda: association_rules(SETS, max_rules=5), "split into 9 rules, more than max_rules=5"),
        (lambda: association_rules(HELD), "itemsets must be an Itemsets .* not a list"),
        (lambda: significant_rules(RULES, 0), "alpha must be > 0 and < 1, not 0"),
        (lambda: significant_rules(RULES, method="fdr"), "method must be one of"),
        (lambda: RULES.adjusted(over="all"), "over must be one of"),
        (lambda: RULES.measure("zang"), r"measure must be one of .* \(did you mean 'zhang'\?\)"),
        (lambda: RULES.where(antecedent=["tele"]), "no basket holds the item 'tele'"),
    ],
)
def test_bad_questions_are_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()
