"""Deciles and ABC classes: by hand, from counts, simulated errors, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.segments import abc_classes, decile_table, lorenz_curve, top_share

RNG = np.random.default_rng(12)
MONEY = RNG.lognormal(3.0, 0.9, 70).round(2)


def test_deciles_are_differences_of_the_lorenz_curve():
    table, curve = decile_table(MONEY), lorenz_curve(MONEY)
    held = 1 - np.interp(1 - np.arange(1, 11) / 10, curve.share_of_customers, curve.share_of_value)
    np.testing.assert_allclose(table.cumulative_share, held, rtol=1e-12)
    assert table.share_of_value.sum() == pytest.approx(1.0)
    assert table.value.sum() == pytest.approx(MONEY.sum())
    assert (np.diff(table.mean_value) <= 1e-12).all()
    assert table.share_of_value[:2].sum() == pytest.approx(float(top_share(MONEY, 0.2)))
    assert (table.highest[1:] == table.lowest[:-1]).all()
    one = decile_table(MONEY, groups=1)
    assert one.share_of_value_std_error[0] == pytest.approx(0.0, abs=1e-12)


def test_errors_of_deciles_and_of_the_share_needed_equal_the_spread_over_samples():
    rng = np.random.default_rng(2)
    draws = [rng.gamma(2.0, 10.0, 400) for _ in range(500)]
    tables = [decile_table(draw, groups=4) for draw in draws]
    for k in range(4):
        spread = np.std([t.share_of_value[k] for t in tables])
        assert np.mean([t.share_of_value_std_error[k] for t in tables]) == pytest.approx(spread, rel=0.12)
    classes = [abc_classes(draw) for draw in draws]
    for k in range(2):
        spread = np.std([c.share_of_customers_needed[k] for c in classes])
        assert np.mean([c.share_of_customers_needed_std_error[k] for c in classes]) == pytest.approx(spread, rel=0.12)


def test_whole_weights_equal_copies():
    weight = RNG.integers(0, 4, 70)
    copies = np.repeat(MONEY, weight)
    plain, counted = decile_table(copies), decile_table(MONEY, sample_weight=weight)
    for name, value in plain.to_dict().items():
        np.testing.assert_allclose(counted.to_dict()[name], value, rtol=1e-9)
    one, two = abc_classes(copies), abc_classes(MONEY, sample_weight=weight)
    np.testing.assert_array_equal(one.cuts, two.cuts)
    np.testing.assert_allclose(one.customers, two.customers)
    np.testing.assert_array_equal(one.code, np.repeat(two.code, weight))


def test_classes_hold_the_fewest_richest_and_keep_equal_customers_together():
    found = abc_classes(MONEY)
    rich = np.sort(MONEY)[::-1]
    first = int((rich.cumsum() >= 0.8 * rich.sum()).argmax())
    assert found.cuts[0] == rich[first]
    assert found.customers.sum() == 70
    assert found.share_of_value[0] >= 0.8
    ties = abc_classes([5.0, 5.0, 5.0, 1.0], shares=(0.5, 0.95))
    assert ties.code.tolist() == [0, 0, 0, 1]
    assert ties.label().tolist() == ["A", "A", "A", "B"]
    assert abc_classes(MONEY, shares=(0.5,), names=("core", "rest")).to_frame()["name"].tolist() == ["core", "rest"]


def test_more_cuts_than_distinct_values_is_said():
    with pytest.warns(DataWarning, match=r"2 cuts stand on 1 distinct values: some classes are empty"):
        found = abc_classes([3.0, 3.0])
    assert found.customers.tolist() == [2.0, 0.0, 0.0]
    single = decile_table([4.0])
    assert single.share_of_value_std_error == (None,) * 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decile_table([1.0, np.nan]), r"values must be finite"),
        (lambda: decile_table([1.0], groups=2.5), r"groups must be a whole number"),
        (lambda: decile_table([-1.0]), r"sum of values must be > 0"),
        (lambda: abc_classes([1.0], shares=(0.9, 0.8)), r"shares must rise"),
        (lambda: abc_classes([1.0], shares=(0.9, 1.0)), r"shares must be > 0 and < 1"),
        (lambda: abc_classes([1.0], names=("A",)), r"names must be 3 texts"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
