"""How many left within a horizon, counting customers whose watching ended before for as long as they were seen.

The product-limit estimate; for one of several causes that of Aalen and Johansen, since leaving for another cause is
not staying. The variance is the delta method's, which without other causes is Greenwood's.
"""

from __future__ import annotations

import numpy as np

from custval._core.errors import InputError
from custval._core.kernels import RiskTable, risk_table
from custval._core.typing import FloatArray
from custval._metrics.outcome import Ahead

__all__ = ("observed_share",)

Z = 1.959963984540054


def observed_share(ahead: Ahead, weight: FloatArray, horizon: float) -> tuple[float, float, float, float]:
    """Return the share that left by the horizon for the cause, with its standard error and 95 % interval."""
    code = ahead.ended.astype(np.int64) + (ahead.ended & ~ahead.left)
    table = risk_table(ahead.duration, code, entry=None, weight=weight, causes=2)
    gone = table.events.sum(axis=0)
    happened = (table.times <= horizon) & (gone > 0)
    steps = RiskTable(*(part[..., happened] for part in (table.times, table.at_risk, table.events, table.censored)))
    share, stayed, variance = _incidence(steps)
    if stayed > 0 and ahead.duration.max() < horizon:
        raise InputError(
            f"a group of {len(ahead)} customers was watched to {ahead.duration.max():g} only, so its share at horizon "
            f"{horizon:g} is not known; choose fewer groups or a shorter horizon"
        )
    if share <= 0.0 or share >= 1.0:
        return _all_or_none(min(max(share, 0.0), 1.0), float(weight.sum()))
    spread = float(np.sqrt(variance))
    # tiny weights have errors beyond all bounds
    bend = np.exp(min(Z * spread / ((1.0 - share) * abs(np.log1p(-share))), 700.0))
    return share, spread, float(-np.expm1(np.log1p(-share) / bend)), float(-np.expm1(np.log1p(-share) * bend))


def _incidence(steps: RiskTable) -> tuple[float, float, float]:
    """Return the incidence of the first cause, the share that stayed, and the variance of the incidence."""
    at_risk, mine = steps.at_risk, steps.events[0]
    gone = steps.events.sum(axis=0)
    if not len(at_risk):
        return 0.0, 1.0, 0.0
    # the same sum by two routes: where all who remain leave, the curve ends at exactly zero
    stay = np.where(gone >= at_risk * (1.0 - 1e-12), 0.0, 1.0 - gone / at_risk)
    before = np.append(1.0, np.cumprod(stay)[:-1])
    jumps = before * mine / at_risk
    running = np.cumsum(jumps)
    to_come = running[-1] - running
    stayed = float(before[-1] * stay[-1])
    left = at_risk - gone
    other = np.divide(gone, at_risk * left, out=np.zeros_like(gone), where=stay > 0)
    variance = to_come**2 * other + before**2 * mine * (at_risk - mine) / at_risk**3
    variance -= 2.0 * to_come * before * mine / at_risk**2
    # with one cause alone its share is what did not stay, to the last bit
    share = 1.0 - stayed if not steps.events[1].any() else float(running[-1])
    return share, stayed, float(max(variance.sum(), 0.0))


def _all_or_none(share: float, n: float) -> tuple[float, float, float, float]:
    """Return the exact binomial bound on the side that the normal approximation cannot see."""
    bound = 0.025 ** (1.0 / n)
    return (share, 0.0, 0.0, 1.0 - bound) if share == 0.0 else (share, 0.0, bound, 1.0)
