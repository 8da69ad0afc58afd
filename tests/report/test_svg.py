from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custval._core.steps import StepLine, spread
from custval._report.picture_curves import survival_picture
from custval._report.picture_value import lorenz_picture
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


@pytest.mark.parametrize(
    "shares", [[0.0, 0.5, 1.0], [0.0, 0.02, 1.0], [0.0, -0.3, 1.0]], ids=["equal", "steep", "debts"]
)
@pytest.mark.parametrize("width", [342.0, 500.0])
def test_the_words_on_concentration_stand_clear_of_the_curve(shares: list[float], width: float) -> None:
    value = np.array(shares)
    drawn = lorenz_picture(np.array([0, 0.5, 1]), value, top_share=0.4, gini=0.2, width=width, key="k", title="t")
    found = re.search(r'<text x="([0-9.]+)" y="([0-9.]+)" text-anchor="end" class="name halo">The top', drawn)
    assert found
    height = 320.0 if width > 400 else 256.0
    plane = Plane(44, 26, width - 18, height - 46, 0, 1, min(shares), 1)
    right, bottom = float(found[1]), float(found[2])
    across = (right - plane.left) / (plane.right - plane.left)
    assert bottom + 3 < plane.y(across)  # above the diagonal, which no curve of concentration crosses
    assert right - 7.5 * len("The top 20% hold 40.0%") > plane.left


@pytest.mark.parametrize(("begin", "marks"), [(0.0, ["0", "12", "24"]), (9.0, ["9", "24", "48"]), (55.0, ["55", "60"])])
def test_the_axis_starts_where_the_lines_do(begin: float, marks: list[str]) -> None:
    line = StepLine("", np.array([begin, begin + 2, 72.0]), np.array([1, 0.5, 0.2]), None, None)
    drawn = survival_picture([line], unit="month", width=500, key="k", title="t")
    ticks_below = re.findall(r'text-anchor="middle" class="tick">([0-9.]+)<', drawn)
    assert ticks_below[: len(marks)] == marks
    assert ticks_below[-1] == "72"


def test_a_curve_of_one_moment_is_drawn() -> None:
    for begin in (0.0, 7.0):
        line = StepLine("", np.array([begin]), np.array([1.0]), None, None)
        drawn = survival_picture([line], unit="day", width=342, key="k", title="t")
        assert "nan" not in drawn
        assert "inf" not in drawn
