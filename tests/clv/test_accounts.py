"""Accounts: enumeration of who is there, sums, and every bad input."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from custval import InputError
from custval.clv import account_value, discounted_value

RNG = np.random.default_rng(0)
CURVE = np.cumprod(RNG.uniform(0.85, 0.99, (6, 9)), axis=1)
ACCOUNT = np.array(["b", "a", "b", "c", "b", "a"])


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_the_shared_part_is_there_while_anyone_is(timing):
    margin = RNG.uniform(5, 9, 6)
    found = account_value(CURVE, margin, ACCOUNT, shared_margin=[3.0, -2.0, 4.0], monthly_discount=0.01, timing=timing)
    for j, (name, shared) in enumerate(zip("abc", [3.0, -2.0, 4.0], strict=True)):
        rows = np.flatnonzero(name == ACCOUNT)
        own = discounted_value(CURVE[rows], margin[rows], monthly_discount=0.01, timing=timing).sum()
        anyone = np.zeros(9)
        for there in itertools.product([0, 1], repeat=len(rows)):  # every combination of lines
            chance = np.prod([np.where(t, CURVE[i], 1 - CURVE[i]) for t, i in zip(there, rows, strict=True)], axis=0)
            anyone += chance * any(there)
        together = discounted_value(anyone[None], shared, monthly_discount=0.01, timing=timing)[0]
        assert found.line_value[j] == pytest.approx(own, rel=1e-12)
        assert found.shared_value[j] == pytest.approx(together, rel=1e-12)
        assert found.lines[j] == len(rows)
    np.testing.assert_allclose(found.value, found.line_value + found.shared_value)
    assert found.total == pytest.approx(found.value.sum())


def test_lines_that_leave_together_are_there_as_long_as_the_longest():
    found = account_value(CURVE, 0.0, ACCOUNT, shared_margin=1.0, monthly_discount=0.0, dependence="together")
    expected = [CURVE[name == ACCOUNT].max(axis=0).sum() for name in "abc"]
    np.testing.assert_allclose(found.shared_value, expected)
    independent = account_value(CURVE, 0.0, ACCOUNT, shared_margin=1.0, monthly_discount=0.0)
    assert (found.shared_value <= independent.shared_value + 1e-12).all()


def test_accounts_of_one_line_are_customers():
    found = account_value(CURVE, 8.0, np.arange(6), shared_margin=2.0, monthly_discount=0.01)
    np.testing.assert_allclose(found.value, discounted_value(CURVE, 10.0, monthly_discount=0.01))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shared_margin": [1.0, 2.0]}, r"shared_margin has shape \(2,\) but there are 3 accounts"),
        ({"dependence": "no"}, r"dependence must be one of 'independent', 'together'"),
        ({"accounts": ["a"]}, r"groups has 1 rows but X has 6"),
    ],
)
def test_bad_input_is_refused_with_help(options, message):
    accounts = options.pop("accounts", ACCOUNT)
    with pytest.raises(InputError, match=message):
        account_value(CURVE, 1.0, accounts, monthly_discount=0.0, **options)
