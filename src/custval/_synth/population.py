"""Who the subscribers are: contracts, plans, fees, tenure before the window, and what no operator can see."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.scenario import Scenario
from custval._synth.setting import Setting

__all__ = ("BRANDS", "FIRST_ID", "PLANS", "PREPAID_PLAN", "REGIONS", "Population", "draw_population", "join_blocks")

FIRST_ID = 1_000_001
REGIONS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "centre")
BRANDS = ("main", "value", "youth")
PLANS = ("lite", "start", "plus", "max", "ultra")
PREPAID_PLAN = "pay as you go"


@dataclass(frozen=True, slots=True)
class Population:
    """Arrays with one element for each subscriber; months count from the first month of the window (1).

    `activation_month` <= 0 means before the window. The latent columns (satisfaction, price_sensitivity,
    credit_risk: standard normal; treatment: log-odds; top-ups per month and their mean amount, 0 without prepaid) are
    truth that no table shows. `company` is the number of the company in the block, -1 for private customers.
    """

    activation_month: IntArray
    activation_share: FloatArray
    contract: IntArray
    term: IntArray
    end_month: IntArray
    plan: IntArray
    brand: IntArray
    region: IntArray
    community: IntArray
    account: IntArray
    age: IntArray
    paperless: BoolArray
    autopay: BoolArray
    monthly_fee: FloatArray
    satisfaction: FloatArray
    price_sensitivity: FloatArray
    credit_risk: FloatArray
    treatment: FloatArray
    activity: FloatArray
    data_taste: FloatArray
    text_taste: FloatArray
    out_share: FloatArray
    prepaid: BoolArray
    topup_rate: FloatArray
    topup_mean: FloatArray
    company: IntArray

    def __len__(self) -> int:
        """Return the number of subscribers."""
        return len(self.contract)


def draw_population(setting: Setting, block: int, first: int, last: int) -> Population:
    """Draw the subscribers `first` to `last` (exclusive) of a world."""
    rng, n, scenario = setting.stream("population", block), last - first, setting.scenario
    contract = rng.choice(3, n, p=scenario.contract_shares)
    term = np.array([0, 12, 24])[contract]
    activation = _activation_months(rng, scenario, contract, setting.months)
    community, region = _communities(rng, scenario, n)
    satisfaction, price, credit = rng.standard_normal((3, n))
    age = np.clip(rng.normal(*scenario.age_mean_sd, n).round(), 18, 92).astype(np.int64)
    plan = rng.choice(len(PLANS), n, p=scenario.plan_shares)
    autopay = rng.random(n) < scenario.autopay_share
    activity = np.exp(scenario.activity_spread * rng.standard_normal(n) - scenario.activity_spread**2 / 2)
    prepaid, topup_rate, topup_mean = _prepaid(setting, block, contract)
    company = _companies(setting, block, n)
    return Population(
        activation_month=activation,
        activation_share=rng.random(n),
        contract=contract,
        term=term,
        end_month=_first_end(activation, term),
        plan=plan,
        brand=rng.choice(3, n, p=scenario.brand_shares),
        region=region,
        community=community,
        account=first + _with_companies(_accounts(rng, scenario, n), company),
        age=age,
        paperless=rng.random(n) < scenario.paperless_share,
        autopay=autopay,
        monthly_fee=np.round(np.array(scenario.plan_fees)[plan] * rng.uniform(0.9, 1.1, n), 2),
        satisfaction=satisfaction,
        price_sensitivity=price,
        credit_risk=credit,
        treatment=_treatment(rng, scenario, price, autopay),
        activity=activity,
        data_taste=np.exp(_centred(rng, scenario.data_taste_spread, n) - 0.012 * (age - 45)),
        text_taste=np.exp(_centred(rng, scenario.text_taste_spread, n)),
        out_share=rng.beta(*scenario.outgoing_beta, n),
        prepaid=prepaid,
        topup_rate=topup_rate,
        topup_mean=topup_mean,
        company=company,
    )


def join_blocks(parts: list[Population]) -> Population:
    """Return the population of several blocks as one."""
    names = [field.name for field in fields(Population)]
    return Population(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _activation_months(rng: np.random.Generator, scenario: Scenario, contract: IntArray, months: int) -> IntArray:
    """Return activation months: some join during the window, the others stayed an exponential time before it."""
    before = rng.exponential(np.array(scenario.mean_tenure_months)[contract])
    newcomer = rng.random(len(contract)) < scenario.newcomer_share
    joined = rng.integers(1, months + 1, len(contract))
    return np.where(newcomer, joined, -np.floor(np.minimum(before, 180.0)).astype(np.int64))


def _first_end(activation: IntArray, term: IntArray) -> IntArray:
    """Return the month in which the term that runs at the start (or at activation) ends; 0 without a term.

    Terms roll over by their own length, so nothing about a later renewal stands in the table.
    """
    length = np.maximum(term, 1)
    begun = np.maximum(activation, 0) - activation  # months already served when the window opens
    end = activation + length * (begun // length + 1)
    return np.where(term > 0, end, 0)


def _communities(rng: np.random.Generator, scenario: Scenario, n: int) -> tuple[IntArray, IntArray]:
    """Return community and region of each subscriber: neighbours share both, sizes are heavy-tailed."""
    least = max(scenario.community_size_rate, 2.0)
    tail = rng.pareto(scenario.community_tail, int(n // least) + 1)
    sizes = np.minimum(least + np.floor(least * tail), 20 * least).astype(np.int64)
    community = np.repeat(np.arange(len(sizes)), sizes)[:n]
    regions = rng.integers(0, len(REGIONS), len(sizes))
    return community, regions[community]


def _accounts(rng: np.random.Generator, scenario: Scenario, n: int) -> IntArray:
    """Return the position of the account holder: some subscribers share their neighbour's account."""
    holder = rng.random(n) >= scenario.account_sharing_share
    holder[0] = True
    return np.maximum.accumulate(np.where(holder, np.arange(n), 0))


def _treatment(rng: np.random.Generator, scenario: Scenario, price: FloatArray, autopay: BoolArray) -> FloatArray:
    """Return the change of the log-odds of leaving by a save offer: most stay, sleeping dogs are woken."""
    mean = scenario.treatment_mean - 0.35 * price + 0.45 * (autopay - 0.45)
    return mean + scenario.treatment_spread * rng.standard_normal(len(price))


def _centred(rng: np.random.Generator, spread: float, n: int) -> FloatArray:
    """Return the logarithm of a lognormal taste with mean 1."""
    log: FloatArray = spread * rng.standard_normal(n) - spread**2 / 2
    return log


def _prepaid(setting: Setting, block: int, contract: IntArray) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Return who is prepaid, their top-ups per month (gamma) and mean amount (gamma-gamma model); 0 for the others."""
    rng, scenario, n = setting.stream("prepaid", block), setting.scenario, len(contract)
    prepaid = (contract == 0) & (rng.random(n) < scenario.prepaid_share)
    rate = rng.gamma(scenario.topup_rate_shape, scenario.topup_rate_mean / scenario.topup_rate_shape, n)
    p, q, scale = scenario.topup_amount_gamma
    mean = p * scale / np.maximum(rng.gamma(q, 1.0, n), 1e-9)
    return prepaid, np.where(prepaid, np.maximum(rate, 1e-6), 0.0), np.where(prepaid, mean, 0.0)


def _companies(setting: Setting, block: int, n: int) -> IntArray:
    """Return the company of each subscriber, -1 without one: employees stand side by side, like communities."""
    if "group churn" not in setting.behaviours:
        return np.full(n, -1)
    rng, scenario = setting.stream("companies", block), setting.scenario
    company = np.full(n, -1)
    many = int(n * scenario.company_share / (3.0 + scenario.company_size_rate))
    sizes = 3 + rng.poisson(scenario.company_size_rate, many)
    begin = np.sort(rng.integers(0, n, len(sizes)))
    for number, (low, size) in enumerate(zip(begin.tolist(), sizes.tolist(), strict=True)):
        company[low : min(low + size, n)] = number
    return _large_enough(company)


def _large_enough(company: IntArray) -> IntArray:
    """Return the companies renumbered from 0; those that a neighbour left with fewer than three members are none."""
    size = np.bincount(company + 1)
    kept = np.where((company >= 0) & (size[company + 1] >= 3), company, -1)
    names = np.unique(kept[kept >= 0])
    return np.where(kept >= 0, np.searchsorted(names, kept), -1)


def _with_companies(account: IntArray, company: IntArray) -> IntArray:
    """Return accounts with one for each company, held by its first member."""
    members = np.flatnonzero(company >= 0)
    if not len(members):
        return account
    names, first = np.unique(company[members], return_index=True)
    account = account.copy()
    account[members] = members[first][np.searchsorted(names, company[members])]
    return account
