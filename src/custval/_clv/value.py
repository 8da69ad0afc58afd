"""What is each customer worth from today, how sure is that, and through which cause is value lost?

Value = sum over months of S(t) (margin - retention cost), discounted, less losses at exit, plus cross-sell and
referral. For the same customers who never leave it would be higher by

    sum_k [ sum_t (margin - retention cost) v^t F_k(t)  +  loss_k sum_t (F_k(t) - F_k(t-1)) v^t ]

because 1 - S = sum_k F_k: that is the value lost through cause k. The uncertainty is that of the hazard's parameters
(delta method): the value is linear in S and F, so its gradient is the model's ``pullback`` of their weights. A total
uses the summed gradient: customers share the parameters, and their errors do not average out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._clv.checks import check_months, each_customer, exit_losses, growth_array, one_currency
from custval._clv.discount import discount_points
from custval._clv.group_totals import Grouping, GroupTotals, group_totals
from custval._clv.money import monthly_parts
from custval._clv.rates import discount_array
from custval._clv.second_life import SecondLife, kept_after_exit, named_lives
from custval._clv.source import Source
from custval._clv.value_blocks import BEYOND, Money, Sums, add_blocks, estimates
from custval._core.doors import public
from custval._core.errors import InputError, import_pandas
from custval._core.frames import frame_length
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_choice, check_scalar, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("LifetimeValue", "lifetime_value")

NEGLIGIBLE = 1e-6  # of today's money: what tail="model" leaves out
MOST_MONTHS = 1200
TAKEN = ("loss_at_exit", BEYOND, "cross_sell", "referral")


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class LifetimeValue(Result):
    """The value of each customer and of all together, with its parts, its uncertainty and where it is lost.

    Attributes
    ----------
    value : ndarray of shape (n,)
        Expected discounted money from each customer over the horizon.
    components : dict of str to ndarray of shape (n,)
        ``margin`` (or its parts: ``revenue``, ``interconnect``, ...), ``retention_cost``, ``loss_at_exit`` (costs as
        negative numbers), ``after_<cause>`` of each second life, ``beyond_horizon`` where a tail was asked for,
        ``cross_sell`` and ``referral``; they add up to `value`.
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
        at exit and less what second lives keep; its sum is the value of the same customers who never leave, less
        `total` (a tail is left out of both).
    groups : GroupTotals or None
        Totals of the groups that were asked for, with correlated errors.
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
    groups: GroupTotals | None = None
    currency: str | None = None
    time_unit: str = "month"

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each customer: value, its interval (missing where it has none) and its components."""
        bounds = {"std_error": self.std_error, "lower": self.lower, "upper": self.upper}
        missing = np.full(len(self.value), np.nan)
        columns = {"value": self.value, **{name: missing if b is None else b for name, b in bounds.items()}}
        table: pd.DataFrame = import_pandas().DataFrame({**columns, **self.components})
        return table

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
    margin: ArrayLike | Mapping[str, ArrayLike],
    horizon: int,
    monthly_discount: ArrayLike,
    given: ArrayLike | None = None,
    timing: str = "end",
    monthly_growth: ArrayLike = 0.0,
    loss_at_exit: ArrayLike | Mapping[str, ArrayLike] | None = None,
    second_lives: Sequence[SecondLife] = (),
    retention_cost: ArrayLike = 0.0,
    referral_value: ArrayLike = 0.0,
    cross_sell: ArrayLike = 0.0,
    tail: str | None = None,
    groups: Any = None,
    currency: Any = None,
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
    margin : float or array of shape (n,), (H,) or (n, H), or dict of such
        Money per month while a customer (see :func:`monthly_margin`); negative is legal and counted. A dict of
        ``revenue`` and any of ``interconnect``, ``cost_to_serve``, ``credit_loss`` and ``subsidy`` (costs as positive
        numbers) makes each of them a component.
    horizon : int
        Months ahead, H >= 1.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1 (see :func:`monthly_rate`); an `AnnualRate` is converted.
    given : float or array of shape (n,), optional
        Months already stayed, >= 0; None means new customers.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.
    monthly_growth : float or array of shape (n,)
        Growth of margin and retention cost per month, > -1: month t's money is multiplied by (1 + growth)^(t-1).
    loss_at_exit : float, array of shape (K,) or (n, K), or dict of cause to float or (n,), optional
        Money lost when the customer leaves for a cause, such as bad debt at ``involuntary`` or the handset subsidy left
        at ``voluntary``; negative where something is kept. Causes not in the dict lose nothing.
    second_lives : sequence of SecondLife
        What customers bring after a departure: the margin kept after ``transfer``, a second life after a win-back.
    retention_cost : float or array of shape (n,), (H,) or (n, H)
        Money spent per month on keeping the customer, while there.
    referral_value, cross_sell : float or array of shape (n,)
        Present value of what the customer brings besides their own margin (sum of chance x profit): added as it is.
    tail : {None, "geometric", "model"}
        What comes after the horizon: nothing; the last month's chance to leave, causes, margin and growth for ever
        (component ``beyond_horizon``; second lives are then followed for H months each); or the model's own curve, as
        far as its discounted months still count, with the margin of month H growing on.
    groups : array of shape (n,), optional
        Labels of segments, cohorts or accounts whose totals are wanted, with errors.
    currency : str or array of shape (n,), optional
        Name of the money unit, carried in the result; a column of names must hold one name only.
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
    n = frame_length(X)
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    check_choice(tail, "tail", (None, "geometric", "model"))
    rates = discount_array(monthly_discount, n)
    growth = growth_array(monthly_growth, n)
    asked = check_months(horizon)
    months = _months_that_count(asked, rates, growth) if tail == "model" else asked
    source = Source.of(model, X, given)
    monthly = monthly_parts(margin, retention_cost, n=n, horizon=asked, months=months, growth=growth)
    exits = {"loss_at_exit": _exit_losses(loss_at_exit, source.causes, n, months)}
    for name, life in named_lives(second_lives, source.causes, (*monthly, *TAKEN)).items():
        kept = kept_after_exit(life, n, rates, months, timing, followed=tail == "geometric")
        follows = np.array([cause == life.cause for cause in source.causes], dtype=np.float64)
        exits[name] = -follows[:, None] * kept[:, None, :]
    points = discount_points(rates, months, timing)
    money = Money(monthly, exits, points, rates, growth, timing, tail == "geometric")
    grouping = None if groups is None else Grouping(groups, n)
    sums = Sums(n, len(source.causes), money, grouping)
    add_blocks(sums, source, X, money, block_rows=block_rows)
    sums.parts["cross_sell"] = np.broadcast_to(each_customer(cross_sell, "cross_sell", n), (n,))
    sums.parts["referral"] = np.broadcast_to(each_customer(referral_value, "referral_value", n), (n,))
    found = estimates(sums, source, level)
    known = source.covariance if source.is_uncertain else None
    return LifetimeValue(
        **found,
        causes=source.causes,
        horizon=asked,
        monthly_discount=float(rates[0]) if np.ndim(monthly_discount) == 0 else frozen(rates),
        timing=timing,
        conf_level=level,
        negative_margins=int(np.broadcast_to((money.net < 0.0).any(axis=1), (n,)).sum()),
        groups=None if grouping is None else group_totals(grouping, found["value"], known, level),
        currency=one_currency(currency),
    )


def _months_that_count(horizon: int, rates: FloatArray, growth: FloatArray) -> int:
    """Return the month after which discounted margins are below a millionth of today's, at least `horizon`."""
    ratio = (1.0 + np.maximum(growth, 0.0)) / (1.0 + rates)
    slowest = float(np.max(ratio))
    if slowest >= 1.0:
        raise InputError(
            "tail='model' needs a discount above 0 and above the growth of the margin, or the sum has no limit; give a "
            "discount, a longer horizon, or tail='geometric'"
        )
    return max(horizon, min(int(np.ceil(np.log(NEGLIGIBLE) / np.log(slowest))), MOST_MONTHS))


def _exit_losses(losses: Any, causes: tuple[str, ...], n: int, months: int) -> FloatArray:
    """Return losses at exit as (n|1, K, 1|H); a dict of cause to money becomes (n, K, 1)."""
    if losses is None:
        return np.zeros((1, len(causes), 1))
    if not isinstance(losses, Mapping):
        return exit_losses(np.asarray(losses, dtype=np.float64), n, len(causes), months)
    for name in losses:
        if name not in causes:
            raise InputError(
                f"loss_at_exit names a cause {name!r} that the model does not know{nearest(name, causes)}; "
                f"its causes are {', '.join(causes)}"
            )
    money = [
        np.broadcast_to(each_customer(losses.get(cause, 0.0), f"loss_at_exit[{cause!r}]", n), (n,)) for cause in causes
    ]
    return exit_losses(np.column_stack(money), n, len(causes), months)
