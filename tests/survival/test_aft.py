"""Accelerated failure times: against R's survreg, against likelihoods summed by quadrature, and by simulation."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from tests.survival.aft_cases import customers, numbers, rossi, smooth_customers

import custval
from custval import ConvergenceWarning, InputError
from custval.artifact import from_dict, to_dict
from custval.survival import AFT, survival_target

LAWS = ("weibull", "exponential", "lognormal", "loglogistic", "gengamma")
OF_R = LAWS[:4]


def in_order_of_r(model):
    """Return intercept and coefficients, then the covariance of them and the log scale at x = 0."""
    p = len(model.coef_)
    turn = np.eye(len(model.covariance_))
    turn[0, 1 : p + 1] = -model.center_
    return np.append(model.intercept_, model.coef_), turn @ model.covariance_ @ turn.T


@pytest.mark.parametrize("law", OF_R)
def test_public_reference_cases(law, reference, shared):
    known = next(item for item in reference("survival") if item["id"] == f"aft_{law}_rossi")
    X, y = rossi(shared)
    model = AFT(distribution=law).fit(X, y)
    told, rtol = known["expected"], known["rtol"]
    assert model.coef_ == pytest.approx([told["coef"][name] for name in X], rel=rtol)
    assert model.intercept_ == pytest.approx(told["coef"]["Intercept"], rel=rtol)
    assert model.scale_ == pytest.approx(told["scale"], rel=rtol)
    # lifelines 0.30.3 stops the loglogistic early, .56 % off in a coefficient; ours is at the maximum
    assert model.log_likelihood_ == pytest.approx(told["loglik"], rel=1e-11)


@pytest.mark.parametrize("law", OF_R)
@pytest.mark.parametrize("kind", ["right", "weights", "interval", "cluster"])
def test_equals_survreg(law, kind):
    data, known = customers(), numbers("aft")[f"{law}_{kind}"]
    weight = data["weight"] if kind == "weights" else None
    cluster = data["cluster"] if kind == "cluster" else None
    y = data["between"] if kind == "interval" else data["y"]
    model = AFT(distribution=law).fit(data["X"], y, sample_weight=weight, cluster=cluster)
    coef, covariance = in_order_of_r(model)
    assert coef == pytest.approx(known["coef"], rel=1e-7, abs=1e-9)
    assert model.scale_ == pytest.approx(known["scale"][0], rel=1e-8)
    assert [model.log_likelihood_null_, model.log_likelihood_] == pytest.approx(known["loglik"], rel=1e-10)
    var = np.array(known["var"]).reshape(covariance.shape)
    assert covariance == pytest.approx(var, rel=2e-6, abs=1e-5 * var.max())  # survreg stops a little early
    assert model.intercept_std_error_ == pytest.approx(np.sqrt(var[0, 0]), rel=5e-6)
    error = model.robust_std_error_ if kind == "cluster" else model.std_error_
    assert error == pytest.approx(np.sqrt(np.diag(var))[1:3], rel=5e-6)


def test_weights_that_are_not_whole_have_robust_errors_as_in_r():
    data, known = customers(), numbers("aft")["weibull_robust_weights"]
    model = AFT().fit(data["X"], data["y"], sample_weight=data["weight"] / 2)
    _, covariance = in_order_of_r(model)
    assert covariance == pytest.approx(np.array(known["var"]).reshape(4, 4), rel=2e-6, abs=1e-8)


def test_a_scale_for_each_group_is_survregs_strata():
    data, known = customers(), numbers("aft")["weibull_strata"]
    X = pd.DataFrame({"a": data["X"][:, 0], "group": data["X"][:, 1].astype(int).astype(str)})
    # survreg's strata change the scale alone, so the location must not see the group
    model = AFT(scale_columns=["group"]).fit(X, data["y"])
    best = AFT(scale_columns=["group"]).fit(X, data["y"]).log_likelihood_
    assert best > known["loglik"][1]
    assert model.scale_feature_names_out_.tolist() == ["group=1", "group=2"]
    by_group = [AFT().fit(X[["a"]][X.group == g], data["y"][(X.group == g).to_numpy()]) for g in "012"]
    assert model.log_likelihood_ < sum(one.log_likelihood_ for one in by_group)
    # without "a", groups share nothing, and each scale is the one of its own fit
    apart = AFT(scale_columns=["group"]).fit(X[["group"]], data["y"])
    own = [_without_columns(data["y"][(X.group == g).to_numpy()]) for g in "012"]
    average = apart.center_ @ apart.scale_coef_
    scales = apart.scale_ * np.exp(np.append(0.0, apart.scale_coef_) - average)
    assert scales == pytest.approx([scale for scale, _ in own], rel=1e-7)
    assert apart.log_likelihood_ == pytest.approx(sum(value for _, value in own), rel=1e-11)


def _without_columns(y):
    """Return scale and log-likelihood of a Weibull law, by SciPy's minimiser."""
    from scipy.optimize import minimize

    t, d = y["duration"], y["event"] > 0

    def loss(p):
        z = (np.log(t) - p[0]) / np.exp(p[1])
        return -(d * (z - p[1] - np.log(t)) - np.exp(z)).sum()

    best = minimize(loss, [2.0, 0.0], method="BFGS", options={"gtol": 1e-9})
    best = minimize(loss, best.x, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 4000})
    return np.exp(best.x[1]), -best.fun


def density_of(law, mu, sigma, q):
    """Return SciPy's law of T."""
    if law in {"weibull", "exponential"}:
        return stats.weibull_min(1 / sigma, scale=np.exp(mu))
    if law == "lognormal":
        return stats.lognorm(sigma, scale=np.exp(mu))
    if law == "loglogistic":
        return stats.fisk(1 / sigma, scale=np.exp(mu))
    k = 1 / q**2
    return stats.gengamma(k, q / sigma, scale=np.exp(mu) * k ** (-sigma / q))


@pytest.mark.parametrize("law", LAWS)
def test_likelihood_and_forecasts_are_those_of_scipys_law(law):
    data = smooth_customers()
    y = data["between"]
    model = AFT(distribution=law).fit(data["X"], y)
    total = 0.0
    for i in range(90):
        mu = model.intercept_ + data["X"][i] @ model.coef_
        T = density_of(law, mu, model.scale_, model.shape_)
        start, low, high = y["entry"][i], y["lower"][i], y["upper"][i]
        seen = T.pdf(low) if low == high else T.sf(low) - (0 if np.isinf(high) else T.sf(high))
        total += np.log(seen / T.sf(start))
        if i < 6:
            row = data["X"][i : i + 1]
            assert model.predict_survival(row, [0, 2, 9]) == pytest.approx(T.sf([0, 2, 9])[None], rel=1e-9)
            assert model.predict_survival(row, [2], given=4)[0, 0] == pytest.approx(T.sf(6) / T.sf(4), rel=1e-9)
            assert model.predict_quantile(row, 0.3)[0] == pytest.approx(T.ppf(0.3), rel=1e-8)
            area = integrate.quad(T.sf, 3, 15, epsabs=1e-12)[0] / T.sf(3)
            assert model.expected_lifetime(row, 12, given=3)[0] == pytest.approx(area, rel=1e-8)
            if np.isfinite(T.mean()):
                assert model.expected_lifetime(row)[0] == pytest.approx(T.mean(), rel=1e-8)
                ahead = integrate.quad(T.sf, 3, np.inf, epsabs=1e-12)[0] / T.sf(3)
                assert model.expected_lifetime(row, given=3)[0] == pytest.approx(ahead, rel=1e-6)
    assert model.log_likelihood_ == pytest.approx(total, rel=1e-9)
    assert model.score(data["X"], y) == pytest.approx(total / 90, rel=1e-9)


def test_a_mean_that_does_not_exist_is_infinite():
    rng = np.random.default_rng(4)
    times = np.exp(2 + 1.4 * rng.logistic(size=400))
    model = AFT(distribution="loglogistic").fit(rng.normal(size=(400, 1)), times)
    assert model.scale_ > 1
    assert np.isinf(model.expected_lifetime([[0.0]])).all()
    assert np.isfinite(model.expected_lifetime([[0.0]], 60)).all()


@pytest.mark.parametrize("law", LAWS)
def test_recovers_what_was_simulated(law):
    rng = np.random.default_rng(11)
    n, q = 4000, 0.6
    X = rng.normal(size=(n, 2))
    sigma = 1.0 if law == "exponential" else 0.7
    u = rng.random(n)
    start = density_of(law, 0.0, 1.0, q)
    T = np.exp(2.5 + X @ [0.4, -0.3] + sigma * np.log(start.ppf(u)))
    entry, end = rng.uniform(0, 4, n), rng.uniform(6, 40, n)
    here = entry < T
    y = survival_target(np.minimum(T, end)[here], (end >= T)[here].astype(int), entry=entry[here])
    model = AFT(distribution=law).fit(X[here], y)
    z = (model.coef_ - [0.4, -0.3]) / model.std_error_
    assert np.abs(z).max() < 3.5
    assert abs(model.intercept_ - 2.5) < 3.5 * model.intercept_std_error_
    if model.log_scale_std_error_:
        assert abs(np.log(model.scale_ / sigma)) < 3.5 * model.log_scale_std_error_
    if law == "gengamma":
        assert abs(model.shape_ - q) < 3.5 * model.shape_std_error_


def test_the_generalized_gamma_holds_the_others():
    data = smooth_customers()
    wide = AFT(distribution="gengamma").fit(data["X"], data["y"]).log_likelihood_
    for law in ("weibull", "lognormal"):
        assert wide >= AFT(distribution=law).fit(data["X"], data["y"]).log_likelihood_ - 1e-9


@pytest.mark.parametrize("law", LAWS)
def test_pullback_is_the_gradient_of_the_forecasts(law):
    data = smooth_customers()
    model = AFT(distribution=law, scale_columns=None if law == "exponential" else [0]).fit(data["X"], data["y"])
    X, rng = data["X"][:5], np.random.default_rng(2)
    w, c = rng.normal(size=(5, 7)), rng.normal(size=(5, 1, 7))
    given = np.array([0.0, 0, 2, 5, 1])

    def worth():
        s = model.predict_survival(X, np.arange(1, 8), given=given)
        f = model.predict_incidence(X, np.arange(8), given=given)
        return (w * s).sum(axis=1) + (c * np.diff(f, axis=2)).sum(axis=(1, 2))

    found = model.pullback(X, w, c, given=given)
    assert found.shape == (5, len(model.covariance_))
    columns, h = [], 1e-6
    holders = [(model.level_, 0), (model.coef_, 0), (model.coef_, 1)]
    if law != "exponential":
        holders += [(model.level_, 1), (model.scale_coef_, 0)]
    if law == "gengamma":
        holders += [(model.level_, 2)]
    for holder, k in holders:
        holder[k] += h
        up = worth()
        holder[k] -= 2 * h
        down = worth()
        holder[k] += h
        columns.append((up - down) / (2 * h))
    assert found == pytest.approx(np.column_stack(columns), rel=1e-5, abs=1e-7)


def test_given_incidence_and_cumulative_hazard_agree():
    data = smooth_customers()
    model = AFT(distribution="loglogistic").fit(data["X"], data["y"])
    X, times = data["X"][:4], [0.0, 1.0, 6.0]
    s = model.predict_survival(X, times, given=[0, 1, 2, 3])
    assert model.predict_incidence(X, times, given=[0, 1, 2, 3])[:, 0] == pytest.approx(1 - s, abs=1e-14)
    assert np.exp(-model.predict_cumulative_hazard(X, times, given=[0, 1, 2, 3])) == pytest.approx(s, rel=1e-12)
    assert (s[:, 0] == 1).all()
    whole = model.predict_survival(X, [4.0, 6.0])
    assert model.predict_survival(X, [2.0], given=4)[:, 0] == pytest.approx(whole[:, 1] / whole[:, 0], rel=1e-12)


def test_risk_of_a_weibull_is_its_hazard_ratio_and_reasons_its_parts():
    data = smooth_customers()
    model = AFT().fit(data["X"], data["y"])
    log_ratio = -(data["X"] - model.center_) @ model.coef_ / model.scale_
    assert np.log(model.predict_risk(data["X"])) == pytest.approx(log_ratio, abs=1e-12)
    assert model.predict(data["X"]) == pytest.approx(model.predict_risk(data["X"]))
    told = model.reasons(data["X"][:6], top=2)
    parts = -(data["X"] - model.center_) * model.coef_ / model.scale_
    assert told.contribution[:, 0] == pytest.approx(np.maximum(parts[:6].max(axis=1), 0), abs=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_survives_a_round_trip_through_json(law):
    data = smooth_customers()
    model = AFT(distribution=law, scale_columns=None if law == "exponential" else [1]).fit(data["X"], data["y"])
    again = from_dict(to_dict(model))
    assert (again.predict_survival(data["X"], [1, 5, 20]) == model.predict_survival(data["X"], [1, 5, 20])).all()
    assert again.summary().equals(model.summary())


def test_value_takes_it_with_an_interval():
    from custval.clv import lifetime_value

    data = smooth_customers()
    model = AFT().fit(data["X"], data["y"])
    worth = lifetime_value(model, data["X"][:3], margin=10.0, horizon=12, monthly_discount=0.01)
    s = model.predict_survival(data["X"][:3], np.arange(1, 13))
    assert worth.value == pytest.approx(10 * s @ 1.01 ** -np.arange(1.0, 13.0), rel=1e-10)
    assert (np.asarray(worth.std_error) > 0).all()


@pytest.mark.parametrize("unit", [1e-12, 30.436875, 1e12])
@pytest.mark.parametrize("law", LAWS)
def test_units_of_time_and_of_columns_do_not_matter(law, unit):
    data = smooth_customers()
    before = AFT(distribution=law).fit(data["X"], data["y"])
    y = survival_target(data["y"]["duration"] * unit, data["y"]["event"])
    after = AFT(distribution=law).fit(data["X"] * [1e-12, 1] + [0, 1e6], y)
    assert after.coef_ * [1e-12, 1] == pytest.approx(before.coef_, rel=1e-6)
    assert after.std_error_ * [1e-12, 1] == pytest.approx(before.std_error_, rel=1e-5)
    left = (data["y"]["event"] > 0).sum()
    assert after.log_likelihood_ + left * np.log(unit) == pytest.approx(before.log_likelihood_, rel=1e-9)


def test_categories_and_scale_columns_by_name():
    data = smooth_customers()
    X = pd.DataFrame({"fee": data["X"][:, 0], "plan": np.array(["basic", "gold", "plus"])[data["X"][:, 1].astype(int)]})
    model = AFT(scale_columns=["plan"]).fit(X, data["y"])
    assert model.feature_names_out_.tolist() == ["fee", "plan=gold", "plan=plus"]
    table = model.summary()
    assert table["part"].tolist() == ["time"] * 4 + ["log scale"] * 3
    assert table["feature"].tolist()[4:] == ["average customer", "plan=gold", "plan=plus"]
    with pytest.raises(
        InputError, match=r"scale_columns names 'plam', which is not a column of X \(did you mean 'plan'"
    ):
        AFT(scale_columns=["plam"]).fit(X, data["y"])
    with pytest.raises(InputError, match="scale_columns must be a list of columns, not 'plan'"):
        AFT(scale_columns="plan").fit(X, data["y"])
    with pytest.raises(InputError, match="the exponential has none"):
        AFT(distribution="exponential", scale_columns=["plan"]).fit(X, data["y"])
    with pytest.raises(InputError, match="level not seen in fitting: 'silver'"):
        model.predict_survival(pd.DataFrame({"fee": [1.0], "plan": ["silver"]}), [1])


def test_bad_input_is_named():
    data = smooth_customers()
    X, y = data["X"], data["y"]
    with pytest.raises(InputError, match="no customer left: all 90 are censored"):
        AFT().fit(X, survival_target(y["duration"], np.zeros(90, dtype=int)))
    with pytest.raises(InputError, match="'x1' is the same for every customer"):
        AFT().fit(np.column_stack([X[:, 0], np.ones(90)]), y)
    with pytest.raises(InputError, match="'x2' follows from 'x0', 'x1'"):
        AFT().fit(np.column_stack([X, X.sum(axis=1)]), y)
    with pytest.raises(InputError, match=r"names 2 causes \(a, b\)"):
        AFT().fit(X, survival_target(y["duration"], np.arange(90) % 3, causes=["a", "b"]))
    with pytest.raises(InputError, match=r"distribution must be one of .* not 'wiebull' .*did you mean 'weibull'"):
        AFT(distribution="wiebull").fit(X, y)
    with pytest.raises(InputError, match="sample_weight must be >= 0"):
        AFT().fit(X, y, sample_weight=np.where(np.arange(90) == 3, -1, 1))
    with pytest.raises(InputError, match="sample_weight is zero in every row"):
        AFT().fit(X, y, sample_weight=np.zeros(90))
    with pytest.raises(InputError, match=r"X holds NaN or infinity \(first: row 4"):
        AFT().fit(np.where(np.arange(90)[:, None] == 4, np.inf, X), y)
    with pytest.raises(custval.NotFittedError):
        AFT().predict_survival(X, [1])
    model = AFT().fit(X, y)
    with pytest.raises(InputError, match="times must be >= 0"):
        model.predict_survival(X, [-1])
    with pytest.raises(InputError, match="given has 3 rows but X has 90"):
        model.predict_survival(X, [1], given=[1, 2, 3])
    with pytest.raises(InputError, match=r"exit_weight must have shape \(90, 1, 2\)"):
        model.pullback(X, np.ones((90, 2)), np.ones((90, 2, 2)))
    with pytest.raises(InputError, match=r"while a minimum of 1 is required|1 sample"):
        AFT().fit(X[:1], y[:1])


def test_a_level_that_nobody_left_is_named():
    data = smooth_customers()
    loyal = (data["y"]["event"] == 0).astype(float)
    with pytest.warns(ConvergenceWarning, match="no finite best value exists for 'x1'"):
        model = AFT().fit(np.column_stack([data["X"][:, 0], loyal]), data["y"])
    assert np.isfinite(model.predict_survival(np.zeros((1, 2)), [1, 12])).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AFT(l2=0.1).fit(np.column_stack([data["X"][:, 0], loyal]), data["y"])


def test_times_that_columns_explain_without_error_are_named():
    x = np.arange(1.0, 9.0)[:, None]
    with pytest.warns(ConvergenceWarning, match="the scale|max_iter"):
        AFT(distribution="lognormal").fit(x, np.exp(0.3 * x[:, 0]))


def test_a_penalty_is_in_raw_units():
    data = smooth_customers()
    X = data["X"]

    def objective(model, l2):
        return model.log_likelihood_ - l2 / 2 * (model.coef_**2).sum()

    found = AFT(l2=40.0).fit(X, data["y"])
    assert objective(found, 40.0) > objective(AFT().fit(X, data["y"]), 40.0)
    assert objective(found, 40.0) >= max(objective(AFT(l2=l2).fit(X, data["y"]), 40.0) for l2 in (39.0, 41.0))
    twice = AFT(l2=40.0).fit(X * [10, 1], data["y"])
    assert twice.coef_[0] * 10 != pytest.approx(found.coef_[0], rel=1e-3)
