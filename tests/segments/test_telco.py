"""The public IBM Telco table: quadrants, tiers and churn by quadrant, against counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval.segments import Tiers, ValuePotential, churn_rates, decile_table, gini, stage_hazards


@pytest.fixture(scope="module")
def telco(shared):
    table = pd.read_csv(shared / "data" / "ibm_telco_churn.csv")
    services = ["OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"]
    held = (table[services] == "Yes").sum(axis=1)
    return table.assign(potential=6 - held, left=(table["Churn"] == "Yes").astype(float))


def test_quadrants_of_charge_and_open_services(telco):
    model = ValuePotential(axes=("MonthlyCharges", "potential")).fit(telco)
    table = model.table(telco, p_leave=telco["left"].to_numpy())
    high = telco["MonthlyCharges"] > telco["MonthlyCharges"].median()
    room = telco["potential"] > telco["potential"].median()
    for code, mask in enumerate((high & room, high & ~room, ~high & room, ~high & ~room)):
        assert table.customers[code] == mask.sum()
        assert table.mean_p_leave[code] == pytest.approx(telco["left"][mask].mean())
    # dear and with few services: these leave
    assert table.mean_p_leave[0] > 0.45
    assert table.mean_p_leave[3] < 0.25
    hazards = stage_hazards(model.predict(telco), telco["left"], names=model.names_)
    np.testing.assert_allclose(hazards.hazard, table.mean_p_leave)


def test_what_the_guide_says_of_this_table(telco):
    assert gini(telco["MonthlyCharges"]).gini == pytest.approx(0.265, abs=5e-4)
    charged = pd.to_numeric(telco["TotalCharges"], errors="coerce").dropna()
    assert len(telco) - len(charged) == 11
    assert gini(charged).gini == pytest.approx(0.536, abs=5e-4)
    model = ValuePotential(axes=("MonthlyCharges", "potential")).fit(telco)
    table = model.table(telco, p_leave=telco["left"].to_numpy())
    assert table.customers[0] == 789
    np.testing.assert_array_equal(table.share_of_value.round(2)[:1], [0.14])
    lower, upper = table.interval("mean_p_leave")
    said = [(lower[k], table.mean_p_leave[k], upper[k]) for k in (0, 3)]
    np.testing.assert_array_equal(np.round(said, 2), [[0.54, 0.58, 0.61], [0.13, 0.15, 0.17]])


def test_quadrants_of_a_table_with_text_are_drawn(telco):
    pytest.importorskip("matplotlib")
    from custval.plots import plot_quadrants

    model = ValuePotential(axes=("MonthlyCharges", "potential")).fit(telco)
    drawn = plot_quadrants(model, model.table(telco), X=telco)
    heads = sum(len(dots.get_offsets()) for dots in drawn.collections if len(dots.get_offsets()) > 1)
    assert heads == 7043


def test_tiers_and_deciles_of_the_charge(telco):
    charge = telco[["MonthlyCharges"]]
    model = Tiers().fit(charge)
    table = model.table(charge)
    assert table.customers.sum() == 7043
    assert (np.diff(table.from_value[:-1]) < 0).all()
    deciles = decile_table(charge["MonthlyCharges"])
    dear = np.sort(charge["MonthlyCharges"].to_numpy())[::-1]
    tenth = dear[:704].sum() + 0.3 * dear[704]  # 704.3 customers
    assert deciles.share_of_value[0] == pytest.approx(tenth / dear.sum(), rel=1e-12)
    rates = churn_rates({"opening": [7043.0], "joined": [0.0], "exits_all": [telco["left"].sum()]})
    assert rates.opening_rate[0] == pytest.approx(0.2654, abs=1e-4)
