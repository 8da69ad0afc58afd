"""Results are frozen, and speak JSON, frames and HTML."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pandas as pd
import pytest

from custval._core.errors import MissingExtraError
from custval._core.results import Result, frozen, jsonable
from custval._core.typing import FloatArray


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Curve(Result):
    times: FloatArray
    values: FloatArray
    bounds: FloatArray | None
    unit: str


CURVE = Curve(np.array([1.0, 2.0]), frozen(np.array([0.9, np.inf])), None, "<month>")


def test_arrays_are_read_only_and_the_input_stays_writeable() -> None:
    own = np.array([1.0, 2.0])
    view = frozen(own)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5.0
    own[0] = 3.0
    assert own[0] == 3.0


def test_fields_cannot_be_replaced() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CURVE.unit = "week"


def test_to_dict_is_json() -> None:
    said = CURVE.to_dict()
    assert said == {"times": [1.0, 2.0], "values": [0.9, "inf"], "bounds": None, "unit": "<month>"}
    assert json.loads(json.dumps(said, allow_nan=False)) == said


def test_jsonable_of_what_results_hold() -> None:
    assert jsonable({1: np.float64(0.5), "x": (np.int64(2), float("nan"), -np.inf)}) == {
        "1": 0.5,
        "x": [2, None, "-inf"],
    }
    assert jsonable([CURVE])[0]["unit"] == "<month>"
    assert jsonable(np.True_) is True
    assert jsonable(pd.DataFrame({"a": [1, 2]})) == {"a": [1, 2]}


def test_to_frame_has_a_row_for_each_element() -> None:
    frame = CURVE.to_frame()
    assert frame.columns.tolist() == ["times", "values"]
    assert frame["times"].tolist() == [1.0, 2.0]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Point(Result):
    value: float
    std_error: float | None
    unit: str
    parts: tuple[str, ...]


def test_to_frame_of_single_numbers_is_one_row_of_them() -> None:
    point = Point(2.5, None, "month", ("a", "b"))
    assert point.to_frame().to_dict("list") == {"value": [2.5], "std_error": [None], "unit": ["month"]}
    assert "2.5" in point._repr_html_()


def test_html_escapes_and_names_the_type() -> None:
    page = CURVE._repr_html_()
    assert "<b>Curve</b>" in page
    assert "<table" in page


def test_without_pandas_a_table_says_what_it_needs_and_a_notebook_shows_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    curve = Curve(np.array([1.0, 2.0]), np.array([0.5, 0.25]), None, "month")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert curve._repr_html_().startswith("<p><b>Curve</b></p><pre>Curve(times=array([1., 2.])")
    with pytest.raises(MissingExtraError, match="a table needs pandas, which is not installed here"):
        curve.to_frame()
