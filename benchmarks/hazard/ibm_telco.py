"""Boosted and linear hazards on real data, fold by fold, beside what the peers reach on the same folds.

Run: ``python benchmarks/hazard/ibm_telco.py [--repeats 5]``. The data and folds are those of the shared reference
folder (CUSTVAL_SHARED); CUSTVAL_PEERS_PYTHON names an interpreter that has hazardous and xgboost: with it SurvivalBoost
and XGBoost's ``survival:cox`` run on the same folds in turn, so that the comparison is paired.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve()
MONTHS = np.arange(1.0, 61.0)
NAMES = ("Harrell C", "Uno C", "AUC 6", "AUC 12", "AUC 24", "AUC 48", "integrated Brier")
ONE_HOT = ("InternetService", "Contract", "PaymentMethod")
BEST = {"Harrell C": 0.8658, "AUC 6": 0.8976, "AUC 12": 0.9088, "AUC 24": 0.9289, "AUC 48": 0.9548}
BEST_BRIER = 0.0793


def shared_folder() -> Path:
    return Path(os.environ.get("CUSTVAL_SHARED") or HERE.parents[3] / "shared")


def ibm(shared: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns (one row for each of the 7043 customers), tenure and churn, as the protocol codes them."""
    with (shared / "data" / "ibm_telco_churn.csv").open() as file:
        rows = list(csv.DictReader(file))
    left_out = {"customerID", "TotalCharges", "Churn", "tenure"}
    columns = []
    for name in [name for name in rows[0] if name not in left_out]:
        values = [row[name] for row in rows]
        if name in ONE_HOT:
            columns += [[float(value == level) for value in values] for level in sorted(set(values))[1:]]
        elif name in {"SeniorCitizen", "MonthlyCharges"}:
            columns.append([float(value) for value in values])
        else:
            columns.append([float(value in {"Yes", "Male"}) for value in values])
    tenure = np.array([float(row["tenure"]) for row in rows])
    return np.array(columns).T, tenure, np.array([row["Churn"] == "Yes" for row in rows]).astype(int)


def folds(shared: Path, tenure: np.ndarray, repeats: int):
    """Yield rows to fit and rows to judge."""
    table = np.loadtxt(shared / "reference" / "ibm_protocol" / "folds.csv", delimiter=",", skiprows=1, dtype=int)
    for repeat in range(repeats):
        for fold in range(5):
            mine = table[table[:, 1] == repeat]
            judged = np.sort(mine[mine[:, 2] == fold, 0])
            fitted = np.sort(mine[mine[:, 2] != fold, 0])
            yield fitted[tenure[fitted] > 0], judged[tenure[judged] > 0]


def judged(y_train, y, survival: np.ndarray) -> list[float]:
    """Return the seven figures of the protocol."""
    from custval.metrics import concordance, cumulative_dynamic_auc, integrated_brier_score

    score = (1 - survival).sum(axis=1)
    harrell = concordance(y, score)
    uno = concordance(y, score, weighting="uno", tau=60.0, y_train=y_train)
    auc = cumulative_dynamic_auc(y, 1 - survival[:, [5, 11, 23, 47]], [6.0, 12.0, 24.0, 48.0], y_train=y_train)
    brier = integrated_brier_score(y, survival, MONTHS, y_train=y_train)
    return [harrell.value, uno.value, *auc.auc.tolist(), brier.value]


def fit_ours(kind: str, X: np.ndarray, y):
    from custval.survival import BoostedHazard, CoxPH

    if kind == "BoostedHazard":
        return BoostedHazard(random_state=0).fit(X, y)
    return CoxPH(l2=1e-4, tail="hold").fit(X, y)


def ours(kind: str, shared: Path, repeats: int) -> tuple[np.ndarray, list[float]]:
    """Return the figures of each fold, (folds, 7), and the seconds of each fit."""
    from custval.survival import survival_target

    X, tenure, left = ibm(shared)
    table, seconds = [], []
    for fitted, asked in folds(shared, tenure, repeats):
        spread = X[fitted].std(axis=0)
        Z = (X - X[fitted].mean(axis=0)) / np.where(spread > 0, spread, 1.0) if kind == "CoxPH" else X
        y, y_asked = (survival_target(tenure[rows], left[rows]) for rows in (fitted, asked))
        begun = time.perf_counter()
        model = fit_ours(kind, Z[fitted], y)
        seconds.append(time.perf_counter() - begun)
        table.append(judged(y, y_asked, model.predict_survival(Z[asked], MONTHS)))
    return np.array(table), seconds


def peer_child(name: str, folder: str) -> None:
    """Fit one peer to one fold in this process; write its survival matrix and seconds."""
    data = np.load(Path(folder) / "fold.npz")
    begun = time.perf_counter()
    if name == "SurvivalBoost":
        import pandas as pd
        from hazardous import SurvivalBoost

        y = pd.DataFrame({"event": data["event"], "duration": data["duration"]})
        model = SurvivalBoost(n_iter=30, show_progressbar=False, random_state=0).fit(data["X"], y)
        seconds = time.perf_counter() - begun
        survival = np.asarray(model.predict_survival_function(data["asked"], times=MONTHS))
    else:
        import xgboost

        signed = np.where(data["event"] > 0, data["duration"], -data["duration"])
        chosen = {"objective": "survival:cox", "eta": 0.05, "max_depth": 3, "nthread": 1, "min_child_weight": 5}
        booster = xgboost.train(chosen, xgboost.DMatrix(data["X"], signed), num_boost_round=150)
        seconds = time.perf_counter() - begun
        risk, asked = (booster.predict(xgboost.DMatrix(data[name])) for name in ("X", "asked"))
        base = [risk[data["duration"] >= t].sum() for t in MONTHS]  # Breslow's baseline
        gone = [((data["duration"] == t) & (data["event"] > 0)).sum() for t in MONTHS]
        survival = np.exp(-np.outer(asked, np.cumsum(np.array(gone) / np.array(base))))
    np.savez(Path(folder) / "told.npz", survival=survival, seconds=seconds)


def peer(name: str, python: str, shared: Path, repeats: int) -> tuple[np.ndarray, list[float]]:
    """Return the figures of each fold and the seconds of each fit of a peer in its own environment."""
    from custval.survival import survival_target

    X, tenure, left = ibm(shared)
    table, seconds = [], []
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        for fitted, asked in folds(shared, tenure, repeats):
            np.savez(
                Path(folder) / "fold.npz", X=X[fitted], duration=tenure[fitted], event=left[fitted], asked=X[asked]
            )
            subprocess.run([python, str(HERE), "--child", name, folder], check=True, env=env, capture_output=True)
            told = np.load(Path(folder) / "told.npz")
            seconds.append(float(told["seconds"]))
            y, y_asked = (survival_target(tenure[rows], left[rows]) for rows in (fitted, asked))
            table.append(judged(y, y_asked, told["survival"]))
    return np.array(table), seconds


def lower_bound(difference: np.ndarray) -> np.ndarray:
    """Return the lower 95 % bounds of mean differences by the corrected resampled t (Nadeau and Bengio 2003)."""
    from scipy.stats import t

    count = len(difference)
    spread = np.sqrt((1 / count + 1 / 4) * difference.var(axis=0, ddof=1))
    return difference.mean(axis=0) - t.ppf(0.95, count - 1) * spread


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", nargs=2)
    given = parser.parse_args()
    if given.child:
        peer_child(*given.child)
        return
    shared = shared_folder()
    found = {kind: ours(kind, shared, given.repeats) for kind in ("BoostedHazard", "CoxPH")}
    python = os.environ.get("CUSTVAL_PEERS_PYTHON")
    for name in ("SurvivalBoost", "survival:cox") if python else ():
        # SurvivalBoost takes so long that its folds are those of the first repeat
        found[name] = peer(name, str(python), shared, 1 if name == "SurvivalBoost" else given.repeats)
    table = []
    for side, (figures, seconds) in found.items():
        row: dict[str, object] = {"side": side} | {
            name: f"{mean:.4f}" for name, mean in zip(NAMES, figures.mean(axis=0), strict=True)
        }
        row |= {"folds": len(figures), "fit s": statistics.median(seconds), "lower bounds, ours less theirs": ""}
        if side not in {"BoostedHazard", "CoxPH"}:
            sign = np.array([1, 1, 1, 1, 1, 1, -1])
            bound = lower_bound((found["BoostedHazard"][0][: len(figures)] - figures) * sign)
            row["lower bounds, ours less theirs"] = ", ".join(f"{value:+.4f}" for value in bound)
        table.append(row)
        print(json.dumps(row), flush=True)
    sys.path.insert(0, str(HERE.parents[1]))
    from record import record

    best = f"AUC {BEST['AUC 6']} / {BEST['AUC 12']} / {BEST['AUC 24']} / {BEST['AUC 48']}"
    text = (
        f"IBM Telco, {5 * given.repeats} fixed folds, means; G by Kaplan-Meier on the rows fitted. Best published on "
        f"these folds: C {BEST['Harrell C']} (XGBoost survival:cox), {best} and integrated Brier {BEST_BRIER} "
        "(SurvivalBoost); lifelines Cox .8647, .8904 / .9042 / .9264 / .9530, .0826. Lower bounds: 95 %, corrected "
        "resampled t, sign turned so that above 0 is better; not worse means above -.005 (C, AUC) and -.001 (Brier)."
    )
    record("hazard: IBM Telco", table, script="benchmarks/hazard/ibm_telco.py", text=text, packages=["scikit-learn"])


if __name__ == "__main__":
    main()
