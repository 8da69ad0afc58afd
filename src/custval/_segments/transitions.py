"""From a panel of states to counts of moves: who was where last month, and where now?

A move is counted between two consecutive months of one customer. Departures are states that nobody leaves (absorbing),
one for each cause. Where a month is missing no move is counted across the gap. The counts are all that migration needs:
a database can make them with one GROUP BY.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_length, check_rows, float_array, sample_weight_array
from custval._segments.labels import is_missing, label_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("TransitionCounts", "transition_counts")

_BLOCK = 1 << 16


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class TransitionCounts(Result):
    """Counts of moves by month, with S states of which the last are absorbing.

    Attributes
    ----------
    states : tuple of S str
        Names, departures last.
    absorbing : tuple of str
        Names of the departures.
    month : ndarray of int of shape (M,)
        Month in which each move starts.
    count : ndarray of shape (M, S, S)
        Customers who move from state i in that month to state j in the next.
    triples : ndarray of shape (S, S, S)
        Customers by three consecutive months, of all months together: what the test of the Markov order needs.
    skipped : int
        Pairs of records of one customer with missing months between them.

    Examples
    --------
    >>> from custval.segments import transition_counts
    >>> found = transition_counts(["a", "b", "b"], customer=[7, 7, 7], month=[1, 2, 3])
    >>> found.month.tolist(), found.count.sum(axis=0).tolist()
    ([1, 2], [[0.0, 1.0], [0.0, 1.0]])
    """

    states: tuple[str, ...]
    absorbing: tuple[str, ...]
    month: IntArray
    count: FloatArray
    triples: FloatArray
    skipped: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each month and pair of states that occurs: the table that ``migration_matrix`` takes.

        Returns
        -------
        pandas.DataFrame
            ``month``, ``start``, ``end``, ``count``.
        """
        import pandas as pd

        where = np.nonzero(self.count)
        names = np.array(self.states, dtype=object)
        columns = {"month": self.month[where[0]], "start": names[where[1]], "end": names[where[2]]}
        return pd.DataFrame(columns | {"count": self.count[where]})


@public("segments")
def transition_counts(
    state: Any,
    *,
    customer: Any = None,
    month: ArrayLike | None = None,
    left: Any = None,
    states: Sequence[Any] | None = None,
    sample_weight: ArrayLike | None = None,
) -> TransitionCounts:
    """Return how many customers move between which states, by month.

    Parameters
    ----------
    state : array of shape (n,) or (customers, months)
        State of each record: with `customer` and `month` one row for each customer-month, in any order; else a panel of
        codes 0, 1, ... with a column for each month and -1 where the customer is not there.
    customer : array of shape (n,), optional
        Whose record it is.
    month : array of shape (n,), optional
        Its month, whole numbers.
    left : array of shape (n,), optional
        Cause on the last record of a customer who leaves before the next month, missing (None, NaN or "") elsewhere;
        each cause becomes an absorbing state. Of a panel: an array of shape (customers,), the same.
    states : sequence, optional
        States in their order; None takes those seen, sorted. In a panel code k means ``states[k]``.
    sample_weight : array, optional
        How many customers each row (each customer of a panel) stands for.

    Returns
    -------
    TransitionCounts
        Counts by month.

    Raises
    ------
    InputError
        If a customer is in two states in one month, a state is unknown or missing, or somebody has a record after
        leaving.

    Warns
    -----
    DataWarning
        Where customers miss months between their records: no move is counted across a gap.

    Examples
    --------
    >>> from custval.segments import transition_counts
    >>> panel = [[0, 0, 1], [1, 1, -1]]
    >>> found = transition_counts(panel, states=("silver", "gold"), left=[None, "price"])
    >>> found.states, found.count[1].tolist()
    (('silver', 'gold', 'price'), [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    """
    if np.ndim(state) == 2:
        if customer is not None or month is not None:
            raise InputError("a panel (customers x months) needs no customer= and month=")
        return _of_panel(state, left, states, sample_weight)
    if customer is None or month is None:
        raise InputError("records need customer= and month=, or give a panel of codes (customers x months)")
    codes, names = label_codes(state, states, name="state")
    check_length(customer, len(codes), name="customer", other="state")
    check_length(month, len(codes), name="month", other="state")
    when = float_array(month, "month")
    check_rows(when == np.floor(when), when, name="month", rule="be a whole number")
    if len(codes) == 0:
        raise InputError("state is empty; at least one record is needed")
    cause, causes = _causes(left, len(codes))
    names = _joined(names, causes)
    who, _ = label_codes(customer, name="customer")
    order = np.lexsort((when, who))
    weight = sample_weight_array(sample_weight, len(codes))[order]
    who, codes, cause = who[order], codes[order], cause[order]
    months = when[order].astype(np.int64)
    _check_two_states(who, months, order)
    same = who[1:] == who[:-1]
    _check_ended(same & (cause[:-1] >= 0), order)
    follows = same & (months[1:] - months[:-1] == 1)
    skipped = int((same & ~follows).sum())
    if skipped:
        warn(f"{skipped} pairs of records have missing months between them; no move is counted across such a gap")
    # each record with what comes next: another state, a departure, or nothing
    after = np.where(np.append(follows, False), np.append(codes[1:], 0), -1)
    after = np.where(cause >= 0, len(names) - len(causes) + cause, after)
    return _counted(
        codes, after, months, np.append(False, follows), weight, names=names, causes=causes, skipped=skipped
    )


def _counted(
    before: IntArray,
    after: IntArray,
    when: IntArray,
    has_earlier: BoolArray,
    weight: FloatArray,
    *,
    names: tuple[str, ...],
    causes: tuple[str, ...],
    skipped: int,
) -> TransitionCounts:
    size, moves = len(names), after >= 0
    first = int(when.min())
    months = np.arange(first, int(when[moves].max()) + 1) if moves.any() else np.array([first])
    cell = ((when - first) * size + before) * size + after
    count = np.bincount(cell[moves], weights=weight[moves], minlength=len(months) * size * size)
    thirds = moves & has_earlier
    earlier = np.append(0, before[:-1])
    triple = ((earlier * size + before) * size + after)[thirds]
    triples = np.bincount(triple, weights=weight[thirds], minlength=size**3)
    return TransitionCounts(
        states=names,
        absorbing=causes,
        month=frozen(months),
        count=frozen(np.asarray(count, dtype=np.float64).reshape(len(months), size, size)),
        triples=frozen(np.asarray(triples, dtype=np.float64).reshape(size, size, size)),
        skipped=skipped,
    )


def _of_panel(state: Any, left: Any, states: Sequence[Any] | None, sample_weight: ArrayLike | None) -> TransitionCounts:
    panel = np.asarray(state)
    if panel.dtype.kind not in "iu":
        raise InputError(
            f"a panel holds codes (whole numbers, -1: not there), not {panel.dtype}; put -1 where a customer is not "
            "there, or give names as one record for each customer-month, with customer= and month="
        )
    n, months = panel.shape
    if n == 0 or months < 2:
        raise InputError(f"a panel needs customers and at least two months, not shape {panel.shape}")
    high = int(panel.max())
    names = tuple(str(k) for k in range(high + 1)) if states is None else tuple(str(name) for name in states)
    legal = (panel >= -1).all(axis=1) & (panel < len(names)).all(axis=1)
    if not legal.all():
        rule = f"be a code from 0 to {len(names) - 1}, or -1 (not there)"
        strange = np.where((panel < -1).any(axis=1), panel.min(axis=1), panel.max(axis=1))
        check_rows(legal, strange, name="state", rule=rule)
    weight = None if sample_weight is None else sample_weight_array(sample_weight, n)
    cause, causes = _causes(left, n)
    base = len(names)
    names = _joined(names, causes)
    size = len(names)
    count, triples, skipped = np.zeros((months, size * size)), np.zeros(size**3), 0
    for start in range(0, n, _BLOCK):  # blocks stay in the processor's cache
        rows = slice(start, start + _BLOCK)
        heavy = None if weight is None else weight[rows]
        skipped += _add_block(panel[rows], cause[rows], heavy, base=base, count=count, triples=triples)
    if skipped:
        warn(f"{skipped} pairs of records have missing months between them; no move is counted across such a gap")
    used = months if count[-1].any() else months - 1
    return TransitionCounts(
        states=names,
        absorbing=causes,
        month=frozen(np.arange(used)),
        count=frozen(count[:used].reshape(-1, size, size)),
        triples=frozen(triples.reshape(size, size, size)),
        skipped=skipped,
    )


def _add_block(
    panel: Any, cause: IntArray, weight: FloatArray | None, *, base: int, count: FloatArray, triples: FloatArray
) -> int:
    """Add the moves of some customers to the counts; return how many gaps they have."""
    size = math.isqrt(count.shape[1])
    months = panel.shape[1]
    columns = [np.ascontiguousarray(panel[:, t]).astype(np.int64) for t in range(months)]
    here = [column >= 0 for column in columns]
    last = np.full(len(panel), -1)
    seen, gaps = np.zeros(len(panel), dtype=bool), 0
    for t in range(months):
        gaps += 0 if t == 0 else int((here[t] & seen & ~here[t - 1]).sum())
        seen |= here[t]
        last[here[t]] = t
    leaves = cause >= 0
    nothing = np.full(len(panel), -1)
    for t in range(months):
        follower = columns[t + 1] if t + 1 < months else nothing
        if leaves.any():
            follower = np.where(leaves & (last == t), base + cause, follower)
        moves = here[t] & (follower >= 0)
        every = bool(moves.all())
        cell = columns[t] * size + follower
        heavy = weight if every or weight is None else weight[moves]
        count[t] += np.bincount(cell if every else cell[moves], weights=heavy, minlength=size * size)
        if t:
            thirds = moves & here[t - 1]
            triple = columns[t - 1] * (size * size) + cell
            full = bool(thirds.all())
            heavy = weight if full or weight is None else weight[thirds]
            triples += np.bincount(triple if full else triple[thirds], weights=heavy, minlength=size**3)
    return gaps


def _causes(left: Any, n: int) -> tuple[IntArray, tuple[str, ...]]:
    """Return the cause of each departure as a code, -1 where there is none."""
    codes = np.full(n, -1, dtype=np.int64)
    if left is None:
        return codes, ()
    check_length(left, n, name="left", other="state")
    listed = np.asarray(left, dtype=object)
    given = np.array([not _is_empty(value) for value in listed.tolist()], dtype=bool)
    if not given.any():
        return codes, ()
    codes[given], names = label_codes(listed[given], name="cause", rows=np.flatnonzero(given))
    return codes, names


def _is_empty(value: Any) -> bool:
    return is_missing(value) or value == ""


def _joined(names: tuple[str, ...], causes: tuple[str, ...]) -> tuple[str, ...]:
    both = [cause for cause in causes if cause in names]
    if both:
        raise InputError(f"{both[0]!r} is both a state and a cause of leaving; give the departure another name")
    return (*names, *causes)


def _check_two_states(who: IntArray, when: IntArray, order: IntArray) -> None:
    twice = np.flatnonzero((who[1:] == who[:-1]) & (when[1:] == when[:-1]))
    if len(twice):
        one, two = sorted((int(order[twice[0]]), int(order[twice[0] + 1])))
        raise InputError(
            f"{len(twice)} records are of a customer who already has one in that month (first: rows {one} and {two}, "
            f"month {int(when[twice[0]])}); a customer is in one state at a time: keep one record for each month"
        )


def _check_ended(after_leaving: BoolArray, order: IntArray) -> None:
    if after_leaving.any():
        first = int(order[int(np.flatnonzero(after_leaving)[0]) + 1])
        raise InputError(
            f"{int(after_leaving.sum())} records come after the customer has left (first: row {first}); who comes back "
            "is a new customer here: give the second stay an identifier of its own"
        )
