"""Checks of purchase models, pooling, and one value column for all customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.clv import (
    BGBB,
    BGCNBD,
    BGNBD,
    NBD,
    GammaGamma,
    GeometricRetention,
    LogNormalSpend,
    ParetoNBD,
    bootstrap_interval,
    combine_values,
    frequency_histogram,
    holdout_check,
    lifetime_value,
    pool_segments,
    prepaid_value,
    purchase_summary,
    purchase_tracking,
    silence_rules,
)

MODEL = ParetoNBD.from_params(r=0.8, alpha=4.0, s=0.6, beta=12.0)
DAY = pd.Timestamp("2024-01-01")


def lives(n=1500, weeks=78, seed=1):
    """Customers of a Pareto/NBD world, purchase by purchase: who, when, when they leave (in weeks)."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 26, n)
    rate, leave = rng.gamma(0.8, 1 / 4.0, n), rng.gamma(0.6, 1 / 12.0, n)
    end = start + rng.standard_exponential(n) / leave
    many = rng.poisson(rate * (np.minimum(end, weeks) - start).clip(0))
    who = np.repeat(np.arange(n), many)
    again = start[who] + rng.random(len(who)) * (np.minimum(end, weeks) - start)[who]
    table = pd.DataFrame({"subscriber_id": np.concatenate([np.arange(n), who]), "week": np.concatenate([start, again])})
    table["event_time"] = DAY + pd.to_timedelta(np.floor(table["week"] * 7 * 86400), unit="s")
    return table, end


TABLE, END = lives()
LAST, HOLD = "2024-12-29", "2025-06-29"  # 52 and 78 weeks


def test_a_true_model_tracks_the_base():
    model = ParetoNBD().fit(purchase_summary(TABLE, time_unit="week", end=LAST))
    seen = purchase_tracking(model, TABLE, end=HOLD, fitted_until=LAST)
    assert seen.fitted_until in {51, 52}
    assert seen.period[-1] >= 77
    np.testing.assert_allclose(seen.cumulative_expected[-1], seen.cumulative_actual[-1], rtol=0.08)
    np.testing.assert_allclose(np.cumsum(seen.actual), seen.cumulative_actual)
    assert seen.to_frame().shape == (len(seen.period), 5)
    whole = purchase_summary(TABLE, time_unit="week", end=HOLD)
    assert seen.cumulative_actual[-1] == whole.table["frequency"].sum()


def test_the_histogram_counts_customers():
    summary = purchase_summary(TABLE, time_unit="week", end=LAST)
    made = frequency_histogram(ParetoNBD().fit(summary), summary, most=5)
    assert made.actual.sum() == pytest.approx(len(summary))
    assert made.expected.sum() == pytest.approx(len(summary))
    # each class is a binomial count about
    assert (np.abs(made.actual - made.expected) < 5 * np.sqrt(made.expected) + 0.05 * made.expected).all()


def test_the_holdout_is_met_by_the_true_model_and_missed_by_one_without_leaving():
    summary = purchase_summary(TABLE, time_unit="week", end=LAST, holdout_end=HOLD)
    model = ParetoNBD().fit(summary)
    check = holdout_check(model, summary)
    assert check.horizon == pytest.approx(26.0)
    assert check.total_expected == pytest.approx(check.total_actual, rel=0.1)
    assert check.customers.sum() == len(summary)
    assert check.alive_customers.sum() == len(summary)
    np.testing.assert_allclose(check.active, check.foreseen, atol=0.1)
    naive = holdout_check(NBD().fit(summary), summary)
    assert naive.root_mean_squared_error > check.root_mean_squared_error
    assert naive.total_expected > 1.3 * naive.total_actual
    given = holdout_check(model, summary, summary.table["holdout_frequency"].to_numpy(), horizon=26.0)
    assert given.total_actual == check.total_actual
    with pytest.raises(InputError, match="horizon is missing"):
        holdout_check(model, summary.table)


def test_p_alive_beats_silence_at_the_same_false_alarms():
    table, end = lives(6000, weeks=52, seed=3)
    summary = purchase_summary(table[table["week"] <= 52], time_unit="day", end=LAST)
    model = ParetoNBD(time_unit="day").fit(summary)
    ids = summary.table["subscriber_id"].to_numpy()
    rules = silence_rules(
        model, summary, end[ids] < 52, silence=[30, 60, 90], time_gone=np.maximum(52 - end[ids], 0) * 7
    )
    assert (rules.found_by_model > rules.found_by_silence).all()
    assert (np.diff(rules.false_alarms) < 0).all()
    with pytest.raises(InputError, match="gone must hold both"):
        silence_rules(model, summary, np.ones(len(ids), dtype=bool), silence=[30])


def test_small_segments_lean_on_the_others():
    rng = np.random.default_rng(0)
    parts, labels = [], []
    for g, (r, n) in enumerate([(0.5, 1200), (0.6, 1200), (0.55, 1200), (0.58, 25)]):
        truth = BGNBD.from_params(r=r, alpha=4.4, a=0.8, b=2.4)
        base = truth.simulate(rng.integers(30, 60, n).astype(float), random_state=g)
        parts.append(np.column_stack([base[name] for name in ("frequency", "recency", "age")]))
        labels += [g] * n
    made = pool_segments(BGNBD(), np.concatenate(parts), np.array(labels))
    whole = BGNBD().fit(np.concatenate(parts))
    centre = np.log([whole.params_[name] for name in made.parameters])
    assert (np.abs(np.log(made.pooled[3]) - centre) < np.abs(np.log(made.alone[3]) - centre) + 0.05).all()
    np.testing.assert_allclose(made.pooled[:3, 0], made.alone[:3, 0], rtol=0.15)
    assert made.models[3].expected_purchases_new(20.0) > 0
    assert set(made.to_dict()) >= {"pooled", "spread"}
    with pytest.raises(InputError, match="one label only"):
        pool_segments(BGNBD(), parts[0], np.zeros(1200))


def base_with_spend(n=1200):
    base = MODEL.simulate(np.random.default_rng(0).integers(20, 60, n).astype(float), random_state=1)
    money = GammaGamma.from_params(p=6.0, q=4.0, gamma=15.0).simulate(base["frequency"], random_state=2)
    return {**base, **money}


def test_value_is_the_discounted_sum_of_purchases_times_spend():
    base = base_with_spend()
    model, spend = ParetoNBD().fit(base), GammaGamma().fit(base)
    worth = prepaid_value(
        model, base, spend=spend, horizon=6, monthly_discount=0.01, margin_rate=0.4, cost_per_purchase=0.1
    )
    month = 30.436875 / 7
    bought = [model.expected_purchases(base, month, start=month * t) for t in range(6)]
    money = 0.4 * np.asarray(spend.expected_spend(base)) - 0.1
    direct = sum(one * money * 1.01 ** -(t + 1) for t, one in enumerate(bought))
    np.testing.assert_allclose(worth.value, direct, rtol=1e-9)
    assert worth.total_lower < worth.total < worth.total_upper


def test_the_interval_of_the_value_is_that_of_both_models():
    base = base_with_spend(400)
    model, spend = ParetoNBD().fit(base), GammaGamma().fit(base)
    settings = {"horizon": 6, "monthly_discount": 0.01}
    both = prepaid_value(model, base, spend=spend, **settings)

    def total(one):
        return prepaid_value(one, base, spend=spend, **settings).total

    known = prepaid_value(model, base, spend=np.asarray(spend.expected_spend(base)), **settings)
    assert known.total == pytest.approx(both.total, rel=1e-12)
    by_delta = model.interval(total).std_error[0]
    assert known.total_std_error == pytest.approx(by_delta, rel=1e-4)
    of_spend = spend.interval(lambda s: prepaid_value(model, base, spend=s, **settings).total).std_error[0]
    assert both.total_std_error == pytest.approx(np.hypot(by_delta, of_spend), rel=1e-4)


@pytest.mark.parametrize("kind", ["bgbb", "rhythm", "covariates", "log-normal"])
def test_every_model_has_a_value(kind):
    if kind == "bgbb":
        model = BGBB.from_params(alpha=1.2, beta=0.8, gamma=0.7, delta=2.8)
        worth = prepaid_value(model, [[2, 4, 6], [0, 0, 6]], spend=10.0, horizon=12, monthly_discount=0.01)
        assert worth.value[0] == pytest.approx(
            10 * sum(model.expected_purchases((2, 4, 6), 1, start=t) * 1.01 ** -(t + 1) for t in range(12))
        )
    elif kind == "rhythm":
        model = BGCNBD.from_params(k=3, r=0.8, alpha=1.0, a=0.8, b=3.0)
        worth = prepaid_value(model, [[5, 30, 31], [5, 20, 40]], spend=10.0, horizon=6, monthly_discount=0.01)
    elif kind == "covariates":
        base = base_with_spend(800)
        region = {"region": np.array(["north", "south"])[np.arange(800) % 2]}
        model = BGNBD(l2=1.0).fit(base, covariates=region)
        worth = prepaid_value(model, base, spend=9.0, horizon=3, monthly_discount=0.01, covariates=region)
        assert worth.total_std_error > 0
    else:
        logs = LogNormalSpend.from_params(mu=2.0, sigma=0.3, tau=0.4).simulate(np.arange(400) % 7, random_state=0)
        base = {**MODEL.simulate(np.full(400, 40.0), random_state=0)}
        spend = LogNormalSpend().fit(logs)
        table = {**base, "mean_log_spend": np.full(400, 2.1)}
        model = NBD().fit(base)
        worth = prepaid_value(model, table, spend=spend, horizon=3, monthly_discount=0.01)
        assert worth.total_std_error > 0
    assert np.isfinite(worth.value).all()
    assert (worth.value > 0).all()


def test_one_value_column_for_prepaid_and_postpaid():
    contract = GeometricRetention().fit([1000, 800, 640, 512])
    settings = {"horizon": 12, "monthly_discount": 0.01, "currency": "EUR"}
    postpaid = lifetime_value(contract, np.zeros((3, 1)), margin=10.0, **settings)
    base = base_with_spend(500)
    prepaid = prepaid_value(ParetoNBD().fit(base), base, spend=5.0, **settings)
    both = combine_values({"postpaid": postpaid, "prepaid": prepaid})
    assert len(both.value) == 503
    assert both.total == pytest.approx(postpaid.total + prepaid.total)
    assert sum(part.sum() for part in both.components.values()) == pytest.approx(both.total)
    if both.total_std_error is not None:
        assert both.total_std_error == pytest.approx(np.hypot(postpaid.total_std_error, prepaid.total_std_error))
    assert len(both.to_frame()) == 503
    with pytest.raises(InputError, match="different horizons"):
        combine_values({"a": postpaid, "b": prepaid_value(MODEL, base, spend=5.0, **{**settings, "horizon": 6})})


def test_the_bootstrap_is_about_the_delta_method_in_a_large_base():
    base = MODEL.simulate(np.full(3000, 40.0), random_state=1)
    X = np.column_stack([base["frequency"], np.ceil(base["recency"]), base["age"]])
    model = NBD().fit(X)

    def ask(one):
        return one.expected_purchases_new(20.0)

    delta = model.interval(ask)
    drawn = bootstrap_interval(model, X, ask, replications=60, random_state=1)
    assert drawn.std_error[0] == pytest.approx(delta.std_error[0], rel=0.35)
    assert drawn.lower[0] < delta.value[0] < drawn.upper[0]
