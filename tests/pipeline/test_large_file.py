"""A file larger than the memory that is allowed: streamed, every row counted and scored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("resource", reason="address-space limits need a Unix system")

FILE_BYTES = 300 * 2**20
ADDRESS_SPACE = 1280 * 2**20
CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
from custval.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def write_large(path: Path) -> tuple[int, int]:
    """Write a CSV of 300 MB and return its rows and those that left."""
    random = np.random.default_rng(0)
    n = 50_000
    contract = random.choice(["month-to-month contract", "one year contract", "two year contract"], n)
    left = random.random(n) < np.where(contract == "month-to-month contract", 0.4, 0.1)
    table = pd.DataFrame(
        {
            "tenure": random.integers(1, 72, n),
            "contract": contract,
            "region_of_residence": random.choice([f"region number {i} of the country" for i in range(12)], n),
            "internet_service": random.choice(["Yes", "No"], n),
            "television_service": random.choice(["Yes", "No", "No internet service"], n),
            "support_calls_in_quarter": random.integers(0, 9, n),
            "remarks_of_the_shop": random.choice(
                ["nothing to remark upon this customer " * 2, "asked twice for a better price " * 2], n
            ),
            "monthly_charge": np.round(random.uniform(10, 90, n), 2),
            "left": np.where(left, "Yes", "No"),
        }
    )
    body = table.to_csv(index=False, header=False).splitlines()
    copies = -(-FILE_BYTES // sum(len(line) + 11 for line in body))
    with path.open("w", encoding="utf-8") as file:
        file.write("id," + ",".join(table.columns) + "\n")
        for copy in range(copies):
            file.writelines(f"c{copy * n + row:08d},{line}\n" for row, line in enumerate(body))
    return copies * n, copies * int(left.sum())


def test_a_file_of_300_mb_under_an_address_space_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    rows, left = write_large(path)
    assert path.stat().st_size >= FILE_BYTES
    arguments = ["analyse", str(path), "--id", "id", "--tenure", "tenure", "--event", "left", "--quiet"]
    arguments += ["--charge", "monthly_charge", "--services", "internet_service,television_service"]
    arguments += ["--fit-rows", "50000", "--budget", "10000", "--save-rate", "0.2", "--out", str(tmp_path / "out")]
    # one thread: each thread of a BLAS library reserves address space of its own
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "-c", CHILD.format(limit=ADDRESS_SPACE), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    path.unlink()
    assert done.returncode == 0, done.stderr
    assert f"{rows - left:,} current customers, {left:,} left" in done.stdout
    customers = pd.read_parquet(tmp_path / "out" / "customers.parquet", columns=["customer_id", "lifetime_value"])
    assert len(customers) == rows - left
    assert customers["customer_id"].is_unique
    assert customers["lifetime_value"].notna().all()
    assert "rows read; the hazard and the curves were fitted on 50,000 of them" in (
        tmp_path / "out" / "report.html"
    ).read_text(encoding="utf-8")
