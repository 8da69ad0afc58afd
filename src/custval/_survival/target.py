"""The target: how long each customer has been watched, and how the watching ended.

One structured NumPy array carries it all, so that it can be sliced, cross-validated and passed through a pipeline like
any other ``y``: ``entry`` (float, time already behind the customer when the watching began), ``duration`` (float,
time at the last look) and ``event`` (integer, 0 = still a customer, 1..K = cause). A customer is at risk in
``(entry, duration]``. The names of the causes and the time unit travel in ``y.dtype.metadata``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column_names, is_frame, to_columns
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, float_array
from custval._survival.events import ONE_CAUSE, cause_names, code_events

__all__ = ("Target", "read_target", "structured", "survival_target", "unchecked_fields")

_FIELDS = ("entry", "duration", "event")
_JOINED = "drop customers who joined this month or set duration to 0.5"
_ENDLESS = "a customer who is still there has the time of the last look as duration, and event 0"
_SIGN = "check that the end comes after the start"
_KNOWN = "give the time of the last look for customers who are still there"
_ENTRY = "drop customers who left before the watching began"


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A checked target, field by field: entry, duration, event (n,), the K causes and the time unit."""

    entry: FloatArray
    duration: FloatArray
    event: IntArray
    causes: tuple[str, ...]
    time_unit: str

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.duration)

    @property
    def has_entry(self) -> bool:
        """Say whether anybody came under observation late."""
        return self.entry.strides != (0,) and bool(self.entry.any())

    def rows(self, keep: BoolArray | IntArray) -> Target:
        """Return the rows that `keep` names."""
        return Target(self.entry[keep], self.duration[keep], self.event[keep], self.causes, self.time_unit)


@public("survival")
def survival_target(
    duration: ArrayLike | Any,
    event: ArrayLike | Any = None,
    *,
    entry: ArrayLike | Any = None,
    causes: Sequence[str] | None = None,
    censored: Any = 0,
    time_unit: str = "month",
) -> TextArray:
    """Return the target that every survival function and model takes as ``y``.

    Parameters
    ----------
    duration : array_like of shape (n,)
        Time from joining to the last look, in `time_unit`, > 0: time of leaving, or of the end of the data for
        customers who are still there. A column of a frame will do; so will a frame with the columns ``duration`` and,
        where there are such, ``event`` and ``entry``, a pair ``(duration, event)`` (lifelines), a structured array of
        one boolean and one time field (scikit-survival), or a target made before.
    event : array_like of shape (n,), optional
        What happened at `duration`: booleans (True = left), codes (0 = still a customer, 1..K = cause) or labels
        (missing = still a customer). None: everybody left.
    entry : array_like of shape (n,), optional
        Time already behind the customer when the watching began (left truncation), 0 <= entry < duration. None: 0.
    causes : sequence of str, optional
        Names of causes 1..K, or the labels in the order wanted. None: the labels in alphabetical order, ``left`` for a
        single unnamed cause, ``cause_1``, ``cause_2``, ... for codes.
    censored : label or collection of labels, default 0
        The values of `event` that mean still a customer.
    time_unit : str, default "month"
        Unit of the times, for tables and pictures.

    Returns
    -------
    numpy.ndarray of shape (n,)
        Structured: ``entry`` (float64), ``duration`` (float64), ``event`` (int64). ``y.dtype.metadata`` holds
        ``causes`` (a tuple of K names) and ``time_unit``.

    Raises
    ------
    InputError
        For durations that are not positive or not known, entry at or after duration, codes that are not whole or leave
        gaps, labels that are not among `causes`, and lengths that differ.

    Examples
    --------
    >>> from custval.survival import survival_target
    >>> y = survival_target([12, 30, 7], ["voluntary", None, "involuntary"])
    >>> y["event"].tolist(), y.dtype.metadata["causes"]
    ([2, 0, 1], ('involuntary', 'voluntary'))
    >>> survival_target([12.0, 0.0], [True, False])
    Traceback (most recent call last):
        ...
    custval.InputError: duration must be > 0 but 1 of 2 rows is not (first: row 1, value 0.0); \
drop customers who joined this month or set duration to 0.5
    """
    given, event, entry, known, unit = _unpacked(duration, event, entry)
    months = _durations(given)
    if event is None:
        codes, names = np.ones(len(months), dtype=np.int64), _one_name(causes)
    else:
        codes, names = code_events(event, causes=causes if causes is not None else known, censored=censored)
        check_length(codes, len(months), name="event", other="duration")
    return structured(_entries(entry, months), months, codes, causes=names, time_unit=unit or time_unit)


def structured(
    entry: FloatArray, duration: FloatArray, event: IntArray, *, causes: tuple[str, ...], time_unit: str
) -> TextArray:
    """Return checked fields as one structured array whose dtype carries the names."""
    kind = np.dtype(
        [("entry", np.float64), ("duration", np.float64), ("event", np.int64)],
        metadata={"causes": causes, "time_unit": time_unit},
    )
    y = np.empty(len(duration), dtype=kind)
    y["entry"], y["duration"], y["event"] = entry, duration, event
    return y


def unchecked_fields(y: Any) -> tuple[Any, Any, Any, tuple[str, ...], str] | None:
    """Return entry (or None), duration, event, causes and time unit of `y` as they stand, where they are plain fields.

    For callers that check while they count; None where only :func:`read_target` can read `y`.
    """
    if isinstance(y, tuple) and len(y) == 2:
        duration, event = y
        plain = all(isinstance(part, np.ndarray) and part.ndim == 1 for part in y) and len(duration) == len(event)
        known = plain and duration.dtype.kind in "iuf" and event.dtype.kind in "biu"
        return (None, duration, event, ONE_CAUSE, "month") if known else None
    if not isinstance(y, np.ndarray) or y.dtype.names != _FIELDS or y.dtype["event"].kind not in "iu":
        return None
    said: Mapping[str, Any] = y.dtype.metadata or {}
    if not said.get("causes"):
        return None
    return y["entry"], y["duration"], y["event"], tuple(said["causes"]), str(said.get("time_unit", "month"))


def read_target(y: Any) -> Target:
    """Return the checked fields of `y`: a target, a scikit-survival array, (duration, event), or plain durations."""
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None; make one with survival_target")
    if isinstance(y, Target):
        return y
    if is_frame(y) or (isinstance(y, tuple) and len(y) == 2 and not np.isscalar(y[0])):
        return _from_fields(survival_target(y))
    values = np.asarray(y)
    if values.dtype.names == _FIELDS:
        return _from_fields(values)
    if values.dtype.names is not None:
        return _from_fields(survival_target(values))
    months = _durations(_flattened(values))
    return Target(_no_entry(len(months)), months, np.ones(len(months), dtype=np.int64), ONE_CAUSE, "month")


def _from_fields(y: TextArray) -> Target:
    said: Mapping[str, Any] = y.dtype.metadata or {}
    event = np.ascontiguousarray(y["event"], dtype=np.int64)
    last = int(event.max(initial=0))
    causes = tuple(said.get("causes") or cause_names(last))
    # one pass of minima and maxima: the row-wise checks run only when something is wrong
    if last > len(causes) or int(event.min(initial=0)) < 0:
        rule = f"be a code from 0 to {len(causes)} (causes: {', '.join(causes)})"
        check_rows((event >= 0) & (event <= len(causes)), event, name="event", rule=rule)
    months = _durations(np.ascontiguousarray(y["duration"]))
    return Target(_entries(y["entry"], months), months, event, causes, str(said.get("time_unit", "month")))


def _durations(values: Any) -> FloatArray:
    months = values if _is_vector(values) else float_array(values, "duration", finite=False, fix=_KNOWN)
    if len(months) and not (months.min() > 0 and months.max() < np.inf):  # nan fails both
        _refuse_durations(months)
    return months


def _refuse_durations(months: FloatArray) -> None:
    """Name the fault of durations with the cure of that fault: not known, endless, negative, or zero."""
    for ok, rule, fix in (
        (~np.isnan(months), "be a number", _KNOWN),
        (~np.isinf(months), "be finite", _ENDLESS),
        (months >= 0, "be > 0", _SIGN),
        (months > 0, "be > 0", _JOINED),
    ):
        check_rows(ok, months, name="duration", rule=rule, fix=fix)


def _entries(entry: Any, months: FloatArray) -> FloatArray:
    if entry is None:
        return _no_entry(len(months))
    if _is_vector(entry) and len(entry) == len(months) and not entry.any():
        return _no_entry(len(months))
    late = float_array(entry, "entry", low=0.0, fix="use 0 for customers watched from the day they joined")
    check_length(late, len(months), name="entry", other="duration")
    check_rows(late < months, late, name="entry", rule="be < duration", fix=_ENTRY)
    return late


def _no_entry(n: int) -> FloatArray:
    """Return `n` zeros that take no memory: most targets have no late entry."""
    return np.broadcast_to(np.float64(0.0), n)


def _is_vector(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype == np.float64 and values.ndim == 1


def _one_name(causes: Sequence[str] | None) -> tuple[str, ...]:
    if causes is None:
        return ONE_CAUSE
    names = (causes,) if isinstance(causes, str) else tuple(str(cause) for cause in causes)
    if len(names) != 1:
        raise InputError(f"without event everybody left for one cause, but causes names {len(names)}: {names!r}")
    return names


def _unpacked(duration: Any, event: Any, entry: Any) -> tuple[Any, Any, Any, tuple[str, ...] | None, str | None]:
    """Return duration, event, entry and, from a target made before, its causes and time unit."""
    if isinstance(duration, tuple) and len(duration) == 2 and event is None and not np.isscalar(duration[0]):
        return duration[0], duration[1], entry, None, None
    if is_frame(duration):
        return *_columns(duration, event, entry), None, None
    names = getattr(getattr(duration, "dtype", None), "names", None)
    if names is None:
        return duration, event, entry, None, None
    if event is not None:
        raise InputError("duration is a structured array that holds its own event; leave event out")
    y: TextArray = np.asarray(duration)
    if tuple(names) == _FIELDS:
        said: Mapping[str, Any] = y.dtype.metadata or {}
        late = y["entry"] if entry is None else entry
        return y["duration"], y["event"], late, said.get("causes"), said.get("time_unit")
    return *_event_and_time(y, names), entry, None, None


def _columns(frame: Any, event: Any, entry: Any) -> tuple[Any, Any, Any]:
    """Return duration, event and entry from the columns of these names."""
    names = column_names(frame)
    if "duration" not in names:
        raise InputError(
            "a frame as target needs a column 'duration' (and 'event', 'entry' where there are such), but this one has "
            f"{', '.join(names)}; rename them, or pass the columns: survival_target(frame[...], frame[...])"
        )
    table = to_columns(frame)
    given = {"event": event, "entry": entry}
    twice = [name for name, values in given.items() if values is not None and name in table]
    if twice:
        raise InputError(f"duration is a frame that holds its own {twice[0]}; leave {twice[0]} out")
    return table["duration"], table.get("event", event), table.get("entry", entry)


def _event_and_time(y: TextArray, names: Sequence[str]) -> tuple[TextArray, TextArray]:
    if tuple(names) == ("entry", "lower", "upper"):
        raise InputError(
            "this target (entry, lower, upper) says only between which looks customers left, but exact times are "
            "needed here; turnbull, AFT and MixtureCure take it"
        )
    booleans = [name for name in names if y.dtype[name] == np.bool_]
    times = [name for name in names if y.dtype[name].kind in "iuf"]
    if len(names) != 2 or len(booleans) != 1 or len(times) != 1:
        raise InputError(
            f"a structured target needs one boolean and one time field, or the fields {', '.join(_FIELDS)}; "
            f"this one has {', '.join(names)}"
        )
    return y[times[0]], y[booleans[0]]


def _flattened(values: TextArray) -> TextArray:
    """Return a column vector as a vector, with the warning that scikit-learn gives."""
    if values.ndim != 2 or values.shape[1] != 1:
        return values
    peers = sys.modules.get("sklearn.exceptions")
    category: type[Warning] = peers.DataConversionWarning if peers is not None else UserWarning
    text = "A column-vector y was passed when a 1d array was expected; its shape was changed to (n,)"
    warnings.warn(text, category, stacklevel=4)
    return values.ravel()
