"""A table of spells, checked: each customer is in one state at a time, and goes where the next spell says they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import column, is_frame
from custval._core.typing import AnyFrame, FloatArray, IntArray
from custval._core.validation import check_rows, float_array
from custval._survival.events import is_missing
from custval._survival.groups import group_codes

__all__ = ("Spells", "read_spells")


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Spells by row: customer (code), start, end, state, next (-1: still there); late: time in the state before."""

    customer: IntArray
    customers: int
    start: FloatArray
    end: FloatArray
    state: IntArray
    next: IntArray
    late: FloatArray
    states: tuple[str, ...]


def read_spells(transitions: AnyFrame) -> Spells:
    """Return the spells of a frame, refused where they contradict each other."""
    if not is_frame(transitions):
        raise InputError("transitions must be a frame with columns customer, start, end, state, next")
    start = float_array(column(transitions, "start"), "start", low=0.0)
    end = float_array(column(transitions, "end"), "end")
    if not len(start):
        raise InputError("transitions has no rows; a spell at least is needed")
    check_rows(end > start, end, name="end", rule="come after start", fix="check that the dates are in order")
    n = len(start)
    labels, customer = group_codes(column(transitions, "customer"), n, name="customer")
    here = [str(value) for value in column(transitions, "state").tolist()]
    missing = [not is_missing(value) for value in column(transitions, "state").tolist()]
    check_rows(missing, np.array(here, dtype=object), name="state", rule="be known")
    there = [None if is_missing(value) else str(value) for value in column(transitions, "next").tolist()]
    states = _states(here, there)
    place = {name: code for code, name in enumerate(states)}
    state = np.array([place[name] for name in here], dtype=np.int64)
    nexts = np.array([-1 if name is None else place[name] for name in there], dtype=np.int64)
    same = nexts != state
    check_rows(same, np.array(here, dtype=object), name="next", rule="differ from state", fix="join the two spells")
    _check_chain(customer, start, end, state, nexts)
    return Spells(customer, len(labels), start, end, state, nexts, np.zeros(n), states)


def _states(here: list[str], there: list[str | None]) -> tuple[str, ...]:
    """Return the states in the order in which a life meets them first."""
    found = dict.fromkeys(here)
    found.update(dict.fromkeys(name for name in there if name is not None))
    return tuple(found)


def _check_chain(customer: IntArray, start: FloatArray, end: FloatArray, state: IntArray, nexts: IntArray) -> None:
    order = np.lexsort((start, customer))
    same = customer[order][1:] == customer[order][:-1]
    before, after = order[:-1], order[1:]
    over = np.flatnonzero(same & (start[after] < end[before]))
    if over.size:
        a, b = int(before[over[0]]), int(after[over[0]])
        raise InputError(
            f"spells of one customer overlap in {over.size} places (first: row {b} begins at {start[b]:g}, before row "
            f"{a} ends at {end[a]:g}); a customer is in one state at a time"
        )
    wrong = np.flatnonzero(same & (start[after] == end[before]) & (nexts[before] != state[after]))
    if wrong.size:
        a, b = int(before[wrong[0]]), int(after[wrong[0]])
        raise InputError(
            f"{wrong.size} spells go on in another state than their row says (first: row {a} and row {b} that follows "
            "it at once); next must be the state of the row that follows"
        )
