"""Every check refuses with what, how many, the first one, the legal range and the fix; and passes what is legal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval._core.errors import InputError
from custval._core.validation import (
    check_choice,
    check_length,
    check_rows,
    check_scalar,
    check_whole,
    float_array,
    nearest,
    sample_weight_array,
)


def message(call: object, *args: object, **kwargs: object) -> str:
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_nearest_suggests_the_closest_name_whatever_the_case() -> None:
    assert nearest("tenur", ["tenure", "Churn"]) == " (did you mean 'tenure'?)"
    assert nearest("CHURN", ["tenure", "Churn"]) == " (did you mean 'Churn'?)"
    assert nearest("zzz", ["tenure", "Churn"]) == ""
    assert nearest("x", []) == ""


@pytest.mark.parametrize(
    ("given", "options", "meant"),
    [
        ("tenur", ["tenure", "churn"], "tenure"),
        ("Fee", ["fee", "plan"], "fee"),
        ("fibr", ["fibre", "copper"], "fibre"),
        ("custmers.csv", ["customers.csv", "plan.csv"], "customers.csv"),
        ("Yess", ["Yes", "No"], "Yes"),
        ("tenure_month", ["tenure_months", "months"], "tenure_months"),
    ],
)
def test_nearest_knows_slips_of_the_pen(given: str, options: list[str], meant: str) -> None:
    assert nearest(given, options) == f" (did you mean {meant!r}?)"


@pytest.mark.parametrize(("given", "options"), [("begin", ["end", "start"]), ("spark", ["polars", "pandas", "duckdb"])])
def test_nearest_does_not_take_another_word_for_a_slip(given: str, options: list[str]) -> None:
    assert nearest(given, options) == ""


def test_dates_are_shown_as_plain_dates() -> None:
    for unit in ("D", "s"):
        days = np.array(["2025-03-01", "2025-04-01"], dtype=f"datetime64[{unit}]")
        said = message(check_rows, [True, False], days, name="start", rule="be known")
        assert said.endswith("(first: row 1, value 2025-04-01)")


def test_check_whole() -> None:
    assert check_whole(3.0, "top", low=1) == 3
    assert isinstance(check_whole(np.int64(3), "top"), int)
    assert message(check_whole, 1.7, "top", low=1) == "top must be a whole number, not 1.7"
    assert message(check_whole, np.inf, "top", low=1) == "top must be a whole number, not inf"
    assert message(check_whole, 0, "top", low=1) == "top must be >= 1, not 0"
    assert message(check_whole, 9, "top", low=1, high=3) == "top must be >= 1 and <= 3, not 9"
    assert message(check_whole, "many", "top") == "top must be a number, not 'many'"


def test_check_choice() -> None:
    check_choice("logit", "link", ["logit", "cloglog"])
    said = message(check_choice, "logti", "link", ["logit", "cloglog"])
    assert said == "link must be one of 'logit', 'cloglog', not 'logti' (did you mean 'logit'?)"


def test_check_rows_counts_and_shows_the_first() -> None:
    values = np.array([1.0, 0.0, 2.0, 0.0])
    said = message(check_rows, values > 0, values, name="duration", rule="be > 0", fix="set it to 0.5")
    assert said == "duration must be > 0 but 2 of 4 rows are not (first: row 1, value 0.0); set it to 0.5"
    one = message(check_rows, [True, False], [1, 2], name="age", rule="be odd")
    assert one == "age must be odd but 1 of 2 rows is not (first: row 1, value 2)"
    check_rows([True, True], values[:2], name="duration", rule="be > 0")
    check_rows([], [], name="duration", rule="be > 0")


def test_check_length() -> None:
    check_length([1, 2], 2, name="margin")
    said = message(check_length, [1, 2], 3, name="margin")
    assert said == "margin has 2 rows but X has 3; both need one row for each customer"


@pytest.mark.parametrize(
    ("value", "bounds", "said"),
    [
        ("ten", {}, "horizon must be a number, not 'ten'"),
        (None, {}, "horizon must be a number, not None"),
        (float("nan"), {}, "horizon must be a number, not nan"),
        (-1, {"low": 0}, "horizon must be >= 0, not -1"),
        (0, {"low": 0, "low_open": True}, "horizon must be > 0, not 0"),
        (2, {"low": 0, "high": 1}, "horizon must be >= 0 and <= 1, not 2"),
        (1, {"high": 1, "high_open": True}, "horizon must be < 1, not 1"),
    ],
)
def test_check_scalar_refuses(value: object, bounds: dict[str, float], said: str) -> None:
    assert message(check_scalar, value, "horizon", **bounds) == said


def test_check_scalar_passes_the_ends_of_a_closed_range() -> None:
    assert check_scalar(0, "rate", low=0, high=1) == 0.0
    assert check_scalar(np.float32(1), "rate", low=0, high=1) == 1.0
    assert isinstance(check_scalar(1, "rate"), float)


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (["1", "x"], {}, "margin must hold numbers; row 1 holds 'x'"),
        (
            [1.0, None],
            {},
            "margin must be finite (no NaN, no infinity) but 1 of 2 rows is not (first: row 1, value nan)",
        ),
        ([[1.0]], {}, "margin must have 1 dimension(s) but has 2 (shape (1, 1))"),
        (
            [1.0, np.inf],
            {},
            "margin must be finite (no NaN, no infinity) but 1 of 2 rows is not (first: row 1, value inf)",
        ),
        ([1.0, -2.0], {"low": 0}, "margin must be >= 0 but 1 of 2 rows is not (first: row 1, value -2.0)"),
    ],
)
def test_float_array_refuses(values: list[object], options: dict[str, float], said: str) -> None:
    assert message(float_array, values, "margin", **options) == said


def test_float_array_keeps_infinity_when_asked_and_never_nan_inside_a_range() -> None:
    assert float_array([1.0, np.inf], "times", finite=False).tolist() == [1.0, np.inf]
    assert "times must be" in message(float_array, [np.nan], "times", finite=False, low=0)


def test_float_array_of_nothing_is_empty() -> None:
    assert float_array([], "margin", low=0).shape == (0,)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e9, 1e9), max_size=20))
def test_float_array_returns_what_it_was_given(values: list[float]) -> None:
    assert float_array(values, "margin").tolist() == values


def test_sample_weight() -> None:
    assert sample_weight_array(None, 3).tolist() == [1.0, 1.0, 1.0]
    assert sample_weight_array([0, 2], 2).tolist() == [0.0, 2.0]
    assert "sample_weight must be >= 0" in message(sample_weight_array, [1, -1], 2)
    assert "zero in every row" in message(sample_weight_array, [0, 0], 2)
    assert "sample_weight has 1 rows but X has 2" in message(sample_weight_array, [1], 2)
