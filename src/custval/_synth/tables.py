"""The tables an operator has, written from what happened in a block: no row stands after a departure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._synth.block import Block
from custval._synth.calendar import DAY, Calendar
from custval._synth.months import NEVER, campaign_month
from custval._synth.offers import offers
from custval._synth.payments import ageing, payments
from custval._synth.population import BRANDS, FIRST_ID, PLANS, PREPAID_PLAN, REGIONS
from custval._synth.scenario import CAUSES, CONTRACTS
from custval._synth.services import SERVICES
from custval._synth.topups import all_topups
from custval._synth.winbacks import winbacks

__all__ = ("ORDER", "block_tables")

_OFFERS = ("discount_10", "data_gift", "loyalty_call")
Columns = dict[str, Any]

# The columns by which a table of the whole world is put in order.
ORDER = {
    "bills": ("bill_time", "subscriber_id"),
    "payments": ("paid_time", "subscriber_id"),
    "ageing": ("month_end", "subscriber_id"),
    "topups": ("event_time", "subscriber_id"),
    "contacts": ("event_time", "subscriber_id"),
    "renewals": ("event_time", "subscriber_id"),
    "departures": ("departure_time", "subscriber_id"),
    "winbacks": ("event_time", "subscriber_id"),
}


def block_tables(block: Block) -> Mapping[str, Columns]:
    """Return the columns of every table of a block but the call detail records."""
    makers: dict[str, Callable[[Block], Columns]] = {
        "subscribers": subscribers,
        "bills": bills,
        "payments": payments,
        "ageing": ageing,
        "topups": topups,
        "contacts": care_contacts,
        "holdings": holdings,
        "renewals": renewals,
        "departures": departures,
        "campaigns": campaigns,
        "offers": offers,
        "winbacks": winbacks,
    }
    return {name: maker(block) for name, maker in makers.items()}


def subscribers(block: Block) -> Columns:
    """Return one row for each subscriber of the block, those who left included."""
    people, calendar = block.people, block.setting.calendar
    end = calendar.month_end(people.end_month).astype("datetime64[s]")
    return {
        "subscriber_id": FIRST_ID + block.first + np.arange(len(people), dtype=np.int64),
        "activation": block.panel.activated.astype("datetime64[s]"),
        "region": np.array(REGIONS)[people.region],
        "brand": np.array(BRANDS)[people.brand],
        "plan": np.where(people.prepaid, PREPAID_PLAN, np.array(PLANS)[people.plan]),
        "monthly_fee": np.where(people.prepaid, 0.0, people.monthly_fee),
        "contract": np.array(CONTRACTS)[people.contract],
        "contract_end": np.where(people.term > 0, end, np.datetime64("NaT", "s")),
        "account_id": FIRST_ID + people.account,
        "age": people.age,
        "paperless": people.paperless,
        "autopay": people.autopay & ~people.prepaid,
        "prepaid": people.prepaid,
    }


def bills(block: Block) -> Columns:
    """Return one bill for each contract customer and month used; the last one is dated at the departure."""
    panel = block.panel
    month, who = np.nonzero((panel.amount.T > 0) & ~block.people.prepaid)  # by month, then by subscriber
    named = {name: getattr(panel, name)[who, month] for name in ("amount", "interconnect", "cost_to_serve", "arrears")}
    return {"subscriber_id": FIRST_ID + block.first + who, "bill_time": panel.end[who, month], **named}


def topups(block: Block) -> Columns:
    """Return the top-ups of the prepaid subscribers in the order of time."""
    made = all_topups(block.setting, block.people, block.panel, block.index)
    return {"subscriber_id": FIRST_ID + block.first + made.subscriber, "event_time": made.time, "amount": made.amount}


def departures(block: Block) -> Columns:
    """Return who left when and why, in the order of time; nobody announces the end of a prepaid line."""
    panel = block.panel
    gone = np.flatnonzero((panel.cause > 0) & ~block.people.prepaid)
    gone = gone[np.argsort(panel.departed[gone], kind="stable")]
    cause = np.array(CAUSES)[panel.cause[gone] - 1]
    return {"subscriber_id": FIRST_ID + block.first + gone, "departure_time": panel.departed[gone], "cause": cause}


def renewals(block: Block) -> Columns:
    """Return each end of a contract term in the window that the customer stayed for."""
    people, panel, months = block.people, block.panel, block.setting.months
    grid = np.arange(1, months + 1)
    length = np.maximum(people.term, 1)[:, None]
    ends = (people.term > 0)[:, None] & ((grid - people.end_month[:, None]) % length == 0)
    ends &= (grid >= people.end_month[:, None]) & (people.activation_month[:, None] < grid)
    ends &= (panel.departure_month == 0)[:, None] | (panel.departure_month[:, None] > grid)
    at, who = np.nonzero(ends.T)
    return {
        "subscriber_id": FIRST_ID + block.first + who,
        "event_time": block.setting.calendar.month_end(at + 1),
        "contract": np.array(CONTRACTS)[people.contract[who]],
        "term_months": people.term[who],
        "renewal": (at + 1 - people.activation_month[who]) // np.maximum(people.term[who], 1),
    }


def campaigns(block: Block) -> Columns:
    """Return one row for each customer of the save campaign; empty in worlds shorter than 6 months."""
    panel, setting = block.panel, block.setting
    month, who = campaign_month(setting.months), np.flatnonzero(panel.arm >= 0)
    treated = panel.arm[who] == 1
    offer = np.array(_OFFERS)[setting.stream("times", block.index, 1).integers(0, len(_OFFERS), len(who))]
    left = (panel.departure_month[who] >= month) & (panel.departure_month[who] < month + 3)
    confounded = ("confounded campaign" in setting.behaviours) & (block.people.region[who] % 2 == 1)
    return {
        "subscriber_id": FIRST_ID + block.first + who,
        "event_time": _campaign_time(setting.calendar, month, block.first + who),
        "treated": treated,
        "offer": np.where(treated, offer, "none"),
        "accepted": panel.accepted[who],
        "left_within_3m": left,
        "design": np.where(confounded, "confounded", "randomised"),
    }


def care_contacts(block: Block) -> Columns:
    """Return complaints, enquiries and the calls of the save campaign, in the order of time."""
    panel, setting = block.panel, block.setting
    rng, parts = setting.stream("times", block.index, 2), []
    for kind, counts in (("complaint", panel.complaints), ("enquiry", panel.enquiries)):
        who, month = np.nonzero(counts)
        many = counts[who, month]
        who, month = np.repeat(who, many), np.repeat(month, many)
        parts.append((kind, who, _moments(rng.random(len(who)), panel.begin[who, month], panel.end[who, month])))
    called = np.flatnonzero(panel.arm == 1)
    opens = campaign_month(setting.months)
    parts.append(("retention", called, _campaign_time(setting.calendar, opens, block.first + called)))
    kinds = np.repeat([kind for kind, _, _ in parts], [len(who) for _, who, _ in parts])
    who, time = (np.concatenate([part[place] for part in parts]) for place in (1, 2))
    order = np.lexsort((who, time))
    return {"subscriber_id": FIRST_ID + block.first + who[order], "event_time": time[order], "kind": kinds[order]}


def holdings(block: Block) -> Columns:
    """Return who took which service when, and until when; what is held at a departure ends with it."""
    taken, panel, calendar = block.holdings, block.panel, block.setting.calendar
    who, month = taken.subscriber, taken.added_month
    begin = np.maximum(calendar.month_start(month), panel.activated[who])
    added = _moments(taken.added_share, begin, np.maximum(calendar.month_end(month), begin))
    dropped = np.where(taken.removed_month > 0, calendar.month_end(np.maximum(taken.removed_month, 1)), NEVER)
    until = np.minimum(np.maximum(dropped, added + DAY), panel.departed[who])
    keep = added < panel.departed[who]
    columns = {
        "subscriber_id": FIRST_ID + block.first + who,
        "service": np.array(SERVICES)[taken.service],
        "added": added,
        "removed": np.where(until == NEVER, -1, until),
    }
    return {name: values[keep] for name, values in columns.items()}


def _moments(share: FloatArray, begin: IntArray, end: IntArray) -> IntArray:
    return begin + np.floor(share * (end - begin)).astype(np.int64)


def _campaign_time(calendar: Calendar, month: int, who: IntArray) -> IntArray:
    """Return when each was called or set aside: office hours of the first day, before anyone leaves that month."""
    return np.asarray(calendar.month_start(month) + 8 * 3600 + (who * 7919) % (10 * 3600), dtype=np.int64)
