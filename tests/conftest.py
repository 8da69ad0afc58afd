"""Where the tests find the shared reference data, and what happens where they are absent."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_folder() -> Path:
    return Path(os.environ.get("CUSTVAL_SHARED") or ROOT.parent / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and real data; absent means skip, or failure where it is required."""
    folder = shared_folder()
    if not (folder / "reference").is_dir():
        if os.environ.get("CUSTVAL_REQUIRE_SHARED") == "1":
            pytest.fail(f"CUSTVAL_REQUIRE_SHARED=1 but {folder} holds no reference folder")
        pytest.skip(f"reference data not found at {folder}; set CUSTVAL_SHARED to their folder")
    return folder


@pytest.fixture(scope="session")
def reference(shared: Path) -> Any:
    """Read one file of reference numbers: ``reference("survival")``."""

    def read(name: str) -> Any:
        return json.loads((shared / "reference" / f"{name}.json").read_text(encoding="utf-8"))

    return read


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the count of skips even where it is zero, in a form that scripts can add up."""
    terminalreporter.write_line(f"skipped tests: {len(terminalreporter.stats.get('skipped', []))}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let scikit-learn's checks begin with their own data: some releases change the targets that they keep."""
    checks = sys.modules.get("sklearn.utils.estimator_checks")
    if checks is not None and hasattr(checks, "REGRESSION_DATASET"):
        checks.REGRESSION_DATASET = None
