"""Axes in the house style: a figure of their own where none are given, no box, a quiet grid, room for names at the end.

No pyplot: a picture made here leaves no figure behind in a registry, and nothing is shown until the caller asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from custval._core.errors import import_extra
from custval._core.palette import GRID, INK, MUTED
from custval._core.steps import spread
from custval._core.wording import money_tick, percent_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("money_ticks", "month_ticks", "name_ends", "new_axes", "quiet", "share_ticks", "titled")


def new_axes(ax: Axes | None, *, width: float = 7.2, height: float = 4.5) -> Axes:
    """Return `ax`, or axes on a new figure of their own."""
    figures = import_extra("matplotlib.figure", "plots")
    if ax is not None:
        return ax
    figure = figures.Figure(figsize=(width, height), layout="constrained")
    made: Axes = figure.add_subplot()
    return made


def quiet(ax: Axes, *, grid: Literal["x", "y"] | None = "y") -> None:
    """Take away the box, soften ticks and grid; `grid` names the axis whose lines stay."""
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.tick_params(colors=MUTED, length=0, labelsize=9, pad=6)
    ax.xaxis.label.set_color(MUTED)
    ax.yaxis.label.set_color(MUTED)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(axis=grid, color=GRID, linewidth=0.8)


def titled(ax: Axes, title: str) -> None:
    """Set the title at the left, where reading starts."""
    ax.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=12)


def share_ticks(ax: Axes, axis: str) -> None:
    """Write the ticks of an axis as per cent."""
    _format(
        ax,
        axis,
        lambda value, _: "0%" if not value else f"{100 * value:g}%" if abs(value) >= 0.01 else percent_text(value),
    )


def month_ticks(ax: Axes) -> None:
    """Set the ticks across at whole years, or at a whole number of them."""
    ticker = import_extra("matplotlib.ticker", "plots")
    left, right = ax.get_xlim()
    years = -(-(right - left) // 96)
    ax.xaxis.set_major_locator(ticker.MultipleLocator(12 * years))


def money_ticks(ax: Axes, axis: str, currency: str | None) -> None:
    """Write the ticks of an axis as money."""
    _format(ax, axis, lambda value, _: money_tick(value, currency))


def name_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]], *, gap: float = 0.06) -> None:
    """Name each line at its end: (x, y, name, colour), in axes whose range is already set, at least `gap` apart."""
    low, high = ax.get_ylim()
    left, right = ax.get_xlim()
    heights = spread([y for _, y, _, _ in ends], gap * (high - low), low, high)
    for (x, y, name, colour), height in zip(ends, heights, strict=True):
        ax.plot([x], [y], marker="o", markersize=4, color=colour, clip_on=False)
        place: Any = {"xy": (x, y), "xytext": (right + 0.02 * (right - left), height), "textcoords": "data"}
        leader = {"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 2}
        ax.annotate(name, **place, arrowprops=leader, color=INK, fontsize=9.5, va="center", annotation_clip=False)


def _format(ax: Axes, axis: str, shape: Any) -> None:
    ticker = import_extra("matplotlib.ticker", "plots")
    getattr(ax, f"{axis}axis").set_major_formatter(ticker.FuncFormatter(shape))
