"""Brier scores: the formula spelled out, no censoring = squared error, the weights are unbiased, landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.errors import InputError
from custval._metrics.censoring import watched_curve
from custval.metrics import brier_score, integrated_brier_score
from custval.survival import survival_target


def watched(duration, left, t, *, before):
    """G by its definition: a product over the distinct censoring times up to (before) t."""
    share = 1.0
    for u in sorted(set(duration[~left])):
        if u < t or (u == t and not before):
            # those who leave at u are gone before the censoring at u
            exposed = ((duration > u) | ((duration == u) & ~left)).sum()
            share *= 1.0 - ((duration == u) & ~left).sum() / exposed
    return share


def by_definition(duration, left, pi, t):
    loss = np.zeros(len(duration))
    for i in range(len(duration)):
        if left[i] and duration[i] <= t:
            loss[i] = pi[i] ** 2 / watched(duration, left, duration[i], before=True)
        elif duration[i] > t:
            loss[i] = (1.0 - pi[i]) ** 2 / watched(duration, left, t, before=False)
    return loss.mean(), loss.std(ddof=1) / np.sqrt(len(loss))


def sample(seed, n=80):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 13, n).astype(float), rng.random(n) < 0.5, rng.random((n, 3))


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_definition_with_ties(seed):
    duration, left, pi = sample(seed)
    times = np.array([2.0, 5.0, 9.0])
    got = brier_score(survival_target(duration, left), pi, times)
    for j, t in enumerate(times):
        value, error = by_definition(duration, left, pi[:, j], t)
        assert got.score[j] == pytest.approx(value, rel=1e-12)
        assert got.std_error[j] == pytest.approx(error, rel=1e-12)


def test_weights_at_the_left_limit_matter_on_monthly_data():
    duration, left, pi = sample(0, 400)
    table = watched_curve(duration, left, np.ones(400))
    got = brier_score((duration, left), pi[:, :1], [10.0]).score[0]
    gone, there = left & (duration <= 10), duration > 10
    wrong = (pi[gone, 0] ** 2 / table.at(duration[gone])).sum() + ((1 - pi[there, 0]) ** 2 / table.at(10.0)).sum()
    assert wrong / 400 > got * 1.01


@pytest.mark.parametrize("cause", [1, 2])
def test_one_cause_equals_the_definition(cause):
    rng = np.random.default_rng(cause)
    duration, event = rng.integers(1, 13, 80).astype(float), rng.integers(0, 3, 80)
    incidence = rng.random((80, 2, 2)) / 2
    times = np.array([3.0, 8.0])
    got = brier_score((duration, event), incidence, times, cause=cause)
    for j, t in enumerate(times):
        loss = np.zeros(80)
        for i in range(80):
            truth = float(duration[i] <= t and event[i] == cause)
            if duration[i] > t:
                weight = 1.0 / watched(duration, event > 0, t, before=False)
            else:
                weight = float(event[i] > 0) / watched(duration, event > 0, duration[i], before=True)
            loss[i] = weight * (truth - incidence[i, cause - 1, j]) ** 2
        assert got.score[j] == pytest.approx(loss.mean(), rel=1e-12)
        assert got.std_error[j] == pytest.approx(loss.std(ddof=1) / np.sqrt(80), rel=1e-10)
    flat = brier_score((duration, event), incidence[:, cause - 1], times, cause=cause)
    assert flat.to_dict() == got.to_dict()


def test_the_only_cause_is_leaving():
    duration, left, pi = sample(5)
    y = survival_target(duration, np.where(left, "price", None))
    whole = integrated_brier_score(y, pi, [2.0, 5.0, 9.0])
    one = integrated_brier_score(y, 1.0 - pi, [2.0, 5.0, 9.0], cause="price")
    assert (one.value, one.std_error) == pytest.approx((whole.value, whole.std_error), rel=1e-12)


def test_the_time_watched_may_come_from_other_customers():
    duration, left, pi = sample(6)
    y = (duration, left)
    own = brier_score(y, pi, [2.0, 5.0, 9.0])
    assert brier_score(y, pi, [2.0, 5.0, 9.0], y_train=y).to_dict() == own.to_dict()
    seen = (duration[:40], left[:40])
    train = watched_curve(duration[:40], left[:40], np.ones(40))
    got = brier_score(y, pi[:, :1], [4.0], y_train=seen).score[0]
    gone, there = left & (duration <= 4), duration > 4
    loss = (pi[gone, 0] ** 2 / train.before(duration[gone])).sum() + ((1 - pi[there, 0]) ** 2 / train.at(4.0)).sum()
    assert got == pytest.approx(loss / 80)


def test_without_censoring_it_is_the_squared_error(reference):
    data = reference("retention")
    y, p = np.array(data["data"]["scores"]["y"]), np.array(data["data"]["scores"]["p"])
    duration = np.where(y == 1, 1.0, 2.0)
    got = brier_score((duration, np.ones(len(y))), (1.0 - p)[:, None], [1.0])
    assert got.score[0] == pytest.approx(data["expected"]["brier.p"], rel=1e-9)


def test_censoring_does_not_move_the_expectation():
    rng = np.random.default_rng(1)
    n = 200_000
    leave, stop = rng.geometric(0.06, n).astype(float), rng.geometric(0.08, n).astype(float)
    pi = rng.random(n)[:, None]
    full = np.mean(((leave > 8) - pi[:, 0]) ** 2)
    got = brier_score((np.minimum(leave, stop), leave <= stop), pi, [8.0])
    assert abs(got.score[0] - full) < 4 * got.std_error[0]


def test_a_landmark_scores_those_watched_then():
    rng = np.random.default_rng(2)
    duration = rng.integers(1, 20, 200).astype(float)
    left, entry, pi = rng.random(200) < 0.5, np.floor(rng.random(200) * duration), rng.random((200, 2))
    got = brier_score(survival_target(duration, left, entry=entry), pi, [2.0, 4.0], landmark=5.0)
    keep = (entry <= 5) & (duration > 5)
    same = brier_score(survival_target(duration[keep] - 5, left[keep]), pi[keep], [2.0, 4.0])
    assert got.score == pytest.approx(same.score)
    assert got.customers == keep.sum()


def test_the_integral_is_the_trapezoid_of_the_scores():
    duration, left, pi = sample(3)
    times = np.array([1.0, 4.0, 9.0])
    scores = brier_score((duration, left), pi, times).score
    got = integrated_brier_score((duration, left), pi, times)
    assert got.value == pytest.approx(np.trapezoid(scores, times) / 8.0)
    assert 0 < got.std_error < 0.1


def test_whole_weights_equal_duplication():
    duration, left, pi = sample(4, 30)
    weight = np.arange(30) % 3
    doubled = np.repeat(np.arange(30), weight)
    got = brier_score((duration, left), pi, [2.0, 5.0, 8.0], sample_weight=weight)
    same = brier_score((duration[doubled], left[doubled]), pi[doubled], [2.0, 5.0, 8.0])
    assert got.score == pytest.approx(same.score)


def test_one_customer_has_no_error():
    assert brier_score(([5.0], [1]), [[0.5]], [2.0]).std_error is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survival": [[0.5], [1.5]]}, r"survival must be >= 0 and <= 1 but 1 of 2 rows is not \(first: row 1"),
        ({"survival": [[0.5]]}, "survival has 1 rows but y has 2"),
        ({"survival": [0.5, 0.5]}, r"survival must have 2 dimension"),
        ({"times": [1.0, 2.0]}, "survival has 1 columns but times has 2"),
        ({"times": [9.0]}, r"1 of 1 times lie beyond the follow-up \(first: 9\); customers were watched past 3"),
        ({"times": [0.0]}, "times must be > 0"),
        ({"landmark": 6.0}, "none of 2 customers was watched at landmark 6"),
        ({"landmark": -1.0}, "landmark must be >= 0"),
        ({"cause": 2}, "cause must be >= 1 and <= 1, not 2"),
        ({"survival": np.full((2, 1, 1), 0.5), "y": ([3.0, 5.0], [1, 2]), "cause": 2}, "incidences of 1 causes"),
        ({"landmark": 4.0, "sample_weight": [1.0, 0.0], "times": [0.5]}, "sample_weight is zero for all customers"),
    ],
)
def test_impossible_input_is_refused(change, message):
    arguments = {"y": ([3.0, 5.0], [1, 0]), "survival": [[0.5], [0.5]], "times": [1.0]} | change
    with pytest.raises(InputError, match=message):
        brier_score(**arguments)


def test_times_must_rise_and_an_integral_needs_two():
    with pytest.raises(InputError, match="times must be rising"):
        brier_score(([3.0, 5.0], [1, 0]), [[0.5, 0.5]] * 2, [2.0, 1.0])
    with pytest.raises(InputError, match="an integral needs at least two"):
        integrated_brier_score(([3.0, 5.0], [1, 0]), [[0.5]] * 2, [2.0])
