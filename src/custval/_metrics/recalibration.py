"""Is a forecast too high, too bold, or bent? Intercept, slope and a smooth curve of what happened against the forecast.

Whether each customer left by the horizon is regressed on the log-odds of the forecast, those of whom it is known
standing in for the others by 1 / G. With a slope of one the intercept says how far too low the log-odds are; a slope
below one says that high forecasts are too high and low ones too low. The curve is a natural cubic spline with four
knots; the index ICI is the mean distance between it and the forecast over the customers. Errors come from each
customer's influence on the estimates, G taken as known.

A distance cannot be below zero and noise alone makes it positive, so near zero the normal error of the ICI says little.
Its interval moves the curve by its own uncertainty (a parametric bootstrap, with the same draws each time). It ends at
the 97.5 % point of the distances found; it begins at 0 where a Wald test does not tell the curve from the forecasts,
else as far below the distance as that point lies above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.doors import public
from custval._core.optimize import Evaluation, information_inverse, newton
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray

__all__ = ("CalibrationCurve", "Recalibration", "recalibrated")

KNOTS = (0.05, 0.35, 0.65, 0.95)
POINTS = 41
Z = 1.959963984540054
NEVER = 1e-9  # forecasts nearer than this to 0 or 1 count as that far away: log-odds are finite then
DRAWS, PLACES = 1000, 1000  # of the curve, and of the customers at whose forecasts it is looked at
RIDGE = 1e-6  # share of the weight: holds the curve where a group of equal forecasts all left


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class CalibrationCurve(Result):
    """What happens against what was forecast, smoothly.

    Attributes
    ----------
    predicted : float array of shape (m,)
        Forecasts from the 1 % to the 99 % quantile of the customers'.
    observed : float array of shape (m,)
        Share that left, by a smooth regression.
    lower, upper : float arrays of shape (m,)
        95 % interval of `observed`, point by point.

    Examples
    --------
    >>> from custval.metrics import calibration
    >>> y, p = ([3, 5, 8, 9, 2, 7], [1, 0, 1, 0, 1, 1]), [0.6, 0.5, 0.3, 0.1, 0.2, 0.4]
    >>> curve = calibration(y, p, horizon=4.0, groups=1).curve
    >>> len(curve.predicted), curve.to_frame().columns.tolist()
    (41, ['predicted', 'observed', 'lower', 'upper'])
    """

    predicted: FloatArray
    observed: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Recalibration:
    """Value and standard error of intercept, slope and ICI (None where they do not exist), and the curve."""

    intercept: tuple[float, float] | None
    slope: tuple[float, float] | None
    ici: tuple[float, float]
    ici_bounds: tuple[float, float]
    curve: CalibrationCurve


@dataclass(frozen=True, slots=True, eq=False)
class _Regression:
    """Coefficients (q,), of each customer its influence on them (n, q), and whether the maximum exists."""

    coef: FloatArray
    influence: FloatArray
    found: bool

    @property
    def covariance(self) -> FloatArray:
        return np.asarray(self.influence.T @ self.influence)


def recalibrated(risk: FloatArray, left: FloatArray, known: FloatArray, weight: FloatArray) -> Recalibration:
    """Return how forecasts `risk` relate to who left, `known` weighing for those unknown; all (n,)."""
    # errors depend on how unequal the weights are, not on their size
    known, weight = known / weight.mean(), weight / weight.mean()
    odds = _log_odds(np.clip(risk, NEVER, 1.0 - NEVER))
    one = np.ones((len(risk), 1))
    basis = _basis(odds, odds, weight)
    bent = _regression(basis, left, known, None, RIDGE * float(weight.sum()))
    ici = _distance(bent, basis, risk, weight)
    return Recalibration(
        intercept=_last(_regression(one, left, known, odds)),
        slope=_last(_regression(np.column_stack([one[:, 0], odds]), left, known, None)),
        ici=ici,
        ici_bounds=_distance_bounds(bent, basis, odds, weight, ici[0]),
        curve=_curve(bent, odds, weight),
    )


def _last(found: _Regression) -> tuple[float, float] | None:
    return (float(found.coef[-1]), float(np.sqrt(found.covariance[-1, -1]))) if found.found else None


def _log_odds(p: FloatArray) -> FloatArray:
    return np.asarray(np.log(p) - np.log1p(-p))


def _chance(odds: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * odds)))


def _regression(
    basis: FloatArray, left: FloatArray, weight: FloatArray, offset: FloatArray | None, ridge: float = 0.0
) -> _Regression:
    """Return the weighted logistic regression, its intercept (first column) never penalised."""
    fixed = np.zeros(len(left)) if offset is None else offset
    penalty = np.full(basis.shape[1], ridge)
    penalty[0] = 0.0

    def evaluate(coef: FloatArray) -> Evaluation:
        odds = fixed + basis @ coef
        p = _chance(odds)
        value = weight @ (left * odds - np.logaddexp(0.0, odds)) - 0.5 * penalty @ coef**2
        slope = basis.T @ (weight * (left - p)) - penalty * coef
        return float(value), slope, (basis.T * (weight * p * (1.0 - p))) @ basis + np.diag(penalty)

    best = newton(evaluate, np.zeros(basis.shape[1]), max_iter=60, tol=1e-10 * float(weight.sum()))
    inverse = information_inverse(best.information)
    exists = bool(np.linalg.matrix_rank(inverse) == len(best.point))
    # where leavers and stayers are separate, the maximum is at infinity: the next step is as long as the last
    still = best.converged and np.abs(best.step).max() <= 1e-3 * max(1.0, float(np.abs(best.point).max()))
    coef = best.point + best.step if still else best.point
    pull = weight * (left - _chance(fixed + basis @ coef))
    return _Regression(coef, (pull[:, None] * basis) @ inverse, exists and bool(still))


def _knots(odds: FloatArray, weight: FloatArray) -> FloatArray:
    order = np.argsort(odds)
    reached = np.cumsum(weight[order]) / weight.sum()
    return np.unique(odds[order][np.minimum(np.searchsorted(reached, KNOTS), len(odds) - 1)])


def _basis(at: FloatArray, odds: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the natural cubic spline (constant, line, then one column for each inner knot) of the customers `at`."""
    knots = _knots(odds, weight)
    middle = float(weight @ odds / weight.sum())
    if len(knots) < 2:
        return np.ones((len(at), 1))
    width = float(knots[-1] - knots[0])
    columns = [np.ones(len(at)), (at - middle) / width]
    last, before = knots[-1], knots[-2]
    for knot in knots[:-2]:
        cubic = (at - knot).clip(0.0) ** 3
        cubic -= (at - before).clip(0.0) ** 3 * (last - knot) / (last - before)
        cubic += (at - last).clip(0.0) ** 3 * (before - knot) / (last - before)
        columns.append(cubic / width**3)
    return np.column_stack(columns)


def _distance(bent: _Regression, basis: FloatArray, risk: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Return the mean distance of curve and forecast, and its error by the influence of each customer."""
    smooth = _chance(basis @ bent.coef)
    apart = np.abs(smooth - risk)
    mean = float(weight @ apart / weight.sum())
    slope = (weight * np.sign(smooth - risk) * smooth * (1.0 - smooth)) @ basis / weight.sum()
    pull = weight * (apart - mean) / weight.sum() + bent.influence @ slope
    return mean, float(np.sqrt(pull @ pull))


def _distance_bounds(
    bent: _Regression, basis: FloatArray, odds: FloatArray, weight: FloatArray, distance: float
) -> tuple[float, float]:
    """Return the 95 % interval of the mean distance."""
    from scipy.special import chdtrc

    order = np.argsort(odds, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    places = order[np.minimum(np.searchsorted(reached, (np.arange(PLACES) + 0.5) / PLACES), len(odds) - 1)]
    values, vectors = np.linalg.eigh(bent.covariance)
    moved = np.random.default_rng(0).normal(size=(DRAWS, len(values))) * np.sqrt(np.maximum(values, 0.0))
    curves = _chance((bent.coef + moved @ vectors.T) @ basis[places].T)
    high = max(float(np.quantile(np.abs(curves - _chance(odds[places])).mean(axis=1), 0.975)), distance)
    # the forecasts themselves are a curve of this kind: a line of slope one
    away = bent.coef - np.linalg.lstsq(basis[places], odds[places], rcond=None)[0]
    wald = float(away @ information_inverse(bent.covariance) @ away)
    alike = float(chdtrc(len(away), wald)) > 0.05
    return 0.0 if alike else max(2 * distance - high, 0.0), min(high, 1.0)


def _curve(bent: _Regression, odds: FloatArray, weight: FloatArray) -> CalibrationCurve:
    order = np.argsort(odds)
    reached = np.cumsum(weight[order]) / weight.sum()
    where = np.searchsorted(reached, np.linspace(0.01, 0.99, POINTS))
    at = odds[order][np.minimum(where, len(odds) - 1)]
    basis = _basis(at, odds, weight)
    middle = basis @ bent.coef
    spread = Z * np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", basis, bent.covariance, basis), 0.0))
    observed, lower, upper = (frozen(_chance(odds)) for odds in (middle, middle - spread, middle + spread))
    return CalibrationCurve(frozen(_chance(at)), observed, lower, upper)
