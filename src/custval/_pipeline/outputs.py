"""The files of an analysis, each written whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custval._core.artifact import save
from custval._core.errors import InputError, import_extra

if TYPE_CHECKING:
    import pandas as pd

    from custval._pipeline.analysis import Analysis
    from custval._pipeline.customers import CustomerTable

__all__ = ("FILES", "prepare_folder", "write_analysis")

FILES = ("report.html", "customers.parquet", "rules.csv", "plan.csv", "model.json")


def prepare_folder(folder: str | Path) -> Path:
    """Return the folder, made if need be; refuse what cannot hold the files before any work is done."""
    import_extra("pyarrow", "cdr")
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise InputError(f"cannot make the folder {str(place)!r}: {wrong.strerror}") from None
    return place


def write_analysis(analysis: Analysis, folder: str | Path) -> dict[str, Path]:
    """Write the report, the customers, the rules, the plan and the model; return their paths by file name."""
    from custval._report.page import write_report

    place = prepare_folder(folder)
    paths = {name: place / name for name in FILES}
    _write_customers(analysis.customer_table, paths["customers.parquet"])
    for name, frame in (("rules.csv", analysis.rules), ("plan.csv", analysis.plan)):
        with _whole(paths[name]) as part:
            frame.to_csv(part, index=False)
    save(analysis.model, paths["model.json"])
    write_report(analysis, paths["report.html"])
    return paths


def _write_customers(table: CustomerTable, path: Path) -> None:
    arrow = import_extra("pyarrow", "cdr")
    parquet = import_extra("pyarrow.parquet", "cdr")
    with _whole(path) as part:
        writer = None
        try:
            for frame in table.blocks():
                words = [name for name in frame.columns if frame[name].dtype == "category"]
                plain = frame.assign(**{name: frame[name].astype(object) for name in words})
                schema = None if writer is None else writer.schema
                made = arrow.Table.from_pandas(plain, preserve_index=False, schema=schema or _schema(arrow, frame))
                writer = writer or parquet.ParquetWriter(part, made.schema)
                writer.write_table(made)
        finally:
            if writer is not None:
                writer.close()


def _schema(arrow: Any, frame: pd.DataFrame) -> Any:
    """Return text for ids, words and reasons, doubles for the rest: the same in every block, missing or not."""
    return arrow.schema([(name, _kind(arrow, frame[name].dtype.kind)) for name in frame.columns])


def _kind(arrow: Any, kind: str) -> Any:
    return {"f": arrow.float64(), "i": arrow.int64()}.get(kind, arrow.string())


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` that takes its place only if nothing went wrong."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
