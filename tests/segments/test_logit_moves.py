"""Moves by columns: recovered in simulation, equal to scikit-learn and to shares, weights, separation, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import ConvergenceWarning, InputError
from custval.segments import MigrationModel

RNG = np.random.default_rng(19)
TRUE = {
    "basic": np.array([[0.0, 0.0, 0.0], [-2.0, 0.8, 0.0], [-2.5, 0.0, 0.6]]),  # stays, gold, left
    "gold": np.array([[-1.5, -0.5, 0.0], [0.0, 0.0, 0.0], [-3.0, 0.0, 0.9]]),
}
STATES = ("basic", "gold", "left")


def world(n, rng):
    x = rng.normal(size=(n, 2))
    origin = np.array(["basic", "gold"])[rng.integers(0, 2, n)]
    score = np.einsum("np,nsp->ns", np.column_stack([np.ones(n), x]), np.array([TRUE[name] for name in origin]))
    score += rng.gumbel(size=score.shape)
    return x, origin, np.array(STATES)[score.argmax(axis=1)]


def test_coefficients_are_recovered_with_honest_errors():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(120):
        x, origin, end = world(1500, rng)
        found.append(MigrationModel().fit(x, end, origin=origin))
    truth = np.array([TRUE["basic"], TRUE["gold"]])
    assert found[0].states_ == STATES
    free = truth != 0
    free[:, :, 1:] |= truth[:, :, :1] != 0  # zero effects of free rows are estimated too
    coef, error = (np.array([getattr(one, name) for one in found]) for name in ("coef_", "std_error_"))
    np.testing.assert_allclose(coef.mean(axis=0)[free], truth[free], atol=0.12)
    np.testing.assert_allclose(error.mean(axis=0)[free], coef.std(axis=0)[free], rtol=0.3)
    inside = (np.abs(coef - truth) <= 1.96 * error).mean(axis=0)[free]
    assert inside.mean() > 0.93
    assert not coef[:, 0, 0].any()


def test_equal_to_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    x, origin, end = world(3000, RNG)
    model = MigrationModel(tol=1e-12).fit(x, end, origin=origin)
    for name in ("basic", "gold"):
        rows = origin == name
        peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=5000).fit(x[rows], end[rows])
        ours = model.predict_proba(x[:50], origin=[name] * 50)
        np.testing.assert_allclose(ours, peer.predict_proba(x[:50]), atol=1e-5)
    assert model.log_likelihood_ > model.log_likelihood_null_


def test_one_group_gives_the_shares_of_the_matrix():
    origin = np.repeat(["a", "b"], 100)
    end = np.concatenate([np.repeat(["a", "b", "x"], [70, 20, 10]), np.repeat(["a", "b"], [30, 70])])
    group = np.tile([0, 1], 100)
    model = MigrationModel().fit({"group": group}, end, origin=origin)
    for name, columns in (("a", "abx"), ("b", "ab")):
        for g in (0, 1):
            mine = end[(origin == name) & (group == g)]
            chance = model.predict_proba({"group": [g]}, origin=[name])[0]
            for k, state in enumerate(model.states_):
                expected = (mine == state).mean() if state in columns else 0.0
                assert chance[k] == pytest.approx(expected, abs=1e-6)
    matrix = model.transition_matrix({"group": [0, 1]})
    assert matrix.shape == (2, 2, 3)
    np.testing.assert_allclose(matrix.sum(axis=2), 1.0)


def test_weights_are_copies_and_frames_are_arrays():
    x, origin, end = world(400, RNG)
    weight = RNG.integers(0, 3, 400)
    one = MigrationModel(l2=1.0).fit(x, end, origin=origin, sample_weight=weight)
    two = MigrationModel(l2=1.0).fit(
        np.repeat(x, weight, axis=0), np.repeat(end, weight), origin=np.repeat(origin, weight)
    )
    np.testing.assert_allclose(one.coef_, two.coef_, rtol=1e-6, atol=1e-8)
    frame = pd.DataFrame(x, columns=["a", "b"])
    named = MigrationModel(l2=1.0).fit(frame, end, origin=origin)
    assert named.feature_names_out_ == ["a", "b"]
    assert set(named.state(frame, origin=origin)) <= set(STATES)


def test_a_column_that_foretells_a_move_is_named():
    x = np.r_[np.zeros(50), np.ones(50)]
    end = np.where(x > 0, "b", "a")
    with pytest.warns(ConvergenceWarning, match=r"no finite optimum in 50 steps: .* set l2 > 0"):
        MigrationModel().fit({"sure": x}, end)
    model = MigrationModel(l2=0.5).fit({"sure": x}, end)
    assert np.isfinite(model.std_error_).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MigrationModel().fit([[1.0]], None), r"requires y to be passed"),
        (lambda: MigrationModel().fit([[1.0], [2.0]], ["a"]), r"y has 1 rows but X has 2"),
        (lambda: MigrationModel().fit([[1.0]], [None]), r"state is missing"),
        (lambda: MigrationModel(l2=-1.0).fit([[1.0]], ["a"]), r"l2 must be >= 0"),
        (lambda: MigrationModel().fit([[1.0]], ["a"], origin=["a", "b"]), r"origin has 2 rows"),
        (
            lambda: MigrationModel().fit([[1.0], [2.0]], ["a", "a"], origin=["a", "b"]).predict([[1.0]]),
            r"origin is needed: the state at the start, one of a, b",
        ),
        (
            lambda: MigrationModel().fit([[1.0]], ["a"], origin=["a"]).predict([[1.0]], origin=["c"]),
            r"unknown state \(first: row 0, 'c'",
        ),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_start_whose_rows_weigh_nothing_is_no_start():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(60, 1)), np.array(["a", "b"])[rng.integers(0, 2, 60)]
    origin = np.repeat(["a", "b", "c"], 20)
    weight = np.where(origin == "a", 0.0, 1.0)
    found = MigrationModel().fit(X, y, origin=origin, sample_weight=weight)
    plain = MigrationModel().fit(X[20:], y[20:], origin=origin[20:])
    assert found.origins_ == plain.origins_ == ("b", "c")
    np.testing.assert_allclose(found.coef_, plain.coef_)
