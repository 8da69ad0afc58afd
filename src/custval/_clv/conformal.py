"""How many months will this customer surely stay? Conformal bounds on months kept, calibrated under censoring.

Take F_i(t) = 1 - S_i(t) of any model. The lower bound L_a(x) is the last month with F(t) <= a; a customer leaves at or
before it exactly when their score F_i(T_i) is at most a. On a holdout, the chance of that is estimated without bias by
the scores of those seen to leave, each weighed by 1 / G(T-), G the Kaplan-Meier curve of the censoring; a is the
largest level whose estimate, with one more customer of the largest weight counted against it, stays within
1 - coverage. A model that is wrong gives longer or shorter bounds, not broken ones - as long as censoring does not
depend on the customer and the month asked for lies within follow-up. An upper bound is given within follow-up only and
infinite beyond.

References
----------
Candes, E., Lei, L. and Ren, Z. (2023), Conformalized survival analysis, Journal of the Royal Statistical Society B
85(1). Farina, R. et al. (2025), Doubly robust and efficient calibration of prediction sets for right-censored
time-to-event outcomes: weighting the events by the censoring curve, eq. 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.checks import check_curve, check_months
from custval._clv.source import Source
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import frame_length
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray
from custval._core.validation import check_length, check_scalar, float_array

__all__ = ("MonthsKept", "months_kept")

GRID = 400  # levels at which the upper bound is tried


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class MonthsKept(Result):
    """Bounds on the months that each customer will still be there.

    Attributes
    ----------
    lower : ndarray of shape (n,)
        Whole months that the customer stays with chance >= `coverage` (two-sided: with half of what is missing).
    upper : ndarray of shape (n,) or None
        Month by which the customer will have left; infinite where it lies beyond follow-up. None for one side.
    coverage : float
        Chance that the bounds hold for a customer like those of the holdout.
    level : float
        The model's own level that turned out to have this coverage; 1 - coverage where the model is well calibrated.
    customers : int
        Of the holdout.
    largest_weight : float
        Largest 1 / G: many customers stand for one where it is high.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import GeometricRetention, months_kept
    >>> from custval.survival import survival_target
    >>> rng = np.random.default_rng(0)
    >>> life = rng.geometric(0.05, 2000)
    >>> holdout = survival_target(np.minimum(life, 36), life <= 36)
    >>> bounds = months_kept(
    ...     GeometricRetention.from_params(theta=0.05), np.zeros((1, 1)), np.zeros((2000, 1)), holdout, horizon=36
    ... )
    >>> bounds.lower
    array([2.])
    """

    lower: FloatArray
    upper: FloatArray | None
    coverage: float
    level: float
    customers: int
    largest_weight: float


@public("clv")
def months_kept(
    model: Any,
    X: AnyFrame,
    holdout_X: AnyFrame,
    holdout_y: Any,
    *,
    horizon: int,
    coverage: float = 0.9,
    given: ArrayLike | None = None,
    two_sided: bool = False,
) -> MonthsKept:
    """Return bounds on the months each customer will still be there, calibrated on a holdout.

    Parameters
    ----------
    model : fitted hazard model
        As :func:`lifetime_value` takes it; it must not have seen the holdout.
    X : frame or array of n rows
        Customers asked about.
    holdout_X : frame or array of m rows
        Customers kept apart for calibration.
    holdout_y : structured array of shape (m,)
        Their outcome (``survival_target``): `entry` is the tenure at which the watching began, `event` 0 where they
        were still there.
    horizon : int
        Months ahead that are looked at, within the holdout's follow-up.
    coverage : float
        Chance that the bounds hold, within (0, 1).
    given : float or array of shape (n,), optional
        Months that the customers of `X` have already stayed.
    two_sided : bool
        Whether an upper bound is wanted too.

    Returns
    -------
    MonthsKept
        Bounds by customer.

    Raises
    ------
    InputError
        If the holdout has no departures or too few customers for the coverage, or nobody was watched for `horizon`.

    References
    ----------
    Candes, E., Lei, L. and Ren, Z. (2023), Conformalized survival analysis, Journal of the Royal Statistical Society B
    85(1).

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import GeometricRetention, months_kept
    >>> from custval.survival import survival_target
    >>> life = np.random.default_rng(1).geometric(0.05, 3000)
    >>> holdout = survival_target(np.minimum(life, 60), life <= 60)
    >>> wrong = GeometricRetention.from_params(theta=0.01)  # far too hopeful
    >>> bounds = months_kept(wrong, np.zeros((1, 1)), np.zeros((3000, 1)), holdout, horizon=48)
    >>> bounds.lower, round(bounds.level, 3)
    (array([1.]), 0.01)
    """
    months = check_months(horizon)
    wanted = check_scalar(coverage, "coverage", low=0.0, high=1.0, low_open=True, high_open=True)
    seen = _Holdout.of(holdout_y, frame_length(holdout_X), months)
    left = 1.0 - _curve(model, holdout_X, months, seen.entry)
    missing = (1.0 - wanted) / (2.0 if two_sided else 1.0)
    level = _lower_level(left, seen, missing)
    ahead = 1.0 - _curve(model, X, months, given)
    lower = (ahead <= level + 1e-12).sum(axis=1).astype(np.float64)
    upper = None
    if two_sided:
        top = _upper_level(left, seen, missing)
        reached = ahead >= top - 1e-12
        upper = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
    return MonthsKept(
        lower=frozen(lower),
        upper=None if upper is None else frozen(upper),
        coverage=wanted,
        level=float(level),
        customers=len(seen.stayed),
        largest_weight=float(1.0 / seen.kept_before.min()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Holdout:
    """Months stayed after entry, who left, and G just before and at those months."""

    entry: FloatArray | None
    stayed: FloatArray
    left: BoolArray
    kept_before: FloatArray  # G(T-) of those who left within the horizon, else 1
    kept: FloatArray  # G(0..H)

    @classmethod
    def of(cls, y: Any, m: int, horizon: int) -> _Holdout:
        target = np.asarray(y)
        if target.dtype.names is None or not {"duration", "event"} <= set(target.dtype.names):
            raise InputError("holdout_y must be a target with duration and event, as survival_target makes it")
        check_length(target, m, name="holdout_y", other="holdout_X")
        duration = float_array(target["duration"], "duration")
        late = float_array(target["entry"], "entry") if "entry" in target.dtype.names else np.zeros(m)
        stayed, left = np.ceil(duration - late - 1e-9), np.asarray(target["event"]) > 0
        # a departure in the middle of a month counts at its end, a censoring at its beginning
        stayed = np.where(left, stayed, np.floor(duration - late + 1e-9))
        if not left.any():
            raise InputError("nobody left in the holdout, so bounds cannot be calibrated; wait for departures")
        if stayed.max() < horizon:
            raise InputError(
                f"horizon={horizon} lies beyond the holdout's follow-up of {stayed.max():g} months; ask for fewer"
            )
        curve = _censoring_curve(stayed, left, horizon)
        before = np.where(left & (stayed <= horizon), curve[np.minimum(stayed.astype(int), horizon) - 1], 1.0)
        entry = late if late.any() else None
        return cls(entry, stayed, left, np.maximum(before, 1e-12), curve)


def _censoring_curve(stayed: FloatArray, left: BoolArray, horizon: int) -> FloatArray:
    """Return G(0..horizon), the chance of not being censored by then; events leave before tied censorings."""
    censored = np.bincount(np.minimum(stayed[~left], horizon + 1).astype(int), minlength=horizon + 2).astype(float)
    gone = np.bincount(np.minimum(stayed[left], horizon + 1).astype(int), minlength=horizon + 2).astype(float)
    both = np.cumsum((censored + gone)[::-1])[::-1]
    there = both - gone  # at risk of being censored in month t, its events gone
    step = np.divide(censored, there, out=np.zeros_like(there), where=there > 0)
    return np.asarray(np.cumprod(1.0 - step)[: horizon + 1], dtype=np.float64)


def _curve(model: Any, X: AnyFrame, horizon: int, given: ArrayLike | None) -> FloatArray:
    n = frame_length(X)
    return check_curve(Source.of(model, X, given).survival(X, horizon, slice(0, n)))


def _lower_level(left: FloatArray, seen: _Holdout, missing: float) -> float:
    """Return the largest level whose weighted share of departures at or before the bound stays within `missing`."""
    m, horizon = left.shape
    counts = seen.left & (seen.stayed <= horizon)
    weight = 1.0 / seen.kept_before[counts]
    score = left[counts, seen.stayed[counts].astype(int) - 1]
    order = np.argsort(score)
    share = (np.cumsum(weight[order]) + weight.max()) / (m + 1.0)
    within = share <= missing
    if not within.any():
        raise InputError(
            f"the holdout of {m} customers is too small for this coverage: one departure weighs {weight.max() / m:.3g} "
            "of it; give more customers, a shorter horizon or a lower coverage"
        )
    ranked = score[order]
    first_bad = ranked[len(within) - int(within[::-1].argmax()) :]
    # scores tied with the first that breaks the bound break it too
    good = ranked[within & (ranked < first_bad[0])] if len(first_bad) else ranked
    return float(good[-1]) if len(good) else 0.0


def _upper_level(left: FloatArray, seen: _Holdout, missing: float) -> float:
    """Return the smallest F by whose month all but `missing` have left."""
    m = len(left)
    levels = np.linspace(0.0, 1.0, GRID + 1)[1:]
    best = np.inf
    for level in levels[::-1]:
        reached = left >= level
        month = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 0)
        inside = month > 0
        later = inside & (seen.stayed > month) | (inside & ~seen.left & (seen.stayed == month))
        weight = 1.0 / np.maximum(seen.kept[np.maximum(month - 1, 0)], 1e-12)  # watched for `month` months or more
        share = ((weight * later).sum() + weight[inside].max(initial=1.0)) / (m + 1.0)
        if share > missing:
            break
        best = float(level)
    return best
