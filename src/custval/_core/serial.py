"""Fitted state as JSON and back: arrays, results, encoders and estimators, from an allow-list of names only.

Nothing is ever imported or executed because a file says so: a type is looked up among the public names of the doors,
or among the parts registered here; an array is a list of plain values of an allowed kind. Floats are written as the
shortest text that reads back to the same bits; infinities and nan, which JSON lacks, are written as words.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import TextArray

__all__ = ("DOORS", "PARTS", "decode", "encode", "type_name")

DOORS = ("survival", "clv", "segments", "assoc", "retention", "metrics")
PARTS: Mapping[str, str] = {"DesignEncoder": "_core.encoding"}

_KINDS = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|str|object|(datetime|timedelta)64(\[\w+\])?")


def encode(value: Any) -> Any:
    """Return `value` in JSON types from which :func:`decode` makes an equal value."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.ndarray):
        return _encode_array(value)
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"map": [[encode(key), encode(item)] for key, item in value.items()]}
    return _encode_object(value)


def decode(value: Any) -> Any:
    """Return what :func:`encode` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "float" in value:
        return float(value["float"])
    if "array" in value:
        return _decode_array(value)
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "map" in value:
        return {decode(key): decode(item) for key, item in value["map"]}
    if "type" in value:
        return _decode_object(value)
    raise InputError(f"this is not a custval artefact: unknown entry {sorted(value)[:3]}")


def type_name(value: Any) -> str:
    """Return the name under which the type of `value` is saved, or refuse a type that is not public."""
    kind = type(value)
    if kind.__name__ in PARTS and kind.__module__.endswith(PARTS[kind.__name__]):
        return str(kind.__name__)
    door = kind.__module__.removeprefix("custval.")
    if door in DOORS and kind.__name__ in importlib.import_module(f"custval.{door}").__all__:
        return f"{door}.{kind.__name__}"
    if kind.__name__ in PARTS:
        return str(kind.__name__)
    raise InputError(f"a {kind.__name__} cannot be saved as JSON; only fitted models of custval can")


def _encode_object(value: Any) -> dict[str, Any]:
    name = type_name(value)
    if isinstance(value, Result):
        parts = {field.name: encode(getattr(value, field.name)) for field in fields(value)}  # type: ignore[arg-type]
        return {"type": name, "fields": parts}
    if not hasattr(value, "get_state"):
        raise InputError(f"a {type(value).__name__} cannot be saved as JSON; only fitted models of custval can")
    return {"type": name, "state": encode(value.get_state())}


def _decode_object(value: Mapping[str, Any]) -> Any:
    kind = _class_of(value["type"])
    if "fields" in value and issubclass(kind, Result):
        return kind(**{name: decode(item) for name, item in value["fields"].items()})
    if not hasattr(kind, "from_state"):
        raise InputError(f"this artefact holds a {value['type']!r} without its state; it is damaged")
    return kind.from_state(decode(value["state"]))


def _class_of(name: Any) -> Any:
    if name in PARTS:
        return getattr(importlib.import_module(f"custval.{PARTS[name]}"), name)
    door, _, kind = str(name).partition(".")
    if door in DOORS:
        module = importlib.import_module(f"custval.{door}")
        if kind in module.__all__ and isinstance(getattr(module, kind), type):
            return getattr(module, kind)
    raise InputError(f"this artefact holds a {name!r}, which this version of custval does not know; upgrade custval")


def _encode_array(array: TextArray) -> dict[str, Any]:
    values: list[Any]
    kind = "str" if array.dtype.kind == "U" else str(array.dtype)
    if not _KINDS.fullmatch(kind):
        raise InputError(f"an array of {array.dtype} cannot be saved as JSON; numbers, booleans, text and dates can")
    flat = array.ravel()
    if array.dtype.kind in "mM":
        values = flat.astype(np.int64).tolist()
    elif array.dtype.kind == "f":
        values = flat.tolist()
        if not np.isfinite(flat).all():
            values = [value if math.isfinite(value) else str(value) for value in values]
    else:
        values = [encode(item) for item in flat] if array.dtype == object else flat.tolist()
    return {"array": kind, "shape": list(array.shape), "values": values}


def _decode_array(value: Mapping[str, Any]) -> TextArray:
    kind, values = value["array"], value["values"]
    if not isinstance(kind, str) or not _KINDS.fullmatch(kind):
        raise InputError(f"this artefact holds an array of {kind!r}; numbers, booleans, text and dates are allowed")
    if not isinstance(value["shape"], list):
        raise InputError(f"this artefact holds an array without its shape ({value['shape']!r}); it is damaged")
    if kind == "object":
        array = np.empty(len(values), dtype=object)
        array[:] = [decode(item) for item in values]
    elif kind.startswith(("datetime", "timedelta")):
        array = np.array(values, dtype=np.int64).astype(kind)
    else:
        numbers = [float(item) for item in values] if kind.startswith("float") else values
        array = np.array(numbers, dtype=np.dtype(kind))
    return array.reshape(value["shape"])
