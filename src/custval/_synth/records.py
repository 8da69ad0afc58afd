"""Call detail records, expanded from the monthly counts: when, with whom, how long, how much.

Calls and messages come in bursts (sessions) on top of a daily and weekly rhythm: a session begins at a time of the
rhythm, and each further record follows the one before by a short exponential gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.months import Panel
from custval._synth.population import FIRST_ID
from custval._synth.setting import Setting
from custval._synth.social import OFF_NET_ID, Contacts

__all__ = ("DIRECTIONS", "KINDS", "Crowd", "Records", "block_records", "empty_columns", "write_sorted")

KINDS = ("voice", "sms", "data")
DIRECTIONS = ("out", "in")
# chance that a record follows the one before within the session, and the mean gap in seconds
_BURSTS = {"voice": (0.55, 1200.0), "sms": (0.93, 240.0), "data": (0.30, 1200.0)}
_MISSED, _DROPPED = 0.102, 0.012
_LOG_DURATION = (2.80, 1.69)  # lognormal: median 16 s, p75 50, p90 143, p99 840


@dataclass(slots=True)
class Records:
    """Columns of call detail records; `kind` and `direction` are positions in KINDS and DIRECTIONS."""

    subscriber_id: IntArray
    event_time: IntArray
    kind: NDArray[np.int8]
    direction: NDArray[np.int8]
    other_party: IntArray
    duration_s: FloatArray
    volume_mb: FloatArray
    on_net: BoolArray
    forwarded: BoolArray
    dropped: BoolArray
    roaming: BoolArray
    charge: FloatArray


@dataclass(frozen=True, slots=True)
class Crowd:
    """The people of one block as the records see them.

    `departed` holds the departure times of the whole world, because a number that moved away is off-net from then
    on; `trouble` says which region of which subscriber had network trouble in which month, shape (n, months).
    """

    block: int
    first: int
    panel: Panel
    contacts: Contacts
    departed: IntArray
    trouble: BoolArray


def block_records(setting: Setting, crowd: Crowd, month: int) -> list[Records]:
    """Return the records of one block in one month, one element for each kind, in the order of subscribers."""
    rng = setting.stream("records", crowd.block, month)
    return [_records(rng, setting, crowd, month, kind) for kind in KINDS]


def _records(rng: np.random.Generator, setting: Setting, crowd: Crowd, month: int, kind: str) -> Records:
    panel, at, rhythm = crowd.panel, month - 1, setting.calendar.intensity(month)
    who = np.repeat(np.arange(len(panel.cause)), getattr(panel, kind)[:, at])
    n, data = len(who), kind == "data"
    time = _times(rng, who, (panel.begin[:, at], panel.end[:, at]), rhythm, _BURSTS[kind])
    incoming = np.zeros(n, dtype=bool) if data else _chance(rng, 1.0 - panel.out_share[:, at], who)
    other = np.zeros(n, dtype=np.int64) if data else crowd.contacts.pick(who, rng.random(n))
    volume = _volumes(rng, n) if data else np.zeros(n)
    drops = _DROPPED * np.where(crowd.trouble[:, at], setting.scenario.trouble_drops, 1.0)
    return Records(
        subscriber_id=FIRST_ID + crowd.first + who,
        event_time=time,
        kind=np.full(n, KINDS.index(kind), dtype=np.int8),
        direction=incoming.astype(np.int8),
        other_party=other,
        duration_s=_durations(rng, n) if kind == "voice" else np.zeros(n),
        volume_mb=volume,
        on_net=np.ones(n, dtype=bool) if data else _on_net(other, time, crowd.departed),
        forwarded=_chance(rng, _forwarding(panel, month), who) if kind == "voice" else np.zeros(n, dtype=bool),
        dropped=_chance(rng, drops, who) if kind != "sms" else np.zeros(n, dtype=bool),
        roaming=_chance(rng, panel.roaming[:, at], who),
        charge=_charges(who, volume, panel.overage[:, at]) if data else np.zeros(n),
    )


def empty_columns(n: int) -> dict[str, NDArray[Any]]:
    """Return room for `n` records by column, to be filled month by month."""
    kinds = {
        **dict.fromkeys(("subscriber_id", "event_time", "other_party"), "i8"),
        **dict.fromkeys(("duration_s", "volume_mb", "charge"), "f8"),
        **dict.fromkeys(("kind", "direction"), "i1"),
    }
    return {name: np.empty(n, dtype=np.dtype(kinds.get(name, "?"))) for name in Records.__slots__}


def write_sorted(parts: list[Records], columns: dict[str, NDArray[Any]], begin: int) -> None:
    """Write `parts` into `columns` from row `begin` on, in the order of time; ties keep the order of `parts`."""
    time = np.concatenate([part.event_time for part in parts])
    if not len(time):
        return
    # time and position in one integer: a plain sort, which is several times faster than a stable argsort
    bits = len(time).bit_length()
    key = ((time - time.min()) << bits) | np.arange(len(time))
    key.sort()
    order = key & ((1 << bits) - 1)
    for name, column in columns.items():
        values = np.concatenate([getattr(part, name) for part in parts])
        # mode="clip" writes straight into the rows; the default would go through a buffer
        np.take(values, order, out=column[begin : begin + len(time)], mode="clip")


def _times(
    rng: np.random.Generator,
    who: IntArray,
    active: tuple[IntArray, IntArray],
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
    (begin, end), (hours, share) = active, rhythm
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


def _chance(rng: np.random.Generator, probability: FloatArray, who: IntArray) -> BoolArray:
    """Return True for each record with the probability of its subscriber."""
    hit: BoolArray = rng.random(len(who), dtype=np.float32) < probability.astype(np.float32)[who]
    return hit


def _durations(rng: np.random.Generator, n: int) -> FloatArray:
    """Return seconds of calls: whole, at least 1 where answered, 0 where missed."""
    centre, spread = _LOG_DURATION
    seconds = np.exp(centre + spread * rng.standard_normal(n, dtype=np.float32)).astype(np.float64)
    missed = rng.random(n, dtype=np.float32) < _MISSED
    return np.where(missed, 0.0, np.clip(np.floor(seconds), 1.0, 14_400.0))


def _volumes(rng: np.random.Generator, n: int) -> FloatArray:
    """Return megabytes of data sessions: lognormal with a mean of about 90 MB."""
    volume = np.exp(3.5 + 1.4 * rng.standard_normal(n, dtype=np.float32))
    return np.asarray(volume, dtype=np.float64).round(3)


def _on_net(other: IntArray, time: IntArray, departed: IntArray) -> BoolArray:
    own = other < OFF_NET_ID
    on_net: BoolArray = own & (time < departed[np.where(own, other - FIRST_ID, 0)])
    return on_net


def _forwarding(panel: Panel, month: int) -> FloatArray:
    """Return the share of calls forwarded: small, and more once a second SIM takes the calls."""
    eroding = (panel.erosion_month > 0) & (panel.erosion_month <= month)
    return np.where(eroding, 0.08, 0.015)


def _charges(who: IntArray, volume: FloatArray, overage: FloatArray) -> FloatArray:
    """Share the month's overage among a subscriber's data sessions by volume, so that records add up to the bill."""
    total = np.bincount(who, weights=volume, minlength=len(overage))
    price = np.divide(overage, total, out=np.zeros(len(overage)), where=total > 0)
    charge: FloatArray = price[who] * volume
    return charge
