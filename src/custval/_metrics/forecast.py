"""What is scored: forecasts at given times, checked in as few passes as they allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_rows, float_array

__all__ = ("probabilities", "rising_times", "staying")


def rising_times(times: ArrayLike) -> FloatArray:
    """Return times after the landmark: at least one, > 0, rising."""
    grid = float_array(times, "times", low=0.0, low_open=True)
    if not len(grid):
        raise InputError("times is empty; name at least one time after the landmark")
    check_rows(np.append(True, np.diff(grid) > 0), grid, name="times", rule="be rising")
    return grid


def probabilities(values: Any, name: str, ndim: int) -> FloatArray:
    """Return `values` as probabilities, or say which row is none."""
    array = np.asarray(values)
    # two passes where all is well; nan fails both comparisons
    if array.dtype == np.float64 and array.ndim == ndim and array.size and array.min() >= 0.0 and array.max() <= 1.0:
        return array
    return float_array(values, name, low=0.0, high=1.0, ndim=ndim)


def staying(forecast: ArrayLike, times: int, cause: int | None) -> FloatArray:
    """Return the forecast of not having left for the cause (None: for any), shape (n, H)."""
    if cause is None:
        found = probabilities(forecast, "survival", 2)
    elif np.ndim(forecast) == 3:
        every = probabilities(forecast, "survival", 3)
        if every.shape[1] < cause:
            raise InputError(f"survival holds incidences of {every.shape[1]} causes, but cause is {cause}")
        found = 1.0 - every[:, cause - 1, :]
    else:
        found = 1.0 - probabilities(forecast, "survival", 2)
    if found.shape[1] != times:
        raise InputError(f"survival has {found.shape[1]} columns but times has {times}; one column for each time")
    return found
