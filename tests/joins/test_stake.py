"""Value at stake, by its definition and by finite differences."""

from __future__ import annotations

import numpy as np

from custval._joins.stake import stake_weights, value_at_stake

SURVIVAL = np.cumprod(np.array([[0.97, 0.96, 0.95, 0.97, 0.98], [0.9, 0.8, 0.9, 0.9, 0.9]]), axis=1)
MARGIN = np.array([30.0, 12.0])


def test_value_at_stake_by_its_definition() -> None:
    expected = []
    for curve, margin in zip(SURVIVAL, MARGIN, strict=True):
        later = sum(margin * curve[t - 1] / 1.01**t for t in (4, 5))
        expected.append(later / curve[2])
    found = value_at_stake(SURVIVAL, MARGIN, monthly_discount=0.01, alert_months=3)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_nobody_left_means_nothing_at_stake() -> None:
    gone = np.zeros((1, 5))
    assert value_at_stake(gone, np.array([30.0]), monthly_discount=0.01, alert_months=3).tolist() == [0.0]


def test_weights_are_the_derivatives() -> None:
    weights = stake_weights(SURVIVAL, MARGIN, monthly_discount=0.01, alert_months=3)
    step = 1e-6
    for t in range(5):
        moved = SURVIVAL.copy()
        moved[:, t] += step
        up = value_at_stake(moved, MARGIN, monthly_discount=0.01, alert_months=3)
        down = value_at_stake(2 * SURVIVAL - moved, MARGIN, monthly_discount=0.01, alert_months=3)
        np.testing.assert_allclose(weights[:, t], (up - down) / (2 * step), rtol=1e-6, atol=1e-8)


def test_profit_weights_are_the_derivatives_of_the_profit() -> None:
    from custval._joins.stake import profit_weights
    from custval.retention import contact_profit

    def profit(survival: np.ndarray) -> np.ndarray:
        value = value_at_stake(survival, MARGIN, monthly_discount=0.01, alert_months=3)
        return contact_profit(1 - survival[:, 2], value, save_rate=0.3, offer_cost=4.0, contact_cost=1.0)

    weights = profit_weights(SURVIVAL, MARGIN, monthly_discount=0.01, alert_months=3, save_rate=0.3, offer_cost=4.0)
    step = 1e-6
    for t in range(5):
        moved = SURVIVAL.copy()
        moved[:, t] += step
        slope = (profit(moved) - profit(2 * SURVIVAL - moved)) / (2 * step)
        np.testing.assert_allclose(weights[:, t], slope, rtol=1e-6, atol=1e-8)
