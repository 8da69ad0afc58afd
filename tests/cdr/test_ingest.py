"""What comes in: identifiers hidden, bad rows set aside with counts, local clocks, plans re-rated, spill limits."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.cdr import DuckDB, customer_view, local_seconds, pseudonymise, quarantine, rerate
from custval.synth import TelecomWorld

KEY = b"a key of more than sixteen bytes"


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=300, months=4, seed=3, records_per_subscriber_month=15).simulate()


# pseudonyms


def test_pseudonyms_are_keyed_hashes_and_tables_still_fit(world):
    hidden = pseudonymise(world, key=KEY)
    first = world.tables["subscribers"]["subscriber_id"].iloc[0]
    expected = hmac.new(KEY, str(first).encode(), hashlib.sha256).hexdigest()[:32]
    assert hidden["subscribers"]["subscriber_id"].iloc[0] == expected
    assert not any(str(first) in table.to_csv() for table in hidden.values() if len(table) < 5000)
    as_of = world.month_end(4)
    plain = customer_view(world, as_of=as_of, features="all", engine="polars").set_index("subscriber_id")
    made = customer_view(hidden, as_of=as_of, features="all", engine="polars").set_index("subscriber_id")
    names = pseudonymise({"x": pd.DataFrame({"subscriber_id": plain.index})}, key=KEY)["x"]["subscriber_id"]
    made = made.loc[names].set_index(plain.index)
    pd.testing.assert_frame_equal(plain, made, rtol=1e-9)
    assert (hidden["winbacks"]["new_subscriber_id"] == "-1").sum() == (
        world.tables["winbacks"]["new_subscriber_id"] == -1
    ).sum()


def test_other_keys_give_other_pseudonyms_and_kinds_stay():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"subscriber_id": [1, 2, None], "x": [1.0, 2.0, 3.0]})
    one, two = (pseudonymise({"cdr": frame}, key=key)["cdr"] for key in (KEY, KEY[::-1]))
    assert isinstance(one, pl.DataFrame)
    assert one["subscriber_id"][0] != two["subscriber_id"][0]
    assert one["subscriber_id"][2] is None
    text = pseudonymise({"cdr": {"subscriber_id": ["1"]}}, key=KEY)["cdr"]
    assert text["subscriber_id"][0] == one["subscriber_id"][0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"key": b"short"}, "key must be at least 16 bytes"),
        ({"key": "text of more than sixteen"}, "key must be at least 16 bytes"),
        ({"key": KEY, "length": 8}, "length must be 16..64"),
        ({"key": KEY, "tables": 3}, "tables must be a World or a mapping"),
    ],
)
def test_impossible_pseudonyms_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        pseudonymise(call.pop("tables", {}), **call)


# quarantine


def test_bad_rows_are_set_aside_and_none_is_lost(world):
    cdr = world.tables["cdr"].copy().astype({"kind": str, "direction": str})
    cdr.loc[[0, 5], "duration_s"] = -1.0
    cdr.loc[7, "duration_s"] = np.nan
    cdr.loc[[10, 11], "event_time"] *= 1000
    cdr.loc[20, "kind"] = "fax"
    cdr.loc[[30, 31, 32], "subscriber_id"] = 5
    cdr = pd.concat([cdr, cdr.iloc[[50, 51]]], ignore_index=True)
    held = world.tables["holdings"].copy()
    held.loc[3, "removed"] = held.loc[3, "added"] - 10
    people = pd.concat([world.tables["subscribers"], world.tables["subscribers"].iloc[:1]], ignore_index=True)
    spoiled = {**world.tables, "cdr": cdr, "holdings": held, "subscribers": people}
    made = quarantine(spoiled)
    counts = {(t, r): int(n) for t, r, n in zip(made.table, made.rule, made.rows, strict=True)}
    assert counts == {
        ("subscribers", "subscriber_id stands in a row before"): 1,
        ("cdr", "event_time lies outside 1980..2100 in epoch seconds"): 2,
        ("cdr", "duration_s is negative or missing"): 3,
        ("cdr", "kind is none of voice, sms, data"): 1,
        ("cdr", "subscriber is unknown"): 3,
        ("cdr", "the row stands in a row before"): 2,
        ("holdings", "removed lies before added"): 1,
    }
    for name, table in spoiled.items():
        assert len(made.tables[name]) + len(made.set_aside.get(name, ())) == len(table)
    assert made.set_aside["holdings"]["row"].tolist() == [3]
    assert repr(made) == "Quarantine(13 rows of 3 tables set aside)"
    assert "rows" in made.to_dict()
    assert len(quarantine(made.tables).rows) == 0
    as_of = world.month_end(4)
    customer_view(made.tables, as_of=as_of, features="all", engine="polars")


def test_quarantine_reads_parquet_and_keeps_kinds(world, tmp_path):
    pl = pytest.importorskip("polars")
    world.write(tmp_path)
    assert not len(quarantine(tmp_path).rows)
    made = quarantine({"subscribers": pl.from_pandas(world.tables["subscribers"])})
    assert isinstance(made.tables["subscribers"], pl.DataFrame)


def test_quarantine_names_a_missing_column(world):
    with pytest.raises(InputError, match="table 'cdr' has no column 'kind'"):
        quarantine({**world.tables, "cdr": world.tables["cdr"].drop(columns="kind")})


# clocks


def test_local_seconds_follow_the_clock_through_both_changes():
    utc = np.arange(1743210000, 1743210000 + 2 * 86_400, 601)  # around 30 March 2025
    autumn = np.arange(1761350000, 1761350000 + 2 * 86_400, 601)
    for times in (utc, autumn):
        made = local_seconds(times, zone="Europe/Copenhagen")
        from zoneinfo import ZoneInfo

        zone = ZoneInfo("Europe/Copenhagen")
        clocks = [dt.datetime.fromtimestamp(int(t), zone).replace(tzinfo=dt.UTC).timestamp() for t in times]
        assert made.tolist() == [int(clock) for clock in clocks]
    assert (np.diff(local_seconds(utc, zone="Europe/Copenhagen")) > 0).all()
    assert (np.diff(local_seconds(autumn, zone="Europe/Copenhagen")) < 0).any()


def test_local_seconds_read_every_kind_of_time():
    seconds = [1743296399, 1750000000]
    expected = local_seconds(seconds, zone="Asia/Shanghai").tolist()
    assert expected == [one + 8 * 3600 for one in seconds]
    stamps = pd.to_datetime(pd.Series(seconds), unit="s", utc=True)
    for times in (
        np.array(seconds, dtype="datetime64[s]"),
        stamps,
        stamps.dt.tz_convert("America/New_York"),
        [stamp.isoformat() for stamp in stamps],
        [stamp.to_pydatetime() for stamp in stamps],
        np.array(seconds, dtype=float),
    ):
        assert local_seconds(times, zone="Asia/Shanghai").tolist() == expected


@pytest.mark.parametrize(
    ("times", "zone", "words"),
    [
        ([0], "Europe/Kopenhagen", "no time zone 'Europe/Kopenhagen'"),
        (["2025-01-01T00:00:00"], "Europe/Paris", "times must say their offset but that of row 0 does not"),
        (["soon"], "Europe/Paris", "row 0 cannot be read as one"),
        ([0.0, np.nan], "Europe/Paris", "times must be finite but 1 of 2 rows"),
        (np.array(["NaT"], dtype="datetime64[s]"), "Europe/Paris", "times must be there"),
    ],
)
def test_impossible_times_are_refused(times, zone, words):
    with pytest.raises(InputError, match=words):
        local_seconds(times, zone=zone)


# plans


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas"])
def test_bills_under_every_plan(world, engine):
    pytest.importorskip(engine)
    as_of = world.month_end(4)
    made = rerate(world, as_of=as_of, engine=engine).set_index("subscriber_id")
    plans = world.tables["plans"].set_index("plan")
    cdr = world.tables["cdr"].query("@as_of - 30 * 86400 < event_time <= @as_of")
    for who in made.index[::17]:
        mine = cdr[cdr["subscriber_id"] == who]
        out = mine[mine["direction"] == "out"]
        use = {
            "minute": out.loc[out["kind"] == "voice", "duration_s"].sum() / 60,
            "sms": (out["kind"] == "sms").sum(),
            "mb": mine["volume_mb"].sum(),
        }
        bills = {}
        for plan, row in plans.iterrows():
            extra = sum(
                max(0, use[name] - row[f"included_{'minutes' if name == 'minute' else name}"])
                * row[f"price_per_{name}"]
                for name in use
            )
            bills[plan] = row["monthly_fee"] + extra
            assert made.loc[who, f"bill_{plan}"] == pytest.approx(bills[plan])
        own = bills[made.loc[who, "plan"]]
        assert made.loc[who, "plan_bill"] == pytest.approx(own)
        assert made.loc[who, "best_plan_bill"] == pytest.approx(min(bills.values()))
        assert bills[made.loc[who, "best_plan"]] == pytest.approx(min(bills.values()))
        assert made.loc[who, "overpay_share"] == pytest.approx((own - min(bills.values())) / own)
    view = customer_view(world, as_of=as_of, features="rating", engine=engine).set_index("subscriber_id")
    pd.testing.assert_series_equal(view["overpay_share"], made["overpay_share"])


def test_impossible_plans_are_refused(world):
    plans = world.tables["plans"]
    with pytest.raises(InputError, match="1 of 7 rows of table 'plans' repeat a plan"):
        rerate({**world.tables, "plans": pd.concat([plans, plans.iloc[:1]])}, as_of=world.month_end(4), engine="pandas")
    with pytest.raises(InputError, match="price_per_mb of table 'plans' must be >= 0 but 6 of 6 rows"):
        rerate({**world.tables, "plans": plans.assign(price_per_mb=-1.0)}, as_of=world.month_end(4), engine="pandas")
    with pytest.raises(InputError, match="needs the table 'plans'"):
        rerate({name: world.tables[name] for name in ("subscribers", "cdr")}, as_of=world.month_end(4))
    with pytest.raises(InputError, match="table 'plans' has no rows"):
        rerate({**world.tables, "plans": plans.iloc[:0]}, as_of=world.month_end(4), engine="pandas")


# DuckDB: memory and disk


def test_a_spill_that_finds_no_room_says_what_to_do(tmp_path):
    pytest.importorskip("duckdb")
    pl = pytest.importorskip("polars")
    n = 600_000
    cdr = pl.DataFrame(
        {
            "subscriber_id": np.arange(n) % 200_000,
            "event_time": 1_746_000_000 - np.arange(n),
            "kind": ["voice"] * n,
            "direction": ["out"] * n,
            "other_party": np.arange(n) * 7 % 1_000_003,
            "duration_s": np.ones(n),
        }
    )
    cdr.write_parquet(tmp_path / "cdr.parquet")
    people = pd.DataFrame({"subscriber_id": np.arange(200_000), "activation": pd.Timestamp("2020-01-01")})
    settings = DuckDB(memory_limit="15MB", max_temp_directory_size="1MB", threads=1)
    with pytest.raises(InputError, match=r"ran out of memory and of room to spill: .*max_temp_directory_size="):
        customer_view(
            {"subscribers": people, "cdr": tmp_path / "cdr.parquet"},
            as_of=1_746_000_000,
            features=["call_interevent_std_90d"],
            engine=settings,
        )


def test_settings_of_duckdb(world, tmp_path):
    pytest.importorskip("duckdb")
    settings = DuckDB(memory_limit="200MB", temp_directory=tmp_path, threads=1)
    as_of = world.month_end(4)
    one = customer_view(world, as_of=as_of, features="volume", engine=settings)
    pd.testing.assert_frame_equal(one, customer_view(world, as_of=as_of, features="volume"))
    with pytest.raises(InputError, match="DuckDB does not take these settings"):
        customer_view(world, as_of=as_of, engine=DuckDB(memory_limit="lots"))
    with pytest.raises(InputError, match="threads must be >= 1"):
        customer_view(world, as_of=as_of, engine=DuckDB(threads=0))


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas"])
def test_a_corrupt_file_among_good_ones_is_an_input_error(world, engine, tmp_path):
    pytest.importorskip(engine)
    half = len(world.tables["cdr"]) // 2
    world.tables["cdr"].iloc[:half].to_parquet(tmp_path / "a.parquet")
    good = tmp_path / "b.parquet"
    world.tables["cdr"].iloc[half:].to_parquet(good)
    whole = good.read_bytes()
    good.write_bytes(whole[:500] + b"\x00" * (len(whole) - 500))
    tables = {"subscribers": world.tables["subscribers"], "cdr": str(tmp_path / "*.parquet")}
    with pytest.raises(InputError, match="Parquet file could not be read"):
        customer_view(tables, as_of=world.month_end(4), features=["calls_out_30d"], engine=engine)


def test_files_out_of_order_change_nothing(world, tmp_path):
    pytest.importorskip("duckdb")
    mixed = world.tables["cdr"].sample(frac=1, random_state=3)
    half = len(mixed) // 2
    mixed.iloc[half:].to_parquet(tmp_path / "a.parquet")
    mixed.iloc[:half].to_parquet(tmp_path / "b.parquet")
    as_of, names = world.month_end(4), ["indicators", "volume"]
    one = customer_view(world, as_of=as_of, features=names)
    two = customer_view({**world.tables, "cdr": str(tmp_path / "*.parquet")}, as_of=as_of, features=names)
    pd.testing.assert_frame_equal(one, two, rtol=1e-9, atol=1e-9)


def test_ctrl_c_leaves_no_spill_behind(world, tmp_path, monkeypatch):
    pytest.importorskip("duckdb")
    from custval._cdr import view

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(view, "_collected", stopped)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        customer_view(world, as_of=world.month_end(4))
    assert list(tmp_path.iterdir()) == []
