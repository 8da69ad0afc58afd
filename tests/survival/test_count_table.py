"""Counting customers, and the likelihood of counts against that of rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval._survival import discrete_fit
from custval._survival.clocks import clock_offsets
from custval._survival.discrete_grid import evaluate_grid, grid_rows
from custval._survival.discrete_likelihood import evaluate, month_states, risk_rows
from custval._survival.discrete_states import clocked_states
from custval._survival.discrete_tally import Source, Spells, phases_of, tally
from custval.survival import Clock, DiscreteHazard, count_table, survival_target


def customers(n=3000, seed=0, causes=2, late=True):
    rng = np.random.default_rng(seed)
    X = {"plan": rng.choice(["basic", "gold", "plus"], n), "kids": rng.integers(0, 3, n), "auto": rng.random(n) < 0.4}
    duration = rng.integers(1, 13, n)
    entry = np.minimum(rng.integers(0, 4, n), duration - 1) if late else np.zeros(n, dtype=int)
    event = rng.integers(0, causes + 1, n)
    event[:4], duration[:4] = 0, 12
    return X, survival_target(duration, event, entry=entry, causes=["price", "moved"][:causes])


@pytest.mark.parametrize("late", [True, False])
def test_counts_are_those_of_a_slow_count(late):
    X, y = customers(400, late=late)
    table = pd.DataFrame(count_table(X, y))
    assert table.columns.tolist() == ["tenure", "plan", "kids", "auto", "at_risk", "exits_price", "exits_moved"]
    assert (table["at_risk"] > 0).all()
    frame = pd.DataFrame(X)
    for row in table.sample(60, random_state=0).to_dict("records"):
        own = (
            (frame["plan"] == row["plan"]) & (frame["kids"] == row["kids"]) & (frame["auto"] == row["auto"])
        ).to_numpy()
        t = row["tenure"]
        assert row["at_risk"] == (own & (y["entry"] < t) & (t <= y["duration"])).sum()
        assert row["exits_moved"] == (own & (y["duration"] == t) & (y["event"] == 2)).sum()
    assert table["at_risk"].sum() == (y["duration"] - y["entry"]).sum()


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("causes", [1, 2])
def test_the_fit_of_counts_is_that_of_the_customers(link, causes):
    X, y = customers(causes=causes)
    rows = DiscreteHazard(link=link).fit(X, y)
    counts = DiscreteHazard(link=link).fit_counts(count_table(X, y))
    assert counts.coef_ == pytest.approx(rows.coef_, rel=1e-10, abs=1e-10)
    assert counts.std_error_ == pytest.approx(rows.std_error_, rel=1e-9)
    assert counts.covariance_ == pytest.approx(rows.covariance_, rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_the_likelihood_of_counts_is_that_of_rows_with_clocks_and_full_months(link):
    rng = np.random.default_rng(1)
    n = 3000
    X = rng.integers(0, 2, (n, 2)).astype(float)
    entry = rng.integers(0, 5, n)
    event = rng.integers(0, 3, n)
    event[entry == 4] = rng.integers(1, 3, (entry == 4).sum())  # in the last month everybody leaves
    clock = Clock("end", step=-1)
    offsets = clock_offsets(rng.integers(1, 4, (1, n)).astype(float), (clock,), entry)
    weight = rng.integers(1, 4, n).astype(float)
    spells = Spells(X, entry, entry + 1, event, weight, None, ("a", "b"), ("x", "y"), offsets)
    source = Source.of(spells)
    seen = tally(source)
    basis = discrete_fit.free_basis(seen.counts.exits > 0, seen.counts.saturated)
    for clocks in ((), (clock,)):
        states, _ = clocked_states(basis, seen, clocks, source) if clocks else (month_states(basis), ())
        phase = phases_of(offsets, seen.offsets) if clocks else None
        rows = risk_rows(X, entry, entry + 1, event, weight, states=states, phase=phase)
        plain = replace(seen, center=np.zeros(2), scale=np.ones(2))
        grid = grid_rows(spells if clocks else replace(spells, offsets=None), plain, states)
        assert grid is not None
        theta = rng.normal(size=sum(rows.sizes)) * 0.3 - 0.2
        for mine, theirs in zip(evaluate_grid(theta, grid, link), evaluate(theta, rows, link), strict=True):
            assert mine == pytest.approx(theirs, rel=1e-10, abs=1e-8)


def test_frames_come_back_in_their_kind():
    X, y = customers(50)
    assert isinstance(count_table(pd.DataFrame(X), y), pd.DataFrame)
    assert isinstance(count_table(pl.DataFrame(X), y), pl.DataFrame)
    pair = (y["duration"].astype(int), (y["event"] > 0).astype(int))
    assert list(count_table(X, pair))[-1] == "exits_left"
    assert list(count_table(X, (pair[0], y["event"])))[-1] == "exits_cause_2"


def test_what_cannot_be_counted_is_refused():
    X, y = customers(50)
    with pytest.raises(ValueError, match="the columns of the cells need names"):
        count_table(np.ones((50, 2)), y)
    duration = y["duration"].copy()
    duration[3] += 0.5
    with pytest.raises(ValueError, match=r"duration must be whole months but 1 of 50 rows is not .*to_months"):
        count_table(X, survival_target(duration, y["event"]))
    many = {f"c{j}": np.arange(50) for j in range(5)}
    with pytest.raises(ValueError, match=r"the columns make 312500000 cells \(values: c0 50"):
        count_table(many, y)
    with pytest.raises(ValueError, match="y has 50 rows but X has 2"):
        count_table({"a": [1, 2]}, y)
    with pytest.raises(ValueError, match="duration must be >= 1"):
        count_table({"a": [1, 2]}, (np.array([0, 1]), np.array([0, 1])))
    with pytest.raises(ValueError, match="event must be from 0 to 1"):
        count_table({"a": [1, 2]}, (np.array([1, 1]), np.array([0, -1])))
