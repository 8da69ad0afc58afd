"""Orders of adoption by counting, weights by age, rates after removals against SciPy, and no false alarms."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.assoc import adoption_order, frequent_itemsets, recency_weights, removal_rates


def test_the_order_of_each_pair_and_its_sign_test():
    from scipy.stats import binomtest, false_discovery_control

    rng = np.random.default_rng(0)
    rows = []
    for i in range(80):
        times = {"sim": rng.uniform(0, 5), "tv": rng.uniform(3, 9), "net": rng.uniform(0, 9)}
        rows += [(i, item, when) for item, when in times.items() if rng.random() < 0.8]
    table = {name: [row[j] for row in rows] for j, name in enumerate(("subscriber_id", "item", "time"))}
    found = adoption_order(table)
    first = {}
    for who, item, when in rows:
        first.setdefault(who, {})[item] = when
    for one, two, both, share, gap, p in zip(
        found.first, found.second, found.both, found.first_share, found.median_gap, found.p_value, strict=True
    ):
        gaps = np.array([held[two] - held[one] for held in first.values() if {one, two} <= held.keys()])
        assert both == len(gaps)
        assert share == np.mean(gaps > 0)
        assert gap == np.median(gaps[gaps > 0])
        assert p == pytest.approx(binomtest(int((gaps > 0).sum()), len(gaps)).pvalue)
    assert found.p_adjusted.tolist() == pytest.approx(false_discovery_control(found.p_value).tolist())
    assert (found.first[0], found.second[0]) == ("sim", "tv")
    assert len(found.to_frame()) == 3


def test_items_taken_at_once_have_no_order():
    found = adoption_order([[{"a", "b"}], ["a", "b"]])
    assert found.both.tolist() == [1]
    assert len(adoption_order([["a"]]).both) == 0


def test_weights_by_age_make_supports_of_today():
    weight = recency_weights([0, 0, 12, 12], half_life=6)
    sets = frequent_itemsets([{"new"}, {"new"}, {"old"}, {"old"}], min_support=0.1, sample_weight=weight)
    assert dict(zip(sets, sets.support.round(2).tolist(), strict=True)) == {("old",): 0.2, ("new",): 0.8}
    with pytest.raises(InputError, match="age must be >= 0"):
        recency_weights([-1], half_life=6)
    with pytest.raises(InputError, match="half_life must be > 0"):
        recency_weights([1], half_life=0)


def world(seed, effect, n=400):
    rng = np.random.default_rng(seed)
    drop = np.where(rng.random(n) < 0.4, rng.uniform(0, 20, n), np.inf)
    before = rng.exponential(40, n)
    after = drop + rng.exponential(40 / effect, n)
    leave = np.where(before < drop, before, after)
    end = np.minimum(leave, 24.0)
    cause = np.where(leave < 24, np.where(rng.random(n) < 0.5, "price", "moved"), None)
    dropped = np.flatnonzero(drop < end)
    removed = {"subscriber_id": dropped, "item": np.full(len(dropped), "tv"), "time": drop[dropped]}
    return removed, {"subscriber_id": np.arange(n), "start": np.zeros(n), "end": end, "cause": cause}


def test_rates_by_hand_and_the_exact_test():
    from scipy.stats import binom

    removed, stays = world(1, 3.0)
    found = removal_rates(removed, stays, window=6.0)
    moment = dict(zip(removed["subscriber_id"].tolist(), removed["time"].tolist(), strict=True))
    for cause in ("price", "moved"):
        row = found.cause.index(cause)
        exposure, inside = 0.0, 0
        for who, end, why in zip(stays["subscriber_id"].tolist(), stays["end"], stays["cause"], strict=True):
            if who in moment:
                exposure += min(end, moment[who] + 6) - moment[who]
                inside += why == cause and end <= moment[who] + 6
        whole = int((stays["cause"] == cause).sum())
        rest = stays["end"].sum() - exposure
        assert found.exposure[row] == pytest.approx(exposure)
        assert (found.departures[row], found.other_departures[row]) == (inside, whole - inside)
        assert found.ratio[row] == pytest.approx(inside / exposure / ((whole - inside) / rest))
        assert found.p_value[row] == pytest.approx(binom.sf(inside - 1, whole, exposure / (exposure + rest)))
        assert found.lower[row] < found.ratio[row] < found.upper[row]


def test_the_interval_covers_and_no_effect_gives_no_alarm():
    covered = {1.0: 0, 2.5: 0}
    alarms = 0
    for effect in covered:
        for seed in range(60):
            removed, stays = world(seed, effect, n=200)
            stays["cause"] = np.where(stays["end"] < 24, "left", None)
            found = removal_rates(removed, stays, window=50.0)
            covered[effect] += found.lower[0] <= effect <= found.upper[0]
            alarms += effect == 1.0 and found.p_value[0] <= 0.05
    assert min(covered.values()) >= 52  # binomial(60, .95): P(< 52) < .01, and exact intervals are wide
    assert alarms <= 9


def test_windows_that_overlap_count_once():
    removed = {"subscriber_id": [1, 1], "item": ["tv", "tv"], "time": [2.0, 4.0]}
    stays = {"subscriber_id": [1, 2], "start": [0.0, 0.0], "end": [5.0, 10.0], "cause": ["price", None]}
    found = removal_rates(removed, stays, window=3.0)
    assert found.exposure.tolist() == [3.0]
    assert found.other_exposure.tolist() == [12.0]
    assert found.ratio.tolist() == [np.inf]
    assert found.to_frame()["ratio"].tolist() == ["inf"]


STAYS = {"subscriber_id": [1], "start": [0.0], "end": [5.0], "cause": ["price"]}
GONE = {"subscriber_id": [1], "item": ["tv"], "time": [2.0]}


@pytest.mark.parametrize(
    ("removed", "stays", "message"),
    [
        (GONE, STAYS | {"end": [-1.0]}, "end must not lie before start but 1 rows"),
        (GONE, STAYS | {"cause": [None]}, "nobody left"),
        (GONE | {"subscriber_id": [9]}, STAYS, "1 of 1 customers who dropped an item have no row"),
        (GONE | {"time": [9.0]}, STAYS, "1 removals lie outside the stay"),
        (GONE, {name: values * 2 for name, values in STAYS.items()}, "each customer needs one stay"),
    ],
)
def test_bad_tables_are_refused_in_words(removed, stays, message):
    with pytest.raises(InputError, match=message):
        removal_rates(removed, stays, window=1.0)
