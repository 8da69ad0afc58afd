"""A consumer's type checker sees the names through the lazy doors, and finds the mistakes planted in a small file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLANTED = re.compile(r"# error: \[([\w-]+)\]")


def test_mypy_finds_the_planted_errors_and_no_others(tmp_path: Path) -> None:
    if os.environ.get("CUSTVAL_REQUIRE_MYPY") != "1":
        pytest.importorskip("mypy", reason="mypy is not installed; the types session runs this")
    consumer = HERE / "consumer.py"
    options = ["--strict", "--no-error-summary", "--no-pretty", "--hide-error-context", f"--cache-dir={tmp_path}"]
    command = [sys.executable, "-m", "mypy", *options, "--config-file=", str(consumer)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
    found = re.compile(r"consumer\.py:(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE)
    said = {(int(line), code) for line, code in found.findall(done.stdout)}
    rows = consumer.read_text(encoding="utf-8").splitlines()
    planted = {(number, m.group(1)) for number, row in enumerate(rows, 1) if (m := PLANTED.search(row))}
    assert planted, "the consumer holds planted errors"
    assert said == planted, done.stdout + done.stderr
