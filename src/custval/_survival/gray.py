"""Does the share that leaves for one cause differ between groups? Gray's test of cumulative incidences.

The log-rank test compares hazards of a cause; two groups may have equal hazards of it and unequal incidences, because
other causes take customers away. Gray's test compares the incidences, through the hazard of the subdistribution.

With late entry the numbers at risk are those under observation, and the curves of each group those of Kaplan and Meier
and of Aalen and Johansen with entry: the hazard of the subdistribution is read off them, ``dF / (1 - F(t-))``, so
nothing else in the test changes (Geskus 2011 gives the same estimate by weights).

References
----------
Gray (1988), A class of K-sample tests for comparing the cumulative incidence of a competing risk, Annals of Statistics
16, 1141-1154.
Geskus (2011), Cause-specific cumulative incidence estimation and the Fine and Gray model under both left truncation and
right censoring, Biometrics 67, 39-49.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, IntArray
from custval._core.validation import check_scalar, check_whole, nearest
from custval._survival.groups import group_codes
from custval._survival.target import Target, read_target

__all__ = ("GrayTest", "gray_test")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class GrayTest(Result):
    """The outcome of a test that the share leaving for one cause is the same in all groups.

    Attributes
    ----------
    statistic : float
        Chi-square statistic.
    df : int
        Degrees of freedom: groups less one.
    p_value : float
        Probability of a statistic at least so large if the incidences are equal.
    cause : str
        The cause that was tested.
    groups : tuple
        Labels of the G groups.
    n : numpy.ndarray of shape (G,)
        Customers in each group.
    observed, expected : numpy.ndarray of shape (G,)
        Departures for the cause, and those expected at equal incidences, each weighted by the test.
    rho : float
        Weight (1 - F(t-))^rho of each time.

    Examples
    --------
    >>> from custval.survival import gray_test, survival_target
    >>> y = survival_target([3, 5, 7, 9], ["price", "debt", "price", None])
    >>> gray_test(y, ["dsl", "fibre", "dsl", "fibre"], cause="price").observed.tolist()
    [2.0, 0.0]
    """

    statistic: float
    df: int
    p_value: float
    cause: str
    groups: tuple[Hashable, ...]
    n: FloatArray
    observed: FloatArray
    expected: FloatArray
    rho: float


@public("survival")
def gray_test(y: Any, groups: Any, *, cause: int | str = 1, strata: Any = None, rho: float = 0.0) -> GrayTest:
    """Return a test of whether the share that leaves for one cause differs between groups of customers.

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`survival_target`; late entry is fine as long as somebody of each group is there from its first
        departure on. There are no weights: the test counts customers, so repeat their rows.
    groups : array_like of shape (n,), or frame of n rows
        Labels of at least two groups.
    cause : int or str, default 1
        The cause: its code 1..K, or its name.
    strata : array_like of shape (n,), or frame of n rows, optional
        Customers are compared within each stratum only.
    rho : float, default 0
        Exponent of the weight (1 - F(t-))^rho, with F the incidence of all groups together; early departures count
        more with rho > 0.

    Returns
    -------
    GrayTest
        Statistic, degrees of freedom, p-value, and the departures observed and expected in each group.

    Raises
    ------
    InputError
        For one group only, an unknown cause, a cause that nobody left for, a group that is empty before late entries
        fill it again, or an impossible target.

    References
    ----------
    Gray (1988), Annals of Statistics 16, 1141-1154, equations 2.6 to 2.8.

    Examples
    --------
    >>> from custval.survival import gray_test, survival_target
    >>> left_for = ["price", "price", "debt", None, "price", "debt", None, "price", None]
    >>> y = survival_target([2, 3, 3, 4, 5, 6, 7, 8, 9], left_for)
    >>> test = gray_test(y, ["dsl"] * 4 + ["fibre"] * 5, cause="price")
    >>> round(test.statistic, 3), test.df, round(test.p_value, 3)
    (2.841, 1, 0.092)
    """
    target = read_target(y)
    power = check_scalar(rho, "rho")
    name, code = _cause(cause, target.causes)
    labels, codes = group_codes(groups, len(target))
    if len(labels) < 2:
        raise InputError(f"groups must hold at least two labels, not {len(labels)}; there is nothing to compare")
    G = len(labels)
    observed, expected, covariance = np.zeros(G), np.zeros(G), np.zeros((G, G))
    for rows in _layers(strata, len(target)):
        if target.has_entry:
            _refuse_gaps(target.rows(rows), codes[rows], labels, code)
        o, e, v = _layer(target.rows(rows), codes[rows], G, code, power)
        observed, expected, covariance = observed + o, expected + e, covariance + v
    if not covariance.any():
        raise InputError(f"nobody left for {name!r} while two groups were there, so nothing can be compared")
    score = (observed - expected)[:-1]  # they add up to zero, so the last says nothing new
    solved, _, rank, _ = np.linalg.lstsq(covariance[:-1, :-1], score, rcond=1e-12)
    statistic = max(float(score @ solved), 0.0)
    from scipy.special import chdtrc

    return GrayTest(
        statistic=statistic,
        df=int(rank),
        p_value=float(chdtrc(int(rank), statistic)),
        cause=name,
        groups=labels,
        n=frozen(np.bincount(codes, minlength=G).astype(np.float64)),
        observed=frozen(observed),
        expected=frozen(expected),
        rho=power,
    )


def _cause(cause: int | str, causes: tuple[str, ...]) -> tuple[str, int]:
    if isinstance(cause, str):
        if cause not in causes:
            known = ", ".join(causes)
            raise InputError(f"there is no cause {cause!r}{nearest(cause, causes)}; the causes are {known}")
        return cause, causes.index(cause) + 1
    code = check_whole(cause, "cause", low=1, high=len(causes))
    return causes[code - 1], code


def _layers(strata: Any, n: int) -> list[IntArray]:
    if strata is None:
        return [np.arange(n)]
    labels, codes = group_codes(strata, n, name="strata")
    return [np.flatnonzero(codes == k) for k in range(len(labels))]


def _layer(target: Target, codes: IntArray, G: int, code: int, rho: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return observed and expected departures (G,) and the covariance of their difference (G, G) in one stratum."""
    r, own, other = _counts(target, codes, G, code)
    # curves of each group: present just before each time, and left for the cause
    stay = np.asarray(np.cumprod(1 - _over(own + other, r), axis=1), dtype=np.float64)
    before = _before(stay, 1.0)
    gone = _before(np.cumsum(before * _over(own, r), axis=1), 0.0)
    d = own.sum(axis=0)
    # R / S(t-): how many would be at risk if nobody were censored, and the same with those gone for other causes
    upright = _over(r, before)
    total, share = upright.sum(axis=0), upright * (1 - gone)
    jump = _over(d, total)
    incidence = np.asarray(np.cumsum(jump), dtype=np.float64)
    earlier = _before(incidence, 0.0)
    w = (1 - earlier) ** rho
    fair = _over(share, np.broadcast_to(share.sum(axis=0), share.shape))
    observed, expected = (w * own).sum(axis=1), (w * d * fair).sum(axis=1)
    # how the score of group i moves with the subdistribution of group k: a now, and c for all that came before
    a = w * (np.eye(G)[:, :, None] * upright[:, None] - upright[:, None] * _over(upright, _wide(total, G))[None])
    c = np.cumsum(a * _over(jump, 1 - earlier), axis=2)
    ahead = c[:, :, -1:] - c
    left = 1 - incidence
    pull = _over(_wide(left, G), stay)
    spread_own = _over(before * jump, r) * _ties(_wide(d, G), total * before)
    spread_other = _over(before**2 * other, r**2) * _ties(other, r)
    # where all of a group have gone nothing of it can move
    move_own = a + np.where(stay > 0, 1 - pull, 1.0) * ahead
    move_other = np.where(stay > 0, pull, 0.0) * ahead
    covariance = np.einsum("ikt,jkt,kt->ij", move_own, move_own, spread_own)
    covariance += np.einsum("ikt,jkt,kt->ij", move_other, move_other, spread_other)
    return observed, expected, covariance


def _counts(target: Target, codes: IntArray, G: int, code: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return at risk, departures for the cause and for others, each (G, m), at the m times of any departure."""
    event = target.event > 0
    times = np.unique(target.duration[event])
    m = len(times)
    last = np.searchsorted(times, target.duration, side="right")
    sums = np.bincount(codes * (m + 1) + last, minlength=G * (m + 1)).reshape(G, m + 1)
    if target.has_entry:  # at risk in (entry, duration]: those still to come are taken off
        first = np.searchsorted(times, target.entry, side="right")
        sums = sums - np.bincount(codes * (m + 1) + first, minlength=G * (m + 1)).reshape(G, m + 1)
    at_risk = np.cumsum(sums[:, ::-1], axis=1)[:, ::-1][:, 1:]
    made = [at_risk.astype(np.float64)]
    for rows in (target.event == code, event & (target.event != code)):
        place = codes[rows] * m + last[rows] - 1
        made.append(np.bincount(place, minlength=G * m).reshape(G, m).astype(np.float64))
    return made[0], made[1], made[2]


def _refuse_gaps(target: Target, codes: IntArray, labels: tuple[Hashable, ...], code: int) -> None:
    """Refuse a group all of whom have left before others of it enter: its curve is zero from there on."""
    r, own, other = _counts(target, codes, len(labels), code)
    gone = np.cumsum((r > 0) & (own + other >= r), axis=1) > 0
    back = gone[:, :-1] & (r[:, 1:] > 0)
    if back.any():
        k, at = (int(found[0]) for found in np.nonzero(back))
        when = np.unique(target.duration[target.event > 0])[at]
        raise InputError(
            f"all of group {labels[k]!r} who were there have left by {when:g}, before others of it enter, so its share "
            f"still there is 0 from then on; start the clock later: keep customers who stay beyond {when:g} and set "
            f"their entry to at least {when:g}"
        )


def _before(values: FloatArray, start: float) -> FloatArray:
    """Return the values just before each time."""
    if not values.shape[-1]:
        return values
    return np.concatenate([np.full((*values.shape[:-1], 1), start), values[..., :-1]], axis=-1)


def _ties(d: FloatArray, r: FloatArray) -> FloatArray:
    """Return the factor by which departures at one time, drawn without replacement, vary less."""
    return 1 - _over(np.maximum(d - 1, 0), np.broadcast_to(r - 1, d.shape))


def _over(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Return `top` / `bottom`, 0 where `bottom` is 0: nobody of the group is there."""
    return np.divide(top, bottom, out=np.zeros(np.broadcast_shapes(top.shape, bottom.shape)), where=bottom != 0)


def _wide(values: FloatArray, G: int) -> FloatArray:
    return np.broadcast_to(values, (G, len(values)))
