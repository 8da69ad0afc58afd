"""Checks with helpful words: what is wrong, how many rows, the first of them, the legal range, the fix.

Row numbers count from 0 and are the only thing said about a customer: never an identifier.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray

__all__ = (
    "check_choice",
    "check_length",
    "check_rows",
    "check_scalar",
    "check_whole",
    "float_array",
    "nearest",
    "sample_weight_array",
)


def nearest(name: str, options: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the option closest to `name`, or an empty string."""
    names = [str(option) for option in options]
    folded = {option.casefold(): option for option in names}
    close = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.65)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""


def check_choice(value: Any, name: str, options: Iterable[Any]) -> None:
    """Refuse a `value` that is not among `options`."""
    allowed = list(options)
    if value not in allowed:
        shown = ", ".join(repr(option) for option in allowed)
        raise InputError(f"{name} must be one of {shown}, not {value!r}{nearest(str(value), map(str, allowed))}")


def check_rows(ok: ArrayLike, values: Any, *, name: str, rule: str, fix: str = "") -> None:
    """Refuse the rows where `ok` is False, saying how many, the first of them, its value and the likely fix."""
    truth = np.asarray(ok, dtype=bool)
    if truth.all():
        return
    bad = np.flatnonzero(~truth)
    first = int(bad[0])
    shown = _shown(np.asarray(values)[first])
    rows = "row is" if len(truth) == 1 else "rows is" if bad.size == 1 else "rows are"
    text = f"{name} must {rule} but {bad.size} of {len(truth)} {rows} not (first: row {first}, value {shown})"
    raise InputError(f"{text}; {fix}" if fix else text)


def _shown(value: Any) -> str:
    """Return a value as in code, but a date as a plain date."""
    if isinstance(value, np.datetime64) and np.isnat(value):
        return "missing"
    if isinstance(value, (np.datetime64, dt.date)):
        return str(value).replace("T", " ").removesuffix(" 00:00:00")
    return repr(value.item() if isinstance(value, np.generic) else value)


def check_length(values: Any, n: int, *, name: str, other: str = "X") -> None:
    """Refuse `values` whose length is not that of `other`."""
    if len(values) != n:
        raise InputError(f"{name} has {len(values)} rows but {other} has {n}; both need one row for each customer")


def check_scalar(
    value: Any,
    name: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> float:
    """Return `value` as a float inside its legal range, or refuse it by `name`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number, not {value!r}") from None
    below = number <= low if low_open else number < low
    above = number >= high if high_open else number > high
    if np.isnan(number) or below or above:
        raise InputError(f"{name} must be {_range(low, high, low_open, high_open)}, not {value!r}")
    return number


def check_whole(value: Any, name: str, *, low: float = -np.inf, high: float = np.inf) -> int:
    """Return `value` as a whole number from `low` to `high`, or refuse it by `name`: fractions are never cut off."""
    number = check_scalar(value, name, low=low, high=high)
    if not number.is_integer():  # infinity is not
        raise InputError(f"{name} must be a whole number, not {value!r}")
    return int(number)


def float_array(
    values: Any,
    name: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    low_open: bool = False,
    high_open: bool = False,
    finite: bool = True,
    ndim: int = 1,
    fix: str = "",
) -> FloatArray:
    """Return `values` as a float64 array of `ndim` dimensions inside the legal range, or refuse it by `name`."""
    _refuse_times(values, name)
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must hold numbers; {_first_text(values)}") from None
    if array.ndim != ndim:
        raise InputError(f"{name} must have {ndim} dimension(s) but has {array.ndim} (shape {array.shape})")
    flat = array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
    above = flat > low if low_open else flat >= low
    below = flat < high if high_open else flat <= high
    inside = above & below
    # where all is well one pass is enough: nan fails every comparison, infinity passes where no bound forbids it
    if inside.all() and (not finite or np.isfinite(flat).all()):
        return array
    if finite:
        check_rows(np.isfinite(flat).all(axis=1), array, name=name, rule="be finite (no NaN, no infinity)", fix=fix)
    rule = "be " + _range(low, high, low_open, high_open)
    check_rows(inside.all(axis=1), array, name=name, rule=rule, fix=fix)
    return array


def sample_weight_array(sample_weight: Any, n: int, *, other: str = "X") -> FloatArray:
    """Return case weights of length `n` (ones for None); negative, missing or all-zero weights are refused."""
    if sample_weight is None:
        return np.ones(n)
    weight = float_array(sample_weight, "sample_weight", low=0.0)
    check_length(weight, n, name="sample_weight", other=other)
    if n and not weight.any():
        raise InputError("sample_weight is zero in every row; at least one customer must count")
    return weight


def _refuse_times(values: Any, name: str) -> None:
    """Refuse dates and spans of time: as numbers they would count nanoseconds, or whatever unit they are kept in."""
    kind = np.asarray(values).dtype.kind if hasattr(values, "dtype") else ""
    if kind == "m":
        raise InputError(f"{name} must hold numbers, not spans of time; divide them by a unit, such as one day")
    if kind == "M":
        raise InputError(f"{name} must hold numbers, not dates; turn them into time since a date")


def _first_text(values: Any) -> str:
    for row, value in enumerate(np.asarray(values, dtype=object).ravel()):
        try:
            float(value)
        except (TypeError, ValueError):
            return f"row {row} holds {value!r}"
    return "they could not be read as numbers"


def _range(low: float, high: float, low_open: bool, high_open: bool) -> str:
    least = f"{'>' if low_open else '>='} {low:g}" if np.isfinite(low) else ""
    most = f"{'<' if high_open else '<='} {high:g}" if np.isfinite(high) else ""
    return " and ".join(part for part in (least, most) if part) or "a number"
