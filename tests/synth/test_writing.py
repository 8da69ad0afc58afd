"""Worlds on disk: the same rows as in memory, the same bytes however they were made, and never half of one."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

from custval import InputError
from custval._synth import writing
from custval.cdr import customer_view
from custval.synth import TelecomWorld

pytest.importorskip("pyarrow")

# three blocks, and all that customers do to each other
MAKER = TelecomWorld(n_subscribers=9000, months=3, seed=5, records_per_subscriber_month=4, behaviours="all")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("worlds") / "one"
    MAKER.write(home)
    return home


def digest(folder) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*.parquet"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_rows_are_those_of_the_world_in_memory(folder):
    world = MAKER.simulate()
    for name, table in world.tables.items():
        written = pd.concat([pd.read_parquet(path) for path in sorted((folder / name).iterdir())], ignore_index=True)
        order = list(table.columns)
        texts = {column: str for column in ("kind", "direction") if name == "cdr"}
        times = {column: "datetime64[ns]" for column in ("activation", "contract_end") if name == "subscribers"}
        one, two = (
            frame.astype({**texts, **times}).sort_values(order, ignore_index=True) for frame in (table, written[order])
        )
        pd.testing.assert_frame_equal(one, two, check_dtype=False)
    truth = pd.concat([pd.read_parquet(path) for path in sorted((folder / "truth").iterdir())], ignore_index=True)
    assert (truth["value"].to_numpy() == world.truth.value).all()
    hazard = pd.concat([pd.read_parquet(path) for path in sorted((folder / "truth_hazard").iterdir())])
    assert len(hazard) == world.truth.at_risk.sum()
    assert hazard["hazard_voluntary"].sum() == pytest.approx(world.truth.hazard[..., 0].sum())


def test_same_bytes_whatever_the_chunks_and_workers(folder, tmp_path):
    one = digest(folder)
    assert len([name for name in one if name.startswith("cdr")]) == 3
    MAKER.write(tmp_path / "two", n_jobs=3, chunk_blocks=2)
    assert digest(tmp_path / "two") == one


def test_a_written_world_is_viewed_like_the_one_in_memory(folder):
    pytest.importorskip("duckdb")
    world = MAKER.simulate()
    as_of = world.month_end(2)
    one, two = customer_view(world, as_of=as_of), customer_view(folder, as_of=as_of)
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)


def test_a_run_that_was_stopped_leaves_nothing(tmp_path, monkeypatch):
    made = []

    def stopped(folder, block, numbers):
        made.append(block.index)
        if block.index == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_write_block", stopped)
    with pytest.raises(KeyboardInterrupt):
        MAKER.write(tmp_path / "half", n_jobs=2)
    assert 1 in made
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(folder):
    with pytest.raises(InputError, match="folder to write to is not empty"):
        MAKER.write(folder)


@pytest.mark.parametrize(
    ("wrong", "words"), [({"n_jobs": 0}, "n_jobs must be >= 1"), ({"chunk_blocks": 0}, "chunk_blocks")]
)
def test_impossible_calls_are_refused(tmp_path, wrong, words):
    with pytest.raises(InputError, match=words):
        MAKER.write(tmp_path / "new", **wrong)
