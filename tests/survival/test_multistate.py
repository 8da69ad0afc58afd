"""State occupation, transition probabilities, the Markov test, second lives and recurrent events."""

from __future__ import annotations

import numpy as np
import pytest
from tests.survival.aft_cases import numbers

from custval import DataWarning, InputError
from custval.survival import (
    CoxPH,
    aalen_johansen,
    kaplan_meier,
    markov_test,
    mean_cumulative_function,
    multistate,
    recurrent_rows,
    survival_target,
)

KNOWN = numbers("multistate")
NAMES = np.array([*KNOWN["states"]], dtype=object)


def r_spells():
    told = {name: np.array(values) for name, values in KNOWN["spells"].items()}
    nexts = np.array([None, *KNOWN["states"]], dtype=object)[told["next_"].astype(int)]
    return {
        "customer": told["customer"],
        "start": told["start"],
        "end": told["end"],
        "state": NAMES[told["state"].astype(int) - 1],
        "next": nexts,
    }


def lives(n=400, seed=0, memory=False):
    """Return spells of customers who are active, lost, and won back."""
    rng = np.random.default_rng(seed)
    first = rng.exponential(10, n)
    second = rng.exponential(np.where(first > 8, 25, 3) if memory else 8, n)
    third = rng.exponential(12, n)
    end = rng.uniform(5, 40, n)
    rows = []
    for i in range(n):
        at = 0.0
        for stay, state, to in (
            (first[i], "active", "lost"),
            (second[i], "lost", "won back"),
            (third[i], "won back", "gone"),
        ):
            stop = min(at + stay, end[i])
            rows.append((i, at, stop, state, to if at + stay < end[i] else None))
            at = stop
            if at >= end[i]:
                break
    return dict(zip(("customer", "start", "end", "state", "next"), map(list, zip(*rows, strict=True)), strict=True))


def test_equals_r():
    curves = multistate(r_spells())
    order = [curves.states.index(name) for name in KNOWN["order"]]
    at, S = KNOWN["at"], len(order)
    assert curves.at(at)[:, order].ravel() == pytest.approx(KNOWN["pstate"], rel=1e-9, abs=1e-12)
    place = np.searchsorted(curves.times, at, side="right") - 1
    assert curves.std_error[place][:, order].ravel() == pytest.approx(KNOWN["std_err"], rel=1e-7, abs=1e-10)
    assert curves.occupation.sum(axis=1) == pytest.approx(1.0)
    assert S == 4


def test_errors_are_those_of_a_bootstrap():
    spells = lives(150)
    curves = multistate(spells)
    probability = curves.transition_probabilities(4, 15)
    assert curves.transition_probabilities(0, 15).probability[0] == pytest.approx(curves.at([15])[0])
    rng = np.random.default_rng(1)
    table = {name: np.array(values, dtype=object) for name, values in spells.items()}
    mine = [np.flatnonzero(table["customer"] == i) for i in range(150)]
    told, occupied = [], []
    for _ in range(150):
        drawn = rng.integers(0, 150, 150)
        rows = np.concatenate([mine[i] for i in drawn])
        again = {name: values[rows] for name, values in table.items()}
        again["customer"] = np.repeat(np.arange(150), [len(mine[i]) for i in drawn])
        boot = multistate(again)
        order = [boot.states.index(name) for name in curves.states]
        told.append(boot.transition_probabilities(4, 15).probability[np.ix_(order, order)][:2])
        occupied.append(boot.at([15])[0][order])
    assert probability.std_error[:2] == pytest.approx(np.std(told, axis=0), rel=0.25, abs=0.004)
    place = np.searchsorted(curves.times, 15, side="right") - 1
    assert curves.std_error[place] == pytest.approx(np.std(occupied, axis=0), rel=0.25)


def test_two_states_are_kaplan_meier_and_competing_causes_aalen_johansen():
    rng = np.random.default_rng(2)
    time, cause = np.ceil(rng.exponential(8, 200)), rng.integers(0, 3, 200)
    nexts = np.array([None, "price", "moved"], dtype=object)[cause]
    spells = {"customer": np.arange(200), "start": np.zeros(200), "end": time, "state": ["in"] * 200, "next": nexts}
    curves = multistate(spells)
    y = survival_target(time, cause, causes=["price", "moved"])
    at = [2, 5, 9]
    assert curves.at(at)[:, 0] == pytest.approx([kaplan_meier(y).at(t) for t in at])
    wanted = np.array([aalen_johansen(y).at(t) for t in at])
    assert curves.at(at)[:, [curves.states.index("price"), curves.states.index("moved")]] == pytest.approx(wanted)
    robust = kaplan_meier(y, variance="robust")
    place = np.searchsorted(curves.times, at, side="right") - 1
    theirs = np.searchsorted(robust.times, at, side="right") - 1
    assert curves.std_error[place, 0] == pytest.approx(np.asarray(robust.std_error)[theirs], rel=1e-9)
    greenwood = kaplan_meier(y)
    told = [curves.transition_probabilities(0, t).std_error[0, 0] for t in at]
    assert told == pytest.approx(np.asarray(greenwood.std_error)[theirs], rel=1e-9)


def test_second_lives():
    curves = multistate(lives(3000, seed=3))
    assert curves.sojourn("lost").at(8)[0] == pytest.approx(1 - np.exp(-1), abs=0.03)  # won back within 8
    assert curves.stay("won back").at(12) == pytest.approx(np.exp(-1), abs=0.04)
    assert curves.expected_time(20).sum() == pytest.approx(20)
    assert list(curves.to_frame().columns) == ["time", "state", "occupation", "std_error", "at_risk"]
    frame = curves.transition_probabilities(0, 5).to_frame()
    assert frame.sum(axis=1).tolist() == pytest.approx([1.0] * 4)
    with pytest.raises(InputError, match=r"there is no state 'losst' \(did you mean 'lost'\?\)"):
        curves.stay("losst")


def test_the_markov_test_holds_its_level_and_finds_memory():
    p = [markov_test(lives(150, seed=s)).p_value for s in range(40)]
    assert np.mean([np.min(one) < 0.05 / len(one) for one in p]) < 0.2
    found = markov_test(lives(600, seed=1, memory=True))
    back = (found.from_state == "lost") & (found.to_state == "won back")
    assert found.p_value[back][0] < 1e-4
    assert found.adjusted.min() >= found.p_value.min()


def test_recurrent_events_equal_r():
    told = KNOWN["recurrent"]
    mean = mean_cumulative_function(told["follow_up"], told["customer"], told["time"])
    place = np.searchsorted(mean.times, told["at"], side="right") - 1
    assert mean.mean[place] == pytest.approx(told["mean"], rel=1e-9)
    assert mean.std_error[place] == pytest.approx(told["std_error"], rel=1e-7)
    assert mean.at(told["at"]) == pytest.approx(told["mean"])
    X = (np.arange(1, 41) % 3).astype(float)[:, None]
    rows = recurrent_rows(told["follow_up"], told["customer"], told["time"])
    ag = CoxPH().fit(X[rows.customer], rows.y, cluster=rows.customer)
    assert [*ag.coef_, *ag.robust_std_error_] == pytest.approx(told["ag"], rel=1e-6)
    with pytest.warns(DataWarning, match="strata have no departures"):
        pwp = CoxPH().fit(X[rows.customer], rows.y, strata=rows.order, cluster=rows.customer)
    assert [*pwp.coef_, *pwp.robust_std_error_] == pytest.approx(told["pwp"], rel=1e-6)
    gap = recurrent_rows(told["follow_up"], told["customer"], told["time"], clock="reset")
    with pytest.warns(DataWarning, match="strata have no departures"):
        model = CoxPH().fit(X[gap.customer], gap.y, strata=gap.order, cluster=gap.customer)
    assert [*model.coef_, *model.robust_std_error_] == pytest.approx(told["gap"], rel=1e-6)


def test_bad_spells_are_named():
    good = {"customer": [1, 1], "start": [0, 4], "end": [4, 9], "state": ["a", "b"], "next": ["b", None]}
    with pytest.raises(InputError, match=r"overlap in 1 places \(first: row 1 begins at 3, before row 0 ends at 4"):
        multistate({**good, "start": [0, 3]})
    with pytest.raises(InputError, match="end must come after start but 1 of 2 rows is not"):
        multistate({**good, "end": [4, 4]})
    with pytest.raises(InputError, match="1 spells go on in another state than their row says"):
        multistate({**good, "next": ["c", None]})
    with pytest.raises(InputError, match="next must differ from state"):
        multistate({**good, "next": ["a", None]})
    with pytest.raises(InputError, match="there is no column 'state'"):
        multistate({"customer": [1], "start": [0], "end": [1], "next": [None]})
    with pytest.raises(InputError, match="nobody was seen to leave the state 'b'"):
        multistate(good).sojourn("b")
    with pytest.raises(InputError, match="customer must be a row of follow_up, 0 to 1"):
        mean_cumulative_function([3, 4], [2], [1])
    with pytest.raises(InputError, match="time must lie within the time the customer was watched"):
        mean_cumulative_function([3, 4], [1], [5])
    with pytest.raises(InputError, match="time must differ between events of a customer"):
        recurrent_rows([3, 4], [1, 1], [2, 2])


def test_nothing_is_told_past_the_last_look():
    curves = multistate({"customer": [1, 1], "start": [0, 4], "end": [4, 9], "state": ["a", "b"], "next": ["b", None]})
    assert curves.at([9]).tolist() == [[0.0, 1.0]]
    assert curves.expected_time(9).tolist() == [4.0, 5.0]
    for ask in (curves.at, curves.expected_time, lambda end: curves.transition_probabilities(0, end)):
        with pytest.raises(InputError, match="nobody was watched past 9 months, so the curve is not known at 12"):
            ask(12)
    mean = mean_cumulative_function([3, 4], [1], [2])
    assert mean.at(4) == 0.5
    with pytest.raises(InputError, match=r"past 4 months, so the curve is not known at 5; ask for times up to 4$"):
        mean.at(5)
