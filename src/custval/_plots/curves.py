"""Survival and incidence as step curves with their bands, named where they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.palette import series_colour
from custval._core.steps import StepLine, incidence_lines, survival_lines
from custval._core.validation import check_scalar
from custval._core.wording import months_text, percent_text
from custval._plots.axes import month_ticks, name_ends, new_axes, quiet, share_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.survival import Curves, IncidenceCurve, SurvivalCurve

__all__ = ("plot_incidence", "plot_survival")

HUES = 6  # the seventh colour is a grey
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


@public("plots")
def plot_survival(curves: SurvivalCurve | Curves[SurvivalCurve], *, begin: float = 0.0, ax: Axes | None = None) -> Axes:
    """Draw the share still with the company by tenure, a line with its band for each group.

    Parameters
    ----------
    curves : SurvivalCurve or Curves
        What ``custval.survival.kaplan_meier`` returns, with or without groups.
    begin : float, default 0.0
        Time (>= 0, in the curves' unit) at which the curves start, where they are of those who stayed so long, as
        after late entry (``Analysis.survival_from``); nothing is drawn to the left of it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; y is a probability in 0..1, x counts in the curves' time unit.

    Raises
    ------
    InputError
        If `begin` is below 0 or no curve reaches beyond it.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_survival
    >>> from custval.survival import kaplan_meier, survival_target
    >>> y = survival_target([2, 5, 7, 12, 12, 20], [1, 1, 0, 1, 0, 0])
    >>> axes = plot_survival(kaplan_meier(y, groups=["prepaid"] * 3 + ["contract"] * 3))
    >>> axes.get_xlabel()
    'Months since joining'
    >>> [text.get_text() for text in axes.texts]
    ['contract 66.7%', 'prepaid 33.3%']
    """
    lines = survival_lines(curves, _begin(begin))
    axes = _draw(lines, new_axes(ax), _unit(curves), high=1.0)
    titled(axes, _of_those("Share still a customer", begin, _unit(curves)))
    return axes


@public("plots")
def plot_incidence(
    curves: IncidenceCurve | Curves[IncidenceCurve],
    *,
    stacked: bool = False,
    begin: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the share that has left through each cause by tenure.

    Parameters
    ----------
    curves : IncidenceCurve or Curves
        What ``custval.survival.aalen_johansen`` returns, with or without groups.
    stacked : bool, default False
        Fill the causes one on top of the other, so that the upper edge is the share that has left at all; for one
        group only, and without bands.
    begin : float, default 0.0
        Time (>= 0, in the curves' unit) at which the curves start, where they are of those who stayed so long, as
        after late entry (``Analysis.incidence_from``); nothing is drawn to the left of it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; y is a probability in 0..1, x counts in the curves' time unit.

    Raises
    ------
    InputError
        For stacked curves of several groups; if `begin` is below 0 or no curve reaches beyond it.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_incidence
    >>> from custval.survival import aalen_johansen, survival_target
    >>> y = survival_target([2, 5, 7, 12, 20], [1, 2, 1, 0, 0], causes=["voluntary", "debt"])
    >>> axes = plot_incidence(aalen_johansen(y))
    >>> [text.get_text() for text in axes.texts]
    ['voluntary 40.0%', 'debt 20.0%']
    """
    lines = incidence_lines(curves, _begin(begin))
    axes = new_axes(ax)
    if stacked:
        _stack(lines, axes, _unit(curves), curves)
    else:
        high = max((float(np.nanmax(_highest(line))) for line in lines), default=0.0)
        _draw(lines, axes, _unit(curves), high=min(1.05 * high, 1.0) or 0.1)
    titled(axes, _of_those("Share that has left, by cause", begin, _unit(curves)))
    return axes


def _draw(lines: Sequence[StepLine], axes: Axes, unit: str, *, high: float) -> Axes:
    quiet(axes)
    ends = []
    for position, line in enumerate(lines):
        # colours come again with other dashes, so that every line can be named
        colour, dashes = series_colour(position % HUES), DASHES[position // HUES % len(DASHES)]
        style: dict[str, Any] = {"color": colour, "linewidth": 2, "linestyle": dashes}
        axes.step(line.times, line.values, where="post", label=line.label or "all", **style)
        if line.lower is not None and line.upper is not None:
            axes.fill_between(line.times, line.lower, line.upper, step="post", color=colour, alpha=0.14, linewidth=0)
        ends.append((float(line.times[-1]), float(line.values[-1]), _named(line), colour))
    _frame(axes, lines, unit, high)
    name_ends(axes, ends)
    if len(lines) > HUES:
        axes.legend(frameon=False, fontsize=8.5, ncols=2, handlelength=3.2)
    return axes


def _stack(lines: Sequence[StepLine], axes: Axes, unit: str, curves: Any) -> None:
    if hasattr(curves, "groups"):
        raise InputError("stacked causes show one group; pass one curve of it, such as curves['fibre']")
    quiet(axes)
    floor = np.zeros(len(lines[0].times))
    ends = []
    for position, line in enumerate(lines):
        top = floor + line.values
        colour = series_colour(position)
        axes.fill_between(line.times, floor, top, step="post", color=colour, alpha=0.75, linewidth=0, label=line.label)
        ends.append((float(line.times[-1]), float(floor[-1] + top[-1]) / 2, _named(line), colour))
        floor = top
    _frame(axes, lines, unit, min(1.05 * float(floor[-1]), 1.0) or 0.1)
    name_ends(axes, ends)


def _frame(axes: Axes, lines: Sequence[StepLine], unit: str, high: float) -> None:
    first, last = float(lines[0].times[0]), max(float(line.times[-1]) for line in lines) or 1.0
    if last <= first:
        raise InputError(f"begin must be before the curves' last time, {last:g}, but it is {first:g}")
    axes.set_xlim(first, last)
    axes.set_ylim(0, high)
    axes.set_xlabel(f"{unit.capitalize()}s since joining" + (f", from {first:g} on" if first else ""))
    if unit == "month" and last - first >= 24:
        month_ticks(axes)
    share_ticks(axes, "y")


def _begin(begin: float) -> float:
    return check_scalar(begin, "begin", low=0.0)


def _of_those(title: str, begin: float, unit: str) -> str:
    return f"{title}, of those who stayed {months_text(begin, unit)}" if begin else title


def _named(line: StepLine) -> str:
    return f"{line.label} {percent_text(float(line.values[-1]))}".strip()


def _highest(line: StepLine) -> Any:
    return line.values if line.upper is None else np.maximum(line.values, line.upper)


def _unit(curves: Any) -> str:
    one = curves if hasattr(curves, "time_unit") else next(iter(curves.values()))
    return str(one.time_unit)
