"""What the same use would have cost under every plan: is the plan right for the customer?

A bill is the plan's fee, and what lies beyond its allowances at its prices:
fee + max(0, minutes - included) x price per minute, and so for messages and megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._cdr.feature import Feature
from custval._cdr.moment import Moment
from custval._cdr.schema import COLUMNS, check_columns
from custval._cdr.summaries import ratio
from custval._core.errors import InputError
from custval._core.validation import check_rows

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("Tariff", "listed_rating", "monthly_use", "rating_features", "read_tariffs")

DAYS = 30
_USES = (
    ("minutes", "included_minutes", "price_per_minute"),
    ("sms", "included_sms", "price_per_sms"),
    ("mb", "included_mb", "price_per_mb"),
)
_CDR = ("subscriber_id", "event_time", "kind", "direction", "duration_s", "volume_mb")
_PLANS = (("plans", tuple(COLUMNS["plans"])), ("subscribers", ("plan",)))


@dataclass(frozen=True, slots=True)
class Tariff:
    """One plan: its name, fee, allowances and prices of what is beyond them."""

    plan: str
    fee: float
    included: tuple[float, float, float]
    prices: tuple[float, float, float]

    def bill(self) -> nw.Expr:
        """Return the bill of a month's use."""
        import narwhals as nw

        total = nw.col("_minutes") * 0.0 + self.fee
        for (use, _, _), included, price in zip(_USES, self.included, self.prices, strict=True):
            beyond = nw.col(f"_{use}") - included
            total = total + nw.when(beyond > 0.0).then(beyond * price).otherwise(0.0)
        return total


def listed_rating() -> list[Feature]:
    """Return the features of re-rating."""
    rows = (
        ("plan_bill", "money per month", "bill of the last 30 days' use under the own plan"),
        ("best_plan_bill", "money per month", "smallest bill of the last 30 days' use under any plan"),
        ("overpay_share", "share 0..1", "(plan_bill - best_plan_bill) / plan_bill; 0 where the plan is unknown"),
        ("best_plan", "text", "plan with the smallest bill, the first of several"),
    )
    return [Feature(name, "rating", unit, how, "cdr", _CDR, "second pass", also=_PLANS) for name, unit, how in rows]


def read_tariffs(plans: nw.LazyFrame[Any]) -> list[Tariff]:
    """Collect the table of plans and refuse one that repeats a plan or holds negative or missing numbers."""
    check_columns("plans", dict(plans.collect_schema()), COLUMNS["plans"])
    frame: Any = plans.select(*COLUMNS["plans"]).collect()
    names = [str(name) for name in frame["plan"].to_list()]
    if not names:
        raise InputError("table 'plans' has no rows; give one row for each plan")
    if len(set(names)) < len(names):
        raise InputError(f"{len(names) - len(set(names))} of {len(names)} rows of table 'plans' repeat a plan")
    numbers: dict[str, list[float]] = {}
    for name in COLUMNS["plans"]:
        if name != "plan":
            values = np.asarray(frame[name].to_numpy(), dtype=np.float64)
            check_rows(values >= 0, values, name=f"{name} of table 'plans'", rule="be >= 0")
            numbers[name] = values.tolist()
    return [_tariff(name, {key: column[row] for key, column in numbers.items()}) for row, name in enumerate(names)]


def _tariff(name: str, row: Mapping[str, float]) -> Tariff:
    minutes, sms, mb = (row[included] for _, included, _ in _USES)
    prices = tuple(row[price] for _, _, price in _USES)
    return Tariff(name, row["monthly_fee"], (minutes, sms, mb), (prices[0], prices[1], prices[2]))


def monthly_use(records: nw.LazyFrame[Any], now: Moment, days: int = DAYS) -> nw.LazyFrame[Any]:
    """Return outgoing minutes and messages and megabytes of each subscriber in the last `days`, as for 30 days."""
    import narwhals as nw

    out, time = nw.col("direction") == "out", nw.col("event_time")
    seen = records.filter((time > now.days_before(days)) & (time <= now.seconds))
    minutes = ((nw.col("kind") == "voice") & out).cast(nw.Float64) * nw.col("duration_s").cast(nw.Float64) / 60.0
    sms = ((nw.col("kind") == "sms") & out).cast(nw.Float64)
    marked = seen.select(
        "subscriber_id",
        minutes.alias("_minutes"),
        sms.alias("_sms"),
        nw.col("volume_mb").cast(nw.Float64).alias("_mb"),
    )
    sums = marked.group_by("subscriber_id").agg(*[nw.col(f"_{use}").sum() for use, _, _ in _USES])
    scale = float(DAYS) / float(days)
    return sums.select("subscriber_id", *[(nw.col(f"_{use}") * scale).alias(f"_{use}") for use, _, _ in _USES])


def rating_features(
    base: nw.LazyFrame[Any],
    use: nw.LazyFrame[Any],
    tariffs: Sequence[Tariff],
    names: Sequence[str],
    *,
    also: Mapping[str, nw.Expr] | None = None,
) -> nw.LazyFrame[Any]:
    """Return the features `names` (and `also`) for the customers of `base`, which holds subscriber_id and plan."""
    import narwhals as nw

    rated = base.join(use, on="subscriber_id", how="left")
    rated = rated.with_columns(*[nw.col(f"_{one}").fill_null(0.0) for one, _, _ in _USES])
    bills = [(tariff.plan, f"_bill_{place}", tariff.bill()) for place, tariff in enumerate(tariffs)]
    rated = rated.with_columns(*[bill.alias(column) for _, column, bill in bills])
    own, best, name = nw.col("_minutes") * 0.0 - 1.0, nw.col("_bill_0"), _word(tariffs[0].plan)
    for place, (plan, column, _) in enumerate(bills):
        own = nw.when(nw.col("plan") == plan).then(nw.col(column)).otherwise(own)
        if place:
            name = nw.when(nw.col(column) < best).then(_word(plan)).otherwise(name)
            best = nw.when(nw.col(column) < best).then(nw.col(column)).otherwise(best)
    made = {
        "plan_bill": nw.when(own > 0.0).then(own).otherwise(0.0),
        "best_plan_bill": best,
        "overpay_share": nw.when(own > 0.0).then(ratio(own - best, own)).otherwise(0.0),
        "best_plan": name,
    }
    if also is not None:
        more = [bill.alias(column) for column, bill in also.items()]
        return rated.select("subscriber_id", "plan", *more, *[made[one].alias(one) for one in names])
    return rated.select("subscriber_id", *[made[one].alias(one) for one in names])


def _word(text: str) -> nw.Expr:
    import narwhals as nw

    return nw.lit(text)
