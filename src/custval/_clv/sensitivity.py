"""By how much does value move with retention, margin and discount, and what may keeping a customer cost?

For any survival curve with month t's weight w_t = margin x discount, value = sum w_t S(t):

    retention  each month's chance to stay times (1 + e): S(t) becomes S(t) (1+e)^t, so sum t w_t S(t) / value
    margin     1
    discount   - d / (1 + d) x sum (discount point of t) w_t S(t) / value

For a constant retention rate and no horizon these are the textbook forms of `retention_elasticity`. Some *points* more
of retention turn each month's r_t = S(t) / S(t-1) into r_t + p, at most 1; the gain is smooth in S, so its error
follows from the model's pullback.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from custval._clv.checks import check_curve, check_months, spread
from custval._clv.discount import discount_points, survival_weights, weighted
from custval._clv.rates import discount_array
from custval._clv.source import Source
from custval._clv.value_blocks import blocks_of
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import frame_length
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_scalar

__all__ = (
    "RetentionPoints",
    "ValueElasticities",
    "break_even_retention_cost",
    "retention_points",
    "value_elasticities",
)


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class ValueElasticities(Result):
    """By how many per cent the value of the base moves when something moves by one per cent of itself.

    Attributes
    ----------
    retention : float
        Each month's chance to stay.
    margin : float
        Each month's margin: 1.
    discount : float
        The monthly discount rate: at or below 0 for positive rates.

    Examples
    --------
    >>> from custval.clv import ValueElasticities
    >>> ValueElasticities(retention=2.5, margin=1.0, discount=-0.4).to_dict()
    {'retention': 2.5, 'margin': 1.0, 'discount': -0.4}
    """

    retention: float
    margin: float
    discount: float


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class RetentionPoints(Result):
    """What some more points of monthly retention are worth, with an interval.

    Attributes
    ----------
    points : float
        Added to each month's chance to stay: 0.01 is one point.
    gain : ndarray of shape (n,)
        Money by customer.
    total : float
        Sum of `gain`.
    total_std_error, total_lower, total_upper : float or None
        From the uncertainty of the model's parameters; None where it has no covariance.
    share : float
        `total` as a share of the value without the points.
    value : float
        Value of the base without the points.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import GeometricRetention, retention_points
    >>> model = GeometricRetention().fit([1000, 970, 941, 913])
    >>> found = retention_points(model, np.zeros((2, 1)), 0.01, margin=30.0, horizon=24, monthly_discount=0.01)
    >>> round(found.total, 1), round(found.share, 4)
    (106.3, 0.1175)
    """

    points: float
    gain: FloatArray
    total: float
    total_std_error: float | None
    total_lower: float | None
    total_upper: float | None
    share: float
    value: float


@public("clv")
def value_elasticities(
    survival: ArrayLike, margin: ArrayLike, *, monthly_discount: ArrayLike, timing: str = "end"
) -> ValueElasticities:
    """Return the elasticities of the value of a base with any survival curves.

    Parameters
    ----------
    survival : array of shape (n, H)
        S(1..H | now), within [0, 1], never rising.
    margin : float or array of shape (n,), (H,) or (n, H)
        Money per month while a customer.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.

    Returns
    -------
    ValueElasticities
        Of retention, margin and discount.

    Raises
    ------
    InputError
        If the value is zero, or an argument is illegal as in :func:`discounted_value`.

    References
    ----------
    Gupta, S., Lehmann, D. R. and Stuart, J. A. (2004), Valuing customers, Journal of Marketing Research 41(1), table 5.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import retention_elasticity, value_elasticities
    >>> curve = 0.80 ** np.arange(1, 301)[None, :]
    >>> found = value_elasticities(curve, 10.0, monthly_discount=0.12, timing="start")
    >>> round(found.retention, 6), round(retention_elasticity(0.80, monthly_discount=0.12, timing="start"), 6)
    (2.5, 2.5)
    """
    curve = check_curve(survival)
    n, horizon = curve.shape
    rates = discount_array(monthly_discount, n)
    points = discount_points(rates, horizon, timing)
    money = spread(margin, n, horizon, "margin")
    weights = survival_weights(money, points, timing)
    value = float(weighted(curve, weights).sum())
    if value == 0.0:
        raise InputError("the value is 0, so a change of it has no share; give a margin that is not zero")
    months = np.arange(1.0, horizon + 1.0)
    stays = weights._replace(by_month=weights.by_month * months, constant=np.zeros(1))
    due = months - {"end": 0.0, "start": 1.0, "mid": 0.5}[timing]
    later = survival_weights(money, points * due, timing)
    discount = -(rates / (1.0 + rates) * weighted(curve, later)).sum() / value
    return ValueElasticities(float(weighted(curve, stays).sum()) / value, 1.0, float(discount))


@public("clv")
def retention_points(
    model: Any,
    X: AnyFrame,
    points: float,
    *,
    margin: ArrayLike,
    horizon: int,
    monthly_discount: ArrayLike,
    given: ArrayLike | None = None,
    timing: str = "end",
    conf_level: float = 0.95,
) -> RetentionPoints:
    """Return what 1 or 5 more points of monthly retention would be worth, with an interval.

    Parameters
    ----------
    model : fitted hazard model
        As :func:`lifetime_value` takes it.
    X : frame or array of n rows
        Customers as `model` takes them.
    points : float
        Added to each month's chance to stay, within (-1, 1): 0.01 is one point. A chance is never above 1 or below 0.
    margin : float or array of shape (n,), (H,) or (n, H)
        Money per month while a customer.
    horizon : int
        Months ahead, H >= 1.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.
    given : float or array of shape (n,), optional
        Months already stayed, >= 0.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.
    conf_level : float
        Level of the interval, within (0, 1).

    Returns
    -------
    RetentionPoints
        Gain by customer, its total with an interval, and its share of today's value.

    Raises
    ------
    InputError
        If an argument is illegal.

    References
    ----------
    Gupta, S. and Lehmann, D. R. (2003), Customers as assets, Journal of Interactive Marketing 17(1): what a change of
    retention is worth depends on its level.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import ShiftedBetaGeometric, retention_points
    >>> model = ShiftedBetaGeometric().fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> found = retention_points(model, np.zeros((1, 1)), 0.05, margin=30.0, horizon=12, monthly_discount=0.01)
    >>> print(f"{found.total:.1f} ({found.total_lower:.1f} to {found.total_upper:.1f})")
    68.1 (64.9 to 71.3)
    """
    months, n = check_months(horizon), frame_length(X)
    step = check_scalar(points, "points", low=-1.0, high=1.0, low_open=True, high_open=True)
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    source = Source.of(model, X, given)
    money, rates = spread(margin, n, months, "margin"), discount_array(monthly_discount, n)
    discount = discount_points(rates, months, timing)
    gain, today, gradient = np.zeros(n), 0.0, None
    for where in blocks_of(n, months):
        rows = tuple(part if len(part) == 1 else part[where] for part in (money, discount))
        curve = check_curve(source.survival(X, months, where))
        weights = survival_weights(rows[0], rows[1], timing)
        better, slope = raised(curve, step, np.broadcast_to(weights.scale[:, None] * weights.by_month, curve.shape))
        before = weighted(curve, weights)
        gain[where] = weighted(better, weights) - before
        today += float(before.sum())
        if source.is_uncertain:
            pulled = source.gradient(X, where, slope, None).sum(axis=0)
            gradient = pulled if gradient is None else gradient + pulled
    total = float(gain.sum())
    error = None if gradient is None else float(np.sqrt(max(gradient @ source.covariance @ gradient, 0.0)))
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    return RetentionPoints(
        points=step,
        gain=frozen(gain),
        total=total,
        total_std_error=error,
        total_lower=None if error is None else total - z * error,
        total_upper=None if error is None else total + z * error,
        share=total / today if today else 0.0,
        value=today,
    )


@public("clv")
def break_even_retention_cost(
    survival: ArrayLike,
    better_survival: ArrayLike,
    margin: ArrayLike,
    *,
    monthly_discount: ArrayLike,
    timing: str = "end",
) -> FloatArray:
    """Return the most that keeping a customer may cost per month, when it turns one survival curve into a better one.

    Parameters
    ----------
    survival, better_survival : array of shape (n, H)
        S(1..H | now) without and with the programme.
    margin : float or array of shape (n,), (H,) or (n, H)
        Money per month while a customer.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.
    timing : {"end", "start", "mid"}
        When in the month margin and cost fall due.

    Returns
    -------
    ndarray of shape (n,)
        Money per month while a customer; negative where the programme makes things worse.

    Raises
    ------
    InputError
        If the curves differ in shape, or an argument is illegal as in :func:`discounted_value`.

    References
    ----------
    Blattberg, R. C. and Deighton, J. (1996), Manage marketing by the customer equity test, Harvard Business Review
    74(4): retention spending pays until the value gained equals it.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import break_even_retention_cost
    >>> months = np.arange(1, 25)[None, :]
    >>> break_even_retention_cost(0.96 ** months, 0.97 ** months, 30.0, monthly_discount=0.01).round(3)
    array([3.053])
    """
    before, after = check_curve(survival), check_curve(better_survival)
    if before.shape != after.shape:
        raise InputError(f"survival has shape {before.shape} but better_survival has {after.shape}")
    n, horizon = before.shape
    points = discount_points(discount_array(monthly_discount, n), horizon, timing)
    money = survival_weights(spread(margin, n, horizon, "margin"), points, timing)
    gain = weighted(after, money) - weighted(before, money)
    stay = weighted(after, survival_weights(np.ones((1, 1)), points, timing))
    return np.divide(gain, stay, out=np.zeros(n), where=stay > 0)


def raised(curve: FloatArray, points: float, by_month: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the curve with `points` more retention and how its gain ``sum_t w_t (S'(t) - S(t))`` moves with S(t)."""
    before = np.column_stack([np.ones(len(curve)), curve[:, :-1]])
    alive = before > 0
    stays = np.divide(curve, before, out=np.zeros_like(curve), where=alive)
    wanted = stays + points
    moved = np.clip(wanted, 0.0, 1.0)
    better = np.cumprod(moved, axis=1)
    # A_j = d V' / d r_j: all later months hang on r_j, unless it stands at 0 or 1
    later = np.cumsum((by_month * better)[:, ::-1], axis=1)[:, ::-1]
    free = (wanted < 1.0) & (wanted > 0.0) & alive
    by_stay = np.divide(later, moved, out=np.zeros_like(later), where=free & (moved > 0))
    slope = np.divide(by_stay, before, out=np.zeros_like(later), where=alive)
    through_next = np.divide(
        by_stay[:, 1:] * stays[:, 1:], curve[:, :-1], out=np.zeros_like(later[:, 1:]), where=curve[:, :-1] > 0
    )
    slope[:, :-1] -= through_next
    return np.asarray(better, dtype=np.float64), np.asarray(slope - by_month, dtype=np.float64)
