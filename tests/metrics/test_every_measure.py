"""What every measure of a survival forecast takes: weights, late entry, competing causes; and gives: an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from custval.metrics import (
    brier_score,
    calibration,
    concordance,
    cumulative_dynamic_auc,
    d_calibration,
    integrated_brier_score,
)
from custval.survival import survival_target

TIMES, LANDMARK = np.array([3.0, 6.0]), 4.0
RNG = np.random.default_rng(12)
N = 240
RATE = RNG.uniform(0.02, 0.2, N)
CAUSE = RNG.integers(1, 3, N)
LEAVE, END = np.ceil(RNG.exponential(1 / RATE)), RNG.integers(1, 30, N)
DURATION, EVENT = np.minimum(LEAVE, END).astype(float), np.where(LEAVE <= END, CAUSE, 0)
ENTRY = np.minimum(DURATION - 1, RNG.choice([0.0, 0.0, 2.0, 6.0], N))
WEIGHT = RNG.integers(1, 4, N).astype(float)
STAYS = np.exp(-RATE[:, None] * TIMES)
LEAVES = 0.5 * (1 - STAYS)  # for one of two causes

# the measure as a function of target, rows and whether one cause is asked for: (values, errors)
Measure = Callable[..., tuple[Any, Any]]


def of(result: Any, value: str, error: str = "std_error") -> tuple[Any, Any]:
    return getattr(result, value), getattr(result, error)


def forecast(rows: Any, one: int) -> Any:
    return LEAVES[rows] if one else STAYS[rows]


MEASURES: dict[str, Measure] = {
    "harrell": lambda y, rows, one, **more: of(concordance(y, RATE[rows], **more), "value"),
    "uno": lambda y, rows, one, **more: of(concordance(y, RATE[rows], weighting="uno", tau=20.0, **more), "value"),
    "brier": lambda y, rows, one, **more: of(brier_score(y, forecast(rows, one), TIMES, **more), "score"),
    "ibs": lambda y, rows, one, **more: of(integrated_brier_score(y, forecast(rows, one), TIMES, **more), "value"),
    "dynamic": lambda y, rows, one, **more: of(cumulative_dynamic_auc(y, RATE[rows], TIMES, **more), "auc"),
    "dynamic mean": lambda y, rows, one, **more: of(
        cumulative_dynamic_auc(y, RATE[rows], TIMES, **more), "mean", "mean_std_error"
    ),
    "observed": lambda y, rows, one, **more: of(
        calibration(y, forecast(rows, 1)[:, 1], horizon=6.0, groups=3, **more), "observed"
    ),
    "slope": lambda y, rows, one, **more: of(
        calibration(y, forecast(rows, 1)[:, 1], horizon=6.0, groups=3, **more), "slope", "slope_std_error"
    ),
    "ici": lambda y, rows, one, **more: of(
        calibration(y, forecast(rows, 1)[:, 1], horizon=6.0, groups=3, **more), "ici", "ici_std_error"
    ),
    "whole curves": lambda y, rows, one, **more: of(
        d_calibration(y, np.exp(-RATE * DURATION * (0.5 if one else 1.0))[rows], bins=4, **more), "share"
    ),
}
ALL = np.arange(N)


def target(rows: Any = ALL, **more: Any) -> Any:
    return survival_target(DURATION[rows], EVENT[rows], causes=["price", "moved"], **more)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("cause", [None, "moved"])
def test_weights_are_copies_and_errors_exist(name, cause):
    measure, one = MEASURES[name], {} if cause is None else {"cause": cause}
    value, error = measure(target(), ALL, len(one), sample_weight=WEIGHT, **one)
    copies = np.repeat(ALL, WEIGHT.astype(int))
    assert value == pytest.approx(measure(target(copies), copies, len(one), **one)[0], rel=1e-9)
    assert (np.asarray(error) > 0).all()
    plain = measure(target(), ALL, len(one), **one)[0]
    assert np.abs(np.asarray(value) - plain).max() > 1e-4  # the weights do count


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "whole curves"])
@pytest.mark.parametrize("cause", [None, 2])
def test_late_entries_are_scored_from_a_landmark(name, cause):
    measure, one = MEASURES[name], {} if cause is None else {"cause": cause}
    seen = np.flatnonzero((ENTRY <= LANDMARK) & (LANDMARK < DURATION))
    assert 30 < len(seen) < N - 30
    value, error = measure(target(entry=ENTRY), ALL, len(one), landmark=LANDMARK, sample_weight=WEIGHT, **one)
    since = survival_target(DURATION[seen] - LANDMARK, EVENT[seen], causes=["price", "moved"])
    alone = measure(since, seen, len(one), sample_weight=WEIGHT[seen], **one)
    assert value == pytest.approx(alone[0], rel=1e-12)
    assert error == pytest.approx(alone[1], rel=1e-9)


@pytest.mark.parametrize("name", MEASURES)
def test_a_cause_is_not_every_cause(name):
    measure = MEASURES[name]
    one, every = measure(target(), ALL, 1, cause=1)[0], measure(target(), ALL, 0)[0]
    assert np.abs(np.asarray(one) - every).max() > 1e-4
    assert one == pytest.approx(measure(target(), ALL, 1, cause="price")[0])
