"""What are segments, cohorts or accounts worth, with errors that know that all customers share one fitted model?

The error of a total is not the root of a sum of squares: with the gradient g_G = sum of the gradients of the customers
of group G, var(total_G) = g_G' C g_G and cov(G, H) = g_G' C g_H, C the covariance of the model's parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, IntArray, TextArray
from custval._core.validation import check_length

__all__ = ("GroupTotals", "Grouping", "group_totals")

MOST_PAIRS = 1000  # groups whose covariances are kept: a million numbers


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class GroupTotals(Result):
    """The value of each group of customers, with correlated errors.

    Attributes
    ----------
    group : ndarray of shape (G,)
        Labels, sorted.
    customers : ndarray of shape (G,)
        Customers in the group.
    value : ndarray of shape (G,)
        Sum of the values of the group.
    std_error, lower, upper : ndarray of shape (G,) or None
        From the uncertainty of the model's parameters; None where it has no covariance.
    covariance : ndarray of shape (G, G) or None
        Between the totals of up to 1,000 groups: the error of a difference is
        ``sqrt(C[a, a] + C[b, b] - 2 C[a, b])``.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import GeometricRetention, lifetime_value
    >>> model = GeometricRetention().fit([1000, 800, 640, 512])
    >>> worth = lifetime_value(
    ...     model, np.zeros((4, 1)), margin=10.0, horizon=12, monthly_discount=0.01,
    ...     groups=["north", "south", "north", "north"],
    ... )
    >>> worth.groups.to_frame()[["group", "customers", "value"]].round(1)
       group  customers  value
    0  north          3  107.3
    1  south          1   35.8
    """

    group: TextArray
    customers: IntArray
    value: FloatArray
    std_error: FloatArray | None
    lower: FloatArray | None
    upper: FloatArray | None
    covariance: FloatArray | None


class Grouping:
    """Labels of the customers as numbers, and the gradients of the groups as blocks are added."""

    def __init__(self, groups: Any, n: int) -> None:
        labels = np.asarray(groups)
        if labels.ndim != 1:
            raise InputError(f"groups must have one label for each customer, not shape {labels.shape}")
        check_length(labels, n, name="groups")
        try:
            self.labels, self.number = np.unique(labels, return_inverse=True)
        except TypeError:
            raise InputError("groups must hold labels of one kind (texts or numbers), none missing") from None
        self.gradient: FloatArray | None = None

    def add(self, where: slice, gradient: FloatArray) -> None:
        """Add the gradients of the customers of a block."""
        if self.gradient is None:
            self.gradient = np.zeros((len(self.labels), gradient.shape[1]))
        number = self.number[where]
        for j in range(gradient.shape[1]):
            self.gradient[:, j] += np.bincount(number, weights=gradient[:, j], minlength=len(self.labels))


def group_totals(grouping: Grouping, value: FloatArray, covariance: FloatArray | None, level: float) -> GroupTotals:
    """Return the totals of the groups."""
    count = len(grouping.labels)
    total = np.asarray(np.bincount(grouping.number, weights=value, minlength=count), dtype=np.float64)
    heads = np.asarray(np.bincount(grouping.number, minlength=count), dtype=np.int64)
    if grouping.gradient is None or covariance is None:
        return GroupTotals(frozen(grouping.labels), frozen(heads), frozen(total), None, None, None, None)
    moved = grouping.gradient @ covariance
    error = np.sqrt(np.maximum(np.einsum("gp,gp->g", moved, grouping.gradient), 0.0))
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    pairs = frozen(moved @ grouping.gradient.T) if count <= MOST_PAIRS else None
    return GroupTotals(
        group=frozen(grouping.labels),
        customers=frozen(heads),
        value=frozen(total),
        std_error=frozen(error),
        lower=frozen(total - z * error),
        upper=frozen(total + z * error),
        covariance=pairs,
    )
