"""The likelihood of a table of counts: cells x months at once, however many customers stand behind them.

Rows of equal columns are one cell; what is left is a matrix of customers at risk and one of departures for each cause.
The sums are those of :mod:`custval._survival.discrete_likelihood`, with counts where rows were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from custval._core.optimize import Evaluation
from custval._core.typing import FloatArray, IntArray
from custval._survival.discrete_likelihood import States, log_share_left, rates
from custval._survival.discrete_tally import Spells, Tally, phases_of

__all__ = ("GridRows", "cell_sums", "evaluate_grid", "grid_rows")

_CELLS = 1 << 15
_MOST = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class GridRows:
    """Cells sorted by phase: X (c, p), phase (c,), at_risk (c, m) and exits (K, c, m) in the m months of `states`."""

    X: FloatArray
    phase: IntArray
    at_risk: FloatArray
    exits: FloatArray
    states: States


def grid_rows(spells: Spells, seen: Tally, states: States) -> GridRows | None:
    """Return rows of one month each as cells x months, scaled; None where they hardly repeat."""
    n, m = len(spells.X), len(states.months)
    if spells.offset is not None or (spells.duration - spells.entry != 1).any() or seen.fractional:
        return None
    X = (spells.X - seen.center) / seen.scale
    phase = None if spells.offsets is None else phases_of(spells.offsets, seen.offsets)
    which, firsts = _cells(X, phase)
    if len(firsts) * m > 4 * n:
        return None
    month = np.searchsorted(states.months, spells.duration)
    inside = (month < m) & (states.months[np.minimum(month, m - 1)] == spells.duration)
    size = len(firsts) * m
    place = np.where(inside, which * m + month, size)
    flat = spells.event * (size + 1) + place
    counts: FloatArray = np.bincount(
        flat, weights=spells.weight, minlength=(len(states.levels) + 1) * (size + 1)
    ).astype(np.float64)
    by_event = counts.reshape(-1, size + 1)[:, :-1].reshape(-1, len(firsts), m)
    own = np.zeros(len(firsts), dtype=np.int64) if phase is None else phase[firsts]
    return GridRows(np.ascontiguousarray(X[firsts]), own, by_event.sum(axis=0), by_event[1:], states)


def evaluate_grid(theta: FloatArray, rows: GridRows, link: str) -> Evaluation:
    """Return log-likelihood, gradient (P,) and information (P, P), as ``evaluate`` does for rows."""
    causes, p, m = len(rows.exits), rows.X.shape[1], rows.at_risk.shape[1]
    level, customer, starts = _logs(theta, rows)
    value, S = 0.0, len(rows.states.stays)
    rest, slope = np.zeros((causes, S)), np.zeros((causes, p))
    pairs = [(k, j) for k in range(causes) for j in range(k, causes)]
    curve = {pair: (np.zeros(S), np.zeros((S, p)), np.zeros((p, p))) for pair in pairs}
    for part, phase in _blocks(rows):
        here = slice(phase * m, (phase + 1) * m)
        X, exits = rows.X[part], rows.exits[:, part]
        gained, expected, spread = cell_sums(
            level[:, None, here], customer[:, part, None], rows.states.stays[here], rows.at_risk[part], exits, link=link
        )
        value += gained
        left = exits - expected
        rest[:, here] += left.sum(axis=1)
        slope += left.sum(axis=2) @ X
        for pair, cells in spread.items():
            by_month, crossed, by_column = curve[pair]
            by_month[here] += cells.sum(axis=0)
            crossed[here] += cells.T @ X
            by_column += (X * cells.sum(axis=1)[:, None]).T @ X
    return _finished(value, rest, slope, curve=curve, levels=rows.states.levels, starts=starts)


def cell_sums(
    level: FloatArray, customer: FloatArray, stays: FloatArray, at_risk: FloatArray, exits: FloatArray, *, link: str
) -> tuple[float, FloatArray, dict[tuple[int, int], FloatArray]]:
    """Return log-likelihood, expected exits (K, c, m) and their covariances over cells x months."""
    e = rates(level, customer)
    bounded = np.clip(level, -2 * _MOST, _MOST) + np.clip(customer, -2 * _MOST, _MOST)
    value = float(np.einsum("kcm,kcm->", exits, bounded))
    total = e.sum(axis=0)
    if link == "logit":
        below = stays + total
        share = e / below
        value -= float(np.einsum("cm,cm->", at_risk, np.log(below)))
        expected = share * at_risk
        return value, expected, _choices(expected, share)
    left = exits.sum(axis=0) * stays
    stayed = (at_risk - exits.sum(axis=0)) * stays
    gain, slope, bend = log_share_left(total)
    value += float(np.einsum("cm,cm->", left, gain) - np.einsum("cm,cm->", stayed, total))
    expected = e * (stayed - left * slope)
    spread = {
        (k, j): -left * bend * e[k] * e[j] + (expected[k] if k == j else 0.0)
        for k in range(len(e))
        for j in range(k, len(e))
    }
    if not stays.all():  # where everybody leaves, only the choice between causes is left
        share = e / np.where(total > 0, total, 1.0)
        gone = at_risk * (1 - stays)
        value -= float(np.einsum("cm,cm->", gone, np.log(np.where(total > 0, total, 1.0))))
        also = share * gone
        expected = expected + also
        spread = {pair: spread[pair] + cells for pair, cells in _choices(also, share).items()}
    return value, expected, spread


def _choices(expected: FloatArray, share: FloatArray) -> dict[tuple[int, int], FloatArray]:
    causes = len(expected)
    return {
        (k, j): expected[k] * ((1 - share[j]) if k == j else -share[j]) for k in range(causes) for j in range(k, causes)
    }


def _logs(theta: FloatArray, rows: GridRows) -> tuple[FloatArray, FloatArray, list[int]]:
    """Return log rates of states (K, S) and cells (K, c), and where each cause's parameters begin."""
    level, customer, starts, at = [], [], [], 0
    for columns, active in zip(rows.states.levels, rows.states.active, strict=True):
        end = at + columns.shape[1]
        starts.append(at)
        level.append(np.where(active, columns @ theta[at:end], -np.inf))
        at = end + rows.X.shape[1]
        customer.append(rows.X @ theta[end:at])
    return np.stack(level), np.stack(customer), starts


def _finished(
    value: float,
    rest: FloatArray,
    slope: FloatArray,
    *,
    curve: dict[tuple[int, int], tuple[FloatArray, FloatArray, FloatArray]],
    levels: tuple[FloatArray, ...],
    starts: list[int],
) -> Evaluation:
    p = slope.shape[1]
    sizes = [columns.shape[1] + p for columns in levels]
    gradient = np.concatenate([part for k, columns in enumerate(levels) for part in (columns.T @ rest[k], slope[k])])
    information = np.zeros((len(gradient), len(gradient)))
    for (k, j), (by_month, crossed, by_column) in curve.items():
        left, right = levels[k], levels[j]
        part = np.block(
            [
                [(left * by_month[:, None]).T @ right, left.T @ crossed],
                [(right.T @ crossed).T, by_column],
            ]
        )
        here = slice(starts[k], starts[k] + sizes[k]), slice(starts[j], starts[j] + sizes[j])
        information[here] = part
        information[here[::-1]] = part.T
    return value, gradient, information


def _blocks(rows: GridRows) -> Iterator[tuple[slice, int]]:
    size = max(8, _CELLS // rows.at_risk.shape[1])
    ends = np.flatnonzero(np.diff(rows.phase, append=-1)) + 1
    start = 0
    for end in ends.tolist():
        phase = int(rows.phase[start])
        while start < end:
            stop = min(end, start + size)
            yield slice(start, stop), phase
            start = stop


def _cells(X: FloatArray, phase: IntArray | None) -> tuple[IntArray, IntArray]:
    """Return which cell each row is in, cells sorted by phase, and the first row of each."""
    codes = np.zeros(len(X), dtype=np.int64) if phase is None else phase.astype(np.int64)
    many = int(codes.max(initial=0)) + 1
    for column in X.T:
        low, high = float(column.min()), float(column.max())
        two = (column == low) | (column == high)
        if two.all():  # an indicator: no sort needed
            own, kinds = (column > low).astype(np.int64), 2
        else:
            found, own = np.unique(column, return_inverse=True)
            kinds = len(found)
        codes, many = codes * kinds + own, many * kinds
        if many > 1 << 40:
            found, codes = np.unique(codes, return_inverse=True)
            many = len(found)
    if many > 4 * len(codes) + 1_000_000:
        _, firsts, which = np.unique(codes, return_index=True, return_inverse=True)
        return which, firsts
    first = np.full(many, len(codes))
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    met = first < len(codes)
    return (np.cumsum(met) - 1)[codes], first[met]
