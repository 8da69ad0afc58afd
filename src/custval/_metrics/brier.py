"""How far are the forecast probabilities from what happened? The Brier score at given times, and over time.

With pi the forecast of still being a customer at t, Y(t) the truth and G the distribution of the time watched,

    BS(t) = mean of  pi^2 / G(T-)  for those who left by t,  (1 - pi)^2 / G(t)  for those still there after t,

and nothing for those whose watching ended before: the weights stand in for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, BoolArray, FloatArray
from custval._core.validation import check_length, check_rows, float_array, sample_weight_array
from custval._metrics.censoring import WatchedCurve, watched_curve
from custval._metrics.estimate import Estimate, mean_and_error
from custval._metrics.outcome import from_landmark, read_outcome

__all__ = ("BrierScore", "brier_score", "integrated_brier_score")

BLOCK = 2048  # customers whose losses at all times stay in the processor's cache


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class BrierScore(Result):
    """Mean squared error of the forecast survival at each time.

    Attributes
    ----------
    times : float array of shape (H,)
        Times since the landmark.
    score : float array of shape (H,)
        Brier score, 0 for a perfect forecast; .25 for one that always says one half.
    std_error : float array of shape (H,) or None
        Standard errors over samples of customers, G taken as known; None for a single customer.
    customers : int
        Customers scored: those watched at the landmark.

    Examples
    --------
    >>> from custval.metrics import brier_score
    >>> score = brier_score(([3, 5, 8, 9], [1, 1, 1, 1]), [[0.5, 0.5]] * 4, [4.0, 6.0])
    >>> score.to_frame().columns.tolist(), score.score.tolist()
    (['times', 'score', 'std_error'], [0.25, 0.25])
    """

    times: FloatArray
    score: FloatArray
    std_error: FloatArray | None
    customers: int


@dataclass(frozen=True, slots=True, eq=False)
class _Forecast:
    """What is compared: time since the landmark, who left, forecasts (n, H), weights, times (H,) and G."""

    duration: FloatArray
    left: BoolArray
    survival: FloatArray
    weight: FloatArray
    times: FloatArray
    watched: WatchedCurve

    def losses(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield the weighted squared errors of a block of customers at every time, (b, H)."""
        gone_weight = np.where(self.left, 1.0 / self.watched.before(self.duration), 0.0)
        there_weight = 1.0 / self.watched.at(self.times)
        for start in range(0, len(self.duration), BLOCK):
            part = slice(start, min(start + BLOCK, len(self.duration)))
            there = self.duration[part, None] > self.times
            error = self.survival[part] - there
            yield part, np.where(there, there_weight, gone_weight[part, None]) * error * error


@public("metrics")
def brier_score(
    y: Any,
    survival: ArrayLike,
    times: ArrayLike,
    *,
    landmark: float = 0.0,
    sample_weight: ArrayLike | None = None,
) -> BrierScore:
    """Return the censoring-weighted Brier score of forecast survival at each time.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    survival : array-like of shape (n, H)
        Forecast probability of still being a customer at each time after the landmark, given that the customer is one
        at the landmark, 0..1: what ``predict_survival(X, times, given=landmark)`` returns.
    times : array-like of shape (H,)
        Times after the landmark, > 0, rising.
    landmark : float, default 0
        Time already stayed from which the forecast counts; customers with entry <= landmark < duration are scored.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    BrierScore
        Score and standard error at each time.

    Raises
    ------
    InputError
        For probabilities outside 0..1, times beyond the follow-up, nobody watched at the landmark.

    References
    ----------
    Graf, Schmoor, Sauerbrei, Schumacher (1999), Statistics in Medicine 18; Gerds and Schumacher (2006), Biometrical
    Journal 48 (weights at T-).

    Examples
    --------
    >>> from custval.metrics import brier_score
    >>> score = brier_score(([3, 5, 8, 9], [1, 0, 1, 0]), [[0.4], [0.9], [0.7], [0.8]], [4.0])
    >>> score.score.round(3).tolist()
    [0.075]
    """
    case = _forecast(y, survival, times, landmark, sample_weight)
    score, error = _means_and_errors(case)
    return BrierScore(
        times=frozen(case.times),
        score=frozen(score),
        std_error=None if error is None else frozen(error),
        customers=len(case.duration),
    )


@public("metrics")
def integrated_brier_score(
    y: Any,
    survival: ArrayLike,
    times: ArrayLike,
    *,
    landmark: float = 0.0,
    sample_weight: ArrayLike | None = None,
) -> Estimate:
    """Return the mean Brier score between the first and the last time, by the trapezoidal rule.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    survival : array-like of shape (n, H)
        Forecast probability of still being a customer at each time after the landmark, given that the customer is one
        at the landmark, 0..1.
    times : array-like of shape (H,)
        At least two times after the landmark, > 0, rising.
    landmark : float, default 0
        Time already stayed from which the forecast counts; customers with entry <= landmark < duration are scored.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    Estimate
        Integrated score divided by the length of the interval, with its standard error (G taken as known).

    Raises
    ------
    InputError
        For fewer than two times, probabilities outside 0..1, times beyond the follow-up, nobody watched at the
        landmark.

    References
    ----------
    Graf, Schmoor, Sauerbrei, Schumacher (1999), Statistics in Medicine 18.

    Examples
    --------
    >>> from custval.metrics import integrated_brier_score
    >>> y, survival = ([3, 5, 8, 9], [1, 0, 1, 0]), [[0.4, 0.3], [0.9, 0.8], [0.7, 0.6], [0.8, 0.7]]
    >>> round(integrated_brier_score(y, survival, [4.0, 6.0]).value, 4)
    0.0956
    """
    case = _forecast(y, survival, times, landmark, sample_weight)
    if len(case.times) < 2:
        raise InputError("times has 1 element but an integral needs at least two; use brier_score for a single time")
    gaps = np.diff(case.times)
    share = (np.append(gaps, 0.0) + np.append(0.0, gaps)) / 2.0 / gaps.sum()
    loss = np.empty(len(case.duration))
    for part, errors in case.losses():
        loss[part] = errors @ share
    value, error = mean_and_error(loss, case.weight)
    return Estimate(value=value, std_error=error, customers=len(loss))


def _means_and_errors(case: _Forecast) -> tuple[FloatArray, FloatArray | None]:
    """Return the weighted mean of the losses at each time and its standard error, as ``mean_and_error`` does."""
    n, total = len(case.duration), case.weight.sum()
    mean = sum((case.weight[part] @ loss for part, loss in case.losses()), np.zeros(len(case.times))) / total
    if n < 2:
        return mean, None
    squares = np.zeros(len(case.times))
    for part, loss in case.losses():
        squares += case.weight[part] ** 2 @ (loss - mean) ** 2
    return mean, np.sqrt(squares * n / (n - 1)) / total


def _forecast(y: Any, survival: ArrayLike, times: ArrayLike, landmark: float, sample_weight: Any) -> _Forecast:
    outcome = read_outcome(y)
    forecast = float_array(survival, "survival", low=0.0, high=1.0, ndim=2)
    check_length(forecast, len(outcome), name="survival", other="y")
    grid = float_array(times, "times", low=0.0, low_open=True)
    check_rows(np.append(True, np.diff(grid) > 0)[: len(grid)], grid, name="times", rule="be rising")
    if forecast.shape[1] != len(grid):
        raise InputError(
            f"survival has {forecast.shape[1]} columns but times has {len(grid)}; one column for each time"
        )
    weight = sample_weight_array(sample_weight, len(outcome))
    ahead = from_landmark(outcome, landmark)
    keep, duration, left = ahead.keep, ahead.duration, ahead.left
    watched = watched_curve(duration, left, weight[keep])
    watched.refuse_unwatched(grid)
    return _Forecast(duration, left, forecast if keep.all() else forecast[keep], weight[keep], grid, watched)
