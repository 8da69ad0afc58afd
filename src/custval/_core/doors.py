"""How a door shows names without importing what stands behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

__all__ = ("open_door", "public")

Named = TypeVar("Named")


def open_door(door: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for `door`; `homes` maps each name to its module below ``custval``."""

    def fetch(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {door!r} has no attribute {name!r}{_hint(name, homes)}")
        return getattr(import_module(f"custval.{homes[name]}"), name)

    def names() -> list[str]:
        return sorted(homes)

    return fetch, names


def public(door: str) -> Callable[[Named], Named]:
    """Mark a function as public in `door`, so that tracebacks, pickles and docs show the import path to use."""

    def mark(thing: Named) -> Named:
        thing.__module__ = f"custval.{door}"
        return thing

    return mark


def _hint(name: str, homes: Mapping[str, str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, homes, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
