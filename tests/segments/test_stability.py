"""Stability: the index by hand, its distribution without change, weights, verdicts; churn-over; bad input."""

from __future__ import annotations

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.segments import ValuePotential, segment_change, stability

RNG = np.random.default_rng(4)


def test_the_index_by_hand():
    before, now = ["a"] * 60 + ["b"] * 40, ["a"] * 45 + ["b"] * 55
    found = stability(before, now)
    p, q = np.array([60.5, 40.5]) / 101, np.array([45.5, 55.5]) / 101
    assert found.index == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert found.part.sum() == pytest.approx(found.index)
    assert found.name == ("a", "b")
    assert stability(now, before).index == pytest.approx(found.index)
    assert stability(before, before).index == 0.0
    assert stability(before, before).p_value == 1.0


def test_without_change_the_p_value_is_uniform_and_with_change_the_error_is_the_spread():
    rng = np.random.default_rng(8)
    p_values, moved = [], []
    for _ in range(400):
        p_values.append(stability(rng.integers(0, 6, 900), rng.integers(0, 6, 600)).p_value)
        moved.append(stability(rng.normal(0, 1, 900), rng.normal(0.3, 1, 700), cuts=[-1.0, 0.0, 1.0]))
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.09
    spread = np.std([one.index for one in moved])
    assert np.mean([one.std_error for one in moved]) == pytest.approx(spread, rel=0.15)


def test_numbers_are_classed_by_the_months_before():
    before = RNG.normal(0, 1, 5000)
    found = stability(before, RNG.normal(0, 1, 5000))
    np.testing.assert_allclose(found.before, 0.1, atol=0.001)
    assert found.verdict == "stable"
    assert len(found.to_frame()) == 10
    with pytest.warns(DataWarning, match=r"the population stability index is .* \(alarm from 0.25\)"):
        assert stability(before, RNG.normal(0.8, 1, 5000)).verdict == "alarm"
    assert stability(before, RNG.normal(0.4, 1, 5000)).verdict == "watch"
    # ties fall into one class, and nothing is lost
    counts = RNG.poisson(0.5, 300)
    assert stability(counts, counts).before.sum() == pytest.approx(1.0)


def test_cuts_that_age_and_tables_of_counts():
    axes = RNG.lognormal(3, 1, (2000, 2))
    model = ValuePotential().fit(axes)
    later = axes * 1.1
    by_cut = stability(axes[:, 0], later[:, 0], cuts=model.cuts_[:1])
    assert by_cut.before == pytest.approx([0.5, 0.5], abs=1e-3)
    names = model.quadrant(axes), model.quadrant(later)
    whole = stability(*names)
    labels, first = np.unique(names[0].astype(str), return_counts=True)
    _, second = np.unique(names[1].astype(str), return_counts=True)
    counted = stability(labels, labels, weight_before=first, weight_now=second)
    assert counted.index == pytest.approx(whole.index, rel=1e-12)
    assert counted.p_value == pytest.approx(whole.p_value, rel=1e-9)


def test_who_changed_segment():
    from sklearn.metrics import cohen_kappa_score

    before, now = RNG.integers(0, 3, 500), RNG.integers(0, 3, 500)
    now[:300] = before[:300]
    found = segment_change(before, now)
    assert found.changed == pytest.approx((before != now).mean())
    assert found.kappa == pytest.approx(cohen_kappa_score(before, now))
    assert found.lower < found.changed < found.upper
    assert found.left[1] == pytest.approx((now[before == 1] != 1).mean())
    assert found.joined[2] == pytest.approx((before[now == 2] != 2).mean())
    assert segment_change(["a"], ["a"]).kappa is None
    pairs, count = np.unique(np.column_stack([before, now]), axis=0, return_counts=True)
    assert segment_change(pairs[:, 0], pairs[:, 1], sample_weight=count).to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stability([], [1.0]), r"before is empty"),
        (lambda: stability([1.0, 1.0], [2.0]), r"before is constant \(1\), so it has no classes"),
        (lambda: stability([1.0, np.nan], [2.0]), r"before must be finite"),
        (lambda: stability([1.0, 2.0], [2.0], cuts=[2.0, 1.0]), r"cuts must rise"),
        (lambda: stability(["a"], ["a"], weight_now=[0.0]), r"weight_now is zero in every row"),
        (lambda: stability([1.0, 2.0], [2.0], watch=0.3, alarm=0.2), r"alarm must be >= 0.3"),
        (lambda: segment_change(["a"], ["a", "b"]), r"now has 2 rows but before has 1"),
        (lambda: segment_change(["a"], ["z"], segments=("a",)), r"unknown segment"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
