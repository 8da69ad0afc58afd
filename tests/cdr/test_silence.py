"""A table that counts for nothing is named with its reason; text names customers as well as numbers do."""

from __future__ import annotations

import pandas as pd
import pytest

from custval import DataWarning, InputError
from custval.cdr import check_tables, customer_view
from custval.synth import TelecomWorld

ENGINES = ("duckdb", "polars", "pandas")


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=60, months=3, seed=3, records_per_subscriber_month=8).simulate()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("table", "change", "reason"),
    [
        (
            "cdr",
            lambda t: t.assign(kind=t["kind"].astype(str).str.upper()),
            "its kind holds 'DATA', 'SMS', 'VOICE', but",
        ),
        (
            "cdr",
            lambda t: t.assign(direction=t["direction"].astype(str).str.upper()),
            "its direction holds 'IN', 'OUT'",
        ),
        ("cdr", lambda t: t.assign(event_time=t["event_time"] * 1000), "milliseconds must be divided by 1000"),
        ("cdr", lambda t: t.assign(event_time=t["event_time"] + 4 * 366 * 86_400), "its earliest event_time is 20"),
        ("bills", lambda t: t.assign(subscriber_id=-t["subscriber_id"]), "no subscriber_id of it is in table"),
    ],
)
def test_a_table_that_adds_nothing_is_named_with_its_reason(world, engine, table, change, reason):
    pytest.importorskip(engine)
    tables = {"subscribers": world.tables["subscribers"], table: change(world.tables[table])}
    with pytest.warns(DataWarning, match=f"^table {table!r} adds nothing to the view: .*{reason}") as seen:
        customer_view(tables, as_of=world.month_end(3), engine=engine)
    assert len(seen) == 1


def test_a_moment_far_beyond_all_records_is_said_for_each_table(world):
    few = {name: world.tables[name] for name in ("subscribers", "cdr", "bills")}
    with pytest.warns(DataWarning) as seen:
        customer_view(few, as_of="2040-01-31", engine="pandas")
    said = sorted(str(one.message) for one in seen)
    assert len(said) == 2
    assert said[0].startswith("table 'bills' adds nothing to the view: its latest bill_time is 20")
    assert said[1].endswith("too long before as_of (2040-01-31) to count")


@pytest.mark.parametrize("engine", ENGINES)
def test_text_names_customers_as_well_as_numbers_do(world, engine):
    pytest.importorskip(engine)
    text = {
        name: table.assign(
            **{
                key: "s" + table[key].astype(str).str.zfill(12)
                for key in ("subscriber_id", "account_id")
                if key in table
            }
        )
        for name, table in world.tables.items()
        if "subscriber_id" in table
    }
    as_of = world.month_end(3)
    plain, named = (customer_view(tables, as_of=as_of, engine=engine) for tables in (world.tables, text))
    assert named["subscriber_id"].tolist() == ["s" + str(one).zfill(12) for one in plain["subscriber_id"]]
    pd.testing.assert_frame_equal(plain.drop(columns="subscriber_id"), named.drop(columns="subscriber_id"))
    assert check_tables(text, engine=engine).clean
    with pytest.raises(InputError, match="subscriber_id is text in 'cdr' but a number in 'subscribers'"):
        check_tables({"subscribers": world.tables["subscribers"], "cdr": text["cdr"]}, engine=engine)
    with pytest.raises(InputError, match="subscriber_id is text in 'cdr' but a number in 'subscribers'"):
        customer_view({"subscribers": world.tables["subscribers"], "cdr": text["cdr"]}, as_of=as_of, engine=engine)


def test_nobody_there_says_why(world):
    people = world.tables["subscribers"]
    unknown = people.assign(activation=pd.Series(pd.NaT, index=people.index, dtype="datetime64[s]"))
    with pytest.raises(InputError, match="activation is missing in every row of table 'subscribers'"):
        customer_view({"subscribers": unknown}, as_of="2025-03-31", engine="pandas")
    with pytest.raises(InputError, match="table 'subscribers' has no rows"):
        customer_view({"subscribers": people.iloc[:0]}, as_of="2025-03-31", engine="pandas")
    with pytest.raises(InputError, match="as_of must be epoch seconds, not milliseconds"):
        customer_view({"subscribers": people}, as_of=1_743_379_199_000, engine="pandas")
