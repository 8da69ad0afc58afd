"""What every section is built of: headings, figures in two widths, tables in a box of their own, boxed words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custval._core.wording import sentence
from custval._report.markup import Content, Markup, join, tag

if TYPE_CHECKING:
    import pandas as pd

__all__ = (
    "HALF",
    "PHONE",
    "WHOLE",
    "Column",
    "columns",
    "figure",
    "paragraph",
    "readable",
    "section",
    "table",
    "table_rows",
    "titled",
)

WHOLE, HALF, PHONE = 1040.0, 500.0, 342.0
NARROW = 4
"""Most columns that a phone shows side by side."""
SIDEWAYS = "Scroll the table sideways for its other columns →"


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a table's column; numbers stand at the right, names in the row's first cell are its heading."""

    heading: str
    numeric: bool = False


def section(key: str, heading: str, *parts: Content) -> Markup:
    """Return one section under its heading, reachable as ``#key``."""
    return tag("section", tag("h2", heading, id=f"{key}-heading"), *parts, id=key, aria_labelledby=f"{key}-heading")


def paragraph(*parts: Content, class_: str | None = None, aria_hidden: str | None = None) -> Markup:
    """Return a paragraph."""
    return tag("p", *parts, class_=class_, aria_hidden=aria_hidden)


def columns(*parts: Content) -> Markup:
    """Return parts side by side where the page is wide enough."""
    return tag("div", *parts, class_="columns")


def table_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


RANKINGS = {"p_leave": "chance of leaving"}


def readable(name: object) -> str:
    """Return a column's or a service's name as words.

    >>> readable("complaints_90d = 2"), readable("expected_profit"), readable("p_leave")
    ('complaints 90d: 2', 'expected profit', 'chance of leaving')
    """
    return RANKINGS.get(str(name)) or str(name).replace("_", " ").replace(" = ", ": ")


def titled(name: object) -> str:
    """Return a cause or group that is written in small letters with a capital first one; other spellings stay.

    >>> titled("voluntary"), titled("eSIM only")
    ('Voluntary', 'eSIM only')
    """
    text = str(name)
    return sentence(text) if text == text.lower() else text


def figure(
    draw: Callable[[float, str], Markup], *, key: str, heading: str, caption: Content, wide: float = HALF
) -> Markup:
    """Return a picture with heading and caption, drawn twice: for pages and for phones; the style sheet shows one."""
    return tag(
        "figure",
        tag("h3", heading),
        tag("div", draw(wide, f"{key}-wide"), class_="wide whole" if wide == WHOLE else "wide"),
        tag("div", draw(PHONE, f"{key}-phone"), class_="phone"),
        tag("figcaption", caption) if caption else None,
    )


def table(headings: Sequence[Column], rows: Iterable[Sequence[Content]], *, caption: str) -> Markup:
    """Return a table that scrolls sideways in its own box when the page is narrow."""
    head = tag("tr", *(tag("th", column.heading, scope="col", class_=_kind(column)) for column in headings))
    body = [
        tag(
            "tr",
            *(
                _cell(cell, column, first=not place)
                for place, (cell, column) in enumerate(zip(row, headings, strict=True))
            ),
        )
        for row in rows
    ]
    made = tag("table", tag("caption", tag("span", caption)), tag("thead", head), tag("tbody", join(body, "\n")))
    box = tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)
    if len(headings) <= NARROW:
        return tag("div", box, class_="small")
    # only narrow screens show the hint; who hears the page is told by the region
    return tag("div", box, paragraph(SIDEWAYS, class_="sideways", aria_hidden="true"), class_="wider")


def _cell(cell: Content, column: Column, *, first: bool) -> Markup:
    if first:
        return tag("th", cell, scope="row", class_=_kind(column))
    return tag("td", cell, class_=_kind(column))


def _kind(column: Column) -> str | None:
    return "number" if column.numeric else None
