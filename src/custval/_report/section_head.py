"""The top of the page: what was read, six key figures, and the findings in a few sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._core.wording import count_text, money_text, months_text, percent_text, plural, quadrant_name
from custval._report.markup import Markup, join, tag
from custval._report.parts import paragraph, readable

if TYPE_CHECKING:
    from custval._pipeline.analysis import Analysis

__all__ = ("expected_leavers", "head_section")


def head_section(analysis: Analysis) -> Markup:
    """Return the page's head: title, findings, cards."""
    cards = [_customers_card(analysis), _churn_card(analysis), _leavers_card(analysis), _value_card(analysis)]
    cards += [_concentration_card(analysis), _plan_card(analysis)]
    shown = [card for card in cards if card]
    return tag(
        "header",
        paragraph(analysis.title, class_="kicker"),
        tag("h1", "Customer value and churn"),
        paragraph(join(_findings(analysis), " "), class_="lede"),
        tag("dl", *shown, class_=f"cards of{len(shown)}"),
    )


def expected_leavers(analysis: Analysis) -> tuple[float, float] | None:
    """Return how many current customers are expected to leave within three months, and their share."""
    if not analysis.customers_total:
        return None
    return analysis.expected_leavers, analysis.expected_leavers / analysis.customers_total


def _card(label: str, figure: str, note: str) -> Markup:
    # One div for each pair keeps a definition list that readers who hear the page can walk through.
    return tag("div", tag("dt", label), tag("dd", figure, class_="big"), tag("dd", note, class_="note"), class_="card")


def _customers_card(analysis: Analysis) -> Markup:
    base = analysis.base
    left = percent_text(base.left / base.customers) if base.customers else "none"
    return _card(
        "Current customers",
        count_text(base.active),
        f"{count_text(base.left)} of {count_text(base.customers)} read have left ({left})",
    )


def _churn_card(analysis: Analysis) -> Markup:
    unit = analysis.base.time_unit
    return _card(
        "Monthly churn" if unit == "month" else f"Churn a {unit}",
        percent_text(analysis.reading.monthly_rate),
        "of the customers at risk, all causes",
    )


def _leavers_card(analysis: Analysis) -> Markup | None:
    expected = expected_leavers(analysis)
    if expected is None:
        return None
    number, share = expected
    return _card("Expected to leave in 3 months", count_text(number), f"{percent_text(share)} of current customers")


def _value_card(analysis: Analysis) -> Markup | None:
    value = analysis.value
    if value is None:
        return None
    low, high = (money_text(bound, value.currency) for bound in (value.lower, value.upper))
    note = f"95% interval {low} to {high}; next {months_text(value.horizon_months)}"
    return _card("Value of the base", money_text(value.total, value.currency), note)


def _concentration_card(analysis: Analysis) -> Markup | None:
    value = analysis.value
    if value is None or value.top_share is None:
        return None
    note = f"of all value is held by the top 20%; mean {money_text(value.mean, value.currency)} a customer"
    return _card("Concentration", percent_text(value.top_share), note)


def _plan_card(analysis: Analysis) -> Markup | None:
    plan = analysis.plan_summary
    if not plan.contacts:
        return None
    currency = analysis.value.currency if analysis.value else None
    if plan.expected_profit is None:
        return _card("Contact list", count_text(plan.contacts), f"customers, ranked by {readable(plan.ranked_by)}")
    like = plan.expected_profit
    error = "" if plan.std_error is None else f" ± {money_text(1.96 * plan.std_error, currency, like=like)}"
    note = f"expected from {plural(plan.contacts, 'contact')}{error}"
    return _card("Profit of the plan", money_text(plan.expected_profit, currency), note)


def _findings(analysis: Analysis) -> list[str]:
    """Return the findings as sentences that stand on their own."""
    sentences = [_churn_sentence(analysis)]
    value, expected = analysis.value, expected_leavers(analysis)
    if value is None and expected is not None:
        few = f"{count_text(expected[0])} of the {count_text(analysis.customers_total)} current customers"
        sentences.append(f"Within 3 months {few} are expected to leave.")
    if value is not None:
        money = money_text(value.total, value.currency)
        span = months_text(value.horizon_months)
        sentences.append(
            f"Over the next {span} the {count_text(analysis.customers_total)} current customers "
            f"are expected to bring {money}{_top_fifth(value.top_share)}."
        )
    sentences += _risk_sentence(analysis)
    return sentences


def _top_fifth(share: float | None) -> str:
    return "" if share is None else f"; the most valuable fifth of them holds {percent_text(share)} of it"


def _churn_sentence(analysis: Analysis) -> str:
    base, rate = analysis.base, percent_text(analysis.reading.monthly_rate)
    causes = {cause: number for cause, number in base.left_by_cause.items() if number}
    sentence = f"{rate} of the customers at risk leave each {base.time_unit}"
    if len(causes) < 2:
        return sentence + "."
    cause = max(causes, key=lambda name: causes[name])
    return f"{sentence}; {percent_text(causes[cause] / max(base.left, 1))} of the departures are {cause}."


def _risk_sentence(analysis: Analysis) -> list[str]:
    table = analysis.quadrants
    if table is None or not len(table) or "value_at_risk" not in table:
        return []
    at_risk = np.asarray(table["value_at_risk"], dtype=np.float64)
    if not np.isfinite(at_risk).all() or at_risk.sum() <= 0:
        return []
    worst = int(at_risk.argmax())
    currency = analysis.value.currency if analysis.value else None
    name = quadrant_name(table["quadrant"].iloc[worst])
    share = percent_text(float(at_risk[worst] / at_risk.sum()))
    money = money_text(float(at_risk.sum()), currency)
    return [f"Of this, {money} is at risk within 3 months, {share} of it in the quadrant “{name}”."]
