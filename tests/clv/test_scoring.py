"""Scoring in chunks and simulated parameters: equal to the whole, file or frame; nothing half-written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import InputError
from custval.clv import (
    GeometricRetention,
    ShiftedBetaGeometric,
    lifetime_value,
    score,
    simulated_value,
)
from custval.survival import DiscreteHazard, survival_target

RNG = np.random.default_rng(0)
N = 500
BASE = pd.DataFrame(
    {
        "subscriber_id": np.arange(N) + 10_000,
        "plan": np.array(["a", "b"])[RNG.integers(0, 2, N)],
        "arpu": RNG.gamma(9, 4, N),
        "cost": RNG.uniform(1, 4, N),
        "tenure": RNG.integers(1, 30, N).astype(float),
    }
)
LIFE = RNG.geometric(np.where(BASE["plan"] == "a", 0.02, 0.05))
MODEL = DiscreteHazard(baseline="linear", tail="hold").fit(
    BASE[["plan"]], survival_target(np.minimum(LIFE, 24), LIFE <= 24)
)
TERMS = {"horizon": 24, "monthly_discount": 0.01}
WHOLE = lifetime_value(
    MODEL, BASE, margin={"revenue": BASE["arpu"], "cost_to_serve": BASE["cost"]}, given=BASE["tenure"], **TERMS
)
BY_NAME = {"margin": {"revenue": "arpu", "cost_to_serve": "cost"}, "given": "tenure", **TERMS}


def check(found, table):
    np.testing.assert_allclose(table["value"], WHOLE.value, rtol=1e-12)
    np.testing.assert_allclose(table["upper"], WHOLE.upper, rtol=1e-10)
    np.testing.assert_array_equal(table["subscriber_id"], BASE["subscriber_id"])
    assert found.customers == N
    assert found.total == pytest.approx(WHOLE.total)
    assert found.total_std_error == pytest.approx(WHOLE.total_std_error)
    assert found.components["cost_to_serve"] == pytest.approx(WHOLE.components["cost_to_serve"].sum())
    assert sum(found.components.values()) == pytest.approx(found.total)


@pytest.mark.parametrize("chunk_rows", [1000, 130, 500])
def test_chunks_equal_the_whole(chunk_rows):
    found = score(MODEL, BASE, keep=["subscriber_id"], chunk_rows=chunk_rows, **BY_NAME)
    check(found, found.table)


def test_frames_of_any_kind_and_streams_of_them():
    parts = (pl.from_pandas(BASE.iloc[i : i + 100]) for i in range(0, N, 100))
    found = score(MODEL, parts, keep=["subscriber_id"], **BY_NAME)
    check(found, found.table)
    arrays = {**BY_NAME, "given": BASE["tenure"].to_numpy()}
    found = score(MODEL, BASE, keep=["subscriber_id"], chunk_rows=77, **arrays)
    check(found, found.table)


def test_from_parquet_to_parquet(tmp_path):
    BASE.to_parquet(tmp_path / "base.parquet")
    out = tmp_path / "value.parquet"
    found = score(MODEL, tmp_path / "base.parquet", keep=["subscriber_id"], out=out, chunk_rows=90, **BY_NAME)
    assert found.path == str(out)
    assert found.table is None
    check(found, pd.read_parquet(out))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base.parquet", "value.parquet"]


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    def broken():
        yield BASE.iloc[:100]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(MODEL, broken(), out=tmp_path / "value.parquet", **BY_NAME)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_covariance_leaves_missing_bounds(tmp_path):
    found = score(
        GeometricRetention.from_params(theta=0.02),
        BASE,
        margin="arpu",
        out=tmp_path / "v.parquet",
        chunk_rows=200,
        **TERMS,
    )
    table = pd.read_parquet(tmp_path / "v.parquet")
    assert table["std_error"].isna().all()
    assert found.total_std_error is None
    assert table["value"].sum() == pytest.approx(found.total)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": "arpo"}, r"there is no column 'arpo' \(did you mean 'arpu'"),
        ({"groups": "plan"}, r"score has no groups"),
        ({"chunk_rows": 0}, r"chunk_rows must be >= 1"),
        ({"margin": [1.0, 2.0]}, r"margin has 2 rows, fewer than the data"),
        ({"margin": "arpu", "keep": ["value"]}, r"there is no column 'value'"),
    ],
)
def test_bad_input_is_refused_with_help(options, message):
    with pytest.raises(InputError, match=message):
        score(MODEL, BASE, **{**BY_NAME, **options})


def test_a_kept_column_may_have_any_name_but_that_of_an_answer():
    found = score(MODEL, BASE.rename(columns={"cost": "margin"}), margin="arpu", keep=["margin"], **TERMS)
    np.testing.assert_array_equal(found.table["margin"], BASE["cost"])
    with pytest.raises(InputError, match=r"the column 'lower' to keep has the name of a result; rename it"):
        score(MODEL, BASE.rename(columns={"cost": "lower"}), margin="arpu", keep=["lower"], **TERMS)


def test_nothing_to_write_is_said(tmp_path):
    with pytest.raises(InputError, match="hold no customers"):
        score(MODEL, iter([]), out=tmp_path / "v.parquet", **BY_NAME)
    assert len(score(MODEL, iter([]), **BY_NAME).table) == 0


def test_drawn_parameters_agree_with_the_delta_method_where_the_covariance_is_small():
    model = ShiftedBetaGeometric().fit(np.array([1000, 869, 743, 653, 593, 551, 517, 491]) * 50.0)
    options = {"margin": [10.0, 30.0], "groups": ["x", "y"], "timing": "mid", **TERMS}
    found = simulated_value(model, np.zeros((2, 1)), draws=800, random_state=0, **options)
    worth = lifetime_value(model, np.zeros((2, 1)), **options)
    assert found.total == worth.total
    assert found.std_error == pytest.approx(worth.total_std_error, rel=0.1)
    assert found.lower == pytest.approx(worth.total_lower, rel=1e-3)
    np.testing.assert_allclose(found.groups["x"] + found.groups["y"], found.draws, rtol=1e-12)
    again = simulated_value(model, np.zeros((2, 1)), draws=800, random_state=0, **options)
    np.testing.assert_array_equal(found.draws, again.draws)


def test_the_monthly_hazard_can_be_drawn_too():
    """The draws spread as the delta method says, and one step moves predictions as their gradient does."""
    rows = BASE[["plan"]].iloc[:40]
    options = {"margin": 20.0, "given": BASE["tenure"].iloc[:40].to_numpy(), **TERMS}
    found = simulated_value(MODEL, rows, draws=300, random_state=0, **options)
    worth = lifetime_value(MODEL, rows, **options)
    assert found.std_error == pytest.approx(worth.total_std_error, rel=0.15)
    for j in range(len(worth.total_gradient)):
        step = 1e-5 * (np.arange(len(worth.total_gradient)) == j)
        up, down = (lifetime_value(MODEL.moved(s * step), rows, **options).total for s in (1, -1))
        assert (up - down) / 2e-5 == pytest.approx(worth.total_gradient[j], rel=1e-6)


def test_models_that_cannot_be_drawn_say_so():
    known = ShiftedBetaGeometric.from_params(alpha=1.0, beta=2.0)
    with pytest.raises(InputError, match=r"ShiftedBetaGeometric has no covariance"):
        simulated_value(known, np.zeros((1, 1)), margin=1.0, **TERMS)

    class Plain:
        def predict_survival(self, X, times):
            return np.ones((len(X), len(times)))

    with pytest.raises(InputError, match=r"a Plain cannot be asked at other parameters"):
        simulated_value(Plain(), np.zeros((1, 1)), margin=1.0, **TERMS)
