"""Current value against potential value: four tinted fields with heads and money, and a sample of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.palette import INK, MUTED, QUADRANT_SERIES, series_colour
from custval._core.typing import FloatArray
from custval._core.wording import count_text, money_text, percent_text, quadrant_name
from custval._plots.axes import money_ticks, new_axes, quiet, titled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from custval.pipeline import QuadrantPoints

__all__ = ("plot_quadrants",)

PLACES = ((1, 1), (1, 0), (0, 1), (0, 0))
"""High or low on (current, potential) of the fields in the order of ``QuadrantPoints.names``."""


@public("plots")
def plot_quadrants(
    points: QuadrantPoints, table: pd.DataFrame | None = None, *, currency: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw customers on the two axes of value, in four fields with their names, heads and money.

    Parameters
    ----------
    points : QuadrantPoints
        ``analysis.quadrant_points``: a sample of customers, the cuts, the names.
    table : pandas.DataFrame, optional
        ``analysis.quadrants``; its heads and lifetime value are written into the fields.
    currency : str, optional
        Currency of the money written.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, both in money; points beyond hundredth 99 stand at the edge.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from custval.plots import plot_quadrants
    >>> points = SimpleNamespace(
    ...     current=np.array([10.0, 90.0, 20.0, 80.0]), potential=np.array([1.0, 8.0, 9.0, 2.0]),
    ...     quadrant=np.array([3, 0, 2, 1]), names=("stars", "sold out", "promising", "small"),
    ...     cut_current=50.0, cut_potential=5.0, label_current="Current value", label_potential="Potential value",
    ... )
    >>> [text.get_text() for text in plot_quadrants(points).texts]
    ['stars', 'sold out', 'promising', 'small']
    """
    axes = new_axes(ax, width=7.6, height=5.6)
    quiet(axes, grid=None)
    across = _reach(points.current, points.cut_current)
    upward = _reach(points.potential, points.cut_potential)
    rows = {} if table is None else {str(row["quadrant"]): row for row in table.to_dict("records")}
    for position, (right, top) in enumerate(PLACES):
        colour = series_colour(QUADRANT_SERIES[position])
        x = (points.cut_current, across[1]) if right else (across[0], points.cut_current)
        y = (points.cut_potential, upward[1]) if top else (upward[0], points.cut_potential)
        chosen = points.quadrant == position
        axes.fill_between(x, *y, color=colour, alpha=0.09, linewidth=0)
        dots = np.clip(points.current[chosen], *across), np.clip(points.potential[chosen], *upward)
        axes.scatter(*dots, s=9, color=colour, alpha=0.55, linewidths=0, clip_on=False)
    # words last: they lie over the dots of every field
    for position, name in enumerate(points.names):
        _words(axes, PLACES[position], name, rows.get(name), currency)
    axes.axvline(points.cut_current, color=MUTED, linewidth=1)
    axes.axhline(points.cut_potential, color=MUTED, linewidth=1)
    axes.set(xlim=across, ylim=upward, xlabel=points.label_current, ylabel=points.label_potential)
    money_ticks(axes, "x", currency)
    money_ticks(axes, "y", currency)
    titled(axes, "Value and potential")
    return axes


def _words(axes: Axes, place: tuple[int, int], name: str, row: Any, currency: str | None) -> None:
    right, top = place
    text = quadrant_name(name)
    if row is not None:
        heads = f"{count_text(row['customers'])} customers ({percent_text(row['share_of_customers'])})"
        text = f"{text}\n{heads}\n{money_text(row['lifetime_value'], currency)} ({percent_text(row['share_of_value'])})"
    side: dict[str, Any] = {"ha": "right" if right else "left", "va": "top" if top else "bottom"}
    box = {"boxstyle": "square,pad=0.3", "facecolor": "white", "alpha": 0.82, "linewidth": 0}
    axes.text(
        0.985 if right else 0.015,
        0.975 if top else 0.025,
        text,
        transform=axes.transAxes,
        color=INK,
        fontsize=9.5,
        bbox=box,
        **side,
    )


def _reach(values: FloatArray, cut: float) -> tuple[float, float]:
    low, high = (float(bound) for bound in np.quantile(values, [0.01, 0.99])) if len(values) else (cut, cut)
    room = max(0.05 * (high - low), 1e-6 * max(abs(cut), 1.0))
    return min(low, cut) - room, max(high, cut) + room
