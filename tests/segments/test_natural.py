"""Natural breaks: the best of all partitions, by brute force; ties, weights, and too many classes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from custval import InputError
from custval._segments.natural import natural_breaks

RNG = np.random.default_rng(5)


def within(values, weight, breaks):
    code = np.searchsorted(breaks, values, side="right")
    total = 0.0
    for label in range(len(breaks) + 1):
        x, w = values[code == label], weight[code == label]
        total += (w * (x - np.average(x, weights=w)) ** 2).sum()
    return total


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
def test_no_partition_is_better(classes):
    for _ in range(8):
        values = RNG.integers(0, 25, 18).astype(float)
        weight = RNG.integers(1, 4, 18).astype(float)
        distinct = np.unique(values)
        best = min(within(values, weight, np.array(cut)) for cut in combinations(distinct[1:], classes - 1))
        found = natural_breaks(values, weight, classes)
        assert (np.diff(found) > 0).all()
        assert within(values, weight, found) == pytest.approx(best, abs=1e-9)


def test_well_separated_classes_are_found_at_scale():
    centres = np.array([1e6, 1e6 + 50.0, 1e6 + 200.0, 1e6 + 900.0])
    values = (centres[:, None] + RNG.normal(0, 3, (4, 5000))).ravel()
    found = natural_breaks(values, np.ones(len(values)), 4)
    assert np.searchsorted(found, centres, side="right").tolist() == [0, 1, 2, 3]


def test_weights_equal_copies_and_no_weight_is_no_customer():
    values = RNG.normal(0, 1, 40)
    weight = RNG.integers(0, 4, 40).astype(float)
    copies = np.repeat(values, weight.astype(int))
    for classes in (2, 3):
        np.testing.assert_array_equal(
            natural_breaks(values, weight, classes), natural_breaks(copies, np.ones(len(copies)), classes)
        )


def test_more_classes_than_distinct_values_is_refused():
    with pytest.raises(InputError, match=r"3 classes need 3 distinct values, but the spend has 2; ask for fewer cuts"):
        natural_breaks(np.array([1.0, 1.0, 2.0]), np.ones(3), 3, name="spend")
