"""Who was there before each renewal, and who after it: counts of cohorts or single customers, checked.

Both become the same rows: renewals already made when the watching began, renewals made at its end, whether it ended
with a departure, and how many customers the row stands for. A cohort of counts gives two rows for each renewal: kept
and lost.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import BoolArray, FloatArray
from custval._core.validation import check_rows, float_array, sample_weight_array

__all__ = ("Stays", "stays_of_cohorts", "stays_of_customers")

ONE_RENEWAL = "cohorts must be seen over two renewals or more: one renewal cannot show how customers differ"


class Stays(NamedTuple):
    """Rows of the likelihood, each of shape (m,)."""

    entry: FloatArray  # renewals made before the watching began
    duration: FloatArray  # the renewal at which it ended
    left: BoolArray  # whether the customer left at that renewal
    weight: FloatArray  # customers

    def first_loss(self) -> float:
        """Return the share of those watched at the earliest renewal who left there."""
        first = self.duration[self.left].min()
        there = (self.entry < first) & (self.duration >= first)
        gone = there & self.left & (self.duration == first)
        return float(self.weight[gone].sum() / self.weight[there].sum())


def stays_of_cohorts(cohorts: Any) -> Stays:
    """Return the rows of counts of customers still there after 0, 1, ... renewals, one line for each cohort."""
    rows = _rows(cohorts)
    longest = max(len(row) for row in rows)
    if longest < 3:
        raise InputError(ONE_RENEWAL)
    table = np.full((len(rows), longest), np.nan)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    _check_counts(table)
    before, after = table[:, :-1], table[:, 1:]
    seen = ~np.isnan(after)
    kept = np.where(seen, after, 0.0).sum(axis=0)
    lost = np.where(seen, before - after, 0.0).sum(axis=0)
    renewal = np.arange(1.0, longest)
    made, weight = np.tile(renewal - 1.0, 2), np.append(kept, lost)
    left, some = np.repeat([False, True], longest - 1), weight > 0
    return _telling(Stays(made[some], made[some] + 1.0, left[some], weight[some]))


def stays_of_customers(y: Any, sample_weight: Any) -> Stays:
    """Return the rows of single customers: a target with entry, duration and event, or durations of those who left."""
    entry, duration, left = _target(np.asarray(y))
    weight = sample_weight_array(sample_weight, len(duration))
    fix = "count renewals: a customer who left at the third renewal has 3, one who made three and is still there too"
    for name, values in (("duration", duration), ("entry", entry)):
        check_rows(values == np.floor(values), values, name=name, rule="be a whole number of renewals", fix=fix)
    check_rows(
        (duration > entry) | (~left & (duration == entry)), duration, name="duration", rule="be > entry", fix=fix
    )
    return _telling(Stays(entry, duration, left, weight))


def _target(y: Any) -> tuple[FloatArray, FloatArray, BoolArray]:
    if y.dtype.names:
        missing = {"duration", "event"} - set(y.dtype.names)
        if missing:
            raise InputError(f"y must have the fields duration and event, as survival_target makes; {missing} missing")
        duration, left = float_array(y["duration"], "duration"), np.asarray(y["event"]) > 0
        entry = float_array(y["entry"], "entry") if "entry" in y.dtype.names else np.zeros(len(duration))
        return entry, duration, left
    duration = float_array(y, "y", low=0.0)
    return np.zeros(len(duration)), duration, np.ones(len(duration), dtype=bool)


def _telling(stays: Stays) -> Stays:
    """Return rows from which a chance to leave can be estimated, or refuse them."""
    renewals = {float(t) for t in np.unique(stays.duration)} | {float(t) + 1.0 for t in np.unique(stays.entry)}
    if len(renewals) < 2:
        raise InputError(ONE_RENEWAL)
    gone = stays.weight[stays.left].sum()
    if gone <= 0.0:
        raise InputError("nobody left at any renewal, so the chance to leave cannot be estimated; wait for departures")
    if not (stays.weight > 0)[~stays.left | (stays.duration > stays.entry + 1.0)].any():
        raise InputError("nobody was kept at any renewal, so retention cannot be estimated")
    return stays


def _rows(cohorts: Any) -> list[FloatArray]:
    if hasattr(cohorts, "toarray"):
        raise TypeError("Sparse data was passed for X, but dense data is required; use X.toarray()")
    if hasattr(cohorts, "to_numpy"):
        cohorts = cohorts.to_numpy()
    if not isinstance(cohorts, (list, tuple, np.ndarray)) or len(cohorts) == 0:
        raise InputError("X must hold counts of customers by cohort and renewal: an array, or a list of arrays")
    if np.ndim(cohorts[0]) == 0:
        cohorts = [cohorts]
    return [float_array(row, f"cohort {i}") for i, row in enumerate(_unmasked(cohorts))]


def _unmasked(cohorts: Any) -> list[Any]:
    """Return the rows with NaN at their end cut off (float_array refuses NaN elsewhere)."""
    rows = []
    for row in cohorts:
        if np.iscomplexobj(row):
            raise InputError("Complex data not supported; X must hold real numbers")
        array = np.asarray(row, dtype=object)
        last = len(array)
        while last and array[last - 1] is not None and array[last - 1] != array[last - 1]:
            last -= 1
        rows.append(array[:last])
    return rows


def _check_counts(table: FloatArray) -> None:
    sizes = table[:, 0]
    check_rows(sizes > 0, sizes, name="the size of a cohort (column 0)", rule="be > 0")
    negative = (table < 0).any(axis=1)
    check_rows(~negative, np.nanmin(table, axis=1), name="the counts of a cohort", rule="be >= 0")
    rises = np.diff(table, axis=1)
    rising = (rises > 0).any(axis=1)
    shown = table[np.arange(len(table)), np.where(rising, (rises > 0).argmax(axis=1) + 1, 0)]
    fix = "count the customers still there after each renewal, not those who left; winners-back are a new cohort"
    check_rows(~rising, shown, name="the counts of a cohort", rule="never rise", fix=fix)
