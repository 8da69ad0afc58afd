"""The counts behind every curve, against a count by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from custval._core.kernels import risk_table

people = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 6), st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=25
)


@settings(max_examples=80)
@given(people)
def test_counts_equal_a_count_by_hand(rows: list[tuple[int, int, int, int]]) -> None:
    entry = np.array([float(r[0]) for r in rows])
    duration = entry + np.array([float(r[1]) for r in rows])
    event = np.array([r[2] for r in rows])
    weight = np.array([float(r[3]) for r in rows])
    table = risk_table(duration, event, entry=entry, weight=weight, causes=2)
    assert table.times.tolist() == sorted(set(duration))
    for j, t in enumerate(table.times):
        at_risk = sum(w for e, d, w in zip(entry, duration, weight, strict=True) if e < t <= d)
        assert table.at_risk[j] == at_risk
        for cause in (1, 2):
            left = sum(w for d, k, w in zip(duration, event, weight, strict=True) if d == t and k == cause)
            assert table.events[cause - 1, j] == left
        assert table.censored[j] == weight[(duration == t) & (event == 0)].sum()


@settings(max_examples=40)
@given(people)
def test_no_entry_is_entry_at_zero(rows: list[tuple[int, int, int, int]]) -> None:
    duration = np.array([float(r[1]) for r in rows])
    event, weight = np.array([r[2] for r in rows]), np.array([float(r[3]) for r in rows])
    plain = risk_table(duration, event, entry=None, weight=weight, causes=2)
    zero = risk_table(duration, event, entry=np.zeros(len(rows)), weight=weight, causes=2)
    np.testing.assert_array_equal(plain.at_risk, zero.at_risk)
    np.testing.assert_array_equal(plain.events, zero.events)


def test_weights_are_copies() -> None:
    duration, event = np.array([1.0, 2.0, 2.0]), np.array([1, 0, 1])
    weighted = risk_table(duration, event, entry=None, weight=np.array([2.0, 1.0, 3.0]), causes=1)
    copied = np.repeat(np.arange(3), [2, 1, 3])
    plain = risk_table(duration[copied], event[copied], entry=None, weight=np.ones(6), causes=1)
    np.testing.assert_array_equal(weighted.at_risk, plain.at_risk)
    np.testing.assert_array_equal(weighted.events, plain.events)
