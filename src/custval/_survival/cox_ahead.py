"""From a baseline and log risks to what lies ahead of each customer: hazard, survival, lifetime, bands, slopes.

Customers of one stratum who stayed equally long share one stretch of the baseline; it is looked up once for all.

Where a gamma multiplier of mean 1 and variance theta stands for what no column holds, a customer with relative risk r
who stayed to the baseline hazard B has ``r' = r / (1 + theta r B)`` (who stayed long is likely to have a small
multiplier) and, over a further baseline hazard A, survives with ``(1 + theta r' A) ** (-1 / theta)``; theta = 0 is
``exp(-r A)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._survival.cox_baseline import CoxBaseline, NoiseCells, cumulative_at, noise_at, spread_at, tail_rate

__all__ = ("Stretches", "hazard_ahead", "lifetime_ahead", "log_spread", "pullback_ahead", "stretches", "survival_ahead")

_BLOCK = 1 << 17  # numbers at a time: a block stays in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """The G distinct (stratum, time stayed) pairs, which of them each customer has, and baseline hazards.

    ``group`` None means that all customers have the only one; hazards are those behind (G,) and ahead (G, H).
    """

    stratum: IntArray
    stayed: FloatArray
    group: IntArray | None
    behind: FloatArray
    ahead: FloatArray

    def risk_left(self, risk: FloatArray, theta: float) -> FloatArray:
        """Return the relative risk (n,) of customers who stayed, where multipliers have the variance `theta`."""
        if theta == 0:
            return risk
        behind = self.behind[0] if self.group is None else self.behind[self.group]
        return np.asarray(risk / (1 + theta * risk * behind))


def stretches(
    baseline: CoxBaseline, stratum: IntArray | None, stayed: FloatArray, times: FloatArray, *, hold: bool
) -> Stretches:
    """Return the stretches of customers with strata (n,) or None, and time stayed (n,) or (1,)."""
    group = None
    if stratum is None and len(stayed) == 1:
        of, since = np.zeros(1, dtype=np.int64), stayed
    elif stratum is None:  # plain numbers sort ten times faster than pairs
        since, group = np.unique(stayed, return_inverse=True)
        of = np.zeros(len(since), dtype=np.int64)
    else:
        n = max(len(stayed), 1 if stratum is None else len(stratum))
        both = np.zeros(n, dtype=[("s", np.int64), ("t", np.float64)])
        both["s"], both["t"] = 0 if stratum is None else stratum, stayed
        pairs, group = np.unique(both, return_inverse=True)
        of, since = pairs["s"], pairs["t"]
    behind, ahead = np.empty(len(of)), np.empty((len(of), len(times)))
    for s in np.unique(of):
        mine = of == s
        behind[mine] = cumulative_at(baseline, int(s), since[mine], hold=hold)
        ahead[mine] = cumulative_at(baseline, int(s), since[mine, None] + times, hold=hold) - behind[mine, None]
    return Stretches(of, since, group, behind, ahead)


def hazard_ahead(path: Stretches, risk: FloatArray, theta: float = 0.0) -> FloatArray:
    """Return cumulative hazards, (n, H), of customers with relative risk (n,)."""
    made = path.risk_left(risk, theta)[:, None] * (path.ahead if path.group is None else path.ahead[path.group])
    return made if theta == 0 else np.log1p(theta * made) / theta


def survival_ahead(path: Stretches, risk: FloatArray, theta: float = 0.0) -> FloatArray:
    """Return survival, (n, H), of customers with relative risk (n,), block by block."""
    if theta > 0:
        return np.exp(-hazard_ahead(path, risk, theta))
    n, wide = len(risk), path.ahead.shape[1]
    made = np.empty((n, wide))
    step = max(_BLOCK // max(wide, 1), 1)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        own = path.ahead if path.group is None else path.ahead[path.group[rows]]
        block = made[rows]
        np.multiply(-risk[rows, None], own, out=block)
        np.exp(block, out=block)
    return made


def lifetime_ahead(
    baseline: CoxBaseline, path: Stretches, risk: FloatArray, horizon: float, *, hold: bool, theta: float = 0.0
) -> FloatArray:
    """Return the area under each customer's survival up to `horizon`, (n,): exact, the curve being steps."""
    made = np.empty(len(risk))
    risk = path.risk_left(risk, theta)
    for g, (s, since) in enumerate(zip(path.stratum.tolist(), path.stayed.tolist(), strict=True)):
        who = np.arange(len(risk)) if path.group is None else np.flatnonzero(path.group == g)
        start, end = int(baseline.starts[s]), int(baseline.starts[s + 1])
        own = baseline.times[start:end]
        inside = own[(own > since) & (own < since + horizon)] - since
        last = float(baseline.last[s]) - since
        known = min(horizon, max(last, 0.0)) if hold else horizon
        edges = np.concatenate([[0.0], inside, [known]])
        level = cumulative_at(baseline, s, edges[:-1] + since, hold=False)
        level -= level[0]
        made[who] = _areas(risk[who], level, np.diff(edges), theta)
        if known < horizon:
            passed = 1 + theta * risk[who] * level[-1]  # who came so far is likely to have a small multiplier
            left = np.exp(-risk[who] * level[-1]) if theta == 0 else passed ** (-1 / theta)
            made[who] += left * _decay(risk[who] / passed * tail_rate(baseline, s), horizon - known, theta)
    return made


def _decay(rate: FloatArray, span: float, theta: float) -> FloatArray:
    """Return the area up to `span` under ``exp(-rate t)``, or ``(1 + theta rate t) ** (-1 / theta)``."""
    from scipy.special import exprel

    if theta == 0:
        return np.asarray(span * exprel(-rate * span))
    bent = np.log1p(theta * rate * span)
    flat = bent < 1e-12
    whole = bent * exprel((1 - 1 / theta) * bent) / np.where(flat, 1.0, theta * rate)
    return np.where(flat, span, whole)


def _areas(risk: FloatArray, level: FloatArray, width: FloatArray, theta: float) -> FloatArray:
    """Return the sum of ``width_j S(level_j)``, (n,), block by block."""
    made = np.empty(len(risk))
    step = max(_BLOCK // len(level), 1)
    for start in range(0, len(risk), step):
        rows = slice(start, start + step)
        hazard = risk[rows, None] * level
        if theta > 0:
            hazard = np.log1p(theta * hazard) / theta
        # einsum, not BLAS: a row's sum does not depend on the rows beside it
        made[rows] = np.einsum("nj,j->n", np.exp(-hazard), width)
    return made


def log_spread(
    baseline: CoxBaseline,
    path: Stretches,
    times: FloatArray,
    z: FloatArray,
    *,
    risk: FloatArray,
    covariance: FloatArray,
) -> FloatArray:
    """Return the standard error of log survival, (n, H), for centred columns z (n, p)."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    turned = z @ root
    made = np.empty((len(z), len(times)))
    for g, (s, since) in enumerate(zip(path.stratum.tolist(), path.stayed.tolist(), strict=True)):
        who = np.arange(len(z)) if path.group is None else np.flatnonzero(path.group == g)
        (V, B), (V0, B0) = (spread_at(baseline, s, at) for at in (since + times, np.array([since])))
        grown = (B - B0) @ root
        square = np.broadcast_to(V - V0, (len(who), len(times))).copy()
        for k in range(root.shape[1]):
            square += (turned[who, k, None] * path.ahead[g] - grown[:, k]) ** 2
        made[who] = risk[who, None] * np.sqrt(np.maximum(square, 0.0))
    return made


def pullback_ahead(
    baseline: CoxBaseline,
    path: Stretches,
    times: FloatArray,
    z: FloatArray,
    *,
    risk: FloatArray,
    weight: FloatArray,
    cells: NoiseCells,
    hold: bool,
) -> FloatArray:
    """Return the gradient of ``sum_t weight S(t)``, (n, p + M).

    In the coefficients, the baseline moving with them as in the fit, then in the M standardised errors of the baseline.
    """
    p = z.shape[1]
    pulled = weight * survival_ahead(path, risk) * -risk[:, None]
    made = np.empty((len(z), p + cells.size))
    for g, (s, since) in enumerate(zip(path.stratum.tolist(), path.stayed.tolist(), strict=True)):
        who = np.arange(len(z)) if path.group is None else np.flatnonzero(path.group == g)
        (_, B), (_, B0) = (spread_at(baseline, s, at, hold=hold) for at in (since + times, np.array([since])))
        made[who, :p] = z[who] * (pulled[who] @ path.ahead[g])[:, None] - pulled[who] @ (B - B0)
        E, E0 = (noise_at(baseline, cells, s, at, hold=hold) for at in (since + times, np.array([since])))
        made[who, p:] = pulled[who] @ (E - E0)
    return made
