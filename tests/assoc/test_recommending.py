"""Offers: scores by hand, what is excluded stays out, capacities are kept, chances are what the past says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from custval import InputError, NotFittedError
from custval.artifact import from_dict, to_dict
from custval.assoc import Baskets, Recommender, association_rules, frequent_itemsets
from custval.retention import Offer, plan

RNG = np.random.default_rng(12)
NAMES = ["basic", "plus", "roam", "insure", "music", "video", "cloud"]


def base(n=600, seed=1):
    rng = np.random.default_rng(seed)
    held = np.zeros((n, 7), dtype=bool)
    held[np.arange(n), rng.integers(0, 2, n)] = True  # one tariff each
    traveller, fan = rng.random(n) < 0.3, rng.random(n) < 0.4
    held[:, 2] = traveller & (rng.random(n) < 0.8)
    held[:, 3] = traveller & (rng.random(n) < 0.7) | (rng.random(n) < 0.05)
    held[:, 4], held[:, 5] = fan & (rng.random(n) < 0.7), fan & (rng.random(n) < 0.7)
    held[:, 6] = rng.random(n) < 0.2
    return [{NAMES[j] for j in np.flatnonzero(row)} for row in held]


BASE = base()
TARIFFS = [["basic", "plus"]]


def test_rules_take_the_strongest_whose_antecedent_is_held():
    model = Recommender(min_support=0.02, exclusive=TARIFFS).fit(BASE)
    sets = frequent_itemsets(BASE, min_support=0.02, max_length=3)
    from custval.assoc import significant_rules

    rules = significant_rules(association_rules(sets, min_lift=1.0), 0.05)
    share = {item: sum(item in row for row in BASE) / len(BASE) for item in NAMES}
    chance = model.p_accept(BASE[:40])
    for row, held in zip(chance, BASE[:40], strict=True):
        for item, value in zip(model.items_, row, strict=True):
            if item in held or item in {"basic", "plus"}:
                assert value == 0
                continue
            best = share[item]
            for rule, a in zip(rules, rules.antecedent_count, strict=True):
                strength = (rule.count + 20 * share[item]) / (a + 20)
                if rule.consequent == (item,) and set(rule.antecedent) <= held and strength > share[item]:
                    best = max(best, strength)
            assert value == pytest.approx(best)


def test_item_likeness_by_hand():
    model = Recommender(method="items").fit(BASE)
    matrix = np.array([[item in row for item in model.items_] for row in BASE], dtype=float)
    both = matrix.T @ matrix
    held = {"basic", "roam"}
    rows = [model.items_.index(item) for item in sorted(held)]
    target = model.items_.index("insure")
    cosine = [both[i, target] / np.sqrt(both[i, i] * both[target, target]) for i in rows]
    share = [both[i, target] / both[i, i] for i in rows]
    expected = np.dot(cosine, share) / np.sum(cosine)
    assert model.p_accept([held])[0, target] == pytest.approx(expected)
    assert "roam have insure" in model.recommend([held], k=1).reason[0]


def test_factors_are_the_singular_vectors():
    model = Recommender(method="factors", n_factors=3).fit(BASE)
    matrix = np.array([[item in row for item in model.items_] for row in BASE], dtype=float)
    _, _, v = np.linalg.svd(matrix, full_matrices=False)
    expected = np.clip(matrix[:5] @ v[:3].T @ v[:3], 0, 1)
    ours = model.p_accept(BASE[:5])
    free = ours > 0
    assert ours[free] == pytest.approx(expected[free])


@pytest.mark.parametrize("method", ["rules", "items", "factors", "popularity"])
def test_one_by_one_is_all_at_once_and_survives_saving(method):
    model = Recommender(method=method, min_support=0.02, exclusive=TARIFFS).fit(BASE)
    made = model.recommend(BASE[:50], k=3)
    again = from_dict(json.loads(json.dumps(to_dict(model))))
    for row in range(50):
        whole = [(item, p) for who, item, p in zip(made.customer, made.item, made.p_accept, strict=True) if who == row]
        for one in (model.recommend_one(BASE[row], 3), again.recommend_one(BASE[row], 3)):
            assert [item for item, _ in one] == [item for item, _ in whole]
            assert [p for _, p in one] == pytest.approx([p for _, p in whole])
    assert all(item not in BASE[who] for who, item in zip(made.customer, made.item, strict=True))
    assert not set(made.item) & {"basic", "plus"}, "everybody has a tariff, and tariffs exclude each other"
    assert all(isinstance(text, str) and text for text in made.reason)


def test_more_than_one_word_of_items():
    rows = [{f"x{j:02d}", f"x{(j + 1) % 70:02d}"} for j in range(70)] * 12
    model = Recommender(min_support=0.005).fit(rows)
    assert {item for item, _ in model.recommend_one({"x64"}, 2)} == {"x63", "x65"}
    assert set(model.recommend([{"x64"}], k=2).item) == {"x63", "x65"}


def test_a_list_names_one_of_a_group_only():
    rows = [{"sim", "small"}] * 40 + [{"sim", "large"}] * 30 + [{"sim"}] * 10
    model = Recommender(method="popularity", exclusive=[["small", "large"]]).fit(rows)
    assert model.recommend([{"sim"}], k=3).item.tolist() == ["small"]
    assert model.recommend_one({"sim"}, 3) == [("small", 0.5)]
    assert model.recommend([{"sim", "large"}], k=3).item.tolist() == []


def test_margins_decide_and_losses_are_not_offered():
    model = Recommender(method="popularity").fit([{"a", "b"}] * 5 + [{"a"}] * 5 + [{"c"}] * 10)
    margin = {"a": 1.0, "b": 10.0, "c": -3.0}
    made = model.recommend([set()], k=3, margin=margin)
    assert made.item.tolist() == ["b", "a"]
    assert made.expected_margin.tolist() == [2.5, 0.5]
    each = model.recommend([set(), set()], k=1, margin=np.array([[1.0, 0, 0], [0, 0, 1.0]]))
    assert each.item.tolist() == ["a", "c"]


def test_eligibility_in_every_form():
    model = Recommender(method="popularity").fit([{"a", "b", "c"}])
    two = [set(), {"a"}]
    assert model.recommend(two, k=3, eligible=["b"]).item.tolist() == ["b", "b"]
    assert model.recommend(two, k=3, eligible={"b": [False, True], "c": False}).item.tolist() == ["a", "b"]
    matrix = np.array([[False, False, True], [True, True, False]])
    assert model.recommend(two, k=3, eligible=matrix).item.tolist() == ["c", "b"]


def test_capacity_goes_to_those_for_whom_it_is_worth_most_and_is_stable():
    model = Recommender(method="popularity").fit([set("abcd")])
    value = RNG.random((30, 4))
    made = model.recommend([set()] * 30, k=2, margin=value, capacity={"a": 5, "b": 8, "c": 0})
    used = {item: int((made.item == item).sum()) for item in "abcd"}
    assert used["a"] == 5
    assert used["b"] == 8
    assert used["c"] == 0
    given = {row: set(made.item[made.customer == row]) for row in range(30)}
    for row in range(30):
        for j, item in enumerate("ab"):
            if item in given[row]:
                continue
            worst = min((value[row, "abcd".index(other)] for other in given[row]), default=0)
            full = [value[other, j] for other in range(30) if item in given[other]]
            assert (len(given[row]) == 2 and worst >= value[row, j]) or min(full) >= value[row, j]


def test_families_help_but_are_never_offered():
    rows = [{"sport", "box"}] * 30 + [{"movies", "box"}] * 30 + [{"sport"}] * 3 + [{"movies"}] * 3 + [{"voice"}] * 60
    model = Recommender(min_support=0.02, taxonomy={"sport": "tv", "movies": "tv"}).fit(rows)
    assert "tv" in model.items_
    made = model.recommend([{"sport"}, {"box"}], k=5)
    assert "tv" not in made.item.tolist()
    assert made.item[0] == "box"


def test_chances_are_those_of_the_past():
    model = Recommender(min_support=0.02, exclusive=TARIFFS).fit(BASE)
    later = base(seed=5)
    rng = np.random.default_rng(3)
    raw = model.p_accept(later)
    taken = [{item for item, p in zip(model.items_, row, strict=True) if rng.random() < 0.1 * p} for row in raw]
    model.calibrate(later, taken)
    chance = model.p_accept(later)
    free = raw > 0
    assert chance[free].sum() == pytest.approx(sum(map(len, taken)), rel=0.05), (
        "isotonic means keep the total, points between them nearly"
    )
    order = np.argsort(raw[free])
    assert np.all(np.diff(chance[free][order]) >= -1e-12)
    with pytest.raises(InputError, match="taken has 1 rows but before has"):
        model.calibrate(later, [set()])


def test_isotonic_means_are_the_least_squares_rising_fit():
    from scipy.optimize import isotonic_regression

    from custval._assoc.scoring import isotonic

    score, taken = RNG.random(200), (RNG.random(200) < 0.3).astype(float)
    points = isotonic(score, taken)
    order = np.argsort(score)
    expected = isotonic_regression(taken[order]).x
    assert np.unique(points[1]) == pytest.approx(np.unique(expected))


def test_every_form_of_customers_and_rules_as_they_are():
    pd = pytest.importorskip("pandas")
    rules = association_rules(frequent_itemsets(BASE, min_support=0.02), min_confidence=0.3, min_lift=1.2)
    model = Recommender(exclusive=TARIFFS).fit(rules)
    assert model.n_rules_ <= len(rules)
    rows = BASE[:20]
    matrix = pd.DataFrame([[item in row for item in NAMES] for row in rows], columns=NAMES)
    long = pd.DataFrame(
        [(f"c{i}", item) for i, row in enumerate(rows) for item in sorted(row)], columns=["subscriber_id", "item"]
    )
    first = model.recommend(rows, k=2)
    assert model.recommend(matrix, k=2).item.tolist() == first.item.tolist()
    named = model.recommend(long, k=2)
    assert named.item.tolist() == first.item.tolist()
    assert named.customer[0] == "c0"
    assert len(model.recommend(Baskets.from_lists(rows), k=1)) == len({frozenset(row) for row in rows})
    assert model.recommend({"roam", "basic"}, k=1).item.tolist() == ["insure"]
    assert len(first.to_frame()) == len(first)


def test_chances_and_margins_go_into_the_plan():
    model = Recommender(min_support=0.02, exclusive=TARIFFS).fit(BASE)
    margin = {"roam": 6.0, "insure": 4.0, "music": 3.0, "video": 5.0, "cloud": 2.0, "basic": 0.0, "plus": 0.0}
    made = model.recommend(BASE[:100], k=1, margin=margin)
    worth = made.expected_margin / made.p_accept
    contacts = plan(
        made.customer, made.p_accept, worth, offers=Offer("next", save_rate=1.0), contact_cost=0.5, capacity=10
    )
    assert contacts.contacts == 10
    assert contacts.expected_profit[0] == pytest.approx(made.expected_margin.max() - 0.5)


def test_item_order_does_not_matter():
    flipped = [{name[::-1] for name in row} for row in BASE]
    one = Recommender(min_support=0.02).fit(BASE)
    two = Recommender(min_support=0.02).fit(flipped)
    for row in BASE[:20]:
        first = dict(one.recommend_one(row, 7))
        second = {item[::-1]: p for item, p in two.recommend_one({name[::-1] for name in row}, 7)}
        assert first == pytest.approx(second)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Recommender(method="deep").fit(BASE), "method must be one of"),
        (lambda: Recommender(max_length=1).fit(BASE), "max_length must be >= 2"),
        (lambda: Recommender().fit(BASE).recommend([{"roaming"}]), r"held by nobody .*did you mean 'roam'"),
        (lambda: Recommender().fit(BASE).recommend([set()], k=0), "k must be >= 1"),
        (lambda: Recommender().fit(BASE).recommend([]), "no customers|no baskets"),
        (lambda: Recommender().fit(BASE).recommend([set()], margin={"roam": 1.0}), "margin lacks"),
        (lambda: Recommender().fit(BASE).recommend([set()], margin=[[1.0]]), "margin has shape"),
        (lambda: Recommender().fit(BASE).recommend([set()], eligible=np.ones((2, 2), bool)), "eligible has shape"),
        (lambda: Recommender().fit(BASE).recommend([set()], eligible={"roam": [True, False]}), "there are 1 customers"),
        (lambda: Recommender().fit(BASE).recommend([set()], capacity={"roam": -1}), r"capacity\['roam'\] must be >= 0"),
        (
            lambda: Recommender().fit(association_rules(frequent_itemsets(BASE, min_support=0.02), max_consequent=2)),
            "longer consequents",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_unknown_items_may_be_ignored_and_a_model_must_be_fitted():
    model = Recommender(min_support=0.02).fit(BASE)
    made = model.recommend([{"roam", "something new"}], k=1, unknown="ignore")
    assert made.item.tolist() == model.recommend([{"roam"}], k=1).item.tolist()
    with pytest.raises(NotFittedError):
        Recommender().recommend([set()])
