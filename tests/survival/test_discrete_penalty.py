"""Lasso and elastic net of the monthly hazard: the conditions of the optimum, its limits, and what has no errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.survival.discrete_cases import customers, log_chances, person_months

from custval._core.serial import decode, encode
from custval.survival import DiscreteHazard, alert_list


def slopes(model, X, y, link, causes):
    """Return the gradient of the log-likelihood by each coefficient in raw units, from the expanded table."""
    Z, month, outcome = person_months(X, y)
    level = model.level_[:, month - 1].T
    rows = np.arange(len(outcome))

    def value(coef):
        return log_chances(level + (Z - model.center_) @ coef.T, link)[rows, outcome].sum()

    coef = np.atleast_2d(model.coef_)
    gradient = np.zeros_like(coef)
    for k in range(causes):
        for j in range(coef.shape[1]):
            step = np.zeros_like(coef)
            step[k, j] = 1e-5
            gradient[k, j] = (value(coef + step) - value(coef - step)) / 2e-5
    return gradient


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize(("l1", "l2"), [(6.0, 0.0), (4.0, 3.0)])
def test_the_optimum_meets_its_conditions(link, l1, l2):
    X, y = customers(n=200)
    X = np.column_stack([X, np.random.default_rng(1).normal(size=(200, 3))])
    model = DiscreteHazard(link=link, baseline="linear", l1=l1, l2=l2, max_iter=200).fit(X, y)
    gradient = slopes(model, X, y, link, 2) - l2 * model.coef_
    zero = model.coef_ == 0
    assert zero.any()
    assert not zero.all()
    assert (np.abs(gradient[zero]) <= l1 + 1e-3).all()
    assert gradient[~zero] == pytest.approx(l1 * np.sign(model.coef_[~zero]), abs=2e-2)


def test_a_small_lasso_is_no_lasso_and_a_large_one_leaves_nothing():
    X, y = customers(n=200)
    plain = DiscreteHazard(baseline="linear").fit(X, y)
    small = DiscreteHazard(baseline="linear", l1=1e-6, max_iter=200).fit(X, y)
    assert small.coef_ == pytest.approx(plain.coef_, abs=1e-5)
    large = DiscreteHazard(baseline="linear", l1=1e6).fit(X, y)
    assert (large.coef_ == 0).all()
    assert large.log_likelihood_ == pytest.approx(large.log_likelihood_null_, rel=1e-8)


def test_a_lasso_has_no_errors_and_says_so():
    X, y = customers(n=200)
    model = DiscreteHazard(baseline="linear", l1=3.0, standardize_penalty=True, tail="hold").fit(X, y)
    assert model.std_error_ is None
    assert model.covariance_ is None
    with pytest.raises(ValueError, match="a summary with errors needs standard errors, which a fit with l1 > 0"):
        model.summary()
    with pytest.raises(ValueError, match="these tests hold for fits without a penalty"):
        model.tests()
    assert alert_list(model, X, horizon=2, given=0, capacity=3).std_error is None
    back = decode(json.loads(json.dumps(encode(model), allow_nan=False)))
    assert (back.predict_survival(X, [2]) == model.predict_survival(X, [2])).all()
    with pytest.raises(ValueError, match="l1 must be >= 0"):
        DiscreteHazard(l1=-1.0).fit(X, y)
