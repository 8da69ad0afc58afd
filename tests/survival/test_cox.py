"""CoxPH against R's published numbers, brute force and itself; and every bad input by its words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from custval.survival import CoxPH, ph_test, survival_target

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
