"""Names for the shapes that travel between the wings, and the protocols through which fields meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = (
    "AnyFrame",
    "ArrayLike",
    "BoolArray",
    "FloatArray",
    "HazardModel",
    "IntArray",
    "RandomState",
    "SupportsPullback",
    "TextArray",
    "forecast_covariance",
)

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
TextArray: TypeAlias = NDArray[Any]
AnyFrame: TypeAlias = Any  # pandas, Polars, Arrow, anything Narwhals reads, a mapping of columns, or a 2-D array
RandomState: TypeAlias = int | np.random.Generator | None


@runtime_checkable
class HazardModel(Protocol):
    """What value, alert lists and metrics need from a fitted model of leaving: its survival matrix."""

    def predict_survival(
        self, X: AnyFrame, times: Sequence[float] | FloatArray, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(still a customer at each time ahead | stayed `given` months), shape (n, H)."""
        ...


@runtime_checkable
class SupportsPullback(Protocol):
    """A fitted model that can say how a weighted sum of its predictions moves with its parameters."""

    covariance_: FloatArray

    def pullback(
        self,
        X: AnyFrame,
        survival_weight: FloatArray,
        exit_weight: FloatArray | None = None,
        *,
        given: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the gradient, shape (n, P), of sum_t w[i,t] S_i(t) + sum_kt c[i,k,t] (F_ik(t) - F_ik(t-1)).

        `survival_weight` is (n, H) for months 1..H from now, `exit_weight` is (n, K, H) or None; the P parameters
        stand in the order of :func:`forecast_covariance`.
        """
        ...


def forecast_covariance(model: SupportsPullback) -> FloatArray | None:
    """Return the covariance (P, P) of what ``pullback`` takes gradients in; None where it is not known.

    That is ``forecast_covariance_`` of models whose forecasts move with more than their coefficients (a baseline that
    is estimated too), else ``covariance_``.
    """
    found = getattr(model, "forecast_covariance_", None)
    found = getattr(model, "covariance_", None) if found is None else found
    return None if found is None else np.asarray(found, dtype=np.float64)
