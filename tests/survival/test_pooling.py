"""Rubin's rules: against the formulas written out by hand, and by how often the intervals hold the truth."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from custval import InputError
from custval._survival.pooling import combined, degrees_of_freedom, missing_share
from custval.survival import (
    AFT,
    CoxPH,
    DiscreteHazard,
    MixtureCure,
    PiecewiseExponential,
    SharedFrailtyCox,
    kaplan_meier,
    pool_rubin,
    survival_target,
)

# Means of five imputations and their standard errors, as printed in the SAS/STAT 13.2 User's Guide, output 64.1.1
MEANS = np.array([47.0120, 47.2407, 47.4995, 47.1485, 47.0042])
ERRORS = np.array([0.95984, 0.93540, 1.00766, 0.95439, 0.96528])


class Told:
    """A model that says what a table of coefficients says."""

    l1 = 0.0

    def __init__(self, coef: Any, error: Any, names: Any = ("fee",), part: str = "cause") -> None:
        self.table = pd.DataFrame({part: "left", "feature": list(names), "coef": coef, "std_error": error})

    def summary(self) -> pd.DataFrame:
        return self.table


def draws(n: int, m: int, seed: int = 0) -> tuple[list[dict[str, Any]], Any]:
    """Return m imputations of one set of customers, and their target with two causes."""
    rng = np.random.default_rng(seed)
    fee, contract = rng.normal(30, 5, n), rng.choice(["monthly", "yearly"], n)
    months = np.ceil(rng.exponential(12 * np.exp(-0.03 * (fee - 30))))
    y = survival_target(
        np.minimum(months, 24), np.where(months <= 24, rng.integers(1, 3, n), 0), causes=["port", "debt"]
    )
    unknown = rng.random(n) < 0.3
    tables = [
        {"fee": np.where(unknown, rng.normal(fee.mean(), fee.std(), n), fee), "contract": contract} for _ in range(m)
    ]
    return tables, y


def one_cause(y: Any) -> Any:
    return survival_target(y["duration"], y["event"] > 0)


class TestFormulas:
    def test_by_hand(self) -> None:
        found = pool_rubin([Told([q], [e]) for q, e in zip(MEANS, ERRORS, strict=True)], df_complete=30)
        m = 5
        within, between = float(np.mean(ERRORS**2)), float(np.sum((MEANS - MEANS.mean()) ** 2) / (m - 1))
        total = within + 1.2 * between
        share = 1.2 * between / total
        old, seen = (m - 1) / share**2, 31 / 33 * 30 * (1 - share)
        df = old * seen / (old + seen)
        r = 1.2 * between / within
        assert found.coef[0] == pytest.approx(MEANS.mean())
        assert found.within_variance[0] == pytest.approx(within)
        assert found.between_variance[0] == pytest.approx(between)
        assert found.total_variance[0] == pytest.approx(total)
        assert found.std_error[0] == pytest.approx(total**0.5)
        assert found.df[0] == pytest.approx(df)
        assert found.fraction_missing[0] == pytest.approx((r + 2 / (df + 3)) / (r + 1))
        law = stats.t(df, MEANS.mean(), total**0.5)
        assert (found.lower[0], found.upper[0]) == pytest.approx(law.interval(0.95))
        assert found.p_value[0] == pytest.approx(2 * law.cdf(0), rel=1e-9)

    def test_without_limit_the_degrees_of_freedom_are_rubins(self) -> None:
        found = pool_rubin([Told([q], [e]) for q, e in zip(MEANS, ERRORS, strict=True)])
        r = found.total_variance[0] / found.within_variance[0] - 1
        assert found.df[0] == pytest.approx(4 * (1 + 1 / r) ** 2)

    def test_a_limit_only_lowers_them_and_a_far_one_does_nothing(self) -> None:
        between, total = np.array([0.3, 0.01]), np.array([1.0, 1.0])
        free = degrees_of_freedom(between, total, 5, np.inf)
        assert (degrees_of_freedom(between, total, 5, 40.0) < np.minimum(free, 40)).all()
        np.testing.assert_allclose(degrees_of_freedom(between, total, 5, 1e9), free, rtol=1e-4)

    def test_equal_fits_are_one_fit(self) -> None:
        found = pool_rubin([Told([0.5], [0.1]), Told([0.5], [0.1])], conf_level=0.9)
        assert found.df[0] == np.inf
        assert found.fraction_missing[0] == 0
        assert (found.lower[0], found.upper[0]) == pytest.approx(stats.norm(0.5, 0.1).interval(0.9))
        assert found.p_value[0] == pytest.approx(2 * stats.norm.sf(5), rel=1e-9)
        limited = pool_rubin([Told([0.5], [0.1]), Told([0.5], [0.1])], df_complete=20)
        assert limited.df[0] == pytest.approx(20 * 21 / 23)

    def test_the_unit_of_a_column_and_the_order_of_the_fits_do_not_matter(self) -> None:
        rng = np.random.default_rng(3)
        coef, variance = rng.normal(size=(6, 4)), rng.uniform(0.5, 1, (6, 4))
        mean, within, between, total = combined(coef, variance)
        scaled = combined(1e-3 * coef[::-1], 1e-6 * variance[::-1])
        np.testing.assert_allclose(scaled, [1e-3 * mean, 1e-6 * within, 1e-6 * between, 1e-6 * total], rtol=1e-12)
        df = degrees_of_freedom(between, total, 6, 50.0)
        share = missing_share(within, total, df)
        assert ((share > 0) & (share < 1)).all()


class TestModels:
    @pytest.mark.parametrize(
        "model",
        [
            CoxPH(),
            DiscreteHazard(baseline="constant"),
            AFT(),
            AFT(distribution="lognormal", scale_columns=["fee"]),
            MixtureCure(),
            PiecewiseExponential(breaks=[6, 12]),
        ],
        ids=lambda model: type(model).__name__,
    )
    def test_each_kind_of_model_is_pooled_by_its_own_table(self, model: Any) -> None:
        tables, y = draws(400, 3)
        fitted = [type(model)(**model.get_params()).fit(X, one_cause(y)) for X in tables]
        found = pool_rubin(fitted, df_complete=300)
        single = [one.summary() for one in fitted]
        assert found.models == 3
        assert found.feature.tolist() == single[0]["feature"].tolist()
        np.testing.assert_allclose(found.coef, np.mean([one["coef"] for one in single], axis=0))
        within = np.mean([one["std_error"] ** 2 for one in single], axis=0)
        np.testing.assert_allclose(found.within_variance, within)
        assert (found.std_error**2 >= within).all()
        fee = found.feature.tolist().index("fee")
        assert found.fraction_missing[fee] > found.fraction_missing[found.feature.tolist().index("contract=yearly")]

    def test_causes_stay_apart(self) -> None:
        tables, y = draws(400, 3)
        fitted = [DiscreteHazard(baseline="constant").fit(X, y) for X in tables]
        found = pool_rubin(fitted)
        assert found.part.tolist() == ["port", "port", "debt", "debt"]
        np.testing.assert_allclose(found.coef, np.mean([one.coef_.ravel() for one in fitted], axis=0))

    def test_cox_counts_its_departures(self) -> None:
        tables, y = draws(120, 4)
        fitted = [CoxPH().fit(X, one_cause(y)) for X in tables]
        assert pool_rubin(fitted).df.tolist() == pool_rubin(fitted, df_complete=fitted[0].n_events_ - 2).df.tolist()

    def test_models_of_accounts_are_pooled_too(self) -> None:
        tables, y = draws(120, 3)
        fitted = [
            SharedFrailtyCox(frailty_variance=0.3).fit(X, one_cause(y), group=np.arange(120) // 3) for X in tables
        ]
        np.testing.assert_allclose(pool_rubin(fitted).coef, np.mean([one.coef_ for one in fitted], axis=0))

    def test_robust_errors_are_pooled_where_there_are_any(self) -> None:
        tables, y = draws(200, 3)
        fitted = [CoxPH().fit(X, one_cause(y), cluster=np.arange(200) // 2) for X in tables]
        robust = np.mean([np.square(np.asarray(one.robust_std_error_)) for one in fitted], axis=0)
        np.testing.assert_allclose(pool_rubin(fitted).within_variance, robust)

    def test_the_answer_is_a_frozen_result(self) -> None:
        tables, y = draws(120, 3)
        found = pool_rubin([CoxPH().fit(X, one_cause(y)) for X in tables])
        assert found.to_frame()[["part", "feature"]].to_numpy().tolist() == [
            ["left", "fee"],
            ["left", "contract=yearly"],
        ]
        assert not found.coef.flags.writeable
        assert json.loads(json.dumps(found.to_dict()))["models"] == 3
        assert "fraction_missing" in found._repr_html_()


class TestCoverage:
    def test_intervals_hold_the_truth_and_one_imputation_alone_does_not(self) -> None:
        """A column is missing the more often the larger another one is; 400 samples, band of 99.9 %."""
        truth, n, m, pooled, single = 1.0, 120, 5, 0, 0
        for seed in range(400):
            rng = np.random.default_rng(seed)
            seen = rng.normal(size=n)
            hidden = 0.6 * seen + rng.normal(size=n)
            log_t = 1 + truth * hidden - 0.5 * seen + rng.normal(size=n)
            gone = rng.random(n) < 1 / (1 + np.exp(-1.5 * seen))
            tables = drawn(hidden, gone, np.column_stack([np.ones(n), seen, log_t]), m, rng)
            fits = [log_normal(np.column_stack([x, seen, np.ones(n)]), log_t) for x in tables]
            found = pool_rubin(fits, df_complete=n - 3)
            pooled += bool(found.lower[0] <= truth <= found.upper[0])
            alone = fits[0].summary().iloc[0]
            single += bool(abs(alone["coef"] - truth) <= 1.96 * alone["std_error"])
        assert 0.91 <= pooled / 400 <= 0.983
        assert single / 400 < 0.91


def log_normal(X: Any, log_t: Any) -> Told:
    """Return the least-squares fit of the log times: a log-normal law without censoring, in closed form."""
    inverse = np.linalg.inv(X.T @ X)
    coef = inverse @ X.T @ log_t
    variance = np.sum((log_t - X @ coef) ** 2) / (len(X) - X.shape[1])
    return Told(coef, np.sqrt(variance * np.diag(inverse)), ("hidden", "seen", "intercept"))


def drawn(hidden: Any, gone: Any, columns: Any, m: int, rng: np.random.Generator) -> list[Any]:
    """Return m proper draws of the missing values from their regression on the other columns and the time."""
    A, b = columns[~gone], hidden[~gone]
    inverse = np.linalg.inv(A.T @ A)
    best = inverse @ A.T @ b
    left = len(b) - A.shape[1]
    rest = float(np.sum((b - A @ best) ** 2))
    tables = []
    for _ in range(m):
        spread = np.sqrt(rest / rng.chisquare(left))
        beta = rng.multivariate_normal(best, spread**2 * inverse)
        tables.append(np.where(gone, columns @ beta + spread * rng.normal(size=len(hidden)), hidden))
    return tables


class TestRefused:
    def test_one_model(self) -> None:
        with pytest.raises(
            InputError, match="pooling needs at least 2 fitted models, not 1; fit one to each imputation"
        ):
            pool_rubin([Told([0.1], [0.1])])

    def test_models_of_two_kinds(self) -> None:
        tables, y = draws(120, 2)
        models = [CoxPH().fit(tables[0], one_cause(y)), AFT().fit(tables[1], one_cause(y))]
        with pytest.raises(InputError, match="must be of one kind, but model 0 is CoxPH and model 1 is AFT"):
            pool_rubin(models)

    def test_other_columns(self) -> None:
        models = [Told([0.1, 0.2], [1, 1], ("fee", "age")), Told([0.1, 0.2], [1, 1], ("fee", "calls"))]
        with pytest.raises(InputError, match=r"model 1 differs from model 0: 'age' \(left\) is in one of them only"):
            pool_rubin(models)
        with pytest.raises(InputError, match="their order differs"):
            pool_rubin([models[0], Told([0.1, 0.2], [1, 1], ("age", "fee"))])

    def test_a_lasso(self) -> None:
        tables, y = draws(120, 2)
        models = [CoxPH(l1=0.5).fit(X, one_cause(y)) for X in tables]
        with pytest.raises(InputError, match="CoxPH with an l1 penalty has no standard errors, which pooling needs"):
            pool_rubin(models)

    def test_a_standard_error_that_says_nothing(self) -> None:
        with pytest.raises(InputError, match=r"the standard error of 'fee' is 0, .* 1 of 1 coefficients of a Told"):
            pool_rubin([Told([0.1], [0.0]), Told([0.1], [0.1])])

    def test_curves_and_models_not_fitted(self) -> None:
        curve = kaplan_meier(survival_target([1, 2]))
        with pytest.raises(InputError, match="SurvivalCurve has no summary"):
            pool_rubin([curve, curve])
        with pytest.raises(Exception, match="not fitted yet"):
            pool_rubin([CoxPH(), CoxPH()])

    @pytest.mark.parametrize("settings", [{"df_complete": 0}, {"conf_level": 1}])
    def test_settings_out_of_range(self, settings: dict[str, float]) -> None:
        with pytest.raises(InputError, match=next(iter(settings))):
            pool_rubin([Told([0.1], [0.1]), Told([0.2], [0.1])], **settings)
