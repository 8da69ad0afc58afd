"""Turnbull's curve: against R, against Kaplan-Meier, by its Kuhn-Tucker conditions, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.survival.aft_cases import numbers

from custval import ConvergenceWarning, InputError
from custval.survival import interval_target, kaplan_meier, survival_target, turnbull


def looks():
    """Return the customers of tests/reference/survival/turnbull.R."""
    i = np.arange(40)
    lower = ((i * 7) % 13).astype(float)
    upper = np.where((i * 11) % 4 == 0, np.inf, lower + 1 + (i * 5) % 4)
    return lower, np.where((lower == 0) & np.isinf(upper), 3, upper)


def test_equals_self_consistency_run_to_its_end_in_r():
    known = numbers("turnbull")
    curve = turnbull(interval_target(*looks()))
    assert curve.log_likelihood == pytest.approx(known["loglik"], rel=1e-9)
    inside = [t for t in known["right"] if 1 < t <= 13]
    told = dict(zip(known["right"], known["survival"], strict=True))
    assert curve.at(inside) == pytest.approx([told[t] for t in inside], abs=1e-6)
    assert curve.kuhn_tucker <= 1e-9


def test_is_near_rs_survfit_which_stops_earlier():
    known = numbers("turnbull")
    curve = turnbull(interval_target(*looks()))
    # survfit puts its steps in the middle of the intervals
    told = dict(zip(known["survfit_time"], known["survfit_surv"], strict=True))
    for t in (2.0, 3.0, 8.0, 12.0):
        assert curve.at(t) == pytest.approx(told[t], abs=2e-3)


@given(
    st.lists(st.tuples(st.integers(1, 8), st.booleans(), st.integers(0, 3), st.integers(1, 3)), min_size=2, max_size=25)
)
@settings(max_examples=40, deadline=None)
def test_exact_times_give_the_kaplan_meier_curve(rows):
    months, left, _, weight = (np.array(column) for column in zip(*rows, strict=True))
    y = survival_target(months, left)
    curve, known = turnbull(y, sample_weight=weight), kaplan_meier(y, sample_weight=weight)
    times = np.arange(0.0, float(months.max()))
    assert curve.at(times) == pytest.approx(known.at(times), abs=1e-5)


def test_late_entry_gives_the_kaplan_meier_curve():
    rng = np.random.default_rng(0)
    entry = rng.integers(0, 3, 200)
    y = survival_target(entry + rng.integers(1, 9, 200), rng.random(200) < 0.7, entry=entry)
    times = np.arange(0.0, 10.0)
    assert turnbull(y).at(times) == pytest.approx(kaplan_meier(y).at(times), abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4), st.booleans()), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_no_interval_would_gain_from_more_mass(rows):
    low, width, still = (np.array(column) for column in zip(*rows, strict=True))
    low = np.where((width == 0) & (low == 0), low + 1, low)
    upper = np.where(still, np.inf, low + width)
    y = interval_target(low, upper)
    curve = turnbull(y)
    assert curve.kuhn_tucker <= 1e-9
    assert curve.mass.sum() == pytest.approx(1)
    assert (np.diff(np.append(1.0, curve.survival)) <= 1e-12).all()

    l, r = curve.left, curve.right

    def inside(a, b):
        """Say which intervals lie within (a, b], or at the exact time a = b."""
        return (l >= a) & (r <= b) & ((l > a) | ((l < r) & (a < b)) | ((l == r) & (a == b)))

    def value(mass):
        return np.log([mass[inside(a, b)].sum() for a, b in zip(low, upper, strict=True)]).sum()

    best = value(curve.mass)
    assert curve.log_likelihood == pytest.approx(best, abs=1e-7)
    rng = np.random.default_rng(len(rows))
    for _ in range(5):
        tried = curve.mass + 1e-3 * rng.random(len(curve.mass))
        assert value(tried / tried.sum()) <= best + 1e-8


def test_late_entry_that_leaves_nobody_at_risk_is_named():
    # the first customer alone was watched until 1, so nothing is known of the share that left later
    with pytest.warns(ConvergenceWarning, match="late entry"):
        turnbull(interval_target([1, 2], [1, 2], entry=[0, 1]), max_iter=50)


def test_recovers_a_law_from_irregular_looks():
    rng = np.random.default_rng(0)
    n = 4000
    T = 10 * rng.weibull(1.3, n)
    lower, upper = np.zeros(n), np.full(n, np.inf)
    for seen in np.cumsum(rng.exponential(4, (n, 8)), axis=1).T:
        lower = np.where(seen < T, seen, lower)
        upper = np.where((seen >= T) & np.isinf(upper), seen, upper)
    curve = turnbull(interval_target(lower, upper, time_unit="week"))
    times = np.array([3.0, 6.0, 12.0])
    assert curve.at(times) == pytest.approx(np.exp(-((times / 10) ** 1.3)), abs=0.03)
    assert curve.time_unit == "week"
    half = curve.quantile(0.5)
    assert half.lower <= half.time == half.upper
    assert half.time == pytest.approx(10 * np.log(2) ** (1 / 1.3), abs=0.8)


def test_reads_between_the_bounds():
    curve = turnbull(interval_target([0, 2, 3, 5], [3, 4, 6, np.inf]))
    assert curve.bounds(2.5) == (0.5, 1.0)
    assert curve.at([2.5, 5.5], within="linear").tolist() == [0.75, 0.25]
    assert curve.at(2.5, within="late") == 1.0
    assert curve.to_dict()["kuhn_tucker"] <= 1e-9
    nobody = turnbull(interval_target([2, 3], [np.inf, np.inf]))
    assert nobody.at([1, 100]).tolist() == [1, 1]
    assert np.isinf(nobody.quantile(0.5).time)


def test_bad_input_is_named():
    y = interval_target([0, 2], [3, 4])
    with pytest.raises(InputError, match="times must be >= 0"):
        turnbull(y).at(-1)
    with pytest.raises(InputError, match="within must be one of"):
        turnbull(y).at(1, within="middle")
    with pytest.raises(InputError, match="sample_weight must be >= 0"):
        turnbull(y, sample_weight=[-1, 1])
    with pytest.raises(InputError, match="y has no rows"):
        turnbull(y[:0])
    with pytest.warns(ConvergenceWarning, match="Kuhn-Tucker value"):
        turnbull(interval_target(*looks()), max_iter=1)
    with pytest.raises(InputError, match="sample_weight must hold whole numbers"):
        turnbull(y, sample_weight=[0.5, 1], resamples=10)


def test_bounds_from_customers_drawn_anew_hold_the_truth_where_looks_are_shared():
    truth, held, spread, curves = np.exp(-np.array([3.0, 6.0, 9.0]) / 8), np.zeros(3), [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        leave = rng.exponential(8, 250)
        step = rng.choice([1.0, 3.0], 250)  # a bill each month, or each quarter
        last = np.minimum(np.floor(leave / step) * step, 12)
        y = interval_target(last, np.where(last < 12, last + step, np.inf))
        curve = turnbull(y, resamples=30, random_state=seed)
        place = np.searchsorted(curve.right, [3.0, 6.0, 9.0], side="right") - 1
        held += (curve.lower[place] <= truth) & (truth <= curve.upper[place])
        spread.append(curve.std_error[place])
        curves.append(curve.survival[place])
    assert (held / 40 > 0.8).all()  # two-sided 99.9 % band around 95 % of 40, from 30 draws
    assert np.mean(spread, axis=0) == pytest.approx(np.std(curves, axis=0, ddof=1), rel=0.4)
    assert curve.to_frame().columns.tolist() == ["left", "right", "mass", "survival", "std_error", "lower", "upper"]
    assert (np.diff(curve.lower) <= 1e-9).all()
    again = turnbull(y, resamples=30, random_state=seed)
    assert again.lower.tolist() == curve.lower.tolist()
    assert turnbull(y).std_error is None
