"""Fine and Gray's model: against cmprsk and survival's finegray, by hand, by jackknife, and what it refuses."""

from __future__ import annotations

import csv
import warnings

import numpy as np
import pytest
from tests.survival.aft_cases import numbers

from custval import ConvergenceWarning, DataWarning, InputError, NotFittedError
from custval.survival import AFT, CoxPH, FineGray, aalen_johansen, gray_test, survival_target

NUMBERS = numbers("fine_gray")
DATA = {name: np.array(values) for name, values in NUMBERS["data"].items()}
X = np.column_stack([DATA["a"], DATA["b"]])


def target(time="months", entry=None):
    since = None if entry is None else DATA[entry]
    return survival_target(DATA[time], DATA["cause"], entry=since, causes=["price", "moved"])


@pytest.mark.parametrize("case", ["months_1", "months_2", "exact_1"])
def test_equals_cmprsk(case):
    known = NUMBERS[f"crr_{case}"]
    time, code = case.split("_")
    model = FineGray(cause=int(code)).fit(X, target(time))
    assert model.coef_ == pytest.approx(known["coef"], rel=1e-8)
    assert model.std_error_ == pytest.approx(known["se"], rel=1e-8)
    assert model.log_likelihood_ == pytest.approx(known["loglik"][0], rel=1e-10)
    told = model.predict_incidence([[0.5, 1.0]], known["at"])[0, 0]
    assert told == pytest.approx(known["incidence"], rel=1e-8)


@pytest.mark.parametrize(("data", "code"), [("finegray1_cr_sim", 1), ("finegray2_cr_sim", 2)])
def test_equals_the_shared_numbers(shared, reference, data, code):
    with (shared / "reference" / "survival" / "cr_sim.csv").open() as file:
        table = list(csv.DictReader(file))
    column = {name: np.array([float(row[name]) for row in table]) for name in table[0]}
    known = {case["id"]: case["expected"] for case in reference("survival")}[data]
    y = survival_target(column["time"], column["cause"].astype(int))
    model = FineGray(cause=code).fit({"a": column["a"], "b": column["b"]}, y)
    assert model.coef_ == pytest.approx(list(known["coef"].values()), rel=1e-7)
    assert model.std_error_ == pytest.approx(list(known["se"].values()), rel=1e-7)
    assert model.log_likelihood_ == pytest.approx(known["loglik"], rel=1e-10)


@pytest.mark.parametrize(
    ("case", "time", "entry"),
    [
        ("entry_months_1", "months", "entry"),
        ("entry_months_2", "months", "entry"),
        ("entry_exact_1", "exact", "late"),
        ("entry_cluster_1", "months", "entry"),
        ("entry_weight_1", "months", "entry"),
    ],
)
def test_late_entry_equals_a_cox_fit_to_geskus_weights(case, time, entry):
    known = NUMBERS[case]
    weight = DATA["weight"] if "weight" in case else None
    # robust errors count each customer once, copies count each copy
    cluster = DATA["account"] if "cluster" in case else np.arange(120) if "weight" in case else None
    model = FineGray(cause=int(case[-1])).fit(X, target(time, entry), sample_weight=weight, cluster=cluster)
    assert model.coef_ == pytest.approx(known["coef"], rel=1e-7)
    assert model.std_error_ == pytest.approx(known["se"], rel=1e-7)
    assert np.sqrt(np.diag(model.naive_covariance_)) == pytest.approx(known["naive"], rel=1e-7)
    assert model.log_likelihood_ == pytest.approx(known["loglik"][0], rel=1e-9)


def test_rows_that_go_on_are_neither_censored_nor_late():
    rows = {name: np.array(values) for name, values in NUMBERS["rows"].items()}
    y = survival_target(rows["time"], rows["cause"], entry=rows["entry"], causes=["price", "moved"])
    known = NUMBERS["split_rows_1"]
    both = np.column_stack([rows["a"], rows["b"]])
    model = FineGray().fit(both, y, customer=rows["id"])
    assert model.coef_ == pytest.approx(known["coef"], rel=1e-7)
    assert model.std_error_ == pytest.approx(known["se"], rel=1e-7)
    with pytest.warns(DataWarning, match=r"columns 'tariff' change while the customer stays.*external"):
        FineGray(l2=0.1).fit({"a": rows["a"], "tariff": rows["tariff"]}, y, customer=rows["id"])
    # without entry: as whole rows, cmprsk's errors and all
    whole = FineGray().fit(X, target())
    n = len(X)
    first, second = np.minimum(DATA["months"], 4), DATA["months"]
    long = np.flatnonzero(second > 4)
    cause = np.concatenate([np.where(second > 4, 0, DATA["cause"]), DATA["cause"][long]])
    since = np.concatenate([np.zeros(n), np.full(len(long), 4.0)])
    cut = survival_target(np.concatenate([first, second[long]]), cause, entry=since, causes=["price", "moved"])
    parts = FineGray().fit(np.concatenate([X, X[long]]), cut, customer=np.concatenate([np.arange(n), long]))
    assert parts.coef_ == pytest.approx(whole.coef_, rel=1e-9)
    assert parts.std_error_ == pytest.approx(whole.std_error_, rel=1e-9)


def weights_by_hand(y, code):
    """The weight of each customer at each time of the cause, straight from the definition (no entry)."""
    time, event = y["duration"], y["event"]
    times = np.unique(time[event == code])

    def staying(t):
        product = 1.0
        for u in np.unique(time[(event == 0) & (time < t)]):
            product *= 1 - ((event == 0) & (time == u)).sum() / (time >= u).sum()
        return product

    weight = (time[:, None] >= times).astype(float)
    for i in np.flatnonzero((event > 0) & (event != code)):
        for j, t in enumerate(times):
            if time[i] < t:
                weight[i, j] = staying(t) / staying(time[i])
    return times, weight


def test_the_likelihood_is_that_of_the_definition():
    y = target()
    times, weight = weights_by_hand(y, 1)
    model = FineGray(l2=0.3).fit(X, y)

    def value(b):
        eta = X @ b
        total = -0.15 * b @ b
        for j, t in enumerate(times):
            gone = (y["event"] == 1) & (y["duration"] == t)
            total += eta[gone].sum() - gone.sum() * np.log(weight[:, j] @ np.exp(eta))
        return total

    slope = [(value(model.coef_ + s) - value(model.coef_ - s)) / 2e-5 for s in 1e-5 * np.eye(2)]
    assert slope == pytest.approx([0.0, 0.0], abs=1e-6)
    assert value(model.coef_) == pytest.approx(model.log_likelihood_ - 0.15 * model.coef_ @ model.coef_, rel=1e-10)


def test_the_band_is_that_of_a_jackknife():
    rng = np.random.default_rng(2)
    n = 500
    Z = rng.normal(size=(n, 1))
    t1, t2, end = rng.exponential(12 * np.exp(-0.6 * Z[:, 0])), rng.exponential(18, n), rng.uniform(3, 30, n)
    time = np.minimum(np.minimum(t1, t2), end)
    y = survival_target(time, np.where(time == end, 0, np.where(time == t1, 1, 2)), causes=["price", "moved"])
    asked, at = np.array([[0.0], [1.0]]), [3.0, 8.0, 15.0]
    band = FineGray().fit(Z, y).predict_incidence_band(asked, at)
    groups = rng.permutation(n) % 100
    left_out = [FineGray().fit(Z[groups != g], y[groups != g]).predict_incidence(asked, at)[:, 0] for g in range(100)]
    spread = np.sqrt(99 / 100 * ((left_out - np.mean(left_out, axis=0)) ** 2).sum(axis=0))
    assert band.std_error == pytest.approx(spread, rel=0.15)
    assert bool(np.all(band.lower < band.incidence))
    assert bool(np.all(band.incidence < band.upper))
    assert band.to_frame()["row"].tolist() == [0, 0, 0, 1, 1, 1]
    plain = FineGray().fit(Z, y).predict_incidence_band(asked, [0.0, 8.0], conf_type="plain")
    reach = np.asarray(plain.upper)[:, 1] - plain.incidence[:, 1]
    assert reach == pytest.approx(1.959964 * plain.std_error[:, 1], rel=1e-6)
    assert plain.upper[:, 0].tolist() == [0.0, 0.0]


def test_without_other_causes_it_is_cox():
    y = survival_target(DATA["months"], DATA["cause"] > 0)
    mine, cox = FineGray().fit(X, y), CoxPH(ties="breslow").fit(X, y, cluster=np.arange(len(X)))
    assert mine.coef_ == pytest.approx(cox.coef_, rel=1e-9)
    assert mine.std_error_ == pytest.approx(cox.robust_std_error_, rel=1e-9)
    assert mine.predict_incidence(X, [3, 9]) == pytest.approx(cox.predict_incidence(X, [3, 9]), rel=1e-9)
    assert mine.score(X, y) == pytest.approx(cox.score(X, y), rel=1e-9)


def test_without_columns_it_is_nearly_aalen_johansen():
    y = target("exact")
    told = FineGray(l2=1e9).fit(X, y).predict_incidence(X[:1], [5, 10, 15])[0, 0]
    assert told == pytest.approx([aalen_johansen(y).at(t)[0] for t in (5, 10, 15)], abs=0.01)


def test_one_column_of_two_groups_is_nearly_grays_test():
    y, group = target("exact"), X[:, 0] > 0
    model = FineGray().fit(group[:, None].astype(float), y)
    wald = float((model.coef_[0] / model.std_error_[0]) ** 2)
    assert wald == pytest.approx(gray_test(y, group, cause=1).statistic, rel=0.1)


def test_whole_weights_are_copies_and_order_does_not_matter():
    y, weight = target(), DATA["weight"]
    copies = np.repeat(np.arange(len(X)), weight)
    weighted = FineGray().fit(X, y, sample_weight=weight)
    repeated = FineGray().fit(X[copies], y[copies])
    assert weighted.coef_ == pytest.approx(repeated.coef_, rel=1e-10)
    assert weighted.joint_covariance_ == pytest.approx(repeated.joint_covariance_, rel=1e-8)
    back = FineGray().fit(X[::-1], y[::-1])
    assert back.coef_ == pytest.approx(FineGray().fit(X, y).coef_, rel=1e-12)
    zero = np.where(np.arange(len(X)) < 30, 0.0, 1.0)
    assert FineGray().fit(X, y, sample_weight=zero).std_error_ == pytest.approx(
        FineGray().fit(X[30:], y[30:]).std_error_, rel=1e-12
    )
    half = FineGray().fit(X, y, sample_weight=np.full(len(X), 0.5))
    assert half.std_error_ == pytest.approx(FineGray().fit(X, y).std_error_, rel=1e-10)


def test_many_rows_start_from_a_subsample():
    rng = np.random.default_rng(0)
    n = 45_000
    Z = rng.normal(size=(n, 3))
    t1, t2 = rng.exponential(20 * np.exp(-0.5 * Z[:, 0])), rng.exponential(25 * np.exp(-0.3 * Z[:, 1]))
    time = np.ceil(np.minimum(np.minimum(t1, t2), 36.0))
    y = survival_target(time, np.where(np.minimum(t1, t2) > 36, 0, np.where(t1 < t2, 1, 2)), causes=["price", "moved"])
    model = FineGray().fit(Z, y)
    slow = FineGray(tol=1e-12, max_iter=60, l2=1e-9).fit(Z, y)
    assert model.coef_ == pytest.approx(slow.coef_, rel=1e-6)
    assert model.n_iter_ <= 4


def test_survival_and_given_need_a_model_of_leaving():
    y = target()
    model = FineGray(cause="price").fit(X, y)
    for ask in (
        lambda: model.predict_survival(X, [1]),
        lambda: model.predict_cumulative_hazard(X, [1]),
        lambda: model.expected_lifetime(X, 3),
        lambda: model.predict_incidence(X, [1], given=3),
    ):
        with pytest.raises(InputError, match=r"needs a model of leaving for any cause: fit with FineGray\(overall="):
            ask()
    whole = FineGray(cause="price", overall=CoxPH()).fit(X, y)
    cox = CoxPH().fit(X, survival_target(DATA["months"], DATA["cause"] > 0))
    assert (whole.predict_survival(X, [2, 5], given=1) == cox.predict_survival(X, [2, 5], given=1)).all()
    F = whole.predict_incidence(X, [3, 8])[:, 0]
    expected = np.clip((F[:, 1] - F[:, 0]) / cox.predict_survival(X, [3])[:, 0], 0, 1)
    assert whole.predict_incidence(X, [5], given=3)[:, 0, 0] == pytest.approx(expected, rel=1e-12)
    each = whole.predict_incidence(X, [5], given=np.where(np.arange(len(X)) % 2, 3.0, 1.0))[:, 0, 0]
    assert each[1::2] == pytest.approx(expected[1::2], rel=1e-12)
    assert (model.predict_incidence(X, [5], given=0) == model.predict_incidence(X, [5])).all()
    smooth = FineGray(overall=AFT()).fit(X, y)
    assert smooth.expected_lifetime(X, 6).shape == (len(X),)
    assert smooth.predict_cumulative_hazard(X, [6]).shape == (len(X), 1)


def test_bad_input_is_named():
    y = target()
    with pytest.raises(InputError, match="there is no cause 'debt'; the causes are price, moved"):
        FineGray(cause="debt").fit(X, y)
    with pytest.raises(InputError, match="cause must be a code from 1 to 2"):
        FineGray(cause=3).fit(X, y)
    with pytest.raises(InputError, match="nobody left for cause 'debt'"):
        FineGray(cause=2).fit(X[:3], survival_target([1, 2, 3], [1, 0, 1], causes=["price", "debt"]))
    with pytest.raises(InputError, match="column 'x1' is the same for all customers"):
        FineGray().fit(np.column_stack([X[:, 0], np.ones(len(X))]), y)
    with pytest.raises(InputError, match="'x1' follows from 'x0'"):
        FineGray().fit(np.column_stack([X[:, 0], 2 * X[:, 0]]), y)
    late = survival_target([3, 5, 4], [0, 1, 2], entry=[0, 2, 0], causes=["price", "moved"])
    with pytest.raises(InputError, match=r"spells of one customer overlap in 1 places \(first: row 1 begins at 2"):
        FineGray().fit([[1.0], [2.0], [3.0]], late, customer=["a", "a", "b"])
    back = survival_target([3, 5, 4], [1, 1, 2], entry=[0, 3, 0], causes=["price", "moved"])
    with pytest.raises(InputError, match="1 rows follow a departure of the same customer"):
        FineGray().fit([[1.0], [2.0], [3.0]], back, customer=["a", "a", "b"])
    with pytest.raises(InputError, match="reaches time 90"):
        FineGray().fit(X, y).predict_incidence(X, [90])
    with pytest.raises(InputError, match="overall must be an unfitted hazard model"):
        FineGray(overall="cox").fit(X, y)
    with pytest.raises(NotFittedError):
        FineGray().predict_risk(X)
    with pytest.warns(ConvergenceWarning, match="separation"):
        FineGray().fit([[1.0], [1.0], [0.0], [0.0]], survival_target([1, 2, 3, 4], [1, 1, 0, 2]))


def test_words_and_tables():
    model = FineGray().fit({"fee": DATA["a"], "plan": np.where(DATA["b"] > 0, "new", "old")}, target())
    assert model.summary()["feature"].tolist() == ["fee", "plan=old"]
    assert model.summary().columns.tolist()[4] == "subhazard_ratio"
    assert model.reasons({"fee": [2.0], "plan": ["old"]}, 1).words.tolist() == [["fee = 2 (high)"]]
    assert model.linear_predictor({"fee": [2.0], "plan": ["old"]}) == pytest.approx(
        np.log(model.predict({"fee": [2.0], "plan": ["old"]}))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict_incidence({"fee": [2.0], "plan": ["old"]}).shape == (1, 1, int(DATA["months"].max()))


def test_the_score_is_that_of_the_cause_learnt_not_of_its_number():
    y = target()
    model = FineGray(cause=1).fit(X, y)
    swapped = survival_target(y["duration"], np.array([0, 2, 1])[y["event"]], causes=["moved", "price"])
    assert model.score(X, swapped) == pytest.approx(model.score(X, y), rel=1e-12)
    other = survival_target(y["duration"], y["event"], causes=["debt", "moved"])
    with pytest.raises(InputError, match="there is no cause 'price'"):
        model.score(X, other)
