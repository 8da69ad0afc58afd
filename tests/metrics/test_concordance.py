"""Concordance: R's number and error, the definition over all pairs (entry, weights, ties), counting by brute force."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest

from custval._core.errors import InputError
from custval._metrics.pairs import by_digits, earlier
from custval.metrics import concordance
from custval.survival import survival_target


def all_pairs(entry, duration, event, risk, weight):
    """Concordant, tied and comparable weight, and the pairs each customer takes part in, from the definition."""
    n = len(duration)
    found = np.zeros(3)
    mine = np.zeros((n, 2))
    for i in range(n):
        for j in range(n):
            longer = duration[i] < duration[j] or (duration[i] == duration[j] and not event[j])
            if i == j or not event[i] or not longer or entry[j] >= duration[i]:
                continue
            won, tied = float(risk[i] > risk[j]), float(risk[i] == risk[j])
            found += weight[i] * weight[j] * np.array([won, tied, 1.0])
            mine[i] += weight[j] * np.array([won + 0.5 * tied, 1.0])
            mine[j] += weight[i] * np.array([won + 0.5 * tied, 1.0])
    value = (found[0] + 0.5 * found[1]) / found[2]
    pull = weight * (mine[:, 0] - value * mine[:, 1])
    return found, value, np.sqrt((pull**2).sum()) / found[2]


def sample(seed, n=60, *, entries=True):
    rng = np.random.default_rng(seed)
    duration = rng.integers(1, 15, n).astype(float)
    entry = np.floor(rng.random(n) * duration) * entries
    return entry, duration, rng.random(n) < 0.6, rng.integers(0, 8, n) / 4.0, rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_definition_over_all_pairs(seed):
    entry, duration, event, risk, weight = sample(seed, entries=seed % 2 == 0)
    y = survival_target(duration, event, entry=entry)
    got = concordance(y, risk, sample_weight=weight)
    found, value, error = all_pairs(entry, duration, event, risk, weight)
    assert (got.concordant, got.tied, got.comparable) == pytest.approx(tuple(found), rel=1e-12)
    assert got.discordant == pytest.approx(found[2] - found[0] - found[1])
    assert (got.value, got.std_error) == pytest.approx((value, error), rel=1e-10)


def test_reference_value_and_error(shared, reference):
    cases = {case["id"]: case for case in reference("survival")}
    coef = cases["cox_efron_rossi"]["expected"]["coef"]
    expected = cases["concordance_rossi"]["expected"]
    with (shared / "reference" / "survival" / "rossi.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    risk = [sum(b * float(row[name]) for name, b in coef.items()) for row in rows]
    y = survival_target([float(row["week"]) for row in rows], [int(float(row["arrest"])) for row in rows])
    got = concordance(y, risk)
    assert got.value == pytest.approx(expected["harrell"], rel=1e-9)
    assert got.std_error == pytest.approx(expected["harrell_se"], rel=1e-9)


def test_both_ways_of_counting_agree_on_exact_times(monkeypatch):
    rng = np.random.default_rng(4)
    duration, event, risk = rng.exponential(10.0, 400), rng.random(400) < 0.5, rng.random(400)
    y = survival_target(duration, event, entry=duration * rng.random(400))
    few = concordance(y, risk)
    monkeypatch.setattr("custval._metrics.pairs.FEW_TIMES", 0.0)
    assert concordance(y, risk).to_dict() == few.to_dict()


def test_error_is_that_of_fresh_samples():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        risk = rng.normal(size=300)
        leave, watched = rng.exponential(np.exp(-0.7 * risk)), rng.exponential(2.0, 300)
        found.append(concordance((np.minimum(leave, watched), leave <= watched), risk))
    spread = np.std([one.value for one in found], ddof=1)
    assert np.mean([one.std_error for one in found]) == pytest.approx(spread, rel=0.15)


def test_a_perfect_and_a_silent_forecast():
    y = survival_target([1, 2, 3, 4], [1, 1, 1, 0])
    assert concordance(y, [4.0, 3.0, 2.0, 1.0]).value == 1.0
    assert concordance(y, [1.0, 1.0, 1.0, 1.0]).value == 0.5
    assert concordance(y, [1.0, 2.0, 3.0, 4.0]).value == 0.0


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_counting_pairs_by_brute_force(seed, same):
    rng = np.random.default_rng(seed)
    time, rank, weight = rng.integers(0, 9, 40).astype(float), rng.integers(0, 13, 40), rng.random(40)
    ask, asked = rng.integers(0, 9, 25).astype(float), rng.integers(0, 13, 25)
    few = earlier(time, rank, weight, ask, asked, include_same_time=same)
    late = np.repeat([0, 1] if same else [1, 0], [40, 25])
    digits = by_digits(np.lexsort((late, np.concatenate([time, ask]))), rank, weight, asked)
    for k, got in itertools.product(range(25), (few, digits)):
        before = (time < ask[k]) | (same & (time == ask[k]))
        assert got.lower[k] == pytest.approx(weight[before & (rank < asked[k])].sum())
        assert got.equal[k] == pytest.approx(weight[before & (rank == asked[k])].sum())
        assert got.total[k] == pytest.approx(weight[before].sum())


@pytest.mark.parametrize(
    ("y", "risk", "message"),
    [
        (([1, 2], [0, 0]), [0.1, 0.2], "no two customers can be compared"),
        (([1, 2], [1, 0]), [0.1], "risk has 1 rows but y has 2"),
        (([1, 2], [1, 0]), [0.1, np.inf], r"risk must be finite .* 1 of 2 rows is not \(first: row 1"),
        (([1, 0], [1, 0]), [0.1, 0.2], r"duration must be > 0 but 1 of 2 rows is not \(first: row 1, value 0\.0\)"),
        (([1, 2], [1, 0.5]), [0.1, 0.2], "event must be a whole number"),
        (np.array([(1.0, 2.0)], dtype=[("start", float), ("stop", float)]), [0.1], "make it with survival_target"),
        (([], []), [], "y is empty"),
    ],
)
def test_impossible_input_is_refused(y, risk, message):
    with pytest.raises(InputError, match=message):
        concordance(y, risk)
