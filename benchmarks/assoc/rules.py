"""Rules after mining, and what the rest of the field takes: measures, exact tests, offers.

    python benchmarks/assoc/rules.py

Fourteen measures of some 55,000 rules; Fisher's exact p-values with false-discovery control of 100,000 tables, beside
SciPy's hypergeometric tail on a part of them; offers to one customer and to a base.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import hypergeom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from itemsets import telecom
from record import record

from custval._assoc.fisher import adjusted_p, fisher_tails
from custval.assoc import Baskets, Recommender, association_rules, frequent_itemsets


def median_seconds(work: Callable[[], object], *, repeats: int = 5) -> float:
    """Return the median processor time after a warm-up: one thread, and what else the machine does does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


MEASURES = (
    *("support", "confidence", "lift", "leverage", "conviction", "cosine", "jaccard", "kulczynski", "imbalance"),
    *("zhang", "odds_ratio", "phi", "chi_squared", "added_value"),
)


def rule_rows() -> list[dict[str, object]]:
    owner, item = telecom(200_000)
    held = np.zeros((200_000, 40), dtype=bool)
    held[owner, item] = True
    baskets = Baskets.from_matrix(held, items=[f"service {j:02d}" for j in range(40)])
    sets = frequent_itemsets(baskets, min_support=0.0012)
    rules = association_rules(sets)
    derive = median_seconds(lambda: association_rules(sets))
    measure = median_seconds(lambda: [rules.measure(name) for name in MEASURES])
    model = Recommender(min_support=0.002).fit(baskets)
    one = {"service 03", "service 10", "service 25"}
    single = median_seconds(lambda: [model.recommend_one(one, 3) for _ in range(1000)]) / 1000
    part = Baskets.from_matrix(held[:50_000], items=baskets.items)
    whole = median_seconds(lambda: model.recommend(part, 3))
    return [
        {"work": f"{len(rules):,} rules from {len(sets):,} sets, by lift", "processor seconds": derive, "target": ""},
        {"work": f"14 measures of {len(rules):,} rules", "processor seconds": measure, "target": ".05"},
        {
            "work": f"3 offers to one customer ({model.n_rules_:,} rules)",
            "processor seconds": single,
            "target": ".0001",
        },
        {
            "work": f"3 offers to each of {len(part):,} distinct baskets, with reasons",
            "processor seconds": whole,
            "target": "",
        },
    ]


def tables(n: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a, b = rng.integers(n // 1000, n // 5, (2, size))
    mean = a * b / n
    both = np.rint(mean + rng.normal(0, 3, size) * np.sqrt(mean + 1))
    return a, b, np.clip(both, 0, np.minimum(a, b)).astype(np.int64)


def scipys(n: int, size: int) -> float:
    a, b, ab = tables(n, size)
    return median_seconds(lambda: hypergeom.sf(ab - 1, n, a, b))


def ours(n: int, size: int) -> float:
    a, b, ab = tables(n, size)
    return median_seconds(lambda: adjusted_p(fisher_tails(n, a, b, ab)[0]))


def fisher_rows() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for n in (10_000, 100_000, 1_000_000):
        rows.append(
            {
                "work": f"Fisher p with FDR, 100,000 tables of {n:,}",
                "processor seconds": ours(n, 100_000),
                "target": ".3",
            }
        )
        slow = "the same by scipy.stats.hypergeom.sf (1,000 x 100)"
        rows.append({"work": slow, "processor seconds": 100 * scipys(n, 1000), "target": ""})
    return rows


def main() -> None:
    text = (
        "Medians of 5. Tables are drawn within some three standard deviations of independence, where tails are longest."
    )
    rows = [*rule_rows(), *fisher_rows()]
    for row in rows:
        print(row, flush=True)
    record("Association: rules and offers", rows, script="benchmarks/assoc/rules.py", text=text)


if __name__ == "__main__":
    main()
