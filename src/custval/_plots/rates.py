"""Rates with their intervals: churn by month, the hazard of each stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, import_extra
from custval._core.palette import INK, MUTED, series_colour
from custval._core.validation import check_choice
from custval._core.wording import percent_text
from custval._plots.axes import name_ends, new_axes, quiet, share_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.segments import ChurnRates, StageHazards

__all__ = ("plot_churn_rates", "plot_hazards")

RATES = {
    "opening_rate": "Churn of the customers at the start of the month",
    "average_rate": "Churn of the average base",
    "annual_rate": "Churn of a year at this pace",
    "net_rate": "Churn net of those who come back",
    "by_cause": "Churn by cause",
}


@public("plots")
def plot_churn_rates(rates: ChurnRates, rate: str = "opening_rate", *, ax: Axes | None = None) -> Axes:
    """Draw a churn rate by month with its interval, at all or by cause.

    Parameters
    ----------
    rates : ChurnRates
        What ``custval.segments.churn_rates`` returns, of two months or more.
    rate : {"opening_rate", "average_rate", "annual_rate", "net_rate", "by_cause"}
        Which rate.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: months across, shares upward.

    Raises
    ------
    InputError
        For an unknown rate, or a single month.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_churn_rates
    >>> from custval.segments import churn_rates
    >>> counts = {"month": [1, 2], "opening": [500, 490], "joined": [5, 8], "exits_voluntary": [15, 9]}
    >>> plot_churn_rates(churn_rates(counts)).get_title(loc="left")
    'Churn of the customers at the start of the month'
    """
    check_choice(rate, "rate", RATES)
    if len(rates.month) < 2:
        raise InputError("one month is a number, not a line; give the rates of two months or more")
    axes = new_axes(ax)
    quiet(axes)
    lines = [("", getattr(rates, rate), getattr(rates, f"{rate}_lower"), getattr(rates, f"{rate}_upper"))] if (
        rate != "by_cause"
    ) else [
        (cause, rates.rate_by_cause[k], rates.rate_by_cause_lower[k], rates.rate_by_cause_upper[k])
        for k, cause in enumerate(rates.causes)
    ]  # fmt: skip
    ends = []
    for k, (name, middle, lower, upper) in enumerate(lines):
        colour = series_colour(k % 6)
        axes.fill_between(rates.month, lower, upper, color=colour, alpha=0.14, linewidth=0)
        axes.plot(rates.month, middle, color=colour, linewidth=2, marker="o", markersize=3.5)
        words = f"{name} {percent_text(float(middle[-1]))}".strip()
        ends.append((float(rates.month[-1]), float(middle[-1]), words, colour))
    axes.set_xlim(float(rates.month[0]), float(rates.month[-1]))
    axes.set_ylim(
        min(0.0, *(float(line[2].min()) for line in lines)), 1.05 * max(float(line[3].max()) for line in lines)
    )
    axes.xaxis.set_major_locator(import_extra("matplotlib.ticker", "plots").MaxNLocator(integer=True))
    axes.set_xlabel("Month")
    share_ticks(axes, "y")
    name_ends(axes, ends)
    titled(axes, RATES[rate])
    return axes


@public("plots")
def plot_hazards(hazards: StageHazards, *, ax: Axes | None = None) -> Axes:
    """Draw the chance to leave within the month by stage, tier or segment, with intervals.

    Parameters
    ----------
    hazards : StageHazards
        What ``custval.segments.stage_hazards`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: a row for each stage that has customers, the first on top.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_hazards
    >>> from custval.segments import stage_hazards
    >>> found = stage_hazards(["grow", "decline"], [2, 4], at_risk=[400, 100])
    >>> [text.get_text() for text in plot_hazards(found).texts]
    ['4.0% of 100', '0.50% of 400']
    """
    shown = [k for k in range(len(hazards.stage)) if hazards.at_risk[k] > 0]
    axes = new_axes(ax, width=7.2, height=1.4 + 0.5 * len(shown))
    quiet(axes, grid="x")
    places = np.arange(len(shown))[::-1]
    for y, k in zip(places, shown, strict=True):
        axes.plot([hazards.lower[k], hazards.upper[k]], [y, y], color=series_colour(0), linewidth=2, alpha=0.45)
        axes.plot([hazards.hazard[k]], [y], marker="o", markersize=7, color=series_colour(0))
        words = f"{percent_text(float(hazards.hazard[k]))} of {hazards.at_risk[k]:,.0f}"
        place = (float(hazards.upper[k]), float(y))
        axes.annotate(words, place, xytext=(8, 0), textcoords="offset points", va="center", fontsize=9, color=INK)
    high = max(float(hazards.upper[k]) for k in shown)
    axes.set(xlim=(0, 1.25 * high), ylim=(-0.6, len(shown) - 0.4), xlabel="Chance to leave within the month")
    axes.set_yticks(places, [hazards.stage[k] for k in shown])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.tick_params(axis="x", labelcolor=MUTED)
    share_ticks(axes, "x")
    titled(axes, "Who leaves, by stage")
    return axes
