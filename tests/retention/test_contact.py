"""Profit of one contact: both forms of the identity, the textbook example, the delta method against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.errors import InputError
from custval._retention.contact import contact_spending
from custval.retention import contact_profit, contact_profit_std_error


def test_both_forms_and_the_spending_agree():
    rng = np.random.default_rng(0)
    p, value, g, d, f = rng.random(50), rng.normal(100.0, 200.0, 50), 0.3, 20.0, 2.0
    profit = contact_profit(p, value, save_rate=g, offer_cost=d, contact_cost=f)
    assert profit == pytest.approx(p * (g * value + d * (1 - g)) - d - f)
    assert profit + contact_spending(p, g, d, f) == pytest.approx(p * g * value)


def test_the_funnel_example(reference):
    # 33 reached, 1 saved at a value of 600, an offer of 50 taken by the one saved, 266 calls at 2: known leavers
    expected = reference("retention")["expected"]
    saved = contact_profit([1.0], [600.0], save_rate=1.0, offer_cost=50.0)[0]
    assert saved - 266 * 2 == expected["funnel.profit_clv600_call2_offer50"]


def test_the_save_offer_example(reference):
    # 15 % would stay without the offer, 45 % stay with it: of the 85 % leavers it keeps 30 / 85
    case = reference("retention")["anchors"]["save_offer_example(turnella.com)"]
    leave = 1.0 - case["save_without"]
    rate = (case["save_with"] - case["save_without"]) / leave
    got = contact_profit([leave], [case["clv"]], save_rate=rate, offer_cost=case["offer_cost"])[0]
    assert got == pytest.approx(case["net_per_contact"])


def test_each_customer_may_have_its_own_rate_and_price():
    got = contact_profit([0.5, 0.5], [100.0, 100.0], save_rate=[0.0, 1.0], offer_cost=[0.0, 10.0], contact_cost=1.0)
    assert got.tolist() == [-1.0, 0.5 * (90 - 1) - 0.5 * 11]


def test_std_error_is_that_of_simulated_inputs():
    rng = np.random.default_rng(1)
    p, value, g, d = 0.3, 500.0, 0.2, 25.0
    errors = {"p_std_error": 0.01, "value_std_error": 15.0, "save_rate_std_error": 0.01}
    got = contact_profit_std_error([p], [value], save_rate=g, offer_cost=d, **errors)[0]
    n = 200_000
    drawn = contact_profit(
        rng.normal(p, 0.01, n), rng.normal(value, 15.0, n), save_rate=rng.normal(g, 0.01, n), offer_cost=d
    )
    assert got == pytest.approx(drawn.std(), rel=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_leave": [1.2, 0.1]}, r"p_leave must be >= 0 and <= 1 but 1 of 2 rows is not \(first: row 0, value 1.2\)"),
        ({"save_rate": -0.1}, "save_rate must be >= 0 and <= 1"),
        ({"offer_cost": -1.0}, "offer_cost must be >= 0"),
        ({"contact_cost": -1.0}, "contact_cost must be >= 0"),
        ({"value_at_stake": [1.0, np.nan]}, "value_at_stake must be finite"),
        ({"value_at_stake": [1.0, 2.0, 3.0]}, "value_at_stake has 3 rows but p_leave has 2"),
    ],
)
def test_impossible_input_is_refused_by_name(change, message):
    arguments = {"p_leave": [0.5, 0.1], "value_at_stake": [1.0, 2.0], "save_rate": 0.2} | change
    with pytest.raises(InputError, match=message):
        contact_profit(arguments.pop("p_leave"), arguments.pop("value_at_stake"), **arguments)


def test_negative_errors_are_refused():
    with pytest.raises(InputError, match="p_std_error must be >= 0"):
        contact_profit_std_error([0.5], [1.0], save_rate=0.2, p_std_error=[-0.1])


def test_errors_from_one_hazard_by_the_exact_delta_method():
    # value at stake and risk both follow one hazard h: V(h) = 50 / h, p(h) = 1 - exp(-6 h)
    h, error = 0.04, 0.003
    p, value = 1 - np.exp(-6 * h), 50 / h
    slope_p, slope_value = 6 * np.exp(-6 * h), -50 / h**2
    given = {"save_rate": 0.2, "offer_cost": 20.0}
    step = 1e-6
    ends = [contact_profit([1 - np.exp(-6 * x)], [50 / x], contact_cost=1.0, **given)[0] for x in (h - step, h + step)]
    exact = abs(ends[1] - ends[0]) / (2 * step) * error
    errors = {"p_std_error": abs(slope_p) * error, "value_std_error": abs(slope_value) * error}
    covariance = slope_p * slope_value * error**2
    got = contact_profit_std_error([p], [value], **given, **errors, p_value_covariance=covariance)
    assert got[0] == pytest.approx(exact, rel=1e-6)
    assert contact_profit_std_error([p], [value], **given, **errors)[0] > 1.5 * exact


def test_a_covariance_beyond_the_errors_is_refused():
    with pytest.raises(
        InputError, match="p_value_covariance must be at most p_std_error times value_std_error in size"
    ):
        contact_profit_std_error(
            [0.5, 0.5], [1.0, 1.0], save_rate=0.2, p_std_error=0.1, value_std_error=2.0, p_value_covariance=[-0.2, -0.3]
        )
    with pytest.raises(InputError, match="give both standard errors with the covariance"):
        contact_profit_std_error([0.5], [1.0], save_rate=0.2, p_std_error=0.1, p_value_covariance=-0.1)
