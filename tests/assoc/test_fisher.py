"""Hypergeometric tails against exact fractions and SciPy; corrections against their definitions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy import stats

from custval import InputError
from custval._assoc.fisher import adjusted_p, fisher_tails


def exact(n: int, a: int, b: int, ab: int) -> Fraction:
    top = sum(comb(a, x) * comb(n - a, b - x) for x in range(max(ab, a + b - n, 0), min(a, b) + 1))
    return Fraction(top, comb(n, b))


def tails(tables):
    n = tables[0][0]
    columns = np.array(tables, dtype=np.int64).T
    return fisher_tails(n, *columns[1:])


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_all_small_tables_against_exact_fractions(n):
    tables = [
        (n, a, b, ab) for a in range(n + 1) for b in range(n + 1) for ab in range(max(0, a + b - n), min(a, b) + 1)
    ]
    p, below = tails(tables)
    expected = [exact(*table) for table in tables]
    np.testing.assert_allclose(p, [float(e) for e in expected], rtol=1e-12)
    np.testing.assert_allclose(below, [float(1 - e) for e in expected], rtol=1e-12, atol=1e-15)


def test_large_tables_against_exact_fractions():
    rng = np.random.default_rng(1)
    n = 1_200
    for _ in range(30):
        a, b = rng.integers(1, n, 2)
        spread = np.sqrt(a * b / n * (1 - a / n) * (1 - b / n))
        ab = int(np.clip(a * b / n + rng.normal(0, 6) * spread, max(0, a + b - n), min(a, b)))
        p, below = fisher_tails(n, *(np.array([v], dtype=np.int64) for v in (a, b, ab)))
        truth = exact(n, int(a), int(b), ab)
        assert float(min(p[0], below[0])) == pytest.approx(float(min(truth, 1 - truth)), rel=2e-12)
        assert p[0] == pytest.approx(float(truth), rel=2e-12)


def test_millions_of_customers_against_scipy():
    tables = [(10_000_000, 50_000, 30_000, ab) for ab in (100, 149, 150, 151, 180, 250, 400, 1000)]
    p, below = tails(tables)
    reference = [stats.hypergeom.sf(ab - 1, n, a, b) for n, a, b, ab in tables]
    np.testing.assert_allclose(p, reference, rtol=1e-6)  # SciPy's logarithms of factorials lose digits here
    np.testing.assert_allclose(p + below, 1.0, rtol=1e-15)


def test_the_far_tail_is_zero_not_nan():
    p, below = tails([(1_000_000, 400_000, 400_000, 400_000)])
    assert (p[0], below[0]) == (0.0, 1.0)


P = np.array([0.04, 0.001, 0.3, 0.012, 0.012])


def test_corrections_against_their_definitions():
    ranks = {0.001: 1, 0.012: 3, 0.04: 4, 0.3: 5}
    bh = [min(q * 5 / r for q, r in ranks.items() if q >= p) for p in P]
    np.testing.assert_allclose(adjusted_p(P, "bh"), bh)
    harmonic = sum(1 / i for i in range(1, 6))
    np.testing.assert_allclose(adjusted_p(P, "by"), np.minimum(1, np.array(bh) * harmonic))
    np.testing.assert_allclose(adjusted_p(P, "bonferroni"), np.minimum(1, 5 * P))
    np.testing.assert_allclose(adjusted_p(P, "holm"), [0.08, 0.005, 0.3, 0.048, 0.048])
    np.testing.assert_allclose(adjusted_p(P, "bh"), stats.false_discovery_control(P))


@pytest.mark.parametrize("method", ["bh", "by", "holm", "bonferroni"])
def test_tests_not_shown_count_as_the_largest(method):
    padded = adjusted_p(np.append(P, np.ones(2995)), method)[:5]
    np.testing.assert_allclose(adjusted_p(P, method, 3000), padded, rtol=1e-12)


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="method must be one of 'bh'"):
        adjusted_p(P, "fdr")
