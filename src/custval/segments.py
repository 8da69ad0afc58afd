"""Which customers are alike in what we should do with them?

====================  =================================================================================
`ValuePotential`      who is worth protecting, who can be developed: quadrants of value x potential, with
                      cuts that are learned once and applied again next month
`strategy_profit`     what does each customer bring under the strategy of each quadrant? For cuts by profit
`QuadrantTable`       heads, money, risk and strategy of each quadrant, with intervals
`lorenz_curve`        how is the money spread over customers?
`gini`                how unequal is it, in one number with its error?
`top_share`           what do the best 20 % of customers bring ("80:20")?
====================  =================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "ABCClasses",
    "ChurnRates",
    "CohortTriangle",
    "DecileTable",
    "GiniCoefficient",
    "LifecycleStages",
    "LorenzCurve",
    "MovementCounts",
    "QuadrantTable",
    "RFMScores",
    "StageHazards",
    "TierChanges",
    "TierTable",
    "Tiers",
    "TopShare",
    "UsageSlope",
    "ValuePotential",
    "abc_classes",
    "churn_rates",
    "cohort_retention",
    "decile_table",
    "gini",
    "lifecycle_stage",
    "lorenz_curve",
    "movement_counts",
    "rfm",
    "settled_stages",
    "stage_hazards",
    "strategy_profit",
    "top_share",
    "usage_slope",
)

if TYPE_CHECKING:
    from custval._joins.strategy import strategy_profit
    from custval._segments.cohorts import CohortTriangle, cohort_retention
    from custval._segments.concentration import GiniCoefficient, LorenzCurve, TopShare, gini, lorenz_curve, top_share
    from custval._segments.deciles import ABCClasses, DecileTable, abc_classes, decile_table
    from custval._segments.hazards import StageHazards, stage_hazards
    from custval._segments.lifecycle import LifecycleStages, lifecycle_stage, settled_stages
    from custval._segments.movements import MovementCounts, movement_counts
    from custval._segments.quadrants import ValuePotential
    from custval._segments.rates import ChurnRates, churn_rates
    from custval._segments.rfm import RFMScores, rfm
    from custval._segments.slope import UsageSlope, usage_slope
    from custval._segments.table import QuadrantTable
    from custval._segments.tiers import TierChanges, Tiers, TierTable
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "ABCClasses": "_segments.deciles",
            "ChurnRates": "_segments.rates",
            "CohortTriangle": "_segments.cohorts",
            "DecileTable": "_segments.deciles",
            "GiniCoefficient": "_segments.concentration",
            "LifecycleStages": "_segments.lifecycle",
            "LorenzCurve": "_segments.concentration",
            "MovementCounts": "_segments.movements",
            "QuadrantTable": "_segments.table",
            "RFMScores": "_segments.rfm",
            "StageHazards": "_segments.hazards",
            "TierChanges": "_segments.tiers",
            "TierTable": "_segments.tiers",
            "Tiers": "_segments.tiers",
            "TopShare": "_segments.concentration",
            "UsageSlope": "_segments.slope",
            "ValuePotential": "_segments.quadrants",
            "abc_classes": "_segments.deciles",
            "churn_rates": "_segments.rates",
            "cohort_retention": "_segments.cohorts",
            "decile_table": "_segments.deciles",
            "gini": "_segments.concentration",
            "lifecycle_stage": "_segments.lifecycle",
            "lorenz_curve": "_segments.concentration",
            "movement_counts": "_segments.movements",
            "rfm": "_segments.rfm",
            "settled_stages": "_segments.lifecycle",
            "stage_hazards": "_segments.hazards",
            "strategy_profit": "_joins.strategy",
            "top_share": "_segments.concentration",
            "usage_slope": "_segments.slope",
        },
    )
