"""Rules that differ between segments: counts of the reference, tests of SciPy, nothing where nothing differs."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.assoc import Baskets, contrast_rules

RNG = np.random.default_rng(6)


@pytest.fixture(scope="module")
def segments(shared):
    text = (shared / "reference" / "assoc_data" / "telecom5k.baskets.tsv").read_text(encoding="utf-8")
    held = {}
    for line in text.splitlines():
        name, *items = line.split("\t")
        held.setdefault(name, []).append(items)
    return held


def test_counts_in_each_segment_are_those_of_the_reference(segments, reference):
    case = reference("assoc")["telecom5k"]
    assert {name: len(rows) for name, rows in segments.items()} == case["segment_sizes"]
    rules = contrast_rules(segments, min_support=0.01, max_length=3, alpha=1.0)
    place = {key: i for i, key in enumerate(zip(rules.antecedents, rules.consequents, strict=True))}
    for entry in case["contrast_rules"]:
        row = place[tuple(sorted(entry["lhs"])), (entry["rhs"],)]
        for s, name in enumerate(rules.segments):
            expected = entry["segments"][name]
            assert rules.n[s] == expected["n"]
            assert rules.antecedent_count[row, s] == expected["n_lhs"]
            assert rules.consequent_count[row, s] == expected["n_rhs"]
            assert rules.count[row, s] == expected["n_both"]
            assert rules.confidence[row, s] == pytest.approx(expected["confidence"], rel=1e-9)
            assert rules.lift[row, s] == pytest.approx(expected["lift"], rel=1e-9)


def test_the_test_is_fishers_two_sided_by_doubling():
    from scipy.stats import false_discovery_control, fisher_exact

    bases = {name: RNG.random((150, 5)) < share for name, share in (("a", 0.5), ("b", 0.3), ("c", 0.4))}
    rules = contrast_rules(bases, min_count=10, alpha=1.0)
    for i in range(0, len(rules), 3):
        for s in range(3):
            hit, miss = rules.count[i], rules.antecedent_count[i] - rules.count[i]
            table = [[hit[s], miss[s]], [hit.sum() - hit[s], miss.sum() - miss[s]]]
            tails = [fisher_exact(table, side).pvalue for side in ("greater", "less")]
            assert rules.p_by_segment[i, s] == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-9)
        assert rules.p_value[i] == pytest.approx(min(1.0, 3 * rules.p_by_segment[i].min()))
    assert rules.p_adjusted.tolist() == pytest.approx(false_discovery_control(rules.p_value).tolist())
    assert rules.n_searched == len(rules)


def test_sets_are_compared_by_support():
    from scipy.stats import fisher_exact

    bases = {"left": RNG.random((200, 4)) < 0.5, "right": RNG.random((100, 4)) < 0.3}
    found = contrast_rules(bases, min_count=5, sets=True, alpha=1.0)
    for i, held in enumerate(found.consequents):
        hits = [int(matrix[:, list(held)].all(axis=1).sum()) for matrix in bases.values()]
        assert found.count[i].tolist() == hits
        table = [[hits[0], 200 - hits[0]], [hits[1], 100 - hits[1]]]
        tails = [fisher_exact(table, side).pvalue for side in ("greater", "less")]
        assert found.p_value[i] == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-9)
        assert found.difference[i, 0] == pytest.approx(hits[0] / 200 - hits[1] / 100)


def test_segments_that_do_not_differ_seldom_give_a_rule_and_planted_ones_are_found():
    rng, false, found = np.random.default_rng(2), 0, 0
    for _ in range(60):
        matrix = rng.random((400, 8)) < 0.35
        split = {"a": matrix[:200], "b": matrix[200:]}
        false += len(contrast_rules(split, min_support=0.05)) > 0
        planted = matrix.copy()
        planted[:200, 1] |= planted[:200, 0] & (rng.random(200) < 0.6)
        rules = contrast_rules({"a": planted[:200], "b": planted[200:]}, min_support=0.05)
        found += ((0,), (1,)) in set(zip(rules.antecedents, rules.consequents, strict=True))
    assert false <= 9  # binomial(60, .05): P(> 9) < .001
    assert found >= 45


def test_items_that_one_segment_lacks():
    rules = contrast_rules({"a": [{"x", "y"}] * 20 + [{"x"}] * 5, "b": [{"z", "x"}] * 30}, min_support=0.2)
    by_name = {(rules.antecedents[i], rules.consequents[i]): i for i in range(len(rules))}
    row = by_name[("x",), ("y",)]
    assert rules.count[row].tolist() == [20, 0]
    assert rules.antecedent_count[row].tolist() == [25, 30]
    assert "In a, 20 of 25 customers with x (80.0 %) also hold y; elsewhere 0 of 30 (0.0 %)" in rules.explain(row)
    assert len(rules[:1].to_frame()) == 2
    assert not np.isnan(rules.lift).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contrast_rules({"a": [{1}]}, min_count=1), "two or more names"),
        (lambda: contrast_rules([[{1}], [{2}]], min_count=1), "two or more names"),
        (lambda: contrast_rules({"a": [{1}], "b": [{2}]}, min_count=1, max_length=1), "max_length must be >= 2"),
        (lambda: contrast_rules({"a": [{1}], "b": [{2}]}, min_count=5), "no set reaches the threshold"),
        (lambda: contrast_rules({"a": [{1}], "b": [{2}]}, min_count=1, method="layered"), "method must be one of"),
        (
            lambda: contrast_rules({"a": [{1}], "b": Baskets.from_lists([{2}], sample_weight=[0.5])}, min_count=1),
            "segment 'b' has weights",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()
