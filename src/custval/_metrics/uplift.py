"""Does contacting those with the largest uplift score first bring more than contacting anybody? Qini and AUUC.

The convention is scikit-uplift's: customers in order of the score, equal scores pooled; areas between the curve and
the straight line of random contact, divided by that of the best possible order (which knows each outcome). With N_t,
N_c customers and Y_t, Y_c outcomes of the treated and the others among the first,

    Qini curve: Y_t - Y_c N_t / N_c            uplift curve: (Y_t / N_t - Y_c / N_c) (N_t + N_c),

an arm without customers counting as zero. Outcomes are good (stayed, bought) where 1; for amounts there is no best
order to compare with, so the area is given for each customer, not divided. Errors are those of the infinitesimal
jackknife: how the number moves with the weight of each customer, in the curve, in the line and in the best order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, check_rows, float_array, sample_weight_array

__all__ = ("UpliftArea", "auuc", "qini")

Sums: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
Height: TypeAlias = Callable[[Sums], tuple[FloatArray, Sums]]
FLAT = 1e-12  # of the area a curve could enclose: below it no order beats another


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class UpliftArea(Result):
    """Area between the curve of an uplift score and the line of random contact.

    Attributes
    ----------
    value : float
        The area over that of the best order; for amounts, and where no order beats another, the area for each customer.
    std_error : float
        Its standard error over samples of customers (infinitesimal jackknife).
    is_normalised : bool
        Whether the area was divided by that of the best order.
    customers : int
        Customers scored.

    Examples
    --------
    >>> from custval.metrics import qini
    >>> found = qini([1, 0, 1, 0], [0.9, 0.8, 0.2, 0.1], [1, 0, 0, 1])
    >>> round(found.value, 4), found.is_normalised, found.customers
    (0.8333, True, 4)
    """

    value: float
    std_error: float
    is_normalised: bool
    customers: int

    def __float__(self) -> float:
        """Return the value."""
        return self.value


@public("metrics")
def qini(
    outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> UpliftArea:
    """Return the Qini coefficient of an uplift score.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        1 where the wanted thing happened (stayed, bought), else 0; or an amount, such as margin.
    uplift : array-like of shape (n,)
        Score, larger for customers whom the contact is expected to move more.
    treated : array-like of shape (n,)
        1 (or True) for contacted customers, 0 for the others; both must occur.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    UpliftArea
        Area above random contact over that of the best order, at most 1, negative for a misleading score; with its
        standard error. For amounts, or outcomes for which no order beats another, the area itself, for each customer.

    Raises
    ------
    InputError
        For arms other than 0 and 1, an empty arm, or values that are not finite.

    References
    ----------
    Radcliffe (2007), Direct Marketing Analytics Journal; Devriendt, Van Belle, Guns, Verbeke (2020), IEEE
    Transactions on Knowledge and Data Engineering.

    Examples
    --------
    >>> from custval.metrics import qini
    >>> round(qini([1, 0, 1, 0], [0.9, 0.8, 0.2, 0.1], [1, 0, 0, 1]).value, 4)
    0.8333
    """
    case = _case(outcome, uplift, treated, sample_weight)
    return _area(case, case.outcome * (2.0 * case.arm - 1.0), _qini_height)


@public("metrics")
def auuc(
    outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> UpliftArea:
    """Return the area under the uplift curve of a score, above random contact and relative to the best order.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        1 where the wanted thing happened (stayed, bought), else 0; or an amount, such as margin.
    uplift : array-like of shape (n,)
        Score, larger for customers whom the contact is expected to move more.
    treated : array-like of shape (n,)
        1 (or True) for contacted customers, 0 for the others; both must occur.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    UpliftArea
        Area above random contact over that of the best order, negative for a misleading score; with its standard error.
        For amounts, or outcomes for which no order beats another, the area itself, for each customer.

    Raises
    ------
    InputError
        For arms other than 0 and 1, an empty arm, or values that are not finite.

    References
    ----------
    Jaskowski and Jaroszewicz (2012), ICML workshop on clinical data analysis.

    Examples
    --------
    >>> from custval.metrics import auuc
    >>> round(auuc([1, 0, 1, 0], [0.9, 0.8, 0.2, 0.1], [1, 0, 0, 1]).value, 4)
    1.0
    """
    case = _case(outcome, uplift, treated, sample_weight)
    y, arm, weight = case.outcome, case.arm, case.weight
    # the rarer of "stays although untreated" and "leaves although treated" decides how equals are ordered
    although_not = float(weight @ (y * (1.0 - arm)))
    in_spite = float(weight @ ((1.0 - y) * arm))
    return _area(case, 2.0 * (y == arm) + (y if although_not > in_spite else arm), _uplift_height)


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    outcome: FloatArray
    score: FloatArray
    arm: FloatArray
    weight: FloatArray

    @property
    def is_binary(self) -> bool:
        return bool(((self.outcome == 0) | (self.outcome == 1)).all())


def _case(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike, sample_weight: ArrayLike | None) -> _Case:
    y, score, arm = (
        float_array(outcome, "outcome"),
        float_array(uplift, "uplift"),
        float_array(treated, "treated"),
    )
    for name, values in (("uplift", score), ("treated", arm)):
        check_length(values, len(y), name=name, other="outcome")
    check_rows((arm == 0) | (arm == 1), arm, name="treated", rule="be 0 or 1")
    weight = sample_weight_array(sample_weight, len(y))
    counted = arm[weight > 0]
    if not len(counted) or counted.min() == counted.max():
        raise InputError(
            "treated must hold both contacted (1) and other (0) customers; there is no effect without both"
        )
    return _Case(y, score, arm, weight)


def _area(case: _Case, ideal: FloatArray, height: Height) -> UpliftArea:
    """Return the area of the score over that of the `ideal` order, and its error."""
    own, moves = _above_random(case, case.score, height)
    mass, n = float(case.weight.sum()), len(case.outcome)
    best, shifts = _above_random(case, ideal, height) if case.is_binary else (0.0, moves)
    is_normalised = abs(best) > FLAT * mass**2
    if is_normalised:
        value, pull = own / best, (moves - own / best * shifts) / best
    else:
        # an area of customers by outcomes: twice the mass over the customers
        value, pull = own / mass**2, (moves - 2.0 * own / mass) / mass**2
    error = float(np.sqrt(((case.weight * pull) ** 2).sum()))
    return UpliftArea(value=value, std_error=error, is_normalised=is_normalised, customers=n)


def _above_random(case: _Case, score: FloatArray, height: Height) -> tuple[float, FloatArray]:
    """Return the area between the curve and the straight line to its end, and how it moves with each weight (n,)."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    marks = (case.arm, case.arm * case.outcome, 1.0 - case.arm, (1.0 - case.arm) * case.outcome)
    heavy = case.weight[order]
    treated, good_treated, others, good_others = (np.cumsum(heavy * mark[order])[last] for mark in marks)
    tall, slopes = height((treated, good_treated, others, good_others))
    x, h = np.append(0.0, treated + others), np.append(0.0, tall)
    area = float(np.trapezoid(h, x)) - 0.5 * float(x[-1] * h[-1])
    # by the height and by the place of every point; the line of random contact moves with the last one
    by_height, by_place = np.zeros(len(h)), np.zeros(len(h))
    by_height[:-1] += np.diff(x) / 2
    by_height[1:] += np.diff(x) / 2
    by_place[:-1] -= (h[:-1] + h[1:]) / 2
    by_place[1:] += (h[:-1] + h[1:]) / 2
    by_height[-1] -= x[-1] / 2
    by_place[-1] -= h[-1] / 2
    places = np.repeat(np.arange(len(last)), np.diff(np.append(-1, last)))
    pull = np.zeros(len(score))
    for mark, slope, counts in zip(marks, slopes, (1.0, 0.0, 1.0, 0.0), strict=True):
        moved = by_height[1:] * slope + counts * by_place[1:]
        # a customer stands in the sums of the own point and of all later ones
        pull[order] += mark[order] * np.cumsum(moved[::-1])[::-1][places]
    return area, pull


def _qini_height(sums: Sums) -> tuple[FloatArray, Sums]:
    """Return the heights, and their slopes by the four sums."""
    treated, good_treated, others, good_others = sums
    share, rate = _ratio(treated, others), _ratio(good_others, others)
    return good_treated - good_others * share, (-rate, np.ones_like(rate), rate * share, -share)


def _uplift_height(sums: Sums) -> tuple[FloatArray, Sums]:
    """Return the heights, and their slopes by the four sums."""
    treated, good_treated, others, good_others = sums
    n = treated + others
    one, other = _ratio(good_treated, treated), _ratio(good_others, others)
    gain, part, rest = one - other, _ratio(n, treated), _ratio(n, others)
    return gain * n, (gain - one * part, part, gain + other * rest, -rest)


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
