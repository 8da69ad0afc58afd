"""Features of rhythm, trend, circles, money and plans against plain Python, for some customers of a whole world."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.cdr import customer_view, features
from custval.synth import TelecomWorld

DAY = 86_400


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(
        n_subscribers=700,
        months=9,
        seed=11,
        scenario="prepaid market",
        behaviours="all",
        records_per_subscriber_month=25,
        parameters={"prepaid_share": 0.4},
    ).simulate()


@pytest.fixture(scope="module")
def as_of(world):
    return world.month_end(7)


@pytest.fixture(scope="module")
def view(world, as_of):
    return customer_view(world, as_of=as_of, features="all", engine="polars").set_index("subscriber_id")


@pytest.fixture(scope="module")
def some(view):
    return view.sort_values("records_90d").index[::23].tolist()


def of(world, table: str, who: int, column: str, as_of: int) -> list:
    rows = world.tables[table]
    return list(rows[(rows["subscriber_id"] == who) & (rows[column] <= as_of)].itertuples())


def near(view, who, name, value):
    assert view.loc[who, name] == pytest.approx(value, rel=1e-9, abs=1e-9), (who, name)


def share(part, whole):
    return part / whole if whole else 0.0


def test_rhythm_balance_and_means(world, view, some, as_of):
    for who in some:
        for days in (30, 90):
            rows = [row for row in of(world, "cdr", who, "event_time", as_of) if row.event_time > as_of - days * DAY]
            stamps = [dt.datetime.fromtimestamp(row.event_time, dt.UTC) for row in rows]
            calls = [row for row in rows if row.kind == "voice"]
            texts = [row for row in rows if row.kind == "sms"]
            business = [stamp.weekday() < 5 and 9 <= stamp.hour < 17 for stamp in stamps]
            near(view, who, f"business_share_{days}d", share(sum(business), len(rows)))
            near(view, who, f"evening_share_{days}d", share(sum(18 <= s.hour < 23 for s in stamps), len(rows)))
            mb = [row.volume_mb for row in rows]
            night = sum(one for one, stamp in zip(mb, stamps, strict=True) if stamp.hour < 7)
            week = sum(one for one, stamp in zip(mb, stamps, strict=True) if stamp.weekday() >= 5)
            near(view, who, f"night_data_share_{days}d", share(night, sum(mb)))
            near(view, who, f"weekend_data_share_{days}d", share(week, sum(mb)))
            near(view, who, f"calls_out_share_{days}d", share(sum(r.direction == "out" for r in calls), len(calls)))
            near(view, who, f"sms_out_share_{days}d", share(sum(r.direction == "out" for r in texts), len(texts)))
            seconds = sum(row.duration_s for row in calls)
            out = sum(row.duration_s for row in calls if row.direction == "out")
            near(view, who, f"minutes_out_share_{days}d", share(out, seconds))
            answered = sum(row.duration_s > 0 for row in calls)
            near(view, who, f"mean_call_minutes_{days}d", share(seconds / 60, answered))
            sessions = sum(row.kind == "data" for row in rows)
            near(view, who, f"mean_session_mb_{days}d", share(sum(mb), sessions))
            near(view, who, f"roaming_mb_{days}d", sum(row.volume_mb for row in rows if row.roaming))
            near(view, who, f"off_net_minutes_{days}d", sum(r.duration_s for r in calls if not r.on_net) / 60)
            near(view, who, f"on_net_minutes_{days}d", sum(r.duration_s for r in calls if r.on_net) / 60)
            near(view, who, f"records_{days}d", len(rows))


def test_trend_is_least_squares(world, view, some, as_of):
    x = np.arange(6.0)
    for who in some:
        rows = [row for row in of(world, "cdr", who, "event_time", as_of) if row.event_time > as_of - 90 * DAY]
        for name, kinds, weight in (("outgoing", ("voice", "sms"), None), ("data", ("data",), "volume_mb")):
            y = np.zeros(6)
            for row in rows:
                if row.kind in kinds and row.direction == "out":
                    y[5 - (as_of - row.event_time) // (15 * DAY)] += getattr(row, weight) if weight else 1.0
            (slope, _), covariance = np.polyfit(x, y, 1, cov=True)
            near(view, who, f"{name}_slope", 4 * slope)
            assert view.loc[who, f"{name}_slope_error"] == pytest.approx(4 * math.sqrt(covariance[0, 0]), abs=1e-6)


def test_circles(world, view, some, as_of):
    left = world.tables["departures"].set_index("subscriber_id")["departure_time"]
    gone = set(left.index[left <= as_of])
    for who in some:
        rows = [row for row in of(world, "cdr", who, "event_time", as_of) if row.event_time > as_of - 90 * DAY]
        talks = [row for row in rows if row.kind != "data"]
        n = Counter(row.other_party for row in talks)
        total = sum(n.values())
        near(view, who, "contact_entropy_90d", -sum(c / total * math.log(c / total) for c in n.values()) if n else 0)
        near(view, who, "top_contact_share_90d", share(max(n.values(), default=0), total))
        ways = {party: {row.direction for row in talks if row.other_party == party} for party in n}
        near(view, who, "reciprocity_90d", share(sum(len(way) == 2 for way in ways.values()), len(n)))
        upto, needed = 0, 0
        for count in sorted(n.values(), reverse=True):
            if upto < 0.8 * total:
                upto, needed = upto + count, needed + 1
        near(view, who, "pareto_share_90d", share(needed, len(n)))
        first = {party: min(r.event_time for r in talks if r.other_party == party) for party in n}
        last = {party: max(r.event_time for r in talks if r.other_party == party) for party in n}
        near(view, who, "new_contacts_90d", sum(time > as_of - 30 * DAY for time in first.values()))
        near(view, who, "lost_contacts_90d", sum(time <= as_of - 30 * DAY for time in last.values()))
        near(view, who, "departed_contacts_90d", len(gone & set(n)))
        near(view, who, "departed_contact_share_90d", share(len(gone & set(n)), len(n)))
        near(view, who, "departed_talk_share_90d", share(sum(n[party] for party in gone & set(n)), total))
        near(view, who, "departed_contacts_30d", sum(left[party] > as_of - 30 * DAY for party in gone & set(n)))
        gaps = {kind: np.diff(sorted(r.event_time for r in talks if r.kind == kind)) for kind in ("voice", "sms")}
        near(view, who, "longest_gap_days_90d", max([0, *gaps["voice"], *gaps["sms"]]) / DAY)
        calls = gaps["voice"]
        burst = (calls.std() - calls.mean()) / (calls.std() + calls.mean()) if len(calls) > 1 else 0.0
        near(view, who, "call_burstiness_90d", burst)


def test_top_ups_and_the_recharge_indicators_of_bandicoot(world, view, as_of):
    topups = world.tables["topups"]
    topups = topups[(topups["event_time"] <= as_of) & (topups["event_time"] > as_of - 90 * DAY)]
    checked = 0
    for who, mine in list(topups.groupby("subscriber_id"))[::5]:
        if who not in view.index:
            continue
        checked += 1
        time, amount = mine["event_time"].to_numpy(), mine["amount"].to_numpy()
        near(view, who, "topups_90d", len(mine))
        near(view, who, "topup_amount_90d", amount.sum())
        near(view, who, "topup_amount_mean_90d", amount.mean())
        near(view, who, "topup_amount_std_90d", amount.std())
        near(view, who, "topup_amount_median_90d", statistics.median(amount))
        near(view, who, "days_since_topup", (as_of - time.max()) / DAY)
        gaps = np.diff(time) / DAY
        if len(gaps):
            near(view, who, "topup_gap_mean_90d", gaps.mean())
            near(view, who, "topup_gap_max_90d", gaps.max())
            near(view, who, "topup_overdue_ratio_90d", (as_of - time.max()) / DAY / gaps.mean())
        else:
            near(view, who, "topup_overdue_ratio_90d", 0.0)
        upto, needed = 0.0, 0
        for one in sorted(amount, reverse=True):
            if upto < 0.8 * amount.sum():
                upto, needed = upto + one, needed + 1
        near(view, who, "topup_pareto_share_90d", needed / len(mine))
        held = sum(a * max(1, math.floor(gap)) / 2 for a, gap in zip(amount, gaps, strict=False))
        near(view, who, "topup_balance_90d", held / max(1, (time.max() - time.min()) // DAY))
    assert checked > 20


def test_money_contracts_and_accounts(world, view, some, as_of):
    people = world.tables["subscribers"].set_index("subscriber_id")
    left = world.tables["departures"].set_index("subscriber_id")["departure_time"]
    joined = people[people["activation"].astype("int64") <= as_of]
    for who in some:
        bills = [row for row in of(world, "bills", who, "bill_time", as_of) if row.bill_time > world.month_end(3)]
        amounts = [row.amount for row in bills]
        near(view, who, "bill_max_4m", max(amounts, default=0.0))
        near(view, who, "bill_std_4m", statistics.pstdev(amounts) if amounts else 0.0)
        near(view, who, "bill_shock", max(view.loc[who, "bill_change"], 0.0))
        last = [row.amount for row in bills if row.bill_time > world.month_end(6)]
        near(view, who, "overage_last", max(sum(last) - people.loc[who, "monthly_fee"], 0.0) if last else 0.0)
        paid = [
            (row.paid_time - row.due_time) / DAY
            for row in of(world, "payments", who, "paid_time", as_of)
            if world.month_end(1) < row.due_time <= as_of
        ]
        near(view, who, "late_payments_6m", sum(days > 0 for days in paid))
        near(view, who, "late_payment_share_6m", share(sum(days > 0 for days in paid), len(paid)))
        near(view, who, "days_late_mean_6m", share(sum(max(days, 0.0) for days in paid), len(paid)))
        aged = [row for row in of(world, "ageing", who, "month_end", as_of) if row.month_end > world.month_end(6)]
        owed = sum(row.days_1_30 + row.days_31_60 + row.days_61_90 + row.days_over_90 for row in aged)
        near(view, who, "overdue_amount", owed)
        near(view, who, "overdue_60_share", share(sum(r.days_61_90 + r.days_over_90 for r in aged), owed))
        renewed = of(world, "renewals", who, "event_time", as_of)
        near(view, who, "renewals", len(renewed))
        since = (as_of - max(row.event_time for row in renewed)) / DAY if renewed else -1.0
        near(view, who, "days_since_renewal", since)
        mates = joined.index[joined["account_id"] == people.loc[who, "account_id"]]
        away = sum(mate in left.index and left[mate] <= as_of for mate in mates)
        near(view, who, "account_departed", away)
        near(view, who, "account_lines", len(mates) - away)
        near(view, who, "account_departed_share", away / len(mates))
        near(view, who, "account_leader", float(people.loc[who, "account_id"] == who))
        care = [r for r in of(world, "contacts", who, "event_time", as_of) if r.kind == "complaint"]
        since = (as_of - max(row.event_time for row in care)) / DAY if care else 90.0
        near(view, who, "days_since_complaint", min(since, 90.0))
        near(view, who, "services_ever", len(of(world, "holdings", who, "added", as_of)))


def test_every_group_has_features_that_differ_between_customers(view):
    numbers = [feature for feature in features().features if feature.unit not in ("text", "true or false")]
    dull = [feature.name for feature in numbers if view[feature.name].nunique() < 2]
    assert set(dull) <= {"save_calls_30d", "save_calls_90d"}


def test_parties_named_in_another_way_are_refused(world, as_of):
    cdr = world.tables["cdr"].assign(other_party=world.tables["cdr"]["other_party"].astype(str))
    with pytest.raises(
        InputError, match="other_party of table 'cdr' is String but subscriber_id of 'departures' is Int64"
    ):
        customer_view({**world.tables, "cdr": cdr}, as_of=as_of, features=["departed_contacts_90d"], engine="polars")


def test_records_after_the_moment_change_nothing(world, as_of):
    before = customer_view(world, as_of=as_of, features="all", engine="polars")
    later = {}
    for name, column in (
        *(("cdr", "event_time"), ("topups", "event_time"), ("contacts", "event_time"), ("bills", "bill_time")),
        *(("payments", "paid_time"), ("ageing", "month_end"), ("renewals", "event_time"), ("holdings", "added")),
        ("departures", "departure_time"),
    ):
        table = world.tables[name]
        kept = table[table[column] <= as_of]
        planted = table.head(50).copy()
        planted[column] = as_of + 1 + np.arange(len(planted))
        later[name] = pd.concat([kept, planted], ignore_index=True)
    after = customer_view({**world.tables, **later}, as_of=as_of, features="all", engine="polars")
    pd.testing.assert_frame_equal(before, after, rtol=1e-12)
