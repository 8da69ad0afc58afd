"""Who the subscribers are: contracts, plans, fees, tenure before the window, and what no operator can see."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.scenario import Scenario
from custval._synth.setting import Setting

__all__ = ("BRANDS", "FIRST_ID", "PLANS", "REGIONS", "Population", "draw_population", "join_blocks")

FIRST_ID = 1_000_001
REGIONS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "centre")
BRANDS = ("main", "value", "youth")
PLANS = ("lite", "start", "plus", "max", "ultra")
_PLAN_FEES = np.array([19.0, 32.0, 48.0, 66.0, 88.0])
_PLAN_SHARES = np.array([0.17, 0.24, 0.28, 0.20, 0.11])


@dataclass(frozen=True, slots=True)
class Population:
    """Arrays with one element for each subscriber; months count from the first month of the window (1).

    `activation_month` <= 0 means before the window. The latent columns (satisfaction, price_sensitivity,
    credit_risk: standard normal; treatment: log-odds) are truth that no table shows.
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

    def __len__(self) -> int:
        """Return the number of subscribers."""
        return len(self.contract)


def draw_population(setting: Setting, block: int, first: int, last: int) -> Population:
    """Draw the subscribers `first` to `last` (exclusive) of a world."""
    rng, n, scenario = setting.stream("population", block), last - first, setting.scenario
    contract = rng.choice(3, n, p=scenario.contract_shares)
    term = np.array([0, 12, 24])[contract]
    activation = _activation_months(rng, scenario, contract, setting.months)
    community, region = _communities(rng, n)
    satisfaction, price, credit = rng.standard_normal((3, n))
    age = np.clip(rng.normal(45, 16, n).round(), 18, 92).astype(np.int64)
    plan = rng.choice(len(PLANS), n, p=_PLAN_SHARES)
    autopay = rng.random(n) < 0.45
    activity = np.exp(0.7 * rng.standard_normal(n) - 0.245)
    return Population(
        activation_month=activation,
        activation_share=rng.random(n),
        contract=contract,
        term=term,
        end_month=_first_end(activation, term),
        plan=plan,
        brand=rng.choice(3, n, p=[0.7, 0.2, 0.1]),
        region=region,
        community=community,
        account=first + _accounts(rng, n),
        age=age,
        paperless=rng.random(n) < 0.6,
        autopay=autopay,
        monthly_fee=np.round(_PLAN_FEES[plan] * rng.uniform(0.9, 1.1, n), 2),
        satisfaction=satisfaction,
        price_sensitivity=price,
        credit_risk=credit,
        treatment=_treatment(rng, scenario, price, autopay),
        activity=activity,
        data_taste=np.exp(0.5 * rng.standard_normal(n) - 0.125 - 0.012 * (age - 45)),
        text_taste=np.exp(0.9 * rng.standard_normal(n) - 0.405),
        out_share=rng.beta(12, 11, n),
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


def _communities(rng: np.random.Generator, n: int) -> tuple[IntArray, IntArray]:
    """Return community and region of each subscriber: neighbours share both, sizes are heavy-tailed."""
    sizes = np.minimum(12 + np.floor(12 * rng.pareto(1.8, n // 12 + 1)), 240).astype(np.int64)
    community = np.repeat(np.arange(len(sizes)), sizes)[:n]
    regions = rng.integers(0, len(REGIONS), len(sizes))
    return community, regions[community]


def _accounts(rng: np.random.Generator, n: int) -> IntArray:
    """Return the position of the account holder: about a quarter of the subscribers share their neighbour's."""
    holder = rng.random(n) >= 0.25
    holder[0] = True
    return np.maximum.accumulate(np.where(holder, np.arange(n), 0))


def _treatment(rng: np.random.Generator, scenario: Scenario, price: FloatArray, autopay: BoolArray) -> FloatArray:
    """Return the change of the log-odds of leaving by a save offer: most stay, sleeping dogs are woken."""
    mean = scenario.treatment_mean - 0.35 * price + 0.45 * (autopay - 0.45)
    return mean + scenario.treatment_spread * rng.standard_normal(len(price))
