"""Does contacting those with the largest uplift score first bring more than contacting anybody? Qini and AUUC.

The convention is scikit-uplift's: customers in order of the score, equal scores pooled; areas between the curve and
the straight line of random contact, divided by that of the best possible order (which knows each outcome). With N_t,
N_c customers and Y_t, Y_c outcomes of the treated and the others among the first,

    Qini curve: Y_t - Y_c N_t / N_c            uplift curve: (Y_t / N_t - Y_c / N_c) (N_t + N_c),

an arm without customers counting as zero. Outcomes are good (stayed, bought) where 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, check_rows, float_array

__all__ = ("auuc", "qini")

Curve: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]


@public("metrics")
def qini(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> float:
    """Return the Qini coefficient of an uplift score.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        1 where the wanted thing happened (stayed, bought), else 0.
    uplift : array-like of shape (n,)
        Score, larger for customers whom the contact is expected to move more.
    treated : array-like of shape (n,)
        1 (or True) for contacted customers, 0 for the others; both must occur.

    Returns
    -------
    float
        Area above random contact over that of the best order, at most 1; negative for a misleading score.

    Raises
    ------
    InputError
        For outcomes or arms other than 0 and 1, an empty arm, or outcomes for which no order beats another.

    References
    ----------
    Radcliffe (2007), Direct Marketing Analytics Journal; Devriendt, Van Belle, Guns, Verbeke (2020), IEEE
    Transactions on Knowledge and Data Engineering.

    Examples
    --------
    >>> from custval.metrics import qini
    >>> round(qini([1, 0, 1, 0], [0.9, 0.8, 0.2, 0.1], [1, 0, 0, 1]), 4)
    0.8333
    """
    y, score, arm = _case(outcome, uplift, treated)
    best = _points(y, y * arm - y * (1.0 - arm), arm, _qini_height)
    return _above_random(_points(y, score, arm, _qini_height), best)


@public("metrics")
def auuc(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> float:
    """Return the area under the uplift curve of a score, above random contact and relative to the best order.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        1 where the wanted thing happened (stayed, bought), else 0.
    uplift : array-like of shape (n,)
        Score, larger for customers whom the contact is expected to move more.
    treated : array-like of shape (n,)
        1 (or True) for contacted customers, 0 for the others; both must occur.

    Returns
    -------
    float
        Area above random contact over that of the best order; negative for a misleading score.

    Raises
    ------
    InputError
        For outcomes or arms other than 0 and 1, an empty arm, or outcomes for which no order beats another.

    References
    ----------
    Jaskowski and Jaroszewicz (2012), ICML workshop on clinical data analysis.

    Examples
    --------
    >>> from custval.metrics import auuc
    >>> round(auuc([1, 0, 1, 0], [0.9, 0.8, 0.2, 0.1], [1, 0, 0, 1]), 4)
    1.0
    """
    y, score, arm = _case(outcome, uplift, treated)
    # the rarer of "stays although untreated" and "leaves although treated" decides how equals are ordered
    although_not = float((y * (1.0 - arm)).sum())
    in_spite = float(((1.0 - y) * arm).sum())
    ideal = 2.0 * (y == arm) + (y if although_not > in_spite else arm)
    return _above_random(_points(y, score, arm, _uplift_height), _points(y, ideal, arm, _uplift_height))


def _case(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    y, score, arm = (
        float_array(outcome, "outcome"),
        float_array(uplift, "uplift"),
        float_array(treated, "treated"),
    )
    for name, values in (("uplift", score), ("treated", arm)):
        check_length(values, len(y), name=name, other="outcome")
    check_rows((y == 0) | (y == 1), y, name="outcome", rule="be 0 or 1")
    check_rows((arm == 0) | (arm == 1), arm, name="treated", rule="be 0 or 1")
    if not len(y) or arm.min() == arm.max():
        raise InputError(
            "treated must hold both contacted (1) and other (0) customers; there is no effect without both"
        )
    return y, score, arm


def _points(y: FloatArray, score: FloatArray, arm: FloatArray, height: Curve) -> tuple[FloatArray, FloatArray]:
    """Return the curve after each distinct score, starting at the origin."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    sums = [np.cumsum(part[order])[last] for part in (arm, y * arm, 1.0 - arm, y * (1.0 - arm))]
    return np.append(0.0, last + 1.0), np.append(0.0, height(*sums))


def _qini_height(
    treated: FloatArray, good_treated: FloatArray, others: FloatArray, good_others: FloatArray
) -> FloatArray:
    return good_treated - good_others * _ratio(treated, others)


def _uplift_height(
    treated: FloatArray, good_treated: FloatArray, others: FloatArray, good_others: FloatArray
) -> FloatArray:
    return (_ratio(good_treated, treated) - _ratio(good_others, others)) * (treated + others)


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _above_random(curve: tuple[FloatArray, FloatArray], best: tuple[FloatArray, FloatArray]) -> float:
    random = 0.5 * float(best[0][-1] * best[1][-1])
    possible = float(np.trapezoid(best[1], best[0])) - random
    if abs(possible) <= 1e-12 * best[0][-1] ** 2:
        raise InputError(
            "no order of these customers beats another (is outcome the same for all?), so there is no scale"
        )
    return (float(np.trapezoid(curve[1], curve[0])) - random) / possible
