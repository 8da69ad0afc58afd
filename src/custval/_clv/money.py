"""What does a customer leave each month after costs, and after how many months is the cost of winning them back?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import overload

import numpy as np

from custval._clv.checks import check_curve, number_array, plain, spread
from custval._clv.discount import discount_points
from custval._clv.rates import discount_array
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, float_array, nearest

__all__ = ("monthly_margin", "monthly_parts", "payback_curve", "payback_months")

PARTS = ("revenue", "interconnect", "cost_to_serve", "credit_loss", "subsidy")


@overload
def monthly_margin(
    revenue: float,
    *,
    cost_to_serve: float = ...,
    interconnect: float = ...,
    credit_loss: float = ...,
    subsidy: float = ...,
) -> float: ...
@overload
def monthly_margin(
    revenue: ArrayLike,
    *,
    cost_to_serve: ArrayLike = ...,
    interconnect: ArrayLike = ...,
    credit_loss: ArrayLike = ...,
    subsidy: ArrayLike = ...,
) -> FloatArray | float: ...
@public("clv")
def monthly_margin(
    revenue: ArrayLike,
    *,
    cost_to_serve: ArrayLike = 0.0,
    interconnect: ArrayLike = 0.0,
    credit_loss: ArrayLike = 0.0,
    subsidy: ArrayLike = 0.0,
) -> FloatArray | float:
    """Return revenue less what it costs: service, interconnect, expected credit loss, subsidy amortised per month.

    Parameters
    ----------
    revenue : float or array of shape (n,) or (n, H)
        Money billed per month.
    cost_to_serve, interconnect, credit_loss, subsidy : float or array that broadcasts with `revenue`
        Money per month. `credit_loss` is the expected loss on running bills, apart from the debt that an involuntary
        exit leaves behind; negative `interconnect` is money received.

    Returns
    -------
    float or ndarray
        Contribution margin per month, of the common shape; it may be negative.

    Raises
    ------
    InputError
        If a number is missing or infinite, or the shapes do not fit together.

    Examples
    --------
    >>> from custval.clv import monthly_margin
    >>> monthly_margin([40.0, 25.0], cost_to_serve=6.0, interconnect=[3.0, 1.0], credit_loss=0.5)
    array([30.5, 17.5])
    """
    parts = {
        "revenue": revenue,
        "cost_to_serve": cost_to_serve,
        "interconnect": interconnect,
        "credit_loss": credit_loss,
        "subsidy": subsidy,
    }
    money = {name: number_array(value, name) for name, value in parts.items()}
    try:
        whole = np.broadcast_shapes(*(part.shape for part in money.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {part.shape}" for name, part in money.items() if part.ndim)
        raise InputError(f"revenue and costs must have one common shape, but these do not fit: {shapes}") from None
    income = money.pop("revenue")
    margin = np.broadcast_to(income - sum(money.values()), whole)
    return plain(margin.copy())


@public("clv")
def payback_months(
    acquisition_cost: ArrayLike,
    survival: ArrayLike,
    margin: ArrayLike,
    *,
    monthly_discount: ArrayLike = 0.0,
    timing: str = "end",
) -> FloatArray:
    """Return the first month by which expected discounted margins have paid back the cost of winning the customer.

    Parameters
    ----------
    acquisition_cost : float or array of shape (n,)
        Money spent now, >= 0.
    survival : array of shape (n, H)
        S(1..H | now), within [0, 1], never rising.
    margin : float or array of shape (n,), (H,) or (n, H)
        Money per month while a customer, as in :func:`discounted_value`.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.

    Returns
    -------
    ndarray of shape (n,)
        Months, 0 where nothing was spent, `inf` where the horizon ends first.

    Raises
    ------
    InputError
        If a cost is negative or an argument is illegal as in :func:`discounted_value`.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import payback_months
    >>> survival = 0.97 ** np.arange(1, 25)[None, :] * np.ones((2, 1))
    >>> payback_months([100.0, 1000.0], survival, 20.0, monthly_discount=0.01)
    array([ 6., inf])
    """
    earned = payback_curve(survival, margin, monthly_discount=monthly_discount, timing=timing)
    n = len(earned)
    cost = np.asarray(acquisition_cost, dtype=np.float64)
    cost = float_array(np.broadcast_to(cost, (n,)) if cost.ndim == 0 else cost, "acquisition_cost", low=0.0)
    check_length(cost, n, name="acquisition_cost", other="survival")
    paid = earned >= cost[:, None]
    months = np.where(paid.any(axis=1), paid.argmax(axis=1) + 1.0, np.inf)
    return np.where(cost == 0.0, 0.0, months)


def payback_curve(survival: ArrayLike, margin: ArrayLike, *, monthly_discount: ArrayLike, timing: str) -> FloatArray:
    """Return what has come in by each month, discounted, shape (n, H)."""
    curve = check_curve(survival)
    n, horizon = curve.shape
    points = discount_points(discount_array(monthly_discount, n), horizon, timing)
    return np.asarray(np.cumsum(_present(curve, timing) * spread(margin, n, horizon, "margin") * points, axis=1))


def _present(curve: FloatArray, timing: str) -> FloatArray:
    """Return the chance that each month's margin is earned, shape (n, H)."""
    if timing == "end":
        return curve
    before = np.column_stack([np.ones(len(curve)), curve[:, :-1]])
    return before if timing == "start" else 0.5 * (before + curve)


def monthly_parts(
    margin: ArrayLike | Mapping[str, ArrayLike],
    retention_cost: ArrayLike,
    *,
    n: int,
    horizon: int,
    months: int,
    growth: FloatArray,
) -> dict[str, FloatArray]:
    """Return the signed money of a month by part, each (n|1, 1|months), grown; month `horizon` goes on after it."""
    if not isinstance(margin, Mapping):
        signed = {"margin": spread(margin, n, horizon, "margin")}
    else:
        for name in margin:
            if name not in PARTS:
                raise InputError(f"margin has no part {name!r}{nearest(name, PARTS)}; its parts are {', '.join(PARTS)}")
        if "revenue" not in margin:
            raise InputError("margin as a dict needs 'revenue', from which the costs are taken")
        signed = {
            name: (1.0 if name == "revenue" else -1.0) * spread(margin[name], n, horizon, name)
            for name in PARTS
            if name in margin
        }
    signed["retention_cost"] = -spread(retention_cost, n, horizon, "retention_cost")
    longer = {name: _longer(part, months) for name, part in signed.items()}
    if not growth.any():
        return longer
    path = (1.0 + growth)[:, None] ** np.arange(months)
    return {name: part * path if part.any() else part for name, part in longer.items()}


def _longer(part: FloatArray, months: int) -> FloatArray:
    """Return money of months 1..H with the last one repeated up to `months`."""
    if part.shape[1] in (1, months):
        return part
    return np.concatenate([part, np.repeat(part[:, -1:], months - part.shape[1], axis=1)], axis=1)
