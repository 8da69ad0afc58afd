"""Profit of a campaign: public reference cases, exact integration, brute force over thresholds and accept rates."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb, factorial

import numpy as np
import pytest

from custval._core.errors import DataWarning, InputError
from custval.retention import expected_maximum_profit, maximum_profit


def lines(y, score, value, d, f):
    """Every threshold as a line in g, from the definition."""
    found = [(0.0, 0.0, 0)]
    for t in sorted(set(score), reverse=True):
        at = [i for i in range(len(y)) if score[i] >= t]
        a = sum(value[i] - d for i in at if y[i])
        b = -sum(f if y[i] else d + f for i in at)
        found.append((a, b, len(at)))
    return found


def brute_expected(y, score, value, d, f, alpha, beta, nodes=200_001):
    from scipy.stats import beta as beta_law

    edges = np.linspace(0.0, 1.0, nodes)
    g = 0.5 * (edges[1:] + edges[:-1])
    weight = np.diff(beta_law.cdf(edges, alpha, beta))
    table = lines(y, score, value, d, f)
    profit = np.max([a * g + b for a, b, _ in table], axis=0)
    return float(weight @ profit) / len(y)


def exact_expected(y, score, value, d, f, alpha, beta):
    """Integrate the envelope in rational arithmetic (integer parameters)."""
    table = [(Fraction(int(a)), Fraction(int(b))) for a, b, _ in lines(y, score, [value] * len(y), d, f)]
    norm = Fraction(factorial(alpha + beta - 1), factorial(alpha - 1) * factorial(beta - 1))

    def area(x, power):
        k = alpha - 1 + power
        return sum(Fraction((-1) ** j * comb(beta - 1, j)) * x ** (k + j + 1) / (k + j + 1) for j in range(beta))

    cuts = {Fraction(0), Fraction(1)}
    cuts |= {(b - q) / (p - a) for a, b in table for p, q in table if p != a and 0 < (b - q) / (p - a) < 1}
    total, ordered = Fraction(0), sorted(cuts)
    for low, high in itertools.pairwise(ordered):
        middle = (low + high) / 2
        a, b = max(table, key=lambda line: line[0] * middle + line[1])
        total += norm * (a * (area(high, 1) - area(low, 1)) + b * (area(high, 0) - area(low, 0)))
    return float(total / len(y))


@pytest.mark.parametrize("name", ["informative", "ties", "random", "reversed", "perfect"])
def test_reference_cases(reference, name):
    case = reference("retention")
    y, score, expected = case["data"]["scores"]["y"], case["data"]["scores"][name], case["expected"]
    got = expected_maximum_profit(y, score)
    assert got.profit == pytest.approx(expected[f"empc.{name}"], rel=1e-9)
    assert got.rate == pytest.approx(expected[f"empc.rate.{name}"], rel=1e-9)
    other = expected_maximum_profit(
        y, score, value=400.0, incentive_cost=25.0, contact_cost=4.0, accept_alpha=3.0, accept_beta=9.0
    )
    # the case of 5e-13 is rounding error in the peer (exact arithmetic below decides), hence the absolute term
    assert other.profit == pytest.approx(expected[f"empc.alt.{name}"], rel=1e-9, abs=1e-14)
    known = maximum_profit(y, score)
    assert known.profit == pytest.approx(expected[f"mpc.{name}"], rel=1e-9)
    assert known.rate == pytest.approx(expected[f"mpc.rate.{name}"], rel=1e-9)


def test_reference_cases_with_a_value_for_each_customer(reference):
    case = reference("retention")
    data, expected = case["data"]["scores"], case["expected"]
    got = expected_maximum_profit(data["y"], data["informative"], value=data["clv"])
    assert got.profit == pytest.approx(expected["empc.instance_clv.informative(numeric,1e-5)"], rel=1e-5)
    assert got.rate == pytest.approx(expected["empc.instance_clv.rate(numeric,1e-3)"], rel=1e-3)
    known = maximum_profit(data["y"], data["informative"], value=data["clv"])
    assert known.profit == pytest.approx(expected["mpc.instance_clv.informative"], rel=1e-9)
    assert known.rate == pytest.approx(expected["mpc.instance_clv.rate"], rel=1e-9)


def test_documented_eight_customers(reference):
    anchor = reference("retention")["anchors"]["empulse_docs_n8"]
    got = expected_maximum_profit(anchor["y"], anchor["s"])
    assert got.profit == pytest.approx(anchor["empc"], rel=1e-12)
    assert got.rate == pytest.approx(anchor["empc_rate"], rel=1e-12)
    known = maximum_profit(anchor["y"], anchor["s"])
    assert (known.profit, known.rate) == pytest.approx((anchor["mpc"], anchor["mpc_rate"]), rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_equals_exact_arithmetic(seed):
    rng = np.random.default_rng(seed)
    y, score = rng.integers(0, 2, 25), rng.integers(0, 9, 25) / 8.0
    got = expected_maximum_profit(y, score, value=60, incentive_cost=9, contact_cost=2, accept_alpha=3, accept_beta=5)
    assert got.profit == pytest.approx(exact_expected(y, score, 60, 9, 2, 3, 5), rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("seed", range(6))
def test_equals_brute_force_with_values_below_the_offer(seed):
    rng = np.random.default_rng(100 + seed)
    y, score = rng.integers(0, 2, 40), rng.random(40).round(1)
    value = rng.gamma(1.0, 60.0, 40) - 20.0
    got = expected_maximum_profit(y, score, value=value, incentive_cost=15.0, contact_cost=1.0)
    assert got.profit == pytest.approx(brute_expected(y, score, value, 15.0, 1.0, 6.0, 14.0), rel=1e-6, abs=1e-9)
    known = maximum_profit(y, score, value=value, incentive_cost=15.0, contact_cost=1.0, accept_rate=0.45)
    table = lines(y, score, value, 15.0, 1.0)
    best = max(0.45 * a + b for a, b, _ in table) / 40
    assert known.profit == pytest.approx(best, rel=1e-12, abs=1e-12)


def test_value_and_risk_that_go_together_are_not_averaged():
    y, score = [1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1]
    rich = expected_maximum_profit(y, score, value=[1000.0, 10.0, 5.0, 5.0])
    flat = expected_maximum_profit(y, score, value=255.0)
    assert rich.profit > 1.5 * flat.profit


def test_a_sharp_belief_equals_the_known_rate():
    rng = np.random.default_rng(1)
    y, score = rng.random(300) < 0.2, rng.random(300)
    sharp = expected_maximum_profit(y, score, accept_alpha=0.3e9, accept_beta=0.7e9)
    known = maximum_profit(y, score, accept_rate=0.3)
    assert sharp.profit == pytest.approx(known.profit, rel=1e-4)
    assert sharp.threshold == known.threshold


def test_threshold_is_the_best_single_one():
    rng = np.random.default_rng(2)
    y, score = rng.random(200) < 0.2, rng.random(200).round(2)
    expected = expected_maximum_profit(y, score)
    assert expected.threshold == maximum_profit(y, score, accept_rate=0.3).threshold


def test_nobody_worth_a_contact():
    got = maximum_profit([0, 1], [0.9, 0.1], value=5.0)
    assert (got.profit, got.rate, got.threshold) == (0.0, 0.0, np.inf)
    got = expected_maximum_profit([0, 1], [0.9, 0.1], value=5.0)
    assert (got.profit, got.rate, got.threshold, got.std_error) == (0.0, 0.0, np.inf, 0.0)


def test_nobody_left_is_legal_but_warned():
    with pytest.warns(DataWarning, match="none of 2 customers left"):
        assert expected_maximum_profit([0, 0], [0.9, 0.1]).profit == 0.0


def test_one_customer_has_no_error():
    assert maximum_profit([1], [0.5]).std_error is None


def test_std_error_is_that_of_fresh_samples():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        risk = rng.beta(1.0, 5.0, 1500)
        y = rng.random(1500) < risk
        value = rng.gamma(2.0, 150.0, 1500)
        found.append([expected_maximum_profit(y, risk, value=value), maximum_profit(y, risk, value=value)])
    for j in (0, 1):
        spread = np.std([pair[j].profit for pair in found], ddof=1)
        mean_error = np.mean([pair[j].std_error for pair in found])
        assert mean_error == pytest.approx(spread, rel=0.15)


def test_std_error_is_the_spread_of_the_mean():
    y, score = np.array([1, 0, 1, 0, 0]), np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    got = maximum_profit(y, score, value=100.0, accept_rate=0.5)
    each = np.array([0.5 * 90 - 1, -11.0, 0.5 * 90 - 1, 0.0, 0.0])
    assert got.profit == pytest.approx(each.mean())
    assert got.std_error == pytest.approx(each.std(ddof=1) / np.sqrt(5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"y": [0, 2], "score": [0.1, 0.2]},
            r"y must be 1 \(left\) or 0 \(stayed\) but 1 of 2 rows is not \(first: row 1",
        ),
        ({"y": [0, 1], "score": [0.1]}, "score has 1 rows but y has 2"),
        ({"y": [0, 1], "score": [0.1, np.nan]}, "score must be finite.*1 of 2"),
        ({"y": [], "score": []}, "y is empty"),
        ({"y": [0, 1], "score": [0.1, 0.2], "value": [1.0]}, "value has 1 rows but y has 2"),
        ({"y": [0, 1], "score": [0.1, 0.2], "value": np.inf}, "value must be"),
        ({"y": [0, 1], "score": [0.1, 0.2], "contact_cost": -1.0}, "contact_cost must be >= 0"),
        ({"y": [0, 1], "score": [0.1, 0.2], "incentive_cost": -1.0}, "incentive_cost must be >= 0"),
        ({"y": ["a", "b"], "score": [0.1, 0.2]}, "y must hold numbers; row 0 holds 'a'"),
    ],
)
def test_impossible_input_is_refused_by_name(arguments, message):
    for measure in (maximum_profit, expected_maximum_profit):
        with pytest.raises(InputError, match=message):
            measure(**arguments)


def test_impossible_rates_are_refused_by_name():
    with pytest.raises(InputError, match=r"accept_rate must be >= 0 and <= 1, not 1.5"):
        maximum_profit([0, 1], [0.1, 0.2], accept_rate=1.5)
    with pytest.raises(InputError, match="accept_alpha must be > 0"):
        expected_maximum_profit([0, 1], [0.1, 0.2], accept_alpha=0.0)
