"""Targets from dates: spans, last looks, the first day of the warehouse, causes, and impossible dates."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.survival import target_from_dates

pl = pytest.importorskip("polars")
START = ["2024-01-01", "2024-02-01"]
END = ["2024-03-02", None]


def test_spans_in_every_unit():
    for unit, days in {"day": 1, "week": 7, "month": 30.436875, "year": 365.2425}.items():
        y = target_from_dates(START, END, observed_until="2024-12-31", time_unit=unit)
        np.testing.assert_allclose(y["duration"], np.array([61, 334]) / days, rtol=1e-15)
        assert y["event"].tolist() == [1, 0]
        assert y.dtype.metadata["time_unit"] == unit


SOURCES = {
    "pandas": lambda v: pd.to_datetime(pd.Series(v)),
    "polars": lambda v: pl.Series([None if d is None else dt.date.fromisoformat(d) for d in v]),
    "datetime": lambda v: [None if d is None else dt.datetime.fromisoformat(d) for d in v],
    "timezone": lambda v: pd.to_datetime(pd.Series(v)).dt.tz_localize("UTC"),
    "numpy": lambda v: np.array(["NaT" if d is None else d for d in v], dtype="datetime64[s]"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_kind_of_date_gives_the_same_target(source):
    make = SOURCES[source]
    y = target_from_dates(make(START), make(END), observed_until=dt.date(2024, 12, 31), time_unit="day")
    assert y["duration"].tolist() == [61, 334]
    assert y["event"].tolist() == [1, 0]


def test_leaving_after_the_last_look_has_not_been_seen():
    y = target_from_dates(START, ["2024-03-02", "2024-06-01"], observed_until="2024-03-02", time_unit="day")
    assert y["event"].tolist() == [1, 0]
    assert y["duration"].tolist() == [61, 30]


def test_the_last_look_may_differ_by_customer():
    y = target_from_dates(START, [None, None], observed_until=["2024-01-11", "2024-02-02"], time_unit="day")
    assert y["duration"].tolist() == [10, 1]


def test_entry_counts_from_joining_and_never_before_it():
    y = target_from_dates(START, END, observed_until="2024-12-31", entry="2024-01-16", time_unit="day")
    assert y["entry"].tolist() == [15, 0]


def test_causes_are_read_for_those_who_left_only():
    y = target_from_dates(START, END, observed_until="2024-12-31", cause=[7, None])
    assert y["event"].tolist() == [1, 0]
    assert y.dtype.metadata["causes"] == ("7",)
    y = target_from_dates(START, ["2024-03-02"] * 2, observed_until="2024-12-31", cause=["price", "debt"])
    assert y["event"].tolist() == [2, 1]


BAD = [
    ({"start": [5, 6]}, "start must hold dates, not int64; turn seconds since 1970 into dates"),
    ({"start": ["2024-01-01", "soon"]}, "start must hold dates such as 2026-01-31"),
    ({"start": ["2024-01-01", None]}, "start must be known but 1 of 2 rows is not (first: row 1"),
    (
        {"start": ["2024-01-01", "2025-02-01"]},
        "start must be before observed_until but 1 of 2 rows is not (first: row 1",
    ),
    ({"end": ["2023-03-02", None]}, "end must be after start but 1 of 2 rows is not (first: row 0"),
    ({"end": ["2024-03-02"]}, "end has 1 rows but start has 2"),
    (
        {"entry": "2024-06-01"},
        "entry must be before the last look at the customer but 1 of 2 rows is not (first: row 0",
    ),
    ({"cause": [None, "x"]}, "cause must be known for customers who left but 1 of 2 rows is not (first: row 0"),
    ({"cause": ["x"]}, "cause has 1 rows but start has 2"),
    ({"observed_until": ["2024-12-31"]}, "observed_until has 1 rows but start has 2"),
    ({"time_unit": "months"}, "time_unit must be one of 'day', 'week', 'month', 'year', not 'months'"),
    ({"start": [["2024-01-01"]]}, "start must have 1 dimension"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=[words for _, words in BAD])
def test_impossible_dates_are_refused_with_helpful_words(change, words):
    given = {"start": START, "end": END, "observed_until": "2024-12-31"} | change
    with pytest.raises(ValueError) as error:
        target_from_dates(**given)
    assert words in str(error.value)


def test_a_missing_day_is_shown_as_missing():
    with pytest.raises(InputError, match=r"start must be known but 1 of 2 rows is not \(first: row 1, value missing\)"):
        target_from_dates(["2024-01-31", None], [None, None], observed_until="2024-06-01")
