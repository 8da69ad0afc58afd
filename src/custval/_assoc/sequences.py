"""What comes after what? Sequential patterns with gaps and a greatest span.

A pattern is a row of steps, each one item or several at once. A customer supports it if the steps occur in this order,
each step at least `min_gap` and at most `max_gap` after the one before, the last at most `max_span` after the first.
The search grows patterns item by item (a new step, or one more item in the last step) and keeps for each the places
where it ends; with a greatest gap or span all places are kept, since the first need not be the one that goes on.

References: Srikant & Agrawal (1996), GSP; Pei et al. (2004), PrefixSpan; Zaki (2000), Sequence mining in categorical
domains: incorporating constraints (cSPADE).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from custval._assoc.events import Events, read_events
from custval._assoc.mining import runs
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_scalar, check_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("SequentialPatterns", "sequential_patterns")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class SequentialPatterns(Result):
    """Patterns in time, with the customers who show each.

    Attributes
    ----------
    patterns : tuple of tuples of tuples
        Each pattern as steps, each step as items.
    count : ndarray of int64, shape (k,)
        Customers who show the pattern.
    n : int
        Customers in all.
    min_count : int
        The threshold.

    Examples
    --------
    >>> from custval.assoc import sequential_patterns
    >>> found = sequential_patterns([["sim", "tv"], ["sim", "tv", "net"], ["tv"]], min_count=2)
    >>> [(p, int(c)) for p, c in zip(found, found.count)]
    [((('sim',),), 2), ((('sim',), ('tv',)), 2), ((('tv',),), 3)]
    """

    patterns: tuple[tuple[tuple[Any, ...], ...], ...]
    count: IntArray
    n: int
    min_count: int

    def __len__(self) -> int:
        """Return the number of patterns."""
        return len(self.patterns)

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], ...]]:
        """Go through the patterns."""
        return iter(self.patterns)

    @property
    def support(self) -> FloatArray:
        """Share of customers who show each pattern, shape (k,)."""
        return frozen(self.count / self.n)

    @property
    def length(self) -> IntArray:
        """Items in each pattern, all steps together, shape (k,)."""
        return np.array([sum(map(len, pattern)) for pattern in self.patterns], dtype=np.int64)

    @overload
    def __getitem__(self, index: int) -> tuple[tuple[Any, ...], ...]: ...
    @overload
    def __getitem__(self, index: slice | IntArray | BoolArray) -> SequentialPatterns: ...
    def __getitem__(self, index: int | slice | IntArray | BoolArray) -> Any:
        """Return one pattern, or the chosen ones as a smaller result."""
        if isinstance(index, (int, np.integer)):
            return self.patterns[index]
        places = np.arange(len(self))[index]
        return replace(self, patterns=tuple(self.patterns[i] for i in places), count=frozen(self.count[places]))

    def ending_in(self, item: Any) -> SequentialPatterns:
        """Keep the patterns whose last step holds `item`.

        Parameters
        ----------
        item : label
            For example a departure.

        Returns
        -------
        SequentialPatterns
            The patterns kept.

        Examples
        --------
        >>> from custval.assoc import sequential_patterns
        >>> found = sequential_patterns([["-tv", "churn"], ["-tv", "churn"], ["tv"]], min_count=2)
        >>> list(found.ending_in("churn"))
        [(('-tv',), ('churn',)), (('churn',),)]
        """
        return self[np.array([item in pattern[-1] for pattern in self.patterns], dtype=bool)]

    def confidence(self) -> FloatArray:
        """Return how often those who show a pattern up to its last step go on to show that step.

        Returns
        -------
        ndarray of float64, shape (k,)
            Count of the pattern over that of its steps but the last; of all customers for one step. Patterns without
            their beginning in this result (after a filter) are counted against all customers who show any of them: take
            the confidence before filtering.

        Examples
        --------
        >>> from custval.assoc import sequential_patterns
        >>> found = sequential_patterns([["sim", "tv"], ["sim"], ["sim", "tv"]], min_count=2)
        >>> found.confidence().round(2).tolist()
        [1.0, 0.67, 0.67]
        """
        known = dict(zip(self.patterns, self.count.tolist(), strict=True))
        before = [known.get(pattern[:-1], self.n) if len(pattern) > 1 else self.n for pattern in self.patterns]
        return frozen(self.count / np.array(before, dtype=np.float64))

    def to_frame(self, *, arrow: str = " -> ") -> pd.DataFrame:
        """Return the patterns as a pandas frame.

        Parameters
        ----------
        arrow : str
            What stands between two steps in the text of a pattern; items of one step are joined by " + ".

        Returns
        -------
        pandas.DataFrame
            Columns pattern, length, count, support.

        Examples
        --------
        >>> from custval.assoc import sequential_patterns
        >>> sequential_patterns([["sim", "tv"], ["sim", "tv"]], min_count=2).to_frame()["pattern"].tolist()
        ['sim', 'sim -> tv', 'tv']
        """
        import pandas as pd

        text = [arrow.join(" + ".join(map(str, step)) for step in pattern) for pattern in self.patterns]
        columns = {"length": self.length, "count": self.count, "support": self.support}
        return pd.DataFrame({"pattern": pd.Series(text, dtype=object), **columns})


@public("assoc")
def sequential_patterns(
    events: Any,
    *,
    min_support: float | None = None,
    min_count: int | None = None,
    max_length: int | None = None,
    min_gap: float = 0.0,
    max_gap: float | None = None,
    max_span: float | None = None,
    window: float = 0.0,
    customer: str = "subscriber_id",
    item: str = "item",
    time: str = "time",
    n_customers: int | None = None,
    max_patterns: int = 1_000_000,
) -> SequentialPatterns:
    """Find what customers do one after the other often enough.

    Parameters
    ----------
    events : frame, or list of sequences
        A long table with one row for each event; or for each customer a list of steps in time order (an item, or a set
        of items at once), taken as one time unit apart.
    min_support : float
        Smallest share of customers, in (0, 1]; this or `min_count`.
    min_count : int
        Smallest number of customers, >= 1.
    max_length : int, optional
        Most items in a pattern, >= 1.
    min_gap : float
        Least time from one step to the next, >= 0; steps follow strictly in any case.
    max_gap : float, optional
        Greatest time from one step to the next, > 0.
    max_span : float, optional
        Greatest time from the first step to the last, >= 0.
    window : float
        Events of a customer up to this long after the first of them are one step, >= 0.
    customer, item, time : str
        Columns of the table. Times are numbers, or dates (gaps are then in days).
    n_customers : int, optional
        Customers in all, with those who did nothing. Default: those in the events.
    max_patterns : int
        Refuse to find more patterns than this.

    Returns
    -------
    SequentialPatterns
        The patterns; each stands after the pattern that it continues.

    Raises
    ------
    InputError
        A threshold, gap or span outside its range, missing values, a bare string as a sequence, too many patterns.

    References
    ----------
    Srikant & Agrawal (1996), Mining sequential patterns: generalizations and performance improvements; Zaki (2000).

    Examples
    --------
    >>> from custval.assoc import sequential_patterns
    >>> table = {"subscriber_id": [1, 1, 2, 2], "item": ["+tv", "-tv", "+tv", "-tv"], "time": [1.0, 3.0, 2.0, 9.0]}
    >>> found = sequential_patterns(table, min_count=1, max_gap=4.0)
    >>> found.to_frame().query("length == 2")[["pattern", "count"]].values.tolist()
    [['+tv -> -tv', 1]]
    """
    low, high = check_scalar(min_gap, "min_gap", low=0.0), _limit(max_gap, "max_gap", low_open=True)
    span = _limit(max_span, "max_span", low_open=False)
    longest = check_whole(max_length, "max_length", low=1) if max_length is not None else np.inf
    if high < low:
        raise InputError(f"max_gap is {high:g} but min_gap is {low:g}; no step can follow")
    data = read_events(events, customer=customer, item=item, time=time, window=window, n_customers=n_customers)
    least = _threshold(data.n, min_support, min_count)
    most = check_whole(max_patterns, "max_patterns", low=1)
    search = _Search(data, least, _Limits(low, high, span, longest, most))
    found = search.run()
    patterns = tuple(pattern for pattern, _ in found)
    return SequentialPatterns(patterns, np.array([count for _, count in found], dtype=np.int64), data.n, least)


def _limit(value: float | None, name: str, *, low_open: bool) -> float:
    return np.inf if value is None else check_scalar(value, name, low=0.0, low_open=low_open)


def _threshold(n: int, min_support: float | None, min_count: int | None) -> int:
    if (min_support is None) == (min_count is None):
        raise InputError("give one of min_support (a share in (0, 1]) and min_count (customers)")
    if min_count is not None:
        return check_whole(min_count, "min_count", low=1)
    share = check_scalar(min_support, "min_support", low=0.0, high=1.0, low_open=True)
    count = max(1, int(np.ceil(share * n)))
    return count - 1 if count > 1 and (count - 1) / n >= share else count + (count / n < share)


@dataclass(frozen=True, slots=True)
class _Limits:
    """Gaps and span in time, items in a pattern, patterns in all."""

    min_gap: float
    max_gap: float
    max_span: float
    max_length: float
    max_patterns: int


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a pattern ends: steps (rising), and for each the latest time at which it may have begun."""

    step: IntArray
    begin: FloatArray


class _Search:
    """Depth first over patterns; positions are steps of all customers in one row."""

    def __init__(self, data: Events, least: int, limits: _Limits) -> None:
        self.data, self.least, self.limits = data, least, limits
        self.all_ends = np.isfinite(limits.max_gap) or np.isfinite(limits.max_span)
        self.first_entry = np.searchsorted(data.step, np.arange(len(data.step_time) + 1))
        customer = data.step_customer
        self.last_step = np.searchsorted(customer, customer, side="right") if len(customer) else customer
        self.found: list[tuple[tuple[tuple[Any, ...], ...], int]] = []

    def run(self) -> list[tuple[tuple[tuple[Any, ...], ...], int]]:
        """Return patterns with their counts."""
        data = self.data
        for code, places in self._by_item(np.arange(len(data.step)), np.zeros(len(data.step))):
            step = data.step[places]
            self._grow(((data.items[code],),), code, self._kept(_Ends(step, data.step_time[step])), 1)
        return self.found

    def _grow(self, pattern: tuple[tuple[Any, ...], ...], last: int, ends: _Ends, length: int) -> None:
        customers = self.data.step_customer[ends.step]
        self.found.append((pattern, int(np.count_nonzero(np.diff(customers, prepend=-1)))))
        if len(self.found) > self.limits.max_patterns:
            raise InputError(
                f"more than max_patterns={self.limits.max_patterns} patterns reach {self.least} customers; raise the "
                "threshold, or give max_length, max_gap or max_span"
            )
        if length >= self.limits.max_length:
            return
        entry, begin = self._same_step(ends, last)
        for code, places, start in self._frequent(entry, begin):
            wider = (*pattern[:-1], (*pattern[-1], self.data.items[code]))
            self._grow(wider, code, self._kept(_Ends(self.data.step[places], start)), length + 1)
        entry, begin = self._later_steps(ends)
        for code, places, start in self._frequent(entry, begin):
            longer = (*pattern, (self.data.items[code],))
            self._grow(longer, code, self._kept(_Ends(self.data.step[places], start)), length + 1)

    def _same_step(self, ends: _Ends, last: int) -> tuple[IntArray, FloatArray]:
        """Return the entries that add an item of higher code to the last step, and the beginnings."""
        first, size = self.first_entry[ends.step], self.first_entry[ends.step + 1] - self.first_entry[ends.step]
        entry = runs(first, size)
        begin = np.repeat(ends.begin, size)
        keep = self.data.code[entry] > last
        return entry[keep], begin[keep]

    def _later_steps(self, ends: _Ends) -> tuple[IntArray, FloatArray]:
        """Return the entries that may be the next step, each once with its latest beginning."""
        limits, time = self.limits, self.data.step_time
        # steps of one customer rise in time: from the first late enough to the last early enough
        low, high = ends.step + 1, self.last_step[ends.step]
        size = high - low
        step, origin = runs(low, size), np.repeat(np.arange(len(low)), size)
        begin = ends.begin[origin]
        gap = time[step] - time[ends.step[origin]]
        keep = (gap >= limits.min_gap) & (gap <= limits.max_gap) & (time[step] - begin <= limits.max_span)
        step, begin = step[keep], begin[keep]
        if self.all_ends and step.size:  # the latest beginning of each step leaves the most room
            order = np.lexsort((-begin, step))
            step, begin = step[order], begin[order]
            new = np.append(True, step[1:] != step[:-1])
            step, begin = step[new], begin[new]
        width = self.first_entry[step + 1] - self.first_entry[step]
        return runs(self.first_entry[step], width), np.repeat(begin, width)

    def _kept(self, ends: _Ends) -> _Ends:
        """Without greatest gap and span the first end of each customer allows whatever any later one does.

        A longer step may end only later, so all ends stay where steps hold several items.
        """
        if self.all_ends or len(self.data.step) != len(self.data.step_time):
            return ends
        customer = self.data.step_customer[ends.step]
        first = np.diff(customer, prepend=-1) != 0
        return _Ends(ends.step[first], ends.begin[first])

    def _frequent(self, entry: IntArray, begin: FloatArray) -> Iterator[tuple[int, IntArray, FloatArray]]:
        for code, places in self._by_item(entry, begin):
            yield code, entry[places], begin[places]

    def _by_item(self, entry: IntArray, begin: FloatArray) -> Iterator[tuple[int, IntArray]]:
        """Yield each item that enough customers have among `entry`, with places in `entry` by rising step."""
        if not entry.size:
            return
        code = self.data.code[entry]
        order = np.lexsort((-begin, entry, code))
        held = entry[order]
        new = np.append(True, held[1:] != held[:-1])
        order = order[new]  # the same entry reached twice keeps its latest beginning
        code, customer = code[order], self.data.step_customer[self.data.step[entry[order]]]
        change = np.append(True, (code[1:] != code[:-1]) | (customer[1:] != customer[:-1]))
        count = np.bincount(code[change], minlength=len(self.data.items))
        start = np.searchsorted(code, np.arange(len(self.data.items) + 1))
        for item in np.flatnonzero(count >= self.least).tolist():
            yield item, order[start[item] : start[item + 1]]
