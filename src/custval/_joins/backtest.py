"""Would the forecast have worked? Fit at past origins on what was known there, and judge on what came after.

At an origin o a departure at e is known only if ``e + label_delay <= o``: customers are seen as they were known at
``o - label_delay``, and those who had left since then unnoticed are counted. The customers there at o are scored for
the next `horizon` months, and a model fitted at one origin is asked again at all later ones, which shows how it ages.

References
----------
Tashman (2000), Out-of-sample tests of forecasting accuracy: an analysis and review, International Journal of
Forecasting 16, 437-450 (rolling origins).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import frame_length, rows
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_length, check_rows, check_scalar, float_array
from custval._metrics.lift import auc, lift_curve
from custval._survival.target import structured

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Backtest", "backtest")

_Z = 1.959963984540054
_NONE_SEEN = 3.6888794541139363  # -log(.025): as many may be expected where none is seen
_AGED = 0.02  # of the AUC: less is chance
_LEAST = 10  # leavers and stayers that a figure needs


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class Backtest(Result):
    """What a forecast would have been worth at past origins.

    Attributes
    ----------
    origin : ndarray of shape (r,)
        Calendar times at which the model was fitted and asked.
    customers, leavers, already_gone : ndarray of int, shape (r,)
        Customers scored; how many of them left within the horizon; how many more had left unnoticed before the origin.
    auc, auc_lower, auc_upper : ndarray of shape (r,)
        Discrimination, with 95 % bounds; None where there were too few leavers.
    calibration, calibration_lower, calibration_upper : ndarray of shape (r,)
        Leavers over those foretold, with 95 % bounds: 1 is right, above 1 too few were foretold.
    brier : ndarray of shape (r,)
        Mean squared error of the probabilities.
    lift, lift_lower, lift_upper : ndarray of shape (r,)
        Share of leavers in the riskiest part over that of all, with 95 % bounds.
    profit, profit_lower, profit_upper : ndarray of shape (r,)
        Profit of contacting that part, with 95 % bounds.
    age : ndarray of shape (a,)
        Months since the fit.
    auc_by_age, calibration_by_age : ndarray of shape (a,)
        Means over the origins asked at each age.
    share : float
        Part of the customers that is contacted.
    horizon, label_delay : float
        As asked.
    verdict : str
        The outcome in plain words.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.metrics import backtest
    >>> from custval.survival import DiscreteHazard
    >>> rng = np.random.default_rng(0)
    >>> start, risky = rng.integers(0, 24, 2000), rng.integers(0, 2, 2000)
    >>> end = start + rng.geometric(np.where(risky, 0.10, 0.02)).astype(float)
    >>> end[end > 36] = np.inf
    >>> found = backtest(DiscreteHazard(baseline="constant", tail="hold"), {"risky": risky}, start=start, end=end,
    ...                  origins=[18, 24, 30], horizon=3, observed_until=36)
    >>> found.origin.tolist(), bool(found.auc.min() > 0.6)
    ([18.0, 24.0, 30.0], True)
    """

    origin: FloatArray
    customers: IntArray
    leavers: IntArray
    already_gone: IntArray
    auc: FloatArray
    auc_lower: FloatArray
    auc_upper: FloatArray
    calibration: FloatArray
    calibration_lower: FloatArray
    calibration_upper: FloatArray
    brier: FloatArray
    lift: FloatArray
    lift_lower: FloatArray
    lift_upper: FloatArray
    profit: FloatArray
    profit_lower: FloatArray
    profit_upper: FloatArray
    age: FloatArray
    auc_by_age: FloatArray
    calibration_by_age: FloatArray
    share: float
    horizon: float
    label_delay: float
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each origin as a pandas frame."""
        import pandas as pd

        names = [name for name in self.__slots__ if name not in _NOT_BY_ORIGIN]
        table: pd.DataFrame = pd.DataFrame({name: getattr(self, name) for name in names})
        return table


_NOT_BY_ORIGIN = {"age", "auc_by_age", "calibration_by_age", "share", "horizon", "label_delay", "verdict"}


@dataclass(frozen=True, slots=True, eq=False)
class _Offer:
    """What a contact costs and brings."""

    value: float
    incentive_cost: float
    contact_cost: float
    accept_rate: float


@public("metrics")
def backtest(
    model: Any,
    X: AnyFrame,
    *,
    start: ArrayLike,
    end: ArrayLike,
    origins: ArrayLike,
    horizon: float,
    observed_until: float,
    label_delay: float = 0.0,
    features: Callable[[float, IntArray], AnyFrame] | None = None,
    share: float = 0.1,
    value: float = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    accept_rate: float = 0.3,
) -> Backtest:
    """Return what a hazard model would have been worth at past origins, fitted on what was known at each of them.

    Parameters
    ----------
    model : hazard model
        Unfitted; a fresh copy is fitted at each origin.
    X : frame or array of shape (n, columns)
        Columns of the customers that do not change, such as region or first contract.
    start : array_like of shape (n,)
        Calendar time, in months, at which each customer joined.
    end : array_like of shape (n,)
        Calendar time at which they left; nan or infinity: not by `observed_until`.
    origins : array_like of shape (r,)
        Calendar times at which to fit and to ask, each at most ``observed_until - horizon``.
    horizon : float
        Months ahead, > 0.
    observed_until : float
        Calendar time up to which departures are known today.
    label_delay : float, default 0
        Months until a departure becomes known, >= 0.
    features : callable, optional
        ``features(time, rows)`` returns the columns of these rows of X as they were known at that time, for columns
        that change; it replaces X.
    share : float, default 0.1
        Part of the customers that is contacted, in (0, 1].
    value, incentive_cost, contact_cost : float
        What a customer kept is worth, what the offer costs (also for those who would have stayed), and what a contact
        costs; >= 0.
    accept_rate : float, default 0.3
        Share of the leavers whom the offer keeps, in [0, 1].

    Returns
    -------
    Backtest
        Figures by origin with intervals, by age of the model, and a verdict in words.

    Raises
    ------
    InputError
        For origins that are too early to fit or too late to judge, ends before starts, or an unfit model.

    References
    ----------
    Tashman (2000), International Journal of Forecasting 16, 437-450.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.metrics import backtest
    >>> from custval.survival import DiscreteHazard
    >>> rng = np.random.default_rng(1)
    >>> start, risky = rng.integers(0, 24, 3000), rng.integers(0, 2, 3000)
    >>> end = start + rng.geometric(np.where(risky, 0.10, 0.02)).astype(float)
    >>> found = backtest(DiscreteHazard(baseline="constant", tail="hold"), {"risky": risky}, start=start, end=end,
    ...                  origins=[20, 26], horizon=3, observed_until=30, label_delay=1)
    >>> bool(abs(found.calibration - 1).max() < 0.3)
    True
    """
    n = frame_length(X)
    began, left = _lives(start, end, n, observed_until)
    ahead = check_scalar(horizon, "horizon", low=0, low_open=True, high_open=True, high=np.inf)
    delay = check_scalar(label_delay, "label_delay", low=0)
    part = check_scalar(share, "share", low=0, high=1, low_open=True)
    offer = _offer(value, incentive_cost, contact_cost, accept_rate)
    when = _origins(origins, ahead, observed_until)
    columns = features if features is not None else (lambda _, who: rows(X, who))
    figures, ages = [], []
    fitted = []
    for origin in when.tolist():
        fitted.append((origin, _fit(model, columns, began, left, origin - delay)))
        there = np.flatnonzero((began <= origin) & (left > origin))
        if not len(there):
            raise InputError(
                f"nobody was a customer at origin {origin:g}; choose origins between the first start and end"
            )
        gone = left[there] <= origin + ahead
        asked = columns(origin, there)
        given = origin - began[there]
        for since, one in fitted:
            p = 1.0 - np.asarray(one.predict_survival(asked, [ahead], given=given))[:, 0]
            if since == origin:
                unnoticed = int(np.count_nonzero((began <= origin) & (left <= origin) & (left > origin - delay)))
                figures.append([len(there), int(gone.sum()), unnoticed, *_judged(gone, p, part, offer)])
            ages.append((origin - since, _auc(gone, p)[0], gone.sum() / max(float(p.sum()), 1e-12)))
    return _result(when, figures, ages, share=part, horizon=ahead, label_delay=delay)


def _lives(start: Any, end: Any, n: int, until: float) -> tuple[FloatArray, FloatArray]:
    """Return when customers joined and left (infinity: not by today)."""
    began = float_array(start, "start")
    check_length(began, n, name="start")
    told = np.asarray(end, dtype=np.float64)
    left = float_array(np.where(np.isnan(told), np.inf, told), "end", finite=False)
    check_length(left, n, name="end")
    check_rows(left > began, left, name="end", rule="come after start", fix="check that the dates are in order")
    last = check_scalar(until, "observed_until")
    return began, np.where(left > last, np.inf, left)


def _origins(origins: Any, horizon: float, until: float) -> FloatArray:
    when = float_array(np.atleast_1d(np.asarray(origins)), "origins")
    if not len(when):
        raise InputError("origins is empty; give at least one time to look back from")
    check_rows(np.diff(when, prepend=-np.inf) > 0, when, name="origins", rule="rise")
    fix = f"what happens within {horizon:g} months of it is not known yet"
    check_rows(when + horizon <= until, when, name="origins", rule=f"be at most {until - horizon:g}", fix=fix)
    return when


def _offer(value: Any, incentive_cost: Any, contact_cost: Any, accept_rate: Any) -> _Offer:
    return _Offer(
        check_scalar(value, "value", low=0),
        check_scalar(incentive_cost, "incentive_cost", low=0),
        check_scalar(contact_cost, "contact_cost", low=0),
        check_scalar(accept_rate, "accept_rate", low=0, high=1),
    )


def _fit(
    model: Any, columns: Callable[[float, IntArray], AnyFrame], began: FloatArray, left: FloatArray, known: float
) -> Any:
    """Return a fresh model fitted to what was known at the time `known`."""
    if not hasattr(model, "get_params") or not hasattr(model, "fit"):
        raise InputError(f"model must be an unfitted hazard model such as CoxPH(), not a {type(model).__name__}")
    who = np.flatnonzero(began < known)
    gone = left[who] <= known
    if gone.sum() < _LEAST:
        raise InputError(
            f"only {int(gone.sum())} departures were known at time {known:g}, too few to fit a model; "
            "begin with a later origin"
        )
    duration = np.minimum(left[who], known) - began[who]
    y = structured(np.zeros(len(who)), duration, gone.astype(np.int64), causes=("left",), time_unit="month")
    fresh = type(model)(**model.get_params(deep=False))
    return fresh.fit(columns(known, who), y)


def _judged(gone: BoolArray, p: FloatArray, share: float, offer: _Offer) -> list[float]:
    """Return AUC, calibration, Brier, lift and profit with bounds."""
    many, foretold = int(gone.sum()), max(float(p.sum()), 1e-12)
    log_error = 1 / np.sqrt(max(many, 1))
    # of none seen the exact Poisson bound remains
    most = many * np.exp(_Z * log_error) if many else _NONE_SEEN
    calibration = [many / foretold, many * np.exp(-_Z * log_error) / foretold, most / foretold]
    listed = np.argsort(-p, kind="stable")[: max(int(np.ceil(share * len(p))), 1)]
    each = np.where(
        gone[listed],
        offer.accept_rate * (offer.value - offer.incentive_cost) - offer.contact_cost,
        -offer.incentive_cost - offer.contact_cost,
    )
    reach = _Z * float(each.std()) * np.sqrt(len(each))
    profit = [float(each.sum()), float(each.sum()) - reach, float(each.sum()) + reach]
    return [foretold, *_auc(gone, p), *calibration, float(((gone - p) ** 2).mean()), *_lift(gone, p, share), *profit]


def _auc(gone: BoolArray, p: FloatArray) -> list[float]:
    if min(int(gone.sum()), int((~gone).sum())) < _LEAST:
        return [np.nan] * 3
    found = auc(gone.astype(np.int64), p)
    return [found.value, *_bounds(found.value, found.std_error, 1.0)]


def _lift(gone: BoolArray, p: FloatArray, share: float) -> list[float]:
    if int(gone.sum()) < _LEAST:
        return [np.nan] * 3
    found = lift_curve(gone.astype(np.int64), p).top(share)
    return [found.value, *_bounds(found.value, found.std_error, np.inf)]


def _bounds(value: float, error: float | None, most: float) -> list[float]:
    reach = _Z * (error or 0.0)
    return [max(value - reach, 0.0), min(value + reach, most)]


def _result(
    when: FloatArray, figures: list[Any], ages: list[Any], *, share: float, horizon: float, label_delay: float
) -> Backtest:
    table = np.array(figures, dtype=np.float64).T
    names = [
        *("customers", "leavers", "already_gone", "foretold", "auc", "auc_lower", "auc_upper"),
        *("calibration", "calibration_lower", "calibration_upper", "brier"),
        *("lift", "lift_lower", "lift_upper", "profit", "profit_lower", "profit_upper"),
    ]
    columns = dict(zip(names, table, strict=True))
    foretold = columns.pop("foretold")
    for name in names[:3]:
        columns[name] = columns[name].astype(np.int64)
    told = np.array(ages, dtype=np.float64).reshape(-1, 3)
    age = np.unique(told[:, 0])
    by_age = np.array([[_mean(told[told[:, 0] == a, j]) for a in age] for j in (1, 2)])
    by_origin = {name: frozen(_masked(values)) for name, values in columns.items()}
    return Backtest(
        origin=frozen(when),
        **by_origin,
        age=frozen(age),
        auc_by_age=frozen(_masked(by_age[0])),
        calibration_by_age=frozen(by_age[1]),
        share=share,
        horizon=horizon,
        label_delay=label_delay,
        verdict=_verdict({**columns, "foretold": foretold}, age, by_age, share),
    )


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _masked(values: Any) -> Any:
    """Return values with those that do not exist masked."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values
    return np.ma.MaskedArray(values, mask=~np.isfinite(values))


def _verdict(columns: dict[str, Any], age: FloatArray, by_age: FloatArray, share: float) -> str:
    """Say in words whether the model ranks, is calibrated, earns, and how it ages."""
    known = np.isfinite(columns["auc"])
    if not known.any():
        return "Too few customers left within the horizon at every origin to say whether the forecast is any good."
    low = columns["auc_lower"][known]
    mean = _mean(columns["auc"])
    ranks = "ranks at every origin" if (low > 0.5).all() else f"ranks at {int((low > 0.5).sum())} of {len(low)} origins"
    ratio = float(columns["leavers"].sum() / columns["foretold"].sum())
    fair = "is calibrated" if 0.9 <= ratio <= 1.1 else "foretells too few" if ratio > 1.1 else "foretells too many"
    earned = columns["profit"]
    sure = int((columns["profit_lower"] > 0).sum())
    said = (
        f"It {ranks} (AUC {mean:.2f} on average), {fair} ({ratio:.2f} leavers for each foretold), and contacting the "
        f"riskiest {share:.0%} earns {earned.mean():,.0f} an origin, for certain more than nothing at {sure} of "
        f"{len(earned)}."
    )
    return said + _aging(age, by_age)


def _aging(age: FloatArray, by_age: FloatArray) -> str:
    if len(age) < 2 or not np.isfinite(by_age[0][[0, -1]]).all():
        return ""
    lost = float(by_age[0][0] - by_age[0][-1])
    if lost < _AGED:
        return f" It keeps its rank for {age[-1]:g} months."
    soon = age[np.flatnonzero(by_age[0] < by_age[0][0] - _AGED)]
    when = float(soon[0]) if len(soon) else float(age[-1])
    return f" It ages: the AUC is down by {lost:.2f} after {age[-1]:g} months; fit again before {when:g}."
