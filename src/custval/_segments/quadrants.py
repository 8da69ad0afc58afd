"""Who should be protected, kept cheaply, developed or left to self-care? Quadrants of current and potential value.

With loyalty as a third axis the quadrants become the eight cells of a cube (Hwang, Jung and Suh 2004; Kim and others
2006): what an operator does with a valuable customer depends on whether the customer is about to stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, ClassVar, Self

import numpy as np

from custval._core.encoding import plain_matrix
from custval._core.errors import InputError, warn
from custval._core.estimator import Estimator
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import (
    check_choice,
    check_length,
    check_rows,
    check_scalar,
    float_array,
    sample_weight_array,
)
from custval._segments.axes import AXES, axis_values, check_same_names, chosen_axes, named_columns
from custval._segments.cuts import RULES, of_axis, profit_cuts, quantile_cut, share_cut
from custval._segments.natural import natural_breaks
from custval._segments.table import QuadrantTable, quadrant_table

__all__ = ("NAMES", "STRATEGIES", "ValuePotential")

NAMES = ("high/high", "high/low", "low/high", "low/low")
STRATEGIES = (
    "protect and renew early",
    "keep at low cost, no deep discount",
    "develop: cross-sell, data up-sell",
    "self-care, no outbound call",
)
CUBE_NAMES = tuple("/".join(sides) for sides in product(("high", "low"), repeat=3))
CUBE_STRATEGIES = (
    "protect and renew early",
    "save first: personal contact, early renewal",
    "keep at low cost, no deep discount",
    "keep with a contract, small discount",
    "develop: cross-sell, data up-sell",
    "bind first, then cross-sell",
    "self-care, no outbound call",
    "self-care, let go at no cost",
)


class ValuePotential(Estimator):
    """Sort customers into quadrants by current value, potential value and, if asked, loyalty, each with its strategy.

    ``fit`` learns where high begins on each axis; the cuts are then frozen, so that next month's customers are judged
    by the same ones. At or above the cut is high; equal values are always on one side of it (those that tie at a
    quantile are low, those that tie with the last of the richest are high).

    Parameters
    ----------
    cuts : {"quantile", "share", "money", "break_even", "natural", "profit"} or one of these for each axis
        Rule by which high begins. ``"natural"`` is the exact one-dimensional 2-means; ``"profit"`` chooses the cuts of
        all axes together so that the strategies earn most (``fit(..., profit=)``), and cannot be mixed.
    quantile : float or one for each axis
        With ``"quantile"``: customers above this quantile are high, within (0, 1).
    share : float or one for each axis
        With ``"share"``: the richest customers who together bring this share of the total are high, within (0, 1].
    money : float or one for each axis, optional
        With ``"money"``: the cut itself.
    cost, gain : float or one for each axis, optional
        With ``"break_even"``: what treating a customer as high costs (>= 0), and the share of the value on the axis
        that this gains, within (0, 1]; the cut is cost / gain.
    hysteresis : float or one for each axis
        With ``rescore``: customers change sides only beyond the cut by this share of its size, >= 0.
    band : float or one for each axis
        The same in the unit of the axis, added to `hysteresis`, >= 0: for cuts near zero.
    axes : sequence of 2 or 3 str or int, optional
        Columns that hold current value, potential value and loyalty. None takes the first two as the values and warns
        if there are more.
    names, strategies : sequence of str, optional
        Four (eight with loyalty), high before low, the last axis changing first: high/high, high/low, low/high,
        low/low. None takes the defaults: protect and renew early; keep at low cost, no deep discount; develop:
        cross-sell, data up-sell; self-care, no outbound call.

    Attributes
    ----------
    cuts_ : ndarray of shape (d,)
        Where high begins on each of the d axes.
    bands_ : ndarray of shape (d,)
        How far beyond a cut ``rescore`` wants a value to be.
    profit_ : float or None
        Profit of the strategies under the cuts, where they were chosen by profit.
    names_, strategies_ : tuple of str
        Of the quadrants, in the order of their codes.
    axes_ : tuple
        Columns used: names for frames, positions for arrays.
    n_features_in_ : int
        Columns of the X of ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X was a frame.

    References
    ----------
    Hwang, H., Jung, T. and Suh, E. (2004), An LTV model and customer segmentation based on customer value: a case
    study on the wireless telecommunication industry, Expert Systems with Applications 26(2). Kim, S.-Y. and others
    (2006), Customer segmentation and strategy development based on customer lifetime value, same journal 31(1): the
    cube of current value, potential value and loyalty.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.segments import ValuePotential
    >>> axes = np.array([[40.0, 300.0], [35.0, 50.0], [8.0, 280.0], [6.0, 20.0]])
    >>> quadrants = ValuePotential().fit(axes)
    >>> quadrants.cuts_
    array([ 35., 280.])
    >>> quadrants.quadrant(axes).tolist()
    ['high/high', 'high/low', 'low/high', 'low/low']
    >>> quadrants.strategy(np.array([[36.0, 10.0]])).tolist()
    ['keep at low cost, no deep discount']
    """

    __module__ = "custval.segments"
    _estimator_type = "segmenter"
    _positive_only = False
    _fit_metadata = ("sample_weight", "profit")
    expected_failed_checks: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("check_n_features_in_after_fitting", "check_positive_only_tag_during_fit"),
        "with cuts='share' only: a share of the total needs a total > 0, and the check fits negative numbers",
    )

    def __init__(
        self,
        *,
        cuts: str | Sequence[str] = "quantile",
        quantile: float | Sequence[float] = 0.5,
        share: float | Sequence[float] = 0.8,
        money: float | Sequence[float] | None = None,
        cost: float | Sequence[float] | None = None,
        gain: float | Sequence[float] = 1.0,
        hysteresis: float | Sequence[float] = 0.0,
        band: float | Sequence[float] = 0.0,
        axes: Sequence[str] | Sequence[int] | None = None,
        names: Sequence[str] | None = None,
        strategies: Sequence[str] | None = None,
    ) -> None:
        self.cuts = cuts
        self.quantile = quantile
        self.share = share
        self.money = money
        self.cost = cost
        self.gain = gain
        self.hysteresis = hysteresis
        self.band = band
        self.axes = axes
        self.names = names
        self.strategies = strategies

    def fit(
        self,
        X: AnyFrame,
        y: object = None,
        *,
        sample_weight: ArrayLike | None = None,
        profit: ArrayLike | None = None,
    ) -> Self:
        """Learn the cuts.

        Parameters
        ----------
        X : frame or array of shape (n, 2) or (n, 3)
            Current value, potential value and, with three axes, loyalty of each customer: finite numbers. In a mapping
            a column may be what ``custval.clv.lifetime_value`` returns.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            Case weights >= 0; whole ones equal duplicated rows.
        profit : array of shape (n, Q), optional
            With ``cuts="profit"``: money that each customer is expected to bring under the strategy of each of the Q
            quadrants, in their order; ``custval.segments.strategy_profit`` makes it from offers.

        Returns
        -------
        ValuePotential
            Self.

        Raises
        ------
        InputError
            If a parameter is illegal, a column is missing, or a value is missing, infinite or text.
        """
        del y  # scikit-learn's place for a target: quadrants have none
        X, columns = named_columns(X)
        axes = chosen_axes(self.axes, columns)
        names, strategies = self._words(len(axes))
        values, width = axis_values(X, axes, columns)
        if self.axes is None and width > 2:
            used = " and ".join(repr(axis) for axis in axes)
            warn(f"X has {width} columns; {used} were taken as current and potential value; name them with axes=")
        weight = sample_weight_array(sample_weight, len(values))
        cuts, total = self._cuts(values, weight, profit)
        self.bands_ = np.array([self._band(cut, axis, len(axes)) for axis, cut in enumerate(cuts)])
        self.cuts_, self.profit_ = cuts, total
        self.names_, self.strategies_, self.axes_ = names, strategies, axes
        self._remember(columns, width)
        return self

    def predict(self, X: AnyFrame) -> IntArray:
        """Return the code of each customer's quadrant by the frozen cuts.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.

        Returns
        -------
        ndarray of int64 of shape (n,)
            0 high/high, 1 high/low, 2 low/high, 3 low/low (current value first); 0 to 7 with loyalty.

        Raises
        ------
        InputError
            If the columns are not those of ``fit``, or a value is missing, infinite or text.
        """
        return self._codes(self._read(X))

    def rescore(self, X: AnyFrame, previous: ArrayLike) -> IntArray:
        """Return the code of each customer's quadrant, moving only those who are clearly beyond a cut.

        A customer who was high on an axis stays high until the value falls below cut - band, one who was low stays low
        until it reaches cut + band (``bands_``), so that customers near a cut do not flap from month to month.
        Re-scoring the same values again changes nothing.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        previous : array of shape (n,)
            Codes of last month, as this method or ``predict`` returned them; -1 for a new customer, who is placed by
            the cuts alone.

        Returns
        -------
        ndarray of int64 of shape (n,)
            Codes as those of ``predict``.

        Raises
        ------
        InputError
            If a code is not one of a quadrant or -1, or X is illegal as in ``predict``.

        Examples
        --------
        >>> from custval.segments import ValuePotential
        >>> model = ValuePotential(cuts="money", money=(20.0, 100.0), hysteresis=0.1).fit([[30.0, 150.0]])
        >>> model.rescore([[19.0, 150.0], [17.0, 150.0], [21.0, 150.0]], previous=[0, 0, 2]).tolist()
        [0, 2, 2]
        """
        values = self._read(X)
        count = len(self.names_)
        before = np.asarray(previous)
        check_length(before, len(values), name="previous")
        known = np.isin(before, np.arange(-1, count))
        check_rows(known, before, name="previous", rule=f"be a code from 0 to {count - 1}, or -1 for a new customer")
        codes = np.zeros(len(values), dtype=np.int64)
        for axis, (cut, band) in enumerate(zip(self.cuts_, self.bands_, strict=True)):
            place = len(self.cuts_) - 1 - axis
            was_low = (before.astype(np.int64) >> place) & 1
            edge = np.where(before < 0, cut, np.where(was_low == 1, cut + band, cut - band))
            codes |= (values[:, axis] < edge).astype(np.int64) << place
        return codes

    def membership(self, X: AnyFrame, std_error: ArrayLike) -> FloatArray:
        """Return the chance that each customer belongs to each quadrant, where the axes are estimates with errors.

        The errors of the axes are taken as normal and independent of each other.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        std_error : array of shape (d,) or (n, d)
            Standard error of each axis, of all customers alike or of each, >= 0 and in the unit of the axis; 0 where
            the axis is known.

        Returns
        -------
        ndarray of shape (n, Q)
            Chances that add up to one in each row; 0 and 1 where the errors are 0.

        Raises
        ------
        InputError
            If an error is negative or missing, or the shapes do not fit.

        Examples
        --------
        >>> from custval.segments import ValuePotential
        >>> model = ValuePotential(cuts="money", money=(20.0, 100.0)).fit([[30.0, 150.0]])
        >>> model.membership([[20.0, 150.0]], std_error=[5.0, 50.0]).round(2)
        array([[0.42, 0.08, 0.42, 0.08]])
        """
        from scipy.special import ndtr

        values = self._read(X)
        error = self._errors(std_error, values)
        sure = values >= self.cuts_
        with np.errstate(divide="ignore", invalid="ignore"):
            high = np.where(error > 0, ndtr((values - self.cuts_) / error), sure)
            low = np.where(error > 0, ndtr((self.cuts_ - values) / error), ~sure)
        chance = np.ones((len(values), 1))
        for axis in range(values.shape[1]):
            sides = np.column_stack([high[:, axis], low[:, axis]])
            chance = (chance[:, :, None] * sides[:, None, :]).reshape(len(values), -1)
        return chance

    def quadrant(self, X: AnyFrame) -> TextArray:
        """Return the name of each customer's quadrant.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``names_`` for each customer.
        """
        return np.array(self._fitted().names_, dtype=object)[self.predict(X)]

    def strategy(self, X: AnyFrame) -> TextArray:
        """Return what to do with each customer.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``strategies_`` for each customer.
        """
        return np.array(self._fitted().strategies_, dtype=object)[self.predict(X)]

    def table(
        self,
        X: AnyFrame,
        *,
        lifetime_value: Any = None,
        p_leave: ArrayLike | None = None,
        causes: Sequence[str] | None = None,
        sample_weight: ArrayLike | None = None,
        conf_level: float = 0.95,
    ) -> QuadrantTable:
        """Return heads, money, risk and strategy of each quadrant, with intervals.

        Parameters
        ----------
        X : frame or array of n rows
            Columns as in ``fit``.
        lifetime_value : array of shape (n,) or LifetimeValue, optional
            Value of each customer, in money.
        p_leave : array of shape (n,) or (n, K), optional
            Chance of leaving, within [0, 1]; with K columns, by each of K causes, adding up to at most 1 (0 and 1
            where the departures of the period are known).
        causes : sequence of K str, optional
            Names of the causes; None takes those of the columns of a frame, else ``cause 1`` and so on.
        sample_weight : array of shape (n,), optional
            Case weights >= 0; whole ones equal duplicated rows.
        conf_level : float
            Level of the intervals, within (0, 1).

        Returns
        -------
        QuadrantTable
            Frozen result with one entry for each quadrant.

        Raises
        ------
        InputError
            If a column is illegal as in ``predict``, or a length does not fit.

        Examples
        --------
        >>> import numpy as np
        >>> from custval.segments import ValuePotential
        >>> axes = np.array([[40.0, 300.0], [35.0, 50.0], [8.0, 280.0], [6.0, 20.0]])
        >>> table = ValuePotential().fit(axes).table(axes, lifetime_value=[900, 700, 300, 100], p_leave=[0.1] * 4)
        >>> table.share_of_value
        array([0.45, 0.35, 0.15, 0.05])
        >>> table.value_at_risk
        array([90., 70., 30., 10.])
        """
        values = self._read(X)
        return quadrant_table(
            self._codes(values),
            values,
            lifetime_value=lifetime_value,
            p_leave=p_leave,
            causes=causes,
            sample_weight=sample_weight,
            conf_level=conf_level,
            quadrant=self.names_,
            strategy=self.strategies_,
            cuts=self.cuts_,
        )

    def _fitted(self) -> Self:
        self._check_fitted()
        return self

    def _words(self, axes: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names = _texts(self.names, NAMES if axes == 2 else CUBE_NAMES, "names")
        strategies = _texts(self.strategies, STRATEGIES if axes == 2 else CUBE_STRATEGIES, "strategies")
        if len(set(names)) < len(names):
            raise InputError(f"names must be {_COUNTS[len(names)]} different names, not {names}")
        return names, strategies

    def _cuts(self, values: FloatArray, weight: FloatArray, profit: Any) -> tuple[FloatArray, float | None]:
        axes = range(values.shape[1])
        rules = [of_axis(self.cuts, axis, "cuts", len(axes)) for axis in axes]
        for rule in rules:
            check_choice(rule, "cuts", RULES)
        if "profit" not in rules:
            return np.array([self._cut(values[:, axis], weight, axis, rules[axis], len(axes)) for axis in axes]), None
        if set(rules) != {"profit"}:
            raise InputError("cuts='profit' chooses the cuts of all axes together; it cannot be mixed with other rules")
        if profit is None:
            raise InputError(
                "cuts='profit' needs fit(..., profit=): money of each customer under the strategy of each quadrant, "
                "as custval.segments.strategy_profit makes it"
            )
        money = float_array(profit, "profit", ndim=2)
        check_length(money, len(values), name="profit")
        if money.shape[1] != 2 ** len(axes):
            raise InputError(
                f"profit must have a column for each of the {2 ** len(axes)} quadrants, not {money.shape[1]}"
            )
        for axis in axes:
            if _is_constant(values[:, axis], weight) and len(values) > 1:
                warn(
                    f"the {AXES[axis]} axis is constant ({values[0, axis]:g}), so it cannot separate customers: all of "
                    "them are on the side that earns more"
                )
        return profit_cuts(values, money, weight)

    def _cut(self, values: FloatArray, weight: FloatArray, axis: int, rule: str, axes: int) -> float:
        label = f"{AXES[axis]} axis"

        def setting(name: str) -> Any:
            return of_axis(getattr(self, name), axis, name, axes)

        if rule == "money":
            if self.money is None:
                raise InputError("cuts='money' needs money=: the amount from which a customer counts as high")
            return check_scalar(setting("money"), "money")
        if rule == "break_even":
            if self.cost is None:
                raise InputError("cuts='break_even' needs cost=: what treating a customer as high costs")
            gain = check_scalar(setting("gain"), "gain", low=0.0, high=1.0, low_open=True)
            return check_scalar(setting("cost"), "cost", low=0.0, high=np.finfo(float).max) / gain
        if _is_constant(values, weight) and len(values) > 1:
            side = "high" if rule == "share" else "low"
            warn(f"the {label} is constant ({values[0]:g}), so it cannot separate customers: all of them are {side}")
        if rule == "share":
            share = check_scalar(setting("share"), "share", low=0.0, high=1.0, low_open=True)
            return share_cut(values, weight, share, label)
        if rule == "natural":
            if _is_constant(values, weight):  # nothing to break: a newcomer above is high
                return float(np.nextafter(values[weight > 0][0], np.inf))
            return float(natural_breaks(values, weight, 2, name=label)[0])
        level = check_scalar(setting("quantile"), "quantile", low=0.0, high=1.0, low_open=True, high_open=True)
        return quantile_cut(values, weight, level)

    def _band(self, cut: float, axis: int, axes: int) -> float:
        share = check_scalar(of_axis(self.hysteresis, axis, "hysteresis", axes), "hysteresis", low=0.0)
        return share * abs(cut) + check_scalar(of_axis(self.band, axis, "band", axes), "band", low=0.0)

    def _errors(self, std_error: ArrayLike, values: FloatArray) -> FloatArray:
        given = np.asarray(std_error)
        error = float_array(std_error, "std_error", low=0.0, ndim=2 if given.ndim > 1 else 1)
        if error.shape not in ((values.shape[1],), values.shape):
            raise InputError(
                f"std_error must have shape ({values.shape[1]},) or {values.shape}, "
                f"one for each axis, not {error.shape}"
            )
        return np.broadcast_to(error, values.shape)

    def _remember(self, columns: list[str] | None, width: int) -> None:
        self.n_features_in_ = width
        if columns is not None:
            self.feature_names_in_ = np.array(columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _read(self, X: AnyFrame) -> FloatArray:
        """Return the axes of `X`, (n, d), after checking that its columns are those of ``fit``."""
        self._check_fitted()
        X, columns = named_columns(X)
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        if columns is not None:
            if self.axes is None and names:
                check_same_names(columns, names)
            return axis_values(X, self.axes_, columns)[0]
        places = [names.index(axis) if isinstance(axis, str) else int(axis) for axis in self.axes_]
        matrix = plain_matrix(X)
        if matrix.shape[1] != self.n_features_in_:
            raise InputError(
                f"X has {matrix.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )
        return matrix if places == list(range(matrix.shape[1])) else np.ascontiguousarray(matrix[:, places])

    def _codes(self, values: FloatArray) -> IntArray:
        codes = np.zeros(len(values), dtype=np.int64)
        for axis, cut in enumerate(self.cuts_):
            codes <<= 1
            codes |= values[:, axis] < cut
        return codes


_COUNTS = {4: "four", 8: "eight"}


def _texts(given: Sequence[str] | None, default: tuple[str, ...], name: str) -> tuple[str, ...]:
    if given is None:
        return default
    if isinstance(given, str) or len(given) != len(default):
        raise InputError(f"{name} must be {_COUNTS[len(default)]} texts, for {', '.join(default)}, not {given!r}")
    return tuple(str(text) for text in given)


def _is_constant(values: FloatArray, weight: FloatArray) -> bool:
    counted = values if (weight > 0).all() else values[weight > 0]
    return bool(counted.min() == counted.max())
