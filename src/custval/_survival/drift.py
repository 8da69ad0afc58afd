"""Has the portfolio moved away from the one that the model was fitted to, and does it still leave as forecast?

Population stability of a column: ``PSI = sum_b (q_b - p_b) log(q_b / p_b)`` over ten bands (or levels) with shares p
then and q now; below .1 nothing moved, above .25 much did (the rule of credit scoring). Calibration in the large of a
month: departures seen against the sum of hazards of those at risk, whose variance is ``sum h (1 - h)``.

References
----------
Siddiqi (2006), Credit Risk Scorecards, Wiley, chapter 9 (population stability).
Spiegelhalter (1986), Probabilistic prediction in patient management, Statistics in Medicine 5, eq. 6 (z).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, import_pandas
from custval._core.frames import frame_length, is_frame, to_columns
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_length
from custval._survival.discrete_rows import own_causes
from custval._survival.events import is_missing
from custval._survival.gradients import given_array
from custval._survival.monthly import to_months

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("DriftReport", "drift_report")

_BANDS = 10
_NO_ONE = 1e-4  # share of an empty band, so that its logarithm exists


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class DriftReport(Result):
    """How far a portfolio has moved, column by column, and how its departures compare with the forecast by month.

    Attributes
    ----------
    column : ndarray of str, shape (q,)
        Columns, those that moved most first.
    stability : ndarray of shape (q,)
        Population stability index, >= 0.
    verdict : ndarray of str, shape (q,)
        ``stable`` (< .1), ``watch`` (< .25) or ``moved``.
    month : ndarray, shape (m,)
        Months: of the stay, or labels given; empty without a target.
    causes : tuple of K str
        Causes.
    at_risk : ndarray of shape (m,)
        Customers at risk.
    observed, expected : ndarray of shape (K, m)
        Departures seen and forecast.
    z : ndarray of shape (K, m)
        Their difference over its standard error; beyond 3 something has changed. 0 where nothing could happen.
    ratio : ndarray of shape (K,)
        Departures seen over forecast, all months together.
    ratio_z : ndarray of shape (K,)
        The same for all months together.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, drift_report, survival_target
    >>> then, y = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}, survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant").fit(then, y)
    >>> now = {"fee": [40.0, 45.0, 50.0, 44.0, 46.0, 40.0]}
    >>> report = drift_report(model, then, now, survival_target([3, 3, 3, 3, 3, 3], [0, 0, 1, 0, 0, 0]))
    >>> report.verdict.tolist(), report.ratio.round(2).tolist()
    (['moved'], [0.16])
    """

    column: TextArray
    stability: FloatArray
    verdict: TextArray
    month: TextArray
    causes: tuple[str, ...]
    at_risk: FloatArray
    observed: FloatArray
    expected: FloatArray
    z: FloatArray
    ratio: FloatArray
    ratio_z: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each column: column, stability, verdict."""
        frames = import_pandas()
        table: pd.DataFrame = frames.DataFrame(
            {"column": self.column, "stability": self.stability, "verdict": self.verdict}
        )
        return table

    def months(self) -> pd.DataFrame:
        """Return one row for each month and cause: at_risk, observed, expected, z.

        Returns
        -------
        pandas.DataFrame
            Calibration in the large by month.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, drift_report, survival_target
        >>> X, y = {"fee": [20.0, 30.0, 20.0, 40.0]}, survival_target([2, 2, 1, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> drift_report(model, X, X, y).months()["observed"].tolist()
        [2.0, 1.0]
        """
        frames = import_pandas()
        k, m = self.observed.shape
        table: pd.DataFrame = frames.DataFrame(
            {
                "month": np.tile(self.month, k),
                "cause": np.repeat(np.array(self.causes, dtype=object), m),
                "at_risk": np.tile(self.at_risk, k),
                "observed": self.observed.ravel(),
                "expected": self.expected.ravel(),
                "z": self.z.ravel(),
            }
        )
        return table


@public("survival")
def drift_report(
    model: Any, then: AnyFrame, now: AnyFrame, y: Any = None, *, month: ArrayLike | None = None
) -> DriftReport:
    """Return how far columns moved between two portfolios, and whether the newer one leaves as forecast.

    Parameters
    ----------
    model : fitted DiscreteHazard
        The model in use.
    then : frame
        Customers that it was fitted to (or a sample of them).
    now : frame of n rows
        Customers now, as they were when their rows begin.
    y : target of shape (n,), optional
        What happened to them: ``entry`` and ``duration`` of the new months only.
    month : array_like of int, shape (n,), optional
        Calendar month (a running number) in which each row begins: calibration is then by calendar month; None: by
        month of the stay.

    Returns
    -------
    DriftReport
        Stability by column; departures seen and forecast by month.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, drift_report, survival_target
    >>> X, y = {"fee": [20.0, 30.0, 20.0, 40.0]}, survival_target([2, 2, 1, 1], [0, 1, 1, 1])
    >>> model = DiscreteHazard(baseline="constant").fit(X, y)
    >>> drift_report(model, X, X, y, month=[5, 5, 6, 6]).month.tolist()
    [5, 6]
    """
    if not (is_frame(then) and is_frame(now)):
        raise InputError("drift is told by column, so both portfolios must be frames, not arrays")
    old, new = to_columns(then), to_columns(now)
    for portfolio, name in ((then, "then"), (now, "now")):
        if not frame_length(portfolio):
            raise InputError(f"{name} holds no customers, so nothing can be told of it")
    shared = [name for name in old if name in new]
    if not shared:
        raise InputError(f"the two portfolios share no column: {', '.join(old)} against {', '.join(new)}")
    lost = [name for name in getattr(model, "feature_names_in_", ()) if name in old and name not in new]
    if lost:
        raise InputError(f"now lacks {', '.join(lost)}, which the model was fitted to; give it the columns of then")
    stability = np.array([_stability(old[name], new[name]) for name in shared])
    order = np.argsort(-stability, kind="stable")
    seen = _calibration(model, now, y, month) if y is not None else _nothing(len(model.causes_))
    when, at_risk, observed, expected, variance = seen
    total, spread = expected.sum(axis=1), variance.sum(axis=1)
    return DriftReport(
        column=np.array(shared, dtype=object)[order],
        stability=frozen(stability[order]),
        verdict=np.array(["stable" if s < 0.1 else "watch" if s < 0.25 else "moved" for s in stability[order]]),
        month=when,
        causes=tuple(model.causes_),
        at_risk=at_risk,
        observed=observed,
        expected=expected,
        z=_over(observed - expected, np.sqrt(variance)),
        ratio=_over(observed.sum(axis=1), total),
        ratio_z=_over(observed.sum(axis=1) - total, np.sqrt(spread)),
    )


_Seen = tuple[TextArray, FloatArray, FloatArray, FloatArray, FloatArray]


def _calibration(model: Any, now: AnyFrame, y: Any, month: ArrayLike | None) -> _Seen:
    """Return months, customers at risk, departures seen and forecast, and their variance, by cause and month."""
    monthly = to_months(own_causes(y, model.causes_))
    n = len(monthly.kept)
    entry, end, event = np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    entry[monthly.kept] = monthly.target["entry"]
    end[monthly.kept], event[monthly.kept] = monthly.target["duration"], monthly.target["event"]
    given = given_array(entry, n).astype(np.int64)
    length = end - given
    first = given + 1 if month is None else _labels(month, n)
    ahead = int(length.max(initial=0))
    hazards = np.asarray(model.predict_hazard(now, np.arange(1, max(ahead, 1) + 1), given=given))
    step = np.arange(hazards.shape[2])
    inside = step < length[:, None]
    low, high = int(first[length > 0].min()), int((first + length).max())
    place = (first[:, None] + step - low)[inside]
    size = high - low
    expected, variance, observed = (np.zeros((hazards.shape[1], size)) for _ in range(3))
    gone = np.flatnonzero(event)
    for k in range(hazards.shape[1]):
        h = hazards[:, k][inside]
        expected[k] = np.bincount(place, weights=h, minlength=size)
        variance[k] = np.bincount(place, weights=h * (1 - h), minlength=size)
        mine = gone[event[gone] == k + 1]
        observed[k] = np.bincount((first + length - 1 - low)[mine], minlength=size)
    at_risk = np.bincount(place, minlength=size).astype(np.float64)
    keep = at_risk > 0
    return (
        np.arange(low, high)[keep],
        at_risk[keep],
        observed[:, keep],
        expected[:, keep],
        variance[:, keep],
    )


def _nothing(causes: int) -> _Seen:
    empty = np.zeros((causes, 0))
    return np.zeros(0, dtype=np.int64), np.zeros(0), empty, empty, empty


def _labels(month: ArrayLike, n: int) -> IntArray:
    labels = np.asarray(month)
    check_length(labels, n, name="month")
    if labels.dtype.kind not in "iu":
        raise InputError("month must hold running numbers of calendar months, such as 12 * year + month")
    return labels.astype(np.int64)


def _stability(then: TextArray, now: TextArray) -> float:
    """Return the population stability index of one column; missing values are a band of their own."""
    numbers = [values.astype(np.float64) for values in (then, now) if values.dtype.kind in "iuf"]
    if len(numbers) == 2:
        known = numbers[0][~np.isnan(numbers[0])]
        distinct = np.unique(known)
        edges = (
            distinct if len(distinct) <= _BANDS else np.unique(np.quantile(known, np.linspace(0, 1, _BANDS + 1)[1:]))
        )
        bands = [np.where(np.isnan(v), len(edges) + 1, np.searchsorted(edges, v)) for v in numbers]
    else:
        texts = [np.array(["" if is_missing(v) else str(v) for v in values.tolist()]) for values in (then, now)]
        levels = np.unique(np.concatenate(texts))
        bands = [np.searchsorted(levels, text) for text in texts]
    size = int(max(band.max(initial=0) for band in bands)) + 1
    p, q = (np.maximum(np.bincount(band, minlength=size) / max(len(band), 1), _NO_ONE) for band in bands)
    return float(((q - p) * np.log(q / p)).sum())


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
