"""The calibration report: the default market passes, a distorted one does not, and its parts are right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from custval import InputError
from custval._synth.calibration import burstiness, gini
from custval.synth import TelecomWorld, calibration_report


@pytest.mark.parametrize("seed", [0, 21])
def test_the_contract_market_reproduces_the_figures_of_the_field(seed):
    report = calibration_report(TelecomWorld(n_subscribers=3000, seed=seed).simulate())
    assert report.passed, report.to_frame()[~report.ok]
    assert len(report.fact) >= 19


def test_a_world_with_other_contract_hazards_fails():
    world = TelecomWorld(n_subscribers=3000, seed=1, scenario="price war", records_per_subscriber_month=5).simulate()
    report = calibration_report(world)
    assert not dict(zip(report.fact, report.ok, strict=True))["monthly hazard, month-to-month"]
    assert not report.passed


def test_missed_calls_beyond_the_range_are_noticed():
    world = TelecomWorld(n_subscribers=500, seed=1).simulate()
    cdr = world.tables["cdr"].assign(duration_s=0.0)
    cdr.loc[::3, "duration_s"] = 16.0
    report = calibration_report(dataclasses.replace(world, tables={**world.tables, "cdr": cdr}))
    assert not dict(zip(report.fact, report.ok, strict=True))["missed calls"]


def test_worlds_without_calls_are_refused():
    world = TelecomWorld(n_subscribers=50, months=1, records_per_subscriber_month=0).simulate()
    with pytest.raises(InputError, match="no call records to compare"):
        calibration_report(world)


def test_burstiness_of_known_gaps():
    regular = np.arange(30) * 60
    assert burstiness(np.zeros(30, int), regular) == pytest.approx([-1.0])
    rng = np.random.default_rng(0)
    random = np.cumsum(rng.exponential(1e6, 20_000)).astype(np.int64)
    assert burstiness(np.zeros(20_000, int), random) == pytest.approx([0.0], abs=0.02)
    assert burstiness(np.zeros(19, int), np.arange(19)).size == 0


def test_burstiness_of_real_calls(shared):
    table = np.genfromtxt(shared / "data" / "copenhagen_calls.csv", delimiter=",", skip_header=1, dtype=np.int64)
    who, time = np.concatenate([table[:, 1], table[:, 2]]), np.concatenate([table[:, 0], table[:, 0]])
    assert np.median(burstiness(who, time)) == pytest.approx(0.268, abs=0.02)


def test_gini_of_known_values():
    assert gini(np.ones(7)) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 0.0, 1.0])) == pytest.approx(0.75)
