"""Scenarios: each named market runs, and moves what its name says."""

from __future__ import annotations

import pytest

from custval._synth.scenario import CAUSES, COVARIATES, SCENARIOS
from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def worlds():
    return {
        name: TelecomWorld(
            n_subscribers=6000, months=8, seed=1, scenario=name, records_per_subscriber_month=4
        ).simulate()
        for name in SCENARIOS
    }


def test_every_cause_has_every_coefficient():
    for scenario in SCENARIOS.values():
        assert set(scenario.hazard) == set(CAUSES)
        assert all(len(row) == len(COVARIATES) for row in scenario.hazard.values())


def test_a_price_war_raises_departures(worlds):
    assert len(worlds["price war"].tables["departures"]) > 1.5 * len(worlds["contract market"].tables["departures"])


def test_network_trouble_raises_drops_and_complaints(worlds):
    drops = {name: world.tables["cdr"]["dropped"].mean() for name, world in worlds.items()}
    assert drops["network trouble"] > 1.8 * drops["contract market"]
    complaints = {name: (world.tables["contacts"]["kind"] == "complaint").sum() for name, world in worlds.items()}
    assert complaints["network trouble"] > 1.5 * complaints["contract market"]


def test_a_recession_raises_bad_debt(worlds):
    def debt(name):
        bills = worlds[name].tables["bills"]
        return bills["arrears"].sum() / bills["amount"].sum()

    assert debt("recession") > 1.6 * debt("contract market")


def test_number_portability_lets_more_leave_by_own_will_and_together(worlds):
    def left(name):
        return (worlds[name].tables["departures"]["cause"] == "voluntary").sum()

    assert left("number portability") > 1.3 * left("contract market")
    together = {
        name: TelecomWorld(
            n_subscribers=6000,
            months=8,
            seed=1,
            scenario=name,
            behaviours="group churn",
            records_per_subscriber_month=0,
        ).simulate()
        for name in ("contract market", "number portability")
    }
    assert len(together["number portability"].truth.groups) > 1.3 * len(together["contract market"].truth.groups)


def test_the_prepaid_market_lives_from_top_ups(worlds):
    tables = worlds["prepaid market"].tables
    assert tables["subscribers"]["prepaid"].mean() > 0.6
    assert tables["topups"]["amount"].sum() > tables["bills"]["amount"].sum()
    assert not worlds["contract market"].tables["subscribers"]["prepaid"].any()
