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
    "GiniCoefficient",
    "LorenzCurve",
    "QuadrantTable",
    "TopShare",
    "ValuePotential",
    "gini",
    "lorenz_curve",
    "strategy_profit",
    "top_share",
)

if TYPE_CHECKING:
    from custval._joins.strategy import strategy_profit
    from custval._segments.concentration import (
        GiniCoefficient,
        LorenzCurve,
        TopShare,
        gini,
        lorenz_curve,
        top_share,
    )
    from custval._segments.quadrants import ValuePotential
    from custval._segments.table import QuadrantTable
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "GiniCoefficient": "_segments.concentration",
            "LorenzCurve": "_segments.concentration",
            "QuadrantTable": "_segments.table",
            "TopShare": "_segments.concentration",
            "ValuePotential": "_segments.quadrants",
            "gini": "_segments.concentration",
            "lorenz_curve": "_segments.concentration",
            "strategy_profit": "_joins.strategy",
            "top_share": "_segments.concentration",
        },
    )
