"""Prepaid models against lifetimes: fits of BG/NBD, Pareto/NBD and gamma-gamma, and the price of an answer.

Both sides read the same customers from a file, each in a process of its own, in turn. lifetimes lives in an environment
of its own: ``python benchmarks/btyd/purchase_models.py /path/to/lifetimes/bin/python``.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import timeit
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from record import in_fresh_process, record

from custval.clv import BGNBD, GammaGamma, ParetoNBD, purchase_counts

BG = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
PARETO = ParetoNBD.from_params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
OURS = """
import sys, time, json
import numpy as np
import scipy.special
from custval.clv import {kind}
X = np.load({path!r})
start = time.perf_counter()
model = {kind}().fit({how})
print(json.dumps([time.perf_counter() - start, model.log_likelihood_]))
"""
THEIRS = """
import sys, time, json, warnings
warnings.filterwarnings("ignore")
import numpy as np
from lifetimes import {kind}
X = np.load({path!r})
start = time.perf_counter()
model = {kind}().fit(*X.T)
print(json.dumps([time.perf_counter() - start, float(-model._negative_log_likelihood_)]))
"""
KINDS = {"BGNBD": "BetaGeoFitter", "ParetoNBD": "ParetoNBDFitter", "GammaGamma": "GammaGammaFitter"}


def weekly(model, n: int, seed: int) -> np.ndarray:
    age = np.random.default_rng(seed).integers(20, 79, n).astype(float)
    base = model.simulate(age, random_state=seed)
    return np.column_stack([base["frequency"], np.ceil(base["recency"]), age])


def daily(n: int) -> np.ndarray:
    age = np.random.default_rng(3).integers(140, 550, n).astype(float)
    slow = BGNBD.from_params(r=0.243, alpha=4.414 * 7, a=0.793, b=2.426)
    base = slow.simulate(age, random_state=3)
    return np.column_stack([base["frequency"], np.ceil(base["recency"]), age])


def spend(n: int) -> np.ndarray:
    model = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    base = model.simulate(np.random.default_rng(0).integers(1, 20, n), random_state=1)
    return np.column_stack([base["frequency"], base["mean_spend"]])


def timed(code: str, python: str, runs: int) -> tuple[float, float, float]:
    """Return the median of the seconds that the fit took, the peak memory and the last log-likelihood."""
    times, peak, value = [], 0.0, 0.0
    for _ in range(runs):
        _, mb, printed = in_fresh_process(code, python=python, threads=1)
        seconds, value = json.loads(printed)
        times.append(seconds)
        peak = max(peak, mb)
    return statistics.median(times), peak, value


def compare(name: str, kind: str, X: np.ndarray, folder: Path, peer: str | None, runs: int) -> dict[str, object]:
    path = str(folder / "customers.npy")
    np.save(path, X)
    ours, mb, _ = timed(OURS.format(kind=kind, path=path, how="X"), sys.executable, 5)
    row: dict[str, object] = {"task": name, "custval s": ours, "custval MB": round(mb)}
    if peer and runs:
        theirs, their_mb, _ = timed(THEIRS.format(kind=KINDS[kind], path=path), peer, runs)
        row |= {"lifetimes s": theirs, "lifetimes MB": round(their_mb), "ratio": theirs / ours, "runs": f"5 / {runs}"}
    return row


def counts(folder: Path) -> dict[str, object]:
    """Fit a hundred million customers from their different rows."""
    age = np.random.default_rng(5).integers(8, 157, 3_000_000).astype(float)
    base = BG.simulate(age, random_state=5)
    table = purchase_counts(np.column_stack([base["frequency"], np.ceil(base["recency"]), age]))
    weight = table["customers"] * (1e8 / table["customers"].sum())
    np.save(folder / "table.npy", np.column_stack([*(table[c] for c in ("frequency", "recency", "age")), weight]))
    how = "X[:, :3], sample_weight=X[:, 3]"
    code = OURS.format(kind="BGNBD", path=str(folder / "table.npy"), how=how)
    ours, mb, _ = timed(code, sys.executable, 5)
    rows = f"BG/NBD, 100M customers as {len(weight):,} different rows"
    return {"task": rows, "custval s": ours, "custval MB": round(mb)}


def one_customer() -> list[dict[str, object]]:
    one = (2, 30.43, 38.86)
    asks = {
        "one customer: P(alive), BG/NBD (us)": lambda: BG.probability_alive(one),
        "one customer: expectation, BG/NBD (us)": lambda: BG.expected_purchases(one, 39.0),
        "one customer: P(alive), Pareto/NBD (us)": lambda: PARETO.probability_alive(one),
        "one customer: expectation, Pareto/NBD (us)": lambda: PARETO.expected_purchases(one, 39.0),
    }
    return [
        {"task": name, "custval s": statistics.median(timeit.repeat(ask, number=2000, repeat=5)) / 2000 * 1e6}
        for name, ask in asks.items()
    ]


def many() -> list[dict[str, object]]:
    X = np.tile(weekly(BG, 1_000_000, 1), (10, 1))
    asks = {
        "10M customers: P(alive), BG/NBD": lambda: BG.probability_alive(X),
        "10M customers: expectation, BG/NBD": lambda: BG.expected_purchases(X, 26.0),
        "10M customers: expectation, Pareto/NBD": lambda: PARETO.expected_purchases(X, 26.0),
    }
    return [{"task": n, "custval s": statistics.median(timeit.repeat(a, number=1, repeat=3))} for n, a in asks.items()]


COLUMNS = ("task", "custval s", "custval MB", "lifetimes s", "lifetimes MB", "ratio", "runs")


def main() -> None:
    peer = sys.argv[1] if len(sys.argv) > 1 else None
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stages = (
            lambda: [compare("BG/NBD, 1M weekly", "BGNBD", weekly(BG, 1_000_000, 1), folder, peer, runs)],
            lambda: [compare("gamma-gamma, 1M", "GammaGamma", spend(1_000_000), folder, peer, runs)],
            lambda: [compare("BG/NBD, 1M daily", "BGNBD", daily(1_000_000), folder, None, 0), counts(folder)],
            lambda: [*one_customer(), *many()],
            # a fit by lifetimes takes a minute
            lambda: [compare("Pareto/NBD, 100k weekly", "ParetoNBD", weekly(PARETO, 100_000, 2), folder, peer, 1)],
            lambda: [compare("Pareto/NBD, 1M weekly", "ParetoNBD", weekly(PARETO, 1_000_000, 2), folder, None, 0)],
        )
        for stage in stages:
            rows += stage()
            report(rows)


def report(rows: list[dict[str, object]]) -> None:
    record(
        "prepaid models",
        [{c: row.get(c, "") for c in COLUMNS} for row in rows],
        script="benchmarks/btyd/purchase_models.py",
        text=(
            "Fits in fresh processes, one thread, imports not counted, each side reading the same file: medians of "
            "the runs named (ours / theirs; a fit of Pareto/NBD by lifetimes takes too long to repeat). Memory is the "
            "peak of the whole process. Seconds of one customer are microseconds. pymc-marketing and CLVTools are not "
            "re-measured: 4.2 s for BG/NBD at 100k and 8 s for Pareto/NBD at 2,357 customers on the reference machine."
        ),
        extra="lifetimes 0.11.3",
    )


if __name__ == "__main__":
    main()
