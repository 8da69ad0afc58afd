"""The customer view: every feature on every engine, against a brute-force count, and nothing from the future."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.cdr import customer_view, features
from custval.synth import TelecomWorld

DAY = 86_400
ENGINES = ("duckdb", "polars", "pandas")


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=600, months=9, seed=7, records_per_subscriber_month=25).simulate()


@pytest.fixture(scope="module")
def view(world):
    return customer_view(world, as_of=world.month_end(7), engine="pandas")


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    assert list(one.columns) == list(two.columns)
    for name in one.columns:
        if one[name].dtype.kind == "f":
            scale = max(float(one[name].abs().max()), 1e-300)
            np.testing.assert_allclose(one[name], two[name], rtol=1e-9, atol=1e-9 * scale, err_msg=name)
        else:
            assert one[name].tolist() == two[name].tolist(), name


@pytest.mark.parametrize(("engine", "month"), [("duckdb", 9), ("polars", 9), ("polars", 1)])
def test_every_feature_is_the_same_on_every_engine(world, engine, month):
    pytest.importorskip(engine)
    as_of = world.month_end(month)
    one, two = (customer_view(world, as_of=as_of, features="all", engine=name) for name in ("pandas", engine))
    assert set(one.columns) == {"subscriber_id", *features().names}
    assert not one.isna().any().any()
    same(one, two)


def test_duckdb_is_the_default(world, view):
    pytest.importorskip("duckdb")
    same(customer_view(world, as_of=world.month_end(7)), view)


def test_one_row_for_each_customer_there(world, view):
    as_of = world.month_end(7)
    joined = world.tables["subscribers"]["activation"].astype("int64") <= as_of
    left = world.tables["departures"].query("departure_time <= @as_of")["subscriber_id"]
    there = world.tables["subscribers"]["subscriber_id"][joined]
    assert view["subscriber_id"].tolist() == sorted(set(there) - set(left))
    cheap = [feature for feature in features().features if feature.cost in ("join", "one pass")]
    assert list(view.columns) == ["subscriber_id", *[feature.name for feature in cheap]]
    assert not view.isna().any().any()
    numbers = [feature.name for feature in cheap if feature.unit not in ("text", "true or false")]
    assert set(view.dtypes[numbers]) == {np.dtype(float)}


def by_hand(world, who: int, as_of: int) -> dict[str, float]:
    """The features of one customer, counted in plain Python."""
    rows = [row for row in RECORDS[who] if row.event_time <= as_of]
    made: dict[str, float] = {}
    for days in (30, 90):
        seen = [row for row in rows if row.event_time > as_of - days * DAY]
        calls, texts = ([row for row in seen if row.kind == kind] for kind in ("voice", "sms"))
        talks = calls + texts
        for way in ("out", "in"):
            one_way = [row for row in calls if row.direction == way]
            made[f"calls_{way}_{days}d"] = len(one_way)
            made[f"minutes_{way}_{days}d"] = sum(row.duration_s for row in one_way) / 60
            made[f"sms_{way}_{days}d"] = sum(row.direction == way for row in texts)
        made[f"data_mb_{days}d"] = sum(row.volume_mb for row in seen)
        made[f"charges_{days}d"] = sum(row.charge for row in seen)
        stamps = [dt.datetime.fromtimestamp(row.event_time, dt.UTC) for row in seen]
        made[f"night_share_{days}d"] = share([stamp.hour < 7 for stamp in stamps])
        made[f"weekend_share_{days}d"] = share([stamp.weekday() >= 5 for stamp in stamps])
        made[f"roaming_share_{days}d"] = share([row.roaming for row in seen])
        made[f"off_net_share_{days}d"] = share([not row.on_net for row in talks])
        made[f"forwarded_share_{days}d"] = share([row.forwarded for row in calls])
        made[f"dropped_share_{days}d"] = share([row.dropped for row in calls])
        made[f"missed_share_{days}d"] = share([row.duration_s == 0 for row in calls])
        made[f"contacts_{days}d"] = len({row.other_party for row in talks})
        made[f"active_days_{days}d"] = len({stamp.date() for stamp in stamps})
    return made | changes(rows, as_of)


def changes(rows, as_of: int) -> dict[str, float]:
    recent = [row for row in rows if row.event_time > as_of - 30 * DAY]
    older = [row for row in rows if as_of - 90 * DAY < row.event_time <= as_of - 30 * DAY]

    def talks(part, way):
        return sum(row.kind in ("voice", "sms") and row.direction == way for row in part)

    def change(new, old):
        return (new / 30 - old / 60) / (new / 30 + old / 60) if new + old else 0.0

    sent, got = (talks(recent, way) for way in ("out", "in"))
    sent_before, got_before = (talks(older, way) for way in ("out", "in"))
    both = (sent + got) and (sent_before + got_before)
    last = max((row.event_time for row in rows), default=-1e18)
    return {
        "outgoing_change": change(sent, sent_before),
        "incoming_change": change(got, got_before),
        "data_change": change(sum(r.volume_mb for r in recent), sum(r.volume_mb for r in older)),
        "out_balance_change": sent / (sent + got) - sent_before / (sent_before + got_before) if both else 0.0,
        "recency_days": min((as_of - last) / DAY, 90.0),
    }


def share(flags) -> float:
    return sum(flags) / len(flags) if flags else 0.0


RECORDS: dict[int, list] = {}


def test_usage_features_against_a_plain_count(world, view):
    RECORDS.update({who: [] for who in world.tables["subscribers"]["subscriber_id"]})
    for row in world.tables["cdr"].itertuples():
        RECORDS[row.subscriber_id].append(row)
    for row in view.iloc[::7].to_dict("records"):
        expected = by_hand(world, row["subscriber_id"], world.month_end(7))
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_account_features_against_a_plain_count(world, view):
    as_of = world.month_end(7)
    bills = dict(list(world.tables["bills"].groupby("subscriber_id")))
    care = dict(list(world.tables["contacts"].groupby("subscriber_id")))
    held = dict(list(world.tables["holdings"].groupby("subscriber_id")))
    for row in view.iloc[::5].to_dict("records"):
        who = row["subscriber_id"]
        mine = bills[who].set_index("bill_time")
        recent = mine.reindex([world.month_end(m) for m in (5, 6, 7)]).dropna()
        older = mine.reindex([world.month_end(m) for m in (4, 5, 6)]).dropna()["amount"]
        last = recent.loc[as_of]
        costs = recent["interconnect"] + recent["cost_to_serve"] + recent["arrears"]
        assert row["bill_last"] == pytest.approx(last["amount"])
        assert row["bill_mean_3m"] == pytest.approx(recent["amount"].mean())
        assert row["bill_change"] == pytest.approx(last["amount"] / older.mean() - 1 if len(older) else 0.0, abs=1e-12)
        assert row["arrears_share_3m"] == pytest.approx(recent["arrears"].sum() / recent["amount"].sum())
        assert row["unpaid_last"] == float(last["arrears"] > 0)
        assert row["margin_mean_3m"] == pytest.approx((recent["amount"] - costs).mean())
        asked = care.get(who, world.tables["contacts"].iloc[:0])
        asked = asked[(asked["event_time"] <= as_of) & (asked["event_time"] > as_of - 90 * DAY)]
        assert row["complaints_90d"] == (asked["kind"] == "complaint").sum()
        assert row["enquiries_90d"] == (asked["kind"] == "enquiry").sum()
        assert row["save_calls_90d"] == (asked["kind"] == "retention").sum()
        own = held.get(who, world.tables["holdings"].iloc[:0])
        own = own[own["added"] <= as_of]
        assert row["services_held"] == ((own["removed"] == -1) | (own["removed"] > as_of)).sum()
        assert row["services_added_90d"] == (own["added"] > as_of - 90 * DAY).sum()


def test_tenure_and_contract_clock_follow_the_convention(world, view):
    people = world.tables["subscribers"].set_index("subscriber_id").loc[view["subscriber_id"]]
    activation = people["activation"].dt
    now = pd.Timestamp(world.month_end(7), unit="s")
    months = (now.year - activation.year) * 12 + now.month - activation.month
    assert view["tenure_months"].tolist() == months.tolist()
    free = (view["contract"] == "month-to-month").to_numpy()
    assert (view["months_to_end"][free] == 0).all()
    term = np.where(view["contract"] == "one year", 12, 24)
    assert view["months_to_end"][~free].between(1, term[~free]).all()
    end = people["contract_end"].dt
    ahead = ((end.year - now.year) * 12 + end.month - now.month).to_numpy()
    later = ~free & (ahead > 0)
    assert (view["months_to_end"][later] == ahead[later]).all()
    over = ~free & (ahead <= 0)
    assert over.any()
    assert (view["months_to_end"][over] == (ahead + term)[over]).all()


def test_months_to_end_of_other_contracts_does_not_roll_over():
    people = pd.DataFrame(
        {
            "subscriber_id": [1, 2, 3],
            "activation": pd.to_datetime(["2024-01-05"] * 3),
            "contract": ["18 months"] * 3,
            "contract_end": pd.to_datetime(["2025-07-04", "2024-12-01", None]),
        }
    )
    wanted = customer_view({"subscribers": people}, as_of="2025-03-31", features=["months_to_end"], engine="pandas")
    assert wanted["months_to_end"].tolist() == [4.0, 0.0, 0.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_records_after_the_moment_are_invisible(world, engine):
    pytest.importorskip(engine)
    as_of = world.month_end(5)
    now = customer_view(world, as_of=as_of, engine=engine)
    planted = {}
    for name, column in (("cdr", "event_time"), ("bills", "bill_time"), ("contacts", "event_time")):
        table = world.tables[name]
        past = table[table[column] <= as_of]
        future = past.copy()
        future[column] = as_of + 1
        planted[name] = pd.concat([past, future], ignore_index=True)
    held = world.tables["holdings"]
    removed = held["removed"].where((held["removed"] == -1) | (held["removed"] <= as_of), -1)
    late = held.assign(added=as_of + 1, removed=-1)
    planted["holdings"] = pd.concat([held.assign(removed=removed)[held["added"] <= as_of], late], ignore_index=True)
    left = world.tables["departures"]
    planted["departures"] = left[left["departure_time"] <= as_of]
    same(now, customer_view({**world.tables, **planted}, as_of=as_of, engine=engine))


def test_a_record_at_the_very_second_is_seen_and_one_at_the_edge_of_the_window_is_not(world):
    as_of = world.month_end(5)
    one = world.tables["cdr"].query("kind == 'voice' and direction == 'out'").iloc[[0, 0, 0]].copy()
    one["event_time"] = [as_of, as_of - 30 * DAY, as_of - 30 * DAY + 1]
    one["subscriber_id"] = who = int(customer_view(world, as_of=as_of, engine="pandas")["subscriber_id"].iloc[0])
    made = customer_view({**world.tables, "cdr": one}, as_of=as_of, features=["calls_out_30d"], engine="pandas")
    assert made.set_index("subscriber_id").loc[who, "calls_out_30d"] == 2.0


@pytest.mark.parametrize(
    "moment",
    [
        "2025-07-31",
        dt.date(2025, 7, 31),
        dt.datetime(2025, 7, 31, 23, 59, 59),  # noqa: DTZ001 - times are local by design
        pd.Timestamp("2025-07-31 23:59:59"),
        np.datetime64("2025-07-31T23:59:59"),
        np.datetime64("2025-07-31", "D"),
    ],
)
def test_a_day_stands_for_its_last_second(world, view, moment):
    same(view, customer_view(world, as_of=moment, engine="pandas"))


@pytest.mark.parametrize("engine", ENGINES)
def test_parquet_folders_paths_and_globs(world, view, engine, tmp_path):
    pytest.importorskip("pyarrow")
    pytest.importorskip(engine)
    paths = world.write(tmp_path)
    as_of = world.month_end(7)
    same(view, customer_view(tmp_path, as_of=as_of, engine=engine))
    half = len(world.tables["cdr"]) // 2
    world.tables["cdr"].iloc[:half].to_parquet(tmp_path / "cdr-1.parquet")
    world.tables["cdr"].iloc[half:].to_parquet(tmp_path / "cdr-2.parquet")
    same(view, customer_view({**paths, "cdr": str(tmp_path / "cdr-*.parquet")}, as_of=as_of, engine=engine))
    parts = [tmp_path / "cdr-2.parquet", tmp_path / "cdr-1.parquet"]
    same(view, customer_view({**paths, "cdr": parts}, as_of=as_of, engine=engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_answer_comes_in_the_kind_that_was_given(world, view, engine):
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    pytest.importorskip(engine)
    as_of = world.month_end(7)
    polars = customer_view({n: pl.from_pandas(t) for n, t in world.tables.items()}, as_of=as_of, engine=engine)
    assert isinstance(polars, pl.DataFrame)
    same(view, polars.to_pandas())
    lazy = {name: pl.from_pandas(table).lazy() for name, table in world.tables.items()}
    assert isinstance(customer_view(lazy, as_of=as_of, features="care", engine=engine), pl.DataFrame)
    arrow = {name: pa.Table.from_pandas(table) for name, table in world.tables.items()}
    answer = customer_view(arrow, as_of=as_of, engine=engine)
    assert isinstance(answer, pa.Table)
    same(view, answer.to_pandas())


def test_duckdb_relations_are_used_where_they_are(world, view):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        relations = {name: connection.from_df(table) for name, table in world.tables.items()}
        same(view, customer_view(relations, as_of=world.month_end(7)))


def test_features_by_name_group_and_window(world):
    as_of = world.month_end(7)
    made = customer_view(world, as_of=as_of, features=["services", "calls_out_7d"], windows=(7,), engine="pandas")
    assert list(made.columns) == [
        "subscriber_id",
        "calls_out_7d",
        "services_held",
        "services_added_90d",
        "services_dropped_90d",
        "services_ever",
    ]


def test_row_order_does_not_matter(world, view):
    mixed = {name: table.sample(frac=1, random_state=1) for name, table in world.tables.items()}
    other = customer_view(mixed, as_of=world.month_end(7), engine="pandas")
    units = ("calls", "messages", "people", "days", "services")
    counts = [f.name for f in features().features if f.unit in units and f.name in view]
    pd.testing.assert_frame_equal(view[counts], other[counts])
    same(view, other)


def test_inputs_are_not_changed(world):
    before = {name: pd.util.hash_pandas_object(table).sum() for name, table in world.tables.items()}
    customer_view(world, as_of=world.month_end(7), engine="pandas")
    assert before == {name: pd.util.hash_pandas_object(table).sum() for name, table in world.tables.items()}


def test_missing_tables_leave_their_features_out(world):
    people = world.tables["subscribers"]
    made = customer_view({"subscribers": people}, as_of=world.month_end(9), engine="pandas")
    assert len(made) == (people["activation"].astype("int64") <= world.month_end(9)).sum()
    assert set(made.columns) == {
        "subscriber_id",
        *[feature.name for feature in features().features if feature.table == "subscribers" and not feature.also],
    }


def test_absent_columns_of_subscribers_leave_their_features_out_but_misspelt_ones_do_not(world):
    people = world.tables["subscribers"]
    few = {"subscribers": people[["subscriber_id", "activation", "age"]]}
    made = customer_view(few, as_of=world.month_end(9), engine="pandas")
    assert list(made.columns) == ["subscriber_id", "age", "tenure_months"]
    near = {"subscribers": people.rename(columns={"contract": "contracts"})}
    with pytest.raises(InputError, match=r"no column 'contract' \(did you mean 'contracts'\?\)"):
        customer_view(near, as_of=world.month_end(9), engine="pandas")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": ["call_out_30d"]}, r"no feature or group 'call_out_30d' \(did you mean 'calls_out_30d'\?\)"),
        ({"windows": (30, 30)}, "windows must be different whole numbers of days"),
        ({"windows": (0,)}, "windows must be different whole numbers of days"),
        ({"windows": ()}, "windows must be different whole numbers of days"),
        ({"engine": "duckbd"}, r"engine must be one of .*did you mean 'duckdb'\?"),
        ({"as_of": "yesterday"}, "as_of must be epoch seconds, a date or a datetime"),
        ({"as_of": True}, "as_of must be epoch seconds"),
        ({"as_of": None}, "as_of must be epoch seconds"),
        ({"as_of": 1.5}, "as_of must be epoch seconds"),
        ({"as_of": "1970-01-01"}, "no subscriber had joined and not yet left"),
        ({"tables": {"cdr": pd.DataFrame()}}, "the table 'subscribers' is missing"),
        ({"tables": {"subscriber": pd.DataFrame()}}, r"no table 'subscriber' \(did you mean 'subscribers'\?\)"),
        ({"tables": [1, 2]}, "tables must be a World, a mapping"),
        ({"tables": "no/such/folder"}, "the folder holds no Parquet file"),
        ({"tables": {"subscribers": 3}}, "a table must be a frame or a Parquet path, not int"),
    ],
)
def test_impossible_calls_are_refused(world, change, words):
    call = {"tables": world, "as_of": world.month_end(7), "engine": "pandas", **change}
    with pytest.raises(InputError, match=words):
        customer_view(call.pop("tables"), **call)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        (
            "cdr",
            lambda t: t.rename(columns={"duration_s": "duration"}),
            r"table 'cdr' has no column 'duration_s' \(did you mean 'duration'\?\)",
        ),
        (
            "cdr",
            lambda t: t.assign(event_time=t["event_time"].astype(str)),
            "column 'event_time' of table 'cdr' must hold",
        ),
        ("subscribers", lambda t: t.assign(activation=t["activation"].astype("int64")), "'activation' .* dates"),
        ("bills", lambda t: t.drop(columns="arrears"), "table 'bills' has no column 'arrears'"),
        ("cdr", lambda t: t.assign(on_net=t["on_net"].astype(float)), "'on_net' .* booleans"),
    ],
)
def test_wrong_tables_are_refused_by_name(world, engine, table, change, words):
    pytest.importorskip(engine)
    tables = {**world.tables, table: change(world.tables[table])}
    with pytest.raises(InputError, match=words):
        customer_view(tables, as_of=world.month_end(7), engine=engine)


def test_an_asked_feature_needs_its_table(world):
    with pytest.raises(InputError, match="feature 'bill_last' needs the table 'bills'"):
        customer_view(
            {"subscribers": world.tables["subscribers"]}, as_of="2025-05-31", features=["bill_last"], engine="pandas"
        )


def test_a_corrupt_parquet_file_is_named_an_input_error(world, tmp_path):
    pytest.importorskip("duckdb")
    paths = world.write(tmp_path)
    paths["bills"].write_bytes(b"not parquet")
    with pytest.raises(InputError, match="Parquet"):
        customer_view(tmp_path, as_of=world.month_end(7))


def test_subscribers_listed_twice_are_refused(world):
    people = world.tables["subscribers"]
    twice = pd.concat([people, people.iloc[:3]], ignore_index=True)
    with pytest.raises(InputError, match=r"3 of .* rows of table 'subscribers' repeat"):
        customer_view({**world.tables, "subscribers": twice}, as_of=world.month_end(7), engine="pandas")
