"""How many sets would a threshold give? Random walks down the search, weighted by the ways not taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._assoc.baskets import Baskets, take_runs
from custval._assoc.bits import CountArray
from custval._assoc.frequent import prepared, smallest_count
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.randomness import generator
from custval._core.results import Result
from custval._core.typing import ArrayLike, IntArray, RandomState
from custval._core.validation import check_whole

__all__ = ("SizeEstimate", "estimate_itemsets")

_NODE_BYTES = 32


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class SizeEstimate(Result):
    """How many itemsets a threshold is expected to give.

    Attributes
    ----------
    itemsets : float
        Expected number of sets; unbiased.
    std_error : float
        Its standard error over the walks.
    frequent_items : int
        Items that reach the threshold by themselves: exact.
    memory_mb : float
        What the answer would take, in MiB.
    min_count : float
        The threshold, in customers.
    walks : int
        Random walks taken.

    Examples
    --------
    >>> from custval.assoc import estimate_itemsets
    >>> size = estimate_itemsets([{"tv", "voice"}, {"voice"}], min_count=1, walks=50, random_state=0)
    >>> round(size.itemsets), size.frequent_items
    (3, 2)
    """

    itemsets: float
    std_error: float
    frequent_items: int
    memory_mb: float
    min_count: float
    walks: int


@public("assoc")
def estimate_itemsets(
    baskets: Any,
    *,
    min_support: float | None = None,
    min_count: float | None = None,
    max_length: int | None = None,
    sample_weight: ArrayLike | str | None = None,
    walks: int = 400,
    random_state: RandomState = None,
) -> SizeEstimate:
    """Say how many frequent itemsets a threshold would give, without finding them.

    Each walk goes down the tree of sets, takes one of the frequent continuations at random and divides by the chance
    of that choice; the mean over walks is unbiased.

    Parameters
    ----------
    baskets : Baskets, list of collections, frame, 2-D array or SciPy sparse matrix
        What each customer holds, as ``frequent_itemsets`` takes it.
    min_support, min_count : float
        The threshold: a share of customers in (0, 1], or customers; one of the two.
    max_length : int, optional
        Longest set counted, >= 1.
    sample_weight : array_like of shape (n,), optional
        Case weight of each customer, >= 0.
    walks : int
        Random walks, >= 2. The error falls with their square root.
    random_state : int, Generator or None
        Seed of the walks.

    Returns
    -------
    SizeEstimate
        Expected number with its standard error, and the memory that the answer would take.

    Raises
    ------
    InputError
        What ``frequent_itemsets`` refuses.

    References
    ----------
    D. E. Knuth (1975), Estimating the efficiency of backtrack programs.

    Examples
    --------
    >>> from custval.assoc import estimate_itemsets
    >>> held = [{"mobile", "tv"}, {"mobile", "tv", "cloud"}, {"mobile"}]
    >>> round(estimate_itemsets(held, min_count=1, random_state=1).itemsets)
    7
    """
    if (min_support is None) == (min_count is None):
        raise InputError("give one of min_support (a share in (0, 1]) and min_count (customers)")
    times = check_whole(walks, "walks", low=2)
    data, _ = prepared(baskets, sample_weight, (), (), None)
    threshold = smallest_count(data, min_support, min_count)
    longest = len(data.items) if max_length is None else check_whole(max_length, "max_length", low=1)
    rng = generator(random_state)
    root = _Root(data, threshold)
    found = np.array([root.walk(rng, longest) for _ in range(times)]) if root.size else np.zeros(times)
    total = root.size + float(found.mean())
    error = float(found.std(ddof=1) / np.sqrt(times))
    return SizeEstimate(total, error, root.size, _NODE_BYTES * total / 2**20, threshold, times)


class _Root:
    """The base with its frequent items ranked by rising count, and for each item the baskets that hold it."""

    def __init__(self, data: Baskets, threshold: float) -> None:
        single = data.item_counts
        frequent = np.flatnonzero(single >= threshold)
        ranked = frequent[np.argsort(single[frequent], kind="stable")]
        rank = np.full(len(data.items), -1, dtype=np.int64)
        rank[ranked] = np.arange(len(ranked))
        owner, held = np.repeat(np.arange(len(data)), np.diff(data.offsets)), rank[data.members]
        key = np.sort((owner * max(1, len(ranked)) + held)[held >= 0])
        self.size, self.threshold, self.counts = len(ranked), threshold, data.counts
        self.members = key % max(1, len(ranked))
        sizes = np.bincount(key // max(1, len(ranked)), minlength=len(data))
        self.offsets = np.concatenate(([0], np.cumsum(sizes)))
        self._order = np.argsort(self.members, kind="stable")
        self._start = np.searchsorted(self.members[self._order], np.arange(len(ranked) + 1))
        self._owner = key // max(1, len(ranked))

    def walk(self, rng: np.random.Generator, longest: int) -> float:
        """Return an unbiased guess of the sets of two items or more."""
        choice, factor = _choose(rng, self.size)
        held = self._owner[self._order[self._start[choice] : self._start[choice + 1]]]
        offsets, members = take_runs(self.offsets, self.members, held)
        counts, total, length = self.counts[held], 0.0, 2
        while length <= longest:
            options = _frequent(members, offsets, counts, choice, self)
            total += factor * len(options)
            if not len(options):
                break
            place, weight = _choose(rng, len(options))
            choice, factor, length = int(options[place]), factor * weight, length + 1
            keep = np.repeat(np.arange(len(counts)), np.diff(offsets))[members == choice]
            offsets, members = take_runs(offsets, members, keep)
            counts = counts[keep]
        return total


def _frequent(members: IntArray, offsets: IntArray, counts: CountArray, above: int, root: _Root) -> IntArray:
    """Return the ranks above `above` that enough of these baskets hold."""
    held = np.bincount(members, weights=np.repeat(counts, np.diff(offsets)), minlength=root.size)
    return above + 1 + np.flatnonzero(held[above + 1 :] >= root.threshold)


def _choose(rng: np.random.Generator, size: int) -> tuple[int, float]:
    """Draw one of `size` siblings, the first (with the most siblings after it) likeliest; return 1 / its chance too."""
    weight = np.arange(size, 0, -1, dtype=np.float64)
    cumulated = np.cumsum(weight)
    place = int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))
    place = min(place, size - 1)
    return place, float(cumulated[-1] / weight[place])
