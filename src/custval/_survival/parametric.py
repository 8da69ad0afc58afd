"""What every parametric model of the time of leaving answers, from its predictors and its family alone.

A fitted model turns a customer into a few predictors, each linear in columns; all forecasts, their gradients by the
parameters and the reasons of a risk follow from log S(t; predictors).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.frames import frame_length
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_length, check_scalar, check_whole, float_array, sample_weight_array
from custval._survival.band import SurvivalBand, check_band, survival_band
from custval._survival.discrete_reasons import Reasons, top_reasons
from custval._survival.exits import weight_of_exits
from custval._survival.groups import cluster_codes
from custval._survival.interval_target import Spans, read_spans

__all__ = ("ParametricModel", "PredictionFamily")

_CELLS = 1 << 18
_PANELS, _NODES = 12, 12


class PredictionFamily(Protocol):
    """What forecasts need: log S(t), its gradient by the predictors, and the time at which a level is reached."""

    def log_survival(self, log_t: FloatArray, theta: FloatArray) -> FloatArray:
        """Return log S(t): log_t (n, H) with theta (Q, n, 1)."""
        ...

    def log_survival_slope(self, log_t: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log S (n, H) and its gradient by the predictors (Q, n, H), with theta (Q, n, 1)."""
        ...

    def inverse(self, log_s: FloatArray, theta: FloatArray) -> FloatArray:
        """Return the log of the time at which log S is reached; inf where it never is."""
        ...


class ParametricModel(Estimator):
    """Forecasts, reasons and gradients of a fitted parametric model."""

    _poor_score: ClassVar[bool] = True
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "cluster")

    encoder_: DesignEncoder
    center_: FloatArray
    covariance_: FloatArray
    causes_: tuple[str, ...]
    time_unit_: str
    last_time_: float

    def _family(self) -> PredictionFamily:
        raise NotImplementedError

    def _predictors(self) -> list[tuple[float, FloatArray, IntArray]]:
        """Return level, coefficients and columns of each predictor, in the order of ``covariance_``."""
        raise NotImplementedError

    def predict_survival(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(still a customer `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0, in the unit of the target; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities.
        """
        ahead, stayed = self._ahead(times, given, X)
        theta = self._theta(self._design(X))
        made = np.empty((theta.shape[1], len(ahead)))
        for rows in _blocks(len(made), len(ahead)):
            made[rows] = np.exp(_log_ahead(self._family(), theta[:, rows], ahead, stayed[rows]))
        return made

    def predict_cumulative_hazard(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return the cumulative hazard of leaving over the next `times`, minus the log of :meth:`predict_survival`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Cumulative hazards.
        """
        ahead, stayed = self._ahead(times, given, X)
        log_s = _log_ahead(self._family(), self._theta(self._design(X)), ahead, stayed)
        # minus zero is for no reader
        return np.asarray(0.0 - log_s)

    def predict_incidence(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(left within `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, 1, H)
            Probabilities; there is one way of leaving.
        """
        return -np.expm1(-self.predict_cumulative_hazard(X, times, given=given))[:, None, :]

    def predict_survival_band(
        self,
        X: AnyFrame,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | None = None,
        conf_level: float = 0.95,
        conf_type: str = "log-log",
    ) -> SurvivalBand:
        """Return the survival with its standard error and bounds at each time.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        conf_level : float, default 0.95
            Coverage at each time, between 0 and 1.
        conf_type : {"log-log", "log", "plain"}, default "log-log"
            Scale on which the bounds are symmetric; log-log keeps them between 0 and 1.

        Returns
        -------
        SurvivalBand
            Survival, std_error, lower, upper, each (n, H): by the delta method from ``covariance_`` (robust where that
            is), if the law is the true one.

        Examples
        --------
        >>> from custval.survival import AFT, survival_target
        >>> y = survival_target([9, 5, 8, 2, 12, 4], [0, 1, 1, 1, 0, 1])
        >>> model = AFT().fit({"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}, y)
        >>> band = model.predict_survival_band({"fee": [25.0]}, [6])
        >>> band.survival.round(2).tolist(), band.lower.round(2).tolist(), band.upper.round(2).tolist()
        ([[0.81]], [[0.25]], [[0.97]])
        """
        level = check_band(conf_level, conf_type)
        ahead, stayed = self._ahead(times, given, X)
        matrix = self._design(X)
        theta, centred = self._theta(matrix), matrix - self.center_
        survival, error = np.empty((len(matrix), len(ahead))), np.empty((len(matrix), len(ahead)))
        for rows in _blocks(len(matrix), len(ahead) * len(theta) ** 2):
            log_s, moves = _slope_ahead(self._family(), theta[:, rows], ahead, stayed[rows])
            spread = self._predictor_covariance(centred[rows])
            survival[rows] = np.exp(log_s)
            error[rows] = np.sqrt(np.maximum(np.einsum("qnh,rnh,nqr->nh", moves, moves, spread), 0.0))
        return survival_band(ahead, survival, error, level=level, conf_type=conf_type, time_unit=self.time_unit_)

    def predict_quantile(self, X: AnyFrame, share: float = 0.5, *, given: ArrayLike | None = None) -> FloatArray:
        """Return the time from now by which a customer has left with probability `share`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        share : float, default 0.5
            Probability in (0, 1); 0.5 gives the median.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n,)
            Times from now; inf where the probability is never reached.
        """
        level = np.log1p(-check_scalar(share, "share", low=0, high=1, low_open=True, high_open=True))
        _, stayed = self._ahead([0.0], given, X)
        theta = self._theta(self._design(X))
        family = self._family()
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            now = _finite_or_zero(family.log_survival(np.log(stayed)[:, None], theta[:, :, None])[:, 0])
            return np.maximum(np.exp(family.inverse(now + level, theta)) - stayed, 0.0)

    def expected_lifetime(self, X: AnyFrame, horizon: float = np.inf, *, given: ArrayLike | None = None) -> FloatArray:
        """Return the expected time ahead, counted up to `horizon`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        horizon : float, default inf
            Time ahead that counts, > 0; inf: all of it.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n,)
            ``E[min(T - given, horizon) | T > given]``: the integral of the survival; inf where the mean does not exist.
        """
        far = check_scalar(horizon, "horizon", low=0, low_open=True)
        _, stayed = self._ahead([0.0], given, X)
        theta = self._theta(self._design(X))
        made = np.empty(theta.shape[1])
        for rows in _blocks(len(made), _PANELS * _NODES):
            made[rows] = self._mean_ahead(theta[:, rows], far, stayed[rows])
        return made

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by: how many times the cumulative hazard of the average customer.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Ratio of the cumulative hazards at the last observed time, > 0; a hazard ratio where hazards are
            proportional.
        """
        theta = self._theta(self._design(X))
        average = self._average()[:, None]
        last = np.full((1, 1), np.log(self.last_time_))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ours = self._family().log_survival(last, theta[:, :, None])[:, 0]
            mean = self._family().log_survival(last, average[:, :, None])[:, 0]
            ratio = np.where(ours == mean, 1.0, ours / mean)  # also where neither can be told from certainty
            return np.clip(ratio, 0.0, np.finfo(np.float64).max)

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Ratio of cumulative hazards.
        """
        return self.predict_risk(X)

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
            Words, columns and contributions to the log of the cumulative hazard at the last observed time (for the
            Weibull and exponential laws exactly the log hazard ratio, otherwise to first order), each (n, top).
        """
        count = check_whole(top, "top", low=1)
        matrix = self._design(X)
        theta = self._theta(matrix)
        last = np.full((len(matrix), 1), np.log(self.last_time_))
        log_s, slope = self._family().log_survival_slope(last, theta[:, :, None])
        parts = self._column_parts(slope[:, :, 0] / log_s[:, 0], matrix - self.center_)
        return top_reasons(parts, matrix, self.center_, self.encoder_, X, top=count)

    def pullback(
        self,
        X: AnyFrame,
        survival_weight: FloatArray,
        exit_weight: FloatArray | None = None,
        *,
        given: ArrayLike | None = None,
    ) -> FloatArray:
        """Return how a weighted sum of each customer's predictions moves with the parameters.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        survival_weight : ndarray of shape (n, H)
            w: weight of being there at the times 1..H from now.
        exit_weight : ndarray of shape (n, 1, H), optional
            c: weight of leaving in each of these units of time.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, P)
            Gradient of ``sum_t w S(t) + sum_t c (F(t) - F(t-1))``, in the order of ``covariance_``.
        """
        self._check_fitted()
        weight = float_array(survival_weight, "survival_weight", ndim=2)
        matrix = self._design(X)
        check_length(weight, len(matrix), name="survival_weight")
        ahead, stayed = self._ahead(np.arange(1, weight.shape[1] + 1), given, X)
        total = weight + weight_of_exits(exit_weight, weight.shape)
        theta = self._theta(matrix)
        slopes = np.empty_like(theta)
        for rows in _blocks(len(matrix), len(ahead) * len(theta)):
            slopes[:, rows] = _pulled(self._family(), theta[:, rows], ahead, stayed[rows], total[rows])
        return self._by_parameter(slopes, matrix - self.center_)

    def score(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood of a customer: higher is better, for choosing between settings.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            What happened to them.
        sample_weight : array_like of shape (n,), optional
            Case weights.

        Returns
        -------
        float
            Log-likelihood for each customer.
        """
        theta = self._theta(self._design(X))
        spans = read_spans(y, owner=type(self).__name__)
        check_length(spans, theta.shape[1], name="y")
        weight = sample_weight_array(sample_weight, len(spans))
        return float(weight @ self._log_chance(theta, spans) / weight.sum())

    def _log_chance(self, theta: FloatArray, spans: Spans) -> FloatArray:
        raise NotImplementedError

    def _mean_ahead(self, theta: FloatArray, horizon: float, stayed: FloatArray) -> FloatArray:
        """Return the integral of the survival ahead: closed where all time counts, else by quadrature."""
        if np.isinf(horizon):
            return self._mean_for_ever(theta, stayed)
        nodes, weights = _quadrature()
        log_s = _log_ahead(self._family(), theta, horizon * nodes, stayed)
        return np.asarray(np.exp(log_s) @ (horizon * weights))

    def _mean_for_ever(self, theta: FloatArray, stayed: FloatArray) -> FloatArray:
        raise NotImplementedError

    def _average(self) -> FloatArray:
        """Return the predictors of the average customer, (Q,)."""
        return np.array([level for level, _, _ in self._predictors()])

    def _by_parameter(self, slopes: FloatArray, centred: FloatArray) -> FloatArray:
        """Return gradients by parameters (n, P) from those by predictors (Q, n)."""
        parts = zip(slopes, self._predictors(), strict=True)
        return np.concatenate(
            [np.column_stack([own, own[:, None] * centred[:, columns]]) for own, (_, _, columns) in parts], axis=1
        )

    def _predictor_covariance(self, centred: FloatArray) -> FloatArray:
        """Return the covariance of each customer's predictors, (n, Q, Q)."""
        unit = np.eye(len(self._average()))[:, :, None] * np.ones(len(centred))
        by_parameter = np.stack([self._by_parameter(own, centred) for own in unit])
        return np.asarray(np.einsum("qnp,pm,rnm->nqr", by_parameter, self.covariance_, by_parameter, optimize=True))

    def _column_parts(self, slopes: FloatArray, centred: FloatArray) -> FloatArray:
        """Return what each column adds (n, p), to first order, where `slopes` (Q, n) are those by the predictors."""
        parts = np.zeros_like(centred)
        for own, (_, coef, columns) in zip(slopes, self._predictors(), strict=True):
            parts[:, columns] += own[:, None] * coef * centred[:, columns]
        return parts

    def _theta(self, matrix: FloatArray) -> FloatArray:
        """Return the predictors, (Q, n)."""
        centred = matrix - self.center_
        made = np.empty((len(self._predictors()), len(matrix)))
        for own, (level, coef, columns) in zip(made, self._predictors(), strict=True):
            # einsum, not BLAS: each row is then summed in the same order whatever rows stand beside it
            own[:] = level + np.einsum("np,p->n", centred[:, columns], coef)
        return made

    def _design(self, X: AnyFrame) -> FloatArray:
        self._check_fitted()
        return self.encoder_.transform(X, owner=type(self).__name__)

    def _read(self, X: AnyFrame, y: Any, sample_weight: Any, cluster: Any) -> _Read:
        """Return what ``fit`` was given, checked, without the rows of weight 0."""
        encoder = DesignEncoder(missing=self.missing, unseen=self.unseen).fit(X)  # type: ignore[attr-defined]
        matrix = encoder.transform(X)
        spans = read_spans(y, owner=type(self).__name__)
        n = len(matrix)
        check_length(spans, n, name="y")
        if n == 1:
            raise InputError("Found array with 1 sample (one customer); a model needs at least 2 to compare")
        weight = sample_weight_array(sample_weight, n)
        keep = weight > 0
        codes = cluster_codes(cluster, n, keep=keep)
        robust = codes is not None or bool((weight != np.floor(weight)).any())
        return _Read(encoder, matrix[keep], spans.rows(keep), weight[keep], codes, robust)

    def _keep_names(self, read: _Read) -> None:
        self.encoder_ = read.encoder
        self.causes_, self.time_unit_ = read.spans.causes, read.spans.time_unit
        self.last_time_ = float(read.spans.last.max())
        self.n_events_ = int(np.count_nonzero(read.spans.left))
        self.feature_names_out_ = np.array(read.encoder.feature_names, dtype=object)
        self._remember_columns(read.encoder.input_names, named=read.encoder.named)

    def _ahead(self, times: Any, given: Any, X: AnyFrame) -> tuple[FloatArray, FloatArray]:
        """Return checked times from now (H,) and times already stayed (n,)."""
        self._check_fitted()
        n = frame_length(X)
        stayed = float_array(np.atleast_1d(np.asarray(0.0 if given is None else given)), "given", low=0.0)
        if np.ndim(0.0 if given is None else given):
            check_length(stayed, n, name="given")
        if times is None:
            times = np.arange(1, max(int(self.last_time_ - stayed.max(initial=0.0)), 1) + 1)
        return float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0), np.broadcast_to(stayed, n)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """What ``fit`` was given: coding, design (n, p), spans, weights > 0, clusters, and whether errors are robust."""

    encoder: DesignEncoder
    matrix: FloatArray
    spans: Spans
    weight: FloatArray
    cluster: IntArray | None
    robust: bool


def _log_ahead(family: PredictionFamily, theta: FloatArray, ahead: FloatArray, stayed: FloatArray) -> FloatArray:
    """Return log P(T > stayed + ahead | T > stayed), (n, H)."""
    wide = theta[:, :, None]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        log_s = family.log_survival(np.log(stayed[:, None] + ahead), wide)
        if not stayed.any():
            return np.where(ahead > 0, np.minimum(log_s, 0.0), 0.0)  # nobody has left yet, to the last digit
        now = family.log_survival(np.log(stayed)[:, None], wide)
        # who cannot have stayed so long leaves at once
        return np.where(np.isfinite(now), np.minimum(log_s - now, 0.0), np.where(ahead > 0, -np.inf, 0.0))


def _pulled(
    family: PredictionFamily, theta: FloatArray, ahead: FloatArray, stayed: FloatArray, weight: FloatArray
) -> FloatArray:
    """Return the gradient of sum_t weight S(t | stayed) by the predictors, (Q, n)."""
    log_s, moves = _slope_ahead(family, theta, ahead, stayed)
    return np.asarray(np.einsum("nh,qnh->qn", weight * np.exp(log_s), moves))


def _slope_ahead(
    family: PredictionFamily, theta: FloatArray, ahead: FloatArray, stayed: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return log S(t | stayed), (n, H), and its gradient by the predictors, (Q, n, H)."""
    with np.errstate(divide="ignore"):
        start, there = np.log(stayed)[:, None], np.log(stayed[:, None] + ahead)
    now, base = family.log_survival_slope(start, theta[:, :, None])
    log_s, slope = family.log_survival_slope(there, theta[:, :, None])
    with np.errstate(invalid="ignore", over="ignore"):
        left = np.where(np.isfinite(now), np.minimum(log_s - now, 0.0), -np.inf)
        return left, np.where(np.exp(left) > 0, slope - base, 0.0)


def _quadrature() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on (0, 1): Gauss-Legendre panels that narrow towards 0, where hazards may be steep."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    edges = np.concatenate([[0.0], np.geomspace(2.0 ** -(3 * (_PANELS - 5)), 0.25, _PANELS - 4), [0.5, 0.75, 1.0]])
    width = np.diff(edges)
    nodes = (edges[:-1, None] + width[:, None] * (x + 1) / 2).ravel()
    return nodes, (width[:, None] * w / 2).ravel()


def _finite_or_zero(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, 0.0)


def _blocks(n: int, width: int) -> Iterator[slice]:
    size = max(64, _CELLS // max(1, width))
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))
