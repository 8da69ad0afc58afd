"""How unequal is the money: Lorenz curve, Gini coefficient, and what the top share of customers brings ("80:20").

Gini in its population form: the mean absolute difference between two customers (each with itself too: divided by n^2)
over twice the mean. With F the empirical distribution this is E max(X, X') / mean - 1, so one sort is enough.
Standard errors are those of the influence function: customers are seen as a sample of customers like them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_scalar
from custval._segments.ordered import Block, Ordered, normal_interval, ordered_values

__all__ = ("GiniCoefficient", "LorenzCurve", "TopShare", "gini", "lorenz_curve", "top_share")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class LorenzCurve(Result):
    """Which share of all value do the poorest customers hold together, with the Gini coefficient.

    Attributes
    ----------
    share_of_customers : ndarray of shape (m + 1,)
        From 0 to 1, the customers in order of value, smallest first; equal values make one step.
    share_of_value : ndarray of shape (m + 1,)
        Share of the total that they hold; below zero where values are negative.
    gini : float
        Gini coefficient, population form.
    std_error, lower, upper : float or None
        Of the Gini coefficient; None for one customer.
    conf_level : float
        Level of the interval.
    negative_values : int
        Rows with a value below zero: legal, but then Gini may exceed 1.

    Examples
    --------
    >>> from custval.segments import lorenz_curve
    >>> lorenz_curve([5.0, 15.0]).to_frame()
       share_of_customers  share_of_value
    0                 0.0            0.00
    1                 0.5            0.25
    2                 1.0            1.00
    """

    share_of_customers: FloatArray
    share_of_value: FloatArray
    gini: float
    std_error: float | None
    lower: float | None
    upper: float | None
    conf_level: float
    negative_values: int


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class GiniCoefficient(Result):
    """The Gini coefficient with its uncertainty; ``float()`` of it is the coefficient.

    Attributes
    ----------
    gini : float
        0 where all are equal, (n - 1) / n where one customer holds everything.
    std_error, lower, upper : float or None
        None for one customer.
    conf_level : float
        Level of the interval.

    Examples
    --------
    >>> from custval.segments import gini
    >>> found = gini([10.0, 20.0, 30.0, 40.0])
    >>> found.gini, round(found.std_error, 4)
    (0.25, 0.075)
    """

    gini: float
    std_error: float | None
    lower: float | None
    upper: float | None
    conf_level: float

    def __float__(self) -> float:
        """Return the coefficient."""
        return self.gini


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class TopShare(Result):
    """What the richest customers hold together; ``float()`` of it is their share of the value.

    Attributes
    ----------
    share_of_customers : float
        The share asked for.
    share_of_value : float
        The share of the total that they hold.
    std_error, lower, upper : float or None
        Of `share_of_value`; None for one customer.
    customers : float
        How many they are: the smallest whole number that is at least the share (their weight, with weights).
    at_least : float
        Value of the last of them.
    conf_level : float
        Level of the interval.

    Examples
    --------
    >>> from custval.segments import top_share
    >>> top = top_share([5.0, 5.0, 10.0, 20.0, 60.0], 0.3)
    >>> top.customers, top.share_of_value, top.at_least
    (2.0, 0.8, 20.0)
    """

    share_of_customers: float
    share_of_value: float
    std_error: float | None
    lower: float | None
    upper: float | None
    customers: float
    at_least: float
    conf_level: float

    def __float__(self) -> float:
        """Return the share of value."""
        return self.share_of_value


@public("segments")
def lorenz_curve(values: ArrayLike, *, sample_weight: ArrayLike | None = None, conf_level: float = 0.95) -> LorenzCurve:
    """Return the Lorenz curve of `values` and its Gini coefficient.

    Parameters
    ----------
    values : array of shape (n,)
        Money of each customer; their sum must be > 0, single values may be negative.
    sample_weight : array of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows.
    conf_level : float
        Level of the interval of the Gini coefficient, within (0, 1).

    Returns
    -------
    LorenzCurve
        Points from (0, 0) to (1, 1) and the Gini coefficient with its interval.

    Raises
    ------
    InputError
        If a value is missing or infinite, or the sum is not positive.

    References
    ----------
    Lorenz, M. O. (1905), Methods of measuring the concentration of wealth, JASA 9(70).
    Cowell, F. A. (1989), Sampling variance and decomposable inequality measures, J. of Econometrics 42: the influence
    function of the Gini coefficient.

    Examples
    --------
    >>> from custval.segments import lorenz_curve
    >>> curve = lorenz_curve([10.0, 20.0, 30.0, 40.0])
    >>> curve.share_of_value
    array([0. , 0.1, 0.3, 0.6, 1. ])
    >>> curve.gini
    0.25
    """
    ordered = ordered_values(values, sample_weight)
    estimate, error = _gini(ordered)
    lower, upper = normal_interval(estimate, error, conf_level, float(ordered.value[0]))
    people, money = _curve(ordered)
    return LorenzCurve(
        share_of_customers=frozen(people),
        share_of_value=frozen(money),
        gini=estimate,
        std_error=error,
        lower=lower,
        upper=upper,
        conf_level=conf_level,
        negative_values=int(np.searchsorted(ordered.value, 0.0)),
    )


@public("segments")
def gini(values: ArrayLike, *, sample_weight: ArrayLike | None = None, conf_level: float = 0.95) -> GiniCoefficient:
    """Return the Gini coefficient of `values`: mean absolute difference over twice the mean, dividing by n^2.

    Parameters
    ----------
    values : array of shape (n,)
        Money of each customer; their sum must be > 0, single values may be negative.
    sample_weight : array of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows.
    conf_level : float
        Level of the interval, within (0, 1).

    Returns
    -------
    GiniCoefficient
        The coefficient (also by ``float()``), its standard error and interval.

    Raises
    ------
    InputError
        If a value is missing or infinite, or the sum is not positive.

    References
    ----------
    Gini, C. (1912), Variabilita e mutabilita. Standard error: Cowell, F. A. (1989), J. of Econometrics 42.

    Examples
    --------
    >>> from custval.segments import gini
    >>> float(gini([1.0, 1.0, 1.0])), float(gini([0.0, 0.0, 0.0, 5.0]))
    (0.0, 0.75)
    """
    ordered = ordered_values(values, sample_weight)
    estimate, error = _gini(ordered)
    lower, upper = normal_interval(estimate, error, conf_level, float(ordered.value[0]))
    return GiniCoefficient(gini=estimate, std_error=error, lower=lower, upper=upper, conf_level=conf_level)


@public("segments")
def top_share(
    values: ArrayLike,
    share: float = 0.2,
    *,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> TopShare:
    """Return which share of all value the richest `share` of customers hold ("80:20").

    Parameters
    ----------
    values : array of shape (n,)
        Money of each customer; their sum must be > 0, single values may be negative.
    share : float
        Share of the customers, within (0, 1]; rounded up to a whole customer. Where weights are not whole, a customer
        at the edge counts in part.
    sample_weight : array of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows.
    conf_level : float
        Level of the interval, within (0, 1).

    Returns
    -------
    TopShare
        Share of value (also by ``float()``), its interval, and the value of the last customer among the top.

    Raises
    ------
    InputError
        If a value is missing or infinite, the sum is not positive, or `share` is outside (0, 1].

    References
    ----------
    Pareto, V. (1896), Cours d'economie politique. Standard error: influence function of a Lorenz ordinate, Beach, C.
    M. and Davidson, R. (1983), Review of Economic Studies 50(4).

    Examples
    --------
    >>> from custval.segments import top_share
    >>> top = top_share([5.0, 5.0, 10.0, 20.0, 60.0], 0.2)
    >>> top.share_of_value, top.at_least
    (0.6, 60.0)
    """
    part = check_scalar(share, "share", low=0.0, high=1.0, low_open=True)
    ordered = ordered_values(values, sample_weight)
    count = part * ordered.people
    if ordered.whole:
        count = min(np.ceil(count - 1e-9 * max(1.0, count)), ordered.people)
    money, at_least = ordered.top(count)
    estimate, mean, typical = float(money / ordered.money), ordered.mean, ordered.excess(at_least)

    def influence(block: Block) -> FloatArray:
        return (np.maximum(block.value - at_least, 0.0) - typical - estimate * (block.value - mean)) / mean

    error = ordered.standard_error(influence)
    lower, upper = normal_interval(estimate, error, conf_level, float(ordered.value[0]))
    return TopShare(
        share_of_customers=part,
        share_of_value=estimate,
        std_error=error,
        lower=lower,
        upper=upper,
        customers=float(count),
        at_least=at_least,
        conf_level=conf_level,
    )


def _gini(ordered: Ordered) -> tuple[float, float | None]:
    """Return the Gini coefficient and its standard error."""
    n, mean, total = ordered.people, ordered.mean, ordered.money

    def larger(block: Block) -> FloatArray:
        """E max(x, X'): x for each customer up to x, and the money of those beyond."""
        return (block.value * block.people + (total - block.money)) / n

    # equal values: what is left of the difference is rounding
    if ordered.value[0] == ordered.value[-1]:
        return 0.0, ordered.standard_error(lambda block: np.zeros_like(block.value))
    whole = ordered.total(larger) / n

    def influence(block: Block) -> FloatArray:
        return 2.0 * (larger(block) - whole) / mean - (whole / mean**2) * (block.value - mean)

    return whole / mean - 1.0, ordered.standard_error(influence)


def _curve(ordered: Ordered) -> tuple[FloatArray, FloatArray]:
    """Return the points of the curve; equal customers are one step, so that it does not depend on their order."""
    people, money = np.empty(len(ordered.value) + 1), np.empty(len(ordered.value) + 1)
    people[0], money[0], place = 0.0, 0.0, 1
    for block in ordered.blocks():
        people[place : place + len(block.value)] = block.people
        money[place : place + len(block.value)] = block.money
        place += len(block.value)
    people /= people[-1]
    money /= money[-1]
    same = ordered.value[1:] == ordered.value[:-1]
    if same.any():
        last = np.concatenate([[True], ~same, [True]])
        people, money = people[last], money[last]
    return people, money
