"""Reading a table in blocks, whatever it comes as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval._core.errors import InputError
from custval._pipeline.source import open_source


def whole(source: object, columns: list[str]) -> dict[str, list[object]]:
    blocks = list(source.blocks(columns))  # type: ignore[attr-defined]
    return {name: [cell for block in blocks for cell in block[name].tolist()] for name in columns}


def test_frames_and_files_give_the_same_cells(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(25), "b": [f"w{i % 3}" for i in range(25)]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    expected = frame.to_dict("list")
    for table in (
        frame,
        pl.from_pandas(frame),
        {"a": np.arange(25), "b": frame["b"].to_numpy()},
        tmp_path / "t.csv",
        tmp_path / "t.parquet",
    ):
        source = open_source(table, block_rows=10)
        assert source.columns == ["a", "b"]
        cells = whole(source, ["b", "a"])
        assert cells["b"] == expected["b"]
        assert [int(cell) for cell in cells["a"]] == expected["a"]
        assert [len(block["a"]) for block in source.blocks(["a"])] == [10, 10, 5]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_read_off_the_header(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a{delimiter}b\n1{delimiter}x\n", encoding="utf-8")
    assert whole(open_source(path), ["a", "b"]) == {"a": ["1"], "b": ["x"]}


def test_byte_order_mark_and_blanks_around_names_are_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffid, churn \n1,yes\n".encode())
    assert open_source(path).columns == ["id", "churn"]


def test_other_encodings_are_named_in_the_error_and_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,套餐\n1,畅享\n".encode("gb18030"))
    with pytest.raises(InputError, match=r"is not utf-8-sig text .* encoding='gb18030'"):
        open_source(path)
    assert whole(open_source(path, encoding="gb18030"), ["套餐"]) == {"套餐": ["畅享"]}
    with pytest.raises(InputError, match="encoding 'klingon' is not known"):
        open_source(path, encoding="klingon")


def test_a_bad_byte_far_down_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,plan\n" + b"1,x\n" * 300_000 + b"2,\xff\xfe\n")
    with pytest.raises(InputError, match="name its encoding"):
        whole(open_source(path), ["plan"])


def test_files_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.csv is empty"):
        open_source(empty)
    blank = tmp_path / "blank.csv"
    blank.write_text("\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="starts with an empty line"):
        open_source(blank)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"there is no file .*did you mean 'customers.csv'"):
        open_source(tmp_path / "custmers.csv")


def test_rows_of_another_length_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n1,2,3\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"Expected 2 fields in line 3, saw 3; a cell that holds the delimiter ',' needs quotes"
    ):
        whole(open_source(path), ["a"])


def test_rows_with_more_cells_than_the_header_are_not_shifted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2,3\n4,5,6\n", encoding="utf-8")
    with pytest.raises(InputError, match="more cells in its rows than names in its header"):
        whole(open_source(path), ["a"])


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,a \n1,2,3\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 columns named 'a'"):
        open_source(path)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match=r"t\.parquet cannot be read as Parquet"):
        open_source(path)


def test_something_that_is_no_table_is_refused() -> None:
    with pytest.raises(InputError, match="a frame, or the path of a CSV or Parquet file, is needed, not int"):
        open_source(3)


def test_an_index_column_without_a_name_gets_one(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2]}).to_csv(tmp_path / "t.csv")
    source = open_source(tmp_path / "t.csv")
    assert source.columns == ["column 1", "a"]
    assert whole(source, ["column 1", "a"]) == {"column 1": ["0", "1"], "a": ["1", "2"]}


def test_names_of_a_frame_may_be_numbers_but_not_repeat() -> None:
    assert whole(open_source(pd.DataFrame({5: [1, 2], "b": [3, 4]})), ["5"]) == {"5": [1, 2]}
    twice = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    with pytest.raises(InputError, match="the table has 2 columns named 'a'"):
        open_source(twice)


def test_a_mapping_needs_columns_of_one_length() -> None:
    with pytest.raises(InputError, match="need one length each; rows by column: 'a' 2, 'b' 3"):
        open_source({"a": [1, 2], "b": [1, 2, 3]})
    with pytest.raises(InputError, match="rows by column: 'a' none"):
        open_source({"a": 1})


@pytest.mark.parametrize(
    ("start", "kind"),
    [(b"PK\x03\x04", "an Excel or ZIP file"), (b"\x1f\x8b\x08", "a gzip file"), (b"\xd0\xcf\x11", "an old Excel")],
)
def test_packed_files_are_named(tmp_path: Path, start: bytes, kind: str) -> None:
    path = tmp_path / "customers.xlsx"
    path.write_bytes(start + b"rest")
    with pytest.raises(InputError, match=f"customers.xlsx is {kind}.*save or unpack it as CSV or Parquet"):
        open_source(path)


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "t.parq")
    assert whole(open_source(tmp_path / "t.parq"), ["a"]) == {"a": [1, 2]}


def test_a_byte_order_mark_is_forgiven_with_plain_utf_8_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffid\n1\n".encode())
    assert open_source(path, encoding="UTF-8").columns == ["id"]


def test_an_encoding_that_cannot_be_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,plan\n1,x\n", encoding="utf-8")
    with pytest.raises(InputError, match="is not utf-16 text"):
        open_source(path, encoding="utf-16")


def test_record_batches_are_read() -> None:
    batch = pl.DataFrame({"a": [1, 2]}).to_arrow().to_batches()[0]
    assert whole(open_source(batch), ["a"]) == {"a": [1, 2]}
