"""Every estimator passes scikit-learn's own checks, with plain durations and with structured targets."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from custval._survival.target import read_target
from custval.survival import DiscreteHazard, survival_target


class StructuredDiscreteHazard(DiscreteHazard):
    """The same estimator, given structured targets: a third of the customers are still there."""

    def fit(self, X, y, *, sample_weight=None, cluster=None):
        """Turn durations into a target of whole months; equal durations end alike, so that copies stay copies."""
        if y is not None and getattr(getattr(X, "dtype", None), "kind", None) != "c":
            months = np.ceil(read_target(y).duration)
            y = survival_target(months, (months % 3 > 0).astype(int), causes=["left"])
        return super().fit(X, y, sample_weight=sample_weight, cluster=cluster)


# without a penalty, more columns than customers is refused by name; scikit-learn's weight check has just that
UNPENALISED = {"check_sample_weight_equivalence_on_dense_data": "collinear columns are refused where l2 = 0"}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (DiscreteHazard(), UNPENALISED),
        (DiscreteHazard(l2=0.1), {}),
        (DiscreteHazard(l2=0.1, link="cloglog"), {}),
        (DiscreteHazard(l2=0.1, baseline="spline", tail="hold"), {}),
        (StructuredDiscreteHazard(l2=0.1, tail="hold"), {}),
    ],
    ids=repr,
)
def test_scikit_learn_finds_no_fault(model, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(model, on_fail=None, on_skip=None, expected_failed_checks=expected)
    failed = [(result["check_name"], result["exception"]) for result in found if result["status"] == "failed"]
    assert failed == []
    assert sum(result["status"] == "passed" for result in found) > 40
