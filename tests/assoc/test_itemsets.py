"""Looking at the itemsets found."""

from __future__ import annotations

import json

import pytest

from custval import InputError
from custval.assoc import frequent_itemsets

SETS = frequent_itemsets([{"tv", "voice"}, {"voice"}, {"tv", "voice", "cloud"}, set()], min_count=1)


def test_columns_and_decoding_agree():
    assert len(SETS) == len(list(SETS)) == 7
    assert [SETS[i] for i in range(7)] == list(SETS)
    assert [len(held) for held in SETS] == SETS.length.tolist()
    assert SETS.support.tolist() == [count / 4 for count in SETS.count.tolist()]
    frame = SETS.to_frame()
    assert list(frame.columns) == ["itemset", "length", "count", "support"]
    assert list(frame["itemset"]) == list(SETS)
    assert list(SETS.to_frame(separator=" + ")["itemset"])[-1] == " + ".join(SETS[-1])


def test_filters():
    assert set(SETS.where(contains=["tv"], without=["cloud"])) == {("tv",), ("tv", "voice")}
    assert set(SETS.where(min_support=0.5, min_length=2)) == {("tv", "voice")}
    assert SETS.where(max_length=1).length.tolist() == [1, 1, 1]
    assert list(SETS[:2]) == list(SETS)[:2]
    assert SETS.sort_by("count")[0] == ("voice",)
    assert SETS.sort_by("length", descending=False).length.tolist() == sorted(SETS.length)


def test_counts_of_a_set_in_any_order():
    assert SETS.count_of(["voice", "tv"]) == 2
    assert SETS.count_of([]) == 4
    assert frequent_itemsets([{"a"}, {"b"}], min_count=1).count_of(["a", "b"]) == 0


def test_results_are_read_only_and_json():
    with pytest.raises(ValueError, match="read-only"):
        SETS.count[0] = 9
    with pytest.raises(ValueError, match="read-only"):
        SETS.tree.count[0] = 9
    told = json.loads(json.dumps(SETS.to_dict()))
    assert (told["n"], told["itemsets"][0]) == (4, list(SETS[0]))
    assert "<table" in SETS._repr_html_()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SETS.where(contains=["tvv"]), r"no basket holds the item 'tvv' \(did you mean 'tv'\?\)"),
        (lambda: SETS.where(contains="tv"), r"contains must be a list of items, not the bare text 'tv'"),
        (lambda: SETS.count_of("tv"), r"items must be a list"),
        (lambda: SETS.sort_by("name"), "key must be one of"),
    ],
)
def test_bad_questions_are_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()
