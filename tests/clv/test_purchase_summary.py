"""From purchases to frequency, recency and age: by hand, on every engine, with a holdout."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import InputError
from custval.clv import BGNBD, purchase_summary

BOUGHT = pd.DataFrame(
    {
        "who": ["b", "a", "a", "a", "b", "c", "a", "c"],
        "at": pd.to_datetime(
            [
                "2025-01-01",
                "2025-01-06",
                "2025-01-06 18:00",
                "2025-02-10",
                "2025-03-31",
                "2025-03-30",
                "2025-03-05",
                "2025-04-09",
            ],
            format="ISO8601",
        ),
        "money": [5.0, 10.0, 2.0, 20.0, 7.0, 9.0, 40.0, 3.0],
    }
)
ARGUMENTS = {"time_unit": "week", "end": "2025-03-31", "customer": "who", "time": "at"}


def test_by_hand():
    """a: 84, 84, 49, 26 days before the end, so weeks 12, 12, 7, 3; b: 89 and 0: 12 and 0; c: 1 day, too new."""
    made = purchase_summary(BOUGHT, **ARGUMENTS, amount="money", log_gaps=True)
    table = made.table.set_index("who")
    assert list(table.index) == ["a", "b"]
    assert table[["frequency", "recency", "age"]].to_numpy().tolist() == [[2.0, 9.0, 12.0], [1.0, 12.0, 12.0]]
    assert table["mean_spend"].tolist() == [30.0, 7.0]
    assert table["first_spend"].tolist() == [12.0, 5.0]
    np.testing.assert_allclose(table["log_gaps"], [np.log(5.0) + np.log(4.0), np.log(12.0)])
    logs = np.log([20.0, 40.0])
    np.testing.assert_allclose(table["mean_log_spend"], [logs.mean(), np.log(7.0)])
    np.testing.assert_allclose(table["log_spend_squares"], [((logs - logs.mean()) ** 2).sum(), 0.0], atol=1e-14)
    assert (made.time_unit, made.end, made.too_new, len(made)) == ("week", "2025-03-31", 1, 2)


def test_days_within_weeks():
    table = purchase_summary(BOUGHT, **ARGUMENTS, merge="day").table.set_index("who")
    np.testing.assert_allclose(table.loc["a", ["frequency", "recency", "age"]].astype(float), [2.0, 58 / 7, 84 / 7])
    assert table.loc["c", "age"] == pytest.approx(1 / 7)


def test_a_holdout():
    made = purchase_summary(BOUGHT, **ARGUMENTS, amount="money", holdout_end=dt.date(2025, 4, 14), keep_new=True)
    table = made.table.set_index("who")
    assert made.holdout == pytest.approx(2.0)
    assert table["holdout_frequency"].tolist() == [0.0, 0.0, 1.0]
    assert table["holdout_spend"].tolist() == [0.0, 0.0, 3.0]
    assert table.loc["c", "age"] == 0.0


def engines():
    arrow = pl.from_pandas(BOUGHT).to_arrow()
    seconds = BOUGHT.assign(at=(BOUGHT["at"] - pd.Timestamp(0)).dt.total_seconds())
    return {
        "polars": pl.from_pandas(BOUGHT),
        "lazy": pl.from_pandas(BOUGHT).lazy(),
        "arrow": arrow,
        "duckdb": duckdb.from_df(BOUGHT),
        "mapping": {name: BOUGHT[name].to_numpy() for name in BOUGHT},
        "seconds": seconds,
    }


@pytest.mark.parametrize("engine", ["polars", "lazy", "arrow", "duckdb", "mapping", "seconds"])
def test_every_engine_gives_the_same(engine):
    settings = {**ARGUMENTS, "amount": "money", "log_gaps": True, "holdout_end": "2025-04-14"}
    expected = purchase_summary(BOUGHT, **settings).to_frame()
    made = purchase_summary(engines()[engine], **settings)
    kinds = {"polars": pl.DataFrame, "lazy": pl.DataFrame}
    assert isinstance(made.table, kinds.get(engine, object))
    pd.testing.assert_frame_equal(made.to_frame(), expected, check_dtype=False, rtol=1e-12, atol=1e-12)


def test_dates_are_read_as_datetimes():
    days = BOUGHT.assign(at=BOUGHT["at"].dt.date)
    made = purchase_summary(pl.from_pandas(days), **ARGUMENTS).to_frame()
    pd.testing.assert_frame_equal(made, purchase_summary(BOUGHT, **ARGUMENTS).to_frame(), check_dtype=False)


def test_the_order_of_rows_does_not_matter():
    made = [
        purchase_summary(some, **ARGUMENTS, amount="money").to_frame()
        for some in (BOUGHT, BOUGHT.sample(frac=1.0, random_state=1))
    ]
    pd.testing.assert_frame_equal(*made)


def test_bad_input():
    with pytest.raises(InputError, match=r"no column 'wo' .did you mean 'who'"):
        purchase_summary(BOUGHT, **{**ARGUMENTS, "customer": "wo"})
    with pytest.raises(InputError, match="end must be a date such as"):
        purchase_summary(BOUGHT, **{**ARGUMENTS, "end": "soon"})
    with pytest.raises(InputError, match="no purchase falls on or before end"):
        purchase_summary(BOUGHT, **{**ARGUMENTS, "end": "2020-01-01"})
    with pytest.raises(InputError, match=r"holdout_end .* must come after end"):
        purchase_summary(BOUGHT, **ARGUMENTS, holdout_end="2025-03-31")
    with pytest.raises(InputError, match="time_unit must be one of"):
        purchase_summary(BOUGHT, **{**ARGUMENTS, "time_unit": "fortnight"})
    with pytest.raises(InputError, match="amount must be > 0 but 1 of 3 customers"):
        purchase_summary(BOUGHT.assign(money=[-5.0, *BOUGHT["money"][1:]]), **ARGUMENTS, amount="money")
    with pytest.raises(InputError, match="must hold dates, datetimes or epoch seconds"):
        purchase_summary(BOUGHT.assign(at="yesterday"), **ARGUMENTS)
    with pytest.raises(InputError, match="must be a frame"):
        purchase_summary([1, 2], **ARGUMENTS)


def test_a_summary_of_another_unit_is_refused():
    made = purchase_summary(BOUGHT, **ARGUMENTS)
    with pytest.raises(InputError, match="X counts time in weeks but the model in days"):
        BGNBD(time_unit="day").fit(made)
    model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    assert len(model.probability_alive(made)) == 2
