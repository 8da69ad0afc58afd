"""Models of buying until leaving: published fits, simulation, closed forms against sums, laws of each model."""

from __future__ import annotations

import numpy as np
import pytest

from custval.clv import (
    BGBB,
    BGCNBD,
    BGNBD,
    MBGCNBD,
    MBGNBD,
    NBD,
    GammaGamma,
    GGompertzNBD,
    LogNormalSpend,
    ParetoNBD,
)

MODELS = {
    "nbd": NBD.from_params(r=0.5, alpha=10.0),
    "bgnbd": BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426),
    "mbgnbd": MBGNBD.from_params(r=0.525, alpha=6.183, a=0.891, b=1.614),
    "bgcnbd": BGCNBD.from_params(k=2, r=0.5, alpha=3.0, a=0.8, b=2.4),
    "mbgcnbd": MBGCNBD.from_params(k=3, r=0.5, alpha=2.0, a=0.9, b=1.6),
    "paretonbd": ParetoNBD.from_params(r=0.553, alpha=10.578, s=0.606, beta=11.669),
    "ggompertz": GGompertzNBD.from_params(r=0.55, alpha=10.6, b=0.02, s=0.5, beta=0.3),
    "bgbb": BGBB.from_params(alpha=1.204, beta=0.75, gamma=0.657, delta=2.783),
}
ESTIMATORS = {
    "bgnbd": BGNBD,
    "paretonbd": ParetoNBD,
    "nbd": NBD,
    "mbgnbd": MBGNBD,
    "bgbb": BGBB,
    "gammagamma": GammaGamma,
}
CUSTOMERS = np.array([[2.0, 30.0, 38.0], [0.0, 0.0, 10.0], [9.0, 30.0, 30.0], [0.0, 0.0, 0.0]])
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


def cases(reference, quantity):
    return [case for case in reference("clv")["cases"] if case["quantity"] == quantity and case["model"] in ESTIMATORS]


def data(reference, name):
    rows = np.array(reference("clv")["datasets"][name]["rows"], dtype=float)
    return (rows[:, :3], rows[:, 3]) if rows.shape[1] == 4 else (rows, np.ones(len(rows)))


def test_published_fits(reference):
    found = {}
    for case in cases(reference, "mle"):
        name = case["input"]["dataset"].split()[0]
        X, weight = data(reference, {"donations": "donations"}.get(name, name))
        model = ESTIMATORS[case["model"]]().fit(X, sample_weight=weight)
        found[case["model"]] = model
        for parameter, value in case["expected"].items():
            got = model.log_likelihood_ if parameter == "loglik" else model.params_[parameter]
            rtol = 1e-9 if parameter == "loglik" else case["rtol"]
            assert got == pytest.approx(value, rel=rtol), (case["id"], parameter)
        assert model.converged_
        covariance = model.covariance_
        np.testing.assert_array_equal(covariance, covariance.T)  # lifetimes' is not symmetric
        assert (np.linalg.eigvalsh(covariance) > 0).all()
    assert set(found) == set(ESTIMATORS)


def test_published_answers(reference):
    asked = 0
    for case in reference("clv")["cases"]:
        if case["model"] not in ESTIMATORS or not case["params"]:
            continue
        model, given = ESTIMATORS[case["model"]].from_params(**case["params"]), case["input"]
        one = [given.get(name, 0) for name in ("x", "t_x", "T")]
        got = {
            "expected_purchases": lambda m, g, o: m.expected_purchases(o, g["t"]),
            "expected_purchases_new": lambda m, g, o: m.expected_purchases_new(g["t"]),
            "p_alive": lambda m, g, o: m.probability_alive(o),
            "p_alive(n+1)": lambda m, g, o: m.probability_alive([g["x"], g["t_x"], g["n"]]),
            "loglik_one": lambda m, g, o: m.log_likelihood(o),
            "pmf": lambda m, g, o: m.purchase_probability((0, 0, 0), g["t"], g["n"]),
            "expected_spend": lambda m, g, o: m.expected_spend((g["x"], g["m"])),
            "dert": lambda m, g, o: m.discounted_residual_purchases(
                o, discount=np.expm1(g["continuous_discount_rate"])
            ),
        }[case["quantity"]](model, given, one)
        assert got == pytest.approx(case["expected"], rel=case["rtol"]), case["id"]
        asked += 1
    assert asked >= 18


@each_model
def test_the_chances_of_counts_sum_to_one_and_their_mean_is_the_expectation(model):
    chances = [np.asarray(model.purchase_probability(CUSTOMERS, 20.0, count)) for count in range(260)]
    np.testing.assert_allclose(np.sum(chances, axis=0), 1.0, rtol=1e-11)
    mean = sum(count * chance for count, chance in enumerate(chances))
    np.testing.assert_allclose(mean, model.expected_purchases(CUSTOMERS, 20.0), rtol=1e-9)


@each_model
def test_discounted_purchases_are_the_discounted_sum_of_expected_ones(model):
    if isinstance(model, BGBB):
        edges = np.arange(0.0, 600.0)
        points = edges[1:]
    else:
        edges = np.concatenate([np.arange(0.0, 60.0, 0.5), np.arange(60.0, 260.0, 2.0)])
        points = (edges[1:] + edges[:-1]) / 2.0
    few = CUSTOMERS[:3]
    grown = np.array([model.expected_purchases(few, edge) for edge in edges])
    direct = (np.diff(grown, axis=0) * 1.05 ** -points[:, None]).sum(axis=0)
    got = model.discounted_residual_purchases(few, discount=0.05)
    np.testing.assert_allclose(got, direct, rtol=1e-10 if isinstance(model, BGBB) else 2e-4)


@each_model
def test_simulated_customers_do_as_the_model_says(model):
    age = 30.0
    base = model.simulate(np.full(40_000, age), random_state=3)
    frequency = base["frequency"]
    assert frequency.mean() == pytest.approx(model.expected_purchases_new(age), abs=4 * frequency.std() / 200)
    for count in (0, 1, 4):
        chance = model.purchase_probability((0, 0, 0), age, count)
        assert (frequency == count).mean() == pytest.approx(chance, abs=4 * np.sqrt(chance / 40_000))
    assert (base["recency"] <= base["age"]).all()
    assert ((base["recency"] > 0) == (frequency > 0)).all()


@each_model
def test_expectations_add_up_over_intervals(model):
    whole = np.asarray(model.expected_purchases(CUSTOMERS, 40.0))
    first = np.asarray(model.expected_purchases(CUSTOMERS, 15.0))
    second = np.asarray(model.expected_purchases(CUSTOMERS, 25.0, start=15.0))
    np.testing.assert_allclose(first + second, whole, rtol=1e-10)


@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd", "paretonbd", "nbd", "bgbb", "bgcnbd"])
def test_parameters_are_found_again(name):
    truth = MODELS[name]
    ages = np.random.default_rng(0).integers(20, 60, 6000).astype(float)
    base = truth.simulate(ages, random_state=4)
    model = type(truth)(**({"k": 2} if name == "bgcnbd" else {})).fit(base)
    for parameter, value in truth.params_.items():
        error = model.std_error_[parameter]
        assert abs(model.params_[parameter] - value) < 4 * error, parameter


def test_slopes_are_the_differences_of_the_likelihood():
    from custval._clv.likelihood_fit import numeric_slopes
    from custval._clv.purchases import read_purchases

    seen = read_purchases(np.array([[2.0, 30.4, 38.9], [0.0, 0.0, 10.0], [40.0, 30.0, 30.0], [1.0, 0.2, 50.0]]))
    for name in ("nbd", "bgnbd", "mbgnbd", "bgcnbd", "mbgcnbd", "paretonbd"):
        model = MODELS[name]
        theta = [np.asarray(value) for value in model.params_.values()]
        _, exact = model._slopes(theta, seen)
        _, rough = numeric_slopes(lambda some, m=model: m._value(some, seen), theta)
        np.testing.assert_allclose(np.array(exact), np.array(rough), rtol=1e-6, atol=1e-7, err_msg=name)


def test_one_customer_gets_the_answer_of_many():
    for model in MODELS.values():
        for one in ((2, 30.0, 38.0), (0, 0.0, 10.0), (9, 30.0, 30.0)):
            many = np.array([one, (1, 5.0, 40.0)], dtype=float)
            assert model.probability_alive(one) == pytest.approx(model.probability_alive(many)[0], rel=1e-12)
            got = model.expected_purchases(one, 13.0)
            assert isinstance(got, float)
            assert got == pytest.approx(model.expected_purchases(many, 13.0)[0], rel=1e-11)


def test_the_gompertz_model_becomes_pareto():
    pareto = MODELS["paretonbd"]
    gompertz = GGompertzNBD.from_params(r=0.553, alpha=10.578, b=1e-7, s=0.606, beta=11.669e-7)
    np.testing.assert_allclose(gompertz.probability_alive(CUSTOMERS), pareto.probability_alive(CUSTOMERS), rtol=1e-5)
    assert gompertz.log_likelihood(CUSTOMERS) == pytest.approx(pareto.log_likelihood(CUSTOMERS), rel=1e-6)


def test_a_rhythm_of_one_step_is_no_rhythm():
    base = MODELS["bgnbd"].simulate(np.full(800, 40.0), random_state=1)
    plain, regular = BGNBD().fit(base), BGCNBD(k=1).fit(base)
    assert regular.params_ == pytest.approx(plain.params_, rel=1e-6)
    assert regular.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-12)


def test_the_rhythm_is_chosen_by_likelihood():
    base = MODELS["mbgcnbd"].simulate(np.full(3000, 60.0), random_state=2)
    model = MBGCNBD().fit(base)
    assert model.k_ == 3
    for k in (2, 4):
        assert MBGCNBD(k=k).fit(base).log_likelihood_ < model.log_likelihood_


def test_silence_means_more_where_purchases_are_regular():
    """Ten purchases three weeks apart, then nine weeks of silence."""
    customer = (10, 30.0, 39.0)
    irregular = BGCNBD.from_params(k=1, r=2.0, alpha=6.0, a=0.8, b=4.0).probability_alive(customer)
    regular = BGCNBD.from_params(k=4, r=2.0, alpha=1.5, a=0.8, b=4.0).probability_alive(customer)
    assert regular < 0.7 * irregular


def test_spend_is_drawn_and_found_again():
    truth = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    base = truth.simulate(np.random.default_rng(0).integers(0, 9, 8000), random_state=1)
    model = GammaGamma().fit(base)
    for name, value in truth.params_.items():
        assert abs(model.params_[name] - value) < 4 * model.std_error_[name]
    logs = LogNormalSpend.from_params(mu=3.0, sigma=0.4, tau=0.5)
    drawn = logs.simulate(np.random.default_rng(0).integers(0, 9, 8000), random_state=1)
    again = LogNormalSpend().fit(drawn)
    for name, value in logs.params_.items():
        assert abs(again.params_[name] - value) < 4 * again.std_error_[name]
    assert again.expected_spend() == pytest.approx(np.exp(3.0 + (0.4**2 + 0.5**2) / 2), rel=0.05)


def test_log_normal_likelihood_is_that_of_the_multivariate_normal():
    from scipy.stats import multivariate_normal

    from custval._clv.spend_maths import log_normal_slopes

    logs = [np.array([3.0, 3.4, 2.7]), np.array([2.0]), np.array([4.1, 3.9])]
    direct = sum(
        multivariate_normal.logpdf(one, np.full(len(one), 2.9), 0.3**2 * np.eye(len(one)) + 0.6**2) for one in logs
    )
    x = np.array([len(one) for one in logs], dtype=float)
    mean = np.array([one.mean() for one in logs])
    squares = np.array([((one - one.mean()) ** 2).sum() for one in logs])
    value, slope = log_normal_slopes(x, mean, squares, np.ones(3))(np.array([2.9, np.log(0.3), np.log(0.6)]))
    assert value == pytest.approx(direct, rel=1e-12)
    step = 1e-6
    for j in range(3):
        move = step * np.eye(3)[j]
        point = np.array([2.9, np.log(0.3), np.log(0.6)])
        there = [log_normal_slopes(x, mean, squares, np.ones(3))(point + s * move)[0] for s in (-1, 1)]
        assert slope[j] == pytest.approx((there[1] - there[0]) / (2 * step), rel=1e-6)


@each_model
def test_the_interval_of_an_answer(model):
    ages = np.random.default_rng(0).integers(20, 60, 1500).astype(float)
    base = model.simulate(ages, random_state=4)
    fitted = type(model)(**({"k": model.k_} if hasattr(model, "k_") else {}), fixed=_hard(model)).fit(base)
    found = fitted.interval(lambda m: m.expected_purchases_new(30.0))
    assert found.lower[0] < found.value[0] < found.upper[0]
    # the seed is fixed: four errors, so that no seed fails
    assert abs(found.value[0] - model.expected_purchases_new(30.0)) < 4 * found.std_error[0]


def _hard(model):
    """Fix what a base of this size does not tell."""
    return {"b": 0.02, "beta": 0.3} if isinstance(model, GGompertzNBD) else None
