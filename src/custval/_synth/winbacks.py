"""Winning back those who left: whom we called, who came back, and as which new subscriber.

One who comes back is a newcomer of the same block under a new number, so that all records of the second life are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.block import Block
from custval._synth.calendar import DAY
from custval._synth.population import FIRST_ID

__all__ = ("WinbackTruth", "winback_truth", "winbacks")


@dataclass(frozen=True, slots=True)
class WinbackTruth:
    """One element for each contract customer who left by own will, in the order of leaving.

    `chance` is that of wanting back with the offer made or not made; `new` is the place of the second life, -1 where
    there is none (yet).
    """

    who: IntArray
    offered: BoolArray
    chance: FloatArray
    new: IntArray


def winback_truth(block: Block) -> WinbackTruth:
    """Draw offers by lot and who comes back one to four months later, while newcomers of the block are free."""
    setting, people, panel = block.setting, block.people, block.panel
    scenario, rng = setting.scenario, setting.stream("winbacks", block.index)
    who = np.flatnonzero((panel.cause == 1) & ~people.prepaid)
    who = who[np.lexsort((who, panel.departed[who]))]
    n = len(who)
    offered = rng.random(n) < 0.5
    base = np.clip(scenario.winback_probability, 1e-9, 1 - 1e-9)
    odds = np.log(base / (1 - base)) + scenario.winback_effect * offered + 0.3 * people.price_sensitivity[who]
    chance = 1.0 / (1.0 + np.exp(-odds))
    wants = rng.random(n) < chance
    month = panel.departure_month[who] + rng.integers(2, 6, n)
    free = {m: np.flatnonzero((people.activation_month == m) & ~people.prepaid).tolist() for m in set(month.tolist())}
    new = np.full(n, -1)
    for place in np.flatnonzero(wants & (month <= setting.months)).tolist():
        newcomers = free[int(month[place])]
        if newcomers:
            new[place] = newcomers.pop(0)
    return WinbackTruth(who, offered, chance, new)


def winbacks(block: Block) -> dict[str, Any]:
    """Return one row for each who left by own will more than a month before the end: the offer and the return."""
    truth, panel, calendar = winback_truth(block), block.panel, block.setting.calendar
    asked = panel.departed[truth.who] + 30 * DAY
    seen = asked <= int(calendar.month_end(block.setting.months))
    who, new = truth.who[seen], truth.new[seen]
    back = new >= 0
    return {
        "subscriber_id": FIRST_ID + block.first + who,
        "event_time": asked[seen],
        "treated": truth.offered[seen],
        "offer": np.where(truth.offered[seen], "welcome_back", "none"),
        "returned": back,
        "new_subscriber_id": np.where(back, FIRST_ID + block.first + new, -1),
        "return_time": np.where(back, panel.activated[np.maximum(new, 0)], -1),
    }
