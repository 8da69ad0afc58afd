"""Who should be protected, kept cheaply, developed or left to self-care? Quadrants of current and potential value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from custval._core.encoding import plain_matrix
from custval._core.errors import InputError, warn
from custval._core.estimator import Estimator
from custval._core.frames import column, column_names, frame_length, is_frame
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_choice, check_length, check_scalar, float_array, sample_weight_array
from custval._segments.cuts import RULES, quantile_cut, share_cut
from custval._segments.table import QuadrantTable, quadrant_table

__all__ = ("NAMES", "STRATEGIES", "ValuePotential")

NAMES = ("high/high", "high/low", "low/high", "low/low")
STRATEGIES = (
    "protect and renew early",
    "keep at low cost, no deep discount",
    "develop: cross-sell, data up-sell",
    "self-care, no outbound call",
)
Axes: TypeAlias = tuple[str, str] | tuple[int, int]
AXES = ("current value", "potential value")


class ValuePotential(Estimator):
    """Sort customers into four quadrants by current value and potential value, each with its strategy.

    ``fit`` learns where high begins on each axis; the cuts are then frozen, so that next month's customers are judged
    by the same ones. At or above the cut is high; equal values are always on one side of it (those that tie at a
    quantile are low, those that tie with the last of the richest are high).

    Parameters
    ----------
    cuts : {"quantile", "share", "money"} or pair of these
        Rule by which high begins, for both axes or for (current, potential).
    quantile : float or pair of float
        With ``cuts="quantile"``: customers above this quantile are high, within (0, 1).
    share : float or pair of float
        With ``cuts="share"``: the richest customers who together bring this share of the total are high, within (0, 1].
    money : float or pair of float, optional
        With ``cuts="money"``: the cut itself.
    axes : pair of str or of int, optional
        Columns that hold current and potential value. None takes the first two and warns if there are more.
    names, strategies : sequence of 4 str, optional
        In the order high/high, high/low, low/high, low/low (current value first); None takes the defaults: protect and
        renew early; keep at low cost, no deep discount; develop: cross-sell, data up-sell; self-care, no outbound call.

    Attributes
    ----------
    cuts_ : ndarray of shape (2,)
        Where high begins on the axes of current and potential value.
    names_, strategies_ : tuple of 4 str
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
    study on the wireless telecommunication industry, Expert Systems with Applications 26(2).

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
        axes: Sequence[str] | Sequence[int] | None = None,
        names: Sequence[str] | None = None,
        strategies: Sequence[str] | None = None,
    ) -> None:
        self.cuts = cuts
        self.quantile = quantile
        self.share = share
        self.money = money
        self.axes = axes
        self.names = names
        self.strategies = strategies

    def fit(self, X: AnyFrame, y: object = None, *, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the cuts.

        Parameters
        ----------
        X : frame or array of shape (n, 2)
            Current value and potential value of each customer: finite numbers.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            Case weights >= 0; whole ones equal duplicated rows.

        Returns
        -------
        ValuePotential
            Self.

        Raises
        ------
        InputError
            If a parameter is illegal, a column is missing, or a value is missing, infinite or text.
        """
        names = _four(self.names, NAMES, "names")
        strategies = _four(self.strategies, STRATEGIES, "strategies")
        if len(set(names)) < 4:
            raise InputError(f"names must be four different names, not {names}")
        del y  # scikit-learn's place for a target: quadrants have none
        X, columns = _columns(X)
        axes = _chosen(self.axes, columns)
        values, width = _axis_values(X, axes, columns)
        if self.axes is None and width > 2:
            used = " and ".join(repr(axis) for axis in axes)
            warn(f"X has {width} columns; {used} were taken as current and potential value; name them with axes=")
        weight = sample_weight_array(sample_weight, len(values))
        self.cuts_ = np.array([self._cut(values[:, axis], weight, axis) for axis in (0, 1)])
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
            0 high/high, 1 high/low, 2 low/high, 3 low/low (current value first).

        Raises
        ------
        InputError
            If the columns are not those of ``fit``, or a value is missing, infinite or text.
        """
        return self._codes(self._read(X))

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
        p_leave : array of shape (n,), optional
            Chance of leaving, within [0, 1].
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
            sample_weight=sample_weight,
            conf_level=conf_level,
            quadrant=self.names_,
            strategy=self.strategies_,
            cuts=self.cuts_,
        )

    def _fitted(self) -> Self:
        self._check_fitted()
        return self

    def _cut(self, values: FloatArray, weight: FloatArray, axis: int) -> float:
        rule = _of_axis(self.cuts, axis, "cuts")
        check_choice(rule, "cuts", RULES)
        label = f"{AXES[axis]} axis"
        if rule == "money":
            if self.money is None:
                raise InputError("cuts='money' needs money=: the amount from which a customer counts as high")
            return check_scalar(_of_axis(self.money, axis, "money"), "money")
        if values[weight > 0].min() == values[weight > 0].max() and len(values) > 1:
            side = "low" if rule == "quantile" else "high"
            warn(f"the {label} is constant ({values[0]:g}), so it cannot separate customers: all of them are {side}")
        if rule == "share":
            share = check_scalar(_of_axis(self.share, axis, "share"), "share", low=0.0, high=1.0, low_open=True)
            return share_cut(values, weight, share, label)
        level = _of_axis(self.quantile, axis, "quantile")
        level = check_scalar(level, "quantile", low=0.0, high=1.0, low_open=True, high_open=True)
        return quantile_cut(values, weight, level)

    def _remember(self, columns: list[str] | None, width: int) -> None:
        self.n_features_in_ = width
        if columns is not None:
            self.feature_names_in_ = np.array(columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _read(self, X: AnyFrame) -> FloatArray:
        """Return the two axes of `X`, (n, 2), after checking that its columns are those of ``fit``."""
        self._check_fitted()
        X, columns = _columns(X)
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        if columns is not None:
            if self.axes is None and names:
                _check_same_names(columns, names)
            return _axis_values(X, self.axes_, columns)[0]
        places = [names.index(axis) if isinstance(axis, str) else int(axis) for axis in self.axes_]
        matrix = plain_matrix(X)
        if matrix.shape[1] != self.n_features_in_:
            raise InputError(
                f"X has {matrix.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )
        return np.ascontiguousarray(matrix[:, places])

    def _codes(self, values: FloatArray) -> IntArray:
        low = values < self.cuts_
        return np.asarray(2 * low[:, 0] + low[:, 1], dtype=np.int64)


def _of_axis(setting: Any, axis: int, name: str) -> Any:
    """Return the setting of one axis from one for both or a pair."""
    if isinstance(setting, str) or not isinstance(setting, (Sequence, np.ndarray)):
        return setting
    if len(setting) != 2:
        raise InputError(f"{name} must be one setting or a pair (current value, potential value), not {setting!r}")
    return setting[axis]


def _four(given: Sequence[str] | None, default: tuple[str, ...], name: str) -> tuple[str, ...]:
    if given is None:
        return default
    if isinstance(given, str) or len(given) != 4:
        raise InputError(f"{name} must be four texts, for {', '.join(NAMES)}, not {given!r}")
    return tuple(str(text) for text in given)


def _chosen(axes: Sequence[str] | Sequence[int] | None, columns: list[str] | None) -> Axes:
    """Return the two columns that hold current and potential value."""
    if axes is not None:
        if isinstance(axes, str) or len(axes) != 2:
            raise InputError(f"axes must be a pair (current value, potential value), not {axes!r}")
        if isinstance(axes[0], str) and isinstance(axes[1], str):
            if columns is None:
                raise InputError(f"axes={tuple(axes)!r} are names, but X is an array without names; give positions")
            return axes[0], axes[1]
        return int(axes[0]), int(axes[1])
    if columns is not None and len(columns) >= 2:
        return columns[0], columns[1]
    return 0, 1


def _columns(X: AnyFrame) -> tuple[AnyFrame, list[str] | None]:
    """Return X with the names of its columns; a frame whose columns are only numbered is taken as an array."""
    if hasattr(X, "toarray") or not is_frame(X):
        return X, None
    raw = getattr(X, "columns", None)
    if raw is not None and all(isinstance(name, (int, np.integer)) for name in raw):
        return np.asarray(X), None
    return X, column_names(X)


def _axis_values(X: AnyFrame, axes: Axes, columns: list[str] | None) -> tuple[FloatArray, int]:
    """Return the two axes as a matrix (n, 2), and how many columns X has."""
    if columns is None:
        matrix = plain_matrix(X)
        _check_width(matrix.shape[1], len(matrix), axes)
        return np.ascontiguousarray(matrix[:, [int(axis) for axis in axes]]), matrix.shape[1]
    _check_width(len(columns), frame_length(X), [axis for axis in axes if isinstance(axis, int)] or [0, 1])
    chosen = [axis if isinstance(axis, str) else columns[axis] for axis in axes]
    values = [float_array(column(X, name), f"column {name!r}", fix="fill or drop such rows") for name in chosen]
    check_length(values[1], len(values[0]), name=repr(chosen[1]), other=repr(chosen[0]))
    if len(values[0]) == 0:
        raise InputError("Found array with 0 sample(s) while a minimum of 1 is required")
    return np.column_stack(values), len(columns)


def _check_width(width: int, n: int, axes: Sequence[Any]) -> None:
    least = 1 + max(int(axis) if axis >= 0 else -int(axis) - 1 for axis in axes)
    if width < least:
        raise InputError(
            f"Found array with {width} feature(s) (shape=({n}, {width})) while a minimum of {least} is required: "
            "current value and potential value"
        )


def _check_same_names(given: list[str], fitted: list[str]) -> None:
    """Refuse other columns than in ``fit``, in scikit-learn's words; with axes= by name other columns are free."""
    if given == fitted:
        return
    text = "The feature names should match those that were passed during fit.\n"
    unseen = sorted(set(given) - set(fitted))
    gone = sorted(set(fitted) - set(given))
    if unseen:
        text += "Feature names unseen at fit time:\n" + "".join(f"- {name}\n" for name in unseen)
    if gone:
        text += "Feature names seen at fit time, yet now missing:\n" + "".join(f"- {name}\n" for name in gone)
    if not unseen and not gone:
        text += "Feature names must be in the same order as they were in fit.\n"
    raise InputError(text)
