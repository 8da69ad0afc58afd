"""How far are the forecast probabilities from what happened? The Brier score at given times, and over time.

With pi the forecast of still being a customer at t, Y(t) the truth and G the distribution of the time watched,

    BS(t) = mean of  pi^2 / G(T-)  for those who left by t,  (1 - pi)^2 / G(t)  for those still there after t,

and nothing for those whose watching ended before: the weights stand in for them. For one cause, pi is the forecast of
not having left for it, and those who left for another are among those who will not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, sample_weight_array
from custval._metrics.censoring import WatchedCurve, watched_ahead
from custval._metrics.estimate import Estimate, mean_and_error
from custval._metrics.forecast import rising_times, staying
from custval._metrics.outcome import Ahead, cause_code, from_landmark, read_outcome, weight_ahead

__all__ = ("BrierScore", "brier_score", "integrated_brier_score")

BLOCK = 512  # customers whose losses at all times stay in the processor's cache


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
class _Case:
    """Who is scored, with forecasts (n, H) of not having left for the cause, weights (n,), times (H,) and G."""

    ahead: Ahead
    survival: FloatArray
    weight: FloatArray
    times: FloatArray
    watched: WatchedCurve

    def losses(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield the weighted squared errors of a block of customers at every time, (b, H)."""
        ahead, n = self.ahead, len(self.ahead)
        gone = self.watched.gone_weight(ahead.duration, ahead.ended & (ahead.duration <= self.times[-1]))
        still = 1.0 / self.watched.at(self.times)
        other = (ahead.ended & ~ahead.left)[:, None]
        several = bool(other.any())
        for start in range(0, n, BLOCK):
            part = slice(start, min(start + BLOCK, n))
            there = ahead.duration[part, None] > self.times
            # whoever left for another cause never leaves for this one
            loss = self.survival[part] - (there | other[part] if several else there)
            loss *= loss
            loss *= np.where(there, still, gone[part, None])
            yield part, loss


@public("metrics")
def brier_score(
    y: Any,
    survival: ArrayLike,
    times: ArrayLike,
    *,
    cause: int | str | None = None,
    landmark: float = 0.0,
    y_train: Any = None,
    sample_weight: ArrayLike | None = None,
) -> BrierScore:
    """Return the censoring-weighted Brier score of forecast survival at each time.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    survival : array-like of shape (n, H)
        Forecast probability of still being a customer at each time after the landmark, given that the customer is one
        at the landmark, 0..1: what ``predict_survival(X, times, given=landmark)`` returns. With a `cause`: the
        probability of having left for it, (n, H), or ``predict_incidence(X, times, given=landmark)``, (n, K, H).
    times : array-like of shape (H,)
        Times after the landmark, > 0, rising.
    cause : int or str, optional
        Code (1..K) or name of a cause; None: leaving for whatever cause.
    landmark : float, default 0
        Time already stayed from which the forecast counts; customers with entry <= landmark < duration are scored.
    y_train : target, optional
        Customers whose times of watching give G; None: those of `y`.
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
    Journal 48 (weights at T-); Schoop, Beyersmann, Schumacher, Binder (2011), Biometrical Journal 53 (causes).

    Examples
    --------
    >>> from custval.metrics import brier_score
    >>> score = brier_score(([3, 5, 8, 9], [1, 0, 1, 0]), [[0.4], [0.9], [0.7], [0.8]], [4.0])
    >>> score.score.round(3).tolist()
    [0.075]
    """
    case = _case(y, survival, times, cause=cause, landmark=landmark, y_train=y_train, sample_weight=sample_weight)
    score, error = _means_and_errors(case)
    return BrierScore(
        times=frozen(case.times),
        score=frozen(score),
        std_error=None if error is None else frozen(error),
        customers=len(case.ahead),
    )


@public("metrics")
def integrated_brier_score(
    y: Any,
    survival: ArrayLike,
    times: ArrayLike,
    *,
    cause: int | str | None = None,
    landmark: float = 0.0,
    y_train: Any = None,
    sample_weight: ArrayLike | None = None,
) -> Estimate:
    """Return the mean Brier score between the first and the last time, by the trapezoidal rule.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    survival : array-like of shape (n, H)
        Forecast probability of still being a customer at each time after the landmark, given that the customer is one
        at the landmark, 0..1; with a `cause` its incidence, as in :func:`brier_score`.
    times : array-like of shape (H,)
        At least two times after the landmark, > 0, rising.
    cause : int or str, optional
        Code (1..K) or name of a cause; None: leaving for whatever cause.
    landmark : float, default 0
        Time already stayed from which the forecast counts; customers with entry <= landmark < duration are scored.
    y_train : target, optional
        Customers whose times of watching give G; None: those of `y`.
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
    case = _case(y, survival, times, cause=cause, landmark=landmark, y_train=y_train, sample_weight=sample_weight)
    if len(case.times) < 2:
        raise InputError("times has 1 element but an integral needs at least two; use brier_score for a single time")
    gaps = np.diff(case.times)
    share = (np.append(gaps, 0.0) + np.append(0.0, gaps)) / 2.0 / gaps.sum()
    loss = np.empty(len(case.ahead))
    for part, errors in case.losses():
        loss[part] = errors @ share
    value, error = mean_and_error(loss, case.weight)
    return Estimate(value=value, std_error=error, customers=len(loss))


def _means_and_errors(case: _Case) -> tuple[FloatArray, FloatArray | None]:
    """Return the weighted mean of the losses at each time and its standard error, as ``mean_and_error`` does."""
    n, weight, total = len(case.ahead), case.weight, case.weight.sum()
    first, cross, second = (np.zeros(len(case.times)) for _ in range(3))
    for part, loss in case.losses():
        heavy = weight[part]
        first += heavy @ loss
        heavy = heavy * heavy
        cross += heavy @ loss
        second += heavy @ (loss * loss)
    mean = first / total
    if n < 2:
        return mean, None
    squares = second - 2.0 * mean * cross + mean**2 * (weight @ weight)
    return mean, np.sqrt(np.maximum(squares, 0.0) * n / (n - 1)) / total


def _case(
    y: Any,
    forecast: ArrayLike,
    times: ArrayLike,
    *,
    cause: int | str | None,
    landmark: float,
    y_train: Any,
    sample_weight: ArrayLike | None,
) -> _Case:
    outcome = read_outcome(y)
    grid = rising_times(times)
    survival = staying(forecast, len(grid), cause_code(cause, outcome))
    check_length(survival, len(outcome), name="survival", other="y")
    weight = sample_weight_array(sample_weight, len(outcome))
    ahead = from_landmark(outcome, landmark, cause)
    weight = weight_ahead(weight, ahead)
    watched = watched_ahead(ahead, weight, y_train, landmark)
    watched.refuse_unwatched(grid)
    return _Case(ahead, survival if ahead.keep.all() else survival[ahead.keep], weight, grid, watched)
