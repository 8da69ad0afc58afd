"""Bad rows: counted by table and rule, and set aside by the view."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.cdr import check_tables, customer_view
from custval.synth import TelecomWorld

ENGINES = ("duckdb", "polars", "pandas")


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=150, months=3, seed=3, records_per_subscriber_month=10).simulate()


@pytest.fixture(scope="module")
def spoiled(world):
    """The world with 12 bad records: 3 negative and 2 missing durations, 1 negative volume, 4 strangers, 2 kinds."""
    cdr = world.tables["cdr"].copy()
    cdr.loc[[0, 5, 9], "duration_s"] = -1.0
    cdr.loc[[11, 12], "duration_s"] = np.nan
    cdr.loc[20, "volume_mb"] = -3.0
    cdr.loc[[30, 31, 32, 33], "subscriber_id"] = 5
    cdr["kind"] = cdr["kind"].astype(str)
    cdr.loc[[40, 41], "kind"] = "fax"
    bills = world.tables["bills"].copy()
    bills.loc[0, "amount"] = -4.0
    people = pd.concat([world.tables["subscribers"], world.tables["subscribers"].iloc[:2]], ignore_index=True)
    return {**world.tables, "cdr": cdr, "bills": bills, "subscribers": people}


@pytest.mark.parametrize("engine", ENGINES)
def test_bad_rows_are_counted(spoiled, engine):
    pytest.importorskip(engine)
    report = check_tables(spoiled, engine=engine)
    counts = {(t, r): int(b) for t, r, b in zip(report.table, report.rule, report.bad, strict=True) if b}
    assert counts == {
        ("cdr", "duration_s is a number >= 0"): 5,
        ("cdr", "volume_mb is a number >= 0"): 1,
        ("cdr", "subscriber is known"): 4,
        ("cdr", "kind is one of voice, sms, data"): 2,
        ("bills", "amount is a number >= 0"): 1,
        ("subscribers", "subscriber_id stands once"): 2,
    }
    assert not report.clean
    assert set(report.rows[report.table == "cdr"]) == {len(spoiled["cdr"])}


@pytest.mark.parametrize("engine", ENGINES)
def test_sound_tables_are_clean(world, engine):
    pytest.importorskip(engine)
    report = check_tables(world, engine=engine)
    assert report.clean
    assert len(report.to_frame()) == len(report.rule)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_view_is_as_if_bad_records_were_not_there(world, spoiled, engine):
    pytest.importorskip(engine)
    cdr = spoiled["cdr"]
    good = cdr[(cdr["duration_s"] >= 0) & (cdr["volume_mb"] >= 0) & (cdr["subscriber_id"] > 5)]
    as_of = world.month_end(1)
    one = customer_view(
        {**world.tables, "cdr": cdr}, as_of=as_of, features=["volume", "mix", "contacts"], engine=engine
    )
    two = customer_view(
        {**world.tables, "cdr": good}, as_of=as_of, features=["volume", "mix", "contacts"], engine=engine
    )
    pd.testing.assert_frame_equal(one, two)


def test_a_missing_key_column_is_refused(world):
    with pytest.raises(InputError, match="table 'cdr' has no column 'kind'"):
        check_tables({**world.tables, "cdr": world.tables["cdr"].drop(columns="kind")}, engine="pandas")


def test_empty_tables_are_sound(world):
    empty = {name: table.iloc[:0] for name, table in world.tables.items() if name != "subscribers"}
    tables = {**empty, "subscribers": world.tables["subscribers"]}
    assert check_tables(tables, engine="pandas").clean
    view = customer_view(tables, as_of=world.month_end(3), engine="pandas")
    assert (view["recency_days"] == 90).all()
    assert (view[["calls_out_30d", "bill_last", "services_held"]] == 0).all(axis=None)


@pytest.mark.parametrize("engine", ENGINES)
def test_implausible_times_repeats_and_missing_ids_are_counted(world, engine):
    pytest.importorskip(engine)
    cdr, bills, held = (world.tables[name].copy() for name in ("cdr", "bills", "holdings"))
    cdr.loc[[1, 2, 3], "event_time"] *= 1000
    cdr["subscriber_id"] = cdr["subscriber_id"].astype(float)
    cdr.loc[[7, 8], "subscriber_id"] = np.nan
    view = customer_view({**world.tables, "cdr": cdr}, as_of=world.month_end(3), engine=engine)
    assert len(view) == len(customer_view(world, as_of=world.month_end(3), features=["age"], engine="pandas"))
    bills = pd.concat([bills, bills.iloc[:4]], ignore_index=True)
    held = pd.concat([held, held.iloc[:5]], ignore_index=True)
    left = pd.concat([world.tables["departures"], world.tables["departures"].iloc[:1]], ignore_index=True)
    report = check_tables(
        {**world.tables, "cdr": cdr, "bills": bills, "holdings": held, "departures": left}, engine=engine
    )
    counts = {(t, r): int(b) for t, r, b in zip(report.table, report.rule, report.bad, strict=True) if b}
    assert counts == {
        ("cdr", "event_time lies within 1980..2100 in epoch seconds"): 3,
        ("cdr", "subscriber_id is there"): 2,
        ("bills", "subscriber_id, bill_time stand once"): 4,
        ("holdings", "subscriber_id, service, added stand once"): 5,
        ("departures", "subscriber_id stand once"): 1,
    }
