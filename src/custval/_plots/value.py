"""How value is spread over customers, and how concentrated it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.palette import INK, MUTED, series_colour
from custval._core.typing import FloatArray
from custval._core.wording import money_text, percent_text
from custval._plots.axes import money_ticks, new_axes, quiet, share_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.clv import LifetimeValue
    from custval.pipeline import ValueSummary
    from custval.segments import LorenzCurve

__all__ = ("plot_lorenz", "plot_value")


@public("plots")
def plot_lorenz(curve: LorenzCurve, *, top: float = 0.2, ax: Axes | None = None) -> Axes:
    """Draw the share of all value that each share of the customers holds, least valuable first.

    Parameters
    ----------
    curve : LorenzCurve
        What ``custval.segments.lorenz_curve`` returns.
    top : float, default 0.2
        Share of the most valuable customers to mark, in (0, 1).
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; both count shares in 0..1.

    Raises
    ------
    InputError
        For a `top` outside (0, 1).
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_lorenz
    >>> from custval.segments import lorenz_curve
    >>> axes = plot_lorenz(lorenz_curve([1.0, 1.0, 1.0, 1.0, 6.0]))
    >>> [text.get_text() for text in axes.texts]
    ['The top 20% hold 60.0%']
    """
    from custval._core.validation import check_scalar

    check_scalar(top, "top", low=0, high=1, low_open=True, high_open=True)
    axes = new_axes(ax, width=5.4, height=5.0)
    quiet(axes)
    customers, share, colour = curve.share_of_customers, curve.share_of_value, series_colour(0)
    held = 1 - float(np.interp(1 - top, customers, share))
    axes.fill_between(customers, share, customers, color=colour, alpha=0.14, linewidth=0)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
    axes.plot(customers, share, color=colour, linewidth=2)
    axes.plot([1 - top, 1 - top], [0, 1 - held], color=INK, linewidth=1.2, linestyle=":")
    axes.plot([1 - top], [1 - held], marker="o", markersize=5, color=colour)
    words = f"The top {100 * top:g}% hold {percent_text(held)}"
    axes.annotate(
        words,
        (1 - top, 0.03),
        xytext=(-6, 0),
        textcoords="offset points",
        ha="right",
        color=INK,
        fontweight="bold",
        fontsize=9.5,
    )
    axes.set(
        xlim=(0, 1),
        ylim=(min(float(share.min()), 0.0), 1),
        xlabel="Share of customers, least valuable first",
        ylabel="Share of all value",
    )
    share_ticks(axes, "x")
    share_ticks(axes, "y")
    titled(axes, f"How concentrated value is: Gini {curve.gini:.2f}")
    return axes


@public("plots")
def plot_value(summary: ValueSummary | LifetimeValue, *, ax: Axes | None = None) -> Axes:
    """Draw how value is spread over the customers, with mean and median.

    Parameters
    ----------
    summary : ValueSummary or LifetimeValue
        ``analysis.value`` of ``custval.pipeline.analyse``, or what ``custval.clv.lifetime_value`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; x is money, y a share of customers. The outermost hundredths are gathered in the end bars.

    Raises
    ------
    InputError
        For anything else, or where there is no customer.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from custval.plots import plot_value
    >>> axes = plot_value(SimpleNamespace(sample=np.linspace(0.0, 400.0, 101), currency="$"))
    >>> [text.get_text() for text in axes.texts]
    ['Median $200', 'Mean $200']
    """
    values = _values(summary)
    axes = new_axes(ax)
    quiet(axes)
    low, high = (float(bound) for bound in np.quantile(values, [0.01, 0.99]))
    shown = np.clip(values, low, high)
    axes.hist(shown, bins=36, weights=np.full(len(shown), 1 / len(shown)), color=series_colour(0), rwidth=0.94)
    mean, median = float(values.mean()), float(np.median(values))
    _marked(axes, median, f"Median {money_text(median, summary.currency)}", left=median <= mean, height=0.98)
    _marked(axes, mean, f"Mean {money_text(mean, summary.currency)}", left=median > mean, height=0.92)
    axes.set(xlabel="Value of a customer", ylabel="Share of customers", ylim=(0, 1.18 * axes.get_ylim()[1]))
    money_ticks(axes, "x", summary.currency)
    share_ticks(axes, "y")
    titled(axes, "Value of a customer")
    return axes


def _values(summary: Any) -> FloatArray:
    """Return the value of each customer drawn, or refuse what holds none."""
    values = getattr(summary, "sample", getattr(summary, "value", None))
    if not isinstance(values, np.ndarray) or values.ndim != 1 or not len(values):
        raise InputError(
            "plot_value needs values of customers: analysis.value of custval.pipeline.analyse, or what "
            f"custval.clv.lifetime_value returns, not {type(summary).__name__}"
        )
    return values


def _marked(axes: Axes, value: float, words: str, *, left: bool, height: float) -> None:
    axes.axvline(value, color=INK, linewidth=1.2, linestyle=":")
    side: dict[str, Any] = {"ha": "right", "xytext": (-5, 0)} if left else {"ha": "left", "xytext": (5, 0)}
    where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "center"}
    axes.annotate(words, (value, height), color=INK, fontsize=9.5, fontweight="bold", **where, **side)
