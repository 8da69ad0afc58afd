"""Past contribution, potential value and loyalty as the wireless-telecom papers define them.

Hwang, Jung and Suh (2004) value customer i, N months after the start, with profits p(t) so far and f(t) to come, a
monthly potential benefit B from other services, and E expected months of service (one over the churn rate):

    LTV = sum_{t=0}^{N} p(t) (1+d)^(N-t)  +  sum_{t=N+1}^{N+E+1} (f(t) + B(t)) / (1+d)^(t-N)

Kim, Jung, Suh and Hwang (2006) split it into three axes: current value = mean bill - mean arrears over six months,
potential value = sum over services of P(buys) x profit, loyalty = 1 - churn rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._clv.checks import number_array, spread
from custval._clv.rates import discount_array
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, check_whole, float_array

__all__ = ("HwangValue", "current_value", "customer_loyalty", "hwang_value", "past_contribution", "potential_value")

PAPER_2004 = "Hwang, H., Jung, T. and Suh, E. (2004), Expert Systems with Applications 26(2), eq. 5"


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class HwangValue(Result):
    """The lifetime value of Hwang, Jung and Suh with its three parts.

    Attributes
    ----------
    value : ndarray of shape (n,)
        Sum of the parts.
    past_contribution : ndarray of shape (n,)
        Profits so far, with interest.
    future_contribution : ndarray of shape (n,)
        Discounted profits over the expected service.
    potential_value : ndarray of shape (n,)
        Discounted potential benefit over the expected service.

    Examples
    --------
    >>> from custval.clv import hwang_value
    >>> hwang_value([[10.0, 12.0]], 12.0, 1.5, churn_rate=0.2, monthly_discount=0.01).value.round(3)
    array([100.339])
    """

    value: FloatArray
    past_contribution: FloatArray
    future_contribution: FloatArray
    potential_value: FloatArray


@public("clv")
def past_contribution(profit: ArrayLike, *, monthly_discount: ArrayLike) -> FloatArray:
    """Return what each customer has brought so far, with interest to today.

    Parameters
    ----------
    profit : array of shape (n, N + 1)
        Profit of each month from the first to the present one, in order.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.

    Returns
    -------
    ndarray of shape (n,)
        Sum of p(t) (1 + d)^(N - t): the present month counts as it is.

    Raises
    ------
    InputError
        If a number is missing or a rate illegal.

    References
    ----------
    Hwang, H., Jung, T. and Suh, E. (2004), Expert Systems with Applications 26(2), first term of eq. 5.

    Examples
    --------
    >>> from custval.clv import past_contribution
    >>> past_contribution([[10.0, 12.0]], monthly_discount=0.01)
    array([22.1])
    """
    profits = float_array(profit, "profit", ndim=2)
    rates = discount_array(monthly_discount, len(profits))
    months = np.arange(profits.shape[1] - 1, -1, -1)
    return np.asarray((profits * (1.0 + rates)[:, None] ** months).sum(axis=1))


@public("clv")
def potential_value(probability: ArrayLike, profit: ArrayLike) -> FloatArray:
    """Return the expected profit from services that each customer may still buy.

    Parameters
    ----------
    probability : array of shape (n, J)
        Chance that the customer buys service j, within [0, 1].
    profit : float or array of shape (J,) or (n, J)
        Profit from service j where it is bought.

    Returns
    -------
    ndarray of shape (n,)
        Sum over j of probability x profit.

    Raises
    ------
    InputError
        If a chance is outside [0, 1] or the shapes do not fit.

    References
    ----------
    Kim, S., Jung, T., Suh, E. and Hwang, H. (2006), Customer segmentation and strategy development based on customer
    lifetime value, Expert Systems with Applications 31(1), section 3.2.

    Examples
    --------
    >>> from custval.clv import potential_value
    >>> potential_value([[0.1, 0.5], [0.0, 0.2]], [20.0, 5.0])
    array([4.5, 1. ])
    """
    chance = float_array(probability, "probability", low=0.0, high=1.0, ndim=2)
    money = number_array(profit, "profit")
    try:
        return np.asarray((chance * np.broadcast_to(money, chance.shape)).sum(axis=1))
    except ValueError:
        shapes = f"profit has shape {money.shape} but probability has {chance.shape}"
        raise InputError(f"{shapes}; profit must be a number, one for each service, or of the same shape") from None


@public("clv")
def customer_loyalty(churn_rate: ArrayLike) -> FloatArray:
    """Return 1 - churn rate, the loyalty axis.

    Parameters
    ----------
    churn_rate : float or array of shape (n,)
        Chance of leaving within the horizon of the question, within [0, 1].

    Returns
    -------
    ndarray of shape (n,)
        Within [0, 1].

    Raises
    ------
    InputError
        If a rate is outside [0, 1].

    References
    ----------
    Kim, S., Jung, T., Suh, E. and Hwang, H. (2006), Expert Systems with Applications 31(1), section 3.3.

    Examples
    --------
    >>> from custval.clv import customer_loyalty
    >>> customer_loyalty([0.02, 0.3])
    array([0.98, 0.7 ])
    """
    return np.atleast_1d(1.0 - number_array(churn_rate, "churn_rate", low=0.0, high=1.0, fix="2 % is 0.02"))


@public("clv")
def current_value(billed: ArrayLike, arrears: ArrayLike = 0.0, *, months: int = 6) -> FloatArray:
    """Return the mean bill less the mean arrears of the last months.

    Parameters
    ----------
    billed : array of shape (n, M)
        Money asked for in each month, in order.
    arrears : float or array of shape (n, M)
        Money of it left unpaid.
    months : int
        Last months that count, >= 1; the papers take six.

    Returns
    -------
    ndarray of shape (n,)
        Money per month.

    Raises
    ------
    InputError
        If there are fewer months than asked for, or the shapes do not fit.

    References
    ----------
    Kim, S., Jung, T., Suh, E. and Hwang, H. (2006), Expert Systems with Applications 31(1), section 3.1.

    Examples
    --------
    >>> from custval.clv import current_value
    >>> current_value([[30.0, 32.0, 34.0]], [[0.0, 0.0, 4.0]], months=2)
    array([31.])
    """
    bills = float_array(billed, "billed", ndim=2)
    window = check_whole(months, "months", low=1)
    if bills.shape[1] < window:
        raise InputError(f"billed has {bills.shape[1]} months but months={window} are asked for")
    owed = number_array(arrears, "arrears")
    if owed.ndim and owed.shape != bills.shape:
        raise InputError(f"arrears has shape {owed.shape} but billed has {bills.shape}")
    return np.asarray((bills - owed)[:, -window:].mean(axis=1))


@public("clv")
def hwang_value(
    past_profit: ArrayLike,
    future_profit: ArrayLike,
    potential_benefit: ArrayLike = 0.0,
    *,
    churn_rate: ArrayLike,
    monthly_discount: ArrayLike,
) -> HwangValue:
    """Return the lifetime value of Hwang, Jung and Suh: past, future and potential contribution.

    The expected service is one over the churn rate, cut to whole months; it has no survival curve, so compare it with
    :func:`lifetime_value` before money is spent on it.

    Parameters
    ----------
    past_profit : array of shape (n, N + 1)
        Profit of each month from the first to the present one.
    future_profit, potential_benefit : float or array of shape (n,)
        Profit, and benefit from services still to be sold, per month to come.
    churn_rate : float or array of shape (n,)
        Chance of leaving per month, within (0, 1].
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.

    Returns
    -------
    HwangValue
        Value and its parts, each (n,).

    Raises
    ------
    InputError
        If a rate is illegal or the lengths differ.

    References
    ----------
    Hwang, H., Jung, T. and Suh, E. (2004), Expert Systems with Applications 26(2), eq. 5.

    Examples
    --------
    >>> from custval.clv import hwang_value
    >>> worth = hwang_value([[10.0, 12.0]], 12.0, 1.5, churn_rate=0.2, monthly_discount=0.01)
    >>> float(worth.past_contribution[0]), worth.future_contribution.round(3)
    (22.1, array([69.546]))
    """
    past = past_contribution(past_profit, monthly_discount=monthly_discount)
    n = len(past)
    rates = np.broadcast_to(discount_array(monthly_discount, n), (n,))
    churn = np.atleast_1d(number_array(churn_rate, "churn_rate", low=0.0, low_open=True, high=1.0))
    if len(churn) != 1:
        check_length(churn, n, name="churn_rate", other="past_profit")
    months = np.broadcast_to(np.floor(1.0 / churn + 1e-9) + 1.0, (n,))  # t = N+1 .. N+E+1
    close = np.abs(rates) < 1e-12
    safe = np.where(close, 1.0, rates)
    annuity = np.where(close, months, -np.expm1(-months * np.log1p(rates)) / safe)
    ahead = spread(future_profit, n, 1, "future_profit")[:, 0] * annuity
    extra = spread(potential_benefit, n, 1, "potential_benefit")[:, 0] * annuity
    return HwangValue(frozen(past + ahead + extra), frozen(past), frozen(ahead), frozen(extra))
