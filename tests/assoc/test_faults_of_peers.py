"""Faults seen in other libraries, each with a test that fails if it is repeated here."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from custval import InputError
from custval._assoc.fisher import fisher_tails
from custval.assoc import Baskets, Recommender, association_rules, frequent_itemsets


def counted(sets):
    return dict(zip(map(frozenset, sets), sets.count.tolist(), strict=True))


@pytest.mark.parametrize("extra", [0, 70], ids=["masks", "lists"])
def test_sets_of_what_everybody_holds_are_reported(extra):
    # PyFIM leaves out the sets made only of items in every basket
    rows = [{"sim", "voicemail", f"x{j:02d}"} for j in range(max(3, extra))]
    found = counted(frequent_itemsets(rows, min_support=1.0))
    n = len(rows)
    assert found == {frozenset(s): n for s in (["sim"], ["voicemail"], ["sim", "voicemail"])}
    assert list(frequent_itemsets(rows, min_support=1.0, kind="closed")) == [("sim", "voicemail")]
    assert counted(frequent_itemsets(rows, min_support=1.0, top_k=None, contains=["sim"])) == {
        frozenset(["sim"]): n,
        frozenset(["sim", "voicemail"]): n,
    }


def test_closed_sets_come_once_and_keep_every_count():
    # rusket's closed miner returns sets that are not closed, and some of them twice
    rng = np.random.default_rng(0)
    rows = [set(np.flatnonzero(rng.random(14) < 0.6).tolist()) for _ in range(80)]
    everything, closed = (
        counted(frequent_itemsets(rows, min_count=8)),
        frequent_itemsets(rows, min_count=8, kind="closed"),
    )
    assert len(set(closed)) == len(closed)
    known = counted(closed)
    assert all(max(c for other, c in known.items() if held <= other) == count for held, count in everything.items())


def test_measures_follow_their_definitions():
    # arules' casual confidence and support, least contradiction and collective strength do not
    n, a, b, ab = 100.0, 40.0, 30.0, 20.0
    rows = [{"a", "b"}] * 20 + [{"a"}] * 20 + [{"b"}] * 10 + [set()] * 50
    rule = association_rules(frequent_itemsets(rows, min_count=2)).where(antecedent=["a"])
    neither = n - a - b + ab
    chance = (a * b + (n - a) * (n - b)) / n**2
    agree = (ab + neither) / n
    expected = {
        "causal_confidence": (ab / a + neither / (n - b)) / 2,
        "causal_support": (ab + neither) / n,
        "least_contradiction": (ab - (a - ab)) / b,
        "collective_strength": agree / chance * (1 - chance) / (1 - agree),
    }
    for name, value in expected.items():
        assert rule.measure(name)[0] == pytest.approx(value, rel=1e-12), name


def test_nothing_is_nan_where_a_rule_has_no_exception():
    # four measures of arules are nan at confidence 1
    from custval._assoc.measures import MEASURES

    for rows in ([{"a", "b"}] * 5 + [{"b"}] * 5, [{"a", "b"}] * 5, [{"a", "b"}] * 5 + [set()] * 5):
        rules = association_rules(frequent_itemsets(rows, min_count=1))
        for name in (*MEASURES, "hyper_lift", "hyper_confidence", "p_value", "p_adjusted", "improvement"):
            assert not np.isnan(rules.measure(name)).any(), name


def test_many_items_take_the_memory_of_what_is_held():
    # one-hot coding of this table would take 8 GB (mlxtend #948 asks for 899 GiB)
    rng = np.random.default_rng(1)
    owner, item = np.repeat(np.arange(40_000), 4), rng.integers(0, 200_000, 160_000)
    item[::4] = 7
    tracemalloc.start()
    sets = frequent_itemsets({"subscriber_id": owner, "item": item}, min_support=0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counted(sets) == {frozenset([7]): 40_000}
    assert peak < 200 * 2**20


def test_one_basket_is_a_base():
    # mlxtend #1049
    sets = frequent_itemsets([{"sim", "tv"}], min_support=0.5)
    assert len(sets) == 3
    assert len(association_rules(sets)) == 2
    assert Recommender().fit([{"sim", "tv"}]).recommend_one({"sim"}, 1) == [("tv", 1.0)]


def test_a_text_is_no_basket():
    # Efficient-Apriori reads "tv" as the items t and v
    for call in (frequent_itemsets, lambda rows, **_: Recommender().fit([{"a"}]).recommend(rows)):
        with pytest.raises(InputError, match="bare str"):
            call(["tv", "sim"], min_count=1)
    with pytest.raises(InputError, match="bare str"):
        Baskets.from_lists(["tv"])


def test_exact_tests_of_many_tables_take_no_minutes():
    # scipy's hypergeometric tail takes some 200 microseconds for each; a hundred times less is asked for here
    rng = np.random.default_rng(0)
    a, b = rng.integers(100, 20_000, (2, 20_000))
    ab = np.minimum(np.minimum(a, b), (a * b / 100_000 * rng.uniform(0.8, 1.5, 20_000)).astype(np.int64) + 1)
    start = time.process_time()
    fisher_tails(100_000, a, b, ab)
    assert time.process_time() - start < 1.0
