"""What is in each quadrant: heads, money, risk, with the errors that a base of this size leaves.

The customers are seen as a sample of customers like them: the error of a quadrant's total counts both how many fall
into it and what each brings. Totals and ratios of totals are linearised (Cochran 1977, sections 2.11 and 6.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice, check_length, check_rows, float_array, sample_weight_array
from custval._segments.shares import half_width, level_of, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("QuadrantTable", "quadrant_table")

Partial: TypeAlias = tuple[float | None, ...]


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class QuadrantTable(Result):
    """One row for each quadrant, in the order of the codes; arrays have shape (Q,): 4, or 8 with loyalty.

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
    cuts : ndarray of shape (d,)
        Where high begins on the axes of current value, potential value and, with three axes, loyalty.
    conf_level : float
        Level of the intervals.
    causes : tuple of K str
        Causes of leaving, where chances were given by cause; else empty.
    p_leave_by_cause, p_leave_by_cause_std_error : tuple of K tuples, or None
        Mean chance of leaving by each cause, as ``mean_p_leave``.
    value_at_risk_by_cause, value_at_risk_by_cause_std_error : ndarray of shape (K, Q), or None
        Sum of chance of leaving by the cause x lifetime value.
    mean_loyalty, mean_loyalty_std_error : tuple of float or None, or None
        Mean of the third axis, where there is one.

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
    causes: tuple[str, ...] = ()
    p_leave_by_cause: tuple[Partial, ...] | None = None
    p_leave_by_cause_std_error: tuple[Partial, ...] | None = None
    value_at_risk_by_cause: FloatArray | None = None
    value_at_risk_by_cause_std_error: FloatArray | None = None
    mean_loyalty: Partial | None = None
    mean_loyalty_std_error: Partial | None = None

    def interval(self, name: str) -> tuple[Partial, Partial] | None:
        """Return lower and upper bounds of a column by quadrant, such as ``interval("lifetime_value")``.

        Parameters
        ----------
        name : str
            A measure with a standard error: ``current_value``, ``potential_value``, ``lifetime_value``,
            ``share_of_value``, ``mean_p_leave``, ``value_at_risk`` or ``mean_loyalty``.

        Returns
        -------
        pair of tuples, or None
            Lower and upper bounds at ``conf_level``; None where the measure or its error does not exist.
        """
        check_choice(name, "name", MEASURES)
        return _bounds(getattr(self, name), getattr(self, f"{name}_std_error"), self.conf_level)

    def by_cause(self) -> pd.DataFrame:
        """Return one row for each quadrant and cause of leaving, with intervals.

        Returns
        -------
        pandas.DataFrame
            ``quadrant``, ``cause``, ``p_leave`` and, where lifetime values were given, ``value_at_risk``, each with
            ``_lower`` and ``_upper``; no rows where chances were not given by cause.
        """
        import pandas as pd

        rows: dict[str, list[Any]] = {"quadrant": [], "cause": []}
        for position, cause in enumerate(self.causes):
            rows["quadrant"] += self.quadrant
            rows["cause"] += [cause] * len(self.quadrant)
            for name in ("p_leave", "value_at_risk"):
                found = getattr(self, f"{name}_by_cause")
                if found is None:
                    continue
                errors = getattr(self, f"{name}_by_cause_std_error")
                bounds = _bounds(found[position], None if errors is None else errors[position], self.conf_level)
                lower, upper = bounds or ((None,) * len(self.quadrant),) * 2
                for end, values in (("", found[position]), ("_lower", lower), ("_upper", upper)):
                    rows.setdefault(name + end, []).extend(values)
        return pd.DataFrame(rows)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each quadrant; what was not given is left out, causes have columns of their own.

        Returns
        -------
        pandas.DataFrame
            The fields by name; ``p_leave_<cause>`` and ``value_at_risk_<cause>`` where chances were given by cause.
        """
        import pandas as pd

        whole = [
            name for name in self.__slots__ if name not in ("cuts", "conf_level", "causes") and "by_cause" not in name
        ]
        columns = {name: getattr(self, name) for name in whole}
        for position, cause in enumerate(self.causes):
            for name in ("p_leave", "value_at_risk"):
                found = getattr(self, f"{name}_by_cause")
                columns[f"{name}_{cause}"] = None if found is None else found[position]
        return pd.DataFrame({name: list(values) for name, values in columns.items() if values is not None})


MEASURES = (
    "current_value",
    "potential_value",
    "lifetime_value",
    "share_of_value",
    "mean_p_leave",
    "value_at_risk",
    "mean_loyalty",
)
_BLOCK = 1 << 16


def quadrant_table(
    codes: IntArray,
    axes: FloatArray,
    *,
    lifetime_value: Any,
    p_leave: ArrayLike | None,
    causes: Sequence[str] | None,
    sample_weight: ArrayLike | None,
    conf_level: float,
    **labels: Any,
) -> QuadrantTable:
    """Return the table of customers with quadrant `codes` (n,) and `axes` (n, d)."""
    n = len(codes)
    level = level_of(conf_level)
    worth = _column(getattr(lifetime_value, "value", lifetime_value), "lifetime_value", n)
    chance, by_cause, names = _chances(p_leave, causes, n)
    groups = _Groups(
        codes, None if sample_weight is None else sample_weight_array(sample_weight, n), labels["quadrant"]
    )
    found = _shares(groups, level)
    current = groups.moments(axes[:, 0])
    money = None if worth is None else groups.moments(worth)
    found |= _totals("current_value", current, groups)
    found |= _totals("potential_value", groups.moments(axes[:, 1]), groups)
    found |= _totals("lifetime_value", money, groups)
    at_risk = None if worth is None or chance is None else groups.moments(worth * chance)
    found |= _totals("value_at_risk", at_risk, groups)
    found |= _value_shares(money or current, groups)
    found |= _means("mean_p_leave", None if chance is None else groups.moments(chance), groups)
    if axes.shape[1] == 3:
        found |= _means("mean_loyalty", groups.moments(axes[:, 2]), groups)
    if by_cause is not None:
        found |= {"causes": names, **_by_cause(by_cause, worth, groups)}
    return QuadrantTable(**labels, **found, conf_level=level)


class _Moments(NamedTuple):
    """Sums by quadrant about a centre: of values (weight w), and of values and squares (weight of squares)."""

    centre: float
    first: FloatArray
    square_first: FloatArray
    second: FloatArray


class _Groups:
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

    def moments(self, values: FloatArray) -> _Moments:
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
        return _Moments(centre, sums[0], sums[0] if self.whole else sums[1], sums[2])

    def total(self, moments: _Moments) -> FloatArray:
        return moments.first + moments.centre * self.heads

    def squares(self, moments: _Moments, about: FloatArray | float) -> FloatArray:
        """Return the sums of squared deviations from `about`."""
        off = about - moments.centre
        spread = moments.second - 2.0 * off * moments.square_first + off**2 * self.square_heads
        return np.asarray(np.maximum(spread, 0.0), dtype=np.float64)

    @property
    def observations(self) -> float:
        return float(self.heads.sum()) if self.whole else float(self.seen.sum())


def _column(values: Any, name: str, n: int) -> FloatArray | None:
    if values is None:
        return None
    column = float_array(values, name)
    check_length(column, n, name=name)
    return column


def _chances(
    p_leave: Any, causes: Sequence[str] | None, n: int
) -> tuple[FloatArray | None, FloatArray | None, tuple[str, ...]]:
    """Return the chance of leaving at all, by cause (n, K) where it was given so, and the names of the causes."""
    if p_leave is None:
        if causes is not None:
            raise InputError("causes= names the columns of p_leave, which is not given")
        return None, None, ()
    many = np.ndim(p_leave) > 1
    chance = float_array(p_leave, "p_leave", low=0.0, high=1.0, ndim=2 if many else 1)
    check_length(chance, n, name="p_leave")
    if not many:
        if causes is not None:
            raise InputError("causes= names the columns of p_leave, but p_leave has one dimension")
        return chance, None, ()
    total = chance.sum(axis=1)
    check_rows(total <= 1.0 + 1e-9, total, name="the sum of p_leave over causes", rule="be <= 1")
    names = [f"cause {k + 1}" for k in range(chance.shape[1])] if causes is None else [str(cause) for cause in causes]
    if len(names) != chance.shape[1]:
        raise InputError(f"causes has {len(names)} names but p_leave has {chance.shape[1]} columns")
    return np.minimum(total, 1.0), chance, tuple(names)


def _shares(groups: _Groups, level: float) -> dict[str, Any]:
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


def _totals(name: str, moments: _Moments | None, groups: _Groups) -> dict[str, Any]:
    """Return totals and their errors: a customer counts with their value inside and with 0 outside."""
    if moments is None:
        return {name: None, f"{name}_std_error": None}
    totals, error = _total(moments, groups)
    return {name: frozen(totals), f"{name}_std_error": error}


def _total(moments: _Moments, groups: _Groups) -> tuple[FloatArray, FloatArray | None]:
    totals = groups.total(moments)
    mean = totals / groups.heads.sum()
    outside = groups.square_heads.sum() - groups.square_heads
    return totals, _error(groups.squares(moments, mean) + outside * mean**2, groups.observations)


def _value_shares(moments: _Moments, groups: _Groups) -> dict[str, Any]:
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


def _means(name: str, moments: _Moments | None, groups: _Groups) -> dict[str, Any]:
    if moments is None:
        return {name: None, f"{name}_std_error": None}
    means, errors = _mean(moments, groups)
    return {name: means, f"{name}_std_error": errors}


def _mean(moments: _Moments, groups: _Groups) -> tuple[Partial, Partial]:
    heads = groups.heads
    means = groups.total(moments) / np.where(heads > 0, heads, 1.0)
    squares = groups.squares(moments, means)
    counts = heads if groups.whole else groups.seen
    errors = [
        _error(np.array([s / h**2]), float(c)) if h else None for s, h, c in zip(squares, heads, counts, strict=True)
    ]
    return (
        tuple(float(mean) if h else None for mean, h in zip(means, heads, strict=True)),
        tuple(None if error is None else float(error[0]) for error in errors),
    )


def _by_cause(chance: FloatArray, worth: FloatArray | None, groups: _Groups) -> dict[str, Any]:
    means = [_mean(groups.moments(column), groups) for column in chance.T]
    found: dict[str, Any] = {
        "p_leave_by_cause": tuple(mean for mean, _ in means),
        "p_leave_by_cause_std_error": tuple(error for _, error in means),
    }
    if worth is not None:
        totals = [_total(groups.moments(worth * column), groups) for column in chance.T]
        errors = [error for _, error in totals if error is not None]
        found["value_at_risk_by_cause"] = frozen(np.array([total for total, _ in totals]))
        found["value_at_risk_by_cause_std_error"] = frozen(np.array(errors)) if errors else None
    return found


def _error(squares: FloatArray, n: float) -> FloatArray | None:
    """Return the standard error of sums from the squares of their deviations; None for one customer."""
    return frozen(np.sqrt(squares * n / (n - 1.0))) if n > 1 else None


def _bounds(estimate: Any, error: Any, level: float) -> tuple[Partial, Partial] | None:
    if estimate is None or error is None:
        return None
    z = half_width(level)
    pairs = [
        (None, None) if e is None or s is None else (float(e - z * s), float(e + z * s))
        for e, s in zip(estimate, error, strict=True)
    ]
    return tuple(low for low, _ in pairs), tuple(high for _, high in pairs)
