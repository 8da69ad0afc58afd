"""The order of a subscriber's records: gaps, burstiness, durations, and conversations by text.

Conversations are bandicoot's: texts with one contact belong together until an hour passes or a call is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.feature import Feature
from custval._cdr.moment import DAY, Moment
from custval._cdr.summaries import STATISTICS, Summary, ratio, summarised
from custval._cdr.windows import in_order

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("gap_features", "listed_gaps", "listed_talk", "talk_features")

_HOUR = 3600.0
_COLUMNS = {
    "call_interevent": "seconds from a call to the next",
    "text_interevent": "seconds from a message to the next",
    "call_duration": "seconds of a call, 0 where it was not answered",
}
_TALK = {
    "initiated_conversations_share": "conversations by text that the subscriber began / conversations",
    "text_response_rate": "conversations begun by the other in which the subscriber wrote / those begun by the other",
}


def listed_gaps(days: int) -> list[Feature]:
    """Return the features of gaps over the longest window."""
    needs, tail = ("subscriber_id", "event_time", "kind"), f"in the last {days} days"
    made = []
    for column, words in _COLUMNS.items():
        more = ("duration_s",) if column == "call_duration" else ()
        for statistic in STATISTICS:
            unit = "number" if statistic in ("skewness", "kurtosis") else "seconds"
            how = f"{statistic} of: {words}, {tail}"
            name = f"{column}_{statistic}_{days}d"
            made.append(Feature(name, "indicators", unit, how, "cdr", (*needs, *more), "windows"))
    for kind in ("call", "text"):
        how = f"(s - m) / (s + m) of the gaps between {kind}s (mean m, deviation s), {tail}; 0 with fewer than two gaps"
        made.append(Feature(f"{kind}_burstiness_{days}d", "rhythm", "-1..1", how, "cdr", needs, "windows"))
    how = f"longest time between two calls or two messages, {tail}"
    made.append(Feature(f"longest_gap_days_{days}d", "rhythm", "days", how, "cdr", needs, "windows"))
    return made


def listed_talk(days: int) -> list[Feature]:
    """Return the features of conversations over the longest window."""
    needs = ("subscriber_id", "event_time", "kind", "direction", "other_party")
    tail = f"in the last {days} days"
    made = [
        Feature(f"{name}_{days}d", "indicators", "share 0..1", f"{how}, {tail}", "cdr", needs, "windows")
        for name, how in _TALK.items()
    ]
    for statistic in STATISTICS:
        unit = "number" if statistic in ("skewness", "kurtosis") else "seconds"
        how = f"{statistic} of: seconds from a received to the next sent text of a conversation, {tail}"
        name = f"text_response_delay_{statistic}_{days}d"
        made.append(Feature(name, "indicators", unit, how, "cdr", needs, "windows"))
    return made


def gap_features(records: nw.LazyFrame[Any], now: Moment, days: int, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return the features `names` of each subscriber who talked within `days`."""
    import narwhals as nw

    stems = [name.removesuffix(f"_{days}d") for name in names]
    described = [column for column in _COLUMNS if any(_rests_on(stem, column) for stem in stems)]
    voice = nw.col("kind") == "voice"
    talks = records.filter((voice | (nw.col("kind") == "sms")) & (nw.col("event_time") > now.days_before(days)))
    timed = "call_duration" in described
    talks = talks.select(
        "subscriber_id",
        nw.col("event_time").cast(nw.Float64).alias("_time"),
        voice.cast(nw.Float64).alias("_voice"),
        *([nw.when(voice).then(nw.col("duration_s").cast(nw.Float64)).alias("call_duration")] if timed else []),
    )
    if described != ["call_duration"]:
        before = nw.col("_time").shift(1).over("subscriber_id", "_voice", order_by="_time")
        talks = in_order(talks, "subscriber_id", "_voice", "_time")
        talks = talks.with_columns((nw.col("_time") - before).alias("_gap"))
        talks = talks.with_columns(
            nw.when(nw.col("_voice") == 1.0).then(nw.col("_gap")).alias("call_interevent"),
            nw.when(nw.col("_voice") == 0.0).then(nw.col("_gap")).alias("text_interevent"),
        )
    heads = summarised(talks, described, partition=("subscriber_id", "_voice"))
    return heads.select("subscriber_id", *[_made(stem).alias(name) for stem, name in zip(stems, names, strict=True)])


def _rests_on(stem: str, column: str) -> bool:
    if stem == "longest_gap_days":
        return column.endswith("interevent")
    if stem.endswith("burstiness"):
        return column == stem.replace("burstiness", "interevent")
    return stem.startswith(column)


def _made(stem: str) -> nw.Expr:
    import narwhals as nw

    if stem == "longest_gap_days":
        one, two = (Summary(f"{kind}_interevent").statistic("max") / float(DAY) for kind in ("call", "text"))
        return nw.when(one > two).then(one).otherwise(two)
    if stem.endswith("burstiness"):
        gaps = Summary(stem.replace("burstiness", "interevent"))
        mean, std = gaps.statistic("mean"), gaps.statistic("std")
        return nw.when(nw.col(f"{gaps.name}_0") >= 2.0).then(ratio(std - mean, std + mean)).otherwise(0.0)
    column, statistic = stem.rsplit("_", 1)
    return Summary(column).statistic(statistic)


def talk_features(records: nw.LazyFrame[Any], now: Moment, days: int, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return the features `names` of conversations for each subscriber who talked within `days`."""
    import narwhals as nw

    stems = [name.removesuffix(f"_{days}d") for name in names]
    texts = _texts(records, now, days)
    heads = summarised(
        texts.with_columns(
            (nw.col("_opens") * nw.col("_out")).alias("_begun"),
            nw.when((nw.col("_opens") == 0.0) & (nw.col("_out") == 1.0) & (nw.col("_before_out") == 0.0))
            .then(nw.when(nw.col("_gap") > 0.0).then(nw.col("_gap")))
            .alias("text_response_delay"),
        ),
        ["text_response_delay"],
        more=[nw.col("_opens").sum(), nw.col("_begun").sum()],
    )
    if "text_response_rate" in stems:
        heads = heads.join(_answered(texts), on="subscriber_id", how="left")
    made = {
        "initiated_conversations_share": ratio(nw.col("_begun"), nw.col("_opens")),
        "text_response_rate": ratio(nw.col("_answered"), nw.col("_received")),
    }
    delay = Summary("text_response_delay")
    shown = [
        (made[stem] if stem in made else delay.statistic(stem.rsplit("_", 1)[1])).alias(name)
        for stem, name in zip(stems, names, strict=True)
    ]
    return heads.select("subscriber_id", *shown)


def _texts(records: nw.LazyFrame[Any], now: Moment, days: int) -> nw.LazyFrame[Any]:
    """Return the texts of the window, each with the record before it with the same contact and whether it opens."""
    import narwhals as nw

    voice = nw.col("kind") == "voice"
    talks = records.filter((voice | (nw.col("kind") == "sms")) & (nw.col("event_time") > now.days_before(days)))
    talks = talks.select(
        "subscriber_id",
        "other_party",
        nw.col("event_time").cast(nw.Float64).alias("_time"),
        voice.cast(nw.Float64).alias("_voice"),
        (nw.col("direction") == "out").cast(nw.Float64).alias("_out"),
    )
    # two records of one second: what came in stands before what went out, and a call before a text
    order = ["_time", "_out", "_minus_voice"]
    talks = talks.with_columns((0.0 - nw.col("_voice")).alias("_minus_voice"))
    before = {name: nw.col(name).shift(1).over("subscriber_id", "other_party", order_by=order) for name in _BEFORE}
    talks = in_order(talks, "subscriber_id", "other_party", *order)
    talks = talks.with_columns(*[made.alias(f"_before{name}") for name, made in before.items()])
    talks = talks.filter(nw.col("_voice") == 0.0).with_columns((nw.col("_time") - nw.col("_before_time")).alias("_gap"))
    goes_on = (nw.col("_gap") < _HOUR) & (nw.col("_before_voice") == 0.0)
    return talks.with_columns(nw.when(goes_on).then(0.0 * nw.col("_time")).otherwise(1.0).alias("_opens"))


_BEFORE = ("_time", "_voice", "_out")


def _answered(texts: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return how many conversations of each subscriber the other began, and how many of these were answered."""
    import narwhals as nw

    number = nw.col("_opens").cum_sum().over("subscriber_id", "other_party", order_by=["_time", "_out"])
    texts = in_order(texts, "subscriber_id", "other_party", "_time", "_out")
    talks = texts.with_columns(number.alias("_number"), (nw.col("_opens") * (1.0 - nw.col("_out"))).alias("_received"))
    each = talks.group_by("subscriber_id", "other_party", "_number").agg(
        nw.col("_received").max(), nw.col("_out").max()
    )
    each = each.with_columns((nw.col("_received") * nw.col("_out")).alias("_answered"))
    return each.group_by("subscriber_id").agg(nw.col("_received").sum(), nw.col("_answered").sum())
