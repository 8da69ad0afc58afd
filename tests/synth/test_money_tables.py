"""Payments, ageing, renewals, win-back and offers: rows add up, and rates are the planted ones."""

from __future__ import annotations

import numpy as np
import pytest

from custval._synth.calendar import DAY
from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=20_000, months=12, seed=9, records_per_subscriber_month=0).simulate()


def test_what_was_billed_is_paid_open_or_owed(world):
    bills, paid = world.tables["bills"], world.tables["payments"]
    assert (paid["paid_time"] > paid["bill_time"]).all()
    assert (paid["due_time"] == paid["bill_time"] + 15 * DAY).all()
    merged = bills.merge(paid, on=["subscriber_id", "bill_time"], how="left", suffixes=("", "_paid"))
    settled = merged["amount_paid"].notna()
    expected = (merged["amount"] - merged["arrears"])[settled]
    np.testing.assert_allclose(merged["amount_paid"][settled], expected, atol=1e-9)
    old = merged["bill_time"] < world.month_end(6)
    assert (merged["amount_paid"].isna() & old & (merged["arrears"] == 0)).mean() < 0.01
    late = (paid["paid_time"] > paid["due_time"]).mean()
    assert 0.04 < late < 0.2


def test_ageing_is_what_was_open_by_days_overdue(world):
    bills, paid, ageing = world.tables["bills"], world.tables["payments"], world.tables["ageing"]
    end = world.month_end(8)
    merged = bills[bills["bill_time"] <= end].merge(
        paid[["subscriber_id", "bill_time", "paid_time"]], on=["subscriber_id", "bill_time"], how="left"
    )
    open_now = (merged["amount"] - merged["arrears"]).where(merged["paid_time"].fillna(np.inf) > end, 0.0) + merged[
        "arrears"
    ]
    days = (end - merged["bill_time"] - 15 * DAY) / DAY
    rows = ageing[ageing["month_end"] == end].set_index("subscriber_id")
    for name, low, high in (
        ("days_1_30", 0, 30),
        ("days_31_60", 30, 60),
        ("days_61_90", 60, 90),
        ("days_over_90", 90, np.inf),
    ):
        mine = open_now[(days > low) & (days <= high)].groupby(merged["subscriber_id"]).sum()
        mine = mine[mine > 0]
        np.testing.assert_allclose(rows[name][rows[name] > 0].sort_index(), mine.sort_index().round(2), atol=1e-6)


def test_bills_stay_unpaid_as_often_as_the_truth_says(world):
    bills, truth = world.tables["bills"], world.truth
    chance = truth.unpaid_probability[bills["subscriber_id"].to_numpy() - truth.subscriber_id[0]]
    unpaid = (bills["arrears"] > 0).sum()
    assert abs(unpaid - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())


def test_renewals_are_the_ends_of_terms_that_customers_stayed_for(world):
    renewals, people = world.tables["renewals"], world.tables["subscribers"].set_index("subscriber_id")
    assert set(renewals["contract"]) == {"one year", "two years"}
    mine = people.loc[renewals["subscriber_id"]]
    end = mine["contract_end"].to_numpy().astype("datetime64[M]").astype(int)
    at = renewals["event_time"].to_numpy().astype("datetime64[s]").astype("datetime64[M]").astype(int)
    assert ((at - end) % renewals["term_months"].to_numpy() == 0).all()
    left = world.tables["departures"].set_index("subscriber_id")["departure_time"]
    gone = left.reindex(renewals["subscriber_id"]).to_numpy()
    assert (np.isnan(gone) | (gone > renewals["event_time"].to_numpy())).all()
    assert (renewals["renewal"] >= 1).all()


def test_who_comes_back_has_a_second_life(world):
    back, truth = world.tables["winbacks"], world.truth
    left = world.tables["departures"].query("cause == 'voluntary'")
    assert set(back["subscriber_id"]) <= set(left["subscriber_id"])
    returned = back[back["returned"]]
    assert len(returned) > 20
    assert returned["new_subscriber_id"].is_unique
    activation = world.tables["subscribers"].set_index("subscriber_id")["activation"].astype("int64")
    assert (activation.loc[returned["new_subscriber_id"]].to_numpy() == returned["return_time"]).all()
    assert (returned["return_time"] > returned["event_time"] - 30 * DAY).all()
    assert (back.loc[~back["returned"], ["new_subscriber_id", "return_time"]] == -1).all(axis=None)
    assert (truth.returned_as > 0).sum() >= len(returned)
    early = back[back["event_time"] < world.month_end(5)]
    rates = early.groupby("treated")["returned"].mean()
    assert rates[True] > rates[False]


def test_offers_by_lot_show_the_true_effect_and_those_of_agents_do_not(world):
    offers, truth = world.tables["offers"], world.truth
    place = offers["subscriber_id"].to_numpy() - truth.subscriber_id[0]
    effect = truth.offer_effect[place]
    lot = (offers["design"] == "randomised").to_numpy()
    treated, bought = offers["treated"].to_numpy(), offers["bought"].to_numpy()
    raw = {}
    for design, rows in (("lot", lot), ("agents", ~lot)):
        one, two = bought[rows & treated], bought[rows & ~treated]
        raw[design] = one.mean() - two.mean()
        spread = np.sqrt(one.var() / len(one) + two.var() / len(two))
    assert abs(raw["lot"] - effect[lot].mean()) < 4 * spread
    assert raw["agents"] > effect[~lot].mean() + 4 * spread
    weight = np.where(treated, 1 / truth.offer_propensity[place], -1 / (1 - truth.offer_propensity[place]))
    assert np.mean((weight * bought)[~lot]) == pytest.approx(effect[~lot].mean(), abs=0.02)
    assert (effect < 0).mean() > 0.05
    assert ((offers["spend"] > 0) == offers["bought"]).all()
