"""Tiers by every rule, frozen; hysteresis and minimum stay; who moves; accounts; bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import DataWarning, InputError
from custval.segments import Tiers

RNG = np.random.default_rng(8)
SPEND = RNG.lognormal(3, 1, 500)
THREE = {"cuts": "money", "levels": (100.0, 50.0), "names": ("gold", "silver", "basic")}


def test_the_default_tiers_are_top_shares_of_customers():
    model = Tiers().fit(SPEND[:, None])
    heads = np.bincount(model.predict(SPEND[:, None]), minlength=5)
    assert heads.tolist() == [5, 20, 75, 150, 250]
    assert model.names_ == ("supreme", "diamond", "gold", "silver", "basic")
    assert (np.diff(model.cuts_) < 0).all()


def test_shares_of_value_and_natural_breaks():
    model = Tiers(cuts="share").fit(SPEND[:, None])
    for level, cut in zip((0.2, 0.5, 0.8, 0.95), model.cuts_, strict=True):
        assert SPEND[cut <= SPEND].sum() >= level * SPEND.sum() * (1 - 1e-12)
        assert SPEND[cut < SPEND].sum() < level * SPEND.sum()
    crowds = np.concatenate([RNG.normal(c, 1, 50) for c in (10, 50, 100)])
    natural = Tiers(cuts="natural", names=("a", "b", "c")).fit(crowds[:, None])
    assert np.bincount(natural.predict(crowds[:, None])).tolist() == [50, 50, 50]


def test_hysteresis_and_the_minimum_stay():
    model = Tiers(**THREE, hysteresis=0.1, minimum_stay=3).fit([[1.0]])
    values = np.array([[109.0], [111.0], [200.0], [91.0], [89.0], [30.0], [30.0], [30.0]])
    before = [1, 1, 2, 0, 0, 0, 0, -1]
    months = [5, 5, 0, 5, 5, 5, 1, 0]
    assert model.rescore(values, before, months).tolist() == [1, 0, 0, 0, 1, 2, 0, 2]
    moves = model.changes(values, before, months)
    assert dict(zip(moves.row.tolist(), moves.kind, strict=True)) == {
        4: "demotion", 5: "demotion", 6: "held", 2: "promotion", 1: "promotion",
    }  # fmt: skip
    assert moves.row.tolist() == [4, 5, 6, 2, 1]
    assert moves.to_frame()["before"].tolist() == ["gold", "gold", "gold", "basic", "silver"]
    again = model.rescore(SPEND[:, None], RNG.integers(-1, 3, 500))
    np.testing.assert_array_equal(model.rescore(SPEND[:, None], again), again)


def test_accounts_are_judged_by_their_sum():
    lines = np.array([[60.0], [60.0], [70.0], [10.0]])
    account = ["firm", "firm", "anna", "ben"]
    model = Tiers(**THREE).fit(lines, account=account)
    assert model.tier(lines).tolist() == ["silver", "silver", "silver", "basic"]
    assert model.tier(lines, account=account).tolist() == ["gold", "gold", "silver", "basic"]
    learned = Tiers(names=("top", "rest"), levels=(0.34,)).fit(lines, account=account)
    assert learned.cuts_.tolist() == [120.0]
    table = model.table(lines, account=account)
    assert table.customers.tolist() == [2.0, 1.0, 1.0]
    assert table.value.tolist() == [120.0, 70.0, 10.0]
    with pytest.raises(InputError, match="account or sample_weight, not both"):
        model.fit(lines, account=account, sample_weight=np.ones(4))


def test_the_table_has_intervals_and_adds_up():
    table = Tiers().fit(SPEND[:, None]).table(SPEND[:, None])
    assert table.value.sum() == pytest.approx(SPEND.sum())
    assert (np.array(table.share_of_value_lower) < table.share_of_value).all()
    assert table.from_value[-1] is None
    assert len(table.to_frame()) == 5


def test_whole_weights_equal_copies_and_frames_equal_arrays():
    weight = RNG.integers(0, 4, 500)
    for cuts in ("quantile", "share", "natural"):
        plain = Tiers(cuts=cuts).fit(np.repeat(SPEND, weight)[:, None])
        np.testing.assert_array_equal(plain.cuts_, Tiers(cuts=cuts).fit(SPEND[:, None], sample_weight=weight).cuts_)
    for kind in (pd.DataFrame, pl.DataFrame, dict):
        frame = kind({"id": np.arange(500), "spend": SPEND})
        model = Tiers(axis="spend").fit(frame)
        np.testing.assert_array_equal(model.predict(frame), Tiers().fit(SPEND[:, None]).predict(SPEND[:, None]))
    with pytest.warns(DataWarning, match="X has 2 columns; 'spend' was taken as the value"):
        Tiers().fit({"spend": SPEND, "id": np.arange(500.0)})


def test_fewer_distinct_values_than_tiers():
    with pytest.warns(DataWarning, match=r"4 cuts stand on 2 distinct values, so some tiers are empty"):
        Tiers().fit([[1.0], [2.0]])
    with pytest.raises(InputError, match=r"5 classes need 5 distinct values, but the value has 2"):
        Tiers(cuts="natural").fit([[1.0], [2.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Tiers(cuts="rank").fit(SPEND[:, None]), r"cuts must be one of"),
        (lambda: Tiers(cuts="money").fit(SPEND[:, None]), r"cuts='money' needs levels=: 4 numbers"),
        (
            lambda: Tiers(levels=(0.1,)).fit(SPEND[:, None]),
            r"levels must be 4 numbers, one fewer than the 5 names, not 1",
        ),
        (lambda: Tiers(levels=(0.5, 0.2, 0.1, 0.05)).fit(SPEND[:, None]), r"levels must rise"),
        (lambda: Tiers(levels=(0.1, 0.2, 0.3, 1.0)).fit(SPEND[:, None]), r"levels must be > 0 and < 1"),
        (lambda: Tiers(cuts="money", levels=(1, 2, 3, 4)).fit(SPEND[:, None]), r"levels of money must fall"),
        (lambda: Tiers(names=("a", "a")).fit(SPEND[:, None]), r"at least two different names"),
        (lambda: Tiers(hysteresis=1.0).fit(SPEND[:, None]), r"hysteresis must be >= 0 and < 1"),
        (lambda: Tiers(minimum_stay=1.5).fit(SPEND[:, None]), r"minimum_stay must be a whole number"),
        (lambda: Tiers(**THREE).fit([[np.nan]]), r"NaN"),
        (lambda: Tiers(**THREE).fit([[1.0]]).rescore([[1.0]], [7]), r"previous must be a code from 0 to 2"),
        (lambda: Tiers(**THREE).fit([[1.0]]).rescore([[1.0]], [1], [-1]), r"months_in_tier must be >= 0"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
