"""The tables an operator has, written from what happened: no row stands after a departure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._synth.calendar import DAY, Calendar
from custval._synth.months import NEVER, Panel, campaign_month
from custval._synth.population import BRANDS, FIRST_ID, PLANS, REGIONS, Population
from custval._synth.scenario import CAUSES, CONTRACTS
from custval._synth.services import SERVICES, Holdings
from custval._synth.setting import Setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("bills", "campaigns", "care_contacts", "departures", "holdings", "subscribers")

_OFFERS = ("discount_10", "data_gift", "loyalty_call")


def subscribers(people: Population, panel: Panel, calendar: Calendar) -> pd.DataFrame:
    """Return one row for each subscriber of the world, those who left included."""
    import pandas as pd

    end = calendar.month_end(people.end_month).astype("datetime64[s]")
    return pd.DataFrame(
        {
            "subscriber_id": FIRST_ID + np.arange(len(people), dtype=np.int64),
            "activation": panel.activated.astype("datetime64[s]"),
            "region": np.array(REGIONS)[people.region],
            "brand": np.array(BRANDS)[people.brand],
            "plan": np.array(PLANS)[people.plan],
            "monthly_fee": people.monthly_fee,
            "contract": np.array(CONTRACTS)[people.contract],
            "contract_end": np.where(people.term > 0, end, np.datetime64("NaT", "s")),
            "account_id": FIRST_ID + people.account,
            "age": people.age,
            "paperless": people.paperless,
            "autopay": people.autopay,
        }
    )


def bills(panel: Panel) -> pd.DataFrame:
    """Return one bill for each subscriber and month used; the last one is dated at the departure."""
    import pandas as pd

    month, who = np.nonzero(panel.amount.T > 0)  # by month, then by subscriber
    named = {name: getattr(panel, name)[who, month] for name in ("amount", "interconnect", "cost_to_serve", "arrears")}
    return pd.DataFrame({"subscriber_id": FIRST_ID + who, "bill_time": panel.end[who, month], **named})


def departures(panel: Panel) -> pd.DataFrame:
    """Return who left when and why, in the order of time."""
    import pandas as pd

    gone = np.flatnonzero(panel.cause > 0)
    gone = gone[np.argsort(panel.departed[gone], kind="stable")]
    cause = np.array(CAUSES)[panel.cause[gone] - 1]
    return pd.DataFrame({"subscriber_id": FIRST_ID + gone, "departure_time": panel.departed[gone], "cause": cause})


def campaigns(setting: Setting, panel: Panel) -> pd.DataFrame:
    """Return one row for each customer of the randomised save campaign; empty in worlds shorter than 6 months."""
    import pandas as pd

    month, who = campaign_month(setting.months), np.flatnonzero(panel.arm >= 0)
    treated = panel.arm[who] == 1
    offer = np.array(_OFFERS)[setting.stream("times", 0, 1).integers(0, len(_OFFERS), len(who))]
    left = (panel.departure_month[who] >= month) & (panel.departure_month[who] < month + 3)
    return pd.DataFrame(
        {
            "subscriber_id": FIRST_ID + who,
            "event_time": _campaign_time(setting.calendar, month, who),
            "treated": treated,
            "offer": np.where(treated, offer, "none"),
            "accepted": panel.accepted[who],
            "left_within_3m": left,
        }
    )


def care_contacts(setting: Setting, panel: Panel) -> pd.DataFrame:
    """Return complaints, enquiries and the calls of the save campaign, in the order of time."""
    import pandas as pd

    rng, parts = setting.stream("times", 0, 2), []
    for kind, counts in (("complaint", panel.complaints), ("enquiry", panel.enquiries)):
        who, month = np.nonzero(counts)
        many = counts[who, month]
        who, month = np.repeat(who, many), np.repeat(month, many)
        parts.append((kind, who, _moments(rng.random(len(who)), panel.begin[who, month], panel.end[who, month])))
    called = np.flatnonzero(panel.arm == 1)
    parts.append(("retention", called, _campaign_time(setting.calendar, campaign_month(setting.months), called)))
    kinds = np.repeat([kind for kind, _, _ in parts], [len(who) for _, who, _ in parts])
    who, time = (np.concatenate([part[place] for part in parts]) for place in (1, 2))
    order = np.lexsort((who, time))
    return pd.DataFrame({"subscriber_id": FIRST_ID + who[order], "event_time": time[order], "kind": kinds[order]})


def holdings(taken: list[Holdings], firsts: list[int], panel: Panel, calendar: Calendar) -> pd.DataFrame:
    """Return who took which service when, and until when; what is held at a departure ends with it."""
    import pandas as pd

    who = np.concatenate([first + part.subscriber for part, first in zip(taken, firsts, strict=True)])
    service, month, share, removed = (
        np.concatenate([getattr(part, name) for part in taken])
        for name in ("service", "added_month", "added_share", "removed_month")
    )
    begin = np.maximum(calendar.month_start(month), panel.activated[who])
    added = _moments(share, begin, np.maximum(calendar.month_end(month), begin))
    dropped = np.where(removed > 0, calendar.month_end(np.maximum(removed, 1)), NEVER)
    until = np.minimum(np.maximum(dropped, added + DAY), panel.departed[who])
    keep = added < panel.departed[who]
    columns = {
        "subscriber_id": FIRST_ID + who,
        "service": np.array(SERVICES)[service],
        "added": added,
        "removed": np.where(until == NEVER, -1, until),
    }
    return pd.DataFrame({name: values[keep] for name, values in columns.items()})


def _moments(share: FloatArray, begin: IntArray, end: IntArray) -> IntArray:
    return begin + np.floor(share * (end - begin)).astype(np.int64)


def _campaign_time(calendar: Calendar, month: int, who: IntArray) -> IntArray:
    """Return when each was called or set aside: office hours of the first day, before anyone leaves that month."""
    return np.asarray(calendar.month_start(month) + 8 * 3600 + (who * 7919) % (10 * 3600), dtype=np.int64)
