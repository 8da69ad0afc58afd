"""Sets by money: the reference of SPMF's EFIM, and everything counted by hand on random baskets."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval import InputError
from custval.assoc import association_rules, frequent_itemsets, rules_by_margin, utility_itemsets


@pytest.fixture(scope="module")
def telecom(shared):
    folder = shared / "reference" / "assoc_data"
    lines = (folder / "telecom5k.baskets.tsv").read_text(encoding="utf-8").splitlines()
    margin = json.loads((folder / "telecom5k.margin.json").read_text(encoding="utf-8"))
    return [line.split("\t")[1:] for line in lines], margin


def test_the_sets_of_efim(telecom, reference):
    rows, margin = telecom
    case = reference("assoc")["telecom5k"]["utility"]
    for expected in case["sets"]:
        found = utility_itemsets(rows, margin, min_utility=expected["min_utility"])
        by_length = {str(k): int(v) for k, v in enumerate(np.bincount(found.length)) if v}
        assert (found.total, len(found), by_length) == (case["total"], expected["n"], expected["by_len"])
        assert found.utility.sum() == pytest.approx(expected["sum_utility"], rel=1e-9)


def naive(rows, margin, least, average):
    items = sorted({item for row in rows for item in row})
    found = {}
    for size in range(1, len(items) + 1):
        for held in combinations(items, size):
            money = sum(sum(row[i] * margin[i] for i in held) for row in rows if set(held) <= set(row))
            if money / (size if average else 1) >= least:
                found[held] = money
    return found


bases = st.lists(st.dictionaries(st.integers(0, 5), st.integers(1, 3), max_size=5), min_size=1, max_size=12).filter(any)
margins = st.lists(st.integers(-4, 6), min_size=6, max_size=6)


@settings(max_examples=80, deadline=None)
@given(bases, margins, st.integers(1, 25), st.booleans())
def test_every_set_is_found_with_quantities_and_negative_margins(rows, prices, least, average):
    margin = dict(enumerate(prices))
    table = {
        "subscriber_id": [i for i, row in enumerate(rows) for _ in row],
        "item": [item for row in rows for item in row],
        "quantity": [float(row[item]) for row in rows for item in row],
    }
    found = utility_itemsets(table, margin, min_utility=least, quantity="quantity", average=average)
    assert dict(zip(found, found.utility.tolist(), strict=True)) == naive(rows, margin, least, average)
    ones = [dict.fromkeys(row, 1) for row in rows]
    found = utility_itemsets([set(row) for row in rows], margin, min_utility=least, average=average)
    assert dict(zip(found, found.utility.tolist(), strict=True)) == naive(ones, margin, least, average)
    count = {held: sum(set(held) <= set(row) for row in rows) for held in found}
    assert found.count.tolist() == list(count.values())


def test_rows_that_come_twice_add_up_and_zero_units_are_none():
    table = {"subscriber_id": [1, 1, 1, 2], "item": ["a", "a", "b", "a"], "quantity": [1.0, 2.0, 0.0, 1.0]}
    found = utility_itemsets(table, {"a": 2.0, "b": 100.0}, min_utility=1, quantity="quantity")
    assert list(found) == [("a",)]
    assert found.utility.tolist() == [8.0]


def test_most_money_first_and_limits():
    rows = [{"a", "b"}] * 4 + [{"a", "b", "c"}] * 2
    found = utility_itemsets(rows, {"a": 1.0, "b": 2.0, "c": 5.0}, min_utility=1)
    assert np.all(np.diff(found.utility) <= 0)
    short = utility_itemsets(rows, {"a": 1.0, "b": 2.0, "c": 5.0}, min_utility=1, max_length=1)
    assert set(short) == {("a",), ("b",), ("c",)}
    frame = found.to_frame(separator="+")
    assert frame["itemset"][0] == "+".join(found[0])
    assert frame["average_utility"][0] == found.utility[0] / found.length[0]
    assert len(found[found.utility > 10]) < len(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: utility_itemsets([{"a"}], {}, min_utility=1), r"margin lacks 1 of 1 items \(first: 'a'\)"),
        (lambda: utility_itemsets([{"a"}], [1], min_utility=1), "margin must map"),
        (lambda: utility_itemsets([{"a"}], {"a": float("nan")}, min_utility=1), "margin must be finite"),
        (lambda: utility_itemsets([{"a"}], {"a": 1.0}, min_utility=0), "min_utility must be > 0"),
        (
            lambda: utility_itemsets(
                {"subscriber_id": [1], "item": ["a"], "units": [-1.0]}, {"a": 1.0}, min_utility=1, quantity="units"
            ),
            "units must be >= 0",
        ),
        (
            lambda: utility_itemsets([set("abcdef")], dict.fromkeys("abcdef", 1.0), min_utility=1, max_itemsets=9),
            "max_itemsets=9",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_rules_by_margin_multiply_confidence_and_money():
    rows = [{"sim", "tv"}] * 30 + [{"sim"}] * 20 + [{"tv"}] * 10
    rules = association_rules(frequent_itemsets(rows, min_count=2))
    ranked = rules_by_margin(rules, {"sim": -1.0, "tv": 8.0}, contact_cost=0.5)
    assert [rule.consequent for rule in ranked.rules] == [("tv",), ("sim",)]
    assert ranked.expected_margin.tolist() == pytest.approx([0.6 * 8 - 0.5, -0.75 - 0.5])
    assert ranked.reachable.tolist() == [20, 10]
    assert ranked.total.tolist() == pytest.approx((ranked.expected_margin * ranked.reachable).tolist())
    assert np.all((ranked.lower <= ranked.expected_margin) & (ranked.expected_margin <= ranked.upper))
    lower, _ = rules.interval("confidence")
    place = [rule.consequent for rule in rules].index(("tv",))
    assert ranked.lower[0] == pytest.approx(lower[place] * 8 - 0.5)
    assert ranked.to_frame(separator="+")["consequent"].tolist() == ["tv", "sim"]
    with pytest.raises(InputError, match="contact_cost must be >= 0"):
        rules_by_margin(rules, {"sim": 1, "tv": 1}, contact_cost=-1)
