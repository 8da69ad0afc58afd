"""When bills are paid, and how old the debts are at the end of each month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._synth.block import Block
from custval._synth.calendar import DAY
from custval._synth.population import FIRST_ID

__all__ = ("BUCKETS", "ageing", "payments")

BUCKETS = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90")
_DUE = 15 * DAY


@dataclass(frozen=True, slots=True)
class _Accounts:
    """One element for each bill: whose, when, what is paid and when, what stays owed."""

    who: IntArray
    billed: IntArray
    due: IntArray
    paid_time: IntArray
    paid: FloatArray
    owed: FloatArray


def payments(block: Block) -> dict[str, Any]:
    """Return the payments made within the window: most by the due day, some late, what is owed never."""
    books = _books(block)
    ends = int(block.setting.calendar.month_end(block.setting.months))
    made = (books.paid > 0) & (books.paid_time <= ends)
    order = np.flatnonzero(made)[np.lexsort((books.who[made], books.paid_time[made]))]
    return {
        "subscriber_id": FIRST_ID + block.first + books.who[order],
        "bill_time": books.billed[order],
        "due_time": books.due[order],
        "paid_time": books.paid_time[order],
        "amount": books.paid[order],
    }


def ageing(block: Block) -> dict[str, Any]:
    """Return what each debtor owed at each month's end by days overdue; who owes nothing overdue is left out."""
    books, calendar, months = _books(block), block.setting.calendar, block.setting.months
    found: dict[str, list[Any]] = {name: [] for name in ("subscriber_id", "month_end", *BUCKETS)}
    for end in calendar.month_end(np.arange(1, months + 1)).tolist():
        table = _open_at(books, end, len(block.people))
        debtors = np.flatnonzero(table[:, 1:].sum(axis=1) > 0)
        found["subscriber_id"].append(FIRST_ID + block.first + debtors)
        found["month_end"].append(np.full(len(debtors), end))
        for place, name in enumerate(BUCKETS):
            found[name].append(table[debtors, place].round(2))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _open_at(books: _Accounts, end: int, n: int) -> FloatArray:
    """Return the open amounts at `end` by bucket, shape (n, buckets)."""
    issued = books.billed <= end
    still = np.where(books.paid_time > end, books.paid, 0.0) + books.owed
    bucket = np.clip(np.ceil((end - books.due) / (30.0 * DAY)), 0, len(BUCKETS) - 1).astype(np.int64)
    cell = books.who[issued] * len(BUCKETS) + bucket[issued]
    summed = np.bincount(cell, weights=still[issued], minlength=n * len(BUCKETS)).astype(np.float64)
    return summed.reshape(n, len(BUCKETS))


def _books(block: Block) -> _Accounts:
    setting, panel, people = block.setting, block.panel, block.people
    rng, scenario = setting.stream("payments", block.index), setting.scenario
    who, at = np.nonzero((panel.amount > 0) & ~people.prepaid[:, None])
    billed, owed = panel.end[who, at], panel.arrears[who, at]
    risk = np.exp(0.8 * people.credit_risk[who] - 0.32 - 1.5 * people.autopay[who])
    late = rng.random(len(who)) < np.minimum(scenario.late_probability * risk, 0.95)
    early = np.floor(rng.random(len(who)) * _DUE).astype(np.int64)
    delay = np.ceil(rng.exponential(scenario.late_days * DAY, len(who))).astype(np.int64)
    due = billed + _DUE
    paid_time = np.where(late, due + delay, due - early)
    return _Accounts(who, billed, due, paid_time, (panel.amount[who, at] - owed).round(2), owed)
