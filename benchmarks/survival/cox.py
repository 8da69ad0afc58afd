"""Cox models with standard errors against lifelines and R's coxph, in turn, each in fresh processes.

Run: ``python benchmarks/survival/cox.py [--size 100000 1000000] [--repeats 5] [--sides custval lifelines R]``.
lifelines wants pandas < 3: CUSTVAL_LIFELINES_PYTHON names the interpreter that has it; R is called as Rscript.
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
TASKS = ("monthly", "continuous", "time-varying", "predict")
SCORED, COLUMNS = 10_000_000, (5, 20, 60)  # customers scored in blocks; columns over which growth is measured
LARGE = 200_000  # rows above which each side runs three times only, and lifelines not at all on continuous times
TARGETS = {"monthly": "10 lifelines, 5 R", "continuous": "10 lifelines, 6 R", "time-varying": "3.5 lifelines"}
WORK = {
    "monthly": "Efron, p = 20, whole months, with SE",
    "continuous": "Efron, p = 20, continuous, with SE",
    "time-varying": "Efron, p = 5, spells with entry, with SE",
    "predict": "S(t) at 60 months, p = 20",
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
    if task != "continuous":
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


def score_in_blocks(folder: str, n: int) -> None:
    """Score n customers block by block in this process and print seconds (columns not counted) and peak memory."""
    from custval.survival import CoxPH, survival_target

    data = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    model = CoxPH().fit(data["X"], survival_target(data["duration"], data["event"] > 0))
    rng, p, block = np.random.default_rng(1), data["X"].shape[1], 100_000
    seconds, left = 0.0, 0.0
    for start in range(0, n, block):
        X = rng.normal(size=(min(block, n - start), p))
        begun = time.perf_counter()
        left += float(model.predict_survival(X, np.arange(1, 61))[:, -1].sum())
        seconds += time.perf_counter() - begun
    print(json.dumps({"seconds": [seconds], "peak": peak_mib(), "coef": [left / n]}))


def child(side: str, task: str, folder: str, repeats: int) -> None:
    """Time one side in this process and print what was found."""
    if side == "blocks":
        score_in_blocks(folder, SCORED)
        return
    data = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    prepare = {"custval": custval_work, "lifelines": lifelines_work}[side]
    prepare(task, {name: values[:2000] for name, values in data.items()})[0]()  # imports are not what is measured
    work, coefficients = prepare(task, data)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(json.dumps({"seconds": times, "peak": peak_mib(), "coef": list(coefficients())}))


def peak_mib() -> float:
    """Return this process's own peak; getrusage would count the parent's before the start."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return float(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def run(side: str, task: str, folder: Path, repeats: int) -> dict:
    """Run one side in a fresh process, on one thread as the others are."""
    if side == "R":
        command = ["Rscript", str(HERE.with_suffix(".R")), task, str(folder), str(repeats)]
    else:
        python = os.environ.get("CUSTVAL_LIFELINES_PYTHON", sys.executable) if side == "lifelines" else sys.executable
        command = [python, str(HERE), "--child", side, task, str(folder), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().split("\n")[-1])


def measure(task: str, n: int, sides: list[str], repeats: int) -> list[dict[str, object]]:
    """Return a row for each side: median seconds, ratio to ours, peak memory, distance of the coefficients."""
    found: dict[str, list[dict]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        once = save(task, n, folder)
        rounds = (repeats + 1) // 2 if n <= LARGE else 1
        for _ in range(rounds):  # in turn, so that a busy moment hits all sides
            for side in sides:
                found[side].append(run(side, task, folder, 3 if n > LARGE else 2))
    seconds = {side: statistics.median([t for one in found[side] for t in one["seconds"]]) for side in sides}
    ours = found[sides[0]][0]["coef"]
    reading = {"work": WORK[task], "rows": f"{n:,}", "": "reading the columns once", "seconds": once}
    reading["times custval"] = once / seconds[sides[0]]
    return [
        {
            "work": WORK[task],
            "rows": f"{n:,}",
            "": side,
            "seconds": seconds[side],
            "times custval": seconds[side] / seconds[sides[0]],
            "at least": TARGETS.get(task, "3 lifelines") if side == "custval" else "",
            "peak MiB": f"{max(one['peak'] for one in found[side]):.0f}",
            "largest difference of coefficients": f"{np.abs(np.subtract(found[side][0]['coef'], ours)).max():.0e}",
        }
        for side in sides
    ] + [reading]


def save(task: str, n: int, folder: Path, p: int | None = None) -> float:
    """Write the data for all sides; return the seconds that one sum over the columns takes."""
    data = simulate(task, n, p)
    for field, values in data.items():
        np.save(folder / f"{field}.npy", values)
        values.T.astype("<f8").ravel().tofile(folder / f"{field}.bin")
    times = []
    for _ in range(5):
        start = time.perf_counter()
        data["X"].sum()
        times.append(time.perf_counter() - start)
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
        "seconds": found["seconds"][0],
        "times custval": 1.0,
        "at least": "under 1024 MiB",
        "peak MiB": f"{found['peak']:.0f}",
    }


def growth_in_columns(n: int, repeats: int) -> list[str]:
    """Return the exponent of p for both kinds of times, from our own fits of n rows."""
    told = []
    for task in ("monthly", "continuous"):
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
    ask.add_argument(
        "--sides", nargs="+", default=["custval", "lifelines", *(["R"] if shutil.which("Rscript") else [])]
    )
    ask.add_argument("--child", nargs=4)
    given = ask.parse_args()
    if given.child:
        side, task, folder, repeats = given.child
        child(side, task, folder, int(repeats))
        return
    sys.path.insert(0, str(HERE.parents[1]))
    from record import record

    rows: list[dict[str, object]] = []
    for task in given.tasks:
        for n in given.size if task != "predict" else given.size[:1]:
            skipped = {"R"} if task == "predict" else {"lifelines"} if task == "continuous" and n > LARGE else set()
            sides = [side for side in given.sides if side not in skipped]
            rows += measure(task, n, sides, given.repeats)
            print(*rows[-len(sides) - 1 :], sep="\n", flush=True)
    if "predict" in given.tasks:
        rows.append(in_blocks())
    columns = growth_in_columns(given.size[0], given.repeats)
    record(
        "Survival: Cox models",
        rows,
        script="benchmarks/survival/cox.py",
        text=f"Medians of {given.repeats} or more fits on the same rows (three above {LARGE:,} rows), sides in turn in "
        "fresh processes; peak memory of the whole process, data included. lifelines was not run on a million "
        f"continuous times. Growth with n, exponent: {'; '.join(growth(rows))}. Growth with p at "
        f"{given.size[0]:,} rows (p = {', '.join(map(str, COLUMNS))}), exponent: {'; '.join(columns)}.",
        packages=("lifelines",),
    )


def growth(rows: list[dict[str, object]]) -> list[str]:
    """Return the exponent of n for each work of ours that was measured at two sizes."""
    told = []
    for task in TASKS:
        mine = [row for row in rows if row["work"] == WORK[task] and row[""] == "custval"]
        if len(mine) > 1:
            sizes = np.log([float(str(row["rows"]).replace(",", "")) for row in mine])
            slope = np.polyfit(sizes, np.log([float(str(row["seconds"])) for row in mine]), 1)[0]
            told.append(f"{task} {slope:.2f}")
    return told or ["not measured"]


if __name__ == "__main__":
    main()
