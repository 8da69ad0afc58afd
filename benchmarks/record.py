"""What every benchmark shares: medians, peak memory of a fresh process, the environment, and its section of RESULTS.md.

Seconds on shared machines are noise; ratios inside one run count. A calibration loop (a fixed sum in NumPy) is timed
beside each table, so that runs on other machines can be set against each other.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
HEAD = """# Benchmarks

Each section is written by the script it names, which runs both sides in one run or in turn. Ratios count, seconds do
not: the machines are shared. *Calibration* is the time of one fixed NumPy loop on the same machine at the same moment.
"""


def median_seconds(work: Callable[[], object], *, repeats: int = 5) -> float:
    """Return the median time of `repeats` runs after one warm-up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def calibration_seconds() -> float:
    """Return the median time of a fixed loop."""
    numbers = np.random.default_rng(0).random(2_000_000)
    return median_seconds(lambda: np.sort(numbers).cumsum())


def in_fresh_process(
    code: str, *, python: str = sys.executable, threads: int | None = None
) -> tuple[float, float, str]:
    """Run `code` in a new interpreter; return seconds, peak memory in MiB and what it printed."""
    environment = dict(os.environ)
    if threads is not None:
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    tail = "\nimport resource as _r; print(_r.getrusage(_r.RUSAGE_SELF).ru_maxrss)"
    start = time.perf_counter()
    done = subprocess.run([python, "-c", code + tail], capture_output=True, text=True, check=True, env=environment)
    seconds = time.perf_counter() - start
    *printed, peak = done.stdout.rstrip("\n").split("\n")
    return seconds, float(peak) / 1024, "\n".join(printed)


def own_peak_mb() -> float:
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def environment(packages: Sequence[str] = ()) -> str:
    """Return one line about machine and versions."""
    names = ["numpy", "scipy", "pandas", *packages]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names if _is_installed(name))
    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}, {versions}"


def record(
    section: str,
    rows: Sequence[Mapping[str, object]],
    *,
    script: str,
    text: str = "",
    packages: Sequence[str] = (),
    extra: str = "",
) -> None:
    """Write one section of RESULTS.md, in place of its former self; sections stand in the order of their names."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(name, "")) for name in columns) + " |" for row in rows]
    where = f"{environment(packages)}{', ' + extra if extra else ''}; calibration {calibration_seconds():.3f} s"
    body = "\n".join([f"## {section}", "", text, "", *lines, "", f"`{script}`: {where}.", ""])
    sections = _sections()
    sections[section] = body
    parts = [HEAD, *(f"<!-- section: {name} -->\n{sections[name]}" for name in sorted(sections))]
    RESULTS.write_text("\n".join(parts), encoding="utf-8")


def _sections() -> dict[str, str]:
    if not RESULTS.exists():
        return {}
    found = {}
    for part in RESULTS.read_text(encoding="utf-8").split("<!-- section: ")[1:]:
        name, _, body = part.partition(" -->\n")
        found[name] = body.rstrip("\n") + "\n"
    return found


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
