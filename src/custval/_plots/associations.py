"""Many rules in one picture: groups of antecedents against consequents, and a graph of items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.palette import GRID, INK, MUTED, series_colour
from custval._core.wording import plain_text
from custval._plots.axes import new_axes, quiet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("plot_grouped_matrix", "plot_rule_graph")

_LONGEST = 34


@public("plots")
def plot_grouped_matrix(matrix: Any, *, ax: Axes | None = None) -> Axes:
    """Draw grouped rules: a dot where a group of antecedents leads to a consequent.

    Parameters
    ----------
    matrix : GroupedMatrix
        What ``custval.assoc.grouped_matrix`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: groups across, consequents down; area is support, depth of colour is lift.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, grouped_matrix
    >>> from custval.plots import plot_grouped_matrix
    >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
    >>> [label.get_text() for label in plot_grouped_matrix(grouped_matrix(rules)).get_yticklabels()]
    ['sim', 'tv']
    """
    rows, columns = matrix.count.shape
    axes = new_axes(ax, width=3.4 + 0.55 * columns, height=2.4 + 0.3 * rows)
    quiet(axes, grid=None)
    row, column = np.nonzero(matrix.count)
    lift, support = matrix.lift[row, column], matrix.support[row, column]
    depth = (lift - 1) / max(float(lift.max()) - 1, 1e-9)
    colour = series_colour(0)
    size = 30 + 320 * support / support.max()
    axes.scatter(column, row, s=size, color=colour, alpha=np.clip(0.15 + 0.85 * depth, 0.15, 1.0), linewidths=0)
    axes.set_xticks(range(columns), [_group_name(group) for group in matrix.groups], rotation=40, ha="right")
    axes.set_yticks(range(rows), [" + ".join(map(plain_text, side)) for side in matrix.consequents])
    axes.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.4, -0.6), xlabel="Who holds (group of antecedents)")
    axes.tick_params(axis="both", labelcolor=INK)
    titled(axes, "Rules by group: area is support, depth is lift")
    return axes


def _group_name(group: Any) -> str:
    """Return the commonest items of a group, and how many antecedents it has."""
    counts: dict[Any, int] = {}
    for side in group:
        for item in side:
            counts[item] = counts.get(item, 0) + 1
    best = sorted(counts, key=lambda item: (-counts[item], str(item)))[:2]
    text = ", ".join(plain_text(item) for item in best)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"{text} ({len(group)})" if len(group) > 1 else text


@public("plots")
def plot_rule_graph(rules: Any, *, top: int = 30, ax: Axes | None = None) -> Axes:
    """Draw the rules of highest lift as arrows between items on a circle.

    Parameters
    ----------
    rules : RuleSet
        What ``custval.assoc.association_rules`` returns.
    top : int
        How many rules to draw, at least 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; an arrow leads from each item of an antecedent to the consequent, darker with lift.

    Raises
    ------
    InputError
        Without rules, or for a `top` below 1.
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets
    >>> from custval.plots import plot_rule_graph
    >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
    >>> sorted(text.get_text() for text in plot_rule_graph(rules).texts if text.get_text())
    ['sim', 'tv']
    """
    from custval._core.validation import check_whole

    most = check_whole(top, "top", low=1)
    if not len(rules):
        raise InputError("there are no rules to draw; lower min_support or min_confidence")
    best = rules.sort_by("lift")[:most]
    names = list(dict.fromkeys(item for rule in best for item in (*rule.antecedent, *rule.consequent)))
    angle = 2 * np.pi * np.arange(len(names)) / len(names)
    place = {name: (float(np.cos(a)), float(np.sin(a))) for name, a in zip(names, angle, strict=True)}
    axes = new_axes(ax, width=7.2, height=7.0)
    axes.set_axis_off()
    highest = float(best.lift.max())
    for rule in best:
        for item in rule.antecedent:
            shade = 0.2 + 0.8 * (rule.lift - 1) / max(highest - 1, 1e-9)
            style = {"arrowstyle": "-|>", "color": series_colour(0), "alpha": min(1.0, max(0.1, shade))}
            bend = {"connectionstyle": "arc3,rad=0.12", "shrinkA": 7, "shrinkB": 7}
            axes.annotate("", xy=place[rule.consequent[0]], xytext=place[item], arrowprops={**style, **bend})
    spots = np.array(list(place.values()))
    axes.scatter(spots[:, 0], spots[:, 1], s=36, color=MUTED, edgecolors=GRID, zorder=3)
    for name, (x, y) in place.items():
        side = "left" if x >= 0 else "right"
        axes.annotate(
            plain_text(name), (x, y), xytext=(10 if x >= 0 else -10, 0), textcoords="offset points", ha=side,
            va="center", color=INK, fontsize=9,
        )  # fmt: skip
    axes.set(xlim=(-1.75, 1.75), ylim=(-1.15, 1.15))
    titled(axes, "Rules between items: darker is a higher lift")
    return axes
