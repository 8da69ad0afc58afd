"""Pictures of customers who buy until they leave: over time, by count, in the holdout, against rules of silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.palette import INK, MUTED, series_colour
from custval._core.typing import FloatArray, IntArray
from custval._plots.axes import new_axes, quiet, share_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.clv import FrequencyHistogram, HoldoutCheck, PurchaseTracking, SilenceRules

__all__ = ("plot_frequency_histogram", "plot_holdout_check", "plot_purchase_tracking", "plot_silence_rules")

SEEN, MODEL = 0, 1


@public("plots")
def plot_purchase_tracking(tracking: PurchaseTracking, *, cumulative: bool = True, ax: Axes | None = None) -> Axes:
    """Draw repeat purchases of the base over time, seen and expected.

    Parameters
    ----------
    tracking : PurchaseTracking
        What ``custval.clv.purchase_tracking`` returns.
    cumulative : bool, default True
        Running sums, or what each period brought.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; periods across, purchases up.

    Examples
    --------
    >>> from custval.clv import NBD, purchase_tracking
    >>> from custval.plots import plot_purchase_tracking
    >>> bought = {"subscriber_id": [1, 1, 2], "event_time": [0, 8 * 86400, 86400]}
    >>> tracking = purchase_tracking(NBD.from_params(r=1.0, alpha=4.0), bought, end="1970-01-15")
    >>> plot_purchase_tracking(tracking).get_xlabel()
    'weeks'
    """
    axes = new_axes(ax)
    quiet(axes)
    lead = "cumulative_" if cumulative else ""
    for name, colour, style in (("actual", SEEN, "-"), ("expected", MODEL, "--")):
        values = getattr(tracking, lead + name)
        axes.plot(tracking.period, values, color=series_colour(colour), linewidth=2, linestyle=style, label=name)
    if tracking.fitted_until < tracking.period[-1]:
        axes.axvline(tracking.fitted_until, color=MUTED, linewidth=1, linestyle=":")
        axes.annotate(
            "forecast",
            (tracking.fitted_until, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(5, 0),
            textcoords="offset points",
            color=INK,
            fontsize=9,
        )
    axes.set_xlabel(f"{tracking.time_unit}s")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)
    titled(axes, "Repeat purchases since the start" if cumulative else f"Repeat purchases by {tracking.time_unit}")
    return axes


@public("plots")
def plot_frequency_histogram(histogram: FrequencyHistogram, *, ax: Axes | None = None) -> Axes:
    """Draw how many customers bought how often, seen and expected.

    Parameters
    ----------
    histogram : FrequencyHistogram
        What ``custval.clv.frequency_histogram`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; repeat purchases across, customers up.

    Examples
    --------
    >>> from custval.clv import NBD, frequency_histogram
    >>> from custval.plots import plot_frequency_histogram
    >>> seen = frequency_histogram(NBD.from_params(r=1.0, alpha=10.0), [[0, 0, 10], [1, 4, 10]], most=2)
    >>> [label.get_text() for label in plot_frequency_histogram(seen).get_xticklabels()]
    ['0', '1', '2+']
    """
    axes = new_axes(ax)
    quiet(axes)
    _paired_bars(axes, histogram.frequency, histogram.actual, histogram.expected)
    axes.set_xlabel("repeat purchases")
    titled(axes, "Customers by repeat purchases")
    return axes


@public("plots")
def plot_holdout_check(check: HoldoutCheck, *, by: str = "frequency", ax: Axes | None = None) -> Axes:
    """Draw the holdout against the forecast: purchases by past frequency, or activity by P(alive).

    Parameters
    ----------
    check : HoldoutCheck
        What ``custval.clv.holdout_check`` returns.
    by : {"frequency", "alive"}
        Mean purchases by purchases before, or the share who bought by tenth of P(alive).
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; past repeat purchases across and mean purchases up, or P(alive) across and shares up.

    Raises
    ------
    InputError
        If `by` is neither.

    Examples
    --------
    >>> from custval.clv import NBD, holdout_check
    >>> from custval.plots import plot_holdout_check
    >>> check = holdout_check(NBD.from_params(r=1.0, alpha=10.0), [[0, 0, 10], [1, 4, 10]], [0, 2], horizon=10)
    >>> plot_holdout_check(check).get_xlabel()
    'repeat purchases before'
    """
    from custval._core.validation import check_choice

    check_choice(by, "by", ("frequency", "alive"))
    axes = new_axes(ax)
    quiet(axes)
    if by == "alive":
        return _activity(axes, check)
    _paired_bars(axes, check.frequency, check.actual, check.expected)
    axes.set_xlabel("repeat purchases before")
    titled(axes, "Purchases in the holdout, by purchases before")
    return axes


@public("plots")
def plot_silence_rules(rules: SilenceRules, *, unit: str = "day", ax: Axes | None = None) -> Axes:
    """Draw the share of lost customers found by rules of silence and by P(alive), at the same false alarms.

    Parameters
    ----------
    rules : SilenceRules
        What ``custval.clv.silence_rules`` returns.
    unit : str
        Unit of the rules, for their names.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; rules across, shares up.

    Examples
    --------
    >>> from custval.clv import ParetoNBD, silence_rules
    >>> from custval.plots import plot_silence_rules
    >>> model = ParetoNBD.from_params(r=1.0, alpha=4.0, s=1.0, beta=40.0)
    >>> X = [[20, 50, 60], [1, 30, 60], [3, 58, 60], [9, 20, 60]]
    >>> rules = silence_rules(model, X, [True, False, False, True], silence=[9.0])
    >>> [label.get_text() for label in plot_silence_rules(rules, unit="week").get_xticklabels()]
    ['9 weeks']
    """
    axes = new_axes(ax)
    quiet(axes)
    places = np.arange(len(rules.silence))
    for shift, values, colour, name in (
        (-0.2, rules.found_by_silence, SEEN, "silence"),
        (0.2, rules.found_by_model, MODEL, "P(alive)"),
    ):
        axes.bar(places + shift, values, width=0.36, color=series_colour(colour), label=name)
    axes.set_xticks(places, [f"{rule:g} {unit}s" for rule in rules.silence])
    axes.set_ylim(0, 1)
    share_ticks(axes, "y")
    axes.legend(frameon=False, fontsize=9)
    titled(axes, "Lost customers found, at the same false alarms")
    return axes


def _activity(axes: Axes, check: HoldoutCheck) -> Axes:
    """Draw the share who bought in the holdout against P(alive), seen and foreseen."""
    for values, colour, style, name in (
        (check.active, SEEN, "-", "bought"),
        (check.foreseen, MODEL, "--", "expected to buy"),
    ):
        axes.plot(check.alive, values, color=series_colour(colour), linestyle=style, marker="o", label=name)
    axes.set_xlabel("P(alive) at the end of the calibration")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    share_ticks(axes, "y")
    axes.legend(frameon=False, fontsize=9)
    titled(axes, "Activity in the holdout by P(alive)")
    return axes


def _paired_bars(axes: Axes, frequency: IntArray, actual: FloatArray, expected: FloatArray) -> None:
    """Draw bars of what was seen and expected beside each other; the last class is and more."""
    places = np.arange(len(frequency))
    for shift, values, colour, name in ((-0.2, actual, SEEN, "actual"), (0.2, expected, MODEL, "expected")):
        axes.bar(places + shift, values, width=0.36, color=series_colour(colour), label=name)
    names = [f"{count}" for count in frequency]
    axes.set_xticks(places, [*names[:-1], f"{names[-1]}+"])
    axes.legend(frameon=False, fontsize=9)
