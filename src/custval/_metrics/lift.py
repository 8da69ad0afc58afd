"""How many of the leavers stand at the head of the ranking? The lift curve, and the area under the ROC curve.

Both are for customers of whom it is known whether they left within the horizon. Equal scores are taken in an order
that favours nobody: a share of a group of ties holds that share of its leavers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, BoolArray, FloatArray
from custval._core.validation import check_length, check_scalar, float_array, sample_weight_array
from custval._metrics.estimate import Estimate
from custval._metrics.outcome import labels

__all__ = ("LiftCurve", "auc", "lift_curve")


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class LiftCurve(Result):
    """Leavers found among the riskiest share of the customers, at every distinct score.

    Attributes
    ----------
    share : float array of shape (m,)
        Share of the customers contacted, 0..1, rising from 0 to 1.
    captured : float array of shape (m,)
        Share of the leavers among them, 0..1.
    lift : float array of shape (m,)
        captured / share: how many times the average; at share 0 the lift of the first group.
    rate : float
        Share of the customers who left.
    leavers : float
        (Weighted) number of leavers.

    Examples
    --------
    >>> from custval.metrics import lift_curve
    >>> curve = lift_curve([1, 0, 0, 1, 0], [0.9, 0.8, 0.3, 0.2, 0.1])
    >>> curve.captured_by(0.5), curve.rate
    (0.5, 0.4)
    """

    share: FloatArray
    captured: FloatArray
    lift: FloatArray
    rate: float
    leavers: float

    def captured_by(self, share: float) -> float:
        """Return the share of the leavers among the riskiest `share` of the customers."""
        part = check_scalar(share, "share", low=0.0, low_open=True, high=1.0)
        return float(np.interp(part, self.share, self.captured))

    def top(self, share: float = 0.1) -> Estimate:
        """Return the lift of the riskiest `share`; its error counts the leavers found as binomial.

        Parameters
        ----------
        share : float, default 0.1
            Share of the customers, above 0 and at most 1; 0.1 gives the top-decile lift.

        Returns
        -------
        Estimate
            Lift and standard error, for the leavers.

        Examples
        --------
        >>> from custval.metrics import lift_curve
        >>> lift_curve([1, 0, 0, 1, 0], [0.9, 0.8, 0.3, 0.2, 0.1]).top(0.2).value
        2.5
        """
        found = self.captured_by(share)
        error = float(np.sqrt(found * (1.0 - found) / self.leavers)) / share
        return Estimate(value=found / share, std_error=error, customers=int(self.leavers))


@public("metrics")
def lift_curve(y: ArrayLike, score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> LiftCurve:
    """Return the share of the leavers found among the riskiest customers, for every share.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 (or True) for a customer who left within the horizon, 0 for one who stayed.
    score : array-like of shape (n,)
        Risk of leaving, larger for riskier customers, on any scale.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    LiftCurve
        The curve; ``top(0.1)`` is the top-decile lift.

    Raises
    ------
    InputError
        For labels other than 0 and 1, scores that are not finite, or nobody who left.

    Examples
    --------
    >>> from custval.metrics import lift_curve
    >>> curve = lift_curve([1, 0, 0, 1, 0], [0.9, 0.8, 0.3, 0.2, 0.1])
    >>> curve.captured.tolist()
    [0.0, 0.5, 0.5, 0.5, 1.0, 1.0]
    """
    left, risk, weight = _case(y, score, sample_weight)
    order = np.argsort(-risk, kind="stable")
    last = np.flatnonzero(np.append(np.diff(risk[order]) != 0, True))
    contacted = np.cumsum(weight[order])[last]
    found = np.cumsum((weight * left)[order])[last]
    share = np.append(0.0, contacted / contacted[-1])
    captured = np.append(0.0, found / found[-1])
    # customers of weight zero may stand alone at the head
    lift = np.divide(captured[1:], share[1:], out=np.ones(len(last)), where=share[1:] > 0)
    return LiftCurve(
        share=frozen(share),
        captured=frozen(captured),
        lift=frozen(np.append(lift[0], lift)),
        rate=float(found[-1] / contacted[-1]),
        leavers=float(found[-1]),
    )


@public("metrics")
def auc(y: ArrayLike, score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Estimate:
    """Return the probability that a leaver has a larger score than one who stayed, equal scores counting half.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 (or True) for a customer who left within the horizon, 0 for one who stayed.
    score : array-like of shape (n,)
        Risk of leaving, larger for riskier customers, on any scale.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0.

    Returns
    -------
    Estimate
        Area under the ROC curve with DeLong's standard error; no error where one class has a single customer.

    Raises
    ------
    InputError
        For labels other than 0 and 1, scores that are not finite, or only one class.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44.

    Examples
    --------
    >>> from custval.metrics import auc
    >>> auc([1, 0, 0, 1, 0], [0.9, 0.8, 0.3, 0.2, 0.1]).value
    0.6666666666666666
    """
    left, risk, weight = _case(y, score, sample_weight)
    stayed = ~left & (weight > 0)
    if not stayed.any():
        raise InputError("everybody left, so there is nobody to rank the leavers against")
    left = left & (weight > 0)
    over_stayers = _share_below(risk[left], risk[stayed], weight[stayed])
    under_leavers = 1.0 - _share_below(risk[stayed], risk[left], weight[left])
    value = float(weight[left] @ over_stayers / weight[left].sum())
    parts = (_mean_variance(over_stayers, weight[left]), _mean_variance(under_leavers, weight[stayed]))
    known = [part for part in parts if part is not None]
    error = float(np.sqrt(sum(known))) if len(known) == 2 else None
    return Estimate(value=value, std_error=error, customers=int(left.sum() + stayed.sum()))


def _case(y: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None) -> tuple[BoolArray, FloatArray, FloatArray]:
    left = labels(y)
    risk = float_array(score, "score")
    check_length(risk, len(left), name="score", other="y")
    weight = sample_weight_array(sample_weight, len(left))
    if not weight[left].any():
        raise InputError(f"none of {len(left)} customers left, so there are no leavers to find")
    return left, risk, weight


def _share_below(values: FloatArray, others: FloatArray, weight: FloatArray) -> FloatArray:
    """Return, for each value, the weighted share of `others` below it, equal ones counting half."""
    order = np.argsort(others, kind="stable")
    running = np.append(0.0, np.cumsum(weight[order]))
    below = running[np.searchsorted(others, values, side="left", sorter=order)]
    up_to = running[np.searchsorted(others, values, side="right", sorter=order)]
    share: FloatArray = 0.5 * (below + up_to) / running[-1]
    return share


def _mean_variance(values: FloatArray, weight: FloatArray) -> float | None:
    n, total = len(values), weight.sum()
    if n < 2:
        return None
    mean = weight @ values / total
    return float(((weight * (values - mean)) ** 2).sum() / total**2 * n / (n - 1))
