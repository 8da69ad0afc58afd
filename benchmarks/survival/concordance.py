"""Harrell's concordance against lifelines, scikit-survival and R, each in a fresh process on the same customers.

    python benchmarks/survival/concordance.py --python <interpreter with custval, lifelines and scikit-survival>

Only custval and R give a standard error. R is asked where ``Rscript`` with the package survival is found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

DATA = """
import json, resource, statistics, time
import numpy as np
rng = np.random.default_rng(0)
n = {n}
risk = rng.normal(size=n)
leave, end = rng.exponential(20 * np.exp(-0.5 * risk)), rng.exponential(9.0, n)
duration, event = np.minimum(leave, end) + 1e-9, leave <= end
if {monthly}:
    duration = np.ceil(duration)
def timed(work, repeats):
    found = work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), found
"""
SIDES = {
    "custval": """
from custval.metrics import concordance
seconds, found = timed(lambda: concordance((duration, event), risk).value, {repeats})
""",
    "lifelines": """
from lifelines.utils import concordance_index
seconds, found = timed(lambda: concordance_index(duration, -risk, event), {repeats})
""",
    "scikit-survival": """
from sksurv.metrics import concordance_index_censored
seconds, found = timed(lambda: concordance_index_censored(event, duration, risk)[0], {repeats})
""",
}
TAIL = """
print(json.dumps([seconds, float(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
R_SIDE = """
library(survival)
data <- readBin("{file}", "double", 3 * {n})
d <- data[1:{n}]; e <- data[{n} + 1:{n}]; x <- data[2 * {n} + 1:{n}]
fit <- function() concordance(Surv(d, e) ~ x, reverse = TRUE)
found <- fit()$concordance
times <- sapply(1:{repeats}, function(i) system.time(fit())[["elapsed"]])
cat(sprintf("[%.6f, %.15f, null]", median(times), found))
"""


def python_side(name: str, python: str, **case: object) -> tuple[float, float, float | None]:
    code = (DATA + SIDES[name] + TAIL).format(**case)
    seconds, value, peak = json.loads(in_fresh_process(code, python=python)[2])
    return seconds, value, peak


def r_side(python: str, **case: object) -> tuple[float, float, float | None]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "customers.bin"
        write = DATA.format(**case) + f"np.concatenate([duration, event, risk]).tofile({str(file)!r})"
        in_fresh_process(write, python=python)
        code = R_SIDE.format(file=file, **case)
        said = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True).stdout
        seconds, value, peak = json.loads(said)
    return seconds, value, peak


def measured(python: str, n: int, peers: list[str], repeats: int, *, monthly: bool = False) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    ours = 0.0
    for name in ["custval", *peers]:
        case = {"n": n, "monthly": monthly, "repeats": repeats}
        seconds, value, peak = r_side(python, **case) if name == "R survival" else python_side(name, python, **case)
        ours = ours or seconds
        rows.append(
            {
                "customers": f"{n:,}",
                "times": "monthly" if monthly else "continuous",
                "": name,
                "seconds": round(seconds, 4),
                "times custval": round(seconds / ours, 2),
                "peak memory MiB": "" if peak is None else round(peak),
                "concordance": f"{value:.9f}",
            }
        )
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    r = ["R survival"] if shutil.which("Rscript") else []
    rows = measured(chosen.python, 20_000, ["lifelines", "scikit-survival", *r], chosen.repeats)
    rows += measured(chosen.python, 100_000, ["lifelines", *r], chosen.repeats)
    rows += measured(chosen.python, 1_000_000, ["lifelines", *r], chosen.repeats, monthly=True)
    rows += measured(chosen.python, 1_000_000, ["lifelines", *r], chosen.repeats)
    text = (
        f"Harrell's concordance, 32 % departures, medians of {chosen.repeats} in fresh processes on the same "
        "customers. custval and R give the standard error in that time, the others none; scikit-survival is quadratic "
        "and asked for the smallest table only. Target at 1,000,000: 2.5 times lifelines, 1.5 times R."
    )
    record("Survival: concordance", rows, script="benchmarks/survival/concordance.py", text=text)


if __name__ == "__main__":
    main()
