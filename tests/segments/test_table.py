"""The quadrant table against group sums, copies, and the spread over samples of the same customers."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.segments import ValuePotential


def base(rng, n=400):
    axes = np.column_stack([rng.gamma(2, 10, n), rng.gamma(3, 50, n)])
    chance = rng.beta(1, 9, n)
    return axes, axes[:, 0] * 20 + rng.normal(0, 30, n), chance


AXES, WORTH, CHANCE = base(np.random.default_rng(8))
MODEL = ValuePotential(cuts="money", money=(18.0, 140.0)).fit(AXES)
MEASURES = ("current_value", "potential_value", "lifetime_value", "share_of_value", "mean_p_leave", "value_at_risk")


def test_totals_and_means_are_those_of_the_customers_inside():
    table, codes = MODEL.table(AXES, lifetime_value=WORTH, p_leave=CHANCE), MODEL.predict(AXES)
    for k in range(4):
        inside = codes == k
        assert table.customers[k] == inside.sum()
        assert table.share_of_customers[k] == pytest.approx(inside.mean())
        assert table.current_value[k] == pytest.approx(AXES[inside, 0].sum())
        assert table.potential_value[k] == pytest.approx(AXES[inside, 1].sum())
        assert table.lifetime_value[k] == pytest.approx(WORTH[inside].sum())
        assert table.share_of_value[k] == pytest.approx(WORTH[inside].sum() / WORTH.sum())
        assert table.mean_p_leave[k] == pytest.approx(CHANCE[inside].mean())
        assert table.value_at_risk[k] == pytest.approx((CHANCE * WORTH)[inside].sum())
    assert table.share_of_value.sum() == pytest.approx(1.0)


def test_errors_equal_the_spread_over_samples_of_the_same_customers():
    rng = np.random.default_rng(1)
    tables = []
    for _ in range(600):
        axes, worth, chance = base(rng)
        tables.append(MODEL.table(axes, lifetime_value=worth, p_leave=chance))
    for name in MEASURES:
        spread = np.std([getattr(table, name) for table in tables], axis=0)
        errors = np.mean([getattr(table, f"{name}_std_error") for table in tables], axis=0)
        np.testing.assert_allclose(errors, spread, rtol=0.12, err_msg=name)
    large_axes, _, _ = base(np.random.default_rng(2), 400_000)
    truth = np.bincount(MODEL.predict(large_axes), minlength=4) / 400_000
    inside = [(t.share_of_customers_lower <= truth) & (truth <= t.share_of_customers_upper) for t in tables]
    assert 0.92 <= np.mean(inside) <= 0.98


def test_whole_weights_equal_copies():
    weight = np.random.default_rng(0).integers(0, 4, len(AXES))
    copies = {"lifetime_value": np.repeat(WORTH, weight), "p_leave": np.repeat(CHANCE, weight)}
    plain = MODEL.table(np.repeat(AXES, weight, axis=0), **copies)
    weighted = MODEL.table(AXES, lifetime_value=WORTH, p_leave=CHANCE, sample_weight=weight)
    for name in (*MEASURES, *(f"{m}_std_error" for m in MEASURES), "share_of_customers_lower"):
        np.testing.assert_allclose(getattr(plain, name), getattr(weighted, name), rtol=1e-9, err_msg=name)


def test_what_was_not_given_is_none_and_left_out_of_the_frame():
    table = MODEL.table(AXES)
    assert table.lifetime_value is None
    assert table.value_at_risk is None
    assert table.mean_p_leave is None
    assert table.interval("lifetime_value") is None
    np.testing.assert_allclose(table.share_of_value, table.current_value / AXES[:, 0].sum())
    frame = table.to_frame()
    assert list(frame["quadrant"]) == ["high/high", "high/low", "low/high", "low/low"]
    assert "lifetime_value" not in frame
    json.dumps(table.to_dict(), allow_nan=False)
    assert "QuadrantTable" in table._repr_html_()


def test_an_empty_quadrant_has_no_mean_and_no_nan():
    axes = np.array([[20.0, 150.0], [30.0, 160.0]])
    table = MODEL.table(axes, lifetime_value=[1.0, 3.0], p_leave=[0.2, 0.4])
    assert table.mean_p_leave == (pytest.approx(0.3), None, None, None)
    assert table.mean_p_leave_std_error[0] == pytest.approx(0.1)
    low, high = table.interval("mean_p_leave")
    assert low[1] is None
    assert low[0] < 0.3 < high[0]
    json.dumps(table.to_dict(), allow_nan=False)


def test_a_base_worth_nothing_has_no_shares():
    assert MODEL.table([[0.0, 0.0], [0.0, 1.0]]).share_of_value is None


def test_a_lifetime_value_result_is_taken_as_it_is():
    class Worth:
        value = WORTH

    np.testing.assert_array_equal(
        MODEL.table(AXES, lifetime_value=Worth()).lifetime_value, MODEL.table(AXES, lifetime_value=WORTH).lifetime_value
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lifetime_value": WORTH[:3]}, r"lifetime_value has 3 rows but X has 400"),
        ({"p_leave": CHANCE + 1}, r"p_leave must be >= 0 and <= 1"),
        ({"p_leave": np.full(400, np.nan)}, r"p_leave must be finite"),
        ({"sample_weight": -np.ones(400)}, r"sample_weight must be >= 0"),
        ({"conf_level": 95}, r"conf_level must be > 0 and < 1, not 95"),
    ],
)
def test_bad_input_is_refused_with_help(options, message):
    with pytest.raises(InputError, match=message):
        MODEL.table(AXES, **options)


def test_an_unknown_measure_suggests_the_nearest():
    with pytest.raises(InputError, match=r"did you mean 'lifetime_value'"):
        MODEL.table(AXES).interval("lifetimevalue")


def test_causes_are_named_by_the_columns_of_a_frame():
    axes = np.arange(8.0).reshape(4, 2)
    chances = pd.DataFrame({"price": [0.1] * 4, "debt": [0.2] * 4})
    found = ValuePotential().fit(axes).table(axes, p_leave=chances)
    assert found.causes == ("price", "debt")
