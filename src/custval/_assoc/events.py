"""What each customer did, and when: events in time order, merged into steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._assoc.bits import distinct
from custval._assoc.coding import code_column, code_customers, code_labels
from custval._core.errors import InputError
from custval._core.frames import column, is_frame
from custval._core.typing import FloatArray, IntArray
from custval._core.validation import check_scalar, float_array

__all__ = ("Events", "read_events")

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Events:
    """Steps of customers in time order, each with its items.

    ``step_customer`` and ``step_time`` have one element for each step (rising customer, rising time); ``step`` and
    ``code`` one for each item of a step, rising; ``items`` are the labels, ``n`` the number of customers.
    """

    items: tuple[Any, ...]
    n: int
    step_customer: IntArray
    step_time: FloatArray
    step: IntArray
    code: IntArray


def read_events(
    events: Any, *, customer: str, item: str, time: str, window: float, n_customers: int | None = None
) -> Events:
    """Read a long frame of (customer, item, time), or a list of sequences whose steps are one time unit apart.

    Events of a customer within `window` after the first of them make one step.
    """
    width = check_scalar(window, "window", low=0.0)
    if is_frame(events):
        owner, seen = code_customers(events, customer)
        code, items = code_column(events, item)
        moment = _moments(column(events, time), time)
    else:
        owner, code, moment, items, seen = _listed(events)
    n = seen if n_customers is None else int(n_customers)
    if n < seen:
        raise InputError(f"n_customers is {n} but the events hold {seen} customers; count those without events too")
    if n == 0:
        raise InputError("there are no customers; give at least one")
    order = np.lexsort((code, moment, owner))
    owner, code, moment = owner[order], code[order], moment[order]
    start = _step_starts(owner, moment, width)
    step = np.cumsum(start) - 1
    key = distinct(step * max(1, len(items)) + code)
    size = max(1, len(items))
    return Events(items, n, owner[start], moment[start], key // size, key % size)


def _step_starts(owner: IntArray, moment: FloatArray, width: float) -> Any:
    """Say which events begin a step: the first of a customer, or more than `width` after the step's first event."""
    new = np.append(True, (owner[1:] != owner[:-1]) | (moment[1:] != moment[:-1]))[: len(owner)]
    if width == 0 or not len(owner):
        return new
    begin = -np.inf
    starts = np.zeros(len(owner), dtype=bool)
    last = -1
    for place, (who, when) in enumerate(zip(owner.tolist(), moment.tolist(), strict=True)):
        if who != last or when > begin + width:
            starts[place], begin, last = True, when, who
    return starts


def _moments(values: Any, name: str) -> FloatArray:
    """Return times as numbers; dates become days."""
    array = np.asarray(values)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            gone = np.flatnonzero(np.isnat(array))
            raise InputError(
                f"{name} must not be missing but {len(gone)} of {len(array)} rows are (first: row {gone[0]})"
            )
        return np.asarray((array - np.datetime64(0, "D")) / DAY, dtype=np.float64)
    return float_array(array, name)


def _listed(events: Iterable[Any]) -> tuple[IntArray, IntArray, FloatArray, tuple[Any, ...], int]:
    owners, moments, labels = [], [], []
    rows = list(events) if not isinstance(events, (str, bytes)) else None
    if rows is None:
        raise InputError("events must be a table or a list of sequences, not one text")
    for who, sequence in enumerate(rows):
        if isinstance(sequence, (str, bytes)):
            raise InputError(f"a sequence must be a list of steps but sequence {who} is a bare text ({sequence!r})")
        for place, step in enumerate(sequence):
            held = [step] if isinstance(step, (str, bytes)) or not isinstance(step, Iterable) else list(step)
            owners += [who] * len(held)
            moments += [float(place)] * len(held)
            labels += held
    owner = np.array(owners, dtype=np.int64)
    code, items = code_labels(labels, owner)
    return owner, code, np.array(moments, dtype=np.float64), items, len(rows)
