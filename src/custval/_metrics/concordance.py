"""Does the forecast rank customers as they leave? Harrell's and Uno's concordance, with entry, weights and errors.

A customer i who leaves at T_i is comparable with j if j was watched then and stayed longer: entry_j < T_i < T_j, or
T_i = T_j with j still a customer. The pair is concordant if i has the larger risk; equal risks count one half. With a
cause, i must leave for it, and whoever left for another one by T_i will never leave for it: j stayed longer. Harrell
counts every pair once; the result then depends on how long customers happened to be watched. Uno weighs each pair by
how seldom it is seen, so that the same customers watched for longer give the same number on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, check_length, check_scalar, float_array, sample_weight_array
from custval._metrics.censoring import watched_ahead
from custval._metrics.outcome import Outcome, cause_code, from_landmark, read_outcome
from custval._metrics.pairs import Shares, meet

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
        Its standard error by the infinitesimal jackknife, as R's survival package gives it; Uno's weights are taken
        as known.
    concordant, discordant, tied, comparable : float
        Weighted numbers of pairs; tied are comparable pairs of equal risk.
    customers : int
        Customers compared.
    weighting : str
        ``"harrell"`` or ``"uno"``.

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
    weighting: str


@dataclass(frozen=True, slots=True, eq=False)
class _Pairing:
    """How much each customer weighs, each (n,), as the one who leaves or as the one who stays longer.

    `ask` is zero for those who do not leave for the cause in time, `gone` for those who did not leave for another one.
    Pairs with customers who left for another cause before weigh ask_gone x gone, all others ask x offer.
    """

    ask: FloatArray
    offer: FloatArray
    ask_gone: FloatArray
    gone: FloatArray


@public("metrics")
def concordance(
    y: Any,
    risk: ArrayLike,
    *,
    weighting: str = "harrell",
    tau: float | None = None,
    cause: int | str | None = None,
    landmark: float | None = None,
    y_train: Any = None,
    sample_weight: ArrayLike | None = None,
) -> Concordance:
    """Return the concordance of a risk with the order in which customers left.

    Parameters
    ----------
    y : target of shape (n,)
        From ``survival_target``; a pair (duration, event) or durations that all ended are read as well.
    risk : array-like of shape (n,)
        Larger for customers expected to leave sooner, on any scale.
    weighting : {"harrell", "uno"}, default "harrell"
        Count each comparable pair once, or 1 / G(T-)^2 times, with G the share watched that long.
    tau : float, optional
        Only departures before this time count, > 0; the last times have few customers and large weights.
    cause : int or str, optional
        Code (1..K) or name of the cause whose departures count; those who left for another one by then count as
        staying. None: departures of every cause.
    landmark : float, optional
        Time already stayed from which the forecast counts: customers with entry <= landmark < duration are compared
        on the time after it. None: everybody, from the day each came under observation (``"harrell"``), or 0
        (``"uno"``, whose weights need a common start).
    y_train : target, optional
        Customers whose times of watching give G, for ``"uno"``; None: those of `y`.
    sample_weight : array-like of shape (n,), optional
        Case weights, >= 0; a weight of two equals the row twice, but for the standard error.

    Returns
    -------
    Concordance
        The share of pairs in order, its standard error and the counts.

    Raises
    ------
    InputError
        For risks that are not finite, lengths that differ, departures at times to which nobody of `y_train` was
        watched, or no comparable pair at all.

    References
    ----------
    Harrell, Lee, Mark (1996), Statistics in Medicine 15; Uno, Cai, Pencina, D'Agostino, Wei (2011), Statistics in
    Medicine 30; Wolbers, Blanche, Koller, Witteman, Gerds (2014), Biostatistics 15 (competing causes); Therneau and
    Atkinson (2020), Concordance, vignette of the R package survival (infinitesimal jackknife).

    Examples
    --------
    >>> from custval.metrics import concordance
    >>> y, risk = ([3, 4, 5, 8, 9], [1, 0, 1, 1, 0]), [0.8, 0.3, 0.1, 0.2, 0.4]
    >>> concordance(y, risk).value, concordance(y, risk, weighting="uno", tau=8.0).value
    (0.5714285714285714, 0.5294117647058824)
    """
    outcome = read_outcome(y)
    score = float_array(risk, "risk")
    check_length(score, len(outcome), name="risk", other="y")
    weight = sample_weight_array(sample_weight, len(outcome))
    check_choice(weighting, "weighting", ("harrell", "uno"))
    last = np.inf if tau is None else check_scalar(tau, "tau", low=0.0, low_open=True)
    since = 0.0 if landmark is None and weighting == "uno" else landmark
    code = cause_code(cause, outcome)
    if since is not None:
        outcome, score, weight = _moved(outcome, score, weight, since)
    left = (outcome.event > 0 if code is None else outcome.event == code) & (outcome.duration < last)
    other = (outcome.event > 0) & (outcome.event != code) & (outcome.duration < last) & (code is not None)
    share = np.ones(len(outcome))
    if weighting == "uno":
        share = _share_watched(outcome, left | other, weight, y_train, since)
    pairing = _Pairing(left * weight / share**2, weight, left * weight / share, other * weight / share)
    return _summed(_shares(outcome, np.unique(score, return_inverse=True)[1], pairing), len(outcome), weighting)


def _moved(
    outcome: Outcome, score: FloatArray, weight: FloatArray, landmark: float
) -> tuple[Outcome, FloatArray, FloatArray]:
    """Return those watched at the landmark, with the time since."""
    ahead = from_landmark(outcome, landmark)
    keep = ahead.keep
    moved = Outcome(np.zeros(len(ahead)), ahead.duration, outcome.event[keep], outcome.causes)
    return moved, score[keep], weight[keep]


def _share_watched(
    outcome: Outcome, counted: BoolArray, weight: FloatArray, y_train: Any, landmark: float | None
) -> FloatArray:
    """Return G(T-) of those whose departure is `counted`, 1 for the others."""
    watched = watched_ahead(from_landmark(outcome, 0.0), weight, y_train, landmark or 0.0)
    watched.gone_weight(outcome.duration, counted)  # refuses times to which nobody was watched
    return np.where(counted, watched.before(outcome.duration), 1.0)


def _summed(shares: Shares, customers: int, weighting: str) -> Concordance:
    # each pair stands in the sums of both its customers
    concordant, tied, comparable = (float(part.sum()) / 2.0 for part in (shares.won, shares.tied, shares.total))
    if comparable <= 0:
        raise InputError(
            "no two customers can be compared: nobody leaves while another is watched, so there is no concordance"
        )
    value = (concordant + 0.5 * tied) / comparable
    pull = shares.won + 0.5 * shares.tied - value * shares.total
    return Concordance(
        value=value,
        std_error=float(np.sqrt(pull @ pull)) / comparable,
        concordant=concordant,
        discordant=comparable - concordant - tied,
        tied=tied,
        comparable=comparable,
        customers=customers,
        weighting=weighting,
    )


def _shares(outcome: Outcome, rank: IntArray, pairing: _Pairing) -> Shares:
    """Return what each customer takes part in: all who stay longer, but those not yet in, and those gone otherwise."""
    ask, offer = pairing.ask, pairing.offer
    slot = 2 * _dense(outcome.duration) + (outcome.event == 0)
    found = meet(slot, rank, ask, offer)
    asking = np.flatnonzero(ask > 0)
    late = np.flatnonzero(outcome.entry >= outcome.duration[asking].min(initial=np.inf))
    if len(late):
        when = np.concatenate([outcome.duration[asking], outcome.entry[late]])
        found = _added(found, _two_sided(asking, late, when, rank, (ask, offer)), -1.0)
    gone = np.flatnonzero(pairing.gone > 0)
    if len(gone):
        when = -np.concatenate([outcome.duration[asking], outcome.duration[gone]])
        found = _added(found, _two_sided(asking, gone, when, rank, (pairing.ask_gone, pairing.gone)), 1.0)
    return found


def _two_sided(
    asking: IntArray, offering: IntArray, when: FloatArray, rank: IntArray, weights: tuple[FloatArray, FloatArray]
) -> Shares:
    """Return the pairs of those `asking` with those `offering` at the same time or later, as shares of all."""
    late = np.repeat([0, 1], [len(asking), len(offering)])
    both = np.concatenate([asking, offering])
    ask, offer = np.where(late, 0.0, weights[0][both]), np.where(late, weights[1][both], 0.0)
    n = len(rank)
    parts = meet(2 * _dense(when) + late, _dense(rank[both]), ask, offer)
    sums = [np.bincount(both, part, n).astype(np.float64) for part in (parts.won, parts.tied, parts.total)]
    return Shares(*sums)


def _added(one: Shares, other: Shares, sign: float) -> Shares:
    return Shares(one.won + sign * other.won, one.tied + sign * other.tied, one.total + sign * other.total)


def _dense(values: FloatArray | IntArray) -> IntArray:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
