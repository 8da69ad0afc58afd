"""From panels to counts: by hand, long and wide alike, departures, gaps, a customer in two states."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.segments import migration_matrix, transition_counts

RNG = np.random.default_rng(14)


def panel(n=300, months=8, gaps=True):
    """Codes by month; everybody starts somewhere, some leave, some are away for a month."""
    state = RNG.integers(0, 3, (n, months)).astype(np.int8)
    first, last = RNG.integers(0, 3, n), RNG.integers(3, months + 1, n)
    time = np.arange(months)
    state[(time < first[:, None]) | (time >= last[:, None])] = -1
    if gaps:
        state[::7, 3] = -1
    left = np.where(last < months, np.array(["debt", "price"])[RNG.integers(0, 2, n)], "")
    return state, left


def brute(state, left, causes=("debt", "price")):
    """Count the moves of each customer in turn."""
    n, months = state.shape
    size = 3 + len(causes)
    count, triples, skipped = np.zeros((months, size, size)), np.zeros((size, size, size)), 0
    for i in range(n):
        here = np.flatnonzero(state[i] >= 0)
        skipped += int((np.diff(here) > 1).sum())
        for t in here:
            if t + 1 < months and state[i, t + 1] >= 0:
                after = state[i, t + 1]
            elif t == here[-1] and left[i]:
                after = 3 + causes.index(left[i])
            else:
                continue
            count[t, state[i, t], after] += 1
            if t and state[i, t - 1] >= 0:
                triples[state[i, t - 1], state[i, t], after] += 1
    return count, triples, skipped


def test_long_and_wide_equal_the_count_by_hand():
    state, left = panel()
    count, triples, skipped = brute(state, left)
    assert skipped > 0
    names = ("low", "mid", "high")
    with pytest.warns(DataWarning, match=f"{skipped} pairs of records have missing months"):
        wide = transition_counts(state, left=left, states=names)
    who, when = np.nonzero(state >= 0)
    last = np.array([np.flatnonzero(row >= 0)[-1] for row in state])
    cause = np.where(when == last[who], left[who], "")
    order = RNG.permutation(len(who))
    with pytest.warns(DataWarning, match=f"{skipped} pairs of records have missing months"):
        long = transition_counts(
            np.array(names)[state[who, when]][order],
            customer=who[order], month=when[order] + 5, left=cause[order], states=names,
        )  # fmt: skip
    for found in (wide, long):
        used = len(found.month)
        assert found.states == (*names, "debt", "price")
        np.testing.assert_array_equal(found.count, count[:used])
        assert not count[used:].any()
        np.testing.assert_array_equal(found.triples, triples)
        assert found.skipped == skipped
    assert long.month[0] == wide.month[0] + 5


def test_weights_are_copies_and_the_table_of_counts_gives_the_same_matrix():
    state, left = panel(gaps=False)
    weight = RNG.integers(0, 4, len(state))
    whole = transition_counts(np.repeat(state, weight, axis=0), left=np.repeat(left, weight))
    counted = transition_counts(state, left=left, sample_weight=weight)
    np.testing.assert_array_equal(whole.count, counted.count)
    np.testing.assert_array_equal(whole.triples, counted.triples)
    table = counted.to_frame()
    one = migration_matrix(counted)
    two = migration_matrix(
        table["start"], table["end"], month=table["month"], sample_weight=table["count"],
        states=counted.states, absorbing=counted.absorbing,
    )  # fmt: skip
    np.testing.assert_array_equal(one.count_by_month, two.count_by_month)
    np.testing.assert_array_equal(one.lower, two.lower)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: transition_counts(["a", "b"], customer=[1, 1], month=[3, 3]),
            r"1 records are of a customer who already has one in that month \(first: rows 0 and 1, month 3\)",
        ),
        (
            lambda: transition_counts(["a", "x"], customer=[1, 1], month=[1, 2], states=("a", "b")),
            r"1 of 2 rows hold an unknown state \(first: row 1, 'x'",
        ),
        (
            lambda: transition_counts(["a", None], customer=[1, 1], month=[1, 2]),
            r"state is missing in 1 of 2 rows \(first: row 1\)",
        ),
        (
            lambda: transition_counts(["a", "a"], customer=[1, 1], month=[1, 2], left=["price", None]),
            r"1 records come after the customer has left \(first: row 1\)",
        ),
        (
            lambda: transition_counts(["a", "a"], customer=[1, 1], month=[1, 2], left=[None, "a"]),
            r"'a' is both a state and a cause of leaving",
        ),
        (lambda: transition_counts(["a"], customer=[1], month=[1.5]), r"month must be a whole number"),
        (lambda: transition_counts(["a"]), r"records need customer= and month="),
        (lambda: transition_counts([[0, 1]], month=[1]), r"a panel .* needs no customer"),
        (lambda: transition_counts([[0, 3]], states=("a", "b")), r"state must be a code from 0 to 1, or -1"),
        (lambda: transition_counts([[0.5, 1.0]]), r"a panel holds codes"),
        (lambda: transition_counts([[0]]), r"at least two months"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_customers_of_one_month_make_no_move():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = transition_counts(["a", "b"], customer=[1, 2], month=[1, 1])
    assert found.count.sum() == 0


def test_a_nullable_column_of_causes():
    pd = pytest.importorskip("pandas")
    left = pd.Series([pd.NA, "price", pd.NA], dtype="string")
    found = transition_counts(["a", "b", "b"], customer=[1, 1, 2], month=[1, 2, 1], left=left)
    assert found.absorbing == ("price",)
    assert found.count.sum() == 2


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([[0, 1], [0, -3]], r"1 of 2 rows is not \(first: row 1, value -3\)"),
        ([[0.0, np.nan]], "put -1 where a customer is not there"),
        ([["a", "b"]], "one record for each customer-month"),
    ],
)
def test_what_is_wrong_with_a_panel(state, message):
    with pytest.raises(InputError, match=message):
        transition_counts(np.array(state), states=("a", "b"))
