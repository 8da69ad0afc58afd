"""The main job at full size and the cost of importing: seconds and peak memory, each in a fresh process."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

DEMO = """
from custval.__main__ import main
main(["demo", "--quiet", "--out", {out!r}])
"""
IMPORTS = {
    "import custval": "import custval",
    "import numpy (for scale)": "import numpy",
    "custval.clv: discounted_value": "from custval.clv import discounted_value",
    "custval.survival: DiscreteHazard": "from custval.survival import DiscreteHazard",
}
CLOCK = "import time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        runs = [in_fresh_process(DEMO.format(out=folder)) for _ in range(5)]
    world = next(line for line in runs[-1][2].splitlines() if line.startswith("World"))
    said = world.removeprefix("World").strip()
    rows.append(
        {
            "work": f"main job: {said}",
            "seconds, median of 5": round(statistics.median(run[0] for run in runs), 1),
            "peak memory MiB": round(max(run[1] for run in runs)),
            "target": "60 s, 2048 MiB",
        }
    )
    for name, code in IMPORTS.items():
        times = [in_fresh_process(CLOCK.format(code=code)) for _ in range(7)]
        rows.append(
            {
                "work": name,
                "seconds, median of 5": round(statistics.median(float(run[2]) for run in times), 4),
                "peak memory MiB": round(max(run[1] for run in times)),
                "target": "0.030 s" if name == "import custval" else "",
            }
        )
    text = "Simulation, customer views, hazard, value, quadrants, rules, plan, report and files, in one process."
    record(
        "Main job and imports",
        rows,
        script="benchmarks/pipeline/main_job.py",
        text=text,
        packages=("duckdb", "pyarrow"),
    )


if __name__ == "__main__":
    main()
