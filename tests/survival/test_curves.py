"""Reading a curve: at a time, past its end, at a level, by group, as a frame and as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from custval.survival import aalen_johansen, kaplan_meier, nelson_aalen, survival_target

Y = survival_target([2, 4, 4, 6, 8, 8], [1, 1, 0, 2, 0, 0], causes=("price", "debt"))
KM, NA, AJ = kaplan_meier(Y), nelson_aalen(Y), aalen_johansen(Y)


def test_a_curve_is_a_right_continuous_step():
    assert KM.at([0, 1.99, 2, 3, 4, 8]) == pytest.approx([1, 1, 5 / 6, 5 / 6, 2 / 3, 4 / 9])
    assert NA.at([0, 2, 4]) == pytest.approx([0, 1 / 6, 1 / 6 + 1 / 5])
    assert AJ.at([0, 2, 6]).tolist() == pytest.approx(np.array([[0, 1 / 6, 1 / 3], [0, 0, 2 / 9]]))


def test_one_time_gives_one_number_and_causes_stay_apart():
    assert isinstance(KM.at(3), float)
    assert isinstance(NA.at(3), float)
    assert AJ.at(3).shape == (2,)
    assert AJ.at([3, 4, 5]).shape == (2, 3)


@pytest.mark.parametrize("curve", [KM, NA, AJ])
def test_past_the_last_time_the_curve_is_not_known(curve):
    with pytest.raises(ValueError, match=r"nobody was watched past 8 months, .* at 12; .* name a method in tail"):
        curve.at([3, 12])
    with pytest.raises(ValueError, match=r"times must be >= 0, not -1\.0"):
        curve.at(-1)
    with pytest.raises(ValueError, match="times must be >= 0, not nan"):
        curve.at(np.nan)


def test_tails_go_on_as_named():
    end = 4 / 9
    assert KM.at([8, 16], tail="hold") == pytest.approx([end, end])
    assert KM.at([8, 16], tail="zero") == pytest.approx([end, 0])
    assert KM.at([4, 8, 16], tail="exponential") == pytest.approx([2 / 3, end, end**2])
    assert NA.at(16, tail="exponential") == pytest.approx(2 * NA.hazard[-1])
    assert NA.at(16, tail="hold") == NA.hazard[-1]
    assert AJ.at(16, tail="hold").tolist() == AJ.incidence[:, -1].tolist()
    with pytest.raises(ValueError, match="tail must be one of None, 'hold'"):
        AJ.at(16, tail="zero")


def test_a_curve_that_reached_zero_stays_there():
    y = survival_target([1.0, 2.0])
    assert kaplan_meier(y).at(100) == 0
    assert aalen_johansen(y).at(100).tolist() == [1]


def test_median_is_where_the_curve_is_at_or_below_a_half():
    curve = kaplan_meier(survival_target([1, 2, 3, 4, 5]))
    assert curve.median == 3
    # exactly one half over the step from 2 to 3: its middle, as in R
    assert kaplan_meier(survival_target([1, 2, 3, 4])).median == 2.5
    assert kaplan_meier(survival_target([1, 2, 3, 4], [1, 1, 0, 0])).median == 3.0


def test_a_level_that_is_not_reached_is_infinite():
    found = KM.quantile(0.9)
    assert (found.time, found.upper) == (np.inf, np.inf)
    assert found.to_dict()["time"] == "inf"
    assert KM.quantile(0.1).time == 2
    assert KM.quantile(0.3).share == pytest.approx(0.3)
    with pytest.raises(ValueError, match="share must be > 0 and < 1"):
        KM.quantile(1)


def test_the_interval_of_a_quantile_is_where_the_bounds_cross():
    rng = np.random.default_rng(2)
    curve = kaplan_meier(survival_target(rng.exponential(10, 80)))
    middle = curve.quantile(0.5)
    assert middle.lower == curve.times[np.flatnonzero(np.ma.filled(curve.lower, 0) <= 0.5)[0]]
    assert middle.upper == curve.times[np.flatnonzero(np.ma.filled(curve.upper, 1) <= 0.5)[0]]
    assert middle.lower <= middle.time <= middle.upper


def test_groups_are_read_by_name():
    curves = kaplan_meier(Y, groups=["fibre", "dsl"] * 3)
    assert len(curves) == 2
    assert "fibre" in curves
    assert curves.keys() == curves.groups == ("dsl", "fibre")
    assert curves.at(4) == {"dsl": curves["dsl"].at(4), "fibre": curves["fibre"].at(4)}
    assert [label for label, _ in curves.items()] == list(curves)
    assert curves.values()[1] is curves["fibre"]
    with pytest.raises(ValueError, match=r"no group 'fiber' \(did you mean 'fibre'\?\); the groups are dsl, fibre"):
        curves["fiber"]


def test_frames_and_json():
    assert KM.to_frame().columns.tolist() == ["time", "survival", "std_error", "lower", "upper", "events", "at_risk"]
    assert NA.to_frame()["hazard"].tolist() == NA.hazard.tolist()
    long = AJ.to_frame()
    assert long["cause"].tolist() == ["price"] * 4 + ["debt"] * 4
    assert long["incidence"].tolist() == AJ.incidence.ravel().tolist()
    grouped = kaplan_meier(Y, groups=["fibre", "dsl"] * 3)
    assert grouped.to_frame()["group"].unique().tolist() == ["dsl", "fibre"]
    assert sorted(json.loads(json.dumps(grouped.to_dict()))) == ["dsl", "fibre"]
    assert json.loads(json.dumps(AJ.to_dict()))["causes"] == ["price", "debt"]
    assert "<table" in KM._repr_html_()
    assert "<table" in grouped._repr_html_()


def test_names_and_units_travel_into_the_curve():
    y = survival_target([1, 2], ["price", None], time_unit="week")
    curve = kaplan_meier(y)
    assert (curve.time_unit, curve.causes, curve.kind, curve.conf_level) == ("week", ("price",), "survival", 0.95)
    with pytest.raises(ValueError, match="past 2 weeks"):
        curve.at(3)
