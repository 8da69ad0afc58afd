"""From the hazard of each cause to the chance of leaving for it, when the causes compete.

With ``dL_k`` what the cumulative hazard of cause k grows by over a step, ``D = sum_k dL_k`` and ``S`` the survival
before the step, cause k takes the share ``dL_k / D`` of those who leave::

    F_k grows by  S (1 - exp(-D)) dL_k / D,     S becomes  S exp(-D)

so that incidences and survival add up to one to the last bit. For hazards constant within a step this is exact; it is
the monthly complementary log-log model of several causes where the steps are months.

References
----------
Prentice, Kalbfleisch, Peterson, Flournoy, Farewell and Breslow (1978), The analysis of failure times in the presence
of competing risks, Biometrics 34, 541-554, eq. 3.
"""

from __future__ import annotations

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("at_times", "compete", "slope_by_hazard")


def compete(steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return survival (n, J) and incidences (n, K, J) after each step, from hazards by cause and step (n, K, J)."""
    total = steps.sum(axis=1)
    survival = np.exp(-np.cumsum(total, axis=1))
    before = np.concatenate([np.ones((len(survival), 1)), survival[:, :-1]], axis=1)
    return survival, np.cumsum((before * _leaving_share(total))[:, None] * steps, axis=2)


def at_times(curve: FloatArray, place: IntArray, start: float) -> FloatArray:
    """Return values (..., H) of curves (..., J) after `place` (H,) steps; `start` before the first."""
    first = np.full((*curve.shape[:-1], 1), start)
    return np.concatenate([first, curve], axis=-1)[..., place]


def slope_by_hazard(steps: FloatArray, weight: FloatArray, exits: FloatArray) -> FloatArray:
    """Return how ``sum_t w S(t) + sum_kt c (F_k(t) - F_k(t-1))`` moves with the cumulative hazards, (n, K, J).

    `steps` (n, K, J) are hazards by cause and step, `weight` (n, J) is w, `exits` (n, K, J) is c.
    """
    total = steps.sum(axis=1)
    survival = np.exp(-np.cumsum(total, axis=1))
    before = np.concatenate([np.ones((len(survival), 1)), survival[:, :-1]], axis=1)
    phi = _leaving_share(total)
    own = np.einsum("nkj,nkj->nj", exits, steps)  # sum_k c_k dL_k
    gone = before * phi * own
    # a step's hazard lowers the survival there and all that comes later
    later = np.cumsum((weight * survival + gone)[:, ::-1], axis=1)[:, ::-1] - gone
    bend = np.divide(np.exp(-total) - phi, total, out=np.full_like(total, -0.5), where=total > 1e-8)
    by_step = exits * (before * phi)[:, None] + (before * bend * own - later)[:, None]
    # a cumulative hazard at t moves the step that ends there up and the next one down
    by_step[:, :, :-1] -= by_step[:, :, 1:]
    return np.asarray(by_step)


def _leaving_share(total: FloatArray) -> FloatArray:
    """Return (1 - exp(-D)) / D, which is 1 at D = 0."""
    return np.divide(-np.expm1(-total), total, out=np.ones_like(total), where=total > 0)
