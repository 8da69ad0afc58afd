"""Sequential patterns: SPMF's numbers, and all patterns tried by hand on random events."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custval import InputError
from custval.assoc import sequential_patterns


def test_the_patterns_of_spmf(shared, reference):
    path = shared / "reference" / "assoc_data" / "adoption1k5.sequences.tsv"
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    case = reference("assoc")["adoption1k5"]
    assert len(rows) == case["n"]
    for expected in case["patterns"]:
        found = sequential_patterns(rows, min_support=expected["supp"])
        by_length = {str(k): int(v) for k, v in enumerate(np.bincount(found.length)) if v}
        assert (found.min_count, len(found), by_length) == (expected["abs"], expected["n"], expected["by_len"])
        assert found.count.sum() == expected["sum_counts"]
        departures = {item for row in rows for item in row if "churn" in item.lower()}
        assert sum(len(found.ending_in(item)) for item in departures) == expected["ending_in_churn"]


def shows(steps, pattern, low, high, span):
    """Say whether steps [(time, items)] show the pattern within the limits, by trying every choice of steps."""
    for chosen in combinations(range(len(steps)), len(pattern)):
        times = [steps[i][0] for i in chosen]
        gaps = np.diff(times)
        if all(set(part) <= steps[i][1] for part, i in zip(pattern, chosen, strict=True)) and (
            len(times) == 1 or (min(gaps) >= low and max(gaps) <= high and times[-1] - times[0] <= span)
        ):
            return True
    return False


def naive(customers, least, low, high, span, longest):
    items = sorted({item for steps in customers for _, held in steps for item in held})
    parts = [part for size in (1, 2) for part in combinations(items, size)]
    found = {}
    for n_steps in range(1, longest + 1):
        for pattern in product(parts, repeat=n_steps):
            if sum(map(len, pattern)) > longest:
                continue
            count = sum(shows(steps, pattern, low, high, span) for steps in customers)
            if count >= least:
                found[pattern] = count
    return found


steps = st.dictionaries(st.integers(0, 8), st.sets(st.integers(0, 2), min_size=1, max_size=2), max_size=5)
limits = st.tuples(st.sampled_from([0, 2]), st.sampled_from([np.inf, 2, 4]), st.sampled_from([np.inf, 3, 5]))


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=1, max_size=6).filter(any), limits, st.integers(1, 3))
def test_all_patterns_within_gaps_and_span(base, bounds, least):
    customers = [[(float(t), row[t]) for t in sorted(row)] for row in base]
    table = {
        "subscriber_id": [i for i, row in enumerate(customers) for _, held in row for _ in held],
        "item": [item for row in customers for _, held in row for item in sorted(held)],
        "time": [t for row in customers for t, held in row for _ in held],
    }
    low, high, span = bounds
    options = {name: value for name, value in (("max_gap", high), ("max_span", span)) if np.isfinite(value)}
    found = sequential_patterns(table, min_count=least, min_gap=low, max_length=3, n_customers=len(base), **options)
    expected = naive(customers, least, low, high, span, 3)
    assert dict(zip(found, found.count.tolist(), strict=True)) == expected


def test_a_window_merges_what_happens_nearly_at_once():
    table = {"subscriber_id": [1, 1, 1, 2, 2], "item": list("abcba"), "time": [0.0, 0.5, 3.0, 1.0, 1.9]}
    plain = dict(zip(sequential_patterns(table, min_count=1), [0] * 99, strict=False))
    assert (("a",), ("b",)) in plain
    merged = sequential_patterns(table, min_count=2, window=1.0)
    assert dict(zip(merged, merged.count.tolist(), strict=True)) == {(("a",),): 2, (("b",),): 2, (("a", "b"),): 2}


def test_dates_are_days_and_row_order_does_not_matter():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "subscriber_id": [7, 7, 8, 8],
            "item": ["-tv", "churn", "churn", "-tv"],
            "time": pd.to_datetime(["2026-01-01", "2026-02-10", "2026-03-05", "2026-03-01"]),
        }
    )
    found = sequential_patterns(frame, min_count=1, max_gap=10).ending_in("churn")
    assert found.to_frame()["pattern"].tolist() == ["-tv -> churn", "churn"]
    assert found.count.tolist() == [1, 2]
    assert len(sequential_patterns(frame.iloc[::-1], min_count=1)) == len(sequential_patterns(frame, min_count=1))
    polars = pytest.importorskip("polars")
    assert list(sequential_patterns(polars.from_pandas(frame), min_count=1)) == list(
        sequential_patterns(frame, min_count=1)
    )


def test_confidence_of_the_last_step():
    found = sequential_patterns([["a", "b"], ["a", "b"], ["a"], ["b", "a"]], min_count=2)
    known = dict(zip(found, found.confidence().tolist(), strict=True))
    assert known == {(("a",),): 1.0, (("a",), ("b",)): 0.5, (("b",),): 0.75}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequential_patterns(["ab"], min_count=1), "sequence 0 is a bare text"),
        (lambda: sequential_patterns("ab", min_count=1), "not one text"),
        (lambda: sequential_patterns([["a"]]), "give one of"),
        (lambda: sequential_patterns([["a"]], min_count=1, max_gap=0), "max_gap must be > 0"),
        (lambda: sequential_patterns([["a"]], min_count=1, max_gap=1, min_gap=2), "no step can follow"),
        (lambda: sequential_patterns([["a"]], min_count=1, window=-1), "window must be >= 0"),
        (lambda: sequential_patterns([["a"]], min_count=1, n_customers=0), "n_customers is 0 but"),
        (lambda: sequential_patterns([], min_count=1), "no customers"),
        (lambda: sequential_patterns([list("abcdefgh")], min_count=1, max_patterns=20), "max_patterns=20"),
        (
            lambda: sequential_patterns({"subscriber_id": [1], "item": ["a"], "time": [float("nan")]}, min_count=1),
            "time must be finite",
        ),
        (
            lambda: sequential_patterns(
                {"subscriber_id": [1], "item": ["a"], "time": np.array(["NaT"], dtype="M8[D]")}, min_count=1
            ),
            "time must not be missing but 1 of 1",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()
