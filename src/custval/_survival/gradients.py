"""Means of predictions over customers, and how they move with a model's parameters: the raw material of intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.frames import frame_length, rows
from custval._core.typing import AnyFrame, FloatArray, forecast_covariance
from custval._core.validation import check_length, float_array

__all__ = ("blocks", "covariance_of", "given_array", "mean_incidence", "spread_of")

_BLOCK = 8_192


def covariance_of(model: Any, what: str) -> FloatArray:
    """Return the covariance of a model that can say how its predictions move, or refuse it."""
    covariance = forecast_covariance(model) if hasattr(model, "pullback") else None
    if covariance is None:
        raise InputError(f"{what} needs a fitted model with standard errors and a pullback, such as DiscreteHazard")
    return covariance


def given_array(given: Any, n: int) -> FloatArray:
    """Return months already stayed of n customers."""
    stayed = float_array(np.atleast_1d(np.asarray(0.0 if given is None else given)), "given", low=0.0)
    if len(stayed) == 1:
        return np.full(n, stayed[0])
    check_length(stayed, n, name="given")
    return stayed


def blocks(X: AnyFrame, given: FloatArray) -> Iterator[tuple[slice, AnyFrame, FloatArray]]:
    """Yield customers part by part; of none one empty part."""
    n = frame_length(X)
    for start in range(0, max(n, 1), _BLOCK):
        part = slice(start, min(n, start + _BLOCK))
        yield part, rows(X, np.arange(part.start, part.stop)), given[part]


def mean_incidence(
    model: Any, X: AnyFrame, given: FloatArray, month: int, weight: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the mean over customers of P(left within `month` months), by cause and in all, and its gradient.

    Shapes (K + 1,) and (K + 1, P); `weight` (n,) sums to one, None: all alike.
    """
    n = len(given)
    if not n:
        raise InputError("X holds no customers, so there is no mean over them")
    share = np.full(n, 1.0 / n) if weight is None else weight
    causes = len(model.causes_)
    value, slope = np.zeros(causes + 1), np.zeros((causes + 1, len(covariance_of(model, "the gradient"))))
    for part, own, stayed in blocks(X, given):
        incidence = np.asarray(model.predict_incidence(own, [month], given=stayed))[:, :, 0]
        value[:-1] += share[part] @ incidence
        for k in range(causes):
            exits = np.zeros((len(stayed), causes, month))
            exits[:, k] = share[part][:, None]
            slope[k] += np.asarray(model.pullback(own, np.zeros((len(stayed), month)), exits, given=stayed)).sum(axis=0)
    value[-1], slope[-1] = value[:-1].sum(), slope[:-1].sum(axis=0)
    return value, slope


def spread_of(slope: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return standard errors of numbers with gradients (..., P)."""
    return np.asarray(np.sqrt(np.clip(np.einsum("...p,pq,...q->...", slope, covariance, slope), 0.0, None)))
