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
    "LorenzCurve",
    "MovementCounts",
    "QuadrantTable",
    "TopShare",
    "ValuePotential",
    "abc_classes",
    "churn_rates",
    "cohort_retention",
    "decile_table",
    "gini",
    "lorenz_curve",
    "movement_counts",
    "strategy_profit",
    "top_share",
)

if TYPE_CHECKING:
    from custval._joins.strategy import strategy_profit
    from custval._segments.cohorts import CohortTriangle, cohort_retention
    from custval._segments.concentration import GiniCoefficient, LorenzCurve, TopShare, gini, lorenz_curve, top_share
    from custval._segments.deciles import ABCClasses, DecileTable, abc_classes, decile_table
    from custval._segments.movements import MovementCounts, movement_counts
    from custval._segments.quadrants import ValuePotential
    from custval._segments.rates import ChurnRates, churn_rates
    from custval._segments.table import QuadrantTable
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
            "LorenzCurve": "_segments.concentration",
            "MovementCounts": "_segments.movements",
            "QuadrantTable": "_segments.table",
            "TopShare": "_segments.concentration",
            "ValuePotential": "_segments.quadrants",
            "abc_classes": "_segments.deciles",
            "churn_rates": "_segments.rates",
            "cohort_retention": "_segments.cohorts",
            "decile_table": "_segments.deciles",
            "gini": "_segments.concentration",
            "lorenz_curve": "_segments.concentration",
            "movement_counts": "_segments.movements",
            "strategy_profit": "_joins.strategy",
            "top_share": "_segments.concentration",
        },
    )
