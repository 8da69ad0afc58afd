"""Survival and incidence as step curves with bands, each named where it ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from custval._core.steps import StepLine, corners, spread
from custval._core.wording import months_text, percent_text, sentence
from custval._report.markup import Markup, join, tag
from custval._report.parts import titled
from custval._report.svg import (
    Plane,
    area,
    letters_wide,
    month_ticks,
    path,
    picture,
    picture_height,
    ticks,
    words,
    wrapped,
)
from custval._report.svg import x_axis as axis_across
from custval._report.svg import y_axis as axis_up

__all__ = ("MOST_LINES", "incidence_picture", "stayed", "survival_picture")

MOST_LINES = 7


def stayed(begin: float, unit: str) -> str:
    """Return whom curves that start at `begin` are of; nothing where they start at joining.

    >>> stayed(9.0, "month"), stayed(0.0, "month")
    ('of those who stayed at least 9 months', '')
    """
    return f"of those who stayed at least {months_text(begin, unit)}" if begin > 0 else ""


def survival_picture(lines: Sequence[StepLine], *, unit: str, width: float, key: str, title: str) -> Markup:
    """Draw the share still with the company by tenure, a line for each group, from where the lines start."""
    return _step_picture(lines, unit=unit, width=width, key=key, title=title, label="Still customers", high=1.0)


def incidence_picture(lines: Sequence[StepLine], *, unit: str, width: float, key: str, title: str) -> Markup:
    """Draw the share that has left through each cause by tenure, from where the lines start."""
    high = max((float(line.values.max()) for line in lines if len(line.values)), default=0.0)
    label = "Have left"
    return _step_picture(
        lines, unit=unit, width=width, key=key, title=title, label=label, high=min(1.1 * high, 1.0) or 0.1
    )


def _step_picture(
    lines: Sequence[StepLine], *, unit: str, width: float, key: str, title: str, label: str, high: float
) -> Markup:
    shown = lines[:MOST_LINES]
    margin, height = _label_margin(shown, width), picture_height(width)
    begin, last = _reach(shown)
    plane = Plane(44, 26, width - margin, height - 46, begin, last, 0.0, high)
    across = [(value, f"{value:g}") for value in _across(begin, last, unit)]
    upward = [(value, f"{100 * value:g}%") for value in ticks(0, high, 4)]
    whom = stayed(begin, unit)
    return picture(
        axis_up(plane, upward, f"{label}, {whom}" if whom else label),
        axis_across(plane, across, f"{unit.capitalize()}s since joining" + (f", from {begin:g} on" if whom else "")),
        *(_band(plane, line, position) for position, line in enumerate(shown)),
        *(path(plane, *corners(line.times, line.values), f"curve s{position}") for position, line in enumerate(shown)),
        _end_labels(plane, shown, margin),
        width=width,
        height=height,
        key=key,
        title=title,
        description=_described(shown, unit, whom),
    )


def _reach(lines: Sequence[StepLine]) -> tuple[float, float]:
    """Return where the lines start and where the last of them ends."""
    begin = min((float(line.times[0]) for line in lines), default=0.0)
    last = max((float(line.times[-1]) for line in lines), default=begin)
    return begin, last if last > begin else begin + 1.0


def _across(begin: float, last: float, unit: str) -> list[float]:
    """Return the ticks across: the start and the round values after it that leave it room."""
    if begin <= 0:
        return month_ticks(last, 6) if unit == "month" else ticks(0, last, 5)
    step = month_ticks(last - begin, 5)[1:2] if unit == "month" else []
    rounds = list(np.arange(0, last + 0.5 * step[0], step[0])) if step else ticks(begin, last, 4)
    return [begin, *(float(value) for value in rounds if begin + 0.08 * (last - begin) < value <= last)]


def _band(plane: Plane, line: StepLine, position: int) -> Markup:
    if line.lower is None or line.upper is None:
        return Markup("")
    xs, lower = corners(line.times, np.clip(line.lower, plane.y_low, plane.y_high))
    _, upper = corners(line.times, np.clip(line.upper, plane.y_low, plane.y_high))
    return area(plane, xs, lower, upper, f"band s{position}")


def _end_labels(plane: Plane, lines: Sequence[StepLine], margin: float) -> Markup:
    named = [line for line in lines if len(line.values)]
    # Curves of different lengths are named at the right edge, at the height of their last value.
    wanted = [plane.y(float(line.values[-1])) for line in named]
    heights = spread(wanted, 27.0, plane.top + 4, plane.bottom - 10)
    letters = letters_wide(margin - 16)
    parts = []
    for position, (line, wish, at) in enumerate(zip(named, wanted, heights, strict=True)):
        end = plane.x(float(line.times[-1]))
        name = wrapped(titled(line.label or "All"), letters, 1)[0]
        parts += [
            tag("path", d=f"M{end:.1f},{wish:.1f}L{plane.right + 8:.1f},{at:.1f}", class_=f"leader s{position}"),
            tag("circle", cx=round(end, 1), cy=round(wish, 1), r=2.5, class_=f"dot s{position}"),
            words(plane.right + 12, at + 1, name, class_="name"),
            words(plane.right + 12, at + 14, percent_text(float(line.values[-1])), class_="tick"),
        ]
    return join(parts)


def _label_margin(lines: Sequence[StepLine], width: float) -> float:
    longest = max((len(line.label or "All") for line in lines), default=3)
    return min(28 + 6.7 * max(longest, 5), 0.34 * width)


def _described(lines: Sequence[StepLine], unit: str, whom: str) -> str:
    ends = [
        f"{line.label or 'all customers'}: {percent_text(float(line.values[-1]))} after {line.times[-1]:g} {unit}s"
        for line in lines
        if len(line.values)
    ]
    return (f"{sentence(whom)}: " if whom else "") + "; ".join(ends) + "."
