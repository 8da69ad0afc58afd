"""What is true of every monthly hazard, whatever the customers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from custval import ConvergenceWarning
from custval.survival import Clock, DiscreteHazard, survival_target

MONTHS = np.arange(0, 9)
LINKS = st.sampled_from(["logit", "cloglog"])
BASELINES = st.sampled_from(["free", "spline", "linear", "constant"])


@st.composite
def customers(draw):
    """Draw customers with late entries, up to three causes and awkward columns."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, causes, months = draw(st.integers(8, 60)), draw(st.integers(1, 3)), draw(st.integers(1, 7))
    X = rng.normal(size=(n, draw(st.integers(1, 3)))) * 10.0 ** draw(st.integers(-3, 3)) + draw(st.floats(-100, 100))
    duration = rng.integers(1, months + 1, n)
    entry = np.minimum(rng.integers(0, draw(st.integers(1, 3)), n), duration - 1)
    event = rng.integers(0, causes + 1, n)
    event[:causes] = np.arange(1, causes + 1)
    return X, survival_target(duration, event, entry=entry, causes=[f"c{k}" for k in range(causes)])


def fit(X, y, link, baseline, *, reached=True, **more):
    """Fit with a penalty; `reached` passes over smooth baselines whose best level lies at infinity."""
    options = {"tail": "hold", "l2": 0.5, "standardize_penalty": True, "baseline_df": 2}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = DiscreteHazard(link=link, baseline=baseline, **options).fit(X, y, **more)
    assume(not (reached and any(one.category is ConvergenceWarning for one in said)))
    return model


@settings(max_examples=40, deadline=None)
@given(customers(), LINKS, BASELINES)
def test_probabilities_are_probabilities_and_sum_to_one(data, link, baseline):
    X, y = data
    model = fit(X, y, link, baseline, reached=False)
    survival, incidence = model.predict_survival(X, MONTHS), model.predict_incidence(X, MONTHS)
    assert incidence.sum(axis=1) + survival == pytest.approx(np.ones_like(survival), abs=1e-12)
    assert (np.diff(survival, axis=1) <= 1e-15).all()
    assert (np.diff(incidence, axis=2) >= -1e-15).all()
    assert (survival >= 0).all()
    assert (incidence >= 0).all()
    for name in ("coef_", "covariance_", "std_error_", "baseline_", "log_likelihood_", "log_likelihood_null_"):
        assert np.isfinite(getattr(model, name)).all()


@settings(max_examples=30, deadline=None)
@given(customers(), LINKS, BASELINES, st.integers(0, 9), st.integers(0, 6))
def test_given_is_conditioning(data, link, baseline, stayed, ahead):
    X, y = data
    model = fit(X, y, link, baseline)
    now, before, then = (model.predict_survival(X, [t]) for t in (stayed + ahead, stayed, ahead))
    told = model.predict_survival(X, [ahead], given=stayed)
    there = before[:, 0] > 1e-9
    assert told[there] == pytest.approx(now[there] / before[there], rel=1e-9)
    assert (model.predict_survival(X, [ahead], given=0) == then).all()
    each = model.predict_survival(X, [ahead], given=np.full(len(X), stayed))
    assert (each == told).all()


@settings(max_examples=25, deadline=None)
@given(customers(), LINKS, BASELINES, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(data, link, baseline, random):
    X, y = data
    order = np.array(random.sample(range(len(X)), len(X)))
    a, b = fit(X, y, link, baseline), fit(X[order], y[order], link, baseline)
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-8, abs=1e-11 * np.abs(a.coef_).max() + 1e-15)
    assert b.predict_survival(X, MONTHS) == pytest.approx(a.predict_survival(X, MONTHS), rel=1e-11, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(customers(), LINKS, BASELINES, st.integers(0, 2**32 - 1))
def test_weights_are_copies(data, link, baseline, seed):
    X, y = data
    weight = np.random.default_rng(seed).integers(1, 4, len(X))
    again = np.repeat(np.arange(len(X)), weight)
    a, b = fit(X, y, link, baseline, sample_weight=weight), fit(X[again], y[again], link, baseline)
    assert b.log_likelihood_ == pytest.approx(a.log_likelihood_, rel=1e-10, abs=1e-9)
    assert b.predict_survival(X, MONTHS) == pytest.approx(a.predict_survival(X, MONTHS), rel=1e-8, abs=1e-10)
    assert b.std_error_ == pytest.approx(a.std_error_, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(customers(), LINKS, BASELINES)
def test_a_batch_is_its_rows(data, link, baseline):
    X, y = data
    model = fit(X, y, link, baseline)
    whole = model.predict_incidence(X, MONTHS, given=2)
    alone = np.concatenate([model.predict_incidence(X[i : i + 1], MONTHS, given=2) for i in range(len(X))])
    assert (whole == alone).all()


@settings(max_examples=20, deadline=None)
@given(customers(), LINKS, BASELINES)
def test_units_of_the_columns_do_not_matter(data, link, baseline):
    X, y = data
    a, b = fit(X, y, link, baseline), fit(X * 1000 - 7, y, link, baseline)
    assert b.coef_ * 1000 == pytest.approx(a.coef_, rel=1e-6, abs=1e-9 * np.abs(a.coef_).max())
    assert b.predict_survival(X * 1000 - 7, MONTHS) == pytest.approx(a.predict_survival(X, MONTHS), rel=1e-7, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(customers(), LINKS)
def test_a_customer_row_is_its_months(data, link):
    X, y = data
    start, end, event = y["entry"].astype(int), y["duration"].astype(int), y["event"]
    who = np.repeat(np.arange(len(y)), end - start)
    month = np.concatenate([np.arange(a, b) + 1 for a, b in zip(start, end, strict=True)])
    outcome = np.where(month == end[who], event[who], 0)
    long = survival_target(month, outcome, entry=month - 1, causes=y.dtype.metadata["causes"])
    a, b = fit(X, y, link, "free"), fit(X[who], long, link, "free")
    assert b.coef_ == pytest.approx(a.coef_, rel=1e-9, abs=1e-10 * np.abs(a.coef_).max())
    assert b.log_likelihood_ == pytest.approx(a.log_likelihood_, rel=1e-10, abs=1e-10)


@settings(max_examples=15, deadline=None)
@given(customers(), LINKS, st.integers(0, 2**32 - 1))
def test_clocks_keep_the_laws(drawn, link, seed):
    """Incidences and survival sum to one, today is given = 0, and a month later is the next month of the same path."""
    X, y = drawn
    rng = np.random.default_rng(seed)
    clock = Clock("end", step=-1, curve="linear")
    table = {f"x{j}": column for j, column in enumerate(X.T)} | {"end": rng.integers(1, 9, len(X))}
    options = {"tail": "hold", "l2": 0.5, "standardize_penalty": True, "baseline": "constant", "link": link}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            model = DiscreteHazard(clocks=(clock,), **options).fit(table, y)
        except ValueError as refused:
            assert "cannot be told apart" in str(refused)  # noqa: PT017  few rows may not tell the clock from a column
            return
    assume(not any(one.category is ConvergenceWarning for one in said))
    survival = model.predict_survival(table, MONTHS)
    incidence = model.predict_incidence(table, MONTHS)
    assert survival + incidence.sum(axis=1) == pytest.approx(np.ones_like(survival), abs=1e-12)
    assert (model.predict_survival(table, MONTHS, given=0) == survival).all()
    later = model.predict_survival(table | {"end": table["end"] - 2}, MONTHS[:-2], given=2)
    assert later * survival[:, 2:3] == pytest.approx(survival[:, 2:], rel=1e-9, abs=1e-300)
