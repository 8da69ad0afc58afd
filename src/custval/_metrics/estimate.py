"""One number with its standard error, and the error of a weighted mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.doors import public
from custval._core.results import Result
from custval._core.typing import FloatArray

__all__ = ("Estimate", "mean_and_error")


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class Estimate(Result):
    """A measure of a forecast.

    Attributes
    ----------
    value : float
        The measure.
    std_error : float or None
        Its standard error over samples of customers; None where one customer alone was scored.
    customers : int
        Customers scored.

    Examples
    --------
    >>> from custval.metrics import auc
    >>> found = auc([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1])
    >>> found.value, round(found.std_error, 4), found.customers
    (0.875, 0.1768, 4)
    """

    value: float
    std_error: float | None
    customers: int


def mean_and_error(each: FloatArray, weight: FloatArray) -> tuple[float, float | None]:
    """Return the weighted mean of what each customer contributes, and its standard error."""
    n, total = len(each), weight.sum()
    mean = float(weight @ each / total)
    if n < 2:
        return mean, None
    return mean, float(np.sqrt(((weight * (each - mean)) ** 2).sum() * n / (n - 1)) / total)
