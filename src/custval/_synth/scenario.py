"""Every number of a world in one place: what is common, and what each named scenario changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

__all__ = ("CAUSES", "CONTRACTS", "COVARIATES", "SCENARIOS", "Scenario")

CAUSES = ("voluntary", "involuntary", "transfer", "incidental")
CONTRACTS = ("month-to-month", "one year", "two years")

# What the monthly hazard looks at: everything is known at the end of the month before.
COVARIATES = (
    "intercept",
    "one_year",
    "two_years",
    "log_tenure",
    "contract_ending",
    "complaints",
    "bill_shock",
    "arrears",
    "usage_decline",
    "autopay",
    "price_sensitivity",
    "dissatisfaction",
)

_HAZARD = {
    "voluntary": (-4.09, -2.45, -4.25, -0.25, 1.6, 0.55, 1.2, 0.3, 2.6, -0.3, 0.3, 0.35),
    "involuntary": (-7.0, -2.0, -3.6, -0.2, 0.0, 0.0, 0.3, 2.6, 0.0, -0.8, 0.0, 0.0),
    "transfer": (-7.2, -2.0, -3.4, -0.1, 1.2, 0.1, 0.3, 0.0, 0.4, 0.0, 0.4, 0.0),
    "incidental": (-7.45, -1.9, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """The parameters of a market; rates are per subscriber and month unless the name says otherwise.

    `hazard` holds, for each cause, the coefficients of `COVARIATES` in a multinomial logit against staying.
    """

    contract_shares: tuple[float, float, float] = (0.55, 0.21, 0.24)
    newcomer_share: float = 0.15
    mean_tenure_months: tuple[float, float, float] = (24.0, 42.0, 55.0)
    churn_scale: float = 1.0
    complaint_rate: float = 0.05
    enquiry_rate: float = 0.12
    trouble_rate: float = 0.05
    trouble_drops: float = 4.0
    erosion_rate: float = 0.008
    erosion_pace: float = 0.72
    erosion_floor: float = 0.15
    overage_probability: float = 0.16
    unpaid_probability: float = 0.022
    treatment_mean: float = -0.55
    treatment_spread: float = 0.35
    hazard: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(_HAZARD))


_MARKET = Scenario()

SCENARIOS = {
    "contract market": _MARKET,
    "price war": replace(_MARKET, churn_scale=1.8, contract_shares=(0.65, 0.20, 0.15), treatment_mean=-0.75),
    "network trouble": replace(_MARKET, trouble_rate=0.30, complaint_rate=0.09, trouble_drops=6.0),
    "recession": replace(_MARKET, unpaid_probability=0.045, overage_probability=0.09, erosion_rate=0.014),
}
