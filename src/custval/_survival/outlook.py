"""Given that the customer is here today: who leaves within 1, 3, 6, 12 months, why, and how long do the others stay?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import import_pandas
from custval._core.frames import frame_length
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, forecast_covariance
from custval._core.validation import check_scalar, check_whole
from custval._survival.gradients import blocks, given_array, spread_of
from custval._survival.intervals import probability_bounds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Outlook", "outlook")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class Outlook(Result):
    """What lies ahead of n customers, given that they are here today.

    Attributes
    ----------
    months : ndarray of int, shape (H,)
        Months from now.
    causes : tuple of K str
        Causes.
    p_leave : ndarray of shape (n, H)
        P(left within so many months).
    incidence : ndarray of shape (n, K, H)
        The same by cause; over the causes they sum to `p_leave`.
    std_error, lower, upper : ndarray of shape (n, K, H), or None
        Of the incidence, pointwise (log-log); None for models without a covariance of all parameters.
    mean_months : ndarray of shape (n,)
        Expected months ahead, counted up to `horizon` (restricted mean).
    mean_std_error : ndarray of shape (n,), or None
        Its standard error.
    median_months : ndarray of shape (n,)
        First month by whose end half are gone; inf where that is beyond `horizon`.
    horizon : int
        Furthest month counted.
    conf_level : float
        Coverage of the bounds at each month.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, outlook, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
    >>> ahead = outlook(DiscreteHazard(baseline="constant", tail="hold").fit(X, y), X[:2], months=[1, 3], horizon=24)
    >>> ahead.p_leave.round(2).tolist(), ahead.median_months.tolist(), ahead.mean_months.round(1).tolist()
    ([[0.33, 0.7], [0.67, 0.96]], [2.0, 1.0], [3.0, 1.5])
    """

    months: IntArray
    causes: tuple[str, ...]
    p_leave: FloatArray
    incidence: FloatArray
    std_error: FloatArray | None
    lower: FloatArray | None
    upper: FloatArray | None
    mean_months: FloatArray
    mean_std_error: FloatArray | None
    median_months: FloatArray
    horizon: int
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return p_leave_<months>, incidence_<cause>_<months>, mean and median months as a pandas frame, n rows."""
        frames = import_pandas()
        table: dict[str, Any] = {f"p_leave_{m}": self.p_leave[:, h] for h, m in enumerate(self.months.tolist())}
        for k, cause in enumerate(self.causes):
            table |= {f"{cause}_{m}": self.incidence[:, k, h] for h, m in enumerate(self.months.tolist())}
        made: pd.DataFrame = frames.DataFrame(
            {**table, "mean_months": self.mean_months, "median_months": self.median_months}
        )
        return made


@public("survival")
def outlook(
    model: Any,
    X: AnyFrame,
    *,
    given: ArrayLike | None = None,
    months: Sequence[int] = (1, 3, 6, 12),
    horizon: int = 60,
    conf_level: float = 0.95,
) -> Outlook:
    """Return what lies ahead of customers who are here today: risk by cause with intervals, and residual life.

    Parameters
    ----------
    model : fitted hazard model
        Anything with ``predict_survival`` and ``predict_incidence``; intervals need ``pullback`` and ``covariance_``.
        Models that stop at the last observed month need ``tail="hold"`` for a horizon beyond it.
    X : frame or array of shape (n, columns)
        Customers.
    given : float or array_like of shape (n,), optional
        Months already stayed; None: 0.
    months : sequence of int, default (1, 3, 6, 12)
        Months from now, >= 1.
    horizon : int, default 60
        Furthest month counted in mean and median.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.

    Returns
    -------
    Outlook
        Probabilities, intervals, expected and median months ahead.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, outlook, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    >>> outlook(model, X[:1], given=3, months=[1]).incidence.round(2).tolist()
    [[[0.33]]]
    """
    when = np.array([check_whole(month, "months", low=1) for month in np.atleast_1d(np.asarray(months))])
    furthest = check_whole(horizon, "horizon", low=1)
    level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
    stayed = given_array(given, frame_length(X))
    covariance = forecast_covariance(model) if hasattr(model, "pullback") else None
    parts = [
        _block(model, own, now, when, horizon=furthest, covariance=covariance) for _, own, now in blocks(X, stayed)
    ]
    incidence, mean, median = (np.concatenate([part[place] for part in parts]) for place in (0, 2, 4))
    error, mean_error = (
        None if covariance is None else np.concatenate([part[place] for part in parts]) for place in (1, 3)
    )
    lower, upper = None, None
    if error is not None:
        exists = np.ones(incidence.shape, dtype=bool)
        lower, upper = probability_bounds(incidence, error, exists, conf_level=level, conf_type="log-log")
    return Outlook(
        months=frozen(when),
        causes=tuple(model.causes_),
        p_leave=frozen(incidence.sum(axis=1)),
        incidence=frozen(incidence),
        std_error=error,
        lower=lower,
        upper=upper,
        mean_months=frozen(mean),
        mean_std_error=mean_error,
        median_months=frozen(median),
        horizon=furthest,
        conf_level=level,
    )


def _block(
    model: Any, X: AnyFrame, given: FloatArray, when: IntArray, *, horizon: int, covariance: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Return incidence, its errors, mean, its errors and median of some customers."""
    survival = np.asarray(model.predict_survival(X, np.arange(1, horizon + 1), given=given))
    incidence = np.asarray(model.predict_incidence(X, when, given=given))
    mean = 1.0 + survival[:, :-1].sum(axis=1)
    gone = survival <= 0.5
    median = np.where(gone.any(axis=1), gone.argmax(axis=1) + 1.0, np.inf)
    if covariance is None:
        return incidence, None, mean, None, median
    n, causes = incidence.shape[:2]
    error = np.empty_like(incidence)
    for h, month in enumerate(when.tolist()):
        for k in range(causes):
            exits = np.zeros((n, causes, month))
            exits[:, k] = 1.0
            error[:, k, h] = spread_of(model.pullback(X, np.zeros((n, month)), exits, given=given), covariance)
    weight = np.ones((n, horizon))
    weight[:, -1] = 0.0
    return incidence, error, mean, spread_of(model.pullback(X, weight, given=given), covariance), median
