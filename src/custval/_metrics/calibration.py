"""Do as many leave as was forecast? Predicted against observed risk at a horizon, by group of predicted risk.

The observed share of a group is the product-limit estimate, so that customers whose watching ended before the horizon
count for as long as they were seen; its error is Greenwood's and its interval that of log(-log).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.kernels import risk_table
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_length, check_scalar, float_array, sample_weight_array
from custval._metrics.outcome import from_landmark, read_outcome

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


@public("metrics")
def calibration(
    y: Any,
    p_leave: ArrayLike,
    *,
    horizon: float,
    groups: int = 10,
    landmark: float = 0.0,
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
    landmark : float, default 0
        Time already stayed from which the forecast counts; customers with entry <= landmark < duration are scored.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0; the errors are those of a sample that large.

    Returns
    -------
    Calibration
        One row for each group, ready to plot.

    Raises
    ------
    InputError
        For probabilities outside 0..1, nobody watched at the landmark, or a group not watched to the horizon.

    References
    ----------
    D'Agostino and Nam (2003), Handbook of Statistics 23 (product-limit estimate by group of predicted risk).

    Examples
    --------
    >>> from custval.metrics import calibration
    >>> table = calibration(([3, 5, 8, 9], [1, 0, 1, 0]), [0.6, 0.5, 0.3, 0.1], horizon=4.0, groups=2)
    >>> table.predicted.tolist(), table.observed.tolist()
    ([0.2, 0.55], [0.0, 0.5])
    """
    outcome = read_outcome(y)
    risk = float_array(p_leave, "p_leave", low=0.0, high=1.0)
    check_length(risk, len(outcome), name="p_leave", other="y")
    weight = sample_weight_array(sample_weight, len(outcome))
    ahead = check_scalar(horizon, "horizon", low=0.0, low_open=True, high=np.inf, high_open=True)
    wanted = int(check_scalar(groups, "groups", low=1))
    scored = from_landmark(outcome, landmark)
    keep, duration, left = scored.keep, scored.duration, scored.left
    risk, weight = risk[keep], weight[keep]
    group = _grouped(risk, weight, wanted)
    sizes = np.bincount(group)
    rows = [_observed(duration[group == k], left[group == k], weight[group == k], ahead) for k in range(len(sizes))]
    share, error, low, high = np.array(rows).T
    masses = np.bincount(group, weights=weight)
    return Calibration(
        predicted=frozen(np.bincount(group, weights=weight * risk) / masses),
        observed=frozen(share),
        std_error=frozen(error),
        lower=frozen(low),
        upper=frozen(high),
        customers=frozen(sizes.astype(np.int64)),
        horizon=ahead,
        mean_predicted=float(weight @ risk / weight.sum()),
        mean_observed=_observed(duration, left, weight, ahead)[0],
    )


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


def _observed(
    duration: FloatArray, left: BoolArray, weight: FloatArray, horizon: float
) -> tuple[float, float, float, float]:
    """Return the share that left by the horizon with its standard error and 95 % interval."""
    table = risk_table(duration, left.astype(np.int64), entry=None, weight=weight, causes=1)
    seen = table.times <= horizon
    events, at_risk = table.events[0][seen], table.at_risk[seen]
    happened = events > 0
    events, at_risk = events[happened], at_risk[happened]
    stayed = float(np.prod(1.0 - events / at_risk))
    if stayed > 0 and duration.max() < horizon:
        raise InputError(
            f"a group of {len(duration)} customers was watched to {duration.max():g} only, so its share at horizon "
            f"{horizon:g} is not known; choose fewer groups or a shorter horizon"
        )
    if stayed in (0.0, 1.0) or not len(events):
        return _all_or_none(1.0 - stayed, float(weight.sum()))
    spread = np.sqrt((events / (at_risk * (at_risk - events))).sum())
    bend = np.exp(1.959963984540054 * spread / abs(np.log(stayed)))
    return 1.0 - stayed, float(stayed * spread), 1.0 - stayed ** (1.0 / bend), 1.0 - stayed**bend


def _all_or_none(share: float, n: float) -> tuple[float, float, float, float]:
    """Return the exact binomial bound on the side that the normal approximation cannot see."""
    bound = 0.025 ** (1.0 / n)
    return (share, 0.0, 0.0, 1.0 - bound) if share == 0.0 else (share, 0.0, bound, 1.0)
