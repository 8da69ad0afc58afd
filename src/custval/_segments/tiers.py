"""Which tier does each customer belong to, and who moves up or down this month?

Tiers are steps on one axis (value, spend): supreme, diamond, gold, silver, basic. Learned cuts are frozen. So that a
status does not flap from month to month a customer moves only when clearly beyond a cut (hysteresis), and is demoted
only after a minimum stay. The lines of a group account can be judged by the account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.doors import public
from custval._core.encoding import plain_matrix
from custval._core.errors import InputError, warn
from custval._core.estimator import Estimator
from custval._core.frames import column
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import (
    check_choice,
    check_length,
    check_rows,
    check_scalar,
    check_whole,
    float_array,
    sample_weight_array,
)
from custval._segments.axes import check_same_names, named_columns
from custval._segments.cuts import quantile_cut, share_cut
from custval._segments.grouped import Groups, Partial, bounds, head_shares, totals, value_shares
from custval._segments.labels import label_codes
from custval._segments.natural import natural_breaks
from custval._segments.shares import level_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("TierChanges", "TierTable", "Tiers")

NAMES = ("supreme", "diamond", "gold", "silver", "basic")
RULES = ("quantile", "share", "money", "natural")
TOP_CUSTOMERS = (0.01, 0.05, 0.2, 0.5)
TOP_VALUE = (0.2, 0.5, 0.8, 0.95)


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class TierTable(Result):
    """Heads and money of each tier, the highest first; arrays have shape (T,).

    Attributes
    ----------
    tier : tuple of str
        Names.
    customers, share_of_customers, share_of_customers_lower, share_of_customers_upper : ndarray
        Heads and their share with Wilson's interval.
    value, share_of_value : ndarray
        Total and its share; the share is None where the total is zero.
    value_std_error, share_of_value_std_error : ndarray or None
        Sampling errors; None for one customer.
    share_of_value_lower, share_of_value_upper : tuple or None
        Ends of the interval of the share.
    from_value : tuple of float or None
        Where the tier begins; None for the lowest.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import Tiers
    >>> model = Tiers(cuts="money", levels=(100.0, 50.0), names=("gold", "silver", "basic")).fit([[1.0]])
    >>> model.table([[120.0], [60.0], [20.0]]).share_of_value
    array([0.6, 0.3, 0.1])
    """

    tier: tuple[str, ...]
    customers: FloatArray
    share_of_customers: FloatArray
    share_of_customers_lower: FloatArray
    share_of_customers_upper: FloatArray
    value: FloatArray
    value_std_error: FloatArray | None
    share_of_value: FloatArray | None
    share_of_value_std_error: FloatArray | None
    share_of_value_lower: Partial | None
    share_of_value_upper: Partial | None
    from_value: Partial
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each tier.

        Returns
        -------
        pandas.DataFrame
            The fields by name.
        """
        import pandas as pd

        columns = {name: getattr(self, name) for name in self.__slots__ if name != "conf_level"}
        return pd.DataFrame({name: list(values) for name, values in columns.items() if values is not None})


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class TierChanges(Result):
    """Who moves: one entry for each customer whose tier changes or is held, demotions of the highest value first.

    Attributes
    ----------
    row : ndarray of int
        Row of the customer, from 0.
    before, after : ndarray of int
        Codes of the tiers; equal where a demotion is held back.
    kind : tuple of str
        ``promotion``, ``demotion`` or ``held`` (a demotion that the minimum stay holds back).
    value : ndarray
        Value of the customer (of the account, for accounts).
    names : tuple of str
        Names of the tiers.

    Examples
    --------
    >>> from custval.segments import Tiers
    >>> model = Tiers(cuts="money", levels=(100.0, 50.0), names=("gold", "silver", "basic")).fit([[1.0]])
    >>> model.changes([[120.0], [60.0], [20.0]], previous=[1, 1, 1]).to_frame()
       row  before  after       kind  value
    0    2  silver  basic   demotion   20.0
    1    0  silver   gold  promotion  120.0
    """

    row: IntArray
    before: IntArray
    after: IntArray
    kind: tuple[str, ...]
    value: FloatArray
    names: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each customer who moves, with the names of the tiers.

        Returns
        -------
        pandas.DataFrame
            ``row``, ``before``, ``after``, ``kind``, ``value``.
        """
        import pandas as pd

        named = np.array(self.names, dtype=object)
        columns = {"row": self.row, "before": named[self.before], "after": named[self.after]}
        return pd.DataFrame(columns | {"kind": list(self.kind), "value": self.value})


class Tiers(Estimator):
    """Sort customers into tiers by value or spend, with cuts that are learned once and applied again next month.

    Parameters
    ----------
    cuts : {"quantile", "share", "money", "natural"}
        Rule by which tiers begin: the top shares of customers, the richest who bring shares of the total, fixed money,
        or natural breaks (exact one-dimensional k-means).
    levels : sequence of float, optional
        One fewer than tiers, for the highest tier first: rising top shares of customers for ``"quantile"`` (default
        the top 1, 5, 20 and 50 %), rising shares of the total for ``"share"`` (default 20, 50, 80, 95 %), falling
        amounts for ``"money"``; not used for ``"natural"``.
    names : sequence of str, optional
        Of the tiers, the highest first; None takes supreme, diamond, gold, silver, basic.
    hysteresis : float, default 0.1
        With ``rescore``: a customer moves only when beyond the cut by this share of its size, >= 0.
    minimum_stay : int, default 3
        With ``rescore``: months in a tier before a demotion, >= 0.
    axis : str or int, optional
        Column that holds the value. None takes the first and warns if there are more.

    Attributes
    ----------
    cuts_ : ndarray of shape (T - 1,)
        Where the tiers begin, falling.
    names_ : tuple of str
        Of the tiers, in the order of their codes.
    axis_ : str or int
        Column used.
    n_features_in_ : int
        Columns of the X of ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X was a frame.

    Examples
    --------
    >>> from custval.segments import Tiers
    >>> spend = [[500.0], [120.0], [80.0], [40.0], [20.0], [15.0], [12.0], [10.0], [8.0], [5.0]]
    >>> tiers = Tiers(levels=(0.1, 0.2, 0.4, 0.7)).fit(spend)
    >>> tiers.tier(spend).tolist()[:5]
    ['supreme', 'diamond', 'gold', 'gold', 'silver']
    """

    __module__ = "custval.segments"
    _estimator_type = "segmenter"
    _positive_only = False
    _fit_metadata = ("sample_weight", "account")
    expected_failed_checks: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("check_n_features_in_after_fitting", "check_positive_only_tag_during_fit"),
        "with cuts='share' only: a share of the total needs a total > 0, and the check fits negative numbers",
    )

    def __init__(
        self,
        *,
        cuts: str = "quantile",
        levels: Sequence[float] | None = None,
        names: Sequence[str] | None = None,
        hysteresis: float = 0.1,
        minimum_stay: int = 3,
        axis: str | int | None = None,
    ) -> None:
        self.cuts = cuts
        self.levels = levels
        self.names = names
        self.hysteresis = hysteresis
        self.minimum_stay = minimum_stay
        self.axis = axis

    def fit(
        self, X: AnyFrame, y: object = None, *, sample_weight: ArrayLike | None = None, account: Any = None
    ) -> Self:
        """Learn where the tiers begin.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            The value of each customer: finite numbers.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            Case weights >= 0; whole ones equal duplicated rows.
        account : array of shape (n,), optional
            Group account of each line: values are added up by account, and the cuts are those of accounts. Not with
            `sample_weight`.

        Returns
        -------
        Tiers
            Self.

        Raises
        ------
        InputError
            If a parameter is illegal, or a value is missing, infinite or text.
        """
        del y  # scikit-learn's place for a target: tiers have none
        check_choice(self.cuts, "cuts", RULES)
        check_scalar(self.hysteresis, "hysteresis", low=0.0, high=1.0, high_open=True)
        check_whole(self.minimum_stay, "minimum_stay", low=0)
        names = NAMES if self.names is None else tuple(str(name) for name in self.names)
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(f"names must be at least two different names, not {names!r}")
        values, axis, columns, width = _value_column(X, self.axis)
        if account is not None:
            if sample_weight is not None:
                raise InputError("accounts are counted once each; give account or sample_weight, not both")
            values = _by_account(values, account)[1]
        weight = sample_weight_array(sample_weight, len(values))
        cuts = self._learned(values, weight, len(names) - 1)
        if self.cuts != "money" and len(np.unique(cuts)) < len(cuts):
            warn(
                f"{len(cuts)} cuts stand on {len(np.unique(cuts))} distinct values, so some tiers are empty; "
                "ask for fewer tiers, or use cuts='money'"
            )
        self.cuts_, self.names_, self.axis_ = cuts, names, axis
        self.n_features_in_ = width
        if columns is not None:
            self.feature_names_in_ = np.array(columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def predict(self, X: AnyFrame, *, account: Any = None) -> IntArray:
        """Return the code of each customer's tier by the frozen cuts.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        account : array of shape (n,), optional
            Group account of each line: every line gets the tier of its account's sum.

        Returns
        -------
        ndarray of int64 of shape (n,)
            0 for the highest tier.

        Raises
        ------
        InputError
            If the columns are not those of ``fit``, or a value is missing, infinite or text.
        """
        return self._codes(self._read(X, account), 0.0)

    def tier(self, X: AnyFrame, *, account: Any = None) -> TextArray:
        """Return the name of each customer's tier.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        account : array of shape (n,), optional
            As in ``predict``.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``names_`` for each customer.
        """
        self._check_fitted()
        return np.array(self.names_, dtype=object)[self.predict(X, account=account)]

    def rescore(
        self, X: AnyFrame, previous: ArrayLike, months_in_tier: ArrayLike | None = None, *, account: Any = None
    ) -> IntArray:
        """Return the code of each customer's tier, moving only those who are clearly beyond a cut.

        A customer rises to the highest tier whose cut x (1 + hysteresis) is reached, and falls to the tier in which
        the value is still below cut x (1 - hysteresis), the latter only after the minimum stay.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        previous : array of shape (n,)
            Codes of last month; -1 for a new customer, who is placed by the cuts alone.
        months_in_tier : array of shape (n,), optional
            Months spent in that tier, >= 0; None lets everybody be demoted.
        account : array of shape (n,), optional
            As in ``predict``.

        Returns
        -------
        ndarray of int64 of shape (n,)
            Codes as those of ``predict``.

        Raises
        ------
        InputError
            If a code is unknown, a length does not fit, or X is illegal as in ``predict``.

        Examples
        --------
        >>> from custval.segments import Tiers
        >>> model = Tiers(cuts="money", levels=(100.0,), names=("gold", "basic")).fit([[1.0]])
        >>> model.rescore([[105.0], [95.0], [80.0], [80.0]], [1, 0, 0, 0], [9, 9, 1, 9]).tolist()
        [1, 0, 0, 1]
        """
        return self._moved(self._read(X, account), previous, months_in_tier)[1]

    def changes(
        self, X: AnyFrame, previous: ArrayLike, months_in_tier: ArrayLike | None = None, *, account: Any = None
    ) -> TierChanges:
        """Return who is promoted, who is demoted, and whose demotion the minimum stay holds back.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        previous : array of shape (n,)
            Codes of last month; new customers (-1) are not listed.
        months_in_tier : array of shape (n,), optional
            Months spent in that tier, >= 0.
        account : array of shape (n,), optional
            As in ``predict``.

        Returns
        -------
        TierChanges
            Demotions, held ones and promotions, each from the highest value down.

        Raises
        ------
        InputError
            As in ``rescore``.
        """
        values = self._read(X, account)
        before, after, held = self._moved(values, previous, months_in_tier)
        down, up = after > before, after < before
        kind = np.select([down & (before >= 0), held, up & (before >= 0)], [0, 1, 2], default=-1)
        listed = np.flatnonzero(kind >= 0)
        order = listed[np.lexsort((listed, -values[listed], kind[listed]))]
        words = ("demotion", "held", "promotion")
        return TierChanges(
            row=frozen(order),
            before=frozen(before[order]),
            after=frozen(after[order]),
            kind=tuple(words[int(code)] for code in kind[order]),
            value=frozen(values[order]),
            names=self.names_,
        )

    def table(
        self, X: AnyFrame, *, sample_weight: ArrayLike | None = None, account: Any = None, conf_level: float = 0.95
    ) -> TierTable:
        """Return heads and money of each tier, with intervals.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        sample_weight : array of shape (n,), optional
            Case weights >= 0; whole ones equal duplicated rows.
        account : array of shape (n,), optional
            As in ``predict``; heads and money stay those of the lines.
        conf_level : float
            Level of the intervals, within (0, 1).

        Returns
        -------
        TierTable
            Frozen result with one entry for each tier.

        Raises
        ------
        InputError
            If X is illegal as in ``predict``, or a length does not fit.
        """
        level = level_of(conf_level)
        own = self._read(X, None)
        codes = self._codes(own if account is None else self._read(X, account), 0.0)
        weight = None if sample_weight is None else sample_weight_array(sample_weight, len(own))
        groups = Groups(codes, weight, self.names_)
        moments = groups.moments(own)
        found = head_shares(groups, level) | totals("value", moments, groups) | value_shares(moments, groups)
        ends = bounds(found["share_of_value"], found["share_of_value_std_error"], level) or (None, None)
        return TierTable(
            tier=self.names_,
            from_value=(*(float(cut) for cut in self.cuts_), None),
            share_of_value_lower=ends[0],
            share_of_value_upper=ends[1],
            conf_level=level,
            **found,
        )

    def _learned(self, values: FloatArray, weight: FloatArray, count: int) -> FloatArray:
        if self.cuts == "natural":
            return natural_breaks(values, weight, count + 1, name="value")[::-1].copy()
        levels = self._levels(count)
        if self.cuts == "money":
            return levels
        if self.cuts == "share":
            return np.array([share_cut(values, weight, float(level), "value") for level in levels])
        return np.array([quantile_cut(values, weight, 1.0 - float(level)) for level in levels])

    def _levels(self, count: int) -> FloatArray:
        defaults = {"quantile": TOP_CUSTOMERS, "share": TOP_VALUE}
        if self.levels is None and (self.cuts not in defaults or count != 4):
            raise InputError(f"cuts={self.cuts!r} needs levels=: {count} numbers, for the highest tier first")
        levels = float_array(defaults[self.cuts] if self.levels is None else self.levels, "levels")
        if len(levels) != count:
            raise InputError(f"levels must be {count} numbers, one fewer than the {count + 1} names, not {len(levels)}")
        if self.cuts == "money":
            if (np.diff(levels) >= 0).any():
                raise InputError(f"levels of money must fall, the highest tier first, not {levels.tolist()}")
            return levels
        check_rows((levels > 0) & (levels < 1), levels, name="levels", rule="be > 0 and < 1")
        if (np.diff(levels) <= 0).any():
            raise InputError(f"levels must rise, the highest tier first, not {levels.tolist()}")
        return levels

    def _codes(self, values: FloatArray, side: float) -> IntArray:
        """Return how many cuts are above each value, the cuts moved up (side 1) or down (side -1) by the hysteresis."""
        codes = np.zeros(len(values), dtype=np.int64)
        for cut in self.cuts_:
            codes += values < cut + side * self.hysteresis * abs(cut)
        return codes

    def _moved(
        self, values: FloatArray, previous: ArrayLike, months_in_tier: ArrayLike | None
    ) -> tuple[IntArray, IntArray, Any]:
        """Return codes before and after, and who is held back from a demotion."""
        before, last = np.asarray(previous), len(self.names_) - 1
        check_length(before, len(values), name="previous")
        known = np.isin(before, np.arange(-1, last + 1))
        check_rows(known, before, name="previous", rule=f"be a code from 0 to {last}, or -1 for a new customer")
        before = before.astype(np.int64)
        reached, fallen = self._codes(values, 1.0), self._codes(values, -1.0)
        after = np.where(reached < before, reached, np.where(fallen > before, fallen, before))
        held = np.zeros(len(values), dtype=bool)
        if months_in_tier is not None:
            months = float_array(months_in_tier, "months_in_tier", low=0.0)
            check_length(months, len(values), name="months_in_tier")
            held = (after > before) & (before >= 0) & (months < self.minimum_stay)
            after = np.where(held, before, after)
        return before, np.where(before < 0, self._codes(values, 0.0), after), held

    def _read(self, X: AnyFrame, account: Any) -> FloatArray:
        """Return the value of each customer (of its account), after checking the columns."""
        self._check_fitted()
        frame, columns = named_columns(X)
        fitted = [str(name) for name in getattr(self, "feature_names_in_", ())]
        if columns is not None and fitted and not isinstance(self.axis, str):
            check_same_names(columns, fitted)
        if columns is None:
            matrix = plain_matrix(frame)
            if matrix.shape[1] != self.n_features_in_:
                raise InputError(
                    f"X has {matrix.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                    "features as input"
                )
        place = fitted.index(self.axis_) if columns is None and isinstance(self.axis_, str) else self.axis_
        values = _value_column(X, place)[0]
        if account is None:
            return values
        codes, sums = _by_account(values, account)
        return sums[codes]


def _value_column(X: AnyFrame, axis: str | int | None) -> tuple[FloatArray, str | int, list[str] | None, int]:
    """Return the value of each customer, which column it was, and the names and number of columns."""
    frame, columns = named_columns(X)
    matrix = plain_matrix(frame if columns is None else np.zeros((1, len(columns))))
    width = matrix.shape[1]
    if axis is None and width > 1:
        shown = repr(0 if columns is None else columns[0])
        warn(f"X has {width} columns; {shown} was taken as the value; name it with axis=")
    if columns is None:
        place = _place(axis, matrix)
        return np.ascontiguousarray(matrix[:, place]), place, None, width
    name = axis if isinstance(axis, str) else columns[axis or 0]
    values = float_array(column(X, name), f"column {name!r}", fix="fill or drop such rows")
    if len(values) == 0:
        raise InputError("Found array with 0 sample(s) while a minimum of 1 is required")
    return values, name, columns, width


def _place(axis: str | int | None, matrix: FloatArray) -> int:
    """Return the position of the value in an array."""
    width = matrix.shape[1]
    if isinstance(axis, str):
        raise InputError(f"axis={axis!r} is a name, but X is an array without names; give a position")
    if width == 0:
        text = "while a minimum of 1 is required: the value"
        raise InputError(f"Found array with 0 feature(s) (shape={matrix.shape}) {text}")
    place = 0 if axis is None else axis
    if not -width <= place < width:
        raise InputError(f"axis={place} is not a column of X, which has {width}")
    return place


def _by_account(values: FloatArray, account: Any) -> tuple[IntArray, FloatArray]:
    """Return the account of each line as a code, and the sum of each account."""
    check_length(account, len(values), name="account")
    codes, names = label_codes(account, name="account")
    return codes, np.bincount(codes, weights=values, minlength=len(names)).astype(np.float64)
