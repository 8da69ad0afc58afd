"""From customers and dated records to person-months, without looking ahead.

One row for each customer and month of the stay; month t is the interval (t - 1, t] of 30.436875 days after `start`.
Every column of a row is what was known when its month began. Rows are made block by block, so that a portfolio of any
size takes the memory of one block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import DataWarning, InputError, warn
from custval._core.frames import column, column_names, to_columns
from custval._core.typing import AnyFrame, FloatArray, IntArray, TextArray
from custval._core.validation import check_rows, check_scalar, float_array, nearest
from custval._survival.event_columns import (
    DAYS_A_MONTH,
    EventColumn,
    MonthColumn,
    days,
    read_columns,
)
from custval._survival.person_table import CALENDAR, MonthRows, PersonMonths
from custval._survival.stays import Stays, read_stays
from custval._survival.target import survival_target

__all__ = ("month_rows", "person_months")

MONTHS_TO_END = "months_to_end"


@public("survival")
def person_months(
    customers: AnyFrame,
    *,
    observed_until: Any,
    customer: str = "customer_id",
    start: str = "start",
    end: str = "end",
    entry: Any = None,
    cause: str | None = None,
    columns: Sequence[str] = (),
    events: Mapping[str, EventColumn | MonthColumn] | None = None,
    dated: Mapping[str, str] | None = None,
    contract_end: str | None = None,
    calendar: bool = False,
    label_delay: float = 0.0,
) -> PersonMonths:
    """Return customers written out month by month, every column as it was known when the month began.

    Parameters
    ----------
    customers : frame
        One row for each customer (or each stay of a customer who came back).
    observed_until : datetime
        Last day of the data.
    customer : str, default "customer_id"
        Column of the identifier; records are joined by it.
    start, end : str
        Columns of the day of joining, and of leaving (missing, or after `observed_until`: still there).
    entry : datetime or str, optional
        First day on which leaving would have been seen, one for all or a column.
    cause : str, optional
        Column of the cause of leaving.
    columns : sequence of str, default ()
        Columns that do not change.
    events : mapping of str to EventColumn or MonthColumn, optional
        Columns that vary by month, by their new names.
    dated : mapping of str to str, optional
        For columns that do not change: the column of the date on which each was known. After the first month at risk
        has begun: refused.
    contract_end : str, optional
        Column of the day on which the running contract ends (missing: no contract). Gives the clock
        ``months_to_end``: 1 in the month in which it ends, 0 and less after it. After a renewal the last contract
        stands for the earlier ones too, so that long before its end it would tell that the customer renewed: give
        ``Clock("months_to_end", step=-1, period=12)``, which keeps the place within the year only.
    calendar : bool, default False
        Give the clock ``calendar_month``, 1..12, of the month that begins.
    label_delay : float, default 0.0
        Months until a departure is known for sure, >= 0: the last months are left out, not taken as stays.

    Returns
    -------
    PersonMonths
        Months on demand; ``DiscreteHazard().fit_months(months)`` learns from them.

    Raises
    ------
    InputError
        For dates that are missing or out of order, overlapping stays of one customer, contracts that end before they
        begin, columns that are dated after the month they are used for.

    Examples
    --------
    >>> from custval.survival import EventColumn, person_months
    >>> people = {"customer_id": [7, 8], "start": ["2024-01-01", "2024-01-01"], "end": [None, "2024-03-20"]}
    >>> bills = {"customer_id": [7, 7, 8], "bill_time": ["2024-02-01", "2024-03-02", "2024-02-01"],
    ...          "amount": [20.0, 30.0, 25.0]}
    >>> shock = EventColumn(bills, at="bill_time", value="amount", how="change", window=1)
    >>> months = person_months(people, observed_until="2024-07-01", events={"bill_shock": shock})
    >>> months.to_frame()["bill_shock"].tolist()
    [0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]
    """
    stays, everyone, causes, left_out = read_stays(
        customers,
        until=observed_until,
        names=(customer, start, end, cause),
        entry=entry,
        delay=check_scalar(label_delay, "label_delay", low=0.0, high=np.inf, high_open=True),
    )
    still = {name: column(customers, name) for name in columns}
    for name, when in (dated or {}).items():
        if name not in still:
            raise InputError(f"dated names {name!r}, which is not one of columns{nearest(name, still)}")
        _check_dated(name, days(column(customers, when), when), stays)
    specs = dict(events or {})
    shown = partial(_clock_starts, customers, contract_end=contract_end, calendar=calendar)
    clocks = shown(stays)
    moving = read_columns(specs, stays)
    names = [*still, *clocks, *moving]
    if len(set(names)) < len(names):
        raise InputError(f"two columns have the same name among {', '.join(names)}; give them different names")
    at_the_end = partial(_at_the_end, everyone, still, specs, shown, causes=causes)
    return PersonMonths(stays, still, moving, clocks, causes=causes, n_left_out=left_out, at_the_end=at_the_end)


def _at_the_end(
    everyone: Callable[[], Stays],
    still: Mapping[str, TextArray],
    specs: Mapping[str, EventColumn | MonthColumn],
    shown: Callable[[Stays], dict[str, FloatArray]],
    *,
    causes: tuple[str, ...],
) -> PersonMonths:
    """Return all stays up to the end of the data: those too short to learn from, and months left out, are there."""
    stays = everyone()
    return PersonMonths(stays, still, read_columns(specs, stays), shown(stays), causes=causes, n_left_out=0)


def _check_dated(name: str, known: FloatArray, stays: Stays) -> None:
    late = known[stays.row] - stays.start - stays.entry * DAYS_A_MONTH
    bad = np.flatnonzero(late > 1e-6)
    if bad.size:
        raise InputError(
            f"column {name!r} is dated after the month it is used for in {bad.size} of {len(late)} rows (first: row "
            f"{stays.row[bad[0]]}, {late[bad[0]]:.1f} days after its first month began): it would tell the model what "
            "was not known yet; give it as an EventColumn, which is used from the month after its date"
        )


def _clock_starts(
    customers: AnyFrame, stays: Stays, *, contract_end: str | None, calendar: bool
) -> dict[str, FloatArray]:
    """Return what each clock shows in the first month of each stay."""
    made: dict[str, FloatArray] = {}
    if contract_end is not None:
        ends = days(column(customers, contract_end), contract_end)[stays.row]
        shown = np.nan_to_num(ends).astype("datetime64[D]")  # missing ones pass
        check_rows(
            np.isnan(ends) | (ends > stays.start),
            shown,
            name=contract_end,
            rule="be after start",
            fix="look for swapped columns, or leave it empty for customers without a contract",
        )
        made[MONTHS_TO_END] = np.ceil(np.round((ends - stays.start) / DAYS_A_MONTH, 6))
    if calendar:
        first = stays.start.astype("datetime64[D]").astype("datetime64[M]")
        made[CALENDAR] = (first.astype(np.int64) % 12 + 1).astype(np.float64)
    return made


@public("survival")
def month_rows(
    table: AnyFrame,
    *,
    customer: str = "customer_id",
    month: str = "tenure",
    event: str = "event",
    causes: Sequence[str] | None = None,
) -> MonthRows:
    """Return a person-month table that you have made yourself, checked and ready to fit.

    Parameters
    ----------
    table : frame
        One row for each customer and month of the stay, the months of a customer in order.
    customer, month, event : str
        Columns of the identifier, of the month (1, 2, ...), and of what happened in it: 0 or missing for a month that
        the customer stayed through, else the cause as code or label.
    causes : sequence of str, optional
        Names of the causes, as in :func:`survival_target`.

    Returns
    -------
    MonthRows
        Every other column as X, the target, and whose row it is.

    Raises
    ------
    InputError
        For months that are out of order, stand twice, or come after the departure.

    Examples
    --------
    >>> from custval.survival import month_rows
    >>> table = {"customer_id": [7, 7, 8], "tenure": [1, 2, 1], "bill": [20.0, 25.0, 20.0], "event": [0, 1, 0]}
    >>> rows = month_rows(table)
    >>> rows.y["entry"].tolist(), rows.row.tolist(), list(rows.X)
    ([0.0, 1.0, 0.0], [0, 0, 1], ['bill'])
    """
    when = float_array(column(table, month), month, low=1.0)
    check_rows(when == np.floor(when), when, name=month, rule="be whole months")
    ids = column(table, customer)
    person = np.unique(ids.astype(str) if ids.dtype == object else ids, return_inverse=True)[1]
    y = survival_target(when, column(table, event), entry=when - 1, causes=causes)
    _check_months(person, when, y["event"])
    kept = [name for name in column_names(table) if name not in {customer, month, event}]
    columns = to_columns(table)
    return MonthRows(person, {name: columns[name] for name in kept}, y)


def _check_months(person: IntArray, when: FloatArray, event: TextArray) -> None:
    """Refuse months of one customer that are out of order, stand twice, or come after the departure."""
    order = np.argsort(person, kind="stable")  # keeps the order of the table within a customer
    same, step = np.diff(person[order]) == 0, np.diff(when[order])
    for bad, what, fix in (
        (same & (step < 0), "are out of order", "sort the table by customer and month"),
        (same & (step == 0), "stand twice", "keep one row for each customer and month"),
        (same & (event[order][:-1] > 0), "come after the departure", "drop them; a new stay is a new customer"),
    ):
        found = np.flatnonzero(bad)
        if found.size:
            row = int(order[found[0] + 1])
            raise InputError(
                f"months of one customer {what} in {found.size} of {len(when)} rows (first: row {row}, month "
                f"{int(when[row])}); {fix}"
            )
    gaps = int(np.count_nonzero(same & (step > 1)))
    if gaps:
        warn(
            f"{gaps} customers' months have gaps; the customer counts as not at risk in the months between", DataWarning
        )
