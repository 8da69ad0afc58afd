"""The strongest association rules by how much likelier they make what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custval._core.doors import public
from custval._core.palette import INK, MUTED, series_colour
from custval._core.wording import decimal_text, percent_text, plain_text
from custval._plots.axes import new_axes, quiet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("plot_rules",)


@public("plots")
def plot_rules(rules: Any, *, top: int = 10, ax: Axes | None = None) -> Axes:
    """Draw the rules with the highest lift, with support and confidence beside each.

    Parameters
    ----------
    rules : RuleSet or pandas.DataFrame
        What ``custval.assoc.association_rules`` returns, or a frame with the columns antecedent, consequent, support,
        confidence and lift.
    top : int, default 10
        How many rules to draw, at least 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; x is the lift, 1 where the two sides have no connection.

    Raises
    ------
    InputError
        Without rules, or for a `top` below 1.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> import pandas as pd
    >>> from custval.plots import plot_rules
    >>> rules = pd.DataFrame({"antecedent": ["fibre"], "consequent": ["tv"], "support": [0.2],
    ...                       "confidence": [0.6], "lift": [1.5]})
    >>> [label.get_text() for label in plot_rules(rules).get_yticklabels()]
    ['fibre → tv']
    """
    from custval._core.errors import InputError
    from custval._core.validation import check_scalar

    check_scalar(top, "top", low=1)
    frame = rules if hasattr(rules, "sort_values") else rules.to_frame()
    if not len(frame):
        raise InputError("there are no rules to draw; lower min_support or min_confidence")
    best = frame.sort_values("lift", ascending=False, kind="stable").head(int(top))
    axes = new_axes(ax, width=7.6, height=1.1 + 0.42 * len(best))
    quiet(axes, grid=None)
    rows = range(len(best) - 1, -1, -1)
    names = [
        f"{plain_text(one)} → {plain_text(two)}"
        for one, two in zip(best["antecedent"], best["consequent"], strict=True)
    ]
    axes.barh(rows, best["lift"], height=0.52, color=series_colour(0))
    axes.set_yticks(rows, names)
    axes.axvline(1, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
    for row, lift, support, confidence in zip(rows, best["lift"], best["support"], best["confidence"], strict=True):
        words = f"{decimal_text(lift, 2)}  ·  {percent_text(confidence)} of them, {percent_text(support)} of all"
        # the line of no connection must not run through the words
        ground = {"boxstyle": "square,pad=0.15", "facecolor": "white", "linewidth": 0}
        place: dict[str, Any] = {"xy": (lift, row), "xytext": (5, 0), "textcoords": "offset points"}
        axes.annotate(words, **place, va="center", color=INK, fontsize=9, bbox=ground)
    axes.set(
        xlim=(0, 1.8 * float(best["lift"].max())),
        xlabel="Lift: times as often as among all customers; 1 = no connection",
    )
    axes.tick_params(axis="y", labelcolor=INK)
    titled(axes, "What goes together")
    return axes
