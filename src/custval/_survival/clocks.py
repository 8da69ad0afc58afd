"""Clocks beside the tenure: months to the end of the contract, the calendar month, months since the last offer.

A clock is a column of whole months that moves by itself. A customer's row holds its value in the first month of the
row (the month after `entry` in fitting, after `given` in predictions); one month later it has moved by ``step``. In
month t of the stay it is therefore ``offset + step * t`` with an offset that stays the same, so customers of one
offset share one curve over the months, and a fit of customer rows needs no person-month table.

The log rate of cause k gains ``f_k(value)``, a function with mean zero over the customer-months of the fit: free levels
(neighbours are joined until each has enough departures of the cause), a natural cubic spline, a line, or a season.
Where the column is missing the clock does not run (no contract, say); that is one more level.

References
----------
Tutz and Schmid (2016), Modeling Discrete Time-to-Event Data, chapters 3 and 5.
Efron (2002), The two-way proportional hazards model, J. Royal Statistical Society B 64, 899-909 (two clocks).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, import_pandas
from custval._core.frames import column, is_frame
from custval._core.results import Result
from custval._core.typing import AnyFrame, FloatArray, IntArray
from custval._core.validation import check_choice, check_rows, check_whole
from custval._survival.baseline import EXITS_FOR_COLUMN, bends, orthonormal

__all__ = (
    "Clock",
    "ClockCurve",
    "FittedClock",
    "check_clocks",
    "clock_offsets",
    "clock_positions",
    "clock_range",
    "clock_values",
    "fitted_clock",
    "state_values",
    "wrapped",
)

CURVES = ("free", "spline", "linear", "seasonal")
IDLE = np.iinfo(np.int64).min  # the offset of a clock that does not run
_MOST_VALUES = 2_000


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class Clock(Result):
    """A column of whole months that moves by itself, such as the months to the end of the contract.

    Attributes
    ----------
    column : str
        Name of the column: its value in the first month of the row; missing where the clock does not run.
    step : int
        What it gains each month: -1 counts down, 1 counts up.
    period : int or None
        Length of a cycle: values run from 1 to `period` and begin again (12 for the calendar month, or for contracts
        that renew by the year, of which 14 months to the end are 2). None: it runs on, past 0 into the months after
        the end.
    curve : {"free", "spline", "linear", "seasonal"}
        How the log rate of leaving moves with it. ``free``: one level for each value (neighbours joined until each has
        5 departures of the cause), which shows the spike at the end of a contract; ``seasonal``: sines and cosines.
    df : int
        Columns of a spline, or pairs of sine and cosine of a season, >= 1.
    low, high : int or None
        Values beyond are taken as these: ``low=-6`` says that half a year after the end all is the same. None: the
        lowest and highest value of the fit.

    Examples
    --------
    >>> from custval.survival import Clock, DiscreteHazard, survival_target
    >>> X = {"months_to_end": [2, 3, 2, 3, 2, 3, 1, 4], "fee": [20, 30, 40, 20, 30, 20, 40, 30]}
    >>> y = survival_target([2, 3, 2, 3, 1, 2, 3, 4], [1, 1, 1, 0, 0, 1, 0, 0])
    >>> end = Clock("months_to_end", step=-1, curve="linear")
    >>> model = DiscreteHazard(baseline="constant", clocks=(end,)).fit(X, y)
    >>> model.predict_hazard({"months_to_end": [3], "fee": [30]}, [1, 2, 3]).round(2).tolist()
    [[[0.06, 0.13, 0.26]]]
    """

    column: str
    step: int = 1
    period: int | None = None
    curve: str = "free"
    df: int = 3
    low: int | None = None
    high: int | None = None


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class ClockCurve(Result):
    """How the log rate of leaving moves with the value of a clock, by cause.

    Attributes
    ----------
    column : str
        The clock.
    causes : tuple of K str
        Causes.
    values : ndarray of int, shape (V,)
        Values of the clock.
    effect : ndarray of shape (K, V)
        Log rate against the average customer-month of the fit.
    std_error, lower, upper : ndarray of shape (K, V)
        Its standard error and pointwise bounds.
    not_running : ndarray of shape (K,)
        The same for customers whose clock does not run; 0 where there were none.
    conf_level : float
        Coverage of the bounds.

    Examples
    --------
    >>> from custval.survival import Clock, DiscreteHazard, survival_target
    >>> X = {"months_to_end": [2, 3, 2, 3, 2, 3, 1, 4], "fee": [20, 30, 40, 20, 30, 20, 40, 30]}
    >>> y = survival_target([2, 3, 2, 3, 1, 2, 3, 4], [1, 1, 1, 0, 0, 1, 0, 0])
    >>> end = Clock("months_to_end", step=-1, curve="linear", low=0)
    >>> curve = DiscreteHazard(baseline="constant", clocks=(end,)).fit(X, y).clock_curve("months_to_end")
    >>> curve.values.tolist(), curve.effect.round(1).tolist()
    ([0, 1, 2, 3, 4], [[2.2, 1.0, -0.2, -1.4, -2.6]])
    """

    column: str
    causes: tuple[str, ...]
    values: IntArray
    effect: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    not_running: FloatArray
    conf_level: float

    def to_frame(self) -> Any:
        """Return columns cause, value, effect, std_error, lower, upper as a pandas frame, K * V rows."""
        frames = import_pandas()

        table = {
            "cause": np.repeat(np.array(self.causes, dtype=object), len(self.values)),
            "value": np.tile(self.values, len(self.causes)),
        }
        return frames.DataFrame(table | {name: getattr(self, name).ravel() for name in _CURVE})


_CURVE = ("effect", "std_error", "lower", "upper")


@dataclass(frozen=True, slots=True, eq=False)
class FittedClock:
    """A clock with its columns: for each cause (V + 1, q), V values from `low` up, then the row of no clock."""

    clock: Clock
    low: int
    columns: tuple[FloatArray, ...] = field(default_factory=tuple)

    @property
    def size(self) -> int:
        """V, the number of values."""
        return len(self.columns[0]) - 1


def check_clocks(clocks: Any) -> tuple[Clock, ...]:
    """Return checked clocks."""
    made = tuple(clocks)
    for clock in made:
        if not isinstance(clock, Clock):
            raise InputError(f"clocks must hold Clock(...), not {clock!r}")
        check_choice(clock.curve, "curve", CURVES)
        if check_whole(clock.step, "step") == 0:
            raise InputError(f"the clock {clock.column!r} has step=0 and stands still; give it as a plain column")
        check_whole(clock.df, "df", low=1)
        _check_range(clock)
    names = [clock.column for clock in made]
    if len(set(names)) < len(names):
        raise InputError(f"two clocks have the same column: {', '.join(names)}")
    return made


def _check_range(clock: Clock) -> None:
    if clock.period is not None:
        check_whole(clock.period, "period", low=2)
        if clock.low is not None or clock.high is not None:
            raise InputError(f"the clock {clock.column!r} has a period, so it runs from 1 to {clock.period}; drop low")
    elif clock.curve == "seasonal":
        raise InputError(f"the clock {clock.column!r} has a season but no period; give period=12 for calendar months")
    low = -np.inf if clock.low is None else check_whole(clock.low, "low")
    if clock.high is not None and check_whole(clock.high, "high") <= low:
        raise InputError(f"the clock {clock.column!r} needs low < high, not {clock.low} and {clock.high}")


def clock_values(X: AnyFrame, clocks: Sequence[Clock], n: int) -> FloatArray:
    """Return the values of the clocks in the first month of each row, (C, n); nan where a clock does not run."""
    if clocks and not is_frame(X):
        names = ", ".join(repr(clock.column) for clock in clocks)
        raise InputError(f"clocks are columns of a frame: give X as a frame with {names}, not as an array")
    made = np.empty((len(clocks), n))
    for row, clock in zip(made, clocks, strict=True):
        raw = column(X, clock.column)
        try:
            row[:] = [np.nan if v is None else v for v in raw.tolist()] if raw.dtype == object else raw
        except (TypeError, ValueError):
            raise InputError(f"the clock {clock.column!r} must hold whole months, but it holds text") from None
        known = ~np.isnan(row)
        rule, fix = "hold whole months", "count in whole months; missing where the clock does not run"
        check_rows(~known | (row == np.floor(row)), raw, name=f"clock {clock.column!r}", rule=rule, fix=fix)
        if clock.period is not None and clock.step > 0:  # one that counts down renews: 14 months to go are 2 of 12
            inside = ~known | ((row >= 1) & (row <= clock.period))
            check_rows(inside, raw, name=f"clock {clock.column!r}", rule=f"be within 1..{clock.period}, its cycle")
    return made


def wrapped(values: FloatArray, clock: Clock) -> FloatArray:
    """Return values within the cycle of the clock, or as they are."""
    return values if clock.period is None else np.asarray((values - 1) % clock.period + 1)


def clock_positions(values: FloatArray, clock: Clock, low: int, size: int) -> IntArray:
    """Return the place of each value in a table of `size` values from `low` up; `size` where the clock does not run."""
    running = ~np.isnan(values)
    inside = np.clip(wrapped(np.where(running, values, low), clock) - low, 0, size - 1)
    return np.where(running, inside, size).astype(np.int64)


def clock_offsets(values: FloatArray, clocks: Sequence[Clock], before: IntArray) -> IntArray:
    """Return what stays the same of each row, (n, C): the value of month t of the stay is ``offset + step * t``.

    `values` (C, n) are those of the month after `before` (n,) or (1,), months already stayed.
    """
    made = np.full((values.shape[1], len(clocks)), IDLE, dtype=np.int64)
    for c, clock in enumerate(clocks):
        running = ~np.isnan(values[c])
        offset = np.where(running, values[c], 0.0).astype(np.int64) - clock.step * (before + 1)
        made[running, c] = (offset if clock.period is None else offset % clock.period)[running]
    return made


def state_values(offsets: IntArray, clock: Clock, months: IntArray) -> FloatArray:
    """Return the value of one clock in each phase and month, (G, m); nan where it does not run."""
    made = offsets[:, None] + clock.step * months[None, :]
    return np.where(offsets[:, None] == IDLE, np.nan, made)


def clock_range(clock: Clock, values: FloatArray) -> tuple[int, int]:
    """Return the lowest value of the table and how many it has, from all the values met in fitting."""
    if clock.period is not None:
        return 1, int(clock.period)
    known = values[~np.isnan(values)]
    if not len(known):
        raise InputError(f"the clock {clock.column!r} is missing in every row; leave it out")
    low = int(known.min()) if clock.low is None else int(clock.low)
    high = max(int(known.max()) if clock.high is None else int(clock.high), low)
    if high - low >= _MOST_VALUES:
        raise InputError(
            f"the clock {clock.column!r} runs from {low} to {high}; months are wanted: if these are days, divide by "
            "30.436875 and round up, or set low and high"
        )
    return low, high - low + 1


def fitted_clock(clock: Clock, low: int, at_risk: FloatArray, exits: FloatArray, *, idle: bool) -> FittedClock:
    """Return the columns of each cause from customer-months (V + 1,) and departures (K, V + 1) by value.

    With `idle` customers whose clock does not run have a level of their own; without, other columns tell them apart.
    """
    return FittedClock(clock, low, tuple(_columns(clock, low, at_risk, own, idle=idle) for own in exits))


def _columns(clock: Clock, low: int, at_risk: FloatArray, exits: FloatArray, *, idle: bool) -> FloatArray:
    """Return columns (V + 1, q) with mean zero and one length over the customer-months."""
    size = len(at_risk) - 1
    value = np.arange(low, low + size, dtype=np.float64)
    own = _CURVES[clock.curve](clock, value, exits[:-1])
    if clock.curve != "free":  # a curve through a handful of departures runs off between them
        own = own[:, : max(1, int(exits.sum() // EXITS_FOR_COLUMN))]
    running = np.ones((size, 1))
    if not (idle and at_risk[-1] > 0):
        return (
            np.vstack([orthonormal(np.hstack([running, own]), at_risk[:-1])[:, 1:], np.zeros((1, 0))])
            if False
            else _with_no_row(orthonormal(np.hstack([running, own]), at_risk[:-1])[:, 1:])
        )
    both = np.vstack([np.hstack([running, own]), np.zeros((1, own.shape[1] + 1))])
    return orthonormal(np.hstack([np.ones((size + 1, 1)), both]), at_risk)[:, 1:]


def _with_no_row(columns: FloatArray) -> FloatArray:
    return np.vstack([columns, np.zeros((1, columns.shape[1]))])


def _levels(clock: Clock, value: FloatArray, exits: FloatArray) -> FloatArray:
    """Return one indicator for each run of neighbours that together have enough departures."""
    del clock
    group = np.zeros(len(value), dtype=np.int64)
    gathered, now = 0.0, 0
    for place, left in enumerate(exits):
        group[place] = now
        gathered += left
        if gathered >= EXITS_FOR_COLUMN and exits[place + 1 :].sum() >= EXITS_FOR_COLUMN:
            now, gathered = now + 1, 0.0
    return np.eye(now + 1)[group]


def _spline(clock: Clock, value: FloatArray, exits: FloatArray) -> FloatArray:
    return np.column_stack([value, bends(value, exits, clock.df)])


def _line(clock: Clock, value: FloatArray, exits: FloatArray) -> FloatArray:
    del clock, exits
    return value[:, None]


def _season(clock: Clock, value: FloatArray, exits: FloatArray) -> FloatArray:
    del exits
    turn = 2 * np.pi * value[:, None] * np.arange(1, clock.df + 1) / float(clock.period or 12)
    pairs = np.stack([np.cos(turn), np.sin(turn)], axis=2)
    return np.asarray(pairs.reshape(len(value), -1))


_CURVES: Mapping[str, Callable[[Clock, FloatArray, FloatArray], FloatArray]] = {
    "free": _levels,
    "spline": _spline,
    "linear": _line,
    "seasonal": _season,
}
