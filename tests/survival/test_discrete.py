"""DiscreteHazard against the expanded table, scikit-learn, known truth and itself; and every bad input by its words."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.survival.discrete_cases import brute_force, customers, person_months

from custval._core.serial import decode, encode
from custval._core.typing import HazardModel, SupportsPullback
from custval.survival import DiscreteHazard, survival_target

MONTHS = np.arange(1, 7)


def fitted(seed=0, causes=2, **options):
    X, y = customers(seed, causes=causes)
    return DiscreteHazard(**options).fit(X, y), X, y


# --- the same maximum by another route -------------------------------------------------------------------------------
@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("causes", [1, 2])
def test_coefficients_and_errors_are_those_of_the_expanded_table(link, causes):
    model, X, y = fitted(causes=causes, link=link, baseline="linear")
    Z, month, outcome = person_months(X, y)
    center, scale = Z.mean(axis=0), Z.std(axis=0)
    design = np.column_stack([np.ones(len(Z)), np.log1p(month), (Z - center) / scale])
    theta, value, information = brute_force(design, outcome, causes, link)
    assert model.log_likelihood_ == pytest.approx(value, rel=1e-10)
    assert np.atleast_2d(model.coef_) == pytest.approx(theta[:, 2:] / scale, rel=1e-7, abs=1e-8)
    error = np.sqrt(np.diag(np.linalg.inv(information))).reshape(causes, -1)[:, 2:] / scale
    assert np.atleast_2d(model.std_error_) == pytest.approx(error, rel=1e-6)
    assert model.center_ == pytest.approx(center)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_free_months_are_those_of_the_expanded_table(link):
    rng = np.random.default_rng(3)
    duration, event = rng.integers(1, 5, 200), rng.integers(0, 3, 200)
    event[:5], duration[:5] = 0, 4
    X = rng.normal(size=(200, 1))
    y = survival_target(duration, event)
    model = DiscreteHazard(link=link).fit(X, y)
    Z, month, outcome = person_months(X, y)
    design = np.column_stack([(month[:, None] == np.arange(1, 5)).astype(float), Z - model.center_])
    theta, value, information = brute_force(design, outcome, 2, link)
    assert model.log_likelihood_ == pytest.approx(value, rel=1e-10)
    assert model.coef_ == pytest.approx(theta[:, 4:], rel=1e-7)
    assert model.level_[:, :4] == pytest.approx(theta[:, :4], abs=1e-7)
    assert model.covariance_ == pytest.approx(np.linalg.inv(information), rel=1e-5, abs=1e-8)


def test_a_penalty_is_in_raw_units_or_per_standard_deviation():
    model, X, y = fitted(causes=1, baseline="constant", l2=5.0)
    Z, _, outcome = person_months(X, y)
    center, scale = Z.mean(axis=0), Z.std(axis=0)
    design = np.column_stack([np.ones(len(Z)), (Z - center) / scale])
    theta, value, _ = brute_force(design, outcome, 1, "logit", penalty=np.r_[0, 5.0 / scale**2])
    assert model.coef_ == pytest.approx(theta[0, 1:] / scale, rel=1e-7)
    assert model.log_likelihood_ == pytest.approx(value + (5 * model.coef_**2).sum() / 2, rel=1e-10)
    theta, _, _ = brute_force(design, outcome, 1, "logit", penalty=np.r_[0, 5.0, 5.0])
    same = DiscreteHazard(baseline="constant", l2=5.0, standardize_penalty=True).fit(X, y)
    assert same.coef_ == pytest.approx(theta[0, 1:] / scale, rel=1e-7)


def test_one_cause_is_scikit_learns_logistic_on_person_months():
    from sklearn.linear_model import LogisticRegression

    model, X, y = fitted(causes=1)
    Z, month, outcome = person_months(X, y)
    dummies = (month[:, None] == np.unique(month)).astype(float)
    scale = Z.std(axis=0)
    design = np.column_stack([dummies, (Z - Z.mean(axis=0)) / scale])
    peer = LogisticRegression(C=1e9, fit_intercept=False, tol=1e-10, max_iter=5000).fit(design, outcome)
    assert model.coef_ == pytest.approx(peer.coef_[0, -2:] / scale, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("baseline", ["free", "spline"])
def test_customer_rows_person_months_and_counts_give_the_same_numbers(link, baseline):
    rng = np.random.default_rng(5)
    n = 400
    cells = pd.DataFrame({"plan": rng.choice(["basic", "gold", "plus"], n), "paperless": rng.random(n) < 0.4})
    duration, event = rng.integers(1, 8, n), rng.integers(0, 3, n)
    event[:4], duration[:4] = 0, 8
    entry = np.minimum(rng.integers(0, 3, n), duration - 1)
    y = survival_target(duration, event, entry=entry, causes=["price", "moved"])
    options = {"link": link, "baseline": baseline, "tail": "hold"}
    rows = DiscreteHazard(**options).fit(cells, y)

    who = np.repeat(np.arange(n), duration - entry)
    month = np.concatenate([np.arange(a + 1, b + 1) for a, b in zip(entry, duration, strict=True)])
    outcome = np.where(month == duration[who], event[who], 0)
    long = survival_target(month, outcome, entry=month - 1, causes=["price", "moved"])
    expanded = DiscreteHazard(**options).fit(cells.iloc[who], long)

    table = cells.iloc[who].assign(
        tenure=month, at_risk=1, exits_price=(outcome == 1).astype(int), exits_moved=(outcome == 2).astype(int)
    )
    table = table.groupby(["tenure", "plan", "paperless"], as_index=False).sum()
    counted = DiscreteHazard(**options).fit_counts(table)
    for other in (expanded, counted):
        assert other.coef_ == pytest.approx(rows.coef_, rel=1e-10, abs=1e-10)
        assert other.std_error_ == pytest.approx(rows.std_error_, rel=1e-9)
        assert other.log_likelihood_ == pytest.approx(rows.log_likelihood_, rel=1e-11)
        ahead = rows.predict_incidence(cells, [1, 3, 20])
        assert other.predict_incidence(cells, [1, 3, 20]) == pytest.approx(ahead, rel=1e-9)
    assert counted.causes_ == rows.causes_ == ("price", "moved")


def test_counts_from_polars_and_pandas_agree():
    table = {
        "tenure": [1, 1, 2, 2],
        "fee": [20.0, 30.0, 20.0, 30.0],
        "at_risk": [90, 80, 81, 64],
        "exits_x": [9, 16, 9, 16],
    }
    a = DiscreteHazard().fit_counts(pd.DataFrame(table))
    b = DiscreteHazard().fit_counts(pl.DataFrame(table))
    assert (a.coef_ == b.coef_).all()
    assert a.log_likelihood_null_ < a.log_likelihood_


# --- the edge of the likelihood --------------------------------------------------------------------------------------
def test_a_month_without_departures_has_hazard_zero_and_one_that_empties_has_hazard_one():
    X = np.array([[0.0], [1.0], [0.0], [1.0], [1.0], [0.0], [1.0], [0.0]])
    y = survival_target([1, 1, 3, 3, 5, 5, 1, 1], [1, 0, 1, 0, 1, 1, 1, 0])
    model = DiscreteHazard().fit(X, y)
    assert model.baseline_[0, [1, 3]].tolist() == [0.0, 0.0]
    assert model.baseline_[0, 4] == 1.0
    ahead = model.predict_survival(X[:2], [1, 2, 3, 4, 5])
    assert (ahead[:, 4] == 0).all()
    assert (ahead[:, 0] == ahead[:, 1]).all()
    assert np.isfinite(model.covariance_).all()
    # the last month tells nothing: without it the coefficients are the same
    shorter = DiscreteHazard().fit(X, survival_target([1, 1, 3, 3, 4, 4, 1, 1], [1, 0, 1, 0, 0, 0, 1, 0]))
    assert model.coef_ == pytest.approx(shorter.coef_, rel=1e-9)
    assert model.log_likelihood_ == pytest.approx(shorter.log_likelihood_, rel=1e-12)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_a_month_that_empties_by_two_causes_still_tells_them_apart(link):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    duration, event = np.repeat([1, 2], 30), rng.integers(1, 3, 60)
    event[:20] = 0
    model = DiscreteHazard(link=link).fit(X, survival_target(duration, event))
    hazards = model.predict_hazard(X, [2])[:, :, 0]
    assert hazards.sum(axis=1) == pytest.approx(np.ones(60))
    # likelihood equations: expected and observed exits agree in the month that empties, and so do their sums with x
    assert hazards[30:].sum(axis=0) == pytest.approx([(event[30:] == k).sum() for k in (1, 2)], abs=1e-7)
    assert model.predict_survival(X, [2])[:, 0].tolist() == [0.0] * 60


def test_everybody_leaving_in_the_last_year_is_held():
    model = DiscreteHazard(tail="hold", l2=1.0).fit(np.array([[0.0], [1.0]]), survival_target([1, 1]))
    assert model.predict_survival([[0.5]], [1, 2], given=5).tolist() == [[0.0, 0.0]]


def test_months_in_which_nobody_is_at_risk_are_named():
    X = np.array([[0.0], [1.0], [0.0], [1.0], [0.5], [0.2]])
    y = survival_target([2, 2, 2, 9, 9, 9], [1, 0, 0, 1, 0, 0], entry=[0, 0, 0, 5, 5, 5])
    with pytest.warns(UserWarning, match=r"nobody is at risk in 3 of 9 months \(first: month 3\)"):
        model = DiscreteHazard(baseline="spline", l2=1.0).fit(X, y)
    assert np.isfinite(model.predict_survival(X)).all()


# --- prediction ------------------------------------------------------------------------------------------------------
def test_predictions_follow_from_the_hazards():
    model, X, _ = fitted(baseline="spline")
    h = model.predict_hazard(X, MONTHS)
    stay = 1 - h.sum(axis=1)
    survival = np.cumprod(stay, axis=1)
    assert model.predict_survival(X, MONTHS) == pytest.approx(survival)
    before = np.column_stack([np.ones(len(X)), survival[:, :-1]])
    assert model.predict_incidence(X, MONTHS) == pytest.approx(np.cumsum(before[:, None] * h, axis=2))
    assert model.predict_cumulative_hazard(X, MONTHS) == pytest.approx(np.cumsum(1 - stay, axis=1))
    assert model.expected_lifetime(X, 6) == pytest.approx(before.sum(axis=1))
    assert model.predict_survival(X, [0, 2, 2.7]) == pytest.approx(
        np.column_stack([before[:, 0], survival[:, 1], survival[:, 1]])
    )
    assert model.predict_incidence(X, [0])[:, :, 0].tolist() == [[0.0, 0.0]] * len(X)
    assert model.predict_survival(X).shape == (len(X), 6)
    share = model.exposure_ / model.exposure_.sum()
    assert model.predict_risk(X) == pytest.approx((1 - stay) @ share)
    assert (model.predict(X) == model.predict_risk(X)).all()


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("baseline", ["free", "spline"])
def test_pullback_is_the_derivative_by_every_parameter(link, baseline):
    model, X, _ = fitted(link=link, baseline=baseline, tail="hold")
    X = X[:5]
    rng = np.random.default_rng(0)
    w, c, given = rng.normal(size=(5, 8)), rng.normal(size=(5, 2, 8)), np.array([0, 1, 2, 5, 9])

    def total(other):
        incidence = other.predict_incidence(X, np.arange(9), given=given)
        return (w * other.predict_survival(X, np.arange(1, 9), given=given)).sum(axis=1) + (
            c * np.diff(incidence, axis=2)
        ).sum(axis=(1, 2))

    told = model.pullback(X, w, c, given=given)
    assert told.shape == (5, len(model.covariance_))
    for j, (up, down) in enumerate(moved(model, 1e-6)):
        assert told[:, j] == pytest.approx((total(up) - total(down)) / 2e-6, abs=2e-7)
    alone = model.pullback(X, w, given=given)
    assert alone == pytest.approx(model.pullback(X, w, np.zeros((5, 2, 8)), given=given))
    assert isinstance(model, SupportsPullback)
    assert isinstance(model, HazardModel)


def moved(model, step):
    """Yield the model with each parameter a little up and a little down, in the order of covariance_."""
    for cause, columns in enumerate(model._basis_ahead()):
        for j in range(columns.shape[1] + model.coef_.shape[1]):
            pair = []
            for sign in (step, -step):
                other = DiscreteHazard.from_state(model.get_state())
                other.level_, other.coef_ = model.level_.copy(), model.coef_.copy()
                if j < columns.shape[1]:
                    other.level_[cause, :-1] += sign * columns[:-1, j]
                    # past the last month: the mean rate of the months held
                    other.level_[cause, -1] = np.log(np.exp(other.level_[cause, :-1]) @ model.tail_weight_)
                else:
                    other.coef_[cause, j - columns.shape[1]] += sign
                pair.append(other)
            yield pair


def test_survival_is_what_simulated_customers_do():
    model, X, _ = fitted(baseline="spline", tail="hold")
    rng = np.random.default_rng(1)
    h = model.predict_hazard(X[:1], np.arange(1, 13), given=3)[0]
    n = 40_000
    there, left = np.ones(n, dtype=bool), np.zeros((2, 12))
    for t in range(12):
        u = rng.random(n)
        for k, (low, high) in enumerate([(0, h[0, t]), (h[0, t], h[:, t].sum())]):
            left[k, t] = (there & (u >= low) & (u < high)).sum()
        there &= u >= h[:, t].sum()
    simulated = np.cumsum(left, axis=1) / n
    assert model.predict_incidence(X[:1], np.arange(1, 13), given=3)[0] == pytest.approx(simulated, abs=0.01)


def test_past_the_last_month_is_refused_or_held():
    model, X, _ = fitted()
    with pytest.raises(ValueError, match=r"reaches month 9 .* last observed month is 6; .*tail='hold'"):
        model.predict_survival(X, [5], given=4)
    held, _, _ = fitted(baseline="spline", tail="hold")
    h = held.predict_hazard(X[:3], [1, 2, 50], given=[5, 6, 100])
    assert h[1, :, 0] == pytest.approx(h[1, :, 2])
    assert held.predict_hazard(X[:3], [1], given=5) == pytest.approx(held.predict_hazard(X[:3], [1], given=6))
    free, _, _ = fitted(tail="hold")
    rate = np.exp(free.level_[:, :-1]) @ (free.exposure_ / free.exposure_.sum())
    assert np.exp(free.level_[:, -1]) == pytest.approx(rate)


# --- entry, weights, clusters ----------------------------------------------------------------------------------------
def test_late_entry_removes_the_bias_of_a_snapshot():
    rng = np.random.default_rng(11)
    n = 6000
    x = rng.integers(0, 2, n).astype(float)
    hazard = 1 / (1 + np.exp(-(-3.0 + 1.0 * x)))
    life = rng.geometric(hazard)
    start = rng.integers(0, 25, n)  # joined that many months before the window
    seen = life > start
    duration, left = np.minimum(life, start + 6), life <= start + 6
    entry = survival_target(duration[seen], left[seen].astype(int), entry=start[seen])
    right = DiscreteHazard(baseline="constant").fit(x[seen, None], entry)
    wrong = DiscreteHazard(baseline="constant").fit(
        x[seen, None], survival_target(duration[seen], left[seen].astype(int))
    )
    assert right.coef_[0] == pytest.approx(1.0, abs=4 * right.std_error_[0])
    assert right.predict_risk([[0.0]])[0] == pytest.approx(0.0474, abs=0.006)
    assert wrong.predict_risk([[0.0]])[0] < 0.03


def test_whole_weights_are_duplicates_and_others_bring_robust_errors():
    X, y = customers(causes=2)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = DiscreteHazard().fit(X, y, sample_weight=weight)
    again = np.repeat(np.arange(len(X)), weight)
    doubled = DiscreteHazard().fit(X[again], y[again])
    assert weighted.coef_ == pytest.approx(doubled.coef_, rel=1e-10)
    assert weighted.std_error_ == pytest.approx(doubled.std_error_, rel=1e-9)
    assert weighted.robust_std_error_ is None
    half = DiscreteHazard().fit(X, y, sample_weight=weight + 0.5)
    assert half.robust_std_error_.shape == half.std_error_.shape
    clustered = DiscreteHazard().fit(X, y, sample_weight=weight, cluster=np.arange(len(X)))
    copies = DiscreteHazard().fit(X[again], y[again], cluster=again)
    assert copies.robust_std_error_ == pytest.approx(clustered.robust_std_error_, rel=1e-8)
    assert copies.summary()["std_error"].to_numpy() == pytest.approx(np.ravel(copies.robust_std_error_))


def test_robust_errors_are_the_sandwich_of_the_scores():
    X, y = customers(causes=1)
    cluster = np.array(["a", "b", "c", "d", "e"] * 30, dtype=object)
    model = DiscreteHazard(baseline="constant").fit(X, y, cluster=cluster)
    Z, _, outcome = person_months(X, y)
    who = np.repeat(np.arange(len(X)), (y["duration"] - y["entry"]).astype(int))
    p = model.predict_hazard(X, [1])[who, 0, 0]
    design = np.column_stack([np.ones(len(Z)), Z - model.center_])
    rest = design * ((outcome > 0) - p)[:, None]
    scores = np.stack([rest[cluster[who] == name].sum(axis=0) for name in "abcde"])
    bread = np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design)
    assert model.covariance_ == pytest.approx(bread @ scores.T @ scores @ bread, rel=1e-6)
    assert model.std_error_ == pytest.approx(np.sqrt(np.diag(bread))[1:], rel=1e-7)


def test_known_truth_is_recovered_within_its_errors():
    rng = np.random.default_rng(42)
    truth = np.array([[0.8, -0.5], [-0.3, 0.4]])
    z = []
    for _ in range(20):
        X = rng.normal(size=(800, 2))
        duration, event = np.full(800, 12), np.zeros(800, dtype=int)
        e = np.exp(X @ truth.T + [-3.0, -3.5])
        h = e / (1 + e.sum(axis=1, keepdims=True))
        for t in range(12, 0, -1):
            u = rng.random(800)
            leave = u < h.sum(axis=1)
            duration[leave], event[leave] = t, 1 + (u[leave] > h[leave, 0])
        model = DiscreteHazard(baseline="linear").fit(X, survival_target(duration, event))
        z.append((model.coef_ - truth) / model.std_error_)
    z = np.array(z)
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(20)
    assert 0.85 < (np.abs(z) < 1.96).mean() <= 1


# --- frames, words, state --------------------------------------------------------------------------------------------
def telecom(n=300, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "Contract": rng.choice(["Month-to-month", "One year", "Two year"], n),
            "complaints": rng.poisson(1.0, n),
            "paperless": rng.random(n) < 0.5,
        }
    )
    e = np.exp(-2.5 + 1.2 * (frame["Contract"] == "Month-to-month") + 0.6 * frame["complaints"]).to_numpy()
    life = rng.geometric(e / (1 + e))
    return frame, survival_target(np.minimum(life, 12), (life <= 12).astype(int))


def test_frames_of_every_kind_give_the_same_model():
    frame, y = telecom()
    pandas = DiscreteHazard().fit(frame, y)
    polars = DiscreteHazard().fit(pl.from_pandas(frame), y)
    mapping = DiscreteHazard().fit({name: frame[name].to_numpy() for name in frame}, y)
    assert (pandas.coef_ == polars.coef_).all()
    assert (pandas.coef_ == mapping.coef_).all()
    assert pandas.feature_names_out_.tolist() == ["Contract=One year", "Contract=Two year", "complaints", "paperless"]
    assert pandas.feature_names_in_.tolist() == ["Contract", "complaints", "paperless"]
    assert pandas.n_features_in_ == 3
    assert pandas.causes_ == ("left",)
    assert pandas.time_unit_ == "month"


def test_reasons_are_exact_parts_of_the_log_rate_in_words():
    frame, y = telecom()
    model = DiscreteHazard(baseline="spline").fit(frame, y)
    one = frame.iloc[:1].assign(Contract="Month-to-month", complaints=3)
    told = model.reasons(one, top=3)
    assert told.words[0, :2].tolist() == ["complaints = 3 (high)", "Contract = Month-to-month"]
    assert told.columns[0, :2].tolist() == ["complaints", "Contract"]
    b = dict(zip(model.feature_names_out_, zip(model.coef_, model.center_, strict=True), strict=True))
    by_contract = sum(-b[f"Contract={level}"][0] * b[f"Contract={level}"][1] for level in ("One year", "Two year"))
    assert told.contribution[0, :2] == pytest.approx([b["complaints"][0] * (3 - b["complaints"][1]), by_contract])
    every = model.reasons(frame, top=10)
    assert every.words.shape == (300, 3)
    assert ((every.contribution > 0) == (every.words != None)).all()  # noqa: E711
    matrix = model.encoder_.transform(frame) - model.center_
    total = matrix @ model.coef_
    assert (every.contribution.sum(axis=1) >= total - 1e-12).all()
    assert every.to_frame().columns.tolist()[:2] == ["reason_1", "contribution_1"]


def test_reasons_of_several_causes_are_the_slope_of_the_total_rate():
    model, X, _ = fitted(baseline="constant")
    e = np.exp(model.level_[:, :1] + (model.coef_ @ (X - model.center_).T))
    share = (e / e.sum(axis=0)).T
    parts = (X - model.center_) * (share @ model.coef_)
    told = model.reasons(X, top=2)
    assert told.contribution.sum(axis=1) == pytest.approx(np.clip(parts, 0, None).sum(axis=1))


def test_missing_values_become_a_reason_of_their_own_words():
    frame, y = telecom()
    frame["age"] = np.where(np.arange(300) % 7 == 0, np.nan, 40.0 + np.arange(300) % 11)
    model = DiscreteHazard(missing="indicator", l2=0.1).fit(frame, y)
    told = model.reasons(frame, top=4)
    assert {word for word in told.words[::7].ravel() if word and word.startswith("age")} <= {"age is not known"}


def test_the_summary_holds_ratios_and_intervals():
    frame, y = telecom()
    model = DiscreteHazard(baseline="constant").fit(frame, y)
    table = model.summary()
    assert table.columns.tolist() == [
        *("cause", "feature", "coef", "std_error"),
        *("odds_ratio", "lower", "upper", "z", "p_value"),
    ]
    row = table[table["feature"] == "complaints"].iloc[0]
    assert row["odds_ratio"] == pytest.approx(np.exp(row["coef"]))
    assert row["lower"] == pytest.approx(np.exp(row["coef"] - 1.959964 * row["std_error"]), rel=1e-6)
    assert row["p_value"] < 1e-4
    assert "hazard_ratio" in DiscreteHazard(link="cloglog").fit(frame, y).summary()


def test_a_saved_model_predicts_the_same_and_holds_no_customer():
    frame, y = telecom()
    for options in ({"tail": "hold"}, {"tail": "hold", "baseline": "spline", "link": "cloglog"}):
        model = DiscreteHazard(**options).fit(frame, y)
        text = json.dumps(encode(model), allow_nan=False)
        back = decode(json.loads(text))
        assert np.array_equal(
            back.predict_survival(frame, [1, 30], given=4), model.predict_survival(frame, [1, 30], given=4)
        )
        assert np.array_equal(back.pullback(frame, np.ones((300, 2))), model.pullback(frame, np.ones((300, 2))))
        assert back.reasons(frame).words.tolist() == model.reasons(frame).words.tolist()
        assert len(text) < 12_000


def test_prediction_needs_numpy_only():
    frame, y = telecom()
    model = DiscreteHazard(baseline="spline").fit(frame, y)
    text = json.dumps(encode(model))
    code = f"""
import sys
for name in ("pandas", "sklearn", "scipy.stats", "matplotlib", "narwhals", "threadpoolctl"):
    sys.modules[name] = None
import json
from custval._core.serial import decode
model = decode(json.loads({text!r}))
X = {{"Contract": ["One year"], "complaints": [2], "paperless": [True]}}
print(model.predict_survival(X, [3])[0, 0], model.reasons(X).words[0, 0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    X = {"Contract": ["One year"], "complaints": [2], "paperless": [True]}
    assert float(done.stdout.split()[0]) == pytest.approx(model.predict_survival(X, [3])[0, 0], rel=1e-12)


def test_the_score_is_the_mean_log_likelihood():
    model, X, y = fitted(baseline="spline")
    assert model.score(X, y) == pytest.approx(model.log_likelihood_ / len(X), rel=1e-9)
    weight = np.arange(1.0, len(X) + 1)
    again = np.repeat(np.arange(len(X)), np.arange(1, len(X) + 1))
    assert model.score(X, y, sample_weight=weight) == pytest.approx(model.score(X[again], y[again]))


def test_cross_validation_and_search_take_structured_targets():
    from sklearn.model_selection import GridSearchCV

    X, y = customers(causes=2)
    search = GridSearchCV(DiscreteHazard(baseline="spline", baseline_df=2, tail="hold"), {"l2": [0.0, 10.0]}, cv=3)
    assert search.fit(X, y).best_estimator_.predict(X).shape == (len(X),)


# --- bad input -------------------------------------------------------------------------------------------------------
def test_nobody_left_is_said():
    with pytest.raises(ValueError, match="no customer left: all 3 are censored"):
        DiscreteHazard().fit([[1.0], [2.0], [3.0]], survival_target([1, 2, 3], [0, 0, 0]))


def test_a_cause_that_never_occurs_is_named():
    X, y = customers(causes=1)
    y = survival_target(y["duration"], y["event"], causes=["price", "moved"])
    with pytest.raises(ValueError, match="cause 'moved' is declared but nobody left for it"):
        DiscreteHazard().fit(X, y)


def test_constant_duplicate_and_collinear_columns_are_named_with_the_cure():
    frame, y = telecom()
    with pytest.raises(ValueError, match=r"column 'one' is the same for every customer.*fit with l2 > 0"):
        DiscreteHazard().fit(frame.assign(one=1.5), y)
    with pytest.raises(ValueError, match=r"collinear.*'again' follows from 'complaints'; drop it, or fit with l2 > 0"):
        DiscreteHazard().fit(frame.assign(again=2 * frame["complaints"] + 1), y)
    mixed = frame.assign(sum=frame["complaints"] + 3 * frame["paperless"])
    with pytest.raises(ValueError, match="'sum' follows from 'complaints', 'paperless'"):
        DiscreteHazard().fit(mixed, y)
    model = DiscreteHazard(l2=1.0).fit(mixed.assign(one=1.5), y)
    assert np.isfinite(model.coef_).all()
    assert model.coef_[-1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_separation_names_its_column_and_stays_finite(link):
    rng = np.random.default_rng(0)
    x, noise = np.repeat([0.0, 1.0], 50), rng.normal(size=100)
    duration = rng.integers(1, 6, 100)
    event = np.where((x == 1) & (rng.random(100) < 0.6), 1, 0)
    y = survival_target(duration, event)
    with pytest.warns(UserWarning, match=r"separation: .* by 'flag' for cause 'left'.*l2 > 0") as caught:
        model = DiscreteHazard(link=link, baseline="constant").fit({"noise": noise, "flag": x}, y)
    assert "ConvergenceWarning" in str(caught[0].category)
    assert 5 < model.coef_[1] < 50
    assert np.isfinite(model.predict_survival({"noise": noise, "flag": x})).all()
    cured = DiscreteHazard(link=link, baseline="constant", l2=0.5).fit({"noise": noise, "flag": x}, y)
    assert cured.coef_[1] < 5


def test_too_few_steps_are_said():
    X, y = customers()
    with pytest.warns(
        UserWarning, match=r"stopped after 1 steps before it reached tol=1e-09; raise max_iter \(now 1\)"
    ):
        DiscreteHazard(max_iter=1).fit(X, y)


def test_times_between_months_are_rounded_and_counted():
    X = np.array([[0.0], [1.0], [2.0], [1.0], [0.0], [3.0]])
    y = survival_target([1.2, 2.5, 3.0, 0.4, 2.9, 2.0], [1, 0, 1, 0, 1, 0])
    with pytest.warns(UserWarning, match=r"4 of 6 customers have times between whole months.*1 without a whole month"):
        model = DiscreteHazard(baseline="constant").fit(X, y)
    whole = survival_target([2, 2, 3, 3, 2], [1, 0, 1, 1, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = DiscreteHazard(baseline="constant").fit(X[[0, 1, 2, 4, 5]], whole)
    assert model.coef_ == pytest.approx(same.coef_)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"link": "probit"}, "link must be one of 'logit', 'cloglog', not 'probit'"),
        ({"baseline": "splines"}, "baseline must be one of .*did you mean 'spline'"),
        ({"tail": "drop"}, "tail must be one of"),
        ({"l2": -1.0}, "l2 must be >= 0"),
        ({"baseline_df": 0}, "baseline_df must be >= 1"),
        ({"baseline_df": 2.7}, "baseline_df must be a whole number, not 2.7"),
        ({"max_iter": 0}, "max_iter must be >= 1"),
        ({"max_iter": 3.5}, "max_iter must be a whole number, not 3.5"),
        ({"tol": 0.0}, "tol must be > 0"),
        ({"missing": "drop"}, "missing must be one of"),
    ],
)
def test_impossible_options_are_refused(options, words):
    X, y = customers()
    with pytest.raises(ValueError, match=words):
        DiscreteHazard(**options).fit(X, y)


def test_fractions_of_months_and_reasons_are_refused():
    model, X, _ = fitted(causes=1, baseline="constant")
    with pytest.raises(ValueError, match=r"horizon must be a whole number, not 1\.5"):
        model.expected_lifetime(X, 1.5)
    with pytest.raises(ValueError, match=r"top must be a whole number, not 1\.7"):
        model.reasons(X, top=1.7)


def test_impossible_rows_are_refused():
    X, y = customers()
    with pytest.raises(ValueError, match="y has 149 rows but X has 150"):
        DiscreteHazard().fit(X, y[:-1])
    with pytest.raises(ValueError, match="1 sample"):
        DiscreteHazard().fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="cluster has 2 rows but y has 150"):
        DiscreteHazard().fit(X, y, cluster=[1, 2])
    with pytest.raises(ValueError, match=r"divide by 30\.436875"):
        DiscreteHazard().fit([[0.0], [1.0]], survival_target([30_000, 40_000]))
    with (
        pytest.warns(UserWarning, match="between whole months"),
        pytest.raises(ValueError, match="no customer was at risk for a whole month"),
    ):
        DiscreteHazard().fit([[0.0], [1.0]], survival_target([0.5, 0.5], [0, 0]))


def test_impossible_predictions_are_refused():
    model, X, _ = fitted()
    with pytest.raises(ValueError, match="not fitted yet"):
        DiscreteHazard().predict(X)
    with pytest.raises(ValueError, match="given has 2 rows but X has 150"):
        model.predict_survival(X, [1], given=[1, 2])
    with pytest.raises(ValueError, match="given must be >= 0"):
        model.predict_survival(X, [1], given=-1)
    with pytest.raises(ValueError, match="times must be >= 0"):
        model.predict_survival(X, [-1])
    with pytest.raises(ValueError, match="times must be >= 1"):
        model.predict_hazard(X, [0])
    with pytest.raises(ValueError, match="horizon must be >= 1"):
        model.expected_lifetime(X, 0)
    with pytest.raises(ValueError, match="top must be >= 1"):
        model.reasons(X, top=0)
    with pytest.raises(ValueError, match=r"exit_weight must have shape \(150, 2, 3\)"):
        model.pullback(X, np.ones((150, 3)), np.ones((150, 1, 3)))
    with pytest.raises(ValueError, match="survival_weight has 2 rows"):
        model.pullback(X, np.ones((2, 3)))
    with pytest.raises(ValueError, match="conf_level must be > 0 and < 1"):
        model.summary(conf_level=95)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exits_x": None}, "no column exits_<cause>"),
        ({"tenure": None}, "no column 'tenure'"),
        ({"tenure": [0, 1, 2, 2]}, "tenure must be >= 1 but 1 of 4"),
        ({"tenure": [1.5, 1, 2, 2]}, "tenure must be whole months"),
        ({"at_risk": [5, 80, 81, 64]}, "at_risk must be >= the exits of all causes together but 1 of 4"),
        ({"at_risk": [0] * 4, "exits_x": [0] * 4}, "at_risk is zero in every row"),
        ({"fee": None}, "no columns of cells beside tenure, at_risk and exits"),
    ],
)
def test_impossible_counts_are_refused(change, words):
    table = {"tenure": [1, 1, 2, 2], "fee": [20, 30, 20, 30], "at_risk": [90, 80, 81, 64], "exits_x": [9, 16, 9, 16]}
    table = {name: values for name, values in (table | change).items() if values is not None}
    with pytest.raises(ValueError, match=words):
        DiscreteHazard().fit_counts(table)


# --- real customers --------------------------------------------------------------------------------------------------
def test_ibm_telco_fits_and_ranks(shared):
    from sklearn.metrics import roc_auc_score

    table = pd.read_csv(shared / "data" / "ibm_telco_churn.csv")
    table = table[table["tenure"] > 0]
    tenure, left = table["tenure"].to_numpy(), (table["Churn"] == "Yes").to_numpy()
    X = table.drop(columns=["customerID", "tenure", "Churn", "TotalCharges"])
    options = {"baseline": "spline", "l2": 1.0, "standardize_penalty": True, "tail": "hold"}
    model = DiscreteHazard(**options).fit(X, survival_target(tenure, left.astype(int)))
    assert model.log_likelihood_ > model.log_likelihood_null_ + 1500
    assert "Contract = Month-to-month" in model.reasons(X).words[:, 0]
    risk = model.predict_risk(X)
    # Harrell's C of the peers' linear models is .865 out of sample
    pairs = [(risk[i], risk[(tenure > tenure[i]) | ((tenure == tenure[i]) & ~left)]) for i in np.flatnonzero(left)]
    ranked = sum((own > others).sum() + (own == others).sum() / 2 for own, others in pairs)
    assert ranked / sum(len(others) for _, others in pairs) == pytest.approx(0.866, abs=0.002)
    # with the end of the watching as a second cause, who is found gone is ranked as the plain logistic does (AUC .845)
    both = DiscreteHazard(**options).fit(X, survival_target(tenure, np.where(left, 1, 2)))
    h = both.predict_hazard(X, [1], given=tenure - 1.0)[:, :, 0]
    assert roc_auc_score(left, h[:, 0] / h.sum(axis=1)) == pytest.approx(0.846, abs=0.002)
