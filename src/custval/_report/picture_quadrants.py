"""Four tinted fields: each with its name, heads, money and strategy above a sample of its customers as dots.

Each axis is linear on either side of its cut, so that the cut stands in the middle; the marks show the true values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from custval._core.palette import QUADRANT_SERIES
from custval._core.typing import FloatArray, IntArray
from custval._core.wording import money_text
from custval._report.markup import Markup, join, tag
from custval._report.svg import Plane, letters_wide, picture, words, wrapped

__all__ = ("Field", "QuadrantDots", "quadrants_picture")

MOST_DOTS = 1600
LEFT, GAP, FOOT = 32.0, 6.0, 44.0
PLACES = ((1, 0), (1, 1), (0, 0), (0, 1))
"""Column and row of the fields high/high, high/low, low/high, low/low (value across, potential up)."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one field says: its name, its figures line by line, its strategy."""

    name: str
    figures: tuple[str, ...]
    strategy: str


@dataclass(frozen=True, slots=True, eq=False)
class QuadrantDots:
    """The sample: positions on both axes, field of each, the cuts, what the axes count."""

    current: FloatArray
    potential: FloatArray
    quadrant: IntArray
    cut_current: float
    cut_potential: float
    label_current: str
    label_potential: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the four fields stand: their common size, the height of their words, their corners."""

    width: float
    height: float
    left: float
    base: float
    across: float
    tall: float
    head: float
    size: float
    corners: tuple[tuple[float, float], ...]


def quadrants_picture(
    fields: Sequence[Field], dots: QuadrantDots, *, currency: str | None, width: float, key: str, title: str
) -> Markup:
    """Draw the four fields; `fields` stand in the order high/high, high/low, low/high, low/low."""
    size = 13.0 if width > 500 else 11.5
    across = (width - LEFT - GAP) / 2
    texts = [_lines(field, across - 24, size) for field in fields]
    layout = _layout(width, across, size, max(len(lines) for lines in texts))
    drawn = (_field(layout, position, lines) for position, lines in enumerate(texts))
    told = (f"{field.name}: {', '.join(field.figures)}. {field.strategy}" for field in fields)
    return picture(
        *drawn,
        *(_cloud(layout, position, dots) for position in range(4)),
        _axis_words(layout, dots, currency),
        width=width,
        height=round(layout.height, 1),
        key=key,
        title=title,
        description="; ".join(told),
    )


def _layout(width: float, across: float, size: float, lines: int) -> Layout:
    head = 17 + (size + 4.5) * lines + 8
    tall = head + (170 if width > 500 else 110)
    corners = tuple((LEFT + column * (across + GAP), row * (tall + GAP)) for column, row in PLACES)
    base = 2 * tall + GAP
    return Layout(width, base + FOOT, LEFT, base, across, tall, head, size, corners)


def _lines(field: Field, room: float, size: float) -> list[tuple[str, str]]:
    """Return the field's words line by line, each with its class: name, figures, strategy."""
    letters = letters_wide(room, size)
    named = [(text, "quadrant") for text in wrapped(field.name, letters_wide(room, 1.45 * size), 2)]
    figures = [
        (text, "fact strong" if not place else "fact")
        for place, whole in enumerate(field.figures)
        for text in ([whole] if len(whole) <= letters else whole.split(" · "))
    ]
    return named + figures + [(text, "strategy") for text in wrapped(field.strategy, letters, 4)]


def _field(layout: Layout, position: int, lines: Sequence[tuple[str, str]]) -> Markup:
    x, y = (round(value, 1) for value in layout.corners[position])
    series, width = QUADRANT_SERIES[position], round(layout.across, 1)
    row = layout.size + 4.5
    return join(
        (
            tag("rect", x=x, y=y, width=width, height=round(layout.tall, 1), class_=f"tint s{series}"),
            tag("rect", x=x, y=y, width=width, height=3, class_=f"fill s{series}"),
            *(
                words(x + 12, y + 10 + row * (place + 1) + (3 if kind != "quadrant" else 0), text, class_=kind)
                for place, (text, kind) in enumerate(lines)
            ),
        )
    )


def _cloud(layout: Layout, position: int, dots: QuadrantDots) -> Markup:
    """Draw one field's sample as a single path of round dots: small in the file, quick to draw."""
    column, row = PLACES[position]
    x_low, x_high = _reach(dots.current, dots.cut_current)
    y_low, y_high = _reach(dots.potential, dots.cut_potential)
    x_range = (dots.cut_current, x_high) if column else (x_low, dots.cut_current)
    y_range = (dots.cut_potential, y_high) if row == 0 else (y_low, dots.cut_potential)
    left, top = layout.corners[position]
    right, bottom = left + layout.across - 8, top + layout.tall - 8
    plane = Plane(left + 8, top + layout.head + 4, right, bottom, *x_range, *y_range)
    step = max(-(-len(dots.current) // MOST_DOTS), 1)
    chosen = np.flatnonzero(dots.quadrant == position)[::step]
    current, potential = np.clip(dots.current[chosen], *x_range), np.clip(dots.potential[chosen], *y_range)
    pairs = zip(current.tolist(), potential.tolist(), strict=True)
    marks = "".join(f"M{plane.x(x):.0f} {plane.y(y):.0f}h0" for x, y in pairs)
    return tag("path", d=marks, class_=f"cloud s{QUADRANT_SERIES[position]}") if marks else Markup("")


def _reach(values: FloatArray, cut: float) -> tuple[float, float]:
    low, high = (float(value) for value in np.quantile(values, [0.01, 0.99])) if len(values) else (cut, cut)
    room = max(abs(cut), 1.0) * 1e-6
    return min(low, cut - room), max(high, cut + room)


def _axis_words(layout: Layout, dots: QuadrantDots, currency: str | None) -> Markup:
    base, middle, rise = layout.base, layout.left + (layout.width - layout.left) / 2, layout.base / 2
    upward = f"{dots.label_potential} →"
    cut = f"cut at {money_text(dots.cut_current, currency)}"
    other = f"cut at {money_text(dots.cut_potential, currency)}"
    letters = letters_wide(0.5 * layout.base - 40)
    return join(
        (
            words(middle, base + 17, cut, anchor="middle", class_="tick"),
            words(layout.left, base + 17, "low", class_="tick"),
            words(layout.width, base + 17, "high", anchor="end", class_="tick"),
            words(middle, base + 36, f"{dots.label_current} →", anchor="middle", class_="label"),
            _upward(other, 22, rise, "tick"),
            _upward(wrapped(upward, letters * 2, 1)[0], 6, rise, "label"),
            _upward("low", 22, base, "tick", anchor="start"),
            _upward("high", 22, 0, "tick", anchor="end"),
        )
    )


def _upward(text: str, x: float, y: float, class_: str, *, anchor: str = "middle") -> Markup:
    place = f"rotate(-90 {x:g} {y:.1f})"
    return tag("text", text, x=x, y=round(y, 1), text_anchor=anchor, class_=class_, transform=place)
