"""Cox models with standard errors against lifelines, skglm, scikit-survival and R's coxph, in turn, in fresh processes.

Run: ``python benchmarks/survival/cox.py [--size 100000 1000000] [--repeats 5] [--sides custval lifelines R]``.
lifelines wants pandas < 3: CUSTVAL_LIFELINES_PYTHON names the interpreter that has it, CUSTVAL_SKSURV_PYTHON and
CUSTVAL_SKGLM_PYTHON those with scikit-survival and skglm (sides that are not named are left out); R is Rscript.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
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
TASKS = ("monthly", "continuous", "continuous-entry", "time-varying", "predict")
SCORED, COLUMNS = 10_000_000, (5, 20, 60)  # customers scored in blocks; columns over which growth is measured
LARGE = 200_000  # rows above which peers run three times only, and those of SLOW once
TARGETS = {
    "monthly": "10 lifelines, 5 the fastest peer",
    "continuous": "6 R",
    "time-varying": "3.5 lifelines",
    "predict": "3 lifelines",
}
WORK = {
    "monthly": "Efron, p = 20, whole months",
    "continuous": "Efron, p = 20, continuous",
    "continuous-entry": "Efron, p = 20, continuous, late entry",
    "time-varying": "Efron, p = 5, spells with entry",
    "predict": "S(t) at 60 months, p = 20",
}
PEERS = {
    "monthly": ("lifelines", "skglm", "scikit-survival", "R"),
    "continuous": ("lifelines", "skglm", "scikit-survival", "R"),
    "continuous-entry": ("R",),
    "time-varying": ("lifelines", "R"),
    "predict": ("lifelines",),
}
SLOW = {("monthly", "scikit-survival"), ("continuous", "scikit-survival"), ("continuous", "lifelines")}
NO_ERRORS = ("skglm", "scikit-survival")  # peers that give no standard errors
INTERPRETERS = {
    "lifelines": "CUSTVAL_LIFELINES_PYTHON",
    "skglm": "CUSTVAL_SKGLM_PYTHON",
    "scikit-survival": "CUSTVAL_SKSURV_PYTHON",
}


def simulate(task: str, n: int, p: int | None = None) -> dict[str, np.ndarray]:
    """Return columns, entry, duration and event: some 69 % censored; time-varying rows are spells of at most a year."""
    rng = np.random.default_rng(0)
    p = (5 if task == "time-varying" else 20) if p is None else p
    X = rng.normal(size=(n, p))
    rate = 0.012 * np.exp(X @ (rng.normal(size=p) * 0.2 * min(1.0, (20 / p) ** 0.5)))
    time_left, watched = rng.exponential(1 / rate), rng.uniform(0, 60, n)
    duration = np.minimum(time_left, watched)
    event = time_left <= watched
    entry = np.zeros(n)
    if task == "time-varying":  # each row is one spell of a customer: from its start to at most twelve months on
        entry = np.floor(rng.uniform(0, 48, n))
        event = duration <= 12
        duration = entry + np.minimum(duration, 12)
    if task == "continuous-entry":  # half of the customers were there before the records start
        entry = duration * np.maximum(rng.uniform(-1, 1, n), 0.0)
    if not task.startswith("continuous"):
        duration = np.ceil(duration)
    return {"X": X, "entry": entry, "duration": duration, "event": event.astype(np.float64)}


def custval_work(task: str, data: dict[str, np.ndarray]) -> tuple[Callable[[], object], Callable[[], np.ndarray]]:
    from custval.survival import CoxPH, survival_target

    y = survival_target(data["duration"], data["event"] > 0, entry=data["entry"])
    model = CoxPH()
    fit = lambda: model.fit(data["X"], y)  # noqa: E731
    if task == "predict":
        fit()
        return lambda: model.predict_survival(data["X"], np.arange(1, 61)), lambda: model.coef_
    return fit, lambda: model.coef_


def lifelines_work(task: str, data: dict[str, np.ndarray]) -> tuple[Callable[[], object], Callable[[], np.ndarray]]:
    import pandas as pd
    from lifelines import CoxPHFitter, CoxTimeVaryingFitter

    frame = pd.DataFrame(data["X"], columns=[f"x{j}" for j in range(data["X"].shape[1])])
    frame["duration"], frame["event"] = data["duration"], data["event"]
    if task == "time-varying":
        frame["entry"], frame["id"] = data["entry"], np.arange(len(frame))
        model = CoxTimeVaryingFitter()
        names = {"id_col": "id", "event_col": "event", "start_col": "entry", "stop_col": "duration"}
        return lambda: model.fit(frame, **names), lambda: np.asarray(model.params_)
    model = CoxPHFitter()
    fit = lambda: model.fit(frame, "duration", "event")  # noqa: E731
    if task == "predict":
        fit()
        rows = frame.drop(columns=["duration", "event"])
        return lambda: model.predict_survival_function(rows, times=np.arange(1, 61)), lambda: np.asarray(model.params_)
    return fit, lambda: np.asarray(model.params_)


def skglm_work(_: str, data: dict[str, np.ndarray]) -> tuple[Callable[[], object], Callable[[], np.ndarray]]:
    from skglm.estimators import CoxEstimator

    y = np.column_stack([data["duration"], data["event"]])
    # no penalty to speak of; at its own tolerance of 1e-4 a million rows leave errors of 2e-4
    model = CoxEstimator(alpha=1e-15, l1_ratio=0.0, method="efron", tol=1e-6)
    return lambda: model.fit(data["X"], y), lambda: np.asarray(model.coef_)


def sksurv_work(_: str, data: dict[str, np.ndarray]) -> tuple[Callable[[], object], Callable[[], np.ndarray]]:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    y = Surv.from_arrays(data["event"] > 0, data["duration"])
    model = CoxPHSurvivalAnalysis(ties="efron")
    return lambda: model.fit(data["X"], y), lambda: np.asarray(model.coef_)


def score_in_blocks(folder: str, n: int) -> None:
    """Score n customers block by block in this process and print seconds (columns not counted) and peak memory."""
    from custval.survival import CoxPH, survival_target

    data = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    model = CoxPH().fit(data["X"], survival_target(data["duration"], data["event"] > 0))
    rng, p, block = np.random.default_rng(1), data["X"].shape[1], 100_000
    seconds, reading, left = 0.0, 0.0, 0.0
    for start in range(0, n, block):
        X = rng.normal(size=(min(block, n - start), p))
        begun = time.process_time()
        left += float(model.predict_survival(X, np.arange(1, 61))[:, -1].sum())
        seconds += time.process_time() - begun
        begun = time.process_time()
        X.sum()
        reading += time.process_time() - begun
    print(json.dumps({"seconds": [seconds], "reading": reading, "peak": peak_mib(), "coef": [left / n]}))


def child(side: str, task: str, folder: str, repeats: int) -> None:
    """Time one side in this process and print what was found."""
    if side == "blocks":
        score_in_blocks(folder, SCORED)
        return
    data = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    makers = {"lifelines": lifelines_work, "skglm": skglm_work, "scikit-survival": sksurv_work}
    prepare = makers.get(side, custval_work)
    prepare(task, {name: values[:2000] for name, values in data.items()})[0]()  # imports are not what is measured
    work, coefficients = prepare(task, data)
    times = []
    warm = len(data["X"]) <= LARGE or side == "custval"
    for _ in range(repeats + warm):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    times = times[warm:]
    print(json.dumps({"seconds": times, "peak": peak_mib(), "coef": list(coefficients())}))


def peak_mib() -> float:
    """Return this process's own peak; getrusage would count the parent's before the start."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return float(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def run(side: str, task: str, folder: Path, repeats: int) -> dict:
    """Run one side in a fresh process, each on one thread."""
    if side == "R":
        command = ["Rscript", str(HERE.with_suffix(".R")), task, str(folder), str(repeats)]
    else:
        python = os.environ.get(INTERPRETERS.get(side, ""), sys.executable)
        command = [python, str(HERE), "--child", side, task, str(folder), str(repeats)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **one})
    return json.loads(done.stdout.strip().split("\n")[-1])


def measure(task: str, n: int, sides: list[str], repeats: int) -> list[dict[str, object]]:
    """Return a row for each side: median seconds, ratio to ours, peak memory, distance of the coefficients."""
    found: dict[str, list[dict]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        once = save(task, n, folder)
        for turn in range(2 if n > LARGE else (repeats + 1) // 2):  # in turn, so that a busy moment hits all sides
            for side in sides:
                if n <= LARGE or side == "custval":
                    found[side].append(run(side, task, folder, (repeats + 1) // 2))
                elif not turn:  # seconds each: the first counts for little and is not run twice
                    found[side].append(run(side, task, folder, 1 if (task, side) in SLOW else 3))
    seconds = {side: statistics.median([t for one in found[side] for t in one["seconds"]]) for side in sides}
    ours, coef = seconds[sides[0]], found[sides[0]][0]["coef"]
    rows: list[dict[str, object]] = [
        {
            "work": WORK[task],
            "rows": f"{n:,}",
            "": side + (" (no SE)" if side in NO_ERRORS else ""),
            "CPU seconds": seconds[side],
            "times custval": seconds[side] / ours,
            "times reading once": seconds[side] / once,
            "at least": TARGETS.get(task, "") if side == "custval" else "",
            "peak MiB": f"{max(one['peak'] for one in found[side]):.0f}",
            "largest difference of coefficients": f"{np.abs(np.subtract(found[side][0]['coef'], coef)).max():.0e}",
        }
        for side in sides
    ]
    reading = {"work": WORK[task], "rows": f"{n:,}", "": "reading the columns once", "CPU seconds": once}
    return [*rows, {**reading, "times custval": once / ours, "times reading once": 1.0}]


def save(task: str, n: int, folder: Path, p: int | None = None) -> float:
    """Write the data for all sides; return the seconds that one sum over the columns takes."""
    data = simulate(task, n, p)
    for field, values in data.items():
        np.save(folder / f"{field}.npy", values)
        values.T.astype("<f8").ravel().tofile(folder / f"{field}.bin")
    times = []
    for _ in range(5):
        start = time.process_time()
        data["X"].sum()
        times.append(time.process_time() - start)
    return statistics.median(times)


def in_blocks() -> dict[str, object]:
    """Return the row of scoring many customers in blocks."""
    with tempfile.TemporaryDirectory() as name:
        save("monthly", 100_000, Path(name))
        found = run("blocks", "monthly", Path(name), 1)
    return {
        "work": "S(t) at 60 months, p = 20, in blocks of 100,000",
        "rows": f"{SCORED:,}",
        "": "custval",
        "CPU seconds": found["seconds"][0],
        "times custval": 1.0,
        "times reading once": found["seconds"][0] / found["reading"],
        "at least": "under 1024 MiB",
        "peak MiB": f"{found['peak']:.0f}",
    }


def growth_in_columns(tasks: list[str], n: int, repeats: int) -> list[str]:
    """Return the exponent of p for each work, from our own runs on n rows."""
    told = []
    for task in tasks:
        seconds = []
        for p in COLUMNS:
            with tempfile.TemporaryDirectory() as name:
                save(task, n, Path(name), p)
                seconds.append(statistics.median(run("custval", task, Path(name), repeats)["seconds"]))
        slope = np.polyfit(np.log(COLUMNS), np.log(seconds), 1)[0]
        told.append(f"{task} {slope:.2f} ({', '.join(f'{s:.3g} s' for s in seconds)})")
    return told


def main() -> None:
    """Measure and write the section of RESULTS.md."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--size", type=int, nargs="+", default=[100_000, 1_000_000])
    ask.add_argument("--repeats", type=int, default=5)
    ask.add_argument("--tasks", nargs="+", default=list(TASKS))
    here = [side for side, name in INTERPRETERS.items() if name in os.environ]
    ask.add_argument("--sides", nargs="+", default=["custval", *here, *(["R"] if shutil.which("Rscript") else [])])
    ask.add_argument("--child", nargs=4)
    given = ask.parse_args()
    if given.child:
        side, task, folder, repeats = given.child
        child(side, task, folder, int(repeats))
        return
    rows: list[dict[str, object]] = []
    for task in given.tasks:
        for n in given.size if task != "predict" else given.size[:1]:
            sides = [side for side in given.sides if side == "custval" or side in PEERS[task]]
            rows += measure(task, n, sides, given.repeats)
            print(*rows[-len(sides) - 1 :], sep="\n", flush=True)
    if "predict" in given.tasks:
        rows.append(in_blocks())
    write(rows, growth_in_columns(given.tasks, given.size[0], given.repeats), given.size[0], given.repeats)


def write(rows: list[dict[str, object]], columns: list[str], size: int, repeats: int) -> None:
    """Write the section of RESULTS.md; `columns` tells the growth with p at `size` rows."""
    sys.path.insert(0, str(HERE.parents[1]))
    from record import record

    record(
        "Survival: Cox models",
        rows,
        script="benchmarks/survival/cox.py",
        text=f"Median CPU seconds of {repeats} or more fits on the same rows, with standard errors where nothing "
        "else is said, each side on one thread, sides in turn in fresh processes after a fit to warm up (above "
        f"{LARGE:,} rows peers three times without one, scikit-survival and on continuous times lifelines once); peak "
        "memory of the whole process, data included. *Reading once* is one sum over the columns. Growth with n, "
        f"exponent: {'; '.join(growth(rows))}. Growth with p at {size:,} rows (p = {', '.join(map(str, COLUMNS))}), "
        f"exponent: {'; '.join(columns)}.",
        packages=("lifelines",),
    )


def growth(rows: list[dict[str, object]]) -> list[str]:
    """Return the exponent of n for each work of ours that was measured at two sizes."""
    told = []
    for task in TASKS:
        mine = [row for row in rows if str(row["work"]).startswith(f"{WORK[task]}") and row[""] == "custval"]
        mine = mine if task != "continuous" else [row for row in mine if row["work"] == WORK[task]]
        if len(mine) > 1:
            sizes = np.log([float(str(row["rows"]).replace(",", "")) for row in mine])
            slope = np.polyfit(sizes, np.log([float(str(row["CPU seconds"])) for row in mine]), 1)[0]
            told.append(f"{task} {slope:.2f}")
    return told or ["not measured"]


if __name__ == "__main__":
    main()
