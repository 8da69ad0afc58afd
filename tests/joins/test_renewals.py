"""Renewals at contract ends joined to a monthly hazard: enumeration month by month, simulation, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.clv import ContractRenewals, GeometricRetention, ShiftedBetaGeometric, lifetime_value


class TwoCauses:
    """Monthly chances of two causes, the same in every month."""

    causes_ = ("voluntary", "involuntary")
    time_unit = "month"

    def __init__(self, voluntary=0.02, involuntary=0.01):
        self.chance = np.array([voluntary, involuntary])

    def predict_incidence(self, X, times, *, given=None):
        n = len(next(iter(X.values())))
        left = 1 - (1 - self.chance.sum()) ** np.asarray(times)
        return np.broadcast_to((self.chance / self.chance.sum())[:, None] * left, (n, 2, len(left))).copy()

    def predict_survival(self, X, times, *, given=None):
        return 1 - self.predict_incidence(X, times).sum(axis=1)


X = {"months_to_end": np.array([1, 3, 12]), "renewals": np.array([0, 2, 1])}
YEARLY = ShiftedBetaGeometric.from_params(alpha=0.7, beta=2.0, time_unit="year")


def by_hand(months_to_end, made, horizon, term):
    """Walk through the months of one customer."""
    there, left = 1.0, {"voluntary": [], "involuntary": [], "not renewed": []}
    curve, gone = [], dict.fromkeys(left, 0.0)
    for month in range(1, horizon + 1):
        gone["voluntary"] += there * 0.02
        gone["involuntary"] += there * 0.01
        there *= 0.97
        if month >= months_to_end and (month - months_to_end) % term == 0:
            made += 1
            stay = YEARLY.retention_rate(made)
            gone["not renewed"] += there * (1 - stay)
            there *= stay
        curve.append(there)
        for name, values in left.items():
            values.append(gone[name])
    return curve, left


@pytest.mark.parametrize("term", [12, 24])
def test_it_is_what_walking_through_the_months_gives(term):
    model = ContractRenewals(TwoCauses(), YEARLY, term=term, renewals="renewals")
    times = np.arange(1, 31)
    survival, incidence = model.predict_survival(X, times), model.predict_incidence(X, times)
    assert model.causes_ == ("voluntary", "involuntary", "not renewed")
    for i in range(3):
        curve, left = by_hand(X["months_to_end"][i], X["renewals"][i], 30, term)
        np.testing.assert_allclose(survival[i], curve, rtol=1e-12)
        for k, name in enumerate(model.causes_):
            np.testing.assert_allclose(incidence[i, k], left[name], rtol=1e-12)
    np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1.0, rtol=1e-12)


def test_a_monthly_term_is_a_product_of_both():
    model = ContractRenewals(GeometricRetention.from_params(theta=0.05), 0.9, term=1)
    found = model.predict_survival({"months_to_end": [1]}, [1, 2, 6])
    np.testing.assert_allclose(found[0], (0.95 * 0.9) ** np.array([1, 2, 6]), rtol=1e-12)
    assert model.causes_ == ("left", "not renewed")


def test_leaving_at_the_end_may_be_one_of_the_hazards_causes():
    model = ContractRenewals(TwoCauses(), [0.5, 0.8], term=6, cause="voluntary", months_to_end="months_to_end")
    assert model.causes_ == ("voluntary", "involuntary")
    some = {"months_to_end": [2]}
    left = model.predict_incidence(some, np.arange(0, 15))
    np.testing.assert_allclose(left.sum(axis=1) + model.predict_survival(some, np.arange(0, 15)), 1.0, rtol=1e-12)
    at_end = np.diff(left[0, 0])
    assert at_end[1] > 20 * at_end[0]  # the spike of the renewal month
    # the second renewal and all after it take the last rate
    survival = model.predict_survival(some, [2, 8, 14])[0]
    np.testing.assert_allclose(survival, 0.97 ** np.array([2, 8, 14]) * [0.5, 0.5 * 0.8, 0.5 * 0.64], rtol=1e-12)


def test_value_is_lost_at_renewals_by_name():
    model = ContractRenewals(TwoCauses(), YEARLY, renewals="renewals")
    worth = lifetime_value(
        model, X, margin=10.0, horizon=24, monthly_discount=0.01, loss_at_exit={"not renewed": 5.0, "involuntary": 20.0}
    )
    assert worth.causes == ("voluntary", "involuntary", "not renewed")
    stays = 3 * 10.0 * (1.01 ** -np.arange(1.0, 25)).sum()
    assert worth.by_cause.sum() == pytest.approx(stays - worth.total, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "frame", "times", "message"),
    [
        ({}, {"months_to_end": [0]}, [1], r"months_to_end must be a whole number from 1 to 12 .*ended already"),
        ({}, {"months_to_end": [13]}, [1], r"months_to_end must be a whole number from 1 to 12 .*value 13\.0"),
        ({}, {"end": [3]}, [1], r"there is no column 'months_to_end'"),
        ({"term": 0}, {"months_to_end": [1]}, [1], r"term must be >= 1"),
        ({"renewal": 1.2}, {"months_to_end": [1]}, [1], r"renewal must be >= 0 and <= 1 .*80 % is 0\.80"),
        ({"renewals": "made"}, {"months_to_end": [1], "made": [-1]}, [1], r"made must be a whole number >= 0"),
        ({}, {"months_to_end": [1]}, [1.5], r"times must be whole months"),
    ],
)
def test_bad_input_is_refused_with_help(options, frame, times, message):
    settings = {"renewal": 0.8, **options}
    model = ContractRenewals(GeometricRetention.from_params(theta=0.05), **settings)
    with pytest.raises(InputError, match=message):
        model.predict_survival(frame, times)
