"""Laws of the models of several causes and of states, whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval.survival import (
    AFT,
    CauseSpecificHazard,
    CoxPH,
    FineGray,
    mean_cumulative_function,
    multistate,
    recurrent_rows,
    survival_target,
)

SEEDS = st.integers(0, 10_000)


def world(seed, n=60, entry=False, months=True):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    time = rng.exponential(8 * np.exp(-0.3 * X[:, 0])) + 0.2
    time = np.ceil(time) if months else time
    event = rng.integers(0, 3, n)
    event[:4] = [1, 2, 1, 2]
    since = np.where(rng.random(n) < 0.3, time * rng.uniform(0, 0.8, n), 0.0) if entry else None
    return X, survival_target(time, event, entry=since, causes=["price", "moved"])


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.booleans(), st.floats(0, 6))
def test_incidences_and_survival_are_one(seed, months, stayed):
    X, y = world(seed, entry=True, months=months)
    for estimator in (CoxPH(l2=0.1, tail="hold"), {"price": AFT(l2=0.1), "moved": CoxPH(l2=0.1, tail="hold")}):
        model = CauseSpecificHazard(estimator=estimator).fit(X, y)
        incidence = model.predict_incidence(X, [1, 4.5, 9], given=stayed)
        assert incidence.sum(axis=1) + model.predict_survival(X, [1, 4.5, 9], given=stayed) == pytest.approx(1.0)
        assert (np.diff(incidence, axis=2) >= -1e-12).all()


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.floats(0.1, 30))
def test_the_unit_of_time_does_not_matter(seed, unit):
    X, y = world(seed, entry=True, months=False)
    other = survival_target(y["duration"] * unit, y["event"], entry=y["entry"] * unit, causes=["price", "moved"])
    for model in (FineGray(l2=0.1), CauseSpecificHazard(estimator=CoxPH(l2=0.1))):
        a, b = (type(model)(**model.get_params(deep=False)).fit(X, one) for one in (y, other))
        assert b.coef_ == pytest.approx(a.coef_, rel=1e-7, abs=1e-9)
        assert b.predict_incidence(X[:5], [2 * unit]) == pytest.approx(a.predict_incidence(X[:5], [2]), rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_copies_are_weights_and_order_is_nothing(seed):
    X, y = world(seed)
    weight = np.random.default_rng(seed).integers(1, 4, len(y))
    rows = np.random.default_rng(seed + 1).permutation(np.repeat(np.arange(len(y)), weight))
    a = FineGray(l2=0.1).fit(X, y, sample_weight=weight)
    b = FineGray(l2=0.1).fit(X[rows], y[rows])
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-7, abs=1e-9)
    assert b.covariance_ == pytest.approx(a.covariance_, rel=1e-6, abs=1e-10)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_shares_of_states_are_one_and_chances_chain(seed):
    rng = np.random.default_rng(seed)
    first, second = np.ceil(rng.exponential(6, 40)), np.ceil(rng.exponential(5, 40))
    back = rng.random(40) < 0.6
    table = {
        "customer": np.tile(np.arange(40), 2),
        "start": np.append(np.zeros(40), first),
        "end": np.append(first, first + second),
        "state": np.repeat(["active", "lost"], 40),
        "next": np.append(np.repeat("lost", 40).astype(object), np.where(back, "won back", None)),
    }
    curves = multistate(table)
    assert curves.occupation.sum(axis=1) == pytest.approx(1.0)
    whole = curves.transition_probabilities(0, 12).probability
    parts = [curves.transition_probabilities(a, b).probability for a, b in ((0, 5), (5, 12))]
    assert parts[0] @ parts[1] == pytest.approx(whole)
    assert whole[0] == pytest.approx(curves.at([12])[0])


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_one_event_each_is_nelson_aalen_of_everybody(seed):
    rng = np.random.default_rng(seed)
    end = np.ceil(rng.exponential(9, 30))
    who = np.flatnonzero(rng.random(30) < 0.7)
    if not len(who):
        return
    when = np.ceil(end[who] * rng.uniform(0.05, 1, len(who)))
    found = mean_cumulative_function(end, who, when)
    rows = recurrent_rows(end, who, when)
    assert rows.y["event"].sum() == len(who)
    stretches = (rows.y["duration"] - rows.y["entry"]).sum()
    assert stretches == pytest.approx(end.sum())
    there = [(end >= t).sum() for t in found.times]
    assert found.mean == pytest.approx(np.cumsum(found.events / np.array(there)))
