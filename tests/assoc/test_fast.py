"""The compiled kernel gives the same sets in the same order, and its absence goes unnoticed."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from custval._assoc import fast
from custval.assoc import frequent_itemsets

RNG = np.random.default_rng(2)
BASE = RNG.random((3000, 24)) < np.linspace(0.1, 0.5, 24)


def columns(sets):
    return [part.tolist() for part in (sets.tree.parent, sets.tree.item, sets.tree.count, sets.tree.length)]


def test_same_sets_in_the_same_order(monkeypatch):
    pytest.importorskip("numba")
    plain = columns(frequent_itemsets(BASE, min_count=40))
    monkeypatch.setattr(fast, "_SOME_WORK", -1)
    calls = []
    kernel = fast.pair_kernel()
    assert kernel is not None
    monkeypatch.setattr("custval._assoc.mining.pair_kernel", lambda: lambda *args: calls.append(1) or kernel(*args))
    assert columns(frequent_itemsets(BASE, min_count=40)) == plain
    assert calls
    wide = np.concatenate((BASE, RNG.random((3000, 70)) < 0.01), axis=1)
    with_kernel = columns(frequent_itemsets(wide, min_count=40))
    monkeypatch.setattr("custval._assoc.mining.pair_kernel", lambda: None)
    assert columns(frequent_itemsets(wide, min_count=40)) == with_kernel


def test_the_kernel_as_plain_python_counts_bits():
    bits = RNG.integers(0, 1 << 63, (5, 3), dtype=np.uint64)
    left, right, weight = np.array([0, 1, 3]), np.array([2, 4, 3]), np.array([1.0, 2.0, 4.0])
    with np.errstate(over="ignore"):
        found = fast._pair_counts(bits, left, right, weight)
    assert found.tolist() == (np.bitwise_count(bits[left] & bits[right]) @ weight).tolist()


def test_without_numba_nothing_is_said_and_nothing_changes(monkeypatch):
    plain = columns(frequent_itemsets(BASE, min_count=60))
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.split(".")[0] == "numba":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(fast, "import_module", missing)
    monkeypatch.setattr(fast, "_SOME_WORK", -1)
    monkeypatch.setattr(fast, "_MUCH_WORK", -1)
    fast.pair_kernel.cache_clear()
    assert fast.pair_kernel() is None
    assert columns(frequent_itemsets(BASE, min_count=60)) == plain
    fast.pair_kernel.cache_clear()


def test_little_work_does_not_load_the_compiler():
    assert not fast.worth_compiling(1000)
    assert fast.worth_compiling(fast._MUCH_WORK + 1)
