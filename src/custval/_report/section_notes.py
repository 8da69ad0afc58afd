"""What was found in the data, what was done about it, and how each number was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custval._core.wording import count_text
from custval._report.markup import Markup, tag
from custval._report.parts import Column, paragraph, section, table

if TYPE_CHECKING:
    from custval._pipeline.analysis import Analysis

__all__ = ("methods_section", "notes_section")


def notes_section(analysis: Analysis) -> Markup:
    """Return every data-quality note with its count."""
    heading = "Data quality"
    if not analysis.notes:
        return section("notes", heading, paragraph("Every row was used as it stood; nothing was dropped or repaired."))
    rows = [(note.subject, count_text(note.count), note.action) for note in analysis.notes]
    return section(
        "notes",
        heading,
        table(
            (Column("Where"), Column("Count", numeric=True), Column("What was done")),
            rows,
            caption="Dropped, repaired or noteworthy",
        ),
    )


def methods_section(analysis: Analysis) -> Markup:
    """Return how each number was made."""
    pairs = (tag("div", tag("dt", method.heading), tag("dd", method.text)) for method in analysis.methods)
    return section("methods", "How each number was made", tag("dl", *pairs, class_="methods"))
