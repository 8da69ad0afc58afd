"""The world: sizes, order, sameness of bytes, and records that stay inside a customer's life."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=5000, months=12, seed=4, records_per_subscriber_month=10).simulate()


def month_index(values) -> np.ndarray:
    stamps = np.asarray(values)
    stamps = stamps if stamps.dtype.kind == "M" else stamps.astype("datetime64[s]")
    return stamps.astype("datetime64[M]").astype(np.int64)


def test_tables_have_the_agreed_columns(world):
    assert {name: list(table.columns) for name, table in world.tables.items()} == {
        "subscribers": [
            *("subscriber_id", "activation", "region", "brand", "plan", "monthly_fee", "contract", "contract_end"),
            *("account_id", "age", "paperless", "autopay", "prepaid"),
        ],
        "cdr": [
            *("subscriber_id", "event_time", "kind", "direction", "other_party", "duration_s", "volume_mb", "on_net"),
            *("forwarded", "dropped", "roaming", "charge"),
        ],
        "bills": ["subscriber_id", "bill_time", "amount", "interconnect", "cost_to_serve", "arrears"],
        "contacts": ["subscriber_id", "event_time", "kind"],
        "holdings": ["subscriber_id", "service", "added", "removed"],
        "departures": ["subscriber_id", "departure_time", "cause"],
        "campaigns": ["subscriber_id", "event_time", "treated", "offer", "accepted", "left_within_3m", "design"],
        "payments": ["subscriber_id", "bill_time", "due_time", "paid_time", "amount"],
        "ageing": [*("subscriber_id", "month_end", "not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90")],
        "topups": ["subscriber_id", "event_time", "amount"],
        "renewals": ["subscriber_id", "event_time", "contract", "term_months", "renewal"],
        "offers": ["subscriber_id", "event_time", "design", "treated", "offer", "bought", "spend"],
        "winbacks": [
            *("subscriber_id", "event_time", "treated", "offer", "returned", "new_subscriber_id", "return_time")
        ],
        "plans": [
            *("plan", "monthly_fee", "included_minutes", "included_sms", "included_mb", "price_per_minute"),
            *("price_per_sms", "price_per_mb"),
        ],
        "services": ["service", "monthly_price", "monthly_margin"],
    }
    about_people = [table for name, table in world.tables.items() if name not in ("plans", "services")]
    assert all(table["subscriber_id"].dtype == np.int64 for table in about_people)
    assert str(world.tables["subscribers"]["activation"].dtype) == "datetime64[s]"
    assert (
        world.tables["subscribers"]["contract_end"]
        .isna()
        .equals(world.tables["subscribers"]["contract"] == "month-to-month")
    )


def test_records_are_in_order_and_inside_the_window(world):
    time = world.tables["cdr"]["event_time"]
    assert time.is_monotonic_increasing
    assert time.min() > world.month_end(0)
    assert time.max() <= world.month_end(12)


@pytest.mark.parametrize(
    ("table", "column"), [("cdr", "event_time"), ("bills", "bill_time"), ("contacts", "event_time")]
)
def test_nothing_happens_before_activation_or_after_departure(world, table, column):
    rows = world.tables[table]
    activation = world.tables["subscribers"].set_index("subscriber_id")["activation"].astype("int64")
    departure = world.tables["departures"].set_index("subscriber_id")["departure_time"]
    assert (rows[column] >= activation.reindex(rows["subscriber_id"]).to_numpy()).all()
    left = departure.reindex(rows["subscriber_id"]).to_numpy()
    assert (np.isnan(left) | (rows[column].to_numpy() <= left)).all()


def test_holdings_and_campaigns_end_with_the_departure(world):
    departure = world.tables["departures"].set_index("subscriber_id")["departure_time"]
    held = world.tables["holdings"]
    left = departure.reindex(held["subscriber_id"]).to_numpy()
    gone = ~np.isnan(left)
    assert (held["removed"][gone] <= left[gone]).all()
    assert (held["removed"][gone] > held["added"][gone]).all()
    offered = world.tables["campaigns"]
    later = departure.reindex(offered["subscriber_id"]).to_numpy()
    assert (np.isnan(later) | (offered["event_time"].to_numpy() < later)).all()


def test_nobody_leaves_in_the_month_of_joining_and_hazard_covers_each_departure(world):
    left = world.tables["departures"]
    people = world.tables["subscribers"].set_index("subscriber_id").loc[left["subscriber_id"]]
    months = month_index(left["departure_time"]) - month_index(["2025-01-01T00:00:00"])[0]
    assert (month_index(left["departure_time"]) > month_index(people["activation"])).all()
    place = left["subscriber_id"].to_numpy() - world.truth.subscriber_id[0]
    cause = [world.truth.causes.index(name) for name in left["cause"]]
    assert (world.truth.hazard[place, months, cause] > 0).all()
    assert world.truth.at_risk[place, months].all()
    after = np.arange(12) > months[:, None]
    assert not (world.truth.at_risk[place] & after).any()


def test_departures_are_as_many_as_the_true_hazard_says(world):
    expected = world.truth.hazard.sum(axis=(0, 1))
    variance = (world.truth.hazard * (1 - world.truth.hazard)).sum(axis=(0, 1))
    counts = world.tables["departures"]["cause"].value_counts().reindex(list(world.truth.causes), fill_value=0)
    assert (np.abs(counts.to_numpy() - expected) < 4 * np.sqrt(variance)).all()


def test_charges_of_the_records_are_the_overage_of_the_bills(world):
    charged = world.tables["cdr"].groupby("subscriber_id")["charge"].sum()
    bills = world.tables["bills"].merge(world.tables["subscribers"][["subscriber_id", "monthly_fee"]])
    departed = bills["subscriber_id"].isin(world.tables["departures"]["subscriber_id"])
    over = (bills["amount"] - bills["monthly_fee"])[~departed].groupby(bills["subscriber_id"]).sum()
    np.testing.assert_allclose(charged.reindex(over.index, fill_value=0.0), over, atol=1e-6)


def test_campaign_is_randomised_and_its_effect_is_the_planted_one():
    world = TelecomWorld(n_subscribers=30_000, months=6, seed=2, records_per_subscriber_month=0).simulate()
    offered = world.tables["campaigns"]
    rates = offered.groupby("treated")["left_within_3m"].agg(["mean", "size"])
    difference = rates["mean"][True] - rates["mean"][False]
    spread = np.sqrt((rates["mean"] * (1 - rates["mean"]) / rates["size"]).sum())
    place = offered["subscriber_id"].to_numpy() - world.truth.subscriber_id[0]
    effect = world.truth.treatment_effect[place]
    assert abs(difference - effect.mean()) < 4 * spread
    assert (effect > 0).any()
    assert (effect < 0).mean() > 0.7
    assert not offered["accepted"][~offered["treated"]].any()


def test_erosion_takes_outgoing_use_and_leaves_incoming():
    world = TelecomWorld(n_subscribers=3000, months=10, seed=6, records_per_subscriber_month=40).simulate()
    began = world.truth.erosion_month
    some = world.truth.subscriber_id[(began >= 3) & (began <= 6) & world.truth.at_risk[:, -1]]
    calls = world.tables["cdr"].query("kind == 'voice'")
    calls = calls[calls["subscriber_id"].isin(some)]
    start = pd.Series(began, index=world.truth.subscriber_id)
    ahead = (month_index(calls["event_time"]) - 12 * 55 + 1) - start.loc[calls["subscriber_id"]].to_numpy()
    counts = pd.crosstab(ahead, calls["direction"])
    before, after = counts.loc[-2:-1].mean(), counts.loc[2:3].mean()
    assert after["out"] < 0.6 * before["out"]
    assert 0.8 < after["in"] / before["in"] < 1.2


def digest(world) -> dict[str, int]:
    return {name: int(pd.util.hash_pandas_object(table).sum()) for name, table in world.tables.items()}


def test_same_seed_same_bytes_whatever_the_number_of_jobs():
    make = TelecomWorld(n_subscribers=9000, months=3, seed=8, records_per_subscriber_month=5)
    one, two = make.simulate(n_jobs=1), make.simulate(n_jobs=3, progress=False)
    assert digest(one) == digest(two)
    assert np.array_equal(one.truth.hazard, two.truth.hazard)
    other = TelecomWorld(n_subscribers=9000, months=3, seed=9, records_per_subscriber_month=5).simulate()
    assert digest(one)["cdr"] != digest(other)["cdr"]


def test_month_ends_are_calendar_month_ends(world):
    assert [world.month_end(m) for m in (0, 1, 2, 12)] == [1735689599, 1738367999, 1740787199, 1767225599]
    with pytest.raises(InputError, match="month must be >= 0 and <= 12, not 13"):
        world.month_end(13)


def test_written_tables_read_back_the_same(world, tmp_path):
    pytest.importorskip("pyarrow")
    paths = world.write(tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(f"{name}.parquet" for name in paths)
    pd.testing.assert_frame_equal(pd.read_parquet(paths["bills"]), world.tables["bills"])


def test_summary_holds_no_customer(world):
    summary = world.to_dict()
    assert summary["rows"]["subscribers"] == 5000
    assert sum(summary["departures"].values()) == len(world.tables["departures"])
    assert "1000001" not in str(summary)
    assert "subscribers" in world._repr_html_()
    assert repr(world).startswith("World(contract market: 5000 subscribers, 12 months,")
    assert (
        repr(world.truth) == "Truth(5000 subscribers, 12 months, causes voluntary, involuntary, transfer, incidental)"
    )


@pytest.mark.parametrize("months", [1, 3, 5])
def test_short_worlds_have_no_campaign(months):
    tables = TelecomWorld(n_subscribers=300, months=months, records_per_subscriber_month=1).simulate().tables
    assert tables["campaigns"].empty
    assert not (tables["contacts"]["kind"] == "retention").any()


def test_one_subscriber_and_no_records():
    world = TelecomWorld(n_subscribers=1, months=2, records_per_subscriber_month=0).simulate()
    assert len(world.tables["subscribers"]) == 1
    assert world.tables["cdr"].empty


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n_subscribers": 0}, "n_subscribers must be >= 1, not 0"),
        ({"n_subscribers": 10.5}, "n_subscribers must be a whole number"),
        ({"months": 0}, "months must be >= 1"),
        ({"seed": -1}, "seed must be >= 0"),
        ({"scenario": "price wars"}, r"did you mean 'price war'\?"),
        ({"start": "2025-01-15"}, "start must be the first day of a month"),
        ({"start": "soon"}, "start must be a date"),
        ({"records_per_subscriber_month": -1}, "records_per_subscriber_month must be >= 0"),
    ],
)
def test_impossible_parameters_are_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        TelecomWorld(**wrong).simulate()


def test_n_jobs_must_be_positive():
    with pytest.raises(InputError, match="n_jobs must be >= 1"):
        TelecomWorld(n_subscribers=10, months=1).simulate(n_jobs=0)
