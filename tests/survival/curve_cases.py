"""Customers with ties, late entry, weights and two causes, and their curves by a count in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

Row = tuple[int, int, int, int]  # entry, months watched after it, event, weight

rows_of_customers = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 8), st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=20
)


def columns(rows: list[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return entry, duration, event and weight."""
    entry, months, event, weight = (np.array(column) for column in zip(*rows, strict=True))
    return entry.astype(float), (entry + months).astype(float), event, weight


def by_hand(entry, duration, event, weight, causes: int = 2) -> dict[str, list]:
    """Return times, survival, hazard and incidences counted row by row in fractions."""
    survival, hazard, incidence = Fraction(1), Fraction(0), [Fraction(0)] * causes
    out: dict[str, list] = {"times": [], "survival": [], "hazard": [], "incidence": []}
    for t in sorted({float(d) for d, w in zip(duration, weight, strict=True) if w > 0}):
        present = [
            (float(d), int(k), int(w)) for e, d, k, w in zip(entry, duration, event, weight, strict=True) if e < t <= d
        ]
        r = sum(w for _, _, w in present)
        left = [sum(w for d, k, w in present if d == t and k == cause) for cause in range(1, causes + 1)]
        share = [Fraction(d, r) for d in left]
        incidence = [f + survival * h for f, h in zip(incidence, share, strict=True)]
        survival *= 1 - sum(share)
        hazard += sum(share)
        for name, value in (("times", t), ("survival", survival), ("hazard", hazard), ("incidence", incidence)):
            out[name].append(value)
    return out
