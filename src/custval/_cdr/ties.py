"""What a subscriber's circle does: contacts who have left, and the account as a group with a leader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.feature import Feature
from custval._cdr.moment import Moment
from custval._cdr.summaries import ratio
from custval._core.errors import InputError

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("account_features", "listed_account", "listed_ties", "tie_features")

_GONE = (("departures", ("subscriber_id", "departure_time")),)


def listed_ties(days: int) -> list[Feature]:
    """Return the features of departed contacts over the longest window."""
    needs, tail = ("subscriber_id", "event_time", "kind", "other_party"), f"in the last {days} days"
    rows = (
        ("departed_contacts", "people", "contacts {} who had left by as_of"),
        ("departed_contact_share", "share 0..1", "contacts {} who had left by as_of / contacts"),
        ("departed_talk_share", "share 0..1", "calls and messages {} with contacts who had left by as_of / all"),
        ("departed_contacts_30d", "people", "contacts {} who left in the 30 days before as_of"),
    )
    made = []
    for name, unit, how in rows:
        full = name if name.endswith("d") and name[-2].isdigit() else f"{name}_{days}d"
        made.append(Feature(full, "social", unit, how.format(tail), "cdr", needs, "pairs", also=_GONE))
    return made


def tie_features(
    records: nw.LazyFrame[Any], departures: nw.LazyFrame[Any], now: Moment, days: int, names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the features `names` of each subscriber who talked within `days`."""
    import narwhals as nw

    _check_parties(records, departures)
    voice = nw.col("kind") == "voice"
    talks = records.filter((voice | (nw.col("kind") == "sms")) & (nw.col("event_time") > now.days_before(days)))
    talks = talks.select("subscriber_id", "other_party", (nw.col("event_time") > 0).cast(nw.Float64).alias("_talks"))
    pairs = talks.group_by("subscriber_id", "other_party").agg(nw.col("_talks").sum())
    gone = departures.filter(nw.col("departure_time") <= now.seconds).select(
        nw.col("subscriber_id").alias("other_party"), nw.col("departure_time").cast(nw.Float64).alias("_left")
    )
    gone = gone.group_by("other_party").agg(nw.col("_left").min())
    pairs = pairs.join(gone, on="other_party", how="left").with_columns((~nw.col("_left").is_null()).alias("_is_gone"))
    lately = nw.when(nw.col("_is_gone")).then(nw.col("_left")).otherwise(0.0 * nw.col("_talks"))
    pairs = pairs.select(
        "subscriber_id",
        "_talks",
        (nw.col("_talks") > 0.0).cast(nw.Float64).alias("_pair"),
        nw.col("_is_gone").cast(nw.Float64).alias("_gone"),
        (nw.col("_is_gone").cast(nw.Float64) * nw.col("_talks")).alias("_gone_talks"),
        (lately > float(now.days_before(30))).cast(nw.Float64).alias("_lately"),
    )
    sums = ("_talks", "_pair", "_gone", "_gone_talks", "_lately")
    heads = pairs.group_by("subscriber_id").agg(*[nw.col(name).sum() for name in sums])
    made = {
        f"departed_contacts_{days}d": nw.col("_gone"),
        f"departed_contact_share_{days}d": ratio(nw.col("_gone"), nw.col("_pair")),
        f"departed_talk_share_{days}d": ratio(nw.col("_gone_talks"), nw.col("_talks")),
        "departed_contacts_30d": nw.col("_lately"),
    }
    return heads.select("subscriber_id", *[made[name].alias(name) for name in names])


def _check_parties(records: nw.LazyFrame[Any], departures: nw.LazyFrame[Any]) -> None:
    """Refuse parties named in another way than subscribers: none of them would be found to have left."""
    import narwhals as nw

    party, gone = records.collect_schema()["other_party"], departures.collect_schema()["subscriber_id"]
    if (party == nw.String) != (gone == nw.String):
        raise InputError(
            f"other_party of table 'cdr' is {party} but subscriber_id of 'departures' is {gone}; give both in one way"
        )


def listed_account() -> list[Feature]:
    """Return the features of the account (company, family) as a group."""
    needs = ("account_id", "activation")
    lines = "subscribers of the same account who had joined and not left by as_of"
    gone = "subscribers of the same account who had left by as_of"
    return [
        Feature("account_lines", "social", "lines", lines, "subscribers", needs, absent=1.0),
        Feature("account_leader", "social", "0 or 1", "1 if the account bears the subscriber's own number", *_ACCOUNT),
        Feature("account_departed", "social", "people", gone, "subscribers", needs, also=_GONE),
        Feature("account_departed_share", "social", "share 0..1", f"{gone} / all", "subscribers", needs, also=_GONE),
    ]


_ACCOUNT = ("subscribers", ("account_id", "activation"))


def account_features(
    subscribers: nw.LazyFrame[Any], departures: nw.LazyFrame[Any] | None, now: Moment, names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the features `names` of each subscriber's account."""
    import narwhals as nw

    people = subscribers.filter(nw.col("activation") <= now.datetime).select("subscriber_id", "account_id")
    people = people.filter(~nw.col("account_id").is_null())
    people = people.group_by("subscriber_id").agg(nw.col("account_id").min())  # one row each, come what may
    if departures is None:
        people = people.with_columns((nw.col("subscriber_id") != nw.col("subscriber_id")).alias("_is_gone"))
    else:
        gone = departures.filter(nw.col("departure_time") <= now.seconds)
        gone = gone.group_by("subscriber_id").agg(nw.col("departure_time").min().alias("_left"))
        people = people.join(gone, on="subscriber_id", how="left")
        people = people.with_columns((~nw.col("_left").is_null()).alias("_is_gone"))
    marked = people.select(
        "account_id",
        nw.col("_is_gone").cast(nw.Float64).alias("_gone"),
        (~nw.col("_is_gone")).cast(nw.Float64).alias("_here"),
    )
    groups = marked.group_by("account_id").agg(nw.col("_gone").sum(), nw.col("_here").sum())
    made = {
        "account_lines": nw.col("_here"),
        "account_leader": _same(people, "subscriber_id", "account_id").cast(nw.Float64),
        "account_departed": nw.col("_gone"),
        "account_departed_share": ratio(nw.col("_gone"), nw.col("_gone") + nw.col("_here")),
    }
    joined = people.select("subscriber_id", "account_id").join(groups, on="account_id", how="left")
    return joined.select("subscriber_id", *[made[name].alias(name) for name in names])


def _same(frame: nw.LazyFrame[Any], one: str, two: str) -> nw.Expr:
    """Say where two columns of ids are the same, though one may be text and the other numbers."""
    import narwhals as nw

    schema = frame.collect_schema()
    if (schema[one] == nw.String) == (schema[two] == nw.String):
        return nw.col(one) == nw.col(two)
    return nw.col(one).cast(nw.String) == nw.col(two).cast(nw.String)
