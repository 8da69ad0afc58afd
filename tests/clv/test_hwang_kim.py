"""The wireless-telecom papers: each formula term by term in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from custval import InputError
from custval.clv import current_value, customer_loyalty, hwang_value, past_contribution, potential_value


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2])
def test_hwangs_value_is_its_two_sums(rate):
    past, future, benefit, churn = [[3.0, 5.0, 4.0], [9.0, 8.0, 7.0]], [4.0, 7.0], [1.0, 0.5], [0.25, 0.3]
    worth = hwang_value(past, future, benefit, churn_rate=churn, monthly_discount=rate)
    for i in range(2):
        behind = sum(p * (1 + rate) ** (2 - t) for t, p in enumerate(past[i]))
        months = range(1, int(1 / churn[i]) + 2)  # t - N = 1 .. E + 1
        assert worth.past_contribution[i] == pytest.approx(behind, rel=1e-12)
        assert worth.future_contribution[i] == pytest.approx(
            sum(future[i] / (1 + rate) ** t for t in months), rel=1e-12
        )
        assert worth.potential_value[i] == pytest.approx(sum(benefit[i] / (1 + rate) ** t for t in months), rel=1e-12)
    parts = worth.past_contribution + worth.future_contribution + worth.potential_value
    np.testing.assert_allclose(worth.value, parts, rtol=1e-14)


def test_the_axes_of_the_cube():
    np.testing.assert_allclose(potential_value([[0.2, 0.5]], [[10.0, 4.0]]), [4.0])
    np.testing.assert_allclose(customer_loyalty(0.1), [0.9])
    np.testing.assert_allclose(current_value(np.arange(16.0).reshape(2, 8)), [4.5, 12.5])
    np.testing.assert_allclose(current_value([[5.0, 7.0]], [[1.0, 1.0]], months=2), [5.0])
    np.testing.assert_allclose(past_contribution([[1.0, 1.0]], monthly_discount=[0.1]), [2.1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: potential_value([[1.2]], 1.0), r"probability must be >= 0 and <= 1"),
        (
            lambda: potential_value([[0.2, 0.1]], [1.0, 2.0, 3.0]),
            r"profit has shape \(3,\) but probability has \(1, 2\)",
        ),
        (lambda: customer_loyalty(2.0), r"churn_rate must be >= 0 and <= 1 .*2 % is 0\.02"),
        (lambda: current_value([[1.0]]), r"billed has 1 months but months=6 are asked for"),
        (lambda: current_value([[1.0, 2.0]], [[1.0]], months=2), r"arrears has shape \(1, 1\) but billed has \(1, 2\)"),
        (lambda: hwang_value([[1.0]], 1.0, churn_rate=0.0, monthly_discount=0.01), r"churn_rate must be > 0 and <= 1"),
    ],
)
def test_bad_input_is_refused_with_help(call, message):
    with pytest.raises(InputError, match=message):
        call()
