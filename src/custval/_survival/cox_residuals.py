"""What is left over of each row once a Cox model has said what to expect of it.

With m events less expected events of a row (martingale), the score residual is what the row adds to the gradient:
``integral of (x - xbar(t)) dM(t)``, xbar the mean of the risk set; under Efron's ties both xbar and M are averages over
the d denominators. Score residuals sum to the gradient, 0 at the optimum.

References
----------
Therneau, Grambsch and Fleming (1990), Martingale-based residuals for survival models, Biometrika 77, 147-160.
Lin and Wei (1989), The robust inference for the Cox proportional hazards model, JASA 84, 1074-1078.
Therneau and Grambsch (2000), Modeling Survival Data, Springer, chapter 4 and section 7.1.
"""

from __future__ import annotations

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._survival.cox_likelihood import RiskSums, expected_events, running
from custval._survival.cox_rows import CoxRows

__all__ = ("deviance", "martingale", "mean_increment", "sandwich", "schoenfeld", "score_residuals")

_BLOCK = 1 << 13


def martingale(sums: RiskSums, rows: CoxRows) -> FloatArray:
    """Return events less expected events of each sorted row, (n,), without case weights."""
    return rows.event - expected_events(sums, rows) / rows.weight


def deviance(left_over: FloatArray, event: FloatArray) -> FloatArray:
    """Return the signed square roots of the deviance's parts, (n,), from martingale residuals and events."""
    expected = event - left_over
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(event > 0, -np.log(expected), 0.0)
    return np.asarray(np.sign(left_over) * np.sqrt(np.maximum(-2 * (left_over - part), 0.0)))


def mean_increment(sums: RiskSums) -> FloatArray:
    """Return ``dH (mean of the risk set)`` at each event time, (p, J): minus the slope of dH in the coefficients."""
    return _less_tied(sums.mean * (sums.b0 / sums.total), sums, sums.b1 / sums.total)


def schoenfeld(sums: RiskSums, rows: CoxRows) -> tuple[FloatArray, IntArray]:
    """Return the columns of each event less the mean of its risk set, (p, events), and the sorted rows of the events.

    Means are those of `rows.X`, which are centred; differences are not touched by that.
    """
    who = np.flatnonzero(rows.event)
    means = _risk_means(sums, rows)
    return rows.X[:, who] - means[:, rows.leave[who] - 1], who


def score_residuals(sums: RiskSums, rows: CoxRows, part: slice | None = None) -> FloatArray:
    """Return what each sorted row (of `part`) adds to the gradient, (n, p), without case weights."""
    return _scores(sums, rows, _score_tables(sums, rows), slice(0, len(rows.order)) if part is None else part)


def sandwich(sums: RiskSums, rows: CoxRows, covariance: FloatArray, cluster: IntArray | None) -> FloatArray:
    """Return the covariance (p, p) that holds if rows of one cluster depend on each other (Lin and Wei 1989).

    `cluster` are codes of the sorted rows; None: each row is its own.
    """
    p = len(rows.X)
    tables = _score_tables(sums, rows)
    total = np.zeros((p, p))
    summed = None if cluster is None else np.zeros((p, int(cluster.max()) + 1))
    for start in range(0, len(rows.order), _BLOCK):
        part = slice(start, start + _BLOCK)
        moved = (_scores(sums, rows, tables, part) * rows.weight[part, None]) @ covariance
        if summed is None or cluster is None:
            total += moved.T @ moved
            continue
        for column, own in zip(summed, moved.T, strict=True):
            np.add.at(column, cluster[part], own)
    return total if summed is None else summed @ summed.T


def _less_tied(whole: FloatArray, sums: RiskSums, less: FloatArray) -> FloatArray:
    """Return `whole` less the part of the events at tied times."""
    where = np.flatnonzero(less)
    if where.size:
        whole[:, where] -= sums.tied[:, where] * less[where]
    return whole


def _risk_means(sums: RiskSums, rows: CoxRows) -> FloatArray:
    share = sums.total / rows.mass
    return _less_tied(sums.mean * (sums.c0 * share), sums, sums.c1 * share)


def _score_tables(sums: RiskSums, rows: CoxRows) -> tuple[FloatArray, ...]:
    """Return by event time: means (p, J), running hazard (J + 1,), running hazard times mean, what ties take off."""
    grown = running(mean_increment(sums))
    ties = np.zeros_like(sums.mean)
    where = np.flatnonzero(sums.b1)
    if where.size:
        b1, b2 = (b[where] / sums.total[where] for b in (sums.b1, sums.b2))
        ties[:, where] = sums.mean[:, where] * b1 - sums.tied[:, where] * b2
    return _risk_means(sums, rows), running(sums.c0), grown, ties


def _scores(sums: RiskSums, rows: CoxRows, tables: tuple[FloatArray, ...], part: slice) -> FloatArray:
    means, hazard, grown, ties = tables
    X, event, leave, enter = rows.X[:, part], rows.event[part], rows.leave[part], rows.enter[part]
    rate = sums.risk[part] / rows.weight[part]
    made = -rate * (X * (hazard[leave] - hazard[enter]) - (grown[:, leave] - grown[:, enter]))
    last = leave[event] - 1
    own = X[:, event]
    made[:, event] += own - means[:, last] + rate[event] * (own * sums.c1[last] - ties[:, last])
    return np.ascontiguousarray(made.T)
