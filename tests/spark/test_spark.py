"""The same call on Spark: every feature equal to that on pandas; skipped, with the reason, where Spark cannot run."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pandas as pd
import pytest

from custval.cdr import basket_counts, check_tables, customer_view, daily_sums, features, rerate, tenure_counts
from custval.synth import TelecomWorld

pytestmark = pytest.mark.filterwarnings("ignore")  # Spark's own: deprecations, resources


@pytest.fixture(scope="module")
def session():
    required = os.environ.get("CUSTVAL_SPARK") == "1"
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        pytest.skip("pyspark is not installed")
    if shutil.which("java") is None:
        if required:
            pytest.fail("CUSTVAL_SPARK=1 but there is no Java")
        pytest.skip("there is no Java, which Spark needs")
    if not required:
        pytest.skip("Spark starts in the session 'spark' only; CUSTVAL_SPARK=1 runs it here")
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "2").config("spark.driver.memory", "2g")
    for name in ("codegen.wholeStage", "adaptive.enabled"):  # compiling hundreds of columns costs more than they do
        builder = builder.config(f"spark.sql.{name}", "false")
    builder = builder.config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    made = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def world():
    return TelecomWorld(
        n_subscribers=250,
        months=5,
        seed=3,
        scenario="prepaid market",
        behaviours="all",
        records_per_subscriber_month=10,
        parameters={"prepaid_share": 0.5},
    ).simulate()


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    assert list(one.columns) == list(two.columns)
    for name in one.columns:
        if one[name].dtype.kind == "f":
            scale = max(float(one[name].abs().max()), 1e-300)
            np.testing.assert_allclose(one[name], two[name], rtol=1e-9, atol=1e-9 * scale, err_msg=name)
        else:
            assert one[name].tolist() == two[name].tolist(), name


def test_every_feature_is_the_same_on_spark(session, world):
    as_of = world.month_end(4)
    expected = customer_view(world, as_of=as_of, features="all", engine="pandas")
    made = customer_view(world, as_of=as_of, features="all", engine="spark")
    assert set(made.columns) == {"subscriber_id", *features().names}
    same(expected, made)


def test_spark_frames_stay_where_they_are(session, world, tmp_path):
    world.write(tmp_path)
    tables = {name: session.read.parquet(str(tmp_path / f"{name}.parquet")) for name in ("subscribers", "cdr", "bills")}
    view = customer_view(tables, as_of=world.month_end(4), features=["volume", "bill_last"])
    assert type(view).__module__.startswith("pyspark")
    expected = customer_view(tmp_path, as_of=world.month_end(4), features=["volume", "bill_last"], engine="pandas")
    # without departures everybody who joined is there
    made = view.toPandas().set_index("subscriber_id").loc[expected["subscriber_id"]].reset_index()
    same(expected, made[list(expected.columns)])


def test_counts_sums_and_checks_are_the_same_on_spark(session, world):
    as_of = world.month_end(4)
    one, two = (
        tenure_counts(world, since=world.month_end(0), until=as_of, by=["contract"], engine=engine)
        for engine in ("pandas", "spark")
    )
    pd.testing.assert_frame_equal(one, two)
    one, two = (basket_counts(world, as_of=as_of, engine=engine) for engine in ("pandas", "spark"))
    assert one.to_dict() == two.to_dict()
    one, two = (daily_sums(world, engine=engine) for engine in ("pandas", "spark"))
    pd.testing.assert_frame_equal(one, two, rtol=1e-9, check_dtype=False)
    same(*(rerate(world, as_of=as_of, engine=engine) for engine in ("pandas", "spark")))
    assert check_tables({"subscribers": world.tables["subscribers"], "cdr": world.tables["cdr"]}, engine="spark").clean
