"""Perceived value and Cronbach's alpha: by hand, Feldt's interval in simulation, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.segments import cronbach_alpha, perceived_value

RNG = np.random.default_rng(17)


def answers(n, k, noise, rng=RNG):
    return rng.normal(size=(n, 1)) + noise * rng.normal(size=(n, k))


def test_alpha_by_its_formula():
    table = answers(80, 5, 1.0)
    found = cronbach_alpha(table)
    expected = 5 / 4 * (1 - table.var(axis=0, ddof=1).sum() / table.sum(axis=1).var(ddof=1))
    assert float(found) == pytest.approx(expected)
    for k in range(5):
        assert found.alpha_without[k] == pytest.approx(float(cronbach_alpha(np.delete(table, k, 1))))
    stranger = np.column_stack([table, RNG.normal(size=80)])
    assert cronbach_alpha(stranger).alpha_without[5] > cronbach_alpha(stranger).alpha
    assert cronbach_alpha(table[:, :2]).alpha_without == (None, None)


def test_feldts_interval_covers_the_truth():
    rng = np.random.default_rng(1)
    truth = 4 / (4 + 1.5**2)  # k rho / (1 + (k - 1) rho) with rho = 1 / (1 + 1.5^2)
    found = [cronbach_alpha(answers(60, 4, 1.5, rng)) for _ in range(400)]
    assert 0.91 <= np.mean([f.lower <= truth <= f.upper for f in found]) <= 0.983


def test_the_index_by_hand():
    survey = {"a": [5.0, 1.0, 3.0], "b": [4.0, 2.0, 3.0], "c": [2.0, 5.0, 1.0]}
    found = perceived_value(survey, benefits={"a": 3.0, "b": 1.0}, costs=["c"], scale=(1, 5))
    benefit = (3 * (np.array(survey["a"]) - 1) / 4 + (np.array(survey["b"]) - 1) / 4) / 4
    np.testing.assert_allclose(found.benefit, benefit)
    np.testing.assert_allclose(found.index, benefit - (np.array(survey["c"]) - 1) / 4)
    assert found.cost_reliability is None
    assert found.std_error is None
    free = perceived_value({"a": [0.0, 50.0, 100.0], "c": [1.0, 2.0, 3.0]}, benefits=["a"], costs=["c"])
    np.testing.assert_allclose(free.index, 0.0)
    assert len(free.to_frame()) == 3


def test_answers_that_do_not_belong_together_are_said():
    survey = {name: RNG.normal(size=200) for name in "abcd"}
    with pytest.warns(DataWarning, match=r"the answers on .* hardly belong together \(Cronbach's alpha"):
        found = perceived_value(survey, benefits=["a", "b"], costs=["c", "d"])
    assert found.std_error > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cronbach_alpha([[1.0], [2.0]]), r"one answer has no reliability"),
        (lambda: cronbach_alpha([[1.0, 2.0], [1.0, 2.0]]), r"same for everybody"),
        (lambda: cronbach_alpha([[1.0, np.nan], [1.0, 2.0]]), r"answers must be finite"),
        (lambda: cronbach_alpha([[1.0, 2.0], [1.0, 3.0]], items=["a"]), r"items has 1 names"),
        (lambda: perceived_value({"a": [1.0]}, benefits="a", costs=["a"]), r"benefits must be names of columns"),
        (lambda: perceived_value({"a": [1.0, 2.0]}, benefits=["a"], costs=["z"]), r"there is no column 'z'"),
        (lambda: perceived_value({"a": [1.0, 1.0]}, benefits=["a"], costs=["a"]), r"column 'a' is constant \(1\)"),
        (
            lambda: perceived_value({"a": [1.0, 9.0]}, benefits=["a"], costs=["a"], scale=(1, 5)),
            r"column 'a' must be an answer from 1 to 5 .*row 1, value 9",
        ),
        (
            lambda: perceived_value({"a": [1.0, 2.0]}, benefits={"a": 0.0}, costs=["a"]),
            r"weights of benefits must be > 0",
        ),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_scale_goes_from_the_lowest_to_the_highest_answer():
    with pytest.raises(InputError, match="scale must be the lowest and the highest"):
        perceived_value({"a": [1, 5], "b": [2, 4]}, benefits=("b",), costs=("a",), scale=(5, 1))
