"""Shares side by side: customers and money by tier, money by tenth of the customers, segments before and now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.palette import INK, MUTED, series_colour
from custval._core.wording import percent_text
from custval._plots.axes import new_axes, quiet, share_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.segments import DecileTable, Stability, TierTable

__all__ = ("plot_deciles", "plot_stability", "plot_tiers")


@public("plots")
def plot_deciles(table: DecileTable, *, ax: Axes | None = None) -> Axes:
    """Draw what each tenth of the customers brings, the richest first, with intervals and the running sum.

    Parameters
    ----------
    table : DecileTable
        What ``custval.segments.decile_table`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: groups across, shares of the money upward.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_deciles
    >>> from custval.segments import decile_table
    >>> axes = plot_deciles(decile_table([1.0, 2.0, 3.0, 14.0], groups=2))
    >>> [text.get_text() for text in axes.texts]
    ['85.0%', '100.0%']
    """
    axes = new_axes(ax)
    quiet(axes)
    place = np.arange(len(table.group))
    axes.bar(place, table.share_of_value, color=series_colour(0), width=0.72)
    for x, low, high in zip(place, table.share_of_value_lower, table.share_of_value_upper, strict=True):
        if low is not None and high is not None:
            axes.plot([x, x], [low, high], color=INK, linewidth=1.2)
    axes.plot(place, table.cumulative_share, color=series_colour(1), linewidth=1.8, marker="o", markersize=4)
    for x, share in zip(place, table.cumulative_share, strict=True):
        words = percent_text(float(share))
        axes.annotate(
            words, (x, share), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=8, color=MUTED
        )
    axes.set_xticks(place, [str(group) for group in table.group])
    # loss-makers bring less than nothing: those before them then bring more than everything
    lowest, highest = float(table.share_of_value.min()), float(table.cumulative_share.max())
    ylim = (min(0.0, 1.1 * lowest), 1.1 * max(1.0, highest))
    axes.set(xlabel="Customers in groups of equal size, the richest first", ylabel="Share of the money", ylim=ylim)
    if lowest < 0:
        axes.axhline(0.0, color=MUTED, linewidth=1)
    share_ticks(axes, "y")
    titled(axes, "Who brings the money: by group, and summed up")
    return axes


@public("plots")
def plot_tiers(table: TierTable, *, ax: Axes | None = None) -> Axes:
    """Draw the share of customers and the share of money of each tier.

    Parameters
    ----------
    table : TierTable
        What ``custval.segments.Tiers.table`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: a pair of bars for each tier.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_tiers
    >>> from custval.segments import Tiers
    >>> model = Tiers(cuts="money", levels=(50.0,), names=("gold", "basic")).fit([[1.0]])
    >>> [text.get_text() for text in plot_tiers(model.table([[60.0], [20.0], [20.0]])).texts]
    ['33.3%', '66.7%', '60.0%', '40.0%']
    """
    money = np.zeros(len(table.tier)) if table.share_of_value is None else table.share_of_value
    axes = _pairs(table.tier, ("customers", table.share_of_customers), ("money", money), ax)
    titled(axes, "Tiers: customers and money")
    return axes


@public("plots")
def plot_stability(stability: Stability, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each class before and now, with the index.

    Parameters
    ----------
    stability : Stability
        What ``custval.segments.stability`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: a pair of bars for each class.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_stability
    >>> from custval.segments import stability
    >>> plot_stability(stability(["a", "b"] * 50, ["a", "b"] * 50)).get_title(loc="left")
    'Population stability index 0.00: stable'
    """
    axes = _pairs(stability.name, ("before", stability.before), ("now", stability.now), ax)
    titled(axes, f"Population stability index {stability.index:.2f}: {stability.verdict}")
    return axes


def _pairs(names: Sequence[str], one: tuple[str, Any], two: tuple[str, Any], ax: Axes | None) -> Axes:
    """Draw two bars for each name, with their shares."""
    axes = new_axes(ax, width=max(6.0, 1.1 * len(names) + 1.0))
    quiet(axes)
    place = np.arange(len(names))
    for side, (label, shares), colour in ((-0.2, one, series_colour(6)), (0.2, two, series_colour(0))):
        axes.bar(place + side, shares, width=0.38, color=colour, label=label)
        for x, share in zip(place + side, shares, strict=True):
            axes.annotate(
                percent_text(float(share)),
                (x, max(float(share), 0.0)),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=INK,
            )
    axes.set_xticks(place, list(names), rotation=25 if max(map(len, names)) > 10 else 0)
    axes.tick_params(axis="x", labelcolor=INK)
    share_ticks(axes, "y")
    axes.legend(frameon=False, fontsize=9, labelcolor=MUTED)
    return axes
