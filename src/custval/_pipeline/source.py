"""Where a flat table comes from: a frame, a CSV file or a Parquet file, always read in blocks of rows.

A block is a mapping of column name to array. Files are never held whole, so that a file larger than memory is read in
the same way as a small one. Names lose surrounding blanks; a UTF-8 byte-order mark is skipped; the delimiter is the one
of ``, ; tab |`` that the header line uses most.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from custval._core.errors import InputError, import_extra
from custval._core.frames import column_names, frame_length, is_frame, rows, to_columns
from custval._core.typing import AnyFrame, TextArray

__all__ = ("BLOCK_ROWS", "Block", "TableSource", "open_source")

Block = dict[str, TextArray]
BLOCK_ROWS = 50_000
_PACKED = {
    b"PK": "an Excel or ZIP file",
    b"\x1f\x8b": "a gzip file",
    b"\xd0\xcf": "an old Excel file",
    b"BZ": "a bzip2 file",
}


class TableSource(Protocol):
    """A table that can be read several times, in blocks."""

    name: str
    columns: list[str]
    delimiter: str

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """Yield the named columns, block by block."""
        ...


def open_source(
    table: AnyFrame | str | Path, *, encoding: str = "utf-8-sig", block_rows: int = BLOCK_ROWS
) -> TableSource:
    """Return the source for a frame, or for the path of a CSV or Parquet file."""
    if type(table).__name__ == "RecordBatch":
        table = import_extra("pyarrow", "cdr").Table.from_batches([table])
    if is_frame(table):
        return FrameSource(table, block_rows)
    if not isinstance(table, (str, Path)):
        kind = type(table).__name__
        raise InputError(f"a frame, or the path of a CSV or Parquet file, is needed, not {kind}")
    path = Path(table)
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}{_neighbour(path)}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty; it needs a header line and one row for each customer")
    with path.open("rb") as file:
        start = file.read(4)
    if path.suffix.lower() in {".parquet", ".pq"} or start == b"PAR1":
        return ParquetSource(path, block_rows)
    if start[:2] in _PACKED:
        raise InputError(f"{path.name} is {_PACKED[start[:2]]}, not text; save or unpack it as CSV or Parquet first")
    return CsvSource(path, encoding, block_rows)


class FrameSource:
    """A frame in memory."""

    def __init__(self, frame: AnyFrame, block_rows: int) -> None:
        self.name = "table"
        self.delimiter = ","
        self._frame = frame
        self._names = _stripped(_written_names(frame), "the table")
        self.columns = list(self._names)
        self._block_rows = block_rows

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """Yield the named columns, block by block."""
        length = frame_length(self._frame)
        for start in range(0, length, self._block_rows):
            part = rows(self._frame, np.arange(start, min(start + self._block_rows, length)))
            arrays = {str(name).strip(): values for name, values in to_columns(part).items()}
            yield {name: arrays[name] for name in columns}


class CsvSource:
    """A text file of delimited values."""

    def __init__(self, path: Path, encoding: str, block_rows: int) -> None:
        self.name = path.name
        self._path = path
        # a byte-order mark is never part of a name
        self._encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
        self._block_rows = block_rows
        header = self._header()
        self.delimiter = max(",;\t|", key=header.count)
        written = next(csv.reader([header], delimiter=self.delimiter), [])
        self.columns = list(_stripped(written, path.name))

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """Yield the named columns, block by block; every cell is text, or missing where nothing stands."""
        import pandas as pd

        try:
            reader = pd.read_csv(
                self._path,
                sep=self.delimiter,
                header=0,
                names=self.columns,
                chunksize=self._block_rows,
                encoding=self._encoding,
                keep_default_na=False,
                na_values=[""],
                dtype=object,  # what a cell means is decided in one place, and text needs no second allocator
                skipinitialspace=False,
            )
            with reader:
                for chunk in reader:
                    if not isinstance(chunk.index, pd.RangeIndex):
                        raise InputError(
                            f"{self.name} has more cells in its rows than names in its header; name each column"
                        )
                    yield {name: np.asarray(chunk[name]) for name in columns}
        except UnicodeError as wrong:
            raise self._not_text(wrong) from None
        except pd.errors.ParserError as wrong:
            detail = str(wrong).split("C error: ")[-1].strip()
            if detail == "out of memory":
                raise MemoryError(detail) from None
            raise InputError(
                f"{self.name} cannot be read as delimited text: {detail}; a cell that holds the delimiter "
                f"{self.delimiter!r} needs quotes"
            ) from None

    def _header(self) -> str:
        try:
            with self._path.open(encoding=self._encoding, newline="") as file:
                header = file.readline()
        except UnicodeError as wrong:
            raise self._not_text(wrong) from None
        except LookupError:
            raise InputError(f"encoding {self._encoding!r} is not known; try 'utf-8', 'latin-1' or 'gb18030'") from None
        if not header.strip():
            raise InputError(f"{self.name} starts with an empty line; the first line must name the columns")
        if "\x00" in header:
            raise InputError(f"{self.name} is not a text file; give a CSV or a .parquet file")
        return header.rstrip("\r\n")

    def _not_text(self, wrong: UnicodeError) -> InputError:
        where = f" (byte {wrong.start})" if isinstance(wrong, UnicodeDecodeError) else ""
        return InputError(
            f"{self.name} is not {self._encoding} text{where}; name its encoding, for instance "
            "encoding='gb18030' or 'latin-1' (--encoding on the command line)"
        )


class ParquetSource:
    """A Parquet file, read by batches of rows."""

    def __init__(self, path: Path, block_rows: int) -> None:
        self.name = path.name
        self.delimiter = ","
        self._path = path
        self._block_rows = block_rows
        self._names = _stripped(list(self._open().schema_arrow.names), path.name)
        self.columns = list(self._names)

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """Yield the named columns, block by block."""
        arrow = import_extra("pyarrow", "cdr")
        wanted = [self._names[name] for name in columns]
        for batch in self._open().iter_batches(batch_size=self._block_rows, columns=wanted):
            arrays = to_columns(arrow.Table.from_batches([batch]))
            yield {name: arrays[original] for name, original in zip(columns, wanted, strict=True)}

    def _open(self) -> Any:
        parquet = import_extra("pyarrow.parquet", "cdr")
        arrow = import_extra("pyarrow", "cdr")
        try:
            return parquet.ParquetFile(self._path)
        except (arrow.ArrowInvalid, OSError) as wrong:
            raise InputError(f"{self.name} cannot be read as Parquet: {str(wrong).splitlines()[0]}") from None


def _stripped(names: Sequence[Any], where: str) -> dict[str, Any]:
    """Return clean name -> name as written; two columns of one name are refused."""
    clean = [str(name).strip() or f"column {place}" for place, name in enumerate(names, start=1)]
    twice = [name for name, count in Counter(clean).items() if count > 1]
    if twice:
        raise InputError(f"{where} has {clean.count(twice[0])} columns named {twice[0]!r}; give each a name of its own")
    return dict(zip(clean, names, strict=True))


def _written_names(frame: AnyFrame) -> list[Any]:
    """Return the names of a frame's columns as they are, after a look at a mapping's columns."""
    if isinstance(frame, Mapping):
        sizes = {str(name): np.shape(values)[:1] for name, values in frame.items()}
        if len(set(sizes.values())) > 1 or () in sizes.values():
            told = ", ".join(f"{name!r} {size[0] if size else 'none'}" for name, size in sizes.items())
            raise InputError(f"the columns of a mapping need one length each; rows by column: {told}")
        return list(frame)
    # a pandas frame may have two columns of one name, which no other reader survives
    return list(frame.columns) if type(frame).__module__.startswith("pandas") else column_names(frame)


def _neighbour(path: Path) -> str:
    from custval._core.validation import nearest

    folder = path.parent
    return nearest(path.name, [item.name for item in folder.iterdir()]) if folder.is_dir() else ""
