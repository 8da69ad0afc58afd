"""Features of the account: who is a customer at a moment, contract, bills, care contacts and services held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.moment import DAY, Moment
from custval._cdr.summaries import ratio

if TYPE_CHECKING:
    import narwhals as nw

__all__ = (
    "active_subscribers",
    "ageing_features",
    "care_features",
    "money_features",
    "payment_features",
    "renewal_features",
    "service_features",
)

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
    known = here.collect_schema().names()
    hidden = [nw.col(name).alias(f"_own_{name}") for name in ("plan", "monthly_fee") if name in known]
    shown = [made[name](now).alias(name) if name in made else nw.col(name) for name in names]
    return here.select("subscriber_id", *shown, *hidden)


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
    squared = [name for name in names if name == "bill_std_4m"]
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
    amount = nw.col("amount").cast(nw.Float64)
    power = [(amount * amount).alias("_squares"), (amount * 0.0 + 1.0).alias("_all"), amount.alias("_amounts")]
    peak = [amount.alias("_peak")] if "bill_max_4m" in names else []
    wide = seen.select("subscriber_id", "_recent", "_before", *parts, *(power if squared else []), *peak)
    summed = ["_recent", "_before", *[f"{name}{span}" for name in columns for span in ("_last", "_recent", "_before")]]
    summed += ["_squares", "_all", "_amounts"] if squared else []
    per_head = wide.group_by("subscriber_id").agg(
        *[nw.col(name).sum() for name in summed], *[nw.col("_peak").max() for _ in peak]
    )
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
    if name in ("bill_last", "overage_last"):  # the fee is taken off where the subscriber is known
        return col("amount_last")
    if name == "bill_mean_3m":
        return ratio(col("amount_recent"), col("_recent"))
    if name == "arrears_share_3m":
        return ratio(col("arrears_recent"), col("amount_recent"))
    if name == "unpaid_last":
        return (col("arrears_last") > 0.0).cast(nw.Float64)
    if name in ("bill_change", "bill_shock"):
        change = ratio(col("amount_last") * col("_before"), col("amount_before")) - 1.0
        both = (col("amount_before") > 0.0) & (col("amount_last") > 0.0)
        change = nw.when(both).then(change).otherwise(0.0)
        return change if name == "bill_change" else nw.when(change > 0.0).then(change).otherwise(0.0)
    if name == "bill_max_4m":
        return col("_peak")
    if name == "bill_std_4m":
        mean = ratio(col("_amounts"), col("_all"))
        variance = ratio(col("_squares"), col("_all")) - mean * mean
        return nw.when(variance > 1e-12 * mean * mean).then(variance).otherwise(0.0) ** 0.5
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
    since = ((float(now.seconds) - time.cast(nw.Float64)) / float(DAY)).alias("days_since_complaint")
    late = [name for name in names if name == "days_since_complaint"]
    wide = seen.select("subscriber_id", nw.col("kind"), *counts, *([since] if late else []))
    summed = [nw.col(name).sum() for name in names if name not in late]
    if not late:
        return wide.group_by("subscriber_id").agg(*summed)
    complaint = nw.when(nw.col("kind") == "complaint").then(nw.col("days_since_complaint"))
    wide = wide.with_columns(complaint.alias("days_since_complaint"))
    heads = wide.group_by("subscriber_id").agg(*summed, nw.col("days_since_complaint").min())
    return heads.select("subscriber_id", *names)


def service_features(holdings: nw.LazyFrame[Any], now: Moment, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return how many services are held, and how many came and went in the last 90 days."""
    import narwhals as nw

    added, removed, since = nw.col("added"), nw.col("removed"), now.days_before(90)
    seen = holdings.filter(added <= now.seconds)
    made = {
        "services_held": (removed == -1) | (removed > now.seconds),
        "services_added_90d": added > since,
        "services_dropped_90d": (removed > since) & (removed <= now.seconds),
        "services_ever": added <= now.seconds,
    }
    wide = seen.select("subscriber_id", *[made[name].cast(nw.Float64).alias(name) for name in names])
    return wide.group_by("subscriber_id").agg(*[nw.col(name).sum() for name in names])


def payment_features(payments: nw.LazyFrame[Any], now: Moment, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return how the bills due in the last 6 months were paid, as far as payments had come in by the moment."""
    import narwhals as nw

    due, paid = nw.col("due_time"), nw.col("paid_time")
    seen = payments.filter((paid <= now.seconds) & (due > now.months_before(6)) & (due <= now.seconds))
    late = ((paid.cast(nw.Float64) - due.cast(nw.Float64)) / float(DAY)).alias("_days")
    seen = seen.select("subscriber_id", late).with_columns(
        (nw.col("_days") > 0.0).cast(nw.Float64).alias("_late"),
        nw.when(nw.col("_days") > 0.0).then(nw.col("_days")).otherwise(0.0).alias("_days"),
        (nw.col("_days") * 0.0 + 1.0).alias("_paid"),
    )
    heads = seen.group_by("subscriber_id").agg(*[nw.col(name).sum() for name in ("_late", "_days", "_paid")])
    made = {
        "late_payments_6m": nw.col("_late"),
        "late_payment_share_6m": ratio(nw.col("_late"), nw.col("_paid")),
        "days_late_mean_6m": ratio(nw.col("_days"), nw.col("_paid")),
    }
    return heads.select("subscriber_id", *[made[name].alias(name) for name in names])


def ageing_features(ageing: nw.LazyFrame[Any], now: Moment, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return what was overdue at the last month's end before the moment, and how much of it for over 60 days."""
    import narwhals as nw

    end = nw.col("month_end")
    seen = ageing.filter((end <= now.seconds) & (end > now.months_before(1)))
    old = nw.col("days_61_90").cast(nw.Float64) + nw.col("days_over_90").cast(nw.Float64)
    young = nw.col("days_1_30").cast(nw.Float64) + nw.col("days_31_60").cast(nw.Float64)
    heads = seen.select("subscriber_id", (young + old).alias("_overdue"), old.alias("_old"))
    heads = heads.group_by("subscriber_id").agg(nw.col("_overdue").sum(), nw.col("_old").sum())
    made = {"overdue_amount": nw.col("_overdue"), "overdue_60_share": ratio(nw.col("_old"), nw.col("_overdue"))}
    return heads.select("subscriber_id", *[made[name].alias(name) for name in names])


def renewal_features(renewals: nw.LazyFrame[Any], now: Moment, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return how many terms were renewed by the moment, and how long ago the last one was."""
    import narwhals as nw

    seen = renewals.filter(nw.col("event_time") <= now.seconds)
    heads = seen.select("subscriber_id", nw.col("event_time").cast(nw.Float64).alias("_time"))
    heads = heads.with_columns((nw.col("_time") * 0.0 + 1.0).alias("_n"))
    heads = heads.group_by("subscriber_id").agg(nw.col("_n").sum(), nw.col("_time").max())
    since = (float(now.seconds) - nw.col("_time")) / float(DAY)
    made = {"renewals": nw.col("_n"), "days_since_renewal": since}
    return heads.select("subscriber_id", *[made[name].alias(name) for name in names])
