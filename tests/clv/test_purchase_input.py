"""What no customer can be is refused with a word of help; peers' faults are not repeated."""

from __future__ import annotations

import copy
import math
import warnings

import numpy as np
import pandas as pd
import pytest

from custval import ConvergenceWarning, DataWarning, InputError, NotFittedError
from custval.artifact import from_dict, to_dict
from custval.clv import (
    BGBB,
    BGCNBD,
    BGNBD,
    MBGNBD,
    NBD,
    GammaGamma,
    LogNormalSpend,
    ParetoNBD,
    likelihood_ratio_test,
    profile_likelihood,
    purchase_counts,
    spend_dependence,
)

GOOD = np.array([[2.0, 30.0, 39.0], [0.0, 0.0, 39.0], [5.0, 20.0, 30.0]])
MODEL = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)


def changed(row, column, value):
    made = GOOD.copy()
    made[row, column] = value
    return made


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (
            changed(0, 1, 40.0),
            r"recency must be <= age but 1 of 3 rows is not \(first: row 0, value 40.0\); recency is the ",
        ),
        (changed(1, 0, -1.0), r"frequency must be >= 0 but 1 of 3 rows is not \(first: row 1, value -1.0\)"),
        (changed(2, 2, -3.0), r"age must be >= 0 but 1 of 3"),
        (changed(2, 0, 2.5), r"frequency must be whole but 1 of 3 rows is not \(first: row 2, value 2.5\)"),
        (
            changed(1, 1, 4.0),
            r"recency must be 0 where frequency is 0 but 1 of 3 rows is not \(first: row 1, value 4.0\)",
        ),
        (changed(0, 1, 0.0), r"recency must be > 0 where frequency is > 0 .* merge purchases of one period"),
        (changed(0, 1, np.nan), r"recency must be finite"),
        (GOOD[:, :2], r"X must have columns frequency, recency, age in this order, not shape \(3, 2\)"),
        (pd.DataFrame(GOOD, columns=["frequency", "recency", "T"]), r"X has no column 'age'; it needs frequency"),
    ],
)
def test_impossible_customers_are_refused_in_fit_and_prediction(X, words):
    for ask in (MODEL.probability_alive, lambda X: MODEL.expected_purchases(X, 9.0), BGNBD().fit, MODEL.log_likelihood):
        with pytest.raises(InputError, match=words):
            ask(X)


def test_one_impossible_customer_is_refused_too():
    for one in ((2, 40.0, 39.0), (2.5, 3.0, 39.0), (0, 3.0, 39.0), (-1, 0.0, 9.0), (1, math.nan, 9.0), ("a", 1, 2)):
        with pytest.raises(InputError):
            MODEL.probability_alive(one)
        with pytest.raises(InputError):
            MODEL.expected_purchases(one, 3.0)


def test_a_base_that_cannot_be_fitted():
    with pytest.raises(InputError, match="nobody bought a second time"):
        BGNBD().fit([[0, 0, 9], [0, 0, 12]])
    with pytest.raises(
        InputError, match=r"age must be > 0 but 1 of 2 rows is not \(first: row 1, value 0.0\); who joined"
    ):
        BGNBD().fit([[1, 3, 9], [0, 0, 0]])
    with pytest.raises(InputError, match="log_gaps"):
        BGCNBD(k=2).fit({"frequency": [1, 2], "recency": [3, 4], "age": [9, 9]})
    with pytest.raises(InputError, match="frequency must be <= recency"):
        BGBB().fit([[3, 2, 6], [1, 1, 6]])
    with pytest.raises(InputError, match="age and recency must be whole"):
        BGBB().fit([[1, 1.5, 6], [1, 1, 6]])
    with pytest.raises(InputError, match=r"fixed names 'alpa' .did you mean 'alpha'"):
        BGNBD(fixed={"alpa": 1.0}).fit(GOOD)
    with pytest.raises(InputError, match="sample_weight must be >= 0"):
        BGNBD().fit(GOOD, sample_weight=[1, -1, 1])


def test_the_unit_is_part_of_the_model():
    """lifetimes' value changes 14-fold with a letter because nothing ties a fit to its unit."""
    with pytest.raises(InputError, match="the horizon is in months but the model was fitted in weeks"):
        MODEL.expected_purchases(GOOD, 3.0, time_unit="month")
    assert MODEL.expected_purchases(GOOD, 3.0, time_unit="week")[0] > 0


def test_covariates_missing_at_prediction():
    base = MODEL.simulate(np.full(400, 40.0), random_state=1)
    region = {"region": np.array(["north", "south"])[np.arange(400) % 2]}
    model = BGNBD().fit(base, covariates=region)
    with pytest.raises(InputError, match=r"fitted with covariates \(region\); give covariates="):
        model.probability_alive(base)
    with pytest.raises(InputError, match="'east'"):
        model.probability_alive(GOOD, covariates={"region": ["north", "east", "south"]})
    with pytest.raises(InputError, match="fitted without covariates"):
        MODEL.probability_alive(GOOD, covariates=np.ones((3, 1)))
    with pytest.raises(InputError, match="the same for every customer"):
        BGNBD().fit(base, covariates=np.ones((400, 1)))


def test_non_convergence_names_the_parameter_and_a_cure():
    # everybody buys every ten weeks: no spread of the rate
    X = np.column_stack([np.full(300, 4.0), np.full(300, 40.0), np.full(300, 45.0)])
    with pytest.warns(ConvergenceWarning, match=r"no clear maximum in .*fixed=.*simpler model"):
        model = NBD().fit(X)
    assert model.covariance_ is None
    assert model.weakly_identified_
    with pytest.raises(InputError, match="no covariance"):
        model.interval(lambda m: m.expected_purchases_new(9.0))


def test_unfitted_and_wrong_parameters():
    with pytest.raises(NotFittedError):
        BGNBD().probability_alive(GOOD)
    with pytest.raises(InputError, match="alpha is missing"):
        NBD.from_params(r=1.0)
    with pytest.raises(InputError, match=r"no parameter 'alfa' .did you mean 'alpha'"):
        NBD.from_params(r=1.0, alfa=2.0)
    with pytest.raises(InputError, match="s must be > 0"):
        ParetoNBD.from_params(r=1.0, alpha=1.0, s=0.0, beta=1.0)
    with pytest.raises(InputError, match="needs k"):
        BGCNBD.from_params(r=1.0, alpha=1.0, a=1.0, b=1.0)
    with pytest.raises(InputError, match="discount must be > 0"):
        MODEL.discounted_residual_purchases(GOOD, discount=0.0)


def test_spend_that_cannot_be():
    with pytest.raises(
        InputError, match=r"mean_spend must be > 0 where there is a purchase but 1 of 3 rows is not \(first: ro"
    ):
        GammaGamma().fit([[2, 9.0], [1, 0.0], [3, 4.0]])
    with pytest.raises(InputError, match="fewer than 3 customers"):
        GammaGamma().fit([[2, 9.0], [1, 5.0]])
    with pytest.raises(InputError, match="nobody has two purchases"):
        LogNormalSpend().fit([[1, 2.0, 0.0], [1, 1.0, 0.0], [1, 3.0, 0.0]])


def test_gamma_gamma_without_a_mean_is_refused_not_negative():
    """Peers return negative money where q <= 1."""
    model = GammaGamma.from_params(p=2.0, q=0.8, gamma=10.0)
    with pytest.raises(InputError, match=r"p x \+ q > 1 \(p = 2, q = 0.8\)"):
        model.expected_spend()
    assert model.expected_spend((1, 30.0)) == pytest.approx(2.0 * 40.0 / 1.8)
    rng = np.random.default_rng(0)
    nu = rng.gamma(0.7, 1 / 10.0, 4000)
    with pytest.warns(DataWarning, match="spend has no population mean"):
        GammaGamma().fit({"frequency": np.full(4000, 3.0), "mean_spend": rng.gamma(6.0, 1.0, 4000) / nu / 3.0})


def test_the_best_customers_of_a_daily_base_are_not_nan():
    """lifetimes: nan for t_x = T and x > 100, 15 % of a daily base."""
    x = np.arange(90.0, 700.0)
    X = np.column_stack([x, np.full(len(x), 730.0), np.full(len(x), 730.0)])
    for model in (
        MODEL,
        MBGNBD.from_params(r=0.5, alpha=4.0, a=0.8, b=2.4),
        ParetoNBD.from_params(r=0.5, alpha=10.0, s=0.6, beta=11.0),
    ):
        chance = np.asarray(model.probability_alive(X))
        assert np.isfinite(chance).all()
        assert (chance > 0.99).all()


def test_models_are_copied_and_saved():
    """lifetimes cannot pickle its models."""
    again = from_dict(to_dict(copy.deepcopy(MODEL)))
    np.testing.assert_array_equal(again.probability_alive(GOOD), MODEL.probability_alive(GOOD))


def test_a_fit_is_the_maximum():
    """pymc-marketing's MAP is off by a tenth in a and b: no step away from our fit gains."""
    base = MODEL.simulate(np.random.default_rng(3).integers(20, 60, 2000).astype(float), random_state=1)
    model = BGNBD().fit(base)
    for name, value in model.params_.items():
        for factor in (0.99, 1.01):
            other = BGNBD.from_params(**{**model.params_, name: value * factor})
            assert other.log_likelihood(base) < model.log_likelihood_


def test_counts_and_weights_equal_customers():
    base = MODEL.simulate(np.random.default_rng(3).integers(20, 60, 3000).astype(float), random_state=1)
    X = np.column_stack([base["frequency"], np.ceil(base["recency"]), base["age"]])
    whole = BGNBD().fit(X)
    counts = purchase_counts(X)
    table = BGNBD().fit(counts, sample_weight=counts["customers"])
    assert table.params_ == whole.params_
    assert table.log_likelihood_ == whole.log_likelihood_
    doubled = BGNBD().fit(np.tile(X, (2, 1)))
    weighted = BGNBD().fit(X, sample_weight=np.full(len(X), 2.0))
    assert doubled.params_ == weighted.params_
    np.testing.assert_allclose(weighted.covariance_, whole.covariance_ / 2.0, rtol=1e-4)


def test_covariates_are_found_again():
    rng = np.random.default_rng(0)
    column = rng.integers(0, 2, 8000).astype(float)
    truth = BGNBD().fit(MODEL.simulate(np.full(500, 40.0), random_state=0), covariates=column[:500, None])
    truth.params_ = dict(MODEL.params_)
    truth.coef_ = {"purchase": np.array([0.5]), "dropout": np.array([-0.6])}
    base = truth.simulate(np.full(8000, 50.0), random_state=1, covariates=column[:, None])
    model = BGNBD().fit(base, covariates=column[:, None])
    for process, value in (("purchase", 0.5), ("dropout", -0.6)):
        error = model.std_error_[f"{process}:x0"]
        assert abs(model.coef_[process][0] - value) < 4 * error
    strong = BGNBD(l2=1e6).fit(base, covariates=column[:, None])
    assert abs(strong.coef_["purchase"][0]) < 0.01
    test = likelihood_ratio_test(model, BGNBD().fit(base))
    assert (test.degrees, test.p_value < 1e-6) == (2, True)
    assert model.aic_ < BGNBD().fit(base).aic_
    assert "dropout:x0" in model.summary()


def test_fixed_parameters_stay():
    base = MODEL.simulate(np.random.default_rng(3).integers(20, 60, 1500).astype(float), random_state=1)
    model = BGNBD(fixed={"a": 0.8}).fit(base)
    assert model.params_["a"] == pytest.approx(0.8, rel=1e-15)
    assert model.covariance_names_ == ("r", "alpha", "b")
    assert model.log_likelihood_ <= BGNBD().fit(base).log_likelihood_


def test_the_profile_is_the_likelihood_with_one_parameter_held():
    base = MODEL.simulate(np.random.default_rng(3).integers(20, 60, 1500).astype(float), random_state=1)
    model = BGNBD().fit(base)
    found = profile_likelihood(model, base, "alpha", points=5)
    assert found.lower < model.params_["alpha"] < found.upper
    for place, value in zip(found.values, found.log_likelihood, strict=True):
        assert BGNBD(fixed={"alpha": float(place)}).fit(base).log_likelihood_ == pytest.approx(value, rel=1e-10)
    for end in (found.lower, found.upper):
        held = BGNBD(fixed={"alpha": end}).fit(base)
        assert likelihood_ratio_test(model, held).p_value == pytest.approx(0.05, abs=1e-4)


def test_dependence_of_spend_is_seen():
    base = MODEL.simulate(np.full(3000, 50.0), random_state=1)
    rng = np.random.default_rng(0)
    apart = spend_dependence(BGNBD(), base, rng.gamma(6.0, 5.0, 3000))
    assert apart["test"].p_value > 0.001
    tied = spend_dependence(BGNBD(), base, np.exp(0.3 * np.log1p(base["frequency"]) + 0.3 * rng.normal(size=3000)))
    assert tied["test"].p_value < 1e-6
    assert tied["correlation"] > 0.2
    assert tied["purchase"] > 0
    with pytest.raises(InputError, match="spend must be > 0"):
        spend_dependence(BGNBD(), base, np.zeros(3000))


def test_nothing_is_written_into_the_input():
    X = GOOD.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        BGNBD().fit(np.tile(X, (50, 1)))
    MODEL.probability_alive(X)
    np.testing.assert_array_equal(X, GOOD)


def test_a_month_has_one_length():
    """A peer's 30-day month meets another's 4.345 weeks."""
    from custval._clv.purchase_summary import DAYS
    from custval._clv.source import UNITS_PER_MONTH

    for unit, per_month in UNITS_PER_MONTH.items():
        assert DAYS["month"] / DAYS[unit] == pytest.approx(per_month, rel=1e-12)


def test_a_saved_model_answers_with_numpy_and_scipy_special_alone(tmp_path):
    import subprocess
    import sys

    from custval.artifact import save

    save(MODEL, tmp_path / "model.json")
    code = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in ("pandas", "sklearn", "narwhals", "matplotlib", "scipy.stats", "scipy.optimize"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from custval.artifact import load
model = load(sys.argv[1])
customers = {"frequency": [2, 0], "recency": [30.43, 0.0], "age": [38.86, 38.86]}
print(model.expected_purchases(customers, 39.0).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.json")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.strip("[]\n").split(",")[0]) == pytest.approx(1.2260281747671444, rel=1e-9)
