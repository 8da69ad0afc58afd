"""Person-months made on demand: blocks, frames, counts, today's customers and landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import import_pandas
from custval._core.results import Result
from custval._core.typing import FloatArray, IntArray, TextArray
from custval._core.validation import check_whole
from custval._survival.event_columns import EventColumn, Layout, MonthColumn, Records, monthly_column, months_back
from custval._survival.stays import Stays
from custval._survival.target import structured

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("CALENDAR", "MonthBlock", "MonthRows", "PersonMonths", "Today")

CALENDAR = "calendar_month"


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class MonthBlock(Result):
    """Some person-months: every month of some customers.

    Attributes
    ----------
    row : ndarray of int, shape (m,)
        Which row of the customers' table.
    tenure : ndarray of int, shape (m,)
        Month of the stay, 1, 2, ...
    X : dict of str to ndarray of shape (m,)
        Columns, as known when the month began.
    event : ndarray of int, shape (m,)
        0 stays through the month, k leaves in it for cause k.

    Examples
    --------
    >>> from custval.survival import person_months
    >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": ["2024-03-20"], "plan": ["gold"]}
    >>> block = next(person_months(people, observed_until="2024-05-01", columns=["plan"]).blocks())
    >>> block.tenure.tolist(), block.X["plan"].tolist(), block.event.tolist()
    ([1, 2, 3], ['gold', 'gold', 'gold'], [0, 0, 1])
    """

    row: IntArray
    tenure: IntArray
    X: Mapping[str, TextArray]
    event: IntArray


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class Today(Result):
    """Customers who are still there, as a fitted model takes them for predictions.

    Attributes
    ----------
    row : ndarray of int, shape (m,)
        Which row of the customers' table.
    X : dict of str to ndarray of shape (m,)
        Columns as known at the end of the data; treatments are 0, so that the untreated hazard is predicted.
    given : ndarray of int, shape (m,)
        Whole months already stayed.

    Examples
    --------
    >>> from custval.survival import person_months
    >>> people = {"customer_id": [7, 8], "start": ["2024-01-01"] * 2, "end": ["2024-03-20", None], "fee": [20, 30]}
    >>> today = person_months(people, observed_until="2024-05-01", columns=["fee"]).today()
    >>> today.row.tolist(), today.X["fee"].tolist(), today.given.tolist()
    ([1], [30], [3])
    """

    row: IntArray
    X: Mapping[str, TextArray]
    given: IntArray


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class MonthRows(Result):
    """Rows of months at risk with their target, ready for ``fit(rows.X, rows.y, cluster=rows.row)``.

    Attributes
    ----------
    row : ndarray of int, shape (m,)
        Whose row it is: the cluster, since a customer has several.
    X : dict of str to ndarray of shape (m,)
        Columns as known when the row begins.
    y : ndarray of shape (m,)
        Target: entry when the row begins, duration when it ends, what happened then.

    Examples
    --------
    >>> from custval.survival import person_months
    >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": ["2024-07-20"], "fee": [20.0]}
    >>> marks = person_months(people, observed_until="2024-09-01", columns=["fee"]).landmarks(every=3, horizon=3)
    >>> marks.y["entry"].tolist(), marks.y["duration"].tolist(), marks.y["event"].tolist()
    ([0.0, 3.0, 6.0], [3.0, 6.0, 7.0], [0, 0, 1])
    """

    row: IntArray
    X: Mapping[str, TextArray]
    y: TextArray


@public("survival")
class PersonMonths:
    """Person-months made on demand, block by block; :func:`person_months` builds it, ``fit_months`` learns from it.

    Parameters
    ----------
    spells : Stays
        The stays of the customers.
    still : dict of str to ndarray
        Columns that do not change, by row of the customers' table.
    moving : dict
        Columns that vary by month, with their records.
    clocks : dict of str to ndarray
        What each clock shows in the first month of each stay.
    causes : tuple of str
        Causes of leaving.
    n_left_out : int
        Person-months left out because their departures cannot be known yet.
    at_the_end : callable, optional
        Gives the same for all stays up to the end of the data; None: they are here already.

    Attributes
    ----------
    n_rows, n_customers : int
        Person-months, and rows of the customers' table with at least one.
    causes : tuple of str
        Causes of leaving.
    n_left_out : int
        Person-months left out because their departures cannot be known yet.

    Examples
    --------
    >>> from custval.survival import person_months
    >>> people = {"customer_id": [7, 8], "start": ["2024-01-01"] * 2, "end": ["2024-03-20", None], "fee": [20, 30]}
    >>> months = person_months(people, observed_until="2024-05-01", columns=["fee"])
    >>> months.n_rows, months.n_customers, months.causes
    (6, 2, ('left',))
    """

    def __init__(
        self,
        spells: Stays,
        still: Mapping[str, TextArray],
        moving: Mapping[str, tuple[EventColumn | MonthColumn, Records]],
        clocks: Mapping[str, FloatArray],
        *,
        causes: tuple[str, ...],
        n_left_out: int,
        at_the_end: Callable[[], PersonMonths] | None = None,
    ) -> None:
        self._at_the_end = at_the_end
        self._spells, self._still, self._moving, self._clocks = spells, still, moving, clocks
        self.causes, self.n_left_out = causes, n_left_out
        self.n_customers = len(spells.start)
        self.n_rows = int((spells.duration - spells.entry).sum())
        self._pad = max((months_back(spec) for spec, _ in moving.values()), default=1)

    def __repr__(self) -> str:
        """Return a line of sizes."""
        columns = ", ".join(self.column_names) or "no columns"
        return f"PersonMonths({self.n_rows} months of {self.n_customers} customers; {columns})"

    @property
    def still_names(self) -> list[str]:
        """Names of the columns that do not change."""
        return list(self._still)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, those that do not change first."""
        return [*self._still, *self._clocks, *self._moving]

    def blocks(self, block_rows: int = 500_000) -> Iterator[MonthBlock]:
        """Yield all person-months, some customers at a time, each time anew.

        Parameters
        ----------
        block_rows : int, default 500_000
            Months in a block, about; one customer's months stand in one block.

        Yields
        ------
        MonthBlock
            Months of some customers.

        Examples
        --------
        >>> from custval.survival import person_months
        >>> people = {"customer_id": [7, 8], "start": ["2024-01-01"] * 2, "end": ["2024-03-20", None]}
        >>> months = person_months(people, observed_until="2024-05-01")
        >>> [len(block.row) for block in months.blocks(block_rows=3)]
        [3, 3]
        """
        for part in self._parts(check_whole(block_rows, "block_rows", low=1)):
            yield self._block(part)

    def moving_blocks(self, block_rows: int = 500_000) -> Iterator[MonthBlock]:
        """Yield the same blocks with only those columns that vary by month.

        Parameters
        ----------
        block_rows : int, default 500_000
            Months in a block, about.

        Yields
        ------
        MonthBlock
            Months of some customers.

        Examples
        --------
        >>> from custval.survival import person_months
        >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": [None], "fee": [20]}
        >>> months = person_months(people, observed_until="2024-05-01", columns=["fee"], calendar=True)
        >>> list(next(months.moving_blocks()).X)
        ['calendar_month']
        """
        for part in self._parts(check_whole(block_rows, "block_rows", low=1)):
            yield self._block(part, still=False)

    def schema(self) -> dict[str, TextArray]:
        """Return one row for each row of the customers' table: columns that do not change, and 0 for the others.

        Returns
        -------
        dict of str to ndarray
            Enough to learn how the columns are coded.

        Examples
        --------
        >>> from custval.survival import person_months
        >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": [None], "plan": ["gold"]}
        >>> months = person_months(people, observed_until="2024-05-01", columns=["plan"], calendar=True)
        >>> {name: values.tolist() for name, values in months.schema().items()}
        {'plan': ['gold'], 'calendar_month': [0.0]}
        """
        n = max((len(values) for values in self._still.values()), default=int(self._spells.row.max()) + 1)
        return {**self._still, **{name: np.zeros(n) for name in [*self._clocks, *self._moving]}}

    def to_frame(self) -> pd.DataFrame:
        """Return all person-months as a pandas frame: row, tenure, the columns, event.

        Returns
        -------
        pandas.DataFrame
            One row for each customer and month.

        Examples
        --------
        >>> from custval.survival import person_months
        >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": ["2024-02-20"], "fee": [20]}
        >>> person_months(people, observed_until="2024-05-01", columns=["fee"]).to_frame().to_numpy().tolist()
        [[0, 1, 20, 0], [0, 2, 20, 1]]
        """
        frames = import_pandas()
        parts = [{"row": b.row, "tenure": b.tenure, **b.X, "event": b.event} for b in self.blocks()]
        table: pd.DataFrame = frames.concat([frames.DataFrame(part) for part in parts], ignore_index=True)
        return table

    def counts(self, cells: Sequence[str] | None = None) -> pd.DataFrame:
        """Return a table of counts by month and cell, as ``DiscreteHazard.fit_counts`` takes it.

        Parameters
        ----------
        cells : sequence of str, optional
            Columns that make the cells; None: all.

        Returns
        -------
        pandas.DataFrame
            tenure, the cells, at_risk and exits_<cause>.

        Examples
        --------
        >>> from custval.survival import person_months
        >>> people = {"customer_id": [7, 8], "start": ["2024-01-01"] * 2, "end": ["2024-02-20", None]}
        >>> person_months(people, observed_until="2024-04-01").counts().to_numpy().tolist()
        [[1, 2, 0], [2, 2, 1]]
        """
        frames = import_pandas()
        by = ["tenure", *(self.column_names if cells is None else cells)]
        parts = []
        for b in self.blocks():
            table = frames.DataFrame({"tenure": b.tenure, **b.X})[by]
            exits = {f"exits_{name}": (b.event == k).astype(np.int64) for k, name in enumerate(self.causes, 1)}
            table = table.assign(at_risk=1, **exits)
            parts.append(table.groupby(by, as_index=False, dropna=False).sum())
        whole: pd.DataFrame = frames.concat(parts, ignore_index=True)
        grouped: pd.DataFrame = whole.groupby(by, as_index=False, dropna=False).sum()
        return grouped

    def today(self) -> Today:
        """Return the customers who are still there, with what is known of them at the end of the data.

        Those who joined within the last month are among them, and so are the months that `label_delay` leaves out of
        the fit: a departure that is on record already counts, one that is not yet cannot.

        Returns
        -------
        Today
            Rows, columns (treatments set to 0) and months already stayed.

        Examples
        --------
        >>> from custval.survival import person_months
        >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": [None], "fee": [20]}
        >>> person_months(people, observed_until="2024-04-01", columns=["fee"]).today().given.tolist()
        [2]
        """
        if self._at_the_end is not None:
            return self._at_the_end().today()
        here = np.flatnonzero(self._spells.event == 0)
        X = {name: values[self._spells.row[here]] for name, values in self._still.items()}
        stayed = self._spells.duration[here]
        X |= {name: self._clock(name, here, stayed + 1) for name in self._clocks}
        parts = [self._moving_columns(part) for part in self._parts(500_000)]
        for name, (spec, _) in self._moving.items():
            every = np.concatenate([part[name] for part in parts])
            untreated = isinstance(spec, EventColumn) and spec.treatment
            X[name] = np.zeros(len(here)) if untreated else every[here]
        return Today(self._spells.row[here], X, stayed)

    def landmarks(self, *, every: int = 3, horizon: int = 12) -> MonthRows:
        """Return rows at landmark months, whose columns stand still for the horizon that follows.

        A model fitted to them predicts with today's columns what is ahead of them, whatever they become later (van
        Houwelingen 2007). Fit it with ``cluster=`` the rows.

        Parameters
        ----------
        every : int, default 3
            Months between landmarks, >= 1.
        horizon : int, default 12
            Months that each row is followed for, >= 1.

        Returns
        -------
        MonthRows
            Rows, columns and target.

        Examples
        --------
        >>> from custval.survival import person_months
        >>> people = {"customer_id": [7], "start": ["2024-01-01"], "end": ["2024-07-20"], "fee": [20.0]}
        >>> months = person_months(people, observed_until="2024-09-01", columns=["fee"])
        >>> months.landmarks(every=3, horizon=3).y["entry"].tolist()
        [0.0, 3.0, 6.0]
        """
        step, ahead = check_whole(every, "every", low=1), check_whole(horizon, "horizon", low=1)
        last = np.zeros(int(self._spells.row.max(initial=-1)) + 1, dtype=np.int64)
        gone = np.zeros_like(last)
        last[self._spells.row], gone[self._spells.row] = self._spells.duration, self._spells.event
        rows, tables, targets = [], [], []
        for block in self.blocks():
            keep = np.flatnonzero((block.tenure - 1) % step == 0)
            row, entry = block.row[keep], block.tenure[keep] - 1
            until = np.minimum(last[row], entry + ahead)
            rows.append(row)
            tables.append({name: values[keep] for name, values in block.X.items()})
            targets.append((entry, until, np.where(last[row] <= entry + ahead, gone[row], 0)))
        entry, until, event = (np.concatenate(part) for part in zip(*targets, strict=True))
        y = structured(entry.astype(np.float64), until.astype(np.float64), event, causes=self.causes, time_unit="month")
        X = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
        return MonthRows(np.concatenate(rows), X, y)

    def _parts(self, block_rows: int) -> Iterator[slice]:
        ends = np.cumsum(self._spells.duration - self._spells.entry)
        start = 0
        while start < len(ends):
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + block_rows, side="right")), start + 1)
            yield slice(start, stop)
            start = stop

    def _block(self, part: slice, *, still: bool = True) -> MonthBlock:
        own, spells = self._rows(part), self._spells
        row = spells.row[part][own.spell]
        event = np.zeros(len(row), dtype=np.int64)
        event[own.ends - 1] = spells.event[part]
        X: dict[str, TextArray] = {name: values[row] for name, values in self._still.items() if still}
        X |= {name: self._clock(name, own.spell + part.start, own.tenure) for name in self._clocks}
        X |= self._moving_columns(part, own)
        return MonthBlock(row, own.tenure, X, event)

    def _rows(self, part: slice) -> _Rows:
        months = self._spells.duration[part] - self._spells.entry[part]
        ends = np.cumsum(months)
        spell = np.repeat(np.arange(len(months)), months)
        shift = self._spells.entry[part] + 1 - (ends - months)
        return _Rows(spell, np.arange(len(spell)) + shift[spell], ends)

    def _moving_columns(self, part: slice, own: _Rows | None = None) -> dict[str, TextArray]:
        """Return the columns that vary, in every row of a block; `own` None: in the month after each stay's last."""
        if not self._moving:
            return {}
        last = self._spells.duration[part]
        sizes = last + self._pad
        begins = np.cumsum(sizes) - sizes
        after = begins + self._pad - 2
        at = after + last + 1 if own is None else after[own.spell] + own.tenure
        layout = Layout(begins, int(sizes.sum()), self._pad, at)
        return {name: monthly_column(spec, records, layout, part) for name, (spec, records) in self._moving.items()}

    def _clock(self, name: str, spell: IntArray, tenure: IntArray) -> FloatArray:
        first = self._clocks[name][spell]
        if name == CALENDAR:
            return np.asarray((first + tenure - 2) % 12 + 1)
        return np.asarray(first - (tenure - 1))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Spell and month of each row of a block, and where each spell's rows end."""

    spell: IntArray
    tenure: IntArray
    ends: IntArray
