"""One random stream for each table, block of subscribers and month, so that no order of work changes a byte."""

from __future__ import annotations

import numpy as np

__all__ = ("BLOCK", "blocks", "stream")

BLOCK = 4096  # subscribers drawn from one stream; fixed, because changing it changes every world
# appended to, never reordered: the position of a name is part of the key of its streams
_TABLES = (
    *("network", "population", "social", "services", "months", "records", "times"),
    *("prepaid", "topups", "payments", "offers", "winbacks", "companies", "groups", "forwarding"),
)


def stream(seed: int, table: str, block: int = 0, month: int = 0) -> np.random.Generator:
    """Return the generator of one `table`, `block` and `month` of the world with this `seed`."""
    key = (_TABLES.index(table), block, month)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


def blocks(n: int) -> list[tuple[int, int]]:
    """Return (first, past the last) subscriber of each block of a world of `n` subscribers."""
    return [(first, min(first + BLOCK, n)) for first in range(0, n, BLOCK)]
