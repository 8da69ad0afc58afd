"""Curves from customers: Kaplan-Meier, Nelson-Aalen and Aalen-Johansen.

All three are sums and products over the distinct times of d / r, those who leave among those at risk, and are exact
under ties: any number of customers may leave at one time for any causes. At risk at t means entry < t <= duration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.kernels import RiskTable, risk_table, whole_risk_table
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import nearest, sample_weight_array
from custval._survival.curve_counts import (
    CONF_TYPES,
    HAZARD_RULES,
    INCIDENCE_RULES,
    SURVIVAL_RULES,
    Options,
    Style,
    chosen_style,
    hazard_curve,
    incidence_curve,
    survival_curve,
)
from custval._survival.curve_groups import Curves
from custval._survival.curves import HazardCurve, IncidenceCurve, SurvivalCurve
from custval._survival.groups import group_codes
from custval._survival.target import Target, read_target, unchecked_fields
from custval._survival.variance import Exits

__all__ = ("aalen_johansen", "kaplan_meier", "nelson_aalen")

CurveT = TypeVar("CurveT", SurvivalCurve, HazardCurve, IncidenceCurve)


@overload
def kaplan_meier(
    y: Any,
    *,
    groups: None = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
) -> SurvivalCurve: ...
@overload
def kaplan_meier(
    y: Any,
    *,
    groups: Any,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
) -> Curves[SurvivalCurve]: ...
@public("survival")
def kaplan_meier(
    y: Any,
    *,
    groups: Any = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
) -> SurvivalCurve | Curves[SurvivalCurve]:
    """Return the share of customers who stay beyond each time, whatever the cause of leaving.

    S(t) is the product over times u <= t of 1 - d(u) / r(u).

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`survival_target`, or a pair ``(duration, event)``; plain durations count as departures.
    groups : array_like of shape (n,), or frame of n rows, optional
        Labels; one curve for each label, or for each combination of the columns of a frame.
    sample_weight : array_like of shape (n,), optional
        Case weights >= 0. Whole weights equal duplicated rows; other weights need the robust variance.
    conf_level : float, default 0.95
        Level of the pointwise intervals, in (0, 1).
    conf_type : {"log", "plain", "log-log"}
        Scale on which the interval is symmetric.
    variance : {None, "greenwood", "aalen", "robust"}
        S^2 sum d / (r (r - d)) (Greenwood), S^2 sum d / r^2 (Aalen), or the infinitesimal jackknife. None: Greenwood,
        or robust where weights are not whole.

    Returns
    -------
    SurvivalCurve, or Curves of them where `groups` is given
        Times, survival, std_error, lower, upper, at_risk and events.

    Raises
    ------
    InputError
        For an impossible target, weights or options.

    References
    ----------
    Kaplan and Meier (1958). Nonparametric estimation from incomplete observations.

    Examples
    --------
    >>> from custval.survival import kaplan_meier, survival_target
    >>> y = survival_target([3, 5, 5, 8, 12], [1, 1, 0, 1, 0])
    >>> curve = kaplan_meier(y)
    >>> curve.survival.round(3).tolist()
    [0.8, 0.6, 0.3, 0.3]
    >>> round(curve.at(6), 3), curve.median
    (0.6, 8.0)
    >>> kaplan_meier(y, groups=["fibre", "fibre", "dsl", "dsl", "dsl"])["dsl"].at(8)
    0.5
    """
    options = Options(conf_level, conf_type, variance, SURVIVAL_RULES, CONF_TYPES)
    return _by_group(y, groups, sample_weight, options, build=_survival_of, build_table=survival_curve)


@overload
def nelson_aalen(
    y: Any,
    *,
    groups: None = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    cause: str | None = None,
) -> HazardCurve: ...
@overload
def nelson_aalen(
    y: Any,
    *,
    groups: Any,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    cause: str | None = None,
) -> Curves[HazardCurve]: ...
@public("survival")
def nelson_aalen(
    y: Any,
    *,
    groups: Any = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    cause: str | None = None,
) -> HazardCurve | Curves[HazardCurve]:
    """Return the cumulative hazard of leaving, for one cause or for all.

    H(t) is the sum over times u <= t of d(u) / r(u).

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`survival_target`, or durations that all ended.
    groups : array-like of shape (n,), optional
        One curve for each group.
    sample_weight : array-like of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows.
    conf_level : float, default 0.95
        Level of the pointwise intervals, within (0, 1).
    conf_type : {"log", "plain"}
        Scale on which the interval of the hazard is symmetric.
    variance : {None, "aalen", "greenwood", "robust"}
        Sum of d / r^2 (Aalen), of d (r - d) / r^3 (Greenwood, binomial), or the infinitesimal jackknife. None: Aalen,
        or robust where weights are not whole.
    cause : str, optional
        Name of one cause: its cause-specific hazard, the others being censored. None: all causes together.

    Returns
    -------
    HazardCurve, or Curves of them where `groups` is given
        Times, hazard, std_error, lower, upper, at_risk and events.

    Raises
    ------
    InputError
        For an impossible target, weights or options.

    References
    ----------
    Aalen (1978). Nonparametric inference for a family of counting processes, eq. 3.6.

    Examples
    --------
    >>> from custval.survival import nelson_aalen, survival_target
    >>> nelson_aalen(survival_target([3, 5, 5, 8], [1, 1, 0, 1])).hazard.round(4).tolist()
    [0.25, 0.5833, 1.5833]
    """
    target = y if cause is None else _of_cause(read_target(y), cause)
    options = Options(conf_level, conf_type, variance, HAZARD_RULES, CONF_TYPES[:2])
    return _by_group(target, groups, sample_weight, options, build=_hazard_of, build_table=hazard_curve)


@overload
def aalen_johansen(
    y: Any,
    *,
    groups: None = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
) -> IncidenceCurve: ...
@overload
def aalen_johansen(
    y: Any,
    *,
    groups: Any,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
) -> Curves[IncidenceCurve]: ...
@public("survival")
def aalen_johansen(
    y: Any,
    *,
    groups: Any = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
) -> IncidenceCurve | Curves[IncidenceCurve]:
    """Return the share of customers who have left for each cause by each time.

    F_k(t) is the sum over times u <= t of S(u-) d_k(u) / r(u). It is exact under ties, and the incidences add up to
    1 - S(t); one minus a Kaplan-Meier curve that censors the other causes would overstate them.

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`survival_target`, or durations that all ended.
    groups : array-like of shape (n,), optional
        One curve for each group.
    sample_weight : array-like of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows.
    conf_level : float, default 0.95
        Level of the pointwise intervals, within (0, 1).
    conf_type : {"log", "log-log", "plain"}
        Scale on which the interval is symmetric.
    variance : {None, "greenwood", "aalen", "cmprsk", "robust"}
        Multinomial, Poisson, or hypergeometric increments of the hazards (the last as in the R package cmprsk), or the
        infinitesimal jackknife. None: Greenwood, or robust where weights are not whole.

    Returns
    -------
    IncidenceCurve, or Curves of them where `groups` is given
        Times, incidence (K, m), survival (m,), std_error, lower, upper and events (K, m), at_risk (m,).

    Raises
    ------
    InputError
        For an impossible target, weights or options.

    References
    ----------
    Aalen and Johansen (1978). An empirical transition matrix for non-homogeneous Markov chains.
    Gray (1988). A class of K-sample tests for comparing the cumulative incidence of a competing risk.

    Examples
    --------
    >>> from custval.survival import aalen_johansen, survival_target
    >>> y = survival_target([3, 5, 5, 8], ["debt", "price", None, "price"])
    >>> curve = aalen_johansen(y)
    >>> curve.causes, curve.incidence.round(3).tolist()
    (('debt', 'price'), [[0.25, 0.25, 0.25], [0.0, 0.25, 0.75]])
    >>> curve.at(6).round(3).tolist()
    [0.25, 0.25]
    """
    options = Options(conf_level, conf_type, variance, INCIDENCE_RULES, CONF_TYPES)
    return _by_group(y, groups, sample_weight, options, build=_incidence_of, build_table=incidence_curve)


def _by_group(
    y: Any,
    groups: Any,
    sample_weight: ArrayLike | None,
    options: Options,
    *,
    build: Callable[[Target, FloatArray | None, Style], CurveT],
    build_table: Callable[[RiskTable, Style], CurveT],
) -> CurveT | Curves[CurveT]:
    quick = _quick_table(y, groups, sample_weight, options)
    if quick is not None:
        table, causes, time_unit = quick
        return build_table(table, chosen_style(options, causes=causes, time_unit=time_unit))
    target = read_target(y)
    weight = None if sample_weight is None else sample_weight_array(sample_weight, len(target), other="y")
    whole = weight is None or bool((weight == np.floor(weight)).all())
    style = chosen_style(options, causes=target.causes, time_unit=target.time_unit, whole=whole)
    if not len(target):
        raise InputError("y has no rows; a curve needs at least one customer")
    labels, codes = (None, None) if groups is None else group_codes(groups, len(target))
    if weight is not None and not weight.all():  # a weight of 0 is a row that is not there
        keep = np.flatnonzero(weight)
        target, weight = target.rows(keep), weight[keep]
        codes = None if codes is None else codes[keep]
    if labels is None or codes is None:
        return build(target, weight, style)
    parts = _parts(codes, len(labels))
    kept = [g for g, rows in enumerate(parts) if rows.size]
    curves = [build(target.rows(parts[g]), None if weight is None else weight[parts[g]], style) for g in kept]
    return Curves(groups=tuple(labels[g] for g in kept), curves=tuple(curves))


def _quick_table(
    y: Any, groups: Any, sample_weight: Any, options: Options
) -> tuple[RiskTable, tuple[str, ...], str] | None:
    """Return the counts of whole durations without weights, groups or late entry, checked as they are counted."""
    if groups is not None or sample_weight is not None or options.variance == "robust":
        return None
    fields = unchecked_fields(y)
    if fields is None:
        return None
    entry, duration, event, causes, time_unit = fields
    table = whole_risk_table(duration, event, entry=entry, causes=len(causes))
    return None if table is None else (table, causes, time_unit)


def _parts(codes: IntArray, count: int) -> list[IntArray]:
    """Return the rows of each group, in one stable sort."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=count))[:-1])


def _survival_of(target: Target, weight: FloatArray | None, style: Style) -> SurvivalCurve:
    one = _any_cause(target)
    curve = survival_curve(*_counted(one, 1, weight, style))
    _warn_if_emptied(target, curve)
    return curve


def _hazard_of(target: Target, weight: FloatArray | None, style: Style) -> HazardCurve:
    one = _any_cause(target)
    return hazard_curve(*_counted(one, 1, weight, style))


def _any_cause(target: Target) -> Target:
    if len(target.causes) == 1:
        return target
    return Target(target.entry, target.duration, np.minimum(target.event, 1), target.causes, target.time_unit)


def _incidence_of(target: Target, weight: FloatArray | None, style: Style) -> IncidenceCurve:
    curve = incidence_curve(*_counted(target, len(target.causes), weight, style))
    _warn_if_emptied(target, curve)
    return curve


def _counted(
    target: Target, causes: int, weight: FloatArray | None, style: Style
) -> tuple[RiskTable, Style, Exits | None]:
    entry = target.entry if target.has_entry else None
    table = risk_table(target.duration, target.event, entry=entry, weight=weight, causes=causes)
    if weight is not None:
        table = _without_dust(table)
    return table, style, _exits(target, table, weight) if style.variance == "robust" else None


def _without_dust(table: RiskTable) -> RiskTable:
    """Return `table` with exactly d at risk where all of those at risk leave: sums of weights miss it by a last bit."""
    leaving = table.events.sum(axis=0)
    dust = np.abs(table.at_risk - leaving) <= 1e-12 * table.at_risk.max()
    return RiskTable(table.times, np.where(dust, leaving, table.at_risk), table.events, table.censored)


def _exits(target: Target, table: RiskTable, weight: FloatArray | None) -> Exits:
    return Exits(
        first=np.searchsorted(table.times, target.entry, side="right"),
        last=np.searchsorted(table.times, target.duration),
        cause=target.event,
        weight=np.ones(len(target)) if weight is None else weight,
    )


def _of_cause(target: Target, cause: str | None) -> Target:
    if cause is None:
        return target
    if cause not in target.causes:
        known = ", ".join(target.causes)
        raise InputError(f"there is no cause {cause!r}{nearest(str(cause), target.causes)}; the causes are {known}")
    event = (target.event == target.causes.index(cause) + 1).astype(np.int64)
    return Target(target.entry, target.duration, event, (cause,), target.time_unit)


def _warn_if_emptied(target: Target, curve: SurvivalCurve | IncidenceCurve) -> None:
    """Warn of a curve that late entry has thrown to zero while customers were still to come."""
    gone = np.flatnonzero(curve.survival <= 0)
    if gone.size and gone[0] + 1 < len(curve.times):
        when = float(curve.times[gone[0]])
        later = int(np.count_nonzero(target.duration > when))
        warn(
            f"everybody at risk at {when:g} left, so the survival is zero from there on although {later} customers "
            "were watched later: late entry left few at risk early; drop the first departures or start the clock later"
        )
