"""All frequent itemsets with counts, from a long pandas table: custval against PyFIM, rusket and mlxtend.

    python benchmarks/assoc/itemsets.py --peers <interpreter with pyfim, rusket, mlxtend, pandas, scipy and narwhals>

Every side runs in a fresh process of the same interpreter, in turn, with the same table; time runs from the table to
the counted sets, mining alone stands beside it. PyFIM gets the quicker of eclat and fpgrowth and its baskets as lists
of numbers, which is its quickest input. Telecom: forty services in bundles. Quest: synthetic
baskets after Agrawal & Srikant (1994), mean 10 of 10,000 items. Mushroom: the FIMI file, where it is at hand.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

SHARED = Path(os.environ.get("CUSTVAL_SHARED") or Path(__file__).resolve().parents[3] / "shared")
LOAD = """
import json, resource, statistics, time
import numpy as np, pandas as pd
part = np.load({path!r})
names = np.array([f"item{{j:05d}}" for j in range(int(part["item"].max()) + 1)])
table = pd.DataFrame({{"subscriber_id": part["owner"], "item": names[part["item"]]}})
n = int(part["n"]); support = {support}
del part
def high():  # peak memory since the last reset, MiB
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
"""
TIMED = """
open("/proc/self/clear_refs", "w").write("5")
base = high()
whole, mining = [], []
for turn in range({repeats} + (1 if {repeats} > 1 else 0)):
    start = time.process_time()
    base_data = read()
    middle = time.process_time()
    found = mine(base_data)
    end = time.process_time()
    whole.append(end - start); mining.append(end - middle)
    size = len(found)
    del found, base_data
skip = 1 if len(whole) > 1 else 0
peak = high()
print(json.dumps([statistics.median(whole[skip:]), statistics.median(mining[skip:]), size, peak - base]))
"""
CUSTVAL = """
from custval.assoc import Baskets, frequent_itemsets
read = lambda: Baskets.from_long(table, n_customers=n)
mine = lambda data: frequent_itemsets(data, min_support=support, max_itemsets=50_000_000)
"""
FIM = """
import fim
from math import ceil
def read():
    code, labels = pd.factorize(table["item"])
    owner = table["subscriber_id"].to_numpy()
    ends = np.flatnonzero(np.append(owner[1:] != owner[:-1], True)) + 1
    held = code.tolist()
    return [held[a:b] for a, b in zip([0, *ends[:-1].tolist()], ends.tolist())]
mine = lambda rows: fim.{algorithm}(rows, target="s", supp=-ceil(support * n), report="a")
"""
RUSKET = """
import rusket
read = lambda: rusket.from_transactions(table, "subscriber_id", "item")
mine = lambda data: rusket.{algorithm}(data, min_support=support * n / data.shape[0], use_colnames=False)
"""
MLXTEND = """
from mlxtend.frequent_patterns import fpgrowth
from mlxtend.preprocessing import TransactionEncoder
def read():
    rows = table.groupby("subscriber_id", sort=False)["item"].agg(list).tolist()
    coder = TransactionEncoder()
    return pd.DataFrame(coder.fit(rows).transform(rows), columns=coder.columns_)
mine = lambda data: fpgrowth(data, min_support=support * n / len(data))
"""


# bundles of services: how many, and the share of customers drawn to each
BUNDLES = ((3, 0.09), (3, 0.13), (3, 0.10), (3, 0.16), (3, 0.08), (2, 0.12), (3, 0.05))
RATES = np.concatenate([np.full(20, 0.04), np.linspace(0.30, 0.03, 20)])


def telecom(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    owners, items = [], []
    for start in range(0, n, 250_000):
        size = min(250_000, n - start)
        taken, place = rng.random((size, 40), dtype=np.float32) < RATES, 0
        for width, share in BUNDLES:
            drawn = rng.random(size) < share
            taken[:, place : place + width] |= drawn[:, None] & (rng.random((size, width)) < 0.7)
            place += width
        owner, item = np.nonzero(taken)
        owners.append(owner + start)
        items.append(item)
    return np.concatenate(owners), np.concatenate(items)


def quest(n: int, mean: int, n_items: int, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return baskets made of weighted patterns that share items, after Agrawal & Srikant (1994), section 2.4.3."""
    rng = np.random.default_rng(seed)
    patterns, before = [], rng.integers(0, n_items, 4)
    for _ in range(2000):
        size = max(1, rng.poisson(4))
        kept = rng.choice(before, min(len(before), int(size * min(1, rng.exponential(0.5)))), replace=False)
        before = np.unique(np.concatenate((kept, rng.integers(0, n_items, size - min(size, len(kept))))))
        patterns.append(before)
    weight = rng.exponential(1, len(patterns))
    picks = rng.choice(len(patterns), (n, max(1, round(mean / 3))), p=weight / weight.sum())
    sizes = np.array([len(pattern) for pattern in patterns])
    flat, starts = np.concatenate(patterns), np.concatenate(([0], np.cumsum(sizes)[:-1]))
    chosen = picks.ravel()
    width = sizes[chosen]
    owner = np.repeat(np.repeat(np.arange(n), picks.shape[1]), width)
    inside = np.arange(width.sum()) - np.repeat(np.cumsum(width) - width, width)
    item = flat[np.repeat(starts[chosen], width) + inside]
    kept = rng.random(len(item)) > 0.25  # corruption
    key = np.unique(owner[kept] * n_items + item[kept])
    return key // n_items, key % n_items


def mushroom() -> tuple[np.ndarray, np.ndarray] | None:
    path = SHARED / "reference" / "assoc_data" / "mushroom.dat"
    if not path.exists():
        return None
    rows = [[int(word) for word in line.split()] for line in path.read_text(encoding="utf-8").splitlines()]
    return np.repeat(np.arange(len(rows)), [len(row) for row in rows]), np.array([item for row in rows for item in row])


CASES = {
    "telecom 1M x 40, .001": (lambda: telecom(1_000_000), 1_000_000, 0.001),
    "telecom 1M x 40, .0001": (lambda: telecom(1_000_000), 1_000_000, 0.0001),
    "Quest 1M, mean 10 of 10,000, .001": (lambda: quest(1_000_000, 10, 10_000), 1_000_000, 0.001),
    "Quest 100k, mean 10 of 1,000, .001": (lambda: quest(100_000, 10, 1000, 4), 100_000, 0.001),
    "mushroom, .1": (mushroom, 8124, 0.1),
}


def sides(case: str) -> dict[str, str]:
    found = {
        "custval": CUSTVAL,
        "PyFIM eclat": FIM.format(algorithm="eclat"),
        "PyFIM fpgrowth": FIM.format(algorithm="fpgrowth"),
        "rusket fpgrowth": RUSKET.format(algorithm="fpgrowth"),
        "rusket eclat": RUSKET.format(algorithm="eclat"),
    }
    if case.endswith(".0001"):
        del found["rusket eclat"]  # takes a minute
    if "mushroom" in case:
        found["mlxtend"] = MLXTEND
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--sides", nargs="*")
    parser.add_argument("--rows", type=Path, help="keep rows here, to measure case by case; --write writes them")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    kept = json.loads(options.rows.read_text(encoding="utf-8")) if options.rows and options.rows.exists() else []
    for case in [] if options.write else options.cases:
        make, n, support = CASES[case]
        kept += measured(case, make(), n, support, options)
    if options.rows and not options.write:
        options.rows.write_text(json.dumps(kept), encoding="utf-8")
    else:
        record("Association: itemsets", kept, script="benchmarks/assoc/itemsets.py", text=TEXT, packages=("pandas",))


TEXT = """All frequent itemsets with counts, from a long pandas table; medians, mining alone in brackets, one fresh
process for each side, in turn. PyFIM's figures are those of the quicker of eclat and fpgrowth, rusket's likewise.
arules and Spark were not measured anew."""


def measured(case: str, data: object, n: int, support: float, options: argparse.Namespace) -> list[dict[str, object]]:
    if data is None:
        return []
    owner, item = data  # type: ignore[misc]
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table.npz")
        np.savez(path, owner=owner, item=item, n=n)
        for side, code in sides(case).items():
            if options.sides and not any(side.startswith(name) for name in options.sides):
                continue
            repeats = 1 if side == "mlxtend" else options.repeats
            text = LOAD.format(path=path, support=support) + code + TIMED.format(repeats=repeats)
            _, _, printed = in_fresh_process(text, python=options.peers)
            rows[side] = json.loads(printed.split("\n")[-1])
            print(case, side, rows[side], flush=True)
    return table(case, rows)


def table(case: str, rows: dict[str, list[float]]) -> list[dict[str, object]]:
    fim = min((row for side, row in rows.items() if side.startswith("PyFIM")), default=None)
    rust = min((row for side, row in rows.items() if side.startswith("rusket")), default=None)
    best = {"PyFIM": fim, "rusket": rust}
    shown = {side: row for side, row in rows.items() if not side.startswith(("PyFIM", "rusket"))}
    shown |= {side: row for side, row in best.items() if row is not None}
    return [
        {
            "data, support": case,
            "": side,
            "sets": f"{row[2]:,}",
            "seconds (mining)": f"{row[0]:.2f} ({row[1]:.2f})",
            "of PyFIM": f"{row[0] / fim[0]:.2f} ({row[1] / fim[1]:.2f})" if fim else "",
            "of rusket": f"{row[0] / rust[0]:.2f} ({row[1] / rust[1]:.2f})" if rust else "",
            "added peak MiB": f"{row[3]:.0f}",
        }
        for side, row in shown.items()
    ]


if __name__ == "__main__":
    main()
