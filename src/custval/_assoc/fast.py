"""The optional compiled kernel: joint holders of many pairs of sets, without writing their bits down.

With Numba installed (``pip install 'custval[fast]'``) long searches count here; the same pairs are asked in the same
order, so the answer is the same to the last set. Without Numba, or where it does not work, NumPy counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from custval._assoc.bits import MaskArray
from custval._core.typing import FloatArray, IntArray

__all__ = ("PairKernel", "pair_kernel", "worth_compiling")

PairKernel = Callable[[MaskArray, IntArray, IntArray, FloatArray], FloatArray]

_MUCH_WORK = 2_000_000_000  # words of pairs after which loading the compiler pays
_SOME_WORK = 20_000_000  # the same where it is loaded already


def worth_compiling(done: int) -> bool:
    """Say whether a search that has compared `done` words of pairs should go on with the compiled kernel."""
    return done > (_SOME_WORK if "numba" in sys.modules else _MUCH_WORK)


@cache
def pair_kernel() -> PairKernel | None:
    """Return the compiled kernel, or None where Numba is missing or does not work."""
    try:
        numba = import_module("numba")
        kernel = numba.njit(cache=True, nogil=True)(_pair_counts)
        kernel(np.zeros((1, 1), dtype=np.uint64), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.ones(1))
    except Exception:  # noqa: BLE001 - whatever a compiler may raise, NumPy counts instead
        return None
    compiled: PairKernel = kernel
    return compiled


def _pair_counts(bits: Any, left: Any, right: Any, weight: Any) -> Any:
    """Return for each pair of rows the weighted number of bits that both have."""
    count = np.empty(left.size, dtype=np.float64)
    for pair in range(left.size):
        one, two = left[pair], right[pair]
        total = 0.0
        for word in range(bits.shape[1]):
            # bits set, by adding neighbours (Warren 2013, Hacker's Delight, section 5-1); compilers know the pattern
            both = bits[one, word] & bits[two, word]
            both = both - ((both >> np.uint64(1)) & np.uint64(0x5555555555555555))
            both = (both & np.uint64(0x3333333333333333)) + ((both >> np.uint64(2)) & np.uint64(0x3333333333333333))
            both = (both + (both >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
            total += weight[word] * np.float64((both * np.uint64(0x0101010101010101)) >> np.uint64(56))
        count[pair] = total
    return count
