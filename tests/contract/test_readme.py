"""The Python of the README and of the documentation runs as it stands."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNIPPETS = runpy.run_path(str(ROOT / "tests" / "snippets.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_CODE = [page for page in PAGES if "_build" not in page.parts and SNIPPETS["snippets"](page)]
WIDTH = 88  # what a block of code shows without scrolling
DOORS = (
    "survival",
    "clv",
    "segments",
    "assoc",
    "retention",
    "metrics",
    "cdr",
    "synth",
    "pipeline",
    "artifact",
    "plots",
)


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_snippets_of_a_page_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    assert SNIPPETS["run_in_an_empty_folder"](page) > 0
    from matplotlib import pyplot as plt

    plt.close("all")


def test_the_readme_shows_both_commands_and_every_door() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text
    assert not [door for door in DOORS if f"custval.{door}" not in text]


def test_relative_links_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
    targets = [(page, target) for page in PAGES for target in link.findall(page.read_text(encoding="utf-8"))]
    gone = [
        f"{page.name}: {target}"
        for page, target in targets
        if not any((page.parent / name).exists() for name in (target, f"{target}.md"))
    ]
    assert not gone


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_is_printed_is_shown_and_lines_fit_the_page(page: Path) -> None:
    found = SNIPPETS["snippets"](page)
    assert not [line for line, code, shown in found if "print(" in code and ">>>" not in code and shown is None]
    lines = [text for _, code, shown in found for text in [*code.splitlines(), *(shown or "").splitlines()]]
    assert not [text for text in lines if len(text) > WIDTH]


def test_the_runner_sees_a_failing_snippet(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n\n```python\nx = 1\n```\n\n```python\n>>> x + 1\n3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Expected:\n    3\nGot:\n    2"):
        SNIPPETS["run"](page)
    page.write_text("```python\n1 / 0\n```\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        SNIPPETS["run"](page)
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="line 2\nExpected:\n3\nGot:\n2"):
        SNIPPETS["run"](page)
