"""Who goes where friends went: each customer-month's exposure to contacts that have left, without looking ahead.

What is said of month t comes from records of the `memory` months before t, and from departures known when t begins. The
columns can go into any model of months: leaving is contagious (Dasgupta et al. 2008), and the share of contacts on the
own network is what keeps customers.

References
----------
Dasgupta, Singh, Viswanathan, Chakraborty, Mukherjea, Nanavati and Joshi (2008), Social ties and their relevance to
churn in mobile telecom networks, Proceedings of the 11th EDBT, 668-677.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import DataWarning, InputError, warn
from custval._core.frames import column, column_names, is_frame
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, check_whole, float_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("SocialExposure", "exposure", "social_exposure")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class SocialExposure(Result):
    """What each customer's contacts were like when each month began.

    Attributes
    ----------
    customer : ndarray of shape (n,)
        The customers.
    month : ndarray of int, shape (T,)
        The months, as in the records.
    group_size : ndarray of shape (n, T)
        Distinct contacts in the months before.
    churned_ties : ndarray of shape (n, T)
        How many of them had left.
    churned_share : ndarray of shape (n, T)
        Share of the traffic that went to those who had left; 0 where there was none.
    on_net_share : ndarray of shape (n, T)
        Share of the traffic that stayed on the own network; 0 where there was none.

    Examples
    --------
    >>> from custval.survival import social_exposure
    >>> records = {"customer": ["a", "a", "b"], "contact": ["b", "x", "a"], "month": [1, 1, 1]}
    >>> told = social_exposure(records, customers=["a", "b"], left=[None, 2], months=[2, 3])
    >>> told.group_size.tolist(), told.churned_ties.tolist()
    ([[2.0, 2.0], [1.0, 1.0]], [[0.0, 1.0], [0.0, 0.0]])
    """

    customer: TextArray
    month: IntArray
    group_size: FloatArray
    churned_ties: FloatArray
    churned_share: FloatArray
    on_net_share: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each customer and month as a pandas frame."""
        import pandas as pd

        n, T = self.group_size.shape
        table: pd.DataFrame = pd.DataFrame(
            {
                "customer": np.repeat(self.customer, T),
                "month": np.tile(self.month, n),
                "group_size": self.group_size.ravel(),
                "churned_ties": self.churned_ties.ravel(),
                "churned_share": self.churned_share.ravel(),
                "on_net_share": self.on_net_share.ravel(),
            }
        )
        return table


@public("survival")
def social_exposure(
    records: AnyFrame,
    *,
    customers: ArrayLike,
    left: ArrayLike,
    months: ArrayLike,
    memory: int = 3,
    label_delay: int = 0,
) -> SocialExposure:
    """Return each customer-month's contacts: how many, how many have left, and their share on the own network.

    Parameters
    ----------
    records : frame
        One row for each contact or sum of contacts: ``customer``, ``contact``, ``month`` (a whole number), and where
        there is one ``weight`` (calls, minutes; else 1) and ``on_net`` (else: the contact is one of `customers`).
    customers : array_like of shape (n,)
        Labels of the customers wanted, without repeats.
    left : array_like of shape (n,)
        Month in which each of them left; missing: not by now.
    months : array_like of int, shape (T,)
        Months wanted.
    memory : int, default 3
        Months of records before each month that count, >= 1.
    label_delay : int, default 0
        Months until a departure becomes known, >= 0.

    Returns
    -------
    SocialExposure
        Tables of customers by months; month t uses records of months t - memory to t - 1 and departures up to
        t - 1 - label_delay, nothing later.

    Raises
    ------
    InputError
        For customers that repeat, months that are not whole, or negative weights.

    References
    ----------
    Dasgupta et al. (2008), Proceedings of the 11th EDBT, section 4.

    Examples
    --------
    >>> from custval.survival import social_exposure
    >>> calls = {"customer": [1, 1, 1], "contact": [2, 3, 9], "month": [1, 2, 2], "weight": [10.0, 20.0, 10.0]}
    >>> told = social_exposure(calls, customers=[1, 2, 3], left=[None, 2, None], months=[2, 3, 4])
    >>> told.churned_share[0].tolist(), told.on_net_share[0].tolist()
    ([0.0, 0.25, 0.25], [1.0, 0.75, 0.75])
    """
    if not is_frame(records):
        raise InputError("records must be a frame with columns customer, contact, month")
    names = np.asarray(customers)
    gone = _departures(left, len(names))
    wanted = float_array(np.atleast_1d(np.asarray(months)), "months")
    check_rows(wanted == np.floor(wanted), wanted, name="months", rule="be whole")
    span = check_whole(memory, "memory", low=1)
    delay = check_whole(label_delay, "label_delay", low=0)
    who, whom, when, weight, on_net, others = _edges(records, names)
    departed = np.concatenate([gone, np.full(others, np.inf)])
    made = exposure(
        who,
        whom,
        when,
        weight,
        on_net,
        departed=departed,
        size=len(names),
        months=wanted.astype(np.int64),
        memory=span,
        delay=delay,
    )
    group_size, ties, churned, net = made
    return SocialExposure(
        customer=frozen(names),
        month=frozen(wanted.astype(np.int64)),
        group_size=frozen(group_size),
        churned_ties=frozen(ties),
        churned_share=frozen(churned),
        on_net_share=frozen(net),
    )


def exposure(
    who: IntArray,
    whom: IntArray,
    when: IntArray,
    weight: FloatArray,
    on_net: BoolArray,
    *,
    departed: FloatArray,
    size: int,
    months: IntArray,
    memory: int,
    delay: int,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return contacts, contacts gone, share of traffic to these and share on the own network, each (size, T).

    Records are arrays of the same length: codes of customer and contact, month, weight and whether on the own network;
    `departed` is the month in which each code left.
    """
    made = [np.zeros((size, len(months))) for _ in range(4)]
    order = np.argsort(when, kind="stable")
    ordered = when[order]
    for t, month in enumerate(months.tolist()):
        inside = order[np.searchsorted(ordered, month - memory) : np.searchsorted(ordered, month)]
        pair = who[inside] * len(departed) + whom[inside]
        ties, place = np.unique(pair, return_inverse=True)
        one, other = ties // len(departed), ties % len(departed)
        heavy = np.bincount(place.ravel(), weights=weight[inside], minlength=len(ties))
        known = departed[other] <= month - 1 - delay
        total = np.bincount(who[inside], weights=weight[inside], minlength=size)
        made[0][:, t] = np.bincount(one, minlength=size)
        made[1][:, t] = np.bincount(one[known], minlength=size)
        made[2][:, t] = _over(np.bincount(one[known], weights=heavy[known], minlength=size), total)
        own = np.bincount(who[inside], weights=weight[inside] * on_net[inside], minlength=size)
        made[3][:, t] = _over(own, total)
    return made[0], made[1], made[2], made[3]


def _over(part: Any, whole: Any) -> FloatArray:
    top = np.asarray(part, dtype=np.float64)
    return np.asarray(np.divide(top, whole, out=np.zeros(len(top)), where=np.asarray(whole) > 0))


def _departures(left: Any, n: int) -> FloatArray:
    told = np.asarray(left)
    listed = [np.nan if value is None else float(value) for value in told.ravel().tolist()]
    check_length(listed, n, name="left", other="customers")
    gone = np.array(listed, dtype=np.float64)
    return np.where(np.isnan(gone), np.inf, gone)


def _edges(records: AnyFrame, names: TextArray) -> tuple[IntArray, IntArray, IntArray, FloatArray, BoolArray, int]:
    """Return the records of the customers wanted as codes; contacts that are no customers have codes after these."""
    place = {name: code for code, name in enumerate(names.tolist())}
    if len(place) < len(names):
        raise InputError(f"customers holds {len(names) - len(place)} labels twice; name each customer once")
    month = float_array(column(records, "month"), "month")
    check_rows(month == np.floor(month), month, name="month", rule="be whole")
    has = set(column_names(records))
    weight = float_array(column(records, "weight"), "weight", low=0.0) if "weight" in has else np.ones(len(month))
    one = column(records, "customer").tolist()
    who = np.fromiter((place.get(name, -1) for name in one), dtype=np.int64, count=len(one))
    beyond: dict[Any, int] = {}
    other = column(records, "contact").tolist()
    codes = (place[name] if name in place else beyond.setdefault(name, len(names) + len(beyond)) for name in other)
    whom = np.fromiter(codes, dtype=np.int64, count=len(other))
    own = np.asarray(column(records, "on_net"), dtype=bool) if "on_net" in has else whom < len(names)
    mine = who >= 0
    if len(mine) and not mine.any():
        warn(
            f"none of the {len(mine)} records belongs to one of the customers, so nobody has contacts; look whether "
            "the labels in records and customers are written alike",
            DataWarning,
        )
    return who[mine], whom[mine], month[mine].astype(np.int64), weight[mine], own[mine], len(beyond)
