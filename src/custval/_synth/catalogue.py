"""What the operator sells: plans with allowances and prices, and services with prices and margins."""

from __future__ import annotations

from typing import Any

import numpy as np

from custval._synth.population import PLANS, PREPAID_PLAN
from custval._synth.scenario import Scenario
from custval._synth.services import SERVICES

__all__ = ("plans", "services")

_INCLUDED = {"minutes": (10.0, 25.0, 60.0, 150.0, 1000.0), "sms": (5.0, 15.0, 40.0, 100.0, 1000.0)}
_INCLUDED_MB = (300.0, 800.0, 2000.0, 6000.0, 30_000.0)


def plans(scenario: Scenario) -> dict[str, Any]:
    """Return one row for each plan: its fee, what is included in a month, and the price of what is not."""
    n = len(PLANS)
    return {
        "plan": np.array([*PLANS, PREPAID_PLAN]),
        "monthly_fee": np.array([*scenario.plan_fees, 0.0]),
        "included_minutes": np.array([*_INCLUDED["minutes"], 0.0]),
        "included_sms": np.array([*_INCLUDED["sms"], 0.0]),
        "included_mb": np.array([*_INCLUDED_MB, 0.0]),
        "price_per_minute": np.array([0.25] * n + [0.30]),
        "price_per_sms": np.array([0.10] * n + [0.12]),
        "price_per_mb": np.array([0.02] * n + [0.03]),
    }


def services() -> dict[str, Any]:
    """Return one row for each service: its price and margin per month."""
    place = np.arange(len(SERVICES))
    price = np.round(1.0 + (place * 37 % 23) / 2.0, 2)
    return {"service": np.array(SERVICES), "monthly_price": price, "monthly_margin": np.round(0.55 * price, 2)}
