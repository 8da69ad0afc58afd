"""Churn rates by hand; intervals; from stays to counts; cohorts; what is refused and what is warned of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import DataWarning, InputError
from custval.segments import churn_rates, cohort_retention, movement_counts

COUNTS = {
    "month": [1, 2, 3],
    "opening": [1000.0, 1010.0, 1000.0],
    "joined": [30.0, 20.0, 40.0],
    "exits_voluntary": [15.0, 25.0, 20.0],
    "exits_debt": [5.0, 5.0, 4.0],
    "exits_transfer": [9.0, 0.0, 3.0],
    "rotational": [4.0, 0.0, 1.0],
    "won_back": [1.0, 2.0, 0.0],
}
RNG = np.random.default_rng(6)


def stays(n=400, months=18):
    start = RNG.integers(1, months + 1, n)
    end = start + RNG.geometric(0.1, n) - 1
    end = np.where(end > months, np.nan, end)
    return start, end, np.array(["debt", "moved", "price"])[RNG.integers(0, 3, n)]


def test_each_rate_by_its_definition():
    rates = churn_rates(COUNTS)
    np.testing.assert_allclose(rates.lost, [20, 30, 24])
    np.testing.assert_allclose(rates.transferred, [9, 0, 3])
    np.testing.assert_allclose(rates.closing, [1010, 1000, 1016])
    np.testing.assert_allclose(rates.net_adds, [10, -10, 16])
    np.testing.assert_allclose(rates.opening_rate, [20 / 1000, 30 / 1010, 24 / 1000])
    np.testing.assert_allclose(rates.average_rate, [20 / 1005, 30 / 1005, 24 / 1008])
    np.testing.assert_allclose(rates.annual_rate, 1 - (1 - rates.opening_rate) ** 12)
    np.testing.assert_allclose(rates.net_rate, [15 / 1000, 28 / 1010, 23 / 1000])
    assert rates.causes == ("voluntary", "debt", "transfer")
    np.testing.assert_allclose(rates.rate_by_cause[1], [5 / 1000, 5 / 1010, 4 / 1000])
    for name in ("opening_rate", "average_rate", "annual_rate", "net_rate", "rate_by_cause"):
        middle = getattr(rates, name)
        assert (getattr(rates, f"{name}_lower") <= middle).all()
        assert (getattr(rates, f"{name}_upper") >= middle).all()


def test_intervals_are_those_of_the_textbooks():
    from scipy import stats

    rates = churn_rates(COUNTS)
    wilson = stats.binomtest(20, 1000).proportion_ci(method="wilson")
    assert rates.opening_rate_lower[0] == pytest.approx(wilson.low, rel=1e-9)
    assert rates.opening_rate_upper[0] == pytest.approx(wilson.high, rel=1e-9)
    assert rates.average_rate_lower[0] * 1005 == pytest.approx(stats.chi2.ppf(0.025, 40) / 2, rel=1e-9)
    assert rates.average_rate_upper[0] * 1005 == pytest.approx(stats.chi2.ppf(0.975, 42) / 2, rel=1e-9)


def test_all_months_together():
    rates = churn_rates(COUNTS, pooled=True)
    assert rates.opening_rate.tolist() == pytest.approx([74 / 3010])
    assert len(rates.to_frame()) == 1


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_every_kind_of_table_gives_the_same(kind):
    pd.testing.assert_frame_equal(churn_rates(kind(COUNTS)).to_frame(), churn_rates(COUNTS).to_frame())


def test_transfers_in_belong_to_the_base_of_a_brand():
    table = {name: values[:1] for name, values in COUNTS.items()} | {"transfers_in": [2.0]}
    assert churn_rates(table).closing.tolist() == [1000 + 30 + 2 - 20 - 9]


def test_more_departures_than_customers_at_the_start():
    rates = churn_rates({"opening": [10.0], "joined": [30.0], "exits_all": [14.0]})
    assert rates.opening_rate.tolist() == [1.4]
    assert rates.annual_rate.tolist() == [1.0]
    assert rates.opening_rate_upper[0] > 1.4


def test_counts_from_stays_by_hand():
    start, end = [1, 1, 1, 2, 3, 5, 9], [3, None, 1, 2, None, None, None]
    found = movement_counts(start, end, person=["a", "b", "c", "d", "a", "e", "d"], rotation_months=2)
    assert found.month.tolist() == list(range(1, 10))
    assert found.joined.tolist() == [3, 1, 1, 0, 1, 0, 0, 0, 1]
    assert found.exits[0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert found.opening.tolist() == [0, 2, 2, 2, 2, 3, 3, 3, 3]
    assert found.rotational.tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0]  # a leaves and is back in the same month
    assert found.won_back.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1]  # d returns after seven months
    later = movement_counts(start, end, first=4)
    assert later.opening[0] == 2


def test_counts_flow_into_rates_without_a_gap():
    start, end, cause = stays()
    counts = movement_counts(start, end, cause=cause, first=2)
    rates = churn_rates(counts)
    np.testing.assert_allclose(rates.opening[1:], rates.closing[:-1])
    assert rates.closing[-1] == np.isnan(end).sum()
    assert counts.exits.sum() == (end >= 2).sum()


def test_a_table_of_distinct_stays_gives_the_same_counts():
    start, end, cause = stays()
    filled = np.where(np.isnan(end), -1, end)
    table = pd.DataFrame({"s": start, "e": filled, "c": np.where(filled < 0, "", cause)}).value_counts().reset_index()
    ends = table["e"].where(table["e"] >= 0)
    for whole, counted in (
        (
            movement_counts(start, end, cause=cause),
            movement_counts(table["s"], ends, cause=table["c"], sample_weight=table["count"]),
        ),
        (cohort_retention(start, end), cohort_retention(table["s"], ends, sample_weight=table["count"])),
    ):
        pd.testing.assert_frame_equal(whole.to_frame(), counted.to_frame())


def test_cohorts_are_followed_as_far_as_they_were_watched():
    start, end, _ = stays()
    found = cohort_retention(start, end, until=18)
    for cohort, age, size, kept in zip(found.cohort, found.age, found.size, found.retained, strict=True):
        mine = start == cohort
        assert size == mine.sum()
        assert kept == (mine & ~(end <= cohort + age)).sum()
    assert (found.cohort + found.age <= 18).all()
    assert len(found.cohort) == sum(19 - c for c in np.unique(start))
    wide = found.triangle()
    assert wide.loc[18].notna().sum() == 1
    pooled = found.pooled()
    assert (pooled["survival"].diff().dropna() <= 0).all()
    early = cohort_retention(start[start <= 10], end[start <= 10], until=10)
    assert early.triangle().loc[5, 2] == wide.loc[5, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: churn_rates({"opening": [5.0], "joined": [0.0]}), r"no column of departures; name it exits_<cause>"),
        (lambda: churn_rates({"joined": [0.0], "exits_a": [1.0]}), r"there is no column 'opening'"),
        (lambda: churn_rates({"opening": [0.0], "joined": [0.0], "exits_a": [1.0]}), r"opening must be > 0"),
        (lambda: churn_rates({"opening": [5.0], "joined": [0.0], "exits_a": [-1.0]}), r"'exits_a' must be >= 0"),
        (
            lambda: churn_rates({"opening": [5.0], "joined": [1.0], "exits_a": [7.0]}),
            r"customers at the end of the month must be >= 0 .*opening \+ joined must cover",
        ),
        (
            lambda: churn_rates({"opening": [5.0], "joined": [1.0], "exits_a": [1.0], "rotational": [2.0]}),
            r"rotational must be at most those who leave",
        ),
        (
            lambda: churn_rates({"month": [1, 1], "opening": [5, 5], "joined": [0, 0], "exits_a": [0, 0]}),
            r"month 1 stands in more than one row",
        ),
        (
            lambda: movement_counts([3], [2]),
            r"end must be at or after start but 1 of 1 row is not \(first: row 0, value 2",
        ),
        (lambda: movement_counts([1.5], [None]), r"start must be a whole month"),
        (lambda: movement_counts([], []), r"start is empty"),
        (
            lambda: movement_counts([1, 1], [2, 3], cause=["a", None]),
            r"cause is missing in 1 of 2 rows \(first: row 1\)",
        ),
        (lambda: cohort_retention([5], [None], until=4), r"start must be at or before until \(4\)"),
    ],
)
def test_impossible_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_missing_months_and_a_broken_base_are_named():
    table = {"month": [1, 4], "opening": [100.0, 90.0], "joined": [0.0, 0.0], "exits_a": [2.0, 1.0]}
    with pytest.warns(DataWarning, match=r"2 months are missing \(first: 2\)"):
        churn_rates(table)
    with pytest.warns(DataWarning, match=r"in 1 months the base at the start .* month 2, 90 after 98"):
        churn_rates(table | {"month": [1, 2]})


def test_a_nullable_month_of_leaving():
    pd = pytest.importorskip("pandas")
    end = np.array([pd.NA, 4, None], dtype=object)
    assert movement_counts([1, 2, 3], end).exits.sum() == 1
