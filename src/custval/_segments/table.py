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
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
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
    inside: BoolArray = codes[None, :] == np.arange(len(labels["quadrant"]))[:, None]
    found = _shares(inside, weight, level)
    found |= _totals("current_value", axes[:, 0], inside, weight)
    found |= _totals("potential_value", axes[:, 1], inside, weight)
    found |= _totals("lifetime_value", worth, inside, weight)
    found |= _totals("value_at_risk", None if worth is None or chance is None else worth * chance, inside, weight)
    found |= _value_shares(axes[:, 0] if worth is None else worth, inside, weight)
    found |= _mean_chances(chance, inside, weight)
    return QuadrantTable(**labels, **found, conf_level=level)


def _column(values: Any, name: str, n: int, *, low: float = -np.inf, high: float = np.inf) -> FloatArray | None:
    if values is None:
        return None
    column = float_array(values, name, low=low, high=high)
    check_length(column, n, name=name)
    return column


def _shares(inside: BoolArray, weight: FloatArray, level: float) -> dict[str, Any]:
    """Return heads and their shares with Wilson intervals (Wilson 1927)."""
    heads = inside @ weight
    share = heads / weight.sum()
    # case weights count customers where they are whole; else the customers that they are worth
    whole = bool((weight == np.floor(weight)).all())
    n = weight.sum() if whole else weight.sum() ** 2 / (weight**2).sum()
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return {
        "customers": frozen(heads),
        "share_of_customers": frozen(share),
        "share_of_customers_lower": frozen(np.clip(middle - half, 0.0, share)),
        "share_of_customers_upper": frozen(np.clip(middle + half, share, 1.0)),
    }


def _totals(name: str, values: FloatArray | None, inside: BoolArray, weight: FloatArray) -> dict[str, Any]:
    if values is None:
        return {name: None, f"{name}_std_error": None}
    money = inside * values
    mean = (money @ weight) / weight.sum()
    errors = _errors(money - mean[:, None], weight)
    return {name: frozen(money @ weight), f"{name}_std_error": errors}


def _value_shares(values: FloatArray, inside: BoolArray, weight: FloatArray) -> dict[str, Any]:
    total = float(values @ weight)
    if total == 0.0:
        return {"share_of_value": None, "share_of_value_std_error": None}
    money = inside * values
    share = (money @ weight) / total
    errors = _errors(money - share[:, None] * values, weight)
    error = None if errors is None else frozen(errors / abs(total))
    return {"share_of_value": frozen(share), "share_of_value_std_error": error}


def _mean_chances(chance: FloatArray | None, inside: BoolArray, weight: FloatArray) -> dict[str, Any]:
    if chance is None:
        return {"mean_p_leave": None, "mean_p_leave_std_error": None}
    means: list[float | None] = []
    errors: list[float | None] = []
    for some in inside:
        heads = weight[some].sum()
        mean = float(weight[some] @ chance[some] / heads) if heads else None
        error = None if mean is None else _errors((chance[some] - mean)[None, :], weight[some])
        means.append(mean)
        errors.append(None if error is None else float(error[0] / heads))
    return {"mean_p_leave": tuple(means), "mean_p_leave_std_error": tuple(errors)}


def _errors(deviation: FloatArray, weight: FloatArray) -> FloatArray | None:
    """Return the standard error of weighted sums, rows of `deviation` (m, n) from their means; None for one customer.

    Whole weights stand for copies, each an observation of its own; others are known factors of one observation.
    """
    whole = bool((weight == np.floor(weight)).all())
    n = float(weight.sum()) if whole else float((weight > 0).sum())
    if n <= 1:
        return None
    squares = deviation**2 @ (weight if whole else weight**2)
    return frozen(np.sqrt(squares * n / (n - 1)))
