"""Cox models against lifelines on lifelines' own data: equal where it is exact, and the reason where it is not.

Baselines, residuals and robust errors depend on how ties are split, so these are compared where no two times are the
same.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

if os.environ.get("CUSTVAL_ORACLE") != "1":
    pytest.skip("the oracle session runs this, with lifelines in an environment of its own", allow_module_level=True)

from lifelines import CoxPHFitter, CoxTimeVaryingFitter
from lifelines.datasets import load_leukemia, load_lung, load_rossi, load_stanford_heart_transplants
from lifelines.utils import concordance_index

from custval.metrics import concordance
from custval.survival import CoxPH, cox_residuals, schoenfeld_residuals, survival_target

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]


def lung():
    return load_lung()[["time", "status", "age", "sex", "ph.ecog"]].dropna()


DATA = {
    "rossi": (load_rossi, "week", "arrest"),
    "lung": (lung, "time", "status"),
    "leukemia": (load_leukemia, "t", "status"),
}


@pytest.fixture(params=DATA)
def both(request):
    """Return a frame of columns, the target, the whole frame and the names of time and event."""
    make, time, event = DATA[request.param]
    frame = make().astype(float).reset_index(drop=True)
    X = frame.drop(columns=[time, event])
    return X, survival_target(frame[time], frame[event].astype(int)), frame, (time, event)


def strict(fitter, frame, *names, **options):
    return fitter.fit(frame, *names, fit_options={"precision": 1e-12}, **options)


def test_coefficients_errors_and_likelihood(both):
    X, y, frame, names = both
    ours, theirs = CoxPH().fit(X, y), strict(CoxPHFitter(), frame, *names)
    np.testing.assert_allclose(ours.coef_, theirs.params_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.std_error_, theirs.standard_errors_, rtol=1e-7)
    np.testing.assert_allclose(ours.covariance_, theirs.variance_matrix_, rtol=1e-6, atol=1e-10)
    assert ours.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-10)
    told = theirs.log_likelihood_ratio_test()
    assert ours.tests().statistic[0] == pytest.approx(told.test_statistic, rel=1e-8)
    assert ours.tests().p_value[0] == pytest.approx(told.p_value, rel=1e-6)


def test_summary_has_the_same_ratios_intervals_and_p_values(both):
    X, y, frame, names = both
    ours, theirs = CoxPH().fit(X, y).summary(), strict(CoxPHFitter(), frame, *names).summary
    for mine, other in (
        ("hazard_ratio", "exp(coef)"),
        ("lower", "exp(coef) lower 95%"),
        ("upper", "exp(coef) upper 95%"),
        ("z", "z"),
        ("p_value", "p"),
    ):
        np.testing.assert_allclose(ours[mine], theirs[other], rtol=1e-6, atol=1e-12)


def test_strata_weights_and_late_entry_together(both):
    X, _, frame, names = both
    rng = np.random.default_rng(2)
    frame["w"], frame["entry"] = rng.integers(1, 4, len(frame)).astype(float), 0.0
    late = rng.random(len(frame)) < 0.4
    frame.loc[late, "entry"] = np.floor(rng.uniform(0, 0.5, late.sum()) * frame.loc[late, names[0]])
    group = {"week": "fin", "time": "sex", "t": "sex"}[names[0]]
    entered = survival_target(frame[names[0]], frame[names[1]].astype(int), entry=frame["entry"])
    ours = CoxPH(ties="efron").fit(X, entered, strata=group, sample_weight=frame["w"])
    fitter = CoxPHFitter(strata=[group])
    theirs = strict(fitter, frame, *names, weights_col="w", entry_col="entry")
    np.testing.assert_allclose(ours.coef_, theirs.params_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.std_error_, theirs.standard_errors_, rtol=1e-6)


def test_ridge_in_their_units(both):
    X, y, frame, names = both
    theirs = strict(CoxPHFitter(penalizer=0.1), frame, *names)
    # they divide the likelihood by n and the columns by their spread
    spread = X.std().to_numpy()
    scaled = X / spread
    ours = CoxPH(l2=0.1 * len(X)).fit(scaled, y)
    np.testing.assert_allclose(ours.coef_ / spread, theirs.params_, rtol=1e-6, atol=1e-9)


@pytest.fixture
def untied(both):
    """Return the same with times that all differ."""
    X, _, frame, (time, event) = both
    frame[time] += np.random.default_rng(4).permutation(len(frame)) / (2 * len(frame))
    return X, survival_target(frame[time], frame[event].astype(int)), frame, (time, event)


def test_survival_ahead_without_ties(untied):
    X, y, frame, names = untied
    ours, theirs = CoxPH().fit(X, y), strict(CoxPHFitter(), frame, *names)
    times = ours.baseline_.times
    expected = theirs.predict_survival_function(X.head(30), times=times).to_numpy().T
    np.testing.assert_allclose(ours.predict_survival(X.head(30), times), expected, rtol=1e-6, atol=1e-12)


def test_residuals_without_ties(untied):
    X, y, frame, names = untied
    ours, theirs = CoxPH().fit(X, y), strict(CoxPHFitter(), frame, *names)
    for kind, column in (("martingale", "martingale"), ("deviance", "deviance")):
        told = theirs.compute_residuals(frame, kind)[column].sort_index()
        np.testing.assert_allclose(cox_residuals(ours, X, y, kind=kind), told, rtol=1e-5, atol=1e-7)
    told = theirs.compute_residuals(frame, "schoenfeld")
    mine = schoenfeld_residuals(ours, X, y)
    np.testing.assert_allclose(mine.residual, told.loc[mine.row].to_numpy(), rtol=1e-5, atol=1e-7)


def test_robust_and_clustered_errors_without_ties(untied):
    X, y, frame, names = untied
    frame["account"] = np.random.default_rng(6).integers(0, len(frame) // 3, len(frame))
    ours = CoxPH().fit(X, y, cluster=frame["account"])
    theirs = strict(CoxPHFitter(), frame, *names, cluster_col="account")
    np.testing.assert_allclose(ours.robust_std_error_, theirs.standard_errors_, rtol=1e-6)


def test_ranking_is_judged_alike(both):
    X, y, frame, (time, event) = both
    ours = CoxPH().fit(X, y)
    risk = ours.predict_risk(X)
    told = concordance_index(frame[time], -risk, frame[event])
    assert concordance(y, risk).value == pytest.approx(told, abs=2e-3)


def test_time_varying_spells_with_entry():
    heart = load_stanford_heart_transplants()
    names = ["age", "transplant", "surgery", "year"]
    X, y = heart[names].astype(float), survival_target(heart["stop"], heart["event"].astype(int), entry=heart["start"])
    theirs = CoxTimeVaryingFitter().fit(
        heart, id_col="id", event_col="event", start_col="start", stop_col="stop", fit_options={"precision": 1e-12}
    )
    ours = CoxPH().fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.params_[names], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.std_error_, theirs.standard_errors_[names], rtol=1e-7)
    assert ours.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-10)
