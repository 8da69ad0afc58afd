"""Check the docstrings of every public name and its methods against numpydoc, by the list in pyproject.toml."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

from numpydoc.validate import validate

import custval

ROOT = Path(__file__).resolve().parents[1]
# A method's example stands in its class, and fit(X, y) returns the estimator by the idiom.
NOT_OF_METHODS = {"EX01", "RT03", "PR01", "PR02", "RT01"}
# The fields of a result are read, not given: they stand under Attributes; undocumented_fields checks them.
NOT_OF_RESULTS = {"PR01"}


def undocumented_fields(thing: object) -> list[str]:
    """Return the public fields of a dataclass that no entry of its docstring names."""
    if not (inspect.isclass(thing) and is_dataclass(thing)):
        return []
    entries = re.findall(r"^\w[\w, ]*", inspect.getdoc(thing) or "", re.MULTILINE)
    named = {word for entry in entries for word in re.split(r"[, ]+", entry)}
    return [field.name for field in fields(thing) if field.name not in named and not field.name.startswith("_")]


def faults(path: str, thing: object, *, is_method: bool, wanted: set[str]) -> list[str]:
    """Return what numpydoc finds wrong in one docstring, less what the idiom does another way."""
    codes = wanted - (NOT_OF_METHODS if is_method else NOT_OF_RESULTS if is_dataclass(thing) else set())
    found = [(code, text) for code, text in validate(path)["errors"] if code in codes]
    if (inspect.getdoc(thing) or "").split("\n", 1)[0].endswith("?"):
        found = [(code, text) for code, text in found if code != "SS03"]  # a question is a sentence too
    missing = undocumented_fields(thing)
    return [f"{path}: {code} {text}" for code, text in found] + ([f"{path}: fields {missing}"] if missing else [])


def public_objects() -> Iterator[tuple[str, object, bool]]:
    """Yield the import path of each public class, function and own method, the thing, and whether it is a method."""
    for door in custval.__all__:
        if not door.islower():
            continue
        module = importlib.import_module(f"custval.{door}")
        for name in module.__all__:
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isroutine(thing)):
                continue
            yield f"custval.{door}.{name}", thing, False
            if inspect.isclass(thing):
                for member, value in vars(thing).items():
                    if not member.startswith("_") and inspect.isroutine(value):
                        yield f"custval.{door}.{name}.{member}", getattr(thing, member), True


def main() -> int:
    """Write what is wrong and return how much it is."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
    wanted = set(settings["checks"])
    checked = list(public_objects())
    wrong = [
        text for path, thing, is_method in checked for text in faults(path, thing, is_method=is_method, wanted=wanted)
    ]
    sys.stdout.write("\n".join([*wrong, f"docstrings checked: {len(checked)}, faults: {len(wrong)}", ""]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
