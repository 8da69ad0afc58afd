"""Restricted means: against R, against the mean of min(T, horizon), and against repeated samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval.survival import aalen_johansen, kaplan_meier, life_table, restricted_mean, survival_target


def test_by_sex_equals_r(reference, shared):
    known = next(item for item in reference("survival") if item["id"] == "rmst_lung")
    frame = pd.read_csv(shared / "reference" / "survival" / "lung.csv")
    curves = kaplan_meier(survival_target(frame["time"], frame["status"]), groups=frame["sex"])
    means = restricted_mean(curves, known["spec"]["tau"])
    np.testing.assert_allclose([means[1].value, means[2].value], known["expected"]["rmst"], rtol=known["rtol"])
    np.testing.assert_allclose([means[1].std_error, means[2].std_error], known["expected"]["se"], rtol=known["rtol"])


@pytest.mark.parametrize("horizon", [0.5, 3.0, 6.5, 50.0])
def test_without_censoring_it_is_a_mean_with_its_error(horizon):
    times = np.random.default_rng(1).gamma(2, 3, 40)
    got = restricted_mean(kaplan_meier(survival_target(times)), horizon)
    cut = np.minimum(times, horizon)
    assert got.value == pytest.approx(cut.mean(), rel=1e-12)
    assert got.std_error == pytest.approx(cut.std() / np.sqrt(40), rel=1e-9, abs=1e-12)
    assert 0 <= got.lower <= got.value <= got.upper <= horizon


def test_spread_of_repeated_samples():
    rng, found, said = np.random.default_rng(6), [], []
    for _ in range(400):
        time, end = rng.exponential(10, 200), rng.uniform(8, 25, 200)
        mean = restricted_mean(kaplan_meier(survival_target(np.minimum(time, end), time <= end)), 8)
        found.append(mean.value)
        said.append(mean.std_error)
    assert np.mean(found) == pytest.approx(10 * (1 - np.exp(-0.8)), abs=0.06)
    assert np.mean(said) == pytest.approx(np.std(found), rel=0.1)


def test_from_a_table_and_from_weights():
    counts = {"tenure": [1, 2, 3], "at_risk": [10, 8, 5], "exits": [2, 1, 0]}
    assert restricted_mean(life_table(counts), 3).value == pytest.approx(1 + 0.8 + 0.7)
    curve = kaplan_meier(survival_target([1, 2, 3], [1, 1, 0]), sample_weight=[0.5, 1, 1])
    robust = restricted_mean(curve, 2)
    assert (robust.std_error, robust.lower, robust.upper) == (None, None, None)


def test_what_the_curve_does_not_reach_is_refused():
    curve = kaplan_meier(survival_target([1, 2, 3], [1, 1, 0]))
    with pytest.raises(ValueError, match="nobody was watched past 3 months"):
        restricted_mean(curve, 4)
    with pytest.raises(ValueError, match="horizon must be > 0"):
        restricted_mean(curve, 0)
    with pytest.raises(ValueError, match="must be a survival curve"):
        restricted_mean(aalen_johansen(survival_target([1.0, 2.0])), 1)


def test_a_mean_and_a_quantile_are_tables_of_one_row():
    curve = kaplan_meier(survival_target([1.0, 2.0, 4.0], [1, 1, 0]))
    mean, half = restricted_mean(curve, 3.0), curve.quantile(0.5)
    assert mean.to_frame()["value"].tolist() == [mean.value]
    assert half.to_frame()["time"].tolist() == [half.time]
