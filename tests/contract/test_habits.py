"""Habits that are cheap to keep and dear to win back: nothing printed, nothing pickled, nothing left unfinished."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import custval

SOURCE = Path(custval.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ERRORS = ("ConvergenceWarning", "CustvalError", "DataWarning", "InputError", "MissingExtraError", "NotFittedError")
FORBIDDEN_CALLS = {"print", "eval", "exec", "compile", "breakpoint", "input"}
FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"}
# Written with brackets, so that a search for these words does not find this file.
UNFINISHED = re.compile(r"TO[D]O|FIX[M]E|XX[X]|coming[ ]soon")


def public_names() -> list[tuple[str, str]]:
    return [(door, name) for door in custval.__all__ if door not in ERRORS for name in _door(door).__all__]


def _door(door: str) -> Any:
    return importlib.import_module(f"custval.{door}")


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its signature and docstring."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_keeps_the_habits(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    wrong = [f"{line}: unfinished" for line, row in enumerate(text.splitlines(), 1) if UNFINISHED.search(row)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            wrong.append(f"{node.lineno}: {node.func.id}()")
        if isinstance(node, ast.Assert):
            wrong.append(f"{node.lineno}: assert vanishes under python -O; raise an error")
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            wrong += [f"{node.lineno}: import {m}" for m in modules if m.split(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > 50:
            wrong.append(f"{node.lineno}: {node.name} has {body_lines(node)} lines")
    lines = text.count("\n")
    assert not wrong
    assert lines <= 700, f"{lines} lines: two ideas in one file"
    assert ast.get_docstring(tree) or not text.strip(), "a file says what it is for"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_global_state(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)]


def test_the_package_holds_code_and_the_style_of_the_report_only() -> None:
    kinds = {path.suffix for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert kinds <= {".py", ".typed", ".css"}


@pytest.mark.parametrize(("door", "name"), public_names())
def test_a_public_name_says_where_it_lives_and_shows_how(door: str, name: str) -> None:
    thing = getattr(_door(door), name)
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return  # a constant
    assert thing.__module__ == f"custval.{door}"
    text = inspect.getdoc(thing) or ""
    assert text, "no docstring"
    assert ">>>" in text, "no example"
    assert text.splitlines()[0].endswith((".", "?")), "the first line is one sentence"


@pytest.mark.parametrize(("door", "name"), public_names())
def test_public_methods_have_docstrings(door: str, name: str) -> None:
    thing = getattr(_door(door), name)
    if not inspect.isclass(thing):
        return
    own = [member for member, value in vars(thing).items() if not member.startswith("_") and callable(value)]
    assert not [member for member in own if not inspect.getdoc(getattr(thing, member))]


@pytest.mark.parametrize(("door", "name"), public_names())
def test_estimators_take_keywords_only(door: str, name: str) -> None:
    from custval._core.estimator import Estimator

    thing = getattr(_door(door), name)
    if not (inspect.isclass(thing) and issubclass(thing, Estimator)):
        return
    parameters = list(inspect.signature(thing.__init__).parameters.values())[1:]
    assert {p.kind for p in parameters} <= {inspect.Parameter.KEYWORD_ONLY}
    assert all(p.default is not inspect.Parameter.empty for p in parameters), "every parameter has a default"


def test_the_errors_live_where_their_names_say() -> None:
    assert all(getattr(custval, name).__module__ == "custval" for name in ERRORS)
