"""A fitted lifelines model as one of ours: survival, hazard and lifetime ahead, for customers who already stayed.

lifelines is not imported: what a fitter can do decides how it is read. Three kinds of curve are told apart. *Steps*
(Cox with Breslow's baseline, Aalen's additive model) are read at the times of departure and hold in between; lifelines
draws straight lines between them, says S(first time) for S(0) and, for those who stayed 0 months, divides by it.
*Smooth* regressions (AFT models, splines, piecewise exponential) are asked at the times themselves. *One curve for all*
(Kaplan-Meier, Weibull, ...) is asked once.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError, import_pandas, not_fitted
from custval._core.frames import frame_length, is_frame, rows, to_columns
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, TextArray
from custval._core.validation import check_choice, check_length, check_scalar, check_whole, float_array
from custval._survival.discrete_reasons import Reasons, top_reasons

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("LifelinesModel", "from_lifelines")

ELEMENTS = 4_000_000  # of a block of curves
PANELS, NODES = 16, 6  # of the integral of a smooth curve


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Curves of some customers that fall at `times` (m,), rising from 0: cumulative hazards (m, b)."""

    times: FloatArray
    hazard: FloatArray

    def at(self, when: FloatArray) -> FloatArray:
        """Return the cumulative hazard of each customer at `when` (b, H)."""
        padded = np.vstack([np.zeros(self.hazard.shape[1]), self.hazard])
        place = np.searchsorted(self.times, when, side="right")
        return np.asarray(padded[place, np.arange(len(when))[:, None]])

    def area(self, when: FloatArray) -> FloatArray:
        """Return the area under the survival of each customer from 0 to `when` (b,)."""
        start = np.append(0.0, self.times)
        height = np.exp(-np.vstack([np.zeros(self.hazard.shape[1]), self.hazard]))
        whole = np.vstack([np.zeros(height.shape[1]), np.cumsum(height[:-1] * np.diff(start)[:, None], axis=0)])
        place, who = np.searchsorted(self.times, when, side="right"), np.arange(len(when))
        return np.asarray(whole[place, who] + height[place, who] * (when - start[place]))


@public("survival")
class LifelinesModel:
    """A fitted lifelines model with the predictions of this library; made by :func:`from_lifelines`.

    Parameters
    ----------
    fitter : object
        The fitted lifelines model.
    time_unit : str
        Unit of the durations that it was fitted on.
    tail : {"error", "hold"}
        What happens past `last_time_`.

    Attributes
    ----------
    causes_ : tuple of str
        ``("left",)``: lifelines models know one event.
    time_unit_ : str
        Unit of its times.
    last_time_ : float
        Time up to which the model speaks; infinite for models that are formulas.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import from_lifelines
    >>> class Exponential:  # as lifelines' ExponentialFitter, fitted
    ...     def survival_function_at_times(self, times):
    ...         return np.exp(-0.1 * np.asarray(times))
    >>> model = from_lifelines(Exponential())
    >>> model.causes_, model.time_unit_, model.last_time_
    (('left',), 'month', inf)
    """

    def __init__(self, fitter: Any, *, time_unit: str, tail: str) -> None:
        self.fitter = fitter
        self.causes_ = ("left",)
        self.time_unit_ = time_unit
        self.tail = tail
        self._kind = _kind(fitter)
        self.last_time_ = _last_time(fitter, self._kind)

    def __repr__(self) -> str:
        """Return the call that makes this model."""
        return f"from_lifelines({type(self.fitter).__name__}(...), time_unit={self.time_unit_!r}, tail={self.tail!r})"

    def predict_survival(self, X: AnyFrame, times: ArrayLike, *, given: ArrayLike | None = None) -> FloatArray:
        """Return P(still a customer `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers, with the columns that the model was fitted on; models of one curve only count the rows.
        times : array_like of shape (H,)
            Times from now, >= 0.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities.

        Raises
        ------
        InputError
            For times past the last observed one, unless the tail is held.

        Examples
        --------
        >>> import numpy as np
        >>> from custval.survival import from_lifelines
        >>> class Weibull:  # as lifelines' WeibullFitter, fitted
        ...     def survival_function_at_times(self, times):
        ...         return np.exp(-0.01 * np.asarray(times) ** 2)
        >>> from_lifelines(Weibull()).predict_survival([[1], [2]], [1, 2], given=[0, 5]).round(3).tolist()
        [[0.99, 0.961], [0.896, 0.787]]
        """
        when, stayed = self._ahead(X, times, given)
        if self._kind == "curve":
            return self._curve(when, stayed)
        found = np.empty((len(stayed), len(when)))
        for part, frame in self._blocks(X, len(stayed), len(when)):
            if self._kind == "smooth":
                found[part] = self._smooth(frame, when, stayed[part])
            else:
                steps = self._steps(frame)
                past = steps.at(stayed[part, None])
                found[part] = np.exp(past - steps.at(stayed[part, None] + when))
        return np.clip(found, 0.0, 1.0)

    def predict_incidence(self, X: AnyFrame, times: ArrayLike, *, given: ArrayLike | None = None) -> FloatArray:
        """Return P(left within `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,)
            Times from now, >= 0.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n, 1, H)
            Probabilities: 1 less the survival, for the one cause.
        """
        return (1.0 - self.predict_survival(X, times, given=given))[:, None, :]

    def predict_cumulative_hazard(self, X: AnyFrame, times: ArrayLike, *, given: ArrayLike | None = None) -> FloatArray:
        """Return the cumulative hazard of the next `times`: less the logarithm of the survival.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,)
            Times from now, >= 0.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Cumulative hazards, ``inf`` where nobody stays.
        """
        survival = self.predict_survival(X, times, given=given)
        return -np.log(survival, out=np.full(survival.shape, -np.inf), where=survival > 0)

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by, larger for those expected to leave sooner.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            The partial hazard of a Cox model without strata; else the cumulative hazard at the middle of the observed
            times.
        """
        if hasattr(self.fitter, "predict_partial_hazard") and not getattr(self.fitter, "strata", None):
            return np.asarray(self.fitter.predict_partial_hazard(_pandas(X)), dtype=np.float64).ravel()
        seen = np.asarray(getattr(self.fitter, "durations", (1.0,)), dtype=np.float64)
        return self.predict_cumulative_hazard(X, [float(np.median(seen))])[:, 0]

    def expected_lifetime(self, X: AnyFrame, horizon: float, *, given: ArrayLike | None = None) -> FloatArray:
        """Return the expected time ahead, counted up to `horizon` (restricted mean).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        horizon : float
            Time ahead, > 0.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n,)
            ``E[min(T - given, horizon) | T > given]``: the area under the predicted survival.

        Examples
        --------
        >>> import numpy as np
        >>> from custval.survival import from_lifelines
        >>> class Exponential:  # as lifelines' ExponentialFitter, fitted
        ...     def survival_function_at_times(self, times):
        ...         return np.exp(-0.1 * np.asarray(times))
        >>> from_lifelines(Exponential()).expected_lifetime([[1]], 12, given=3).round(4).tolist()
        [6.9881]
        """
        span = check_scalar(horizon, "horizon", low=0.0, low_open=True, high=np.inf, high_open=True)
        _, stayed = self._ahead(X, [span], given)
        if self._kind != "steps" and np.isinf(self.last_time_):
            node, share = np.polynomial.legendre.leggauss(NODES)
            start = np.arange(PANELS)[:, None] / PANELS
            when = span * (start + (node + 1.0) / (2 * PANELS)).ravel()
            return self.predict_survival(X, when, given=stayed) @ np.tile(share / 2, PANELS) * (span / PANELS)
        found = np.empty(len(stayed))
        for part, frame in self._blocks(X, len(stayed), 1):
            steps = self._steps(frame)
            past = np.exp(-steps.at(stayed[part, None])[:, 0])
            area = steps.area(stayed[part] + span) - steps.area(stayed[part])
            found[part] = np.divide(area, past, out=np.zeros(len(area)), where=past > 0)
        return found

    def reasons(self, X: AnyFrame, top: int = 3) -> Reasons:
        """Return the columns that push each customer's risk above that of the average customer, in words.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        top : int, default 3
            How many reasons, >= 1.

        Returns
        -------
        Reasons
            Words, columns, and what is taken off the log of :meth:`predict_risk` where the column alone is set to the
            average of the fit (where the model does not keep that: of these customers), each (n, top). Models of one
            curve know no columns and give no reasons.

        Examples
        --------
        >>> import numpy as np
        >>> from custval.survival import from_lifelines
        >>> class Cox:  # as lifelines' CoxPHFitter, fitted
        ...     def predict_partial_hazard(self, X):
        ...         return np.exp(0.5 * np.asarray(X)[:, 0])
        ...     def predict_survival_function(self, X, times=None, conditional_after=None):
        ...         return np.exp(-0.1 * np.outer(times, self.predict_partial_hazard(X)))
        ...     def predict_cumulative_hazard(self, X, times=None, conditional_after=None):
        ...         return 0.1 * np.outer(times, self.predict_partial_hazard(X))
        >>> from_lifelines(Cox()).reasons({"calls": [1.0, 5.0]}, top=1).words[:, 0].tolist()
        [None, 'calls = 5 (high)']
        """
        count = check_whole(top, "top", low=1)
        kind = type(self.fitter).__name__
        if self._kind == "curve":
            nothing = np.full((frame_length(X), count), None, dtype=object)
            return Reasons(words=nothing, columns=nothing, contribution=np.zeros(nothing.shape))
        frame = _pandas(X) if is_frame(X) else np.asarray(X, dtype=np.float64)
        encoder = DesignEncoder(missing="indicator").fit(frame)
        matrix = encoder.transform(frame, owner=kind)
        average, parts, center = _average(self.fitter, frame), np.zeros(matrix.shape), matrix.mean(axis=0)
        own = self._log_risk(frame)
        for place, name in enumerate(encoder.input_names):
            if name not in average:
                continue  # what the model does not know cannot be a reason
            first = encoder.sources.index(name)
            parts[:, first] = own - self._log_risk(_with_column(frame, name if is_frame(X) else place, average[name]))
            if encoder.columns[place]["kind"] == "number":
                center[first] = average[name]
        return top_reasons(parts, matrix, center, encoder, frame, top=count)

    def _log_risk(self, frame: Any) -> FloatArray:
        return np.log(np.clip(self.predict_risk(frame), 1e-300, 1e300))

    def summary(self) -> pd.DataFrame:
        """Return lifelines' table of coefficients.

        Returns
        -------
        pandas.DataFrame
            One row for each coefficient.

        Raises
        ------
        InputError
            For a curve, which has none.
        """
        if not hasattr(self.fitter, "summary"):
            raise InputError(f"a {type(self.fitter).__name__} has no coefficients, so there is no summary")
        found: pd.DataFrame = self.fitter.summary.copy()
        return found

    def _ahead(self, X: AnyFrame, times: ArrayLike, given: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
        """Return checked times ahead (H,) and the time already stayed (n,)."""
        when = float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0)
        n = frame_length(X)
        stayed = float_array(np.atleast_1d(np.asarray(0.0 if given is None else given)), "given", low=0.0)
        if len(stayed) == 1:
            stayed = np.full(n, stayed[0])
        check_length(stayed, n, name="given")
        furthest = float(stayed.max(initial=0.0) + when.max(initial=0.0))
        if self.tail == "error" and furthest > self.last_time_:
            raise InputError(
                f"this reaches {furthest:g} {self.time_unit_}s of a customer's stay, but the model was fitted on "
                f"{self.last_time_:g}; ask for less, or hold its last value with from_lifelines(..., tail='hold')"
            )
        return when, stayed

    def _blocks(self, X: AnyFrame, n: int, width: int) -> Iterator[tuple[slice, Any]]:
        """Yield rows and their pandas frame, few enough for their curves to fit."""
        size = max(1, ELEMENTS // max(width, _steps_of(self.fitter) if self._kind == "steps" else 1))
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            yield part, _pandas(X if len(range(n)[part]) == n else rows(X, np.arange(n)[part]))

    def _curve(self, when: FloatArray, stayed: FloatArray) -> FloatArray:
        """Return the one curve for those who stayed: every distinct time is asked once."""
        asked, where = np.unique(np.append(stayed, stayed[:, None] + when), return_inverse=True)
        value = _one_curve(self.fitter, asked)[where]
        past, ahead = value[: len(stayed), None], value[len(stayed) :].reshape(len(stayed), len(when))
        return np.divide(ahead, past, out=np.zeros(ahead.shape), where=past > 0)

    def _smooth(self, frame: Any, when: FloatArray, stayed: FloatArray) -> FloatArray:
        # lifelines wants times in order and without repeats
        asked, where = np.unique(when, return_inverse=True)
        after = {"conditional_after": stayed} if stayed.any() else {}
        try:
            table = self.fitter.predict_survival_function(frame, times=asked, **after)
        except NotImplementedError:
            return self._ratio(frame, when, stayed)
        found: FloatArray = np.asarray(table, dtype=np.float64).T[:, where]
        found[:, when == 0.0] = 1.0
        return found

    def _ratio(self, frame: Any, when: FloatArray, stayed: FloatArray) -> FloatArray:
        """Return the same for models that do not know customers who stayed: one question for each time stayed."""
        found = np.empty((len(stayed), len(when)))
        for past in np.unique(stayed):
            who = stayed == past
            curve = self._smooth(frame[who], np.append(past, past + when), np.zeros(int(who.sum())))
            found[who] = np.divide(
                curve[:, 1:], curve[:, :1], out=np.zeros((len(curve), len(when))), where=curve[:, :1] > 0
            )
        return found

    def _steps(self, frame: Any) -> _Steps:
        if self._kind == "curve":
            times = np.asarray(self.fitter.timeline, dtype=np.float64)
            value = _one_curve(self.fitter, times)
            hazard = -np.log(value, out=np.full(len(value), -np.inf), where=value > 0)
            return _Steps(times, np.repeat(hazard[:, None], len(frame), axis=1))
        table = self.fitter.predict_cumulative_hazard(frame)
        # with strata the columns come back stratum by stratum
        table = table[frame.index] if is_frame(frame) else table
        # an additive hazard may fall below zero: survival never rises all the same
        rising: FloatArray = np.maximum.accumulate(np.asarray(table, dtype=np.float64).clip(0.0), axis=0)
        return _Steps(np.asarray(table.index, dtype=np.float64), rising)


@public("survival")
def from_lifelines(fitter: Any, *, time_unit: str = "month", tail: str = "error") -> LifelinesModel:
    """Return a fitted lifelines model as one of this library's, for value, alert lists and metrics.

    Parameters
    ----------
    fitter : object
        A fitted lifelines regression (``CoxPHFitter``, the AFT models, ``AalenAdditiveFitter``, splines, piecewise
        exponential, generalized gamma, custom ones) or univariate model (``KaplanMeierFitter``, ``WeibullFitter``,
        ``MixtureCureFitter``, ...).
    time_unit : {"month", "year", "quarter", "week", "day"}, default "month"
        Unit of the durations that it was fitted on.
    tail : {"error", "hold"}, default "error"
        Past the last observed time of a model without a formula for time: refuse, or hold the last value.

    Returns
    -------
    LifelinesModel
        With ``predict_survival(X, times, given=)``, ``predict_cumulative_hazard``, ``predict_incidence``,
        ``predict_risk``, ``expected_lifetime``, ``reasons`` and ``summary``.

    Raises
    ------
    InputError
        For models that predict no survival: time-varying ones and the incidence of one cause.
    NotFittedError
        For a model that is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import lifetime_value
    >>> from custval.survival import from_lifelines
    >>> class Exponential:  # as lifelines' ExponentialFitter, fitted
    ...     def survival_function_at_times(self, times):
    ...         return np.exp(-0.1 * np.asarray(times))
    >>> model = from_lifelines(Exponential())
    >>> lifetime_value(model, [[0], [0]], margin=10.0, horizon=24, monthly_discount=0.01).value.round(2).tolist()
    [79.89, 79.89]
    """
    check_choice(time_unit, "time_unit", ("month", "year", "quarter", "week", "day"))
    check_choice(tail, "tail", ("error", "hold"))
    return LifelinesModel(fitter, time_unit=time_unit, tail=tail)


def _kind(fitter: Any) -> str:
    """Return how the model is read: "steps", "smooth" or "curve"."""
    name = type(fitter).__name__
    if name == "AalenJohansenFitter":
        raise InputError(f"{name} knows the incidence of one cause only, not who stays; use aalen_johansen")
    if hasattr(type(fitter), "predict_incidence"):
        raise InputError(f"{name} is a model of this library already; use it as it is")
    one = hasattr(type(fitter), "survival_function_at_times")
    if hasattr(type(fitter), "fit") and not _is_fitted(fitter):
        raise not_fitted(fitter)
    if one:
        return "curve"
    if not hasattr(fitter, "predict_survival_function"):
        raise InputError(
            f"{name} predicts no survival (no predict_survival_function or survival_function_at_times), so it cannot "
            "say how long customers stay; fit a model of one row for each customer"
        )
    takes = inspect.signature(fitter.predict_cumulative_hazard).parameters
    breslow = getattr(fitter, "baseline_estimation_method", None) == "breslow"
    return "steps" if breslow or "conditional_after" not in takes else "smooth"


def _is_fitted(fitter: Any) -> bool:
    return any(hasattr(fitter, name) for name in ("timeline", "params_", "cumulative_hazards_"))


def _last_time(fitter: Any, kind: str) -> float:
    bases = {base.__name__ for base in type(fitter).__mro__}
    if kind == "steps":
        return float(np.max(_step_times(fitter)))
    if kind == "curve" and bases & {"NonParametricUnivariateFitter", "NelsonAalenFitter"}:
        return float(np.max(fitter.timeline))
    return np.inf


def _step_times(fitter: Any) -> FloatArray:
    table = getattr(fitter, "baseline_cumulative_hazard_", None)
    table = fitter.cumulative_hazards_ if table is None else table
    return np.asarray(table.index, dtype=np.float64)


def _steps_of(fitter: Any) -> int:
    return len(_step_times(fitter))


def _one_curve(fitter: Any, times: FloatArray) -> FloatArray:
    if type(fitter).__name__ == "NelsonAalenFitter":
        return np.exp(-np.asarray(fitter.cumulative_hazard_at_times(times), dtype=np.float64))
    return np.asarray(fitter.survival_function_at_times(times), dtype=np.float64)


def _pandas(X: AnyFrame) -> Any:
    """Return what lifelines reads: a pandas frame whose rows are 0, 1, 2, ..., or an array."""
    if not is_frame(X):
        return np.asarray(X)
    frames = import_pandas()
    return X.reset_index(drop=True) if isinstance(X, frames.DataFrame) else frames.DataFrame(to_columns(X))


def _average(fitter: Any, X: Any) -> dict[str, Any]:
    """Return the average customer by column: lifelines' own where the fitter keeps it, else that of `X`."""
    kept = getattr(fitter, "_central_values", None)
    if kept is not None and is_frame(X):
        return {str(name): kept[name].iloc[0] for name in kept.columns}
    columns = to_columns(X) if is_frame(X) else {f"x{j}": column for j, column in enumerate(X.T)}
    return {name: _middle(np.asarray(values)) for name, values in columns.items()}


def _middle(values: TextArray) -> Any:
    """Return the mean of numbers, the most common of labels."""
    if values.dtype.kind in "fiub":
        return float(np.nanmean(values.astype(np.float64)))
    found, counts = np.unique(values.astype(str), return_counts=True)
    return found[counts.argmax()]


def _with_column(X: Any, column: Any, value: Any) -> Any:
    """Return a copy in which all customers have this `value` in one column."""
    if is_frame(X):
        return X.assign(**{column: value})
    made = X.copy()
    made[:, column] = value
    return made
