"""Targets for departures between two looks: what they mean, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval._survival.interval_target import read_spans
from custval.survival import interval_target, kaplan_meier, survival_target


def test_missing_bounds_are_open():
    y = interval_target([None, 2.0, np.nan], [3.0, None, 1.0], entry=[1, 0, 0.5], cause="churn", time_unit="day")
    assert y["lower"].tolist() == [1.0, 2.0, 0.5]
    assert y["upper"].tolist() == [3.0, np.inf, 1.0]
    assert y.dtype.metadata == {"causes": ("churn",), "time_unit": "day"}
    assert y[1:].dtype.metadata == y.dtype.metadata


def test_a_plain_target_reads_as_exact_and_open_spans():
    spans = read_spans(survival_target([3, 5], [1, 0], entry=[1, 0]), owner="AFT")
    assert spans.lower.tolist() == [3, 5]
    assert spans.upper.tolist() == [3, np.inf]
    assert spans.exact.tolist() == [True, False]
    assert spans.left.tolist() == [True, False]
    assert spans.last.tolist() == [3, 5]
    assert spans.entry.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([5.0, 2.0], [3.0, 4.0]), r"upper must be >= lower .* 1 of 2 rows is not \(first: row 0, value 3.0\)"),
        (([0.0], [0.0]), "upper must be > 0 and > entry"),
        (([np.inf], [np.inf]), "lower must be finite"),
        (([-1.0], [2.0]), "lower must be >= 0"),
        (([1.0], [2.0, 3.0]), "upper has 2 rows but lower has 1"),
    ],
)
def test_impossible_spans_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        interval_target(*arguments)


def test_an_entry_after_the_departure_is_named():
    with pytest.raises(InputError, match="upper must be >= lower"):
        interval_target([1.0], [2.0], entry=[3.0])


def test_curves_of_exact_times_refuse_it():
    with pytest.raises(InputError, match="turnbull, AFT and MixtureCure take it"):
        kaplan_meier(interval_target([1.0], [2.0]))
