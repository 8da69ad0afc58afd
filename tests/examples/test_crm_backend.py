"""The web service of the examples: answers, refusals, and what it imports."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from custval.artifact import save
from custval.survival import DiscreteHazard, survival_target

APP = Path(__file__).resolve().parents[2] / "examples" / "crm_backend" / "app.py"


@pytest.fixture
def model(tmp_path: Path) -> str:
    plan = ["basic", "plus", "basic", "plus", "basic", "plus"] * 20
    fee = [20.0, 30.0, 25.0, 35.0, 22.0, 31.0] * 20
    y = survival_target([1, 9, 4, 12, 6, 8] * 20, ["price", None, "debt", None, None, "price"] * 20)
    hazard = DiscreteHazard(baseline="constant", tail="hold", l2=0.1).fit({"plan": plan, "fee": fee}, y)
    save(hazard, tmp_path / "model.json")
    return str(tmp_path / "model.json")


def ask(path: str, method: str, where: str, body: object = None) -> tuple[str, Any]:
    spec = importlib.util.spec_from_file_location("crm_app", APP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": where,
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": io.BytesIO(raw),
    }
    seen: list[str] = []
    answer = b"".join(module.make_app(path)(environ, lambda status, headers: seen.append(status)))
    return seen[0], json.loads(answer)


def test_one_customer_is_scored(model: str) -> None:
    asked = {"tenure": 5, "margin": 30, "columns": {"plan": "basic", "fee": 22}}
    status, answer = ask(model, "POST", "/score", asked)
    assert status == "200 OK"
    assert 0 < answer["p_leave_3m"] < 1
    assert sum(answer["by_cause"].values()) == pytest.approx(answer["p_leave_3m"], abs=1e-5)
    assert 0 < answer["value"] < 30 * 24
    assert answer["reasons"] == ["fee = 22 (low)"]
    assert "value" not in ask(model, "POST", "/score", {**asked, "margin": None})[1]


def test_columns_are_listed(model: str) -> None:
    assert ask(model, "GET", "/columns") == ("200 OK", {"columns": ["plan", "fee"]})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tenure": 5, "columns": {"plan": "gold", "fee": 22}}, "level not seen in fitting: 'gold'"),
        ({"tenure": 5, "columns": {"plan": "basic"}}, "a column 'fee', which is missing"),
        ({"tenure": -5, "columns": {"plan": "basic", "fee": 22}}, "given"),
        ({"columns": {}}, "the body must be"),
        (b"{", "Expecting property name"),
        (None, "the body must hold 1 to 100000 bytes"),
    ],
)
def test_bad_requests_are_answered_in_words(model: str, body: object, message: str) -> None:
    status, answer = ask(model, "POST", "/score", body)
    assert status == "400 Bad Request"
    assert message in answer["error"]


def test_other_addresses_are_not_found(model: str) -> None:
    assert ask(model, "GET", "/")[0] == "404 Not Found"


def test_it_needs_neither_pandas_nor_scikit_learn(model: str) -> None:
    asked = {"tenure": 5, "margin": 30, "columns": {"plan": "basic", "fee": 22}}
    code = (
        "import sys\n"
        "for name in ('pandas', 'sklearn', 'scipy.stats', 'matplotlib', 'narwhals'): sys.modules[name] = None\n"
        f"sys.path.insert(0, {str(APP.parent)!r})\n"
        "import app\n"
        f"model = app.artifact.load({model!r})\n"
        f"sys.exit(0 if 0 < app.score(model, {asked!r})['value'] < 720 else 3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
