"""What the base is worth: the spread over customers, concentration, losses by cause; or why there is no money here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.wording import count_text, money_text, months_text, percent_text, plain_text, quadrant_name, sentence
from custval._report.markup import Content, Markup, tag
from custval._report.parts import (
    WHOLE,
    Column,
    columns,
    figure,
    paragraph,
    section,
    table,
    table_rows,
    titled,
)
from custval._report.picture_bars import Bar, bars_picture
from custval._report.picture_quadrants import Field, QuadrantDots, quadrants_picture
from custval._report.picture_value import gini_text, lorenz_picture, value_picture

if TYPE_CHECKING:
    from custval._pipeline.analysis import Analysis, QuadrantPoints, ValueSummary

__all__ = ("NO_MONEY", "quadrants_section", "value_section")

NO_MONEY = "No charge was given, so nothing here is counted in money."


def value_section(analysis: Analysis) -> Markup:
    """Return how value is spread, or one sentence."""
    value = analysis.value
    if value is None:
        return section("value", "What customers are worth", paragraph(NO_MONEY, class_="boxed"))
    return section(
        "value",
        "What customers are worth",
        paragraph(_value_sentence(value)),
        columns(*(part for part in (_spread_figure(value), _lorenz_figure(value)) if part is not None)),
        tag("div", _loss_figure(value), class_="half") if len(value.by_cause) > 1 else None,
    )


def quadrants_section(analysis: Analysis) -> Markup:
    """Return the four fields with heads, money and strategy, or one sentence."""
    quadrants = analysis.quadrants
    if quadrants is None or not len(quadrants):
        return section("quadrants", "Value and potential: four quadrants", paragraph(NO_MONEY, class_="boxed"))
    currency = analysis.value.currency if analysis.value else None
    records = {str(record["quadrant"]): record for record in table_rows(quadrants)}
    drawn = _quadrant_figure(records, analysis.quadrant_points, currency) if analysis.quadrant_points else None
    return section(
        "quadrants",
        "Value and potential: four quadrants",
        drawn,
        _quadrant_table(records, analysis.quadrant_points, currency),
    )


def _value_sentence(value: ValueSummary) -> str:
    low, high = money_text(value.lower, value.currency), money_text(value.upper, value.currency)
    below = f" {count_text(value.negative)} customers are worth less than nothing." if value.negative else ""
    return (
        f"Expected margin of all current customers over the next {months_text(value.horizon_months)}, discounted at "
        f"{percent_text(value.monthly_discount)} a month: {money_text(value.total, value.currency)} "
        f"(95% interval {low} to {high}).{below}"
    )


def _spread_figure(value: ValueSummary) -> Markup:
    heading = "Value of a customer"
    return figure(
        lambda width, key: value_picture(value.sample, currency=value.currency, width=width, key=key, title=heading),
        key="value-spread",
        heading=heading,
        caption="The outermost hundredth at either end is gathered in the first and the last bar.",
    )


def _lorenz_figure(value: ValueSummary) -> Markup | None:
    if value.lorenz is None or value.top_share is None:
        return None
    heading, top = "How concentrated value is", value.top_share
    customers, share, gini = lorenz_points(value.lorenz)
    return figure(
        lambda width, key: lorenz_picture(
            customers, share, top_share=top, gini=gini, width=width, key=key, title=heading
        ),
        key="lorenz",
        heading=heading,
        caption=f"Lorenz curve; {gini_text(gini)}",
    )


def lorenz_points(curve: Any) -> tuple[Any, Any, float]:
    """Return the corners of a Lorenz curve and its Gini coefficient, thinned to some hundreds."""
    customers, share = np.asarray(curve.share_of_customers), np.asarray(curve.share_of_value)
    keep = np.unique(np.linspace(0, len(customers) - 1, min(len(customers), 240)).astype(np.int64))
    return customers[keep], share[keep], float(curve.gini)


def _loss_figure(value: ValueSummary) -> Markup:
    heading = "Expected value lost, by cause"
    bars = [
        Bar(titled(cause), loss, money_text(loss, value.currency), place)
        for place, (cause, loss) in enumerate(value.by_cause.items())
    ]
    bars.sort(key=lambda bar: -bar.value)
    caption = (
        f"Margin forgone over the next {months_text(value.horizon_months)} because customers leave through this cause."
    )
    return figure(
        lambda width, key: bars_picture(bars, width=width, key=key, title=heading),
        key="losses",
        heading=heading,
        caption=caption,
    )


def _quadrant_figure(records: dict[str, dict[str, Any]], points: QuadrantPoints, currency: str | None) -> Markup:
    heading = "Heads, money and strategy in each quadrant"
    fields = [_field(name, records.get(name), currency) for name in points.names]
    dots = QuadrantDots(
        points.current,
        points.potential,
        points.quadrant,
        points.cut_current,
        points.cut_potential,
        points.label_current,
        points.label_potential,
    )
    return figure(
        lambda width, key: quadrants_picture(fields, dots, currency=currency, width=width, key=key, title=heading),
        key="quadrant-fields",
        heading=heading,
        caption="Each dot is a customer of the sample. Both axes are stretched so that the cut stands in the middle. "
        "At risk: chance of leaving within 3 months times lifetime value.",
        wide=WHOLE,
    )


def _field(name: str, record: dict[str, Any] | None, currency: str | None) -> Field:
    if record is None:
        return Field(quadrant_name(name), ("No customers",), "")
    heads = f"{count_text(record['customers'])} customers · {percent_text(record['share_of_customers'])} of all"
    money = f"{money_text(record['lifetime_value'], currency)} value · {percent_text(record['share_of_value'])} of all"
    at_risk = money_text(record["value_at_risk"], currency)
    risk = f"{percent_text(record['p_leave_3m'])} leave in 3 months · {at_risk} at risk"
    return Field(quadrant_name(name), (heads, money, risk), sentence(plain_text(record["strategy"])))


def _quadrant_table(records: dict[str, dict[str, Any]], points: QuadrantPoints | None, currency: str | None) -> Markup:
    current = points.label_current if points else "Current value"
    potential = points.label_potential if points else "Potential value"
    headings = (
        Column("Quadrant"),
        Column("Customers", numeric=True),
        Column(current, numeric=True),
        Column(potential, numeric=True),
        Column("Lifetime value", numeric=True),
        Column("Share of value", numeric=True),
        Column("Leave in 3 months", numeric=True),
        Column("Value at risk", numeric=True),
        Column("Strategy"),
    )
    rows = [_quadrant_row(name, record, currency) for name, record in records.items()]
    return table(headings, rows, caption="The quadrants in figures")


def _quadrant_row(name: str, record: dict[str, Any], currency: str | None) -> tuple[Content, ...]:
    money = [money_text(record[key], currency) for key in ("current_value", "potential_value", "lifetime_value")]
    heads = f"{count_text(record['customers'])} ({percent_text(record['share_of_customers'])})"
    shares = (percent_text(record["share_of_value"]), percent_text(record["p_leave_3m"]))
    return (
        quadrant_name(name),
        heads,
        *money,
        *shares,
        money_text(record["value_at_risk"], currency),
        sentence(plain_text(record["strategy"])),
    )
