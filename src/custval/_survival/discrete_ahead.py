"""What lies ahead of each customer by the monthly hazard: survival, incidence, risk, and how they move.

Every answer is for a customer who is here today after `given` months. Clocks move on by themselves; other columns keep
today's value, or follow a `scenario`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeAlias

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.frames import column, frame_length
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_whole, float_array, sample_weight_array
from custval._survival.baseline import free_basis_ahead
from custval._survival.clocks import Clock, FittedClock, clock_values
from custval._survival.discrete_path import (
    ClockPath,
    Customers,
    Path,
    by_parameter,
    hazard_ahead,
    incidence_ahead,
    log_chance,
    mean_hazard,
    pullback_ahead,
    survival_ahead,
)
from custval._survival.discrete_rows import frames_ahead, months_stayed, own_causes
from custval._survival.discrete_shrink import level_codes
from custval._survival.monthly import to_months

__all__ = ("HazardAhead", "Scenario")

Scenario: TypeAlias = Mapping[str, ArrayLike] | None


class HazardAhead(Estimator):
    """Predictions of a fitted monthly hazard."""

    link: str
    tail: str
    encoder_: DesignEncoder
    causes_: tuple[str, ...]
    coef_: FloatArray
    center_: FloatArray
    level_: FloatArray
    stays_: FloatArray
    exposure_: FloatArray
    tail_weight_: FloatArray
    basis_: tuple[FloatArray, ...] | None
    clocks_: tuple[Clock, ...]
    clock_low_: IntArray
    clock_columns_: tuple[tuple[FloatArray, ...], ...]
    clock_effects_: tuple[FloatArray, ...]
    shrunk_columns_: tuple[str, ...]
    shrunk_levels_: tuple[TextArray, ...]
    shrunk_effects_: tuple[FloatArray, ...]
    shrunk_std_error_: tuple[FloatArray, ...]
    shrunk_variance_: FloatArray
    last_month_: int

    def predict_hazard(
        self,
        X: AnyFrame,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | None = None,
        scenario: Scenario = None,
    ) -> FloatArray:
        """Return P(leaves for each cause in the month ending `times` months from now | here at its start).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of int, shape (H,), optional
            Months from now, >= 1; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.
        scenario : mapping, optional
            What columns will be in the months ahead: name to values of shape (H,) or (n, H); past its end the last
            value holds. None: every column but the clocks keeps its value.

        Returns
        -------
        ndarray of shape (n, K, H)
            Probabilities.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_hazard(X[:2], [1]).round(3).tolist()
        [[[0.333]], [[0.667]]]
        """
        when, who = self._ahead(times, given, X, scenario, least=1)
        return hazard_ahead(self._path(), who, when)

    def predict_survival(
        self,
        X: AnyFrame,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | None = None,
        scenario: Scenario = None,
    ) -> FloatArray:
        """Return P(still a customer `times` months from now | stayed `given` months).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Months from now, >= 0, completed months counting; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed, completed months counting; None: 0.
        scenario : mapping, optional
            What columns will be in the months ahead: name to values of shape (H,) or (n, H); past its end the last
            value holds. None: every column but the clocks keeps its value.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_survival(X[:2], [1, 2]).round(3).tolist()
        [[0.667, 0.444], [0.333, 0.111]]
        """
        when, who = self._ahead(times, given, X, scenario)
        return survival_ahead(self._path(), who, when)

    def predict_incidence(
        self,
        X: AnyFrame,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | None = None,
        scenario: Scenario = None,
    ) -> FloatArray:
        """Return P(left for each cause within `times` months from now | stayed `given` months).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Months from now, >= 0; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.
        scenario : mapping, optional
            What columns will be in the months ahead: name to values of shape (H,) or (n, H); past its end the last
            value holds. None: every column but the clocks keeps its value.

        Returns
        -------
        ndarray of shape (n, K, H)
            Probabilities; with the survival they sum to one.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_incidence(X[:2], [1, 2]).round(3).tolist()
        [[[0.333, 0.556]], [[0.667, 0.889]]]
        """
        when, who = self._ahead(times, given, X, scenario)
        return incidence_ahead(self._path(), who, when)

    def predict_cumulative_hazard(
        self,
        X: AnyFrame,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | None = None,
        scenario: Scenario = None,
    ) -> FloatArray:
        """Return the sum of the monthly hazards of all causes over the next `times` months.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Months from now, >= 0; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.
        scenario : mapping, optional
            What columns will be in the months ahead: name to values of shape (H,) or (n, H); past its end the last
            value holds. None: every column but the clocks keeps its value.

        Returns
        -------
        ndarray of shape (n, H)
            Expected departures of a customer who were replaced at once; the survival is the product of 1 - increments.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_cumulative_hazard(X[:2], [1, 2]).round(3).tolist()
        [[0.333, 0.667], [0.667, 1.333]]
        """
        when, who = self._ahead(times, given, X, scenario)
        every = np.arange(1, max(int(when.max(initial=0)), 1) + 1)
        grown = np.cumsum(hazard_ahead(self._path(), who, every).sum(axis=1), axis=1)
        return np.where(when > 0, grown[:, when - 1], 0.0)

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by: their monthly probability of leaving, for any cause.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Probability for each month, averaged over the observed months by the customers at risk in them; clocks
            stand still at the value of the row.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_risk(X[:2]).round(3).tolist()
        [0.333, 0.667]
        """
        self._check_fitted()
        share: FloatArray = self.exposure_ / self.exposure_.sum()
        return mean_hazard(self._path(), self._standing(X, None), share)

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Monthly probability of leaving.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict(X[:2]).round(3).tolist()
        [0.333, 0.667]
        """
        return self.predict_risk(X)

    def expected_lifetime(self, X: AnyFrame, horizon: int, *, given: ArrayLike | None = None) -> FloatArray:
        """Return the expected months ahead, counted up to `horizon` (restricted mean).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        horizon : int
            Months ahead, >= 1.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n,)
            Months: ``E[min(T - given, horizon) | T > given]``.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.expected_lifetime(X[:2], 2).round(3).tolist()
        [1.667, 1.333]
        """
        months = check_whole(horizon, "horizon", low=1)
        return np.asarray(self.predict_survival(X, np.arange(months), given=given).sum(axis=1))

    def pullback(
        self,
        X: AnyFrame,
        survival_weight: FloatArray,
        exit_weight: FloatArray | None = None,
        *,
        given: ArrayLike | None = None,
        scenario: Scenario = None,
    ) -> FloatArray:
        """Return how a weighted sum of each customer's predictions moves with the parameters.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        survival_weight : ndarray of shape (n, H)
            w: weight of being there at the end of months 1..H from now.
        exit_weight : ndarray of shape (n, K, H), optional
            c: weight of leaving for each cause in each of these months.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.
        scenario : mapping, optional
            What columns will be in the months ahead: name to values of shape (H,) or (n, H); past its end the last
            value holds. None: every column but the clocks keeps its value.

        Returns
        -------
        ndarray of shape (n, P)
            Gradient of ``sum_t w S(t) + sum_kt c (F_k(t) - F_k(t-1))``, in the order of ``covariance_``.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.pullback(X[:1], [[1.0, 1.0]]).round(3).tolist()
        [[-0.519, 0.259]]
        """
        self._check_fitted()
        weight = float_array(survival_weight, "survival_weight", ndim=2)
        _, who = self._ahead(np.arange(1, weight.shape[1] + 1), given, X, scenario)
        check_length(weight, len(who), name="survival_weight")
        exits = None if exit_weight is None else float_array(exit_weight, "exit_weight", ndim=3)
        wanted = (len(who), len(self.causes_), weight.shape[1])
        if exits is not None and exits.shape != wanted:
            raise InputError(f"exit_weight must have shape {wanted} (customers, causes, months), not {exits.shape}")
        path = self._path()
        slopes = pullback_ahead(path, who, weight, exits)
        centred = self._centred(X, scenario, weight.shape[1])
        return by_parameter(slopes, centred, who, path, basis=self._basis_ahead(), clocks=self._clocks())

    def moved(self, step: ArrayLike) -> Self:
        """Return this model with its parameters moved: what it would answer had the fit come out there.

        Parameters
        ----------
        step : array_like of shape (P,)
            Added to the parameters, in the order of ``covariance_``. A level held past the last month moves along its
            tangent.

        Returns
        -------
        DiscreteHazard
            A model without errors.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> round(float(model.moved([0.0, 0.5]).coef_[0] - model.coef_[0]), 3)
        0.5
        """
        self._check_fitted()
        shifts = float_array(step, "step")
        basis, at, p = self._basis_ahead(), 0, len(self.center_)
        length = sum(own.shape[1] for own in basis) + p * len(basis)
        length += sum(own.shape[1] for columns in self.clock_columns_ for own in columns)
        check_length(shifts, length, name="step", other="the parameters")
        level, coef = np.array(self.level_), np.array(np.atleast_2d(self.coef_))
        effects = [np.array(effect) for effect in self.clock_effects_]
        for k, own in enumerate(basis):
            level[k] += own @ shifts[at : at + own.shape[1]]
            at += own.shape[1]
            for effect, columns in zip(effects, self.clock_columns_, strict=True):
                moving = columns[k] @ shifts[at : at + columns[k].shape[1]]
                effect[k] += moving[: effect.shape[1]]
                at += columns[k].shape[1]
            coef[k] += shifts[at : at + p]
            at += p
        model = type(self)(**self.get_params(deep=False))
        vars(model).update(vars(self))
        model.level_, model.clock_effects_ = level, tuple(effects)
        model.coef_ = coef[0] if len(coef) == 1 else coef
        vars(model).update(covariance_=None, std_error_=None, robust_std_error_=None)
        return model

    def score(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood of a customer: higher is better, for choosing between settings.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            What happened to them; months past the last observed one need ``tail="hold"``.
        sample_weight : array_like of shape (n,), optional
            Case weights.

        Returns
        -------
        float
            Log-likelihood for each customer; minus infinity where a departure fell in a month with hazard 0, so choose
            between settings with a smooth baseline.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> round(model.score(X, y), 3)
        -0.955
        """
        self._check_fitted()
        who, end, event, weight = self._followed(X, y, sample_weight)
        chances = log_chance(self._path(), who, end, event)
        return float(weight @ chances / sample_weight_array(sample_weight, frame_length(X)).sum())

    def _followed(
        self, X: AnyFrame, y: Any, sample_weight: ArrayLike | None
    ) -> tuple[Customers, IntArray, IntArray, FloatArray]:
        """Return customers with a whole month at risk as they stood at entry, their last month, its event, weights."""
        monthly = to_months(own_causes(y, self.causes_))
        weight = sample_weight_array(sample_weight, frame_length(X))
        check_length(monthly.kept, len(weight), name="y")
        start, end, event = (monthly.target[name].astype(np.int64) for name in ("entry", "duration", "event"))
        self._check_reach(int(end.max(initial=0)))
        every = np.zeros(len(weight))
        every[monthly.kept] = start
        return self._standing(X, every).rows(np.flatnonzero(monthly.kept)), end, event, weight[monthly.kept]

    def _path(self) -> Path:
        clocks = zip(self.clocks_, self.clock_low_.tolist(), self.clock_effects_, strict=True)
        moving = tuple(ClockPath(clock, low, effect) for clock, low, effect in clocks)
        return Path(level=self.level_, stays=self.stays_, link=self.link, clocks=moving)

    def _clocks(self) -> tuple[FittedClock, ...]:
        kept = zip(self.clocks_, self.clock_low_.tolist(), self.clock_columns_, strict=True)
        return tuple(FittedClock(clock, low, columns) for clock, low, columns in kept)

    def _basis_ahead(self) -> list[FloatArray]:
        if self.basis_ is not None:
            return list(self.basis_)
        return free_basis_ahead(self.level_, self.stays_, self.tail_weight_)

    def _design(self, X: AnyFrame) -> FloatArray:
        self._check_fitted()
        return self.encoder_.transform(X, owner=type(self).__name__)

    def _centred(self, X: AnyFrame, scenario: Scenario, horizon: int) -> FloatArray | list[FloatArray]:
        """Return the centred design matrix, or that of each month ahead where a scenario moves columns."""
        if scenario is None:
            return self._design(X) - self.center_
        return [self._design(frame) - self.center_ for frame in frames_ahead(X, scenario, horizon, self.clocks_)]

    def _customer_rates(self, matrix: FloatArray) -> FloatArray:
        # einsum, not BLAS: each row is then summed in the same order whatever rows stand beside it
        return np.asarray(np.einsum("np,kp->kn", matrix, np.atleast_2d(self.coef_)))

    def _standing(self, X: AnyFrame, given: ArrayLike | None, scenario: Scenario = None, horizon: int = 1) -> Customers:
        """Return customers as they stand today, (n,)."""
        self._check_fitted()
        stayed = months_stayed(given, X)
        centred = self._centred(X, scenario, horizon)
        if isinstance(centred, np.ndarray):
            rate, n = self._customer_rates(centred), len(centred)
        else:
            rate, n = np.stack([self._customer_rates(now) for now in centred], axis=2), len(centred[0])
        for name, levels, effect in zip(self.shrunk_columns_, self.shrunk_levels_, self.shrunk_effects_, strict=True):
            known = np.column_stack([effect, np.zeros(len(effect))])  # a level not seen in fitting has the mean
            own = known[:, level_codes(column(X, name), levels)]
            rate = rate + (own if rate.ndim == 2 else own[:, :, None])
        return Customers(rate, stayed, clock_values(X, self.clocks_, n))

    def _cause_share(self, log_customer: FloatArray) -> FloatArray:
        """Return the share of each cause in the customer's rate at the average level, (n, K)."""
        level = np.exp(self.level_[:, :-1]) @ (self.exposure_ / self.exposure_.sum())
        rate = level[:, None] * np.exp(log_customer - log_customer.max(axis=0))
        return np.asarray((rate / rate.sum(axis=0)).T)

    def _ahead(
        self,
        times: ArrayLike | None,
        given: ArrayLike | None,
        X: AnyFrame,
        scenario: Scenario = None,
        *,
        least: int = 0,
    ) -> tuple[IntArray, Customers]:
        """Return checked months ahead (H,) and the customers as they stand."""
        self._check_fitted()
        furthest = int(months_stayed(given, X).max(initial=0))
        if times is None:
            times = np.arange(1, max(self.last_month_ - furthest, 1) + 1)
        when = np.floor(float_array(np.atleast_1d(np.asarray(times)), "times", low=least) + 1e-9).astype(np.int64)
        last = int(when.max(initial=0))
        self._check_reach(furthest + last)
        return when, self._standing(X, given, scenario, max(last, 1))

    def _check_reach(self, month: int) -> None:
        if self.tail == "error" and month > self.last_month_:
            raise InputError(
                f"this reaches month {month} of a customer's stay, but the last observed month is {self.last_month_}; "
                "ask for fewer months, or hold the level of the last months with DiscreteHazard(tail='hold')"
            )
