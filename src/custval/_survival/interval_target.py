"""Departures that are known only to lie between two looks: the target for interval-censored data.

A customer who was there at the bill of month 3 and gone at that of month 5 left in ``(3, 5]``. ``lower = upper`` is an
exact time, ``upper = inf`` somebody still there (right-censored at `lower`), ``lower = 0`` somebody already gone at the
first look (left-censored).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, float_array
from custval._survival.events import ONE_CAUSE
from custval._survival.target import read_target

__all__ = ("Spans", "interval_target", "is_interval_target", "read_spans")

_FIELDS = ("entry", "lower", "upper")
_SWAPPED = "lower is the last look at which the customer was still there, upper the first at which they were gone"


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """When each customer left: in (lower, upper], at lower = upper, or not before lower (upper = inf); each (n,)."""

    entry: FloatArray
    lower: FloatArray
    upper: FloatArray
    causes: tuple[str, ...]
    time_unit: str

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lower)

    @property
    def left(self) -> BoolArray:
        """Who is known to have left."""
        return np.isfinite(self.upper)

    @property
    def exact(self) -> BoolArray:
        """Whose time of leaving is known exactly."""
        return np.asarray(self.lower == self.upper)

    @property
    def last(self) -> FloatArray:
        """The last time that is known of each customer."""
        return np.where(self.left, self.upper, self.lower)

    def rows(self, keep: BoolArray | IntArray | slice) -> Spans:
        """Return the rows that `keep` names."""
        return Spans(self.entry[keep], self.lower[keep], self.upper[keep], self.causes, self.time_unit)


@public("survival")
def interval_target(
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    cause: str = "left",
    time_unit: str = "month",
) -> TextArray:
    """Return the target for departures that are known only to lie between two looks, such as two bills.

    Parameters
    ----------
    lower : array_like of shape (n,)
        Last time at which the customer was known to be there, >= 0; 0 (or missing) if they were never seen again.
    upper : array_like of shape (n,)
        First time at which they were known to be gone, >= `lower`; ``inf`` (or missing) for customers still there.
        Equal to `lower` where the time of leaving is known exactly.
    entry : array_like of shape (n,), optional
        Time already behind the customer when the watching began (left truncation), 0 <= entry <= lower. None: 0. A
        missing or smaller `lower` is raised to it.
    cause : str, default "left"
        Name of the departure.
    time_unit : str, default "month"
        Unit of the times.

    Returns
    -------
    numpy.ndarray of shape (n,)
        Structured: ``entry``, ``lower`` and ``upper`` (float64). ``dtype.metadata`` holds ``causes`` and ``time_unit``.
        :class:`AFT`, :class:`MixtureCure`, :class:`PiecewiseExponential` and :func:`turnbull` take it as ``y``.

    Raises
    ------
    InputError
        For upper < lower, an entry at or after `upper`, times that are negative, and exact times of 0.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import interval_target
    >>> y = interval_target([3, 0, 7, 12], [5, 2, 7, np.inf])
    >>> y["lower"].tolist(), y["upper"].tolist()
    ([3.0, 0.0, 7.0, 12.0], [5.0, 2.0, 7.0, inf])
    """
    first = _known_or(lower, "lower", 0.0)
    last = _known_or(upper, "upper", np.inf)
    check_length(last, len(first), name="upper", other="lower")
    late = np.zeros(len(first)) if entry is None else float_array(entry, "entry", low=0.0)
    check_length(late, len(first), name="entry", other="lower")
    first = np.maximum(first, late)
    check_rows(first <= last, last, name="upper", rule="be >= lower (and > entry)", fix=_SWAPPED)
    check_rows(
        last > late, last, name="upper", rule="be > 0 and > entry", fix="drop customers who left before the watching"
    )
    kind = np.dtype(
        [(name, np.float64) for name in _FIELDS], metadata={"causes": (str(cause),), "time_unit": time_unit}
    )
    y = np.empty(len(first), dtype=kind)
    y["entry"], y["lower"], y["upper"] = late, first, last
    return y


def is_interval_target(y: Any) -> bool:
    """Say whether `y` was made by :func:`interval_target`."""
    return getattr(getattr(y, "dtype", None), "names", None) == _FIELDS


def read_spans(y: Any, *, owner: str) -> Spans:
    """Return `y`, a target of either kind, as times between which each customer left."""
    if is_interval_target(y):
        said: Mapping[str, Any] = y.dtype.metadata or {}
        made = interval_target(y["lower"], y["upper"], entry=y["entry"])
        causes = tuple(said.get("causes") or ONE_CAUSE)
        return Spans(made["entry"], made["lower"], made["upper"], causes, str(said.get("time_unit", "month")))
    target = read_target(y)
    if len(target.causes) > 1:
        raise InputError(
            f"{owner} takes one way of leaving, but the target names {len(target.causes)} causes "
            f"({', '.join(target.causes)}); make a target of one of them (event = code of that cause), or of all "
            "together (event > 0)"
        )
    gone = target.event > 0
    return Spans(
        np.asarray(target.entry),
        target.duration,
        np.where(gone, target.duration, np.inf),
        target.causes,
        target.time_unit,
    )


def _known_or(values: Any, name: str, instead: float) -> FloatArray:
    """Return times >= 0 with `instead` where they are missing."""
    times = (
        float_array(values, name, finite=False, low=-np.inf) if not _has_missing(values) else _filled(values, instead)
    )
    times = np.where(np.isnan(times), instead, times)
    check_rows(times >= 0, times, name=name, rule="be >= 0")
    if name == "lower":
        check_rows(
            times < np.inf, times, name=name, rule="be finite", fix="put inf into upper for customers still there"
        )
    return times


def _has_missing(values: Any) -> bool:
    array = np.asarray(values)
    return array.dtype == object or (array.dtype.kind == "f" and bool(np.isnan(array).any()))


def _filled(values: Any, instead: float) -> FloatArray:
    array = np.asarray(values)
    if array.dtype == object:
        array = np.array([instead if value is None else value for value in array.tolist()])
    return np.where(np.isnan(array.astype(np.float64)), instead, array.astype(np.float64))
