"""How many person-months are written out in a second, in blocks, with columns that vary by month."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import own_peak_mb, record

from custval.survival import EventColumn, person_months

DAY = np.timedelta64(1, "D")


def tables(n: int, records: int, seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return customers and dated records."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2019-01-01") + rng.integers(0, 1500, n) * DAY
    end = np.where(rng.random(n) < 0.5, start + rng.integers(30, 1500, n) * DAY, np.datetime64("NaT"))
    people = {
        "customer_id": np.arange(n),
        "start": start,
        "end": end,
        "fee": rng.normal(30.0, 5.0, n),
        "contract_end": start + rng.choice([365, 730], n) * DAY,
    }
    dated = {
        "customer_id": rng.integers(0, n, records),
        "event_time": np.datetime64("2019-01-01") + rng.integers(0, 1800, records) * DAY,
        "amount": rng.random(records) * 50.0,
    }
    return people, dated


def main() -> None:
    rows = []
    for n in (300_000, 1_000_000):
        people, dated = tables(n, 2 * n)
        events = {
            "complaints": EventColumn(dated, how="count"),
            "bill_shock": EventColumn(dated, value="amount", how="change", window=1),
        }
        before = own_peak_mb()
        read, write = [], []
        for _ in range(5):
            start = time.perf_counter()
            months = person_months(
                people,
                observed_until=np.datetime64("2024-01-01"),
                columns=["fee"],
                contract_end="contract_end",
                events=events,
            )
            read.append(time.perf_counter() - start)
            start = time.perf_counter()
            made = sum(len(block.row) for block in months.blocks())
            write.append(time.perf_counter() - start)
        seconds = statistics.median(write)
        rows.append(
            {
                "customers": f"{n:,}",
                "records": f"{2 * n:,}",
                "person-months": f"{made:,}",
                "reading and sorting, s": statistics.median(read),
                "writing out, s": seconds,
                "million rows/s": made / seconds / 1e6,
                "with reading": made / (seconds + statistics.median(read)) / 1e6,
                "memory above the tables, MiB": round(own_peak_mb() - before),
            }
        )
    text = (
        "One column that stands still, a contract clock and two columns made from dated records (complaints of three "
        "months, change of the bill). Records are read and sorted once; the rows can then be written out again and "
        "again, 500,000 at a time. Target: 5 million rows a second."
    )
    record("Hazard: person-months", rows, script="benchmarks/hazard/person_months.py", text=text)


if __name__ == "__main__":
    main()
