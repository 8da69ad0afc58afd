"""What is the base worth, by cohort and channel; what may a new customer cost; and how much value hangs on whom?

Customer equity is the sum of lifetime values of all customers, today's and those about to be won. A cohort's value per
head less its acquisition cost is what winning it brought; the acquisition ceiling is the cost at which nothing is left.

References
----------
Blattberg, R. C. and Deighton, J. (1996), Manage marketing by the customer equity test, Harvard Business Review 74(4).
Rust, R. T., Lemon, K. N. and Zeithaml, V. A. (2004), Return on marketing, Journal of Marketing 68(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from custval._clv.checks import number_array, plain
from custval._clv.group_totals import Grouping, group_totals
from custval._clv.money import payback_curve
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_scalar, float_array

__all__ = (
    "CustomerEquity",
    "PaybackTable",
    "ValueAtRisk",
    "acquisition_ceiling",
    "customer_equity",
    "payback_by_group",
    "value_at_risk",
)


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class CustomerEquity(Result):
    """The value of the base and of each cohort or channel in it.

    Attributes
    ----------
    group : ndarray of shape (G,)
        Labels, sorted.
    customers : ndarray of shape (G,)
        Customers in the group.
    value : ndarray of shape (G,)
        Sum of lifetime values.
    value_per_customer : ndarray of shape (G,)
        Its mean.
    std_error : ndarray of shape (G,) or None
        Of `value`, from the model's uncertainty; None where it is not known.
    share : ndarray of shape (G,)
        Of the total value.
    acquisition_cost : ndarray of shape (G,) or None
        Spent on winning the group.
    return_on_cost : ndarray of shape (G,) or None
        (value - cost) / cost; infinite where nothing was spent.
    total : float
        Customer equity: the sum of `value`.
    currency : str or None
        Unit of the money.

    Examples
    --------
    >>> from custval.clv import customer_equity
    >>> equity = customer_equity([300.0, 100.0, 80.0], ["shop", "web", "web"], acquisition_cost=[90.0, 40.0, 40.0])
    >>> equity.to_frame()[["group", "customers", "value", "return_on_cost"]].round(3)
      group  customers  value  return_on_cost
    0  shop          1  300.0           2.333
    1   web          2  180.0           1.250
    """

    group: TextArray
    customers: IntArray
    value: FloatArray
    value_per_customer: FloatArray
    std_error: FloatArray | None
    share: FloatArray
    acquisition_cost: FloatArray | None
    return_on_cost: FloatArray | None
    total: float
    currency: str | None = None


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class PaybackTable(Result):
    """After how many months each cohort or channel has paid for its acquisition.

    Attributes
    ----------
    group : ndarray of shape (G,)
        Labels, sorted.
    customers : ndarray of shape (G,)
        Customers in the group.
    acquisition_cost : ndarray of shape (G,)
        Per customer.
    earned : ndarray of shape (G,)
        Expected discounted margin per customer over the whole horizon.
    payback_months : ndarray of shape (G,)
        First month by which the group as a whole has paid back; infinite where the horizon ends first.
    ceiling : ndarray of shape (G,)
        Most that a customer of the group may cost within this horizon: `earned`, or 0 where it is negative.
    earned_by_month : ndarray of shape (G, H)
        Expected discounted margin per customer that has come in by each month.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import payback_by_group
    >>> survival = np.vstack([0.97 ** np.arange(1, 25), 0.90 ** np.arange(1, 25)])
    >>> found = payback_by_group(survival, 20.0, ["shop", "web"], acquisition_cost=100.0, monthly_discount=0.01)
    >>> found.payback_months
    array([6., 9.])
    """

    group: TextArray
    customers: IntArray
    acquisition_cost: FloatArray
    earned: FloatArray
    payback_months: FloatArray
    ceiling: FloatArray
    earned_by_month: FloatArray


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class ValueAtRisk(Result):
    """How much of the base's value is held by customers who may leave soon.

    Attributes
    ----------
    threshold : ndarray of shape (T,)
        Hazards, rising.
    customers : ndarray of shape (T,)
        Share of customers whose hazard is at or above the threshold.
    share : ndarray of shape (T,)
        Share of the value that they hold.
    std_error, lower, upper : ndarray of shape (T,)
        Of `share`, from the sampling of customers (ratio estimator).
    value : ndarray of shape (T,)
        Money that they hold.
    expected_loss : float
        Sum of value x hazard: what leaves if all who may leave do so with their chance.

    Examples
    --------
    >>> from custval.clv import value_at_risk
    >>> found = value_at_risk([500.0, 100.0, 400.0, 50.0], [0.01, 0.2, 0.06, 0.3], threshold=[0.05, 0.1])
    >>> found.share.round(3), round(found.expected_loss, 1)
    (array([0.524, 0.143]), 64.0)
    """

    threshold: FloatArray
    customers: FloatArray
    share: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    value: FloatArray
    expected_loss: float


@public("clv")
def acquisition_ceiling(
    value: ArrayLike, *, conversion_rate: ArrayLike = 1.0, required_return: float = 0.0
) -> FloatArray | float:
    """Return what may be paid at most for a lead: its value x its chance to become a customer, less the return wanted.

    Parameters
    ----------
    value : float or array
        Lifetime value of a new customer (`given` none), before acquisition cost.
    conversion_rate : float or array
        Chance that the lead becomes a customer, within (0, 1]; 1 for a customer already won.
    required_return : float
        Profit wanted on each unit of money spent, >= 0: 0.25 is 25 %.

    Returns
    -------
    float or ndarray
        Money per lead; 0 where the value is negative.

    Raises
    ------
    InputError
        If a rate is outside its range.

    References
    ----------
    Blattberg, R. C. and Deighton, J. (1996), Harvard Business Review 74(4).

    Examples
    --------
    >>> from custval.clv import acquisition_ceiling
    >>> acquisition_ceiling(250.0, conversion_rate=0.2, required_return=0.25)
    40.0
    """
    worth = number_array(value, "value")
    chance = number_array(conversion_rate, "conversion_rate", low=0.0, low_open=True, high=1.0, fix="20 % is 0.20")
    wanted = check_scalar(required_return, "required_return", low=0.0)
    return plain(np.asarray(np.maximum(worth, 0.0) * chance / (1.0 + wanted)))


@public("clv")
def customer_equity(
    value: Any, groups: Any = None, *, acquisition_cost: ArrayLike | None = None, currency: str | None = None
) -> CustomerEquity:
    """Return the value of the base by cohort, channel or any other label.

    Parameters
    ----------
    value : array of shape (n,) or LifetimeValue
        Lifetime values; a `LifetimeValue` that was asked for `groups` brings its labels and correlated errors.
    groups : array of shape (n,), optional
        Label of each customer; not needed where `value` has groups.
    acquisition_cost : float or array of shape (n,), optional
        Money spent on winning each customer, >= 0.
    currency : str, optional
        Name of the money unit; that of `value` by default.

    Returns
    -------
    CustomerEquity
        A table by group and the total.

    Raises
    ------
    InputError
        If currencies differ, a cost is negative, or there are no labels.

    References
    ----------
    Rust, R. T., Lemon, K. N. and Zeithaml, V. A. (2004), Journal of Marketing 68(1), eq. 1.

    Examples
    --------
    >>> from custval.clv import customer_equity
    >>> customer_equity([300.0, 100.0, 80.0], [2024, 2025, 2025]).share
    array([0.625, 0.375])
    """
    unit = _one_currency(getattr(value, "currency", None), currency)
    worth = float_array(getattr(value, "value", value), "value")
    known = getattr(value, "groups", None)
    if groups is None and known is None:
        raise InputError("customer_equity needs groups: one label for each customer, or a LifetimeValue that has them")
    if groups is None and acquisition_cost is not None and np.ndim(acquisition_cost):
        raise InputError("acquisition_cost by customer needs groups by customer; give groups again")
    if groups is None:
        totals: Any = known
        heads = totals.customers
        cost = None if acquisition_cost is None else check_scalar(acquisition_cost, "acquisition_cost", low=0.0) * heads
    else:
        grouping = Grouping(groups, len(worth))
        totals = group_totals(grouping, worth, None, 0.95)
        cost = _cost_by_group(acquisition_cost, grouping, len(worth))
    earned = None if cost is None else _return(totals.value, np.asarray(cost, dtype=np.float64))
    total = float(totals.value.sum())
    return CustomerEquity(
        group=totals.group,
        customers=totals.customers,
        value=totals.value,
        value_per_customer=frozen(totals.value / totals.customers),
        std_error=totals.std_error,
        share=frozen(totals.value / total if total else np.zeros(len(totals.value))),
        acquisition_cost=None if cost is None else frozen(np.asarray(cost, dtype=np.float64)),
        return_on_cost=None if earned is None else frozen(earned),
        total=total,
        currency=unit,
    )


@public("clv")
def payback_by_group(
    survival: ArrayLike,
    margin: ArrayLike,
    groups: Any,
    *,
    acquisition_cost: ArrayLike,
    monthly_discount: ArrayLike = 0.0,
    timing: str = "end",
) -> PaybackTable:
    """Return after how many months each cohort or channel as a whole has paid for its acquisition.

    Parameters
    ----------
    survival : array of shape (n, H)
        S(1..H | now), within [0, 1], never rising.
    margin : float or array of shape (n,), (H,) or (n, H)
        Money per month while a customer.
    groups : array of shape (n,)
        Label of each customer.
    acquisition_cost : float or array of shape (n,)
        Money spent on each customer, >= 0.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.

    Returns
    -------
    PaybackTable
        One row for each group.

    Raises
    ------
    InputError
        If a cost is negative or an argument is illegal as in :func:`discounted_value`.

    References
    ----------
    Gupta, S., Lehmann, D. R. and Stuart, J. A. (2004), Valuing customers, Journal of Marketing Research 41(1).

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import payback_by_group
    >>> survival = 0.97 ** np.arange(1, 25)[None, :] * np.ones((3, 1))
    >>> found = payback_by_group(survival, [20.0, 20.0, 4.0], ["a", "a", "b"], acquisition_cost=100.0)
    >>> found.payback_months
    array([ 6., inf])
    """
    earned = payback_curve(survival, margin, monthly_discount=monthly_discount, timing=timing)
    n = len(earned)
    grouping = Grouping(groups, n)
    heads = np.asarray(np.bincount(grouping.number, minlength=len(grouping.labels)), dtype=np.int64)
    cost = _cost_by_group(acquisition_cost, grouping, n)
    table = np.zeros((len(heads), earned.shape[1]))
    np.add.at(table, grouping.number, earned)
    paid = table >= cost[:, None]
    months = np.where(paid.any(axis=1), paid.argmax(axis=1) + 1.0, np.inf)
    return PaybackTable(
        group=frozen(grouping.labels),
        customers=frozen(heads),
        acquisition_cost=frozen(cost / heads),
        earned=frozen(table[:, -1] / heads),
        payback_months=frozen(np.where(cost == 0.0, 0.0, months)),
        ceiling=frozen(np.maximum(table[:, -1] / heads, 0.0)),
        earned_by_month=frozen(table / heads[:, None]),
    )


@public("clv")
def value_at_risk(value: Any, hazard: ArrayLike, *, threshold: ArrayLike, conf_level: float = 0.95) -> ValueAtRisk:
    """Return the share of the base's value that is held by customers whose hazard is at or above a threshold.

    Parameters
    ----------
    value : array of shape (n,) or LifetimeValue
        Value of each customer; the total must be positive.
    hazard : array of shape (n,)
        Chance of leaving within the horizon of the question, within [0, 1].
    threshold : float or array of shape (T,)
        Hazards from which a customer counts as at risk.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    ValueAtRisk
        Shares by threshold with intervals, and the expected loss.

    Raises
    ------
    InputError
        If a chance is outside [0, 1], the total value is not positive, or the lengths differ.

    References
    ----------
    Cochran, W. G. (1977), Sampling Techniques, 3rd ed., eq. 6.9: the variance of a ratio.

    Examples
    --------
    >>> from custval.clv import value_at_risk
    >>> value_at_risk([500.0, 100.0], [0.01, 0.2], threshold=0.1).customers
    array([0.5])
    """
    worth = float_array(getattr(value, "value", value), "value")
    chance = float_array(hazard, "hazard", low=0.0, high=1.0, fix="give the chance within the horizon")
    check_length(chance, len(worth), name="hazard", other="value")
    cuts = np.sort(np.atleast_1d(number_array(threshold, "threshold", low=0.0, high=1.0)))
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    total, n = float(worth.sum()), len(worth)
    if total <= 0.0:
        raise InputError(f"the total value is {total:g}: a share of it has no meaning; it must be > 0")
    above = chance[None, :] >= cuts[:, None]
    share = above @ worth / total
    spread = ((above - share[:, None]) * worth) ** 2
    error = np.sqrt(spread.sum(axis=1)) / total * np.sqrt(n / max(n - 1, 1))
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    return ValueAtRisk(
        threshold=frozen(cuts),
        customers=frozen(above.mean(axis=1)),
        share=frozen(share),
        std_error=frozen(error),
        lower=frozen(share - z * error),
        upper=frozen(share + z * error),
        value=frozen(share * total),
        expected_loss=float(worth @ chance),
    )


def _one_currency(known: str | None, given: str | None) -> str | None:
    if known is not None and given is not None and known != given:
        raise InputError(f"value is in {known} but currency={given!r} was given; convert one of them first")
    return known if given is None else given


def _cost_by_group(acquisition_cost: ArrayLike | None, grouping: Grouping, n: int) -> Any:
    if acquisition_cost is None:
        return None
    cost = number_array(acquisition_cost, "acquisition_cost", low=0.0)
    if cost.ndim:
        check_length(cost, n, name="acquisition_cost", other="value")
    return np.bincount(grouping.number, weights=np.broadcast_to(cost, (n,)), minlength=len(grouping.labels))


def _return(value: FloatArray, cost: FloatArray) -> FloatArray:
    gain = value - cost
    return np.divide(gain, cost, out=np.where(gain >= 0, np.inf, -np.inf), where=cost > 0)
