"""Base and churn by cause, how tenure was read and how much that matters, survival and incidence curves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custval._core.steps import incidence_lines, survival_lines
from custval._core.wording import count_text, decimal_text, percent_text, sentence
from custval._report.markup import Markup, tag
from custval._report.parts import Column, columns, figure, paragraph, readable, section, table, titled
from custval._report.picture_bars import Bar, bars_picture
from custval._report.picture_curves import MOST_LINES, incidence_picture, stayed, survival_picture

if TYPE_CHECKING:
    from custval._pipeline.analysis import Analysis, Reading
    from custval.survival import Curves, IncidenceCurve

__all__ = ("churn_section", "curves_section")

ONE_CAUSE = "The input names no causes of leaving, so all departures are counted together."


def churn_section(analysis: Analysis) -> Markup:
    """Return churn by cause and the reading of tenure behind it."""
    reading, statement = analysis.reading, paragraph(analysis.reading.statement, class_="boxed")
    drawn = _readings(reading, analysis.base.time_unit) if reading.alternatives else tag("h3", "How tenure was read")
    if len(analysis.base.left_by_cause) < 2:
        told = tag("div", statement, paragraph(ONE_CAUSE, class_="aside"))
        return section("churn", "Who left", columns(drawn, told))
    beside = columns(_causes(analysis), tag("div", drawn, statement))
    return section("churn", "Who left, and why", beside, _cause_table(analysis))


def curves_section(analysis: Analysis) -> Markup:
    """Return survival by group, incidence by cause, and the incidence of the leading causes by group."""
    grouped = _grouped_figures(analysis)
    if analysis.group and len(analysis.base.left_by_cause) < 2 and grouped:
        first, rest = columns(_survival_figure(analysis), grouped[0]), None
    else:
        first = columns(_survival_figure(analysis), _incidence_figure(analysis))
        rest = columns(*grouped) if grouped else None
    return section("curves", "How long customers stay", first, rest)


def _grouped_figures(analysis: Analysis) -> list[Markup]:
    """Return one figure for each of the two causes with the most departures, a line for each group."""
    curves, counts = analysis.incidence_by_group, analysis.base.left_by_cause
    if curves is None or not analysis.group:
        return []
    leading = sorted(counts, key=lambda cause: -counts[cause])[:2]
    return [_grouped_figure(analysis, cause) for cause in leading if cause in _causes_of(curves)]


def _causes_of(curves: Curves[IncidenceCurve]) -> tuple[str, ...]:
    return next(iter(curves.values())).causes


def _grouped_figure(analysis: Analysis, cause: str) -> Markup:
    begin, unit, end = analysis.survival_from, analysis.base.time_unit, f": {cause}"
    lines = tuple(
        replace(line, label=line.label.removesuffix(end))
        for line in incidence_lines(analysis.incidence_by_group, begin)
        if line.label.endswith(end)
    )
    why = f" ({readable(cause)})" if len(analysis.base.left_by_cause) > 1 else ""
    heading = f"Share that has left{why}, by {_column_words(analysis.group or '')}"
    return figure(
        lambda width, key: incidence_picture(lines, unit=unit, width=width, key=key, title=heading),
        key=f"incidence-{_place(analysis, cause)}",
        heading=heading,
        caption=_band_caption("Aalen-Johansen", len(lines), stayed(begin, unit)),
    )


def _place(analysis: Analysis, cause: str) -> int:
    return list(analysis.base.left_by_cause).index(cause)


def _survival_figure(analysis: Analysis) -> Markup:
    begin, unit = analysis.survival_from, analysis.base.time_unit
    lines = survival_lines(analysis.survival, begin)
    by = f" by {_column_words(analysis.group)}" if analysis.group else ""
    heading = f"Share still a customer{by}"
    return figure(
        lambda width, key: survival_picture(lines, unit=unit, width=width, key=key, title=heading),
        key="survival",
        heading=heading,
        caption=_band_caption("Kaplan-Meier", len(lines), stayed(begin, unit)),
    )


def _incidence_figure(analysis: Analysis) -> Markup:
    begin, unit = analysis.incidence_from, analysis.base.time_unit
    lines = incidence_lines(analysis.incidence, begin)
    several = len(lines) > 1
    heading = "Share that has left, by cause" if several else "Share that has left"
    lines = lines if several else tuple(replace(line, label="All") for line in lines)
    method = "Aalen-Johansen: each cause while the others compete" if several else "Aalen-Johansen, all customers"
    return figure(
        lambda width, key: incidence_picture(lines, unit=unit, width=width, key=key, title=heading),
        key="incidence",
        heading=heading,
        caption=_band_caption(method, len(lines), stayed(begin, unit)),
    )


def _causes(analysis: Analysis) -> Markup:
    base = analysis.base
    bars = [
        Bar(titled(cause), rate, f"{percent_text(rate)} · {count_text(base.left_by_cause.get(cause))} left", position)
        for position, (cause, rate) in enumerate(base.monthly_rate_by_cause.items())
    ]
    bars.sort(key=lambda bar: -bar.value)  # the largest first, each in the colour of its curve
    heading = "Monthly churn, by cause" if base.time_unit == "month" else f"Churn a {base.time_unit}, by cause"
    caption = f"Departures per customer at risk and {base.time_unit}."
    return figure(
        lambda width, key: bars_picture(bars, width=width, key=key, title=heading),
        key="causes",
        heading=heading,
        caption=caption,
    )


def _readings(reading: Reading, unit: str) -> Markup:
    rates = [("As read here", reading.monthly_rate), *reading.alternatives]
    bars = [
        Bar(sentence(label), rate, _compared(rate, reading.monthly_rate, unit), 6 if place else 0)
        for place, (label, rate) in enumerate(rates)
    ]
    heading = "How tenure was read, and churn under other readings"
    return figure(
        lambda width, key: bars_picture(bars, width=width, key=key, title=heading),
        key="readings",
        heading=heading,
        caption=_difference(reading),
    )


def _compared(rate: float, used: float, unit: str) -> str:
    words = f"{percent_text(rate)} a {unit}"
    if rate == used or min(rate, used) <= 0:
        return words
    factor = decimal_text(max(rate, used) / min(rate, used), 1)
    return f"{words} · {factor} times {'more' if rate > used else 'less'}"


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
        for cause, left in sorted(base.left_by_cause.items(), key=lambda pair: -pair[1])
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


def _band_caption(method: str, lines: int, whom: str) -> str:
    more = f" The first {MOST_LINES} of {lines} are drawn." if lines > MOST_LINES else ""
    start = " Before that too few were at risk." if whom else ""
    return (
        f"{method}{f', {whom}' if whom else ''}, with 95% bands.{start}{more} "
        "The figure at the end of a line is its last value."
    )


def _column_words(name: str) -> str:
    words = readable(name).strip()
    return words.lower() if words.istitle() else words
