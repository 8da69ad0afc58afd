"""One way to ask any hazard model: survival, incidences and gradients for some rows of X, in months from now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.checks import number_array
from custval._core.errors import InputError
from custval._core.frames import frame_length, rows
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, forecast_covariance
from custval._core.validation import check_choice, check_length

__all__ = ("Source",)

UNITS_PER_MONTH = {"month": 1.0, "year": 1 / 12, "quarter": 1 / 3, "week": 30.436875 / 7, "day": 30.436875}


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A fitted model with the months that each customer has already stayed."""

    model: Any
    causes: tuple[str, ...]
    given: FloatArray | None
    units: float  # model's time units in a month

    @classmethod
    def of(cls, model: Any, X: AnyFrame, given: ArrayLike | None) -> Source:
        """Return the source for `model`, or say what the model lacks."""
        if not hasattr(model, "predict_survival"):
            kind = type(model).__name__
            # lifelines' own curves take S(first departure) for S(0) and draw lines between departures
            lines = hasattr(model, "predict_survival_function") or hasattr(model, "survival_function_at_times")
            cure = "hand over custval.survival.from_lifelines(model)" if lines else "fit a hazard"
            raise InputError(f"model must have predict_survival(X, times, given=), but a {kind} has not; {cure}")
        unit = getattr(model, "time_unit_", getattr(model, "time_unit", "month"))
        check_choice(unit, "the model's time_unit", UNITS_PER_MONTH)
        units = UNITS_PER_MONTH[unit]
        n = frame_length(X)
        stayed = None if given is None else _stayed(given, n) * units
        return cls(model, _causes(model, X, units), stayed, units)

    def survival(self, X: AnyFrame, months: int, where: slice) -> FloatArray:
        """Return S(1..months | now) of the rows `where`, shape (rows, months)."""
        ahead = np.arange(1, months + 1) * self.units
        curve = self.model.predict_survival(_some(X, where), ahead, **self._given(where))
        return self._shaped(curve, (where.stop - where.start, months), "predict_survival")

    def incidence(self, X: AnyFrame, months: int, where: slice, curve: FloatArray) -> FloatArray:
        """Return F_k(1..months | now) of the rows `where`, shape (rows, K, months); one cause is 1 - survival."""
        if len(self.causes) == 1:
            return (1.0 - curve)[:, None, :]
        ahead = np.arange(1, months + 1) * self.units
        left = self.model.predict_incidence(_some(X, where), ahead, **self._given(where))
        return self._shaped(left, (len(curve), len(self.causes), months), "predict_incidence")

    def gradient(
        self, X: AnyFrame, where: slice, survival_weight: FloatArray, exit_weight: FloatArray | None
    ) -> FloatArray:
        """Return the gradient (rows, P) of the weighted sum, for a model that `is_uncertain`."""
        some = _some(X, where)
        pulled = self.model.pullback(some, survival_weight, exit_weight, **self._given(where))
        return np.asarray(pulled, dtype=np.float64)

    @property
    def is_uncertain(self) -> bool:
        """Whether the model knows the covariance of its parameters and how predictions move with them."""
        # pullback counts in months from now: with another unit its months would be the wrong ones
        known = hasattr(self.model, "pullback") and hasattr(self.model, "covariance_") and self.units == 1.0
        return known and forecast_covariance(self.model) is not None

    @property
    def covariance(self) -> FloatArray:
        """The covariance (P, P) of the parameters of a model that `is_uncertain`."""
        return np.asarray(forecast_covariance(self.model), dtype=np.float64)

    def _given(self, where: slice) -> dict[str, FloatArray]:
        return {} if self.given is None else {"given": self.given[where]}

    def _shaped(self, values: Any, shape: tuple[int, ...], method: str) -> FloatArray:
        array = np.asarray(values, dtype=np.float64)
        if array.shape != shape:
            kind = type(self.model).__name__
            raise InputError(f"{kind}.{method} returned shape {array.shape} where {shape} was expected")
        return array


def _some(X: AnyFrame, where: slice) -> AnyFrame:
    if where.start == 0 and where.stop == frame_length(X):
        return X
    return rows(X, np.arange(where.start, where.stop))


def _stayed(given: ArrayLike, n: int) -> FloatArray:
    stayed = np.atleast_1d(number_array(given, "given", low=0.0, fix="given counts the months already stayed"))
    if stayed.ndim != 1:
        raise InputError(f"given must be a number or have one value for each customer, not shape {stayed.shape}")
    if np.ndim(given) == 0:
        return np.full(n, stayed[0])
    check_length(stayed, n, name="given")
    return stayed


def _causes(model: Any, X: AnyFrame, units: float) -> tuple[str, ...]:
    """Return the names of the causes that the model tells apart."""
    if not hasattr(model, "predict_incidence"):
        return ("left",)
    named = getattr(model, "causes_", None)
    if named is not None and len(named):
        return tuple(str(name) for name in named)
    probe = np.asarray(model.predict_incidence(rows(X, np.arange(1)), np.array([1.0]) * units))
    return tuple(f"cause_{k + 1}" for k in range(probe.shape[1]))
