"""Choosing within a budget and a number of contacts: the public case, and linear programmes solved by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from custval._retention.budget import choose_contacts, frontier_steps


def relaxation(gain, cost, budget, capacity):
    """The best of the linear relaxation: each customer at most one offer in all, parts allowed."""
    n, offers = gain.shape
    each = np.kron(np.eye(n), np.ones(offers))
    limits = np.vstack([each, cost.ravel(), np.ones(n * offers)])
    bounds = np.concatenate([np.ones(n), [min(budget, 1e9), n if capacity is None else capacity]])
    return -linprog(-gain.ravel(), A_ub=limits, b_ub=bounds, method="highs").fun


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("budget", "capacity"), [(8.0, None), (8.0, 9), (np.inf, 9), (3.0, 20)])
def test_the_bound_is_that_of_the_linear_relaxation(seed, budget, capacity):
    rng = np.random.default_rng(seed)
    gain, cost = rng.normal(1.0, 2.0, (40, 3)), rng.random((40, 3)) + 0.05
    got = choose_contacts(gain, cost, budget=budget, capacity=capacity)
    assert got.bound == pytest.approx(relaxation(gain, cost, budget, capacity), rel=1e-6)
    assert cost[got.row, got.offer].sum() <= budget * (1 + 1e-9)
    assert got.bound * 0.93 <= gain[got.row, got.offer].sum() <= got.bound * (1 + 1e-9)


def test_the_public_case_with_both_limits(reference):
    case = reference("retention")
    gain, cost = (np.column_stack([case["data"][f"offers_{what}"][k] for k in "012"]) for what in ("profit", "cost"))
    expected = case["expected"]
    got = choose_contacts(gain, cost, budget=expected["alloc.budget"], capacity=expected["alloc.capacity"])
    assert got.bound == pytest.approx(expected["alloc.lp_bound"], rel=1e-9)
    best = expected["alloc.milp_optimum"]
    assert best * 0.995 <= gain[got.row, got.offer].sum() <= best * (1 + 1e-9)
    assert cost[got.row, got.offer].sum() <= expected["alloc.budget"]
    assert len(got.row) <= expected["alloc.capacity"]


def test_frontier_steps_gain_less_and_less_for_money():
    gain = np.array([[1.0, 3.0, 3.5, -1.0], [2.0, 1.0, 0.5, 4.0]])
    cost = np.array([[1.0, 2.0, 4.0, 0.1], [1.0, 2.0, 0.0, 2.0]])
    steps = frontier_steps(gain, cost)
    # customer 0: offer 1 at once (offer 0 lies below the line), then offer 2; customer 1: free offer 2, then 3
    assert [(int(r), int(o)) for r, o in zip(steps.row, steps.offer, strict=True)] == [(1, 2), (1, 3), (0, 1), (0, 2)]
    assert steps.gain.tolist() == [0.5, 3.5, 3.0, 0.5]
    assert steps.cost.tolist() == [0.0, 2.0, 2.0, 2.0]
