"""Every error and warning of the library, and how a missing extra or an unfitted model is reported."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

__all__ = (
    "ConvergenceWarning",
    "CustvalError",
    "DataWarning",
    "InputError",
    "MissingExtraError",
    "NotFittedError",
    "import_extra",
    "import_pandas",
    "not_fitted",
    "warn",
)


class CustvalError(Exception):
    """Base of every error that this library raises on purpose."""

    __module__ = "custval"


class InputError(CustvalError, ValueError):
    """The input is impossible; the message names what, how many rows, the first one and the likely fix."""

    __module__ = "custval"


class NotFittedError(CustvalError, ValueError, AttributeError):
    """A fitted model was needed, and ``fit`` has not been called."""

    __module__ = "custval"


class MissingExtraError(CustvalError, ImportError):
    """An optional dependency is not installed; the message says which extra brings it."""

    __module__ = "custval"


class DataWarning(UserWarning):
    """The input is legal but suspicious; something was repaired or left out, and is counted."""

    __module__ = "custval"


class ConvergenceWarning(UserWarning):
    """A fit did not reach its optimum; the message names the columns that keep it from there."""

    __module__ = "custval"


def not_fitted(owner: object) -> NotFittedError:
    """Return the error for `owner` used before ``fit``; it is scikit-learn's too where that is loaded."""
    text = f"this {type(owner).__name__} is not fitted yet; call fit(X, y) first"
    peers = sys.modules.get("sklearn.exceptions")
    if peers is None:
        return NotFittedError(text)
    both = type("NotFittedError", (NotFittedError, peers.NotFittedError), {"__module__": "custval"})
    error: NotFittedError = both(text)
    return error


def import_extra(module: str, extra: str) -> ModuleType:
    """Import an optional `module`, or say which extra of this library installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        text = f"{module} is needed here; install it with: pip install 'custval[{extra}]'"
        raise MissingExtraError(text) from missing


def import_pandas() -> Any:
    """Import pandas for a table, or say that this is what tables need: numbers and predictions do without."""
    try:
        return importlib.import_module("pandas")
    except ImportError as missing:
        text = "a table needs pandas, which is not installed here (pip install pandas); to_dict() needs nothing"
        raise MissingExtraError(text) from missing


def warn(text: str, category: type[Warning] = DataWarning) -> None:
    """Warn from the first frame outside this library, so that the user sees their own line."""
    level, frame = 2, _caller(2)
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "custval":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)


def _caller(depth: int) -> Any:
    return sys._getframe(depth)
