"""D-calibration: shares by the definition, the level of both tests, months, weights, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.errors import InputError
from custval.metrics import d_calibration
from custval.survival import survival_target


def by_definition(left, low, high, parts):
    """Haider and others (2020), algorithm of appendix B, with a month's departures spread over their month."""
    mass = np.zeros((len(low), parts))
    for i in range(len(low)):
        a, b = (low[i], high[i]) if left[i] else (0.0, low[i])
        for k in range(parts):
            if a == b:
                mass[i, k] = float(k == min(int(a * parts), parts - 1))
            else:
                mass[i, k] = max(min(b, (k + 1) / parts) - max(a, k / parts), 0.0) / (b - a)
    return mass


@pytest.mark.parametrize("monthly", [True, False])
def test_equals_the_definition(monthly):
    rng = np.random.default_rng(0)
    low, left = rng.random(60), rng.random(60) < 0.5
    high = low + monthly * rng.random(60) * (1 - low)
    got = d_calibration((np.ones(60), left), low, before=high, bins=7)
    mass = by_definition(left, low, high, 7)
    assert got.share == pytest.approx(mass.mean(axis=0))
    assert got.share.sum() == pytest.approx(1.0)
    assert got.std_error == pytest.approx(mass.std(axis=0) / np.sqrt(60))
    assert got.statistic == pytest.approx(((60 * got.share - 60 / 7) ** 2 / (60 / 7)).sum())


def studies(monthly, count=300, n=600):
    rng = np.random.default_rng(int(monthly))
    for _ in range(count):
        hazard = rng.uniform(0.02, 0.2, n)
        if monthly:
            leave, end = rng.geometric(hazard), rng.integers(1, 30, n)
            duration = np.minimum(leave, end)
            low, high = (1 - hazard) ** duration, (1 - hazard) ** (duration - 1)
        else:
            leave, end = rng.exponential(1 / hazard), rng.exponential(15.0, n)
            duration = np.minimum(leave, end)
            low = high = np.exp(-hazard * duration)
        yield d_calibration((duration.astype(float), leave <= end), low, before=high)


@pytest.mark.parametrize("monthly", [True, False])
def test_a_true_forecast_is_rejected_as_often_as_it_should_be(monthly):
    found = list(studies(monthly))
    wald = np.mean([one.wald_p_value < 0.05 for one in found])
    assert 0.012 < wald < 0.099  # two-sided 99.9 % band for 300 studies
    assert np.mean([one.p_value < 0.05 for one in found]) <= wald


def test_a_wrong_forecast_is_found():
    rng = np.random.default_rng(2)
    duration = rng.exponential(10.0, 2000)
    assert d_calibration(duration, np.exp(-duration / 10)).p_value > 0.001
    wrong = d_calibration(duration, np.exp(-duration / 7))
    assert wrong.p_value < 1e-6
    assert wrong.wald_p_value < 1e-6


def test_whole_weights_equal_duplication_and_others_have_no_pearson():
    rng = np.random.default_rng(3)
    p, left, weight = rng.random(40), rng.random(40) < 0.5, rng.integers(1, 4, 40)
    copies = np.repeat(np.arange(40), weight)
    y = np.ones(40)
    got = d_calibration((y, left), p, bins=4, sample_weight=weight)
    same = d_calibration((y[copies], left[copies]), p[copies], bins=4)
    assert got.share == pytest.approx(same.share)
    assert got.p_value == pytest.approx(same.p_value)
    half = d_calibration((y, left), p, bins=4, sample_weight=weight / 2)
    assert half.statistic is None
    assert half.p_value is None
    assert half.wald_statistic == pytest.approx(got.wald_statistic)


def test_the_end_of_the_range_is_in_the_last_part():
    assert d_calibration([1.0, 1.0], [1.0, 0.0], bins=2).share.tolist() == [0.5, 0.5]
    assert d_calibration(([1.0], [0]), [0.0], bins=2).share.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survival": [0.5]}, "survival has 1 rows but y has 2"),
        ({"survival": [0.5, 1.5]}, r"survival must be >= 0 and <= 1 but 1 of 2 rows is not \(first: row 1"),
        ({"before": [0.6, 0.1]}, "before must be >= survival but 1 of 2 rows is not .*just before the duration"),
        ({"bins": 1}, "bins must be >= 2"),
    ],
)
def test_impossible_input_is_refused(change, message):
    arguments = {"y": [1.0, 2.0], "survival": [0.5, 0.5]} | change
    with pytest.raises(InputError, match=message):
        d_calibration(**arguments)


def causes(seed, n=1500):
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.02, 0.1, (n, 2))
    first = rng.exponential(1 / rates)
    end = rng.exponential(15.0, n)
    duration = np.minimum(first.min(axis=1), end)
    event = np.where(end < first.min(axis=1), 0, first.argmin(axis=1) + 1)
    return survival_target(duration, event, causes=["price", "moved"]), np.exp(-rates * duration[:, None])


@pytest.mark.parametrize("cause", [1, "moved"])
def test_the_hazard_of_one_cause_is_judged(cause):
    k = 0 if cause == 1 else 1
    rejected = []
    for seed in range(200):
        y, stays = causes(seed, 400)
        rejected.append(d_calibration(y, stays[:, k], cause=cause).wald_p_value < 0.05)
    assert 0.005 < np.mean(rejected) < 0.11  # two-sided 99.9 % band for 200 studies
    y, stays = causes(0)
    assert d_calibration(y, stays[:, k] ** 1.4, cause=cause).wald_p_value < 1e-4
    as_one = d_calibration((y["duration"], y["event"] == k + 1), stays[:, k])
    assert d_calibration(y, stays[:, k], cause=cause).to_dict() == as_one.to_dict()


def test_late_entries_are_judged_given_their_entry():
    rejected = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        hazard, entry = rng.uniform(0.02, 0.2, 900), rng.exponential(6.0, 900)
        leave, end = rng.exponential(1 / hazard), entry + rng.exponential(15.0, 900)
        seen = leave > entry
        y = survival_target(np.minimum(leave, end)[seen], (leave <= end)[seen], entry=entry[seen])
        given = np.exp(-hazard[seen] * (y["duration"] - y["entry"]))
        rejected.append(d_calibration(y, given).wald_p_value < 0.05)
    assert 0.005 < np.mean(rejected) < 0.11
