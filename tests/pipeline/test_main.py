"""The command: exit codes, what it prints, what it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.pipeline.conftest import small_table

from custval.__main__ import main
from custval.artifact import load

ROLES = ["--id", "id", "--tenure", "tenure", "--event", "left", "--left", "Yes", "--charge", "fee"]
SERVICES = ["--services", "fibre,tv,roaming", "--ignore", "why", "--quiet"]
FILES = {"report.html", "customers.parquet", "rules.csv", "plan.csv", "model.json"}


@pytest.fixture
def csv(tmp_path: Path) -> str:
    path = tmp_path / "customers.csv"
    small_table().to_csv(path, index=False)
    return str(path)


def test_analyse_writes_all_files_and_says_so(csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["analyse", csv, *ROLES, *SERVICES, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == FILES
    labels = [line.split("  ")[0] for line in said.splitlines()]
    assert labels == [
        "Table",
        "Columns",
        "Churn a month",
        "Total value",
        "Quadrants",
        "Best rule",
        "Plan",
        "Report",
        "Files",
        "Took",
    ]
    customers = pd.read_parquet(out / "customers.parquet")
    assert customers["customer_id"].is_unique
    assert "seconds" in said
    model = load(out / "model.json")
    rows = pd.read_csv(csv).loc[lambda table: table["left"] == "No"].reset_index(drop=True)
    X = {"contract": rows["contract"], "fibre": rows["fibre"], "roaming": rows["roaming"], "fee": rows["fee"]}
    X["tv"] = rows["tv"].replace("No fibre service", "No")
    risk = 1 - model.predict_survival(pd.DataFrame(X), [3], given=rows["tenure"].to_numpy())[:, 0]
    assert customers["p_leave_3m"].to_numpy() == pytest.approx(risk, rel=1e-9)


def test_demo_prints_ten_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["demo", "--subscribers", "1500", "--months", "8", "--out", str(out), "--quiet"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 10
    assert said[0].startswith("World")
    assert said[-1].startswith("Took")
    assert {path.name for path in out.iterdir()} == FILES


def test_progress_goes_to_the_error_stream(csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", csv, *ROLES, *SERVICES[:-1], "--out", str(tmp_path / "out")]) == 0
    seen = capsys.readouterr()
    assert "reading" in seen.err
    assert "reading" not in seen.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tenure", "tenur", "--event", "left"], "no column 'tenur' (did you mean 'tenure'?)"),
        (["--tenure", "tenure", "--event", "left", "--left", "maybe"], "never occurs in column 'left'"),
        (["--tenure", "tenure", "--event", "left", "--save-rate", "2"], "save_rate must be >= 0 and <= 1"),
    ],
)
def test_bad_input_ends_with_1_and_one_line(
    csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    out = tmp_path / "out"
    assert main(["analyse", csv, *arguments, "--out", str(out), "--quiet"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert message in seen.err
    assert seen.err.startswith("custval: ")
    assert "Traceback" not in seen.err
    assert list(out.iterdir()) == []


def test_a_missing_file_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["analyse", str(tmp_path / "none.csv"), "--tenure", "t", "--event", "e", "--out", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert "there is no file" in capsys.readouterr().err


def test_an_output_folder_that_is_a_file_ends_with_1(
    csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert main(["analyse", csv, *ROLES, "--out", str(tmp_path / "taken"), "--quiet"]) == 1
    assert "cannot make the folder" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["analyse"], ["analyse", "t.csv"], ["guess"], ["demo", "--months", "many"]])
def test_a_command_that_is_not_understood_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: custval" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["analyse", "--help"], ["demo", "--help"], ["--version"]])
def test_help_ends_with_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 0
    assert "custval" in capsys.readouterr().out


def test_the_module_runs_as_a_command(csv: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "custval", "analyse", csv, "--tenure", "tenur", "--event", "left"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=dict(os.environ))
    assert done.returncode == 1
    assert "did you mean 'tenure'?" in done.stderr
