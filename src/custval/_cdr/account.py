"""Features of the account: who is a customer at a moment, contract, bills, care contacts and services held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.moment import Moment
from custval._cdr.usage import ratio

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("active_subscribers", "care_features", "money_features", "service_features")

_TERMS = {"one year": 12, "two years": 24}
_CARE = {"complaints": "complaint", "enquiries": "enquiry", "save_calls": "retention"}


def active_subscribers(
    subscribers: nw.LazyFrame[Any], departures: nw.LazyFrame[Any] | None, now: Moment, names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the subscribers who joined by the moment and have not left by it, with the features `names`."""
    import narwhals as nw

    here = subscribers.filter(nw.col("activation") <= now.datetime)
    if departures is not None:
        gone = departures.filter(nw.col("departure_time") <= now.seconds).select("subscriber_id")
        here = here.join(gone, on="subscriber_id", how="anti")
    made = {"tenure_months": _tenure, "months_to_end": _months_to_end}
    return here.select("subscriber_id", *[made[name](now).alias(name) if name in made else name for name in names])


def _month(column: str) -> nw.Expr:
    import narwhals as nw

    return nw.col(column).dt.year().cast(nw.Float64) * 12.0 + nw.col(column).dt.month().cast(nw.Float64)


def _tenure(now: Moment) -> nw.Expr:
    return float(now.month) - _month("activation")


def _months_to_end(now: Moment) -> nw.Expr:
    """Return the months that the running term still has; a term that ended rolls over by its own length."""
    import narwhals as nw

    ahead = (_month("contract_end") - float(now.month)).fill_null(0.0)
    ahead = nw.when(~nw.col("contract_end").is_null()).then(ahead).otherwise(0.0).cast(nw.Int64)
    answer = nw.when(ahead > 0).then(ahead).otherwise(0)
    for contract, term in _TERMS.items():
        # far enough from 0 that the remainder is of a positive number: engines differ on negative ones
        rolled = (ahead - 1 + 1000 * term) % term + 1
        known = (nw.col("contract") == contract) & ~nw.col("contract_end").is_null()
        answer = nw.when(known).then(rolled).otherwise(answer)
    return answer.cast(nw.Float64)


def money_features(bills: nw.LazyFrame[Any], now: Moment, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return money features for each subscriber with a bill in the last 4 months."""
    import narwhals as nw

    time = nw.col("bill_time")
    seen = bills.filter((time > now.months_before(4)) & (time <= now.seconds))
    seen = seen.with_columns(
        (time > now.months_before(1)).cast(nw.Float64).alias("_last"),
        (time > now.months_before(3)).cast(nw.Float64).alias("_recent"),
        (time <= now.months_before(1)).cast(nw.Float64).alias("_before"),
    )
    columns = [name for name in ("amount", "interconnect", "cost_to_serve", "arrears") if _wanted(name, names)]
    parts = [
        (nw.col(name).cast(nw.Float64) * nw.col(span)).alias(f"{name}{span}")
        for name in columns
        for span in ("_last", "_recent", "_before")
    ]
    wide = seen.select("subscriber_id", "_recent", "_before", *parts)
    summed = ["_recent", "_before", *[f"{name}{span}" for name in columns for span in ("_last", "_recent", "_before")]]
    per_head = wide.group_by("subscriber_id").agg(*[nw.col(name).sum() for name in summed])
    return per_head.select("subscriber_id", *[_money(name).alias(name) for name in names])


def _wanted(column: str, names: Sequence[str]) -> bool:
    """Say whether a column of bills is needed, so that tables without costs still give the bills."""
    if column == "amount":
        return any(name != "unpaid_last" for name in names)
    if column == "arrears":
        return any(name in names for name in ("arrears_share_3m", "unpaid_last", "margin_mean_3m"))
    return "margin_mean_3m" in names


def _money(name: str) -> nw.Expr:
    import narwhals as nw

    col = nw.col
    if name == "bill_last":
        return col("amount_last")
    if name == "bill_mean_3m":
        return ratio(col("amount_recent"), col("_recent"))
    if name == "arrears_share_3m":
        return ratio(col("arrears_recent"), col("amount_recent"))
    if name == "unpaid_last":
        return (col("arrears_last") > 0.0).cast(nw.Float64)
    if name == "bill_change":
        change = ratio(col("amount_last") * col("_before"), col("amount_before")) - 1.0
        both = (col("amount_before") > 0.0) & (col("amount_last") > 0.0)
        return nw.when(both).then(change).otherwise(0.0)
    costs = col("interconnect_recent") + col("cost_to_serve_recent") + col("arrears_recent")
    return ratio(col("amount_recent") - costs, col("_recent"))


def care_features(
    contacts: nw.LazyFrame[Any], now: Moment, windows: Sequence[int], names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return counts of complaints, enquiries and retention calls in each window."""
    import narwhals as nw

    time = nw.col("event_time")
    seen = contacts.filter((time > now.days_before(max(windows))) & (time <= now.seconds))
    counts = [
        ((nw.col("kind") == kind) & (time > now.days_before(days))).cast(nw.Float64).alias(f"{name}_{days}d")
        for name, kind in _CARE.items()
        for days in windows
        if f"{name}_{days}d" in names
    ]
    wide = seen.select("subscriber_id", *counts)
    return wide.group_by("subscriber_id").agg(*[nw.col(name).sum() for name in names])


def service_features(holdings: nw.LazyFrame[Any], now: Moment, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return how many services are held, and how many came and went in the last 90 days."""
    import narwhals as nw

    added, removed, since = nw.col("added"), nw.col("removed"), now.days_before(90)
    seen = holdings.filter(added <= now.seconds)
    made = {
        "services_held": (removed == -1) | (removed > now.seconds),
        "services_added_90d": added > since,
        "services_dropped_90d": (removed > since) & (removed <= now.seconds),
    }
    wide = seen.select("subscriber_id", *[made[name].cast(nw.Float64).alias(name) for name in names])
    return wide.group_by("subscriber_id").agg(*[nw.col(name).sum() for name in names])
