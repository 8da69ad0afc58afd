"""Draw the pictures of the guide on quadrants, tiers and movement.

Run ``python examples/segment_pictures.py docs/_static [WA_Fn-UseC_-Telco-Customer-Churn.csv]``; it takes some seconds.
All but the last picture show one simulated operator, the last the public IBM Telco table, where its file is given.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from custval.plots import plot_cohorts, plot_deciles, plot_forecast, plot_migration, plot_quadrants
from custval.segments import (
    Tiers,
    ValuePotential,
    base_forecast,
    cohort_retention,
    decile_table,
    migration_matrix,
    transition_counts,
)
from custval.synth import TelecomWorld

SERVICES = ["OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"]


def main(folder: Path, subscribers: int = 3000, telco: Path | None = None) -> list[Path]:
    """Draw the pictures into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = TelecomWorld(n_subscribers=subscribers, months=12, seed=7).simulate().tables
    bills = tables["bills"].copy()
    bills["month"] = pd.to_datetime(bills["bill_time"], unit="s").dt.month
    bills["margin"] = bills.eval("amount - interconnect - cost_to_serve - arrears")
    pictures = now(bills, tables["holdings"]) | movement(bills, tables["subscribers"], tables["departures"])
    if telco is not None:
        pictures["telco"] = public(pd.read_csv(telco))
    for name, axes in pictures.items():
        axes.figure.savefig(folder / f"segments-{name}.png", dpi=100)
    return [folder / f"segments-{name}.png" for name in pictures]


def now(bills: pd.DataFrame, holdings: pd.DataFrame) -> dict[str, Any]:
    """Return the quadrants and the tenths of the customers of December."""
    here = bills[bills["month"] == 12].groupby("subscriber_id")["margin"].sum()
    recent = bills[bills["month"] >= 10].groupby("subscriber_id")["margin"].mean()
    held = holdings[holdings["removed"] < 0].groupby("subscriber_id").size().reindex(here.index).fillna(0)
    axes = pd.DataFrame({"current": recent.reindex(here.index), "potential": 12 * 2.5 * (10 - held).clip(0)})
    model = ValuePotential(cuts="natural").fit(axes)
    return {
        "quadrants": plot_quadrants(model, model.table(axes), X=axes),
        "deciles": plot_deciles(decile_table(here.to_numpy().clip(min=0))),
    }


def movement(bills: pd.DataFrame, subscribers: pd.DataFrame, departures: pd.DataFrame) -> dict[str, Any]:
    """Return cohorts, moves between thirds of the bill, and the base ahead."""
    gone = departures.set_index("subscriber_id")
    joined = pd.to_datetime(subscribers.set_index("subscriber_id")["activation"])
    start = (joined.dt.year - 2025) * 12 + joined.dt.month
    end = pd.to_datetime(gone["departure_time"], unit="s").dt.month.reindex(joined.index)
    young = start >= 1
    bill = Tiers(cuts="quantile", levels=(0.33, 0.67), names=("high", "mid", "low")).fit(bills[["margin"]])
    panel = bills.groupby(["subscriber_id", "month"], as_index=False)["margin"].sum()
    panel["state"] = bill.tier(panel[["margin"]])
    who = panel["subscriber_id"]
    leaves = (panel.groupby("subscriber_id")["month"].transform("max") == panel["month"]) & who.isin(gone.index)
    moves = transition_counts(
        panel["state"],
        customer=who,
        month=panel["month"],
        left=who.map(gone["cause"]).where(leaves),
        states=bill.names_,
    )
    matrix = migration_matrix(moves)
    opening = panel[panel["month"] == 12]["state"].value_counts().reindex(bill.names_).fillna(0)
    return {
        "cohorts": plot_cohorts(cohort_retention(start[young], end[young], until=12)),
        "migration": plot_migration(matrix),
        "forecast": plot_forecast(base_forecast(matrix, opening.to_numpy(), months=12, random_state=0)),
    }


def public(table: pd.DataFrame) -> Any:
    """Return the quadrants of monthly charge and services not yet held."""
    table = table.assign(potential=6 - (table[SERVICES] == "Yes").sum(axis=1))
    model = ValuePotential(axes=("MonthlyCharges", "potential")).fit(table)
    # services are whole numbers: noise upward shows how many customers stand on each, on the same side of the cut
    shown = table.assign(potential=table["potential"] + np.random.default_rng(0).uniform(0.0, 0.6, len(table)))
    drawn = plot_quadrants(model, model.table(table), X=shown)
    drawn.set(xlabel="Monthly charge", ylabel="Services not yet held")
    return drawn


if __name__ == "__main__":
    main(
        Path(sys.argv[1] if len(sys.argv) > 1 else "docs/_static"),
        telco=Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
