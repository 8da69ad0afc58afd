"""Baseline and clocks side by side: the columns of every state, and what of them predictions need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from custval._core.errors import InputError
from custval._core.optimize import dependent_columns
from custval._core.typing import FloatArray, IntArray
from custval._survival.baseline import MonthBasis, tail_weight
from custval._survival.clocks import Clock, FittedClock, clock_positions, clock_range, fitted_clock, state_values
from custval._survival.discrete_likelihood import States, evaluate, month_states, risk_rows
from custval._survival.discrete_tally import Source, Tally, phases_of

__all__ = ("baseline_ahead", "clock_effects", "clocked_states", "few", "quoted")

_NAMED = 8  # columns in a message: enough to act on, short enough to read


def clocked_states(
    basis: MonthBasis, seen: Tally, clocks: Sequence[Clock], source: Source
) -> tuple[States, tuple[FittedClock, ...]]:
    """Return the states of baseline and clocks together, and the clocks with their columns.

    Where other columns tell already for whom a clock does not run (the kind of contract), its level of no clock is
    left out; a clock that cannot be told apart from the tenure is refused.
    """
    plain = month_states(basis)
    if not clocks:
        return plain, ()
    months = plain.months
    positions = [_positions(c, clock, seen, months) for c, clock in enumerate(clocks)]
    made = _made(clocks, positions, seen, months, idle=[True] * len(clocks))
    states = _joined(plain, made, positions, len(seen.offsets))
    lost = _dependent(states, basis, made, seen, source)
    if lost:
        made = _made(clocks, positions, seen, months, idle=[clock.column not in lost for clock in clocks])
        states = _joined(plain, made, positions, len(seen.offsets))
        still = _dependent(states, basis, made, seen, source)
        if still:
            raise InputError(
                f"the clock {quoted(still)} cannot be told apart from the tenure, another clock or a column of X: it "
                "follows from them in every row; give customers with several lengths of contract, choose a simpler "
                "curve or baseline, or leave the clock or the column out"
            )
    return states, made


def baseline_ahead(
    theta: FloatArray, basis: MonthBasis, states: States, seen: Tally, *, smooth: bool
) -> tuple[FloatArray, FloatArray, FloatArray, tuple[FloatArray, ...] | None]:
    """Return levels and stays with the held month at the end, the weights that made it, and the smooth columns."""
    weight = tail_weight(seen.counts, basis.saturated, smooth=smooth)
    level = np.full(basis.active.shape, -np.inf)
    for k, (columns, at) in enumerate(zip(basis.columns, _starts(states, len(seen.scale)), strict=True)):
        level[k] = np.where(basis.active[k], columns @ theta[at : at + columns.shape[1]], -np.inf)
    held, stays = _held(level, weight), np.where(basis.saturated, 0.0, 1.0)
    end = 1.0 if weight.any() else 0.0  # everybody left in each of the last months: so it goes on
    if not weight.any():
        held = level[:, -1]
    ahead = tuple(np.vstack([columns, weight @ columns]) for columns in basis.columns) if smooth else None
    return np.column_stack([level, held]), np.append(stays, end), weight, ahead


def clock_effects(
    theta: FloatArray, basis: MonthBasis, states: States, clocks: Sequence[FittedClock], p: int
) -> tuple[FloatArray, ...]:
    """Return the log rates of each clock by cause and value, (K, V + 1)."""
    made = [np.empty((len(basis.columns), clock.size + 1)) for clock in clocks]
    for k, (columns, start) in enumerate(zip(basis.columns, _starts(states, p), strict=True)):
        at = start + columns.shape[1]
        for effect, clock in zip(made, clocks, strict=True):
            own = clock.columns[k]
            effect[k] = own @ theta[at : at + own.shape[1]]
            at += own.shape[1]
    return tuple(made)


def quoted(names: Iterable[str]) -> str:
    """Return some names in quotes."""
    return few([repr(name) for name in names], ", ")


def few(parts: list[str], between: str) -> str:
    """Return the first parts, and how many more there are."""
    shown = between.join(parts[:_NAMED])
    return shown if len(parts) <= _NAMED else f"{shown}{between}and {len(parts) - _NAMED} more"


def _positions(which: int, clock: Clock, seen: Tally, months: IntArray) -> tuple[int, int, IntArray]:
    """Return the lowest value of a clock, how many it has, and its place in every state (G, m)."""
    every = np.arange(1, seen.at_risk.shape[1] + 1)
    values = state_values(seen.offsets[:, which], clock, every)
    low, size = clock_range(clock, values[seen.at_risk > 0])
    return low, size, clock_positions(state_values(seen.offsets[:, which], clock, months), clock, low, size)


def _made(
    clocks: Sequence[Clock],
    positions: Sequence[tuple[int, int, IntArray]],
    seen: Tally,
    months: IntArray,
    *,
    idle: Sequence[bool],
) -> tuple[FittedClock, ...]:
    made = []
    for clock, (low, size, place), own in zip(clocks, positions, idle, strict=True):
        flat = place.ravel()
        tables = np.stack([seen.at_risk, *seen.exits])[:, :, months - 1].reshape(len(seen.exits) + 1, -1)
        sums = [np.bincount(flat, weights=table, minlength=size + 1) for table in tables]
        found: FloatArray = np.stack(sums).astype(np.float64)
        made.append(fitted_clock(clock, low, found[0], found[1:], idle=own))
    return tuple(made)


def _joined(
    plain: States, clocks: Sequence[FittedClock], positions: Sequence[tuple[int, int, IntArray]], phases: int
) -> States:
    levels = []
    for k, columns in enumerate(plain.levels):
        own = [clock.columns[k][place.ravel()] for clock, (_, _, place) in zip(clocks, positions, strict=True)]
        levels.append(np.ascontiguousarray(np.hstack([np.tile(columns, (phases, 1)), *own])))
    return States(
        months=plain.months,
        levels=tuple(levels),
        active=np.tile(plain.active, (1, phases)),
        stays=np.tile(plain.stays, phases),
    )


def _dependent(
    states: States, basis: MonthBasis, clocks: Sequence[FittedClock], seen: Tally, source: Source
) -> list[str]:
    """Return the clocks that follow from the tenure, from X or from earlier clocks."""
    p, found = len(seen.scale), set()
    equal = States(states.months, states.levels, np.ones_like(states.active), np.ones_like(states.stays))
    gram = _exposure_gram(equal, seen, source)
    at = 0
    for k, columns in enumerate(states.levels):
        q = columns.shape[1]
        own = gram[at : at + q + p, at : at + q + p]
        tenure = basis.columns[k].shape[1]
        order = np.concatenate([np.arange(tenure), q + np.arange(p), np.arange(tenure, q)])
        names = [clock.clock.column for clock in clocks for _ in range(clock.columns[k].shape[1])]
        for j, _ in dependent_columns(own[np.ix_(order, order)], tol=1e-9):
            if j >= tenure + p:
                found.add(names[j - tenure - p])
        at += q + p
    return [clock.clock.column for clock in clocks if clock.clock.column in found]


def _exposure_gram(states: States, seen: Tally, source: Source) -> FloatArray:
    """Return the inner products of all columns over customer-months, up to a factor.

    At rates that are all 1 every customer-month has the same information, so the likelihood's own sums give them.
    """
    total: FloatArray | None = None
    nothing = np.zeros(sum(columns.shape[1] + len(seen.scale) for columns in states.levels))
    for spells in source.parts():
        scaled = (spells.X - seen.center) / seen.scale
        phase = None if spells.offsets is None else phases_of(spells.offsets, seen.offsets)
        stayed = np.zeros_like(spells.event)
        rows = risk_rows(scaled, spells.entry, spells.duration, stayed, spells.weight, states=states, phase=phase)
        own = evaluate(nothing, rows, "logit")[2]
        total = own if total is None else total + own
    return np.zeros((0, 0)) if total is None else total


def _starts(states: States, p: int) -> list[int]:
    """Return where the parameters of each cause begin."""
    sizes = [columns.shape[1] + p for columns in states.levels]
    return [sum(sizes[:k]) for k in range(len(sizes))]


def _held(level: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the log of the mean rate over the months with weight, (K,)."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(level) @ weight))
