"""Usage features from call detail records: one pass of sums, then ratios of sums.

Only sums, maxima and counts are asked of the engine, on float helper columns, so that every engine gives the same
numbers and daily partial sums can be merged. The time before the moment is cut into pieces, so that windows that
overlap share their sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from custval._cdr.moment import DAY, Moment
from custval._cdr.summaries import ratio

if TYPE_CHECKING:
    import narwhals as nw

__all__ = (
    "CHANGES",
    "LOOKBACK_DAYS",
    "MARKS",
    "SHARES",
    "SHARE_CHANGES",
    "TOTALS",
    "TRENDS",
    "daily_usage",
    "marks",
    "trend_features",
    "usage_features",
    "visible_records",
)

LOOKBACK_DAYS = 90  # the change features need 30 + 60 days whatever the windows
_NIGHT_ENDS = 7
_HALF_MONTHS = tuple(range(0, LOOKBACK_DAYS + 1, 15))

# feature without its window -> the sum it is, or the two sums it is the ratio of
TOTALS = (
    *("calls_out", "calls_in", "minutes_out", "minutes_in", "sms_out", "sms_in", "data_mb", "charges", "records"),
    *("data_sessions", "roaming_mb", "on_net_minutes", "off_net_minutes", "forwarded_calls", "dropped_calls"),
)
SHARES = {
    "night_share": ("night", "records"),
    "weekend_share": ("weekend", "records"),
    "roaming_share": ("abroad", "records"),
    "off_net_share": ("off_net", "talks"),
    "forwarded_share": ("forwards", "calls"),
    "dropped_share": ("drops", "calls"),
    "missed_share": ("missed", "calls"),
    "calls_out_share": ("calls_out", "calls"),
    "sms_out_share": ("sms_out", "texts"),
    "minutes_out_share": ("minutes_out", "minutes"),
    "business_share": ("business", "records"),
    "evening_share": ("evening", "records"),
    "night_data_share": ("night_mb", "data_mb"),
    "weekend_data_share": ("weekend_mb", "data_mb"),
    "call_nocturnal_share": ("dark_calls", "calls"),
    "text_nocturnal_share": ("dark_texts", "texts"),
    "mean_call_minutes": ("minutes", "answered"),
    "mean_session_mb": ("data_mb", "data_sessions"),
}
CHANGES = {"outgoing_change": "talks_out", "incoming_change": "talks_in", "data_change": "data_mb"}
SHARE_CHANGES = {
    "out_balance_change": ("talks_out", "talks"),
    "off_net_change": ("off_net", "talks"),
    "forwarded_change": ("forwards", "calls"),
    "dropped_change": ("drops", "calls"),
    "weekend_data_change": ("weekend_mb", "data_mb"),
}
TRENDS = {"outgoing": "talks_out", "incoming": "talks_in", "minutes": "minutes_out", "data": "data_mb"}
_RECENT, _OLDER = (30, 0), (90, 30)


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
    needed = _needed_sums(windows, names)
    pieces = _Pieces(needed)
    per_head = pieces.summed(records, now, last="recency_days" in names or not needed)
    per_head = _with_counts(per_head, records, now, windows, names)
    return per_head.select("subscriber_id", *[_feature(name, pieces, now, windows).alias(name) for name in names])


def daily_usage(
    sums: nw.LazyFrame[Any], now: Moment, windows: Sequence[int], names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the features `names` from daily sums: a day stands at its last second, where a window may be cut."""
    import narwhals as nw

    reach = max(*windows, LOOKBACK_DAYS)
    time = nw.col("event_time")
    days = sums.with_columns((nw.col("day").cast(nw.Int64) * DAY + (DAY - 1)).alias("event_time"))
    days = days.filter((time > now.days_before(reach)) & (time <= now.seconds))
    trends = [name for name in names if name.endswith(("_slope", "_slope_error"))]
    usual = [name for name in names if name not in trends]
    needed = _needed_sums(windows, usual)
    pieces = _Pieces(needed)
    per_head = pieces.summed(days, now, last="recency_days" in usual or not needed, daily=True)
    per_head = _with_counts(per_head, days, now, windows, [name for name in usual if name.startswith("active_days_")])
    made = per_head.select("subscriber_id", *[_feature(name, pieces, now, windows).alias(name) for name in usual])
    if not trends:
        return made
    return made.join(trend_features(days, now, trends, daily=True), on="subscriber_id", how="left")


def trend_features(
    records: nw.LazyFrame[Any], now: Moment, names: Sequence[str], *, daily: bool = False
) -> nw.LazyFrame[Any]:
    """Return the slopes over six half months and their standard errors for each subscriber with a record."""
    whats = {name: TRENDS[name.split("_", maxsplit=1)[0]] for name in names}
    pieces = _Pieces([(what, *span) for what in whats.values() for span in _between(_HALF_MONTHS)])
    per_head = pieces.summed(records, now, last=False, daily=daily)
    return _slopes(per_head, pieces, whats)


def _slopes(per_head: nw.LazyFrame[Any], pieces: _Pieces, whats: dict[str, str]) -> nw.LazyFrame[Any]:
    """Return least-squares slopes of six half months in units per 30 days and month, or their standard errors.

    Step by step: an engine that puts the steps into one another would repeat the first ones dozens of times.
    """
    import narwhals as nw

    spans = list(reversed(_between(_HALF_MONTHS)))  # the oldest first
    n = len(spans)
    places = [place - (n - 1) / 2.0 for place in range(n)]
    spread = sum(place * place for place in places)
    series = sorted(set(whats.values()))
    per_head = per_head.select(
        "subscriber_id",
        *[pieces.total(what, *span).alias(f"_y_{what}_{i}") for what in series for i, span in enumerate(spans)],
    )
    values = {what: [nw.col(f"_y_{what}_{i}") for i in range(n)] for what in series}
    tilted = {what: [y * place for y, place in zip(values[what], places, strict=True)] for what in series}
    per_head = per_head.with_columns(
        *[(_sum(tilted[what]) / spread).alias(f"_slope_{what}") for what in series],
        *[(_sum(values[what]) / float(n)).alias(f"_mean_{what}") for what in series],
    )
    offs = [
        (y - nw.col(f"_mean_{what}") - nw.col(f"_slope_{what}") * place).alias(f"_off_{what}_{i}")
        for what in series
        for i, (y, place) in enumerate(zip(values[what], places, strict=True))
    ]
    per_head = per_head.with_columns(*offs)
    squares = {
        what: _sum([nw.col(f"_off_{what}_{i}") * nw.col(f"_off_{what}_{i}") for i in range(n)]) for what in series
    }
    per_head = per_head.with_columns(
        *[(squares[what] / float((n - 2) * spread)).alias(f"_variance_{what}") for what in series]
    )
    shown = {
        name: nw.col(f"_variance_{what}") ** 0.5 if name.endswith("error") else nw.col(f"_slope_{what}")
        for name, what in whats.items()
    }
    # per half month and half month -> per month and month
    return per_head.select("subscriber_id", *[(made * 4.0).alias(name) for name, made in shown.items()])


class _Pieces:
    """Sums of marks over pieces of time; the sum over a span adds up those of its pieces.

    A record belongs to one piece. So the records are summed by subscriber and piece, each mark once, and the few rows
    that are left are laid side by side.
    """

    __slots__ = ("cuts", "whats")

    def __init__(self, sums: Sequence[tuple[str, int, int]]) -> None:
        self.cuts = sorted({day for _, *days in sums for day in days})
        self.whats = sorted({mark for what, _, _ in sums for mark in _SIGNS.get(what, (what,))})

    def summed(self, records: nw.LazyFrame[Any], now: Moment, *, last: bool, daily: bool = False) -> nw.LazyFrame[Any]:
        """Return the sums of each subscriber and the time of the last record, in one pass over the records.

        `daily` says that the rows are daily sums, which hold the marks already.
        """
        import narwhals as nw

        time = nw.col("event_time")
        piece = time.cast(nw.Float64) * 0.0
        for day in self.cuts[1:]:
            piece = piece + (time <= now.days_before(day)).cast(nw.Float64)
        ends = [nw.col("last_time" if daily else "event_time").cast(nw.Float64).alias("_last")] if last else []
        made = [(nw.col(what) if daily else _marks(what)).alias(f"_{what}") for what in self.whats]
        wide = records.select("subscriber_id", piece.alias("_piece"), *ends, *made)
        marks = [f"_{what}" for what in self.whats]
        latest = [nw.col("_last").max()] if last else []
        parts = wide.group_by("subscriber_id", "_piece").agg(*[nw.col(name).sum() for name in marks], *latest)
        inside = {
            _name(what, *span): nw.when(nw.col("_piece") == float(place)).then(nw.col(f"_{what}")).otherwise(0.0)
            for what in self.whats
            for place, span in enumerate(_between(self.cuts))
        }
        side = parts.select(
            "subscriber_id", *(["_last"] if last else []), *[made.alias(name) for name, made in inside.items()]
        )
        return side.group_by("subscriber_id").agg(*latest, *[nw.col(name).sum() for name in inside])

    def total(self, what: str, since: int, until: int) -> nw.Expr:
        """Return the sum of `what` from `since` to `until` days before the moment."""
        import narwhals as nw

        spans = [(a, b) for a, b in _between(self.cuts) if a <= since and b >= until]
        signs = _SIGNS.get(what, {what: 1.0})
        parts = [_sum([nw.col(_name(mark, *span)) for span in spans]) * sign for mark, sign in signs.items()]
        return _sum(parts)


# counts that others give by adding and taking away; counts are whole, so nothing is rounded
_SIGNS = {
    "calls_in": {"calls": 1.0, "calls_out": -1.0},
    "sms_in": {"texts": 1.0, "sms_out": -1.0},
    "talks": {"calls": 1.0, "texts": 1.0},
    "talks_out": {"calls_out": 1.0, "sms_out": 1.0},
    "talks_in": {"calls": 1.0, "texts": 1.0, "calls_out": -1.0, "sms_out": -1.0},
    "missed": {"calls": 1.0, "answered": -1.0},
    "forwarded_calls": {"forwards": 1.0},
    "dropped_calls": {"drops": 1.0},
}


def _between(cuts: Sequence[int]) -> list[tuple[int, int]]:
    """Return (since, until) of each piece between two cuts."""
    return [(high, low) for low, high in pairwise(cuts)]


def _needed_sums(windows: Sequence[int], names: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return (what, since, until) in days before the moment for each sum that the features need."""
    found: set[tuple[str, int, int]] = set()
    for name in names:
        stem, days = _split(name, windows)
        whats = (stem,) if stem in TOTALS else SHARES.get(stem, ())
        found |= {(what, days, 0) for what in whats}
        found |= {(what, *span) for what in _compared(name) for span in (_RECENT, _OLDER)}
    return sorted(found)


def _compared(name: str) -> tuple[str, ...]:
    """Return the sums whose last month is compared with the two months before."""
    if name == "erosion_gap":
        return (CHANGES["outgoing_change"], CHANGES["incoming_change"])
    return (CHANGES[name],) if name in CHANGES else SHARE_CHANGES.get(name, ())


def _split(name: str, windows: Sequence[int]) -> tuple[str, int]:
    for days in windows:
        if name.endswith(f"_{days}d"):
            return name.removesuffix(f"_{days}d"), days
    return name, 0


def _name(what: str, since: int, until: int) -> str:
    return f"_{what}_{since}_{until}"


def _marks(what: str) -> nw.Expr:
    """Return the number (0 or 1, minutes, megabytes, money) that a record adds to the sum `what`."""
    import narwhals as nw

    mark: nw.Expr = _FLAGS[what]().cast(nw.Float64) if what in _FLAGS else _AMOUNTS[what]()
    return mark


def marks(names: Sequence[str]) -> dict[str, nw.Expr]:
    """Return what a record adds to each of the named sums."""
    return {name: _marks(name) for name in names}


def _kind(name: str) -> Any:
    import narwhals as nw

    return nw.col("kind") == name


def _out() -> Any:
    import narwhals as nw

    return nw.col("direction") == "out"


def _talks() -> Any:
    return _kind("voice") | _kind("sms")


def _flag(name: str) -> Any:
    import narwhals as nw

    return nw.col(name)


def _hour_between(first: int, last: int) -> Any:
    second = _flag("event_time") % DAY
    return (second >= first * 3600) & (second < last * 3600)


def _weekend() -> Any:
    return ((_flag("event_time") // DAY + 3) % 7) >= 5  # 1 January 1970 was a Thursday


def _dark() -> Any:
    """Bandicoot's night: not between 7 and 19 h, and both ends count as night."""
    second = _flag("event_time") % DAY
    return (second <= 7 * 3600) | (second >= 19 * 3600)


def _amount(name: str) -> Any:
    import narwhals as nw

    return nw.col(name).cast(nw.Float64)


def _times(flag: Any, amount: Any) -> Any:
    import narwhals as nw

    return flag.cast(nw.Float64) * amount


_FLAGS: dict[str, Any] = {
    "records": lambda: _flag("event_time") == _flag("event_time"),  # every record counts, in any engine's words
    "calls": lambda: _kind("voice"),
    "texts": lambda: _kind("sms"),
    "calls_out": lambda: _kind("voice") & _out(),
    "sms_out": lambda: _kind("sms") & _out(),
    "data_sessions": lambda: _kind("data"),
    "night": lambda: (_flag("event_time") % DAY) < _NIGHT_ENDS * 3600,
    "evening": lambda: _hour_between(18, 23),
    "business": lambda: _hour_between(9, 17) & ~_weekend(),
    "weekend": _weekend,
    "dark_calls": lambda: _kind("voice") & _dark(),
    "dark_texts": lambda: _kind("sms") & _dark(),
    "abroad": lambda: _flag("roaming"),
    "off_net": lambda: _talks() & ~_flag("on_net"),
    "forwards": lambda: _kind("voice") & _flag("forwarded"),
    "drops": lambda: _kind("voice") & _flag("dropped"),
    "answered": lambda: _kind("voice") & (_flag("duration_s") > 0),
}
_AMOUNTS: dict[str, Any] = {
    "minutes": lambda: _times(_kind("voice"), _amount("duration_s")) / 60.0,
    "minutes_out": lambda: _times(_kind("voice") & _out(), _amount("duration_s")) / 60.0,
    "minutes_in": lambda: _times(_kind("voice") & ~_out(), _amount("duration_s")) / 60.0,
    "on_net_minutes": lambda: _times(_kind("voice") & _flag("on_net"), _amount("duration_s")) / 60.0,
    "off_net_minutes": lambda: _times(_kind("voice") & ~_flag("on_net"), _amount("duration_s")) / 60.0,
    "data_mb": lambda: _amount("volume_mb"),
    "roaming_mb": lambda: _times(_flag("roaming"), _amount("volume_mb")),
    "night_mb": lambda: _times((_flag("event_time") % DAY) < _NIGHT_ENDS * 3600, _amount("volume_mb")),
    "weekend_mb": lambda: _times(_weekend(), _amount("volume_mb")),
    "charges": lambda: _amount("charge"),
}


MARKS = (*_FLAGS, *_AMOUNTS)  # all that is summed over records


def _with_counts(
    per_head: nw.LazyFrame[Any], records: nw.LazyFrame[Any], now: Moment, windows: Sequence[int], names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Add distinct contacts and active days: group by pair first, then count the pairs seen in each window."""
    import narwhals as nw

    time = nw.col("event_time")
    talks = records.filter(_talks()) if any(name.startswith(("contacts_", "talk_days_")) for name in names) else None
    keyed = {
        "contacts": (talks, "other_party"),
        "active_days": (records.with_columns((time // DAY).alias("_day")), "_day"),
        "talk_days": (None if talks is None else talks.with_columns((time // DAY).alias("_day")), "_day"),
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


def _feature(name: str, pieces: _Pieces, now: Moment, windows: Sequence[int]) -> nw.Expr:
    """Return the feature as an expression of the sums of a subscriber."""
    import narwhals as nw

    stem, days = _split(name, windows)
    if stem in TOTALS:
        return pieces.total(stem, days, 0)
    if stem in SHARES:
        part, whole = SHARES[stem]
        return ratio(pieces.total(part, days, 0), pieces.total(whole, days, 0))
    if name == "recency_days":
        return (float(now.seconds) - nw.col("_last")) / float(DAY)
    if name in SHARE_CHANGES:
        return _share_change(pieces, *SHARE_CHANGES[name])
    if name in CHANGES:
        return _rate_change(pieces, CHANGES[name])
    if name == "erosion_gap":
        return _rate_change(pieces, CHANGES["incoming_change"]) - _rate_change(pieces, CHANGES["outgoing_change"])
    return nw.col(name)


def _rate_change(pieces: _Pieces, what: str) -> nw.Expr:
    recent, older = pieces.total(what, *_RECENT), pieces.total(what, *_OLDER)
    return ratio(2.0 * recent - older, 2.0 * recent + older)


def _share_change(pieces: _Pieces, part: str, whole: str) -> nw.Expr:
    """Return the share in the last 30 days minus that in the 60 before; 0 where either is empty."""
    import narwhals as nw

    now, before = pieces.total(whole, *_RECENT), pieces.total(whole, *_OLDER)
    change = ratio(pieces.total(part, *_RECENT), now) - ratio(pieces.total(part, *_OLDER), before)
    return nw.when((now > 0.0) & (before > 0.0)).then(change).otherwise(0.0)


def _sum(parts: Sequence[nw.Expr]) -> nw.Expr:
    answer = parts[0]
    for part in parts[1:]:
        answer = answer + part
    return answer
