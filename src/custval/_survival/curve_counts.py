"""Curves from counts: who was at risk just before each time and who left at it, whoever counted them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.kernels import RiskTable
from custval._core.results import frozen
from custval._core.typing import BoolArray, FloatArray
from custval._core.validation import check_choice, check_scalar
from custval._survival.curves import HazardCurve, IncidenceCurve, SurvivalCurve
from custval._survival.intervals import hazard_bounds, masked, probability_bounds
from custval._survival.variance import (
    Exits,
    incidence_variance,
    robust_hazard_variance,
    robust_incidence_variance,
    sum_ratio,
)

__all__ = (
    "CONF_TYPES",
    "HAZARD_RULES",
    "INCIDENCE_RULES",
    "SURVIVAL_RULES",
    "Options",
    "Style",
    "chosen_style",
    "conditional_curve",
    "hazard_curve",
    "incidence_curve",
    "survival_curve",
)

# the first rule of each is the default
SURVIVAL_RULES = ("greenwood", "aalen", "robust")
HAZARD_RULES = ("aalen", "greenwood", "robust")
INCIDENCE_RULES = ("greenwood", "aalen", "cmprsk", "robust")
CONF_TYPES = ("log", "plain", "log-log")


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """What the caller asked for, not yet checked, and what may be asked for."""

    conf_level: float
    conf_type: str
    variance: str | None
    rules: tuple[str, ...]
    conf_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """How a curve shows its uncertainty, and what its times and causes are called."""

    conf_level: float
    conf_type: str
    variance: str
    causes: tuple[str, ...]
    time_unit: str


def survival_curve(table: RiskTable, style: Style, exits: Exits | None = None) -> SurvivalCurve:
    """Return the Kaplan-Meier curve of the counts in `table`, all causes together."""
    events = table.events.sum(axis=0)
    hazard = sum_ratio(events, table.at_risk)
    survival = np.asarray(np.cumprod(1 - hazard), dtype=np.float64)
    exists = survival > 0
    if style.variance == "robust" and exits is not None:
        before = np.concatenate([[1.0], survival[:-1]])
        variance = robust_incidence_variance(_all_causes(table), before, 1 - survival[None], exits)[0]
    else:
        stay = table.at_risk - events if style.variance == "greenwood" else table.at_risk
        terms = np.divide(hazard, stay, out=np.zeros_like(hazard), where=(hazard > 0) & exists)
        variance = survival**2 * np.cumsum(terms)
    std_error = np.sqrt(variance)
    bounds = probability_bounds(survival, std_error, exists, conf_level=style.conf_level, conf_type=style.conf_type)
    return SurvivalCurve(
        survival=frozen(survival),
        events=frozen(events),
        kind="survival",
        **_common(table, style, std_error, exists, bounds),
    )


def hazard_curve(table: RiskTable, style: Style, exits: Exits | None = None) -> HazardCurve:
    """Return the Nelson-Aalen curve of the counts in `table`, all causes together."""
    events = table.events.sum(axis=0)
    steps = sum_ratio(events, table.at_risk)
    hazard = np.cumsum(steps)
    if style.variance == "robust" and exits is not None:
        variance = robust_hazard_variance(table, exits)
    else:
        spread = steps * (1 - steps) if style.variance == "greenwood" else steps
        variance = np.cumsum(sum_ratio(spread, table.at_risk))
    std_error, exists = np.sqrt(variance), np.ones(len(hazard), dtype=bool)
    bounds = hazard_bounds(hazard, std_error, exists, conf_level=style.conf_level, conf_type=style.conf_type)
    return HazardCurve(
        hazard=frozen(hazard), events=frozen(events), kind="hazard", **_common(table, style, std_error, exists, bounds)
    )


def incidence_curve(table: RiskTable, style: Style, exits: Exits | None = None) -> IncidenceCurve:
    """Return the Aalen-Johansen curves of the counts in `table`."""
    share = sum_ratio(table.events, table.at_risk)
    stay = 1 - sum_ratio(table.events.sum(axis=0), table.at_risk)
    survival = np.asarray(np.cumprod(stay), dtype=np.float64)
    before = np.concatenate([[1.0], survival[:-1]])
    incidence = np.cumsum(before * share, axis=1)
    if style.variance == "robust" and exits is not None:
        variance = robust_incidence_variance(table, before, incidence, exits)
    else:
        variance = incidence_variance(table, before, incidence, style.variance)
    std_error, exists = np.sqrt(variance), np.ones(incidence.shape, dtype=bool)
    bounds = probability_bounds(incidence, std_error, exists, conf_level=style.conf_level, conf_type=style.conf_type)
    return IncidenceCurve(
        incidence=frozen(incidence),
        survival=frozen(survival),
        events=frozen(table.events),
        kind="incidence",
        **_common(table, style, std_error, exists, bounds),
    )


def conditional_curve(curve: SurvivalCurve, time: float) -> SurvivalCurve:
    """Return the curve of those who have stayed `time`, its times counted from then."""
    last = float(curve.times[-1])
    later = np.flatnonzero(curve.times > time)
    if not later.size or curve.at(time) == 0:
        raise InputError(
            f"nobody is known to have stayed beyond {time:g} {curve.time_unit}s (the curve ends at {last:g}, at a "
            f"survival of {float(curve.survival[-1]):g}); condition on an earlier time"
        )
    events = curve.events[later]
    table = RiskTable(curve.times[later] - time, curve.at_risk[later], events[None], np.zeros(len(later)))
    known = curve.variance != "robust"
    rule = curve.variance if known else SURVIVAL_RULES[0]
    style = Style(curve.conf_level, curve.conf_type, rule, curve.causes, curve.time_unit)
    made = survival_curve(table, style)
    if known:
        return made
    none = masked(made.survival, np.zeros(len(later), dtype=bool))
    return replace(made, std_error=none, lower=none, upper=none, variance=curve.variance)


def _common(
    table: RiskTable,
    style: Style,
    std_error: FloatArray,
    exists: BoolArray,
    bounds: tuple[FloatArray, FloatArray],
) -> dict[str, Any]:
    return {
        "times": frozen(table.times),
        "at_risk": frozen(table.at_risk),
        "std_error": masked(std_error, exists),
        "lower": bounds[0],
        "upper": bounds[1],
        "causes": style.causes,
        "time_unit": style.time_unit,
        "conf_level": style.conf_level,
        "conf_type": style.conf_type,
        "variance": style.variance,
    }


def _all_causes(table: RiskTable) -> RiskTable:
    return RiskTable(table.times, table.at_risk, table.events.sum(axis=0, keepdims=True), table.censored)


def chosen_style(
    options: Options,
    *,
    causes: tuple[str, ...],
    time_unit: str,
    whole: bool = True,
) -> Style:
    """Return the checked options; without a choice, the first rule for whole weights and else the robust one."""
    variance = options.variance
    level = check_scalar(options.conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
    check_choice(options.conf_type, "conf_type", options.conf_types)
    check_choice(variance, "variance", (None, *options.rules))
    if not whole and variance not in {None, "robust"}:
        raise InputError(
            f"sample_weight is not whole, so {variance!r} would take shares of a customer for customers; "
            "use variance='robust' (or None)"
        )
    return Style(level, options.conf_type, variance or (options.rules[0] if whole else "robust"), causes, time_unit)
