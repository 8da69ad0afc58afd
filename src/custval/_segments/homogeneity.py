"""Is one matrix enough? Do moves differ between months or segments, and does the month before last matter?

Likelihood-ratio tests on counts of moves (Anderson and Goodman 1957). Homogeneity compares the rows of several
matrices; the test of the Markov order compares the rows of the matrices that hold, for each state two months ago, the
moves out of each state of last month: it is the same comparison with another grouping. Cells that never occur take no
degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_choice, float_array
from custval._segments.migration import MigrationMatrix
from custval._segments.transitions import TransitionCounts

__all__ = ("MigrationTest", "homogeneity_test", "markov_order_test")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class MigrationTest(Result):
    """Likelihood-ratio and Pearson statistics of a test on moves.

    Attributes
    ----------
    statistic, p_value : float
        Likelihood ratio G, and its p-value by the chi-squared distribution.
    pearson, pearson_p_value : float
        Pearson's X squared, and its p-value: closer to its level where cells are few.
    degrees_of_freedom : int
        Of both.
    state : tuple of str
        Starting states tested.
    p_value_by_state : tuple of float
        p-value of each row by itself (likelihood ratio); 1 where a row has nothing to compare.

    Examples
    --------
    >>> from custval.segments import homogeneity_test
    >>> found = homogeneity_test([[[80, 20], [10, 90]], [[70, 30], [12, 88]]])
    >>> round(found.statistic, 3), found.degrees_of_freedom, round(found.p_value, 3)
    (2.885, 2, 0.236)
    """

    statistic: float
    p_value: float
    pearson: float
    pearson_p_value: float
    degrees_of_freedom: int
    state: tuple[str, ...]
    p_value_by_state: tuple[float, ...]


@public("segments")
def homogeneity_test(matrices: MigrationMatrix | ArrayLike) -> MigrationTest:
    """Return whether the moves are the same in every month, or in every segment.

    Parameters
    ----------
    matrices : MigrationMatrix, or counts of shape (G, S, S)
        Months of the matrix are compared; or the counts of G groups. Counts are of independent moves: not weights.

    Returns
    -------
    MigrationTest
        Small p-values speak against one matrix for all.

    Raises
    ------
    InputError
        If there is only one month or group, or a count is negative or not whole.

    References
    ----------
    Anderson, T. W. and Goodman, L. A. (1957), Annals of Mathematical Statistics 28, section 3.2.

    Examples
    --------
    >>> from custval.segments import homogeneity_test, migration_matrix
    >>> moves = migration_matrix(
    ...     [0, 0, 1, 1] * 2, [0, 1, 0, 1] * 2, month=[1] * 4 + [2] * 4, sample_weight=[80, 20, 30, 70] * 2
    ... )
    >>> homogeneity_test(moves).p_value
    1.0
    """
    if isinstance(matrices, MigrationMatrix):
        counts, names = matrices.count_by_month[:, : matrices.moving], matrices.states[: matrices.moving]
    else:
        counts = float_array(matrices, "matrices", low=0.0, ndim=3)
        names = tuple(str(k) for k in range(counts.shape[1]))
    if len(counts) < 2:
        raise InputError("there is only one month (group); two or more are compared")
    _check_whole(counts)
    return _tested(np.swapaxes(counts, 0, 1), names)


@public("segments")
def markov_order_test(moves: TransitionCounts | ArrayLike, *, order: int = 1) -> MigrationTest:
    """Return whether a chain of the given order is enough, against one that remembers a month more.

    Parameters
    ----------
    moves : TransitionCounts, or counts of shape (S, S, S) for order 1, (S, S) for order 0
        What ``transition_counts`` returns; or counts by state two months ago, last month and now.
    order : {1, 0}
        Order under test: 1 asks whether the month before last matters, 0 whether last month does.

    Returns
    -------
    MigrationTest
        Small p-values speak for a longer memory: states that hide differences between customers, such as a tier that
        mixes those who rose with those who fell.

    Raises
    ------
    InputError
        If the counts lack the third month, or are negative or not whole.

    References
    ----------
    Anderson, T. W. and Goodman, L. A. (1957), Annals of Mathematical Statistics 28, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.segments import markov_order_test
    >>> rng = np.random.default_rng(0)
    >>> memoryless = rng.multinomial(500, [0.8, 0.2], size=(2, 2))
    >>> markov_order_test(memoryless).degrees_of_freedom
    2
    """
    check_choice(order, "order", (0, 1))
    if isinstance(moves, MigrationMatrix):
        raise InputError(
            "a migration matrix holds pairs of months only; give what transition_counts of the panel returns"
        )
    if isinstance(moves, TransitionCounts):
        size = len(moves.states) - len(moves.absorbing)
        counts, names = moves.triples[:size, :size], moves.states[:size]
        if order == 1 and not counts.size:
            raise InputError("these counts hold pairs of months only; transition_counts of the panel keeps triples")
        counts = counts if order == 1 else moves.count.sum(axis=0)[:size]
    else:
        counts = float_array(moves, "moves", low=0.0, ndim=order + 2)
        names = tuple(str(k) for k in range(counts.shape[1 if order else 0]))
    _check_whole(counts)
    if order == 0:
        return _tested(counts[None], ("all",))
    return _tested(np.swapaxes(counts, 0, 1), names)


def _tested(counts: FloatArray, names: tuple[str, ...]) -> MigrationTest:
    """Return the test over tables (rows, G, S): in each row, are the G distributions over S the same?"""
    from scipy.special import chdtrc

    parts = [_row(table) for table in counts]
    ratio, pearson = sum(part[0] for part in parts), sum(part[1] for part in parts)
    freedom = sum(part[2] for part in parts)

    def tail(statistic: float, df: int) -> float:
        return float(chdtrc(df, max(statistic, 0.0))) if df else 1.0

    return MigrationTest(
        statistic=float(ratio),
        p_value=tail(ratio, freedom),
        pearson=float(pearson),
        pearson_p_value=tail(pearson, freedom),
        degrees_of_freedom=freedom,
        state=names,
        p_value_by_state=tuple(tail(part[0], part[2]) for part in parts),
    )


def _row(table: FloatArray) -> tuple[float, float, int]:
    """Return G, X squared and degrees of freedom of one contingency table."""
    groups, ends, total = table.sum(axis=1), table.sum(axis=0), float(table.sum())
    kept = table[np.ix_(groups > 0, ends > 0)]
    if min(kept.shape) < 2:
        return 0.0, 0.0, 0
    expected = np.outer(kept.sum(axis=1), kept.sum(axis=0)) / total
    seen = kept > 0
    ratio = 2.0 * float((kept[seen] * np.log(kept[seen] / expected[seen])).sum())
    pearson = float(((kept - expected) ** 2 / expected).sum())
    return ratio, pearson, (kept.shape[0] - 1) * (kept.shape[1] - 1)


def _check_whole(counts: Any) -> None:
    if (counts != np.floor(counts)).any():
        raise InputError("a test counts moves: the counts must be whole numbers, not weights")
