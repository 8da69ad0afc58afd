"""Do groups of customers leave at different rates? The log-rank test and its weighted relatives."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice, check_rows, check_scalar, sample_weight_array
from custval._survival.groups import group_codes
from custval._survival.target import Target, read_target
from custval._survival.variance import sum_ratio

__all__ = ("WEIGHTINGS", "LogrankTest", "logrank_test")

WEIGHTINGS = ("logrank", "gehan", "tarone-ware", "peto", "fleming-harrington")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class LogrankTest(Result):
    """The outcome of a test that groups leave at the same rate at every time.

    Attributes
    ----------
    statistic : float
        Chi-square statistic.
    df : int
        Degrees of freedom: groups with expected departures, less one.
    p_value : float
        Probability of a statistic at least so large if all leave at the same rate.
    groups : tuple
        Labels of the G groups.
    n : numpy.ndarray of shape (G,)
        Customers in each group.
    observed, expected : numpy.ndarray of shape (G,)
        Departures seen, and expected at the common rate, each weighted by the test.
    weighting : str
        Which weights the times have.

    Examples
    --------
    >>> from custval.survival import logrank_test, survival_target
    >>> test = logrank_test(survival_target([3, 5, 7, 9]), ["dsl", "dsl", "fibre", "fibre"])
    >>> test.groups, test.expected.round(3).tolist()
    (('dsl', 'fibre'), [0.833, 3.167])
    """

    statistic: float
    df: int
    p_value: float
    groups: tuple[Hashable, ...]
    n: FloatArray
    observed: FloatArray
    expected: FloatArray
    weighting: str


@public("survival")
def logrank_test(
    y: Any,
    groups: Any,
    *,
    strata: Any = None,
    weighting: str = "logrank",
    rho: float = 1.0,
    gamma: float = 0.0,
    sample_weight: ArrayLike | None = None,
) -> LogrankTest:
    """Return a test of whether groups of customers leave at the same rate, whatever the cause.

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`survival_target`; late entry is allowed for.
    groups : array_like of shape (n,), or frame of n rows
        Labels of at least two groups.
    strata : array_like of shape (n,), or frame of n rows, optional
        Customers are compared within each stratum only.
    weighting : {"logrank", "gehan", "tarone-ware", "peto", "fleming-harrington"}
        Weight of each time: 1, the number at risk r, its root, S(t-) (Peto and Peto; ``rho=1`` of R's survdiff), or
        S(t-)^rho (1 - S(t-))^gamma, with S the Kaplan-Meier curve of the stratum.
    rho, gamma : float, default 1 and 0
        Exponents >= 0 of the Fleming-Harrington weights; early departures count more with rho, late ones with gamma.
    sample_weight : array_like of shape (n,), optional
        Whole case weights, equal to duplicated rows.

    Returns
    -------
    LogrankTest
        Statistic, degrees of freedom, p-value, and the departures observed and expected in each group.

    Raises
    ------
    InputError
        For one group only, no departures that tell groups apart, weights that are not whole, or an impossible target.

    References
    ----------
    Fleming and Harrington (1991). Counting processes and survival analysis, chapter 7.
    Tarone and Ware (1977). On distribution-free tests for equality of survival distributions.

    Examples
    --------
    >>> from custval.survival import logrank_test, survival_target
    >>> y = survival_target([3, 5, 7, 9, 11, 13], [1, 1, 1, 1, 0, 1])
    >>> test = logrank_test(y, ["dsl", "dsl", "dsl", "fibre", "fibre", "fibre"])
    >>> round(test.statistic, 3), test.df, test.observed.tolist()
    (5.052, 1, [3.0, 2.0])
    """
    check_choice(weighting, "weighting", WEIGHTINGS)
    powers = (check_scalar(rho, "rho", low=0), check_scalar(gamma, "gamma", low=0))
    target = read_target(y)
    weight = sample_weight_array(sample_weight, len(target), other="y")
    fix = "this test counts customers; use Cox regression with robust errors for other weights"
    check_rows(weight == np.floor(weight), weight, name="sample_weight", rule="be whole", fix=fix)
    labels, codes = group_codes(groups, len(target))
    if len(labels) < 2:
        raise InputError(f"groups must hold at least two labels, not {len(labels)}; there is nothing to compare")
    G = len(labels)
    observed, expected, covariance = np.zeros(G), np.zeros(G), np.zeros((G, G))
    for rows in _layers(strata, len(target)):
        at_risk, events = _group_tables(target.rows(rows), weight[rows], codes[rows], G)
        o, e, v = _scores(at_risk, events, time_weights(at_risk.sum(0), events.sum(0), weighting, powers))
        observed, expected, covariance = observed + o, expected + e, covariance + v
    statistic, df = _chi_square(observed - expected, covariance, expected > 0)
    from scipy.special import chdtrc

    return LogrankTest(
        statistic=statistic,
        df=df,
        p_value=float(chdtrc(df, statistic)),
        groups=labels,
        n=frozen(np.bincount(codes, weights=weight, minlength=G).astype(np.float64)),
        observed=frozen(observed),
        expected=frozen(expected),
        weighting=weighting,
    )


def _layers(strata: Any, n: int) -> list[IntArray]:
    """Return the rows of each stratum."""
    if strata is None:
        return [np.arange(n)]
    labels, codes = group_codes(strata, n, name="strata")
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=len(labels)))[:-1])


def _group_tables(target: Target, weight: FloatArray, codes: IntArray, G: int) -> tuple[FloatArray, FloatArray]:
    """Return at_risk and events (G, m) at the m distinct times of departure."""
    left = (target.event > 0) & (weight > 0)
    times = np.unique(target.duration[left])
    m = len(times)
    if not m:
        return np.zeros((G, 0)), np.zeros((G, 0))
    last = np.searchsorted(times, target.duration, side="right")  # at risk at the times before this index
    first = np.searchsorted(times, target.entry, side="right")
    gone = np.bincount(codes * (m + 1) + last, weights=weight, minlength=G * (m + 1)).reshape(G, m + 1)
    come = np.bincount(codes * (m + 1) + first, weights=weight, minlength=G * (m + 1)).reshape(G, m + 1)
    at_risk = np.cumsum(come - gone, axis=1)[:, :m].astype(np.float64)
    place = codes[left] * m + last[left] - 1
    return at_risk, np.bincount(place, weights=weight[left], minlength=G * m).reshape(G, m).astype(np.float64)


def time_weights(at_risk: FloatArray, events: FloatArray, weighting: str, powers: tuple[float, float]) -> FloatArray:
    """Return the weight of each time (m,), from the counts of all groups together."""
    if weighting == "logrank":
        return np.ones_like(at_risk)
    if weighting == "gehan":
        return at_risk
    if weighting == "tarone-ware":
        return np.sqrt(at_risk)
    rho, gamma = (1.0, 0.0) if weighting == "peto" else powers
    survival = np.cumprod(1 - sum_ratio(events, at_risk))
    before = np.concatenate([[1.0], survival[:-1]]) if len(survival) else survival
    return np.asarray(before**rho * (1 - before) ** gamma)


def _scores(at_risk: FloatArray, events: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return observed (G,), expected (G,) and the hypergeometric covariance of their difference (G, G)."""
    r, d = at_risk.sum(axis=0), events.sum(axis=0)
    share = sum_ratio(at_risk, np.broadcast_to(r, at_risk.shape))
    spread = w**2 * d * sum_ratio(np.maximum(r - d, 0), np.maximum(r - 1, 1))
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    return (w * events).sum(axis=1), (w * d * share).sum(axis=1), covariance


def _chi_square(score: FloatArray, covariance: FloatArray, tested: Any) -> tuple[float, int]:
    """Return score' V^- score over the groups `tested`, and their number less one."""
    kept = np.flatnonzero(tested)
    if len(kept) < 2 or not np.any(covariance):
        raise InputError("no departure happened while at least two groups were at risk, so nothing can be compared")
    used = kept[:-1]  # the scores add up to zero, so the last says nothing new
    part = covariance[np.ix_(used, used)]
    solved = np.linalg.lstsq(part, score[used], rcond=None)[0]
    return max(float(score[used] @ solved), 0.0), len(kept) - 1
