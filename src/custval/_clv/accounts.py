"""What is an account worth whose lines share a fee, a discount or a contract - without counting the shared part twice?

Each line earns its own margin while it is there. The shared margin (a family fee, a fixed line, or as a negative number
the discount of a bundle) is earned once, as long as any line is there:

    independent   P(any) = 1 - prod over lines (1 - S_line)
    together      P(any) = max over lines S_line          lines of one household leave together

The truth lies between the two; both are offered because telecom lines of one account are rarely independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.checks import check_curve, number_array, spread
from custval._clv.discount import discount_points, survival_weights, weighted
from custval._clv.group_totals import Grouping
from custval._clv.rates import discount_array
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_choice, check_scalar

__all__ = ("AccountValue", "account_value")


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class AccountValue(Result):
    """The value of households or company accounts.

    Attributes
    ----------
    account : ndarray of shape (A,)
        Labels, sorted.
    lines : ndarray of shape (A,)
        Lines of the account.
    value : ndarray of shape (A,)
        `line_value` + `shared_value`.
    line_value : ndarray of shape (A,)
        From the lines' own margins.
    shared_value : ndarray of shape (A,)
        From what they share, counted once.
    total : float
        Sum of `value`.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import account_value
    >>> survival = 0.98 ** np.arange(1, 13)[None, :] * np.ones((3, 1))
    >>> worth = account_value(survival, 10.0, ["smith", "smith", "jones"], shared_margin=5.0, monthly_discount=0.01)
    >>> worth.to_frame()[["account", "lines", "value"]].round(2)
      account  lines   value
    0   jones      1  148.77
    1   smith      2  253.62
    """

    account: TextArray
    lines: IntArray
    value: FloatArray
    line_value: FloatArray
    shared_value: FloatArray
    total: float


@public("clv")
def account_value(
    survival: ArrayLike,
    margin: ArrayLike,
    accounts: Any,
    *,
    shared_margin: ArrayLike = 0.0,
    monthly_discount: float,
    timing: str = "end",
    dependence: str = "independent",
) -> AccountValue:
    """Return the value of accounts: their lines' own margins, and what the lines share counted once.

    Parameters
    ----------
    survival : array of shape (n, H)
        S(1..H | now) of each line, within [0, 1], never rising.
    margin : float or array of shape (n,), (H,) or (n, H)
        Each line's own money per month.
    accounts : array of shape (n,)
        Account of each line.
    shared_margin : float or array of shape (A,)
        Money per month of the account as long as any line is there, in the sorted order of the accounts; negative for
        a discount.
    monthly_discount : float
        Effective rate per month, > -1.
    timing : {"end", "start", "mid"}
        When in the month the money comes in.
    dependence : {"independent", "together"}
        Whether the lines of an account leave one by one or all at once.

    Returns
    -------
    AccountValue
        One row for each account.

    Raises
    ------
    InputError
        If shapes do not fit or an argument is illegal as in :func:`discounted_value`.

    References
    ----------
    Kumar, V. and Reinartz, W. (2016), Creating enduring customer value, Journal of Marketing 80(6): the household, not
    the line, is the customer.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import account_value
    >>> survival = 0.98 ** np.arange(1, 13)[None, :] * np.ones((2, 1))
    >>> one_by_one = account_value(survival, 0.0, [1, 1], shared_margin=5.0, monthly_discount=0.01)
    >>> at_once = account_value(survival, 0.0, [1, 1], shared_margin=5.0, monthly_discount=0.01, dependence="together")
    >>> round(one_by_one.total, 2), round(at_once.total, 2)
    (55.27, 49.59)
    """
    check_choice(dependence, "dependence", ("independent", "together"))
    curve = check_curve(survival)
    n, horizon = curve.shape
    rate = discount_array(check_scalar(monthly_discount, "monthly_discount"), n)
    grouping = Grouping(accounts, n)
    points, count = discount_points(rate, horizon, timing), len(grouping.labels)
    lines = weighted(curve, survival_weights(spread(margin, n, horizon, "margin"), points, timing))
    own = np.asarray(np.bincount(grouping.number, weights=lines, minlength=count), dtype=np.float64)
    shared = number_array(shared_margin, "shared_margin")
    if shared.ndim and shared.shape != (count,):
        raise InputError(f"shared_margin has shape {shared.shape} but there are {count} accounts")
    together = np.zeros(count)
    if shared.any():
        anyone = _anyone(curve, grouping, dependence)
        money = np.broadcast_to(shared, (count,))[:, None]
        together = weighted(anyone, survival_weights(money, points, timing))
    heads = np.asarray(np.bincount(grouping.number, minlength=count), dtype=np.int64)
    value = own + together
    return AccountValue(
        account=frozen(grouping.labels),
        lines=frozen(heads),
        value=frozen(value),
        line_value=frozen(own),
        shared_value=frozen(together),
        total=float(value.sum()),
    )


def _anyone(curve: FloatArray, grouping: Grouping, dependence: str) -> FloatArray:
    """Return the chance that any line of each account is there, shape (A, H)."""
    order = np.argsort(grouping.number, kind="stable")
    starts = np.searchsorted(grouping.number[order], np.arange(len(grouping.labels)))
    if dependence == "together":
        return np.asarray(np.maximum.reduceat(curve[order], starts, axis=0))
    return np.asarray(1.0 - np.multiply.reduceat(1.0 - curve[order], starts, axis=0))
