"""Who came lately, often, and for how much? Recency, frequency and monetary scores, and segments with names.

Scores are fair to ties: customers with equal values get equal scores, by the middle of their ranks. With m(x) the share
of customers below x plus half the share at x, the score of x is 1 + the number of j/groups that m(x) reaches. So a
value that most customers share gets a middle score, where cutting the ranks would hand out all of them by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column, is_frame, like, to_columns
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, TextArray
from custval._core.validation import check_length, check_whole, float_array, sample_weight_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("RFMScores", "rfm")

COLUMNS = ("months_since_last", "frequency", "margin")
GRID = (
    ("lost", "lost", "at risk", "at risk", "cannot lose"),
    ("hibernating", "hibernating", "at risk", "at risk", "cannot lose"),
    ("about to sleep", "about to sleep", "needs attention", "loyal", "loyal"),
    ("promising", "potential loyal", "potential loyal", "loyal", "champions"),
    ("new", "potential loyal", "potential loyal", "champions", "champions"),
)
_BLOCK = 1 << 16


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class RFMScores(Result):
    """Scores and segment of each customer; arrays have shape (n,).

    Attributes
    ----------
    recency, frequency, monetary : ndarray of int8
        Scores from 1 to `groups`, the best highest: the most recent customers have the highest recency score.
    segment : ndarray of int8
        Code of the segment.
    names : tuple of str
        Of the segments, in the order of their codes.
    cuts : ndarray of shape (3, groups - 1)
        Smallest value of the scores 2, 3, ..., of minus the months since the last purchase, frequency and money: give
        them to ``rfm(..., cuts=)`` next month.
    groups : int
        Scores in use.

    Examples
    --------
    >>> from custval.segments import rfm
    >>> scores = rfm({"months_since_last": [1, 9, 4], "frequency": [8, 1, 3], "margin": [70.0, 5.0, 30.0]}, groups=3)
    >>> scores.label().tolist()
    ['champions', 'lost', 'needs attention']
    """

    recency: Any
    frequency: Any
    monetary: Any
    segment: Any
    names: tuple[str, ...]
    cuts: FloatArray
    groups: int

    def label(self) -> TextArray:
        """Return the name of each customer's segment.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``names`` for each customer.
        """
        names: TextArray = np.array(self.names, dtype=object)
        return names[np.asarray(self.segment, dtype=np.int64)]

    def attach(self, X: AnyFrame) -> AnyFrame:
        """Return the customers with their scores and segment, in the same kind of frame.

        Parameters
        ----------
        X : frame of n rows
            Such as the one scored.

        Returns
        -------
        frame
            The columns of X and ``r_score``, ``f_score``, ``m_score``, ``rfm_segment``.
        """
        check_length(self.segment, len(next(iter(to_columns(X).values()))), name="the scores")
        mine = {"r_score": self.recency, "f_score": self.frequency, "m_score": self.monetary}
        return like(X, {**to_columns(X), **mine, "rfm_segment": self.label()})

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each customer.

        Returns
        -------
        pandas.DataFrame
            ``r_score``, ``f_score``, ``m_score``, ``rfm_segment``.
        """
        import pandas as pd

        segment = pd.Categorical.from_codes(np.asarray(self.segment), categories=pd.Index(self.names))
        scores = {"r_score": self.recency, "f_score": self.frequency, "m_score": self.monetary}
        return pd.DataFrame(scores | {"rfm_segment": segment})

    def table(self, money: ArrayLike | None = None, *, sample_weight: ArrayLike | None = None) -> pd.DataFrame:
        """Return heads, mean scores and money of each segment.

        Parameters
        ----------
        money : array of shape (n,), optional
            Money of each customer.
        sample_weight : array of shape (n,), optional
            Case weights >= 0.

        Returns
        -------
        pandas.DataFrame
            One row for each segment that has customers, by falling recency.
        """
        import pandas as pd

        weight = sample_weight_array(sample_weight, len(self.segment))
        code, count = np.asarray(self.segment, dtype=np.int64), len(self.names)

        def sums(values: Any) -> FloatArray:
            return np.bincount(code, weights=weight * values, minlength=count).astype(np.float64)

        heads = sums(1.0)
        safe = np.where(heads > 0, heads, 1.0)
        columns: dict[str, Any] = {"segment": self.names, "customers": heads, "share": heads / heads.sum()}
        for name in ("recency", "frequency", "monetary"):
            columns[f"mean_{name}_score"] = sums(getattr(self, name)) / safe
        if money is not None:
            amount = float_array(money, "money")
            check_length(amount, len(code), name="money")
            columns |= {"money": sums(amount), "mean_money": sums(amount) / safe}
        table = pd.DataFrame(columns)[heads > 0]
        return table.sort_values("mean_recency_score", ascending=False, kind="stable").reset_index(drop=True)


@public("segments")
def rfm(
    X: AnyFrame,
    *,
    columns: Sequence[str] = COLUMNS,
    groups: int = 5,
    cuts: ArrayLike | None = None,
    segments: Sequence[Sequence[str]] | None = None,
    sample_weight: ArrayLike | None = None,
) -> RFMScores:
    """Return recency, frequency and monetary scores of each customer, and a segment with a name.

    Parameters
    ----------
    X : frame, mapping, or array of shape (n, 3)
        Months since the last purchase, number of purchases, and money (margin says more than revenue): finite.
    columns : sequence of 3 str, default ("months_since_last", "frequency", "margin")
        Names of these columns in a frame.
    groups : int, default 5
        Number of scores, 2 to 100.
    cuts : array of shape (3, groups - 1), optional
        Cuts of an earlier call (``RFMScores.cuts``): the same rule again, learned from those customers.
    segments : 5 x 5 names, optional
        Names by recency (row, lowest first) and by the mean of frequency and monetary scores (column), on a grid of
        five steps each; None takes the usual eleven (champions, loyal, potential loyal, new, promising, needs
        attention, about to sleep, at risk, cannot lose, hibernating, lost).
    sample_weight : array of shape (n,), optional
        Case weights >= 0 in the quantiles; whole ones equal duplicated rows.

    Returns
    -------
    RFMScores
        Scores, segments and cuts.

    Raises
    ------
    InputError
        If a column is missing, or a value is missing, infinite or text.

    Notes
    -----
    Where a column has fewer distinct values than scores some scores are not given out; a constant column gets the
    middle score.

    References
    ----------
    Hughes, A. M. (1994), Strategic Database Marketing. Ties by the middle of ranks: Parzen, E. (1979), Nonparametric
    statistical data modeling, JASA 74 (mid-distribution function).

    Examples
    --------
    >>> from custval.segments import rfm
    >>> visits = {"months_since_last": [0, 1, 1, 7], "frequency": [9, 2, 2, 1], "margin": [50.0, 8.0, 9.0, 2.0]}
    >>> scores = rfm(visits)
    >>> scores.recency.tolist(), scores.frequency.tolist()
    ([5, 3, 3, 1], [5, 3, 3, 1])
    """
    count = check_whole(groups, "groups", low=2, high=100)
    values = _columns(X, columns)
    n = len(values[0])
    weight = None if sample_weight is None else sample_weight_array(sample_weight, n)
    grid = _grid(segments)
    if cuts is None:
        learned = np.array([_fair_cuts(value, weight, count) for value in values])
    else:
        learned = float_array(cuts, "cuts", ndim=2, finite=False)
        if learned.shape != (3, count - 1):
            raise InputError(f"cuts must have shape (3, {count - 1}) for {count} scores, not {learned.shape}")
        if (np.diff(learned, axis=1) < 0).any():
            raise InputError("each row of cuts must rise; give those of an earlier call, RFMScores.cuts, as they are")
    scores = [_scores(value, row) for value, row in zip(values, learned, strict=True)]
    names = tuple(dict.fromkeys(name for row in grid[::-1] for name in row[::-1]))
    places = np.array([[names.index(name) for name in row] for row in grid], dtype=np.int8)
    return RFMScores(
        recency=frozen(scores[0]),
        frequency=frozen(scores[1]),
        monetary=frozen(scores[2]),
        segment=frozen(_segments(scores, places, count)),
        names=names,
        cuts=frozen(learned),
        groups=count,
    )


def _columns(X: AnyFrame, columns: Sequence[str]) -> list[FloatArray]:
    """Return minus recency, frequency and money."""
    if is_frame(X):
        if isinstance(columns, str) or len(columns) != 3:
            raise InputError(f"columns must be three names (recency, frequency, money), not {columns!r}")
        values = [float_array(column(X, name), f"column {name!r}", fix="fill or drop such rows") for name in columns]
        for name, value in zip(columns[1:], values[1:], strict=True):
            check_length(value, len(values[0]), name=repr(name), other=repr(columns[0]))
    else:
        matrix = float_array(X, "X", ndim=2)
        if matrix.shape[1] != 3:
            raise InputError(f"X must have 3 columns (recency, frequency, money), not {matrix.shape[1]}")
        values = [matrix[:, j] for j in range(3)]
    if len(values[0]) == 0:
        raise InputError("X is empty; at least one customer is needed")
    return [-values[0], values[1], values[2]]


def _fair_cuts(values: FloatArray, weight: FloatArray | None, groups: int) -> FloatArray:
    """Return the smallest value whose middle rank reaches 1/groups, 2/groups, ..."""
    if weight is None:
        ordered, people = np.sort(values), None
    else:
        order = np.argsort(values, kind="stable")
        order = order[weight[order] > 0]
        ordered, people = values[order], np.append(0.0, weight[order].cumsum())
    total = float(len(ordered)) if people is None else float(people[-1])
    cuts = np.empty(groups - 1)
    for j in range(1, groups):
        target = total * j / groups
        place = int(target) if people is None else int(np.searchsorted(people[1:], target, side="right"))
        value = ordered[min(place, len(ordered) - 1)]
        low, high = (int(np.searchsorted(ordered, value, side=side)) for side in ("left", "right"))
        below, upto = (float(low), float(high)) if people is None else (float(people[low]), float(people[high]))
        if (below + upto) / 2.0 >= target * (1 - 1e-12):
            cuts[j - 1] = value
        else:
            cuts[j - 1] = ordered[high] if high < len(ordered) else np.nextafter(ordered[-1], np.inf)
    return cuts


def _scores(values: FloatArray, cuts: FloatArray) -> Any:
    scores = np.ones(len(values), dtype=np.int8)
    for start in range(0, len(values), _BLOCK):  # blocks stay in the processor's cache
        block, part = values[start : start + _BLOCK], scores[start : start + _BLOCK]
        for cut in cuts:
            part += block >= cut
    return scores


def _segments(scores: Sequence[Any], places: Any, groups: int) -> Any:
    """Return the code of each customer's segment from the recency and the mean of the other two scores, in fifths."""
    steps = np.arange(1, groups + 1)
    fifth = np.clip(np.ceil(steps * 5 / groups).astype(np.int64), 1, 5) if groups != 3 else np.array([1, 3, 5])
    # rows recency, columns the sum of frequency and monetary scores: few cells, each looked up once
    mean = (np.arange(2 * groups + 1) + 1) // 2  # half up
    lookup = np.zeros((groups + 1, 2 * groups + 1), dtype=np.int8)
    for r in steps:
        lookup[r, 2:] = places[fifth[r - 1] - 1, fifth[mean[2:] - 1] - 1]
    segment = np.empty(len(scores[0]), dtype=np.int8)
    for start in range(0, len(segment), _BLOCK):
        rows = slice(start, start + _BLOCK)
        segment[rows] = lookup[scores[0][rows], scores[1][rows].astype(np.int16) + scores[2][rows]]
    return segment


def _grid(segments: Sequence[Sequence[str]] | None) -> tuple[tuple[str, ...], ...]:
    grid = GRID if segments is None else tuple(tuple(str(name) for name in row) for row in segments)
    if len(grid) != 5 or any(len(row) != 5 for row in grid):
        raise InputError("segments must be 5 x 5 names: by recency (lowest first) and by frequency and money")
    return grid
