"""scikit-learn's own checks on the models of several causes, with plain durations and with structured targets."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from custval._survival.target import read_target
from custval.survival import BoostedHazard, CauseSpecificHazard, CoxPH, FineGray, survival_target


def two_causes(y):
    """Turn durations into a target; equal durations end alike, so that copies stay copies."""
    months = np.ceil(read_target(y).duration)
    rank = np.unique(months, return_inverse=True)[1]
    codes = np.where(rank % 5 == 4, 0, rank % 2 + 1)
    return survival_target(months, codes, causes=["price", "moved"][: codes.max()])


class StructuredCauses(CauseSpecificHazard):
    """The same estimator, given structured targets of two causes."""

    def fit(self, X, y, *, sample_weight=None, strata=None, cluster=None):
        """Give the target two causes."""
        if y is not None and getattr(getattr(X, "dtype", None), "kind", None) != "c":
            y = two_causes(y)
        return super().fit(X, y, sample_weight=sample_weight, strata=strata, cluster=cluster)

    def score(self, X, y, *, sample_weight=None):
        """Give the target two causes."""
        return super().score(X, two_causes(y), sample_weight=sample_weight)


class StructuredFineGray(FineGray):
    """The same estimator, given structured targets of two causes."""

    def fit(self, X, y, *, sample_weight=None, cluster=None, customer=None):
        """Give the target two causes."""
        if y is not None and getattr(getattr(X, "dtype", None), "kind", None) != "c":
            y = two_causes(y)
        return super().fit(X, y, sample_weight=sample_weight, cluster=cluster, customer=customer)

    def score(self, X, y, *, sample_weight=None):
        """Give the target two causes."""
        return super().score(X, two_causes(y), sample_weight=sample_weight)


MODELS = [
    CauseSpecificHazard(),
    CauseSpecificHazard(estimator=CoxPH(l2=0.1, ties="breslow")),
    StructuredCauses(estimator=CoxPH(l2=0.1)),
    FineGray(),
    FineGray(l2=0.1),
    StructuredFineGray(l2=0.1),
    BoostedHazard(max_iter=3),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_scikit_learn_finds_no_fault(model):
    expected = getattr(model, "expected_failed_checks", {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(model, on_fail=None, on_skip=None, expected_failed_checks=expected)
    failed = [(result["check_name"], result["exception"]) for result in found if result["status"] == "failed"]
    assert failed == []
    # nothing is excused that would pass
    assert {result["check_name"] for result in found if result["status"] == "xfail"} == set(expected)
    assert sum(result["status"] == "passed" for result in found) > 40
