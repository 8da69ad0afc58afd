"""What lies ahead, what if, marginal effects, elasticities and recalibration, each by a second route."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.survival.discrete_cases import customers

from custval import InputError
from custval.clv import lifetime_value
from custval.survival import (
    AFT,
    CauseSpecificHazard,
    Clock,
    CoxPH,
    DiscreteHazard,
    marginal_effects,
    outlook,
    price_elasticity,
    survival_target,
    what_if,
    what_if_value,
)


def telecom(n=900, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "fee": rng.normal(30.0, 6.0, n),
            "contract": rng.choice(["monthly", "yearly"], n),
            "paperless": rng.random(n) < 0.5,
        }
    )
    e = np.exp(-3.2 + 0.06 * (X["fee"] - 30.0) + 0.7 * (X["contract"] == "monthly")).to_numpy()
    duration, event = np.full(n, 12), np.zeros(n, dtype=int)
    for t in range(12, 0, -1):
        u = rng.random(n)
        h = np.stack([e, 0.02 * np.ones(n)]) / (1 + e + 0.02)
        leave = u < h.sum(axis=0)
        duration[leave], event[leave] = t, 1 + (u[leave] > h[0, leave])
    return X, survival_target(duration, event, causes=["price", "moved"])


def fitted(**options):
    X, y = telecom()
    return DiscreteHazard(**({"baseline": "linear", "tail": "hold"} | options)).fit(X, y), X, y


def drawn(model, seed=0, draws=400):
    """Yield models whose parameters are drawn from their distribution: a second route to every standard error."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(model.covariance_ + 1e-14 * np.eye(len(model.covariance_)))
    p = len(model.center_)
    for _ in range(draws):
        step, at = root @ rng.normal(size=len(root)), 0
        other = DiscreteHazard.from_state(model.get_state())
        level, coef = model.level_.copy(), np.atleast_2d(model.coef_).copy()
        for k, basis in enumerate(model.basis_):
            q = basis.shape[1]
            level[k] += basis @ step[at : at + q]
            coef[k] += step[at + q : at + q + p]
            at += q + p
        other.level_, other.coef_ = level, coef if model.coef_.ndim == 2 else coef[0]
        yield other


def test_the_outlook_is_what_the_model_predicts():
    model, X, _ = fitted()
    few = X.iloc[:30]
    ahead = outlook(model, few, given=4, horizon=200)
    assert ahead.p_leave == pytest.approx(1 - model.predict_survival(few, [1, 3, 6, 12], given=4))
    assert ahead.incidence == pytest.approx(model.predict_incidence(few, [1, 3, 6, 12], given=4))
    assert ahead.mean_months == pytest.approx(model.expected_lifetime(few, 200, given=4))
    S = model.predict_survival(few, np.arange(1, 201), given=4)
    for i, median in enumerate(ahead.median_months):
        assert S[i, int(median) - 1] <= 0.5
        assert median == 1 or S[i, int(median) - 2] > 0.5
    assert np.isinf(outlook(model, few, horizon=2).median_months).all()
    assert ((ahead.lower <= ahead.incidence) & (ahead.incidence <= ahead.upper)).all()
    assert ahead.to_frame().columns.tolist()[:5] == ["p_leave_1", "p_leave_3", "p_leave_6", "p_leave_12", "price_1"]


def test_the_errors_of_the_outlook_are_those_of_drawn_parameters():
    model, X, _ = fitted()
    few = X.iloc[:3]
    ahead = outlook(model, few, months=[3, 12], horizon=24)
    draws = [
        (other.predict_incidence(few, [3, 12]), other.expected_lifetime(few, 24)) for other in drawn(model, draws=500)
    ]
    assert np.std([one for one, _ in draws], axis=0) == pytest.approx(ahead.std_error, rel=0.15)
    assert np.std([one for _, one in draws], axis=0) == pytest.approx(ahead.mean_std_error, rel=0.15)


def test_models_of_other_kinds_have_an_outlook():
    X, y = telecom(200)
    model = AFT().fit(X[["fee"]], survival_target(y["duration"], y["event"] > 0))
    ahead = outlook(model, X[["fee"]].iloc[:5], months=[1, 6], horizon=24)
    assert ahead.std_error is not None
    assert ahead.incidence.shape == (5, 1, 2)


@pytest.mark.parametrize("kind", [CoxPH(), CauseSpecificHazard()], ids=["cox", "causes"])
def test_models_whose_baseline_is_estimated_answer_every_question(kind):
    X, y = telecom(200)
    X = X[["fee"]]
    y = survival_target(y["duration"], y["event"] > 0) if isinstance(kind, CoxPH) else y
    model = kind.fit(X, y)
    ahead = outlook(model, X[:5], months=[1, 6], horizon=12)
    assert ahead.mean_std_error.shape == (5,)
    if isinstance(kind, CoxPH):
        assert ahead.std_error[:, 0] == pytest.approx(model.predict_survival_band(X[:5], [1, 6]).std_error, rel=1e-6)
    moved = what_if(model, X, {"fee": lambda fee: fee * 0.9}, months=[6])
    assert (moved.std_error > 0).all()
    assert (price_elasticity(model, X, "fee").std_error > 0).all()
    assert (marginal_effects(model, X, ["fee"]).std_error > 0).all()
    told = what_if_value(model, X, {"fee": 20.0}, margin=10.0, horizon=6, monthly_discount=0.01)
    assert told.std_error > 0


def test_what_if_moves_incidence_and_value():
    model, X, _ = fitted()
    cheaper = what_if(model, X, {"fee": lambda fee: fee * 0.9, "contract": "yearly"}, months=[1, 6], given=2)
    other = X.assign(fee=X["fee"] * 0.9, contract="yearly")
    assert cheaper.before[:2] == pytest.approx(model.predict_incidence(X, [1, 6], given=2).mean(axis=0))
    assert cheaper.after[:2] == pytest.approx(model.predict_incidence(other, [1, 6], given=2).mean(axis=0))
    assert cheaper.before[2] == pytest.approx(cheaper.before[:2].sum(axis=0))
    assert cheaper.causes == ("price", "moved", "all")
    assert cheaper.p_after == pytest.approx(1 - model.predict_survival(other, [6], given=2)[:, 0])
    draws = [
        (m.predict_incidence(other, [1, 6], given=2) - m.predict_incidence(X, [1, 6], given=2)).mean(axis=0)
        for m in drawn(model, draws=300)
    ]
    assert np.std(draws, axis=0) == pytest.approx(cheaper.std_error[:2], rel=0.2)
    assert (cheaper.upper[0] < 0).all()
    value = [
        lifetime_value(model, frame, margin=20.0, horizon=12, monthly_discount=0.01).value.sum()
        for frame in (X, cheaper.X)
    ]
    assert value[1] > value[0]
    assert isinstance(cheaper.X, pd.DataFrame)


def test_the_elasticity_is_the_slope_of_the_logarithm():
    model, X, _ = fitted()
    told = price_elasticity(model, X, "fee", horizon=6)

    def log_share(m, factor):
        F = m.predict_incidence(X.assign(fee=X["fee"] * factor), [6])[:, :, 0].mean(axis=0)
        return np.log(np.append(F, F.sum()))

    slope = (log_share(model, 1.001) - log_share(model, 0.999)) / 0.002
    assert told.elasticity == pytest.approx(slope, rel=1e-4)
    draws = [(log_share(m, 1.001) - log_share(m, 0.999)) / 0.002 for m in drawn(model, draws=300)]
    assert told.std_error == pytest.approx(np.std(draws, axis=0), rel=0.2)
    assert told.elasticity[0] > 1


def test_marginal_effects_are_changes_of_the_mean_probability():
    model, X, _ = fitted()
    told = marginal_effects(model, X, horizon=3)
    found = {(f, c): (e, s) for f, c, e, s in zip(told.feature, told.cause, told.effect, told.std_error, strict=True)}

    def share(m, **changed):
        F = m.predict_incidence(X.assign(**changed), [3])[:, :, 0].mean(axis=0)
        return np.append(F, F.sum())

    yearly = share(model, contract="yearly") - share(model, contract="monthly")
    paper = share(model, paperless=True) - share(model, paperless=False)
    fee = (share(model, fee=X["fee"] + 0.01) - share(model, fee=X["fee"] - 0.01)) / 0.02
    for k, cause in enumerate(("price", "moved", "all")):
        assert found["contract=yearly", cause][0] == pytest.approx(yearly[k], rel=1e-9)
        assert found["paperless", cause][0] == pytest.approx(paper[k], rel=1e-9)
        assert found["fee", cause][0] == pytest.approx(fee[k], rel=1e-4)
    draws = [share(m, contract="yearly") - share(m, contract="monthly") for m in drawn(model, draws=300)]
    assert np.std(draws, axis=0)[0] == pytest.approx(found["contract=yearly", "price"][1], rel=0.2)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_recalibration_finds_the_level_and_slope_that_were_put_in(link):
    rng = np.random.default_rng(0)
    n = 6000
    x = rng.normal(size=n)
    e = np.exp(-2.5 + 0.8 * x)[:, None] * [1.0, 0.5]
    model = DiscreteHazard(link=link, baseline="constant", tail="hold")

    def lived(rates):
        total = rates.sum(axis=1, keepdims=True)
        h = rates / (1 + total) if link == "logit" else -np.expm1(-total) * rates / total
        u = rng.random(n)
        leave = u < h.sum(axis=1)
        return survival_target(np.ones(n), np.where(leave, 1 + (u > h[:, 0]), 0), causes=["price", "moved"])

    model.fit({"x": x}, lived(e))
    log_rate = np.log(e)
    moved = model.recalibrate({"x": x}, lived(np.exp([0.5, -0.2] + [0.6, 1.0] * log_rate)))
    told = moved.calibration_
    assert (np.abs(told.intercept - [0.5, -0.2]) < 4 * told.intercept_std_error + 0.35).all()
    assert (np.abs(told.slope - [0.6, 1.0]) < 4 * told.slope_std_error + 0.1).all()
    assert told.log_likelihood > told.log_likelihood_before
    assert moved.coef_ == pytest.approx(model.coef_ * told.slope[:, None])
    assert moved.std_error_ == pytest.approx(model.std_error_ * told.slope[:, None])


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_recalibration_on_its_own_data_changes_nothing_and_calibrates_in_the_large(link):
    X, y = customers(n=400)
    model = DiscreteHazard(link=link, baseline="linear", tail="hold").fit(X, y)
    told = model.recalibrate(X, y).calibration_
    assert told.intercept == pytest.approx([0, 0], abs=1e-6)
    assert told.slope == pytest.approx([1, 1], abs=1e-6)
    half = survival_target(
        y["duration"], np.where(np.arange(400) % 2, y["event"], 0), entry=y["entry"], causes=["c1", "c2"]
    )
    moved = model.recalibrate(X, half, slopes=False)
    entry, end = y["entry"].astype(int), y["duration"].astype(int)
    expected = sum(
        moved.predict_hazard(X[i : i + 1], np.arange(1, end[i] - entry[i] + 1), given=entry[i])[0].sum(axis=1)
        for i in range(400)
    )
    observed = [(half["event"] == k).sum() for k in (1, 2)]
    if link == "logit":  # the likelihood equation of the intercept
        assert expected == pytest.approx(observed, rel=1e-6)
    assert expected == pytest.approx(observed, rel=0.05)
    assert moved.score(X, half) > model.score(X, half)


def test_recalibrated_models_with_clocks_predict_what_their_rates_say():
    rng = np.random.default_rng(3)
    X = {"fee": rng.normal(size=500), "end": rng.integers(1, 7, 500)}
    y = survival_target(rng.integers(1, 6, 500), rng.integers(0, 2, 500))
    model = DiscreteHazard(baseline="linear", clocks=(Clock("end", step=-1, curve="linear"),), tail="hold").fit(X, y)
    later = survival_target(rng.integers(1, 6, 500), rng.random(500) < 0.2)
    moved = model.recalibrate(X, later)
    a, b = moved.calibration_.intercept[0], moved.calibration_.slope[0]
    h = model.predict_hazard(X, [1, 2, 3])[:, 0]
    eta = a + b * np.log(h / (1 - h))
    assert moved.predict_hazard(X, [1, 2, 3])[:, 0] == pytest.approx(1 / (1 + np.exp(-eta)))


# --- bad input -------------------------------------------------------------------------------------------------------
def test_impossible_questions_are_refused():
    model, X, y = fitted()
    with pytest.raises(ValueError, match=r"there is no column 'fees' to change \(did you mean 'fee'\?\)"):
        what_if(model, X, {"fees": 1.0})
    with pytest.raises(ValueError, match="the change of 'fee' gives 2 values for 900 customers"):
        what_if(model, X, {"fee": [1.0, 2.0]})
    with pytest.raises(ValueError, match="column 'contract' holds text; a price is a number"):
        price_elasticity(model, X, "contract")
    with pytest.raises(ValueError, match="the model has no column 'cost'"):
        marginal_effects(model, X, ["cost"])
    with pytest.raises(ValueError, match="what_if needs a fitted model with standard errors"):
        what_if(DiscreteHazard(baseline="linear", l1=1.0).fit(X, y), X, {"fee": 1.0})
    with pytest.raises(ValueError, match="a level not seen in fitting: 'weekly'"):
        what_if(model, X, {"contract": "weekly"})
    with pytest.raises(ValueError, match="X must be a frame, not an array"):
        what_if(model, np.ones((2, 2)), {"fee": 1.0})
    with pytest.raises(ValueError, match="given has 2 rows but X has 900"):
        outlook(model, X, given=[1, 2])


def test_impossible_recalibrations_are_refused():
    model, X, y = fitted()
    with pytest.raises(ValueError, match="cause 'died' was not seen in fitting; the model knows price, moved"):
        model.recalibrate(X, survival_target(y["duration"], y["event"], causes=["price", "died"]))
    with pytest.raises(ValueError, match="nobody left for cause 'moved' in these months"):
        model.recalibrate(X, survival_target(y["duration"], y["event"] == 1, causes=["price"]))
    with pytest.raises(ValueError, match="reaches month 30 of a customer's stay, but the last observed month is 12"):
        fitted(tail="error")[0].predict_survival(X, [30])
    rng = np.random.default_rng(0)
    free = DiscreteHazard(tail="hold").fit(
        np.arange(8.0)[:, None] % 3, survival_target([1, 1, 3, 3, 1, 3, 3, 1], [1, 0, 1, 0, 0, 1, 0, 1])
    )
    with pytest.raises(ValueError, match="in months in which the model has hazard 0; fit it with a smooth baseline"):
        free.recalibrate(rng.normal(size=(4, 1)), survival_target([2, 2, 2, 3], [1, 0, 1, 1]))


@pytest.mark.parametrize("baseline", ["free", "spline", "constant"])
def test_a_moved_model_moves_as_its_gradient_says(baseline):
    rng = np.random.default_rng(0)
    X = {"fee": rng.normal(size=300), "months_to_end": rng.integers(1, 13, 300)}
    y = survival_target(rng.integers(1, 15, 300), rng.integers(0, 3, 300), causes=["price", "moved"])
    clocks = (Clock("months_to_end", step=-1, curve="linear"),)
    model = DiscreteHazard(baseline=baseline, clocks=clocks, tail="hold").fit(X, y)
    weight, exits = rng.normal(size=(300, 5)), rng.normal(size=(300, 2, 5))
    gradient = model.pullback(X, weight, exits, given=3.0)

    def summed(moved):
        left = moved.predict_incidence(X, np.arange(1, 6), given=3.0)
        return (weight * (1 - left.sum(axis=1))).sum(axis=1) + (exits * np.diff(left, axis=2, prepend=0.0)).sum((1, 2))

    for j in range(gradient.shape[1]):
        step = 1e-5 * (np.arange(gradient.shape[1]) == j)
        numeric = (summed(model.moved(step)) - summed(model.moved(-step))) / 2e-5
        np.testing.assert_allclose(numeric, gradient[:, j], atol=1e-7)
    with pytest.raises(InputError, match=r"step has 1 rows but the parameters has"):
        model.moved([0.1])


def test_nobody_has_an_empty_outlook_and_no_mean():
    model, X, _ = fitted()
    ahead = outlook(model, X.iloc[:0], horizon=3)
    assert ahead.incidence.shape == ahead.lower.shape == (0, 2, 4)
    assert ahead.mean_months.shape == ahead.median_months.shape == (0,)
    with pytest.raises(InputError, match="X holds no customers, so there is no mean over them"):
        what_if(model, X.iloc[:0], {"fee": 20.0})
