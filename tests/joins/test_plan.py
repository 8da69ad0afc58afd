"""The contact list: exhaustive search on small cases, blocks = whole, limits, ties, errors, totals, words."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from custval._core.errors import DataWarning, InputError
from custval._joins.plan import PlanBuilder
from custval.retention import Offer, contact_profit, plan

ONE = Offer("call", 20.0, save_rate=0.3)
THREE = (Offer("sms", 2.0, save_rate=0.05), Offer("call", 20.0, save_rate=0.3), Offer("gift", 60.0, save_rate=0.45))


def base(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.arange(n) + 1000, rng.beta(1.0, 4.0, n), rng.gamma(2.0, 150.0, n)


def every_plan(p, value, offers, contact_cost, budget, capacity):
    """The best total profit by trying every choice of offer for every customer."""
    best = 0.0
    for choice in itertools.product(range(-1, len(offers)), repeat=len(p)):
        cost = profit = 0.0
        count = 0
        for i, k in enumerate(choice):
            if k < 0:
                continue
            g, d = offers[k].save_rate, offers[k].cost
            count += 1
            cost += contact_cost + d * (p[i] * g + 1 - p[i])
            profit += p[i] * (g * (value[i] - d) - contact_cost) - (1 - p[i]) * (d + contact_cost)
        if cost <= budget + 1e-9 and count <= capacity:
            best = max(best, profit)
    return best


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("offers", [(ONE,), THREE])
@pytest.mark.parametrize(("budget", "capacity"), [(60.0, None), (None, 3), (70.0, 3), (1e6, 100), (25.0, 1)])
def test_small_cases_against_every_plan(seed, offers, budget, capacity):
    ids, p, value = base(7, seed)
    made = plan(ids, p, value, offers=offers, contact_cost=1.0, budget=budget, capacity=capacity)
    best = every_plan(p, value, offers, 1.0, np.inf if budget is None else budget, 99 if capacity is None else capacity)
    assert made.total_cost <= (np.inf if budget is None else budget * (1 + 1e-9))
    assert made.contacts <= (99 if capacity is None else capacity)
    assert made.total_profit <= best + 1e-9
    assert made.best_possible >= best - 1e-9  # the certificate holds
    if budget is None or budget > 1e5:
        assert made.total_profit == pytest.approx(best)


def test_equal_costs_are_solved_exactly():
    ids, p, value = base(9, 3)
    offers = (Offer("free call", 0.0, save_rate=0.3),)
    made = plan(ids, p, value, offers=offers, contact_cost=5.0, budget=17.0)
    assert made.total_profit == pytest.approx(every_plan(p, value, offers, 5.0, 17.0, 99))
    assert made.contacts == 3


def test_large_cases_are_within_a_hair_of_the_bound():
    ids, p, value = base(20_000, 4)
    for limits in ({"budget": 5000.0}, {"budget": 5000.0, "capacity": 200}, {"capacity": 500}):
        made = plan(ids, p, value, offers=THREE, contact_cost=1.0, **limits)
        assert made.total_profit <= made.best_possible * (1 + 1e-12)
        assert made.total_profit >= made.best_possible * 0.999


@pytest.mark.parametrize("offers", [(ONE,), THREE, (Offer("call", 20.0),)])
@pytest.mark.parametrize("limits", [{"budget": 300.0}, {"capacity": 25}, {"budget": 300.0, "capacity": 12}, {}])
def test_blocks_make_the_plan_of_the_whole(offers, limits):
    ids, p, value = base(3000, 5)
    p = p.round(2)  # ties between customers too
    value = value.round(-1)
    whole = plan(ids, p, value, offers=offers, contact_cost=1.0, p_std_error=p / 10, **limits)
    builder = PlanBuilder(offers, contact_cost=1.0, keep_rows=50, **limits)
    for part in np.array_split(np.arange(3000), 37):
        builder.add(ids[part], p[part], value[part], p_std_error=p[part] / 10)
    pieces = builder.finish()
    assert pieces.to_dict() == whole.to_dict()


def test_the_builder_forgets_those_below_the_bar():
    ids, p, value = base(5000, 6)
    builder = PlanBuilder(ONE, contact_cost=1.0, budget=100.0, keep_rows=200)
    for part in np.array_split(np.arange(5000), 50):
        builder.add(ids[part], p[part], value[part])
    assert len(builder._kept["row"]) < 500


def test_columns_and_order():
    ids, p, value = base(500, 7)
    reasons = np.array([["late bill", "short contract"]] * 500, dtype=object)
    made = plan(ids, p, value, offers=ONE, contact_cost=1.0, budget=500.0, p_std_error=0.1 * p, reasons=reasons)
    frame = made.to_frame()
    assert frame.columns.tolist() == [
        "rank",
        "customer_id",
        "offer",
        "cost",
        "expected_profit",
        "std_error",
        "reason_1",
    ]
    assert frame["rank"].tolist() == list(range(1, made.contacts + 1))
    assert (np.diff(frame["expected_profit"]) <= 0).all()
    assert set(frame["reason_1"]) == {"late bill"}
    row = made.customer_id - 1000
    again = contact_profit(p[row], value[row], save_rate=0.3, offer_cost=20.0, contact_cost=1.0)
    assert made.expected_profit == pytest.approx(again)
    assert made.expected_profit + made.cost == pytest.approx(p[row] * 0.3 * value[row])
    assert made.total_cost == pytest.approx(frame["cost"].sum())
    assert made.total_profit == pytest.approx(frame["expected_profit"].sum())


def test_ties_go_by_row():
    made = plan(
        list("abcd"), [0.5] * 4, [100.0] * 4, offers=Offer("free", 0.0, save_rate=0.5), contact_cost=1.0, budget=2.0
    )
    assert made.customer_id.tolist() == ["a", "b"]


def test_only_profitable_contacts_are_made():
    made = plan([1, 2, 3], [0.9, 0.9, 0.01], [500.0, -500.0, 500.0], offers=ONE, contact_cost=1.0)
    assert made.customer_id.tolist() == [1]


def test_without_a_save_rate_value_at_risk_ranks_and_no_profit_is_claimed():
    made = plan(
        [1, 2, 3], [0.1, 0.5, 0.9], [900.0, 300.0, 10.0], offers=Offer("call", 4.0), contact_cost=1.0, budget=11.0
    )
    assert made.customer_id.tolist() == [2, 1]
    assert (made.ranked_by, made.expected_profit, made.std_error) == ("value_at_risk", None, None)
    assert (made.total_profit, made.total_std_error, made.best_possible) == (None, None, None)
    assert made.cost.tolist() == [5.0, 5.0]
    assert made.to_frame()["expected_profit"].isna().all()
    assert "no profit is claimed" in made.statement


def test_without_a_value_the_risk_ranks():
    made = plan([1, 2, 3], [0.1, 0.9, 0.5], offers=ONE, contact_cost=1.0, capacity=2)
    assert (made.ranked_by, made.customer_id.tolist(), made.total_profit) == ("p_leave", [2, 3], None)
    assert "no value is known" in made.statement


def test_errors_of_contacts_and_total():
    p, value = np.array([0.5, 0.4]), np.array([600.0, 500.0])
    offer = Offer("call", 20.0, save_rate=0.2, save_rate_std_error=0.03)
    made = plan(
        [1, 2], p, value, offers=offer, contact_cost=1.0, p_std_error=[0.02, 0.01], value_std_error=[30.0, 20.0]
    )
    own = np.hypot((0.2 * (value - 20) + 20) * [0.02, 0.01], p * 0.2 * [30.0, 20.0])
    rate = p * (value - 20) * 0.03
    assert made.std_error == pytest.approx(np.hypot(own, rate))
    assert made.total_std_error == pytest.approx(np.hypot(own.sum(), rate.sum()))
    assert "standard error" in made.statement


def test_a_budget_below_one_contact_is_an_empty_plan():
    made = plan([1, 2], [0.5, 0.4], [600.0, 500.0], offers=ONE, contact_cost=1.0, budget=3.0)
    assert (made.contacts, made.total_cost, made.total_profit) == (0, 0.0, 0.0)
    assert made.statement.startswith("Nobody is contacted: the budget of 3.00 is less than one contact, at least 14.00")
    assert made.to_frame().shape == (0, 7)


def test_words_of_a_plan():
    made = plan([1, 2], [0.5, 0.4], [600.0, 500.0], offers=ONE, contact_cost=1.0, budget=15.0, currency="EUR")
    assert made.statement == (
        "1 of 2 customers is contacted; 14.00 EUR of the budget of 15.00 EUR is expected to be spent; "
        "expected profit 76.00 EUR."
    )
    assert plan([1], [0.5], [600.0], offers=ONE, budget=np.inf).budget is None
    assert plan([1], [0.5], [600.0], offers=ONE, reasons=np.empty((1, 0))).reason_1.tolist() == [None]


def test_why_a_plan_is_empty():
    assert "no contact has an expected profit above zero" in plan([1], [0.01], [10.0], offers=ONE).statement
    assert "the capacity is 0" in plan([1], [0.5], [900.0], offers=ONE, capacity=0).statement
    assert "there are no customers" in plan([], [], [], offers=ONE).statement
    assert "budget of 0.00" in plan([1], [0.5], [900.0], offers=ONE, budget=0.0).statement


def test_a_budget_pays_whole_contacts_in_spite_of_rounding():
    free = Offer("free", 0.0, save_rate=0.5)
    assert plan(range(10), [0.5] * 10, [100.0] * 10, offers=free, contact_cost=0.7, budget=7.0).contacts == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": -1.0}, r"budget must be >= 0, not -1\.0"),
        ({"capacity": -1}, "capacity must be >= 0"),
        ({"capacity": 2.5}, r"capacity must be a whole number, not 2\.5"),
        ({"contact_cost": -1.0}, "contact_cost must be >= 0"),
        ({"p_leave": [0.5, 1.5]}, r"p_leave must be >= 0 and <= 1 but 1 of 2 rows is not \(first: row 1, value 1\.5\)"),
        ({"p_leave": [0.5, np.nan]}, "p_leave must be finite"),
        ({"value_at_stake": [1.0]}, "value_at_stake has 1 rows but p_leave has 2"),
        ({"customer_id": [1]}, "customer_id has 1 rows but p_leave has 2"),
        ({"p_std_error": [0.1, -0.1]}, "p_std_error must be >= 0"),
        ({"offers": ()}, "one Offer or a non-empty sequence"),
        ({"offers": (ONE, Offer("sms"))}, "offer 'sms' has no save_rate"),
        ({"offers": (ONE, ONE)}, "different names"),
        ({"reasons": ["late bill"]}, "reason has 1 rows"),
    ],
)
def test_impossible_input_is_refused_by_name(change, message):
    arguments = {"customer_id": [1, 2], "p_leave": [0.5, 0.1], "value_at_stake": [1.0, 2.0], "offers": ONE} | change
    with pytest.raises(InputError, match=message):
        plan(**arguments)


def test_impossible_offers_are_refused_by_name():
    with pytest.raises(InputError, match="save_rate of offer 'x' must be >= 0 and <= 1"):
        Offer("x", save_rate=1.2)
    with pytest.raises(InputError, match="cost of offer 'x' must be >= 0"):
        Offer("x", -2.0)
    with pytest.raises(InputError, match="save_rate_std_error of offer 'x' must be >= 0, not inf"):
        Offer("x", save_rate=0.2, save_rate_std_error=np.inf)
    with pytest.raises(InputError, match="name of an offer must be text, not 3"):
        Offer(3)


def test_columns_of_blocks_must_agree():
    builder = PlanBuilder(ONE)
    builder.add([1], [0.5], [100.0])
    with pytest.raises(InputError, match="value_at_stake must be given for every block or for none"):
        builder.add([2], [0.5])


def test_inputs_are_not_written_and_results_are_read_only():
    ids, p, value = base(50, 8)
    before = p.copy(), value.copy()
    made = plan(ids, p, value, offers=ONE)
    assert (p == before[0]).all()
    assert (value == before[1]).all()
    with pytest.raises(ValueError, match="read-only"):
        made.cost[:] = 0.0


def test_an_offer_beyond_the_budget_does_not_keep_the_others_from_being_made():
    both = [Offer("call", save_rate=0.02), Offer("half price", cost=25.0, save_rate=0.25)]
    base_of_50 = (range(50), [0.3] * 50, [600.0] * 50)
    alone = plan(*base_of_50, offers=both[0], contact_cost=2.0, budget=20.0)
    made = plan(*base_of_50, offers=both, contact_cost=2.0, budget=20.0)
    assert alone.total_profit == pytest.approx(10 * (0.3 * 0.02 * 600 - 2))
    assert (made.contacts, made.total_profit) == (10, pytest.approx(alone.total_profit))
    # with 22 the dear offer fits once (cost 21.375, profit 23.625) and beats eleven calls (17.6)
    dear = plan(*base_of_50, offers=both, contact_cost=2.0, budget=22.0)
    assert (dear.contacts, dear.total_profit) == (1, pytest.approx(23.625))


def test_an_empty_plan_names_the_cheapest_contact_worth_making_however_the_customers_arrive():
    p, value = np.full(400, 0.4), np.linspace(900.0, 500.0, 400)
    builder = PlanBuilder(THREE, contact_cost=5.0, budget=1.0, currency="€", keep_rows=10)
    for part in np.array_split(np.arange(400), 20):
        builder.add(part, p[part], value[part])
    made = builder.finish()
    least = 5.0 + 2.0 * (1 - 0.4 * 0.95)
    assert made.statement == (
        f"Nobody is contacted: the budget of €1.00 is less than one contact, at least €{least:.2f}."
    )


def test_no_capacity_is_said_the_same_however_the_customers_arrive():
    ids, p, value = base(300, 2)
    for limits in ({"capacity": 0}, {"capacity": 0, "budget": 50.0}):
        builder = PlanBuilder(ONE, keep_rows=5, **limits)
        for part in np.array_split(np.arange(300), 30):
            builder.add(ids[part], p[part], value[part])
        assert builder.finish().statement == "Nobody is contacted: the capacity is 0 contacts."
        assert builder.finish().to_dict() == plan(ids, p, value, offers=ONE, **limits).to_dict()


def test_one_way_of_writing_money_in_a_statement():
    offer = Offer("call", 20.0, save_rate=0.2, save_rate_std_error=0.03)
    made = plan([1], [0.5], [600.0], offers=offer, contact_cost=1.0, budget=15.0, currency="€")
    assert made.statement == (
        "1 of 1 customers is contacted; €13.00 of the budget of €15.00 is expected to be spent; "
        "expected profit €47.00 (standard error €8.70)."
    )


def test_the_covariance_of_risk_and_value_narrows_the_errors():
    offer = Offer("call", 20.0, save_rate=0.2)
    given = {"offers": offer, "p_std_error": [0.02, 0.01], "value_std_error": [30.0, 20.0], "currency": "EUR"}
    loose = plan([1, 2], [0.5, 0.4], [600.0, 500.0], **given)
    exact = plan([1, 2], [0.5, 0.4], [600.0, 500.0], **given, p_value_covariance=[-0.6, -0.2])
    # errors that move exactly oppositely: the difference of the two parts
    a, b = 0.2 * (np.array([600.0, 500.0]) - 20.0) + 20.0, 0.2 * np.array([0.5, 0.4])
    own = np.abs(a * [0.02, 0.01] - b * [30.0, 20.0])
    assert exact.std_error == pytest.approx(own)
    assert exact.total_std_error == pytest.approx(own.sum())
    assert (exact.std_error < loose.std_error).all()
    assert f"(standard error at most {loose.total_std_error:.2f} EUR)" in loose.statement


def test_a_covariance_comes_block_by_block_too():
    ids, p, value = base(400, 9)
    errors = {"p_std_error": p / 10, "value_std_error": value / 8, "p_value_covariance": -p * value / 100}
    whole = plan(ids, p, value, offers=THREE, contact_cost=1.0, budget=90.0, **errors)
    builder = PlanBuilder(THREE, contact_cost=1.0, budget=90.0, keep_rows=20)
    for part in np.array_split(np.arange(400), 9):
        builder.add(ids[part], p[part], value[part], **{name: column[part] for name, column in errors.items()})
    assert builder.finish().to_dict() == whole.to_dict()


def test_a_customer_contacted_twice_is_counted_in_a_warning():
    with pytest.warns(DataWarning, match=r"^2 of 4 contacts of the plan go to a customer_id that stands in it already"):
        plan(["a", "b", "a", "a"], [0.5] * 4, [600.0] * 4, offers=ONE)
