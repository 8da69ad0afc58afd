"""Who is about to leave, why, and how many of those on the list really will.

The list holds the customers with the largest probability of leaving within the horizon, given that they are still
here today. The number of true leavers among m independent customers with probabilities p_i follows the
Poisson-binomial law: mean sum p_i, variance sum p_i (1 - p_i). Where the model knows the error of its parameters, the
error of the mean (the customers' errors are correlated, since they share the parameters) is added to that variance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, import_pandas
from custval._core.frames import frame_length, is_frame, rows
from custval._core.results import Result, frozen
from custval._core.typing import (
    AnyFrame,
    ArrayLike,
    FloatArray,
    HazardModel,
    IntArray,
    SupportsPullback,
    TextArray,
    forecast_covariance,
)
from custval._core.validation import check_length, check_scalar, check_whole, float_array, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("AlertList", "alert_list", "leavers_interval", "riskiest")

EXACT_UP_TO = 2000  # longer lists are as good as normal
BLOCK = 20_000
SCORED_AT_ONCE = 250_000
Z = 1.959963984540054


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class AlertList(Result):
    """The customers most likely to leave within the horizon, riskiest first.

    Attributes
    ----------
    row : int array of shape (m,)
        Row of the customer in X, counted from 0; equal risks stand in the order of X.
    p_leave : float array of shape (m,)
        Probability of leaving within the horizon, 0..1.
    std_error : float array of shape (m,) or None
        Standard error of `p_leave` from the parameters of the model; None where the model does not know it.
    p_by_cause : float array of shape (m, K) or None
        Probability of leaving for each cause; None where the model knows one cause only.
    causes : tuple of str
        Names of the K causes.
    reasons : object array of shape (m, r) or None
        Main reasons in words, None in it where there are fewer; None where the model gives no reasons.
    expected_leavers : float
        Expected number of customers on the list who leave within the horizon.
    lower, upper : int
        95 % interval of the number who leave.
    expected_leavers_in_base : float
        Expected number among all customers of X: what a list of everybody would hold.
    value_at_stake : float array of shape (m,) or None
        Probability of leaving times the customer's value; None where no values were given.
    cause : str or None
        The cause by which the list is ranked; None: any.
    customers : int
        Customers in X.
    horizon : float
        Time from now, in `time_unit`.
    time_unit : str
        Unit of the horizon.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, alert_list
    >>> cells = {"tenure": [1, 1, 2, 2], "paperless": [0, 1, 0, 1], "at_risk": [90, 80, 81, 64],
    ...          "exits_left": [9, 16, 9, 16]}
    >>> model = DiscreteHazard().fit_counts(cells)
    >>> found = alert_list(model, {"paperless": [0, 1] * 50}, horizon=1, given=0, reasons=1)
    >>> round(found.expected_leavers, 1), found.lower, found.upper
    (15.0, 6, 24)
    """

    row: IntArray
    p_leave: FloatArray
    std_error: FloatArray | None
    p_by_cause: FloatArray | None
    causes: tuple[str, ...]
    reasons: TextArray | None
    expected_leavers: float
    lower: int
    upper: int
    expected_leavers_in_base: float
    value_at_stake: FloatArray | None
    cause: str | None
    customers: int
    horizon: float
    time_unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return rank, row, p_leave, std_error, p_leave_<cause> and reason_1.. as a pandas frame."""
        frames = import_pandas()

        columns: dict[str, Any] = {"rank": np.arange(1, len(self.row) + 1), "row": self.row, "p_leave": self.p_leave}
        if self.std_error is not None:
            columns["std_error"] = self.std_error
        if self.p_by_cause is not None:
            columns |= {f"p_leave_{cause}": self.p_by_cause[:, k] for k, cause in enumerate(self.causes)}
        if self.value_at_stake is not None:
            columns["value_at_stake"] = self.value_at_stake
        if self.reasons is not None:
            columns |= {f"reason_{j + 1}": self.reasons[:, j] for j in range(self.reasons.shape[1])}
        made: pd.DataFrame = frames.DataFrame(columns)
        return made


@public("survival")
def alert_list(
    model: HazardModel,
    X: AnyFrame,
    *,
    horizon: float,
    given: ArrayLike | None,
    capacity: int | None = None,
    reasons: int = 3,
    cause: str | None = None,
    value: ArrayLike | None = None,
) -> AlertList:
    """Return the customers most likely to leave within the horizon, with reasons and the number to expect.

    Parameters
    ----------
    model : fitted hazard model
        Anything with ``predict_survival(X, times, given=...)``; causes, reasons and errors are used where it has them.
    X : frame or array of shape (n, columns)
        Current customers.
    horizon : float
        Time ahead, > 0, in the unit of the model; a whole number for errors of the probabilities.
    given : float or array-like of shape (n,) or None
        Time each has already stayed; None: new customers.
    capacity : int, optional
        Length of the list, >= 0; default: everybody.
    reasons : int, default 3
        Reasons for each customer, >= 0.
    cause : str, optional
        Rank by the probability of leaving for this cause, and count its leavers; default: for any.
    value : float or array-like of shape (n,), optional
        What is lost with each customer, such as a lifetime value, >= 0.

    Returns
    -------
    AlertList
        The list, riskiest first, with the expected number of leavers on it and its 95 % interval.

    Raises
    ------
    InputError
        For a horizon or capacity out of range, or a `given` of another length than X.

    References
    ----------
    Hong (2013), Computational Statistics and Data Analysis 59 (Poisson-binomial law).

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, alert_list
    >>> cells = {"tenure": [1, 1, 2, 2], "paperless": [0, 1, 0, 1], "at_risk": [90, 80, 81, 64],
    ...          "exits_left": [9, 16, 9, 16]}
    >>> model = DiscreteHazard().fit_counts(cells)
    >>> found = alert_list(model, {"paperless": [0, 1, 0]}, horizon=1, given=0, capacity=1)
    >>> found.row.tolist(), found.p_leave.round(2).tolist()
    ([1], [0.21])
    """
    n = frame_length(X)
    ahead = check_scalar(horizon, "horizon", low=0.0, low_open=True, high=np.inf, high_open=True)
    length = n if capacity is None else min(check_whole(capacity, "capacity", low=0.0), n)
    stayed = _stayed(given, n)
    causes = tuple(str(name) for name in getattr(model, "causes_", ()))
    place = _place(model, cause, causes)
    worth = _worth(value, n)
    p = _p_leave(model, X, ahead, stayed, place)
    row = riskiest(p, length)
    listed, since = rows(X, row), _at(stayed, row)
    errors, error = _errors(model, listed, ahead, since, place)
    low, high = leavers_interval(p[row], error or 0.0)
    return AlertList(
        row=frozen(row),
        p_leave=frozen(p[row]),
        std_error=None if errors is None else frozen(errors),
        p_by_cause=_by_cause(model, listed, ahead, since, len(causes) if length else 0),
        causes=causes,
        reasons=_reasons(model, listed, check_whole(reasons, "reasons", low=0.0) if length else 0),
        expected_leavers=float(p[row].sum()),
        lower=low,
        upper=high,
        expected_leavers_in_base=float(p.sum()),
        value_at_stake=None if worth is None else frozen(p[row] * worth[row]),
        cause=cause,
        customers=n,
        horizon=ahead,
        time_unit=str(getattr(model, "time_unit_", getattr(model, "time_unit", "month"))),
    )


def riskiest(p: FloatArray, length: int) -> IntArray:
    """Return the rows of the largest `length` of p, largest first; equal ones in the order of the rows."""
    if length >= len(p):
        return np.argsort(-p, kind="stable")
    if length == 0:
        return np.zeros(0, dtype=np.int64)
    least = np.partition(p, len(p) - length)[len(p) - length]
    above, equal = np.flatnonzero(p > least), np.flatnonzero(p == least)
    chosen = np.sort(np.concatenate([above, equal[: length - len(above)]]))
    return np.asarray(chosen[np.argsort(-p[chosen], kind="stable")])


def leavers_interval(p: FloatArray, std_error: float = 0.0) -> tuple[int, int]:
    """Return the 95 % interval of how many of the customers leave: exact for short lists of known p, else normal."""
    if not len(p):
        return 0, 0
    if std_error == 0.0 and len(p) <= EXACT_UP_TO:
        rising = np.cumsum(_poisson_binomial(p))
        # at most 2.5 % on each side; the hair keeps a sum of exactly .025 from rounding up
        return int(np.searchsorted(rising, 0.025 - 1e-12)), int(np.searchsorted(rising, 0.975 - 1e-12))
    middle, spread = p.sum(), Z * np.sqrt((p * (1.0 - p)).sum() + std_error**2)
    return max(int(np.floor(middle - spread)), 0), min(int(np.ceil(middle + spread)), len(p))


def _poisson_binomial(p: FloatArray) -> FloatArray:
    """Return P(0..m leave), adding one customer at a time."""
    law = np.zeros(len(p) + 1)
    law[0] = 1.0
    for m, chance in enumerate(p):
        law[1 : m + 2] += chance * (law[: m + 1] - law[1 : m + 2])
        law[0] *= 1.0 - chance
    return law


def _stayed(given: ArrayLike | None, n: int) -> FloatArray | None:
    if given is None:
        return None
    stayed = float_array(np.atleast_1d(np.asarray(given)), "given", low=0.0)
    if len(stayed) == 1:
        return np.full(n, stayed[0])
    check_length(stayed, n, name="given")
    return stayed


def _at(stayed: FloatArray | None, row: IntArray | slice) -> FloatArray | None:
    return None if stayed is None else stayed[row]


def _place(model: Any, cause: str | None, causes: tuple[str, ...]) -> int | None:
    """Return which cause the list is for."""
    if cause is None:
        return None
    if cause not in causes or not hasattr(model, "predict_incidence"):
        known = ", ".join(causes) or "one only, without a name"
        raise InputError(f"there is no cause {cause!r}{nearest(cause, causes)}; the causes of the model are {known}")
    return causes.index(cause)


def _worth(value: ArrayLike | None, n: int) -> FloatArray | None:
    if value is None:
        return None
    worth = float_array(np.atleast_1d(np.asarray(value)), "value", low=0.0)
    if len(worth) == 1:
        return np.full(n, worth[0])
    check_length(worth, n, name="value")
    return worth


def _p_leave(model: Any, X: AnyFrame, horizon: float, stayed: FloatArray | None, place: int | None) -> FloatArray:
    """Return each customer's probability of leaving, block by block where there are many."""
    n = frame_length(X)
    if n <= SCORED_AT_ONCE:
        return _p_of(model, X, horizon, stayed, place)
    made = np.empty(n)
    for start in range(0, n, SCORED_AT_ONCE):
        part = slice(start, min(start + SCORED_AT_ONCE, n))
        block = rows(X, np.arange(part.start, part.stop)) if is_frame(X) else X[part]
        made[part] = _p_of(model, block, horizon, _at(stayed, part), place)
    return made


def _p_of(model: Any, X: AnyFrame, horizon: float, stayed: FloatArray | None, place: int | None) -> FloatArray:
    if place is not None:
        told = np.asarray(model.predict_incidence(X, [horizon], given=stayed), dtype=np.float64)
        return np.clip(told[:, place, 0], 0.0, 1.0)
    survival = np.asarray(model.predict_survival(X, [horizon], given=stayed), dtype=np.float64)
    if survival.ndim != 2 or survival.shape[1] != 1:
        raise InputError(f"predict_survival of {type(model).__name__} gave shape {survival.shape}, not (n, 1)")
    p: FloatArray = 1.0 - survival[:, 0]
    return np.clip(p, 0.0, 1.0)


def _by_cause(model: Any, X: AnyFrame, horizon: float, stayed: FloatArray | None, causes: int) -> FloatArray | None:
    if causes < 2 or not hasattr(model, "predict_incidence"):
        return None
    incidence = np.asarray(model.predict_incidence(X, [horizon], given=stayed), dtype=np.float64)
    return frozen(incidence[:, :, 0])


def _reasons(model: Any, X: AnyFrame, top: int) -> TextArray | None:
    if top == 0 or not hasattr(model, "reasons"):
        return None
    given = model.reasons(X, top)
    return frozen(np.asarray(getattr(given, "words", given), dtype=object))


def _errors(
    model: Any, X: AnyFrame, horizon: float, stayed: FloatArray | None, place: int | None
) -> tuple[FloatArray | None, float | None]:
    """Return the standard error of each probability and of their sum, from the parameters of the model."""
    n, causes = frame_length(X), len(getattr(model, "causes_", ()))
    if n == 0 or horizon != int(horizon) or not isinstance(model, SupportsPullback):
        return None, None
    covariance = forecast_covariance(model)
    if covariance is None:
        return None, None
    each = np.empty(n)
    total = np.zeros(len(covariance))
    for part in _blocks(n):
        weight = np.zeros((part.stop - part.start, int(horizon)))
        exits = None
        if place is None:
            weight[:, -1] = -1.0
        else:
            exits = np.zeros((len(weight), causes, int(horizon)))
            exits[:, place] = 1.0
        block = rows(X, np.arange(part.start, part.stop))
        slope = model.pullback(block, weight, exits, given=_at(stayed, part))
        each[part] = np.sqrt(np.maximum(((slope @ covariance) * slope).sum(axis=1), 0.0))
        total += slope.sum(axis=0)
    return each, float(np.sqrt(max(float(total @ covariance @ total), 0.0)))


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))
