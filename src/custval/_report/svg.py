"""A small writer of SVG pictures: a plane with scales, axes with ticks, lines, areas and words.

Colours are classes (``s0`` .. ``s6`` for the series) that the page's style sheet fills from its variables, so that one
picture serves light pages, dark pages and paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from custval._core.typing import FloatArray
from custval._report.markup import Content, Markup, join, tag

__all__ = (
    "Plane",
    "area",
    "letters_wide",
    "line",
    "month_ticks",
    "path",
    "picture",
    "picture_height",
    "ticks",
    "words",
    "wrapped",
    "x_axis",
    "y_axis",
)

LETTER = 6.5  # mean advance in pixels of a letter at the pictures' 12 px
MONTH_STEPS = (1, 2, 3, 6, 12, 24, 36, 60, 120)


@dataclass(frozen=True, slots=True)
class Plane:
    """A rectangle on the page and the ranges it shows; ``x`` and ``y`` turn data into pixels."""

    left: float
    top: float
    right: float
    bottom: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """Return the pixel of `value` across."""
        return self.left + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return the pixel of `value` down the page."""
        return self.bottom - (value - self.y_low) / (self.y_high - self.y_low) * (self.bottom - self.top)


def picture(*children: Content, width: float, height: float, key: str, title: str, description: str) -> Markup:
    """Return one ``<svg>`` with a name and a description for readers who hear the page; `key` makes its ids unique."""
    named = (tag("title", title, id=f"{key}-title"), tag("desc", description, id=f"{key}-desc"))
    ids = f"{key}-title {key}-desc"
    box = f"0 0 {width:g} {height:g}"
    return tag("svg", *named, *children, viewBox=box, width=width, height=height, role="img", aria_labelledby=ids)


def picture_height(width: float) -> float:
    """Return the height of a picture in pixels: lower where it is narrow, so that a phone shows it whole."""
    return 320.0 if width > 400 else 256.0


def words(x: float, y: float, content: Content, *, anchor: str = "start", class_: str | None = None) -> Markup:
    """Return text at a point, anchored at its start, middle or end."""
    return tag(
        "text", content, x=round(x, 1), y=round(y, 1), text_anchor=None if anchor == "start" else anchor, class_=class_
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return tag("line", x1=round(x1, 1), y1=round(y1, 1), x2=round(x2, 1), y2=round(y2, 1), class_=class_)


def path(plane: Plane, xs: FloatArray, ys: FloatArray, class_: str) -> Markup:
    """Return straight segments through the points."""
    return tag("path", d="M" + _points(plane, xs, ys), class_=class_)


def area(plane: Plane, xs: FloatArray, lower: FloatArray, upper: FloatArray, class_: str) -> Markup:
    """Return the filled area between two lines."""
    back = _points(plane, xs[::-1], lower[::-1])
    return tag("path", d=f"M{_points(plane, xs, upper)}L{back}Z", class_=class_)


def x_axis(plane: Plane, marks: Iterable[tuple[float, str]], label: str) -> Markup:
    """Return the line below, its marks and what it counts."""
    parts = [line(plane.left, plane.bottom, plane.right, plane.bottom, "axis")]
    for value, text in marks:
        at = plane.x(value)
        parts += [
            line(at, plane.bottom, at, plane.bottom + 4, "axis"),
            words(at, plane.bottom + 17, text, anchor="middle", class_="tick"),
        ]
    parts.append(words((plane.left + plane.right) / 2, plane.bottom + 35, label, anchor="middle", class_="label"))
    return join(parts)


def y_axis(plane: Plane, marks: Iterable[tuple[float, str]], label: str) -> Markup:
    """Return the grid across, its marks at the left and, above them, what they count."""
    parts = [words(0, 12, label, class_="label")]
    for value, text in marks:
        at = plane.y(value)
        parts += [
            line(plane.left, at, plane.right, at, "grid"),
            words(plane.left - 6, at + 4, text, anchor="end", class_="tick"),
        ]
    return join(parts)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers from `low` to `high`, about `count` of them.

    >>> ticks(0, 0.43, 4)
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """
    span = max(high - low, 1e-12)
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * step for step in (1, 2, 2.5, 5, 10) if span / (power * step) <= count + 0.5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(position * step, 12) for position in range(first, last + 1)]


def month_ticks(high: float, count: int = 7) -> list[float]:
    """Return months from 0 to `high` at steps that calendars know.

    >>> month_ticks(72)
    [0.0, 12.0, 24.0, 36.0, 48.0, 60.0, 72.0]
    """
    step = next((step for step in MONTH_STEPS if high / step <= count), None)
    return ticks(0, high, count) if step is None else [float(month) for month in range(0, int(high) + 1, step)]


def letters_wide(pixels: float, size: float = 12.0) -> int:
    """Return how many letters fit into `pixels` at a font of `size` pixels."""
    return max(int(pixels / (LETTER * size / 12.0)), 1)


def wrapped(text: str, letters: int, most: int = 3) -> list[str]:
    """Return `text` in lines of at most `letters`, the last one cut with an ellipsis where it does not fit.

    >>> wrapped("keep them with a personal offer", 12, most=2)
    ['keep them', 'with a…']
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= letters or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    cut = len(lines) > most
    kept = [_cut(item, letters) for item in lines[:most]]
    if cut:
        kept[-1] = _cut(kept[-1] + " …", letters).replace(" …", "…")
    return kept


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: max(letters - 1, 1)].rstrip() + "…"


def _points(plane: Plane, xs: FloatArray, ys: FloatArray) -> str:
    pixels = ((plane.x(float(x)), plane.y(float(y))) for x, y in zip(xs, ys, strict=True))
    return "L".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
