"""Fitted state as JSON and back: arrays, results, encoders and estimators, from an allow-list of names only.

Nothing is ever imported or executed because a file says so: a type is looked up among the public estimators of the
doors, or among the parts registered here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from custval._core.errors import InputError

__all__ = ("DOORS", "PARTS", "decode", "encode")

DOORS = ("survival", "clv", "segments", "assoc", "retention", "metrics")
PARTS: Mapping[str, str] = {"DesignEncoder": "_core.encoding", "Clock": "_survival.discrete"}


def encode(value: Any) -> Any:
    """Return `value` in JSON types from which :func:`decode` makes an equal value."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.ndarray):
        return {"array": str(value.dtype), "shape": list(value.shape), "values": [encode(v) for v in value.ravel()]}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"map": [[encode(key), encode(item)] for key, item in value.items()]}
    if hasattr(value, "get_state"):
        return {"type": _name_of(value), "state": encode(value.get_state())}
    raise InputError(f"a {type(value).__name__} cannot be saved as JSON; only fitted models of custval can")


def decode(value: Any) -> Any:
    """Return what :func:`encode` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "float" in value:
        return float(value["float"])
    if "array" in value:
        values = np.array([decode(item) for item in value["values"]], dtype=np.dtype(value["array"]))
        return values.reshape(value["shape"])
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "map" in value:
        return {decode(key): decode(item) for key, item in value["map"]}
    if "type" in value:
        return _class_of(value["type"]).from_state(decode(value["state"]))
    raise InputError(f"this is not a custval artefact: unknown entry {sorted(value)[:3]}")


def _name_of(value: Any) -> str:
    kind = type(value)
    if kind.__name__ in PARTS:
        return str(kind.__name__)
    door = kind.__module__.removeprefix("custval.")
    if door in DOORS and kind.__name__ in importlib.import_module(f"custval.{door}").__all__:
        return f"{door}.{kind.__name__}"
    raise InputError(f"a {kind.__name__} cannot be saved as JSON; only fitted models of custval can")


def _class_of(name: str) -> Any:
    if name in PARTS:
        return getattr(importlib.import_module(f"custval.{PARTS[name]}"), name)
    door, _, kind = name.partition(".")
    if door in DOORS:
        module = importlib.import_module(f"custval.{door}")
        if kind in module.__all__ and hasattr(getattr(module, kind), "from_state"):
            return getattr(module, kind)
    raise InputError(f"this artefact holds a {name!r}, which this version of custval does not know; upgrade custval")
