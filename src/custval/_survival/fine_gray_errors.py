"""How sure a Fine-Gray model is: what each customer moves, the chance of being censored having been estimated too.

With ``m(t)`` the mean of the risk set and ``dM`` departures less expected ones, customer i moves the slope by

    eta_i = sum_t (x_i - m(t)) w_i(t) dM_i(t)

and, through the estimated chance of censoring, by ``psi_i = sum_u q(u) / pi(u) dM^c_i(u)``: pi(u) are at risk of a
censoring at u, and q(u) is what those gone for other causes before u still weigh after it. The variance of the
coefficients is ``I^-1 sum_i (eta_i + psi_i)(eta_i + psi_i)' I^-1`` (Fine and Gray 1999, equations 7 and 8); the
baseline has the same two parts. With late entry the weights are taken as known, as a robust Cox fit to Geskus' weights
does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._survival.fine_gray_fit import Expected, RiskSums, SubRows, blocks

__all__ = ("Censorings", "Influence", "censorings", "sandwich")


@dataclass(frozen=True, slots=True, eq=False)
class Censorings:
    """The distinct censoring times u: at risk, how many there, and for each row in order whether and where it ends.

    ``place[i]`` is the number of censoring times up to the end of row i; rows that go on elsewhere have none.
    """

    times: FloatArray
    at_risk: FloatArray
    lost: FloatArray
    place: IntArray
    censored: BoolArray
    before_other: IntArray
    before_event: IntArray


def censorings(duration: FloatArray, event: IntArray, ended: BoolArray, rows: SubRows) -> Censorings:
    """Return the censorings among rows in the order of `rows`."""
    ends = duration[rows.order]
    done = ended[rows.order]
    censored = done & (event[rows.order] == 0)
    times = np.unique(ends[censored])
    place = np.where(done, np.searchsorted(times, ends, side="right"), 0)
    weight = np.where(done, rows.weight, 0.0)
    # at risk of the k-th: who ends there or later
    sums = np.bincount(place, weights=weight, minlength=len(times) + 1)
    lost = np.bincount(place[censored] - 1, weights=rows.weight[censored], minlength=len(times)).astype(np.float64)
    return Censorings(
        times=times,
        at_risk=np.asarray(np.cumsum(sums[::-1])[::-1][1:], dtype=np.float64),
        lost=lost,
        place=place,
        censored=censored,
        # I(t >= u > T) as in equation 8 and in cmprsk
        before_other=np.searchsorted(ends[rows.other], times, side="left"),
        before_event=np.searchsorted(rows.times, times, side="left"),
    )


class Influence:
    """What each row moves the coefficients (before the inverse information) and the baseline at M event times by."""

    def __init__(self, rows: SubRows, sums: RiskSums, lost: Censorings | None, knots: IntArray) -> None:
        self.rows, self.sums, self.lost, self.knots = rows, sums, lost, knots
        rate = rows.mass / sums.total
        until = np.arange(len(rows.times)) <= knots[:, None]
        step = rate / sums.total * until
        self.expected = Expected(rows, rate[None])
        self.leaning = Expected(rows, np.concatenate([sums.mean * rate, step]))
        self.psi = None
        if lost is not None and rows.other.size and len(lost.times):
            gone = sums.risk[rows.other] / rows.early
            heavy = rate * rows.late
            weigh, lean, base = (_after(line, lost) for line in (heavy[None], sums.mean * heavy, step * rows.late))
            moved = np.empty_like(sums.mean, shape=(len(rows.X), len(lost.times)))
            for line, column in zip(moved, rows.X, strict=True):
                line[:] = _until(column[rows.other] * gone, lost)
            still = _until(gone, lost)
            self.psi = _tables(np.concatenate([moved * weigh - still * lean, still * base]), lost)

    def of(self, part: slice) -> FloatArray:
        """Return the influences of a stretch of rows, times their weights, (p + M, rows)."""
        rows, sums = self.rows, self.sums
        p, X, weight = len(rows.X), rows.X[:, part], rows.weight[part]
        event = np.flatnonzero(rows.event[part])
        where = rows.leave[part][event] - 1
        made = -sums.risk[part] * self.leaning.of(part)
        made[:p] *= -1
        made[:p] -= X * (sums.risk[part] * self.expected.of(part)[0])
        made[:p, event] += weight[event] * (X[:, event] - sums.mean[:, where])
        made[p:, event] += (weight[event] / sums.total[where]) * (where <= self.knots[:, None])
        if self.psi is not None and self.lost is not None:
            jump, drift = self.psi
            place, censored = self.lost.place[part], np.flatnonzero(self.lost.censored[part])
            made -= weight * drift[:, place]
            made[:, censored] += weight[censored] * jump[:, place[censored] - 1]
        return np.asarray(made)


def sandwich(
    influence: Influence, inverse: FloatArray, slope: FloatArray, *, copies: bool, cluster: IntArray | None
) -> FloatArray:
    """Return the covariance of the coefficients and of the baseline at the knots, (p + M, p + M).

    `inverse` (p, p) is that of the information, `slope` (p, M) how the baseline moves with the coefficients; `copies`
    says that a weight stands for so many customers; `cluster` (n,) are codes in the order of the rows.
    """
    rows, p = influence.rows, len(inverse)
    n, width = len(rows.weight), p + slope.shape[1]
    summed = None if cluster is None else np.zeros((width, int(cluster.max(initial=0)) + 1))
    total = np.zeros((width, width))
    for part in blocks(n):
        made = influence.of(part)
        made[:p] = inverse @ made[:p]
        made[p:] += slope.T @ made[:p]
        if summed is None or cluster is None:
            total += (made / rows.weight[part] if copies else made) @ made.T
        else:
            np.add.at(summed.T, cluster[part], made.T)
    return total if summed is None else np.asarray(summed @ summed.T)


def _until(values: FloatArray, lost: Censorings) -> FloatArray:
    """Return sums over those gone for other causes before each censoring time, (U,)."""
    return np.append(0.0, np.cumsum(values))[lost.before_other]


def _after(values: FloatArray, lost: Censorings) -> FloatArray:
    """Return sums over the event times from each censoring time on, (q, U)."""
    grown = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    return np.asarray(grown[:, -1:] - grown[:, lost.before_event])


def _tables(q: FloatArray, lost: Censorings) -> tuple[FloatArray, FloatArray]:
    """Return ``q(u) / pi(u)``, (P, U), and its running sums against the hazard of being censored, (P, U + 1)."""
    jump = q / lost.at_risk
    grown = np.cumsum(jump * (lost.lost / lost.at_risk), axis=1)
    return jump, np.concatenate([np.zeros((len(q), 1)), grown], axis=1)
