"""Which customers are alike in what we should do with them, and how do they move?

====================  =================================================================================================
`ValuePotential`      who is worth protecting, who can be developed: quadrants of value x potential (and loyalty), with
                      cuts that are learned once and applied again next month
`strategy_profit`     what does each customer bring under the strategy of each quadrant? For cuts by profit
`QuadrantTable`       heads, money, risk and strategy of each quadrant, with intervals
`Tiers`               supreme to basic, kept with hysteresis and a minimum stay: who is promoted, who demoted, also by
                      account (`TierTable`, `TierChanges`)
`rfm`                 who came lately, often, and for how much? Scores fair to ties, and named segments (`RFMScores`)
`BehaviourClusters`   who behaves alike? As many clusters as come back in bootstrap samples, frozen (`ClusterProfile`,
                      `ClusterDrift`)
`lorenz_curve`        how is the money spread over customers? (`LorenzCurve`)
`gini`                how unequal is it, in one number with its error? (`GiniCoefficient`)
`top_share`           what do the best 20 % of customers bring, "80:20"? (`TopShare`)
`decile_table`        what does each tenth of the customers bring? (`DecileTable`)
`abc_classes`         who brings the first 80 % of the money, the next 15 %, the rest? (`ABCClasses`)
`churn_rates`         how many leave, by each definition that boards read? (`ChurnRates`)
`movement_counts`     from stays to the counts that `churn_rates` takes (`MovementCounts`)
`cohort_retention`    of each month's newcomers, how many are still there? (`CohortTriangle`)
`lifecycle_stage`     acquire, grow, mature, decline, silent, lost, win-back: where are they? (`LifecycleStages`)
`settled_stages`      a panel of stages in which a change holds only after so many months
`usage_slope`         does a customer's usage rise or fall, and how sure is that? (`UsageSlope`)
`stage_hazards`       how likely is each stage, tier or segment to leave, and why? (`StageHazards`)
`transition_counts`   from a panel of states to counts of moves (`TransitionCounts`)
`migration_matrix`    how do customers move between states, pooled and by month? (`MigrationMatrix`)
`MigrationModel`      which columns change the moves? Multinomial logit
`homogeneity_test`    are the moves the same in every month or segment? (`MigrationTest`)
`markov_order_test`   does the month before last matter? (`MigrationTest`)
`state_values`        how long does a customer of each state stay, and what is that worth? (`StateValues`)
`base_forecast`       how many customers will there be in each state? (`BaseForecast`)
`transfer_dilution`   what do internal transfers cost, and when do they pay? (`TransferDilution`)
`stability`           do the cuts still fit the customers? Population stability index (`Stability`)
`segment_change`      how many changed segment? (`SegmentChange`)
`perceived_value`     benefits minus costs, as customers say in surveys (`PerceivedValue`)
`cronbach_alpha`      do the answers belong together? (`Reliability`)
====================  =================================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "ABCClasses",
    "BaseForecast",
    "BehaviourClusters",
    "ChurnRates",
    "ClusterDrift",
    "ClusterProfile",
    "CohortTriangle",
    "DecileTable",
    "GiniCoefficient",
    "LifecycleStages",
    "LorenzCurve",
    "MigrationMatrix",
    "MigrationModel",
    "MigrationTest",
    "MovementCounts",
    "PerceivedValue",
    "QuadrantTable",
    "RFMScores",
    "Reliability",
    "SegmentChange",
    "Stability",
    "StageHazards",
    "StateValues",
    "TierChanges",
    "TierTable",
    "Tiers",
    "TopShare",
    "TransferDilution",
    "TransitionCounts",
    "UsageSlope",
    "ValuePotential",
    "abc_classes",
    "base_forecast",
    "churn_rates",
    "cohort_retention",
    "cronbach_alpha",
    "decile_table",
    "gini",
    "homogeneity_test",
    "lifecycle_stage",
    "lorenz_curve",
    "markov_order_test",
    "migration_matrix",
    "movement_counts",
    "perceived_value",
    "rfm",
    "segment_change",
    "settled_stages",
    "stability",
    "stage_hazards",
    "state_values",
    "strategy_profit",
    "top_share",
    "transfer_dilution",
    "transition_counts",
    "usage_slope",
)

if TYPE_CHECKING:
    from custval._joins.strategy import strategy_profit
    from custval._segments.base_forecast import BaseForecast, base_forecast
    from custval._segments.cluster_profile import ClusterProfile
    from custval._segments.clusters import BehaviourClusters, ClusterDrift
    from custval._segments.cohorts import CohortTriangle, cohort_retention
    from custval._segments.concentration import GiniCoefficient, LorenzCurve, TopShare, gini, lorenz_curve, top_share
    from custval._segments.deciles import ABCClasses, DecileTable, abc_classes, decile_table
    from custval._segments.dilution import TransferDilution, transfer_dilution
    from custval._segments.hazards import StageHazards, stage_hazards
    from custval._segments.homogeneity import MigrationTest, homogeneity_test, markov_order_test
    from custval._segments.lifecycle import LifecycleStages, lifecycle_stage, settled_stages
    from custval._segments.logit_moves import MigrationModel
    from custval._segments.migration import MigrationMatrix, migration_matrix
    from custval._segments.movements import MovementCounts, movement_counts
    from custval._segments.perceived import PerceivedValue, Reliability, cronbach_alpha, perceived_value
    from custval._segments.quadrants import ValuePotential
    from custval._segments.rates import ChurnRates, churn_rates
    from custval._segments.rfm import RFMScores, rfm
    from custval._segments.slope import UsageSlope, usage_slope
    from custval._segments.stability import SegmentChange, Stability, segment_change, stability
    from custval._segments.state_values import StateValues, state_values
    from custval._segments.table import QuadrantTable
    from custval._segments.tiers import TierChanges, Tiers, TierTable
    from custval._segments.transitions import TransitionCounts, transition_counts
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "ABCClasses": "_segments.deciles",
            "BaseForecast": "_segments.base_forecast",
            "BehaviourClusters": "_segments.clusters",
            "ChurnRates": "_segments.rates",
            "ClusterDrift": "_segments.clusters",
            "ClusterProfile": "_segments.cluster_profile",
            "CohortTriangle": "_segments.cohorts",
            "DecileTable": "_segments.deciles",
            "GiniCoefficient": "_segments.concentration",
            "LifecycleStages": "_segments.lifecycle",
            "LorenzCurve": "_segments.concentration",
            "MigrationMatrix": "_segments.migration",
            "MigrationModel": "_segments.logit_moves",
            "MigrationTest": "_segments.homogeneity",
            "MovementCounts": "_segments.movements",
            "PerceivedValue": "_segments.perceived",
            "QuadrantTable": "_segments.table",
            "RFMScores": "_segments.rfm",
            "Reliability": "_segments.perceived",
            "SegmentChange": "_segments.stability",
            "Stability": "_segments.stability",
            "StageHazards": "_segments.hazards",
            "StateValues": "_segments.state_values",
            "TierChanges": "_segments.tiers",
            "TierTable": "_segments.tiers",
            "Tiers": "_segments.tiers",
            "TopShare": "_segments.concentration",
            "TransferDilution": "_segments.dilution",
            "TransitionCounts": "_segments.transitions",
            "UsageSlope": "_segments.slope",
            "ValuePotential": "_segments.quadrants",
            "abc_classes": "_segments.deciles",
            "base_forecast": "_segments.base_forecast",
            "churn_rates": "_segments.rates",
            "cohort_retention": "_segments.cohorts",
            "cronbach_alpha": "_segments.perceived",
            "decile_table": "_segments.deciles",
            "gini": "_segments.concentration",
            "homogeneity_test": "_segments.homogeneity",
            "lifecycle_stage": "_segments.lifecycle",
            "lorenz_curve": "_segments.concentration",
            "markov_order_test": "_segments.homogeneity",
            "migration_matrix": "_segments.migration",
            "movement_counts": "_segments.movements",
            "perceived_value": "_segments.perceived",
            "rfm": "_segments.rfm",
            "segment_change": "_segments.stability",
            "settled_stages": "_segments.lifecycle",
            "stability": "_segments.stability",
            "stage_hazards": "_segments.hazards",
            "state_values": "_segments.state_values",
            "strategy_profit": "_joins.strategy",
            "top_share": "_segments.concentration",
            "transfer_dilution": "_segments.dilution",
            "transition_counts": "_segments.transitions",
            "usage_slope": "_segments.slope",
        },
    )
