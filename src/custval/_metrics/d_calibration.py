"""Are the forecast survival curves true as a whole? D-calibration: at their own times, they should be spread evenly.

If S is the law of the time T then S(T) is uniform on (0, 1), so each tenth of the curves' range should hold a tenth of
the customers. A customer still there at C is spread evenly over (0, S(C)), one who left in a month over
(S(T), S(T-)). With late entry the curve given the entry takes the place of S.

With a cause, the hazard of leaving for it is judged: exp(-H_k) takes the place of S, and who left for another cause is
watched no longer. An incidence F_k has no such check at customers' own times: where a customer who left for another
cause stands on it depends on what it will come to in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.optimize import information_inverse
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, check_rows, check_scalar, sample_weight_array
from custval._metrics.forecast import probabilities
from custval._metrics.outcome import cause_code, read_outcome

__all__ = ("DCalibration", "d_calibration")

BLOCK = 1 << 14


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class DCalibration(Result):
    """How the customers are spread over the range of their forecast survival.

    Attributes
    ----------
    lower, upper : float arrays of shape (B,)
        Bounds of each part of (0, 1); the first holds those who stayed longest by their curves.
    share : float array of shape (B,)
        Share of the customers in it, 1 / B for a true forecast.
    std_error : float array of shape (B,)
        Standard errors of `share`.
    statistic, p_value : float or None
        Pearson's chi-squared on B - 1 degrees of freedom and its p-value, as published; too cautious where many are
        still customers. None with weights that are not whole numbers.
    wald_statistic, wald_p_value : float
        The same with the spread that the customers show themselves; right with those still there and with any weights.
    customers : int
        Customers scored.

    Examples
    --------
    >>> from custval.metrics import d_calibration
    >>> found = d_calibration(([3, 5, 8, 9], [1, 1, 1, 1]), [0.9, 0.6, 0.4, 0.1], bins=2)
    >>> found.share.tolist(), found.p_value
    ([0.5, 0.5], 1.0)
    """

    lower: FloatArray
    upper: FloatArray
    share: FloatArray
    std_error: FloatArray
    statistic: float | None
    p_value: float | None
    wald_statistic: float
    wald_p_value: float
    customers: int


@public("metrics")
def d_calibration(
    y: Any,
    survival: ArrayLike,
    *,
    before: ArrayLike | None = None,
    bins: int = 10,
    cause: int | str | None = None,
    sample_weight: ArrayLike | None = None,
) -> DCalibration:
    """Return how customers are spread over the range of their forecast survival, and whether that is even.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    survival : array-like of shape (n,)
        Forecast probability of each customer of staying beyond the own duration (given the own entry), 0..1: the
        diagonal of ``predict_survival(X, duration)``. With a `cause`: exp of minus the cumulative hazard of leaving
        for it, up to the own duration (from the own entry on).
    before : array-like of shape (n,), optional
        The same just before the duration, >= `survival`: for monthly models that of the month before. None: equal to
        `survival`, for models in continuous time.
    bins : int, default 10
        Number of equal parts of (0, 1), >= 2.
    cause : int or str, optional
        Code (1..K) or name of the cause whose hazard is judged; departures for others then count as still there. None:
        departures of every cause count.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    DCalibration
        Shares with standard errors, and two tests of evenness.

    Raises
    ------
    InputError
        For probabilities outside 0..1, or a `before` below `survival`.

    References
    ----------
    Haider, Hoehn, Davis, Greiner (2020), Journal of Machine Learning Research 21, section 3.5 and appendix B.

    Examples
    --------
    >>> from custval.metrics import d_calibration
    >>> found = d_calibration(([3, 5, 8, 9], [1, 0, 1, 0]), [0.9, 0.6, 0.3, 0.5], bins=2)
    >>> found.share.round(3).tolist(), round(found.p_value, 3)
    ([0.708, 0.292], 0.405)
    """
    from scipy.special import chdtrc

    outcome = read_outcome(y)
    low = probabilities(survival, "survival", 1)
    check_length(low, len(outcome), name="survival", other="y")
    high = low if before is None else probabilities(before, "before", 1)
    check_length(high, len(outcome), name="before", other="y")
    check_rows(high >= low, high, name="before", rule="be >= survival", fix="it is the curve just before the duration")
    weight = sample_weight_array(sample_weight, len(outcome))
    parts = int(check_scalar(bins, "bins", low=2))
    code = cause_code(cause, outcome)
    left = outcome.event > 0 if code is None else outcome.event == code
    # whoever is still there will leave somewhere further down the curve
    share, spread = _spread(np.where(left, low, 0.0), np.where(left, high, low), weight, parts)
    apart = share - 1.0 / parts
    inverse = information_inverse(spread[:-1, :-1])
    wald = float(apart[:-1] @ inverse @ apart[:-1])
    total = float(weight.sum())
    whole = bool((weight == np.floor(weight)).all())
    pearson = total * parts * float(apart @ apart) if whole else None
    edges = np.arange(parts + 1) / parts
    return DCalibration(
        lower=frozen(edges[:-1]),
        upper=frozen(edges[1:]),
        share=frozen(share),
        std_error=frozen(np.sqrt(np.diag(spread))),
        statistic=pearson,
        p_value=None if pearson is None else float(chdtrc(parts - 1, pearson)),
        wald_statistic=wald,
        wald_p_value=float(chdtrc(max(np.linalg.matrix_rank(inverse), 1), wald)),
        customers=len(outcome),
    )


def _spread(low: FloatArray, high: FloatArray, weight: FloatArray, parts: int) -> tuple[FloatArray, FloatArray]:
    """Return the share of each part and the covariance of the shares."""
    total = weight.sum()
    first, second, cross = np.zeros(parts), np.zeros((parts, parts)), np.zeros(parts)
    for start in range(0, len(low), BLOCK):
        rows = slice(start, start + BLOCK)
        mass, heavy = _mass(low[rows], high[rows], parts), weight[rows]
        first += heavy @ mass
        cross += heavy**2 @ mass
        second += (mass.T * heavy**2) @ mass
    share = first / total
    mixed = np.outer(cross, share)
    spread = second - mixed - mixed.T + (weight @ weight) * np.outer(share, share)
    return share, spread / total**2


def _mass(low: FloatArray, high: FloatArray, parts: int) -> FloatArray:
    """Return how much of each customer, spread evenly over (low, high), lies in each part, (b, B)."""
    edge = np.arange(parts) / parts
    width = high - low
    inside = np.minimum(high[:, None], edge + 1.0 / parts) - np.maximum(low[:, None], edge)
    mass: FloatArray = np.divide(
        inside.clip(0.0), width[:, None], out=np.zeros((len(low), parts)), where=width[:, None] > 0
    )
    point = np.flatnonzero(width <= 0)
    # a bound between two parts belongs to the upper one, 1 to the last
    mass[point, np.minimum((low[point] * parts).astype(np.int64), parts - 1)] = 1.0
    return mass
