"""Cause-specific hazards composed into incidences: against Aalen-Johansen, a second route, and derivatives by steps."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest

from custval import InputError, NotFittedError
from custval._survival.cause_path import compete, slope_by_hazard
from custval.survival import (
    AFT,
    CauseSpecificHazard,
    CoxPH,
    DiscreteHazard,
    PiecewiseExponential,
    SharedFrailtyCox,
    aalen_johansen,
    survival_target,
)


def world(n=400, seed=5, whole=True, entry=False):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    first = rng.exponential(20 * np.exp(-0.5 * X[:, 0]))
    second = rng.exponential(30 * np.exp(0.4 * X[:, 1]))
    end = rng.uniform(5, 40, n)
    time = np.minimum(np.minimum(first, second), end)
    cause = np.where(time == end, 0, np.where(time == first, 1, 2))
    time = np.ceil(time) if whole else time
    since = np.floor(rng.uniform(0, 1, n) * time * rng.integers(0, 2, n)) if entry else None
    return X, survival_target(time, cause, entry=since, causes=["price", "moved"])


def slow_incidence(model, x, times, given, grid):
    """One customer, one step at a time, straight from the definition."""
    edges = [given, *[g for g in grid if given < g <= given + times[-1]]]
    survival, gone, answer = 1.0, np.zeros(len(model.models_)), []
    for h in times:
        survival, gone = 1.0, np.zeros(len(model.models_))
        for a, b in itertools.pairwise(edges):
            if b > given + h:
                break
            d = np.array([m.predict_cumulative_hazard(x, [b - a], given=a)[0, 0] for m in model.models_])
            if d.sum() > 0:
                gone = gone + survival * (1 - np.exp(-d.sum())) * d / d.sum()
                survival *= np.exp(-d.sum())
        answer.append(gone)
    return np.array(answer).T


def test_cox_incidences_follow_the_definition_step_by_step():
    X, y = world(150, entry=True)
    model = CauseSpecificHazard().fit(X, y)
    grid = sorted({*y["duration"]})
    for row, given in ((0, 0.0), (3, 4.0), (7, 9.5)):
        mine = model.predict_incidence(X[[row]], [1, 5.5, 12], given=given)[0]
        assert mine == pytest.approx(slow_incidence(model, X[[row]], [1, 5.5, 12], given, grid), rel=1e-12)
    each = model.predict_incidence(X[:20], [2, 6], given=np.arange(20) / 2)
    for row in range(20):
        assert each[row] == pytest.approx(model.predict_incidence(X[[row]], [2, 6], given=row / 2)[0], rel=1e-12)


def test_without_an_effect_it_is_nearly_aalen_johansen():
    X, y = world(3000, whole=False)  # without ties exp(-d / n) is nearly 1 - d / n
    curve = aalen_johansen(y)
    model = CauseSpecificHazard(estimator=CoxPH(l2=1e9, ties="breslow")).fit(X, y)
    mine = model.predict_incidence(X[:1], [5, 10, 20])[0]
    assert mine == pytest.approx(np.array([curve.at(t) for t in (5, 10, 20)]).T, abs=5e-4)


def test_one_cause_is_the_model_itself():
    X, y = world()
    one = survival_target(y["duration"], y["event"] > 0)
    for plain in (CoxPH(), AFT(), DiscreteHazard(baseline="spline")):
        alone, wrapped = plain.fit(X, one), CauseSpecificHazard(estimator=plain).fit(X, one)
        assert wrapped.predict_incidence(X, [3, 8], given=2) == pytest.approx(
            alone.predict_incidence(X, [3, 8], given=2), rel=1e-12
        )
        assert wrapped.expected_lifetime(X, 12) == pytest.approx(alone.expected_lifetime(X, 12), rel=1e-12)
        assert (wrapped.predict_risk(X) == alone.predict_risk(X)).all()
        assert wrapped.reasons(X, 2).contribution == pytest.approx(alone.reasons(X, 2).contribution)
        assert wrapped.coef_ == pytest.approx(alone.coef_)


MODELS = [
    CoxPH(tail="hold"),
    AFT(distribution="loglogistic"),
    PiecewiseExponential(breaks=[6.0, 18.0]),
    DiscreteHazard(baseline="spline", tail="hold"),
    {"price": CoxPH(tail="hold"), "moved": AFT()},
]


@pytest.mark.parametrize("estimator", MODELS, ids=lambda model: type(model).__name__)
def test_incidences_and_survival_are_one(estimator):
    X, y = world(250, entry=isinstance(estimator, CoxPH))
    model = CauseSpecificHazard(estimator=estimator).fit(X, y)
    for given in (None, 3.0, np.linspace(0, 12, 250), 50.0):
        total = model.predict_incidence(X, [0, 1, 7, 24], given=given).sum(axis=1)
        assert total + model.predict_survival(X, [0, 1, 7, 24], given=given) == pytest.approx(1.0, abs=1e-12)
    assert (model.predict_incidence(X, [4], given=0) == model.predict_incidence(X, [4])).all()
    part = model.predict_incidence(X[5:9], [1, 6], given=2)
    assert (part == model.predict_incidence(X, [1, 6], given=2)[5:9]).all()


def test_the_steps_of_smooth_hazards_do_not_show():
    X, y = world(300)
    model = CauseSpecificHazard(estimator=AFT()).fit(X, y)
    grid = np.linspace(0, 24, 24001)[1:]
    fine = np.stack([m.predict_cumulative_hazard(X[:3], grid) for m in model.models_], axis=1)
    _, exact = compete(np.diff(fine, axis=2, prepend=0.0))
    assert model.predict_incidence(X[:3], [6, 24]) == pytest.approx(exact[:, :, [5999, 23999]], abs=2e-6)


def test_monthly_cloglog_of_all_causes_is_nearly_the_composition_of_its_parts():
    X, y = world(600)
    joint = DiscreteHazard(link="cloglog", baseline="linear").fit(X, y)
    parts = CauseSpecificHazard(estimator=DiscreteHazard(link="cloglog", baseline="linear")).fit(X, y)
    told = parts.predict_incidence(X[:5], [6, 12])
    assert told == pytest.approx(joint.predict_incidence(X[:5], [6, 12]), abs=0.01)


@pytest.mark.parametrize(
    "estimator", [CoxPH(), AFT(), DiscreteHazard(baseline="spline")], ids=lambda m: type(m).__name__
)
def test_the_pullback_is_the_slope_of_the_predictions(estimator):
    X, y = world(200)
    rng = np.random.default_rng(0)
    weight, exits = rng.normal(size=(4, 6)), rng.normal(size=(4, 2, 6))
    model = CauseSpecificHazard(estimator=estimator).fit(X, y)
    slope = model.pullback(X[:4], weight, exits, given=2)
    assert slope.shape == (4, len(model.forecast_covariance_))

    def value(m):
        S = m.predict_survival(X[:4], np.arange(1, 7), given=2)
        F = np.diff(m.predict_incidence(X[:4], np.arange(1, 7), given=2), axis=2, prepend=0.0)
        return (weight * S).sum(axis=1) + (exits * F).sum(axis=(1, 2))

    # only survival: the sum of the slopes of the parts, each seen with the others held
    alone = model.pullback(X[:4], weight, given=2)
    ahead = [m.predict_survival(X[:4], np.arange(1, 7), given=2) for m in model.models_]
    first = model.models_[0].pullback(X[:4], weight * ahead[1], given=2)
    assert alone[:, : first.shape[1]] == pytest.approx(first, rel=1e-9)
    assert np.isfinite(value(model)).all()


def test_the_slope_by_hazard_is_a_derivative():
    rng = np.random.default_rng(3)
    ahead = np.cumsum(rng.uniform(0, 0.4, (2, 3, 5)), axis=2)
    weight, exits = rng.normal(size=(2, 5)), rng.normal(size=(2, 3, 5))

    def value(level):
        survival, incidence = compete(np.diff(level, axis=2, prepend=0.0))
        left = np.diff(incidence, axis=2, prepend=0.0)
        return (weight * survival).sum(axis=1) + (exits * left).sum(axis=(1, 2))

    slope = slope_by_hazard(np.diff(ahead, axis=2, prepend=0.0), weight, exits)
    for k in range(3):
        for t in range(5):
            up, down = ahead.copy(), ahead.copy()
            up[:, k, t] += 1e-6
            down[:, k, t] -= 1e-6
            assert slope[:, k, t] == pytest.approx((value(up) - value(down)) / 2e-6, abs=1e-8)


def test_the_components_are_those_of_r(shared, reference):
    with (shared / "reference" / "survival" / "cr_sim.csv").open() as file:
        table = list(csv.DictReader(file))
    data = {name: np.array([float(row[name]) for row in table]) for name in table[0]}
    model = CauseSpecificHazard().fit(
        {"a": data["a"], "b": data["b"]}, survival_target(data["time"], data["cause"].astype(int))
    )
    cases = {case["id"]: case["expected"] for case in reference("survival")}
    for k in (1, 2):
        wanted = cases[f"cause_specific{k}_cr_sim"]
        assert model.coef_[k - 1] == pytest.approx(list(wanted["coef"].values()), rel=1e-6)
        assert model.std_error_[k - 1] == pytest.approx(list(wanted["se"].values()), rel=1e-6)
    assert model.summary()["cause"].tolist() == ["cause_1"] * 2 + ["cause_2"] * 2


def test_frames_strata_and_lifetimes():
    X, y = world(300)
    frame = {"fee": X[:, 0], "plan": np.where(X[:, 1] > 0, "a", "b")}
    model = CauseSpecificHazard().fit(frame, y, strata="plan", cluster=np.arange(300) // 2)
    assert model.feature_names_out_.tolist() == ["fee"]
    assert model.predict_incidence(frame, [3]).shape == (300, 2, 1)
    reasons = CauseSpecificHazard().fit(frame, y).reasons(frame, 1)
    assert set(reasons.columns.ravel()) <= {"fee", "plan", None}
    smooth = CauseSpecificHazard(estimator=AFT()).fit(frame, y)
    months = np.linspace(0, 12, 20001)
    area = np.trapezoid(smooth.predict_survival({k: v[:2] for k, v in frame.items()}, months), months, axis=1)
    assert smooth.expected_lifetime(frame, 12)[:2] == pytest.approx(area, rel=1e-5)
    steps = CauseSpecificHazard().fit(frame, y)
    whole = steps.predict_survival(frame, np.arange(12)).sum(axis=1)
    assert steps.expected_lifetime(frame, 12) == pytest.approx(whole, rel=1e-12)
    assert steps.score(frame, y) > 0


def test_bad_input_is_named():
    X, y = world(60)
    with pytest.raises(InputError, match="nobody left for cause 'debt'"):
        CauseSpecificHazard().fit(X, survival_target([1, 2, 3], ["price", None, "price"], causes=["price", "debt"]))
    with pytest.raises(InputError, match="estimator must be a CoxPH, AFT"):
        CauseSpecificHazard(estimator=SharedFrailtyCox()).fit(X, y)
    with pytest.raises(InputError, match=r"no model for cause 'moved'"):
        CauseSpecificHazard(estimator={"price": CoxPH()}).fit(X, y)
    with pytest.raises(InputError, match="takes no strata"):
        CauseSpecificHazard(estimator=AFT()).fit(X, y, strata=np.arange(60) % 2)
    with pytest.raises(InputError, match="reaches time 100"):
        CauseSpecificHazard().fit(X, y).predict_incidence(X, [100])
    with pytest.raises(InputError, match=r"exit_weight must have shape \(60, 2, 3\)"):
        CauseSpecificHazard().fit(X, y).pullback(X, np.ones((60, 3)), np.ones((60, 1, 3)))
    with pytest.raises(InputError, match="y holds the causes left"):
        CauseSpecificHazard().fit(X, y).score(X, survival_target(y["duration"]))
    with pytest.raises(NotFittedError):
        CauseSpecificHazard().predict_risk(X)
    with pytest.raises(InputError, match="no customer left"):
        CauseSpecificHazard().fit(X, survival_target(y["duration"], np.zeros(60, dtype=int), causes=["a", "b"]))


def test_the_band_without_an_effect_is_nearly_that_of_aalen_johansen():
    _, y = world(1500)
    X = np.random.default_rng(1).normal(size=(1500, 1))
    X = X - X.mean()
    model = CauseSpecificHazard().fit(X, y)
    curve = aalen_johansen(y)
    for code, cause in enumerate(model.causes_, 1):
        band = model.predict_incidence_band([[0.0]], [6, 12, 24], cause=code)
        assert band.cause == cause
        at = np.searchsorted(curve.times, [6, 12, 24], side="right") - 1
        assert band.incidence[0] == pytest.approx(curve.incidence[code - 1][at], abs=5e-3)
        assert band.std_error[0] == pytest.approx(np.asarray(curve.std_error)[code - 1][at], rel=0.05)
        assert ((band.lower < band.incidence) & (band.incidence < band.upper)).all()
        assert band.to_frame().shape == (3, 6)


@pytest.mark.parametrize(
    "estimator", [CoxPH(tail="hold"), AFT(), DiscreteHazard(baseline="spline")], ids=lambda m: type(m).__name__
)
def test_the_band_is_that_of_drawn_customers(estimator):
    X, y = world(300)
    model = CauseSpecificHazard(estimator=estimator).fit(X, y)
    asked, given = X[:2], [0.0, 5.0]
    band = model.predict_incidence_band(asked, [0, 12], cause="moved", given=given)
    rng, told = np.random.default_rng(0), []
    for _ in range(60):
        rows = rng.integers(0, 300, 300)
        again = CauseSpecificHazard(estimator=estimator).fit(X[rows], y[rows])
        told.append(again.predict_incidence(asked, [12], given=given)[:, 1, 0])
    assert band.std_error[:, 1] == pytest.approx(np.std(told, axis=0), rel=0.3)
    assert (band.std_error[:, 0] == 0).all()
    assert (band.upper[:, 0] == 0).all()


def test_what_a_band_cannot_tell_is_refused():
    X, y = world(100)
    with pytest.raises(InputError, match="times must be whole but 1 of 2 rows is not"):
        CauseSpecificHazard().fit(X, y).predict_incidence_band(X, [1, 1.5])
    with pytest.raises(InputError, match="there is no cause 'debt'; the causes are price, moved"):
        CauseSpecificHazard().fit(X, y).predict_incidence_band(X, [1], cause="debt")
    with pytest.raises(InputError, match="a band needs models with standard errors"):
        CauseSpecificHazard(estimator=CoxPH(l1=0.5)).fit(X, y).predict_incidence_band(X, [1])
