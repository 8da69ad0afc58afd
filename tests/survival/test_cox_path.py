"""Cox paths: the conditions of their optima, their ends, and cross-validation by its definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.survival.cox_cases import brute_force, spells

from custval import InputError
from custval.survival import CoxPH, cox_path


@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_each_point_is_the_fit_with_that_penalty(share, ties):
    X, y, weight, strata, _ = spells(1, n=150, p=5)
    more = {"sample_weight": weight, "strata": strata}
    path = cox_path(X, y, l1_ratio=share, points=12, folds=0, ties=ties, **more)
    assert (path.coef[0] == 0).all()
    assert path.used[0] == 0
    assert path.used[1] >= 1
    assert path.used[-1] == 5
    for place in (2, 7, 11):
        model = CoxPH(ties=ties, l1=path.l1[place], l2=path.l2[place]).fit(X, y, **more)
        assert path.coef[place] == pytest.approx(model.coef_, rel=1e-5, abs=1e-7)
        assert path.log_likelihood[place] == pytest.approx(model.log_likelihood_, rel=1e-8)
    assert (np.diff(path.log_likelihood) >= 0).all()
    assert path.best is path.simplest is path.deviance is None


def test_it_ends_at_the_fit_without_a_penalty():
    X, y, *_ = spells(2, n=150)
    path = cox_path(X, y, strengths=[1e-7, 1.0], folds=0)
    assert path.strength.tolist() == [1.0, 1e-7]
    assert path.coef[-1] == pytest.approx(CoxPH().fit(X, y).coef_, rel=1e-5)


def test_cross_validation_is_what_left_out_customers_add():
    X, y, _, _, cluster = spells(3, n=120)
    path = cox_path(X, y, strengths=[8.0, 2.0], folds=3, cluster=cluster, random_state=4)
    # the folds again, from their rule
    units, leaves = np.unique(cluster, return_inverse=True)[1], np.unique(cluster[y["event"] > 0])
    gone = np.isin(np.unique(cluster), leaves)
    order = np.random.default_rng(4).permutation(len(gone))
    fold = np.empty(len(gone), dtype=int)
    order = order[np.argsort(gone[order], kind="stable")]
    fold[order] = np.arange(len(gone)) % 3
    for place, strength in enumerate(path.strength):
        total = 0.0
        for k in range(3):
            inside = fold[units] != k
            coef = CoxPH(l1=strength).fit(X[inside], y[inside]).coef_
            total += -2 * (brute_force(X, y, coef) - brute_force(X[inside], y[inside], coef))
        assert path.deviance[place] == pytest.approx(total / y["event"].sum(), rel=1e-6)


def test_it_finds_the_columns_that_matter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 20))
    time = rng.exponential(np.exp(-X[:, 0] + 0.8 * X[:, 3]))
    path = cox_path(pd.DataFrame(X), time, points=25, random_state=0)
    assert {0, 3} <= set(np.flatnonzero(path.coef[path.simplest]))
    assert path.used[path.simplest] <= 8
    assert path.simplest <= path.best
    same = cox_path(X * 10.0 ** np.arange(-4, 16)[None, :20], time, points=25, random_state=0, standardize=True)
    plain = cox_path(X, time, points=25, random_state=0, standardize=True)
    assert same.used.tolist() == plain.used.tolist()
    assert same.deviance == pytest.approx(plain.deviance, rel=1e-6)


def test_bad_settings():
    X, y, *_ = spells(3)
    for wrong, said in (
        ({"l1_ratio": 0.0}, "l1_ratio must be > 0"),
        ({"folds": 1}, "folds must be 0, or between 2 and"),
        ({"folds": 100}, "folds must be 0, or between 2 and the 60"),
        ({"points": 1}, "points must be >= 2"),
        ({"strengths": [0.0, 1.0]}, "strengths must be > 0"),
        ({"ties": "exact"}, "ties must be one of"),
    ):
        with pytest.raises(InputError, match=said):
            cox_path(X, y, **wrong)
    with pytest.raises(InputError, match="no column differs between"):
        cox_path(np.ones((60, 2)), y, folds=0)
