"""Top-ups: the planted rates and amounts are in the table, and P(alive) says how many are really there."""

from __future__ import annotations

import numpy as np
import pytest

from custval._synth.calendar import DAY, Calendar
from custval._synth.topups import MONTH, probability_alive
from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(
        n_subscribers=9000, months=12, seed=3, scenario="prepaid market", records_per_subscriber_month=0
    ).simulate()


@pytest.fixture(scope="module")
def prepaid(world):
    return world.tables["subscribers"]["prepaid"].to_numpy()


def test_top_ups_are_those_of_prepaid_subscribers_while_they_are_there(world, prepaid):
    people, topups, truth = world.tables["subscribers"], world.tables["topups"], world.truth
    assert 0.7 < prepaid.mean() < 0.8
    assert set(topups["subscriber_id"]) <= set(people["subscriber_id"][prepaid])
    place = topups["subscriber_id"].to_numpy() - truth.subscriber_id[0]
    gone = truth.departure_time[place]
    assert ((gone == -1) | (topups["event_time"].to_numpy() <= gone)).all()
    assert (topups["event_time"].to_numpy() >= people["activation"].astype("int64").to_numpy()[place]).all()
    assert (topups["amount"] > 0).all()
    assert topups["event_time"].is_monotonic_increasing


def test_prepaid_subscribers_have_no_bills_and_never_give_notice(world, prepaid):
    ids = set(world.tables["subscribers"]["subscriber_id"][prepaid])
    for table in ("bills", "payments", "ageing", "departures", "winbacks"):
        assert not ids & set(world.tables[table]["subscriber_id"]), table
    assert (world.truth.departure_time[prepaid] > 0).any()
    assert (world.tables["subscribers"].loc[prepaid, ["monthly_fee", "autopay"]] == 0).all(axis=None)


def test_rates_and_amounts_are_the_planted_ones(world, prepaid):
    truth = world.truth
    here = prepaid & (truth.departure_time == -1)
    old = here & (world.tables["subscribers"]["activation"].astype("int64").to_numpy() <= world.month_end(0))
    counts = world.tables["topups"]["subscriber_id"].value_counts().reindex(truth.subscriber_id, fill_value=0)
    months = (world.month_end(12) - world.month_end(0)) / MONTH
    expected = truth.topup_rate[old].sum() * months
    assert abs(counts.to_numpy()[old].sum() - expected) < 4 * np.sqrt(expected)
    many = old & (counts.to_numpy() >= 30)
    means = world.tables["topups"].groupby("subscriber_id")["amount"].mean().reindex(truth.subscriber_id).to_numpy()
    z = (means - truth.topup_mean)[many] / (truth.topup_mean[many] / np.sqrt(6.0 * counts.to_numpy()[many]))
    assert abs(z.mean()) < 4 / np.sqrt(many.sum())
    assert 0.9 < z.std() < 1.1
    assert (truth.topup_rate[~prepaid] == 0).all()


def test_of_those_given_a_chance_to_be_there_that_many_are(world, prepaid):
    truth = world.truth
    here = (truth.departure_time == -1)[prepaid]
    chance = truth.p_alive[prepaid]
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        inside = (chance >= low) & (chance <= high)
        spread = np.sqrt((chance[inside] * (1 - chance[inside])).sum())
        assert abs(here[inside].sum() - chance[inside].sum()) < 4 * spread
    assert abs(here.sum() - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())
    notice = ~prepaid
    assert set(np.unique(truth.p_alive[notice])) <= {0.0, 1.0}


def test_probability_alive_is_that_of_a_simulation():
    calendar = Calendar.starting("2025-01-01", 6)
    rng, n = np.random.default_rng(1), 400_000
    hazard, rate = np.array([0.05, 0.1, 0.02, 0.15, 0.08, 0.1]), 0.8
    start, end = int(calendar.month_start(1)), int(calendar.month_end(6))
    death = np.full(n, np.inf)
    for month in range(1, 7):
        opens, closes = int(calendar.month_start(month)) + DAY, int(calendar.month_end(month))
        dies = np.isinf(death) & (rng.random(n) < hazard[month - 1])
        death[dies] = opens + rng.random(int(dies.sum())) * (closes - opens)
    stop = np.minimum(death, end)
    last = start + 70 * DAY  # a top-up on day 70, and none since
    silent = (death > last) & (rng.random(n) < np.exp(-rate * np.maximum(stop - last, 0) / MONTH))
    share = np.isinf(death)[silent].mean()
    made = probability_alive(calendar, hazard[None], np.array([rate]), np.array([last]), np.ones((1, 6), dtype=bool))
    assert made[0] == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / silent.sum()))


def test_other_markets_have_no_top_ups():
    world = TelecomWorld(n_subscribers=200, months=2, records_per_subscriber_month=0).simulate()
    assert world.tables["topups"].empty
    assert list(world.tables["topups"].columns) == ["subscriber_id", "event_time", "amount"]
