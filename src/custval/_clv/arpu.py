"""What will each customer's bill be in the months to come? Three simple paths, fitted from bills and tested backwards.

    flat       the mean of the last `window` months, for ever
    reverting  level_i + phi^h (last bill - level_i) + trend h: the last bill's deviation fades, all bills drift
    segment    the flat level times the segment's mean monthly factor, h times from the middle of the window on

level_i is the customer's mean bill, phi how much of a deviation is left after a month (least squares over all months of
all customers, one lag), trend the mean change per month of the same customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, TextArray
from custval._core.validation import check_choice, check_length, check_whole, float_array, nearest

__all__ = ("ArpuBacktest", "ArpuPath")

KINDS = ("flat", "reverting", "segment")


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class ArpuBacktest(Result):
    """How far forecast bills were from those of months held out.

    Attributes
    ----------
    month : ndarray of shape (H,)
        Months ahead.
    mean_absolute_error, bias : ndarray of shape (H,)
        Of a customer's bill, money; bias is forecast less truth.
    total_error : ndarray of shape (H,)
        Of the sum of all bills, as a share of it.
    kind : str
        The path that was tested.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import ArpuPath
    >>> bills = np.array([[20.0, 21.0, 22.0, 23.0, 24.0], [40.0, 40.0, 41.0, 43.0, 42.0]])
    >>> found = ArpuPath(kind="flat", window=2).backtest(bills, holdout=2)
    >>> found.mean_absolute_error
    array([2., 2.])
    """

    month: FloatArray
    mean_absolute_error: FloatArray
    bias: FloatArray
    total_error: FloatArray
    kind: str


class ArpuPath(Estimator):
    """Forecast of each customer's revenue per month, from the months so far.

    Parameters
    ----------
    kind : {"flat", "reverting", "segment"}
        The path.
    window : int
        Last months whose mean is today's level, >= 1 (not used by ``reverting``).

    Attributes
    ----------
    persistence_ : float
        phi, within [0, 1): the share of a deviation left after a month (0 for other kinds).
    trend_ : float
        Money per month by which bills drift (0 for other kinds).
    growth_ : dict of str to float
        Mean factor per month of each segment (``segment`` only).

    References
    ----------
    Box, G. E. P., Jenkins, G. M., Reinsel, G. C. and Ljung, G. M. (2015), Time Series Analysis, section 5.1: forecasts
    of a first-order autoregression.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import ArpuPath
    >>> bills = np.array([[20.0, 22.0, 21.0, 23.0], [40.0, 41.0, 40.0, 43.0]])
    >>> ArpuPath(kind="flat", window=2).fit(bills).predict(bills, 3)
    array([[22. , 22. , 22. ],
           [41.5, 41.5, 41.5]])
    """

    __module__ = "custval.clv"
    _estimator_type = "revenue path"
    _positive_only = False
    _fit_metadata = ()

    def __init__(self, *, kind: str = "flat", window: int = 3) -> None:
        self.kind = kind
        self.window = window

    def fit(self, bills: ArrayLike, segments: Any = None) -> Self:
        """Learn persistence, trend or growth from bills.

        Parameters
        ----------
        bills : array of shape (n, M)
            Revenue of each customer in M months in order.
        segments : array of shape (n,), optional
            Labels, needed by ``kind="segment"``.

        Returns
        -------
        ArpuPath
            Self.

        Raises
        ------
        InputError
            If a bill is missing, there are too few months, or segments are wanted and not given.
        """
        check_choice(self.kind, "kind", KINDS)
        window = check_whole(self.window, "window", low=1)
        money = float_array(bills, "bills", ndim=2)
        least = {"flat": window, "reverting": 3, "segment": max(window, 2)}[self.kind]
        if money.shape[1] < least:
            raise InputError(f"bills has {money.shape[1]} months but kind={self.kind!r} needs {least} or more")
        self.persistence_, self.trend_, self.growth_ = 0.0, 0.0, {}
        if self.kind == "reverting":
            self.trend_ = float(np.diff(money, axis=1).mean())
            self.persistence_ = _persistence(money - self.trend_ * np.arange(money.shape[1]))
        if self.kind == "segment":
            self.growth_ = _growth(money, _labels(segments, len(money)))
        return self

    def predict(self, bills: ArrayLike, horizon: int, segments: Any = None) -> FloatArray:
        """Return the expected bill of each customer in the months to come.

        Parameters
        ----------
        bills : array of shape (n, M)
            Revenue so far, the last column being the present month.
        horizon : int
            Months ahead, >= 1.
        segments : array of shape (n,), optional
            Labels, needed by ``kind="segment"``.

        Returns
        -------
        ndarray of shape (n, H)
            Money: the `margin` (less costs) of :func:`lifetime_value`.

        Raises
        ------
        InputError
            If a bill is missing, or a segment was not seen in fitting.
        """
        self._check_fitted()
        money = float_array(bills, "bills", ndim=2)
        ahead = np.arange(1.0, check_whole(horizon, "horizon", low=1) + 1.0)
        if self.kind == "reverting":
            level, last = _level(money, self.trend_)
            path = level[:, None] + self.persistence_**ahead * (last - level)[:, None] + self.trend_ * ahead
            return np.asarray(path)
        now = money[:, -check_whole(self.window, "window", low=1) :].mean(axis=1)
        if self.kind == "flat":
            return np.repeat(now[:, None], len(ahead), axis=1)
        factor = np.array([self._factor(label) for label in _labels(segments, len(money))])
        since = ahead + 0.5 * (self.window - 1)  # the mean of the window stands for its middle
        return np.asarray(now[:, None] * factor[:, None] ** since)

    def backtest(self, bills: ArrayLike, *, holdout: int, segments: Any = None) -> ArpuBacktest:
        """Fit on all but the last months and compare forecasts with them.

        Parameters
        ----------
        bills : array of shape (n, M)
            Revenue of each customer in M months in order.
        holdout : int
            Last months to forecast, >= 1.
        segments : array of shape (n,), optional
            Labels, needed by ``kind="segment"``.

        Returns
        -------
        ArpuBacktest
            Errors by months ahead.

        Raises
        ------
        InputError
            If too few months are left to fit on.
        """
        money = float_array(bills, "bills", ndim=2)
        ahead = check_whole(holdout, "holdout", low=1)
        if money.shape[1] <= ahead:
            raise InputError(f"bills has {money.shape[1]} months, so {ahead} cannot be held out; give more months")
        past, truth = money[:, :-ahead], money[:, -ahead:]
        model = type(self)(kind=self.kind, window=self.window).fit(past, segments)
        miss = model.predict(past, ahead, segments) - truth
        sums = truth.sum(axis=0)
        return ArpuBacktest(
            month=frozen(np.arange(1.0, ahead + 1.0)),
            mean_absolute_error=frozen(np.abs(miss).mean(axis=0)),
            bias=frozen(miss.mean(axis=0)),
            total_error=frozen(np.divide(miss.sum(axis=0), sums, out=np.zeros(ahead), where=sums != 0)),
            kind=self.kind,
        )

    def _factor(self, label: str) -> float:
        label = str(label)
        if label not in self.growth_:
            raise InputError(f"segment {label!r} was not seen in fitting{nearest(label, self.growth_)}")
        return self.growth_[label]


def _level(money: FloatArray, trend: float) -> tuple[FloatArray, FloatArray]:
    """Return each customer's level and last bill, both as of the last month."""
    months = np.arange(money.shape[1])
    return (money - trend * (months - months[-1])).mean(axis=1), money[:, -1]


def _persistence(money: FloatArray) -> float:
    """Return phi by least squares of each month's deviation on that of the month before, bias of short panels mended.

    With customer means taken out, the estimate from M months is too low by about (1 + phi) / (M - 1) (Nickell 1981).
    """
    deviation = money - money.mean(axis=1, keepdims=True)
    before, after = deviation[:, :-1], deviation[:, 1:]
    square = float((before * before).sum())
    if square == 0.0:
        return 0.0
    raw = float((before * after).sum()) / square
    bias = 1.0 / (money.shape[1] - 1)
    return float(np.clip((raw + bias) / (1.0 - bias), 0.0, 0.999))


def _growth(money: FloatArray, labels: TextArray) -> dict[str, float]:
    found = {}
    for label in np.unique(labels):
        sums = money[labels == label].sum(axis=0)
        if (sums <= 0).any():
            month = int(np.flatnonzero(sums <= 0)[0])
            raise InputError(
                f"segment {str(label)!r} has no revenue in month {month}, so no factor from month to month"
            )
        found[str(label)] = float((sums[-1] / sums[0]) ** (1.0 / (len(sums) - 1)))
    return found


def _labels(segments: Any, n: int) -> TextArray:
    if segments is None:
        raise InputError("kind='segment' needs segments: one label for each customer")
    labels = np.asarray(segments).astype(str)
    check_length(labels, n, name="segments", other="bills")
    return labels
