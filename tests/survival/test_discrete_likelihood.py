"""The sums over months against every person-month written out."""

from __future__ import annotations

import numpy as np
import pytest
from tests.survival.discrete_cases import customers, derivatives, log_chances, person_months

from custval._survival.baseline import free_basis, month_counts, smooth_basis, tail_weight
from custval._survival.discrete_likelihood import (
    evaluate,
    hazard,
    hazard_pullback,
    log_share_left,
    month_states,
    risk_rows,
)


def parts(y):
    return (y[name].astype(np.int64) for name in ("entry", "duration", "event"))


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("kind", ["free", "spline"])
@pytest.mark.parametrize("causes", [1, 3])
def test_value_gradient_and_information_are_those_of_the_expanded_table(link, kind, causes):
    X, y = customers(n=80, causes=causes)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    entry, duration, event = parts(y)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(X))
    counts = month_counts(entry, duration, event, weight, causes)
    basis = free_basis(counts.exits > 0, counts.saturated) if kind == "free" else smooth_basis(counts, kind, 2)
    rows = risk_rows(X, entry, duration, event, weight, states=month_states(basis))
    theta = np.random.default_rng(2).normal(size=sum(rows.sizes)) * 0.3 - 0.2
    Z, month, outcome = person_months(np.column_stack([X, weight]), y)

    def expanded(t):
        eta, at = np.full((len(Z), causes), -np.inf), 0
        for k, columns in enumerate(basis.columns):
            q = columns.shape[1]
            own = columns[month - 1] @ t[at : at + q] + Z[:, :2] @ t[at + q : at + q + 2]
            eta[:, k] = np.where(basis.active[k, month - 1], own, -np.inf)
            at += q + 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return Z[:, 2] @ log_chances(eta, link)[np.arange(len(Z)), outcome]

    value, gradient, information = evaluate(theta, rows, link)
    slope, curve = derivatives(expanded, theta)
    assert value == pytest.approx(expanded(theta), rel=1e-12)
    assert gradient == pytest.approx(slope, rel=1e-7, abs=1e-7)
    assert information == pytest.approx(-curve, rel=1e-5, abs=1e-5)


def test_the_series_of_the_complementary_log_log_meets_the_formula():
    near, far = log_share_left(np.array([0.0099999])), log_share_left(np.array([0.0100001]))
    for a, b in zip(near, far, strict=True):
        assert a == pytest.approx(b, rel=1e-4, abs=1e-6)
    assert log_share_left(np.array([0.0]))[1][0] == -0.5
    assert np.isfinite(log_share_left(np.array([1e-300, 1e5, 1e200]))).all()


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_hazards_sum_with_staying_to_one_and_move_as_told(link):
    rng = np.random.default_rng(0)
    eta, slope = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    stays = np.array([1.0, 1.0, 0.0, 1.0, 1.0])
    h, stay = hazard(np.exp(eta), stays, link)
    assert h.sum(axis=0) + stay == pytest.approx(np.ones((4, 5)))
    assert (stay[:, 2] == 0).all()
    told = hazard_pullback(slope, np.exp(eta), stays, link)
    for k in range(3):
        up, down = eta.copy(), eta.copy()
        up[k], down[k] = up[k] + 1e-6, down[k] - 1e-6
        change = (hazard(np.exp(up), stays, link)[0] - hazard(np.exp(down), stays, link)[0]) / 2e-6
        assert told[k] == pytest.approx((slope * change).sum(axis=0), abs=1e-8)


def test_month_counts_count_who_is_at_risk_and_who_leaves():
    counts = month_counts(
        np.array([0, 0, 2, 1]), np.array([3, 2, 3, 2]), np.array([1, 0, 2, 1]), np.array([1.0, 2.0, 3.0, 4.0]), 2
    )
    assert counts.at_risk.tolist() == [3.0, 7.0, 4.0]
    assert counts.exits.tolist() == [[0.0, 4.0, 1.0], [0.0, 0.0, 3.0]]
    assert counts.saturated.tolist() == [False, False, True]


def test_the_spline_is_orthonormal_and_loses_columns_where_months_are_few():
    counts = month_counts(np.zeros(3, int), np.array([1, 2, 2]), np.array([1, 1, 0]), np.full(3, 5.0), 1)
    assert smooth_basis(counts, "spline", 4).columns[0].shape == (2, 2)
    few = month_counts(np.zeros(30, int), np.arange(1, 31), (np.arange(30) % 10 == 9).astype(int), np.ones(30), 1)
    assert smooth_basis(few, "spline", 4).columns[0].shape == (30, 1)
    assert smooth_basis(few, "linear", 4).columns[0].shape == (30, 2)
    one = month_counts(np.zeros(3, int), np.array([1, 1, 1]), np.array([1, 1, 0]), np.ones(3), 1)
    assert smooth_basis(one, "spline", 4).columns[0].tolist() == [[1.0]]
    many = month_counts(np.zeros(60, int), np.arange(1, 61), np.ones(60, int), np.ones(60), 1)
    columns = smooth_basis(many, "spline", 4).columns[0]
    assert columns.shape == (60, 5)
    assert (columns * many.at_risk[:, None]).T @ columns / many.at_risk.sum() == pytest.approx(np.eye(5), abs=1e-12)


def test_the_tail_holds_the_last_year_and_skips_months_that_emptied():
    counts = month_counts(np.zeros(20, int), np.arange(1, 21), np.ones(20, int), np.ones(20), 1)
    weight = tail_weight(counts, counts.saturated, smooth=False)
    assert np.flatnonzero(weight).tolist() == list(range(8, 19))
    assert weight.sum() == pytest.approx(1)
    assert tail_weight(counts, counts.saturated, smooth=True).tolist() == [0.0] * 20
