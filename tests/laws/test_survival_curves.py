"""What is true of every curve, whatever the customers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from tests.survival.curve_cases import by_hand, columns, rows_of_customers

from custval.survival import (
    aalen_johansen,
    kaplan_meier,
    life_table,
    logrank_test,
    nelson_aalen,
    survival_target,
    target_from_dates,
    to_months,
)

# curves that late entry empties early are reported, which is right and beside the point here
pytestmark = pytest.mark.filterwarnings("ignore:everybody at risk:UserWarning")

FIELD = {kaplan_meier: "survival", nelson_aalen: "hazard", aalen_johansen: "incidence"}
draws = st.sampled_from(list(FIELD))
modest = settings(max_examples=60, deadline=None)


def target(rows, scale=1.0):
    entry, duration, event, weight = columns(rows)
    return survival_target(duration * scale, event, entry=entry * scale, causes=("a", "b")), weight


def same(one, other, *fields, rtol=1e-12):
    for field in fields:
        a, b = getattr(one, field), getattr(other, field)
        assert np.array_equal(np.ma.getmaskarray(a), np.ma.getmaskarray(b)), field
        np.testing.assert_allclose(np.ma.filled(a, 0), np.ma.filled(b, 0), rtol=rtol, atol=1e-13, err_msg=field)


@modest
@given(rows_of_customers)
def test_curves_equal_a_count_in_fractions(rows):
    y, weight = target(rows)
    hand = by_hand(*columns(rows))
    curve = aalen_johansen(y, sample_weight=weight)
    np.testing.assert_allclose(curve.incidence, np.array(hand["incidence"], dtype=float).T, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(curve.survival, np.array(hand["survival"], dtype=float), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        nelson_aalen(y, sample_weight=weight).hazard, np.array(hand["hazard"], dtype=float), rtol=1e-12
    )


@modest
@given(rows_of_customers, draws)
def test_whole_weights_are_copies(rows, draw):
    y, weight = target(rows)
    copies = draw(np.repeat(y, weight))
    same(
        draw(y, sample_weight=weight), copies, "times", FIELD[draw], "std_error", "lower", "upper", "at_risk", "events"
    )


@modest
@given(rows_of_customers, draws, st.integers(0, 1000))
def test_row_order_does_not_matter(rows, draw, seed):
    y, weight = target(rows)
    order = np.random.default_rng(seed).permutation(len(y))
    exact = draw(y, sample_weight=weight)
    again = draw(y[order], sample_weight=weight[order])
    assert np.array_equal(getattr(exact, FIELD[draw]), getattr(again, FIELD[draw]))
    shares = weight + 0.37
    robust, moved = draw(y, sample_weight=shares), draw(y[order], sample_weight=shares[order])
    same(robust, moved, FIELD[draw], rtol=1e-9)
    same(robust, moved, "std_error", rtol=1e-6)


@modest
@given(rows_of_customers, draws, st.sampled_from([1e-12, 0.1, 1 / 3, 30.436875, 1e12]))
def test_the_unit_of_time_does_not_matter(rows, draw, scale):
    (y, weight), (scaled, _) = target(rows), target(rows, scale)
    one, other = draw(y, sample_weight=weight), draw(scaled, sample_weight=weight)
    assert np.array_equal(getattr(one, FIELD[draw]), getattr(other, FIELD[draw]))
    np.testing.assert_allclose(other.times, one.times * scale, rtol=1e-14)


@modest
@given(rows_of_customers, draws)
def test_entry_at_zero_is_no_entry(rows, draw):
    _, duration, event, weight = columns(rows)
    none = draw(survival_target(duration, event, causes=("a", "b")), sample_weight=weight)
    zero = draw(survival_target(duration, event, causes=("a", "b"), entry=np.zeros(len(rows))), sample_weight=weight)
    same(none, zero, FIELD[draw], "std_error", "at_risk")


@modest
@given(rows_of_customers)
def test_incidences_and_survival_add_up_to_one_and_move_one_way(rows):
    y, weight = target(rows)
    km, na, aj = (draw(y, sample_weight=weight) for draw in FIELD)
    np.testing.assert_allclose(aj.incidence.sum(axis=0) + aj.survival, 1, rtol=1e-12)
    np.testing.assert_array_equal(km.survival, aj.survival)
    assert ((km.survival >= 0) & (km.survival <= 1)).all()
    assert (np.diff(km.survival) <= 0).all()
    assert (np.diff(aj.incidence, axis=1) >= 0).all()
    assert (np.diff(na.hazard) >= 0).all()


@modest
@given(rows_of_customers, draws, st.sampled_from(["plain", "log"]))
def test_bounds_hold_the_curve(rows, draw, conf_type):
    y, weight = target(rows)
    curve = draw(y, sample_weight=weight, conf_type=conf_type)
    value = getattr(curve, FIELD[draw])
    assert (np.ma.filled(curve.lower, 0) <= value + 1e-12).all()
    assert (np.ma.filled(curve.upper, np.inf) >= value - 1e-12).all()
    assert not np.isnan(np.ma.compressed(curve.std_error)).any()


@modest
@given(rows_of_customers, draws)
def test_counts_give_the_curve_of_the_rows(rows, draw):
    y, weight = target(rows)
    months = np.arange(1, y["duration"].max() + 1)
    present = (y["entry"] < months[:, None]) & (months[:, None] <= y["duration"])
    leaving = [(present & (y["duration"] == months[:, None]) & (y["event"] == k)) @ weight for k in (1, 2)]
    counts = {"tenure": months, "at_risk": present @ weight, "exits_a": leaving[0], "exits_b": leaving[1]}
    table, raw = life_table(counts, kind=FIELD[draw]), draw(y, sample_weight=weight)
    assert np.array_equal(table.at(raw.times), getattr(raw, FIELD[draw]))
    where = np.searchsorted(table.times, raw.times)
    assert np.array_equal(np.ma.filled(table.std_error[..., where], -1), np.ma.filled(raw.std_error, -1))


@modest
@given(rows_of_customers, st.integers(0, 1000))
def test_the_test_does_not_know_the_names_of_the_groups(rows, seed):
    y, weight = target(rows)
    group = np.random.default_rng(seed).integers(0, 3, len(y))
    try:
        test = logrank_test(y, group, sample_weight=weight)
    except ValueError:  # one group only, or nobody to compare with
        reject()
    renamed = logrank_test(y, np.array(["z", "m", "a"])[group], sample_weight=weight)
    assert renamed.statistic == pytest.approx(test.statistic, rel=1e-7, abs=1e-9)
    assert renamed.df == test.df
    assert 0 <= test.p_value <= 1


@modest
@given(rows_of_customers)
def test_whole_months_stay_as_they_are(rows):
    y, _ = target(rows)
    monthly = to_months(y)
    assert monthly.kept.all()
    assert monthly.target.tolist() == y.tolist()


@modest
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 4000)), min_size=1, max_size=10))
def test_dates_give_back_the_days(spans):
    start = np.datetime64("2015-01-01") + np.array([s for s, _ in spans]).astype("timedelta64[D]")
    end = start + np.array([d for _, d in spans]).astype("timedelta64[D]")
    y = target_from_dates(start, end, observed_until="2099-01-01", time_unit="day")
    assert y["duration"].tolist() == [d for _, d in spans]
