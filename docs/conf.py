"""How the documentation is built: ``make docs``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import custval

HERE = Path(__file__).parent


def record_of_benchmarks() -> None:
    """Write the page that benchmarks.md includes: what the benchmark scripts recorded, or that nothing is recorded."""
    results = HERE.parent / "benchmarks" / "RESULTS.md"
    text = results.read_text(encoding="utf-8") if results.exists() else "No run is recorded for this version.\n"
    (HERE / "_generated").mkdir(exist_ok=True)
    # the page has the heading already
    (HERE / "_generated" / "results.md").write_text(text.removeprefix("# Benchmarks\n"), encoding="utf-8")


record_of_benchmarks()

project = "custval"
author = "The custval authors"
copyright = "The custval authors"
release = version = custval.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc"]
exclude_patterns = ["_build", "_generated"]
nitpicky = False  # types such as "array of float" in docstrings are words, not links

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say them in words; of aliases a signature shows what NumPy makes of them

html_theme = "furo"
html_math_renderer = "mathml"
html_title = "custval"
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0067a5", "color-brand-content": "#0067a5"},
    "dark_css_variables": {"color-brand-primary": "#5aaaea", "color-brand-content": "#5aaaea"},
}


def mathml(formula: nodes.Element, *, as_block: bool = False) -> str:
    """Return a formula as MathML, which browsers draw themselves: pages need no script and no network."""
    # an index of an accented letter belongs beside it, not under it; a function's name stands off a bare argument
    text = re.sub(r"\\(?:hat|bar)\s*(?:\\[a-z]+|[A-Za-z])(?=_)", r"\g<0>{}", formula.astext())
    made = tex2mathml(text, as_block=as_block)
    return re.sub(r"<mo>(&ApplyFunction;)</mo>(?=\s*<m(?:i|su|over))", r'<mo rspace="0.17em">\1</mo>', made)


def write_formula(page: Any, formula: nodes.math) -> None:
    """Write a formula of the text."""
    page.body.append(mathml(formula))
    raise nodes.SkipNode


def write_formula_block(page: Any, formula: nodes.math_block) -> None:
    """Write a formula that stands alone; one that is too wide for the page scrolls."""
    page.body.append(f'<div style="overflow-x: auto; padding: 0.4em 0">{mathml(formula, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Register how formulas are written."""
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula_block, None))
