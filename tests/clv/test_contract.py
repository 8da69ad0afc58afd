"""The shifted beta-geometric model: published fits, simulation, direct sums, staggered cohorts, bad input."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import betaln

from custval import ConvergenceWarning, InputError, NotFittedError
from custval._core.serial import decode, encode
from custval.clv import (
    BetaDiscreteWeibull,
    GeometricRetention,
    ShiftedBetaGeometric,
    discounted_value,
    lifetime_value,
)
from custval.survival import survival_target

REGULAR = np.array([100.0, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1]) * 10
HIGH = np.array([100.0, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1]) * 10


def test_published_fits_and_holdout(reference):
    cases = {case["id"]: case for case in reference("clv")["cases"]}
    for name in ("sbg_highend", "sbg_regular"):
        case, holdout = cases[f"{name}_fit7"], cases[f"{name}_holdout_S12"]
        counts = np.array(case["input"]["survival_percent"]) / 100 * case["input"]["cohort"]
        model = ShiftedBetaGeometric(time_unit="year").fit(counts)
        for parameter in ("alpha", "beta"):
            assert model.params_[parameter] == pytest.approx(case["expected"][parameter], rel=case["rtol"])
        assert model.log_likelihood_ == pytest.approx(case["expected"]["loglik"], rel=1e-8)
        assert model.survival(12) == pytest.approx(holdout["expected"], rel=holdout["rtol"])
    case = cases["sbg_derl_high_n1"]
    found = ShiftedBetaGeometric.from_params(**case["params"]).discounted_residual_lifetime(
        case["input"]["n"], discount=case["input"]["annual_discount"]
    )
    assert found == pytest.approx(case["expected"], rel=case["rtol"])


def test_the_likelihood_is_that_of_lifetimes():
    """By beta functions and a derivative-free search: another route to the same numbers."""
    lost, t = -np.diff(HIGH), np.arange(1, 8)

    def negative(logs):
        a, b = np.exp(logs)
        lives = betaln(a + 1, b + t - 1) - betaln(a, b)
        return -(lost @ lives + HIGH[-1] * (betaln(a, b + 7) - betaln(a, b)))

    found = minimize(negative, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10})
    model = ShiftedBetaGeometric().fit(HIGH)
    assert model.log_likelihood_ == pytest.approx(-found.fun, rel=1e-10)
    np.testing.assert_allclose(list(model.params_.values()), np.exp(found.x), rtol=1e-5)


def test_errors_equal_the_spread_over_simulated_cohorts():
    rng = np.random.default_rng(0)
    found, errors = [], []
    for _ in range(300):
        theta = rng.beta(1.2, 3.0, 2000)
        life = rng.geometric(theta)
        model = ShiftedBetaGeometric().fit([(life > t).sum() for t in range(9)])
        found.append(list(model.params_.values()))
        errors.append(list(model.std_error_.values()))
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(found, axis=0), rtol=0.15)
    np.testing.assert_allclose(np.median(found, axis=0), [1.2, 3.0], rtol=0.05)


def test_cohorts_add_up_however_they_are_given():
    young = REGULAR[:4] * 0.5
    padded = np.full((2, 8), np.nan)
    padded[0], padded[1, :4] = REGULAR, young
    expected = ShiftedBetaGeometric().fit([REGULAR, young]).params_
    assert ShiftedBetaGeometric().fit(padded).params_ == expected
    assert ShiftedBetaGeometric().fit(pd.DataFrame(padded)).params_ == expected
    assert ShiftedBetaGeometric().fit(padded[::-1]).params_ == pytest.approx(expected, rel=1e-9)
    assert ShiftedBetaGeometric().fit([REGULAR, REGULAR]).params_ == pytest.approx(
        ShiftedBetaGeometric().fit(REGULAR).params_, rel=1e-6
    )


def test_curves_are_products_of_retention_rates():
    model = ShiftedBetaGeometric.from_params(alpha=0.7, beta=1.2)
    rates = model.retention_rate(np.arange(1, 11))
    np.testing.assert_allclose(rates, (1.2 + np.arange(10)) / (1.9 + np.arange(10)))
    np.testing.assert_allclose(model.survival(np.arange(1, 11)), np.cumprod(rates), rtol=1e-12)
    np.testing.assert_allclose(model.survival([1, 2, 3], given=4), np.cumprod(rates[4:7]), rtol=1e-12)
    assert model.survival(0) == 1.0
    assert isinstance(model.survival(3), float)


@pytest.mark.parametrize("alpha", [0.01, 0.668, 30.0])
@pytest.mark.parametrize("beta", [0.05, 3.8, 500.0, 1e5])
@pytest.mark.parametrize("discount", [0.001, 0.1, 5.0])
def test_residual_lifetime_is_the_sum_it_stands_for(alpha, beta, discount):
    model, t = ShiftedBetaGeometric.from_params(alpha=alpha, beta=beta), np.arange(100_000)
    for renewal in (1, 12):
        stays = beta + renewal - 1 + t
        total = np.exp(np.cumsum(np.log(stays / (alpha + stays))) - t * np.log1p(discount)).sum()
        found = model.discounted_residual_lifetime(renewal, discount=discount)
        assert found == pytest.approx(total, rel=1e-9)
        part = np.exp(np.cumsum(np.log(stays / (alpha + stays))) - t * np.log1p(discount))[:24].sum()
        assert model.discounted_residual_lifetime(renewal, discount=discount, horizon=24) == pytest.approx(
            part, rel=1e-9
        )


def test_residual_value_is_discounted_value_paid_in_advance_of_those_who_renew():
    model = ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806)
    survival = model.survival(np.arange(1, 41))[None, :]
    end = discounted_value(survival, 1.0, monthly_discount=0.1)[0]
    # the end of a term is the moment of its renewal: one term earlier it is worth (1 + d) more
    assert model.discounted_residual_lifetime(1, discount=0.1, horizon=40) == pytest.approx(1.1 * end, rel=1e-12)


def test_limits_of_the_residual_lifetime():
    model = ShiftedBetaGeometric.from_params(alpha=2.0, beta=3.0)
    assert model.discounted_residual_lifetime(1, discount=0.0) == pytest.approx(3.0)  # (beta + n - 1) / (alpha - 1)
    assert model.discounted_residual_lifetime(1, discount=1e-6) == pytest.approx(3.0, rel=1e-4)
    rising = model.discounted_residual_lifetime(np.arange(1, 20), discount=0.1)
    assert (np.diff(rising) > 0).all()
    heavy = ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806)
    for discount in (0.0, -0.01):
        with pytest.raises(InputError, match=r"no limit at a discount of .* give a discount > 0 or a horizon"):
            heavy.discounted_residual_lifetime(1, discount=discount)
        assert heavy.discounted_residual_lifetime(1, discount=discount, horizon=12) > 0
    with pytest.raises(InputError, match=r"too small to sum without a horizon"):
        heavy.discounted_residual_lifetime(1, discount=1e-13)


def test_identical_customers_are_named_as_such():
    with pytest.warns(ConvergenceWarning, match=r"cannot be told from identical ones .*constant_retention_value"):
        model = ShiftedBetaGeometric().fit(1000 * 0.9 ** np.arange(8))
    assert model.std_error_ is None
    np.testing.assert_allclose(model.retention_rate([1, 7]), 0.9, rtol=1e-3)


def test_saved_and_loaded_it_answers_the_same():
    for model in (ShiftedBetaGeometric(time_unit="year").fit(HIGH), ShiftedBetaGeometric.from_params(alpha=1, beta=2)):
        again = decode(json.loads(json.dumps(encode(model), allow_nan=False)))
        assert again.params_ == model.params_
        assert again.time_unit_ == model.time_unit_
        assert again.survival(5) == model.survival(5)


@pytest.mark.parametrize(
    ("cohorts", "message"),
    [
        ([], r"X must hold counts of customers by cohort and renewal"),
        ("many", r"X must hold counts"),
        ([100.0, 90.0], r"two renewals or more"),
        ([[100.0, 90.0], [50.0]], r"two renewals or more"),
        ([1000], r"two renewals or more"),
        ([[1000], [500]], r"two renewals or more"),
        ([[]], r"two renewals or more"),
        ([100.0, 90.0, 95.0], r"never rise but 1 of 1 row is not \(first: row 0, value 95\.0\).*new cohort"),
        ([[9, 8, 7], [5, 6, 5]], r"never rise but 1 of 2 rows is not \(first: row 1, value 6\.0\)"),
        ([100.0, 90.0, -1.0], r"counts of a cohort must be >= 0 .*value -1\.0"),
        ([0.0, 0.0, 0.0], r"size of a cohort \(column 0\) must be > 0"),
        ([100.0, 100.0, 100.0], r"nobody left at any renewal"),
        ([100.0, 0.0, 0.0], r"two renewals or more"),
        ([[100.0, np.nan, 80.0]], r"cohort 0 must be finite .*row 1, value nan"),
        ([100.0, "x", 80.0], r"cohort 0 must hold numbers; row 1 holds 'x'"),
        ([100.0, np.inf, 80.0], r"cohort 0 must be finite"),
    ],
)
def test_bad_cohorts_are_refused_with_help(cohorts, message):
    with pytest.raises(InputError, match=message):
        ShiftedBetaGeometric().fit(cohorts)


def test_bad_questions_are_refused_with_help():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ShiftedBetaGeometric().survival(1)
    with pytest.raises(InputError, match=r"alpha must be > 0"):
        ShiftedBetaGeometric.from_params(alpha=0.0, beta=1.0)
    model = ShiftedBetaGeometric.from_params(alpha=1.0, beta=1.0)
    with pytest.raises(InputError, match=r"renewals must be >= 1"):
        model.retention_rate(0)
    with pytest.raises(InputError, match=r"renewals must be whole numbers .*value 1\.5"):
        model.survival(1.5)
    with pytest.raises(InputError, match=r"discount must be > -1"):
        model.discounted_residual_lifetime(1, discount=-1.0)


def test_fractions_of_renewals_are_refused():
    model = ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806)
    with pytest.raises(InputError, match=r"horizon must be a whole number, not 1\.5"):
        model.discounted_residual_lifetime(1, discount=0.1, horizon=1.5)
    with pytest.raises(InputError, match=r"given must be a whole number, not 0\.5"):
        model.survival([1], given=0.5)


def test_the_published_fit_of_the_beta_discrete_weibull(reference):
    case = next(case for case in reference("clv")["cases"] if case["id"] == "bdw_highend_fit7")
    counts = np.array(case["input"]["survival_percent"]) / 100 * case["input"]["cohort"]
    model = BetaDiscreteWeibull(time_unit="year").fit(counts)
    for parameter in ("alpha", "beta", "c"):
        assert model.params_[parameter] == pytest.approx(case["expected"][parameter], rel=case["rtol"])
    assert model.log_likelihood_ == pytest.approx(case["expected"]["loglik"], rel=1e-7)
    assert model.survival(12) == pytest.approx(case["expected"]["S(12)"], rel=case["rtol"])


def test_a_power_of_one_is_the_shifted_beta_geometric():
    weibull = BetaDiscreteWeibull.from_params(alpha=0.668, beta=3.806, c=1.0)
    shifted = ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806)
    t = np.arange(1, 30)
    np.testing.assert_allclose(weibull.survival(t), shifted.survival(t), rtol=1e-12)
    np.testing.assert_allclose(weibull.retention_rate(t), shifted.retention_rate(t), rtol=1e-12)
    # the sum, renewal by renewal, against the closed form
    for discount in (0.05, 0.1, 1.0):
        found = weibull.discounted_residual_lifetime([1, 5], discount=discount)
        np.testing.assert_allclose(found, shifted.discounted_residual_lifetime([1, 5], discount=discount), rtol=1e-10)


def test_the_geometric_law_has_closed_forms():
    model = GeometricRetention(time_unit="year").fit([1000, 800, 640, 512])
    assert model.params_["theta"] == pytest.approx(0.2, rel=1e-8)
    assert model.std_error_["theta"] == pytest.approx(np.sqrt(0.2 * 0.8 / 2440), rel=1e-5)  # binomial
    v = 1 / 1.12
    assert model.discounted_residual_lifetime(3, discount=0.12) == pytest.approx(0.8 / (1 - 0.8 * v), rel=1e-8)
    assert model.discounted_residual_lifetime(1, discount=0.0) == pytest.approx(4.0, rel=1e-7)
    with pytest.raises(InputError, match=r"no limit at a discount of -0\.2; give a horizon"):
        model.discounted_residual_lifetime(1, discount=-0.2)


def as_customers(counts):
    """The same cohort, customer by customer."""
    lost = -np.diff(counts).astype(int)
    duration = np.concatenate([np.repeat(np.arange(1, len(counts)), lost), np.full(int(counts[-1]), len(counts) - 1)])
    event = np.arange(len(duration)) < lost.sum()
    return survival_target(duration.astype(float), event, time_unit="year")


@pytest.mark.parametrize("kind", [ShiftedBetaGeometric, BetaDiscreteWeibull, GeometricRetention])
def test_customers_one_by_one_equal_their_cohort(kind):
    counts = np.array([1000, 869, 743, 653, 593, 551, 517, 491])
    cohort, single = kind().fit(counts), kind().fit(None, as_customers(counts))
    np.testing.assert_allclose(list(single.params_.values()), list(cohort.params_.values()), rtol=1e-6)
    np.testing.assert_allclose(single.covariance_, cohort.covariance_, rtol=1e-3)
    assert single.log_likelihood_ == pytest.approx(cohort.log_likelihood_, rel=1e-10)
    # weights stand for copies
    unique, count = np.unique(as_customers(counts), return_counts=True)
    weighted = kind().fit(None, unique, sample_weight=count.astype(float))
    np.testing.assert_allclose(list(weighted.params_.values()), list(cohort.params_.values()), rtol=1e-6)


def test_late_entry_counts_only_what_was_watched():
    """Customers first seen at their third renewal: the likelihood is conditional on their having come that far."""
    rng = np.random.default_rng(4)
    theta = rng.beta(0.8, 2.5, 200_000)
    life = rng.geometric(theta).astype(float)
    there = life > 3
    entry, duration = np.full(there.sum(), 3.0), np.minimum(life[there], 12.0)
    y = survival_target(duration, life[there] <= 12, entry=entry, time_unit="year")
    early = np.minimum(life, 12.0)
    both = np.concatenate([survival_target(early, life <= 12, time_unit="year")[:50_000], y])
    model = ShiftedBetaGeometric().fit(None, both)
    np.testing.assert_allclose(list(model.params_.values()), [0.8, 2.5], rtol=0.05)


def test_columns_move_the_parameters():
    rng = np.random.default_rng(5)
    n = 40_000
    X = {"autopay": rng.random(n) < 0.5, "fee": rng.normal(40.0, 10.0, n)}
    slope = np.array([[-0.5, 0.02], [0.3, 0.0]])
    matrix = np.column_stack([X["autopay"], X["fee"]])
    alpha, beta = np.exp(np.log([0.7, 2.0])[:, None] + slope @ matrix.T)
    life = rng.geometric(rng.beta(alpha, beta)).astype(float)
    y = survival_target(np.minimum(life, 8.0), life <= 8, time_unit="year")
    model = ShiftedBetaGeometric(time_unit="year").fit(X, y)
    assert np.abs((model.coef_ - slope) / model.coef_std_error_).max() < 3.5
    assert set(model.summary()["parameter"]) >= {"alpha", "beta", "alpha: fee", "beta: autopay"}
    some = {name: values[:5] for name, values in X.items()}
    curve = model.predict_survival(some, [1, 2, 3])
    expected = np.exp(betaln(alpha[:5, None], beta[:5, None] + np.arange(1, 4)) - betaln(alpha, beta)[:5, None])
    np.testing.assert_allclose(curve, expected, rtol=0.15)
    with pytest.raises(InputError, match=r"each customer has a curve of their own; ask predict_survival"):
        model.survival(1)
    again = decode(json.loads(json.dumps(encode(model), allow_nan=False)))
    np.testing.assert_array_equal(again.predict_survival(some, [1, 2, 3]), curve)


def test_a_contract_has_a_value_month_by_month():
    """A yearly contract keeps everybody between renewals; errors follow from the covariance."""
    model = ShiftedBetaGeometric(time_unit="year").fit(HIGH)
    worth = lifetime_value(model, np.zeros((2, 1)), margin=10.0, horizon=24, monthly_discount=0.0, given=[0.0, 6.0])
    s1, s2 = model.survival([1, 2])
    assert worth.value[0] == pytest.approx(10 * (11 + 12 * s1 + s2), rel=1e-12)
    assert worth.value[1] == pytest.approx(10 * (5 + 12 * s1 + 7 * s2), rel=1e-12)
    monthly = ShiftedBetaGeometric(time_unit="month").fit(HIGH)
    draws = np.random.default_rng(0).multivariate_normal(list(monthly.params_.values()), monthly.covariance_, 4000)
    asked = lifetime_value(monthly, np.zeros((1, 1)), margin=10.0, horizon=6, monthly_discount=0.01, loss_at_exit=5.0)
    values = [
        lifetime_value(
            ShiftedBetaGeometric.from_params(alpha=a, beta=b),
            np.zeros((1, 1)),
            margin=10.0,
            horizon=6,
            monthly_discount=0.01,
            loss_at_exit=5.0,
        ).total
        for a, b in draws[:400]
    ]
    assert asked.total_std_error == pytest.approx(np.std(values), rel=0.12)


def test_remaining_value_rises_with_renewals_made():
    model = ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806, time_unit="year")
    assert model.remaining_value(120.0, discount=0.1) == pytest.approx(120 * 5.41485604837404, rel=1e-9)
    assert model.remaining_value(120.0, discount=0.1, made=4) > model.remaining_value(120.0, discount=0.1)


def test_bad_customers_are_refused_with_help():
    y = survival_target([1.0, 2.5, 3.0], [1, 0, 1])
    with pytest.raises(InputError, match=r"duration must be a whole number of renewals .*value 2\.5\); count renewals"):
        ShiftedBetaGeometric().fit(None, y)
    with pytest.raises(InputError, match=r"sample_weight weighs the customers of y"):
        ShiftedBetaGeometric().fit([10, 8, 7], sample_weight=[1.0])
    y = survival_target([1.0, 2.0, 3.0], [1, 0, 1])
    with pytest.raises(InputError, match=r"column 'fee' is the same for all 3 customers"):
        ShiftedBetaGeometric().fit({"fee": [1.0, 1.0, 1.0]}, y)
    with pytest.raises(InputError, match=r"theta must be > 0 and < 1"):
        GeometricRetention.from_params(theta=1.0)
    with pytest.raises(InputError, match=r"no limit at a discount of 0; give a discount"):
        BetaDiscreteWeibull.from_params(alpha=1.0, beta=1.0, c=1.0).discounted_residual_lifetime(1, discount=0.0)
