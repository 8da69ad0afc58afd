"""The adapter by what a fitter can do, with stand-ins; lifelines itself is compared with in tests/oracle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval._core.errors import InputError, NotFittedError
from custval.clv import lifetime_value
from custval.survival import alert_list, from_lifelines


class Exponential:
    def survival_function_at_times(self, times):
        return np.exp(-0.1 * np.asarray(times))


class Steps:
    """A Cox model of one column with Breslow's baseline: departures at 2 and 5."""

    baseline_estimation_method = "breslow"
    strata = None

    def __init__(self):
        self.params_ = pd.Series({"x": 1.0})
        self.baseline_cumulative_hazard_ = pd.DataFrame({"baseline": [0.1, 0.4]}, index=[2.0, 5.0])

    def fit(self):
        return self

    def predict_partial_hazard(self, X):
        return np.exp(np.asarray(X)[:, 0])

    def predict_cumulative_hazard(self, X):
        curves = np.outer([0.1, 0.4], self.predict_partial_hazard(X))
        return pd.DataFrame(curves, index=[2.0, 5.0], columns=range(len(X)))

    def predict_survival_function(self, X, times=None, conditional_after=None):
        raise AssertionError("steps are read from the cumulative hazard")


class Smooth:
    def predict_cumulative_hazard(self, X, times=None, conditional_after=None):
        raise AssertionError("the survival is asked for")

    def predict_survival_function(self, X, times=None, conditional_after=None):
        past = np.zeros(len(X)) if conditional_after is None else np.asarray(conditional_after)
        scale = np.asarray(X, dtype=float)[:, 0]
        ahead = np.asarray(times)[:, None] + past
        return pd.DataFrame(np.exp(-scale * (ahead**2 - past**2)), index=times)


def test_steps_hold_between_departures_and_condition_on_the_time_stayed():
    model = from_lifelines(Steps())
    X = pd.DataFrame({"x": [0.0, np.log(2.0)]}, index=[7, 7])
    hazard = np.array([[0.0, 0.0, 0.1, 0.1, 0.4]] * 2) * [[1.0], [2.0]]
    assert model.predict_survival(X, [0, 1.9, 2, 4.9, 5]) == pytest.approx(np.exp(-hazard))
    assert model.predict_survival(X, [1, 3], given=2) == pytest.approx(np.exp([[0.0, -0.3], [0.0, -0.6]]))
    assert model.predict_cumulative_hazard(X, [5]) == pytest.approx(np.array([[0.4], [0.8]]))
    assert model.predict_incidence(X, [5])[:, 0, 0] == pytest.approx(-np.expm1([-0.4, -0.8]))
    assert model.predict_risk(X) == pytest.approx([1.0, 2.0])
    area = [2 + 3 * np.exp(-0.1), 2 + 3 * np.exp(-0.2)]
    assert model.expected_lifetime(X, 5.0) == pytest.approx(area)
    assert model.expected_lifetime(X, 2.0, given=3) == pytest.approx([2.0, 2.0])
    assert model.last_time_ == 5.0


def test_formulas_have_no_last_time():
    model = from_lifelines(Smooth())
    X = np.array([[0.01], [0.02]])
    got = model.predict_survival(X, [6, 0, 2, 2], given=[0, 3])
    assert got[0] == pytest.approx(np.exp(-0.01 * np.array([36, 0, 4, 4])))
    assert got[1] == pytest.approx(np.exp(-0.02 * (np.array([9, 3, 5, 5]) ** 2 - 9.0)))
    root = np.sqrt(0.01)
    from scipy.special import erf

    assert model.expected_lifetime(X[:1], 20.0)[0] == pytest.approx(np.sqrt(np.pi) / 2 / root * erf(20 * root))
    assert (np.diff(model.predict_risk(X)) > 0).all()


def test_it_enters_value_and_alert_lists():
    model = from_lifelines(Exponential(), time_unit="week")
    listed = alert_list(model, [[0]] * 4, horizon=3, given=[0, 1, 2, 3])
    assert listed.p_leave == pytest.approx(-np.expm1(-0.3))
    assert listed.time_unit == "week"
    assert model.reasons([[0]] * 4).words.tolist() == [[None] * 3] * 4  # one curve knows no columns
    worth = lifetime_value(model, [[0]], margin=1.0, horizon=2, monthly_discount=0.0)
    week = 30.436875 / 7
    assert worth.value[0] == pytest.approx(np.exp(-0.1 * week) + np.exp(-0.2 * week))


def test_reasons_are_what_setting_a_column_to_its_average_takes_away():
    class Additive(Steps):
        def predict_partial_hazard(self, X):
            X = pd.DataFrame(X)
            return np.exp(0.5 * X["calls"] + 1.0 * (X["plan"] == "old")).to_numpy()

    frame = pd.DataFrame({"calls": [0.0, 4.0, 2.0], "plan": ["new", "old", "new"], "unused": [9.0, 0.0, 3.0]})
    told = from_lifelines(Additive()).reasons(frame, top=2)
    assert told.words.tolist() == [[None, None], ["calls = 4 (high)", "plan = old"], [None, None]]
    assert told.contribution[1] == pytest.approx([1.0, 1.0])
    fitter = Additive()
    fitter._central_values = pd.DataFrame({"calls": [1.0], "plan": ["old"]})
    told = from_lifelines(fitter).reasons(frame, top=1)
    assert told.words[:, 0].tolist() == [None, "calls = 4 (high)", "calls = 2 (high)"]
    assert told.contribution[:, 0] == pytest.approx([0.0, 1.5, 0.5])
    plain = from_lifelines(Steps(), tail="hold").reasons(np.array([[0.0], [2.0]]), top=1)
    assert plain.words[:, 0].tolist() == [None, "x0 = 2 (high)"]


def test_what_cannot_be_read_is_refused():
    class Moving:
        pass

    class KaplanMeierFitter(Exponential):
        def fit(self):
            return self

    with pytest.raises(InputError, match=r"Moving predicts no survival .* one row for each customer"):
        from_lifelines(Moving())
    with pytest.raises(NotFittedError, match="this KaplanMeierFitter is not fitted"):
        from_lifelines(KaplanMeierFitter())
    with pytest.raises(InputError, match="time_unit must be one of"):
        from_lifelines(Exponential(), time_unit="fortnight")
    with pytest.raises(InputError, match="tail must be one of"):
        from_lifelines(Exponential(), tail="zero")
    with pytest.raises(InputError, match="a Exponential has no coefficients"):
        from_lifelines(Exponential()).summary()
    model = from_lifelines(Steps())
    with pytest.raises(InputError, match="this reaches 6 months of a customer's stay, but the model was fitted on 5"):
        model.predict_survival([[0.0]], [4], given=2)
    assert from_lifelines(Steps(), tail="hold").predict_survival([[0.0]], [4], given=3) == pytest.approx(np.exp(-0.3))
    with pytest.raises(InputError, match="given has 2 rows but X has 1"):
        model.predict_survival([[0.0]], [4], given=[1, 2])
    with pytest.raises(InputError, match="times must be >= 0"):
        model.predict_survival([[0.0]], [-1])
    with pytest.raises(InputError, match="horizon must be > 0"):
        model.expected_lifetime([[0.0]], 0)
    assert repr(model) == "from_lifelines(Steps(...), time_unit='month', tail='error')"
