"""Conditions pushed into the search give what a filter on everything would; taxonomies; the size of the answer."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.assoc import Baskets, association_rules, estimate_itemsets, frequent_itemsets

RNG = np.random.default_rng(5)
ROWS = [set(np.flatnonzero(RNG.random(9) < 0.45).tolist()) for _ in range(60)]
FAMILIES = {0: 100, 1: 100, 2: [100, 200], 100: 300, 3: 200}


def counted(sets):
    return dict(zip(map(frozenset, sets), sets.count.tolist(), strict=True))


def naive(rows, least):
    items = sorted(set().union(*rows))
    sets = [frozenset(held) for size in range(1, len(items) + 1) for held in combinations(items, size)]
    found = {held: sum(held <= row for row in rows) for held in sets}
    return {held: count for held, count in found.items() if count >= least}


@pytest.mark.parametrize("wide", [False, True], ids=["masks", "lists"])
@pytest.mark.parametrize("least", [3, 8])
def test_must_have_and_must_not(least, wide):
    rows = ROWS + ([{1000 + j} for j in range(70)] * 20 if wide else [])
    everything = naive(ROWS, least)
    found = counted(frequent_itemsets(rows, min_count=least, contains=[4, 2], without=[7]))
    assert found == {s: c for s, c in everything.items() if {4, 2} <= s and 7 not in s}
    sets = frequent_itemsets(rows, min_count=least, contains=[4])
    assert sets.count_of([4]) == sum(4 in row for row in ROWS)
    assert sets.support[0] == sets.count[0] / len(rows)
    assert counted(frequent_itemsets(rows, min_count=least, contains=[4], min_length=2, max_length=3)) == {
        s: c for s, c in everything.items() if 4 in s and 2 <= len(s) <= 3
    }


@pytest.mark.parametrize("kind", ["closed", "maximal"])
def test_kinds_of_sets_with_a_required_item_are_the_kinds_of_all(kind):
    whole = counted(frequent_itemsets(ROWS, min_count=4, kind=kind))
    required = counted(frequent_itemsets(ROWS, min_count=4, kind=kind, contains=[3]))
    assert required == {s: c for s, c in whole.items() if 3 in s}


def test_required_items_that_are_rare_together_give_an_empty_answer():
    with pytest.warns(DataWarning, match="held together by"):
        assert not len(frequent_itemsets(ROWS, min_count=50, contains=[0, 1]))


def test_required_sets_have_no_rules():
    with pytest.raises(InputError, match="parts were not counted"):
        association_rules(frequent_itemsets(ROWS, min_count=3, contains=[0]))
    with pytest.raises(InputError, match="only sets with 0"):
        frequent_itemsets(ROWS, min_count=3, contains=[0]).count_of([1])


@pytest.mark.parametrize("k", [1, 4, 37, 10_000])
@pytest.mark.parametrize("options", [{}, {"min_length": 3}, {"kind": "closed"}, {"contains": [1]}])
def test_top_k_are_the_most_frequent_with_their_ties(k, options):
    whole = {
        s: c
        for s, c in counted(frequent_itemsets(ROWS, min_count=1, kind=options.get("kind", "all"))).items()
        if len(s) >= options.get("min_length", 1) and set(options.get("contains", ())) <= s
    }
    edge = sorted(whole.values(), reverse=True)[min(k, len(whole)) - 1]
    sets = frequent_itemsets(ROWS, top_k=k, **options)
    assert counted(sets) == {s: c for s, c in whole.items() if c >= edge}
    assert np.all(np.diff(sets.count) <= 0)
    if "contains" not in options:
        association_rules(sets)  # every part is counted


def test_top_k_with_weights():
    weight = RNG.random(60)
    sets = frequent_itemsets(ROWS, top_k=5, sample_weight=weight)
    naive_weight = {s: weight[[s <= row for row in ROWS]].sum() for s in naive(ROWS, 1)}
    best = sorted(naive_weight.values(), reverse=True)[:5]
    assert sets.count.tolist() == pytest.approx(best)


@pytest.mark.parametrize("wide", [False, True], ids=["masks", "lists"])
@pytest.mark.parametrize("least", [2, 6])
def test_generalised_sets_are_those_of_the_extended_baskets_without_ancestors(least, wide):
    above = {0: {100, 300}, 1: {100, 300}, 2: {100, 200, 300}, 3: {200}, 100: {300}}
    extended = [row.union(*(above.get(item, set()) for item in row)) for row in ROWS]
    rows = ROWS + ([{1000 + j} for j in range(70)] * 20 if wide else [])
    expected = {s: c for s, c in naive(extended, least).items() if not any(b in above.get(a, ()) for a in s for b in s)}
    sets = frequent_itemsets(rows, min_count=least, taxonomy=FAMILIES)
    found = {s: c for s, c in counted(sets).items() if max(s) < 1000}
    assert found == expected
    rules = association_rules(sets)
    assert all(
        not (set(rule.consequent) & {f for item in rule.antecedent for f in above.get(item, ())})
        for rule in rules[:200]
    )
    with_item = counted(frequent_itemsets(rows, min_count=least, taxonomy=FAMILIES, contains=[0]))
    assert with_item == {s: c for s, c in expected.items() if 0 in s}


def test_a_family_may_be_held_by_its_own_name():
    sets = frequent_itemsets([["tv"], ["sport"], ["voice"]], min_count=2, taxonomy={"sport": "tv"})
    assert counted(sets) == {frozenset(["tv"]): 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frequent_itemsets(ROWS, min_count=2, taxonomy={0: 1, 1: 2, 2: 0}), "circle: 0 -> 1 -> 2 -> 0"),
        (lambda: frequent_itemsets(ROWS, min_count=2, taxonomy={0: 0}), "circle: 0 -> 0"),
        (lambda: frequent_itemsets(ROWS, min_count=2, taxonomy=["a"]), "taxonomy must map"),
        (lambda: frequent_itemsets(ROWS, min_count=2, contains=[99]), "no basket holds the item 99"),
        (lambda: frequent_itemsets(ROWS, min_count=2, without=["x"]), "no basket holds the item 'x'"),
        (lambda: frequent_itemsets(ROWS, min_count=2, contains=[1], without=[1]), "no set can meet both"),
        (lambda: frequent_itemsets(ROWS, min_count=2, contains="1"), "bare text"),
        (lambda: frequent_itemsets(ROWS, min_count=2, contains=[0, 100], taxonomy=FAMILIES), "leave the family out"),
        (lambda: frequent_itemsets(ROWS, min_count=2, contains=[1], kind="generators"), "generators are judged"),
        (lambda: frequent_itemsets(ROWS, top_k=3, kind="maximal"), "depend on the threshold"),
        (lambda: frequent_itemsets(ROWS, top_k=0), "top_k must be >= 1"),
        (lambda: frequent_itemsets(ROWS, top_k=3, min_count=2), "give one of"),
        (lambda: frequent_itemsets(ROWS, min_count=2, min_length=3, max_length=2), "max_length must be >= 3"),
        (lambda: frequent_itemsets(ROWS, top_k=300, max_itemsets=50), "give max_length"),
        (lambda: frequent_itemsets(ROWS, min_count=1, max_itemsets=100), r"min_count=\d+ gives \d+"),
        (lambda: frequent_itemsets(ROWS, min_support=0.02, max_itemsets=100), r"min_support=[.\d]+ gives \d+"),
        (lambda: estimate_itemsets(ROWS), "give one of"),
    ],
)
def test_bad_conditions_are_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("least", [2, 5, 12])
def test_the_estimate_of_the_size_holds_the_truth(least):
    truth = len(frequent_itemsets(ROWS, min_count=least))
    size = estimate_itemsets(ROWS, min_count=least, walks=2000, random_state=3)
    assert abs(size.itemsets - truth) < 4 * size.std_error + 1e-9
    assert size.std_error < 0.2 * truth
    assert size.memory_mb == pytest.approx(32 * size.itemsets / 2**20)
    short = estimate_itemsets(ROWS, min_count=least, max_length=2, walks=2000, random_state=3)
    assert (
        abs(short.itemsets - len(frequent_itemsets(ROWS, min_count=least, max_length=2))) < 4 * short.std_error + 1e-9
    )


def test_the_estimate_where_nothing_is_frequent():
    assert estimate_itemsets(ROWS, min_count=61, random_state=0).itemsets == 0


def test_masks_are_baskets():
    masks = [sum(1 << item for item in row) for row in ROWS]
    ours, lists = Baskets.from_masks(masks, items=range(9)), Baskets.from_lists(ROWS)
    assert counted(frequent_itemsets(ours, min_count=3)) == counted(frequent_itemsets(lists, min_count=3))
    named = Baskets.from_masks([1 << 63, 3], items=[f"s{j:02d}" for j in range(64)], counts=[5, 2])
    assert counted(frequent_itemsets(named, min_count=2))[frozenset(["s63"])] == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Baskets.from_masks([1, -1], items=["a"]), "masks must be >= 0"),
        (lambda: Baskets.from_masks([1, 2], items=["a"]), "use the bits of the 1 items only"),
        (lambda: Baskets.from_masks([0.5], items=["a"]), "whole numbers in one dimension"),
        (lambda: Baskets.from_masks([1], items=range(65)), "at most 64 items"),
        (lambda: Baskets.from_masks([1, 1], items=["a"], counts=[1.5, 1]), "be whole numbers"),
        (lambda: Baskets.from_masks([1], items=["a", "a"]), "items must differ"),
        (lambda: Baskets.from_masks([], items=["a"]), "masks must be whole numbers"),
        (lambda: Baskets.from_masks(np.zeros(0, dtype=int), items=["a"]), "no baskets"),
    ],
)
def test_bad_masks_are_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()
