"""RFM: fair ties by brute force, frozen cuts, names, every kind of frame, weights, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import InputError
from custval._segments.rfm import GRID
from custval.segments import rfm

RNG = np.random.default_rng(3)
N = 300
TABLE = {
    "months_since_last": RNG.integers(0, 12, N).astype(float),
    "frequency": RNG.poisson(3, N).astype(float),
    "margin": RNG.lognormal(2, 1, N),
}


def fair_scores(values, weight, groups):
    """By the middle of ranks, one customer at a time."""
    total = weight.sum()
    middle = np.array([(weight[values < v].sum() + weight[values <= v].sum()) / 2 for v in values])
    return 1 + (middle[:, None] >= total * np.arange(1, groups) / groups * (1 - 1e-12)).sum(axis=1)


@pytest.mark.parametrize("groups", [2, 3, 5, 10])
def test_scores_are_those_of_the_middle_ranks(groups):
    found = rfm(TABLE, groups=groups)
    ones = np.ones(N)
    np.testing.assert_array_equal(found.recency, fair_scores(-TABLE["months_since_last"], ones, groups))
    np.testing.assert_array_equal(found.frequency, fair_scores(TABLE["frequency"], ones, groups))
    np.testing.assert_array_equal(found.monetary, fair_scores(TABLE["margin"], ones, groups))


def test_weights_are_copies():
    weight = RNG.integers(0, 4, N)
    found = rfm(TABLE, sample_weight=weight)
    np.testing.assert_array_equal(found.frequency, fair_scores(TABLE["frequency"], weight.astype(float), 5))
    copies = rfm({name: np.repeat(values, weight) for name, values in TABLE.items()})
    np.testing.assert_array_equal(copies.cuts, found.cuts)
    np.testing.assert_array_equal(copies.segment, np.repeat(found.segment, weight))


def test_a_value_that_most_share_gets_a_middle_score():
    frequency = np.array([1.0] * 70 + [2.0] * 20 + [9.0] * 10)
    table = {"months_since_last": np.zeros(100), "frequency": frequency, "margin": np.ones(100)}
    found = rfm(table)
    assert set(found.frequency[:70]) == {2}
    assert set(found.recency) == {3}
    assert set(found.monetary) == {3}


def test_segments_follow_the_grid_and_can_be_renamed():
    found = rfm(TABLE)
    for i in range(N):
        column = int(np.floor((int(found.frequency[i]) + int(found.monetary[i])) / 2 + 0.5)) - 1
        assert found.label()[i] == GRID[found.recency[i] - 1][column]
    assert found.names[0] == "champions"
    own = [["a"] * 5, ["b"] * 5, ["c"] * 5, ["d"] * 5, ["e"] * 5]
    assert set(rfm(TABLE, segments=own).label()) == set("abcde")
    table = found.table(TABLE["margin"])
    assert table["customers"].sum() == N
    assert table["money"].sum() == pytest.approx(TABLE["margin"].sum())


def test_frozen_cuts_score_next_month_by_the_same_rule():
    first = rfm(TABLE)
    again = rfm({name: values[:7] for name, values in TABLE.items()}, cuts=first.cuts)
    np.testing.assert_array_equal(again.segment, first.segment[:7])
    richer = rfm({**TABLE, "margin": TABLE["margin"] * 10}, cuts=first.cuts)
    assert (richer.monetary >= first.monetary).all()
    assert richer.monetary.sum() > first.monetary.sum()


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_scores_come_back_in_the_same_kind_of_frame(kind):
    frame = kind({"customer": np.arange(N), **TABLE})
    scored = rfm(frame).attach(frame)
    assert isinstance(scored, kind)
    assert list(scored.columns)[-4:] == ["r_score", "f_score", "m_score", "rfm_segment"]
    np.testing.assert_array_equal(np.asarray(scored["f_score"]), rfm(TABLE).frequency)
    assert list(frame.columns) == ["customer", *TABLE]
    renamed = kind({"r": TABLE["months_since_last"], "f": TABLE["frequency"], "m": TABLE["margin"]})
    np.testing.assert_array_equal(rfm(renamed, columns=("r", "f", "m")).segment, rfm(TABLE).segment)
    array = np.column_stack(list(TABLE.values()))
    np.testing.assert_array_equal(rfm(array).segment, rfm(TABLE).segment)


def test_one_customer_and_the_frame_of_scores():
    assert rfm([[1.0, 2.0, 3.0]]).to_frame().iloc[0].tolist() == [3, 3, 3, "needs attention"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rfm({"frequency": [1.0], "margin": [1.0]}), r"there is no column 'months_since_last'"),
        (lambda: rfm({**TABLE, "margin": np.full(N, np.nan)}), r"column 'margin' must be finite .*300 of 300"),
        (lambda: rfm({**TABLE, "frequency": np.full(N, np.inf)}), r"column 'frequency' must be finite"),
        (lambda: rfm(np.ones((4, 2))), r"X must have 3 columns"),
        (lambda: rfm(np.ones((0, 3))), r"X is empty"),
        (lambda: rfm(TABLE, groups=1), r"groups must be >= 2"),
        (lambda: rfm(TABLE, cuts=np.ones((3, 2))), r"cuts must have shape \(3, 4\) for 5 scores"),
        (lambda: rfm(TABLE, segments=[["a"]]), r"segments must be 5 x 5 names"),
        (lambda: rfm(TABLE, columns=("a", "b")), r"columns must be three names"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_cuts_that_fall_are_refused():
    table = {"months_since_last": [1, 3], "frequency": [1, 1], "margin": [2.0, 2.0]}
    with pytest.raises(InputError, match="each row of cuts must rise"):
        rfm(table, cuts=np.tile([4.0, 3.0, 2.0, 1.0], (3, 1)))
