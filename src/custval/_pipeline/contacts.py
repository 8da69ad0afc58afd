"""The contact list of the base, by expected profit where a save rate is known, else by value at risk or by risk.

The errors are exact to first order: risk and value at stake come from one hazard, so the profit of a contact is pulled
back to the hazard's parameters as a whole, and the total through the sum of the contacts' gradients. An error of the
save rate is shared by all contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._core.wording import money_text
from custval._joins.plan import Offer, Plan, PlanBuilder
from custval._joins.stake import profit_weights
from custval._pipeline.analysis import PlanSummary
from custval._pipeline.cases import Cases
from custval._pipeline.scoring import ALERT_MONTHS, Scores, blocks_of
from custval._pipeline.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("contact_plan",)

_RANKED = {
    "value_at_risk": "by value at risk, since no save rate is known",
    "p_leave": "by the risk of leaving, since no value is known",
}


def contact_plan(model: Any, scores: Scores, cases: Cases, settings: Settings) -> tuple[pd.DataFrame, PlanSummary]:
    """Return the list (rank, customer_id, offer, cost, expected_profit, std_error, reason_1) and its figures."""
    rate, rate_error = _save_rate(cases, settings)
    made = _chosen(scores, Offer("save offer", settings.offer_cost, save_rate=rate), settings)
    rows = np.asarray(made.customer_id, dtype=np.int64)
    frame = made.to_frame()
    frame["customer_id"] = scores.ids.of(rows)
    if _is_ranking(made):
        frame["cost"] = np.nan
    total_error = None
    if made.expected_profit is not None and rate is not None and len(rows):
        errors = _errors(model, scores, cases, settings, rows=rows, rate=(rate, rate_error or 0.0))
        frame["std_error"], total_error = errors.each, errors.total
    return frame, _summary(made, total_error)


def _chosen(scores: Scores, offer: Offer, settings: Settings) -> Plan:
    builder = PlanBuilder(offer, contact_cost=settings.contact_cost, budget=settings.budget, currency=settings.currency)
    words = np.array([*scores.reason_words, None], dtype=object)
    for rows in blocks_of(len(scores), settings.block_rows):
        builder.add(
            rows,
            np.clip(scores.p_leave[rows], 0.0, 1.0),
            None if scores.stake is None else scores.stake[rows],
            reasons=words[scores.reason[rows, 0]],
        )
    return builder.finish()


def _save_rate(cases: Cases, settings: Settings) -> tuple[float | None, float | None]:
    """Return the save rate that was given, or else the measured one with its error."""
    if settings.save_rate is not None:
        return settings.save_rate, None
    return cases.save_rate if cases.save_rate is not None else (None, None)


@dataclass(frozen=True, slots=True)
class _Errors:
    each: FloatArray
    total: float


def _errors(
    model: Any, scores: Scores, cases: Cases, settings: Settings, *, rows: IntArray, rate: tuple[float, float]
) -> _Errors:
    """Return the standard error of the profit of the contacts `rows`, in their order, and of their sum."""
    share, share_error = rate
    place = np.full(len(scores), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    each, shared, gradient, start = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(model.covariance_)), 0
    months = np.arange(1, settings.horizon + 1)
    for block in cases.blocks():
        here = place[start : start + len(block.given)]
        start += len(block.given)
        some = np.flatnonzero(here >= 0)
        if not len(some) or block.margin is None:
            continue
        X = model.encoder_.design({name: values[some] for name, values in block.X.items()})
        survival = model.predict_survival(X, months, given=block.given[some])
        weights = profit_weights(
            survival,
            block.margin[some],
            monthly_discount=settings.monthly_discount,
            alert_months=ALERT_MONTHS,
            save_rate=share,
            offer_cost=settings.offer_cost,
        )
        pulled = model.pullback(X, weights, given=block.given[some])
        each[here[some]] = np.einsum("np,np->n", pulled @ model.covariance_, pulled)
        gradient += pulled.sum(axis=0)
    if scores.stake is not None:
        shared = scores.p_leave[rows] * (scores.stake[rows] - settings.offer_cost) * share_error
    total = float(gradient @ model.covariance_ @ gradient) + float(shared.sum()) ** 2
    return _Errors(np.sqrt(np.maximum(each, 0.0) + shared**2), float(np.sqrt(max(total, 0.0))))


def _is_ranking(made: Plan) -> bool:
    """Whether nothing limits the list: then it ranks the base, and nobody plans to contact all of it."""
    return made.budget is None and made.capacity is None and made.ranked_by != "expected_profit"


def _summary(made: Plan, total_error: float | None) -> PlanSummary:
    return PlanSummary(
        contacts=made.contacts,
        cost=None if _is_ranking(made) else made.total_cost,
        expected_profit=made.total_profit,
        std_error=total_error,
        budget=made.budget,
        ranked_by=made.ranked_by,
        statement=_statement(made, total_error),
    )


def _statement(made: Plan, total_error: float | None) -> str:
    if _is_ranking(made):
        why = _RANKED[made.ranked_by]
        return f"No budget was given: all {made.contacts:,} worth a contact are ranked, {why}, so no profit is claimed."
    if made.total_profit is None or not made.contacts:
        return made.statement
    limit = "" if made.budget is None else f" of the budget of {money_text(made.budget, made.currency)}"
    error = "" if total_error is None else f" (standard error {money_text(total_error, made.currency)})"
    return (
        f"{made.contacts:,} of {made.customers:,} customers are contacted; {money_text(made.total_cost, made.currency)}"
        f"{limit} is expected to be spent; expected profit {money_text(made.total_profit, made.currency)}{error}."
    )
