"""Scorers: the measure itself, inside scikit-learn's searches, with routed weights, copied and pickled."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from custval._core.errors import InputError
from custval.metrics import (
    Scorer,
    concordance,
    concordance_scorer,
    cumulative_dynamic_auc,
    dynamic_auc_scorer,
    integrated_brier_score,
    integrated_brier_scorer,
)
from custval.survival import DiscreteHazard, survival_target

TIMES = np.array([1.0, 3.0, 5.0])


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    leave, end = rng.geometric(0.1 * np.exp(0.5 * X[:, 0])), rng.integers(4, 16, 400)
    kind = np.where(rng.random(400) < 0.6, 1, 2)
    y = survival_target(np.minimum(leave, end), np.where(leave <= end, kind, 0))
    return DiscreteHazard(baseline="constant", tail="hold").fit(X, y), X, y, rng.integers(1, 4, 400)


@pytest.mark.parametrize("cause", [None, 2])
def test_a_scorer_gives_the_measure(case, cause):
    model, X, y, weight = case
    if cause is None:
        risk, curve = model.predict_risk(X), model.predict_survival(X, TIMES)
        left = 1.0 - curve
    else:
        risk, curve = model.predict_incidence(X, [16])[:, 1, 0], model.predict_incidence(X, TIMES)[:, 1]
        left = curve
    tau = 16.0
    assert concordance_scorer(tau=tau, cause=cause, weighting="uno")(model, X, y, sample_weight=weight) == (
        concordance(y, risk, tau=tau, cause=cause, weighting="uno", sample_weight=weight).value
    )
    assert dynamic_auc_scorer(TIMES, cause=cause)(model, X, y) == (
        cumulative_dynamic_auc(y, left, TIMES, cause=cause).mean
    )
    assert integrated_brier_scorer(TIMES, cause=cause)(model, X, y, sample_weight=weight) == (
        -integrated_brier_score(y, curve, TIMES, cause=cause, sample_weight=weight).value
    )


def test_a_landmark_asks_for_what_is_to_come(case):
    model, X, y, _ = case
    want = integrated_brier_score(y, model.predict_survival(X, TIMES, given=3.0), TIMES, landmark=3.0).value
    assert integrated_brier_scorer(TIMES, landmark=3.0)(model, X, y) == -want


def test_a_search_with_several_scores(case):
    model, X, y, _ = case
    scoring = {"rank": concordance_scorer(), "loss": integrated_brier_scorer(TIMES, y_train=y)}
    found = GridSearchCV(clone(model), {"l2": [0.0, 1e5]}, scoring=scoring, refit="loss", cv=3).fit(X, y)
    assert found.best_params_ == {"l2": 0.0}
    parts = cross_validate(clone(model), X, y, cv=3, scoring=dynamic_auc_scorer(TIMES, y_train=y))
    assert parts["test_score"].shape == (3,)
    assert (parts["test_score"] > 0.5).all()


def test_weights_are_routed(case):
    model, X, y, weight = case
    with sklearn.config_context(enable_metadata_routing=True):
        asked = concordance_scorer().set_score_request(sample_weight=True)
        routed = clone(model).set_fit_request(sample_weight=True)
        got = cross_validate(routed, X, y, cv=3, scoring=asked, params={"sample_weight": weight}, return_indices=True)
        for fold in range(3):
            train, test = got["indices"]["train"][fold], got["indices"]["test"][fold]
            fitted = clone(model).fit(X[train], y[train], sample_weight=weight[train])
            want = concordance(y[test], fitted.predict_risk(X[test]), sample_weight=weight[test]).value
            assert got["test_score"][fold] == want
    assert concordance_scorer().get_metadata_routing().score.requests == {"sample_weight": None}
    with pytest.raises(TypeError, match="a score takes sample_weight"):
        asked.set_score_request(strata=True)


def test_scorers_are_copied_pickled_and_shown():
    scorer = dynamic_auc_scorer([6, 12], cause="price")
    again = pickle.loads(pickle.dumps(scorer))
    assert repr(again) == repr(scorer) == "Scorer('dynamic_auc', times=[6.0, 12.0], cause='price', landmark=0.0)"
    assert (
        repr(Scorer("concordance", {"weighting": "uno", "y_train": [1.0]})) == "Scorer('concordance', weighting='uno')"
    )


def test_any_model_that_predicts_can_be_ranked(case):
    _, X, y, _ = case
    line = LinearRegression().fit(X, -y["duration"])
    assert concordance_scorer()(line, X, y) == concordance(y, line.predict(X)).value


def test_settings_are_checked_when_the_scorer_is_made():
    with pytest.raises(InputError, match="weighting must be one of"):
        concordance_scorer(weighting="unno")
    with pytest.raises(InputError, match="times must be rising"):
        dynamic_auc_scorer([2.0, 1.0])
    with pytest.raises(InputError, match="an integral needs at least two"):
        integrated_brier_scorer([2.0])
    with pytest.raises(InputError, match="measure must be one of"):
        Scorer("brier", {})
