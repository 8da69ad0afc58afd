"""Efron's sums by Gauss's rule, against the terms one by one."""

from __future__ import annotations

import numpy as np
import pytest

from custval._survival.cox_ties import efron_sums, terms_of

COUNT = np.array([1, 2, 5, 300, 5000, 256, 255, 100_000])


@pytest.mark.parametrize("left", [1e-6, 0.01, 0.3, 0.69, 0.71, 0.999])
def test_the_sums_are_those_of_the_terms(left):
    mass = COUNT * np.linspace(0.5, 2.0, len(COUNT))
    got = efron_sums(terms_of(COUNT), mass, COUNT, np.full(len(COUNT), left))
    for j, d in enumerate(COUNT):
        s = np.arange(d) / d
        psi = 1 - s * left
        mean = mass[j] / d
        tied = d > 1
        assert got.k0[j] == pytest.approx(mean * (1 / psi).sum(), rel=1e-13)
        assert got.k1[j] == pytest.approx(mean * (s / psi).sum() * tied, rel=1e-13)
        assert got.b0[j] == pytest.approx(mean * (psi**-2).sum(), rel=1e-13)
        assert got.b1[j] == pytest.approx(mean * (s * psi**-2).sum() * tied, rel=1e-13)
        assert got.b2[j] == pytest.approx(mean * (s * s * psi**-2).sum() * tied, rel=1e-13)
    told = sum(mass[j] / d * np.log1p(-left * np.arange(d) / d).sum() for j, d in enumerate(COUNT))
    assert got.log_psi == pytest.approx(told, rel=1e-13)


def test_only_large_ties_take_the_rule():
    terms = terms_of(COUNT)
    assert terms.where.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert terms.length.tolist() == [2, 5, 16, 16, 16, 255, 16]
    assert np.add.reduceat(terms.times, terms.starts) == pytest.approx(COUNT[terms.where], rel=1e-13)
    assert (terms.share >= 0).all()
    assert (terms.share < 1).all()


def test_one_time_may_need_its_terms_while_another_does_not():
    count, mass = np.array([1000, 1000]), np.array([1000.0, 1000.0])
    got = efron_sums(terms_of(count), mass, count, np.array([0.1, 1.0]))
    s = np.arange(1000) / 1000
    assert got.k0.tolist() == pytest.approx([(1 / (1 - 0.1 * s)).sum(), (1 / (1 - s)).sum()], rel=1e-12)


def test_no_ties_no_terms():
    terms = terms_of(np.array([1, 1, 1]))
    assert terms.where.size == terms.share.size == 0
    got = efron_sums(terms, np.ones(3), np.ones(3, dtype=np.int64), np.full(3, 0.5))
    assert got.k0.tolist() == got.b0.tolist() == [1.0, 1.0, 1.0]
    assert not got.k1.any()
    assert not got.b1.any()
    assert got.log_psi == 0.0
