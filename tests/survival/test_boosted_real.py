"""Boosted and linear hazards on real data: IBM Telco by its protocol, SPSS and BigML against the linear models here."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from custval.metrics import concordance, integrated_brier_score
from custval.survival import BoostedHazard, CoxPH, DiscreteHazard, survival_target

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "hazard" / "ibm_telco.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("ibm_telco", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_not_worse_than_the_best_peer_on_the_first_folds(shared, script):
    figures, _ = script.ours("BoostedHazard", shared, 1)
    told = dict(zip(script.NAMES, figures.mean(axis=0), strict=True))
    for name, best in script.BEST.items():
        assert told[name] > best - 0.005, name
    assert told["integrated Brier"] < script.BEST_BRIER + 0.001


def test_the_linear_model_meets_lifelines_cox(shared, script):
    figures, _ = script.ours("CoxPH", shared, 5)
    # mean of 25 folds of lifelines' Cox with the same ridge, from the protocol
    assert figures.mean(axis=0) == pytest.approx([0.8647, 0.8622, 0.8904, 0.9042, 0.9264, 0.9530, 0.0826], abs=1.5e-3)
    assert np.isfinite(figures).all()


def table(path, duration, left, numbers, levels):
    """Return columns, whole times and who left of a file; text columns as one column for each level but the first."""
    with path.open() as file:
        rows = [{name.strip(): value.strip() for name, value in row.items()} for row in csv.DictReader(file)]
    columns = [[float(row[name]) for row in rows] for name in numbers]
    for name in levels:
        columns += [[float(row[name] == one) for row in rows] for one in sorted({row[name] for row in rows})[1:]]
    name, value = left
    time, unit = duration
    gone = np.array([row[name] == value for row in rows])
    return np.array(columns).T, np.ceil([float(row[time]) / unit for row in rows]), gone.astype(int)


def paired(X, time, left):
    """Return concordance and integrated Brier score of trees, Cox and monthly hazard, mean of two folds of five."""
    fold, told = np.random.default_rng(0).permutation(len(time)) % 5, []
    for k in range(2):
        y, asked = (survival_target(time[rows], left[rows]) for rows in (fold != k, fold == k))
        Z = (X - X[fold != k].mean(axis=0)) / X[fold != k].std(axis=0)
        months = np.arange(1.0, np.floor(np.quantile(time, 0.9)) + 1)
        models = (
            BoostedHazard(random_state=0, tail="hold"),
            CoxPH(l2=1e-4, tail="hold"),
            DiscreteHazard(baseline="spline", l2=1e-4, tail="hold"),
        )
        for model in models:
            S = model.fit(Z[fold != k], y).predict_survival(Z[fold == k], months)
            brier = integrated_brier_score(asked, S, months, y_train=y).value
            told.append([concordance(asked, (1 - S).sum(axis=1)).value, brier])
    return np.array(told).reshape(2, 3, 2).mean(axis=0)


def test_trees_find_what_nobody_wrote_down(shared):
    numbers = [f"total {when} {what}" for when in ("day", "eve", "night", "intl") for what in ("minutes", "calls")]
    X, time, left = table(
        shared / "data" / "bigml_churn_3333.csv",
        ("account length", 7),
        ("churn", "True"),
        [*numbers, "number vmail messages", "customer service calls"],
        ["international plan", "voice mail plan"],
    )
    trees, cox, monthly = paired(X, time, left)
    assert trees[0] > max(cox[0], monthly[0]) + 0.05
    assert trees[1] < min(cox[1], monthly[1]) - 0.004


def test_of_few_customers_whose_columns_add_up_a_line_says_as_much(shared):
    levels = ["region", "marital", "ed", "retire", "gender", "voice", "internet", "forward", "custcat"]
    X, time, left = table(
        shared / "data" / "spss_telco_1000.csv", ("tenure", 1), ("churn", "Yes"), ["age", "address", "income"], levels
    )
    trees, cox, monthly = paired(X, time, left)
    assert cox == pytest.approx(monthly, abs=0.01)
    assert trees[0] > cox[0] - 0.02
    assert trees[1] < cox[1] + 0.005
