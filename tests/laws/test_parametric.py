"""What holds for every parametric model: row order, weights as duplication, units, entry of 0, monotone forecasts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.survival.aft_cases import smooth_customers

from custval.survival import AFT, MixtureCure, PiecewiseExponential, survival_target

MODELS = [
    AFT(),
    AFT(distribution="exponential"),
    AFT(distribution="lognormal"),
    AFT(distribution="loglogistic", scale_columns=[0]),
    AFT(distribution="gengamma"),
    MixtureCure(latency_columns=[]),
    PiecewiseExponential(breaks=[3.0, 6.0]),
]
EVERY = pytest.mark.parametrize("model", MODELS, ids=repr)
DATA = smooth_customers()
X = DATA["X"]
# every fourth customer is never seen to leave, so that there is a loyal share to be told
STAYS = np.arange(90) % 4 == 1
Y = survival_target(
    np.where(STAYS, 45.0, DATA["y"]["duration"]), np.where(STAYS, 0, DATA["y"]["event"]), entry=DATA["between"]["entry"]
)


def close(first, second, rel=1e-6):
    assert second.coef_ == pytest.approx(first.coef_, rel=rel, abs=1e-8)
    assert second.std_error_ == pytest.approx(first.std_error_, rel=10 * rel)
    assert second.log_likelihood_ == pytest.approx(first.log_likelihood_, rel=1e-9)


def again(model):
    return type(model)(**model.get_params())


@EVERY
def test_row_order_does_not_matter(model):
    order = np.random.default_rng(1).permutation(90)
    close(again(model).fit(X, Y), again(model).fit(X[order], Y[order]))


@EVERY
@given(seed=st.integers(0, 1000))
@settings(max_examples=4, deadline=None)
def test_whole_weights_are_duplication(model, seed):
    weight = np.random.default_rng(seed).integers(1, 4, 90)
    rows = np.repeat(np.arange(90), weight)
    close(again(model).fit(X[rows], Y[rows]), again(model).fit(X, Y, sample_weight=weight))


@EVERY
def test_weight_zero_is_absence_and_entry_zero_is_no_entry(model):
    keep = np.arange(90) % 5 > 0
    close(again(model).fit(X[keep], Y[keep]), again(model).fit(X, Y, sample_weight=keep.astype(int)))
    entered = survival_target(Y["duration"], Y["event"], entry=np.zeros(90))
    plain = survival_target(Y["duration"], Y["event"])
    assert again(model).fit(X, entered).coef_.tolist() == again(model).fit(X, plain).coef_.tolist()


@EVERY
def test_the_unit_of_time_does_not_matter(model):
    unit = 30.436875
    days = survival_target(Y["duration"] * unit, Y["event"], entry=Y["entry"] * unit, time_unit="day")
    other = again(model)
    if isinstance(other, PiecewiseExponential):
        other.set_params(breaks=[3.0 * unit, 6.0 * unit])
    before, after = again(model).fit(X, Y), other.fit(X, days)
    assert after.coef_ == pytest.approx(before.coef_, rel=1e-6, abs=1e-8)
    left = int((Y["event"] > 0).sum())
    assert after.log_likelihood_ + left * np.log(unit) == pytest.approx(before.log_likelihood_, rel=1e-9)
    times = np.array([1.0, 4.0, 12.0])
    assert after.predict_survival(X, times * unit) == pytest.approx(before.predict_survival(X, times), rel=1e-6)
    assert after.time_unit_ == "day"


@EVERY
@given(
    times=st.lists(st.floats(0, 200), min_size=1, max_size=6),
    stayed=st.floats(0, 60),
    x=st.tuples(st.floats(-8, 8), st.floats(-3, 5)),
)
@settings(max_examples=25, deadline=None)
def test_forecasts_are_probabilities_that_fall(model, times, stayed, x):
    fitted = FITTED[repr(model)]
    row, grid = np.array([x]), np.sort(times)
    s = fitted.predict_survival(row, grid, given=stayed)[0]
    assert ((s >= 0) & (s <= 1)).all()
    assert (np.diff(s) <= 1e-15).all()
    assert fitted.predict_survival(row, [0.0], given=stayed)[0, 0] == 1
    f = fitted.predict_incidence(row, grid, given=stayed)[0, 0]
    assert f == pytest.approx(1 - s, abs=1e-12)
    months = fitted.expected_lifetime(row, 24, given=stayed)[0]
    assert 0 <= months <= 24 * (1 + 1e-12)
    assert np.isfinite(fitted.predict_risk(row)).all()
    assert np.isfinite(fitted.pullback(row, np.ones((1, 3)), given=stayed)).all()


@EVERY
def test_one_row_at_a_time_is_all_at_once(model):
    fitted = FITTED[repr(model)]
    whole = fitted.predict_survival(X, [1.0, 5.0], given=2)
    alone = np.vstack([fitted.predict_survival(X[i : i + 1], [1.0, 5.0], given=2) for i in range(10)])
    assert whole[:10].tolist() == alone.tolist()


FITTED = {repr(model): again(model).fit(X, Y) for model in MODELS}
