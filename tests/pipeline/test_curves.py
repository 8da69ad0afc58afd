"""Where the curves begin when watching begins late."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from custval._pipeline.analysis import Note
from custval._pipeline.curves import base_curves
from custval.survival import Curves, survival_target


def cases(entry: Any, duration: Any, groups: Any = None) -> Any:
    y = survival_target(duration, np.arange(len(duration)) % 5 == 0, entry=entry)
    return SimpleNamespace(curve_y=y, curve_groups=groups, group="contract")


def test_without_late_entry_curves_begin_at_zero() -> None:
    notes: list[Note] = []
    survival, incidence = base_curves(cases(None, [1, 2, 3, 4, 5, 6]), notes)
    assert survival.times[0] == 1
    assert incidence.times[0] == 1
    assert notes == []


def test_curves_begin_where_twenty_are_at_risk() -> None:
    entry = np.r_[np.zeros(3), np.full(60, 6.0)]
    duration = np.r_[[2.0, 4.0, 9.0], np.full(60, 10.0)]
    notes: list[Note] = []
    survival, _ = base_curves(cases(entry, duration), notes)
    assert survival.times.min() > 6
    assert survival.at_risk[0] >= 20
    assert "the curves are of those who stayed 6 months" in notes[0].action


def test_groups_that_are_never_large_are_shown_together() -> None:
    tenure = np.tile(np.arange(1.0, 61.0), 10)
    notes: list[Note] = []
    groups = np.repeat(["a", "b"], 300)
    survival, _ = base_curves(cases(tenure - 1, tenure, groups), notes)
    assert not isinstance(survival, Curves)
    assert "no month has 20 customers of each contract at risk" in notes[0].action
