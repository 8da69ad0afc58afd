"""Predicted survival and incidence with their uncertainty: of the coefficients, and of the baseline or the law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import import_pandas
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray
from custval._core.validation import check_choice, check_scalar
from custval._survival.intervals import probability_bounds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("IncidenceBand", "SurvivalBand", "check_band", "incidence_band", "survival_band")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class SurvivalBand(Result):
    """Survival of n customers at H times with pointwise bounds.

    Attributes
    ----------
    times : ndarray of shape (H,)
        Times from now.
    survival : ndarray of shape (n, H)
        P(still a customer).
    std_error : ndarray of shape (n, H)
        Of the survival.
    lower, upper : ndarray of shape (n, H)
        Bounds; masked where there are none.
    conf_level : float
        Coverage of the bounds at each time.
    time_unit : str
        Unit of the times.

    Examples
    --------
    >>> from custval.survival import CoxPH, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
    >>> band = CoxPH().fit(X, y).predict_survival_band([[0.0]], [1, 2])
    >>> band.survival.round(2).tolist(), band.upper.round(2).tolist()
    ([[0.7, 0.4]], [[1.0, 1.0]])
    """

    times: FloatArray
    survival: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    conf_level: float
    time_unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return columns row, time, survival, std_error, lower, upper as a pandas frame, n * H rows."""
        frames = import_pandas()

        n, wide = self.survival.shape
        table = {"row": np.repeat(np.arange(n), wide), "time": np.tile(self.times, n)}
        for name in ("survival", "std_error", "lower", "upper"):
            table[name] = np.ma.filled(np.ma.asarray(getattr(self, name)), np.nan).ravel()
        made: pd.DataFrame = frames.DataFrame(table)
        return made


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class IncidenceBand(Result):
    """Incidence of one cause for n customers at H times with pointwise bounds.

    Attributes
    ----------
    times : ndarray of shape (H,)
        Times.
    incidence : ndarray of shape (n, H)
        P(left for the cause by the time).
    std_error : ndarray of shape (n, H)
        Of the incidence.
    lower, upper : ndarray of shape (n, H)
        Bounds; masked where there are none.
    cause : str
        The cause.
    conf_level : float
        Coverage of the bounds at each time.
    time_unit : str
        Unit of the times.

    Examples
    --------
    >>> from custval.survival import FineGray, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0, 20.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2, 2, 3], ["price", "moved", None, "price", None, None, "moved", "price"])
    >>> band = FineGray(cause="price").fit(X, y).predict_incidence_band({"fee": [30.0]}, [1, 3])
    >>> band.incidence.round(2).tolist(), band.cause
    ([[0.09, 0.37]], 'price')
    """

    times: FloatArray
    incidence: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    cause: str
    conf_level: float
    time_unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return columns row, time, incidence, std_error, lower, upper as a pandas frame, n * H rows."""
        frames = import_pandas()

        n, wide = self.incidence.shape
        table = {"row": np.repeat(np.arange(n), wide), "time": np.tile(self.times, n)}
        for name in ("incidence", "std_error", "lower", "upper"):
            table[name] = np.ma.filled(np.ma.asarray(getattr(self, name)), np.nan).ravel()
        made: pd.DataFrame = frames.DataFrame(table)
        return made


def check_band(conf_level: float, conf_type: str) -> float:
    """Return the coverage, checked with the scale of the bounds."""
    check_choice(conf_type, "conf_type", ("log", "log-log", "plain"))
    return check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)


def survival_band(
    times: FloatArray, survival: FloatArray, log_error: FloatArray, *, level: float, conf_type: str, time_unit: str
) -> SurvivalBand:
    """Return the band from survival (n, H) and standard errors of its logarithm (n, H)."""
    error = survival * log_error
    exists = np.isfinite(log_error) & (survival > 0)
    lower, upper = probability_bounds(survival, error, exists, conf_level=level, conf_type=conf_type)
    return SurvivalBand(frozen(times), frozen(survival), frozen(error), lower, upper, level, time_unit)


def incidence_band(
    times: FloatArray,
    incidence: FloatArray,
    error: FloatArray,
    *,
    cause: str,
    level: float,
    conf_type: str,
    time_unit: str,
) -> IncidenceBand:
    """Return the band from incidences (n, H) and their standard errors (n, H)."""
    exists = np.isfinite(error) & (incidence < 1)
    if conf_type == "log-log":
        # the interval of one less F, whose log-log scale it is
        upper, lower = probability_bounds(1 - incidence, error, exists, conf_level=level, conf_type="log-log")
        lower, upper = 1 - lower, 1 - upper
    else:
        lower, upper = probability_bounds(incidence, error, exists, conf_level=level, conf_type=conf_type)
    return IncidenceBand(frozen(times), frozen(incidence), frozen(error), lower, upper, cause, level, time_unit)
