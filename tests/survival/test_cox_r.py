"""CoxPH against R for every combination of entry, strata, weights, ties, cluster and ridge.

The numbers are those of tests/reference/survival/cox.R. One combination is R's own fault: with late entry, weights and
Efron's ties its penalised fit stops short of the top of the likelihood that its plain fit reports.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.survival.cox_cases import brute_force

from custval.survival import CoxPH, cox_residuals, ph_test, schoenfeld_residuals, survival_target

TOLD = json.loads((Path(__file__).parents[1] / "reference" / "survival" / "cox.json").read_text(encoding="utf-8"))
DATA = pd.DataFrame(TOLD["data"])
COLUMNS = ["x1", "x2", "x3"]
NEW = pd.DataFrame({"x1": [0.5, -1.0], "x2": [0, 1], "x3": [1.0, 0.2], "group": "b"})


def name(fit: dict) -> str:
    used = [part for part in ("entry", "strata", "cluster") if fit[part]]
    return "-".join([fit["ties"], fit["weights"], *used, *(["ridge"] if fit["l2"] else [])])


def fitted(fit: dict):
    y = survival_target(DATA["end"], DATA["left"], entry=DATA["start"] if fit["entry"] else None)
    strata = "group" if fit["strata"] else None
    X = DATA[[*COLUMNS, "group"]] if strata else DATA[COLUMNS]
    weight = None if fit["weights"] == "none" else DATA[fit["weights"]]
    cluster = DATA["id"] if fit["cluster"] else None
    model = CoxPH(ties=fit["ties"], l2=fit["l2"])
    return model.fit(X, y, sample_weight=weight, strata=strata, cluster=cluster), X, y, weight


def sorted_rows(values) -> np.ndarray:
    """Return rows in the order of their values: R and we may list ties differently."""
    values = np.asarray(values)
    return values[np.argsort(values[:, 0])]


def is_wrong_in_r(fit: dict) -> bool:
    return bool(fit["entry"] and fit["l2"] and fit["ties"] == "efron" and fit["weights"] != "none")


FITS = pytest.mark.parametrize("fit", [fit for fit in TOLD["fits"] if not is_wrong_in_r(fit)], ids=name)
WRONG = pytest.mark.parametrize("fit", [fit for fit in TOLD["fits"] if is_wrong_in_r(fit)], ids=name)
RESIDUALS = pytest.mark.parametrize("fit", [fit for fit in TOLD["fits"] if "martingale" in fit], ids=name)
PLAIN = pytest.mark.parametrize("fit", [fit for fit in TOLD["fits"] if "zph_km" in fit], ids=name)


@FITS
def test_fits(fit):
    model, *_ = fitted(fit)
    assert model.coef_ == pytest.approx(fit["coef"], rel=1e-6)
    assert model.std_error_ == pytest.approx(fit["std_error"], rel=1e-6)
    if "robust" in fit:
        assert model.robust_std_error_ == pytest.approx(fit["robust"], rel=1e-6)
        assert (model.covariance_ != model.naive_covariance_).any()
    else:
        assert model.robust_std_error_ is None
    assert [model.log_likelihood_null_, model.log_likelihood_] == pytest.approx(fit["log_likelihood"], rel=1e-9)
    if "tests" in fit:
        assert model.tests().statistic == pytest.approx(fit["tests"], rel=1e-6)


@WRONG
def test_what_r_gets_wrong(fit):
    model, _, y, weight = fitted(fit)
    strata = DATA["group"] if fit["strata"] else None

    def height(coef):
        return brute_force(DATA[COLUMNS], y, coef, weight=weight, strata=strata) - fit["l2"] / 2 * float(coef @ coef)

    best = height(model.coef_)
    assert best > height(np.array(fit["coef"])) + 0.01
    assert all(best > height(model.coef_ + step) for step in 1e-3 * np.vstack([np.eye(3), -np.eye(3)]))


@RESIDUALS
def test_residuals(fit):
    model, X, y, weight = fitted(fit)
    for kind in ("martingale", "deviance", "score", "dfbeta"):
        told = cox_residuals(model, X, y, kind=kind, sample_weight=weight)
        assert told == pytest.approx(np.array(fit[kind]), rel=1e-5, abs=1e-8), kind
    plain, scaled = (schoenfeld_residuals(model, X, y, scaled=s, sample_weight=weight) for s in (False, True))
    assert sorted_rows(plain.residual) == pytest.approx(sorted_rows(fit["schoenfeld"]), rel=1e-5, abs=1e-8)
    assert sorted_rows(scaled.residual) == pytest.approx(sorted_rows(fit["scaled"]), rel=1e-5, abs=1e-6)
    assert (plain.time == DATA["end"].to_numpy()[plain.row]).all()
    assert (np.diff(plain.time) >= 0).all() or fit["strata"]


@PLAIN
def test_proportional_hazards(fit):
    model, X, y, weight = fitted(fit)
    for transform in ("km", "identity", "rank", "log"):
        told = ph_test(model, X, y, transform=transform, sample_weight=weight)
        assert [*told.statistic, told.global_statistic] == pytest.approx(fit[f"zph_{transform}"], rel=1e-5), transform


@PLAIN
def test_predicted_survival_and_its_error(fit):
    model, *_ = fitted(fit)
    band = model.predict_survival_band(NEW, [2, 5, 9, 14])
    assert band.survival == pytest.approx(np.reshape(fit["survival"], (2, 4)), rel=1e-6)
    if "robust" not in fit:
        assert band.std_error == pytest.approx(np.reshape(fit["survival_error"], (2, 4)), rel=1e-5)
