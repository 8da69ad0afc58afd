"""Curves from customers: against R and cmprsk, against a count in fractions, and what is refused."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.survival.curve_cases import by_hand, columns

from custval import InputError
from custval.survival import Curves, aalen_johansen, kaplan_meier, nelson_aalen, survival_target

ROWS = [(0, 3, 1, 1), (0, 3, 2, 2), (1, 2, 0, 1), (0, 5, 1, 1), (2, 3, 2, 1), (0, 5, 0, 3), (0, 6, 2, 1), (1, 6, 1, 1)]


def case(reference, name):
    return next(item for item in reference("survival") if item["id"] == name)


def data(shared, name):
    return pd.read_csv(shared / "reference" / "survival" / f"{name}.csv")


def test_kaplan_meier_and_nelson_aalen_equal_r(reference, shared):
    known = case(reference, "km_rossi")
    frame = data(shared, "rossi")
    y = survival_target(frame["week"], frame["arrest"], time_unit="week")
    curve, hazard = kaplan_meier(y), nelson_aalen(y)
    where = np.searchsorted(curve.times, known["spec"]["times"])
    want = known["expected"]
    np.testing.assert_allclose(curve.at(known["spec"]["times"]), want["surv"], rtol=known["rtol"])
    np.testing.assert_allclose(curve.std_error[where], want["std_err"], rtol=known["rtol"])
    np.testing.assert_allclose(curve.lower[where], want["lower"], rtol=known["rtol"])
    np.testing.assert_allclose(curve.upper[where], want["upper"], rtol=known["rtol"])
    np.testing.assert_allclose(hazard.at(known["spec"]["times"]), want["cumhaz_na"], rtol=known["rtol"])


def test_aalen_johansen_equals_cmprsk(reference, shared):
    known = case(reference, "cuminc_cr_sim")
    frame = data(shared, "cr_sim")
    curve = aalen_johansen(survival_target(frame["time"], frame["cause"]), variance="cmprsk")
    want, times = known["expected"], known["spec"]["times"]
    where = np.searchsorted(curve.times, times)
    np.testing.assert_allclose(curve.at(times), [want["cif1"], want["cif2"]], rtol=known["rtol"])
    np.testing.assert_allclose(curve.std_error[:, where] ** 2, [want["var1"], want["var2"]], rtol=known["rtol"])


def test_medians_by_group_equal_r(reference, shared):
    frame = data(shared, "lung")
    curves = kaplan_meier(survival_target(frame["time"], frame["status"]), groups=frame["sex"])
    assert [curves[sex].median for sex in (1, 2)] == case(reference, "rmst_lung")["expected"]["median"]
    # R survival: print(survfit(Surv(time, status) ~ sex, lung)) gives 0.95LCL and 0.95UCL 212-310 and 348-550
    middle = [curves[sex].quantile(0.5) for sex in (1, 2)]
    assert [(m.lower, m.upper) for m in middle] == [(212, 310), (348, 550)]


def test_ties_entry_and_weights_against_fractions():
    entry, duration, event, weight = columns(ROWS)
    y = survival_target(duration, event, entry=entry)
    hand = by_hand(entry, duration, event, weight)
    curve = aalen_johansen(y, sample_weight=weight)
    assert curve.times.tolist() == hand["times"]
    np.testing.assert_allclose(curve.incidence, np.array(hand["incidence"], dtype=float).T, rtol=1e-13)
    np.testing.assert_allclose(curve.survival, np.array(hand["survival"], dtype=float), rtol=1e-13)
    np.testing.assert_allclose(
        kaplan_meier(y, sample_weight=weight).survival, np.array(hand["survival"], dtype=float), rtol=1e-13
    )
    np.testing.assert_allclose(
        nelson_aalen(y, sample_weight=weight).hazard, np.array(hand["hazard"], dtype=float), rtol=1e-13
    )


def test_tied_causes_are_exact_and_never_jittered():
    """Months in which customers leave for several causes: the answer is a fraction, the same each time.

    At month marks a random breaking of ties is off by up to 12 %, and wildly so at the last month.
    """
    month = np.repeat(np.arange(1, 13), 30)
    event = np.tile(np.repeat([0, 1, 2], 10), 12)
    first = aalen_johansen(survival_target(month, event))
    hand = by_hand(np.zeros(360), month, event, np.ones(360, dtype=int))
    np.testing.assert_allclose(first.incidence, np.array(hand["incidence"], dtype=float).T, rtol=1e-13)
    order = np.random.default_rng(0).permutation(360)
    again = aalen_johansen(survival_target(month[order], event[order]))
    assert np.array_equal(first.incidence, again.incidence)
    # at the last month 20 of 30 leave; both causes alike, so each takes a third of those who are there
    before = first.survival[-2]
    np.testing.assert_allclose(first.incidence[:, -1] - first.incidence[:, -2], before / 3, rtol=1e-12)


def test_censoring_the_other_causes_overstates_an_incidence():
    entry, duration, event, weight = columns(ROWS)
    one = kaplan_meier(survival_target(duration, event == 1, entry=entry), sample_weight=weight)
    both = aalen_johansen(survival_target(duration, event, entry=entry), sample_weight=weight)
    assert 1 - one.at(6) > both.at(6)[0]


def test_a_cause_specific_hazard_censors_the_other_causes():
    y = survival_target([1, 2, 3, 4], ["a", "b", "a", None])
    np.testing.assert_allclose(nelson_aalen(y, cause="a").hazard, [1 / 4, 1 / 4, 3 / 4, 3 / 4])
    assert nelson_aalen(y, cause="a").causes == ("a",)
    both = nelson_aalen(y, cause="a").hazard + nelson_aalen(y, cause="b").hazard
    np.testing.assert_allclose(nelson_aalen(y).hazard, both)


def test_groups_are_what_each_group_alone_would_give():
    entry, duration, event, weight = columns(ROWS)
    y = survival_target(duration, event, entry=entry)
    labels = np.array(["dsl", "fibre"] * 4)
    curves = aalen_johansen(y, groups=labels, sample_weight=weight)
    assert isinstance(curves, Curves)
    assert list(curves) == ["dsl", "fibre"]
    for label in curves:
        alone = aalen_johansen(y[labels == label], sample_weight=weight[labels == label])
        assert np.array_equal(curves[label].incidence, alone.incidence)
        assert np.array_equal(curves[label].std_error, alone.std_error)


def test_groups_by_two_columns_and_by_numbers():
    y = survival_target([1, 2, 3, 4])
    frame = pd.DataFrame({"plan": ["s", "s", "m", "m"], "paper": [True, False, True, True]})
    assert list(kaplan_meier(y, groups=frame)) == [("m", True), ("s", False), ("s", True)]
    assert list(kaplan_meier(y, groups=[10, 9, 10, 9])) == [9, 10]


def test_greenwood_by_the_formula():
    curve = kaplan_meier(survival_target([1, 2, 2, 3, 4, 5], [1, 1, 0, 1, 0, 1]))
    r, d = curve.at_risk[:-1], curve.events[:-1]
    want = curve.survival[:-1] * np.sqrt(np.cumsum(d / (r * (r - d))))
    np.testing.assert_allclose(curve.std_error[:-1], want, rtol=1e-14)
    aalen = kaplan_meier(survival_target([1, 2, 2, 3, 4, 5], [1, 1, 0, 1, 0, 1]), variance="aalen")
    np.testing.assert_allclose(aalen.std_error[:-1], curve.survival[:-1] * np.sqrt(np.cumsum(d / r**2)), rtol=1e-14)


def test_where_the_curve_is_zero_there_is_no_error_and_no_nan():
    curve = kaplan_meier(survival_target([1.0, 2.0]))
    assert curve.survival.tolist() == [0.5, 0.0]
    for field in ("std_error", "lower", "upper"):
        assert np.ma.getmaskarray(getattr(curve, field)).tolist() == [False, True]
        assert curve.to_dict()[field][-1] is None
    assert curve.to_frame()["lower"].isna().tolist() == [False, True]
    assert "NaN" not in json.dumps(curve.to_dict(), allow_nan=False)


def test_one_cause_is_one_less_kaplan_meier_with_the_same_error():
    y = survival_target([1, 2, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1, 0])
    km, aj = kaplan_meier(y), aalen_johansen(y)
    np.testing.assert_allclose(aj.incidence[0], 1 - km.survival, rtol=1e-14)
    np.testing.assert_allclose(aj.std_error[0], km.std_error, rtol=1e-12)


def test_weights_that_are_not_whole_take_the_robust_variance():
    y = survival_target([1, 2, 3, 4], [1, 0, 1, 0])
    assert kaplan_meier(y, sample_weight=[1, 2, 1, 1]).variance == "greenwood"
    assert kaplan_meier(y, sample_weight=[1, 2.5, 1, 1]).variance == "robust"
    with pytest.raises(ValueError, match="use variance='robust'"):
        kaplan_meier(y, sample_weight=[1, 2.5, 1, 1], variance="greenwood")


def test_a_curve_emptied_by_late_entry_is_reported():
    y = survival_target([2, 9, 9], [1, 0, 1], entry=[0, 4, 4])
    with pytest.warns(UserWarning, match="everybody at risk at 2 left, .* 2 customers were watched later"):
        assert kaplan_meier(y).survival.tolist() == [0, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nelson_aalen(y)


def test_results_are_read_only():
    curve = kaplan_meier(survival_target([1.0, 2.0, 3.0]))
    for field in ("times", "survival", "std_error", "at_risk", "events"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(curve, field)[0] = 5


BAD = [
    ({"groups": ["a"]}, "groups has 1 rows but y has 2"),
    ({"groups": ["a", None]}, "groups must be known but 1 of 2 rows is not (first: row 1, value None)"),
    ({"groups": [["a"], ["b"]]}, "groups must be one label for each row"),
    ({"sample_weight": [1, -1]}, "sample_weight must be >= 0"),
    ({"sample_weight": [0, 0]}, "sample_weight is zero in every row"),
    ({"sample_weight": [1]}, "sample_weight has 1 rows"),
    ({"conf_level": 1}, "conf_level must be > 0 and < 1"),
    ({"conf_type": "loglog"}, "(did you mean 'log-log'?)"),
    ({"variance": "greenwod"}, "(did you mean 'greenwood'?)"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[words for _, words in BAD])
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ValueError) as error:
        kaplan_meier(survival_target([1.0, 2.0]), **options)
    assert words in str(error.value)


def test_hazards_have_no_log_log_interval_and_unknown_causes_are_named():
    y = survival_target([1, 2], ["price", None])
    with pytest.raises(ValueError, match="conf_type must be one of 'log', 'plain'"):
        nelson_aalen(y, conf_type="log-log")
    with pytest.raises(ValueError, match=r"no cause 'prise' \(did you mean 'price'\?\)"):
        nelson_aalen(y, cause="prise")
    with pytest.raises(ValueError, match="y has no rows"):
        kaplan_meier(y[:0])


def test_months_counted_in_blocks_equal_times_that_are_sorted():
    rng = np.random.default_rng(9)
    entry = rng.integers(0, 12, 150_000)
    month, event = entry + rng.integers(1, 60, 150_000), rng.integers(0, 3, 150_000)
    whole = aalen_johansen(survival_target(month, event, entry=entry))
    tenths = aalen_johansen(survival_target(month / 10, event, entry=entry / 10))
    np.testing.assert_allclose(tenths.times * 10, whole.times, rtol=1e-14)
    for field in ("incidence", "survival", "at_risk", "events", "std_error"):
        assert np.array_equal(getattr(whole, field), getattr(tenths, field)), field
    # one time that is not whole, in the last block, sends all of them to the sort
    month = month.astype(float)
    month[-1] += 0.5
    mixed = aalen_johansen(survival_target(month, event, entry=entry))
    assert mixed.at_risk[0] == whole.at_risk[0]
    assert month[-1] in mixed.times


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=30),
    st.sampled_from([kaplan_meier, nelson_aalen, aalen_johansen]),
)
@settings(max_examples=60, deadline=None)
def test_counting_while_checking_changes_no_bit(rows, curve_of):
    months, event = (np.array(column) for column in zip(*rows, strict=True))
    y = survival_target(months, event, causes=["a", "b"])
    quick, slow = curve_of(y), curve_of(y, sample_weight=np.ones(len(y)))
    for field in ("times", "std_error", "lower", "upper", "at_risk", "events"):
        assert np.ma.allequal(getattr(quick, field), getattr(slow, field))
    assert quick.causes == ("a", "b")


def test_a_pair_of_arrays_is_a_target():
    duration, left = np.array([3.0, 5.0, 5.0, 8.0]), np.array([True, True, False, True])
    known = kaplan_meier(survival_target(duration, left)).survival.tolist()
    for pair in ((duration, left), (duration.astype(int), left.astype(int)), (duration.tolist(), left.tolist())):
        assert kaplan_meier(pair).survival.tolist() == known
    assert kaplan_meier((duration + 0.5, left)).times.tolist() == [3.5, 5.5, 8.5]
    with pytest.raises(InputError, match=r"duration must be > 0 but 1 of 2 rows is not \(first: row 1, value 0.0\)"):
        kaplan_meier((np.array([1.0, 0.0]), np.array([True, True])))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("duration", 0.0, r"duration must be > 0 .* \(first: row 9000, value 0.0\)"),
        ("duration", -1.0, r"duration must be > 0 .* \(first: row 9000, value -1.0\)"),
        ("duration", np.nan, r"duration must be .* \(first: row 9000, value nan\)"),
        ("duration", np.inf, r"duration must be .* \(first: row 9000, value inf\)"),
        ("event", 2, r"event must be a code from 0 to 1 .* \(first: row 9000, value 2\)"),
        ("event", -1, r"event must be a code from 0 to 1 .* \(first: row 9000, value -1\)"),
        ("entry", 7.0, r"entry must be < duration .* \(first: row 9000, value 7.0\)"),
        ("entry", np.nan, "entry must be finite"),
    ],
)
def test_what_is_wrong_with_a_target_is_still_named(field, value, words):
    y = survival_target(np.full(9001, 5.0), np.ones(9001, dtype=int))
    y[field][9000] = value
    with pytest.raises(InputError, match=words):
        kaplan_meier(y)


def test_long_durations_and_late_entries_take_the_other_way():
    y = survival_target([3000, 2049, 7], [1, 0, 1])
    assert kaplan_meier(y).times.tolist() == [7, 2049, 3000]
    late = survival_target([5, 6, 7], [0, 1, 1], entry=[0, 5, 5])
    assert kaplan_meier(late).at_risk.tolist() == [1, 2, 1]


def test_weights_of_another_length_are_measured_against_the_target():
    with pytest.raises(InputError, match="sample_weight has 2 rows but y has 3"):
        kaplan_meier([1.0, 2.0, 3.0], sample_weight=[1.0, 2.0])
