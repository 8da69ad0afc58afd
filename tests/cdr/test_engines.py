"""Engines that are not installed, and what an engine leaves behind."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from custval import MissingExtraError
from custval.cdr import customer_view
from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=30, months=1, records_per_subscriber_month=3).simulate()


@pytest.mark.parametrize(("engine", "module", "extra"), [(None, "duckdb", "cdr"), ("polars", "polars", "polars")])
def test_a_missing_engine_names_its_extra(world, monkeypatch, engine, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{module} is needed here.*pip install 'custval\[{extra}\]'"):
        customer_view(world, as_of=world.month_end(1), engine=engine)


def test_duckdb_leaves_no_temporary_folder(world, monkeypatch, tmp_path):
    pytest.importorskip("duckdb")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    customer_view(world, as_of=world.month_end(1))
    assert not list(Path(tmp_path).iterdir())
