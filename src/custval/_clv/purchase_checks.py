"""Does the model of purchases hold: over time, by count, in the holdout, and against rules of silence?

All answers are data first (frozen results); `custval.plots` draws them.

References
----------
Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), Marketing Science 24(2), section 4: the plots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.purchase_summary import DAYS, day_number, merged_purchases
from custval._clv.purchases import read_purchases
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_whole, float_array, sample_weight_array

__all__ = (
    "FrequencyHistogram",
    "HoldoutCheck",
    "PurchaseTracking",
    "SilenceRules",
    "frequency_histogram",
    "holdout_check",
    "purchase_tracking",
    "silence_rules",
)


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class PurchaseTracking(Result):
    """Repeat purchases of all customers period by period, seen and expected.

    Attributes
    ----------
    period : ndarray of shape (m,)
        Periods since the first purchase of anybody, 1, 2, ..., in the model's unit.
    actual, expected : ndarray of shape (m,)
        Repeat purchases within the period.
    cumulative_actual, cumulative_expected : ndarray of shape (m,)
        Their running sums.
    fitted_until : int
        Last period of the fit; later ones are a forecast.
    time_unit : str
        The unit.

    Examples
    --------
    >>> from custval.clv import NBD, purchase_tracking
    >>> bought = {"subscriber_id": [1, 1, 2], "event_time": [0, 8 * 86400, 86400]}
    >>> seen = purchase_tracking(NBD.from_params(r=1.0, alpha=4.0), bought, end="1970-01-15")
    >>> seen.cumulative_actual.tolist(), seen.cumulative_expected.round(2).tolist()
    ([0.0, 1.0], [0.25, 0.75])
    """

    period: IntArray
    actual: FloatArray
    expected: FloatArray
    cumulative_actual: FloatArray
    cumulative_expected: FloatArray
    fitted_until: int
    time_unit: str


@public("clv")
def purchase_tracking(
    model: Any,
    transactions: AnyFrame,
    *,
    end: Any,
    fitted_until: Any = None,
    customer: str = "subscriber_id",
    time: str = "event_time",
) -> PurchaseTracking:
    """Return repeat purchases by period, seen and expected by the model, cumulative and incremental.

    Parameters
    ----------
    model : fitted model of buying until leaving
        Without covariates, in days, weeks, months, quarters or years.
    transactions : frame
        A row for each purchase, as for :func:`purchase_summary`.
    end : date
        Last day of the picture.
    fitted_until : date, optional
        Last day of the fit, where `end` is later; customers who came after it are left out.
    customer, time : str
        Columns with the identifier and the moment of the purchase.

    Returns
    -------
    PurchaseTracking
        A row for each whole period, counted back from `end`.

    Examples
    --------
    >>> from custval.clv import NBD, purchase_tracking
    >>> bought = {"subscriber_id": [1, 1, 2], "event_time": [0, 8 * 86400, 86400]}
    >>> purchase_tracking(NBD.from_params(r=1.0, alpha=4.0), bought, end="1970-01-15").actual.tolist()
    [0.0, 1.0]
    """
    model._check_fitted()
    length = DAYS.get(model.time_unit_)
    if length is None:
        raise InputError(f"the model's unit {model.time_unit_!r} is no calendar unit; fit it in {', '.join(DAYS)}")
    last = day_number(end, "end")
    until = last if fitted_until is None else day_number(fitted_until, "fitted_until")
    if until > last:
        raise InputError(f"fitted_until ({fitted_until}) must not come after end ({end})")
    after = int(np.floor((last - until) / length))
    starts, again = merged_purchases(transactions, (customer, time), last, length=length, after=after)
    if not len(starts):
        raise InputError(f"no customer bought before fitted_until or end ({end}); check the dates")
    first = int(starts.max())
    born = np.bincount(first - starts, minlength=first + 1).astype(np.float64)
    actual = np.bincount(first - again, minlength=first + 1).astype(np.float64)[1:]
    grown = np.asarray(model.expected_purchases_new(np.arange(first + 1.0)))
    expected = np.array([born[:t] @ np.diff(grown)[:t][::-1] for t in range(1, first + 1)])
    return PurchaseTracking(
        period=frozen(np.arange(1, first + 1)),
        actual=frozen(actual),
        expected=frozen(expected),
        cumulative_actual=frozen(actual.cumsum()),
        cumulative_expected=frozen(expected.cumsum()),
        fitted_until=first - after,
        time_unit=model.time_unit_,
    )


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class FrequencyHistogram(Result):
    """How many customers bought how often, seen and expected.

    Attributes
    ----------
    frequency : ndarray of shape (m,)
        Repeat purchases; the last stands for itself and more.
    actual, expected : ndarray of shape (m,)
        Customers.

    Examples
    --------
    >>> from custval.clv import NBD, frequency_histogram
    >>> model = NBD.from_params(r=1.0, alpha=10.0)
    >>> frequency_histogram(model, [[0, 0, 10], [1, 4, 10]], most=2).expected.tolist()
    [1.0, 0.5, 0.5]
    """

    frequency: IntArray
    actual: FloatArray
    expected: FloatArray


@public("clv")
def frequency_histogram(
    model: Any, X: AnyFrame, *, most: int = 10, sample_weight: ArrayLike | None = None
) -> FrequencyHistogram:
    """Return how many customers bought 0, 1, 2, ... times again, seen and expected at their ages.

    Parameters
    ----------
    model : fitted model of buying until leaving
        Without covariates.
    X : frame, array of shape (n, 3) or PurchaseSummary
        Customers.
    most : int
        The last class counts so many purchases and more, >= 1.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    FrequencyHistogram
        Customers by count.

    Examples
    --------
    >>> from custval.clv import NBD, frequency_histogram
    >>> model = NBD.from_params(r=1.0, alpha=10.0)
    >>> frequency_histogram(model, [[0, 0, 10], [1, 4, 10]], most=2).actual.tolist()
    [1.0, 1.0, 0.0]
    """
    model._check_fitted()
    last = check_whole(most, "most", low=1)
    seen = read_purchases(X, time_unit=model.time_unit_, discrete=model._discrete)
    weight = sample_weight_array(sample_weight, len(seen.x))
    ages, where = np.unique(seen.T, return_inverse=True)
    count = np.bincount(where, weights=weight)
    new = np.zeros((len(ages), 3))
    chances = np.array([count @ np.asarray(model.purchase_probability(new, ages, k)) for k in range(last)])
    expected = np.append(chances, max(float(count.sum() - chances.sum()), 0.0))
    actual = np.bincount(np.minimum(seen.x, last).astype(np.int64), weights=weight, minlength=last + 1)
    return FrequencyHistogram(frozen(np.arange(last + 1)), frozen(actual.astype(np.float64)), frozen(expected))


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class HoldoutCheck(Result):
    """How the forecast met the holdout: in all, by past frequency, and P(alive) against later activity.

    Attributes
    ----------
    horizon : float
        Length of the holdout.
    total_actual, total_expected : float
        Purchases of all customers.
    mean_absolute_error, root_mean_squared_error : float
        Per customer.
    frequency : ndarray of shape (F,)
        Past repeat purchases; the last stands for itself and more.
    customers, actual, expected : ndarray of shape (F,)
        Customers, their mean purchases in the holdout, and the mean forecast.
    alive, active, foreseen, alive_customers : ndarray of shape (D,)
        In tenths by P(alive): its mean, the share who bought in the holdout, the share that the model expects to buy,
        and customers.

    Examples
    --------
    >>> from custval.clv import NBD, holdout_check
    >>> model = NBD.from_params(r=1.0, alpha=10.0)
    >>> holdout_check(model, [[0, 0, 10], [1, 4, 10]], [0, 2], horizon=10).total_expected
    1.5
    """

    horizon: float
    total_actual: float
    total_expected: float
    mean_absolute_error: float
    root_mean_squared_error: float
    frequency: IntArray
    customers: FloatArray
    actual: FloatArray
    expected: FloatArray
    alive: FloatArray
    active: FloatArray
    foreseen: FloatArray
    alive_customers: FloatArray


@public("clv")
def holdout_check(
    model: Any,
    X: AnyFrame,
    purchases: ArrayLike | None = None,
    *,
    horizon: float | None = None,
    most: int = 7,
    sample_weight: ArrayLike | None = None,
    covariates: AnyFrame | None = None,
) -> HoldoutCheck:
    """Return how the forecast from the calibration met the purchases of the holdout.

    Parameters
    ----------
    model : fitted model of buying until leaving
        Fitted to the calibration.
    X : frame, array of shape (n, 3) or PurchaseSummary
        Customers at the end of the calibration.
    purchases : array of shape (n,), optional
        Purchases in the holdout; None takes ``holdout_frequency`` of a PurchaseSummary.
    horizon : float, optional
        Length of the holdout in the model's unit; None takes that of a PurchaseSummary.
    most : int
        The last class of past frequency counts so many and more.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for.
    covariates : frame or array of n rows, optional
        As in ``fit``.

    Returns
    -------
    HoldoutCheck
        Errors, conditional expectation by frequency, and the calibration of P(alive).

    Raises
    ------
    InputError
        If there is no holdout.

    Examples
    --------
    >>> from custval.clv import NBD, holdout_check
    >>> model = NBD.from_params(r=1.0, alpha=10.0)
    >>> holdout_check(model, [[0, 0, 10], [1, 4, 10]], [0, 2], horizon=10).expected.tolist()
    [0.5, 1.0]
    """
    model._check_fitted()
    seen = read_purchases(X, time_unit=model.time_unit_, discrete=model._discrete)
    bought, length = _holdout(X, purchases, horizon)
    check_length(bought, len(seen.x), name="purchases")
    weight = sample_weight_array(sample_weight, len(seen.x))
    more = {} if covariates is None else {"covariates": covariates}
    forecast = np.asarray(model.expected_purchases(X, length, **more))
    here = np.asarray(model.probability_alive(X, **more))
    some = 1.0 - np.asarray(model.purchase_probability(X, length, 0, **more))
    off, whole = forecast - bought, float(weight.sum())
    classes = np.minimum(seen.x, check_whole(most, "most", low=1)).astype(np.int64)
    levels = np.unique(classes)
    tenth = _tenths(here, weight)
    by = np.unique(tenth)
    return HoldoutCheck(
        horizon=length,
        total_actual=float(weight @ bought),
        total_expected=float(weight @ forecast),
        mean_absolute_error=float(weight @ np.abs(off) / whole),
        root_mean_squared_error=float(np.sqrt(weight @ off**2 / whole)),
        frequency=frozen(levels),
        customers=frozen(_sums(classes, levels, weight)),
        actual=frozen(_means(classes, levels, weight, bought)),
        expected=frozen(_means(classes, levels, weight, forecast)),
        alive=frozen(_means(tenth, by, weight, here)),
        active=frozen(_means(tenth, by, weight, (bought > 0).astype(np.float64))),
        foreseen=frozen(_means(tenth, by, weight, some)),
        alive_customers=frozen(_sums(tenth, by, weight)),
    )


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class SilenceRules(Result):
    """Rules of silence against P(alive) at the same share of false alarms.

    Attributes
    ----------
    silence : ndarray of shape (R,)
        The rule: silent for so long, in the model's unit.
    false_alarms : ndarray of shape (R,)
        Share of the customers still there whom the rule calls lost.
    found_by_silence, found_by_model : ndarray of shape (R,)
        Share of the customers who left whom the rule calls lost, and whom P(alive) below a threshold does at the same
        share of false alarms.
    threshold : ndarray of shape (R,)
        That threshold.
    age_by_silence, age_by_model : ndarray of shape (R,)
        Mean time since departure of those found; smaller means called earlier. Infinite where nobody is found, or no
        times were given.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import ParetoNBD, silence_rules
    >>> model = ParetoNBD.from_params(r=1.0, alpha=4.0, s=1.0, beta=40.0)
    >>> X = [[20, 50, 60], [1, 30, 60], [3, 58, 60], [9, 20, 60]]
    >>> silence_rules(model, X, [True, False, False, True], silence=[9.0]).found_by_model.tolist()
    [1.0]
    """

    silence: FloatArray
    false_alarms: FloatArray
    found_by_silence: FloatArray
    found_by_model: FloatArray
    threshold: FloatArray
    age_by_silence: FloatArray
    age_by_model: FloatArray


@public("clv")
def silence_rules(
    model: Any,
    X: AnyFrame,
    gone: ArrayLike,
    *,
    silence: Sequence[float],
    time_gone: ArrayLike | None = None,
    covariates: AnyFrame | None = None,
) -> SilenceRules:
    """Return which calls churn better at the same share of false alarms: days of silence, or P(alive).

    Needs the truth of who left, as a simulated world has it, or a later look at the same customers.

    Parameters
    ----------
    model : fitted model of buying until leaving
        Gives P(alive).
    X : frame, array of shape (n, 3) or PurchaseSummary
        Customers.
    gone : array of bool, shape (n,)
        Who had left at the end; both kinds must occur.
    silence : sequence of float
        Rules: silent for so long, in the model's unit, > 0; 30, 60 and 90 days are usual.
    time_gone : array of shape (n,), optional
        Time since departure of those who left (others are not read), in the model's unit.
    covariates : frame or array of n rows, optional
        As in ``fit``.

    Returns
    -------
    SilenceRules
        For each rule false alarms, shares found by either, and how long those found had been gone.

    Examples
    --------
    >>> from custval.clv import ParetoNBD, silence_rules
    >>> model = ParetoNBD.from_params(r=1.0, alpha=4.0, s=1.0, beta=40.0)
    >>> X = [[20, 50, 60], [1, 30, 60], [3, 58, 60], [9, 20, 60]]
    >>> silence_rules(model, X, [True, False, False, True], silence=[9.0]).false_alarms.tolist()
    [0.5]
    """
    model._check_fitted()
    seen = read_purchases(X, time_unit=model.time_unit_, discrete=model._discrete)
    left = np.asarray(gone, dtype=bool)
    check_length(left, len(seen.x), name="gone")
    if left.all() or not left.any():
        raise InputError("gone must hold both customers who left and customers who are still there")
    rules = float_array(list(silence), "silence", low=0.0, low_open=True)
    since = np.full(len(left), np.inf) if time_gone is None else np.asarray(time_gone, dtype=np.float64)
    more = {} if covariates is None else {"covariates": covariates}
    here, quiet = np.asarray(model.probability_alive(X, **more)), seen.T - seen.t_x
    stays = np.sort(here[~left])
    made = np.empty((6, len(rules)))
    for j, rule in enumerate(rules):
        called = quiet >= rule
        false = int((called & ~left).sum())
        # as many false alarms as the rule has: the threshold is the first of those who stay that is not called
        limit = float(stays[false]) if false < len(stays) else np.inf
        by_model = here < limit
        made[:, j] = [
            false / len(stays),
            called[left].mean(),
            by_model[left].mean(),
            min(limit, 1.0),
            _mean_since(since, called & left),
            _mean_since(since, by_model & left),
        ]
    return SilenceRules(frozen(rules), *(frozen(row) for row in made))


def _mean_since(since: FloatArray, found: TextArray) -> float:
    return float(since[found].mean()) if found.any() else float("inf")


def _holdout(X: AnyFrame, purchases: ArrayLike | None, horizon: float | None) -> tuple[FloatArray, float]:
    length = getattr(X, "holdout", None) if horizon is None else horizon
    if length is None:
        raise InputError("horizon is missing: give the length of the holdout, or a summary made with holdout_end=")
    if purchases is not None:
        return float_array(purchases, "purchases", low=0.0), float(length)
    if not hasattr(X, "to_frame") or not hasattr(X, "holdout"):
        raise InputError("purchases of the holdout are missing: give them, or a summary made with holdout_end=")
    import narwhals as nw

    column = nw.from_native(X.table).get_column("holdout_frequency")
    return np.asarray(column.to_numpy(), dtype=np.float64), float(length)


def _tenths(values: FloatArray, weight: FloatArray) -> IntArray:
    """Return the tenth of the customers by `values` that each belongs to; equal values stay together."""
    _, where = np.unique(values, return_inverse=True)
    count = np.bincount(where, weights=weight)
    before = (count.cumsum() - count / 2.0) / count.sum()
    return np.asarray(np.minimum((10.0 * before).astype(np.int64), 9)[where])


def _sums(classes: IntArray, levels: IntArray, weight: FloatArray) -> FloatArray:
    return np.array([float(weight[classes == level].sum()) for level in levels])


def _means(classes: IntArray, levels: IntArray, weight: FloatArray, values: FloatArray) -> FloatArray:
    return np.array([np.average(values[classes == k], weights=weight[classes == k]) for k in levels])
