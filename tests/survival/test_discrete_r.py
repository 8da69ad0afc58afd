"""The monthly hazard against R's glm on person-months, a small coverage study, and the real customers of IBM Telco."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from custval.survival import Clock, DiscreteHazard, leak_check, outlook, survival_target, what_if

ROOT = Path(__file__).resolve().parents[2]
SAVED = json.loads((ROOT / "tests" / "reference" / "hazard" / "discrete.json").read_text(encoding="utf-8"))
TABLE = pd.DataFrame(SAVED["table"])
END = Clock("left", step=-1, curve="linear")
# glm's errors are those of the expected information; with the logit link it is the observed one as well
ERRORS = {"logit": 5e-6, "cloglog": 1e-2}


def customers():
    """Return one row for each customer, as they stood when they came under observation, and the target."""
    first = TABLE.groupby("customer").first()
    last = TABLE.groupby("customer").last()
    y = survival_target(last["tenure"], last["gone"], entry=first["tenure"] - 1)
    return first[["gold", "fee", "left"]].reset_index(drop=True), y


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_free_months_are_those_of_glm(link):
    X, y = customers()
    model = DiscreteHazard(link=link).fit(X[["gold", "fee"]], y)
    wanted = SAVED[link]["free"]
    assert model.coef_ == pytest.approx(wanted["coef"], rel=1e-8)
    assert model.std_error_ == pytest.approx(wanted["std_error"], rel=ERRORS[link])
    assert model.log_likelihood_ == pytest.approx(wanted["log_likelihood"][0], rel=1e-10)
    rows = TABLE.iloc[:20]
    h = [
        model.predict_hazard({"gold": [gold], "fee": [fee]}, [1], given=month - 1)[0, 0, 0]
        for gold, fee, month in zip(rows["gold"], rows["fee"], rows["tenure"], strict=True)
    ]
    assert h == pytest.approx(wanted["fitted"], rel=1e-7)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_a_clock_in_customer_rows_is_the_moving_column_of_glm(link):
    X, y = customers()
    model = DiscreteHazard(link=link, baseline="linear", clocks=(END,)).fit(X, y)
    wanted = SAVED[link]["clock"]
    assert model.coef_ == pytest.approx(wanted["coef"], rel=1e-8)
    assert model.std_error_ == pytest.approx(wanted["std_error"], rel=ERRORS[link])
    assert model.log_likelihood_ == pytest.approx(wanted["log_likelihood"][0], rel=1e-10)
    curve = model.clock_curve("left")
    assert np.diff(curve.effect[0]) == pytest.approx(np.full(len(curve.values) - 1, wanted["clock"][0]), rel=1e-7)
    step = model.clock_columns_[0][0]
    place = model.basis_[0].shape[1]
    error = abs(step[1, 0] - step[0, 0]) * np.sqrt(model.covariance_[place, place])
    assert error == pytest.approx(wanted["clock_std_error"][0], rel=ERRORS[link])


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_intervals_cover_the_truth_of_simulated_customers(link):
    study = runpy.run_path(str(ROOT / "benchmarks" / "truth" / "discrete_hazard.py"))
    found = study["study"](link, 60, 90_000, 600)
    assert len(found) == 10
    share = np.array([study["covered"](rows).mean() for rows in found.values()])
    # 60 replications: one parameter strays to 85 %, their mean does not leave 91..98 %
    assert (share > 0.82).all()
    assert 0.91 < share.mean() < 0.985


def test_ibm_telco_says_why_they_leave(shared):
    table = pd.read_csv(shared / "data" / "ibm_telco_churn.csv")
    table = table[table["tenure"] > 0].reset_index(drop=True)
    y = survival_target(table["tenure"], table["Churn"].eq("Yes"))
    columns = ["Contract", "InternetService", "PaymentMethod", "PaperlessBilling", "MonthlyCharges", "SeniorCitizen"]
    X = table[columns]
    total = X.assign(TotalCharges=pd.to_numeric(table["TotalCharges"]))
    assert leak_check(total, y).suspects == ("TotalCharges",)
    model = DiscreteHazard(baseline="spline", tail="hold").fit(X, y)
    ratio = dict(zip(model.feature_names_out_, np.exp(model.coef_), strict=True))
    assert ratio["Contract=Two year"] < ratio["Contract=One year"] < 0.35
    assert ratio["PaymentMethod=Electronic check"] > 1.3
    tests = model.tests()
    assert dict(zip(tests.column, tests.p_value, strict=True))["Contract"] < 1e-50
    here = X[y["event"] == 0].iloc[:500]
    given = y["duration"][y["event"] == 0][:500]
    ahead = outlook(model, here, given=given, horizon=24)
    assert (np.diff(ahead.p_leave, axis=1) > 0).all()
    yearly = what_if(model, here, {"Contract": "One year"}, given=given, months=[12])
    monthly = what_if(model, here, {"Contract": "Month-to-month"}, given=given, months=[12])
    assert yearly.after[-1, 0] < 0.5 * monthly.after[-1, 0]
