"""Why did each customer leave: booleans, codes or labels, read as 0 (still a customer) and 1..K (the cause)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from custval._core.errors import InputError, warn
from custval._core.typing import BoolArray, IntArray, TextArray
from custval._core.validation import check_rows, nearest

__all__ = ("ONE_CAUSE", "cause_names", "code_events", "is_missing")

ONE_CAUSE = ("left",)
_CODES = "use 0 for still a customer and 1, 2, ... for the causes"
# words that mean "has not left": taking one for a cause would turn every customer into a leaver
_STAYING = frozenset({"", "0", "no", "n", "false", "f", "active", "censored", "current", "stayed", "none", "nan"})
_NOTHING = frozenset({"NAType", "NaTType"})  # of pandas, known by name so that pandas need not be imported


def cause_names(count: int) -> tuple[str, ...]:
    """Return names for `count` causes that were not named."""
    return ONE_CAUSE if count <= 1 else tuple(f"cause_{k}" for k in range(1, count + 1))


def code_events(event: Any, *, causes: Sequence[Any] | None, censored: Any) -> tuple[IntArray, tuple[str, ...]]:
    """Return the code of each row (0 = still a customer, 1..K) and the K names."""
    values = np.asarray(event)
    if values.ndim != 1:
        raise InputError(f"event must have 1 dimension but has {values.ndim} (shape {values.shape})")
    names = None if causes is None else _checked_names(causes)
    staying = _as_labels(censored)
    values = _narrowed(values)
    if values.dtype == np.bool_:
        return _from_booleans(values, names, staying)
    if values.dtype.kind in "iuf" and staying == {0}:
        return _from_codes(values, names)
    return _from_labels(values, names, staying)


def _checked_names(causes: Sequence[Any]) -> tuple[str, ...]:
    if isinstance(causes, str):
        raise InputError(f"causes must be a sequence of names, not the text {causes!r}; write ({causes!r},)")
    names = tuple(str(cause) for cause in causes)
    if not names or len(set(names)) < len(names) or not all(names):
        raise InputError(f"causes must be different, non-empty names, not {names!r}")
    return names


def _as_labels(censored: Any) -> set[Hashable]:
    if isinstance(censored, str) or not isinstance(censored, Iterable):
        return {censored}
    return set(censored)


def _narrowed(values: TextArray) -> TextArray:
    """Return an object array of booleans, or of numbers, as what it holds; anything else unchanged."""
    if values.dtype != object:
        return values
    known = np.array([not is_missing(value) for value in values.tolist()], dtype=bool)
    kinds = {type(value) for value in values[known].tolist()}
    booleans, numbers = kinds <= {bool, np.bool_}, kinds <= {int, float, np.int64, np.int32, np.float64, np.float32}
    if not kinds or not (booleans or numbers):
        return values
    check_rows(known, values, name="event", rule="be known", fix=_CODES)
    return values.astype(bool if booleans else np.float64)


def _from_booleans(
    values: BoolArray, names: tuple[str, ...] | None, staying: set[Hashable]
) -> tuple[IntArray, tuple[str, ...]]:
    names = names or ONE_CAUSE
    if len(names) != 1:
        raise InputError(f"event holds booleans, which tell one cause only, but causes names {len(names)}: {names!r}")
    if staying == {0}:  # False == 0: the default reads True as an event
        return values.astype(np.int64), names
    if staying == {1}:
        return (~values).astype(np.int64), names
    raise InputError(f"event holds booleans, so censored must be False or True, not {sorted(map(repr, staying))}")


def _from_codes(values: TextArray, names: tuple[str, ...] | None) -> tuple[IntArray, tuple[str, ...]]:
    whole = np.isfinite(values) & (values >= 0) & (values == np.floor(values))
    check_rows(whole, values, name="event", rule="be a whole code >= 0", fix=_CODES)
    codes = values.astype(np.int64)
    last = int(codes.max(initial=0))
    if names is not None:
        rule = f"be a code from 0 to {len(names)} (causes names {', '.join(names)})"
        check_rows(codes <= len(names), codes, name="event", rule=rule, fix="name every cause in causes")
        return codes, names
    if last > 1:
        _refuse_gaps(codes)
    return codes, cause_names(last)


def _refuse_gaps(codes: IntArray) -> None:
    found = np.unique(codes)
    wanted = np.arange(1, found[-1] + 1) if found[-1] <= len(codes) else np.array([1, 2])
    absent = np.setdiff1d(wanted, found)
    if absent.size:
        held, gaps = _listed(found), _listed(absent)
        raise InputError(
            f"event holds the codes {held}, so cause {gaps} never occurs; number the causes 1, 2, ... without gaps, "
            "name them all in causes, or say in censored which codes mean still a customer"
        )


def _listed(numbers: IntArray) -> str:
    shown = ", ".join(str(number) for number in numbers[:6].tolist())
    return shown + (", ..." if len(numbers) > 6 else "")


def _from_labels(
    values: TextArray, names: tuple[str, ...] | None, staying: set[Hashable]
) -> tuple[IntArray, tuple[str, ...]]:
    listed = values.tolist()
    found = set(listed)
    stays = {label for label in found if is_missing(label) or label in staying}
    leaving = found - stays
    if names is None:
        _refuse_staying_words(leaving, staying)
        names = tuple(sorted(str(label) for label in leaving)) or ONE_CAUSE
    both = {str(label) for label in staying} & set(names)
    if both:
        raise InputError(f"{min(both)!r} stands in both causes and censored; it can mean only one of the two")
    code = {label: names.index(str(label)) + 1 if str(label) in names else -1 for label in leaving}
    code |= dict.fromkeys(stays, 0)
    codes = np.fromiter((code[label] for label in listed), dtype=np.int64, count=len(listed))
    _refuse_unknown(codes, listed, names)
    if listed and not stays:
        warn(
            f"every one of the {len(listed)} rows has left (causes {', '.join(names)}); "
            "if one of the labels means still a customer, name it in censored"
        )
    return codes, names


def _refuse_unknown(codes: IntArray, listed: list[Any], names: tuple[str, ...]) -> None:
    unknown = np.flatnonzero(codes < 0)
    if unknown.size:
        row = int(unknown[0])
        raise InputError(
            f"event must be one of {', '.join(map(repr, names))} or a label of censored but {unknown.size} of "
            f"{len(listed)} rows are not (first: row {row}, value {listed[row]!r}){nearest(str(listed[row]), names)}; "
            "add the label to causes or to censored"
        )


def _refuse_staying_words(leaving: set[Any], staying: set[Hashable]) -> None:
    words = sorted(repr(label) for label in leaving if str(label).strip().casefold() in _STAYING)
    if words and not any(isinstance(label, str) for label in staying):
        raise InputError(f"event holds the label {words[0]}, which reads as still a customer; pass censored={words[0]}")


def is_missing(label: Any) -> bool:
    """Say whether `label` is None, nan, NaT or pandas.NA."""
    if isinstance(label, float):
        return math.isnan(label)
    return label is None or type(label).__name__ in _NOTHING
