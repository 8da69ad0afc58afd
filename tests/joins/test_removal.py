"""Hazard ratios of holding and having dropped an item: planted ones are found, rows are cut where states change."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval._joins.removal import _rows, _Stays
from custval.assoc import item_hazards


def world(seed, held=1.0, dropped=1.0, n=1500):
    """Customers who add an item, may drop it, and leave at rates that depend on it."""
    rng = np.random.default_rng(seed)
    added = np.where(rng.random(n) < 0.6, rng.uniform(0, 6, n), np.inf)
    removed = added + rng.exponential(10, n)
    rate = 0.04
    leave = rng.exponential(1 / rate, n)
    second = added + rng.exponential(1 / (rate * held), n)
    third = removed + rng.exponential(1 / (rate * dropped), n)
    leave = np.where(leave < added, leave, np.where(second < removed, second, third))
    end = np.minimum(leave, 24.0)
    took = np.flatnonzero(added < end)
    begin = rng.uniform(0, 5, n)  # calendar time of joining
    stays = {
        "subscriber_id": np.arange(n),
        "start": begin,
        "end": begin + end,
        "cause": np.where(leave < 24, np.where(rng.random(n) < 0.7, "price", "moved"), None),
    }
    gone = [float(begin[i] + removed[i]) if removed[i] < end[i] else None for i in took]
    return {
        "subscriber_id": took,
        "item": ["tv"] * len(took),
        "added": begin[took] + added[took],
        "removed": gone,
    }, stays


def test_planted_ratios_are_covered():
    covered = {"held": 0, "dropped": 0}
    for seed in range(30):
        found = item_hazards(*world(seed, held=0.5, dropped=2.5))
        for state, truth in (("held", 0.5), ("dropped", 2.5)):
            row = found.state.index(state)
            covered[state] += found.lower[row] <= truth <= found.upper[row]
    assert min(covered.values()) >= 24  # binomial(30, .95): P(< 24) < .001


def test_against_a_cox_model_of_rows_cut_by_hand():
    from custval.survival import CoxPH, survival_target

    holdings, stays = world(3, held=0.5, dropped=2.0, n=300)
    spell = {
        who: (a, r) for who, a, r in zip(*(holdings[k] for k in ("subscriber_id", "added", "removed")), strict=True)
    }
    rows = []
    for who in range(300):
        start, end, left = stays["start"][who], stays["end"][who], stays["cause"][who] is not None
        added, removed = spell.get(who, (np.inf, None))
        cuts = [start, *(t for t in (added, removed) if t is not None and start < t < end), end]
        for a, b in pairwise(cuts):
            held = a >= added and (removed is None or a < removed)
            dropped = removed is not None and a >= removed
            rows.append((who, a - start, b - start, held, dropped, left and b == end))
    table = np.array(rows, dtype=float)
    y = survival_target(table[:, 2], table[:, 5].astype(int), entry=table[:, 1])
    model = CoxPH().fit({"held": table[:, 3], "dropped": table[:, 4]}, y, cluster=table[:, 0])
    found = item_hazards(holdings, stays)
    for state, coef, error in zip(("held", "dropped"), model.coef_, model.robust_std_error_, strict=True):
        row = found.state.index(state)
        assert found.hazard_ratio[row] == pytest.approx(np.exp(coef), rel=1e-6)
        assert np.log(found.upper[row] / found.lower[row]) == pytest.approx(2 * 1.959964 * error, rel=1e-5)
    assert found.departures.sum() == table[(table[:, 3] + table[:, 4] > 0), 5].sum()
    assert len(found.to_frame()) == 2


def test_rows_of_an_item_added_twice_and_a_window():
    base = _Stays(
        {"subscriber_id": [7], "start": [10.0], "end": [30.0], "cause": ["x"]},
        ("subscriber_id", "start", "end", "cause"),
        None,
    )
    spells = (np.array([0, 0]), np.array([12.0, 18.0]), np.array([15.0, 20.0]))
    _, entry, leave, state, event = _rows(base, spells, 4.0)
    assert list(zip(entry.tolist(), leave.tolist(), state.tolist(), event.tolist(), strict=True)) == [
        (0.0, 2.0, 0, False),
        (2.0, 5.0, 1, False),
        (5.0, 8.0, 2, False),
        (8.0, 10.0, 1, False),
        (10.0, 14.0, 2, False),
        (14.0, 20.0, 0, True),
    ]


def test_an_item_removed_on_the_day_of_leaving_was_held_until_then():
    base = _Stays(
        {"subscriber_id": [7], "start": [0.0], "end": [9.0], "cause": ["x"]},
        ("subscriber_id", "start", "end", "cause"),
        None,
    )
    _, _, _, state, event = _rows(base, (np.array([0]), np.array([2.0]), np.array([9.0])), np.inf)
    assert state.tolist() == [0, 1]
    assert event.tolist() == [False, True]


def test_one_cause_and_rare_items():
    holdings, stays = world(1)
    price = item_hazards(holdings, stays, causes=["price"])
    every = item_hazards(holdings, stays)
    assert price.departures.sum() < every.departures.sum()
    with pytest.warns(DataWarning, match="no item has 100000 departures"):
        assert not item_hazards(holdings, stays, min_departures=100_000).item


STAYS = {"subscriber_id": [1], "start": [0.0], "end": [5.0], "cause": ["price"]}
HELD = {"subscriber_id": [1], "item": ["tv"], "added": [1.0], "removed": [2.0]}


@pytest.mark.parametrize(
    ("holdings", "stays", "options", "message"),
    [
        (HELD, STAYS | {"end": [0.0]}, {}, "end must lie after start"),
        (HELD | {"subscriber_id": [2]}, STAYS, {}, "1 of 1 rows of holdings are of customers without a row"),
        (HELD, STAYS, {"items": ["net"]}, "nobody holds the item 'net'"),
        (HELD, STAYS, {"causes": ["fraud"]}, "nobody left for 'fraud'"),
        (HELD, {name: values * 2 for name, values in STAYS.items()}, {}, "each customer needs one stay"),
        (HELD, STAYS, {"window": 0.0}, "window must be > 0"),
    ],
)
def test_bad_tables_are_refused_in_words(holdings, stays, options, message):
    with pytest.raises(InputError, match=message):
        item_hazards(holdings, stays, **options)
