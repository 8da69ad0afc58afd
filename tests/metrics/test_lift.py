"""Lift and area under the ROC curve: reference cases, all pairs, ties that favour nobody, errors by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from custval._core.errors import InputError
from custval.metrics import auc, lift_curve


@pytest.mark.parametrize("name", ["informative", "ties", "random", "reversed", "perfect"])
def test_reference_cases(reference, name):
    case = reference("retention")
    y, score = case["data"]["scores"]["y"], case["data"]["scores"][name]
    assert auc(y, score).value == pytest.approx(case["expected"][f"auc.{name}"], rel=1e-9)
    if f"lift10.{name}" in case["expected"]:
        assert lift_curve(y, score).top(0.1).value == pytest.approx(case["expected"][f"lift10.{name}"], rel=1e-9)


def test_area_equals_all_weighted_pairs_and_the_area_under_the_lift():
    rng = np.random.default_rng(0)
    y, score, weight = rng.integers(0, 2, 40), rng.integers(0, 9, 40), rng.random(40)
    pairs = [(i, j) for i in range(40) for j in range(40) if y[i] == 1 and y[j] == 0]
    won = sum(weight[i] * weight[j] * ((score[i] > score[j]) + 0.5 * (score[i] == score[j])) for i, j in pairs)
    got = auc(y, score, sample_weight=weight)
    assert got.value == pytest.approx(won / sum(weight[i] * weight[j] for i, j in pairs))
    curve = lift_curve(y, score, sample_weight=weight)
    area = np.trapezoid(curve.captured, curve.share)
    assert got.value == pytest.approx((area - curve.rate / 2) / (1 - curve.rate))


def test_errors_are_those_of_fresh_samples():
    rng = np.random.default_rng(1)
    areas, lifts = [], []
    for _ in range(400):
        risk = rng.beta(1.0, 6.0, 600)
        y = rng.random(600) < risk
        areas.append(auc(y, risk))
        lifts.append(lift_curve(y, risk).top(0.1))
    for found, tolerance in ((areas, 0.1), (lifts, 0.25)):
        spread = np.std([one.value for one in found], ddof=1)
        assert np.mean([one.std_error for one in found]) == pytest.approx(spread, rel=tolerance)


def test_ties_favour_nobody():
    y, score = [1, 0, 1, 0], [0.5, 0.5, 0.5, 0.1]
    each = [
        lift_curve(list(order), score).top(0.25).value for order in {(*p, 0) for p in itertools.permutations([1, 0, 1])}
    ]
    assert lift_curve(y, score).top(0.25).value == pytest.approx(np.mean(each))
    assert lift_curve(y, score).top(0.25).value == pytest.approx((2 / 3) * 0.5 / 0.25)


def test_curve_runs_from_nobody_to_all():
    curve = lift_curve([1, 0, 0, 1, 0], [0.9, 0.8, 0.3, 0.2, 0.1])
    assert curve.share.tolist() == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert curve.lift.tolist() == pytest.approx([2.5, 2.5, 1.25, 0.5 / 0.6, 1.25, 1.0])
    assert (curve.rate, curve.leavers, curve.captured_by(1.0)) == (0.4, 2.0, 1.0)


def test_one_leaver_has_no_error_of_the_area():
    assert auc([1, 0, 0], [0.9, 0.1, 0.2]).std_error is None


@pytest.mark.parametrize(
    ("y", "score", "message"),
    [
        ([0, 0], [0.1, 0.2], "none of 2 customers left"),
        ([1, 1], [0.1, 0.2], "everybody left"),
        ([1, 3], [0.1, 0.2], r"y must be 1 \(left\) or 0 \(stayed\) but 1 of 2 rows is not"),
        ([1, 0], [0.1], "score has 1 rows but y has 2"),
        ([1, 0], [0.1, np.nan], "score must be finite"),
        ([], [], "y is empty"),
    ],
)
def test_impossible_input_is_refused(y, score, message):
    with pytest.raises(InputError, match=message):
        auc(y, score)


def test_impossible_share_is_refused():
    with pytest.raises(InputError, match="share must be > 0 and <= 1"):
        lift_curve([1, 0], [0.1, 0.2]).top(0.0)
