"""How do customers move between segments, tiers or brands from month to month? Transition matrices with intervals.

Row i holds the shares of the customers of state i who are in each state a month later; departures are absorbing states,
one for each cause. Each row of counts is multinomial; with a Dirichlet prior of the same weight for every destination
the posterior of each share is a Beta distribution, whose quantiles are the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import (
    check_length,
    check_rows,
    check_scalar,
    float_array,
    nearest,
    sample_weight_array,
)
from custval._segments.labels import label_codes
from custval._segments.shares import beta_interval, level_of
from custval._segments.transitions import TransitionCounts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("MigrationMatrix", "migration_matrix")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class MigrationMatrix(Result):
    """Shares of moves between S states in one month, pooled and by month.

    Attributes
    ----------
    states : tuple of S str
        Names, absorbing ones last.
    absorbing : tuple of str
        States that nobody leaves: departures by cause.
    count : ndarray of shape (S, S)
        Moves from row to column, of all months.
    probability : ndarray of shape (S, S)
        Share of each row's customers; rows add up to one. An absorbing state stays; a state that nobody was in has the
        prior's equal shares.
    std_error : ndarray of shape (S, S)
        Sampling error of the shares.
    lower, upper : ndarray of shape (S, S)
        Interval of each share from the Dirichlet posterior of its row.
    month : ndarray of int of shape (M,)
        Months in which the moves start.
    count_by_month : ndarray of shape (M, S, S)
        Moves by month.
    prior : float
        Weight of each destination in the prior.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import migration_matrix
    >>> found = migration_matrix(["low", "low", "high"], ["low", "high", "high"], sample_weight=[80, 20, 50])
    >>> found.table().loc["low", "high"]
    np.float64(0.2)
    """

    states: tuple[str, ...]
    absorbing: tuple[str, ...]
    count: FloatArray
    probability: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    month: IntArray
    count_by_month: FloatArray
    prior: float
    conf_level: float

    @property
    def moving(self) -> int:
        """Number of states that customers can leave."""
        return len(self.states) - len(self.absorbing)

    def table(self, values: str = "probability") -> pd.DataFrame:
        """Return a square table, as for a heat map.

        Parameters
        ----------
        values : str, default "probability"
            Which field of shape (S, S) to show.

        Returns
        -------
        pandas.DataFrame
            A row for each state that customers can leave, a column for each state.
        """
        import pandas as pd

        rows = getattr(self, values)[: self.moving]
        return pd.DataFrame(rows, index=pd.Index(self.states[: self.moving], name="start"), columns=list(self.states))

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each pair of states, from those that customers can leave.

        Returns
        -------
        pandas.DataFrame
            ``start``, ``end``, ``count``, ``probability``, ``std_error``, ``lower``, ``upper``.
        """
        import pandas as pd

        names, size = np.array(self.states, dtype=object), len(self.states)
        columns: dict[str, Any] = {
            "start": np.repeat(names[: self.moving], size),
            "end": np.tile(names, self.moving),
        }
        for name in ("count", "probability", "std_error", "lower", "upper"):
            columns[name] = getattr(self, name)[: self.moving].ravel()
        return pd.DataFrame(columns)

    def by_month(self) -> pd.DataFrame:
        """Return one row for each month and pair of states, with the interval of the month's share.

        Returns
        -------
        pandas.DataFrame
            ``month`` and the columns of ``to_frame``.
        """
        import pandas as pd

        made = []
        for month, count in zip(self.month, self.count_by_month, strict=True):
            one = _matrix(count, self.states, self.absorbing, self.prior, self.conf_level)
            table = MigrationMatrix(**one, month=self.month, count_by_month=self.count_by_month).to_frame()
            table.insert(0, "month", int(month))
            made.append(table)
        return pd.concat(made, ignore_index=True)

    def flows(self) -> dict[str, Any]:
        """Return nodes and links for a Sankey diagram, in JSON types.

        Returns
        -------
        dict
            ``nodes``: a list of names, each state once as start and once as end; ``links``: ``source`` and ``target``
            (places among the nodes), ``value`` (customers) and ``share`` of the source.
        """
        starts, size = self.states[: self.moving], len(self.states)
        links = [
            {
                "source": i,
                "target": self.moving + j,
                "value": float(self.count[i, j]),
                "share": float(self.probability[i, j]),
            }
            for i in range(self.moving)
            for j in range(size)
            if self.count[i, j] > 0
        ]
        return {"nodes": [*starts, *self.states], "links": links}


@public("segments")
def migration_matrix(
    start: Any,
    end: Any = None,
    *,
    states: Sequence[Any] | None = None,
    absorbing: Sequence[Any] = (),
    month: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    prior: float = 0.5,
    conf_level: float = 0.95,
) -> MigrationMatrix:
    """Return the matrix of moves between states in one month, with intervals.

    Parameters
    ----------
    start : array of shape (n,), or TransitionCounts
        State at the start of the month: a row for each customer-month, or for each cell of a table of counts; or what
        ``transition_counts`` returns.
    end : array of shape (n,), optional
        State a month later; not with ``TransitionCounts``.
    states : sequence, optional
        States in their order; None takes those seen, sorted.
    absorbing : sequence, optional
        Those among them that nobody leaves: departures.
    month : array of shape (n,), optional
        Month of each move, whole numbers; None is one month.
    sample_weight : array of shape (n,), optional
        Customers that each row stands for.
    prior : float, default 0.5
        Weight of each destination in the Dirichlet prior of a row, > 0; 0.5 is Jeffreys' prior.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    MigrationMatrix
        Counts, shares, errors and intervals.

    Raises
    ------
    InputError
        If a state is missing or unknown, or somebody leaves an absorbing state.

    Warns
    -----
    DataWarning
        If nobody was ever in a state: its row is the prior's; or if nobody reaches a name of `absorbing` and the states
        are not given.

    References
    ----------
    Anderson, T. W. and Goodman, L. A. (1957), Statistical inference about Markov chains, Annals of Mathematical
    Statistics 28. Intervals: Dirichlet posterior, Gelman, A. and others (2013), Bayesian Data Analysis, section 3.4.

    Examples
    --------
    >>> from custval.segments import migration_matrix
    >>> found = migration_matrix(
    ...     ["gold", "gold", "basic", "basic"], ["gold", "basic", "basic", "left"],
    ...     states=("gold", "basic", "left"), absorbing=["left"], sample_weight=[90, 10, 95, 5],
    ... )
    >>> found.probability.tolist()
    [[0.9, 0.1, 0.0], [0.0, 0.95, 0.05], [0.0, 0.0, 1.0]]
    """
    level = level_of(conf_level)
    weight = check_scalar(prior, "prior", low=0.0, high=1e6, low_open=True)
    if isinstance(start, TransitionCounts):
        if end is not None or sample_weight is not None or month is not None:
            raise InputError("transition_counts already holds ends, months and weights; give nothing else")
        counts = start
    else:
        counts = _counts_of_pairs(
            start, end, states=states, absorbing=absorbing, month=month, sample_weight=sample_weight
        )
    total = counts.count.sum(axis=0)
    moving = len(counts.states) - len(counts.absorbing)
    empty = [name for name, row in zip(counts.states[:moving], total, strict=False) if row.sum() == 0]
    if empty:
        warn(
            f"nobody starts in {len(empty)} of {moving} states (first: {empty[0]!r}), so nothing is known of moves "
            "from there: the row is the prior's; leave the state out, or pool it with another"
        )
    found = _matrix(total, counts.states, counts.absorbing, weight, level)
    return MigrationMatrix(**found, month=counts.month, count_by_month=counts.count)


def _matrix(
    count: FloatArray, states: tuple[str, ...], absorbing: tuple[str, ...], prior: float, level: float
) -> dict[str, Any]:
    """Return shares, errors and intervals of one matrix of counts."""
    size = len(states)
    n = count.sum(axis=1, keepdims=True)
    share = np.where(n > 0, count / np.where(n > 0, n, 1.0), 1.0 / size)
    a, b = count + prior, n - count + (size - 1) * prior
    lower, upper = beta_interval(a, b, level)
    # nothing seen: the interval begins at 0; the share itself is always inside
    lower = np.where(count > 0, np.minimum(lower, share), 0.0)
    upper = np.where((count < n) | (n == 0), np.maximum(upper, share), 1.0)
    spread = a * b / ((a + b) ** 2 * (a + b + 1.0))
    error = np.sqrt(np.where(n > 0, share * (1.0 - share) / np.where(n > 0, n, 1.0), spread))
    still = np.arange(size) >= size - len(absorbing)
    for table, value in (
        (share, np.eye(size)),
        (lower, np.eye(size)),
        (upper, np.eye(size)),
        (error, np.zeros((size, size))),
    ):
        table[still] = value[still]
    fields = {"count": count, "probability": share, "std_error": error, "lower": lower, "upper": upper}
    return {
        "states": states,
        "absorbing": absorbing,
        "prior": prior,
        "conf_level": level,
        **{name: frozen(np.ascontiguousarray(value)) for name, value in fields.items()},
    }


def _counts_of_pairs(
    start: Any,
    end: Any,
    *,
    states: Sequence[Any] | None,
    absorbing: Sequence[Any],
    month: ArrayLike | None,
    sample_weight: ArrayLike | None,
) -> TransitionCounts:
    if end is None:
        raise InputError("end is needed: the state of each customer a month after start")
    names = _names(start, end, states, absorbing)
    before, _ = label_codes(start, names, name="state")
    after, _ = label_codes(end, names, name="state")
    check_length(after, len(before), name="end", other="start")
    if len(before) == 0:
        raise InputError("start is empty; at least one move is needed")
    weight = sample_weight_array(sample_weight, len(before))
    when = np.zeros(len(before)) if month is None else float_array(month, "month")
    check_length(when, len(before), name="month", other="start")
    check_rows(when == np.floor(when), when, name="month", rule="be a whole number")
    size, moving = len(names), len(names) - len(absorbing)
    strays = (before >= moving) & (after != before)
    if strays.any():
        first = int(np.flatnonzero(strays)[0])
        raise InputError(
            f"{int(strays.sum())} of {len(before)} rows leave an absorbing state (first: row {first}, "
            f"{names[int(before[first])]!r} to {names[int(after[first])]!r}); who comes back starts anew"
        )
    months, place = np.unique(when.astype(np.int64), return_inverse=True)
    kept = before < moving  # who has left stays so: that is no move
    cell = ((place * size + before) * size + after)[kept]
    count = np.bincount(cell, weights=weight[kept], minlength=len(months) * size * size)
    return TransitionCounts(
        states=tuple(str(name) for name in names),
        absorbing=tuple(str(name) for name in absorbing),
        month=frozen(months),
        count=frozen(np.asarray(count, dtype=np.float64).reshape(len(months), size, size)),
        triples=frozen(np.zeros((0, size, size))),
        skipped=0,
    )


def _names(start: Any, end: Any, states: Sequence[Any] | None, absorbing: Sequence[Any]) -> list[Any]:
    """Return the states in their order, absorbing ones last."""
    ends = [str(name) for name in absorbing]
    if states is None:
        one, two = np.asarray(start), np.asarray(end)
        if one.dtype.kind in "iu" and two.dtype.kind in "iu":
            seen: list[Any] = np.union1d(one, two).tolist()
        else:
            seen = _seen([*one.tolist(), *two.tolist()])
        unseen = [name for name in ends if name not in map(str, seen)]
        if unseen:
            known = ", ".join(map(str, seen))
            close = nearest(unseen[0], map(str, seen))
            warn(f"absorbing names {unseen[0]!r}{close}, which nobody reaches; the states seen are {known}")
    else:
        seen = list(states)
        missing = [name for name in ends if name not in map(str, seen)]
        if missing:
            raise InputError(f"absorbing names {missing[0]!r}, which is not among the states {seen}")
    inner = [name for name in seen if str(name) not in ends]
    if not inner:
        raise InputError("every state is absorbing: nobody can move")
    return [*inner, *absorbing]


def _seen(values: list[Any]) -> list[Any]:
    _, names = label_codes(np.array(values, dtype=object), name="state")
    return list(names)
