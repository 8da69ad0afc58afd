"""The counts behind every curve, against a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval._core.kernels import risk_table, whole_risk_table

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


@pytest.mark.parametrize("causes", [1, 2, 40, 300])
@pytest.mark.parametrize("last", [60, 300, 2048])
def test_whole_durations_are_counted_alike_in_keys_of_any_size(causes: int, last: int) -> None:
    rng = np.random.default_rng(0)
    duration, event = rng.integers(1, last + 1, 500).astype(float), rng.integers(0, causes + 1, 500)
    duration[0], event[0] = last, causes
    quick = whole_risk_table(duration, event, entry=None, causes=causes)
    if quick is None:
        assert causes >= 40  # keys of sixteen bits do not hold them: counted the ordinary way
        return
    plain = risk_table(duration, event, entry=None, weight=None, causes=causes)
    for name in ("times", "at_risk", "events", "censored"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(plain, name))


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1.5, 255.5, 256.25, 2049.0, 1e300, np.nan, np.inf])
def test_whole_durations_only(wrong: float) -> None:
    duration, event = np.array([1.0, 2.0, wrong]), np.array([True, False, True])
    assert whole_risk_table(duration, event, entry=None, causes=1) is None


@pytest.mark.parametrize("wrong", [-1, 2, 256, 257, 2**32, 2**32 + 1])
def test_codes_of_causes_only(wrong: int) -> None:
    assert whole_risk_table(np.array([1.0, 2.0]), np.array([1, wrong]), entry=None, causes=1) is None
    assert whole_risk_table(np.array([1.0, 2.0]), np.array([1, 0]), entry=np.array([0.0, 0.5]), causes=1) is None
