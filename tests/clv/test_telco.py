"""Value on the public telco table: the figures that the guides quote, with bounds wide enough for other versions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval.clv import AnnualRate, customer_equity, lifetime_value, retention_points, value_at_risk
from custval.survival import DiscreteHazard, survival_target

COLUMNS = ["Contract", "InternetService", "PaperlessBilling", "PaymentMethod", "SeniorCitizen"]


@pytest.fixture(scope="module")
def base(shared):
    table = pd.read_csv(shared / "data" / "ibm_telco_churn.csv")
    table = table[table["tenure"] > 0]
    left = (table["Churn"] == "Yes").to_numpy()
    # a snapshot: those who left did so within the last month, so each customer is at risk for that month only
    y = survival_target(table["tenure"], left, entry=table["tenure"] - 1)
    model = DiscreteHazard(baseline="linear", tail="hold").fit(table[COLUMNS], y)
    return model, table[~left]


def terms(here):
    return {
        "margin": 0.4 * here["MonthlyCharges"].to_numpy(),
        "horizon": 36,
        "monthly_discount": AnnualRate(0.10),
        "given": here["tenure"].to_numpy(),
    }


def test_contracts_hold_most_of_the_value(base):
    model, here = base
    worth = lifetime_value(model, here[COLUMNS], **terms(here), groups=here["Contract"].to_numpy(), currency="$")
    equity = customer_equity(worth)
    assert equity.total == pytest.approx(1_191_614, rel=1e-3)
    assert equity.share[2] == pytest.approx(0.628, abs=0.002)  # two years
    assert equity.share[0] == pytest.approx(0.126, abs=0.002)  # month to month: 43 % of the customers
    assert worth.total_std_error == pytest.approx(47_800, rel=0.01)


def test_points_of_retention_are_worth_most_where_few_stay(base):
    model, here = base
    point = retention_points(model, here[COLUMNS], 0.01, **terms(here))
    assert point.total == pytest.approx(169_735, rel=1e-3)
    assert point.share == pytest.approx(0.142, abs=0.001)
    free = (here["Contract"] == "Month-to-month").to_numpy()
    options = terms(here)
    options |= {"margin": options["margin"][free], "given": options["given"][free]}
    loose = retention_points(model, here.loc[free, COLUMNS], 0.01, **options)
    assert loose.share < point.share  # most of them leave before a point of one month can add up


def test_half_of_the_value_hangs_on_those_at_risk(base):
    model, here = base
    worth = lifetime_value(model, here[COLUMNS], **terms(here))
    risk = 1.0 - model.predict_survival(here[COLUMNS], [3], given=here["tenure"].to_numpy())[:, 0]
    found = value_at_risk(worth, risk, threshold=0.10)
    assert found.customers[0] == pytest.approx(0.726, abs=0.002)
    assert found.share[0] == pytest.approx(0.532, abs=0.002)
    assert np.isfinite(found.std_error[0])
