"""What is money worth that comes in later, and only if the customer is still there?

Month t's margin m_t is weighted by the chance of being there and by v = 1 / (1 + d), d effective per month:

    end    S(t) v^t                          paid at the end of the month by those who are still there
    start  S(t-1) v^(t-1)                    paid in advance
    mid    (S(t-1) + S(t)) / 2 v^(t-1/2)     paid through the month

and a loss at exit falls due at the same discount point, times the chance F_k(t) - F_k(t-1) of leaving in month t for
cause k. All three are one constant plus a weighted sum of S(1..H), so a value costs one pass over the matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from custval._clv.checks import check_curve, check_incidence, exit_losses, spread
from custval._clv.rates import discount_array
from custval._core.doors import public
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_choice

__all__ = (
    "TIMINGS",
    "Weights",
    "discount_points",
    "discounted_value",
    "exit_weights",
    "survival_weights",
    "weighted",
)

TIMINGS = ("end", "start", "mid")


class Weights(NamedTuple):
    """A value as ``scale * (constant + sum_t by_month[t] S(t))``: scale (n|1,), constant (n|1,), by_month (n|1, H)."""

    scale: FloatArray
    constant: FloatArray
    by_month: FloatArray


@public("clv")
def discounted_value(
    survival: ArrayLike,
    margin: ArrayLike,
    *,
    monthly_discount: ArrayLike,
    timing: str = "end",
    incidence: ArrayLike | None = None,
    loss_at_exit: ArrayLike | None = None,
) -> FloatArray:
    """Return the expected discounted margin of each customer, less expected losses when they leave.

    Parameters
    ----------
    survival : array of shape (n, H)
        Column j is S(j+1 | now), the chance of being a customer j+1 months from now; within [0, 1], never rising.
    margin : float or array of shape (n,), (H,), (n, 1), (1, H) or (n, H)
        Money per month while a customer; negative values are legal. A vector as long as both n and H is read as one
        for each customer, with a warning; a shape (1, H) leaves no doubt.
    monthly_discount : float or array of shape (n,)
        Effective rate d per month, > -1 (see :func:`monthly_rate`).
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.
    incidence : array of shape (n, K, H), optional
        F_k(t), the chance of having left for cause k by month t; over the causes it must sum to 1 - survival.
    loss_at_exit : float or array of shape (K,), (n, K) or (n, K, H), optional
        Money lost when a customer leaves for cause k (negative where something is kept). Without `incidence` there is
        one cause: leaving.

    Returns
    -------
    ndarray of shape (n,)
        Value in the money unit of `margin`.

    Raises
    ------
    InputError
        If the discount is -100 % or below, survival rises or leaves [0, 1], incidences do not match survival, shapes
        do not fit, a number is missing, or there is no month.

    References
    ----------
    Gupta, S., Lehmann, D. R. and Stuart, J. A. (2004), Valuing customers, Journal of Marketing Research 41(1), eq. 3.
    Berger, P. D. and Nasr, N. I. (1998), Customer lifetime value, Journal of Interactive Marketing 12(1), case 1.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import discounted_value
    >>> survival = 0.98 ** np.arange(1, 25)[None, :]
    >>> discounted_value(survival, 30.0, monthly_discount=0.01).round(2)
    array([504.73])
    """
    curve = check_curve(survival)
    n, horizon = curve.shape
    points = discount_points(discount_array(monthly_discount, n), horizon, timing)
    value = weighted(curve, survival_weights(spread(margin, n, horizon, "margin"), points, timing))
    if incidence is None and loss_at_exit is None:
        return value
    left = (1.0 - curve)[:, None, :] if incidence is None else check_incidence(incidence, curve)
    if loss_at_exit is None:
        return value
    weights = exit_weights(exit_losses(loss_at_exit, n, left.shape[1], horizon), points)
    return np.asarray(value - np.einsum("nkh,nkh->n", left, np.broadcast_to(weights, left.shape)))


def discount_points(monthly_discount: FloatArray, horizon: int, timing: str) -> FloatArray:
    """Return v to the power of each month's discount point, shape (n|1, H)."""
    check_choice(timing, "timing", TIMINGS)
    months = np.arange(1, horizon + 1) - {"end": 0.0, "start": 1.0, "mid": 0.5}[timing]
    return np.asarray(np.exp(-np.log1p(monthly_discount)[:, None] * months))


def survival_weights(money: FloatArray, points: FloatArray, timing: str) -> Weights:
    """Return what each S(t) is multiplied by: `money` (n|1, 1|H) per month, `points` (n|1, H) from the discount."""
    scale, profile = (money[:, 0], points) if money.shape[1] == 1 else (np.ones(1), money * points)
    nothing = np.zeros(1)
    if timing == "end":
        return Weights(scale, nothing, profile)
    # S(t-1) of month t is S(t) of the month before: shift the weights, S(0) = 1 makes the constant
    before = np.zeros_like(profile)
    before[:, :-1] = profile[:, 1:]
    if timing == "start":
        return Weights(scale, profile[:, 0], before)
    return Weights(scale, 0.5 * profile[:, 0], 0.5 * (before + profile))


def weighted(curve: FloatArray, weights: Weights) -> FloatArray:
    """Return ``scale * (constant + sum_t by_month[t] curve[t])``, shape (n,), without a temporary matrix."""
    by_month = weights.by_month
    sums = np.einsum("nh,h->n", curve, by_month[0]) if len(by_month) == 1 else np.einsum("nh,nh->n", curve, by_month)
    return np.asarray(weights.scale * (weights.constant + sums))


def exit_weights(losses: FloatArray, points: FloatArray) -> FloatArray:
    """Return the weights of F_k(t) that give sum_t loss (F_k(t) - F_k(t-1)) v^point, summed by parts; (n|1, K, H)."""
    due = losses * points[:, None, :]
    by_parts = due.copy()
    by_parts[..., :-1] -= due[..., 1:]
    return by_parts
