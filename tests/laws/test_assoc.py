"""What is true of itemsets and rules for every base."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custval.assoc import Baskets, association_rules, frequent_itemsets

LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
bases = st.lists(st.sets(st.integers(0, 6), max_size=6), min_size=1, max_size=24).filter(any)
counts = st.integers(1, 4)


def counted(sets):
    return dict(zip(map(frozenset, sets), sets.count.tolist(), strict=True))


def mined(rows, least, **options):
    """Mine where something is frequent; the naive count says whether."""
    return counted(frequent_itemsets(rows, min_count=least, **options)) if naive(rows, least) else {}


def naive(rows, least):
    items = sorted(set().union(*rows))
    sets = [frozenset(held) for size in range(1, len(items) + 1) for held in combinations(items, size)]
    found = {held: sum(held <= set(row) for row in rows) for held in sets}
    return {held: count for held, count in found.items() if count >= least}


@LAW
@given(bases, counts)
def test_all_sets_are_those_counted_by_hand(rows, least):
    assert mined(rows, least) == naive(rows, least)


@LAW
@given(bases, counts)
def test_closed_maximal_and_generators_by_definition(rows, least):
    found, everything = naive(rows, least), naive(rows, 1)
    closed = {s for s in found if all(everything[t] < everything[s] for t in everything if s < t)}
    maximal = {s for s in found if not any(s < t for t in found)}
    below = {**everything, frozenset(): len(rows)}
    generators = {s for s in found if all(below[t] > found[s] for t in below if t < s)}
    assert set(mined(rows, least, kind="closed")) == closed
    assert set(mined(rows, least, kind="maximal")) == maximal
    assert set(mined(rows, least, kind="generators")) == generators


@LAW
@given(bases, counts, st.integers(1, 3))
def test_a_limit_on_length_only_cuts(rows, least, longest):
    for kind in ("all", "closed", "maximal", "generators"):
        whole = mined(rows, least, kind=kind)
        cut = {held: count for held, count in whole.items() if len(held) <= longest}
        assert mined(rows, least, kind=kind, max_length=longest) == cut


@LAW
@given(bases)
def test_every_part_of_a_frequent_set_is_frequent_and_no_rarer(rows):
    found = mined(rows, 2)
    for held, count in found.items():
        for item in held:
            assert len(held) == 1 or found[held - {item}] >= count


@LAW
@given(bases, counts, st.data())
def test_whole_weights_equal_duplication(rows, least, data):
    weight = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)).filter(any))
    copies = [row for row, times in zip(rows, weight, strict=True) for _ in range(times)]
    expected = mined(copies, least) if any(copies) else {}
    if not expected:
        return
    for given_weight in (weight, np.asarray(weight, dtype=float)):
        assert counted(frequent_itemsets(rows, min_count=least, sample_weight=given_weight)) == expected
    halves = frequent_itemsets(rows, min_count=least / 2, sample_weight=np.asarray(weight) / 2)
    assert {held: 2 * count for held, count in counted(halves).items()} == expected


@LAW
@given(bases, counts, st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(rows, least, random):
    names = [f"service {i}" for i in range(7)]
    random.shuffle(names)
    renamed = [[names[item] for item in row] for row in rows]
    random.shuffle(renamed)
    expected = {frozenset(names[item] for item in held): count for held, count in mined(rows, least).items()}
    assert mined(renamed, least) == expected


@LAW
@given(bases, counts)
def test_more_than_64_items_take_another_way_to_the_same_answer(rows, least):
    copies = least + len(rows)
    # seventy items that stand alone push the base beyond one word without joining any set
    alone = [{100 + i} for i in range(70)]
    wide = Baskets.from_counts([*rows, *alone], [1] * len(rows) + [copies] * 70)
    found = counted(frequent_itemsets(wide, min_count=least))
    assert {held: count for held, count in found.items() if max(held) < 100} == mined(rows, least)


@LAW
@given(bases)
def test_rule_measures_come_from_counts(rows):
    if not naive(rows, 1):
        return
    rules = association_rules(frequent_itemsets(rows, min_count=1), max_consequent=2)
    for rule in rules:
        left = sum(set(rule.antecedent) <= row for row in rows)
        right = sum(set(rule.consequent) <= row for row in rows)
        both = sum(set(rule.antecedent) | set(rule.consequent) <= row for row in rows)
        assert rule.count == both
        assert rule.confidence == both / left
        assert rule.lift == pytest.approx(both * len(rows) / (left * right), rel=1e-12)
    assert np.all((rules.p_value >= 0) & (rules.p_value <= rules.p_adjusted) & (rules.p_adjusted <= 1))
    assert rules.n_searched >= len(rules)
