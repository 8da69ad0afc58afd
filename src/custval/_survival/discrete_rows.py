"""From customers or counts to rows of whole months at risk, with what was repaired said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.errors import DataWarning, InputError, warn
from custval._core.frames import column, column_names, frame_length, is_frame, to_columns
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, float_array, nearest
from custval._survival.clocks import Clock, clock_offsets, clock_values
from custval._survival.discrete_tally import Spells
from custval._survival.groups import cluster_codes
from custval._survival.target import read_target, structured

__all__ = (
    "count_spells",
    "customer_spells",
    "frames_ahead",
    "months_stayed",
    "own_causes",
    "read_counts",
    "warn_rounded",
    "with_clocks",
    "with_cluster",
)

_MOST_MONTHS = 20_000


def months_stayed(given: ArrayLike | None, X: AnyFrame) -> IntArray:
    """Return completed months already stayed, (n,) or (1,)."""
    stayed = float_array(np.atleast_1d(np.asarray(0.0 if given is None else given)), "given", low=0.0)
    if np.ndim(given if given is not None else 0.0):
        check_length(stayed, frame_length(X), name="given")
    return np.floor(stayed + 1e-9).astype(np.int64)


def warn_rounded(duration: FloatArray, entry: FloatArray, event: IntArray, kept: BoolArray) -> None:
    """Say how many times were rounded to months, and how many rows that leaves without one."""
    between = (duration != np.floor(duration)) | (entry != np.floor(entry))
    lost = int(np.count_nonzero(~kept))
    gone = int(np.count_nonzero(~kept & (event > 0)))
    if between.any():
        said = f"; {lost} without a whole month at risk were left out ({gone} of them departures)" if lost else ""
        warn(
            f"{int(between.sum())} of {len(duration)} customers have times between whole months: departures were "
            f"rounded up, last looks down, entries up{said}",
            DataWarning,
        )


def customer_spells(
    matrix: FloatArray, target: Any, weight: FloatArray, encoder: DesignEncoder, causes: Sequence[str]
) -> Spells:
    """Return one row for each customer (`target` in whole months)."""
    if not len(target):
        raise InputError("no customer was at risk for a whole month; give longer durations or earlier entries")
    duration = target["duration"]
    rule, fix = f"be at most {_MOST_MONTHS} months", "if these are days, divide by 30.436875"
    check_rows(duration <= _MOST_MONTHS, duration, name="duration", rule=rule, fix=fix)
    return Spells(
        X=matrix,
        entry=target["entry"].astype(np.int64),
        duration=duration.astype(np.int64),
        event=target["event"].astype(np.int64),
        weight=weight,
        cluster=None,
        features=tuple(encoder.feature_names),
        causes=tuple(causes),
    )


def with_cluster(spells: Spells, cluster: Any, keep: BoolArray) -> Spells:
    """Return `spells` with the clusters of the rows that were kept."""
    if cluster is None:
        return spells
    codes = cluster_codes(cluster, len(keep), keep=keep)
    return replace(spells, cluster=codes)


def read_counts(table: AnyFrame) -> dict[str, Any]:
    """Return the checked columns of a table of counts."""
    names = column_names(table)
    exits = [name for name in names if name.startswith("exits_")]
    if not exits:
        raise InputError(f"the table has no column exits_<cause>; its columns are {', '.join(names)}")
    tenure = float_array(column(table, "tenure"), "tenure", low=1.0, fix="tenure is the month t = 1, 2, ...: (t-1, t]")
    check_rows(tenure == np.floor(tenure), tenure, name="tenure", rule="be whole months")
    at_risk = float_array(column(table, "at_risk"), "at_risk", low=0.0)
    left = np.stack([float_array(column(table, name), name, low=0.0) for name in exits])
    check_rows(left.sum(axis=0) <= at_risk, at_risk, name="at_risk", rule="be >= the exits of all causes together")
    cells = {name: column(table, name) for name in names if name not in {"tenure", "at_risk", *exits}}
    if not cells:
        raise InputError(
            "the table has no columns of cells beside tenure, at_risk and exits, so nothing tells customers apart; "
            "life_table draws the curve of all of them"
        )
    causes = tuple(name.removeprefix("exits_") for name in exits)
    return {"tenure": tenure.astype(np.int64), "at_risk": at_risk, "exits": left, "cells": cells, "causes": causes}


def count_spells(
    matrix: FloatArray,
    counts: dict[str, Any],
    encoder: DesignEncoder,
    clocks: Sequence[Clock],
    codes: IntArray | None = None,
) -> Spells:
    """Return one row for each cell, month and outcome, weighted by its count; `codes` of levels to shrink (S, n)."""
    exits, tenure = counts["exits"], counts["tenure"]
    weight = np.concatenate([counts["at_risk"] - exits.sum(axis=0), *exits])
    event = np.repeat(np.arange(len(exits) + 1), len(tenure))
    keep = np.flatnonzero(weight > 0)
    cell = keep % len(tenure)
    if not len(keep):
        raise InputError("at_risk is zero in every row of the table, so there is nothing to learn")
    return Spells(
        X=matrix[cell],
        entry=tenure[cell] - 1,
        duration=tenure[cell],
        event=event[keep].astype(np.int64),
        weight=weight[keep],
        cluster=None,
        features=tuple(encoder.feature_names),
        causes=counts["causes"],
        offsets=_offsets(counts["cells"], clocks, tenure - 1, cell),
        groups=None if codes is None else codes[:, cell],
    )


def with_clocks(spells: Spells, X: AnyFrame, clocks: Sequence[Clock], keep: BoolArray) -> Spells:
    """Return `spells` with what the clocks show in the rows of X that were kept."""
    if not clocks:
        return spells
    values = clock_values(X, clocks, len(keep))[:, keep]
    return replace(spells, offsets=clock_offsets(values, clocks, spells.entry))


def frames_ahead(
    X: AnyFrame, scenario: Mapping[str, ArrayLike], horizon: int, clocks: Sequence[Clock]
) -> list[dict[str, TextArray]]:
    """Return the columns of X in each of the coming months, as a scenario has them; its last value holds on."""
    if not is_frame(X):
        raise InputError("a scenario names columns, so X must be a frame, not an array")
    table, n = to_columns(X), frame_length(X)
    moving = {clock.column for clock in clocks}
    paths: dict[str, TextArray] = {}
    for name, values in scenario.items():
        if name in moving:
            raise InputError(f"the clock {name!r} moves by itself; change its value in X, not in the scenario")
        if name not in table:
            raise InputError(f"the scenario names {name!r}, which is no column of X{nearest(name, table)}")
        paths[name] = _path(np.asarray(values), n, name)
    return [
        table | {name: path[:, min(month, path.shape[1] - 1)] for name, path in paths.items()}
        for month in range(horizon)
    ]


def _path(values: TextArray, n: int, name: str) -> TextArray:
    if values.ndim == 1 and len(values):
        return np.broadcast_to(values, (n, len(values)))
    if values.ndim != 2 or len(values) != n or not values.shape[1]:
        raise InputError(f"the scenario of {name!r} must have shape (months,) or ({n}, months), not {values.shape}")
    return values


def own_causes(y: Any, causes: tuple[str, ...]) -> TextArray:
    """Return the target with the codes of a model's `causes`; a cause that the model does not know is refused."""
    target = read_target(y)
    strange = [name for k, name in enumerate(target.causes, 1) if name not in causes and (target.event == k).any()]
    if strange and not (len(causes) == len(target.causes) == 1):
        raise InputError(
            f"cause {strange[0]!r} was not seen in fitting; the model knows {', '.join(causes)}: merge it with one of "
            "them, or fit the model anew"
        )
    code = [0, *(causes.index(name) + 1 if name in causes else 1 for name in target.causes)]
    event = np.array(code, dtype=np.int64)[target.event]
    return structured(target.entry, target.duration, event, causes=causes, time_unit=target.time_unit)


def _offsets(cells: dict[str, Any], clocks: Sequence[Clock], before: IntArray, rows: IntArray) -> IntArray | None:
    if not clocks:
        return None
    return clock_offsets(clock_values(cells, clocks, len(before)), clocks, before)[rows]
