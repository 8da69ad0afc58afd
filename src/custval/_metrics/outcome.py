"""What a forecast is compared with: the target's fields, and who can be scored from a landmark on.

Customers who came under observation late cannot be scored from the day they joined: nobody knows who left before.
From a landmark s on they can: those with entry <= s < duration, on what happens after s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, check_scalar, float_array

__all__ = ("Outcome", "from_landmark", "labels", "read_outcome")


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Entry, duration and event (0 = still a customer, 1..K cause) of each customer, each (n,)."""

    entry: FloatArray
    duration: FloatArray
    event: IntArray

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.duration)


def read_outcome(y: Any) -> Outcome:
    """Return the checked fields of a target; plain durations count as departures, a pair as (duration, event)."""
    names = getattr(getattr(y, "dtype", None), "names", None)
    if names is not None:
        missing = [name for name in ("entry", "duration", "event") if name not in names]
        if missing:
            raise InputError(f"y has the fields {list(names)} but not {missing}; make it with survival_target")
        return _checked(y["entry"], y["duration"], y["event"])
    if isinstance(y, tuple) and len(y) == 2:
        return _checked(None, y[0], y[1])
    duration = float_array(y, "y")
    return _checked(None, duration, np.ones(len(duration)))


def from_landmark(outcome: Outcome, landmark: float) -> tuple[BoolArray, FloatArray, BoolArray]:
    """Return who can be scored from `landmark` on, and of those the time since it and who left."""
    since = check_scalar(landmark, "landmark", low=0.0, high=np.inf, high_open=True)
    keep = (outcome.entry <= since) & (outcome.duration > since)
    if not keep.any():
        raise InputError(
            f"none of {len(outcome)} customers was watched at landmark {since:g} (entry <= landmark < duration); "
            f"entries start at {outcome.entry.min(initial=np.inf):g}, choose a landmark between them and the durations"
        )
    return keep, outcome.duration[keep] - since, outcome.event[keep] > 0


def labels(y: Any) -> BoolArray:
    """Return who left, from 0/1 or booleans."""
    values = float_array(y, "y")
    if not len(values):
        raise InputError("y is empty; at least one customer must be scored")
    check_rows((values == 0) | (values == 1), values, name="y", rule="be 1 (left) or 0 (stayed)")
    left: BoolArray = values == 1
    return left


def _checked(entry: TextArray | None, duration: Any, event: Any) -> Outcome:
    last = float_array(duration, "duration", low=0.0, low_open=True)
    first = np.zeros(len(last)) if entry is None else float_array(entry, "entry", low=0.0)
    code = float_array(event, "event", low=0.0)
    check_length(code, len(last), name="event", other="duration")
    check_rows(code == np.floor(code), code, name="event", rule="be a whole number (0 = still a customer, 1..K cause)")
    check_rows(first < last, first, name="entry", rule="be < duration")
    if not len(last):
        raise InputError("y is empty; at least one customer must be scored")
    return Outcome(first, last, code.astype(np.int64))
