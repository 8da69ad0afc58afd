"""From record tables to the answer, against the truth of the world that made them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval._core.errors import InputError
from custval.pipeline import Analysis, analyse
from custval.synth import TelecomWorld, World


@pytest.fixture(scope="module")
def world() -> World:
    return TelecomWorld(n_subscribers=6000, months=12, seed=5, records_per_subscriber_month=12).simulate()


@pytest.fixture(scope="module")
def answer(world: World) -> Analysis:
    return analyse(world, horizon=12, contact_cost=1.0, offer_cost=5.0, budget=2000.0)


def test_everybody_is_counted(world: World, answer: Analysis) -> None:
    left = len(world.tables["departures"])
    assert answer.base.customers == 6000
    assert answer.base.left == left
    assert answer.customers_total == 6000 - left
    assert answer.base.left_by_cause == world.tables["departures"]["cause"].value_counts().sort_index().to_dict()


def test_the_monthly_rate_is_that_of_the_true_customer_months(world: World, answer: Analysis) -> None:
    months = world.truth.at_risk.sum()
    assert answer.reading.monthly_rate == pytest.approx(answer.base.left / months, rel=1e-12)
    assert "left truncation" in answer.reading.statement


def test_forecasts_and_values_are_near_the_truth(world: World, answer: Analysis) -> None:
    truth = world.truth
    rows = answer.customers["customer_id"].astype(int).to_numpy() - int(truth.subscriber_id[0])
    true_risk, risk = truth.p_leave_3m[rows], answer.customers["p_leave_3m"].to_numpy()
    assert risk.mean() == pytest.approx(true_risk.mean(), rel=0.15)
    assert np.corrcoef(risk, true_risk)[0, 1] > 0.5
    assert answer.value is not None
    assert answer.value.total == pytest.approx(truth.value.sum(), rel=0.02)
    order = np.argsort(risk)
    assert true_risk[order[-600:]].mean() > 5 * true_risk[order[:3000]].mean()


def test_planted_rules_are_found(world: World, answer: Analysis) -> None:
    found = {(row.antecedent, row.consequent) for row in answer.rules.itertuples()}
    planted = [(str(rule["antecedent"]), str(rule["consequent"])) for rule in world.truth.rules]
    assert sum(pair in found for pair in planted) >= 0.5 * len(planted)
    assert (answer.rules["p_adjusted"] < 0.05).all()
    assert answer.rules["lift"].is_monotonic_decreasing


def test_the_save_rate_comes_from_the_randomised_campaign(world: World, answer: Analysis) -> None:
    campaigns = world.tables["campaigns"]
    rates = campaigns.groupby("treated")["left_within_3m"].mean()
    said = next(method.text for method in answer.methods if method.heading == "Contact list")
    assert f"{1 - rates[True] / rates[False]:.1%}" in said
    assert answer.plan["cost"].sum() <= 2000.0 * (1 + 1e-9)
    assert (answer.plan["expected_profit"] > 0).all()


def test_a_mapping_of_tables_is_analysed_like_the_world(world: World, answer: Analysis) -> None:
    again = analyse(dict(world.tables), horizon=12, contact_cost=1.0, offer_cost=5.0, budget=2000.0)
    np.testing.assert_allclose(again.customers["lifetime_value"], answer.customers["lifetime_value"], rtol=1e-9)


def test_the_future_is_not_looked_at(world: World, answer: Analysis) -> None:
    """Records planted after the last month change nothing."""
    later = world.tables["cdr"].tail(5000).assign(event_time=world.month_end(12) + 5)
    tables = {**world.tables, "cdr": pd.concat([world.tables["cdr"], later], ignore_index=True)}
    again = analyse(tables, horizon=12, contact_cost=1.0, offer_cost=5.0, budget=2000.0)
    np.testing.assert_allclose(again.customers["p_leave_3m"], answer.customers["p_leave_3m"], rtol=1e-9)


def test_missing_tables_are_named(world: World) -> None:
    with pytest.raises(InputError, match="missing: bills, departures"):
        analyse({"subscribers": world.tables["subscribers"], "cdr": world.tables["cdr"]})


def test_too_few_months_are_refused(world: World) -> None:
    bills = world.tables["bills"]
    one = bills[bills["bill_time"] <= world.month_end(1)]
    with pytest.raises(InputError, match="1 month of bills cannot show who leaves after it"):
        analyse({**world.tables, "bills": one})


def test_nobody_left(world: World) -> None:
    with pytest.raises(InputError, match="no customer left: the table departures is empty"):
        analyse({**world.tables, "departures": world.tables["departures"].head(0)})


def test_records_that_cannot_be_used_are_counted(world: World) -> None:
    cdr = world.tables["cdr"].copy()
    cdr["duration_s"] = cdr["duration_s"].where(np.arange(len(cdr)) >= 25, -1.0)
    cdr.loc[cdr.index[100:103], "subscriber_id"] = 5
    answer = analyse({**world.tables, "cdr": cdr}, horizon=12)
    told = [f"{note.count} {note.action}" for note in answer.notes if note.subject == "cdr"]
    assert any(text.startswith("25 of") and "duration" in text for text in told)
    assert any(text.startswith("3 of") and "subscriber" in text for text in told)


def test_tables_that_count_for_nothing_are_named(world: World) -> None:
    cdr = world.tables["cdr"].assign(kind=world.tables["cdr"]["kind"].astype(str).str.upper())
    answer = analyse({**world.tables, "cdr": cdr}, horizon=12)
    assert any("'cdr' adds nothing to the view" in note.action for note in answer.notes)
