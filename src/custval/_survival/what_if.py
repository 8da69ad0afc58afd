"""What if: change a column and see who leaves; what a column does to the risk; how churn answers to a price.

Everything is a difference of mean predictions for the same customers, so its standard error comes from the difference
of their gradients: what two predictions share cancels.

References
----------
Greene (2018), Econometric Analysis, 8th edition, section 17.3 (partial effects and the delta method).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import frame_length, is_frame, like, to_columns
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_scalar, check_whole, nearest
from custval._survival.gradients import covariance_of, given_array, mean_incidence, spread_of
from custval._survival.intervals import normal_quantile

__all__ = ("Elasticity", "MarginalEffects", "WhatIf", "marginal_effects", "price_elasticity", "what_if")

_STEP = 1e-4  # of a column's spread: small enough for a derivative, large enough to keep its digits


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class WhatIf(Result):
    """Who leaves before and after a change of columns; rows by cause, the last for all causes together.

    Attributes
    ----------
    months : ndarray of int, shape (H,)
        Months from now.
    causes : tuple of K + 1 str
        Causes, and ``all``.
    before, after : ndarray of shape (K + 1, H)
        Mean over customers of P(left within so many months).
    difference, std_error, lower, upper : ndarray of shape (K + 1, H)
        After less before, with its error and pointwise bounds.
    p_before, p_after : ndarray of shape (n,)
        Each customer's P(left within the last of the months).
    X : frame
        The customers with the change: give it to ``lifetime_value`` to see the value move.
    conf_level : float
        Coverage of the bounds.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target, what_if
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    >>> cheaper = what_if(model, X, {"fee": lambda fee: 0.9 * fee}, months=[3])
    >>> cheaper.before.round(2).tolist(), cheaper.after.round(2).tolist()
    ([[0.54], [0.54]], [[0.5], [0.5]])
    """

    months: IntArray
    causes: tuple[str, ...]
    before: FloatArray
    after: FloatArray
    difference: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_before: FloatArray
    p_after: FloatArray
    X: AnyFrame
    conf_level: float


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class Elasticity(Result):
    """By how many per cent the share that leaves moves when a price moves by one per cent.

    Attributes
    ----------
    column : str
        The price.
    horizon : int
        Months within which customers leave.
    causes : tuple of K + 1 str
        Causes, and ``all``.
    elasticity, std_error, lower, upper : ndarray of shape (K + 1,)
        Of the share that leaves, with its error and bounds.
    conf_level : float
        Coverage of the bounds.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, price_elasticity, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    >>> price_elasticity(model, X, "fee", horizon=1).elasticity.round(2).tolist()
    [1.07, 1.07]
    """

    column: str
    horizon: int
    causes: tuple[str, ...]
    elasticity: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    conf_level: float


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class MarginalEffects(Result):
    """What columns do to P(left within the horizon), averaged over customers.

    Attributes
    ----------
    feature : ndarray of str, shape (q,)
        A number (effect of one unit more), or ``column=level`` (that level for everybody against the first one).
    cause : ndarray of str, shape (q,)
        The cause, or ``all``.
    effect, std_error, lower, upper : ndarray of shape (q,)
        Change of the probability, with its error and bounds.
    horizon : int
        Months.
    conf_level : float
        Coverage of the bounds.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, marginal_effects, survival_target
    >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
    >>> model = DiscreteHazard(baseline="constant").fit(X, survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0]))
    >>> told = marginal_effects(model, X, horizon=1)
    >>> dict(zip(told.feature.tolist(), told.effect.round(3).tolist()))
    {'contract=yearly': 0.079, 'fee': 0.017}
    """

    feature: TextArray
    cause: TextArray
    effect: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    horizon: int
    conf_level: float


@public("survival")
def what_if(
    model: Any,
    X: AnyFrame,
    changes: Mapping[str, Any],
    *,
    months: Sequence[int] = (1, 3, 6, 12),
    given: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> WhatIf:
    """Return who leaves before and after columns are changed: a new price, another contract, a complaint less.

    This says what the model predicts for customers who look so. It is the effect of the change only where the column
    was not given to customers for reasons that the model does not see.

    Parameters
    ----------
    model : fitted hazard model
        With ``pullback`` and ``covariance_``, such as DiscreteHazard.
    X : frame of n rows
        Customers as they are.
    changes : mapping
        Column to new value, array of shape (n,), or function of the old values.
    months : sequence of int, default (1, 3, 6, 12)
        Months from now.
    given : float or array_like of shape (n,), optional
        Months already stayed; None: 0.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.

    Returns
    -------
    WhatIf
        Shares that leave before and after by cause, their difference with bounds, and each customer's probability.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target, what_if
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    >>> what_if(model, X, {"fee": 20.0}, months=[1]).difference.round(3).tolist()
    [[-0.075], [-0.075]]
    """
    covariance, level = covariance_of(model, "what_if"), _level(conf_level)
    when = np.array([check_whole(month, "months", low=1) for month in np.atleast_1d(np.asarray(months))])
    stayed, changed = given_array(given, frame_length(X)), altered(X, changes)
    pairs = [[mean_incidence(model, frame, stayed, month) for frame in (X, changed)] for month in when.tolist()]
    before, after = (np.stack([pair[side][0] for pair in pairs], axis=1) for side in range(2))
    slope = np.stack([new[1] - old[1] for old, new in pairs], axis=1)
    error = spread_of(slope, covariance)
    last = int(when.max())
    p_before, p_after = (
        1.0 - np.asarray(model.predict_survival(frame, [last], given=stayed))[:, 0] for frame in (X, changed)
    )
    return WhatIf(
        months=frozen(when),
        causes=(*model.causes_, "all"),
        before=before,
        after=after,
        difference=after - before,
        std_error=error,
        lower=after - before - normal_quantile(level) * error,
        upper=after - before + normal_quantile(level) * error,
        p_before=p_before,
        p_after=p_after,
        X=changed,
        conf_level=level,
    )


@public("survival")
def price_elasticity(
    model: Any,
    X: AnyFrame,
    column: str,
    *,
    horizon: int = 12,
    given: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Elasticity:
    """Return by how many per cent the share that leaves moves when `column` moves by one per cent for everybody.

    Parameters
    ----------
    model : fitted hazard model
        With ``pullback`` and ``covariance_``, such as DiscreteHazard.
    X : frame of n rows
        Customers.
    column : str
        A column of numbers, the price.
    horizon : int, default 12
        Months within which customers leave.
    given : float or array_like of shape (n,), optional
        Months already stayed; None: 0.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.

    Returns
    -------
    Elasticity
        By cause and in all, with errors and bounds.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, price_elasticity, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    >>> price_elasticity(model, X, "fee", horizon=1).std_error.round(2).tolist()
    [1.95, 1.95]
    """
    covariance, level = covariance_of(model, "price_elasticity"), _level(conf_level)
    ahead, stayed = check_whole(horizon, "horizon", low=1), given_array(given, frame_length(X))
    up, down = (_scaled(X, column, factor) for factor in (1 + _STEP, 1 - _STEP))
    (high, rise), (low, fall), (now, slope) = (mean_incidence(model, frame, stayed, ahead) for frame in (up, down, X))
    if (now <= 0).any():
        raise InputError("nobody is expected to leave for some cause, so its elasticity has no meaning")
    change, moved = (high - low) / (2 * _STEP), (rise - fall) / (2 * _STEP)
    value = change / now
    error = spread_of(moved / now[:, None] - (value / now)[:, None] * slope, covariance)
    bounds = value - normal_quantile(level) * error, value + normal_quantile(level) * error
    return Elasticity(column, ahead, (*model.causes_, "all"), value, error, *bounds, level)


@public("survival")
def marginal_effects(
    model: Any,
    X: AnyFrame,
    columns: Sequence[str] | None = None,
    *,
    horizon: int = 1,
    given: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> MarginalEffects:
    """Return what each column does to the probability of leaving, averaged over these customers.

    Parameters
    ----------
    model : fitted hazard model
        With ``pullback`` and ``covariance_``, such as DiscreteHazard.
    X : frame of n rows
        Customers over whom to average.
    columns : sequence of str, optional
        Columns to ask about; None: all of the model.
    horizon : int, default 1
        Months within which customers leave.
    given : float or array_like of shape (n,), optional
        Months already stayed; None: 0.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.

    Returns
    -------
    MarginalEffects
        One row for each feature, and with several causes for each cause and all of them.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, marginal_effects, survival_target
    >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
    >>> model = DiscreteHazard(baseline="constant").fit(X, survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0]))
    >>> marginal_effects(model, X, ["fee"]).std_error.round(3).tolist()
    [0.015]
    """
    covariance, level = covariance_of(model, "marginal_effects"), _level(conf_level)
    ahead, stayed = check_whole(horizon, "horizon", low=1), given_array(given, frame_length(X))
    kinds = {spec["name"]: spec for spec in model.encoder_.columns}
    wanted = list(kinds) if columns is None else list(columns)
    found: list[tuple[str, FloatArray, FloatArray]] = []
    for name in wanted:
        if name not in kinds:
            raise InputError(f"the model has no column {name!r}{nearest(name, kinds)}")
        for feature, first, second, unit in _pairs(X, name, kinds[name]):
            (old, fall), (new, rise) = (mean_incidence(model, frame, stayed, ahead) for frame in (first, second))
            found.append((feature, (new - old) / unit, spread_of((rise - fall) / unit, covariance)))
    causes = (*model.causes_, "all") if len(model.causes_) > 1 else ("all",)
    keep = slice(-len(causes), None)
    effect, error = (np.concatenate([row[place][keep] for row in found]) for place in (1, 2))
    return MarginalEffects(
        feature=np.repeat(np.array([row[0] for row in found], dtype=object), len(causes)),
        cause=np.tile(np.array(causes, dtype=object), len(found)),
        effect=effect,
        std_error=error,
        lower=effect - normal_quantile(level) * error,
        upper=effect + normal_quantile(level) * error,
        horizon=ahead,
        conf_level=level,
    )


def altered(X: AnyFrame, changes: Mapping[str, Any]) -> AnyFrame:
    """Return X with changed columns, in its own kind."""
    if not is_frame(X):
        raise InputError("changes name columns, so X must be a frame, not an array")
    table, n = to_columns(X), frame_length(X)
    for name, change in changes.items():
        if name not in table:
            raise InputError(f"there is no column {name!r} to change{nearest(name, table)}")
        new = np.asarray(_applied(change, table[name]))
        if new.ndim and len(new) != n:
            raise InputError(f"the change of {name!r} gives {len(new)} values for {n} customers")
        table[name] = np.full(n, new[()] if new.dtype.kind != "U" else str(new)) if new.ndim == 0 else new
    return like(X, table)


def _applied(change: Any, old: TextArray) -> Any:
    made: Callable[[TextArray], Any] | None = change if callable(change) else None
    return change if made is None else made(old)


def _scaled(X: AnyFrame, column: str, factor: float) -> AnyFrame:
    def moved(old: TextArray) -> FloatArray:
        try:
            return np.asarray(old.astype(np.float64) * factor)
        except (TypeError, ValueError):
            raise InputError(f"column {column!r} holds text; a price is a number") from None

    return altered(X, {column: moved})


def _pairs(X: AnyFrame, name: str, spec: Mapping[str, Any]) -> list[tuple[str, AnyFrame, AnyFrame, float]]:
    """Return the two frames whose difference is the effect of a feature, and the units between them."""
    if spec["kind"] == "text":
        first = altered(X, {name: spec["levels"][0]})
        return [(f"{name}={level}", first, altered(X, {name: level}), 1.0) for level in spec["levels"][1:]]
    if spec["kind"] == "bool":
        return [(name, altered(X, {name: False}), altered(X, {name: True}), 1.0)]
    spread = float(np.nanstd(to_columns(X)[name].astype(np.float64)))
    step = _STEP * (spread if spread > 0 else 1.0)
    down, up = (altered(X, {name: lambda old, s=s: old.astype(np.float64) + s}) for s in (-step, step))
    return [(name, down, up, 2 * step)]


def _level(conf_level: float) -> float:
    return check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
