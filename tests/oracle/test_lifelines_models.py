"""A fitted lifelines model as one of ours: the same numbers where lifelines is right, on lifelines' own data.

Where it is not (the time before the first departure, customers who stayed 0 months), the definition decides.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

if os.environ.get("CUSTVAL_ORACLE") != "1":
    pytest.skip("the oracle session runs this, with lifelines in an environment of its own", allow_module_level=True)

import lifelines
from lifelines.datasets import load_leukemia, load_lung, load_rossi, load_waltons
from scipy.integrate import quad

from custval import InputError, NotFittedError
from custval.clv import discounted_value, lifetime_value
from custval.metrics import brier_score, concordance
from custval.survival import alert_list, from_lifelines, kaplan_meier, survival_target

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]

ROSSI = load_rossi().astype(float)
LUNG = load_lung()[["time", "status", "age", "sex", "ph.ecog"]].dropna().astype(float)
COX = {
    "plain": lambda: lifelines.CoxPHFitter().fit(ROSSI, "week", "arrest"),
    "strata": lambda: lifelines.CoxPHFitter(strata=["fin", "wexp"]).fit(ROSSI, "week", "arrest"),
    "lung": lambda: lifelines.CoxPHFitter(penalizer=0.01).fit(LUNG, "time", "status"),
    "additive": lambda: lifelines.AalenAdditiveFitter(coef_penalizer=5.0).fit(ROSSI, "week", "arrest"),
}
SMOOTH = {
    "weibull": lambda: lifelines.WeibullAFTFitter().fit(ROSSI, "week", "arrest"),
    "weibull scale": lambda: lifelines.WeibullAFTFitter().fit(LUNG, "time", "status", ancillary=True),
    "log-normal": lambda: lifelines.LogNormalAFTFitter().fit(ROSSI, "week", "arrest"),
    "log-logistic": lambda: lifelines.LogLogisticAFTFitter().fit(ROSSI, "week", "arrest"),
    "spline baseline": lambda: lifelines.CoxPHFitter(baseline_estimation_method="spline", n_baseline_knots=3).fit(
        ROSSI, "week", "arrest"
    ),
    "piecewise baseline": lambda: lifelines.CoxPHFitter(
        baseline_estimation_method="piecewise", breakpoints=[20.0, 40.0]
    ).fit(ROSSI, "week", "arrest"),
    "generalized gamma": lambda: lifelines.GeneralizedGammaRegressionFitter(penalizer=0.1).fit(
        LUNG, "time", "status", regressors={"mu_": "age + sex", "sigma_": "1", "lambda_": "1"}
    ),
    "piecewise regression": lambda: lifelines.PiecewiseExponentialRegressionFitter([20.0, 40.0], penalizer=0.1).fit(
        ROSSI, "week", "arrest"
    ),
    "spline regression": lambda: lifelines.CRCSplineFitter(n_baseline_knots=3).fit(
        ROSSI,
        "week",
        "arrest",
        regressors={"beta_": "fin + age + prio", "gamma0_": "1", "gamma1_": "1", "gamma2_": "1"},
    ),
}
CURVES = {
    "kaplan-meier": lifelines.KaplanMeierFitter,
    "nelson-aalen": lifelines.NelsonAalenFitter,
    "breslow": lifelines.BreslowFlemingHarringtonFitter,
    "weibull": lifelines.WeibullFitter,
    "exponential": lifelines.ExponentialFitter,
    "log-normal": lifelines.LogNormalFitter,
    "cure": lambda: lifelines.MixtureCureFitter(base_fitter=lifelines.WeibullFitter()),
    "piecewise": lambda: lifelines.PiecewiseExponentialFitter([10.0, 30.0]),
}


@pytest.fixture(params=COX)
def cox(request):
    return COX[request.param]()


@pytest.fixture(params=SMOOTH)
def smooth(request):
    return SMOOTH[request.param]()


def customers(fitter):
    lung = "sex" in str(getattr(fitter, "params_", ""))
    return (LUNG if lung else ROSSI).head(40).reset_index(drop=True)


def test_steps_at_the_times_of_departure_are_those_of_lifelines(cox):
    X = customers(cox)
    theirs = cox.predict_survival_function(X)[X.index]
    ours = from_lifelines(cox).predict_survival(X, theirs.index.to_numpy())
    never_rising = np.minimum.accumulate(np.clip(theirs.to_numpy().T, 0, 1), axis=1)
    np.testing.assert_allclose(ours, never_rising, rtol=1e-12)


def test_steps_begin_at_one_and_hold_in_between(cox):
    X, model = customers(cox), from_lifelines(cox)
    first, second = cox.predict_cumulative_hazard(X).index[:2]
    got = model.predict_survival(X, [0.0, first / 2, first, (first + second) / 2])
    np.testing.assert_array_equal(got[:, :2], 1.0)
    np.testing.assert_array_equal(got[:, 2], got[:, 3])


def test_steps_for_customers_who_stayed(cox):
    X, model = customers(cox), from_lifelines(cox)
    times = cox.predict_cumulative_hazard(X).index.to_numpy()
    stayed = np.where(np.arange(40) % 2, 0.0, times[5])
    got = model.predict_survival(X, [times[9] - times[5]], given=stayed)[:, 0]
    whole = model.predict_survival(X, [times[5], times[9] - times[5], times[9]])
    np.testing.assert_allclose(got, np.where(stayed > 0, whole[:, 2] / whole[:, 0], whole[:, 1]), rtol=1e-12)


def test_steps_of_a_cox_model_for_customers_who_stayed_are_those_of_lifelines():
    fitter, X = COX["plain"](), ROSSI.head(10)
    theirs = fitter.predict_survival_function(X, times=[5.0, 20.0], conditional_after=[10.0] * 10)
    ours = from_lifelines(fitter).predict_survival(X, [5, 20], given=10)
    np.testing.assert_allclose(ours, theirs.to_numpy().T, rtol=1e-12)
    # lifelines forgets those who left by the first time: the reason why it is not asked for newcomers
    wrong = fitter.predict_survival_function(X, times=[1.0], conditional_after=[0.0] * 10).to_numpy()
    assert (wrong == 1.0).all(), "the peer's fault is mended: compare with it directly"


def test_past_the_last_time_steps_are_refused_or_held(cox):
    X = customers(cox)
    last = float(cox.predict_cumulative_hazard(X).index.max())
    with pytest.raises(InputError, match=r"stay, but the model was fitted on .*tail='hold'"):
        from_lifelines(cox).predict_survival(X, [last], given=1)
    held = from_lifelines(cox, tail="hold").predict_survival(X, [last, last + 5])
    np.testing.assert_array_equal(held[:, 0], held[:, 1])


def test_smooth_models(smooth):
    X, model = customers(smooth), from_lifelines(smooth)
    stayed = np.linspace(0.0, 30.0, 40)
    theirs = smooth.predict_survival_function(X, times=[1.0, 6.5, 80.0])
    np.testing.assert_allclose(model.predict_survival(X, [80, 1, 6.5]), theirs.to_numpy().T[:, [2, 0, 1]], rtol=1e-12)
    got = model.predict_survival(X, [1, 6.5, 80], given=stayed)
    for i in range(40):
        past, *ahead = smooth.predict_survival_function(X.iloc[[i]], times=stayed[i] + np.array([0, 1, 6.5, 80]))[i]
        np.testing.assert_allclose(got[i], np.array(ahead) / past, rtol=1e-9)
    np.testing.assert_array_equal(model.predict_survival(X, [0.0], given=stayed), 1.0)
    assert model.last_time_ == np.inf


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("data", [load_waltons, load_leukemia])
def test_one_curve_for_all(name, data):
    frame = data()
    duration, event = (frame["T"], frame["E"]) if "T" in frame else (frame["t"], frame["status"])
    fitter = CURVES[name]().fit(duration.astype(float), event)
    model = from_lifelines(fitter, tail="hold")
    if name == "nelson-aalen":
        theirs = np.exp(-np.asarray(fitter.cumulative_hazard_at_times([4.0, 9.0, 21.0])))
    else:
        theirs = fitter.survival_function_at_times([4.0, 9.0, 21.0])
    np.testing.assert_allclose(model.predict_survival([[0]], [4, 9, 21])[0], theirs, rtol=1e-12)
    at = model.predict_survival(np.zeros((3, 1)), [5, 17], given=[0, 4, 4])
    np.testing.assert_allclose(at[1], np.asarray(theirs)[1:] / np.asarray(theirs)[0], rtol=1e-12)


def test_kaplan_meier_is_ours():
    frame = load_waltons()
    ours = kaplan_meier(survival_target(frame["T"], frame["E"]))
    model = from_lifelines(lifelines.KaplanMeierFitter().fit(frame["T"], frame["E"]))
    np.testing.assert_allclose(model.predict_survival([[0]], ours.times)[0], ours.survival, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", ["plain", "strata", "additive", "weibull", "spline baseline", "one", "formula"])
def test_expected_lifetime_is_the_area(kind):
    X, stayed = ROSSI.head(4), np.array([0.0, 3.5, 10.0, 20.0])
    if kind in {"one", "formula"}:
        fitter = (lifelines.KaplanMeierFitter if kind == "one" else lifelines.WeibullFitter)()
        fitter.fit(ROSSI["week"], ROSSI["arrest"])
    else:
        fitter = (COX | SMOOTH)[kind]()
    model = from_lifelines(fitter)
    got = model.expected_lifetime(X, 25.0, given=stayed)
    breaks = np.arange(0.0, 25.5, 0.5)
    for i in range(4):
        one = ROSSI.iloc[[i]]
        height = lambda t, one=one, i=i: model.predict_survival(one, [t], given=stayed[i])[0, 0]  # noqa: E731
        if np.isfinite(model.last_time_):
            want = 0.5 * sum(height(t + 0.25) for t in breaks[:-1])  # steps fall at whole weeks
        else:
            want = quad(height, 0.0, 25.0)[0]
        assert got[i] == pytest.approx(want, rel=1e-6)


def test_risk_hazard_and_incidence():
    fitter = COX["plain"]()
    model = from_lifelines(fitter, time_unit="week")
    np.testing.assert_array_equal(model.predict_risk(ROSSI), fitter.predict_partial_hazard(ROSSI))
    survival = model.predict_survival(ROSSI, [10, 20])
    np.testing.assert_allclose(model.predict_cumulative_hazard(ROSSI, [10, 20]), -np.log(survival), rtol=1e-12)
    np.testing.assert_allclose(model.predict_incidence(ROSSI, [10, 20])[:, 0], 1 - survival)
    assert model.summary().index.tolist() == list(fitter.summary.index)
    weibull = from_lifelines(SMOOTH["weibull"]())
    order = np.argsort(weibull.predict_risk(ROSSI))
    assert (np.diff(weibull.predict_survival(ROSSI, [30])[order, 0]) <= 0).all()


def test_reasons_of_a_cox_model_are_its_coefficients_times_the_distance_from_lifelines_average():
    fitter = COX["plain"]()
    told = from_lifelines(fitter).reasons(ROSSI.head(30), top=2)
    middle = fitter._central_values.iloc[0]
    parts = (ROSSI.head(30)[list(fitter.params_.index)] - middle[fitter.params_.index]) * fitter.params_
    best = np.sort(parts.to_numpy(), axis=1)[:, ::-1][:, :2]
    np.testing.assert_allclose(told.contribution, np.maximum(best, 0), atol=1e-10)
    assert told.columns[0, 0] == parts.columns[parts.to_numpy()[0].argmax()]


def test_reasons_of_every_regression_name_their_columns(smooth):
    X = customers(smooth)
    told = from_lifelines(smooth).reasons(X, top=2)
    assert set(told.columns[told.contribution > 0]) <= set(X.columns)
    assert (told.contribution[:, 0] > 0).any()


def test_metrics_of_a_lifelines_model():
    fitter = COX["plain"]()
    model = from_lifelines(fitter, time_unit="week")
    y = survival_target(ROSSI["week"], ROSSI["arrest"])
    assert concordance(y, model.predict_risk(ROSSI)).value == pytest.approx(fitter.concordance_index_, rel=1e-12)
    score = brier_score(y, model.predict_survival(ROSSI, [10, 30, 50]), [10, 30, 50]).score
    assert (np.diff(score) > 0).all()


def test_value_and_alerts_of_a_lifelines_model():
    model = from_lifelines(COX["plain"](), time_unit="month", tail="hold")
    X = ROSSI.head(30)
    stayed = np.arange(30.0)
    worth = lifetime_value(model, X, margin=10.0, horizon=20, monthly_discount=0.01, given=stayed)
    survival = model.predict_survival(X, np.arange(1, 21), given=stayed)
    np.testing.assert_allclose(worth.value, discounted_value(survival, 10.0, monthly_discount=0.01), rtol=1e-12)
    listed = alert_list(model, X, horizon=12, given=stayed, capacity=5)
    assert listed.row.tolist() == np.argsort(survival[:, 11], kind="stable")[:5].tolist()


def test_frames_of_every_kind_and_blocks_give_the_same(monkeypatch):
    fitter = COX["strata"]()
    model, X = from_lifelines(fitter), ROSSI.head(23)
    want = model.predict_survival(X, [5, 30])
    np.testing.assert_array_equal(model.predict_survival({name: X[name].to_numpy() for name in X}, [5, 30]), want)
    np.testing.assert_array_equal(model.predict_survival(X.set_index(np.arange(23)[::-1]), [5, 30]), want)
    monkeypatch.setattr("custval._survival.from_lifelines.ELEMENTS", 200)
    np.testing.assert_allclose(model.predict_survival(X, [5, 30]), want, rtol=1e-14)


def test_models_without_survival_or_fit_are_refused():
    for kind in (lifelines.CoxPHFitter, lifelines.WeibullAFTFitter, lifelines.KaplanMeierFitter):
        with pytest.raises(NotFittedError, match=f"this {kind.__name__} is not fitted"):
            from_lifelines(kind())
    aalen = lifelines.AalenJohansenFitter(calculate_variance=False)
    aalen.fit(ROSSI["week"] + np.arange(432) / 1000, ROSSI["arrest"], event_of_interest=1)
    with pytest.raises(InputError, match="incidence of one cause only"):
        from_lifelines(aalen)
    moving = ROSSI.assign(id=np.arange(432), start=0.0).rename(columns={"week": "stop"})
    fitted = lifelines.CoxTimeVaryingFitter(penalizer=0.1).fit(
        moving, event_col="arrest", start_col="start", stop_col="stop", id_col="id"
    )
    with pytest.raises(InputError, match="CoxTimeVaryingFitter predicts no survival"):
        from_lifelines(fitted)
    with pytest.raises(InputError, match="KaplanMeierFitter has no coefficients"):
        from_lifelines(lifelines.KaplanMeierFitter().fit(ROSSI["week"])).summary()
