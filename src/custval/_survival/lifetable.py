"""Curves from a table of counts, such as a GROUP BY of any engine returns, equal to those of the rows it counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column, column_names, is_frame
from custval._core.kernels import RiskTable
from custval._core.typing import FloatArray, IntArray
from custval._core.validation import check_choice, check_rows, float_array
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
from custval._survival.events import ONE_CAUSE
from custval._survival.groups import group_codes

__all__ = ("life_table",)

AnyCurve = SurvivalCurve | HazardCurve | IncidenceCurve
_BUILD: dict[str, Any] = {"survival": survival_curve, "hazard": hazard_curve, "incidence": incidence_curve}
# a count table no longer knows the customers, so the robust variance is not among its rules
_RULES = {"survival": SURVIVAL_RULES[:-1], "hazard": HAZARD_RULES[:-1], "incidence": INCIDENCE_RULES[:-1]}


@overload
def life_table(
    counts: Any,
    *,
    kind: Literal["survival"] = "survival",
    groups: None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    time_unit: str = "month",
) -> SurvivalCurve: ...
@overload
def life_table(
    counts: Any,
    *,
    kind: Literal["hazard"],
    groups: None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    time_unit: str = "month",
) -> HazardCurve: ...
@overload
def life_table(
    counts: Any,
    *,
    kind: Literal["incidence"],
    groups: None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    time_unit: str = "month",
) -> IncidenceCurve: ...
@overload
def life_table(
    counts: Any,
    *,
    kind: str = "survival",
    groups: str,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    time_unit: str = "month",
) -> Curves[Any]: ...
@public("survival")
def life_table(
    counts: Any,
    *,
    kind: str = "survival",
    groups: str | None = None,
    conf_level: float = 0.95,
    conf_type: str = "log",
    variance: str | None = None,
    time_unit: str = "month",
) -> AnyCurve | Curves[Any]:
    """Return the curve of a table of counts: what the rows it counted would give, to the last bit.

    Parameters
    ----------
    counts : frame
        Columns ``tenure`` (> 0), ``at_risk`` (customers at risk just before it) and ``exits_<cause>`` (how many left at
        it for each cause), or ``exits``. Rows of one tenure, such as the cells of other columns, are added up.
    kind : {"survival", "hazard", "incidence"}
        Which curve: Kaplan-Meier, Nelson-Aalen or Aalen-Johansen.
    groups : str, optional
        Name of a column; one curve for each of its labels.
    conf_level : float, default 0.95
        Level of the pointwise intervals, in (0, 1).
    conf_type : {"log", "plain", "log-log"}
        As in :func:`kaplan_meier`; ``"log-log"`` not for the hazard.
    variance : str, optional
        A rule of the function that draws the curve from customers, other than ``"robust"``.
    time_unit : str, default "month"
        Unit of ``tenure``.

    Returns
    -------
    SurvivalCurve, HazardCurve or IncidenceCurve, or Curves of them where `groups` is given
        The curve at each tenure of the table.

    Raises
    ------
    InputError
        For missing columns, counts that are negative or not whole, and more exits than customers at risk.

    Examples
    --------
    >>> from custval.survival import life_table
    >>> counts = {"tenure": [1, 2, 3], "at_risk": [100, 80, 50], "exits_price": [10, 8, 0], "exits_debt": [0, 8, 5]}
    >>> life_table(counts).survival.round(3).tolist()
    [0.9, 0.72, 0.648]
    >>> life_table(counts, kind="incidence").incidence.round(3).tolist()
    [[0.1, 0.19, 0.19], [0.0, 0.09, 0.162]]
    """
    check_choice(kind, "kind", _BUILD)
    if not is_frame(counts):
        raise InputError(
            f"counts must be a frame with columns tenure, at_risk, exits_<cause>, not {type(counts).__name__}"
        )
    tenure, at_risk, exits, causes = _columns(counts)
    conf_types = CONF_TYPES[:2] if kind == "hazard" else CONF_TYPES
    style = chosen_style(
        Options(conf_level, conf_type, variance, _RULES[kind], conf_types), causes=causes, time_unit=time_unit
    )
    if groups is None:
        return _curve(kind, style, tenure, at_risk, exits)
    labels, codes = group_codes(column(counts, groups), len(tenure))
    cells = [codes == g for g in range(len(labels))]
    return Curves(
        groups=labels, curves=tuple[Any, ...](_curve(kind, style, tenure[c], at_risk[c], exits[:, c]) for c in cells)
    )


def _curve(kind: str, style: Style, tenure: FloatArray, at_risk: FloatArray, exits: FloatArray) -> AnyCurve:
    times, where = np.unique(tenure, return_inverse=True)
    table = RiskTable(
        times=times,
        at_risk=_sums(where, at_risk, len(times)),
        events=np.stack([_sums(where, cause, len(times)) for cause in exits]),
        censored=np.zeros(len(times)),
    )
    build: Callable[[RiskTable, Style], AnyCurve] = _BUILD[kind]
    return build(table, style)


def _sums(where: IntArray, values: FloatArray, m: int) -> FloatArray:
    return np.asarray(np.bincount(where, weights=values, minlength=m), dtype=np.float64)


def _columns(counts: Any) -> tuple[FloatArray, FloatArray, FloatArray, tuple[str, ...]]:
    """Return tenure (rows,), at_risk (rows,), exits (K, rows) and the names of the causes."""
    named = [name for name in column_names(counts) if name == "exits" or name.startswith("exits_")]
    if not named:
        raise InputError(
            f"counts needs a column exits, or exits_<cause> for each cause; it has {', '.join(column_names(counts))}"
        )
    if "exits" in named and len(named) > 1:
        raise InputError(f"counts has both exits and {named[1 - named.index('exits')]}; keep the total or the causes")
    tenure = float_array(column(counts, "tenure"), "tenure", low=0.0, low_open=True, fix="drop the row of tenure 0")
    if not len(tenure):
        raise InputError("counts has no rows; a curve needs at least one tenure")
    at_risk = _counts(counts, "at_risk")
    exits = np.stack([_counts(counts, name) for name in named])
    fix = "count at risk just before the tenure, those who leave at it included"
    check_rows(exits.sum(axis=0) <= at_risk, exits.sum(axis=0), name="exits", rule="be <= at_risk", fix=fix)
    return (
        tenure,
        at_risk,
        exits,
        tuple(name.removeprefix("exits_") for name in named) if "exits" not in named else ONE_CAUSE,
    )


def _counts(counts: Any, name: str) -> FloatArray:
    values = float_array(column(counts, name), name, low=0.0, fix="counts are numbers of customers; fill gaps with 0")
    check_rows(values == np.floor(values), values, name=name, rule="be whole", fix="counts are numbers of customers")
    return values
