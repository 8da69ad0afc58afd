"""How much a retention campaign earns if it contacts the riskiest customers first, and how many it should contact.

Of those contacted, a customer about to leave accepts the offer with probability g and then keeps a value V for the
firm, at the price d of the offer; a customer who would have stayed takes the offer all the same. With f the price of
a contact, contacting everybody with a score of at least t earns, for each customer scored (DEFINITIONS, "Profit"),

    P(t; g) = (1/n) sum_{s_i >= t} [ y_i (g (V_i - d) - f) - (1 - y_i) (d + f) ].

`maximum_profit` takes the best t at a known g, `expected_maximum_profit` the mean of that best over g ~ Beta. For a
fixed t the profit is a line in g, so the best profit is the upper envelope of lines: a concave majorant, found by
pooling adjacent violators over the leavers alone, and its mean over g is a sum of incomplete beta functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import Result
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_length, check_rows, check_scalar, float_array

__all__ = ("ProfitResult", "expected_maximum_profit", "maximum_profit")


@public("retention")
@dataclass(frozen=True, slots=True, eq=False)
class ProfitResult(Result):
    """What a campaign earns for each customer scored when it stops at the best score.

    Attributes
    ----------
    profit : float
        Money for each customer scored (not for each customer contacted).
    rate : float
        Share of the customers to contact, 0..1; for an uncertain accept rate its expectation.
    threshold : float
        Contact the customers whose score is at least this; ``inf`` where nobody is worth a contact. For an uncertain
        accept rate it is the best single threshold when it must be chosen before the rate is known.
    std_error : float or None
        Standard error of `profit` over samples of customers, the scores held fixed; None for a single customer.

    Examples
    --------
    >>> from custval.retention import maximum_profit
    >>> maximum_profit([0, 1, 0], [0.9, 0.8, 0.2], value=5.0)
    ProfitResult(profit=0.0, rate=0.0, threshold=inf, std_error=0.0)
    """

    profit: float
    rate: float
    threshold: float
    std_error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Ladder:
    """The thresholds worth trying, one step down the ranking each; step 0 contacts nobody.

    slope and intercept of the line in g (sums over customers), leavers and stayers contacted, each (m + 1,).
    """

    score: FloatArray
    slope: FloatArray
    intercept: FloatArray
    leavers: IntArray
    stayers: IntArray
    gain: FloatArray  # V - d of each leaver, riskiest first
    customers: int


@public("retention")
def maximum_profit(
    y: ArrayLike,
    score: ArrayLike,
    *,
    value: ArrayLike = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    accept_rate: float = 0.3,
) -> ProfitResult:
    """Return the profit of contacting the best share of the customers, riskiest first, at a known accept rate.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 (or True) for a customer who left, 0 for one who stayed.
    score : array-like of shape (n,)
        Risk of leaving, larger for riskier customers, on any scale; customers with equal scores go together.
    value : float or array-like of shape (n,), default 200
        Money that a saved customer is worth, one for all or one for each; less than `incentive_cost` is legal.
    incentive_cost : float, default 10
        Money that the offer costs when it is taken, >= 0.
    contact_cost : float, default 1
        Money that one contact costs, >= 0.
    accept_rate : float, default 0.3
        Share of the contacted leavers whom the offer keeps, 0..1.

    Returns
    -------
    ProfitResult
        Profit in money for each customer scored, share to contact, score to stop at, standard error.

    Raises
    ------
    InputError
        For labels other than 0 and 1, scores that are not finite, negative costs or a rate outside 0..1.

    References
    ----------
    Verbraken, Verbeke, Baesens (2013), IEEE Transactions on Knowledge and Data Engineering 25, equations 3 to 6;
    Neslin and others (2006), Journal of Marketing Research 43, equation 1.

    Examples
    --------
    >>> from custval.retention import maximum_profit
    >>> best = maximum_profit([0, 1, 0, 1, 0], [0.1, 0.9, 0.2, 0.8, 0.4], value=100.0)
    >>> best.profit, best.rate, best.threshold
    (10.4, 0.4, 0.8)
    """
    ladder = _ladder(y, score, value, incentive_cost, contact_cost)
    rate = check_scalar(accept_rate, "accept_rate", low=0.0, high=1.0)
    profit = rate * ladder.slope + ladder.intercept
    best = int(np.argmax(profit))  # the first of equals contacts the fewest
    per_leaver = rate * ladder.gain[: ladder.leavers[best]] - contact_cost
    per_stayer = np.full(1, -(incentive_cost + contact_cost))
    stayers = ladder.stayers[best : best + 1]
    return ProfitResult(
        profit=float(profit[best]) / ladder.customers,
        rate=float(ladder.leavers[best] + ladder.stayers[best]) / ladder.customers,
        threshold=float(ladder.score[best]),
        std_error=_std_error(per_leaver, per_stayer, stayers, ladder.customers),
    )


@public("retention")
def expected_maximum_profit(
    y: ArrayLike,
    score: ArrayLike,
    *,
    value: ArrayLike = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    accept_alpha: float = 6.0,
    accept_beta: float = 14.0,
) -> ProfitResult:
    """Return the mean, over an uncertain accept rate, of the profit of contacting the best share of the customers.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 (or True) for a customer who left, 0 for one who stayed.
    score : array-like of shape (n,)
        Risk of leaving, larger for riskier customers, on any scale; customers with equal scores go together.
    value : float or array-like of shape (n,), default 200
        Money that a saved customer is worth, one for all or one for each; less than `incentive_cost` is legal.
    incentive_cost : float, default 10
        Money that the offer costs when it is taken, >= 0.
    contact_cost : float, default 1
        Money that one contact costs, >= 0.
    accept_alpha : float, default 6
        First parameter of the beta distribution of the accept rate, > 0.
    accept_beta : float, default 14
        Second parameter of the beta distribution of the accept rate, > 0.

    Returns
    -------
    ProfitResult
        Expected profit in money for each customer scored, expected share to contact, the best single score to stop
        at (the one for the mean accept rate), standard error.

    Raises
    ------
    InputError
        For labels other than 0 and 1, scores that are not finite, negative costs or parameters not above 0.

    References
    ----------
    Verbraken, Verbeke, Baesens (2013), IEEE Transactions on Knowledge and Data Engineering 25, equations 8 to 11,
    with the value of each customer inside the sum.

    Examples
    --------
    >>> from custval.retention import expected_maximum_profit
    >>> best = expected_maximum_profit([0, 1, 0, 1, 0], [0.1, 0.9, 0.2, 0.8, 0.4], value=100.0)
    >>> round(best.profit, 4), round(best.rate, 4), best.threshold
    (10.4, 0.4, 0.8)
    """
    ladder = _ladder(y, score, value, incentive_cost, contact_cost)
    alpha = check_scalar(accept_alpha, "accept_alpha", low=0.0, low_open=True, high=np.inf, high_open=True)
    beta = check_scalar(accept_beta, "accept_beta", low=0.0, low_open=True, high=np.inf, high_open=True)
    steps = _envelope(ladder.slope, ladder.intercept)
    starts = _breakpoints(ladder.slope[steps], ladder.intercept[steps])
    above, mean_above = _upper_beta(starts, alpha, beta)
    # each customer is contacted for every g above the start of the first step that reaches it
    leavers, stayers = np.diff(ladder.leavers[steps]), np.diff(ladder.stayers[steps])
    reached = ladder.gain[: ladder.leavers[steps[-1]]]
    per_leaver = reached * np.repeat(mean_above, leavers) - contact_cost * np.repeat(above, leavers)
    per_stayer = -(incentive_cost + contact_cost) * above
    single = int(steps[np.searchsorted(starts, alpha / (alpha + beta))])
    return ProfitResult(
        profit=float(per_leaver.sum() + per_stayer @ stayers) / ladder.customers,
        rate=float(above @ (leavers + stayers)) / ladder.customers,
        threshold=float(ladder.score[single]),
        std_error=_std_error(per_leaver, per_stayer, stayers, ladder.customers),
    )


def _ladder(y: Any, score: Any, value: Any, incentive_cost: float, contact_cost: float) -> _Ladder:
    left = _labels(y)
    scores = float_array(score, "score")
    check_length(scores, len(left), name="score", other="y")
    offer = check_scalar(incentive_cost, "incentive_cost", low=0.0, high=np.inf, high_open=True)
    contact = check_scalar(contact_cost, "contact_cost", low=0.0, high=np.inf, high_open=True)
    risk, gain = _leavers(left, scores, value, offer)
    # only the last of tied leavers is a threshold; going on to a stayer never earns more
    last = np.flatnonzero(np.append(risk[1:] != risk[:-1], len(risk) > 0))
    loyal = np.sort(scores[~left])
    leavers = np.append(0, last + 1)
    stayers = np.append(0, len(loyal) - np.searchsorted(loyal, risk[last], side="left"))
    return _Ladder(
        score=np.append(np.inf, risk[last]),
        slope=np.append(0.0, np.cumsum(gain)[last]),
        intercept=-contact * leavers - (offer + contact) * stayers,
        leavers=leavers,
        stayers=stayers,
        gain=gain,
        customers=len(left),
    )


def _leavers(left: BoolArray, scores: FloatArray, value: Any, offer: float) -> tuple[FloatArray, FloatArray]:
    """Return score and gain V - d of the leavers, riskiest first."""
    if np.ndim(value) == 0:
        worth = check_scalar(value, "value", low=-np.inf, low_open=True, high=np.inf, high_open=True)
        risk = np.sort(scores[left])[::-1]
        return risk, np.full(len(risk), worth - offer)
    worths = float_array(value, "value")
    check_length(worths, len(left), name="value", other="y")
    risk = scores[left]
    order = np.argsort(-risk, kind="stable")
    return risk[order], worths[left][order] - offer


def _labels(y: Any) -> BoolArray:
    labels = float_array(y, "y")
    if not len(labels):
        raise InputError("y is empty; at least one customer must be scored")
    check_rows((labels == 0) | (labels == 1), labels, name="y", rule="be 1 (left) or 0 (stayed)")
    left: BoolArray = labels == 1
    if not left.any():
        warn(f"none of {len(labels)} customers left, so no contact can earn anything")
    return left


def _envelope(slope: FloatArray, intercept: FloatArray) -> IntArray:
    """Return the steps, by rising g, whose line is the highest for some g in [0, 1]; the first contacts nobody."""
    # at g >= 0 a lower line with no larger slope is never the best: keep the records of the slope
    highest = np.maximum.accumulate(slope)
    keep = np.flatnonzero(np.append(True, slope[1:] > highest[:-1]))
    if len(keep) == 1:
        return keep
    from scipy.optimize import isotonic_regression

    width = np.diff(slope[keep])
    fall = -np.diff(intercept[keep]) / width
    blocks = isotonic_regression(fall, weights=width).blocks
    return _reachable(keep[np.asarray(blocks, dtype=np.int64)], slope, intercept)


def _reachable(steps: IntArray, slope: FloatArray, intercept: FloatArray) -> IntArray:
    """Drop the steps whose line becomes the highest only above g = 1."""
    starts = _breakpoints(slope[steps], intercept[steps])
    return steps[: 1 + int(np.searchsorted(starts, 1.0, side="left"))]


def _breakpoints(slope: FloatArray, intercept: FloatArray) -> FloatArray:
    """Return the g at which each step but the first takes over, rising."""
    crossing = -np.diff(intercept) / np.diff(slope)
    return np.maximum.accumulate(np.maximum(crossing, 0.0)) if len(crossing) else crossing


def _upper_beta(starts: FloatArray, alpha: float, beta: float) -> tuple[FloatArray, FloatArray]:
    """Return P(g > start) and E[g; g > start] for g ~ Beta(alpha, beta)."""
    from scipy.special import betaincc

    mean = alpha / (alpha + beta)
    return np.asarray(betaincc(alpha, beta, starts)), mean * np.asarray(betaincc(alpha + 1.0, beta, starts))


def _std_error(leavers: FloatArray, per_stayer: FloatArray, stayers: IntArray, n: int) -> float | None:
    """Return the standard error of a mean over n customers; those not listed earn nothing.

    By the envelope theorem the choice of the threshold adds nothing to the first order.
    """
    if n < 2:
        return None
    mean = (leavers.sum() + per_stayer @ stayers) / n
    rest = n - len(leavers) - int(stayers.sum())
    squares = ((leavers - mean) ** 2).sum() + ((per_stayer - mean) ** 2) @ stayers + rest * mean**2
    return float(np.sqrt(squares / (n - 1) / n))
