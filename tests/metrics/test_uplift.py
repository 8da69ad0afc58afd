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
    assert qini(data["y"], data[name], data["t"]).value == pytest.approx(expected[f"qini.{name}"], rel=1e-9)
    assert auuc(data["y"], data[name], data["t"]).value == pytest.approx(expected[f"auuc.{name}"], rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    y, arm, score = rng.integers(0, 2, 50), rng.integers(0, 2, 50), rng.integers(0, 12, 50) / 10
    points = curve_by_loop(y, score, arm)
    best = curve_by_loop(y, y * arm - y * (1 - arm), arm)
    random = 0.5 * 50 * points[-1][1]
    assert qini(y, score, arm).value == pytest.approx((area(points) - random) / (area(best) - random))


def test_row_order_does_not_matter_and_noise_is_near_zero():
    rng = np.random.default_rng(5)
    y, arm, score = rng.integers(0, 2, 20_000), rng.integers(0, 2, 20_000), rng.random(20_000)
    mixed = rng.permutation(20_000)
    for measure in (qini, auuc):
        found, again = measure(y, score, arm), measure(y[mixed], score[mixed], arm[mixed])
        assert (again.value, again.std_error) == pytest.approx((found.value, found.std_error), rel=1e-9)
        assert abs(found.value) < 4 * found.std_error < 0.08
        assert float(found) == found.value


def customers(seed, n=600):
    rng = np.random.default_rng(seed)
    arm, helped = rng.integers(0, 2, n), rng.normal(size=n)
    y = (rng.random(n) < np.clip(0.4 + 0.15 * arm * helped, 0, 1)).astype(float)
    return y, np.round(helped + rng.normal(size=n), 1), arm


@pytest.mark.parametrize("measure", [qini, auuc])
@pytest.mark.parametrize("amounts", [False, True])
def test_the_error_is_that_of_the_move_with_each_weight_and_of_fresh_samples(measure, amounts):
    def scored(y, score, arm, **more):
        return measure(y * np.where(amounts, 1.7, 1.0) - 0.2 * amounts, score, arm, **more)

    y, score, arm = customers(0, 60)
    found, weight, step, pulls = scored(y, score, arm), np.ones(60), 1e-6, []
    for i in range(60):
        weight[i] += step
        pulls.append((scored(y, score, arm, sample_weight=weight).value - found.value) / step)
        weight[i] = 1.0
    assert found.std_error == pytest.approx(np.sqrt(np.sum(np.square(pulls))), rel=1e-4)
    assert found.is_normalised is not amounts
    fresh = [scored(*customers(seed)) for seed in range(300)]
    spread = np.std([one.value for one in fresh], ddof=1)
    assert np.mean([one.std_error for one in fresh]) == pytest.approx(spread, rel=0.12)


@pytest.mark.parametrize("measure", [qini, auuc])
def test_whole_weights_equal_duplication_but_for_the_error(measure):
    y, score, arm = customers(3, 80)
    weight = np.random.default_rng(1).integers(0, 4, 80)
    copies = np.repeat(np.arange(80), weight)
    got, same = measure(y, score, arm, sample_weight=weight), measure(y[copies], score[copies], arm[copies])
    assert got.value == pytest.approx(same.value)
    tenfold = measure(y, score, arm, sample_weight=10.0 * weight)
    assert (tenfold.value, tenfold.std_error) == pytest.approx((got.value, got.std_error))


def test_amounts_and_outcomes_without_an_order_give_the_plain_area():
    flat = qini([0, 0, 0], [0.1, 0.2, 0.3], [1, 0, 1])
    assert (flat.value, flat.std_error, flat.is_normalised) == (0.0, 0.0, False)
    y, score, arm = customers(4)
    best = qini(y, y * (2 * arm - 1), arm)
    assert qini(2.0 * y, score, arm).value == pytest.approx(2 * qini(y, score, arm).value * plain(y, arm))
    assert best.value == pytest.approx(1.0)


def plain(y, arm):
    """Return the area of the best order for each customer, squared as an area is."""
    points = curve_by_loop(y, y * (2 * arm - 1), arm)
    n = len(y)
    return (area(points) - 0.5 * n * points[-1][1]) / n**2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, np.nan], [0.1, 0.2], [0, 1]), "outcome must be finite"),
        (([1, 0], [0.1, 0.2], [0, 2]), "treated must be 0 or 1"),
        (([1, 0], [0.1, 0.2], [1, 1]), "treated must hold both"),
        (([1, 0], [0.1], [1, 0]), "uplift has 1 rows but outcome has 2"),
        (([], [], []), "treated must hold both"),
    ],
)
def test_impossible_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        qini(*arguments)
