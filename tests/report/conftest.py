"""An analysis made by hand, so that the page can be tested without the pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from custval.pipeline import (
    Analysis,
    Base,
    Method,
    Note,
    PlanSummary,
    QuadrantPoints,
    Reading,
    ValueSummary,
)
from custval.segments import lorenz_curve
from custval.survival import aalen_johansen, kaplan_meier, survival_target

CAUSES = ("voluntary", "involuntary", "transfer")
NAMES = ("Loyal core", "Valuable, fully sold", "Room to grow", "Low value")
STRATEGIES = (
    "Protect: personal contact before the contract ends",
    "Keep: reward loyalty, do not discount",
    "Grow: offer the next service",
    "Serve at low cost",
)


def survival_curves() -> Any:
    """Kaplan-Meier by contract, from simulated months."""
    rng = np.random.default_rng(4)
    names = np.repeat(["Month-to-month", "One year", "Two year"], 900)
    rate = np.repeat([0.028, 0.006, 0.0012], 900)
    left = np.ceil(rng.exponential(1 / rate))
    y = survival_target(np.minimum(left, 72), left <= 72)
    return kaplan_meier(y, groups=names)


def incidence_curve() -> Any:
    """Aalen-Johansen with three causes, from simulated months."""
    rng = np.random.default_rng(5)
    left = np.ceil(rng.exponential(1 / 0.0093, 2700))
    cause = rng.choice([1, 2, 3], 2700, p=[0.65, 0.23, 0.12])
    y = survival_target(np.minimum(left, 72), np.where(left <= 72, cause, 0), causes=CAUSES)
    return aalen_johansen(y)


def value_summary(rng: np.random.Generator) -> ValueSummary:
    sample = rng.gamma(2.2, 620.0, 5174) - 90
    curve = lorenz_curve(sample)
    return ValueSummary(
        total=float(sample.sum()),
        lower=float(sample.sum()) * 0.968,
        upper=float(sample.sum()) * 1.031,
        mean=float(sample.mean()),
        horizon_months=36,
        monthly_discount=0.01,
        currency="$",
        negative=int((sample < 0).sum()),
        sample=sample,
        lorenz=curve,
        top_share=float(1 - np.interp(0.8, curve.share_of_customers, curve.share_of_value)),
        by_cause={"voluntary": 812_400.0, "involuntary": 301_870.0, "transfer": 129_300.0},
    )


def quadrant_points(rng: np.random.Generator, sample: NDArray[Any]) -> QuadrantPoints:
    current = sample[:2000]
    potential = rng.gamma(1.6, 90.0, 2000) + 0.02 * current
    cuts = float(np.median(current)), float(np.median(potential))
    quadrant = 2 * (current < cuts[0]) + (potential < cuts[1])
    return QuadrantPoints(
        current,
        potential,
        quadrant.astype(np.int64),
        NAMES,
        *cuts,
        "Current value over 36 months",
        "Potential value: services not yet taken",
    )


def quadrant_table(points: QuadrantPoints) -> pd.DataFrame:
    heads = np.bincount(points.quadrant, minlength=4) * 5174 // 2000
    value = np.array([3_020_000.0, 2_410_000.0, 720_000.0, 550_400.0])
    return pd.DataFrame(
        {
            "quadrant": NAMES,
            "strategy": STRATEGIES,
            "customers": heads,
            "share_of_customers": heads / heads.sum(),
            "current_value": value * 0.8,
            "potential_value": [290_000.0, 81_000.0, 260_000.0, 72_000.0],
            "lifetime_value": value,
            "share_of_value": value / value.sum(),
            "p_leave_3m": [0.031, 0.028, 0.112, 0.127],
            "value_at_risk": [101_000.0, 64_200.0, 88_300.0, 71_050.0],
        }
    )


def customers(rng: np.random.Generator, sample: NDArray[Any]) -> pd.DataFrame:
    n = len(sample)
    reasons = np.array(
        [
            "month-to-month contract",
            "fibre without tech support",
            "pays by electronic check",
            "3 months with us",
            "no online security",
        ]
    )
    return pd.DataFrame(
        {
            "customer_id": [f"{i * 7919 % 9999:04d}-{chr(65 + i % 26)}{chr(65 + i // 26 % 26)}KQP" for i in range(n)],
            "p_leave_3m": np.sort(rng.beta(1.2, 14, n))[::-1],
            "p_leave_3m_voluntary": 0.03,
            "expected_months": rng.uniform(8, 36, n),
            "lifetime_value": sample,
            "lifetime_value_lower": sample - 100,
            "lifetime_value_upper": sample + 100,
            "quadrant": "Loyal core",
            "strategy": "Protect",
            "reason_1": reasons[rng.integers(0, 5, n)],
            "reason_2": reasons[rng.integers(0, 5, n)],
            "reason_3": [None if i % 3 else "paperless billing" for i in range(n)],
        }
    )


def plan(rows: pd.DataFrame) -> pd.DataFrame:
    head = rows.head(200)
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(head) + 1),
            "customer_id": head["customer_id"].to_numpy(),
            "offer": "10% off for 6 months",
            "cost": 21.0,
            "expected_profit": np.linspace(188.2, 12.4, len(head)),
            "std_error": np.linspace(41.0, 6.0, len(head)),
            "reason_1": head["reason_1"].to_numpy(),
        }
    )


def rules() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "antecedent": ["StreamingMovies + TechSupport", "OnlineBackup", "DeviceProtection", "MultipleLines"],
            "consequent": ["StreamingTV", "DeviceProtection", "TechSupport", "StreamingMovies"],
            "count": [1055, 1410, 1221, 1638],
            "support": [0.1498, 0.2002, 0.1734, 0.2326],
            "confidence": [0.8132, 0.5804, 0.5041, 0.5512],
            "lift": [2.115, 1.688, 1.737, 1.421],
            "p_adjusted": [1e-40, 2e-22, 4e-9, 0.0312],
        }
    )


def make_analysis(**changes: Any) -> Analysis:
    """Return an analysis with realistic numbers; `changes` replaces fields."""
    rng = np.random.default_rng(20)
    value = value_summary(rng)
    points = quadrant_points(rng, value.sample)
    rows = customers(rng, value.sample)
    whole = Analysis(
        title="ibm_telco_churn.csv",
        headline=(("World", "7,043 customers"), ("Seconds", "4.2")),
        base=Base(
            customers=7043,
            active=5174,
            left=1869,
            left_by_cause={"voluntary": 1282, "involuntary": 391, "transfer": 196},
            monthly_rate_by_cause={"voluntary": 0.0056, "involuntary": 0.0017, "transfer": 0.00086},
            time_unit="month",
        ),
        reading=Reading(
            "The whole tenure was read as follow-up: each customer was at risk from the day of joining.",
            None,
            0.00817,
            (("Departures counted in the last month only", 0.2654), ("Departures counted over 12 months", 0.0249)),
        ),
        group="Contract",
        survival=survival_curves(),
        survival_from=0.0,
        incidence=incidence_curve(),
        incidence_from=0.0,
        incidence_by_group=None,
        model=None,  # type: ignore[arg-type]
        customers=rows,
        customers_total=5174,
        expected_leavers=412.0,
        value=value,
        quadrants=quadrant_table(points),
        quadrant_points=points,
        rules=rules(),
        baskets=7043,
        plan=plan(rows),
        plan_summary=PlanSummary(
            200,
            4200.0,
            20_061.0,
            2_310.0,
            5000.0,
            "expected profit",
            "200 customers are worth contacting within a budget of $5,000: each has an expected profit above zero.",
        ),
        notes=(
            Note("TotalCharges", 11, "blank; not used by the model, kept as missing"),
            Note("tenure", 11, "tenure 0: joined this month, read as half a month at risk"),
            Note("services", 1526, "“No internet service” read as not held"),
        ),
        methods=(
            Method(
                "Chance of leaving",
                "Discrete-time logit hazard with competing causes, fitted on customer-months; ridge penalty 1.",
            ),
            Method(
                "Value", "Monthly margin times survival, discounted at 1% a month over 36 months, end-of-month timing."
            ),
            Method("Quadrants", "Cuts at the medians of current and potential value."),
            Method("Rules", "Frequent itemsets above 5% support; Fisher’s exact test, adjusted by Holm’s method."),
            Method("Contact list", "Save rate × value at risk − cost, ranked, within the budget."),
        ),
        seconds=4.21,
        peak_memory_mb=312.0,
        customer_table=None,  # type: ignore[arg-type]
    )
    return replace(whole, **changes)


@pytest.fixture(scope="session")
def analysis() -> Analysis:
    return make_analysis()


@pytest.fixture(scope="session")
def make() -> Any:
    return make_analysis
