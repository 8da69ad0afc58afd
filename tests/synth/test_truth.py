"""The truth: hazards follow the coefficients, values follow the formula, lifts follow the plan."""

from __future__ import annotations

import numpy as np
import pytest

from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=4000, months=9, seed=5, records_per_subscriber_month=0).simulate()


def by_hand(world, month: int) -> tuple[np.ndarray, np.ndarray]:
    """Covariates of the hazard of `month`, rebuilt from the tables; only complaints, arrears and contract matter."""
    people = world.tables["subscribers"]
    epoch = np.datetime64(world.start, "M").astype(np.int64)
    joined = people["activation"].to_numpy().astype("datetime64[M]").astype(np.int64) - epoch + 1
    ends = people["contract_end"].to_numpy().astype("datetime64[M]").astype(np.int64) - epoch + 1
    contract = people["contract"].to_numpy().astype(str)
    now = month - 1
    term = np.where(contract == "one year", 12, 24)
    to_end = ends - now
    while (to_end[contract != "month-to-month"] < 1).any():
        to_end = np.where(to_end < 1, to_end + term, to_end)
    contacts = world.tables["contacts"].query("kind == 'complaint'")
    inside = contacts["event_time"].between(world.month_end(max(now - 3, 0)) + 1, world.month_end(now))
    complaints = contacts[inside].groupby("subscriber_id").size().reindex(people["subscriber_id"], fill_value=0)
    bills = world.tables["bills"]
    last = bills[bills["bill_time"] == world.month_end(now)].set_index("subscriber_id").reindex(people["subscriber_id"])
    truth = world.truth
    began = truth.erosion_month
    since = np.where((began > 0) & (began <= now), now - began + 1, 0)
    rows = {
        "intercept": np.ones(len(people)),
        "one_year": contract == "one year",
        "two_years": contract == "two years",
        "log_tenure": np.log1p(np.maximum(now - joined, 0)) - 3,
        "contract_ending": (contract != "month-to-month") & (to_end == 1),
        "complaints": complaints.to_numpy(),
        "arrears": (last["arrears"] > 0).to_numpy(),
        "usage_decline": 1 - np.maximum(0.72**since, 0.15),
        "autopay": people["autopay"],
        "price_sensitivity": truth.price_sensitivity,
        "dissatisfaction": -truth.satisfaction,
    }
    eta = np.stack(
        [sum(truth.coefficients[c][name] * np.asarray(x, float) for name, x in rows.items()) for c in truth.causes]
    )
    shock = np.stack([np.full(len(people), truth.coefficients[c]["bill_shock"]) for c in truth.causes])
    return eta, shock


def test_hazard_is_the_documented_logit_of_what_the_tables_show(world):
    month = 4  # before the campaign, so that no offer plays a part
    eta, shock = by_hand(world, month)
    hazard = world.truth.hazard[:, month - 1]
    at_risk = world.truth.at_risk[:, month - 1]
    stays = 1 - hazard.sum(axis=1)
    found = np.log(hazard[at_risk] / stays[at_risk, None]) - eta.T[at_risk]
    x = found[:, 0] / shock[0, 0]  # what is left must be one bill shock within 0..1, the same for every cause
    assert x.min() > -1e-9
    assert x.max() < 1 + 1e-9
    np.testing.assert_allclose(found, x[:, None] * shock.T[at_risk], atol=1e-8)


def test_bill_shock_is_the_last_bill_over_the_three_before(world):
    eta, shock = by_hand(world, 6)
    bills = world.tables["bills"].copy()
    bills["month"] = bills["bill_time"].map({world.month_end(m): m for m in range(1, 10)})
    wide = bills.pivot_table(index="subscriber_id", columns="month", values="amount").reindex(world.truth.subscriber_id)
    expected = np.clip(wide[5] / wide[[2, 3, 4]].mean(axis=1) - 1, 0, 1).to_numpy()
    hazard, rows = (
        world.truth.hazard[:, 5],
        world.truth.at_risk[:, 5] & wide[[2, 3, 4, 5]].notna().all(axis=1).to_numpy(),
    )
    offered = np.isin(world.truth.subscriber_id, world.tables["campaigns"].query("treated")["subscriber_id"])
    rows &= ~offered
    odds = np.log(hazard[:, 0] / (1 - hazard.sum(axis=1)), where=rows, out=np.zeros(len(rows)))
    np.testing.assert_allclose(((odds - eta[0]) / shock[0])[rows], expected[rows], atol=1e-8)


def test_value_is_margin_times_discounted_survival(world):
    truth = world.truth
    gone = np.isin(truth.subscriber_id, world.tables["departures"]["subscriber_id"])
    assert (truth.value[gone] == 0).all()
    assert (truth.p_leave_3m[gone] == 0).all()
    here = ~gone & (truth.p_leave_3m > 0)
    months = truth.value[here] / truth.expected_margin[here]
    annuity = (1 - 1.01**-12) / 0.01
    assert (months < annuity).all()
    assert (months > annuity * (1 - truth.p_leave_3m[here]) ** 5).all()
    bills = world.tables["bills"]
    recent = bills[bills["bill_time"] > world.month_end(6)]
    margin = recent["amount"] - recent["interconnect"] - recent["cost_to_serve"] - recent["arrears"]
    mean = margin.groupby(recent["subscriber_id"]).mean().reindex(truth.subscriber_id[here])
    np.testing.assert_allclose(truth.expected_margin[here], mean, rtol=1e-9)


def test_planted_lifts_are_found_in_the_holdings():
    world = TelecomWorld(n_subscribers=20_000, months=1, seed=1, records_per_subscriber_month=0).simulate()
    held = world.tables["holdings"]
    n = len(world.tables["subscribers"])
    owners = {name: set(rows) for name, rows in held.groupby("service")["subscriber_id"]}
    assert len(owners) == 40
    for rule in world.truth.rules:
        one, two = owners[rule["antecedent"]], owners[rule["consequent"]]
        lift = len(one & two) * n / (len(one) * len(two))
        assert lift == pytest.approx(rule["lift"], rel=0.15)
        assert rule["confidence"] == pytest.approx(len(one & two) / len(one), abs=0.05)
        assert rule["support"] == pytest.approx(len(one & two) / n, abs=0.01)


def test_truth_is_read_only_and_becomes_a_frame(world):
    frame = world.truth.to_frame()
    assert len(frame) == 4000
    assert {"value", "treatment_effect", "erosion_month"} <= set(frame.columns)
    with pytest.raises(ValueError, match="read-only"):
        world.truth.hazard[0] = 1
