"""How the documentation is built: ``make docs``."""

from __future__ import annotations

from pathlib import Path

import custval

HERE = Path(__file__).parent


def record_of_benchmarks() -> None:
    """Write the page that benchmarks.md includes: what the benchmark scripts recorded, or that nothing is recorded."""
    results = HERE.parent / "benchmarks" / "RESULTS.md"
    text = results.read_text(encoding="utf-8") if results.exists() else "No run is recorded for this version.\n"
    (HERE / "_generated").mkdir(exist_ok=True)
    (HERE / "_generated" / "results.md").write_text(text, encoding="utf-8")


record_of_benchmarks()

project = "custval"
author = "The custval authors"
copyright = "The custval authors"
release = version = custval.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx.ext.mathjax", "numpydoc"]
exclude_patterns = ["_build", "_generated"]
nitpicky = False  # types such as "array of float" in docstrings are words, not links

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"

html_theme = "furo"
html_title = "custval"
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0067a5", "color-brand-content": "#0067a5"},
    "dark_css_variables": {"color-brand-primary": "#5aaaea", "color-brand-content": "#5aaaea"},
}
