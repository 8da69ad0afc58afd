"""Call detail records, expanded from the monthly counts: when, with whom, how long, how much.

Calls and messages come in bursts (sessions) on top of a daily and weekly rhythm: a session begins at a time of the
rhythm, and each further record follows the one before by a short exponential gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.calendar import Calendar
from custval._synth.months import Panel
from custval._synth.population import FIRST_ID
from custval._synth.scenario import Scenario
from custval._synth.social import OFF_NET_ID, Contacts
from custval._synth.streams import stream

__all__ = ("DIRECTIONS", "KINDS", "Records", "block_records", "sorted_by_time")

KINDS = ("voice", "sms", "data")
DIRECTIONS = ("out", "in")
# chance that a record follows the one before within the session, and the mean gap in seconds
_BURSTS = {"voice": (0.55, 1200.0), "sms": (0.93, 240.0), "data": (0.30, 1200.0)}
_MISSED = 0.102
_LOG_DURATION = (2.80, 1.69)  # lognormal: median 16 s, p75 50, p90 143, p99 840


@dataclass(slots=True)
class Records:
    """Columns of call detail records; `kind` and `direction` are positions in KINDS and DIRECTIONS."""

    subscriber_id: IntArray
    event_time: IntArray
    kind: IntArray
    direction: IntArray
    other_party: IntArray
    duration_s: FloatArray
    volume_mb: FloatArray
    on_net: BoolArray
    forwarded: BoolArray
    dropped: BoolArray
    roaming: BoolArray
    charge: FloatArray

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def block_records(
    panel: Panel,
    contacts: Contacts,
    departed: IntArray,
    scenario: Scenario,
    calendar: Calendar,
    seed: int,
    block: int,
    first: int,
    month: int,
    trouble: BoolArray,
) -> list[Records]:
    """Return the records of one block in one month, one element for each kind, in the order of subscribers.

    `departed` holds the departure times of the whole world, because a number that moved away is off-net from then on.
    """
    rng, at = stream(seed, "records", block, month), month - 1
    rhythm = calendar.intensity(month)
    parts = []
    for code, kind in enumerate(KINDS):
        who = np.repeat(np.arange(len(panel.cause)), getattr(panel, kind)[:, at])
        time = _times(rng, who, panel.begin[:, at], panel.end[:, at], rhythm, _BURSTS[kind])
        outgoing = rng.random(len(who), dtype=np.float32) < panel.out_share[who, at] if kind != "data" else True
        other = contacts.pick(who, rng.random(len(who))) if kind != "data" else np.zeros(len(who), dtype=np.int64)
        drop = 0.012 * np.where(trouble, scenario.trouble_drops, 1.0)[who]
        volume = _volumes(rng, len(who)) if kind == "data" else np.zeros(len(who))
        parts.append(
            Records(
                subscriber_id=FIRST_ID + first + who,
                event_time=time,
                kind=np.full(len(who), code, dtype=np.int8),
                direction=np.where(outgoing, 0, 1).astype(np.int8) * np.ones(len(who), dtype=np.int8),
                other_party=other,
                duration_s=_durations(rng, len(who), kind),
                volume_mb=volume,
                on_net=_on_net(other, time, departed) if kind != "data" else np.ones(len(who), dtype=bool),
                forwarded=_forwarded(rng, who, panel, month) & (kind == "voice"),
                dropped=rng.random(len(who), dtype=np.float32) < drop if kind != "sms" else np.zeros(len(who), bool),
                roaming=rng.random(len(who), dtype=np.float32) < panel.roaming[who, at],
                charge=_charges(who, volume, panel.overage[:, at]) if kind == "data" else np.zeros(len(who)),
            )
        )
    return parts


def sorted_by_time(parts: list[Records]) -> dict[str, np.ndarray]:
    """Return the columns of `parts` in the order of time; ties keep the order of `parts`."""
    time = np.concatenate([part.event_time for part in parts])
    if not len(time):
        return {name: np.concatenate([getattr(part, name) for part in parts]) for name in Records.__slots__}
    # time and position in one integer: a plain sort, which is several times faster than a stable argsort
    bits = np.int64(len(time)).item().bit_length()
    key = ((time - time.min()) << bits) | np.arange(len(time))
    key.sort()
    order = key & ((1 << bits) - 1)
    return {name: np.concatenate([getattr(part, name) for part in parts])[order] for name in Records.__slots__}


def _times(
    rng: np.random.Generator,
    who: IntArray,
    begin: IntArray,
    end: IntArray,
    rhythm: tuple[FloatArray, FloatArray],
    burst: tuple[float, float],
) -> IntArray:
    """Return the time of each record, in the active span of its subscriber: sessions in the rhythm, then gaps."""
    n = len(who)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    follows, mean_gap = burst
    opens = rng.random(n, dtype=np.float32) >= follows
    opens[0] = True
    opens[1:] |= who[1:] != who[:-1]
    starts = np.flatnonzero(opens)
    hours, share = rhythm
    low, high = np.interp(begin, hours, share), np.interp(end, hours, share)
    owner = who[starts]
    session = np.interp(low[owner] + rng.random(len(starts)) * (high - low)[owner], share, hours)
    gap = rng.standard_exponential(n, dtype=np.float32).astype(np.float64) * mean_gap
    past = np.cumsum(gap)
    length = np.diff(np.append(starts, n))
    time = (np.repeat(session - past[starts], length) + past).astype(np.int64)
    return _inside(time, begin[who], end[who])


def _inside(time: IntArray, begin: IntArray, end: IntArray) -> IntArray:
    """Fold the few records that a session carried past the end of the active span back to its beginning."""
    outside = np.flatnonzero((time > end) | (time < begin))
    time[outside] = begin[outside] + (time[outside] - begin[outside]) % (end[outside] - begin[outside] + 1)
    return time


def _durations(rng: np.random.Generator, n: int, kind: str) -> FloatArray:
    """Return seconds: whole, at least 1 for an answered call, 0 for a missed one, a message or a data session."""
    if kind != "voice":
        return np.zeros(n)
    centre, spread = _LOG_DURATION
    seconds = np.exp(centre + spread * rng.standard_normal(n, dtype=np.float32)).astype(np.float64)
    missed = rng.random(n, dtype=np.float32) < _MISSED
    return np.where(missed, 0.0, np.clip(np.floor(seconds), 1.0, 14_400.0))


def _volumes(rng: np.random.Generator, n: int) -> FloatArray:
    """Return megabytes of data sessions: lognormal with a mean of about 90 MB."""
    return np.exp(3.5 + 1.4 * rng.standard_normal(n, dtype=np.float32)).astype(np.float64).round(3)


def _on_net(other: IntArray, time: IntArray, departed: IntArray) -> BoolArray:
    own = other < OFF_NET_ID
    return own & (time < departed[np.where(own, other - FIRST_ID, 0)])


def _forwarded(rng: np.random.Generator, who: IntArray, panel: Panel, month: int) -> BoolArray:
    """Say which records were forwarded: rare, and more of them once a second SIM takes the calls."""
    eroding = (panel.erosion_month > 0) & (panel.erosion_month <= month)
    return rng.random(len(who), dtype=np.float32) < np.where(eroding, 0.08, 0.015)[who]


def _charges(who: IntArray, volume: FloatArray, overage: FloatArray) -> FloatArray:
    """Share the month's overage among a subscriber's data sessions by volume, so that records add up to the bill."""
    total = np.bincount(who, weights=volume, minlength=len(overage))
    price = np.divide(overage, total, out=np.zeros(len(overage)), where=total > 0)
    return price[who] * volume
