"""Where the work is done: embedded DuckDB, Polars or pandas, all behind the same lazy frames."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custval._cdr.schema import COLUMNS, check_table_names
from custval._core.errors import InputError, import_extra
from custval._core.validation import check_choice

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("ENGINES", "Opened", "named_tables", "open_tables")

ENGINES = ("duckdb", "polars", "pandas")
_MEMORY_LIMIT = "1GB"  # DuckDB spills to a temporary directory beyond this


@dataclass(frozen=True, slots=True)
class Opened:
    """Lazy tables on one engine, and the kind of frame ("pandas", "polars", "arrow") the answer should be."""

    tables: dict[str, nw.LazyFrame[Any]]
    kind: str


@contextmanager
def open_tables(named: Mapping[str, Any], engine: str | None) -> Iterator[Opened]:
    """Open tables lazily on `engine` (None: DuckDB); what was opened is closed at the end."""
    chosen = engine or "duckdb"
    check_choice(chosen, "engine", ENGINES)
    kind = _kind(named["subscribers"])
    if chosen == "duckdb":
        with _duckdb_tables(named) as opened:
            yield Opened(opened, kind)
    else:
        convert = _as_polars if chosen == "polars" else _as_pandas
        yield Opened({name: _lazy(convert(table)) for name, table in named.items()}, kind)


def named_tables(tables: Any) -> dict[str, Any]:
    """Return known tables by name from a World, a mapping, or a folder of Parquet files named after the tables."""
    named = _named(tables)
    check_table_names(named)
    return named


def _named(tables: Any) -> dict[str, Any]:
    if isinstance(tables, (str, Path)):
        folder = Path(tables)
        files = {name: folder / f"{name}.parquet" for name in COLUMNS if (folder / f"{name}.parquet").exists()}
        parts = {name: folder / name / "*.parquet" for name in COLUMNS if any((folder / name).glob("*.parquet"))}
        found = {**parts, **files}
        if not found:
            raise InputError("the folder holds no Parquet file named after a table, such as subscribers.parquet")
        return found
    inner = getattr(tables, "tables", tables)
    if not isinstance(inner, Mapping):
        raise InputError(
            f"tables must be a World, a mapping of frames or paths, or a folder, not {type(tables).__name__}"
        )
    return dict(inner)


def _is_path(table: Any) -> bool:
    return isinstance(table, (str, Path)) or (
        isinstance(table, (list, tuple)) and bool(table) and all(isinstance(item, (str, Path)) for item in table)
    )


def _paths(table: Any) -> list[str]:
    return [str(item) for item in (table if isinstance(table, (list, tuple)) else [table])]


def _module(table: Any) -> str:
    return type(table).__module__.split(".")[0].lstrip("_")


def _kind(table: Any) -> str:
    return {"polars": "polars", "pyarrow": "arrow"}.get(_module(table), "pandas")


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    import narwhals as nw

    try:
        frame: Any = nw.from_native(native)
    except TypeError:
        raise InputError(f"a table must be a frame or a Parquet path, not {type(native).__name__}") from None
    lazy: nw.LazyFrame[Any] = frame.lazy()
    return lazy


@contextmanager
def _duckdb_tables(named: Mapping[str, Any]) -> Iterator[dict[str, nw.LazyFrame[Any]]]:
    duckdb = import_extra("duckdb", "cdr")
    with tempfile.TemporaryDirectory(prefix="custval-") as folder:
        settings = {"memory_limit": _MEMORY_LIMIT, "temp_directory": folder, "preserve_insertion_order": "false"}
        connection = duckdb.connect(config=settings)
        try:
            yield {name: _lazy(_relation(connection, table)) for name, table in named.items()}
        finally:
            connection.close()


def _relation(connection: Any, table: Any) -> Any:
    """Return a DuckDB relation over a Parquet path or glob, a frame in memory, or a relation as it is."""
    if _is_path(table):
        try:
            return connection.read_parquet(_paths(table))
        except (OSError, ValueError, RuntimeError, import_extra("duckdb", "cdr").Error) as error:
            raise InputError(f"a Parquet file could not be read: {str(error).splitlines()[0]}") from error
    if _module(table) == "duckdb":
        return table
    return connection.from_arrow(_as_arrow(table))


def _as_arrow(table: Any) -> Any:
    pa = import_extra("pyarrow", "cdr")
    if _module(table) == "pandas":
        return _with_text_ids(pa.Table.from_pandas(table, preserve_index=False))
    collected: Any = _lazy(table).collect()
    return collected.to_arrow()


def _with_text_ids(table: Any) -> Any:
    """Return the table with ids as text where an empty column of objects did not say what they are."""
    pa = import_extra("pyarrow", "cdr")
    place = table.schema.get_field_index("subscriber_id")
    if place < 0 or table.schema.field(place).type != pa.null():
        return table
    return table.set_column(place, "subscriber_id", table.column(place).cast(pa.string()))


def _as_polars(table: Any) -> Any:
    pl = import_extra("polars", "polars")
    if _is_path(table):
        return pl.scan_parquet(_paths(table))
    if _module(table) == "polars":
        return table.lazy()
    return pl.from_arrow(_as_arrow(table) if _module(table) != "duckdb" else table.to_arrow_table()).lazy()


def _as_pandas(table: Any) -> Any:
    import pandas as pd

    if _is_path(table):
        import_extra("pyarrow", "cdr")
        return pd.concat([pd.read_parquet(path) for path in _globbed(_paths(table))], ignore_index=True)
    if _module(table) == "pandas":
        return table
    if _module(table) == "duckdb":
        return table.df()
    collected: Any = _lazy(table).collect()
    return collected.to_pandas()


def _globbed(paths: list[str]) -> list[str]:
    """Return the files that paths and globs name, in order."""
    found: list[str] = []
    for path in map(Path, paths):
        pattern = str(path.relative_to(path.anchor))
        found += sorted(map(str, Path(path.anchor).glob(pattern)))
    if not found:
        raise InputError("no Parquet file stands at the given path")
    return found
