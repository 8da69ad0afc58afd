"""What will not be paid? Ageing of unpaid bills, roll rates between ageing buckets, and PD x LGD x exposure.

Payments settle the oldest bill first. What is left of each bill is put into a bucket by its age. From month to month a
customer's worst bucket rolls on, cures or stays; the last bucket (written off) is final. With the matrix P of these
roll rates the chance that a customer of bucket b is written off within h months is

    PD(b) = (P^h)[b, last]                    (the last bucket's own is 1)

and the expected credit loss of a customer is sum over buckets of PD x LGD x exposure.

References
----------
Cyert, R. M., Davidson, H. J. and Thompson, G. L. (1962), Estimation of the allowance for doubtful accounts by Markov
chains, Management Science 8(3), eq. 1-8. The oldest unpaid bill decides the bucket, as in their "total balance" method.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.checks import number_array
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, check_whole, float_array

__all__ = ("Ageing", "RollRates", "ageing", "expected_credit_loss", "roll_rates")

DAY = 86_400


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class Ageing(Result):
    """What each customer owes, by the age of the bill.

    Attributes
    ----------
    subscriber_id : ndarray of shape (n,)
        Customers with a bill, sorted.
    exposure : ndarray of shape (n, B)
        Money unpaid in each bucket.
    bucket : ndarray of shape (n,)
        Worst bucket of each customer: 0 = nothing overdue.
    buckets : tuple of str
        Names of the B buckets.

    Examples
    --------
    >>> from custval.clv import ageing
    >>> day = 86_400
    >>> bills = {"subscriber_id": [1, 1, 2], "bill_time": [0, 31 * day, 31 * day], "amount": [20.0, 20.0, 15.0]}
    >>> payments = {"subscriber_id": [2], "paid_time": [40 * day], "amount": [15.0]}
    >>> ageing(bills, payments, as_of=62 * day).to_frame()
       subscriber_id  current  1-30  31-60  61-90  over 90
    0              1      0.0   0.0   20.0   20.0      0.0
    1              2      0.0   0.0    0.0    0.0      0.0
    """

    subscriber_id: TextArray
    exposure: FloatArray
    bucket: IntArray
    buckets: tuple[str, ...]

    def to_frame(self) -> Any:
        """Return one row for each customer, one column for each bucket."""
        from custval._core.errors import import_pandas

        columns = {name: self.exposure[:, j] for j, name in enumerate(self.buckets)}
        return import_pandas().DataFrame({"subscriber_id": self.subscriber_id, **columns})


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class RollRates(Result):
    """How customers move between ageing buckets from one month to the next, and how many are written off.

    Attributes
    ----------
    buckets : tuple of str
        Names of the B buckets; the last one is final.
    rates : ndarray of shape (B, B)
        Chance to go from the row's bucket to the column's within a month; rows add up to 1.
    counts : ndarray of shape (B, B)
        Customer-months behind the rates.
    std_error : ndarray of shape (B, B)
        Of `rates`, multinomial.
    default_probability : ndarray of shape (B,)
        PD: chance to be written off within `horizon` months.
    default_std_error : ndarray of shape (B,)
        Of `default_probability`, by the delta method.
    horizon : int
        Months of the PD.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import roll_rates
    >>> months = np.array([[0, 1, 2, 2], [0, 1, 0, 0], [0, 0, 0, 1], [1, 2, 2, 2]])
    >>> found = roll_rates(months, buckets=["current", "overdue", "written off"], horizon=3)
    >>> found.rates.round(3)
    array([[0.5  , 0.5  , 0.   ],
           [0.333, 0.   , 0.667],
           [0.   , 0.   , 1.   ]])
    >>> found.default_probability.round(3)
    array([0.5  , 0.778, 1.   ])
    """

    buckets: tuple[str, ...]
    rates: FloatArray
    counts: FloatArray
    std_error: FloatArray
    default_probability: FloatArray
    default_std_error: FloatArray
    horizon: int

    def to_frame(self) -> Any:
        """Return the roll rates with one row for each bucket and its PD."""
        from custval._core.errors import import_pandas

        columns = {f"to {name}": self.rates[:, j] for j, name in enumerate(self.buckets)}
        pd_columns = {"default_probability": self.default_probability, "default_std_error": self.default_std_error}
        return import_pandas().DataFrame({"bucket": self.buckets, **columns, **pd_columns})


@public("clv")
def ageing(
    bills: AnyFrame, payments: AnyFrame | None, *, as_of: float, edges: Sequence[float] = (0, 30, 60, 90)
) -> Ageing:
    """Return what each customer owes at one moment, by the age of the bill.

    Parameters
    ----------
    bills : frame
        Columns ``subscriber_id``, ``bill_time`` (epoch seconds) and ``amount`` (money, >= 0).
    payments : frame or None
        Columns ``subscriber_id``, ``paid_time`` (epoch seconds) and ``amount``; the oldest bill is settled first.
    as_of : float
        Epoch seconds; bills and payments after it are not seen.
    edges : sequence of float
        Days after the bill at which a new bucket begins, rising from 0: bills younger than or of that age are
        ``current``, then 1-30 days, and so on.

    Returns
    -------
    Ageing
        Exposure (n, B) of the customers who have a bill by then.

    Raises
    ------
    InputError
        If a column is missing, an amount is negative or missing, or the edges do not rise from 0.

    References
    ----------
    Cyert, R. M., Davidson, H. J. and Thompson, G. L. (1962), Management Science 8(3).

    Examples
    --------
    >>> from custval.clv import ageing
    >>> bills = {"subscriber_id": [7], "bill_time": [0], "amount": [30.0]}
    >>> ageing(bills, None, as_of=45 * 86_400).bucket
    array([2])
    """
    steps = float_array(edges, "edges", low=0.0)
    if len(steps) == 0 or steps[0] != 0.0 or (np.diff(steps) <= 0).any():
        raise InputError(f"edges must rise from 0 (days after the bill), not {tuple(edges)}")
    ids, when, amount = _ledger(bills, "bill_time", "bills", as_of)
    order = np.lexsort((when, ids))
    ids, when, amount = ids[order], when[order], amount[order]
    customers, first, number = np.unique(ids, return_index=True, return_inverse=True)
    billed = np.cumsum(amount)
    billed -= np.append(0.0, billed)[first][number]  # of this customer up to and with this bill
    paid = _paid(payments, customers, as_of)[number]
    unpaid = np.clip(billed - paid, 0.0, amount)
    unpaid[unpaid < 1e-9 * np.maximum(amount, 1.0)] = 0.0
    bucket = np.searchsorted(steps, (as_of - when) / DAY, side="left")
    exposure = np.zeros((len(customers), len(steps) + 1))
    np.add.at(exposure, (number, bucket), unpaid)
    owed = exposure > 0
    worst = np.where(owed.any(axis=1), len(steps) - owed[:, ::-1].argmax(axis=1), 0)
    return Ageing(frozen(customers), frozen(exposure), frozen(worst.astype(np.int64)), _bucket_names(steps))


@public("clv")
def roll_rates(
    buckets_by_month: ArrayLike | Sequence[Ageing],
    *,
    buckets: Sequence[str] | None = None,
    horizon: int = 12,
    absorb: bool = False,
) -> RollRates:
    """Return the roll rates between ageing buckets and the chance to be written off, from a panel of months.

    Parameters
    ----------
    buckets_by_month : sequence of M Ageing, or array of int of shape (n, M)
        ``ageing(...)`` asked at the ends of M months in order; or the bucket of each customer in M months, 0..B-1, -1
        where the customer was not there.
    buckets : sequence of str, optional
        Names of the B buckets, needed with an array; the last is final (written off): who is there stays.
    horizon : int
        Months within which the PD is counted, >= 1.
    absorb : bool
        Whether a customer who has reached the last bucket counts as written off from then on, whatever comes later:
        for a panel of ages of debt, which late payments turn back.

    Returns
    -------
    RollRates
        Matrix, counts, errors and PD by bucket.

    Raises
    ------
    InputError
        If a code is unknown, a customer leaves the last bucket, or a bucket was never seen to begin a month.

    References
    ----------
    Cyert, R. M., Davidson, H. J. and Thompson, G. L. (1962), Management Science 8(3), eq. 1-8.

    Examples
    --------
    >>> from custval.clv import roll_rates
    >>> found = roll_rates([[0, 0, 1, 2], [0, 1, 0, 0]], buckets=["current", "overdue", "written off"], horizon=2)
    >>> found.default_probability.round(3)
    array([0.25, 0.5 , 1.  ])
    """
    months = check_whole(horizon, "horizon", low=1)
    names, numbers = _named_panel(buckets_by_month, buckets)
    panel = _panel(numbers, len(names))
    if absorb:
        reached = np.cumsum(panel == len(names) - 1, axis=1) > 0
        panel = np.where(reached & (panel >= 0), len(names) - 1, panel)
    before, after = panel[:, :-1].ravel(), panel[:, 1:].ravel()
    seen = (before >= 0) & (after >= 0)
    count = len(names)
    counts = (
        np.bincount(before[seen] * count + after[seen], minlength=count * count).reshape(count, count).astype(float)
    )
    _check_final(counts, names)
    counts[-1, -1] = max(counts[-1, -1], 1.0)  # who is written off stays so, seen or not
    totals = counts.sum(axis=1)
    if (totals == 0).any():
        missing = names[int(np.flatnonzero(totals == 0)[0])]
        raise InputError(f"no customer was in bucket {missing!r} with a next month; join it to its neighbour")
    rates = counts / totals[:, None]
    chance, error = _default(rates, totals, months)
    return RollRates(
        buckets=names,
        rates=frozen(rates),
        counts=frozen(counts),
        std_error=frozen(np.sqrt(rates * (1.0 - rates) / totals[:, None])),
        default_probability=frozen(chance),
        default_std_error=frozen(error),
        horizon=months,
    )


@public("clv")
def expected_credit_loss(
    exposure: ArrayLike, default_probability: ArrayLike, *, loss_given_default: ArrayLike = 1.0
) -> FloatArray:
    """Return PD x LGD x exposure of each customer, summed over the ageing buckets.

    Parameters
    ----------
    exposure : array of shape (n, B)
        Money unpaid by bucket, >= 0 (:func:`ageing`), or expected to be unpaid.
    default_probability : array of shape (B,)
        Chance of each bucket to be written off, within [0, 1] (:func:`roll_rates`).
    loss_given_default : float or array of shape (B,) or (n,)
        Share of a written-off amount that is lost for good, within [0, 1].

    Returns
    -------
    ndarray of shape (n,)
        Money that will not come.

    Raises
    ------
    InputError
        If an amount is negative, a chance is outside [0, 1], or the shapes do not fit.

    Examples
    --------
    >>> from custval.clv import expected_credit_loss
    >>> expected_credit_loss([[30.0, 0.0], [30.0, 25.0]], [0.02, 0.4], loss_given_default=0.8)
    array([0.48, 8.48])
    """
    owed = float_array(exposure, "exposure", low=0.0, ndim=2)
    chance = float_array(default_probability, "default_probability", low=0.0, high=1.0)
    if len(chance) != owed.shape[1]:
        raise InputError(f"exposure has {owed.shape[1]} buckets but default_probability has {len(chance)}")
    lost = number_array(loss_given_default, "loss_given_default", low=0.0, high=1.0)
    if lost.ndim == 0 or lost.shape == chance.shape:
        return np.asarray(owed @ (chance * lost))
    check_length(lost, len(owed), name="loss_given_default", other="exposure")
    return np.asarray(lost * (owed @ chance))


def _ledger(frame: AnyFrame, time: str, name: str, as_of: float) -> tuple[TextArray, FloatArray, FloatArray]:
    """Return ids, times and amounts of the rows up to `as_of`."""
    ids = np.asarray(column(frame, "subscriber_id"))
    when = float_array(column(frame, time), f"{name}[{time!r}]")
    amount = float_array(column(frame, "amount"), f"{name}['amount']", low=0.0, fix="credit notes are payments")
    seen = when <= as_of
    return ids[seen], when[seen], amount[seen]


def _paid(payments: AnyFrame | None, customers: TextArray, as_of: float) -> FloatArray:
    """Return what each customer has paid by then; payments of customers without a bill settle nothing."""
    if payments is None:
        return np.zeros(len(customers))
    ids, _, amount = _ledger(payments, "paid_time", "payments", as_of)
    place = np.minimum(np.searchsorted(customers, ids), max(len(customers) - 1, 0))
    known = customers[place] == ids if len(customers) else np.zeros(len(ids), dtype=bool)
    return np.asarray(np.bincount(place[known], weights=amount[known], minlength=len(customers)), dtype=np.float64)


def _bucket_names(steps: FloatArray) -> tuple[str, ...]:
    inner = [f"{low + 1:g}-{high:g}" for low, high in itertools.pairwise(steps)]
    return ("current", *inner, f"over {steps[-1]:g}")


def _named_panel(by_month: Any, buckets: Sequence[str] | None) -> tuple[tuple[str, ...], ArrayLike]:
    """Return names of the buckets and the bucket of each customer by month."""
    if not (isinstance(by_month, (list, tuple)) and by_month and isinstance(by_month[0], Ageing)):
        if buckets is None:
            raise InputError("buckets must name the columns' codes 0..B-1 where an array is given")
        return tuple(str(name) for name in buckets), by_month
    names = by_month[0].buckets
    if any(table.buckets != names for table in by_month):
        raise InputError("the months were aged with different edges; use the same for all of them")
    customers = np.unique(np.concatenate([table.subscriber_id for table in by_month]))
    panel = np.full((len(customers), len(by_month)), -1, dtype=np.int64)
    for month, table in enumerate(by_month):
        panel[np.searchsorted(customers, table.subscriber_id), month] = table.bucket
    return names, panel


def _panel(buckets_by_month: ArrayLike, count: int) -> IntArray:
    numbers = float_array(buckets_by_month, "buckets_by_month", ndim=2)
    if numbers.shape[1] < 2 or count < 2:
        raise InputError("roll rates need two months and two buckets or more")
    worst = np.abs(numbers - np.clip(np.floor(numbers), -1, count - 1)).argmax(axis=1)
    shown = numbers[np.arange(len(numbers)), worst]
    legal = shown == np.clip(np.floor(shown), -1, count - 1)
    check_rows(legal, shown, name="buckets_by_month", rule=f"be -1 (not there) or a bucket 0..{count - 1}")
    return numbers.astype(np.int64)


def _check_final(counts: FloatArray, names: tuple[str, ...]) -> None:
    back = counts[-1, :-1].sum()
    if back:
        raise InputError(
            f"{int(back)} times a customer left {names[-1]!r}, which must be final: pass absorb=True, and count "
            "what they pay later in the loss given default"
        )


def _default(rates: FloatArray, totals: FloatArray, months: int) -> tuple[FloatArray, FloatArray]:
    """Return the chance to reach the last bucket within `months` and its error from the multinomial rows."""
    powers = [np.eye(len(rates))]
    for _ in range(months):
        powers.append(powers[-1] @ rates)
    chance = powers[months][:, -1]
    variance = np.zeros(len(rates))
    for i in range(len(rates) - 1):  # the last row is known
        # d (P^h)[b, last] / d P[i, j] = sum_s (P^s)[b, i] (P^(h-1-s))[j, last]
        slope = sum(np.outer(powers[s][:, i], powers[months - 1 - s][:, -1]) for s in range(months))
        spread = (np.diag(rates[i]) - np.outer(rates[i], rates[i])) / totals[i]
        variance += np.einsum("bj,jk,bk->b", slope, spread, slope)
    return chance, np.sqrt(np.maximum(variance, 0.0))
