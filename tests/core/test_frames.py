"""One reading of every kind of frame, and the answer in the same kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from custval._core.errors import InputError
from custval._core.frames import column, column_names, frame_length, is_frame, like, rows, to_columns

DATA: dict[str, Any] = {"age": [30.0, 41.5, 52.0], "plan": ["a", "b", "a"], "left": [True, False, True], "n": [1, 2, 3]}
MAKERS = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy polars": pl.LazyFrame,
    "arrow": pa.table,
    "mapping": lambda data: {name: np.asarray(values) for name, values in data.items()},
}


@pytest.fixture(params=MAKERS, ids=str)
def frame(request: pytest.FixtureRequest) -> Any:
    return MAKERS[request.param](DATA)


def test_every_kind_reads_the_same(frame: Any) -> None:
    assert is_frame(frame)
    table = to_columns(frame)
    assert {name: values.tolist() for name, values in table.items()} == DATA
    assert table["age"].dtype == np.float64
    assert table["n"].dtype.kind == "i"
    assert table["left"].dtype == bool
    assert column_names(frame) == list(DATA)
    assert frame_length(frame) == 3
    assert column(frame, "plan").tolist() == DATA["plan"]


def test_a_wrong_column_suggests_the_nearest(frame: Any) -> None:
    with pytest.raises(InputError, match=r"no column 'Plan' \(did you mean 'plan'\?\); the columns are age, plan"):
        column(frame, "Plan")


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "mapping"])
def test_rows_and_like_answer_in_the_same_kind(kind: str) -> None:
    made = MAKERS[kind](DATA)
    by_truth, by_place = rows(made, np.array([True, False, True])), rows(made, np.array([2, 0]))
    assert type(by_truth) is type(made)
    assert to_columns(by_truth)["age"].tolist() == [30.0, 52.0]
    assert to_columns(by_place)["age"].tolist() == [52.0, 30.0]
    answer = like(made, {"value": np.array([1.0, 2.0, 3.0])})
    assert type(answer) is type(made)
    assert to_columns(answer)["value"].tolist() == [1.0, 2.0, 3.0]


def test_like_keeps_a_pandas_index_and_makes_pandas_for_arrays() -> None:
    made = like(pd.DataFrame({"x": [1, 2]}, index=[7, 9]), {"y": np.array([3.0, 4.0])})
    assert made.index.tolist() == [7, 9]
    assert isinstance(like(np.zeros((2, 1)), {"y": [1, 2]}), pd.DataFrame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "c": pd.Categorical(["x", None, "y"])}),
        pl.DataFrame({"a": [1, None, 3], "c": pl.Series(["x", None, "y"], dtype=pl.Categorical)}),
        pa.table({"a": pa.array([1, None, 3]), "c": pa.array(["x", None, "y"]).dictionary_encode()}),
    ],
    ids=["pandas", "polars", "arrow"],
)
def test_what_is_missing_stays_missing(frame: Any) -> None:
    table = to_columns(frame)
    np.testing.assert_array_equal(table["a"], [1.0, np.nan, 3.0])
    assert table["c"].tolist() == ["x", None, "y"]


def test_nullable_booleans_keep_their_gaps() -> None:
    table = to_columns(pd.DataFrame({"b": pd.array([True, None, False], dtype="boolean")}))
    assert table["b"].tolist() == [True, None, False]


def test_dates_come_as_dates() -> None:
    table = to_columns(pl.DataFrame({"d": ["2024-01-31"]}).select(pl.col("d").str.to_date()))
    assert table["d"].dtype.kind == "M"


def test_arrays_are_not_frames() -> None:
    assert not is_frame(np.zeros((2, 2)))
    assert frame_length(np.zeros((2, 3))) == 2
    assert rows(np.arange(4).reshape(4, 1), np.array([0, 3])).tolist() == [[0], [3]]
    assert frame_length({}) == 0


def test_something_else_is_refused_by_kind() -> None:
    with pytest.raises(InputError, match=r"a frame is needed .* not int"):
        to_columns(3)


def test_inputs_are_never_written_to() -> None:
    frame = pd.DataFrame(DATA)
    before = frame.copy(deep=True)
    to_columns(frame)["age"] = np.zeros(3)
    like(frame, {"age": np.zeros(3)})
    pd.testing.assert_frame_equal(frame, before)
