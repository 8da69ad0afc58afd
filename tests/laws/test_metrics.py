"""What is true of every measure of a forecast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from custval.metrics import auc, brier_score, calibration, concordance, integrated_brier_score, lift_curve, qini
from custval.survival import survival_target

FEW = settings(max_examples=40, deadline=None)


@st.composite
def samples(draw):
    n = draw(st.integers(4, 50))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole = draw(st.booleans())
    duration = rng.exponential(10.0, n) + 0.01
    duration = np.ceil(duration) if whole else duration
    event = rng.random(n) < 0.7
    # somebody leaves while another stays, and somebody is watched beyond all times asked for
    event[0], duration[0], event[1], duration[1] = True, 1.0, False, 500.0
    return duration, event, rng.random(n).round(draw(st.sampled_from([1, 9]))), rng.integers(1, 4, n)


@FEW
@given(samples(), st.floats(0.01, 100.0))
def test_concordance_sees_ranks_only(sample, unit):
    duration, event, risk, weight = sample
    got = concordance((duration, event), risk, sample_weight=weight)
    mixed = np.random.default_rng(0).permutation(len(risk))
    same = concordance((duration[mixed] * unit, event[mixed]), np.exp(risk[mixed]), sample_weight=weight[mixed])
    assert (same.value, same.comparable) == pytest.approx((got.value, got.comparable), rel=1e-12)
    assert same.std_error == pytest.approx(got.std_error, rel=1e-9, abs=1e-12)
    turned = concordance((duration, event), -risk, sample_weight=weight)
    assert turned.value == pytest.approx(1.0 - got.value)
    assert 0.0 <= got.value <= 1.0


@FEW
@given(samples())
def test_no_entry_is_entry_zero_and_weights_are_copies(sample):
    duration, event, risk, weight = sample
    plain = concordance((duration, event), risk, sample_weight=weight)
    entry = concordance(survival_target(duration, event, entry=np.zeros(len(risk))), risk, sample_weight=weight)
    assert plain.to_dict() == entry.to_dict()
    copies = np.repeat(np.arange(len(risk)), weight)
    doubled = concordance((duration[copies], event[copies]), risk[copies])
    # copies of a leaver are not comparable with each other, as a customer is not with itself
    assert (doubled.value, doubled.comparable) == pytest.approx((plain.value, plain.comparable))


@FEW
@given(samples(), st.integers(1, 5))
def test_brier_scores_see_neither_row_order_nor_unit(sample, unit):
    duration, event, p, weight = sample
    survival = np.column_stack([p, p / 2])
    times = np.array([2.0, 7.0])
    got = brier_score((duration, event), survival, times, sample_weight=weight)
    mixed = np.random.default_rng(0).permutation(len(p))
    same = brier_score(
        (duration[mixed] * unit, event[mixed]), survival[mixed], times * unit, sample_weight=weight[mixed]
    )
    assert same.score == pytest.approx(got.score, rel=1e-9)
    assert (got.score >= 0).all()
    whole = integrated_brier_score((duration, event), survival, times, sample_weight=weight)
    assert whole.value == pytest.approx(got.score.mean())


@FEW
@given(samples())
def test_knowing_the_truth_scores_zero(sample):
    duration, _, _, _ = sample
    y = (duration, np.ones(len(duration)))
    truth = (duration[:, None] > [2.0, 7.0]).astype(float)
    assert brier_score(y, truth, [2.0, 7.0]).score.tolist() == [0.0, 0.0]


@FEW
@given(samples())
def test_lift_and_area_agree(sample):
    _, event, risk, weight = sample
    assume(event.any() and not event.all())
    curve = lift_curve(event, risk, sample_weight=weight)
    area = auc(event, risk, sample_weight=weight).value
    assert np.trapezoid(curve.captured, curve.share) == pytest.approx(area * (1 - curve.rate) + curve.rate / 2)
    assert (np.diff(curve.captured) >= 0).all()
    assert curve.captured[-1] == pytest.approx(1.0)
    assert auc(event, -risk, sample_weight=weight).value == pytest.approx(1.0 - area)


@FEW
@given(samples(), st.integers(1, 8))
def test_calibration_counts_everybody_once(sample, groups):
    duration, event, risk, weight = sample
    assume(duration.min() >= 0.5)  # else a group may hold only customers who were watched for less than the horizon
    table = calibration((duration, event), risk, horizon=0.5, groups=groups, sample_weight=weight)
    assert table.customers.sum() == len(duration)
    assert (np.diff(table.predicted) > 0).all()
    assert ((table.lower <= table.observed) & (table.observed <= table.upper)).all()


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(10, 60))
def test_qini_of_an_order_is_at_most_that_of_the_best(seed, n):
    rng = np.random.default_rng(seed)
    outcome, arm, score = rng.integers(0, 2, n), rng.integers(0, 2, n), rng.random(n)
    arm[:2], outcome[:2] = (0, 1), (0, 1)
    best = outcome * arm - outcome * (1 - arm)
    assert qini(outcome, best, arm) == pytest.approx(1.0)
    assert qini(outcome, score, arm) <= 1.5  # pooled arms of unequal size can pass 1 by a little
