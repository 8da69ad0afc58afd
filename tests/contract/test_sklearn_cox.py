"""scikit-learn's own checks on Cox models, with plain durations and with structured targets; grids and routing."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from tests.survival.cox_cases import spells

from custval._survival.target import read_target
from custval.survival import CoxPH, survival_target


class StructuredCoxPH(CoxPH):
    """The same estimator, given structured targets: a third of the customers are still there."""

    def fit(self, X, y, *, sample_weight=None, strata=None, cluster=None):
        """Turn durations into a target; equal durations end alike, so that copies stay copies."""
        if y is not None and getattr(getattr(X, "dtype", None), "kind", None) != "c":
            months = np.ceil(read_target(y).duration)
            y = survival_target(months, (months % 3 > 0).astype(int), causes=["left"])
        return super().fit(X, y, sample_weight=sample_weight, strata=strata, cluster=cluster)


@pytest.mark.parametrize(
    "model",
    [CoxPH(), CoxPH(l2=0.1), CoxPH(l2=0.1, ties="breslow"), CoxPH(l1=0.1), StructuredCoxPH(l2=0.1)],
    ids=repr,
)
def test_scikit_learn_finds_no_fault(model):
    expected = model.expected_failed_checks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(model, on_fail=None, on_skip=None, expected_failed_checks=expected)
    failed = [(result["check_name"], result["exception"]) for result in found if result["status"] == "failed"]
    assert failed == []
    # nothing is excused that would pass
    assert {result["check_name"] for result in found if result["status"] == "xfail"} == set(expected)
    assert sum(result["status"] == "passed" for result in found) > 40


def test_grids_and_pipelines():
    X, y, *_ = spells(0, n=150)
    grid = GridSearchCV(make_pipeline(StandardScaler(), CoxPH()), {"coxph__l2": [0.1, 10.0, 1e6]}, cv=3).fit(X, y)
    assert grid.best_params_["coxph__l2"] < 1e6
    assert np.isfinite(cross_validate(CoxPH(), X, y, cv=3)["test_score"]).all()


def test_weights_strata_and_clusters_are_routed():
    X, y, weight, strata, cluster = spells(0, n=150)
    told = {"sample_weight": weight, "strata": strata, "cluster": cluster}
    with sklearn.config_context(enable_metadata_routing=True):
        model = CoxPH().set_fit_request(sample_weight=True, strata=True, cluster=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        inside = make_pipeline(scaler, model).fit(X, y, **told)[-1]
    plain = CoxPH().fit(StandardScaler().fit_transform(X), y, **told)
    assert inside.coef_ == pytest.approx(plain.coef_)
    assert inside.robust_std_error_ == pytest.approx(plain.robust_std_error_)
