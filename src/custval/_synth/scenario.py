"""Every number of a world in one place: what is common, and what each named scenario changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.validation import check_choice, check_scalar, nearest

__all__ = ("BEHAVIOURS", "CAUSES", "CONTRACTS", "COVARIATES", "SCENARIOS", "Scenario", "adjusted", "chosen_behaviours")

CAUSES = ("voluntary", "involuntary", "transfer", "incidental")
CONTRACTS = ("month-to-month", "one year", "two years")

# What customers do to each other, and what makes a world harder to read; each can be asked for by name.
BEHAVIOURS = ("group churn", "contagion", "two-sided records", "confounded campaign", "adoption order")

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
    "departed_tie",
)

_HAZARD = {
    "voluntary": (-4.09, -2.45, -4.25, -0.25, 1.6, 0.55, 1.2, 0.3, 2.6, -0.3, 0.3, 0.35, 0.693),
    "involuntary": (-7.0, -2.0, -3.6, -0.2, 0.0, 0.0, 0.3, 2.6, 0.0, -0.8, 0.0, 0.0, 0.0),
    "transfer": (-7.2, -2.0, -3.4, -0.1, 1.2, 0.1, 0.3, 0.0, 0.4, 0.0, 0.4, 0.0, 0.0),
    "incidental": (-7.45, -1.9, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
_HOURS = (10, 6, 4, 3, 4, 7, 16, 36, 54, 62, 68, 76, 82, 74, 68, 70, 78, 88, 80, 64, 50, 40, 30, 18)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The parameters of a market; rates are per subscriber and month unless the name says otherwise.

    `hazard` holds, for each cause, the coefficients of `COVARIATES` in a multinomial logit against staying.
    """

    # who the customers are
    contract_shares: tuple[float, ...] = (0.55, 0.21, 0.24)
    newcomer_share: float = 0.15
    mean_tenure_months: tuple[float, ...] = (24.0, 42.0, 55.0)
    plan_fees: tuple[float, ...] = (19.0, 32.0, 48.0, 66.0, 88.0)
    plan_shares: tuple[float, ...] = (0.17, 0.24, 0.28, 0.20, 0.11)
    brand_shares: tuple[float, ...] = (0.7, 0.2, 0.1)
    age_mean_sd: tuple[float, float] = (45.0, 16.0)
    autopay_share: float = 0.45
    paperless_share: float = 0.6
    account_sharing_share: float = 0.25
    activity_spread: float = 0.7
    data_taste_spread: float = 0.5
    text_taste_spread: float = 0.9
    outgoing_beta: tuple[float, float] = (12.0, 11.0)
    # leaving
    churn_scale: float = 1.0
    hazard: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(_HAZARD))
    # service and network
    complaint_rate: float = 0.05
    enquiry_rate: float = 0.12
    trouble_rate: float = 0.05
    trouble_drops: float = 4.0
    # silent erosion: a second SIM
    erosion_rate: float = 0.008
    erosion_pace: float = 0.72
    erosion_floor: float = 0.15
    # money
    overage_probability: float = 0.16
    overage_gamma: tuple[float, float] = (1.3, 0.22)
    unpaid_probability: float = 0.022
    late_probability: float = 0.12
    late_days: float = 21.0
    cost_per_off_net_call: float = 0.05
    interconnect_share: float = 0.04
    base_cost: float = 4.0
    cost_share: float = 0.10
    complaint_cost: float = 6.0
    enquiry_cost: float = 1.5
    # prepaid: of the month-to-month customers
    prepaid_share: float = 0.0
    topup_rate_mean: float = 1.5
    topup_rate_shape: float = 1.6
    topup_amount_gamma: tuple[float, float, float] = (6.0, 4.0, 15.0)  # p, q, gamma of the gamma-gamma model
    # offers
    treatment_mean: float = -0.55
    treatment_spread: float = 0.35
    offer_effect_mean: float = 0.6
    offer_effect_spread: float = 0.7
    winback_probability: float = 0.10
    winback_effect: float = 0.8
    # records
    record_shares: tuple[float, float, float] = (0.5, 0.2, 0.3)  # voice, sms, data
    voice_burst: tuple[float, float] = (0.55, 1200.0)  # chance that one follows another, mean gap in seconds
    sms_burst: tuple[float, float] = (0.93, 240.0)
    data_burst: tuple[float, float] = (0.30, 1200.0)
    missed_probability: float = 0.102
    dropped_probability: float = 0.012
    log_duration: tuple[float, float] = (2.80, 1.69)  # lognormal: median 16 s, p75 50, p90 143, p99 840
    log_volume: tuple[float, float] = (3.5, 1.4)
    forwarded_probability: float = 0.015
    forwarded_eroding_probability: float = 0.08
    roaming_probability: float = 0.06
    roaming_range: tuple[float, float] = (0.1, 0.6)
    weekday_profile: tuple[float, ...] = (1.02, 1.02, 1.04, 1.06, 1.14, 0.95, 0.77)  # Monday to Sunday
    hour_profile: tuple[float, ...] = _HOURS
    # whom they talk with
    degree_scale: float = 6.0
    degree_tail: float = 2.3
    community_size_rate: float = 12.0
    community_tail: float = 1.8
    near_share: float = 0.38
    far_share: float = 0.10
    favourite_power: float = 2.2
    # services
    bundle_shares: tuple[float, ...] = (0.09, 0.13, 0.10, 0.16, 0.08, 0.12, 0.05)
    bundle_taken_probability: float = 0.7
    bundle_alone_probability: float = 0.04
    single_range: tuple[float, float] = (0.30, 0.03)
    ordered_probability: float = 0.8
    # companies that leave together
    company_share: float = 0.15
    company_size_rate: float = 6.0
    group_event_rate: float = 0.012
    group_leaving_probability: float = 0.85


_MARKET = Scenario()

SCENARIOS = {
    "contract market": _MARKET,
    "prepaid market": replace(
        _MARKET,
        contract_shares=(0.90, 0.06, 0.04),
        prepaid_share=0.85,
        churn_scale=1.6,
        mean_tenure_months=(14.0, 36.0, 48.0),
        newcomer_share=0.35,
    ),
    "price war": replace(_MARKET, churn_scale=1.8, contract_shares=(0.65, 0.20, 0.15), treatment_mean=-0.75),
    "number portability": replace(
        _MARKET,
        churn_scale=1.5,
        hazard={**_HAZARD, "voluntary": (-4.09, -1.9, -3.3, -0.15, 2.2, 0.65, 1.4, 0.3, 2.6, -0.3, 0.45, 0.45, 0.9)},
        group_event_rate=0.03,
        winback_probability=0.16,
    ),
    "network trouble": replace(_MARKET, trouble_rate=0.30, complaint_rate=0.09, trouble_drops=6.0),
    "recession": replace(_MARKET, unpaid_probability=0.045, overage_probability=0.09, erosion_rate=0.014),
}


def chosen_behaviours(behaviours: Any) -> frozenset[str]:
    """Return the behaviours asked for: names, or "all"."""
    if isinstance(behaviours, str):
        behaviours = BEHAVIOURS if behaviours == "all" else (behaviours,)
    for name in behaviours:
        check_choice(name, "behaviours", (*BEHAVIOURS, "all"))
    return frozenset(BEHAVIOURS if "all" in behaviours else behaviours)


def adjusted(scenario: Scenario, parameters: Mapping[str, Any] | None) -> Scenario:
    """Return the scenario with some parameters changed, after a look at their names, shapes and ranges."""
    known = {one.name: getattr(scenario, one.name) for one in fields(Scenario)}
    changed: dict[str, Any] = {}
    for name, value in (parameters or {}).items():
        if name not in known:
            raise InputError(f"there is no parameter {name!r}{nearest(name, known)}; it has {', '.join(known)}")
        changed[name] = _hazard(known[name], value) if name == "hazard" else _checked(name, known[name], value)
    return replace(scenario, **changed)


def _checked(name: str, usual: Any, value: Any) -> float | tuple[float, ...]:
    """Return a parameter of the shape of the usual one, inside its range."""
    low, high = _range(name)
    if not isinstance(usual, tuple):
        return check_scalar(value, name, low=low, high=high)
    row = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value,)
    if len(row) != len(usual):
        raise InputError(f"{name} needs {len(usual)} numbers such as {usual}, not {len(row)}")
    numbers = tuple(check_scalar(one, name, low=low, high=high) for one in row)
    if name in ("contract_shares", "plan_shares", "brand_shares", "record_shares") and abs(sum(numbers) - 1.0) > 1e-9:
        raise InputError(f"{name} must sum to 1, not to {sum(numbers):g}")
    return numbers


def _range(name: str) -> tuple[float, float]:
    """Return the legal range: shares and probabilities within 0..1, effects and logarithms free, the rest >= 0."""
    if name.endswith(("_share", "_shares", "_probability", "_pace", "_floor")):
        return 0.0, 1.0
    if name in ("treatment_mean", "offer_effect_mean", "winback_effect", "log_duration", "log_volume"):
        return -50.0, 50.0
    tiny = name in ("churn_scale", "degree_tail", "community_tail", "topup_rate_shape", "topup_rate_mean")
    return (1e-6 if tiny else 0.0), 1e9


def _hazard(usual: dict[str, tuple[float, ...]], value: Any) -> dict[str, tuple[float, ...]]:
    """Return the coefficients with those of `value` changed: {cause: {covariate: coefficient}}."""
    made = dict(usual)
    for cause, row in dict(value).items():
        check_choice(cause, "hazard", CAUSES)
        named = dict(zip(COVARIATES, usual[cause], strict=True))
        for covariate, number in dict(row).items():
            check_choice(covariate, f"hazard of {cause}", COVARIATES)
            named[covariate] = check_scalar(number, f"hazard of {cause}: {covariate}", low=-50.0, high=50.0)
        made[cause] = tuple(named.values())
    return made
