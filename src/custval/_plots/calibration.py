"""Forecast against what happened: groups with their intervals, the smooth curve, and the line of a true forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.palette import INK, MUTED, series_colour
from custval._plots.axes import new_axes, quiet, share_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.metrics import Calibration

__all__ = ("plot_calibration",)


@public("plots")
def plot_calibration(found: Calibration, *, ax: Axes | None = None) -> Axes:
    """Draw the share that left against the share that was forecast: on the diagonal the forecast is right.

    Parameters
    ----------
    found : Calibration
        What ``custval.metrics.calibration`` returns: its groups are points with 95 % intervals, its curve a line with a
        band.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; both run from 0 to the largest share shown.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.metrics import calibration
    >>> from custval.plots import plot_calibration
    >>> y, p = ([3, 5, 8, 9, 2, 7], [1, 0, 1, 0, 1, 1]), [0.6, 0.5, 0.3, 0.1, 0.2, 0.4]
    >>> axes = plot_calibration(calibration(y, p, horizon=4.0, groups=2))
    >>> axes.get_title(loc="left"), axes.get_ylabel()
    ('Share that left within 4, against forecast', 'Observed')
    """
    axes = new_axes(ax, width=5.6, height=5.0)
    quiet(axes)
    colour, dots = series_colour(0), series_colour(1)
    curve = found.curve
    order = np.argsort(curve.predicted, kind="stable")
    across = curve.predicted[order]
    axes.fill_between(across, curve.lower[order], curve.upper[order], color=colour, alpha=0.14, linewidth=0)
    axes.plot(across, curve.observed[order], color=colour, linewidth=2, label="smooth curve, 95 % band")
    reach = np.abs(np.vstack([found.lower, found.upper]) - found.observed)
    style: dict[str, Any] = {"color": dots, "markersize": 5, "linewidth": 1.2}
    axes.errorbar(found.predicted, found.observed, yerr=reach, fmt="o", label="groups, 95 % interval", **style)
    top = min(1.05 * max(float(found.upper.max()), float(found.predicted.max()), float(across.max())), 1.0)
    axes.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle=(0, (5, 3)), label="a true forecast")
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_xlabel("Forecast")
    axes.set_ylabel("Observed")
    for axis in ("x", "y"):
        share_ticks(axes, axis)
    axes.legend(frameon=False, fontsize=8.5, loc="upper left", labelcolor=INK)
    titled(axes, f"Share that left within {found.horizon:g}, against forecast")
    return axes
