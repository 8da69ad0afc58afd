"""scikit-learn's own checks on the estimators of the segments door: no unexpected failure."""

from __future__ import annotations

import warnings

import pytest

from custval.segments import BehaviourClusters, MigrationModel, Tiers, ValuePotential

MODELS = [
    (ValuePotential(), {}),
    (ValuePotential(axes=(0, 1)), {}),
    (ValuePotential(cuts="money", money=0.5), {}),
    (ValuePotential(cuts="natural"), {}),
    (ValuePotential(cuts="share"), ValuePotential.expected_failed_checks),
    (Tiers(), {}),
    (Tiers(cuts="share"), Tiers.expected_failed_checks),
    (BehaviourClusters(n_clusters=3, random_state=0), BehaviourClusters.expected_failed_checks),
    (BehaviourClusters(n_clusters=3, method="gower"), {}),
    (BehaviourClusters(n_clusters=2, method="mixture", n_init=1), BehaviourClusters.expected_failed_checks),
    (BehaviourClusters(method="hdbscan", min_cluster_size=3), BehaviourClusters.expected_failed_checks),
    (MigrationModel(), {}),
    (MigrationModel(l2=0.1), {}),
]


@pytest.mark.parametrize(("model", "expected"), MODELS, ids=str)
def test_no_unexpected_failure(model, expected):
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks fit constant and wide tables, which we warn about
        results = check_estimator(model, expected_failed_checks=expected, on_fail=None)
    failed = {result["check_name"]: repr(result["exception"]) for result in results if result["status"] == "failed"}
    assert failed == {}
    assert len(results) > 40
