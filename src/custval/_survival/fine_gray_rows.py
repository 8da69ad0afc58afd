"""From a target and identities to the rows that Fine and Gray's model is fitted to.

A customer whose columns change has a row for each stretch of time. The end of a row that goes on in another one is no
censoring, and the start of the other no late entry: both are told apart here, and spells that overlap are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.errors import DataWarning, InputError, warn
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._survival.groups import cluster_codes, group_codes
from custval._survival.target import Target

__all__ = ("SubData", "cause_code", "sub_data")

_NAMED = 8


@dataclass(frozen=True, slots=True, eq=False)
class SubData:
    """Checked rows: X (n, p), entry (n,) or None where all came at 0, duration, event, weight; ``ended``: not gone on.

    ``came`` (n,) is when the customer of the row came under observation; ``group`` are codes for robust errors.
    """

    X: FloatArray
    entry: FloatArray | None
    came: FloatArray | None
    duration: FloatArray
    event: IntArray
    weight: FloatArray
    ended: BoolArray
    group: IntArray | None


def cause_code(cause: Any, causes: Sequence[str]) -> int:
    """Return the code 1..K of a cause given by code or name."""
    if isinstance(cause, str):
        if cause not in causes:
            raise InputError(f"there is no cause {cause!r}; the causes are {', '.join(causes)}")
        return list(causes).index(cause) + 1
    if not isinstance(cause, (int, np.integer)) or isinstance(cause, bool) or not 1 <= cause <= len(causes):
        raise InputError(f"cause must be a code from 1 to {len(causes)} or one of {', '.join(causes)}, not {cause!r}")
    return int(cause)


def sub_data(
    X: FloatArray, target: Target, weight: FloatArray, *, customer: Any, cluster: Any, names: Sequence[str]
) -> SubData:
    """Return the rows, with those that go on in another one marked, and columns that change named in a warning."""
    n = len(target)
    entry = target.entry if target.has_entry else None
    ended, came = np.ones(n, dtype=bool), entry
    codes = None if customer is None else group_codes(customer, n, name="customer")[1]
    if codes is not None:
        ended, came = _joined(codes, target)
        _warn_changing(X, codes, names)
    group = codes if cluster is None else cluster_codes(cluster, n)
    if came is not None and not came.any():
        came = None
    keep = weight > 0
    if keep.all():
        return SubData(X, entry, came, target.duration, target.event, weight, ended, group)
    return SubData(
        X[keep],
        None if entry is None else entry[keep],
        None if came is None else came[keep],
        target.duration[keep],
        target.event[keep],
        weight[keep],
        ended[keep],
        None if group is None else group[keep],
    )


def _joined(codes: IntArray, target: Target) -> tuple[BoolArray, FloatArray | None]:
    """Return which rows are the last of their customer's stretch, and when that stretch began."""
    order = np.lexsort((target.entry, codes))
    start, end, event = target.entry[order], target.duration[order], target.event[order]
    same = codes[order][1:] == codes[order][:-1]
    over = np.flatnonzero(same & (start[1:] < end[:-1]))
    if over.size:
        first, second = int(order[over[0]]), int(order[over[0] + 1])
        raise InputError(
            f"spells of one customer overlap in {over.size} places (first: row {second} begins at "
            f"{start[over[0] + 1]:g}, before row {first} ends at {end[over[0]]:g}); give each stretch of time one row"
        )
    gone = np.flatnonzero(same & (event[:-1] > 0))
    if gone.size:
        raise InputError(
            f"{gone.size} rows follow a departure of the same customer (first: row {int(order[gone[0] + 1])}); "
            "a customer who comes back is another customer here, see multistate"
        )
    on = same & (start[1:] == end[:-1])
    ended, came = np.ones(len(order), dtype=bool), np.empty(len(order))
    ended[order[:-1][on]] = False
    begins = np.append(True, ~on)
    came[order] = start[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    return ended, came


def _warn_changing(X: FloatArray, codes: IntArray, names: Sequence[str]) -> None:
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    moved = (X[order][1:] != X[order][:-1])[same].any(axis=0)
    if moved.any():
        found = [repr(names[j]) for j in np.flatnonzero(moved).tolist()]
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        named = ", ".join(found[:_NAMED]) + more
        warn(
            f"columns {named} change while the customer stays: an incidence has a meaning for "
            "external columns only (calendar, tariff), which have values after the customer has gone too; for usage, "
            "complaints and the like take CauseSpecificHazard or DiscreteHazard",
            DataWarning,
        )
