"""Curves of those who have stayed: the curve of a target that was cut there."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.survival import kaplan_meier, survival_target


@pytest.mark.parametrize("variance", ["greenwood", "aalen"])
@pytest.mark.parametrize("time", [0.0, 3.0, 4.5])
def test_is_the_curve_of_those_who_stayed(variance, time):
    rng = np.random.default_rng(7)
    entry = rng.integers(0, 3, 300)
    y = survival_target(entry + rng.integers(1, 12, 300), rng.integers(0, 2, 300), entry=entry)
    whole = kaplan_meier(y, variance=variance, conf_type="log-log")
    stayed = y[y["duration"] > time]
    later = survival_target(stayed["duration"] - time, stayed["event"], entry=np.maximum(stayed["entry"] - time, 0))
    known, found = kaplan_meier(later, variance=variance, conf_type="log-log"), whole.given(time)
    for field in ("times", "survival", "std_error", "lower", "upper", "at_risk", "events"):
        assert np.ma.allclose(getattr(found, field), getattr(known, field), rtol=1e-12)
    u = np.array([0.0, 1.0, 3.0])
    assert found.at(u) == pytest.approx(whole.at(u + time) / whole.at(time))


def test_robust_errors_do_not_exist_and_impossible_times_are_named():
    y = survival_target([2, 3, 5, 8], [1, 1, 0, 1])
    robust = kaplan_meier(y, variance="robust").given(2)
    assert robust.to_dict()["std_error"] == [None, None, None]
    assert robust.variance == "robust"
    with pytest.raises(InputError, match="nobody is known to have stayed beyond 8 months"):
        kaplan_meier(y).given(8)
    with pytest.raises(InputError, match="time must be >= 0"):
        kaplan_meier(y).given(-1)
