"""The baseline of a Cox model: the cumulative hazard of the average customer, and how sure it is.

With the sums over ties of :mod:`custval._survival.cox_likelihood`, the baseline grows by ``c0`` at each event time:
Breslow's or Efron's estimate, the one that belongs to the tie method. For a customer x with ``z = x - average`` and
``r = exp(z b)``, over any stretch of time,

    var(log S) = r^2 (dV + q' C q),   q = z dH - dB

where dH, dV, dB are what the sums of ``c0``, ``a0`` and ``c0 (mean of the risk set - average)`` grow by, and C is the
covariance of b. For more than 2000 event times dV and dB are kept at 2000 of them and follow dH in between.

V is the variance of a sum of independent steps. So that sums over many customers and months know how their errors go
together, it is cut into at most 120 cells (all event times, where there are no more), each moved by one standard normal
error of its own.

References
----------
Tsiatis (1981), A large sample study of Cox's regression model, Annals of Statistics 9, 93-108.
Therneau and Grambsch (2000), Modeling Survival Data, Springer, section 10.2.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import import_pandas
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, IntArray
from custval._survival.cox_fit import CoxFit
from custval._survival.cox_residuals import mean_increment

if TYPE_CHECKING:
    import pandas as pd

__all__ = (
    "CoxBaseline",
    "NoiseCells",
    "cox_baseline",
    "cumulative_at",
    "noise_at",
    "noise_cells",
    "spread_at",
    "tail_rate",
)

_KNOTS = 2000
_CELLS, _FEWEST = 120, 8  # of the baseline's own error: over all strata, and in each at least


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class CoxBaseline(Result):
    """Cumulative hazard of the average customer at the event times of each stratum.

    Attributes
    ----------
    strata : tuple of S labels
        The strata; one empty label where there are none.
    starts : ndarray of int, shape (S + 1,)
        Event times ``starts[s]`` to ``starts[s + 1]`` belong to stratum s.
    times : ndarray of shape (J,)
        Event times, ascending within each stratum.
    cumulative_hazard : ndarray of shape (J,)
        Of a customer whose columns are ``center_``, at these times.
    last : ndarray of shape (S,)
        Last observed time of each stratum.
    knots : ndarray of int, shape (M,)
        Event times at which the uncertainty is kept.
    variance : ndarray of shape (M,)
        V: variance of the cumulative hazard there, were the coefficients known.
    slope : ndarray of shape (M, p)
        B: minus the derivative of the cumulative hazard in the coefficients.
    time_unit : str
        Unit of the times.

    Examples
    --------
    >>> from custval.survival import CoxPH, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
    >>> baseline = CoxPH().fit(X, y).baseline_
    >>> baseline.times.tolist(), baseline.cumulative_hazard.round(3).tolist()
    ([1.0, 2.0, 3.0], [0.225, 0.576, 1.025])
    """

    strata: tuple[Hashable, ...]
    starts: IntArray
    times: FloatArray
    cumulative_hazard: FloatArray
    last: FloatArray
    knots: IntArray
    variance: FloatArray
    slope: FloatArray
    time_unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return columns stratum (where there are strata), time, cumulative_hazard as a pandas frame."""
        frames = import_pandas()

        table: dict[str, object] = {"time": self.times, "cumulative_hazard": self.cumulative_hazard}
        if tuple(self.strata) != ("",):
            of = np.repeat(np.arange(len(self.strata)), np.diff(self.starts))
            table = {"stratum": [self.strata[s] for s in of.tolist()], **table}
        made: pd.DataFrame = frames.DataFrame(table)
        return made


def cox_baseline(
    fit: CoxFit, center: FloatArray, *, last: FloatArray, strata: tuple[Hashable, ...], time_unit: str
) -> CoxBaseline:
    """Return the baseline of the customer `center` (p,); `last` (S,) are last observed times."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        cumulative, knots, variance, slope = _grown(fit, center)
    return CoxBaseline(
        strata=strata,
        starts=frozen(fit.rows.base),
        times=frozen(fit.rows.times),
        cumulative_hazard=frozen(cumulative),
        last=frozen(last),
        knots=frozen(knots),
        variance=frozen(variance),
        slope=frozen(slope),
        time_unit=time_unit,
    )


def _grown(fit: CoxFit, center: FloatArray) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
    """Return the cumulative hazard (J,), the knots (M,), V (M,) and B (M, p)."""
    rows, sums, coef = fit.rows, fit.sums, fit.coef
    away = rows.center - center  # of each stratum's mean from the average customer
    turn = np.exp(-(away @ coef))[rows.stratum]
    grown = mean_increment(sums)
    # the last step moves the baseline too, to first order
    hazard = (sums.c0 - fit.step @ grown if fit.step.any() else sums.c0) * turn
    starts = rows.base
    knots = _knots(len(hazard), starts)
    slope = np.empty((len(knots), len(coef)))
    for j, own in enumerate(grown):
        slope[:, j] = _within(own * turn + hazard * away[rows.stratum, j], starts, rows.stratum)[knots]
    variance = _within(sums.b0 / sums.total**2 * turn**2, starts, rows.stratum)[knots]
    # only where columns separate do numbers leave the range of floats; then they mean nothing, but stay numbers
    return _finite(_within(hazard, starts, rows.stratum)), knots, _finite(variance), _finite(slope)


def _finite(values: FloatArray) -> FloatArray:
    return values if np.isfinite(values).all() else np.nan_to_num(values, posinf=1e300, neginf=-1e300)


def cumulative_at(baseline: CoxBaseline, stratum: int, times: FloatArray, *, hold: bool) -> FloatArray:
    """Return the cumulative hazard of the average customer of a stratum at `times` (any shape).

    Past the last observed time it stays where it is, or with `hold` grows at the mean rate of the last quarter.
    """
    start, end = int(baseline.starts[stratum]), int(baseline.starts[stratum + 1])
    steps = np.append(0.0, baseline.cumulative_hazard[start:end])
    own = baseline.times[start:end]
    made = steps[np.searchsorted(own, times, side="right")]
    if hold:
        made = made + np.maximum(times - baseline.last[stratum], 0.0) * tail_rate(baseline, stratum)
    return np.asarray(made)


def tail_rate(baseline: CoxBaseline, stratum: int) -> float:
    """Return the mean hazard of the average customer over the last quarter of the observed time."""
    last = float(baseline.last[stratum])
    ends = cumulative_at(baseline, stratum, np.array([0.75 * last, last]), hold=False)
    return float(ends[1] - ends[0]) / (0.25 * last)


def spread_at(
    baseline: CoxBaseline, stratum: int, times: FloatArray, *, hold: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return V and B at `times` (H,): shapes (H,) and (H, p); with `hold` B grows past the last observed time."""
    start, end = int(baseline.starts[stratum]), int(baseline.starts[stratum + 1])
    mine = (baseline.knots >= start) & (baseline.knots < end)
    at = np.append(0.0, baseline.cumulative_hazard[baseline.knots[mine]])
    reached = cumulative_at(baseline, stratum, times, hold=False)
    variance = np.interp(reached, at, np.append(0.0, baseline.variance[mine]))
    slope = np.empty((len(times), baseline.slope.shape[1]))
    for j, own in enumerate(baseline.slope[mine].T):
        slope[:, j] = np.interp(reached, at, np.append(0.0, own))
    if hold:
        last = float(baseline.last[stratum])
        _, ends = spread_at(baseline, stratum, np.array([0.75 * last, last]))
        slope += np.outer(np.maximum(times - last, 0.0), (ends[1] - ends[0]) / (0.25 * last))
    return variance, slope


@dataclass(frozen=True, slots=True, eq=False)
class NoiseCells:
    """V at the ends of the cells of each stratum, rising from 0, and the place of its first cell."""

    ends: tuple[FloatArray, ...]
    first: tuple[int, ...]
    size: int


def noise_cells(baseline: CoxBaseline) -> NoiseCells:
    """Return the cells into which the baseline's own error is cut."""
    strata = len(baseline.strata)
    most = max(_CELLS // strata, _FEWEST)
    ends = []
    for start, end in zip(baseline.starts[:-1], baseline.starts[1:], strict=True):
        grown = np.unique(baseline.variance[(baseline.knots >= start) & (baseline.knots < end)])
        grown = grown[grown > 0]
        if len(grown) > most:
            grown = grown[np.linspace(0, len(grown) - 1, most).round().astype(np.int64)]
        ends.append(np.append(0.0, grown))
    sizes = np.cumsum([0, *(len(own) - 1 for own in ends)])
    return NoiseCells(tuple(ends), tuple(sizes[:-1].tolist()), int(sizes[-1]))


def noise_at(
    baseline: CoxBaseline, cells: NoiseCells, stratum: int, times: FloatArray, *, hold: bool = False
) -> FloatArray:
    """Return by how much each error moves the cumulative hazard at `times` (H,), shape (H, M)."""
    ends, first = cells.ends[stratum], cells.first[stratum]
    reached, _ = spread_at(baseline, stratum, times)
    made = np.zeros((len(times), cells.size))
    # a cell is passed in proportion to variance, so that the variance at each time is V
    passed = np.clip(reached[:, None] - ends[:-1], 0.0, np.diff(ends))
    made[:, first : first + len(ends) - 1] = np.sqrt(passed)
    if hold:
        last = float(baseline.last[stratum])
        edge = noise_at(baseline, cells, stratum, np.array([0.75 * last, last]))
        made += np.outer(np.maximum(times - last, 0.0), (edge[1] - edge[0]) / (0.25 * last))
    return made


def _within(increments: FloatArray, starts: IntArray, stratum: IntArray) -> FloatArray:
    """Return running sums within each stratum."""
    grown = np.cumsum(increments)
    if len(starts) == 2:
        return grown
    return np.asarray(grown - np.append(0.0, grown)[starts[:-1]][stratum])


def _knots(size: int, starts: IntArray) -> IntArray:
    """Return every event time, or 2000 spread over them with the first and last of each stratum."""
    if size <= _KNOTS:
        return np.arange(size)
    some = np.linspace(0, size - 1, _KNOTS).astype(np.int64)
    ends = np.concatenate([starts[:-1], starts[1:] - 1])
    return np.unique(np.concatenate([some, ends[(ends >= 0) & (ends < size)]]))
