from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custval._core.wording import count_text, decimal_text, money_text, months_text, percent_text, plain_text, plural


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "$0"),
        (0.5, "$0.50"),
        (99.994, "$99.99"),
        (99.999, "$100"),
        (1234.5, "$1,234"),
        (999_600, "$1.00 M"),
        (123_456_789, "$123 M"),
        (4.2e9, "$4.20 bn"),
        (-20.0, "−$20.00"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
    ],
)
def test_money(value: float | None, words: str) -> None:
    assert money_text(value, "$").replace("\xa0", " ") == words


def test_a_currency_code_stands_apart_from_its_figures() -> None:
    assert money_text(12_000, "CHF") == "CHF\xa012,000"
    assert money_text(12_000) == "12,000"


def test_an_error_is_as_fine_as_its_figure() -> None:
    assert money_text(41.3, "€", like=5_000) == "€41"
    assert money_text(41_300, "€", like=5_000_000).replace("\xa0", " ") == "€0.04 M"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0.0%"), (1, "100.0%"), (0.0432, "4.3%"), (0.00043, "0.04%"), (-0.002, "−0.20%"), (None, "–")],
)
def test_percent(share: float | None, words: str) -> None:
    assert percent_text(share) == words


def test_small_things() -> None:
    assert months_text(math.inf) == "∞ months"
    assert months_text(None) == "–"
    assert plural(0, "row") == "0 rows"
    assert plural(2, "entry", "entries") == "2 entries"
    assert plain_text({"b", "a"}) == "a, b"
    assert decimal_text(-0.001, 2) == "0.00"


@given(st.floats(-1e12, 1e12))
def test_no_number_is_written_as_minus_zero_or_nan(value: float) -> None:
    for words in (count_text(value), percent_text(value), money_text(value), decimal_text(value)):
        assert words
        assert "nan" not in words
        assert words not in {"−0", "−0.00", "−0.0%", "−0.00%"}
