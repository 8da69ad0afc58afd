"""Harrell's concordance against lifelines, scikit-survival and R, each in a fresh process on the same customers.

    python benchmarks/survival/concordance.py --python <interpreter with custval, lifelines and scikit-survival>

Only custval and R give a standard error. Reading the numbers once (one sum over each array) stands beside them, and the
growth with the number of customers. R is asked where ``Rscript`` with the package survival is found.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

DATA = """
import json, resource, time
import numpy as np
def customers(n):
    rng = np.random.default_rng(0)
    risk = rng.normal(size=n)
    leave, end = rng.exponential(20 * np.exp(-0.5 * risk)), rng.exponential(9.0, n)
    duration = np.minimum(leave, end) + 1e-9
    return np.ceil(duration) if {monthly} else duration, leave <= end, risk
"""
READING = "reading the numbers once"
SIDES = {
    "custval": """
from custval.metrics import concordance
def work(duration, event, risk):
    return concordance((duration, event), risk).value
""",
    "lifelines": """
from lifelines.utils import concordance_index
def work(duration, event, risk):
    return concordance_index(duration, -risk, event)
""",
    "scikit-survival": """
from sksurv.metrics import concordance_index_censored
def work(duration, event, risk):
    return concordance_index_censored(event, duration, risk)[0]
""",
}
SIDES[READING] = """
def work(duration, event, risk):
    return duration.sum() + event.sum() + risk.sum()
"""
TAIL = """
work(*customers(1000))
data = customers({n})
start = time.process_time()
found = work(*data)
seconds = time.process_time() - start
print(json.dumps([seconds, float(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
R_SIDE = """
library(survival)
data <- readBin("{file}", "double", 3 * {n})
d <- data[1:{n}]; e <- data[{n} + 1:{n}]; x <- data[2 * {n} + 1:{n}]
few <- 1:1000
warm <- concordance(Surv(d[few], e[few]) ~ x[few], reverse = TRUE)
seconds <- sum(system.time(fit <- concordance(Surv(d, e) ~ x, reverse = TRUE))[1:2])
peak <- as.numeric(sub("VmHWM:\\\\s+(\\\\d+) kB", "\\\\1", grep("VmHWM", readLines("/proc/self/status"), value = TRUE)))
cat(sprintf("[%.6f, %.15f, %.3f]", seconds, fit$concordance, peak / 1024))
"""


def one_run(name: str, python: str, file: Path, **case: object) -> tuple[float, float, float]:
    """Return CPU seconds, the concordance and the peak memory of one fresh process."""
    if name != "R survival":
        code = (DATA + SIDES[name] + TAIL).format(**case)
        seconds, value, peak = json.loads(in_fresh_process(code, python=python)[2])
        return seconds, value, peak
    write = DATA.format(**case) + f"np.concatenate([*customers({case['n']})]).tofile({str(file)!r})"
    in_fresh_process(write, python=python)
    code = R_SIDE.format(file=file, **case)
    said = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True).stdout
    seconds, value, peak = json.loads(said)
    return seconds, value, peak


def measured(python: str, n: int, peers: list[str], repeats: int, *, monthly: bool = False) -> list[dict[str, object]]:
    """Return a row for each side: the sides take turns, so that a busy moment of the machine meets them all."""
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ["custval", *peers, READING]}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            for name, found in runs.items():
                found.append(one_run(name, python, Path(folder) / "customers.bin", n=n, monthly=monthly))
    seconds = {name: statistics.median(run[0] for run in found) for name, found in runs.items()}
    rows = [
        {
            "customers": f"{n:,}",
            "times": "monthly" if monthly else "continuous",
            "": name,
            "CPU seconds": seconds[name],
            "times custval": seconds[name] / seconds["custval"],
            "times reading once": seconds[name] / seconds[READING],
            "peak memory MiB": round(max(run[2] for run in found)),
            "concordance": "" if name == READING else f"{found[0][1]:.9f}",
        }
        for name, found in runs.items()
    ]
    for row in rows:
        print(row, flush=True)
    return rows


def growth(rows: list[dict[str, object]]) -> list[str]:
    """Return the exponent of each side between the two largest tables, for both kinds of times."""
    told = []
    for times in ("continuous", "monthly"):
        for name in ("custval", "lifelines", "R survival"):
            mine = [row for row in rows if row["times"] == times and row[""] == name][-2:]
            if len(mine) == 2:
                (n, a), (m, b) = ((float(str(row["customers"]).replace(",", "")), row["CPU seconds"]) for row in mine)
                told.append(f"{name} on {times} times {math.log(float(str(b)) / float(str(a))) / math.log(m / n):.2f}")
    return told or ["not measured"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 100_000, 1_000_000])
    chosen = parser.parse_args()
    r = ["R survival"] if shutil.which("Rscript") else []
    rows = []
    for n in chosen.sizes:
        few = ["scikit-survival"] if n <= 20_000 else []
        for monthly in (False, True):
            rows += measured(chosen.python, n, ["lifelines", *few, *r], chosen.repeats, monthly=monthly)
    text = (
        f"Harrell's concordance, 32 % departures: median CPU seconds of {chosen.repeats} fresh processes in turn on "
        "the same customers. custval and R give the standard error in that time, the others none; scikit-survival is "
        "quadratic and asked for the smallest table only. Target at 1,000,000: 2.5 times lifelines, 1.5 times R. "
        f"Growth with customers, exponent between the two largest tables: {'; '.join(growth(rows))}."
    )
    record("Survival: concordance", rows, script="benchmarks/survival/concordance.py", text=text)


if __name__ == "__main__":
    main()
