"""Transition matrices: reference numbers, intervals, tests, stay and value, forecasts, dilution; bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.segments import (
    base_forecast,
    homogeneity_test,
    markov_order_test,
    migration_matrix,
    state_values,
    transfer_dilution,
    transition_counts,
)

RNG = np.random.default_rng(21)
TRUTH = np.array([[0.85, 0.10, 0.03, 0.02], [0.08, 0.86, 0.05, 0.01], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
NAMES = ("basic", "gold", "price", "debt")


def moves(n, rng, p=TRUTH):
    count = np.array([rng.multinomial(n, p[i]) for i in range(2)])
    start, end = np.repeat([0, 1], 4), np.tile(np.arange(4), 2)
    names = np.array(NAMES)
    return migration_matrix(names[start], names[end], states=NAMES, absorbing=NAMES[2:], sample_weight=count.ravel())


def test_reference_numbers(reference):
    found = reference("retention")
    data, expected = found["data"]["migration"], found["expected"]
    matrix = migration_matrix(
        np.array(data["a"], dtype=int), np.array(data["b"], dtype=int), states=range(5), absorbing=[4]
    )
    values = state_values(matrix, [4.0, 11.0, 26.0, 70.0], monthly_discount=0.01)
    for k, name in enumerate(("bronze", "silver", "gold", "diamond")):
        assert matrix.probability[k, k] == pytest.approx(expected[f"migration.retain.{name}"], rel=1e-9)
        assert values.expected_months[k] == pytest.approx(expected[f"migration.expected_months.{name}"], rel=1e-9)
        assert values.value[k] == pytest.approx(expected[f"migration.value_1pct_month.{name}"], rel=1e-9)


def test_rows_add_up_and_intervals_hold_the_share():
    found = moves(40, RNG)
    np.testing.assert_allclose(found.probability.sum(axis=1), 1.0, rtol=1e-12)
    assert (found.lower <= found.probability).all()
    assert (found.upper >= found.probability).all()
    assert (found.lower[:2][found.count[:2] == 0] == 0).all()
    np.testing.assert_array_equal(found.probability[2:], TRUTH[2:])
    frame = found.to_frame()
    assert len(frame) == 8
    np.testing.assert_allclose(frame.groupby("start")["probability"].sum(), 1.0)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.table().shape == (2, 4)


def test_intervals_are_quantiles_of_the_dirichlet_posterior():
    found = moves(60, np.random.default_rng(1))
    drawn = np.random.default_rng(2).dirichlet(found.count[0] + 0.5, size=200_000)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    seen = found.count[0] > 0
    np.testing.assert_allclose(found.lower[0][seen], low[seen], atol=2e-3)
    np.testing.assert_allclose(found.upper[0], high, atol=2e-3)


def test_intervals_cover_the_truth_in_simulation():
    rng = np.random.default_rng(7)
    inside = np.zeros((2, 4))
    stay = np.zeros(2)
    worth = np.zeros(2)
    truth_stay = np.linalg.solve(np.eye(2) - TRUTH[:2, :2], np.ones(2))
    truth_worth = np.linalg.solve(np.eye(2) - TRUTH[:2, :2] / 1.01, np.array([10.0, 30.0]))
    for _ in range(400):
        found = moves(2000, rng)
        inside += (found.lower[:2] <= TRUTH[:2]) & (found.upper[:2] >= TRUTH[:2])
        values = state_values(found, [10.0, 30.0], monthly_discount=0.01)
        stay += (np.array(values.expected_months_lower) <= truth_stay) & (
            np.array(values.expected_months_upper) >= truth_stay
        )
        worth += (np.array(values.value_lower) <= truth_worth) & (np.array(values.value_upper) >= truth_worth)
    for share in (*(inside / 400).ravel(), *(stay / 400), *(worth / 400)):
        assert 0.91 <= share <= 0.983


def test_errors_of_stay_and_value_equal_the_spread_over_samples():
    rng = np.random.default_rng(3)
    found = [
        state_values(moves(3000, rng), [10.0, 30.0], monthly_discount=0.01, timing=timing, exit_value=[-5.0, -80.0])
        for timing in ("start", "mid", "end")
        for _ in range(250)
    ]
    for k in range(3):
        group = found[250 * k : 250 * (k + 1)]
        for name in ("expected_months", "value"):
            spread = np.std([getattr(one, name) for one in group], axis=0)
            error = np.mean([getattr(one, f"{name}_std_error") for one in group], axis=0)
            np.testing.assert_allclose(error, spread, rtol=0.15)


def test_value_by_timing_equals_a_long_sum():
    found = migration_matrix(
        ["a", "a", "a", "b", "b", "b"], ["a", "b", "x", "a", "b", "x"], absorbing=["x"],
        sample_weight=[80, 15, 5, 10, 70, 20],
    )  # fmt: skip
    p, v = np.array(found.probability[:2]), 1 / 1.02
    margin, ends = np.array([12.0, 40.0]), np.array([-30.0])
    for timing in ("start", "mid", "end"):
        total, now = np.zeros(2), np.eye(2)
        for t in range(1, 3000):
            then = now @ p[:, :2]
            stays = {"start": now @ margin * v ** (t - 1), "end": then @ margin * v**t}
            stays["mid"] = (now @ margin + then @ margin) / 2 * v ** (t - 0.5)
            total += stays[timing] + now @ p[:, 2:] @ ends * v**t
            now = then
        values = state_values(found, margin, monthly_discount=0.02, timing=timing, exit_value=ends)
        np.testing.assert_allclose(values.value, total, rtol=1e-10)
    np.testing.assert_allclose(values.departure, 1.0)
    np.testing.assert_allclose(values.months_in_state.sum(axis=1), values.expected_months)


def test_chances_of_each_departure():
    found = moves(5000, RNG)
    values = state_values(found)
    q, r = found.probability[:2, :2], found.probability[:2, 2:]
    np.testing.assert_allclose(values.departure, np.linalg.inv(np.eye(2) - q) @ r)
    assert values.value is None
    assert "leaves_by_debt" in values.to_frame()


def test_who_can_never_leave_stays_for_ever():
    found = migration_matrix(
        ["a", "a", "trap", "b", "b"], ["a", "trap", "trap", "b", "x"], absorbing=["x"], sample_weight=[9, 1, 5, 9, 1]
    )
    values = state_values(found, [1.0, 1.0, 1.0], monthly_discount=0.01)
    months = dict(zip(values.state, values.expected_months, strict=True))
    assert months["a"] == months["trap"] == np.inf
    assert months["b"] == pytest.approx(10.0)
    assert np.isfinite(values.value).all()
    assert dict(zip(values.state, values.value, strict=True))["trap"] == pytest.approx(101.0)
    with pytest.raises(InputError, match=r"customers of 'a' never leave, so their value is infinite"):
        state_values(found, [1.0, 1.0, 1.0])


def test_homogeneity_by_hand_and_by_scipy():
    from scipy.stats import chi2_contingency

    counts = RNG.integers(5, 80, (3, 2, 4))
    found = homogeneity_test(counts)
    parts = [chi2_contingency(counts[:, i], lambda_="log-likelihood", correction=False) for i in range(2)]
    assert found.statistic == pytest.approx(sum(part.statistic for part in parts))
    assert found.degrees_of_freedom == sum(part.dof for part in parts)
    assert found.p_value_by_state == pytest.approx([part.pvalue for part in parts])
    assert found.pearson == pytest.approx(
        sum(chi2_contingency(counts[:, i], correction=False).statistic for i in range(2))
    )


def test_tests_hold_their_level_and_have_power():
    rng = np.random.default_rng(11)
    q = np.array([[0.8, 0.2], [0.3, 0.7]])
    small, small_order = 0, 0
    for _ in range(400):
        counts = np.array([[rng.multinomial(300, row) for row in q] for _ in range(4)])
        small += homogeneity_test(counts).pearson_p_value < 0.05
        chain = np.zeros((60, 10), dtype=np.int64)
        for t in range(1, 10):
            chain[:, t] = rng.random(60) > q[chain[:, t - 1], 0]
        small_order += markov_order_test(transition_counts(chain)).pearson_p_value < 0.05
    assert 0.02 <= small / 400 <= 0.09
    assert 0.02 <= small_order / 400 <= 0.09
    other = np.array([[rng.multinomial(3000, row) for row in q + shift * np.array([1, -1])] for shift in (0, 0.05)])
    assert homogeneity_test(other).p_value < 1e-4
    # a chain that goes on as it went: rises follow rises
    memory = np.zeros((400, 12), dtype=np.int64)
    for t in range(2, 12):
        stay = rng.random(400) < np.where(memory[:, t - 1] == memory[:, t - 2], 0.9, 0.4)
        memory[:, t] = np.where(stay, memory[:, t - 1], 1 - memory[:, t - 1])
    counts = transition_counts(memory)
    assert markov_order_test(counts).p_value < 1e-6
    assert markov_order_test(counts, order=0).p_value < 1e-6


def test_months_of_a_matrix_are_compared():
    start, end = ["a", "a", "b", "b"] * 2, ["a", "b", "a", "b"] * 2
    found = migration_matrix(start, end, month=[1] * 4 + [2] * 4, sample_weight=[80, 20, 10, 90, 60, 40, 10, 90])
    test = homogeneity_test(found)
    assert test.p_value < 0.01
    assert test.p_value_by_state[1] == pytest.approx(1.0)
    table = found.by_month()
    assert len(table) == 8
    assert table.query("month == 2 and start == 'a' and end == 'b'")["probability"].item() == pytest.approx(0.4)


def test_forecast_of_the_base():
    found = moves(4000, np.random.default_rng(2))
    ahead = base_forecast(found, [500, 200], months=6, inflow=[20, 5], random_state=1)
    now = np.array([500.0, 200.0, 0.0, 0.0])
    for t in range(1, 7):
        now = now @ found.probability + np.array([20, 5, 0, 0])
        np.testing.assert_allclose(ahead.expected[t], now, rtol=1e-12)
    assert (ahead.lower[0] >= ahead.lower[-1]).all()
    assert (ahead.upper[0] <= ahead.upper[-1]).all()
    again = base_forecast(found, [500, 200], months=6, inflow=np.tile([20, 5], (6, 1)), random_state=1)
    np.testing.assert_array_equal(ahead.upper, again.upper)
    assert (ahead.lower[1, 1:] <= ahead.expected[1:]).all()
    frame = ahead.to_frame()
    assert len(frame) == 7 * 5
    assert {"lower_50", "upper_95"} <= set(frame.columns)


def test_bands_of_the_forecast_cover_what_happens():
    rng = np.random.default_rng(5)
    inside, cases = 0, 300
    for _ in range(cases):
        found = moves(400, rng)
        ahead = base_forecast(found, [300, 150], months=4, levels=(0.8,), draws=400, random_state=rng)
        now = np.array([300, 150, 0, 0])
        for _ in range(4):
            now = np.array([rng.multinomial(now[i], TRUTH[i]) for i in range(4)]).sum(axis=0)
        base = now[:2].sum()
        inside += ahead.base_lower[0, -1] <= base <= ahead.base_upper[0, -1]
    assert 0.72 <= inside / cases <= 0.88


def test_sankey_data():
    flows = moves(1000, RNG).flows()
    assert flows["nodes"] == ["basic", "gold", *NAMES]
    assert sum(link["value"] for link in flows["links"]) == 2000
    json.dumps(flows, allow_nan=False)


def test_dilution_and_break_even():
    before, after = RNG.gamma(9, 4, 300), RNG.gamma(9, 3.4, 300)
    found = transfer_dilution(before, after, origin=np.repeat(["L", "M"], 150), destination=["S"] * 300)
    change = after - before
    assert found.origin == ("L", "M", "all")
    assert found.change[2] == pytest.approx(change.mean())
    assert found.change_std_error[2] == pytest.approx(change.std(ddof=1) / np.sqrt(300))
    assert found.monthly_total[:2].sum() == pytest.approx(found.monthly_total[2])
    assert found.break_even[0] == pytest.approx(1 - after[:150].mean() / before[:150].mean())
    # had the share s* left, both ways bring the same
    s = found.break_even[2]
    assert (1 - s) * before.sum() == pytest.approx(after.sum())
    longer = transfer_dilution(before, after, months_before=20.0, months_after=30.0)
    assert longer.break_even[-1] == pytest.approx(1 - 1.5 * after.mean() / before.mean())
    ratios = [
        transfer_dilution(RNG.gamma(9, 4, 200), RNG.gamma(9, 3.4, 200)) for _ in range(400)
    ]  # fmt: skip
    spread = np.std([one.break_even[-1] for one in ratios])
    assert np.mean([one.break_even_std_error[-1] for one in ratios]) == pytest.approx(spread, rel=0.12)
    weight = RNG.integers(0, 3, 300)
    copies = transfer_dilution(np.repeat(before, weight), np.repeat(after, weight))
    counted = transfer_dilution(before, after, sample_weight=weight)
    assert counted.break_even_std_error[-1] == pytest.approx(copies.break_even_std_error[-1])
    assert transfer_dilution([5.0], [4.0]).change_std_error == (None, None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: migration_matrix(["a"]), r"end is needed"),
        (lambda: migration_matrix(["a"], ["b", "c"]), r"end has 2 rows but start has 1"),
        (lambda: migration_matrix([], []), r"every state is absorbing|start is empty"),
        (
            lambda: migration_matrix(["a", "x"], ["x", "a"], absorbing=["x"]),
            r"1 of 2 rows leave an absorbing state \(first: row 1, 'x' to 'a'\)",
        ),
        (lambda: migration_matrix(["a"], ["z"], states=("a", "b")), r"unknown state \(first: row 0, 'z'"),
        (lambda: migration_matrix(["a"], ["a"], states=("a",), absorbing=("x",)), r"absorbing names 'x'"),
        (lambda: migration_matrix(["a"], ["a"], prior=0.0), r"prior must be > 0"),
        (lambda: homogeneity_test(migration_matrix(["a", "b"], ["b", "a"])), r"only one month"),
        (lambda: homogeneity_test([[[1.5]], [[2.0]]]), r"counts must be whole numbers, not weights"),
        (lambda: markov_order_test(np.ones((2, 2, 2)), order=2), r"order must be one of 0, 1"),
        (lambda: state_values(migration_matrix(["a", "b"], ["b", "a"])), r"no state is absorbing"),
        (lambda: state_values(moves(9, RNG), [1.0]), r"margin has 1 rows"),
        (lambda: base_forecast(moves(9, RNG), [1.5, 2.0]), r"opening must be whole numbers of customers"),
        (lambda: base_forecast(moves(9, RNG), [1.0]), r"opening has 1 rows"),
        (lambda: base_forecast(moves(9, RNG), [1.0, 2.0], months=0), r"months must be >= 1"),
        (lambda: base_forecast(moves(9, RNG), [1.0, 2.0], levels=()), r"levels is empty"),
        (lambda: transfer_dilution([1.0], [np.nan]), r"after must be finite"),
        (lambda: transfer_dilution([1.0], [1.0], origin=["a", "b"]), r"origin has 2 rows"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_state_nobody_was_in_keeps_the_prior_and_says_so():
    with pytest.warns(DataWarning, match=r"nobody starts in 1 of 3 states \(first: 'c'\)"):
        found = migration_matrix(["a", "b"], ["b", "a"], states=("a", "b", "c"))
    np.testing.assert_allclose(found.probability[2], 1 / 3)
    assert found.lower[2, 0] == 0.0
    assert found.upper[2, 0] > 0.8
    with pytest.warns(DataWarning, match="nobody starts"):
        moving = migration_matrix(["a", "a"], ["c", "x"], states=("a", "c", "x"), absorbing=["x"])
    assert state_values(moving).expected_months_std_error[0] is None


def test_dilution_of_no_transfers_is_refused():
    with pytest.raises(InputError, match="before is empty"):
        transfer_dilution([], [])


def test_a_matrix_has_no_memory_to_test_and_departures_are_spelled_as_seen():
    matrix = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"])
    with pytest.raises(InputError, match="holds pairs of months only"):
        markov_order_test(matrix)
    with pytest.warns(DataWarning, match=r"absorbing names 'lfet' \(did you mean 'left'\?\), which nobody reaches"):
        migration_matrix(["a", "left"], ["left", "a"], absorbing=["lfet"])
