"""What an import costs, and what runs where NumPy is the only library."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "pandas", "scipy", "sklearn", "narwhals", "matplotlib", "duckdb", "polars", "pyarrow", "tqdm")
BLOCKED = ("pandas", "sklearn", "scipy.stats", "matplotlib", "narwhals")
BUDGET_MS = 30.0

BLOCK = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(name == blocked or name.startswith(blocked + ".") for blocked in {BLOCKED!r}):
            raise ImportError(f"{{name}} is blocked in this test")
        return None

sys.meta_path.insert(0, Blocked())
"""


def python(code: str, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter without coverage's start-up hook."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, *options, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=120)


def test_import_custval_brings_nothing_heavy() -> None:
    code = f"import sys, custval; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert python(code).stdout.strip() == "[]"


def test_looking_at_the_doors_brings_nothing_heavy() -> None:
    code = (
        "import sys, custval\n"
        "for door in dir(custval):\n"
        "    if door.islower() and not door.startswith('_'):\n"
        "        dir(getattr(custval, door))\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = python(code)
    assert done.stdout.strip() == "[]", done.stderr


def test_import_custval_is_within_its_budget() -> None:
    taken = []
    for _ in range(5):
        said = python("import custval", options=("-X", "importtime")).stderr
        (microseconds,) = re.findall(r"\|\s+(\d+) \| custval$", said, re.MULTILINE)
        taken.append(int(microseconds) / 1000)
        if min(taken) <= BUDGET_MS:
            break
    assert min(taken) <= BUDGET_MS, f"import custval took {taken} ms"


@pytest.mark.parametrize("door", ["clv", "assoc", "artifact", "survival", "segments", "retention"])
def test_every_name_of_a_door_can_be_imported_with_numpy_alone(door: str) -> None:
    code = (
        f"{BLOCK}import custval.{door} as door\n"
        "for name in door.__all__:\n"
        "    getattr(door, name)\n"
        f"print([m for m in {BLOCKED!r} if m in sys.modules])"
    )
    done = python(code)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_saved_model_is_loaded_asked_and_valued_with_numpy_alone(tmp_path: Path) -> None:
    import numpy as np

    from custval.artifact import save
    from custval.clv import lifetime_value
    from custval.survival import DiscreteHazard, survival_target

    rng = np.random.default_rng(7)
    X = {"plan": np.array(["a", "b", "c"])[rng.integers(0, 3, 300)], "age": rng.normal(40.0, 9.0, 300)}
    y = survival_target(rng.integers(1, 30, 300), rng.integers(0, 3, 300), causes=["price", "moved"])
    model = DiscreteHazard(l2=1.0).fit(X, y)
    save(model, tmp_path / "model.json")
    some = {name: values[:5] for name, values in X.items()}
    survival = model.predict_survival(some, np.arange(1, 13))
    worth = lifetime_value(model, some, margin=20.0, horizon=12, monthly_discount=0.01)
    (tmp_path / "some.json").write_text(json.dumps({name: values.tolist() for name, values in some.items()}))
    code = f"""{BLOCK}
import json
from pathlib import Path
from custval import artifact, clv
folder = Path(sys.argv[1])
some = json.loads((folder / "some.json").read_text())
model = artifact.load(folder / "model.json")
survival = model.predict_survival(some, range(1, 13))
worth = clv.lifetime_value(model, some, margin=20.0, horizon=12, monthly_discount=0.01)
found = [m for m in {BLOCKED!r} if m in sys.modules]
print(json.dumps([survival.tolist(), worth.value.tolist(), found]))
"""
    done = python(code, str(tmp_path))
    assert done.returncode == 0, done.stderr
    loaded, valued, found = json.loads(done.stdout)
    assert loaded == survival.tolist(), "bit-equal"
    assert valued == worth.value.tolist()
    assert found == []


def test_rules_are_mined_with_numpy_alone() -> None:
    code = f"""{BLOCK}
from custval.assoc import association_rules, frequent_itemsets
itemsets = frequent_itemsets([["a", "b"], ["a", "b"], ["a"], ["c"]], min_count=2)
print(len(itemsets), len(association_rules(itemsets, min_confidence=0.5)))
"""
    done = python(code)
    assert done.stdout.split() == ["3", "2"], done.stderr
