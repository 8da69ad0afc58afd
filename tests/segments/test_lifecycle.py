"""Stages by hand, two-month hysteresis, slopes with errors, hazards by stage; bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.segments import lifecycle_stage, settled_stages, stage_hazards, usage_slope

RNG = np.random.default_rng(2)


def test_the_first_rule_that_fits_counts():
    table = pd.DataFrame(
        [
            ("lost", 40, 0.0, 0.0, 0, 1, 0, np.nan),
            ("lost", 40, 0.0, 0.0, 3, 0, 0, np.nan),
            ("silent", 40, 0.1, 0.0, 1, 0, 0, np.nan),
            ("win-back", 1, -0.5, 0.0, 0, 0, 1, np.nan),
            ("acquire", 1, -0.5, 0.0, 0, 0, 0, np.nan),
            ("mature", 3, 0.0, 0.0, 0, 0, 1, np.nan),
            ("decline", 40, -0.1, 0.05, 0, 0, 0, np.nan),
            ("mature", 40, -0.1, 0.09, 0, 0, 0, np.nan),  # not clear of its error
            ("mature", 40, -0.01, 0.0, 0, 0, 0, np.nan),  # clear and small
            ("decline", 40, -0.01, 0.0, 0, 0, 0, 2.0),  # small, and the contract ends
            ("grow", 40, 0.1, 0.05, 0, 0, 0, 12.0),
            ("mature", 40, 0.1, 0.09, 0, 0, 0, 12.0),
        ],
        columns=[
            "expected", "tenure_months", "slope", "slope_std_error", "months_since_last", "left", "returned",
            "months_to_end",
        ],
    )  # fmt: skip
    found = lifecycle_stage(table)
    assert found.label().tolist() == table["expected"].tolist()
    assert found.to_frame()["customers"].sum() == len(table)
    assert lifecycle_stage(table, least_slope=0.005).label()[8] == "decline"
    assert lifecycle_stage(table, acquire_months=0).label()[4] == "decline"


def test_a_change_holds_after_two_months_and_facts_at_once():
    months = [
        {"tenure_months": [9] * 3, "slope": [0.0, 0.0, 0.0], "months_since_last": [0, 0, 0]},
        {"tenure_months": [10] * 3, "slope": [-0.2, -0.2, 0.0], "months_since_last": [0, 0, 2]},
        {"tenure_months": [11] * 3, "slope": [-0.2, 0.0, 0.2], "months_since_last": [0, 0, 0]},
    ]
    held, previous = [], None
    for month in months:
        given = {} if previous is None else {"previous": previous.stage, "proposed": previous.proposed}
        previous = lifecycle_stage(month, **given)
        held.append(previous.label().tolist())
    assert held == [["mature"] * 3, ["mature", "mature", "silent"], ["decline", "mature", "grow"]]
    proposed = np.array([lifecycle_stage(month).stage for month in months]).T
    np.testing.assert_array_equal(settled_stages(proposed)[:, -1], previous.stage)


def test_settled_panels():
    panel = RNG.integers(1, 4, (200, 12))
    held = settled_stages(panel)
    np.testing.assert_array_equal(settled_stages(panel, months=1), panel)
    np.testing.assert_array_equal(settled_stages(held, months=1), held)
    assert (np.diff(held, axis=1) != 0).sum() < (np.diff(panel, axis=1) != 0).sum()
    three = settled_stages([[1, 2, 2, 2, 1, 1, 2]], months=3)
    assert three.tolist() == [[1, 1, 1, 2, 2, 2, 2]]


def test_slopes_are_those_of_least_squares():
    usage = RNG.gamma(2, 10, (6, 8))
    found = usage_slope(usage)
    time = np.arange(8.0)
    for i in range(6):
        design = np.column_stack([np.ones(8), time])
        coef, residual, *_ = np.linalg.lstsq(design, usage[i], rcond=None)
        error = np.sqrt(residual[0] / 6 * np.linalg.inv(design.T @ design)[1, 1])
        assert found.slope[i] == pytest.approx(coef[1] / usage[i].mean(), rel=1e-9)
        assert found.std_error[i] == pytest.approx(error / usage[i].mean(), rel=1e-9)
    assert usage_slope(np.zeros((1, 4))).slope.tolist() == [0.0]


def test_hazards_by_stage_and_cause_and_from_counts():
    stage = RNG.integers(0, 3, 500)
    left = (RNG.random((500, 2)) < 0.05) * np.array([[1, 0]])
    left[:, 1] = (RNG.random(500) < 0.1) & (left[:, 0] == 0)
    names = ("grow", "mature", "decline")
    found = stage_hazards(stage, left, names=names, causes=("price", "debt"))
    for s in range(3):
        assert found.hazard[s] == pytest.approx(left[stage == s].sum() / (stage == s).sum())
        assert found.hazard_by_cause[1, s] == pytest.approx(left[stage == s, 1].mean())
    assert (found.lower <= found.hazard).all()
    np.testing.assert_allclose(found.hazard_by_cause.sum(axis=0), found.hazard)
    counts = np.array([left[stage == s].sum(axis=0) for s in range(3)])
    same = stage_hazards(names, counts, names=names, causes=("price", "debt"), at_risk=np.bincount(stage))
    pd.testing.assert_frame_equal(found.to_frame(), same.to_frame())
    empty = stage_hazards(["a"], [0], names=("a", "b"))
    assert (empty.hazard[1], empty.lower[1], empty.upper[1], empty.ratio) == (0.0, 0.0, 1.0, (None, None))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lifecycle_stage({"slope": [0.0]}), r"there is no column 'tenure_months'"),
        (lambda: lifecycle_stage(np.ones((2, 2))), r"X must have named columns"),
        (lambda: lifecycle_stage({"tenure_months": [-1.0]}), r"column 'tenure_months' must be >= 0"),
        (lambda: lifecycle_stage({"tenure_months": [1.0], "slope": [np.nan]}), r"column 'slope' must be finite"),
        (lambda: lifecycle_stage({"tenure_months": [1.0]}, lost_months=1.0), r"lost_months must be > 1"),
        (lambda: lifecycle_stage({"tenure_months": [1.0]}, previous=[2]), r"previous and proposed, both"),
        (
            lambda: lifecycle_stage({"tenure_months": [1.0]}, previous=[9], proposed=[1]),
            r"previous must be a code from 0 to 6",
        ),
        (lambda: settled_stages([[0, 9]]), r"codes must be codes from 0 to 6"),
        (lambda: settled_stages([[0, 1]], at_once=("gone",)), r"at_once names 'gone', which is no stage"),
        (lambda: usage_slope([[1.0, 2.0]]), r"usage has 2 months; a slope with an error needs at least 3"),
        (lambda: usage_slope([[1.0, 2.0, -1.0]]), r"usage must be >= 0"),
        (lambda: stage_hazards(["a"], [2]), r"departures of a row must be at most its customers at risk"),
        (lambda: stage_hazards(["a", "x"], [0, 0], names=("a", "b")), r"unknown stage \(first: row 1, 'x'"),
        (lambda: stage_hazards(["a", None], [0, 0]), r"stage is missing in 1 of 2 rows \(first: row 1\)"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_months_to_the_end_of_a_contract_that_are_missing_or_text():
    for none in (None, np.nan, pd.NA):
        contract = np.array([none, 2], dtype=object)
        found = lifecycle_stage({"tenure_months": [40, 40], "slope": [-0.01, -0.01], "months_to_end": contract})
        assert found.label().tolist() == ["mature", "decline"]
    with pytest.raises(InputError, match=r"column 'months_to_end' must hold numbers; row 0 holds 'none'"):
        lifecycle_stage({"tenure_months": [40], "months_to_end": ["none"]})


@pytest.mark.parametrize(
    ("stage", "at_risk", "message"),
    [
        ([], None, "stage is empty; at least one customer-month"),
        (["a"], [0], "at_risk is zero in every row"),
        (["a"], [-1], "at_risk must be >= 0"),
        (["a"], [1, 1], "at_risk has 2"),
    ],
)
def test_hazards_of_nobody(stage, at_risk, message):
    with pytest.raises(InputError, match=message):
        stage_hazards(stage, np.zeros(len(stage)), at_risk=at_risk)


@pytest.mark.parametrize("months", [3, 6])
def test_a_slope_of_few_months_is_as_clear_as_the_level_says(months):
    n = 20_000
    slope = usage_slope(100 + np.random.default_rng(months).normal(0, 5, (n, months)))
    assert slope.months == months
    table = {"tenure_months": np.full(n, 40), "slope": slope.slope, "slope_std_error": slope.std_error}
    moving = {}
    for known in ({}, {"slope_months": np.full(n, months)}):
        found = lifecycle_stage(table | known, least_slope=0.0).to_frame().set_index("stage")["share"]
        moving[bool(known)] = found["grow"] + found["decline"]
    assert moving[True] == pytest.approx(0.2, abs=0.012)
    assert moving[False] > 0.24  # the normal interval forgets that the error is an estimate
    with pytest.raises(InputError, match=r"column 'slope_months' must be >= 3"):
        lifecycle_stage({"tenure_months": [4], "slope": [0.1], "slope_std_error": [0.1], "slope_months": [2]})


def test_causes_of_hazards_are_named_by_the_columns_of_a_frame():
    left = pd.DataFrame({"price": [0, 1], "debt": [1, 0]})
    assert stage_hazards(["a", "b"], left).causes == ("price", "debt")
