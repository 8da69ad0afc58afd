"""Whom to contact first, why, at what cost and with what expected profit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custval._core.wording import DASH, count_text, money_text, percent_text, plain_text, plural
from custval._report.markup import Content, Markup, tag
from custval._report.parts import Column, paragraph, readable, section, table, table_rows

if TYPE_CHECKING:
    import pandas as pd

    from custval._pipeline.analysis import Analysis

__all__ = ("contacts_section",)

HEAD = 15


def contacts_section(analysis: Analysis) -> Markup:
    """Return the plan in figures and the first customers of the list with their reasons."""
    heading, summary = "Whom to contact first", analysis.plan_summary
    told = paragraph(summary.statement)
    if not len(analysis.plan):
        return section("contacts", heading, told)
    records = table_rows(analysis.plan.head(HEAD))
    known = _known(analysis, [record["customer_id"] for record in records])
    shown = _columns(analysis)
    rows = [[render(record, known.get(record["customer_id"], {})) for _, render in shown] for record in records]
    ranked = f"ranked by {readable(summary.ranked_by)}{_common_offer(analysis.plan)}"
    caption = f"The first {plural(len(records), 'customer')} of {count_text(summary.contacts)}, {ranked}"
    drawn = tag("div", table([column for column, _ in shown], rows, caption=caption), class_="roomy")
    return section("contacts", heading, told, _figures(analysis), drawn)


def _margin(error: float, profit: Any, currency: str | None) -> str:
    """Return the half width of a 95 % interval, as fine as the profit it stands beside."""
    return money_text(1.96 * error, currency, like=profit)


def _known(analysis: Analysis, wanted: list[Any]) -> dict[Any, dict[str, Any]]:
    """Return the forecast rows of the `wanted` customers; those beyond the rows at hand stay unknown."""
    rows = analysis.customers
    chosen = rows[rows["customer_id"].isin(wanted)].drop_duplicates("customer_id")
    return {record["customer_id"]: record for record in table_rows(chosen)}


def _columns(analysis: Analysis) -> list[tuple[Column, Any]]:
    currency = analysis.value.currency if analysis.value else None
    has_money = analysis.value is not None
    has_profit = analysis.plan_summary.expected_profit is not None

    def money(source: str, place: int) -> Any:
        return lambda *records: money_text(records[place].get(source), currency)

    shown: list[tuple[Column, Any]] = [
        (Column("Rank", numeric=True), lambda row, _: count_text(row["rank"])),
        (Column("Customer"), lambda row, _: tag("span", plain_text(row["customer_id"]), class_="id")),
        (Column("Leaves in 3 months", numeric=True), lambda _, known: percent_text(known.get("p_leave_3m"))),
    ]
    if has_money:
        shown.append((Column("Lifetime value", numeric=True), money("lifetime_value", 1)))
    if len(analysis.plan["offer"].unique()) > 1:
        shown.append((Column("Offer"), lambda row, _: plain_text(row.get("offer"))))
    if has_money and analysis.plan["cost"].notna().any():
        shown.append((Column("Cost", numeric=True), money("cost", 0)))
    if has_profit:
        shown.append((Column("Expected profit", numeric=True), lambda row, _: _with_error(row, currency)))
    return [*shown, (Column("Reasons"), _reasons)]


def _common_offer(plan: pd.DataFrame) -> str:
    """Return the offer that all contacts get, which needs no column of its own."""
    offers = [plain_text(offer) for offer in plan["offer"].unique()]
    return f", each with “{offers[0]}”" if len(offers) == 1 and offers[0] != DASH else ""


def _with_error(row: dict[str, Any], currency: str | None) -> str:
    profit, error = money_text(row.get("expected_profit"), currency), row.get("std_error")
    if plain_text(error) == DASH:
        return profit
    return f"{profit} ± {_margin(float(str(error)), row.get('expected_profit'), currency)}"


def _reasons(row: dict[str, Any], known: dict[str, Any]) -> Content:
    told = (
        [plain_text(known.get(f"reason_{place}")) for place in (1, 2, 3)]
        if known
        else [plain_text(row.get("reason_1"))]
    )
    return "; ".join(readable(reason) for reason in told if reason != DASH) or DASH


def _figures(analysis: Analysis) -> Markup | None:
    plan, currency = analysis.plan_summary, analysis.value.currency if analysis.value else None
    pairs = [
        ("Contacts", count_text(plan.contacts)),
        ("Cost", money_text(plan.cost, currency)),
        ("Budget", money_text(plan.budget, currency)),
        ("Expected profit", money_text(plan.expected_profit, currency)),
        (
            "95% margin of error",
            DASH if plan.std_error is None else f"± {_margin(plan.std_error, plan.expected_profit, currency)}",
        ),
    ]
    kept = [(label, text) for label, text in pairs if text != DASH]
    return (
        tag("dl", *(tag("div", tag("dt", label), tag("dd", text)) for label, text in kept), class_="strip")
        if len(kept) > 1
        else None
    )
