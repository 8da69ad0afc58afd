"""The contact list of the base, by expected profit where a save rate is known, else by value at risk or by risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._joins.plan import Offer, Plan, PlanBuilder
from custval._pipeline.analysis import PlanSummary
from custval._pipeline.cases import Cases
from custval._pipeline.scoring import Scores, blocks_of
from custval._pipeline.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("contact_plan",)


def contact_plan(scores: Scores, cases: Cases, settings: Settings) -> tuple[pd.DataFrame, PlanSummary]:
    """Return the list (rank, customer_id, offer, cost, expected_profit, std_error, reason_1) and its figures."""
    rate, rate_error = _save_rate(cases, settings)
    offer = Offer("save offer", settings.offer_cost, save_rate=rate, save_rate_std_error=rate_error)
    words = np.array([*scores.reason_words, None], dtype=object)
    builder = PlanBuilder(offer, contact_cost=settings.contact_cost, budget=settings.budget, currency=settings.currency)
    for rows in blocks_of(len(scores), settings.block_rows):
        builder.add(
            rows,
            np.clip(scores.p_leave[rows], 0.0, 1.0),
            None if scores.stake is None else scores.stake[rows],
            p_std_error=scores.p_std_error[rows],
            value_std_error=None if scores.stake_std_error is None else scores.stake_std_error[rows],
            reasons=words[scores.reason[rows, 0]],
        )
    made = builder.finish()
    frame = made.to_frame()
    frame["customer_id"] = scores.ids.text(np.asarray(made.customer_id, dtype=np.int64))
    return frame, _summary(made)


_RANKED = {
    "value_at_risk": "by value at risk, since no save rate is known",
    "p_leave": "by the risk of leaving, since no value is known",
}


def _save_rate(cases: Cases, settings: Settings) -> tuple[float | None, float | None]:
    """Return the save rate that was given, or else the measured one with its error."""
    if settings.save_rate is not None:
        return settings.save_rate, None
    return cases.save_rate if cases.save_rate is not None else (None, None)


def _is_ranking(made: Plan) -> bool:
    """Whether nothing limits the list: then it ranks the base, and nobody plans to contact all of it."""
    return made.budget is None and made.capacity is None and made.ranked_by != "expected_profit"


def _ranking(made: Plan) -> str:
    why = _RANKED[made.ranked_by]
    return f"No budget was given: all {made.contacts:,} worth a contact are ranked, {why}, so no profit is claimed."


def _summary(made: Plan) -> PlanSummary:
    return PlanSummary(
        contacts=made.contacts,
        cost=None if _is_ranking(made) else made.total_cost,
        expected_profit=made.total_profit,
        std_error=made.total_std_error,
        budget=made.budget,
        ranked_by=made.ranked_by,
        statement=_ranking(made) if _is_ranking(made) else made.statement,
    )
