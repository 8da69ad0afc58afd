"""Newton's method: the maximum, its stop, and what it says where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.optimize import dependent_columns, information_inverse, newton


def quadratic(theta):
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    return float(theta @ [1.0, 2.0] - theta @ matrix @ theta / 2), np.array([1.0, 2.0]) - matrix @ theta, matrix


def test_a_quadratic_takes_one_step():
    best = newton(quadratic, np.array([100.0, -50.0]), max_iter=10, tol=1e-9)
    assert best.iterations == 1
    assert best.converged
    assert best.point == pytest.approx(np.linalg.solve([[2, 0.5], [0.5, 1]], [1, 2]), rel=1e-12)


def test_steps_that_overshoot_are_halved():
    # log cosh: Newton from far away diverges without halving
    def bump(theta):
        t = theta[0]
        return -float(np.logaddexp(t, -t)), np.array([-np.tanh(t)]), np.array([[max(1 / np.cosh(t) ** 2, 1e-12)]])

    best = newton(bump, np.array([3.0]), max_iter=100, tol=1e-12)
    assert best.converged
    assert best.point[0] == pytest.approx(0.0, abs=1e-5)


def test_a_maximum_at_infinity_shows_in_a_step_that_stays_long():
    def rising(theta):
        p = 1 / (1 + np.exp(-theta[0]))
        return float(np.log(p)), np.array([1 - p]), np.array([[p * (1 - p)]])

    best = newton(rising, np.zeros(1), max_iter=100, tol=1e-9)
    assert abs(best.step[0]) > 0.5
    assert best.point[0] < 40


def test_the_step_limit_is_reported():
    def slow(theta):
        return -float(theta[0] ** 4), -4 * theta**3, np.array([[12 * theta[0] ** 2]])

    best = newton(slow, np.array([10.0]), max_iter=3, tol=1e-30)
    assert not best.converged
    assert best.iterations == 3


def test_no_progress_from_an_impossible_direction_ends_the_walk():
    def wall(theta):
        return (0.0 if theta[0] == 0 else -np.inf), np.ones(1), np.eye(1)

    best = newton(wall, np.zeros(1), max_iter=5, tol=1e-9)
    assert not best.converged
    assert best.point[0] == 0


def test_the_inverse_leaves_directions_without_information_alone():
    inverse = information_inverse(np.diag([4.0, 0.0, 1e-30]))
    assert inverse[0, 0] == 0.25
    assert inverse[1, 1] == 0
    assert np.isfinite(inverse).all()
    assert information_inverse(np.zeros((0, 0))).shape == (0, 0)


def test_dependent_columns_are_told_with_what_they_depend_on():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 50))
    X = np.column_stack([a, b, c, a + 2 * c, b])
    found = dependent_columns(X.T @ X)
    assert [(j, of.tolist()) for j, of in found] == [(3, [0, 2]), (4, [1])]
