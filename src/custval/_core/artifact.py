"""Fitted models as JSON files: written in one step or not at all, read by an allow-list, usable with NumPy alone.

A file holds the format's version, the library's version, the type of the model, its parameters, its fitted values and a
checksum of these three, so that what was damaged on the way is refused and never predicts.
Training data and identifiers are never among them. Reading a file imports and executes nothing that the file names.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from custval import __version__
from custval._core.doors import public
from custval._core.errors import InputError, not_fitted
from custval._core.serial import decode, encode, type_name

__all__ = ("from_dict", "load", "save", "to_dict")

FORMAT = 1  # raised when an older library could not read what a newer one writes


@public("artifact")
def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a JSON file.

    The file appears complete or not at all: it is written beside `path` under another name and then moved.

    Parameters
    ----------
    model : estimator
        A fitted estimator of any door of custval.
    path : str or path-like
        The file to write; an existing file is replaced.

    Raises
    ------
    InputError
        If `model` is not an estimator of custval, or holds something that JSON cannot (such as a random generator).
    NotFittedError
        If `model` is not fitted.
    OSError
        If the folder does not exist, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from custval.artifact import load, save
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> y = survival_target([1, 2, 3, 3, 5, 6], [1, 1, 0, 1, 1, 0])
    >>> model = DiscreteHazard(baseline="constant").fit([[0], [1], [0], [1], [0], [1]], y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.json"
    ...     save(model, path)
    ...     again = load(path)
    >>> bool((again.predict_survival([[1]], [1, 2, 3]) == model.predict_survival([[1]], [1, 2, 3])).all())
    True
    """
    text = json.dumps(to_dict(model), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "the folder for the model does not exist; make it first", str(target.parent)
        )
    beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


@public("artifact")
def load(path: str | os.PathLike[str]) -> Any:
    """Read a fitted model from a JSON file that :func:`save` wrote.

    Parameters
    ----------
    path : str or path-like
        The file to read.

    Returns
    -------
    estimator
        The fitted model; its predictions equal those of the model that was saved.

    Raises
    ------
    InputError
        If the file is not JSON, is cut short, is not an artefact, was written in a newer format, or holds a model that
        this version does not know.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from custval.artifact import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "notes.json"
    ...     _ = path.write_text("{}")
    ...     load(path)
    Traceback (most recent call last):
        ...
    custval.InputError: notes.json is not a custval artefact: it has no entry 'format'
    """
    file = Path(path)
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{file.name} is not JSON text; models are saved with custval.artifact.save") from None
    except json.JSONDecodeError as bad:
        raise InputError(f"{file.name} {_why_unreadable(bad)}") from None
    except RecursionError:
        raise InputError(f"{file.name} is nested too deep to be a custval artefact") from None
    return _read(state, file.name)


@public("artifact")
def to_dict(model: Any) -> dict[str, Any]:
    """Return a fitted model as a dictionary of JSON types: what :func:`save` writes.

    Parameters
    ----------
    model : estimator
        A fitted estimator of any door of custval.

    Returns
    -------
    dict
        ``format``, ``version``, ``custval``, ``model``, ``state`` and ``checksum``: JSON types only.

    Raises
    ------
    InputError
        If `model` is not an estimator of custval, or holds something that JSON cannot.
    NotFittedError
        If `model` is not fitted.

    Examples
    --------
    >>> from custval.artifact import to_dict
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> model = DiscreteHazard(baseline="constant")
    >>> state = to_dict(model.fit([[0], [1], [0], [1]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])))
    >>> state["model"], sorted(state)
    ('survival.DiscreteHazard', ['checksum', 'custval', 'format', 'model', 'state', 'version'])
    """
    name = type_name(model)
    if not hasattr(model, "get_state") or not hasattr(model, "__sklearn_is_fitted__"):
        raise InputError(f"a {type(model).__name__} is not a model; only fitted models of custval can be saved")
    if not model.__sklearn_is_fitted__():
        raise not_fitted(model)
    state = encode(model.get_state())
    head = {"format": "custval", "version": FORMAT, "custval": __version__}
    return {**head, "model": name, "state": state, "checksum": _checksum(name, state)}


@public("artifact")
def from_dict(state: Mapping[str, Any]) -> Any:
    """Return the fitted model that :func:`to_dict` described.

    Parameters
    ----------
    state : mapping
        What :func:`to_dict` returned, or the same read from JSON.

    Returns
    -------
    estimator
        The fitted model.

    Raises
    ------
    InputError
        If `state` is not an artefact, is damaged, was written in a newer format, or holds a model that this version
        does not know.

    Examples
    --------
    >>> from custval.artifact import from_dict, to_dict
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> model = DiscreteHazard(baseline="constant")
    >>> model = model.fit([[0], [1], [0], [1]], survival_target([1, 2, 3, 3], [1, 1, 1, 0]))
    >>> from_dict(to_dict(model))
    DiscreteHazard(baseline='constant')
    """
    return _read(state, "state")


def _read(state: Any, source: str) -> Any:
    """Check the head of an artefact, then decode its state."""
    if not isinstance(state, Mapping) or "format" not in state:
        raise InputError(f"{source} is not a custval artefact: it has no entry 'format'")
    if state["format"] != "custval":
        raise InputError(f"{source} is not a custval artefact: its format is {state['format']!r}")
    version = state.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(f"{source} is damaged: its version must be a whole number >= 1, not {version!r}")
    if version > FORMAT:
        made_by = state.get("custval")
        raise InputError(
            f"{source} was written in format {version} by custval {made_by}, but this is custval {__version__}, which "
            f"reads formats up to {FORMAT}; upgrade custval"
        )
    try:
        model = decode({"type": state["model"], "state": state["state"]})
        as_saved = state.get("checksum") == _checksum(state["model"], state["state"])
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError, OverflowError) as bad:
        raise InputError(f"{source} is damaged: its state cannot be read ({type(bad).__name__}: {bad})") from bad
    if not model.__sklearn_is_fitted__():
        raise InputError(f"{source} is damaged: it holds no fitted values")
    if not as_saved:
        raise InputError(f"{source} is damaged: its state is not the one that was saved; save or copy the model again")
    return model


def _checksum(model: Any, state: Any) -> str:
    """Return a checksum that stays the same when a store writes 1.0 as 1 or orders the entries anew."""
    text = json.dumps([model, _as_floats(state)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _as_floats(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_floats(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _as_floats(item) for name, item in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _why_unreadable(bad: json.JSONDecodeError) -> str:
    """Tell a file that is cut short from one that never was JSON."""
    ended = bad.pos >= len(bad.doc.rstrip()) or bad.msg.startswith("Unterminated string")
    if not bad.doc.strip():
        return "is empty; it holds no model"
    if ended:
        return f"ends too early, at character {len(bad.doc)}: it is cut short; save or copy the model again"
    return (
        f"is not JSON (line {bad.lineno}, column {bad.colno}: {bad.msg}); models are saved with custval.artifact.save"
    )
