"""Top-ups of prepaid subscribers: how many, how large, how regular, and how overdue the next one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.feature import Feature
from custval._cdr.moment import DAY, Moment
from custval._cdr.summaries import STATISTICS, Summary, ratio, summarised
from custval._cdr.windows import in_order

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("listed_topups", "topup_features")

_NEEDS = ("subscriber_id", "event_time", "amount")
_PARETO = 0.8


def listed_topups(windows: Sequence[int]) -> list[Feature]:
    """Return the features of top-ups: sums for every window, the order of top-ups for the longest."""
    made = []
    for days in windows:
        tail = f"in the last {days} days"
        made.append(_one(f"topups_{days}d", "top-ups", f"top-ups {tail}", "join"))
        made.append(_one(f"topup_amount_{days}d", "money", f"amount topped up {tail}", "join"))
    longest = max(windows)
    tail = f"in the last {longest} days"
    absent = float(longest)
    made.append(_one("days_since_topup", "days", f"days since the last top-up, at most {longest}", "join", absent))
    for column, words, unit in (
        ("topup_amount", "amount of a top-up", "money"),
        ("topup_gap", "days between top-ups", "days"),
    ):
        for statistic in STATISTICS:
            what = "number" if statistic in ("skewness", "kurtosis") else unit
            made.append(_one(f"{column}_{statistic}_{longest}d", what, f"{statistic} of: {words}, {tail}"))
    overdue = f"days since the last top-up / mean days between top-ups, {tail}; 0 with fewer than two"
    made.append(_one(f"topup_overdue_ratio_{longest}d", "ratio", overdue))
    share = f"fewest top-ups that make 80 % of the amount / top-ups, {tail}"
    made.append(_one(f"topup_pareto_share_{longest}d", "share 0..1", share))
    balance = "sum of amount x max(1, days to the next) / 2 over the days from the first top-up to the last, at least 1"
    made.append(_one(f"topup_balance_{longest}d", "money", f"{balance}, {tail}"))
    return made


def _one(name: str, unit: str, how: str, cost: str = "windows", absent: float = 0.0) -> Feature:
    return Feature(name, "top-ups", unit, how, "topups", _NEEDS, cost, absent=absent)


def topup_features(
    topups: nw.LazyFrame[Any], now: Moment, windows: Sequence[int], names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the features `names` of each subscriber who topped up within the longest window."""
    import narwhals as nw

    longest, time = max(windows), nw.col("event_time")
    seen = topups.filter((time > now.days_before(longest)) & (time <= now.seconds))
    marks = []
    for days in windows:
        inside = (time > now.days_before(days)).cast(nw.Float64)
        marks += [inside.alias(f"_n_{days}"), (inside * nw.col("amount").cast(nw.Float64)).alias(f"_amount_{days}")]
    amount = nw.col("amount").cast(nw.Float64).alias("topup_amount")
    seen = seen.select("subscriber_id", time.cast(nw.Float64).alias("_time"), amount, *marks)
    ordered = any(not name.startswith(("topups_", "days_since")) and not _is_sum(name, windows) for name in names)
    described = ["topup_amount", "topup_gap"] if ordered else []
    seen = _in_order(seen) if ordered else seen
    sums = [f"_{what}_{days}" for what in ("n", "amount") for days in windows]
    ends = [nw.col("_time").max().alias("_last"), nw.col("_time").min().alias("_first")]
    sums += ["_held", "_needed"] if ordered else []
    heads = summarised(seen, described, more=[*[nw.col(name).sum() for name in sums], *ends])
    return heads.select("subscriber_id", *[_made(name, now, windows).alias(name) for name in names])


def _is_sum(name: str, windows: Sequence[int]) -> bool:
    return name in {f"topup_amount_{days}d" for days in windows}


def _in_order(seen: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add the days to the top-up before, the balance held until the next, and whether it is one of the largest."""
    import narwhals as nw

    order = ["_time", "topup_amount"]
    mine = "subscriber_id"
    seen = in_order(seen, mine, *order).with_columns(
        nw.col("_time").shift(1).over(mine, order_by=order).alias("_before"),
        nw.col("topup_amount").shift(1).over(mine, order_by=order).alias("_amount_before"),
        (0.0 - nw.col("topup_amount")).alias("_minus"),
    )
    seen = seen.with_columns(((nw.col("_time") - nw.col("_before")) / float(DAY)).alias("topup_gap"))
    whole = nw.col("topup_gap").floor()
    held = nw.when(whole > 1.0).then(whole).otherwise(1.0) * nw.col("_amount_before") / 2.0
    seen = in_order(seen, mine, "_minus", "_time").with_columns(
        nw.when(~nw.col("topup_gap").is_null()).then(held).otherwise(0.0).alias("_held"),
        nw.col("topup_amount").cum_sum().over(mine, order_by=["_minus", "_time"]).alias("_upto"),
        nw.col("topup_amount").sum().over(mine).alias("_total"),
    )
    needed = nw.col("_upto") - nw.col("topup_amount") < _PARETO * nw.col("_total")
    return seen.with_columns(needed.cast(nw.Float64).alias("_needed"))


def _made(name: str, now: Moment, windows: Sequence[int]) -> nw.Expr:
    import narwhals as nw

    since = (float(now.seconds) - nw.col("_last")) / float(DAY)
    if name == "days_since_topup":
        return since
    for days in windows:
        if name == f"topups_{days}d":
            return nw.col(f"_n_{days}")
        if name == f"topup_amount_{days}d":
            return nw.col(f"_amount_{days}")
    stem = name.removesuffix(f"_{max(windows)}d")
    gap = Summary("topup_gap")
    if stem == "topup_overdue_ratio":
        return ratio(since, gap.statistic("mean"))
    if stem == "topup_pareto_share":
        return ratio(nw.col("_needed"), nw.col(f"_n_{max(windows)}"))
    if stem == "topup_balance":
        days_between = ((nw.col("_last") - nw.col("_first")) / float(DAY)).floor()
        return nw.col("_held") / nw.when(days_between > 1.0).then(days_between).otherwise(1.0)
    column, statistic = stem.rsplit("_", 1)
    return Summary(column).statistic(statistic)
