from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from custval._core.steps import corners, incidence_lines, survival_lines
from custval.survival import aalen_johansen, kaplan_meier, survival_target


def test_a_line_starts_at_zero_and_keeps_every_step() -> None:
    curve = kaplan_meier(survival_target([2, 5, 7, 12], [1, 1, 0, 1]))
    (line,) = survival_lines(curve)
    assert line.label == ""
    assert line.times.tolist() == [0, 2, 5, 7, 12]
    assert line.values == pytest.approx([1, 0.75, 0.5, 0.5, 0])
    assert line.lower is not None
    assert np.isfinite(line.lower).all()  # masked at zero: there the band closes on the curve
    assert line.lower[-1] == 0


def test_groups_and_causes_are_named() -> None:
    y = survival_target([2, 5, 7, 12], [1, 2, 0, 1], causes=["own wish", "debt"])
    groups = ["b", "a", "b", "a"]
    assert [line.label for line in survival_lines(kaplan_meier(y, groups=groups))] == ["a", "b"]
    assert [line.label for line in incidence_lines(aalen_johansen(y))] == ["own wish", "debt"]
    named = [line.label for line in incidence_lines(aalen_johansen(y, groups=groups))]
    assert named == ["a: own wish", "a: debt", "b: own wish", "b: debt"]


def test_a_long_curve_is_thinned_but_right_where_it_is_drawn() -> None:
    times = np.arange(1.0, 5001.0)
    values = np.exp(-times / 900)
    (line,) = survival_lines(SimpleNamespace(times=times, survival=values, lower=None, upper=None))
    assert len(line.times) <= 401
    assert line.times[-1] == 5000
    assert line.values[1:] == pytest.approx(np.exp(-line.times[1:] / 900))
    assert line.lower is None


def test_corners_make_steps() -> None:
    xs, ys = corners(np.array([0.0, 2.0, 5.0]), np.array([1.0, 0.5, 0.2]))
    assert list(zip(xs.tolist(), ys.tolist(), strict=True)) == [(0, 1), (2, 1), (2, 0.5), (5, 0.5), (5, 0.2)]


def test_a_curve_without_bounds_has_no_band() -> None:
    nothing = np.full(2, np.nan)
    (line,) = survival_lines(
        SimpleNamespace(times=np.array([1.0, 2.0]), survival=np.array([0.5, 0.2]), lower=nothing, upper=nothing)
    )
    assert line.lower is None


def test_curves_of_those_who_stayed_start_there() -> None:
    y = survival_target([5, 7, 12, 12], [1, 2, 1, 0], entry=[4, 4, 4, 4], causes=["own wish", "debt"])
    (line,) = survival_lines(kaplan_meier(y), 4)
    assert line.times.tolist() == [4, 5, 7, 12]
    assert line.values == pytest.approx([1, 0.75, 0.5, 0.25])
    first, second = incidence_lines(aalen_johansen(y), 4)
    assert (first.times[0], first.values[0], second.values[0]) == (4, 0, 0)
    assert first.lower is not None
    assert len(first.lower) == len(first.times)


def test_a_start_between_steps_takes_the_value_that_holds_there() -> None:
    curve = kaplan_meier(survival_target([2, 5, 7, 12], [1, 1, 0, 1]))
    (line,) = survival_lines(curve, 6)
    assert line.times.tolist() == [6, 7, 12]
    assert line.values == pytest.approx([0.5, 0.5, 0])


def test_a_long_curve_is_thinned_from_its_start_on() -> None:
    times = np.arange(1.0, 5001.0)
    (line,) = survival_lines(SimpleNamespace(times=times, survival=1 - times / 5000, lower=None, upper=None), 2000)
    assert (line.times[0], line.times[1], line.times[-1]) == (2000, 2001, 5000)
    assert len(line.times) <= 401
    assert line.values == pytest.approx(1 - line.times / 5000)
