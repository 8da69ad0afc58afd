"""Columns that know the answer: sums grown over the stay, offers given by its length, facts written after departure.

A column that is nearly a function of the duration makes any model of the duration look good and predict badly: at
prediction it is known only as far as today. Strength is the rank correlation with the duration (for levels the
correlation ratio of its ranks): 1 for a function of it, 0 for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import frame_length, is_frame, to_columns
from custval._core.results import Result
from custval._core.typing import AnyFrame, FloatArray, TextArray
from custval._core.validation import check_length, check_scalar, nearest
from custval._survival.event_columns import days
from custval._survival.events import is_missing
from custval._survival.target import read_target

__all__ = ("LeakReport", "leak_check")

_PRODUCT = 0.97  # duration times another column: a sum over the stay hardly ever misses it


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class LeakReport(Result):
    """Columns that may know the answer.

    Attributes
    ----------
    column : ndarray of str, shape (q,)
        All columns, the most suspicious first.
    strength : ndarray of shape (q,)
        Rank correlation with the duration, alone or times another column; 0..1.
    suspicious : ndarray of bool, shape (q,)
        Whether to leave the column out, or to look where it comes from.
    reason : ndarray of str, shape (q,)
        Why; empty where there is nothing to say.

    Examples
    --------
    >>> from custval.survival import leak_check, survival_target
    >>> X = {"paid_so_far": [20, 61, 40, 99, 82], "age": [30, 50, 41, 33, 60]}
    >>> leak_check(X, survival_target([1, 3, 2, 5, 4], [1, 0, 1, 0, 1])).suspects
    ('paid_so_far',)
    """

    column: TextArray
    strength: FloatArray
    suspicious: TextArray
    reason: TextArray

    @property
    def suspects(self) -> tuple[str, ...]:
        """Names of the suspicious columns."""
        return tuple(self.column[self.suspicious].tolist())


@public("survival")
def leak_check(
    X: AnyFrame,
    y: Any,
    *,
    dated: Mapping[str, Any] | None = None,
    ended: Any = None,
    threshold: float = 0.9,
) -> LeakReport:
    """Return which columns are nearly functions of the duration, or dated after the event.

    Parameters
    ----------
    X : frame or array of shape (n, columns)
        Columns of the customers.
    y : target of shape (n,)
        From :func:`survival_target`.
    dated : mapping of str to array_like of datetime, optional
        Dates (n,) on which values of some columns were known.
    ended : array_like of datetime, shape (n,), optional
        Days of leaving (missing: still there), to hold `dated` against.
    threshold : float, default 0.9
        Strength from which a column is suspicious, between 0 and 1.

    Returns
    -------
    LeakReport
        Every column with its strength, the suspicious ones with the reason.

    Examples
    --------
    >>> from custval.survival import leak_check, survival_target
    >>> X = {"reason_asked": ["price", "none", "none"], "age": [30, 50, 41]}
    >>> y = survival_target([3, 3, 2], [1, 0, 0])
    >>> report = leak_check(X, y, dated={"reason_asked": ["2024-05-02", "2024-01-01", "2024-01-01"]},
    ...                     ended=["2024-05-01", None, None])
    >>> report.reason[0]
    'dated after the departure in 1 of 1 rows'
    """
    level = check_scalar(threshold, "threshold", low=0, high=1, low_open=True)
    duration = read_target(y).duration
    check_length(duration, frame_length(X), name="y")
    table = to_columns(X) if is_frame(X) else {f"x{j}": column for j, column in enumerate(np.asarray(X).T)}
    numbers = {name: _numbers(values) for name, values in table.items()}
    found = [_strength(name, table[name], numbers, duration) for name in table]
    late = _late(_dates_of(dated or {}, table, ended), ended)
    strength = np.array([1.0 if name in late else size for name, (size, _) in zip(table, found, strict=True)])
    reason = [late.get(name, said if size >= level else "") for name, (size, said) in zip(table, found, strict=True)]
    order = np.argsort(-strength, kind="stable")
    return LeakReport(
        column=np.array(list(table), dtype=object)[order],
        strength=strength[order],
        suspicious=np.array([bool(text) for text in reason])[order],
        reason=np.array(reason, dtype=object)[order],
    )


def _strength(
    name: str, values: TextArray, numbers: Mapping[str, FloatArray | None], duration: FloatArray
) -> tuple[float, str]:
    """Return how nearly a column is a function of the duration, and in which way."""
    own = numbers[name]
    if own is None:
        return _by_level(values, duration), "its levels are nearly bands of the duration"
    alone = _rank_correlation(own, duration)
    for other, factor in numbers.items():
        if other == name or factor is None or not (np.nan_to_num(factor, nan=1.0) > 0).all():
            continue
        together = _rank_correlation(own, duration * factor)
        if together > max(_PRODUCT, alone) and alone > 0.5:
            return together, f"nearly the duration times {other!r}: a sum that grew over the stay"
    return alone, "nearly a function of the duration"


def _dates_of(dated: Mapping[str, Any], table: Mapping[str, Any], ended: Any) -> Mapping[str, Any]:
    """Return `dated`, refused where it would be passed over."""
    strange = sorted(set(dated) - set(table))
    if strange:
        raise InputError(f"dated names {strange[0]!r}, which is not a column of X{nearest(strange[0], table)}")
    if dated and ended is None:
        raise InputError("dated needs ended, the days of leaving to hold the dates against")
    return dated


def _late(dated: Mapping[str, Any], ended: Any) -> dict[str, str]:
    """Return what to say of columns that are dated after the departure."""
    made: dict[str, str] = {}
    if ended is None:
        return made
    gone = days(np.asarray(ended), "ended")
    for name, when in dated.items():
        known = days(np.asarray(when), name)
        check_length(known, len(gone), name=name, other="ended")
        many = int(np.count_nonzero(known > gone))
        if many:
            made[name] = f"dated after the departure in {many} of {int(np.count_nonzero(~np.isnan(gone)))} rows"
    return made


def _numbers(values: TextArray) -> FloatArray | None:
    if values.dtype.kind in "iufb":
        return values.astype(np.float64)
    try:
        return np.array([np.nan if is_missing(value) else float(value) for value in values.tolist()])
    except (TypeError, ValueError):
        return None


def _rank_correlation(a: FloatArray, b: FloatArray) -> float:
    known = ~(np.isnan(a) | np.isnan(b))
    if known.sum() < 3:
        return 0.0
    x, z = _ranks(a[known]), _ranks(b[known])
    spread = np.sqrt((x @ x) * (z @ z))
    return abs(float(x @ z / spread)) if spread > 0 else 0.0


def _by_level(values: TextArray, duration: FloatArray) -> float:
    codes = np.unique(values.astype(str), return_inverse=True)[1]
    ranks, size = _ranks(duration), np.bincount(codes)
    if len(size) > len(ranks) / 2:  # names that hardly repeat tell nothing
        return 0.0
    means = np.bincount(codes, weights=ranks) / size
    total = float(ranks @ ranks)
    return float(np.sqrt((size * means**2).sum() / total)) if total > 0 else 0.0


def _ranks(values: FloatArray) -> FloatArray:
    """Return centred mid-ranks."""
    _, which, many = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(many) - (many - 1) / 2
    ranks = middle[which]
    return np.asarray(ranks - ranks.mean())
