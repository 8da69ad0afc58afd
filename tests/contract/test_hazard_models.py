"""Every hazard model answers the same questions in the same shapes, says how many left, and can be pooled by itself."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest

from custval._core.typing import HazardModel, SupportsPullback, forecast_covariance
from custval.clv import lifetime_value
from custval.survival import (
    AFT,
    CoxPH,
    DiscreteHazard,
    MixtureCure,
    PiecewiseExponential,
    SharedFrailtyCox,
    from_lifelines,
    pool_rubin,
    survival_target,
)

RNG = np.random.default_rng(17)
X = pd.DataFrame({"plan": RNG.choice(["a", "b"], 300), "fee": RNG.normal(30.0, 6.0, 300)})
LIFE = np.where(RNG.random(300) < 0.25, 99.0, np.ceil(RNG.weibull(1.3, 300) * 9.0))
Y = survival_target(np.minimum(LIFE, 24.0), LIFE <= 24)
TIMES = [1.0, 6.0, 12.0]


class Lifelines:
    """As a fitted lifelines regression, on our own law."""

    def __init__(self):
        self.own = AFT().fit(X, Y)

    def predict_cumulative_hazard(self, frame, times=None, conditional_after=None):
        return -np.log(self.predict_survival_function(frame, times, conditional_after))

    def predict_survival_function(self, frame, times=None, conditional_after=None):
        return pd.DataFrame(self.own.predict_survival(frame, times, given=conditional_after).T, index=times)


MODELS = {
    "DiscreteHazard": lambda: DiscreteHazard(baseline="spline").fit(X, Y),
    "CoxPH": lambda: CoxPH().fit(X, Y),
    "SharedFrailtyCox": lambda: SharedFrailtyCox().fit(X, Y, group=np.repeat(np.arange(60), 5)),
    "AFT exponential": lambda: AFT(distribution="exponential").fit(X, Y),
    "AFT weibull": lambda: AFT().fit(X, Y),
    "AFT gengamma": lambda: AFT(distribution="gengamma").fit(X, Y),
    "MixtureCure": lambda: MixtureCure().fit(X, Y),
    "PiecewiseExponential": lambda: PiecewiseExponential().fit(X, Y),
    "from_lifelines": lambda: from_lifelines(Lifelines()),
}


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param]()


def test_every_question_has_an_answer_of_the_right_shape(model):
    assert isinstance(model, HazardModel)
    some = X.head(7)
    given = np.array([0.0, 1, 2, 3, 4, 5, 6])
    survival = model.predict_survival(some, TIMES, given=given)
    assert survival.shape == (7, 3)
    assert ((survival > 0) & (survival <= 1)).all()
    incidence = model.predict_incidence(some, TIMES, given=given)
    assert incidence.shape == (7, 1, 3)
    assert incidence.sum(axis=1) + survival == pytest.approx(1.0)
    hazard = model.predict_cumulative_hazard(some, TIMES, given=given)
    assert hazard.reshape(7, 3).shape == (7, 3)
    if not isinstance(model, DiscreteHazard):
        assert hazard == pytest.approx(-np.log(survival))
    assert model.predict_risk(some).shape == (7,)
    ahead = model.expected_lifetime(some, 12, given=given)
    assert ((ahead > 0) & (ahead <= 12)).all()
    assert model.reasons(some, top=2).words.shape == (7, 2)
    assert len(model.summary()) if type(model).__name__ != "LifelinesModel" else True
    for name in ("predict_survival", "predict_incidence", "predict_cumulative_hazard", "expected_lifetime"):
        asked = inspect.signature(getattr(model, name)).parameters["given"]
        assert asked.kind is asked.KEYWORD_ONLY


def test_departures_are_counted_and_set_the_degrees_of_freedom(model):
    if type(model).__name__ == "LifelinesModel":
        pytest.skip("lifelines counts for itself")
    assert model.n_events_ == int((Y["event"] > 0).sum())
    parameters = len(model.summary())
    automatic, told = pool_rubin([model, model]), pool_rubin([model, model], df_complete=model.n_events_ - parameters)
    assert automatic.df.tolist() == told.df.tolist()
    assert np.isfinite(automatic.df).all()


def test_values_have_errors_where_gradients_exist(model):
    worth = lifetime_value(model, X.head(5), margin=10.0, horizon=6, monthly_discount=0.01)
    if isinstance(model, SupportsPullback):
        covariance = forecast_covariance(model)
        assert model.pullback(X.head(5), np.ones((5, 6))).shape == (5, len(covariance))
        assert (worth.std_error > 0).all()
    else:
        assert worth.std_error is None
