"""Concordance: R's number and error, the definition over all pairs (entry, weights, ties), counting by brute force."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from custval._core.errors import InputError
from custval._metrics.pairs import meet
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


def weighed_pairs(duration, event, risk, weight, *, cause=None, tau=np.inf, uno=True):
    """Uno's concordance (and Wolbers's, for a cause) from the definition, G by a product over censoring times."""

    def watched(t):
        share = 1.0
        for u in sorted(set(duration[(event == 0) & (duration < t)])):
            exposed = weight[(duration > u) | ((duration == u) & (event == 0))].sum()
            share *= 1.0 - weight[(duration == u) & (event == 0)].sum() / exposed
        return share if uno else 1.0

    n, won, pairs = len(duration), 0.0, 0.0
    mine = np.zeros((n, 2))
    for i in range(n):
        if not (event[i] > 0 if cause is None else event[i] == cause) or duration[i] >= tau:
            continue
        for j in range(n):
            longer = duration[j] > duration[i] or (duration[j] == duration[i] and event[j] == 0)
            gone = cause is not None and event[j] not in (0, cause) and duration[j] <= duration[i]
            if not (longer or gone):
                continue
            g = watched(duration[i])
            w = weight[i] * weight[j] / g / (watched(duration[j]) if gone else g)
            share = float(risk[i] > risk[j]) + 0.5 * float(risk[i] == risk[j])
            won, pairs = won + w * share, pairs + w
            mine[[i, j]] += w * np.array([share, 1.0])
    value = won / pairs
    return value, np.sqrt(((mine[:, 0] - value * mine[:, 1]) ** 2).sum()) / pairs


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


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cause", [None, 1, 2])
@pytest.mark.parametrize(("weighting", "tau"), [("uno", None), ("uno", 9.0), ("harrell", 9.0)])
def test_weighed_pairs_and_causes_equal_the_definition(seed, cause, weighting, tau):
    _, duration, event, risk, weight = sample(seed)
    event = event * np.random.default_rng(seed).integers(1, 3, len(event))
    got = concordance((duration, event), risk, weighting=weighting, tau=tau, cause=cause, sample_weight=weight)
    same = weighed_pairs(duration, event, risk, weight, cause=cause, tau=tau or np.inf, uno=weighting == "uno")
    assert (got.value, got.std_error) == pytest.approx(same, rel=1e-10)
    assert got.weighting == weighting


def test_a_longer_watch_moves_harrell_but_not_uno():
    rng = np.random.default_rng(0)
    risk = rng.normal(size=4000)
    leave = rng.weibull(1.5, 4000) * np.exp(-risk * (rng.random(4000) < 0.7))
    short, long = rng.exponential(0.7, 4000), rng.exponential(5.0, 4000)
    found = [
        [concordance((np.minimum(leave, end), leave <= end), risk, weighting=kind, tau=1.2) for end in (short, long)]
        for kind in ("harrell", "uno")
    ]
    shift = [one.value - other.value for one, other in found]
    error = np.hypot(found[1][0].std_error, found[1][1].std_error)
    assert abs(shift[1]) < 2 * error
    assert abs(shift[0]) > abs(shift[1])


def test_error_of_uno_is_that_of_fresh_samples():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        risk = rng.normal(size=300)
        leave, watched = rng.exponential(np.exp(-0.7 * risk)), rng.exponential(2.0, 300)
        y = (np.minimum(leave, watched), leave <= watched)
        found.append(concordance(y, risk, weighting="uno", tau=2.0))
    spread = np.std([one.value for one in found], ddof=1)
    assert np.mean([one.std_error for one in found]) == pytest.approx(spread, rel=0.2)


def test_a_landmark_compares_those_watched_then():
    entry, duration, event, risk, weight = sample(3)
    keep = (entry <= 4) & (duration > 4)
    y = survival_target(duration, event, entry=entry)
    for kind in ("harrell", "uno"):
        got = concordance(y, risk, weighting=kind, landmark=4.0, sample_weight=weight)
        moved = (duration[keep] - 4, event[keep])
        same = concordance(moved, risk[keep], weighting=kind, sample_weight=weight[keep])
        assert got.to_dict() == same.to_dict()
        assert got.customers == keep.sum()


def test_the_time_watched_may_come_from_other_customers():
    _, duration, event, risk, _ = sample(1, entries=False)
    y = (duration, event)
    own = concordance(y, risk, weighting="uno")
    assert concordance(y, risk, weighting="uno", y_train=y).to_dict() == own.to_dict()
    all_left = (duration, np.ones(len(duration)))
    plain = concordance(y, risk)
    assert concordance(y, risk, weighting="uno", y_train=all_left).value == plain.value
    with pytest.raises(
        InputError, match=r"departures are at times to which nobody of y_train was watched .*end before that time"
    ):
        concordance(y, risk, weighting="uno", y_train=([1.0, 2.0], [0, 0]))


def test_a_cause_may_be_named():
    y = survival_target([1, 2, 3, 4], ["price", "debt", "price", None])
    risk = [4.0, 3.0, 2.0, 1.0]
    assert concordance(y, risk, cause="price").to_dict() == concordance(y, risk, cause=2).to_dict()
    with pytest.raises(InputError, match=r"cause must be one of 'debt', 'price', not 'prise' \(did you mean 'price'"):
        concordance(y, risk, cause="prise")
    with pytest.raises(InputError, match="cause must be >= 1 and <= 2, not 3"):
        concordance(y, risk, cause=3)


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


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64])
def test_meeting_in_pairs_by_brute_force(n):
    rng = np.random.default_rng(n)
    slot = np.unique(rng.integers(0, max(n // 2, 1), n), return_inverse=True)[1]
    rank = np.unique(rng.integers(0, max(n // 3, 1), n), return_inverse=True)[1]
    ask, offer = rng.random(n) * (rng.random(n) < 0.6), rng.random(n)
    pair = np.outer(ask, offer) * (slot[:, None] < slot)
    got = meet(slot, rank, ask, offer)
    for part, of in (("won", rank[:, None] > rank), ("tied", rank[:, None] == rank), ("total", True)):
        mass = pair * of
        assert getattr(got, part) == pytest.approx(mass.sum(axis=0) + mass.sum(axis=1), rel=1e-12, abs=1e-12)


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


def test_a_frame_is_a_target():
    y = pd.DataFrame({"duration": [1.0, 2.0, 3.0, 4.0], "event": [1, 1, 0, 1]})
    risk = [0.9, 0.2, 0.4, 0.1]
    assert concordance(y, risk).value == concordance((y["duration"], y["event"]), risk).value == 0.8
    with pytest.raises(InputError, match=r"y is a frame without a column 'duration' \(it has tenure, event\)"):
        concordance(y.rename(columns={"duration": "tenure"}), risk)
    with pytest.raises(InputError, match="y holds labels of causes; make it with survival_target"):
        concordance(y.assign(event=["price", "price", None, "price"]), risk)
