"""How many months will a customer stay within the next so many: the area under the survival curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import FloatArray
from custval._core.validation import check_scalar
from custval._survival.curve_groups import Curves
from custval._survival.curves import SurvivalCurve
from custval._survival.intervals import normal_quantile

__all__ = ("RestrictedMean", "restricted_mean")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class RestrictedMean(Result):
    """Mean time stayed within a horizon.

    Attributes
    ----------
    value : float
        Mean of min(T, horizon), in `time_unit`.
    std_error, lower, upper : float or None
        Standard error and its normal interval, cut to [0, horizon]; None for curves with a robust variance, whose table
        no longer knows the customers.
    horizon : float
        The horizon.
    conf_level : float
        Confidence level, that of the curve.
    time_unit : str
        Unit of the times.

    Examples
    --------
    >>> from custval.survival import kaplan_meier, restricted_mean, survival_target
    >>> mean = restricted_mean(kaplan_meier(survival_target([2, 4, 6, 8])), 6)
    >>> round(mean.lower, 2), round(mean.upper, 2)
    (2.87, 6.0)
    """

    value: float
    std_error: float | None
    lower: float | None
    upper: float | None
    horizon: float
    conf_level: float
    time_unit: str


@overload
def restricted_mean(curve: SurvivalCurve, horizon: float) -> RestrictedMean: ...
@overload
def restricted_mean(curve: Curves[SurvivalCurve], horizon: float) -> dict[Any, RestrictedMean]: ...
@public("survival")
def restricted_mean(
    curve: SurvivalCurve | Curves[SurvivalCurve], horizon: float
) -> RestrictedMean | dict[Any, RestrictedMean]:
    """Return the mean time that customers stay within `horizon`, the area under their curve.

    The variance is sum A(t)^2 d / (r (r - d)) over the times t <= horizon, with A(t) the area between t and the
    horizon; for the Aalen rule, sum A(t)^2 d / r^2.

    Parameters
    ----------
    curve : SurvivalCurve, or Curves of them
        From :func:`kaplan_meier` or :func:`life_table`.
    horizon : float
        > 0, in the unit of the curve, and not past its last time unless it has reached zero.

    Returns
    -------
    RestrictedMean, or a dict of them by group
        Mean, standard error and interval.

    Raises
    ------
    InputError
        For another kind of curve, or a horizon that the curve does not reach.

    References
    ----------
    Klein and Moeschberger (2003). Survival analysis, 2nd edition, section 4.5.

    Examples
    --------
    >>> from custval.survival import kaplan_meier, restricted_mean, survival_target
    >>> mean = restricted_mean(kaplan_meier(survival_target([2, 4, 6, 8])), 6)
    >>> round(mean.value, 3), round(mean.std_error, 3)
    (4.5, 0.829)
    """
    if isinstance(curve, Curves):
        return {group: restricted_mean(one, horizon) for group, one in curve.items()}
    if not isinstance(curve, SurvivalCurve):
        raise InputError(f"curve must be a survival curve such as kaplan_meier returns, not {type(curve).__name__}")
    horizon = check_scalar(horizon, "horizon", low=0, low_open=True, high=np.inf, high_open=True)
    curve.at(horizon)  # refuses a horizon past the last time
    area = _area_to(curve, horizon)
    value = float(area[0])
    if curve.variance == "robust":
        return RestrictedMean(value, None, None, None, horizon, curve.conf_level, curve.time_unit)
    std_error = float(np.sqrt(_variance(curve, area[1:])))
    reach = normal_quantile(curve.conf_level) * std_error
    return RestrictedMean(
        value=value,
        std_error=std_error,
        lower=max(value - reach, 0.0),
        upper=min(value + reach, horizon),
        horizon=horizon,
        conf_level=curve.conf_level,
        time_unit=curve.time_unit,
    )


def _area_to(curve: SurvivalCurve, horizon: float) -> FloatArray:
    """Return the area under the curve from 0, and from each of its times, to the horizon; shape (m + 1,)."""
    starts = np.minimum(np.concatenate([[0.0], curve.times]), horizon)
    ends = np.append(starts[1:], horizon)
    height = np.concatenate([[1.0], curve.survival])
    return np.asarray(np.cumsum((height * (ends - starts))[::-1])[::-1])


def _variance(curve: SurvivalCurve, area: FloatArray) -> float:
    stay = curve.at_risk - curve.events if curve.variance == "greenwood" else curve.at_risk
    bottom = curve.at_risk * stay
    # where everybody leaves, no area is left and the term is 0
    terms = np.divide(curve.events, bottom, out=np.zeros_like(bottom), where=bottom > 0)
    return float((area**2 * terms).sum())
