"""Do as many leave as was forecast? Predicted against observed risk at a horizon: by group, in a line, in a curve.

The observed share of a group is the product-limit estimate (for one of several causes: Aalen and Johansen's), so that
customers whose watching ended before the horizon count for as long as they were seen; its interval is that of
log(-log). Slope, intercept, curve and ICI are in :mod:`custval._metrics.recalibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_length, check_scalar, sample_weight_array
from custval._metrics.censoring import WatchedCurve, watched_ahead
from custval._metrics.forecast import probabilities
from custval._metrics.observed import observed_share
from custval._metrics.outcome import Ahead, from_landmark, read_outcome, weight_ahead
from custval._metrics.recalibration import CalibrationCurve, Recalibration, recalibrated

__all__ = ("Calibration", "calibration")


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class Calibration(Result):
    """Predicted and observed risk of leaving within the horizon, lowest predicted risk first.

    Attributes
    ----------
    predicted : float array of shape (g,)
        Mean predicted probability of each group.
    observed : float array of shape (g,)
        Share that left within the horizon, by the product-limit estimate.
    std_error : float array of shape (g,)
        Standard error of `observed`.
    lower, upper : float arrays of shape (g,)
        95 % interval of `observed`; where nobody (or everybody) left it runs to the exact binomial bound.
    customers : int array of shape (g,)
        Customers of each group.
    horizon : float
        Time after the landmark.
    mean_predicted, mean_observed : float
        The same for all customers together.
    intercept, intercept_std_error : float or None
        Log-odds of leaving less those forecast, with slope one: 0 is right, below 0 the forecasts are too high. None
        where it does not exist (all left, or none).
    slope, slope_std_error : float or None
        Change of the log-odds of leaving with those forecast: 1 is right, below 1 the forecasts are too far apart. None
        where it does not exist (equal forecasts, or leavers and stayers fully apart).
    ici, ici_std_error : float
        Mean distance of forecast and `curve` over the customers (integrated calibration index), 0..1. Chance alone
        makes it positive, so the error means something only well above zero: several times as large as it is.
    ici_lower, ici_upper : float
        95 % interval of the index, >= 0; sensible near zero too, where it begins at 0.
    curve : CalibrationCurve
        What happens against what was forecast, smoothly, with its interval.

    Examples
    --------
    >>> from custval.metrics import calibration
    >>> table = calibration(([3, 5, 8, 9], [1, 0, 1, 0]), [0.6, 0.5, 0.3, 0.1], horizon=4.0, groups=1)
    >>> round(table.mean_predicted, 3), table.mean_observed
    (0.375, 0.25)
    """

    predicted: FloatArray
    observed: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    customers: IntArray
    horizon: float
    mean_predicted: float
    mean_observed: float
    intercept: float | None
    intercept_std_error: float | None
    slope: float | None
    slope_std_error: float | None
    ici: float
    ici_std_error: float
    ici_lower: float
    ici_upper: float
    curve: CalibrationCurve


@public("metrics")
def calibration(
    y: Any,
    p_leave: ArrayLike,
    *,
    horizon: float,
    groups: int = 10,
    cause: int | str | None = None,
    landmark: float = 0.0,
    y_train: Any = None,
    sample_weight: ArrayLike | None = None,
) -> Calibration:
    """Return predicted and observed risk of leaving within the horizon, by group of predicted risk.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    p_leave : array-like of shape (n,)
        Predicted probability of leaving within `horizon` after the landmark, 0..1.
    horizon : float
        Time after the landmark, > 0.
    groups : int, default 10
        Number of groups of about equal size, >= 1; equal predictions stay together, so there may be fewer.
    cause : int or str, optional
        Code (1..K) or name of the cause whose probability `p_leave` is; None: leaving for whatever cause.
    landmark : float, default 0
        Time already stayed from which the forecast counts; customers with entry <= landmark < duration are scored.
    y_train : target, optional
        Customers whose times of watching weigh for slope, intercept and curve; None: those of `y`.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0; the errors are those of a sample that large.

    Returns
    -------
    Calibration
        Groups and curve, ready to plot, with slope, intercept and ICI.

    Raises
    ------
    InputError
        For probabilities outside 0..1, nobody watched at the landmark, or a group not watched to the horizon.

    References
    ----------
    D'Agostino and Nam (2003), Handbook of Statistics 23 (product-limit estimate by group of predicted risk); Cox
    (1958), Biometrika 45 (intercept and slope); Austin, Harrell, van Klaveren (2020), Statistics in Medicine 39 (ICI).

    Examples
    --------
    >>> from custval.metrics import calibration
    >>> table = calibration(([3, 5, 8, 9], [1, 0, 1, 0]), [0.6, 0.5, 0.3, 0.1], horizon=4.0, groups=2)
    >>> table.predicted.tolist(), table.observed.tolist()
    ([0.2, 0.55], [0.0, 0.5])
    """
    outcome = read_outcome(y)
    risk = probabilities(p_leave, "p_leave", 1)
    check_length(risk, len(outcome), name="p_leave", other="y")
    weight = sample_weight_array(sample_weight, len(outcome))
    until = check_scalar(horizon, "horizon", low=0.0, low_open=True, high=np.inf, high_open=True)
    wanted = int(check_scalar(groups, "groups", low=1))
    ahead = from_landmark(outcome, landmark, cause)
    risk, weight = risk[ahead.keep], weight_ahead(weight, ahead)
    group = _grouped(risk, weight, wanted)
    sizes = np.bincount(group)
    rows = [observed_share(ahead.rows(group == k), weight[group == k], until) for k in range(len(sizes))]
    share, error, low, high = np.array(rows).T
    masses = np.bincount(group, weights=weight)
    line = _recalibrated(ahead, risk, weight, until, watched_ahead(ahead, weight, y_train, landmark))
    return Calibration(
        predicted=frozen(np.bincount(group, weights=weight * risk) / masses),
        observed=frozen(share),
        std_error=frozen(error),
        lower=frozen(low),
        upper=frozen(high),
        customers=frozen(sizes.astype(np.int64)),
        horizon=until,
        mean_predicted=float(weight @ risk / weight.sum()),
        mean_observed=observed_share(ahead, weight, until)[0],
        intercept=line.intercept and line.intercept[0],
        intercept_std_error=line.intercept and line.intercept[1],
        slope=line.slope and line.slope[0],
        slope_std_error=line.slope and line.slope[1],
        ici=line.ici[0],
        ici_std_error=line.ici[1],
        ici_lower=line.ici_bounds[0],
        ici_upper=line.ici_bounds[1],
        curve=line.curve,
    )


def _recalibrated(
    ahead: Ahead, risk: FloatArray, weight: FloatArray, horizon: float, watched: WatchedCurve
) -> Recalibration:
    by_then = ahead.duration <= horizon
    known = watched.gone_weight(ahead.duration, ahead.ended & by_then)
    if not by_then.all():
        watched.refuse_unwatched(np.array([horizon]))
        known[~by_then] = 1.0 / watched.at(horizon)
    return recalibrated(risk, (ahead.left & by_then).astype(np.float64), weight * known, weight)


def _grouped(risk: FloatArray, weight: FloatArray, groups: int) -> IntArray:
    """Return the group of each customer, by the place of the middle of its ties in the ranking."""
    values, where = np.unique(risk, return_inverse=True)
    mass = np.bincount(where, weights=weight, minlength=len(values))
    middle = (np.cumsum(mass) - 0.5 * mass) / mass.sum()
    raw = np.minimum((middle * groups).astype(np.int64), groups - 1)[where]
    # a group of weight zero says nothing: those customers go with their neighbours
    filled = np.flatnonzero(np.bincount(raw, weights=weight, minlength=groups) > 0)
    found: IntArray = np.maximum(np.searchsorted(filled, raw, side="right") - 1, 0).astype(np.int64)
    return found
