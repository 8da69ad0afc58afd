"""Imports run downward only, and a door's three lists of names agree."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "custval"
WINGS = {"_survival", "_clv", "_segments", "_assoc", "_retention", "_metrics", "_cdr", "_synth"}
DOORS = {"survival", "clv", "segments", "assoc", "retention", "metrics", "cdr", "synth", "artifact"}
TOP = {"pipeline", "plots", "report", "_pipeline", "_plots", "_report"}
FILES = sorted(SOURCE.rglob("*.py"))
DOOR_FILES = [SOURCE / f"{name}.py" for name in sorted(DOORS | {"pipeline", "plots", "report"})]


def place(part: str) -> int:
    """Return how high a part of the package stands; imports may only go to a lower place."""
    if part == "_core":
        return 0
    if part in WINGS:
        return 1
    if part == "_joins":
        return 2
    if part in DOORS:
        return 3
    if part in TOP:
        return 4
    if part in {"__init__", "__main__"}:
        return 5
    raise AssertionError(f"{part} is in no layer; give it a place in DESIGN and here")


def imported_parts(tree: ast.AST) -> set[tuple[str, int]]:
    """Return the parts of custval that a module imports, anywhere in it, with the line."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {
                (alias.name.split(".")[1], node.lineno) for alias in node.names if alias.name.startswith("custval.")
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "custval":
                found |= {(alias.name, node.lineno) for alias in node.names if not alias.name.startswith("__version")}
            elif node.module.startswith("custval."):
                found.add((node.module.split(".")[1], node.lineno))
    return found


def allowed(importer: str, imported: str) -> bool:
    if importer == imported or (importer in TOP and imported in TOP):
        return True
    return place(imported) < place(importer)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_run_downward_only(path: Path) -> None:
    part = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if part == "__init__":
        return  # it names the doors and imports none of them until asked: test_import_budget holds that
    wrong = [
        f"line {line}: {part} imports {other}"
        for other, line in sorted(imported_parts(ast.parse(path.read_text(encoding="utf-8"))), key=lambda item: item[1])
        if not allowed(part, other)
    ]
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_are_absolute(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("path", [path for path in DOOR_FILES if path.exists()], ids=lambda path: path.stem)
def test_a_door_lists_the_same_names_for_people_machines_and_type_checkers(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = importlib.import_module(f"custval.{path.stem}")
    exported = module.__all__
    homes = {
        name: f"custval.{home}" for name, home in inspect.getclosurevars(module.__getattr__).nonlocals["homes"].items()
    }
    typed = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "custval._core.doors":
            typed |= {
                alias.asname or alias.name: node.module for alias in node.names if node.module.startswith("custval.")
            }
    assert list(exported) == sorted(exported, key=lambda name: (not name.isupper(), name)), "__all__ is sorted"
    assert typed == homes
    assert set(exported) == set(homes)


@pytest.mark.parametrize("path", [path for path in DOOR_FILES if path.exists()], ids=lambda path: path.stem)
def test_a_door_holds_no_logic(path: Path) -> None:
    kinds = (ast.Expr, ast.Assign, ast.ImportFrom, ast.If)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert not [node.lineno for node in body if not isinstance(node, kinds)]


def test_the_rule_finds_a_planted_fault() -> None:
    planted = "def f():\n    from custval._clv.value import lifetime_value\n    import custval.survival\n"
    assert imported_parts(ast.parse(planted)) == {("_clv", 2), ("survival", 3)}
    assert not allowed("_survival", "_clv")
    assert not allowed("survival", "clv")
    assert not allowed("_core", "_survival")
    assert not allowed("_joins", "survival")
    assert allowed("_joins", "_survival")
    assert allowed("__main__", "pipeline")
