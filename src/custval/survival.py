"""How long will customers stay, and why do they leave?

What is known of each customer goes into a target: :func:`survival_target` (times and events), :func:`target_from_dates`
(dates); :func:`to_months` turns exact times into the whole months that monthly models take.

Curves describe, without a model and by group: :func:`kaplan_meier` (who stays beyond each time), :func:`nelson_aalen`
(the cumulative hazard of leaving) and :func:`aalen_johansen` (who has left, and for which cause).
:func:`life_table` draws them from a table of counts; :func:`restricted_mean` tells how many of the next months a
customer stays, :func:`logrank_test` whether groups leave at different rates.

Who leaves, when and why, for each customer: :class:`DiscreteHazard` (monthly, all causes at once).

Who is about to leave, why, and how many of those listed really will: :func:`alert_list`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "AlertList",
    "Curves",
    "DiscreteHazard",
    "HazardCurve",
    "IncidenceCurve",
    "LogrankTest",
    "MonthlyTarget",
    "Quantile",
    "Reasons",
    "RestrictedMean",
    "SurvivalCurve",
    "aalen_johansen",
    "alert_list",
    "kaplan_meier",
    "life_table",
    "logrank_test",
    "nelson_aalen",
    "restricted_mean",
    "survival_target",
    "target_from_dates",
    "to_months",
)

if TYPE_CHECKING:
    from custval._joins.alerts import AlertList, alert_list
    from custval._survival.curve_groups import Curves
    from custval._survival.curves import HazardCurve, IncidenceCurve, Quantile, SurvivalCurve
    from custval._survival.dates import target_from_dates
    from custval._survival.discrete import DiscreteHazard
    from custval._survival.discrete_reasons import Reasons
    from custval._survival.lifetable import life_table
    from custval._survival.logrank import LogrankTest, logrank_test
    from custval._survival.monthly import MonthlyTarget, to_months
    from custval._survival.product_limit import aalen_johansen, kaplan_meier, nelson_aalen
    from custval._survival.restricted import RestrictedMean, restricted_mean
    from custval._survival.target import survival_target
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "AlertList": "_joins.alerts",
            "Curves": "_survival.curve_groups",
            "DiscreteHazard": "_survival.discrete",
            "HazardCurve": "_survival.curves",
            "IncidenceCurve": "_survival.curves",
            "LogrankTest": "_survival.logrank",
            "MonthlyTarget": "_survival.monthly",
            "Quantile": "_survival.curves",
            "Reasons": "_survival.discrete_reasons",
            "RestrictedMean": "_survival.restricted",
            "SurvivalCurve": "_survival.curves",
            "aalen_johansen": "_survival.product_limit",
            "alert_list": "_joins.alerts",
            "kaplan_meier": "_survival.product_limit",
            "life_table": "_survival.lifetable",
            "logrank_test": "_survival.logrank",
            "nelson_aalen": "_survival.product_limit",
            "restricted_mean": "_survival.restricted",
            "survival_target": "_survival.target",
            "target_from_dates": "_survival.dates",
            "to_months": "_survival.monthly",
        },
    )
