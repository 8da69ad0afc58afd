"""The mixture cure model: against a likelihood written out, by simulation, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from tests.survival.aft_cases import smooth_customers

from custval import ConvergenceWarning, InputError
from custval.artifact import from_dict, to_dict
from custval.survival import AFT, MixtureCure, kaplan_meier, survival_target


def world(n=3000, seed=5, loyal=(-0.4, 0.8), time=(1.5, -0.3), scale=0.6, law="weibull"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    stays = rng.random(n) < 1 / (1 + np.exp(-loyal[0] - loyal[1] * X[:, 0]))
    error = {"weibull": np.log(-np.log(rng.random(n))), "lognormal": rng.normal(size=n)}[law]
    T = np.where(stays, np.inf, np.exp(time[0] + time[1] * X[:, 1] + scale * error))
    entry, end = rng.uniform(0, 2, n), rng.uniform(10, 40, n)
    here = entry < T
    y = survival_target(np.minimum(T, end)[here], (end >= T)[here].astype(int), entry=entry[here])
    return X[here], y


@pytest.mark.parametrize("law", ["weibull", "lognormal"])
def test_recovers_both_parts(law):
    X, y = world(law=law)
    model = MixtureCure(latency=law, loyal_columns=[0], latency_columns=[1]).fit(X, y)
    assert abs(model.loyal_intercept_ + 0.4) < 3.5 * model.loyal_intercept_std_error_
    assert abs(model.loyal_coef_[0] - 0.8) < 3.5 * model.loyal_std_error_[0]
    assert abs(model.intercept_ - 1.5) < 3.5 * model.intercept_std_error_
    assert abs(model.coef_[0] + 0.3) < 3.5 * model.std_error_[0]
    assert abs(np.log(model.scale_ / 0.6)) < 3.5 * model.log_scale_std_error_
    assert model.log_likelihood_ > AFT(distribution=law).fit(X, y).log_likelihood_ + 100
    # the forecast of the average is the curve
    curve = kaplan_meier(y)
    for t in (3.0, 8.0, 20.0):
        assert model.predict_survival(X, [t]).mean() == pytest.approx(curve.at(t), abs=0.03)


@pytest.mark.parametrize("law", ["weibull", "lognormal", "loglogistic"])
def test_is_the_maximum_of_the_likelihood_written_out(law):
    X, y = world(n=300, seed=8)
    model = MixtureCure(latency=law).fit(X, y)
    frozen = {
        "weibull": lambda mu, s: stats.weibull_min(1 / s, scale=np.exp(mu)),
        "lognormal": lambda mu, s: stats.lognorm(s, scale=np.exp(mu)),
        "loglogistic": lambda mu, s: stats.fisk(1 / s, scale=np.exp(mu)),
    }[law]

    def value(p):
        loyal = 1 / (1 + np.exp(-p[0] - X @ p[1:3]))
        T = frozen(p[3] + X @ p[4:6], np.exp(p[6]))
        end = np.where(y["event"] > 0, (1 - loyal) * T.pdf(y["duration"]), loyal + (1 - loyal) * T.sf(y["duration"]))
        return np.log(end / (loyal + (1 - loyal) * T.sf(y["entry"]))).sum()

    at = np.concatenate(
        [[model.loyal_intercept_], model.loyal_coef_, [model.intercept_], model.coef_, [np.log(model.scale_)]]
    )
    assert model.log_likelihood_ == pytest.approx(value(at), rel=1e-10)
    best = minimize(lambda p: -value(p), at, method="Nelder-Mead", options={"maxiter": 400})
    assert -best.fun <= model.log_likelihood_ + 1e-7
    # standard errors from a numerical second derivative
    h, P = 1e-4, len(at)
    bend = np.empty((P, P))
    for a in range(P):
        for b in range(P):
            e, f = np.eye(P)[a] * h, np.eye(P)[b] * h
            bend[a, b] = value(at + e + f) - value(at + e - f) - value(at - e + f) + value(at - e - f)
    errors = np.sqrt(np.diag(np.linalg.inv(-bend / (4 * h * h))))
    told = np.concatenate([[model.loyal_intercept_std_error_], model.loyal_std_error_, [model.intercept_std_error_]])
    assert told == pytest.approx(errors[:4], rel=1e-4)
    assert model.std_error_ == pytest.approx(errors[4:6], rel=1e-4)
    assert model.log_scale_std_error_ == pytest.approx(errors[6], rel=1e-4)
    assert model.summary()["coef"].to_numpy() == pytest.approx(at, rel=1e-10)


def test_forecasts_level_off_at_the_loyal_share():
    X, y = world(n=600)
    model = MixtureCure().fit(X, y)
    loyal = model.predict_loyal(X)
    assert model.predict_survival(X, [1e6])[:, 0] == pytest.approx(loyal, rel=1e-9)
    assert (model.predict_loyal(X, given=12) > loyal).all()
    assert model.predict_survival(X, [1e6], given=12)[:, 0] == pytest.approx(model.predict_loyal(X, given=12), rel=1e-9)
    assert np.isinf(model.expected_lifetime(X)).all()
    half = model.predict_quantile(X, 0.5)
    assert (np.isinf(half) == (loyal >= 0.5)).all()
    few = np.flatnonzero(np.isfinite(half))[:5]
    assert np.diag(model.predict_survival(X[few], half[few])) == pytest.approx(np.full(len(few), 0.5), rel=1e-9)
    again = from_dict(to_dict(model))
    assert (again.predict_risk(X) == model.predict_risk(X)).all()
    assert model.score(X, y) == pytest.approx(model.log_likelihood_ / len(X), rel=1e-12)


def test_interval_censored_and_weights_as_duplication():
    data = smooth_customers()
    weight = 1 + np.arange(90) % 3
    X = data["X"][:, :1]
    model = MixtureCure(latency_columns=[]).fit(X, data["between"], sample_weight=weight)
    rows = np.repeat(np.arange(90), weight)
    copied = MixtureCure(latency_columns=[]).fit(X[rows], data["between"][rows])
    assert model.loyal_coef_ == pytest.approx(copied.loyal_coef_, rel=1e-6)
    assert model.loyal_std_error_ == pytest.approx(copied.loyal_std_error_, rel=1e-6)
    assert model.log_likelihood_ == pytest.approx(copied.log_likelihood_, rel=1e-11)


def test_pullback_is_the_gradient_of_the_forecasts():
    X, y = world(n=300)
    model = MixtureCure().fit(X, y)
    rng = np.random.default_rng(3)
    w, c = rng.normal(size=(4, 5)), rng.normal(size=(4, 1, 5))
    given = np.array([0, 1, 3, 9.0])

    def worth():
        s = model.predict_survival(X[:4], np.arange(1, 6), given=given)
        f = model.predict_incidence(X[:4], np.arange(6), given=given)
        return (w * s).sum(axis=1) + (c * np.diff(f, axis=2)).sum(axis=(1, 2))

    found, columns = model.pullback(X[:4], w, c, given=given), []
    holders = [(model.level_, 0), (model.loyal_coef_, 0), (model.loyal_coef_, 1)]
    holders += [(model.level_, 1), (model.coef_, 0), (model.coef_, 1), (model.level_, 2)]
    for holder, k in holders:
        holder[k] += 1e-6
        up = worth()
        holder[k] -= 2e-6
        columns.append((up - worth()) / 2e-6)
        holder[k] += 1e-6
    assert found == pytest.approx(np.column_stack(columns), rel=1e-5, abs=1e-7)


def test_without_a_plateau_the_loyal_share_is_named():
    rng = np.random.default_rng(1)
    with pytest.warns(ConvergenceWarning, match="the loyal share"):
        model = MixtureCure(loyal_columns=[]).fit(rng.normal(size=(200, 1)), rng.weibull(1.5, 200) * 10)
    assert model.loyal_share_ < 0.01
    assert np.isfinite(model.predict_survival([[0.0]], [1, 5])).all()


def test_bad_input_is_named():
    X, y = world(n=200)
    with pytest.raises(InputError, match="latency must be one of"):
        MixtureCure(latency="gengamma").fit(X, y)
    with pytest.raises(InputError, match="loyal_columns names 7, which is not a column of X"):
        MixtureCure(loyal_columns=[7]).fit(X, y)
    with pytest.raises(InputError, match=r"max_iter must be a whole number, not 3\.5"):
        MixtureCure(max_iter=3.5).fit(X, y)
    with pytest.raises(InputError, match="no customer left"):
        MixtureCure().fit(X, survival_target(y["duration"], np.zeros(len(y), dtype=int)))
