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
from custval._synth.block import Block
from custval._synth.months import moving_away, network_trouble
from custval._synth.population import FIRST_ID
from custval._synth.scenario import Scenario
from custval._synth.social import OFF_NET_ID

__all__ = ("DIRECTIONS", "KINDS", "Numbers", "Records", "block_month", "block_records", "empty_columns", "write_sorted")

KINDS = ("voice", "sms", "data")
DIRECTIONS = ("out", "in")


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
class Numbers:
    """From when to when each number of the whole world belongs to a subscriber: moved away, it is off-net."""

    activated: IntArray
    departed: IntArray

    def on_net(self, other: IntArray, time: IntArray) -> BoolArray:
        """Say which numbers had not left at `time`."""
        own = other < OFF_NET_ID
        still: BoolArray = own & (time < self.departed[np.where(own, other - FIRST_ID, 0)])
        return still

    def reached(self, other: IntArray, time: IntArray) -> BoolArray:
        """Say which numbers belonged to a subscriber at `time`, so that the other side has a record too."""
        own = other < OFF_NET_ID
        place = np.where(own, other - FIRST_ID, 0)
        there: BoolArray = own & (time >= self.activated[place]) & (time < self.departed[place])
        return there


def block_records(block: Block, numbers: Numbers, month: int) -> list[Records]:
    """Return the records of one block in one month, one element for each kind, in the order of subscribers.

    With two-sided records each answer of another subscriber follows as a further element.
    """
    rng = block.setting.stream("records", block.index, month)
    parts = [_records(rng, block, numbers, month, kind) for kind in KINDS]
    if "two-sided records" not in block.setting.behaviours:
        return parts
    return [side for part in parts for side in _both_sides(part, numbers)]


def block_month(block: Block, numbers: Numbers, month: int) -> dict[str, NDArray[Any]]:
    """Return the columns of one block in one month, in the order of time."""
    parts = block_records(block, numbers, month)
    columns = empty_columns(sum(len(part.event_time) for part in parts))
    write_sorted(parts, columns, 0)
    return columns


def _records(rng: np.random.Generator, block: Block, numbers: Numbers, month: int, kind: str) -> Records:
    panel, at, scenario = block.panel, month - 1, block.setting.scenario
    who = np.repeat(np.arange(len(panel.cause)), getattr(panel, kind)[:, at])
    n, data = len(who), kind == "data"
    time = _times(rng, who, (panel.begin[:, at], panel.end[:, at]), block.setting.rhythm(month), _burst(scenario, kind))
    incoming = np.zeros(n, dtype=bool) if data else _chance(rng, 1.0 - panel.out_share[:, at], who)
    other = np.zeros(n, dtype=np.int64) if data else block.contacts.pick(who, rng.random(n))
    volume = _volumes(rng, scenario, n) if data else np.zeros(n)
    duration = _durations(rng, scenario, n) if kind == "voice" else np.zeros(n)
    forwarded = _chance(rng, _forwarding(block, month), who) if kind == "voice" else np.zeros(n, dtype=bool)
    dropped = _chance(rng, _drops(block, month), who) if kind != "sms" else np.zeros(n, dtype=bool)
    if not data:
        other = _moved_calls(block, month, kind, who, other)
    return Records(
        subscriber_id=FIRST_ID + block.first + who,
        event_time=time,
        kind=np.full(n, KINDS.index(kind), dtype=np.int8),
        direction=incoming.astype(np.int8),
        other_party=other,
        duration_s=duration,
        volume_mb=volume,
        on_net=np.ones(n, dtype=bool) if data else numbers.on_net(other, time),
        forwarded=forwarded,
        dropped=dropped,
        roaming=_chance(rng, panel.roaming[:, at], who),
        charge=_charges(who, volume, panel.overage[:, at]) if data else np.zeros(n),
    )


def _drops(block: Block, month: int) -> FloatArray:
    """Return the chance that a call or session of each subscriber drops: more where the network has trouble."""
    scenario, trouble = block.setting.scenario, network_trouble(block.setting)[block.people.region, month - 1]
    return scenario.dropped_probability * np.where(trouble, scenario.trouble_drops, 1.0)


def _burst(scenario: Scenario, kind: str) -> tuple[float, float]:
    follows, gap = getattr(scenario, f"{kind}_burst")
    return float(follows), float(gap)


def _moved_calls(block: Block, month: int, kind: str, who: IntArray, other: IntArray) -> IntArray:
    """Turn half the calls of a company that is about to leave to its new numbers, which are off-net."""
    moving = moving_away(block.panel, month)
    if not moving.any():
        return other
    rng = block.setting.stream("forwarding", block.index, 2 * month + (kind == "sms"))
    turned = _chance(rng, np.where(moving, 0.5, 0.0), who) & (other < OFF_NET_ID)
    return np.where(turned, other + OFF_NET_ID, other)


def _both_sides(part: Records, numbers: Numbers) -> list[Records]:
    """Return the records and those of the subscribers on the other side.

    Calls that come in from a subscriber are left to that subscriber's own records, so that none is there twice.
    """
    own = part.other_party < OFF_NET_ID
    if not len(own) or part.kind[0] == KINDS.index("data"):
        return [part]
    kept = _taken(part, np.flatnonzero(~(own & (part.direction == 1))))
    reached = numbers.reached(kept.other_party, kept.event_time) & (kept.direction == 0)
    kept.on_net = np.where(kept.direction == 0, reached, kept.on_net)
    answer = _taken(kept, np.flatnonzero(reached))
    answer.subscriber_id, answer.other_party = answer.other_party, answer.subscriber_id
    no = np.zeros(len(answer.event_time), dtype=bool)
    answer.direction = np.ones(len(no), dtype=np.int8)
    answer.forwarded = answer.roaming = no
    return [kept, answer]


def _taken(part: Records, rows: IntArray) -> Records:
    return Records(**{name: getattr(part, name)[rows] for name in Records.__slots__})


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


def _durations(rng: np.random.Generator, scenario: Scenario, n: int) -> FloatArray:
    """Return seconds of calls: whole, at least 1 where answered, 0 where missed."""
    centre, spread = scenario.log_duration
    seconds = np.exp(centre + spread * rng.standard_normal(n, dtype=np.float32)).astype(np.float64)
    missed = rng.random(n, dtype=np.float32) < scenario.missed_probability
    return np.where(missed, 0.0, np.clip(np.floor(seconds), 1.0, 14_400.0))


def _volumes(rng: np.random.Generator, scenario: Scenario, n: int) -> FloatArray:
    """Return megabytes of data sessions: lognormal, with a mean of about 90 MB unless asked otherwise."""
    centre, spread = scenario.log_volume
    volume = np.exp(centre + spread * rng.standard_normal(n, dtype=np.float32))
    return np.asarray(volume, dtype=np.float64).round(3)


def _forwarding(block: Block, month: int) -> FloatArray:
    """Return the share of calls forwarded: small, and more once a second SIM or a new operator takes the calls."""
    panel, scenario = block.panel, block.setting.scenario
    eroding = (panel.erosion_month > 0) & (panel.erosion_month <= month)
    share = np.where(eroding, scenario.forwarded_eroding_probability, scenario.forwarded_probability)
    return np.where(moving_away(panel, month), 0.25, share)


def _charges(who: IntArray, volume: FloatArray, overage: FloatArray) -> FloatArray:
    """Share the month's overage among a subscriber's data sessions by volume, so that records add up to the bill."""
    total = np.bincount(who, weights=volume, minlength=len(overage))
    price = np.divide(overage, total, out=np.zeros(len(overage)), where=total > 0)
    charge: FloatArray = price[who] * volume
    return charge
