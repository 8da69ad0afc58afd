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
    curves = base_curves(cases(None, [1, 2, 3, 4, 5, 6]), notes)
    assert curves.survival_from == curves.incidence_from == 0
    assert curves.survival.times[0] == 1
    assert notes == []


def test_curves_begin_after_early_departures_among_few() -> None:
    entry = np.r_[np.zeros(3), np.full(60, 6.0)]
    duration = np.r_[[2.0, 4.0, 9.0], np.full(60, 10.0)]
    notes: list[Note] = []
    curves = base_curves(cases(entry, duration), notes)  # the first of the three leaves in month 2
    assert curves.survival_from == curves.incidence_from == 2
    assert curves.survival.times.min() > 2
    assert "are of those who stayed 2 months" in notes[0].action


def test_early_months_without_departures_do_no_harm() -> None:
    entry = np.r_[np.zeros(3), np.full(60, 6.0)]
    duration = np.r_[[9.0, 9.0, 9.0], np.full(60, 10.0)]
    assert base_curves(cases(entry, duration), []).survival_from == 0


def test_the_incidence_of_all_does_not_wait_for_the_slowest_group() -> None:
    entry = np.r_[np.zeros(300), np.full(300, 8.0)]
    duration = np.r_[np.tile(np.arange(1.0, 11.0), 30), np.tile(np.arange(9.0, 14.0), 60)]
    entry[300:302], duration[300:302] = 0.0, 5.0
    y_event = np.zeros(600, dtype=int)
    y_event[::7] = 1
    y_event[300] = 1
    made = cases(entry, duration, np.repeat(["a", "b"], 300))
    made.curve_y = survival_target(duration, y_event, entry=entry)
    curves = base_curves(made, [])
    assert curves.incidence_from == 0
    assert curves.survival_from == 5
    assert isinstance(curves.incidence_by_group, Curves)


def test_groups_that_are_never_large_are_shown_together() -> None:
    tenure = np.tile(np.arange(1.0, 61.0), 10)
    notes: list[Note] = []
    groups = np.repeat(["a", "b"], 300)
    curves = base_curves(cases(tenure - 1, tenure, groups), notes)
    assert not isinstance(curves.survival, Curves)
    assert curves.incidence_by_group is None
    assert "no month has 20 customers of each contract at risk" in notes[0].action
