"""A cross-sell offer made twice: to customers drawn by lot, and to customers whom agents picked.

What the offer does to each customer is known: the chance to buy with it and without it. Some buy less because of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.block import Block
from custval._synth.calendar import DAY
from custval._synth.months import NEVER, campaign_month
from custval._synth.population import FIRST_ID

__all__ = ("OfferTruth", "offer_truth", "offers")


@dataclass(frozen=True, slots=True)
class OfferTruth:
    """One element for each customer of a block who was in the offer's two arms."""

    who: IntArray
    randomised: BoolArray
    propensity: FloatArray
    treated: BoolArray
    buys_without: FloatArray
    buys_with: FloatArray
    bought: BoolArray
    spend: FloatArray


def offer_truth(block: Block) -> OfferTruth:
    """Draw who got the offer, and who bought; the confounded half was picked by what also makes people buy."""
    setting, people, panel = block.setting, block.people, block.panel
    scenario, month = setting.scenario, campaign_month(setting.months)
    there = (people.activation_month < month) & ((panel.departed == NEVER) | (panel.departure_month > month))
    who = np.flatnonzero(there & (month > 0))
    rng = setting.stream("offers", block.index)
    n = len(who)
    randomised = rng.random(n) < 0.5
    taste = np.log(people.data_taste[who] + 1e-9)
    heavy, young = np.log(people.activity[who] + 1e-9), (people.age[who] < 35).astype(np.float64)
    picked = 1.0 / (1.0 + np.exp(-(-0.4 + 1.2 * taste + 0.8 * heavy + 0.4 * young)))
    propensity = np.where(randomised, 0.5, np.clip(picked, 0.03, 0.97))
    treated = rng.random(n) < propensity
    effect = scenario.offer_effect_mean - 0.6 * people.price_sensitivity[who] + 0.3 * young
    effect = effect + scenario.offer_effect_spread * rng.standard_normal(n)
    base = -2.2 + 0.9 * taste + 0.5 * heavy
    without, offered = 1.0 / (1.0 + np.exp(-base)), 1.0 / (1.0 + np.exp(-base - effect))
    bought = rng.random(n) < np.where(treated, offered, without)
    spend = np.where(bought, rng.gamma(4.0, 3.0, n), 0.0).round(2)
    return OfferTruth(who, randomised, propensity, treated, without, offered, bought, spend)


def offers(block: Block) -> dict[str, Any]:
    """Return one row for each customer of the cross-sell offer; empty in worlds shorter than 6 months."""
    truth = offer_truth(block)
    opens = int(block.setting.calendar.month_start(max(campaign_month(block.setting.months), 1)))
    return {
        "subscriber_id": FIRST_ID + block.first + truth.who,
        "event_time": opens + 9 * 3600 + (truth.who * 6271) % (5 * DAY // 6),
        "design": np.where(truth.randomised, "randomised", "confounded"),
        "treated": truth.treated,
        "offer": np.where(truth.treated, "data_pack", "none"),
        "bought": truth.bought,
        "spend": truth.spend,
    }
