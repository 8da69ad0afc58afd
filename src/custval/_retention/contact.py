"""What one retention contact is expected to earn, and how uncertain that is.

With p the risk of leaving, V the value at stake, g the share of the leavers whom the offer keeps, d the price of the
offer when taken and f the price of the contact, one contact earns on average

    p [g (V - d) - f] - (1 - p) (d + f)  =  p [g V + d (1 - g)] - d - f,

the second form being Neslin's: a leaver whom the offer does not keep does not take it, everybody else does. So the
money expected to be spent is f + d (1 - p (1 - g)), and spending plus profit is the value kept, p g V.
"""

from __future__ import annotations

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_rows, float_array

__all__ = ("contact_profit", "contact_profit_std_error", "contact_spending")


@public("retention")
def contact_profit(
    p_leave: ArrayLike,
    value_at_stake: ArrayLike,
    *,
    save_rate: ArrayLike,
    offer_cost: ArrayLike = 0.0,
    contact_cost: ArrayLike = 0.0,
) -> FloatArray:
    """Return the expected incremental profit of one contact with each customer.

    Parameters
    ----------
    p_leave : array-like of shape (n,)
        Probability of leaving within the horizon if nothing is done, 0..1.
    value_at_stake : array-like of shape (n,)
        Money that is lost if the customer leaves; any sign.
    save_rate : float or array-like of shape (n,)
        Share of the contacted leavers whom the offer keeps, 0..1.
    offer_cost : float or array-like of shape (n,), default 0
        Money that the offer costs when it is taken, >= 0.
    contact_cost : float or array-like of shape (n,), default 0
        Money that one contact costs, >= 0.

    Returns
    -------
    ndarray of shape (n,)
        Money; negative where the contact costs more than it keeps.

    Raises
    ------
    InputError
        For probabilities or rates outside 0..1, negative costs, missing or infinite numbers.

    References
    ----------
    Neslin and others (2006), Journal of Marketing Research 43, equation 1; Verbraken, Verbeke, Baesens (2013).

    Examples
    --------
    >>> from custval.retention import contact_profit
    >>> contact_profit([0.5, 0.1], [600.0, 600.0], save_rate=0.2, offer_cost=20.0, contact_cost=2.0)
    array([46. , -8.4])
    """
    p, value, g, d, f = _arguments(p_leave, value_at_stake, save_rate, offer_cost, contact_cost)
    profit: FloatArray = p * (g * (value - d) - f) - (1.0 - p) * (d + f)
    return profit


@public("retention")
def contact_profit_std_error(
    p_leave: ArrayLike,
    value_at_stake: ArrayLike,
    *,
    save_rate: ArrayLike,
    offer_cost: ArrayLike = 0.0,
    p_std_error: ArrayLike = 0.0,
    value_std_error: ArrayLike = 0.0,
    save_rate_std_error: ArrayLike = 0.0,
    p_value_covariance: ArrayLike | None = None,
) -> FloatArray:
    """Return the standard error of the expected profit of one contact, from the errors of what it is made of.

    The delta method: the derivatives of the profit are a = g (V - d) + d by the risk, b = p g by the value and
    p (V - d) by the save rate. Prices are known, and the save rate comes from another source than risk and value. The
    errors of risk and value add a^2 Var(p) + b^2 Var(V) + 2 a b Cov(p, V). Where both come from one hazard they move
    in opposite directions (who is likelier to leave is worth less), and the covariance takes most of the variance
    away: give it. Without it they are taken as independent, and the answer is too large for such a model.

    Parameters
    ----------
    p_leave : array-like of shape (n,)
        Probability of leaving within the horizon if nothing is done, 0..1.
    value_at_stake : array-like of shape (n,)
        Money that is lost if the customer leaves; any sign.
    save_rate : float or array-like of shape (n,)
        Share of the contacted leavers whom the offer keeps, 0..1.
    offer_cost : float or array-like of shape (n,), default 0
        Money that the offer costs when it is taken, >= 0.
    p_std_error : float or array-like of shape (n,), default 0
        Standard error of `p_leave`, >= 0.
    value_std_error : float or array-like of shape (n,), default 0
        Standard error of `value_at_stake`, money, >= 0.
    save_rate_std_error : float or array-like of shape (n,), default 0
        Standard error of `save_rate`, >= 0.
    p_value_covariance : float or array-like of shape (n,), optional
        Covariance of the errors of `p_leave` and `value_at_stake`, money, at most the product of their standard errors
        in size; without it they count as independent.

    Returns
    -------
    ndarray of shape (n,)
        Money.

    Raises
    ------
    InputError
        For probabilities or rates outside 0..1, negative costs or errors, a covariance larger than the errors allow,
        missing or infinite numbers.

    Examples
    --------
    >>> from custval.retention import contact_profit_std_error
    >>> contact_profit_std_error([0.5], [600.0], save_rate=0.2, offer_cost=20.0, save_rate_std_error=0.05)
    array([14.5])
    >>> errors = {"save_rate": 0.5, "p_std_error": 0.04, "value_std_error": 40.0}
    >>> contact_profit_std_error([0.5], [600.0], **errors).round(2)
    array([15.62])
    >>> contact_profit_std_error([0.5], [600.0], **errors, p_value_covariance=-1.6).round(2)
    array([2.])
    """
    p, value, g, d, _ = _arguments(p_leave, value_at_stake, save_rate, offer_cost, 0.0)
    errors = (("p_std_error", p_std_error), ("value_std_error", value_std_error))
    of_p, of_value = (_spread(error, name, len(p)) for name, error in errors)
    of_g = _spread(save_rate_std_error, "save_rate_std_error", len(p))
    together = _covariance(p_value_covariance, of_p * of_value, len(p))
    by_p, by_value = g * (value - d) + d, p * g
    parts = (by_p * of_p, by_value * of_value, p * (value - d) * of_g)
    variance = sum((part**2 for part in parts), start=2.0 * by_p * by_value * together)
    # errors that cancel may leave a hair below zero
    total: FloatArray = np.sqrt(np.maximum(variance, 0.0))
    return total


def _covariance(given: ArrayLike | None, most: FloatArray, n: int) -> FloatArray:
    """Return the covariance, checked against the product of the standard errors (Cauchy and Schwarz)."""
    if given is None:
        return np.zeros(1)
    covariance = _spread(given, "p_value_covariance", n, low=-np.inf)
    if n:
        covariance, most = np.broadcast_to(covariance, n), np.broadcast_to(most, n)
    check_rows(
        np.abs(covariance) <= most * (1.0 + 1e-6),
        covariance,
        name="p_value_covariance",
        rule="be at most p_std_error times value_std_error in size",
        fix="give both standard errors with the covariance",
    )
    return covariance


def contact_spending(p_leave: FloatArray, save_rate: float, offer_cost: float, contact_cost: float) -> FloatArray:
    """Return the money that one contact is expected to spend: the contact, and the offer where it is taken."""
    spending: FloatArray = contact_cost + offer_cost * (1.0 - p_leave * (1.0 - save_rate))
    return spending


def _arguments(
    p_leave: ArrayLike, value: ArrayLike, g: ArrayLike, d: ArrayLike, f: ArrayLike
) -> tuple[FloatArray, ...]:
    p = float_array(p_leave, "p_leave", low=0.0, high=1.0)
    return (
        p,
        _spread(value, "value_at_stake", len(p), low=-np.inf),
        _spread(g, "save_rate", len(p), high=1.0),
        _spread(d, "offer_cost", len(p)),
        _spread(f, "contact_cost", len(p)),
    )


def _spread(values: ArrayLike, name: str, n: int, *, low: float = 0.0, high: float = np.inf) -> FloatArray:
    """Return one number for all or one for each customer, checked, as an array of length 1 or n."""
    array = float_array(np.atleast_1d(np.asarray(values)), name, low=low, high=high)
    if len(array) not in (1, n):
        raise InputError(f"{name} has {len(array)} rows but p_leave has {n}; give one number, or one for each customer")
    return array
