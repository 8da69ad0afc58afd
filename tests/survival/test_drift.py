"""Drift: columns that moved are named, calibration by month adds up."""

from __future__ import annotations

import numpy as np
import pytest
from tests.survival.test_outlook import telecom

from custval import InputError
from custval.survival import DiscreteHazard, drift_report, survival_target


def test_columns_that_moved_are_named_and_the_index_is_the_textbook_sum():
    X, y = telecom()
    model = DiscreteHazard(baseline="linear").fit(X, y)
    rng = np.random.default_rng(5)
    now = X.assign(fee=X["fee"] + 12.0, contract=rng.choice(["monthly", "yearly"], len(X), p=[0.3, 0.7]))
    report = drift_report(model, X, now)
    assert report.column.tolist() == ["fee", "contract", "paperless"]
    assert report.verdict.tolist() == ["moved", "watch", "stable"]
    p, q = ((frame["contract"] == "yearly").mean() for frame in (X, now))
    by_hand = (q - p) * np.log(q / p) + (p - q) * np.log((1 - q) / (1 - p))
    assert report.stability[1] == pytest.approx(by_hand)
    assert report.stability[2] == pytest.approx(0.0, abs=1e-12)
    assert report.month.size == 0
    assert report.to_frame()["verdict"].tolist() == report.verdict.tolist()


def test_a_model_is_calibrated_in_the_large_on_its_own_months():
    X, y = telecom()
    model = DiscreteHazard().fit(X, y)
    report = drift_report(model, X, X, y)
    assert report.observed == pytest.approx(report.expected, rel=1e-6)  # the likelihood equations of free months
    assert report.ratio == pytest.approx([1, 1])
    assert report.at_risk[0] == len(X)
    assert report.observed.sum() == (y["event"] > 0).sum()
    table = report.months()
    assert len(table) == 24
    assert (table["z"].abs() < 1e-5).all()


def test_a_month_that_left_twice_as_often_stands_out():
    X, y = telecom(3000)
    model = DiscreteHazard(baseline="linear", tail="hold").fit(X, y)
    newer, _ = telecom(3000, seed=9)
    rng = np.random.default_rng(0)
    month = rng.integers(100, 104, 3000)
    event = np.where((month == 102) & (rng.random(3000) < 0.2), 1, 0)
    one = survival_target(np.ones(3000), np.where(rng.random(3000) < 0.02, 2, event), causes=["price", "moved"])
    report = drift_report(model, X, newer, one, month=month)
    assert report.month.tolist() == [100, 101, 102, 103]
    assert report.z[0].argmax() == 2
    assert report.z[0, 2] > 3
    assert report.ratio_z.shape == (2,)


def test_impossible_reports_are_refused():
    X, y = telecom(100)
    model = DiscreteHazard(baseline="linear").fit(X, y)
    with pytest.raises(ValueError, match="both portfolios must be frames"):
        drift_report(model, np.ones((2, 2)), X)
    with pytest.raises(ValueError, match="share no column: fee, contract, paperless against a"):
        drift_report(model, X, {"a": [1]})
    with pytest.raises(ValueError, match="month must hold running numbers"):
        drift_report(model, X, X, y, month=["May"] * 100)
    with pytest.raises(ValueError, match="month has 2 rows but X has 100"):
        drift_report(model, X, X, y, month=[1, 2])


def test_portfolios_without_customers_or_columns_are_refused():
    X, y = {"fee": [20.0, 30.0, 20.0, 40.0], "age": [1.0, 2.0, 3.0, 1.0]}, survival_target([2, 2, 1, 1], [0, 1, 1, 1])
    model = DiscreteHazard(baseline="constant", l2=1.0).fit(X, y)
    with pytest.raises(InputError, match="now lacks age, which the model was fitted to"):
        drift_report(model, X, {"fee": X["fee"]})
    with pytest.raises(InputError, match="now holds no customers"):
        drift_report(model, X, {"fee": [], "age": []})
