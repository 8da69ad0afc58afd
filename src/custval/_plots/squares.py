"""Tables as coloured squares: moves between states, cohorts, cluster profiles, recency against frequency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, import_extra
from custval._core.palette import INK, MUTED, series_colour
from custval._core.typing import FloatArray
from custval._core.wording import percent_text
from custval._plots.axes import new_axes, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from custval.segments import ClusterProfile, CohortTriangle, MigrationMatrix, RFMScores

__all__ = ("plot_cohorts", "plot_migration", "plot_profile", "plot_rfm")

MOST_WORDS = 400
"""Most squares that carry a number; beyond that colour alone speaks."""


@public("plots")
def plot_migration(matrix: MigrationMatrix, *, ax: Axes | None = None) -> Axes:
    """Draw which share of each state's customers is where a month later.

    Parameters
    ----------
    matrix : MigrationMatrix
        What ``custval.segments.migration_matrix`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: a row for each state that customers can leave, a column for each state, departures set apart.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_migration
    >>> from custval.segments import migration_matrix
    >>> moves = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"], sample_weight=[90, 10])
    >>> [text.get_text() for text in plot_migration(moves).texts]
    ['90.0%', '10.0%']
    """
    shares = np.asarray(matrix.probability[: matrix.moving])
    axes = _drawn(shares, matrix.states[: matrix.moving], matrix.states, percent_text, ax=ax, faint=shares < 0.0005)
    if matrix.absorbing:
        axes.axvline(matrix.moving - 0.5, color=INK, linewidth=1.2)
    axes.set(xlabel="A month later", ylabel="Now")
    titled(axes, "Where customers go in a month")
    return axes


@public("plots")
def plot_cohorts(triangle: CohortTriangle, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each month's newcomers who are still there, by months since joining.

    Parameters
    ----------
    triangle : CohortTriangle
        What ``custval.segments.cohort_retention`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: a row for each month of joining, the first on top.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_cohorts
    >>> from custval.segments import cohort_retention
    >>> axes = plot_cohorts(cohort_retention([1, 1, 2], [2, None, None], until=3))
    >>> [text.get_text() for text in axes.texts]
    ['100', '50', '50', '100', '100']
    """
    cohorts = np.unique(triangle.cohort)
    shares = np.full((len(cohorts), int(triangle.age.max()) + 1), np.nan)
    shares[np.searchsorted(cohorts, triangle.cohort), triangle.age] = triangle.share
    names = [f"month {cohort}" for cohort in cohorts]
    low = float(np.nanmin(shares))
    axes = _drawn(
        shares, names, range(shares.shape[1]), lambda share: f"{100 * share:.0f}", ax=ax, ends=(min(low, 0.9), 1.0)
    )
    axes.set(xlabel="Months since joining", ylabel="Joined in")
    titled(axes, "Of 100 newcomers, how many are still there?")
    return axes


@public("plots")
def plot_profile(profile: ClusterProfile, *, ax: Axes | None = None) -> Axes:
    """Draw what tells the clusters apart: differences from everybody in standard deviations.

    Parameters
    ----------
    profile : ClusterProfile
        What ``custval.segments.BehaviourClusters.profile`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: a row for each feature, a column for each cluster with its share.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_profile
    >>> from custval.segments import BehaviourClusters
    >>> usage = {"data_mb": [900.0, 950.0, 20.0, 10.0]}
    >>> profile = BehaviourClusters(n_clusters=2, random_state=0).fit(usage).profile(usage)
    >>> [text.get_text() for text in plot_profile(profile).texts]
    ['-1.0', '+1.0']
    """
    high = max(1.0, float(np.abs(profile.difference).max()))
    names = [
        f"{name.replace(', ', chr(10))}\n{percent_text(float(share))}"
        for name, share in zip(profile.name, profile.share, strict=True)
    ]
    axes = _drawn(
        np.asarray(profile.difference).T,
        profile.feature,
        names,
        lambda value: f"{value:+.1f}",
        ax=ax,
        ends=(-high, high),
        two_sided=True,
    )
    axes.set_xlabel("Standard deviations from everybody")
    titled(axes, "What tells the clusters apart")
    return axes


@public("plots")
def plot_rfm(scores: RFMScores, *, ax: Axes | None = None) -> Axes:
    """Draw how many customers have which recency and frequency score.

    Parameters
    ----------
    scores : RFMScores
        What ``custval.segments.rfm`` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, reached as ``axes.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: recency upward, frequency across, the share of customers in each square.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> from custval.plots import plot_rfm
    >>> from custval.segments import rfm
    >>> scores = rfm({"months_since_last": [1, 9], "frequency": [8, 1], "margin": [70.0, 5.0]}, groups=2)
    >>> plot_rfm(scores).get_xlabel()
    'Frequency score'
    """
    groups = scores.groups
    cell = (np.asarray(scores.recency, dtype=np.int64) - 1) * groups + np.asarray(scores.frequency) - 1
    count = np.bincount(cell, minlength=groups * groups).reshape(groups, groups)[::-1]
    steps = range(1, groups + 1)
    axes = _drawn(count / count.sum(), [*steps][::-1], steps, percent_text, ax=ax, faint=count == 0)
    axes.set(xlabel="Frequency score", ylabel="Recency score")
    titled(axes, "Customers by recency and frequency")
    return axes


def _drawn(
    values: FloatArray,
    rows: Sequence[Any],
    columns: Sequence[Any],
    words: Callable[[float], str],
    *,
    ax: Axes | None,
    ends: tuple[float, float] | None = None,
    two_sided: bool = False,
    faint: Any = None,
) -> Axes:
    """Draw squares with their numbers; what is not known stays white."""
    if not values.size:
        raise InputError("there is nothing to draw")
    colours = import_extra("matplotlib.colors", "plots")
    high_rows, wide = values.shape
    axes = new_axes(ax, width=min(2.6 + 0.85 * wide, 14.0), height=min(1.6 + 0.5 * high_rows, 12.0))
    stops = [series_colour(1), "#ffffff", series_colour(0)] if two_sided else ["#f3f6f9", series_colour(0)]
    ramp = colours.LinearSegmentedColormap.from_list("custval", stops)
    known = np.isfinite(values)
    low, high = ends or (0.0, float(values[known].max()) or 1.0)
    axes.imshow(np.ma.masked_invalid(values), cmap=ramp, vmin=low, vmax=high, aspect="auto")
    if values.size <= MOST_WORDS:
        for i, j in zip(*np.nonzero(known), strict=True):
            depth = (values[i, j] - low) / (high - low) if high > low else 0.0
            dark = abs(depth - 0.5) > 0.36 if two_sided else depth > 0.55
            quiet = faint is not None and faint[i, j]
            colour = "white" if dark else MUTED if quiet else INK
            axes.text(j, i, words(float(values[i, j])), ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(np.arange(wide), [str(name) for name in columns])
    axes.set_yticks(np.arange(high_rows), [str(name) for name in rows])
    axes.tick_params(colors=MUTED, length=0, labelsize=9)
    axes.xaxis.label.set_color(MUTED)
    axes.yaxis.label.set_color(MUTED)
    for side in axes.spines.values():
        side.set_visible(False)
    return axes
