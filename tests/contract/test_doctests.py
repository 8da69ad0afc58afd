"""Every example in the docstring of a public name, of its methods and of the doors runs and shows what it says."""

from __future__ import annotations

import doctest
import importlib
import io
import warnings
from pathlib import Path

import pytest

import custval
from custval._core import errors

DOORS = [name for name in custval.__all__ if name not in errors.__all__]
NAMES = [(door, name) for door in DOORS for name in importlib.import_module(f"custval.{door}").__all__]


def run(thing: object, name: str) -> tuple[int, str]:
    """Return how many examples `thing` has, and what failed."""
    # methods that a class inherits are its own to whoever reads its page
    parts = [one for one in getattr(thing, "__mro__", [thing]) if one.__module__.startswith("custval")]
    found = [test for part in parts for test in doctest.DocTestFinder().find(part, name, module=False, globs={})]
    tests = [test for test in found if test.examples]
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said = io.StringIO()
    for test in tests:
        runner.run(test, out=said.write)
    return sum(len(test.examples) for test in tests), said.getvalue()


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.mark.parametrize(("door", "name"), NAMES)
def test_examples_of_a_public_name(door: str, name: str) -> None:
    thing = getattr(importlib.import_module(f"custval.{door}"), name)
    _, failed = run(thing, f"custval.{door}.{name}")
    close_pictures()
    assert not failed


@pytest.mark.parametrize("door", DOORS)
def test_examples_of_a_door(door: str) -> None:
    module = importlib.import_module(f"custval.{door}")
    test = doctest.DocTestParser().get_doctest(module.__doc__ or "", {}, door, None, 0)
    said = io.StringIO()
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.write)
    assert not said.getvalue()


def close_pictures() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from matplotlib import pyplot as plt
        except ImportError:
            return
        plt.close("all")
