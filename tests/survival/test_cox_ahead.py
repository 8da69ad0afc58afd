"""How sums of Cox forecasts vary: the coefficients and the baseline, against bands and against many samples."""

from __future__ import annotations

import numpy as np
import pytest
from tests.survival.cox_cases import spells

from custval.clv import lifetime_value
from custval.survival import CoxPH, alert_list, survival_target


def variance(model, X, weight, **more):
    pulled = model.pullback(X, weight, **more)
    return np.einsum("np,pq,nq->n", pulled, model.forecast_covariance_, pulled)


@pytest.mark.parametrize("tail", ["error", "hold"])
def test_one_month_varies_as_its_band_says(tail):
    X, y, weight, strata, cluster = spells(1, n=300)
    whole = survival_target(np.ceil(y["duration"]), y["event"], entry=np.floor(y["entry"]))
    model = CoxPH(tail=tail).fit(X, whole, sample_weight=weight, strata=strata, cluster=cluster)
    last = int(model.baseline_.last.min())
    for given in (0.0, 2.0):
        band = model.predict_survival_band(X[:30], np.arange(1, last - 1), given=given, strata=strata[:30])
        for month in (1, last // 2, last - 2):
            at = np.zeros((30, month))
            at[:, -1] = 1.0
            found = variance(model, X[:30], at, given=given, strata=strata[:30])
            assert np.sqrt(found) == pytest.approx(band.std_error[:, month - 1], rel=1e-9)


def test_many_event_times_are_cut_into_cells_that_lose_little():
    rng = np.random.default_rng(3)
    X, time = rng.normal(size=(3000, 2)), rng.exponential(20, 3000)
    model = CoxPH().fit(X, survival_target(np.minimum(time, 12), time <= 12))
    assert model.forecast_covariance_.shape == (2 + 120, 2 + 120)
    band = model.predict_survival_band(X[:20], [3.0, 9.0])
    for column, month in enumerate((3, 9)):
        at = np.zeros((20, month))
        at[:, -1] = 1.0
        assert np.sqrt(variance(model, X[:20], at)) == pytest.approx(band.std_error[:, column], rel=1e-6)
    inside = np.zeros((20, 4))
    inside[:, -1] = 1.0
    told = model.predict_survival_band(X[:20], [4.0], given=5.03).std_error[:, 0]
    assert np.sqrt(variance(model, X[:20], inside, given=5.03)) == pytest.approx(told, rel=0.02)


def test_held_tails_move_with_the_baseline():
    X, y, *_ = spells(2, n=200)
    model = CoxPH(tail="hold").fit(X, y)
    far = int(model.baseline_.last[0]) + 5
    weight = np.ones((4, far))
    pulled, now = model.pullback(X[:4], weight), model.predict_survival(X[:4], np.arange(1, far + 1)).sum(axis=1)
    # the last error of the baseline, by hand: all later hazards and the rate that is held move with it
    cells = pulled.shape[1] - len(model.coef_)
    base = model.baseline_
    ends = np.append(0.0, np.unique(base.variance[base.variance > 0]))
    step = 1e-6
    grown = base.cumulative_hazard + step * np.sqrt(np.clip(base.variance - ends[cells - 1], 0, np.diff(ends)[-1]))
    object.__setattr__(base, "cumulative_hazard", grown)
    moved = model.predict_survival(X[:4], np.arange(1, far + 1)).sum(axis=1)
    assert (moved - now) / step == pytest.approx(pulled[:, -1], rel=1e-4)


def test_exits_are_what_survival_loses_each_month():
    X, y, *_ = spells(4, n=150)
    model, rng = CoxPH().fit(X, y), np.random.default_rng(0)
    exits = rng.normal(size=(10, 1, 6))
    lost = np.concatenate([exits[:, 0, 1:], np.zeros((10, 1))], axis=1) - exits[:, 0]
    weight = rng.normal(size=(10, 6))
    assert model.pullback(X[:10], weight, exits) == pytest.approx(model.pullback(X[:10], weight + lost))


def test_the_error_of_a_value_is_that_seen_over_many_samples():
    # 60 departures: the baseline's own error is most of it, and leaving it out would say a fifth
    rng = np.random.default_rng(8)
    values, told, alone = [], [], []
    asked = np.array([[0.0], [1.0]])
    for _ in range(300):
        X = rng.binomial(1, 0.5, (120, 1)).astype(float)
        time = np.ceil(rng.exponential(20 * np.exp(-0.5 * X[:, 0])))
        model = CoxPH().fit(X, survival_target(np.minimum(time, 18), time <= 18))
        worth = lifetime_value(model, asked, margin=10.0, horizon=18, monthly_discount=0.01)
        values.append(worth.total)
        told.append(worth.total_std_error)
        gradient = worth.total_gradient[:1]
        alone.append(float(np.sqrt(gradient @ model.covariance_ @ gradient)))
    seen = float(np.std(values, ddof=1))
    assert np.mean(told) == pytest.approx(seen, rel=0.12)
    assert np.mean(alone) < 0.7 * seen


def test_alert_lists_take_the_same_error():
    X, y, *_ = spells(5, n=150)
    model = CoxPH().fit(X, y)
    listed = alert_list(model, X[:12], horizon=4, given=0.0, reasons=0)
    band = model.predict_survival_band(X[:12], [4.0])
    assert listed.std_error == pytest.approx(band.std_error[listed.row, 0], rel=0.05)


def test_a_lasso_has_no_covariance_to_give():
    X, y, *_ = spells(6, n=100)
    assert CoxPH(l1=0.5).fit(X, y).forecast_covariance_ is None
