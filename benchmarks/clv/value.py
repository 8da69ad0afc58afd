"""Value of a base against the least work it could be: one pass over the survival matrix, one exp and product from X.

    python benchmarks/clv/value.py

No peer values a base from a hazard, so the yardstick is plain NumPy doing the least that any library must do, on the
same data in the same process, in turn. One customer is asked of a model loaded from its JSON artefact.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

from custval.artifact import load, save
from custval.clv import bootstrap_value, discounted_value, lifetime_value
from custval.survival import DiscreteHazard, survival_target

MONTHS = 60
LARGE = """
import time
import numpy as np
from custval.artifact import load
from custval.clv import score
model, rng = load({path!r}), np.random.default_rng(0)
start = time.perf_counter()
score(
    model, (rng.normal(size=(100_000, 5)) for _ in range({chunks})), margin=30.0, horizon=36, monthly_discount=0.01,
    out={out!r},
)
print(time.perf_counter() - start)
"""


def medians(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each side, run in turn."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for lap in range(repeats + 1):
        for name, work in sides.items():
            start = time.perf_counter()
            work()
            if lap:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def one_customer(work: Callable[[], object], times: int = 3000) -> tuple[float, float]:
    """Return median and 99th percentile of one call in microseconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(1e6 * (time.perf_counter() - start))
    return statistics.median(found), float(np.quantile(found, 0.99))


def fitted(columns: int) -> DiscreteHazard:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20_000, columns))
    life = rng.geometric(1.0 / (1.0 + np.exp(3.5 - 0.3 * X[:, 0])))
    model = DiscreteHazard(baseline="free", tail="hold").fit(X, survival_target(np.minimum(life, 60), life <= 60))
    model.covariance_ = None  # the yardstick has no errors either
    return model


def least_from_columns(X: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """One exp, one product and one sum for each customer and month, block by block."""
    level, score, found = np.linspace(-4.0, -3.0, MONTHS), X @ np.full(X.shape[1], 0.1), np.empty(len(X))
    weight = 1.01 ** -np.arange(1.0, MONTHS + 1)
    for start in range(0, len(X), 16_384):
        rows = slice(start, start + 16_384)
        kept = np.cumprod(1.0 / (1.0 + np.exp(level + score[rows, None])), axis=1)
        found[rows] = kept @ weight
    return found * margin


def rows_of_matrix(n: int, repeats: int) -> dict[str, object]:
    rng = np.random.default_rng(0)
    curve, margin = np.cumprod(rng.uniform(0.95, 1.0, (n, MONTHS)), axis=1), rng.uniform(10, 50, n)
    weight = 1.01 ** -np.arange(1.0, MONTHS + 1)
    found = medians(
        {
            "least": lambda: (curve * weight).sum(axis=1) * margin,
            "ours": lambda: discounted_value(curve, margin, monthly_discount=0.01),
            "read": curve.sum,
        },
        repeats,
    )
    return {
        "work": f"from the survival matrix, {n:,} x {MONTHS}",
        "custval s": found["ours"],
        "least work s": found["least"],
        "ratio": f"{found['ours'] / found['least']:.2f} (at most 3)",
        "x reading once": f"{found['ours'] / found['read']:.1f}",
    }


def rows_from_columns(n: int, repeats: int) -> dict[str, object]:
    rng = np.random.default_rng(0)
    X, margin, model = rng.normal(size=(n, 20)), rng.uniform(10, 50, n), fitted(20)
    terms = {"horizon": MONTHS, "monthly_discount": 0.01}
    found = medians(
        {
            "least": lambda: least_from_columns(X, margin),
            "ours": lambda: lifetime_value(model, X, margin=margin, **terms),
            "read": X.sum,
        },
        repeats,
    )
    return {
        "work": f"from 20 columns, {n:,} x {MONTHS}",
        "custval s": found["ours"],
        "least work s": found["least"],
        "ratio": f"{found['ours'] / found['least']:.2f} (at most 2)",
        "x reading once": f"{found['ours'] / found['read']:.1f}",
    }


def rows_of_one(folder: Path) -> list[dict[str, object]]:
    save(fitted(20), folder / "model.json")
    model = load(folder / "model.json")
    rng = np.random.default_rng(2)
    curve, X = np.cumprod(rng.uniform(0.95, 1.0, (1, MONTHS)), axis=1), rng.normal(size=(1, 20))
    pure = one_customer(lambda: discounted_value(curve, 30.0, monthly_discount=0.01))
    asked = one_customer(lambda: lifetime_value(model, X, margin=30.0, horizon=MONTHS, monthly_discount=0.01))
    return [
        {"work": "one customer, pure", "custval s": pure[0] / 1e6, "ratio": f"median {pure[0]:.0f} us (at most 20)"},
        {
            "work": "one customer, estimator",
            "custval s": asked[0] / 1e6,
            "ratio": f"median {asked[0]:.0f} us, 99th percentile {asked[1]:.0f} us (at most 150)",
        },
    ]


def row_of_bootstrap(n: int) -> dict[str, object]:
    rng = np.random.default_rng(3)
    cells = rng.integers(0, 20, n)
    life, watched = rng.geometric(0.02 + 0.001 * cells), rng.integers(1, MONTHS + 1, n)
    y, margin = survival_target(np.minimum(life, watched), life <= watched), rng.uniform(10, 50, n)
    keys, first, count = np.unique(
        (cells * 61 + y["duration"].astype(int)) * 2 + y["event"], return_index=True, return_counts=True
    )
    start = time.perf_counter()
    bootstrap_value(
        y[first],
        cells[first],
        margin=margin[first],
        horizon=36,
        monthly_discount=0.01,
        draws=1000,
        random_state=0,
        sample_weight=count.astype(float),
    )
    counted = time.perf_counter() - start
    start = time.perf_counter()
    bootstrap_value(y, cells, margin=margin, horizon=36, monthly_discount=0.01, draws=1000, random_state=0)
    whole = time.perf_counter() - start
    return {
        "work": f"Bayesian bootstrap, 1,000 draws, {n:,} customers, 20 cells ({len(keys):,} distinct rows)",
        "custval s": counted,
        "ratio": f"from counts {counted:.1f} s (at most 5); from customers {whole:.1f} s",
    }


def row_of_blocks(folder: Path, n: int) -> dict[str, object]:
    save(fitted(5), folder / "five.json")
    code = LARGE.format(path=str(folder / "five.json"), chunks=n // 100_000, out=str(folder / "value.parquet"))
    _, peak, said = in_fresh_process(code)
    return {
        "work": f"score to Parquet, {n:,} customers x 36 months in chunks, drawing of the columns included",
        "custval s": float(said.splitlines()[-1]),
        "ratio": f"peak {peak:,.0f} MiB (below 1,024)",
    }


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--repeats", type=int, default=5)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # first: a process begins with the peak memory of the one that starts it
        blocks = row_of_blocks(Path(folder), 10 * given.customers)
        rows = [rows_of_matrix(given.customers, given.repeats), rows_from_columns(given.customers, given.repeats)]
        rows += rows_of_one(Path(folder))
        rows += [row_of_bootstrap(given.customers), blocks]
    record(
        "clv: lifetime value",
        rows,
        script="benchmarks/clv/value.py",
        text="Least work: for the matrix `(S * weight).sum(axis=1)`; from columns one `exp`, one `cumprod` and one"
        " product with the discount, in blocks. Medians of five runs in turn; one customer: 3,000 calls.",
    )


if __name__ == "__main__":
    main()
