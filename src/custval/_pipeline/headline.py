"""The answer in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custval._core.wording import count_text, money_text, percent_text
from custval._pipeline.analysis import Base, PlanSummary, Reading, ValueSummary
from custval._pipeline.cases import Cases

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("headline",)


def headline(
    cases: Cases,
    value: ValueSummary | None,
    quadrants: pd.DataFrame | None,
    rules: pd.DataFrame,
    plan: PlanSummary,
) -> tuple[tuple[str, str], ...]:
    """Return label and text of each line."""
    return (
        *_seen(cases),
        ("Churn a month", _churn(cases.base, cases.reading)),
        ("Total value", _value(value)),
        ("Quadrants", _quadrants(quadrants)),
        ("Best rule", _rule(rules)),
        ("Plan", plan.statement),
    )


def _seen(cases: Cases) -> tuple[tuple[str, str], ...]:
    base = cases.base
    people = f"{count_text(base.active)} current customers, {count_text(base.left)} left"
    if cases.world:
        return (
            *cases.world,
            ("View", f"{people}; {cases.view_columns} columns from the records, {len(cases.X)} of them in the hazard"),
        )
    return (
        ("Table", f"{cases.title}: {people}"),
        ("Columns", f"{len(cases.X)} tell customers apart: {_some(list(cases.X))}"),
    )


def _some(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _churn(base: Base, reading: Reading) -> str:
    parts = [f"{cause} {percent_text(rate)}" for cause, rate in base.monthly_rate_by_cause.items()]
    whole = percent_text(reading.monthly_rate)
    return whole if len(parts) == 1 else f"{whole}: " + ", ".join(parts)


def _value(value: ValueSummary | None) -> str:
    if value is None:
        return "no charge was given, so nothing is said in money"
    low, high = money_text(value.lower, value.currency), money_text(value.upper, value.currency)
    return (
        f"{money_text(value.total, value.currency)} over {value.horizon_months} months (95% interval {low} to {high})"
    )


def _quadrants(quadrants: pd.DataFrame | None) -> str:
    if quadrants is None:
        return "need a charge"
    rows = zip(quadrants["quadrant"], quadrants["customers"], quadrants["share_of_value"], strict=True)
    return "; ".join(f"{name} {count_text(n)} ({percent_text(share)} of value)" for name, n, share in rows)


def _rule(rules: pd.DataFrame) -> str:
    if not len(rules):
        return "none survived the test" if rules is not None else ""
    best = rules.iloc[0]
    return (
        f"{best['antecedent']} -> {best['consequent']}: confidence {percent_text(best['confidence'])}, lift "
        f"{best['lift']:.2f}, "
        f"{count_text(best['count'])} customers"
    )
