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
from custval._survival.discrete_likelihood import hazard, hazard_pullback, rates

__all__ = (
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
    """

    level: FloatArray
    stays: FloatArray
    link: str


def survival_ahead(path: Path, log_customer: FloatArray, given: IntArray, times: IntArray) -> FloatArray:
    """Return P(still a customer `times` months from now), (n, H); `log_customer` is (K, n), `given` (n,) or (1,)."""
    made = np.ones((log_customer.shape[1], len(times)))
    last = int(times.max(initial=0))
    for rows in _blocks(log_customer, last) if last else ():
        _, stay = _ahead(path, log_customer[:, rows], _part(given, rows), last)
        np.cumprod(stay, axis=1, out=stay)
        made[rows] = np.where(times > 0, stay[:, times - 1], 1.0) if times.min() == 0 else stay[:, times - 1]
    return made


def hazard_ahead(path: Path, log_customer: FloatArray, given: IntArray, times: IntArray) -> FloatArray:
    """Return the hazard by cause in the month that ends `times` (>= 1) months from now, (n, K, H)."""
    causes, n = log_customer.shape
    made = np.empty((n, causes, len(times)))
    last = int(times.max())
    for rows in _blocks(log_customer, last):
        h, _ = _ahead(path, log_customer[:, rows], _part(given, rows), last)
        made[rows] = h[:, :, times - 1].transpose(1, 0, 2)
    return made


def incidence_ahead(path: Path, log_customer: FloatArray, given: IntArray, times: IntArray) -> FloatArray:
    """Return P(left for each cause within `times` months from now), (n, K, H)."""
    causes, n = log_customer.shape
    made = np.zeros((n, causes, len(times)))
    last = int(times.max(initial=0))
    for rows in _blocks(log_customer, last) if last else ():
        h, stay = _ahead(path, log_customer[:, rows], _part(given, rows), last)
        there = np.cumprod(stay, axis=1)
        h[:, :, 1:] *= there[:, :-1]
        grown = np.cumsum(h, axis=2).transpose(1, 0, 2)
        made[rows] = np.where(times > 0, grown[:, :, times - 1], 0.0)
    return made


def log_chance(
    path: Path, log_customer: FloatArray, entry: IntArray, duration: IntArray, event: IntArray
) -> FloatArray:
    """Return the log-likelihood of each customer's months at risk and of how they ended, (n,)."""
    made = np.zeros(len(event))
    for months in np.unique(duration - entry):
        rows = np.flatnonzero(duration - entry == months)
        h = hazard_ahead(path, log_customer[:, rows], entry[rows], np.arange(1, months + 1))
        with np.errstate(divide="ignore"):  # an event the model holds impossible has log-likelihood minus infinity
            stay = np.log(np.clip(1 - h.sum(axis=1), 0, 1))
            gone = np.log(h[np.arange(len(rows)), np.maximum(event[rows] - 1, 0), -1])
        made[rows] = stay[:, :-1].sum(axis=1) + np.where(event[rows] > 0, gone, stay[:, -1])
    return made


def mean_hazard(path: Path, log_customer: FloatArray, share: FloatArray) -> FloatArray:
    """Return the monthly probability of leaving, averaged over months 1..T with weights `share` (T,), shape (n,)."""
    made = np.empty(log_customer.shape[1])
    months = np.flatnonzero(share > 0)
    for rows in _blocks(log_customer, len(months)):
        e = rates(path.level[:, None, months], log_customer[:, rows, None])
        _, stay = hazard(e, path.stays[months], path.link)
        made[rows] = np.einsum("nt,t->n", 1 - stay, share[months])
    return made


def pullback_ahead(
    path: Path,
    log_customer: FloatArray,
    given: IntArray,
    survival_weight: FloatArray,
    exit_weight: FloatArray | None,
) -> FloatArray:
    """Return how ``sum_t w[i,t] S_i(t) + sum_kt c[i,k,t] (F_ik(t) - F_ik(t-1))`` moves with the log rates.

    Parameters
    ----------
    path : Path
        The baseline.
    log_customer : ndarray of shape (K, n)
        The customers' part of the log rates.
    given : ndarray of int, shape (n,) or (1,)
        Months already stayed.
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
    made = np.empty((len(log_customer), n, horizon))
    for rows in _blocks(log_customer, horizon):
        e, stays = _rates_ahead(path, log_customer[:, rows], _part(given, rows), horizon)
        h, stay = hazard(e, stays, path.link)
        exits = np.zeros_like(h) if exit_weight is None else exit_weight[rows].transpose(1, 0, 2)
        to_go = _value_to_go(h, stay, survival_weight[rows], exits)
        before = np.cumprod(stay, axis=1)
        before = np.concatenate([np.ones((len(before), 1)), before[:, :-1]], axis=1)
        # one more exit for k in month t trades all that the customer would have counted for from t on
        made[:, rows] = hazard_pullback(before * (exits - to_go), e, stays, path.link)
    return made


def by_parameter(slopes: FloatArray, centred: FloatArray, given: IntArray, basis: Sequence[FloatArray]) -> FloatArray:
    """Return gradients by parameters, (n, P), from those by log rates, (K, n, H): through the baselines and X."""
    parts: list[FloatArray] = []
    n, horizon = slopes.shape[1:]
    rows = np.arange(n)
    for own, columns in zip(slopes, basis, strict=True):
        by_month = np.zeros((n, len(columns)))
        for t in range(horizon):
            by_month[rows, np.minimum(given + t, len(columns) - 1)] += own[:, t]
        parts += [by_month @ columns, centred * own.sum(axis=1)[:, None]]
    return np.concatenate(parts, axis=1)


def _value_to_go(h: FloatArray, stay: FloatArray, weight: FloatArray, exits: FloatArray) -> FloatArray:
    """Return what a customer who is there at the end of month t counts for from then on, (n, H), backwards in t."""
    made = np.array(weight, dtype=np.float64)
    for t in range(made.shape[1] - 2, -1, -1):
        made[:, t] += stay[:, t + 1] * made[:, t + 1] + (exits[:, :, t + 1] * h[:, :, t + 1]).sum(axis=0)
    return made


def _blocks(log_customer: FloatArray, months: int) -> Iterator[slice]:
    causes, n = log_customer.shape
    size = max(64, _CELLS // max(1, months * causes))
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))


def _part(given: IntArray, rows: slice) -> IntArray:
    return given if len(given) == 1 else given[rows]


def _rates_ahead(path: Path, log_customer: FloatArray, given: IntArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    last = path.level.shape[1] - 1
    when = np.minimum(given[:, None] + np.arange(horizon), last)
    level = path.level[:, None, when[0]] if len(given) == 1 else path.level[:, when]
    return rates(level, log_customer[:, :, None]), path.stays[when]


def _ahead(path: Path, log_customer: FloatArray, given: IntArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Return hazards by cause (K, n, H) and the chance to stay each month (n, H)."""
    e, stays = _rates_ahead(path, log_customer, given, horizon)
    return hazard(e, stays, path.link)
