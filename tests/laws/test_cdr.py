"""Laws of the customer view: true for every set of records."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval.cdr import customer_view

# records drawn at random may all be too old to count, of which the view warns
pytestmark = pytest.mark.filterwarnings("ignore::custval.DataWarning")

AS_OF = 200 * 86_400
PEOPLE = pd.DataFrame({"subscriber_id": np.arange(4), "activation": np.zeros(4, dtype="datetime64[s]")})

record = st.tuples(
    st.integers(0, 5),  # two of them unknown
    st.integers(0, AS_OF + 86_400),
    st.sampled_from(["voice", "sms", "data"]),
    st.sampled_from(["out", "in"]),
    st.integers(0, 6),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
    *([st.booleans()] * 4),
    st.floats(0, 10),
)
NAMES = [
    *("subscriber_id", "event_time", "kind", "direction", "other_party", "duration_s", "volume_mb"),
    *("on_net", "forwarded", "dropped", "roaming", "charge"),
]
KINDS = dict(
    zip(NAMES, ["int64", "int64", "str", "str", "int64", "float", "float", *["bool"] * 4, "float"], strict=True)
)


def view(rows: list[tuple], **how) -> pd.DataFrame:
    cdr = pd.DataFrame(rows, columns=NAMES).astype(KINDS)
    return customer_view({"subscribers": PEOPLE, "cdr": cdr}, as_of=AS_OF, engine="pandas", **how)


@given(st.lists(record, max_size=40))
@settings(max_examples=10, deadline=None)
def test_every_number_is_finite_and_every_share_between_0_and_1(rows):
    made = view(rows).drop(columns="subscriber_id").select_dtypes("number")
    assert np.isfinite(made.to_numpy()).all()
    shares = made.filter(like="share")
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert made.filter(regex="change$").abs().le(1).all(axis=None)
    assert made["recency_days"].between(0, 90).all()


@given(st.lists(record, max_size=40))
@settings(max_examples=10, deadline=None)
def test_the_longer_window_holds_the_shorter(rows):
    made = view(rows)
    for name in ("calls_out", "sms_in", "data_mb", "contacts", "active_days"):
        assert (made[f"{name}_90d"] >= made[f"{name}_30d"] - 1e-9).all()
    assert (made["active_days_30d"] <= 31).all()


@given(st.lists(record, max_size=30), st.lists(record, max_size=30))
@settings(max_examples=10, deadline=None)
def test_totals_of_two_sets_of_records_add_up(one, two):
    both, first, second = (view(rows, features="volume") for rows in (one + two, one, two))
    names = both.columns[1:]
    np.testing.assert_allclose(both[names], first[names] + second[names], rtol=1e-9, atol=1e-9)


@given(st.lists(record, max_size=40), st.integers(1, 50))
@settings(max_examples=10, deadline=None)
def test_shifting_all_times_by_whole_weeks_changes_nothing(rows, weeks):
    shift = weeks * 7 * 86_400
    cdr = pd.DataFrame(rows, columns=NAMES).astype(KINDS)
    later = cdr.assign(event_time=cdr["event_time"] + shift)
    wanted = ["volume", "mix", "contacts", "change"]
    one, two = (
        customer_view({"subscribers": PEOPLE, "cdr": table}, as_of=moment, features=wanted, engine="pandas")
        for table, moment in ((cdr, AS_OF), (later, AS_OF + shift))
    )
    pd.testing.assert_frame_equal(one, two)
