"""Fine-Gray models with standard errors against comprisk and R's crr, in turn, each in fresh processes.

Run: ``python benchmarks/hazard/fine_gray.py [--repeats 5] [--quick]``.
comprisk: CUSTVAL_COMPRISK_PYTHON names the interpreter that has it; R (with cmprsk) is called as Rscript.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve()
SIZES = (3_000, 10_000, 100_000, 1_000_000)
CRR = 3_000


def simulate(n: int, months: bool) -> dict[str, np.ndarray]:
    """Return 20 columns, times and causes: a third each leaves for the cause, for another, or stays."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 20))
    own = rng.exponential(30 * np.exp(-X @ np.linspace(-0.3, 0.3, 20)))
    other = rng.exponential(40 * np.exp(-0.3 * X[:, 0]))
    end = rng.uniform(2, 60, n)
    first = np.minimum(np.minimum(own, other), end)
    cause = np.where(first == end, 0, np.where(first == own, 1, 2)).astype(np.float64)
    return {"X": X, "time": np.ceil(first) if months else first, "cause": cause}


def prepare(side: str, data: dict[str, np.ndarray]) -> tuple[Callable[[], object], Callable[[], list[float]]]:
    """Return the work to time, and the coefficients and standard errors it found."""
    if side == "custval":
        from custval.survival import FineGray, survival_target

        y = survival_target(data["time"], data["cause"].astype(int))
        ours = FineGray()
        return lambda: ours.fit(data["X"], y), lambda: [*ours.coef_, *ours.std_error_]
    from comprisk import FineGrayRegression

    theirs = FineGrayRegression(robust_se=True)
    fit = lambda: theirs.fit(data["X"], time=data["time"], event=data["cause"].astype(int))  # noqa: E731
    return fit, lambda: [*theirs.coef_, *theirs.se_]


def child(side: str, folder: str, repeats: int) -> None:
    """Time one side in this process."""
    data = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    prepare(side, {name: values[:2000] for name, values in data.items()})[0]()  # imports are not what is measured
    work, found = prepare(side, data)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    status = Path("/proc/self/status").read_text().splitlines()
    peak = float(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps({"seconds": times, "peak": peak, "found": [float(value) for value in found()]}))


R_CODE = """
suppressMessages(library(cmprsk)); given <- commandArgs(trailingOnly = TRUE)
read <- function(name) { path <- file.path(given[1], name); readBin(path, "double", n = file.size(path) / 8) }
time <- read("time.bin"); cause <- read("cause.bin"); X <- matrix(read("X.bin"), nrow = length(time))
seconds <- system.time(fit <- crr(time, cause, X, failcode = 1, cencode = 0))[["elapsed"]]
cat(sprintf('{"seconds": [%f], "peak": 0, "found": [%s]}\\n', seconds,
  paste(formatC(c(fit$coef, sqrt(diag(fit$var))), digits = 15), collapse = ", ")))
"""


def run(side: str, folder: Path, repeats: int) -> dict:
    """Run one side in a fresh process on one thread."""
    env = dict(os.environ) | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    if side == "R crr":
        command = ["Rscript", "-e", R_CODE, str(folder)]
    else:
        python = os.environ["CUSTVAL_COMPRISK_PYTHON"] if side == "comprisk" else sys.executable
        command = [python, str(HERE), "--child", side, str(folder), str(repeats)]
        if side == "comprisk":
            env.pop("PYTHONPATH", None)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return json.loads(done.stdout.strip().split("\n")[-1])


def measure(n: int, months: bool, sides: list[str], repeats: int) -> list[dict[str, object]]:
    """Return a row for each side."""
    found: dict[str, list[dict]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name:
        for key, values in simulate(n, months).items():
            np.save(Path(name) / f"{key}.npy", values)
            values.T.tofile(Path(name) / f"{key}.bin")
        for _ in range(2 if n <= 10_000 else 1):  # in turn, so that a busy moment hits all sides
            for side in sides:
                found[side].append(run(side, Path(name), max(repeats // 2 + 1, 3)))
    seconds = {side: statistics.median([t for one in runs for t in one["seconds"]]) for side, runs in found.items()}
    ours = np.array(found["custval"][0]["found"])
    return [
        {
            "times": "months" if months else "exact",
            "n": f"{n:,}",
            "side": side,
            "seconds": seconds[side],
            "ratio to ours": seconds[side] / seconds["custval"],
            "peak MiB": round(max(one["peak"] for one in found[side])) or "",
            "largest difference of coef, SE": float(np.abs(np.array(found[side][0]["found"]) - ours).max()),
        }
        for side in sides
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="only up to 100,000 rows, nothing recorded")
    parser.add_argument("--child", nargs=3)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], given.child[1], int(given.child[2]))
        return
    peers = ["comprisk"] if "CUSTVAL_COMPRISK_PYTHON" in os.environ else []
    table = []
    for n in SIZES[:3] if given.quick else SIZES:
        for months in (True, False):
            sides = ["custval"] + (peers if n <= 100_000 else [])
            sides += ["R crr"] if n == CRR and not months and shutil.which("Rscript") else []
            table += measure(n, months, sides, given.repeats)
            for row in table[-len(sides) :]:
                print(row, flush=True)
    if given.quick:
        return
    sys.path.insert(0, str(HERE.parents[1]))
    from record import record

    ours = [row for row in table if row["side"] == "custval" and row["times"] == "exact"]
    size = np.log([int(str(row["n"]).replace(",", "")) for row in ours])
    growth = float(np.polyfit(size, np.log([row["seconds"] for row in ours]), 1)[0])
    text = (
        "Subdistribution hazard of one of two causes, p = 20, with the robust errors of cmprsk (and of comprisk's "
        f"`robust_se=True`); one thread each. Ours grows with n to the power {growth:.2f} (exact times, "
        f"{SIZES[0]:,} to {SIZES[-1]:,} rows). Targets: at least as fast as comprisk at 100,000; 50 times R's crr."
    )
    record("hazard: Fine-Gray", table, script="benchmarks/hazard/fine_gray.py", text=text)


if __name__ == "__main__":
    main()
