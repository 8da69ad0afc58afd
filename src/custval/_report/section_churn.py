"""Base and churn by cause, how tenure was read and how much that matters, survival and incidence curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custval._core.steps import incidence_lines, survival_lines
from custval._core.wording import count_text, decimal_text, percent_text
from custval._report.markup import Markup, join, tag
from custval._report.parts import Column, columns, figure, paragraph, section, table, titled
from custval._report.picture_bars import Bar, bars_picture
from custval._report.picture_curves import MOST_LINES, incidence_picture, survival_picture

if TYPE_CHECKING:
    from custval._pipeline.analysis import Analysis, Reading

__all__ = ("churn_section", "curves_section")


def churn_section(analysis: Analysis) -> Markup:
    """Return churn by cause and the reading of tenure behind it."""
    return section(
        "churn",
        "Who left, and why",
        columns(_causes(analysis), _readings(analysis.reading)),
        _cause_table(analysis),
    )


def curves_section(analysis: Analysis) -> Markup:
    """Return survival by group and incidence by cause."""
    lines, causes = survival_lines(analysis.survival), incidence_lines(analysis.incidence)
    unit = analysis.base.time_unit
    by = f" by {_readable(analysis.group)}" if analysis.group else ""
    heading = f"Share still a customer{by}"
    stay = figure(
        lambda width, key: survival_picture(lines, unit=unit, width=width, key=key, title=heading),
        key="survival",
        heading=heading,
        caption=_band_caption("Kaplan-Meier", len(lines)),
    )
    leave = figure(
        lambda width, key: incidence_picture(
            causes, unit=unit, width=width, key=key, title="Share that has left, by cause"
        ),
        key="incidence",
        heading="Share that has left, by cause",
        caption=_band_caption("Aalen-Johansen: each cause while the others compete", len(causes)),
    )
    return section("curves", "How long customers stay", columns(stay, leave))


def _causes(analysis: Analysis) -> Markup:
    base = analysis.base
    bars = [
        Bar(titled(cause), rate, f"{percent_text(rate)} · {count_text(base.left_by_cause.get(cause))} left", position)
        for position, (cause, rate) in enumerate(base.monthly_rate_by_cause.items())
    ]
    heading = "Monthly churn, by cause" if base.time_unit == "month" else f"Churn a {base.time_unit}, by cause"
    caption = "Departures per customer at risk and month."
    return figure(
        lambda width, key: bars_picture(bars, width=width, key=key, title=heading),
        key="causes",
        heading=heading,
        caption=caption,
    )


def _readings(reading: Reading) -> Markup:
    rates = [("As read here", reading.monthly_rate), *reading.alternatives]
    bars = [
        Bar(label, rate, _compared(rate, reading.monthly_rate), 0 if not place else 6)
        for place, (label, rate) in enumerate(rates)
    ]
    heading = "How tenure was read"
    drawn = figure(
        lambda width, key: bars_picture(bars, width=width, key=key, title=heading),
        key="readings",
        heading=heading,
        caption=_difference(reading),
    )
    return tag(
        "div", drawn if reading.alternatives else tag("h3", heading), paragraph(reading.statement, class_="boxed")
    )


def _compared(rate: float, used: float) -> str:
    times = "" if rate == used or used <= 0 else f" · {decimal_text(rate / used, 1)} times"
    return f"{percent_text(rate)} a month{times}"


def _difference(reading: Reading) -> str:
    rates = [reading.monthly_rate, *(rate for _, rate in reading.alternatives)]
    if min(rates) <= 0:
        return "The readings give different monthly churn rates: the choice moves every number below."
    factor = max(rates) / min(rates)
    if factor < 1.05:
        return "The readings agree within 5%: the choice matters little here."
    return f"The readings differ by a factor of {decimal_text(factor, 1)}: the choice moves every number below."


def _cause_table(analysis: Analysis) -> Markup:
    base = analysis.base
    headings = (
        Column("Cause"),
        Column("Left", numeric=True),
        Column("Share of departures", numeric=True),
        Column(f"Rate a {base.time_unit}", numeric=True),
    )
    rows = [
        (
            titled(cause),
            count_text(left),
            percent_text(left / base.left if base.left else None),
            percent_text(base.monthly_rate_by_cause.get(cause)),
        )
        for cause, left in base.left_by_cause.items()
    ]
    rows.append(
        (
            "All causes",
            count_text(base.left),
            percent_text(1.0 if base.left else None),
            percent_text(analysis.reading.monthly_rate),
        )
    )
    return tag(
        "div",
        table(headings, rows, caption=f"Departures by cause among {count_text(base.customers)} customers read"),
        class_="short",
    )


def _band_caption(method: str, lines: int) -> Markup:
    more = f" The first {MOST_LINES} of {lines} are drawn." if lines > MOST_LINES else ""
    return join((f"{method}, with 95% bands.{more} The figure at the end of a line is its last value.",))


def _readable(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words.lower() if words.istitle() else words
