"""Ageing and roll rates: bill by bill in plain Python, matrix powers against simulation, and every bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from custval import InputError
from custval.clv import ageing, expected_credit_loss, roll_rates

DAY = 86_400
BUCKETS = ("current", "overdue", "late", "written off")


def by_hand(bills, payments, as_of, edges):
    """Settle the oldest bill first, one payment after the other."""
    owed = {}
    for i, t, amount in sorted(bills, key=lambda bill: bill[1]):
        if t <= as_of:
            owed.setdefault(i, []).append([t, amount])
    for i, t, amount in payments:
        rest = amount if t <= as_of else 0.0
        for bill in owed.get(i, []):
            paid = min(bill[1], rest)
            bill[1] -= paid
            rest -= paid
    table = {}
    for i, rows in owed.items():
        line = np.zeros(len(edges) + 1)
        for t, amount in rows:
            line[sum((as_of - t) / DAY > edge for edge in edges)] += amount
        table[i] = line
    return table


@pytest.mark.parametrize("kind", [dict, pd.DataFrame, pl.DataFrame])
def test_ageing_equals_settling_bill_by_bill(kind):
    rng = np.random.default_rng(0)
    bills = [(int(i), float(t * 30 * DAY), float(rng.integers(10, 50))) for i in range(40) for t in range(6)]
    payments = [
        (int(rng.integers(0, 45)), float(rng.integers(0, 200)) * DAY, float(rng.integers(5, 90))) for _ in range(150)
    ]
    as_of, edges = 5.2 * 30 * DAY, (0, 30, 60, 90)
    found = ageing(
        kind(dict(zip(("subscriber_id", "bill_time", "amount"), map(list, zip(*bills, strict=True)), strict=True))),
        kind(dict(zip(("subscriber_id", "paid_time", "amount"), map(list, zip(*payments, strict=True)), strict=True))),
        as_of=as_of,
        edges=edges,
    )
    expected = by_hand(bills, payments, as_of, edges)
    np.testing.assert_allclose(found.exposure, [expected[i] for i in found.subscriber_id], atol=1e-9)
    worst = [max(np.flatnonzero(line), default=0) for line in found.exposure]
    np.testing.assert_array_equal(found.bucket, worst)
    assert found.buckets == ("current", "1-30", "31-60", "61-90", "over 90")


def test_the_chance_to_be_written_off_equals_simulated_customers():
    rng = np.random.default_rng(1)
    matrix = np.array([[0.9, 0.1, 0.0, 0.0], [0.6, 0.1, 0.3, 0.0], [0.2, 0.1, 0.2, 0.5], [0.0, 0.0, 0.0, 1.0]])
    n, months = 20_000, 9
    panel = np.zeros((n, months + 1), dtype=int)
    panel[:, 0] = rng.integers(0, 3, n)
    for t in range(months):
        edges = np.cumsum(matrix[panel[:, t]], axis=1)
        panel[:, t + 1] = (rng.random((n, 1)) > edges).sum(axis=1)
    found = roll_rates(panel, buckets=BUCKETS, horizon=9)
    assert np.abs((found.rates - matrix)[:3]).max() < 0.01
    np.testing.assert_allclose(found.rates.sum(axis=1), 1.0)
    reached = [(panel[panel[:, 0] == b][:, -1] == 3).mean() for b in range(3)]
    np.testing.assert_allclose(found.default_probability[:3], reached, atol=0.02)
    np.testing.assert_allclose(found.default_probability, np.linalg.matrix_power(found.rates, 9)[:, -1], rtol=1e-12)
    assert found.default_probability[3] == 1.0
    assert found.default_std_error[3] == 0.0


def test_the_error_of_the_chance_equals_its_spread():
    rng = np.random.default_rng(2)
    rates = np.array([[0.8, 0.2, 0.0], [0.5, 0.2, 0.3]])
    chances, errors = [], []
    for _ in range(400):
        rows = [np.concatenate([rng.choice(3, 300, p=p)]) for p in rates]
        panel = np.concatenate([np.column_stack([np.full(300, b), rows[b]]) for b in range(2)])
        found = roll_rates(panel, buckets=("current", "overdue", "gone"), horizon=6)
        chances.append(found.default_probability[:2])
        errors.append(found.default_std_error[:2])
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(chances, axis=0), rtol=0.12)


def test_absent_months_are_left_out():
    whole = roll_rates([[0, 1, 2], [0, 0, 1]], buckets=("current", "overdue", "gone"))
    gaps = roll_rates([[0, 1, 2, -1], [-1, 0, 0, 1]], buckets=("current", "overdue", "gone"))
    np.testing.assert_array_equal(whole.counts, gaps.counts)
    assert list(gaps.to_frame()["bucket"]) == ["current", "overdue", "gone"]


def test_months_may_be_given_as_they_were_aged():
    bills = {"subscriber_id": [1, 1, 2], "bill_time": [0.0, 40.0 * DAY, 0.0], "amount": [9.0, 9.0, 5.0]}
    paid = {"subscriber_id": [2], "paid_time": [35.0 * DAY], "amount": [5.0]}
    months = [ageing(bills, paid, as_of=day * DAY, edges=(0, 30)) for day in (20, 50, 60)]
    found = roll_rates(months)
    np.testing.assert_array_equal(found.counts, [[1, 0, 0], [1, 0, 1], [0, 0, 1]])
    assert found.buckets == ("current", "1-30", "over 30")


def test_late_payments_are_left_to_the_loss_given_default():
    paid_late = [[0, 1, 2, 0, 1], [0, 0, 1, 0, 0]]
    found = roll_rates(paid_late, buckets=("current", "overdue", "gone"), absorb=True)
    stayed = roll_rates([[0, 1, 2, 2, 2], [0, 0, 1, 0, 0]], buckets=("current", "overdue", "gone"))
    np.testing.assert_array_equal(found.counts, stayed.counts)


def test_expected_loss_is_a_product():
    exposure, chance = np.array([[10.0, 5.0], [0.0, 8.0]]), np.array([0.1, 0.6])
    np.testing.assert_allclose(expected_credit_loss(exposure, chance), [4.0, 4.8])
    np.testing.assert_allclose(expected_credit_loss(exposure, chance, loss_given_default=0.5), [2.0, 2.4])
    by_bucket = expected_credit_loss([[10.0, 5.0], [0.0, 8.0], [1.0, 1.0]], chance, loss_given_default=[1.0, 0.5])
    np.testing.assert_allclose(by_bucket, [2.5, 2.4, 0.4])
    each = expected_credit_loss([[10.0, 5.0], [0.0, 8.0], [1.0, 1.0]], chance, loss_given_default=[1.0, 0.5, 0.0])
    np.testing.assert_allclose(each, [4.0, 2.4, 0.0])


BILLS = {"subscriber_id": [1, 2], "bill_time": [0.0, 0.0], "amount": [5.0, -5.0]}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ageing(BILLS, None, as_of=1.0),
            r"bills\['amount'\] must be >= 0 .*row 1, value -5\.0\); credit notes",
        ),
        (lambda: ageing({"subscriber_id": [1]}, None, as_of=1.0), r"there is no column 'bill_time'"),
        (lambda: ageing(BILLS, None, as_of=1.0, edges=(30, 60)), r"edges must rise from 0"),
        (lambda: roll_rates([[0, 7]], buckets=BUCKETS), r"must be -1 \(not there\) or a bucket 0\.\.3 .*value 7\.0"),
        (lambda: roll_rates([[0, 0.5]], buckets=BUCKETS), r"value 0\.5"),
        (lambda: roll_rates([[0]], buckets=BUCKETS), r"two months and two buckets or more"),
        (lambda: roll_rates([[3, 0]], buckets=BUCKETS), r"1 times a customer left 'written off', which must be final"),
        (lambda: roll_rates([[0, 3]], buckets=BUCKETS), r"no customer was in bucket 'overdue' with a next month"),
        (lambda: roll_rates([[0, 1]]), r"buckets must name the columns' codes"),
        (lambda: expected_credit_loss([[1.0]], [0.1, 0.2]), r"1 buckets but default_probability has 2"),
        (lambda: expected_credit_loss([[1.0]], [1.1]), r"default_probability must be >= 0 and <= 1"),
        (lambda: expected_credit_loss([[1.0]], [0.1], loss_given_default=[0.1, 0.2]), r"loss_given_default has 2 rows"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
