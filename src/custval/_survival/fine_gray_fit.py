"""The likelihood of Fine and Gray's model in linear time, its robust errors, and the baseline with its errors.

Who left for another cause stays in the risk set of the subdistribution, with the weight that they would still have
been watched. With G the chance of not yet being censored (times, with late entry, the chance H of having come under
observation), a customer gone at T has at time t the weight ``G(t-) / G(T-)``. That is a number of the customer times a
number of the time, so every sum over risk sets is a running sum from the end (who is there) plus a running sum from the
start (who is gone) times ``G(t-)``: no customer is ever paired with a time.

References
----------
Fine and Gray (1999), A proportional hazards model for the subdistribution of a competing risk, Journal of the American
Statistical Association 94, 496-509.
Geskus (2011), Cause-specific cumulative incidence estimation and the Fine and Gray model under both left truncation and
right censoring, Biometrics 67, 39-49.
Kawaguchi, Shen, Suchard and Li (2021), Scalable algorithms for large competing risks data, Journal of Computational and
Graphical Statistics 30, 685-693.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from custval._core.optimize import Evaluation
from custval._core.typing import BoolArray, FloatArray, IntArray

__all__ = (
    "Evaluation",
    "Expected",
    "RiskSums",
    "SubRows",
    "Watched",
    "blocks",
    "evaluate",
    "log_likelihood",
    "risk_sums",
    "sub_rows",
    "watched",
)

_BLOCK = 1 << 13  # rows at a time: they stay in the cache


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The chance of being under observation just before each time, relative to others: a step function.

    ``value[i]`` holds from just after ``times[i - 1]`` up to and including ``times[i]``.
    """

    times: FloatArray
    value: FloatArray

    def before(self, when: FloatArray) -> FloatArray:
        """Return the chance just before each time."""
        return self.value[np.searchsorted(self.times, when, side="left")]


def watched(
    duration: FloatArray, event: IntArray, weight: FloatArray, *, entry: FloatArray | None, ended: BoolArray
) -> Watched:
    """Return G, or G H with late entry; `ended` are the rows that end with an event or a true censoring.

    Without entry those who leave at a time count as at risk of a censoring then, as in cmprsk; with entry they do not,
    as in the definition that Geskus (2011) takes. Rows that merely go on in another row are neither.
    """
    censored = ended & (event == 0)
    times = np.unique(duration[ended])
    place = np.searchsorted(times, duration)
    lost = _counts(place[censored], weight[censored], len(times))
    at_risk = _counts(place[ended], weight[ended], len(times))[::-1].cumsum()[::-1]
    if entry is None:
        return Watched(times, np.append(1.0, np.cumprod(1.0 - _share(lost, at_risk))))
    came = entry[ended]
    late = np.searchsorted(times, came, side="right")  # at risk from the first time after
    at_risk = at_risk - _counts(late, weight[ended], len(times) + 1)[::-1].cumsum()[::-1][1:]
    left = ended & (event > 0)
    there = at_risk - _counts(place[left], weight[left], len(times))
    G = Watched(times, np.append(1.0, np.cumprod(_kept(lost, there))))
    H = _entered(came, duration[ended], weight[ended])
    both = np.union1d(G.times, H.times)
    ends = np.append(both, np.inf)
    return Watched(both, G.before(ends) * H.before(ends))


def _entered(entry: FloatArray, duration: FloatArray, weight: FloatArray) -> Watched:
    """Return the chance of having come under observation before each time, from time running backwards."""
    times = np.unique(entry)
    came = _counts(np.searchsorted(times, entry), weight, len(times))
    # there at an entry: who came then or before and has not ended by then
    order = np.argsort(duration)
    gone = np.append(0.0, np.cumsum(weight[order]))[np.searchsorted(duration[order], times, side="right")]
    there = np.cumsum(came) - gone
    staying = _kept(came, there)
    return Watched(times, np.append(np.cumprod(staying[::-1])[::-1], 1.0))


def _kept(lost: FloatArray, there: FloatArray) -> FloatArray:
    """Return one less lost over there; where all are lost a hair, so that those who come later have a chance of 1.

    Who came before such a time weighs next to nothing after it, and those after it are weighed by each other.
    """
    return np.asarray(np.maximum(1.0 - _share(lost, there), 1e-12))


def _counts(place: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Return sums of weights by place; of nothing they are 0.0, not the whole number that NumPy gives."""
    return np.asarray(np.bincount(place, weights=weight, minlength=size), dtype=np.float64)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.clip(np.divide(part, whole, out=np.zeros_like(part), where=whole > 1e-12), 0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class SubRows:
    """Rows in the order of their ends, and the J times of departures for the cause.

    X (p, n); weight (n,); event: departures for the cause; row i is at risk at the times ``enter[i] <= j < leave[i]``,
    and, gone for another cause (``other``), at all later ones with the weight ``late[j] / early[i]``.
    """

    X: FloatArray
    weight: FloatArray
    event: BoolArray
    other: IntArray
    enter: IntArray | None
    leave: IntArray
    early: FloatArray
    late: FloatArray
    times: FloatArray
    mass: FloatArray
    order: IntArray
    first: IntArray
    first_other: IntArray


def sub_rows(
    X: FloatArray,
    *,
    duration: FloatArray,
    event: IntArray,
    weight: FloatArray,
    entry: FloatArray | None,
    code: int,
    chance: Watched,
    center: FloatArray,
) -> SubRows:
    """Return the rows ordered for running sums, columns less `center` (p,); `code` is the cause."""
    order = np.argsort(duration, kind="stable")
    ends, codes, heavy = duration[order], event[order], weight[order]
    own = codes == code
    times = np.unique(ends[own])
    leave = np.searchsorted(times, ends, side="right")
    other = np.flatnonzero((codes > 0) & ~own)
    edges = np.arange(len(times) + 1)
    return SubRows(
        X=_centred(X, order, center),
        weight=heavy,
        event=own,
        other=other,
        enter=None if entry is None else np.searchsorted(times, entry[order], side="right"),
        leave=leave,
        early=chance.before(ends[other]),
        late=chance.before(times),
        times=times,
        mass=_counts(leave[own] - 1, heavy[own], len(times)),
        order=order,
        first=np.searchsorted(leave, edges),
        first_other=np.searchsorted(leave[other], edges),
    )


def _centred(X: FloatArray, order: IntArray, center: FloatArray) -> FloatArray:
    made = np.empty((X.shape[1], len(order)))
    for part in blocks(len(order)):
        np.subtract(X[order[part]], center, out=made[:, part].T)
    return made


@dataclass(frozen=True, slots=True, eq=False)
class RiskSums:
    """At coefficients b: eta (n,), risk ``w exp(x b)`` (n,), sums over risk sets S0 (J,) and means m (p, J)."""

    eta: FloatArray
    risk: FloatArray
    total: FloatArray
    mean: FloatArray


def risk_sums(coef: FloatArray, rows: SubRows) -> RiskSums:
    """Return the sums over all risk sets, in one look at the rows."""
    eta = coef @ rows.X
    risk = rows.weight * np.exp(eta)
    gone = risk[rows.other] / rows.early
    total = _over_sets(risk, gone, rows)
    mean = np.empty((len(coef), len(rows.times)))
    for column, made in zip(rows.X, mean, strict=True):
        np.divide(_over_sets(column * risk, column[rows.other] * gone, rows), total, out=made)
    return RiskSums(eta, risk, total, mean)


def _over_sets(there: FloatArray, gone: FloatArray, rows: SubRows) -> FloatArray:
    """Return sums over the risk sets, (J,): of who is there (n,), and of who is gone for another cause."""
    J = len(rows.times)
    # from the last row back to the first that is still there
    made = np.append(np.cumsum(there[::-1])[::-1], 0.0)[rows.first[1:]]
    if rows.enter is not None:
        yet = _counts(rows.enter, there, J + 1)
        made -= np.cumsum(yet[::-1])[::-1][1 : J + 1]
    if rows.other.size:
        made += np.append(0.0, np.cumsum(gone))[rows.first_other[1:]] * rows.late
    return np.asarray(made)


class Expected:
    """``sum_j rate_j`` over the times at which a row is at risk, with its weight there: rates (q, J) summed once."""

    def __init__(self, rows: SubRows, rate: FloatArray) -> None:
        self.rows = rows
        self.grown = np.concatenate([np.zeros((len(rate), 1)), np.cumsum(rate, axis=1)], axis=1)
        self.after = np.concatenate([np.zeros((len(rate), 1)), np.cumsum(rate * rows.late, axis=1)], axis=1)

    def of(self, part: slice) -> FloatArray:
        """Return the sums for a stretch of rows, (q, rows)."""
        rows = self.rows
        made = self.grown[:, rows.leave[part]]
        if rows.enter is not None:
            made -= self.grown[:, rows.enter[part]]
        start, end = np.searchsorted(rows.other, [part.start, part.stop])
        if end > start:
            gone = rows.other[start:end]
            later = self.after[:, -1:] - self.after[:, rows.leave[gone]]
            made[:, gone - part.start] += later / rows.early[start:end]
        return np.asarray(made)


def blocks(n: int) -> Iterator[slice]:
    """Yield stretches of rows that stay in the cache."""
    for start in range(0, n, _BLOCK):
        yield slice(start, min(start + _BLOCK, n))


def log_likelihood(rows: SubRows, sums: RiskSums) -> float:
    """Return the log partial likelihood."""
    return float(rows.weight[rows.event] @ sums.eta[rows.event] - rows.mass @ np.log(sums.total))


def evaluate(coef: FloatArray, rows: SubRows, l2: float) -> Evaluation:
    """Return value, gradient (p,) and information (p, p) of the penalised likelihood."""
    sums = risk_sums(coef, rows)
    value = log_likelihood(rows, sums) - l2 / 2 * float(coef @ coef)
    n = len(sums.risk)
    often = sums.risk * Expected(rows, (rows.mass / sums.total)[None]).of(slice(0, n))[0]
    slope = rows.X @ (np.where(rows.event, rows.weight, 0.0) - often) - l2 * coef
    told = -(sums.mean * rows.mass) @ sums.mean.T
    for part in blocks(n):
        block = rows.X[:, part]
        told += (block * often[part]) @ block.T
    told[np.diag_indices_from(told)] += l2
    return value, slope, told
