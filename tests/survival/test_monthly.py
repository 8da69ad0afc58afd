"""Whole months: departures up, last looks down, entries up; rows without a whole month go."""

from __future__ import annotations

import json

import numpy as np

from custval.survival import survival_target, to_months


def test_rounding_by_the_definition():
    y = survival_target([2.3, 2.3, 3.0, 3.0, 0.4, 0.4], [1, 0, 2, 0, 1, 0], causes=("a", "b"), time_unit="month")
    monthly = to_months(y)
    assert monthly.target["duration"].tolist() == [3, 2, 3, 3, 1]
    assert monthly.kept.tolist() == [True] * 5 + [False]
    assert monthly.n_dropped == 1
    assert monthly.target.dtype.metadata["causes"] == ("a", "b")


def test_entry_is_rounded_up_and_may_use_up_the_exposure():
    monthly = to_months(survival_target([2.7, 3.2, 3.2], [1, 1, 0], entry=[2.3, 2.3, 2.3]))
    assert monthly.kept.tolist() == [False, True, False]
    assert (monthly.target["entry"].tolist(), monthly.target["duration"].tolist()) == ([3], [4])


def test_the_last_bits_do_not_make_a_month():
    monthly = to_months(survival_target([3 + 4e-16 * 4, 3 - 4e-16 * 4], [1, 0]))
    assert monthly.target["duration"].tolist() == [3, 3]


def test_hazard_of_a_constant_rate_survives_the_rounding():
    rng = np.random.default_rng(1)
    time, end = rng.exponential(10, 200_000), rng.integers(1, 21, 200_000)
    monthly = to_months(survival_target(np.minimum(time, end), time <= end)).target
    share = (monthly["event"] > 0).sum() / monthly["duration"].sum()
    assert abs(share - (1 - np.exp(-0.1))) < 0.002


def test_result_is_read_only_and_turns_into_json():
    monthly = to_months(survival_target([2.3, 0.4], [1, 0]))
    assert not monthly.target.flags.writeable
    assert json.loads(json.dumps(monthly.to_dict()))["kept"] == [True, False]


def test_the_table_numbers_the_rows_that_were_kept():
    monthly = to_months(survival_target([2.3, 0.4, 2.3], [1, 0, 0]))
    assert monthly.to_frame().to_dict("list") == {
        "row": [0, 2],
        "entry": [0.0, 0.0],
        "duration": [3.0, 2.0],
        "event": [1, 0],
    }
    assert "<table" in monthly._repr_html_()
