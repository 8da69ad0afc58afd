"""Qini and AUUC: public reference cases, a plain loop, bounds, refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from custval._core.errors import InputError
from custval.metrics import auuc, qini


def curve_by_loop(y, score, arm):
    points = [(0.0, 0.0)]
    for t in sorted(set(score), reverse=True):
        first = [i for i in range(len(y)) if score[i] >= t]
        treated = sum(arm[i] for i in first)
        others = len(first) - treated
        good = sum(y[i] for i in first if arm[i])
        good_others = sum(y[i] for i in first if not arm[i])
        points.append((len(first), good - (good_others * treated / others if others else 0.0)))
    return points


def area(points):
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))


@pytest.mark.parametrize("name", ["u", "u_ties"])
def test_reference_cases(reference, name):
    case = reference("retention")
    data, expected = case["data"]["uplift"], case["expected"]
    assert qini(data["y"], data[name], data["t"]) == pytest.approx(expected[f"qini.{name}"], rel=1e-9)
    assert auuc(data["y"], data[name], data["t"]) == pytest.approx(expected[f"auuc.{name}"], rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    y, arm, score = rng.integers(0, 2, 50), rng.integers(0, 2, 50), rng.integers(0, 12, 50) / 10
    points = curve_by_loop(y, score, arm)
    best = curve_by_loop(y, y * arm - y * (1 - arm), arm)
    random = 0.5 * 50 * points[-1][1]
    assert qini(y, score, arm) == pytest.approx((area(points) - random) / (area(best) - random))


def test_row_order_does_not_matter_and_noise_is_near_zero():
    rng = np.random.default_rng(5)
    y, arm, score = rng.integers(0, 2, 20_000), rng.integers(0, 2, 20_000), rng.random(20_000)
    mixed = rng.permutation(20_000)
    assert qini(y, score, arm) == pytest.approx(qini(y[mixed], score[mixed], arm[mixed]), rel=1e-12)
    assert abs(qini(y, score, arm)) < 0.03
    assert abs(auuc(y, score, arm)) < 0.03


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [0.1, 0.2], [0, 1]), "outcome must be 0 or 1"),
        (([1, 0], [0.1, 0.2], [0, 2]), "treated must be 0 or 1"),
        (([1, 0], [0.1, 0.2], [1, 1]), "treated must hold both"),
        (([1, 0], [0.1], [1, 0]), "uplift has 1 rows but outcome has 2"),
        (([0, 0], [0.1, 0.2], [1, 0]), "no order of these customers beats another"),
        (([], [], []), "treated must hold both"),
    ],
)
def test_impossible_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        qini(*arguments)
