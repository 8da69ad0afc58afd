"""Counting inside the engine gives what fetching the table gives."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from custval import InputError
from custval.assoc import Baskets, frequent_itemsets, pair_counts

RNG = np.random.default_rng(2)
HELD = RNG.random((300, 60)) < 0.1
OWNER, CODE = np.nonzero(HELD)
TABLE = {
    "subscriber_id": np.append(OWNER, OWNER[:9]),
    "item": np.array([f"s{j:02d}" for j in range(60)])[np.append(CODE, CODE[:9])],
}


def kinds():
    def pandas():
        pd = pytest.importorskip("pandas")
        return pd.DataFrame(TABLE)

    def duckdb():
        engine, frame = pytest.importorskip("duckdb"), pandas()
        return engine.from_df(frame)

    def polars():
        return pytest.importorskip("polars").DataFrame(TABLE)

    def lazy():
        return polars().lazy()

    def arrow():
        return pytest.importorskip("pyarrow").table(TABLE)

    return [pandas, duckdb, polars, lazy, arrow, lambda: dict(TABLE)]


@pytest.mark.parametrize("make", kinds(), ids=["pandas", "duckdb", "polars", "lazy", "arrow", "mapping"])
def test_every_kind_of_long_table_gives_the_same_baskets(make):
    expected = Baskets.from_lists([np.flatnonzero(row).tolist() for row in HELD] + [[]] * 3)
    baskets = Baskets.from_long(make(), n_customers=303)
    names = [int(label[1:]) for label in baskets.items]
    assert names == list(expected.items)
    assert np.array_equal(baskets.masks, expected.masks)
    assert np.array_equal(baskets.counts, expected.counts)
    assert len(frequent_itemsets(make(), min_count=5)) == len(frequent_itemsets(expected, min_count=5))


@pytest.mark.parametrize("make", kinds(), ids=["pandas", "duckdb", "polars", "lazy", "arrow", "mapping"])
def test_pair_counts_by_one_group_by(make):
    pairs = pair_counts(make(), n_customers=400)
    assert np.array_equal(pairs.counts, HELD.astype(int).T @ HELD.astype(int))
    assert pairs.n == 400
    table = pairs.to_frame()
    assert len(table) == 60 * 59 // 2
    top = table.iloc[0]
    one, two = int(top["item"][1:]), int(top["other"][1:])
    both, single = HELD[:, [one, two]].all(axis=1).sum(), HELD[:, [one, two]].sum(axis=0)
    assert (top["count"], top["lift"]) == (both, pytest.approx(both * 400 / single.prod()))


def test_more_than_one_word_of_items_in_an_engine():
    polars = pytest.importorskip("polars")
    rows = [(i, f"x{j:03d}") for i, pair in enumerate(combinations(range(0, 130, 13), 2)) for j in pair]
    frame = polars.DataFrame({"subscriber_id": [a for a, _ in rows], "item": [b for _, b in rows]})
    ours, theirs = Baskets.from_long(frame.lazy()), Baskets.from_long(frame)
    assert ours.items == theirs.items
    assert sorted(ours.to_frame()["basket"]) == sorted(theirs.to_frame()["basket"])


def test_dense_and_sparse_one_hot_frames():
    pd, sparse = pytest.importorskip("pandas"), pytest.importorskip("scipy.sparse")
    expected = Baskets.from_matrix(HELD)
    names = [f"s{j:02d}" for j in range(60)]
    frames = [
        pd.DataFrame(HELD, columns=names),
        pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(HELD.astype(np.int8)), columns=names),
        sparse.csr_array(HELD),
        sparse.csc_matrix(HELD.astype(float)),
    ]
    for frame in frames:
        assert np.array_equal(Baskets.from_matrix(frame).masks, expected.masks)
        assert len(frequent_itemsets(frame, min_count=4)) == len(frequent_itemsets(expected, min_count=4))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"customer": "who"}, "there is no column 'who'"),
        ({}, {"n_customers": 1}, "n_customers is 1 but the table holds"),
        ({"item": [None] + ["a"] * 8}, {}, "item must not be missing but 1 of 9 rows"),
        ({"subscriber_id": [None] + [1] * 8}, {}, "subscriber_id must not be missing but 1 of 9 rows"),
    ],
)
@pytest.mark.parametrize("count", [pair_counts, Baskets.from_long])
def test_bad_tables_are_refused_before_anything_is_fetched(change, options, message, count):
    polars = pytest.importorskip("polars")
    columns = {name: values[:9].tolist() for name, values in TABLE.items()} | change
    with pytest.raises(InputError, match=message):
        count(polars.DataFrame(columns).lazy(), **options)


def test_an_engine_is_not_asked_for_thousands_of_items():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"subscriber_id": list(range(500)), "item": list(range(500))})
    with pytest.raises(InputError, match="at most 400"):
        Baskets.from_long(frame.lazy())
    with pytest.raises(InputError, match="no baskets"):
        pair_counts(frame.head(0))
