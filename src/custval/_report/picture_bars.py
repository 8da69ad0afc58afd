"""Bars with their name above and their figure at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from custval._report.markup import Markup, join, tag
from custval._report.svg import letters_wide, picture, words, wrapped

__all__ = ("Bar", "bars_picture")

ROW, LINE, SIZE = 44.0, 16.0, 13.6


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
    parts, top = [], 0.0
    for bar in bars:
        label = wrapped(bar.label, letters_wide(width, SIZE), 2)
        parts.append(_row(bar, label, top, max(room * max(bar.value, 0.0) / most, 1.5)))
        top += ROW + LINE * (len(label) - 1)
    description = "; ".join(f"{bar.label}: {bar.text}" for bar in bars) + "."
    return picture(join(parts), width=width, height=top, key=key, title=title, description=description)


def _row(bar: Bar, label: Sequence[str], top: float, length: float) -> Markup:
    lines = [words(0, top + 13 + LINE * place, text, class_="name") for place, text in enumerate(label)]
    under = top + LINE * (len(label) - 1)
    size = {"width": round(length, 1), "height": 14, "rx": 1.5}
    body = tag("rect", x=0, y=under + 20, class_=f"fill s{bar.series}", **size)
    return join((*lines, body, words(length + 8, under + 31.5, bar.text, class_="figure")))
