"""Does a customer's usage rise or fall, and how sure is that? The slope of each customer's months, with its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import float_array

__all__ = ("UsageSlope", "usage_slope")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class UsageSlope(Result):
    """Relative change a month of each customer; arrays have shape (n,).

    Attributes
    ----------
    slope : ndarray
        Change a month, as a share of the customer's own mean: -0.05 is 5 % less each month; 0 where there is no usage.
    std_error : ndarray
        Standard error of the slope.
    mean : ndarray
        Mean of the months.
    months : int
        How many there were: few leave the error itself uncertain, see ``slope_months`` of ``lifecycle_stage``.

    Examples
    --------
    >>> from custval.segments import usage_slope
    >>> usage_slope([[10.0, 8.0, 6.0, 4.0]]).slope.round(3)
    array([-0.286])
    """

    slope: FloatArray
    std_error: FloatArray
    mean: FloatArray
    months: int


@public("segments")
def usage_slope(usage: ArrayLike) -> UsageSlope:
    """Return the relative slope of usage or bills over the last months, with its standard error.

    Parameters
    ----------
    usage : array of shape (n, months)
        Minutes, megabytes or bills of each customer by month, the oldest first, >= 0; at least three months.

    Returns
    -------
    UsageSlope
        Least-squares slope over the customer's own mean, and its error. Three months leave one degree of freedom:
        take six where you can.

    Raises
    ------
    InputError
        If there are fewer than three months, or a value is negative, missing or infinite.

    Examples
    --------
    >>> from custval.segments import usage_slope
    >>> found = usage_slope([[5.0, 5.0, 5.0], [1.0, 2.0, 3.0]])
    >>> found.slope, found.std_error
    (array([0. , 0.5]), array([0., 0.]))
    """
    months = float_array(usage, "usage", low=0.0, ndim=2)
    count = months.shape[1]
    if count < 3:
        raise InputError(f"usage has {count} months; a slope with an error needs at least 3")
    time = np.arange(count) - (count - 1) / 2.0
    mean = months.mean(axis=1)
    squares = float((time**2).sum())
    slope = months @ time / squares
    residual = months - mean[:, None] - slope[:, None] * time
    error = np.sqrt((residual**2).sum(axis=1) / (count - 2) / squares)
    size = np.where(mean > 0, mean, 1.0)
    return UsageSlope(slope=frozen(slope / size), std_error=frozen(error / size), mean=frozen(mean), months=count)
