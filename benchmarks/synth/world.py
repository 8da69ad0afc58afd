"""How fast worlds are made: complete records a second on one core, with all behaviours on, and written to Parquet.

Run: ``python benchmarks/synth/world.py [--subscribers 20000] [--repeats 5]``. A complete record has every column; a
block's month is sorted by time. The people and months behind the records are made in the timed run too.
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from record import own_peak_mb, record

from custval._synth.block import make_block
from custval._synth.records import block_month
from custval._synth.streams import blocks
from custval._synth.writing import all_numbers
from custval.synth import TelecomWorld

MONTHS = 12


def made(world: TelecomWorld) -> tuple[float, int]:
    """Return processor seconds (of the one thread) and records of a world made block by block in memory."""
    setting = world._setting()
    start = time.process_time()
    numbers, n = all_numbers(setting, jobs=1, chunk=1), 0
    for index in range(len(blocks(world.n_subscribers))):
        block = make_block(setting, index)
        n += sum(len(block_month(block, numbers, month)["event_time"]) for month in range(1, world.months + 1))
    return time.process_time() - start, n


def written(world: TelecomWorld) -> float:
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        world.write(Path(home) / "world")
        seconds = time.perf_counter() - start
        shutil.rmtree(Path(home) / "world")
    return seconds


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--subscribers", type=int, default=20_000)
    asked.add_argument("--repeats", type=int, default=5)
    options = asked.parse_args()
    rows = []
    for name, behaviours, size in (
        ("plain", (), options.subscribers),
        ("all behaviours", "all", options.subscribers // 4),
        ("all behaviours", "all", options.subscribers),
    ):
        world = TelecomWorld(n_subscribers=size, months=MONTHS, seed=1, behaviours=behaviours)
        n = made(world)[1]
        seconds = statistics.median(made(world)[0] for _ in range(options.repeats))
        rows.append(
            {
                "world": name,
                "subscribers": size,
                "million records": n / 1e6,
                "processor seconds": seconds,
                "million records/s/core": n / seconds / 1e6,
                "written to Parquet, million/s": n / written(world) / 1e6,
                "peak MiB so far": round(own_peak_mb()),
            }
        )
    growth = math.log(rows[2]["processor seconds"] / rows[1]["processor seconds"]) / math.log(4.0)
    text = (
        "Target: at least 3 million complete records a second and core with all behaviours on. Processor time of one "
        "thread, which other work on the machine does not lengthen much; writing is timed by the clock. Time grows "
        f"with the number of subscribers to the power {growth:.2f}."
    )
    record("Synthetic world", rows, script="benchmarks/synth/world.py", text=text, packages=("pyarrow",))


if __name__ == "__main__":
    main()
