"""Customers on the move: flows between states, and the base in the months to come as a fan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import import_extra
from custval._core.palette import INK, MUTED, series_colour
from custval._core.validation import check_choice
from custval._core.wording import count_text, percent_text
from custval._plots.axes import new_axes, quiet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.segments import BaseForecast, MigrationMatrix

__all__ = ("plot_flows", "plot_forecast")

_GAP = 0.03


@public("plots")
def plot_flows(matrix: MigrationMatrix, *, ax: Axes | None = None) -> Axes:
    """Draw the customers who move from each state to each other in a month, as bands as wide as they are many.

    Parameters
    ----------
    matrix : MigrationMatrix
        What ``custval.segments.migration_matrix`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, without ticks: now at the left, a month later at the right.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_flows
    >>> from custval.segments import migration_matrix
    >>> moves = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"], sample_weight=[90, 10])
    >>> [text.get_text() for text in plot_flows(moves).texts]
    ['a 90', 'left 10', 'a 100']
    """
    axes = new_axes(ax, width=7.2, height=4.8)
    axes.set_axis_off()
    count = np.asarray(matrix.count[: matrix.moving])
    total = float(count.sum()) or 1.0
    lefts, rights = _stack(count.sum(axis=1) / total), _stack(count.sum(axis=0) / total)
    taken = [list(lefts), list(rights)]
    paths, patches = import_extra("matplotlib.path", "plots"), import_extra("matplotlib.patches", "plots")
    for i in range(count.shape[0]):
        for j in range(count.shape[1]):
            width = count[i, j] / total
            if not width:
                continue
            ends = taken[0][i], taken[1][j]
            taken[0][i] -= width
            taken[1][j] -= width
            stays = matrix.states[i] == matrix.states[j]
            band = patches.PathPatch(
                _band(paths.Path, *ends, width),
                facecolor=series_colour(i % 6),
                alpha=0.25 if stays else 0.6,
                linewidth=0,
            )
            axes.add_patch(band)
    sides = ((-0.02, "right", lefts, count.sum(axis=1)), (1.02, "left", rights, count.sum(axis=0)))
    for x, align, tops, heads in sides[::-1]:
        for k, (top, head) in enumerate(zip(tops, heads, strict=True)):
            axes.plot([x * 0.98] * 2, [top, top - head / total], color=series_colour(k % 6), linewidth=3)
            label = f"{matrix.states[k]} {count_text(float(head))}"
            axes.text(
                x + 0.03 * np.sign(x - 0.5),
                top - head / total / 2,
                label,
                ha=align,
                va="center",
                fontsize=9.5,
                color=INK,
            )
    axes.set(xlim=(-0.3, 1.3), ylim=(min(lefts[-1], rights[-1]) - 0.3, 1.02))
    low = min(float(lefts[-1] - count[-1].sum() / total), float(rights[-1] - count[:, -1].sum() / total))
    axes.set_ylim(low - 0.02, 1.02)
    gone = float(count[:, matrix.moving :].sum()) / total
    words = f"Moves in a month: {percent_text(gone)} leave" if matrix.absorbing else "Moves in a month"
    titled(axes, words)
    return axes


@public("plots")
def plot_forecast(forecast: BaseForecast, *, state: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the customers expected in the coming months, with the bands of the forecast as a fan.

    Parameters
    ----------
    forecast : BaseForecast
        What ``custval.segments.base_forecast`` returns.
    state : str, optional
        One of its states; None draws the whole base.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: months ahead across, customers upward.

    Raises
    ------
    InputError
        For an unknown state.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_forecast
    >>> from custval.segments import base_forecast, migration_matrix
    >>> moves = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"], sample_weight=[900, 100])
    >>> axes = plot_forecast(base_forecast(moves, [1000], months=3, random_state=0))
    >>> [text.get_text() for text in axes.texts]
    ['729']
    """
    if state is None:
        middle, lower, upper = forecast.base, forecast.base_lower, forecast.base_upper
    else:
        check_choice(state, "state", forecast.states)
        place = forecast.states.index(state)
        middle = forecast.expected[:, place]
        lower, upper = forecast.lower[:, :, place], forecast.upper[:, :, place]
    axes = new_axes(ax)
    quiet(axes)
    colour = series_colour(0)
    count = len(forecast.levels)
    for k in range(count - 1, -1, -1):
        shade: dict[str, Any] = {"color": colour, "linewidth": 0, "alpha": 0.16 + 0.14 * (count - 1 - k)}
        label = percent_text(float(forecast.levels[k])).replace(".0%", "%")
        axes.fill_between(forecast.month, lower[k], upper[k], label=f"{label} band", **shade)
    axes.plot(forecast.month, middle, color=colour, linewidth=2, label="expected")
    axes.annotate(
        count_text(float(middle[-1])),
        (float(forecast.month[-1]), float(middle[-1])),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=INK,
        fontsize=9.5,
        annotation_clip=False,
    )
    ticker = import_extra("matplotlib.ticker", "plots")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: count_text(value)))
    axes.set(xlim=(0, float(forecast.month[-1])), xlabel="Months ahead", ylabel="Customers")
    axes.legend(frameon=False, fontsize=9, labelcolor=MUTED)
    titled(axes, "Customers ahead" if state is None else f"Customers ahead: {state}")
    return axes


def _stack(shares: Any) -> list[float]:
    """Return the upper edge of each share, from 1 downward with gaps."""
    tops, at = [], 1.0
    for share in shares:
        tops.append(at)
        at -= float(share) + _GAP
    return tops


def _band(path: Any, left: float, right: float, width: float) -> Any:
    """Return the outline of a band whose upper edges are at `left` and `right`."""
    move, curve, line = path.MOVETO, path.CURVE4, path.LINETO
    points = [
        (0.0, left), (0.5, left), (0.5, right), (1.0, right),
        (1.0, right - width), (0.5, right - width), (0.5, left - width), (0.0, left - width), (0.0, left),
    ]  # fmt: skip
    return path(points, [move, curve, curve, curve, line, curve, curve, curve, line])
