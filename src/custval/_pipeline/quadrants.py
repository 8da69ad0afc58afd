"""Value x potential quadrants of the base, without counting a part twice.

The value axis is the monthly margin now. The potential axis is the head-room: the margin of the services that
look-alike customers hold and this one does not, over the months that this customer is expected to stay. Where no
services are known it is the remaining value instead, and the report says so. Potential is never added to value.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.errors import DataWarning
from custval._core.results import frozen
from custval._core.typing import FloatArray, IntArray
from custval._joins.headroom import lookalike_share, monthly_headroom, service_margins
from custval._pipeline.analysis import Method, Note, QuadrantPoints
from custval._pipeline.cases import Cases
from custval._pipeline.scoring import Money, Scores, money_of, unpacked
from custval._segments.quadrants import ValuePotential

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Quadrants", "quadrants_of")

_PICTURE_ROWS = 4_000


@dataclass(frozen=True, slots=True, eq=False)
class Quadrants:
    """The quadrant of each customer, the table, the points for the picture and how the axes were made."""

    code: IntArray
    names: tuple[str, ...]
    strategies: tuple[str, ...]
    table: pd.DataFrame
    points: QuadrantPoints
    method: Method
    notes: tuple[Note, ...]


def quadrants_of(scores: Scores, cases: Cases) -> Quadrants:
    """Return the quadrants of `scores`, which must hold money."""
    money = money_of(scores)
    potential, label, how = _potential(scores, money, cases)
    axes = np.column_stack([money.margin, potential])
    with warnings.catch_warnings(record=True) as odd:
        warnings.simplefilter("always", DataWarning)
        model = ValuePotential().fit(axes)
    notes = tuple(Note("quadrants", len(axes), str(one.message)) for one in odd)
    return _described(model, axes, scores, (label, how), notes)


def _potential(scores: Scores, money: Money, cases: Cases) -> tuple[FloatArray, str, str]:
    if scores.basket is None or len(cases.services) < 2:
        how = "No services are known, so potential is the remaining value: the discounted margin still expected."
        return money.value, "Remaining value", how
    baskets, where, count = np.unique(scores.basket, return_inverse=True, return_counts=True)
    held = unpacked(baskets, len(cases.services))
    weight = count.astype(np.float64)
    margin = service_margins(held, weight, np.bincount(where, weights=money.margin).astype(np.float64))
    room = monthly_headroom(held, lookalike_share(held, weight), margin)
    how = (
        "Potential is head-room: the monthly margin of the services that look-alike customers hold and this one does "
        "not (what a service brings is read off the margins of those who hold it), over the months this customer is "
        "expected to stay, discounted. It ranks customers; it is not a sales forecast and is not added to value."
    )
    return room[where] * money.annuity, "Potential: head-room to look-alikes", how


def _described(
    model: ValuePotential, axes: FloatArray, scores: Scores, told: tuple[str, str], notes: tuple[Note, ...]
) -> Quadrants:
    """Return the quadrants with their table and picture; money by quadrant is the sum over its customers."""
    code = model.predict(axes)
    label, how = told
    risk = np.clip(scores.p_leave, 0.0, 1.0)
    table = model.table(axes, lifetime_value=scores.value, p_leave=risk).to_frame()
    table = table.rename(columns={"mean_p_leave": "p_leave_3m"})
    step = max(1, len(code) // _PICTURE_ROWS)
    points = QuadrantPoints(
        current=frozen(axes[::step, 0]),
        potential=frozen(axes[::step, 1]),
        quadrant=frozen(code[::step]),
        names=model.names_,
        cut_current=float(model.cuts_[0]),
        cut_potential=float(model.cuts_[1]),
        label_current="Current value: margin a month",
        label_potential=label,
    )
    method = Method("Quadrants", f"Current value is the margin a month now. {how} Each axis is cut at its median.")
    return Quadrants(
        code, model.names_, model.strategies_, table.reindex(columns=list(_COLUMNS)), points, method, notes
    )


_COLUMNS = (
    "quadrant",
    "strategy",
    "customers",
    "share_of_customers",
    "current_value",
    "potential_value",
    "lifetime_value",
    "share_of_value",
    "p_leave_3m",
    "value_at_risk",
)
