"""Every individual indicator of bandicoot equals its (mended) values, also on parts of the week and of the day."""

from __future__ import annotations

import csv
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from custval.cdr import customer_view

# their name -> our feature, without the window; {} is call or text, {}_ a statistic follows
OURS = {
    "active_days": "talk_days",
    "number_of_contacts": "{}_contacts",
    "call_duration": "call_duration_",
    "percent_nocturnal": "{}_nocturnal_share",
    "percent_initiated_conversations": "initiated_conversations_share",
    "percent_initiated_interactions": "calls_out_share",
    "response_delay_text": "text_response_delay_",
    "response_rate_text": "text_response_rate",
    "entropy_of_contacts": "{}_contact_entropy",
    "balance_of_contacts": "{}_balance_",
    "balance_of_contacts_unweighted": "{}_balance_unweighted_",
    "interactions_per_contact": "{}_per_contact_",
    "interevent_time": "{}_interevent_",
    "percent_pareto_interactions": "{}_pareto_share",
    "percent_pareto_durations": "call_duration_pareto_share",
    "number_of_interactions": {"call": ("calls_out", "calls_in"), "text": ("sms_out", "sms_in")},
    "number_of_interactions_out": {"call": ("calls_out",), "text": ("sms_out",)},
}
WINDOW = 200
USERS = ("demo_ego", "cns_3", "cns_4", "cns_6")


def records(shared, user: str) -> pd.DataFrame:
    with (shared / "reference" / "cdr_users" / f"{user}.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = {name: place for place, name in enumerate(sorted({row["correspondent_id"] for row in rows}), start=100)}
    stamps = [dt.datetime.fromisoformat(row["datetime"]).replace(tzinfo=dt.UTC) for row in rows]
    return pd.DataFrame(
        {
            "subscriber_id": 1,
            "event_time": [int(stamp.timestamp()) for stamp in stamps],
            "kind": ["voice" if row["interaction"] == "call" else "sms" for row in rows],
            "direction": [row["direction"] for row in rows],
            "other_party": [names[row["correspondent_id"]] for row in rows],
            "duration_s": [float(row["call_duration"] or 0) for row in rows],
        }
    )


def part_of(cdr: pd.DataFrame, week: str, day: str) -> pd.DataFrame:
    weekday = (cdr["event_time"] // 86_400 + 3) % 7
    second = cdr["event_time"] % 86_400
    night = (second <= 7 * 3600) | (second >= 19 * 3600)
    keep = np.ones(len(cdr), dtype=bool)
    keep &= {"allweek": True, "weekday": weekday < 5, "weekend": weekday >= 5}[week]
    keep &= {"allday": True, "day": ~night, "night": night}[day]
    return cdr[keep]


NEEDED = sorted(
    {
        f"{name.format(kind)}{statistic}_{WINDOW}d"
        for name in OURS.values()
        if isinstance(name, str)
        for kind in ("call", "text")
        for statistic in (
            ("mean", "std", "median", "skewness", "kurtosis", "min", "max") if name.endswith("_") else ("",)
        )
    }
    | {f"{name}_{WINDOW}d" for name in ("calls_out", "calls_in", "sms_out", "sms_in")}
)


def compare(row: pd.Series, indicator: str, kind: str, expected) -> int:
    name = OURS[indicator]
    if isinstance(name, dict):
        made = sum(row[f"{one}_{WINDOW}d"] for one in name[kind])
        assert made == (expected or 0), (indicator, kind)
        return 1
    if isinstance(expected, dict):
        for statistic, value in expected.items():
            made = row[f"{name.format(kind)}{statistic}_{WINDOW}d"]
            assert made == pytest.approx(value or 0.0, rel=1e-9, abs=1e-9), (indicator, kind, statistic)
        return len(expected)
    if name.endswith("_"):  # no such record at all
        assert row[f"{name.format(kind)}mean_{WINDOW}d"] == 0
        return 1
    made = row[f"{name.format(kind)}_{WINDOW}d"]
    assert made == pytest.approx(expected or 0.0, rel=1e-9), (indicator, kind)
    return 1


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas"])
def test_every_indicator_of_every_user(reference, shared, engine):
    pytest.importorskip(engine)
    people = pd.DataFrame({"subscriber_id": [1], "activation": pd.to_datetime(["2000-01-01"])})
    checked = 0
    for user in USERS:
        cdr = records(shared, user)
        as_of = int(cdr["event_time"].max()) + 1
        view = customer_view(
            {"subscribers": people, "cdr": cdr}, as_of=as_of, windows=(WINDOW,), features=NEEDED, engine=engine
        )
        values = reference("cdr")["users"][user]["values"]
        assert set(values) == set(OURS)
        for indicator, parts in values.items():
            for kind, expected in parts["allweek"]["allday"].items():
                checked += compare(view.iloc[0], indicator, kind, expected)
    assert checked > 250


@pytest.mark.parametrize("user", USERS)
def test_every_indicator_of_each_part_of_week_and_day(reference, shared, user):
    cdr = records(shared, user)
    split = reference("cdr")["users"][user]["split_values"]
    as_of, parts = int(cdr["event_time"].max()) + 1, {}
    for place, (week, day) in enumerate(
        (w, d) for w in ("allweek", "weekday", "weekend") for d in ("allday", "day", "night")
    ):
        parts[week, day] = part_of(cdr, week, day).assign(subscriber_id=place)
    people = pd.DataFrame({"subscriber_id": range(9), "activation": pd.to_datetime(["2000-01-01"] * 9)})
    tables = {"subscribers": people, "cdr": pd.concat(parts.values(), ignore_index=True)}
    view = customer_view(tables, as_of=as_of, windows=(WINDOW,), features=NEEDED, engine="pandas")
    for indicator, weeks in split.items():
        for week, days in weeks.items():
            for day, kinds in days.items():
                for kind, expected in kinds.items():
                    compare(view.iloc[list(parts).index((week, day))], indicator, kind, expected)
