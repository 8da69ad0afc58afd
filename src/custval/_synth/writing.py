"""A world written block by block to partitioned Parquet: bounded memory, and nothing left behind that is not whole."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from custval._core.errors import InputError, import_extra
from custval._core.progress import track
from custval._synth.block import Block, make_block
from custval._synth.catalogue import plans, services
from custval._synth.months import Panel
from custval._synth.records import DIRECTIONS, KINDS, Numbers, block_month
from custval._synth.setting import Setting
from custval._synth.streams import blocks
from custval._synth.tables import block_tables
from custval._synth.truth import Truth, make_truth

__all__ = ("all_numbers", "write_world")


def write_world(setting: Setting, folder: Path, *, jobs: int, chunk: int, progress: bool) -> dict[str, Path]:
    """Write every table and the truth to ``<folder>/<table>/block-00000.parquet`` and so on; return globs by table.

    All is written to a folder beside it that takes the name at the very end; what was cut off is taken away.
    """
    import_extra("pyarrow", "cdr")
    if folder.exists() and any(folder.iterdir()):
        raise InputError("the folder to write to is not empty; give a new one, so that two worlds never mix")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        numbers = all_numbers(setting, jobs=jobs, chunk=chunk)
        _save(part, "plans", 0, plans(setting.scenario))
        _save(part, "services", 0, services())
        indices = range(len(blocks(setting.n_subscribers)))

        def write(index: int) -> None:
            _write_block(part, make_block(setting, index), numbers)

        done = _in_order(write, indices, jobs, chunk)
        for _ in track(done, progress=progress, label="blocks", total=len(indices)):
            pass
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {place.name: place / "*.parquet" for place in sorted(folder.iterdir())}


def all_numbers(setting: Setting, *, jobs: int, chunk: int) -> Numbers:
    """Return when each number of the world was activated and given up: all that blocks must know of each other."""
    activated = np.empty(setting.n_subscribers, dtype=np.int64)
    departed = np.empty(setting.n_subscribers, dtype=np.int64)
    spans = blocks(setting.n_subscribers)

    def note(index: int) -> None:
        panel: Panel = make_block(setting, index).panel
        first, last = spans[index]
        activated[first:last], departed[first:last] = panel.activated, panel.departed

    for _ in _in_order(note, range(len(spans)), jobs, chunk):
        pass
    return Numbers(activated, departed)


def _in_order(work: Any, indices: range, jobs: int, chunk: int) -> Iterator[Any]:
    """Do the work with `jobs` threads and at most `chunk` pieces under way; an error stops the rest."""
    if jobs == 1:
        yield from map(work, indices)
        return
    waiting: deque[Future[Any]] = deque()
    pool = ThreadPoolExecutor(jobs)
    try:
        for index in indices:
            waiting.append(pool.submit(work, index))
            if len(waiting) >= chunk:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _write_block(folder: Path, block: Block, numbers: Numbers) -> None:
    for name, columns in block_tables(block).items():
        _save(folder, name, block.index, columns)
    truth = make_truth(block)
    _save(folder, "truth", block.index, _one_dimensional(truth))
    _save(folder, "truth_hazard", block.index, _person_months(truth))
    parquet, path = import_extra("pyarrow.parquet", "cdr"), _path(folder, "cdr", block.index)
    months = (_arrow(_labelled(block_month(block, numbers, month))) for month in range(1, block.setting.months + 1))
    first = next(months)
    words = ["kind", "direction"]
    encoding = {name: "PLAIN" for name in first.column_names if name not in words}
    with parquet.ParquetWriter(path, first.schema, use_dictionary=words, column_encoding=encoding) as writer:
        writer.write_table(first)
        for table in months:  # one row group for each month
            writer.write_table(table)


def _labelled(columns: dict[str, Any]) -> dict[str, Any]:
    pa = import_extra("pyarrow", "cdr")
    for name, labels in (("kind", KINDS), ("direction", DIRECTIONS)):
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(columns[name]), pa.array(labels))
    return columns


def _one_dimensional(truth: Truth) -> dict[str, Any]:
    n = len(truth.subscriber_id)
    named = {name: getattr(truth, name) for name in Truth.__slots__}
    return {name: one for name, one in named.items() if isinstance(one, np.ndarray) and one.shape == (n,)}


def _person_months(truth: Truth) -> dict[str, Any]:
    """Return one row for each person-month at risk: the true hazard of each cause."""
    who, at = np.nonzero(truth.at_risk)
    hazards = {f"hazard_{cause}": truth.hazard[who, at, place] for place, cause in enumerate(truth.causes)}
    tie = truth.departed_tie[who, at]
    return {"subscriber_id": truth.subscriber_id[who], "month": at + 1, **hazards, "departed_tie": tie}


def _path(folder: Path, table: str, index: int) -> Path:
    place = folder / table
    place.mkdir(exist_ok=True)
    return place / f"block-{index:05d}.parquet"


def _arrow(columns: Mapping[str, Any]) -> Any:
    pa = import_extra("pyarrow", "cdr")
    return pa.table({name: _array(values) for name, values in columns.items()})


def _array(values: Any) -> Any:
    pa = import_extra("pyarrow", "cdr")
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        return pa.array(values, type=pa.string())
    return values if isinstance(values, pa.Array) else pa.array(values)


def _save(folder: Path, table: str, index: int, columns: Mapping[str, Any]) -> None:
    import_extra("pyarrow.parquet", "cdr").write_table(_arrow(columns), _path(folder, table, index))
