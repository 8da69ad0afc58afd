"""Shrunken levels against ridge on indicators, known truth, and what they do to errors and predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from custval._core.serial import decode, encode
from custval.survival import DiscreteHazard, count_table, survival_target


def dealers(n=4000, levels=60, tau=0.5, causes=1, seed=0):
    rng = np.random.default_rng(seed)
    effect = rng.normal(scale=tau, size=(causes, levels))
    where = rng.integers(0, levels, n)
    x = rng.normal(size=n) + 0.3 * effect[0, where]
    e = np.exp(-2.6 + 0.5 * x + effect[:, where]).T
    duration, event = np.full(n, 8), np.zeros(n, dtype=int)
    for t in range(8, 0, -1):
        h = e / (1 + e.sum(axis=1, keepdims=True))
        u = rng.random(n)
        leave = u < h.sum(axis=1)
        duration[leave], event[leave] = t, 1 + (u[leave] > h[leave, 0]) * (causes > 1)
    X = {"x": x, "dealer": np.array([f"d{g:03d}" for g in where])}
    return X, survival_target(duration, event, causes=["price", "moved"][:causes]), effect


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_effects_are_those_of_a_ridge_on_indicators(link):
    X, y, _ = dealers()
    X = {"dealer": X["dealer"]}
    model = DiscreteHazard(link=link, baseline="constant", shrink=("dealer",)).fit(X, y)
    told = model.level_effects("dealer")
    indicators = (X["dealer"][:, None] == told.level).astype(float)
    ridge = DiscreteHazard(link=link, baseline="constant", l2=1 / told.variance[0]).fit(indicators, y)
    assert told.effect[0] == pytest.approx(ridge.coef_, abs=2e-5)
    assert told.std_error[0] == pytest.approx(ridge.std_error_, rel=0.1)
    assert model.predict_survival(X, [1, 5]) == pytest.approx(ridge.predict_survival(indicators, [1, 5]), abs=1e-5)


@pytest.mark.parametrize("causes", [1, 2])
def test_spread_effects_and_coefficients_are_recovered(causes):
    X, y, effect = dealers(n=6_000, causes=causes)
    model = DiscreteHazard(baseline="free", shrink=("dealer",)).fit(X, y)
    told = model.level_effects("dealer")
    assert np.sqrt(told.variance) == pytest.approx([0.5] * causes, abs=0.16)
    for k in range(causes):
        truth = effect[k] - effect[k].mean()
        assert np.corrcoef(told.effect[k], truth)[0, 1] > 0.75
        error = (told.effect[k] - told.effect[k].mean() - truth) / told.std_error[k]
        assert 0.7 < error.std() < 1.35
    coef, spread = np.atleast_2d(model.coef_)[:, 0], np.atleast_2d(model.std_error_)[:, 0]
    assert (np.abs(coef - 0.5) < 4 * spread).all()


def test_errors_count_what_the_levels_take():
    X, y, _ = dealers()
    by_level = {"x": np.array([hash_of(d) for d in X["dealer"]]), "dealer": X["dealer"]}
    shrunk = DiscreteHazard(baseline="constant", shrink=("dealer",)).fit(by_level, y)
    plain = DiscreteHazard(baseline="constant").fit({"x": by_level["x"]}, y)
    assert shrunk.std_error_[0] > 1.5 * plain.std_error_[0]  # a column of dealers has 60 values, not 4,000
    clustered = DiscreteHazard(baseline="constant").fit({"x": by_level["x"]}, y, cluster=X["dealer"])
    assert shrunk.std_error_[0] == pytest.approx(clustered.robust_std_error_[0], rel=0.4)


def hash_of(name):
    return float(int(name[1:]) * 7919 % 101) / 50.0


def test_without_differences_nothing_is_left():
    X, y, _ = dealers(tau=0.0, seed=4)
    told = DiscreteHazard(baseline="constant", shrink=("dealer",)).fit(X, y).level_effects("dealer")
    assert told.variance[0] < 0.03
    assert np.abs(told.effect).max() < 0.25


def test_counts_and_rows_agree_and_unseen_levels_have_the_mean():
    X, y, _ = dealers(n=1500, levels=12)
    cells = {"x": (X["x"] > 0).astype(int), "dealer": X["dealer"]}
    rows = DiscreteHazard(shrink=("dealer",)).fit(cells, y)
    counts = DiscreteHazard(shrink=("dealer",)).fit_counts(count_table(cells, y))
    assert counts.coef_ == pytest.approx(rows.coef_, rel=1e-6)
    assert counts.std_error_ == pytest.approx(rows.std_error_, rel=1e-6)
    assert counts.level_effects("dealer").effect == pytest.approx(rows.level_effects("dealer").effect, abs=1e-5)
    new = rows.predict_survival({"x": [1, 1], "dealer": ["d000", "new"]}, [3])
    assert new[0] != new[1]
    back = decode(json.loads(json.dumps(encode(rows), allow_nan=False)))
    assert (back.predict_survival(cells, [3]) == rows.predict_survival(cells, [3])).all()
    assert rows.level_effects("dealer").to_frame().columns.tolist() == ["cause", "level", "effect", "std_error"]


def test_impossible_shrinking_is_refused():
    X, y, _ = dealers(n=300, levels=5)
    with pytest.raises(ValueError, match=r"shrink must be a sequence of columns, not the text 'dealer'"):
        DiscreteHazard(shrink="dealer").fit(X, y)
    with pytest.raises(ValueError, match="there is no column 'dealers'"):
        DiscreteHazard(shrink=("dealers",)).fit(X, y)
    with pytest.raises(ValueError, match="shrink has no lasso beside it"):
        DiscreteHazard(shrink=("dealer",), l1=1.0).fit(X, y)
    with pytest.raises(ValueError, match="shrinks no column"):
        DiscreteHazard(baseline="constant").fit({"x": X["x"]}, y).level_effects("dealer")
    with pytest.raises(ValueError, match="X must be a frame with 'dealer'"):
        DiscreteHazard(shrink=("dealer",)).fit(X["x"][:, None], y)
