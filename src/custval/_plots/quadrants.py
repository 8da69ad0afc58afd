"""Current value against potential value: four tinted fields with heads and money, and a sample of customers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import is_frame, to_columns
from custval._core.palette import INK, MUTED, QUADRANT_SERIES, series_colour
from custval._core.typing import AnyFrame, FloatArray
from custval._core.wording import count_text, money_text, percent_text, quadrant_name
from custval._plots.axes import money_ticks, new_axes, quiet, titled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from custval.pipeline import QuadrantPoints
    from custval.segments import QuadrantTable, ValuePotential

__all__ = ("plot_quadrants",)

_AXES = ("Current value", "Potential value")
PLACES = ((1, 1), (1, 0), (0, 1), (0, 0))
"""High or low on (current, potential) of the fields in the order of ``QuadrantPoints.names``."""


@public("plots")
def plot_quadrants(
    points: QuadrantPoints | ValuePotential,
    table: pd.DataFrame | QuadrantTable | None = None,
    *,
    X: AnyFrame | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw customers on the two axes of value, in four fields with their names, heads and money.

    Parameters
    ----------
    points : QuadrantPoints or ValuePotential
        ``analysis.quadrant_points``: a sample of customers, the cuts, the names; or a fitted ``ValuePotential``.
    table : pandas.DataFrame or QuadrantTable, optional
        ``analysis.quadrants`` or ``ValuePotential.table(...)``; its heads and lifetime value are written into the
        fields.
    X : frame or array of n rows, optional
        The customers, where `points` is a ``ValuePotential``.
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
    InputError
        If `points` is something else, or a ``ValuePotential`` comes without `X`.

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
    shown = _points_of(points, X)
    axes = new_axes(ax, width=7.6, height=5.6)
    quiet(axes, grid=None)
    across = _reach(shown.current, shown.cut_current)
    upward = _reach(shown.potential, shown.cut_potential)
    rows = {} if table is None else {str(row["quadrant"]): row for row in _frame_of(table).to_dict("records")}
    for position, (right, top) in enumerate(PLACES):
        colour = series_colour(QUADRANT_SERIES[position])
        x = (shown.cut_current, across[1]) if right else (across[0], shown.cut_current)
        y = (shown.cut_potential, upward[1]) if top else (upward[0], shown.cut_potential)
        chosen = shown.quadrant == position
        axes.fill_between(x, *y, color=colour, alpha=0.09, linewidth=0)
        dots = np.clip(shown.current[chosen], *across), np.clip(shown.potential[chosen], *upward)
        axes.scatter(*dots, s=9, color=colour, alpha=0.55, linewidths=0, clip_on=False)
    # words last: they lie over the dots of every field
    for position, name in enumerate(shown.names):
        _words(axes, PLACES[position], name, rows.get(name), currency)
    axes.axvline(shown.cut_current, color=MUTED, linewidth=1)
    axes.axhline(shown.cut_potential, color=MUTED, linewidth=1)
    axes.set(xlim=across, ylim=upward, xlabel=shown.label_current, ylabel=shown.label_potential)
    money_ticks(axes, "x", currency)
    money_ticks(axes, "y", currency)
    titled(axes, "Value and potential")
    return axes


def _words(axes: Axes, place: tuple[int, int], name: str, row: Any, currency: str | None) -> None:
    right, top = place
    text = quadrant_name(name)
    if row is not None:
        heads = f"{count_text(row['customers'])} customers ({percent_text(row['share_of_customers'])})"
        money = money_text(row.get("lifetime_value", row.get("current_value")), currency)
        text = f"{text}\n{heads}\n{money} ({percent_text(row.get('share_of_value'))})"
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


def _points_of(points: Any, X: AnyFrame | None) -> Any:
    """Return what is drawn: the points themselves, or those of the customers `X` under a fitted ``ValuePotential``."""
    if hasattr(points, "cut_current"):
        return points
    if not hasattr(points, "cuts_") or not hasattr(points, "quadrant"):
        kind = type(points).__name__
        raise InputError(
            f"points must be QuadrantPoints (analysis.quadrant_points) or a fitted ValuePotential, not {kind}"
        )
    if X is None:
        raise InputError("a ValuePotential needs its customers: plot_quadrants(model, X=axes)")
    if len(points.names_) != len(PLACES):
        raise InputError(
            "a cube of value, potential and loyalty has no flat picture; fit two of its axes and draw those"
        )
    columns = to_columns(X) if is_frame(X) else {}
    names = list(columns)
    fitted = [str(name) for name in getattr(points, "feature_names_in_", ())]
    if columns:  # only the axes: other columns may hold text
        chosen = [columns[axis if isinstance(axis, str) else names[axis]] for axis in points.axes_]
        current, potential = (np.asarray(getattr(one, "value", one), dtype=np.float64) for one in chosen)
    else:
        places = [fitted.index(axis) if isinstance(axis, str) else int(axis) for axis in points.axes_]
        current, potential = np.asarray(X, dtype=np.float64)[:, places].T
    labels = [axis if isinstance(axis, str) else word for axis, word in zip(points.axes_, _AXES, strict=True)]
    return SimpleNamespace(
        current=current,
        potential=potential,
        quadrant=points.predict(X),
        names=points.names_,
        cut_current=float(points.cuts_[0]),
        cut_potential=float(points.cuts_[1]),
        label_current=labels[0],
        label_potential=labels[1],
    )


def _frame_of(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = table if hasattr(table, "columns") else table.to_frame()
    return frame


def _reach(values: FloatArray, cut: float) -> tuple[float, float]:
    low, high = (float(bound) for bound in np.quantile(values, [0.01, 0.99])) if len(values) else (cut, cut)
    room = max(0.05 * (high - low), 1e-6 * max(abs(cut), 1.0))
    return min(low, cut) - room, max(high, cut) + room
