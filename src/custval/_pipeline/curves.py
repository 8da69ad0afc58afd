"""The curves of the report, from where enough customers are at risk to be read.

Where watching begins late (a counting window, records that start on a date) only a few customers are at risk in the
first months, and a product of their chances would say nothing. The curves then begin at a landmark: the first month
from which every group of some size keeps at least twenty customers at risk; they are conditional on having stayed so
long.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from custval._core.errors import DataWarning
from custval._core.typing import BoolArray, FloatArray, TextArray
from custval._pipeline.analysis import Note
from custval._pipeline.cases import Cases
from custval._survival.curve_groups import Curves
from custval._survival.curves import IncidenceCurve, SurvivalCurve
from custval._survival.product_limit import aalen_johansen, kaplan_meier

__all__ = ("base_curves", "noted")

_LEAST = 20


@contextmanager
def noted(subject: str, notes: list[Note]) -> Iterator[None]:
    """Turn the data warnings of what happens inside into notes for the report."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", DataWarning)
        yield
    notes.extend(Note(subject, 1, str(one.message)) for one in seen if issubclass(one.category, DataWarning))


def base_curves(cases: Cases, notes: list[Note]) -> tuple[SurvivalCurve | Curves[SurvivalCurve], IncidenceCurve]:
    """Return Kaplan-Meier by group and the incidence of each cause."""
    y, groups = cases.curve_y, cases.curve_groups
    start = _landmark(y, groups)
    if start is None:
        said = f"no month has {_LEAST} customers of each {cases.group} at risk: the curve is of all customers together"
        notes.append(Note("curves", 1, said))
        groups, start = None, _landmark(y, None) or 0.0
    if start > 0:
        late = y["duration"] > start
        y = y[late].copy()
        y["entry"] = np.maximum(y["entry"], start)
        groups = None if groups is None else groups[late]
        said = f"fewer than {_LEAST} customers were at risk before: the curves are of those who stayed {start:g} months"
        notes.append(Note("curves", int(start), said))
    with noted("curves", notes):
        return kaplan_meier(y, groups=groups), aalen_johansen(y)


def _landmark(y: TextArray, groups: TextArray | None) -> float | None:
    """Return the month from which enough are at risk, of each group of some size; None where that never is so."""
    if not y["entry"].any():
        return 0.0
    everybody = np.ones(len(y), dtype=bool)
    parts = [everybody] if groups is None else [groups == name for name in dict.fromkeys(groups.tolist())]
    starts = [_first_settled(y["entry"][who], y["duration"][who]) for who in parts if groups is None or _is_large(who)]
    known = [start for start in starts if start is not None]
    return None if len(known) < max(len(starts), 1) else max(known)


def _is_large(who: BoolArray) -> bool:
    return int(who.sum()) >= 10 * _LEAST


def _first_settled(entry: FloatArray, duration: FloatArray) -> float | None:
    """Return the month after which at least twenty customers are at risk; None where that never is so."""
    months = np.arange(1.0, duration.max() + 1)
    at_risk = np.searchsorted(np.sort(entry), months) - np.searchsorted(np.sort(duration), months)
    enough = np.flatnonzero(at_risk >= _LEAST)
    return float(months[enough[0]] - 1) if len(enough) else None
