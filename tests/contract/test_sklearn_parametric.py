"""scikit-learn's own checks on the parametric models, with plain durations and with structured targets."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from custval._survival.target import read_target
from custval.survival import AFT, MixtureCure, PiecewiseExponential, SharedFrailtyCox, survival_target

# without a penalty, more columns than customers is refused by name; scikit-learn's weight check has just that
UNPENALISED = {"check_sample_weight_equivalence_on_dense_data": "collinear columns are refused where l2 = 0"}
# in that check thirty columns explain fifteen customers without error: scale, shape and loyal share run to infinity
EXPLAINED = {
    "check_sample_weight_equivalence_on_dense_data": "the likelihood of customers without error has no maximum"
}


def structured(X, y):
    """Return durations as a target, a third still there; equal durations end alike, so that copies stay copies."""
    if y is None or getattr(getattr(X, "dtype", None), "kind", None) == "c":
        return y
    months = read_target(y).duration
    return survival_target(months, (np.ceil(months) % 3 > 0).astype(int), causes=["left"])


class StructuredAFT(AFT):
    """The same estimator, given structured targets."""

    def fit(self, X, y, *, sample_weight=None, cluster=None):
        """Fit to the target."""
        return super().fit(X, structured(X, y), sample_weight=sample_weight, cluster=cluster)


class StructuredCure(MixtureCure):
    """The same estimator, given structured targets."""

    def fit(self, X, y, *, sample_weight=None, cluster=None):
        """Fit to the target."""
        return super().fit(X, structured(X, y), sample_weight=sample_weight, cluster=cluster)


class StructuredPieces(PiecewiseExponential):
    """The same estimator, given structured targets."""

    def fit(self, X, y, *, sample_weight=None, cluster=None):
        """Fit to the target."""
        return super().fit(X, structured(X, y), sample_weight=sample_weight, cluster=cluster)


class StructuredFrailty(SharedFrailtyCox):
    """The same estimator, given structured targets."""

    def fit(self, X, y, *, group=None, strata=None, cluster=None, l1=0.0, **unknown):
        """Fit to the target."""
        return super().fit(X, structured(X, y), group=group, strata=strata, cluster=cluster, l1=l1, **unknown)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (AFT(), UNPENALISED),
        (AFT(distribution="loglogistic", l2=0.1), {}),
        (AFT(distribution="gengamma", l2=0.1, max_iter=25), EXPLAINED),
        (StructuredAFT(distribution="lognormal", l2=0.1), EXPLAINED),
        (MixtureCure(l2=0.1, max_iter=40), EXPLAINED),
        (PiecewiseExponential(l2=0.1), {}),
        (StructuredCure(l2=0.1, max_iter=40), EXPLAINED),
        (StructuredPieces(l2=0.1), {}),
        (SharedFrailtyCox(frailty_variance=0.5), {}),
        (StructuredFrailty(frailty_variance=0.5), {}),
    ],
    ids=repr,
)
def test_scikit_learn_finds_no_fault(model, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(model, on_fail=None, on_skip=None, expected_failed_checks=expected)
    failed = {result["check_name"]: repr(result["exception"]) for result in found if result["status"] == "failed"}
    assert failed == {}
    assert sum(result["status"] == "passed" for result in found) > 40
