"""Second lives, parts of the margin, growth, tails, group totals: brute force, simulation and closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from custval import InputError
from custval.clv import (
    AnnualRate,
    GeometricRetention,
    MonthlyRate,
    SecondLife,
    annual_rate,
    constant_retention_value,
    discounted_value,
    lifetime_value,
    monthly_rate,
)

CAUSES = ("voluntary", "transfer")


class TwoCauses:
    """Hazards of two causes, constant over time, with parameters whose covariance is known."""

    causes_ = CAUSES
    time_unit = "month"

    def __init__(self, coef=(-3.0, -3.5), covariance=True):
        self.coef_ = np.asarray(coef, dtype=float)
        self.covariance_ = np.array([[0.01, 0.002], [0.002, 0.02]]) if covariance else None

    def predict_incidence(self, X, times, *, given=None, coef=None):
        odds = np.exp((self.coef_ if coef is None else coef)[:, None] + 0.3 * np.asarray(X, dtype=float)[:, 0])
        hazard = odds / (1 + odds.sum(axis=0))  # (2, n)
        all_causes = hazard.sum(axis=0)
        left = 1 - (1 - all_causes)[:, None] ** np.asarray(times)
        return (hazard / all_causes).T[:, :, None] * left[:, None, :]

    def predict_survival(self, X, times, *, given=None, coef=None):
        return 1 - self.predict_incidence(X, times, coef=coef).sum(axis=1)

    def pullback(self, X, survival_weight, exit_weight=None, *, given=None):
        times, columns = np.arange(1, survival_weight.shape[1] + 1), []
        for j in range(2):
            sides = []
            for sign in (1, -1):
                coef = self.coef_ + sign * 1e-5 * (np.arange(2) == j)
                left = self.predict_incidence(X, times, coef=coef)
                side = (survival_weight * (1 - left.sum(axis=1))).sum(axis=1)
                if exit_weight is not None:
                    side = side + (exit_weight * np.diff(left, axis=2, prepend=0.0)).sum(axis=(1, 2))
                sides.append(side)
            columns.append((sides[0] - sides[1]) / 2e-5)
        return np.column_stack(columns)


X = np.linspace(-1, 1, 6)[:, None]
BASE = {"margin": 30.0, "horizon": 18, "monthly_discount": 0.01}


def second_life_by_hand(incidence, *, margin, retention, chance, delay, cost, d, timing, horizon):
    """Month of leaving by month of leaving, month of the second life by month of it."""
    shift = {"end": 0.0, "start": 1.0, "mid": 0.5}[timing]
    total = 0.0
    for u in range(1, horizon + 1):
        left = incidence[u - 1] - (incidence[u - 2] if u > 1 else 0.0)
        begun = u + delay
        if begun >= horizon:
            continue
        total -= left * chance * cost * (1 + d) ** (-(u - shift) - delay)
        for j in range(1, horizon - begun + 1):
            there = {"end": retention**j, "start": retention ** (j - 1)}
            there["mid"] = (there["end"] + there["start"]) / 2
            total += left * chance * margin * there[timing] * (1 + d) ** -(begun + j - shift)
    return total


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
@pytest.mark.parametrize("delay", [0, 3])
def test_a_second_life_is_what_brute_force_says(timing, delay):
    life = SecondLife("transfer", margin=9.0, monthly_retention=0.95, probability=0.6, delay=delay, cost=12.0)
    worth = lifetime_value(TwoCauses(), X, **BASE, timing=timing, second_lives=[life])
    incidence = TwoCauses().predict_incidence(X, np.arange(1, 19))[:, 1]
    expected = [
        second_life_by_hand(
            row, margin=9.0, retention=0.95, chance=0.6, delay=delay, cost=12.0, d=0.01, timing=timing, horizon=18
        )
        for row in incidence
    ]
    np.testing.assert_allclose(worth.components["after_transfer"], expected, rtol=1e-11)
    without = lifetime_value(TwoCauses(), X, **BASE, timing=timing)
    np.testing.assert_allclose(worth.value - without.value, expected, rtol=1e-10)


def test_a_second_life_equals_simulated_customers():
    rng = np.random.default_rng(0)
    n, horizon, d = 200_000, 24, 0.01
    model = TwoCauses(covariance=False)
    one = np.zeros((1, 1))
    increments = np.diff(model.predict_incidence(one, np.arange(1, horizon + 1))[0], axis=1, prepend=0.0)
    chances = np.append(increments.ravel(), 1 - increments.sum())
    drawn = rng.choice(len(chances), n, p=chances)
    cause, month = drawn // horizon, drawn % horizon + 1
    stays = drawn == 2 * horizon
    month = np.where(stays, horizon + 1, month)
    v = (1 + d) ** -np.arange(0.0, horizon + 1)
    first = 30 * np.cumsum(v[1:])[np.maximum(month - 2, 0)] * (month > 1)  # months 1 .. month - 1
    again = (cause == 0) & ~stays & (rng.random(n) < 0.25)
    length = rng.geometric(0.08, n) - 1  # full months of the second life
    begin = month + 2
    last = np.minimum(begin + length, horizon)
    second = np.where(
        again & (last > begin),
        20 * (np.append(0, np.cumsum(v[1:]))[last] - np.append(0, np.cumsum(v[1:]))[np.minimum(begin, horizon)]),
        0.0,
    )
    life = SecondLife("voluntary", margin=20.0, monthly_retention=0.92, probability=0.25, delay=2, name="won_back")
    worth = lifetime_value(model, one, margin=30.0, horizon=horizon, monthly_discount=d, second_lives=[life])
    for name, simulated in (("margin", first), ("won_back", second)):
        error = simulated.std() / np.sqrt(n)
        assert abs(worth.components[name][0] - simulated.mean()) < 4 * error


def test_parts_of_the_margin_become_components_that_add_up():
    parts = {"revenue": np.arange(6.0) + 30, "interconnect": 3.0, "cost_to_serve": 4.0, "credit_loss": 0.5}
    worth = lifetime_value(TwoCauses(), X, **{**BASE, "margin": parts}, retention_cost=1.0, monthly_growth=0.002)
    whole = lifetime_value(
        TwoCauses(), X, **{**BASE, "margin": np.arange(6.0) + 22.5}, retention_cost=1.0, monthly_growth=0.002
    )
    np.testing.assert_allclose(worth.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(worth.std_error, whole.std_error, rtol=1e-9)
    assert list(worth.components)[:4] == ["revenue", "interconnect", "cost_to_serve", "credit_loss"]
    assert (worth.components["interconnect"] < 0).all()
    np.testing.assert_allclose(sum(worth.components.values()), worth.value, rtol=0, atol=1e-9)
    np.testing.assert_allclose(worth.to_frame()["credit_loss"], worth.components["credit_loss"])


def test_growth_multiplies_month_by_month():
    path = 30.0 * 1.01 ** np.arange(18)
    grown = lifetime_value(TwoCauses(), X, **BASE, monthly_growth=0.01)
    given = lifetime_value(TwoCauses(), X, **{**BASE, "margin": path[None, :]})
    np.testing.assert_allclose(grown.value, given.value, rtol=1e-13)
    each = lifetime_value(TwoCauses(), X, **BASE, monthly_growth=np.array([0.01, 0, 0, 0, 0, 0.02]))
    assert each.value[0] == pytest.approx(grown.value[0])
    assert each.value[5] > grown.value[5]


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
@pytest.mark.parametrize("growth", [0.0, 0.004])
def test_a_geometric_tail_is_a_very_long_horizon(timing, growth):
    options = {"margin": 30.0, "monthly_discount": np.linspace(0.01, 0.02, 6), "timing": timing}
    options |= {"loss_at_exit": [5.0, 40.0], "retention_cost": 2.0, "monthly_growth": growth}
    long = lifetime_value(TwoCauses(), X, horizon=1500, **options)
    worth = lifetime_value(TwoCauses(), X, horizon=7, tail="geometric", **options)
    np.testing.assert_allclose(worth.value, long.value, rtol=1e-9)
    np.testing.assert_allclose(worth.std_error, long.std_error, rtol=1e-6)
    assert worth.total_std_error == pytest.approx(long.total_std_error, rel=1e-6)
    np.testing.assert_allclose(sum(worth.components.values()), worth.value, rtol=0, atol=1e-9)
    one = lifetime_value(TwoCauses(), X, horizon=1, tail="geometric", **options)
    np.testing.assert_allclose(one.value, long.value, rtol=1e-9)
    asked = lifetime_value(TwoCauses(), X, horizon=7, tail="model", **options)
    np.testing.assert_allclose(asked.value, long.value, rtol=1e-5)
    assert asked.horizon == 7


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_without_end_a_constant_hazard_has_the_textbook_value(timing):
    model = GeometricRetention.from_params(theta=0.03)
    worth = lifetime_value(
        model, np.zeros((1, 1)), margin=10.0, horizon=12, monthly_discount=0.01, timing=timing, tail="geometric"
    )
    expected = constant_retention_value(10.0, 0.97, monthly_discount=0.01, timing=timing)
    assert worth.total == pytest.approx(expected, rel=1e-12)


def test_errors_with_second_lives_and_tail_equal_finite_differences():
    options = {**BASE, "tail": "geometric", "loss_at_exit": {"voluntary": 25.0}, "groups": list("abcabc")}
    options["second_lives"] = [
        SecondLife("transfer", margin=9.0, monthly_retention=0.95),
        SecondLife("voluntary", margin=20.0, survival=[0.9, 0.8, 0.7], probability=0.2, delay=2, cost=5.0),
    ]
    model = TwoCauses()
    worth = lifetime_value(model, X, **options)
    columns = []
    for j in range(2):
        up, down = (
            lifetime_value(TwoCauses(model.coef_ + s * 1e-5 * (np.arange(2) == j)), X, **options).value for s in (1, -1)
        )
        columns.append((up - down) / 2e-5)
    gradient = np.column_stack(columns)
    expected = np.sqrt(np.einsum("np,pq,nq->n", gradient, model.covariance_, gradient))
    np.testing.assert_allclose(worth.std_error, expected, rtol=1e-6)
    found = worth.groups
    assert list(found.group) == ["a", "b", "c"]
    assert list(found.customers) == [2, 2, 2]
    sums = np.array([gradient[[i, i + 3]].sum(axis=0) for i in range(3)])
    np.testing.assert_allclose(found.covariance, sums @ model.covariance_ @ sums.T, rtol=1e-6)
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(found.covariance)), rtol=1e-12)
    assert found.value.sum() == pytest.approx(worth.total)
    assert found.covariance.sum() == pytest.approx(worth.total_std_error**2, rel=1e-9)
    json.dumps(worth.to_dict(), allow_nan=False)
    blocks = lifetime_value(model, X, **options, block_rows=2)
    np.testing.assert_allclose(blocks.groups.std_error, found.std_error, rtol=1e-12)
    np.testing.assert_allclose(blocks.value, worth.value, rtol=1e-13)


def test_rates_know_their_unit():
    monthly = monthly_rate(0.10)
    assert isinstance(monthly, MonthlyRate)
    assert monthly == pytest.approx(1.1 ** (1 / 12) - 1)
    assert isinstance(annual_rate(monthly), AnnualRate)
    assert annual_rate(monthly) == pytest.approx(0.10)
    curve = 0.98 ** np.arange(1, 13)[None, :]
    yearly = discounted_value(curve, 10.0, monthly_discount=AnnualRate(0.10))
    np.testing.assert_array_equal(yearly, discounted_value(curve, 10.0, monthly_discount=monthly))
    np.testing.assert_allclose(monthly_rate(np.array([0.1, 0.2])), [1.1 ** (1 / 12) - 1, 1.2 ** (1 / 12) - 1])
    with pytest.raises(InputError, match=r"annual must be a rate per year, but 0\.01 is a MonthlyRate already"):
        monthly_rate(MonthlyRate(0.01))
    with pytest.raises(InputError, match=r"monthly must be a rate per month, but 0\.1 is an AnnualRate already"):
        annual_rate(AnnualRate(0.1))
    with pytest.raises(InputError, match=r"annual must be > -1"):
        monthly_rate(-1.0)


LIFE = SecondLife("transfer", margin=1.0, monthly_retention=0.9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"second_lives": [SecondLife("tranfer", margin=1.0)]}, r"did you mean 'transfer'"),
        ({"second_lives": [SecondLife("transfer", margin=1.0)]}, r"needs monthly_retention or survival"),
        ({"second_lives": [LIFE, LIFE]}, r"component 'after_transfer' is named twice"),
        ({"second_lives": ["transfer"]}, r"second_lives must hold SecondLife objects, not str"),
        (
            {"second_lives": [SecondLife("transfer", margin=1.0, monthly_retention=0.9, probability=1.5)]},
            r"probability must be >= 0 and <= 1",
        ),
        (
            {"second_lives": [SecondLife("transfer", margin=[1.0, 2.0], monthly_retention=0.9)]},
            r"margin of a second life has 2 rows but X has 6",
        ),
        (
            {"second_lives": [SecondLife("transfer", margin=1.0, survival=[0.9, 0.95])]},
            r"survival must never rise",
        ),
        (
            {"margin": {"revenue": 30.0, "cost_to_sreve": 2.0}},
            r"no part 'cost_to_sreve' \(did you mean 'cost_to_serve'",
        ),
        ({"margin": {"cost_to_serve": 2.0}}, r"margin as a dict needs 'revenue'"),
        ({"monthly_growth": -1.0}, r"monthly_growth must be > -1"),
        ({"monthly_growth": [0.1, 0.2]}, r"monthly_growth has shape \(2,\) but there are 6 customers"),
        ({"tail": "exponential"}, r"tail must be one of None, 'geometric', 'model'"),
        ({"tail": "geometric", "monthly_growth": 0.2}, r"no limit for 6 of 6 customers"),
        ({"tail": "model", "monthly_discount": 0.0}, r"tail='model' needs a discount above 0"),
        ({"groups": ["a", "b"]}, r"groups has 2 rows but X has 6"),
        ({"groups": ["a", None, 1, "b", "c", "d"]}, r"groups must hold labels of one kind"),
    ],
)
def test_bad_input_is_refused_with_help(options, message):
    with pytest.raises(InputError, match=message):
        lifetime_value(TwoCauses(), X, **{**BASE, **options})
