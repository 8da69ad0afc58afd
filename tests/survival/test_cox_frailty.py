"""SharedFrailtyCox against R (reference/survival/cox_frailty.R), its own marginal likelihood, and what it refuses."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gammaln
from sklearn.utils.estimator_checks import check_estimator

from custval import InputError
from custval.artifact import from_dict, to_dict
from custval.survival import CoxPH, SharedFrailtyCox, survival_target

TOLD = json.loads(
    (Path(__file__).parents[1] / "reference" / "survival" / "cox_frailty.json").read_text(encoding="utf-8")
)
DATA = {name: np.array(values, dtype=float) for name, values in TOLD["data"].items()}
X = np.column_stack([DATA["x1"], DATA["x2"]])
Y = survival_target(DATA["t"], DATA["d"] > 0)


@pytest.mark.parametrize("fit", TOLD["fits"], ids=lambda fit: f"{fit['ties']}-{fit['given']}")
def test_numbers_are_those_of_r(fit):
    model = SharedFrailtyCox(ties=fit["ties"], frailty_variance=fit["given"]).fit(X, Y, group=DATA["g"])
    assert model.frailty_variance_ == pytest.approx(fit["theta"], rel=1e-5)
    assert model.coef_ == pytest.approx(fit["coef"], rel=5e-6)
    assert model.std_error_ == pytest.approx(fit["std_error"], rel=5e-6)
    assert model.log_likelihood_ == pytest.approx(fit["log_likelihood"], rel=1e-9)


def test_the_variance_is_the_most_likely_one():
    best = SharedFrailtyCox().fit(X, Y, group=DATA["g"])
    assert best.log_likelihood_ > best.log_likelihood_plain_
    assert best.log_likelihood_plain_ == pytest.approx(CoxPH().fit(X, Y).log_likelihood_)
    for factor in (0.97, 1.03):
        near = SharedFrailtyCox(frailty_variance=best.frailty_variance_ * factor).fit(X, Y, group=DATA["g"])
        assert near.log_likelihood_ < best.log_likelihood_


def test_the_likelihood_is_that_with_frailties_integrated_out():
    # Nielsen et al. (1992): gamma integrals at the baseline found, less what does not depend on the parameters
    model = SharedFrailtyCox(ties="breslow", frailty_variance=0.7).fit(X, Y, group=DATA["g"])
    nu = 1 / 0.7
    eta = (X - model.center_) @ model.coef_
    times = model.baseline_.times
    jumps = np.diff(model.baseline_.cumulative_hazard, prepend=0)
    hazard = model.baseline_.cumulative_hazard[np.searchsorted(times, DATA["t"], side="right") - 1]
    hazard = np.where(DATA["t"] < times[0], 0, hazard)
    left = DATA["d"] > 0
    total = float((eta[left] + np.log(jumps[np.searchsorted(times, DATA["t"][left])])).sum())
    codes = np.unique(DATA["g"], return_inverse=True)[1]
    d, L = np.bincount(codes, weights=left), np.bincount(codes, weights=hazard * np.exp(eta))
    total += float((gammaln(nu + d) - gammaln(nu) + nu * np.log(nu) - (nu + d) * np.log(nu + L)).sum())
    counts = np.unique(DATA["t"][left], return_counts=True)[1]
    total += float(left.sum() - (counts * np.log(counts)).sum())
    assert model.log_likelihood_ == pytest.approx(total, rel=1e-9)


def test_without_differences_between_accounts_it_is_the_plain_model():
    model = SharedFrailtyCox(frailty_variance=1e-8).fit(X, Y, group=DATA["g"])
    plain = CoxPH().fit(X, Y)
    assert model.coef_ == pytest.approx(plain.coef_, rel=1e-5)
    assert model.std_error_ == pytest.approx(plain.std_error_, rel=1e-5)
    assert model.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-6)
    assert model.predict_survival(X[:5], [2, 9]) == pytest.approx(plain.predict_survival(X[:5], [2, 9]), rel=1e-5)


def test_it_finds_the_truth():
    rng = np.random.default_rng(5)
    account = np.repeat(np.arange(300), 5)
    columns = rng.normal(size=(1500, 1))
    often = rng.gamma(1 / 0.8, 0.8, 300)[account]
    time = rng.exponential(20 / often / np.exp(columns[:, 0]))
    y = survival_target(np.minimum(time, 40), time <= 40)
    model = SharedFrailtyCox().fit(columns, y, group=account)
    assert abs(model.coef_[0] - 1) < 3 * model.std_error_[0]
    assert model.frailty_variance_ == pytest.approx(0.8, abs=0.25)
    assert CoxPH().fit(columns, y).coef_[0] < model.coef_[0]  # ignoring accounts blurs the effect
    average = model.predict_survival([[0.0]], [10.0])[0, 0]
    assert average == pytest.approx((1 + 0.8 * 10 / 20) ** (-1 / 0.8), abs=0.05)
    assert model.predict_survival([[0.0]], [10.0], given=20.0)[0, 0] > average  # who stayed is of the staying kind


def test_state_and_checks():
    model = SharedFrailtyCox(frailty_variance=0.5, tail="hold").fit(X, Y, group=DATA["g"])
    again = from_dict(json.loads(json.dumps(to_dict(model))))
    assert (again.predict_survival(X, [1, 60], given=2) == model.predict_survival(X, [1, 60], given=2)).all()
    assert again.summary().equals(model.summary())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(SharedFrailtyCox(frailty_variance=0.5), on_fail=None, on_skip=None)
    assert [result["check_name"] for result in found if result["status"] == "failed"] == []


def test_what_it_refuses():
    for more, said in (
        ({"cluster": DATA["g"]}, "takes no cluster: pass the accounts as group"),
        ({"l1": 0.5}, "takes no l1: choose columns with cox_path first"),
        ({"group": DATA["g"][:5]}, "cluster has 5 rows|has 5 rows"),
    ):
        with pytest.raises(InputError, match=said):
            SharedFrailtyCox().fit(X, Y, **more)
    with pytest.raises(InputError, match="frailty_variance must be > 0"):
        SharedFrailtyCox(frailty_variance=0.0).fit(X, Y, group=DATA["g"])
    with pytest.raises(InputError, match="this reaches time"):
        SharedFrailtyCox(frailty_variance=1.0).fit(X, Y, group=DATA["g"]).predict_survival(X, [100])
