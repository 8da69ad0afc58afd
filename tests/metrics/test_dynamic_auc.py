"""Area over time: all pairs by the definition, no censoring = the plain area, errors of fresh samples, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.errors import InputError
from custval.metrics import auc, cumulative_dynamic_auc
from custval.survival import survival_target


def watched(duration, event, t, weight, *, before):
    share = 1.0
    for u in sorted(set(duration[event == 0])):
        if u < t or (u == t and not before):
            still = (duration > u) | ((duration == u) & (event == 0))
            share *= 1.0 - weight[(duration == u) & (event == 0)].sum() / weight[still].sum()
    return share


def by_definition(duration, event, risk, t, weight, cause=None):
    gone = np.array(
        [
            w / watched(duration, event, d, weight, before=True) if e and d <= t else 0.0
            for d, e, w in zip(duration, event, weight, strict=True)
        ]
    )
    mine = event > 0 if cause is None else event == cause
    case = np.where(mine, gone, 0.0)
    still = weight / watched(duration, event, t, weight, before=False)
    control = np.where(duration > t, still, gone - case)
    pair = np.outer(case, control)
    won = (risk[:, None] > risk) + 0.5 * (risk[:, None] == risk)
    area = (pair * won).sum() / pair.sum()
    pull = ((pair * (won - area)).sum(axis=0) + (pair * (won - area)).sum(axis=1)) / pair.sum()
    return area, np.sqrt((pull**2).sum()), case.sum(), pull


def sample(seed, n=50):
    rng = np.random.default_rng(seed)
    duration, event = rng.integers(1, 13, n).astype(float), rng.integers(0, 3, n)
    return duration, event, rng.integers(0, 12, n) / 4.0, rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cause", [None, 1, 2])
def test_equals_the_definition_over_all_pairs(seed, cause):
    duration, event, risk, weight = sample(seed)
    times = np.array([3.0, 6.0, 10.0])
    got = cumulative_dynamic_auc((duration, event), risk, times, cause=cause, sample_weight=weight)
    each = [by_definition(duration, event, risk, t, weight, cause) for t in times]
    assert got.auc == pytest.approx([one[0] for one in each], rel=1e-10)
    assert got.std_error == pytest.approx([one[1] for one in each], rel=1e-10)
    share = np.diff([one[2] for one in each], prepend=0.0)
    share /= share.sum()
    assert got.mean == pytest.approx(share @ [one[0] for one in each], rel=1e-10)
    whole = share @ np.array([one[3] for one in each])
    assert got.mean_std_error == pytest.approx(np.sqrt(whole @ whole), rel=1e-10)


def test_without_censoring_it_is_the_plain_area():
    duration, _, risk, weight = sample(5, 80)
    y = (duration, np.ones(80))
    for t in (3.0, 7.0):
        got = cumulative_dynamic_auc(y, risk, [t], sample_weight=weight)
        assert got.auc[0] == pytest.approx(auc(duration <= t, risk, sample_weight=weight).value)


def test_a_risk_for_each_time():
    duration, event, risk, _ = sample(6)
    both = np.column_stack([risk, -risk])
    got = cumulative_dynamic_auc((duration, event), both, [4.0, 8.0])
    up = cumulative_dynamic_auc((duration, event), risk, [4.0, 8.0])
    assert got.auc == pytest.approx([up.auc[0], 1.0 - up.auc[1]])


def test_errors_are_those_of_fresh_samples():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        risk = rng.normal(size=250)
        leave, end = rng.exponential(np.exp(-0.7 * risk)), rng.exponential(2.0, 250)
        y = (np.minimum(leave, end), leave <= end)
        found.append(cumulative_dynamic_auc(y, risk, [0.3, 0.8, 1.5]))
    for of, error in (("auc", "std_error"), ("mean", "mean_std_error")):
        spread = np.std([getattr(one, of) for one in found], axis=0, ddof=1)
        assert np.mean([getattr(one, error) for one in found], axis=0) == pytest.approx(spread, rel=0.2)


def test_a_landmark_scores_those_watched_then():
    duration, event, risk, _ = sample(7, 200)
    entry = np.floor(np.random.default_rng(7).random(200) * duration)
    got = cumulative_dynamic_auc(survival_target(duration, event, entry=entry), risk, [2.0, 4.0], landmark=4.0)
    keep = (entry <= 4) & (duration > 4)
    same = cumulative_dynamic_auc((duration[keep] - 4, event[keep]), risk[keep], [2.0, 4.0])
    assert got.to_dict() == same.to_dict()


def test_times_watched_of_other_customers():
    duration, event, risk, _ = sample(8)
    y = (duration, event)
    own = cumulative_dynamic_auc(y, risk, [4.0])
    assert cumulative_dynamic_auc(y, risk, [4.0], y_train=y).to_dict() == own.to_dict()
    with pytest.raises(InputError, match=r"1 of 1 times lie beyond the follow-up"):
        cumulative_dynamic_auc(y, risk, [4.0], y_train=([2.0, 3.0], [0, 0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [0.5]}, "nobody leaves by time 0.5"),
        ({"y": ([1.0, 2.0, 4.0], [1, 1, 1]), "times": [5.0]}, "nobody stays beyond time 5"),
        ({"times": []}, "times is empty"),
        ({"times": [2.0, 1.0]}, "times must be rising"),
        ({"risk": [0.1, 0.2]}, "risk has 2 rows but y has 3"),
        ({"risk": [[0.1, 0.2]] * 3}, "risk has 2 columns but times has 1"),
        ({"risk": [0.1, np.nan, 0.2]}, "risk must be finite"),
        ({"cause": 3}, "cause must be >= 1 and <= 1, not 3"),
    ],
)
def test_impossible_input_is_refused(change, message):
    arguments = {"y": ([1.0, 2.0, 4.0], [1, 1, 0]), "risk": [0.3, 0.2, 0.1], "times": [1.5]} | change
    with pytest.raises(InputError, match=message):
        cumulative_dynamic_auc(**arguments)
