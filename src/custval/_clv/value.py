"""What is each customer worth from today, how sure is that, and through which cause is value lost?

Value = sum over months of S(t) (margin - retention cost), discounted, less losses at exit, plus cross-sell and
referral. For the same customers who never leave it would be higher by

    sum_k [ sum_t (margin - retention cost) v^t F_k(t)  +  loss_k sum_t (F_k(t) - F_k(t-1)) v^t ]

because 1 - S = sum_k F_k: that is the value lost through cause k. The uncertainty is that of the hazard's parameters
(delta method): the value is linear in S and F, so its gradient is the model's ``pullback`` of their weights. A total
uses the summed gradient: customers share the parameters, and their errors do not average out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from custval._clv.checks import (
    check_curve,
    check_incidence,
    check_months,
    discount_array,
    exit_losses,
    number_array,
    spread,
)
from custval._clv.discount import discount_points, exit_weights, survival_weights, weighted
from custval._clv.source import Source
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import frame_length
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_length, check_scalar, check_whole, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("LifetimeValue", "lifetime_value")

BLOCK_CELLS = 2**20  # survival and incidence numbers held at a time: 8 MB each matrix


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class LifetimeValue(Result):
    """The value of each customer and of all together, with its parts, its uncertainty and where it is lost.

    Attributes
    ----------
    value : ndarray of shape (n,)
        Expected discounted money from each customer over the horizon.
    components : dict of str to ndarray of shape (n,)
        ``margin``, ``retention_cost``, ``loss_at_exit`` (both as negative numbers where they cost), ``cross_sell`` and
        ``referral``; they add up to `value`.
    std_error, lower, upper : ndarray of shape (n,) or None
        From the uncertainty of the hazard's parameters; None where the model has no covariance.
    total : float
        Sum of `value`.
    total_std_error, total_lower, total_upper : float or None
        Of the sum, with the correlation between customers.
    total_gradient : ndarray of shape (P,) or None
        How the total moves with the model's P parameters: gradients of parts of a base add up, and the variance of
        their total is ``gradient @ covariance @ gradient``, with the model's ``covariance_`` (of :class:`CoxPH`, whose
        baseline is estimated too, ``forecast_covariance_``).
    by_cause : ndarray of shape (K,)
        Money that the customers would have brought within the horizon had they not left for cause k, with the losses
        at exit; its sum is the value of the same customers who never leave, less `total`.
    causes : tuple of str
        Names of the K causes.
    horizon : int
        Months ahead.
    monthly_discount : float or ndarray of shape (n,)
        Effective rate per month.
    timing : str
        When in the month the margin comes in: ``end``, ``start`` or ``mid``.
    conf_level : float
        Level of the intervals.
    negative_margins : int
        Customers whose margin less retention cost is negative in some month: legal, and worth a look.
    currency : str or None
        Unit of the money.
    time_unit : str
        Unit of the horizon: ``month``.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import lifetime_value
    >>> class Constant:
    ...     def predict_survival(self, X, times, *, given=None):
    ...         return 0.98 ** np.asarray(times) * np.ones((len(X), 1))
    >>> worth = lifetime_value(
    ...     Constant(), np.zeros((2, 1)), margin=[30.0, 10.0], horizon=24, monthly_discount=0.01, loss_at_exit=40.0,
    ...     currency="CNY",
    ... )
    >>> print(worth.summary())
    2 customers over 24 months: 646 CNY
      margin: 673 CNY
      loss_at_exit: -27 CNY
      value lost (left): 204 CNY
    """

    value: FloatArray
    components: Mapping[str, FloatArray]
    std_error: FloatArray | None
    lower: FloatArray | None
    upper: FloatArray | None
    total: float
    total_std_error: float | None
    total_lower: float | None
    total_upper: float | None
    total_gradient: FloatArray | None
    by_cause: FloatArray
    causes: tuple[str, ...]
    horizon: int
    monthly_discount: float | FloatArray
    timing: str
    conf_level: float
    negative_margins: int
    currency: str | None = None
    time_unit: str = "month"

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each customer: value, its interval (missing where it has none) and its components."""
        import pandas as pd

        bounds = {"std_error": self.std_error, "lower": self.lower, "upper": self.upper}
        missing = np.full(len(self.value), np.nan)
        columns = {"value": self.value, **{name: missing if b is None else b for name, b in bounds.items()}}
        return pd.DataFrame({**columns, **self.components})

    def summary(self) -> str:
        """Return the totals as a few lines of text, with what is unusual about them."""
        unit = f" {self.currency}" if self.currency else ""
        lines = [f"{len(self.value):,} customers over {self.horizon} months: {self.total:,.0f}{unit}"]
        if self.total_lower is not None and self.total_upper is not None:
            lines[0] += f" ({self.conf_level:.0%} interval {self.total_lower:,.0f} to {self.total_upper:,.0f})"
        lines += [f"  {name}: {part.sum():,.0f}{unit}" for name, part in self.components.items() if part.any()]
        lines += [f"  value lost ({c}): {v:,.0f}{unit}" for c, v in zip(self.causes, self.by_cause, strict=True)]
        if self.negative_margins:
            lines.append(f"  {self.negative_margins:,} customers have a negative margin in some month")
        return "\n".join(lines)


@public("clv")
def lifetime_value(
    model: Any,
    X: AnyFrame,
    *,
    margin: ArrayLike,
    horizon: int,
    monthly_discount: ArrayLike,
    given: ArrayLike | None = None,
    timing: str = "end",
    loss_at_exit: ArrayLike | Mapping[str, ArrayLike] | None = None,
    retention_cost: ArrayLike = 0.0,
    referral_value: ArrayLike = 0.0,
    cross_sell: ArrayLike = 0.0,
    currency: str | None = None,
    conf_level: float = 0.95,
    block_rows: int | None = None,
) -> LifetimeValue:
    """Return what each customer is worth over the coming months, its parts, its uncertainty and its loss by cause.

    Parameters
    ----------
    model : fitted hazard model
        Anything with ``predict_survival(X, times, given=)``: models of this library, or an object of the same shape.
        With ``causes_`` and ``predict_incidence`` value lost is split by cause; with ``pullback`` and ``covariance_``
        there are standard errors. A lifelines fitter goes through ``custval.survival.from_lifelines``.
    X : frame or array of n rows
        Customers as `model` takes them.
    margin : float or array of shape (n,), (H,) or (n, H)
        Money per month while a customer (see :func:`monthly_margin`); negative is legal and counted.
    horizon : int
        Months ahead, H >= 1.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1 (see :func:`monthly_rate`).
    given : float or array of shape (n,), optional
        Months already stayed, >= 0; None means new customers.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.
    loss_at_exit : float, array of shape (K,) or (n, K), or dict of cause to float or (n,), optional
        Money lost when the customer leaves for a cause, such as bad debt at ``involuntary`` or the handset subsidy left
        at ``voluntary``; negative where something is kept, as after ``transfer``. Causes not in the dict lose nothing.
    retention_cost : float or array of shape (n,), (H,) or (n, H)
        Money spent per month on keeping the customer, while there.
    referral_value, cross_sell : float or array of shape (n,)
        Present value of what the customer brings besides their own margin (sum of chance x profit): added as it is.
    currency : str, optional
        Name of the money unit, carried in the result.
    conf_level : float
        Level of the intervals, within (0, 1).
    block_rows : int, optional
        Customers computed at a time; by default so many that a survival matrix takes about 8 MB.

    Returns
    -------
    LifetimeValue
        Frozen result with values (n,), components, intervals, totals and value lost by cause (K,).

    Raises
    ------
    InputError
        If an argument is illegal, or the model's survival rises, leaves [0, 1] or does not match its incidences.

    References
    ----------
    Gupta, S. et al. (2006), Modeling customer lifetime value, Journal of Service Research 9(2), eq. 1.
    Hwang, H., Jung, T. and Suh, E. (2004), An LTV model and customer segmentation based on customer value, Expert
    Systems with Applications 26(2): past contribution, potential value and churn in wireless telecom.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import lifetime_value
    >>> class Constant:
    ...     def predict_survival(self, X, times, *, given=None):
    ...         return 0.98 ** np.asarray(times) * np.ones((len(X), 1))
    >>> worth = lifetime_value(Constant(), np.zeros((2, 1)), margin=[30.0, 10.0], horizon=24, monthly_discount=0.01)
    >>> worth.value.round(2)
    array([504.73, 168.24])
    >>> round(worth.total, 2)
    672.98
    """
    months, n = check_months(horizon), frame_length(X)
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    rates = discount_array(monthly_discount, n)
    source = Source.of(model, X, given)
    money = _Money(
        margin=spread(margin, n, months, "margin"),
        cost=spread(retention_cost, n, months, "retention_cost"),
        losses=exit_losses(_losses_by_cause(loss_at_exit, source.causes, n), n, len(source.causes), months),
        points=discount_points(rates, months, timing),
    )
    sums = _Sums(n, len(source.causes))
    for where in _blocks(n, months * (1 + len(source.causes)), block_rows):
        _add_block(sums, source, _Block(X, where, money.rows(where), timing))
    sums.parts["cross_sell"] = _each(cross_sell, "cross_sell", n)
    sums.parts["referral"] = _each(referral_value, "referral_value", n)
    return LifetimeValue(
        **_estimates(sums, source, level),
        by_cause=frozen(sums.by_cause),
        causes=source.causes,
        horizon=months,
        monthly_discount=float(rates[0]) if np.ndim(monthly_discount) == 0 else frozen(rates),
        timing=timing,
        conf_level=level,
        negative_margins=_negative_rows(money, n),
        currency=currency,
    )


class _Money(NamedTuple):
    """Money per month and at exit in matching dimensions: the first is n or 1."""

    margin: FloatArray  # (n|1, 1|H)
    cost: FloatArray  # (n|1, 1|H)
    losses: FloatArray  # (n|1, K, 1|H)
    points: FloatArray  # (n|1, H)

    def rows(self, where: slice) -> _Money:
        return _Money(*(part if len(part) == 1 else part[where] for part in self))


class _Block(NamedTuple):
    """The customers computed together: rows `where` of X and their money."""

    X: AnyFrame
    where: slice
    money: _Money
    timing: str


class _Sums:
    """What the blocks add up to: parts of the value and its variance by customer, gradient and losses of all."""

    def __init__(self, n: int, causes: int) -> None:
        self.parts = {name: np.zeros(n) for name in ("margin", "retention_cost", "loss_at_exit")}
        self.variance = np.zeros(n)
        self.gradient: FloatArray | None = None
        self.by_cause = np.zeros(causes)


def _add_block(sums: _Sums, source: Source, block: _Block) -> None:
    """Compute the customers of `block` and write what they are worth into `sums`."""
    where, money, horizon = block.where, block.money, block.money.points.shape[1]
    curve = check_curve(source.survival(block.X, horizon, where))
    left = source.incidence(block.X, horizon, where, curve)
    if len(source.causes) > 1:
        left = check_incidence(left, curve)
    net = survival_weights(money.margin - money.cost, money.points, block.timing)
    sums.parts["margin"][where] = weighted(curve, survival_weights(money.margin, money.points, block.timing))
    if money.cost.any():
        sums.parts["retention_cost"][where] = -weighted(curve, survival_weights(money.cost, money.points, block.timing))
    lost = np.broadcast_to(exit_weights(money.losses, money.points), left.shape)
    if money.losses.any():
        sums.parts["loss_at_exit"][where] = -np.einsum("nkh,nkh->n", left, lost)
    by_month = np.broadcast_to(net.scale[:, None] * net.by_month, curve.shape)
    sums.by_cause += np.einsum("nkh,nh->k", left, by_month) + np.einsum("nkh,nkh->k", left, lost)
    if source.is_uncertain:
        _add_gradient(sums, source, block, by_month)


def _add_gradient(sums: _Sums, source: Source, block: _Block, by_month: FloatArray) -> None:
    due = block.money.losses * block.money.points[:, None, :]
    at_exit = -np.broadcast_to(due, (len(by_month), *due.shape[1:])) if due.any() else None
    gradient = source.gradient(block.X, block.where, by_month, at_exit)
    sums.variance[block.where] = np.einsum("np,np->n", gradient @ source.covariance, gradient)
    whole = gradient.sum(axis=0)
    sums.gradient = whole if sums.gradient is None else sums.gradient + whole


def _estimates(sums: _Sums, source: Source, level: float) -> dict[str, Any]:
    """Return value, components, total and, where the model knows its uncertainty, their errors and intervals."""
    value = np.sum(list(sums.parts.values()), axis=0)
    total = float(value.sum())
    found: dict[str, Any] = {
        "value": frozen(value),
        "components": {name: frozen(part) for name, part in sums.parts.items()},
        "total": total,
    }
    if sums.gradient is None:
        names = ("std_error", "lower", "upper", "total_std_error", "total_lower", "total_upper", "total_gradient")
        return {**found, **dict.fromkeys(names)}
    error = np.sqrt(np.maximum(sums.variance, 0.0))
    whole = float(np.sqrt(np.maximum(sums.gradient @ source.covariance @ sums.gradient, 0.0)))
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    return {
        **found,
        "std_error": frozen(error),
        "lower": frozen(value - z * error),
        "upper": frozen(value + z * error),
        "total_std_error": whole,
        "total_lower": total - z * whole,
        "total_upper": total + z * whole,
        "total_gradient": frozen(sums.gradient),
    }


def _blocks(n: int, cells: int, block_rows: int | None) -> Iterator[slice]:
    fitting = max(1, BLOCK_CELLS // cells)
    size = fitting if block_rows is None else check_whole(block_rows, "block_rows", low=1)
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _losses_by_cause(losses: Any, causes: tuple[str, ...], n: int) -> ArrayLike:
    """Return losses at exit as a number or array; a dict of cause to money becomes (n, K)."""
    if losses is None:
        return 0.0
    if not isinstance(losses, Mapping):
        return np.asarray(losses, dtype=np.float64)
    for name in losses:
        if name not in causes:
            raise InputError(
                f"loss_at_exit names a cause {name!r} that the model does not know{nearest(name, causes)}; "
                f"its causes are {', '.join(causes)}"
            )
    money = [_each(losses.get(cause, 0.0), f"loss_at_exit[{cause!r}]", n) for cause in causes]
    return np.column_stack(money)


def _each(money: ArrayLike, name: str, n: int) -> FloatArray:
    """Return one amount for each customer from a number or (n,)."""
    amounts = number_array(money, name)
    if amounts.ndim == 0:
        return np.full(n, float(amounts))
    if amounts.ndim != 1:
        raise InputError(f"{name} must be a number or have one value for each customer, not shape {amounts.shape}")
    check_length(amounts, n, name=name)
    return amounts


def _negative_rows(money: _Money, n: int) -> int:
    negative = np.broadcast_to(((money.margin - money.cost) < 0.0).any(axis=1), (n,))
    return int(negative.sum())
