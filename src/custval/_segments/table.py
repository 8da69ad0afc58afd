"""What is in each quadrant: heads, money, risk, with the errors that a base of this size leaves.

The customers are seen as a sample of customers like them: the error of a quadrant's total counts both how many fall
into it and what each brings. Totals and ratios of totals are linearised (Cochran 1977, sections 2.11 and 6.13).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice, check_length, check_scalar, float_array, sample_weight_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("QuadrantTable", "quadrant_table")

Partial: TypeAlias = tuple[float | None, ...]


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class QuadrantTable(Result):
    """One row for each quadrant, in the order of the codes; every array has shape (4,).

    Attributes
    ----------
    quadrant, strategy : tuple of str
        Name, and what to do with these customers.
    customers : ndarray
        Heads (their weight, with weights).
    share_of_customers, share_of_customers_lower, share_of_customers_upper : ndarray
        Share of the base with its Wilson interval.
    current_value, potential_value : ndarray
        Totals of the two axes.
    lifetime_value : ndarray or None
        Total, where lifetime values were given.
    share_of_value : ndarray or None
        Share of all lifetime value (of current value where that was not given); None where the total is zero.
    mean_p_leave : tuple of float or None
        Mean chance of leaving, where chances were given; None in a quadrant without customers.
    value_at_risk : ndarray or None
        Sum of chance of leaving x lifetime value, where both were given.
    current_value_std_error, potential_value_std_error, lifetime_value_std_error, share_of_value_std_error, \
value_at_risk_std_error : ndarray or None
        Sampling errors; None where there is one customer, or no such total.
    mean_p_leave_std_error : tuple of float or None
        Sampling error; None in a quadrant of fewer than two customers.
    cuts : ndarray of shape (2,)
        Where high begins on the axes of current and potential value.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import ValuePotential
    >>> axes = [[40.0, 300.0], [35.0, 50.0], [8.0, 280.0], [6.0, 20.0], [7.0, 30.0]]
    >>> table = ValuePotential(cuts="money", money=(20.0, 100.0)).fit(axes).table(axes)
    >>> dict(zip(table.quadrant, table.customers.tolist()))
    {'high/high': 1.0, 'high/low': 1.0, 'low/high': 1.0, 'low/low': 2.0}
    >>> table.current_value
    array([40., 35.,  8., 13.])
    """

    quadrant: tuple[str, ...]
    strategy: tuple[str, ...]
    customers: FloatArray
    share_of_customers: FloatArray
    share_of_customers_lower: FloatArray
    share_of_customers_upper: FloatArray
    current_value: FloatArray
    current_value_std_error: FloatArray | None
    potential_value: FloatArray
    potential_value_std_error: FloatArray | None
    lifetime_value: FloatArray | None
    lifetime_value_std_error: FloatArray | None
    share_of_value: FloatArray | None
    share_of_value_std_error: FloatArray | None
    mean_p_leave: Partial | None
    mean_p_leave_std_error: Partial | None
    value_at_risk: FloatArray | None
    value_at_risk_std_error: FloatArray | None
    cuts: FloatArray
    conf_level: float

    def interval(self, name: str) -> tuple[Partial, Partial] | None:
        """Return lower and upper bounds of a column by quadrant, such as ``interval("lifetime_value")``."""
        check_choice(name, "name", MEASURES)
        estimate, error = getattr(self, name), getattr(self, f"{name}_std_error")
        if estimate is None or error is None:
            return None
        z = NormalDist().inv_cdf(0.5 + self.conf_level / 2.0)
        pairs = [
            (None, None) if e is None or s is None else (float(e - z * s), float(e + z * s))
            for e, s in zip(estimate, error, strict=True)
        ]
        return tuple(low for low, _ in pairs), tuple(high for _, high in pairs)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each quadrant; measures that were not given are left out."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in self.__slots__ if name not in ("cuts", "conf_level")}
        return pd.DataFrame({name: list(values) for name, values in columns.items() if values is not None})


MEASURES = (
    "current_value",
    "potential_value",
    "lifetime_value",
    "share_of_value",
    "mean_p_leave",
    "value_at_risk",
)


def quadrant_table(
    codes: IntArray,
    axes: FloatArray,
    *,
    lifetime_value: Any,
    p_leave: ArrayLike | None,
    sample_weight: ArrayLike | None,
    conf_level: float,
    **labels: Any,
) -> QuadrantTable:
    """Return the table of customers with quadrant `codes` (n,) and `axes` (n, 2)."""
    n = len(codes)
    weight = sample_weight_array(sample_weight, n)
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    worth = _column(getattr(lifetime_value, "value", lifetime_value), "lifetime_value", n)
    chance = _column(p_leave, "p_leave", n, low=0.0, high=1.0)
    groups = _Groups(codes, weight, len(labels["quadrant"]))
    found = _shares(groups, level)
    found |= _totals("current_value", axes[:, 0], groups)
    found |= _totals("potential_value", axes[:, 1], groups)
    found |= _totals("lifetime_value", worth, groups)
    found |= _totals("value_at_risk", None if worth is None or chance is None else worth * chance, groups)
    found |= _value_shares(axes[:, 0] if worth is None else worth, groups)
    found |= _mean_chances(chance, groups)
    return QuadrantTable(**labels, **found, conf_level=level)


class _Groups:
    """Sums by quadrant, of values (weight w) and of squares (w where whole, for copies; else w squared)."""

    def __init__(self, codes: IntArray, weight: FloatArray, count: int) -> None:
        self.codes, self.weight, self.count = codes, weight, count
        self.whole = bool((weight == np.floor(weight)).all())
        self.square_weight = weight if self.whole else weight**2
        self.heads = self.sums(np.ones(len(codes)))
        self.square_heads = self.squares(np.ones(len(codes)))

    def sums(self, values: FloatArray) -> FloatArray:
        return np.bincount(self.codes, weights=self.weight * values, minlength=self.count).astype(np.float64)

    def squares(self, deviation: FloatArray) -> FloatArray:
        spread = self.square_weight * deviation**2
        return np.bincount(self.codes, weights=spread, minlength=self.count).astype(np.float64)

    @property
    def observations(self) -> float:
        return float(self.heads.sum()) if self.whole else float((self.weight > 0).sum())


def _column(values: Any, name: str, n: int, *, low: float = -np.inf, high: float = np.inf) -> FloatArray | None:
    if values is None:
        return None
    column = float_array(values, name, low=low, high=high)
    check_length(column, n, name=name)
    return column


def _shares(groups: _Groups, level: float) -> dict[str, Any]:
    """Return heads and their shares with Wilson intervals (Wilson 1927)."""
    total = groups.heads.sum()
    share = groups.heads / total
    # case weights count customers where they are whole; else the customers that they are worth
    n = total if groups.whole else total**2 / groups.square_heads.sum()
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return {
        "customers": frozen(groups.heads),
        "share_of_customers": frozen(share),
        "share_of_customers_lower": frozen(np.clip(middle - half, 0.0, share)),
        "share_of_customers_upper": frozen(np.clip(middle + half, share, 1.0)),
    }


def _totals(name: str, values: FloatArray | None, groups: _Groups) -> dict[str, Any]:
    """Return totals and their errors: a customer counts with their value inside and with 0 outside."""
    if values is None:
        return {name: None, f"{name}_std_error": None}
    totals = groups.sums(values)
    mean = totals / groups.heads.sum()
    outside = groups.square_heads.sum() - groups.square_heads
    squares = groups.squares(values - mean[groups.codes]) + outside * mean**2
    return {name: frozen(totals), f"{name}_std_error": _error(squares, groups.observations)}


def _value_shares(values: FloatArray, groups: _Groups) -> dict[str, Any]:
    money = groups.sums(values)
    total = float(money.sum())
    if total == 0.0:
        return {"share_of_value": None, "share_of_value_std_error": None}
    share, squares = money / total, groups.squares(values)
    # the deviation of a ratio: v (1 - share) inside, v share outside
    spread = (1.0 - share) ** 2 * squares + share**2 * (squares.sum() - squares)
    return {
        "share_of_value": frozen(share),
        "share_of_value_std_error": _error(spread / total**2, groups.observations),
    }


def _mean_chances(chance: FloatArray | None, groups: _Groups) -> dict[str, Any]:
    if chance is None:
        return {"mean_p_leave": None, "mean_p_leave_std_error": None}
    heads = groups.heads
    means = groups.sums(chance) / np.where(heads > 0, heads, 1.0)
    squares = groups.squares(chance - means[groups.codes])
    counts = heads if groups.whole else np.bincount(groups.codes[groups.weight > 0], minlength=groups.count)
    errors = [
        _error(np.array([s / h**2]), float(c)) if h else None for s, h, c in zip(squares, heads, counts, strict=True)
    ]
    return {
        "mean_p_leave": tuple(float(mean) if h else None for mean, h in zip(means, heads, strict=True)),
        "mean_p_leave_std_error": tuple(None if error is None else float(error[0]) for error in errors),
    }


def _error(squares: FloatArray, n: float) -> FloatArray | None:
    """Return the standard error of sums from the squares of their deviations; None for one customer."""
    return frozen(np.sqrt(squares * n / (n - 1.0))) if n > 1 else None
