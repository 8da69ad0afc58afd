"""Where value comes from and goes to, and when a new customer has paid for their acquisition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.palette import INK, MUTED, series_colour
from custval._core.wording import money_text, months_text, sentence
from custval._plots.axes import money_ticks, month_ticks, name_ends, new_axes, quiet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.clv import LifetimeValue, PaybackTable

__all__ = ("plot_components", "plot_payback")


@public("plots")
def plot_components(worth: LifetimeValue, *, ax: Axes | None = None) -> Axes:
    """Draw the parts of the base's value as steps from the first to the total.

    Parameters
    ----------
    worth : LifetimeValue
        What ``custval.clv.lifetime_value`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; x is money, one bar for each part that is not zero, the total last with its interval.

    Raises
    ------
    InputError
        Where there is nothing but zeros.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import GeometricRetention, lifetime_value
    >>> from custval.plots import plot_components
    >>> worth = lifetime_value(
    ...     GeometricRetention.from_params(theta=0.02), np.zeros((3, 1)), horizon=24, monthly_discount=0.01,
    ...     margin={"revenue": 40.0, "interconnect": 6.0, "cost_to_serve": 9.0}, currency="$",
    ... )
    >>> [label.get_text() for label in plot_components(worth).get_yticklabels()]
    ['Revenue', 'Interconnect', 'Cost to serve', 'Value']
    """
    parts = [(name, float(part.sum())) for name, part in worth.components.items() if part.any()]
    if not parts:
        raise InputError("every component of this value is zero, so there is nothing to draw")
    axes = new_axes(ax, height=0.55 * (len(parts) + 1) + 1.4)
    quiet(axes, grid="x")
    ends = np.cumsum([money for _, money in parts])
    starts = np.append(0.0, ends[:-1])
    for i, ((_, money), start) in enumerate(zip(parts, starts, strict=True)):
        axes.barh(i, money, left=start, height=0.62, color=series_colour(0 if money >= 0 else 1))
        axes.plot([ends[i], ends[i]], [i - 0.31, i + 1.31], color=MUTED, linewidth=0.8)
    axes.barh(len(parts), worth.total, height=0.62, color=INK)
    if worth.total_lower is not None and worth.total_upper is not None:
        axes.plot([worth.total_lower, worth.total_upper], [len(parts)] * 2, color=MUTED, linewidth=3)
    shown = [*(money for _, money in parts), worth.total]
    widest = max(abs(float(ends.max())), abs(worth.total), 1e-12)
    for i, money in enumerate(shown):
        edge = max(ends[i], starts[i]) if i < len(parts) else max(worth.total_upper or worth.total, 0.0)
        words = money_text(money, worth.currency, like=widest)
        axes.annotate(words, (edge, i), xytext=(6, 0), textcoords="offset points", va="center", color=INK, fontsize=9.5)
    names = [sentence(name.replace("_", " ")) for name, _ in parts]
    axes.set_yticks(range(len(shown)), [*names, "Value"])
    right = max(widest, worth.total_upper or 0.0)
    axes.set(ylim=(len(shown) - 0.4, -0.6), xlim=(min(0.0, float(ends.min()), worth.total), 1.16 * right))
    money_ticks(axes, "x", worth.currency)
    after = " and after" if "beyond_horizon" in worth.components else ""
    titled(axes, f"What {len(worth.value):,} customers bring in {months_text(worth.horizon)}{after}")
    return axes


@public("plots")
def plot_payback(table: PaybackTable, *, currency: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw what a customer of each group has brought by each month, against what winning them cost.

    Parameters
    ----------
    table : PaybackTable
        What ``custval.clv.payback_by_group`` returns.
    currency : str, optional
        Name or sign of the money unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; x counts months, y is money per customer less the acquisition cost: zero is the payback.

    Raises
    ------
    InputError
        For more groups than can be told apart (seven).
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import payback_by_group
    >>> from custval.plots import plot_payback
    >>> survival = np.vstack([0.97 ** np.arange(1, 25), 0.90 ** np.arange(1, 25)])
    >>> axes = plot_payback(payback_by_group(survival, 20.0, ["shop", "web"], acquisition_cost=100.0))
    >>> [text.get_text() for text in axes.texts]
    ['shop: 6 months', 'web: 8 months']
    """
    if len(table.group) > 7:
        raise InputError(f"{len(table.group)} groups cannot be told apart in one picture; draw seven or fewer")
    axes = new_axes(ax)
    quiet(axes)
    horizon = table.earned_by_month.shape[1]
    months = np.arange(horizon + 1)
    axes.axhline(0.0, color=INK, linewidth=1)
    axes.set(xlim=(0, horizon), xlabel="Months since joining", ylabel="Earned per customer less its cost")
    ends = []
    for j, name in enumerate(table.group):
        path = np.append(0.0, table.earned_by_month[j]) - table.acquisition_cost[j]
        axes.plot(months, path, color=series_colour(j), linewidth=2)
        when = table.payback_months[j]
        if np.isfinite(when):
            axes.plot([when], [path[int(when)]], marker="o", markersize=5, color=series_colour(j))
        words = months_text(when) if np.isfinite(when) else "not within the horizon"
        ends.append((float(horizon), float(path[-1]), f"{name}: {words}", series_colour(j)))
    name_ends(axes, ends)
    month_ticks(axes)
    money_ticks(axes, "y", currency)
    titled(axes, "When a new customer has paid for themselves")
    return axes
