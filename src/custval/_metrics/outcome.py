"""What a forecast is compared with: the target's fields, who can be scored from a landmark on, and for which cause.

Customers who came under observation late cannot be scored from the day they joined: nobody knows who left before.
From a landmark s on they can: those with entry <= s < duration, on what happens after s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import is_frame, to_columns
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_choice, check_length, check_rows, check_scalar, float_array

__all__ = ("Ahead", "Outcome", "cause_code", "from_landmark", "labels", "read_outcome", "weight_ahead")


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Entry, duration and event (0 = still a customer, 1..K cause) of each customer, each (n,), and the K causes."""

    entry: FloatArray
    duration: FloatArray
    event: IntArray
    causes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.duration)


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """Who is scored (n,), and of those (m,) the time since the landmark, who left for the cause asked for, who at all.

    Without a cause the last two are the same.
    """

    keep: BoolArray
    duration: FloatArray
    left: BoolArray
    ended: BoolArray

    def __len__(self) -> int:
        """Return the number of customers scored."""
        return len(self.duration)

    def rows(self, which: BoolArray) -> Ahead:
        """Return some of those who are scored."""
        keep = self.keep.copy()
        keep[keep] = which
        return Ahead(keep, self.duration[which], self.left[which], self.ended[which])


def read_outcome(y: Any, name: str = "y") -> Outcome:
    """Return the checked fields of a target or of a frame; plain durations count as departures, a pair has events."""
    if is_frame(y):
        return _from_frame(y, name)
    names = getattr(getattr(y, "dtype", None), "names", None)
    if names is not None:
        missing = [field for field in ("entry", "duration", "event") if field not in names]
        if missing:
            raise InputError(f"{name} has the fields {list(names)} but not {missing}; make it with survival_target")
        said = (y.dtype.metadata or {}).get("causes", ())
        return _checked(name, y["entry"], y["duration"], y["event"], tuple(said))
    if isinstance(y, tuple) and len(y) == 2:
        return _checked(name, None, y[0], y[1])
    duration = float_array(y, name)
    return _checked(name, None, duration, np.ones(len(duration)))


def _from_frame(frame: Any, name: str) -> Outcome:
    table = to_columns(frame)
    if "duration" not in table:
        raise InputError(f"{name} is a frame without a column 'duration' (it has {', '.join(table)}); rename it")
    event = table.get("event", np.ones(len(table["duration"])))
    if event.dtype.kind not in "iufb":
        raise InputError(f"{name} holds labels of causes; make it with survival_target, which says their codes")
    return _checked(name, table.get("entry"), table["duration"], event)


def cause_code(cause: int | str | None, outcome: Outcome) -> int | None:
    """Return the code 1..K of a cause given by its code or name, None for departures of every cause."""
    if cause is None:
        return None
    if isinstance(cause, str):
        check_choice(cause, "cause", outcome.causes)
        return outcome.causes.index(cause) + 1
    last = max(len(outcome.causes), int(outcome.event.max(initial=1)))
    code = check_scalar(cause, "cause", low=1, high=last)
    if code != int(code):
        raise InputError(f"cause must be a code (1, 2, ...) or a name, not {cause!r}")
    return int(code)


def from_landmark(outcome: Outcome, landmark: float, cause: int | str | None = None) -> Ahead:
    """Return who can be scored from `landmark` on, and of those the time since it and who left, for which cause."""
    since = check_scalar(landmark, "landmark", low=0.0, high=np.inf, high_open=True)
    code = cause_code(cause, outcome)
    keep = (outcome.entry <= since) & (outcome.duration > since)
    if not keep.any():
        raise InputError(
            f"none of {len(outcome)} customers was watched at landmark {since:g} (entry <= landmark < duration); "
            f"entries start at {outcome.entry.min(initial=np.inf):g}, choose a landmark between them and the durations"
        )
    event = outcome.event[keep]
    return Ahead(keep, outcome.duration[keep] - since, event > 0 if code is None else event == code, event > 0)


def weight_ahead(weight: FloatArray, ahead: Ahead) -> FloatArray:
    """Return the weights of those who are scored, refusing that none of them counts."""
    kept = weight[ahead.keep]
    if not kept.any():
        raise InputError("sample_weight is zero for all customers watched at the landmark; at least one must count")
    return kept


def labels(y: Any) -> BoolArray:
    """Return who left, from 0/1 or booleans."""
    values = float_array(y, "y")
    if not len(values):
        raise InputError("y is empty; at least one customer must be scored")
    check_rows((values == 0) | (values == 1), values, name="y", rule="be 1 (left) or 0 (stayed)")
    left: BoolArray = values == 1
    return left


def _checked(name: str, entry: TextArray | None, duration: Any, event: Any, causes: tuple[str, ...] = ()) -> Outcome:
    last = float_array(duration, "duration", low=0.0, low_open=True)
    first = np.zeros(len(last)) if entry is None else float_array(entry, "entry", low=0.0)
    code = float_array(event, "event", low=0.0)
    check_length(code, len(last), name="event", other="duration")
    check_rows(code == np.floor(code), code, name="event", rule="be a whole number (0 = still a customer, 1..K cause)")
    check_rows(first < last, first, name="entry", rule="be < duration")
    if not len(last):
        raise InputError(f"{name} is empty; at least one customer must be scored")
    return Outcome(first, last, code.astype(np.int64), causes)
