"""Usage features from call detail records: one pass of sums, then ratios of sums.

Only sums, maxima and counts are asked of the engine, on float helper columns, so that every engine gives the same
numbers and daily partial sums can be merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.moment import DAY, Moment

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("LOOKBACK_DAYS", "usage_features", "visible_records")

LOOKBACK_DAYS = 90  # the change features need 30 + 60 days whatever the windows
_NIGHT_ENDS = 7

# feature without its window -> the sum it is, or the two sums it is the ratio of
_TOTALS = ("calls_out", "calls_in", "minutes_out", "minutes_in", "sms_out", "sms_in", "data_mb", "charges")
_SHARES = {
    "night_share": ("night", "records"),
    "weekend_share": ("weekend", "records"),
    "roaming_share": ("abroad", "records"),
    "off_net_share": ("off_net", "talks"),
    "forwarded_share": ("forwards", "calls"),
    "dropped_share": ("drops", "calls"),
    "missed_share": ("missed", "calls"),
}
_CHANGES = {"outgoing_change": "talks_out", "incoming_change": "talks_in", "data_change": "data_mb"}
_BALANCE = ("talks_out", "talks_in")


def visible_records(cdr: nw.LazyFrame[Any], now: Moment, windows: Sequence[int]) -> nw.LazyFrame[Any]:
    """Return the records inside the longest window; what comes after the moment is invisible."""
    import narwhals as nw

    reach = max(*windows, LOOKBACK_DAYS)
    time = nw.col("event_time")
    return cdr.filter((time > now.days_before(reach)) & (time <= now.seconds))


def usage_features(
    records: nw.LazyFrame[Any], now: Moment, windows: Sequence[int], names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return one row for each subscriber with a record: its subscriber_id and the features `names`."""
    per_head = _summed(records, now, _needed_sums(windows, names))
    per_head = _with_counts(per_head, records, now, windows, names)
    return per_head.select("subscriber_id", *[_feature(name, now, windows).alias(name) for name in names])


def _summed(records: nw.LazyFrame[Any], now: Moment, sums: Sequence[tuple[str, int, int]]) -> nw.LazyFrame[Any]:
    """Return the sums of each subscriber and the time of the last record, in one pass over the records."""
    import narwhals as nw

    marks = [_marks(what).alias(f"_{what}") for what in sorted({what for what, _, _ in sums})]
    inside = [_inside(now, *span).alias(_span_name(*span)) for span in sorted({one[1:] for one in sums})]
    marked = records.with_columns(nw.col("event_time").cast(nw.Float64).alias("_last"), *marks, *inside)
    parts = [(nw.col(f"_{what}") * nw.col(_span_name(a, b))).alias(_name(what, a, b)) for what, a, b in sums]
    wide = marked.select("subscriber_id", "_last", *parts)
    return wide.group_by("subscriber_id").agg(nw.col("_last").max(), *[nw.col(_name(*one)).sum() for one in sums])


def _needed_sums(windows: Sequence[int], names: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return (what, since, until) in days before the moment for each sum that the features need."""
    found: set[tuple[str, int, int]] = set()
    for name in names:
        stem, days = _split(name, windows)
        whats = (stem,) if stem in _TOTALS else _SHARES.get(stem, ())
        found |= {(what, days, 0) for what in whats}
        whats = _BALANCE if name == "out_balance_change" else (_CHANGES[name],) if name in _CHANGES else ()
        found |= {(what, *span) for what in whats for span in ((30, 0), (90, 30))}
    return sorted(found)


def _split(name: str, windows: Sequence[int]) -> tuple[str, int]:
    for days in windows:
        if name.endswith(f"_{days}d"):
            return name.removesuffix(f"_{days}d"), days
    return name, 0


def _name(what: str, since: int, until: int) -> str:
    return f"_{what}_{since}_{until}"


def _span_name(since: int, until: int) -> str:
    return f"_in_{since}_{until}"


def _inside(now: Moment, since: int, until: int) -> nw.Expr:
    import narwhals as nw

    time = nw.col("event_time")
    inside = (time > now.days_before(since)) & (time <= now.days_before(until))
    return inside.cast(nw.Float64)


def _marks(what: str) -> nw.Expr:
    """Return the number (0 or 1, minutes, megabytes, money) that a record adds to the sum `what`."""
    import narwhals as nw

    calls, talks = nw.col("kind") == "voice", (nw.col("kind") == "voice") | (nw.col("kind") == "sms")
    out, time = nw.col("direction") == "out", nw.col("event_time")
    flags: dict[str, Any] = {
        "records": lambda: time == time,  # noqa: PLR0124 - every record counts, in any engine's words
        "calls": lambda: calls,
        "talks": lambda: talks,
        "calls_out": lambda: calls & out,
        "calls_in": lambda: calls & ~out,
        "sms_out": lambda: (nw.col("kind") == "sms") & out,
        "sms_in": lambda: (nw.col("kind") == "sms") & ~out,
        "talks_out": lambda: talks & out,
        "talks_in": lambda: talks & ~out,
        "night": lambda: (time % DAY) < _NIGHT_ENDS * 3600,
        "weekend": lambda: ((time // DAY + 3) % 7) >= 5,  # 1 January 1970 was a Thursday
        "abroad": lambda: nw.col("roaming"),
        "off_net": lambda: talks & ~nw.col("on_net"),
        "forwards": lambda: calls & nw.col("forwarded"),
        "drops": lambda: calls & nw.col("dropped"),
        "missed": lambda: calls & (nw.col("duration_s") == 0),
    }
    amounts: dict[str, Any] = {
        "minutes_out": lambda: (calls & out).cast(nw.Float64) * nw.col("duration_s").cast(nw.Float64) / 60.0,
        "minutes_in": lambda: (calls & ~out).cast(nw.Float64) * nw.col("duration_s").cast(nw.Float64) / 60.0,
        "data_mb": lambda: nw.col("volume_mb").cast(nw.Float64),
        "charges": lambda: nw.col("charge").cast(nw.Float64),
    }
    mark: nw.Expr = flags[what]().cast(nw.Float64) if what in flags else amounts[what]()
    return mark


def _with_counts(
    per_head: nw.LazyFrame[Any], records: nw.LazyFrame[Any], now: Moment, windows: Sequence[int], names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Add distinct contacts and active days: group by pair first, then count the pairs seen in each window."""
    import narwhals as nw

    time = nw.col("event_time")
    talks = (
        records.filter((nw.col("kind") == "voice") | (nw.col("kind") == "sms")) if "contacts" in str(names) else None
    )
    keyed = {
        "contacts": (talks, "other_party"),
        "active_days": (records.with_columns((time // DAY).alias("_day")), "_day"),
    }
    for stem, (source, key) in keyed.items():
        days = [window for window in windows if f"{stem}_{window}d" in names]
        if not days or source is None:
            continue
        pairs = source.group_by("subscriber_id", key).agg(time.max())
        pairs = pairs.with_columns(
            *[(time > now.days_before(window)).cast(nw.Float64).alias(f"{stem}_{window}d") for window in days]
        )
        counted = pairs.group_by("subscriber_id").agg(*[nw.col(f"{stem}_{window}d").sum() for window in days])
        per_head = per_head.join(counted, on="subscriber_id", how="left")
    return per_head


def _feature(name: str, now: Moment, windows: Sequence[int]) -> nw.Expr:
    """Return the feature as an expression of the sums of a subscriber."""
    import narwhals as nw

    stem, days = _split(name, windows)
    if stem in _TOTALS:
        return nw.col(_name(stem, days, 0))
    if stem in _SHARES:
        part, whole = _SHARES[stem]
        return ratio(nw.col(_name(part, days, 0)), nw.col(_name(whole, days, 0)))
    if name == "recency_days":
        return (float(now.seconds) - nw.col("_last")) / float(DAY)
    if name == "out_balance_change":
        return _balance_change()
    if name in _CHANGES:
        recent, older = (nw.col(_name(_CHANGES[name], *span)) for span in ((30, 0), (90, 30)))
        return ratio(2.0 * recent - older, 2.0 * recent + older)
    return nw.col(name)


def _balance_change() -> nw.Expr:
    import narwhals as nw

    sent, got = (nw.col(_name(what, 30, 0)) for what in _BALANCE)
    sent_before, got_before = (nw.col(_name(what, 90, 30)) for what in _BALANCE)
    change = ratio(sent, sent + got) - ratio(sent_before, sent_before + got_before)
    both = (sent + got > 0.0) & (sent_before + got_before > 0.0)
    return nw.when(both).then(change).otherwise(0.0)


def ratio(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """Return part / whole, and 0 where the whole is 0."""
    import narwhals as nw

    empty = whole == 0.0
    # 1 added to a zero keeps every engine from dividing by it; literals in then() fail on empty frames (narwhals 2.0)
    return nw.when(~empty).then(part / (whole + empty.cast(nw.Float64))).otherwise(0.0)
