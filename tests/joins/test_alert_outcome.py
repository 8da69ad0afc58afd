"""Precision and lift of a list: by hand where all are watched, right on average where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.survival import DiscreteHazard, alert_list, alert_outcome, survival_target


class Constant:
    """A monthly risk for each customer, in column 0."""

    causes_ = ("left",)

    def predict_survival(self, X, times, *, given=None):
        return (1.0 - np.asarray(X)[:, :1]) ** np.asarray(times)[None, :]


def test_where_all_are_watched_it_is_counting():
    risk = np.array([[0.5], [0.1], [0.4], [0.2]])
    found = alert_list(Constant(), risk, horizon=2, given=None, capacity=2)
    told = alert_outcome(found, survival_target([1, 5, 5, 2], [1, 0, 0, 1]))
    assert (told.precision, told.rate, told.lift, told.captured) == (0.5, 0.5, 1.0, 0.5)
    assert told.not_watched == 0


def test_the_bounds_cover_the_truth_under_censoring():
    covered, means = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        risk = rng.choice([0.05, 0.2], (800, 1))
        leave, end = rng.geometric(risk[:, 0]), rng.integers(1, 7, 800)
        y = survival_target(np.minimum(leave, end), leave <= end)
        told = alert_outcome(alert_list(Constant(), risk, horizon=3, given=None, capacity=200), y)
        covered.append(told.precision_lower < 1 - 0.8**3 < told.precision_upper)
        means.append(told.precision)
    assert np.mean(means) == pytest.approx(1 - 0.8**3, abs=0.01)
    assert 0.895 < np.mean(covered) < 0.995


def test_by_cause_and_what_is_refused():
    rng = np.random.default_rng(0)
    X = {"fee": rng.normal(size=300)}
    y = survival_target(rng.integers(1, 9, 300), rng.integers(0, 3, 300), causes=["price", "moved"])
    model = DiscreteHazard(baseline="constant", tail="hold").fit(X, y)
    found = alert_list(model, X, horizon=3, given=0, capacity=60, cause="price")
    assert alert_outcome(found, y).rate < alert_outcome(alert_list(model, X, horizon=3, given=0), y).rate
    with pytest.raises(InputError, match="y has 2 rows but the list was made from 300"):
        alert_outcome(found, survival_target([1, 2]))
    with pytest.raises(InputError, match="the list is for cause 'price', which y does not hold"):
        alert_outcome(found, survival_target(y["duration"]))
    with pytest.raises(InputError, match="the list is empty"):
        alert_outcome(alert_list(model, X, horizon=3, given=0, capacity=0), y)
    with pytest.raises(InputError, match="time 3 lies beyond the follow-up"):
        alert_outcome(found, survival_target(np.ones(300), np.zeros(300, dtype=int), causes=["price"]))


def test_all_watched_just_to_the_horizon_is_enough():
    found = alert_list(Constant(), [[0.5], [0.1], [0.4], [0.2]], horizon=2, given=None, capacity=2)
    told = alert_outcome(found, survival_target([1, 2, 2, 2], [1, 0, 0, 1]))
    assert (told.precision, told.rate, told.captured, told.not_watched) == (0.5, 0.5, 0.5, 0)
    with pytest.raises(InputError, match=r"time 2 lies beyond the follow-up: customers were watched to 1\.5 at most"):
        alert_outcome(found, survival_target([1, 1.5, 1.5, 1.5], [1, 0, 0, 0]))


@pytest.mark.parametrize("event", [0, 1], ids=["none", "all"])
def test_a_list_of_which_none_or_all_left_is_not_certain(event):
    found = alert_list(Constant(), np.array([[0.5]] * 20 + [[0.1]] * 60), horizon=2, given=None, capacity=20)
    happened = np.array([event] * 20 + [1] * 6 + [0] * 54)
    told = alert_outcome(found, survival_target(np.where(happened, 1, 5), happened))
    assert told.precision == event
    if event:
        assert (told.precision_lower, told.precision_upper) == (pytest.approx(0.8316, abs=1e-4), 1.0)
    else:  # binom.test(0, 20)
        assert (told.precision_lower, told.precision_upper) == (0.0, pytest.approx(0.1684, abs=1e-4))
    assert told.lift_lower == pytest.approx(told.precision_lower / told.rate)
    assert told.lift_upper == pytest.approx(told.precision_upper / told.rate)


def test_nobody_left_at_all_says_nothing_of_the_lift():
    found = alert_list(Constant(), np.array([[0.5]] * 20), horizon=2, given=None, capacity=5)
    told = alert_outcome(found, survival_target([5] * 20, [0] * 20, causes=["left"]))
    assert (told.lift, told.lift_lower, told.lift_upper) == (1.0, 0.0, np.inf)
