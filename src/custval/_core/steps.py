"""Step curves made ready for drawing: one line for each group or cause, with its band and its name.

A Kaplan-Meier or Aalen-Johansen curve jumps at event times and is flat between; a picture needs the start and at most
some hundreds of corners. The start is 0, or later where the curve is of those who stayed so long: nothing is known to
the left of it, and a flat line there would read as if nobody left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("StepLine", "corners", "incidence_lines", "spread", "survival_lines")

MOST_STEPS = 400


@dataclass(frozen=True, slots=True, eq=False)
class StepLine:
    """One step curve: value `values[i]` from `times[i]` until the next time; the band is None where there is none."""

    label: str
    times: FloatArray
    values: FloatArray
    lower: FloatArray | None
    upper: FloatArray | None


def survival_lines(curves: Any, begin: float = 0.0) -> tuple[StepLine, ...]:
    """Return one line from `begin` for each group of Kaplan-Meier `curves` (without a label where there are none)."""
    return tuple(_line(name, curve, "survival", (begin, 1.0), None) for name, curve in _groups(curves))


def incidence_lines(curves: Any, begin: float = 0.0) -> tuple[StepLine, ...]:
    """Return one line from `begin` for each cause (and group) of Aalen-Johansen `curves`."""
    made: list[StepLine] = []
    for name, curve in _groups(curves):
        for position, cause in enumerate(curve.causes):
            label = f"{name}: {cause}" if name else str(cause)
            made.append(_line(label, curve, "incidence", (begin, 0.0), position))
    return tuple(made)


def corners(times: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the corners of a right-continuous step line, so that straight segments through them draw the steps."""
    return np.repeat(times, 2)[1:], np.repeat(values, 2)[:-1]


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Return positions near the `wanted` ones, in order, at least `gap` apart, within the range if it is wide enough.

    >>> spread([10, 12, 40], 15, 0, 100)
    [10.0, 25.0, 40.0]
    """
    order = np.argsort(wanted, kind="stable")
    placed = np.asarray(wanted, dtype=np.float64)[order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    if len(placed) and placed[-1] > high:
        placed[-1] = high
        for i in range(len(placed) - 2, -1, -1):
            placed[i] = min(placed[i], placed[i + 1] - gap)
        placed += max(low - placed[0], 0.0)
    back = np.empty(len(placed))
    back[order] = placed
    return [float(value) for value in back]


def _groups(curves: Any) -> list[tuple[str, Any]]:
    if isinstance(curves, Mapping) or callable(getattr(curves, "items", None)):
        return [(str(name), curve) for name, curve in curves.items()]
    return [("", curves)]


def _line(label: str, curve: Any, field: str, start: tuple[float, float], cause: int | None) -> StepLine:
    begin, first = start
    times = np.asarray(curve.times, dtype=np.float64)
    reached = int(np.searchsorted(times, begin, side="right"))  # the last step at or before `begin` holds there
    keep = _thinned(times, reached)
    values = _row(getattr(curve, field), cause)
    lower, upper = (_bound(getattr(curve, name, None), values, cause) for name in ("lower", "upper"))

    def led(row: FloatArray) -> FloatArray:
        return np.concatenate(([row[reached - 1] if reached else first], row[keep]))

    bounds = (None if row is None else led(row) for row in (lower, upper))
    return StepLine(label, np.concatenate(([begin], times[keep])), led(values), *bounds)


def _row(matrix: Any, cause: int | None) -> FloatArray:
    # values that do not exist are masked; nan carries that to `_bound` and no further
    array = np.asarray(np.ma.filled(np.ma.asarray(matrix, dtype=np.float64), np.nan))
    row: FloatArray = array if array.ndim == 1 else array[0 if cause is None else cause]
    return row


def _bound(matrix: Any, values: FloatArray, cause: int | None) -> FloatArray | None:
    """Return a bound at every step; where it does not exist the band closes on the curve itself."""
    if matrix is None:
        return None
    row = _row(matrix, cause)
    known = np.isfinite(row)
    return np.where(known, row, values) if known.any() else None


def _thinned(times: FloatArray, first: int) -> Any:
    """Return the positions to draw, from `first` on."""
    if len(times) - first <= MOST_STEPS:
        return np.arange(first, len(times))
    # The last step at or before each point of an even grid: exact values there, and the final time is kept.
    grid = np.linspace(times[first], times[-1], MOST_STEPS)
    return np.unique(np.searchsorted(times, grid, side="right") - 1)
