from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custval._core.steps import spread
from custval._report.svg import Plane, month_ticks, path, ticks, wrapped


def test_the_plane_puts_corners_on_corners() -> None:
    plane = Plane(40, 20, 440, 320, 0, 72, 0, 1)
    assert (plane.x(0), plane.x(72), plane.y(0), plane.y(1)) == (40, 440, 320, 20)
    assert path(plane, np.array([0.0, 72.0]), np.array([1.0, 0.0]), "curve") == (
        '<path d="M40.0,20.0L440.0,320.0" class="curve"></path>'
    )


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(3, 8))
def test_ticks_are_round_inside_and_few(low: float, span: float, count: int) -> None:
    made = ticks(low, low + span, count)
    assert len(made) <= count + 2
    assert all(low - 1e-6 * span - 1e-9 <= value <= low + span + 1e-6 * span + 1e-9 for value in made)


@pytest.mark.parametrize(("months", "step"), [(5, 1.0), (24, 6.0), (72, 12.0), (400, 60.0)])
def test_months_step_as_calendars_do(months: float, step: float) -> None:
    made = month_ticks(months)
    assert made[1] - made[0] == step
    assert made[-1] <= months


@given(st.lists(st.floats(0, 300), max_size=7))
def test_spread_labels_never_touch_and_keep_their_order(wanted: list[float]) -> None:
    placed = spread(wanted, 20, 0, 300)
    ordered = sorted(placed)
    assert all(after - before >= 20 - 1e-6 for before, after in itertools.pairwise(ordered))
    assert [place for _, place in sorted(zip(wanted, placed, strict=True))] == ordered
    assert all(-1e-9 <= place <= 300 + 1e-9 for place in placed)


@given(st.text(st.characters(codec="ascii", categories=["L", "Zs"]), max_size=120), st.integers(4, 40))
def test_wrapped_lines_fit_and_a_cut_is_shown(text: str, letters: int) -> None:
    lines = wrapped(text, letters, most=3)
    assert len(lines) <= 3
    assert all(len(line) <= letters for line in lines)
    assert " ".join(lines) == " ".join(text.split()) or any("…" in line for line in lines)
