"""A hazard that is constant between given times, and proportional in the columns: the piecewise-exponential model.

Its likelihood is that of a Poisson count for each customer and piece with the time at risk as exposure, so any engine's
table of departures and months at risk would give the same numbers; here it is summed without building that table.

References
----------
Friedman (1982), Piecewise exponential models for survival data with covariates, Annals of Statistics 10, 101-113.
Holford (1980), The analysis of rates and of survivorship using log-linear models, Biometrics 36, 299-305.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.optimize import Evaluation, information_inverse, newton
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_scalar, check_whole, float_array
from custval._survival.interval_target import Spans
from custval._survival.parametric import ParametricModel, one_thread
from custval._survival.parametric_fit import (
    Part,
    center_and_scale,
    check_columns,
    diagnose,
    refuse_no_departures,
    sandwich,
)
from custval._survival.parametric_summary import Block, parameter_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("PiecewiseExponential", "PiecewiseFamily")

_SHARES = (0.2, 0.4, 0.6, 0.8)


class PiecewiseExponential(ParametricModel):
    """Hazard of leaving that is constant between breaks and proportional in the columns: ``exp(level_j + x @ coef)``.

    Parameters
    ----------
    breaks : sequence of float, optional
        Rising times > 0 at which the hazard may change: J - 1 breaks make J pieces, the first from 0 and the last
        without end. None: the times by which 20, 40, 60 and 80 % of the departures have happened.
    l2 : float, default 0.0
        Penalty ``l2 / 2 * sum coef ** 2``, in raw units of X, not divided by n, >= 0. Levels are not penalised.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    max_iter : int, default 50
        Most Newton steps.
    tol : float, default 1e-9
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    coef_ : ndarray of shape (p,)
        Log hazard ratios.
    std_error_ : ndarray of shape (p,)
        Their standard errors from the information (with ``l2`` > 0 that of the penalised likelihood).
    robust_std_error_ : ndarray of shape (p,), or None
        Sandwich standard errors; there with ``cluster`` or weights that are not whole numbers.
    breaks_ : ndarray of shape (J - 1,)
        Where the pieces end.
    baseline_hazard_ : ndarray of shape (J,)
        Hazard of the average customer in each piece, for each unit of time.
    covariance_ : ndarray of shape (J + p, J + p)
        Of the J log hazards of the average customer, then of ``coef_``. Robust where that is there.
    log_likelihood_, log_likelihood_null_ : float
        Of the model, and without columns, in the unit of the times.
    center_ : ndarray of shape (p,)
        The average customer.
    feature_names_out_, feature_names_in_ : ndarray of str
        Columns of the design, and of the frame (only there when X was a frame).
    n_features_in_, n_iter_, n_events_ : int
        Number of columns of X; Newton steps; rows that ended with a departure.
    causes_, time_unit_, last_time_ : tuple of one str, str, float
        Name of the departure, unit and last of the times.
    encoder_ : DesignEncoder
        How frames become numbers.

    Examples
    --------
    >>> from custval.survival import PiecewiseExponential, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([9, 5, 8, 2, 12, 4], [0, 1, 1, 1, 0, 1])
    >>> model = PiecewiseExponential(breaks=[6]).fit(X, y)
    >>> model.coef_.round(3).tolist(), model.baseline_hazard_.round(3).tolist()
    ([0.106], [0.092, 0.129])
    >>> model.predict_survival({"fee": [25.0]}, [6, 12]).round(3).tolist()
    [[0.723, 0.458]]
    """

    __module__ = "custval.survival"

    def __init__(
        self,
        *,
        breaks: Sequence[float] | None = None,
        l2: float = 0.0,
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 50,
        tol: float = 1e-9,
    ) -> None:
        self.breaks = breaks
        self.l2 = l2
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, cluster: Any = None) -> Self:
        """Learn the levels and the coefficients by maximum likelihood.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer; text and categories are coded (see ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target` (one cause), or plain durations that all ended.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0.
        cluster : array_like of shape (n,), optional
            Account or household: rows of one cluster may depend on each other, which the robust errors allow for.

        Returns
        -------
        PiecewiseExponential
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left in a piece, times of leaving are not exact, the target has several causes, or columns are
            constant or collinear without a penalty.
        """
        l2 = check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True)
        max_iter, tol = check_whole(self.max_iter, "max_iter", low=1), check_scalar(self.tol, "tol", low=0)
        read = self._read(X, y, sample_weight, cluster)
        refuse_no_departures(read.spans, read.weight)
        _refuse_between(read.spans)
        breaks = _breaks(self.breaks, read.spans, read.weight)
        names = read.encoder.feature_names
        center, scale = center_and_scale(read.matrix, read.weight)
        scaled = (read.matrix - center) / scale
        if l2 == 0:
            check_columns(scaled, read.weight, names)
        problem = _Problem.of(scaled, read.spans, read.weight, breaks, l2 / scale**2)
        _refuse_empty(problem, breaks, read.spans.time_unit)
        with one_thread():
            level = problem.start()
            best = newton(problem.evaluate, np.append(level, np.zeros(len(names))), max_iter=max_iter, tol=tol)
        pieces = np.zeros(0, dtype=np.int64)
        parts = [Part(f"hazard of piece {j + 1}", pieces, ()) for j in range(len(level) - 1)]
        parts.append(Part(f"hazard of piece {len(level)}", np.arange(len(names)), tuple(names)))
        settled = diagnose(best, parts, max_iter=max_iter, tol=tol)
        point = best.point + best.step if settled else best.point
        unit = np.append(np.ones(len(level)), 1 / scale)
        covariance = information_inverse(best.information)
        robust = sandwich(problem.scores(point), covariance, read.cluster) if read.robust else None
        self._keep_names(read)
        self._store(point * unit, center, breaks, covariance * np.outer(unit, unit))
        if robust is not None:
            self.covariance_ = robust * np.outer(unit, unit)
        self.robust_std_error_ = None if robust is None else np.sqrt(np.diag(self.covariance_))[len(level) :]
        self.log_likelihood_ = best.value + float(problem.penalty @ best.point[len(level) :] ** 2) / 2
        self.log_likelihood_null_ = problem.null(level)
        self.n_iter_ = best.iterations
        return self

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the parameters with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each parameter: part (hazard ratio, hazard), feature, coef, std_error (robust where there is
            one), estimate (exp(coef)) with lower and upper, z, p_value.
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        error = self.std_error_ if self.robust_std_error_ is None else self.robust_std_error_
        spread = np.sqrt(np.diag(self.covariance_))[: len(self.level_)]
        edges = ["0", *(f"{edge:g}" for edge in self.breaks_), "inf"]
        pieces = [f"({a}, {b}]" for a, b in pairwise(edges)]
        blocks = [
            Block("hazard ratio", list(self.feature_names_out_), self.coef_, error, is_ratio=True),
            Block("hazard", pieces, self.level_, spread, is_ratio=True),
        ]
        return parameter_table(blocks, level)

    def _store(self, point: FloatArray, center: FloatArray, breaks: FloatArray, covariance: FloatArray) -> None:
        pieces = len(breaks) + 1
        self.level_, self.coef_ = point[:pieces], point[pieces:]
        self.breaks_, self.center_, self.covariance_ = breaks, center, covariance
        self.baseline_hazard_ = np.exp(self.level_)
        self.std_error_ = np.sqrt(np.clip(np.diag(covariance), 0, None))[pieces:]

    def _family(self) -> PiecewiseFamily:
        return PiecewiseFamily(self.breaks_)

    def _theta(self, matrix: FloatArray) -> FloatArray:
        return np.asarray(self.level_[:, None] + np.einsum("np,p->n", matrix - self.center_, self.coef_))

    def _average(self) -> FloatArray:
        return self.level_

    def _by_parameter(self, slopes: FloatArray, centred: FloatArray) -> FloatArray:
        return np.column_stack([slopes.T, centred * slopes.sum(axis=0)[:, None]])

    def _column_parts(self, slopes: FloatArray, centred: FloatArray) -> FloatArray:
        return np.asarray(centred * self.coef_ * slopes.sum(axis=0)[:, None])

    def _mean_ahead(self, theta: FloatArray, horizon: float, stayed: FloatArray) -> FloatArray:
        return self._family().mean_ahead(theta, horizon, stayed)

    def _log_chance(self, theta: FloatArray, spans: Spans) -> FloatArray:
        _refuse_between(spans)
        return self._family().log_chance(theta, spans)


@dataclass(frozen=True, slots=True, eq=False)
class PiecewiseFamily:
    """H(t) = sum_j exp(theta_j) times the time up to t spent in piece j; theta (J, n)."""

    breaks: FloatArray

    def exposure(self, t: FloatArray) -> FloatArray:
        """Return the time up to `t` in each piece, (J, ...)."""
        start = np.append(0.0, self.breaks)
        end = np.append(self.breaks, np.inf)
        wide = (slice(None), *(None,) * np.ndim(t))
        return np.asarray(np.clip(t - start[wide], 0.0, (end - start)[wide]))

    def log_survival(self, log_t: FloatArray, theta: FloatArray) -> FloatArray:
        """Return log S(t)."""
        return np.asarray(-np.einsum("j...,j...->...", np.exp(theta), self.exposure(np.exp(log_t))))

    def log_survival_slope(self, log_t: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log S(t) and its gradient by theta."""
        slope = -np.exp(theta) * self.exposure(np.exp(log_t))
        return slope.sum(axis=0), slope

    def inverse(self, log_s: FloatArray, theta: FloatArray) -> FloatArray:
        """Return the log of the time at which log S is `log_s`."""
        rate = np.exp(theta)
        width = np.diff(np.append(0.0, self.breaks))[:, None]
        ends = np.concatenate([np.zeros((1, rate.shape[1])), np.cumsum(rate[:-1] * width, axis=0)])
        piece = (ends <= -log_s).sum(axis=0) - 1
        rows = np.arange(len(piece))
        start = np.append(0.0, self.breaks)[piece]
        return np.asarray(np.log(start + (-log_s - ends[piece, rows]) / rate[piece, rows]))

    def mean_ahead(self, theta: FloatArray, horizon: float, stayed: FloatArray) -> FloatArray:
        """Return the integral of the survival over the next `horizon`, given the time stayed; piece by piece, exact."""
        rate = np.exp(theta)
        start, end = np.append(0.0, self.breaks)[:, None], np.append(self.breaks, np.inf)[:, None]
        a, b = np.clip(start, stayed, stayed + horizon), np.clip(end, stayed, stayed + horizon)
        width = np.where(np.isinf(b), np.inf, b - np.where(np.isinf(b), 0.0, a))
        spent = rate * np.where(b > a, width, 0.0)
        before = np.concatenate([np.zeros((1, len(stayed))), np.cumsum(spent[:-1], axis=0)])
        return np.asarray((np.exp(-before) * -np.expm1(-spent) / rate).sum(axis=0))

    def log_chance(self, theta: FloatArray, spans: Spans) -> FloatArray:
        """Return each customer's log-likelihood."""
        exposure = self.exposure(spans.lower) - self.exposure(spans.entry)
        piece = np.searchsorted(self.breaks, spans.lower, side="left")
        hazard = theta[piece, np.arange(len(spans))]
        return np.asarray(np.where(spans.exact, hazard, 0.0) - (np.exp(theta) * exposure).sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The Poisson likelihood: scaled columns (n, p), time at risk by piece (n, J), departures by piece (n, J)."""

    X: FloatArray
    exposure: FloatArray
    piece: IntArray
    left: FloatArray  # weight of those who left, else 0
    weight: FloatArray
    events: FloatArray  # (J,)
    penalty: FloatArray

    @classmethod
    def of(cls, X: FloatArray, spans: Spans, weight: FloatArray, breaks: FloatArray, penalty: FloatArray) -> Self:
        family = PiecewiseFamily(breaks)
        exposure = (family.exposure(spans.lower) - family.exposure(spans.entry)).T
        piece = np.searchsorted(breaks, spans.lower, side="left")
        left = np.where(spans.exact, weight, 0.0)
        events = np.bincount(piece, weights=left, minlength=len(breaks) + 1)
        return cls(X, np.ascontiguousarray(exposure), piece, left, weight, events.astype(np.float64), penalty)

    def start(self) -> FloatArray:
        """Return the log of departures over time at risk in each piece: the fit without columns."""
        return np.asarray(np.log(self.events / (self.weight @ self.exposure)))

    def null(self, level: FloatArray) -> float:
        return float(self.events @ level - self.events.sum())

    def evaluate(self, point: FloatArray) -> Evaluation:
        pieces = len(self.events)
        level, coef = point[:pieces], point[pieces:]
        with np.errstate(over="ignore", invalid="ignore"):
            expected = self._expected(level, coef)
            mine = expected.sum(axis=1)
            value = self.events @ level + self.left @ (self.X @ coef) - mine.sum() - self.penalty @ coef**2 / 2
            if not np.isfinite(value):
                return -np.inf, np.zeros_like(point), np.eye(len(point))
        by_piece = expected.sum(axis=0)
        slope = np.append(self.events - by_piece, self.X.T @ (self.left - mine) - self.penalty * coef)
        cross = expected.T @ self.X
        low = self.X.T @ (self.X * mine[:, None]) + np.diag(self.penalty)
        return float(value), slope, np.block([[np.diag(by_piece), cross], [cross.T, low]])

    def scores(self, point: FloatArray) -> FloatArray:
        """Return each customer's weighted gradient, (n, J + p)."""
        pieces = len(self.events)
        expected = self._expected(point[:pieces], point[pieces:])
        own = -expected
        own[np.arange(len(own)), self.piece] += self.left
        return np.column_stack([own, self.X * (self.left - expected.sum(axis=1))[:, None]])

    def _expected(self, level: FloatArray, coef: FloatArray) -> FloatArray:
        """Return expected departures (n, J)."""
        return np.asarray(self.exposure * np.exp(level) * (self.weight * np.exp(self.X @ coef))[:, None])


def _breaks(asked: Sequence[float] | None, spans: Spans, weight: FloatArray) -> FloatArray:
    if asked is None:
        gone = spans.left & (weight > 0)
        order = np.argsort(spans.lower[gone], kind="stable")
        times, total = spans.lower[gone][order], np.cumsum(weight[gone][order])
        cuts = np.unique([times[np.searchsorted(total, share * total[-1] - 1e-9)] for share in _SHARES])
        return np.asarray(cuts[cuts < times[-1]])
    breaks = float_array(np.atleast_1d(np.asarray(asked, dtype=np.float64)), "breaks", low=0.0, low_open=True)
    if (np.diff(breaks) <= 0).any():
        raise InputError(f"breaks must rise, but they are {', '.join(f'{edge:g}' for edge in breaks)}")
    return breaks


def _refuse_between(spans: Spans) -> None:
    if (spans.left & ~spans.exact).any():
        raise InputError(
            "the piecewise-exponential model needs exact times of leaving, but some are known only between two looks; "
            "use AFT, MixtureCure or turnbull for those"
        )


def _refuse_empty(problem: _Problem, breaks: FloatArray, time_unit: str) -> None:
    empty = np.flatnonzero(problem.events == 0)
    if empty.size:
        edges = np.concatenate([[0.0], breaks, [np.inf]])
        j = int(empty[0])
        raise InputError(
            f"nobody left in {empty.size} of {len(problem.events)} pieces (first: {time_unit}s {edges[j]:g} to "
            f"{edges[j + 1]:g}), so their hazard cannot be told; choose fewer or other breaks, or None"
        )
