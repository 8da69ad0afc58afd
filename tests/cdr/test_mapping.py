"""Call lists of other shapes, and real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.cdr import check_tables, customer_view, tables_from_calls

CALLS = {"a": [1, 2, 1], "b": [2, 3, 3], "t": [50, 10, 90], "s": [60, -1, 30]}


def test_each_call_is_seen_from_both_sides_in_the_order_of_time():
    cdr = tables_from_calls(CALLS, caller="a", callee="b", time="t", duration="s", origin=1000)["cdr"]
    assert cdr["event_time"].tolist() == [1010, 1010, 1050, 1050, 1090, 1090]
    assert cdr["subscriber_id"].tolist() == [2, 3, 1, 2, 1, 3]
    assert cdr["other_party"].tolist() == [3, 2, 2, 1, 3, 1]
    assert cdr["direction"].tolist() == ["out", "in"] * 3
    assert cdr["duration_s"].tolist() == [0, 0, 60, 60, 30, 30]


def test_real_calls_load_and_add_up(shared):
    calls = pd.read_csv(shared / "data" / "copenhagen_calls.csv")
    tables = tables_from_calls(calls, caller="from", callee="to", time="timestamp", duration="duration")
    report = check_tables(tables, engine="pandas")
    # the published clock starts at 0, which a business would not
    assert set(report.rule[report.bad > 0]) == {"event_time lies within 1980..2100 in epoch seconds"}
    last = int(calls["timestamp"].max())
    view = customer_view(tables, as_of=last, windows=(30,), engine="pandas")
    assert view["calls_out_30d"].sum() == (calls["timestamp"] > last - 30 * 86_400).sum() == len(calls)
    assert view["calls_in_30d"].sum() == len(calls)
    assert view["minutes_out_30d"].sum() == pytest.approx(calls["duration"].clip(lower=0).sum() / 60)
    assert (view["recency_days"] >= 0).all()
    assert len(view) == len(np.union1d(calls["from"], calls["to"]))


def test_messages_need_no_duration(shared):
    texts = pd.read_csv(shared / "data" / "copenhagen_sms.csv")
    tables = tables_from_calls(texts, caller="from", callee="to", time="timestamp", kind="sms")
    view = customer_view(tables, as_of=int(texts["timestamp"].max()), features=["sms_out_30d"], engine="pandas")
    assert view["sms_out_30d"].sum() == len(texts)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"caller": "aa"}, "there is no column 'aa'"),
        ({"kind": "fax"}, "kind must be one of 'voice', 'sms'"),
        ({"calls": {**CALLS, "t": [1, -5, 2]}}, r"t must be >= 0 but 1 of 3 rows is not \(first: row 1, value -5.0\)"),
        ({"calls": {**CALLS, "a": [1, 2.5, 2]}}, "a must be a whole number but 1 of 3 rows is not"),
        ({"calls": {**CALLS, "s": [1, np.nan, 2]}}, "s must be finite"),
    ],
)
def test_impossible_lists_are_refused(change, words):
    call = {"calls": CALLS, "caller": "a", "callee": "b", "time": "t", "duration": "s", **change}
    with pytest.raises(InputError, match=words):
        tables_from_calls(call.pop("calls"), **call)
