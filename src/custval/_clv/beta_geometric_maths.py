"""Purchases at random until a coin after a purchase says stop: BG/NBD, MBG/NBD and their regular forms, as formulas.

Purchases of a customer come with k steps of a Poisson process of rate lambda ~ Gamma(r, alpha) between them (k = 1: at
random). After each purchase, and with `at_start` also at the very first day, the customer leaves with a chance
p ~ Beta(a, b). With m = 1 for `at_start`, else 0, n = r + k x and R(j) the rising factorial (n)_j / j!,

    L = C [ (alpha+T)^-n sum_{j<k} R(j) ((T-t_x)/(alpha+T))^j  +  {x+m>0} a/(b+x+m-1) (alpha+t_x)^-n ]
    C = gaps^(k-1)/Gamma(k)^x  Gamma(n)/Gamma(r) alpha^r  B(a, b+x+m)/B(a, b)

the first term of which is the customer who is still there. All that follows is a sum of positive terms: expectations
are integrals over p, never the closed form with its pole at a = 1.

References
----------
Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting your customers" the easy way, Marketing Science 24(2),
eq. 6-10. Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison of models for
customer base analysis, IJRM 24(3). Reutterer, T., Platzer, M. and Schroeder, N. (2021), Leveraging purchase regularity
for predicting customer behavior the easy way, IJRM 38(1), eq. 3-10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from custval._clv.levels import Levels, on_levels
from custval._clv.quadrature import beta_mean, decay_integral
from custval._core.typing import FloatArray

__all__ = (
    "Rhythm",
    "Seen",
    "Theta",
    "alive",
    "bought",
    "count_chance",
    "draw",
    "log_likelihood",
    "residual",
    "staying",
)

ENOUGH = 1e-17
SOME = 64  # purchases summed at a time
MOST_PURCHASES = 2**20
LONG_LEFT = 38.0


class Rhythm(NamedTuple):
    """Which of the four models: steps between purchases, and whether a customer may leave on the first day."""

    k: int = 1
    at_start: bool = False


class Theta(NamedTuple):
    """Parameters, each of shape () or (n,)."""

    r: float | FloatArray
    alpha: float | FloatArray
    a: float | FloatArray
    b: float | FloatArray


class Seen(NamedTuple):
    """Purchases, last purchase and age of each customer, each (n,)."""

    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    known: dict[str, Levels] | None = None


def log_likelihood(
    theta: Theta, seen: Seen, rhythm: Rhythm
) -> tuple[FloatArray, tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
    """Return the log-likelihood of each customer without the gaps, and its slopes in log r, log alpha, log a, log b."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = (np.asarray(part, dtype=np.float64) for part in theta)
    x, t_x, T = seen[:3]
    k, m = rhythm.k, float(rhythm.at_start)
    n, late, soon = r + k * x, _log_plus(alpha, T, seen, "T"), _log_plus(alpha, t_x, seen, "t_x")
    quiet, quiet_n, quiet_alpha = _still_quiet(n, alpha, seen, k)
    stay = -n * late + quiet
    gone = np.where(x + m > 0, np.log(a) - np.log(np.maximum(b + x + m - 1.0, 1e-300)) - n * soon, -np.inf)
    either = np.logaddexp(stay, gone)
    dead = np.exp(gone - either)

    def by_count(count: FloatArray, p: FloatArray, q: FloatArray, s: FloatArray) -> FloatArray:
        """Return the parts that hang on the number of purchases only, with their slopes: (rows, 4)."""
        start, ab = p + k * count, q + s
        value = gammaln(start) - gammaln(p) + gammaln(s + count + m) - gammaln(ab + count + m)
        value = value + gammaln(ab) - gammaln(s) - count * gammaln(float(k))
        both = digamma(ab) - digamma(ab + count + m)
        slope_b = digamma(s + count + m) - digamma(s) + both
        return np.stack([value, digamma(start) - digamma(p), both, slope_b], axis=-1)

    value, slope_r, slope_a, slope_b = _spread(by_count, seen, (r, a, b)).T
    value = value + r * np.log(alpha) + either
    turn = dead * (late - soon)
    in_r = r * (slope_r + np.log(alpha) - late + turn + (1.0 - dead) * quiet_n)
    over_late, over_soon = alpha / (alpha + T), alpha / (alpha + t_x)
    in_alpha = r - n * (over_late + dead * (over_soon - over_late)) + (1.0 - dead) * quiet_alpha
    in_a = a * slope_a + dead
    # for x = 0 without a coin on the first day dead is 0, and so is what it multiplies
    in_b = b * (slope_b - dead / np.maximum(b + x + m - 1.0, 1e-300))
    return value, (in_r, in_alpha, in_a, in_b)


def alive(theta: Theta, seen: Seen, rhythm: Rhythm) -> FloatArray:
    """Return the chance that each customer is still there."""
    r, alpha, a, b = (np.asarray(part, dtype=np.float64) for part in theta)
    x, t_x, T = seen[:3]
    m = float(rhythm.at_start)
    n = r + rhythm.k * x
    odds = n * np.log1p((T - t_x) / (alpha + t_x)) - _still_quiet(n, alpha, seen, rhythm.k)[0]
    with np.errstate(divide="ignore", over="ignore"):
        left = np.where(x + m > 0, np.log(a / np.maximum(b + x + m - 1.0, 1e-300)), -np.inf)
        return np.asarray(1.0 / (1.0 + np.exp(odds + left)))


def bought(theta: Theta, seen: Seen, horizon: FloatArray, rhythm: Rhythm) -> FloatArray:
    """Return the purchases expected over the horizon of a customer who is still there."""
    rows = _rows(theta, seen, rhythm, horizon)
    if rhythm.k > 1:
        return on_levels(lambda *part: _bought_regular(_Ahead(*part), rhythm.k), rows)
    return on_levels(_bought_random, rows[:4] + rows[6:])


def staying(theta: Theta, seen: Seen, ahead: FloatArray, rhythm: Rhythm) -> FloatArray:
    """Return the chance to be still there after `ahead` of a customer who is there now."""
    rows = _rows(theta, seen, rhythm, ahead)
    if rhythm.k > 1:
        return on_levels(lambda *part: _staying_regular(_Ahead(*part), rhythm.k), rows)

    def random(n: FloatArray, rate: FloatArray, a: FloatArray, b: FloatArray, t: FloatArray) -> FloatArray:
        u = t / rate
        return beta_mean(a, b, (n, u), lambda p, where: np.exp(-n[where, None] * np.log1p(p * u[where, None])))

    return on_levels(random, rows[:4] + rows[6:])


def residual(theta: Theta, seen: Seen, delta: float, rhythm: Rhythm) -> FloatArray:
    """Return the purchases to come for ever, discounted at the continuous rate, of a customer who is still there."""
    rows = _rows(theta, seen, rhythm, np.full(len(seen.x), delta))
    if rhythm.k > 1:
        return on_levels(lambda *part: _residual_regular(_Ahead(*part), rhythm.k), rows)

    def random(n: FloatArray, rate: FloatArray, a: FloatArray, b: FloatArray, d: FloatArray) -> FloatArray:
        # E[lambda / (lambda p + d)]: the inner mean over lambda is a decaying integral
        scale = d * rate
        pull = (np.ones_like(n), (n + 1.0) / scale)
        mean = beta_mean(a, b, pull, lambda p, where: decay_integral(n[where, None] + 1.0, p / scale[where, None]))
        return np.asarray(n / rate / d * mean)

    return on_levels(random, rows[:4] + rows[6:])


def count_chance(theta: Theta, seen: Seen, horizon: FloatArray, count: int, rhythm: Rhythm) -> FloatArray:
    """Return the chance of exactly `count` purchases over the horizon of a customer who is still there."""
    ahead = _Ahead(*_rows(theta, seen, rhythm, horizon))
    k = rhythm.k
    chance = np.zeros(len(seen.x))
    go = _stay_moment(ahead, float(count))
    stop = _stay_moment(ahead, float(count - 1)) - go if count else 0.0
    for j, share in enumerate(_phases(ahead, k)):
        first = count * k - j
        least = _at_least(ahead, j, float(first))
        chance += share * (go * (least - _at_least(ahead, j, float(first + k))) + stop * least)
    return chance


class _Ahead(NamedTuple):
    """What is known of customers who are still there: Gamma(n, rate) steps, Beta(a, b) coin, time since, horizon."""

    n: FloatArray
    rate: FloatArray
    a: FloatArray
    b: FloatArray
    x: FloatArray
    since: FloatArray
    t: FloatArray


def _rows(theta: Theta, seen: Seen, rhythm: Rhythm, horizon: FloatArray) -> tuple[FloatArray, ...]:
    r, alpha, a, b = (np.asarray(part, dtype=np.float64) for part in theta)
    x, t_x, T = seen[:3]
    parts = (r + rhythm.k * x, alpha + T, a, b + x + float(rhythm.at_start), x, T - t_x, horizon)
    return tuple(np.array(np.broadcast_to(part, x.shape)) for part in parts)


def _log_plus(p: FloatArray, column: FloatArray, seen: Seen, name: str) -> FloatArray:
    if p.ndim:
        return np.asarray(np.log(p + column))
    return on_levels(lambda values: np.log(p + values), (column,), known=seen.known, name=name)


def _spread(answer: object, seen: Seen, theta: tuple[FloatArray, ...]) -> FloatArray:
    """Return ``answer(x, *theta)``, once for each number of purchases where the parameters are the same for all."""
    if any(part.ndim for part in theta):
        return np.asarray(answer(seen.x, *theta))  # type: ignore[operator]
    return on_levels(lambda values: answer(values, *theta), (seen.x,), known=seen.known, name="x")  # type: ignore[operator]


def _still_quiet(
    n: FloatArray, alpha: FloatArray, seen: Seen, k: int
) -> tuple[FloatArray, FloatArray | float, FloatArray | float]:
    """Return log sum_{j<k} (n)_j/j! z^j, z = (T-t_x)/(alpha+T), with its slopes in n and in log alpha."""
    if k == 1:
        return np.zeros(np.shape(n)), 0.0, 0.0
    z = (seen.T - seen.t_x) / (alpha + seen.T)
    term, total = np.ones_like(z), np.ones_like(z)
    by_n, slope_n, slope_z = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    for j in range(1, k):
        term = term * (n + j - 1.0) / j * z
        by_n = by_n + 1.0 / (n + j - 1.0)
        total, slope_n, slope_z = total + term, slope_n + term * by_n, slope_z + j * term
    in_alpha = -slope_z / total * alpha / (alpha + seen.T)
    return np.log(total), slope_n / total, in_alpha


def _bought_random(n: FloatArray, rate: FloatArray, a: FloatArray, b: FloatArray, t: FloatArray) -> FloatArray:
    u = t / rate

    def answer(p: FloatArray, where: slice) -> FloatArray:
        return np.asarray(-np.expm1(-n[where, None] * np.log1p(p * u[where, None])) / p)

    # 1 - (1+pu)^-n over p is flat up to 1/(nu), then falls
    pull = (np.ones_like(u), np.maximum(n, 1.0) * u)
    return beta_mean(a, b, pull, answer)


def _phases(ahead: _Ahead, k: int) -> list[FloatArray]:
    """Return the chances that j = 0..k-1 steps have passed since the last purchase, of customers still there."""
    z = ahead.since / ahead.rate
    terms = [np.ones_like(z)]
    for j in range(1, k):
        terms.append(terms[-1] * (ahead.n + j - 1.0) / j * z)
    total = np.sum(terms, axis=0)
    return [term / total for term in terms]


def _stay_moment(ahead: _Ahead, count: FloatArray | float) -> FloatArray:
    """Return E[(1-p)^count], p ~ Beta(a, b)."""
    from scipy.special import betaln

    return np.asarray(np.exp(betaln(ahead.a, ahead.b + count) - betaln(ahead.a, ahead.b)))


def _at_least(ahead: _Ahead, j: int, steps: FloatArray | float) -> FloatArray:
    """Return the chance of at least so many steps over the horizon after j steps since the last purchase."""
    from scipy.special import betainc

    some = np.maximum(np.asarray(steps, dtype=np.float64), 0.0)
    with np.errstate(all="ignore"):
        least = betainc(some, ahead.n + j, ahead.t / (ahead.rate + ahead.t))
    return np.where(some > 0, least, 1.0)


def _by_purchase(ahead: _Ahead, k: int, drop: bool) -> FloatArray:
    """Return the sum over i >= 1 of P(at least i purchases are due) times (1-p)^(i-1), and with `drop` times p."""
    total, first = np.zeros_like(ahead.t), 1
    phases = _phases(ahead, k)
    columns = _Ahead(*(part[:, None] for part in ahead))
    while first < MOST_PURCHASES:
        i = np.arange(first, first + SOME, dtype=np.float64)
        weight = _stay_moment(columns, i - 1.0)
        if drop:
            weight = weight * columns.a / (columns.a + columns.b + i - 1.0)
        due = sum(share[:, None] * _at_least(columns, j, i * k - j) for j, share in enumerate(phases))
        terms = weight * due
        total = total + terms.sum(axis=1)
        # the rest is at most a geometric sum in t / (rate + t)
        if (terms[:, -1] <= ENOUGH * total * (ahead.rate / (ahead.rate + ahead.t))).all():
            break
        first += SOME
    return total


def _bought_regular(ahead: _Ahead, k: int) -> FloatArray:
    return _by_purchase(ahead, k, drop=False)


def _staying_regular(ahead: _Ahead, k: int) -> FloatArray:
    return np.asarray(1.0 - _by_purchase(ahead, k, drop=True))


def _residual_regular(ahead: _Ahead, k: int) -> FloatArray:
    """Return E[ phi^(k-j) / (1 - (1-p) phi^k) ], phi = lambda / (lambda + delta): over p inside, lambda outside."""
    total = np.zeros_like(ahead.t)
    for j, share in enumerate(_phases(ahead, k)):
        n = ahead.n + j
        log_rate, weight = _gamma_nodes(n + 1.0)
        rate = np.exp(log_rate) / ahead.rate[:, None]
        delta = ahead.t[:, None]
        # E over Gamma(n) of g is n/A times E over Gamma(n+1) of g / lambda, which has no long left end
        log_phi = -np.log1p(delta / rate)
        back = -np.expm1(k * log_phi) * np.exp(-k * log_phi)  # (1 - phi^k) / phi^k
        shape = rate.shape
        a, b = (np.broadcast_to(part[:, None], shape).ravel() for part in (ahead.a, ahead.b))
        c = back.ravel()
        mean = beta_mean(a, b, (np.ones_like(c), 1.0 / c), _over(c))
        value = mean.reshape(shape) * np.exp(-j * log_phi) / rate
        total = total + share * n / ahead.rate * (weight * value).sum(axis=1)
    return total


def _over(c: FloatArray) -> Callable[[FloatArray, slice], FloatArray]:
    """Return the function 1 / (p + c) of nodes p in rows."""
    return lambda p, where: 1.0 / (p + c[where, None])


def _gamma_nodes(shape: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log nodes and weights (rows, N) of a mean over Gamma(shape, 1), shape >= 1."""
    from scipy.special import gammaln

    spread = 1.0 / np.sqrt(shape)
    low, high = -np.minimum(9.5 * spread + 0.5 * LONG_LEFT * spread**2, LONG_LEFT), np.minimum(9.5 * spread, 4.5)
    count = 72
    width = (high - low) / (count - 1)
    place = np.log(shape)[:, None] + low[:, None] + width[:, None] * np.arange(count)
    density = shape[:, None] * place - np.exp(place) - gammaln(shape)[:, None]
    return place, width[:, None] * np.exp(density)


def draw(theta: Theta, age: FloatArray, rhythm: Rhythm, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Return frequency, recency and log_gaps of customers drawn from the model, seen up to `age`."""
    r, alpha, a, b = (np.asarray(part, dtype=np.float64) for part in theta)
    n = len(age)
    rate, leave = rng.gamma(r, 1.0 / alpha, n), rng.beta(a, b, n)
    x, t_x, gaps = np.zeros(n), np.zeros(n), np.zeros(n)
    here = np.flatnonzero(rng.random(n) >= leave) if rhythm.at_start else np.arange(n)
    while len(here):
        with np.errstate(divide="ignore"):
            gap = rng.gamma(rhythm.k, 1.0, len(here)) / rate[here]
        gap = np.maximum(gap, 1e-300)
        bought_again = t_x[here] + gap <= age[here]
        here, gap = here[bought_again], gap[bought_again]
        x[here] += 1.0
        t_x[here] += gap
        gaps[here] += np.log(gap)
        here = here[rng.random(len(here)) >= leave[here]]
    return {"frequency": x, "recency": t_x, "log_gaps": gaps}
