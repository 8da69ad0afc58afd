"""Could the rule be chance? One-sided Fisher exact tests for many tables at once, and corrections for many tests."""

from __future__ import annotations

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice

__all__ = ("ADJUSTMENTS", "adjusted_p", "chi_squared_p", "fisher_tails", "hyper_quantile", "layered_p")

ADJUSTMENTS = ("bh", "by", "holm", "bonferroni", "layered")
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_BLOCK = 2048  # tables summed together: their eight arrays stay in the fastest cache
_CHECK = 8  # terms between two looks at whether all have ended
_EULER = 0.5772156649015329


def fisher_tails(n: int | IntArray, a: IntArray, b: IntArray, ab: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return P(X >= ab) and P(X < ab) for X hypergeometric: n customers, a of them marked, b drawn.

    The first term is Loader's saddle-point form (no loss of digits at large n); the rest follow by their exact ratios,
    summed away from the mode, on whichever side is the smaller. Relative error below 1e-12; below 1e-308 it is 0.

    Parameters
    ----------
    n : int or ndarray of int64, shape (rules,)
        Customers in all.
    a, b, ab : ndarray of int64, shape (rules,)
        Holders of the antecedent, of the consequent, of both.

    Returns
    -------
    p, below : ndarray of float64, shape (rules,)
        The chance of at least as many joint holders if the two were unrelated (Fisher's one-sided p-value), and of
        fewer; the smaller of the two has full relative precision.

    References
    ----------
    C. Loader (2000), Fast and Accurate Computation of Binomial Probabilities.
    """
    n = np.broadcast_to(np.asarray(n, dtype=np.int64), ab.shape)
    lowest, highest = np.maximum(0, a + b - n), np.minimum(a, b)
    upper = ab > a * (b / np.maximum(n, 1))
    # holders of the antecedent without the consequent are hypergeometric too: their upper tail is our lower one
    drawn, start = np.where(upper, b, n - b), np.where(upper, ab, a - ab + 1)
    inside = (ab > lowest) & (ab <= highest)
    tail = np.zeros(len(ab))
    tail[inside] = _upper_tail(n[inside], a[inside], drawn[inside], start[inside])
    tail, rest = np.clip(tail, 0.0, 1.0), np.clip(1 - tail, 0.0, 1.0)
    certain = ab <= lowest
    p = np.where(certain, 1.0, np.where(upper, tail, rest))
    return p, np.where(certain, 0.0, np.where(upper, rest, tail))


def _upper_tail(n: IntArray, a: IntArray, b: IntArray, start: IntArray) -> FloatArray:
    """Sum the probabilities from `start` upwards, tables with as many terms to add together, in blocks in the cache."""
    left, right, here, rest = (values.astype(np.float64) for values in (a - start, b - start, start, n - a - b + start))
    # a term is (1 - gap)^k of the first at first, then falls as a normal curve: the fewer of the two counts of terms
    spread = np.sqrt(b * (a / n) * (1 - a / n) * (1 - b / n) + 1.0)
    gap = 1 - left * right / ((here + 1) * (rest + 1))
    needed = np.minimum(np.minimum(left, right), np.minimum(40.0 / np.maximum(gap, 1e-12), 9.0 * spread))
    order = np.argsort(needed, kind="stable")
    total = np.ones(len(start))
    for first in range(0, len(order), _BLOCK):
        chosen = order[first : first + _BLOCK]
        total[chosen] = _ratio_sums(*(cell[chosen] for cell in (left, right, here, rest)))
    return _point_probability(n, a, b, start) * total


def _ratio_sums(left: FloatArray, right: FloatArray, here: FloatArray, rest: FloatArray) -> FloatArray:
    """Return 1 + r1 + r1 r2 + ...: each probability over the first, from the four cells of the first table.

    The numerators (left - k)(right - k) and denominators are quadratic in k, so that each is its neighbour plus a
    difference that grows by two: exact in doubles, and two operations instead of three.
    """
    total, term = np.ones(len(left)), np.ones(len(left))
    top, top_step = left * right, 1.0 - left - right
    bottom, bottom_step = (here + 1) * (rest + 1), here + rest + 3.0
    factor = np.empty(len(left))
    step = 0
    while step % _CHECK or (term > 1e-17 * total).any():
        np.divide(top, bottom, out=factor)
        term *= factor
        total += term
        top += top_step
        bottom += bottom_step
        top_step += 2.0
        bottom_step += 2.0
        step += 1
    return total


def _point_probability(n: IntArray, a: IntArray, b: IntArray, x: IntArray) -> FloatArray:
    """Return P(X = x) as a ratio of three binomial probabilities with p = b / n."""
    p = b / n
    top = _log_binomial(x, a, p) + _log_binomial(b - x, n - a, p)
    return np.exp(top - _log_binomial(b, n, p))


def _log_binomial(x: IntArray, size: IntArray, p: FloatArray) -> FloatArray:
    """Return the log of the binomial probability of x in `size` (Loader 2000)."""
    q = 1 - p
    rest = size - x
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = _stirling_error(size) - _stirling_error(x) - _stirling_error(rest)
        parts -= _deviance(x, size * p) + _deviance(rest, size * q)
        middle = parts + 0.5 * np.log(size / (2 * np.pi * x * rest.astype(np.float64)))
        none, every = size * np.log1p(-p), size * np.log(p)
    none, every = np.where(size == 0, 0.0, none), np.where(size == 0, 0.0, every)
    return np.where(x == 0, none, np.where(rest == 0, every, middle))


def _deviance(x: IntArray, mean: FloatArray) -> FloatArray:
    """Return x log(x / mean) + mean - x without cancellation where x is close to `mean`."""
    difference = x - mean
    ratio = difference / (x + mean)
    series, power = difference * ratio, 2 * x * ratio
    near = np.abs(difference) < 0.1 * (x + mean)
    square = ratio * ratio
    for k in range(1, 12):
        power = power * square
        series = series + power / (2 * k + 1)
    return np.where(near, series, x * np.log(x / mean) - difference)


def _stirling_error(n: IntArray) -> FloatArray:
    """Return log n! - log(sqrt(2 pi n) (n / e)^n)."""
    from scipy.special import gammaln

    small = np.arange(16, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = gammaln(small + 1) - 0.5 * np.log(2 * np.pi * small) - small * np.log(small) + small
        inverse = 1.0 / n
    series = np.zeros(len(n))
    for coefficient in reversed(_STIRLING):
        series = series * inverse**2 + coefficient
    return np.where(n < 16, exact[np.minimum(n, 15)], series * inverse)


def adjusted_p(p: FloatArray, method: str = "bh", m: int | None = None) -> FloatArray:
    """Correct p-values for the number of tests made.

    Parameters
    ----------
    p : ndarray of float64, shape (k,)
        P-values.
    method : {"bh", "by", "holm", "bonferroni"}
        Benjamini-Hochberg and Benjamini-Yekutieli hold the false-discovery rate (the second under any dependence);
        Holm and Bonferroni hold the chance of a single false rule.
    m : int, optional
        Tests made, >= k; the p-values not given are taken as larger than all given. Default: k.

    Returns
    -------
    ndarray of float64, shape (k,)
        Adjusted p-values, in the order of `p`.

    References
    ----------
    Benjamini & Hochberg (1995); Benjamini & Yekutieli (2001); Holm (1979).
    """
    check_choice(method, "method", ADJUSTMENTS[:-1])
    tests = len(p) if m is None else m
    if method == "bonferroni":
        return np.minimum(1.0, p * tests)
    order = np.argsort(p, kind="stable")
    rank = np.arange(1, len(p) + 1)
    if method == "holm":
        stepped = np.maximum.accumulate(p[order] * (tests - rank + 1))
    else:
        factor = tests * (_harmonic(tests) if method == "by" else 1.0)
        stepped = np.minimum.accumulate((p[order] * factor / rank)[::-1])[::-1]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted


def layered_p(p: FloatArray, length: IntArray, searched: IntArray) -> FloatArray:
    """Correct p-values layer by layer: each length of rule has an equal part of the risk for its own tests.

    Long rules are many and short ones few: sharing the risk by length leaves short rules nearly their own p-value.

    Parameters
    ----------
    p : ndarray of float64, shape (k,)
        P-values.
    length : ndarray of int64, shape (k,)
        Items in each rule.
    searched : ndarray of int64
        Tests made of rules of 0, 1, 2, ... items; lengths without a test take no part of the risk.

    Returns
    -------
    ndarray of float64, shape (k,)
        Adjusted p-values: the chance of any false rule stays below the level.

    References
    ----------
    G. I. Webb (2008), Layered critical values: a powerful direct-adjustment approach to discovering significant
    patterns.
    """
    layers = int(np.count_nonzero(searched))
    return np.minimum(1.0, p * layers * np.maximum(searched[length], 1))


def chi_squared_p(chi_squared: FloatArray, positive: BoolArray) -> FloatArray:
    """Return the one-sided p-value of the chi-squared test: normal, by the signed root; small where more meet."""
    from scipy.special import ndtr

    root = np.sqrt(chi_squared)
    return np.asarray(ndtr(np.where(positive, -root, root)), dtype=np.float64)


def hyper_quantile(n: int, a: IntArray, b: IntArray, level: float) -> IntArray:
    """Return the smallest number of joint holders c with P(X <= c) >= level if the two sides were unrelated."""
    low, high = np.maximum(0, a + b - n), np.minimum(a, b)
    while (low < high).any():
        middle = (low + high) // 2
        reached = fisher_tails(n, a, b, middle + 1)[1] >= level
        low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
    return np.asarray(low, dtype=np.int64)


def _harmonic(m: int) -> float:
    if m < 1000:
        return float(np.sum(1.0 / np.arange(1, m + 1)))
    return float(np.log(m) + _EULER + 1 / (2 * m) - 1 / (12 * m**2))
