"""What models of Cox's kind forecast: one contract, with multipliers or without, by stratum, from any month."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from custval import InputError
from custval.survival import CoxPH, SharedFrailtyCox, survival_target

FOLDER = Path(__file__).parents[1] / "reference" / "survival"
TOLD = json.loads((FOLDER / "cox_frailty_strata.json").read_text(encoding="utf-8"))
DATA = {
    name: np.array(values, dtype=float)
    for name, values in json.loads((FOLDER / "cox_frailty.json").read_text(encoding="utf-8"))["data"].items()
}
X = np.column_stack([DATA["x1"], DATA["x2"]])
STRATA = np.tile([1, 2, 3, 1, 2], 32)
ENTRY = np.maximum(0, np.minimum(DATA["t"] - 1, np.tile([0, 0, 2, 4], 40)))
Y = survival_target(DATA["t"], DATA["d"] > 0)


@pytest.mark.parametrize("fit", TOLD["fits"], ids=lambda fit: f"{fit['ties']}-{fit['late']}-{fit['given']}")
def test_frailties_across_strata_with_late_entry_are_those_of_r(fit):
    y = survival_target(DATA["t"], DATA["d"] > 0, entry=ENTRY if fit["late"] else None)
    model = SharedFrailtyCox(ties=fit["ties"], frailty_variance=fit["given"])
    model.fit(X, y, group=DATA["g"], strata=STRATA)
    assert model.coef_ == pytest.approx(fit["coef"], rel=5e-6)
    assert model.std_error_ == pytest.approx(fit["std_error"], rel=5e-6)
    assert model.strata_ == (1, 2, 3)


@pytest.fixture(params=["cox", "frailty", "frailty of 1"], scope="module")
def model(request):
    if request.param == "cox":
        return CoxPH(tail="hold").fit(X, Y, strata=STRATA)
    theta = 1.0 if request.param.endswith("1") else 0.6
    return SharedFrailtyCox(frailty_variance=theta, tail="hold").fit(X, Y, group=DATA["g"], strata=STRATA)


ASKED = {"given": np.tile([0.0, 3.0, 7.5, 24.0], 5), "strata": STRATA[:20]}


def test_every_forecast_agrees_with_the_survival(model):
    times = [0.0, 1.0, 4.0, 30.0]
    survival = model.predict_survival(X[:20], times, **ASKED)
    assert (survival[:, 0] == 1).all()
    assert ((survival >= 0) & (np.diff(survival, axis=1, prepend=1) <= 0)).all()
    assert model.predict_cumulative_hazard(X[:20], times, **ASKED) == pytest.approx(-np.log(survival), rel=1e-12)
    assert model.predict_incidence(X[:20], times, **ASKED)[:, 0] == pytest.approx(1 - survival, abs=1e-14)
    assert (model.predict(X) == model.predict_risk(X)).all()
    assert np.exp(model.linear_predictor(X)) == pytest.approx(model.predict_risk(X))
    assert model.reasons(X[:20], top=2).words.shape == (20, 2)
    assert model.n_events_ == int(DATA["d"].sum())


@pytest.mark.parametrize("horizon", [3.3, 40.0])
def test_the_lifetime_is_the_area_under_the_survival(model, horizon):
    fine = np.linspace(0, horizon, 40_001)
    curve = model.predict_survival(X[:20], (fine[1:] + fine[:-1]) / 2, **ASKED)
    found = model.expected_lifetime(X[:20], horizon, **ASKED)
    assert found == pytest.approx(curve.sum(axis=1) * (fine[1] - fine[0]), rel=2e-4)


def test_who_stayed_is_asked_as_the_ratio_of_two_times(model):
    given = np.full(20, 4.0)
    ahead = model.predict_survival(X[:20], [6.0], given=given, strata=STRATA[:20])
    both = model.predict_survival(X[:20], [4.0, 10.0], strata=STRATA[:20])
    assert ahead[:, 0] == pytest.approx(both[:, 1] / both[:, 0], rel=1e-12)


def test_strata_named_as_a_column_are_found_again():
    frame = {"x1": DATA["x1"], "x2": DATA["x2"], "s": STRATA}
    named = SharedFrailtyCox(frailty_variance=0.5).fit(frame, Y, group=DATA["g"], strata="s")
    given = SharedFrailtyCox(frailty_variance=0.5).fit(X, Y, group=DATA["g"], strata=STRATA)
    assert named.predict_survival(frame, [2, 5]) == pytest.approx(given.predict_survival(X, [2, 5], strata=STRATA))
    with pytest.raises(InputError, match="fitted with 3 strata, so each customer's is needed"):
        given.predict_survival(X, [2])


def test_the_message_names_the_model_that_is_asked():
    short = SharedFrailtyCox(frailty_variance=1.0).fit(X, Y, group=DATA["g"])
    with pytest.raises(InputError, match=r"ask for less, or hold .* with SharedFrailtyCox\(tail='hold'\)"):
        short.predict_survival(X, [100])
    with pytest.raises(InputError, match=r"takes no sample_weight: .*; repeat the rows, or fit CoxPH with"):
        short.fit(X, Y, group=DATA["g"], sample_weight=np.ones(160))
    with pytest.raises(TypeError, match="takes no 'groups'; it takes group and strata"):
        short.fit(X, Y, groups=DATA["g"])
