"""The feature dictionary: complete, unique, and helpful with wrong names."""

from __future__ import annotations

import pytest

from custval import InputError
from custval._cdr.feature import COSTS
from custval._cdr.schema import COLUMNS
from custval.cdr import Feature, features


def test_names_are_unique_and_every_feature_says_what_it_is():
    known = features()
    assert len(set(known.names)) == len(known) >= 200
    assert len(features(windows=(30,))) >= 120  # without counting a window twice
    assert {feature.cost for feature in known.features} == set(COSTS)
    assert all(feature.unit and feature.formula and feature.group for feature in known.features)
    assert all(set(feature.columns) <= set(COLUMNS[feature.table]) for feature in known.features)
    further = [(table, columns) for feature in known.features for table, columns in feature.also]
    assert all(set(columns) <= set(COLUMNS[table]) for table, columns in further)


def test_windows_stand_in_the_names():
    assert "calls_out_7d" in features(windows=(7,)).names
    assert "calls_out_30d" not in features(windows=(7,)).names


def test_lookup_suggests_the_nearest():
    assert isinstance(features()["tenure_months"], Feature)
    with pytest.raises(KeyError, match="did you mean 'tenure_months'"):
        features()["tenure_month"]


def test_dictionary_becomes_json_and_a_frame():
    known = features()
    assert known.to_dict()["features"][0]["name"] == "region"
    assert list(known.to_frame().columns) == ["name", "group", "unit", "formula", "table", "cost"]


@pytest.mark.parametrize("windows", [(), (0,), (30, 30), (1.5,), (4000,), (True,)])
def test_impossible_windows_are_refused(windows):
    with pytest.raises(InputError, match="windows must be different whole numbers of days from 1 to 3660"):
        features(windows=windows)
