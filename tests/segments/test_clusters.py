"""Clusters: found in simulation by every method, number by stability, frozen, named, watched; equal to scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import DataWarning, InputError
from custval._segments.mixed import adjusted_rand
from custval.artifact import from_dict, to_dict
from custval.segments import BehaviourClusters

RNG = np.random.default_rng(31)
TRUE = np.repeat([0, 1, 2], [240, 160, 100])
CENTRES = np.array([[100.0, 300.0], [900.0, 40.0], [500.0, 700.0]])
PLANS = np.array(["light", "data", "all-in"])


def base(n=1, rng=RNG, noise=60.0):
    truth = np.tile(TRUE, n)
    use = CENTRES[truth] + rng.normal(0, noise, (len(truth), 2))
    plan = np.where(rng.random(len(truth)) < 0.9, PLANS[truth], PLANS[rng.integers(0, 3, len(truth))])
    return {"data_mb": use[:, 0], "minutes": use[:, 1], "plan": plan}, truth


@pytest.mark.parametrize("method", ["prototypes", "gower", "mixture", "hdbscan"])
def test_every_method_finds_separated_groups(method):
    table, truth = base()
    settings = {"min_cluster_size": 30} if method == "hdbscan" else {"n_clusters": 3, "category_weight": 0.5}
    model = BehaviourClusters(method=method, random_state=0, **settings).fit(table)
    labels = model.predict(table)
    inside = labels >= 0
    assert inside.mean() > 0.7
    assert model.n_clusters_ == 3
    assert adjusted_rand(labels[inside], truth[inside]) > 0.95
    assert model.counts_[:3].tolist() == sorted(model.counts_[:3], reverse=True)
    np.testing.assert_array_equal(np.bincount(labels[inside]), model.counts_[:3])
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))
    new, _ = base(rng=np.random.default_rng(5))
    np.testing.assert_array_equal(again.predict(new), model.predict(new))


def test_the_number_that_comes_back_most_surely_is_chosen():
    table, truth = base()
    model = BehaviourClusters(choices=(2, 3, 4, 5), bootstraps=8, random_state=1).fit(table)
    assert model.n_clusters_ == 3
    assert model.choices_.tolist() == [2, 3, 4, 5]
    assert model.agreement_[1] > 0.97
    assert model.agreement_[2] < 0.95
    assert (model.agreement_std_error_ >= 0).all()
    assert adjusted_rand(model.predict(table), truth) > 0.95


def test_adjusted_rand_is_that_of_scikit_learn():
    from sklearn.metrics import adjusted_rand_score

    for _ in range(5):
        one, two = RNG.integers(0, 4, 200), RNG.integers(0, 3, 200)
        two[:90] = one[:90] % 3
        assert adjusted_rand(one, two) == pytest.approx(adjusted_rand_score(one, two), abs=1e-12)
    assert adjusted_rand(np.zeros(5, dtype=int), np.zeros(5, dtype=int)) == 1.0


def test_with_numbers_alone_prototypes_are_means():
    from sklearn.cluster import KMeans

    table, _ = base()
    numbers = np.column_stack([table["data_mb"], table["minutes"]])
    model = BehaviourClusters(n_clusters=3, random_state=0).fit(numbers)
    z = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    peer = KMeans(3, n_init=5, random_state=0).fit(z)
    assert adjusted_rand(model.predict(numbers), peer.labels_) == 1.0
    assert model.model_["cost"] == pytest.approx(peer.inertia_, rel=1e-6)


def test_profile_and_names():
    table, _ = base()
    model = BehaviourClusters(n_clusters=3, random_state=0).fit(table)
    profile = model.profile(table)
    assert profile.customers.sum() == 500
    for k in range(3):
        mine = model.predict(table) == k
        assert profile.mean[k, 0] == pytest.approx(table["data_mb"][mine].mean())
        level = profile.feature.index("plan=data")
        assert profile.mean[k, level] == pytest.approx((table["plan"][mine] == "data").mean())
    assert len(set(profile.name)) == 3
    assert all(any(word in name for word in ("high", "low", "plan")) for name in profile.name)
    assert set(model.cluster(table)) == set(profile.name)
    assert profile.to_frame().shape == (3, 3 + 5)


def test_drift_is_seen_in_shares_and_in_distances():
    table, truth = base(4)
    model = BehaviourClusters(n_clusters=3, random_state=0).fit(table)
    same, _ = base(4)
    assert model.drift(same).verdict == "stable"
    fewer = {name: values[truth != 2] for name, values in table.items()}
    with pytest.warns(DataWarning, match="population stability index"):
        gone = model.drift(fewer)
    assert gone.shares.verdict == "alarm"
    wider, _ = base(4, noise=110.0)
    with pytest.warns(DataWarning, match="population stability index"):
        spread = model.drift(wider)
    assert spread.shares.verdict == "stable"
    assert spread.distance.verdict == "alarm"
    assert spread.verdict == "alarm"


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_every_kind_of_frame_gives_the_same_and_order_of_columns_is_free(kind):
    table, _ = base()
    model = BehaviourClusters(n_clusters=3, random_state=0).fit(kind(table))
    plain = BehaviourClusters(n_clusters=3, random_state=0).fit(table)
    np.testing.assert_array_equal(model.predict(kind(table)), plain.predict(table))
    turned = kind({name: table[name] for name in ("plan", "minutes", "data_mb")})
    np.testing.assert_array_equal(model.predict(turned), plain.predict(table))
    odd = {**table, "plan": np.full(500, "new plan")}
    assert len(model.predict(kind(odd))) == 500


def test_weights_count():
    table, _ = base()
    weight = RNG.integers(1, 3, 500)
    model = BehaviourClusters(n_clusters=3, random_state=0).fit(table, sample_weight=weight)
    assert model.counts_.sum() == weight.sum()


def test_fewer_distinct_customers_than_clusters():
    with pytest.warns(DataWarning, match=r"3 clusters were asked for, but only 2 have customers"):
        BehaviourClusters(n_clusters=3, random_state=0).fit([[1.0], [1.0], [2.0], [2.0]])
    with pytest.warns(DataWarning, match=r"no cluster is dense enough, so everybody is noise"):
        model = BehaviourClusters(method="hdbscan", random_state=0).fit(RNG.normal(size=(30, 2)))
    assert set(model.predict(RNG.normal(size=(5, 2)))) == {-1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BehaviourClusters(method="k-means").fit([[1.0]]), r"method must be one of 'prototypes'"),
        (lambda: BehaviourClusters(n_clusters=5).fit([[1.0], [2.0]]), r"n_clusters is 5 but X has n_samples=2"),
        (lambda: BehaviourClusters(n_clusters=2.5).fit([[1.0]]), r"n_clusters must be a whole number"),
        (lambda: BehaviourClusters(category_weight=-1).fit([[1.0]]), r"category_weight must be >= 0"),
        (lambda: BehaviourClusters().fit({"a": [1.0, np.nan]}), r"column 'a' must be finite"),
        (lambda: BehaviourClusters().fit({"a": ["x", None]}), r"column 'a' is missing in 1 of 2 rows"),
        (
            lambda: BehaviourClusters(n_clusters=1).fit({"a": [1.0], "p": ["x"]}).predict([[1.0, 2.0]]),
            r"was fitted with the columns of a frame",
        ),
        (lambda: BehaviourClusters(n_clusters=1).fit({"a": [1.0]}).predict({"b": [1.0]}), r"there is no column 'a'"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_column_of_dates_is_no_category():
    table = pd.DataFrame({"joined": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"]), "use": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match="column 'joined' holds times, not behaviour"):
        BehaviourClusters(n_clusters=2).fit(table)
