"""Jets and laws: derivatives against differences, tails against exact expansions, inverses against their functions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.special import log_ndtr

from custval._survival.error_laws import LAWS
from custval._survival.interval_target import Spans
from custval._survival.jets import CureFamily, LocationScale, row_jet

CASES = [(name, q) for name in LAWS for q in ([0.6, -0.7, 1.3] if name == "gengamma" else [0.0])]
ENTRY = np.array([0, 0.5, 1, 0, 0, 0.3, 2, 0])
LOWER = np.array([1, 2, 3, 0, 0, 2, 4, 1.5])
UPPER = np.array([1, 2, np.inf, 2, 0.5, np.inf, 9, 1.5])


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(("name", "q"), CASES)
def test_derivatives_are_those_of_differences(name, q, wrapped):
    own = LocationScale(LAWS[name])
    family = CureFamily(own) if wrapped else own
    spans = Spans(ENTRY, LOWER, UPPER, ("left",), "month")
    theta = 0.3 * np.random.default_rng(0).normal(size=(family.size, 8))
    if name == "gengamma":
        theta[-1] = q
    jet, h = row_jet(family, theta, spans), 1e-5
    for a in range(family.size):
        step = np.eye(family.size)[:, [a]] * h
        up, down = row_jet(family, theta + step, spans), row_jet(family, theta - step, spans)
        assert jet.slope[a] == pytest.approx((up.value - down.value) / (2 * h), rel=1e-6, abs=1e-7)
        assert jet.bend[a] == pytest.approx((up.slope - down.slope) / (2 * h), rel=1e-5, abs=2e-5)


@pytest.mark.parametrize(("name", "q"), [*CASES, ("gengamma", 0.0), ("gengamma", 0.02), ("gengamma", -3.0)])
def test_density_survival_and_inverse_belong_together(name, q):
    law = LAWS[name]
    for w in (-3.0, -0.5, 0.4, 1.2):
        log_s = float(law.survival(np.array([w]), q)[0])
        area = integrate.quad(lambda v: np.exp(law.density(np.array([v]), q)[0][0]), -80, w, epsabs=1e-12, limit=400)[0]
        assert -np.expm1(log_s) == pytest.approx(area, rel=1e-7, abs=1e-9)
        if log_s < -1e-6:
            assert law.inverse(np.array([log_s]), q)[0] == pytest.approx(w, abs=1e-7)
        sigma = np.array([0.4])
        if q == -3.0:  # k + sigma / q < 0
            assert np.isinf(law.mean_beyond(sigma, np.array([w]), q)[0])
            continue
        beyond = integrate.quad(
            lambda v: np.exp(0.4 * v + law.density(np.array([v]), q)[0][0]), w, 60, epsabs=1e-12, limit=400
        )[0]
        assert law.mean_beyond(sigma, np.array([w]), q)[0] == pytest.approx(beyond, rel=1e-6)


def test_the_generalized_gamma_goes_over_into_the_normal_and_the_extreme_value_law():
    law, w = LAWS["gengamma"], np.linspace(-6, 8, 15)
    assert law.survival(w, 1e-7) == pytest.approx(log_ndtr(-w), rel=1e-5, abs=1e-6)
    # from both sides of the switch to the expansion around 0
    assert law.survival(w, 0.99e-5) == pytest.approx(law.survival(w, 1.01e-5), rel=1e-5, abs=1e-6)
    short = np.linspace(-6, 3, 10)
    assert law.survival(short, 1.0) == pytest.approx(-np.exp(short), rel=1e-12)
    assert law.density(short, 1.0)[0] == pytest.approx(short - np.exp(short), rel=1e-12)


@pytest.mark.parametrize(
    ("q", "w"), [(0.3, 16.0), (0.5, 12.0), (2.0, 4.0), (-0.02, 60.0), (-0.5, 400.0), (-2.0, 1500.0)]
)
def test_far_tails_do_not_underflow(q, w):
    law = LAWS["gengamma"]
    value = float(law.survival(np.array([w]), q)[0])
    assert -1e5 < value < -600
    # the slope of log S is minus the hazard, f / S, also where S itself is no number any more
    h = 1e-4
    slope = (law.survival(np.array([w + h]), q) - law.survival(np.array([w - h]), q)) / (2 * h)
    assert -slope[0] == pytest.approx(np.exp(law.density(np.array([w]), q)[0][0] - value), rel=1e-5)


def test_a_narrow_interval_far_out_is_its_density_times_its_width():
    for name, q in CASES:
        family = LocationScale(LAWS[name])
        theta = np.array([[0.0], [-0.5], [q]])[: family.size]
        for t in (0.01, 1.0, 6.0):
            width = 1e-6 * t
            spans = Spans(np.zeros(1), np.array([t]), np.array([t + width]), ("left",), "month")
            exact = Spans(np.zeros(1), np.array([t]), np.array([t]), ("left",), "month")
            found, known = row_jet(family, theta, spans).value, row_jet(family, theta, exact).value
            assert found == pytest.approx(known + np.log(width), abs=2e-3)
