"""What is true of every shared-frailty model, whatever the customers and accounts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.survival.cox_cases import spells

from custval.survival import SharedFrailtyCox, survival_target

FEW = settings(max_examples=15, deadline=None)
THETA = st.sampled_from([0.2, 1.0, 2.5])


@st.composite
def accounts(draw):
    """Draw customers with ties or without, late entries, strata, and accounts of several customers."""
    n = draw(st.integers(40, 80))
    X, y, _, strata, _ = spells(draw(st.integers(0, 2**32 - 1)), n, 2, months=draw(st.booleans()))
    return X, y, strata, np.arange(n) // 4


def fit(theta, X, y, group, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # strata without departures
        return SharedFrailtyCox(frailty_variance=theta, tail="hold").fit(X, y, group=group, **more)


@FEW
@given(accounts(), THETA, st.randoms(use_true_random=False))
def test_order_of_rows_and_names_of_accounts_do_not_matter(data, theta, random):
    X, y, strata, group = data
    order = np.array(random.sample(range(len(X)), len(X)))
    a = fit(theta, X, y, group, strata=strata)
    b = fit(theta, X[order], y[order], [f"account {k}" for k in 90 - group[order]], strata=strata[order])
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-6, abs=1e-8)
    assert b.std_error_ == pytest.approx(a.std_error_, rel=1e-6)
    assert b.log_likelihood_ == pytest.approx(a.log_likelihood_, rel=1e-9)


@FEW
@given(accounts(), THETA, st.sampled_from([1e-12, 1e-3, 1e6, 1e12]), st.sampled_from([0.0, 5.0]))
def test_units_do_not_matter(data, theta, unit, offset):
    X, y, _, group = data
    a = fit(theta, X, y, group)
    b = fit(theta, X * unit + offset * unit, y, group)
    assert b.coef_ * unit == pytest.approx(a.coef_, rel=1e-6, abs=1e-8)
    later = survival_target(y["duration"] * unit, y["event"], entry=y["entry"] * unit)
    c = fit(theta, X, later, group)
    assert c.coef_ == pytest.approx(a.coef_, rel=1e-9)
    ahead = np.array([1.0, 4.0])
    assert c.predict_survival(X, ahead * unit) == pytest.approx(a.predict_survival(X, ahead), rel=1e-9)


@FEW
@given(accounts(), THETA)
def test_one_stratum_is_none_and_entry_zero_is_no_entry(data, theta):
    X, y, _, group = data
    none = survival_target(y["duration"], y["event"])
    a = fit(theta, X, none, group)
    b = fit(
        theta, X, survival_target(y["duration"], y["event"], entry=np.zeros(len(X))), group, strata=["all"] * len(X)
    )
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-9)
    assert b.log_likelihood_ == pytest.approx(a.log_likelihood_, rel=1e-12)
    together = b.predict_survival(X, [1, 5], strata=["all"] * len(X))
    assert together == pytest.approx(a.predict_survival(X, [1, 5]), rel=1e-9)


@FEW
@given(accounts(), THETA, st.floats(0, 6), st.floats(0.5, 40))
def test_survival_falls_within_0_and_1_and_lifetimes_are_its_area(data, theta, stayed, horizon):
    X, y, strata, group = data
    model = fit(theta, X, y, group, strata=strata)
    asked = {"given": stayed, "strata": strata[:5]}
    times = np.linspace(0, horizon, 30)
    survival = model.predict_survival(X[:5], times, **asked)
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 1e-15).all()
    area = model.expected_lifetime(X[:5], horizon, **asked)
    gap = horizon / 29
    assert (area <= survival[:, :-1].sum(axis=1) * gap * (1 + 1e-9)).all()
    assert (area >= survival[:, 1:].sum(axis=1) * gap * (1 - 1e-9)).all()
