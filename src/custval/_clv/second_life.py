"""What does a customer bring who left and is not lost: transferred within the house, or won back later?

A departure for cause k in month u is followed, with a chance p and after a delay of D months, by a second life: margin
m2 a month, weighted by its own survival S2. Seen from the discount point of the departure it is worth

    p [ m2 sum_j w_j v^(D+j)  -  cost v^D ]        j = 1 .. months left, w_j the weight of `timing` made from S2

so a second life is a negative loss at exit that depends on the month of leaving, and value stays linear in F_k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from custval._clv.checks import check_curve, each_customer
from custval._clv.discount import survival_weights
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_scalar, check_whole, nearest

__all__ = ("SecondLife", "kept_after_exit", "named_lives")


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class SecondLife(Result):
    """What customers who leave for a cause bring afterwards: by a transfer within the house, or by coming back.

    Attributes
    ----------
    cause : str
        The departure that it follows, such as ``transfer`` or ``voluntary``.
    margin : float or array of shape (n,)
        Money per month in the second life.
    monthly_retention : float or None
        Chance of staying from one month of the second life to the next, within [0, 1]; give it or `survival`.
    survival : array of shape (L,) or None
        S2(1..L), the curve of the second life; past its end nothing is counted.
    probability : float or array of shape (n,)
        Chance that the second life comes at all, within [0, 1]: 1 after a transfer, the win-back rate otherwise.
    delay : int
        Months between the departure and the second life, >= 0.
    cost : float
        Money spent when the second life begins, such as a win-back offer.
    name : str or None
        Name of its component in the value; ``after_<cause>`` by default.

    Examples
    --------
    >>> from custval.clv import SecondLife
    >>> SecondLife("transfer", margin=8.0, monthly_retention=0.98).name is None
    True
    """

    cause: str
    margin: ArrayLike
    monthly_retention: float | None = None
    survival: ArrayLike | None = None
    probability: ArrayLike = 1.0
    delay: int = 0
    cost: float = 0.0
    name: str | None = None


def named_lives(lives: Sequence[SecondLife], causes: tuple[str, ...], taken: Sequence[str]) -> dict[str, SecondLife]:
    """Return the second lives by the name of their component, or refuse an unknown cause or a name used twice."""
    found: dict[str, SecondLife] = {}
    for life in lives:
        if not isinstance(life, SecondLife):
            raise InputError(f"second_lives must hold SecondLife objects, not {type(life).__name__}")
        if life.cause not in causes:
            raise InputError(
                f"a second life follows a cause {life.cause!r} that the model does not know"
                f"{nearest(life.cause, causes)}; its causes are {', '.join(causes)}"
            )
        name = life.name or f"after_{life.cause}"
        if name in found or name in taken:
            raise InputError(f"the component {name!r} is named twice; give the second life another name")
        found[name] = life
    return found


def kept_after_exit(
    life: SecondLife, n: int, rates: FloatArray, horizon: int, timing: str, *, followed: bool
) -> FloatArray:
    """Return what the second life is worth at the discount point of a departure in month 1..H, shape (n|1, H).

    `followed` counts `horizon` months of every second life, also past the end of the horizon.
    """
    delay = check_whole(life.delay, "delay", low=0)
    cost = check_scalar(life.cost, "cost")
    chance = each_customer(life.probability, "probability", n, low=0.0, high=1.0)
    margin = each_customer(life.margin, "margin of a second life", n)
    months = np.arange(1, horizon + 1)
    points = np.exp(-np.log1p(rates)[:, None] * (delay + months))
    weight = survival_weights(np.ones((1, 1)), np.eye(horizon), timing)
    curve = _curve(life, horizon)
    earned = np.cumsum((weight.constant + weight.by_month @ curve) * points, axis=1)  # of the first j months
    left = np.full(horizon, horizon) if followed else np.maximum(horizon - delay - months, 0)
    total = np.where(left > 0, earned[:, np.maximum(left, 1) - 1], 0.0)
    start = cost * np.exp(-np.log1p(rates)[:, None] * delay) * (left > 0)
    return np.asarray(chance[:, None] * (margin[:, None] * total - start))


def _curve(life: SecondLife, horizon: int) -> FloatArray:
    """Return S2(1..horizon)."""
    if (life.monthly_retention is None) == (life.survival is None):
        raise InputError("a second life needs monthly_retention or survival, one of the two")
    if life.survival is None:
        stay = check_scalar(life.monthly_retention, "monthly_retention", low=0.0, high=1.0)
        return np.asarray(stay ** np.arange(1.0, horizon + 1.0))
    given = check_curve(np.asarray(life.survival, dtype=np.float64)[None, :])[0][:horizon]
    return np.append(given, np.zeros(horizon - len(given)))
