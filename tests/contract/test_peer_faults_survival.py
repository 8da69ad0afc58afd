"""Faults that were seen in other survival libraries: each test fails if we repeat one.

The numbers themselves are held against R elsewhere (test_cox_r, test_aft, test_product_limit, metrics/test_reference).
"""

from __future__ import annotations

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from custval import ConvergenceWarning, InputError, NotFittedError
from custval.metrics import brier_score
from custval.survival import (
    AFT,
    CoxPH,
    DiscreteHazard,
    MixtureCure,
    PiecewiseExponential,
    SharedFrailtyCox,
    aalen_johansen,
    kaplan_meier,
    ph_test,
    survival_target,
)

RNG = np.random.default_rng(21)
N = 400
X = RNG.normal(size=(N, 2))
MONTH = np.minimum(np.ceil(RNG.exponential(8 * np.exp(-0.5 * X[:, 0]))), 12.0)
LEFT = (MONTH < 12) & (RNG.random(N) < 0.8)
Y = survival_target(MONTH, LEFT)
MODELS = [
    CoxPH(),
    SharedFrailtyCox(frailty_variance=0.5),
    AFT(),
    AFT(distribution="loglogistic"),
    MixtureCure(),
    PiecewiseExponential(),
    DiscreteHazard(baseline="spline"),
]


def test_tied_months_are_counted_and_not_jittered():
    # a library moves ties by chance: month-mark incidences off by up to 12 %, another one for each seed
    cause = np.where(LEFT, 1 + (np.arange(N) % 2), 0)
    y = survival_target(MONTH, cause, causes=["price", "moved"])
    first, second = aalen_johansen(y), aalen_johansen(y[::-1])
    at_risk = [(t <= MONTH).sum() for t in range(1, 13)]
    stay, total = 1.0, 0.0
    for t, n in zip(range(1, 13), at_risk, strict=True):
        total += stay * ((t == MONTH) & (cause == 1)).sum() / n
        stay *= 1 - ((t == MONTH) & (cause > 0)).sum() / n
    assert first.at(12)[0] == pytest.approx(total, rel=1e-14)
    assert first.incidence == pytest.approx(second.incidence, rel=1e-14)


def test_proportional_hazards_are_tested_by_the_exact_score():
    # an old approximation takes the covariance of the risk sets as constant and turns decisions over
    model = CoxPH().fit(X, Y)
    found = ph_test(model, X, Y, transform="identity", by_coefficient=True).statistic
    wide = CoxPH(tol=1e-12)
    rows, target, events = [], [], np.unique(MONTH[LEFT])
    for i in range(N):  # the same test by rows that change: a likelihood with a column times the clock
        cuts = np.append(0, events[events < MONTH[i]])
        ends = np.append(cuts[1:], MONTH[i])
        rows += [[*X[i], X[i, 0] * end] for end in ends]
        target += [(start, end, LEFT[i] and end == MONTH[i]) for start, end in zip(cuts, ends, strict=True)]
    start, end, event = np.array(target, dtype=float).T
    moved = wide.fit(np.array(rows), survival_target(end, event, entry=start))
    wald = (moved.coef_[2] / moved.std_error_[2]) ** 2
    ratio = 2 * (moved.log_likelihood_ - model.log_likelihood_)
    assert found[0] == pytest.approx(ratio, rel=0.1)
    assert found[0] == pytest.approx(wald, rel=0.1)


@pytest.mark.parametrize("law", ["weibull", "lognormal", "loglogistic", "gengamma"])
def test_laws_are_fitted_to_their_maximum(law):
    # a library stops its log-logistic model early, .56 % off
    model = AFT(distribution=law).fit(X, Y)
    top = model.score(X, Y)
    for name in ("coef_", "level_"):
        best = getattr(model, name).copy()
        for j in range(len(best)):
            for step in (1e-4, -1e-4):
                moved = best.copy()
                moved[j] += step
                setattr(model, name, moved)
                assert model.score(X, Y) <= top + 1e-14
        setattr(model, name, best)


def test_impossible_times_and_separation_are_never_fitted_without_a_word():
    with pytest.raises(InputError, match=r"duration must be .* \(first: row 2, value -1.0\)"):
        survival_target([3.0, 2.0, -1.0], [1, 0, 1])
    with pytest.raises(InputError, match="y holds 2 causes"):
        CoxPH().fit(X[:3], survival_target([3.0, 2.0, 1.0], [1, 2, 0]))
    with pytest.warns(ConvergenceWarning, match="separation: .* 'x0'"):
        CoxPH().fit(LEFT[:, None].astype(float), Y)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_models_are_cloned_ask_to_be_fitted_and_know_what_is_left(model):
    again = clone(model)
    assert repr(again) == repr(model)
    for ask in ("predict_survival", "predict_risk", "reasons", "expected_lifetime"):
        more = (3.0,) if ask == "expected_lifetime" else ()
        with pytest.raises(NotFittedError, match=r"is not fitted yet; call fit\(X, y\) first"):
            getattr(again, ask)(X, *more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        again.fit(X, Y)
    left = again.expected_lifetime(X[:4], 3, given=4)
    assert ((left > 0) & (left <= 3)).all()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_fitted_model_keeps_no_training_data(model):
    # pickles of a library hold the table they were fitted to: 1.5 GB at 20 million rows
    sizes = []
    for copies in (1, 20):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = clone(model).fit(np.tile(X, (copies, 1)), np.tile(Y, copies))
        sizes.append(len(pickle.dumps(fitted)))
    assert sizes[1] < sizes[0] + 200


def test_squared_errors_weigh_departures_by_the_share_watched_just_before():
    # with G(T) in place of G(T-) monthly data are off by more than one per cent
    flat = np.full((N, 1), 0.5)
    gone, still = LEFT & (MONTH <= 8), MONTH > 8
    stay = kaplan_meier(survival_target(MONTH + np.where(LEFT, 0, 0.5), ~LEFT))

    def share(t):
        return np.where(t < stay.times[0], 1.0, stay.at(np.minimum(t, stay.times[-1])))

    expected = 0.25 * ((gone / share(MONTH - 0.25)).sum() + (still / share(np.full(N, 8.6))).sum()) / N
    assert brier_score(Y, flat, [8.0]).score[0] == pytest.approx(expected, rel=1e-9)


def test_forecasts_from_many_event_times_stay_small():
    # 20,000 distinct times asked for 20,000 customers cost a library 5.7 GB
    rng = np.random.default_rng(4)
    columns, time = rng.normal(size=(20_000, 1)), rng.exponential(20.0, 20_000)
    model = CoxPH().fit(columns, survival_target(time))
    tracemalloc.start()
    made = model.predict_survival(columns, np.arange(1.0, 61.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.shape == (20_000, 60)
    assert peak < 4 * made.nbytes
