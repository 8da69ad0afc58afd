"""What every model of Cox's kind forecasts from baseline and coefficients, by stratum and given the time stayed."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.estimator import Estimator
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_scalar, check_whole, float_array
from custval._survival.cox_ahead import Stretches, hazard_ahead, lifetime_ahead, stretches, survival_ahead
from custval._survival.cox_baseline import CoxBaseline
from custval._survival.cox_data import check_reach, known_strata, stayed_array, strata_labels
from custval._survival.discrete_reasons import Reasons, column_parts, top_reasons

__all__ = ("CoxForecasts",)


class CoxForecasts(Estimator):
    """Risks, curves, lifetimes and reasons of a model with a baseline and coefficients.

    Where accounts differ beyond their columns (``_spread_out`` > 0, the variance of their gamma multipliers), curves
    are those of a customer of an account not seen before: averaged over accounts.
    """

    _poor_score: ClassVar[bool] = True

    tail: str
    coef_: FloatArray
    center_: FloatArray
    baseline_: CoxBaseline
    encoder_: DesignEncoder
    strata_: tuple[Any, ...]
    strata_columns_: tuple[str, ...] | None

    @property
    def _spread_out(self) -> float:
        return 0.0

    def linear_predictor(self, X: AnyFrame) -> FloatArray:
        """Return the log of each customer's hazard against the average customer's.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            ``(x - center_) @ coef_``.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).linear_predictor(X[:2]).round(3).tolist()
        [0.47, -0.47]
        """
        return self._log_risk(self._design(X))

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by: their hazard of leaving against the average customer's.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Hazard ratios, > 0; comparable within a stratum.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).predict_risk(X[:2]).round(3).tolist()
        [1.6, 0.625]
        """
        return self._risk(self._design(X))

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Hazard ratios.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).predict(X[:2]).round(3).tolist()
        [1.6, 0.625]
        """
        return self.predict_risk(X)

    def predict_survival(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None, strata: Any = None
    ) -> FloatArray:
        """Return P(still a customer `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        strata : array_like or frame of n rows, optional
            Each customer's stratum, where the fit was given labels.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).predict_survival(X[:2], [1, 2]).round(3).tolist()
        [[0.698, 0.398], [0.869, 0.698]]
        """
        matrix = self._design(X)
        path, _ = self._ahead(X, len(matrix), times, given, strata)
        return survival_ahead(path, self._risk(matrix), self._spread_out)

    def predict_incidence(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None, strata: Any = None
    ) -> FloatArray:
        """Return P(left within `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        strata : array_like or frame of n rows, optional
            Each customer's stratum, where the fit was given labels.

        Returns
        -------
        ndarray of shape (n, 1, H)
            Probabilities: one less the survival.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).predict_incidence(X[:2], [1, 2]).round(3).tolist()
        [[[0.302, 0.602]], [[0.131, 0.302]]]
        """
        # from the hazard, so that a small probability keeps its digits
        return -np.expm1(-self.predict_cumulative_hazard(X, times, given=given, strata=strata))[:, None]

    def predict_cumulative_hazard(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None, strata: Any = None
    ) -> FloatArray:
        """Return the hazard of leaving summed over the next `times`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        strata : array_like or frame of n rows, optional
            Each customer's stratum, where the fit was given labels.

        Returns
        -------
        ndarray of shape (n, H)
            Cumulative hazards; the survival is ``exp`` of minus these.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).predict_cumulative_hazard(X[:2], [1, 2]).round(3).tolist()
        [[0.36, 0.921], [0.14, 0.36]]
        """
        matrix = self._design(X)
        path, _ = self._ahead(X, len(matrix), times, given, strata)
        return hazard_ahead(path, self._risk(matrix), self._spread_out)

    def expected_lifetime(
        self, X: AnyFrame, horizon: float, *, given: ArrayLike | None = None, strata: Any = None
    ) -> FloatArray:
        """Return the expected time ahead, counted up to `horizon` (restricted mean).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        horizon : float
            Time ahead, > 0.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        strata : array_like or frame of n rows, optional
            Each customer's stratum, where the fit was given labels.

        Returns
        -------
        ndarray of shape (n,)
            ``E[min(T - given, horizon) | T > given]``: the area under the predicted survival.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).expected_lifetime(X[:2], 3).round(3).tolist()
        [2.096, 2.567]
        """
        matrix = self._design(X)
        span = check_scalar(horizon, "horizon", low=0, low_open=True)
        path, _ = self._ahead(X, len(matrix), [span], given, strata)
        hold = self.tail == "hold"
        risk, theta = self._risk(matrix), self._spread_out
        return lifetime_ahead(self.baseline_, path, risk, span, hold=hold, theta=theta)

    def reasons(self, X: AnyFrame, top: int = 3) -> Reasons:
        """Return the columns that push each customer's risk above that of the average customer, in words.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        top : int, default 3
            How many reasons, >= 1.

        Returns
        -------
        Reasons
            Words, columns and contributions to the log hazard, each (n, top).

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> model = CoxPH().fit(X, survival_target([1, 4, 2, 2, 3]))
        >>> model.reasons({"contract": ["monthly"], "fee": [20]}).words[0].tolist()
        ['contract = monthly', None]
        """
        count = check_whole(top, "top", low=1)
        matrix = self._design(X)
        parts = column_parts(matrix, self.center_, self.coef_[None], np.ones((len(matrix), 1)))
        return top_reasons(parts, matrix, self.center_, self.encoder_, X, top=count)

    def _design(self, X: AnyFrame) -> FloatArray:
        self._check_fitted()
        return self.encoder_.transform(X, owner=type(self).__name__)

    def _log_risk(self, matrix: FloatArray) -> FloatArray:
        # einsum, not BLAS: each row is then summed in the same order whatever rows stand beside it
        return np.asarray(np.einsum("np,p->n", matrix - self.center_, self.coef_))

    def _risk(self, matrix: FloatArray) -> FloatArray:
        return np.exp(np.clip(self._log_risk(matrix), -700, 700))  # inside the range of floats

    def _ahead(
        self,
        X: AnyFrame,
        n: int,
        times: ArrayLike | None,
        given: ArrayLike | None,
        strata: Any,
        *,
        hold: bool | None = None,
    ) -> tuple[Stretches, FloatArray]:
        """Return the stretches of baseline ahead of each customer, and checked times (H,)."""
        stayed = stayed_array(given, n)
        of = known_strata(strata_labels(X, strata, self.strata_columns_), self.strata_, n)
        hold = self.tail == "hold" if hold is None else hold
        last = self.baseline_.last[0 if of is None else of]
        if times is None:
            times = np.arange(1, max(int((last - stayed).min(initial=np.inf if n else 1.0)), 1) + 1)
        when = float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0)
        if not hold:
            check_reach(stayed, float(when.max(initial=0.0)), np.atleast_1d(last), owner=type(self).__name__)
        return stretches(self.baseline_, of, stayed, when, hold=hold), when

    def _keep_names(self, features: tuple[str, ...]) -> None:
        self.feature_names_out_ = np.array(features, dtype=object)
        self._remember_columns(self.encoder_.input_names, named=self.encoder_.named)
