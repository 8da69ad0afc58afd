"""Scores for scikit-learn's searches: called with a fitted model, customers and target, larger for better forecasts.

A scorer holds its settings only, so it can be copied and sent to other processes. It takes part in metadata routing
(``set_score_request``); scikit-learn itself is imported only when routing asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, TextArray
from custval._core.validation import check_choice
from custval._metrics.brier import integrated_brier_score
from custval._metrics.concordance import concordance
from custval._metrics.dynamic_auc import cumulative_dynamic_auc
from custval._metrics.forecast import rising_times
from custval._metrics.outcome import cause_code, read_outcome

__all__ = ("Scorer", "concordance_scorer", "dynamic_auc_scorer", "integrated_brier_scorer")

MEASURES = ("concordance", "dynamic_auc", "integrated_brier")


@public("metrics")
class Scorer:
    """A measure of forecasts as scikit-learn calls it: ``scorer(model, X, y)``, larger for better.

    Made by :func:`concordance_scorer`, :func:`dynamic_auc_scorer` and :func:`integrated_brier_scorer`.

    Parameters
    ----------
    measure : {"concordance", "dynamic_auc", "integrated_brier"}
        What is measured.
    settings : mapping
        Keyword arguments of the measure.

    Examples
    --------
    >>> from custval.metrics import concordance_scorer
    >>> concordance_scorer(weighting="uno", tau=24.0)
    Scorer('concordance', weighting='uno', tau=24.0)
    """

    def __init__(self, measure: str, settings: Mapping[str, Any]) -> None:
        check_choice(measure, "measure", MEASURES)
        self.measure = measure
        self.settings = dict(settings)

    def __repr__(self) -> str:
        """Return the measure and the settings that were given."""
        said = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in self._said()}
        return f"Scorer({', '.join([repr(self.measure), *(f'{name}={value!r}' for name, value in said.items())])})"

    def __call__(self, model: Any, X: AnyFrame, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the score of a fitted model on customers `X` with target `y`.

        Parameters
        ----------
        model : fitted hazard model
            With ``predict_survival``; for the concordance ``predict_risk`` or ``predict`` will do.
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            From ``survival_target``.
        sample_weight : array-like of shape (n,), optional
            Case weights, >= 0.

        Returns
        -------
        float
            The measure; less the integrated Brier score, since larger must be better.
        """
        settings = {**self.settings, "sample_weight": sample_weight}
        if self.measure == "concordance":
            return concordance(y, _risk(model, X, y, settings), **settings).value
        times = settings.pop("times")
        forecast = _forecast(model, X, y, times, settings)
        if self.measure == "dynamic_auc":
            risk = forecast if settings["cause"] is not None else 1.0 - forecast
            return cumulative_dynamic_auc(y, risk, times, **settings).mean
        return -integrated_brier_score(y, forecast, times, **settings).value

    def set_score_request(self, **requests: bool | str | None) -> Self:
        """Ask scikit-learn's metadata routing to hand `sample_weight` to the score.

        Parameters
        ----------
        **requests : bool, str or None
            ``sample_weight=True`` for the weights of that name, a text for weights of another name.

        Returns
        -------
        Scorer
            A scorer of the same measure with that request.
        """
        unknown = set(requests) - {"sample_weight"}
        if unknown:
            raise TypeError(f"Unexpected args: {unknown}; a score takes sample_weight")
        asked = type(self)(self.measure, self.settings)
        asked._metadata_request = requests
        return asked

    _metadata_request: Mapping[str, bool | str | None] = {}

    def get_metadata_routing(self) -> Any:
        """Return what the score asks of scikit-learn's metadata routing."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=repr(self))
        request.score.add_request(param="sample_weight", alias=self._metadata_request.get("sample_weight"))
        return request

    def _said(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in self.settings.items() if value is not None and name != "y_train"]


@public("metrics")
def concordance_scorer(
    *,
    weighting: str = "harrell",
    tau: float | None = None,
    cause: int | str | None = None,
    landmark: float | None = None,
    y_train: Any = None,
) -> Scorer:
    """Return a scorer of the concordance: does the model rank customers as they leave?

    Parameters
    ----------
    weighting : {"harrell", "uno"}, default "harrell"
        As in :func:`concordance`.
    tau : float, optional
        Only departures before this time count, > 0.
    cause : int or str, optional
        Code or name of the cause whose departures count; models are then asked for its incidence by `tau` (by the
        last duration where there is none).
    landmark : float, optional
        Time already stayed from which the forecast counts.
    y_train : target, optional
        Customers whose times of watching give the weights: all data rather than those of one fold.

    Returns
    -------
    Scorer
        For ``scoring=`` of ``cross_validate`` and ``GridSearchCV``.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from custval.metrics import concordance_scorer
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> X = [[float(i % 5)] for i in range(60)]
    >>> y = survival_target([1 + (7 * i) % 4 + i % 5 for i in range(60)], [i % 3 > 0 for i in range(60)])
    >>> model = DiscreteHazard(baseline="constant", tail="hold")
    >>> cross_val_score(model, X, y, cv=3, scoring=concordance_scorer()).round(2).tolist()
    [0.78, 0.81, 0.79]
    """
    check_choice(weighting, "weighting", ("harrell", "uno"))
    settings = {"weighting": weighting, "tau": tau, "cause": cause, "landmark": landmark, "y_train": y_train}
    return Scorer("concordance", settings)


@public("metrics")
def dynamic_auc_scorer(
    times: ArrayLike, *, cause: int | str | None = None, landmark: float = 0.0, y_train: Any = None
) -> Scorer:
    """Return a scorer of the mean cumulative/dynamic AUC: does the model tell leavers by each time from stayers?

    Parameters
    ----------
    times : array-like of shape (H,)
        Times after the landmark, > 0, rising; in every fold somebody must leave by each and somebody stay beyond it.
    cause : int or str, optional
        Code or name of the cause whose departures are cases.
    landmark : float, default 0
        Time already stayed from which the forecast counts.
    y_train : target, optional
        Customers whose times of watching give the weights: all data rather than those of one fold.

    Returns
    -------
    Scorer
        For ``scoring=`` of ``cross_validate`` and ``GridSearchCV``.

    Examples
    --------
    >>> from custval.metrics import dynamic_auc_scorer
    >>> dynamic_auc_scorer([6, 12])
    Scorer('dynamic_auc', times=[6.0, 12.0], landmark=0.0)
    """
    grid = rising_times(times)
    return Scorer("dynamic_auc", {"times": grid, "cause": cause, "landmark": landmark, "y_train": y_train})


@public("metrics")
def integrated_brier_scorer(
    times: ArrayLike, *, cause: int | str | None = None, landmark: float = 0.0, y_train: Any = None
) -> Scorer:
    """Return a scorer of less the integrated Brier score: are the model's probabilities right?

    Parameters
    ----------
    times : array-like of shape (H,)
        At least two times after the landmark, > 0, rising, up to which customers of every fold are watched.
    cause : int or str, optional
        Code or name of the cause whose incidence is scored.
    landmark : float, default 0
        Time already stayed from which the forecast counts.
    y_train : target, optional
        Customers whose times of watching give the weights: all data rather than those of one fold.

    Returns
    -------
    Scorer
        For ``scoring=`` of ``cross_validate`` and ``GridSearchCV``.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from custval.metrics import integrated_brier_scorer
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> X = [[float(i % 5)] for i in range(60)]
    >>> y = survival_target([1 + (7 * i) % 4 + i % 5 for i in range(60)], [i % 3 > 0 for i in range(60)])
    >>> model = DiscreteHazard(baseline="constant", tail="hold")
    >>> scoring = integrated_brier_scorer([1, 2, 3, 4], y_train=y)
    >>> GridSearchCV(model, {"l2": [0.0, 1e3]}, scoring=scoring, cv=3).fit(X, y).best_params_
    {'l2': 0.0}
    """
    grid = rising_times(times)
    if len(grid) < 2:
        raise InputError("times has 1 element but an integral needs at least two; use brier_score for a single time")
    return Scorer("integrated_brier", {"times": grid, "cause": cause, "landmark": landmark, "y_train": y_train})


def _risk(model: Any, X: AnyFrame, y: Any, settings: Mapping[str, Any]) -> TextArray:
    if settings["cause"] is not None:
        last = float(read_outcome(y).duration.max()) - (settings["landmark"] or 0.0)
        return _forecast(model, X, y, np.array([settings["tau"] or last]), settings)[:, 0]
    return np.asarray(model.predict_risk(X) if hasattr(model, "predict_risk") else model.predict(X))


def _forecast(model: Any, X: AnyFrame, y: Any, times: FloatArray, settings: Mapping[str, Any]) -> FloatArray:
    """Return the survival, or the incidence of the cause, at `times` after the landmark, (n, H)."""
    given = settings["landmark"] or None
    code = cause_code(settings["cause"], read_outcome(y))
    if code is None:
        return np.asarray(model.predict_survival(X, times, given=given), dtype=np.float64)
    return np.asarray(model.predict_incidence(X, times, given=given)[:, code - 1], dtype=np.float64)
