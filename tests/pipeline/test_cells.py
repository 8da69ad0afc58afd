"""What a cell means."""

from __future__ import annotations

import numpy as np
import pytest

from custval._pipeline.cells import as_text, has_decimal_comma, is_date, read_numbers


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
        ("1\u202f234.5", 1234.5),
        ("45.10 EUR", 45.1),
        ("CHF 1’200", 1200.0),
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


def test_one_decision_for_the_whole_table_says_what_a_comma_means() -> None:
    assert has_decimal_comma([cells("29,85", "29,850")])
    assert has_decimal_comma([cells("1.234,5"), cells("45,123")])
    assert not has_decimal_comma([cells("1,234.5", "45,123")])
    assert not has_decimal_comma([cells("45,123", "12,500")])
    assert has_decimal_comma([cells("45,123", "12,500")], delimiter=";")
    assert not has_decimal_comma([np.array([1.5, 2.5])], delimiter=";")


def test_with_a_decimal_comma_points_group_thousands() -> None:
    read = read_numbers(cells("45,123", "4.512", "4.512,5", "4.5", "12"), decimal_comma=True)
    assert read.values.tolist() == [45.123, 4512.0, 4512.5, 4.5, 12.0]
    assert read.respelled == 3


def test_dates_and_enormous_numbers_are_no_numbers() -> None:
    days = np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
    assert read_numbers(days).unreadable.tolist() == [True, False]
    assert read_numbers(days).blank.tolist() == [False, True]
    assert read_numbers(np.array([1e300, 2.0])).unreadable.tolist() == [True, False]


@pytest.mark.parametrize(
    "word", ["2024-03", "2024-03-05", "05/03/2024", "2024Q1", "H1 2024", "2024-03-05 10:00:00", "5.3.24"]
)
def test_dates_are_known(word: str) -> None:
    assert is_date(word)


@pytest.mark.parametrize("word", ["2024", "1.5", "plan 2024", "12-15", "north", "2024-13"])
def test_other_words_are_not_dates(word: str) -> None:
    assert not is_date(word)


def test_cells_that_cannot_be_hashed_are_read_as_their_text() -> None:
    assert as_text(cells([1, 2], {"a": 1})).tolist() == ["[1, 2]", "{'a': 1}"]
