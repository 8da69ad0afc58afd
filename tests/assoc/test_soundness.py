"""Rules on other bases, corrections, intervals, productive sets and the permutation null, each against a second way."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest

from custval import InputError
from custval._assoc.fisher import fisher_tails, hyper_quantile, layered_p
from custval.assoc import (
    Baskets,
    association_rules,
    frequent_itemsets,
    permutation_test,
    productive_itemsets,
    self_sufficient_itemsets,
    significant_rules,
)

RNG = np.random.default_rng(8)
MATRIX = RNG.random((400, 8)) < 0.3
MATRIX[:, 1] |= MATRIX[:, 0] & (RNG.random(400) < 0.6)
MATRIX[:, 3] |= MATRIX[:, 2] & MATRIX[:, 1] & (RNG.random(400) < 0.7)
SETS = frequent_itemsets(MATRIX, min_count=12)
RULES = association_rules(SETS, max_consequent=2)


def exact_tail(n, a, b, ab):
    return Fraction(sum(comb(a, k) * comb(n - a, b - k) for k in range(ab, min(a, b) + 1)), comb(n, b))


def test_fisher_is_exact_for_a_million_customers():
    a, b = np.array([3_000, 90_000, 150_000]), np.array([200, 300, 400])
    ab = np.array([3, 26, 61])
    p, _ = fisher_tails(1_000_000, a, b, ab)
    expected = [float(exact_tail(1_000_000, *map(int, row))) for row in zip(a, b, ab, strict=True)]
    assert p.tolist() == pytest.approx(expected, rel=1e-11)


def test_rules_on_another_base_are_those_mined_there():
    other = RNG.random((300, 8)) < 0.35
    there = RULES.on(other)
    mined = association_rules(frequent_itemsets(other, min_count=1), max_consequent=2)
    known = {(rule.antecedent, rule.consequent): rule for rule in mined}
    assert len(there) == len(RULES)
    gain = dict(zip(zip(mined.antecedents, mined.consequents, strict=True), mined.measure("improvement"), strict=True))
    for rule, improvement in zip(there, there.measure("improvement"), strict=True):
        twin = known.get((rule.antecedent, rule.consequent))
        assert rule.count == (twin.count if twin else 0)
        if twin:
            assert (rule.confidence, rule.lift) == (twin.confidence, twin.lift)
            assert improvement == gain[rule.antecedent, rule.consequent]
    assert there.n_searched == len(RULES)
    assert RULES[:5].on(MATRIX).count.tolist() == RULES[:5].count.tolist()
    assert SETS.on(other)[:9].count.tolist() == [int(other[:, list(s)].all(axis=1).sum()) for s in SETS[:9]]


def test_rules_on_a_base_that_lacks_their_items_count_nobody_and_stay_finite():
    nobody = RULES.on([{"something else"}, {"and more"}])
    assert not nobody.count.any()
    for name in ("confidence", "lift", "p_value", "zhang", "odds_ratio", "improvement", "hyper_lift"):
        assert not np.isnan(nobody.measure(name)).any(), name
    for name in ("support", "confidence", "lift"):
        assert not np.isnan(nobody.interval(name)).any()


def test_rules_on_a_segment_of_more_than_one_block(monkeypatch):
    monkeypatch.setattr("custval._assoc.counting._BLOCK_BITS", 512)
    assert RULES.on(MATRIX).count.tolist() == RULES.count.tolist()


def test_layered_corrections_share_the_risk_among_lengths():
    p, length = np.array([0.001, 0.001, 0.2]), np.array([2, 3, 2])
    assert layered_p(p, length, np.array([0, 0, 10, 50])).tolist() == pytest.approx([0.02, 0.1, 1.0])
    ours = RULES.adjusted("layered")
    lengths = np.array([len(r.antecedent) + len(r.consequent) for r in RULES])
    used = np.count_nonzero(RULES.searched)
    expected = np.minimum(1, RULES.p_value * used * RULES.searched[lengths])
    assert ours.tolist() == pytest.approx(expected.tolist())
    assert len(significant_rules(RULES, method="layered")) == (ours <= 0.05).sum()


def test_chi_squared_is_the_one_sided_normal_test():
    from scipy.stats import norm

    root = np.sqrt(RULES.measure("chi_squared")) * np.sign(RULES.leverage)
    assert RULES.p_values("chi_squared").tolist() == pytest.approx(norm.sf(root).tolist(), rel=1e-9)
    assert set(significant_rules(RULES, test="chi_squared", method="holm").selected) <= set(RULES.selected)


def test_hyper_quantile_and_hyper_lift():
    from scipy.stats import hypergeom

    a, b = RULES.antecedent_count, RULES.consequent_count
    expected = hypergeom.ppf(0.99, 400, a, b)
    assert hyper_quantile(400, a, b, 0.99).tolist() == expected.tolist()
    assert RULES.measure("hyper_lift").tolist() == pytest.approx((RULES.count / expected).tolist())


@pytest.mark.parametrize("measure", ["support", "confidence", "lift"])
def test_intervals_cover_as_often_as_they_say(measure):
    # 600 bases of 500 customers with known shares
    rng, n, pa, pb, pab = np.random.default_rng(0), 500, 0.3, 0.4, 0.2
    cells = rng.multinomial(n, [pab, pa - pab, pb - pab, 1 - pa - pb + pab], size=600)
    truth = {"support": pab, "confidence": pab / pa, "lift": pab / (pa * pb)}[measure]
    hits = 0
    for ab, a_only, b_only, neither in cells.tolist():
        base = Baskets.from_counts([{"a", "b"}, {"a"}, {"b"}, set()], [ab, a_only, b_only, neither])
        rule = association_rules(frequent_itemsets(base, min_count=1)).where(antecedent=["a"])
        (lower,), (upper,) = rule.interval(measure)
        hits += lower <= truth <= upper
    assert 0.92 < hits / 600 < 0.975


def test_wilsons_interval_is_scipys_and_simultaneous_ones_are_wider():
    from scipy.stats import binomtest

    lower, upper = RULES.interval("confidence", conf_level=0.9)
    for i in (0, 7, 30):
        ci = binomtest(int(RULES.count[i]), int(RULES.antecedent_count[i])).proportion_ci(0.9, method="wilson")
        assert (lower[i], upper[i]) == pytest.approx((ci.low, ci.high), rel=1e-9)
    wide = RULES.interval("confidence", conf_level=0.9, simultaneous=True)
    assert np.all(wide[0] < lower)
    assert np.all((wide[1] > upper) | (upper == 1))


def naive_productive(matrix, held, alpha, tests):
    n = len(matrix)
    worst = 0
    for size in range(1, len(held)):
        for part in combinations(held, size):
            rest = [item for item in held if item not in part]
            one, two = matrix[:, list(part)].all(axis=1), matrix[:, rest].all(axis=1)
            worst = max(worst, float(exact_tail(n, int(one.sum()), int(two.sum()), int((one & two).sum()))))
    return worst * tests <= alpha


def test_productive_sets_by_all_splits():
    per_length = np.bincount(SETS.tree.length)
    layers = np.count_nonzero(per_length[2:])
    found = set(productive_itemsets(SETS))
    for held in SETS:
        if len(held) > 1:
            tests = layers * per_length[len(held)]
            assert (held in found) == naive_productive(MATRIX, held, 0.05, tests), held


def test_self_sufficient_sets_by_definition():
    found = set(self_sufficient_itemsets(SETS, MATRIX))
    count = {frozenset(s): c for s, c in zip(SETS, SETS.count.tolist(), strict=True)}

    def redundant(held):
        parts = [frozenset(p) for size in range(2, len(held)) for p in combinations(held, size)]
        return any(count[part] == count[part - {item}] for part in parts for item in part)

    kept = [held for held in productive_itemsets(SETS) if not redundant(held)]
    expected = set()
    for held in kept:
        outside = np.ones(len(MATRIX), dtype=bool)
        for other in kept:
            if set(held) < set(other):
                outside &= ~MATRIX[:, sorted(set(other) - set(held))].all(axis=1)
        if outside.all() or naive_productive(MATRIX[outside], held, 0.05, 1):
            expected.add(held)
    assert found == expected
    assert found


def test_a_part_that_implies_an_item_makes_its_supersets_redundant():
    # who is pregnant is a woman: with the pair known, the triple says nothing
    rows = [{"pregnant", "woman", "oedema"}] * 15 + [{"pregnant", "woman"}] * 10 + [{"woman"}] * 30 + [set()] * 45
    sets = frequent_itemsets(rows, min_count=5)
    assert ("oedema", "pregnant", "woman") in set(sets)
    assert ("oedema", "pregnant", "woman") not in set(self_sufficient_itemsets(sets, rows))


def test_permutation_p_values_agree_with_shuffling_the_columns():
    rules = RULES.where(min_count=30)
    rules = rules[np.flatnonzero([len(c) == 1 for c in rules.consequents])]
    ours = permutation_test(rules, MATRIX, permutations=400, random_state=3)
    rng, lowest = np.random.default_rng(9), []
    one, two = rules.antecedent_count, rules.consequent_count
    sides = [MATRIX[:, list(side)].all(axis=1) for side in rules.antecedents]
    for _ in range(400):
        shuffled = {j: rng.permutation(MATRIX[:, j]) for j in range(8)}
        both = np.array([(a & shuffled[c[0]]).sum() for a, c in zip(sides, rules.consequents, strict=True)])
        lowest.append(fisher_tails(400, one, two, both)[0].min())
    # the two nulls are the same distribution
    from scipy.stats import ks_2samp

    assert ks_2samp(ours.null_min_p, lowest).pvalue > 0.001
    assert np.all(ours.p_adjusted >= 1 / 401)
    assert np.all(ours.p_adjusted >= ours.p_value * 0.2)
    best = int(np.argmin(ours.p_value))
    assert ours.p_adjusted[best] == (1 + (ours.null_min_p <= ours.p_value[best]).sum()) / 401
    again = permutation_test(rules, MATRIX, permutations=400, random_state=3)
    assert again.p_adjusted.tolist() == ours.p_adjusted.tolist()


def test_false_discoveries_stay_below_the_level_where_there_are_no_rules_and_planted_ones_are_found():
    # a small edition of benchmarks/truth/rules_false_discovery.py
    rng, false, found = np.random.default_rng(1), 0, 0
    for _ in range(40):
        matrix = rng.random((500, 12)) < np.linspace(0.1, 0.4, 12)
        sets = frequent_itemsets(matrix, min_count=10, max_length=3)
        false += len(significant_rules(sets, 0.05)) > 0
        matrix[:, 1] |= matrix[:, 0] & (rng.random(500) < 0.5)
        sure = significant_rules(frequent_itemsets(matrix, min_count=10, max_length=3), 0.05)
        found += ((0,), (1,)) in set(zip(sure.antecedents, sure.consequents, strict=True))
    assert false <= 7  # binomial(40, .05): P(> 7) < .001
    assert found >= 35


def test_confirming_on_customers_held_out():
    first, second = MATRIX[:200], MATRIX[200:]
    found = significant_rules(association_rules(frequent_itemsets(first, min_count=8)), 0.2)
    confirmed = found.on(second)
    assert confirmed.adjusted("holm").tolist() == confirmed.adjusted("holm", over="kept").tolist()
    assert ((0,), (1,)) in {(r.antecedent, r.consequent) for r in confirmed.where(max_p_adjusted=0.05)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RULES.interval("zhang"), "measure must be one of"),
        (lambda: RULES.interval(conf_level=1), "conf_level must be > 0 and < 1"),
        (lambda: RULES.p_values("t"), "test must be one of"),
        (lambda: productive_itemsets(SETS, 1), "alpha must be > 0 and < 1"),
        (
            lambda: self_sufficient_itemsets(SETS, MATRIX[:9]),
            "baskets hold 9 customers but the itemsets were counted on 400",
        ),
        (lambda: permutation_test(RULES, MATRIX[:9]), "baskets hold 9 customers but the rules were counted on 400"),
        (lambda: permutation_test(RULES, MATRIX, permutations=0), "permutations must be >= 1"),
        (lambda: productive_itemsets(frequent_itemsets([set(range(13))], min_count=1)), "4095 splits"),
        (lambda: productive_itemsets(frequent_itemsets(MATRIX, min_count=9, contains=[1])), "parts were not counted"),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_fractional_weights_cannot_be_tested():
    sets = frequent_itemsets(MATRIX, min_count=10, sample_weight=RNG.random(400))
    rules = association_rules(sets)
    for call in (
        rules.interval,
        rules.p_values,
        lambda: rules.measure("hyper_lift"),
        lambda: productive_itemsets(sets),
    ):
        with pytest.raises(InputError, match="whole numbers"):
            call()
