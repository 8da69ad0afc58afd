"""What is true of every Cox model, whatever the customers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.survival.cox_cases import brute_force, slopes, spells

from custval._survival.cox_data import checked_data
from custval._survival.cox_fit import data_rows
from custval._survival.cox_likelihood import evaluate
from custval.survival import CoxPH, cox_residuals, survival_target

TIES = st.sampled_from(["efron", "breslow"])
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def customers(draw):
    """Draw customers with ties or without, late entries, weights, strata and clusters."""
    n, p = draw(st.integers(25, 70)), draw(st.integers(1, 3))
    return spells(draw(SEEDS), n, p, months=draw(st.booleans()), late=draw(st.booleans()))


def fit(X, y, ties="efron", **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # strata without departures, columns that separate
        return CoxPH(ties=ties, l2=0.3).fit(X, y, **more)


@settings(max_examples=40, deadline=None)
@given(customers(), TIES, SEEDS)
def test_likelihood_and_its_slope_are_those_of_the_definition(data, ties, seed):
    X, y, weight, strata, _ = data
    model = fit(X, y, ties)
    rows = data_rows(checked_data(X, y, model.encoder_, sample_weight=weight, strata=strata, cluster=None)[0], ties)
    at = 0.3 * np.random.default_rng(seed).normal(size=X.shape[1])

    def height(coef):
        return brute_force(X, y, coef, weight=weight, strata=strata, ties=ties)

    value, slope, told, _ = evaluate(at, rows, ties)
    assert value == pytest.approx(height(at), rel=1e-10)
    assert slope == pytest.approx(slopes(height, at), rel=1e-5, abs=1e-5)
    curve = np.array([slopes(lambda b, j=j: -evaluate(b, rows, ties)[1][j], at) for j in range(len(at))])
    assert told == pytest.approx(curve, rel=1e-5, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(customers(), TIES, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(data, ties, random):
    X, y, weight, strata, cluster = data
    order = np.array(random.sample(range(len(X)), len(X)))
    a = fit(X, y, ties, sample_weight=weight, strata=strata, cluster=cluster)
    b = fit(X[order], y[order], ties, sample_weight=weight[order], strata=strata[order], cluster=cluster[order])
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-9, abs=1e-12)
    assert b.robust_std_error_ == pytest.approx(a.robust_std_error_, rel=1e-9)
    assert b.baseline_.cumulative_hazard == pytest.approx(a.baseline_.cumulative_hazard, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(customers())
def test_weights_are_copies_with_breslow(data):
    X, y, weight, strata, _ = data
    again = np.repeat(np.arange(len(X)), weight.astype(int))
    a = fit(X, y, "breslow", sample_weight=weight, strata=strata, cluster=np.arange(len(X)))
    b = fit(X[again], y[again], "breslow", strata=strata[again], cluster=again)
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-8, abs=1e-11)
    assert b.std_error_ == pytest.approx(a.std_error_, rel=1e-8)
    assert b.robust_std_error_ == pytest.approx(a.robust_std_error_, rel=1e-8)
    assert b.baseline_.cumulative_hazard == pytest.approx(a.baseline_.cumulative_hazard, rel=1e-8)


@settings(max_examples=20, deadline=None)
@given(customers(), TIES, st.floats(0.1, 50))
def test_a_common_factor_of_the_weights_leaves_coefficients(data, ties, factor):
    X, y, weight, _, _ = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = CoxPH(ties=ties, l2=0.3).fit(X, y, sample_weight=weight)
        b = CoxPH(ties=ties, l2=0.3 * factor).fit(X, y, sample_weight=weight * factor)
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-7, abs=1e-10)
    assert b.baseline_.cumulative_hazard == pytest.approx(a.baseline_.cumulative_hazard, rel=1e-7)


@settings(max_examples=20, deadline=None)
@given(customers(), TIES)
def test_one_stratum_is_none_and_entry_zero_is_no_entry(data, ties):
    X, y, *_ = data
    a, b = fit(X, y, ties), fit(X, y, ties, strata=np.full(len(X), "all"))
    assert (b.coef_ == a.coef_).all()
    assert b.log_likelihood_ == a.log_likelihood_
    whole = survival_target(y["duration"], y["event"])
    zero = survival_target(y["duration"], y["event"], entry=np.zeros(len(X)))
    assert (fit(X, whole, ties).coef_ == fit(X, zero, ties).coef_).all()


@settings(max_examples=20, deadline=None)
@given(customers(), TIES, st.floats(0.2, 0.8))
def test_a_row_is_its_stretches(data, ties, share):
    X, y, weight, strata, _ = data
    cut = y["entry"] + share * (y["duration"] - y["entry"])
    n = len(X)
    split = survival_target(
        np.concatenate([cut, y["duration"]]),
        np.concatenate([np.zeros(n, dtype=int), y["event"]]),
        entry=np.concatenate([y["entry"], cut]),
    )
    twice = np.tile(np.arange(n), 2)
    a = fit(X, y, ties, sample_weight=weight, strata=strata, cluster=np.arange(n))
    b = fit(X[twice], split, ties, sample_weight=weight[twice], strata=strata[twice], cluster=twice)
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-8, abs=1e-11)
    assert b.robust_std_error_ == pytest.approx(a.robust_std_error_, rel=1e-7)
    assert b.log_likelihood_ == pytest.approx(a.log_likelihood_, rel=1e-10)


@settings(max_examples=20, deadline=None)
@given(customers(), TIES, st.sampled_from([1e-12, 1e-3, 1e6, 1e12]), st.sampled_from([0.0, 5.0]))
def test_units_do_not_matter(data, ties, unit, offset):
    X, y, *_ = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = CoxPH(ties=ties, l2=0.3).fit(X, y)
        b = CoxPH(ties=ties, l2=0.3 * unit**2).fit((X + offset) * unit, y)
    assert b.coef_ * unit == pytest.approx(a.coef_, rel=1e-7, abs=1e-10)
    assert b.std_error_ * unit == pytest.approx(a.std_error_, rel=1e-7)
    later = survival_target(y["duration"] * 1e6, y["event"], entry=y["entry"] * 1e6)
    assert fit(X, later, ties).coef_ == pytest.approx(a.coef_, rel=1e-10)


@settings(max_examples=25, deadline=None)
@given(customers(), TIES, st.floats(0, 3), st.floats(0, 5))
def test_predictions_are_probabilities_that_condition_rightly(data, ties, stayed, ahead):
    X, y, weight, strata, _ = data
    model = fit(X, y, ties, sample_weight=weight, strata=strata).set_params(tail="hold")
    times = np.linspace(0, 30, 13)
    survival = model.predict_survival(X, times, strata=strata)
    assert (survival[:, 0] == 1).all()
    assert (np.diff(survival, axis=1) <= 1e-15).all()
    assert ((survival >= 0) & (survival <= 1)).all()
    assert model.predict_incidence(X, times, strata=strata)[:, 0] + survival == pytest.approx(np.ones((len(X), 13)))
    now, before = (model.predict_survival(X, [t], strata=strata) for t in (stayed + ahead, stayed))
    there = before[:, 0] > 1e-9
    told = model.predict_survival(X, [ahead], given=stayed, strata=strata)
    assert told[there] == pytest.approx(now[there] / before[there], rel=1e-9)
    each = model.predict_survival(X, [ahead], given=np.full(len(X), stayed), strata=strata)
    assert (each == told).all()
    alone = [model.predict_survival(X[i : i + 1], times, strata=strata[i : i + 1]) for i in range(5)]
    assert (np.concatenate(alone) == survival[:5]).all()


@settings(max_examples=20, deadline=None)
@given(customers(), TIES)
def test_lifetime_is_the_area_under_survival(data, ties):
    X, y, *_ = data
    model = fit(X, y, ties).set_params(tail="hold")
    for stayed, horizon in ((0.0, 3.3), (2.5, 60.0)):
        grid = np.linspace(0, horizon, 40_001)
        curve = model.predict_survival(X[:3], grid, given=stayed)
        area = np.trapezoid(curve, grid, axis=1)
        assert model.expected_lifetime(X[:3], horizon, given=stayed) == pytest.approx(area, rel=2e-3)


@settings(max_examples=20, deadline=None)
@given(customers(), TIES)
def test_residuals_add_up(data, ties):
    X, y, weight, strata, _ = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = CoxPH(ties=ties, l2=0.3).fit(X, y, sample_weight=weight, strata=strata)
        left, score = (
            cox_residuals(model, X, y, kind=kind, sample_weight=weight, strata=strata)
            for kind in ("martingale", "score")
        )
    assert weight @ left == pytest.approx(0, abs=1e-8)
    assert weight @ score == pytest.approx(0.3 * model.coef_, rel=1e-6, abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(customers(), TIES, st.floats(0, 3))
def test_pullback_is_the_derivative(data, ties, stayed):
    X, y, weight, *_ = data
    model = fit(X, y, ties, sample_weight=weight).set_params(tail="hold")
    rng = np.random.default_rng(1)
    w, c = rng.normal(size=(4, 6)), rng.normal(size=(4, 1, 6))
    data_, _, _ = checked_data(X, y, model.encoder_, sample_weight=weight, strata=None, cluster=None)
    from custval._survival.cox_baseline import cox_baseline
    from custval._survival.cox_fit import CoxFit, last_times
    from custval._survival.cox_likelihood import risk_sums

    rows = data_rows(data_, ties)

    def total(coef, who):
        sums = risk_sums(coef, rows, ties)
        made = CoxFit(coef, 0 * coef, None, None, 0.0, 0.0, 0.0, 1, rows, sums)
        other = CoxPH(ties=ties, tail="hold")
        vars(other).update(vars(model))
        other.coef_ = coef
        other.baseline_ = cox_baseline(made, model.center_, last=last_times(data_), strata=("",), time_unit="month")
        S = other.predict_survival(X[who : who + 1], np.arange(1, 7), given=stayed)[0]
        left = -np.diff(np.append(1.0, S))
        return float(w[who] @ S + c[who, 0] @ left)

    told = model.pullback(X[:4], w, c, given=stayed)
    for who in range(4):
        wanted = slopes(lambda b, who=who: total(b, who), model.coef_)
        assert told[who, : len(wanted)] == pytest.approx(wanted, rel=1e-4, abs=1e-5)
