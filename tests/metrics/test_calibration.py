"""Calibration: plain shares without censoring, the product limit with it, coverage, groups, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.errors import InputError
from custval.metrics import calibration
from custval.survival import survival_target


def test_without_censoring_observed_is_the_share_that_left():
    rng = np.random.default_rng(0)
    p = rng.random(1000)
    left = rng.random(1000) < p
    duration = np.where(left, 2.0, 10.0)
    table = calibration((duration, left), p, horizon=5.0)
    order = np.argsort(p)
    for k, part in enumerate(np.array_split(order, 10)):
        assert table.predicted[k] == pytest.approx(p[part].mean())
        assert table.observed[k] == pytest.approx(left[part].mean())
        assert table.std_error[k] == pytest.approx(np.sqrt(left[part].mean() * (1 - left[part].mean()) / 100))
    assert table.customers.tolist() == [100] * 10
    assert (table.mean_predicted, table.mean_observed) == pytest.approx((p.mean(), left.mean()))


def test_a_true_forecast_is_covered_under_censoring():
    rng = np.random.default_rng(1)
    inside = total = 0
    for _ in range(40):
        hazard = rng.uniform(0.01, 0.1, 1500)
        leave, stop = rng.geometric(hazard), rng.integers(3, 30, 1500)
        duration = np.minimum(leave, stop).astype(float)
        table = calibration((duration, leave <= stop), 1 - (1 - hazard) ** 12, horizon=12.0)
        inside += int(((table.lower <= table.predicted) & (table.predicted <= table.upper)).sum())
        total += len(table.predicted)
    assert 0.91 < inside / total < 0.983  # two-sided 99.9 % band for 400 intervals


def test_a_landmark_and_late_entries():
    rng = np.random.default_rng(2)
    duration = rng.integers(1, 30, 500).astype(float)
    left, p = rng.random(500) < 0.5, rng.random(500)
    entry = np.floor(rng.random(500) * duration)
    got = calibration(survival_target(duration, left, entry=entry), p, horizon=4.0, groups=3, landmark=6.0)
    keep = (entry <= 6) & (duration > 6)
    same = calibration((duration[keep] - 6, left[keep]), p[keep], horizon=4.0, groups=3)
    assert got.to_dict() == same.to_dict()


def test_equal_forecasts_stay_together():
    table = calibration(([1.0, 9, 9, 9, 9, 9], [1, 0, 0, 0, 0, 0]), [0.2] * 5 + [0.9], horizon=3.0, groups=4)
    assert table.customers.tolist() == [5, 1]


def test_groups_in_which_all_or_none_left_have_a_bound():
    table = calibration(([1.0, 1, 9, 9], [1, 1, 0, 0]), [0.9, 0.8, 0.2, 0.1], horizon=3.0, groups=2)
    assert table.observed.tolist() == [0.0, 1.0]
    assert table.upper[0] == pytest.approx(1 - 0.025**0.5)
    assert table.lower[1] == pytest.approx(0.025**0.5)


def test_weights_equal_duplication():
    rng = np.random.default_rng(3)
    duration, left, p = rng.integers(1, 12, 60).astype(float), rng.random(60) < 0.5, rng.random(60)
    weight = rng.integers(1, 4, 60)
    copies = np.repeat(np.arange(60), weight)
    got = calibration((duration, left), p, horizon=5.0, groups=3, sample_weight=weight)
    same = calibration((duration[copies], left[copies]), p[copies], horizon=5.0, groups=3)
    for name in ("predicted", "observed", "std_error", "lower", "upper"):
        assert getattr(got, name) == pytest.approx(getattr(same, name))


def test_intercept_and_slope_without_censoring_are_those_of_a_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(5)
    odds = rng.normal(-1.0, 1.0, 3000)
    left = rng.random(3000) < 1 / (1 + np.exp(0.4 - 0.7 * odds))
    table = calibration((np.where(left, 1.0, 9.0), left), 1 / (1 + np.exp(-odds)), horizon=5.0)
    line = LogisticRegression(C=1e12, tol=1e-10).fit(odds[:, None], left)
    assert table.slope == pytest.approx(line.coef_[0, 0], rel=1e-5)
    shift = table.intercept
    assert (1 / (1 + np.exp(-odds - shift))).sum() == pytest.approx(left.sum(), rel=1e-8)
    assert table.ici == pytest.approx(
        np.abs(1 / (1 + np.exp(0.4 - 0.7 * odds)) - 1 / (1 + np.exp(-odds))).mean(), abs=0.02
    )


def bent_sample(rng, n=800):
    odds = rng.normal(-0.5, 1.0, n)
    p = 1 / (1 + np.exp(-odds))
    true = 1 / (1 + np.exp(0.3 - 0.6 * odds))
    leave = np.where(rng.random(n) < true, rng.uniform(0.0, 5.0, n), 9.0)
    end = rng.uniform(0.0, 20.0, n)
    return (np.maximum(np.minimum(leave, end), 1e-3), leave <= end), p


def test_slope_intercept_and_ici_under_censoring_and_their_errors():
    rng = np.random.default_rng(6)
    found = [calibration(*bent_sample(rng), horizon=5.0, groups=2) for _ in range(150)]
    assert np.mean([one.slope for one in found]) == pytest.approx(0.6, abs=0.03)
    for name in ("slope", "intercept", "ici"):
        spread = np.std([getattr(one, name) for one in found], ddof=1)
        assert np.mean([getattr(one, f"{name}_std_error") for one in found]) == pytest.approx(spread, rel=0.2)


def test_the_curve_follows_a_bent_truth():
    rng = np.random.default_rng(7)
    p = rng.uniform(0.02, 0.98, 20_000)
    left = rng.random(20_000) < p**2
    curve = calibration((np.where(left, 1.0, 9.0), left), p, horizon=5.0).curve
    assert curve.observed == pytest.approx(curve.predicted**2, abs=0.03)
    assert (curve.lower <= curve.observed).all()
    assert (curve.observed <= curve.upper).all()


@pytest.mark.parametrize("cause", [1, 2])
def test_a_true_forecast_of_one_cause(cause):
    rng = np.random.default_rng(cause)
    hazard = rng.uniform(0.01, 0.1, 20_000)
    leave, end = rng.geometric(hazard), rng.integers(3, 30, 20_000)
    kind = np.where(rng.random(20_000) < 0.7, 1, 2)
    y = (np.minimum(leave, end).astype(float), np.where(leave <= end, kind, 0))
    p = (1 - (1 - hazard) ** 12) * (0.7 if cause == 1 else 0.3)
    table = calibration(y, p, horizon=12.0, cause=cause)
    assert ((table.lower <= p.max()) & (np.abs(table.observed - table.predicted) < 4.5 * table.std_error)).all()
    assert abs(table.slope - 1.0) < 4 * table.slope_std_error
    assert abs(table.intercept) < 4 * table.intercept_std_error
    assert table.mean_observed == pytest.approx(table.mean_predicted, rel=0.1)


def test_lines_that_do_not_exist_are_none():
    y = ([1.0, 1, 9, 9], [1, 1, 0, 0])
    apart = calibration(y, [0.9, 0.8, 0.2, 0.1], horizon=3.0, groups=1)
    assert apart.slope is None
    assert apart.intercept is not None
    same = calibration(y, [0.5] * 4, horizon=3.0, groups=1)
    assert same.slope is None
    assert same.intercept == pytest.approx(0.0, abs=1e-6)
    assert same.ici == pytest.approx(0.0, abs=1e-6)
    sure = calibration(y, [1.0, 1.0, 0.0, 0.0], horizon=3.0, groups=1)
    assert sure.ici < 0.01
    none = calibration(([9.0, 9, 9, 9], [0, 0, 0, 0]), [0.3, 0.2, 0.2, 0.1], horizon=3.0, groups=1)
    assert none.intercept is None
    assert np.isfinite(none.curve.observed).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 20.0}, "a group of .* customers was watched to .* only, so its share at horizon 20 is not known"),
        ({"horizon": 0.0}, "horizon must be > 0"),
        ({"groups": 0}, "groups must be >= 1"),
        ({"p_leave": [0.5, 1.5]}, "p_leave must be >= 0 and <= 1"),
        ({"p_leave": [0.5]}, "p_leave has 1 rows but y has 2"),
        ({"landmark": 50.0}, "none of 2 customers was watched at landmark 50"),
    ],
)
def test_impossible_input_is_refused(change, message):
    arguments = {"y": ([3.0, 5.0], [1, 0]), "p_leave": [0.5, 0.2], "horizon": 2.0} | change
    with pytest.raises(InputError, match=message):
        calibration(arguments.pop("y"), arguments.pop("p_leave"), **arguments)


def test_times_watched_of_other_customers():
    rng = np.random.default_rng(8)
    y, p = bent_sample(rng)
    own = calibration(y, p, horizon=5.0)
    assert calibration(y, p, horizon=5.0, y_train=y).to_dict() == own.to_dict()
    with pytest.raises(InputError, match=r"departures are at times to which nobody of y_train was watched"):
        calibration(y, p, horizon=5.0, y_train=([1.0, 2.0], [0, 0]))
    with pytest.raises(InputError, match="1 of 1 times lie beyond the follow-up"):
        calibration(([1.0, 9.0], [0, 0]), [0.2, 0.1], horizon=5.0, groups=1, y_train=([1.0, 2.0], [0, 0]))


def test_weights_of_any_size_give_the_same_line():
    rng = np.random.default_rng(9)
    y, p = bent_sample(rng)
    one = calibration(y, p, horizon=5.0, groups=3)
    for size in (1e-12, 1e12):
        same = calibration(y, p, horizon=5.0, groups=3, sample_weight=np.full(len(p), size))
        for name in ("slope", "slope_std_error", "intercept", "ici", "ici_std_error"):
            assert getattr(same, name) == pytest.approx(getattr(one, name), rel=1e-6)
    with pytest.raises(InputError, match="sample_weight is zero for all customers watched at the landmark"):
        calibration(([1.0, 9.0], [0, 0]), [0.2, 0.1], horizon=5.0, landmark=2.0, sample_weight=[1.0, 0.0])


@pytest.mark.parametrize(("bias", "least"), [(0.0, 0.9), (0.4, 0.9)])
def test_the_interval_of_the_index_holds_the_truth_near_zero_and_far_from_it(bias, least):
    def chance(odds):
        return 1 / (1 + np.exp(-odds))

    many = np.random.default_rng(99).normal(-1, 1, 100_000)
    truth = np.abs(chance(many + bias) - chance(many)).mean()
    held = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        odds = rng.normal(-1, 1, 500)
        duration = np.where(rng.random(500) < chance(odds + bias), 0.5, 2.0)
        found = calibration((duration, np.ones(500)), chance(odds), horizon=1.0)
        assert 0 <= found.ici_lower <= found.ici <= found.ici_upper <= 1
        held.append(found.ici_lower <= truth <= found.ici_upper)
    assert np.mean(held) >= least
