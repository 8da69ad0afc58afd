"""Head-room: what look-alikes hold that a customer does not."""

from __future__ import annotations

import numpy as np

from custval._joins.headroom import lookalike_share, monthly_headroom, service_margins


def test_share_is_the_least_squares_guess_from_the_other_services() -> None:
    random = np.random.default_rng(0)
    base = random.random((4000, 1)) < 0.5
    held = np.hstack([base, np.where(random.random((4000, 1)) < 0.8, base, ~base), random.random((4000, 1)) < 0.3])
    share = lookalike_share(held, np.ones(len(held)))
    for j in range(3):
        others = np.column_stack([np.ones(len(held)), np.delete(held, j, axis=1)])
        guess = others @ np.linalg.lstsq(others, held[:, j].astype(float), rcond=None)[0]
        np.testing.assert_allclose(share[:, j], np.clip(guess, 0, 1), atol=1e-4)


def test_weights_are_customers() -> None:
    held = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 0, 1]], dtype=bool)
    weight = np.array([3.0, 2.0, 4.0, 1.0])
    copies = np.repeat(held, weight.astype(int), axis=0)
    whole = lookalike_share(copies, np.ones(len(copies)))
    np.testing.assert_allclose(whole[[0, 3, 5, 9]], lookalike_share(held, weight), rtol=1e-9, atol=1e-9)


def test_a_service_that_nobody_or_everybody_holds_does_no_harm() -> None:
    held = np.array([[1, 0, 1], [1, 0, 0]], dtype=bool)
    share = lookalike_share(held, np.array([5.0, 5.0]))
    assert np.isfinite(share).all()
    np.testing.assert_allclose(share[:, :2], [[1, 0], [1, 0]], atol=1e-9)


def test_headroom_counts_only_services_not_held() -> None:
    held = np.array([[True, False], [False, False]])
    share = np.array([[0.9, 0.5], [0.4, 0.5]])
    np.testing.assert_allclose(monthly_headroom(held, share, np.array([10.0, 4.0])), [2.0, 6.0])


def test_service_margins_recover_additive_prices() -> None:
    random = np.random.default_rng(1)
    held = random.random((300, 3)) < 0.5
    price = np.array([20.0, 5.0, 0.0])
    weight = random.integers(1, 9, 300).astype(float)
    found = service_margins(held, weight, weight * (12.0 + held @ price))
    np.testing.assert_allclose(found, price, atol=1e-8)
