"""Columns that know the answer are named, honest ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.survival import leak_check, survival_target


def customers(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    duration = rng.integers(1, 60, n)
    fee = rng.gamma(4.0, 8.0, n)
    X = {
        "fee": fee,
        "total": duration * fee * rng.normal(1.0, 0.02, n),
        "points": duration + rng.normal(0, 3, n),
        "loyalty": np.array(["new", "known", "old"])[np.digitize(duration, [12, 36])],
        "region": rng.choice(["north", "south"], n),
        "young": rng.random(n) < 0.3,
    }
    return X, survival_target(duration, rng.integers(0, 2, n))


def test_sums_and_bands_of_the_stay_are_named():
    X, y = customers()
    report = leak_check(X, y)
    assert set(report.suspects) == {"total", "points", "loyalty"}
    said = dict(zip(report.column, report.reason, strict=True))
    assert said["total"] == "nearly the duration times 'fee': a sum that grew over the stay"
    assert said["points"] == "nearly a function of the duration"
    assert said["loyalty"] == "its levels are nearly bands of the duration"
    assert said["region"] == said["fee"] == said["young"] == ""
    assert (np.diff(report.strength) <= 0).all()
    assert ((report.strength >= 0) & (report.strength <= 1 + 1e-12)).all()


def test_rank_correlation_is_scipys():
    from scipy.stats import spearmanr

    X, y = customers()
    report = leak_check({"points": X["points"]}, y)
    assert report.strength[0] == pytest.approx(abs(spearmanr(X["points"], y["duration"]).statistic))


def test_values_dated_after_the_departure_are_named():
    X, y = customers(4)
    known = np.array(["2024-01-01", "2024-07-01", "2024-08-01", "2024-01-01"], dtype="datetime64[D]")
    ended = ["2024-03-01", "2024-05-01", None, "2024-05-01"]
    report = leak_check({"region": X["region"]}, y, dated={"region": known}, ended=ended)
    assert report.reason[0] == "dated after the departure in 1 of 3 rows"
    assert report.suspects == ("region",)


def test_arrays_and_short_tables_do():
    assert leak_check(np.ones((3, 2)), survival_target([1, 2, 3])).suspects == ()
    with pytest.raises(ValueError, match="y has 2 rows but X has 3"):
        leak_check(np.ones((3, 2)), survival_target([1, 2]))
    with pytest.raises(ValueError, match="threshold must be > 0 and <= 1"):
        leak_check(np.ones((3, 2)), survival_target([1, 2, 3]), threshold=2.0)


def test_the_total_charges_of_ibm_telco_are_a_sum_over_the_stay(shared):
    import pandas as pd

    table = pd.read_csv(shared / "data" / "ibm_telco_churn.csv")
    table = table[table["tenure"] > 0]
    X = table[["MonthlyCharges", "Contract", "SeniorCitizen"]].assign(TotalCharges=pd.to_numeric(table["TotalCharges"]))
    assert leak_check(X, survival_target(table["tenure"])).suspects == ("TotalCharges",)


def test_dates_that_would_be_passed_over_are_refused():
    X, y = {"reason": ["a", "b", "c"]}, survival_target([3, 3, 2], [1, 0, 0])
    day = ["2024-05-02"] * 3
    with pytest.raises(InputError, match=r"dated names 'raeson', which is not a column of X \(did you mean 'reason'"):
        leak_check(X, y, dated={"raeson": day}, ended=day)
    with pytest.raises(InputError, match="dated needs ended, the days of leaving"):
        leak_check(X, y, dated={"reason": day})
