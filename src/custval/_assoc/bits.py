"""Baskets as bits: identical baskets merged, items as rows of 64-basket words, counts by AND and a bit count.

A basket is a mask, one bit for each item. Masks that occur many times are kept once with their count; the count is
spread over binary *sections* (every basket whose count has bit b stands in section b), so that the number of holders
of an itemset is sum over words of 2^b times the number of bits set: no multiplication for each basket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from custval._core.typing import FloatArray, IntArray

__all__ = (
    "CountArray",
    "MaskArray",
    "Vertical",
    "bit",
    "distinct",
    "merge_sorted",
    "transpose",
    "union_masks",
    "vertical",
)

MaskArray: TypeAlias = NDArray[np.uint64]
CountArray: TypeAlias = NDArray[Any]  # int64 for customers, float64 for fractional case weights

_WORD = 64
_EXACT_FLOAT32 = 1 << 24


@dataclass(frozen=True, slots=True)
class Vertical:
    """Rows of bits, one row for each item, and the function that counts the holders of rows.

    ``bits`` is (items, words) uint64; ``tally`` takes (m, words) uint64 and returns m counts. ``weight`` has the value
    of a bit in each word, or is None where customers have weights of their own.
    """

    bits: MaskArray
    tally: Callable[[MaskArray], CountArray]
    weight: FloatArray | None = None


def bit(position: int) -> np.uint64:
    """Return the mask whose only bit is at `position` (0..63)."""
    return np.uint64(1 << position)


def distinct(values: IntArray) -> IntArray:
    """Return the distinct values, rising; a sort takes a hundredth of the time of NumPy's hashing on many of them."""
    if values.size < 2 or (values[1:] > values[:-1]).all():
        return values
    ordered = np.sort(values)
    return np.asarray(ordered[np.append(True, ordered[1:] != ordered[:-1])], dtype=np.int64)


def merge_sorted(masks: MaskArray, counts: CountArray) -> tuple[MaskArray, CountArray]:
    """Return the distinct values of sorted `masks` with their summed counts."""
    if masks.size == 0:
        return masks, counts
    first = np.concatenate(([0], np.flatnonzero(masks[1:] != masks[:-1]) + 1))
    return masks[first], np.add.reduceat(counts, first)


def union_masks(owner: IntArray, position: IntArray, n: int, n_items: int) -> MaskArray:
    """Return masks (n, words) in which basket ``owner[i]`` holds item ``position[i]``.

    A sum of *distinct* powers of two is their union; 32 at a time are exact in double precision. A pair that comes
    twice spoils its basket, and then the masks hold fewer bits in all than there are pairs: callers compare.
    """
    words = max(1, -(-n_items // _WORD))
    masks = np.zeros((n, words), dtype=np.uint64)
    power = np.exp2(position & 31)
    for half in range(2 * words if n_items > 32 else 1):
        inside = slice(None) if n_items <= 32 else (position >> 5) == half
        total = np.bincount(owner[inside], weights=power[inside], minlength=n)
        masks[:, half // 2] |= total.astype(np.uint64) << np.uint64(32 * (half % 2))
    return masks


def transpose(words: MaskArray) -> MaskArray:
    """Transpose each row of 64 words as a 64 x 64 matrix of bits.

    Six rounds swap blocks of 32, 16, ..., 1 bits (Warren 2013, Hacker's Delight, section 7-3), for all rows at once.
    `words` has shape (m, 64); the answer has bit k of word j where the input has bit j of word k.
    """
    block = np.ascontiguousarray(words)
    for width in (32, 16, 8, 4, 2, 1):
        low = np.uint64(sum(((1 << width) - 1) << start for start in range(0, _WORD, 2 * width)))
        pairs = block.reshape(len(block), _WORD // (2 * width), 2, width)
        upper, lower = pairs[:, :, 0, :], pairs[:, :, 1, :]
        swap = ((upper >> np.uint64(width)) ^ lower) & low
        block = np.stack((upper ^ (swap << np.uint64(width)), lower ^ swap), axis=2).reshape(len(block), _WORD)
    return block


def vertical(masks: MaskArray, counts: CountArray) -> Vertical:
    """Turn baskets into rows of bits: `masks` is (baskets, k) words of 64 items, `counts` their multiplicity or weight.

    Row 64 j + b of the answer holds the item of bit b in word j.
    """
    order, weight = _sections(counts)
    padded = np.concatenate((masks, np.zeros((1, masks.shape[1]), dtype=np.uint64)))[order]
    rows = [transpose(padded[:, j].reshape(-1, _WORD)).T for j in range(masks.shape[1])]
    bits = np.ascontiguousarray(np.concatenate(rows))
    if counts.dtype.kind == "f":
        return Vertical(bits, _weighted_tally(np.append(counts, 0.0)[order]))
    return Vertical(bits, _section_tally(weight, float(counts.sum())), weight.astype(np.float64))


def _sections(counts: CountArray) -> tuple[IntArray, IntArray]:
    """Return for each bit position the basket that stands there (the last + 1 = nobody), and each word's weight."""
    whole = counts.dtype.kind == "i"
    levels = max(1, int(counts.max(initial=0)).bit_length()) if whole else 1
    chosen = [
        np.flatnonzero(((counts >> level) & 1) != 0) if whole else np.arange(len(counts)) for level in range(levels)
    ]
    places, weights = [], []
    for level, baskets in enumerate(chosen):
        words = -(-len(baskets) // _WORD)
        padded = np.full(words * _WORD, len(counts), dtype=np.int64)
        padded[: len(baskets)] = baskets
        places.append(padded)
        weights.append(np.full(words, 1 << level, dtype=np.int64))
    return np.concatenate(places), np.concatenate(weights)


def _section_tally(weight: IntArray, total: float) -> Callable[[MaskArray], IntArray]:
    # single precision is exact below 2^24, and half the memory traffic of double
    kind: type[Any] = np.float32 if total < _EXACT_FLOAT32 else np.float64
    factor: CountArray = weight.astype(kind)

    def tally(rows: MaskArray) -> IntArray:
        ones: CountArray = np.bitwise_count(rows).astype(kind)
        return np.asarray(np.einsum("ij,j->i", ones, factor), dtype=np.int64)

    return tally


def _weighted_tally(weight: FloatArray) -> Callable[[MaskArray], FloatArray]:
    def tally(rows: MaskArray) -> FloatArray:
        if rows.size == 0:
            return np.zeros(len(rows))
        holders = np.unpackbits(rows.astype("<u8", copy=False).view(np.uint8), axis=1, bitorder="little")
        return np.asarray(np.einsum("ij,j->i", holders, weight), dtype=np.float64)

    return tally
