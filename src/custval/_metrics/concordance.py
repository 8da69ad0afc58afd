"""Does the forecast rank customers as they leave? Harrell's concordance, with entry, weights and its error.

A customer i who leaves at T_i is comparable with j if j was watched then and stayed longer: entry_j < T_i < T_j, or
T_i = T_j with j still a customer. The pair is concordant if i has the larger risk; equal risks count one half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_length, float_array, sample_weight_array
from custval._metrics.outcome import Outcome, read_outcome
from custval._metrics.pairs import Earlier, earlier

__all__ = ("Concordance", "concordance")


@public("metrics")
@dataclass(frozen=True, slots=True, eq=False)
class Concordance(Result):
    """Share of the comparable pairs that the forecast ranks as they happened.

    Attributes
    ----------
    value : float
        (concordant + tied / 2) / comparable, 0..1; one half for a forecast that knows nothing.
    std_error : float
        Its standard error by the infinitesimal jackknife, as R's survival package gives it.
    concordant, discordant, tied, comparable : float
        Weighted numbers of pairs; tied are comparable pairs of equal risk.
    customers : int
        Customers compared.

    Examples
    --------
    >>> from custval.metrics import concordance
    >>> found = concordance(([3, 5, 8, 9], [1, 1, 1, 0]), [0.8, 0.1, 0.2, 0.4])
    >>> found.concordant, found.discordant, found.tied, found.comparable
    (3.0, 3.0, 0.0, 6.0)
    """

    value: float
    std_error: float
    concordant: float
    discordant: float
    tied: float
    comparable: float
    customers: int


@public("metrics")
def concordance(y: Any, risk: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Concordance:
    """Return Harrell's concordance of a risk with the order in which customers left.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well. Departures of
        every cause count.
    risk : array-like of shape (n,)
        Larger for customers expected to leave sooner, on any scale.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0; a weight of two equals the row twice, but for the standard error.

    Returns
    -------
    Concordance
        The share of pairs in order, its standard error and the counts.

    Raises
    ------
    InputError
        For risks that are not finite, lengths that differ, or no comparable pair at all.

    References
    ----------
    Harrell, Lee, Mark (1996), Statistics in Medicine 15; Therneau and Atkinson (2020), Concordance, vignette of the R
    package survival (infinitesimal jackknife).

    Examples
    --------
    >>> from custval.metrics import concordance
    >>> found = concordance(([3, 5, 8, 9], [1, 0, 1, 0]), [0.8, 0.1, 0.2, 0.4])
    >>> found.value, found.comparable
    (0.75, 4.0)
    """
    outcome = read_outcome(y)
    score = float_array(risk, "risk")
    check_length(score, len(outcome), name="risk", other="y")
    weight = sample_weight_array(sample_weight, len(outcome))
    left = outcome.event > 0
    rank = np.unique(score, return_inverse=True)[1].astype(np.int64)
    as_leaver = _longer_watched(outcome, left, rank, weight)
    as_stayer = _left_before(outcome, left, rank, weight)
    comparable = float(weight[left] @ as_leaver.total)
    if comparable <= 0:
        raise InputError(
            "no two customers can be compared: nobody leaves while another is watched, so there is no concordance"
        )
    concordant, tied = float(weight[left] @ as_leaver.lower), float(weight[left] @ as_leaver.equal)
    value = (concordant + 0.5 * tied) / comparable
    pull = as_stayer.won - value * as_stayer.total
    pull[left] += as_leaver.won - value * as_leaver.total
    return Concordance(
        value=value,
        std_error=float(np.sqrt(((weight * pull) ** 2).sum())) / comparable,
        concordant=concordant,
        discordant=comparable - concordant - tied,
        tied=tied,
        comparable=comparable,
        customers=len(outcome),
    )


def _keys(outcome: Outcome, left: BoolArray) -> FloatArray:
    """Return places in time at which, at the same duration, those who leave stand before those who stay."""
    place = np.unique(outcome.duration, return_inverse=True)[1]
    keys: FloatArray = (2 * place + ~left).astype(np.float64)
    return keys


def _longer_watched(outcome: Outcome, left: BoolArray, rank: IntArray, weight: FloatArray) -> Earlier:
    """Count, for each leaver, the comparable customers by rank of risk: all who stay longer, but those not yet in."""
    key = -_keys(outcome, left)
    found = earlier(key, rank, weight, key[left], rank[left])
    first = outcome.duration[left].min(initial=np.inf)
    late = outcome.entry >= first
    if not late.any():
        return found
    return found - earlier(
        -outcome.entry[late],
        rank[late],
        weight[late],
        -outcome.duration[left],
        rank[left],
        include_same_time=True,
    )


def _left_before(outcome: Outcome, left: BoolArray, rank: IntArray, weight: FloatArray) -> Earlier:
    """Count, for each customer, the leavers comparable with it, by rank of risk from above."""
    key, upside = _keys(outcome, left), rank.max(initial=0) - rank
    found = earlier(key[left], upside[left], weight[left], key, upside)
    if not (outcome.entry >= outcome.duration[left].min(initial=np.inf)).any():
        return found
    return found - earlier(
        outcome.duration[left], upside[left], weight[left], outcome.entry, upside, include_same_time=True
    )
