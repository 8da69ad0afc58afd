"""One calm set of colours for every picture, told apart by colour-blind readers too.

The hues follow Okabe and Ito (2008), "Color Universal Design", darkened where a thin line on white needs it and
lightened for dark pages. Each has at least 3:1 contrast against its page (a test measures it).
"""

from __future__ import annotations

__all__ = ("DARK", "GRID", "INK", "LIGHT", "MUTED", "QUADRANT_SERIES", "series_colour")

INK = "#16202c"
MUTED = "#54616f"
GRID = "#dde3e9"

LIGHT = ("#0067a5", "#c8500a", "#00805c", "#a2487f", "#a87400", "#3f93c4", "#69747f")
DARK = ("#5aaaea", "#f28a4c", "#3dc79b", "#dd93c4", "#e3b448", "#9fd3f3", "#9aa7b4")

QUADRANT_SERIES = (0, 2, 4, 6)
"""Colours of the quadrants high/high, high/low, low/high, low/low (current value first, potential second)."""


def series_colour(position: int) -> str:
    """Return the colour of series number `position`; the last colour, grey, is kept for what comes after the sixth."""
    return LIGHT[min(position, len(LIGHT) - 1)]
