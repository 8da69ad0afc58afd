"""The textbook closed forms, against the sum they stand for and against numeric derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.clv import constant_retention_value, discounted_value, retention_elasticity, retention_gain

TIMINGS = ["end", "start", "mid"]


def test_textbook_figures():
    assert constant_retention_value(1.0, 0.8, monthly_discount=0.12, timing="start") == pytest.approx(1.12 / 0.32)
    assert retention_elasticity(0.8, monthly_discount=0.12, timing="start") == pytest.approx(0.8 / 0.32)
    assert retention_elasticity(0.8, monthly_discount=0.12, timing="end") == pytest.approx(1.12 / 0.32)
    # five points more retention, from .80 at 12 %: Gupta, Lehmann and Stuart's kind of example
    assert retention_gain(0.8, 0.05, monthly_discount=0.12, timing="start") == pytest.approx(0.185, abs=5e-4)
    assert retention_gain(0.8, 0.05, monthly_discount=0.12, timing="end") == pytest.approx(0.259, abs=5e-4)


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("stay", [0.0, 0.5, 0.8, 0.97])
def test_closed_form_is_the_limit_of_the_sum(timing, stay):
    survival = stay ** np.arange(1, 3001)[None, :]
    total = discounted_value(survival, 7.0, monthly_discount=0.02, timing=timing)[0]
    assert constant_retention_value(7.0, stay, monthly_discount=0.02, timing=timing) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("timing", TIMINGS)
def test_elasticity_is_the_derivative_of_the_logarithms(timing):
    stay = np.array([0.3, 0.8, 0.98])
    up = constant_retention_value(1.0, stay * (1 + 1e-6), monthly_discount=0.01, timing=timing)
    down = constant_retention_value(1.0, stay * (1 - 1e-6), monthly_discount=0.01, timing=timing)
    np.testing.assert_allclose(
        retention_elasticity(stay, monthly_discount=0.01, timing=timing), (np.log(up) - np.log(down)) / 2e-6, rtol=1e-6
    )


def test_bad_input_is_refused_with_help():
    with pytest.raises(InputError, match=r"retention_rate must be >= 0 and <= 1 .*80 % is 0\.80"):
        retention_elasticity(80.0, monthly_discount=0.01)
    with pytest.raises(InputError, match=r"no limit: monthly_discount must exceed retention_rate - 1"):
        constant_retention_value(1.0, 1.0, monthly_discount=0.0)
    with pytest.raises(InputError, match=r"retention_rate must be >= 0 and <= 1"):
        retention_gain(0.98, 0.05, monthly_discount=0.1)
    with pytest.raises(InputError, match=r"a value of nothing cannot grow"):
        retention_gain(0.0, 0.05, monthly_discount=0.1)
    with pytest.raises(InputError, match=r"timing must be one of"):
        retention_elasticity(0.8, monthly_discount=0.1, timing="middle")
    with pytest.raises(InputError, match=r"monthly_discount must be > -1"):
        retention_elasticity(0.8, monthly_discount=-1.0)
