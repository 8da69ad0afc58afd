"""What does each tenth of the customers bring, and who are the A, B and C customers?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_scalar, check_whole, sample_weight_array
from custval._segments.ordered import Block, Ordered, normal_interval, ordered_values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("ABCClasses", "DecileTable", "abc_classes", "decile_table")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class DecileTable(Result):
    """One row for each tenth of the customers (or other part), the richest first; arrays have shape (G,).

    Attributes
    ----------
    group : ndarray of int
        1 for the richest.
    customers : ndarray
        Equal parts of the base; a customer at an edge counts in both groups in part.
    highest, lowest : ndarray
        Value of the first and the last customer of the group.
    value, mean_value : ndarray
        Total and mean.
    share_of_value : ndarray
        Share of the total.
    share_of_value_std_error, share_of_value_lower, share_of_value_upper : tuple of float or None
        Its error and interval; None for one customer.
    cumulative_share : ndarray
        Share of the total of this group and the richer ones.
    lift : ndarray
        Mean over the mean of all customers.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import decile_table
    >>> decile_table([1.0, 2.0, 3.0, 14.0], groups=2).share_of_value
    array([0.85, 0.15])
    """

    group: IntArray
    customers: FloatArray
    highest: FloatArray
    lowest: FloatArray
    value: FloatArray
    mean_value: FloatArray
    share_of_value: FloatArray
    share_of_value_std_error: tuple[float | None, ...]
    share_of_value_lower: tuple[float | None, ...]
    share_of_value_upper: tuple[float | None, ...]
    cumulative_share: FloatArray
    lift: FloatArray
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each group.

        Returns
        -------
        pandas.DataFrame
            The fields by name.
        """
        import pandas as pd

        return pd.DataFrame({name: list(getattr(self, name)) for name in self.__slots__ if name != "conf_level"})


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class ABCClasses(Result):
    """The class of each customer, and what each class brings; tables have shape (C,), the richest class first.

    Attributes
    ----------
    code : ndarray of int64 of shape (n,)
        Class of each customer, in the order given: 0 is the first.
    names : tuple of str
        Of the classes.
    cuts : ndarray of shape (C - 1,)
        Smallest value of each class but the last, falling.
    customers, share_of_customers : ndarray
        Heads (their weight, with weights) and their share.
    share_of_customers_needed, share_of_customers_needed_std_error : tuple of float or None
        Share of the customers that brings the share of value up to and with this class, and its sampling error; None
        for the last class, and the error for one customer or a cut that is not above 0.
    value, share_of_value : ndarray
        Total and its share.

    Examples
    --------
    >>> from custval.segments import abc_classes
    >>> found = abc_classes([70.0, 5.0, 15.0, 1.0, 9.0])
    >>> found.label().tolist()
    ['A', 'B', 'A', 'C', 'B']
    """

    code: IntArray
    names: tuple[str, ...]
    cuts: FloatArray
    customers: FloatArray
    share_of_customers: FloatArray
    share_of_customers_needed: tuple[float | None, ...]
    share_of_customers_needed_std_error: tuple[float | None, ...]
    value: FloatArray
    share_of_value: FloatArray

    def label(self) -> TextArray:
        """Return the name of each customer's class.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``names`` for each customer.
        """
        return np.array(self.names, dtype=object)[self.code]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each class.

        Returns
        -------
        pandas.DataFrame
            Name, heads, money and shares.
        """
        import pandas as pd

        shown = [name for name in self.__slots__ if name not in ("code", "names", "cuts")]
        return pd.DataFrame({"name": self.names, **{name: list(getattr(self, name)) for name in shown}})


@public("segments")
def decile_table(
    values: ArrayLike, *, groups: int = 10, sample_weight: ArrayLike | None = None, conf_level: float = 0.95
) -> DecileTable:
    """Return what each tenth of the customers brings, the richest first.

    Parameters
    ----------
    values : array of shape (n,)
        Money of each customer; their sum must be > 0, single values may be negative.
    groups : int, default 10
        Number of equal parts, >= 1.
    sample_weight : array of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows, so a table of counts gives the same answer.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    DecileTable
        Heads, money, shares with intervals, lift.

    Raises
    ------
    InputError
        If a value is missing or infinite, the sum is not positive, or `groups` is not a whole number >= 1.

    References
    ----------
    Standard error of a difference of Lorenz ordinates: Beach, C. M. and Davidson, R. (1983), Review of Economic
    Studies 50(4).

    Examples
    --------
    >>> from custval.segments import decile_table
    >>> table = decile_table(list(range(1, 21)), groups=4)
    >>> table.value, table.lift.round(2)
    (array([90., 65., 40., 15.]), array([1.71, 1.24, 0.76, 0.29]))
    """
    parts = check_whole(groups, "groups", low=1)
    ordered = ordered_values(values, sample_weight)
    counts = ordered.people * np.arange(1, parts + 1) / parts
    tops = [ordered.top(count) for count in counts[:-1]]
    held = np.array([0.0, *(money for money, _ in tops), ordered.money])
    cuts = np.array([at_least for _, at_least in tops])
    value, size = np.diff(held), ordered.people / parts
    share = value / ordered.money
    errors = _share_errors(ordered, share, cuts)
    bounds = [
        normal_interval(float(s), e, conf_level, float(ordered.value[0])) for s, e in zip(share, errors, strict=True)
    ]
    return DecileTable(
        group=frozen(np.arange(1, parts + 1)),
        customers=frozen(np.full(parts, size)),
        highest=frozen(np.append(ordered.value[-1], cuts)),
        lowest=frozen(np.append(cuts, ordered.value[0])),
        value=frozen(value),
        mean_value=frozen(value / size),
        share_of_value=frozen(share),
        share_of_value_std_error=errors,
        share_of_value_lower=tuple(low for low, _ in bounds),
        share_of_value_upper=tuple(high for _, high in bounds),
        cumulative_share=frozen(held[1:] / ordered.money),
        lift=frozen(value / size / ordered.mean),
        conf_level=conf_level,
    )


@public("segments")
def abc_classes(
    values: ArrayLike,
    *,
    shares: Sequence[float] = (0.8, 0.95),
    names: Sequence[str] | None = None,
    sample_weight: ArrayLike | None = None,
) -> ABCClasses:
    """Return who brings the first 80 % of the money (A), who the next 15 % (B), and who the rest (C).

    A class holds the fewest richest customers who bring its share; those who tie with the last of them are in it too.

    Parameters
    ----------
    values : array of shape (n,)
        Money of each customer; their sum must be > 0, single values may be negative.
    shares : sequence of float
        Cumulative shares of the total at which classes end, rising, within (0, 1).
    names : sequence of str, optional
        One more than `shares`; None takes A, B, C and so on.
    sample_weight : array of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows. A customer of weight 0 is classed and not counted.

    Returns
    -------
    ABCClasses
        Class of each customer and a table of the classes.

    Raises
    ------
    InputError
        If a value is missing or infinite, the sum is not positive, or `shares` do not rise within (0, 1).

    References
    ----------
    Dickie, H. F. (1951), ABC inventory analysis shoots for dollars, not pennies, Factory Management 109.

    Examples
    --------
    >>> from custval.segments import abc_classes
    >>> abc_classes([100.0, 30.0, 20.0, 8.0, 2.0], shares=(0.75, 0.9)).customers
    array([2., 1., 2.])
    """
    ends = [check_scalar(share, "shares", low=0.0, high=1.0, low_open=True, high_open=True) for share in shares]
    if not ends or (np.diff(ends) <= 0).any():
        raise InputError(f"shares must rise, such as (0.8, 0.95), not {tuple(shares)!r}")
    labels = tuple(chr(65 + k) for k in range(len(ends) + 1)) if names is None else tuple(str(name) for name in names)
    if len(labels) != len(ends) + 1:
        raise InputError(f"names must be {len(ends) + 1} texts, one more than shares, not {labels!r}")
    ordered = ordered_values(values, sample_weight)
    money = np.asarray(values, dtype=np.float64)
    weight = sample_weight_array(sample_weight, len(money))
    cuts = np.array([_share_cut(ordered, share) for share in ends])
    if len(np.unique(cuts)) < len(cuts):
        warn(f"{len(cuts)} cuts stand on {len(np.unique(cuts))} distinct values: some classes are empty; ask for fewer")
    code = len(cuts) - np.searchsorted(cuts[::-1], money, side="right")
    heads = np.bincount(code, weights=weight, minlength=len(labels)).astype(np.float64)
    held = np.bincount(code, weights=weight * money, minlength=len(labels)).astype(np.float64)
    needed = (heads.cumsum() / heads.sum())[:-1]
    return ABCClasses(
        code=frozen(code.astype(np.int64)),
        names=labels,
        cuts=frozen(cuts),
        customers=frozen(heads),
        share_of_customers=frozen(heads / heads.sum()),
        share_of_customers_needed=(*map(float, needed), None),
        share_of_customers_needed_std_error=(
            *(_needed_error(ordered, s, float(c)) for s, c in zip(ends, cuts, strict=True)),
            None,
        ),
        value=frozen(held),
        share_of_value=frozen(held / held.sum()),
    )


def _share_errors(ordered: Ordered, share: FloatArray, cuts: FloatArray) -> tuple[float | None, ...]:
    """Return the errors of the shares between cuts: the excess over the lower edge minus that over the upper one."""
    mean = ordered.mean
    typical = [0.0, *(ordered.excess(float(cut)) for cut in cuts), mean - float(ordered.value[0])]
    edges = [np.inf, *cuts, float(ordered.value[0])]

    def error(k: int) -> float | None:
        def influence(block: Block) -> FloatArray:
            above = np.maximum(block.value - edges[k + 1], 0.0) - typical[k + 1]
            if k:
                above -= np.maximum(block.value - edges[k], 0.0) - typical[k]
            return np.asarray((above - share[k] * (block.value - mean)) / mean, dtype=np.float64)

        return ordered.standard_error(influence)

    return tuple(error(k) for k in range(len(share)))


def _share_cut(ordered: Ordered, share: float) -> float:
    """Return the value of the last of the richest customers who together bring at least `share` of the total."""
    value = ordered.value[::-1]
    money = (value if ordered.weight is None else ordered.weight[::-1] * value).cumsum()
    return float(value[int((money >= share * ordered.money * (1 - 1e-12)).argmax())])


def _needed_error(ordered: Ordered, share: float, cut: float) -> float | None:
    """Return the error of the share of customers that brings `share`: that of the ordinate over its slope."""
    if cut <= 0.0:
        return None
    mean, typical = ordered.mean, ordered.excess(cut)
    return ordered.standard_error(
        lambda block: (np.maximum(block.value - cut, 0.0) - typical - share * (block.value - mean)) / cut
    )
