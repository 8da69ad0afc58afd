"""From cases to the answer: fit, score, value, quadrants, rules, plan."""

from __future__ import annotations

import time

import numpy as np

from custval._core.progress import Stages
from custval._core.typing import TextArray
from custval._pipeline.analysis import Analysis, Method, Note
from custval._pipeline.cases import Cases
from custval._pipeline.contacts import contact_plan
from custval._pipeline.curves import base_curves
from custval._pipeline.customers import CustomerTable
from custval._pipeline.headline import headline
from custval._pipeline.market import mined_rules
from custval._pipeline.memory import peak_memory_mb
from custval._pipeline.noted import noted
from custval._pipeline.quadrants import Quadrants, quadrants_of
from custval._pipeline.scoring import ALERT_MONTHS, Scores, score_base
from custval._pipeline.settings import Settings
from custval._pipeline.worth import value_summary
from custval._survival.curve_groups import Curves
from custval._survival.discrete import DiscreteHazard
from custval._survival.target import read_target, survival_target

__all__ = ("run_chain",)

_RIDGE = 1.0
_FEW = 10
_DEPARTURES_PER_BEND = 60
_MOST_BENDS = 12
_UNSEEN = "customers whose level was not seen in fitting: scored as the reference level"


def run_chain(cases: Cases, settings: Settings, *, started: float) -> Analysis:
    """Return the answer for `cases`; `started` is the clock when the work began."""
    notes = list(cases.notes)
    with Stages(("curves", "hazard", "scores", "quadrants", "rules", "plan"), progress=settings.progress) as stages:
        stages.next("curves")
        curves = base_curves(cases, notes)
        stages.next("hazard")
        model = _fit_hazard(cases, notes)
        stages.next("scores")
        with noted("scores", notes):
            scores = score_base(model, cases, settings)
        notes.extend(Note(name, count, _UNSEEN) for name, count in scores.unseen.items())
        stages.next("quadrants")
        value = value_summary(scores, model, settings) if cases.has_money else None
        quadrants = quadrants_of(scores, cases) if cases.has_money else None
        stages.next("rules")
        rules, rule_notes, rule_methods = mined_rules(scores, cases)
        stages.next("plan")
        plan, summary = contact_plan(model, scores, cases, settings)
    table = _customer_table(scores, model, quadrants, cases, settings)
    quadrant_table = None if quadrants is None else quadrants.table
    return Analysis(
        title=cases.title,
        headline=headline(cases, value, quadrant_table, rules, summary),
        base=cases.base,
        reading=cases.reading,
        group=cases.group if isinstance(curves.survival, Curves) else None,
        model=model,
        customers=table.head(),
        customers_total=len(scores),
        expected_leavers=float(scores.p_leave.sum()),
        value=value,
        quadrants=quadrant_table,
        quadrant_points=None if quadrants is None else quadrants.points,
        rules=rules,
        baskets=len(scores) if cases.services else 0,
        plan=plan,
        plan_summary=summary,
        notes=(*notes, *(quadrants.notes if quadrants is not None else ()), *rule_notes),
        methods=(*_methods(cases, model, settings, quadrants), *rule_methods, _plan_method(cases, settings)),
        seconds=time.perf_counter() - started,
        peak_memory_mb=peak_memory_mb(),
        customer_table=table,
        **curves.fields(),
    )


def _customer_table(
    scores: Scores, model: DiscreteHazard, quadrants: Quadrants | None, cases: Cases, settings: Settings
) -> CustomerTable:
    discount = (1.0 + settings.monthly_discount) ** -np.arange(1.0, settings.horizon + 1)
    largest_loss = max(cases.loss_at_exit.values(), default=0.0)
    return CustomerTable(scores, model.causes_, quadrants, never_gone=float(discount.sum()), largest_loss=largest_loss)


def _methods(cases: Cases, model: DiscreteHazard, settings: Settings, quadrants: Quadrants | None) -> list[Method]:
    made = [*cases.methods, _hazard_method(cases, model), *_value_methods(cases, settings)]
    return made if quadrants is None else [*made, quadrants.method]


def _fit_hazard(cases: Cases, notes: list[Note]) -> DiscreteHazard:
    """Fit the monthly hazard; the weak ridge keeps a level without departures from running to infinity."""
    model = DiscreteHazard(
        baseline="spline",
        baseline_df=_bends(cases.y),
        l2=_RIDGE,
        standardize_penalty=True,
        tail="hold",
        missing="indicator",
        unseen="other",
    )
    y = _seen_causes(cases.y, notes)
    left = int((y["event"] > 0).sum())
    if left < _FEW:
        notes.append(Note("hazard", left, "departures only: risks, values and intervals are rough"))
    with noted("hazard", notes):
        return model.fit(cases.X, y, cluster=cases.cluster)


def _bends(y: TextArray) -> int:
    """Return how many bends of the hazard with tenure the departures carry."""
    left = int((y["event"] > 0).sum())
    return min(max(left // _DEPARTURES_PER_BEND, 3), _MOST_BENDS, max(len(np.unique(y["duration"])) - 1, 1))


def _seen_causes(y: TextArray, notes: list[Note]) -> TextArray:
    """Return the target with the causes for which somebody left in the rows that are fitted on; note the others."""
    target = read_target(y)
    seen = np.unique(target.event[target.event > 0])
    if len(seen) in (0, len(target.causes)):
        return y
    for code, cause in enumerate(target.causes, start=1):
        if code not in seen:
            notes.append(Note(cause, 1, "cause without a departure among the rows fitted on: not forecast"))
    event = np.where(target.event > 0, np.searchsorted(seen, target.event) + 1, 0)
    causes = [target.causes[code - 1] for code in seen]
    return survival_target(target.duration, event, entry=target.entry, causes=causes, time_unit=target.time_unit)


def _hazard_method(cases: Cases, model: DiscreteHazard) -> Method:
    causes = "" if len(model.causes_) == 1 else f", all {len(model.causes_)} causes at once as competing risks"
    errors = "" if cases.cluster is None else " Errors are robust to several rows of one customer."
    text = (
        f"A monthly logit hazard{causes}, fitted on {len(cases.y):,} customer spells with {len(cases.X)} columns and a "
        "spline of tenure; a weak ridge (1 per standard deviation of a column) keeps rare levels finite. "
        "Each forecast is "
        f"conditional on the months already stayed.{errors} Beyond the longest tenure seen the hazard's level is held."
    )
    return Method("Risk of leaving", text)


def _value_methods(cases: Cases, settings: Settings) -> list[Method]:
    if not cases.has_money:
        return []
    losses = "".join(f"; less {loss:,.2f} at an exit by {cause}" for cause, loss in cases.loss_at_exit.items())
    text = (
        f"Expected margin of the next {settings.horizon} months: monthly margin x P(still a customer at the "
        "month's end), "
        f"discounted at {settings.monthly_discount:.2%} a month{losses}. Intervals are 95 % and carry the "
        "uncertainty of the "
        "fitted hazard, not the luck of a single customer; in the total the errors of customers are "
        "correlated and do not "
        "average out. Remaining value, potential and plan profit are never added together."
    )
    return [Method("Value", text)]


def _plan_method(cases: Cases, settings: Settings) -> Method:
    if not cases.has_money:
        return Method(
            "Contact list",
            f"Ranked by the chance of leaving within {ALERT_MONTHS} months; without money no profit can be claimed.",
        )
    stake = f"the value at stake is what a customer kept through the next {ALERT_MONTHS} months still brings"
    if settings.save_rate is None and cases.save_rate is None:
        return Method(
            "Contact list",
            f"Ranked by value at risk, the chance of leaving x the value at stake ({stake}). Without a save "
            "rate no profit is claimed.",
        )
    if settings.save_rate is not None:
        rate = f"the save rate given, {settings.save_rate:.1%}"
    else:
        share, error = cases.save_rate or (0.0, 0.0)
        rate = f"the save rate of the randomised campaign, {share:.1%} (standard error {error:.1%})"
    text = (
        "Profit of a contact = p [g (V - d) - f] - (1 - p)(d + f) with p the chance of leaving within "
        f"{ALERT_MONTHS} months, "
        f"g {rate}, V the value at stake ({stake}), d the offer's cost and f the contact's: those who would "
        "have stayed take "
        "the offer too."
    )
    return Method("Contact list", text)
