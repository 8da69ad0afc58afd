"""Integrated Brier score against scikit-survival, each in a fresh process on the same customers and forecasts.

    python benchmarks/survival/brier.py --python <interpreter with custval and scikit-survival>

scikit-survival weighs departures at T by 1 / G(T) where theory has G(T-); the share by which its score differs for
that reason is shown. Only custval gives a standard error. Reading the numbers once (one sum over each array) stands
beside them, and the growth with the number of customers.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

DATA = """
import json, resource, time
import numpy as np
times = np.arange(1.0, 60.0)
def customers(n):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    leave, end = rng.exponential(60 * np.exp(-0.5 * x)), rng.exponential(40.0, n)
    duration, event = np.ceil(np.minimum(leave, end) + 1e-9), leave <= end
    duration[0], event[0] = 80.0, False
    y = np.empty(n, dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, duration
    return y, np.exp(-times / 60 * np.exp(0.5 * x)[:, None])
"""
SIDES = {
    "custval": """
from custval.metrics import integrated_brier_score
def work(y, survival):
    return integrated_brier_score((y["time"], y["event"]), survival, times).value
""",
    "scikit-survival": """
from sksurv.metrics import integrated_brier_score
def work(y, survival):
    return integrated_brier_score(y, y, survival, times)
""",
}
READING = "reading the numbers once"
SIDES[READING] = """
def work(y, survival):
    return y["time"].sum() + y["event"].sum() + survival.sum()
"""
TAIL = """
work(*customers(1000))
data = customers({n})
start = time.process_time()
found = work(*data)
seconds = time.process_time() - start
print(json.dumps([seconds, float(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def measured(python: str, n: int, repeats: int) -> list[dict[str, object]]:
    """Return a row for each side: the sides take turns, so that a busy moment of the machine meets both."""
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in SIDES}
    for _ in range(repeats):
        for name, found in runs.items():
            code = DATA + SIDES[name] + TAIL.format(n=n)
            found.append(json.loads(in_fresh_process(code, python=python)[2]))
    seconds = {name: statistics.median(run[0] for run in found) for name, found in runs.items()}
    rows = [
        {
            "customers x times": f"{n:,} x 59",
            "": name,
            "CPU seconds": seconds[name],
            "times custval": seconds[name] / seconds["custval"],
            "times reading once": seconds[name] / seconds[READING],
            "peak memory MiB": round(max(run[2] for run in found)),
            "score": "" if name == READING else f"{found[0][1]:.6f}",
        }
        for name, found in runs.items()
    ]
    for row in rows:
        print(row, flush=True)
    return rows


def growth(rows: list[dict[str, object]]) -> list[str]:
    """Return the exponent of each side between the two largest tables."""
    told = []
    for name in ("custval", "scikit-survival"):
        mine = [row for row in rows if row[""] == name][-2:]
        if len(mine) == 2:
            sizes = [float(str(row["customers x times"]).split()[0].replace(",", "")) for row in mine]
            ratio = float(str(mine[1]["CPU seconds"])) / float(str(mine[0]["CPU seconds"]))
            told.append(f"{name} {math.log(ratio) / math.log(sizes[1] / sizes[0]):.2f}")
    return told or ["not measured"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 400_000])
    chosen = parser.parse_args()
    rows = [row for n in chosen.sizes for row in measured(chosen.python, n, chosen.repeats)]
    text = (
        f"Integrated Brier score of monthly data: median CPU seconds of {chosen.repeats} fresh processes in turn. "
        "custval gives the standard error as well. The scores differ since scikit-survival takes G(T) for G(T-). "
        "Target at 100,000: twice scikit-survival. Growth with customers, exponent between the two largest tables: "
        f"{', '.join(growth(rows))}."
    )
    record("Survival: integrated Brier score", rows, script="benchmarks/survival/brier.py", text=text)


if __name__ == "__main__":
    main()
