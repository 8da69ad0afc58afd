"""How long will customers stay, and why do they leave?

What is known of each customer goes into a target: :func:`survival_target` (times and events), :func:`target_from_dates`
(dates); :func:`to_months` turns exact times into the whole months that monthly models take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "MonthlyTarget",
    "survival_target",
    "target_from_dates",
    "to_months",
)

if TYPE_CHECKING:
    from custval._survival.dates import target_from_dates
    from custval._survival.monthly import MonthlyTarget, to_months
    from custval._survival.target import survival_target
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "MonthlyTarget": "_survival.monthly",
            "survival_target": "_survival.target",
            "target_from_dates": "_survival.dates",
            "to_months": "_survival.monthly",
        },
    )
