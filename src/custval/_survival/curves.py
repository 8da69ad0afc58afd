"""Step curves: what they hold, how they are read at a time, and where they reach a level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, import_pandas
from custval._core.results import Result
from custval._core.typing import ArrayLike, BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("HazardCurve", "IncidenceCurve", "Quantile", "SurvivalCurve", "refuse_beyond")

# R reads a level as reached when the curve comes this close to it; sums of many steps need the slack
_CLOSE = float(np.sqrt(np.finfo(np.float64).eps))


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class Quantile(Result):
    """The time by which a share of the customers has left.

    Attributes
    ----------
    share : float
        Share that has left, in (0, 1): 0.5 for the median.
    time : float
        The time, ``inf`` where the curve does not go so far.
    lower, upper : float
        Bounds of the time, at `conf_level`; ``inf`` where a bound of the curve does not go so far.
    conf_level : float
        Confidence level of the interval.
    time_unit : str
        Unit of the times.

    Examples
    --------
    >>> from custval.survival import kaplan_meier, survival_target
    >>> half = kaplan_meier(survival_target([3, 5, 8, 12, 20])).quantile(0.5)
    >>> half.time, half.lower, half.upper
    (8.0, 5.0, inf)
    """

    share: float
    time: float
    lower: float
    upper: float
    conf_level: float
    time_unit: str


@dataclass(frozen=True, slots=True, eq=False)
class _StepCurve(Result):
    """What every step curve holds, and how it is read."""

    times: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    at_risk: FloatArray
    events: FloatArray
    causes: tuple[str, ...]
    time_unit: str
    conf_level: float
    conf_type: str
    variance: str
    kind: str

    def _read(self, values: FloatArray, start: float, times: ArrayLike, ends: bool) -> FloatArray:
        """Return step `values` (..., m) at `times`; past the last time only where the curve `ends` there."""
        t = _checked_times(times)
        if not ends:
            refuse_beyond(t, float(self.times[-1]), self.time_unit)
        padded = np.concatenate([np.full((*values.shape[:-1], 1), start), values], axis=-1)
        return padded[..., np.searchsorted(self.times, t, side="right")]

    def _table(self, **values: Any) -> pd.DataFrame:
        frames = import_pandas()

        columns = {"time": self.times, **values, "at_risk": self.at_risk}
        made: pd.DataFrame = frames.DataFrame({name: np.ma.filled(column, np.nan) for name, column in columns.items()})
        return made


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve(_StepCurve):
    """P(still a customer after t): a Kaplan-Meier curve.

    Attributes
    ----------
    times : numpy.ndarray of shape (m,)
        The distinct times of leaving or of the last look, in `time_unit`.
    survival : numpy.ndarray of shape (m,)
        The curve just after each time; 1 before the first.
    std_error, lower, upper : numpy.ma.MaskedArray of shape (m,)
        Standard error of `survival` and its interval; masked where they do not exist (the curve is at zero).
    at_risk, events : numpy.ndarray of shape (m,)
        Weighted customers at risk just before each time, and how many left at it.
    causes : tuple of str
        Names of the causes that count as leaving.
    time_unit, conf_level, conf_type, variance, kind : str or float
        Unit of the times, level and type of the interval, rule of the variance, and ``"survival"``.

    Examples
    --------
    >>> from custval.survival import kaplan_meier, survival_target
    >>> curve = kaplan_meier(survival_target([3, 5, 8, 12], [1, 1, 0, 1]))
    >>> curve.at([0, 5, 12]).tolist(), curve.median
    ([1.0, 0.5, 0.0], 8.5)
    >>> curve.to_frame()["lower"].round(3).tolist()
    [0.426, 0.188, 0.188, nan]
    """

    survival: FloatArray

    @overload
    def at(self, times: float, *, tail: str | None = None) -> float: ...
    @overload
    def at(self, times: FloatArray | list[float] | list[int], *, tail: str | None = None) -> FloatArray: ...
    def at(self, times: ArrayLike, *, tail: str | None = None) -> float | FloatArray:
        """Return the survival at `times` >= 0.

        Parameters
        ----------
        times : float or array_like of shape (H,)
            Times, in `time_unit`.
        tail : {None, "hold", "zero", "exponential"}
            What to say past the last observed time of a curve that has not reached zero: refuse (None), hold the last
            value, fall to zero (Efron 1967), or go on at the mean hazard so far (Brown, Hollander and Korwar 1974).

        Returns
        -------
        float or numpy.ndarray of shape (H,)
            Probabilities.

        Raises
        ------
        InputError
            For a time past the last observed one without `tail`.
        """
        check_choice(tail, "tail", (None, "hold", "zero", "exponential"))
        last = float(self.survival[-1])
        values = self._read(self.survival, 1.0, times, ends=tail is not None or last == 0)
        end = float(self.times[-1])
        t = np.asarray(times, dtype=np.float64)
        if tail == "zero":
            values = np.where(t > end, 0.0, values)
        elif tail == "exponential":
            values = np.where(t > end, last ** (np.maximum(t, end) / end), values)
        return values if t.ndim else float(values)

    @property
    def median(self) -> float:
        """Time by which half of the customers have left, ``inf`` where the curve stays above a half."""
        return self.quantile(0.5).time

    def quantile(self, share: float) -> Quantile:
        """Return the time by which `share` of the customers has left, with its interval.

        Parameters
        ----------
        share : float
            In (0, 1); 0.5 gives the median.

        Returns
        -------
        Quantile
            The first time at which the curve is at or below 1 - `share` (the middle of the step where it lies exactly
            at that level, as in R), and the times at which its bounds are (Brookmeyer and Crowley 1982).
        """
        level = 1 - check_scalar(share, "share", low=0, high=1, low_open=True, high_open=True)
        # a bound that does not exist stands where the curve is at zero: the lower one is there, the upper one is not
        low, high = np.ma.filled(self.lower, 0.0), np.ma.filled(self.upper, 1.0)
        curve, first, last = (_first_at_or_below(self.times, y, level) for y in (self.survival, low, high))
        return Quantile(1 - level, curve, first, last, self.conf_level, self.time_unit)

    def given(self, time: float) -> SurvivalCurve:
        """Return the curve of those who have stayed `time`: P(T > time + u | T > time), its times counted from now.

        Parameters
        ----------
        time : float
            Time already stayed, >= 0 and before the last time; somebody must have stayed so long.

        Returns
        -------
        SurvivalCurve
            The later part of this curve over its height at `time`, with errors and intervals of that part alone;
            they do not exist for a curve with a robust variance, which no longer knows the customers.

        Raises
        ------
        InputError
            For a time that nobody has stayed, or that the curve does not reach.

        Examples
        --------
        >>> from custval.survival import kaplan_meier, survival_target
        >>> curve = kaplan_meier(survival_target([3, 5, 8, 12], [1, 1, 0, 1]))
        >>> curve.given(4).at([0, 1, 8]).round(3).tolist()
        [1.0, 0.667, 0.0]
        """
        from custval._survival.curve_counts import conditional_curve

        return conditional_curve(self, check_scalar(time, "time", low=0))

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each time: the curve, its standard error and interval, and the counts."""
        return self._table(
            survival=self.survival, std_error=self.std_error, lower=self.lower, upper=self.upper, events=self.events
        )


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class HazardCurve(_StepCurve):
    """The cumulative hazard of leaving: a Nelson-Aalen curve.

    Attributes
    ----------
    times, std_error, lower, upper, at_risk, events, causes, time_unit, conf_level, conf_type, variance, kind
        As in :class:`SurvivalCurve`; kind is ``"hazard"``.
    hazard : numpy.ndarray of shape (m,)
        The cumulative hazard just after each time; 0 before the first.

    Examples
    --------
    >>> from custval.survival import nelson_aalen, survival_target
    >>> nelson_aalen(survival_target([3, 5, 8, 12], [1, 1, 0, 1])).at([3, 12]).round(3).tolist()
    [0.25, 1.583]
    """

    hazard: FloatArray

    @overload
    def at(self, times: float, *, tail: str | None = None) -> float: ...
    @overload
    def at(self, times: FloatArray | list[float] | list[int], *, tail: str | None = None) -> FloatArray: ...
    def at(self, times: ArrayLike, *, tail: str | None = None) -> float | FloatArray:
        """Return the cumulative hazard at `times` >= 0.

        Parameters
        ----------
        times : float or array_like of shape (H,)
            Times, in `time_unit`.
        tail : {None, "hold", "exponential"}
            Past the last observed time: refuse (None), hold the last value, or go on at the mean hazard so far.

        Returns
        -------
        float or numpy.ndarray of shape (H,)
            Cumulative hazards.

        Raises
        ------
        InputError
            For a time past the last observed one without `tail`.
        """
        check_choice(tail, "tail", (None, "hold", "exponential"))
        values = self._read(self.hazard, 0.0, times, ends=tail is not None)
        end = float(self.times[-1])
        t = np.asarray(times, dtype=np.float64)
        if tail == "exponential":
            values = np.where(t > end, self.hazard[-1] * t / end, values)
        return values if t.ndim else float(values)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each time: the curve, its standard error and interval, and the counts."""
        return self._table(
            hazard=self.hazard, std_error=self.std_error, lower=self.lower, upper=self.upper, events=self.events
        )


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class IncidenceCurve(_StepCurve):
    """P(has left for cause k by t), for each cause: Aalen-Johansen curves.

    Attributes
    ----------
    times, at_risk : numpy.ndarray of shape (m,)
        As in :class:`SurvivalCurve`.
    incidence, events : numpy.ndarray of shape (K, m)
        The curve of each cause just after each time, and how many left for it at each time.
    std_error, lower, upper : numpy.ma.MaskedArray of shape (K, m)
        Standard error of `incidence` and its interval; masked where they do not exist.
    survival : numpy.ndarray of shape (m,)
        P(still a customer): 1 less the sum of the incidences.
    causes : tuple of str
        Names of the K causes.
    time_unit, conf_level, conf_type, variance, kind : str or float
        As in :class:`SurvivalCurve`; kind is ``"incidence"``.

    Examples
    --------
    >>> from custval.survival import aalen_johansen, survival_target
    >>> curve = aalen_johansen(survival_target([3, 5, 8, 12], ["price", "debt", None, None]))
    >>> dict(zip(curve.causes, curve.at(12).tolist()))
    {'debt': 0.25, 'price': 0.25}
    """

    incidence: FloatArray
    survival: FloatArray

    def at(self, times: ArrayLike, *, tail: str | None = None) -> FloatArray:
        """Return the incidence of each cause at `times` >= 0.

        Parameters
        ----------
        times : float or array_like of shape (H,)
            Times, in `time_unit`.
        tail : {None, "hold"}
            Past the last observed time, where some are still there: refuse (None), or hold the last value.

        Returns
        -------
        numpy.ndarray of shape (K,) or (K, H)
            Probabilities.

        Raises
        ------
        InputError
            For a time past the last observed one without `tail`.
        """
        check_choice(tail, "tail", (None, "hold"))
        return self._read(self.incidence, 0.0, times, ends=tail is not None or float(self.survival[-1]) == 0)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each cause and time: the curve, its standard error and interval, and the counts."""
        frames = import_pandas()

        parts = [
            self._table(
                incidence=self.incidence[k],
                std_error=self.std_error[k],
                lower=self.lower[k],
                upper=self.upper[k],
                events=self.events[k],
            ).assign(cause=cause)
            for k, cause in enumerate(self.causes)
        ]
        frame: pd.DataFrame = frames.concat(parts, ignore_index=True)
        return frame[["cause", *frame.columns.drop("cause")]]


def _checked_times(times: ArrayLike) -> FloatArray:
    t = np.asarray(times, dtype=np.float64)
    if not (t >= 0).all():
        raise InputError(f"times must be >= 0, not {t[~(t >= 0)].ravel()[0].item()!r}")
    return t


def refuse_beyond(t: FloatArray, last: float, time_unit: str, *, fix: str = ", or name a method in tail") -> None:
    """Refuse times past the last at which anybody was watched."""
    beyond = t[t > last]
    if beyond.size:
        raise InputError(
            f"nobody was watched past {last:g} {time_unit}s, so the curve is not known at "
            f"{float(beyond.ravel()[0]):g}; ask for times up to {last:g}{fix}"
        )


def _first_at_or_below(times: FloatArray, values: FloatArray, level: float) -> float:
    """Return where a falling curve reaches `level`: the middle of the step where it stands exactly there."""
    reached = np.flatnonzero(values <= level + _CLOSE)
    if not reached.size:
        return float("inf")
    below: IntArray = np.flatnonzero(values < level - _CLOSE)
    exact: BoolArray = np.abs(values[reached[:1]] - level) <= _CLOSE
    if not exact[0]:
        return float(times[reached[0]])
    end = times[below[0]] if below.size else times[-1]
    return float((times[reached[0]] + end) / 2)
