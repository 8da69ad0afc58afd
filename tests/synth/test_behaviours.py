"""What customers do to each other: companies leave together, a departed tie pulls, calls have two sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(
        n_subscribers=8000, months=12, seed=6, behaviours="all", records_per_subscriber_month=12
    ).simulate()


def test_members_of_a_company_leave_in_its_month(world):
    truth, people = world.truth, world.tables["subscribers"]
    assert len(truth.groups) > 5
    assert sum(group["members"] for group in truth.groups) == (truth.group_month > 0).sum()
    place = np.flatnonzero(truth.group_month > 0)
    month = truth.group_month[place]
    at_risk = truth.at_risk[place, month - 1]
    assert (truth.hazard[place, month - 1, 0][at_risk] >= 0.85).all()
    left = sum(group["departures"] for group in truth.groups)
    chance = truth.hazard[place, month - 1].sum(axis=1)
    assert abs(left - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())
    accounts = people.set_index("subscriber_id").loc[truth.subscriber_id[place], "account_id"]
    assert set(accounts) == {group["account_id"] for group in truth.groups}


def test_a_company_about_to_leave_forwards_calls_and_calls_off_net(world):
    truth, cdr = world.truth, world.tables["cdr"]
    start = pd.Series(truth.group_month, index=truth.subscriber_id)
    calls = cdr[(cdr["kind"] == "voice") & (cdr["direction"] == "out")]
    month = calls["event_time"].to_numpy().astype("datetime64[s]").astype("datetime64[M]").astype(int) - 12 * 55 + 1
    event = start.reindex(calls["subscriber_id"]).to_numpy()
    before = (event > 3) & (month < event - 2)
    during = (event > 3) & (month >= event - 2) & (month <= event)
    assert calls["forwarded"][during].mean() > 5 * calls["forwarded"][before].mean()
    assert calls["on_net"][during].mean() < 0.8 * calls["on_net"][before].mean()


def test_a_departed_tie_doubles_the_odds():
    world = TelecomWorld(
        n_subscribers=30_000, months=8, seed=2, behaviours=["contagion"], records_per_subscriber_month=0
    ).simulate()
    truth = world.truth
    assert truth.coefficients["voluntary"]["departed_tie"] == pytest.approx(np.log(2), abs=0.001)
    tie, at_risk = truth.departed_tie, truth.at_risk
    assert 0.02 < tie[at_risk].mean() < 0.4
    left = truth.hazard[..., 0] > 0
    assert left[at_risk].all()
    ratio = truth.hazard[..., 0][at_risk & tie].mean() / truth.hazard[..., 0][at_risk & ~tie].mean()
    assert 1.5 < ratio < 3.0
    assert (
        not TelecomWorld(n_subscribers=500, months=3, records_per_subscriber_month=0)
        .simulate()
        .truth.departed_tie.any()
    )


def test_calls_between_subscribers_stand_in_both_records(world):
    cdr, truth = world.tables["cdr"], world.truth
    talks = cdr[cdr["kind"] != "data"]
    inside = talks["other_party"] < 9_000_000_000
    sent = talks[inside & (talks["direction"] == "out") & talks["on_net"]]
    got = talks[inside & (talks["direction"] == "in")]
    keys = ["event_time", "kind", "duration_s"]
    one = sent.rename(columns={"subscriber_id": "a", "other_party": "b"})[["a", "b", *keys]].sort_values(
        ["a", "b", *keys]
    )
    two = got.rename(columns={"subscriber_id": "b", "other_party": "a"})[["a", "b", *keys]].sort_values(
        ["a", "b", *keys]
    )
    pd.testing.assert_frame_equal(one.reset_index(drop=True), two.reset_index(drop=True))
    assert len(got) > 1000
    place = got["subscriber_id"].to_numpy() - truth.subscriber_id[0]
    gone = truth.departure_time[place]
    assert ((gone == -1) | (got["event_time"].to_numpy() < gone)).all()
    joined = world.tables["subscribers"]["activation"].astype("int64").to_numpy()[place]
    assert (got["event_time"].to_numpy() >= joined).all()


def test_in_and_out_stay_in_balance(world):
    talks = world.tables["cdr"].query("kind == 'voice'")
    assert 0.4 < (talks["direction"] == "out").mean() < 0.65


def test_agents_chose_in_half_of_the_regions(world):
    offered, truth = world.tables["campaigns"], world.truth
    place = offered["subscriber_id"].to_numpy() - truth.subscriber_id[0]
    chosen = (offered["design"] == "confounded").to_numpy()
    propensity = truth.propensity[place]
    assert (propensity[~chosen] == 0.5).all()
    assert propensity[chosen].std() > 0.1
    treated = offered["treated"].to_numpy()
    assert abs(treated[chosen].sum() - propensity[chosen].sum()) < 4 * np.sqrt(chosen.sum() / 4)
    price = truth.price_sensitivity[place]
    assert price[chosen & treated].mean() > price[chosen & ~treated].mean() + 0.3
    assert abs(price[~chosen & treated].mean() - price[~chosen & ~treated].mean()) < 0.2


def test_bundles_are_adopted_in_their_order(world):
    held = world.tables["holdings"].pivot_table(index="subscriber_id", columns="service", values="added")
    first = {rule["first"]: rule for rule in world.truth.sequences}
    assert first["sport_tv"]["probability"] == pytest.approx(0.9)
    rule = first["sport_tv"]
    both = held[[rule["first"], rule["then"]]].dropna()
    share = (both.iloc[:, 0] <= both.iloc[:, 1]).mean()
    assert share == pytest.approx(rule["probability"], abs=4 * np.sqrt(0.09 / len(both)) + 0.02)
    usual = TelecomWorld(n_subscribers=50, months=1).simulate().truth.sequences[0]
    assert usual["probability"] == 0.5
    assert usual["lift"] == 1.0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"behaviours": ["group chum"]}, r"behaviours must be one of .*did you mean 'group churn'\?"),
        ({"parameters": {"churn_scales": 2}}, r"no parameter 'churn_scales' \(did you mean 'churn_scale'\?\)"),
        ({"parameters": {"churn_scale": -1}}, "churn_scale must be >= 1e-06"),
        ({"parameters": {"plan_shares": (1, 2)}}, "plan_shares needs 5 numbers"),
        ({"parameters": {"brand_shares": (0.5, 0.2, 0.1)}}, "brand_shares must sum to 1, not to 0.8"),
        ({"parameters": {"missed_probability": 1.5}}, "missed_probability must be >= 0 and <= 1"),
        ({"parameters": {"hazard": {"voluntary": {"complaint": 1}}}}, r"did you mean 'complaints'\?"),
        ({"parameters": {"hazard": {"volunteer": {}}}}, "hazard must be one of"),
    ],
)
def test_impossible_parameters_are_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        TelecomWorld(n_subscribers=10, months=1, **wrong).simulate()


def test_every_parameter_can_be_given_back():
    from dataclasses import fields

    from custval._synth.scenario import SCENARIOS, Scenario

    usual = SCENARIOS["contract market"]
    same = {one.name: getattr(usual, one.name) for one in fields(Scenario) if one.name != "hazard"}
    one = TelecomWorld(n_subscribers=200, months=3, seed=1, parameters=same).simulate()
    two = TelecomWorld(n_subscribers=200, months=3, seed=1).simulate()
    pd.testing.assert_frame_equal(one.tables["cdr"], two.tables["cdr"])
    changed = {"log_duration": (5.0, 0.1), "hazard": {"voluntary": {"intercept": -1.0}}}
    three = TelecomWorld(n_subscribers=200, months=3, seed=1, parameters=changed).simulate()
    voice = three.tables["cdr"].query("kind == 'voice' and duration_s > 0")
    assert voice["duration_s"].median() == pytest.approx(np.exp(5.0), rel=0.02)
    assert len(three.tables["departures"]) > 3 * len(two.tables["departures"])
