"""A monthly hazard with 20 columns from customer rows, against logistic regression on the expanded person-months.

The peers need a table of one row for each customer and month with 80 columns; they are measured at the largest number
of customers that they complete here, ours at that number and at a million. Each run is a fresh process; its table is
made before the clock starts, and counts in its memory.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

HERE = Path(__file__).resolve().parent
HEAD = f"""
import sys, time
sys.path.insert(0, {str(HERE)!r})
import numpy as np
from data import customers, person_months
X, duration, event = customers({{n}})
"""
OURS = """
from custval.survival import DiscreteHazard, survival_target
y = survival_target(duration, event)
start = time.perf_counter()
model = DiscreteHazard().fit(X, y)
print(time.perf_counter() - start, *model.coef_[:3])
"""
STATSMODELS = """
design, left = person_months(X, duration, event)
import statsmodels.api as sm
start = time.perf_counter()
fit = sm.GLM(left, design, family=sm.families.Binomial()).fit()
print(time.perf_counter() - start, *fit.params[60:63])
"""
SKLEARN = """
design, left = person_months(X, duration, event)
from sklearn.linear_model import LogisticRegression
start = time.perf_counter()
fit = LogisticRegression(C=1e9, fit_intercept=False, solver={solver!r}, tol=1e-6, max_iter=1000).fit(design, left)
print(time.perf_counter() - start, *fit.coef_[0, 60:63])
"""


def measured(code: str, n: int, *, repeats: int, python: str = sys.executable) -> tuple[float, float, list[float]]:
    """Return the median seconds of the fit, the peak memory of its process in MiB, and its first coefficients."""
    runs = [in_fresh_process(HEAD.format(n=n) + code, python=python, threads=2) for _ in range(repeats)]
    told = [[float(word) for word in printed.split()] for _, _, printed in runs]
    return statistics.median(run[0] for run in told), max(peak for _, peak, _ in runs), told[0][1:]


def main(peers_python: str = sys.executable, largest: int = 20_000) -> None:
    sides = {
        "custval": (OURS, sys.executable, 5),
        "statsmodels GLM": (STATSMODELS, peers_python, 3),
        "scikit-learn lbfgs": (SKLEARN.replace("{solver!r}", "'lbfgs'"), peers_python, 3),
        "scikit-learn newton-cholesky": (SKLEARN.replace("{solver!r}", "'newton-cholesky'"), peers_python, 3),
    }
    rows = []
    base: dict[int, tuple[float, float]] = {}
    for n in (largest // 4, largest):
        for name, (code, python, repeats) in sides.items():
            seconds, peak, coef = measured(code, n, repeats=repeats, python=python)
            base.setdefault(n, (seconds, peak))
            rows.append(
                {
                    "customers": f"{n:,}",
                    "fit": name,
                    "seconds": seconds,
                    "times ours": seconds / base[n][0],
                    "peak MiB": round(peak),
                    "times our memory": peak / base[n][1],
                    "first coefficient": f"{coef[0]:.5f}",
                }
            )
    seconds, peak, coef = measured(OURS, 1_000_000, repeats=3)
    rows.append(
        {
            "customers": "1,000,000",
            "fit": "custval",
            "seconds": seconds,
            "times ours": "",
            "peak MiB": round(peak),
            "times our memory": "",
            "first coefficient": f"{coef[0]:.5f}",
        }
    )
    empty = in_fresh_process("import numpy, custval.survival")[1]
    text = (
        "20 columns, 60 months, one level for each month: the same maximum of the same likelihood. The peers take the "
        "expanded table (80 columns), made before their clock starts. Peak memory is that of the whole process, the "
        f"interpreter with NumPy included ({empty:.0f} MiB): beyond it the ratio is larger still."
    )
    record(
        "Hazard: customer rows", rows, script="benchmarks/hazard/static_rows.py", text=text, packages=["scikit-learn"]
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
