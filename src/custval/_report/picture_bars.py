"""Bars with their name above and their figure at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from custval._report.markup import Markup, join, tag
from custval._report.svg import letters_wide, picture, words, wrapped

__all__ = ("Bar", "bars_picture")

ROW = 44.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its length in data units, the figure in words, its colour's number."""

    label: str
    value: float
    text: str
    series: int


def bars_picture(bars: Sequence[Bar], *, width: float, key: str, title: str) -> Markup:
    """Draw one bar for each entry, to a common scale that starts at zero."""
    most = max((bar.value for bar in bars if bar.value > 0), default=1.0)
    room = width - 12 - max((7.0 * len(bar.text) for bar in bars), default=0.0)
    parts = [_row(bar, position, room * max(bar.value, 0.0) / most, width) for position, bar in enumerate(bars)]
    description = "; ".join(f"{bar.label}: {bar.text}" for bar in bars) + "."
    height = ROW * max(len(bars), 1)
    return picture(join(parts), width=width, height=height, key=key, title=title, description=description)


def _row(bar: Bar, position: int, length: float, width: float) -> Markup:
    top = ROW * position
    label = wrapped(bar.label, letters_wide(width, 13), 1)
    body = tag(
        "rect", x=0, y=top + 20, width=round(max(length, 1.5), 1), height=14, rx=1.5, class_=f"fill s{bar.series}"
    )
    figure = words(max(length, 1.5) + 8, top + 31.5, bar.text, class_="figure")
    return join((words(0, top + 13, label[0] if label else "", class_="name"), body, figure))
