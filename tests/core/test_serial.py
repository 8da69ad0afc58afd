"""Fitted state goes to JSON and comes back equal, to the bit; and a file can make nothing happen."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.serial import decode, encode


def around(value: Any) -> Any:
    """Return `value` after a trip through JSON text that holds no NaN or Infinity literals."""
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)))


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100)
@given(plain)
def test_plain_values_come_back_equal_and_of_the_same_type(value: Any) -> None:
    again = around(value)
    assert again == value
    assert type(again) is type(value)


@settings(max_examples=100)
@given(hnp.arrays(st.sampled_from(["f8", "f4", "i8", "i4", "u1", "?"]), hnp.array_shapes(min_side=0, max_side=4)))
def test_arrays_come_back_bit_for_bit(array: np.ndarray[Any, Any]) -> None:
    again = around(array)
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)
    if array.dtype.kind == "f":
        known = ~np.isnan(array)
        np.testing.assert_array_equal(np.signbit(again[known]), np.signbit(array[known]))


@pytest.mark.parametrize(
    "array",
    [
        np.array(["tenure", "übrig", ""]),
        np.array(["a", None, 1.5, ("x", 2)], dtype=object),
        np.array(["2024-02-29", "NaT"], dtype="datetime64[D]"),
        np.array([3, -1], dtype="timedelta64[s]"),
    ],
    ids=["text", "object", "dates", "spans"],
)
def test_text_dates_and_objects_come_back(array: np.ndarray[Any, Any]) -> None:
    again = around(array)
    assert again.dtype == array.dtype
    assert again.tolist() == array.tolist()


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinities_come_back(value: float) -> None:
    assert around(value) == value
    assert around({"x": [value]}) == {"x": [value]}


def test_nan_and_numpy_scalars_come_back_as_numbers() -> None:
    assert math.isnan(around(math.nan))
    assert around(np.float64(0.1)) == 0.1
    assert around(np.int32(7)) == 7


def test_arrays_are_compact() -> None:
    assert encode(np.array([[0.1, 2.0]])) == {"array": "float64", "shape": [1, 2], "values": [0.1, 2.0]}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "a object cannot be saved as JSON; only fitted models of custval can"),
        (np.random.default_rng(0), "a Generator cannot be saved"),
        (lambda: None, "a function cannot be saved"),
        (np.zeros(2, dtype=[("a", "f8")]), "an array of .* cannot be saved"),
        (1j, "a complex cannot be saved"),
    ],
)
def test_what_is_not_state_is_refused(value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        encode(value)


@pytest.mark.parametrize(
    "planted",
    [
        {"type": "os.system", "state": "echo"},
        {"type": "survival.open_door", "state": []},
        {"type": "survival.__loader__", "state": []},
        {"type": "survival.survival_target", "state": []},
        {"type": "_core.serial.encode", "state": []},
        {"type": "builtins.eval", "state": "1"},
        {"type": ["survival"], "state": 1},
    ],
)
def test_a_file_cannot_name_what_is_not_a_model(planted: dict[str, Any]) -> None:
    with pytest.raises((InputError, TypeError)):
        decode(planted)


@pytest.mark.parametrize("kind", ["float64,i4", "V8", "<U9999999999", ">c16", "object_", "__class__", 3, None])
def test_a_file_cannot_ask_for_an_odd_array(kind: Any) -> None:
    with pytest.raises(InputError, match="holds an array of"):
        decode({"array": kind, "shape": [1], "values": [1]})


def test_an_unknown_entry_is_refused() -> None:
    with pytest.raises(InputError, match=r"unknown entry \['a', 'b'\]"):
        decode({"b": 1, "a": 2})


def test_parts_come_back() -> None:
    encoder = DesignEncoder().fit({"x": np.array([1.0, 2.0])})
    assert around(encoder).columns == encoder.columns
