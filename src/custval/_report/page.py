"""The whole page: head, sections, foot; one file that needs neither network nor script to be read.

The page answers, in this order: what is the base worth and how fast does it shrink, who leaves and why, how long do
customers stay, where does the value sit, what goes together, whom to contact first, and how far to trust all this.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.wording import decimal_text
from custval._report.markup import Markup, join, tag
from custval._report.section_churn import churn_section, curves_section
from custval._report.section_contacts import contacts_section
from custval._report.section_head import head_section
from custval._report.section_notes import methods_section, notes_section
from custval._report.section_rules import rules_section
from custval._report.section_value import quadrants_section, value_section

if TYPE_CHECKING:
    from custval._pipeline.analysis import Analysis

__all__ = ("html_report", "write_report")

PLACES = (
    ("churn", "Churn"),
    ("curves", "Survival"),
    ("value", "Value"),
    ("quadrants", "Quadrants"),
    ("rules", "Rules"),
    ("contacts", "Contacts"),
    ("notes", "Data quality"),
    ("methods", "Method"),
)


@public("report")
def html_report(analysis: Analysis) -> str:
    """Return the analysis as one self-contained HTML page.

    Parameters
    ----------
    analysis : Analysis
        What ``custval.pipeline.analyse`` returns.

    Returns
    -------
    str
        The page: inline style, inline SVG pictures, no script and no address outside itself. All text that comes from
        the data is escaped.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from custval.pipeline import analyse
    >>> from custval.report import html_report
    >>> random = np.random.default_rng(0)
    >>> table = pd.DataFrame({"tenure": random.integers(1, 40, 400), "plan": random.choice(["basic", "plus"], 400)})
    >>> table["left"] = random.random(400) < np.where(table["plan"] == "basic", 0.4, 0.1)
    >>> page = html_report(analyse(table, tenure="tenure", event="left", charge=20.0))
    >>> page.startswith("<!doctype html>"), "<script" in page, "https:" in page
    (True, False, False)
    """
    if not hasattr(analysis, "plan_summary"):
        kind = type(analysis).__name__
        raise InputError(f"a report is made of what custval.pipeline.analyse returns, not of {kind}")
    body = join(
        (
            tag("a", "Skip to the findings", href="#main", class_="skip"),
            head_section(analysis),
            _contents(),
            tag(
                "main",
                churn_section(analysis),
                curves_section(analysis),
                value_section(analysis),
                quadrants_section(analysis),
                rules_section(analysis),
                contacts_section(analysis),
                notes_section(analysis),
                methods_section(analysis),
                id="main",
            ),
            _foot(analysis),
        ),
        "\n",
    )
    page = tag("html", _head(analysis.title), "\n", tag("body", body), lang="en")
    return f"<!doctype html>\n{page}\n"


@public("report")
def write_report(analysis: Analysis, path: str | Path) -> Path:
    """Write the page of ``html_report`` to a file.

    Parameters
    ----------
    analysis : Analysis
        What ``custval.pipeline.analyse`` returns.
    path : str or Path
        The file to write, in UTF-8; its folder is made where it is missing.

    Returns
    -------
    Path
        The file written.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from custval.pipeline import analyse
    >>> from custval.report import write_report
    >>> random = np.random.default_rng(0)
    >>> table = pd.DataFrame({"tenure": random.integers(1, 40, 400), "plan": random.choice(["basic", "plus"], 400)})
    >>> table["left"] = random.random(400) < np.where(table["plan"] == "basic", 0.4, 0.1)
    >>> write_report(analyse(table, tenure="tenure", event="left", charge=20.0), "out/report.html").name
    'report.html'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(html_report(analysis), encoding="utf-8")
    return target


def _head(title: str) -> Markup:
    # The style sheet is the library's own file: it holds no text from outside and must not be escaped.
    style = Markup(files("custval._report").joinpath("style.css").read_text(encoding="utf-8"))
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Customer value and churn: {title}"),
        tag("style", style),
    )


def _contents() -> Markup:
    links = (tag("li", tag("a", label, href=f"#{key}")) for key, label in PLACES)
    return tag("nav", tag("ul", *links), aria_label="Sections")


def _foot(analysis: Analysis) -> Markup:
    from custval import __version__

    seconds = decimal_text(analysis.seconds, 1)
    memory = f", {decimal_text(analysis.peak_memory_mb, 0)} MB at the peak" if analysis.peak_memory_mb else ""
    return tag(
        "footer",
        tag(
            "p",
            f"Made by custval {__version__} in {seconds} seconds{memory}. Forecasts are expectations, not promises.",
        ),
    )
