"""What is true of every measure of a forecast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from custval.metrics import (
    auc,
    brier_score,
    calibration,
    concordance,
    cumulative_dynamic_auc,
    d_calibration,
    integrated_brier_score,
    lift_curve,
    qini,
)
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
@given(samples(), st.floats(0.01, 100.0), st.floats(0.1, 10.0))
def test_weighed_pairs_see_ranks_only(sample, unit, factor):
    duration, event, risk, weight = sample
    kind = np.where(event, 1 + (np.arange(len(risk)) % 2), 0)
    mixed = np.random.default_rng(0).permutation(len(risk))
    for cause in (None, 1):
        asked = {"weighting": "uno", "cause": cause}
        got = concordance((duration, kind), risk, sample_weight=weight, **asked)
        moved = (duration[mixed] * unit, kind[mixed])
        same = concordance(moved, 3 * risk[mixed] - 1, sample_weight=factor * weight[mixed], **asked)
        assert same.value == pytest.approx(got.value, rel=1e-9)
        assert same.std_error == pytest.approx(got.std_error, rel=1e-6, abs=1e-9)
        turned = concordance((duration, kind), -risk, sample_weight=weight, **asked)
        assert turned.value == pytest.approx(1.0 - got.value, rel=1e-9, abs=1e-12)
        copies = np.repeat(np.arange(len(risk)), weight)
        doubled = concordance((duration[copies], kind[copies]), risk[copies], **asked)
        # a copy that left for another cause is no pair of one that left for this one, but copies of others are
        if cause is None:
            assert doubled.value == pytest.approx(got.value, rel=1e-9)


@FEW
@given(samples())
def test_without_censoring_all_pairs_weigh_the_same(sample):
    duration, _, risk, weight = sample
    y = (duration, np.ones(len(risk)))
    one, other = (concordance(y, risk, weighting=kind, sample_weight=weight) for kind in ("harrell", "uno"))
    assert (one.value, one.std_error, one.comparable) == (other.value, other.std_error, other.comparable)


@FEW
@given(samples(), st.floats(0.01, 100.0))
def test_area_over_time_sees_ranks_only(sample, unit):
    duration, event, risk, weight = sample
    times = np.array([1.0, 3.0])
    got = cumulative_dynamic_auc((duration, event), risk, times, sample_weight=weight)
    mixed = np.random.default_rng(0).permutation(len(risk))
    moved = (duration[mixed] * unit, event[mixed])
    same = cumulative_dynamic_auc(moved, np.exp(risk[mixed]), times * unit, sample_weight=2.5 * weight[mixed])
    assert same.auc == pytest.approx(got.auc, rel=1e-9)
    assert same.mean == pytest.approx(got.mean, rel=1e-9)
    assert same.std_error == pytest.approx(got.std_error, rel=1e-6, abs=1e-9)
    turned = cumulative_dynamic_auc((duration, event), -risk, times, sample_weight=weight)
    assert turned.auc == pytest.approx(1.0 - got.auc, rel=1e-9, abs=1e-12)


@FEW
@given(samples(), st.integers(2, 12))
def test_everybody_stands_somewhere_on_the_curve(sample, bins):
    duration, event, p, weight = sample
    got = d_calibration((duration, event), p, bins=bins, sample_weight=weight)
    assert got.share.sum() == pytest.approx(1.0)
    assert (got.share >= 0).all()
    assert 0.0 <= got.p_value <= 1.0
    assert 0.0 <= got.wald_p_value <= 1.0
    mixed = np.random.default_rng(0).permutation(len(p))
    same = d_calibration((duration[mixed], event[mixed]), p[mixed], bins=bins, sample_weight=3.5 * weight[mixed])
    assert same.share == pytest.approx(got.share, rel=1e-9, abs=1e-12)
    assert same.std_error == pytest.approx(got.std_error, rel=1e-6, abs=1e-9)


@FEW
@given(samples())
def test_causes_and_stayers_are_everybody(sample):
    duration, event, p, weight = sample
    kind = np.where(event, 1 + (np.arange(len(p)) % 2), 0)
    y = survival_target(duration, kind, causes=["price", "debt"])
    every = calibration(y, p, horizon=3.0, groups=1, sample_weight=weight)
    parts = [calibration(y, p, horizon=3.0, groups=1, cause=c, sample_weight=weight) for c in ("price", "debt")]
    assert sum(part.mean_observed for part in parts) == pytest.approx(every.mean_observed, rel=1e-9, abs=1e-12)
    assert all(part.lower[0] <= part.observed[0] <= part.upper[0] for part in parts)
    assert all(0.0 <= part.ici <= 1.0 and np.isfinite(part.ici_std_error) for part in parts)


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
    assert qini(outcome, best, arm).value == pytest.approx(1.0)
    assert qini(outcome, score, arm).value <= 1.5  # pooled arms of unequal size can pass 1 by a little
