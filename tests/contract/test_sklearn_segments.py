"""scikit-learn's own checks on the estimators of the segments door: no unexpected failure."""

from __future__ import annotations

import warnings

import pytest

from custval.segments import ValuePotential

NO_SHARES = "a share of the total needs a total > 0: negative columns are refused under cuts='share'"
EXPECTED = {"check_n_features_in_after_fitting": NO_SHARES, "check_positive_only_tag_during_fit": NO_SHARES}
SETTINGS = [
    ({}, {}),
    ({"axes": (0, 1)}, {}),
    ({"cuts": "money", "money": 0.5}, {}),
    ({"cuts": "share"}, EXPECTED),
]


@pytest.mark.parametrize(("settings", "expected"), SETTINGS, ids=str)
def test_no_unexpected_failure(settings, expected):
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks fit constant and wide tables, which we warn about
        results = check_estimator(ValuePotential(**settings), expected_failed_checks=expected, on_fail=None)
    failed = {result["check_name"]: repr(result["exception"]) for result in results if result["status"] == "failed"}
    assert failed == {}
    assert len(results) > 40
