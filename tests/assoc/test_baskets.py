"""Every form in which holdings arrive gives the same baskets, and bad ones are refused in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from custval import InputError
from custval.assoc import Baskets, frequent_itemsets

HELD = [{"tv", "voice"}, {"voice"}, {"voice", "tv"}, {"cloud"}, {"tv", "cloud", "voice"}]
LONG = {
    "subscriber_id": [7, 7, 9, 11, 11, 40, 50, 50, 50],
    "item": ["tv", "voice", "voice", "voice", "tv", "cloud", "cloud", "tv", "voice"],
}
ONE_HOT = pd.DataFrame({item: [item in held for held in HELD] for item in ("voice", "tv", "cloud")})


def as_set(baskets: Baskets) -> dict[tuple[str, ...], float]:
    frame = baskets.to_frame()
    return dict(zip(frame["basket"], frame["count"], strict=True))


EXPECTED = {("tv", "voice"): 2, ("voice",): 1, ("cloud",): 1, ("cloud", "tv", "voice"): 1}


@pytest.mark.parametrize(
    "made",
    [
        lambda: Baskets.from_lists(HELD),
        lambda: Baskets.from_lists([sorted(held) * 2 for held in HELD]),
        lambda: Baskets.from_lists(iter([iter(held) for held in HELD])),
        lambda: Baskets.from_counts(HELD[1:], [1, 2, 1, 1]),
        lambda: Baskets.from_long(LONG),
        lambda: Baskets.from_long(pd.DataFrame(LONG)),
        lambda: Baskets.from_long(pd.DataFrame(LONG).astype({"item": "category"})),
        lambda: Baskets.from_long(pd.concat([pd.DataFrame(LONG)] * 2)),
        lambda: Baskets.from_long(pl.DataFrame(LONG)),
        lambda: Baskets.from_long(pa.table(LONG)),
        lambda: Baskets.from_long(
            {"c": [f"c{i}" for i in LONG["subscriber_id"]], "s": LONG["item"]}, customer="c", item="s"
        ),
        lambda: Baskets.from_long(pd.DataFrame(LONG).astype({"subscriber_id": str})),
        lambda: Baskets.from_long({**LONG, "subscriber_id": [float(i) * 1e9 for i in LONG["subscriber_id"]]}),
        lambda: Baskets.from_matrix(ONE_HOT),
        lambda: Baskets.from_matrix(ONE_HOT.astype(int)),
        lambda: Baskets.from_matrix(pl.from_pandas(ONE_HOT)),
        lambda: Baskets.from_matrix(ONE_HOT.to_numpy(), items=["voice", "tv", "cloud"]),
        lambda: Baskets.from_matrix(sparse.csr_array(ONE_HOT.to_numpy().astype(int)), items=["voice", "tv", "cloud"]),
    ],
)
def test_every_form_gives_the_same_baskets(made):
    assert as_set(made()) == EXPECTED


def test_any_form_may_be_mined_directly():
    expected = dict.fromkeys([("cloud",), ("tv",), ("voice",), ("tv", "voice")])
    for data in (HELD, LONG, pd.DataFrame(LONG), ONE_HOT, Baskets.from_lists(HELD)):
        assert dict.fromkeys(frequent_itemsets(data, min_count=2)) == expected
    assert list(frequent_itemsets(ONE_HOT.to_numpy(), min_count=4)) == [(0,)]


@pytest.mark.parametrize("m", [3, 64, 65, 200])
def test_merging_keeps_every_customer(m):
    rng = np.random.default_rng(m)
    held = rng.random((400, m)) < 2 / m
    baskets = Baskets.from_matrix(held)
    assert baskets.n == 400
    assert baskets.item_counts.tolist() == held.sum(axis=0).tolist()
    assert len(baskets) == len(np.unique(held, axis=0))
    assert (baskets.masks is None) == (m > 64)


def test_empty_baskets_and_customers_without_a_row_count():
    assert frequent_itemsets([{"tv"}, set(), set(), []], min_count=1).support.tolist() == [0.25]
    table = Baskets.from_long({"subscriber_id": [1, 2], "item": ["tv", "tv"]}, n_customers=8)
    assert frequent_itemsets(table, min_count=1).support.tolist() == [0.25]


def test_inputs_are_left_alone():
    frame, held = pd.DataFrame(LONG), [["tv", "tv"]]
    Baskets.from_long(frame)
    Baskets.from_lists(held)
    pd.testing.assert_frame_equal(frame, pd.DataFrame(LONG))
    assert held == [["tv", "tv"]]


def test_a_weight_column_counts_customers_not_rows():
    frame = {"subscriber_id": [1, 1, 2], "item": ["tv", "voice", "tv"], "weight": [2.5, 2.5, 1.5]}
    baskets = Baskets.from_long(frame, sample_weight="weight")
    assert baskets.n == 4.0
    assert dict(zip(baskets.items, baskets.item_counts.tolist(), strict=True)) == {"tv": 4.0, "voice": 2.5}
    assert frequent_itemsets(frame, min_support=0.9, sample_weight="weight").count.tolist() == [4.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Baskets.from_lists([]), "there are no baskets"),
        (lambda: Baskets.from_long({"subscriber_id": [], "item": []}), "there are no baskets"),
        (lambda: Baskets.from_lists([{"tv"}, "tv"]), r"basket 1 is a bare str \('tv'\); put it in a list: \['tv'\]"),
        (lambda: frequent_itemsets("tv", min_count=1), "not a single str"),
        (lambda: Baskets.from_lists([{"tv"}, 3]), "a set, list or tuple of items but basket 1 is 3"),
        (
            lambda: Baskets.from_lists([["tv"], ["voice", float("nan")]]),
            r"items must not be missing but 1 of 3 are \(first: basket 1, value nan\)",
        ),
        (
            lambda: Baskets.from_lists([["tv", None]]),
            r"must not be missing but 1 of 2 are \(first: basket 0, value None",
        ),
        (
            lambda: Baskets.from_lists([["tv"], [7]]),
            r"one type but are of 2: str \(basket 0, value 'tv'\), number \(basket 1, value 7\)",
        ),
        (lambda: Baskets.from_lists([[["tv"]]]), "items must be hashable .* basket 0 holds a list"),
        (
            lambda: Baskets.from_long({"subscriber_id": [1, 2], "item": ["tv", None]}),
            r"must not be missing but 1 of 2 are \(first: basket 1",
        ),
        (
            lambda: Baskets.from_long(pd.DataFrame({"subscriber_id": [1, 2], "item": ["tv", None]})),
            r"item must not be missing but 1 of 2 rows is \(first: row 1\); drop",
        ),
        (
            lambda: Baskets.from_long(pd.DataFrame({"subscriber_id": [1, np.nan], "item": ["tv", "tv"]})),
            r"subscriber_id must not be missing but 1 of 2 rows is \(first: row 1\)",
        ),
        (
            lambda: Baskets.from_long({"subscriber_id": ["a", None], "item": ["tv", "tv"]}),
            r"subscriber_id must not be missing but 1 of 2 rows is \(first: row 1\)",
        ),
        (lambda: Baskets.from_long(LONG, item="itm"), r"no column 'itm' \(did you mean 'item'\?\)"),
        (lambda: Baskets.from_long(LONG, n_customers=2), "n_customers is 2 but the table holds 5 customers"),
        (
            lambda: Baskets.from_long({**LONG, "w": np.ones(9)}, n_customers=9, sample_weight="w"),
            "exclude each other",
        ),
        (
            lambda: Baskets.from_long({**LONG, "w": np.arange(9.0)}, sample_weight="w"),
            "the same in all rows of a customer but 4 of 9 rows are not",
        ),
        (
            lambda: Baskets.from_matrix({"tv": [0, 1, 2]}),
            r"column 'tv' must hold 0 and 1 or False and True but 1 of 3 values are not \(first: row 2, value 2\)",
        ),
        (lambda: Baskets.from_matrix({"tv": [0, np.nan]}), "first: row 1, value nan"),
        (lambda: Baskets.from_matrix({"tv": ["Yes", "No"]}), "first: row 0, value 'Yes'"),
        (lambda: Baskets.from_matrix([0, 1]), "must have 2 dimensions but has 1"),
        (lambda: Baskets.from_matrix(np.zeros((0, 2))), "there are no baskets"),
        (lambda: Baskets.from_matrix([[0, 1]], items=["tv"]), "items has 1 rows but the matrix"),
        (lambda: Baskets.from_matrix([[0, 1]], items=["tv", "tv"]), "only 1 of 2 names do"),
        (lambda: Baskets.from_matrix(sparse.csr_array([[0, 3]])), "first: row 0, value 3"),
        (lambda: frequent_itemsets({"id": [5, 6], "product": ["tv", "tv"]}, min_count=1), r"say Baskets.from_long\("),
        (lambda: Baskets.from_counts([["tv"]], [1.5]), "counts must be whole numbers"),
        (lambda: Baskets.from_counts([["tv"]], [-1]), "must be >= 0"),
        (lambda: Baskets.from_lists([["tv"]], sample_weight=[1, 2]), "sample_weight has 2 rows"),
        (
            lambda: frequent_itemsets(Baskets.from_lists(HELD), min_count=1, sample_weight=[1] * 5),
            "give it where the Baskets are made",
        ),
        (lambda: frequent_itemsets(LONG, min_count=1, sample_weight=[1] * 5), "name a column"),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()
