"""Forty services, what is taken with what, and when: bundles are planted, and their true lifts are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.scenario import Scenario
from custval._synth.setting import Setting

__all__ = ("BUNDLES", "SERVICES", "Holdings", "draw_holdings", "planted_rules", "planted_sequences", "service_rates")

# Bundle services come first, in groups, each in the order in which its services are taken up.
BUNDLES: tuple[tuple[str, ...], ...] = (
    ("roam_eu", "roam_world", "travel_insurance"),
    ("sport_tv", "movie_tv", "tv_box"),
    ("family_share", "parental_control", "kids_watch"),
    ("cloud_backup", "device_insurance", "antivirus"),
    ("gaming_pass", "low_latency", "data_boost"),
    ("music_pass", "podcast_plus"),
    ("conference_call", "fax_to_mail", "second_number"),
)
_SINGLES = (
    *("voicemail", "caller_id", "call_waiting", "call_forwarding", "itemised_bill", "paper_bill", "intl_calls"),
    *("intl_sms", "night_data", "weekend_data", "video_pass", "social_pass", "chat_pass", "hotspot", "smart_home"),
    *("home_alarm", "tracker", "e_sim", "wearable_sim", "ring_tones"),
)
SERVICES = tuple(name for names in BUNDLES for name in names) + _SINGLES
_BUNDLED = len(SERVICES) - len(_SINGLES)


@dataclass(frozen=True, slots=True)
class Holdings:
    """One element for each service taken: who, which, and the months of adding and removing (0 = kept)."""

    subscriber: IntArray
    service: IntArray
    added_month: IntArray
    added_share: FloatArray
    removed_month: IntArray


def service_rates(scenario: Scenario) -> FloatArray:
    """Return the chance of each service among subscribers drawn to no bundle, shape (services,)."""
    singles = np.linspace(*scenario.single_range, len(_SINGLES))
    return np.concatenate([np.full(_BUNDLED, scenario.bundle_alone_probability), singles])


def draw_holdings(setting: Setting, block: int, activation_month: IntArray) -> Holdings:
    """Draw what each subscriber of a block takes, and when; one in five is taken in the window, some are dropped."""
    rng, n, months = setting.stream("services", block), len(activation_month), setting.months
    subscriber, service = np.nonzero(_taken(rng, setting.scenario, n))
    joined = activation_month[subscriber]
    window = rng.random(len(service)) < 0.2
    low = np.where(window, np.maximum(joined, 1), joined)
    high = np.where(window, months, np.maximum(joined, 0))
    added = low + np.floor(rng.random(len(service)) * (high - low + 1)).astype(np.int64)
    removed = np.maximum(added, 0) + rng.geometric(0.012, len(service))
    share = rng.random(len(service))
    if "adoption order" in setting.behaviours:
        _put_in_order(rng, setting.scenario.ordered_probability, (subscriber, service), added, share)
        removed = np.maximum(removed, np.maximum(added, 0) + 1)
    return Holdings(subscriber, service, added, share, np.where(removed <= months, removed, 0))


def planted_rules(scenario: Scenario) -> list[dict[str, str | float]]:
    """Return each planted pair with its true support, confidence and lift, in closed form."""
    pairs = [
        (one, two, share)
        for names, share in zip(BUNDLES, scenario.bundle_shares, strict=True)
        for one, two in permutations(names, 2)
    ]
    return [_rule(scenario, one, two, share) for one, two, share in pairs]


def planted_sequences(scenario: Scenario, behaviours: frozenset[str]) -> list[dict[str, str | float]]:
    """Return, for each pair of a bundle in order, P(the first was taken before the second | both are held).

    A holder of several services of a bundle takes them up in its order with the given chance, else in any order.
    """
    chance = scenario.ordered_probability if "adoption order" in behaviours else 0.0
    first = chance + (1.0 - chance) / 2.0
    pairs = [pair for names in BUNDLES for pair in combinations(names, 2)]
    return [{"first": one, "then": two, "probability": first, "lift": first / 0.5} for one, two in pairs]


def _put_in_order(
    rng: np.random.Generator, chance: float, taken: tuple[IntArray, IntArray], added: IntArray, share: FloatArray
) -> None:
    """Sort the times at which a subscriber took the services of one bundle, for most of those who took several."""
    subscriber, service = taken
    bundle = np.repeat(np.arange(len(BUNDLES)), [len(names) for names in BUNDLES])
    rows = np.flatnonzero(service < _BUNDLED)
    key = subscriber[rows] * len(BUNDLES) + bundle[service[rows]]  # rows of one key stand side by side, in its order
    _, inverse = np.unique(key, return_inverse=True)
    ordered = (rng.random(int(inverse.max(initial=-1)) + 1) < chance)[inverse]
    rows, key = rows[ordered], key[ordered]
    sorted_rows = rows[np.lexsort((share[rows], added[rows], key))]
    added[rows], share[rows] = added[sorted_rows], share[sorted_rows]


def _rule(scenario: Scenario, one: str, two: str, share: float) -> dict[str, str | float]:
    taken, alone = scenario.bundle_taken_probability, scenario.bundle_alone_probability
    drawn = 1 - (1 - taken) * (1 - alone)
    single = share * drawn + (1 - share) * alone
    both = share * drawn**2 + (1 - share) * alone**2
    numbers = {"support": both, "confidence": both / max(single, 1e-300), "lift": both / max(single**2, 1e-300)}
    return {"antecedent": one, "consequent": two, **numbers}


def _taken(rng: np.random.Generator, scenario: Scenario, n: int) -> BoolArray:
    taken = rng.random((n, len(SERVICES))) < service_rates(scenario)
    place = 0
    for names, share in zip(BUNDLES, scenario.bundle_shares, strict=True):
        drawn = rng.random(n) < share
        chosen = rng.random((n, len(names))) < scenario.bundle_taken_probability
        taken[:, place : place + len(names)] |= drawn[:, None] & chosen
        place += len(names)
    return taken
