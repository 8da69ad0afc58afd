"""Quadrants, Lorenz and Gini, RFM and migration at ten million customers, beside the same work in pandas.

    CUSTVAL_RFM_PYTHON=<interpreter with rfm and pandas < 3> python benchmarks/segments/scale.py

Every side runs in a fresh process on the same numbers, in turn; times are medians after one warm-up, memory is what the
work added to the data. Tables of counts must give the numbers of the customers: that is checked, not timed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

HEAD = """
import json, resource, statistics, time
import numpy as np
rng = np.random.default_rng(0)
n = {n}
"""
TIMED = """
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
times = []
for _ in range({repeats} + 1):
    start = time.perf_counter()
    found = work()
    times.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([statistics.median(times[1:]), read(found), peak - base]))
"""
AXES = """
axes = np.column_stack([rng.lognormal(3, 1, n), rng.lognormal(5, 1, n)])
worth, p_leave = rng.lognormal(6, 1, n), rng.random(n) * 0.1
"""
MONEY = "money = rng.lognormal(3, 1, n)\n"
RFM = """
table = {{"months_since_last": rng.integers(0, 24, n).astype(float), "frequency": rng.poisson(4, n).astype(float),
         "margin": rng.lognormal(3, 1, n)}}
"""
PANEL = """
panel = np.empty((n, 24), dtype=np.int8)
panel[:, 0] = rng.integers(0, 5, n)
for t in range(1, 24):
    step = rng.choice(np.array([-1, 0, 0, 0, 0, 0, 0, 0, 0, 1], dtype=np.int8), n)
    panel[:, t] = np.clip(panel[:, t - 1] + step, 0, 4)
del step
"""
COUNTS = (
    PANEL
    + """
from custval.segments import transition_counts
cells = transition_counts(panel).to_frame()
del panel
now, later = cells["start"].to_numpy(), cells["end"].to_numpy()
month, count = cells["month"].to_numpy(), cells["count"].to_numpy()
"""
)
WORK: dict[str, dict[str, str]] = {
    "quadrants with table": {
        "custval": AXES
        + """
from custval.segments import ValuePotential
def work():
    model = ValuePotential().fit(axes)
    return model.table(axes, lifetime_value=worth, p_leave=p_leave)
read = lambda table: float(table.value_at_risk[0])
""",
        "pandas qcut, groupby": AXES
        + """
import pandas as pd
frame = pd.DataFrame({{"now": axes[:, 0], "later": axes[:, 1], "worth": worth, "p": p_leave}})
del axes, worth, p_leave
def work():
    high = pd.qcut(frame["now"], 2, labels=False), pd.qcut(frame["later"], 2, labels=False)
    table = frame.assign(quadrant=3 - 2 * high[0] - high[1], risk=frame["worth"] * frame["p"])
    wanted = {{"now": ["size", "sum", "std"], "later": ["sum", "std"], "worth": ["sum", "std"], "p": ["mean", "std"],
              "risk": ["sum", "std"]}}
    return table.groupby("quadrant").agg(wanted)
read = lambda table: float(table[("risk", "sum")].loc[0])
""",
    },
    "Lorenz curve and Gini": {
        "custval, with error": MONEY
        + """
from custval.segments import lorenz_curve
work, read = (lambda: lorenz_curve(money)), (lambda curve: curve.gini)
""",
        "pandas sort, cumsum": MONEY
        + """
import pandas as pd
series = pd.Series(money)
del money
def work():
    ordered = series.sort_values().reset_index(drop=True)
    share = ordered.cumsum() / ordered.sum()
    n = len(ordered)
    return share, 1.0 + 1.0 / n - 2.0 * float(share.sum()) / n
read = lambda found: found[1]
""",
    },
    "RFM scores and segments": {
        "custval, fair ties": RFM
        + """
from custval.segments import rfm
work, read = (lambda: rfm(table)), (lambda scores: float(scores.monetary.mean()))
""",
        "pandas rank, qcut": RFM
        + """
import pandas as pd
frame = pd.DataFrame(table)
del table
names = np.array([f"{{r}}{{f}}" for r in range(1, 6) for f in range(1, 6)], dtype=object)
def work():
    r = 5 - pd.qcut(frame["months_since_last"].rank(method="first"), 5, labels=False)
    f = 1 + pd.qcut(frame["frequency"].rank(method="first"), 5, labels=False)
    m = 1 + pd.qcut(frame["margin"].rank(method="first"), 5, labels=False)
    return r, f, m, names[(5 * (r - 1) + (f - 1)).to_numpy()]
read = lambda found: float(found[2].mean())
""",
    },
    "migration of 24 months, from counts": {
        "custval, with intervals": COUNTS
        + """
from custval.segments import migration_matrix
work = lambda: migration_matrix(now, later, month=month, sample_weight=count)
read = lambda found: float(found.probability[0, 0])
""",
    },
    "migration of 24 months, from the panel": {
        "custval, with intervals": PANEL
        + """
from custval.segments import migration_matrix, transition_counts
work = lambda: migration_matrix(transition_counts(panel))
read = lambda found: float(found.probability[0, 0])
""",
        "pandas crosstab": PANEL
        + """
import pandas as pd
frame = pd.DataFrame({{t: panel[:, t] for t in range(24)}})
del panel
def work():
    total = sum(pd.crosstab(frame[t], frame[t + 1]) for t in range(23))
    return total.div(total.sum(axis=1), axis=0)
read = lambda found: float(found.iloc[0, 0])
""",
    },
}
TARGETS = {
    "quadrants with table": "2 s",
    "Lorenz curve and Gini": "1.5 s",
    "RFM scores and segments": "3 s",
    "migration of 24 months, from counts": "1 s",
}
TRANSACTIONS = """
import datetime as dt
import pandas as pd
customer = rng.integers(0, n // 10, n)
day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 365, n), unit="D")
amount = rng.lognormal(3, 1, n).round(2)
bought = pd.DataFrame({{"customer": customer, "date": day, "amount": amount}})
"""
PACKAGE = {
    "custval after a pandas groupby": TRANSACTIONS
    + """
from custval.segments import rfm
def work():
    grouped = bought.groupby("customer").agg(last=("date", "max"), frequency=("date", "size"), margin=("amount", "sum"))
    months = (bought["date"].max() - grouped["last"]).dt.days / 30.436875
    return rfm(grouped.assign(months_since_last=months))
read = lambda scores: float(len(scores.segment))
""",
    "rfm 1.0.9": TRANSACTIONS
    + """
from rfm import RFM
work = lambda: RFM(bought.copy(), customer_id="customer", transaction_date="date", amount="amount")
read = lambda found: float(len(found.rfm_table))
""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[*WORK, "rfm package"])
    arguments = parser.parse_args()
    check_counts()
    rows: list[dict[str, object]] = []
    growth: list[str] = []
    for job in (job for job in WORK if job in arguments.only):
        ours = []
        for n in arguments.sizes:
            # a crosstab of 23 pairs of ten million rows takes minutes, and shows nothing that a million does not
            sides = {side: code for side, code in WORK[job].items() if "crosstab" not in side or n <= 1_000_000}
            found = {side: run(code, n, side, arguments) for side, code in sides.items()}
            first = next(iter(found.values()))
            ours.append(first[0])
            rows += [row(job, n, side, one, first[0]) for side, one in found.items()]
        if len(ours) > 1:
            step = math.log(arguments.sizes[-1] / arguments.sizes[-2])
            growth.append(f"{job} {math.log(ours[-1] / ours[-2]) / step:.2f}")
        write(rows, growth, arguments)  # after each work: a run that is cut short leaves what it has
    if "rfm package" in arguments.only:
        rows += package_rows(arguments)
        write(rows, growth, arguments)


def write(rows: list[dict[str, object]], growth: list[str], arguments: argparse.Namespace) -> None:
    grows = f"Growth with customers: {'; '.join(growth)}. " if growth else ""
    text = (
        f"Medians of {arguments.repeats} ({arguments.peer_repeats} for pandas) after a warm-up, in fresh processes, "
        "the sides in turn. custval gives intervals or errors within its time, the pandas pipelines none. RFM by "
        f"pandas breaks ties by the order of rows; custval gives equal customers equal scores. {grows}The rfm package "
        "fails on pandas 3 and ran on pandas 2 at the sizes shown."
    )
    record("Segments: ten million customers", rows, script="benchmarks/segments/scale.py", text=text)


def run(code: str, n: int, side: str, arguments: argparse.Namespace, python: str = sys.executable) -> list[float]:
    repeats = arguments.repeats if side.startswith("custval") else arguments.peer_repeats
    timed = (HEAD + code).format(n=n) + TIMED.format(repeats=repeats)
    _, _, printed = in_fresh_process(timed, python=python, threads=1)
    return json.loads(printed.splitlines()[-1])


def row(job: str, n: int, side: str, found: list[float], ours: float) -> dict[str, object]:
    return {
        "work": job,
        "customers": f"{n:,}",
        "": side,
        "seconds": found[0],
        "times custval": found[0] / ours,
        "target": TARGETS.get(job, "") if side.startswith("custval") and n == 10_000_000 else "",
        "memory used, MiB": round(found[2]),
    }


def package_rows(arguments: argparse.Namespace) -> list[dict[str, object]]:
    peers = os.environ.get("CUSTVAL_RFM_PYTHON")
    if not peers:
        return []
    made = []
    for n in (20_000, 100_000):
        ours = run(PACKAGE["custval after a pandas groupby"], n, "custval", arguments)
        peer = run(PACKAGE["rfm 1.0.9"], n, "rfm", arguments, python=peers)
        for side, found in (("custval after a pandas groupby", ours), ("rfm 1.0.9", peer)):
            made.append(row("RFM of transactions", n, side, found, ours[0]) | {"customers": f"{n:,} transactions"})
    return made


def check_counts() -> None:
    """Stop unless a table of counts gives what its customers give."""
    import numpy as np

    from custval.segments import gini, migration_matrix, rfm, transition_counts

    rng = np.random.default_rng(1)
    months, often, money = rng.integers(0, 9, 5000), rng.poisson(2, 5000), rng.integers(1, 40, 5000)
    customers = np.column_stack([months, often, money]).astype(float)
    cells, heads = np.unique(customers, axis=0, return_counts=True)
    same = abs(float(gini(customers[:, 2])) - float(gini(cells[:, 2], sample_weight=heads))) < 1e-12
    same &= np.array_equal(rfm(customers).cuts, rfm(cells, sample_weight=heads).cuts)
    panel = rng.integers(0, 4, (3000, 6))
    counts = transition_counts(panel)
    table = counts.to_frame()
    again = migration_matrix(table["start"], table["end"], month=table["month"], sample_weight=table["count"])
    same &= np.array_equal(migration_matrix(counts).lower, again.lower)
    if not same:
        raise SystemExit("a table of counts does not give what its customers give")


if __name__ == "__main__":
    main()
