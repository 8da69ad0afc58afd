"""The curves of the report, from where enough customers are at risk to be read.

Where watching begins late (a counting window, records that start on a date) only a few customers are at risk in the
first months, and one departure among three would halve the curve for good. The curves then begin at a landmark: after
the last early month in which somebody left while fewer than five of a group were at risk. They are conditional on
having stayed so long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.typing import TextArray
from custval._pipeline.analysis import Note
from custval._pipeline.cases import Cases
from custval._pipeline.noted import noted
from custval._survival.curve_groups import Curves
from custval._survival.curves import IncidenceCurve, SurvivalCurve
from custval._survival.product_limit import aalen_johansen, kaplan_meier

__all__ = ("BaseCurves", "base_curves")

_PEAK = 20
_LEAST = 5


@dataclass(frozen=True, slots=True, eq=False)
class BaseCurves:
    """Survival by group, incidence of all and by group, and the months from which each is drawn."""

    survival: SurvivalCurve | Curves[SurvivalCurve]
    survival_from: float
    incidence: IncidenceCurve
    incidence_from: float
    incidence_by_group: Curves[IncidenceCurve] | None

    def fields(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def base_curves(cases: Cases, notes: list[Note]) -> BaseCurves:
    """Return Kaplan-Meier by group, and the incidence of each cause for all and by group."""
    y, groups = cases.curve_y, cases.curve_groups
    whole = _landmark(y, None) or 0.0
    start = whole if groups is None else _landmark(y, groups)
    if start is None:
        said = f"no month has {_PEAK} customers of each {cases.group} at risk: the curve is of all customers together"
        notes.append(Note("curves", 1, said))
        groups, start = None, whole
    for when, what in ((start, "survival curves"), (whole, "incidence curves")):
        if when > 0:
            said = f"{what} are of those who stayed {when:g} months: before, departures met fewer than {_LEAST} at risk"
            notes.append(Note("curves", 1, said))
    with noted("curves", notes):
        late, kept = _from(y, groups, start)
        return BaseCurves(
            survival=kaplan_meier(late, groups=kept),
            survival_from=start,
            incidence=aalen_johansen(_from(y, None, whole)[0]),
            incidence_from=whole,
            incidence_by_group=None if kept is None else aalen_johansen(late, groups=kept),
        )


def _from(y: TextArray, groups: TextArray | None, start: float) -> tuple[TextArray, TextArray | None]:
    """Return the rows still there after `start`, at risk from then on."""
    if start <= 0:
        return y, groups
    later = y["duration"] > start
    kept = y[later].copy()
    kept["entry"] = np.maximum(kept["entry"], start)
    return kept, None if groups is None else groups[later]


def _landmark(y: TextArray, groups: TextArray | None) -> float | None:
    """Return the month from which enough are at risk, of each group of some size; None where that never is so."""
    if not y["entry"].any():
        return 0.0
    everybody = np.ones(len(y), dtype=bool)
    parts = [everybody] if groups is None else [groups == name for name in dict.fromkeys(groups.tolist())]
    starts = [_first_settled(y[who]) for who in parts if groups is None or int(who.sum()) >= 10 * _PEAK]
    known = [start for start in starts if start is not None]
    return None if len(known) < max(len(starts), 1) else max(known)


def _first_settled(y: TextArray) -> float | None:
    """Return the last month before the risk set's peak that has a departure among fewer than five; None: no peak."""
    months = np.arange(1.0, y["duration"].max() + 1)
    at_risk = np.searchsorted(np.sort(y["entry"]), months) - np.searchsorted(np.sort(y["duration"]), months)
    if at_risk.max() < _PEAK:
        return None
    events = np.bincount(y["duration"][y["event"] > 0].astype(np.int64), minlength=len(months) + 1)[1:]
    early = np.flatnonzero((events > 0) & (at_risk < _LEAST) & (months <= months[at_risk.argmax()]))
    return float(months[early[-1]]) if len(early) else 0.0
