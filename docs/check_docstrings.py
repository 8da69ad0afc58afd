"""Check the docstrings of every public name and its methods against numpydoc, by the list in pyproject.toml."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from numpydoc.validate import validate

import custval

ROOT = Path(__file__).resolve().parents[1]
# A method's example stands in its class, and fit(X, y) returns the estimator by the idiom.
NOT_OF_METHODS = {"EX01", "RT03", "PR01", "PR02", "RT01"}


def public_objects() -> Iterator[tuple[str, bool]]:
    """Yield the import path of each public class, function and own method, and whether it is a method."""
    for door in custval.__all__:
        if not door.islower():
            continue
        module = importlib.import_module(f"custval.{door}")
        for name in module.__all__:
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isroutine(thing)):
                continue
            yield f"custval.{door}.{name}", False
            if inspect.isclass(thing):
                for member, value in vars(thing).items():
                    if not member.startswith("_") and inspect.isroutine(value):
                        yield f"custval.{door}.{name}.{member}", True


def main() -> int:
    """Write what is wrong and return how much it is."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
    wanted = set(settings["checks"])
    wrong = []
    checked = 0
    for path, is_method in public_objects():
        checked += 1
        codes = wanted - NOT_OF_METHODS if is_method else wanted
        wrong += [f"{path}: {code} {text}" for code, text in validate(path)["errors"] if code in codes]
    sys.stdout.write("\n".join([*wrong, f"docstrings checked: {checked}, faults: {len(wrong)}", ""]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
