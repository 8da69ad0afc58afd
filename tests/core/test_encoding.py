"""From frames to design matrices by one rule, and what is refused by name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.serial import decode, encode

TABLE: dict[str, Any] = {
    "age": np.array([30.0, 40.0, 50.0, 60.0]),
    "plan": np.array(["gold", "basic", "basic", "silver"]),
    "autopay": np.array([True, False, False, True]),
}
MATRIX = [[30.0, 1.0, 0.0, 1.0], [40.0, 0.0, 0.0, 0.0], [50.0, 0.0, 0.0, 0.0], [60.0, 0.0, 1.0, 1.0]]


def test_treatment_coding_with_levels_in_sorted_order() -> None:
    encoder = DesignEncoder().fit(TABLE)
    assert encoder.feature_names == ["age", "plan=gold", "plan=silver", "autopay"]
    assert encoder.sources == ["age", "plan", "plan", "autopay"]
    assert encoder.input_names == ["age", "plan", "autopay"]
    assert encoder.transform(TABLE).tolist() == MATRIX


@pytest.mark.parametrize("maker", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_every_kind_of_frame_gives_the_same_matrix(maker: Any) -> None:
    encoder = DesignEncoder().fit(maker(TABLE))
    assert encoder.transform(maker(TABLE)).tolist() == MATRIX
    shuffled = maker(TABLE)[["autopay", "age", "plan"]]
    assert encoder.transform(shuffled).tolist() == MATRIX, "columns are found by name, not by place"


def test_plain_arrays_have_numbered_names() -> None:
    encoder = DesignEncoder().fit([[1, 2], [3, 4]])
    assert encoder.feature_names == ["x0", "x1"]
    assert encoder.transform(np.array([[5, 6]])).tolist() == [[5.0, 6.0]]


def test_an_unseen_level_is_refused_by_name_or_counted_as_the_reference() -> None:
    new = {**TABLE, "plan": np.array(["gold", "platin", "basic", "platin"])}
    with pytest.raises(
        InputError, match=r"'plan' holds a level not seen in fitting: 'platin' in 2 of 4 rows \(first: row 1"
    ):
        DesignEncoder().fit(TABLE).transform(new)
    matrix = DesignEncoder(unseen="other").fit(TABLE).transform(new)
    assert matrix[1, 1:3].tolist() == [0.0, 0.0]


def test_a_missing_column_suggests_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"Cox was fitted with a column 'age', which is missing \(did you mean 'Age'\?\)"
    ):
        DesignEncoder().fit({"age": np.array([1.0])}).transform({"Age": np.array([1.0])}, owner="Cox")


def test_missing_values_are_refused_with_their_count() -> None:
    gone = {"age": np.array([1.0, np.nan, np.nan])}
    with pytest.raises(
        InputError, match=r"'age' is missing \(NaN or None\) in 2 of 3 rows \(first: row 1\); fill them"
    ):
        DesignEncoder().fit(gone)
    with pytest.raises(InputError, match="'age' is missing"):
        DesignEncoder().fit({"age": np.array([1.0, 2.0])}).transform(gone)


def test_missing_as_indicator() -> None:
    gone = {"age": np.array([1.0, np.nan, 3.0]), "plan": np.array(["a", None, "b"], dtype=object)}
    encoder = DesignEncoder(missing="indicator").fit(gone)
    assert encoder.feature_names == ["age", "age=missing", "plan=b", "plan=missing"]
    assert encoder.transform(gone).tolist() == [[1.0, 0.0, 0.0, 0.0], [2.0, 1.0, 0.0, 1.0], [3.0, 0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("X", "said"),
    [
        ({"d": np.array(["2024-01-01"], dtype="datetime64[D]")}, "'d' holds dates; turn them into months"),
        ({"a": np.array([1.0, np.inf])}, r"'a' holds an infinity \(first: row 1\)"),
        (np.zeros((0, 2)), "0 sample"),
        (np.zeros((2, 0)), "0 feature"),
        (np.zeros(3), "Expected 2D array, got 1D array"),
        (np.array([[1j]]), "Complex data not supported"),
        (np.array([[np.nan]]), r"NaN or infinity \(first: row 0, column 0\)"),
    ],
)
def test_what_cannot_be_a_feature_is_refused(X: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        DesignEncoder().fit(X)


def test_sparse_input_is_refused_with_the_fix() -> None:
    from scipy.sparse import csr_matrix

    with pytest.raises(TypeError, match="toarray"):
        DesignEncoder().fit(csr_matrix(np.eye(2)))


def test_text_where_numbers_were_is_refused() -> None:
    encoder = DesignEncoder().fit({"age": np.array([1.0, 2.0])})
    with pytest.raises(InputError, match="'age' was fitted as numbers but now holds text"):
        encoder.transform({"age": np.array(["x", "y"], dtype=object)})


def test_an_array_after_named_columns_is_refused_where_it_cannot_be_matched() -> None:
    with pytest.raises(InputError, match=r"fitted with named columns \['age', 'plan', 'autopay'\]"):
        DesignEncoder().fit(TABLE).transform(np.zeros((2, 3)))
    with pytest.raises(InputError, match="X has 3 features, but it is expecting 2 features"):
        DesignEncoder().fit(np.zeros((2, 2))).transform(np.zeros((2, 3)), owner="it")


def test_choices_are_checked_at_fit() -> None:
    with pytest.raises(InputError, match="missing must be one of 'error', 'indicator'"):
        DesignEncoder(missing="drop").fit(TABLE)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=30))
def test_indicators_of_one_row_name_its_level(levels: list[str]) -> None:
    encoder = DesignEncoder().fit({"x": np.array(levels, dtype=object)})
    matrix = encoder.transform({"x": np.array(levels, dtype=object)})
    named = ["reference", *encoder.feature_names]
    seen = [named[int(row @ np.arange(1, matrix.shape[1] + 1))] for row in matrix]
    assert seen == ["reference" if level == min(levels) else f"x={level}" for level in levels]


def test_the_coding_survives_saving() -> None:
    encoder = DesignEncoder(missing="indicator").fit({**TABLE, "n": np.array([1.0, np.nan, 2.0, 4.0])})
    again = decode(encode(encoder))
    X = {**TABLE, "n": np.array([np.nan, 1.0, 2.0, 3.0])}
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))


def test_decimals_are_numbers_and_days_in_objects_are_dates() -> None:
    fees = [Decimal("9.90"), None, Decimal("20.00")]
    encoder = DesignEncoder(missing="indicator").fit(pd.DataFrame({"fee": fees}))
    assert encoder.feature_names == ["fee", "fee=missing"]
    assert encoder.transform(pd.DataFrame({"fee": fees})).tolist() == [[9.9, 0.0], [14.95, 1.0], [20.0, 0.0]]
    for day in (dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, tzinfo=dt.UTC), dt.timedelta(days=3)):
        with pytest.raises(InputError, match="column 'joined' holds dates; turn them into months before or since"):
            DesignEncoder().fit({"joined": np.array([day, day], dtype=object)})
