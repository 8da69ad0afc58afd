"""Exposure to contacts that have left: by hand, against a slow second route, and never from the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import DataWarning, InputError
from custval.survival import social_exposure


def records(seed=0, n=30, rows=800):
    rng = np.random.default_rng(seed)
    table = {
        "customer": rng.integers(0, n, rows),
        "contact": rng.integers(0, n + 15, rows),
        "month": rng.integers(1, 13, rows),
        "weight": rng.integers(1, 9, rows).astype(float),
    }
    left = np.where(rng.random(n) < 0.5, rng.integers(2, 13, n).astype(float), np.nan)
    return table, np.arange(n), left


def slowly(table, customers, left, month, memory, delay):
    frame = pd.DataFrame(table)
    frame = frame[(frame["month"] < month) & (frame["month"] >= month - memory)]
    answer = []
    for customer in customers:
        mine = frame[frame["customer"] == customer]
        gone = [c for c in mine["contact"].unique() if c in customers and left[c] <= month - 1 - delay]
        total = mine["weight"].sum()
        to_gone = mine.loc[mine["contact"].isin(gone), "weight"].sum()
        net = mine.loc[mine["contact"].isin(customers), "weight"].sum()
        shares = (to_gone / total, net / total) if total else (0.0, 0.0)
        answer.append((mine["contact"].nunique(), len(gone), *shares))
    return np.array(answer)


@pytest.mark.parametrize(("memory", "delay"), [(3, 0), (1, 0), (4, 2)])
def test_equals_the_slow_way(memory, delay):
    table, customers, left = records()
    told = social_exposure(
        table, customers=customers, left=left, months=np.arange(2, 15), memory=memory, label_delay=delay
    )
    for t, month in enumerate(told.month):
        wanted = slowly(table, customers, left, month, memory, delay)
        mine = [told.group_size, told.churned_ties, told.churned_share, told.on_net_share]
        assert np.column_stack([part[:, t] for part in mine]) == pytest.approx(wanted)


def test_the_future_changes_nothing():
    table, customers, left = records(1)
    asked = {"customers": customers, "months": [5, 8]}
    told = social_exposure(table, left=left, **asked)
    past = np.asarray(table["month"]) < 8
    cut = {name: values[past] for name, values in table.items()}
    later = np.where(left >= 8, np.nan, left)
    again = social_exposure(cut, left=later, **asked)
    for name in ("group_size", "churned_ties", "churned_share", "on_net_share"):
        assert (getattr(told, name) == getattr(again, name)).all()


def test_frames_and_labels():
    frame = pd.DataFrame({"customer": ["a"], "contact": ["b"], "month": [1], "on_net": [False]})
    told = social_exposure(frame, customers=["a", "b"], left=[None, 1], months=[2])
    assert told.to_frame().loc[0].tolist() == ["a", 2, 1.0, 1.0, 1.0, 0.0]


def test_bad_input_is_named():
    table, customers, left = records()
    with pytest.raises(InputError, match="customers holds 1 labels twice"):
        social_exposure(table, customers=[1, 1], left=[None, None], months=[3])
    with pytest.raises(InputError, match="month must be whole"):
        social_exposure({**table, "month": table["month"] + 0.5}, customers=customers, left=left, months=[3])
    with pytest.raises(InputError, match="weight must be >= 0"):
        social_exposure({**table, "weight": -table["weight"]}, customers=customers, left=left, months=[3])
    with pytest.raises(InputError, match="left has 2 rows but customers has 30"):
        social_exposure(table, customers=customers, left=[1, 2], months=[3])
    with pytest.raises(InputError, match="records must be a frame"):
        social_exposure([1], customers=customers, left=left, months=[3])


def test_records_of_nobody_are_said():
    calls = {"customer": ["1", "2"], "contact": ["2", "1"], "month": [1, 1]}
    with pytest.warns(DataWarning, match="none of the 2 records belongs to one of the customers"):
        social_exposure(calls, customers=[1, 2], left=[None, None], months=[2])
