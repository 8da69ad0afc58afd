"""Bands of predicted survival: the delta method by another route, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.survival import AFT, MixtureCure, PiecewiseExponential, survival_target

MODELS = [
    AFT(distribution="exponential"),
    AFT(),
    AFT(distribution="lognormal", scale_columns=[1]),
    AFT(distribution="loglogistic"),
    AFT(distribution="gengamma"),
    MixtureCure(latency_columns=[0]),
    PiecewiseExponential(),
]


def data(seed=0, n=400):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    time = rng.weibull(1.3, n) * 8 * np.exp(-0.4 * X[:, 0])
    time[rng.random(n) < 0.25] = 99.0
    return X, survival_target(np.minimum(time, 14), time <= 14)


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("clustered", [False, True])
def test_the_error_of_a_month_is_that_of_its_gradient(model, clustered):
    X, y = data()
    model.fit(X, y, cluster=np.repeat(np.arange(100), 4) if clustered else None)
    given = np.array([0.0, 1.0, 2.0, 5.0, 9.0])
    band = model.predict_survival_band(X[:5], [2, 7, 20], given=given, conf_type="plain")
    assert band.survival == pytest.approx(model.predict_survival(X[:5], [2, 7, 20], given=given), rel=1e-12)
    for column, month in enumerate((2, 7, 20)):
        at = np.zeros((5, month))
        at[:, -1] = 1.0
        pulled = model.pullback(X[:5], at, given=given)
        told = np.sqrt(np.einsum("np,pq,nq->n", pulled, model.covariance_, pulled))
        assert band.std_error[:, column] == pytest.approx(told, rel=1e-9)
    reach = np.asarray(band.survival - band.lower)[:, 1]
    assert reach == pytest.approx(1.959964 * band.std_error[:, 1], rel=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_bounds_stay_between_0_and_1_and_meet_where_all_is_known(model):
    X, y = data()
    model.fit(X, y)
    for scale in ("log-log", "log", "plain"):
        band = model.predict_survival_band(X[:20], [0.0, 0.5, 3.0, 40.0], conf_type=scale)
        assert (band.lower[:, 0] == 1).all()
        assert (band.upper[:, 0] == 1).all()
        assert ((band.lower >= 0) & (band.lower <= band.survival) & (band.survival <= band.upper)).all()
        assert (band.upper <= 1).all()
    assert len(band.to_frame()) == 80
    assert band.time_unit == "month"


@pytest.mark.parametrize(("law", "kind"), [("weibull", AFT), ("pieces", PiecewiseExponential)])
def test_bands_hold_the_truth_as_often_as_they_say(law, kind):
    asked, hits = np.array([[0.0], [1.0]]), np.zeros((2, 2))
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = rng.binomial(1, 0.5, (250, 1)).astype(float)
        shape = 1.5 if law == "weibull" else 1.0
        time = rng.weibull(shape, 250) * 10 * np.exp(-0.5 * X[:, 0])
        model = kind() if law == "weibull" else kind(breaks=[4.0])
        band = model.fit(X, survival_target(np.minimum(time, 15), time <= 15)).predict_survival_band(asked, [3.0, 9.0])
        scale = 10 * np.exp(-0.5 * asked)
        truth = np.exp(-((np.array([3.0, 9.0]) / scale) ** shape))
        hits += (band.lower <= truth) & (truth <= band.upper)
    assert (hits / 200 >= 0.895).all()
    assert (hits / 200 <= 0.99).all()


def test_bad_settings_are_named():
    X, y = data()
    model = AFT().fit(X, y)
    with pytest.raises(InputError, match="conf_type must be one of"):
        model.predict_survival_band(X, [1], conf_type="wald")
    with pytest.raises(InputError, match="conf_level must be > 0 and < 1"):
        model.predict_survival_band(X, [1], conf_level=1.0)
