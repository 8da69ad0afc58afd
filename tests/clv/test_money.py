"""Margins after costs, and the month in which they have paid back the cost of winning the customer."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.clv import discounted_value, monthly_margin, payback_months


def test_margin_is_revenue_less_every_cost():
    assert monthly_margin(50.0, cost_to_serve=6, interconnect=4, credit_loss=1, subsidy=9) == 30.0
    assert isinstance(monthly_margin(50.0), float)
    bills = np.array([[50.0, 40.0], [10.0, 20.0]])
    np.testing.assert_allclose(monthly_margin(bills, cost_to_serve=[1.0, 2.0]), [[49, 38], [9, 18]])
    np.testing.assert_allclose(monthly_margin(5.0, subsidy=[7.0, 1.0]), [-2.0, 4.0])


def test_margin_is_a_copy():
    bills = np.array([1.0, 2.0])
    monthly_margin(bills)[0] = 9.0
    assert bills[0] == 1.0


def test_margin_refuses_what_does_not_fit():
    with pytest.raises(InputError, match=r"revenue \(3,\), subsidy \(2,\)"):
        monthly_margin([1.0, 2.0, 3.0], subsidy=[1.0, 2.0])
    with pytest.raises(InputError, match=r"credit_loss must be finite .*1 of 2 .*row 1"):
        monthly_margin([1.0, 2.0], credit_loss=[0.0, np.nan])
    with pytest.raises(InputError, match=r"revenue must hold numbers; row 1 holds 'x'"):
        monthly_margin([1.0, "x"])


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_payback_is_the_first_horizon_whose_value_covers_the_cost(timing):
    rng = np.random.default_rng(5)
    survival = np.cumprod(rng.uniform(0.9, 1.0, (6, 24)), axis=1)
    margin, cost = rng.uniform(5, 20, (6, 24)), np.linspace(0, 260, 6)
    found = payback_months(cost, survival, margin, monthly_discount=0.01, timing=timing)
    for i in range(6):
        values = [
            discounted_value(survival[i : i + 1, :h], margin[i : i + 1, :h], monthly_discount=0.01, timing=timing)[0]
            for h in range(1, 25)
        ]
        hits = [h for h, value in enumerate(values, 1) if value >= cost[i]]
        assert found[i] == (0 if cost[i] == 0 else hits[0] if hits else np.inf)


def test_payback_refuses_what_is_illegal():
    with pytest.raises(InputError, match=r"acquisition_cost must be >= 0"):
        payback_months(-1.0, [[0.9]], 1.0)
    with pytest.raises(InputError, match=r"acquisition_cost has 2 rows but survival has 1"):
        payback_months([1.0, 2.0], [[0.9]], 1.0)
    with pytest.raises(InputError, match=r"survival must never rise"):
        payback_months(1.0, [[0.5, 0.9]], 1.0)
