"""Have the customers changed since the cuts were learned? Population stability index, churn-over, alarm.

PSI sums (q - p) ln(q / p) over classes, with p and q the shares before and now: twice a symmetric divergence. Without
any change it is about (1/n + 1/m) times a chi-squared variable with one degree fewer than classes (Yurdakul and
Naranjo 2020), so a large base moves it beyond chance long before it matters: the p-value says whether, the index how
much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_length, check_scalar, check_whole, float_array, sample_weight_array
from custval._segments.labels import label_codes
from custval._segments.shares import level_of, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("SegmentChange", "Stability", "segment_change", "stability")

WATCH, ALARM = 0.1, 0.25


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class Stability(Result):
    """Population stability index of one column or segmentation, with its classes; arrays have shape (B,).

    Attributes
    ----------
    name : tuple of str
        Classes: the segments, or intervals of the values.
    before, now : ndarray
        Share of each class.
    part : ndarray
        Part of the index that each class makes.
    index : float
        The population stability index.
    std_error : float
        Sampling error of the index (delta method, multinomial shares).
    p_value : float
        Chance of an index so large if nothing had changed.
    verdict : str
        ``stable``, ``watch`` or ``alarm``: below, from and from twice the usual limits of 0.1 and 0.25.
    cuts : ndarray
        Edges between the classes of values; empty for segments.

    Examples
    --------
    >>> from custval.segments import stability
    >>> found = stability(["gold"] * 20 + ["basic"] * 80, ["gold"] * 40 + ["basic"] * 60)
    >>> round(found.index, 3), found.verdict
    (0.191, 'watch')
    """

    name: tuple[str, ...]
    before: FloatArray
    now: FloatArray
    part: FloatArray
    index: float
    std_error: float
    p_value: float
    verdict: str
    cuts: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each class.

        Returns
        -------
        pandas.DataFrame
            ``name``, ``before``, ``now``, ``part``.
        """
        import pandas as pd

        return pd.DataFrame({key: list(getattr(self, key)) for key in ("name", "before", "now", "part")})


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class SegmentChange(Result):
    """How many customers changed segment between two months.

    Attributes
    ----------
    changed : float
        Share of the customers who are in another segment than before.
    lower, upper : float
        Its Wilson interval.
    expected_by_chance : float
        Share that would change if segments were dealt out anew at random, with the shares of both months.
    kappa : float or None
        Cohen's kappa: 1 if nobody changed, 0 if as many as by chance; None where all are in one segment.
    segment : tuple of str
        Segments.
    left, joined : ndarray
        Share of each segment's former customers who left it, and of its present ones who came; 0 where it is empty.
    customers : float
        Customers compared.

    Examples
    --------
    >>> from custval.segments import segment_change
    >>> segment_change(["a", "a", "b", "b"], ["a", "b", "b", "b"]).changed
    0.25
    """

    changed: float
    lower: float
    upper: float
    expected_by_chance: float
    kappa: float | None
    segment: tuple[str, ...]
    left: FloatArray
    joined: FloatArray
    customers: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each segment.

        Returns
        -------
        pandas.DataFrame
            ``segment``, ``left``, ``joined``.
        """
        import pandas as pd

        return pd.DataFrame({"segment": self.segment, "left": self.left, "joined": self.joined})


@public("segments")
def stability(
    before: Any,
    now: Any,
    *,
    classes: int = 10,
    cuts: ArrayLike | None = None,
    watch: float = WATCH,
    alarm: float = ALARM,
    weight_before: ArrayLike | None = None,
    weight_now: ArrayLike | None = None,
) -> Stability:
    """Return how far the customers of today are from those of before, in one column or in their segments.

    Parameters
    ----------
    before, now : array of shape (n,) and (m,)
        Numbers, or names of segments, of the customers of the two months.
    classes : int, default 10
        For numbers: classes of equal share before, 2 to 1000.
    cuts : array, optional
        For numbers: rising edges of the classes instead, such as ``ValuePotential.cuts_`` of one axis.
    watch, alarm : float, default 0.1 and 0.25
        Indices from which the verdict is ``watch`` and ``alarm``.
    weight_before, weight_now : array, optional
        Customers that each row stands for: a table of counts gives the same answer.

    Returns
    -------
    Stability
        Index, error, p-value and verdict.

    Raises
    ------
    InputError
        If a value is missing or infinite, or there is nothing to compare.

    Warns
    -----
    DataWarning
        At an alarm: cuts learned before no longer fit, learn them anew.

    Notes
    -----
    Half a customer is added to each class of both months, so that an empty class does not make the index infinite.

    References
    ----------
    Siddiqi, N. (2006), Credit Risk Scorecards. Yurdakul, B. and Naranjo, J. (2020), Statistical properties of the
    population stability index, J. of Risk Model Validation 14(4): its distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.segments import stability
    >>> rng = np.random.default_rng(0)
    >>> stability(rng.normal(size=4000), rng.normal(size=4000)).verdict
    'stable'
    """
    from scipy.special import chdtrc

    low = check_scalar(watch, "watch", low=0.0)
    high = check_scalar(alarm, "alarm", low=low)
    one, two, names, edges = _classed(before, now, classes, cuts)
    p, n = _class_shares(one, weight_before, len(names), "before")
    q, m = _class_shares(two, weight_now, len(names), "now")
    log: FloatArray = np.log(q / p)
    part: FloatArray = (q - p) * log
    index = float(part.sum())
    # gradients of the index by the shares; each month is a multinomial sample
    by_q, by_p = log + 1.0 - p / q, -log + 1.0 - q / p
    spread = float((q @ by_q**2 - (q @ by_q) ** 2) / m + (p @ by_p**2 - (p @ by_p) ** 2) / n)
    # under no change the gradients vanish, and the chi-squared term is what is left
    chance = 2.0 * (len(names) - 1) * (1.0 / n + 1.0 / m) ** 2
    verdict = "alarm" if index >= high else "watch" if index >= low else "stable"
    if verdict == "alarm":
        warn(
            f"the population stability index is {index:.2f} (alarm from {high:g}): the customers are no longer those "
            "the cuts were learned from; learn them anew"
        )
    return Stability(
        name=names,
        before=frozen(p),
        now=frozen(q),
        part=frozen(part),
        index=index,
        std_error=float(np.sqrt(max(spread, 0.0) + chance)),
        p_value=float(chdtrc(len(names) - 1, index / (1.0 / n + 1.0 / m))),
        verdict=verdict,
        cuts=frozen(edges),
    )


@public("segments")
def segment_change(
    before: Any,
    now: Any,
    *,
    segments: Sequence[Any] | None = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> SegmentChange:
    """Return how many of the same customers are in another segment than before.

    Parameters
    ----------
    before, now : array of shape (n,)
        Segment of each customer in the two months.
    segments : sequence, optional
        Segments in their order; None takes those seen.
    sample_weight : array of shape (n,), optional
        Customers that each row stands for.
    conf_level : float
        Level of the interval, within (0, 1).

    Returns
    -------
    SegmentChange
        Share that changed, against chance, and by segment.

    Raises
    ------
    InputError
        If a segment is missing or unknown, or lengths do not fit.

    References
    ----------
    Cohen, J. (1960), A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20.

    Examples
    --------
    >>> from custval.segments import segment_change
    >>> segment_change(["a", "b"], ["a", "b"], sample_weight=[70, 30]).kappa
    1.0
    """
    level = level_of(conf_level)
    first, second = np.asarray(before), np.asarray(now)
    check_length(second, len(first), name="now", other="before")
    if len(first) == 0:
        raise InputError("before is empty; at least one customer is needed")
    both, names = label_codes(np.concatenate([first, second]), segments, name="segment")
    one, two = both[: len(first)], both[len(first) :]
    weight = sample_weight_array(sample_weight, len(first))
    size = len(names)
    table = np.bincount(one * size + two, weights=weight, minlength=size * size).reshape(size, size).astype(np.float64)
    total, stayed = float(table.sum()), float(np.trace(table))
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    chance = float(rows @ columns) / total**2
    lower, upper = wilson_interval(np.array([total - stayed]), np.array([total]), level)
    own = np.diag(table)
    return SegmentChange(
        changed=(total - stayed) / total,
        lower=float(lower[0]),
        upper=float(upper[0]),
        expected_by_chance=1.0 - chance,
        kappa=None if chance >= 1.0 else (stayed / total - chance) / (1.0 - chance),
        segment=names,
        left=frozen(np.where(rows > 0, 1.0 - own / np.where(rows > 0, rows, 1.0), 0.0)),
        joined=frozen(np.where(columns > 0, 1.0 - own / np.where(columns > 0, columns, 1.0), 0.0)),
        customers=total,
    )


def _classed(
    before: Any, now: Any, classes: int, cuts: ArrayLike | None
) -> tuple[IntArray, IntArray, tuple[str, ...], FloatArray]:
    """Return the class of each customer of both months, the names of the classes and their edges."""
    first, second = np.asarray(before), np.asarray(now)
    for name, values in (("before", first), ("now", second)):
        if len(values) == 0:
            raise InputError(f"{name} is empty; at least one customer is needed")
    if first.dtype.kind not in "iuf" or second.dtype.kind not in "iuf":
        both, names = label_codes(np.concatenate([first.astype(object), second.astype(object)]), name="segment")
        return both[: len(first)], both[len(first) :], names, np.zeros(0)
    one, two = float_array(first, "before"), float_array(second, "now")
    if cuts is None:
        count = check_whole(classes, "classes", low=2, high=1000)
        edges = np.unique(np.quantile(one, np.arange(1, count) / count, method="inverted_cdf"))
        edges = edges[edges > one.min()]  # the lowest class is never empty
    else:
        edges = float_array(cuts, "cuts")
        if (np.diff(edges) <= 0).any():
            raise InputError(f"cuts must rise, not {edges.tolist()}")
    if not len(edges):
        raise InputError(f"before is constant ({one[0]:g}), so it has no classes to compare; give cuts=")
    ends = ["", *(f"{edge:.4g}" for edge in edges), ""]
    names = tuple(
        f"below {high}" if not low else f"from {low}" if not high else f"{low} to {high}"
        for low, high in pairwise(ends)
    )
    return np.searchsorted(edges, one, side="right"), np.searchsorted(edges, two, side="right"), names, edges


def _class_shares(codes: IntArray, weight: ArrayLike | None, count: int, name: str) -> tuple[FloatArray, float]:
    heavy = None if weight is None else float_array(weight, f"weight_{name}", low=0.0)
    if heavy is not None:
        check_length(heavy, len(codes), name=f"weight_{name}", other=name)
    heads = np.bincount(codes, weights=heavy, minlength=count).astype(np.float64)
    if heads.sum() <= 0:
        raise InputError(f"weight_{name} is zero in every row; at least one customer must count")
    return (heads + 0.5) / (heads.sum() + 0.5 * count), float(heads.sum())
