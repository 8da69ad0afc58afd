"""Lorenz curve, Gini and top share: brute force, closed forms, reference numbers, simulated errors, bad input."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from custval import InputError
from custval.segments import gini, lorenz_curve, top_share

RNG = np.random.default_rng(11)
MONEY = RNG.lognormal(3.0, 0.9, 60).round(2)


def brute_gini(x, w=None):
    w = np.ones(len(x)) if w is None else w
    pairs = np.abs(x[:, None] - x[None, :]) * w[:, None] * w[None, :]
    return pairs.sum() / w.sum() ** 2 / (2 * np.average(x, weights=w))


def test_gini_is_the_mean_difference_over_twice_the_mean():
    assert float(gini(MONEY)) == pytest.approx(brute_gini(MONEY), rel=1e-12)
    weight = RNG.uniform(0, 3, 60)
    assert gini(MONEY, sample_weight=weight).gini == pytest.approx(brute_gini(MONEY, weight), rel=1e-12)


def test_gini_is_twice_the_area_between_the_curve_and_the_diagonal():
    curve = lorenz_curve(np.r_[MONEY, MONEY[:20]])
    x, y = curve.share_of_customers, curve.share_of_value
    area = (np.diff(x) * (y[1:] + y[:-1]) / 2).sum()
    assert curve.gini == pytest.approx(1 - 2 * area, rel=1e-12)
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert len(x) == len(np.unique(MONEY)) + 1


def test_reference_numbers(reference):
    found = reference("retention")
    revenue, expected = np.array(found["data"]["revenue"]["rev"]), found["expected"]
    assert float(gini(revenue)) == pytest.approx(expected["gini.sample"], rel=1e-9)
    for share in (0.01, 0.1, 0.2):
        assert float(top_share(revenue, share)) == pytest.approx(expected[f"top_share_{share}"], rel=1e-9)


def test_closed_forms(reference):
    expected = reference("retention")["expected"]
    middle = (np.arange(200_000) + 0.5) / 200_000
    from scipy.special import ndtri

    lognormal = float(gini(np.exp(0.9 * ndtri(middle))))
    assert lognormal == pytest.approx(expected["gini.lognormal_sigma0.9(closed form)"], abs=2e-4)
    # the Pareto law in which 20 % hold 80 %
    alpha = np.log(5) / np.log(4)
    assert expected["gini.pareto_80_20"] == pytest.approx(1 / (2 * alpha - 1), rel=1e-9)
    lorenz = 1 - (1 - np.linspace(0, 1, 200_001)) ** (1 - 1 / alpha)
    assert float(gini(np.diff(lorenz))) == pytest.approx(expected["gini.pareto_80_20"], abs=1e-4)
    assert float(top_share(np.diff(lorenz), 0.2)) == pytest.approx(0.8, abs=1e-9)


def test_public_figures_of_the_telco_table(shared):
    with (shared / "data" / "ibm_telco_churn.csv").open(encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    monthly = np.array([float(row["MonthlyCharges"]) for row in table])
    assert float(gini(monthly)) == pytest.approx(0.265, abs=5e-4)
    # all that was charged so far, without the eleven customers who have no bill yet
    charged = np.array([float(row["TotalCharges"]) for row in table if row["TotalCharges"].strip()])
    assert len(charged) == 7032
    assert float(gini(charged)) == pytest.approx(brute_gini(charged), rel=1e-12)
    assert float(gini(charged)) == pytest.approx(0.536, abs=5e-4)


@pytest.mark.parametrize("measure", [gini, lambda x: top_share(x, 0.2)])
def test_standard_error_equals_the_spread_over_samples(measure):
    rng = np.random.default_rng(2)
    found = [measure(rng.gamma(2.0, 10.0, 400)) for _ in range(800)]
    estimates = np.array([float(f) for f in found])
    errors = np.array([f.std_error for f in found])
    assert errors.mean() == pytest.approx(estimates.std(), rel=0.08)
    truth = float(measure(np.random.default_rng(3).gamma(2.0, 10.0, 2_000_000)))
    inside = np.mean([f.lower <= truth <= f.upper for f in found])
    assert 0.91 <= inside <= 0.985


def test_whole_weights_equal_copies():
    weight = RNG.integers(0, 4, 60)
    copies = np.repeat(MONEY, weight)
    for plain, weighted in (
        (gini(copies), gini(MONEY, sample_weight=weight)),
        (top_share(copies, 0.13), top_share(MONEY, 0.13, sample_weight=weight)),
    ):
        for name, value in plain.to_dict().items():
            assert weighted.to_dict()[name] == pytest.approx(value, rel=1e-10)
    curve, same = lorenz_curve(copies), lorenz_curve(MONEY, sample_weight=weight)
    np.testing.assert_allclose(curve.share_of_value, same.share_of_value, rtol=1e-12)
    assert curve.std_error == pytest.approx(same.std_error, rel=1e-10)


def test_small_and_equal_bases():
    one = gini([5.0])
    assert (one.gini, one.std_error, one.lower) == (0.0, None, None)
    same = lorenz_curve([0.1] * 7)
    assert (same.gini, same.std_error) == (0.0, 0.0)
    np.testing.assert_allclose(same.share_of_value, [0.0, 1.0])
    assert top_share([3.0], 0.2).share_of_value == 1.0
    assert top_share([3.0, 1.0], 1.0).share_of_value == 1.0
    json.dumps(one.to_dict(), allow_nan=False)


def test_negative_values_are_legal_and_counted():
    curve = lorenz_curve([-10.0, 5.0, 20.0])
    assert curve.negative_values == 1
    assert curve.share_of_value.min() < 0
    assert curve.gini == pytest.approx(brute_gini(np.array([-10.0, 5.0, 20.0])))
    assert curve.gini > 1
    assert top_share([-10.0, 5.0, 20.0], 1 / 3).share_of_value == pytest.approx(20 / 15)


def test_top_customers_are_whole_ones_and_rounding_adds_none():
    top = top_share(np.arange(1.0, 101.0), 0.29)  # 0.29 * 100 = 28.999999999999996
    assert top.customers == 29
    assert top.at_least == 72.0
    assert top_share(np.arange(1.0, 8.0), 0.2).customers == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gini([]), r"values is empty"),
        (lambda: gini([1.0, np.nan]), r"values must be finite .*1 of 2 .*row 1"),
        (lambda: gini([1.0, np.inf]), r"values must be finite"),
        (lambda: lorenz_curve([0.0, 0.0]), r"sum of values must be > 0 but is 0"),
        (lambda: lorenz_curve([-3.0, 1.0]), r"sum of values must be > 0 but is -2"),
        (lambda: gini(["a"]), r"values must hold numbers; row 0 holds 'a'"),
        (lambda: gini([[1.0]]), r"values must have 1 dimension"),
        (lambda: gini([1.0], sample_weight=[-1.0]), r"sample_weight must be >= 0"),
        (lambda: gini([1.0], sample_weight=[1.0, 2.0]), r"sample_weight has 2 rows"),
        (lambda: gini([1.0, 2.0], conf_level=0.0), r"conf_level must be > 0 and < 1"),
        (lambda: top_share([1.0], 0.0), r"share must be > 0 and <= 1, not 0\.0"),
        (lambda: top_share([1.0], 20), r"share must be > 0 and <= 1, not 20"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
