"""Season and campaigns: a flat calendar is the plain model, a planted one is found, bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval._clv import calendar_maths as maths
from custval._clv.calendar_models import _histories
from custval.clv import BGBB, CalendarBGBB, CalendarParetoNBD, ParetoNBD

P = 20


def months(n=200, seed=0):
    rng = np.random.default_rng(seed)
    counts, born = np.zeros((n, P)), rng.integers(0, 5, n)
    for i, begin in enumerate(born):
        chance, life = rng.beta(1.2, 1.0), rng.geometric(0.08)
        counts[i, begin] = 1
        counts[i, begin + 1 : begin + life] = rng.random(counts[i, begin + 1 : begin + life].shape) < chance
    return counts


def plain(counts):
    seen = _histories(counts)
    return np.column_stack([seen.again, seen.last - seen.born, P - 1 - seen.born])


FLAT = (np.ones(P + 12), np.ones(P + 12))


def test_a_flat_calendar_is_the_plain_model():
    counts = months()
    seen, X = _histories(counts), plain(counts)
    for theta, model, alive, bought in (
        ((1.2, 0.75, 0.657, 2.78), BGBB, maths.bernoulli_alive, maths.bernoulli_bought),
        ((0.55, 10.5, 0.6, 11.7), ParetoNBD, maths.pareto_alive, maths.pareto_bought),
    ):
        known = model.from_params(**dict(zip(model._names, theta, strict=True)))
        rows, here = alive(theta, FLAT, seen)
        assert rows.sum() == pytest.approx(known.log_likelihood(X), rel=1e-11)
        np.testing.assert_allclose(here, known.probability_alive(X), rtol=1e-9)
        ahead = here * bought(theta, FLAT, seen, 12).sum(axis=1)
        np.testing.assert_allclose(ahead, known.expected_purchases(X, 12), rtol=1e-9)


def test_pieces_of_another_length_are_a_change_of_clock():
    """All paces doubled: the same as halving alpha and beta."""
    seen = _histories(months())
    twice = tuple(2.0 * part for part in FLAT)
    one = maths.pareto_alive((0.55, 10.5, 0.6, 11.7), twice, seen)
    other = maths.pareto_alive((0.55, 5.25, 0.6, 5.85), FLAT, seen)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-12)
    np.testing.assert_allclose(one[0] + seen.again * np.log(2.0), other[0], rtol=1e-12)


def season(n=500, seed=1):
    rng = np.random.default_rng(seed)
    december = (np.arange(P + 12) % 12 == 11).astype(float)[:, None]
    pace = np.exp(0.7 * december[:P, 0])
    counts = rng.poisson(rng.gamma(0.9, 1 / 2.0, (n, 1)) * pace).astype(float)
    counts[:, 0] = 1
    gone = np.ceil(rng.exponential(1.0 / rng.gamma(0.8, 1 / 15.0, n)))[:, None]
    return np.where(np.arange(P) <= gone, counts, 0.0), december


def test_a_planted_season_is_found():
    counts, december = season()
    model = CalendarParetoNBD().fit(counts, calendar=december)
    error = model.std_error_["purchase:x0"]
    assert abs(model.coef_["purchase"][0] - 0.7) < 4 * error
    assert model.aic_ < ParetoNBD(time_unit="month").fit(plain(counts)).aic_
    by_month = model.expected_purchases(counts, 12, calendar=december, by_period=True)
    quiet, loud = by_month[:, 2].sum(), by_month[:, 3].sum()  # period 23 is a December
    assert loud > 1.7 * quiet
    np.testing.assert_allclose(by_month.sum(axis=1), model.expected_purchases(counts, 12, calendar=december))
    found = model.interval(lambda m: m.expected_purchases(counts[:2], 3, calendar=december))
    assert (found.lower < found.value).all()
    assert "purchase:x0" in model.summary()


def test_a_planted_campaign_is_found_in_months_of_yes_or_no():
    rng = np.random.default_rng(3)
    campaign = (np.arange(P + 3) % 4 == 2).astype(float)[:, None]
    odds = rng.beta(1.5, 2.0, (300, 1))
    odds = odds / (1 - odds) * np.exp(1.0 * campaign[:P, 0])
    counts = (rng.random((300, P)) < odds / (1 + odds)).astype(float)
    counts[:, 0] = 1
    counts = np.where(np.arange(P) < rng.geometric(rng.beta(1.0, 12.0, 300))[:, None], counts, 0.0)
    model = CalendarBGBB().fit(counts, calendar=campaign)
    assert abs(model.coef_["purchase"][0] - 1.0) < 4 * model.std_error_["purchase:x0"]
    chance = model.probability_alive(counts, calendar=campaign)
    assert ((chance >= 0) & (chance <= 1)).all()
    held = {"alpha": 1.5, "beta": 2.0, "gamma": 1.0, "delta": 12.0}
    strong = CalendarBGBB(fixed=held, l2=1e6).fit(counts, calendar=campaign)
    assert abs(strong.coef_["purchase"][0]) < 0.01


def test_weights_equal_customers():
    counts, december = season(60)
    known = {"s": 0.8, "beta": 15.0}
    twice = CalendarParetoNBD(fixed=known, l2=1.0).fit(np.tile(counts, (2, 1)), calendar=december)
    weighted = CalendarParetoNBD(fixed=known, l2=1.0).fit(counts, calendar=december, sample_weight=np.full(60, 2.0))
    assert weighted.log_likelihood_ == pytest.approx(twice.log_likelihood_, rel=1e-9)


def test_bad_input():
    counts, december = season(60)
    with pytest.raises(InputError, match="calendar is missing"):
        CalendarParetoNBD().fit(counts)
    with pytest.raises(InputError, match="calendar has 5 periods but 20 are needed"):
        CalendarParetoNBD().fit(counts, calendar=december[:5])
    model = CalendarParetoNBD(fixed={"s": 0.8, "beta": 15.0}, l2=1.0).fit(counts, calendar=december)
    with pytest.raises(InputError, match="calendar has 21 periods but 23 are needed"):
        model.expected_purchases(counts, 3, calendar=december[:21])
    with pytest.raises(InputError, match="purchases of a customer must be > 0 but 1 of 2 rows"):
        model.probability_alive([[0] * P, [1] * P], calendar=december)
    with pytest.raises(InputError, match="purchases of a period must be whole"):
        model.probability_alive([[0.5] * P], calendar=december)
    with pytest.raises(InputError, match="nobody bought a second time"):
        CalendarBGBB().fit(np.eye(P), calendar=december)
