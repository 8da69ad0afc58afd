"""Paths of bills: recovered from simulated panels, tested backwards, invariant, and every bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

from custval import InputError
from custval._core.serial import decode, encode
from custval.clv import ArpuPath


def panel(phi, trend, n=4000, months=12, seed=0):
    rng = np.random.default_rng(seed)
    level = rng.gamma(9.0, 4.0, n)
    deviation = rng.normal(0, 3 / np.sqrt(1 - phi**2), n)
    columns = []
    for t in range(months):
        columns.append(level + trend * t + deviation)
        deviation = phi * deviation + rng.normal(0, 3, n)
    return np.column_stack(columns), level


@pytest.mark.parametrize("phi", [0.0, 0.4, 0.7])
def test_persistence_and_trend_are_recovered(phi):
    bills, _ = panel(phi, 0.25)
    model = ArpuPath(kind="reverting").fit(bills)
    assert model.persistence_ == pytest.approx(phi, abs=0.07)
    assert model.trend_ == pytest.approx(0.25, abs=0.03)


def test_the_reverting_path_beats_the_flat_one_where_bills_revert():
    bills, _ = panel(0.4, 0.4, months=18)
    flat = ArpuPath(kind="flat").backtest(bills, holdout=6)
    reverting = ArpuPath(kind="reverting").backtest(bills, holdout=6)
    assert (reverting.mean_absolute_error < flat.mean_absolute_error).all()
    assert np.abs(reverting.bias).max() < 0.3
    assert flat.bias[-1] < -2.0  # a flat path misses the trend
    np.testing.assert_allclose(flat.total_error, flat.bias * len(bills) / bills[:, -6:].sum(axis=0), rtol=1e-12)


def test_the_path_is_its_formula():
    bills = np.array([[10.0, 14.0, 12.0], [5.0, 5.0, 8.0]])
    model = ArpuPath(kind="reverting").fit(bills)
    trend = np.diff(bills, axis=1).mean()
    level = (bills - trend * (np.arange(3) - 2)).mean(axis=1)
    expected = level[:, None] + model.persistence_ ** np.arange(1, 4) * (bills[:, -1] - level)[:, None]
    np.testing.assert_allclose(model.predict(bills, 3), expected + trend * np.arange(1, 4), rtol=1e-12)
    assert model.trend_ == pytest.approx(trend)


def test_segments_grow_at_their_own_rate():
    months = np.arange(10)
    bills = np.vstack([20 * 1.02**months, 40 * 1.02**months, 30 * 0.99**months])
    model = ArpuPath(kind="segment", window=1).fit(bills, ["a", "a", "b"])
    assert model.growth_["a"] == pytest.approx(1.02)
    assert model.growth_["b"] == pytest.approx(0.99)
    found = model.predict(bills, 4, ["a", "a", "b"])
    np.testing.assert_allclose(found[1], 40 * 1.02 ** np.arange(10, 14), rtol=1e-12)
    wide = ArpuPath(kind="segment", window=5).fit(bills, ["a", "a", "b"])
    np.testing.assert_allclose(wide.predict(bills, 4, ["a", "a", "b"]), found, rtol=2e-3)
    again = decode(json.loads(json.dumps(encode(wide), allow_nan=False)))
    np.testing.assert_array_equal(again.predict(bills, 2, ["a", "a", "b"]), wide.predict(bills, 2, ["a", "a", "b"]))


def test_constant_bills_stay_constant():
    bills = np.full((3, 5), 7.0)
    for kind in ("flat", "reverting"):
        np.testing.assert_allclose(ArpuPath(kind=kind).fit(bills).predict(bills, 4), 7.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ArpuPath(kind="fourier").fit([[1.0, 2.0, 3.0]]),
            r"kind must be one of 'flat', 'reverting', 'segment'",
        ),
        (lambda: ArpuPath(kind="reverting").fit([[1.0, 2.0]]), r"bills has 2 months but kind='reverting' needs 3"),
        (lambda: ArpuPath(kind="segment").fit([[1.0, 2.0, 3.0]]), r"needs segments: one label for each customer"),
        (lambda: ArpuPath(kind="segment").fit([[1.0, 0.0, 3.0]], ["a"]), r"segment 'a' has no revenue in month 1"),
        (
            lambda: ArpuPath(kind="segment").fit([[1.0, 2.0, 3.0]], ["gold"]).predict([[1.0, 2.0, 3.0]], 2, ["gald"]),
            r"segment 'gald' was not seen in fitting \(did you mean 'gold'",
        ),
        (lambda: ArpuPath().fit([[1.0, np.nan, 2.0]]), r"bills must be finite"),
        (lambda: ArpuPath().backtest([[1.0, 2.0]], holdout=2), r"bills has 2 months, so 2 cannot be held out"),
        (lambda: ArpuPath(window=0).fit([[1.0, 2.0]]), r"window must be >= 1"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
