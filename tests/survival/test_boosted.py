"""Boosted trees on person-months: against the booster itself, a known truth, the laws of hazards, and bad input."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from custval import DataWarning, InputError, MissingExtraError, NotFittedError
from custval._survival.boosted_fit import Months, hazard_months, incidence_months
from custval._survival.boosted_trees import from_sklearn, log_odds, path_parts, staged
from custval.artifact import save
from custval.metrics import integrated_brier_score
from custval.survival import BoostedHazard, kaplan_meier, survival_target


def world(n=1500, seed=1, entry=False):
    """Two causes; the first depends on a threshold of the fee, and on the plan for high fees only."""
    rng = np.random.default_rng(seed)
    fee, plan = rng.integers(1, 9, n) * 10.0, rng.integers(0, 2, n)
    h1 = np.where(fee > 40, np.where(plan == 1, 0.12, 0.05), 0.02)
    h2 = np.full(n, 0.015)
    T1, T2 = rng.geometric(h1), rng.geometric(h2)
    end = rng.integers(12, 37, n)
    time = np.minimum(np.minimum(T1, T2), end)
    event = np.where(np.minimum(T1, T2) > end, 0, np.where(T1 <= T2, 1, 2))
    since = np.where(rng.random(n) < 0.3, np.minimum(rng.integers(0, 10, n), time - 1), 0) if entry else None
    X = {"fee": fee, "plan": np.where(plan == 1, "new", "old"), "noise": rng.normal(size=n)}
    return X, survival_target(time, event, entry=since, causes=["price", "moved"]), h1, h2


@pytest.fixture(scope="module")
def fitted():
    X, y, *_ = world()
    return BoostedHazard(max_iter=60, random_state=0).fit(X, y)


def test_the_arrays_predict_like_the_booster():
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    table = np.column_stack([rng.integers(1, 25, 3000), rng.normal(size=(3000, 3)), rng.integers(0, 3, 3000)])
    left = (rng.random(3000) < 1 / (1 + np.exp(2 - table[:, 1] * table[:, 0] / 10))).astype(int)
    booster = HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=12, random_state=0).fit(table, left)
    trees = from_sklearn(booster)
    X = rng.normal(size=(200, 4))
    mine = log_odds(trees, X, 24)
    every = np.column_stack([np.tile(np.arange(1, 25), 200), np.repeat(X, 24, axis=0)])
    assert mine.ravel() == pytest.approx(booster.decision_function(every), rel=1e-12, abs=1e-12)
    *_, last = staged(trees, X, 24, [10, 40, 80])
    assert last == pytest.approx(mine, abs=1e-12)
    # the parts of the columns and of the month make up the log odds, but for the mean of the roots
    parts = path_parts(trees, X, 7.0).sum(axis=1)
    assert parts.shape == (200,)
    assert np.corrcoef(parts, mine[:, 6])[0, 1] > 0.95


def test_drawn_months_stand_for_all_months():
    X, y, *_ = world(300, entry=True)
    data = Months(
        np.column_stack([X["fee"]]),
        y["entry"].astype(int),
        y["duration"].astype(int),
        y["event"].astype(int),
        np.ones(300),
        2,
    )
    table, left, weight = hazard_months(data, 1, 4, np.random.default_rng(0))
    months = (data.duration - data.entry - (data.event > 0)).sum()
    assert weight[left == 0].sum() == pytest.approx(months)
    assert left.sum() == (data.event == 1).sum()
    assert len(table) <= 5 * 300
    every, _, ones = hazard_months(data, 1, 1000, np.random.default_rng(0))
    assert (ones == 1).all()
    draws = [hazard_months(data, 1, 4, np.random.default_rng(s)) for s in range(200)]
    mean = np.mean([d[2] @ d[0][:, 0] for d in draws])
    spread = np.std([d[2] @ d[0][:, 0] for d in draws]) / np.sqrt(200)
    assert abs(mean - every[:, 0].sum()) < 4 * spread + 1e-9
    # each customer's months are within their stay
    assert table[:, 0].min() >= 1


def test_weights_of_incidence_rows_make_up_for_the_censored():
    rng = np.random.default_rng(5)
    n = 20_000
    T, end = rng.geometric(0.05, n), rng.integers(6, 31, n)
    data = Months(np.zeros((n, 1)), np.zeros(n, int), np.minimum(T, end), (end >= T).astype(int), np.ones(n), 1)
    table, left, weight = incidence_months(data, 1, 6, rng)
    for month in (3, 8, 15):
        here = table[:, 0] == month
        assert weight[here] @ left[here] / weight[here].sum() == pytest.approx(1 - 0.95**month, abs=0.02)


@pytest.mark.parametrize("target", ["incidence", "hazard"])
def test_it_finds_the_truth(target):
    X, y, h1, h2 = world(6000, seed=3)
    model = BoostedHazard(target=target, max_iter=80, random_state=0).fit(X, y)
    truth = (1 - (1 - h1) * (1 - h2)).clip(0, 1)
    survival = model.predict_survival(X, [6, 12])
    assert np.abs(survival[:, 0] - (1 - truth) ** 6).mean() < 0.03
    assert np.abs(survival[:, 1] - (1 - truth) ** 12).mean() < 0.03
    total = 1 - (1 - truth) ** 12
    price = h1 / (h1 + h2) * total
    assert np.abs(model.predict_incidence(X, [12])[:, 0, 0] - price).mean() < 0.035
    left = (y["event"] > 0) & (y["duration"] <= 12)
    assert model.predict_survival(X, [12]).mean() == pytest.approx(1 - left.mean(), abs=0.02)  # nobody is censored yet


def test_late_entry_needs_hazards():
    X, y, h1, h2 = world(4000, seed=4, entry=True)
    with pytest.raises(InputError, match="customers came under observation late"):
        BoostedHazard(random_state=0).fit(X, y)
    model = BoostedHazard(target="hazard", max_iter=60, random_state=0).fit(X, y)
    truth = (1 - h1) * (1 - h2)
    assert np.abs(model.predict_survival(X, [6])[:, 0] - truth**6).mean() < 0.03


def test_incidences_and_survival_are_one(fitted):
    X, *_ = world(80, seed=9)
    for given in (None, 4, np.arange(80) % 7):
        total = fitted.predict_incidence(X, [0, 1, 5, 20], given=given).sum(axis=1)
        total += fitted.predict_survival(X, [0, 1, 5, 20], given=given)
        assert total == pytest.approx(1.0, abs=1e-12)
    every = fitted.predict_survival(X)
    assert (np.diff(every, axis=1) <= 1e-15).all()
    assert (np.diff(fitted.predict_incidence(X), axis=2) >= -1e-15).all()
    ahead = fitted.predict_survival(X, [3, 9], given=5)
    assert ahead == pytest.approx(every[:, [7, 13]] / every[:, [4]], rel=1e-9)
    assert (fitted.predict_survival(X, [3], given=0) == fitted.predict_survival(X, [3])).all()
    some = {name: values[10:20] for name, values in X.items()}
    assert (fitted.predict_survival(some, [3, 9], given=5) == ahead[10:20]).all()
    assert fitted.expected_lifetime(X, 6) == pytest.approx(1 + every[:, :5].sum(axis=1), rel=1e-12)
    assert fitted.predict(X) == pytest.approx((1 - every).sum(axis=1))


def test_the_tail_is_refused_or_held(fitted):
    X, y, *_ = world(400)
    last = fitted.last_month_
    with pytest.raises(InputError, match=f"reaches month {last + 1}.*tail='hold'"):
        fitted.predict_survival(X, [last + 1])
    model = BoostedHazard(max_iter=20, tail="hold", random_state=0).fit(X, y)
    H = model.predict_cumulative_hazard(X, [model.last_month_ - 12, model.last_month_, model.last_month_ + 12])
    assert H[:, 2] - H[:, 1] == pytest.approx(H[:, 1] - H[:, 0])
    total = model.predict_incidence(X, [60]).sum(axis=1) + model.predict_survival(X, [60])
    assert total == pytest.approx(1.0)


def test_a_monotone_column_only_rises():
    X, y, *_ = world(800)
    model = BoostedHazard(max_iter=60, monotone={"fee": 1}, random_state=0).fit(X, y)
    fees = {"fee": np.arange(0, 100, 5.0), "plan": ["new"] * 20, "noise": np.zeros(20)}
    assert (np.diff(model.predict_survival(fees, [6, 12]), axis=0) <= 1e-12).all()


def test_one_cause_and_the_same_seed():
    X, y, *_ = world(700)
    one = survival_target(y["duration"], y["event"] > 0)
    a, b = (BoostedHazard(max_iter=30, random_state=7).fit(X, one) for _ in range(2))
    assert (a.predict_survival(X) == b.predict_survival(X)).all()
    assert a.predict_incidence(X, [4])[:, 0] == pytest.approx(1 - a.predict_survival(X, [4]))
    curve = kaplan_meier(one)
    months = np.arange(1, a.last_month_)
    flat = np.array([curve.at(month) for month in months])
    known = integrated_brier_score(one, a.predict_survival(X, months), months)
    nothing = integrated_brier_score(one, np.broadcast_to(flat, (700, len(flat))), months)
    assert known.value < nothing.value
    assert -a.score(X, one) == pytest.approx(known.value, rel=0.1)  # ours takes the mean of months, not a trapezoid
    weight = np.where(np.arange(700) < 350, 1.0, 0.0)
    half = BoostedHazard(max_iter=20, random_state=0).fit(X, one, sample_weight=weight)
    assert half.predict_risk(X).shape == (700,)


def test_words_and_tables(fitted):
    X, *_ = world()
    reasons = fitted.reasons(X, 2)
    high = (X["fee"] > 50) & (X["plan"] == "new")
    assert (reasons.columns[high, 0] == "fee").mean() > 0.6
    assert fitted.summary()["feature"].tolist() == ["month", "fee", "plan=old", "noise"] * 2
    assert fitted.summary()["share"].sum() == pytest.approx(2.0)
    assert len(fitted.stops_) == len(fitted.brier_)
    assert fitted.brier_.min() < fitted.brier_[0]


def test_bad_input_is_named(monkeypatch):
    X, y, *_ = world(200)
    with pytest.raises(InputError, match="monotone names 'fees', which is not a column of X"):
        BoostedHazard(monotone={"fees": 1}).fit(X, y)
    with pytest.raises(InputError, match=r"monotone\['fee'\] must be -1 or 1"):
        BoostedHazard(monotone={"fee": 2}).fit(X, y)
    with pytest.raises(InputError, match="target must be one of"):
        BoostedHazard(target="odds").fit(X, y)
    with pytest.raises(InputError, match="nobody left for cause 'debt'"):
        BoostedHazard().fit(X, survival_target(y["duration"], y["event"], causes=["price", "moved", "debt"]))
    with pytest.raises(InputError, match="no customer left"):
        BoostedHazard().fit(X, survival_target(y["duration"], np.zeros(200, dtype=int)))
    with pytest.raises(InputError, match="divide by 30"):
        BoostedHazard().fit(X, survival_target(y["duration"] * 500, y["event"]))
    with pytest.raises(NotFittedError):
        BoostedHazard().predict_risk(X)
    with pytest.warns(DataWarning, match="times between whole months"):
        BoostedHazard(max_iter=2).fit(X, survival_target(y["duration"] - 0.3, y["event"]))
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingExtraError, match="lightgbm is not installed here"):
        BoostedHazard(booster="lightgbm").fit(X, y)
    model = BoostedHazard(max_iter=2, random_state=0).fit(X, y)
    with pytest.raises(InputError, match="level not seen in fitting"):
        model.predict_survival({**X, "plan": ["newest"] * 200}, [3])


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_other_boosters_where_they_are(name):
    pytest.importorskip(name)
    X, y, h1, h2 = world(3000, seed=3)
    model = BoostedHazard(booster=name, max_iter=60, random_state=0).fit(X, y)
    truth = (1 - h1) * (1 - h2)
    assert np.abs(model.predict_survival(X, [6])[:, 0] - truth**6).mean() < 0.04


WITHOUT = """
import json, sys
for name in ("sklearn", "pandas", "scipy.stats", "matplotlib", "lightgbm", "xgboost"):
    sys.modules[name] = None
import numpy as np
from custval.artifact import load
model = load(sys.argv[1])
X = {"fee": [20.0, 60.0], "plan": ["new", "old"], "noise": [0.0, 1.0]}
told = model.predict_incidence(X, [1, 6, 12], given=2)
print(json.dumps([told.tolist(), model.reasons(X, 1).words.tolist()]))
"""


def test_a_saved_model_predicts_without_the_booster(fitted, tmp_path):
    save(fitted, tmp_path / "model.json")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path / "model.json")], capture_output=True, text=True, check=True
    )
    told, words = json.loads(done.stdout)
    X = {"fee": [20.0, 60.0], "plan": ["new", "old"], "noise": [0.0, 1.0]}
    assert np.array(told) == pytest.approx(fitted.predict_incidence(X, [1, 6, 12], given=2), rel=1e-12, abs=1e-12)
    assert words == fitted.reasons(X, 1).words.tolist()
