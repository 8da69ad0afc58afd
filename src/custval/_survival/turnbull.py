"""Who stays beyond each time, when departures are known only to lie between two looks: Turnbull's curve.

The likelihood puts its mass on the innermost intervals, those that begin with some lower and end with the next upper
bound; where in such an interval the departures lie the data cannot tell. Each step is one of expectation-maximisation
followed by one of the iterative convex minorant, and the Kuhn-Tucker conditions prove the end: at the maximum no
interval would gain from more mass.

How sure the curve is depends on the looks. Where all customers are looked at on the same few days (bills), intervals
are a fixed number of parameters, and drawing customers anew shows the spread of the curve. Where everybody has days of
their own the curve converges more slowly than others and no such bounds are known to hold.

References
----------
Turnbull (1976), The empirical distribution function with arbitrarily grouped, censored and truncated data, Journal of
the Royal Statistical Society B 38, 290-295.
Wellner and Zhan (1997), A hybrid algorithm for computation of the nonparametric maximum likelihood estimator from
censored data, JASA 92, 945-959.
Frydman (1994), A note on nonparametric estimation of the distribution function from interval-censored and truncated
observations, Journal of the Royal Statistical Society B 56, 71-74.
Sun (2006), The Statistical Analysis of Interval-censored Failure Time Data, Springer, section 3.6 (bootstrap errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from custval._core.doors import public
from custval._core.errors import ConvergenceWarning, InputError, import_pandas, warn
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray, RandomState
from custval._core.validation import check_choice, check_scalar, check_whole, sample_weight_array
from custval._survival.curves import Quantile
from custval._survival.interval_target import Spans, read_spans

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("IntervalCurve", "turnbull")

_HALVINGS = 30
_ROUGH, _FEW = 1e-6, 500  # of a curve from customers drawn anew


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class IntervalCurve(Result):
    """P(still a customer after t) from departures known between two looks.

    Attributes
    ----------
    left, right : numpy.ndarray of shape (m,)
        The intervals (left, right] that hold mass, in `time_unit`; left = right for an exact time, right = inf for
        those who were never seen to leave.
    mass : numpy.ndarray of shape (m,)
        P(leaves in the interval).
    survival : numpy.ndarray of shape (m,)
        The curve at and after the end of each interval, until the next begins.
    log_likelihood : float
        At the maximum.
    kuhn_tucker : float
        Largest gain in the log-likelihood, for each customer, of mass moved to any interval; <= `tol` where the maximum
        was reached.
    n_iter : int
        Steps taken.
    causes : tuple of str
        Name of the departure.
    time_unit : str
        Unit of the times.
    std_error, lower, upper : numpy.ndarray of shape (m,), or None
        Of `survival`, from customers drawn anew; None without ``resamples``.
    conf_level : float
        Coverage of the bounds at each time.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import interval_target, turnbull
    >>> curve = turnbull(interval_target([0, 2, 3, 5], [3, 4, 6, np.inf]))
    >>> curve.left.tolist(), curve.right.tolist(), curve.mass.round(3).tolist()
    ([2.0, 5.0], [3.0, 6.0], [0.5, 0.5])
    >>> curve.at([2, 4]).tolist(), curve.bounds(2.5)
    ([1.0, 0.5], (0.5, 1.0))
    """

    left: FloatArray
    right: FloatArray
    mass: FloatArray
    survival: FloatArray
    log_likelihood: float
    kuhn_tucker: float
    n_iter: int
    causes: tuple[str, ...]
    time_unit: str
    std_error: FloatArray | None = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    conf_level: float = 0.95

    @overload
    def at(self, times: float, *, within: str = "linear") -> float: ...
    @overload
    def at(self, times: FloatArray | list[float] | list[int], *, within: str = "linear") -> FloatArray: ...
    def at(self, times: ArrayLike, *, within: str = "linear") -> float | FloatArray:
        """Return the survival at `times` >= 0.

        Parameters
        ----------
        times : float or array_like of shape (H,)
            Times, in `time_unit`.
        within : {"linear", "late", "early"}
            What to say inside an interval with mass, where the data cannot tell: departures spread evenly over it
            (without end: all late), all at its end, or all at its beginning. See :meth:`bounds`.

        Returns
        -------
        float or numpy.ndarray of shape (H,)
            Probabilities.
        """
        check_choice(within, "within", ("linear", "late", "early"))
        t = np.asarray(times, dtype=np.float64)
        if not (t >= 0).all():
            raise InputError(f"times must be >= 0, not {t[~(t >= 0)].ravel()[0].item()!r}")
        gone = (self.mass * self._share(t[..., None], within)).sum(axis=-1)
        made = np.clip(1 - gone, 0.0, 1.0)
        return made if t.ndim else float(made)

    def bounds(self, time: float) -> tuple[float, float]:
        """Return the lowest and the highest survival at `time` that the data allow."""
        return self.at(time, within="early"), self.at(time, within="late")

    def quantile(self, share: float) -> Quantile:
        """Return the time by which `share` of the customers has left: the end of the interval in which it happens.

        Parameters
        ----------
        share : float
            In (0, 1); 0.5 gives the median.

        Returns
        -------
        Quantile
            Time, ``inf`` where the curve does not go so far; its lower and upper are the ends of the interval, not a
            confidence interval (conf_level is 1).
        """
        level = 1 - check_scalar(share, "share", low=0, high=1, low_open=True, high_open=True)
        reached = np.flatnonzero(self.survival <= level + 1e-10)
        if not reached.size:
            return Quantile(1 - level, np.inf, np.inf, np.inf, 1.0, self.time_unit)
        low, high = float(self.left[reached[0]]), float(self.right[reached[0]])
        return Quantile(1 - level, high, low, high, 1.0, self.time_unit)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each interval with mass: left, right, mass, survival, and its error where there is one."""
        frames = import_pandas()
        names = ("left", "right", "mass", "survival", "std_error", "lower", "upper")
        columns = {name: getattr(self, name) for name in names}
        made: pd.DataFrame = frames.DataFrame({name: own for name, own in columns.items() if own is not None})
        return made

    def _share(self, t: FloatArray, within: str) -> FloatArray:
        """Return which share of each interval's mass has left by `t`."""
        if within == "early":
            return np.where(self.left == self.right, t >= self.left, t > self.left).astype(np.float64)
        width = self.right - self.left
        if within == "late":
            return (t >= self.right).astype(np.float64)
        with np.errstate(invalid="ignore"):
            part = np.divide(
                t - self.left, width, out=np.zeros(np.broadcast_shapes(t.shape, width.shape)), where=width > 0
            )
        return np.where(t >= self.right, 1.0, np.where(np.isinf(width), 0.0, np.clip(part, 0.0, 1.0)))


@public("survival")
def turnbull(
    y: Any,
    *,
    sample_weight: ArrayLike | None = None,
    resamples: int = 0,
    conf_level: float = 0.95,
    random_state: RandomState = None,
    tol: float = 1e-9,
    max_iter: int = 10_000,
) -> IntervalCurve:
    """Return the share of customers who stay beyond each time, from departures known only between two looks.

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`interval_target`; one from :func:`survival_target` gives the Kaplan-Meier curve.
    sample_weight : array_like of shape (n,), optional
        Case weights >= 0; whole weights equal duplicated rows.
    resamples : int, default 0
        How often to draw the customers anew for standard errors and bounds; 0: none, 200 do for a picture. They hold
        where customers share a few days of looking, such as bills; with days of their own for everybody no bounds are
        known to hold, and the spread is only a picture.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.
    random_state : int or Generator, optional
        Seed of the draws.
    tol : float, default 1e-9
        Stop when no interval would gain more than this, for each customer, from more mass.
    max_iter : int, default 10000
        Most steps.

    Returns
    -------
    IntervalCurve
        Intervals, their mass, the curve, and the Kuhn-Tucker value that proves the maximum; with `resamples` the
        standard errors and bounds of the curve.

    Raises
    ------
    InputError
        For an impossible target or weights, and for `resamples` with weights that are not whole numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import interval_target, turnbull
    >>> y = interval_target([0, 1, 1, 2, 3, 4], [1, 2, 3, 4, np.inf, np.inf])
    >>> turnbull(y).to_frame().round(3).to_dict("list")["survival"]
    [0.833, 0.556, 0.417, 0.278, 0.0]
    >>> turnbull(y, resamples=100, random_state=0).lower.round(2).tolist()
    [0.5, 0.17, 0.0, 0.0, 0.0]
    """
    gain, most = check_scalar(tol, "tol", low=0), check_whole(max_iter, "max_iter", low=1)
    level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
    draws = check_whole(resamples, "resamples", low=0)
    spans = read_spans(y, owner="turnbull")
    weight = sample_weight_array(sample_weight, len(spans), other="y")
    if not len(spans):
        raise InputError("y has no rows; a curve needs at least one customer")
    problem, left, right = _problem(spans.rows(weight > 0), weight[weight > 0])
    mass, steps = _maximise(problem, len(left), gain, most)
    excess = problem.excess(mass)
    if excess > gain:
        warn(
            f"the curve stopped after {steps} steps with a Kuhn-Tucker value of {excess:.2g} > tol={gain:g}; raise "
            "max_iter or tol, or start the clock later where late entry leaves few at risk early",
            ConvergenceWarning,
        )
    kept = mass > 1e-12
    mass = mass[kept] / mass[kept].sum()
    survival = np.clip(1 - np.cumsum(mass), 0.0, 1.0)
    survival[-1] = 0.0
    error, low, high = _resampled(problem, np.flatnonzero(kept), draws, level, random_state) if draws else (None,) * 3
    return IntervalCurve(
        left=frozen(left[kept]),
        right=frozen(right[kept]),
        mass=frozen(mass),
        survival=frozen(survival),
        log_likelihood=problem.value(mass, kept),
        kuhn_tucker=excess,
        n_iter=steps,
        causes=spans.causes,
        time_unit=spans.time_unit,
        std_error=error,
        lower=low,
        upper=high,
        conf_level=level,
    )


def _resampled(
    problem: _Problem, kept: IntArray, draws: int, level: float, random_state: RandomState
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the standard error and bounds of the curve at the ends of intervals `kept`, from customers drawn anew."""
    count = problem.weight
    if (count != np.floor(count)).any():
        raise InputError("resamples draw customers, so sample_weight must hold whole numbers; repeat or round them")
    rng, total = generator(random_state), int(count.sum())
    m = int(problem.last.max())
    curves = np.empty((draws, len(kept)))
    for row in curves:
        drawn = rng.multinomial(total, count / total)
        there = drawn > 0
        parts = (problem.first[there], problem.last[there], problem.entered[there], drawn[there].astype(np.float64))
        mass, _ = _maximise(_Problem(*parts), m, _ROUGH, _FEW)
        row[:] = np.clip(1 - np.cumsum(mass)[kept], 0.0, 1.0)
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return frozen(curves.std(axis=0, ddof=1)), frozen(low), frozen(high)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Distinct rows: each left in one of the intervals first..last, and was seen as that is one from `entered`."""

    first: IntArray
    last: IntArray  # one past the end
    entered: IntArray
    weight: FloatArray

    def chances(self, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return P(left in its span) and P(seen at all) of each row."""
        total = np.concatenate([[0.0], np.cumsum(mass)])
        return total[self.last] - total[self.first], total[-1] - total[self.entered]

    def slope(self, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by the masses of the two parts of the log-likelihood, each (m,)."""
        own, seen = self.chances(mass)
        m = len(mass)
        pull, push = self.weight / own, self.weight / seen
        rise = np.bincount(self.first, pull, minlength=m + 1) - np.bincount(self.last, pull, minlength=m + 1)
        fall = np.bincount(self.entered, push, minlength=m + 1)
        return np.asarray(np.cumsum(rise)[:m], dtype=np.float64), np.asarray(np.cumsum(fall)[:m], dtype=np.float64)

    def excess(self, mass: FloatArray) -> float:
        """Return the largest gain of mass moved to one interval, for each customer."""
        rise, fall = self.slope(mass)
        return float((rise - fall).max() / self.weight.sum())

    def value(self, mass: FloatArray, kept: Any = None) -> float:
        """Return the log-likelihood; of the `kept` intervals only where that is given."""
        if kept is not None:
            whole = np.zeros(len(kept))
            whole[kept] = mass
            mass = whole
        own, seen = self.chances(mass)
        if (own <= 0).any() or (seen <= 0).any():
            return -np.inf
        return float(self.weight @ (np.log(own) - np.log(seen)))


def _problem(spans: Spans, weight: FloatArray) -> tuple[_Problem, FloatArray, FloatArray]:
    """Return the distinct rows as ranges of the intervals that may hold mass, and the ends of those."""
    table = np.column_stack([spans.lower, spans.upper, spans.entry])
    distinct, where = np.unique(table, axis=0, return_inverse=True)
    counts = np.bincount(where.ravel(), weights=weight, minlength=len(distinct))
    lower, upper, entry = distinct.T
    # a place for every time: exact times begin at 3 i, bounds end at 3 i + 1, open ones begin at 3 i + 2
    times = np.unique(np.concatenate([lower, upper, entry]))
    begin = 3 * np.searchsorted(times, lower) + np.where(lower == upper, 0, 2)
    end, late = 3 * np.searchsorted(times, upper) + 1, 3 * np.searchsorted(times, entry) + 1
    starts, stops = _innermost(begin, end, late[entry > 0])
    first = np.searchsorted(starts, begin)
    last = np.searchsorted(stops, end, side="right")
    entered = np.searchsorted(starts, late)
    return _Problem(first, last, entered, counts.astype(np.float64)), times[starts // 3], times[stops // 3]


def _innermost(begin: IntArray, end: IntArray, late: IntArray) -> tuple[IntArray, IntArray]:
    """Return the places of the intervals that may hold mass: from a beginning to the next end (or entry).

    Entries end what lies before them, since their own rows were not seen there (Frydman 1994).
    """
    begin = np.unique(np.concatenate([begin, late + 1]))
    end = np.unique(np.concatenate([end, late]))
    places = np.concatenate([begin, end])
    order = np.argsort(places)
    is_end = np.repeat([False, True], [len(begin), len(end)])[order]
    inner = np.flatnonzero(~is_end[:-1] & is_end[1:])
    return places[order][inner], places[order][inner + 1]


def _maximise(problem: _Problem, m: int, tol: float, max_iter: int) -> tuple[FloatArray, int]:
    """Return the masses at the maximum and the steps taken."""
    mass = np.full(m, 1 / m)
    for step in range(max_iter):
        if problem.excess(mass) <= tol:
            return mass, step
        mass = _expected(problem, mass)
        mass = _minorant(problem, mass)
    return mass, max_iter


def _expected(problem: _Problem, mass: FloatArray) -> FloatArray:
    """Return the masses after one step of expectation-maximisation, customers never seen included."""
    rise, fall = problem.slope(mass)
    ghosts = float((problem.weight / problem.chances(mass)[1]).sum())
    made = mass * (rise + ghosts - fall) / ghosts
    return np.asarray(made / made.sum())


def _minorant(problem: _Problem, mass: FloatArray) -> FloatArray:
    """Return the masses after one step of the iterative convex minorant, halved until the likelihood does not fall."""
    from scipy.optimize import isotonic_regression

    m = len(mass)
    if m < 2:
        return mass
    own, _ = problem.chances(mass)
    rise, fall = problem.slope(mass)
    gradient = (rise - fall)[:-1] - (rise - fall)[1:]  # by the distribution function at the ends of the intervals
    bend = problem.weight / own**2
    curvature = (
        np.bincount(problem.first, bend, minlength=m + 1)[1:m] + np.bincount(problem.last, bend, minlength=m + 1)[1:m]
    )
    curvature = np.maximum(curvature, 1e-12 * curvature.max())
    now = np.cumsum(mass)[:-1]
    aim = isotonic_regression(now + gradient / curvature, weights=curvature).x
    move = np.diff(np.clip(aim, 0.0, 1.0), prepend=0.0, append=1.0) - mass
    value = problem.value(mass)
    for halving in range(_HALVINGS):
        tried = np.maximum(mass + move * 0.5**halving, 0.0)
        if problem.value(tried) >= value:
            return np.asarray(tried / tried.sum())
    return mass
