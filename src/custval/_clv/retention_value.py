"""What is a constant retention rate worth, and what would some more points of it be worth?

With margin m, retention r per period and discount i per period, for ever:

    start   m (1+i) / (1+i-r)              elasticity r / (1+i-r)
    end     m r / (1+i-r)                  elasticity (1+i) / (1+i-r)
    mid     m (1+r)/2 sqrt(1+i) / (1+i-r)  elasticity r / (1+r) + r / (1+i-r)

Period and rates must be of one unit: months with a monthly discount, years with an annual one.
"""

from __future__ import annotations

import numpy as np

from custval._clv.checks import number_array, plain
from custval._clv.discount import TIMINGS
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_choice

__all__ = ("constant_retention_value", "retention_elasticity", "retention_gain")


@public("clv")
def constant_retention_value(
    margin: ArrayLike, retention_rate: ArrayLike, *, monthly_discount: ArrayLike, timing: str = "end"
) -> FloatArray | float:
    """Return the value, without a horizon, of a customer whose retention rate never changes.

    Parameters
    ----------
    margin : float or array
        Money per month while a customer.
    retention_rate : float or array
        Chance of staying from one month to the next, within [0, 1].
    monthly_discount : float or array
        Effective rate per month, > -1; it must exceed ``retention_rate - 1`` or the sum has no limit.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.

    Returns
    -------
    float or ndarray
        Value in the money unit of `margin`, of the common shape.

    Raises
    ------
    InputError
        If a rate is illegal or the sum diverges.

    References
    ----------
    Gupta, S. and Lehmann, D. R. (2003), Customers as assets, Journal of Interactive Marketing 17(1), eq. 2-4.

    Examples
    --------
    >>> from custval.clv import constant_retention_value
    >>> round(constant_retention_value(100.0, 0.80, monthly_discount=0.12, timing="start"), 4)
    350.0
    """
    stay, rate = _rates(retention_rate, monthly_discount, timing)
    money = number_array(margin, "margin")
    return plain(money * _multiple(stay, rate, timing))


@public("clv")
def retention_elasticity(
    retention_rate: ArrayLike, *, monthly_discount: ArrayLike, timing: str = "end"
) -> FloatArray | float:
    """Return by how many per cent lifetime value rises when the retention rate rises by one per cent of itself.

    Parameters
    ----------
    retention_rate : float or array
        Chance of staying from one month to the next, within [0, 1].
    monthly_discount : float or array
        Effective rate per month, > -1 and > ``retention_rate - 1``.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in: r / (1+i-r) at the start, (1+i) / (1+i-r) at the end.

    Returns
    -------
    float or ndarray
        Elasticity, without unit.

    Raises
    ------
    InputError
        If a rate is illegal or the sum behind it diverges.

    References
    ----------
    Gupta, S. and Lehmann, D. R. (2003), Customers as assets, Journal of Interactive Marketing 17(1), p. 16.

    Examples
    --------
    >>> from custval.clv import retention_elasticity
    >>> round(retention_elasticity(0.80, monthly_discount=0.12, timing="start"), 4)
    2.5
    >>> round(retention_elasticity(0.80, monthly_discount=0.12, timing="end"), 4)
    3.5
    """
    stay, rate = _rates(retention_rate, monthly_discount, timing)
    at_start = stay / (1.0 + rate - stay)
    if timing == "start":
        return plain(at_start)
    return plain(at_start + (1.0 if timing == "end" else stay / (1.0 + stay)))


@public("clv")
def retention_gain(
    retention_rate: ArrayLike, points: ArrayLike, *, monthly_discount: ArrayLike, timing: str = "end"
) -> FloatArray | float:
    """Return the share by which lifetime value grows when retention rises by `points` (0.05 = five points).

    Parameters
    ----------
    retention_rate : float or array
        Chance of staying today, within (0, 1].
    points : float or array
        Change of that chance; both rates must lie within [0, 1].
    monthly_discount : float or array
        Effective rate per month, > -1 and > the higher rate - 1.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.

    Returns
    -------
    float or ndarray
        New value / old value - 1: 0.185 is 18.5 % more.

    Raises
    ------
    InputError
        If a rate is illegal, or the old value is zero.

    Examples
    --------
    >>> from custval.clv import retention_gain
    >>> round(retention_gain(0.80, 0.05, monthly_discount=0.12, timing="start"), 4)
    0.1852
    >>> round(retention_gain(0.80, 0.05, monthly_discount=0.12, timing="end"), 4)
    0.2593
    """
    stay, rate = _rates(retention_rate, monthly_discount, timing)
    better, _ = _rates(stay + number_array(points, "points"), monthly_discount, timing)
    today = _multiple(stay, rate, timing)
    if np.any(today == 0.0):
        raise InputError("retention_rate must be > 0 here: a value of nothing cannot grow by a share")
    return plain(_multiple(better, rate, timing) / today - 1.0)


def _multiple(stay: FloatArray, rate: FloatArray, timing: str) -> FloatArray:
    """Return lifetime value over margin."""
    grown = 1.0 + rate
    upper = {"start": grown, "end": stay, "mid": 0.5 * (1.0 + stay) * np.sqrt(grown)}[timing]
    return np.asarray(upper / (grown - stay))


def _rates(retention_rate: ArrayLike, monthly_discount: ArrayLike, timing: str) -> tuple[FloatArray, FloatArray]:
    check_choice(timing, "timing", TIMINGS)
    fix = "80 % is 0.80"
    stay = number_array(retention_rate, "retention_rate", low=0.0, high=1.0, fix=fix)
    rate = number_array(monthly_discount, "monthly_discount", low=-1.0, low_open=True)
    if np.any(1.0 + rate - stay <= 0.0):
        raise InputError(
            "the value has no limit: monthly_discount must exceed retention_rate - 1; give lifetime_value a horizon"
        )
    return stay, rate
