"""Alert lists: order, expected leavers with their exact law, errors through the model, what a plain model may lack."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.errors import InputError
from custval._joins.alerts import leavers_interval, riskiest
from custval.survival import DiscreteHazard, alert_list, survival_target


class Constant:
    """A monthly risk for each customer, in column 0."""

    def predict_survival(self, X, times, *, given=None):
        return (1.0 - np.asarray(X)[:, :1]) ** np.asarray(times)[None, :]


class Linear(Constant):
    """Survival at month one is 1 - x theta with theta = 1 of known variance."""

    covariance_ = np.array([[0.01]])

    def pullback(self, X, survival_weight, exit_weight=None, *, given=None):
        return survival_weight[:, :1] * -np.asarray(X)[:, :1]


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    n = 3000
    X = {"paperless": rng.integers(0, 2, n), "fee": rng.normal(50.0, 10.0, n), "plan": rng.choice(["a", "b"], n)}
    rate = 0.03 * np.exp(0.7 * X["paperless"] + 0.02 * (X["fee"] - 50))
    leave, stop = rng.geometric(rate), rng.integers(2, 25, n)
    cause = np.where(leave <= stop, rng.choice(["voluntary", "involuntary"], n, p=[0.7, 0.3]), None)
    return DiscreteHazard().fit(X, survival_target(np.minimum(leave, stop), cause)), X


def test_the_riskiest_stand_first_and_ties_by_row():
    found = alert_list(Constant(), np.array([[0.1], [0.4], [0.4], [0.2]]), horizon=2, given=None, capacity=3)
    assert found.row.tolist() == [1, 2, 3]
    assert found.p_leave == pytest.approx([0.64, 0.64, 0.36])
    assert found.expected_leavers == pytest.approx(1.64)
    assert found.expected_leavers_in_base == pytest.approx(1.64 + 0.19)
    assert (found.reasons, found.p_by_cause, found.std_error, found.customers) == (None, None, None, 4)
    assert found.to_frame().columns.tolist() == ["rank", "row", "p_leave"]


def test_a_fitted_model_gives_causes_reasons_and_errors(fitted):
    model, X = fitted
    given = np.arange(3000) % 12
    found = alert_list(model, X, horizon=3, given=given, capacity=40)
    survival = model.predict_survival(X, [3], given=given)[:, 0]
    assert found.p_leave == pytest.approx(1 - np.sort(survival)[:40])
    assert found.p_by_cause.sum(axis=1) == pytest.approx(found.p_leave)
    assert found.causes == ("involuntary", "voluntary")
    assert found.reasons.shape == (40, 3)
    assert (found.std_error > 0).all()
    names = ["rank", "row", "p_leave", "std_error", "p_leave_involuntary", "p_leave_voluntary"]
    assert found.to_frame().columns.tolist() == [*names, "reason_1", "reason_2", "reason_3"]


def test_errors_come_through_the_parameters():
    X = np.array([[0.1], [0.4]])
    found = alert_list(Linear(), X, horizon=1, given=0.0)
    assert found.std_error == pytest.approx([0.04, 0.01])
    # the errors move together: .05 in all, beside the spread of who leaves
    spread = np.sqrt(0.4 * 0.6 + 0.1 * 0.9 + 0.05**2)
    assert (found.lower, found.upper) == (max(int(np.floor(0.5 - 1.96 * spread)), 0), 2)


def test_interval_is_exact_for_equal_risks():
    from scipy.stats import binom

    for n, p in ((20, 0.3), (200, 0.02), (1000, 0.5)):
        assert leavers_interval(np.full(n, p)) == (binom.ppf(0.025, n, p), binom.ppf(0.975, n, p))
    assert leavers_interval(np.array([])) == (0, 0)
    assert leavers_interval(np.array([1.0, 1.0])) == (2, 2)


def test_interval_covers_what_happens():
    rng = np.random.default_rng(1)
    for p in (rng.beta(1, 5, 60), rng.beta(1, 5, 5000)):
        low, high = leavers_interval(p)
        left = (rng.random((2000, len(p))) < p).sum(axis=1)
        assert ((low <= left) & (left <= high)).mean() > 0.933


def test_an_empty_list():
    found = alert_list(Constant(), np.array([[0.1], [0.4]]), horizon=2, given=None, capacity=0)
    assert (len(found.row), found.expected_leavers, found.lower, found.upper) == (0, 0.0, 0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 0}, "horizon must be > 0"),
        ({"capacity": -1}, "capacity must be >= 0"),
        ({"given": [1.0, 2.0, 3.0]}, "given has 3 rows but X has 2"),
        ({"given": [1.0, -2.0]}, r"given must be >= 0 but 1 of 2 rows is not \(first: row 1"),
        ({"reasons": -1}, "reasons must be >= 0"),
        ({"reasons": 1.7}, r"reasons must be a whole number, not 1\.7"),
        ({"capacity": 1.5}, r"capacity must be a whole number, not 1\.5"),
    ],
)
def test_impossible_input_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        alert_list(Constant(), np.array([[0.1], [0.4]]), **({"horizon": 1, "given": None} | change))


def test_a_list_by_cause_counts_that_cause(fitted):
    model, X = fitted
    found = alert_list(model, X, horizon=3, given=2, capacity=50, cause="voluntary", reasons=0)
    told = model.predict_incidence(X, [3], given=2)[:, model.causes_.index("voluntary"), 0]
    assert found.p_leave == pytest.approx(np.sort(told)[::-1][:50])
    assert found.cause == "voluntary"
    assert (found.std_error > 0).all()
    with pytest.raises(InputError, match="there is no cause 'volntary' \\(did you mean 'voluntary'"):
        alert_list(model, X, horizon=3, given=2, cause="volntary")


def test_value_at_stake_is_risk_times_value():
    found = alert_list(Constant(), np.array([[0.1], [0.4], [0.2]]), horizon=1, given=None, value=[100.0, 10.0, 50.0])
    assert found.value_at_stake == pytest.approx([4.0, 10.0, 10.0])
    assert found.to_frame().columns.tolist()[-1] == "value_at_stake"
    with pytest.raises(InputError, match="value has 2 rows"):
        alert_list(Constant(), np.array([[0.1], [0.4], [0.2]]), horizon=1, given=None, value=[1.0, 2.0])
    with pytest.raises(InputError, match="value must be >= 0"):
        alert_list(Constant(), np.array([[0.1]]), horizon=1, given=None, value=-1.0)


def test_many_customers_are_scored_block_by_block(monkeypatch):
    rng = np.random.default_rng(0)
    risk = rng.choice([0.1, 0.2, 0.3], (1000, 1))
    whole = alert_list(Constant(), risk, horizon=1, given=None, capacity=250)
    monkeypatch.setattr("custval._joins.alerts.SCORED_AT_ONCE", 64)
    parts = alert_list(Constant(), risk, horizon=1, given=None, capacity=250)
    assert parts.row.tolist() == whole.row.tolist()
    assert (np.diff(parts.p_leave) <= 0).all()
    assert riskiest(risk[:, 0], 0).tolist() == []
