"""Forty services, what is taken with what, and when: bundles are planted, and their true lifts are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.setting import Setting

__all__ = ("BUNDLES", "SERVICES", "Holdings", "draw_holdings", "planted_rules", "service_rates")

# Bundle services come first, in groups; the second number is the share of subscribers drawn to the bundle.
BUNDLES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("roam_eu", "roam_world", "travel_insurance"), 0.09),
    (("sport_tv", "movie_tv", "tv_box"), 0.13),
    (("family_share", "parental_control", "kids_watch"), 0.10),
    (("cloud_backup", "device_insurance", "antivirus"), 0.16),
    (("gaming_pass", "low_latency", "data_boost"), 0.08),
    (("music_pass", "podcast_plus"), 0.12),
    (("conference_call", "fax_to_mail", "second_number"), 0.05),
)
_SINGLES = (
    *("voicemail", "caller_id", "call_waiting", "call_forwarding", "itemised_bill", "paper_bill", "intl_calls"),
    *("intl_sms", "night_data", "weekend_data", "video_pass", "social_pass", "chat_pass", "hotspot", "smart_home"),
    *("home_alarm", "tracker", "e_sim", "wearable_sim", "ring_tones"),
)
SERVICES = tuple(name for names, _ in BUNDLES for name in names) + _SINGLES
_TAKEN = 0.7  # share of a bundle's services that those drawn to it take
_BUNDLED = len(SERVICES) - len(_SINGLES)
_SINGLE_RATES = np.linspace(0.30, 0.03, len(_SINGLES))
_BUNDLED_RATE = 0.04


@dataclass(frozen=True, slots=True)
class Holdings:
    """One element for each service taken: who, which, and the months of adding and removing (0 = kept)."""

    subscriber: IntArray
    service: IntArray
    added_month: IntArray
    added_share: FloatArray
    removed_month: IntArray


def service_rates() -> FloatArray:
    """Return the chance of each service among subscribers drawn to no bundle, shape (services,)."""
    return np.concatenate([np.full(_BUNDLED, _BUNDLED_RATE), _SINGLE_RATES])


def draw_holdings(setting: Setting, block: int, activation_month: IntArray) -> Holdings:
    """Draw what each subscriber of a block takes, and when; one in five is taken in the window, some are dropped."""
    rng, n, months = setting.stream("services", block), len(activation_month), setting.months
    subscriber, service = np.nonzero(_taken(rng, n))
    joined = activation_month[subscriber]
    window = rng.random(len(service)) < 0.2
    low = np.where(window, np.maximum(joined, 1), joined)
    high = np.where(window, months, np.maximum(joined, 0))
    added = low + np.floor(rng.random(len(service)) * (high - low + 1)).astype(np.int64)
    removed = np.maximum(added, 0) + rng.geometric(0.012, len(service))
    return Holdings(subscriber, service, added, rng.random(len(service)), np.where(removed <= months, removed, 0))


def planted_rules() -> list[dict[str, str | float]]:
    """Return each planted pair with its true support, confidence and lift, in closed form."""
    pairs = [(one, two, share) for names, share in BUNDLES for one, two in permutations(names, 2)]
    return [_rule(one, two, share) for one, two, share in pairs]


def _rule(one: str, two: str, share: float) -> dict[str, str | float]:
    drawn = 1 - (1 - _TAKEN) * (1 - _BUNDLED_RATE)
    single = share * drawn + (1 - share) * _BUNDLED_RATE
    both = share * drawn**2 + (1 - share) * _BUNDLED_RATE**2
    numbers = {"support": both, "confidence": both / single, "lift": both / single**2}
    return {"antecedent": one, "consequent": two, **numbers}


def _taken(rng: np.random.Generator, n: int) -> BoolArray:
    taken = rng.random((n, len(SERVICES))) < service_rates()
    place = 0
    for names, share in BUNDLES:
        drawn = rng.random(n) < share
        taken[:, place : place + len(names)] |= drawn[:, None] & (rng.random((n, len(names))) < _TAKEN)
        place += len(names)
    return taken
