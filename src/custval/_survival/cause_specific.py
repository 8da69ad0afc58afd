"""One hazard model for each cause, composed into the chance of leaving for each of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.encoding import DesignEncoder, plain_matrix
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.frames import frame_length, is_frame, rows
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, forecast_covariance
from custval._core.validation import check_length, check_rows, check_scalar, check_whole, float_array, nearest
from custval._survival.band import IncidenceBand, check_band, incidence_band
from custval._survival.cause_path import at_times, compete, slope_by_hazard
from custval._survival.cox import CoxPH
from custval._survival.cox_data import stayed_array
from custval._survival.discrete import DiscreteHazard
from custval._survival.discrete_reasons import Reasons, column_parts, top_reasons
from custval._survival.fine_gray_rows import cause_code
from custval._survival.gradients import blocks, spread_of
from custval._survival.parametric import ParametricModel
from custval._survival.target import Target, read_target, structured

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("CauseSpecificHazard",)

_CELLS = 1 << 21  # numbers at a time
_MOST_STEPS = 4000  # finer steps change nothing that can be seen
_PER_UNIT = 8  # steps in a unit of time where the hazard is smooth
_KINDS = (CoxPH, DiscreteHazard, ParametricModel)


class CauseSpecificHazard(Estimator):
    """Who leaves, when and for which cause: a hazard model of your choice for each cause, and what they make together.

    The model of a cause takes departures for other causes as censored, which is right for a hazard; the incidences
    let the causes compete (one less Kaplan-Meier would overstate them). Incidences and survival sum to one.

    Parameters
    ----------
    estimator : estimator or mapping from cause to estimator, default None
        The model of each cause: :class:`CoxPH`, :class:`AFT`, :class:`PiecewiseExponential`, :class:`MixtureCure` or
        :class:`DiscreteHazard`, unfitted. A mapping gives each cause its own. None: :class:`CoxPH`.

    Attributes
    ----------
    models_ : tuple of K fitted estimators
        The model of each cause, in the order of ``causes_``.
    coef_ : ndarray of shape (K, p), or (p,) for one cause
        Their coefficients.
    std_error_ : ndarray of the same shape, or None
        Their standard errors; robust ones where these are there.
    covariance_ : ndarray of shape (P, P), or None
        Of the parameters of all models: those of different causes are uncorrelated.
    n_events_ : ndarray of int, shape (K,)
        Departures for each cause.
    causes_ : tuple of K str
        Names of the causes.
    time_unit_ : str
        Unit of the times.
    last_time_ : float
        Last observed time.
    feature_names_out_ : ndarray of str, shape (p,)
        Columns of the design matrix.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_ : int
        Number of columns of X.

    References
    ----------
    Prentice et al. (1978), Biometrics 34, 541-554.
    Andersen and Keiding (2012), Interpretability and importance of functionals in competing risks, Statistics in
    Medicine 31, 1074-1088.

    Examples
    --------
    >>> from custval.survival import CauseSpecificHazard, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0, 20.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2, 2, 3], ["price", "moved", None, "price", None, None, "moved", "price"])
    >>> model = CauseSpecificHazard().fit(X, y)
    >>> model.causes_
    ('moved', 'price')
    >>> model.predict_incidence({"fee": [40.0]}, [1, 3]).round(3).tolist()
    [[[0.0, 0.104], [0.199, 0.712]]]
    >>> model.predict_survival({"fee": [40.0]}, [1, 3]).round(3).tolist()
    [[0.801, 0.184]]
    """

    __module__ = "custval.survival"
    _poor_score: ClassVar[bool] = True
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "strata", "cluster")

    def __init__(self, *, estimator: Any = None) -> None:
        self.estimator = estimator

    @property
    def expected_failed_checks(self) -> dict[str, str]:
        """Return the checks of scikit-learn that do not hold here: those of the model of each cause."""
        return dict(getattr(self._of_cause(None), "expected_failed_checks", {}))

    def fit(
        self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, strata: Any = None, cluster: Any = None
    ) -> Self:
        """Learn a model for each cause.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer.
        y : target of shape (n,)
            From :func:`survival_target`, or plain durations that all ended.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0.
        strata : str, sequence of str, or array_like of n rows, optional
            Groups with baselines of their own, where the models take them.
        cluster : array_like of shape (n,), optional
            Customer, account or household, for robust errors, where the models take them.

        Returns
        -------
        CauseSpecificHazard
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left for a cause, a mapping lacks one, or a model refuses the data.
        """
        if not is_frame(X):
            plain_matrix(X)  # what is wrong with X is said before what is wrong with y
        target = read_target(y)
        named = {"sample_weight": sample_weight, "strata": strata, "cluster": cluster}
        given = {name: value for name, value in named.items() if value is not None}
        _check_events(target)
        models = []
        for code, cause in enumerate(target.causes, 1):
            model = self._of_cause(cause)
            strange = sorted(set(given) - set(inspect.signature(model.fit).parameters))
            if strange:
                raise InputError(f"fit of {type(model).__name__}, the model of cause {cause!r}, takes no {strange[0]}")
            models.append(model.fit(X, _one_cause(target, code), **given))
        self.models_ = tuple(models)
        self._store(target)
        return self

    def predict_survival(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(still a customer `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities.
        """
        return np.exp(-self.predict_cumulative_hazard(X, times, given=given))

    def predict_cumulative_hazard(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return the hazard of leaving for any cause summed over the next `times`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Cumulative hazards; the survival is ``exp`` of minus these.
        """
        when, stayed = self._ahead(times, given, X)
        return np.asarray(sum(_hazard(model, X, when, stayed) for model in self.models_))

    def predict_incidence(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(left for each cause within `times` from now | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.

        Returns
        -------
        ndarray of shape (n, K, H)
            Probabilities; with the survival they sum to one.
        """
        when, stayed = self._ahead(times, given, X)
        if len(self.models_) == 1:
            return -np.expm1(-_hazard(self.models_[0], X, when, stayed))[:, None]
        n = _length(X)
        made = np.empty((n, len(self.models_), len(when)))
        path = self._by_steps if self._steps() is not None else self._by_fine_steps
        for part, customers, since in self._blocks(X, n, stayed, when):
            made[part] = path(customers, when, since)
        return made

    def predict_incidence_band(
        self,
        X: AnyFrame,
        times: ArrayLike | None = None,
        *,
        cause: int | str = 1,
        given: ArrayLike | None = None,
        conf_level: float = 0.95,
        conf_type: str = "log-log",
    ) -> IncidenceBand:
        """Return the incidence of a cause with its standard error and bounds at each time.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Whole units of time from now, >= 0; None: 1, 2, ... up to the last observed time.
        cause : int or str, default 1
            The cause, by code 1..K or name.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        conf_level : float, default 0.95
            Coverage at each time, between 0 and 1.
        conf_type : {"log-log", "log", "plain"}, default "log-log"
            Scale on which the bounds are symmetric: that of ``log(-log(1 - F))``, of log F, or of F.

        Returns
        -------
        IncidenceBand
            Incidence, std_error, lower, upper, each (n, H); the errors follow from :meth:`pullback` (delta method).

        Raises
        ------
        InputError
            For models without standard errors, times that are not whole, or a cause that was not learnt.

        Examples
        --------
        >>> from custval.survival import CauseSpecificHazard, survival_target
        >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0, 20.0, 40.0]}
        >>> y = survival_target([3, 2, 3, 1, 3, 2, 2, 3], [2, 1, 0, 2, 0, 0, 1, 2], causes=["moved", "price"])
        >>> band = CauseSpecificHazard().fit(X, y).predict_incidence_band({"fee": [30.0]}, [1, 3], cause="price")
        >>> band.incidence.round(2).tolist(), band.std_error.round(2).tolist()
        ([[0.1, 0.41]], [[0.1, 0.2]])
        """
        level = check_band(conf_level, conf_type)
        when, stayed = self._ahead(times, given, X)
        check_rows(when == np.floor(when), when, name="times", rule="be whole", fix="errors are told by units of time")
        place, covariance = cause_code(cause, self.causes_) - 1, self.forecast_covariance_
        if covariance is None:
            raise InputError("a band needs models with standard errors; fit them without l1")
        told = self.predict_incidence(X, when, given=given)[:, place]
        error = np.zeros_like(told)
        for part, own, since in blocks(X, np.broadcast_to(stayed, len(told))):
            for h, month in enumerate(when.astype(np.int64).tolist()):
                exits = np.zeros((len(since), len(self.models_), month))
                exits[:, place] = 1.0
                slope = self.pullback(own, np.zeros((len(since), month)), exits, given=since)
                error[part, h] = spread_of(slope, covariance)
        name, unit = self.causes_[place], self.time_unit_
        return incidence_band(when, told, error, cause=name, level=level, conf_type=conf_type, time_unit=unit)

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Cumulative hazard of leaving for any cause by the last observed time; for one cause the number of its model.
        """
        self._check_fitted()
        if len(self.models_) == 1:
            return np.asarray(self.models_[0].predict_risk(X))
        return self.predict_cumulative_hazard(X, [self.last_time_])[:, 0]

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Risks.
        """
        return self.predict_risk(X)

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
            ``E[min(T - given, horizon) | T > given]``.
        """
        span = check_scalar(horizon, "horizon", low=0, low_open=True, high_open=True)
        _, stayed = self._ahead([span], given, X)
        if len(self.models_) == 1:
            return np.asarray(self.models_[0].expected_lifetime(X, horizon, given=_since(stayed)))
        made = np.empty(_length(X))
        edges = self._edges(span, stayed)
        for part, customers, since in self._blocks(X, len(made), stayed, edges):
            curve = np.exp(-sum(_hazard(model, customers, edges, since) for model in self.models_))
            made[part] = self._area(curve, edges)
        return made

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
            Words, columns and contributions to the log hazard, each (n, top); with several causes their parts are
            averaged by the customer's own hazards of the causes.
        """
        self._check_fitted()
        count = check_whole(top, "top", low=1)
        first = self.models_[0]
        matrix = first.encoder_.transform(X, owner=type(self).__name__)
        share = np.ones((len(matrix), 1))
        if len(self.models_) > 1:
            hazards = [_hazard(m, X, np.array([self.last_time_]), np.zeros(1)) for m in self.models_]
            share = np.concatenate(hazards, axis=1)
            share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
        parts = sum(_log_parts(m, matrix) * own[:, None] for m, own in zip(self.models_, share.T, strict=True))
        return top_reasons(np.asarray(parts), matrix, first.center_, first.encoder_, X, top=count)

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients of all models with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            The summaries of the models below each other, with the cause in the first column.
        """
        import pandas as pd

        self._check_fitted()
        parts = []
        for cause, model in zip(self.causes_, self.models_, strict=True):
            table = model.summary(conf_level=conf_level)
            table = table.drop(columns="cause", errors="ignore")
            table.insert(0, "cause", cause)
            parts.append(table)
        made: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return made

    @property
    def encoder_(self) -> DesignEncoder:
        """How the columns of X become those of the design matrix, which the models share."""
        self._check_fitted()
        encoder: DesignEncoder = self.models_[0].encoder_
        return encoder

    @property
    def forecast_covariance_(self) -> FloatArray | None:
        """Covariance of what :meth:`pullback` takes gradients in: that of each model in turn; None without errors."""
        self._check_fitted()
        blocks = [block for block in map(forecast_covariance, self.models_) if block is not None]
        return _diagonal(blocks) if len(blocks) == len(self.models_) else None

    def pullback(
        self,
        X: AnyFrame,
        survival_weight: FloatArray,
        exit_weight: FloatArray | None = None,
        *,
        given: ArrayLike | None = None,
    ) -> FloatArray:
        """Return how a weighted sum of each customer's predictions moves with the parameters.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        survival_weight : ndarray of shape (n, H)
            w: weight of being there after 1..H units of time from now.
        exit_weight : ndarray of shape (n, K, H), optional
            c: weight of leaving for each cause in each of these units.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, P)
            Gradient of ``sum_t w S(t) + sum_kt c (F_k(t) - F_k(t-1))``, in the order of ``forecast_covariance_``;
            causes share the departures of a unit of time as the hazards of that unit say.
        """
        self._check_fitted()
        weight = float_array(survival_weight, "survival_weight", ndim=2)
        n, span = weight.shape
        check_length(weight, _length(X), name="survival_weight")
        wanted = (n, len(self.models_), span)
        exits = np.zeros(wanted) if exit_weight is None else float_array(exit_weight, "exit_weight", ndim=3)
        if exits.shape != wanted:
            raise InputError(f"exit_weight must have shape {wanted} (customers, causes, months), not {exits.shape}")
        when, stayed = self._ahead(np.arange(1, span + 1), given, X)
        ahead = np.stack([_hazard(model, X, when, stayed) for model in self.models_], axis=1)
        slope = slope_by_hazard(np.diff(ahead, axis=2, prepend=0.0), weight, exits)
        # a model answers for its survival exp(-L), which moves by -exp(-L) dL
        pulled = -slope * np.exp(np.minimum(ahead, 500.0))
        parts = [model.pullback(X, pulled[:, k], given=_since(stayed)) for k, model in enumerate(self.models_)]
        return np.concatenate(parts, axis=1)

    def score(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None) -> float:
        """Return how well the models foretell each cause: higher is better, for choosing between settings.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            What happened to them.
        sample_weight : array_like of shape (n,), optional
            Case weights.

        Returns
        -------
        float
            The scores of the models, averaged by the departures they were fitted to.
        """
        self._check_fitted()
        target = read_target(y)
        if target.causes != self.causes_:
            found, known = ", ".join(target.causes), ", ".join(self.causes_)
            raise InputError(f"y holds the causes {found}, but this model was fitted to {known}")
        scores = [
            model.score(X, _one_cause(target, code), sample_weight=sample_weight)
            for code, model in enumerate(self.models_, 1)
        ]
        return float(np.average(scores, weights=self.n_events_))

    def _of_cause(self, cause: str | None) -> Any:
        """Return a fresh model for a cause."""
        chosen = CoxPH() if self.estimator is None else self.estimator
        if isinstance(chosen, Mapping):
            if cause is not None and cause not in chosen:
                known = ", ".join(map(repr, chosen))
                raise InputError(f"estimator has no model for cause {cause!r}; it has {known}{nearest(cause, chosen)}")
            chosen = chosen[cause] if cause is not None else next(iter(chosen.values()))
        if not isinstance(chosen, _KINDS):
            raise InputError(
                "estimator must be a CoxPH, AFT, PiecewiseExponential, MixtureCure or DiscreteHazard, "
                f"not a {type(chosen).__name__}"
            )
        return type(chosen)(**chosen.get_params(deep=False))

    def _store(self, target: Target) -> None:
        models = self.models_
        self.causes_, self.time_unit_ = target.causes, target.time_unit
        self.last_time_ = float(min(_last(model) for model in models))
        self.n_events_ = np.bincount(target.event, minlength=len(models) + 1)[1:]
        self.feature_names_out_ = models[0].feature_names_out_
        self.n_features_in_ = models[0].n_features_in_
        if hasattr(models[0], "feature_names_in_"):
            self.feature_names_in_ = models[0].feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.coef_ = _stacked([model.coef_ for model in models])
        errors = [m.std_error_ if m.robust_std_error_ is None else m.robust_std_error_ for m in models]
        self.std_error_ = None if any(error is None for error in errors) else _stacked(errors)
        known = [model.covariance_ for model in models]
        self.covariance_ = None if any(block is None for block in known) else _diagonal(known)

    def _ahead(self, times: Any, given: Any, X: AnyFrame) -> tuple[FloatArray, FloatArray]:
        """Return checked times from now (H,), and times already stayed (n,) or (1,)."""
        self._check_fitted()
        stayed = stayed_array(given, _length(X))
        if times is None:
            times = np.arange(1, max(int(self.last_time_ - stayed.max(initial=0.0)), 1) + 1)
        when = float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0)
        if any(isinstance(model, DiscreteHazard) for model in self.models_):
            return np.floor(when + 1e-9), np.floor(stayed + 1e-9)  # completed months count
        return when, stayed

    def _steps(self) -> FloatArray | None:
        """Return the times at which the hazards jump, or None where one of them is smooth."""
        found = [_jumps(model) for model in self.models_]
        known = [one for one in found if one is not None]
        return np.unique(np.concatenate(known)) if len(known) == len(found) else None

    def _blocks(
        self, X: AnyFrame, n: int, stayed: FloatArray, edges: FloatArray
    ) -> Iterator[tuple[slice, AnyFrame, FloatArray]]:
        """Yield blocks of customers with the time each stayed."""
        steps = self._steps()
        wide = max(len(edges), 1) + (_PER_UNIT * int(edges.max(initial=1.0)) if steps is None else len(steps))
        size = max(_CELLS // (wide * len(self.models_)), 16)
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            block = X if part == slice(0, n) else rows(X, np.arange(part.start, part.stop))
            yield part, block, stayed if len(stayed) == 1 else stayed[part]

    def _by_steps(self, X: AnyFrame, when: FloatArray, stayed: FloatArray) -> FloatArray:
        """Return incidences (n, K, H) where all hazards jump: exact, on the jumps up to the last time asked for."""
        ends = stayed[:, None] + when
        grid = _grid(self._steps(), np.concatenate([stayed, ends.ravel()]), self.last_time_)
        hazard = np.stack([_hazard(model, X, grid, np.zeros(1)) for model in self.models_], axis=1)
        hazard = np.concatenate([np.zeros((*hazard.shape[:2], 1)), hazard], axis=2)
        now = np.searchsorted(grid, stayed, side="right")
        behind = np.take_along_axis(hazard, np.broadcast_to(now, len(hazard))[:, None, None], axis=2)
        _, incidence = compete(np.diff(np.maximum(hazard - behind, 0.0), axis=2))
        incidence = np.concatenate([np.zeros((*incidence.shape[:2], 1)), incidence], axis=2)
        place = np.searchsorted(grid, ends, side="right")
        if len(place) == 1:
            return np.asarray(incidence[:, :, place[0]])
        return np.take_along_axis(incidence, place[:, None, :], axis=2)

    def _by_fine_steps(self, X: AnyFrame, when: FloatArray, stayed: FloatArray) -> FloatArray:
        """Return incidences (n, K, H) where a hazard is smooth: on steps so fine that they do not show."""
        far = float(when.max(initial=0.0))
        fine = np.linspace(0.0, far, min(max(int(np.ceil(far * _PER_UNIT)), 64), _MOST_STEPS) + 1)[1:]
        grid = np.unique(np.concatenate([fine, when[when > 0]]))
        hazard = np.stack([_hazard(model, X, grid, stayed) for model in self.models_], axis=1)
        _, incidence = compete(np.maximum(np.diff(hazard, axis=2, prepend=0.0), 0.0))
        return at_times(incidence, np.searchsorted(grid, when, side="right"), 0.0)

    def _edges(self, span: float, stayed: FloatArray) -> FloatArray:
        steps = self._steps()
        if steps is None or len(stayed) > 1:
            return np.linspace(0.0, span, min(max(int(np.ceil(span * _PER_UNIT)), 64), _MOST_STEPS) + 1)
        inside = _thinned(steps[(steps > stayed[0]) & (steps < stayed[0] + span)] - stayed[0])
        return np.concatenate([[0.0], inside, [span]])

    def _area(self, curve: FloatArray, edges: FloatArray) -> FloatArray:
        width = np.diff(edges)
        if self._steps() is None:
            return np.asarray((curve[:, 1:] + curve[:, :-1]) @ width / 2)
        return np.asarray(curve[:, :-1] @ width)


def _check_events(target: Target) -> None:
    """Refuse a cause that nobody left for, by name."""
    counts = np.bincount(target.event, minlength=len(target.causes) + 1)[1:]
    if not counts.any():
        raise InputError(
            f"no customer left: all {len(target)} are censored, so there is nothing to learn about leaving; "
            "check how event is coded, or take a longer window"
        )
    silent = [cause for cause, count in zip(target.causes, counts, strict=True) if not count]
    if silent:
        raise InputError(
            f"nobody left for cause {silent[0]!r}, so its hazard cannot be told; "
            "leave it out of causes, merge it with another, or take a longer window"
        )


def _one_cause(target: Target, code: int) -> Any:
    event = (target.event == code).astype(np.int64)
    return structured(
        target.entry, target.duration, event, causes=(target.causes[code - 1],), time_unit=target.time_unit
    )


def _hazard(model: Any, X: AnyFrame, when: FloatArray, stayed: FloatArray) -> FloatArray:
    """Return minus the log survival of a model, (n, H)."""
    since = _since(stayed)
    if isinstance(model, DiscreteHazard):
        with np.errstate(divide="ignore"):
            # a month that everybody left in has no finite hazard
            return np.minimum(-np.log(model.predict_survival(X, when, given=since)), 700.0) + 0.0
    return np.asarray(model.predict_cumulative_hazard(X, when, given=since))


def _length(X: AnyFrame) -> int:
    return frame_length(X if is_frame(X) else np.asarray(X))


def _since(stayed: FloatArray) -> FloatArray | float:
    return stayed if len(stayed) > 1 else float(stayed[0])


def _jumps(model: Any) -> FloatArray | None:
    if isinstance(model, CoxPH):
        return np.unique(model.baseline_.times)
    if isinstance(model, DiscreteHazard):
        return np.arange(1.0, model.last_month_ + 1)
    return None


def _last(model: Any) -> float:
    if isinstance(model, CoxPH):
        return float(model.baseline_.last.min())
    return float(model.last_month_ if isinstance(model, DiscreteHazard) else model.last_time_)


def _grid(jumps: FloatArray | None, ends: FloatArray, last: float) -> FloatArray:
    """Return the jumps up to the last of `ends`, and the ends past the last observed time, where hazards are held."""
    known = np.zeros(0) if jumps is None else _thinned(jumps[jumps <= ends.max(initial=0.0)])
    return np.unique(np.concatenate([known, ends[ends > last]]))


def _thinned(grid: FloatArray) -> FloatArray:
    if len(grid) <= _MOST_STEPS:
        return grid
    return np.asarray(grid[np.unique(np.linspace(0, len(grid) - 1, _MOST_STEPS).astype(np.int64))])


def _log_parts(model: Any, matrix: FloatArray) -> FloatArray:
    """Return what each column adds to the log hazard of one cause against the average customer, (n, p)."""
    if isinstance(model, ParametricModel):
        theta = model._theta(matrix)
        last = np.full((len(matrix), 1), np.log(model.last_time_))
        log_s, slope = model._family().log_survival_slope(last, theta[:, :, None])
        return model._column_parts(slope[:, :, 0] / log_s[:, 0], matrix - model.center_)
    return column_parts(matrix, model.center_, np.atleast_2d(model.coef_), np.ones((len(matrix), 1)))


def _stacked(parts: list[FloatArray]) -> FloatArray:
    return np.stack(parts) if len(parts) > 1 else parts[0]


def _diagonal(blocks: list[FloatArray]) -> FloatArray:
    size = np.cumsum([0, *(len(block) for block in blocks)])
    made = np.zeros((size[-1], size[-1]))
    for block, start, end in zip(blocks, size[:-1], size[1:], strict=True):
        made[start:end, start:end] = block
    return made
