"""The two real tables, as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from custval.pipeline import analyse

SERVICES = [
    "PhoneService",
    "MultipleLines",
    "InternetService",
    "OnlineSecurity",
    "OnlineBackup",
    "DeviceProtection",
    "TechSupport",
    "StreamingTV",
    "StreamingMovies",
]


def test_ibm_telco(shared: Path, tmp_path: Path) -> None:
    answer = analyse(
        shared / "data" / "ibm_telco_churn.csv",
        id="customerID",
        tenure="tenure",
        event="Churn",
        left="Yes",
        charge="MonthlyCharges",
        services=SERVICES,
        save_rate=0.2,
        offer_cost=20.0,
        budget=5000.0,
    )
    assert (answer.base.customers, answer.base.left, answer.customers_total) == (7043, 1869, 5174)
    assert answer.group == "Contract"
    assert "InternetService = Fiber optic" in set(answer.rules["antecedent"]) | set(answer.rules["consequent"])
    assert not any("No internet service" in rule for rule in answer.rules["antecedent"])
    notes = {(note.subject, note.count): note.action for note in answer.notes}
    assert "less than one whole month" in notes["tenure", 11]
    assert "11 of its cells are blank" in notes["TotalCharges", 1]
    assert answer.value is not None
    assert answer.value.lower < answer.value.total < answer.value.upper
    assert answer.customers.drop(columns=["reason_2", "reason_3"]).notna().all(axis=None)
    paths = answer.write(tmp_path)
    assert "Contract" in paths["report.html"].read_text(encoding="utf-8")


def test_ibm_telco_read_as_a_snapshot_has_another_rate(shared: Path) -> None:
    path = shared / "data" / "ibm_telco_churn.csv"
    answer = analyse(path, id="customerID", tenure="tenure", event="Churn", left="Yes", window_months=1)
    # departures of one month over the customers at risk in it: all but the eleven who have not completed a month
    assert answer.reading.monthly_rate == pytest.approx(1869 / 7032, rel=1e-12)
    assert dict(answer.reading.alternatives)["the whole tenure read as observed"] == pytest.approx(0.0081977, rel=1e-4)


def test_spss_telco_has_no_money(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "spss_telco_1000.csv"
    answer = analyse(path, id="ID", tenure="tenure", event="churn", services=["voice", "internet", "forward"])
    assert (answer.base.customers, answer.base.left) == (1000, 274)
    assert answer.value is None
    assert np.isnan(answer.customers["lifetime_value"]).all()
    page = answer.write(tmp_path)["report.html"].read_text(encoding="utf-8")
    assert "No charge was given" in page
