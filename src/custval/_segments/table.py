"""What is in each quadrant: heads, money, risk, with the errors that a base of this size leaves.

The customers are seen as a sample of customers like them: the error of a quadrant's total counts both how many fall
into it and what each brings. Totals and ratios of totals are linearised (Cochran 1977, sections 2.11 and 6.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column_names, is_frame
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice, check_length, check_rows, float_array, sample_weight_array
from custval._segments.grouped import (
    Groups,
    Partial,
    bounds,
    head_shares,
    mean_of,
    means,
    total_of,
    totals,
    value_shares,
)
from custval._segments.shares import level_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("QuadrantTable", "quadrant_table")


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
        return bounds(getattr(self, name), getattr(self, f"{name}_std_error"), self.conf_level)

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
                ends = bounds(found[position], None if errors is None else errors[position], self.conf_level)
                lower, upper = ends or ((None,) * len(self.quadrant),) * 2
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
    groups = Groups(codes, None if sample_weight is None else sample_weight_array(sample_weight, n), labels["quadrant"])
    found = head_shares(groups, level)
    current = groups.moments(axes[:, 0])
    money = None if worth is None else groups.moments(worth)
    found |= totals("current_value", current, groups)
    found |= totals("potential_value", groups.moments(axes[:, 1]), groups)
    found |= totals("lifetime_value", money, groups)
    at_risk = None if worth is None or chance is None else groups.moments(worth * chance)
    found |= totals("value_at_risk", at_risk, groups)
    found |= value_shares(money or current, groups)
    found |= means("mean_p_leave", None if chance is None else groups.moments(chance), groups)
    if axes.shape[1] == 3:
        found |= means("mean_loyalty", groups.moments(axes[:, 2]), groups)
    if by_cause is not None:
        found |= {"causes": names, **_by_cause(by_cause, worth, groups)}
    return QuadrantTable(**labels, **found, conf_level=level)


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
    if causes is None and is_frame(p_leave):
        causes = column_names(p_leave)
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


def _by_cause(chance: FloatArray, worth: FloatArray | None, groups: Groups) -> dict[str, Any]:
    by_mean = [mean_of(groups.moments(column), groups) for column in chance.T]
    found: dict[str, Any] = {
        "p_leave_by_cause": tuple(mean for mean, _ in by_mean),
        "p_leave_by_cause_std_error": tuple(error for _, error in by_mean),
    }
    if worth is not None:
        sums = [total_of(groups.moments(worth * column), groups) for column in chance.T]
        errors = [error for _, error in sums if error is not None]
        found["value_at_risk_by_cause"] = frozen(np.array([total for total, _ in sums]))
        found["value_at_risk_by_cause_std_error"] = frozen(np.array(errors)) if errors else None
    return found
