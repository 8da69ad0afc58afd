"""The pictures of the documentation can be drawn again, and the pages show each of them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_picture_is_drawn_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    script = runpy.run_path(str(ROOT / "examples" / "picture.py"))
    paths = script["main"](tmp_path, 1000)
    assert len(paths) == 7
    pages = "".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000
        assert f"_static/{path.name}" in pages
        assert (ROOT / "docs" / "_static" / path.name).is_file()


def test_every_picture_of_segments_is_drawn_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    script = runpy.run_path(str(ROOT / "examples" / "segment_pictures.py"))
    paths = script["main"](tmp_path, 600, shared / "data" / "ibm_telco_churn.csv")
    assert len(paths) == 6
    page = (ROOT / "docs" / "guides" / "segments.md").read_text(encoding="utf-8")
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert f"_static/{path.name}" in page
        assert (ROOT / "docs" / "_static" / path.name).is_file()
