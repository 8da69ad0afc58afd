"""What does each customer bring under the strategy of each quadrant? Where value, risk and offers meet the cuts.

The strategy of a quadrant is an offer, or nothing. With p the risk of leaving and V the value at stake, a customer
treated with offer q brings the expected profit of that contact (Neslin and others 2006), an untreated one brings 0.
``ValuePotential(cuts="profit")`` then places the cuts where the planned profit of the whole base is largest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, float_array
from custval._joins.plan import Offer
from custval._retention.contact import contact_profit

__all__ = ("strategy_profit",)


@public("segments")
def strategy_profit(
    p_leave: ArrayLike, value_at_stake: ArrayLike, offers: Sequence[Offer | None], *, contact_cost: float = 0.0
) -> FloatArray:
    """Return the expected profit of each customer under the strategy of each quadrant.

    Parameters
    ----------
    p_leave : array of shape (n,)
        Chance of leaving within the horizon if nothing is done, within [0, 1].
    value_at_stake : array of shape (n,)
        Money that is lost if the customer leaves.
    offers : sequence of Q ``custval.retention.Offer`` or None
        What the strategy of each quadrant offers, in the order of the quadrants; None does nothing.
    contact_cost : float, default 0
        Money that one contact costs, >= 0.

    Returns
    -------
    ndarray of shape (n, Q)
        Money; a column of zeros where nothing is done.

    Raises
    ------
    InputError
        If a chance is outside [0, 1], a number is missing, an offer has no save rate, or lengths do not fit.

    References
    ----------
    Neslin, S. and others (2006), Defection detection, J. of Marketing Research 43(2), equation 1.

    Examples
    --------
    >>> from custval.retention import Offer
    >>> from custval.segments import ValuePotential, strategy_profit
    >>> renewal = Offer("early renewal", cost=20.0, save_rate=0.2)
    >>> profit = strategy_profit([0.3, 0.3, 0.3], [800.0, 400.0, 100.0], [renewal, renewal, None, None])
    >>> profit[:, 0]
    array([32.8,  8.8, -9.2])
    >>> axes = [[40.0, 9.0], [20.0, 8.0], [5.0, 7.0]]
    >>> ValuePotential(cuts="profit").fit(axes, profit=profit).cuts_[0]
    np.float64(20.0)
    """
    chance = float_array(p_leave, "p_leave", low=0.0, high=1.0)
    value = float_array(value_at_stake, "value_at_stake")
    check_length(value, len(chance), name="value_at_stake", other="p_leave")
    profit = np.zeros((len(chance), len(offers)))
    for place, offer in enumerate(offers):
        if offer is None:
            continue
        if offer.save_rate is None:
            raise InputError(f"the offer of quadrant {place} has no save_rate, so its profit is not known; set it")
        profit[:, place] = contact_profit(
            chance,
            value,
            save_rate=offer.save_rate,
            offer_cost=offer.cost,
            contact_cost=contact_cost,
        )
    return profit
