"""Calendar arithmetic of a moment."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from custval._cdr.moment import Moment, moment


def seconds(text: str) -> int:
    return int(np.datetime64(text, "s").astype(int))


@pytest.mark.parametrize(
    ("now", "months", "then"),
    [
        ("2025-03-31T23:59:59", 1, "2025-02-28T23:59:59"),
        ("2025-03-31T23:59:59", 3, "2024-12-31T23:59:59"),
        ("2024-03-31T23:59:59", 1, "2024-02-29T23:59:59"),
        ("2025-03-15T11:59:59", 1, "2025-02-15T11:59:59"),
        ("2025-03-30T11:59:59", 1, "2025-02-28T23:59:59"),
    ],
)
def test_months_before(now, months, then):
    assert Moment(seconds(now)).months_before(months) == seconds(then)


def test_month_is_that_of_the_last_second():
    assert Moment(seconds("2025-03-31T23:59:59")).month == 12 * 2025 + 3
    assert Moment(seconds("2025-04-01T00:00:00")).month == 12 * 2025 + 4


def test_epoch_seconds_and_days():
    assert moment(17).seconds == moment(np.int64(17)).seconds == 17
    assert moment("1970-01-01").seconds == moment(dt.date(1970, 1, 1)).seconds == 86_399
    assert moment("1970-01-01T00:00:05").seconds == 5
    assert moment("2025-02").seconds == seconds("2025-02-28T23:59:59")
