"""The pictures of the guide on associations can be drawn."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_both_pictures_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    main = runpy.run_path(str(ROOT / "examples" / "association_pictures.py"))["main"]
    paths = main(tmp_path, subscribers=600)
    assert [path.name for path in paths] == ["grouped.png", "graph.png"]
    assert all(path.stat().st_size > 10_000 for path in paths)
