"""Sums by group and their sampling errors: heads with intervals, totals, shares of a total, means.

The customers are seen as a sample of customers like them: the error of a group's total counts both how many fall into
it and what each brings. Totals and ratios of totals are linearised (Cochran 1977, sections 2.11 and 6.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from custval._core.results import frozen
from custval._core.typing import FloatArray, IntArray
from custval._segments.shares import half_width, wilson_interval

__all__ = (
    "Groups",
    "Moments",
    "Partial",
    "bounds",
    "head_shares",
    "mean_of",
    "means",
    "total_of",
    "totals",
    "value_shares",
)

Partial: TypeAlias = tuple[float | None, ...]
_BLOCK = 1 << 16


class Moments(NamedTuple):
    """Sums by quadrant about a centre: of values (weight w), and of values and squares (weight of squares)."""

    centre: float
    first: FloatArray
    square_first: FloatArray
    second: FloatArray


class Groups:
    """Heads and moments by quadrant; squares weigh w where weights are whole (copies), else w squared."""

    def __init__(self, codes: IntArray, weight: FloatArray | None, names: Sequence[str]) -> None:
        self.codes, self.weight, self.count = codes, weight, len(names)
        self.whole = weight is None or bool((weight == np.floor(weight)).all())
        self.square_weight = weight if self.whole or weight is None else weight**2
        self.heads = self._summed(weight)
        self.square_heads = self.heads if self.whole else self._summed(self.square_weight)
        self.seen = np.bincount(codes if weight is None else codes[weight > 0], minlength=self.count)

    def _summed(self, values: FloatArray | None) -> FloatArray:
        return np.bincount(self.codes, weights=values, minlength=self.count).astype(np.float64)

    def moments(self, values: FloatArray) -> Moments:
        """Return the moments of a column, in blocks that stay in the processor's cache."""
        centre = float(values.mean())
        sums = np.zeros((3, self.count))
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            codes, off = self.codes[rows], values[rows] - centre
            one = off if self.weight is None else off * self.weight[rows]
            two = one if self.whole or self.square_weight is None else off * self.square_weight[rows]
            sums[0] += np.bincount(codes, weights=one, minlength=self.count)
            if not self.whole:
                sums[1] += np.bincount(codes, weights=two, minlength=self.count)
            sums[2] += np.bincount(codes, weights=two * off, minlength=self.count)
        return Moments(centre, sums[0], sums[0] if self.whole else sums[1], sums[2])

    def total(self, moments: Moments) -> FloatArray:
        return moments.first + moments.centre * self.heads

    def squares(self, moments: Moments, about: FloatArray | float) -> FloatArray:
        """Return the sums of squared deviations from `about`."""
        off = about - moments.centre
        spread = moments.second - 2.0 * off * moments.square_first + off**2 * self.square_heads
        return np.asarray(np.maximum(spread, 0.0), dtype=np.float64)

    @property
    def observations(self) -> float:
        return float(self.heads.sum()) if self.whole else float(self.seen.sum())


def head_shares(groups: Groups, level: float) -> dict[str, Any]:
    """Return heads and their shares with Wilson intervals."""
    total = groups.heads.sum()
    share = groups.heads / total
    # case weights count customers where they are whole; else the customers that they are worth
    n = total if groups.whole else total**2 / groups.square_heads.sum()
    lower, upper = wilson_interval(share * n, np.full(len(share), n), level)
    return {
        "customers": frozen(groups.heads),
        "share_of_customers": frozen(share),
        "share_of_customers_lower": frozen(lower),
        "share_of_customers_upper": frozen(upper),
    }


def totals(name: str, moments: Moments | None, groups: Groups) -> dict[str, Any]:
    """Return totals and their errors: a customer counts with their value inside and with 0 outside."""
    if moments is None:
        return {name: None, f"{name}_std_error": None}
    found, error = total_of(moments, groups)
    return {name: frozen(found), f"{name}_std_error": error}


def total_of(moments: Moments, groups: Groups) -> tuple[FloatArray, FloatArray | None]:
    found = groups.total(moments)
    mean = found / groups.heads.sum()
    outside = groups.square_heads.sum() - groups.square_heads
    return found, _error(groups.squares(moments, mean) + outside * mean**2, groups.observations)


def value_shares(moments: Moments, groups: Groups) -> dict[str, Any]:
    money = groups.total(moments)
    total = float(money.sum())
    if total == 0.0:
        return {"share_of_value": None, "share_of_value_std_error": None}
    share, squares = money / total, groups.squares(moments, 0.0)
    # the deviation of a ratio: v (1 - share) inside, v share outside
    spread = (1.0 - share) ** 2 * squares + share**2 * (squares.sum() - squares)
    return {
        "share_of_value": frozen(share),
        "share_of_value_std_error": _error(spread / total**2, groups.observations),
    }


def means(name: str, moments: Moments | None, groups: Groups) -> dict[str, Any]:
    if moments is None:
        return {name: None, f"{name}_std_error": None}
    found, errors = mean_of(moments, groups)
    return {name: found, f"{name}_std_error": errors}


def mean_of(moments: Moments, groups: Groups) -> tuple[Partial, Partial]:
    heads = groups.heads
    found = groups.total(moments) / np.where(heads > 0, heads, 1.0)
    squares = groups.squares(moments, found)
    counts = heads if groups.whole else groups.seen
    errors = [
        _error(np.array([s / h**2]), float(c)) if h else None for s, h, c in zip(squares, heads, counts, strict=True)
    ]
    return (
        tuple(float(mean) if h else None for mean, h in zip(found, heads, strict=True)),
        tuple(None if error is None else float(error[0]) for error in errors),
    )


def _error(squares: FloatArray, n: float) -> FloatArray | None:
    """Return the standard error of sums from the squares of their deviations; None for one customer."""
    return frozen(np.sqrt(squares * n / (n - 1.0))) if n > 1 else None


def bounds(estimate: Any, error: Any, level: float) -> tuple[Partial, Partial] | None:
    if estimate is None or error is None:
        return None
    z = half_width(level)
    pairs = [
        (None, None) if e is None or s is None else (float(e - z * s), float(e + z * s))
        for e, s in zip(estimate, error, strict=True)
    ]
    return tuple(low for low, _ in pairs), tuple(high for _, high in pairs)
