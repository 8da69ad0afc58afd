"""What comes after the horizon, if the last month's chance to leave, its mix of causes and the growth of margins hold?

With r = S(H) / S(H-1), growth g a month and q = r (1+g) v, the months H+1, H+2, ... are a geometric sum:

    end    S(H) m (1+g) r v^(H+1)             / (1 - q)
    start  S(H) m (1+g) v^H                   / (1 - q)        m the margin of month H
    mid    S(H) m (1+g) (1+r)/2 v^(H+1/2)     / (1 - q)

and the losses at exit S(H) sum_k L_k f_k / S(H-1) v^(point of H+1) / (1 - r v), f_k the chance to leave for cause k in
month H. It is smooth in S(H), S(H-1) and f_k, so its slopes come from one imaginary step each, exact to the last digit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import FloatArray

__all__ = ("LastMonth", "Tail", "geometric_tail")

IMAGINARY = 1e-30


class LastMonth(NamedTuple):
    """Month H of the customers of a block, and the terms on which it goes on."""

    after: FloatArray  # S(H), (n,)
    before: FloatArray  # S(H-1), (n,)
    exits: FloatArray  # chance to leave for each cause in month H, (n, K)
    margin: FloatArray  # (n|1,)
    losses: FloatArray  # (n|1, K)
    rates: FloatArray  # monthly discount, (n|1,)
    growth: FloatArray  # (n|1,)


class Tail(NamedTuple):
    """Value after the horizon (n,) and its slopes in S(H), S(H-1) (n,) and the exits (n, K)."""

    value: FloatArray
    by_after: FloatArray
    by_before: FloatArray
    by_exits: FloatArray


def geometric_tail(month: LastMonth, horizon: int, timing: str) -> Tail:
    """Return the value after the horizon, or refuse a sum without a limit."""
    _check_limit(month)
    value = _sum(month, horizon, timing).real
    step = 1j * IMAGINARY

    def slope(**moved: Any) -> FloatArray:
        return np.asarray(_sum(month._replace(**moved), horizon, timing).imag / IMAGINARY)

    causes = month.exits.shape[1]
    by_exits = np.empty(month.exits.shape)
    for k in range(causes):
        by_exits[:, k] = slope(exits=month.exits + step * (np.arange(causes) == k))
    return Tail(value, slope(after=month.after + step), slope(before=month.before + step), by_exits)


def _sum(month: LastMonth, horizon: int, timing: str) -> FloatArray:
    alive = np.abs(month.before) > 0
    before = np.where(alive, month.before, 1.0)
    r = np.where(alive, month.after / before, 0.0)
    log_v = -np.log1p(month.rates)
    margin = month.margin * (1.0 + month.growth)
    shape = {
        "end": r * np.exp(log_v * (horizon + 1.0)),
        "start": np.exp(log_v * horizon),
        "mid": 0.5 * (1.0 + r) * np.exp(log_v * (horizon + 0.5)),
    }[timing]
    earned = month.after * margin * shape / (1.0 - r * (1.0 + month.growth) * np.exp(log_v))
    point = horizon + {"end": 1.0, "start": 0.0, "mid": 0.5}[timing]
    due = np.exp(log_v * point) / (1.0 - r * np.exp(log_v))
    lost = month.after * (month.losses * month.exits / before[:, None]).sum(axis=1) * due
    return np.asarray(np.where(alive, earned - lost, 0.0))


def _check_limit(month: LastMonth) -> None:
    before = np.where(month.before > 0, month.before, 1.0)
    stays = np.where(month.before > 0, month.after / before, 0.0)
    ratio = stays * np.maximum(1.0 + month.growth, 1.0) / (1.0 + month.rates)
    endless = ratio >= 1.0
    if endless.any():
        first = int(np.flatnonzero(endless)[0])
        raise InputError(
            f"the value after the horizon has no limit for {int(endless.sum())} of {len(ratio)} customers (retention "
            f"{stays[first]:.6g} in the last month against a discount of {float(np.max(month.rates)):.3g}); give a "
            "higher discount, or no tail"
        )
