"""How sure is a measure? Intervals for the support, confidence and lift of rules from their counts."""

from __future__ import annotations

import numpy as np

from custval._assoc.measures import Table
from custval._core.typing import FloatArray

__all__ = ("lift_interval", "share_interval")


def share_interval(hits: FloatArray, out_of: FloatArray, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's score interval of hits / out_of: inside 0..1, and sensible at 0 and at 1.

    References
    ----------
    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    z = _quantile(alpha)
    share, size = hits / np.maximum(out_of, 1.0), out_of + z * z
    middle = (hits + z * z / 2) / size
    half = z / size * np.sqrt(out_of * share * (1 - share) + z * z / 4)
    # exact at the ends, where rounding would leave 1e-17
    return np.where(hits == 0, 0.0, middle - half), np.where(hits >= out_of, 1.0, middle + half)


def lift_interval(table: Table, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Return the interval of the lift: normal on its logarithm, with the delta method over all four cells.

    With shares p, the logarithm of p_ab / (p_a p_b) has the variance (1/p_ab - 1/p_a - 1/p_b + 2 lift - 1) / n. Without
    a joint holder the lower end is 0 and the upper is that of the confidence over p_b.
    """
    held, a, b = (np.maximum(side, 1.0) for side in (table.ab, table.a, table.b))
    lift = held * table.n / (a * b)
    variance = (table.n / held - table.n / a - table.n / b + 2 * lift - 1) / table.n
    spread = np.exp(_quantile(alpha) * np.sqrt(np.maximum(variance, 0.0)))
    none = table.ab == 0
    with np.errstate(divide="ignore"):
        upper = share_interval(table.ab, table.a, alpha)[1] / table.p_b
    return np.where(none, 0.0, lift / spread), np.where(none, upper, lift * spread)


def _quantile(alpha: float) -> float:
    from scipy.special import ndtri

    return float(-ndtri(alpha / 2))
