"""Daily sums: partials in any order and any cut equal the view of all records."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.cdr import add_daily_sums, customer_view, daily_sums, features
from custval.synth import TelecomWorld


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(n_subscribers=150, months=5, seed=2, records_per_subscriber_month=20).simulate()


def wanted(view: pd.DataFrame) -> list[str]:
    return [
        feature.name
        for feature in features().features
        if feature.table == "cdr" and feature.cost in ("one pass", "second pass") and feature.name in view
    ]


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas"])
def test_the_view_of_daily_partials_is_that_of_all_records(world, engine, tmp_path):
    pytest.importorskip(engine)
    cuts = [world.month_end(0), *(world.month_end(m) - 86_400 * 10 - 77 for m in (2, 3)), world.month_end(5)]
    for first, last in pairwise(cuts):  # cuts within days: both parts of a day add up
        add_daily_sums(tmp_path / "state", world, since=first, until=last, engine=engine)
    assert len(list((tmp_path / "state").iterdir())) == 3
    tables = {name: world.tables[name] for name in ("subscribers", "departures")}
    for month in (4, 5) if engine == "polars" else (5,):
        as_of = world.month_end(month)
        sums = {**tables, "daily_sums": str(tmp_path / "state" / "*.parquet")}
        made = customer_view(sums, as_of=as_of, features="all", engine="polars")
        names = wanted(made) if engine == "polars" else wanted(made)[::5]
        made = customer_view(sums, as_of=as_of, features=names, engine=engine)
        whole = customer_view({**tables, "cdr": world.tables["cdr"]}, as_of=as_of, features=names, engine=engine)
        assert len(names) > 14
        for name in names:
            counted = whole[name].to_numpy()
            np.testing.assert_allclose(made[name], counted, rtol=1e-9, atol=1e-9 * np.abs(counted).max(), err_msg=name)


def test_counts_merge_exactly_in_any_order(world):
    whole = daily_sums(world, engine="pandas")
    cdr = world.tables["cdr"].sample(frac=1, random_state=1)
    parts = [daily_sums({"cdr": cdr.iloc[place::3]}, engine="pandas") for place in (2, 0, 1)]
    merged = pd.concat(parts).groupby(["subscriber_id", "day"], as_index=False).sum()
    counts = [
        name
        for name in whole
        if name != "last_time" and not name.endswith(("mb", "minutes", "minutes_out", "minutes_in", "charges"))
    ]
    pd.testing.assert_frame_equal(whole[counts], merged[counts])
    np.testing.assert_allclose(whole["data_mb"], merged["data_mb"], rtol=1e-12)


def test_a_moment_within_a_day_is_refused(world):
    tables = {"subscribers": world.tables["subscribers"], "daily_sums": daily_sums(world, engine="pandas")}
    with pytest.raises(InputError, match="as_of must be the last second of a day"):
        customer_view(tables, as_of=world.month_end(4) - 5, features=["calls_out_30d"], engine="pandas")
    with pytest.raises(InputError, match="no feature or group 'contacts_30d'"):
        customer_view(tables, as_of=world.month_end(4), features=["contacts_30d"], engine="pandas")


def test_what_was_cut_off_leaves_no_part(world, tmp_path, monkeypatch):
    def stopped(self, path, **_):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", stopped)
    with pytest.raises(KeyboardInterrupt):
        add_daily_sums(tmp_path, world, engine="pandas")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_table_is_refused(world):
    with pytest.raises(InputError, match="the table 'cdr' is needed"):
        daily_sums({"subscribers": world.tables["subscribers"]}, engine="pandas")
