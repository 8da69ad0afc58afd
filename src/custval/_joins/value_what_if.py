"""What if, in money: how the value of customers moves when columns change, with an interval.

The value of a customer is ``sum_t m v^t S(t)`` over the horizon (margin at the end of each month). Before and after
come from one fitted model, so the standard error is that of the difference: what both share cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.frames import frame_length
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_length, check_scalar, check_whole, float_array
from custval._survival.gradients import blocks, covariance_of, given_array, spread_of
from custval._survival.intervals import normal_quantile
from custval._survival.what_if import altered

__all__ = ("ValueWhatIf", "what_if_value")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class ValueWhatIf(Result):
    """The value of customers before and after a change.

    Attributes
    ----------
    before, after : ndarray of shape (n,)
        Each customer's value, money, discounted to today.
    difference, std_error, lower, upper : float
        Total after less total before, its standard error from the fitted hazard, and bounds.
    conf_level : float
        Coverage of the bounds.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target, what_if_value
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    >>> money = {"margin": X["fee"], "margin_after": 20.0, "horizon": 6, "monthly_discount": 0.01}
    >>> told = what_if_value(model, X, {"fee": 20.0}, **money)
    >>> round(told.before.sum().item()), round(told.after.sum().item())
    (445, 402)
    """

    before: FloatArray
    after: FloatArray
    difference: float
    std_error: float
    lower: float
    upper: float
    conf_level: float


@public("survival")
def what_if_value(
    model: Any,
    X: AnyFrame,
    changes: Mapping[str, Any],
    *,
    margin: ArrayLike,
    margin_after: ArrayLike | None = None,
    horizon: int,
    monthly_discount: float,
    given: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> ValueWhatIf:
    """Return how the value of customers moves when columns are changed, and margins with them.

    Parameters
    ----------
    model : fitted hazard model
        With ``pullback`` and ``covariance_``, such as DiscreteHazard.
    X : frame of n rows
        Customers as they are.
    changes : mapping
        As in :func:`what_if`.
    margin, margin_after : float or array_like of shape (n,)
        Money per month before and after (a price cut costs margin); None: after as before.
    horizon : int
        Months that count, >= 1.
    monthly_discount : float
        Effective rate per month, > -1.
    given : float or array_like of shape (n,), optional
        Months already stayed; None: 0.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.

    Returns
    -------
    ValueWhatIf
        Values before and after, their difference with bounds.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target, what_if_value
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    >>> told = what_if_value(model, X, {"fee": 20.0}, margin=10.0, horizon=6, monthly_discount=0.01)
    >>> round(told.difference), told.lower < told.difference < told.upper
    (43, True)
    """
    covariance = covariance_of(model, "what_if_value")
    months = check_whole(horizon, "horizon", low=1)
    rate = check_scalar(monthly_discount, "monthly_discount", low=-1.0, low_open=True)
    level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
    n = frame_length(X)
    stayed, first = given_array(given, n), _each(margin, "margin", n)
    second = first if margin_after is None else _each(margin_after, "margin_after", n)
    fade = (1.0 + rate) ** -np.arange(1.0, months + 1.0)
    before, fall = _valued(model, X, stayed, first, fade)
    after, rise = _valued(model, altered(X, changes), stayed, second, fade)
    difference, error = float(after.sum() - before.sum()), float(spread_of(rise - fall, covariance))
    reach = normal_quantile(level) * error
    bounds = difference - reach, difference + reach
    return ValueWhatIf(frozen(before), frozen(after), difference, error, *bounds, level)


def _valued(
    model: Any, X: AnyFrame, given: FloatArray, margin: FloatArray, fade: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return each customer's value, and the gradient of their sum."""
    value, slope = np.empty(len(given)), np.zeros(len(covariance_of(model, "what_if_value")))
    for part, own, stayed in blocks(X, given):
        weight = margin[part, None] * fade
        survival = np.asarray(model.predict_survival(own, np.arange(1, len(fade) + 1), given=stayed))
        value[part] = (survival * weight).sum(axis=1)
        slope += np.asarray(model.pullback(own, weight, given=stayed)).sum(axis=0)
    return value, slope


def _each(margin: ArrayLike, name: str, n: int) -> FloatArray:
    values = float_array(np.atleast_1d(np.asarray(margin)), name)
    if len(values) == 1:
        return np.full(n, values[0])
    check_length(values, n, name=name)
    return values
