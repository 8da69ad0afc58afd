"""Where the work is done: embedded DuckDB, Polars, pandas or Spark, all behind the same lazy frames."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custval._cdr.schema import COLUMNS, check_table_names
from custval._core.doors import public
from custval._core.errors import InputError, import_extra
from custval._core.validation import check_choice, check_whole

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("ENGINES", "DuckDB", "Opened", "engine_errors", "named_tables", "open_tables", "read_paths")

ENGINES = ("duckdb", "polars", "pandas", "spark")


@public("cdr")
@dataclass(frozen=True, slots=True, kw_only=True)
class DuckDB:
    """Settings of embedded DuckDB, to be given as ``engine=``.

    Parameters
    ----------
    memory_limit : str, default "1GB"
        Beyond this it spills to disk, such as "500MB" or "8GB".
    temp_directory : str or path, optional
        Where it spills; None takes a temporary folder that is removed at the end.
    max_temp_directory_size : str, optional
        The most it may spill, such as "50GB"; beyond that the work stops with an error that says so.
    threads : int, optional
        At least 1; None takes all cores.

    Examples
    --------
    >>> from custval.cdr import DuckDB, customer_view
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=100, months=2).simulate()
    >>> settings = DuckDB(memory_limit="500MB", threads=1)
    >>> view = customer_view(world, as_of=world.month_end(2), features="volume", engine=settings)
    >>> len(view), "calls_out_30d" in view
    (98, True)
    """

    memory_limit: str = "1GB"
    temp_directory: str | Path | None = None
    max_temp_directory_size: str | None = None
    threads: int | None = None

    def config(self, folder: str) -> dict[str, Any]:
        """Return the settings as DuckDB takes them; `folder` is where to spill unless another was named.

        Parameters
        ----------
        folder : str
            A folder that exists.

        Returns
        -------
        dict
            Names and values.

        Examples
        --------
        >>> from custval.cdr import DuckDB
        >>> DuckDB(threads=2).config("spill")["threads"]
        2
        """
        made: dict[str, Any] = {
            "memory_limit": self.memory_limit,
            "temp_directory": str(self.temp_directory or folder),
            "preserve_insertion_order": "false",
        }
        if self.max_temp_directory_size is not None:
            made["max_temp_directory_size"] = self.max_temp_directory_size
        if self.threads is not None:
            made["threads"] = check_whole(self.threads, "threads", low=1)
        return made


@dataclass(frozen=True, slots=True)
class Opened:
    """Lazy tables on one engine, and the kind of frame ("pandas", "polars", "arrow") the answer should be."""

    tables: dict[str, nw.LazyFrame[Any]]
    kind: str


@contextmanager
def open_tables(named: Mapping[str, Any], engine: str | DuckDB | None) -> Iterator[Opened]:
    """Open tables lazily on `engine` (None: Spark for Spark frames, else DuckDB); what was opened is closed."""
    first = named.get("subscribers", next(iter(named.values())))
    kind = _kind(first)
    if isinstance(engine, DuckDB) or (engine or "duckdb") == "duckdb":
        if kind != "spark":
            with _duckdb_tables(named, engine if isinstance(engine, DuckDB) else DuckDB()) as opened:
                yield Opened(opened, kind)
            return
        engine = "spark"
    check_choice(engine, "engine", ENGINES)
    convert = {"polars": _as_polars, "pandas": _as_pandas, "spark": _as_spark}[str(engine)]
    with engine_errors():
        opened = {name: _lazy(convert(table)) for name, table in named.items()}
    yield Opened(opened, kind)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what an engine says about a broken file or full disk into words that help."""
    try:
        yield
    except Exception as error:
        text = str(error)
        if isinstance(error, InputError):
            raise
        first = text.splitlines()[0] if text else type(error).__name__
        if "max_temp_directory_size" in text or "temp_directory" in text or "Out of Memory" in text:
            raise InputError(
                f"the engine ran out of memory and of room to spill: {first}; give more of either, as "
                "engine=DuckDB(memory_limit='4GB', max_temp_directory_size='50GB'), or ask for fewer features"
            ) from error
        if any(word in text.lower() for word in ("parquet", "magic bytes", "thrift", "snappy")):
            raise InputError(f"a Parquet file could not be read: {first}") from error
        raise


def named_tables(tables: Any, *, people: bool = True) -> dict[str, Any]:
    """Return known tables by name from a World, a mapping, or a folder of Parquet files named after the tables."""
    named = _named(tables)
    check_table_names(named, people=people)
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
    return {"polars": "polars", "pyarrow": "arrow", "pyspark": "spark"}.get(_module(table), "pandas")


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    import narwhals as nw

    try:
        frame: Any = nw.from_native(native)
    except TypeError:
        raise InputError(f"a table must be a frame or a Parquet path, not {type(native).__name__}") from None
    lazy: nw.LazyFrame[Any] = frame.lazy()
    return lazy


@contextmanager
def _duckdb_tables(named: Mapping[str, Any], settings: DuckDB) -> Iterator[dict[str, nw.LazyFrame[Any]]]:
    duckdb = import_extra("duckdb", "cdr")
    with tempfile.TemporaryDirectory(prefix="custval-") as folder:
        try:
            connection = duckdb.connect(config=settings.config(folder))
        except duckdb.Error as error:
            raise InputError(f"DuckDB does not take these settings: {str(error).splitlines()[0]}") from error
        connection.execute("SET enable_progress_bar = false")
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


def read_paths(table: Any) -> Any:
    """Return paths as a pandas frame, and a frame as it is."""
    if not _is_path(table):
        return table
    with engine_errors():
        return _as_pandas(table)


def _as_spark(table: Any) -> Any:
    if _module(table) == "pyspark":
        return table
    sql = import_extra("pyspark.sql", "spark")
    session = sql.SparkSession.getActiveSession() or sql.SparkSession.builder.getOrCreate()
    if _is_path(table):
        return session.read.parquet(*_globbed(_paths(table)))
    return session.createDataFrame(_plain(_as_arrow(table)))


def _plain(table: Any) -> Any:
    """Return an Arrow table that Spark reads: words in place of dictionaries, microseconds in place of seconds."""
    pa = import_extra("pyarrow", "cdr")
    fields = []
    for field in table.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        kind = pa.string() if pa.types.is_large_string(kind) or pa.types.is_null(kind) else kind
        fields.append(pa.field(field.name, pa.timestamp("us") if pa.types.is_timestamp(kind) else kind))
    return table.cast(pa.schema(fields))


def _globbed(paths: list[str]) -> list[str]:
    """Return the files that paths and globs name, in order."""
    found: list[str] = []
    for path in map(Path, paths):
        pattern = str(path.relative_to(path.anchor))
        found += sorted(map(str, Path(path.anchor).glob(pattern)))
    if not found:
        raise InputError("no Parquet file stands at the given path")
    return found
