"""How different may one customer's own outcome be from what is expected of them?

An interval of a *mean* says how well the model is known; a single customer stays or leaves. With V(u) the discounted
money of one who leaves in month u (u = 1..H, or stays all H months), and S from the model,

    E V = sum_u (S(u-1) - S(u)) V(u) + S(H) V(stays),        Var V = E V^2 - (E V)^2

and quantiles come from the same H + 1 outcomes. V(u) holds the months paid before leaving: up to u-1 for `end`, up to u
for `start`, half of month u for `mid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from custval._clv.checks import check_curve, exit_losses, spread
from custval._clv.discount import discount_points
from custval._clv.rates import discount_array
from custval._clv.value_blocks import blocks_of
from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import float_array

__all__ = ("OutcomeSpread", "outcome_spread")


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class OutcomeSpread(Result):
    """The distribution of each customer's own discounted money.

    Attributes
    ----------
    expected : ndarray of shape (n,)
        The value, as :func:`discounted_value` gives it.
    std_dev : ndarray of shape (n,)
        Standard deviation of one customer's outcome.
    levels : ndarray of shape (Q,)
        Levels of the quantiles.
    quantiles : ndarray of shape (n, Q)
        Money that the outcome stays at or below with that chance.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import outcome_spread
    >>> found = outcome_spread(0.9 ** np.arange(1, 13)[None, :], 10.0, monthly_discount=0.0, levels=[0.1, 0.5, 0.9])
    >>> found.expected.round(2), found.std_dev.round(2), found.quantiles
    (array([64.58]), array([44.71]), array([[  0.,  60., 120.]]))
    """

    expected: FloatArray
    std_dev: FloatArray
    levels: FloatArray
    quantiles: FloatArray


@public("clv")
def outcome_spread(
    survival: ArrayLike,
    margin: ArrayLike,
    *,
    monthly_discount: ArrayLike,
    timing: str = "end",
    loss_at_exit: ArrayLike = 0.0,
    levels: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
) -> OutcomeSpread:
    """Return how far one customer's own outcome may lie from its expectation.

    Parameters
    ----------
    survival : array of shape (n, H)
        S(1..H | now), within [0, 1], never rising.
    margin : float or array of shape (n,), (H,) or (n, H)
        Money per month while a customer.
    monthly_discount : float or array of shape (n,)
        Effective rate per month, > -1.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.
    loss_at_exit : float or array of shape (n, 1)
        Money lost when the customer leaves.
    levels : sequence of float
        Levels of the quantiles, within [0, 1].

    Returns
    -------
    OutcomeSpread
        Expectation, standard deviation and quantiles by customer.

    Raises
    ------
    InputError
        If an argument is illegal as in :func:`discounted_value`, or a level is outside [0, 1].

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1):
    the distribution behind the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import outcome_spread
    >>> curve = 0.95 ** np.arange(1, 25)[None, :]
    >>> found = outcome_spread(curve, 30.0, monthly_discount=0.01)
    >>> bool(found.std_dev[0] > found.expected[0] / 2)
    True
    """
    curve = check_curve(survival)
    n, horizon = curve.shape
    wanted = float_array(levels, "levels", low=0.0, high=1.0)
    points = discount_points(discount_array(monthly_discount, n), horizon, timing)
    money = spread(margin, n, horizon, "margin") * points
    losses = exit_losses(loss_at_exit, n, 1, horizon)[:, 0, :] * points
    expected, deviation, quantiles = np.zeros(n), np.zeros(n), np.zeros((n, len(wanted)))
    for where in blocks_of(n, 4 * horizon):
        parts = tuple(part if len(part) == 1 else part[where] for part in (money, losses))
        outcome = _outcomes(parts[0], parts[1], timing)
        chance = _chances(curve[where])
        outcome = np.broadcast_to(outcome, chance.shape)
        mean = np.einsum("nh,nh->n", chance, outcome)
        expected[where] = mean
        deviation[where] = np.sqrt(np.einsum("nh,nh->n", chance, (outcome - mean[:, None]) ** 2))
        quantiles[where] = _quantiles(outcome, chance, wanted)
    return OutcomeSpread(frozen(expected), frozen(deviation), frozen(wanted), frozen(quantiles))


def _outcomes(money: FloatArray, losses: FloatArray, timing: str) -> FloatArray:
    """Return V(1..H) of leaving in each month and V of staying, shape (n|1, H + 1)."""
    paid = np.cumsum(money, axis=1)
    before = np.column_stack([np.zeros(len(paid)), paid[:, :-1]])
    leaving = {"end": before, "start": paid, "mid": 0.5 * (before + paid)}[timing] - losses
    return np.column_stack([leaving, np.broadcast_to(paid[:, -1], len(leaving))])


def _chances(curve: FloatArray) -> FloatArray:
    """Return the chance to leave in each month and to stay, shape (n, H + 1)."""
    ends = np.column_stack([np.ones(len(curve)), curve, np.zeros(len(curve))])
    return -np.diff(ends, axis=1)


def _quantiles(outcome: FloatArray, chance: FloatArray, levels: FloatArray) -> FloatArray:
    order = np.argsort(outcome, axis=1, kind="stable")
    ranked = np.take_along_axis(outcome, order, axis=1)
    reached = np.cumsum(np.take_along_axis(chance, order, axis=1), axis=1)
    found = np.empty((len(outcome), len(levels)))
    for j, level in enumerate(levels):
        place = (reached >= level - 1e-12).argmax(axis=1)  # the smallest outcome whose chance reaches the level
        found[:, j] = ranked[np.arange(len(ranked)), place]
    return found
