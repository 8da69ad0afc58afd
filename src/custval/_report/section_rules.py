"""What goes together: the strongest rules in plain words, then as a table; or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custval._core.wording import count_text, decimal_text, percent_text, plain_text, plural
from custval._report.markup import Content, Markup, tag
from custval._report.parts import Column, paragraph, readable, section, table, table_rows

if TYPE_CHECKING:
    import pandas as pd

    from custval._pipeline.analysis import Analysis

__all__ = ("chance_text", "rules_section")

IN_WORDS, IN_TABLE = 3, 12
HEADINGS = (
    Column("Customers with"),
    Column("also have"),
    Column("Customers", numeric=True),
    Column("Support", numeric=True),
    Column("Confidence", numeric=True),
    Column("Lift", numeric=True),
    Column("Adjusted p", numeric=True),
)


def rules_section(analysis: Analysis) -> Markup:
    """Return the top rules, or one sentence."""
    heading = "What goes together"
    if not len(analysis.rules):
        reason = "No services were given, so no rules were mined."
        if analysis.baskets:
            reason = f"Among the services of {count_text(analysis.baskets)} customers no rule passed the thresholds."
        return section("rules", heading, paragraph(reason, class_="boxed"))
    records = table_rows(analysis.rules.head(IN_TABLE))
    told = tag("ol", *(tag("li", _in_words(record)) for record in _told(analysis.rules)), class_="findings")
    which = "All" if len(records) == len(analysis.rules) else f"The first {len(records)} of"
    caption = (
        f"{which} {plural(len(analysis.rules), 'rule')}, from the services of {count_text(analysis.baskets)} customers"
    )
    return section(
        "rules", heading, told, table(HEADINGS, [_row(record) for record in records], caption=caption), _glossary()
    )


def chance_text(value: float | None) -> str:
    """Return a p-value as people quote it.

    >>> chance_text(1e-9), chance_text(0.0312)
    ('<0.001', '0.031')
    """
    return "<0.001" if value is not None and value < 0.001 else decimal_text(value, 3)


def _told(rules: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the strongest rules that say something new: other services on the right, and others altogether."""
    chosen: list[dict[str, Any]] = []
    seen: set[object] = set()
    for record in table_rows(rules):
        right = plain_text(record["consequent"])
        services = frozenset((*plain_text(record["antecedent"]).replace(" + ", ", ").split(", "), right))
        if right not in seen and services not in seen:
            chosen.append(record)
            seen |= {right, services}
        if len(chosen) == IN_WORDS:
            break
    return chosen


def _in_words(record: dict[str, Any]) -> Markup:
    antecedent, consequent = readable(plain_text(record["antecedent"])), readable(plain_text(record["consequent"]))
    lift = float(record["lift"])
    likely = f"{decimal_text(lift, 1)} times as often as customers at large"
    return tag(
        "span",
        "Of the customers with ",
        tag("b", antecedent),
        f", {percent_text(record['confidence'])} also have ",
        tag("b", consequent),
        f": {likely}. {count_text(record['count'])} customers hold all of them.",
    )


def _row(record: dict[str, Any]) -> tuple[Content, ...]:
    return (
        readable(plain_text(record["antecedent"])),
        readable(plain_text(record["consequent"])),
        count_text(record["count"]),
        percent_text(record["support"]),
        percent_text(record["confidence"]),
        decimal_text(record["lift"], 2),
        chance_text(record.get("p_adjusted")),
    )


def _glossary() -> Markup:
    return paragraph(
        "Support: share of all customers who hold everything named. Confidence: share of those on the left who "
        "hold the right too. Lift: confidence over the right side’s share among all customers; 1 means no connection.",
        class_="aside",
    )
