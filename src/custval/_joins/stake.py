"""What is lost if the customer leaves within the horizon, and how that moves with the hazard's parameters.

With h the alert horizon, m_t the margin and v the discount factor, the value at stake is what a customer who is kept
through month h still brings, seen from today: V = sum_{t > h} m_t v^t S(t) / S(h). Its gradient by S(1..H) is written
down here, so that a model's ``pullback`` gives its standard error.
"""

from __future__ import annotations

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("profit_weights", "stake_weights", "value_at_stake")


def value_at_stake(
    survival: FloatArray, margin: FloatArray, *, monthly_discount: float, alert_months: int
) -> FloatArray:
    """Return V for each customer.

    Parameters
    ----------
    survival : float array of shape (n, H)
        P(still a customer) 1..H months from now, 0..1.
    margin : float array of shape (n,)
        Money per month.
    monthly_discount : float
        Effective rate per month, > -1.
    alert_months : int
        h, months within which leaving is to be prevented, 1 <= h < H.

    Returns
    -------
    float array of shape (n,)
        Money, discounted to today; 0 where nobody is expected to be left after h months.
    """
    later = _later_margin(survival, margin, monthly_discount, alert_months)
    alive = survival[:, alert_months - 1]
    return np.divide(later, alive, out=np.zeros_like(later), where=alive > 0)


def stake_weights(
    survival: FloatArray, margin: FloatArray, *, monthly_discount: float, alert_months: int
) -> FloatArray:
    """Return the gradient of V by S(1..H), shape (n, H), in the same arguments as :func:`value_at_stake`."""
    n, horizon = survival.shape
    alive = np.maximum(survival[:, alert_months - 1], np.finfo(float).tiny)
    months = np.arange(alert_months + 1, horizon + 1)
    weights = np.zeros((n, horizon))
    weights[:, alert_months:] = (margin / alive)[:, None] * (1.0 + monthly_discount) ** -months.astype(np.float64)
    weights[:, alert_months - 1] = -_later_margin(survival, margin, monthly_discount, alert_months) / alive**2
    return weights


def profit_weights(
    survival: FloatArray,
    margin: FloatArray,
    *,
    monthly_discount: float,
    alert_months: int,
    save_rate: float,
    offer_cost: float,
) -> FloatArray:
    """Return the gradient of the profit of one contact by S(1..H), shape (n, H).

    With p = 1 - S(h) and V the value at stake, the profit p [g (V - d) - f] - (1 - p)(d + f) moves by g (V - d) + d
    with p and by p g with V; risk and value come from one survival curve, so their errors are not independent.
    """
    value = value_at_stake(survival, margin, monthly_discount=monthly_discount, alert_months=alert_months)
    risk = 1.0 - survival[:, alert_months - 1]
    moved = stake_weights(survival, margin, monthly_discount=monthly_discount, alert_months=alert_months)
    weights = (risk * save_rate)[:, None] * moved
    weights[:, alert_months - 1] -= save_rate * (value - offer_cost) + offer_cost
    return np.asarray(weights)


def _later_margin(survival: FloatArray, margin: FloatArray, discount: float, alert_months: int) -> FloatArray:
    months = np.arange(alert_months + 1, survival.shape[1] + 1)
    later: FloatArray = margin * (survival[:, alert_months:] @ (1.0 + discount) ** -months.astype(np.float64))
    return later
