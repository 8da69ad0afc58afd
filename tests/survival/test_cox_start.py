"""A climb by gradients, against tops that are known."""

from __future__ import annotations

import numpy as np
import pytest

from custval._survival.cox_start import climb


def hill(p=6, seed=0):
    """Return a concave function with its gradient, its top, and its curvature there."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(200, p))
    top = rng.normal(size=p) * 0.1
    looks = []

    def slope(point):
        looks.append(point)
        t = A @ (point - top)
        return -float(np.log(np.cosh(t)).sum()), -A.T @ np.tanh(t)

    return slope, top, A.T @ A, looks


def test_a_rough_curvature_is_mended_on_the_way():
    slope, top, curvature, looks = hill()
    rough = np.linalg.inv(curvature * (1 + 0.1 * np.eye(6)))
    found = climb(slope, top + 0.01, rough, tol=1e-12)
    assert found == pytest.approx(top, abs=1e-7)
    assert len(looks) <= 8


def test_the_last_step_is_taken_without_another_look():
    slope, top, curvature, looks = hill()
    found = climb(slope, top + 1e-3, np.linalg.inv(curvature), tol=1e-10)
    assert not any(np.array_equal(found, look) for look in looks)
    assert found == pytest.approx(top, abs=1e-7)


def test_a_curvature_that_misleads_leaves_the_start():
    slope, top, curvature, _ = hill()
    start = top + 0.01
    assert climb(slope, start, 50 * np.linalg.inv(curvature), tol=1e-12).tolist() == start.tolist()
    assert climb(slope, start, -np.linalg.inv(curvature), tol=1e-12).tolist() == start.tolist()


def test_a_function_that_overflows_leaves_the_start():
    start = np.ones(2)
    found = climb(lambda point: (-np.inf if point[0] > 1 else 0.0, np.ones(2)), start, np.eye(2), tol=1e-12)
    assert found.tolist() == [1.0, 1.0]
