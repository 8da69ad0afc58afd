"""Count tables against the truth of a world and plain Python, on every engine."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.cdr import basket_counts, purchase_counts, score_counts, tenure_counts
from custval.survival import DiscreteHazard
from custval.synth import TelecomWorld

ENGINES = ("duckdb", "polars", "pandas")


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=3000, months=8, seed=4, records_per_subscriber_month=0).simulate()


@pytest.fixture(scope="module")
def prepaid():
    return TelecomWorld(
        n_subscribers=900, months=8, seed=4, scenario="prepaid market", records_per_subscriber_month=0
    ).simulate()


@pytest.mark.parametrize("engine", ENGINES)
def test_at_risk_and_exits_are_those_of_the_truth(world, engine):
    pytest.importorskip(engine)
    counts = tenure_counts(world, since=world.month_end(0), until=world.month_end(8), by=["contract"], engine=engine)
    people, truth = world.tables["subscribers"], world.truth
    joined = people["activation"].to_numpy().astype("datetime64[M]").astype(int) - 12 * 55 + 1
    who, at = np.nonzero(truth.at_risk)
    expected = Counter(zip((at + 1 - joined[who]).tolist(), people["contract"].to_numpy()[who].tolist(), strict=True))
    made = {(row.tenure, row.contract): row.at_risk for row in counts.itertuples()}
    assert made == expected
    for cause in truth.causes:
        left = world.tables["departures"].query("cause == @cause")
        assert counts.get(f"exits_{cause}", pd.Series(dtype=float)).sum() == len(left)
    model = DiscreteHazard(baseline="constant", l2=1.0).fit_counts(counts)  # few causes have leavers in every cell
    assert model.causes_ == tuple(name.removeprefix("exits_") for name in counts if name.startswith("exits_"))


def test_a_window_inside_sees_only_what_happened_in_it(world):
    counts = tenure_counts(world, since=world.month_end(3), until=world.month_end(6), by=[], engine="pandas")
    assert counts["at_risk"].sum() == world.truth.at_risk[:, 3:6].sum()
    left = world.tables["departures"]["departure_time"]
    exits = counts[[name for name in counts if name.startswith("exits_")]].to_numpy().sum()
    assert exits == ((left > world.month_end(3)) & (left <= world.month_end(6))).sum()


@pytest.mark.parametrize("engine", ENGINES)
def test_histories_of_top_ups_are_counted(prepaid, engine):
    pytest.importorskip(engine)
    until = prepaid.month_end(7)
    counts = purchase_counts(prepaid, until=until, time_unit="day", engine=engine)
    topups = prepaid.tables["topups"].query("event_time <= @until")
    expected: Counter = Counter()
    for _, times in topups.groupby("subscriber_id")["event_time"]:
        days = sorted(set((times // 86_400).tolist()))
        expected[len(days) - 1, days[-1] - days[0], until // 86_400 - days[0]] += 1
    made = {(row.frequency, row.recency, row.age): row.customers for row in counts.itertuples()}
    assert made == expected
    weeks = purchase_counts(prepaid, until=until, engine=engine)
    np.testing.assert_allclose(weeks["age"] * 7, counts["age"])


@pytest.mark.parametrize("engine", ENGINES)
def test_baskets_as_masks(world, engine):
    pytest.importorskip(engine)
    as_of = world.month_end(5)
    counts = basket_counts(world, as_of=as_of, engine=engine)
    held = world.tables["holdings"].query("added <= @as_of and (removed == -1 or removed > @as_of)")
    left = world.tables["departures"].query("departure_time <= @as_of")["subscriber_id"]
    people = world.tables["subscribers"]
    there = set(people["subscriber_id"][people["activation"].astype("int64") <= as_of]) - set(left)
    baskets = {who: frozenset(rows) for who, rows in held.groupby("subscriber_id")["service"]}
    expected = Counter(baskets.get(who, frozenset()) for who in there)
    names = np.array(counts.services, dtype=object)
    made = {frozenset(names[row]): int(n) for row, n in zip(counts.matrix(), counts.customers, strict=True)}
    assert made == expected
    one, two = counts.services.index("sport_tv"), counts.services.index("tv_box")
    assert counts.pairs[one, two] == sum(n for basket, n in expected.items() if {"sport_tv", "tv_box"} <= basket)
    assert counts.customers.sum() == len(there)
    assert counts.to_dict()["services"] == list(counts.services)


def test_more_services_than_bits_are_refused():
    people = pd.DataFrame({"subscriber_id": range(63), "activation": pd.to_datetime(["2020-01-01"] * 63)})
    held = pd.DataFrame(
        {"subscriber_id": range(63), "service": [f"s{i}" for i in range(63)], "added": 0, "removed": -1}
    )
    tables = {"subscribers": people, "holdings": held}
    with pytest.raises(InputError, match="there are 63 services but a mask holds 62"):
        basket_counts(tables, as_of="2025-01-31", engine="pandas")
    counts = basket_counts({**tables, "holdings": held.iloc[:62]}, as_of="2025-01-31", engine="pandas")
    assert sorted(counts.customers.tolist()) == [1] * 63
    assert counts.matrix().sum() == 62


def test_scores_in_bins_add_up_over_parts():
    rng = np.random.default_rng(1)
    scores, left = rng.random(1000), rng.integers(0, 2, 1000)
    whole = score_counts({"p": scores, "y": left}, score="p", outcome="y", bins=20)
    parts = [
        score_counts({"p": scores[s], "y": left[s]}, score="p", outcome="y", bins=20)
        for s in (slice(0, 300), slice(300, None))
    ]
    pd.testing.assert_frame_equal(
        whole[["customers", "outcomes"]], sum(part[["customers", "outcomes"]] for part in parts)
    )
    expected, _ = np.histogram(scores, bins=20, range=(0, 1))
    assert whole["customers"].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda w: tenure_counts(w, since="2025-05-31", until="2025-05-31"),
            "until must be at least one calendar month",
        ),
        (
            lambda w: tenure_counts({"subscribers": w.tables["subscribers"]}, since=0, until="2025-05-31"),
            "'departures' is needed",
        ),
        (lambda w: purchase_counts(w, until="2025-05-31", time_unit="year"), "time_unit must be one of"),
        (lambda w: purchase_counts({"subscribers": w.tables["subscribers"]}, until=0), "'topups' is needed"),
        (lambda w: score_counts({"p": [2.0], "y": [1]}, score="p", outcome="y"), "p must be >= 0 and <= 1"),
        (lambda w: score_counts({"p": [0.5], "y": [0.5]}, score="p", outcome="y"), "y must hold 0 and 1 only"),
        (
            lambda w: tenure_counts(w, since=0, until="2025-05-31", by=["contracts"]),
            "no column 'contracts'|there is no",
        ),
    ],
)
def test_impossible_calls_are_refused(world, call, words):
    with pytest.raises((InputError, KeyError), match=words):
        call(world)
