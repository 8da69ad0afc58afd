"""Recommenders judged by what came after: figures by hand, nothing seen of the future, the better one first."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.assoc import Recommender, compare_recommenders


def world(seed=0, n=500):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        kind = rng.integers(0, 3)
        rows.append((i, "sim", 0.0))
        for a, b in ((("sport", "box"), ("kids", "watch"), ("roam", "insure"))[kind],):
            when = rng.uniform(0, 20)
            rows.append((i, a, when))
            if rng.random() < 0.7:
                rows.append((i, b, when + rng.exponential(6)))
        if rng.random() < 0.3:
            rows.append((i, "music", rng.uniform(0, 36)))
    return {name: [row[j] for row in rows] for j, name in enumerate(("subscriber_id", "item", "time"))}


TABLE = world()


def test_knowing_the_rules_beats_popularity_and_chances_are_fair():
    found = compare_recommenders(TABLE, cut=14.0, horizon=6.0, k=1)
    assert set(found.method) == {"rules", "items", "factors", "popularity"}
    by_name = {name: j for j, name in enumerate(found.method)}
    assert found.hit_rate[by_name["rules"]] > found.hit_rate[by_name["popularity"]] + 0.2
    assert np.all(np.diff(found.hit_rate) <= 0)
    assert 0.6 < found.calibration_ratio[by_name["rules"]] < 1.7
    assert len(found.to_frame()) == 4


def test_figures_by_hand():
    events = {
        "subscriber_id": [1, 1, 2, 2, 3, 3, 4],
        "item": ["a", "b", "a", "b", "a", "c", "a"],
        "time": [0.0, 1.0, 0.0, 9.0, 0.0, 9.0, 0.0],
    }
    # before the cut: b is held by one of four; everybody else is offered b, then c which nobody held is no offer
    found = compare_recommenders(
        events, cut=5.0, horizon=10.0, k=2, methods=["popularity"], margin={"a": 1.0, "b": 2.0, "c": 6.0}
    )
    assert found.takers == 2
    assert found.hit_rate.tolist() == [0.5]
    assert found.ndcg.tolist() == [0.5]
    assert found.margin_captured.tolist() == [0.25]
    assert found.coverage.tolist() == [1 / 3]
    assert found.customers == 4


def test_what_happens_after_the_horizon_changes_nothing():
    later = {
        name: values + extra for (name, values), extra in zip(TABLE.items(), ([0], ["music"], [99.0]), strict=True)
    }
    one = compare_recommenders(TABLE, cut=20.0, horizon=6.0, methods=["rules"])
    two = compare_recommenders(later, cut=20.0, horizon=6.0, methods=["rules"])
    assert one.to_dict() == two.to_dict()


def test_settings_of_ones_own_and_dates():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(TABLE)
    frame["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["time"], unit="D")
    model = Recommender(method="items", neighbours=2)
    found = compare_recommenders(frame, cut=np.datetime64("2026-01-21"), horizon=6.0, methods=[model], k=1)
    plain = compare_recommenders(TABLE, cut=20.0, horizon=6.0, methods=[model], k=1)
    assert found.hit_rate.tolist() == plain.hit_rate.tolist()
    assert "neighbours=2" in found.method[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cut": -1.0}, "nothing was taken before the cut"),
        ({"cut": 500.0}, "nothing new was taken"),
        ({"cut": 20.0, "horizon": 0.0}, "horizon must be > 0"),
        ({"cut": "soon"}, "cut must be a number or a date"),
        ({"cut": 20.0, "methods": ["magic"]}, "method must be one of"),
        ({"cut": 20.0, "margin": {"sim": 1.0}}, "margin lacks"),
    ],
)
def test_bad_input_is_refused_in_words(options, message):
    with pytest.raises(InputError, match=message):
        compare_recommenders(TABLE, **{"horizon": 6.0, **options})
