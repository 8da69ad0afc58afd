"""What one pass over the rows tells before the fit: counts by month and phase, the average customer-month, its spread.

Rows may come in parts that are made anew for each pass, so that a person-month table never has to fit in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._survival.baseline import MonthCounts, MonthTally

__all__ = ("Source", "Spells", "Tally", "tally")


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Rows of whole months at risk: X (n, p), entry, duration, event, weight (n,), cluster codes (n,) or None.

    `offsets` (n, C) say what the clocks show: ``offset + step * t`` in month t; None without clocks. `groups` (S, n)
    number the levels of shrunken columns, whose effects `offset` (K, n) adds to the log rates.
    """

    X: FloatArray
    entry: IntArray
    duration: IntArray
    event: IntArray
    weight: FloatArray
    cluster: IntArray | None
    features: tuple[str, ...]
    causes: tuple[str, ...]
    offsets: IntArray | None = None
    groups: IntArray | None = None
    offset: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The rows of a fit, part by part: `parts()` begins anew each time; `in_memory` parts are prepared only once."""

    parts: Callable[[], Iterator[Spells]]
    features: tuple[str, ...]
    causes: tuple[str, ...]
    in_memory: bool = True

    @classmethod
    def of(cls, spells: Spells) -> Source:
        """Return the source of rows that are all at hand."""
        return cls(lambda: iter((spells,)), spells.features, spells.causes)


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What the first pass found.

    Attributes
    ----------
    counts : MonthCounts
        By month.
    at_risk, exits : ndarray of shape (G, T) and (K, G, T)
        Customers at risk and departures by phase and month; empty without clocks.
    offsets : ndarray of int, shape (G, C)
        What the clocks show in each phase, in sorted order.
    center, scale : ndarray of shape (p,)
        Mean and standard deviation of X over customer-months (1 for constant columns).
    gram : ndarray of shape (p, p)
        Correlations of X over customer-months.
    fractional : bool
        Whether any weight is not a whole number.
    rows, departures : int
        Number of rows, and of departures: whole weights count as often as they say, others once.
    """

    counts: MonthCounts
    at_risk: FloatArray
    exits: FloatArray
    offsets: IntArray
    center: FloatArray
    scale: FloatArray
    gram: FloatArray
    fractional: bool
    rows: int
    departures: int

    @property
    def clocked(self) -> bool:
        """Say whether there are clocks."""
        return bool(self.offsets.shape[1])


class _Moments:
    """Mean and second moments about the first part's mean, so that no digits are lost far from zero."""

    def __init__(self, p: int) -> None:
        self.origin: FloatArray | None = None
        self.total, self.first, self.second = 0.0, np.zeros(p), np.zeros((p, p))
        self.largest = np.zeros(p)

    def add(self, spells: Spells) -> None:
        months = spells.weight * (spells.duration - spells.entry)
        origin = (months / months.sum()) @ spells.X if self.origin is None else self.origin
        self.origin = origin
        moved = spells.X - origin
        self.total += float(months.sum())
        self.first += months @ moved
        self.second += (moved * months[:, None]).T @ moved
        self.largest = np.maximum(self.largest, np.abs(spells.X).max(axis=0, initial=0))

    def finish(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        shift = self.first / self.total
        center = np.zeros_like(shift) if self.origin is None else self.origin + shift
        spread = self.second / self.total - np.outer(shift, shift)
        root = np.sqrt(np.clip(np.diag(spread), 0, None))
        flat = root <= 1e-12 * np.maximum(np.abs(center), self.largest)
        scale = np.where(flat, 1.0, root)
        gram = spread / np.outer(scale, scale)
        gram[flat, :] = gram[:, flat] = 0.0
        return center, scale, gram


class _Phases:
    """Counts by phase: a dictionary of those met so far, each with its own tally of months."""

    def __init__(self, causes: int) -> None:
        self.causes = causes
        self.tallies: dict[tuple[int, ...], MonthTally] = {}

    def add(self, spells: Spells, offsets: IntArray) -> None:
        phases, which = phase_codes(offsets)
        order = np.argsort(which, kind="stable")
        ends = np.searchsorted(which[order], np.arange(len(phases)), side="right")
        for phase, begin, end in zip(phases.tolist(), np.append(0, ends[:-1]), ends, strict=True):
            own = order[begin:end]
            tally = self.tallies.setdefault(tuple(phase), MonthTally(self.causes))
            tally.add(spells.entry[own], spells.duration[own], spells.event[own], spells.weight[own])

    def finish(self, last: int) -> tuple[FloatArray, FloatArray, IntArray]:
        names = sorted(self.tallies)
        at_risk, exits = np.zeros((len(names), last)), np.zeros((self.causes, len(names), last))
        for g, name in enumerate(names):
            counts = self.tallies[name].counts()
            at_risk[g, : len(counts.at_risk)] = counts.at_risk
            exits[:, g, : len(counts.at_risk)] = counts.exits
        return at_risk, exits, np.array(names, dtype=np.int64).reshape(len(names), -1)


def phase_codes(offsets: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct rows of `offsets` (n, C), sorted, and which of them each row is."""
    if offsets.shape[1] == 1:
        found, which = np.unique(offsets[:, 0], return_inverse=True)
        return found[:, None], which
    codes = np.zeros(len(offsets), dtype=np.int64)
    for column in offsets.T:  # column by column: sorting rows whole is ten times slower
        own, place = np.unique(column, return_inverse=True)
        codes = np.unique(codes * len(own) + place, return_inverse=True)[1]
    firsts = np.unique(codes, return_index=True)[1]
    return offsets[firsts], codes


def phases_of(offsets: IntArray, known: IntArray) -> IntArray:
    """Return the number of each row's phase among the `known` ones (G, C), which are sorted and hold all of them."""
    found, which = phase_codes(offsets)
    place = {tuple(row): g for g, row in enumerate(known.tolist())}
    return np.array([place[tuple(row)] for row in found.tolist()], dtype=np.int64)[which]


def tally(source: Source) -> Tally:
    """Return what one pass over the rows tells."""
    causes = len(source.causes)
    months, moments, phases = MonthTally(causes), _Moments(len(source.features)), _Phases(causes)
    fractional, rows, clocked, parted = False, 0, False, False
    for spells in source.parts():
        months.add(spells.entry, spells.duration, spells.event, spells.weight)
        moments.add(spells)
        fractional |= bool((spells.weight != np.floor(spells.weight)).any())
        left = spells.weight[spells.event > 0]
        parted |= bool((left != np.floor(left)).any())
        rows += len(spells.event)
        if spells.offsets is not None:
            clocked = True
            phases.add(spells, spells.offsets)
    counts = months.counts()
    at_risk, exits, offsets = phases.finish(len(counts.at_risk)) if clocked else _no_phases(causes)
    center, scale, gram = moments.finish()
    departures = int(months.leavers.sum() if parted else counts.exits.sum())
    return Tally(counts, at_risk, exits, offsets, center, scale, gram, fractional, rows, departures)


def _no_phases(causes: int) -> tuple[FloatArray, FloatArray, IntArray]:
    return np.zeros((0, 0)), np.zeros((causes, 0, 0)), np.zeros((0, 0), dtype=np.int64)
