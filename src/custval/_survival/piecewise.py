"""A hazard that is constant between given times, and proportional in the columns: the piecewise-exponential model.

Its likelihood is that of a Poisson count for each customer and piece with the time at risk as exposure, so any engine's
table of departures and months at risk would give the same numbers; here it is summed without building that table. Those
known to have left between two looks add ``log(1 - exp(-D))``, D the cumulative hazard between them.

References
----------
Friedman (1982), Piecewise exponential models for survival data with covariates, Annals of Statistics 10, 101-113.
Holford (1980), The analysis of rates and of survivorship using log-linear models, Biometrics 36, 299-305.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.optimize import Evaluation, information_inverse, newton, standard_errors
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_scalar, check_whole, float_array
from custval._survival.error_laws import log1mexp
from custval._survival.interval_target import Spans
from custval._survival.parametric import ParametricModel
from custval._survival.parametric_fit import (
    Part,
    center_and_scale,
    check_columns,
    diagnose,
    refuse_no_departures,
    sandwich,
    steered,
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
            From :func:`survival_target` (one cause) or :func:`interval_target`, or plain durations that all ended.
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
            When nobody left in a piece, the target has several causes, or columns are constant or collinear without a
            penalty.
        """
        l2 = check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True)
        max_iter, tol = check_whole(self.max_iter, "max_iter", low=1), check_scalar(self.tol, "tol", low=0)
        read = self._read(X, y, sample_weight, cluster)
        refuse_no_departures(read.spans, read.weight)
        breaks = _breaks(self.breaks, read.spans, read.weight)
        names = read.encoder.feature_names
        center, scale = center_and_scale(read.matrix, read.weight)
        scaled = (read.matrix - center) / scale
        if l2 == 0:
            check_columns(scaled, read.weight, names)
        problem = _Problem.of(scaled, read.spans, read.weight, breaks, l2 / scale**2)
        _refuse_empty(problem, breaks, read.spans.time_unit)
        with one_thread():
            level, null = problem.start(max_iter=max_iter, tol=tol)
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
        self.robust_std_error_ = None if robust is None else standard_errors(self.covariance_)[len(level) :]
        self.log_likelihood_ = best.value + float(problem.penalty @ best.point[len(level) :] ** 2) / 2
        self.log_likelihood_null_ = null
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
        spread = standard_errors(self.covariance_)[: len(self.level_)]
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
        self.std_error_ = standard_errors(covariance)[pieces:]

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
        rate = np.exp(theta)
        made = -(rate * (self.exposure(spans.lower) - self.exposure(spans.entry))).sum(axis=0)
        exact = np.flatnonzero(spans.exact)
        made[exact] += theta[np.searchsorted(self.breaks, spans.lower[exact], side="left"), exact]
        inside = np.flatnonzero(spans.left & ~spans.exact)
        between = self.exposure(spans.upper[inside]) - self.exposure(spans.lower[inside])
        made[inside] += log1mexp((rate[:, inside] * between).sum(axis=0))
        return np.asarray(made)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The Poisson likelihood: scaled columns (n, p), time at risk by piece (n, J), departures by piece.

    The B rows `inside` left between two looks, with the time by piece between them (B, J).
    """

    X: FloatArray
    exposure: FloatArray
    piece: IntArray
    left: FloatArray  # weight of those whose time of leaving is known, else 0
    weight: FloatArray
    events: FloatArray  # (J,)
    penalty: FloatArray
    inside: IntArray
    between: FloatArray

    @classmethod
    def of(cls, X: FloatArray, spans: Spans, weight: FloatArray, breaks: FloatArray, penalty: FloatArray) -> Self:
        family = PiecewiseFamily(breaks)
        exposure = (family.exposure(spans.lower) - family.exposure(spans.entry)).T
        piece = np.searchsorted(breaks, spans.lower, side="left")
        left = np.where(spans.exact, weight, 0.0)
        events = np.bincount(piece, weights=left, minlength=len(breaks) + 1).astype(np.float64)
        inside = np.flatnonzero(spans.left & ~spans.exact)
        between = (family.exposure(spans.upper[inside]) - family.exposure(spans.lower[inside])).T
        wide = np.ascontiguousarray(exposure)
        return cls(X, wide, piece, left, weight, events, penalty, inside, np.ascontiguousarray(between))

    def spread_events(self) -> FloatArray:
        """Return departures by piece (J,), those between two looks spread evenly over the time between them."""
        share = self.between / np.where(self.inside.size, self.between.sum(axis=1, keepdims=True), 1.0)
        return np.asarray(self.events + self.weight[self.inside] @ share)

    def start(self, *, max_iter: int, tol: float) -> tuple[FloatArray, float]:
        """Return the log hazards without columns, and the log-likelihood there."""
        exposure = self.weight @ self.exposure + self.weight[self.inside] @ self.between / 2
        level = np.asarray(np.log(self.spread_events() / exposure))
        if not self.inside.size:  # departures over time at risk are the maximum
            return level, float(self.events @ level - self.events.sum())
        plain = replace(self, X=self.X[:, :0], penalty=self.penalty[:0])
        best = newton(plain.evaluate, level, max_iter=max_iter, tol=tol)
        return best.point, best.value

    def evaluate(self, point: FloatArray) -> Evaluation:
        pieces = len(self.events)
        level, coef = point[:pieces], point[pieces:]
        with np.errstate(over="ignore", invalid="ignore"):
            net, moves, bend, gained = self._expected(level, coef)
            value = self.events @ level + self.left @ (self.X @ coef) + gained - self.penalty @ coef**2 / 2
            if not np.isfinite(value):
                return -np.inf, np.zeros_like(point), np.eye(len(point))
        mine, by_piece = net.sum(axis=1), net.sum(axis=0)
        slope = np.append(self.events - by_piece, self.X.T @ (self.left - mine) - self.penalty * coef)
        cross = net.T @ self.X
        low = self.X.T @ (self.X * mine[:, None]) + np.diag(self.penalty)
        told = np.block([[np.diag(by_piece), cross], [cross.T, low]])
        if not self.inside.size:
            return float(value), slope, told
        pull = np.column_stack([moves, self.X[self.inside] * moves.sum(axis=1)[:, None]])
        return float(value), slope, steered(told + pull.T @ (pull * bend[:, None]))

    def scores(self, point: FloatArray) -> FloatArray:
        """Return each customer's weighted gradient, (n, J + p)."""
        pieces = len(self.events)
        net = self._expected(point[:pieces], point[pieces:])[0]
        own = -net
        own[np.arange(len(own)), self.piece] += self.left
        return np.column_stack([own, self.X * (self.left - net.sum(axis=1))[:, None]])

    def _expected(self, level: FloatArray, coef: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return expected departures less those between two looks (n, J), and how the latter move.

        With D the hazard between the looks, ``d log(1 - exp(-D)) = dD / expm1(D)``: D by piece (B, J), minus the second
        derivative by D (B,), and what both parts add to the log-likelihood.
        """
        relative = np.exp(self.X @ coef)
        net = np.asarray(self.exposure * np.exp(level) * (self.weight * relative)[:, None])
        gained = -float(net.sum())
        if not self.inside.size:
            return net, np.zeros((0, len(level))), np.zeros(0), gained
        own = self.weight[self.inside]
        moves = self.between * np.exp(level) * relative[self.inside][:, None]
        hazard = moves.sum(axis=1)
        odds = 1.0 / np.expm1(hazard)
        net[self.inside] -= (own * odds)[:, None] * moves
        return net, moves, own * odds * (1 + odds), gained + float(own @ log1mexp(hazard))


def _breaks(asked: Sequence[float] | None, spans: Spans, weight: FloatArray) -> FloatArray:
    if asked is None:
        gone = spans.left & (weight > 0)
        # of two looks the later one, so that no break cuts what nobody looked into
        order = np.argsort(spans.upper[gone], kind="stable")
        times, total = spans.upper[gone][order], np.cumsum(weight[gone][order])
        cuts = np.unique([times[np.searchsorted(total, share * total[-1] - 1e-9)] for share in _SHARES])
        return np.asarray(cuts[cuts < times[-1]])
    breaks = float_array(np.atleast_1d(np.asarray(asked, dtype=np.float64)), "breaks", low=0.0, low_open=True)
    if (np.diff(breaks) <= 0).any():
        raise InputError(f"breaks must rise, but they are {', '.join(f'{edge:g}' for edge in breaks)}")
    return breaks


def _refuse_empty(problem: _Problem, breaks: FloatArray, time_unit: str) -> None:
    empty = np.flatnonzero(problem.spread_events() == 0)
    if empty.size:
        edges = np.concatenate([[0.0], breaks, [np.inf]])
        j = int(empty[0])
        raise InputError(
            f"nobody left in {empty.size} of {len(problem.events)} pieces (first: {time_unit}s {edges[j]:g} to "
            f"{edges[j + 1]:g}), so their hazard cannot be told; choose fewer or other breaks, or None"
        )
