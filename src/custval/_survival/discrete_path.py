"""From monthly hazards to what lies ahead: survival, incidence by cause, and how sums of them move with parameters.

Everything is conditional on today: a customer who has stayed `given` months meets the hazards of months given + 1,
given + 2, ... Past the last observed month the level is held. Arrays in, arrays out; customers are taken in blocks, so
that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._survival.clocks import Clock, FittedClock, clock_positions
from custval._survival.discrete_likelihood import hazard, hazard_pullback, rates

__all__ = (
    "ClockPath",
    "Customers",
    "Path",
    "by_parameter",
    "hazard_ahead",
    "incidence_ahead",
    "log_chance",
    "mean_hazard",
    "pullback_ahead",
    "survival_ahead",
)

_CELLS = 1 << 15  # customers x months in a block: 256 KiB stay in cache


@dataclass(frozen=True, slots=True, eq=False)
class ClockPath:
    """A clock as predictions need it: its first value, and log rates by cause and value, (K, V + 1)."""

    clock: Clock
    low: int
    effect: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The baseline as predictions need it.

    Attributes
    ----------
    level : ndarray of shape (K, T + 1)
        Log rate of the average customer in months 1..T, and in every month after T; minus infinity for hazard zero.
    stays : ndarray of shape (T + 1,)
        0 for months in which everybody leaves, otherwise 1.
    link : {"logit", "cloglog"}
        The link.
    clocks : tuple of ClockPath
        The clocks.
    """

    level: FloatArray
    stays: FloatArray
    link: str
    clocks: tuple[ClockPath, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Customers:
    """Customers as they stand today.

    Attributes
    ----------
    log_rate : ndarray of shape (K, n), or (K, n, H) where columns move as a scenario says
        Log rate by cause beside the baseline.
    given : ndarray of int, shape (n,) or (1,)
        Months already stayed.
    clocks : ndarray of shape (C, n)
        What the clocks show in the coming month; nan where one does not run.
    """

    log_rate: FloatArray
    given: IntArray
    clocks: FloatArray

    def __len__(self) -> int:
        """Return n."""
        return int(self.log_rate.shape[1])

    def rows(self, rows: slice | IntArray) -> Customers:
        """Return some of them."""
        given = self.given if len(self.given) == 1 else self.given[rows]
        return Customers(self.log_rate[:, rows], given, self.clocks[:, rows])

    def rates_ahead(self, path: Path, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Return rates by cause (K, n, H) in the coming months, and 0 where everybody leaves, (n or 1, H)."""
        last = path.level.shape[1] - 1
        when = np.minimum(self.given[:, None] + np.arange(horizon), last)
        level = path.level[:, None, when[0]] if len(self.given) == 1 else path.level[:, when]
        own = self.log_rate[:, :, None] if self.log_rate.ndim == 2 else self.log_rate[:, :, :horizon]
        for clock, place in zip(path.clocks, self.places(path, horizon), strict=True):
            own = own + clock.effect[:, place]
        return rates(level, own), path.stays[when]

    def places(self, path: Path, horizon: int) -> list[IntArray]:
        """Return where in its table each clock stands in the coming months, (n, H)."""
        made = []
        for values, own in zip(self.clocks, path.clocks, strict=True):
            moved = values[:, None] + own.clock.step * np.arange(horizon)
            made.append(clock_positions(moved, own.clock, own.low, own.effect.shape[1] - 1))
        return made


def survival_ahead(path: Path, who: Customers, times: IntArray) -> FloatArray:
    """Return P(still a customer `times` months from now), (n, H)."""
    made = np.ones((len(who), len(times)))
    last = int(times.max(initial=0))
    for rows in _blocks(who, last) if last else ():
        _, stay = _ahead(path, who.rows(rows), last)
        np.cumprod(stay, axis=1, out=stay)
        made[rows] = np.where(times > 0, stay[:, times - 1], 1.0) if times.min() == 0 else stay[:, times - 1]
    return made


def hazard_ahead(path: Path, who: Customers, times: IntArray) -> FloatArray:
    """Return the hazard by cause in the month that ends `times` (>= 1) months from now, (n, K, H)."""
    made = np.empty((len(who), len(who.log_rate), len(times)))
    last = int(times.max())
    for rows in _blocks(who, last):
        h, _ = _ahead(path, who.rows(rows), last)
        made[rows] = h[:, :, times - 1].transpose(1, 0, 2)
    return made


def incidence_ahead(path: Path, who: Customers, times: IntArray) -> FloatArray:
    """Return P(left for each cause within `times` months from now), (n, K, H)."""
    made = np.zeros((len(who), len(who.log_rate), len(times)))
    last = int(times.max(initial=0))
    for rows in _blocks(who, last) if last else ():
        h, stay = _ahead(path, who.rows(rows), last)
        there = np.cumprod(stay, axis=1)
        h[:, :, 1:] *= there[:, :-1]
        grown = np.cumsum(h, axis=2).transpose(1, 0, 2)
        made[rows] = np.where(times > 0, grown[:, :, times - 1], 0.0)
    return made


def log_chance(path: Path, who: Customers, duration: IntArray, event: IntArray) -> FloatArray:
    """Return the log-likelihood of each customer's months at risk from `given` on and of how they ended, (n,)."""
    made = np.zeros(len(event))
    for months in np.unique(duration - who.given):
        rows = np.flatnonzero(duration - who.given == months)
        h = hazard_ahead(path, who.rows(rows), np.arange(1, months + 1))
        with np.errstate(divide="ignore"):  # an event the model holds impossible has log-likelihood minus infinity
            stay = np.log(np.clip(1 - h.sum(axis=1), 0, 1))
            gone = np.log(h[np.arange(len(rows)), np.maximum(event[rows] - 1, 0), -1])
        made[rows] = stay[:, :-1].sum(axis=1) + np.where(event[rows] > 0, gone, stay[:, -1])
    return made


def mean_hazard(path: Path, who: Customers, share: FloatArray) -> FloatArray:
    """Return the monthly probability of leaving, averaged over months 1..T with weights `share` (T,), shape (n,).

    The clocks stand still at what they show in the coming month.
    """
    made = np.empty(len(who))
    months = np.flatnonzero(share > 0)
    for rows in _blocks(who, len(months)):
        own = who.rows(rows)
        log_rate = own.log_rate
        for clock, place in zip(path.clocks, own.places(path, 1), strict=True):
            log_rate = log_rate + clock.effect[:, place[:, 0]]
        e = rates(path.level[:, None, months], log_rate[:, :, None])
        _, stay = hazard(e, path.stays[months], path.link)
        made[rows] = np.einsum("nt,t->n", 1 - stay, share[months])
    return made


def pullback_ahead(
    path: Path,
    who: Customers,
    survival_weight: FloatArray,
    exit_weight: FloatArray | None,
) -> FloatArray:
    """Return how ``sum_t w[i,t] S_i(t) + sum_kt c[i,k,t] (F_ik(t) - F_ik(t-1))`` moves with the log rates.

    Parameters
    ----------
    path : Path
        The baseline.
    who : Customers
        The customers as they stand today.
    survival_weight : ndarray of shape (n, H)
        w: what a customer who is there at the end of month t counts for.
    exit_weight : ndarray of shape (n, K, H) or None
        c: what leaving in month t counts for.

    Returns
    -------
    ndarray of shape (K, n, H)
        Derivative by the log rate of cause k in month t from now.
    """
    n, horizon = survival_weight.shape
    made = np.empty((len(who.log_rate), n, horizon))
    for rows in _blocks(who, horizon):
        e, stays = who.rows(rows).rates_ahead(path, horizon)
        h, stay = hazard(e, stays, path.link)
        exits = np.zeros_like(h) if exit_weight is None else exit_weight[rows].transpose(1, 0, 2)
        to_go = _value_to_go(h, stay, survival_weight[rows], exits)
        before = np.cumprod(stay, axis=1)
        before = np.concatenate([np.ones((len(before), 1)), before[:, :-1]], axis=1)
        # one more exit for k in month t trades all that the customer would have counted for from t on
        made[:, rows] = hazard_pullback(before * (exits - to_go), e, stays, path.link)
    return made


def by_parameter(
    slopes: FloatArray,
    centred: FloatArray | Sequence[FloatArray],
    who: Customers,
    path: Path,
    *,
    basis: Sequence[FloatArray],
    clocks: Sequence[FittedClock],
) -> FloatArray:
    """Return gradients by parameters, (n, P), from those by log rates, (K, n, H): baselines, clocks and X.

    `centred` is the centred design (n, p), or one for each month.
    """
    parts: list[FloatArray] = []
    n, horizon = slopes.shape[1:]
    last = path.level.shape[1] - 1
    when = np.broadcast_to(np.minimum(who.given[:, None] + np.arange(horizon), last), (n, horizon))
    places = who.places(path, horizon)
    for k, (own, columns) in enumerate(zip(slopes, basis, strict=True)):
        parts.append(_by_place(own, when, columns))
        parts += [_by_place(own, place, clock.columns[k]) for place, clock in zip(places, clocks, strict=True)]
        if isinstance(centred, np.ndarray):
            parts.append(centred * own.sum(axis=1)[:, None])
        else:
            parts.append(np.sum([X * own[:, t, None] for t, X in enumerate(centred)], axis=0))
    return np.concatenate(parts, axis=1)


def _by_place(slopes: FloatArray, place: IntArray, columns: FloatArray) -> FloatArray:
    """Return ``sum_t slopes[i, t] columns[place[i, t]]``, (n, q)."""
    rows = np.arange(len(slopes))
    gathered = np.zeros((len(slopes), len(columns)))
    for t in range(slopes.shape[1]):
        gathered[rows, place[:, t]] += slopes[:, t]
    return np.asarray(gathered @ columns)


def _value_to_go(h: FloatArray, stay: FloatArray, weight: FloatArray, exits: FloatArray) -> FloatArray:
    """Return what a customer who is there at the end of month t counts for from then on, (n, H), backwards in t."""
    made = np.array(weight, dtype=np.float64)
    for t in range(made.shape[1] - 2, -1, -1):
        made[:, t] += stay[:, t + 1] * made[:, t + 1] + (exits[:, :, t + 1] * h[:, :, t + 1]).sum(axis=0)
    return made


def _blocks(who: Customers, months: int) -> Iterator[slice]:
    n = len(who)
    size = max(64, _CELLS // max(1, months * len(who.log_rate)))
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))


def _ahead(path: Path, who: Customers, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Return hazards by cause (K, n, H) and the chance to stay each month (n, H)."""
    e, stays = who.rates_ahead(path, horizon)
    return hazard(e, stays, path.link)
