"""CoxPH against R's published numbers, brute force and itself; and every bad input by its words."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from tests.survival.cox_cases import brute_force, slopes, spells

from custval import ConvergenceWarning, DataWarning, InputError
from custval._core.typing import HazardModel, SupportsPullback
from custval._survival.cox_data import checked_data
from custval._survival.cox_fit import data_rows
from custval._survival.cox_likelihood import evaluate, risk_sums, slope
from custval._survival.cox_residuals import mean_increment
from custval._survival.cox_rows import cox_rows
from custval.artifact import from_dict, to_dict
from custval.survival import CoxPH, alert_list, cox_residuals, ph_test, schoenfeld_residuals, survival_target

CASES = (
    "cox_efron_rossi",
    "cox_breslow_rossi",
    "cox_robust_rossi",
    "cox_strata_rossi",
    "cox_efron_lung",
    "cox_breslow_lung",
    "cox_efron_veteran",
    "cox_strata_veteran",
    "cox_tv_efron_heart",
    "cox_tv_breslow_heart",
    "cox_tv_strata_heart",
    "cause_specific1_cr_sim",
    "cause_specific2_cr_sim",
)


def table(shared: Path, case: dict) -> pd.DataFrame:
    spec, name = case["spec"], case["data"].removesuffix(".csv")
    data = pd.read_csv(shared / "reference" / "survival" / f"{name}.csv")
    return data.dropna(subset=[*spec["x"], spec["time"]]).reset_index(drop=True)


def fit_case(shared: Path, case: dict):
    spec, data = case["spec"], table(shared, case)
    told = data[spec["event"]] if "==" not in spec["event"] else data["cause"] == int(spec["event"][-1])
    y = survival_target(data[spec["time"]], told.to_numpy(bool), entry=data[spec["entry"]] if "entry" in spec else None)
    strata = spec.get("strata")
    columns = spec["x"] if strata is None else [*spec["x"], *([strata] if isinstance(strata, str) else strata)]
    cluster = np.arange(len(data)) if spec.get("robust") else data[spec["cluster"]] if "cluster" in spec else None
    X = data[columns]
    return CoxPH(ties=spec["ties"]).fit(X, y, strata=strata, cluster=cluster), X, y


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_r(name, reference, shared):
    case = next(case for case in reference("survival") if case["id"] == name)
    model, _, _ = fit_case(shared, case)
    expected, rtol = case["expected"], case["rtol"]
    assert model.feature_names_out_.tolist() == list(expected["coef"])
    assert model.coef_ == pytest.approx(list(expected["coef"].values()), rel=rtol)
    error = model.std_error_ if model.robust_std_error_ is None else model.robust_std_error_
    assert error == pytest.approx(list(expected["se"].values()), rel=rtol)
    if "se_naive" in expected:
        assert model.std_error_ == pytest.approx(list(expected["se_naive"].values()), rel=rtol)
    assert model.log_likelihood_ == pytest.approx(expected["loglik"], rel=rtol)
    assert model.log_likelihood_null_ == pytest.approx(expected["loglik_null"], rel=rtol)


def test_proportional_hazards_test_is_that_of_r(reference, shared):
    cases = {case["id"]: case for case in reference("survival")}
    model, X, y = fit_case(shared, cases["cox_efron_rossi"])
    case = cases["zph_rossi"]
    told = ph_test(model, X, y, transform=case["spec"]["transform"])
    expected = case["expected"]["chisq"]
    assert told.statistic == pytest.approx([expected[name] for name in told.name], rel=case["rtol"])
    assert told.global_statistic == pytest.approx(expected["GLOBAL"], rel=case["rtol"])


# --- by another route ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_top_is_a_top_of_the_definition(ties):
    X, y, weight, strata, _ = spells(4)
    model = CoxPH(ties=ties).fit(X, y, sample_weight=weight, strata=strata)

    def height(coef):
        return brute_force(X, y, coef, weight=weight, strata=strata, ties=ties)

    assert model.log_likelihood_ == pytest.approx(height(model.coef_), rel=1e-12)
    assert model.log_likelihood_null_ == pytest.approx(height(0 * model.coef_), rel=1e-12)
    assert slopes(height, model.coef_) == pytest.approx(np.zeros(3), abs=1e-5)
    curve = np.array([slopes(lambda b, j=j: slopes(height, b, 1e-4)[j], model.coef_, 1e-4) for j in range(3)])
    assert model.naive_covariance_ == pytest.approx(np.linalg.inv(-curve), rel=1e-4, abs=1e-6)


def test_many_rows_take_the_same_road_as_few():
    # subsample start, products of cells; against a start at 0 and sums over neighbours
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90_000, 3)) + np.array([0, 1e6, 0])
    months = np.ceil(rng.exponential(20 * np.exp(-0.4 * X[:, 0])))
    y = survival_target(np.minimum(months, 40), months <= 40)
    fast = CoxPH().fit(X, y)
    slow = CoxPH().fit(X, survival_target(y["duration"] * 1.1, y["event"]), cluster=np.arange(len(X)) // 2)
    assert fast.coef_ == pytest.approx(slow.coef_, rel=1e-9)
    assert fast.std_error_ == pytest.approx(slow.std_error_, rel=1e-9)
    assert fast.n_iter_ <= 1  # gradients have brought it there
    assert fast.baseline_.cumulative_hazard == pytest.approx(slow.baseline_.cumulative_hazard, rel=1e-8)


def test_dfbeta_is_what_leaving_a_row_out_does():
    X, y, weight, _, _ = spells(5, n=300, late=False)
    model = CoxPH().fit(X, y, sample_weight=weight)
    told = cox_residuals(model, X, y, kind="dfbeta", sample_weight=weight)
    for row in (0, 17, 200):
        without = np.arange(300) != row
        moved = model.coef_ - CoxPH().fit(X[without], y[without], sample_weight=weight[without]).coef_
        assert told[row] == pytest.approx(moved, abs=0.25 * np.abs(told).max())


def test_band_covers():
    rng = np.random.default_rng(8)
    inside = []
    for _ in range(150):
        X = rng.normal(size=(150, 1))
        time = rng.exponential(10 * np.exp(-0.7 * X[:, 0]))
        y = survival_target(np.minimum(time, 15), time <= 15)
        band = CoxPH().fit(X, y).predict_survival_band([[1.0]], [3.0], conf_type="log-log")
        truth = np.exp(-3 / 10 * np.exp(0.7))
        inside.append(bool(band.lower[0, 0] <= truth <= band.upper[0, 0]))
    assert 0.86 <= np.mean(inside) <= 0.995


def test_uncertainty_at_knots_is_that_of_all_times():
    X, y, *_ = spells(2, n=4000, months=False, late=False)
    model = CoxPH().fit(X, y)
    assert len(model.baseline_.knots) < len(model.baseline_.times)
    few = model.predict_survival_band(X[:3], [1.0, 5.0])
    rows = data_rows(checked_data(X, y, model.encoder_, sample_weight=None, strata=None, cluster=None)[0], "efron")
    sums = risk_sums(model.coef_, rows, "efron")
    B = np.cumsum(mean_increment(sums) - sums.c0 * (model.center_ - rows.center[0])[:, None], axis=1)
    V = np.cumsum(sums.b0 / sums.total**2)
    at = np.searchsorted(rows.times, [1.0, 5.0], side="right") - 1
    for i in range(3):
        z = X[i] - model.center_
        q = np.outer(np.cumsum(sums.c0)[at], z) - B[:, at].T
        risk = np.exp(z @ model.coef_)
        error = risk * np.sqrt(V[at] + np.einsum("hp,pq,hq->h", q, model.covariance_, q))
        assert few.std_error[i] == pytest.approx(few.survival[i] * error, rel=1e-5)


# --- the world around ------------------------------------------------------------------------------------------------
def test_frames_of_any_kind_and_categories():
    rng = np.random.default_rng(0)
    frame = {"plan": np.array(["a", "b", "c"])[rng.integers(0, 3, 80)], "fee": rng.normal(size=80)}
    y = survival_target(rng.integers(1, 9, 80), rng.random(80) < 0.7)
    a = CoxPH().fit(frame, y)
    for kind in (pd.DataFrame(frame), pl.DataFrame(frame)):
        b = CoxPH().fit(kind, y)
        assert (b.coef_ == a.coef_).all()
        assert (b.predict_survival(kind, [3]) == a.predict_survival(frame, [3])).all()
    assert a.feature_names_out_.tolist() == ["plan=b", "plan=c", "fee"]
    told = ph_test(a, frame, y)
    assert told.name.tolist() == ["plan", "fee"]
    assert told.df.tolist() == [2, 1]
    assert len(ph_test(a, frame, y, by_coefficient=True).name) == 3
    assert ph_test(a, frame, y, transform=np.sqrt).transform == "sqrt"


def test_strata_named_in_the_frame_are_found_again():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"region": rng.choice(["n", "s"], 90), "brand": rng.choice([1, 2], 90), "x": rng.normal(size=90)}
    )
    y = survival_target(rng.integers(1, 9, 90), rng.random(90) < 0.8)
    for strata in ("region", ["region", "brand"]):
        model = CoxPH().fit(frame[["x", *([strata] if isinstance(strata, str) else strata)]], y, strata=strata)
        apart = CoxPH().fit(frame[["x"]], y, strata=frame[strata])
        assert model.feature_names_out_.tolist() == ["x"]
        assert (model.coef_ == apart.coef_).all()
        there = model.predict_survival(frame, [3])
        assert (there == apart.predict_survival(frame[["x"]], [3], strata=frame[strata])).all()
        assert model.reasons(frame[:3]).words.shape == (3, 1)
        assert isinstance(model.score(frame, y), float)
    assert model.baseline_.to_frame().columns.tolist() == ["stratum", "time", "cumulative_hazard"]
    with pytest.raises(InputError, match="fitted with 4 strata, so each customer's is needed: pass strata"):
        apart.predict_survival(frame[["x"]], [3])
    with pytest.raises(InputError, match="strata must be known from fitting but 1 of 2 rows is not"):
        CoxPH().fit(frame[["x"]], y, strata=frame["region"]).predict_survival(frame[:2], [3], strata=["n", "w"])
    with pytest.raises(InputError, match="fitted without strata; leave strata out"):
        CoxPH().fit(frame[["x"]], y).predict_survival(frame[:2], [3], strata=["n", "s"])
    with pytest.raises(InputError, match="strata names a column 'region', but X is not a frame"):
        CoxPH().fit(frame[["x"]].to_numpy(), y, strata="region")


@pytest.mark.parametrize("strata", [None, "region"])
def test_json_brings_back_the_same_predictions(strata):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"region": rng.choice(["n", "s"], 90), "x": rng.normal(size=90)})
    y = survival_target(rng.integers(1, 9, 90), rng.random(90) < 0.8)
    model = CoxPH(tail="hold").fit(frame, y, strata=strata)
    text = json.dumps(to_dict(model), allow_nan=False)
    again = from_dict(json.loads(text))
    assert repr(again) == repr(model)
    assert (
        again.predict_survival(frame, [1, 5, 20], given=2) == model.predict_survival(frame, [1, 5, 20], given=2)
    ).all()
    assert (
        again.predict_survival_band(frame[:2], [1, 3]).lower == model.predict_survival_band(frame[:2], [1, 3]).lower
    ).all()
    assert again.summary().equals(model.summary())
    assert len(text) < 20_000  # no training data inside


def test_it_is_what_value_and_lists_ask_for():
    X, y, *_ = spells(1, late=False)
    model = CoxPH(tail="hold").fit(X, y)
    assert isinstance(model, HazardModel)
    assert isinstance(model, SupportsPullback)
    assert clone(model).get_params() == model.get_params()
    assert alert_list(model, X, horizon=3, given=1.0, capacity=5) is not None


def test_warm_start_begins_where_the_last_fit_ended():
    X, y, *_ = spells(1, n=200)
    model = CoxPH(warm_start=True).fit(X, y)
    first, coef = model.n_iter_, model.coef_
    assert model.fit(X, y).n_iter_ < first
    assert model.coef_ == pytest.approx(coef, rel=1e-10)


def test_lasso_meets_its_conditions():
    X, y, *_ = spells(1, n=200, p=6)
    model = CoxPH(l1=6.0, l2=0.5).fit(X, y)
    data, _, _ = checked_data(X, y, model.encoder_, sample_weight=None, strata=None, cluster=None)
    slope = evaluate(model.coef_, data_rows(data, "efron"), "efron")[1] - 0.5 * model.coef_
    used = model.coef_ != 0
    assert 0 < used.sum() < 6
    assert slope[used] == pytest.approx(6.0 * np.sign(model.coef_[used]), rel=1e-6)
    assert (np.abs(slope[~used]) <= 6.0).all()
    assert model.std_error_ is None
    assert model.summary().columns.tolist() == ["cause", "feature", "coef", "hazard_ratio"]
    for ask in (lambda: model.predict_survival_band(X[:1], [1]), lambda: cox_residuals(model, X, y, kind="dfbeta")):
        with pytest.raises(InputError, match="l1 > 0"):
            ask()
    with pytest.raises(InputError, match="without a penalty"):
        model.tests()


# --- bad input -------------------------------------------------------------------------------------------------------
def mend(X, **columns):
    return pd.DataFrame(X, columns=["a", "b", "c"]).assign(**columns)


def test_columns_that_tell_nothing_are_named():
    X, y, *_ = spells(3)
    for value in (0.3, 1e12 + 0.1, 0.0):
        with pytest.raises(InputError, match="column 'd' is the same for all customers, so its effect cannot be told"):
            CoxPH().fit(mend(X, d=value), y)
    with pytest.raises(InputError, match="'d' follows from 'a'; drop it, or fit with l2 > 0"):
        CoxPH().fit(mend(X, d=X[:, 0]), y)
    with pytest.raises(InputError, match="'d' follows from 'a', 'b'"):
        CoxPH().fit(mend(X, d=2 * X[:, 0] - X[:, 1] + 1e6), y)
    group = np.arange(60) % 3
    with pytest.raises(InputError, match="'d' is the same for all customers at risk together whenever somebody leaves"):
        CoxPH().fit(mend(X, d=group), y, strata=group)
    assert np.isfinite(CoxPH(l2=1.0).fit(mend(X, d=X[:, 0], e=1.0), y).std_error_).all()


@pytest.mark.parametrize("kind", ["left", "early", "time", "both", "one"])
def test_separation_is_named_and_never_silent(kind):
    X, y, *_ = spells(3, late=False)
    column = {
        "left": y["event"] * 1.0,
        "early": (y["duration"] < 4) * 1.0,
        "time": -y["duration"],
        "both": X[:, 0] + y["event"],
        "one": (np.arange(60) == np.flatnonzero(y["event"] == 0)[3]) * 1.0,
    }[kind]
    with pytest.warns(ConvergenceWarning, match="separation: who leaves first can be told without error by .*'d'"):
        model = CoxPH().fit(mend(X, d=column), y)
    for name in ("coef_", "std_error_", "covariance_"):
        assert np.isfinite(getattr(model, name)).all()
    assert np.isfinite(model.predict_survival(mend(X, d=column), [0, 1, 5])).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CoxPH(l2=0.1).fit(mend(X, d=column), y)


def test_targets_that_teach_nothing():
    X, y, *_ = spells(3)
    with pytest.raises(InputError, match="no customer left: all 60 are censored"):
        CoxPH().fit(X, survival_target(y["duration"], np.zeros(60, dtype=bool)))
    with pytest.raises(InputError, match=r"y holds 2 causes .* but a Cox model is for one"):
        CoxPH().fit(X, survival_target(y["duration"], np.arange(60) % 3))
    with pytest.raises(InputError, match="entry must be < duration but 60 of 60 rows are not"):
        CoxPH().fit(X, survival_target(y["duration"], entry=y["duration"]))
    with pytest.raises(InputError, match="duration must be > 0"):
        CoxPH().fit(X, -y["duration"])
    assert np.isfinite(CoxPH().fit(X, survival_target(y["duration"])).coef_).all()


def test_more_columns_than_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(10, 20)), survival_target(np.arange(1, 11))
    with pytest.raises(InputError, match=r"20 columns but only 10 rows, .* fit with l2 > 0 or l1 > 0"):
        CoxPH().fit(X, y)
    assert np.isfinite(CoxPH(l2=1.0).fit(X, y).coef_).all()
    assert (CoxPH(l1=2.0).fit(X, y).coef_ == 0).any()


def test_weights_and_values():
    X, y, *_ = spells(3)
    with pytest.raises(
        InputError, match=r"sample_weight must be >= 0 but 1 of 60 rows is not \(first: row 2, value -1.0\)"
    ):
        CoxPH().fit(X, y, sample_weight=np.where(np.arange(60) == 2, -1, 1))
    with pytest.raises(InputError, match="sample_weight is zero in every row"):
        CoxPH().fit(X, y, sample_weight=np.zeros(60))
    with pytest.raises(InputError, match=r"column 'd' holds an infinity \(first: row 4\)"):
        CoxPH().fit(mend(X, d=np.where(np.arange(60) == 4, np.inf, X[:, 1])), y)
    with pytest.raises(InputError, match=r"column 'd' is missing .* in 1 of 60 rows"):
        CoxPH().fit(mend(X, d=np.where(np.arange(60) == 4, np.nan, X[:, 1])), y)
    some = np.arange(60) > 9
    a, b = CoxPH().fit(X, y, sample_weight=some * 1.0), CoxPH().fit(X[some], y[some])
    assert (a.coef_ == b.coef_).all()
    assert (cox_residuals(a, X, y, sample_weight=some * 1.0)[:10] == 0).all()


def test_a_stratum_without_departures_is_noted():
    X, y, *_ = spells(3)
    strata = np.where(np.arange(60) < 5, "quiet", "loud")
    y["event"][:5] = 0
    with pytest.warns(DataWarning, match=r"1 of 2 strata have no departures \('quiet'\)"):
        model = CoxPH().fit(X, y, strata=strata)
    assert (model.predict_survival(X[:5], [0.5], strata=strata[:5]) == 1).all()
    assert model.coef_ == pytest.approx(CoxPH().fit(X[5:], y[5:]).coef_, rel=1e-10)


def test_times_beyond_follow_up():
    X, y, *_ = spells(3, late=False)
    last = y["duration"].max()
    model = CoxPH().fit(X, y)
    with pytest.raises(InputError, match=f"reaches time {last + 1:g} .* last observed time is {last:g}; .*tail='hold'"):
        model.predict_survival(X, [1, last + 1])
    with pytest.raises(InputError, match="this reaches time"):
        model.expected_lifetime(X, last, given=1.0)
    held = CoxPH(tail="hold").fit(X, y)
    assert (held.predict_survival(X, [last]) == model.predict_survival(X, [last])).all()
    hazard = held.predict_cumulative_hazard(X, [0.75 * last, last, 1.25 * last])
    assert hazard[:, 2] - hazard[:, 1] == pytest.approx(hazard[:, 1] - hazard[:, 0])
    with pytest.raises(InputError, match="this reaches time"):
        held.predict_survival_band(X, [last + 1])


@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1e6, 1e12])
@pytest.mark.parametrize("offset", [0.0, 1e4, -1e6])
def test_extreme_scales_and_offsets_give_the_same_answer(unit, offset):
    X, y, weight, strata, cluster = spells(3)
    more = {"sample_weight": weight, "strata": strata, "cluster": cluster}
    a, b = CoxPH().fit(X, y, **more), CoxPH().fit((X + offset) * [unit, 1 / unit, 1.0], y, **more)
    back = np.array([unit, 1 / unit, 1.0])
    assert b.coef_ * back == pytest.approx(a.coef_, rel=1e-7)
    assert b.robust_std_error_ * back == pytest.approx(a.robust_std_error_, rel=1e-7)
    far = survival_target(y["duration"] * unit, y["event"], entry=y["entry"] * unit)
    assert CoxPH().fit(X, far, **more).coef_ == pytest.approx(a.coef_, rel=1e-12)


def test_settings_are_checked():
    X, y, *_ = spells(3)
    for wrong, said in (
        ({"ties": "exact"}, "ties must be one of 'efron', 'breslow'"),
        ({"l2": -1.0}, "l2 must be >= 0"),
        ({"l1": -1.0}, "l1 must be >= 0"),
        ({"tail": "extend"}, "tail must be one of"),
        ({"max_iter": 0}, "max_iter must be >= 1"),
    ):
        with pytest.raises(InputError, match=said):
            CoxPH(**wrong).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="stopped after 1 steps before it reached tol"):
        CoxPH(max_iter=1).fit(X, y)
    model = CoxPH().fit(X, y)
    for ask, said in (
        (lambda: cox_residuals(model, X, y, kind="schoenfeld"), "kind must be one of"),
        (lambda: ph_test(model, X, y, transform="sqrt"), "transform must be one of"),
        (lambda: ph_test(model, X, y, transform=lambda t: t[:2]), "one finite number for each time"),
        (lambda: model.predict_survival_band(X, [1], conf_type="wald"), "conf_type must be one of"),
        (lambda: model.predict_survival(X, [-1]), "times must be >= 0"),
        (lambda: model.predict_survival(X, [1], given=[1.0, 2.0]), "given has 2 rows but X has 60"),
        (lambda: model.pullback(X, np.ones((60, 2)), np.ones((60, 2, 2))), "exit_weight must have shape"),
        (lambda: schoenfeld_residuals(model, X, survival_target(y["duration"], 0 * y["event"])), "no customer left"),
    ):
        with pytest.raises(InputError, match=said):
            ask()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [1, 3])
def test_means_of_risk_sets_over_many_blocks_are_those_counted_one_by_one(strata, late):
    rng = np.random.default_rng(5)
    n, p = 30_000, 3
    X, duration = rng.normal(size=(n, p)), rng.exponential(size=n)
    duration[: n // 10] = np.round(duration[: n // 10], 2) + 0.01  # a few tied times among many that are not
    event, stratum = rng.random(n) < 0.4, rng.integers(0, strata, n)
    weight, coef = rng.uniform(0.5, 2.0, n), np.array([0.3, -0.2, 0.1])
    entry = duration * np.maximum(rng.uniform(-1, 1, n), 0) if late else np.zeros(n)
    rows = cox_rows(
        X,
        entry=entry if late else None,
        duration=duration,
        event=event,
        weight=weight,
        stratum=None if strata == 1 else stratum,
        ties="efron",
    )
    sums = risk_sums(coef, rows, "efron")
    assert rows.count.max() > 1
    for j in np.concatenate([rng.integers(0, len(rows.times), 200), np.argsort(-rows.count)[:20]]):
        mine = stratum == rows.stratum[j]
        there, gone = (
            mine & (entry < rows.times[j]) & (duration >= rows.times[j]),
            mine & event & (duration == rows.times[j]),
        )
        Z = X - rows.center[rows.stratum[j]]
        risk = weight * np.exp(Z @ coef)
        np.testing.assert_allclose(sums.total[j], risk[there].sum(), rtol=1e-11)
        np.testing.assert_allclose(sums.mean[:, j], risk[there] @ Z[there] / risk[there].sum(), atol=1e-11)
        if gone.sum() > 1:
            np.testing.assert_allclose(sums.tied[:, j], risk[gone] @ Z[gone] / risk[there].sum(), atol=1e-11)


@pytest.mark.parametrize("kind", ["months", "late months", "times", "late times"])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_gradient_alone_is_that_of_the_whole_look(kind, ties):
    X, y, weight, strata, _ = spells(8, n=400, months="months" in kind, late="late" in kind)
    copies = 40 if kind == "months" else 1  # few cells, or many
    X, y, weight, strata = (np.repeat(part, copies, axis=0) for part in (X, y, weight, strata))
    rows = cox_rows(
        X,
        entry=y["entry"],
        duration=y["duration"],
        event=y["event"] > 0,
        weight=weight,
        stratum=strata,
        ties=ties,
    )
    for coef in (np.zeros(3), np.array([0.5, -0.2, 0.1])):
        value, steep, _, _ = evaluate(coef, rows, ties)
        height, alone = slope(coef, rows, ties)
        assert height == pytest.approx(value, rel=1e-13)
        assert alone == pytest.approx(steep, rel=1e-9, abs=1e-9 * len(X))
