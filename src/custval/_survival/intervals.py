"""From a standard error to an interval: plain, on the log scale, or on the log-log scale.

Where a standard error does not exist (the curve has reached zero) neither do bounds. Arrays that may lack a value are
masked arrays: what is masked does not exist, it turns into ``None`` in :meth:`to_dict` and into a missing value in
frames. At a time before the first event the standard error is 0 and both bounds equal the estimate.
"""

from __future__ import annotations

import numpy as np

from custval._core.typing import BoolArray, FloatArray

__all__ = ("hazard_bounds", "masked", "normal_quantile", "probability_bounds")


def normal_quantile(conf_level: float) -> float:
    """Return the two-sided normal quantile of `conf_level`: 1.96 for 0.95."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + conf_level / 2))


def masked(values: FloatArray, exists: BoolArray) -> FloatArray:
    """Return `values` as a read-only masked array without those that do not exist."""
    plain = np.where(exists, values, np.nan)
    plain.flags.writeable = False
    hidden: FloatArray = np.ma.MaskedArray(plain, mask=~exists, shrink=False)
    return hidden


def probability_bounds(
    p: FloatArray, std_error: FloatArray, exists: BoolArray, *, conf_level: float, conf_type: str
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of probabilities, cut to [0, 1].

    Plain p -/+ z se; log p exp(-/+ z se / p); log-log p^exp(+/- z se / (p log p)) (Kalbfleisch and Prentice 2002, 1.4).
    """
    reach = normal_quantile(conf_level) * std_error
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if conf_type == "plain":
            low, high = p - reach, p + reach
        elif conf_type == "log":
            low, high = p * np.exp(-reach / p), p * np.exp(reach / p)
        else:
            turn = np.exp(reach / (p * np.log(p)))  # p log p < 0, so this is below one
            low, high = p ** (1 / turn), p**turn
    return _settled(np.clip(low, 0, 1), np.clip(high, 0, 1), p, std_error, exists)


def hazard_bounds(
    hazard: FloatArray, std_error: FloatArray, exists: BoolArray, *, conf_level: float, conf_type: str
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of cumulative hazards: H -/+ z se, or H exp(-/+ z se / H)."""
    reach = normal_quantile(conf_level) * std_error
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if conf_type == "plain":
            low, high = np.maximum(hazard - reach, 0), hazard + reach
        else:
            low, high = hazard * np.exp(-reach / hazard), hazard * np.exp(reach / hazard)
    return _settled(low, high, hazard, std_error, exists)


def _settled(
    low: FloatArray, high: FloatArray, value: FloatArray, std_error: FloatArray, exists: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return the bounds, equal to the estimate where its standard error is 0 and masked where there are none."""
    sure = exists & (std_error == 0)
    low, high = np.where(sure, value, low), np.where(sure, value, high)
    there = exists & np.isfinite(low) & np.isfinite(high)
    return masked(low, there), masked(high, there)
