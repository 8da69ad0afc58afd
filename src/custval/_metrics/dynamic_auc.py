"""Does the forecast tell those who leave by t from those who stay? The cumulative/dynamic area under the ROC curve.

Cases at t are those who left by then, controls those still there after it; each case is weighed by 1 / G(T-), each
control by 1 / G(t), G being the share watched that long. With a cause, those who left for another one by t are controls
weighed by 1 / G(T-). AUC(t) is the weighted share of the pairs in which the case has the larger risk, equal risks
counting one half. Its error is that of a ratio of two sums over pairs, each customer's part of them taken out in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_length, float_array, sample_weight_array
from custval._metrics.censoring import watched_ahead
from custval._metrics.forecast import rising_times
from custval._metrics.outcome import Ahead, from_landmark, read_outcome, weight_ahead

__all__ = ("DynamicAUC", "cumulative_dynamic_auc")


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class DynamicAUC(Result):
    """How well a risk tells leavers from stayers at each time.

    Attributes
    ----------
    times : float array of shape (H,)
        Times since the landmark.
    auc : float array of shape (H,)
        Area under the ROC curve, 0..1; one half for a forecast that knows nothing.
    std_error : float array of shape (H,)
        Standard errors over samples of customers, G taken as known.
    mean : float
        Mean over the times, weighted by the share that leaves up to each, from the one before.
    mean_std_error : float
        Its standard error.
    customers : int
        Customers scored: those watched at the landmark.

    Examples
    --------
    >>> from custval.metrics import cumulative_dynamic_auc
    >>> found = cumulative_dynamic_auc(([3, 5, 8, 9], [1, 1, 1, 0]), [0.8, 0.1, 0.2, 0.4], [4, 6])
    >>> found.to_frame()["auc"].tolist(), found.customers
    ([1.0, 0.5], 4)
    """

    times: FloatArray
    auc: FloatArray
    std_error: FloatArray
    mean: float
    mean_std_error: float
    customers: int


@public("metrics")
def cumulative_dynamic_auc(
    y: Any,
    risk: ArrayLike,
    times: ArrayLike,
    *,
    cause: int | str | None = None,
    landmark: float = 0.0,
    y_train: Any = None,
    sample_weight: ArrayLike | None = None,
) -> DynamicAUC:
    """Return how well a risk tells those who leave by each time from those who stay.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    risk : array-like of shape (n,) or (n, H)
        Larger for customers expected to leave sooner, on any scale; with one column for each time where the order of
        the customers changes, such as ``1 - predict_survival(X, times)``.
    times : array-like of shape (H,)
        Times after the landmark, > 0, rising; somebody must leave by each and somebody stay beyond it.
    cause : int or str, optional
        Code (1..K) or name of the cause whose departures are cases; None: departures of every cause.
    landmark : float, default 0
        Time already stayed from which the forecast counts; customers with entry <= landmark < duration are scored.
    y_train : target, optional
        Customers whose times of watching give G; None: those of `y`.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    DynamicAUC
        Area and standard error at each time, and the mean over the times.

    Raises
    ------
    InputError
        For times by which nobody left, after which nobody is watched, or risks that are not finite.

    References
    ----------
    Uno, Cai, Tian, Wei (2007), Journal of the American Statistical Association 102; Blanche, Dartigues,
    Jacqmin-Gadda (2013), Statistics in Medicine 32 (competing causes, definition 2); Lambert and Chevret (2016),
    Statistical Methods in Medical Research 25 (mean over times).

    Examples
    --------
    >>> from custval.metrics import cumulative_dynamic_auc
    >>> y, risk = ([3, 4, 5, 8, 9], [1, 0, 1, 1, 0]), [0.8, 0.3, 0.1, 0.2, 0.4]
    >>> found = cumulative_dynamic_auc(y, risk, [4, 6])
    >>> found.auc.round(3).tolist(), round(found.mean, 3)
    ([1.0, 0.429], 0.673)
    """
    outcome = read_outcome(y)
    grid = rising_times(times)
    score = _scores(risk, len(grid))
    check_length(score, len(outcome), name="risk", other="y")
    weight = sample_weight_array(sample_weight, len(outcome))
    ahead = from_landmark(outcome, landmark, cause)
    weight, score = weight_ahead(weight, ahead), score[ahead.keep]
    watched = watched_ahead(ahead, weight, y_train, landmark)
    watched.refuse_unwatched(grid)
    gone = weight * watched.gone_weight(ahead.duration, ahead.ended & (ahead.duration <= grid[-1]))
    still = weight[:, None] / watched.at(grid)
    return _scored(ahead, score, grid, gone, still)


def _scored(ahead: Ahead, score: FloatArray, grid: FloatArray, gone: FloatArray, still: FloatArray) -> DynamicAUC:
    area, error, left = (np.empty(len(grid)) for _ in range(3))
    pulls = np.zeros((len(ahead), len(grid)))
    order: tuple[IntArray, IntArray, IntArray] | None = None
    for j, t in enumerate(grid):
        if order is None or score.shape[1] > 1:
            order = _order(score[:, j if score.shape[1] > 1 else 0])
        by_now = ahead.duration <= t
        case = np.where(by_now & ahead.left, gone, 0.0)
        control = np.where(by_now, gone - case, still[:, j])
        left[j] = case.sum()
        if left[j] <= 0 or control.sum() <= 0:
            who = "leaves by" if left[j] <= 0 else "stays beyond"
            raise InputError(f"nobody {who} time {t:g}, so leavers and stayers cannot be told apart; leave it out")
        area[j], pulls[:, j] = _area(case, control, order)
        error[j] = np.sqrt(pulls[:, j] @ pulls[:, j])
    # the forecast is asked most where most leave
    share = np.diff(left, prepend=0.0).clip(0.0) / np.diff(left, prepend=0.0).clip(0.0).sum()
    whole = pulls @ share
    return DynamicAUC(
        times=frozen(grid),
        auc=frozen(area),
        std_error=frozen(error),
        mean=float(area @ share),
        mean_std_error=float(np.sqrt(whole @ whole)),
        customers=len(ahead),
    )


def _order(score: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the customers by risk, and for each place of that order where its ties begin and end."""
    order = np.argsort(score)
    new = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    sizes = np.diff(np.append(new, len(order)))
    return order, np.repeat(new, sizes), np.repeat(new + sizes, sizes)


def _area(
    case: FloatArray, control: FloatArray, order: tuple[IntArray, IntArray, IntArray]
) -> tuple[float, FloatArray]:
    """Return the area and how it moves with the weight of each customer."""
    by_risk, first, stop = order
    cases, controls = case[by_risk], control[by_risk]
    below = np.append(0.0, np.cumsum(controls))
    above = np.append(0.0, np.cumsum(cases))
    lower = 0.5 * (below[first] + below[stop])
    higher = above[-1] - 0.5 * (above[first] + above[stop])
    pairs = above[-1] * below[-1]
    area = float(cases @ lower) / pairs
    pull = np.empty(len(case))
    pull[by_risk] = (cases * (lower - area * below[-1]) + controls * (higher - area * above[-1])) / pairs
    return area, pull


def _scores(risk: ArrayLike, times: int) -> FloatArray:
    if np.ndim(risk) < 2:
        return float_array(risk, "risk")[:, None]
    score = float_array(risk, "risk", ndim=2)
    if score.shape[1] != times:
        raise InputError(f"risk has {score.shape[1]} columns but times has {times}; one for all, or one for each time")
    return score
