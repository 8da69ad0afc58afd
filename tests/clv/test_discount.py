"""discounted_value against a month-by-month loop, the closed forms, and every bad input."""

from __future__ import annotations

import numpy as np
import pytest

from custval import DataWarning, InputError
from custval.clv import annual_rate, discounted_value, monthly_rate

RNG = np.random.default_rng(3)
N, H, K = 5, 7, 3
HAZARD = RNG.uniform(0.01, 0.1, (N, K, H))


def curves():
    total = HAZARD.sum(axis=1)
    survival = np.cumprod(1 - total, axis=1)
    before = np.column_stack([np.ones(N), survival[:, :-1]])
    return survival, np.cumsum(before[:, None, :] * HAZARD, axis=2)


def by_hand(survival, margin, discount, timing, incidence=None, loss=None):
    """The definition, written as loops."""
    values = []
    for i in range(len(survival)):
        value, before = 0.0, 1.0
        for t in range(1, survival.shape[1] + 1):
            now = survival[i, t - 1]
            point = {"end": t, "start": t - 1, "mid": t - 0.5}[timing]
            v = (1 + discount[i]) ** -point
            there = {"end": now, "start": before, "mid": (before + now) / 2}[timing]
            value += there * margin[i, t - 1] * v
            if loss is not None:
                for k in range(incidence.shape[1]):
                    earlier = incidence[i, k, t - 2] if t > 1 else 0.0
                    value -= loss[i, k, t - 1] * (incidence[i, k, t - 1] - earlier) * v
            before = now
        values.append(value)
    return np.array(values)


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
@pytest.mark.parametrize("shape", [(), (N,), (H,), (N, 1), (1, H), (N, H)])
@pytest.mark.parametrize("losses", [None, (), (K,), (N, K), (N, K, H)])
def test_equals_the_definition_written_as_loops(timing, shape, losses):
    survival, incidence = curves()
    margin = RNG.normal(20, 10, shape)
    whole = np.broadcast_to(margin[:, None] if shape == (N,) else margin, (N, H))
    loss = None if losses is None else RNG.normal(30, 10, losses)
    each = None
    if loss is not None:
        each = (
            np.broadcast_to(
                {0: loss, 1: np.reshape(loss, (-1, 1))}.get(loss.ndim, loss if loss.ndim == 3 else 0), (N, K, H)
            )
            if loss.ndim != 2
            else np.repeat(loss[:, :, None], H, axis=2)
        )
    discount = np.full(N, 0.013)
    expected = by_hand(survival, whole, discount, timing, incidence, each)
    found = discounted_value(
        survival, margin, monthly_discount=0.013, timing=timing, incidence=incidence, loss_at_exit=loss
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("timing", ["end", "start", "mid"])
def test_a_discount_for_each_customer(timing):
    survival, _ = curves()
    discount = np.linspace(-0.1, 0.2, N)
    expected = by_hand(survival, np.full((N, H), 5.0), discount, timing)
    np.testing.assert_allclose(
        discounted_value(survival, 5.0, monthly_discount=discount, timing=timing), expected, rtol=1e-12
    )


def test_without_incidence_leaving_is_the_one_cause():
    survival, _ = curves()
    expected = discounted_value(
        survival, 3.0, monthly_discount=0.01, incidence=(1 - survival)[:, None, :], loss_at_exit=[40.0]
    )
    np.testing.assert_allclose(
        discounted_value(survival, 3.0, monthly_discount=0.01, loss_at_exit=40.0), expected, rtol=1e-12
    )


def test_one_month_by_hand():
    assert discounted_value([[0.5]], 10.0, monthly_discount=0.25)[0] == pytest.approx(4.0)
    assert discounted_value([[0.5]], 10.0, monthly_discount=0.25, timing="start")[0] == pytest.approx(10.0)
    assert discounted_value([[0.5]], 10.0, monthly_discount=0.0, timing="mid")[0] == pytest.approx(7.5)


def test_inputs_are_not_written_to():
    survival, incidence = curves()
    kept = survival.copy(), incidence.copy()
    discounted_value(survival, 1.0, monthly_discount=0.01, incidence=incidence, loss_at_exit=1.0)
    np.testing.assert_array_equal(survival, kept[0])
    np.testing.assert_array_equal(incidence, kept[1])


def test_rounding_errors_of_one_in_a_billion_are_not_refused():
    assert discounted_value([[0.5, 0.5 + 1e-12]], 1.0, monthly_discount=0.0)[0] == pytest.approx(1.0)


def test_as_many_customers_as_months_is_read_as_customers_and_said_so():
    survival = np.full((3, 3), 0.5)
    with pytest.warns(DataWarning, match=r"3 customers and 3 months: read as one for each customer"):
        value = discounted_value(survival, [1.0, 2.0, 3.0], monthly_discount=0.0)
    np.testing.assert_allclose(value, [1.5, 3.0, 4.5])
    np.testing.assert_allclose(discounted_value(survival, [[1.0, 2.0, 3.0]], monthly_discount=0.0), 3.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"survival": [[0.9, 0.95]]}, r"survival must never rise .* row 0, value 0\.95"),
        ({"survival": [[0.9, 0.8], [1.2, 0.8]]}, r"survival must lie within \[0, 1\] but 1 of 2 .*row 1, value 1\.2"),
        ({"survival": [[0.9, -0.1]]}, r"within \[0, 1\].*value -0\.1"),
        ({"survival": [[90.0, 80.0]]}, r"not percentages"),
        ({"survival": [[0.9, np.nan]]}, r"survival must be finite"),
        ({"survival": [0.9, 0.8]}, r"survival must have 2 dimensions"),
        ({"survival": np.empty((2, 0))}, r"no month .* at least 1"),
        ({"survival": [["a", "b"]]}, r"survival must hold numbers"),
        ({"monthly_discount": -1.0}, r"monthly_discount must be > -1"),
        ({"monthly_discount": [0.1, 0.1, 0.1]}, r"3 values but there are 1 customers"),
        ({"monthly_discount": np.nan}, r"monthly_discount must be finite"),
        ({"margin": [1.0, 2.0, 3.0]}, r"margin has 3 values but there are 1 customers and 2 months"),
        ({"margin": np.ones((1, 3))}, r"margin has shape \(1, 3\) but there are 1 customers and 2 months"),
        ({"margin": np.nan}, r"margin must be finite"),
        ({"margin": "ten"}, r"margin must hold numbers"),
        ({"timing": "begin"}, r"timing must be one of 'end', 'start', 'mid', not 'begin'"),
        ({"incidence": [[[0.1, 0.1]]]}, r"incidence must sum over causes to 1 - survival .*value 0\.1"),
        ({"incidence": [[[0.1, 0.2], [0.0, -0.1]]]}, r"incidence must start at >= 0 and never fall"),
        ({"incidence": [[[0.1, np.nan]]]}, r"incidence must be finite"),
        ({"incidence": [[[0.1]]]}, r"incidence has shape \(1, 1, 1\) but survival has \(1, 2\)"),
        ({"incidence": [[0.1, 0.2]]}, r"incidence must have 3 dimensions"),
        ({"loss_at_exit": [1.0, 2.0]}, r"loss_at_exit has shape \(2,\) but there are 1 customers, 1 cause"),
        ({"loss_at_exit": np.ones((1, 1, 3))}, r"loss_at_exit has shape \(1, 1, 3\)"),
        ({"loss_at_exit": np.inf}, r"loss_at_exit must be finite"),
    ],
)
def test_bad_input_is_refused_with_help(changes, message):
    arguments = {"survival": [[0.9, 0.8]], "margin": 10.0, "monthly_discount": 0.01, **changes}
    with pytest.raises(InputError, match=message):
        discounted_value(arguments.pop("survival"), arguments.pop("margin"), **arguments)


def test_rates():
    assert (1 + monthly_rate(0.12)) ** 12 == pytest.approx(1.12)
    assert annual_rate(monthly_rate(0.12)) == pytest.approx(0.12)
    assert isinstance(monthly_rate(0.1), float)
    np.testing.assert_allclose(monthly_rate(np.array([0.0, 0.1])), [0.0, 1.1 ** (1 / 12) - 1])
    with pytest.raises(InputError, match=r"annual must be > -1"):
        monthly_rate(-1.0)
    with pytest.raises(InputError, match=r"monthly must be > -1"):
        annual_rate(-2.0)
