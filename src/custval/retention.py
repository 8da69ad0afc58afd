"""Whom to contact, with what offer, within what budget, at what expected profit?

- What does a campaign earn if it calls the riskiest first, and how many should it call? `maximum_profit` at a known
  accept rate, `expected_maximum_profit` over an uncertain one; both give a `ProfitResult`.
- What does one contact earn? `contact_profit`, and its error `contact_profit_std_error`.
- Whom to contact within the budget, with which offer? `plan` with one or several `Offer`, giving a `Plan`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "Offer",
    "Plan",
    "ProfitResult",
    "contact_profit",
    "contact_profit_std_error",
    "expected_maximum_profit",
    "maximum_profit",
    "plan",
)

if TYPE_CHECKING:
    from custval._joins.plan import Offer, Plan, plan
    from custval._retention.contact import contact_profit, contact_profit_std_error
    from custval._retention.profit import ProfitResult, expected_maximum_profit, maximum_profit
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "Offer": "_joins.plan",
            "Plan": "_joins.plan",
            "ProfitResult": "_retention.profit",
            "contact_profit": "_retention.contact",
            "contact_profit_std_error": "_retention.contact",
            "expected_maximum_profit": "_retention.profit",
            "maximum_profit": "_retention.profit",
            "plan": "_joins.plan",
        },
    )
