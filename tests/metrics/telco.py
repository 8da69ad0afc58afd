"""The public telco table as the published protocol prepares it, and the figures that the protocol reports."""

from __future__ import annotations

import csv

import numpy as np

from custval.metrics import concordance, cumulative_dynamic_auc, integrated_brier_score
from custval.survival import survival_target

MONTHS = np.arange(1.0, 61.0)
SAME_AS_NO = {"No internet service": "No", "No phone service": "No"}
ONE_AND_ZERO = {"Yes": 1.0, "Male": 1.0, "No": 0.0, "Female": 0.0}


def read_telco(shared):
    """Return columns by name, tenure, who left, and the fold of each row in each repeat (5, n)."""
    with (shared / "data" / "ibm_telco_churn.csv").open(encoding="utf-8") as file:
        rows = [{key: SAME_AS_NO.get(value, value) for key, value in row.items()} for row in csv.DictReader(file)]
    tenure = np.array([float(row["tenure"]) for row in rows])
    left = np.array([row["Churn"] == "Yes" for row in rows])
    columns = {}
    for name in rows[0].keys() - {"customerID", "TotalCharges", "Churn", "tenure"}:
        values = [row[name] for row in rows]
        levels = sorted(set(values))
        if set(levels) <= set(ONE_AND_ZERO):
            columns[name] = np.array([ONE_AND_ZERO[value] for value in values])
        elif name in {"InternetService", "Contract", "PaymentMethod"}:
            columns |= {f"{name}={level}": np.array([float(v == level) for v in values]) for level in levels[1:]}
        else:
            columns[name] = np.array([float(value) for value in values])
    fold = np.zeros((5, len(rows)), dtype=int)
    with (shared / "reference" / "ibm_protocol" / "folds.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            fold[int(row["repeat"]), int(row["row"])] = int(row["fold"])
    return np.column_stack([columns[name] for name in sorted(columns)]), tenure, left, fold


def figures(telco, forecast, repeats=range(5)):
    """Return Harrell, Uno, AUC at 6, 12, 24 and 48 months and integrated Brier of each fold.

    `forecast` takes training columns (z-scored), their target and the columns to predict for; it returns S at MONTHS.
    """
    matrix, tenure, left, folds = telco
    found = []
    for fold in folds[list(repeats)]:
        for k in range(5):
            train, test = (tenure > 0) & (fold != k), (tenure > 0) & (fold == k)
            scaled = (matrix - matrix[train].mean(axis=0)) / matrix[train].std(axis=0)
            y, seen = (survival_target(tenure[rows], left[rows]) for rows in (test, train))
            survival = forecast(scaled[train], seen, scaled[test])
            risk = (1.0 - survival).sum(axis=1)
            area = cumulative_dynamic_auc(y, risk, [6, 12, 24, 48], y_train=seen).auc
            uno = concordance(y, risk, weighting="uno", tau=60.0, y_train=seen).value
            brier = integrated_brier_score(y, survival, MONTHS, y_train=seen).value
            found.append([concordance(y, risk).value, uno, *area, brier])
    return np.array(found)
