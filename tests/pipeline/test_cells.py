"""What a cell means."""

from __future__ import annotations

import numpy as np
import pytest

from custval._pipeline.cells import as_text, read_numbers


def cells(*values: object) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,234.5", 1234.5),
        ("1,234", 1234.0),
        ("1.234,5", 1234.5),
        ("29,85", 29.85),
        ("$29.85", 29.85),
        ("€ 1,000", 1000.0),
        ("1'000", 1000.0),
        ("-3", -3.0),
        (" 7 ", 7.0),
        ("1e3", 1000.0),
        (True, 1.0),
    ],
)
def test_numbers_as_people_write_them(cell: object, number: float) -> None:
    assert read_numbers(cells(cell)).values[0] == number


def test_what_cannot_be_read_is_counted_apart_from_what_is_blank() -> None:
    read = read_numbers(cells("12", "", None, " ", "n/a", "gold", "12 months", "inf", "1,000"))
    assert read.blank.tolist() == [False, True, True, True, True, False, False, False, False]
    assert np.flatnonzero(read.unreadable).tolist() == [5, 6, 7]
    assert read.respelled == 1
    assert read.values[[0, 8]].tolist() == [12.0, 1000.0]


def test_number_arrays_pass_through_with_infinities_refused() -> None:
    read = read_numbers(np.array([1.0, np.nan, np.inf]))
    assert read.blank.tolist() == [False, True, False]
    assert read.unreadable.tolist() == [False, False, True]


def test_text_is_stripped_and_whole_numbers_lose_their_point() -> None:
    assert as_text(cells(" yes ", 3.0, 2.5, "", None, float("nan"), 1)).tolist() == [
        "yes",
        "3",
        "2.5",
        None,
        None,
        None,
        "1",
    ]
