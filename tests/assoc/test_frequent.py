"""The search for frequent itemsets: thresholds, lengths, kinds, weights, and answers that would be too large."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.assoc import Baskets, frequent_itemsets

HELD = [{"base", "tv", "voice"}, {"base", "tv"}, {"base", "voice"}, {"base"}]


def counted(sets):
    return dict(zip(map(frozenset, sets), sets.count.tolist(), strict=True))


def naive(rows, weights, least):
    """Count every subset of every basket."""
    total: dict[frozenset, float] = {}
    for row, weight in zip(rows, weights, strict=True):
        for size in range(1, len(row) + 1):
            for chosen in combinations(sorted(row), size):
                total[frozenset(chosen)] = total.get(frozenset(chosen), 0) + weight
    return {held: count for held, count in total.items() if count >= least}


def test_items_that_everybody_holds_are_reported():
    sets = frequent_itemsets(HELD, min_support=1.0)
    assert counted(sets) == {frozenset({"base"}): 4}


@pytest.mark.parametrize(("support", "least"), [(0.5, 2), (0.50001, 3), (0.25, 1), (1.0, 4), (1e-9, 1), (0.75, 3)])
def test_the_threshold_is_the_smallest_count_whose_share_reaches_it(support, least):
    assert frequent_itemsets(HELD, min_support=support).min_count == least


def test_the_threshold_is_taken_in_double_precision():
    # 0.07 * 100 is 7.000000000000001, but 7 / 100 >= 0.07
    sets = frequent_itemsets([{"tv"}] * 7 + [set()] * 93, min_support=0.07)
    assert (sets.min_count, len(sets)) == (7, 1)


def test_length_is_limited_and_closedness_is_not_judged_by_the_limit():
    assert max(frequent_itemsets(HELD, min_count=1, max_length=2).length) == 2
    closed = frequent_itemsets(HELD, min_count=1, max_length=2, kind="closed")
    assert set(map(frozenset, closed)) == {frozenset(s) for s in ({"base"}, {"base", "tv"}, {"base", "voice"})}
    maximal = frequent_itemsets(HELD, min_count=1, max_length=2, kind="maximal")
    assert len(maximal) == 0


def test_an_item_held_by_all_is_no_generator():
    found = set(map(frozenset, frequent_itemsets(HELD, min_count=1, kind="generators")))
    assert found == {frozenset(s) for s in ({"tv"}, {"voice"}, {"tv", "voice"})}


@pytest.mark.parametrize("m", [12, 70, 150])
@pytest.mark.parametrize("weighted", [None, "whole", "fractions"])
def test_large_random_bases_against_counting_every_subset(m, weighted):
    rng = np.random.default_rng(m)
    share = rng.uniform(0.5, 4, m) / m
    held = rng.random((3000, m)) < share
    rows = [set(np.flatnonzero(row).tolist()) for row in held]
    weight = {None: np.ones(3000), "whole": rng.integers(0, 9, 3000), "fractions": rng.uniform(0, 3, 3000)}[weighted]
    sets = frequent_itemsets(rows, min_count=12, sample_weight=None if weighted is None else weight)
    expected = naive(rows, weight.tolist(), 12)
    assert counted(sets) == pytest.approx(expected, rel=1e-12)


def test_classes_of_many_distinct_baskets_are_split(monkeypatch):
    import custval._assoc.mining as mining

    rng = np.random.default_rng(3)
    held = rng.random((2000, 20)) < 0.3
    whole = counted(frequent_itemsets(held, min_count=40))
    monkeypatch.setattr(mining, "_SPLIT_BASKETS", 50)
    monkeypatch.setattr(mining, "_PAIR_BYTES", 256)
    monkeypatch.setattr(mining, "_BATCH_BYTES", 1024)
    assert counted(frequent_itemsets(held, min_count=40)) == whole
    assert counted(frequent_itemsets(held, min_count=40, max_length=3)) == {
        s: c for s, c in whole.items() if len(s) <= 3
    }


def test_more_than_64_companions_of_one_item_need_several_words():
    rows = [set(range(100)) - {skip} for skip in range(100)]
    sets = frequent_itemsets(rows, min_count=98, max_length=2)
    assert np.bincount(sets.length).tolist() == [0, 100, 4950]
    assert set(sets.count[sets.length == 2].tolist()) == {98}


def test_counts_of_very_many_customers_are_exact():
    # beyond 2^24 single precision would round
    baskets = Baskets.from_counts([{"a", "b"}, {"a"}, {"b"}, set()], [2**40 + 1, 2**41 + 3, 5, 7])
    sets = frequent_itemsets(baskets, min_count=1)
    expected = {frozenset("a"): 3 * 2**40 + 4, frozenset("b"): 2**40 + 6, frozenset("ab"): 2**40 + 1}
    assert counted(sets) == expected


def test_nothing_frequent_warns_and_gives_an_empty_answer():
    with pytest.warns(DataWarning, match="the commonest item has 1; a min_support of 0.333 or less finds it"):
        sets = frequent_itemsets([{"tv"}, {"voice"}, set()], min_count=2)
    assert len(sets) == 0
    assert list(sets) == []
    assert sets.to_frame().shape == (0, 4)
    with pytest.warns(DataWarning, match="all 2 baskets are empty"):
        assert len(frequent_itemsets([set(), set()], min_support=0.5)) == 0


def test_an_answer_too_large_is_refused_with_a_threshold_that_works():
    rng = np.random.default_rng(0)
    rows = rng.random((500, 30)) < 0.5
    with pytest.raises(InputError, match=r"more than max_itemsets=2000 sets .*; min_count=\d+ gives \d+, or") as caught:
        frequent_itemsets(rows, min_count=2, max_itemsets=2000)
    words = str(caught.value).split("min_count=")[1].split(" gives ")
    least, found = int(words[0]), int(words[1].split(",")[0])
    assert len(frequent_itemsets(rows, min_count=least)) == found <= 200
    with pytest.raises(InputError, match=r"; min_support=0\.\d+ gives \d+"):
        frequent_itemsets(rows, min_support=0.004, max_itemsets=2000)


def test_no_threshold_helps_where_everybody_holds_everything():
    with pytest.raises(InputError, match="no threshold helps, too many items are held by nearly everybody"):
        frequent_itemsets(np.ones((3, 40), dtype=bool), min_count=1, max_itemsets=10_000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one of min_support"),
        ({"min_support": 0.1, "min_count": 1}, "give one of min_support"),
        ({"min_support": 0}, "min_support must be > 0 and <= 1, not 0"),
        ({"min_support": 1.5}, "min_support must be > 0 and <= 1, not 1.5"),
        ({"min_support": "many"}, "min_support must be a number, not 'many'"),
        ({"min_support": float("nan")}, "min_support must be"),
        ({"min_count": 0}, "min_count must be > 0, not 0"),
        ({"min_count": 1, "max_length": 0}, "max_length must be >= 1, not 0"),
        ({"min_count": 1, "max_length": 1.9}, "max_length must be a whole number, not 1.9"),
        ({"min_count": 1, "max_itemsets": 10.5}, "max_itemsets must be a whole number, not 10.5"),
        ({"min_count": 1, "kind": "close"}, r"kind must be one of .* \(did you mean 'closed'\?\)"),
        ({"min_count": 1, "sample_weight": [1, 1, 1, -1]}, "sample_weight must be >= 0 but 1 of 4 rows"),
        ({"min_count": 1, "sample_weight": [0, 0, 0, 0]}, "sample_weight is zero in every row"),
    ],
)
def test_bad_options_are_refused_in_words(options, message):
    with pytest.raises(InputError, match=message):
        frequent_itemsets(HELD, **options)
