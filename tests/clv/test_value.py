"""lifetime_value against its pure core, finite differences, simulated parameters, and every bad input."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import InputError
from custval.clv import discounted_value, lifetime_value, monthly_rate
from custval.survival import from_lifelines

CAUSES = ("voluntary", "involuntary")


class Hazard:
    """A two-cause logit hazard by months since now, with a hand-made gradient: small, exact and independent."""

    causes_ = CAUSES
    time_unit = "month"

    def __init__(self, coef=None):
        self.coef_ = np.array([[-3.0, 0.4, 0.03], [-4.0, -0.3, 0.01]]) if coef is None else coef
        self.covariance_ = 0.02 * np.eye(6) + 0.004

    def _hazards(self, X, times, given, coef=None):
        coef = self.coef_ if coef is None else coef
        x = np.asarray(X, dtype=float)[:, 0]
        stayed = np.zeros(len(x)) if given is None else np.broadcast_to(given, len(x))
        clock = stayed[:, None] + np.asarray(times)[None, :]
        eta = coef[:, 0, None, None] + coef[:, 1, None, None] * x[:, None] + coef[:, 2, None, None] * clock
        odds = np.exp(eta)
        return np.moveaxis(odds / (1 + odds.sum(axis=0)), 0, 1)  # (n, K, H)

    def predict_incidence(self, X, times, *, given=None, coef=None):
        h = self._hazards(X, times, given, coef)
        survival = np.cumprod(1 - h.sum(axis=1), axis=1)
        before = np.column_stack([np.ones(len(h)), survival[:, :-1]])
        return np.cumsum(h * before[:, None, :], axis=2)

    def predict_survival(self, X, times, *, given=None, coef=None):
        return 1 - self.predict_incidence(X, times, given=given, coef=coef).sum(axis=1)

    def pullback(self, X, survival_weight, exit_weight=None, *, given=None):
        """Central differences: slow, and right to ten digits."""
        times = np.arange(1, survival_weight.shape[1] + 1)
        columns = []
        for j in range(6):
            sides = []
            for sign in (1, -1):
                coef = self.coef_.copy().ravel()
                coef[j] += sign * 1e-5
                left = self.predict_incidence(X, times, given=given, coef=coef.reshape(2, 3))
                side = (survival_weight * (1 - left.sum(axis=1))).sum(axis=1)
                if exit_weight is not None:
                    side = side + (exit_weight * np.diff(left, axis=2, prepend=0.0)).sum(axis=(1, 2))
                sides.append(side)
            columns.append((sides[0] - sides[1]) / 2e-5)
        return np.column_stack(columns)


class Plain:
    """Only a survival matrix, without `given`."""

    def predict_survival(self, X, times):
        return np.exp(-0.02 * np.outer(np.asarray(X)[:, 0], times))


X = np.linspace(-1, 1, 9)[:, None]
ARGUMENTS = {"margin": 30.0, "horizon": 12, "monthly_discount": 0.01}


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_components_add_up_and_equal_the_pure_core(timing):
    model, times, given = Hazard(), np.arange(1, 13), np.arange(9.0)
    margin = np.linspace(-5, 40, 9)
    loss = {"involuntary": np.linspace(0, 100, 9)}
    worth = lifetime_value(
        model,
        X,
        margin=margin,
        horizon=12,
        monthly_discount=0.01,
        given=given,
        timing=timing,
        loss_at_exit=loss,
        retention_cost=1.5,
        referral_value=2.0,
        cross_sell=np.arange(9.0),
        currency="CNY",
    )
    survival = model.predict_survival(X, times, given=given)
    incidence = model.predict_incidence(X, times, given=given)
    losses = np.column_stack([np.zeros(9), loss["involuntary"]])
    core = discounted_value(
        survival, margin - 1.5, monthly_discount=0.01, timing=timing, incidence=incidence, loss_at_exit=losses
    )
    np.testing.assert_allclose(worth.value, core + 2.0 + np.arange(9.0), rtol=1e-12)
    assert set(worth.components) == {"margin", "retention_cost", "loss_at_exit", "cross_sell", "referral"}
    np.testing.assert_allclose(sum(worth.components.values()), worth.value, rtol=0, atol=1e-9)
    assert worth.total == pytest.approx(worth.value.sum())
    assert (worth.currency, worth.time_unit, worth.horizon, worth.timing) == ("CNY", "month", 12, timing)
    assert worth.negative_margins == int((margin < 1.5).sum())
    assert "negative margin" in worth.summary()


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_losses_by_cause_explain_the_whole_gap_to_never_leaving(timing):
    margin = np.random.default_rng(0).normal(20, 5, (9, 12))
    worth = lifetime_value(
        Hazard(), X, margin=margin, horizon=12, monthly_discount=0.01, timing=timing, loss_at_exit=[5.0, 60.0]
    )
    stays = discounted_value(np.ones((9, 12)), margin, monthly_discount=0.01, timing=timing)
    assert worth.by_cause.shape == (2,)
    assert worth.causes == CAUSES
    assert worth.by_cause.sum() == pytest.approx(stays.sum() - worth.total, rel=1e-12)


def test_standard_errors_equal_finite_differences_of_the_value_itself():
    model, given = Hazard(), 4.0
    options = {**ARGUMENTS, "given": given, "timing": "mid", "loss_at_exit": [10.0, 80.0], "retention_cost": 2.0}
    worth = lifetime_value(model, X, **options)
    gradient = []
    for j in range(6):
        step = np.zeros(6)
        step[j] = 1e-5
        up = lifetime_value(Hazard((model.coef_.ravel() + step).reshape(2, 3)), X, **options).value
        down = lifetime_value(Hazard((model.coef_.ravel() - step).reshape(2, 3)), X, **options).value
        gradient.append((up - down) / 2e-5)
    gradient = np.column_stack(gradient)
    covariance = model.covariance_
    np.testing.assert_allclose(
        worth.std_error, np.sqrt(np.einsum("np,pq,nq->n", gradient, covariance, gradient)), rtol=1e-6
    )
    whole = gradient.sum(axis=0)
    assert worth.total_std_error == pytest.approx(np.sqrt(whole @ covariance @ whole), rel=1e-6)
    np.testing.assert_allclose(worth.total_gradient, whole, rtol=1e-6)
    # customers share the parameters: their errors do not average out as independent ones would
    assert worth.total_std_error > np.sqrt((worth.std_error**2).sum())
    np.testing.assert_allclose(worth.upper - worth.value, 1.959963984540054 * worth.std_error)
    assert worth.total_lower < worth.total < worth.total_upper


def test_total_error_equals_the_spread_over_simulated_parameters():
    model = Hazard()
    model.covariance_ = model.covariance_ * 0.02
    worth = lifetime_value(model, X, **ARGUMENTS)
    draws = np.random.default_rng(1).multivariate_normal(model.coef_.ravel(), model.covariance_, size=2000)
    totals = [lifetime_value(Drawn(draw), X, **ARGUMENTS).total for draw in draws]
    assert worth.total_std_error == pytest.approx(np.std(totals), rel=0.06)


class Drawn(Hazard):
    pullback = None  # faster: no gradient wanted

    def __init__(self, draw):
        super().__init__(draw.reshape(2, 3))
        self.covariance_ = None


def test_no_covariance_means_none_not_nan():
    for model in (Plain(), Drawn(Hazard().coef_.ravel())):
        worth = lifetime_value(model, X + 2, **ARGUMENTS)
        assert worth.std_error is None
        assert worth.total_lower is None
        json.dumps(worth.to_dict(), allow_nan=False)
        assert worth.to_frame()["lower"].isna().all()


@pytest.mark.parametrize("block_rows", [1, 2, 5, 9, 100])
def test_blocks_do_not_change_the_answer(block_rows):
    options = {**ARGUMENTS, "given": np.arange(9.0), "loss_at_exit": {"voluntary": np.arange(9.0)}}
    options["monthly_discount"] = np.linspace(0, 0.02, 9)
    options["margin"] = np.linspace(1, 9, 9)
    whole = lifetime_value(Hazard(), X, **options)
    parts = lifetime_value(Hazard(), X, **options, block_rows=block_rows)
    np.testing.assert_array_equal(whole.value, parts.value)
    np.testing.assert_allclose(whole.std_error, parts.std_error, rtol=1e-12)
    np.testing.assert_allclose(whole.by_cause, parts.by_cause, rtol=1e-12)
    assert whole.total == parts.total
    assert whole.total_std_error == pytest.approx(parts.total_std_error, rel=1e-12)


def test_every_kind_of_frame_gives_the_same():
    frame = pd.DataFrame({"x": X[:, 0]})
    expected = lifetime_value(Hazard(), X, **ARGUMENTS).value
    for kind in (frame, pl.from_pandas(frame)):
        np.testing.assert_array_equal(lifetime_value(Hazard(), kind, **ARGUMENTS, block_rows=4).value, expected)


def test_one_cause_is_the_same_as_no_causes():
    class OneCause(Plain):
        causes_ = ("voluntary",)

        def predict_incidence(self, X, times):
            return (1 - self.predict_survival(X, times))[:, None, :]

    plain = lifetime_value(Plain(), X + 2, **ARGUMENTS, loss_at_exit=7.0)
    named = lifetime_value(OneCause(), X + 2, **ARGUMENTS, loss_at_exit={"voluntary": 7.0})
    np.testing.assert_allclose(plain.value, named.value, rtol=1e-14)
    assert plain.causes == ("left",)
    assert named.causes == ("voluntary",)


def test_incidences_without_names_are_counted():
    class Unnamed(Hazard):
        causes_ = None

    worth = lifetime_value(Unnamed(), X, **ARGUMENTS, loss_at_exit=[1.0, 2.0])
    assert worth.causes == ("cause_1", "cause_2")


def test_a_model_in_years_is_asked_in_years():
    class Yearly:
        time_unit = "year"

        def predict_survival(self, X, times, *, given=None):
            start = np.zeros(len(X)) if given is None else given
            ends = np.asarray(times)[None, :] + start[:, None]
            return np.exp(-0.1 * (ends**1.5 - start[:, None] ** 1.5))

    class Monthly(Yearly):
        time_unit = "month"

        def predict_survival(self, X, times, *, given=None):
            return super().predict_survival(X, np.asarray(times) / 12, given=None if given is None else given / 12)

    for given in (None, 18.0):
        yearly = lifetime_value(Yearly(), X, **ARGUMENTS, given=given).value
        np.testing.assert_allclose(yearly, lifetime_value(Monthly(), X, **ARGUMENTS, given=given).value, rtol=1e-12)


def test_a_lifelines_like_fitter_goes_through_the_adapter():
    class Fitter:
        def predict_cumulative_hazard(self, X, times=None, conditional_after=None):
            raise AssertionError("the survival is asked for")

        def predict_survival_function(self, X, times=None, conditional_after=None):
            start = 0.0 if conditional_after is None else np.asarray(conditional_after)
            ends = np.asarray(times)[:, None] + start
            return pd.DataFrame(np.exp(-0.01 * (ends**1.2 - start**1.2)) * np.ones((1, len(X))), index=times)

    with pytest.raises(InputError, match=r"a Fitter has not; hand over custval.survival.from_lifelines\(model\)"):
        lifetime_value(Fitter(), X, **ARGUMENTS)
    worth = lifetime_value(from_lifelines(Fitter()), X, **ARGUMENTS, given=np.arange(9.0), block_rows=4)
    ends = np.arange(1, 13)[None, :] + np.arange(9.0)[:, None]
    survival = np.exp(-0.01 * (ends**1.2 - np.arange(9.0)[:, None] ** 1.2))
    np.testing.assert_allclose(worth.value, discounted_value(survival, 30.0, monthly_discount=0.01), rtol=1e-12)


def test_the_result_is_read_only_and_travels():
    worth = lifetime_value(Hazard(), X, **ARGUMENTS)
    with pytest.raises(ValueError, match="read-only"):
        worth.value[0] = 1.0
    with pytest.raises(AttributeError):
        worth.total = 1.0
    assert list(worth.to_frame().columns[:4]) == ["value", "std_error", "lower", "upper"]
    assert len(worth.to_frame()) == 9
    json.dumps(worth.to_dict(), allow_nan=False)
    assert copy.deepcopy(worth).total == worth.total
    assert pickle.loads(pickle.dumps(worth)).total == worth.total
    assert type(worth).__module__ == "custval.clv"
    assert "LifetimeValue" in worth._repr_html_()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 0}, r"horizon must be >= 1, not 0"),
        ({"horizon": 2.5}, r"whole number of months >= 1, not 2\.5"),
        ({"horizon": "year"}, r"horizon must be a number"),
        ({"monthly_discount": -1.5}, r"monthly_discount must be > -1 .*a rate of 1 % a month is 0\.01"),
        ({"margin": np.ones((9, 11))}, r"margin has shape \(9, 11\) but there are 9 customers and 12 months"),
        ({"margin": np.r_[np.ones(8), np.nan]}, r"margin must be finite .*1 of 9 .*row 8"),
        ({"retention_cost": np.ones(4)}, r"retention_cost has 4 values"),
        ({"cross_sell": np.ones(4)}, r"cross_sell has 4 rows but X has 9"),
        ({"referral_value": np.ones((9, 2))}, r"referral_value must be a number or have one value for each customer"),
        ({"given": -1.0}, r"given must be >= 0"),
        ({"given": np.ones(3)}, r"given has 3 rows but X has 9"),
        ({"given": np.ones((9, 2))}, r"given must be a number or have one value"),
        ({"loss_at_exit": {"involuntry": 1.0}}, r"'involuntry' .*did you mean 'involuntary'"),
        ({"loss_at_exit": [1.0, 2.0, 3.0]}, r"loss_at_exit has shape \(3,\)"),
        ({"conf_level": 1.0}, r"conf_level must be > 0 and < 1"),
        ({"block_rows": 0}, r"block_rows must be >= 1"),
        ({"block_rows": 2.5}, r"block_rows must be a whole number, not 2\.5"),
        ({"timing": "stop"}, r"timing must be one of"),
    ],
)
def test_bad_input_is_refused_with_help(changes, message):
    with pytest.raises(InputError, match=message):
        lifetime_value(Hazard(), X, **{**ARGUMENTS, **changes})


def test_bad_models_are_refused_with_help():
    class Rising:
        def predict_survival(self, X, times):
            return np.tile([0.5, 0.6], (len(X), 1))

    class Transposed:
        def predict_survival(self, X, times):
            return np.ones((len(times), len(X)))

    class Mismatched(Hazard):
        def predict_incidence(self, X, times, *, given=None):
            return 0.5 * super().predict_incidence(X, times, given=given)

        def predict_survival(self, X, times, *, given=None):
            return Hazard().predict_survival(X, times, given=given)

    class Fortnightly(Plain):
        time_unit = "fortnight"

    options = {**ARGUMENTS, "horizon": 2}
    with pytest.raises(InputError, match=r"survival must never rise"):
        lifetime_value(Rising(), X, **options)
    with pytest.raises(InputError, match=r"Transposed.predict_survival returned shape \(2, 9\) where \(9, 2\)"):
        lifetime_value(Transposed(), X, **options)
    with pytest.raises(InputError, match=r"sum over causes to 1 - survival .*separate fits"):
        lifetime_value(Mismatched(), X, **options)
    with pytest.raises(InputError, match=r"time_unit must be one of .* not 'fortnight'"):
        lifetime_value(Fortnightly(), X, **options)
    with pytest.raises(InputError, match=r"model must have predict_survival"):
        lifetime_value(object(), X, **options)


def test_memory_is_bounded_by_the_block():
    rows_seen = []

    class Watched(Plain):
        def predict_survival(self, X, times):
            rows_seen.append(len(X))
            return super().predict_survival(X, times)

    lifetime_value(Watched(), np.ones((100_000, 1)), margin=1.0, horizon=36, monthly_discount=monthly_rate(0.1))
    assert max(rows_seen) * 36 * 8 < 16e6


def test_works_where_only_numpy_is_installed():
    code = (
        "import sys\n"
        "for name in ('pandas', 'sklearn', 'scipy.stats', 'matplotlib', 'narwhals', 'threadpoolctl'):\n"
        "    sys.modules[name] = None\n"
        "import numpy as np\n"
        "from custval.clv import lifetime_value, monthly_rate\n"
        "class Model:\n"
        "    def predict_survival(self, X, times):\n"
        "        return 0.9 ** np.asarray(times) * np.ones((len(X), 1))\n"
        "worth = lifetime_value(Model(), np.ones((3, 1)), margin=1.0, horizon=6, monthly_discount=monthly_rate(0.1))\n"
        "assert worth.total > 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_mixed_currencies_are_refused():
    assert lifetime_value(Hazard(), X, **ARGUMENTS, currency=["EUR"] * 9).currency == "EUR"
    with pytest.raises(InputError, match=r"money is in 2 currencies \(EUR, USD\); convert it to one"):
        lifetime_value(Hazard(), X, **ARGUMENTS, currency=["EUR"] * 8 + ["USD"])
